"""k-means from many cold starts at once: equal rows are counted once, all starts share one multiplication, poor ones are dropped early."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock

import numpy as np

from helpers import NinefoldError

TIE = 1e-9
"""Of two centres whose squared distances differ by no more than this, the first is the nearest: the rule of the published document."""
CELLS = 2**18
"""Distances held at once, rows × centres × starts: what stays near the processor."""
STAGES = ((2, 4), (3, 4))
"""After so many steps, one start in so many goes on."""
LAST = 6
"""Starts that go on until nothing changes."""
STEPS = 300


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
    rows, merged = _merged(_table(x), np.atleast_2d(np.asarray(weights, dtype="float64")))
    key = [seed] if isinstance(seed, int | np.integer) else list(seed)

    def fit(i: int) -> Partition:
        drawn = merged[i] > 0
        return _fit(rows[drawn], merged[i][drawn], k, n_starts, np.random.default_rng([*key, i]))

    with one_thread():
        if len(merged) == 1:
            return [fit(0)]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(fit, range(len(merged))))


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


def _fit(x: np.ndarray, w: np.ndarray, k: int, n_starts: int, draw: np.random.Generator) -> Partition:
    """The best of n_starts on different rows of positive weight."""
    if not 1 <= k <= len(x):
        raise NinefoldError(
            f"k-means: {k} groups were asked of {len(x)} different rows. Ask for fewer groups, or give variables that tell customers apart."
        )
    middle = np.average(x, axis=0, weights=w)
    unit = max(float(np.abs(x - middle).max()), 1e-300)
    z = (x - middle) / unit
    batch = _Batch(z, w)
    block = max(1, CELLS // (len(z) * k))
    centres = np.concatenate([batch.seeds(k, min(block, n_starts - first), draw) for first in range(0, n_starts, block)], axis=1)
    for steps, divisor in STAGES:
        centres, within = batch.steps(centres, steps)
        kept = max(LAST, -(-centres.shape[1] // divisor))
        centres = centres[:, np.argsort(within, kind="stable")[:kept]]
    centres, within = batch.steps(centres, STEPS)
    found, total = _finished(z, w, centres[:, int(within.argmin())].astype("float64"))
    found = found[np.lexsort(found.T[::-1])]
    return Partition(found * unit + middle, total * unit**2)


class _Batch:
    """Lloyd's steps for many starts at once, in single precision. Centres are groups × starts × columns."""

    def __init__(self, x: np.ndarray, w: np.ndarray):
        self.rows = np.ascontiguousarray(x, dtype="float32")
        self.upright = np.vstack([x.T, np.ones(len(x))]).astype("float32")
        self.weighted = np.column_stack([x * w[:, None], w]).astype("float32")
        self.squares = (x**2).sum(axis=1).astype("float32")
        self.weights, self.shares = w.astype("float32"), np.cumsum(w)
        self.total = float(w @ (x**2).sum(axis=1))

    def seeds(self, k: int, n: int, draw: np.random.Generator) -> np.ndarray:
        """Rows drawn one after the other, in proportion to weight × squared distance to those drawn before."""
        u = draw.random((k, n))
        chosen = np.empty((k, n), dtype="int64")
        chosen[0] = np.searchsorted(self.shares, u[0] * self.shares[-1], side="right").clip(max=len(self.rows) - 1)
        least = None
        for j in range(1, k):
            last = chosen[j - 1]
            apart = self.rows[last] @ self.upright[:-1]
            apart *= -2
            apart += self.squares
            apart += self.squares[last][:, None]
            least = np.maximum(apart, 0) if least is None else np.minimum(least, np.maximum(apart, 0, out=apart), out=least)
            up_to = np.cumsum(least * self.weights, axis=1)
            passed = np.count_nonzero(up_to <= (u[j] * up_to[:, -1])[:, None], axis=1)
            chosen[j] = passed.clip(max=len(self.rows) - 1)
        return self.rows[chosen]

    def steps(self, centres: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Centres after at most so many steps, and their sums of squares before the last."""
        k, n, _ = centres.shape
        block = max(1, CELLS // (len(self.rows) * k))
        parts = [self._steps(centres[:, first : first + block], most) for first in range(0, n, block)]
        return np.concatenate([p[0] for p in parts], axis=1), np.concatenate([p[1] for p in parts])

    def _steps(self, centres: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        k, n, p = centres.shape
        before = None
        for _ in range(most):
            flat = np.concatenate([centres, -(centres**2).sum(axis=2, keepdims=True) / 2], axis=2).reshape(k * n, p + 1)
            scores = (flat @ self.upright).reshape(k, n, -1)
            best = scores.max(axis=0)
            within = self.total - 2.0 * (best @ self.weights)
            if before is not None and (within >= before - 1e-6 * self.total).all() and most == STEPS:
                break
            before = within
            # A row as near to two centres counts for both here; the last steps in double precision give it to the first.
            sums = ((scores == best).reshape(k * n, -1).astype("float32") @ self.weighted).reshape(k, n, p + 1)
            sizes = sums[..., -1:]
            centres = np.where(sizes > 0, sums[..., :-1] / np.where(sizes > 0, sizes, 1), centres)
        return centres, within


def _finished(x: np.ndarray, w: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, float]:
    """Lloyd's steps in double precision until no row changes; a centre that nobody is near moves to the row farthest from its own."""
    squares, labels = (x**2).sum(axis=1), None
    for _ in range(STEPS):
        scores = x @ centres.T - (centres**2).sum(axis=1) / 2
        best = scores.max(axis=1)
        found = (scores >= best[:, None] - TIE / 2).argmax(axis=1)
        if labels is not None and (found == labels).all():
            break
        labels = found
        sizes = np.bincount(labels, weights=w, minlength=len(centres))
        sums = np.stack([np.bincount(labels, weights=w * column, minlength=len(centres)) for column in x.T], axis=1)
        centres = sums / np.where(sizes > 0, sizes, 1)[:, None]
        if (sizes == 0).any():
            far = np.argsort(-w * (squares - 2 * best), kind="stable")
            centres[sizes == 0] = x[far[: int((sizes == 0).sum())]]
    return centres, float(w @ ((x - centres[labels]) ** 2).sum(axis=1))


def _table(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype="float64")
    x = x[:, None] if x.ndim == 1 else x
    if not np.isfinite(x).all():
        raise NinefoldError("k-means: a value is missing or infinite. Fill or leave out such rows first.")
    return x


def _merged(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different rows in ascending order, and their weights, weightings × different rows."""
    order = np.lexsort(x.T[::-1])
    rows = x[order]
    first = np.flatnonzero(np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)]))
    return rows[first], np.add.reduceat(weights[:, order], first, axis=1)


_entered = {"times": 0, "limit": None}
_lock = Lock()


@cache
def _libraries():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread in each multiplication while anyone is inside: several add up in an order that changes from run to run."""
    with _lock:
        _entered["times"] += 1
        if _entered["times"] == 1:
            _entered["limit"] = _libraries().limit(limits=1)
    try:
        yield
    finally:
        with _lock:
            _entered["times"] -= 1
            if _entered["times"] == 0:
                _entered["limit"].restore_original_limits()
