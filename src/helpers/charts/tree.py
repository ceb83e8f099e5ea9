"""The top of a classification tree: every merge as high as the differences that its cut gains, and the cut itself as a line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers.charts.paper import Sheet, Words, check
from helpers.charts.style import ACCENT, EDGE, GREY, GRID, INK, LEADING, NEUTRAL, SECOND, TEXT, WIDTH, width_of
from helpers.tables import min_cell
from helpers.words import NONE, number, say

if TYPE_CHECKING:
    import pandas as pd

PLOT = 230
CUT = {"color": SECOND, "linewidth": 1.4, "linestyle": (0, (4, 2))}


def dendrogram(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str, k: int) -> None:
    """Draw a tree from its root at the top to its branches, cut into k classes; beneath, how many customers hang on each branch.

    frame   node, left, right, gain (0–1, its height), rows_left, rows_right; merges from the highest down, the first is the root.
            A node that is nobody's `node` is a branch. Fewer than min_cell customers are not written
    k       classes; the dashed line lies between the merge that makes k classes and the one that would make k + 1
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "node", "left", "right", "gain", "rows_left", "rows_right")
    merges = {int(row.node): row for row in frame.itertuples()}
    order = branches(merges, int(frame["node"].iloc[0]))
    sizes = {int(getattr(row, side)): int(getattr(row, f"rows_{side}")) for row in merges.values() for side in ("left", "right")}
    foot = 2 * TEXT * LEADING + 8
    height = cut_at(frame["gain"], k)
    sheet = Sheet(words, PLOT + foot, [("line", CUT, say("cut into {k}", k=number(k)))] if height is not None else [])
    ticks, texts, left = sheet.value_axis(0, float(frame["gain"].max()), "share")
    axes = sheet.axes(left, sheet.bottom + foot, WIDTH - EDGE - left, PLOT)
    top = float(frame["gain"].max()) * 1.06
    shown = [i for i, tick in enumerate(ticks) if 0 <= tick <= top]
    axes.set_ylim(0, top)
    axes.set_xlim(-0.5, len(order) - 0.5)
    axes.set_yticks(ticks[shown], [texts[i] for i in shown])
    axes.grid(axis="y", color=GRID)
    axes.set_xticks([])
    _draw_merges(axes, merges, order, height)
    if height is not None:
        axes.axhline(height, **CUT)
    _write_sizes(sheet, axes, order, sizes)
    sheet.keep()


def branches(merges: dict, node: int) -> list[int]:
    """The branches below a node from left to right."""
    if node not in merges:
        return [node]
    return branches(merges, int(merges[node].left)) + branches(merges, int(merges[node].right))


def cut_at(gains: Sequence[float], k: int) -> float | None:
    """Half-way between the gain of the cut into k classes and that of the next; None where the tree does not say."""
    gains = list(gains)
    return (gains[k - 2] + gains[k - 1]) / 2 if 2 <= k <= len(gains) else None


def withheld(sizes: dict[int, int], leaves: Sequence[int]) -> set[int]:
    """Branches of too few customers, and where that is a single one the smallest other: their sum would tell it."""
    small = [leaf for leaf in sorted(leaves, key=lambda leaf: sizes[leaf]) if sizes[leaf] < min_cell()]
    return set(sorted(leaves, key=lambda leaf: sizes[leaf])[:2] if len(small) == 1 else small)


def _draw_merges(axes, merges: dict, order: list[int], height: float | None) -> None:
    """An arch for each merge, dark above the cut and grey below."""
    places = {leaf: (float(x), 0.0) for x, leaf in enumerate(order)}
    for node in sorted(merges, key=lambda n: merges[n].gain):
        row = merges[node]
        (x1, y1), (x2, y2) = places[int(row.left)], places[int(row.right)]
        colour = ACCENT if height is None or row.gain > height else NEUTRAL
        axes.plot([x1, x1, x2, x2], [y1, row.gain, row.gain, y2], color=colour, linewidth=2 if colour == ACCENT else 1.2)
        places[node] = ((x1 + x2) / 2, float(row.gain))


def _write_sizes(sheet: Sheet, axes, order: list[int], sizes: dict[int, int]) -> None:
    base, hidden = axes.get_position().y0 * sheet.height - 4, withheld(sizes, order)
    for place, leaf in enumerate(order):
        text = NONE if leaf in hidden else number(sizes[leaf])
        sheet.write(sheet.inside(axes, place, text), base, [text], color=INK, ha="center")
    what = say("customers below each branch")
    middle = (axes.get_position().x0 + axes.get_position().x1) * WIDTH / 2
    middle = min(middle, WIDTH - EDGE - width_of(what, TEXT) / 2)
    sheet.write(middle, base - TEXT * LEADING - 2, [what], color=GREY, ha="center")
