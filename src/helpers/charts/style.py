"""The house style of charts: colours, sizes, fonts, and how wide a text is. Lengths are points (1/72 inch)."""

import re
from functools import cache

import matplotlib.style
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from helpers.words import mark

NEUTRAL, ACCENT, SECOND = "#6B6B6B", "#12436D", "#D55E00"
INK, GREY, GRID, PALE = "#1A1A1A", "#595959", "#DDDDDD", "#8FA9C1"
FIVE = ("#12436D", "#D55E00", "#A285D1", "#009E73", "#000000")
SIX = ("#332288", "#117733", "#AA3377", "#B8860B", "#A285D1", "#000000")
TARGET = "#A84800"
"""The second colour, dark enough for letters."""
CONTRAST = 3.0

WIDTH, DPI, EDGE = 504, 140, 9
SHOWN = 700
"""Pixels that a chart is wide in JupyterLab; the picture is finer, for good screens and paper."""

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
PARTS = {  # what a window is made of
    mark("history"): {"facecolor": "white", "edgecolor": NEUTRAL},
    mark("built on"): {"facecolor": ACCENT, "edgecolor": ACCENT},
    mark("judged on"): {"facecolor": "#F8D9C2", "edgecolor": SECOND, "hatch": "////"},
}
UNKNOWN = {"facecolor": "white", "edgecolor": NEUTRAL, "hatch": "////", "linewidth": 0}
BAND = "#CBD7E3"
SEQUENTIAL = LinearSegmentedColormap.from_list("ninefold", ["#EEF2F6", ACCENT])
DIVERGING = LinearSegmentedColormap.from_list("ninefold_two", [SECOND, "#F7F7F7", ACCENT])


def house_style():
    """A context, or with `@house_style()` a decorator, in which matplotlib draws as we do whatever its own settings."""
    return matplotlib.style.context(["default", _STYLE])


def contrast(colour: str, background: str = "#FFFFFF") -> float:
    """Contrast ratio of two colours, 1 to 21 (Web Content Accessibility Guidelines 2.2)."""

    def luminance(c: str) -> float:
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(c)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(colour), luminance(background)))
    return (light + 0.05) / (dark + 0.05)


@cache
def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")


@cache
def width_of(text: str, size: float, bold: bool = False) -> float:
    return text_to_path.get_text_width_height_descent(text, _font(size, bold), ismath=False)[0] if text else 0.0


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Lines no wider than `width`, broken at spaces (never at no-break ones), inside a word only if it is too wide."""
    lines: list[str] = []
    for word in filter(None, re.split("[ \t\n]+", text)):
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(joined, size, bold) <= width:
            lines[-1] = joined
            continue
        while len(word) > 1 and width_of(word, size, bold) > width:
            cut = next(i for i in range(len(word) - 1, 0, -1) if i == 1 or width_of(word[:i] + "-", size, bold) <= width)
            lines.append(word[:cut] + "-")
            word = word[cut:]
        lines.append(word)
    return lines
