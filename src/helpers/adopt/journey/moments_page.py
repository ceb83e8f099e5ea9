"""What the page of step 7 says of pain points, and of moments after which customers go on less."""

import pandas as pd

from helpers import words
from helpers.adopt.journey.page import LACKS, POINTS, spread, told
from helpers.adopt.journey.pains import LEVEL
from helpers.adopt.journey.pains import POINTS as KINDS
from helpers.build.portraits import segment_name
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

SEEN = {
    "basket": mark("Left a basket"),
    "refund": mark("Got a refund"),
    "rating": mark("Gave a low rating"),
}
EACH = {
    "basket": mark("Of baskets, left"),
    "refund": mark("Refunds per purchase"),
    "rating": mark("Of ratings, low"),
}
"""The same by event: what does not grow with how often somebody comes."""
SHOWN = 12
"""Comparisons that the table shows: moments that break first, then those of everyone, then the strongest."""


def pains_table(journey: dict) -> Table:
    """Whom each pain point struck, a segment a row."""
    points = [p for p in KINDS if any(p in (s["pains"] or {}) for s in journey["segments"])]
    rows = []
    for segment in journey["segments"]:
        row = {"name": segment_name(segment)}
        for point in points:
            rate = (segment["pains"] or {}).get(point)
            row[point] = words.NONE if rate is None else _cell(rate)
            row[f"each_{point}"] = None if rate is None else rate.get("each")
        rows.append(row)
    columns = [Column("name", say("Segment"))]
    for point in points:
        heading = SEEN[point]
        columns.append(Column(point, say(heading)))
        each = EACH[point]
        columns.append(Column(f"each_{point}", say(each), "share", 1))
    note = say(
        "In the days after the segments were built, with 95% interval. A basket: of those who filled one, at least one with no purchase "
        "within a day. A refund: of those who bought. A low rating: of those who rated. Who comes more often is struck more often: compare "
        "segments by the share of purchases, baskets or ratings. A dash: too few."
    )
    return Table("journey_pains", say("Where it hurts"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def _cell(rate: dict) -> str:
    if rate["share"] is None and rate["bound"] is None:
        return words.NONE
    interval = spread(rate)
    return say("{share} ({interval})", share=told(rate), interval=interval) if interval else told(rate)


def breaks_table(journey: dict) -> Table:
    """After which pain points customers go on less."""
    names = {s["id"]: segment_name(s) for s in journey["segments"]}
    rows = []
    for line in journey["breaks"]["lines"][:SHOWN]:
        point = POINTS[line["point"]]
        rows.append(
            {
                "who": names.get(line["segment"]) or _first(line["point"]),
                "point": say(point),
                "n": line["with"]["n"],
                "with": line["with"]["share"],
                "without": line["without"]["share"],
                "difference": words.signed(line["difference"] * 100, 1),
                "interval": say("{low} to {high}", low=words.signed(line["low"] * 100, 1), high=words.signed(line["high"] * 100, 1)),
                "verdict": _verdict(line),
            }
        )
    columns = [
        Column("who", say("Who")),
        Column("point", say("After")),
        Column("n", say("Struck"), "count", people=True),
        Column("with", say("Went on"), "share", 1),
        Column("without", say("Others went on"), "share", 1),
        Column("difference", say("Difference, points")),
        Column("interval", say("95% interval")),
        Column("verdict", say("Verdict")),
    ]
    values = {"days": words.number(journey["breaks"]["landmark_days"]), "n": words.number(journey["breaks"]["tried"])}
    values["half"] = words.number(journey["window"]["go_on_days"])
    note = say(
        "Both groups are followed from the same day: {days} days after a purchase or a left basket. Went on: bought within {half} days of "
        "it (of everyone, within the horizon). Comparisons tried: {n}; the verdict allows for all of them (Holm). Newcombe’s interval.",
        **values,
    )
    if journey["breaks"]["tried"] > SHOWN:
        note += " " + say("The strongest {n} are shown.", n=words.number(SHOWN))
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("journey_breaks", say("Moments that make or break the relation"), frame, columns, note=note)


def _first(point: str) -> str:
    return say("Everyone, first basket") if point == "basket" else say("Everyone, first purchase")


def _verdict(line: dict) -> str:
    if line["breaks"]:
        return say("go on less")
    if line["p_holm"] <= LEVEL:
        return say("go on more")
    alone = line["low"] > 0 or line["high"] < 0  # beyond chance by itself, and not among so many
    return say("may be chance, so many were tried") if alone else say("no difference seen")


def breaks_words(journey: dict) -> str:
    """The finding: after which pain points customers go on less, or the largest loss that these data leave possible."""
    lines = journey["breaks"]["lines"]
    if not lines:
        return say("Whether a pain point makes members go on less cannot be told: too few were struck, or none is recorded.")
    names = {s["id"]: segment_name(s) for s in journey["segments"]}
    broken = [line for line in lines if line["breaks"]]
    if not broken:
        worst = min(lines, key=lambda line: line["low"])
        point = POINTS[worst["point"]]
        values = {"n": words.number(len(lines)), "low": words.number(-worst["low"] * 100, 0)}
        return say(
            "No moment that breaks the relation was found in {n} comparisons. The widest doubt is after {point} ({who}): a loss of up to "
            "{low} points cannot be excluded.",
            point=say(point),
            who=names.get(worst["segment"]) or _first(worst["point"]),
            **values,
        )
    point = POINTS[broken[0]["point"]]
    values = {"with": words.share(broken[0]["with"]["share"], 0), "without": words.share(broken[0]["without"]["share"], 0)}
    sentence = say(
        "After {point}, {with} go on, {without} of the others ({who}).",
        point=say(point),
        who=names.get(broken[0]["segment"]) or _first(broken[0]["point"]),
        **values,
    )
    more = len(broken) - 1
    rest = say_n("One more moment like it stands in the table.", "{n} more moments like it stand in the table.", more) if more else ""
    return " ".join(filter(None, [sentence, rest, say("An association: what came first is known, what caused it is not.")]))


def caveats(journey: dict) -> list[str]:
    """What could mislead of journeys, and what these data lack."""
    missing = [LACKS[code] for code in journey["lacks"]]
    first = [
        say("A pain point and going on less may both come from a third thing: only a test tells what mending it would bring."),
        say("Whoever visits without logging in is not seen: real visits are more, and real journeys longer."),
    ]
    if any(line["point"] != "basket" for line in journey["breaks"]["lines"]):
        # Simulated: refunds that do nothing, buyers whose pace differs as log-normal of .8: struck go on 6 points more often.
        often = say(
            "Who buys often meets more refunds and rates more, and comes back anyway: “go on more” is no effect of a pain point, and a "
            "loss of a few points may hide behind it."
        )
        first.insert(1, often)
    events = "visit" not in journey["lacks"]
    return [*(first if events else first[:-1]), *(say(told_) for told_ in missing)]
