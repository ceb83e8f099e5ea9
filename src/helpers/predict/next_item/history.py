"""What each customer has bought so far, item by item, as sparse matrices: the only thing that recommendations are made of."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np

from helpers.engine import before, between, days_between, total
from helpers.variables.formulas import bought_orders

if TYPE_CHECKING:
    from scipy.sparse import csr_array

KEY = "customer_id"


@dataclass(frozen=True)
class Histories:
    """What customers had bought at an instant: matrices of customers × items.

    customers, items   ids and codes, both in alphabetical order: the names of rows and columns
    orders             csr: in how many orders the customer bought the item, and up to half an order more the later the last of them was
    habits             half-life in days (None: none) → csr: orders with the item, each counting half once it is that old; the largest of
                       a row is 1
    buyers             span in days (None: all history) → customers who bought the item within it, an integer an item
    """

    customers: np.ndarray
    items: np.ndarray
    orders: "csr_array"
    habits: dict[int | None, "csr_array"]
    buyers: dict[int | None, np.ndarray]

    def of(self, rows: np.ndarray) -> "Histories":
        """The same of some customers; `buyers` stay those of all."""
        habits = {days: matrix[rows] for days, matrix in self.habits.items()}
        return replace(self, customers=self.customers[rows], orders=self.orders[rows], habits=habits)


def bought(lines: ir.Table, item: str, *, as_of: datetime) -> ir.Table:
    """One row per customer, order and item: customer_id, order_id, item (text), at.

    lines   order lines with the column `item`. What cost nothing or was given back was not bought, nor is an order that its refunds
            outweigh; lines of nobody or of no item are left out.
    """
    kept = bought_orders(lines, as_of=as_of).select(KEY, "order_id")
    rows = lines.mutate(item=lines[item].cast("string").strip().nullif(""))
    rows = rows.filter(rows.item.notnull(), rows.amount > 0, rows.ordered_at < ibis.literal(as_of)).semi_join(kept, [KEY, "order_id"])
    return rows.group_by([KEY, "order_id", "item"]).agg(at=rows.ordered_at.min())


def known_at(rows: ir.Table, *, cut: datetime, half_lives: tuple[int | None, ...], spans: tuple[int | None, ...]) -> ir.Table:
    """One row per customer and item from what was bought before `cut`, never after.

    rows      result of `bought`
    Returns   customer_id, item, n (orders), age (days since the last of them), h0, h1 … (a half-life each), s0, s1 … (bought in the span)
    """
    known = before(rows, "at", cut)
    age = days_between(known.at, cut)
    weights = {f"h{i}": _halved(known, age, days) for i, days in enumerate(half_lives)}
    within = {
        f"s{i}": ibis.literal(True) if days is None else known.at.max() >= ibis.literal(cut - timedelta(days=days))
        for i, days in enumerate(spans)
    }
    return known.group_by([KEY, "item"]).agg(n=known.count(), age=age.min(), **weights, **within)


def _halved(known: ir.Table, age: ir.FloatingValue, days: int | None) -> ir.Value:
    if days is None:
        return known.count().cast("float64")
    return total((age * (-np.log(2.0) / days)).exp()).cast("float64")  # added up as decimals: see engine.total


def histories(known: ir.Table, *, items: np.ndarray, half_lives: tuple[int | None, ...], spans: tuple[int | None, ...]) -> Histories:
    """The matrices of some customers, read into memory.

    known   result of `known_at`, of as many customers as memory holds;  items: codes in alphabetical order, those of every row
    """
    from scipy.sparse import csr_array

    read = known.to_pyarrow()
    customers, rows = _numbered(read[KEY])
    columns = np.searchsorted(items, np.asarray(read["item"].to_pylist(), dtype=items.dtype)) if len(items) else np.zeros(0, dtype="int64")
    shape = (len(customers), len(items))

    def matrix(values: np.ndarray) -> "csr_array":
        made = csr_array((values.astype("float64"), (rows, columns)), shape=shape)
        made.sort_indices()
        return made

    age = read["age"].to_numpy()
    recent = 0.5 * (1 - age / (age.max() + 1)) if len(age) else age
    habits = {days: highest_one(matrix(read[f"h{i}"].to_numpy())) for i, days in enumerate(half_lives)}
    buyers = {days: np.bincount(columns[read[f"s{i}"].to_numpy(zero_copy_only=False)], minlength=shape[1]) for i, days in enumerate(spans)}
    return Histories(customers, items, matrix(read["n"].to_numpy() + recent), habits, buyers)


def highest_one(matrix: "csr_array") -> "csr_array":
    """Each row divided by its largest value; a row of nothing stays one."""
    most = row_highest(matrix)
    return matrix.__class__(
        (matrix.data / np.repeat(np.where(most > 0, most, 1.0), np.diff(matrix.indptr)), matrix.indices, matrix.indptr), shape=matrix.shape
    )


def row_highest(matrix: "csr_array") -> np.ndarray:
    """The largest value of each row; 0 where the row holds nothing."""
    most, filled = np.zeros(matrix.shape[0]), np.diff(matrix.indptr) > 0
    if filled.any():
        most[filled] = np.maximum.reduceat(matrix.data, matrix.indptr[:-1][filled])
    return most


def item_codes(rows: ir.Table) -> np.ndarray:
    """The codes of all items, in alphabetical order."""
    codes = rows.select("item").distinct().order_by("item").to_pyarrow()["item"].to_pylist()
    return np.array(sorted(codes), dtype="str") if codes else np.array([], dtype="str")


def later(rows: ir.Table, *, start: datetime, end: datetime) -> ir.Table:
    """customer_id, item of what was bought in [start, end), a row each."""
    return between(rows, "at", start, end).select(KEY, "item").distinct()


def truth(found: ir.Table, customers: np.ndarray, items: np.ndarray) -> "csr_array":
    """What these customers bought later, as ones: customers × items; `found` is a result of `later`."""
    from scipy.sparse import csr_array

    read = found.to_pyarrow()
    ids, codes = (np.asarray(read[c].to_pylist(), dtype="str") for c in (KEY, "item"))
    rows, columns = (np.searchsorted(all_, part) for all_, part in ((customers, ids), (items, codes)))
    rows, columns = np.minimum(rows, len(customers) - 1), np.minimum(columns, len(items) - 1)
    there = (customers[rows] == ids) & (items[columns] == codes) if len(ids) else np.zeros(0, dtype=bool)
    made = csr_array((np.ones(int(there.sum())), (rows[there], columns[there])), shape=(len(customers), len(items)))
    made.sort_indices()
    return made


def _numbered(ids) -> tuple[np.ndarray, np.ndarray]:
    """The ids in alphabetical order, and each row's place among them."""
    coded = ids.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if hasattr(coded, "combine_chunks") else coded
    names = np.asarray(coded.dictionary.to_pylist(), dtype="str")
    order = np.argsort(names)
    places = np.empty(len(names), dtype="int64")
    places[order] = np.arange(len(names))
    return names[order], places[coded.indices.to_numpy()]
