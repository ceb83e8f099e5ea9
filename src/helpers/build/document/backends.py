"""The back ends: each operation of `terms` in Ibis, in numpy and as SQL text (DuckDB's dialect)."""

import functools
import operator
import re
import textwrap
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.build.document.terms import Stage, evaluated

add, conjunction, disjunction = (functools.partial(functools.reduce, how) for how in (operator.add, operator.and_, operator.or_))


def by_ibis(stages: list[Stage], table: ir.Table, key: str) -> ir.Table:
    """One select a stage: written as one expression, its text would explode."""
    for stage in stages:
        backend = Ibis(table)
        columns = {name: backend.column(evaluated(term, backend)) for name, term in stage.columns.items()}
        table = table.select(table[key], *(column.name(name) for name, column in columns.items()))
    return table


def by_numpy(stages: list[Stage], values: dict[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """values    float64 with NaN, or objects with None, where something is missing"""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for stage in stages:
            backend = Numpy(values, rows)
            values = {name: np.broadcast_to(evaluated(term, backend), (rows,)) for name, term in stage.columns.items()}
    return values


def by_sql(stages: list[Stage], table: str, key: str) -> str:
    """All stages but the last behind `with`, the last one at the end."""
    source, queries = table, []
    for stage in stages:
        shown = [name_text(key)]
        for name, term in stage.columns.items():
            text, name = _text(evaluated(term, Sql)).text, name_text(name)
            shown.append(text if text == name else f"{text} as {name}")
        columns = ",\n".join(textwrap.indent(column, "    ") for column in shown)
        queries.append((stage, f"select\n{columns}\nfrom {source}"))
        source = stage.name
    *before, (_, last) = queries
    body = ",\n".join(f"{s.name} as ( -- {s.comment}\n{textwrap.indent(query, '    ')}\n)" for s, query in before)
    return f"with {body}\n{last};\n" if before else f"{last};\n"


class Ibis:
    """Terms over the columns of one table."""

    def __init__(self, table: ir.Table):
        self.table = table

    @staticmethod
    def column(value) -> ir.Value:
        return value if isinstance(value, ir.Value) else ibis.literal(value)

    def col(self, name):
        return self.table[name]

    def known(self, value, missing):
        value = self.column(value).cast("float64")
        if missing is None:
            return ibis.cases((value.isnan(), ibis.null("float64")), else_=value)
        return ibis.cases((value.isnull() | value.isnan(), float(missing)), else_=value)

    def label(self, name):
        return self.table[name].cast("string")

    def total(self, pairs):
        return add([value if weight == 1 else value * weight for weight, value in pairs])

    def least(self, values):
        return ibis.least(*values)

    def greatest(self, values):
        return ibis.greatest(*values)

    def clip(self, value, low, high):
        return ibis.least(ibis.greatest(value, float(low)), float(high))

    def minus(self, value, number):
        return value - float(number) if number else value

    def half(self, value):
        return ibis.literal(0.5) ** value

    def whole(self, value):
        return (self.column(value) + 0.5).floor().cast("int64").cast("string")

    def real(self, value):
        return self.column(value).cast("float64")

    def one_of(self, value, values):
        return value.isin(values) if values else ibis.literal(False)

    def every(self, conditions):
        return conjunction([self.column(c) for c in conditions], ibis.literal(True))

    def some(self, conditions):
        return disjunction([self.column(c) for c in conditions], ibis.literal(False))

    def is_missing(self, value):
        return self.column(value).isnull()

    def surely(self, condition):
        return self.column(condition).fill_null(False)

    def opposite(self, condition):
        return ~self.surely(condition)

    def case(self, branches, otherwise):
        return ibis.cases(*branches, else_=otherwise)

    def nothing(self, kind):
        return ibis.null("float64" if kind == "number" else "string")

    apart, times, over = map(staticmethod, (operator.sub, operator.mul, operator.truediv))
    at_least, below, same, up_to = map(staticmethod, (operator.ge, operator.lt, operator.eq, operator.le))
    square, ln, exp, sqrt, absolute = map(
        staticmethod, (lambda x: x * x, lambda x: x.ln(), lambda x: x.exp(), lambda x: x.sqrt(), lambda x: x.abs())
    )


class Numpy:
    """Terms over arrays of one length."""

    def __init__(self, values: dict[str, np.ndarray], rows: int):
        self.values, self.rows = values, rows

    def col(self, name):
        return self.values[name]

    label = col

    def known(self, value, missing):
        return value if missing is None else np.where(np.isnan(value), float(missing), value)

    def total(self, pairs):
        return add([value if weight == 1 else value * weight for weight, value in pairs])

    def least(self, values):
        return functools.reduce(np.fmin, values)  # what is missing does not count, as in SQL

    def greatest(self, values):
        return functools.reduce(np.fmax, values)

    def clip(self, value, low, high):
        return np.minimum(np.maximum(value, low), high)

    def minus(self, value, number):
        return value - number if number else value

    def half(self, value):
        return np.power(0.5, value)

    def whole(self, value):
        return np.floor(value + 0.5).astype("int64").astype(str)

    def up_to(self, score, bound):
        return (score <= bound) | np.isnan(bound)

    def one_of(self, value, values):
        return disjunction([value == each for each in values], False)

    def every(self, conditions):
        return conjunction(conditions, True)

    def some(self, conditions):
        return disjunction(conditions, False)

    def is_missing(self, value):
        return pd.isna(value)

    def opposite(self, condition):
        return np.logical_not(condition)

    def case(self, branches, otherwise):
        values = [value for _, value in branches] + [otherwise]
        if any(isinstance(value, np.ndarray) for value in values):
            found = otherwise
            for condition, value in reversed(branches):
                found = np.where(condition, value, found)
            return found
        place = np.full(self.rows, len(branches))
        for n, (condition, _) in reversed(list(enumerate(branches))):
            place[np.broadcast_to(condition, self.rows)] = n
        return np.array(values, dtype=object if None in values else None)[place]

    def nothing(self, kind):
        return np.nan if kind == "number" else None

    apart, times, over = map(staticmethod, (operator.sub, operator.mul, operator.truediv))
    at_least, below, same = map(staticmethod, (operator.ge, operator.lt, operator.eq))
    square, ln, exp, sqrt, absolute = map(staticmethod, (lambda x: x * x, np.log, np.exp, np.sqrt, np.abs))
    surely = real = staticmethod(lambda value: value)


class Text(NamedTuple):
    """A piece of SQL and how tightly it holds together."""

    text: str
    level: int = 9


OR, AND, NOT, COMPARED, ADDED, MULTIPLIED, WHOLE = 1, 2, 3, 4, 5, 6, 9
LINE = 100
"""Characters up to which CASE stands on one line, unless it gives labels."""


class Sql:
    """Terms as text."""

    @staticmethod
    def col(name):
        return Text(name_text(name))

    @staticmethod
    def known(value, missing):
        text = f"nullif(cast({_text(value).text} as double), 'nan')"
        return Text(text if missing is None else f"coalesce({text}, {figure(missing)})")

    @staticmethod
    def label(name):
        return Text(f"cast({name_text(name)} as varchar)")

    @staticmethod
    def total(pairs):
        lines = []
        for weight, value in pairs:
            factor, negative = abs(weight), weight < 0
            product = _within(value, MULTIPLIED) if factor == 1 and (lines or negative) else _text(value).text
            if factor != 1:
                product = f"{figure(factor)} * {_within(value, MULTIPLIED)}"
            elif product.startswith("-") and lines:
                negative, product = not negative, product[1:]
            sign = ("- " if negative else "+ ") if lines else ("-" if negative else "")
            lines.append(("    " if lines else "") + sign + product.replace("\n", "\n    "))
        return Text("\n".join(lines), ADDED)

    @staticmethod
    def minus(value, number):
        if number == 0:
            return _text(value)
        return Text(f"{_within(value, ADDED)} {'+' if number < 0 else '-'} {figure(abs(number))}", ADDED)

    @staticmethod
    def apart(one, other):
        return Text(f"{_within(one, ADDED)} - {_within(other, ADDED + 1)}", ADDED)

    @staticmethod
    def times(one, other):
        return Text(f"{_within(one, MULTIPLIED)} * {_within(other, MULTIPLIED)}", MULTIPLIED)

    @staticmethod
    def over(value, by):
        return Text(f"{_within(value, MULTIPLIED)} / {_within(by, WHOLE)}", MULTIPLIED)

    @staticmethod
    def square(value):
        return Text(f"{_within(value, WHOLE)} * {_within(value, WHOLE)}", MULTIPLIED)

    @staticmethod
    def clip(value, low, high):
        return Text(f"least(greatest({_text(value).text}, {figure(low)}), {figure(high)})")

    @staticmethod
    def half(value):
        return Text(f"power(0.5, {_text(value).text})")

    @staticmethod
    def whole(value):
        return Text(f"cast(cast(floor({_within(value, ADDED)} + 0.5) as bigint) as varchar)")

    @staticmethod
    def real(value):
        text = _text(value).text
        return Text(f"cast({text} as double)" if "\n" not in text else f"cast(\n{textwrap.indent(text, '    ')}\nas double)")

    @staticmethod
    def one_of(value, values):
        return Text(f"{_within(value, ADDED)} in ({', '.join(_text(each).text for each in values)})", COMPARED) if values else Text("false")

    @staticmethod
    def every(conditions):
        return _joined(conditions, "and", AND) if conditions else Text("true")

    @staticmethod
    def some(conditions):
        return _joined(conditions, "or", OR) if conditions else Text("false")

    @staticmethod
    def is_missing(value):
        return Text(f"{_within(value, ADDED)} is null", COMPARED)

    @staticmethod
    def surely(condition):
        return Text(f"coalesce({_text(condition).text}, false)")

    @staticmethod
    def opposite(condition):
        text, level = _text(condition)
        if level == COMPARED and text.endswith(" is null"):
            return Text(text.removesuffix("null") + "not null", COMPARED)
        return Text(f"not coalesce({text}, false)", NOT)

    @staticmethod
    def case(branches, otherwise):
        whens = [(_text(condition).text, _text(value).text) for condition, value in branches]
        last = _text(otherwise).text
        line = " ".join(["case", *(f"when {condition} then {value}" for condition, value in whens), f"else {last} end"])
        if len(line) <= LINE and "\n" not in line and not last.startswith("'"):
            return Text(line)
        lines = [f"when {condition} then {value}" for condition, value in whens] + [f"else {last}"]
        return Text("case\n" + "\n".join(textwrap.indent(each, "    ") for each in lines) + "\nend")

    @staticmethod
    def nothing(kind):
        return Text("null")


def _call(name: str):
    return staticmethod(lambda value: Text(f"{name}({_text(value).text})"))


def _calls(name: str):
    return staticmethod(lambda values: Text(f"{name}({', '.join(_text(each).text for each in values)})"))


def _comparison(sign: str):
    return staticmethod(lambda value, bound: Text(f"{_within(value, ADDED)} {sign} {_within(bound, ADDED)}", COMPARED))


for _op, _sql in {"ln": "ln", "exp": "exp", "sqrt": "sqrt", "absolute": "abs"}.items():
    setattr(Sql, _op, _call(_sql))
for _op in ("least", "greatest"):
    setattr(Sql, _op, _calls(_op))
for _op, _sql in {"at_least": ">=", "below": "<", "same": "=", "up_to": "<="}.items():
    setattr(Sql, _op, _comparison(_sql))


def _text(value) -> Text:
    if isinstance(value, Text):
        return value
    return Text("'" + value.replace("'", "''") + "'" if isinstance(value, str) else figure(value))


def _within(value, level: int) -> str:
    """The text, in brackets where it holds together less than its place asks; never two signs in a row: SQL takes -- for a comment."""
    value = _text(value)
    return f"({value.text})" if value.level < level else value.text


def _joined(conditions, word: str, level: int) -> Text:
    if len(conditions) == 1:
        return _text(conditions[0])
    return Text(f" {word} ".join(_within(each, level + 1) for each in conditions), level)


def figure(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return re.sub(r"e([+-])0*", lambda found: "e" + found[1].replace("+", ""), repr(float(value)))


def name_text(name: str) -> str:
    """An identifier, quoted only where needed."""
    plain = re.fullmatch("[a-z_][a-z0-9_]*", name) and name not in _keywords()
    return name if plain else '"' + name.replace('"', '""') + '"'


@functools.cache
def _keywords() -> frozenset[str]:
    import duckdb

    found = duckdb.connect().execute("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'")
    return frozenset(word for (word,) in found.fetchall())
