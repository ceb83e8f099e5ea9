"""How long customers take to come back, and whether a predicted share is the share that came."""

from typing import TYPE_CHECKING

import numpy as np

from helpers.charts.paper import Sheet, Words, check, drawing
from helpers.charts.scales import floats
from helpers.charts.style import ACCENT, EDGE, GREY, GRID, INK, LEADING, NEUTRAL, PALE, TARGET, TEXT, WIDTH, width_of
from helpers.words import number, say, share

if TYPE_CHECKING:
    import pandas as pd

HEIGHT, FOOT, ROOM = 200, 44, 16
"""Points: the plot, what stands beneath it, and the room at its right, where the last number under the axis is wider than its tick."""


@drawing
def returns(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, marks: list[tuple[int, str]]) -> None:
    """Draw the share of returns that had come after so many days, as a curve from 0 to 1, with upright lines at some days.

    frame   days, share (0-1);  marks: (days, what to write at the line), the first in the accent colour
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "days", "share")
    _draw_returns(frame, words, marks).keep()


def _draw_returns(frame: "pd.DataFrame", words: Words, marks: list[tuple[int, str]]) -> Sheet:
    sheet = Sheet(words, HEIGHT + FOOT)
    days = floats(frame["days"])
    axes, left = _square(sheet, HEIGHT)
    axes.set_xlim(0, days.max())
    axes.plot(days, floats(frame["share"]), color=ACCENT, linewidth=2)
    ticks = _days(days.max())
    axes.set_xticks(ticks, [number(t) for t in ticks])
    sheet.write((left + WIDTH - EDGE) / 2, sheet.bottom + 18, [say("days after a purchase")], color=GREY, ha="center")
    place = axes.transData + sheet.points.inverted()
    for row, (day, text) in enumerate(marks):
        if day > days.max():
            continue
        reach = float(np.interp(day, days, floats(frame["share"])))
        axes.plot([day, day], [0, reach], color=TARGET if not row else NEUTRAL, linewidth=1.6, linestyle="-" if not row else (0, (4, 2)))
        x, _ = place.transform((day, 0))
        wide = 5 + width_of(text, TEXT, not row)
        others = [place.transform((other, 0))[0] for other, _ in marks if other > day]
        inside = x + wide < WIDTH - EDGE and all(x + wide < other for other in others)
        top = sheet.bottom + FOOT + 24 + (len(marks) - 1 - row) * TEXT * LEADING
        look = {"color": TARGET, "weight": "bold"} if not row else {"color": GREY}
        sheet.write(x + 5 if inside else x - 5, top, [text], ha="left" if inside else "right", **look)
    return sheet


def _days(most: float) -> list[int]:
    """At most seven round numbers of days from 0."""
    step = next((s for s in (7, 14, 28, 30, 60, 90, 180, 365, 730) if most / s <= 6), 3650)
    return list(range(0, int(most) + 1, step))


def _square(sheet: Sheet, height: float):
    """A plot of shares: 0 to 1 upwards, with faint lines at the quarters; hands back the plot and where it begins."""
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    left = EDGE + max(width_of(share(t, 0), TEXT) for t in ticks) + 8
    axes = sheet.axes(left, sheet.bottom + FOOT, WIDTH - EDGE - ROOM - left, height - 4)
    axes.set_ylim(0, 1)
    axes.set_yticks(ticks, [share(t, 0) for t in ticks])
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    return axes, left


@drawing
def calibration(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw the share that came against the share predicted, a point a group with its interval; the line is where both are equal.

    frame   predicted, share, low, high (0-1), n (customers)
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "predicted", "share", "low", "high", "n")
    _draw_calibration(frame, words).keep()


def _draw_calibration(frame: "pd.DataFrame", words: Words) -> Sheet:
    key = [
        ("mark", {"color": ACCENT}, say("a group of customers, with its 95% interval")),
        ("line", {"color": NEUTRAL, "linewidth": 1.2, "linestyle": (0, (4, 2))}, say("as predicted")),
    ]
    sheet = Sheet(words, 300 + FOOT, key)
    predicted, came, low, high = (floats(frame[c]) for c in ("predicted", "share", "low", "high"))
    most = min(1.0, max(0.1, np.ceil(max(predicted.max(), high.max()) * 20) / 20))
    axes, left = _square(sheet, 300)
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.25) if most / s <= 6)
    ticks = [float(t) for t in np.arange(0, most + 1e-9, step)]
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    axes.set_xticks(ticks, [share(t, 0) for t in ticks])
    axes.set_yticks(ticks, [share(t, 0) for t in ticks])
    axes.plot([0, most], [0, most], color=NEUTRAL, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.vlines(predicted, low, high, color=PALE, linewidth=3)
    axes.plot(predicted, came, color=ACCENT, marker="o", markersize=7, linewidth=0, markeredgecolor="white", clip_on=False, zorder=3)
    sheet.write((left + WIDTH - EDGE) / 2, sheet.bottom + 18, [say("share predicted to buy nothing")], color=GREY, ha="center")
    sheet.write(left + 6, sheet.top - 2, [say("share that bought nothing")], color=INK)
    return sheet
