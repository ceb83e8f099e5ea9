"""One small plot a row, all on one scale: how a number went from review to review, as SVG for tables of hand-outs."""

from collections.abc import Sequence
from html import escape

from helpers.charts.style import GRID, NEUTRAL

HIGH, WIDE, EDGE = 44, 200, 6


def over_time(points: Sequence[tuple[float, float | None]], *, top: float, colour: str, alt: str) -> str:
    """An SVG of a number over time, from 0 to `top`: the same for all rows that are to be compared.

    points   (place 0-1 across, value), oldest first; a value of None is a gap: nothing is drawn there, and no line leads across it
    alt      what the picture shows, in a sentence
    """
    places = [(EDGE + x * (WIDE - 2 * EDGE), None if value is None else _height(value, top)) for x, value in points]
    stretches, line = [], []
    for x, y in [*places, (0.0, None)]:
        if y is not None:
            line.append((x, y))
        elif line:
            stretches.append(line)
            line = []
    drawn = f'<line x1="0" x2="{WIDE}" y1="{HIGH - EDGE}" y2="{HIGH - EDGE}" stroke="{GRID}"/>'
    for stretch in stretches:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
        drawn += f'<polyline points="{path}" fill="none" stroke="{escape(colour)}" stroke-width="2"/>' if len(stretch) > 1 else ""
        drawn += "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{escape(colour)}"/>' for x, y in stretch)
    size = f'viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}"'
    return f'<svg {size} role="img" aria-label="{escape(alt)}">{drawn}</svg>'


def time_axis(first: str, last: str) -> str:
    """The first and the last day under such plots, as SVG of the same width."""
    style = f'fill="{NEUTRAL}" font-size="12"'
    left = f'<text x="{EDGE}" y="13" {style}>{escape(first)}</text>'
    right = f'<text x="{WIDE - EDGE}" y="13" text-anchor="end" {style}>{escape(last)}</text>' if last != first else ""
    return f'<svg viewBox="0 0 {WIDE} 18" width="{WIDE}" height="18" aria-hidden="true">{left}{right}</svg>'


def _height(value: float, top: float) -> float:
    return HIGH - EDGE - (HIGH - 2 * EDGE) * min(max(value / top if top > 0 else 0.0, 0.0), 1.0)
