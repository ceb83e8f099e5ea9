"""Instants and windows: the three windows of the definitions, cuts in time, time zones, exact sums and samples."""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir


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
    cut = table.filter(table[column] < literal(moment))
    later = [name for name, kind in cut.schema().items() if kind.is_timestamp() and name != column]
    return cut.mutate(**{name: ibis.cases((cut[name] < literal(moment), cut[name])) for name in later}) if later else cut


def between(table: ir.Table, column: str, start: datetime, end: datetime) -> ir.Table:
    """The rows dated in [start, end), with what was not known before `end` missing."""
    return before(table.filter(table[column] >= literal(start)), column, end)


def days_between(start: ir.TimestampValue, end: datetime | ir.TimestampValue) -> ir.FloatingValue:
    """Days from `start` to `end` as seconds / 86,400: the one form on which engines agree."""
    end = literal(end) if isinstance(end, datetime) else end
    return (end.epoch_seconds() - start.epoch_seconds()).cast("float64") / 86_400.0


def in_zone(column: ir.TimestampValue, source: str, target: str, *, first: datetime, last: datetime) -> ir.TimestampValue:
    """Wall-clock times of one zone as those of another, by adding the offset that was in force.

    first, last   the span of the column: its changes of offset are looked up once and applied as constants, which every engine
                  does alike and far faster than its own zone arithmetic
    """
    changes = _offsets(source, target, max(first, datetime(1970, 1, 2)), min(last, datetime(2100, 1, 1)))
    branches = [(column < literal(until), column + ibis.interval(seconds=seconds)) for until, seconds in changes[:-1]]
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


def literal(moment: datetime) -> ir.TimestampScalar:
    """An instant as the engine writes it."""
    return ibis.literal(moment, type="timestamp")
