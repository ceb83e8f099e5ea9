"""What the models of buying need of each customer: repeat purchases, when the last one was, how long ago the first; and their value."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError
from helpers.engine import days_between, total
from helpers.variables.formulas import bought_orders

UNIT_DAYS = 7.0
"""Days in one unit of time, a week, as the published examples have it; another unit only rescales α."""


@dataclass(frozen=True, eq=False)
class Counted:
    """Distinct histories, numpy arrays of one length: x repeat purchases, t_x and T in units of time, n customers who share them."""

    x: "numpy.ndarray"  # noqa: F821 - numpy is imported where it is used
    t_x: "numpy.ndarray"  # noqa: F821
    T: "numpy.ndarray"  # noqa: F821
    n: "numpy.ndarray"  # noqa: F821

    @property
    def customers(self) -> int:
        return int(self.n.sum())

    @property
    def repeaters(self) -> int:
        """Customers who came back at least once."""
        return int(self.n[self.x > 0].sum())


def histories(orders: ir.Table, *, as_of: datetime, unit_days: float = UNIT_DAYS) -> ir.Table:
    """One row for everybody who ever bought, from the order lines.

    orders      customer_id, order_id, ordered_at, amount: lines or whole orders; refunds < 0
    as_of       first instant not counted;  unit_days: days in one unit of time
    Returns     customer_id; first_day (midnight of the first purchase); x, repeat purchases; t_x, time from the first purchase to the
                last; T, time from the first purchase to the last day counted; m_x, mean value of the x repeat purchases.
    A purchase is a day with at least one order whose refunds do not outweigh it (`variables.formulas.bought_orders`): orders of one day
    are one purchase, whatever the unit. So T leaves out the first day, on which nothing more can be counted, as in Fader, Hardie and
    Lee's CDNOW file (2005). m_x is theirs for the Gamma-Gamma model (2013): the first purchase takes no part; null where x = 0. It is
    before refunds that came as orders of their own (`kept`).
    Raises      NinefoldError when unit_days is not above 0
    """
    if not unit_days > 0:
        raise NinefoldError(f"unit_days is {unit_days}: type how many days one unit of time has, 7 for weeks")
    bought = bought_orders(orders, as_of=as_of)
    bought = bought.mutate(day=bought.ordered_at.truncate("D"))
    days = bought.group_by(["customer_id", "day"]).agg(amount=bought.amount.sum())
    each = days.group_by("customer_id").agg(
        first_day=days.day.min(),
        last_day=days.day.max(),
        x=days.count() - 1,
        whole=days.amount.sum(),
        opening=days.amount.argmin(days.day),  # a customer has one row a day: no ties
    )
    ended = (as_of - timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    repeated = (each.whole - each.opening).cast("float64") / each.x.nullif(0).cast("float64")
    return each.select(
        "customer_id",
        "first_day",
        x=each.x.cast("int64"),
        t_x=days_between(each.first_day, each.last_day) / unit_days,
        T=days_between(each.first_day, ended) / unit_days,
        m_x=repeated,
    )


def kept(orders: ir.Table, *, as_of: datetime) -> float | None:
    """The share of what purchases brought that was not given back later as a refund of its own, 0-1; None without purchases."""
    known = orders.filter(orders.customer_id.notnull(), orders.ordered_at < ibis.literal(as_of))
    bought = bought_orders(orders, as_of=as_of)
    net, gross = total(known.amount).execute(), total(bought.amount).execute()
    return min(max(float(net) / float(gross), 0.0), 1.0) if gross else None


def counted(of: ir.Table) -> Counted:
    """The distinct histories of `histories`, each with its number of customers, in one fixed order. Days repeat: a million customers
    have some hundred thousand histories at most, and the models look at nothing else."""
    grouped = of.group_by(["x", "t_x", "T"]).agg(n=of.count()).order_by(["T", "t_x", "x"])
    return _checked(grouped.to_pandas())


def gathered(x, t_x, T, n=None) -> Counted:
    """The same from arrays of customers, or of histories with the number n of each.

    Raises   NinefoldError when a history cannot be: below 0, not a number, a last purchase after the end, repeats without a time between
    """
    import numpy as np
    import pandas as pd

    rows = pd.DataFrame({"x": x, "t_x": t_x, "T": T, "n": np.ones(len(x)) if n is None else n})
    return _checked(rows.groupby(["x", "t_x", "T"], as_index=False, dropna=False)["n"].sum().sort_values(["T", "t_x", "x"]))


def _checked(rows) -> Counted:
    import numpy as np

    found = Counted(*(rows[name].to_numpy("float64") for name in ("x", "t_x", "T", "n")))
    wrong = {
        "a value that is missing or not finite": ~np.isfinite(found.x + found.t_x + found.T + found.n),
        "a value below 0": (found.x < 0) | (found.t_x < 0) | (found.T < 0) | (found.n < 0),
        "a last purchase after the last day counted": found.t_x > found.T * (1 + 1e-9),
        "no repeat purchase, yet time between the first and the last": (found.x == 0) & (found.t_x > 0),
        "a count of purchases that is not whole": found.x % 1 != 0,
    }
    for what, rows_wrong in wrong.items():
        if rows_wrong.any():
            at = int(np.argmax(rows_wrong))
            values = f"x = {found.x[at]:g}, t_x = {found.t_x[at]:g}, T = {found.T[at]:g}"
            raise NinefoldError(f"a purchase history has {what} ({values}): count purchases, then time, from the first purchase on")
    keep = found.n > 0
    return found if keep.all() else Counted(found.x[keep], found.t_x[keep], found.T[keep], found.n[keep])


def spent(of: ir.Table):
    """x, m_x and n of repeat buyers with money, as three arrays in one fixed order; and how many repeat buyers have a mean of 0."""
    bought = of.filter(of.x > 0)
    rows = bought.group_by(["x", "m_x"]).agg(n=bought.count()).order_by(["x", "m_x"]).to_pandas()
    paid = (rows.m_x > 0).to_numpy()
    arrays = tuple(rows.loc[paid, name].to_numpy("float64") for name in ("x", "m_x", "n"))
    return *arrays, int(rows.n[~paid].sum())
