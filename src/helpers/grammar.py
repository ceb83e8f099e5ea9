"""The grammar of an expression of project.yml: Python's, and nothing of it but what is listed here."""

import ast
import difflib
import operator
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from helpers import NinefoldError

LONGEST = 1_000
"""Characters of an expression at most."""
DEEPEST = 50
"""Levels of brackets and operations inside one another, at most."""
LARGEST = 1e15
"""Numbers typed are smaller than this, in size: up to here a real number keeps every whole one apart."""

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of a character."""

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
    "missing": "missing(a): whether a value is missing",
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


class Tree(NamedTuple):
    """What was read: the text, its outermost part, and the names that stood in backticks, by the names that stand for them."""

    text: str
    body: ast.expr
    quoted: dict[str, str]

    def column(self, node: ast.Name) -> str:
        """The column that a name in it stands for."""
        return self.quoted.get(node.id, node.id)


def parse(text: str, *, field: str) -> Tree:
    """The expression as Python's grammar reads it, every part of it on the list of what is allowed.

    Raises NinefoldError naming the field, the part at fault and what is allowed.
    """
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
    tree = Tree(text, body, quoted)
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


def _allowed(tree: Tree, field: str) -> Iterator[ast.expr]:
    """Go through the parts; refuse the first that is not on the list, before any of them is given a meaning."""
    waiting: list[tuple[ast.expr, int]] = [(tree.body, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise NinefoldError(f"{field}: the expression is nested more than {DEEPEST} levels deep. Split it.")
        waiting += [(part, depth + 1) for part in _parts(node, tree, field)]
        yield node


def _parts(node: ast.expr, tree: Tree, field: str) -> list[ast.expr]:
    """What a part is made of, once it is known to be allowed."""
    match node:
        case ast.Name():
            if node.id.startswith("_"):
                raise refused(node, field, tree, "a name that begins with _")
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
            raise refused(node, field, tree, SAID.get(type(node.op), "this operation"))
    raise refused(node, field, tree, SAID.get(type(node), "this"))


def _check_constant(node: ast.Constant, field: str, tree: Tree) -> None:
    value = node.value
    if not isinstance(value, (bool, int, float, str)):
        raise refused(node, field, tree, "a value other than a number or a text")
    if isinstance(value, (int, float)) and not abs(value) < LARGEST:
        raise NinefoldError(f"{field}: a number of the expression is too large; it must stay below {LARGEST:.0e}.")
    if isinstance(value, str) and UNPRINTABLE.search(value):
        raise refused(node, field, tree, "a text with a character that cannot be written")


def _compared(node: ast.Compare, tree: Tree, field: str) -> list[ast.expr]:
    """The right sides of a comparison; a list after `in` holds constants only."""
    result: list[ast.expr] = []
    for op, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, (ast.In, ast.NotIn)):
            if not isinstance(right, (ast.List, ast.Tuple)) or not right.elts:
                raise refused(right, field, tree, "what follows `in`", " After `in` stands a list, such as ['a', 'b'].")
            if not all(isinstance(_bare(each), ast.Constant) for each in right.elts):
                raise refused(right, field, tree, "a list that holds more than numbers and texts")
            result += right.elts
        elif type(op) in COMPARISONS:
            result.append(right)
        else:
            raise refused(node, field, tree, SAID.get(type(op), "this comparison"))
    return result


def _bare(node: ast.expr) -> ast.expr:
    """A number without its minus sign."""
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node


def _arguments(node: ast.Call, tree: Tree, field: str) -> list[ast.expr]:
    if not isinstance(node.func, ast.Name):
        raise refused(node.func, field, tree, SAID.get(type(node.func), "this call"))
    if node.func.id not in FUNCTIONS:
        near = difflib.get_close_matches(node.func.id, FUNCTIONS, n=1)
        raise refused(node, field, tree, f"the function {node.func.id}", f" Did you mean {near[0]}?" if near else "")
    if node.keywords:
        raise refused(node, field, tree, "an argument with a name")
    return node.args


def refused(node: ast.AST, field: str, tree: Tree, what: str, hint: str = "") -> NinefoldError:
    part = written(node, tree)
    return NinefoldError(f"{field}: {part!r} in the expression {tree.text!r} is not allowed: {what}.{hint} {ALLOWED}")


def written(node: ast.AST, tree: Tree) -> str:
    """A part as the analyst typed it."""
    try:
        part = ast.unparse(node)
    except (RecursionError, ValueError):
        return "…"
    for stand_in, name in tree.quoted.items():
        part = part.replace(stand_in, f"`{name}`")
    return part if len(part) <= 80 else part[:79] + "…"
