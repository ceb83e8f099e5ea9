"""Numbers and dates on charts: few digits, as many labels as can be read, written in the reader's language."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.dates import date2num

from helpers.charts.style import TEXT, width_of
from helpers.tables import written
from helpers.words import as_date, compact, date_as, number

ValueFormat = str | Callable[[float], str]
"""A kind of `tables` (number, count, share, money, change), or a function from a number to text."""


def floats(values) -> np.ndarray:
    if hasattr(values, "to_numpy"):
        return values.to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values, dtype=float)


def day_numbers(moments) -> np.ndarray:
    return np.array([date2num(as_date(moment)) for moment in moments])


def _digits(values: np.ndarray, kind: ValueFormat) -> int:
    """At most three significant digits of the largest value; money has none or two decimals, a share one."""
    finite = np.abs(values[np.isfinite(values)])
    if kind in ("share", "change"):
        return 1
    largest = finite.max() if finite.size else 0
    if kind == "count" or not largest:
        return 0
    if kind == "money":
        return 0 if largest >= 100 else 2
    most = min(max(2 - math.floor(math.log10(largest)), 0), 9)
    return next(d for d in range(most + 1) if np.array_equal(np.round(finite, d), np.round(finite, most)))


def writer(kind: ValueFormat, values: np.ndarray, digits: int | None) -> Callable[[float], str]:
    """How the values of a chart are written: all with the same decimals, the very large ones shortened."""
    if callable(kind):
        return kind
    finite = np.abs(values[np.isfinite(values)])
    if kind in ("number", "count", "money") and finite.size and finite.max() >= 1e7:
        return lambda x: compact(x, 1, as_money=kind == "money")
    decimals = _digits(values, kind) if digits is None else digits
    return lambda x: written(x, kind, decimals)


def tick_texts(ticks: np.ndarray, kind: ValueFormat) -> list[str]:
    """The ticks with as few decimals as tell them apart exactly."""
    if callable(kind):
        return [kind(x) for x in ticks]
    large = kind not in ("share", "change") and np.abs(ticks).max() >= 1e6
    unit = 10 ** (3 * math.floor(math.log10(np.abs(ticks).max()) / 3)) if large else 1
    scaled = ticks / unit * (100 if kind in ("share", "change") else 1)
    exact = (d for d in range(10) if np.allclose(np.round(scaled, d), scaled, rtol=0, atol=1e-9 * np.abs(scaled).max()))
    digits = next(exact, 9)
    digits = 2 if kind == "money" and digits == 1 and not large else digits
    if large:
        return [compact(x, digits, as_money=kind == "money") if x else number(0) for x in ticks]
    return [written(x, "share" if kind == "change" else kind, digits) for x in ticks]


def date_texts(dates: Sequence) -> list[str]:
    """Months, or days when they are not all firsts; the year under the first and wherever it changes."""
    monthly = all(d.day == 1 for d in dates)
    if monthly and len(dates) > 1 and all(d.month == 1 for d in dates):
        return [date_as(d, "y") for d in dates]
    years = [i == 0 or d.year != dates[i - 1].year for i, d in enumerate(dates)]
    return [date_as(d, "MMM" if monthly else "dMMM") + (f"\n{date_as(d, 'y')}" if new else "") for d, new in zip(dates, years, strict=True)]


def readable(dates: Sequence, per_day: float) -> Sequence:
    """Every 1st, 2nd, 3rd … date, so few that their texts keep apart; per_day is the room of a day in points."""
    monthly = all(d.day == 1 for d in dates)
    for k in (1, 2, 3, 4, 6, 12, 24, 60, 120) if monthly else (1, 2, 7, 14, 28):
        chosen = [d for d in dates if (d.year * 12 + d.month - 1) % k == 0] if monthly else list(dates)[::k]
        if len(chosen) < 2:
            break
        room = min((b - a).days for a, b in zip(chosen, chosen[1:], strict=False)) * per_day
        if room >= 12 + max(width_of(line, TEXT) for text in date_texts(chosen) for line in text.split("\n")):
            return chosen
    return dates[:1]


def limits(values: np.ndarray) -> tuple[float, float]:
    """From 0 unless that would flatten the curve; never an empty span."""
    if not values.size:
        return 0, 1
    low, high = float(values.min()), float(values.max())
    if 0 <= low < 0.5 * high:
        low = 0
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1
    return (low if low == 0 else low - room), high + room
