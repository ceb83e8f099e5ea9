"""Journeys as pictures: how far everyone comes, and for each segment a line of stages with its pain points beneath."""

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from helpers.charts.paper import Rows, Sheet, Words, check
from helpers.charts.scales import floats
from helpers.charts.style import ACCENT, EDGE, GREY, INK, LEADING, NEUTRAL, PALE, TARGET, TEXT, WIDTH, house_style, width_of, wrap
from helpers.tables import check_slug, finding
from helpers.words import absent, number

if TYPE_CHECKING:
    import pandas as pd

SMALL = 10
"""Size of what stands beneath a line."""
THICK, THIN_LINE = 17.0, 1.5
"""How thick a line is drawn for all members, and for none."""
GAP = 7
"""Between a stage's mark and the lines that lead to it."""
HEAD, TRACK, UNDER, AFTER = 24, 32, 14, 8
"""Heights within one segment's band: its name, its line, a line of text beneath, and the room after it."""


def path(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw how many came to each stage, first to last, as bars, and under each bar what is known of those who go on.

    frame   label, n (missing: not told), note (a text)
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "label", "n", "note")
    if not len(frame):
        return finding(title)
    with house_style():
        _draw_path(frame, words).keep()


def _draw_path(frame: "pd.DataFrame", words: Words) -> Sheet:
    labels = [str(label) for label in frame["label"]]
    left = Rows(labels, least=0).left
    notes = [wrap(str(note), WIDTH - EDGE - left - 4, SMALL) if note else [] for note in frame["note"]]
    rows = Rows(labels, least=30 + max(map(len, notes), default=0) * SMALL * LEADING, uniform=True)
    sheet = Sheet(words, rows.height)
    axes = sheet.axes(rows.left, sheet.bottom, WIDTH - EDGE - rows.left, rows.height)
    counts = floats(frame["n"])
    most = max([n for n in counts if n == n], default=1) or 1
    texts = [number(n) for n in counts]
    room = max(width_of(text, TEXT, True) for text in texts) + 10
    scale = (WIDTH - EDGE - rows.left - room) / most
    axes.set_xlim(0, WIDTH - EDGE - rows.left)
    axes.set_ylim(rows.height, 0)
    axes.set_axis_off()
    for centre, lines, count, text, note in zip(rows.centres, rows.lines, counts, texts, notes, strict=True):
        top = centre - rows.height / len(labels) / 2 + 4
        wide = count * scale if count == count else 0
        axes.barh(top + 8, wide, height=16, color=ACCENT if centre == rows.centres[-1] else PALE)
        above = sheet.top - top
        sheet.write(EDGE, above - 8 + len(lines) * TEXT * LEADING / 2, lines)
        sheet.write(rows.left + wide + 6, above - 8 + TEXT * LEADING / 2, [text], weight="bold")
        sheet.write(rows.left + 4, above - 18, note, size=SMALL, color=GREY)
    axes.axvline(0, color=NEUTRAL, linewidth=1)
    return sheet


def maps(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw a line of stages for each segment; the line is as thick as the share that comes to its end, pain points stand beneath.

    frame   one row a segment and stage, in order: label, about (texts under the first stage), colour, stage (what heads it), share (0–1 of
            those at the stage before; missing: not told), told (the share as it is written), spread (interval, and time taken; texts,
            one a line), pains (texts under the stage), breaks (those of them after which members go on less)
    """
    words = Words(title, subtitle, alt, source, name)
    check_slug("Chart", name)
    if not len(frame):
        return finding(title)
    check(frame, words, "label", "about", "colour", "stage", "share", "told", "spread", "pains", "breaks")
    with house_style():
        _draw_maps(frame, words).keep()


def _draw_maps(frame: "pd.DataFrame", words: Words) -> Sheet:
    bands = [part for _, part in frame.groupby("label", sort=False)]
    deep = [max(len(band.iloc[0]["about"]), _lines(band) + max(map(len, band["pains"]))) for band in bands]
    heights = [HEAD + TRACK + UNDER * lines + AFTER for lines in deep]
    stages = list(bands[0]["stage"])
    step = (WIDTH - 2 * EDGE) / len(stages)
    heads = [wrap(stage, step - 8, TEXT) for stage in stages]
    top = max(map(len, heads)) * TEXT * LEADING + 8
    sheet = Sheet(words, top + sum(heights))
    places = [EDGE + step * (i + 0.5) for i in range(len(stages))]
    for x, lines in zip(places, heads, strict=True):
        sheet.write(x, sheet.top, lines, ha="center", color=GREY)
    y = sheet.top - top
    for band, height in zip(bands, heights, strict=True):
        _draw_band(sheet, band, places, y)
        y -= height
    return sheet


def _draw_band(sheet: Sheet, band: "pd.DataFrame", places: list[float], top: float) -> None:
    first = band.iloc[0]
    sheet._add(Line2D([EDGE, WIDTH - EDGE], [top + 4, top + 4], color="#DDDDDD", linewidth=1))
    sheet.write(EDGE, top, [first["label"]], weight="bold", color=first["colour"])
    middle, before, wide = top - HEAD - TRACK / 2, places[0], THICK
    for i, (row, x) in enumerate(zip(band.itertuples(), places, strict=True)):
        if i:
            wide = _draw_link(sheet, row, before, x, middle, wide)
        sheet._add(Line2D([x], [middle], marker="o", markersize=9, color=row.colour, linewidth=0, markeredgecolor="white"))
        for n, text in enumerate(row.about if i == 0 else []):
            sheet.write(EDGE, middle - TRACK / 2 + 5 - n * UNDER, [text], size=SMALL, color=GREY)
        under = middle - TRACK / 2 + 4 - UNDER * _lines(band)
        if row.pains:
            sheet._add(Line2D([x, x], [middle - 7, under - 2], color=TARGET, linewidth=0.8))
        for n, pain in enumerate(row.pains):
            _beneath(sheet, x, under - n * UNDER, pain, color=TARGET, weight="bold" if pain in row.breaks else "normal")
        before = x


def _lines(band: "pd.DataFrame") -> int:
    """Lines of text beneath the line of stages, pain points and those under the first stage apart."""
    return max(map(len, band["spread"]))


def _beneath(sheet: Sheet, x: float, top: float, text: str, **style) -> None:
    """A small text centred at x, moved as far as it takes to stay on the sheet."""
    half = width_of(text, SMALL, style.get("weight") == "bold") / 2
    sheet.write(min(max(x, EDGE + half), WIDTH - EDGE - half), top, [text], size=SMALL, ha="center", **style)


def _draw_link(sheet: Sheet, row, before: float, x: float, middle: float, wide: float) -> float:
    """The line from one stage to the next, as thick as the share of all that is left; hands back how thick it ends."""
    start, end, centre = before + GAP, x - GAP, (before + x) / 2
    known = not absent(row.share)
    after = max(wide * row.share, THIN_LINE) if known else THIN_LINE
    if known:
        corners = [(start, middle + wide / 2), (end, middle + after / 2), (end, middle - after / 2), (start, middle - wide / 2)]
        sheet._add(Polygon(corners, closed=True, facecolor=row.colour, alpha=0.35, linewidth=0))
    else:
        sheet._add(Line2D([start, end], [middle, middle], color=NEUTRAL, linewidth=1.2, linestyle=(0, (3, 3))))
    sheet.write(centre, middle + TRACK / 2 + TEXT * LEADING / 2 + 1, [row.told], ha="center", weight="bold", color=INK)
    for n, text in enumerate(row.spread):
        sheet.write(centre, middle - TRACK / 2 + 5 - n * UNDER, [text], size=SMALL, ha="center", color=GREY)
    return after if known else wide
