"""Where tables live: Ibis on DuckDB by default, another engine by its address.

The only room that reads sources. It maps them to the table contract, brings instants to the project's time zone and cuts
every dated table at `as_of`, before any step sees a row.
"""

import difflib
import importlib.util
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from helpers import ContractError, NinefoldError
from helpers.project import CONTRACT, Lookup, Project, Source

MONEY = "decimal(18, 2)"


@dataclass(frozen=True)
class Window:
    """One way of looking at history: rebuilt at `built_at`, judged on [built_at, judged_until)."""

    name: str
    built_from: datetime
    built_at: datetime
    judged_until: datetime | None
    enough: bool


def windows(as_of: datetime, *, window_days: int, horizon_days: int, first: datetime) -> dict[str, Window]:
    """The three windows of definitions.md: select, confirm and published.

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

    def seconds(wall: datetime) -> int:
        return int((wall.replace(tzinfo=zones[0]).astimezone(zones[1]).replace(tzinfo=None) - wall).total_seconds())

    day, result = datetime(first.year, first.month, first.day), []
    while day <= last:
        following = day + timedelta(days=1)
        low, high = day, following
        while seconds(low) != seconds(following) and high - low > timedelta(seconds=1):
            middle = (low + (high - low) / 2).replace(microsecond=0)
            low, high = (middle, high) if seconds(middle) == seconds(day) else (low, middle)
        if seconds(day) != seconds(following):
            result.append((high, seconds(day)))
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
            spill = Path(tempfile.gettempdir()) / f"ninefold-{os.getpid()}"  # a folder of its own: two processes may not share one
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
        readers = {".parquet": self.con.read_parquet, ".csv": self.con.read_csv}
        if path.suffix.lower() not in readers:
            raise NinefoldError(f"{self.project.file}: the file {file!r} is neither .parquet nor .csv. Save it as one of the two.")
        try:
            return readers[path.suffix.lower()](str(path))
        except Exception as error:
            raise NinefoldError(f"{self.project.file}: the file {file!r} cannot be read: {_first_line(error)}") from error

    def source(self, table: str) -> ir.Table:
        """A canonical table, mapped and typed but not cleaned, cut at as_of.

        Raises NinefoldError when no source fills it, ContractError for a missing column, a value of the wrong type, no row at
        all, or none before as_of.
        """
        mapped, dated = self.mapped(table), CONTRACT[table]["dated"]
        if dated is None:
            return mapped
        span = mapped.aggregate(first=mapped[dated].min(), rows=mapped.count()).execute().iloc[0]
        if span["first"] is not None and not span["first"] < self.as_of:
            raise ContractError(
                f"as_of: {self.as_of:%Y-%m-%d} is before the first row of {table} ({span['first']:%Y-%m-%d}, "
                f"file {self.project.source_of(table).file}). Give a later as_of."
            )
        return before(mapped, dated, self.as_of)

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
        keys = {f"key{n}_": raw[name] for n, name in enumerate(sorted({k for lookup in source.lookups for k in lookup.match}))}
        names = sorted({k for lookup in source.lookups for k in lookup.match})
        for name in names:
            self._column(raw, name, source)
        table = raw.select(**wanted, **{c: ibis.literal(v) for c, v in source.constants.items()}, **keys)
        for lookup in source.lookups:
            table = self._look_up(table, lookup, source, dict(zip(names, keys, strict=True)))
        return table.drop(*keys) if keys else table

    def _look_up(self, table: ir.Table, lookup: Lookup, source: Source, keys: dict[str, str]) -> ir.Table:
        """Add a lookup's columns. One row of it a key, or the earliest where the project says so: rows may not multiply."""
        other = self.read(lookup.file)
        right = {f"right{n}_": self._column(other, name, source, lookup.file) for n, name in enumerate(lookup.match.values())}
        added = {c: self._typed(other, self._column(other, name, source, lookup.file), c, source) for c, name in lookup.columns.items()}
        found = other.select(**right, **added)
        if lookup.earliest:
            rest = [c for c in added if c != lookup.earliest]
            found = found.group_by(list(right)).agg(**{lookup.earliest: found[lookup.earliest].min()}, **{c: found[c].min() for c in rest})
        else:
            twice = found.group_by(list(right)).agg(n_=ibis._.count()).filter(ibis._.n_ > 1).limit(1).execute()
            if len(twice):
                key = ", ".join(f"{name} = {twice.iloc[0, n]}" for n, name in enumerate(lookup.match.values()))
                raise ContractError(
                    f"{self.project.file}: the file {lookup.file!r} has several rows for {key}; joined to {source.file!r} it would "
                    "multiply rows. Give it one row a key, or name in `earliest` the column whose smallest value counts."
                )
        pairs = [(keys[left], name) for left, name in zip(lookup.match, right, strict=True)]
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

    def _typed(self, raw: ir.Table, column: ir.Column, name: str, source: Source) -> ir.Column:
        """The column in the contract's type; ContractError naming a value that does not fit it."""
        kind = dt.dtype(CONTRACT[source.table]["columns"].get(name, "string"))
        if column.type().is_string() and not kind.is_string():
            typed = column.try_cast(kind)
            wrong = raw.filter(column.notnull() & typed.isnull()).select(value=column).limit(1).execute()
            if len(wrong):
                raise ContractError(
                    f"{self.project.file}: the file {source.file!r}, column {column.get_name()!r} holds {wrong.iloc[0, 0]!r} where the "
                    f"table {source.table} needs {_plain(kind)} for {name}. Correct the value, or map another column."
                )
        elif kind.is_timestamp() and not (column.type().is_timestamp() or column.type().is_date()):
            raise ContractError(
                f"{self.project.file}: the file {source.file!r}, column {column.get_name()!r} is of type {column.type()} where the table "
                f"{source.table} needs {_plain(kind)} for {name}. Map another column."
            )
        elif kind.is_numeric() and not (column.type().is_numeric() or column.type().is_boolean()):
            raise ContractError(
                f"{self.project.file}: the file {source.file!r}, column {column.get_name()!r} is of type {column.type()} where the table "
                f"{source.table} needs {_plain(kind)} for {name}. Map another column."
            )
        elif kind.is_string() and column.type().is_floating() and not int((column != column.floor()).sum().execute() or 0):
            typed = column.cast("int64").cast(kind)  # whole numbers that a file keeps as 17850.0, for want of one in a row
        else:
            typed = column.cast(kind)
        if kind.is_timestamp() and source.time_zone and source.time_zone != self.project.time_zone:
            span = raw.aggregate(first=typed.min(), last=typed.max()).execute().iloc[0]
            if span["first"] is not None:
                typed = in_zone(typed, source.time_zone, self.project.time_zone, first=span["first"], last=span["last"])
        return typed


def _plain(kind: dt.DataType) -> str:
    return {"timestamp": "a date", "string": "text", "boolean": "true or false"}.get(str(kind).split("(")[0], "a number")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
