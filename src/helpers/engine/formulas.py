"""Expressions over the columns of a file: what `= Quantity * Price` and a source's filter say."""

import ast
from collections.abc import Callable

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from helpers import expressions, grammar
from helpers.engine.values import Value

OF_TEXTS = ("contains", "starts_with", "lower", "number")
OF_DATES = ("year", "month")


def is_formula(origin: str) -> bool:
    """Whether a column of project.yml is worked out rather than read."""
    return origin.startswith("=")


def formula(origin: str) -> str:
    return origin.removeprefix("=").strip()


def work_out(
    text: str, raw: ir.Table, read: Callable[[str, dt.DataType], Value], *, field: str, wanted: str, whole: bool = False
) -> tuple[ir.Value, dict[str, ir.BooleanValue]]:
    """An expression over the columns of a file.

    read      column, kind → Value: how a text of this file is read as a number or an instant
    whole     a condition is missing where anything that it asks about is; else it does not hold there
    Returns   the result, and per column used the rows on which its text cannot be read
    A text column is read as a number, unless the expression compares it with texts or takes its year: a text file has nothing but text.
    """
    columns: dict[str, ir.Value] = {name: raw[name] for name in raw.columns}
    used = [name for name in raw.columns if name in expressions.names(text, field=field)]
    uses, unfit = _uses(grammar.parse(text, field=field)), {}
    for name in used:
        if columns[name].type().is_string() and uses.get(name) != "text":
            value = read(name, dt.dtype("timestamp" if uses.get(name) == "date" else "float64"))
            columns[name], unfit[name] = value.typed, value.unfit
        elif columns[name].type().is_floating():
            columns[name] = columns[name].isnan().ifelse(ibis.null("float64"), columns[name])
    result = expressions.build(text, columns, field=field, wanted=wanted)
    if whole and used:
        missing = columns[used[0]].isnull()
        for name in used[1:]:
            missing = missing | columns[name].isnull()
        result = missing.ifelse(ibis.null("boolean"), result)
    return result, unfit


def _uses(tree: grammar.Tree) -> dict[str, str]:
    """Columns that stand beside texts, or in a function of texts or dates: "text" or "date"."""
    found: dict[str, str] = {}
    for node in ast.walk(tree.body):
        if isinstance(node, ast.Compare):
            beside = [node.left, *node.comparators]
            texts = any(isinstance(each, ast.Constant) and isinstance(each.value, str) for part in beside for each in ast.walk(part))
            kind = "text" if texts else ""
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            beside = node.args
            kind = "text" if node.func.id in OF_TEXTS else "date" if node.func.id in OF_DATES else ""
        else:
            continue
        found |= {tree.column(each): kind for each in beside if kind and isinstance(each, ast.Name)}
    return found
