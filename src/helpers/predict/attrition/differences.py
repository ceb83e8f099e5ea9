"""What goes with loss in each segment: differences between members who were lost and members who stayed, as associations."""

from datetime import timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.predict.attrition import cuts, model
from helpers.rates import holm, quantile
from helpers.threads import one_thread

LEAST = 30
"""Members lost, and members who stayed, without whom nothing is said of a segment."""
RECENT = "recency_days"


def drivers(step, members: ir.Table, checked, evidence: dict) -> dict:
    """Segment by segment, which variables members who were lost had already shown, before they were lost.

    Segments are those of the published document as customers stood one horizon ago: today's members are there because they stayed.
    members    customer_id, segment: today's members, for their risk now
    checked    the tables of step 3 by name;  evidence: attrition.json
    Returns    status, reasons and readiness of the evidence, days (without a purchase: lost), risk_days (those of the risk), cut,
               everyone {n, lost}, segments [{id, n, lost (share), now (members today), risk (mean, today; None where nothing is
               graded), few (too few lost or left for any comparison), variables [{name, lost, stayed (means), effect (in standard
               deviations), low, high, p (Holm's, over all variables and segments), beyond (log odds a standard deviation at equal
               recency), beyond_low, beyond_high, beyond_p}]}], strongest first
    """
    found = {key: evidence[key] for key in ("status", "reasons", "readiness")}
    found |= {"days": None, "risk_days": None, "cut": None, "everyone": None, "segments": []}
    days = (evidence.get("period") or {}).get("days")
    if days is None or not step.gives("variables", "variables_confirm"):
        return found
    horizon = step.project.scope.horizon_days
    found["risk_days"] = days
    days, cut = min(days, horizon), step.as_of - timedelta(days=horizon)
    frame = _followed(step, checked, cut=cut, days=days)
    names = [c for c in frame.columns if c not in ("customer_id", "segment", "lost")]
    with one_thread():
        lines = [_segment(segment, part, names) for segment, part in frame.groupby("segment", sort=True)]
    _adjust(lines)
    today = _today(step, members)
    lines = [line | today.get(line["id"], {"now": 0, "risk": None}) for line in lines]
    everyone = {"n": len(frame), "lost": float(frame["lost"].mean()) if len(frame) else None}
    return found | {"days": days, "cut": f"{cut:%Y-%m-%d}", "everyone": everyone, "segments": lines}


def _followed(step, checked, *, cut, days: int) -> pd.DataFrame:
    """customer_id, segment at the cut, its variables, and lost; at most sample_rows customers."""
    from helpers.build.document import apply  # late: step 4 needs none of it
    from helpers.build.inputs import customers

    labels = apply(step.take("build", "segmentation"), customers(step, "confirm")).select("customer_id", "segment")
    known = step.take("variables", "variables_confirm")
    cuts.refuse_later({"variables_confirm": known}, cut)
    names = [c for c in cuts.with_pace(known, step.project).columns if c != cuts.MISSED]
    labelled = known.select(*names).join(labels, "customer_id")
    labelled = labelled.filter(labelled.segment.notnull())
    return step.sample(cuts.lost_after(checked["orders"], labelled, cut=cut, days=days))


def _today(step, members: ir.Table) -> dict[str, dict]:
    """Segment → now (members), risk (mean of what step 4 predicted, where it is graded)."""
    graded = step.gives("variables", "predicted") and "attrition_risk" in step.take("variables", "predicted").columns
    joined = members.select("customer_id", "segment")
    if graded:
        predicted = step.take("variables", "predicted").select("customer_id", "attrition_risk")
        joined = joined.left_join(predicted, "customer_id").drop("customer_id_right")
    sums = {"now": joined.count()}
    if graded:
        known = joined.attrition_risk.cast("decimal(38, 9)")
        sums |= {"sum": known.sum(), "known": known.count()}
    counted = joined.group_by("segment").agg(**sums).execute()
    return {
        row["segment"]: {"now": int(row["now"]), "risk": float(row["sum"]) / int(row["known"]) if graded and row["known"] else None}
        for row in counted.to_dict("records")
    }


def _segment(segment: str, part: pd.DataFrame, names: list[str]) -> dict:
    """One segment's line, its p-values not yet adjusted."""
    lost = part["lost"].to_numpy(dtype="float64")
    line = {"id": segment, "n": len(part), "lost": float(lost.mean()), "few": min(lost.sum(), (1 - lost).sum()) < LEAST, "variables": []}
    if line["few"]:
        return line
    log_recency = np.log1p(part[RECENT].to_numpy(dtype="float64")) if RECENT in names else None
    for name in names:
        values = part[name].to_numpy(dtype="float64")
        known = ~np.isnan(values)
        compared = _compared(values[known], lost[known])
        if compared is not None:
            recent = None if log_recency is None or name == RECENT else log_recency[known]
            line["variables"].append({"name": name} | compared | _beyond(values[known], lost[known], recent))
    return line


def _compared(values: np.ndarray, lost: np.ndarray) -> dict | None:
    """Means, and their difference in standard deviations (of both groups together) with its interval and Welch's p."""
    from scipy.stats import ttest_ind

    gone, here = values[lost == 1], values[lost == 0]
    if min(len(gone), len(here)) < LEAST:
        return None
    n1, n0 = len(gone), len(here)
    spread = (((n1 - 1) * gone.var(ddof=1) + (n0 - 1) * here.var(ddof=1)) / (n1 + n0 - 2)) ** 0.5
    if spread <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    effect = float(gone.mean() - here.mean()) / spread
    half = quantile() * (1 / n1 + 1 / n0 + effect**2 / (2 * (n1 + n0))) ** 0.5  # Hedges & Olkin 1985, large samples
    p = float(ttest_ind(gone, here, equal_var=False).pvalue)
    means = {"lost": float(gone.mean()), "stayed": float(here.mean())}
    return means | {"effect": effect, "low": effect - half, "high": effect + half, "p": p}


def _beyond(values: np.ndarray, lost: np.ndarray, log_recency: np.ndarray | None) -> dict:
    """The log odds of loss a standard deviation of the variable adds among members as recent as each other; None where not worked out."""
    from scipy.stats import norm

    nothing = dict.fromkeys(("beyond", "beyond_low", "beyond_high", "beyond_p"))
    if log_recency is None or not log_recency.std() > 0:
        return nothing
    low, high = np.quantile(values, [0.01, 0.99])
    kept = np.clip(values, low, high)
    if not kept.std() > 0:
        return nothing
    x = np.column_stack([(log_recency - log_recency.mean()) / log_recency.std(), (kept - kept.mean()) / kept.std()])
    beta, covariance, done = model.newton(x, lost, ridge=1e-6)
    if not done:
        return nothing
    error = float(covariance[2, 2] ** 0.5)
    half, p = quantile() * error, float(2 * norm.sf(abs(beta[2]) / error))
    return {"beyond": float(beta[2]), "beyond_low": float(beta[2]) - half, "beyond_high": float(beta[2]) + half, "beyond_p": p}


def _adjust(lines: list[dict]) -> None:
    """Holm's p over everything that was compared, each kind apart; then the strongest first."""
    every = [v for line in lines for v in line["variables"]]
    for key in ("p", "beyond_p"):
        asked = [v for v in every if v[key] is not None]
        for variable, p in zip(asked, holm([v[key] for v in asked]), strict=True):
            variable[key] = float(p)
    for line in lines:
        line["variables"].sort(key=lambda v: (-abs(v["effect"]), v["name"]))
