"""How far the items of a survey scale measure one thing: Cronbach's alpha with its interval, and each item against the rest."""

from datetime import datetime

import ibis.expr.types as ir
import numpy as np

from helpers.collect.items import refuse_unknown
from helpers.project.sections import Scale
from helpers.variables.formulas_said import item_answers

RELIABLE, PERSONAL = 0.70, 0.90
"""Alpha from which a scale serves for the mean of a group, and from which it serves to speak of one person: Nunnally (1978) gives the
first for early research and the second for decisions about individuals. The lower bound of the interval is held against them."""
LEAST = 30
"""Complete respondents without whom no alpha is told."""


def alpha(items: np.ndarray) -> float:
    """Cronbach's alpha: k / (k − 1) · (1 − sum of the items' variances / variance of their sum) (Cronbach 1951).

    items   respondents × items, no value missing, reversed items turned
    """
    k, whole = items.shape[1], items.sum(axis=1).var(ddof=1)
    return float(k / (k - 1) * (1 - items.var(axis=0, ddof=1).sum() / whole)) if k > 1 and whole > 0 else float("nan")


def feldt(value: float, respondents: int, items: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of an alpha: (1 − α̂) times quantiles of F with n − 1 and (n − 1)(k − 1) degrees of freedom (Feldt 1965)."""
    from scipy.stats import f

    n, k, tail = respondents - 1, items - 1, (1 - level) / 2
    high, low = (float(f.ppf(q, n, n * k)) for q in (tail, 1 - tail))
    return 1 - (1 - value) * low, 1 - (1 - value) * high


def item_rest(items: np.ndarray) -> list[float]:
    """Correlation of each item with the sum of the others; missing for an item that everybody answered alike."""
    found = []
    for j in range(items.shape[1]):
        rest = np.delete(items, j, axis=1).sum(axis=1)
        told = items.shape[1] > 1 and items[:, j].std() > 0 and rest.std() > 0
        found.append(float(np.corrcoef(items[:, j], rest)[0, 1]) if told else float("nan"))
    return found


def answered(answers: ir.Table, scale: Scale, *, as_of: datetime) -> ir.Table:
    """One row a respondent: customer_id and the newest answer to each item, 0-1, reversed items turned."""
    values = item_answers(answers, scale, as_of=as_of)
    items = {f"item_{i}": values.value.max(where=values.question == item) for i, item in enumerate(dict.fromkeys(scale.items))}
    return values.group_by("customer_id").agg(**items)


def reliability(answers: ir.Table, step) -> dict[str, dict]:
    """Each scale of the project, on at most sample_rows respondents: whether its items belong together.

    Returns   name → {n (respondents to all items), any (to any), items [{item, rest}], alpha, low, high}; alpha missing for one item
              and for fewer than LEAST complete respondents
    Raises    NinefoldError for an item that no answer has
    """
    scales = step.project.variables.scales
    refuse_unknown(step, answers, {f"variables.scales.{name}.items": scale.items for name, scale in scales.items()})
    result = {}
    for name, scale in scales.items():
        frame = step.sample(answered(answers, scale, as_of=step.as_of)).drop(columns="customer_id")
        whole = frame.dropna().to_numpy(dtype="float64")
        told = len(whole) >= LEAST and whole.shape[1] > 1
        value = alpha(whole) if told else float("nan")
        low, high = feldt(value, *whole.shape) if not np.isnan(value) else (float("nan"),) * 2
        rest = item_rest(whole) if told else [float("nan")] * frame.shape[1]
        items = [{"item": item, "rest": r} for item, r in zip(dict.fromkeys(scale.items), rest, strict=True)]
        result[name] = {"n": len(whole), "any": len(frame), "items": items, "alpha": value, "low": low, "high": high}
    return result
