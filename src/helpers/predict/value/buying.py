"""How often customers buy and whether they have left: BG/NBD, MBG/NBD and NBD by maximum likelihood, on distinct histories.

Everybody buys at random with a rate of his own; rates follow a gamma distribution (r, α). After a purchase a customer may leave for
good, with a chance of his own that follows a beta distribution (a, b): BG/NBD (Fader, Hardie and Lee 2005). In MBG/NBD (Batislam,
Denizel and Filiztekin 2007) he may leave after the first purchase too, so that one-time buyers can have left. In NBD (Ehrenberg 1959)
nobody ever leaves.
"""

from dataclasses import dataclass

from helpers import NinefoldError
from helpers.predict.value.histories import Counted
from helpers.predict.value.optimum import HIGHEST, LOWEST, chord, curvature, maximise, newton, standard_errors
from helpers.threads import one_thread

MODELS = {"bgnbd": ("r", "alpha", "a", "b"), "mbgnbd": ("r", "alpha", "a", "b"), "nbd": ("r", "alpha")}
STARTS = ((0.5, 1.0, 0.5, 2.0), (0.25, 0.3, 1.0, 5.0), (1.5, 1.0, 0.2, 4.0), (4.0, 3.0, 2.0, 20.0))
"""Where the searches begin: r, α as a multiple of the one that gives the mean rate, a, b."""
LEAST_REPEATERS = 10
"""Fewer customers who came back tell no two parameters apart."""
ROUGH = 20_000
"""Distinct histories above which the starts are tried on every so many-th of them; the best one is then finished on all."""
DROPOUT_LEAST = 1e-3
"""A mean chance of leaving, a/(a + b), below which the data show no drop-out (definitions)."""
GAIN_LEAST = 10.83
"""Twice the log-likelihood by which drop-out must beat none: 1 in 1,000 by the chi-square of one degree. Real drop-out adds hundreds
(362 on CDNOW), and at the usual 5 % one set in six of customers who never leave was said to have drop-out."""
FULL = 20_000
"""Distinct histories up to which a redrawn fit is searched anew; above, one Newton step from the fit, which many customers allow."""


@dataclass(frozen=True, eq=False)
class Fit:
    """One model fitted.

    model             bgnbd, mbgnbd or nbd
    parameters        name → value; alpha in the unit of time of the histories
    log_likelihood    of all customers, in that unit
    converged         False: no number of this fit may be used, `reason` says why (nobody_came_back, too_few_repeats, not_converged)
    starts_agreeing   how many of `starts` found the same top
    standard_errors   name → standard error of the parameter's logarithm; None where the surface is flat or a parameter is at its bound
    at_bound          parameters that ended at a bound of the search
    hessian           second derivatives of minus the log-likelihood by the logarithms, rows of `parameters`' order; None as above
    """

    model: str
    parameters: dict[str, float]
    log_likelihood: float
    customers: int
    converged: bool
    reason: str | None = None
    starts: int = 0
    starts_agreeing: int = 0
    standard_errors: dict[str, float] | None = None
    at_bound: tuple[str, ...] = ()
    hessian: tuple[tuple[float, ...], ...] | None = None

    @property
    def dropout(self) -> float | None:
        """The mean chance of leaving after a purchase, a/(a + b); None where nobody leaves by assumption."""
        return self.parameters["a"] / (self.parameters["a"] + self.parameters["b"]) if "a" in self.parameters else None

    def usable(self) -> "Fit":
        """This fit, or a NinefoldError when it has not converged."""
        if not self.converged:
            raise NinefoldError(
                f"the model {self.model} has not converged ({self.reason}): look at fit.converged first, and say so instead of its figures"
            )
        return self


@dataclass(frozen=True, eq=False)
class Choice:
    """Which model speaks.

    status    dropout, no_dropout or none (no model converged)
    reason    no_dropout: mean_below, no_gain or flat (see `choose`); none: the reason of the fit; else None
    fit       the model that speaks; None with status none
    alive     the fit that P(alive) is from (MBG/NBD); None where it cannot be known
    spread_known   whether a and b may be shown with their intervals
    fits      name → Fit, all that were tried
    """

    status: str
    reason: str | None
    fit: Fit | None
    alive: Fit | None
    spread_known: bool
    fits: dict[str, Fit]


class Likelihood:
    """Minus the log-likelihood of distinct histories with weights n, and its slopes, by the logarithms of the parameters.

    Time is divided by `scale` inside, so that nothing depends on the unit but α. Sums of logarithms over the purchases replace
    differences of large gamma functions, which lose their digits when b is large.
    """

    def __init__(self, model: str, counted: Counted, *, scale: float):
        import numpy as np

        self.model, self.scale, self.n = model, scale, counted.n
        self.x, self.of_x = np.unique(counted.x, return_inverse=True)
        self.T, self.of_T = np.unique(counted.T / scale, return_inverse=True)
        self.t, self.of_t = np.unique(counted.t_x / scale, return_inverse=True)
        self.rows_x, self.most = counted.x, int(self.x[-1])
        self.first = 1 if model == "mbgnbd" else 0
        self.may_have_left = np.ones(len(self.n), dtype=bool) if self.first else counted.x > 0
        self.customers, self.purchases = float(self.n.sum()), float((self.n * counted.x).sum())

    def weighted(self, n) -> "Likelihood":
        """The same histories with other weights."""
        other = object.__new__(Likelihood)
        other.__dict__ = self.__dict__ | {"n": n, "customers": float(n.sum()), "purchases": float((n * self.rows_x).sum())}
        return other

    def __call__(self, at):
        """(minus the log-likelihood, its slopes) in scaled time."""
        import numpy as np

        value, slopes = self.rows(np.exp(at))
        return -float((self.n * value).sum()), np.array([-float((self.n * slope).sum()) for slope in slopes])

    def rows(self, parameters) -> tuple:
        """Log-likelihood of one customer of every history, and its slopes by the logarithms."""
        import numpy as np

        r, alpha = parameters[:2]
        of_x, of_T = self.of_x, self.of_T
        rate, rate_r = self._rising(r)
        wait = np.log1p(self.T / alpha)
        value = (rate - self.x * np.log(alpha))[of_x] - (r + self.rows_x) * wait[of_T]
        by_r = r * (rate_r[of_x] - wait[of_T])
        by_alpha = -self.rows_x + (r + self.rows_x) * (self.T / (alpha + self.T))[of_T]
        if self.model == "nbd":
            return value, (by_r, by_alpha)
        a, b = parameters[2:]
        stay, stay_a, stay_b = self._stay(a, b)
        shorter = np.log1p(self.t / alpha)
        beyond = wait[of_T] - shorter[self.of_t]  # ln (α + T)/(α + t_x)
        places = self.x + self.first - 1  # x − 1 in BG/NBD, x in MBG/NBD
        below = np.where(places >= 0, b + places, 1.0)
        odds = (np.log(a) - np.log(below))[of_x] + (r + self.rows_x) * beyond
        odds = np.where(self.may_have_left, odds, -np.inf)  # ln of left : alive
        value = value + stay[of_x] + np.logaddexp(0.0, odds)
        left = 1.0 / (1.0 + np.exp(-odds))
        by_r = by_r + left * r * beyond
        over = (self.t / (alpha + self.t))[self.of_t] - (self.T / (alpha + self.T))[of_T]
        by_alpha = by_alpha + left * (r + self.rows_x) * over
        by_a = (a * stay_a)[of_x] + left
        by_b = (b * stay_b)[of_x] - left * (b / below)[of_x]
        return value, (by_r, by_alpha, by_a, by_b)

    def _rising(self, r: float) -> tuple:
        """ln Γ(r + x)/Γ(r) and its slope by r, for every x, as sums."""
        import numpy as np

        places = self.x.astype("int64")
        steps = r + np.arange(self.most, dtype="float64")
        sums = [np.concatenate([[0.0], np.cumsum(part)]) for part in (np.log(steps), 1 / steps)]
        return sums[0][places], sums[1][places]

    def _stay(self, a: float, b: float) -> tuple:
        """ln of the mean chance to stay after every purchase so far, B(a, b + s)/B(a, b), and its slopes by a and b."""
        import numpy as np

        places = (self.x + self.first).astype("int64")
        j = np.arange(self.most + self.first, dtype="float64")
        parts = (-np.log1p(a / (b + j)), -1 / (a + b + j), a / ((b + j) * (a + b + j)))
        return tuple(np.concatenate([[0.0], np.cumsum(part)])[places] for part in parts)


def fit(counted: Counted, model: str) -> Fit:
    """The model by maximum likelihood, with exact slopes, from several starts, on the distinct histories of `histories.counted`.

    model    bgnbd, mbgnbd or nbd
    Returns  a Fit; not converged, with the reason, where the data allow none. Raises NinefoldError for any other model
    """
    import numpy as np

    names = _names(model)
    reason = _why_not(counted)
    if reason:
        return Fit(model, {}, 0.0, counted.customers, False, reason)
    scale = float(counted.T.max())
    loss = Likelihood(model, counted, scale=scale)
    thin = -(-len(counted.n) // ROUGH)
    rough = Likelihood(model, _every(counted, thin), scale=scale) if thin > 1 else None
    mean_rate = loss.purchases / float((counted.n * counted.T).sum()) * scale
    starts = [np.log([r, times * r / mean_rate, *rest][: len(names)]).clip(np.log(LOWEST), np.log(HIGHEST)) for r, times, *rest in STARTS]
    return _told(model, maximise(loss, starts, rough=rough), loss)


def _names(model: str) -> tuple[str, ...]:
    if model not in MODELS:
        raise NinefoldError(f"the model {model!r} is not known: choose one of {', '.join(MODELS)}")
    return MODELS[model]


def _why_not(counted: Counted) -> str | None:
    """Why no model can be fitted; None when one can be tried."""
    if not counted.repeaters:
        return "nobody_came_back"
    return "too_few_repeats" if counted.repeaters < LEAST_REPEATERS else None


def _every(counted: Counted, step: int) -> Counted:
    return Counted(*(part[::step] for part in (counted.x, counted.t_x, counted.T, counted.n)))


def _told(model: str, found, loss: Likelihood) -> Fit:
    """The optimum in the histories' unit of time: α times the scale, and the likelihood of moments in that unit."""
    import numpy as np

    names = MODELS[model]
    values = dict(zip(names, np.exp(found.at).tolist(), strict=True))
    values["alpha"] *= loss.scale
    errors = standard_errors(found)
    return Fit(
        model,
        values,
        found.log_likelihood - loss.purchases * float(np.log(loss.scale)),
        int(loss.customers),
        found.converged,
        None if found.converged else "not_converged",
        found.starts,
        found.starts_agreeing,
        None if errors is None else dict(zip(names, errors.tolist(), strict=True)),
        tuple(names[i] for i in found.at_bound),
        None if errors is None else tuple(tuple(row) for row in found.hessian.tolist()),
    )


@one_thread()
def choose(counted: Counted) -> Choice:
    """Which model speaks for these customers: whether anybody leaves, and from which fit P(alive) is known.

    No drop-out is said when the mean chance of leaving is below 1 in 1,000 (mean_below), when drop-out adds nothing to NBD (no_gain), or
    when the surface is so flat that a mean of 1 in 1,000 does as well (flat; likelihood ratio, 1 in 1,000): then NBD speaks, nothing
    is shown of a and b, and P(alive) cannot be known. Else the likelier of BG/NBD and MBG/NBD speaks. A mean that is well known while its
    spread over customers is not (the surface is flat in a + b: everybody's chance is much the same) is drop-out all the same, with
    `spread_known` False: NBD would promise far too much.
    """
    fits = {model: fit(counted, model) for model in MODELS}
    nbd, leaving = fits["nbd"], [fits[m] for m in ("bgnbd", "mbgnbd") if fits[m].converged]
    if not leaving:
        beaten = max(fits[m].log_likelihood for m in ("bgnbd", "mbgnbd")) - nbd.log_likelihood >= GAIN_LEAST / 2
        told = nbd.converged and not beaten
        return Choice("no_dropout" if told else "none", "flat" if told else _first_reason(fits), nbd if told else None, None, False, fits)
    best = max(leaving, key=lambda each: each.log_likelihood)
    reason = _no_dropout(counted, best, nbd)
    if reason and nbd.converged:
        return Choice("no_dropout", reason, nbd, None, False, fits)
    alive = fits["mbgnbd"] if fits["mbgnbd"].converged else None
    return Choice("dropout", None, best, alive, best.standard_errors is not None, fits)


def _first_reason(fits: dict[str, Fit]) -> str | None:
    return next((each.reason for each in fits.values() if each.reason), None)


def _no_dropout(counted: Counted, found: Fit, nbd: Fit) -> str | None:
    if found.dropout < DROPOUT_LEAST:
        return "mean_below"
    if nbd.converged and 2 * (found.log_likelihood - nbd.log_likelihood) < GAIN_LEAST:
        return "no_gain"
    return "flat" if 2 * (found.log_likelihood - held(counted, found)) < GAIN_LEAST else None


@one_thread()
def held(counted: Counted, found: Fit, mean: float = DROPOUT_LEAST) -> float:
    """The largest log-likelihood of the model with the mean chance of leaving, a/(a + b), held at `mean`; the rest is fitted."""
    import numpy as np

    loss = Likelihood(found.model, counted, scale=float(counted.T.max()))

    def part(at):
        value, (by_r, by_alpha, by_a, by_b) = loss([at[0], at[1], at[2] + np.log(mean), at[2] + np.log1p(-mean)])
        return value, np.array([by_r, by_alpha, by_a + by_b])

    values = [found.parameters["r"], found.parameters["alpha"] / loss.scale]
    together = found.parameters["a"] + found.parameters["b"]
    starts = [np.log([*values, size]).clip(np.log(LOWEST), np.log(HIGHEST)) for size in (together, 1.0, 30.0, 1000.0)]
    return maximise(part, starts).log_likelihood - loss.purchases * float(np.log(loss.scale))


@one_thread()
def redrawn(counted: Counted, found: Fit, *, draws: int = 200, seed: int = 0) -> list[Fit]:
    """The model fitted again to redrawn customers: each counts Poisson(1) times, so a history of n customers Poisson(n) times.

    Up to FULL distinct histories every draw is searched anew from the fit; above, it is one Newton step from the fit, which is as good
    where customers are many and the surface is not flat. Draws that do not converge are in the list too: count them, and leave them
    out. The spread of the draws is what they are for: their own standard errors may be those of the first fit.
    Raises   NinefoldError when the fit has not converged
    """
    import numpy as np

    names = MODELS[found.usable().model]
    loss = Likelihood(found.model, counted, scale=float(counted.T.max()))
    at = np.log([found.parameters[name] / (loss.scale if name == "alpha" else 1.0) for name in names])
    drawn, bounds = np.random.default_rng(seed), [(np.log(LOWEST), np.log(HIGHEST))] * len(names)
    weights = (drawn.poisson(counted.n).astype("float64") for _ in range(draws))
    if len(counted.n) > FULL and found.standard_errors is not None:
        return _one_step(loss, at, weights)
    curved = curvature(loss, at)
    return [_again(loss.weighted(n), at, bounds, curved) for n in weights]


def _again(loss: Likelihood, at, bounds, curved) -> Fit:
    """A redrawn fit from the first one's place: by the first one's curvature, else Newton's steps, else the whole search."""
    import numpy as np

    from helpers.predict.value.optimum import Optimum

    with np.errstate(all="ignore"):
        near = chord(loss, at, curved, bounds)
        top, value, hessian, reached = near or newton(loss, at, bounds)
    if reached:
        edges = tuple(i for i, (low, high) in enumerate(bounds) if not low + 1e-6 < top[i] < high - 1e-6)
        return _told(loss.model, Optimum(top, -float(value), hessian, True, 1, 1, edges), loss)
    return _told(loss.model, maximise(loss, [at]), loss)


def _one_step(loss: Likelihood, at, weights) -> list[Fit]:
    import numpy as np

    names, (value, slopes) = MODELS[loss.model], loss.rows(np.exp(at))
    inverse = np.linalg.inv(curvature(loss, at))
    found = []
    for n in weights:
        moved = at + inverse @ np.array([float((n * slope).sum()) for slope in slopes])
        values = dict(zip(names, np.exp(moved).tolist(), strict=True))
        values["alpha"] *= loss.scale
        likelihood = float((n * value).sum()) - float((n * loss.rows_x).sum()) * float(np.log(loss.scale))
        found.append(Fit(loss.model, values, likelihood, int(n.sum()), True, None, 1, 1))
    return found
