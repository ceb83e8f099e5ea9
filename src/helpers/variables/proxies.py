"""How well the proposed variables together give away what customers are, such as their gender or age band."""

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.project import Project
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


def asked(descriptors: ir.Table, project: Project) -> tuple[list[str], list[str]]:
    """The attributes to check among the descriptors, and those that project.yml names and no descriptor holds."""
    wanted = list(dict.fromkeys(project.variables.proxies_of)) or [name for name in DEFAULT if name in descriptors.columns]
    if "age" not in descriptors.columns and "age_band" in descriptors.columns:  # ages in years are told in bands
        wanted = list(dict.fromkeys("age_band" if name == "age" else name for name in wanted))
    return [n for n in wanted if n in descriptors.columns], [n for n in wanted if n not in descriptors.columns]


def proxies(sample: pd.DataFrame, learnt: list[dict], names: list[str], attributes: pd.DataFrame, project: Project) -> list[dict]:
    """How well the variables in `names` tell each attribute, in customers whom the tree has not seen.

    sample      customer_id and the variables;  learnt: their transforms
    attributes  customer_id and the attributes to check, missing where not known
    Returns     one entry an attribute: attribute, n, levels, accuracy (balanced: mean over levels of the share recognised, five folds),
                low, high (95 %), chance (1 / levels), strength (from 0, chance, to 1, certainty), verdict ("none", "slight", "some",
                "clear", or "unknown" with too few customers), variable (that gives most away alone), alone (its accuracy)
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
        return entry | dict.fromkeys(("accuracy", "low", "high", "chance", "strength", "variable", "alone")) | {"verdict": "unknown"}
    x, fold, y = matrix[there], fold[there], np.array([levels.index(str(v)) for v in values[there]])
    accuracy, half = _recognised(x, y, fold, project.seed)
    alone = {name: _recognised(x[:, [j]], y, fold, project.seed)[0] for j, name in enumerate(names)}
    most, chance = max(alone, key=alone.get), 1 / len(levels)
    strength = max((accuracy - chance) / (1 - chance), 0.0)
    verdict = "none" if accuracy - half <= chance else "clear" if strength >= CLEAR else "some" if strength >= SLIGHT else "slight"
    figures = {"accuracy": accuracy, "low": accuracy - half, "high": min(accuracy + half, 1.0), "chance": chance, "strength": strength}
    return entry | figures | {"verdict": verdict, "variable": most, "alone": alone[most]}


def _recognised(x: np.ndarray, y: np.ndarray, fold: np.ndarray, seed: int) -> tuple[float, float]:
    """Balanced accuracy out of fold, and half of its 95 % interval: each level's share recognised is a binomial of its own."""
    from sklearn.tree import DecisionTreeClassifier

    guessed = np.empty(len(y), dtype=int)
    for f in np.unique(fold):
        tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed)
        guessed[fold == f] = tree.fit(x[fold != f], y[fold != f]).predict(x[fold == f])
    sizes = np.bincount(y)
    right = np.array([(guessed[y == level] == level).mean() for level in range(len(sizes))])
    return float(right.mean()), float(1.959964 * np.sqrt((right * (1 - right) / sizes).sum()) / len(sizes))
