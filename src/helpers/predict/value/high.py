"""Who is worth most so far, and how that goes with seniority: who is loyal and worth little, who is new and worth much."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.engine import days_between
from helpers.masking import covered_table
from helpers.predict.value.grade import worth_most
from helpers.project import Project
from helpers.variables.descriptors import SENIORITIES
from helpers.variables.formulas import bought_orders

BANDS = ("high", "middle", "low")
MIDDLE = 0.75
"""The middle band takes this part of what the high band leaves of revenue (the A, B and C of 80, 95 and 100 %)."""
HALVES = ("second_half", "first_half")
"""Classes by when customers were first seen, where history is too short to tell seniority."""


def worth_so_far(lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """customer_id, revenue: of everybody who ever bought, all history before as_of, net of refunds (project money)."""
    known = lines.filter(lines.customer_id.notnull(), lines.ordered_at < ibis.literal(as_of))
    spent = known.group_by("customer_id").agg(revenue=known.amount.sum())
    return spent.semi_join(bought_orders(lines, as_of=as_of).select("customer_id").distinct(), "customer_id")


def high_value(lines: ir.Table, project: Project, *, as_of: datetime) -> tuple[dict, ir.Table]:
    """The customers who together made high_value_share of all revenue, or those above high_value_percentile where that is typed.

    Customers with the same revenue are on the same side; 0 and below is never high.
    Returns    facts: rule ("share" or "percentile"), wanted, buyers, n, share_of_customers, share_of_revenue, from_revenue (the least
               revenue of one who belongs; None where nobody earned anything), middle_from;
               and customer_id, revenue, band (high, middle, low), high_value
    """
    plan, spent = project.variables.predict, worth_so_far(lines, as_of=as_of).cache()
    counted = spent.group_by("revenue").agg(n=spent.count()).order_by(ibis.desc("revenue"))
    counted = counted.select(revenue=counted.revenue.cast("float64"), n=counted.n.cast("float64")).execute()  # as `is_high` compares
    revenue, n = counted["revenue"].to_numpy(), counted["n"].to_numpy()
    percentile = plan.high_value_percentile
    inside = worth_most(revenue, plan.high_value_share, percentile, n)
    wider = plan.high_value_share + (1 - plan.high_value_share) * MIDDLE
    middle = worth_most(revenue, wider, None if percentile is None else percentile / 2, n)
    earned = float((np.maximum(revenue, 0) * n).sum())
    facts = {
        "rule": "share" if percentile is None else "percentile",
        "wanted": plan.high_value_share if percentile is None else percentile,
        "buyers": int(n.sum()),
        "n": int(n[inside].sum()),
        "share_of_customers": float(n[inside].sum() / n.sum()) if n.sum() else None,
        "share_of_revenue": float((revenue * n)[inside].sum() / earned) if earned else None,
        "from_revenue": float(revenue[inside].min()) if inside.any() else None,
        "middle_from": float(revenue[middle].min()) if middle.any() else None,
    }
    least, next_least = facts["from_revenue"], facts["middle_from"]
    is_high = ibis.literal(False) if least is None else spent.revenue.cast("float64") >= least
    is_middle = ibis.literal(False) if next_least is None else spent.revenue.cast("float64") >= next_least
    band = ibis.cases((is_high, BANDS[0]), (is_middle, BANDS[1]), else_=BANDS[2])
    return facts, spent.mutate(band=band, high_value=is_high)


def by_half(lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """customer_id, seniority: in which half of the history they first bought, where less than a year of it tells nothing of loyalty."""
    bought = bought_orders(lines, as_of=as_of)
    first = bought.group_by("customer_id").agg(first=bought.ordered_at.min())
    known = days_between(first["first"], as_of)
    late = known <= known.max() / 2
    return first.select("customer_id", seniority=late.ifelse(*HALVES))


def standing(classes: ir.Table | None, worth: ir.Table, lines: ir.Table, project: Project, *, as_of: datetime) -> pd.DataFrame:
    """How many customers stand where, by seniority and by what they have brought so far.

    classes    customer_id, seniority (variables.descriptors.seniority); None: by the half of the history in which they came
    worth      result of `high_value`
    Returns    seniority, band, n, revenue, share_of_revenue: a row a cell, prospects left out; n and money missing where the number, or
               what follows from it, is below min_cell
    """
    classes = by_half(lines, as_of=as_of) if classes is None else classes
    joined = worth.join(classes.select("customer_id", "seniority"), "customer_id")
    found = joined.group_by(["seniority", "band"]).agg(n=joined.count(), revenue=joined.revenue.sum()).execute()
    levels = [s for s in (*SENIORITIES, *HALVES) if s in set(found["seniority"])]
    grid = pd.MultiIndex.from_product([levels, BANDS], names=["seniority", "band"])
    found = found.set_index(["seniority", "band"]).astype("float64").reindex(grid, fill_value=0.0)
    counts = found["n"].to_numpy(dtype="int64").reshape(len(levels), len(BANDS))
    shut = covered_table(counts, least=project.min_cell).ravel() if len(levels) else np.zeros(0, dtype=bool)
    found["share_of_revenue"] = found["revenue"] / (found["revenue"].clip(lower=0).sum() or 1.0)
    found.loc[shut] = np.nan
    return found.reset_index()
