"""One measurement of the chain: everyone in scope at a date, by given tables, definitions and document, with money beside the label."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace

import ibis
import ibis.expr.types as ir

from helpers.build import apply
from helpers.build import customers as with_attributes
from helpers.build.inputs import KEY
from helpers.build.profiles import revenue
from helpers.engine import Window, before
from helpers.project import CONTRACT, Project
from helpers.reevaluate.causes.chain import MONEY
from helpers.variables import descriptors, in_window

BEHAVIOUR = ("orders", "contacts", "events", "answers", "comments", "consents")
"""Tables whose rows are dated, so that what was known at a date can be told."""


@dataclass(frozen=True)
class Data:
    """Checked tables of step 3 by name, customers among them (attributes; in no run are they dated)."""

    tables: dict[str, ir.Table]


def trailing(as_of: datetime, plan: Project) -> Window:
    """The window in which behaviour is measured at as_of."""
    return Window("published", as_of - timedelta(days=plan.scope.window_days), as_of, None, True)


def inputs(data: Data, plan: Project, document: dict, *, as_of: datetime) -> ir.Table:
    """The key and the variables of a document, everyone in scope at as_of under these definitions.

    A variable that the data do not hold is missing for everyone.
    """
    tables = data.tables
    table, _ = in_window(trailing(as_of, plan), tables, plan)
    wanted = {v["name"]: v["kind"] for v in document["variables"]}
    if any(name not in table.columns for name in wanted):
        table = _described(table.cache(), tables, plan, as_of)
    lacking = {n: ibis.null("float64" if kind == "number" else "string") for n, kind in wanted.items() if n not in table.columns}
    return table.mutate(**lacking).select(KEY, *wanted)


def _described(table: ir.Table, tables: dict[str, ir.Table], plan: Project, as_of: datetime) -> ir.Table:
    """With attributes and answers to items, as step 6 joins them."""
    people = tables["customers"].semi_join(table, KEY)
    described, _ = descriptors.describe(people, tables, plan, as_of=as_of)
    given = {"variables": table, "descriptors": described, "answers": tables.get("answers")}
    return with_attributes(
        SimpleNamespace(project=plan, take=lambda step, name: given[name], gives=lambda step, name: given.get(name) is not None)
    )


def stage(table: ir.Table, document: dict, orders: ir.Table, window: Window) -> ir.Table:
    """Labels of everyone in a table of inputs, and what they spent in the window per 30 days.

    Returns  customer_id, segment, money (decimal)
    """
    labels = apply(document, table).select(KEY, "segment")
    spent = revenue(orders, window)
    days = (window.built_at - window.built_from).total_seconds() / 86_400
    joined = labels.left_join(spent, KEY)
    money = (joined.revenue.fill_null(0).cast("float64") * (30 / days)).cast(MONEY)
    return joined.select(KEY, "segment", money=money).cache()


def measured(data: Data, plan: Project, document: dict, *, as_of: datetime) -> ir.Table:
    """`stage` of tables measured anew."""
    return stage(inputs(data, plan, document, as_of=as_of), document, data.tables["orders"], trailing(as_of, plan))


def as_then(checked: dict[str, ir.Table], as_of: datetime) -> dict[str, ir.Table]:
    """Today's checked rows as far as they were known at an earlier date: of dated tables those dated before it."""
    dated = {name: CONTRACT[name]["dated"] for name in checked}
    return {name: before(table, dated[name], as_of) if dated[name] else table for name, table in checked.items()}


def filled(tables: dict[str, ir.Table], like: dict[str, ir.Table]) -> dict[str, ir.Table]:
    """The tables with the columns, and the tables, that only others have: missing, and empty."""
    result = {}
    for name, other in like.items():
        table = tables[name] if name in tables else other.limit(0)
        lacking = {c: ibis.null(kind) for c, kind in other.schema().items() if c not in table.columns}
        result[name] = table.mutate(**lacking) if lacking else table
    return result | {name: table for name, table in tables.items() if name not in like}


def differing(then: dict[str, ir.Table], now: dict[str, ir.Table]) -> dict:
    """Rows of the same past that are not the same in two runs.

    then, now   checked tables under the same ids, cut at the same date; compared in the columns that both have, rows of customers alone
    Returns     removed, added (a corrected row is both), customers concerned, tables (names), lost: columns of then that now lacks
    """
    told, who, lost = {"removed": 0, "added": 0, "tables": []}, [], []
    for name in [each for each in BEHAVIOUR if each in then]:
        if name not in now:
            lost.append(name)
            continue
        both = [c for c in then[name].columns if c in now[name].columns]
        lost += [f"{name}.{c}" for c in then[name].columns if c not in both]
        kinds = then[name].schema()
        sides = then[name].select(both), now[name].select(**{c: now[name][c].cast(kinds[c]) for c in both})
        a, b = (side.filter(side[KEY].notnull()) for side in sides)
        others = _others(a, b)
        if not int(others.count().execute()):
            continue
        a, b = (side.semi_join(others, KEY).cache() for side in (a, b))
        told["removed"] += int(a.difference(b, distinct=False).count().execute())
        told["added"] += int(b.difference(a, distinct=False).count().execute())
        told["tables"].append(name)
        who.append(others)
    concerned = ibis.union(*who, distinct=True) if len(who) > 1 else who[0] if who else None
    return told | {"customers": int(concerned.count().execute()) if concerned is not None else 0, "lost": lost}


def _others(a: ir.Table, b: ir.Table) -> ir.Table:
    """Customers whose rows are not the same, by the number of their rows and the sum of a digest of each: far less work than row by row."""

    def of_each(rows: ir.Table) -> ir.Table:
        digest = ibis.struct({c: rows[c] for c in rows.columns}).hash()
        counted = rows.mutate(digest_=digest).group_by(KEY)
        return counted.agg(n_=ibis._.count(), digest_=ibis._.digest_.cast("decimal(38, 0)").sum()).cache()

    one, other = of_each(a), of_each(b)
    return one.difference(other).select(KEY).union(other.difference(one).select(KEY), distinct=True).cache()


def later_added(past: dict[str, ir.Table], checked: dict[str, ir.Table], as_of: datetime) -> dict[str, ir.Table]:
    """The past as the earlier run knew it, and today's rows since then: what time alone brought."""
    result, moment = {}, ibis.literal(as_of, "timestamp")
    for name, table in past.items():
        dated = CONTRACT[name]["dated"]
        if dated is None or name not in checked:
            result[name] = checked.get(name, table) if dated is None else table
            continue
        rows = checked[name].filter(checked[name][dated] >= moment)
        kinds = table.schema().items()
        rows = rows.select(**{c: rows[c].cast(kind) if c in rows.columns else ibis.null(kind) for c, kind in kinds})
        result[name] = table.union(rows)
    return result
