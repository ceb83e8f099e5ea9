"""What the page of step 4 says of the variables before they are compared: histograms and transforms."""

import numpy as np
import pandas as pd

from helpers import words
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.variables.catalogue import Variable
from helpers.words import mark, say

UNITS = {
    "days": mark("days"),
    "orders": mark("orders"),
    "lines": mark("lines"),
    "departments": mark("departments"),
    "stores": mark("stores"),
    "coupons": mark("coupons"),
    "weeks": mark("weeks"),
    "visits": mark("visits"),
    "points": mark("points"),
}

CURVES = {"log1p": mark("bounds, logarithm, scale"), "sqrt": mark("bounds, square root, scale"), None: mark("bounds, scale")}
"""What is done to a variable, by the step that bends it."""


def unit(variable: Variable) -> str:
    """The unit as readers see it: % for shares, the currency for money."""
    if variable.unit == "share":
        return "%"
    return words.currency() if variable.unit == "money" else say(UNITS[variable.unit])


def histograms(sample: pd.DataFrame, variables: list[Variable], learnt: list[dict], *, min_cell: int, bins: int = 20) -> dict[str, tuple]:
    """Counts and edges of each variable between its outlier bounds; bars of fewer than `min_cell` customers are left out.

    Returns  label → (counts, edges, unit, (smallest and largest value drawn))
    """
    result = {}
    for variable, entry in zip(variables, learnt, strict=True):
        known = sample[variable.name].dropna().to_numpy(dtype="float64")
        if not entry["steps"] or not len(known):
            continue
        low, high = entry["steps"][0]["clip"]
        high = high if high > low else low + 1.0
        values = np.unique(np.clip(known, low, high))
        if 2 <= len(values) <= bins:  # a bar a value: equal bins would leave gaps between the values
            middles = (values[1:] + values[:-1]) / 2
            ends = (2 * values[0] - middles[0], 2 * values[-1] - middles[-1])
            steps = np.concatenate([[ends[0]], middles, [ends[1]]])
        else:
            steps = np.linspace(low, high, bins + 1)
        counts, edges = np.histogram(np.clip(known, low, high), bins=steps)
        result[variable.title()] = (np.where(counts >= min_cell, counts, 0), edges, unit(variable), (values[0], values[-1]))
    return result


def histogram_words(learnt: list[dict], variables: list[Variable], customers: int) -> dict:
    skewed = [v for v, e in zip(variables, learnt, strict=True) if e["skew_before"] > 1]
    claim = say(
        "{skewed} of {all} variables lean to the right: a few customers do very much",
        skewed=words.number(len(skewed)),
        all=words.number(len(variables)),
    )
    top = sorted(zip(variables, learnt, strict=True), key=lambda pair: -pair[1]["skew_before"])[:3]
    return {
        "name": "distributions",
        "title": claim,
        "subtitle": say("Customers by value, between the outlier bounds; every panel on its own scale"),
        "alt": say(
            "Histograms of {n} variables; the most skewed are {names}.",
            n=words.number(len(variables)),
            names=words.join([v.title().lower() for v, _ in top]),
        ),
        "source": say("Source: checked tables, {n} customers; bars of too few customers are left out", n=words.number(customers)),
    }


def _filled(entry: dict) -> str:
    """What stands for a missing value."""
    if entry["missing"] is None:
        return say("nothing known")
    return say("filled with the median") if entry["missing_share"] > 0 else say("none")


def transforms_table(sample: pd.DataFrame, variables: list[Variable], learnt: list[dict], project: Project) -> Table:
    """Quartiles, missing share, skewness before and after, and the transform chosen."""
    rows = []
    for variable, entry in zip(variables, learnt, strict=True):
        scale = 100 if variable.unit == "share" else 1
        known = sample[variable.name].dropna().to_numpy(dtype="float64") * scale
        quartiles = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else [None] * 3
        curved = next((name for step in entry["steps"] for name in step if name in CURVES), None)
        rows.append(
            {
                "title": variable.title(),
                "unit": unit(variable),
                "known": len(known),
                "q1": quartiles[0],
                "q2": quartiles[1],
                "q3": quartiles[2],
                "missing": entry["missing_share"],
                "before": entry["skew_before"],
                "after": entry["skew_after"],
                "filled": _filled(entry),
                "chosen": say(CURVES[curved]),
            }
        )
    columns = [
        Column("title", say("Variable")),
        Column("unit", say("Unit")),
        Column("q1", say("Lower quartile"), "number", 1),
        Column("q2", say("Median"), "number", 1),
        Column("q3", say("Upper quartile"), "number", 1),
        Column("missing", say("Missing"), "share", 1),
        Column("filled", say("Missing values")),
        Column("before", say("Skewness"), "number", 1),
        Column("after", say("Skewness after"), "number", 1),
        Column("chosen", say("Transform")),
    ]
    note = say(
        "Bounds are the {low} and {high} quantiles, and 0 for amounts that refunds pull below. These constants are kept in the "
        "segmentation’s document, which can be applied later unchanged, as step 9 does; a report as of another day learns new ones.",
        low=words.share(project.variables.clip_low, 0),
        high=words.share(project.variables.clip_high, 0),
    )
    caption = say("How each variable is spread, and how it is made comparable")
    return Table("transforms", caption, pd.DataFrame(rows), columns, note=note, cell_size="known")
