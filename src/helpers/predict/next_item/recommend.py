"""Lists of items for customers: the most popular, each one's own most frequent, or what goes with what they bought.

Item to item as in Deshpande & Karypis (2004), Item-based top-N recommendation algorithms, ACM TOIS 22, 143-177: an item is close to
another when customers who bought the other bought it too, less so the more popular it is with everybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers.predict.next_item.history import Histories, highest_one, row_highest

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MODEL, OWN, POPULAR = "model", "own", "popular"
NEIGHBOURS = 50
"""Closest items kept of each item."""
MOST_ITEMS = 500
"""Items of one customer from which closeness is learnt, the most frequent: a wholesaler who buys everything tells nothing."""
SCORES = 4_000_000
"""Scores in memory at a time."""
BLOCK = 512
"""Items whose closeness to all others is in memory at a time."""
SHRINK = 10.0
"""Buyers added to those of each item, as if they had bought nothing else: what few customers did is little evidence."""


@dataclass(frozen=True)
class Recipe:
    """How the model scores: (1 − beta) × own habits + beta × closeness of the item to what was bought.

    half_life   days after which a purchase counts half; None: all count alike
    alpha       how far the popularity of an item is taken out of closeness: 0 share of its neighbour's buyers … 1 lift
    beta        weight of other items; 1 for items that the customer never bought, for there are no habits of them
    """

    half_life: int | None
    alpha: float
    beta: float


@dataclass(frozen=True)
class Learnt:
    """What is learnt of items: `popular`, their numbers most popular first (ties by code), by span; `close`, by alpha, items × items."""

    popular: dict[int | None, np.ndarray]
    close: dict[float, "csr_array"]


def learn(past: Histories, *, alphas: tuple[float, ...], least: int) -> Learnt:
    """Popularity, and closeness of items that at least `least` customers bought; memory does not grow with the number of customers' pairs.

    Closeness of j to i: n_ij / ((n_i + SHRINK) · n_j^alpha), n_ij the customers who bought both; of each i the NEIGHBOURS closest.
    """
    popular = {span: np.lexsort((np.arange(len(n)), -n)) for span, n in past.buyers.items()}
    return Learnt(popular, _closeness(past, alphas, least))


def _closeness(past: Histories, alphas: tuple[float, ...], least: int) -> dict[float, "csr_array"]:
    from scipy.sparse import csr_array

    having = _capped(past.orders)
    n = np.asarray(having.sum(axis=0)).ravel()
    size, common = len(n), np.flatnonzero(n >= least)
    kept, by_item = having[:, common], having[:, common].T.tocsr()
    parts: dict[float, list[tuple]] = {alpha: [] for alpha in alphas}
    popularity = {alpha: n[common] ** alpha for alpha in alphas}
    for start in range(0, len(common), BLOCK):
        both = (by_item[start : start + BLOCK] @ kept).tocsr()
        for row in range(both.shape[0]):
            i, within = start + row, slice(both.indptr[row], both.indptr[row + 1])
            j, n_ij = both.indices[within], both.data[within]
            for alpha in alphas:
                score = np.round(n_ij / ((n[common[i]] + SHRINK) * popularity[alpha][j]), 12)
                score[j == i] = 0.0
                best = _highest_of(score, j, NEIGHBOURS)
                parts[alpha].append((np.full(len(best), common[i]), common[j[best]], score[best]))
    result = {}
    for alpha, found in parts.items():
        i, j, score = (np.concatenate([part[k] for part in found]) if found else np.zeros(0, dtype="int64") for k in range(3))
        result[alpha] = csr_array((score.astype("float64"), (i, j)), shape=(size, size))
    return result


def _highest_of(score: np.ndarray, code: np.ndarray, most: int) -> np.ndarray:
    """Places of the `most` largest scores above 0, ties by the smaller code."""
    least = np.partition(score, len(score) - most)[len(score) - most] if len(score) > most else 0.0
    near = np.flatnonzero((score >= least) & (score > 0))
    return near[np.lexsort((code[near], -score[near]))[:most]]


def _capped(orders: "csr_array") -> "csr_array":
    """Ones where a customer bought an item, at most MOST_ITEMS a customer."""
    from scipy.sparse import csr_array

    counts, kept = np.diff(orders.indptr), np.arange(orders.nnz)
    if len(kept) and counts.max() > MOST_ITEMS:
        spans = zip(orders.indptr[:-1], orders.indptr[1:], strict=True)
        kept = np.concatenate([a + _highest_of(orders.data[a:b], orders.indices[a:b], MOST_ITEMS) for a, b in spans])
    rows = np.repeat(np.arange(orders.shape[0]), counts)
    return csr_array((np.ones(len(kept)), (rows[kept], orders.indices[kept])), shape=orders.shape)


def associated(past: Histories, learnt: Learnt, half_life: int | None, alpha: float) -> "csr_array":
    """How close every item is to what each customer bought; the largest of a row is 1."""
    return highest_one((past.habits[half_life] @ learnt.close[alpha]).tocsr())


def scores(past: Histories, close: "csr_array", recipe: Recipe) -> "csr_array":
    """Score of each item for each customer; what is not there has none."""
    if recipe.beta >= 1:
        return close
    habits = past.habits[recipe.half_life]
    return ((1 - recipe.beta) * habits + recipe.beta * close).tocsr() if recipe.beta else habits


def unbought(matrix: "csr_array", past: Histories) -> "csr_array":
    """The scores of items that the customer has not bought."""
    owned = past.orders.copy()
    owned.data = np.ones_like(owned.data)
    left = (matrix - matrix.multiply(owned)).tocsr()
    left.eliminate_zeros()
    return left


def top(matrix: "csr_array | None", popular: np.ndarray, shown: int, *, but: "csr_array | None" = None, customers: int = 0) -> np.ndarray:
    """The `shown` best items of each customer, numbers of columns, best first; −1 where there is none left.

    matrix     scores, above 0 (None: popularity alone, of so many `customers`); ties go to the more popular item
    popular    numbers of the items, most popular first: they fill what scores leave empty
    but        items that are not for a customer (those already bought), or None
    """
    rows = customers if matrix is None else matrix.shape[0]
    lists = np.full((rows, shown), -1, dtype="int64")
    if matrix is not None and matrix.nnz:
        _highest(matrix, popular, lists)
    _fill(lists, popular, but)
    return lists


def _highest(matrix: "csr_array", popular: np.ndarray, lists: np.ndarray) -> None:
    place = np.empty(len(popular), dtype="int64")
    place[popular] = np.arange(len(popular))
    rounded = matrix.__class__((np.round(matrix.data, 9), matrix.indices, matrix.indptr), shape=matrix.shape)
    for k in range(lists.shape[1]):
        most = row_highest(rounded)
        at = np.flatnonzero((rounded.data == np.repeat(most, np.diff(rounded.indptr))) & (rounded.data > 0))
        rows = np.searchsorted(rounded.indptr, at, side="right") - 1
        order = np.lexsort((place[rounded.indices[at]], rows))
        chosen, first = np.unique(rows[order], return_index=True)
        best = at[order[first]]
        lists[chosen, k] = rounded.indices[best]
        rounded.data[best] = -1.0


def _fill(lists: np.ndarray, popular: np.ndarray, but: "csr_array | None") -> None:
    """Empty places of the lists filled with popular items that are not yet there, one item after the other."""
    columns = None if but is None else but.tocsc()
    wanting = np.flatnonzero(lists[:, -1] < 0)
    owned = np.zeros(len(lists), dtype=bool)
    for item in popular:
        if not len(wanting):
            return
        free = ~(lists[wanting] == item).any(axis=1)
        if columns is not None:
            having = columns.indices[columns.indptr[item] : columns.indptr[item + 1]]
            owned[having] = True
            free &= ~owned[wanting]
            owned[having] = False
        rows = wanting[free]
        lists[rows, (lists[rows] >= 0).sum(axis=1)] = item
        wanting = wanting[lists[wanting, -1] < 0]


def lists_by(method: str, past: Histories, learnt: Learnt, recipe: Recipe, span: int | None, shown: int, *, new: bool) -> np.ndarray:
    """The lists of one method: MODEL, OWN (most frequent, then latest) or POPULAR; `new`: only of items never bought before."""
    parts = [past.of(np.arange(start, end)) for start, end in batches(past.orders.indptr, len(past.items))]
    lists = [_lists(method, part, learnt, recipe, span, shown, new=new) for part in parts]
    return np.concatenate(lists) if lists else np.zeros((0, shown), dtype="int64")


def _lists(method: str, past: Histories, learnt: Learnt, recipe: Recipe, span: int | None, shown: int, *, new: bool) -> np.ndarray:
    but, popular = past.orders if new else None, learnt.popular[span]
    if method == POPULAR:
        return top(None, popular, shown, but=but, customers=len(past.customers))
    if method == OWN:
        return top(past.orders, popular, shown)
    found = scores(past, associated(past, learnt, recipe.half_life, recipe.alpha), recipe)
    return top(unbought(found, past) if new else found, popular, shown, but=but)


def batches(indptr: np.ndarray, items: int) -> Iterator[tuple[int, int]]:
    """[start, end) of each batch of customers, so that their scores hold about SCORES numbers."""
    cost = np.cumsum(np.minimum(np.diff(indptr) * NEIGHBOURS, items))
    start = 0
    while start < len(cost):
        done = cost[start - 1] if start else 0
        end = max(int(np.searchsorted(cost, done + SCORES, side="right")), start + 1)
        yield start, end
        start = end
