"""What customers said: ratings and survey scales, one row per customer; the newest word counts."""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from helpers.engine import total
from helpers.project import Project
from helpers.project.sections import Scale

HALF = 0.5
"""A scale is scored for whoever answered at least this share of its items."""


def ratings(comments: ir.Table, *, as_of: datetime) -> ir.Table:
    """Mean rating of all comments before as_of. Returns customer_id, rating_mean; nobody without a rating."""
    said = comments.filter(comments.customer_id.notnull(), comments.rating.notnull(), comments.said_at < ibis.literal(as_of))
    return said.group_by("customer_id").agg(rating_mean=total(said.rating).cast("float64") / said.count())


def item_answers(answers: ir.Table, scale: Scale, *, as_of: datetime) -> ir.Table:
    """The newest answer of each respondent to each item of a scale, from 0 (lowest) to 1 (highest), reversed items turned.

    answers   customer_id, question, answer (text), answered_at
    Returns   customer_id, question, value; an answer that is no number from `low` to `high` is none
    """
    result = _newest(answers, scale, as_of=as_of)
    return result.filter(result.value.between(0, 1))


def outside(answers: ir.Table, scale: Scale, *, as_of: datetime) -> dict[str, int]:
    """The newest answers to items of a scale that are no number from `low` to `high`, such as a code for “do not know”.

    Returns  answers, customers (who gave them), of (all newest answers to its items)
    """
    result = _newest(answers, scale, as_of=as_of)
    out = ~result.value.between(0, 1).fill_null(False)
    sums = {"answers": out.sum(), "customers": result.customer_id.nunique(where=out), "of": result.count()}
    return {name: int(n or 0) for name, n in result.aggregate(**sums).execute().fillna(0).iloc[0].items()}


def _newest(answers: ir.Table, scale: Scale, *, as_of: datetime) -> ir.Table:
    """customer_id, question, value of each newest answer, whatever it is."""
    known = answers.customer_id.notnull() & answers.answer.notnull() & (answers.answered_at < ibis.literal(as_of))
    said = answers.filter(known, answers.question.isin(scale.items))
    newest = ibis.row_number().over(group_by=["customer_id", "question"], order_by=[ibis.desc("answered_at"), ibis.desc("answer")])
    said = said.mutate(place_=newest).filter(ibis._.place_ == 0)
    value = (said.answer.strip().try_cast("float64") - scale.low) / (scale.high - scale.low)
    turned = said.question.isin(scale.reversed).ifelse(1 - value, value) if scale.reversed else value
    return said.select("customer_id", "question", value=turned)


def scored(answers: ir.Table, project: Project, *, as_of: datetime) -> dict[str, ir.Table]:
    """Each scale of the project: name → (customer_id, name), the mean of the items answered, at least half of them."""
    result = {}
    for name, scale in project.variables.scales.items():
        values = item_answers(answers, scale, as_of=as_of)
        each = values.group_by("customer_id").agg(n=values.count(), sum_=total(values.value))
        enough = each.filter(each.n >= HALF * len(set(scale.items)))
        result[name] = enough.select("customer_id", **{name: enough.sum_.cast("float64") / enough.n})
    return result
