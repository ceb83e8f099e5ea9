"""What a column's values are like: the second half of a guess. Counts are of the whole file, shapes of a bounded sample."""

import re
from collections import Counter
from dataclasses import dataclass, field

from helpers.new import writing
from helpers.new.read import Read, literal, quoted

SAMPLE = 20_000
"""Rows from which shapes are told."""
VALUES = 400
"""Different values of a column that are looked at, the most frequent first."""
AT_ONCE = 40
"""Columns of one query."""
MISSING = (
    *("nan", "na", "n/a", "#n/a", "null", "(null)", "\\n", "<na>", "nil", "nd", "n.d.", "nc", "n.c.", "nr", "n.r."),
    *("#value!", "#ref!", "#div/0!", "-", "--", "?", "."),
)
"""Texts that stand for a missing value in every column; `none` only among numbers and dates, for it may be an answer."""
YES, NO = (
    "true yes oui y o t 1 vrai ja granted optin opt-in accepted".split(),
    "false no non n f 0 faux nein refused optout opt-out".split(),
)
SENTINEL_DAYS = (
    "0001-01-01",
    "1899-12-30",
    "1899-12-31",
    "1900-01-01",
    "1901-01-01",
    "1970-01-01",
    "2099-12-31",
    "2999-12-31",
    "9999-12-31",
)
SENTINEL_NUMBERS = re.compile(r"-?(9{4,}|6{4,}|1{6,}|0{4,}|12345678?9?0?)(\.0+)?|-1(\.0)?")
E_MAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(?:\+|00|0)[\d\s().\-/]{7,}")
POSTCODE = re.compile(r"\d{5}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{4} ?[A-Z]{2}")


@dataclass
class Column:
    """One column.

    kind       "empty", "date", "number", "yesno" or "text"
    filled     rows with a value (texts for missing ones not counted); distinct: about how many different ones
    values     the most frequent values of the sample, with how often each stands in it
    missing    texts that stand for a missing value, with their rows
    dates      strptime pattern of its dates ("" ISO 8601), with a `?` where no value of the file decides day and month
    whole      all its numbers are whole; looks: "email", "phone" or "postcode"
    """

    name: str
    native: str
    rows: int
    filled: int
    distinct: int
    lowest: str | None = None
    highest: str | None = None
    kind: str = "text"
    values: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    dates: str | None = None
    doubt: str = ""
    whole: bool = False
    looks: str = ""
    currency: str | None = None

    @property
    def share_filled(self) -> float:
        return self.filled / self.rows if self.rows else 0.0

    @property
    def is_text(self) -> bool:
        return self.native == "VARCHAR"

    @property
    def constant(self) -> bool:
        return self.filled > 0 and self.lowest == self.highest and self.rows > 1


def profile(read: Read) -> dict[str, Column]:
    """Every column of a table, by name in its order."""
    columns = _counted(read)
    step = max(1, read.rows // SAMPLE)
    where = f"where rowid % {step} = 0" if read.numbered else ""
    read.con.execute(f"CREATE OR REPLACE TEMP TABLE sample_ AS SELECT * FROM {read.name} {where} LIMIT {SAMPLE}")
    for column in columns.values():
        value = quoted(column.name) if column.is_text else f"{quoted(column.name)}::VARCHAR"
        query = f"select {value} v, count(*) n from sample_ where v is not null group by 1 order by 2 desc, 1 limit {VALUES}"
        column.values = dict(read.ask(query))
        _shape(read, column)
    return columns


def _counted(read: Read) -> dict[str, Column]:
    """Counts over the whole table, some columns at a time."""
    names, result = list(read.columns), {}
    texts = ", ".join(literal(text) for text in MISSING)
    for start in range(0, len(names), AT_ONCE):
        part, asked = names[start : start + AT_ONCE], []
        for name in part:
            is_text = read.columns[name] == "VARCHAR"
            value = quoted(name) if is_text else _no_nan(name, read.columns[name])
            gone = f"count(*) filter (lower({value}) in ({texts}))" if is_text else "0"
            asked.append(f"count({value}), approx_count_distinct({value}), min({value})::VARCHAR, max({value})::VARCHAR, {gone}")
        (row,) = read.ask(f"select {', '.join(asked)} from {{t}}")
        for i, name in enumerate(part):
            filled, distinct, low, high, gone = row[5 * i : 5 * i + 5]
            column = Column(name, read.columns[name], read.rows, filled - gone, distinct, low, high)
            result[name] = column
            if gone:
                value = quoted(name)
                column.missing = dict(
                    read.ask(f"select {value} v, count(*) from {{t}} where lower({value}) in ({texts}) group by 1 order by 1")
                )
                column.lowest, column.highest = read.ask(
                    f"select min({value}), max({value}) from {{t}} where lower({value}) not in ({texts})"
                )[0]
    return result


def _no_nan(name: str, native: str) -> str:
    """A column with types, missing where a number is not one."""
    plain = quoted(name)
    return f"case when not isnan({plain}) then {plain} end" if native in ("DOUBLE", "FLOAT") else plain


def _shape(read: Read, column: Column) -> None:
    """What kind its values are, and how they are written."""
    column.values.pop(column.name, None)  # the line of names once more
    values = [v for v in column.values if v not in column.missing]
    if not column.filled:
        column.kind = "empty"
    elif column.native.startswith(("TIMESTAMP", "DATE")):
        column.kind, column.dates = "date", ""
    elif column.native == "BOOLEAN":
        column.kind = "yesno"
    elif not column.is_text:
        column.kind = "number"
        column.whole = column.native.endswith("INT") or all(float(v).is_integer() for v in values if v not in ("inf", "-inf"))
    else:
        _shape_of_text(read, column, values)
    if column.kind == "number" and len(column.values) <= 2 and {v.removesuffix(".0") for v in values} <= {"0", "1"} and column.rows > 2:
        column.kind = "yesno"


def _shape_of_text(read: Read, column: Column, values: list[str]) -> None:
    patterns = Counter()
    for value in values:
        pattern = writing.date_pattern(value)
        patterns[pattern] += 1
    dates = sum(n for pattern, n in patterns.items() if pattern is not None)
    numbers = [n for n in map(writing.bare_number, values) if n is not None]
    if dates >= 0.9 * len(values) and not _only_numbers(patterns, column):
        column.kind = "date"
        _dates(read, column, patterns)
    elif len(numbers) >= 0.95 * len(values) or (len(values) > 20 and len(numbers) >= 0.9 * len(values)):
        column.kind = "number"
        column.whole = all(re.fullmatch(r"[-+]?\d+(\.0+)?", n) for n in numbers)
        signs = Counter(filter(None, map(writing.currency, values)))
        column.currency = signs.most_common(1)[0][0] if signs else None
    elif len(values) <= 2 and {v.lower() for v in values} <= {*YES, *NO}:
        column.kind = "yesno"
    share = {look: sum(bool(p.fullmatch(v)) for v in values) / max(len(values), 1) for look, p in _LOOKS.items()}
    column.looks = next((look for look, found in share.items() if found >= (0.6 if look == "email" else 0.9)), "")


_LOOKS = {"email": E_MAIL, "phone": PHONE, "postcode": POSTCODE}


def _only_numbers(patterns: Counter, column: Column) -> bool:
    """Eight figures are a date only in a column that is called so: 20240117 may be an id."""
    return set(patterns) <= {"%Y%m%d", None} and not re.search(r"dat|jour|day|time|_at$|At$|le$", column.name, re.I)


def _dates(read: Read, column: Column, patterns: Counter) -> None:
    """The pattern of most, with the order of day and month as the whole file decides it."""
    del patterns[None]
    pattern = max(patterns, key=lambda p: (patterns[p], p))
    others = [p for p in patterns if p != pattern]
    if others:
        shown = ", ".join(sorted(p or "YYYY-MM-DD" for p in others))
        column.doubt = f"dates are written in {len(patterns)} ways; those written {shown.replace('?', 'day and month')} may not be read"
    if pattern.startswith(writing.UNKNOWN_ORDER):
        pattern, doubt = _order(read, column, pattern)
        column.doubt = doubt or column.doubt
    column.dates = pattern


def _order(read: Read, column: Column, pattern: str) -> tuple[str, str]:
    """Day first or month first: asked of every row, and a doubt where none or both of the two are found."""
    first, second = (f"try_cast(regexp_extract({quoted(column.name)}, '^(\\d{{1,2}})[./-](\\d{{1,2}})[./-]', {n}) as int)" for n in (1, 2))
    ((days, months),) = read.ask(f"select count(*) filter ({first} > 12), count(*) filter ({second} > 12) from {{t}}")
    decided = writing.with_order(pattern, day_first=days >= months)
    if days and months:
        return decided, f"mixed: {days:,} dates have the day first and {months:,} the month; the fewer of them cannot be read"
    return decided, "" if days or months else "no date decides between day first and month first"
