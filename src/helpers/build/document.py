"""The segmentation document: what building gives and everything later applies, as an Ibis expression, in numpy, and as SQL.

    format        1
    version       counted from 1 by whoever publishes
    key           the column that identifies a customer
    built_as_of   first instant that the build did not count
    variables     [{name, kind: "number", missing, steps: [{clip: [low, high]} | {log1p: true} | {scale: [mean, sd]}]}]
    project       {centre: [one a variable], loadings: [[one an axis] a variable]}, only for segments found on axes
    segments      [{id, name, colour}]
    assign        exactly one of
      nearest      {centroids: [[one a coordinate] a segment]}: the smallest squared distance
      first_match  {rules: [{segment, when: [{variable, at_least, below}]}], otherwise}: the first rule whose conditions all hold
      points       {criteria: [{variable, cuts, points}], bands: [{segment, from}], otherwise}: the first band whose `from` is reached

The three forms give the same labels, ties included: numbers of the document are rounded to the 12 digits with which it is written,
terms are added in the order of its variables, and whatever lies within TIE of the best is equal to it: the first of those counts.
"""

import difflib
import functools
import operator
import re
import textwrap
from decimal import ROUND_FLOOR, Context, Decimal
from numbers import Real

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.document_check import check, place

TIE = 1e-9
"""Scores that differ by no more are equal: engines differ in the last digits of a logarithm."""
NUMBERS = ("floating", "integer", "mixed-integer-float", "decimal", "boolean", "empty")
"""What pandas calls a column of numbers, or of nothing."""


def apply(document: dict, customers: ir.Table) -> ir.Table:
    """Every customer's segment.

    customers  the document's key and variables, one row a customer; NULL and NaN count as missing, other columns are left aside
    Returns    the key and segment, one row for each row of `customers`
    Raises     NinefoldError for a faulty document, or a column that is missing or not a number
    """
    document = _as_written(document)
    numeric = {name: kind.is_numeric() or kind.is_boolean() or kind.is_null() for name, kind in customers.schema().items()}
    _require([document["key"], *_names(document)], numeric, document)
    filled = _select(customers, document, {v["name"]: _filled(customers[v["name"]], v) for v in document["variables"]})
    ((kind, how),) = document["assign"].items()
    return {"nearest": _nearest, "first_match": _first_match, "points": _points}[kind](document, how, filled)


def labels(document: dict, frame: pd.DataFrame) -> np.ndarray:
    """The id of each row's segment, in numpy: for a sample, and to check by hand what `apply` does.

    frame     the document's variables as columns, at least
    Raises    NinefoldError as `apply` does
    """
    document = _as_written(document)
    numeric = {name: pd.api.types.infer_dtype(frame[name], skipna=True) in NUMBERS for name in _names(document) if name in frame}
    _require(_names(document), dict.fromkeys(frame.columns, True) | numeric, document)
    values = {}
    for v in document["variables"]:
        column = frame[v["name"]].to_numpy(dtype="float64", na_value=np.nan)
        values[v["name"]] = np.where(np.isnan(column), float(v["missing"] or 0), column)
    ((kind, how),) = document["assign"].items()
    with np.errstate(over="ignore", invalid="ignore"):
        found = {"nearest": _nearest_place, "first_match": _first_match_place, "points": _points_place}[kind](document, how, values)
    return np.array(_ids(document))[found]


def to_sql(document: dict, table: str = "customers") -> str:
    """The same in SQL, DuckDB's dialect.

    table     what stands after FROM: a table's name, or for example read_parquet('variables.parquet')
    Raises    NinefoldError for a faulty document
    """
    document = _as_written(document)
    ((kind, how),) = document["assign"].items()
    stages, last = {"nearest": _nearest_text, "first_match": _first_match_text, "points": _points_text}[kind](document, how)
    fills = {
        v["name"]: f"coalesce(nullif(cast({_name(v['name'])} as double), 'nan'), {_figure(v['missing'] or 0)})"
        for v in document["variables"]
    }
    stages = [("filled", "a value that is missing (NULL, NaN) is replaced", _query(document, fills, table)), *stages]
    built = " ".join(str(document.get("built_as_of") or "unknown").removesuffix("T00:00:00").split())
    head = f"-- Segmentation of customers, version {document['version']} (format {document['format']}), built as of {built}.\n"
    head += "-- Ids keep their meaning within this build only.\n"
    body = ",\n".join(f"{name} as ( -- {comment}\n{textwrap.indent(query, '    ')}\n)" for name, comment, query in stages)
    return f"{head}with {body}\n{last};\n"


def border(value: float) -> float:
    """A cut or bound as documents should hold it: 12 digits, never above `value`, so that customers who have just this value reach it.

    Rounded to the nearest, 26/3 orders would become 8.66666666667, and those who have 26/3 would fall below their own cut.
    """
    nearest = float(f"{value:.12g}")
    return nearest if nearest <= value else float(Context(prec=12, rounding=ROUND_FLOOR).create_decimal(Decimal(value)))


# Ibis


def _select(table: ir.Table, document: dict, columns: dict[str, ir.Value]) -> ir.Table:
    return table.select(table[document["key"]], *(column.name(name) for name, column in columns.items()))


def _filled(column: ir.Column, variable: dict) -> ir.FloatingValue:
    value = column.cast("float64")
    return ibis.cases((value.isnull() | value.isnan(), float(variable["missing"] or 0)), else_=value)


def _transformed(value: ir.FloatingValue, steps: list[dict]) -> ir.FloatingValue:
    for step in steps:
        ((name, how),) = step.items()
        if name == "clip":
            value = ibis.least(ibis.greatest(value, float(how[0])), float(how[1]))
        elif name == "log1p":
            value = (value + 1.0).ln()
        else:
            value = (value - float(how[0])) / float(how[1])
    return value


def _nearest(document: dict, how: dict, filled: ir.Table) -> ir.Table:
    at = _select(filled, document, {v["name"]: _transformed(filled[v["name"]], v["steps"]) for v in document["variables"]})
    if "project" in document:
        centred = [at[v] - float(c) for v, c in zip(_names(document), document["project"]["centre"], strict=True)]
        axes = {axis: _sum(x * float(w) for x, w in zip(centred, column, strict=True)) for axis, column in _axes(document).items()}
        at = _select(at, document, axes)
    differences = {
        f"distance_{id_}": [at[c] - float(x) for c, x in zip(_coordinates(document), centroid, strict=True)]
        for id_, centroid in zip(_ids(document), how["centroids"], strict=True)
    }
    scores = _select(at, document, {name: _sum(d * d for d in each) for name, each in differences.items()})
    best = scores.mutate(best=ibis.least(*(scores[name] for name in differences)))
    return _label(best, document, [(best[f"distance_{id_}"] <= best.best + TIE, id_) for id_ in _ids(document)])


def _first_match(document: dict, how: dict, filled: ir.Table) -> ir.Table:
    branches = []
    for rule in how["rules"]:
        conditions = [compare(filled[variable], bound) for variable, _, compare, bound in _bounds(rule)]
        branches.append((functools.reduce(operator.and_, conditions, ibis.literal(True)), rule["segment"]))
    return _label(filled, document, branches, how["otherwise"])


def _points(document: dict, how: dict, filled: ir.Table) -> ir.Table:
    earned = {}
    for criterion in _criteria(document):
        value, (least, *more) = filled[criterion["variable"]], [float(p) for p in criterion["points"]]
        reached = [(value >= float(cut), p) for cut, p in zip(criterion["cuts"], more, strict=True)]
        earned[criterion["variable"]] = ibis.cases(*reached[::-1], else_=least) if reached else ibis.literal(least)
    each = _select(filled, document, earned)
    total = _select(each, document, {"points": _sum(each[name] for name in earned)})
    branches = [(total.points >= least, segment) for segment, least in _bands(document)]
    return _label(total, document, branches, how["otherwise"])


def _label(table: ir.Table, document: dict, branches: list[tuple], otherwise: str | None = None) -> ir.Table:
    return _select(table, document, {"segment": ibis.cases(*branches, else_=otherwise) if branches else ibis.literal(otherwise)})


# numpy: the place of each row's segment in the document


def _transformed_values(values: np.ndarray, steps: list[dict]) -> np.ndarray:
    for step in steps:
        ((name, how),) = step.items()
        if name == "clip":
            values = np.minimum(np.maximum(values, how[0]), how[1])
        elif name == "log1p":
            values = np.log(values + 1.0)
        else:
            values = (values - how[0]) / how[1]
    return values


def _nearest_place(document: dict, how: dict, values: dict[str, np.ndarray]) -> np.ndarray:
    at = [_transformed_values(values[v["name"]], v["steps"]) for v in document["variables"]]
    if "project" in document:
        centred = [x - c for x, c in zip(at, document["project"]["centre"], strict=True)]
        at = [_sum(x * w for x, w in zip(centred, column, strict=True)) for column in _axes(document).values()]
    scores = np.stack([_sum((x - c) * (x - c) for x, c in zip(at, centroid, strict=True)) for centroid in how["centroids"]])
    # An infinite value leaves no distance that is a number: argmax then finds the first segment, and so does SQL, where NaN equals NaN.
    return (scores <= scores.min(axis=0) + TIE).argmax(axis=0)


def _first_match_place(document: dict, how: dict, values: dict[str, np.ndarray]) -> np.ndarray:
    rows = len(next(iter(values.values())))
    found = np.full(rows, _ids(document).index(how["otherwise"]))
    for rule in reversed(how["rules"]):
        holds = np.ones(rows, dtype=bool)
        for variable, _, compare, bound in _bounds(rule):
            holds &= compare(values[variable], bound)
        found[holds] = _ids(document).index(rule["segment"])
    return found


def _points_place(document: dict, how: dict, values: dict[str, np.ndarray]) -> np.ndarray:
    total = _sum(
        np.array(c["points"], dtype="float64")[np.searchsorted(c["cuts"], values[c["variable"]], side="right")] for c in _criteria(document)
    )
    found = np.full(len(total), _ids(document).index(how["otherwise"]))
    for segment, least in reversed(_bands(document)):
        found[total >= least] = _ids(document).index(segment)
    return found


# SQL


def _query(document: dict, columns: dict[str, str], source: str, *more: str) -> str:
    shown = [
        _name(document["key"]),
        *(text if text == _name(name) else f"{text} as {_name(name)}" for name, text in columns.items()),
        *more,
    ]
    return "select\n" + ",\n".join(textwrap.indent(column, "    ") for column in shown) + f"\nfrom {source}"


def _label_text(document: dict, branches: list[tuple[str, str]], otherwise: str, source: str) -> str:
    lines = [f"    when {condition} then {_quoted(segment)}" for condition, segment in branches]
    case = "\n".join(["case", *lines, f"    else {_quoted(otherwise)}", "end"]) if lines else _quoted(otherwise)
    return _query(document, {"segment": case}, source)


def _transformed_text(name: str, steps: list[dict]) -> str:
    text = _name(name)
    for step in steps:
        ((kind, how),) = step.items()
        if kind == "clip":
            text = f"least(greatest({text}, {_figure(how[0])}), {_figure(how[1])})"
        elif kind == "log1p":
            text = f"ln({text} + 1)"
        else:
            text = f"({_minus(text, how[0])}) / {_figure(how[1])}"
    return text


def _nearest_text(document: dict, how: dict) -> tuple[list[tuple], str]:
    steps = {v["name"]: _transformed_text(v["name"], v["steps"]) for v in document["variables"]}
    stages = [("transformed", "clipped, on a logarithmic scale, standardised", _query(document, steps, "filled"))]
    if "project" in document:
        centred = [f"({_minus(_name(v), c)})" for v, c in zip(_names(document), document["project"]["centre"], strict=True)]
        axes = {axis: _terms([(w, x) for w, x in zip(column, centred, strict=True)]) for axis, column in _axes(document).items()}
        stages.append(("axes", "coordinates on the principal axes", _query(document, axes, "transformed")))
    distances = {}
    for id_, centroid in zip(_ids(document), how["centroids"], strict=True):
        apart = [f"({_minus(_name(c), x)})" for c, x in zip(_coordinates(document), centroid, strict=True)]
        distances[f"distance_{id_}"] = _terms([(1, f"{d} * {d}") for d in apart])
    stages.append(("distances", "squared distances to the segments' centres", _query(document, distances, stages[-1][0])))
    names = [_name(name) for name in distances]
    smallest = dict(zip(distances, names, strict=True)) | {"best": f"least({', '.join(names)})"}
    stages.append(("nearest", "the smallest of them", _query(document, smallest, "distances")))
    *first, last = _ids(document)
    branches = [(f"{_name(f'distance_{id_}')} <= best + 1e-9", id_) for id_ in first]
    return stages, _label_text(document, branches, last, "nearest")


def _first_match_text(document: dict, how: dict) -> tuple[list[tuple], str]:
    branches = []
    for rule in how["rules"]:
        conditions = [f"{_name(variable)} {sign} {_figure(bound)}" for variable, sign, _, bound in _bounds(rule)]
        branches.append((" and ".join(conditions) or "true", rule["segment"]))
    return [], _label_text(document, branches, how["otherwise"], "filled")


def _points_text(document: dict, how: dict) -> tuple[list[tuple], str]:
    earned = {}
    for c in _criteria(document):
        pairs = list(zip(c["cuts"], c["points"][1:], strict=True))[::-1]
        reached = " ".join(f"when {_name(c['variable'])} >= {_figure(cut)} then {_figure(points)}" for cut, points in pairs)
        least = _figure(c["points"][0])
        earned[c["variable"]] = f"case {reached} else {least} end" if reached else least
    total = {"points": _terms([(1, _name(name)) for name in earned])}
    stages = [
        ("criteria", "the points of each criterion", _query(document, earned, "filled")),
        ("total", "all points of a customer", _query(document, total, "criteria")),
    ]
    branches = [(f"points >= {_figure(least)}", segment) for segment, least in _bands(document)]
    return stages, _label_text(document, branches, how["otherwise"], "total")


def _terms(pairs: list[tuple[float, str]]) -> str:
    """A weighted sum over several lines."""
    lines = []
    for weight, text in pairs:
        product = text if abs(weight) == 1 else f"{_figure(abs(weight))} * {text}"
        sign = ("- " if weight < 0 else "+ ") if lines else ("-" if weight < 0 else "")
        lines.append(("    " if lines else "") + sign + product)
    return "\n".join(lines)


def _minus(text: str, value: float) -> str:
    """`text - value`, never with two signs in a row: SQL takes -- for a comment."""
    return text if value == 0 else f"{text} {'+' if value < 0 else '-'} {_figure(abs(value))}"


def _figure(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(name: str) -> str:
    plain = re.fullmatch("[a-z_][a-z0-9_]*", name) and name not in _keywords()
    return name if plain else '"' + name.replace('"', '""') + '"'


@functools.cache
def _keywords() -> frozenset[str]:
    import duckdb

    found = duckdb.connect().execute("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'")
    return frozenset(word for (word,) in found.fetchall())


# What all three read


def _as_written(document: dict) -> dict:
    """The document, checked, with its numbers as run.write_json writes them: it then means the same before and after it is written."""

    def rounded(value):
        if isinstance(value, dict):
            return {key: rounded(v) for key, v in value.items()}
        if isinstance(value, list | tuple):
            return [rounded(v) for v in value]
        return float(f"{float(value):.12g}") if isinstance(value, Real) and not isinstance(value, bool | int) else value

    check(document)
    return rounded(document)


def _require(needed: list[str], numeric: dict[str, bool], document: dict) -> None:
    """Every column must be there, and all but the key must hold numbers."""
    where = f"{place(document)}: the table of customers"
    for name in needed:
        if name not in numeric:
            near = difflib.get_close_matches(name, list(numeric), n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise NinefoldError(
                f"{where} has no column {name!r}. {hint}Add it as step 4 measures it, or build the segmentation again without it."
            )
        if name != document["key"] and not numeric[name]:
            raise NinefoldError(f"{where} has no numbers in the column {name!r}, but text or dates. Give the column as numbers.")


def _sum(terms):
    return functools.reduce(operator.add, terms)


def _names(document: dict) -> list[str]:
    return [v["name"] for v in document["variables"]]


def _ids(document: dict) -> list[str]:
    return [s["id"] for s in document["segments"]]


def _axes(document: dict) -> dict[str, list[float]]:
    """axis_1 … with the loadings of the variables in their order."""
    return {f"axis_{n}": list(column) for n, column in enumerate(zip(*document["project"]["loadings"], strict=True), 1)}


def _coordinates(document: dict) -> list[str]:
    return list(_axes(document)) if "project" in document else _names(document)


def _criteria(document: dict) -> list[dict]:
    """The criteria in the order of the variables: points are added in it."""
    return sorted(document["assign"]["points"]["criteria"], key=lambda c: _names(document).index(c["variable"]))


def _bands(document: dict) -> list[tuple[str, float]]:
    """Segment and the points it takes. Fractions may add up to a hair less than they should: 0.1 + 0.7 is not 0.8."""
    how = document["assign"]["points"]
    figures = [band["from"] for band in how["bands"]] + [p for c in how["criteria"] for p in c["points"]]
    slack = 0.0 if all(x == int(x) for x in figures) else TIE
    return [(band["segment"], float(band["from"]) - slack) for band in how["bands"]]


def _bounds(rule: dict) -> list[tuple]:
    """Variable, sign, comparison and bound of each condition."""
    kinds = (("at_least", ">=", operator.ge), ("below", "<", operator.lt))
    return [
        (c["variable"], sign, compare, float(c[field])) for c in rule["when"] for field, sign, compare in kinds if c.get(field) is not None
    ]
