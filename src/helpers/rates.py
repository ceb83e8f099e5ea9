"""Intervals of a share and of the difference of two shares, from counts alone, and p-values of many looks; published formulas."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

LEVEL = 0.95


def quantile(level: float = LEVEL) -> float:
    """The z of a two-sided interval: 1.96 for 0.95."""
    return float(ndtri(0.5 + level / 2))


def wilson(yes: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927), without correction for continuity."""
    z, share = quantile(level), yes / n
    middle, half = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max((middle - half) / (1 + z * z / n), 0.0), min((middle + half) / (1 + z * z / n), 1.0)


def newcombe(y1: float, n1: float, y0: float, n0: float, *, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a difference of two independent rates: Newcombe's hybrid of two score intervals.

    Newcombe 1998, Statistics in Medicine 17, 873-890, method 10, without correction for continuity. (Wald's interval holds the truth in
    77 of 100 trials at 270 contacted and 30 control, 6 % and 3 %.)
    """
    rate, base = y1 / n1, y0 / n0
    (l1, u1), (l0, u0) = wilson(y1, n1, level=level), wilson(y0, n0, level=level)
    low = rate - base - math.sqrt((rate - l1) ** 2 + (u0 - base) ** 2)
    return low, rate - base + math.sqrt((u1 - rate) ** 2 + (base - l0) ** 2)


def holm(p: Sequence[float]) -> list[float]:
    """p after Holm's correction for as many looks, in the order given: the chance that any of them says yes by accident stays at its level.

    Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    given = np.asarray(p, dtype="float64")
    order = np.argsort(given, kind="stable")
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * (len(given) - np.arange(len(given)))), 1.0)
    return adjusted.tolist()
