"""A sheet for each team: the segments in the figures that the team decides by, everybody beside them."""

import pandas as pd

from helpers import NinefoldError, words
from helpers.build.portraits import crossed_hidden, segment_name, short_name
from helpers.masking import few_on_a_side, withheld
from helpers.project import Project
from helpers.project.adopting import TEAMS
from helpers.tables import Column, Table
from helpers.variables import catalogue
from helpers.variables.catalogue import Variable
from helpers.words import mark, say

CAPTIONS = {
    "marketing": mark("Marketing: what to say, through which channel, and when they come"),
    "sales": mark("Sales: how often and when they buy"),
    "product": mark("Product: what they buy"),
    "finance": mark("Finance: what they are worth, and what their offers would cost"),
    "service": mark("Service: who still buys, and who buys less"),
}
IN_STORES = mark("Sales: how often, when and where they buy")
"""Caption for sales where the data name stores."""
VARIABLES = {
    "marketing": (
        "mails_opened_share",
        "response_rate",
        "coupon_order_share",
        "discount_share",
        "evening_order_share",
        "morning_order_share",
        "weekend_order_share",
    ),
    "sales": (
        "orders_per_30d",
        "spend_per_order",
        "weekend_order_share",
        "evening_order_share",
        "morning_order_share",
        "stores_visited",
        "main_store_share",
    ),
    "product": ("own_brand_share", "departments", "lines_per_order"),
    "finance": (),
    "service": ("recency_days", "gap_days", "spend_trend", "refund_order_share", "rating_mean"),
}
"""What each team decides by, where it is measured; product has the project's own shares of categories before these."""
ON_PAPER = {"marketing": 3, "sales": 6, "product": 6, "finance": 0, "service": 5}
"""Variables that one A4 has room for: those by which the segments differ most."""


def sheet(team: str, profiles: dict, project: Project, *, plan: dict | None = None, on_paper: bool = False) -> Table:
    """The table of one team: a row a segment, and everyone below.

    profiles   as step 6 hands them over, or what `monday.told` leaves of them
    on_paper   only as many variables as one A4 has room for (ON_PAPER), and short names
    plan       what `target.outlook` gives, for finance: the costs are those of step 8
    Raises     NinefoldError for a team that has no sheet
    """
    if team not in TEAMS:
        raise NinefoldError(f"Team {team!r} has no sheet; choose one of {', '.join(TEAMS)}.")
    own = {"marketing": _offers, "finance": _money, "service": _activity}.get(team)
    columns = [Column("name", say("Segment")), Column("n", say("Customers"), "count")]
    name = short_name if on_paper else segment_name
    rows = [{"name": name(s), "n": None if few(s, project) else s["n"]} for s in profiles["segments"]]
    rows.append({"name": say("Everyone"), "n": profiles["customers"]})
    parts = [own(profiles, project)] if own else []
    parts += [_costs(profiles, plan)] if team == "finance" else []
    for added, values in [*parts, _means(team, profiles, project, ON_PAPER[team] if on_paper else None)]:
        columns += added
        rows = [row | value for row, value in zip(rows, values, strict=True)]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    caption = IN_STORES if team == "sales" and project.has("orders.store_id") else CAPTIONS[team]
    return Table(f"sheet_{team}", say(caption), frame, columns, note=_note(team, len(columns), project), cell_size="n")


def owner(team: str, project: Project) -> str:
    """Who answers for a team's sheet, or an empty text."""
    return words.text(project.adopt.teams[team].owner) if team in project.adopt.teams else ""


def few(segment: dict, project: Project) -> bool:
    """Whether nothing may be said of a segment."""
    return withheld(segment, project.min_cell)


def _note(team: str, columns: int, project: Project) -> str:
    parts = [say("Answers for this sheet: {role}.", role=owner(team, project))] if owner(team, project) else []
    parts += [] if parts else [say("Nobody answers for this sheet yet (adopt.teams of project.yml).")]
    if columns == 2:
        parts.append(say("These data measure nothing that this team would decide by."))
    elif team == "finance":
        parts.append(
            say(
                "Interval: 95%, over customers. Highest and lowest band: share of the members found in that band of the budget, a dash for "
                "fewer than {least} of them or for what would give them away (step 6 has all bands). Cost: as in step 8, the contacts and "
                "the offers taken by those who come anyway; a dash where it cannot be told.",
                least=words.number(project.min_cell),
            )
        )
    elif team == "service":
        parts.append(
            say(
                "Bought again: share of its members one horizon earlier that bought in the days after; a dash where nearly all "
                "did, or too few."
            )
        )
    else:
        parts.append(say("Means of the customers, over the last {days} days.", days=words.number(project.scope.window_days)))
    return " ".join(parts)


def _same_for_all(name: str, profiles: dict) -> bool:
    """Whether two segments or more have one and the same mean: evening orders, where orders are dated by the day alone."""
    means = [t["mean"] for s in profiles["segments"] for t in s["traits"] if t["variable"] == name and t["mean"] is not None]
    return len(means) > 1 and len(set(means)) == 1


def _means(team: str, profiles: dict, project: Project, most: int | None = None) -> tuple[list[Column], list[dict]]:
    """The variables that the team decides by and these data measure: the segments' means, then everyone's.

    most   keep that many, those on which a segment lies farthest from everyone
    """
    wanted = [*(project.variables.category_groups if team == "product" else ()), *VARIABLES[team]]
    traits = [t for s in profiles["segments"] for t in s["traits"] if t["everyone"] is not None]
    everyone = {t["variable"]: t["everyone"] for t in traits}
    known = {v.name: v for v in catalogue(project)}
    shown = [known[name] for name in wanted if name in everyone and name in known and not _same_for_all(name, profiles)]
    if most is not None:
        far = {v.name: max(abs(t["effect"] or 0.0) for t in traits if t["variable"] == v.name) for v in shown}
        kept = sorted(far, key=lambda name: (-far[name], name))[:most]
        shown = [v for v in shown if v.name in kept]
    rows = []
    for segment in profiles["segments"]:
        means = {t["variable"]: t["mean"] for t in segment["traits"]}
        rows.append({v.name: means.get(v.name) for v in shown})
    rows.append({v.name: everyone[v.name] for v in shown})
    return [_column(v) for v in shown], rows


def _column(variable: Variable) -> Column:
    if variable.kind == "signed":
        return Column(variable.name, variable.title(), "change", 0)
    kind, digits = {"share": ("share", 0), "money": ("money", 2)}.get(variable.unit, ("number", 1))
    return Column(variable.name, variable.title(), kind, digits)


def _offers(profiles: dict, project: Project) -> tuple[list[Column], list[dict]]:
    """What is typed for the segment: message, offer and channel."""
    rows, target = [], project.target
    for segment in profiles["segments"]:
        typed = target.offers.get(segment["id"])
        rows.append(
            {
                "message": words.text(typed.message) if typed else None,
                "offer": words.text(typed.offer) if typed else say("none typed"),
                "channel": words.text(target.channels[typed.channel].name) if typed else None,
            }
        )
    columns = [Column("message", say("Message")), Column("offer", say("Offer")), Column("channel", say("Channel"))]
    return columns, [*rows, dict.fromkeys(("message", "offer", "channel"))]


def _money(profiles: dict, project: Project) -> tuple[list[Column], list[dict]]:
    hidden = crossed_hidden(profiles, project).T.tolist()  # a line a segment
    rows = [_worth(s, profiles, project, cells) for s, cells in zip(profiles["segments"], hidden, strict=True)]
    bands, n = profiles["budget"]["bands"], profiles["customers"]
    revenue = [s["revenue_per_30d"]["value"] * s["n"] for s in profiles["segments"] if s["revenue_per_30d"]["value"] is not None]
    everyone = {"revenue": sum(revenue) if revenue else None, "share": 1.0 if revenue else None}
    everyone |= {"each": everyone["revenue"] / n if revenue and n else None, "interval": None}
    for name, band in (("top", bands[0]), ("low", bands[-1])) if bands else ():
        everyone[name] = band["n"] / n if n and not withheld(band, project.min_cell) else None
    columns = [
        Column("revenue", say("Revenue, 30 days"), "money", 0),
        Column("share", say("Share of revenue"), "share", 1),
        Column("each", say("Revenue each, 30 days"), "money", 0),
        Column("interval", say("95% interval")),
        Column("top", say("In the highest band"), "share", 0),
        Column("low", say("In the lowest band"), "share", 0),
    ]
    return columns, [*rows, everyone]


def _worth(segment: dict, profiles: dict, project: Project, hidden: list[bool]) -> dict:
    """Money of one segment; texts are blanked here when it is not shown, numbers by the table.

    hidden   for each band, whether the number of members in it stays hidden
    """
    each, bands = segment["revenue_per_30d"], profiles["budget"]["bands"]
    crossed = profiles["budget"]["crossed"].get(segment["id"], {})
    ends = {name: crossed.get(bands[place]["id"], 0) if bands else 0 for name, place in (("top", 0), ("low", -1))}
    shut = {name: not segment["n"] or not bands or hidden[place] for name, place in (("top", 0), ("low", -1))}
    shares = {name: None if shut[name] else n / segment["n"] for name, n in ends.items()}
    told = each["low"] is not None and not few(segment, project)
    return {
        "revenue": None if each["value"] is None else each["value"] * segment["n"],
        "share": segment["share_of_revenue"],
        "each": each["value"],
        "interval": say("{low} to {high}", low=words.money(each["low"], 0), high=words.money(each["high"], 0)) if told else None,
    } | shares


def _costs(profiles: dict, plan: dict | None) -> tuple[list[Column], list[dict]]:
    """What the campaign of step 8 would cost, segment by segment and in all."""
    known = {s["id"]: s["cost"] for s in plan["segments"]} if plan else {}
    rows = [{"cost": known.get(s["id"])} for s in profiles["segments"]]
    return [Column("cost", say("Cost of the campaign, assumed"), "money", 0)], [*rows, {"cost": plan["total"]["cost"] if plan else None}]


def _activity(profiles: dict, project: Project) -> tuple[list[Column], list[dict]]:
    later = [s["active_later"] for s in profiles["segments"]]
    rows = [{"later": x["share"] if x and not few_on_a_side(x, project.min_cell) else None} for x in later]
    counted = [x for x in later if x]
    whole = sum(x["share"] * x["n"] for x in counted) / sum(x["n"] for x in counted) if counted else None
    together = {"n": sum(x["n"] for x in counted), "share": whole}
    shown = whole is not None and not few_on_a_side(together, project.min_cell)
    return [Column("later", say("Bought again"), "share", 0)], [*rows, {"later": whole if shown else None}]
