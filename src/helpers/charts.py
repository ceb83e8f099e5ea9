"""Charts as a board sees them: the title is the claim, the subtitle says what is measured, the source stands beneath.

Every drawing function takes a tidy frame and the words around it, keeps the PNG through the step in progress and shows
it with its alternative text. A chart is seven inches wide, so that its letters can be read on a phone; its words and
rows decide how high it is. Lengths in this file are points (1/72 inch).
"""

import base64
import io
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, is_color_like, to_hex, to_rgb
from matplotlib.dates import date2num, num2date
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D
from PIL import Image

from helpers import NinefoldError
from helpers.tables import check_slug, min_cell, place_on_page, step_in_progress, written
from helpers.words import THIN, as_date, compact, date_as, day, mark, number, say, say_n

if TYPE_CHECKING:
    import pandas as pd

ValueFormat = str | Callable[[float], str]
"""A kind of `tables` (number, count, share, money, change), or a function from a number to text."""

NEUTRAL, ACCENT, SECOND = "#6B6B6B", "#12436D", "#D55E00"
INK, GREY, GRID, PALE = "#1A1A1A", "#595959", "#DDDDDD", "#8FA9C1"
FIVE = ("#12436D", "#D55E00", "#A285D1", "#009E73", "#000000")
SIX = ("#332288", "#117733", "#AA3377", "#B8860B", "#A285D1", "#000000")
CONTRAST = 3.0
FEW = 30
"""Groups of fewer customers are drawn in grey."""

WIDTH, DPI, EDGE = 504, 140, 9
TITLE, SUBTITLE, TEXT, LEADING = 14.5, 11.5, 11, 1.32
LABELS = 180
"""The widest that the labels of rows may be before they are wrapped."""

_STYLE = {
    "font.family": ["DejaVu Sans"],  # the one that comes with matplotlib: every machine draws the same
    "font.size": TEXT,
    "text.parse_math": False,  # "$1,200 to $2,000" is money
    "text.color": INK,
    "axes.edgecolor": NEUTRAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "xtick.color": NEUTRAL,
    "xtick.labelcolor": GREY,
    "ytick.labelcolor": GREY,
    "ytick.major.size": 0,
    "hatch.linewidth": 0.8,
}
_house_style = matplotlib.style.context(["default", _STYLE])
_PARTS = {  # what a window is made of
    mark("history"): {"facecolor": "white", "edgecolor": NEUTRAL},
    mark("built on"): {"facecolor": ACCENT, "edgecolor": ACCENT},
    mark("judged on"): {"facecolor": "#F8D9C2", "edgecolor": SECOND, "hatch": "////"},
}
_UNKNOWN = {"facecolor": "white", "edgecolor": NEUTRAL, "hatch": "////", "linewidth": 0}
_BAND = "#CBD7E3"
_SEQUENTIAL = LinearSegmentedColormap.from_list("ninefold", ["#EEF2F6", ACCENT])
_DIVERGING = LinearSegmentedColormap.from_list("ninefold_two", [SECOND, "#F7F7F7", ACCENT])


class Words(NamedTuple):
    """What is written around a chart: the claim, its measure (population, period), alternative text, source, slug."""

    title: str
    subtitle: str
    alt: str
    source: str
    name: str


# The charts


@_house_style
def lines_with_interval(
    frame: "pd.DataFrame",
    *,
    title: str,
    subtitle: str,
    alt: str,
    source: str,
    name: str,
    target: float | None = None,
    target_label: str = "",
    value_format: ValueFormat = "number",
    digits: int | None = None,
) -> None:
    """Draw the trend of one measure, its 95 % interval as a band, and the target as a labelled line.

    frame    when (date), value, low, high; a gap where the value is missing
    digits   decimals of the direct labels; chosen from the values when None
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "when", "value", "low", "high")
    data = frame.sort_values("when", kind="stable")
    when = _days(data["when"])
    value, low, high = (_floats(data[column]) for column in ("value", "low", "high"))
    write = _writer(value_format, value, digits)
    label = "" if target is None else target_label or say("target {value}", value=write(target))
    for label_in_key in (False, True):  # in the key when no place beside the line is free
        sheet = _draw_lines(words, when, value, low, high, write, value_format, target, label, label_in_key)
        if sheet is not None:
            return sheet.keep()


@_house_style
def funnel(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw what is left after each filter, first to last, as bars labelled with number, share and what was lost.

    frame   label, n, share (0–1 of the first)
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "label", "n", "share")
    counts = _floats(frame["n"])
    lost = np.diff(counts, prepend=counts[0])
    notes = [
        written(part, "share", 1) + (f"  ({number(loss)})" if loss < 0 else "")
        for part, loss in zip(frame["share"], lost, strict=True)
    ]
    fills = [PALE] * (len(frame) - 1) + [ACCENT]
    _draw_bars(words, list(frame["label"]), counts, fills, [number(n) for n in counts], notes).keep()


@_house_style
def windows(
    frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, as_of: object = None
) -> None:
    """Draw periods on a time line, one row a window.

    frame   label (the row), part ("history", "built on" or "judged on"), start, end (first day not counted)
    as_of   a day to mark with a line, or None
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "label", "part", "start", "end")
    unknown = sorted(set(frame["part"]) - set(_PARTS))
    if unknown:
        raise NinefoldError(f"Chart {name}, column part: {unknown[0]!r} is not one of {', '.join(_PARTS)}.")
    rows = _Rows(list(dict.fromkeys(frame["label"])), least=34)
    key = [("box", style, say(part)) for part, style in _PARTS.items() if part in set(frame["part"])]
    foot = 38 if as_of is None else 54
    sheet = _Sheet(words, rows.height + foot, key)
    axes = sheet.row_axes(rows, foot)
    starts, ends = _days(frame["start"]), _days(frame["end"])
    for label, part, start, end in zip(frame["label"], frame["part"], starts, ends, strict=True):
        axes.add_patch(Rectangle((start, rows.centre(label) - 9), end - start, 18, **_PARTS[part]))
    room = 0.02 * (ends.max() - starts.min()) or 1
    axes.set_xlim(starts.min() - room, ends.max() + room)
    sheet.date_axis(axes)
    axes.grid(axis="x", color=GRID)
    if as_of is not None:
        sheet.marked_day(axes, as_of)
    sheet.keep()


@_house_style
def heatmap(
    frame: "pd.DataFrame",
    *,
    title: str,
    subtitle: str,
    alt: str,
    source: str,
    name: str,
    value_format: ValueFormat = "share",
    digits: int = 0,
) -> None:
    """Draw an annotated grid of values 0–1; what is missing is hatched and called "cannot tell".

    frame   wide: its index holds the labels of the rows, its columns theirs
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words)
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    write = _writer(value_format, values, digits)
    texts = np.array([[write(x) if np.isfinite(x) else "" for x in row] for row in values], dtype=object)
    rows = _Rows([str(label) for label in frame.index], least=26, uniform=True)
    key = [("ramp", _SEQUENTIAL, (write(0), write(1)))]
    key += [("box", _UNKNOWN, say("cannot tell"))] if np.isnan(values).any() else []
    shown = np.ones_like(values, dtype=bool)
    _draw_grid(words, rows, [str(label) for label in frame.columns], values, texts, shown, key, _SEQUENTIAL, 0).keep()


@_house_style
def correlation(
    frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, threshold: float = 0.7
) -> None:
    """Draw correlations −1 to 1 as a lower triangle; a dot marks those at least as strong as the threshold.

    frame   square, the same labels in index and columns; each variable has a number, which also heads its column
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words)
    if list(frame.index) != list(frame.columns) or len(frame) < 2:
        raise NinefoldError(f"Chart {name}: give two variables or more, the same in index and columns, in one order.")
    values = frame.to_numpy(dtype=float, na_value=np.nan)[:, :-1]
    shown = np.tril(np.ones_like(values, dtype=bool), -1)
    texts = np.where(shown & (np.abs(values) >= threshold), "●", "").astype(object)
    numbered = [f"{i}  {label}" for i, label in enumerate(frame.index, start=1)]
    rows = _Rows(numbered, least=19, uniform=True, widest=240)
    key = [("ramp", _DIVERGING, (number(-1), f"+{number(1)}"))]
    key += [("dot", {}, say("{value} or stronger", value=f"±{number(threshold, 1)}"))] if (texts == "●").any() else []
    key += [("box", _UNKNOWN, say("cannot tell"))] if np.isnan(values[shown]).any() else []
    _draw_grid(words, rows, [], values, texts, shown, key, _DIVERGING, -1).keep()


@_house_style
def distributions(
    histograms: Mapping[str, tuple],
    *,
    title: str,
    subtitle: str,
    alt: str,
    source: str,
    name: str,
    columns: int = 4,
) -> None:
    """Draw small histograms, each on its own scale and from 0, with its range and unit beneath.

    histograms   label → (counts, edges) or (counts, edges, unit); unit "%" means values 0–1, written as percentages
    """
    words = Words(title, subtitle, alt, source, name)
    check_slug("Chart", name)
    if not histograms:
        raise NinefoldError(f"Chart {name}: there is no histogram to draw.")
    gap, plot, foot, columns = 18, 50, 38, min(columns, len(histograms))
    wide = (WIDTH - 2 * EDGE - (columns - 1) * gap) / columns
    labels = [_wrap(label, wide, TEXT) for label in histograms]
    bands = [max(map(len, labels[i : i + columns])) * TEXT * LEADING + 3 for i in range(0, len(labels), columns)]
    sheet = _Sheet(words, sum(bands) + len(bands) * (plot + foot))
    for i, (counts, edges, *unit) in enumerate(histograms.values()):
        row, left = i // columns, EDGE + i % columns * (wide + gap)
        top = sheet.top - sum(bands[:row]) - row * (plot + foot)
        sheet.write(left, top - bands[row] + len(labels[i]) * TEXT * LEADING, labels[i])
        axes = sheet.axes(left, top - bands[row] - plot, wide, plot)
        _draw_histogram(sheet, axes, _floats(counts), _floats(edges), "".join(unit), left, wide)
    sheet.keep()


@_house_style
def bars(
    frame: "pd.DataFrame",
    *,
    title: str,
    subtitle: str,
    alt: str,
    source: str,
    name: str,
    value_format: ValueFormat = "number",
    digits: int | None = None,
    highlight: Collection[str] = (),
    palette: Mapping[str, str] | None = None,
    sort: bool = True,
) -> None:
    """Draw horizontal bars from 0, largest first, each labelled, with 95 % intervals where the frame holds them.

    frame       label, value; where known low and high (interval), and n (customers): a group of fewer than 30 is grey,
                of fewer than min_cell left out and mentioned
    highlight   labels in the accent colour, all others grey; or palette, a colour for each label
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "label", "value")
    data = frame.sort_values("value", ascending=False, kind="stable", na_position="last") if sort else frame
    if "n" in data:
        data, words = _without_small_groups(data, words)
    sizes = _floats(data["n"]) if "n" in data else np.full(len(data), np.inf)
    labels, value = list(data["label"]), _floats(data["value"])
    usual = dict.fromkeys(labels, PALE if "low" in data else ACCENT)  # an interval is not seen on the dark blue
    chosen = palette or (dict.fromkeys(highlight, ACCENT) if highlight else usual)
    fills = [NEUTRAL if n < FEW else chosen.get(label, NEUTRAL) for label, n in zip(labels, sizes, strict=True)]
    write = _writer(value_format, value, digits)
    texts = [write(x) if np.isfinite(x) else say("cannot tell") for x in value]
    notes = [f"(n{THIN}={THIN}{number(n)})" if n < FEW else "" for n in sizes]
    _draw_bars(words, labels, value, fills, texts, notes, data).keep()


@_house_style
def strips(
    frame: "pd.DataFrame",
    *,
    title: str,
    subtitle: str,
    alt: str,
    source: str,
    name: str,
    value_format: ValueFormat = "count",
) -> None:
    """Draw counts over time as columns from 0, one a month (or a day, a week).

    frame   when (first day of the period), n; a period without a row leaves a gap
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "when", "n")
    data = frame.sort_values("when", kind="stable")
    periods, counts = [as_date(moment) for moment in data["when"]], _floats(data["n"])
    _draw_strips(words, periods, counts, _writer(value_format, counts, None), value_format).keep()


def colours(names: Sequence[str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give every segment its colour, one for the whole project, in the order of the names; project.yml may choose some.

    Raises NinefoldError for more than six segments, or a chosen colour that is none or too faint on white.
    """
    names, chosen = list(dict.fromkeys(names)), dict(chosen or {})
    if len(names) > len(SIX):
        raise NinefoldError(f"{len(names)} segments: readers tell at most {len(SIX)} colours apart. Merge some.")
    for segment, colour in chosen.items():
        if not is_color_like(colour) or contrast(colour) < CONTRAST:
            raise NinefoldError(
                f"project.yml, colour of segment {segment!r}: {colour!r} is no colour that can be read on white "
                f"(contrast of 3:1). Choose a darker one, such as {ACCENT}."
            )
    taken = {segment: to_hex(chosen[segment]).upper() for segment in names if segment in chosen}
    free = [c for c in (FIVE if len(names) <= len(FIVE) else SIX) if c not in taken.values()]
    return {segment: taken[segment] if segment in taken else free.pop(0) for segment in names}


def contrast(colour: str, background: str = "#FFFFFF") -> float:
    """Contrast ratio of two colours, 1 to 21 (Web Content Accessibility Guidelines 2.2)."""

    def luminance(c: str) -> float:
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(c)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(colour), luminance(background)))
    return (light + 0.05) / (dark + 0.05)


# The paper


class _Rows:
    """Labels of rows, wrapped, and the place of each, in points from the top of the plot."""

    def __init__(self, labels: list[str], *, least: float, uniform: bool = False, widest: float = LABELS):
        self.labels = labels
        self.lines = [_wrap(label, widest, TEXT) for label in labels]
        heights = [max(least, len(lines) * TEXT * LEADING + 8) for lines in self.lines]
        heights = [max(heights)] * len(heights) if uniform else heights
        ends = np.cumsum(heights)
        self.height, self.centres = float(ends[-1]), ends - np.array(heights) / 2
        self.left = EDGE + max(_width(line, TEXT) for lines in self.lines for line in lines) + 10

    def centre(self, label: str) -> float:
        return float(self.centres[self.labels.index(label)])


class _Sheet:
    """One sheet of paper: words on top, room of a given height for the plot, the source at the foot."""

    def __init__(self, words: Words, height: float, key: Sequence[tuple] = ()):
        inside = WIDTH - 2 * EDGE
        title, subtitle = _wrap(words.title, inside, TITLE, bold=True), _wrap(words.subtitle, inside, SUBTITLE)
        foot, key_rows = _wrap(words.source, inside, TEXT), _key_rows(key, inside)
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

    def row_axes(self, rows: _Rows, foot: float = 0):
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
        texts = _tick_texts(ticks, value_format)
        return ticks, texts, EDGE + max(_width(text, TEXT) for text in texts) + 8

    def date_axis(self, axes, dates: Sequence = ()) -> None:
        """Label the x axis of a plot with as many dates as can be read (those given, or months, or days)."""
        import pandas as pd

        first, last = (num2date(x).replace(tzinfo=None) for x in axes.get_xlim())
        months = [m.date() for m in pd.date_range(first, last, freq="MS", normalize=True) if m >= first]
        days = [d.date() for d in pd.date_range(first, last, freq="D", normalize=True)[1:]]
        known = dates or (months if len(months) > 1 else days)
        chosen = _readable(known, self.across(axes) / ((last - first).days or 1))
        self.date_labels(axes, _days(chosen), chosen)

    def date_labels(self, axes, places: np.ndarray, dates: Sequence) -> None:
        """Write dates under a plot, on one line whether a year stands beneath or not, and never over the edge."""
        axes.set_xticks(places, [""] * len(places))
        base = axes.get_position().y0 * self.height - 5
        for place, text in zip(places, _date_texts(dates), strict=True):
            self.write(self.inside(axes, place, text), base, text.split("\n"), color=GREY, ha="center")

    def across(self, axes) -> float:
        """How wide a plot is."""
        return axes.get_position().width * WIDTH

    def inside(self, axes, x: float, text: str, bold: bool = False) -> float:
        """Where to centre a text at x of a plot so that it stays on the sheet."""
        place = (axes.transData + self.points.inverted()).transform((x, 0))[0]
        half = max(_width(line, TEXT, bold) for line in text.split("\n")) / 2
        return min(max(place, EDGE + half), WIDTH - EDGE - half)

    def marked_day(self, axes, moment: object) -> None:
        """Mark a day with a line through the plot and its date under the axis."""
        x, text = _days([moment])[0], say("as of {day}", day=day(moment))
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
        place_on_page(shown, {"image/png": {"alt": words.alt}})

    def _draw_key(self, row: list[tuple], top: float) -> None:
        x, middle = EDGE, top - 9
        for kind, style, text in row:
            if kind == "ramp":
                self.write(x, middle + TEXT * LEADING / 2, [text[0]], color=GREY)
                x += _width(text[0], TEXT) + 6
                for i in range(40):
                    self._add(Rectangle((x + 2 * i, middle - 5), 2.2, 10, facecolor=style(i / 39), linewidth=0))
                x += 40 * 2 + 6
                text = text[1]
            else:
                if kind == "box":
                    self._add(Rectangle((x, middle - 5), 18, 10, **style))
                elif kind == "line":
                    self._add(Line2D([x, x + 18], [middle, middle], **style))
                else:
                    self._add(Line2D([x + 9], [middle], marker="o", markersize=6, color=INK, linewidth=0))
                x += 24
            self.write(x, middle + TEXT * LEADING / 2, [text], color=GREY)
            x += _width(text, TEXT) + 18

    def _add(self, artist) -> None:
        artist.set_transform(self.points)
        self.figure.add_artist(artist)


def _key_rows(key: Sequence[tuple], inside: float) -> list[list[tuple]]:
    rows, used = [], math.inf
    for entry in key:
        kind, _, text = entry
        wide = 18 + (92 + sum(_width(t, TEXT) for t in text) if kind == "ramp" else 24 + _width(text, TEXT))
        if used + wide > inside + 18:
            rows, used = [*rows, []], 0
        rows[-1].append(entry)
        used += wide
    return rows


@cache
def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")


@cache
def _width(text: str, size: float, bold: bool = False) -> float:
    return text_to_path.get_text_width_height_descent(text, _font(size, bold), ismath=False)[0] if text else 0.0


def _wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Lines no wider than `width`, broken at spaces (never at no-break ones), inside a word only if it is too wide."""
    lines: list[str] = []
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and _width(joined, size, bold) <= width:
            lines[-1] = joined
            continue
        while _width(word, size, bold) > width:
            cut = next(i for i in range(len(word) - 1, 0, -1) if i == 1 or _width(word[:i] + "-", size, bold) <= width)
            lines.append(word[:cut] + "-")
            word = word[cut:]
        lines.append(word)
    return [line for line in lines if line]


# Numbers and dates


def _check(frame: "pd.DataFrame", words: Words, *columns: str) -> None:
    check_slug("Chart", words.name)
    for column in columns:
        if column not in frame.columns:
            known = ", ".join(map(str, frame.columns))
            raise NinefoldError(f"Chart {words.name}: the frame has no column {column!r}; it has {known}.")
    if frame.empty:
        raise NinefoldError(f"Chart {words.name}: the frame has no row to draw. Say so in a sentence instead.")


def _without_small_groups(data: "pd.DataFrame", words: Words) -> tuple["pd.DataFrame", Words]:
    least = min_cell()
    kept = data[data["n"] >= least]
    if kept.empty:
        raise NinefoldError(f"Chart {words.name}: every group has fewer than {least} customers, none may be shown.")
    hidden = len(data) - len(kept)
    if hidden:
        sentence = say_n(
            "{n} group of fewer than {least} customers is not shown.",
            "{n} groups of fewer than {least} customers are not shown.",
            hidden,
            least=number(least),
        )
        words = words._replace(source=f"{words.source} {sentence}".strip())
    return kept, words


def _floats(values) -> np.ndarray:
    if hasattr(values, "to_numpy"):
        return values.to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values, dtype=float)


def _days(moments) -> np.ndarray:
    return np.array([date2num(as_date(moment)) for moment in moments])


def _digits(values: np.ndarray, kind: ValueFormat) -> int:
    """Three significant digits of the largest value; money has none or two, a share one."""
    finite = np.abs(values[np.isfinite(values)])
    if kind in ("share", "change"):
        return 1
    largest = finite.max() if finite.size else 0
    if kind == "count" or not largest:
        return 0
    if kind == "money":
        return 0 if largest >= 100 else 2
    return 0 if np.all(finite == np.round(finite)) else min(max(2 - math.floor(math.log10(largest)), 0), 9)


def _writer(kind: ValueFormat, values: np.ndarray, digits: int | None) -> Callable[[float], str]:
    """How the values of a chart are written: all with the same decimals, the very large ones shortened."""
    if callable(kind):
        return kind
    finite = np.abs(values[np.isfinite(values)])
    if kind in ("number", "count", "money") and finite.size and finite.max() >= 1e7:
        return lambda x: compact(x, 1, as_money=kind == "money")
    decimals = _digits(values, kind) if digits is None else digits
    return lambda x: written(x, kind, decimals)


def _tick_texts(ticks: np.ndarray, kind: ValueFormat) -> list[str]:
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


def _date_texts(dates: Sequence) -> list[str]:
    """Months, or days when they are not all firsts; the year under the first and wherever it changes."""
    monthly = all(d.day == 1 for d in dates)
    if monthly and len(dates) > 1 and all(d.month == 1 for d in dates):
        return [date_as(d, "y") for d in dates]
    years = [i == 0 or d.year != dates[i - 1].year for i, d in enumerate(dates)]
    return [
        date_as(d, "MMM" if monthly else "dMMM") + (f"\n{date_as(d, 'y')}" if new else "")
        for d, new in zip(dates, years, strict=True)
    ]


def _readable(dates: Sequence, per_day: float) -> Sequence:
    """Every 1st, 2nd, 3rd … date, so few that their texts keep apart; per_day is the room of a day in points."""
    monthly = all(d.day == 1 for d in dates)
    for k in (1, 2, 3, 4, 6, 12, 24, 60, 120) if monthly else (1, 2, 7, 14, 28):
        chosen = [d for d in dates if (d.year * 12 + d.month - 1) % k == 0] if monthly else list(dates)[::k]
        if len(chosen) < 2:
            break
        room = min((b - a).days for a, b in zip(chosen, chosen[1:], strict=False)) * per_day
        if room >= 12 + max(_width(line, TEXT) for text in _date_texts(chosen) for line in text.split("\n")):
            return chosen
    return dates[:1]


# Drawings


def _draw_lines(words, when, value, low, high, write, value_format, target, label, label_in_key) -> _Sheet | None:
    """The sheet, or None when the target's label finds no free place beside its line."""
    banded = np.isfinite(low) & np.isfinite(high) & np.isfinite(value)
    key = [("box", {"facecolor": _BAND, "linewidth": 0}, say("95% interval"))] if banded.any() else []
    dashed = {"color": SECOND, "linewidth": 1.8, "linestyle": (0, (4, 2))}
    key += [("line", dashed, label)] if label_in_key else []
    plot, foot = 190, 36
    sheet = _Sheet(words, plot + foot, key)
    every = np.concatenate([value, low, high, [] if target is None else [target]])
    bottom, top = _limits(every[np.isfinite(every)])
    ticks, texts, left = sheet.value_axis(bottom, top, value_format)
    known = np.flatnonzero(np.isfinite(value))
    last = write(value[known[-1]]) if known.size else ""
    axes = sheet.axes(left, sheet.bottom + foot, WIDTH - EDGE - left - _width(last, 12.5, bold=True) - 10, plot)
    axes.set_ylim(ticks[0], ticks[-1])
    axes.set_yticks(ticks, texts)
    room = 0.02 * (when[-1] - when[0]) or 20
    axes.set_xlim(when[0] - room, when[-1] + room)
    sheet.date_axis(axes, () if len(when) > 1 else [num2date(when[0]).date()])
    axes.grid(axis="y", color=GRID)
    axes.fill_between(when, low, high, where=banded, color=_BAND, linewidth=0)
    axes.plot(when, value, color=ACCENT, linewidth=2.2, solid_capstyle="round")
    gaps = np.concatenate([[True], ~np.isfinite(value), [True]])
    alone = np.isfinite(value) & gaps[:-2] & gaps[2:]
    axes.vlines(when[alone & banded], low[alone & banded], high[alone & banded], color=_BAND, linewidth=6)
    axes.plot(when[alone], value[alone], "o", color=ACCENT, markersize=6)
    if known.size:
        spot = (when[known[-1]], value[known[-1]])
        axes.plot(*spot, "o", color=ACCENT, markersize=6)
        style = {"color": ACCENT, "size": 12.5, "weight": "bold", "va": "center", "annotation_clip": False}
        axes.annotate(last, spot, (8, 0), textcoords="offset points", **style)
    if target is not None:
        axes.axhline(target, **dashed)
        if not label_in_key and not _label_line(axes, sheet, label, target, when, low, value, high):
            return None
    return sheet


def _limits(values: np.ndarray) -> tuple[float, float]:
    """From 0 unless that would flatten the curve; never an empty span."""
    if not values.size:
        return 0, 1
    low, high = float(values.min()), float(values.max())
    if 0 <= low < 0.5 * high:
        low = 0
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1
    return (low if low == 0 else low - room), high + room


def _label_line(axes, sheet: _Sheet, label: str, y: float, when, low, value, high) -> bool:
    """Write a label just above or below a horizontal line, where it meets neither curve nor band."""
    place = axes.transData + sheet.points.inverted()
    seen = np.isfinite(value)
    x = place.transform(np.column_stack([when[seen], value[seen]]))[:, 0] if seen.any() else np.array([0.0])
    edges = [np.fmin(low, value)[seen], np.fmax(high, value)[seen]]
    under, over = (place.transform(np.column_stack([when[seen], e]))[:, 1] if seen.any() else x * 0 for e in edges)
    (left, bottom), (right, top) = (sheet.points.inverted().transform(p) for p in axes.bbox.get_points())
    level, wide, tall = place.transform((0, y))[1], _width(label, TEXT), TEXT * LEADING
    for start in (left + 2, right - wide - 2, (left + right - wide) / 2):
        for lower in (level + 2, level - tall - 2):
            along = np.linspace(start - 4, start + wide + 4, 60)
            free = (np.interp(along, x, under) > lower + tall + 2) | (np.interp(along, x, over) < lower - 2)
            if free.all() and bottom <= lower and lower + tall <= top + 4 and wide < right - left:
                sheet.write(start, lower + tall, [label], color="#A84800")
                return True
    return False


def _draw_bars(words, labels, values, fills, texts, notes, data=None) -> _Sheet:
    """Bars from 0 with a label at the end of each: the value in bold, then a note in grey."""
    nothing = np.full(len(values), np.nan)
    low, high = (_floats(data[c]) if data is not None and c in data else nothing for c in ("low", "high"))
    interval = np.isfinite(low) & np.isfinite(high) & np.isfinite(values)
    key = [("line", {"color": INK, "linewidth": 1.4}, say("95% interval"))] if interval.any() else []
    rows = _Rows([str(label) for label in labels], least=26)
    sheet = _Sheet(words, rows.height, key)
    axes = sheet.row_axes(rows)
    wide = [6 + _width(t, TEXT, True) + (7 + _width(n, TEXT) if n else 0) for t, n in zip(texts, notes, strict=True)]
    values0 = np.nan_to_num(values)
    ends = np.where(values0 < 0, np.fmin(values0, low), np.fmax(values0, high))
    first, last = np.nanmin([values0, low, 0 * values0]), np.nanmax([values0, high, 0 * values0])
    before, after = (np.max(np.array(wide)[side], initial=0) for side in (values0 < 0, values0 >= 0))
    per_point = (last - first or 1) / max(WIDTH - EDGE - rows.left - before - after, 60)
    axes.set_xlim(first - before * per_point, (last if last > first else 1) + after * per_point)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.barh(rows.centres, values0, height=16, color=fills)
    axes.hlines(rows.centres[interval], low[interval], high[interval], color="white", linewidth=3.2)
    axes.hlines(rows.centres[interval], low[interval], high[interval], color=INK, linewidth=1.4)
    axes.axvline(0, color=NEUTRAL, linewidth=1)
    place = axes.transData + sheet.points.inverted()
    for x, y, text, note, w, value in zip(ends, rows.centres, texts, notes, wide, values0, strict=True):
        (left, middle) = place.transform((x, y))
        left, top = left - w if value < 0 else left + 6, middle + TEXT * LEADING / 2
        sheet.write(left, top, [text], weight="bold")
        sheet.write(left + _width(text, TEXT, True) + 7, top, [note] if note else [], color=GREY)
    return sheet


def _draw_strips(words, periods, counts, write, value_format) -> _Sheet:
    monthly = all(p.day == 1 for p in periods)
    steps = [p.year * 12 + p.month if monthly else p.toordinal() for p in periods]
    unit = min((b - a for a, b in zip(steps, steps[1:], strict=False) if b > a), default=1) if not monthly else 1
    slots = np.array([(step - steps[0]) / unit for step in steps])
    plot, foot = 190, 36
    sheet = _Sheet(words, plot + foot)
    finite = counts[np.isfinite(counts)]
    ticks, texts, left = sheet.value_axis(0, max(finite.max(), 0) * 1.02 or 1 if finite.size else 1, value_format)
    tops = [write(n) if np.isfinite(n) else "" for n in counts]
    labelled = max(_width(t, TEXT, True) for t in tops) + 4 <= (WIDTH - 2 * EDGE) / (slots[-1] + 1)
    left = EDGE if labelled else left
    wide = min(WIDTH - EDGE - left, 80 * (slots[-1] + 1))
    axes = sheet.axes(left, sheet.bottom + foot, wide, plot - (16 if labelled else 0))
    axes.set_xlim(-0.5, slots[-1] + 0.5)
    axes.bar(slots, np.nan_to_num(counts), width=0.78, color=ACCENT)
    if labelled:
        axes.set_ylim(0, ticks[-1] if not finite.size else finite.max() or 1)
        axes.set_yticks([])
        above = {"textcoords": "offset points", "ha": "center", "weight": "bold", "annotation_clip": False}
        for x, n, text in zip(slots, np.nan_to_num(counts), tops, strict=True):
            axes.annotate(text, (x, n), (0, 3), **above)
    else:
        axes.set_ylim(0, ticks[-1])
        axes.set_yticks(ticks, texts)
        axes.grid(axis="y", color=GRID)
    days_shown = max((periods[-1] - periods[0]).days, 1) * (slots[-1] + 1) / max(slots[-1], 1)
    chosen = _readable(periods, wide / days_shown)
    sheet.date_labels(axes, np.array([slots[periods.index(d)] for d in chosen]), chosen)
    return sheet


def _draw_histogram(sheet, axes, counts, edges, unit, left, wide) -> None:
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_xlim(edges[0], edges[-1] if edges[-1] > edges[0] else edges[0] + 1)
    axes.set_ylim(0, max(counts.max(initial=0), 1) * 1.04)
    axes.stairs(counts, edges, fill=True, color=NEUTRAL)
    write = _writer("share", edges, 0) if unit == "%" else _writer("number", edges, None)
    ends = [write(edge) if edge or unit == "%" else number(0) for edge in (edges[0], edges[-1])]
    top = sheet.height * axes.get_position().y0 - 2
    sheet.write(left, top, ends[:1], color=GREY)
    sheet.write(left + wide, top, ends[1:], color=GREY, ha="right")
    if unit and unit != "%":
        sheet.write(left + wide, top - TEXT * LEADING + 1, _wrap(unit, wide, TEXT)[:1], color=GREY, ha="right")


def _draw_grid(words, rows, columns, values, texts, shown, key, colour_map, least) -> _Sheet:
    """Cells coloured by seaborn from `least` to 1; without columns, the number of each stands on the diagonal."""
    import seaborn

    count = values.shape[1]
    cell = min((WIDTH - EDGE - rows.left) / count, 90)
    heads = [_wrap(label, cell - 4, TEXT) for label in columns]
    upright = any(line.endswith("-") for lines in heads for line in lines)
    heads = [_wrap(label, 150, TEXT) for label in columns] if upright else heads
    tall = [max(_width(x, TEXT) for x in lines) if upright else len(lines) * TEXT * LEADING for lines in heads]
    head = max(tall, default=0) + (8 if heads else 0)
    sheet = _Sheet(words, rows.height + head, key)
    sheet.top -= head
    axes = sheet.row_axes(rows)
    left, bottom, _, height = axes.get_position().bounds
    axes.set_position((left, bottom, cell * count / WIDTH, height))
    widest = max(_width(str(text), TEXT) for text in texts.flat)
    size = min(TEXT, TEXT * (cell - 4) / widest if widest else TEXT)
    marks = texts if size >= 8 else np.full_like(texts, "")
    seaborn.heatmap(
        values, mask=~shown, annot=marks, fmt="", cmap=colour_map, vmin=least, vmax=1, cbar=False, ax=axes,
        linewidths=1.5, linecolor="white", xticklabels=False, yticklabels=False, annot_kws={"size": size},
    )  # fmt: skip
    for text in axes.texts:
        j, i = (int(place) for place in text.get_position())
        fill = to_hex(colour_map((values[i, j] - least) / (1 - least)))
        text.set_color(max(INK, "white", key=lambda ink, fill=fill: contrast(ink, fill)))
    for i, j in zip(*np.nonzero(shown & np.isnan(values)), strict=True):
        axes.add_patch(Rectangle((j + 0.06, i + 0.06), 0.88, 0.88, **_UNKNOWN))
    for j in range(count):
        x = rows.left + (j + 0.5) * cell
        if not heads:
            axes.text(j + 0.5, j + 0.5, str(j + 1), ha="center", va="center", size=min(TEXT, cell * 0.6), color=GREY)
        elif upright:
            style = {"transform": sheet.points, "rotation": 90, "ha": "center", "va": "bottom"}
            for n, line in enumerate(heads[j]):
                shift = (n - (len(heads[j]) - 1) / 2) * TEXT * LEADING
                sheet.figure.text(x + shift, sheet.top + 5, line, **style)
        else:
            sheet.write(x, sheet.top + 5 + len(heads[j]) * TEXT * LEADING, heads[j], ha="center")
    return sheet
