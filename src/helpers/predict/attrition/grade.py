"""How good the risk is on customers and days that it never saw: the house grade, Dynamics' beside it, and calibration."""

import numpy as np

from helpers.masking import few_on_a_side
from helpers.rates import quantile, wilson

DYNAMICS = 1.1
"""Dynamics 365 gives an A when customers flagged are lost this many times as often as customers were on average."""
TOO_GOOD = 0.98
"""Area under the curve above which a figure is more likely to hold the outcome than to foresee it."""
GROUPS = 10


def log_loss(risk: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Each customer's logarithmic loss."""
    return -(lost * np.log(risk) + (1 - lost) * np.log1p(-risk))


def gain(loss: np.ndarray, against: np.ndarray) -> dict:
    """The share of the mean loss that is saved: value, low, high.

    The interval is over customers: a customer's part in 1 − mean(loss)/mean(against), to first order (the delta method for a ratio of
    two means). Drawing customers anew a thousand times gives the same figures and takes as much longer.
    """
    base, n = float(against.mean()), len(loss)
    value = 1 - float(loss.mean()) / base
    part = (loss - (1 - value) * against) / base
    half = quantile() * float(part.std(ddof=1)) / n**0.5
    return {"value": value, "low": value - half, "high": value + half}


def dynamics(risk: np.ndarray, lost: np.ndarray, usual: float) -> dict:
    """The grade that Dynamics 365 Customer Insights would give, for comparison only.

    A: at least half of all predictions right, and of the customers flagged (risk of one half or more) at least a tenth more lost than
    usual; B: not that much more; C: fewer than half right, or no more lost than usual.
    usual     the share lost in the period before, on which the model was taught
    Returns   grade, right (share of predictions), flagged (customers), hit (share of these who were lost; None: nobody flagged), usual
    """
    flagged = risk >= 0.5
    right = float((flagged == (lost == 1)).mean())
    hit = float(lost[flagged].mean()) if flagged.any() else None
    letter = "C" if right < 0.5 or hit is None or hit <= usual else "A" if hit >= DYNAMICS * usual else "B"
    return {"grade": letter, "right": right, "flagged": int(flagged.sum()), "hit": hit, "usual": usual}


def area(risk: np.ndarray, lost: np.ndarray) -> float | None:
    """The chance that somebody lost had the higher risk of two customers, one lost and one not (area under the ROC curve)."""
    from scipy.stats import rankdata

    n1 = int(lost.sum())
    n0 = len(lost) - n1
    if not n1 or not n0:
        return None
    return float((rankdata(risk)[lost == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def calibration(risk: np.ndarray, lost: np.ndarray, *, least: int) -> list[dict]:
    """Customers in groups of like risk, lowest first: n, predicted (mean risk), share (lost), low, high (Wilson).

    A tenth of the customers each, or as many more as it takes until no group tells of fewer than `least` lost or left.
    """
    order, found, start = np.argsort(risk, kind="stable"), [], 0
    size = max(-(-len(risk) // GROUPS), least)
    ends = [*range(size, len(risk), size), len(risk)]
    for place, end in enumerate(ends):
        group = _group(risk[order[start:end]], lost[order[start:end]])
        if few_on_a_side(group, least):
            continue
        rest = lost[order[end:]]
        last = place == len(ends) - 1
        if not last and few_on_a_side({"n": len(rest), "share": float(rest.mean()) if len(rest) else 0.0}, least):
            group = _group(risk[order[start:]], lost[order[start:]])  # what is left could not stand alone
            last = True
        found.append(group)
        start = end
        if last:
            break
    return found


def _group(risk: np.ndarray, lost: np.ndarray) -> dict:
    low, high = wilson(float(lost.sum()), len(lost))
    return {"n": len(lost), "predicted": float(risk.mean()), "share": float(lost.mean()), "low": low, "high": high}


def in_the_large(risk: np.ndarray, lost: np.ndarray) -> dict:
    """Whether as many were lost as predicted, in all: predicted, share, low, high (Wilson)."""
    return _group(risk, lost)


def giveaways(columns: dict[str, np.ndarray], lost: np.ndarray) -> list[str]:
    """Variables that alone tell nearly everyone lost from everyone else, in either direction: they may hold the outcome."""
    found = []
    for name, values in columns.items():
        known = ~np.isnan(values)
        if known.sum() < 0.5 * len(values):
            continue
        alone = area(values[known], lost[known])
        if alone is not None and max(alone, 1 - alone) > TOO_GOOD:
            found.append(name)
    return found
