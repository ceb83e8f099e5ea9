"""What was known of customers at a cut in time, and who bought nothing in the days after it: nothing later gets in."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError
from helpers.engine import Window, before
from helpers.project import Project
from helpers.variables.catalogue import catalogue
from helpers.variables.formulas import DATED, bought_orders, in_window

MISSED = "missed_orders"
"""The purchases that a customer's usual pace would have brought since the last one: recency in units of the own rhythm."""


def known_at(checked: Mapping[str, ir.Table], cut: datetime) -> dict[str, ir.Table]:
    """The dated tables as they stood at the cut: later rows gone, later moments in earlier rows missing."""
    return {name: before(checked[name], column, cut) for name, column in DATED.items() if name in checked}


def refuse_later(tables: Mapping[str, ir.Table], cut: datetime) -> None:
    """Refuse whatever was not known at the cut: a model taught on it would be praised for knowing the answer.

    Raises NinefoldError naming the table, the column and the moment, for a moment at or after the cut in any column
    """
    for name, table in tables.items():
        moments = [column for column, kind in table.schema().items() if kind.is_temporal() and not kind.is_time()]
        if not moments:
            continue
        latest = table.aggregate(**{column: table[column].max() for column in moments}).execute().iloc[0]
        for column in moments:
            value = latest[column]
            if value is not None and value == value and _moment(value) >= cut:
                raise NinefoldError(
                    f"Attrition is learnt from what was known before {cut:%Y-%m-%d}, but {name}.{column} holds {_moment(value)}: "
                    "an outcome must not be among the variables. Cut the table there, or leave the variable out."
                )


def _moment(value) -> datetime:
    return datetime.fromisoformat(str(value)).replace(tzinfo=None)


def variables_at(checked: Mapping[str, ir.Table], project: Project, *, cut: datetime) -> ir.Table:
    """The variables of the customers in scope at the cut, measured from what was known then (customer_id, variables)."""
    known = known_at(checked, cut)
    refuse_later(known, cut)
    start = cut - timedelta(days=project.scope.window_days)
    found = in_window(Window("cut", start, cut, None, True), known, project)[0]
    refuse_later({"variables": found}, cut)
    return found


def with_pace(measured: ir.Table, project: Project) -> ir.Table:
    """customer_id and the numeric variables of the catalogue, with `missed_orders` where recency and pace are known."""
    names = [v.name for v in catalogue(project) if v.name in measured.columns and measured[v.name].type().is_numeric()]
    columns = {name: measured[name].cast("float64") for name in names}
    if {"recency_days", "orders_per_30d"} <= set(names):
        columns[MISSED] = columns["recency_days"] * columns["orders_per_30d"] / 30.0
    return measured.select("customer_id", **columns)


def lost_after(lines: ir.Table, customers: ir.Table, *, cut: datetime, days: int) -> ir.Table:
    """Who bought nothing in [cut, cut + days): all columns of `customers`, and lost (0 or 1). Refunds are no purchase."""
    bought = bought_orders(lines, as_of=cut + timedelta(days=days))
    came = bought.filter(bought.ordered_at >= ibis.literal(cut, type="timestamp")).select("customer_id").distinct().mutate(came_=1)
    joined = customers.left_join(came, "customer_id")
    return joined.select(*[joined[c] for c in customers.columns], lost=joined.came_.isnull().cast("int64"))
