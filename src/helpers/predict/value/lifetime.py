"""What is to come of each customer: whether he is still there, his purchases over a time ahead, and their value today."""

from collections.abc import Callable, Iterator
from math import log

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError
from helpers.predict.value.buying import Fit
from helpers.predict.value.histories import UNIT_DAYS
from helpers.predict.value.spending import Spending
from helpers.threads import one_thread

YEAR_DAYS = 365.0
POINTS, POINTS_FAR, FAR = 64, 256, 20.0
"""Points of the rule that averages over customers' chances of leaving, exact for polynomials of twice that degree: so many; and so many
for a time ahead of more than FAR times α + T, over which the average bends sharply."""
MOMENTS = 16
"""Points of time at which purchases ahead are worked out to be discounted."""
BATCH = 500_000
"""Customers worked on at once where the model has no closed form for the engine."""
TOGETHER = 20_000
"""Histories averaged at once."""
STEEP = 700.0
"""A logarithm of odds above which the chance is 0 in double precision, and the exponential of which engines refuse."""


def alive(fit: Fit, x, t_x, T):
    """The chance that each customer has not left, 0-1, for arrays of histories (units of time as in the fit).

    Returns   an array; missing (nan) where it cannot be known: for everybody with NBD, in which nobody leaves by assumption, and for
              one-time buyers with BG/NBD, which gives them 100 % by construction. MBG/NBD knows both (Batislam and others 2007).
    Raises    NinefoldError when the fit has not converged
    """
    import numpy as np

    x, t_x, T = _arrays(fit, x, t_x, T)
    if fit.model == "nbd":
        return np.full(x.shape, np.nan)
    found = _alive(fit, x, t_x, T)
    return np.where(x == 0, np.nan, found) if fit.model == "bgnbd" else found


@one_thread()
def expected(fit: Fit, x, t_x, T, periods):
    """Purchases to come within `periods` units of time after T, of each history; shapes are matched as numpy does.

    A customer of whom nothing is known (x = t_x = T = 0) gives the purchases after a first one within `periods`: the curve that a cohort
    is held against. BG/NBD: Fader, Hardie and Lee 2005, equation 10; MBG/NBD alike; NBD: (r + x)/(α + T) × periods.
    Returns   an array;  Raises NinefoldError when the fit has not converged or periods is below 0
    """
    import numpy as np

    x, t_x, T, periods = np.broadcast_arrays(*_arrays(fit, x, t_x, T), np.asarray(periods, dtype="float64"))
    if (periods < 0).any():
        raise NinefoldError("a time ahead is below 0: type how many units of time lie ahead")
    ahead = _by_pair(x, T, periods, lambda xs, Ts, times: _if_alive(fit, xs, Ts, times))
    return ahead * _alive(fit, x, t_x, T)


def lifetime(fit: Fit, x, t_x, T, *, spend=1.0, days: float = 365, discount_rate: float = 0.1, margin=1.0, unit_days: float = UNIT_DAYS):
    """Value today of the purchases of the next `days`: each is discounted by the time until it, at discount_rate a year.

    spend     expected money of a purchase, one or an array (`expected_spend`);  margin: the share of it that is margin, one or an array
    unit_days days in one unit of time of the histories and the fit
    Returns   an array: the sum of purchases, each × (1 + discount_rate)^(−years until it), × spend × margin
    Raises    NinefoldError when the fit has not converged, days is not above 0 or the rate is below 0
    """
    import numpy as np

    x, t_x, T = np.broadcast_arrays(*_arrays(fit, x, t_x, T))
    times = _horizon(days, discount_rate, unit_days)
    ahead = _by_pair(x, T, np.zeros(x.shape), lambda xs, Ts, _: _discounted(fit, xs, Ts, *times))
    return ahead * _alive(fit, x, t_x, T) * np.asarray(spend, dtype="float64") * np.asarray(margin, dtype="float64")


def alive_expression(fit: Fit, histories: ir.Table) -> ir.Value:
    """`alive` as an expression over the columns x, t_x and T of a table; missing where it cannot be known."""
    if fit.usable().model == "nbd":
        return ibis.null("float64")
    found = _alive_expression(fit, histories)
    return ibis.cases((histories.x > 0, found)) if fit.model == "bgnbd" else found


@one_thread()
def score(
    histories: ir.Table,
    fit: Fit,
    *,
    spending: Spending | None = None,
    alive_fit: Fit | None = None,
    days: float = 365,
    discount_rate: float = 0.1,
    unit_days: float = UNIT_DAYS,
) -> ir.Table:
    """Everybody's figures as one expression: purchases ahead depend on x and T alone, and few such pairs differ.

    histories   as `histories.histories` gives them;  alive_fit: the fit that P(alive) is from, `fit` when not given
    Returns     customer_id; alive (missing where it cannot be known); expected_orders within `days`; discounted_orders, the same, later
                ones counting less; expected_spend of a purchase and expected_value = discounted_orders × expected_spend, in money before
                any margin (missing columns without a spending model)
    Raises      NinefoldError when a fit may not be used
    """
    import numpy as np

    fit.usable()
    pairs = histories.select("x", "T").distinct().order_by(["x", "T"]).to_pandas()
    x, T = (pairs[name].to_numpy("float64") for name in ("x", "T"))
    length, nodes, weights = _horizon(days, discount_rate, unit_days)
    pairs["orders_"] = _if_alive(fit, x, T, np.full(len(x), length)) if len(x) else []
    pairs["discounted_"] = _discounted(fit, x, T, length, nodes, weights) if len(x) else []
    table = ibis.memtable(pairs.astype({"x": "int64", "T": "float64", "orders_": "float64", "discounted_": "float64"}))
    joined = histories.left_join(table, ["x", "T"])
    here = ibis.literal(1.0) if fit.model == "nbd" else _alive_expression(fit, joined)
    found = {
        "alive": alive_expression(alive_fit or fit, joined),
        "expected_orders": joined.orders_ * here,
        "discounted_orders": joined.discounted_ * here,
    }
    if spending is not None:
        p, q, gamma = (spending.usable().parameters[name] for name in ("p", "q", "gamma"))
        own = ibis.greatest(joined.m_x.fill_null(0.0), 0.0)
        found["expected_spend"] = (own * joined.x + gamma) * p / (joined.x * p + (q - 1))
        found["expected_value"] = found["discounted_orders"] * found["expected_spend"]
    return joined.select("customer_id", **found)


def in_batches(table: ir.Table, work: Callable, *, rows: int = BATCH) -> Iterator:
    """`work` on a data frame of at most `rows` rows at a time, in the engine's own order, so that memory does not grow with customers."""
    for batch in table.to_pyarrow_batches(chunk_size=rows):
        yield work(batch.to_pandas())


def _arrays(fit: Fit, *given) -> tuple:
    import numpy as np

    fit.usable()
    return tuple(np.asarray(each, dtype="float64") for each in given)


def _horizon(days: float, discount_rate: float, unit_days: float) -> tuple:
    """The time ahead in units, and the points and weights by which purchases until then are discounted.

    By parts, the discounted purchases are those of the whole time × the discount at its end, and what each earned sooner: the rate ×
    the integral of purchases until u, discounted, over u, by Gauss and Legendre's rule.
    """
    import numpy as np

    if not (days > 0 and unit_days > 0 and discount_rate >= 0):
        raise NinefoldError(
            f"days is {days}, unit_days {unit_days}, the discount rate {discount_rate}: the first two above 0, the last 0 or more"
        )
    length, force = days / unit_days, np.log1p(discount_rate) / YEAR_DAYS * unit_days
    points, weights = np.polynomial.legendre.leggauss(MOMENTS)
    times = np.append((points + 1) / 2 * length, length)
    factors = np.append(force * weights / 2 * length, 1.0) * np.exp(-force * times)
    return length, times, factors


def _alive(fit: Fit, x, t_x, T):
    """The model's own chance, 1 for one-time buyers of BG/NBD and for everybody in NBD: what expectations are made of."""
    import numpy as np

    if fit.model == "nbd":
        return np.ones(np.broadcast(x, t_x, T).shape)
    r, alpha, a, b = (fit.parameters[name] for name in ("r", "alpha", "a", "b"))
    below = b + x - (fit.model == "bgnbd")
    odds = np.log(a) - np.log(np.where(below > 0, below, 1.0)) + (r + x) * np.log((alpha + T) / (alpha + t_x))
    found = 1.0 / (1.0 + np.exp(np.minimum(odds, STEEP)))
    return np.where(x == 0, 1.0, found) if fit.model == "bgnbd" else found


def _alive_expression(fit: Fit, t: ir.Table) -> ir.Value:
    r, alpha, a, b = (fit.parameters[name] for name in ("r", "alpha", "a", "b"))
    below = ibis.greatest(t.x + (b - (fit.model == "bgnbd")), b)  # BG/NBD is asked of repeat buyers only
    odds = log(a) - below.ln() + (t.x + r) * ((t["T"] + alpha) / (t.t_x + alpha)).ln()
    found = 1.0 / (ibis.least(odds, STEEP).exp() + 1.0)
    return ibis.cases((t.x > 0, found), else_=1.0) if fit.model == "bgnbd" else found


def _by_pair(x, T, periods, work: Callable):
    """`work` on the distinct triples, handed back to every history."""
    import numpy as np
    import pandas as pd

    rows = pd.DataFrame({"x": x.ravel(), "T": T.ravel(), "periods": periods.ravel()})
    number = rows.groupby(["x", "T", "periods"], sort=True, dropna=False).ngroup().to_numpy()
    first = np.zeros(number.max(initial=-1) + 1, dtype="int64")
    first[number[::-1]] = np.arange(len(rows))[::-1]
    each = rows.iloc[first]
    return work(*(each[name].to_numpy() for name in each))[number].reshape(x.shape)


def _if_alive(fit: Fit, x, T, times):
    """Purchases within `times` of a customer who is still there at T: an average over what his chance of leaving may be.

    Given the chance p, they are (1 − (1 + p t/(α + T))^−(r + x))/p, by Beta(a, b + purchases survived). A rule for exactly that
    weight serves every a and b, at 1 too, where the published form by the hypergeometric function divides nothing by nothing.
    """
    import numpy as np

    r, alpha = fit.parameters["r"], fit.parameters["alpha"]
    if fit.model == "nbd":
        return (r + x) / (alpha + T) * times
    found = np.empty(len(x))
    ratio = times / (alpha + T)
    for points, rows in _alike(x, ratio > FAR):
        purchases = float(x[rows[0]])
        chance, weight = _rule(fit, purchases, points)
        longer = np.log1p(chance * ratio[rows][:, None])
        found[rows] = (-np.expm1(-(r + purchases) * longer) / chance * weight).sum(axis=1)
    return found


def _alike(x, far) -> Iterator:
    """Rows that share x and how far they look, each group with its number of points; never so many that memory matters."""
    import numpy as np

    order = np.lexsort((far, x))
    edges = np.flatnonzero((np.diff(x[order], prepend=np.nan) != 0) | (np.diff(far[order].astype("int8"), prepend=0) != 0))
    for group in np.split(order, edges[1:]) if len(order) else ():
        for begin in range(0, len(group), TOGETHER):
            yield POINTS_FAR if far[group[0]] else POINTS, group[begin : begin + TOGETHER]


@one_thread()
def _discounted(fit: Fit, x, T, length: float, times, factors):
    """The discounted purchases of a customer who is still there at T."""
    import numpy as np

    return sum(
        (factor * _if_alive(fit, x, T, np.full(len(x), time)) for time, factor in zip(times, factors, strict=True)), np.zeros(len(x))
    )


def _rule(fit: Fit, x: float, points: int) -> tuple:
    """Points and weights for an average over p ~ Beta(a, b + purchases survived), by Golub and Welsch (1969)."""
    import numpy as np
    from scipy.linalg import eigh_tridiagonal

    high, low = fit.parameters["b"] + x + (fit.model == "mbgnbd") - 1, fit.parameters["a"] - 1
    n = np.arange(1.0, points)
    both = high + low
    middle = np.append((low - high) / (both + 2), (low - high) * both / ((2 * n + both) * (2 * n + both + 2)))
    side = 4 * n * (n + high) * (n + low) * (n + both) / ((2 * n + both) ** 2 * (2 * n + both + 1) * (2 * n + both - 1))
    side[0] = 4 * (1 + high) * (1 + low) / ((2 + both) ** 2 * (3 + both))
    chances, vectors = eigh_tridiagonal((1 + middle) / 2, np.sqrt(side) / 2)
    return np.maximum(chances, 1e-300), vectors[0] ** 2
