"""Charts as a board sees them: the title is the claim, the subtitle says what is measured, the source stands beneath.

Every drawing function takes a tidy frame and the words around it, keeps the PNG through the step in progress and shows
it with its alternative text. `paper` lays out the words, `scales` writes numbers and dates, `drawings` fills the plots.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import is_color_like, to_hex
from matplotlib.patches import Rectangle

from helpers import NinefoldError
from helpers.charts import evidence
from helpers.charts.attrition import calibration, returns  # noqa: F401
from helpers.charts.curves import curves  # noqa: F401
from helpers.charts.drawings import Trend, draw_bars, draw_grid, draw_histogram, draw_lines, draw_strips, draw_triangle
from helpers.charts.flows import flows  # noqa: F401
from helpers.charts.paper import Rows, Sheet, Words, drawing
from helpers.charts.paper import check as _check
from helpers.charts.scales import ValueFormat, day_numbers, floats, writer
from helpers.charts.separation import separation  # noqa: F401
from helpers.charts.standing import standing  # noqa: F401
from helpers.charts.style import (
    ACCENT,
    CONTRAST,
    DIVERGING,
    EDGE,
    FIVE,
    GRID,
    LEADING,
    NEUTRAL,
    PALE,
    PARTS,
    SEQUENTIAL,
    SIX,
    TEXT,
    UNKNOWN,
    WIDTH,
    contrast,
    wrap,
)
from helpers.charts.tree import dendrogram
from helpers.tables import check_slug, min_cell, written
from helpers.words import THIN, as_date, number, say, say_n, signed

if TYPE_CHECKING:
    import pandas as pd

FEW = 30
"""Groups of fewer customers are drawn in grey."""


@drawing
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
    trend = Trend(day_numbers(data["when"]), *(floats(data[column]) for column in ("value", "low", "high")))
    write = writer(value_format, trend.value, digits)
    label = "" if target is None else target_label or say("target {value}", value=write(target))
    for label_in_key in (False, True):  # in the key when no place beside the line is free
        sheet = draw_lines(words, trend, write, value_format, target, label, label_in_key)
        if sheet is not None:
            return sheet.keep()


@drawing
def funnel(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw what is left after each filter, first to last, as bars labelled with number, share and what was lost.

    frame   label, n, share (0–1 of the first)
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "label", "n", "share")
    counts = floats(frame["n"])
    lost = np.diff(counts, prepend=counts[0])
    notes = [
        written(part, "share", 1) + (f"  ({number(loss)})" if loss < 0 else "") for part, loss in zip(frame["share"], lost, strict=True)
    ]
    fills = [PALE] * (len(frame) - 1) + [ACCENT]
    draw_bars(words, list(frame["label"]), counts, fills, [number(n) for n in counts], notes).keep()


@drawing
def windows(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, as_of: object = None) -> None:
    """Draw periods on a time line, one row a window.

    frame   label (the row), part ("history", "built on" or "judged on"), start, end (first day not counted)
    as_of   a day to mark with a line, or None
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "label", "part", "start", "end")
    unknown = sorted(set(frame["part"]) - set(PARTS))
    if unknown:
        raise NinefoldError(f"Chart {name}, column part: {unknown[0]!r} is not one of {', '.join(PARTS)}.")
    rows = Rows(list(dict.fromkeys(frame["label"])), least=34)
    key = [("box", style, say(part)) for part, style in PARTS.items() if part in set(frame["part"])]
    foot = 38 if as_of is None else 54
    sheet = Sheet(words, rows.height + foot, key)
    axes = sheet.row_axes(rows, foot)
    starts, ends = day_numbers(frame["start"]), day_numbers(frame["end"])
    for label, part, start, end in zip(frame["label"], frame["part"], starts, ends, strict=True):
        axes.add_patch(Rectangle((start, rows.centre(label) - 9), end - start, 18, **PARTS[part]))
    room = 0.02 * (ends.max() - starts.min()) or 1
    axes.set_xlim(starts.min() - room, ends.max() + room)
    sheet.date_axis(axes)
    axes.grid(axis="x", color=GRID)
    if as_of is not None:
        sheet.marked_day(axes, as_of)
    sheet.keep()


@drawing
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
    write = writer(value_format, values, digits)
    texts = np.array([[write(x) if np.isfinite(x) else "" for x in row] for row in values], dtype=object)
    rows = Rows([str(label) for label in frame.index], least=26, uniform=True)
    key = [("ramp", SEQUENTIAL, (write(0), write(1)))]
    key += [("box", UNKNOWN, say("cannot tell"))] if np.isnan(values).any() else []
    draw_grid(words, rows, [str(label) for label in frame.columns], values, texts, key).keep()


@drawing
def profiles(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, most: float = 1.5) -> None:
    """Draw how far each segment is from everyone, in standard deviations: a row a variable, a column a segment.

    frame   wide: its index holds the labels of the variables, its columns those of the segments
    most    the distance at which the colours end; the numbers go on
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words)
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    texts = np.array([[signed(float(x), 1) if np.isfinite(x) else "" for x in row] for row in values], dtype=object)
    rows = Rows([str(label) for label in frame.index], least=24, uniform=True)
    key = [("ramp", DIVERGING, (number(-most, 1), f"+{number(most, 1)}"))]
    key += [("box", UNKNOWN, say("cannot tell"))] if np.isnan(values).any() else []
    draw_grid(words, rows, [str(label) for label in frame.columns], np.clip(values / most, -1, 1), texts, key, signed=True).keep()


@drawing
def correlation(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, threshold: float = 0.7) -> None:
    """Draw correlations −1 to 1 as a lower triangle; a dot marks those at least as strong as the threshold.

    frame   square, the same labels in index and columns; a label on the diagonal ends its row and heads its column
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words)
    if list(frame.index) != list(frame.columns) or len(frame) < 2:
        raise NinefoldError(f"Chart {name}: give two variables or more, the same in index and columns, in one order.")
    values = frame.to_numpy(dtype=float, na_value=np.nan)[:, :-1]
    shown = np.tril(np.ones_like(values, dtype=bool), -1)
    texts = np.where(shown & (np.abs(values) >= threshold), "●", "").astype(object)
    key = [("ramp", DIVERGING, (number(-1), f"+{number(1)}"))]
    key += [("dot", {}, say("{value} or stronger", value=f"±{number(threshold, 1)}"))] if (texts == "●").any() else []
    key += [("box", UNKNOWN, say("cannot tell"))] if np.isnan(values[shown]).any() else []
    draw_triangle(words, [str(label) for label in frame.index], values, texts, shown, key).keep()


@drawing
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

    histograms   label → (counts, edges), (counts, edges, unit) or (counts, edges, unit, (low, high)): the ends written beneath,
                 where they are not the edges; unit "%" means values 0–1, written as percentages
    """
    words = Words(title, subtitle, alt, source, name)
    check_slug("Chart", name)
    gap, plot, foot, columns = 18, 50, 38, min(columns, len(histograms))
    wide = (WIDTH - 2 * EDGE - (columns - 1) * gap) / columns
    labels = [wrap(label, wide, TEXT) for label in histograms]
    bands = [max(map(len, labels[i : i + columns])) * TEXT * LEADING + 3 for i in range(0, len(labels), columns)]
    sheet = Sheet(words, sum(bands) + len(bands) * (plot + foot))
    for i, (counts, edges, *more) in enumerate(histograms.values()):
        row, left = i // columns, EDGE + i % columns * (wide + gap)
        top = sheet.top - sum(bands[:row]) - row * (plot + foot)
        sheet.write(left, top - bands[row] + len(labels[i]) * TEXT * LEADING, labels[i])
        axes = sheet.axes(left, top - bands[row] - plot, wide, plot)
        draw_histogram(sheet, axes, floats(counts), floats(edges), more[0] if more else "", left, wide, *more[1:])
    sheet.keep()


@drawing
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
    interval_label: str = "",
) -> None:
    """Draw horizontal bars from 0, largest first, each labelled, with intervals where the frame holds them.

    frame       label, value; where known low and high (interval), and n (customers): a group of fewer than 30 is grey,
                of fewer than min_cell left out and mentioned
    highlight   labels in the accent colour, all others grey; or palette, a colour for each label
    interval_label   what the whiskers are, when they are not a 95 % interval
    """
    words = Words(title, subtitle, alt, source, name)
    _check(frame, words, "label", "value")
    data = frame.sort_values("value", ascending=False, kind="stable", na_position="last") if sort else frame
    if "n" in data:
        data, words = _without_small_groups(data, words)
    sizes = floats(data["n"]) if "n" in data else np.full(len(data), np.inf)
    labels, value = list(data["label"]), floats(data["value"])
    usual = dict.fromkeys(labels, PALE if "low" in data else ACCENT)  # an interval is not seen on the dark blue
    chosen = palette or (dict.fromkeys(highlight, ACCENT) if highlight else usual)
    fills = [NEUTRAL if n < FEW else chosen.get(label, NEUTRAL) for label, n in zip(labels, sizes, strict=True)]
    write = writer(value_format, value, digits)
    texts = [write(x) if np.isfinite(x) else say("cannot tell") for x in value]
    notes = [f"(n{THIN}={THIN}{number(n)})" if n < FEW else "" for n in sizes]
    if interval_label:  # what stands at the end of a whisker must not be read as the whisker's own value
        halves = (floats(data["high"]) - floats(data["low"])) / 2
        told = [f"±{THIN}{write(half).lstrip('+')}{THIN}" if np.isfinite(half) else "" for half in halves]
        notes = [f"{half}{note}".rstrip(THIN) for half, note in zip(told, notes, strict=True)]
    draw_bars(words, labels, value, fills, texts, notes, data, interval_label).keep()


@drawing
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
    periods, counts = [as_date(moment) for moment in data["when"]], floats(data["n"])
    draw_strips(words, periods, counts, writer(value_format, counts, None), value_format).keep()


stability_against_nulls = drawing(evidence.against_nulls)
gorges = drawing(evidence.gorges)
ribbons = drawing(evidence.ribbons)
tree = drawing(dendrogram)


def colours(names: Sequence[str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give every segment its colour, one for the whole project, in the order of the names; project.yml may choose some.

    Readers tell at most six colours apart: from the seventh segment on all are grey, unless project.yml chooses.
    Raises NinefoldError for a chosen colour that is none or too faint on white.
    """
    names, chosen = list(dict.fromkeys(names)), dict(chosen or {})
    for segment, colour in chosen.items():
        if not is_color_like(colour) or contrast(colour) < CONTRAST:
            raise NinefoldError(
                f"project.yml, colour of segment {segment!r}: {colour!r} is no colour that can be read on white "
                f"(contrast of 3:1). Choose a darker one, such as {ACCENT}."
            )
    taken = {segment: to_hex(chosen[segment]).upper() for segment in names if segment in chosen}
    free = [c for c in (FIVE if len(names) <= len(FIVE) else SIX) if c not in taken.values()]
    return {segment: taken[segment] if segment in taken else free.pop(0) if free else NEUTRAL for segment in names}


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
