"""After how many days without a purchase somebody counts as lost, argued from how long customers took to come back."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.engine import days_between, total
from helpers.project import Project
from helpers.variables.formulas import bought_orders

RETURNED = 0.90
"""Share of the returns that must have come before silence counts as loss."""
MARKS = (0.50, 0.80, 0.90, 0.95)
WEEK = 7
"""Periods are whole weeks: else a Saturday more or less would decide who is lost."""
SHORTEST = 4 * WEEK
WEIGHT = 0.02
"""The curve ends where fewer than this share of all waits are still watched: its last steps would rest on a handful."""


def waits(lines: ir.Table, *, as_of: datetime, groups: ir.Table | None = None) -> pd.DataFrame:
    """How long customers waited from a day of purchase to the next, counted by length; a wait that still lasts is not ended.

    lines     order lines, all history;  groups: customer_id, group, to count each group apart (customers of none are left out)
    Returns   days (whole), ended and open (sums of weights: every customer weighs one, shared by that customer's waits, for a weekly
              shopper's forty waits must not outvote forty customers), n (waits), and group; in a fixed order
    """
    orders = bought_orders(lines, as_of=as_of)
    days = orders.select("customer_id", day=orders.ordered_at.truncate("D")).distinct()
    by = {"group_by": "customer_id", "order_by": "day"}
    following = days.mutate(after=days.day.lead(1).over(**by), waits_=days.count().over(group_by="customer_id"))
    if groups is not None:
        following = following.join(groups.select("customer_id", "group"), "customer_id")
    until = ibis.coalesce(following.after, ibis.literal(as_of, type="timestamp"))
    each = following.mutate(days=days_between(following.day, until).floor().cast("int64"), weight=1.0 / following.waits_)
    over = each.after.notnull()
    names = ["days"] if groups is None else ["group", "days"]
    counted = each.group_by(names).agg(
        ended=total(over.ifelse(each.weight, 0.0)), open=total(over.ifelse(0.0, each.weight)), n=each.count()
    )
    return counted.order_by(names).execute().astype({"ended": "float64", "open": "float64"})


def returns(counted: pd.DataFrame) -> pd.DataFrame:
    """The share of the returns that had come after so many days.

    Kaplan and Meier's estimate (1958, Journal of the American Statistical Association 53), so that a wait that still lasts counts for as
    long as it was watched; cut off where fewer than WEIGHT of all waits are still watched, and divided by what it reaches there: of those
    who are seen to come back within the history.
    counted   one group of `waits`
    Returns   days, share (0-1, of the returns), back (0-1, of all waits); empty where nobody came back
    """
    days, ended, still = (counted[c].to_numpy(dtype="float64") for c in ("days", "ended", "open"))
    watched = (ended + still)[::-1].cumsum()[::-1] if len(days) else np.empty(0)
    kept = watched >= WEIGHT * watched.max(initial=0.0)
    if not ended[kept].sum():
        return pd.DataFrame({"days": [], "share": [], "back": []})
    back = 1 - np.cumprod(1 - ended[kept] / watched[kept])
    return pd.DataFrame({"days": days[kept].astype(int), "share": back / back[-1], "back": back})


def reached(curve: pd.DataFrame, share: float) -> int | None:
    """The days after which that share of the returns had come."""
    found = curve[curve["share"] >= share - 1e-12]
    return int(found["days"].iloc[0]) if len(found) else None


def share_by(curve: pd.DataFrame, days: int) -> float | None:
    """The share of the returns that had come within so many days."""
    found = curve[curve["days"] <= days]
    return (float(found["share"].iloc[-1]) if len(found) else 0.0) if len(curve) else None


def longest(project: Project, *, first: datetime, as_of: datetime) -> int:
    """The longest period in whole weeks that the history can judge: a window to learn in, and the period twice after it."""
    room = (as_of.date() - first.date()).days - project.scope.window_days
    return max(room // 2 // WEEK * WEEK, 0)


def period(lines: ir.Table, project: Project, *, as_of: datetime, first: datetime) -> dict:
    """The days without a purchase that count as lost, and why.

    Returns   days (None: nothing argues for any number), source (typed, intervals, shortened), argued (what the intervals ask for, whole
              weeks), longest (whole weeks that the history can judge), by [{share, days}], curve ([days, share], a point a week), waits,
              back (share of all waits that ended in a return), share (of the returns, by `days`), typed, counted_after {days, share} (of
              variables.attrition_after_days, by which other pages count who is lost)
    """
    counted = waits(lines, as_of=as_of)
    curve, most = returns(counted), longest(project, first=first, as_of=as_of)
    typed, after = project.variables.predict.attrition_days, project.variables.attrition_after_days
    at = reached(curve, RETURNED)
    argued = None if at is None else max(-(-at // WEEK) * WEEK, SHORTEST)
    days, source = (typed, "typed") if typed else (argued, "intervals")
    if source == "intervals" and argued is not None and SHORTEST <= most < argued:
        days, source = most, "shortened"
    weeks = range(0, int(curve["days"].max()) + WEEK, WEEK) if len(curve) else ()
    return {
        "days": days, "source": source, "argued": argued, "longest": most, "typed": typed, "waits": int(counted["n"].sum()),
        "by": [{"share": share, "days": reached(curve, share)} for share in MARKS],
        "curve": [[day, share_by(curve, day)] for day in weeks],
        "back": float(curve["back"].iloc[-1]) if len(curve) else 0.0,
        "share": share_by(curve, days) if days else None,
        "counted_after": {"days": after, "share": share_by(curve, after)},
    }  # fmt: skip
