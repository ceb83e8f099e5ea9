"""The fuzzy score of two texts, once in Python, once as an Ibis expression and once as DuckDB's SQL: the same number in all three."""

import ibis
import ibis.expr.types as ir

DIGITS = 9
"""Scores are rounded to so many decimals, so that the three forms agree to the last of them."""


@ibis.udf.scalar.builtin(name="strlen")
def _bytes(text: str) -> int: ...


def score(one: str | None, other: str | None) -> float | None:
    """(len(base) − edits) / len(base), 0-1, base being the longer text; None when one is missing or both are empty.

    Source: definitions of the project (Jacqueline/Jaclyne .6, fred@gmail.com/fred@gmal.cm .857, franklin/frank .625: in each the base
    is the longer one, so that the score does not depend on the order). Edits are Levenshtein's: a letter put in, left out or replaced.
    Lengths and edits are counted in bytes of UTF-8, as DuckDB counts edits: letters, once accents are gone.
    """
    if one is None or other is None:
        return None
    a, b = one.encode(), other.encode()
    base = max(len(a), len(b))
    return round((base - _edits(a, b)) / base, DIGITS) if base else None


def expression(one: ir.StringValue, other: ir.StringValue) -> ir.FloatingValue:
    """`score` as an Ibis expression for DuckDB."""
    base = ibis.greatest(_bytes(one), _bytes(other))
    return ((base - one.levenshtein(other)) / base.nullif(0)).round(DIGITS)


def sql(one: str, other: str) -> str:
    """`score` as DuckDB's SQL over two columns."""
    base = f"greatest(strlen({one}), strlen({other}))"
    return f"round(({base} - levenshtein({one}, {other})) / nullif({base}, 0), {DIGITS})"


def _edits(a: bytes, b: bytes) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]
