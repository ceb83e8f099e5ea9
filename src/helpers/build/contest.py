"""The contest: which way of cutting customers tells the most of what they did later, and is it more than simple rules tell?"""

import zlib
from collections.abc import Collection

import numpy as np
import pandas as pd

from helpers.variables.choose import FOLDS

LEAST = 10 * FOLDS
"""Customers in each half without whom nothing is judged."""
LEVEL = 0.95
USES = ("objective", "panel")
ROLES = ("candidate", "rule", "present", "chance")
MEASURED_AGAINST = ("rule", "present")
"""What candidates must beat: simple rules, and the segments that the company has already."""
CELLS = 4_000_000
"""Weights of redrawn customers that are held at a time: 32 MB."""
UNITS = 5_000
"""What is redrawn at most: above, customers are joined by lot into so many equal parties, which are drawn instead of single customers."""


def halves(customers: pd.Series) -> np.ndarray:
    """True for the half of the customers that picks, by a hash of the id; the other half gives the printed figures."""
    return np.array([zlib.crc32(f"half|{c}".encode()) % 2 == 0 for c in customers], dtype=bool)


def folds(customers: pd.Series) -> np.ndarray:
    """The fifth of each customer, by a hash of the id."""
    return np.array([zlib.crc32(str(c).encode()) % FOLDS for c in customers])


def errors(labels: np.ndarray | None, outcomes: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Squared error of each customer's outcome when its segment's mean is learnt on the other four fifths.

    labels     one a customer, those without one together; None for everybody in one segment
    outcomes   customers × outcomes, NaN where not known
    Returns    customers × outcomes, NaN where not known
    """
    codes = np.zeros(len(outcomes), dtype=int) if labels is None else pd.factorize(labels, sort=True)[0] + 1
    k = codes.max(initial=0) + 1
    cell, result = fold * k + codes, np.full(outcomes.shape, np.nan)
    for column, values in enumerate(outcomes.T):
        known = ~np.isnan(values)
        sums = np.bincount(cell[known], values[known], minlength=FOLDS * k).reshape(FOLDS, k)
        counts = np.bincount(cell[known], minlength=FOLDS * k).reshape(FOLDS, k)
        sums, counts = sums.sum(axis=0) - sums, counts.sum(axis=0) - counts  # of the four other fifths
        everyone = sums.sum(axis=1, keepdims=True) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), everyone)
        result[known, column] = (values - means.ravel()[cell])[known] ** 2
    return result


def shares(error: np.ndarray, base: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of variance explained, one an outcome: 1 − squared errors over those of one mean for all.

    weights   draws × customers (how often each was drawn), for a bootstrap: then draws × outcomes
    """
    w = np.ones((1, len(error))) if weights is None else weights
    found = _explained(w @ np.nan_to_num(error), w @ np.nan_to_num(base))
    return found[0] if weights is None else found


def redrawn(values: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """Sums over customers drawn anew with replacement, the same draws for every column; time and memory are bounded.

    Above `UNITS` customers equal parties are drawn, each put together by lot: a sum over parties drawn varies as one over customers
    does, because who is in a party is chance.

    values    customers × columns
    Returns   draws × columns
    """
    draw, sums = np.random.default_rng(seed), []
    if len(values) > UNITS:
        starts = np.linspace(0, len(values), UNITS, endpoint=False).astype(int)
        values = np.add.reduceat(values[draw.permutation(len(values))], starts, axis=0)
    n = len(values)
    block = max(1, CELLS // max(n, 1))
    for start in range(0, draws, block):
        times = [np.bincount(draw.integers(0, n, n), minlength=n) for _ in range(min(block, draws - start))]
        sums.append(np.array(times, dtype="float64") @ values)
    return np.concatenate(sums) if sums else np.empty((0, values.shape[1]))


def judge(
    labels: dict[str, np.ndarray],
    roles: dict[str, str],
    outcomes: dict[str, np.ndarray],
    customers: pd.Series,
    *,
    draws: int,
    seed: int,
    k: int | None = None,
) -> tuple[dict, dict] | None:
    """Both scores of every way of cutting, their intervals, and what candidates gain on the best simple rule.

    labels     name → segment of each customer, missing for a group of its own;  roles: name → candidate, rule, present or chance
    outcomes   "objective" and the panel's behaviours, one value a customer, NaN where not known
    draws      bootstrap draws of customers; intervals of gains are simultaneous over the candidates (max-t)
    k          groups that a way may have to be judged, two at least: more explain more by themselves, and are shown only; None: any number
    Returns    contest (name → role, segments, judged, scores, gains on the best rule and on the present segments) and verdicts
               (objective, panel), as in evidence.json; None with too few customers
    """
    order = np.argsort(np.array([str(c) for c in customers]), kind="stable")  # so that nothing hangs on the order of rows
    people, labels = pd.Series(np.asarray(customers)[order]), {name: np.asarray(label)[order] for name, label in labels.items()}
    picks, fold = halves(people), folds(people)
    if min(picks.sum(), (~picks).sum()) < LEAST:
        return None
    matrix = np.column_stack(list(outcomes.values()))[order]
    told = [c for c in range(matrix.shape[1]) if _tells(matrix[picks, c]) and _tells(matrix[~picks, c])]
    groups = {name: len(np.unique(pd.factorize(label)[0])) for name, label in labels.items()}
    contest = {name: {"role": roles[name], "segments": groups[name], "judged": 2 <= groups[name] <= (k or groups[name])} for name in labels}
    matrix = matrix[:, told]
    first, _ = _scores(labels, matrix[picks], fold[picks], picks, draws=0, seed=seed)
    value, drawn = _scores(labels, matrix[~picks], fold[~picks], ~picks, draws=draws, seed=seed)
    verdicts = {}
    for use in USES:
        columns = [place for place, c in enumerate(told) if (c == 0) == (use == "objective")]
        scored = [{name: _mean(scores[name][..., columns]) for name in labels} if columns else None for scores in (first, value, drawn)]
        verdicts[use] = _use(contest, use, *scored)
    return contest, verdicts


def runner_up(contest: dict, chosen: str, use: str = "panel") -> str | None:
    """The candidate to look at beside the chosen one: the best other one that was judged, by the half of the customers that picks."""
    told = {name: s[f"{use}_picks"] for name, s in contest.items() if s["role"] == "candidate" and s["judged"] and name != chosen}
    return max(sorted(name for name in told if told[name] is not None), key=told.get, default=None)


def _scores(labels: dict, matrix: np.ndarray, fold: np.ndarray, rows: np.ndarray, *, draws: int, seed: int) -> tuple[dict, dict]:
    """Shares explained by every way on some customers, name → one an outcome; and the same redrawn, name → draws × outcomes."""
    base = np.nan_to_num(errors(None, matrix, fold))
    stacked = np.hstack([np.nan_to_num(errors(label[rows], matrix, fold)) for label in labels.values()] + [base])
    parts = lambda sums: np.split(sums, len(labels) + 1, axis=-1)  # noqa: E731
    *left, whole = parts(stacked.sum(axis=0))
    value = {name: _explained(one, whole) for name, one in zip(labels, left, strict=True)}
    *left, whole = parts(redrawn(stacked, draws=draws, seed=seed))
    return value, {name: _explained(one, whole) for name, one in zip(labels, left, strict=True)}


def _use(contest: dict, use: str, first: dict | None, value: dict | None, drawn: dict | None) -> dict:
    """The scores of one use, written into the contest, and its verdict."""
    if first is None:
        for scores in contest.values():
            scores |= {use: None, f"{use}_gain": None, f"{use}_over_present": None, f"{use}_picks": None}
        return {"verdict": "cannot tell", "best_candidate": None, "best_rule": None}
    candidates = [name for name, scores in contest.items() if scores["role"] == "candidate" and scores["judged"]]
    rules = [name for name, scores in contest.items() if scores["role"] in MEASURED_AGAINST and scores["judged"]]
    best = {"candidate": max(candidates, key=first.get, default=None), "rule": max(rules, key=first.get, default=None)}
    present = next((name for name, scores in contest.items() if scores["role"] == "present"), None)
    gains, beside = _gains(candidates, best["rule"], value, drawn), _gains(candidates, present, value, drawn)
    for name, scores in contest.items():
        low, high = np.quantile(drawn[name], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        scores |= {use: {"value": float(value[name]), "low": float(low), "high": float(high)}, f"{use}_picks": float(first[name])}
        scores |= {f"{use}_gain": gains.get(name), f"{use}_over_present": beside.get(name)}
    return _verdict(best, gains, contest, use)


def _tells(outcome: np.ndarray) -> bool:
    """Whether an outcome is known for enough customers, who do not all have the same: there is no share of no variance."""
    known = outcome[~np.isnan(outcome)]
    return len(known) >= LEAST and bool(np.ptp(known) > 0)


def _gains(candidates: Collection[str], rule: str | None, value: dict, drawn: dict) -> dict[str, dict]:
    """Difference of each candidate to one other way, with intervals that hold for all candidates at once.

    One critical value serves all: the 95 % quantile, over draws, of the largest |difference − its mean| in standard errors.
    """
    if rule is None or not candidates:
        return {}
    apart = np.column_stack([drawn[name] - drawn[rule] for name in candidates])
    point = np.array([value[name] - value[rule] for name in candidates])
    spread = np.maximum(apart.std(axis=0, ddof=1), 1e-12)
    critical = np.quantile((np.abs(apart - apart.mean(axis=0)) / spread).max(axis=1), LEVEL)
    return {
        name: {"value": float(p), "low": float(p - critical * s), "high": float(p + critical * s)}
        for name, p, s in zip(candidates, point, spread, strict=True)
    }


def _verdict(best: dict, gains: dict, contest: dict, use: str) -> dict:
    """rules, segments, level (no difference shown), or none (nothing tells more than chance)."""
    found = {"best_candidate": best["candidate"], "best_rule": best["rule"]}
    there = [name for name in best.values() if name]
    if not there or all(contest[name][use]["low"] <= 0 for name in there):
        return found | {"verdict": "none"}
    gain = gains.get(best["candidate"])
    if gain is None:
        return found | {"verdict": "cannot tell"}
    return found | {"verdict": "segments" if gain["low"] > 0 else "rules" if gain["high"] < 0 else "level"}


def _explained(left: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return 1 - left / np.where(whole > 0, whole, np.nan)


def _mean(values: np.ndarray):
    return np.nanmean(values, axis=-1)
