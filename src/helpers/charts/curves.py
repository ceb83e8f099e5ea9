"""Several curves on one plot, told apart by colour and dashes, with intervals and a marked place where the data hold them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.charts.paper import Sheet, Words, check, drawing
from helpers.charts.scales import ValueFormat, day_numbers, floats, tick_texts
from helpers.charts.style import ACCENT, EDGE, GREY, GRID, INK, LEADING, NEUTRAL, SECOND, SIX, TEXT, WIDTH, width_of
from helpers.words import say

if TYPE_CHECKING:
    import pandas as pd

HEIGHT = 230
DASHES = ("-", (0, (5, 2)), (0, (1, 1.6)), (0, (7, 2, 1.5, 2)), (0, (3, 1.5)), (0, (9, 3)))


@drawing
def curves(
    frame: "pd.DataFrame",
    *,
    title: str,
    subtitle: str,
    alt: str,
    source: str,
    name: str,
    across: str = "",
    value_format: ValueFormat = "number",
    marked: object = None,
    marked_label: str = "",
    stepped: bool = False,
    points: bool = False,
    palette: Mapping[str, str] | None = None,
) -> None:
    """Draw curves from 0 upwards, one a series, in the order in which the frame names them: six at most.

    frame    series, x (dates, numbers, or texts, which stand in their order), value; where known low and high
    across   what the x axis says;  marked: a place of it to draw a line through, with its label
    stepped  values hold until the next one, as shares of those who stay do;  points: values are marked, for few places
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "series", "x", "value")
    data, places, kind = _placed(frame.reset_index(drop=True))
    sheet, axes = _paper(data, words, across, value_format, marked_label if marked is not None else "", palette)
    _draw(axes, data, _colours(data, palette), stepped=stepped, points=points)
    _below(sheet, axes, places, kind, across)
    if marked is not None:
        place = day_numbers([marked])[0] if kind == "date" else places.get(marked, marked)
        axes.axvline(place, color=INK, linewidth=1.2, linestyle=(0, (3, 2)))
    sheet.keep()


def _placed(frame: "pd.DataFrame") -> tuple["pd.DataFrame", dict, str]:
    """The frame with x as numbers; text → place where x is text; and the kind of x: date, text or number."""
    if frame["x"].dtype.kind == "M" or hasattr(frame["x"].iloc[0], "year"):
        return frame.assign(x=day_numbers(frame["x"])), {}, "date"
    if isinstance(frame["x"].iloc[0], str):
        places = {text: float(i) for i, text in enumerate(dict.fromkeys(frame["x"]))}
        return frame.assign(x=frame["x"].map(places)), places, "text"
    return frame, {}, "number"


def _colours(data: "pd.DataFrame", palette: Mapping[str, str] | None) -> dict[str, str]:
    names = list(dict.fromkeys(data["series"]))
    usual = dict(zip(names, (ACCENT, SECOND) if len(names) <= 2 else SIX, strict=False))
    return {name: (palette or {}).get(name) or usual.get(name, NEUTRAL) for name in names}


def _paper(data: "pd.DataFrame", words: Words, across: str, value_format: ValueFormat, marked: str, palette) -> tuple:
    """The sheet with its key, and the plot with its values at the left."""
    lines = [
        ("line", {"color": colour, "linewidth": 2.2, "linestyle": DASHES[i % len(DASHES)]}, name)
        for i, (name, colour) in enumerate(_colours(data, palette).items())
    ]
    banded = "low" in data and bool((data["low"] < data["value"]).any())
    key = lines + [("box", {"facecolor": GRID, "linewidth": 0}, say("95% interval"))] * banded
    key += [("line", {"color": INK, "linewidth": 1.2, "linestyle": (0, (3, 2))}, marked)] if marked else []
    foot = 36 + (TEXT * LEADING if across else 0)
    sheet = Sheet(words, HEIGHT + foot, key)
    every = floats(data["value"]) if not banded else np.concatenate([floats(data["value"]), floats(data["high"])])
    top = np.nanmax(every) if np.isfinite(every).any() else 1.0
    ticks, texts, left = sheet.value_axis(0, top or 1.0, value_format)
    axes = sheet.axes(left, sheet.bottom + foot, WIDTH - EDGE - left, HEIGHT)
    axes.set_ylim(0, ticks[-1])
    axes.set_yticks(ticks[ticks >= 0], [text for text, tick in zip(texts, ticks, strict=True) if tick >= 0])
    axes.grid(axis="y", color=GRID)
    low, high = data["x"].min(), data["x"].max()
    room = 0.02 * (high - low) or 1
    axes.set_xlim(low - room, high + room)
    return sheet, axes


def _draw(axes, data: "pd.DataFrame", colours: dict[str, str], *, stepped: bool, points: bool) -> None:
    for i, (name, colour) in enumerate(colours.items()):
        rows = data[data["series"] == name].sort_values("x", kind="stable")
        x, value = floats(rows["x"]), floats(rows["value"])
        if "low" in rows:
            low, high = floats(rows["low"]), floats(rows["high"])
            if points:
                axes.vlines(x, low, high, color=colour, linewidth=5, alpha=0.25)
            else:
                axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0, step="post" if stepped else None)
        style = {"color": colour, "linewidth": 2.2, "linestyle": DASHES[i % len(DASHES)]}
        style |= {"drawstyle": "steps-post" if stepped else "default"}
        axes.plot(x, value, marker="o" if points else "", markersize=6, **style)


def _below(sheet: Sheet, axes, places: dict, kind: str, across: str) -> None:
    """Dates, texts or round numbers under the plot, and what they are."""
    base = axes.get_position().y0 * sheet.height - 5
    if kind == "date":
        sheet.date_axis(axes)
    else:
        low, high = axes.get_xlim()
        found = MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]).tick_values(low, high)
        ticks = np.array(list(places.values())) if places else found[(found >= low) & (found <= high)]
        texts = list(places) if places else tick_texts(ticks, "count")
        axes.set_xticks(ticks, [""] * len(ticks))
        taken = -np.inf
        for tick, text in zip(ticks, texts, strict=True):
            middle, half = sheet.inside(axes, tick, text), width_of(text, TEXT) / 2
            if middle - half > taken + 4:  # a text that would touch the one before it is left out
                sheet.write(middle, base, [text], color=GREY, ha="center")
                taken = middle + half
    if across:
        line = say("→ {what}", what=across)
        right = WIDTH - EDGE - width_of(line, TEXT)
        sheet.write(right, base - TEXT * LEADING * (2 if kind == "date" else 1), [line], color=GREY)
