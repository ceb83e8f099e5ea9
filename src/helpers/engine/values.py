"""One value as a file writes it → the contract's type; what does not fit is told apart, never guessed.

Every function takes a column and gives a Value: the column in its new type, and for which rows something stands there that
cannot be read.
"""

import re
from datetime import datetime
from functools import cache
from typing import NamedTuple

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from helpers.project.sources import Format

SPACE = r"[\s\p{Zs}]"
"""Every kind of space, those that do not break included."""
DOLLARS = ("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN")
ROUNDED = r"^\d[.,]\d+E\+\d+$"
"""What a spreadsheet makes of a long id: 4.00638E+12."""
FLOAT_ID = r"^\d+\.0$"
"""What some programs make of a whole id when another one is missing."""


class Value(NamedTuple):
    """A column in its new type, and for which rows the file holds something that does not fit; None: there can be none."""

    typed: ir.Value
    unfit: ir.BooleanValue | None


@ibis.udf.scalar.builtin(name="try_strptime")
def _try_strptime(text: str, pattern: str) -> datetime:  # type: ignore[empty-body]
    """DuckDB's: missing where the text is not written like that."""


def filled(text: ir.StringValue, form: Format) -> ir.StringValue:
    """A text column of a text file, missing where nothing stands there or what the format counts as missing."""
    absent = {*form.missing} - {""}
    empty = text.re_search(rf"^{SPACE}*$")
    return (empty | trimmed(text).isin(sorted(absent)) if absent else empty).ifelse(ibis.null("string"), text)


def trimmed(text: ir.StringValue) -> ir.StringValue:
    """Without the spaces, of any kind, around it."""
    # Few values have any, and looking is cheaper than cutting.
    return text.re_search(rf"^{SPACE}|{SPACE}$").ifelse(text.re_replace(rf"^{SPACE}+|{SPACE}+$", ""), text)


def as_text(column: ir.Value) -> ir.StringValue:
    """A column as text; whole numbers that a program stored as 7.0 for want of a missing integer are 7."""
    if column.type().is_floating():
        whole = column.try_cast("int64")
        return (whole.cast("float64") == column.cast("float64")).ifelse(whole.cast("string"), column.cast("string"))
    return column.cast("string")


def identifier(text: ir.StringValue, *, floats: bool) -> Value:
    """An id of a text file.

    floats   every id of the column is written as 7.0: they are 7. Otherwise ids stay as they are written, leading zeros included.
    One that a spreadsheet has rounded (4.00638E+12) is nobody's any more and does not fit.
    """
    return Value(text.re_replace(r"\.0$", "") if floats else text, text.re_search(ROUNDED))


def number(text: ir.StringValue, form: Format, kind: dt.DataType, *, currency: str | None = None, factor: float = 1.0) -> Value:
    """A number as the format writes it.

    currency   its sign or code may stand before or after the number; that of another currency does not fit
    factor     what it is multiplied by
    A thousands mark must stand where thousands end, so that 1.234 is not read as 1234 where a point is the decimal mark. Negative
    numbers: -5, 5- and (5).
    """
    bare = trimmed(text)
    plain = bare.re_search(rf"^-?\d+(?:{re.escape(form.decimal)}\d+)?$")
    pointed = bare if form.decimal == "." else bare.replace(form.decimal, ".")
    found = plain.ifelse(pointed, _unadorned(bare, form, currency))
    if kind.is_integer():
        real = found.try_cast("float64") * factor
        typed = (real == real.floor()).ifelse(real.try_cast(kind), ibis.null(kind))
    elif factor != 1.0:
        typed = (found.try_cast("float64") * factor).try_cast(kind)
    else:
        typed = found.try_cast(kind)
    if kind.is_floating():
        typed = typed.isinf().ifelse(ibis.null(kind), typed)
    return Value(typed, text.notnull() & typed.isnull())


def _unadorned(bare: ir.StringValue, form: Format, currency: str | None) -> ir.StringValue:
    """The number without currency, thousands marks and other ways to write a minus; missing where it is none."""
    mark = rf"(?:{'|'.join(re.escape(sign) for sign in signs(currency))})" if currency else ""
    if mark:
        bare = bare.re_replace(rf"^([-+\x{{2212}}(]?){SPACE}*{mark}{SPACE}*|{SPACE}*{mark}{SPACE}*([-)]?)$", r"\1\2")
    thousand = {"": "", " ": SPACE, "'": r"['\x{2019}]"}.get(form.thousands, re.escape(form.thousands))
    whole = rf"(?:\d{{1,3}}(?:{thousand}\d{{3}})+|\d+)" if thousand else r"\d+"
    point = re.escape(form.decimal)
    body = rf"(?:{whole}(?:{point}\d*)?|{point}\d+)"
    power = r"(?:[eE][+-]?\d+)?" if form.decimal == "." and not thousand else ""
    fits = bare.re_search(rf"^(?:[-+\x{{2212}}]?{SPACE}*{body}{power}|{body}{SPACE}*-|\({SPACE}*{body}{SPACE}*\))$")
    digits = bare.re_replace(rf"^[-+\x{{2212}}(]{SPACE}*|{SPACE}*[-)]$", "")
    digits = digits.re_replace(thousand, "") if thousand else digits
    digits = digits if form.decimal == "." else digits.replace(form.decimal, ".")
    minus = bare.re_search(r"^[-\x{2212}(]|-$").ifelse("-", "")
    return fits.ifelse(minus + digits, ibis.null("string"))


@cache
def signs(currency: str) -> tuple[str, ...]:
    """How a currency is written beside an amount: its code and its signs, longest first."""
    from babel.numbers import get_currency_symbol

    known = {currency, *(get_currency_symbol(currency, locale=each) for each in ("en", "fr", "de"))}
    known |= {"$"} if currency in DOLLARS else set()
    return tuple(sorted(known, key=lambda sign: (-len(sign), sign)))


def moment(text: ir.StringValue, form: Format, *, offsets: bool) -> Value:
    """An instant as the format writes it: by its pattern, else YYYY-MM-DD with or without a time.

    offsets   every instant ends in its offset from UTC; the result is then UTC
    """
    bare = trimmed(text)
    if form.dates:
        typed = _try_strptime(bare, form.dates)
        # %Y reads 24 as the year 24.
        typed = (typed < ibis.literal(datetime(1000, 1, 1))).ifelse(ibis.null("timestamp"), typed)
    else:
        typed = bare.try_cast("timestamp('UTC')").cast("timestamp") if offsets else bare.try_cast("timestamp")
        typed = bare.re_search(r"^\d{4}[-/]").ifelse(typed, ibis.null("timestamp"))  # DuckDB also reads `epoch` and `infinity`
    return Value(typed, text.notnull() & typed.isnull())


def truth(text: ir.StringValue, form: Format) -> Value:
    """True or false, by the words of the format, in any case."""
    bare = trimmed(text).lower()
    yes, no = ([word.strip().lower() for word in words] for words in (form.yes, form.no))
    typed = ibis.cases((bare.isin(yes), True), (bare.isin(no), False), else_=ibis.null("boolean"))
    return Value(typed, text.notnull() & typed.isnull())


def stored(column: ir.Value, kind: dt.DataType, *, factor: float = 1.0) -> Value:
    """A column that has a type of its own, as the contract's; a fraction that is not a number counts as missing."""
    if column.type().is_floating():
        column = column.isnan().ifelse(ibis.null(column.type()), column)
    if kind.is_timestamp() and getattr(column.type(), "timezone", None):
        return Value(column.cast("timestamp('UTC')").cast(kind), None)  # such instants say themselves where they are
    typed = (column.cast("float64") * factor if factor != 1.0 else column).try_cast(kind)
    return Value(typed, column.notnull() & typed.isnull() if kind.is_decimal() else None)


def fits(found: dt.DataType, kind: dt.DataType) -> bool:
    """Whether a file's type can be read as the contract's; text may always be tried."""
    if kind.is_string() or found.is_string():
        return True
    if kind.is_timestamp():
        return found.is_timestamp() or found.is_date()
    return found.is_boolean() or found.is_numeric()


def is_one_of(value: Value, text: ir.StringValue, listed: list[str]) -> ir.BooleanValue:
    """For which rows a placeholder stands there: as the file writes it, or the same number or day."""
    same = text.isin(sorted(listed))
    kind = value.typed.type()
    for each in listed:
        try:
            if kind.is_numeric():
                same = same | (value.typed.cast("float64") == float(each))
            elif kind.is_timestamp():
                same = same | (value.typed == ibis.literal(datetime.fromisoformat(each)))
        except ValueError:
            continue
    return same.fill_null(False)


def plain(kind: dt.DataType) -> str:
    """A type in a word."""
    return {"timestamp": "a date", "string": "text", "boolean": "true or false"}.get(str(kind).split("(")[0], "a number")


def remedy(value: str, kind: dt.DataType, origin: str) -> str:
    """What to do about a value of the column `origin` that does not fit: the usual suspects of an export, with the field to type."""
    if value.strip() == origin:
        return "The names of the columns stand among the rows again: take these rows out."
    if kind.is_string():
        return "A spreadsheet has rounded this number: export the column again as text."
    if kind.is_boolean():
        return "List such words under the source's `format`: yes: [..], no: [..]."
    if re.fullmatch(r"(?i)\W*|n/?a|nan|null|none|nil|inconnu|unknown", value.strip()):
        return f"If it stands for a missing value, type under the source's `format`: missing: [{value!r}]."
    if kind.is_timestamp():
        return _date_remedy(value.strip())
    return _number_remedy(value.strip())


def _date_remedy(value: str) -> str:
    found = re.match(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)([ T]\d{1,2}:\d{2}(:\d{2})?)?$", value)
    if not found:
        return "Correct the value, type the pattern under the source's `format` (dates: '%d %B %Y'), or map another column."
    first, mark, second, year, clock, seconds = found.groups()
    time = "" if not clock else clock[0] + ("%H:%M:%S" if seconds else "%H:%M")
    ways = {"day": f"%d{mark}%m", "month": f"%m{mark}%d"}
    ways = {who: f"{each}{mark}{'%Y' if len(year) == 4 else '%y'}{time}" for who, each in ways.items()}
    if int(second) > 12:
        return f"It looks like a month written first: type under the source's `format`: dates: '{ways['month']}'."
    if int(first) > 12:
        return f"It looks like a day written first: type under the source's `format`: dates: '{ways['day']}'."
    return f"Type under the source's `format` dates: '{ways['day']}' if the day stands first, '{ways['month']}' if the month does."


def _number_remedy(value: str) -> str:
    digits = re.sub(r"^\D+|\D+$", "", value)
    marks = re.sub(r"\d", "", digits)
    kinds = list(dict.fromkeys(" " if mark.isspace() else mark for mark in marks))
    where = "type under the source's `format`:"
    if len(kinds) == 2 and kinds[1] in ".," and set(kinds) <= set(" .,'"):
        return f"It looks like thousands apart and a decimal mark: {where} decimal: '{kinds[1]}', thousands: '{kinds[0]}'."
    if len(kinds) != 1 or kinds[0] not in " .,'":
        return "Correct the value, or map another column."
    if len(marks) > 1 or kinds[0] in " '":
        return f"It looks like thousands apart: {where} thousands: '{kinds[0]}'."
    if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits):
        return f"If the mark stands before thousands, {where} thousands: '{kinds[0]}'; if before a fraction, decimal: '{kinds[0]}'."
    if kinds[0] == ",":
        return f"It looks like a decimal comma: {where} decimal: ','."
    return "Correct the value, or map another column."
