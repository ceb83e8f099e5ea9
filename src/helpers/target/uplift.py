"""What the difference of two response rates can be told to be: intervals, tests and corrections, on counts alone.

Published formulas; `tests/test_outcomes.py` holds figures that others computed for the same counts.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from helpers.rates import LEVEL, newcombe, quantile

FEW = 5
"""Expected answers, or expected silences, under which a test of large numbers is not trusted."""
SHARES = (np.arange(400) + 0.5) / 400
"""Shares kept of a unit's own figure over which `together` adds up."""
Counts = tuple[int, int, int, int]
"""Answers and customers of those contacted, then answers and customers of the control group: y1, n1, y0, n0."""


def two_rates(y1: int, n1: int, y0: int, n0: int) -> float:
    """The p that both rates are one: the score test (chi-square without correction), Fisher's exact one where few are expected."""
    answers, n = y1 + y0, n1 + n0
    if answers in (0, n):
        return 1.0
    if min(n1, n0) * min(answers, n - answers) / n < FEW:
        from scipy.stats import fisher_exact

        return float(fisher_exact([[y1, n1 - y1], [y0, n0 - y0]])[1])
    mean = answers / n
    return both_sides((y1 / n1 - y0 / n0) / math.sqrt(mean * (1 - mean) * (1 / n1 + 1 / n0)))


def both_sides(z: float) -> float:
    """The p of a normal deviate, either side."""
    return float(2 * ndtr(-abs(z)))


def variance(y1: int, n1: int, y0: int, n0: int) -> float:
    """The variance of the difference of two rates, not pooled; half an answer and half a silence are added where a group has none of
    either, which would claim a variance of nothing."""
    if any(y in (0, n) for y, n in ((y1, n1), (y0, n0))):
        y1, n1, y0, n0 = y1 + 0.5, n1 + 1, y0 + 0.5, n0 + 1
    return sum(y / n * (1 - y / n) / n for y, n in ((y1, n1), (y0, n0)))


def difference(counts: Counts, *, level: float = LEVEL) -> dict[str, float]:
    """rate, base, uplift, se, low, high (Newcombe's), p of one group contacted against its control group."""
    y1, n1, y0, n0 = counts
    low, high = newcombe(*counts, level=level)
    found = {"rate": y1 / n1, "base": y0 / n0, "uplift": y1 / n1 - y0 / n0, "se": math.sqrt(variance(*counts))}
    return found | {"low": low, "high": high, "p": two_rates(*counts)}


def stratified(strata: Sequence[Counts], *, level: float = LEVEL) -> dict[str, float]:
    """rate, base, uplift, se, low, high and p of all strata together, each weighted by its customers (post-stratification).

    The interval is Newcombe's of both groups' weighted rates, with as many customers as would give these rates the variance that the
    strata give them (Yan & Su 2010, Statistics in Biopharmaceutical Research 2, 329-335); it is Newcombe's own where there is one
    stratum. (To square and add the distances of each stratum's interval holds the truth in 92 of 100 trials of six strata with 270
    contacted and 30 control each, and is wider: this one in 95.) p: the weighted difference over its standard deviation if no rate of
    any stratum differed.
    strata   y1, n1, y0, n0 of each; those in which one group is nobody teach nothing and are left out
    """
    strata = [s for s in strata if s[1] and s[3]]
    if len(strata) == 1:
        return difference(strata[0], level=level)
    total = sum(n1 + n0 for _, n1, _, n0 in strata)
    weights = [(n1 + n0) / total for _, n1, _, n0 in strata]
    rate, many = _weighted(weights, [(y1, n1) for y1, n1, _, _ in strata])
    base, few = _weighted(weights, [(y0, n0) for _, _, y0, n0 in strata])
    low, high = newcombe(rate * many, many, base * few, few, level=level)
    se = math.sqrt(sum(w * w * variance(*s) for w, s in zip(weights, strata, strict=True)))
    spread = 0.0
    for weight, (y1, n1, y0, n0) in zip(weights, strata, strict=True):
        mean = (y1 + y0) / (n1 + n0)
        spread += weight**2 * mean * (1 - mean) * (1 / n1 + 1 / n0)
    p = both_sides((rate - base) / math.sqrt(spread)) if spread else 1.0
    return {"rate": rate, "base": base, "uplift": rate - base, "se": se, "low": low, "high": high, "p": p}


def _weighted(weights: Sequence[float], groups: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The weighted rate of one group's strata (answers, customers), and of how many customers a plain rate would vary as much.

    Each stratum's own rate is taken with one customer more who answers like all, else an empty one would claim no variance.
    """
    rate = sum(w * y / n for w, (y, n) in zip(weights, groups, strict=True))
    if not 0 < rate < 1:
        return min(max(rate, 0.0), 1.0), 1 / sum(w * w / n for w, (_, n) in zip(weights, groups, strict=True))
    near = [(y + rate) / (n + 1) for y, n in groups]
    spread = sum(w * w * q * (1 - q) / n for w, q, (_, n) in zip(weights, near, groups, strict=True))
    return rate, rate * (1 - rate) / spread


def cochran(uplifts: Sequence[float], variances: Sequence[float]) -> dict[str, float] | None:
    """Whether uplifts differ at all: q, df, p (Cochran 1954, Biometrics 10, 101-129), and mean, se, between_sd; None for fewer than two.

    mean, se     the uplifts weighted by 1 / (variance + between²), and its standard error
    between_sd   how far true uplifts lie apart (DerSimonian & Laird 1986, Controlled Clinical Trials 7, 177-188); 0 when q is no more
                 than chance gives
    """
    if len(uplifts) < 2:
        return None
    weights = [1 / v for v in variances]
    fixed = sum(w * u for w, u in zip(weights, uplifts, strict=True)) / sum(weights)
    q, df = sum(w * (u - fixed) ** 2 for w, u in zip(weights, uplifts, strict=True)), len(uplifts) - 1
    between = max((q - df) / (sum(weights) - sum(w * w for w in weights) / sum(weights)), 0.0)
    both = [1 / (v + between) for v in variances]
    mean = sum(w * u for w, u in zip(both, uplifts, strict=True)) / sum(both)
    return {"q": q, "df": df, "p": float(chdtrc(df, q)), "mean": mean, "se": sum(both) ** -0.5, "between_sd": math.sqrt(between)}


def together(uplifts: Sequence[float], variances: Sequence[float]) -> dict:
    """What several uplifts say of each other when nobody knows how far the true ones lie apart; for two of them or more.

    Q that is no more than chance gives does not make them one: six segments of 600 customers rarely show a spread of 2 points. So the
    share that each keeps of its own figure, between² / (between² + s²) with s² the harmonic mean of the variances, is not estimated but
    averaged over, all shares being equally likely beforehand (Daniels 1999, Canadian Journal of Statistics 27, 567-578). Intervals of
    mean ± 1.96 sd hold the truth in 91 to 99 of 100 cases when true uplifts lie 0 to 5 points apart; with an estimated share, in 84
    (tests/test_outcomes.py).
    Returns  units: mean, sd, kept (share of its own figure) of each;  mean, sd of what lies behind them;  next_sd of one more of them
    """
    y, v = np.asarray(uplifts, dtype=float), np.asarray(variances, dtype=float)
    between = len(v) / (1 / v).sum() * SHARES / (1 - SHARES)
    weights = 1 / (v + between[:, None])
    error = 1 / weights.sum(axis=1)
    centre = error * (weights * y).sum(axis=1)
    fits = 0.5 * (np.log(error) + np.log(weights).sum(axis=1) - (weights * (y - centre[:, None]) ** 2).sum(axis=1))
    likely = np.exp(fits - fits.max())
    likely /= likely.sum()
    kept = between[:, None] * weights
    means = kept * y + (1 - kept) * centre[:, None]
    mean, whole = likely @ means, float(likely @ centre)
    sd = np.sqrt(likely @ (kept * v + (1 - kept) ** 2 * error[:, None] + (means - mean) ** 2))
    far = float(likely @ (error + (centre - whole) ** 2))
    units = [{"mean": float(m), "sd": float(s), "kept": float(k)} for m, s, k in zip(mean, sd, likely @ kept, strict=True)]
    return {"units": units, "mean": whole, "sd": math.sqrt(far), "next_sd": math.sqrt(far + float(likely @ between))}


def chi_square(table: Sequence[Sequence[int]]) -> dict[str, float] | None:
    """q, df, p of a table of counts, without correction; None with fewer than two rows or columns in which anybody is."""
    columns = [j for j in range(len(table[0]) if table else 0) if sum(row[j] for row in table)]
    kept = [[row[j] for j in columns] for row in table if sum(row)]
    if len(kept) < 2 or len(columns) < 2:
        return None
    whole, tops = sum(map(sum, kept)), [sum(column) for column in zip(*kept, strict=True)]
    expected = [[sum(row) * top / whole for top in tops] for row in kept]
    q = sum((n - e) ** 2 / e for row, line in zip(kept, expected, strict=True) for n, e in zip(row, line, strict=True))
    df = (len(kept) - 1) * (len(columns) - 1)
    return {"q": q, "df": df, "p": float(chdtrc(df, q))}


def bonferroni(looks: int) -> float:
    """The level of each of so many intervals that all hold together in 95 of 100 trials."""
    return 1 - (1 - LEVEL) / max(looks, 1)


def smallest_visible(base: float, arm: float, other: float, *, looks: int = 1, power: float = 0.8) -> float | None:
    """The rise over a rate of `base` that two groups show in four cases of five at 5 %, corrected for so many looks (Bonferroni).

    With one look it is `scope.smallest_rise` (Fleiss, Levin & Paik 2003, chapter 4).
    arm      customers in the group whose rate rises;  other: in the group beside it
    Returns  0-1, or None when even an answer of everyone would be missed
    """
    if min(arm, other) <= 0:
        return None
    errors = quantile(bonferroni(looks)), float(ndtri(power))

    def enough(rise: float) -> bool:
        raised, mean = base + rise, base + rise * arm / (arm + other)
        spread = errors[0] * math.sqrt(mean * (1 - mean) * (1 / arm + 1 / other))
        return rise >= spread + errors[1] * math.sqrt(base * (1 - base) / other + raised * (1 - raised) / arm)

    low, high = 0.0, 1 - base
    if not enough(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
