"""A figure with its 95 % interval and its threshold, a criterion made of figures, and the bootstrap behind the intervals."""

import math

import numpy as np

from helpers.rates import wilson

PASS, FAIL, UNKNOWN = "pass", "fail", "cannot tell"
OK = "ok"
"""The reason of a criterion all of whose figures pass."""
EDGES = (0.025, 0.975)
CELLS = 2_000_000
"""Cells of the weights of one block of bootstrap draws: memory does not grow with the number of customers."""


def figure(value, low=None, high=None, *, at_least: float | None = None, at_most: float | None = None) -> dict:
    """One figure, and on which side of its threshold all of its interval lies.

    value, low, high     the figure and its 95 % interval; None where unknown, an infinite end where it has no bound. A figure counted
                         or worked out exactly has low = high = value
    at_least, at_most    its threshold, one of the two; neither: the figure is printed and judges nothing
    Returns              value, low, high (infinite ones None), limit, side ("at least", "at most" or None), verdict (None: judges nothing)
    """
    limit, side = (at_least, "at least") if at_least is not None else (at_most, "at most") if at_most is not None else (None, None)
    known = all(x is not None and not math.isnan(x) for x in (value, low, high))
    verdict = None if side is None else UNKNOWN if not known else _side(low, high, limit, side)
    shown = [None if x is None or not math.isfinite(x) else float(x) for x in (value, low, high)]
    return dict(zip(("value", "low", "high"), shown, strict=True)) | {"limit": limit, "side": side, "verdict": verdict}


def exact(value, **limit) -> dict:
    """A figure without chance in it: counted, or itself a property of an interval."""
    return figure(value, value, value, **limit)


def share(yes: int, n: int, **limit) -> dict:
    """A share with Wilson's interval; unknown when there is nobody."""
    if not n:
        return figure(None, **limit)
    low, high = wilson(yes, n)
    return figure(yes / n, low if yes else 0.0, high if yes < n else 1.0, **limit)  # nobody: not the 4e-19 that rounding leaves


def _side(low: float, high: float, limit: float, side: str) -> str:
    """A value at the threshold is on the right side."""
    right, wrong = (low >= limit, high < limit) if side == "at least" else (high <= limit, low > limit)
    return PASS if right else FAIL if wrong else UNKNOWN


def criterion(figures: dict[str, dict], lacks: str | None = None) -> dict:
    """A criterion's verdict: fail when any of its figures fails, pass when all pass, else cannot tell.

    figures   name → figure, in the order in which a bad one is named
    lacks     the code of what the data lack, where that is why a figure is unknown
    Returns   figures, verdict, because: "ok", the name of the figure that decides, or `lacks`
    """
    asked = {name: each["verdict"] for name, each in figures.items() if each["verdict"] is not None}
    for verdict, reason in ((FAIL, None), (UNKNOWN, lacks)):
        named = next((name for name, found in asked.items() if found == verdict), None)
        if named:
            unknown = figures[named]["value"] is None and figures[named]["low"] is None
            return {"figures": figures, "verdict": verdict, "because": reason if reason and unknown else named}
    if lacks or not asked:
        return {"figures": figures, "verdict": UNKNOWN, "because": lacks or "nothing"}
    return {"figures": figures, "verdict": PASS, "because": OK}


def sums(matrix: np.ndarray, *, draws: int, seed) -> np.ndarray:
    """Column sums over bootstrap draws of the rows: draws × columns. The same number of rows is drawn each time, with replacement.

    matrix   rows × columns, no missing values
    """
    n, draw, found = len(matrix), np.random.default_rng(seed), []
    if not n:
        return np.zeros((draws, matrix.shape[1]))
    block = max(1, min(draws, CELLS // n))
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        places = draw.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        weights = np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n).astype("float64")
        found.append(weights @ matrix)
    return np.concatenate(found)


def edges(drawn: np.ndarray, *, whole: bool = False) -> tuple[float, float] | tuple[None, None]:
    """The 2.5 % and 97.5 % quantiles of the draws; draws that are not a number are left out, infinite ones count.

    whole    the draws are counts: the quantiles are two of them, the outer ones
    """
    known = np.asarray(drawn, dtype="float64")
    known = np.sort(known[~np.isnan(known)])
    if len(known) < 2:
        return None, None
    if whole or np.isinf(known).any():
        low, high = math.floor(EDGES[0] * (len(known) - 1)), math.ceil(EDGES[1] * (len(known) - 1))
        return float(known[low]), float(known[high])
    low, high = np.quantile(known, EDGES)
    return float(low), float(high)
