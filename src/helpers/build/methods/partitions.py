"""k-means on the variables themselves and hierarchical classification on their factor axes, as documents of nearest centres."""

import numpy as np
import pandas as pd

from helpers.build.inputs import Column
from helpers.build.methods.base import Fitted, by_measure, document, measure_of, require
from helpers.build.methods.space import Axes, Space, different, on_axes, space
from helpers.build.methods.tree_of_classes import Classes, from_starts, hierarchical, squares_to, total
from helpers.project import Project


def kmeans(
    sample: pd.DataFrame, names: list[str], columns: dict[str, Column], k: int, project: Project, weights: np.ndarray | None = None
) -> Fitted:
    """k-means on the transformed variables, all of equal weight: the best of build.starts cold starts, finished with single-row swaps.

    Returns   evidence: within, total (sums of squares), rows, starts, missing, lumped_levels, dropped, weighted
    """
    points = space(sample, names, columns, project, weights)
    coordinates = points.values
    require(different(coordinates), len(coordinates), len(points.variables), k, project)
    found = from_starts(coordinates, k, n_starts=project.build.starts, seed=project.seed, weights=weights)
    told = {"within": found.within, "total": total(coordinates, weights), "rows": len(coordinates), "starts": project.build.starts}
    return _as_document(sample, points, None, coordinates, found, k, project, weights, told)


def hcpc(
    sample: pd.DataFrame, names: list[str], columns: dict[str, Column], k: int, project: Project, weights: np.ndarray | None = None
) -> Fitted:
    """Hierarchical classification on principal components, cut at k and consolidated (FactoMineR's HCPC).

    Returns   evidence of `tree_of_classes.hierarchical`, and axes, inertia_share, missing, lumped_levels, dropped, weighted
    """
    points = space(sample, names, columns, project, weights)
    axes, coordinates = on_axes(points, project, k, weights)
    found, told = hierarchical(coordinates, k, weights)
    return _as_document(sample, points, axes, coordinates, found, k, project, weights, told)


def _as_document(
    sample: pd.DataFrame,
    points: Space,
    axes: Axes | None,
    coordinates: np.ndarray,
    found: Classes,
    k: int,
    project: Project,
    weights: np.ndarray | None,
    told: dict,
) -> Fitted:
    nearest = squares_to(coordinates, found.centres).argmin(axis=1)  # who is where when the document is applied
    order = by_measure(nearest, measure_of(sample, project), k, weights)
    made = document(points.variables, k, {"nearest": {"centroids": found.centres[order].tolist()}})
    shown = {"dropped": points.dropped}
    if axes is not None:
        made["project"] = {"centre": axes.centre.tolist(), "loadings": axes.loadings.tolist()}
        shown |= {"axes": axes.loadings.shape[1], "inertia_share": axes.inertia_share[:10].tolist()}
    return Fitted(made, told | points.told | shown)
