"""Former place of axes and cold starts, for the room validate; `methods.space` and `methods.tree_of_classes` have them."""

import numpy as np

from helpers.build.kmeans import kmeans
from helpers.build.methods import space
from helpers.build.methods.space import Axes
from helpers.build.methods.tree_of_classes import SAME, Classes, squares_to

__all__ = ["SAME", "Axes", "Classes", "principal_axes", "starts"]


def principal_axes(values: np.ndarray, wanted: int | None) -> Axes:
    """`space.principal_axes`; without a number, as many as parallel analysis keeps."""
    return space.principal_axes(values, wanted or space.axes_wanted(values, [1] * values.shape[1], seed=0))


def starts(coordinates: np.ndarray, k: int, *, n: int, seed: int) -> list[Classes]:
    """The best of n cold starts of k-means, alone in a list."""
    best = kmeans(coordinates, k, n_starts=n, seed=seed)
    return [Classes(squares_to(coordinates, best.centres).argmin(axis=1), best.centres, best.within)]
