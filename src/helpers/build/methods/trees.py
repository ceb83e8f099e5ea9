"""Trees as rules: one that predicts what customers did later, and segments that a tree suggests and another half of them confirms."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.contest import halves
from helpers.build.inputs import Column
from helpers.build.methods.base import KEY, Fitted, document, filled, numbers, own_measure, raw
from helpers.build.methods.space import LEAST_KNOWN, LEAST_LEVEL
from helpers.project import Project
from helpers.rates import holm

LEAF, LEAF_SHARE = 30, 0.02
"""Customers that a leaf of the tree holds at least: a number, and a share of all."""
SIGNIFICANT = 0.01
"""A leaf is suggested when its p-value, after Holm's correction over all leaves, is at most this. Stricter than one in twenty: a
suggestion is asked for again and again, at other numbers of segments and on other measures."""
LEAST_TESTED = 10
"""Customers of the second half without whom a leaf is not tested."""


def tree(sample: pd.DataFrame, outcome: np.ndarray, names: list[str], k: int) -> Fitted:
    """A tree of k leaves that predicts what it is asked, trained one window earlier; its leaves, highest first, are rules.

    sample    the earlier window's customers;  outcome: what they did after it, one value a customer or several
    """
    grown = _grown(np.column_stack([filled(sample, name) for name in names]), outcome, k)
    leaves = sorted(_leaves(grown, [_Split(name) for name in names], 0, {}), key=lambda leaf: -leaf.mean)
    rules = [{"segment": f"S{n + 1}", "when": leaf.when} for n, leaf in enumerate(leaves)]
    used = sorted({c["variable"] for rule in rules for c in rule["when"]}, key=names.index)
    match = {"first_match": {"rules": rules[:-1], "otherwise": rules[-1]["segment"]}}
    return Fitted(document(raw(sample, used or names[:1]), len(leaves), match), {"dropped": {}})


def suggested(
    sample: pd.DataFrame,
    k: int,
    project: Project,
    columns: dict[str, Column],
    names: list[str],
    weights: np.ndarray | None = None,
    measure: str = "",
) -> Fitted:
    """Segments in which a measure differs: a tree of at most k leaves grown on half of the customers and tested on the other.

    names     what may tell the segments: numbers and categories;  measure: of the columns; "": the main objective's own
    A leaf is kept when its mean differs from everybody else's of the second half (Welch's t, Holm over leaves); who is in none is
    "everyone else". Halves follow from a hash of the customer_id, so that nobody is in both.
    Returns   evidence: leaves [{segment or None, rows, mean, others, low, high, t, p, p_holm, when}] by the second half, the
              highest mean first, grown_on, tested_on, measure
    Raises    NinefoldError when no leaf is significant
    """
    measure = measure or own_measure(project)
    splits = _splits(sample, [n for n in names if n != measure], columns)
    y, first = numbers(sample, measure), halves(sample[KEY])
    known = ~np.isnan(y)
    if not splits or min((known & first).sum(), (known & ~first).sum()) < 2 * LEAF:
        raise NinefoldError(f"{project.file}: too few customers or variables for suggested segments: {int(known.sum())} have {measure}.")
    x = np.column_stack([split.values(sample) for split in splits])
    w = np.ones(len(y)) if weights is None else weights
    grown = _grown(x[known & first], y[known & first], k, w[known & first])
    leaves = _leaves(grown, splits, 0, {})
    at = grown.apply(np.ascontiguousarray(x, dtype="float32"))
    told = _tested(leaves, at[known & ~first], y[known & ~first], w[known & ~first])
    kept = [leaf for leaf in told if leaf["p_holm"] is not None and leaf["p_holm"] <= SIGNIFICANT]
    if not kept:
        raise NinefoldError(
            f"{project.file}: no suggested segment: of {len(leaves)} groups found on one half of the customers none differs in {measure} "
            f"on the other half at {SIGNIFICANT:.0%}. More customers or other variables might tell; leave out `suggested` of build.methods."
        )
    for place, leaf in enumerate(kept):
        leaf["segment"] = f"S{place + 1}"
    rules = [{"segment": leaf["segment"], "when": leaf["when"]} for leaf in kept]
    everyone = rules.pop()["segment"] if len(kept) == len(leaves) else f"S{len(kept) + 1}"
    used = [split for split in splits if split.variable in {name for leaf in kept for name in leaf["uses"]}]
    variables = list({split.variable: split.entry(sample) for split in used}.values())
    made = document(variables, len(kept) + (len(kept) < len(leaves)), {"first_match": {"rules": rules, "otherwise": everyone}})
    sizes = {"grown_on": int((known & first).sum()), "tested_on": int((known & ~first).sum())}
    return Fitted(made, {"measure": measure, "leaves": told, **sizes, "weighted": weights is not None, "dropped": {}})


def suggesting(signed: list[str], columns: dict[str, Column], passports: dict, project: Project, measure: str = "") -> list[str]:
    """What may tell suggested segments: signed variables that do not say the same as the measure, and attributes."""
    measure = measure or own_measure(project)
    group = passports.get(measure, {}).get("group")
    apart = [name for name in signed if name != measure and passports.get(name, {}).get("group") != group]
    return apart + [name for name, c in columns.items() if c.kind == "category" and name != project.build.present]


@dataclass(frozen=True)
class _Split:
    """Something a tree may split on: a number, or whether a category has one level."""

    variable: str
    level: str | None = None
    levels: tuple[str, ...] = ()

    def values(self, sample: pd.DataFrame) -> np.ndarray:
        if self.level is None:
            return filled(sample, self.variable)
        return (sample[self.variable].astype("string") == self.level).fillna(False).to_numpy(dtype="float64")

    def entry(self, sample: pd.DataFrame) -> dict:
        if self.level is None:
            return raw(sample, [self.variable])[0]
        listed = [{"level": level, "centre": 0.0, "scale": 1.0} for level in self.levels]
        return {"name": self.variable, "kind": "category", "levels": listed, "steps": []}


@dataclass(frozen=True)
class _Leaf:
    node: int
    mean: float
    when: list[dict]
    uses: tuple[str, ...]


def _splits(sample: pd.DataFrame, names: list[str], columns: dict[str, Column]) -> list[_Split]:
    """Every split that the sample allows: numbers known of somebody, and levels that enough customers have."""
    found = []
    for name in names:
        if columns[name].kind == "number":
            found += [_Split(name)] if len(np.unique(filled(sample, name))) > 1 else []
            continue
        text = sample[name].astype("string")
        if text.notna().mean() < LEAST_KNOWN:
            continue
        counted = text.value_counts()
        common = tuple(sorted(str(x) for x in counted.index if LEAST_LEVEL * len(text) <= counted[x] < len(text)))
        found += [_Split(name, level, common) for level in common]
    return found


def _grown(x: np.ndarray, outcome: np.ndarray, k: int, weights: np.ndarray | None = None):
    from sklearn.tree import DecisionTreeRegressor

    least = max(LEAF, int(LEAF_SHARE * len(x)))
    return (
        DecisionTreeRegressor(max_leaf_nodes=max(k, 2), min_samples_leaf=least, random_state=0).fit(x, outcome, sample_weight=weights).tree_
    )


def _leaves(fitted, splits: list[_Split], node: int, held: dict[_Split, tuple]) -> list[_Leaf]:
    """Every leaf below a node: its mean, and the conditions that lead there."""
    if fitted.children_left[node] < 0:
        uses = tuple(dict.fromkeys(split.variable for split in held))
        return [_Leaf(node, float(fitted.value[node].ravel()[0]), [_condition(s, *bounds) for s, bounds in held.items()], uses)]
    split = splits[fitted.feature[node]]
    border = float(fitted.threshold[node])  # half-way between two values: "below" and "at most" are the same there
    low, high = held.get(split, (None, None))
    left = _leaves(fitted, splits, fitted.children_left[node], held | {split: (low, border)})
    return left + _leaves(fitted, splits, fitted.children_right[node], held | {split: (border, high)})


def _condition(split: _Split, low: float | None, high: float | None) -> dict:
    if split.level is None:
        return {"variable": split.variable, "at_least": low, "below": high}
    has = {"variable": split.variable, "in": [split.level]}
    return has if low is not None else {"not": has}  # who has no level known has not this one


def _tested(leaves: list[_Leaf], at: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[dict]:
    """Each leaf's mean on the second half beside everybody else's there, by Welch's t; the highest first."""
    from scipy.stats import t as student

    rows = []
    for leaf in leaves:
        inside = at == leaf.node
        told = {"segment": None, "when": leaf.when, "uses": list(leaf.uses), "rows": int(inside.sum())}
        if min(inside.sum(), (~inside).sum()) < LEAST_TESTED:
            rows.append(told | dict.fromkeys(("mean", "others", "low", "high", "t", "p")))
            continue
        (m, vm, dm), (o, vo, do) = (_mean(y[part], w[part]) for part in (inside, ~inside))
        error = np.sqrt(vm + vo)
        df = (vm + vo) ** 2 / max(vm**2 / dm + vo**2 / do, 1e-300) if error > 0 else 1.0
        t = (m - o) / error if error > 0 else (0.0 if m == o else np.inf * np.sign(m - o))
        p, half = float(2 * student.sf(abs(t), df)), float(student.ppf(0.975, dm) * np.sqrt(vm))
        rows.append(told | {"mean": m, "others": o, "low": m - half, "high": m + half, "t": float(np.clip(t, -1e6, 1e6)), "p": p})
    there = [row for row in rows if row["p"] is not None]
    for row, p in zip(there, holm([row["p"] for row in there]), strict=True):
        row["p_holm"] = float(p)
    rows = [{"p_holm": None} | row for row in rows]
    return sorted(rows, key=lambda row: (row["mean"] is None, -(row["mean"] or 0.0)))


def _mean(y: np.ndarray, w: np.ndarray) -> tuple[float, float, float]:
    """Weighted mean, the square of its standard error, and its degrees of freedom; as usual where all weights are equal."""
    share = w / w.sum()
    mean = float(share @ y)
    n = float(1 / (share @ share))  # Kish's effective number of customers
    return mean, float(share @ (y - mean) ** 2 / max(n - 1, 1e-9)), max(n - 1, 1e-9)
