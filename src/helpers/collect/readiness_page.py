"""What the page of step 3 says of later analyses: ready or not, why, and what it would take."""

import pandas as pd

from helpers import words
from helpers.collect.readiness import ANALYSES, REQUIREMENTS
from helpers.tables import Column, Table
from helpers.words import mark, say

TAKES = {
    "orders": mark("order lines"),
    "customers": mark("more customers, a longer window, or fewer variables"),
    "profiles": mark("more customers with an order"),
    "history_days": mark("a longer history"),
    "missing": mark("the missing customers, orders, days and amounts"),
    "repeat_share": mark("a history in which more buyers come back"),
    "lost": mark("a history long enough to see buyers stop"),
    "product_share": mark("the product of each order line"),
    "respondents": mark("a survey of more customers"),
    "items": mark("several survey items for each need or value, named under variables.scales"),
    "campaigns": mark("a campaign with a control group that is not contacted, in the table contacts with its arm"),
    "control": mark("a larger control group, drawn by chance"),
    "asked": mark("consents by customer, channel and purpose"),
    "described": mark("more attributes or survey answers that tell customers apart, of more customers"),
    "comments": mark("comments with their text"),
    "rated": mark("ratings beside comments"),
    "firms": mark("a mark of business customers, such as a company number"),
}

NOBODY = ("items", "campaigns", "history_days", "orders")
"""Counts of something else than customers."""


def _number(code: str, value: float | None) -> str:
    if value is None:
        return say("none known")
    return words.share(value, 0) if REQUIREMENTS[code][1] == "share" else words.number(value)


def _why(need: dict, least: int) -> str:
    label, kind, side = REQUIREMENTS[need["code"]]
    few = kind == "count" and need["code"] not in NOBODY and need["have"] is not None and 0 < need["have"] < least
    have = say("fewer than {least}", least=words.number(least)) if few else _number(need["code"], need["have"])
    values = {"label": say(label), "have": have, "want": _number(need["code"], need["want"])}
    if side == "most":
        return say("{label}: {have} (below {want} needed)", **values)
    return say("{label}: {have} ({want} needed)", **values)


def readiness_table(found: list[dict], least: int) -> Table:
    """A line a later analysis; numbers of customers below the smallest cell are not told."""
    rows = []
    for each in found:
        analysis, lacking = ANALYSES[each["analysis"]], [n for n in each["requirements"] if not n["met"]]
        why = [_why(need, least) for need in each["requirements"]]
        takes = [TAKES[need["code"]] for need in lacking]
        rows.append(
            {
                "analysis": say(analysis),
                "ready": say("ready") if each["ready"] else say("not ready"),
                "why": say("; ").join(why),
                "takes": say("; ").join([say(t) for t in takes]),
            }
        )
    columns = [
        Column("analysis", say("Later analysis")),
        Column("ready", say("Ready?")),
        Column("why", say("Because")),
        Column("takes", say("What it would take")),
    ]
    return Table(
        "readiness", say("What these data are ready for"), pd.DataFrame(rows, columns=["analysis", "ready", "why", "takes"]), columns
    )


def readiness_words(found: list[dict]) -> str:
    """How many of the later analyses the data are ready for, and which they are not."""
    lacking = [ANALYSES[each["analysis"]] for each in found if not each["ready"]]
    if not lacking:
        return say("These data are ready for everything that later steps may ask.")
    names = words.join([_lower(say(name)) for name in lacking])
    ready, all_of = words.number(len(found) - len(lacking)), words.number(len(found))
    return say("These data are ready for {ready} of {all} later analyses; not for {names}.", ready=ready, all=all_of, names=names)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
