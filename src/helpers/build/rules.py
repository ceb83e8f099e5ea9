"""Rules that people type as a document of segments, and counted: clause after clause, together, and in their order of priority."""

import functools
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import NinefoldError
from helpers.build.document import holds
from helpers.build.inputs import Column
from helpers.build.rules_read import conditions, simple, variables_of
from helpers.project import Project
from helpers.project.building import Rule

KEY = "customer_id"
MOST = 99
"""Segments at most: ids are S1 to S99."""


@dataclass(frozen=True)
class Counted:
    """What rules find among customers. Money is net revenue of the order lines given, None without them.

    customers   how many were counted;  revenue: of all of them
    rules       a row a rule: rule, segment (id, None where it makes none), fitting, first (fit no rule above it that makes a segment),
                revenue (of those)
    everyone_else  customers whom no rule fits;  revenue_else: theirs
    clauses     a row a clause, in the order typed: rule, depth (0 = outermost), how ("all": every clause must hold, "any": one is enough),
                condition, left (customers left after it, the clauses before it counted in)
    overlap     rules × rules: customers who fit both
    """

    customers: int
    revenue: float | None
    rules: pd.DataFrame
    everyone_else: int
    revenue_else: float | None
    clauses: pd.DataFrame
    overlap: pd.DataFrame

    def evidence(self) -> dict:
        """The same for a JSON file."""
        return {
            "customers": self.customers,
            "revenue": self.revenue,
            "rules": self.rules.to_dict("records"),
            "everyone_else": {"n": self.everyone_else, "revenue": self.revenue_else},
            "clauses": self.clauses.to_dict("records"),
            "overlap": {name: {other: int(n) for other, n in row.items()} for name, row in self.overlap.T.items()},
            "consequences": consequences(self),
        }


def document_of(rules: Sequence[Rule], project: Project, columns: Mapping[str, Column]) -> dict:
    """The segmentation document of the rules: a segment a rule in the order of priority, and everyone else.

    Raises NinefoldError as `conditions` does, and when no rule makes a segment
    """
    found = conditions(rules, project, columns)
    kept = [rule.name for rule in rules if rule.segment]
    if not kept or len(kept) >= MOST:
        remedy = "Type one to 98 rules that make a segment (see the help of build.rules)."
        raise NinefoldError(f"{project.file}: field build.rules has {len(kept)} rules that make a segment. {remedy}")
    used = {name for rule in rules for name in (*rule.union, *rule.intersect, *rule.subtract)}
    ids = [f"S{n + 1}" for n in range(len(kept) + 1)]
    match = {
        "define": {name: found[name] for name in found if name in used},
        "rules": [
            {"segment": id_, "name": name, "when": {"rule": name} if name in used else found[name]}
            for id_, name in zip(ids, kept, strict=False)
        ],
        "otherwise": ids[-1],
    }
    names = sorted({name for rule in found for name in variables_of(found[rule])}, key=list(columns).index)
    return {
        "format": 2,
        "version": 1,
        "key": KEY,
        "made_by": "rules",
        "variables": [_variable(columns[name]) for name in names],
        "segments": [{"id": id_, "name": None, "colour": ""} for id_ in ids],
        "assign": {"first_match": match},
    }


def counted(
    rules: Sequence[Rule], project: Project, columns: Mapping[str, Column], customers: ir.Table, *, orders: ir.Table | None = None
) -> Counted:
    """How many customers fit each rule, after each of its clauses, and both of two rules; one query over the customers.

    customers  one row a customer: customer_id and the columns of the rules
    orders     order lines of the window: customer_id, amount; for the revenue beside
    Raises     NinefoldError as `conditions` does
    """
    found = conditions(rules, project, columns)
    segments = [rule.name for rule in rules if rule.segment]
    table = _marked(customers, found, columns, orders)
    clauses = [row for name, one in found.items() for row in _clauses(name, one)]
    defined = {name: f"fits_{name}" for name in found}
    asked = {f"clause_{n}": _sum(holds(row["counted"], table, defined)) for n, row in enumerate(clauses)}
    asked |= {f"fit_{a}_{b}": _sum(table[f"fits_{a}"] & table[f"fits_{b}"]) for a, b in itertools.combinations_with_replacement(found, 2)}
    places = {name: _first(name, segments, table) for name in found} | {"": ~_any([table[f"fits_{name}"] for name in segments])}
    asked |= {f"first_{name}": _sum(one) for name, one in places.items()} | {"all_": table.count()}
    if orders is not None:
        money = {f"money_{name}": table.revenue_.sum(where=one).coalesce(0) for name, one in places.items()}
        asked |= money | {"money_all_": table.revenue_.sum().coalesce(0)}
    row = table.agg(**asked).execute().iloc[0]
    return _as_counted(row, found, segments, clauses, money=orders is not None)


def consequences(found: Counted) -> list[dict]:
    """What only the data show: {rule, code} with code "nobody", "everybody", "nobody left" (those above it take all), and "no one else"."""
    result = []
    for row in found.rules.itertuples():
        if found.customers and row.fitting in (0, found.customers):
            result.append({"rule": row.rule, "code": "everybody" if row.fitting else "nobody"})
        elif found.customers and row.segment is not None and not row.first:
            result.append({"rule": row.rule, "code": "nobody left"})
    if found.customers and not found.everyone_else:
        result.append({"rule": "", "code": "no one else"})
    return result


def _variable(column: Column) -> dict:
    if column.kind == "category":
        return {"name": column.name, "kind": "category", "levels": [], "steps": []}
    return {"name": column.name, "kind": "number", "missing": None, "steps": []}


# Counting


def _marked(customers: ir.Table, found: dict[str, dict], columns: Mapping[str, Column], orders: ir.Table | None) -> ir.Table:
    """The columns of the rules, fits_<rule> for each of them, and revenue_ where there are orders."""
    used = sorted({name for one in found.values() for name in variables_of(one)})
    table = customers.select(KEY, **{name: _known(customers[name], columns[name]) for name in used})
    if orders is not None:
        spent = orders.group_by(KEY).agg(revenue_=orders.amount.sum())
        table = table.left_join(spent, KEY).drop(f"{KEY}_right")
    for name, one in found.items():  # a stage a rule: one that names others reads their column, else texts would grow without bound
        table = table.mutate(**{f"fits_{name}": holds(one, table, {other: f"fits_{other}" for other in found})})
    return table


def _known(value: ir.Column, column: Column) -> ir.Value:
    if column.kind == "category":
        return value.cast("string")
    value = value.cast("float64")
    return ibis.cases((~value.isnan(), value))


def _clauses(rule: str, condition: dict, before: tuple = (), depth: int = 0) -> Iterator[dict]:
    """The clauses of a rule in their order, each with the condition that counts those left after it."""
    way = "any" if "any" in condition else "all"
    parts = [condition] if simple(condition) else condition[way]
    for n, part in enumerate(parts):
        earlier = (*before, *parts[:n]) if way == "all" else before
        so_far = [*earlier, part] if way == "all" else [*before, {"any": parts[: n + 1]}]
        if not simple(part):
            yield from _clauses(rule, part, earlier, depth + 1)
        yield {"rule": rule, "depth": depth, "how": way, "condition": part, "counted": {"all": so_far}}


def _first(name: str, segments: list[str], table: ir.Table) -> ir.BooleanValue:
    """Whether a customer fits a rule and none above it that makes a segment."""
    above = segments[: segments.index(name)] if name in segments else []
    fits = table[f"fits_{name}"]
    return fits & ~_any([table[f"fits_{each}"] for each in above]) if above else fits


def _any(values: list[ir.BooleanValue]) -> ir.BooleanValue:
    return functools.reduce(operator.or_, values)


def _sum(condition: ir.BooleanValue) -> ir.IntegerScalar:
    return condition.cast("int64").sum().coalesce(0)


def _as_counted(row: pd.Series, found: dict[str, dict], segments: list[str], clauses: list[dict], *, money: bool) -> Counted:
    revenue = {name: float(row[f"money_{name}"]) if money else None for name in (*found, "", "all_")}
    rules = pd.DataFrame(
        [
            {
                "rule": name,
                "segment": f"S{segments.index(name) + 1}" if name in segments else None,
                "fitting": int(row[f"fit_{name}_{name}"]),
                "first": int(row[f"first_{name}"]),
                "revenue": revenue[name],
            }
            for name in found
        ],
        columns=["rule", "segment", "fitting", "first", "revenue"],
        dtype="object",  # None stays None
    )
    told = [
        {key: each[key] for key in ("rule", "depth", "how", "condition")} | {"left": int(row[f"clause_{n}"])}
        for n, each in enumerate(clauses)
    ]
    names = list(found)
    both = [[int(row[f"fit_{names[min(a, b)]}_{names[max(a, b)]}"]) for b in range(len(names))] for a in range(len(names))]
    return Counted(
        int(row["all_"]),
        revenue["all_"],
        rules,
        int(row["first_"]),
        revenue[""],
        pd.DataFrame(told, columns=["rule", "depth", "how", "condition", "left"]),
        pd.DataFrame(both, index=names, columns=names),
    )
