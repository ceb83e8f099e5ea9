"""What each class of seniority is worth and does, and how far everyone has come: figures of everyone known, prospects included."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.engine import between, days_between
from helpers.project import Project
from helpers.variables.descriptors import SENIORITIES, STAGES
from helpers.variables.formulas import bought_orders

RATES = ("revenue_share", "refund_rate", "repeat_rate", "retention", "attrition")
COLUMNS = ("n", "revenue", "gross", "refunded", "buyers", "again", "before", "stayed", "bought", "lost")


def figures(classes: ir.Table | None, lines: ir.Table, project: Project, *, as_of: datetime) -> pd.DataFrame:
    """One row a class, and one for everyone: what its customers bought, gave back, and whether they came again.

    classes   customer_id, seniority, of everyone known, or None where it cannot be told;  lines: order lines, all history
    Returns   seniority ("all" for everyone), n, revenue (of the window, net of refunds), revenue_share, refund_rate (money given back,
              of purchases), repeat_rate (of the window's buyers, those who bought on at least two days), retention (of the buyers of
              the window before, those who bought in this one), attrition (of all who ever bought, those who have not within
              variables.attrition_after_days); a share of fewer than min_cell customers is missing
    """
    if classes is None:
        return pd.DataFrame(columns=["seniority", "n", "revenue", *RATES])
    window = timedelta(days=project.scope.window_days)
    counted = _each(classes, lines, project, as_of=as_of, start=as_of - window, earlier=as_of - 2 * window)
    found = counted.group_by("seniority").agg(**{name: counted[name].sum() for name in COLUMNS}).execute().set_index("seniority")
    found = found.astype("float64").reindex([s for s in SENIORITIES if s in found.index])
    found.loc["all"] = found.sum()
    of = lambda part, whole, n: (found[part] / found[whole].where(found[whole] > 0)).where(found[n] >= project.min_cell)  # noqa: E731
    rates = {
        "revenue_share": found["revenue"] / (found.loc["all", "revenue"] or 1.0),
        "refund_rate": of("refunded", "gross", "buyers").clip(upper=1.0),
        "repeat_rate": of("again", "buyers", "buyers"),
        "retention": of("stayed", "before", "before"),
        "attrition": of("lost", "bought", "bought"),
    }
    return found[["n", "revenue"]].assign(**rates).reset_index()


def _each(classes: ir.Table, lines: ir.Table, project: Project, *, as_of: datetime, start: datetime, earlier: datetime) -> ir.Table:
    """One row a customer of what `figures` adds up: money as it is, the rest 0 or 1."""
    recent = between(lines, "ordered_at", start, as_of)
    spent = recent.group_by("customer_id").agg(
        revenue=recent.amount.sum(),
        gross=recent.amount.sum(where=recent.amount > 0),
        refunded=(-recent.amount).sum(where=recent.amount < 0),
    )
    orders = bought_orders(lines, as_of=as_of)
    now = orders.ordered_at >= ibis.literal(start)
    came = orders.group_by("customer_id").agg(
        last=orders.ordered_at.max(),
        days=orders.ordered_at.date().nunique(where=now),
        before=((orders.ordered_at >= ibis.literal(earlier)) & ~now).max(),
    )
    t = classes.left_join(spent, "customer_id").drop("customer_id_right").left_join(came, "customer_id")
    one = lambda condition: condition.fill_null(False).cast("int64")  # noqa: E731
    return t.select(
        "seniority",
        n=ibis.literal(1),
        **{name: t[name].fill_null(0) for name in ("revenue", "gross", "refunded")},
        buyers=one(t.days >= 1),
        again=one(t.days >= 2),
        before=one(t.before),
        stayed=one(t.before & (t.days >= 1)),
        bought=one(t.last.notnull()),
        lost=one(days_between(t.last, as_of) > project.variables.attrition_after_days),
    )


def stages(found: ir.Table | None) -> pd.DataFrame:
    """How many have come as far as each stage and no farther.

    found     customer_id, journey_stage, of everyone known, or None where it cannot be told
    Returns   stage, n, share, in the order of the journey
    """
    if found is None:
        return pd.DataFrame(columns=["stage", "n", "share"])
    counted = found.group_by("journey_stage").agg(n=found.count()).execute().set_index("journey_stage")["n"]
    frame = counted.reindex(STAGES, fill_value=0).rename_axis("stage").reset_index()
    return frame.assign(share=frame["n"] / max(frame["n"].sum(), 1))
