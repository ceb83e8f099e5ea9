"""Measurable: is the money of a segment known closely enough, and are the values known that put people into it?"""

import ibis.expr.types as ir
import numpy as np

from helpers.build.criteria.figures import criterion, exact, figure, share
from helpers.build.describe import mean_with_interval
from helpers.build.profiles import revenue
from helpers.engine import Window
from helpers.project import Project

CAP = 0.99
"""Quantile of everyone's revenue above which money is held at it: one huge invoice says little about the next one."""
EVERYBODY = ""
"""The key of the row about all customers together."""


def measurable(step, members: ir.Table, customers: ir.Table, orders: ir.Table, window: Window, defining: list[str]) -> dict[str, dict]:
    """Revenue and margin per customer and 30 days, and the missing share of the variables that define the segments.

    members    customer_id, segment;  customers: customer_id and the defining variables;  orders: order lines
    defining   variables of the document
    Returns    segment (EVERYBODY: all) → criterion: revenue (mean, capped at everyone's 99 % quantile; 95 % interval over bootstrap draws
               of its customers, labels held), margin (where a rate is typed), half_width (half of the interval ÷ mean), capped (share of
               its customers above the cap), missing (largest missing share among the defining variables)
    """
    spent = members.select("customer_id", "segment").left_join(revenue(orders, window), "customer_id").drop("customer_id_right")
    spent = spent.mutate(revenue=spent.revenue.fill_null(0).cast("float64")).cache()
    cap = spent.revenue.quantile(CAP).execute()
    counted = spent.group_by("segment").agg(n=spent.count(), capped=(spent.revenue > float(cap or 0)).cast("int64").sum()).execute()
    counts = {row.segment: (int(row.n), int(row.capped)) for row in counted.itertuples()}
    counts[EVERYBODY] = tuple(sum(each[i] for each in counts.values()) for i in (0, 1))
    sample = step.sample(spent)
    months = (window.built_at - window.built_from).days / 30
    held = np.minimum(sample["revenue"].to_numpy(dtype="float64"), cap) / months
    labels, lacking = sample["segment"].to_numpy(), missing(members, customers, defining)
    result = {}
    for segment, (n, capped) in counts.items():
        own = held if segment == EVERYBODY else held[labels == segment]
        result[segment] = judged(own, (capped, n), lacking.get(segment, (0, n)), step.project)
    return result


def judged(values: np.ndarray, capped: tuple[int, int], lacking: tuple[int, int], project: Project) -> dict:
    """The criterion of one segment.

    values    revenue of each sampled customer, capped;  capped, lacking: number and of how many
    """
    limits, rate = project.scope.criteria, project.target.margin_rate
    mean = mean_with_interval(values, draws=project.build.draws, seed=project.seed)
    known = mean["low"] is not None and mean["value"] > 0
    half = (mean["high"] - mean["low"]) / 2 / mean["value"] if known else None
    figures = {
        # half of an interval has no interval of its own
        "half_width": exact(half, at_most=limits.measurable_half_width),
        "missing": share(*lacking, at_most=limits.measurable_missing),
        "revenue": figure(**mean),
        "capped": share(*capped),
    }
    if rate is not None:
        figures["margin"] = figure(*(None if mean[key] is None else mean[key] * rate for key in ("value", "low", "high")))
    return criterion(figures, None if known else "few" if mean["low"] is None else "no_revenue")


def missing(members: ir.Table, customers: ir.Table, defining: list[str]) -> dict[str, tuple[int, int]]:
    """segment (EVERYBODY: all) → customers who lack the defining variable that most of the segment lack, of how many."""
    names = [name for name in defining if name in customers.columns]
    joined = members.select("customer_id", "segment").join(customers.select("customer_id", *names), "customer_id")
    lacks = {}
    for place, name in enumerate(names):
        column = joined[name]
        unknown = column.isnull() | column.isnan() if column.type().is_floating() else column.isnull()
        lacks[f"lacks_{place}"] = unknown.cast("int64").sum()
    found = joined.group_by("segment").agg(n=joined.count(), **lacks).order_by("segment").execute().set_index("segment")
    counts = found.drop(columns="n")
    result = {s: (int(counts.loc[s].max()) if names else 0, int(found.loc[s, "n"])) for s in found.index}
    return result | {EVERYBODY: (int(counts.sum().max()) if names else 0, int(found["n"].sum()))}


__all__ = ["EVERYBODY", "judged", "measurable", "missing"]
