"""One expression of project.yml as an Ibis expression: read with Python's grammar, and nothing but what is listed here is let through.

An expression knows columns, numbers, texts and the functions of FUNCTIONS. It cannot name a file, a module or an attribute, and it is
checked whole before anything runs.
"""

import ast
import difflib
import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError
from helpers.grammar import ARITHMETIC, COMPARISONS, FUNCTIONS, Tree, parse, refused, written

__all__ = ["FUNCTIONS", "build", "names"]


def build(text: str, columns: Mapping[str, ir.Value], *, field: str, wanted: Literal["number", "boolean"]) -> ir.Value:
    """An expression of project.yml over the columns of a table.

    text      such as `spend_per_30d / orders_per_30d`; a name with blanks stands in backticks
    columns   name → column; no other name is known
    field     where it is typed, for the message of an error
    wanted    "number": float64, missing where it divides by nothing or is not finite; "boolean": a missing condition does not hold

    Arithmetic is done in float64, whatever the columns hold. A missing value makes a sum or a comparison missing.
    Raises NinefoldError naming the field, the part at fault and what is allowed.
    """
    found = _Builder(field, columns, parse(text, field=field)).result()
    kind = _kind(found)
    if kind != wanted:
        hint = " Write `1 if … else 0`." if (kind, wanted) == ("boolean", "number") else ""
        hint = hint or (" Write number(…) around it." if (kind, wanted) == ("text", "number") else "")
        hint = hint or (" Compare it with something, such as `> 0`." if wanted == "boolean" else "")
        raise NinefoldError(f"{field}: {text!r} gives {KINDS[kind]}, where {KINDS[wanted]} is wanted.{hint}")
    return _finite(found) if wanted == "number" else found.fill_null(False)


def names(text: str, *, field: str) -> set[str]:
    """The columns that an expression uses.

    Raises NinefoldError for anything that is not allowed; which columns there are is checked by `build`.
    """
    tree = parse(text, field=field)
    called = {id(node.func) for node in ast.walk(tree.body) if isinstance(node, ast.Call)}
    return {tree.column(n) for n in ast.walk(tree.body) if isinstance(n, ast.Name) and id(n) not in called}


KINDS = {"number": "a number", "boolean": "yes or no", "text": "a text", "date": "a date"}
DIGITS = 15
"""Digits behind the point that a real number has, at most."""


class _Builder:
    """The parts of a checked expression, one Ibis expression each."""

    def __init__(self, field: str, columns: Mapping[str, ir.Value], tree: Tree):
        self.field, self.columns, self.tree = field, columns, tree

    def result(self) -> ir.Value:
        return self.of(self.tree.body)

    def of(self, node: ast.expr) -> ir.Value:
        match node:
            case ast.Name():
                return self._column(self.tree.column(node))
            case ast.Constant(value=value):
                return ibis.literal(value if isinstance(value, (str, bool)) else float(value))
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.UnaryOp(op=ast.Not()):
                return ~self._of_kind(node.operand, "boolean")
            case ast.UnaryOp():
                inner = self._number(node.operand)
                return -inner if isinstance(node.op, ast.USub) else inner
            case ast.BoolOp():
                both = operator.and_ if isinstance(node.op, ast.And) else operator.or_
                return _folded(both, [self._of_kind(value, "boolean") for value in node.values])
            case ast.IfExp():
                first, second = self._alike([node.body, node.orelse])
                return self._of_kind(node.test, "boolean").ifelse(first, second)
            case ast.Compare():
                return self._comparison(node)
            case ast.Call():
                return self._call(node)
        raise refused(node, self.field, self.tree, "this")

    def _column(self, name: str) -> ir.Value:
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            known = ", ".join(self.columns)
            raise NinefoldError(f"{self.field}: {name!r} in the expression {self.tree.text!r} is no column here.{hint} There are: {known}.")
        column = self.columns[name]
        return column.cast("float64") if column.type().is_decimal() else column

    def _of_kind(self, node: ast.expr, wanted: str) -> ir.Value:
        found = self.of(node)
        kind = _kind(found)
        if kind != wanted:
            part = written(node, self.tree)
            hint = " Write number(…) around it." if (kind, wanted) == ("text", "number") else ""
            raise NinefoldError(
                f"{self.field}: {part!r} in the expression {self.tree.text!r} is {KINDS[kind]}, where {KINDS[wanted]} is wanted.{hint}"
            )
        return found

    def _number(self, node: ast.expr) -> ir.FloatingValue:
        return self._of_kind(node, "number").cast("float64")

    def _arithmetic(self, node: ast.BinOp) -> ir.FloatingValue:
        left, right = self._number(node.left), self._number(node.right)
        if isinstance(node.op, (ast.Div, ast.Mod)):
            right = right.nullif(0.0)
        found = ARITHMETIC[type(node.op)](left, right)
        if isinstance(node.op, ast.Mod):  # the engine's remainder has the sign of the dividend, Python's that of the divisor
            found = ((found != 0) & ((found < 0) != (right < 0))).ifelse(found + right, found)
        return found

    def _alike(self, nodes: list[ast.expr]) -> list[ir.Value]:
        """Parts of one kind: numbers as float64; a text beside dates is read as a date."""
        found = [self.of(node) for node in nodes]
        kinds = [_kind(each) for each in found]
        if "date" in kinds:
            found = [self._date(node) if kind == "text" else each for node, each, kind in zip(nodes, found, kinds, strict=True)]
            kinds = [_kind(each) for each in found]
        if len(set(kinds)) > 1:
            pair = " and ".join(dict.fromkeys(KINDS[kind] for kind in kinds))
            parts = ", ".join(written(node, self.tree) for node in nodes)
            hint = " Write number(…) around the text." if {"text", "number"} <= set(kinds) else ""
            raise NinefoldError(
                f"{self.field}: {parts!r} in the expression {self.tree.text!r} puts together {pair}, which do not compare.{hint}"
            )
        return found

    def _date(self, node: ast.expr) -> ir.Value:
        try:
            return ibis.literal(datetime.fromisoformat(node.value), type="timestamp")
        except (AttributeError, TypeError, ValueError) as error:
            part = written(node, self.tree)
            raise NinefoldError(
                f"{self.field}: {part!r} in the expression {self.tree.text!r} stands beside a date and is none. Write '2017-10-01'."
            ) from error

    def _comparison(self, node: ast.Compare) -> ir.BooleanValue:
        found, left = [], node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, (ast.In, ast.NotIn)):
                first, *others = self._alike([left, *right.elts])
                among = _folded(operator.or_, [first == other for other in others])
                found.append(~among if isinstance(op, ast.NotIn) else among)
            else:
                found.append(COMPARISONS[type(op)](*self._alike([left, right])))
            left = right
        return _folded(operator.and_, found)

    def _call(self, node: ast.Call) -> ir.Value:
        name, given = node.func.id, node.args
        least, most = _ARGUMENTS[name]
        if not least <= len(given) <= most:
            part = written(node, self.tree)
            raise NinefoldError(f"{self.field}: {part!r} has {len(given)} arguments, which is not how it is used: {FUNCTIONS[name]}.")
        if name == "coalesce":
            return ibis.coalesce(*self._alike(given))
        if name == "missing":
            return self.of(given[0]).isnull()
        if name == "round":
            return self._rounded(given)
        if name in _ON_TEXT:
            if name != "lower":  # a part that is itself a column would be read as a pattern by some engines
                self._constant(given[1], str, name)
            return _ON_TEXT[name](*(self._of_kind(each, "text") for each in given))
        if name in ("year", "month"):
            found = self._of_kind(given[0], "date")
            return found.year() if name == "year" else found.month()
        if name == "number":
            return self._as_number(self.of(given[0]))
        return _ON_NUMBERS[name](*(self._number(each) for each in given))

    def _constant(self, node: ast.expr, kind: type, name: str):
        value = getattr(node, "value", None)
        if not isinstance(node, ast.Constant) or type(value) is not kind:
            part = written(node, self.tree)
            raise NinefoldError(f"{self.field}: {part!r} in the expression {self.tree.text!r} must be typed out: {FUNCTIONS[name]}.")
        return value

    def _rounded(self, given: list[ast.expr]) -> ir.FloatingValue:
        digits = self._constant(given[1], int, "round") if len(given) > 1 else 0
        if digits > DIGITS:
            raise NinefoldError(f"{self.field}: round in the expression {self.tree.text!r} asks for {digits} digits; {DIGITS} at most.")
        return self._number(given[0]).round(digits).cast("float64")

    def _as_number(self, found: ir.Value) -> ir.FloatingValue:
        kind = _kind(found)
        if kind == "date":
            raise NinefoldError(f"{self.field}: number() in the expression {self.tree.text!r} is given a date. Use year or month.")
        if kind == "boolean":
            return found.cast("int64").cast("float64")
        return _finite(found.strip().try_cast("float64")) if kind == "text" else found.cast("float64")


def _kind(value: ir.Value) -> str:
    """What a value is: the word that messages use."""
    found = value.type()
    if found.is_boolean():
        return "boolean"
    if found.is_numeric():
        return "number"
    return "date" if found.is_timestamp() or found.is_date() else "text"


def _finite(value: ir.NumericValue) -> ir.FloatingValue:
    """Missing where a number is not one, or larger than any."""
    value = value.cast("float64")
    return ibis.cases((value.isnan() | value.isinf(), ibis.null("float64")), else_=value)


def _folded(both: Callable, values: list[ir.Value]) -> ir.Value:
    result = values[0]
    for value in values[1:]:
        result = both(result, value)
    return result


_ARGUMENTS = {
    **dict.fromkeys(("abs", "log1p", "sqrt", "floor", "lower", "year", "month", "number", "missing"), (1, 1)),
    **dict.fromkeys(("min", "max", "coalesce"), (2, math.inf)),
    **dict.fromkeys(("contains", "starts_with"), (2, 2)),
    "round": (1, 2),
}
_ON_TEXT = {
    "contains": lambda text, part: text.contains(part),
    "starts_with": lambda text, part: text.startswith(part),
    "lower": lambda text: text.lower(),
}
_ON_NUMBERS = {
    "min": ibis.least,
    "max": ibis.greatest,
    "abs": lambda a: a.abs(),
    "floor": lambda a: a.floor().cast("float64"),
    # A case is worked out only where its condition holds; the engine would stop at the logarithm of a negative number.
    "log1p": lambda a: ibis.cases((a > -1, (1 + a).ln())),
    "sqrt": lambda a: ibis.cases((a >= 0, a.sqrt())),
}
