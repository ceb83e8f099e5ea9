"""How far two labels of the same customers agree: κ and the adjusted Rand index of a table of counts, with intervals."""

from collections.abc import Callable

import numpy as np


def stay_and_chance(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share on the diagonal of each table of counts, and the share there if rows and columns had nothing to do with each other."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = tables / tables.sum(axis=(-2, -1), keepdims=True)
        stay = np.trace(shares, axis1=-2, axis2=-1)
        return stay, (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)


def kappa(tables: np.ndarray) -> np.ndarray:
    """κ = (stay − chance)/(1 − chance) of each table of counts, segments before × now (Cohen 1960); not a number where chance is 1."""
    stay, chance = stay_and_chance(np.asarray(tables, dtype="float64"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance < 1, (stay - chance) / (1 - chance), np.nan)


def adjusted_rand(tables: np.ndarray) -> np.ndarray:
    """Adjusted Rand index of each table of counts, one partition × the other (Hubert & Arabie 1985); 1 when both are one group."""
    t = np.asarray(tables, dtype="float64")
    pairs = lambda x: x * (x - 1) / 2  # noqa: E731
    together = pairs(t).sum(axis=(-2, -1))
    one, other = pairs(t.sum(axis=-1)).sum(axis=-1), pairs(t.sum(axis=-2)).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = one * other / pairs(t.sum(axis=(-2, -1)))
        most = (one + other) / 2
        return np.where(most > chance, (together - chance) / (most - chance), 1.0)


def interval(table: np.ndarray, statistic: Callable, *, draws: int, seed: int) -> dict:
    """95 % interval of a statistic of a table of customers, over bootstrap samples of them; None where there is none.

    A bootstrap sample of customers is a multinomial draw of the table: nobody's label changes.
    """
    n = int(table.sum())
    if n < 2:
        return {"low": None, "high": None}
    drawn = np.random.default_rng(seed).multinomial(n, table.ravel() / n, size=draws).reshape(-1, *table.shape)
    found = statistic(drawn)
    found = found[np.isfinite(found)]
    if not len(found):
        return {"low": None, "high": None}
    low, high = np.quantile(found, [0.025, 0.975])
    return {"low": float(low), "high": float(high)}
