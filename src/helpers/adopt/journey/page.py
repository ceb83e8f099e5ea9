"""What the page of step 7 says of journeys: how customers come, go on, what hurts on the way, and what the data lack."""

from datetime import datetime

import pandas as pd

from helpers import words
from helpers.adopt.journey import STEPS
from helpers.build.portraits import label, segment_name
from helpers.charts.style import NEUTRAL
from helpers.project import Project
from helpers.tables import Column, Table, nothing
from helpers.variables.people_page import level_words
from helpers.words import mark, say, say_n

STAGES = {
    "trace": mark("First trace"),
    "visit": mark("First visit"),
    "basket": mark("First basket"),
    "first": mark("First purchase"),
    "second": mark("Second purchase"),
    "third": mark("Third purchase"),
    "loyal": mark("Loyal"),
}
NAMED = {"visit": mark("Visit"), "basket": mark("Basket"), "order": mark("Purchase"), "again": mark("Purchase again")}
LEFT = {
    "file": mark("the customer file"),
    "visit": mark("a visit"),
    "mail": mark("a mail"),
    "campaign": mark("a campaign"),
    "order": mark("a purchase"),
}
"""What left the first trace, where no column says where customers come from."""
POINTS = {"basket": mark("a basket left"), "refund": mark("a refund"), "rating": mark("a low rating")}
SHORT = {"basket": mark("left: {share}"), "refund": mark("refund: {share}"), "rating": mark("low rating: {share}")}
AT = {"basket": "basket", "refund": "order", "rating": "order"}
"""The stage under which a pain point is drawn."""
LACKS = {
    "visit": mark("Visits: it would take an events table with visits by customer."),
    "basket": mark("Baskets, and those left: it would take an events table with baskets by customer."),
    "created_at": mark("When customers first came: it would take a day of entry in the customer file (customers.created_at)."),
    "lead_origin": mark("Where customers came from: it would take a column lead_origin in the customer file."),
    "channel": mark("The channel of purchases: it would take orders.channel."),
    "refund": mark("Refunds: these data record none."),
    "rating": mark("Low ratings: it would take comments with a rating."),
    "complaints": mark("Complaints: it would take a log of complaints by customer and day."),
    "themes": mark("What comments are about: it takes comments with a text, enough of them, and a reading that step 4 holds good enough."),
}


def duration(days: float | None) -> str:
    """A time in the unit that suits it: minutes, hours or days."""
    if days is None:
        return words.NONE
    if days < 1 / 24:
        return say_n("{n} minute", "{n} minutes", max(round(days * 1440), 1))
    if days < 2:
        return say_n("{n} hour", "{n} hours", round(days * 24))
    return say_n("{n} day", "{n} days", round(days))


def _short(days: float) -> str:
    if days < 1 / 24:
        return say("{n} min", n=words.number(max(round(days * 1440), 1)))
    return say("{n} h", n=words.number(round(days * 24))) if days < 2 else duration(days)


def told(rate: dict | None, digits: int = 0) -> str:
    """A share as it may be told: of nobody known, of nearly all, of hardly any, or the figure."""
    if rate is None:
        return say("cannot tell")
    if rate["bound"]:
        return say("nearly all") if rate["bound"] == "most" else say("hardly any")
    return words.share(rate["share"], digits)


def spread(rate: dict | None) -> str:
    """The 95 % interval of a share, or nothing."""
    if rate is None or rate["share"] is None:
        return ""
    if words.share(rate["low"], 0) == words.share(rate["high"], 0):
        return say("{low} to {high}", low=words.share(rate["low"], 1), high=words.share(rate["high"], 1))
    return say("{low} to {high}", low=words.share(rate["low"], 0), high=words.share(rate["high"], 0))


def _with_spread(rate: dict | None, digits: int = 0) -> str:
    interval = spread(rate)
    return say("{share} ({interval})", share=told(rate, digits), interval=interval) if interval else told(rate, digits)


def channel_words(value: str | None, stage: str, journey: dict) -> str | None:
    """A channel, or what left the first trace."""
    if value is None:
        return None
    if stage == "trace" and "lead_origin" in journey["lacks"] and value in LEFT:
        told = LEFT[value]
        return say(told)
    return level_words("channel", value)


# Everyone


def path_frame(journey: dict) -> pd.DataFrame:
    """label, n, note: what is drawn of the way of everyone known."""
    rows = []
    for stage in journey["everyone"]["stages"]:
        name = STAGES[stage["stage"]]
        rows.append({"label": say(name), "n": stage["n"], "note": _onwards(stage, journey)})
    return pd.DataFrame(rows, columns=["label", "n", "note"])


def _onwards(stage: dict, journey: dict) -> str:
    """By which channel most came to a stage, and how many went on from it."""
    by, after = channel_words(stage["by"], stage["stage"], journey), stage["next"]
    part = words.share(stage["by_share"], 0)
    by_most = say("by {channel}", channel=by) if stage["by_share"] == 1 else say("mostly by {channel} ({share})", channel=by, share=part)
    parts = [by_most] if by else []
    if after and (after["share"] is not None or after["bound"]):
        onwards = say("{share} go on", share=_with_spread(after))
        known = after["median_days"] is not None
        parts.append(say("{share}, half within {time}", share=onwards, time=duration(after["median_days"])) if known else onwards)
    return say("; ").join(parts)


def path_words(journey: dict, project: Project) -> dict:
    """The words of the chart of everyone's way."""
    everyone = journey["everyone"]
    if len(everyone["stages"]) < 2:
        return nothing("journey_path", say("How far customers come cannot be told: these data hold one stage of their way."))
    after = {stage["stage"]: stage["next"] for stage in everyone["stages"]}
    again, whole, days = after.get("first"), everyone["whole"], words.number(everyone["within_days"])
    only = {stage["stage"] for stage in everyone["stages"]}
    if whole and whole["share"] is not None and whole["share"] < 1 and again and again["share"] is not None:
        title = say(
            "{share} of newcomers buy within {days} days; {again} of first-time buyers buy again",
            share=told(whole),
            days=days,
            again=told(again),
        )
    elif again and again["share"] is not None:
        title = say("{again} of first-time buyers buy again within {days} days", again=told(again), days=days)
    else:
        title = say("How far customers come")
    alt = say("; ").join(f"{row.label}: {words.number(row.n)}, {row.note}".rstrip(", ") for row in path_frame(journey).itertuples())
    loyal = say("Loyal: {n} purchases within a year.", n=words.number(project.variables.seniority.loyal_orders)) if "loyal" in only else ""
    source = say(
        "Bars: everyone known who ever came there; a stage may be left out, as a shop has no basket. Go on: within {days} days, of those "
        "whose whole way is in these data and who came longer ago than that; 95% interval.",
        days=days,
    )
    return {
        "name": "journey_path",
        "title": title,
        "subtitle": say("Customers who reached each stage, all {n} known, prospects included", n=words.number(everyone["customers"])),
        "alt": alt,
        "source": f"{source} {loyal}".strip(),
    }


def path_table(journey: dict) -> Table:
    """The way of everyone known, a stage a row."""
    rows = []
    for stage in journey["everyone"]["stages"]:
        after, name = stage["next"] or {}, STAGES[stage["stage"]]
        row = {"stage": say(name), "n": stage["n"], "by_share": stage["by_share"]}
        row["by"] = channel_words(stage["by"], stage["stage"], journey)
        row |= {"old": after.get("n"), "share": _with_spread(stage["next"], 1) if stage["next"] else None}
        rows.append(row | {"time": duration(after.get("median_days")) if after else None, "around": after.get("around")})
    columns = [
        Column("stage", say("Stage")),
        Column("n", say("Came there"), "count", people=True),
        Column("by", say("Mostly by")),
        Column("by_share", say("Share of these"), "share", 0),
        Column("old", say("Long enough ago"), "count", people=True),
        Column("share", say("Went on in time (95% interval)")),
        Column("time", say("Half of these within")),
        Column("around", say("Came to the next stage otherwise"), "share", 0),
    ]
    days = words.number(journey["everyone"]["within_days"])
    note = say(
        "In time: within {days} days, over those who came to the stage longer ago than that, had not been at the next one before, and "
        "whose whole way is in these data. Otherwise: of those at the next stage, who had not come through this one (a shop has no "
        "basket).",
        days=days,
    )
    followed = journey["everyone"]["followed"]
    if followed is not None:
        values = {"n": words.number(followed), "all": words.number(journey["everyone"]["customers"])}
        note += " " + say("Whole way known: {n} of {all}; the others were customers before these data begin.", **values)
    return Table("journey_path", say("How far everyone comes"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


# Segments


def arrived_table(journey: dict) -> Table:
    """How the members of each segment had come."""
    rows = []
    for segment in journey["segments"]:
        came, row = segment["arrived"], {"name": segment_name(segment)}
        if came:
            row |= {
                "n": came["n"],
                "origin": _most(channel_words(came["origin"], "trace", journey), came["origin_share"]),
                "visited": _with_spread(came["visited"]),
                "filled": _with_spread(came["filled"]),
                "channel": _most(channel_words(came["channel"], "first", journey), came["channel_share"]),
                "first": duration(came["days_to_first"]) if came["days_to_first"] else words.NONE,
                "third": duration(came["days_to_third"]),
            }
        rows.append(row)
    columns = [
        Column("name", say("Segment")),
        Column("n", say("Whole way known"), "count", people=True),
        Column("origin", say("Came mostly from")),
        Column("visited", say("Visited before buying")),
        Column("filled", say("Filled a basket before")),
        Column("channel", say("First purchase mostly by")),
        Column("first", say("From trace to first purchase")),
        Column("third", say("From first to third")),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns]).astype({"n": "float64"})
    return Table("journey_arrived", say("How the members of each segment came"), frame, columns, note=fixed_words(journey))


def _most(value: str | None, part: float | None) -> str:
    return words.NONE if value is None else say("{value} ({share})", value=value, share=words.share(part, 0))


def fixed_words(journey: dict) -> str:
    """Which stages say nothing of segments, because the scope asks for them."""
    names = [STAGES[stage] for stage in journey["fixed"]]
    listed = words.join([say(name).lower() for name in names])
    return say(
        "Every member has reached {stages}: the scope asks for it, so no share is given for it. Times: medians, of those who stayed. "
        "Shares with 95% interval.",
        stages=listed,
    )


def maps_frame(journey: dict, project: Project) -> pd.DataFrame:
    """One row a segment and stage of the picture of journeys; see charts.journey.maps."""
    broken = {(line["segment"], line["point"]) for line in journey["breaks"]["lines"] if line["breaks"]}
    followed = [s["later"] for s in journey["segments"] if s["later"]]
    recorded, rows = [step for step in STEPS if any(after["steps"][step] for after in followed)], []
    for segment in journey["segments"]:
        after = segment["later"]
        if not after or after["n"] is None:
            continue
        about = _about(after) if recorded[0] != "order" else [words.number(after["n"])]
        head = {"label": label(segment), "colour": segment["colour"] or NEUTRAL, "about": about}
        nobody = {"stage": say("Members"), "share": None, "told": "", "spread": [], "pains": [], "breaks": []}
        rows.append(head | nobody)
        for step in recorded:
            found, name = after["steps"][step], NAMED[step]
            under = [(point, _pain(point, rate)) for point, rate in (segment["pains"] or {}).items() if AT[point] == step]
            under = [(point, text) for point, text in under if text]
            row = {"stage": say(name), "told": told(found), "share": _drawn(found)}
            row |= {"spread": _beneath(found), "pains": [text for _, text in under]}
            rows.append(head | row | {"breaks": [text for point, text in under if (segment["id"], point) in broken]})
    return pd.DataFrame(rows, columns=["label", "about", "colour", "stage", "share", "told", "spread", "pains", "breaks"])


def _beneath(rate: dict | None) -> list[str]:
    """What stands beneath a line of the picture: the interval in few letters, and the time within which half went on."""
    known = rate is not None and rate["share"] is not None
    interval = [say("{low}–{high}", low=words.number(rate["low"] * 100), high=words.share(rate["high"], 0))] if known else []
    times = [_short(rate["median_days"])] if rate and rate.get("median_days") is not None else []
    return [", ".join([*interval, *times])] if interval or times else []


def _about(after: dict) -> list[str]:
    known = after["ordered"]["share"] is not None or after["ordered"]["bound"]
    return [words.number(after["n"]), *([say("{share} bought", share=told(after["ordered"]))] if known else [])]


def _drawn(rate: dict | None) -> float | None:
    if rate is None:
        return None
    return {"most": 1.0, "few": 0.02}.get(rate["bound"], rate["share"])


def _pain(point: str, rate: dict) -> str:
    if rate["share"] is None and rate["bound"] is None:
        return ""
    name = SHORT[point]
    return say(name, share=told(rate))


def maps_words(journey: dict, project: Project) -> dict:
    """The words of the picture of journeys."""
    frame, window = maps_frame(journey, project), journey["window"]
    if frame.empty:
        sentence = say("How segments go on cannot be told: the history is too short for segments one horizon earlier.")
        return nothing("journey_maps", sentence)
    days = words.number(window["go_on_days"])
    again = [(s["later"]["steps"]["again"], s) for s in journey["segments"] if s["later"]]
    shares = sorted(((rate["share"], label(s)) for rate, s in again if rate and rate["share"] is not None))
    if len(shares) > 1:
        values = {"low": words.share(shares[0][0], 0), "high": words.share(shares[-1][0], 0), "days": days}
        title = say("Between {low} and {high} of a segment’s buyers buy again within {days} days", **values)
        alt = say("Buying again is rarest in “{least}” and most frequent in “{most}”.", least=shares[0][1], most=shares[-1][1])
    else:
        title, alt = say("How each segment goes on"), say("A line of stages for each segment.")
    start, end = (words.day(moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)) for moment in _ends(window))
    values = {"start": start, "end": end, "days": days}
    followed = say(
        "Segments as built on {start}, followed to {end}. The first step is of all members; any other of those who took the one before in "
        "the first half, within {days} days. Grey: 95% interval, and the time within which half went on.",
        **values,
    )
    onwards = say("Members who go on from stage to stage, of those at the stage before.")
    struck = say("Beneath: whom pain points struck.") if any(map(len, frame["pains"])) else ""
    bold = say("Bold: a pain point after which members go on less.") if any(map(len, frame["breaks"])) else ""
    return {
        "name": "journey_maps",
        "title": title,
        "subtitle": " ".join(filter(None, [onwards, struck])),
        "alt": alt,
        "source": " ".join(filter(None, [followed, bold])),
    }


def _ends(window: dict) -> tuple:
    return window["from"], window["until"]
