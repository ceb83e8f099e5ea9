"""Simple cuts: RFM points, bands of one measure, slices of one gradient, two criteria crossed."""

import itertools
import math

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.inputs import Column
from helpers.build.methods.base import (
    Fitted,
    by_measure,
    cuts,
    document,
    filled,
    held,
    measure_of,
    own_measure,
    raw,
    unknown_shares,
)
from helpers.build.methods.space import LEAST_LEVEL, principal_axes, space
from helpers.project import Project
from helpers.variables import catalogue

RFM = {"recency_days": -1, "orders_per_30d": 1, "spend_per_30d": 1}
"""The three criteria, each with the direction in which more is better."""
FIFTHS = 5


def lacking(name: str, project: Project) -> list[str]:
    """The variables that a recipe needs and these data do not measure: totals of a period tell neither when nor how often."""
    measured = {v.name for v in catalogue(project)}
    return [each for each in RFM if each not in measured] if name == "rfm" else []


def rfm(sample: pd.DataFrame, k: int, project: Project, weights: np.ndarray | None = None) -> Fitted:
    """Recency, frequency and monetary value, cut as project.yml says or into fifths, a point for each cut reached; the sum in k groups.

    Ties stay together: a value on a cut is above it, and cuts that fall on one value are one cut worth as many points.
    """
    criteria, score, typed = [], np.zeros(len(sample)), {}
    for name, direction in RFM.items():
        values, asked = filled(sample, name), sorted(set(getattr(project.build.rfm, name)))
        typed |= {name: asked} if asked else {}
        fifths = np.arange(1, FIFTHS) / FIFTHS
        found = held(np.quantile(values, fifths) if weights is None else _inner(values, fifths, weights)) if not asked else np.array(asked)
        at, counts = np.unique(found, return_counts=True)
        levels, most = np.concatenate([[0], counts.cumsum()]), len(found) + 1
        points = (1 + levels if direction > 0 else most - levels).tolist()
        criteria.append({"variable": name, "cuts": at.tolist(), "points": points})
        score += np.asarray(points)[np.searchsorted(at, values, side="right")]
    borders = cuts(score, k, weights)[::-1]
    bands = [{"segment": f"S{i + 1}", "from": int(math.ceil(border))} for i, border in enumerate(borders)]
    points = {"criteria": criteria, "bands": bands, "otherwise": f"S{len(borders) + 1}"}
    told = {"typed_cuts": typed, "missing": unknown_shares(sample, list(RFM)), "weighted": weights is not None, "dropped": {}}
    return Fitted(document(raw(sample, list(RFM)), len(borders) + 1, {"points": points}), told)


def bands(sample: pd.DataFrame, k: int, project: Project, weights: np.ndarray | None = None) -> Fitted:
    """k bands of equal numbers of customers by the objective's own past value, the highest first; ties stay together."""
    name = own_measure(project)
    borders = cuts(filled(sample, name), k, weights)[::-1]
    rules = [
        {"segment": f"S{i + 1}", "when": [{"variable": name, "at_least": float(border), "below": None}]} for i, border in enumerate(borders)
    ]
    match = {"first_match": {"rules": rules, "otherwise": f"S{len(borders) + 1}"}}
    told = {"missing": unknown_shares(sample, [name]), "weighted": weights is not None, "dropped": {}}
    return Fitted(document(raw(sample, [name]), len(borders) + 1, match), told)


def slices(
    sample: pd.DataFrame, names: list[str], columns: dict[str, Column], k: int, project: Project, weights: np.ndarray | None = None
) -> Fitted:
    """k slices of equal numbers of customers along the first principal axis of all variables: what one gradient alone would give.

    Where many noisy variables say one thing, clusters beat bands of a single variable merely because they average; this does too.
    """
    points = space(sample, names, columns, project, weights)
    axes = principal_axes(points.values, 1, weights)
    along = axes.coordinates(points.values)[:, 0]
    place = np.searchsorted(cuts(along, k, weights), along, side="right")
    at = _apart([along[place == j] for j in range(place.max() + 1)])
    order = by_measure(place, measure_of(sample, project), len(at), weights)
    made = document(points.variables, len(order), {"nearest": {"centroids": at[order].tolist()}})
    loadings = np.column_stack([axes.loadings, np.zeros(len(axes.loadings))])  # all customers are 0 on the second axis
    made["project"] = {"centre": axes.centre.tolist(), "loadings": loadings.tolist()}
    return Fitted(made, points.told | {"dropped": points.dropped, "inertia_share": axes.inertia_share[:10].tolist()})


def crossing(
    sample: pd.DataFrame,
    k: int,
    project: Project,
    columns: dict[str, Column],
    criteria: list[str],
    weights: np.ndarray | None = None,
) -> Fitted:
    """Two criteria crossed: about √k levels of the first, the rest of the second, neighbours merged until k cells are left.

    criteria   two columns; cells that are merged are the two neighbours of one level of the first with the fewest customers. Levels of
               a category stand in order of their size, and the smallest share the last place with whoever has none of them
    """
    w = np.ones(len(sample)) if weights is None else weights
    first = _steps(sample, criteria[0], columns, math.ceil(math.sqrt(k)), weights)
    second = _steps(sample, criteria[1], columns, math.ceil(k / len(first.conditions)), weights)
    cells = _merged(first, second, k, w)
    flat = [cell for level in reversed(cells) for cell in reversed(level)]
    rules = [
        {"segment": f"S{n + 1}", "when": [c for c in (first.between(i, i), second.between(low, high)) if c]}
        for n, (i, low, high) in enumerate(flat)
    ]
    match = {"first_match": {"rules": rules[:-1], "otherwise": rules[-1]["segment"]}}
    told = {"missing": unknown_shares(sample, list(dict.fromkeys(criteria))), "weighted": weights is not None, "dropped": {}}
    used = {name: part.variable for name, part in zip(criteria, (first, second), strict=True)}
    return Fitted(document(list(used.values()), len(flat), match), told | {"criteria": list(criteria)})


def criteria_to_cross(project: Project, passports: dict, names: list[str], columns: dict[str, Column] | None = None) -> list[str]:
    """The two columns to cross: as typed, else the objective's own and the one that tells most of the panel.

    Raises NinefoldError for a typed one that there is not
    """
    if len(project.build.crossing) == 2:
        gone = [name for name in project.build.crossing if columns is not None and name not in columns]
        if gone:
            raise NinefoldError(
                f"{project.file}: field build.crossing has the value {gone[0]!r}: no variable or attribute has this name. "
                f"There are {', '.join(sorted(columns))}."
            )
        return list(project.build.crossing)
    own = own_measure(project)
    others = [name for name in names if name != own and passports[name]["group"] != passports.get(own, {}).get("group")]
    worth = {name: (passports[name]["contribution"] or {}).get("panel_alone") or 0.0 for name in others}
    return [own, max(others, key=worth.get)] if others else [own, own]


class _Steps:
    """One criterion in steps, lowest first: where each customer stands, and the condition of a run of steps."""

    def __init__(self, variable: dict, place: np.ndarray, conditions: list):
        self.variable, self.place, self.conditions = variable, place, conditions

    def between(self, low: int, high: int) -> dict | None:
        """The condition of steps low to high; None where it is everybody."""
        if (low, high) == (0, len(self.conditions) - 1):
            return None
        name = self.variable["name"]
        if self.variable["kind"] == "number":
            return {"variable": name, "at_least": self.conditions[low][0], "below": self.conditions[high][1]}
        if low:
            return {"variable": name, "in": [level for step in self.conditions[low : high + 1] for level in step]}
        others = [level for step in self.conditions[high + 1 :] for level in step]
        return {"not": {"variable": name, "in": others}}  # the lowest step holds everybody without any of the levels named


def _steps(sample: pd.DataFrame, name: str, columns: dict[str, Column], groups: int, weights: np.ndarray | None) -> _Steps:
    if name in columns and columns[name].kind == "category":
        text, w = sample[name].astype("string"), np.ones(len(sample)) if weights is None else weights
        counted = pd.Series(w, index=text.index).groupby(text).sum()
        common = [str(x) for x in sorted(counted.index, key=lambda x: (-counted[x], x)) if counted[x] >= LEAST_LEVEL * w.sum()]
        named = common[: len(common) if len(common) <= groups and counted[common].sum() >= w.sum() - 1e-9 else groups - 1]
        named = named[:-1] if len(named) == groups else named  # the last place is for the rest
        conditions = [[]] + [[level] for level in reversed(named)]
        place = np.zeros(len(sample), dtype=int)
        for step, (level,) in enumerate(conditions[1:], start=1):
            place[(text == level).fillna(False).to_numpy(dtype=bool)] = step
        return _Steps({"name": name, "kind": "category", "levels": _listed(common), "steps": []}, place, conditions)
    values = filled(sample, name)
    at = cuts(values, groups, weights)
    edges = [None, *(float(cut) for cut in at), None]
    return _Steps(raw(sample, [name])[0], np.searchsorted(at, values, side="right"), list(itertools.pairwise(edges)))


def _listed(levels: list[str]) -> list[dict]:
    """Levels that a rule may name; a rule takes no coordinates of them."""
    return [{"level": level, "centre": 0.0, "scale": 1.0} for level in sorted(levels)]


def _merged(first: _Steps, second: _Steps, k: int, w: np.ndarray) -> list[list[tuple]]:
    """Cells (step of the first, from and to of the second), by step of the first, neighbours merged until k are left."""
    across, down = len(second.conditions), len(first.conditions)
    weight = np.bincount(first.place * across + second.place, weights=w, minlength=across * down).reshape(down, across)
    cells = [[(i, j, j) for j in range(across)] for i in range(down)]
    there = lambda c: float(weight[c[0], c[1] : c[2] + 1].sum())  # noqa: E731
    while sum(map(len, cells)) > k:
        pairs = [(there(a) + there(b), i, j) for i, level in enumerate(cells) for j, (a, b) in enumerate(itertools.pairwise(level))]
        if not pairs:
            break
        _, i, j = min(pairs)
        cells[i][j : j + 2] = [(i, cells[i][j][1], cells[i][j + 1][2])]
    return cells


def _apart(parts: list[np.ndarray]) -> np.ndarray:
    """A centre for each part of a line, in two dimensions, so that who lies on the line is nearest to the centre of its own part.

    Means alone would put borders half-way between them; a distance from the line moves them to where the line was cut.
    """
    centres, away = np.array([part.mean() for part in parts]), np.zeros(len(parts))
    for j, (low, high) in enumerate(itertools.pairwise(parts)):
        cut = (low.max() + high.min()) / 2
        away[j + 1] = away[j] + (cut - centres[j]) ** 2 - (cut - centres[j + 1]) ** 2
    return np.column_stack([centres, np.sqrt(away - away.min())])


def _inner(values: np.ndarray, shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Quantiles of weighted rows, between the two nearest values as np.quantile takes them of rows that count alike."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order]
    return np.interp(shares * below[-1], below, values[order])
