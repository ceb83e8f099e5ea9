"""One expression of project.yml as an Ibis expression: read with Python's grammar, and nothing but what is listed here is let through.

An expression knows columns, numbers, texts and the functions of FUNCTIONS. It cannot name a file, a module or an attribute, and it is
checked whole before anything runs.
"""

import ast
import difflib
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError

LONGEST = 1_000
"""Characters of an expression at most."""
DEEPEST = 50
"""Levels of brackets and operations inside one another, at most."""
LARGEST = 1e15
"""Numbers typed are smaller than this, in size: up to here a real number keeps every whole one apart."""

ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Mod: operator.mod}
COMPARISONS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FUNCTIONS = {
    "min": "min(a, b, …): the smallest of several numbers; missing ones are passed over",
    "max": "max(a, b, …): the largest of several numbers; missing ones are passed over",
    "abs": "abs(a): the size of a number, without its sign",
    "log1p": "log1p(a): natural logarithm of 1 + a; missing for a of -1 or less",
    "sqrt": "sqrt(a): square root; missing for a number below 0",
    "round": "round(a) or round(a, digits): rounded",
    "floor": "floor(a): the next whole number below",
    "coalesce": "coalesce(a, b, …): the first that is not missing",
    "contains": "contains(text, 'part'): whether the part occurs in the text; capitals count",
    "starts_with": "starts_with(text, 'part'): whether the text begins so; capitals count",
    "lower": "lower(text): in small letters",
    "year": "year(date): such as 2017",
    "month": "month(date): 1 to 12",
    "number": "number(text): the number that a text holds, with a decimal point; missing if it holds none",
}
"""What may be called: name → help."""

ALLOWED = (
    "Allowed are columns, numbers, texts in quotes, + - * / %, comparisons, in [..], and, or, not, `a if condition else b`, and the "
    f"functions {', '.join(FUNCTIONS)}."
)
SAID = {
    ast.Attribute: "a name after a dot",
    ast.Subscript: "square brackets after a name",
    ast.Lambda: "a function of its own",
    ast.Pow: "a power (**)",
    ast.FloorDiv: "// (write floor(a / b))",
    ast.BitAnd: "& (write and)",
    ast.BitOr: "| (write or)",
    ast.Invert: "~ (write not)",
    ast.Is: "is (write ==)",
    ast.IsNot: "is not (write !=)",
    ast.JoinedStr: "a text with values put in",
    ast.NamedExpr: "an assignment",
    ast.Starred: "a star",
    ast.ListComp: "a loop",
    ast.SetComp: "a loop",
    ast.DictComp: "a loop",
    ast.GeneratorExp: "a loop",
    ast.List: "a list anywhere but after `in`",
    ast.Tuple: "a list anywhere but after `in`",
}


def build(text: str, columns: Mapping[str, ir.Value], *, field: str, wanted: Literal["number", "boolean"]) -> ir.Value:
    """An expression of project.yml over the columns of a table.

    text      such as `spend_per_30d / orders_per_30d`; a name with blanks stands in backticks
    columns   name → column; no other name is known
    field     where it is typed, for the message of an error
    wanted    "number": float64, missing where it divides by nothing or is not finite; "boolean": a missing condition does not hold

    Arithmetic is done in float64, whatever the columns hold. A missing value makes a sum or a comparison missing.
    Raises NinefoldError naming the field, the part at fault and what is allowed.
    """
    found = _Builder(field, columns, _tree(text, field)).result()
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
    tree = _tree(text, field)
    called = {id(node.func) for node in ast.walk(tree.body) if isinstance(node, ast.Call)}
    return {tree.quoted.get(n.id, n.id) for n in ast.walk(tree.body) if isinstance(n, ast.Name) and id(n) not in called}


KINDS = {"number": "a number", "boolean": "yes or no", "text": "a text", "date": "a date"}


class _Tree(NamedTuple):
    """What was read: the text, its outermost part, and the names that stood in backticks."""

    text: str
    body: ast.expr
    quoted: dict[str, str]


def _tree(text: str, field: str) -> _Tree:
    """The expression as Python's grammar reads it, every part of it on the list of what is allowed."""
    if len(text) > LONGEST:
        raise NinefoldError(f"{field}: the expression has {len(text)} characters, {LONGEST} at most are read. Shorten it.")
    plain, quoted = _without_backticks(" ".join(text.split()) if "\n" in text else text.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        hint = " Compare with ==." if re.search(r"(?<![=!<>])=(?!=)", plain) else ""
        reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply or holds a strange character"
        raise NinefoldError(f"{field}: {text!r} cannot be read ({reason}).{hint} {ALLOWED}") from error
    tree = _Tree(text, body, quoted)
    for _ in _allowed(tree, field):
        pass
    return tree


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """`Order date` in backticks as a name that Python can read, texts in quotes left alone."""
    quoted: dict[str, str] = {}

    def stand_in(match: re.Match) -> str:
        if match[1] is None:
            return match[0]
        name = f"column_{len(quoted)}"
        while name in text:
            name += "_"
        quoted[name] = match[1]
        return name

    return re.sub(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`([^`]+)`""", stand_in, text), quoted


def _allowed(tree: _Tree, field: str) -> Iterator[ast.expr]:
    """Go through the parts; refuse the first that is not on the list, before any of them is given a meaning."""
    waiting: list[tuple[ast.expr, int]] = [(tree.body, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise NinefoldError(f"{field}: the expression is nested more than {DEEPEST} levels deep. Split it.")
        waiting += [(part, depth + 1) for part in _parts(node, tree, field)]
        yield node


def _parts(node: ast.expr, tree: _Tree, field: str) -> list[ast.expr]:
    """What a part is made of, once it is known to be allowed."""
    match node:
        case ast.Name():
            if node.id.startswith("_"):
                raise _refused(node, field, tree, "a name that begins with _")
            return []
        case ast.Constant():
            _check_constant(node, field, tree)
            return []
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            return [node.left, node.right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            return [node.operand]
        case ast.BoolOp():
            return node.values
        case ast.IfExp():
            return [node.test, node.body, node.orelse]
        case ast.Compare():
            return [node.left, *_compared(node, tree, field)]
        case ast.Call():
            return _arguments(node, tree, field)
        case ast.BinOp() | ast.UnaryOp():
            raise _refused(node, field, tree, SAID.get(type(node.op), "this operation"))
    raise _refused(node, field, tree, SAID.get(type(node), "this"))


def _check_constant(node: ast.Constant, field: str, tree: _Tree) -> None:
    value = node.value
    if not isinstance(value, (bool, int, float, str)):
        raise _refused(node, field, tree, "a value other than a number or a text")
    if isinstance(value, (int, float)) and not abs(value) < LARGEST:
        raise NinefoldError(f"{field}: a number of the expression is too large; it must stay below {LARGEST:.0e}.")


def _compared(node: ast.Compare, tree: _Tree, field: str) -> list[ast.expr]:
    """The right sides of a comparison; a list after `in` holds constants only."""
    result: list[ast.expr] = []
    for op, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, (ast.In, ast.NotIn)):
            if not isinstance(right, (ast.List, ast.Tuple)) or not right.elts:
                raise _refused(right, field, tree, "what follows `in`", " After `in` stands a list, such as ['a', 'b'].")
            if not all(isinstance(_bare(each), ast.Constant) for each in right.elts):
                raise _refused(right, field, tree, "a list that holds more than numbers and texts")
            result += right.elts
        elif type(op) in COMPARISONS:
            result.append(right)
        else:
            raise _refused(node, field, tree, SAID.get(type(op), "this comparison"))
    return result


def _bare(node: ast.expr) -> ast.expr:
    """A number without its minus sign."""
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node


def _arguments(node: ast.Call, tree: _Tree, field: str) -> list[ast.expr]:
    if not isinstance(node.func, ast.Name):
        raise _refused(node.func, field, tree, SAID.get(type(node.func), "this call"))
    if node.func.id not in FUNCTIONS:
        near = difflib.get_close_matches(node.func.id, FUNCTIONS, n=1)
        raise _refused(node, field, tree, f"the function {node.func.id}", f" Did you mean {near[0]}?" if near else "")
    if node.keywords:
        raise _refused(node, field, tree, "an argument with a name")
    return node.args


def _refused(node: ast.AST, field: str, tree: _Tree, what: str, hint: str = "") -> NinefoldError:
    part = _written(node, tree)
    return NinefoldError(f"{field}: {part!r} in the expression {tree.text!r} is not allowed: {what}.{hint} {ALLOWED}")


def _written(node: ast.AST, tree: _Tree) -> str:
    """A part as the analyst typed it."""
    try:
        part = ast.unparse(node)
    except (RecursionError, ValueError):
        return "…"
    for stand_in, name in tree.quoted.items():
        part = part.replace(stand_in, f"`{name}`")
    return part if len(part) <= 80 else part[:79] + "…"


class _Builder:
    """The parts of a checked expression, one Ibis expression each."""

    def __init__(self, field: str, columns: Mapping[str, ir.Value], tree: _Tree):
        self.field, self.columns, self.tree = field, columns, tree

    def result(self) -> ir.Value:
        return self.of(self.tree.body)

    def of(self, node: ast.expr) -> ir.Value:
        match node:
            case ast.Name():
                return self._column(self.tree.quoted.get(node.id, node.id))
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
        raise _refused(node, self.field, self.tree, "this")

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
            part = _written(node, self.tree)
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
        return ARITHMETIC[type(node.op)](left, right)

    def _alike(self, nodes: list[ast.expr]) -> list[ir.Value]:
        """Parts of one kind: numbers as float64; a text beside dates is read as a date."""
        found = [self.of(node) for node in nodes]
        kinds = [_kind(each) for each in found]
        if "date" in kinds:
            found = [self._date(node) if kind == "text" else each for node, each, kind in zip(nodes, found, kinds, strict=True)]
            kinds = [_kind(each) for each in found]
        if len(set(kinds)) > 1:
            pair = " and ".join(dict.fromkeys(KINDS[kind] for kind in kinds))
            parts = ", ".join(_written(node, self.tree) for node in nodes)
            hint = " Write number(…) around the text." if {"text", "number"} <= set(kinds) else ""
            raise NinefoldError(
                f"{self.field}: {parts!r} in the expression {self.tree.text!r} puts together {pair}, which do not compare.{hint}"
            )
        return found

    def _date(self, node: ast.expr) -> ir.Value:
        try:
            return ibis.literal(datetime.fromisoformat(node.value), type="timestamp")
        except (AttributeError, TypeError, ValueError) as error:
            part = _written(node, self.tree)
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
            part = _written(node, self.tree)
            raise NinefoldError(f"{self.field}: {part!r} has {len(given)} arguments, which is not how it is used: {FUNCTIONS[name]}.")
        if name == "coalesce":
            return ibis.coalesce(*self._alike(given))
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
            part = _written(node, self.tree)
            raise NinefoldError(f"{self.field}: {part!r} in the expression {self.tree.text!r} must be typed out: {FUNCTIONS[name]}.")
        return value

    def _rounded(self, given: list[ast.expr]) -> ir.FloatingValue:
        digits = self._constant(given[1], int, "round") if len(given) > 1 else 0
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
    **dict.fromkeys(("abs", "log1p", "sqrt", "floor", "lower", "year", "month", "number"), (1, 1)),
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
