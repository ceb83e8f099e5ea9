"""What fills the plots: curves, bars, columns, histograms and grids, each handed back on its sheet."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.dates import num2date
from matplotlib.patches import Rectangle

from helpers.charts.paper import Rows, Sheet, Words
from helpers.charts.scales import ValueFormat, floats, limits, readable, writer
from helpers.charts.style import (
    ACCENT,
    BAND,
    DIVERGING,
    EDGE,
    GREY,
    GRID,
    INK,
    LEADING,
    NEUTRAL,
    SECOND,
    SEQUENTIAL,
    TARGET,
    TEXT,
    UNKNOWN,
    WIDTH,
    contrast,
    width_of,
    wrap,
)
from helpers.words import number, say


class Trend(NamedTuple):
    """A measure over time: days as numbers, values, and the interval's ends."""

    when: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def draw_lines(
    words: Words,
    trend: Trend,
    write: Callable[[float], str],
    value_format: ValueFormat,
    target: float | None,
    label: str,
    label_in_key: bool,
) -> Sheet | None:
    """The sheet, or None when the target's label finds no free place beside its line."""
    when, value, low, high = trend
    banded = np.isfinite(low) & np.isfinite(high) & np.isfinite(value)
    key = [("box", {"facecolor": BAND, "linewidth": 0}, say("95% interval"))] if banded.any() else []
    dashed = {"color": SECOND, "linewidth": 1.8, "linestyle": (0, (4, 2))}
    key += [("line", dashed, label)] if label_in_key else []
    plot, foot = 190, 36
    sheet = Sheet(words, plot + foot, key)
    every = np.concatenate([value, low, high, [] if target is None else [target]])
    bottom, top = limits(every[np.isfinite(every)])
    ticks, texts, left = sheet.value_axis(bottom, top, value_format)
    known = np.flatnonzero(np.isfinite(value))
    last = write(value[known[-1]]) if known.size else ""
    axes = sheet.axes(left, sheet.bottom + foot, WIDTH - EDGE - left - width_of(last, 12.5, bold=True) - 10, plot)
    axes.set_ylim(ticks[0], ticks[-1])
    axes.set_yticks(ticks, texts)
    room = 0.02 * (when[-1] - when[0]) or 20
    axes.set_xlim(when[0] - room, when[-1] + room)
    sheet.date_axis(axes, () if len(when) > 1 else [num2date(when[0]).date()])
    axes.grid(axis="y", color=GRID)
    axes.fill_between(when, low, high, where=banded, color=BAND, linewidth=0)
    axes.plot(when, value, color=ACCENT, linewidth=2.2, solid_capstyle="round")
    gaps = np.concatenate([[True], ~np.isfinite(value), [True]])
    alone = np.isfinite(value) & gaps[:-2] & gaps[2:]
    axes.vlines(when[alone & banded], low[alone & banded], high[alone & banded], color=BAND, linewidth=6)
    axes.plot(when[alone], value[alone], "o", color=ACCENT, markersize=6)
    if known.size:
        spot = (when[known[-1]], value[known[-1]])
        axes.plot(*spot, "o", color=ACCENT, markersize=6)
        style = {"color": ACCENT, "size": 12.5, "weight": "bold", "va": "center", "annotation_clip": False}
        axes.annotate(last, spot, (8, 0), textcoords="offset points", **style)
    if target is not None:
        axes.axhline(target, **dashed)
        if not label_in_key and not _label_line(axes, sheet, label, target, trend):
            return None
    return sheet


def _label_line(axes, sheet: Sheet, label: str, y: float, trend: Trend) -> bool:
    """Write a label just above or below a horizontal line, where it meets neither curve nor band."""
    when, value, low, high = trend
    place = axes.transData + sheet.points.inverted()
    seen = np.isfinite(value)
    x = place.transform(np.column_stack([when[seen], value[seen]]))[:, 0] if seen.any() else np.array([0.0])
    edges = [np.fmin(low, value)[seen], np.fmax(high, value)[seen]]
    under, over = (place.transform(np.column_stack([when[seen], e]))[:, 1] if seen.any() else x * 0 for e in edges)
    (left, bottom), (right, top) = (sheet.points.inverted().transform(p) for p in axes.bbox.get_points())
    level, wide, tall = place.transform((0, y))[1], width_of(label, TEXT), TEXT * LEADING
    for start in (left + 2, right - wide - 2, (left + right - wide) / 2):
        for lower in (level + 2, level - tall - 2):
            along = np.linspace(start - 4, start + wide + 4, 60)
            free = (np.interp(along, x, under) > lower + tall + 2) | (np.interp(along, x, over) < lower - 2)
            if free.all() and bottom <= lower and lower + tall <= top + 4 and wide < right - left:
                sheet.write(start, lower + tall, [label], color=TARGET)
                return True
    return False


def draw_bars(words, labels, values, fills, texts, notes, data=None, interval_label="") -> Sheet:
    """Bars from 0 with a label at the end of each: the value in bold, then a note in grey."""
    nothing = np.full(len(values), np.nan)
    low, high = (floats(data[c]) if data is not None and c in data else nothing for c in ("low", "high"))
    interval = np.isfinite(low) & np.isfinite(high) & np.isfinite(values)
    key = [("line", {"color": INK, "linewidth": 1.4}, interval_label or say("95% interval"))] if interval.any() else []
    rows = Rows([str(label) for label in labels], least=26)
    sheet = Sheet(words, rows.height, key)
    axes = sheet.row_axes(rows)
    wide = [6 + width_of(t, TEXT, True) + (7 + width_of(n, TEXT) if n else 0) for t, n in zip(texts, notes, strict=True)]
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
        sheet.write(left + width_of(text, TEXT, True) + 7, top, [note] if note else [], color=GREY)
    return sheet


def draw_strips(words, periods, counts, write, value_format) -> Sheet:
    monthly = all(p.day == 1 for p in periods)
    steps = [p.year * 12 + p.month if monthly else p.toordinal() for p in periods]
    unit = min((b - a for a, b in zip(steps, steps[1:], strict=False) if b > a), default=1) if not monthly else 1
    slots = np.array([(step - steps[0]) / unit for step in steps])
    plot, foot = 190, 36
    sheet = Sheet(words, plot + foot)
    finite = counts[np.isfinite(counts)]
    ticks, texts, left = sheet.value_axis(0, max(finite.max(), 0) * 1.02 or 1 if finite.size else 1, value_format)
    tops = [write(n) if np.isfinite(n) else "" for n in counts]
    labelled = max(width_of(t, TEXT, True) for t in tops) + 4 <= (WIDTH - 2 * EDGE) / (slots[-1] + 1)
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
    chosen = readable(periods, wide / days_shown)
    sheet.date_labels(axes, np.array([slots[periods.index(d)] for d in chosen]), chosen)
    return sheet


def draw_histogram(sheet, axes, counts, edges, unit, left, wide, span=None) -> None:
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_xlim(edges[0], edges[-1] if edges[-1] > edges[0] else edges[0] + 1)
    axes.set_ylim(0, max(counts.max(initial=0), 1) * 1.04)
    axes.stairs(counts, edges, fill=True, color=NEUTRAL)
    span = floats(span or (edges[0], edges[-1]))
    write = writer("share", span, 0) if unit == "%" else writer("number", span, None)
    ends = [write(end) if end or unit == "%" else number(0) for end in span]
    top = sheet.height * axes.get_position().y0 - 2
    sheet.write(left, top, ends[:1], color=GREY)
    sheet.write(left + wide, top, ends[1:], color=GREY, ha="right")
    if unit and unit != "%":
        sheet.write(left + wide, top - TEXT * LEADING + 1, wrap(unit, wide, TEXT)[:1], color=GREY, ha="right")


def draw_grid(
    words: Words, rows: Rows, columns: list[str], values: np.ndarray, texts: np.ndarray, key: list[tuple], *, signed: bool = False
) -> Sheet:
    """A grid of values 0–1, or −1 to 1 when signed; the heads of the columns stand upright when they are too long to lie."""
    cell = min((WIDTH - EDGE - rows.left) / len(columns), 90)
    heads = [wrap(label, cell - 4, TEXT) for label in columns]
    upright = any(line.endswith("-") for lines in heads for line in lines)
    for longest in (150, 220, 300, np.inf) if upright else ():  # the lines of one head side by side, over one cell
        heads = [wrap(label, longest, TEXT) for label in columns]
        if max(map(len, heads)) * TEXT * LEADING <= cell:
            break
    tall = max(max(width_of(x, TEXT) for x in lines) if upright else len(lines) * TEXT * LEADING for lines in heads) + 8
    sheet = Sheet(words, rows.height + tall, key)
    sheet.top -= tall
    axes = sheet.row_axes(rows)
    left, bottom, _, height = axes.get_position().bounds
    axes.set_position((left, bottom, cell * len(columns) / WIDTH, height))
    widest = max(width_of(text, TEXT) for text in texts.flat)
    size = min(TEXT, TEXT * (cell - 4) / widest if widest else TEXT)
    texts = texts if size >= 8 else np.full_like(texts, "")
    shown, colours = np.ones_like(values, dtype=bool), DIVERGING if signed else SEQUENTIAL
    _colour_cells(axes, values, texts, shown, colours, least=-1 if signed else 0, size=size)
    for j, lines in enumerate(heads):
        x = rows.left + (j + 0.5) * cell
        for n, line in enumerate(lines if upright else []):
            aside = x + (n - (len(lines) - 1) / 2) * TEXT * LEADING
            sheet.figure.text(aside, sheet.top + 5, line, transform=sheet.points, rotation=90, ha="center", va="bottom")
        sheet.write(x, sheet.top + 5 + len(lines) * TEXT * LEADING, [] if upright else lines, ha="center")
    return sheet


def draw_triangle(words: Words, labels: list[str], values: np.ndarray, texts: np.ndarray, shown: np.ndarray, key: list[tuple]) -> Sheet:
    """A lower triangle of values −1 to 1, its labels on the diagonal, where each ends its row and heads its column."""
    inside = WIDTH - 2 * EDGE - 5
    for longest in (400, 320, 240, 180):  # longer labels are wrapped until the cells are wide enough
        lines = [wrap(label, longest, TEXT) for label in labels]
        wide = [max((width_of(line, TEXT) for line in rows), default=0) for rows in lines]
        cell = min(34, *((inside - w) / i for i, w in enumerate(wide) if i))
        if cell >= 13:
            break
    tall = max(20, max(map(len, lines)) * TEXT * LEADING + 5)
    sheet = Sheet(words, len(labels) * tall, key)
    axes = sheet.axes(EDGE, sheet.bottom, cell * (len(labels) - 1), len(labels) * tall)
    _colour_cells(axes, values, texts, shown, DIVERGING, least=-1, size=min(TEXT, cell * 0.7))
    for i, rows in enumerate(lines):
        middle = sheet.top - (i + 0.5) * tall
        sheet.write(EDGE + i * cell + (5 if i else 0), middle + len(rows) * TEXT * LEADING / 2, rows)
    return sheet


def _colour_cells(axes, values: np.ndarray, texts: np.ndarray, shown: np.ndarray, colours, *, least: float, size: float) -> None:
    """Seaborn's heat map from `least` to 1, texts in black or white as can be read, hatched where nothing is known."""
    import seaborn

    seaborn.heatmap(
        values, mask=~shown, annot=texts, fmt="", cmap=colours, vmin=least, vmax=1, cbar=False, ax=axes,
        linewidths=1.5, linecolor="white", xticklabels=False, yticklabels=False, annot_kws={"size": size},
    )  # fmt: skip
    for text in axes.texts:
        j, i = (int(place) for place in text.get_position())
        fill = to_hex(colours((values[i, j] - least) / (1 - least)))
        text.set_color(max(INK, "white", key=lambda ink, fill=fill: contrast(ink, fill)))
    for i, j in zip(*np.nonzero(shown & np.isnan(values)), strict=True):
        axes.add_patch(Rectangle((j + 0.06, i + 0.06), 0.88, 0.88, **UNKNOWN))
