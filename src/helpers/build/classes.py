"""Hierarchical classification with consolidation, and how surely its optimum comes back."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

STARTS = 10
"""Starts of each fit on a bootstrap sample, doubled until no median moves by more than STEADY."""
STEADY = 0.02
FINISHED = 5
"""Of the cold starts the best few are finished with swaps: the best before is not always the best after."""
SAME = 0.95
"""Adjusted Rand index from which two starts are said to have found the same partition."""


@dataclass(frozen=True)
class Axes:
    """Principal axes: coordinates are (values − centre) @ loadings.

    centre         one mean a variable
    loadings       variables × axes, orthonormal; the largest loading of each axis is positive
    inertia_share  share of all inertia that each axis carries, of all axes there are
    """

    centre: np.ndarray
    loadings: np.ndarray
    inertia_share: np.ndarray

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Customers × axes, from customers × variables."""
        return (values - self.centre) @ self.loadings


@dataclass(frozen=True)
class Classes:
    """A partition: labels 0 … k−1, centres (k × axes) and the sum of squares within."""

    labels: np.ndarray
    centres: np.ndarray
    within: float


def principal_axes(values: np.ndarray, wanted: int) -> Axes:
    """Principal components of standardised variables (customers × variables), at most `wanted` axes that carry anything."""
    centre = values.mean(axis=0)
    _, spread, directions = np.linalg.svd(values - centre, full_matrices=False)
    share = spread**2 / max(float((spread**2).sum()), 1e-300)
    kept = max(1, min(wanted, int((share > 1e-9).sum())))
    loadings = directions[:kept].T
    largest = np.abs(loadings).argmax(axis=0)
    return Axes(centre, loadings * np.sign(loadings[largest, np.arange(kept)]), share)


def ward(coordinates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of Ward's tree cut at k, and the inertia gained by each cut, largest first (height² / 2n with scipy's height).

    Source   Husson, Lê & Pagès, *Exploratory Multivariate Analysis by Example Using R*, chapter 4 (FactoMineR's HCPC)
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(coordinates, "ward")
    return fcluster(tree, k, "maxclust") - 1, tree[::-1, 2] ** 2 / (2 * len(coordinates))


def consolidate(coordinates: np.ndarray, centres: np.ndarray) -> Classes:
    """k-means from given centres, finished with single-row Hartigan swaps until none lowers the sum of squares.

    Lloyd's steps alone stop short: on USArrests they leave Missouri in another class than R does.
    """
    labels = _lloyd(coordinates, centres)
    return swap(coordinates, labels, len(centres))


def swap(coordinates: np.ndarray, labels: np.ndarray, k: int) -> Classes:
    """Move single rows while that lowers the sum of squares (Hartigan 1975): the best move of each pass first."""
    x, labels = coordinates, labels.copy()
    sums, sizes = _sums(x, labels, k)
    for _ in range(20 * len(x)):
        centres = sums / np.maximum(sizes, 1)[:, None]
        apart = _squares(x, centres)
        own = np.arange(len(x)), labels
        leaving = np.where(sizes[labels] > 1, sizes[labels] / np.maximum(sizes[labels] - 1, 1) * apart[own], 0.0)
        arriving = apart * (sizes / (sizes + 1))
        arriving[own] = np.inf
        gain = leaving - arriving.min(axis=1)
        row = int(gain.argmax())
        if gain[row] <= 1e-10 * max(1.0, float(apart[own].mean())):
            break
        old, new = labels[row], int(arriving[row].argmin())
        sums[old] -= x[row]
        sums[new] += x[row]
        sizes[old] -= 1
        sizes[new] += 1
        labels[row] = new
    centres = _sums(x, labels, k)[0] / np.maximum(sizes, 1)[:, None]
    return Classes(labels, centres, float(((x - centres[labels]) ** 2).sum()))


def starts(coordinates: np.ndarray, k: int, *, n: int, seed: int) -> list[Classes]:
    """n cold starts of k-means (k-means++), each a partition of its own, best sum of squares first."""
    with _one_thread_each():
        fits = [_kmeans(coordinates, k, n_init=1, seed=seed + i) for i in range(n)]
    found = [Classes(fit.labels_, fit.cluster_centers_, float(fit.inertia_)) for fit in fits]
    return sorted(found, key=lambda c: c.within)


def classify(coordinates: np.ndarray, k: int, *, n_starts: int, seed: int) -> tuple[Classes, dict]:
    """Ward's tree cut at k and consolidated, against n cold starts: the lowest sum of squares is kept.

    Returns  the partition, and: gains (inertia of the first ten cuts), ward_within, consolidated_within, best_within,
             chosen ("tree" or "starts"), reproduced (share of starts with an adjusted Rand index of at least .95 with the best),
             near (share of starts within 1 % of the best sum of squares), median_agreement
    """
    from sklearn.metrics import adjusted_rand_score

    cut, gains = ward(coordinates, k)
    sums, sizes = _sums(coordinates, cut, k)
    centres = sums / np.maximum(sizes, 1)[:, None]
    ward_within = float(((coordinates - centres[cut]) ** 2).sum())
    tree = consolidate(coordinates, centres)
    cold = starts(coordinates, k, n=n_starts, seed=seed)
    best = min((swap(coordinates, start.labels, k) for start in cold[:FINISHED]), key=lambda c: c.within)
    chosen, found = ("tree", tree) if tree.within <= best.within * (1 + 1e-9) else ("starts", best)
    agreement = np.array([adjusted_rand_score(found.labels, c.labels) for c in cold])
    return found, {
        "gains": gains[:10].tolist(),
        "ward_within": ward_within,
        "consolidated_within": tree.within,
        "best_within": found.within,
        "total": float(((coordinates - coordinates.mean(axis=0)) ** 2).sum()),
        "chosen": chosen,
        "rows": len(coordinates),
        "starts": n_starts,
        "reproduced": float((agreement >= SAME).mean()),
        "near": float(np.mean([c.within <= found.within * 1.01 for c in cold])),
        "median_agreement": float(np.median(agreement)),
    }


def stability(
    coordinates: np.ndarray,
    ks: Iterable[int],
    *,
    pairs: int,
    seed: int,
    most_starts: int = 80,
    recode: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[dict[int, np.ndarray], int]:
    """Global stability: agreement of two solutions fitted on two bootstrap samples, for each number of segments.

    recode   from how often each row was drawn to the coordinates of all rows under transforms and axes learnt on that sample;
             None: the coordinates given, which belong to the yardstick and not to the sample, and so flatter the recipe

    Each is fitted cold, labels all original rows, and the adjusted Rand index of the two labellings is taken (bootFlexclust:
    Dolnicar & Leisch 2010, doi 10.1007/s11002-009-9083-4). Starts are doubled until no median moves by more than .02.
    Returns   k → one index a pair, for each k with more different rows than segments, and enough of them in every bootstrap sample;
              and the number of starts it took
    """
    different = len(np.unique(coordinates, axis=0))
    weights = [_bootstrap(len(coordinates), seed, pair) for pair in range(pairs)]
    drawn = min((len(np.unique(coordinates[w > 0], axis=0)) for pair in weights for w in pair), default=0)
    ks = [k for k in ks if 2 <= k < different and k <= drawn]
    spaces = [[recode(w) if recode else coordinates for w in pair] for pair in weights] if ks else []
    tasks = [(k, pair, half) for k in ks for pair in range(pairs) for half in range(2)]
    best: dict[tuple, object] = {}
    before, done, wanted = None, 0, STARTS
    while True:

        def fit(task, n_init=wanted - done, done=done):
            k, pair, half = task
            return _fit(spaces[pair][half], weights[pair][half], k, n_init=n_init, seed=[seed, *task, done])

        # Each fit is a task of its own: the order of ending changes nothing. OpenMP's limit holds for the thread that sets it.
        with _one_thread_each(), ThreadPoolExecutor(2, initializer=_one_thread_each) as pool:
            for task, found in zip(tasks, pool.map(fit, tasks), strict=True):
                best[task] = found if task not in best or found.inertia_ < best[task].inertia_ else best[task]
        found = {k: np.array([_agreement(spaces[p], best[k, p, 0], best[k, p, 1]) for p in range(pairs)]) for k in ks}
        medians = np.array([np.median(found[k]) for k in ks])
        if not ks or (before is not None and np.abs(medians - before).max() <= STEADY) or wanted >= most_starts:
            return found, wanted
        before, done, wanted = medians, wanted, 2 * wanted


def _bootstrap(n: int, seed: int, pair: int) -> list[np.ndarray]:
    """How often each row was drawn, for the two samples of a pair."""
    draw = np.random.default_rng([seed, pair])
    return [np.bincount(draw.integers(0, n, n), minlength=n).astype("float64") for _ in range(2)]


def _fit(x: np.ndarray, weight: np.ndarray, k: int, *, n_init: int, seed: list[int]):
    drawn = weight > 0
    return _kmeans(x[drawn], k, n_init=n_init, seed=np.random.SeedSequence(seed).generate_state(1)[0], weight=weight[drawn])


def _agreement(spaces: list[np.ndarray], one, other) -> float:
    from sklearn.metrics import adjusted_rand_score

    return adjusted_rand_score(*(_squares(x, fit.cluster_centers_).argmin(axis=1) for x, fit in zip(spaces, (one, other), strict=True)))


def _one_thread_each():
    """On several threads of its own, k-means adds up centres in an order that changes from run to run."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def _kmeans(x: np.ndarray, k: int, *, n_init: int, seed: int, weight: np.ndarray | None = None):
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=n_init, random_state=int(seed) % 2**32).fit(x, sample_weight=weight)


def _lloyd(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    labels = _squares(x, centres).argmin(axis=1)
    for _ in range(300):
        sums, sizes = _sums(x, labels, len(centres))
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        moved = _squares(x, centres).argmin(axis=1)
        if (moved == labels).all():
            break
        labels = moved
    return labels


def _squares(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances, rows × centres."""
    return np.stack([((x - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def _sums(x: np.ndarray, labels: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.bincount(labels, minlength=k)
    return np.stack([np.bincount(labels, weights=column, minlength=k) for column in x.T], axis=1), sizes
