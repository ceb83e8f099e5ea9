"""Step 3: what customers say against what the same customers did before they said it, and hypotheses from interviews."""

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import NinefoldError, expressions
from helpers.engine import days_between, total
from helpers.project import Project

Z = 1.959964
ONLINE = ("web", "app", "online", "mobile", "internet", "site")
"""Values of orders.channel that are online."""
LEAST_DAYS = 30
"""Days of history before an answer below which nobody can tell what a customer does in a month."""


# What was done


def per_order(orders: ir.Table) -> ir.Table:
    """One row an order: customer_id, order_id, at, amount, bought (its returns do not outweigh it), online (missing without a channel)."""
    online = orders.channel.lower().isin(ONLINE).max() if "channel" in orders.columns else ibis.null("boolean")
    sums = {"at": orders.ordered_at.min(), "amount": orders.amount.sum(), "online": online}
    each = orders.filter(orders.customer_id.notnull()).group_by(["customer_id", "order_id"]).agg(**sums)
    return each.mutate(bought=each.amount >= 0)


def bought_in(orders: ir.Table, project: Project, *, as_of: datetime) -> ir.Table:
    """customer_id, categories: what each bought within the window, as one text such as `|bread|cakes|`; missing without a category."""
    if "category" not in orders.columns:
        return orders.select("customer_id").distinct().mutate(categories=ibis.null("string"))
    recent = orders.ordered_at >= ibis.literal(as_of - timedelta(days=project.scope.window_days))
    lines = orders.filter(recent, orders.amount > 0, orders.category.notnull()).select("customer_id", "category").distinct()
    joined = lines.group_by("customer_id").agg(c=lines.category.group_concat("|", order_by=lines.category))
    return joined.select("customer_id", categories=ibis.literal("|") + joined.c + "|")


def done_before(said: ir.Table, orders: ir.Table, project: Project) -> ir.Table:
    """What each respondent had done when answering: in the window of scope.window_days that ends at the answer.

    The first order of a customer only starts the clock where it lies in the window: counted, it would make newcomers look busy.

    said      customer_id, answered_at (one row a customer); orders: checked order lines, those after an answer too
    Returns   customer_id, days (of the window, from the first order if later), orders_per_30d, spend_per_30d (per 30 of these days; all
              three missing for who had not bought yet), days_since_order, online_order_share (missing without an order in the window)
    """
    each = said.join(per_order(orders), "customer_id").filter(ibis._.at < ibis._.answered_at)
    first = each.group_by("customer_id").agg(first=each.at.min(where=each.bought))
    each = each.join(first, "customer_id").mutate(start=ibis._.answered_at - ibis.interval(days=project.scope.window_days))
    within, after = each.at >= each.start, each.at > each["first"]
    counted = each.group_by("customer_id").agg(
        first=each["first"].min(),
        last=each.at.max(where=each.bought),
        n=(each.bought & within & after).sum(),
        spend=each.amount.sum(where=within & after),
        all_n=(each.bought & within).sum(),
        online=(each.bought & within & each.online).sum(),
    )
    joined = said.left_join(counted, "customer_id")
    start = ibis.greatest(joined.answered_at - ibis.interval(days=project.scope.window_days), joined["first"])
    days = ibis.cases((joined["first"].notnull(), days_between(start, joined.answered_at)))
    per = ibis.cases((days > 0, ibis.literal(30.0) / days))
    share = ibis.cases((joined.all_n > 0, joined.online.cast("float64") / joined.all_n))
    return joined.select(
        "customer_id",
        days=days,
        orders_per_30d=joined.n.cast("float64") * per,
        spend_per_30d=joined.spend.fill_null(0).cast("float64") * per,
        days_since_order=days_between(joined["last"], joined.answered_at),
        online_order_share=share if "channel" in orders.columns else ibis.null("float64"),
    )


# What is said


def latest_answers(answers: ir.Table, item: str) -> ir.Table:
    """customer_id, answer, answered_at: the last answer of each customer to one item; of two at one moment the first in the alphabet."""
    asked = answers.filter(answers.question == item, answers.answer.notnull())
    place = ibis.row_number().over(group_by="customer_id", order_by=[ibis.desc("answered_at"), "answer"])
    return asked.mutate(place_=place).filter(ibis._.place_ == 0).select("customer_id", "answer", "answered_at")


def claims(step, answers: ir.Table, customers: ir.Table, orders: ir.Table) -> list[dict]:
    """Stated against actual behaviour, a row each of collect.survey.claims.

    answers, customers, orders   the checked tables
    Returns   item, actual, n, window_days, short (respondents who had first bought fewer than LEAST_DAYS days before, or not yet: they
              are in no other number), unread (answers that are no number, or not in `order`), rho (Spearman's rank correlation between
              what is said and what had been done, see `done_before`; days since the last order count backwards) with low, high (Bonett &
              Wright 2000), more (share who say more than they do), kind ("number": by half a unit and a tenth at least; "words": of those
              who give the highest answer, who do less than the median respondent); None where it cannot be told
    """
    found = []
    for claim in step.project.collect.survey.claims:
        said = latest_answers(answers, claim.item).semi_join(customers, "customer_id")
        done = done_before(said.select("customer_id", "answered_at"), orders, step.project)
        frame = step.sample(said.join(done.select("customer_id", "days", actual=done[claim.actual]), "customer_id"))
        told, early = _stated(frame["answer"], claim.order), ~(frame["days"] >= LEAST_DAYS)
        known = told.notna() & frame["actual"].notna() & ~early
        stated, actual = told[known].to_numpy(dtype="float64"), frame.loc[known, "actual"].to_numpy(dtype="float64")
        row = {"item": claim.item, "actual": claim.actual, "n": len(stated), "unread": int(told.isna().sum())}
        row |= {"short": int((early & told.notna()).sum()), "window_days": step.project.scope.window_days}
        sign = -1 if claim.actual == "days_since_order" else 1
        found.append(row | correlation(stated, sign * actual) | says_more(stated, actual, words=bool(claim.order), unit=claim.actual))
    return found


def _stated(answer: pd.Series, order: list[str]) -> pd.Series:
    if order:
        return answer.str.strip().str.lower().map({text.strip().lower(): place for place, text in enumerate(order)})
    return pd.to_numeric(answer.str.replace(",", ".", regex=False), errors="coerce")


def correlation(stated: np.ndarray, actual: np.ndarray) -> dict:
    """Spearman's rank correlation with its 95 % interval; None with fewer than ten pairs or when one side does not vary."""
    from scipy.stats import spearmanr

    n = len(stated)
    if n < 10 or len(set(stated)) < 2 or len(set(actual)) < 2:
        return {"rho": None, "low": None, "high": None}
    rho = float(spearmanr(stated, actual).statistic)
    bounded = min(max(rho, -0.999999), 0.999999)
    half = Z * math.sqrt((1 + bounded**2 / 2) / (n - 3))
    return {"rho": rho, "low": math.tanh(math.atanh(bounded) - half), "high": math.tanh(math.atanh(bounded) + half)}


def says_more(stated: np.ndarray, actual: np.ndarray, *, words: bool, unit: str) -> dict:
    """The share who say more than they do, and how that was told; `of` is how many were asked."""
    if not len(stated):
        return {"more": None, "of": 0, "kind": "words" if words else "number"}
    if not words and unit in ("orders_per_30d", "spend_per_30d"):
        more = stated - actual >= np.maximum(0.5, actual / 10)
        return {"more": float(more.mean()), "of": len(stated), "kind": "number"}
    top = stated == stated.max()
    less = actual > np.median(actual) if unit == "days_since_order" else actual < np.median(actual)
    return {"more": float(less[top].mean()), "of": int(top.sum()), "kind": "words"}


# Hypotheses


def interval(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of n answers, n as it counts after the design effect (Wilson 1927)."""
    middle, half = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max((middle - half) / (1 + Z * Z / n), 0.0), min((middle + half) / (1 + Z * Z / n), 1.0)


def hypotheses(answers: ir.Table | None, weighted, project: Project, people: ir.Table | None = None) -> list[dict]:
    """What interviews suggested, tested on the survey.

    answers, weighted   checked answers, and the result of `weigh`; None without a survey
    people    customer_id, and what the expression `among` of a hypothesis may name: attributes, behaviour, categories
    Returns   place (in project.yml), item, n (answers, of those whom it is about), share (weighted, agreeing), low, high (95 %, design
              effect included), effective, at_least, verdict: supported (the whole interval from at_least on), contradicted (the whole
              interval below), cannot tell
    """
    found = []
    for place, each in enumerate(project.collect.hypotheses):
        row = {"place": place, "item": each.item, "at_least": each.at_least, "n": 0, "share": None, "low": None, "high": None}
        row |= {"effective": None, "verdict": "cannot tell"}
        if answers is not None and weighted is not None:
            said = latest_answers(answers, each.item).join(weighted.members, "customer_id")
            said = said.semi_join(_among(people, each.among, project, place), "customer_id") if each.among else said
            row |= _tested(said, each.answers, each.at_least, project)
        found.append(row)
    return found


def _among(people: ir.Table | None, text: str, project: Project, place: int) -> ir.Table:
    """Those whom a hypothesis is about; a condition that cannot be told does not hold."""
    field = f"{project.file}: field collect.hypotheses[{place}].among"
    if people is None:
        raise NinefoldError(f"{field}: {text!r} cannot be worked out without customers. Drop it.")
    columns = {c: people[c] for c in people.columns if c != "customer_id"}
    return people.filter(expressions.build(text, columns, field=field, wanted="boolean")).select("customer_id")


def _tested(said: ir.Table, agreeing: list[str], at_least: float, project: Project) -> dict:
    yes = said.answer.strip().lower().isin([text.strip().lower() for text in agreeing])
    sums = {"n": said.count(), "w": total(said.weight), "w2": total(said.weight * said.weight), "y": total(ibis.cases((yes, said.weight)))}
    found = {k: 0.0 if pd.isna(v) else float(v) for k, v in said.aggregate(**sums).execute().iloc[0].items()}
    n = int(found["n"])
    if n < project.min_cell or not found["w"]:
        return {"n": n}
    share, effective = found["y"] / found["w"], found["w"] ** 2 / found["w2"]
    low, high = interval(min(share, 1.0), effective)
    verdict = "supported" if low >= at_least else "contradicted" if high < at_least else "cannot tell"
    return {"n": n, "share": share, "low": low, "high": high, "effective": effective, "verdict": verdict}
