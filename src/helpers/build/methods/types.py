"""The nine types of segmentation: which columns serve each, and which way of cutting suits them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.build.inputs import Column
from helpers.build.methods.base import Fitted, by_measure, document, measure_of, unknown_shares
from helpers.build.methods.space import LEAST_KNOWN, LEAST_LEVEL
from helpers.project import Project
from helpers.words import mark

TITLES = {
    "a_priori": mark("A priori: conventional groups"),
    "needs": mark("By needs"),
    "value": mark("By value"),
    "demographic": mark("By demographics"),
    "geographic": mark("By area"),
    "technographic": mark("By technology used"),
    "behavioural": mark("By behaviour"),
    "psychographic": mark("By values and interests"),
    "journey": mark("By stage of the journey"),
}
NINE = {name: name.replace("_", " ") for name in TITLES}
"""The name in project.yml → the name in project.sections.NINE."""
ENOUGH_NUMBERS = 3
"""Where so many numbers measure a type, attributes are left to describe it."""
CONVENTIONS = ("seniority", "journey_stage")
"""Classes that stand in for present segments where no column holds any."""


@dataclass(frozen=True)
class Suited:
    """Which columns serve a type, and how: "present", "latent", "kmeans" or "hcpc"; none where why says what is lacking."""

    how: str = ""
    variables: tuple[str, ...] = ()
    why: str = ""
    details: tuple[str, ...] = ()


def suited(name: str, columns: dict[str, Column], signed: list[str], sample: pd.DataFrame, project: Project) -> Suited:
    """The columns of one type and the way of cutting for them: survey answers → latent classes, else numbers → k-means, else hcpc."""
    if name == "a_priori":
        return _present(columns, sample, project)
    mine = {c: column for c, column in columns.items() if column.type == NINE[name]}
    if not mine:
        return Suited(why="no_column")
    told = [c for c in mine if _tells(sample[c])]
    if not told:
        return Suited(why="constant" if any(sample[c].notna().any() for c in mine) else "unknown", details=tuple(mine))
    items = [c for c in told if mine[c].scale]
    if items:
        interests = [c for c in told if mine[c].kind == "category" and set(sample[c].dropna().unique()) == {"yes", "no"}]
        return Suited("latent", (*items, *interests))
    numbers = [c for c in told if mine[c].kind == "number"]
    numbers = [c for c in numbers if c in signed] or numbers
    attributes = [c for c in told if mine[c].kind == "category"]
    better = [c for c in attributes if sample[c].notna().mean() >= LEAST_KNOWN]
    numbers = [c for c in numbers if sample[c].notna().mean() >= LEAST_KNOWN] or numbers
    if len(numbers) >= ENOUGH_NUMBERS or not attributes:
        return Suited("kmeans", tuple(numbers))
    return Suited("hcpc", (*numbers, *(better or attributes)))


def present(sample: pd.DataFrame, name: str, k: int, project: Project, weights: np.ndarray | None = None) -> Fitted:
    """The groups that a column holds, as they are, the highest measure first; at most k: the smallest and the unknown are one.

    Returns   evidence: column, merged (levels in the last group), missing, dropped
    """
    text = sample[name].astype("string")
    w = np.ones(len(text)) if weights is None else weights
    counted = pd.Series(w, index=text.index).groupby(text).sum()
    levels = [str(x) for x in sorted(counted.index, key=lambda x: (-counted[x], x))]
    common = [level for level in levels if counted[level] >= LEAST_LEVEL * counted.sum()]
    everybody = text.notna().all() and len(common) == len(levels)
    named = common if everybody and len(common) <= k else common[: max(k - 1, 1)]
    place = text.map({level: float(i) for i, level in enumerate(named)}).astype("float64").fillna(len(named)).to_numpy().astype(int)
    groups = len(named) if everybody and len(common) <= k else len(named) + 1
    order = [int(j) for j in by_measure(place, measure_of(sample, project), groups, weights)]
    last = order[-1] if groups == len(named) else len(named)  # the group without a rule of its own
    rules = [{"segment": f"S{n + 1}", "when": {"variable": name, "in": [named[j]]}} for n, j in enumerate(order) if j != last]
    match = {"first_match": {"rules": rules, "otherwise": f"S{order.index(last) + 1}"}}
    entry = {"name": name, "kind": "category", "levels": [], "steps": []}
    merged = [level for level in levels if level not in named]
    told = {"column": name, "levels": {f"S{n + 1}": named[j] if j < len(named) else None for n, j in enumerate(order)}, "merged": merged}
    return Fitted(document([entry], groups, match), told | {"missing": unknown_shares(sample, [name]), "dropped": {}})


def _present(columns: dict[str, Column], sample: pd.DataFrame, project: Project) -> Suited:
    typed = project.build.present
    others = [c for c, column in columns.items() if column.type == "a priori" and c != typed]
    wanted = [c for c in (typed, *others, *CONVENTIONS) if c in columns and columns[c].kind == "category"]
    found = next((c for c in wanted if _tells(sample[c])), None)
    if found:
        return Suited("present", (found,))
    return Suited(why="constant", details=tuple(wanted)) if wanted else Suited(why="no_column")


def _tells(column: pd.Series) -> bool:
    return column.dropna().nunique() > 1
