"""How a table's values are to be read: the field `format` of its source, and the same reading in SQL to check it on the whole file."""

import re
from dataclasses import dataclass, field

from helpers.new import writing
from helpers.new.guess import Guess, Role
from helpers.new.read import literal, quoted
from helpers.new.read import rows as counted
from helpers.new.values import NO, SENTINEL_DAYS, SENTINEL_NUMBERS, YES, Column
from helpers.project.contract import CONTRACT
from helpers.project.sources import Format

DEFAULT = Format()


@dataclass
class Written:
    """Fields of `format` that differ from their defaults, each with a reason and a doubt."""

    fields: dict[str, object] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: object, reason: str = "", doubt: str = "") -> None:
        if value == getattr(DEFAULT, name) and not doubt and name != "separator":
            return
        self.fields[name], self.reasons[name] = value, reason
        if doubt:
            self.doubts[name] = doubt

    @property
    def decimal(self) -> str:
        return self.fields.get("decimal", DEFAULT.decimal)

    @property
    def thousands(self) -> str:
        return self.fields.get("thousands", DEFAULT.thousands)


def kind_of(found: Guess, role: str) -> str:
    """The contract's type of a column; attributes are text."""
    return CONTRACT[found.table]["columns"].get(role, "string").split("(")[0]


def written(found: Guess) -> Written:
    """How the columns that are used are written; a date column written unlike the one that dates the table is left out."""
    result, text = Written(), found.read.text
    if text:
        result.put("encoding", text.encoding, "", text.doubt)
        if text.separator:
            result.put("separator", text.separator)
    _numbers(found, result)
    _dates(found, result)
    used = [found.columns[name] for name in found.columns if name in found.used - found.elsewhere]
    gone = {each: n for column in used if column.kind != "text" or not column.looks for each, n in column.missing.items()}
    if gone:
        result.put("missing", [*DEFAULT.missing, *sorted(gone)], f"stand in {sum(gone.values()):,} cells")
    for role, made in found.roles.items():
        if kind_of(found, role) == "boolean":
            _words(found.columns[made.origin], result)
    return result


def _numbers(found: Guess, result: Written) -> None:
    used = [column for column in map(found.columns.get, _read_as_numbers(found)) if column and column.kind == "number" and column.is_text]
    numbers = {n: times for column in used for n, times in _shapes(found, column) if n is not None}
    marks = writing.marks(numbers, separator=found.read.text.separator if found.read.text else None)
    result.put("decimal", marks.decimal, "", marks.doubt)
    result.put("thousands", marks.thousands)


def _shapes(found: Guess, column: Column) -> list[tuple[str | None, int]]:
    """One number of each shape in the whole file (9 999,99), with how many have it: one row in a million may have the thousands mark."""
    value = quoted(column.name)
    shape = f"regexp_replace({value}, '\\d', '9', 'g')"
    query = f"select min({value}) v, count(*) n from {{t}} where {value} is not null group by {shape} order by n desc, v limit 500"
    return [(writing.bare_number(v), n) for v, n in found.read.ask(query)]


def _read_as_numbers(found: Guess) -> list[str]:
    """Columns that are read as numbers; ids and attributes stay text, however they look."""
    plain = [made.origin for role, made in found.roles.items() if kind_of(found, role) in ("decimal", "float64", "int64")]
    return [*plain, *found.in_expressions, *(found.totals["categories"].values() if found.totals else ())]


def _dates(found: Guess, result: Written) -> None:
    dated = CONTRACT[found.table]["dated"]
    roles = [role for role in found.roles if kind_of(found, role) == "timestamp" and found.roles[role].origin in found.columns]
    roles.sort(key=lambda role: role != dated)
    columns = {role: found.columns[found.roles[role].origin] for role in roles}
    for lookup in found.lookups:  # read with the same pattern
        columns = {
            role: lookup["guess"].columns[name] for role, name in lookup["columns"].items() if kind_of(found, role) == "timestamp"
        } | columns
    texts = {role: column for role, column in columns.items() if column.is_text}
    if not texts:
        return
    pattern = next(iter(texts.values())).dates
    for role, column in list(texts.items()):
        if column.dates != pattern and role in found.roles:
            name = found.roles.pop(role).origin
            found.left[name] = (
                f"its dates are written {column.dates or 'YYYY-MM-DD'}, the others {pattern or 'YYYY-MM-DD'}; a source has one pattern"
            )
            del texts[role]
    doubt = next((column.doubt for column in texts.values() if column.doubt), "")
    if pattern:
        result.put("dates", pattern, f"as in {next(iter(next(iter(texts.values())).values))}", doubt)
    elif doubt and next(iter(texts)) in found.roles:
        first = next(iter(texts))
        found.roles[first].doubt = found.roles[first].doubt or doubt


def _words(column: Column, result: Written) -> None:
    """Words for yes and no that the defaults do not hold."""
    values = [v for v in column.values if column.is_text]
    yes = [v.lower() for v in values if v.lower() in YES]
    no = [v.lower() for v in values if v.lower() in NO]
    other = [v for v in values if v.lower() not in (*YES, *NO)]
    if set(yes) - set(DEFAULT.yes):
        result.put("yes", [*DEFAULT.yes, *sorted(set(yes) - set(DEFAULT.yes))])
    if set(no) - set(DEFAULT.no) or other:
        result.put("no", [*DEFAULT.no, *sorted(set(no) - set(DEFAULT.no))], doubt=f"{other[0]!r}: yes or no?" if other else "")


# ---- the same reading in SQL


def number(column: Column, how: Written) -> str:
    """A column as a number in a query, missing where it cannot be read."""
    if not column.is_text:
        plain = f"{quoted(column.name)}::DOUBLE"
        return f"(case when not isnan({plain}) then {plain} end)"
    signs = "|".join([r"R\$", "zł", "[€$£¥₹₺]", *writing.CODES])
    value = f"trim(regexp_replace({quoted(column.name)}, '{signs}', '', 'gi'), ' \u00a0\u202f')"
    if how.thousands:
        mark = "[ \u00a0\u202f\u2009]" if how.thousands == " " else re.escape(how.thousands)
        value = f"regexp_replace({value}, {literal(mark + '([0-9]{3})')}, '\\1', 'g')"
    if how.decimal == ",":
        value = f"replace({value}, ',', '.')"
    return f"try_cast({value} AS DOUBLE)"


def instant(column: Column) -> str:
    """A column as an instant in a query, missing where it cannot be read."""
    if not column.is_text:
        return f"{quoted(column.name)}::TIMESTAMP"
    value = quoted(column.name)
    if column.dates:
        return f"try_strptime({value}, {literal(column.dates)})"
    return f"coalesce(try_cast({value} AS TIMESTAMP), try_cast({value} AS TIMESTAMPTZ)::TIMESTAMP)"


def check(found: Guess, how: Written) -> None:
    """On the whole file: values that cannot be read as the role needs, and values that stand for a missing one."""
    for role, made in found.roles.items():
        column = found.columns.get(made.origin)
        if column is None:
            continue
        kind = kind_of(found, role)
        read = instant(column) if kind == "timestamp" else number(column, how) if kind in ("decimal", "float64", "int64") else None
        if read and column.is_text:
            _unread(found, made, column, read)
        if kind == "timestamp":
            _sentinel_days(found, role, column, read)
        elif kind in ("decimal", "float64") or column.kind == "number" or role.endswith("_id"):
            _sentinel_numbers(found, role, column)


def _unread(found: Guess, made: Role, column: Column, read: str) -> None:
    value = quoted(column.name)
    known = ", ".join(literal(each) for each in ("", column.name, *column.missing))
    query = f"select count(*), min({value}) from {{t}} where {value} is not null and {value} not in ({known}) and {read} is null"
    rows, example = found.read.ask(query)[0]
    if rows:
        share = rows / found.read.rows
        end = "the run will stop at more than 1 %" if share > 0.01 else "these rows are set aside and counted"
        made.doubt = f"{rows:,} value{'s' if rows > 1 else ''} cannot be read, such as {example[:30]!r}; {end}"


def _sentinel_days(found: Guess, role: str, column: Column, read: str) -> None:
    days = ", ".join(literal(day) for day in SENTINEL_DAYS)
    value = quoted(column.name) if column.is_text else f"strftime({quoted(column.name)}, '%Y-%m-%d')"
    query = f"select {value} v, count(*) from {{t}} where strftime({read}, '%Y-%m-%d') in ({days}) group by 1 order by 2 desc, 1 limit 20"
    rows = found.read.ask(query)
    if rows:
        found.placeholders[role] = [value for value, _ in rows]
        found.notes.append(f"{role}: {', '.join(v for v, _ in rows)} ({counted(sum(n for _, n in rows))}) taken for a missing date")


NOBODY = ("0", "-1", "unknown", "inconnu", "anonymous", "anonyme", "guest", "invite", "invité", "none", "divers", "cash", "comptoir")
"""Customer ids that are no customer's."""


def _sentinel_numbers(found: Guess, role: str, column: Column) -> None:
    """666666 and its kin, where they stand far above all others or far more often; and ids that are nobody's."""
    value = quoted(column.name) if column.is_text else f"{quoted(column.name)}::VARCHAR"
    nobody = ", ".join(map(literal, NOBODY))
    query = (
        f"select {value} v, count(*) from {{t}} where regexp_full_match({value}, {literal(SENTINEL_NUMBERS.pattern)}) "
        f"or lower({value}) in ({nobody}) group by 1 order by 2 desc, 1 limit 10"
    )
    odd = [(v, times) for v, times in found.read.ask(query) if _is_sentinel(v, times, role, column)]
    if odd:
        found.placeholders[role] = sorted(v.removesuffix(".0") for v, _ in odd)
        found.notes.append(f"{role}: {', '.join(found.placeholders[role])} ({counted(sum(n for _, n in odd))}) taken for a missing value")


def _is_sentinel(value: str, times: int, role: str, column: Column) -> bool:
    plain, counts = value.removesuffix(".0"), sorted(n for v, n in column.values.items() if v != value)
    usual = counts[len(counts) // 2] if counts else 0
    others = sorted(abs(float(n)) for n in column.values if _REAL.fullmatch(n) and not SENTINEL_NUMBERS.fullmatch(n))
    often = bool(counts) and column.distinct > 5 and times > max(4, 5 * usual)
    if role == "customer_id" and plain.lower() in NOBODY:
        return often or not _REAL.fullmatch(plain)
    if not SENTINEL_NUMBERS.fullmatch(value) or not others or (role.endswith("_id") and role != "customer_id"):
        return False
    if plain == "-1":
        return role not in ("quantity", "amount") and times > 2 and column.lowest in ("-1", "-1.0")
    far = abs(float(plain)) > 20 * others[int(0.99 * (len(others) - 1))] and abs(float(plain)) > 2 * others[-1]
    return far or (often and abs(float(plain)) > others[-1] and role not in ("quantity", "amount", "discount"))


_REAL = re.compile(r"-?\d+(\.\d+)?")
