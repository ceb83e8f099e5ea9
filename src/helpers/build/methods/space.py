"""Customers as points: transformed numbers, levels of categories, and the factor axes of both.

Numbers are standardised; a level that a share p has is one coordinate, (1 where the customer has it − p)/√p. The principal components
of these are PCA for numbers, multiple correspondence analysis for categories (but for a constant factor) and FAMD for both; worked
out here, rather than with prince, to allow for missing values and weights, and to be written into a document.
Source   Pagès, *Multiple Factor Analysis by Example Using R*, chapter 3
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.inputs import Column
from helpers.build.methods.base import numbers, require, unknown_shares
from helpers.project import Project
from helpers.variables import apply, learn

LEAST_LEVEL = 0.02
"""Levels that a smaller share of those known has are left at the average, as if not known."""
LEAST_KNOWN = 0.2
"""An attribute known of a smaller share of customers has no part where another is known better."""
PERMUTATIONS, QUANTILE = 20, 0.95
SAME = 0.999999


@dataclass(frozen=True)
class Axes:
    """Principal axes: coordinates are (values − centre) @ loadings.

    centre         one mean a column;  inertia_share: share of all inertia that each axis carries, of all axes there are
    loadings       columns × axes, orthonormal; the largest loading of each axis is positive
    """

    centre: np.ndarray
    loadings: np.ndarray
    inertia_share: np.ndarray

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Customers × axes, from customers × columns."""
        return (values - self.centre) @ self.loadings


@dataclass(frozen=True)
class Space:
    """A sample as points.

    variables   entries of a document, in their order;  values: customers × coordinates;  blocks: number of coordinates of each variable
    dropped     variable → why it has no part;  told: evidence on missing values, lumped levels and weights
    """

    variables: list[dict]
    values: np.ndarray
    blocks: list[int]
    dropped: dict[str, str]
    told: dict


def principal_axes(values: np.ndarray, wanted: int, weights: np.ndarray | None = None) -> Axes:
    """Principal components of customers × columns as they are, at most `wanted` axes that carry anything."""
    w = np.full(len(values), 1 / max(len(values), 1)) if weights is None else weights / weights.sum()
    centre = w @ values
    centred = values - centre
    spread, directions = np.linalg.eigh((centred * w[:, None]).T @ centred)
    spread, directions = np.maximum(spread[::-1], 0.0), directions[:, ::-1].T
    share = spread / max(float(spread.sum()), 1e-300)
    kept = max(1, min(wanted, int((share > 1e-9).sum())))
    loadings = directions[:kept].T
    largest = np.abs(loadings).argmax(axis=0)
    return Axes(centre, loadings * np.sign(loadings[largest, np.arange(kept)]), share)


def axes_wanted(values: np.ndarray, blocks: list[int], *, seed: int, weights: np.ndarray | None = None) -> int:
    """As many leading axes as carry more than unrelated variables would: at least two, at most all, and all where none does.

    An axis counts while its inertia is above the 95 % quantile of the same axis in 20 permutations of each variable (all levels of
    a category move together).
    Source   Horn 1965, doi 10.1007/BF02289447 (parallel analysis), with permutations and a quantile as in Buja & Eyuboglu 1992
    """
    w = np.full(len(values), 1 / max(len(values), 1)) if weights is None else weights / weights.sum()
    draw, ends = np.random.default_rng([seed, 1965]), np.cumsum(blocks)[:-1]
    found = _inertia(values, w)
    parts = np.split(values, ends, axis=1)
    chance = [_inertia(np.column_stack([part[draw.permutation(len(values))] for part in parts]), w) for _ in range(PERMUTATIONS)]
    more = found > np.quantile(chance, QUANTILE, axis=0)
    leading = int(np.argmin(more)) if not more.all() else len(more)
    return min(max(leading, 2), len(more)) if leading else len(more)  # nothing goes together: no axis is better than another


def space(sample: pd.DataFrame, names: list[str], columns: dict[str, Column], project: Project, weights: np.ndarray | None = None) -> Space:
    """The transforms and levels of these columns, learnt on the sample, and its customers as points.

    A number missing has its median, a level missing or rare the average. What is the same for everybody has no part.
    Raises   NinefoldError when nothing is left
    """
    dropped: dict[str, str] = {}
    measured = _numbers(sample, [n for n in names if columns[n].kind == "number"], columns, project, dropped)
    entries, parts = [entry for entry, _ in measured], [values[:, None] for _, values in measured]
    lumped, attributes = {}, [n for n in names if columns[n].kind == "category"]
    known = {n: float(sample[n].notna().mean()) for n in attributes}
    for name in attributes:
        entry, values, rare = _levels(sample[name], name, weights)
        if entry is None:
            dropped[name] = "missing" if not known[name] else "constant"
        elif known[name] < LEAST_KNOWN and (entries or max(known.values()) >= LEAST_KNOWN):
            dropped[name] = "rare"
        else:
            entries, parts = [*entries, entry], [*parts, values]
            lumped |= {name: rare} if rare else {}
    if not entries:
        raise NinefoldError(
            f"{project.file}: the variables {', '.join(names)} are missing or the same for everybody, and tell nobody apart. "
            "Keep other variables in variables, or widen scope.filters."
        )
    kept = [entry["name"] for entry in entries]
    told = {"missing": unknown_shares(sample, kept), "lumped_levels": lumped, "weighted": weights is not None}
    return Space(entries, np.column_stack(parts), [part.shape[1] for part in parts], dropped, told)


def different(values: np.ndarray) -> int:
    """How many rows differ."""
    return len(np.unique(values.round(9), axis=0)) if values.size else 0


def on_axes(points: Space, project: Project, k: int, weights: np.ndarray | None = None) -> tuple[Axes, np.ndarray]:
    """The factor axes of the project's number, or of parallel analysis, and the customers on them; NinefoldError with too few of them."""
    require(different(points.values), len(points.values), len(points.variables), k, project)
    wanted = project.build.axes or axes_wanted(points.values, points.blocks, seed=project.seed, weights=weights)
    axes = principal_axes(points.values, wanted, weights)
    return axes, axes.coordinates(points.values)


def _numbers(sample, names, columns, project, dropped) -> list[tuple[dict, np.ndarray]]:
    """Entry and transformed values of each number that tells customers apart and does not repeat an earlier one."""
    there = [n for n in names if not np.isnan(numbers(sample, n)).all()]
    dropped |= dict.fromkeys([n for n in names if n not in there], "missing")
    learnt = learn(sample, [columns[n].variable or _Plain(n) for n in there], project)
    result: list[tuple[dict, np.ndarray]] = []
    for entry, values in zip(learnt, apply(sample, learnt).T, strict=True):
        if np.ptp(values) < 1e-12:
            dropped[entry["name"]] = "constant"
        elif any(abs(np.mean(values * other)) > SAME for _, other in result):
            dropped[entry["name"]] = "same"
        else:
            result.append(({key: entry[key] for key in ("name", "kind", "missing", "steps")}, values))
    return result


@dataclass(frozen=True)
class _Plain:
    """A number that is no variable of the catalogue, such as a survey answer, as `learn` reads it."""

    name: str
    kind: str = "signed"


def _levels(column: pd.Series, name: str, weights: np.ndarray | None) -> tuple[dict | None, np.ndarray | None, int]:
    """A category as an entry and its coordinates, and how many rare levels are left at the average; None with fewer than two levels."""
    text = column.astype("string")
    w = pd.Series(np.ones(len(text)) if weights is None else weights, index=text.index)
    counted = w.groupby(text).sum()
    common = counted[counted >= LEAST_LEVEL * counted.sum()]
    shares = common / common.sum()
    if len(shares) < 2:
        return None, None, 0
    levels = [{"level": str(level), "centre": float(p), "scale": float(np.sqrt(p))} for level, p in sorted(shares.items())]
    there = text.isin(list(shares.index)).to_numpy(dtype=bool)
    values = np.column_stack([((text == o["level"]).fillna(False).to_numpy(dtype=float) - o["centre"]) / o["scale"] for o in levels])
    entry = {"name": name, "kind": "category", "levels": levels, "steps": []}
    return entry, np.where(there[:, None], values, 0.0), int(len(counted) - len(common))


def _inertia(values: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Inertia of each axis, largest first."""
    centred = values - w @ values
    found = np.linalg.eigvalsh((centred * w[:, None]).T @ centred)[::-1]
    return np.maximum(found[: min(values.shape[0] - 1, len(found))], 0.0) if len(found) > 1 else found
