"""The paper that charts are drawn on: words on top and at the foot, labels of rows at the left, dates beneath.

A chart is seven inches wide, so that its letters can be read on a phone; its words and rows decide how high it is.
"""

import base64
import io
import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import num2date
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D
from PIL import Image

from helpers import NinefoldError
from helpers.charts.scales import ValueFormat, date_texts, day_numbers, readable, tick_texts
from helpers.charts.style import (
    DPI,
    EDGE,
    GREY,
    INK,
    LABELS,
    LEADING,
    SHOWN,
    SUBTITLE,
    TEXT,
    TITLE,
    WIDTH,
    house_style,
    width_of,
    wrap,
)
from helpers.tables import check_slug, finding, place_on_page, step_in_progress
from helpers.words import day, say


def drawing(draw: Callable) -> Callable:
    """A drawing in the house's style; with nothing to draw, its title is said as a sentence and the page goes on."""

    @wraps(draw)
    def drawn(frame, **given) -> None:
        if not len(frame):
            finding(given["title"])
            return
        with house_style():
            draw(frame, **given)

    return drawn


class Words(NamedTuple):
    """What is written around a chart: the claim, its measure (population, period), alternative text, source, slug."""

    title: str
    subtitle: str
    alt: str
    source: str
    name: str


def check(frame, words: Words, *columns: str) -> None:
    """Raises NinefoldError for a name that is no slug, and for a column that the frame lacks."""
    check_slug("Chart", words.name)
    for column in columns:
        if column not in frame.columns:
            known = ", ".join(map(str, frame.columns))
            raise NinefoldError(f"Chart {words.name}: the frame has no column {column!r}; it has {known}.")


class Rows:
    """Labels of rows, wrapped, and the place of each, in points from the top of the plot."""

    def __init__(self, labels: list[str], *, least: float, uniform: bool = False):
        self.labels = labels
        self.lines = [wrap(label, LABELS, TEXT) for label in labels]
        heights = [max(least, len(lines) * TEXT * LEADING + 8) for lines in self.lines]
        heights = [max(heights)] * len(heights) if uniform else heights
        ends = np.cumsum(heights)
        self.height, self.centres = float(ends[-1]), ends - np.array(heights) / 2
        self.left = EDGE + max((width_of(line, TEXT) for lines in self.lines for line in lines), default=0) + 10

    def centre(self, label: str) -> float:
        return float(self.centres[self.labels.index(label)])


class Sheet:
    """One sheet of paper: words on top, room of a given height for the plot, the source at the foot."""

    def __init__(self, words: Words, height: float, key: Sequence[tuple] = ()):
        inside = WIDTH - 2 * EDGE
        title, subtitle = wrap(words.title, inside, TITLE, bold=True), wrap(words.subtitle, inside, SUBTITLE)
        foot, key_rows = wrap(words.source, inside, TEXT), _key_rows(key, inside)
        head = (len(title) * TITLE + len(subtitle) * SUBTITLE) * LEADING + 3 + 20 * len(key_rows) + 12
        self.words, self.bottom = words, EDGE + len(foot) * TEXT * LEADING + (10 if foot else 0)
        self.top = self.bottom + height
        self.height = self.top + head + EDGE
        self.figure = Figure(figsize=(WIDTH / 72, self.height / 72), dpi=DPI)
        FigureCanvasAgg(self.figure)
        self.points = Affine2D().scale(1 / 72) + self.figure.dpi_scale_trans
        y = self.height - EDGE
        self.write(EDGE, y, title, size=TITLE, weight="bold")
        y -= len(title) * TITLE * LEADING + 3
        self.write(EDGE, y, subtitle, size=SUBTITLE, color=GREY)
        y -= len(subtitle) * SUBTITLE * LEADING + 4
        for i, row in enumerate(key_rows):
            self._draw_key(row, y - 20 * i)
        self.write(EDGE, EDGE + len(foot) * TEXT * LEADING, foot, color=GREY)

    def write(self, x: float, top: float, lines: Sequence[str], *, size: float = TEXT, **style) -> None:
        """Write lines downwards from `top`."""
        for i, line in enumerate(lines):
            baseline = top - (i + 0.5) * size * LEADING - 0.36 * size
            self.figure.text(x, baseline, line, size=size, transform=self.points, va="baseline", **style)

    def axes(self, left: float, bottom: float, width: float, height: float):
        """A plot at a place of the sheet."""
        return self.figure.add_axes((left / WIDTH, bottom / self.height, width / WIDTH, height / self.height))

    def row_axes(self, rows: Rows, foot: float = 0):
        """A plot with a row for each label, one unit of y a point downwards; the labels are written at its left."""
        for lines, centre in zip(rows.lines, rows.centres, strict=True):
            self.write(EDGE, self.top - centre + len(lines) * TEXT * LEADING / 2, lines)
        axes = self.axes(rows.left, self.bottom + foot, WIDTH - EDGE - rows.left, rows.height)
        axes.set_ylim(rows.height, 0)
        axes.set_yticks([])
        return axes

    def value_axis(self, low: float, high: float, value_format: ValueFormat) -> tuple[np.ndarray, list[str], float]:
        """Round values that span low to high, their texts, and the room these take at the left."""
        whole = value_format == "count"
        ticks = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=whole, min_n_ticks=2).tick_values(low, high)
        texts = tick_texts(ticks, value_format)
        return ticks, texts, EDGE + max(width_of(text, TEXT) for text in texts) + 8

    def date_axis(self, axes, dates: Sequence = ()) -> None:
        """Label the x axis of a plot with as many dates as can be read (those given, or months, or days)."""
        import pandas as pd

        first, last = (num2date(x).replace(tzinfo=None) for x in axes.get_xlim())
        months = [m.date() for m in pd.date_range(first, last, freq="MS", normalize=True) if m >= first]
        days = [d.date() for d in pd.date_range(first, last, freq="D", normalize=True)[1:]]
        known = dates or (months if len(months) > 1 else days)
        chosen = readable(known, self.across(axes) / ((last - first).days or 1))
        self.date_labels(axes, day_numbers(chosen), chosen)

    def date_labels(self, axes, places: np.ndarray, dates: Sequence) -> None:
        """Write dates under a plot, on one line whether a year stands beneath or not, and never over the edge."""
        axes.set_xticks(places, [""] * len(places))
        base = axes.get_position().y0 * self.height - 5
        for place, text in zip(places, date_texts(dates), strict=True):
            self.write(self.inside(axes, place, text), base, text.split("\n"), color=GREY, ha="center")

    def across(self, axes) -> float:
        """How wide a plot is."""
        return axes.get_position().width * WIDTH

    def inside(self, axes, x: float, text: str, bold: bool = False) -> float:
        """Where to centre a text at x of a plot so that it stays on the sheet."""
        place = (axes.transData + self.points.inverted()).transform((x, 0))[0]
        half = max(width_of(line, TEXT, bold) for line in text.split("\n")) / 2
        return min(max(place, EDGE + half), WIDTH - EDGE - half)

    def marked_day(self, axes, moment: object) -> None:
        """Mark a day with a line through the plot and its date under the axis."""
        x, text = day_numbers([moment])[0], say("as of {day}", day=day(moment))
        axes.axvline(x, color=INK, linewidth=1.2)
        self.write(self.inside(axes, x, text, bold=True), self.bottom + 18, [text], weight="bold", ha="center")

    def keep(self) -> None:
        """Keep the chart for the report and show it with its alternative text."""
        png = io.BytesIO()
        self.figure.canvas.draw()
        drawn = Image.fromarray(np.asarray(self.figure.canvas.buffer_rgba())).convert("RGB")
        # 256 colours are more than a chart shows; the file is a third as large, and holds no time and no version.
        drawn.quantize(256, dither=Image.Dither.NONE).save(png, "PNG", optimize=True, dpi=(DPI, DPI))
        step, words = step_in_progress(), self.words
        if step is not None:
            kept = {key: text for key, text in words._asdict().items() if key != "name"}
            step.keep_chart(words.name, png.getvalue(), kept)
        shown = {"image/png": base64.b64encode(png.getvalue()).decode(), "text/plain": words.alt}
        place_on_page(shown, {"image/png": {"alt": words.alt, "width": SHOWN}})

    def _draw_key(self, row: list[tuple], top: float) -> None:
        x, middle = EDGE, top - 9
        for kind, style, text in row:
            if kind == "ramp":
                self.write(x, middle + TEXT * LEADING / 2, [text[0]], color=GREY)
                x += width_of(text[0], TEXT) + 6
                for i in range(9):
                    self._add(Rectangle((x + 9 * i, middle - 5), 9.2, 10, facecolor=style(i / 8), linewidth=0))
                x += 9 * 9 + 6
                text = text[1]
            else:
                if kind == "box":
                    self._add(Rectangle((x, middle - 5), 18, 10, **style))
                elif kind == "line":
                    self._add(Line2D([x, x + 18], [middle, middle], **style))
                else:
                    self._add(Line2D([x + 9], [middle], **{"marker": "o", "markersize": 6, "color": INK, "linewidth": 0} | style))
                x += 24
            self.write(x, middle + TEXT * LEADING / 2, [text], color=GREY)
            x += width_of(text, TEXT) + 18

    def _add(self, artist) -> None:
        artist.set_transform(self.points)
        self.figure.add_artist(artist)


def _key_rows(key: Sequence[tuple], inside: float) -> list[list[tuple]]:
    rows, used = [], math.inf
    for entry in key:
        kind, _, text = entry
        wide = 18 + (92 + sum(width_of(t, TEXT) for t in text) if kind == "ramp" else 24 + width_of(text, TEXT))
        if used + wide > inside + 18:
            rows, used = [*rows, []], 0
        rows[-1].append(entry)
        used += wide
    return rows
