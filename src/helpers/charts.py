"""Charts as a board sees them: the title is the claim, the subtitle says what is measured, the source stands beneath.

Every drawing function takes a tidy frame and the words around it, keeps the PNG through the step in progress and shows it with its
alternative text. A chart is seven inches wide, so that its letters can be read on a phone; the words and the rows decide how high.
All sizes below are points (1/72 inch).
"""

import base64
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib import dates as mdates
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.ticker import Formatter, MaxNLocator

from helpers import NinefoldError
from helpers.tables import min_cell, place_on_page, written
from helpers.words import NONE, THIN, absent, as_date, compact, date_as, mark, number, say, say_n, share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NEUTRAL, ACCENT, SECOND = "#6B6B6B", "#12436D", "#D55E00"
INK, GREY_TEXT, GRID, PALE = "#1A1A1A", "#595959", "#DDDDDD", "#B7C6D6"
FIVE = ("#12436D", "#D55E00", "#A285D1", "#009E73", "#000000")
SIX = ("#332288", "#117733", "#AA3377", "#B8860B", "#A285D1", "#000000")
FEW = 30
"""Groups of fewer customers are drawn in grey."""

WIDTH, DPI, EDGE = 504, 140, 9
TITLE, SUBTITLE, TEXT = 14.5, 11.5, 11
LINE = 1.3
"""Height of a line of text, in sizes of its font."""

_RC = {
    "font.family": ["DejaVu Sans"],  # the one that comes with matplotlib, so every machine draws the same
    "font.size": TEXT,
    "text.parse_math": False,  # "$1,200 to $2,000" is money
    "text.color": INK,
    "text.hinting": "none",
    "axes.edgecolor": NEUTRAL,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.facecolor": "none",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL,
    "xtick.labelcolor": GREY_TEXT,
    "ytick.labelcolor": GREY_TEXT,
    "ytick.major.size": 0,
    "xtick.major.size": 3,
    "hatch.linewidth": 0.7,
    "path.simplify": False,
}
_PARTS = {  # what a window is made of: face, edge, hatch
    mark("history"): ("white", NEUTRAL, ""),
    mark("built on"): (ACCENT, ACCENT, ""),
    mark("judged on"): ("#F6CDAE", SECOND, "////"),
}


# --------------------------------------------------------------------------------------------------------------- charts


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
    value_format: str | Callable[[float], str] = "number",
    digits: int | None = None,
) -> None:
    """Draw the trend of one measure with its 95 % interval as a band, and the target as a labelled line.

    frame         when (date), value, low, high; a gap where value is missing
    value_format  a kind of `tables` (number, count, share, money, change), or a function from number to text
    digits        decimals of the direct labels (share 1, others 0 unless given)
    """
    with matplotlib.rc_context(_RC):
        pass
