"""Attrition: who is likely to buy nothing in the next N days, graded against recency alone on a later period."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.collect.readiness import LEAST, requirement
from helpers.engine import first_instant, total
from helpers.predict.attrition import cuts, grade, interval, model
from helpers.predict.attrition.differences import drivers
from helpers.predict.grades import CANNOT_TELL, GRADED, NOT_READY, house
from helpers.threads import one_thread
from helpers.variables.catalogue import catalogue, of_totals

BANDS = (0.10, 0.25, 0.50, 0.75)
"""Borders between the bands of risk on the page."""


def attrition(step, checked: Mapping[str, ir.Table], *, measured: Mapping[str, ir.Table] | None = None) -> tuple[dict, ir.Table | None]:
    """The risk of every customer in scope to buy nothing within the next N days, and how good that risk is.

    Taught on what was known at as_of − 2N and on the N days after; the model is picked there, on customers left out; judged on the N
    days before as_of; then the same recipe is taught on these and applied at as_of.
    checked    the tables of step 3 by name
    measured   name of a window (published, select, confirm) → its variables, where they were measured already
    Returns    the evidence (status graded | not_ready | cannot_tell, reasons, readiness, grade, period, …: see `_judged`), and a table
               customer_id, attrition_risk (0-1), or None where nothing could be learnt. Graded C, the risk is that of recency alone:
               the model did no better.
    """
    project, lines = step.project, checked["orders"]
    empty = {"status": NOT_READY, "reasons": [], "grade": None, "readiness": [], "period": None}
    if of_totals(project):
        return empty | {"reasons": ["totals"]}, None
    first = first_instant(lines) if int(lines.limit(1).count().execute()) else step.as_of
    period = interval.period(lines, project, as_of=step.as_of, first=first)
    found = empty | {"period": period}
    if period["days"] is None:
        return found | {"reasons": ["nobody_came_back"]}, None
    found["readiness"] = [_history(project, period["days"], first=first, as_of=step.as_of)]
    if not found["readiness"][0]["met"]:
        return found | {"reasons": ["short_history"]}, None
    with one_thread("sklearn.ensemble"):  # the trees have threads of their own
        return _learnt(step, checked, dict(measured or {}), found)


def _history(project, days: int, *, first: datetime, as_of: datetime) -> dict:
    """The window to learn in, and the period twice after it; a history that starts during the first day is long enough."""
    have = (as_of.date() - first.date()).days
    return requirement("history_days", have, project.scope.window_days + 2 * days)


def _learnt(step, checked: Mapping[str, ir.Table], measured: dict[str, ir.Table], found: dict) -> tuple[dict, ir.Table | None]:
    project, days = step.project, found["period"]["days"]
    earlier, later = (_taught(step, checked, measured, cuts_back=k, days=days) for k in (2, 1))
    lost = [int(frame["lost"].sum()) for frame in (earlier, later)]
    stayed = [len(frame) - n for frame, n in zip((earlier, later), lost, strict=True)]
    found = found | {"readiness": [*found["readiness"], requirement("lost", min(lost), LEAST["lost"])]}
    if min(lost) < LEAST["lost"] or min(stayed) < LEAST["lost"]:
        return found | {"reasons": ["few_lost" if min(lost) < LEAST["lost"] else "few_stayed"]}, None
    names = [c for c in earlier.columns if c not in ("customer_id", "lost")]
    if "recency_days" not in names:
        return found | {"reasons": ["no_recency"]}, None
    evidence, models = _judged(earlier, later, names, project)
    found = found | evidence | _days(step.as_of, days)
    if found["status"] != GRADED:
        return found, None
    now = measured.get("published")
    now = cuts.variables_at(checked, project, cut=step.as_of) if now is None else now
    now = cuts.with_pace(now, project)
    published = _refitted(later, names, evidence["used"], project)
    if not published.converged:
        return found | {"status": CANNOT_TELL, "grade": None, "reasons": ["not_converged"]}, None
    risk = model.risks(published, now)
    return found | {"now": _bands(risk, now, project.min_cell), "formula": _formula(published)}, risk


def _days(as_of: datetime, days: int) -> dict:
    """From which day the model was taught, and from which it was judged: YYYY-MM-DD."""
    learnt, judged = (as_of - timedelta(days=k * days) for k in (2, 1))
    return {"learnt_from": f"{learnt:%Y-%m-%d}", "judged_from": f"{judged:%Y-%m-%d}"}


def _taught(step, checked: Mapping[str, ir.Table], measured: dict[str, ir.Table], *, cuts_back: int, days: int) -> pd.DataFrame:
    """customer_id, variables as known `cuts_back` periods before as_of, and lost; at most sample_rows customers."""
    project, cut = step.project, step.as_of - timedelta(days=cuts_back * days)
    same = days == project.scope.horizon_days  # the windows of the step end at the same instants
    known = measured.get({2: "select", 1: "confirm"}[cuts_back]) if same else None
    known = cuts.variables_at(checked, project, cut=cut) if known is None else known
    return step.sample(cuts.lost_after(checked["orders"], cuts.with_pace(known, project), cut=cut, days=days))


def _shares(project) -> set[str]:
    return {v.name for v in catalogue(project) if v.kind == "share"}


def _calibrated(name: str, frame: pd.DataFrame, design: list[dict], project) -> tuple[model.Model, float]:
    """A model with its calibration, both learnt on these customers, and its mean log loss on customers left out."""
    lost = frame["lost"].to_numpy(dtype="float64")
    scores = model.held_out(name, frame, lost, design, seed=project.seed)
    a, b = model.platt(scores, lost)
    left_out = np.clip(model.logistic(a + b * scores), model.EDGE, 1 - model.EDGE)
    taught = model.fit(name, frame, lost, design, seed=project.seed)
    return replace(taught, slope=(a, b)), float(grade.log_loss(left_out, lost).mean())


def _judged(earlier: pd.DataFrame, later: pd.DataFrame, names: list[str], project) -> tuple[dict, dict[str, model.Model]]:
    """Everything that is told of the models.

    Returns   status, reasons, grade, n, lost (share, then and in the period judged), tried ([{model, left_out (log loss on customers
              left out), converged}]), chosen (picked by it, before the period judged was looked at), used (chosen, or recency where the
              grade is C), loss (of recency, chosen, everyone alike), gain (over recency) and over_all (over everyone alike) with value,
              low, high, area, dynamics, calibration, in_the_large, giveaways; and the models by name
    """
    lost, design = later["lost"].to_numpy(dtype="float64"), model.design_of(earlier, names, _shares(project), project)
    fitted = {name: _calibrated(name, earlier, design, project) for name in (model.RECENCY, *model.SEVERAL)}
    tried = [{"model": name, "left_out": loss, "converged": one.converged} for name, (one, loss) in fitted.items()]
    base, usual = {"tried": tried, "n": [len(earlier), len(later)]}, float(earlier["lost"].mean())
    base |= {"lost": [usual, float(lost.mean())]}
    usable = [t for t in tried if t["converged"] and t["model"] != model.RECENCY]
    models = {name: one for name, (one, _) in fitted.items()}
    if not models[model.RECENCY].converged or not usable:
        return base | {"status": CANNOT_TELL, "reasons": ["not_converged"]}, models
    chosen = min(usable, key=lambda t: t["left_out"])["model"]
    risk = {name: model.risk(models[name], later) for name in (model.RECENCY, chosen)}
    losses = {name: grade.log_loss(each, lost) for name, each in risk.items()}
    alike = grade.log_loss(np.full(len(lost), usual), lost)
    gained, areas = grade.gain(losses[chosen], losses[model.RECENCY]), {name: grade.area(each, lost) for name, each in risk.items()}
    given = grade.giveaways({n: later[n].to_numpy(dtype="float64") for n in names}, lost)
    letter = house(gained["value"], gained["low"])
    used = model.RECENCY if letter == "C" else chosen
    too_good = bool(given) or max(areas.values()) > grade.TOO_GOOD
    base |= {
        "chosen": chosen, "used": used, "gain": gained, "over_all": grade.gain(losses[used], alike), "area": areas, "giveaways": given,
        "loss": {name: float(each.mean()) for name, each in losses.items()} | {"alike": float(alike.mean())},
    }  # fmt: skip
    if too_good:
        return base | {"status": CANNOT_TELL, "reasons": ["too_good"]}, models
    return base | {
        "status": GRADED, "grade": letter, "dynamics": grade.dynamics(risk[chosen], lost, usual),
        "calibration": grade.calibration(risk[used], lost, least=project.min_cell),
        "in_the_large": grade.in_the_large(risk[used], lost),
    }, models  # fmt: skip


def _refitted(later: pd.DataFrame, names: list[str], used: str, project) -> model.Model:
    """The same recipe taught on the newest period, for the risk from as_of on."""
    design = model.design_of(later, names, _shares(project), project)
    return _calibrated(used, later, design, project)[0]


def _bands(risk: ir.Table, now: ir.Table, least: int) -> list[dict]:
    """Today's customers by risk: above, up_to, n, expected (customers, the sum of the risks), spend_per_30d (their sum, where measured)."""
    spend = now.select("customer_id", spend_=now.spend_per_30d) if "spend_per_30d" in now.columns else None
    each = risk if spend is None else risk.left_join(spend, "customer_id").drop("customer_id_right")
    places = [(each.attrition_risk < border, place) for place, border in enumerate(BANDS)]
    each = each.mutate(band=ibis.cases(*places, else_=len(BANDS)))
    sums = {"n": each.count(), "expected": total(each.attrition_risk)}
    if spend is not None:
        sums["spend"] = total(ibis.greatest(each.spend_.fill_null(0.0), 0.0))
    counted = each.group_by("band").agg(**sums).order_by("band").execute().set_index("band")
    borders, found = [0.0, *BANDS, 1.0], []
    for place in range(len(BANDS) + 1):
        row = counted.loc[place] if place in counted.index else None
        facts = {"n": 0 if row is None else int(row["n"]), "expected": 0.0 if row is None else float(row["expected"])}
        facts["spend"] = None if spend is None else 0.0 if row is None else float(row["spend"])
        found.append({"above": borders[place], "up_to": borders[place + 1]} | facts)
    return _joined(found, least)


def _joined(bands: list[dict], least: int) -> list[dict]:
    """The bands, each of fewer than `least` customers made one with its neighbour, from the highest risk down."""
    found: list[dict] = []
    for band in reversed(bands):
        if found and (found[-1]["n"] < least or (band["above"] == 0 and 0 < band["n"] < least)):
            upper = found.pop()
            sums = {k: None if band[k] is None else band[k] + upper[k] for k in ("n", "expected", "spend")}
            band = band | sums | {"up_to": upper["up_to"]}
        found.append(band)
    return found[::-1]


def _formula(published: model.Model) -> dict:
    """The model as numbers, so that it can be worked out elsewhere; of trees, what they were taught on."""
    written = {"model": published.name, "slope": list(published.slope), "variables": published.design, "coefficients": None}
    if published.coefficients is not None:
        written["coefficients"] = [float(c) for c in published.coefficients]
    return written


__all__ = ["attrition", "drivers"]
