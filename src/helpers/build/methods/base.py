"""What every recipe is made of: what it returns, what it refuses, and how the customers of a sample are read."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.document import border
from helpers.project import Project
from helpers.variables import catalogue
from helpers.variables.choose import OWN_MEASURE

KEY = "customer_id"


@dataclass(frozen=True)
class Fitted:
    """A segmentation document without built_as_of, and what is known of how it was found.

    evidence   always dropped: variable → why it had no part ("missing", "constant", "same", "rare"); the rest differs by recipe
    """

    document: dict
    evidence: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """One way of cutting customers.

    title      a marked message;  level: "rules" or "learned";  type: of the nine, or "" where variables of several types serve
    variables  the columns it asks for;  learned: whether a structure verdict applies to it
    fit        (sample, k, weights=None) → Fitted; any sample of `inputs.customers`, repeated rows too; the same for the same sample.
               weights: how much each row counts. Raises NinefoldError for a sample that it cannot cut
    how        a key of methods_page.HOW: how it cuts
    """

    name: str
    title: str
    level: str
    type: str
    variables: tuple[str, ...]
    learned: bool
    fit: Callable[..., Fitted]
    how: str


@dataclass(frozen=True)
class Refused:
    """A way of cutting that is not possible here.

    why   "not_measured" (details: variables), "no_column" (details: type), "constant" (details: variables), "none_typed" (details: field),
          "unknown" (details: variables), "one_group" (details: variables)
    """

    name: str
    title: str
    why: str
    details: dict = field(default_factory=dict)


def own_measure(project: Project) -> str:
    """The variable that measures what the main objective asks for: what bands are cut on and segments are ordered by.

    Where these data do not measure it, spend, then the first variable that they do measure.
    """
    measured = [v.name for v in catalogue(project)]
    wanted = (OWN_MEASURE.get(project.objectives.main.metric, "spend_per_30d"), "spend_per_30d", *measured)
    return next((name for name in wanted if name in measured), wanted[0])


def numbers(sample: pd.DataFrame, name: str) -> np.ndarray:
    """A column as float64; NinefoldError naming it where the sample lacks it."""
    if name not in sample.columns:
        raise NinefoldError(f"the table of customers has no column {name!r}: measure it in step 4, or leave it out of project.yml")
    try:
        return sample[name].to_numpy(dtype="float64", na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise NinefoldError(
            f"the column {name!r} holds text, and numbers are wanted: give `levels`, not `cuts`, or name another"
        ) from error


def filled(sample: pd.DataFrame, name: str) -> np.ndarray:
    """A variable with its median where it is missing."""
    column = numbers(sample, name)
    return np.where(np.isnan(column), median(column), column)


def median(column: np.ndarray) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


def unknown_shares(sample: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """Share of rows that lack each variable."""
    return {name: float(sample[name].isna().mean()) for name in names} if len(sample) else dict.fromkeys(names, 0.0)


def raw(sample: pd.DataFrame, names: list[str]) -> list[dict]:
    """Variables of a document as they are measured, the median where one is missing."""
    return [{"name": n, "kind": "number", "missing": median(numbers(sample, n)), "steps": []} for n in dict.fromkeys(names)]


def cuts(values: np.ndarray, groups: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Up to groups − 1 borders between groups of about equal weight; a value on a border is above it, and no group is empty."""
    if groups < 2 or not len(values):
        return np.empty(0)
    found = np.unique(held(quantiles(values, np.arange(1, groups) / groups, weights)))
    return found[found > values.min()]


def quantiles(values: np.ndarray, shares: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The smallest values at or above which the rest lies: of n rows the one in place ⌈share · (n − 1)⌉, of weighted rows likewise."""
    if weights is None:
        return np.quantile(values, shares, method="higher")
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order]
    place = np.searchsorted(below, shares * below[-1] * (1 - 1e-12))
    return values[order][np.minimum(place, len(values) - 1)]


def held(values: np.ndarray) -> np.ndarray:
    """Cuts as the document will hold them, so that who has just this value reaches it there too."""
    return np.array([border(float(value)) for value in values])


def by_measure(labels: np.ndarray, measure: np.ndarray, k: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Class numbers, the highest mean first."""
    w = np.ones(len(labels)) if weights is None else weights
    known = ~np.isnan(measure)
    sums = np.bincount(labels[known], weights=(measure * w)[known], minlength=k)
    whole = np.bincount(labels[known], weights=w[known], minlength=k)
    here = np.bincount(labels, minlength=k) > 0
    means = np.where(here, np.where(whole > 0, sums / np.maximum(whole, 1e-300), 0.0), -np.inf)
    return np.argsort(-means, kind="stable")


def measure_of(sample: pd.DataFrame, project: Project) -> np.ndarray:
    """What segments are ordered by, or all 0 where the sample does not hold it."""
    name = own_measure(project)
    return numbers(sample, name) if name in sample.columns else np.zeros(len(sample))


def document(variables: list[dict], k: int, assign: dict) -> dict:
    """A document of k segments S1 … without a date."""
    return {
        "format": 2,
        "version": 1,
        "key": KEY,
        "variables": variables,
        "segments": [{"id": f"S{n + 1}", "name": None, "colour": ""} for n in range(k)],
        "assign": assign,
    }


def require(different: int, rows: int, variables: int, k: int, project: Project) -> None:
    """Raise NinefoldError when there are fewer different customers than segments."""
    if different < k:
        raise NinefoldError(
            f"{project.file}: field scope.segments_wanted is {project.scope.segments_wanted}, and the {rows} customers "
            f"in scope have {different} different profiles by {variables} variables: {k} segments cannot be built. Ask for fewer, "
            "widen scope.filters, or keep other variables."
        )
