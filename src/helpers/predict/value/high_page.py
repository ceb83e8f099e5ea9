"""What pages say of high-value customers: who they are by seniority, who is loyal and worth little, who is new and worth much."""

import pandas as pd

from helpers import words
from helpers.predict.value.high import BANDS, HALVES
from helpers.project import Project
from helpers.tables import nothing
from helpers.variables.people_page import LEVELS
from helpers.words import absent, mark, say

CLASSES = {HALVES[0]: mark("came in the second half"), HALVES[1]: mark("there in the first half")}
OPEN = 0.5
"""Share of the cells that must be told for the picture to be drawn."""


def high_finding(facts: dict, found: pd.DataFrame) -> str:
    """Who made most of the revenue, and how many are loyal and worth little, or new and worth much."""
    if not facts["n"]:
        return say("No customer has brought anything yet, so nobody is of high value.")
    n, part = words.number(facts["n"]), words.share(facts["share_of_customers"], 0)
    made = words.share(facts["share_of_revenue"], 0)
    told = say("{n} customers, {part} of all who ever bought, made {made} of the revenue of all history.", n=n, part=part, made=made)
    loyal, new = _cell(found, "loyal", "low"), _cell(found, "new", "high")
    if not absent(loyal["n"]) and loyal["n"]:
        size = words.number(loyal["n"])
        more = say("{n} loyal customers are among those who brought least: often, but little.", n=size)
        told = f"{told} {more}"
    if not absent(new["n"]) and new["n"]:
        size = words.number(new["n"])
        more = say("{n} new customers are of high value already.", n=size)
        told = f"{told} {more}"
    return told


def standing_frame(found: pd.DataFrame, facts: dict) -> pd.DataFrame:
    """The grid that charts.standing draws: row, column, value, text; empty where most cells may not be told."""
    shown = found[found["n"].isna() | (found["n"] > 0)]
    if shown["seniority"].nunique() < 2 or shown["n"].notna().mean() < OPEN:
        return pd.DataFrame(columns=["row", "column", "value", "text"])
    bands, rows = _bands(facts), []
    for band in BANDS:
        for level in dict.fromkeys(found["seniority"]):
            cell = _cell(found, level, band)
            text = "" if absent(cell["n"]) else _told(cell)
            rows.append({"row": bands[band], "column": _class(level), "value": cell["share_of_revenue"], "text": text})
    return pd.DataFrame(rows)


def standing_words(found: pd.DataFrame, facts: dict, project: Project) -> dict:
    """The words of the picture: its claim is where most of the revenue comes from."""
    name, frame = "standing", standing_frame(found, facts)
    if frame.empty:
        return nothing(name, say("Seniority against value cannot be shown: too few customers in most groups, or nearly all came at once."))
    top = frame.loc[frame["value"].idxmax()]
    column, part = top["column"], words.share(top["value"], 0)
    n = words.number(facts["buyers"])
    title = say("One group, {group}, brings {part} of the revenue", group=f"{top['row']} / {column}", part=part)
    if top["row"] == _bands(facts)["high"]:
        title = say("High-value customers who are {group} bring {part} of the revenue", group=column, part=part)
    loyal, new = _cell(found, "loyal", "low"), _cell(found, "new", "high")
    untold = say("not told")
    few, early = (untold if absent(cell["n"]) else words.number(cell["n"]) for cell in (loyal, new))
    return {
        "name": name,
        "title": title,
        "subtitle": say("Customers and their share of revenue, by value so far and seniority; all history, net of refunds"),
        "alt": say(
            "A grid of value by seniority. The darkest cell, {group}, holds {part} of revenue. Customers loyal and worth little: {few}; "
            "new and of high value: {early}.",
            group=f"{top['row']} / {column}",
            part=part,
            few=few,
            early=early,
        ),
        "source": say("Everybody who ever bought, {n} customers. The darker, the larger the share of revenue.", n=n),
    }


def _told(cell: dict) -> str:
    """A cell's customers and their share of revenue; a share that rounds to nothing is not 0."""
    n, part = words.number(cell["n"]), cell["share_of_revenue"]
    few = words.share(0.01, 0)
    return f"{n} · {words.share(part, 0)}" if part >= 0.005 or not cell["n"] else f"{n} · <{few}"


def _bands(facts: dict) -> dict[str, str]:
    if facts["rule"] == "percentile":
        above, half = words.share(1 - facts["wanted"], 0), words.share(facts["wanted"] / 2, 0)
        return {
            "high": say("high: the top {above}", above=above),
            "middle": say("middle"),
            "low": say("low: the last {half}", half=half),
        }
    first, last = words.share(facts["wanted"], 0), (1 - facts["wanted"]) / 4
    rest, final = words.share(1 - facts["wanted"] - last, 0), words.share(last, 0)
    return {
        "high": say("high: made the first {part} of revenue", part=first),
        "middle": say("middle: the next {part}", part=rest),
        "low": say("low: the last {part}", part=final),
    }


def _class(level: str) -> str:
    return say(CLASSES[level]) if level in CLASSES else say(LEVELS[level])


def _cell(found: pd.DataFrame, level: str, band: str) -> dict:
    rows = found[(found["seniority"] == level) & (found["band"] == band)]
    return rows.iloc[0].to_dict() if len(rows) else {"n": None, "revenue": None, "share_of_revenue": None}
