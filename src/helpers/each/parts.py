"""The parts of a project: which values a column has, and whose records belong to each.

A part is one value. Who is one person is settled once, for all values and before the first is run: an attribute is that of the united
record, so that a person whose shop account names no country is where the customer file says. From then on a part is a list of ids as the
sources write them, and every step counts the rows of these ids and no others.
"""

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import ibis.expr.types as ir

from helpers import NinefoldError, run
from helpers.each.columns import By, refuse_measured, slug
from helpers.engine import Engine
from helpers.engine.tables import has_value
from helpers.project import Project
from helpers.project.only import DESCRIPTION, EACH, read_only

AT_MOST = 50
"""Values of a column: each is a whole report."""
ENOUGH = 30
"""Customers a segment that house style does not grey."""


@dataclass(frozen=True)
class Part:
    """One value of the column, and what became of it.

    value      None: no value
    slug       its folder
    customers  persons who bought before as_of, before rows are checked
    state      waiting, done, failed, few (fewer customers than `least`) or shielding (left out for the sake of the few)
    why        why it failed, in English
    seconds    that its report took
    """

    value: str | None
    slug: str
    customers: int
    state: str = "waiting"
    why: str = ""
    seconds: float = 0.0

    def with_(self, **changes) -> "Part":
        return replace(self, **changes)


def least_of(plan: Project, typed: int | None) -> int:
    """The fewest customers with which a value is run: as typed, else the fewest segments wanted, of 30 customers each.

    Raises NinefoldError below the fewest segments of min_cell customers each: none of them could be shown.
    """
    lowest = plan.scope.segments_from * plan.min_cell
    if typed is not None and typed < lowest:
        raise NinefoldError(
            f"least: {typed} is below {lowest}, that is {plan.scope.segments_from} segments (scope.segments_from) of {plan.min_cell} "
            "customers (min_cell): no figure of such a report could be shown. Give more, or leave it out."
        )
    return plan.scope.segments_from * max(ENOUGH, plan.min_cell) if typed is None else typed


def members(engine: Engine, by: By) -> ir.Table:
    """Every id with the value of the person whose it is, as known before as_of.

    Returns  customer_id (as the sources write it), person_, value_ (text or missing), bought_ (whether that person has ordered);
             several rows an id for a column of orders
    Raises   NinefoldError for more values than AT_MOST
    """
    orders = engine.source("orders")
    orders = orders.filter(orders.customer_id.notnull())
    records = engine.records()
    _refuse_many((orders if by.table == "orders" else records)[by.column], by, engine.project)
    matched = None
    if records is not None:
        from helpers import matching  # late: it takes a while to import

        matched = matching.match(SimpleNamespace(engine=engine, project=engine.project))
    ids = orders.select("customer_id").distinct()
    if records is not None:
        described = records.filter(records.customer_id.notnull())
        ids = ids.union(described.select("customer_id"), distinct=True)
    persons = _persons(ids.mutate(raw_=ids.customer_id), matched).select(customer_id="raw_", person_="customer_id")
    bought = _persons(orders, matched).select(person_="customer_id").distinct()
    joined = persons.left_join(bought.mutate(yes_=True), "person_")
    persons = joined.select("customer_id", "person_", bought_=joined.yes_.fill_null(False))
    valued = _valued(by, orders, records, matched)
    how = "inner" if by.table == "orders" else "left"
    return persons.join(valued, "person_", how=how).select("customer_id", "person_", "bought_", "value_").cache()


def _persons(rows: ir.Table, matched) -> ir.Table:
    if matched is None:
        return rows
    from helpers import matching

    return matching.applied(rows, matched.identity)


def _valued(by: By, orders: ir.Table, records: ir.Table | None, matched) -> ir.Table:
    """person_, value_: one row a person for an attribute (of several unmatched values the smallest), one a value for a column of orders."""
    if by.table == "orders":
        rows = _persons(orders, matched)
        return rows.select(person_=rows.customer_id, value_=_text(rows, by.column)).distinct()
    people = records.filter(records.customer_id.notnull()) if matched is None else matched.people
    people = people.mutate(value_=_text(people, by.column))
    return people.group_by(person_=people.customer_id).agg(value_=people.value_.min())


def _text(rows: ir.Table, column: str) -> ir.StringValue:
    return rows[column].cast("string")


def _refuse_many(values: ir.Column, by: By, plan: Project) -> None:
    refuse_measured(values.type(), by, plan)
    n = int(values.nunique().execute())
    if n > AT_MOST:
        raise NinefoldError(
            f"by: the column {by.column} of {by.table} in {plan.file} has {n:,} values, and at most {AT_MOST} are run, each with a report "
            "of its own. Choose a column with fewer, or map one that groups them."
        )


def parts(found: ir.Table, plan: Project, by: By, least: int) -> list[Part]:
    """The values with their folders, the most customers first; too small ones are marked.

    Where all that are too small hold fewer than min_cell customers together, the smallest of the others is left out too: what is told of
    the whole project and of every other value would tell about these few.
    """
    counted = found.filter(found.bought_).group_by("value_").agg(n=lambda t: t.person_.nunique()).execute()
    pairs = [
        (None if value is None or value != value else str(value), int(n)) for value, n in zip(counted["value_"], counted["n"], strict=True)
    ]
    pairs.sort(key=lambda pair: (-pair[1], pair[0] is None, pair[0] or ""))
    slugs = folders(plan, by, [value for value, _ in pairs])
    made = [Part(value, slugs[value], n, "waiting" if n >= least else "few") for value, n in pairs]
    rest, run_ = sum(part.customers for part in made if part.state == "few"), [part for part in made if part.state == "waiting"]
    if 0 < rest < plan.min_cell and run_:
        made = [part.with_(state="shielding") if part is run_[-1] else part for part in made]
    return made


def folders(plan: Project, by: By, values: list[str | None]) -> dict[str | None, str]:
    """A folder for each value: plain letters, no two alike, and the one that it had before."""
    taken: dict[str, str | None] = {}
    for path in sorted((plan.folder / "each" / by.folder).glob(f"*/{DESCRIPTION}")):
        with contextlib.suppress(NinefoldError):  # one that cannot be read is written anew
            taken[path.parent.name] = read_only(f"{plan.name}{EACH}{by.folder}/{path.parent.name}").value
    result = {value: slug for slug, value in taken.items() if value in values}
    for value in sorted((v for v in values if v not in result), key=lambda v: (v is None, v or "")):
        first, number = slug(value), 2
        free = first
        while free in taken:
            free, number = f"{first}-{number}", number + 1
        taken[free] = value
        result[value] = free
    return result


def write(part: Part, found: ir.Table, plan: Project, by: By, engine: Engine) -> str:
    """Make the part of the project ready to be run: its description and its ids. Returns its name, shop/each/country/france.

    engine   with which `members` found them
    """
    name = f"{plan.name}{EACH}{by.folder}/{part.slug}"
    folder = plan.folder / "each" / by.folder / part.slug
    path = folder / "customers.parquet"
    with run.saving(path):
        folder.mkdir(parents=True, exist_ok=True)
        ids = found.filter(has_value(found, "value_", part.value)).select("customer_id").distinct().order_by("customer_id")
        half = path.with_suffix(".tmp")
        engine.con.to_parquet(ids, str(half), compression="zstd")
        half.replace(path)
        only = {"table": by.table, "column": by.column, "value": part.value, "as_of": engine.as_of.isoformat()}
        run.write_json(folder / DESCRIPTION, only)
    return name


def place(plan: Project, by: By) -> Path:
    """The private folder of all parts of one column."""
    return plan.folder / "each" / by.folder
