"""Whether predicted value finds the customers who were worth most afterwards: the grade, its interval, and the error in money."""

import numpy as np

from helpers.rates import quantile

A_FROM = 0.05
"""Relative gain from which the grade is A (Dynamics 365, customer lifetime value)."""
DRAWS = 500
LEVEL = 0.95
LEAST = 100
"""Customers with money afterwards below which nothing is graded."""


def letter(gain: float) -> str:
    """A: finds 5 % more of the true high-value customers than the baseline, or above; B: 0 to 5 %; C: fewer."""
    return "A" if gain >= A_FROM else "B" if gain >= 0 else "C"


def letters(low: float, high: float) -> str:
    """The grade of an interval of the gain: both letters, the better first, where it crosses a border."""
    best, worst = letter(high), letter(low)
    return best if best == worst else f"{best}/{worst}"


def worth_most(money: np.ndarray, share: float, percentile: float | None = None, weights: np.ndarray | None = None) -> np.ndarray:
    """Who made `share` of all money together, largest first, or who lies above a percentile; who ties with the last one is in.

    money   what each made; 0 and below never belong
    """
    weights = np.ones(len(money)) if weights is None else weights
    order = np.argsort(-money, kind="stable")
    sizes, earned = weights[order], np.where(money > 0, money, 0.0)[order]
    if not (earned * sizes).sum() > 0:
        return np.zeros(len(money), dtype=bool)
    if percentile is None:
        along, wanted = np.cumsum(earned * sizes), share * (earned * sizes).sum()
        last = int(np.searchsorted(along, wanted * (1 - 1e-12)))
    else:
        along, wanted = np.cumsum(sizes), (1 - percentile) * sizes.sum()
        last = int(np.searchsorted(along, wanted * (1 - 1e-12)))
    border = money[order][min(last, len(money) - 1)]
    return (money >= border) & (money > 0)


class Ranking:
    """Customers by a score, the highest first, those with the same score together: how many of a list belong to the true one."""

    def __init__(self, score: np.ndarray):
        self.order = np.argsort(-score, kind="stable")
        ranked = score[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))

    def found(self, true: np.ndarray, weights: np.ndarray, length: float) -> float:
        """How many of the true ones a list of this length holds; of those who tie at its end, the share that chance would put on it."""
        sizes = np.add.reduceat(weights[self.order], self.starts)
        hits = np.add.reduceat((weights * true)[self.order], self.starts)
        ends = np.cumsum(sizes)
        last = min(int(np.searchsorted(ends, length)), len(ends) - 1)
        before = ends[last] - sizes[last]
        part = (length - before) / sizes[last] if sizes[last] > 0 else 0.0
        return float(hits[:last].sum() + hits[last] * min(part, 1.0))


def graded(predicted: np.ndarray, baseline: np.ndarray, actual: np.ndarray, *, share: float, percentile: float | None, seed: int) -> dict:
    """The grade of definitions.md, after Dynamics 365: both lists as long as the true one, an interval over customers.

    predicted, baseline, actual   money of each customer in the judged period, in one order
    Returns    reasons (why not graded, or []), grade, n, true (length of the lists), found (model, baseline, chance), gain, low, high,
               money (see `errors`)
    """
    order = np.argsort(-actual, kind="stable")  # sorted once: every draw sorts by it again, which then costs little
    predicted, baseline, actual = predicted[order], baseline[order], actual[order]
    n, weights = len(actual), np.ones(len(actual))
    true = worth_most(actual, share, percentile)
    found = {"n": n, "true": int(true.sum()), "grade": None, "found": None, "gain": None, "low": None, "high": None}
    found["money"] = errors(predicted, baseline, actual)
    if int((actual > 0).sum()) < LEAST or not true.any():
        return found | {"reasons": ["too_few_buyers_later"]}
    if not (np.isfinite(predicted).all() and predicted.max() > predicted.min()):
        return found | {"reasons": ["nothing_predicted"]}
    by_model, by_baseline = Ranking(predicted), Ranking(baseline)
    hits = [by.found(true, weights, true.sum()) for by in (by_model, by_baseline)]
    found["found"] = {"model": hits[0], "baseline": hits[1], "chance": float(true.sum()) ** 2 / n}
    if not hits[1]:
        return found | {"reasons": ["baseline_finds_nobody"]}
    draws, rng = [], np.random.default_rng(seed)
    for _ in range(DRAWS):
        w = rng.poisson(1.0, n).astype(float)
        again = worth_most(actual, share, percentile, w)
        length = float((w * again).sum())
        rest = by_baseline.found(again, w, length)
        draws.append(by_model.found(again, w, length) / rest - 1 if rest else np.nan)
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    gain = hits[0] / hits[1] - 1
    return found | {"reasons": [], "gain": gain, "low": float(low), "high": float(high), "grade": letters(float(low), float(high))}


def errors(predicted: np.ndarray, baseline: np.ndarray, actual: np.ndarray) -> dict:
    """The error in money, of everybody's sum and of one customer.

    Returns   actual, model, baseline (sums), model_off, baseline_off (relative error of the sum; None where nothing was earned), with
              low and high over customers; model_each, baseline_each (mean absolute error a customer); spread (squared errors of customers
              by predicted money: what chance does to the money of few; None where nothing was predicted)
    """
    sums = {"actual": float(actual.sum()), "model": float(predicted.sum()), "baseline": float(baseline.sum())}
    each = {f"{k}_each": float(np.abs(v - actual).mean()) for k, v in (("model", predicted), ("baseline", baseline))}
    each["spread"] = float(((predicted - actual) ** 2).sum()) / sums["model"] if sums["model"] > 0 else None
    found = sums | each | dict.fromkeys(("model_off", "baseline_off", "model_low", "model_high"))
    if not sums["actual"] > 0:
        return found
    # The error of a ratio of two sums over customers (Cochran 1977, Sampling Techniques, 6.4): what each misses, by the ratio itself.
    ratio = sums["model"] / sums["actual"]
    half = quantile(LEVEL) * float(np.sqrt(((predicted - ratio * actual) ** 2).sum())) / sums["actual"]
    offs = {f"{k}_off": sums[k] / sums["actual"] - 1 for k in ("model", "baseline")}
    return found | offs | {"model_low": ratio - 1 - half, "model_high": ratio - 1 + half}


def baseline_of(spent: np.ndarray, *, window_days: float, horizon_days: float, retention: float) -> np.ndarray:
    """What Dynamics 365 compares with: mean monthly purchases of the active window × months ahead × overall retention.

    spent       money of each customer in the window before the cut;  retention: share of the buyers of the window before it who bought
                in it too (0–1)
    """
    return spent * (horizon_days / window_days) * retention
