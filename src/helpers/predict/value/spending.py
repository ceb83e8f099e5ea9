"""How much customers spend on a purchase: the Gamma-Gamma model, and whether its assumption holds.

A customer's purchases scatter about his own mean by a gamma distribution (shape p, its scale his own); these means differ between
customers by another one (q, γ), whatever the number of purchases (Fader and Hardie, "The Gamma-Gamma Model of Monetary Value", 2013).
"""

from dataclasses import dataclass

from helpers import NinefoldError
from helpers.predict.value.optimum import HIGHEST, LOWEST, chord, curvature, maximise, newton, standard_errors
from helpers.rates import quantile
from helpers.threads import one_thread

NAMES = ("p", "q", "gamma")
STARTS = ((1.0, 2.0, 1.0), (6.0, 4.0, 0.5), (0.5, 8.0, 10.0), (20.0, 3.0, 0.1))
"""Where the searches begin: p, q, and γ in mean purchases."""
LEAST = 10
"""Repeat buyers with money, below which three parameters cannot be told apart."""


@dataclass(frozen=True, eq=False)
class Spending:
    """The Gamma-Gamma model fitted; the fields are those of buying.Fit.

    parameters   p, q and gamma, the last in the unit of money of m
    mean         what a purchase of a customer about whom nothing is known brings, p γ/(q − 1); None when not converged or q ≤ 1
    reason       too_few, not_converged, no_mean (q ≤ 1: so heavy a tail has no mean); None when it may be used
    customers    who took part: at least one repeat purchase, money above 0
    """

    parameters: dict[str, float]
    log_likelihood: float
    customers: int
    converged: bool
    mean: float | None = None
    reason: str | None = None
    starts: int = 0
    starts_agreeing: int = 0
    standard_errors: dict[str, float] | None = None
    at_bound: tuple[str, ...] = ()

    def usable(self) -> "Spending":
        """This fit, or a NinefoldError when it has not converged or has no mean."""
        if self.reason:
            raise NinefoldError(f"the Gamma-Gamma model may not be used ({self.reason}): look at its reason first, and say so instead")
        return self


class Likelihood:
    """Minus the log-likelihood of mean values m, in units of their mean, of x purchases each; weights n."""

    def __init__(self, x, m, n):
        import numpy as np

        self.each, self.of_x = np.unique(x, return_inverse=True)
        self.x, self.m, self.n, self.log_m = x, m, n, np.log(m)
        self.customers = float(n.sum())

    def weighted(self, n) -> "Likelihood":
        other = object.__new__(Likelihood)
        other.__dict__ = self.__dict__ | {"n": n, "customers": float(n.sum())}
        return other

    def __call__(self, at):
        import numpy as np
        from scipy.special import digamma, gammaln

        p, q, gamma = np.exp(at)
        px = p * self.each
        const = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma) + px * np.log(self.each)
        wide = np.log(gamma + self.m * self.x)
        value = const[self.of_x] + (px - 1)[self.of_x] * self.log_m - (px + q)[self.of_x] * wide
        one = (digamma(px + q) - digamma(px) + np.log(self.each))[self.of_x]
        by_p = px[self.of_x] * (one + self.log_m - wide)
        by_q = q * ((digamma(px + q) - digamma(q) + np.log(gamma))[self.of_x] - wide)
        by_gamma = q - gamma * (px + q)[self.of_x] / (gamma + self.m * self.x)
        return -float((self.n * value).sum()), np.array([-float((self.n * by).sum()) for by in (by_p, by_q, by_gamma)])


def fit_spending(x, m, n=None) -> Spending:
    """The Gamma-Gamma model by maximum likelihood.

    x   repeat purchases of each customer;  m: their mean value (`histories`, m_x);  n: customers who share the pair, 1 by default
    Returns   a Spending; customers without a repeat purchase or with a mean of 0 or less take no part, since the model has none such
    Raises    NinefoldError when a value is not finite
    """
    import numpy as np

    x, m, n = _pairs(x, m, n)
    if n.sum() < LEAST:
        return Spending({}, 0.0, int(n.sum()), False, reason="too_few")
    scale = float((n * m).sum() / n.sum())
    loss = Likelihood(x, m / scale, n)
    return _told(maximise(loss, [np.log(start) for start in STARTS]), loss, scale)


def _pairs(x, m, n) -> tuple:
    """Those who take part, in one order whatever the order of the rows."""
    import numpy as np

    x, m = np.asarray(x, dtype="float64"), np.asarray(m, dtype="float64")
    n = np.ones(len(x)) if n is None else np.asarray(n, dtype="float64")
    takes = (x > 0) & (n > 0)
    if not np.isfinite(x + n).all() or not np.isfinite(m[takes]).all():
        raise NinefoldError("a number of purchases or a mean value is missing or not finite: leave such customers out, and count them")
    takes &= np.where(takes, m, 0) > 0
    order = np.lexsort((m[takes], x[takes]))
    return x[takes][order], m[takes][order], n[takes][order]


def _told(found, loss: Likelihood, scale: float) -> Spending:
    import numpy as np

    values = dict(zip(NAMES, np.exp(found.at).tolist(), strict=True))
    values["gamma"] *= scale
    reason = "not_converged" if not found.converged else "no_mean" if values["q"] <= 1 else None
    errors = standard_errors(found)
    density = float((loss.n).sum() * np.log(scale))  # values in mean purchases are denser than in money
    return Spending(
        values,
        found.log_likelihood - density,
        int(loss.customers),
        found.converged,
        None if reason else values["p"] * values["gamma"] / (values["q"] - 1),
        reason,
        found.starts,
        found.starts_agreeing,
        None if errors is None else dict(zip(NAMES, errors.tolist(), strict=True)),
        tuple(NAMES[i] for i in found.at_bound),
    )


def expected_spend(spending: Spending, x, m):
    """What a purchase of each customer is expected to bring: his own mean, drawn to everybody's the more the fewer purchases he made.

    x, m      arrays of repeat purchases and their mean value; m is not looked at where x = 0
    Returns   an array; a customer without repeat purchases has `spending.mean`
    Raises    NinefoldError when the model may not be used
    """
    import numpy as np

    p, q, gamma = (spending.usable().parameters[name] for name in NAMES)
    x = np.asarray(x, dtype="float64")
    m = np.where(x > 0, np.asarray(m, dtype="float64"), 0.0)
    return p * (gamma + np.maximum(m, 0.0) * x) / (p * x + q - 1)


@one_thread()
def redrawn_spending(x, m, n, spending: Spending, *, draws: int = 200, seed: int = 0) -> list[Spending]:
    """The model fitted again to redrawn customers, each counting Poisson(1) times; draws that fail have a reason and may not be used."""
    import numpy as np

    spending.usable()
    x, m, n = _pairs(x, m, n)
    scale = float((n * m).sum() / n.sum())
    loss = Likelihood(x, m / scale, n)
    at = np.log([spending.parameters[name] / (scale if name == "gamma" else 1.0) for name in NAMES])
    drawn, found = np.random.default_rng(seed), []
    curved = curvature(loss, at)
    for _ in range(draws):
        part = loss.weighted(drawn.poisson(n).astype("float64"))
        found.append(_told(_from(part, at, curved), part, scale))
    return found


def _from(loss: Likelihood, at, curved):
    """Steps from a place close to the top by its curvature, else Newton's, else the whole search."""
    import numpy as np

    from helpers.predict.value.optimum import Optimum

    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * len(at)
    with np.errstate(all="ignore"):
        top, value, hessian, reached = chord(loss, at, curved, bounds) or newton(loss, at, bounds)
    return Optimum(top, -float(value), hessian, True, 1, 1, ()) if reached else maximise(loss, [at])


def independence(x, m, n=None, *, level: float = 0.95) -> dict:
    """Whether what a purchase brings has to do with how many there are, which the model denies.

    x, m, n   as for `fit_spending`
    Returns   customers; weighted_mean, money per repeat purchase over all purchases, and mean, over customers; effect =
              weighted_mean/mean − 1: by how much the money of all purchases differs from purchases × mean, with effect_low and
              effect_high (delta method on its logarithm, customers as the draw): 0 where the model holds, and the figure to judge by;
              rank_correlation (Spearman's) with low and high (Fisher's z, Bonett and Wright's error, 2000), None under 4 customers or
              where all are alike. It is a little above 0 even where the model holds: the mean of few purchases of skewed value mostly
              lies below what is expected of it, so it is shown and decides nothing.
    """
    import numpy as np

    x, m, n = _pairs(x, m, n)
    names = ("weighted_mean", "mean", "effect", "effect_low", "effect_high", "rank_correlation", "low", "high")
    found = {"customers": int(n.sum())} | dict.fromkeys(names)
    if not found["customers"]:
        return found
    customers, often = n.sum(), float((n * x).sum())
    mean, weighted = float((n * m).sum() / customers), float((n * x * m).sum() / often)
    found |= {"mean": mean, "weighted_mean": weighted, "effect": weighted / mean - 1}
    pull = x * m / (weighted * often / customers) - x / (often / customers) - m / mean + 1
    error = quantile(level) * float(np.sqrt((n * pull**2).sum())) / customers
    found |= {"effect_low": float(weighted / mean * np.exp(-error) - 1), "effect_high": float(weighted / mean * np.exp(error) - 1)}
    if customers < 4 or np.ptp(x) == 0 or np.ptp(m) == 0:
        return found
    rho = _rank_correlation(x, m, n)
    error = quantile(level) * float(np.sqrt((1 + rho**2 / 2) / (customers - 3)))
    z = float(np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12)))
    return found | {"rank_correlation": rho, "low": float(np.tanh(z - error)), "high": float(np.tanh(z + error))}


def _rank_correlation(x, m, n) -> float:
    """Spearman's, of rows that stand for n customers each."""
    import numpy as np
    from scipy.stats import rankdata

    times = n.astype("int64")
    ranks = [rankdata(np.repeat(each, times)) for each in (x, m)]
    apart = [each - each.mean() for each in ranks]
    return float((apart[0] * apart[1]).sum() / np.sqrt((apart[0] ** 2).sum() * (apart[1] ** 2).sum()))
