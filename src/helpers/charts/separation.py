"""Segments on two axes: the centre of each, and the ellipse that holds half of its customers. No mark is one customer."""

from typing import TYPE_CHECKING

from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke

from helpers.charts.paper import Sheet, Words
from helpers.charts.style import EDGE, GREY, GRID, LEADING, TEXT, WIDTH, house_style, width_of, wrap
from helpers.tables import check_slug, finding
from helpers.words import absent, say, share

if TYPE_CHECKING:
    import pandas as pd

HEIGHT = 330
DOT = 4
NAME = 120
"""The widest that a name may be before it is wrapped."""


def separation(
    frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, across: str = "", upwards: str = ""
) -> None:
    """Draw every segment's centre, the ellipse of its half and its label, with its share of core members where that is known.

    frame            label, x, y (centre), width, height (of the ellipse, full), angle (degrees), colour, core (0–1, or missing)
    across, upwards  what the two axes say
    """
    check_slug("Chart", name)
    if frame.empty:
        finding(title)
        return
    with house_style():
        sheet = _draw(frame, Words(title, subtitle, alt, source, name), across, upwards)
        sheet.keep()


def _draw(frame: "pd.DataFrame", words: Words, across: str, upwards: str) -> Sheet:
    inside = WIDTH - 2 * EDGE
    below = wrap(say("across, {what}", what=across), inside, TEXT) if across else []
    below += wrap(say("upwards, {what}", what=upwards), inside, TEXT) if upwards else []
    foot = len(below) * TEXT * LEADING + 8
    sheet = Sheet(words, HEIGHT + foot)
    axes = sheet.axes(EDGE, sheet.bottom + foot, inside, HEIGHT)
    _same_scale(axes, frame, inside)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.axhline(0, color=GRID, linewidth=0.8)
    axes.axvline(0, color=GRID, linewidth=0.8)
    for row in frame.itertuples():
        oval = {"xy": (row.x, row.y), "width": row.width, "height": row.height, "angle": row.angle}
        axes.add_patch(Ellipse(**oval, facecolor=row.colour, alpha=0.12, linewidth=0))
        axes.add_patch(Ellipse(**oval, facecolor="none", edgecolor=row.colour, linewidth=1.6))
        axes.plot(row.x, row.y, "o", color=row.colour, markersize=5)
    _labels(sheet, axes, frame)
    sheet.write(EDGE, sheet.bottom + foot - 4, below, color=GREY)
    return sheet


def _same_scale(axes, frame: "pd.DataFrame", width: float) -> None:
    """Limits that hold every ellipse, with a unit as long across as upwards: else the shapes would lie."""
    reach = frame[["width", "height"]].max(axis=1) / 2
    ends = [((frame[c] - reach).min(), (frame[c] + reach).max()) for c in ("x", "y")]
    unit = max((ends[0][1] - ends[0][0]) / width, (ends[1][1] - ends[1][0]) / HEIGHT) or 1.0
    for set_limits, (low, high), room in zip((axes.set_xlim, axes.set_ylim), ends, (width, HEIGHT), strict=True):
        set_limits((low + high - unit * room) / 2, (low + high + unit * room) / 2)


def _labels(sheet: Sheet, axes, frame: "pd.DataFrame") -> None:
    """The names above the centres, lower ones first; one that would cover another, or a centre, moves up or down to where it is free."""
    to_points = axes.transData + sheet.points.inverted()
    order = frame.sort_values(["y", "label"], kind="stable")
    centres = {row.Index: to_points.transform((row.x, row.y)) for row in order.itertuples()}
    taken = [(x, y + DOT, DOT, 2 * DOT) for x, y in centres.values()]
    for row in order.itertuples():
        x, y = centres[row.Index]
        lines = wrap(row.label, NAME, TEXT, bold=True) + ([] if absent(row.core) else [say("{core} core", core=share(row.core, 0))])
        half, high = max(width_of(line, TEXT, True) for line in lines) / 2, len(lines) * TEXT * LEADING
        x, top = min(max(x, EDGE + half), WIDTH - EDGE - half), y + 6 + high
        floor, ceiling = (axes.get_position().y0 * sheet.height, axes.get_position().y1 * sheet.height)
        places = (top + sign * 2 * step for step in range(HEIGHT // 2) for sign in (1, -1))
        inside = (place for place in places if floor + high <= place <= ceiling)
        top = next((place for place in inside if _free(x, place, half, high, taken)), min(top, ceiling))
        taken.append((x, top, half, high))
        sheet.write(x, top, lines, ha="center", weight="bold", color=row.colour, path_effects=[withStroke(linewidth=3, foreground="white")])


def _free(x: float, top: float, half: float, high: float, taken: list[tuple[float, float, float, float]]) -> bool:
    """Whether a text covers nothing that is taken: (middle, top, half its width, height)."""
    return not any(abs(x - other) < half + wide and top - high < above and above - tall < top for other, above, wide, tall in taken)
