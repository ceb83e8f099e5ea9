"""The pictures of the value ahead: weeks and earlier frequency, expected against actual, and retention curves for contracts."""

import pandas as pd

from helpers import words
from helpers.predict.value.page import why_not
from helpers.tables import Column, Table, nothing
from helpers.words import say

CLOSE = 0.10
"""Relative error of the sum of the weeks held out up to which the expected line is said to follow the actual one."""


def over_time(found: dict) -> tuple[pd.DataFrame, dict]:
    """The frame and the words of charts.curves: weeks actual and expected, or how long customers stay where they pay by contract."""
    if found["reasons"] == ["contractual"]:
        return retention_frame(found), retention_words(found)
    return weekly_frame(found), weekly_words(found)


def weekly_frame(found: dict) -> pd.DataFrame:
    """Weekly repeat purchases as charts.curves draws them: series, x, value."""
    rows = pd.DataFrame(found.get("weekly") or [], columns=["when", "held_out", "actual", "expected"])
    labels = {"actual": say("actual"), "expected": say("expected")}
    parts = [pd.DataFrame({"series": labels[c], "x": pd.to_datetime(rows["when"]), "value": rows[c].astype(float)}) for c in labels]
    return pd.concat(parts, ignore_index=True) if len(rows) else pd.DataFrame(columns=["series", "x", "value"])


def weekly_words(found: dict) -> dict:
    """The words of the weekly picture: how far the sum of the weeks held out is from what came."""
    rows = pd.DataFrame(found.get("weekly") or [], columns=["when", "held_out", "actual", "expected"])
    later = rows[rows["held_out"].astype(bool)]
    if not len(later) or not later["actual"].sum():
        return nothing("value_weekly", _untried(found, say("no repeat purchase came in the days held out")))
    off, weeks = later["expected"].sum() / later["actual"].sum() - 1, words.number(len(later))
    size, cut = words.percent_change(off), words.day(found["cut"])
    n = words.number(found["at_cut"]["customers"])
    close = abs(off) < CLOSE
    title = (
        say("Expected purchases follow those that came: {size} over {weeks} weeks held out", size=size, weeks=weeks)
        if close
        else say("Expected purchases miss those that came: {size} over {weeks} weeks held out", size=size, weeks=weeks)
    )
    return {
        "name": "value_weekly",
        "title": title,
        "subtitle": say("Repeat purchases a week of customers known by {cut}; one a customer and day", cut=cut),
        "alt": say(
            "Weekly repeat purchases, actual and expected. After {cut}, where the model had not looked, the expected sum is {size} off.",
            cut=cut,
            size=size,
        ),
        "source": say(
            "{n} customers who bought before {cut}. A dip of the actual line alone may be season, which the model does not know.",
            n=n,
            cut=cut,
        ),
        "marked": pd.Timestamp(found["cut"]),
        "marked_label": say("fitted before, judged after"),
    }


def _untried(found: dict, otherwise: str) -> str:
    """Why nothing expected can be held against what came."""
    why = why_not(found) or otherwise
    return say("Expected purchases are not held against those that came: {why}.", why=why)


def cohorts_table(found: dict) -> Table:
    """What each cohort of first purchase bought in the weeks held out, against what was expected."""
    frame = pd.DataFrame(found.get("cohorts") or [], columns=["cohort", "customers", "actual", "expected", "ratio"])
    columns = [
        Column("cohort", say("First purchase from"), "date"),
        Column("customers", say("Customers"), "count", people=True),
        Column("actual", say("Purchases"), "count"),
        Column("expected", say("Expected"), "count"),
        Column("off", say("Off"), "change", 0),
    ]
    frame = frame.assign(off=frame["ratio"].astype(float) - 1)
    note = say("Repeat purchases in the weeks held out, by the quarter (month, in a short history) of the first purchase.")
    return Table("value_cohorts", say("Purchases held out, by cohort of first purchase"), frame, columns, note=note)


def by_cohort_title() -> str:
    """What stands in the place of the table of cohorts until it is opened."""
    return say("Purchases held out, cohort by cohort")


def frequency_frame(found: dict) -> pd.DataFrame:
    """Purchases held out by earlier frequency as charts.curves draws them: series, x (texts), value, low, high."""
    rows = found.get("frequency") or []
    told = []
    for row in rows:
        label = _band(row["from"], row["to"])
        told.append({"series": say("actual"), "x": label, "value": row["actual"], "low": row["low"], "high": row["high"]})
    for row in rows:
        told.append(
            {
                "series": say("expected"),
                "x": _band(row["from"], row["to"]),
                "value": row["expected"],
                "low": row["expected"],
                "high": row["expected"],
            }
        )
    return pd.DataFrame(told, columns=["series", "x", "value", "low", "high"])


def frequency_words(found: dict) -> dict:
    """The words of the picture of frequency: in how many groups the expected mean lies within the interval of the actual one."""
    rows = [row for row in found.get("frequency") or [] if row["low"] is not None]
    if not rows:
        return nothing("value_frequency", _untried(found, say("too few customers bought before and after")))
    inside = sum(row["low"] <= row["expected"] <= row["high"] for row in rows)
    good, every = words.number(inside), words.number(len(rows))
    days, n = words.number(found["horizon_days"]), words.number(sum(row["n"] for row in rows))
    return {
        "name": "value_frequency",
        "title": say("Expected purchases lie within the interval in {good} of {every} groups", good=good, every=every),
        "subtitle": say("Days with a purchase in the {days} days held out, mean a customer, by repeat purchases before", days=days),
        "alt": say(
            "Purchases held out rise with earlier repeat purchases; in {good} of {every} groups the expected mean lies within the 95% "
            "interval of the actual one.",
            good=good,
            every=every,
        ),
        "source": say("{n} customers; the model saw nothing of these days.", n=n),
        "across": say("repeat purchases before the cut"),
        "points": True,
        "value_format": "number",
    }


def _band(first: int, last: float | None) -> str:
    if last is None:
        return f"{words.number(first)}+"
    return words.number(first) if last == first else f"{words.number(first)}–{words.number(last)}"


def retention_frame(found: dict) -> pd.DataFrame:
    """Retention curves as charts.curves draws them: series, x (days), value, low, high."""
    rows = pd.DataFrame(found.get("retention_curve") or [], columns=["group", "n", "days", "share", "low", "high"])
    series = rows["group"].map(lambda name: say("all customers") if name == "all" else say("first paid in {year}", year=name))
    return pd.DataFrame({"series": series, "x": rows["days"], "value": rows["share"], "low": rows["low"], "high": rows["high"]})


def retention_words(found: dict) -> dict:
    """The words of the retention curves: how many stay for a year, or as long as is known."""
    rows = [row for row in found.get("retention_curve") or [] if row["group"] == "all"]
    if len(rows) < 2:
        return nothing("value_retention", say("How long customers stay cannot be told: too few of them left."))
    year = [row for row in rows if row["days"] <= 365][-1]
    share, days = words.share(year["share"], 0), words.number(min(year["days"], 365))
    n = words.number(rows[0]["n"])
    return {
        "name": "value_retention",
        "title": say("{share} of customers still pay after {days} days", share=share, days=days),
        "subtitle": say("Share of customers who still pay, by days since their first payment (Kaplan–Meier)"),
        "alt": say("The share of customers who still pay falls to {share} after {days} days.", share=share, days=days),
        "source": say("{n} customers; those who still pay count as long as they are seen.", n=n),
        "across": say("days since the first payment"),
        "value_format": "share",
        "stepped": True,
    }
