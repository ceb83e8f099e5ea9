"""Where tables live: Ibis on DuckDB by default, another engine by its address.

The only room that reads sources. It maps them to the table contract, brings instants to the project's time zone and cuts
every dated table at `as_of`, before any step sees a row.
"""

import difflib
import importlib.util
import itertools
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from helpers import ContractError, NinefoldError
from helpers.project import CONTRACT, Lookup, Project, Source


@dataclass(frozen=True)
class Window:
    """One way of looking at history: rebuilt at `built_at`, judged on [built_at, judged_until)."""

    name: str
    built_from: datetime
    built_at: datetime
    judged_until: datetime | None
    enough: bool


def windows(as_of: datetime, *, window_days: int, horizon_days: int, first: datetime) -> dict[str, Window]:
    """The three windows in which everything is judged: select, confirm and published.

    as_of          first instant not counted
    window_days    length of the trailing window in which behaviour is measured
    horizon_days   length of the later period that judges
    first          first instant of the visible history; a window that would begin earlier is not `enough`
    """

    def window(name: str, horizons: int) -> Window:
        built_at = as_of - timedelta(days=horizons * horizon_days)
        built_from = built_at - timedelta(days=window_days)
        until = built_at + timedelta(days=horizon_days) if horizons else None
        # A history that starts during the first day of the window is long enough: shops open in the morning.
        return Window(name, built_from, built_at, until, built_from.date() >= first.date())

    return {w.name: w for w in (window("select", 2), window("confirm", 1), window("published", 0))}


def before(table: ir.Table, column: str, moment: datetime) -> ir.Table:
    """The rows dated before `moment`; any other timestamp at or after it becomes missing, for it was not known yet."""
    cut = table.filter(table[column] < _literal(moment))
    later = [name for name, kind in cut.schema().items() if kind.is_timestamp() and name != column]
    return cut.mutate(**{name: ibis.cases((cut[name] < _literal(moment), cut[name])) for name in later}) if later else cut


def between(table: ir.Table, column: str, start: datetime, end: datetime) -> ir.Table:
    """The rows dated in [start, end), with what was not known before `end` missing."""
    return before(table.filter(table[column] >= _literal(start)), column, end)


def days_between(start: ir.TimestampValue, end: datetime | ir.TimestampValue) -> ir.FloatingValue:
    """Days from `start` to `end` as seconds / 86,400: the one form on which engines agree."""
    end = _literal(end) if isinstance(end, datetime) else end
    return (end.epoch_seconds() - start.epoch_seconds()).cast("float64") / 86_400.0


def in_zone(column: ir.TimestampValue, source: str, target: str, *, first: datetime, last: datetime) -> ir.TimestampValue:
    """Wall-clock times of one zone as those of another, by adding the offset that was in force.

    first, last   the span of the column: its changes of offset are looked up once and applied as constants, which every engine
                  does alike and far faster than its own zone arithmetic
    """
    changes = _offsets(source, target, max(first, datetime(1970, 1, 2)), min(last, datetime(2100, 1, 1)))
    branches = [(column < _literal(until), column + ibis.interval(seconds=seconds)) for until, seconds in changes[:-1]]
    after = column + ibis.interval(seconds=changes[-1][1])
    return ibis.cases(*branches, else_=after) if branches else after


def _offsets(source: str, target: str, first: datetime, last: datetime) -> list[tuple[datetime | None, int]]:
    """Seconds to add to wall-clock times of `source`, each with the time until which it holds (the last: for ever)."""
    zones = ZoneInfo(source), ZoneInfo(target)

    def offsets(wall: datetime) -> tuple[timedelta, timedelta]:
        instant = wall.replace(tzinfo=zones[0])
        return instant.utcoffset(), instant.astimezone(zones[1]).utcoffset()

    def seconds(wall: datetime) -> int:
        there, here = offsets(wall)
        return int((here - there).total_seconds())

    day, result = datetime(first.year, first.month, first.day), []
    while day <= last:
        following = day + timedelta(days=1)
        # Both zones may change on one day, some hours apart (New York and Chicago): the day is then gone through by the hour.
        marks = [day + n * timedelta(hours=1) for n in range(25)] if offsets(day) != offsets(following) else []
        for low, high in itertools.pairwise(marks):
            old, new = seconds(low), seconds(high)
            while old != new and high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if seconds(middle) == old else (low, middle)
            if old != new:
                result.append((high, old))
        day = following
    return [*result, (None, seconds(day))]


def first_instant(table: ir.Table, column: str = "ordered_at") -> datetime:
    """The earliest instant in a column of a table that has rows."""
    return table[column].min().execute().to_pydatetime()


def total(column: ir.NumericValue) -> ir.DecimalScalar:
    """The sum of real numbers, added up as decimals: a sum of doubles differs from run to run on two threads."""
    return column.cast("float64").cast("decimal(38, 9)").sum()


def totals_by_order(lines: ir.Table) -> ir.Table:
    """One row an order (customer_id, order_id, ordered_at, amount), kept in the engine's memory while it is referred to.

    lines   customer_id, order_id, ordered_at, amount; one row an order line; those of an unknown customer are nobody's order
    """
    lines = lines.filter(lines.customer_id.notnull())
    return lines.group_by(["customer_id", "order_id"]).agg(ordered_at=lines.ordered_at.min(), amount=lines.amount.sum()).cache()


def sample(table: ir.Table, rows: int, *, seed: int, key: str = "customer_id") -> ir.Table:
    """The first `rows` rows by a hash of the key and the seed: the same rows on every engine and every run."""
    draw = (ibis.literal(f"{seed}|") + table[key]).hexdigest("md5")
    return table.mutate(draw_=draw).order_by(["draw_", key]).limit(rows).drop("draw_").order_by(key)


def _literal(moment: datetime) -> ir.TimestampScalar:
    return ibis.literal(moment, type="timestamp")


class Engine:
    """The project's tables as of one instant.

    con      the Ibis backend
    source   a canonical table as mapped, before any cleaning, cut at as_of
    after    how many rows of a source lie at or after as_of
    """

    def __init__(self, project: Project, as_of: datetime):
        self.project, self.as_of = project, as_of
        self.con = self._connect()
        self._mapped: dict[str, ir.Table] = {}

    def _connect(self):
        if self.project.engine.startswith("duckdb://"):
            spill = self.project.folder / ".spill" / str(os.getpid())  # private, and its own: two processes may not share one
            address = self.project.engine.removeprefix("duckdb://") or ":memory:"
            try:
                return ibis.duckdb.connect(address, temp_directory=str(spill))
            except Exception as error:
                raise NinefoldError(f"{self.project.file}: field engine has the value {self.project.engine!r}: {error}") from error
        try:
            return ibis.connect(self.project.engine)
        except Exception as error:
            raise NinefoldError(
                f"{self.project.file}: field engine has the value {self.project.engine!r}, which Ibis cannot open ({error}). "
                "Use duckdb:// or an address of a server that is up, and install Ibis's extra for it."
            ) from error

    def has(self, table: str) -> bool:
        """Whether a source fills this canonical table."""
        return self.project.source_of(table) is not None

    def path(self, file: str) -> Path:
        """Where a source's file is: below data/<project>/, or inside an installed package (`package:path`).

        Raises NinefoldError when it is not there.
        """
        package, colon, inside = file.partition(":")
        if colon and "/" not in package and len(package) > 1:
            found = importlib.util.find_spec(package)
            if found is None or not found.submodule_search_locations:
                raise NinefoldError(
                    f"{self.project.file}: the file {file!r} is in the Python package {package}, which is not installed. "
                    "Run the set-up again."
                )
            path = Path(found.submodule_search_locations[0]) / inside
        else:
            path = self.project.folder / file
        if not path.exists():
            raise NinefoldError(f"{self.project.file}: the file {file!r} does not exist. Put it there, or correct the field `file`.")
        return path

    def read(self, file: str) -> ir.Table:
        """A source's file as it is. Parquet or CSV, by its ending.

        Raises NinefoldError for a file that is missing, of another kind, or not readable.
        """
        path = self.path(file)
        # Every column of a CSV is text until the table contract gives it a type: else an id 007 could become the number 7.
        readers = {
            ".parquet": self.con.read_parquet,
            ".csv": lambda path: self.con.read_csv(path, all_varchar=True, header=True),
        }
        if path.suffix.lower() not in readers:
            raise NinefoldError(f"{self.project.file}: the file {file!r} is neither .parquet nor .csv. Save it as one of the two.")
        try:
            table = readers[path.suffix.lower()](str(path))
            table.count().execute()  # a broken row shows only when it is read
            if len(table.columns) == 1 and re.search(r"[,;|\t]", table.columns[0]):
                raise ValueError("not every row has as many fields as the first")
            return table
        except Exception as error:
            raise NinefoldError(
                f"{self.project.file}: the file {file!r} cannot be read ({_reason(error)}). Save it again, a CSV as UTF-8."
            ) from error

    def source(self, table: str) -> ir.Table:
        """A canonical table, mapped and typed but not cleaned, cut at as_of.

        Raises NinefoldError when no source fills it, ContractError for a missing column, a value of the wrong type, no row at
        all; for orders also when none lies before as_of, or none in the last window. Any other table may begin later: it is empty.
        """
        mapped, dated = self.mapped(table), CONTRACT[table]["dated"]
        if dated is None:
            return mapped
        span = mapped.aggregate(first=mapped[dated].min(), rows=mapped.count()).execute().iloc[0]
        if _missing(span["first"]):
            raise ContractError(
                f"{self.project.file}: no row of {table} has a date: {dated} is empty throughout the file "
                f"{self.project.source_of(table).file!r}. Map another column to {dated}."
            )
        if table == "orders" and not span["first"] < self.as_of:
            raise ContractError(
                f"as_of: {self.as_of:%Y-%m-%d} is before the first row of {table} ({span['first']:%Y-%m-%d}, "
                f"file {self.project.source_of(table).file}). Give a later as_of."
            )
        seen = before(mapped, dated, self.as_of)
        if table == "orders":
            newest, days = seen[dated].max().execute(), self.project.scope.window_days
            if newest < self.as_of - timedelta(days=days):
                raise ContractError(
                    f"as_of: {self.as_of:%Y-%m-%d} lies more than the window of {days} days (scope.window_days) after the last row of "
                    f"orders ({newest:%Y-%m-%d}): there is nothing to measure. Give an earlier as_of."
                )
        return seen

    def after(self, table: str) -> int:
        """Rows of a source at or after as_of: they exist and no step sees them."""
        mapped, dated = self.mapped(table), CONTRACT[table]["dated"]
        return int(mapped.filter(mapped[dated] >= _literal(self.as_of)).count().execute()) if dated else 0

    def mapped(self, table: str) -> ir.Table:
        """A canonical table with the contract's columns and types, not cut."""
        if table not in self._mapped:
            source = self.project.source_of(table)
            if source is None:
                raise NinefoldError(f"{self.project.file}: no source fills the table {table}. Add one under collect.sources.")
            self._mapped[table] = self._map(source)
        return self._mapped[table]

    def _map(self, source: Source) -> ir.Table:
        raw = self.read(source.file)
        if not int(raw.count().execute()):
            raise ContractError(f"{self.project.file}: the file {source.file!r} (table {source.table}) has no rows. Export it again.")
        wanted: dict[str, ir.Value] = {}
        for column, origin in source.columns.items():
            parts = [self._column(raw, name, source) for name in ([origin] if isinstance(origin, str) else origin)]
            typed = [self._typed(raw, part, column, source) for part in parts]
            wanted[column] = sum(typed[1:], typed[0]) if len(typed) > 1 else typed[0]
        names = sorted({k for lookup in source.lookups for k in lookup.match})
        keys = {f"key{n}_": self._column(raw, name, source) for n, name in enumerate(names)}
        table = raw.select(**wanted, **{c: self._constant(v, c, source) for c, v in source.constants.items()}, **keys)
        for lookup in source.lookups:
            table = self._look_up(table, lookup, source, dict(zip(names, keys, strict=True)))
        return table.drop(*keys) if keys else table

    def _look_up(self, table: ir.Table, lookup: Lookup, source: Source, keys: dict[str, str]) -> ir.Table:
        """Add a lookup's columns. One row of it a key, or the earliest where the project says so: rows may not multiply."""
        other = self.read(lookup.file)
        right = {f"right{n}_": self._column(other, name, source, lookup.file) for n, name in enumerate(lookup.match.values())}
        added = {
            c: self._typed(other, self._column(other, name, source, lookup.file), c, source, lookup.file)
            for c, name in lookup.columns.items()
        }
        found = other.select(**right, **added)
        if lookup.earliest:
            rest = [c for c in added if c != lookup.earliest]
            place = ibis.row_number().over(group_by=list(right), order_by=[lookup.earliest, *rest])
            found = found.mutate(place_=place).filter(ibis._.place_ == 0).drop("place_")
        else:
            twice = found.group_by(list(right)).agg(n_=ibis._.count()).filter(ibis._.n_ > 1).limit(1).execute()
            if len(twice):
                key = ", ".join(f"{name} = {twice.iloc[0, n]}" for n, name in enumerate(lookup.match.values()))
                raise ContractError(
                    f"{self.project.file}: the file {lookup.file!r} has several rows for {key}; joined to {source.file!r} it would "
                    "multiply rows. Give it one row a key, or name in `earliest` the column whose smallest value counts."
                )
        pairs = [(keys[left], name) for left, name in zip(lookup.match, right, strict=True)]
        for left, name in pairs:
            if table[left].type() != found[name].type():  # one file holds the key as text, the other as a number
                table, found = table.mutate(**{left: _as_text(table[left])}), found.mutate(**{name: _as_text(found[name])})
        return table.left_join(found, pairs).drop(*right)

    def _column(self, raw: ir.Table, name: str, source: Source, file: str | None = None) -> ir.Column:
        if name not in raw.columns:
            near = difflib.get_close_matches(name, raw.columns, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ContractError(
                f"{self.project.file}: the file {(file or source.file)!r} has no column {name!r} (table {source.table}). {hint}"
                f"It has: {', '.join(raw.columns)}."
            )
        return raw[name]

    def _constant(self, value: str, name: str, source: Source) -> ir.Scalar:
        """One value for every row, in the contract's type."""
        kind = _kind(source, name)
        typed = ibis.literal(value).try_cast(kind)
        if self.con.execute(typed.isnull()):
            raise ContractError(
                f"{self.project.file}: field constants.{name} of the table {source.table} has the value {value!r} where "
                f"{_plain(kind)} is needed. Correct it."
            )
        return typed

    def _typed(self, raw: ir.Table, column: ir.Column, name: str, source: Source, file: str | None = None) -> ir.Column:
        """The column in the contract's type; ContractError naming a value that does not fit it."""
        kind, found, zone = _kind(source, name), column.type(), source.time_zone
        place = f"{self.project.file}: the file {(file or source.file)!r}, column {column.get_name()!r}"
        if not _fits(found, kind):
            raise ContractError(
                f"{place} is of type {found} where the table {source.table} needs {_plain(kind)} for {name}. Map another column."
            )
        if kind.is_string():
            return _as_text(column)
        if found.is_floating():
            column = column.isnan().ifelse(ibis.null(found), column)  # how some programs write a missing number
        if kind.is_timestamp() and (getattr(found, "timezone", None) or (found.is_string() and self._has_offsets(raw, column, place))):
            typed, zone = column.try_cast("timestamp('UTC')").cast(kind), "UTC"  # such instants say themselves where they are
        else:
            typed = column.try_cast(kind)
        if found.is_string() or kind.is_decimal():
            unfit = typed.isnull() | typed.isnan() | typed.isinf() if kind.is_floating() else typed.isnull()
            wrong = raw.filter(column.notnull() & unfit).select(value=column).limit(1).execute()
            if len(wrong):
                value = repr(wrong["value"].tolist()[0])
                raise ContractError(
                    f"{place} holds {value} where the table {source.table} needs {_plain(kind)} for {name}. "
                    + _remedy(str(wrong["value"].tolist()[0]), kind)
                )
        if kind.is_timestamp() and zone and zone != self.project.time_zone:
            span = raw.aggregate(first=typed.min(), last=typed.max()).execute().iloc[0]
            if not _missing(span["first"]):
                typed = in_zone(typed, zone, self.project.time_zone, first=span["first"], last=span["last"])
        return typed

    def _has_offsets(self, raw: ir.Table, column: ir.StringColumn, place: str) -> bool:
        """Whether these texts end in an offset from UTC (`Z`, `+02:00`); some with and some without are refused."""
        offset = column.re_search(r":\d\d(\.\d+)?(Z|z| UTC|[+-]\d\d(:?\d\d)?)$")
        seen = raw.filter(column.notnull()).aggregate(with_=offset.sum(), rows=ibis._.count(), bare=column.min(where=~offset)).execute()
        with_, rows, bare = seen.iloc[0]
        if with_ and with_ < rows:
            raise ContractError(f"{place} gives some instants an offset from UTC and others none, such as {bare!r}. Use one form.")
        return bool(with_)


def _kind(source: Source, name: str) -> dt.DataType:
    """The contract's type of a column; attributes of customers are text."""
    return dt.dtype(CONTRACT[source.table]["columns"].get(name, "string"))


def _fits(found: dt.DataType, kind: dt.DataType) -> bool:
    """Whether a file's type can be read as the contract's; text may always be tried."""
    if kind.is_string() or found.is_string():
        return True
    if kind.is_timestamp():
        return found.is_timestamp() or found.is_date()
    return found.is_boolean() or found.is_numeric()


def _as_text(column: ir.Column) -> ir.StringColumn:
    """A column as text; whole numbers that a program stored as 7.0 for want of a missing integer are 7."""
    if column.type().is_floating():
        return (column == column.floor()).ifelse(column.try_cast("int64").cast("string"), column.cast("string"))
    return column.cast("string")


def _missing(value) -> bool:
    return value is None or value != value  # NaN and NaT differ from themselves


def _remedy(value: str, kind: dt.DataType) -> str:
    """What to do about a value that does not fit: the usual suspects of an export by name."""
    if not kind.is_timestamp() and re.fullmatch(r"[-+]?[\d\s.\u00a0\u202f]*,\d+\s*\D?", value):
        return "It looks like a decimal comma: export the file again with decimal points (1234.56)."
    if kind.is_timestamp() and re.match(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}", value):
        return "It looks like a day written first: export the dates as YYYY-MM-DD."
    return "Correct the value, or map another column."


def _plain(kind: dt.DataType) -> str:
    return {"timestamp": "a date", "string": "text", "boolean": "true or false"}.get(str(kind).split("(")[0], "a number")


def _reason(error: Exception) -> str:
    """What an engine complains about, without its long advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith(("Original Line", "LINE"))]
    return "; ".join(lines[:2]) or type(error).__name__
