"""Whether expected purchases are those that came: week by week, by cohort of first purchase, and by earlier frequency, all held out.

The pictures are those of Fader, Hardie & Lee 2005 (Marketing Science 24, 275-284): weekly purchases actual against expected, and expected
purchases in the later period by how often customers had bought before it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.engine import days_between
from helpers.predict.value.histories import UNIT_DAYS
from helpers.rates import quantile
from helpers.variables.formulas import bought_orders

WEEK = 7
BANDS = (0, 1, 2, 3, 4, 7, 13, 26, 52)
"""Repeat purchases from which a group of customers begins: 0, 1, 2, 3, 4 to 6, 7 to 12 …"""
QUARTERS_FROM = 365
"""Days of history from which cohorts are quarters of first purchase; below, months."""

Ahead = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Expected purchases of customers with x, t_x, T within so many periods after, all in units of time."""


def purchase_days(lines: ir.Table, *, as_of: datetime, cut: datetime) -> ir.Table:
    """A row a day on which customers bought: first (days before the cut of the day of their first purchase), day, n.

    Only customers who bought before the cut; days count whole days before it, those after it are 0 and below: the day of the cut is 0.
    """
    bought = bought_orders(lines, as_of=as_of)
    days = bought.select("customer_id", day=bought.ordered_at.truncate("D")).distinct()
    days = days.select(
        "customer_id", day=days_between(days.day, cut.replace(hour=0, minute=0, second=0, microsecond=0)).round().cast("int64")
    )
    first = days.group_by("customer_id").agg(first=days.day.max())
    joined = days.join(first.filter(ibis._.first > 0), "customer_id")
    return joined.group_by(["first", "day"]).agg(n=joined.count()).order_by(["first", "day"])


def tracked(days: pd.DataFrame, ahead: Ahead, *, cut: datetime, as_of: datetime, unit_days: float = UNIT_DAYS) -> pd.DataFrame:
    """Repeat purchases week by week, actual and expected of a model fitted before the cut; weeks are counted from the cut.

    days       result of `purchase_days`, executed
    Returns    cohort (first day of the month or quarter of first purchase), customers, when (first day of the week), held_out, actual,
               expected; whole weeks only
    """
    newcomers = days[days["first"] == days["day"]].groupby("first")["n"].sum()
    oldest, last = int(days["first"].max()), -(as_of - cut).days
    starts = [cut - timedelta(days=int(first)) for first in newcomers.index]
    quarterly = oldest > QUARTERS_FROM
    cohorts = pd.Series([_cohort(day, quarterly) for day in starts], index=newcomers.index)
    by_age = expected_by_age(ahead, oldest - last + WEEK, unit_days=unit_days)
    rows, again = [], days[days["first"] != days["day"]]
    for end in range(oldest // WEEK * WEEK, last, -WEEK):  # a week is [cut − end, cut − end + 7)
        if end - WEEK < last:
            break
        ages = [np.maximum(newcomers.index.to_numpy() - place, 0) for place in (end, end - WEEK)]
        came = again[(again["day"] <= end) & (again["day"] > end - WEEK)].groupby("first")["n"].sum()
        gain = pd.Series((by_age[ages[1]] - by_age[ages[0]]) * newcomers.to_numpy(), index=newcomers.index)
        both = pd.DataFrame({"actual": came.reindex(newcomers.index, fill_value=0), "expected": gain}).groupby(cohorts).sum()
        rows.append(both.assign(when=cut - timedelta(days=end), held_out=end <= 0))
    if not rows:
        return pd.DataFrame(columns=["cohort", "customers", "when", "held_out", "actual", "expected"])
    found = pd.concat(rows).rename_axis("cohort").reset_index()
    return found.assign(customers=found["cohort"].map(newcomers.groupby(cohorts).sum()))


def expected_by_age(ahead: Ahead, days: int, *, unit_days: float = UNIT_DAYS) -> np.ndarray:
    """Expected repeat purchases of a new customer within 0, 1, 2 … days of the first one."""
    ages = np.arange(days + 1) / unit_days
    nothing = np.zeros_like(ages)
    return np.concatenate([[0.0], np.asarray(ahead(nothing[1:], nothing[1:], nothing[1:], ages[1:]))])


def by_cohort(weekly: pd.DataFrame) -> pd.DataFrame:
    """What each cohort bought after the cut: cohort, customers, actual, expected (repeat purchases), ratio (expected ÷ actual)."""
    later = weekly[weekly["held_out"].astype(bool)]
    found = later.groupby("cohort").agg(customers=("customers", "first"), actual=("actual", "sum"), expected=("expected", "sum"))
    return found.assign(ratio=found["expected"] / found["actual"].where(found["actual"] > 0)).reset_index()


def by_frequency(x: np.ndarray, expected: np.ndarray, actual: np.ndarray) -> pd.DataFrame:
    """Purchases after the cut by repeat purchases before it, a row a band of BANDS in which there is anybody.

    Returns    from, to (None: and more), n, expected, actual (means a customer), low, high (95 % of the actual mean)
    """
    band = np.searchsorted(BANDS, x, side="right") - 1
    rows = []
    for place in np.unique(band):
        inside = band == place
        n, mean = int(inside.sum()), float(actual[inside].mean())
        half = quantile() * float(actual[inside].std(ddof=1)) / np.sqrt(n) if n > 1 else np.nan
        to = BANDS[place + 1] - 1 if place + 1 < len(BANDS) else None
        ends = {"low": max(mean - half, 0.0), "high": mean + half}
        rows.append({"from": BANDS[place], "to": to, "n": n, "expected": float(expected[inside].mean()), "actual": mean} | ends)
    return pd.DataFrame(rows, columns=["from", "to", "n", "expected", "actual", "low", "high"])


def merged(frame: pd.DataFrame, least: int) -> pd.DataFrame:
    """Bands of frequency that hold fewer customers than `least` joined to the one before, means and intervals with them."""
    rows: list[dict] = []
    for row in frame.to_dict("records"):
        if rows and (row["n"] < least or rows[-1]["n"] < least):
            rows[-1] = _joined(rows[-1], row)
        else:
            rows.append(row)
    return pd.DataFrame(rows, columns=frame.columns)


def _joined(one: dict, other: dict) -> dict:
    n = one["n"] + other["n"]
    mean = {k: (one[k] * one["n"] + other[k] * other["n"]) / n for k in ("expected", "actual")}
    halves = [(each["actual"] - each["low"] if each is one else each["high"] - each["actual"]) * each["n"] / n for each in (one, other)]
    half = float(np.hypot(*np.nan_to_num(halves)))
    ends = {"low": max(mean["actual"] - half, 0.0), "high": mean["actual"] + half}
    return {"from": one["from"], "to": other["to"], "n": n} | mean | ends


def _cohort(day: datetime, quarterly: bool) -> datetime:
    month = (day.month - 1) // 3 * 3 + 1 if quarterly else day.month
    return datetime(day.year, month, 1)
