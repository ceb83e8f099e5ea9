"""The segmentation document: what building gives and everything later applies, as an Ibis expression, in numpy, and as SQL.

    format        2 (1 is read too: it has numbers, steps clip, log1p and scale, and plain nearest, first_match and points)
    version       counted from 1 by whoever publishes
    key           the column that identifies a customer
    built_as_of   first instant that the build did not count
    made_by       name of the recipe, may be left out
    variables     [{name, kind: "number", missing, steps: [{clip: [low, high]} | {log1p: true} | {sqrt: true} | {scale: [mean, sd]}]}
                  | {name, kind: "category", levels: [{level, centre, scale}], steps: []}]
                  Each level is a coordinate (1[x = level] - centre) / scale; whoever has none of them, or no value, has 0 on all.
    project       {centre: [one a coordinate], loadings: [[one an axis] a coordinate]}, only for centres found on axes
    segments      [{id, name, colour}]
    assign        exactly one of
      nearest      {centroids: [[one a coordinate or axis] a segment], confidence?}: the smallest squared distance
      posterior    {classes: [{segment, share, of: {variable: {mean, sd} | {levels: {level: probability}}}}], unknown?}: greatest log share
                   plus log densities of what is known; who has none of the variables is `unknown`. Probabilities and sd are at least 1e-6.
      first_match  {define: {name: condition}, rules: [{segment, name?, when: condition}], otherwise, confidence?}: the first that holds;
                   condition = {variable, at_least?, below?} | {variable, in: []} | {variable, missing: true} | {all: []} | {any: []}
                   | {not: condition} | {rule: a name defined}; a list: all. Union, intersection and except are any, all and not.
      points       {criteria: [{variable, cuts, points} | {variable, levels: {level: points}}, each otherwise?, age? and half_life_days?],
                   bands: [{segment, from}], otherwise, confidence?}: the first band whose `from` is reached; with an age, points are
                   worth half after each half-life, and nothing where the age is missing
      confidence   {spread: {variable: number}, table: [{own, other ("": any), at: [], share: [one more]}]}: the share of redrawings that
                   keep the segment, a step function of the distance to the border: (d2² - d1²) / (2 ||c1 - c2||) beside nearest, the
                   smallest |value - bound| / spread beside first_match and points. The posterior is its own confidence.

A value that is missing (NULL, NaN) is replaced by `missing`. Where that is null: by 0 beside nearest and in format 1; beside the other
three it stays missing. It then fulfils no comparison, so that `not` of a comparison holds; it reaches no cut, or earns `otherwise`.

The three forms give the same labels, ties included: numbers of the document are rounded to the 12 digits with which it is written,
terms are added in the order of its variables, and whatever lies within TIE of the best is equal to it: the first of those counts.
They are one program (`program`: stages of terms) run by three back ends (`backends`).
"""

import difflib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_FLOOR, Context, Decimal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.document.backends import Ibis, by_ibis, by_numpy, by_sql
from helpers.build.document.checks import as_written, check, place
from helpers.build.document.model import json_schema
from helpers.build.document.program import gives_confidence, program
from helpers.build.document.reading import TIE
from helpers.build.document.renaming import renamed
from helpers.build.document.ruled import holding
from helpers.build.document.terms import Stage, evaluated, surely

__all__ = ["TIE", "apply", "border", "check", "confidence", "holds", "json_schema", "labels", "renamed", "to_sql"]

NUMBERS = ("floating", "integer", "mixed-integer-float", "decimal", "boolean", "empty")
"""What pandas calls a column of numbers, or of nothing."""
TEXTS = ("string", "empty")


def apply(
    document: dict,
    customers: ir.Table,
    *,
    as_of: datetime | date | None = None,
    overrides: ir.Table | None = None,
    reason: bool = False,
) -> ir.Table:
    """Every customer's segment, how sure it is, and what speaks for it.

    customers  the document's key and variables, one row a customer; NULL and NaN count as missing, other columns are left aside
    as_of      first instant not counted; needed with overrides
    overrides  customer_id, segment, until (timestamp or day; NULL: for good): decided by people, valid while as_of < until, segments of
               the document alone. Of several for one customer the one that lasts longest counts, then the first by id.
    reason     also gives `reason`: the variable that speaks most for the segment, the rule's name or number, the points, or "manual"
    Returns    the key, segment, confidence (float64, 0-1; NULL where there is none), one row for each row of `customers`
    Raises     NinefoldError for a faulty document, or a column that is missing or of the wrong kind
    """
    document = as_written(document)
    numbers = {name: kind.is_numeric() or kind.is_boolean() or kind.is_null() for name, kind in customers.schema().items()}
    texts = {name: kind.is_string() or kind.is_null() for name, kind in customers.schema().items()}
    _require([document["key"], *_names(document)], numbers, texts, document)
    found = by_ibis(program(document, ["segment", "confidence", *(["reason"] if reason else [])]), customers, document["key"])
    return found if overrides is None else _overridden(document, found, overrides, as_of)


def labels(document: dict, frame: pd.DataFrame) -> np.ndarray:
    """The id of each row's segment, in numpy: for a sample, and to check by hand what `apply` does.

    frame     the document's variables as columns, at least
    Raises    NinefoldError as `apply` does
    """
    return _in_numpy(document, frame, "segment").astype(str)


def confidence(document: dict, frame: pd.DataFrame) -> np.ndarray:
    """How sure each row's segment is (float64, 0-1), NaN where nothing is known of it, in numpy.

    frame     as for `labels`
    Raises    NinefoldError as `apply` does
    """
    return _in_numpy(document, frame, "confidence").astype("float64")


def to_sql(document: dict, table: str = "customers", *, reason: bool = False) -> str:
    """The same in SQL, DuckDB's dialect: the key, segment, and confidence if the document tells it.

    table     what stands after FROM: a table's name, or for example read_parquet('variables.parquet')
    Raises    NinefoldError for a faulty document
    """
    document = as_written(document)
    wanted = ["segment", *(["confidence"] if gives_confidence(document) else []), *(["reason"] if reason else [])]
    built = " ".join(str(document.get("built_as_of") or "unknown").removesuffix("T00:00:00").split())
    head = f"-- Segmentation of customers, version {document['version']} (format {document['format']}), built as of {built}.\n"
    head += "-- An id stays with its segment from build to build as long as most of its customers do.\n"
    return head + by_sql(program(document, wanted), table, document["key"])


def holds(condition, among: ir.Table | pd.DataFrame, defined: Mapping[str, str] | None = None) -> ir.BooleanValue | np.ndarray:
    """Whether a condition of a document holds, as `apply` and `labels` have it; never missing.

    condition   as in assign.first_match;  among: a table, for an expression of its rows, or a frame, for one answer a row
    defined     name of a definition that it builds on → the column that says whether that one holds
    """
    term = surely(holding(condition, defined or {}))
    if isinstance(among, ir.Table):
        backend = Ibis(among)
        return backend.column(evaluated(term, backend))
    return by_numpy([Stage("holds", "", {"holds": term})], _AsAsked(among), len(among))["holds"].astype(bool)


def border(value: float) -> float:
    """A cut or bound as documents should hold it: 12 digits, never above `value`, so that customers who have just this value reach it.

    Rounded to the nearest, 26/3 orders would become 8.66666666667, and those who have 26/3 would fall below their own cut.
    """
    nearest = float(f"{value:.12g}")
    return nearest if nearest <= value else float(Context(prec=12, rounding=ROUND_FLOOR).create_decimal(Decimal(value)))


def _in_numpy(document: dict, frame: pd.DataFrame, wanted: str) -> np.ndarray:
    document = as_written(document)
    kinds = {name: _kind(frame[name]) for name in _names(document) if name in frame}
    there = dict.fromkeys(frame.columns, True)
    numbers = there | {name: kind in NUMBERS for name, kind in kinds.items()}
    _require(_names(document), numbers, there | {name: kind in TEXTS for name, kind in kinds.items()}, document)
    values = {v["name"]: _values(frame[v["name"]], v["kind"]) for v in document["variables"]}
    return by_numpy(program(document, [wanted]), values, len(frame))[wanted]


class _AsAsked(dict):
    """Columns of a frame as arrays, each made when it is first asked for: a condition asks for one or two of dozens."""

    def __init__(self, frame: pd.DataFrame):
        super().__init__()
        self.frame = frame

    def __missing__(self, name: str) -> np.ndarray:
        column = self.frame[name]
        self[name] = _values(column, "number" if _kind(column) in NUMBERS else "category")
        return self[name]


def _kind(column: pd.Series) -> str:
    return pd.api.types.infer_dtype(column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column, skipna=True)


def _values(column: pd.Series, kind: str) -> np.ndarray:
    if kind == "number":
        return column.to_numpy(dtype="float64", na_value=np.nan)
    return column.astype(object).where(column.notna(), None).to_numpy(dtype=object)


def _names(document: dict) -> list[str]:
    return [v["name"] for v in document["variables"]]


def _require(needed: list[str], numbers: dict[str, bool], texts: dict[str, bool], document: dict) -> None:
    """Every column must be there, and all but the key must hold what the document says: numbers or text."""
    where, kinds = f"{place(document)}: the table of customers", {v["name"]: v["kind"] for v in document["variables"]}
    for name in needed:
        if name not in numbers:
            near = difflib.get_close_matches(name, list(numbers), n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise NinefoldError(
                f"{where} has no column {name!r}. {hint}Add it as step 4 measures it, or build the segmentation again without it."
            )
        kind = kinds.get(name) if name != document["key"] else None
        if kind == "number" and not numbers[name]:
            raise NinefoldError(f"{where} has no numbers in the column {name!r}, but text or dates. Give the column as numbers.")
        if kind == "category" and not texts[name]:
            raise NinefoldError(f"{where} has no text in the column {name!r}, but numbers or dates. Give the column as text.")


def _overridden(document: dict, found: ir.Table, overrides: ir.Table, as_of: datetime | date | None) -> ir.Table:
    """People's decisions for single customers in the place of what the document gives."""
    where, key = f"{place(document)}: the table of overrides", document["key"]
    for name in ("customer_id", "segment", "until"):
        if name not in overrides.columns:
            raise NinefoldError(f"{where} has no column {name!r}. Add it; its columns are customer_id, segment, until.")
    if as_of is None:
        raise NinefoldError(f"{where} is given without as_of: until when a decision holds cannot be told. Give as_of.")
    until, moment = overrides["until"].cast("timestamp"), ibis.literal(pd.Timestamp(as_of).to_pydatetime(), "timestamp")
    known = overrides["segment"].isin([s["id"] for s in document["segments"]])
    valid = overrides.filter((until.isnull() | (moment < until)) & known)
    valid = valid.select(
        decided_for=valid["customer_id"].cast(found[key].type()), decided=valid["segment"], decided_until=valid["until"].cast("timestamp")
    )
    order = [valid.decided_until.isnull().desc(), valid.decided_until.desc(), valid.decided.asc()]
    ranked = valid.mutate(decided_place=ibis.row_number().over(group_by="decided_for", order_by=order))
    ranked = ranked.filter(ranked.decided_place == 0).select("decided_for", "decided")
    joined = found.left_join(ranked, found[key] == ranked.decided_for)
    manual = joined.decided.notnull()
    columns = {
        "segment": joined.decided.fill_null(joined.segment),
        "confidence": ibis.cases((manual, ibis.null("float64")), else_=joined.confidence),
    }
    if "reason" in found.columns:
        columns["reason"] = ibis.cases((manual, "manual"), else_=joined.reason)
    return joined.select(joined[key], **columns)
