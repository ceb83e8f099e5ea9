"""The recipes: each learns from a sample of customers and returns a segmentation document."""

import itertools
import math
from datetime import datetime

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build import classes
from helpers.build.document import border
from helpers.project import Project
from helpers.variables import apply, catalogue, learn
from helpers.variables.choose import OWN_MEASURE
from helpers.words import mark

CANDIDATES = {
    "rfm": mark("RFM points"),
    "hcpc": mark("Hierarchical classification"),
    "crossing": mark("Crossing of two criteria"),
}
RULES = {
    "bands": mark("Bands of past spend"),
    "slices": mark("Slices of one gradient"),
    "tree": mark("Shallow tree"),
    "panel_tree": mark("Shallow tree on behaviours"),
    "chance": mark("Chance"),
}
TITLES = CANDIDATES | RULES
RFM = {"recency_days": -1, "orders_per_30d": 1, "spend_per_30d": 1}
"""The three criteria, each with the direction in which more is better."""
FIFTHS = 5
LEAF, LEAF_SHARE = 30, 0.02
"""Customers that a leaf of the tree holds at least: a number, and a share of all."""


def own_measure(project: Project) -> str:
    """The variable that measures what the main objective asks for: what bands are cut on and segments are ordered by.

    Where these data do not measure it, spend, then the first variable that they do measure.
    """
    measured = [v.name for v in catalogue(project)]
    wanted = (OWN_MEASURE.get(project.objectives.main.metric, "spend_per_30d"), "spend_per_30d", *measured)
    return next((name for name in wanted if name in measured), wanted[0])


def lacking(name: str, project: Project) -> list[str]:
    """The variables that a recipe needs and these data do not measure: totals of a period tell neither when nor how often."""
    measured = {v.name for v in catalogue(project)}
    return [each for each in RFM if each not in measured] if name == "rfm" else []


def require(sample: pd.DataFrame, names: list[str], k: int, project: Project) -> None:
    """Raise NinefoldError when there are fewer different customers than segments."""
    there = different(sample, names, project)
    if there < k:
        raise NinefoldError(
            f"{project.file}: field scope.segments_wanted is {project.scope.segments_wanted}, and the {len(sample)} customers "
            f"in scope have {there} different profiles by {len(names)} variables: {k} segments cannot be built. Ask for fewer, "
            "widen scope.filters, or keep other variables."
        )


def require_chosen(project: Project) -> None:
    """Raise NinefoldError when the recipe that project.yml chooses cannot be built from these data."""
    out = lacking(project.build.chosen or "", project)
    if out:
        raise NinefoldError(
            f"{project.file}: field build.chosen is {project.build.chosen!r}, and these data do not measure {', '.join(out)}. "
            "Choose another recipe, or map single orders instead of totals."
        )


def different(sample: pd.DataFrame, names: list[str], project: Project) -> int:
    """How many customers differ by these variables once outliers are held within their bounds and gaps are filled."""
    return len(np.unique(_transformed(sample, names, project).round(9), axis=0)) if names and len(sample) else 0


def constant(sample: pd.DataFrame, names: list[str], project: Project) -> list[str]:
    """The variables that tell none of these customers apart once outliers are held within their bounds."""
    values = _transformed(sample, names, project)
    return [name for name, column in zip(names, values.T, strict=True) if not len(column) or np.ptp(column) < 1e-12]


def hcpc(sample: pd.DataFrame, names: list[str], k: int, project: Project, *, built_as_of: datetime) -> tuple[dict, dict, np.ndarray]:
    """Hierarchical classification on principal components, consolidated.

    sample    one row a customer, variables in their units
    Returns   the document (nearest centre on the axes), the evidence of `classes.classify`, and the coordinates
    """
    known, out = {v.name: v for v in catalogue(project)}, constant(sample, names, project)
    kept = [name for name in names if name not in out]
    require(sample, kept, k, project)
    learnt = learn(sample, [known[name] for name in kept], project)
    values = apply(sample, learnt)
    axes = classes.principal_axes(values, project.build.axes)
    coordinates = axes.coordinates(values)
    found, evidence = classes.classify(coordinates, k, n_starts=project.build.starts, seed=project.seed)
    order = _by_measure(found.labels, sample[own_measure(project)].to_numpy(dtype="float64"), k)
    document = _document(
        [{key: entry[key] for key in ("name", "kind", "missing", "steps")} for entry in learnt],
        len(order),
        {"nearest": {"centroids": found.centres[order].tolist()}},
        built_as_of,
    )
    document["project"] = {"centre": axes.centre.tolist(), "loadings": axes.loadings.tolist()}
    return (
        document,
        evidence | {"dropped": out, "axes": axes.loadings.shape[1], "inertia_share": axes.inertia_share[:10].tolist()},
        coordinates,
    )


def slices(sample: pd.DataFrame, names: list[str], k: int, project: Project, *, built_as_of: datetime) -> dict:
    """k slices of equal numbers of customers along the first principal axis of all variables: what one gradient alone would give.

    Where many noisy variables say one thing, clusters beat bands of a single variable merely because they average; this does too.
    """
    known = {v.name: v for v in catalogue(project)}
    kept = [name for name in names if name not in constant(sample, names, project)]
    learnt = learn(sample, [known[name] for name in kept], project)
    axes = classes.principal_axes(apply(sample, learnt), 1)
    along = axes.coordinates(apply(sample, learnt))[:, 0]
    place = np.searchsorted(_cuts(along, k), along, side="right")
    at = _apart([along[place == j] for j in range(place.max() + 1)])
    order = _by_measure(place, sample[own_measure(project)].to_numpy(dtype="float64"), len(at))
    variables = [{key: entry[key] for key in ("name", "kind", "missing", "steps")} for entry in learnt]
    document = _document(variables, len(order), {"nearest": {"centroids": at[order].tolist()}}, built_as_of)
    loadings = np.column_stack([axes.loadings, np.zeros(len(kept))])  # all customers are 0 on the second axis
    return document | {"project": {"centre": axes.centre.tolist(), "loadings": loadings.tolist()}}


def rfm(sample: pd.DataFrame, k: int, project: Project, *, built_as_of: datetime) -> dict:
    """Recency, frequency and monetary value in fifths, one to five points each, and the sum cut into k groups.

    Ties stay together: a value on a cut is above it, and cuts that fall on one value are one cut worth as many points.
    """
    criteria, score = [], np.zeros(len(sample))
    for name, direction in RFM.items():
        values = _known(sample, name)
        cuts = _held(np.quantile(values, np.arange(1, FIFTHS) / FIFTHS))
        at, counts = np.unique(cuts, return_counts=True)
        levels = np.concatenate([[0], counts.cumsum()])
        points = (1 + levels if direction > 0 else FIFTHS - levels).tolist()
        criteria.append({"variable": name, "cuts": at.tolist(), "points": points})
        score += np.asarray(points)[np.searchsorted(at, values, side="right")]
    borders = _cuts(score, k)[::-1]
    bands = [{"segment": f"S{i + 1}", "from": int(math.ceil(border))} for i, border in enumerate(borders)]
    points = {"criteria": criteria, "bands": bands, "otherwise": f"S{len(borders) + 1}"}
    return _document(_raw(sample, list(RFM)), len(borders) + 1, {"points": points}, built_as_of)


def bands(sample: pd.DataFrame, k: int, project: Project, *, built_as_of: datetime) -> dict:
    """k bands of equal numbers of customers by the objective's own past value, the highest first; ties stay together."""
    name = own_measure(project)
    borders = _cuts(_known(sample, name), k)[::-1]
    rules = [
        {"segment": f"S{i + 1}", "when": [{"variable": name, "at_least": float(border), "below": None}]} for i, border in enumerate(borders)
    ]
    match = {"first_match": {"rules": rules, "otherwise": f"S{len(borders) + 1}"}}
    return _document(_raw(sample, [name]), len(borders) + 1, match, built_as_of)


def crossing(sample: pd.DataFrame, k: int, project: Project, *, built_as_of: datetime, criteria: list[str]) -> dict:
    """Two criteria crossed: about √k levels of the first, the rest of the second, neighbours merged until k cells are left.

    criteria   two variables; cells that are merged are the two neighbours of one level of the first with the fewest customers
    """
    first, second = (_known(sample, name) for name in criteria)
    rows = _cuts(first, math.ceil(math.sqrt(k)))
    columns = _cuts(second, math.ceil(k / (len(rows) + 1)))
    row, column = np.searchsorted(rows, first, side="right"), np.searchsorted(columns, second, side="right")
    cells = [[(i, j, j) for j in range(len(columns) + 1)] for i in range(len(rows) + 1)]  # level of the first, levels from–to of the second
    counts = lambda c: int(((row == c[0]) & (column >= c[1]) & (column <= c[2])).sum())  # noqa: E731
    while sum(map(len, cells)) > k:
        pairs = [(counts(a) + counts(b), i, j) for i, level in enumerate(cells) for j, (a, b) in enumerate(itertools.pairwise(level))]
        if not pairs:
            break
        _, i, j = min(pairs)
        cells[i][j : j + 2] = [(i, cells[i][j][1], cells[i][j + 1][2])]
    flat = [cell for level in reversed(cells) for cell in reversed(level)]
    rules = [
        {
            "segment": f"S{n + 1}",
            "when": [_between(criteria[0], rows, i, i), _between(criteria[1], columns, low, high)],
        }
        for n, (i, low, high) in enumerate(flat)
    ]
    rules = [rule | {"when": [c for c in rule["when"] if c["at_least"] is not None or c["below"] is not None]} for rule in rules]
    match = {"first_match": {"rules": rules[:-1], "otherwise": rules[-1]["segment"]}}
    return _document(_raw(sample, criteria), len(flat), match, built_as_of)


def tree(sample: pd.DataFrame, outcome: np.ndarray, names: list[str], k: int, *, built_as_of: datetime) -> dict:
    """A tree of k leaves that predicts what it is asked, trained one window earlier; its leaves, highest first, are rules.

    sample    the earlier window's customers;  outcome: what they did after it, one value a customer or several
    """
    from sklearn.tree import DecisionTreeRegressor

    filled = np.column_stack([_known(sample, name) for name in names])
    least = max(LEAF, int(LEAF_SHARE * len(sample)))
    fitted = DecisionTreeRegressor(max_leaf_nodes=k, min_samples_leaf=least, random_state=0).fit(filled, outcome).tree_
    leaves = sorted(_leaves(fitted, names, 0, {}), key=lambda leaf: -leaf[0])
    rules = [{"segment": f"S{n + 1}", "when": when} for n, (_, when) in enumerate(leaves)]
    used = sorted({c["variable"] for rule in rules for c in rule["when"]}, key=names.index)
    match = {"first_match": {"rules": rules[:-1], "otherwise": rules[-1]["segment"]}}
    return _document(_raw(sample, used or names[:1]), len(leaves), match, built_as_of)


def criteria_to_cross(project: Project, passports: dict, names: list[str]) -> list[str]:
    """The two variables to cross: as typed, else the objective's own and the one that tells most of the panel."""
    if len(project.build.crossing) == 2:
        return list(project.build.crossing)
    own = own_measure(project)
    others = [name for name in names if name != own and passports[name]["group"] != passports[own]["group"]]
    worth = {name: (passports[name]["contribution"] or {}).get("panel_alone") or 0.0 for name in others}
    return [own, max(others, key=worth.get)] if others else [own, own]


def _apart(parts: list[np.ndarray]) -> np.ndarray:
    """A centre for each part of a line, in two dimensions, so that who lies on the line is nearest to the centre of its own part.

    Means alone would put borders half-way between them; a distance from the line moves them to where the line was cut.
    """
    centres, away = np.array([part.mean() for part in parts]), np.zeros(len(parts))
    for j, (low, high) in enumerate(itertools.pairwise(parts)):
        cut = (low.max() + high.min()) / 2
        away[j + 1] = away[j] + (cut - centres[j]) ** 2 - (cut - centres[j + 1]) ** 2
    return np.column_stack([centres, np.sqrt(away - away.min())])


def _transformed(sample: pd.DataFrame, names: list[str], project: Project) -> np.ndarray:
    known = {v.name: v for v in catalogue(project)}
    return apply(sample, learn(sample, [known[name] for name in names], project))


def _leaves(fitted, names: list[str], node: int, held: dict[str, list]) -> list[tuple[float, list[dict]]]:
    """Every leaf below a node: its mean, and the conditions that lead there."""
    if fitted.children_left[node] < 0:
        when = [{"variable": name, "at_least": low, "below": high} for name, (low, high) in held.items()]
        return [(float(fitted.value[node].ravel()[0]), when)]
    name = names[fitted.feature[node]]
    border = float(fitted.threshold[node])  # half-way between two values: "below" and "at most" are the same there
    low, high = held.get(name, (None, None))
    left = _leaves(fitted, names, fitted.children_left[node], held | {name: (low, border)})
    return left + _leaves(fitted, names, fitted.children_right[node], held | {name: (border, high)})


def _known(sample: pd.DataFrame, name: str) -> np.ndarray:
    """A variable with its median where it is missing."""
    column = sample[name].to_numpy(dtype="float64")
    return np.where(np.isnan(column), _median(column), column)


def _median(column: np.ndarray) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


def _raw(sample: pd.DataFrame, names: list[str]) -> list[dict]:
    return [
        {"name": n, "kind": "number", "missing": _median(sample[n].to_numpy(dtype="float64")), "steps": []} for n in dict.fromkeys(names)
    ]


def _cuts(values: np.ndarray, groups: int) -> np.ndarray:
    """Up to groups − 1 borders between groups of about equal size; a value on a border is above it, and no group is empty."""
    if groups < 2 or not len(values):
        return np.empty(0)
    cuts = np.unique(_held(np.quantile(values, np.arange(1, groups) / groups, method="higher")))
    return cuts[cuts > values.min()]


def _held(cuts: np.ndarray) -> np.ndarray:
    """Cuts as the document will hold them, so that who has just this value reaches it there too."""
    return np.array([border(float(cut)) for cut in cuts])


def _between(name: str, borders: np.ndarray, low: int, high: int) -> dict:
    return {
        "variable": name,
        "at_least": float(borders[low - 1]) if low > 0 else None,
        "below": float(borders[high]) if high < len(borders) else None,
    }


def _by_measure(labels: np.ndarray, measure: np.ndarray, k: int) -> np.ndarray:
    """Class numbers, the highest mean first."""
    means = [np.nan_to_num(np.nanmean(measure[labels == j])) if (labels == j).any() else -np.inf for j in range(k)]
    return np.argsort([-m for m in means], kind="stable")


def _document(variables: list[dict], k: int, assign: dict, built_as_of: datetime) -> dict:
    return {
        "format": 1,
        "version": 1,
        "key": "customer_id",
        "built_as_of": built_as_of.isoformat(),
        "variables": variables,
        "segments": [{"id": f"S{n + 1}", "name": None, "colour": ""} for n in range(k)],
        "assign": assign,
    }
