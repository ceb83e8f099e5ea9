"""k-means from many cold starts at once: equal rows are counted once, all starts share one multiplication, poor ones are dropped early."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from helpers import NinefoldError
from helpers.threads import one_thread

TIE = 1e-9
"""Of two centres whose squared distances differ by no more than this, the first is the nearest: the rule of the published document."""
CELLS = 2**18
"""Distances held at once, rows × centres × starts: what stays near the processor."""
TRIALS = 3
"""Rows tried for each centre of a start; the one that leaves the least sum of squares is taken."""
STAGES = ((3, 2), (4, 2))
"""After so many steps, one start in so many goes on."""
LAST = 25
"""Starts that go on until nothing changes; of them the best FINISHED are finished with single-row moves."""
FINISHED = 6
STEPS, STILL = 300, 1e-5
"""Steps at most; a start that gains no more than this share of all squares by one has come to its end."""


@dataclass(frozen=True)
class Partition:
    """What k-means found: centres (k × columns) and the weighted sum of squared distances to the nearest of them."""

    centres: np.ndarray
    within: float


def kmeans(x: np.ndarray, k: int, *, n_starts: int = 100, seed: int | Sequence[int], weights: np.ndarray | None = None) -> Partition:
    """The best partition of rows into k groups that n_starts cold starts find, by the sum of squares within.

    x         rows × columns, no missing values; equal rows are merged, so the order of rows changes nothing
    weights   how often each row counts, 0 or more; None: once each

    Starts are drawn by k-means++ (Arthur & Vassilvitskii 2007) and improved by Lloyd's steps. After a few steps only the best part
    goes on (successive halving), a handful to the end, the best of them in double precision.
    Raises    NinefoldError for missing values, and for fewer different rows than groups
    """
    x = _table(x)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype="float64")
    return many(x, w[None, :], k, n_starts=n_starts, seed=seed)[0]


def many(x: np.ndarray, weights: np.ndarray, k: int, *, n_starts: int = 100, seed: int | Sequence[int]) -> list[Partition]:
    """`kmeans` for several weightings of the same rows, such as bootstrap samples (how often each row was drawn).

    weights   weightings × rows

    The weighting i is fitted as `kmeans(x, k, seed=[*seed, i], weights=weights[i])` up to rounding; threads change nothing.
    """
    rows, merged, _ = different(_table(x), np.atleast_2d(np.asarray(weights, dtype="float64")))
    key = [seed] if isinstance(seed, int | np.integer) else list(seed)

    def fitted(i: int) -> Partition:
        return fit(rows, merged[i], k, n_starts, np.random.default_rng([*key, i]))

    return in_pairs(fitted, range(len(merged)))


def in_pairs(task: Callable, over: Sequence) -> list:
    """The task done for each, two at a time, each on one thread: the order of ending changes nothing."""
    with one_thread():
        if len(over) < 2:
            return [task(each) for each in over]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(task, over))


def nearest(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The number of the nearest centre of each row; of several within 1e-9 (in squared distance), the first.

    x         rows × columns
    centres   groups × columns
    """
    x, centres = np.asarray(x, dtype="float64"), np.asarray(centres, dtype="float64")
    middle = centres.mean(axis=0)  # the expanded form loses digits far from 0
    centres = centres - middle
    half = (centres**2).sum(axis=1) / 2
    block = max(1, CELLS // len(centres))
    found = np.empty(len(x), dtype="int64")
    for first in range(0, len(x), block):
        scores = (x[first : first + block] - middle) @ centres.T - half
        best = scores.max(axis=1, keepdims=True)
        found[first : first + block] = (scores >= best - TIE / 2).argmax(axis=1)
    return found


def every(x: np.ndarray, k: int, *, n_starts: int, seed: int | Sequence[int]) -> list[Partition]:
    """What each start finds by Lloyd's steps alone, none dropped: how often do cold starts end in the same partition?"""
    rows, merged, _ = different(_table(x), np.ones((1, len(x))))
    key = [seed] if isinstance(seed, int | np.integer) else list(seed)
    z, middle, unit = _scaled(rows, merged[0], k)
    with one_thread():
        batch = _Batch(z, merged[0])
        centres, _ = batch.steps(batch.starts(k, n_starts, np.random.default_rng([*key, 0])), STEPS)
        ends = [_settled(z, merged[0], centres[:, i].astype("float64")) for i in range(n_starts)]
    return [Partition(found * unit + middle, within * unit**2) for found, within in ends]


def fit(rows: np.ndarray, weights: np.ndarray, k: int, n_starts: int, draw: np.random.Generator) -> Partition:
    """`kmeans` of rows that `different` has made ready; the caller holds `one_thread`."""
    drawn = weights > 0
    rows, weights = rows[drawn], weights[drawn]
    z, middle, unit = _scaled(rows, weights, k)
    batch = _Batch(z, weights)
    centres = batch.starts(k, n_starts, draw)
    for steps, divisor in STAGES:
        centres, within = batch.steps(centres, steps)
        kept = max(LAST, -(-centres.shape[1] // divisor))
        centres = centres[:, np.argsort(within, kind="stable")[:kept]]
    centres, within = batch.steps(centres, STEPS)
    most = max(1, min(FINISHED, 8 * CELLS // (len(z) * k)))
    order = np.argsort(within, kind="stable")[:most]
    order = order[np.diff(within[order], prepend=-np.inf) > 1e-6 * batch.total]  # the same sum is the same partition
    chosen = centres[:, order].astype("float64")
    found, within = _exchanged(z, weights, np.ascontiguousarray(chosen.transpose(1, 0, 2)))
    found = found[np.lexsort(found.T[::-1])]
    return Partition(found * unit + middle, within * unit**2)


def _scaled(x: np.ndarray, w: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows about their mean and at most 1 in size, so that single precision loses nothing to units."""
    if not 1 <= k <= len(x):
        raise NinefoldError(
            f"k-means: {k} groups were asked of {len(x)} different rows. Ask for fewer groups, or give variables that tell customers apart."
        )
    middle = np.average(x, axis=0, weights=w)
    unit = max(float(np.abs(x - middle).max()), 1e-150)
    return (x - middle) / unit, middle, unit


class _Batch:
    """Lloyd's steps for many starts at once, in single precision. Centres are groups × starts × columns."""

    def __init__(self, x: np.ndarray, w: np.ndarray):
        self.rows = np.ascontiguousarray(x, dtype="float32")
        self.upright = np.vstack([x.T, np.ones(len(x))]).astype("float32")
        self.weighted = np.column_stack([x * w[:, None], w]).astype("float32")
        self.squares = (x**2).sum(axis=1).astype("float32")
        self.weights, self.shares = w.astype("float32"), np.cumsum(w)
        self.total = float(w @ (x**2).sum(axis=1))

    def starts(self, k: int, n: int, draw: np.random.Generator) -> np.ndarray:
        """Centres of n starts, some at a time."""
        block = max(1, CELLS // (len(self.rows) * TRIALS))
        return np.concatenate([self._seeds(k, min(block, n - first), draw) for first in range(0, n, block)], axis=1)

    def _seeds(self, k: int, n: int, draw: np.random.Generator) -> np.ndarray:
        """Rows drawn one after the other, in proportion to weight × squared distance to those drawn before; the best of some trials."""
        u, most = draw.random((k, TRIALS, n)), len(self.rows) - 1
        chosen = np.empty((k, n), dtype="int64")
        chosen[0] = np.searchsorted(self.shares, u[0, 0] * self.shares[-1], side="right").clip(max=most)
        least = self._apart(chosen[0])
        for j in range(1, k):
            up_to = np.cumsum(least * self.weights, axis=1)
            wanted = u[j].T * up_to[:, -1:]
            tried = np.stack([row.searchsorted(at, side="right") for row, at in zip(up_to, wanted, strict=True)], axis=1).clip(max=most)
            left = np.minimum(self._apart(tried.ravel()).reshape(TRIALS, n, -1), least)
            best = (left.reshape(TRIALS * n, -1) @ self.weights).reshape(TRIALS, n).argmin(axis=0), np.arange(n)
            chosen[j], least = tried[best], left[best]
        return self.rows[chosen]

    def _apart(self, chosen: np.ndarray) -> np.ndarray:
        """Squared distances of all rows from the rows chosen."""
        apart = self.rows[chosen] @ self.upright[:-1]
        apart *= -2
        apart += self.squares
        apart += self.squares[chosen][:, None]
        return np.maximum(apart, 0, out=apart)

    def steps(self, centres: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Centres after at most so many steps, and their sums of squares before the last."""
        k, n, _ = centres.shape
        block = max(1, CELLS // (len(self.rows) * k))
        parts = [self._steps(centres[:, first : first + block], most) for first in range(0, n, block)]
        return np.concatenate([p[0] for p in parts], axis=1), np.concatenate([p[1] for p in parts])

    def _steps(self, centres: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        centres, going = centres.copy(), np.arange(centres.shape[1])
        within = np.full(len(going), np.inf)
        for _ in range(most):
            moved, now = self._step(centres[:, going])
            steady = now >= within[going] - STILL * self.total
            centres[:, going], within[going] = moved, now
            going = going[~steady]
            if not going.size:
                break
        return centres, within

    def _step(self, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centres after one step of Lloyd's, and the sums of squares before it."""
        k, n, p = centres.shape
        flat = np.concatenate([centres, -(centres**2).sum(axis=2, keepdims=True) / 2], axis=2).reshape(k * n, p + 1)
        scores = (flat @ self.upright).reshape(k, n, -1)
        best = scores.max(axis=0)
        # A row as near to two centres counts for both here; the last steps in double precision give it to one.
        sums = ((scores == best).reshape(k * n, -1).astype("float32") @ self.weighted).reshape(k, n, p + 1)
        sizes = sums[..., -1:]
        return np.where(sizes > 0, sums[..., :-1] / np.where(sizes > 0, sizes, 1), centres), self.total - 2.0 * (best @ self.weights)


def _exchanged(x: np.ndarray, w: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, float]:
    """The best of some partitions, each improved in double precision until no row's move lowers the sum of squares (Hartigan 1975).

    centres   partitions × groups × columns

    All rows that gain by moving move at once; where that does not lower the sum, the one that gains most. An empty group takes a row.
    """
    table = np.column_stack([x, np.ones(len(x))]) * w[:, None], (x**2).sum(axis=1)
    labels = (centres @ x.T - (centres**2).sum(axis=2, keepdims=True) / 2).argmax(axis=1)
    least, found = 1e-12 * max(float(w @ table[1]), 1e-300), (centres[0], np.inf)
    now = _moves(x, w, *table, labels, centres.shape[1])
    for _ in range(STEPS):
        done = now.gain.max(axis=1) <= least
        for i in np.flatnonzero(done & (now.within < found[1])):
            found = (now.centres[i], float(now.within[i])) if now.within[i] < found[1] else found
        if done.all():
            return found
        before, labels = _Moves(*(part[~done] for part in now)), labels[~done]
        moved = np.where(before.gain > least, before.to, labels)
        now = _moves(x, w, *table, moved, centres.shape[1])
        worse = np.flatnonzero(now.within > before.within - least)
        if worse.size:
            row = before.gain[worse].argmax(axis=1)
            moved[worse] = labels[worse]
            moved[worse, row] = before.to[worse, row]
            for part, single in zip(now, _moves(x, w, *table, moved[worse], centres.shape[1]), strict=True):
                part[worse] = single
        labels = moved
    i = int(now.within.argmin())
    return (now.centres[i], float(now.within[i])) if now.within[i] < found[1] else found


class _Moves(NamedTuple):
    """Of some partitions: centres, sums of squares within, and for every row what its best move would gain, and where to."""

    centres: np.ndarray
    within: np.ndarray
    gain: np.ndarray
    to: np.ndarray


def _moves(x: np.ndarray, w: np.ndarray, weighted: np.ndarray, squares: np.ndarray, labels: np.ndarray, k: int) -> _Moves:
    hot = labels[:, None, :] == np.arange(k)[:, None]
    sums = hot.astype("float64") @ weighted
    sizes = sums[..., -1:]
    centres = sums[..., :-1] / np.where(sizes > 0, sizes, 1)
    apart = (centres * -2) @ x.T
    apart += squares
    apart += (centres**2).sum(axis=2, keepdims=True)
    at = np.arange(len(labels))[:, None], labels, np.arange(len(x))  # one indexing for all: this is called thousands of times
    own = apart[at]
    size = sizes[at[0], labels, 0]
    rest = size - w
    gain = np.where(rest > 1e-9 * size, size / np.where(rest > 0, rest, 1), 0.0) * w * own
    apart *= sizes * w / (sizes + w)
    apart[at] = np.inf
    least, to = apart[:, 0].copy(), np.zeros(labels.shape, dtype="int64")
    for j in range(1, k):  # the first of the smallest, group after group: rows lie side by side
        lower = apart[:, j] < least
        np.copyto(least, apart[:, j], where=lower)
        to[lower] = j
    gain -= least
    return _Moves(centres, own @ w, gain, to)


def _settled(x: np.ndarray, w: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, float]:
    """Lloyd's steps in double precision until no row changes its group."""
    labels = None
    for _ in range(STEPS):
        found = nearest(x, centres)
        if labels is not None and (found == labels).all():
            break
        labels = found
        sizes = np.bincount(labels, weights=w, minlength=len(centres))
        sums = np.stack([np.bincount(labels, weights=w * column, minlength=len(centres)) for column in x.T], axis=1)
        centres = np.where(sizes[:, None] > 0, sums / np.where(sizes > 0, sizes, 1)[:, None], centres)
    return centres, float(w @ ((x - centres[labels]) ** 2).sum(axis=1))


def _table(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype="float64")
    x = x[:, None] if x.ndim == 1 else x
    if not np.isfinite(x).all():
        raise NinefoldError("k-means: a value is missing or infinite. Fill or leave out such rows first.")
    return x


def different(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `fit` takes: the different rows in ascending order, their weights (weightings × different rows), and which each row is."""
    order = np.lexsort(x.T[::-1])
    rows = x[order]
    new = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    which = np.empty(len(x), dtype="int64")
    which[order] = np.cumsum(new) - 1
    return rows[new], np.add.reduceat(weights[:, order], np.flatnonzero(new), axis=1), which
