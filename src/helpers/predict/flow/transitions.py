"""Where every known customer stands at two or three dates under one frozen document, counted: segments and two states beside them."""

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce

import ibis
import ibis.expr.types as ir
import numpy as np

from helpers.build import apply, customers
from helpers.engine import Window, between, total
from helpers.predict.value.margins import rate_of
from helpers.project import Project
from helpers.rates import quantile
from helpers.variables.formulas import bought_orders

KEY = "customer_id"
OUTSIDE, IDLE, NEW = "outside", "idle", "new"
"""Bought in the window and not in scope; a customer who bought nothing in it; not yet a customer."""
DATES = ("select", "confirm", "published")


@dataclass(frozen=True)
class Flows:
    """Customers counted by their state at three dates, earliest first.

    places     names of the states a customer can be in: the segments, OUTSIDE, IDLE; NEW has the place after them
    at         rows × 3: place at select, confirm and published (select: NEW throughout where it is not known)
    n          customers of each row;  money, squares: of the period that ends at published;  earlier: money of the one before it
    """

    places: list[str]
    at: np.ndarray
    n: np.ndarray
    money: np.ndarray
    squares: np.ndarray
    earlier: np.ndarray

    @property
    def segments(self) -> int:
        """How many of the places are segments."""
        return len(self.places) - 2


def states(step, document: dict, orders: ir.Table, windows: dict[str, Window], dates: tuple[str, ...] = DATES) -> ir.Table:
    """The state of everyone who ever bought, at each of the dates.

    document   a segmentation document, the same at every date;  orders: checked order lines
    Returns    customer_id and one column a date: the segment of those in scope then; OUTSIDE (bought in the window that ends there, not
               in scope), IDLE (bought before it only); missing: not yet a customer
    """
    bought = bought_orders(orders, as_of=windows["published"].built_at)
    at = bought.ordered_at
    asked = {"first_": at.min()} | {f"last_{d}": at.max(where=at < ibis.literal(windows[d].built_at)) for d in dates}
    everyone = bought.group_by(KEY).agg(**asked)
    for date in dates:
        labels = apply(document, customers(step, date)).select(KEY, **{f"label_{date}": ibis._.segment})
        everyone = everyone.left_join(labels, KEY).drop(f"{KEY}_right")
    return everyone.select(KEY, **{date: _state(everyone, date, windows[date]) for date in dates})


def _state(t: ir.Table, date: str, window: Window) -> ir.Value:
    label, last = t[f"label_{date}"], t[f"last_{date}"]
    inside = last >= ibis.literal(window.built_from)
    return ibis.cases((label.notnull(), label), (inside, OUTSIDE), (last.notnull(), IDLE))


def money_of(orders: ir.Table, project: Project, window: Window, *, days: int) -> ir.Table:
    """customer_id, money: of the days that end where the window does, net of refunds; margin where one is typed for everything."""
    lines = between(orders, "ordered_at", window.built_at - timedelta(days=days), window.built_at)
    lines = lines.filter(lines.customer_id.notnull())
    return lines.group_by(KEY).agg(money=total(lines.amount.cast("float64") * rate_of(lines, project)))


def counted(where: ir.Table, spent: dict[str, ir.Table], ids: list[str]) -> Flows:
    """The states counted, with the money of the two periods between them.

    where   result of `states`;  spent: confirm and published → customer_id, money;  ids: the document's segments, in its order
    """
    dates = [date for date in DATES if date in where.columns]
    tables = [where, *(each.select(KEY, **{f"money_{name}": each.money.cast("float64")}) for name, each in spent.items())]
    joined = reduce(lambda a, b: a.left_join(b, KEY).drop(f"{KEY}_right"), tables)
    now, then = (joined[f"money_{name}"].fill_null(0.0) for name in ("published", "confirm"))
    asked = {"n": joined.count(), "money": total(now), "squares": total(now * now), "earlier": total(then)}
    found = joined.group_by(dates).agg(**asked).order_by([joined[d].fill_null(NEW) for d in dates]).execute()
    places = [*ids, OUTSIDE, IDLE]
    number = {name: n for n, name in enumerate([*places, NEW])}
    at = [found[d].fillna(NEW).map(number).to_numpy() if d in dates else np.full(len(found), len(places)) for d in DATES]
    sums = (found[name].astype("float64").to_numpy() for name in ("money", "squares", "earlier"))
    return Flows(places, np.column_stack(at).astype("int64"), found["n"].to_numpy(dtype="int64"), *sums)


def counts_of(flows: Flows, n: np.ndarray, start: int) -> np.ndarray:
    """Customers by state at one date and at the next: (places + 1) × places, the last row those who became customers in between.

    n       customers of each row of `flows`, as counted or as redrawn;  start: 0 from select on, 1 from confirm on
    """
    size = len(flows.places)
    there = flows.at[:, start + 1] < size
    cell = flows.at[there, start] * size + flows.at[there, start + 1]
    return np.bincount(cell, weights=n[there], minlength=(size + 1) * size).reshape(size + 1, size)


def memory(flows: Flows) -> dict | None:
    """Whether it matters where a customer was before: then the chain has a memory, and is none of Markov's.

    Among the members of each segment at the middle date: the share that stays, of those who were in it at the first date as well, less
    that of those who came since. Over segments by Cochran's weights (Cochran 1954, Biometrics 10, 417-451).
    Returns   settled, came (shares that stay, by the same weights), difference, low, high (95 %); None where either kind is missing
    """
    k, (first, middle, last) = flows.segments, flows.at.T
    weights, parts = [], []
    for place in range(k):
        here = middle == place
        old, new = (flows.n[here & side].sum() for side in (first == place, first != place))
        if old and new:
            stayed = [flows.n[here & side & (last == place)].sum() for side in (first == place, first != place)]
            weights.append(old * new / (old + new))
            parts.append((stayed[0] / old, stayed[1] / new, old, new))
    if not parts:
        return None
    weight, (p, q, old, new) = np.array(weights) / sum(weights), np.array(parts).T
    settled, came = float(weight @ p), float(weight @ q)
    half = quantile() * math.sqrt(float(weight**2 @ (p * (1 - p) / old + q * (1 - q) / new)))
    return {"settled": settled, "came": came, "difference": settled - came, "low": settled - came - half, "high": settled - came + half}
