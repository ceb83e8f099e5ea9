"""The rules of project.yml read into conditions, and what their words alone tell: nobody, everybody, the same twice.

A condition is what documents hold (build/document): {variable, at_least?, below?}, {variable, in: [..]}, {variable, missing: true},
{all: [..]}, {any: [..]}, {not: ..}, {rule: name}. A missing value fulfils no comparison, so `not x > 5` holds where x is missing.
"""

import ast
import difflib
import functools
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.inputs import Column
from helpers.grammar import Tree, parse, written
from helpers.project import Project
from helpers.project.building import Rule

CASES = 1_000_000
"""Cases that are told apart when rules are compared by their words; above, only the data tell what they do."""
FLIPPED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}


def conditions(rules: Sequence[Rule], project: Project, columns: Mapping[str, Column]) -> dict[str, dict]:
    """The condition of each rule, by name, in the order typed.

    Raises NinefoldError for an expression that is no condition on known columns, a condition (or a part of one) that can never hold or
    always holds, two rules that say the same, and a rule that those above it leave nobody.
    """
    found: dict[str, dict] = {}
    for rule in rules:
        field = f"{project.file}: build.rules.{rule.name}"
        found[rule.name] = _condition(rule, field, columns)
        _refuse_idle_parts(found[rule.name], found, field)
    _refuse_repeated(rules, found, project)
    return found


def variables_of(condition: dict) -> set[str]:
    """The variables of a condition, those of rules it names left aside."""
    return {part["variable"] for part in _parts(condition) if "variable" in part}


def expression_of(condition: dict) -> str:
    """A condition of comparisons as people would type it in `build.rules`."""
    name = f"`{condition['variable']}`" if not str(condition.get("variable", "")).isidentifier() else condition["variable"]
    if "missing" in condition:
        return f"missing({name})"
    if "in" in condition:
        return f"{name} == {condition['in'][0]!r}" if len(condition["in"]) == 1 else f"{name} in {condition['in']!r}"
    ends = [f"{name} >= {condition['at_least']:.12g}"] if condition.get("at_least") is not None else []
    return " and ".join([*ends, *([f"{name} < {condition['below']:.12g}"] if condition.get("below") is not None else [])])


# A condition as people see it


def said(condition: dict) -> str:
    """A condition in the grammar of `build.rules`, for messages."""
    if "rule" in condition:
        return condition["rule"]
    if "not" in condition:
        return f"not ({said(condition['not'])})"
    for way, join in (("all", " and "), ("any", " or ")):
        if way in condition:
            return join.join(f"({said(p)})" if {"all", "any"} & set(p) else said(p) for p in condition[way])
    return expression_of(condition)


def simple(condition: dict) -> bool:
    """Whether a condition is one comparison as people typed it, although a document writes > and <= with two."""
    parts = condition.get("all") or condition.get("any") or []
    return not parts or (len(variables_of(condition)) == 1 and len(parts) == 2 and comparison(condition) is not None)


def comparison(condition: dict) -> tuple[str, str, object] | None:
    """(variable, sign, value) of a condition that stands for one comparison: sign >=, <, >, <=, in, not in, missing or known."""
    match condition:
        case {"all": [{"variable": v, "at_least": low}, {"not": {"variable": w, "in": [same]}}]} if v == w and low == same:
            return v, ">", low
        case {"any": [{"variable": v, "below": high}, {"variable": w, "in": [same]}]} if v == w and high == same:
            return v, "<=", high
        case {"all": [{"not": {"variable": v, "in": values}}, {"not": {"variable": w, "missing": True}}]} if v == w:
            return v, "not in", values
        case {"not": {"variable": v, "missing": True}}:
            return v, "known", None
        case {"variable": v, "missing": True}:
            return v, "missing", None
        case {"variable": v, "in": values}:
            return v, "in", values
        case {"variable": v, "at_least": low} if condition.get("below") is None:
            return v, ">=", low
        case {"variable": v, "below": high} if condition.get("at_least") is None:
            return v, "<", high
    return None


# From an expression to a condition


def _condition(rule: Rule, field: str, columns: Mapping[str, Column]) -> dict:
    if rule.when:
        base = [_Reader(parse(rule.when, field=f"{field}.when"), f"{field}.when", columns).of()]
    elif rule.union:
        base = [{"any": [{"rule": name} for name in rule.union]}] if len(rule.union) > 1 else [{"rule": rule.union[0]}]
    else:
        base = [{"rule": name} for name in rule.intersect]
    parts = [*base, *({"not": {"rule": name}} for name in rule.subtract)]
    return parts[0] if len(parts) == 1 else {"all": parts}


class _Reader:
    """The condition of one expression."""

    def __init__(self, tree: Tree, field: str, columns: Mapping[str, Column]):
        self.tree, self.field, self.columns = tree, field, columns

    def of(self, node: ast.expr | None = None) -> dict:
        match node or self.tree.body:
            case ast.BoolOp(op=op, values=values):
                return {"all" if isinstance(op, ast.And) else "any": [self.of(value) for value in values]}
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return {"not": self.of(inner)}
            case ast.Compare(left=left, ops=ops, comparators=rights):
                pairs = zip([left, *rights], ops, rights, strict=False)
                found = [self._compared(*pair) for pair in pairs]
                return found[0] if len(found) == 1 else {"all": found}
            case ast.Call(func=ast.Name(id="missing"), args=[ast.Name() as name]):
                return {"variable": self._column(name).name, "missing": True}
            case other:
                raise self._fault(
                    other, "is no comparison. Compare a variable with a number or a text, such as x >= 3, or write missing(x)"
                )

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> dict:
        if not isinstance(left, ast.Name) and isinstance(right, ast.Name) and type(op) in FLIPPED:
            left, op, right = right, FLIPPED[type(op)](), left
        if not isinstance(left, ast.Name):
            raise self._fault(left, "is no variable: rules compare one variable with a constant. Derive others in variables.custom")
        column, listed = self._column(left), isinstance(op, (ast.In, ast.NotIn))
        values = [self._constant(each, column) for each in (right.elts if listed else [right])]
        return self._comparison(column, op, values)

    def _comparison(self, column: Column, op: ast.cmpop, values: list) -> dict:
        name, among = column.name, {"variable": column.name, "in": list(dict.fromkeys(values))}
        match op:
            case ast.Eq() | ast.In():
                return among
            case ast.NotEq() | ast.NotIn():
                return {"all": [{"not": among}, {"not": {"variable": name, "missing": True}}]}
        if column.kind == "category":
            raise self._fault(
                values[0], f"stands in an order with {name}, which holds texts. Write {name} == {values[0]!r} or {name} in [..]"
            )
        match op:
            case ast.GtE():
                return {"variable": name, "at_least": values[0]}
            case ast.Lt():
                return {"variable": name, "below": values[0]}
            case ast.Gt():  # a document knows no "above": at least, and not just this
                return {"all": [{"variable": name, "at_least": values[0]}, {"not": among}]}
        return {"any": [{"variable": name, "below": values[0]}, among]}

    def _column(self, node: ast.Name) -> Column:
        name = self.tree.column(node)
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, n=1)
            hint = f"Did you mean {near[0]}?" if near else "There are: " + ", ".join(self.columns) + "."
            raise NinefoldError(f"{self.field}: {name!r} in the expression {self.tree.text!r} is no variable of these customers. {hint}")
        return self.columns[name]

    def _constant(self, node: ast.expr, column: Column) -> float | str:
        bare, sign = (node.operand, -1) if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else (node, 1)
        value = bare.value if isinstance(bare, ast.Constant) else None
        if value is None or isinstance(value, bool):
            raise self._fault(node, f"is no constant. Compare {column.name} with a number or a text in quotes")
        if column.kind == "number" and isinstance(value, str):
            raise self._fault(node, f"is a text, and {column.name} holds numbers. Write a number without quotes")
        if column.kind == "category" and not isinstance(value, str):
            raise self._fault(node, f"is a number, and {column.name} holds texts. Write it in quotes, such as {column.name} == '{value}'")
        return value if isinstance(value, str) else sign * float(value)

    def _fault(self, node: ast.expr | float | str, what: str) -> NinefoldError:
        part = written(node, self.tree) if isinstance(node, ast.AST) else node
        return NinefoldError(f"{self.field}: {part!r} in the expression {self.tree.text!r} {what}.")


# What the words alone tell


def _parts(condition: dict) -> Iterator[dict]:
    """A condition and all that it is made of."""
    yield condition
    for part in (*condition.get("all", ()), *condition.get("any", ()), *([condition["not"]] if "not" in condition else ())):
        yield from _parts(part)


def _unfolded(condition: dict, define: dict) -> dict:
    """The condition with the rules that it names put in."""
    if "rule" in condition:
        return _unfolded(define[condition["rule"]], define)
    if "not" in condition:
        return {"not": _unfolded(condition["not"], define)}
    for way in ("all", "any"):
        if way in condition:
            return {way: [_unfolded(part, define) for part in condition[way]]}
    return condition


def _cases(conditions_: Sequence[dict]) -> dict[str, np.ndarray] | None:
    """Every combination of values that conditions (without names of rules) can tell apart: variable → its value in each case.

    A variable's values are those typed, one between each two neighbours, one beyond either end, and missing; those that fulfil the same
    comparisons are one. None when there are more than CASES combinations.
    """
    atoms: dict[str, list[dict]] = {}
    for part in itertools.chain.from_iterable(map(_parts, conditions_)):
        if "variable" in part:
            atoms.setdefault(part["variable"], []).append(part)
    values = {name: _told_apart(_typical(parts), parts) for name, parts in atoms.items()}
    if functools.reduce(operator.mul, map(len, values.values()), 1) > CASES:
        return None
    grid = np.meshgrid(*values.values(), indexing="ij")
    return {name: axis.ravel() for name, axis in zip(values, grid, strict=True)}


def _typical(parts: list[dict]) -> np.ndarray:
    typed = sorted({v for p in parts for v in (*p.get("in", ()), p.get("at_least"), p.get("below")) if v is not None}, key=str)
    if any(isinstance(v, str) for v in typed):
        return np.array([None, *typed, "".join(typed) + "?"], dtype=object)
    typed = sorted(typed)
    between = [(low + high) / 2 for low, high in itertools.pairwise(typed)]
    return np.array([np.nan, *([typed[0] - 1, typed[-1] + 1] if typed else [0.0]), *typed, *between])


def _told_apart(values: np.ndarray, parts: list[dict]) -> np.ndarray:
    truth = np.stack([_atom(part, values) for part in parts])
    _, places = np.unique(truth, axis=1, return_index=True)
    return values[np.sort(places)]


def _atom(part: dict, values: np.ndarray) -> np.ndarray:
    """Where one comparison holds."""
    missing = pd.isna(values)
    if "missing" in part:
        return missing
    if "in" in part:
        return (
            np.isin(values, np.array(part["in"], dtype=values.dtype))
            if values.dtype != object
            else pd.Series(values).isin(part["in"]).to_numpy()
        )
    holds = ~missing
    if part.get("at_least") is not None:
        holds &= values >= part["at_least"]
    if part.get("below") is not None:
        holds &= values < part["below"]
    return holds


def _holds(condition: dict, cases: dict[str, np.ndarray]) -> np.ndarray:
    """Where a condition without names of rules holds."""
    if "not" in condition:
        return ~_holds(condition["not"], cases)
    for way, join in (("all", np.logical_and), ("any", np.logical_or)):
        if way in condition:
            return join.reduce([_holds(part, cases) for part in condition[way]])
    return _atom(condition, cases[condition["variable"]])


def _refuse_idle_parts(condition: dict, define: dict, field: str) -> None:
    """Refuse a condition, or a part that joins several, that nobody can fulfil or that everybody does."""
    for part in _parts(condition):
        whole = _unfolded(part, define)
        cases = _cases([whole])
        if cases is None:
            continue
        holds = _holds(whole, cases)
        if holds.all() or not holds.any():
            what = "always holds" if holds.all() else "can never hold"
            where = "The condition" if part is condition else "A part of the condition"
            raise NinefoldError(f"{field}: {said(part)!r}: {where.lower()} {what}, whatever the data. Change it, or leave it out.")


def _refuse_repeated(rules: Sequence[Rule], found: dict[str, dict], project: Project) -> None:
    """Refuse two rules that say the same, and a rule all of whose customers are in segments above it."""
    whole = {name: _unfolded(one, found) for name, one in found.items()}
    for first, second in itertools.combinations(found, 2):
        cases = _cases([whole[first], whole[second]])
        if cases is not None and (_holds(whole[first], cases) == _holds(whole[second], cases)).all():
            raise NinefoldError(f"{project.file}: build.rules.{second} says the same as {first}. Keep one of the two.")
    above: list[dict] = []
    for rule in (rule for rule in rules if rule.segment):
        cases = _cases([*above, whole[rule.name]]) if above else None
        if cases is not None and not (_holds(whole[rule.name], cases) & ~_holds({"any": above}, cases)).any():
            raise NinefoldError(
                f"{project.file}: build.rules.{rule.name} has nobody left: whoever fits it fits a rule above it. "
                "Move it further up, or drop it."
            )
        above.append(whole[rule.name])
