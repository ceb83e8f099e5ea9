"""One customer's history as a picture that needs no script: a row a kind of happening, drawn in percentages so that it fits any width."""

from datetime import datetime
from html import escape

import pandas as pd

from helpers import words
from helpers.adopt.customer.happenings import LANES, counted, shown_from
from helpers.words import mark, say

YEARS = 2
"""Years that the picture shows at most; the list goes back farther."""
HEIGHT, MIDDLE = 30, 15
"""Height of a row and its middle, pixels."""
LEFT, WIDTH = 1.5, 97.0
"""Where time begins and how much of the width it takes, per cent."""
LABELS = 4
"""Dates under the picture at most: they stay apart on a telephone."""
STEPS = (1, 2, 3, 6, 12)
"""Months between two dates."""
NAMES = {
    "orders": mark("Orders"),
    "visits": mark("Visits"),
    "mails": mark("Mails opened"),
    "campaigns": mark("Campaigns"),
    "words": mark("Comments"),
    "others": mark("Other events"),
}
KEYS = {
    "orders": mark("a dot an order, larger for more money; a ring a refund"),
    "visits": mark("a stroke a day; long: a basket was filled"),
    "mails": mark("a stroke a day; short: opened, long: clicked"),
    "campaigns": mark("a square a contact, hollow: left out on purpose; a dot an answer"),
    "words": mark("a square a comment, a ring a survey, a stroke a consent"),
    "others": mark("a stroke a day"),
}
COUNTED = {"orders": "order", "visits": "visit", "mails": "opened", "campaigns": "contact", "words": "comment", "others": "event"}
"""What the number beside a row counts, within the time drawn."""
LEFT_OUT = ("control", "held out")
"""Arms that were not contacted."""


def strip_html(happened: pd.DataFrame, as_of: datetime) -> str:
    """The picture; "" where nothing dated is known.

    happened   result of `happenings.happenings`
    """
    start = shown_from(happened, as_of, days=round(YEARS * 365.25))
    seen = happened[happened["at"] >= start]
    if not len(seen):
        return ""
    dates, rows = _dates(start, as_of), []
    for lane, kinds in LANES.items():
        own = seen[seen["kind"].isin(kinds)]
        if len(own):
            rows.append(_row(lane, own, start, as_of, dates))
    caption = say("What happened from {start} to {end}", start=words.day(start), end=words.day(as_of))
    marks = "".join(_text(x, words.date_as(day, "yMMM")) for x, day in dates)
    axis = f'<div class="strip-row strip-axis" aria-hidden="true"><span></span><svg height="18" width="100%">{marks}</svg></div>\n'
    return f'<figure class="strip">\n{"".join(rows)}{axis}<figcaption>{escape(caption)}</figcaption>\n</figure>\n' if rows else ""


def _row(lane: str, own: pd.DataFrame, start: datetime, as_of: datetime, dates: list) -> str:
    name, key, largest = NAMES[lane], KEYS[lane], own["amount"].astype("float64").abs().max()
    title, legend, times = escape(say(name)), escape(say(key)), words.number(counted(own).get(COUNTED[lane], 0))
    drawn = "".join(f'<line class="tick" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="{HEIGHT}"/>' for x, _ in dates)
    for row in own.sort_values("at", kind="stable").itertuples():
        drawn += _mark(row, _place(row.at, start, as_of), largest)
    told = say("{name}, last on {day}", name=say(name), day=words.day(own["at"].max()))
    return (
        f'<div class="strip-row"><span><b>{title}</b> {times}<small>{legend}</small></span>'
        f'<svg height="{HEIGHT}" width="100%" role="img" aria-label="{escape(told)}">{drawn}</svg></div>\n'
    )


def _place(at, start: datetime, end: datetime) -> float:
    return LEFT + WIDTH * ((at - start) / (end - start))


def _mark(row, x: float, largest: float) -> str:
    """One happening at x per cent of the width."""
    if row.kind in ("order", "refund"):
        radius = 2.5 + 6 * (abs(row.amount) / largest) ** 0.5 if largest else 3
        return f'<circle class="{row.kind}" cx="{x:.2f}%" cy="{MIDDLE}" r="{radius:.1f}"/>'
    if row.kind in ("response", "answers"):
        return f'<circle class="{row.kind}" cx="{x:.2f}%" cy="{MIDDLE}" r="3.5"/>'
    if row.kind in ("contact", "comment"):
        hollow = " hollow" if row.kind == "contact" and row.more in LEFT_OUT else ""
        return f'<svg x="{x:.2f}%" overflow="visible"><rect class="{row.kind}{hollow}" x="-4" y="{MIDDLE - 4}" width="8" height="8"/></svg>'
    reach = 11 if row.kind in ("basket", "clicked") else 5
    return f'<line class="{row.kind}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{MIDDLE - reach}" y2="{MIDDLE + reach}"/>'


def _text(x: float, text: str) -> str:
    anchor = "start" if x < 8 else "end" if x > 92 else "middle"
    return f'<text x="{x:.2f}%" y="13" text-anchor="{anchor}">{escape(text)}</text>'


def _dates(start: datetime, end: datetime) -> list[tuple[float, datetime]]:
    """Firsts of months at equal steps, as few as fit: place in per cent, and day."""
    months = [m.to_pydatetime() for m in pd.date_range(pd.Timestamp(start).normalize(), end, freq="MS")]
    for step in STEPS:
        kept = [m for m in months if (m.month - 1) % step == 0]
        if len(kept) <= LABELS:
            break
    return [(_place(m, start, end), m) for m in kept if m >= start]
