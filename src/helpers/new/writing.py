"""How numbers and dates are written, told from single values; pure functions, no table."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SPACES = " \u00a0\u202f\u2009"
SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₺": "TRY", "zł": "PLN", "R$": "BRL"}
CODES = "EUR USD GBP CHF CAD AUD NZD JPY SEK NOK DKK PLN CZK HUF RON BGN TRY INR BRL MXN ZAR CNY MAD TND XOF XAF SGD HKD".split()
_MONEY = re.compile(r"(?:R\$|zł|[€$£¥₹₺]|\b(?:" + "|".join(CODES) + r")\b)", re.I)
_NUMBER = re.compile(rf"[-+]?\d[\d.,'’{SPACES}]*|[-+]?[.,]\d+")
_TIME = r"(?:(?P<gap>[ T])(?P<h>\d{1,2}):\d{2}(?P<s>:\d{2})?(?P<f>\.\d+)?(?P<ap>\s?[AaPp][Mm])?)?"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?")
_ORDERED = re.compile(r"\d{1,2}(?P<mark>[./-])\d{1,2}(?P=mark)(?P<y>\d{4}|\d{2})" + _TIME)
_YEAR_FIRST = re.compile(r"\d{4}(?P<mark>[./-])\d{1,2}(?P=mark)\d{1,2}" + _TIME)
_COMPACT = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_MONTH = re.compile(
    r"(?:\d{1,2}(?P<m1>[ -])(?P<d>[A-Za-z]{3,9})(?P=m1)(?P<y>\d{4}|\d{2})|(?P<a>[A-Za-z]{3,9}) \d{1,2}(?P<c>,?) \d{4})" + _TIME
)
_MONTHS = "january february march april may june july august september october november december".split()

UNKNOWN_ORDER = "?"
"""Stands in a pattern where a value alone does not say which of day and month comes first."""


def currency(text: str) -> str | None:
    """The currency that a value or a column's name states."""
    found = _MONEY.search(text)
    if not found:
        return None
    sign = found.group()
    return SIGNS.get(sign) or (sign.upper() if sign.upper() in CODES else SIGNS.get(sign.lower()))


def bare_number(value: str) -> str | None:
    """A number without currency and surrounding blanks; None when it is none."""
    text = _MONEY.sub("", value).strip(SPACES + "\t")
    return text if _NUMBER.fullmatch(text) and not _ISO.fullmatch(text) and not _ORDERED.fullmatch(text) else None


@dataclass(frozen=True)
class Marks:
    """How the numbers of a file are written; `doubt` says why that is not certain."""

    decimal: str = "."
    thousands: str = ""
    doubt: str = ""


def marks(numbers: Iterable[str] | Mapping[str, int], *, separator: str | None = None) -> Marks:
    """Decimal and thousands marks of bare numbers, or of numbers with how often each stands there.

    Three figures after a single mark decide nothing (1,234); then another value of the file decides, else the field separator:
    a file between whose fields stand semicolons comes from where commas are decimal.
    """
    decimal, thousands, open_, example = Counter(), Counter(), Counter(), {}
    for number, times in (numbers if isinstance(numbers, Mapping) else Counter(numbers)).items():
        kind, mark, other = _marks_of(number)
        if kind == "open":
            open_[mark] += times
        if kind in ("decimal", "both"):
            decimal[mark] += times
        if kind in ("thousands", "both"):
            thousands[other] += times
        if mark or other:
            example.setdefault((kind, mark), number.strip())
    point = decimal.most_common(1)[0][0] if decimal else None
    group = thousands.most_common(1)[0][0] if thousands else ""
    if len(decimal) > 1:
        written = " and ".join(repr(example.get(("decimal", m)) or example.get(("both", m))) for m in (",", "."))
        return Marks(point, "" if group == point else group, f"numbers are written in two ways ({written})")
    if point is None and group in (".", ","):
        point = "," if group == "." else "."
    if point is None and open_:
        mark = open_.most_common(1)[0][0]
        point = mark if (mark == ",") == (separator == ";") else ("." if mark == "," else ",")
        group = group or ("" if point == mark else mark)
        return Marks(point, group, f"{example['open', mark]} could be a fraction or thousands, and no other value decides")
    if point is not None and open_ and not group:
        group = next((mark for mark in sorted(open_) if mark != point), "")
    return Marks(point or ".", group if group != point else "")


def _marks_of(number: str) -> tuple[str, str, str]:
    """("decimal" | "thousands" | "both" | "open" | "plain", decimal or open mark, thousands mark)."""
    text = number.lstrip("+-")
    group = next((" " for c in text if c in SPACES), "") or ("'" if re.search("['’]", text) else "")
    text = re.sub(rf"['’{SPACES}]", "", text)
    comma, point = text.count(","), text.count(".")
    if comma and point:
        mark = "," if text.rfind(",") > text.rfind(".") else "."
        return "both", mark, "." if mark == "," else ","
    mark = "," if comma else "." if point else ""
    if comma + point > 1:
        return "thousands", "", mark
    if not mark:
        return ("thousands", "", group) if group else ("plain", "", "")
    before, after = text.split(mark)
    if len(after) == 3 and not group and before.strip("0") and len(before) <= 3:
        return "open", mark, ""
    return ("both", mark, group) if group else ("decimal", mark, "")


def date_pattern(value: str) -> str | None:
    """The strptime pattern of a date, "" for ISO 8601; `?` stands for day and month in an order that the value does not tell."""
    if _ISO.fullmatch(value):
        return ""
    if found := _ORDERED.fullmatch(value):
        mark = found["mark"]
        return f"{UNKNOWN_ORDER}{mark}{'%Y' if len(found['y']) == 4 else '%y'}{_time(found)}"
    if found := _YEAR_FIRST.fullmatch(value):
        return found["mark"].join(("%Y", "%m", "%d")) + _time(found)
    if _COMPACT.fullmatch(value):
        return "%Y%m%d"
    if found := _MONTH.fullmatch(value):
        word = (found["d"] or found["a"]).lower()
        if word in _MONTHS or word in [m[:3] for m in _MONTHS]:
            month = "%b" if len(word) == 3 else "%B"
            year = "%y" if found["y"] and len(found["y"]) == 2 else "%Y"
            day_first = found["m1"].join(("%d", month, year)) if found["d"] else f"{month} %d{found['c']} {year}"
            return day_first + _time(found)
    return None


def _time(found: re.Match) -> str:
    if not found["gap"]:
        return ""
    hour = "%I" if found["ap"] else "%H"
    # %S reads whole seconds; %f their fraction.
    pattern = f"{found['gap']}{hour}:%M{':%S' if found['s'] else ''}{'.%f' if found['f'] else ''}"
    half = found["ap"]
    return pattern + (f"{' ' if half[0].isspace() else ''}%p" if half else "")


def with_order(pattern: str, *, day_first: bool) -> str:
    """A pattern whose order of day and month is decided."""
    mark = pattern[1] if pattern.startswith(UNKNOWN_ORDER) else ""
    return pattern.replace(UNKNOWN_ORDER, f"%d{mark}%m" if day_first else f"%m{mark}%d") if mark else pattern
