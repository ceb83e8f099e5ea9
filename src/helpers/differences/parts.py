"""What the sections of a comparison have in common: their form, old beside new, and codes in words."""

from dataclasses import dataclass

import pandas as pd

from helpers import words
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

MOST, LONG = 12, 160
"""Rows of a list that may be long, and letters of a typed value, that are shown."""
STATES = {
    "same": mark("the same"),
    "changed": mark("changed"),
    "only A": mark("only in A"),
    "only B": mark("only in B"),
    "cannot tell": mark("cannot tell: on a server"),
}


@dataclass(frozen=True)
class Part:
    """A section: heading, sentences, tables."""

    heading: str
    sentences: list[str]
    tables: list[Table]


def old_new(name: str, caption: str, what: str, rows: list[dict], note: str = "") -> Table:
    columns = [Column("what", what), Column("a", say("A")), Column("b", say("B"))]
    return Table(name, caption, pd.DataFrame(rows, columns=["what", "a", "b"]), columns, note=note)


def short(each: dict) -> dict:
    """A and B as text, numbers with four digits, long texts cut."""
    shown = {s: words.NONE if each[s] is None else _figure(each[s]) for s in "ab"}
    return {s: text if len(text) <= LONG else f"{text[: LONG - 1]}…" for s, text in shown.items()}


def _figure(value) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return words.number(value, max(0, 4 - len(str(int(abs(value))))) if isinstance(value, float) else 0)


def rest(n: int) -> str:
    return say_n("{n} more is not shown.", "{n} more are not shown.", n - MOST) if n > MOST else ""


def said(known: dict, key) -> str:
    """What people call it; where nobody gave it a name, as it is."""
    return say(known[key]) if key in known else words.NONE if key is None else str(key)
