"""Money as profit where a margin is typed: target.margin_rates by category, target.margin_rate for the rest. Without it, revenue."""

import ibis
import ibis.expr.types as ir

from helpers.engine import total
from helpers.project import Project


def basis(project: Project) -> str:
    """margin, or revenue: no margin is typed, or none for what the typed categories leave out."""
    return "margin" if project.target.margin_rate is not None else "revenue"


def rate_of(lines: ir.Table, project: Project) -> ir.Value:
    """The margin of each order line, as a share of its amount (0-1); 1 where money is revenue."""
    if basis(project) == "revenue":
        return ibis.literal(1.0)
    rates, rest = project.target.margin_rates, float(project.target.margin_rate)
    if not rates or "category" not in lines.columns:
        return ibis.literal(rest)
    return ibis.cases(*[(lines.category == name, float(rate)) for name, rate in rates.items()], else_=rest)


def unsold(lines: ir.Table, project: Project) -> list[str]:
    """The categories of target.margin_rates that no order line has: their margin moves nothing."""
    typed = list(project.target.margin_rates)
    if not typed or "category" not in lines.columns:
        return typed
    sold = lines.filter(lines.category.isin(typed)).select("category").distinct().execute()
    return [name for name in typed if name not in set(sold["category"])]


def money(lines: ir.Table, project: Project) -> ir.Value:
    """What each order line brings, refunds below 0: margin or revenue, as a decimal, so that sums do not depend on the order of rows."""
    return (lines.amount.cast("float64") * rate_of(lines, project)).cast("decimal(38, 9)")


def by_customer(lines: ir.Table, project: Project) -> ir.Table:
    """customer_id, margin: the margin of what each customer bought so far, as a share of its price (0-1); else the usual one.

    Without margins by category it is the same for all; 1 where money is revenue.
    """
    known = lines.filter(lines.customer_id.notnull())
    people = known.select("customer_id").distinct()
    if basis(project) == "revenue" or not project.target.margin_rates or "category" not in lines.columns:
        return people.mutate(margin=ibis.literal(overall(lines, project)))
    sold = known.filter(known.amount > 0)
    each = sold.group_by("customer_id").agg(whole=sold.amount.sum(), margin=money(sold, project).sum())
    each = each.select("customer_id", margin=each.margin.cast("float64") / each.whole.cast("float64"))
    joined = people.left_join(each, "customer_id")
    return joined.select("customer_id", margin=joined.margin.fill_null(overall(lines, project)))


def overall(lines: ir.Table, project: Project) -> float:
    """The margin of everything sold, as a share of its price (0-1); 1 where money is revenue."""
    if basis(project) == "revenue":
        return 1.0
    sold = lines.filter(lines.amount > 0)
    found = sold.aggregate(whole=total(sold.amount), margin=money(sold, project).sum()).execute().iloc[0]
    return float(found["margin"]) / float(found["whole"]) if found["whole"] else float(project.target.margin_rate)
