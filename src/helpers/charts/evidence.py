"""Drawings of how surely segments come back: stability beside data without structure, gorges, and where segments come from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from helpers.charts.paper import Sheet, Words, check
from helpers.charts.scales import floats
from helpers.charts.style import (
    ACCENT,
    BAND,
    EDGE,
    GREY,
    GRID,
    INK,
    LEADING,
    NEUTRAL,
    PALE,
    SECOND,
    SEQUENTIAL,
    TEXT,
    WIDTH,
    contrast,
    width_of,
    wrap,
)
from helpers.words import number, say

if TYPE_CHECKING:
    import pandas as pd

CLOUD = {"facecolor": "#F8D9C2", "edgecolor": SECOND, "linewidth": 1}
UNRELATED = {"facecolor": "white", "edgecolor": NEUTRAL, "linewidth": 1, "hatch": "////"}


def against_nulls(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw agreement from 0 to 1 against the number of segments, beside what data without segments reach.

    frame   k, value, low, high (median and quartiles of the published way of cutting); where known same (these data measured as the
            comparison is), cloud_low, cloud_high, unrelated_low, unrelated_high (what nine tenths of the comparisons lie between)
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "k", "value", "low", "high")
    data = frame.sort_values("k", kind="stable").reset_index(drop=True)
    part = {c: floats(data[c]) if c in data else np.full(len(data), np.nan) for c in (*COLUMNS, "value", "low", "high")}
    nulls = [n for n in NULLS if np.isfinite(part[f"{n}_low"]).any()]
    plot, foot = 200, 40
    sheet = Sheet(words, plot + foot, _key_of_nulls(part, nulls))
    ticks, texts, left = sheet.value_axis(0, 1, lambda x: number(x, 2) if 0 < x < 1 else number(x))
    axes = sheet.axes(left, sheet.bottom + foot, min(WIDTH - EDGE - left, 110 * len(data)), plot)
    lowest = np.nanmin([0, *(values.min() for values in map(_finite, part.values()) if values.size)])
    axes.set_ylim(min(0, lowest), 1.04)
    axes.set_yticks(ticks[(ticks >= 0) & (ticks <= 1)], [t for t, x in zip(texts, ticks, strict=True) if 0 <= x <= 1])
    axes.grid(axis="y", color=GRID)
    places, own = np.arange(len(data)), -0.3 if nulls else 0.0
    axes.set_xlim(-0.55, len(data) - 0.45)
    axes.vlines(places + own, part["low"], part["high"], color=PALE, linewidth=5)
    axes.plot(places + own, part["value"], "o", color=ACCENT, markersize=7)
    for i, null in enumerate(nulls):
        low, high, at = part[f"{null}_low"], part[f"{null}_high"], places + (0.1, 0.32)[i]
        for x, a, b in zip(at, low, high, strict=True):
            if np.isfinite(a) and np.isfinite(b):
                axes.add_patch(Rectangle((x - 0.09, a), 0.18, max(b - a, 0.004), **NULLS[null][0]))
    axes.hlines(part["same"], places - 0.02, places + 0.44, color=INK, linewidth=2)
    above = {"textcoords": "offset points", "ha": "center", "color": ACCENT, "weight": "bold", "annotation_clip": False}
    for x, y, top in zip(places + own, part["value"], part["high"], strict=True):
        if np.isfinite(y):
            axes.annotate(number(y, 2), (x, np.fmax(y, top)), (0, 5), **above)
    _heads_below(sheet, axes, places, [number(k) for k in data["k"]], say("number of segments"))
    sheet.keep()


NULLS = {
    "cloud": (CLOUD, lambda: say("one cloud without segments")),
    "unrelated": (UNRELATED, lambda: say("variables that have nothing to do with each other")),
}
COLUMNS = ("same", "cloud_low", "cloud_high", "unrelated_low", "unrelated_high")


def gorges(panels: Mapping[str, tuple], *, title: str, subtitle: str, alt: str, source: str, name: str, columns: int = 3) -> None:
    """Draw for each segment how similar its own customers, and everybody else, are to its centre.

    panels   label → (counts of its own customers, counts of the others, edges from 0 to 1)
    """
    words = Words(title, subtitle, alt, source, name)
    check((), words)
    gap, plot, foot, columns = 18, 60, 24, min(columns, len(panels))
    wide = (WIDTH - 2 * EDGE - (columns - 1) * gap) / columns
    labels = [wrap(label, wide, TEXT) for label in panels]
    bands = [max(map(len, labels[i : i + columns])) * TEXT * LEADING + 3 for i in range(0, len(labels), columns)]
    mine, others = {"facecolor": ACCENT, "linewidth": 0}, {"facecolor": BAND, "linewidth": 0}
    key = [("box", mine, say("customers of the segment")), ("box", others, say("all others"))]
    sheet = Sheet(words, sum(bands) + len(bands) * (plot + foot), key)
    for i, (own, rest, edges) in enumerate(panels.values()):
        row, left = i // columns, EDGE + i % columns * (wide + gap)
        top = sheet.top - sum(bands[:row]) - row * (plot + foot)
        sheet.write(left, top - bands[row] + len(labels[i]) * TEXT * LEADING, labels[i])
        axes = sheet.axes(left, top - bands[row] - plot, wide, plot)
        own, rest = floats(own), floats(rest)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max((own + rest).max(initial=0), 1) * 1.04)
        axes.stairs(own + rest, edges, fill=True, color=BAND)
        axes.stairs(own, edges, fill=True, color=ACCENT)
        low = sheet.height * axes.get_position().y0 - 2
        sheet.write(left, low, [number(0)], color=GREY)
        sheet.write(left + wide, low, [number(1)], color=GREY, ha="right")
    sheet.keep()


def ribbons(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw where the segments at each number of segments come from, as ribbons from those at the number before.

    frame   k, before (label at the number before), segment (label at k), share (of all customers), stability (0–1, of the segment)
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "k", "before", "segment", "share", "stability")
    ks = sorted(set(frame["k"]))
    plot, foot, box = 260, 40, 38
    key = [("ramp", SEQUENTIAL, (say("comes from all alike"), say("from one segment")))]
    sheet = Sheet(words, plot + foot, key)
    axes = sheet.axes(EDGE, sheet.bottom + foot, WIDTH - 2 * EDGE, plot)
    axes.set_xlim(0, WIDTH - 2 * EDGE)
    axes.set_ylim(plot, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    lefts = np.linspace(0, WIDTH - 2 * EDGE - box, len(ks) + 1)
    first = frame[frame["k"] == ks[0]].groupby("before")["share"].sum()
    places = _stacked(first, list(first.index), plot)
    _boxes(axes, lefts[0], box, places, {})
    for left, before, k in zip(lefts[1:], lefts, ks, strict=False):
        flows = frame[frame["k"] == k]
        sizes = flows.groupby("segment")["share"].sum()
        middle = {s: np.average([np.mean(places[b]) for b in f["before"]], weights=f["share"]) for s, f in flows.groupby("segment")}
        now = _stacked(sizes, sorted(sizes.index, key=lambda s, middle=middle: (middle[s], str(s))), plot)
        _bands(axes, before + box, left, flows, places, now)
        _boxes(axes, left, box, now, flows.groupby("segment")["stability"].first().to_dict())
        places = now
    heads = [number(len(first)), *(number(frame.loc[frame["k"] == k, "segment"].nunique()) for k in ks)]
    _heads_below(sheet, axes, lefts + box / 2, heads, say("number of segments"))
    sheet.keep()


def _heads_below(sheet: Sheet, axes, places, heads: list[str], what: str) -> None:
    """Numbers under their places, and beneath them what they count."""
    axes.set_xticks([])
    base = axes.get_position().y0 * sheet.height - 4
    for place, head in zip(places, heads, strict=True):
        sheet.write(sheet.inside(axes, place, head), base, [head], color=GREY, ha="center")
    left, right = (axes.get_position().x0 * WIDTH, axes.get_position().x1 * WIDTH)
    middle = min(max((left + right) / 2, EDGE + width_of(what, TEXT) / 2), WIDTH - EDGE - width_of(what, TEXT) / 2)
    sheet.write(middle, base - TEXT * LEADING - 1, [what], color=GREY, ha="center")


def _key_of_nulls(part: dict, nulls: list[str]) -> list[tuple]:
    key = [
        ("dot", {"color": ACCENT}, say("these segments: median")),
        ("line", {"color": PALE, "linewidth": 5}, say("quartile to quartile")),
    ]
    key += (
        [("line", {"color": INK, "linewidth": 2}, say("these data, measured like the comparison"))]
        if np.isfinite(part["same"]).any()
        else []
    )
    return key + [("box", NULLS[null][0], NULLS[null][1]()) for null in nulls]


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _stacked(sizes, order: list, plot: float) -> dict:
    """From and to, in points downwards, for every segment in an order, with gaps between."""
    gap = min(6.0, plot / (4 * max(len(order), 1)))
    scale = (plot - gap * (len(order) - 1)) / max(float(sizes.sum()), 1e-12)
    places, y = {}, 0.0
    for segment in order:
        places[segment] = (y, y + float(sizes[segment]) * scale)
        y = places[segment][1] + gap
    return places


def _boxes(axes, left: float, wide: float, places: dict, stability: dict) -> None:
    for segment, (top, foot) in places.items():
        known = stability.get(segment)
        fill = to_hex(SEQUENTIAL(known)) if known is not None and np.isfinite(known) else NEUTRAL
        axes.add_patch(Rectangle((left, top), wide, foot - top, facecolor=fill, edgecolor="white", linewidth=0.5))
        if known is not None and np.isfinite(known) and foot - top >= TEXT * LEADING:
            ink = max(INK, "white", key=lambda ink, fill=fill: contrast(ink, fill))
            axes.text(left + wide / 2, (top + foot) / 2, number(known, 2), color=ink, ha="center", va="center_baseline")


def _bands(axes, left: float, right: float, flows, before: dict, now: dict) -> None:
    """One ribbon a flow, as thick as its share; they leave and arrive in the order of the boxes."""
    leave, arrive = ({s: top for s, (top, _) in places.items()} for places in (before, now))
    out, into = flows.groupby("before")["share"].sum(), flows.groupby("segment")["share"].sum()
    order = flows.assign(a=flows["before"].map(lambda s: before[s][0]), b=flows["segment"].map(lambda s: now[s][0])).sort_values(["a", "b"])
    middle = (left + right) / 2
    for flow in order.itertuples():
        thick = flow.share / out[flow.before] * np.subtract(*before[flow.before][::-1])
        thick_then = flow.share / into[flow.segment] * np.subtract(*now[flow.segment][::-1])
        y0, y1 = leave[flow.before], arrive[flow.segment]
        leave[flow.before], arrive[flow.segment] = y0 + thick, y1 + thick_then
        points = [(left, y0), (middle, y0), (middle, y1), (right, y1), (right, y1 + thick_then)]
        points += [(middle, y1 + thick_then), (middle, y0 + thick), (left, y0 + thick), (left, y0)]
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        axes.add_patch(PathPatch(Path(points, codes), facecolor=BAND, edgecolor="white", linewidth=0.6))
