"""Who went where between two dates: a box a segment on either side, and ribbons as thick as the customers who went along them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from helpers.charts.paper import Sheet, Words, check, drawing
from helpers.charts.style import BAND, EDGE, GREY, LEADING, NEUTRAL, TEXT, WIDTH, wrap

if TYPE_CHECKING:
    import pandas as pd

NAME, BOX, APART, LEAST = 118, 12, 8, 260
"""Widest name, width of a box, gap between boxes, least height of the plot."""
LINE = TEXT * LEADING


@drawing
def flows(
    frame: "pd.DataFrame",
    *,
    title: str,
    subtitle: str,
    alt: str,
    source: str,
    name: str,
    heads: tuple[str, str],
    sizes: tuple[Mapping[str, str], Mapping[str, str]],
    palette: Mapping[str, str] | None = None,
) -> None:
    """Draw where the members of each segment are later. Those who stayed are in the segment's colour, the others pale.

    frame    before, now (labels), n (customers; only those that may be shown), in the order in which the boxes stand
    heads    what stands over either side, such as its date;  sizes: label → what is written under its name, for either side
    palette  label → colour
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "before", "now", "n")
    order = list(dict.fromkeys([*frame["before"], *frame["now"]]))
    texts = [{one: [*wrap(one, NAME, TEXT), *([side[one]] if side.get(one) else [])] for one in order} for side in sizes]
    plot = max(LEAST, *(sum(len(lines) * LINE + 4 for lines in side.values()) for side in texts))
    sheet = Sheet(words, plot + LINE + 8)
    left, wide = EDGE + NAME + 8, WIDTH - 2 * (EDGE + NAME + 8)
    axes = sheet.axes(left, sheet.bottom, wide, plot)
    axes.set_xlim(0, wide)
    axes.set_ylim(plot, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    then, now = (_stacked(frame.groupby(side)["n"].sum(), order, plot) for side in ("before", "now"))
    _ribbons(axes, wide, frame, then, now, palette or {})
    for at, places in ((0, then), (wide - BOX, now)):
        for one, (top, foot) in places.items():
            axes.add_patch(Rectangle((at, top), BOX, foot - top, facecolor=(palette or {}).get(one, NEUTRAL), linewidth=0))
    up = sheet.bottom + plot
    for at, align, places, side, head in (
        (left - 6, "right", then, texts[0], heads[0]),
        (left + wide + 6, "left", now, texts[1], heads[1]),
    ):
        for one, top in _beside(places, side, plot).items():
            sheet.write(at, up - top, side[one], ha=align)
        sheet.write(at, up + LINE + 4, [head], ha=align, color=GREY)
    sheet.keep()


def _stacked(sizes, order: list[str], plot: float) -> dict[str, tuple[float, float]]:
    """From and to of every box, in points downwards."""
    there = [one for one in order if one in sizes.index]
    scale = (plot - APART * (len(there) - 1)) / max(float(sizes.sum()), 1.0)
    places, y = {}, 0.0
    for one in there:
        places[one] = (y, y + float(sizes[one]) * scale)
        y = places[one][1] + APART
    return places


def _beside(places: dict, texts: dict[str, list[str]], plot: float) -> dict[str, float]:
    """The top of each name: beside the middle of its box, moved where it would cover another."""
    tops, free = {}, 0.0
    for one, (top, foot) in places.items():
        tops[one] = max((top + foot) / 2 - len(texts[one]) * LINE / 2, free)
        free = tops[one] + len(texts[one]) * LINE + 2
    under = plot + 6
    for one in reversed(list(tops)):
        tops[one] = min(tops[one], under - len(texts[one]) * LINE)
        under = tops[one] - 2
    return tops


def _ribbons(axes, wide: float, frame: "pd.DataFrame", then: dict, now: dict, palette: Mapping[str, str]) -> None:
    """One ribbon a flow; they leave and arrive in the order of the boxes. Those who stayed lie on top."""
    leave, arrive = ({one: top for one, (top, _) in places.items()} for places in (then, now))
    out, into = frame.groupby("before")["n"].sum(), frame.groupby("now")["n"].sum()
    places = {one: n for n, one in enumerate(then)} | {one: n + len(then) for n, one in enumerate(now) if one not in then}
    order = frame.assign(a=frame["before"].map(places), b=frame["now"].map(places)).sort_values(["a", "b"], kind="stable")
    middle, right = wide / 2, wide - BOX
    for flow in order.itertuples():
        thick = flow.n / out[flow.before] * (then[flow.before][1] - then[flow.before][0])
        later = flow.n / into[flow.now] * (now[flow.now][1] - now[flow.now][0])
        y0, y1 = leave[flow.before], arrive[flow.now]
        leave[flow.before], arrive[flow.now] = y0 + thick, y1 + later
        points = [(BOX, y0), (middle, y0), (middle, y1), (right, y1), (right, y1 + later)]
        points += [(middle, y1 + later), (middle, y0 + thick), (BOX, y0 + thick), (BOX, y0)]
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        stayed = flow.before == flow.now
        look = {"facecolor": palette.get(flow.now, NEUTRAL), "alpha": 0.55, "zorder": 2} if stayed else {"facecolor": BAND, "alpha": 0.8}
        axes.add_patch(PathPatch(Path(points, codes), edgecolor="white", linewidth=0.5, **look))
