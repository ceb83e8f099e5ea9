"""Every way of cutting customers: recipes that learn from a sample and return a segmentation document.

`recipes` lists those that a project and its data allow, and those refused with the reason; `Recipe.fit(sample, k)` makes the document.
"""

import functools

import numpy as np
import pandas as pd

from helpers.build.inputs import Column
from helpers.build.methods import cutting, partitions, scoring, trees, types
from helpers.build.methods.base import Fitted, Recipe, Refused, own_measure
from helpers.build.methods.latent import by_number, latent_classes, log_likelihood_ratio
from helpers.build.methods.trees import LEAF, tree
from helpers.project import Project
from helpers.project.building import METHODS, TYPES
from helpers.words import mark

__all__ = [
    "CANDIDATES",
    "LEAF",
    "RULES",
    "TITLES",
    "Fitted",
    "Recipe",
    "Refused",
    "by_number",
    "latent_columns",
    "log_likelihood_ratio",
    "own_measure",
    "recipes",
    "tree",
]
LEARNED = {
    "suggested": mark("Suggested segments"),
    "kmeans": mark("k-means"),
    "hcpc": mark("Hierarchical classification"),
    "latent": mark("Latent classes"),
}
CONVENTIONS = {
    "rfm": mark("RFM points"),
    "crossing": mark("Crossing of two criteria"),
    "points": mark("Score in points"),
    "rules": mark("Rules of our own"),
}
RULES = {
    "bands": mark("Bands of past spend"),
    "slices": mark("Slices of one gradient"),
    "tree": mark("Shallow tree"),
    "panel_tree": mark("Shallow tree on behaviours"),
    "chance": mark("Chance"),
}
"""What candidates are measured against."""
CANDIDATES = CONVENTIONS | LEARNED | types.TITLES
"""What may be published."""
TITLES = CANDIDATES | RULES
ALWAYS = ("bands", "slices")


def recipes(
    project: Project, columns: dict[str, Column], signed: list[str], passports: dict, sample: pd.DataFrame
) -> tuple[dict[str, Recipe], dict[str, Refused]]:
    """The ways of cutting that project.yml asks for and these data allow, simple rules among them, and those refused.

    columns   `inputs.columns` of the sample's table;  signed: the variables that step 5 signed;  passports: of step 4
    sample    of `inputs.customers`: tells which columns tell customers apart
    Returns   name → Recipe in the order of building.METHODS and TYPES, and name → Refused
    Raises    NinefoldError for a column named in project.yml that there is not
    """
    asked = [name for name in METHODS if name in project.build.methods or name in ALWAYS]
    found = {name: _method(name, project, columns, signed, passports, sample) for name in asked}
    found |= {name: _type(name, project, columns, signed, sample) for name in TYPES if name in project.build.types}
    made = {name: one for name, one in found.items() if isinstance(one, Recipe)}
    return made, {name: one for name, one in found.items() if isinstance(one, Refused)}


def latent_columns(columns: dict[str, Column], signed: list[str], sample: pd.DataFrame) -> list[str]:
    """What latent classes are fitted to: the items of the project's scales where somebody answered, else the signed variables."""
    items = [name for name, column in columns.items() if column.scale and sample[name].dropna().nunique() > 1]
    return items or list(signed)


def _method(name: str, project: Project, columns: dict, signed: list[str], passports: dict, sample: pd.DataFrame) -> Recipe | Refused:
    refuse = functools.partial(Refused, name, TITLES[name])
    make = functools.partial(_recipe, name, project)
    if name == "rfm":
        out = cutting.lacking("rfm", project)
        return refuse("not_measured", {"variables": out}) if out else make(cutting.RFM, lambda s, k, w: cutting.rfm(s, k, project, w))
    if name == "bands":
        return make([own_measure(project)], lambda s, k, w: cutting.bands(s, k, project, w))
    if name == "crossing":
        two = cutting.criteria_to_cross(project, passports, signed, columns)
        return make(two, lambda s, k, w: cutting.crossing(s, k, project, columns, two, w))
    if name == "points":
        used = scoring.asked(project, columns)
        if not used:
            return refuse("not_measured", {"variables": list(scoring.DEFAULT)})
        return make(
            used, lambda s, k, w: scoring.points(s, k, project, columns, w), how="points_typed" if project.build.points.criteria else ""
        )
    if name == "rules":
        return _rules(project, columns) if project.build.rules else refuse("none_typed", {"field": "build.rules"})
    if name == "suggested":
        names = trees.suggesting(signed, columns, passports, project)
        return make(names, lambda s, k, w: trees.suggested(s, k, project, columns, names, w))
    if not any(sample[c].dropna().nunique() > 1 for c in signed):
        return refuse("constant", {"variables": list(signed)})
    if name == "latent":
        names = latent_columns(columns, signed, sample)
        how = "latent_items" if columns[names[0]].scale else ""
        return make(names, lambda s, k, w: latent_classes(s, names, columns, k, project, w), how=how)
    fit = {"slices": cutting.slices, "kmeans": partitions.kmeans, "hcpc": partitions.hcpc}[name]
    return make(signed, lambda s, k, w: fit(s, signed, columns, k, project, w))


def _type(name: str, project: Project, columns: dict, signed: list[str], sample: pd.DataFrame) -> Recipe | Refused:
    found = types.suited(name, columns, signed, sample, project)
    if not found.how:
        return Refused(name, TITLES[name], found.why, {"type": types.NINE[name], "variables": list(found.details)})
    names = list(found.variables)
    if found.how == "present":
        return _recipe(name, project, names, lambda s, k, w: types.present(s, names[0], k, project, w), how="present")
    fit = {"latent": latent_classes, "kmeans": partitions.kmeans, "hcpc": partitions.hcpc}[found.how]
    return _recipe(name, project, names, lambda s, k, w: fit(s, names, columns, k, project, w), how=f"type_{found.how}", learned=True)


def _rules(project: Project, columns: dict) -> Recipe:
    from helpers.build.rules import document_of

    made = document_of(project.build.rules, project, columns)
    names = [variable["name"] for variable in made["variables"]]
    return _recipe("rules", project, names, lambda s, k, w: Fitted(made, {"dropped": {}, "weighted": False}))


def _recipe(name: str, project: Project, variables, fit, *, how: str = "", learned: bool | None = None) -> Recipe:
    learned = name in ("kmeans", "hcpc", "latent") if learned is None else learned
    level = "learned" if learned or name == "suggested" else "rules"

    def fitted(sample: pd.DataFrame, k: int, weights=None) -> Fitted:
        """The way of cutting, on one sample."""
        order = _by_value(sample, [own_measure(project), *variables])
        found = fit(sample.iloc[order].reset_index(drop=True), k, None if weights is None else np.asarray(weights, dtype="float64")[order])
        return Fitted(found.document | {"made_by": name}, found.evidence)

    kind = types.NINE.get(name, "")
    return Recipe(name, TITLES[name], level, kind, tuple(variables), learned, fitted, how or name)


def _by_value(sample: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Places of the rows in the order of their values, so that nothing depends on the order in which an engine gives them."""
    there = [name for name in dict.fromkeys(names) if name in sample.columns]
    codes = [pd.factorize(sample[name], sort=True)[0] for name in there]
    return np.lexsort(codes[::-1]) if codes else np.arange(len(sample))
