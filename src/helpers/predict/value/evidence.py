"""Value ahead: fitted before a cut and judged on what came after it, then fitted again on all history and handed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.collect.readiness import LEAST as NEEDED
from helpers.collect.readiness import requirement
from helpers.engine import before, between, first_instant, sample, total
from helpers.masking import covered_sizes
from helpers.predict import evidence
from helpers.predict.grades import CANNOT_TELL, GRADED, NONE, NOT_READY
from helpers.predict.value import calibration, contract, grade, high, margins
from helpers.predict.value.buying import MODELS, Choice, Fit, choose, redrawn
from helpers.predict.value.histories import UNIT_DAYS, Counted, counted, histories, kept, spent
from helpers.predict.value.lifetime import expected, score
from helpers.predict.value.spending import Spending, expected_spend, fit_spending, independence, redrawn_spending
from helpers.project import Project
from helpers.rates import quantile
from helpers.variables.catalogue import of_totals
from helpers.variables.formulas import bought_orders

DRAWS = 40
"""Redrawn fits kept in the evidence, for the intervals of whatever group is asked about later."""
SEEN = 2_000
"""Customers of a group at most on whom every redrawn fit is worked out."""
REDRAWN = 5
"""Times that a group's customers are redrawn for each redrawn fit."""


@dataclass(frozen=True, eq=False)
class Model:
    """What is fitted at one moment: who comes back how often, what a purchase brings, and what is not given back.

    reason   why nothing may be said (a code), or None
    """

    histories: ir.Table
    counted: Counted
    choice: Choice
    spending: Spending | None
    kept: float
    reason: str | None


def worth_ahead(step, checked: Mapping[str, ir.Table]) -> tuple[dict, ir.Table]:
    """The value ahead of everybody who ever bought, and how good such a prediction was on the last horizon.

    checked    the tables of step 3 by name
    Returns    value.json: status (graded, not_ready, cannot_tell, none), reasons, grade, gain, low, high, readiness, contract, high_value
               (`high.high_value`), basis (margin or revenue), margin, margins_unsold (`margins.unsold`), cut, until, horizon_days,
               value_days, discount_rate, history_days, judged (`grade.graded`), weekly, cohorts, frequency (`calibration`), at_cut and
               now (see `_said`), everyone, draws;
               and a table: customer_id, high_value, and where the prediction is graded alive, expected_orders, expected_value
    """
    lines, project = checked["orders"].filter(checked["orders"].customer_id.notnull()), step.project
    facts, worth = high.high_value(lines, project, as_of=step.as_of)
    found, table = _empty(step, lines, facts), worth.select("customer_id", "high_value")
    if of_totals(project) or not found["high_value"]["buyers"]:
        return found | {"status": NOT_READY, "reasons": ["totals" if of_totals(project) else "nobody_bought"]}, table
    found["contract"] = contract.contractual(lines, project, as_of=step.as_of)
    found["readiness"] = _readiness(step, found)
    if found["contract"]["contractual"]:
        return found | {
            "status": NONE,
            "reasons": ["contractual"],
            "retention_curve": retained(lines, found, step),
        }, table
    found |= judge(lines, project, as_of=step.as_of)
    now = model_at(lines, as_of=step.as_of)
    found["now"] = _said(now)
    unmet = [need["code"] for need in found["readiness"] if not need["met"]]
    reasons = unmet or found["judged"]["reasons"] or ([now.reason] if now.reason else [])
    status = NOT_READY if unmet else CANNOT_TELL if reasons else GRADED
    found |= {"status": status, "reasons": reasons} | {key: found["judged"].get(key) for key in ("grade", "gain", "low", "high")}
    if now.reason:
        return found | {"grade": None}, table
    predicted = predict(now, lines, project, days=found["value_days"], discount_rate=found["discount_rate"]).cache()
    found["draws"] = draws(now, seed=project.seed)
    seen = _bounded(now.histories.join(predicted.select("customer_id", "margin"), "customer_id"), project)
    point = _summed(predicted)
    found["everyone"] = point | _ends(point, _worths(seen, found), seed=project.seed, spread=_spread(found))
    return found, table.join(predicted, "customer_id").drop("margin") if status == GRADED else table


def _empty(step, lines: ir.Table, facts: dict) -> dict:
    plan, project = step.project.variables.predict, step.project
    first = first_instant(lines) if facts["buyers"] else step.as_of
    return {
        "status": CANNOT_TELL,
        "reasons": [],
        "grade": None,
        "readiness": [],
        "contract": None,
        "high_value": facts,
        "basis": margins.basis(project),
        "margin": margins.overall(lines, project) if facts["buyers"] else None,
        "margins_unsold": margins.unsold(lines, project),
        "value_days": plan.value_days,
        "discount_rate": plan.discount_rate,
        "history_days": (step.as_of - first).days,
        "judged": None,
        "now": None,
        "everyone": None,
        "draws": [],
    }


def _readiness(step, found: dict) -> list[dict]:
    """The requirements that step 3 counted; counted here where it did not (a run of before)."""
    if step.gives("collect", "readiness"):
        rows = {row["analysis"]: row for row in step.take("collect", "readiness")["analyses"]}
        if "clv" in rows:
            return rows["clv"]["requirements"]
    profiles = requirement("profiles", found["high_value"]["buyers"], NEEDED["profiles"])
    return [profiles, requirement("history_days", found["history_days"], NEEDED["year"])]


def model_at(lines: ir.Table, *, as_of: datetime) -> Model:
    """Fit what is known before as_of: nothing dated later is looked at."""
    known = before(lines, "ordered_at", as_of)
    each = histories(known, as_of=as_of).cache()
    counts = counted(each)
    choice = choose(counts)
    if choice.fit is None:
        return Model(each, counts, choice, None, 1.0, choice.reason)
    x, m, n, _ = spent(each)
    spending = fit_spending(x, m, n)
    reason = f"spending_{spending.reason}" if spending.reason else None
    stays = kept(known, as_of=as_of)
    return Model(each, counts, choice, spending, 1.0 if stays is None else stays, reason)


def predict(model: Model, lines: ir.Table, project: Project, *, days: float, discount_rate: float) -> ir.Table:
    """customer_id, alive (where a fit knows it), expected_orders and expected_value within `days`, margin (the customer's rate)."""
    scored = score(
        model.histories,
        model.choice.fit,
        spending=model.spending,
        alive_fit=model.choice.alive,
        days=days,
        discount_rate=discount_rate,
    )
    joined = scored.join(margins.by_customer(lines, project), "customer_id")
    alive = {} if model.choice.alive is None else {"alive": joined.alive}
    value = joined.expected_value * joined.margin * model.kept
    return joined.select("customer_id", **alive, expected_orders=joined.expected_orders, expected_value=value, margin=joined.margin)


def judge(lines: ir.Table, project: Project, *, as_of: datetime) -> dict:
    """Fit before the last horizon, and compare with what came in it.

    Returns   cut, until, horizon_days, at_cut (`_said`), judged (`grade.graded`, or reasons alone), weekly, cohorts, frequency (rows), and
              retention (the share that the baseline takes)
    """
    horizon, window = project.scope.horizon_days, project.scope.window_days
    cut = as_of - timedelta(days=horizon)
    found = {"cut": cut, "until": as_of, "horizon_days": horizon, "window_days": window, "at_cut": None}
    found |= {"weekly": [], "cohorts": [], "frequency": [], "retention": None}
    if first_instant(lines) > cut - timedelta(days=horizon):
        return found | {"judged": {"reasons": ["short_history"]}}
    then = model_at(lines, as_of=cut)
    found["at_cut"] = _said(then)
    if then.reason:
        return found | {"judged": {"reasons": [then.reason]}}
    rows = _later(then, lines, project, cut=cut, as_of=as_of)
    rows["expected"] = expected(then.choice.fit, rows["x"], rows["t_x"], rows["T"], horizon / UNIT_DAYS)
    rows["predicted"] = rows["expected"] * expected_spend(then.spending, rows["x"], rows["m_x"]) * rows["margin"] * then.kept
    stayed = retention(lines, cut=cut, window_days=window)
    baseline = grade.baseline_of(rows["spent"].to_numpy(), window_days=window, horizon_days=horizon, retention=stayed)
    plan = project.variables.predict
    how = {"share": plan.high_value_share, "percentile": plan.high_value_percentile, "seed": project.seed}
    found["judged"] = grade.graded(rows["predicted"].to_numpy(), baseline, rows["money"].to_numpy(), **how)
    return found | {"retention": stayed} | _calibrated(then, lines, rows, cut=cut, as_of=as_of, least=project.min_cell)


def _later(model: Model, lines: ir.Table, project: Project, *, cut: datetime, as_of: datetime) -> pd.DataFrame:
    """A bounded sample of the customers known at the cut: history, margin rate, money before (spent) and after it (money), days bought."""
    window = timedelta(days=project.scope.window_days)
    known, later = before(lines, "ordered_at", cut), between(lines, "ordered_at", cut, as_of)
    recent = between(lines, "ordered_at", cut - window, cut)
    spent_before = recent.mutate(money_=margins.money(recent, project)).group_by("customer_id").agg(spent=ibis._.money_.sum())
    brought = later.mutate(money_=margins.money(later, project)).group_by("customer_id").agg(money=ibis._.money_.sum())
    bought = bought_orders(lines, as_of=as_of).filter(ibis._.ordered_at >= ibis.literal(cut, type="timestamp"))
    came = bought.group_by("customer_id").agg(actual=bought.ordered_at.truncate("D").nunique())
    joined = model.histories.drop("first_day").join(margins.by_customer(known, project), "customer_id")
    for part in (spent_before, brought, came):
        joined = joined.left_join(part, "customer_id").drop("customer_id_right")
    filled = {name: joined[name].cast("float64").fill_null(0.0) for name in ("spent", "money", "actual")}
    taken = joined.select("customer_id", "x", "t_x", "T", m_x=joined.m_x.fill_null(0.0), margin=joined.margin, **filled)
    return sample(taken, project.sample_rows, seed=project.seed).execute()


def retention(lines: ir.Table, *, cut: datetime, window_days: int) -> float:
    """Of the buyers of the window before the last one, the share that bought in the last one too; 1 where nobody did before."""
    window = timedelta(days=window_days)
    orders = bought_orders(lines, as_of=cut)
    at = lambda moment: ibis.literal(moment, type="timestamp")  # noqa: E731
    last = (orders.ordered_at >= at(cut - window)).max()
    earlier = ((orders.ordered_at < at(cut - window)) & (orders.ordered_at >= at(cut - 2 * window))).max()
    each = orders.group_by("customer_id").agg(last_=last, earlier_=earlier)
    counts = each.aggregate(n=each.earlier_.sum(), stayed=(each.earlier_ & each.last_).sum()).execute().fillna(0).iloc[0]
    return float(counts["stayed"]) / float(counts["n"]) if counts["n"] else 1.0


def _calibrated(model: Model, lines: ir.Table, rows: pd.DataFrame, *, cut: datetime, as_of: datetime, least: int) -> dict:
    """weekly (all cohorts together), cohorts and frequency, as rows; nothing of fewer customers than may be told."""
    days = calibration.purchase_days(lines, as_of=as_of, cut=cut).execute()
    weekly = calibration.tracked(days, lambda *of: expected(model.choice.fit, *of), cut=cut, as_of=as_of)
    together = weekly.groupby(["when", "held_out"], as_index=False)[["actual", "expected"]].sum()
    cohorts = calibration.by_cohort(weekly)
    bands = calibration.by_frequency(rows["x"].to_numpy(), rows["expected"].to_numpy(), rows["actual"].to_numpy())
    # Everybody's number is known: a cohort too small to be told takes another with it. A week of few purchases is not told.
    cohorts = cohorts[~np.array(covered_sizes(cohorts["customers"], least=least), dtype=bool)]
    together = together[together["actual"] >= least]
    frames = {"weekly": together, "cohorts": cohorts, "frequency": calibration.merged(bands, least)}
    return {name: [_plain(row) for row in frame.to_dict("records")] for name, frame in frames.items()}


def _plain(row: dict) -> dict:
    """A row as JSON has it: moments as days, nan as missing."""
    return {k: v.date().isoformat() if hasattr(v, "date") else None if v != v else v for k, v in row.items()}


def _said(model: Model) -> dict:
    """What is said of a model.

    Returns   status and reason of the choice, model, alive (is P(alive) known?), customers, repeaters, tried (model → log-likelihood,
              missing where it did not converge); and where a model speaks parameters (a and b only where their spread is known) with their
              limits (95 %), dropout, starts, starts_agreeing, independence, spending, kept
    """
    choice, fit = model.choice, model.choice.fit
    said = {"status": choice.status, "reason": model.reason or choice.reason, "customers": model.counted.customers}
    said |= {"repeaters": model.counted.repeaters, "model": fit.model if fit else None, "alive": choice.alive is not None}
    said |= {"tried": {m: f.log_likelihood if f.converged else None for m, f in sorted(choice.fits.items())}}
    if fit is None:
        return said
    told = {name: value for name, value in fit.parameters.items() if name in ("r", "alpha") or choice.spread_known}
    errors = fit.standard_errors or {}
    wide = np.log(np.finfo(float).max) / 10  # beyond, the data say nothing of a parameter
    known = {k: v for k, v in told.items() if quantile() * errors.get(k, np.inf) < wide}
    limits = {k: [v * float(np.exp(z * errors[k])) for z in (-quantile(), quantile())] for k, v in known.items()}
    said |= {"parameters": told, "limits": limits, "dropout": fit.dropout, "starts": fit.starts, "starts_agreeing": fit.starts_agreeing}
    x, m, n, unpaid = spent(model.histories)
    spending = model.spending
    said["independence"] = independence(x, m, n) | {"without_money": unpaid}
    said["spending"] = {"reason": spending.reason, "parameters": spending.parameters, "mean": spending.mean}
    return said | {"kept": model.kept}


def draws(model: Model, *, seed: int) -> list[dict]:
    """Parameters of models fitted to redrawn customers: buying and spending, name → value; draws that failed are left out."""
    fits = redrawn(model.counted, model.choice.fit, draws=DRAWS, seed=seed)
    x, m, n, _ = spent(model.histories)
    amounts = redrawn_spending(x, m, n, model.spending, draws=DRAWS, seed=seed + 1)
    pairs = [(f, s) for f, s in zip(fits, amounts, strict=True) if f.converged and not s.reason]
    return [{"model": f.model, "buying": f.parameters, "spending": s.parameters} for f, s in pairs]


def by_segment(step, members: ir.Table, *, lines: ir.Table) -> tuple[dict, pd.DataFrame]:
    """The value ahead of each segment, a customer and in total, with 95 % intervals over customers and parameters.

    members    customer_id, segment;  lines: order lines, all history before as_of
    Returns    value.json as step 4 handed it over, and segment, n, value, low, high (a customer), total, total_low, total_high, orders,
               alive; no row where the evidence is not graded, and no figure of fewer than min_cell customers
    """
    columns = ["segment", "n", "value", "low", "high", "total", "total_low", "total_high", "orders", "alive"]
    found = evidence(step, "value")
    if found["status"] != GRADED or not found.get("draws"):
        return found, pd.DataFrame(columns=columns)
    project, members = step.project, members.select("customer_id", "segment")
    predicted = step.take("variables", "predicted").join(members, "customer_id").cache()
    known = histories(lines, as_of=step.as_of).join(margins.by_customer(lines, project), "customer_id").join(members, "customer_id").cache()
    sizes = predicted.group_by("segment").agg(n=predicted.count()).order_by("segment").execute()
    kept_ = list(sizes.loc[sizes["n"] >= project.min_cell, "segment"])
    if not kept_:
        return found, pd.DataFrame(columns=columns)
    seen = pd.concat([_bounded(known.filter(known.segment == name), project).assign(segment=name) for name in kept_], ignore_index=True)
    worths, rows = _worths(seen, found), []
    for name in kept_:
        point, its = _summed(predicted.filter(predicted.segment == name)), worths[:, (seen["segment"] == name).to_numpy()]
        rows.append({"segment": name} | point | _ends(point, its, seed=project.seed, spread=_spread(found)))
    return found, pd.DataFrame(rows, columns=columns)


def _summed(predicted: ir.Table) -> dict:
    """n, value, orders and alive of a group (means a customer), and the total, added up as decimals."""
    alive = {"alive": total(predicted.alive)} if "alive" in predicted.columns else {}
    sums = {"n": predicted.count(), "total": total(predicted.expected_value), "orders": total(predicted.expected_orders)}
    row = predicted.aggregate(**sums, **alive).execute().iloc[0]
    n = int(row["n"])
    means = {"value": row["total"], "orders": row["orders"], "alive": row.get("alive")}
    return {"n": n, "total": float(row["total"])} | {k: None if v is None or v != v else float(v) / n for k, v in means.items()}


def _bounded(known: ir.Table, project: Project) -> pd.DataFrame:
    taken = known.select("customer_id", "x", "t_x", "T", "margin", m_x=known.m_x.fill_null(0.0))
    return sample(taken, SEEN, seed=project.seed).execute()


def _worths(seen: pd.DataFrame, found: dict) -> np.ndarray:
    """What every redrawn fit expects of every customer seen, undiscounted: draws × customers; only how much it varies is used."""
    rows = []
    for draw in found["draws"]:
        orders = expected(_fit(draw["model"], draw["buying"]), seen["x"], seen["t_x"], seen["T"], found["value_days"] / UNIT_DAYS)
        rows.append(orders * expected_spend(_spending(draw["spending"]), seen["x"], seen["m_x"]) * seen["margin"].to_numpy())
    return np.array(rows)


def _spread(found: dict) -> float:
    """What chance did to the money of single customers in the period that judged (`grade.errors`); 0 where that is not known."""
    return ((found.get("judged") or {}).get("money") or {}).get("spread") or 0.0


def _ends(point: dict, worths: np.ndarray, *, seed: int, spread: float) -> dict:
    """The interval of a group's mean and total: the parameters redrawn, the group's customers with them, and what chance does to these.

    Without the last, an interval is the narrower the more alike customers are, and of those who bought once it holds what comes in a few
    cases of ten. A sum's variance is taken as `spread` × the sum (quasi-Poisson).
    """
    rng, each = np.random.default_rng(seed), worths.shape[1]
    means, totals = [], []
    for row in worths:
        for weights in rng.poisson(point["n"] / each, (REDRAWN, each)):
            totals.append(float((row * weights).sum()) * each / point["n"])
            means.append(totals[-1] / max(weights.sum() * each / point["n"], 1.0))
    usual, ends, chance = float(worths.mean()), {}, quantile() * (spread * max(point["total"], 0.0)) ** 0.5
    for names, of, value, by_chance in (
        (("low", "high"), means, point["value"], chance / point["n"]),
        (("total_low", "total_high"), np.divide(totals, each), point["total"], chance),
    ):
        off = np.hypot((np.quantile(of, [0.025, 0.975]) / usual - 1) * value, by_chance)
        ends |= dict(zip(names, (max(float(value - off[0]), min(value, 0.0)), float(value + off[1])), strict=True))
    return ends


def _fit(model: str, parameters: dict) -> Fit:
    """A fit as the evidence holds it."""
    return Fit(model, {name: parameters[name] for name in MODELS[model]}, 0.0, 0, True)


def _spending(parameters: dict) -> Spending:
    return Spending(parameters, 0.0, 0, True, mean=parameters["p"] * parameters["gamma"] / (parameters["q"] - 1))


def retained(lines: ir.Table, found: dict, step) -> list[dict]:
    """How long customers by contract stay, all of them and by year of first payment: rows of `contract.retention`, one a period."""
    period, least = found["contract"]["period"] or contract.MONTH, step.project.min_cell
    spans = contract.lifespans(lines, as_of=step.as_of, period=period)
    frame = sample(spans, step.project.sample_rows, seed=step.project.seed).execute()
    came = frame["first"].map(lambda days: str((step.as_of - timedelta(days=float(days))).year))
    newest = sorted(came.unique())[-contract.COHORTS :]
    frame = frame.assign(came=came.where(came.isin(newest) & (len(newest) > 1)))
    curves = pd.concat([contract.retention(frame, least=least), contract.retention(frame, "came", least=least)], ignore_index=True)
    # A row a period, not a day: the step of one day would tell of the few who left on it.
    curves = curves.assign(place=(curves["days"].astype(float) / period).round()).groupby(["group", "place"], sort=False).tail(1)
    return [_plain(row) for row in curves.drop(columns="place").to_dict("records")]
