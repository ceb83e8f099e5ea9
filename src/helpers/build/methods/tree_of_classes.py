"""Hierarchical classification with consolidation: Ward's tree, k-means from its classes, and single-row swaps."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numpy as np

from helpers.build.kmeans import kmeans

HELD = 4
"""Trees kept in memory, so that other numbers of segments need no new one."""
SAME = 0.95
"""Adjusted Rand index from which two starts are said to have found the same partition."""


@dataclass(frozen=True)
class Classes:
    """A partition: labels 0 … k−1, centres (k × axes) and the sum of squares within."""

    labels: np.ndarray
    centres: np.ndarray
    within: float


def ward(coordinates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of Ward's tree cut at k, and the inertia gained by each cut, largest first (height² / 2n with scipy's height).

    Source   Husson, Lê & Pagès, *Exploratory Multivariate Analysis by Example Using R*, chapter 4 (FactoMineR's HCPC)
    """
    from scipy.cluster.hierarchy import fcluster

    tree = _tree(np.ascontiguousarray(coordinates))
    return fcluster(tree, k, "maxclust") - 1, tree[::-1, 2] ** 2 / (2 * len(coordinates))


def top_of_tree(coordinates: np.ndarray, leaves: int) -> list[dict]:
    """The last merges of Ward's tree, the highest first: {node, left, right, gain, rows}; branches below are nodes 0 … leaves − 1.

    rows   customers below each node, branches first
    """
    tree, n = _tree(np.ascontiguousarray(coordinates)), len(coordinates)
    leaves = min(leaves, n)
    top = tree[n - leaves :] if leaves > 1 else tree[:0]
    first = n + len(tree) - len(top)  # the number of the lowest node shown
    size = lambda node: 1 if node < n else int(tree[node - n, 3])  # noqa: E731
    names: dict[int, int] = {}
    below = sorted({int(child) for row in top for child in row[:2] if child < first})
    names |= {node: place for place, node in enumerate(below)}
    names |= {first + place: len(below) + place for place in range(len(top))}
    return [
        {
            "node": names[first + place],
            "left": names[int(left)],
            "right": names[int(right)],
            "gain": float(height**2 / (2 * n)),
            "rows": int(rows),
            "rows_left": size(int(left)),
            "rows_right": size(int(right)),
        }
        for place, (left, right, height, rows) in reversed(list(enumerate(top)))
    ]


def consolidate(coordinates: np.ndarray, centres: np.ndarray, weights: np.ndarray | None = None) -> Classes:
    """k-means from given centres, finished with single-row Hartigan swaps until none lowers the sum of squares.

    Lloyd's steps alone stop short: on USArrests they leave Missouri in another class than R does.
    """
    return swap(coordinates, lloyd(coordinates, centres, weights), len(centres), weights)


def swap(coordinates: np.ndarray, labels: np.ndarray, k: int, weights: np.ndarray | None = None) -> Classes:
    """Move single rows while that lowers the sum of squares (Hartigan 1975): the best move of each pass first."""
    x, labels = coordinates, labels.copy()
    w = np.ones(len(x)) if weights is None else weights
    sums, sizes = _sums(x, labels, k, w)
    rows = np.arange(len(x))
    squares = squares_to(x, sums / np.maximum(sizes, 1e-300)[:, None])
    for _ in range(20 * len(x)):
        own = rows, labels
        apart = squares.copy()
        rest = sizes[labels] - w
        leaving = np.where(rest > 1e-12, sizes[labels] / np.maximum(rest, 1e-12) * apart[own], 0.0) * w
        arriving = apart * (sizes / (sizes + w[:, None])) * w[:, None]
        arriving[own] = np.inf
        gain = leaving - arriving.min(axis=1)
        row = int(gain.argmax())
        if gain[row] <= 1e-10 * max(1.0, float(apart[own].mean())):
            break
        old, new = labels[row], int(arriving[row].argmin())
        for j, sign in ((old, -1), (new, 1)):
            sums[j] += sign * w[row] * x[row]
            sizes[j] += sign * w[row]
            squares[:, j] = ((x - sums[j] / max(sizes[j], 1e-300)) ** 2).sum(axis=1)
        labels[row] = new
    sums, sizes = _sums(x, labels, k, w)
    centres = sums / np.maximum(sizes, 1e-300)[:, None]
    return Classes(labels, centres, float((w * ((x - centres[labels]) ** 2).sum(axis=1)).sum()))


def hierarchical(coordinates: np.ndarray, k: int, weights: np.ndarray | None = None) -> tuple[Classes, dict]:
    """FactoMineR's HCPC at a chosen k: Ward's tree, cut, consolidated.

    weights   of rows; the tree does not know them, its classes are consolidated with them
    Returns   the partition, and gains (inertia of the first ten cuts), tree (its last merges), ward_within, consolidated_within,
              total, rows
    """
    cut, gains = ward(coordinates, k)
    w = np.ones(len(cut)) if weights is None else weights
    sums, sizes = _sums(coordinates, cut, k, w)
    centres = sums / np.maximum(sizes, 1e-300)[:, None]
    found = consolidate(coordinates, centres, weights)
    return found, {
        "gains": gains[:10].tolist(),
        "tree": top_of_tree(coordinates, 2 * k),
        "ward_within": float((w * ((coordinates - centres[cut]) ** 2).sum(axis=1)).sum()),
        "consolidated_within": found.within,
        "total": total(coordinates, weights),
        "rows": len(coordinates),
    }


def from_starts(coordinates: np.ndarray, k: int, *, n_starts: int, seed: int, weights: np.ndarray | None = None) -> Classes:
    """The best of n cold starts of k-means, finished with swaps."""
    best = kmeans(coordinates, k, n_starts=n_starts, seed=seed, weights=weights)
    return consolidate(coordinates, best.centres, weights)


def total(coordinates: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Sum of squares around the mean."""
    w = np.ones(len(coordinates)) if weights is None else weights
    return float((w * ((coordinates - w @ coordinates / w.sum()) ** 2).sum(axis=1)).sum())


def lloyd(x: np.ndarray, centres: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Labels after k-means from given centres, each step to the end."""
    w = np.ones(len(x)) if weights is None else weights
    labels = squares_to(x, centres).argmin(axis=1)
    for _ in range(300):
        sums, sizes = _sums(x, labels, len(centres), w)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1e-300)[:, None], centres)
        moved = squares_to(x, centres).argmin(axis=1)
        if (moved == labels).all():
            break
        labels = moved
    return labels


def squares_to(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances, rows × centres."""
    return np.stack([((x - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


_TREES: OrderedDict[bytes, np.ndarray] = OrderedDict()
_LOCK = Lock()


def _tree(coordinates: np.ndarray) -> np.ndarray:
    """Ward's tree as scipy writes it; the last few are remembered."""
    from scipy.cluster.hierarchy import linkage

    key = hashlib.sha256(repr(coordinates.shape).encode() + coordinates.tobytes()).digest()
    with _LOCK:
        if key in _TREES:
            _TREES.move_to_end(key)
            return _TREES[key]
    tree = linkage(coordinates, "ward")
    with _LOCK:
        _TREES[key] = tree
        while len(_TREES) > HELD:
            _TREES.popitem(last=False)
    return tree


def _sums(x: np.ndarray, labels: np.ndarray, k: int, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.bincount(labels, weights=w, minlength=k)
    return np.stack([np.bincount(labels, weights=w * column, minlength=k) for column in x.T], axis=1), sizes
