"""The largest likelihood of a few positive parameters: several starts, a quasi-Newton search, then Newton steps to the very top."""

from collections.abc import Callable
from dataclasses import dataclass

from helpers.threads import one_thread

LOWEST, HIGHEST = 1e-6, 1e6
"""Bounds of every parameter, in the scaled units that the models search in. What ends there is not known: see `Optimum.at_bound`."""
SAME = 1e-3
"""Two starts have found the same top when their log-likelihoods differ by less."""
STEP = 1e-4
"""Of the logarithms, for the second derivatives: central differences of the exact first ones."""
FAINT, LONG = 1e-6, 2.0
"""Curvature beside the strongest that counts as none, and the longest step in a logarithm."""
NEAR = 1e-6
"""The log-likelihood may lie at most this far below the top of the parabola through the point found."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the search ended: logarithms of the parameters, log-likelihood, second derivatives of its negative, and how it went."""

    at: "numpy.ndarray"  # noqa: F821 - numpy is imported where it is used
    log_likelihood: float
    hessian: "numpy.ndarray"  # noqa: F821
    converged: bool
    starts: int
    starts_agreeing: int
    at_bound: tuple[int, ...]


@one_thread()
def maximise(loss: Callable, starts, *, rough: Callable | None = None) -> Optimum:
    """The lowest point of `loss`, which takes logarithms and gives (minus log-likelihood, its slopes).

    starts   logarithms to begin from;  rough: a quicker loss of the same shape to try the starts on, where there is one
    """
    import numpy as np
    from scipy.optimize import minimize

    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * len(starts[0])
    how = {"jac": True, "method": "L-BFGS-B", "bounds": bounds, "options": {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-6}}
    with np.errstate(all="ignore"):
        found = [minimize(rough or loss, np.asarray(start, dtype="float64"), **how) for start in starts]
        values = np.array([each.fun if np.isfinite(each.fun) else np.inf for each in found])
        at, agreeing = found[int(values.argmin())].x, int((values <= values.min() + SAME).sum())
        if rough is not None:
            at = minimize(loss, at, **how).x
        at, value, hessian, top = newton(loss, at, bounds)
    edges = tuple(int(i) for i, (low, high) in enumerate(bounds) if not low + 1e-6 < at[i] < high - 1e-6)
    return Optimum(at, -float(value), hessian, bool(top and np.isfinite(value)), len(starts), agreeing, edges)


def newton(loss: Callable, at, bounds, *, most: int = 40):
    """Newton steps from `at` inside the bounds: (logarithms, loss, second derivatives, whether it is the top)."""
    import numpy as np

    at, (low, high) = np.array(at, dtype="float64"), np.array(bounds).T
    value, slope = loss(at)
    for _ in range(most):
        curved = curvature(loss, at)
        free = ~(((at <= low + 1e-9) & (slope > 0)) | ((at >= high - 1e-9) & (slope < 0)))
        step, gain = _step(curved, slope, free)
        if gain <= NEAR**1.5 or not np.isfinite(gain):
            break
        for halving in range(30):
            tried = np.clip(at + step / 2**halving, low, high)
            new, new_slope = loss(tried)
            if np.isfinite(new) and new < value:
                break
        else:
            break
        at, value, slope = tried, new, new_slope
    return at, value, curved, bool(gain <= NEAR)


def chord(loss: Callable, at, curved, bounds, *, most: int = 12):
    """As `newton`, with one curvature for all steps: far quicker where a known top lies close by; None when it does not get there."""
    import numpy as np

    (low, high), values = np.array(bounds).T, np.linalg.eigvalsh(curved)
    if not values[0] > FAINT * values[-1]:
        return None
    inverse, at = np.linalg.inv(curved), np.array(at, dtype="float64")
    for _ in range(most):
        value, slope = loss(at)
        step = -inverse @ slope
        gain = float(-slope @ step / 2)
        if gain <= NEAR:
            return at, value, curved, True
        at = at + step
        if not (np.isfinite(at).all() and np.abs(step).max() <= LONG and (low < at).all() and (at < high).all()):
            return None
    return None


def _step(curved, slope, free) -> tuple:
    """A step towards the top and what it promises to gain: Newton's, with curvature no weaker than a millionth of the strongest.

    Along a ridge without curvature that is a long step downhill, LONG at most; where the surface bends the wrong way it goes downhill too.
    """
    import numpy as np

    step = np.zeros(len(slope))
    if not free.any() or not np.isfinite(curved).all():
        return step, 0.0 if not free.any() else np.inf
    values, directions = np.linalg.eigh(curved[np.ix_(free, free)])
    values = np.maximum(np.abs(values), max(FAINT * np.abs(values).max(), 1e-9))
    moved = -directions @ ((directions.T @ slope[free]) / values)
    step[free] = moved * min(1.0, LONG / max(np.abs(moved).max(), 1e-300))
    return step, float(-slope[free] @ step[free] / 2)


def curvature(loss: Callable, at):
    """Second derivatives of the loss at a point, symmetric."""
    import numpy as np

    found = []
    for one in np.eye(len(at)) * STEP:
        found.append((loss(at + one)[1] - loss(at - one)[1]) / (2 * STEP))
    found = np.array(found)
    return (found + found.T) / 2


def standard_errors(optimum: Optimum):
    """Standard errors of the logarithms, from the curvature; None where it has no inverse to trust or a parameter ended at a bound."""
    import numpy as np

    if not optimum.converged or optimum.at_bound:
        return None
    values = np.linalg.eigvalsh(optimum.hessian)
    if values[0] <= 1e-9 * max(values[-1], 1.0):
        return None
    return np.sqrt(np.diag(np.linalg.inv(optimum.hessian)))
