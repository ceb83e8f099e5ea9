"""The contest: which way of cutting customers tells the most of what they did later, and is it more than simple rules tell?"""

import zlib

import numpy as np
import pandas as pd

from helpers.variables.choose import FOLDS

LEAST = 10 * FOLDS
"""Customers in each half without whom nothing is judged."""
LEVEL = 0.95


def halves(customers: pd.Series) -> np.ndarray:
    """True for the half of the customers that picks, by a hash of the id; the other half gives the printed figures."""
    return np.array([zlib.crc32(f"half|{c}".encode()) % 2 == 0 for c in customers], dtype=bool)


def folds(customers: pd.Series) -> np.ndarray:
    """The fifth of each customer, by a hash of the id."""
    return np.array([zlib.crc32(str(c).encode()) % FOLDS for c in customers])


def errors(labels: np.ndarray, outcomes: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Squared error of each customer's outcome when its segment's mean is learnt on the other four fifths.

    labels     one a customer; None for everybody in one segment
    outcomes   customers × outcomes, NaN where not known
    Returns    customers × outcomes, NaN where not known
    """
    codes = np.zeros(len(outcomes), dtype=int) if labels is None else pd.factorize(labels, sort=True)[0]
    k, known = codes.max(initial=0) + 1, ~np.isnan(outcomes)
    filled, result = np.where(known, outcomes, 0.0), np.full(outcomes.shape, np.nan)
    for f in range(FOLDS):
        train, test = fold != f, fold == f
        onehot = np.eye(k)[codes[train]]
        sums, counts = onehot.T @ filled[train], onehot.T @ known[train]
        everyone = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), everyone)
        result[test] = (outcomes[test] - means[codes[test]]) ** 2
    return result


def shares(error: np.ndarray, base: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of variance explained, one an outcome: 1 − squared errors over those of one mean for all.

    weights   draws × customers (how often each was drawn), for a bootstrap: then draws × outcomes
    """
    w = np.ones((1, len(error))) if weights is None else weights
    left, whole = w @ np.nan_to_num(error), w @ np.nan_to_num(base)
    found = 1 - left / np.where(whole > 0, whole, np.nan)
    return found[0] if weights is None else found


def judge(
    labels: dict[str, np.ndarray], roles: dict[str, str], outcomes: dict[str, np.ndarray], customers: pd.Series, *, draws: int, seed: int
):
    """Both scores of every way of cutting, their intervals, and what candidates gain on the best simple rule.

    labels     name → segment of each customer;  roles: name → candidate, rule or chance
    outcomes   "objective" and the panel's behaviours, one value a customer, NaN where not known
    draws      bootstrap draws of customers; intervals of gains are simultaneous over the candidates (max-t)
    Returns    contest (name → scores) and verdicts (objective, panel), as in evidence.json; None with too few customers
    """
    picks, fold = halves(customers), folds(customers)
    if min(picks.sum(), (~picks).sum()) < LEAST:
        return None
    matrix = np.column_stack(list(outcomes.values()))
    told = [c for c in range(matrix.shape[1]) if _tells(matrix[picks, c]) and _tells(matrix[~picks, c])]
    uses = {"objective": [c for c in told if c == 0], "panel": [c for c in told if c > 0]}
    part = {}
    for half, rows in (("picks", picks), ("prints", ~picks)):
        base = errors(None, matrix[rows], fold[rows])
        part[half] = {name: (errors(label[rows], matrix[rows], fold[rows]), base) for name, label in labels.items()}
    n = int((~picks).sum())
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype("float64")
    contest = {name: {"role": roles[name], "segments": int(len(np.unique(label)))} for name, label in labels.items()}
    verdicts = {}
    for use, columns in uses.items():
        if not columns:
            for name in contest:
                contest[name] |= {use: None, f"{use}_gain": None}
            verdicts[use] = {"verdict": "cannot tell", "best_candidate": None, "best_rule": None}
            continue
        first = {name: _mean(shares(*part["picks"][name])[columns]) for name in labels}
        value = {name: _mean(shares(*part["prints"][name])[columns]) for name in labels}
        drawn = {name: _mean(shares(*part["prints"][name], weights)[:, columns]) for name in labels}
        best = {role: max((m for m in labels if roles[m] == role), key=lambda m: first[m], default=None) for role in ("candidate", "rule")}
        gains = _gains([m for m in labels if roles[m] == "candidate"], best["rule"], value, drawn)
        for name in contest:
            low, high = np.quantile(drawn[name], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            contest[name] |= {use: {"value": value[name], "low": low, "high": high}, f"{use}_gain": gains.get(name)}
        verdicts[use] = _verdict(best, gains, contest, use)
    return contest, verdicts


def _tells(outcome: np.ndarray) -> bool:
    """Whether an outcome is known for enough customers, who do not all have the same: there is no share of no variance."""
    known = outcome[~np.isnan(outcome)]
    return len(known) >= LEAST and bool(np.ptp(known) > 0)


def _gains(candidates: list[str], rule: str | None, value: dict, drawn: dict) -> dict[str, dict]:
    """Difference of each candidate to the best simple rule, with intervals that hold for all candidates at once.

    One critical value serves all: the 95 % quantile, over draws, of the largest |difference − its mean| in standard errors.
    """
    if rule is None or not candidates:
        return {}
    apart = np.column_stack([drawn[name] - drawn[rule] for name in candidates])
    point = np.array([value[name] - value[rule] for name in candidates])
    spread = np.maximum(apart.std(axis=0, ddof=1), 1e-12)
    critical = np.quantile((np.abs(apart - apart.mean(axis=0)) / spread).max(axis=1), LEVEL)
    return {
        name: {"value": point[i], "low": point[i] - critical * spread[i], "high": point[i] + critical * spread[i]}
        for i, name in enumerate(candidates)
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


def _mean(values: np.ndarray):
    return np.nanmean(values, axis=-1)
