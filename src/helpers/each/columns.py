"""The column by which a project is divided: one that says neither who nor where somebody is, and that has values, not measurements."""

import difflib
import re
import unicodedata
from dataclasses import dataclass

from helpers import NinefoldError
from helpers.collect.special import has_basis, named
from helpers.project import CONTRACT, Project
from helpers.project.contract import LOCATING, PERSONAL
from helpers.project.special import category

OWN = {"customers": tuple(CONTRACT["customers"]["columns"]), "orders": ("customer_id", "order_id", "ordered_at")}
"""Columns that identify a row or date it."""


@dataclass(frozen=True)
class By:
    """A column of the table contract.

    table, column  where it is: of customers, or of orders
    folder         its name below data/<project>/each
    """

    table: str
    column: str
    folder: str


def column_of(plan: Project, typed: str) -> By:
    """The column that `typed` names: `country`, or with its table, `orders.channel`; of both tables, that of customers.

    Raises NinefoldError for an unknown column, one that tells who or where somebody is, or a special category without a stated basis.
    """
    if plan.only is not None:
        raise NinefoldError(f"{plan.name} is a part itself: divide {plan.base.name}.")
    table, dot, column = typed.strip().rpartition(".")
    places = [place for place in OWN if (not dot or table == place) and column in columns(plan, place)]
    if not places:
        known = [name for place in OWN for name in columns(plan, place)]
        near = difflib.get_close_matches(column, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        why = " It says who or where somebody is: no page may show it." if column in (*PERSONAL, *LOCATING) else ""
        raise NinefoldError(
            f"by: {typed!r} is no column of customers or orders of {plan.file} by which it can be divided.{why}{hint} "
            f"Known: {', '.join(dict.fromkeys(known)) or 'none; map one under collect.sources'}."
        )
    _refuse_special(plan, column)
    both = places[0] == "orders" and column in columns(plan, "customers")
    return By(places[0], column, slug(f"orders-{column}" if both else column))


def columns(plan: Project, table: str) -> list[str]:
    """The columns of a table by which a project may be divided, in the order in which they are typed."""
    found = dict.fromkeys(column for source in plan.sources_of(table).values() for column in source.mapped)
    return [column for column in found if column not in (*OWN[table], *PERSONAL, *LOCATING)]


def _refuse_special(plan: Project, column: str) -> None:
    kind = next((category(speaks) for _, name, speaks in named(plan) if name == column and category(speaks)), None)
    if kind and not has_basis(plan, column):
        raise NinefoldError(
            f"by: {column!r} seems to be of a special category of personal data ({kind}; article 9 of the GDPR), and collect.special in "
            f"{plan.file} states no basis for it. Divide by another column."
        )


LONGEST = 40
"""Letters of a folder's name."""
LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L"})
"""Letters that are no letter with an accent."""


def slug(value: str | None) -> str:
    """A value as the name of a folder: lower case, letters without accents, figures and hyphens; `none` for no value."""
    if value is None:
        return "none"
    apart = unicodedata.normalize("NFKD", value.translate(LETTERS))
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter)).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-") or "value"


def refuse_measured(kind, by: By, plan: Project) -> None:
    """NinefoldError for a column of measurements or moments: its values are not groups of people.

    kind    the column's type in Ibis
    """
    if kind.is_floating() or kind.is_decimal() or kind.is_temporal():
        raise NinefoldError(
            f"by: the column {by.column} of {by.table} in {plan.file} holds measurements or moments ({kind}), not groups. Choose a "
            "column of words, or map one that groups them."
        )
