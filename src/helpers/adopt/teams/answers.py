"""A team's three figures, and the answers to what every such team asks: computed where the data can tell, else what it would take."""

import ibis
import ibis.expr.types as ir

from helpers import words
from helpers.adopt.teams.monday import WEAK, bought_again, goods_name
from helpers.build.portraits import short_name
from helpers.masking import withheld
from helpers.project import Project
from helpers.variables import catalogue
from helpers.variables.catalogue import Variable
from helpers.words import mark, say

MEANS = {  # team → variables that may be one of its three figures, in this order
    "marketing": ("mails_opened_share", "response_rate", "coupon_order_share", "discount_share", "evening_order_share"),
    "sales": ("orders_per_30d", "spend_per_order", "weekend_order_share"),
    "product": ("lines_per_order", "own_brand_share", "departments"),
    "finance": (),
    "service": ("refund_order_share", "rating_mean", "recency_days", "spend_trend"),
}
ASKED = {  # team → (what is asked, variable that answers, what it would take)
    "marketing": (
        (mark("Who buys without a discount?"), "discount_share", mark("the discount of each order line")),
        (mark("Who reads our e-mails?"), "mails_opened_share", mark("e-mails sent and opened, as events")),
    ),
    "sales": (
        (mark("Who comes most often?"), "orders_per_30d", mark("orders with a date")),
        (mark("Whose orders are largest?"), "spend_per_order", mark("amounts of orders")),
        (mark("Who buys less than before?"), "spend_trend", mark("a longer history of orders")),
    ),
    "product": (
        (mark("Who buys several things at once?"), "lines_per_order", mark("orders by line")),
        (mark("Who takes the own label?"), "own_brand_share", mark("the brand of each order line")),
    ),
    "finance": (),
    "service": (
        (mark("Whose orders are refunded most often?"), "refund_order_share", mark("refunds, as negative amounts")),
        (mark("Who rates us lowest?"), "rating_mean", mark("comments with a rating")),
    ),
}
LOW_FIRST = ("discount_share", "rating_mean", "spend_trend")
"""Variables of which the lowest segment answers the question."""
Figure = tuple[str, str, str]
"""What it is, the value as written, and what stands beside it."""


def figures(team: str, profiles: dict, project: Project, *, plan: dict | None = None, goods: dict | None = None) -> list[Figure]:
    """The three figures that a team decides by; fewer where the data do not tell.

    profiles   result of `monday.told`;  plan: what `target.outlook` gives;  goods: result of `carried`
    """
    own = {"marketing": _reach, "finance": _money, "product": _goods}.get(team)
    found = own(profiles, project, plan, goods) if own else []
    found += _bought_again(profiles, project) if team in ("service", "sales") else []
    found += [_mean(name, profiles, project) for name in MEANS[team] if spread(name, profiles, project)]
    return found[:3]


def answers(team: str, profiles: dict, project: Project, *, plan: dict | None = None, goods: dict | None = None) -> list[tuple[str, str]]:
    """Questions that every such team asks, each with its answer in a sentence."""
    own = {"marketing": _asked_reach, "finance": _asked_money, "product": _asked_goods, "service": _asked_later}.get(team)
    found = own(profiles, project, plan, goods) if own else []
    for question, name, takes in ASKED[team]:
        told = spread(name, profiles, project)
        answer = _spread_words(told) if told else say("Not measured in these data: it would take {what}.", what=say(takes))
        found.append((say(question), answer))
    return found


# How a variable differs between segments


def spread(name: str, profiles: dict, project: Project) -> dict | None:
    """The segments that lie highest and lowest on a variable; None where fewer than two can be told.

    Returns   variable, high and low (name of the segment, its mean), everyone, strong: whether any segment lies WEAK deviations off
    """
    variable = next((v for v in catalogue(project) if v.name == name), None)
    found = [(t["mean"], s, t) for s in profiles["segments"] for t in s["traits"] if t["variable"] == name and t["mean"] is not None]
    if variable is None or len(found) < 2:
        return None
    high, low = max(found, key=lambda each: each[0]), min(found, key=lambda each: each[0])
    return {
        "variable": variable,
        "high": (short_name(high[1]), high[0]),
        "low": (short_name(low[1]), low[0]),
        "everyone": high[2]["everyone"],
        "strong": any(abs(t["effect"] or 0.0) >= WEAK for _, _, t in found),
    }


def _write(value: float, variable: Variable) -> str:
    if variable.kind == "signed":
        return words.percent_change(value, 0)
    if variable.unit == "share":
        return words.share(value, 0 if value >= 0.1 else 1)
    return words.money(value, 0 if value >= 10 else 2) if variable.unit == "money" else words.number(value, 1)


def _spread_words(told: dict) -> str:
    variable = told["variable"]
    first, last = ("low", "high") if variable.name in LOW_FIRST else ("high", "low")
    values = {"x": _write(told[first][1], variable), "y": _write(told[last][1], variable), "z": _write(told["everyone"], variable)}
    if not told["strong"]:
        return say("No segment in particular: they lie between {x} and {y}, everyone {z}.", **values)
    values |= {"first": told[first][0], "last": told[last][0]}
    return say("First of all “{first}” ({x}), least “{last}” ({y}); everyone {z}.", **values)


def _mean(name: str, profiles: dict, project: Project) -> Figure:
    told = spread(name, profiles, project)
    variable, first = told["variable"], "low" if name in LOW_FIRST else "high"
    values = {"name": told[first][0], "x": _write(told[first][1], variable)}
    note = say("lowest: {name}, {x}", **values) if first == "low" else say("highest: {name}, {x}", **values)
    return variable.title(), _write(told["everyone"], variable), note


# Marketing


def _reached(plan: dict | None) -> tuple[int, int] | None:
    """Members who may be contacted, and members of the segments for which that is known."""
    known = [s for s in (plan or {}).get("segments", []) if s.get("reachable") and s["customers"]]
    return (sum(s["reachable"]["n"] for s in known), sum(s["customers"] for s in known)) if known else None


def _reach(profiles: dict, project: Project, plan, goods) -> list[Figure]:
    without = [short_name(s) for s in profiles["segments"] if s["id"] not in project.target.offers]
    k, reached = len(profiles["segments"]), _reached(plan)
    note = say("none yet for {names}", names=words.join(without)) if without else say("each with its message and channel")
    offers = (say("Segments with an offer"), say("{n} of {all}", n=words.number(k - len(without)), all=words.number(k)), note)
    if not reached:
        return [(say("May be contacted"), say("cannot tell"), say("no consents, or no offer typed")), offers]
    share = words.share(reached[0] / reached[1], 0)
    return [(say("May be contacted"), share, say("of {n} customers with an offer", n=words.number(reached[1]))), offers]


def _asked_reach(profiles: dict, project: Project, plan, goods) -> list[tuple[str, str]]:
    question, reached = say("Whom may we contact?"), _reached(plan)
    if reached:
        values = {"n": words.number(reached[0]), "all": words.number(reached[1])}
        return [
            (
                question,
                say(
                    "{n} of the {all} customers with an offer: they pass every filter of step 8, consent first.",
                    **values,
                ),
            )
        ]
    if not project.has("consents.granted"):
        return [(question, say("Nobody knows: these data hold no consents. It takes a line a customer, channel and purpose."))]
    return [(question, say("It depends on the channel: type an offer with its channel for each segment, then step 8 counts."))]


# Product


def carried(members: ir.Table, orders: ir.Table, project: Project, window) -> dict[str, dict]:
    """Which segment carries the revenue of each group of categories, over the published window.

    members   customer_id, segment;  orders: order lines with category and amount
    window    the published one of step.windows(orders)
    Returns   share variable → {segment, share: of the group's revenue, net of refunds, among members}; a group is left out where its
              buyers inside or outside that segment are fewer than min_cell
    """
    groups = project.variables.category_groups
    if not groups or "category" not in orders.columns:
        return {}
    lines = orders.filter((orders.ordered_at >= window.built_from) & (orders.ordered_at < window.built_at))
    joined = lines.join(members.select("customer_id", "segment"), "customer_id")
    found = {}
    for name, categories in groups.items():
        some = joined.filter(joined.category.isin(list(categories)))
        rows = some.group_by("segment").agg(buyers=ibis._.customer_id.nunique(), amount=some.amount.sum()).order_by("segment").execute()
        rows = rows[rows["amount"] > 0]
        if len(rows) < 2:
            continue
        best = max(rows.itertuples(), key=lambda row: (row.amount, row.segment))
        others = int(rows["buyers"].sum()) - int(best.buyers)
        if best.buyers >= project.min_cell and others >= project.min_cell:
            found[name] = {"segment": str(best.segment), "share": float(best.amount) / float(rows["amount"].sum())}
    return found


LIVES = 1.25
"""A group of goods lives on a segment that brings this many times as much of its revenue as of all revenue."""
PART = 1 / 3
"""…and at least this part of the group's own: what brings less can be dropped without the group dying of it."""


def _dependent(profiles: dict, goods: dict | None, project: Project) -> list[tuple[str, dict, dict]]:
    """Groups of goods with the segment that they live on, the most uneven first; of segments that may be shown."""
    shown = {s["id"]: s for s in profiles["segments"] if not withheld(s, project.min_cell) and s["share_of_revenue"]}
    listed = [(name, each, shown[each["segment"]]) for name, each in (goods or {}).items() if each["segment"] in shown]
    uneven = [(each["share"] / segment["share_of_revenue"], name, each, segment) for name, each, segment in listed]
    return [one[1:] for one in sorted(uneven, key=lambda one: (-one[0], one[1])) if one[0] >= LIVES and one[2]["share"] >= PART]


def _goods(profiles: dict, project: Project, plan, goods) -> list[Figure]:
    return [
        (
            say("Revenue of {goods} from one segment", goods=goods_name(name, project)),
            words.share(each["share"], 0),
            say("{name}: {share} of all revenue", name=short_name(segment), share=words.share(segment["share_of_revenue"], 0)),
        )
        for name, each, segment in _dependent(profiles, goods, project)[:2]
    ]


def _asked_goods(profiles: dict, project: Project, plan, goods) -> list[tuple[str, str]]:
    question, listed = say("Which goods live on one segment?"), _dependent(profiles, goods, project)
    if not goods:
        return [(question, say("Cannot be told: type variables.category_groups, which say what belongs together."))]
    if not listed:
        return [(question, say("None: no segment brings much more of any group of goods than of all revenue."))]
    told = [
        say(
            "{goods}, {share} from “{name}”",
            goods=goods_name(name, project),
            share=words.share(each["share"], 0),
            name=short_name(segment),
        )
        for name, each, segment in listed[:3]
    ]
    return [(question, say("Most of all: {list}. Before one of these is dropped, ask whom it would cost.", list=words.join(told)))]


# Finance


def _money(profiles: dict, project: Project, plan, goods) -> list[Figure]:
    revenue = [s["revenue_per_30d"]["value"] * s["n"] for s in profiles["segments"] if s["revenue_per_30d"]["value"] is not None]
    rate, total_ = project.target.margin_rate, sum(revenue)
    found = [(say("Revenue, 30 days"), words.money(total_, 0) if revenue else say("cannot tell"), say("all segments"))]
    if rate is None:
        found.append((say("Margin, 30 days"), say("cannot tell"), say("no margin rate: target.margin_rate")))
    else:
        note = say("at {rate} of revenue", rate=words.share(rate, 0))
        found.append((say("Margin, 30 days"), words.money(total_ * rate, 0) if revenue else say("cannot tell"), note))
    cost = (plan or {}).get("total", {}).get("cost")
    note = say("assumed, as in step 8") if cost is not None else say("no offer or no cost typed")
    return [*found, (say("Cost of the campaign"), say("cannot tell") if cost is None else words.money(cost, 0), note)]


def _asked_money(profiles: dict, project: Project, plan, goods) -> list[tuple[str, str]]:
    shown = [s for s in profiles["segments"] if s["n"] and not withheld(s, project.min_cell) and s["share_of_revenue"] is not None]
    found = [(say("Does revenue hang on one segment?"), _largest(shown))] if shown else []
    found.append((say("Which offers are expected to pay?"), _paying(plan)))
    sure = [(_half(s), s) for s in shown if _half(s) is not None]
    if sure:
        half, worst = max(sure, key=lambda each: (each[0], each[1]["id"]))
        told = say("Least sure is “{name}”: ± {half} at 95%.", name=short_name(worst), half=words.share(half, 0))
        found.append((say("How sure is the revenue each?"), told))
    return found


def _largest(shown: list[dict]) -> str:
    first = max(shown, key=lambda s: (s["share_of_revenue"], s["id"]))
    return say(
        "The largest part is “{name}”: {revenue} of revenue from {customers} of customers.",
        name=short_name(first),
        revenue=words.share(first["share_of_revenue"], 0),
        customers=words.share(first["share_of_customers"], 0),
    )


def _paying(plan: dict | None) -> str:
    judged = [s for s in (plan or {}).get("segments", []) if s.get("pays") is not None and s.get("contacted") != 0]
    if not judged:
        return say("Cannot be told: it takes an offer, its costs and a margin for each segment.")
    pays = [short_name(s) for s in judged if s["pays"]]
    values = {"n": words.number(len(pays)), "all": words.number(len(judged))}
    told = say("{n} of {all} at the rise that the scope holds plausible.", **values)
    named = [say("They are: {names}.", names=words.join(pays))] if pays else []
    return " ".join([told, *named, say("Step 8 sets against it what earlier campaigns measured: release money as its budget says.")])


def _half(segment: dict) -> float | None:
    """Half the interval of revenue each, as a share of it."""
    each = segment["revenue_per_30d"]
    return (each["high"] - each["low"]) / 2 / each["value"] if each["value"] and each["low"] is not None else None


# Service and sales


def _bought_again(profiles: dict, project: Project) -> list[Figure]:
    found = bought_again(profiles, project)
    if not found:
        return []
    share, known = found
    segment, lowest = min(known, key=lambda each: (each[1]["share"], each[0]["id"]))
    note = say("lowest: {name}, {x}", name=short_name(segment), x=words.share(lowest["share"], 0))
    return [(say("Bought again within {days} days", days=words.number(project.scope.horizon_days)), words.share(share, 0), note)]


def _asked_later(profiles: dict, project: Project, plan, goods) -> list[tuple[str, str]]:
    question, found = say("Whom do we lose first?"), bought_again(profiles, project)
    if not found:
        return [(question, say("Cannot be told yet: it takes a later period after the segments were built."))]
    segment, lowest = min(found[1], key=lambda each: (each[1]["share"], each[0]["id"]))
    values = {"name": short_name(segment), "x": words.share(lowest["share"], 0)}
    values |= {"low": words.share(lowest["low"], 0), "high": words.share(lowest["high"], 0)}
    return [(question, say("“{name}”: {x} bought again, the fewest of all (95% interval {low} to {high}).", **values))]
