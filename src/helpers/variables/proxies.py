"""How well the proposed variables together give away what customers are, such as their gender or age band."""

from collections.abc import Callable
from itertools import combinations

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.project import Project
from helpers.threads import one_thread
from helpers.variables.choose import FOLDS, apply, fold_of

DEPTH = 4
"""Questions that the decision tree may ask of one customer."""
LEAF = 10
"""Customers in a leaf, at least."""
ROWS = 20_000
"""Customers that enter at most: more would narrow the interval, not change the answer."""
DEFAULT = ("gender", "age_band", "age")
"""Attributes checked when project.yml names none and the data hold them."""
SLIGHT, CLEAR = 0.10, 0.33
"""Share of the way from chance to certainty from which a variable list gives an attribute away slightly, and clearly."""

SHARED = (1 + FOLDS / (FOLDS - 1)) ** 0.5
"""How much wider an interval is for folds that learn from the same customers: the variance times 1 + folds · customers tested /
customers learnt from (Nadeau and Bengio 2003)."""
FIGURES = ("accuracy", "low", "high", "chance", "strength", "variable", "alone", "alone_low", "alone_high")


def asked(descriptors: ir.Table, project: Project) -> tuple[list[str], list[str]]:
    """The attributes to check among the descriptors, and those that project.yml names and no descriptor holds."""
    wanted = list(dict.fromkeys(project.variables.proxies_of)) or [name for name in DEFAULT if name in descriptors.columns]
    if "age" not in descriptors.columns and "age_band" in descriptors.columns:  # ages in years are told in bands
        wanted = list(dict.fromkeys("age_band" if name == "age" else name for name in wanted))
    return [n for n in wanted if n in descriptors.columns], [n for n in wanted if n not in descriptors.columns]


def proxies(sample: pd.DataFrame, learnt: list[dict], names: list[str], attributes: pd.DataFrame, project: Project) -> list[dict]:
    """How well the variables in `names` tell each attribute, in customers who took no part in the learning.

    A decision tree and a logistic regression learn it, and whichever does better among the other folds guesses for the fold in question.

    sample      customer_id and the variables;  learnt: their transforms
    attributes  customer_id and the attributes to check, missing where not known
    Returns     one entry an attribute: attribute, n, levels, accuracy (balanced: mean over levels of the share recognised, five folds),
                low, high (95 %), chance (1 / levels), strength (from 0, chance, to 1, certainty), verdict ("none", "slight", "some",
                "clear", or "unknown" with too few customers), variable (that gives most away alone), alone (its accuracy, by a tree),
                alone_low, alone_high (95 %, widened for the best variable of them all)
    """
    matrix = apply(sample, [entry for name in names for entry in learnt if entry["name"] == name])
    known = attributes.set_index("customer_id").reindex(sample["customer_id"])
    fold = np.array([fold_of(c) for c in sample["customer_id"]])
    return [_proxy(attribute, known[attribute].to_numpy(dtype=object), matrix, names, fold, project) for attribute in known.columns]


def _proxy(attribute: str, values: np.ndarray, matrix: np.ndarray, names: list[str], fold: np.ndarray, project: Project) -> dict:
    least = max(project.min_cell, 2 * LEAF, 2 * FOLDS)
    found, counts = np.unique([str(v) for v in values if not pd.isna(v)], return_counts=True)
    levels = [str(level) for level, n in zip(found, counts, strict=True) if n >= least]
    there = np.array([not pd.isna(v) and str(v) in levels for v in values], dtype=bool)
    there &= np.cumsum(there) <= ROWS
    entry = {"attribute": attribute, "n": int(there.sum()), "levels": len(levels)}
    if len(levels) < 2 or not names:
        return entry | dict.fromkeys(FIGURES) | {"verdict": "unknown"}
    x, fold, y = matrix[there], fold[there], np.array([levels.index(str(v)) for v in values[there]])
    chance = 1 / len(levels)
    together = _figures(_guesses(x, y, fold, (_tree, _logistic), project.seed), y)
    alone = {n: _figures(_guesses(x[:, [j]], y, fold, (_tree,), project.seed), y, among=len(names)) for j, n in enumerate(names)}
    most = max(alone, key=lambda name: alone[name][0])
    return entry | _verdict(together, alone[most], chance) | {"chance": chance, "variable": most}


def _verdict(together: tuple[float, float, float], alone: tuple[float, float, float], chance: float) -> dict:
    """The figures of all variables together and of the best one alone, and what they mean: either may give an attribute away."""
    above = [accuracy for accuracy, low, _ in (together, alone) if low > chance]
    strength = max((max(above, default=together[0]) - chance) / (1 - chance), 0.0)
    verdict = "none" if not above else "clear" if strength >= CLEAR else "some" if strength >= SLIGHT else "slight"
    figures = dict(zip(("accuracy", "low", "high", "alone", "alone_low", "alone_high"), (*together, *alone), strict=True))
    return figures | {"strength": strength, "verdict": verdict}


def _tree(x: np.ndarray, y: np.ndarray, seed: int):
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed).fit(x, y)


def _logistic(x: np.ndarray, y: np.ndarray, seed: int):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000, random_state=seed)).fit(x, y)


def _guesses(x: np.ndarray, y: np.ndarray, fold: np.ndarray, learners: tuple[Callable, ...], seed: int) -> np.ndarray:
    """The level guessed for each customer by the learner that did better among the other folds, taught on those folds alone."""
    guessed = np.empty(len(y), dtype=int)
    with one_thread("sklearn.linear_model", "sklearn.tree"):
        tried = _tried(x, y, fold, learners, seed) if len(learners) > 1 else {}
        for f in np.unique(fold):
            seen = fold != f
            best = max(learners, key=lambda learner: _right(tried[learner, f][seen], y[seen]).mean() if tried else 0.0)  # noqa: B023
            guessed[~seen] = best(x[seen], y[seen], seed).predict(x[~seen])
    return guessed


def _tried(x: np.ndarray, y: np.ndarray, fold: np.ndarray, learners: tuple[Callable, ...], seed: int) -> dict[tuple, np.ndarray]:
    """(learner, fold) → guesses for all other folds, each taught without itself and without that fold, which decides nothing here."""
    folds = np.unique(fold)
    tried = {(learner, f): np.full(len(y), -1) for learner in learners for f in folds}
    for learner in learners:
        for f, g in combinations(folds, 2):
            taught = learner(x[(fold != f) & (fold != g)], y[(fold != f) & (fold != g)], seed)
            for away, other in ((f, g), (g, f)):
                tried[learner, away][fold == other] = taught.predict(x[fold == other])
    return tried


def _right(guessed: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The share recognised of each level."""
    return np.array([(guessed[y == level] == level).mean() for level in np.unique(y)])


def _figures(guessed: np.ndarray, y: np.ndarray, *, among: int = 1) -> tuple[float, float, float]:
    """Balanced accuracy and its 95 % interval: each level's share recognised is a binomial of its own.

    among   of how many this is the best: the interval is widened after Bonferroni and by SHARED, for the best of many owes part of it
            to folds that vary together
    """
    from scipy.stats import norm

    right, sizes = _right(guessed, y), np.bincount(y)
    wider = SHARED if among > 1 else 1.0
    half = wider * norm.isf(0.025 / among) * np.sqrt((right * (1 - right) / sizes).sum()) / len(sizes)
    return float(right.mean()), float(max(right.mean() - half, 0.0)), float(min(right.mean() + half, 1.0))
