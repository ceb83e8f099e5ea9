"""Segments as bubbles on two scores: across how well they can be served, upwards how attractive they are, the area what they earn."""

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from helpers.charts.paper import Sheet, Words, check
from helpers.charts.scales import floats
from helpers.charts.style import EDGE, GREY, GRID, INK, LEADING, NEUTRAL, TEXT, WIDTH, house_style, width_of, wrap
from helpers.tables import finding
from helpers.words import number, say

if TYPE_CHECKING:
    import pandas as pd

HEIGHT = 330
LARGEST, SMALLEST = 30, 7
"""Radii: of the bubble that earns most, and of one that earns nothing."""
NAME = 128
"""The widest that a name may be before it is wrapped."""
ANGLES = (0, 180, 90, 270, 68, 112, 292, 248, 45, 135, 315, 225, 22, 158, 338, 202)
"""Where a name is tried around its bubble, in degrees, those that read best first."""
LINES = 3
"""Most lines of a name."""


def bubbles(
    frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, across: str = "", upwards: str = ""
) -> None:
    """Draw every segment as a bubble whose area is what it earns; grey lines join places of the same product of the two scores.

    frame            label, mark (two or three letters inside the bubble), x, y (0–100), value (area; missing or below 0: the smallest),
                     text (written under the label), colour, out (knocked out: hollow)
    across, upwards  what the two axes say
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "label", "mark", "x", "y", "value", "text", "colour", "out")
    if frame.empty:
        finding(title)
        return
    with house_style():
        _draw(frame.reset_index(drop=True), words, across, upwards).keep()


def _draw(frame: "pd.DataFrame", words: Words, across: str, upwards: str) -> Sheet:
    radii = _radii(floats(frame["value"]))
    hollow = {"marker": "o", "markerfacecolor": "white", "markeredgecolor": NEUTRAL, "markersize": 9, "linewidth": 0}
    key = [("line", {"color": GRID, "linewidth": 1.5}, say("same product of the two"))]
    key += [("dot", hollow, say("knocked out"))] if frame["out"].any() else []
    head, foot = TEXT * LEADING + 4, 2 * TEXT * LEADING + 12
    sheet = Sheet(words, HEIGHT + head + foot, key)
    low, high = _limits(floats(frame["y"]), radii, HEIGHT)
    ticks, texts, left = sheet.value_axis(low, high, "number")
    wide = WIDTH - EDGE - left
    axes = sheet.axes(left, sheet.bottom + foot, wide, HEIGHT)
    axes.set_ylim(low, high)
    inside = (ticks >= low) & (ticks <= high)
    axes.set_yticks(ticks[inside], [t for t, there in zip(texts, inside, strict=True) if there])
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_xlim(*_limits(floats(frame["x"]), radii, wide))
    _same_products(axes, frame)
    _across(sheet, axes, left, foot, across)
    sheet.write(EDGE, sheet.top, [say("↑ {what}", what=upwards)], color=GREY)
    for i in np.argsort(-radii, kind="stable"):
        row = frame.loc[i]
        fill = {"markerfacecolor": "white", "markeredgecolor": NEUTRAL} if row.out else {"color": row.colour, "markeredgecolor": "white"}
        axes.plot(row.x, row.y, "o", markersize=2 * radii[i], markeredgewidth=1.4, **fill)
    _labels(sheet, axes, frame, radii)
    return sheet


def _radii(value: np.ndarray) -> np.ndarray:
    """Radii whose squares are as the values; missing and negative ones have the smallest."""
    known = np.where(np.isfinite(value) & (value > 0), value, 0.0)
    most = known.max(initial=0.0)
    return np.maximum(LARGEST * np.sqrt(known / most), SMALLEST) if most else np.full(len(value), float(SMALLEST) * 2)


def _limits(x: np.ndarray, radii: np.ndarray, room: float) -> tuple[float, float]:
    """Limits within −6 to 106 that hold every bubble whole, with room for names, and never less than 20 points of 100 apart."""
    low, high = float(x.min()), float(x.max())
    middle, half = (low + high) / 2, max((high - low) / 2, 7.0)
    unit = 2 * half / (room - 2 * radii.max() - 60)
    low, high = middle - half - unit * (radii.max() + 22), middle + half + unit * (radii.max() + 38)
    return max(low, -unit * (radii.max() + 6)), min(high, 100 + unit * (radii.max() + 6))


def _same_products(axes, frame: "pd.DataFrame") -> None:
    """Faint lines through the best, the middle and the last segment's product."""
    products = np.sort(floats(frame["x"] * frame["y"]))
    x = np.linspace(max(axes.get_xlim()[0], 0.5), axes.get_xlim()[1], 200)
    for product in {float(products[0]), float(products[len(products) // 2]), float(products[-1])}:
        axes.plot(x, product / x, color=GRID, linewidth=1.5, zorder=1, scalex=False, scaley=False)


def _across(sheet: Sheet, axes, left: float, foot: float, across: str) -> None:
    """Ticks and words below the plot."""
    low, high = axes.get_xlim()
    ticks = [t for t in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= t <= high and 0 <= t <= 100]
    axes.set_xticks(ticks, [""] * len(ticks))
    for tick in ticks:
        sheet.write(sheet.inside(axes, tick, number(tick)), sheet.bottom + foot - 5, [number(tick)], color=GREY, ha="center")
    sheet.write(left, sheet.bottom + foot - 5 - TEXT * LEADING, [say("→ {what}", what=across)], color=GREY)


def _labels(sheet: Sheet, axes, frame: "pd.DataFrame", radii: np.ndarray) -> None:
    """The letters inside the bubbles, and beside each its name and what it earns, where that covers nothing."""
    to_points = axes.transData + sheet.points.inverted()
    centres = [to_points.transform((row.x, row.y)) for row in frame.itertuples()]
    box = axes.get_position()
    bounds = (EDGE, WIDTH - EDGE, box.y0 * sheet.height, box.y1 * sheet.height)
    taken = [(x, y + r, r, 2 * r) for (x, y), r in zip(centres, radii, strict=True)]
    halo = [withStroke(linewidth=3, foreground="white")]
    for i in np.argsort(-radii, kind="stable"):
        row, (x, y), r = frame.loc[i], centres[i], radii[i]
        if _seen(i, row.mark, centres, radii):
            sheet.write(x, y + TEXT * LEADING / 2, [row.mark], ha="center", weight="bold", color=NEUTRAL if row.out else "white")
        lines, text = wrap(row.label, NAME, TEXT, bold=True), wrap(row.text, NAME, TEXT)
        lines = lines if len(lines) <= LINES else [*lines[: LINES - 1], f"{lines[LINES - 1]} …"]
        size = (
            max([width_of(t, TEXT, True) for t in lines] + [width_of(t, TEXT) for t in text]) / 2,
            (len(lines) + len(text)) * TEXT * LEADING,
        )
        middle, top = _place(x, y, r, size, taken, bounds)
        taken.append((middle, top, *size))
        if math.hypot(middle - x, top - size[1] / 2 - y) > r + max(size) + 14:
            axes.annotate(
                "", (x, y), to_points.inverted().transform((middle, top - size[1] / 2)), arrowprops={"arrowstyle": "-", "color": NEUTRAL}
            )
        sheet.write(middle, top, lines, ha="center", weight="bold", color=NEUTRAL if row.out else row.colour, path_effects=halo)
        sheet.write(middle, top - len(lines) * TEXT * LEADING, text, ha="center", color=GREY if row.out else INK, path_effects=halo)


def _seen(i: int, mark: str, centres: list, radii: np.ndarray) -> bool:
    """Whether letters fit into a bubble and no smaller bubble lies on them."""
    half, (x, y) = width_of(mark, TEXT, True) / 2, centres[i]
    above = [n for n in range(len(radii)) if (-radii[n], n) > (-radii[i], i)]  # drawn later
    apart = [math.hypot(x - centres[n][0], y - centres[n][1]) - radii[n] for n in above]
    return radii[i] >= half + 2 and all(free > half for free in apart)


def _place(x: float, y: float, r: float, size: tuple[float, float], taken: list, bounds: tuple) -> tuple[float, float]:
    """Middle and top of a text beside a bubble: the nearest of the places around it that are free and inside; else above it."""
    half, high = size
    left, right, floor, ceiling = bounds
    for away in range(0, 140, 2):
        for angle in ANGLES:
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            middle = x + across * (r + 4 + half + away)
            top = y + up * (r + 3 + high / 2 + away) + high / 2
            fits = left + half <= middle <= right - half and floor + high <= top <= ceiling
            if fits and not any(abs(middle - m) < half + w and top - high < t and t - h < top for m, t, w, h in taken):
                return middle, top
    return min(max(x, left + half), right - half), min(y + r + high, ceiling)
