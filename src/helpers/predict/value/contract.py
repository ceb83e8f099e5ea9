"""Whether customers pay by contract: then a missed payment says that they left, and retention curves speak, not buy-till-you-die models.

Buy-till-you-die models are for customers who may stop without saying so (Fader & Hardie 2009, Journal of Interactive Marketing 23).
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.engine import days_between
from helpers.project import Project
from helpers.variables.formulas import bought_orders

PAYMENTS = 4
"""Days with a payment from which a customer's regularity can be told."""
MONTH = 30.4375
COHORTS = 4
"""Years of first payment that have a curve of their own, the newest."""
PERIODS = {7: 1.0, 14: 1.0, 28: 1.5, 30.4375: 4.0, 91.3125: 6.0, 182.625: 8.0, 365.25: 10.0}
"""Days between payments of the usual contracts, and by how many days a payment may be early or late (months differ, week-ends too)."""
WITHIN = 0.8
"""Share of a customer's intervals that must be such a period, for the customer to be regular."""
REGULAR = 0.5
"""Share of the customers who can be told that must be regular in one and the same period, for payments to be by contract."""
LEAST = 30
"""Customers who can be told below which nobody can say."""


def payments(lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """A row a customer and day with a purchase: customer_id, day (days before as_of, whole), gap (days since the last one, or missing)."""
    orders = bought_orders(lines, as_of=as_of)
    orders = orders.mutate(day=orders.ordered_at.date().cast("timestamp"))
    days = orders.select("customer_id", "day").distinct()
    days = days.select("customer_id", day=days_between(days.day, as_of).floor())
    earlier = days.day.lag().over(group_by="customer_id", order_by=ibis.desc("day"))
    return days.mutate(gap=earlier - days.day)


def regularity(lines: ir.Table, *, as_of: datetime) -> dict:
    """How many customers pay at regular intervals.

    Returns   customers (with at least PAYMENTS days of payment), period (days, the commonest among the regular; None), regular (those whose
              intervals are that period, at least WITHIN of them), share (None when no customer can be told)
    """
    gaps = payments(lines, as_of=as_of).filter(ibis._.gap.notnull())
    near = {f"p{i}": ((gaps.gap - days).abs() <= slack).cast("int64").sum() for i, (days, slack) in enumerate(PERIODS.items())}
    each = gaps.group_by("customer_id").agg(n=gaps.count(), **near)
    each = each.filter(each.n >= PAYMENTS - 1)
    counts = {name: (each[name] >= WITHIN * each.n).cast("int64").sum() for name in near}
    found = each.aggregate(customers=each.count(), **counts).execute().fillna(0).iloc[0]
    n, regular = int(found["customers"]), [int(found[name]) for name in near]
    best = int(np.argmax(regular))
    period = list(PERIODS)[best] if regular[best] else None
    return {"customers": n, "period": period, "regular": regular[best], "share": regular[best] / n if n else None}


def contractual(lines: ir.Table, project: Project, *, as_of: datetime) -> dict:
    """Whether payments are by contract: as typed (variables.predict.contractual), else told by their intervals.

    Returns   contractual (None: cannot be told), typed (whether people said so), and what `regularity` found
    """
    found, typed = regularity(lines, as_of=as_of), project.variables.predict.contractual
    told = None if found["customers"] < LEAST else found["share"] >= REGULAR
    return found | {"contractual": told if typed is None else typed, "typed": typed is not None}


def lifespans(lines: ir.Table, *, as_of: datetime, period: float) -> ir.Table:
    """How long each customer has paid.

    Returns   customer_id, first (days before as_of of the first payment), days (from it to the end of the
              last period paid), left (none for two periods).

    Who has not left is censored: still paying when the history ends.
    """
    days = payments(lines, as_of=as_of)
    each = days.group_by("customer_id").agg(first=days.day.max(), last=days.day.min())
    left = each["last"] > 2 * period
    return each.select("customer_id", "first", days=left.ifelse(each["first"] - each["last"] + period, each["first"]), left=left)


def retention(spans: pd.DataFrame, by: str | None = None, *, least: int) -> pd.DataFrame:
    """Retention curves, Kaplan–Meier with log-log intervals (scipy.stats.ecdf on right-censored data).

    spans     days, left, one row a customer, and the column `by` (a cohort or a segment)
    Returns   group, n, days, share, low, high: a row for each day on which somebody left, and the first; no group below `least` customers,
              no day after which fewer than `least` are followed
    """
    from scipy.stats import CensoredData, ecdf

    groups, rows = spans.groupby(by, sort=True) if by else [("all", spans)], []
    for name, group in groups:
        if len(group) < least:
            continue
        gone = group["left"].to_numpy(dtype=bool)
        days = group["days"].to_numpy(dtype=float)
        curve = ecdf(CensoredData(uncensored=days[gone], right=days[~gone])).sf
        ends = curve.confidence_interval(method="log-log") if gone.any() else None
        places, share = curve.quantiles, curve.probabilities
        low, high = (ends.low.probabilities, ends.high.probabilities) if ends is not None else (share, share)
        frame = pd.DataFrame({"days": places, "share": share, "low": low, "high": high})
        followed = np.array([(days >= place).sum() for place in places])
        frame = frame[(followed >= least) & np.isin(places, days[gone])]
        start = pd.DataFrame({"days": [0.0], "share": [1.0], "low": [1.0], "high": [1.0]})
        rows.append(pd.concat([start, frame]).assign(group=name, n=len(group)))
    columns = ["group", "n", "days", "share", "low", "high"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
