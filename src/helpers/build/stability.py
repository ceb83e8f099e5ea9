"""Does the same partition come back: from other samples, from other starts, with another number of segments."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build import agreement
from helpers.build.kmeans import Partition, different, every, fit, kmeans, nearest
from helpers.build.workers import shared

STARTS = 50
"""Cold starts of each fit on a bootstrap sample at first; doubled until no median moves by more than STEADY."""
STEADY = 0.02
SAME = 0.95
"""Adjusted Rand index from which two starts are said to have found the same partition."""
NEAR = 1.01
"""A sum of squares of at most so many times the best is near the best."""
TRUSTED = 0.6
"""Jaccard index under which a segment is not to be trusted (Hennig 2007, doi 10.1016/j.csda.2006.11.025)."""
ROWS = 1_000
"""Customers that a candidate is screened on."""
BINS = 20

Recode = Callable[[np.ndarray], np.ndarray]


def adjusted_rand(one: np.ndarray, other: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Adjusted Rand index of two labellings of the same rows: 1 the same partition, 0 what chance would give.

    weights   how often each row counts; None: once each
    Source    Hubert & Arabie 1985, doi 10.1007/BF01908075
    """
    return float(agreement.adjusted_rand(_crossed(one, other, weights)))


@dataclass(frozen=True)
class Solutions:
    """Two solutions for each of some pairs of bootstrap samples, and how well they agree.

    values   k → adjusted Rand index of each pair
    starts   the largest number of cold starts that a fit took
    """

    values: dict[int, np.ndarray]
    starts: int
    _found: dict[int, np.ndarray]
    _which: np.ndarray | None

    def labels(self, k: int) -> np.ndarray | None:
        """Labels of all customers at k, pairs × 2 × customers; None where k could not be fitted."""
        found = self._found.get(k)
        return found if found is None or self._which is None else found[:, :, self._which]


def solutions(
    space: np.ndarray, ks: Iterable[int], *, pairs: int, seed: int, most_starts: int = 1600, recode: Recode | None = None
) -> Solutions:
    """Global stability: agreement of two solutions fitted on two bootstrap samples, for each number of segments.

    space    customers × coordinates
    recode   from how often each row was drawn to the coordinates of all rows under transforms and axes learnt on that sample;
             None: the coordinates given, which belong to the yardstick and not to the sample, and so flatter the recipe

    Each is fitted cold, labels all original rows, and the adjusted Rand index of the two labellings is taken (bootFlexclust:
    Dolnicar & Leisch 2010, doi 10.1007/s11002-009-9083-4). For each number of segments the starts are doubled until its median moves
    by no more than .02. Told for each k with more different rows than segments, and enough of them in every bootstrap sample.
    """
    found, which, starts = _refitted(space, ks, pairs, seed, most_starts, recode)
    count = None if which is None else np.bincount(which).astype("float64")
    values = {k: np.array([adjusted_rand(*both, count) for both in labels]) for k, labels in found.items()}
    return Solutions(values, starts, found, which)


def stability(space: np.ndarray, ks: Iterable[int], **how) -> tuple[dict[int, np.ndarray], int]:
    """The values and the starts of `solutions`."""
    found = solutions(space, ks, **how)
    return found.values, found.starts


def refits(space: np.ndarray, k: int, **how) -> tuple[np.ndarray | None, int]:
    """The labels of `solutions` at one k, and the starts."""
    found = solutions(space, [k], **how)
    return found.labels(k), found.starts


def within_solution(labels: np.ndarray, again: np.ndarray) -> np.ndarray:
    """SLSW, how surely each segment comes back: its largest Jaccard index with a segment of each refit, averaged over the pair.

    labels   of the original solution, 0 … segments − 1, one a customer
    again    labels of the same customers by refits, pairs × 2 × customers
    Returns  pairs × segments
    Source   slswFlexclust: Dolnicar & Leisch 2017, doi 10.1007/s11002-017-9423-8
    """
    count = int(labels.max()) + 1
    found = np.empty((len(again), 2, count))
    for pair, both in enumerate(again):
        for half, other in enumerate(both):
            table = _crossed(labels, other, None, count)
            union = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
            found[pair, half] = (table / np.maximum(union, 1)).max(axis=1)
    return found.mean(axis=1)


def cloud_within(clouds: Sequence[np.ndarray], k: int, *, pairs: int, seed: int, n_starts: int = 100) -> np.ndarray:
    """What `within_solution` gives where there are no segments: the median of every segment that k-means cuts out of each cloud.

    clouds   data without structure, each customers × coordinates
    Returns  one figure a segment of each cloud; a cloud with too few different rows gives none
    """
    found = []
    for number, cloud in enumerate(clouds):
        again, _ = refits(cloud, k, pairs=pairs, seed=seed + number, most_starts=n_starts)
        if again is not None:
            own = nearest(cloud, kmeans(cloud, k, n_starts=n_starts, seed=[seed, number]).centres)
            found.append(np.median(within_solution(own, again), axis=0))
    return np.concatenate(found) if found else np.empty(0)


def across(labels: Mapping[int, np.ndarray]) -> dict[int, dict[str, np.ndarray]]:
    """SLSA, whether a segment at k is one already found with fewer: where its customers come from.

    labels   number of segments → labels of the same customers, 0 … k − 1
    Returns  from the second k on: came (segments before × segments, customers) and stability (one a segment; 1 = all from one segment,
             0 = in equal shares from all: 1 − entropy / log(segments before)); nobody in a segment: missing
    Source   slsaplot of flexclust: Dolnicar & Leisch 2017, doi 10.1007/s11002-017-9423-8
    """
    ks, found = sorted(labels), {}
    for before, k in zip(ks, ks[1:], strict=False):
        came = _crossed(labels[before], labels[k], None, before, k)
        share = came / np.where(came.sum(axis=0) > 0, came.sum(axis=0), np.nan)
        entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=0)
        found[k] = {"came": came.astype("int64"), "stability": 1 - entropy / (np.log(before) if before > 1 else 1)}
    return found


def gorge(space: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How separate segments are: the similarity of every customer to each centre, counted in bins from 0 to 1.

    Similarity is exp(−distance) over its sum for all centres. A gorge, customers at both ends and few between, means a separate segment.
    Returns  counts segments × 2 × bins (first its own customers, then everybody else), and the edges of the bins
    Source   Dolnicar, Grün & Leisch 2018, Market Segmentation Analysis, doi 10.1007/978-981-10-8818-6, chapter 7
    """
    apart = np.sqrt(np.stack([((space - centre) ** 2).sum(axis=1) for centre in centres], axis=1))
    similar = np.exp(apart.min(axis=1, keepdims=True) - apart)
    similar /= similar.sum(axis=1, keepdims=True)
    own, edges = nearest(space, centres), np.linspace(0, 1, BINS + 1)
    counts = [[np.histogram(column[mine], edges)[0] for mine in (own == i, own != i)] for i, column in enumerate(similar.T)]
    return np.array(counts), edges


def gap(space: np.ndarray, ks: Iterable[int], *, draws: int = 20, seed: int, n_starts: int = 20) -> pd.DataFrame:
    """The gap statistic, which decides nothing here: how much lower log W is than where customers fill the box of their axes evenly.

    Returns  k, gap, error (standard deviation × √(1 + 1/draws)), chosen (the smallest k whose gap reaches that of k + 1 less its error)
    Source   Tibshirani, Walther & Hastie 2001, doi 10.1111/1467-9868.00293, reference distribution (b)
    """
    ks = [k for k in ks if k < len(np.unique(space, axis=0))]
    centred = space - space.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    turned, draw = centred @ axes.T, np.random.default_rng([seed, 0])
    null = [draw.uniform(turned.min(axis=0), turned.max(axis=0), turned.shape) for _ in range(draws)]
    ones = np.ones(len(centred))

    def log_within(task: tuple) -> float:
        number, k = task
        x = centred if number < 0 else null[number]
        return float(np.log(max(fit(x, ones, k, n_starts, np.random.default_rng([seed, number + 1, k])).within, 1e-300)))

    tasks = [(number, k) for number in range(-1, draws) for k in ks]
    found = np.array(shared(log_within, tasks)).reshape(draws + 1, len(ks))
    table = pd.DataFrame({"k": ks, "gap": found[1:].mean(axis=0) - found[0], "error": found[1:].std(axis=0) * np.sqrt(1 + 1 / draws)})
    reached = np.flatnonzero(table["gap"].to_numpy()[:-1] >= (table["gap"] - table["error"]).to_numpy()[1:])
    return table.assign(chosen=np.arange(len(ks)) == (reached[0] if reached.size else -1))


def reproduced(space: np.ndarray, k: int, *, n_starts: int, seed: int, best: Partition | None = None) -> dict:
    """How often a cold start ends in the best partition found.

    best     the partition that is kept; None: the best that k-means finds with as many starts
    Returns  starts, reproduced (share of starts with an adjusted Rand index of at least .95 with the best), near (share within 1 % of its
             sum of squares), median_agreement, best_within
    """
    best = best or kmeans(space, k, n_starts=n_starts, seed=seed)
    ends = every(space, k, n_starts=n_starts, seed=seed)
    kept = nearest(space, best.centres)
    agreement = np.array([adjusted_rand(kept, nearest(space, end.centres)) for end in ends])
    return {
        "starts": n_starts,
        "reproduced": float((agreement >= SAME).mean()),
        "near": float(np.mean([end.within <= best.within * NEAR for end in ends])),
        "median_agreement": float(np.median(agreement)),
        "best_within": best.within,
    }


@dataclass(frozen=True)
class Screened:
    """How a recipe came back from pairs of bootstrap samples.

    values      adjusted Rand index of each pair; missing where a refit could not be made
    reasons     message → how many pairs could not be made for it
    labels      the pairs that could: pairs × 2 × customers, segment ids
    customers   who was labelled
    """

    values: np.ndarray
    reasons: dict[str, int]
    labels: np.ndarray
    customers: pd.DataFrame


def screened(recipe, sample: pd.DataFrame, k: int, *, pairs: int = 20, seed: int) -> np.ndarray:
    """The values of `refitted` alone: one adjusted Rand index a pair, missing where a refit could not be made."""
    return refitted(recipe, sample, k, pairs=pairs, seed=seed).values


def refitted(recipe, sample: pd.DataFrame, k: int, *, pairs: int = 20, seed: int) -> Screened:
    """Any recipe fitted again on pairs of bootstrap samples of at most ROWS customers, all of whom both label.

    recipe   has `fit(sample, k)`, which gives something with a `document`, or raises NinefoldError
    sample   customers as `inputs.customers` gives them; their order changes nothing where there is a customer_id
    """
    return all_refitted([recipe], sample, k, pairs=pairs, seed=seed)[0]


def all_refitted(recipes: Sequence, sample: pd.DataFrame, k: int, *, pairs: int = 20, seed: int) -> list[Screened]:
    """`refitted` for several recipes, which share the pairs of samples."""
    from helpers.build.document import labels

    base = screening_sample(sample, seed)

    def pair(task: tuple[int, int]) -> tuple[list, str]:
        place, number = task
        draw, found = np.random.default_rng([seed, k, number]), []
        for _ in range(2):
            drawn = base.iloc[draw.integers(0, len(base), len(base))].reset_index(drop=True)
            try:
                found.append(np.asarray(labels(recipes[place].fit(drawn, k).document, base)).astype(str))
            except NinefoldError as error:
                return [], str(error)
        return found, ""

    # Pair after pair, so that each process has its share of every recipe, the costly ones too.
    made = shared(pair, [(place, number) for number in range(pairs) for place in range(len(recipes))])
    return [_screened(made[place :: len(recipes)], base) for place in range(len(recipes))]


def _screened(made: list[tuple[list, str]], base: pd.DataFrame) -> Screened:
    values = np.array([adjusted_rand(*both) if both else np.nan for both, _ in made])
    kept = [np.stack(both) for both, _ in made if both]
    reasons = dict(sorted(Counter(why for _, why in made if why).items()))
    return Screened(values, reasons, np.stack(kept) if kept else np.empty((0, 2, len(base)), dtype=str), base)


def screening_sample(sample: pd.DataFrame, seed: int, most: int = ROWS) -> pd.DataFrame:
    """At most so many customers, the same whatever the order of rows."""
    ordered = sample.sort_values("customer_id", kind="stable") if "customer_id" in sample else sample
    if len(ordered) > most:
        ordered = ordered.iloc[np.sort(np.random.default_rng([seed, 7]).choice(len(ordered), most, replace=False))]
    return ordered.reset_index(drop=True)


def bootstrap(n: int, seed: int, pair: int) -> np.ndarray:
    """How often each of n rows was drawn, for the two samples of a pair: 2 × n."""
    draw = np.random.default_rng([seed, pair])
    return np.stack([np.bincount(draw.integers(0, n, n), minlength=n).astype("float64") for _ in range(2)])


def codes(ids: np.ndarray) -> np.ndarray:
    """Segment ids as numbers 0, 1 … in the order of the ids."""
    return np.unique(np.asarray(ids).astype(str), return_inverse=True)[1]


def _refitted(space, ks, pairs, seed, most_starts, recode) -> tuple[dict[int, np.ndarray], np.ndarray | None, int]:
    """For each k the labels of each pair, pairs × 2 × rows; which of these rows each customer is (None: each its own); and the starts.

    Without recoding only different rows are labelled: survey answers are few.
    """
    space = np.asarray(space, dtype="float64")
    drawn = np.concatenate([bootstrap(len(space), seed, pair) for pair in range(pairs)])
    rows, merged, which = different(space, drawn)
    ks = [k for k in dict.fromkeys(ks) if 2 <= k < len(rows) and k <= (merged > 0).sum(axis=1).min()]
    spaces = shared(recode, drawn) if recode and ks else []

    def work(task: tuple) -> dict[int, tuple[Partition, np.ndarray]]:
        """At each k the best solution after more starts, and the labels by it."""
        number, coordinates, times, best, done, wanted = task
        x, w = different(coordinates, times[None, :])[:2] if coordinates is not None else (rows, times[None, :])
        found = {}
        for k, old in best.items():
            new = fit(x, w[0], k, wanted - done, np.random.default_rng([seed, number, k, done]))
            kept = new if old is None or new.within < old.within else old
            found[k] = kept, nearest(rows if coordinates is None else coordinates, kept.centres)
        return found

    count = None if recode else np.bincount(which, minlength=len(rows)).astype("float64")
    best: list[dict[int, Partition | None]] = [dict.fromkeys(ks) for _ in drawn]
    found, medians, done, wanted = {}, {}, 0, STARTS
    while best and best[0]:
        given = [(spaces[i], drawn[i]) if recode else (None, merged[i]) for i in range(2 * pairs)]
        made = shared(work, [(i, *of, best[i], done, wanted) for i, of in enumerate(given)])
        steady = set()
        for k in best[0]:
            found[k] = np.stack([each[k][1] for each in made]).reshape(pairs, 2, -1)
            median = float(np.median([adjusted_rand(*both, count) for both in found[k]]))
            steady |= {k} if abs(median - medians.get(k, np.inf)) <= STEADY else set()
            medians[k] = median
        best = [{k: each[k][0] for k in each if k not in steady and 2 * wanted <= most_starts} for each in made]
        done, wanted = wanted, 2 * wanted
    return found, None if recode else which, done


def _crossed(one: np.ndarray, other: np.ndarray, weights: np.ndarray | None = None, rows: int = 0, columns: int = 0) -> np.ndarray:
    """How many customers have each pair of labels; labels that are not 0, 1 … are numbered."""
    one, other = (each if each.dtype.kind in "iu" else codes(each) for each in (np.asarray(one), np.asarray(other)))
    rows, columns = max(rows, int(one.max(initial=0)) + 1), max(columns, int(other.max(initial=0)) + 1)
    counted = np.bincount(one * columns + other, weights=weights, minlength=rows * columns)
    return counted.reshape(rows, columns).astype("float64")
