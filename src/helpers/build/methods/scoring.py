"""Points: each criterion gives some, what lies back counts for less, and the sum is cut into bands. The score of a lead."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.build.inputs import Column
from helpers.build.methods.base import Fitted, cuts, document, held, numbers, own_measure, unknown_shares
from helpers.project import Project
from helpers.project.building import Points

STEPS = 4
"""Steps of each criterion where none is typed: nothing, a third, two thirds and all of its points, by quarters of the customers."""
DEFAULT = {
    "recency_days": (-20, None),
    "orders_per_30d": (25, "recency_days"),
    "spend_per_30d": (25, "recency_days"),
    "visits_per_30d": (15, "days_since_visit"),
    "mails_opened_share": (15, None),
}
"""Where no criteria are typed: the most points that each gives (negative: the lower the better), and the age of what it counts, by
which its points fade: half are left after the project's horizon."""


def points(sample: pd.DataFrame, k: int, project: Project, columns: dict[str, Column], weights: np.ndarray | None = None) -> Fitted:
    """A score by the criteria of project.yml, or by DEFAULT as far as it is measured, cut into the bands typed or into k equal ones.

    Ties stay together. Who lacks a criterion has its points for a missing value, in a default score none.
    """
    typed = project.build.points
    names = [f"S{i + 1}" for i in range(len(typed.bands) + 1 if typed.bands else k)]
    made = points_document(sample, names, project, columns, typed=typed, default=DEFAULT, weights=weights)
    how = made["assign"]["points"]
    score = score_of(sample, how["criteria"])
    used = [v["name"] for v in made["variables"]]
    told = {
        "typed": bool(typed.criteria),
        "bands_typed": bool(typed.bands),
        "score": {"low": float(score.min()), "median": float(np.median(score)), "high": float(score.max())} if len(score) else None,
        "missing": unknown_shares(sample, used),
        "weighted": weights is not None,
        "dropped": {},
    }
    return Fitted(made, told)


def points_document(
    sample: pd.DataFrame,
    names: Sequence[str],
    project: Project,
    columns: dict[str, Column],
    *,
    typed: Points,
    default: Mapping[str, tuple],
    weights: np.ndarray | None = None,
) -> dict:
    """The document of a score whose bands have these ids, the most points first; fewer bands where ties leave fewer.

    typed     criteria and bands of project.yml;  default: criteria where none are typed
    """
    criteria = [_as_typed(c) for c in typed.criteria] if typed.criteria else default_criteria(sample, project, columns, weights, default)
    used = dict.fromkeys(name for c in criteria for name in (c["variable"], c.get("age")) if name)
    variables = [_variable(sample, name, columns, criteria) for name in used]
    borders = list(typed.bands) or [float(x) for x in cuts(score_of(sample, criteria), len(names), weights)[::-1]]
    kept = [*names[: len(borders)], names[-1]] if len(borders) < len(names) else list(names)
    if names[0] == "S1":  # segments are counted through, bands of leads keep their names
        kept = [f"S{i + 1}" for i in range(len(borders) + 1)]
    how = {
        "criteria": criteria,
        "bands": [{"segment": one, "from": b} for one, b in zip(kept, borders, strict=False)],
        "otherwise": kept[-1],
    }
    made = document(variables, len(kept), {"points": how})
    return made | {"segments": [segment | {"id": one} for segment, one in zip(made["segments"], kept, strict=True)]}


def asked(project: Project, columns: dict[str, Column]) -> list[str]:
    """The columns that the score reads."""
    typed = project.build.points.criteria
    if typed:
        return list(dict.fromkeys(name for c in typed for name in (c.variable, c.age) if name))
    return [name for name in DEFAULT if name in columns]


def default_criteria(
    sample: pd.DataFrame, project: Project, columns: dict[str, Column], weights: np.ndarray | None, default: Mapping[str, tuple] = DEFAULT
) -> list[dict]:
    """The default criteria as far as these data measure them and they tell customers apart."""
    found = []
    for name, (most, age) in default.items():
        values = numbers(sample, name) if name in columns else np.empty(0)
        known = ~np.isnan(values)
        at = held(cuts(values[known], STEPS, None if weights is None else weights[known])) if known.any() else np.empty(0)
        if not len(at):
            continue
        gained = np.linspace(0.0, abs(most), len(at) + 1).round(2)
        one = {"variable": name, "cuts": at.tolist(), "points": (gained if most > 0 else gained[::-1]).tolist(), "otherwise": 0.0}
        if age in columns and not np.isnan(numbers(sample, age)).all():
            one |= {"age": age, "half_life_days": float(project.scope.horizon_days)}
        found.append(one)
    if not found:
        name = own_measure(project)
        found = [{"variable": name, "cuts": [], "points": [0.0], "otherwise": 0.0}]
    return found


def score_of(sample: pd.DataFrame, criteria: list[dict]) -> np.ndarray:
    """The points of each customer, criterion after criterion; nothing for what is of an age not known."""
    score = np.zeros(len(sample))
    for c in criteria:
        score += gained(sample, c)
    return score


def gained(sample: pd.DataFrame, criterion: dict) -> np.ndarray:
    """The points that one criterion gives each customer, as a document of points has them."""
    if "levels" in criterion:
        found = sample[criterion["variable"]].astype("string").map(criterion["levels"]).astype("float64")
        given = found.fillna(criterion.get("otherwise") or 0.0).to_numpy()
    else:
        values = numbers(sample, criterion["variable"])
        given = np.asarray(criterion["points"], dtype="float64")[np.searchsorted(criterion["cuts"], np.nan_to_num(values), side="right")]
        unknown = criterion.get("otherwise")
        given = np.where(np.isnan(values), criterion["points"][0] if unknown is None else unknown, given)
    if criterion.get("age"):
        age = numbers(sample, criterion["age"])
        given = np.where(np.isnan(age), 0.0, given * 0.5 ** (np.maximum(np.nan_to_num(age), 0.0) / criterion["half_life_days"]))
    return given


def _as_typed(c) -> dict:
    one = {"variable": c.variable, "levels": dict(c.levels), "otherwise": c.otherwise} if c.levels else None
    one = one or {"variable": c.variable, "cuts": list(c.cuts), "points": list(c.points), "otherwise": c.otherwise}
    return one | ({"age": c.age, "half_life_days": c.half_life_days} if c.age else {})


def _variable(sample: pd.DataFrame, name: str, columns: dict[str, Column], criteria: list[dict]) -> dict:
    if name in columns and columns[name].kind == "category":
        levels = sorted({level for c in criteria if c["variable"] == name for level in c.get("levels", {})})
        return {"name": name, "kind": "category", "levels": [{"level": x, "centre": 0.0, "scale": 1.0} for x in levels], "steps": []}
    return {"name": name, "kind": "number", "missing": None, "steps": []}
