"""Who was contacted, who was left alone and what each did afterwards, counted by campaign, group and the segment of the day before."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.collect.unify import one_form
from helpers.engine import total
from helpers.objectives.figures import RESPONSE_DAYS

CONTACT, CONTROL, HELD_OUT = "contact", "control", "held out"
NAMES = {CONTROL: ("control", "témoin", "temoin", "no contact", "none"), HELD_OUT: ("held out", "universal", "universal control")}
"""What the column arm may say of those who are left alone, in one form; any other word is a group that was contacted."""
FACTS = ("n", "answered", "ordered", "both", "spend", "spend2", "cost", "costed")
BLANKS = {"arm": "string", "channel": "string", "responded_at": "timestamp", "cost": "decimal(18, 2)"}


def trials(contacts: ir.Table, *, listed: Mapping[str, ir.Table] | None = None) -> ir.Table:
    """One row a customer and campaign.

    contacts   as step 3 hands them over; an answer counts from the sending to 30 days later, one dated before it is none
    listed     campaign → the list that an earlier run drew for it (customer_id, arm, and version where there are several): gives the
               groups of contacts that tell none, and adds its control group where contacts name none of it
    Returns    customer_id, campaign_id, channel, arm (in one form), role (contact, control, held out, NULL), two_arms, recorded (whether
               the table of contacts has the row), crossed (contacted although the list left them alone: they stay control), sent_at,
               answered and early (0 or 1; early: an answer before the sending), cost
    """
    missing = {name: ibis.null(kind) for name, kind in BLANKS.items() if name not in contacts.columns}
    seen = contacts.filter(contacts.customer_id.notnull(), contacts.campaign_id.notnull(), contacts.sent_at.notnull()).mutate(**missing)
    seen = seen.mutate(arm=one_form(seen.arm))
    after = (seen.responded_at >= seen.sent_at) & (seen.responded_at < seen.sent_at + ibis.interval(days=RESPONSE_DAYS))
    rows = seen.group_by(["customer_id", "campaign_id"]).agg(
        channel=seen.channel.min(),
        arm=seen.arm.min(),
        two_arms=seen.arm.nunique() > 1,
        recorded=ibis.literal(True),
        crossed=ibis.literal(False),
        sent_at=seen.sent_at.min(),
        answered=after.fill_null(False).cast("int64").max(),
        early=(seen.responded_at < seen.sent_at).fill_null(False).cast("int64").max(),
        cost=seen.cost.cast("decimal(18, 2)").sum(),
    )
    for campaign, drawn in sorted((listed or {}).items()):
        rows = _with_list(rows, campaign, drawn)
    cases = [(rows.arm.isin(list(names)), ibis.literal(role)) for role, names in NAMES.items()]
    return rows.mutate(role=ibis.cases(*cases, (rows.arm.notnull(), ibis.literal(CONTACT))))


def _with_list(rows: ir.Table, campaign: str, drawn: ir.Table) -> ir.Table:
    """The rows of `trials` with the groups of one list, and its control group where contacts name nobody of it."""
    arm = drawn.arm if "version" not in drawn.columns else drawn.version.fill_null(drawn.arm)
    drawn = drawn.select("customer_id", listed_=one_form(arm)).distinct()
    joined = rows.left_join(drawn, "customer_id").drop("customer_id_right")
    asked = (joined.campaign_id == campaign) & joined.arm.isnull()
    crossed = joined.crossed | (asked & joined.listed_.isin(NAMES[CONTROL])).fill_null(False)
    joined = joined.mutate(arm=ibis.cases((asked, joined.listed_), else_=joined.arm), crossed=crossed).drop("listed_")
    own = rows.filter(rows.campaign_id == campaign)
    named = own.arm.isin(NAMES[CONTROL]).fill_null(False).cast("int64").sum()
    first = own.agg(sent_at=own.sent_at.min(), channel=own.channel.min(), named=named)
    alone = drawn.filter(drawn.listed_.isin(NAMES[CONTROL])).anti_join(own, "customer_id").cross_join(first)
    alone = alone.filter(alone.sent_at.notnull(), alone.named == 0).select(
        "customer_id",
        "channel",
        "sent_at",
        campaign_id=ibis.literal(campaign),
        arm=ibis._.listed_,
        two_arms=ibis.literal(False),
        recorded=ibis.literal(False),
        crossed=ibis.literal(False),
        answered=ibis.literal(0, "int64"),
        early=ibis.literal(0, "int64"),
        cost=ibis.literal(0, "decimal(18, 2)"),
    )
    return joined.select(*rows.columns).union(alone.select(*rows.columns).cast(rows.schema()))


def counted(rows: ir.Table, *, as_of: datetime) -> ir.Table:
    """The rows of `trials` that can be judged: of one known group, and sent 30 days before as_of at the latest."""
    return rows.filter(rows.role.notnull(), ~rows.two_arms, rows.sent_at <= ibis.literal(as_of - timedelta(days=RESPONSE_DAYS)))


def set_aside(contacts: ir.Table, rows: ir.Table, *, as_of: datetime) -> dict[str, int]:
    """Code → rows that are not counted, each under the first that holds; and what is counted in another way: `early`,
    answers before the sending, taken as none, and `crossed`, contacted although the list left them alone, taken as control."""
    nobody = contacts.customer_id.isnull() | contacts.campaign_id.isnull() | contacts.sent_at.isnull()
    late = rows.sent_at > ibis.literal(as_of - timedelta(days=RESPONSE_DAYS))
    unknown = rows.role.isnull()
    told = rows.agg(
        **{
            "no arm": unknown.cast("int64").sum(),
            "two arms": (rows.two_arms & ~unknown).cast("int64").sum(),
            "too late to tell": (late & ~rows.two_arms & ~unknown).cast("int64").sum(),
            "early": rows.early.sum(),
            "crossed": rows.crossed.cast("int64").sum(),
        }
    )
    found = {"nobody": int(contacts.filter(nobody).count().execute())}
    return found | {key: 0 if pd.isna(n) else int(n) for key, n in told.execute().iloc[0].items()}


def campaigns(rows: ir.Table) -> pd.DataFrame:
    """campaign_id, channel (NULL: several), first_sent, last_sent, customers, armed (with a known group), unrecorded (known from a list
    alone), in order of first sending."""
    found = rows.group_by("campaign_id").agg(
        channel=rows.channel.min(),
        channels=rows.channel.nunique(),
        first_sent=rows.sent_at.min(),
        last_sent=rows.sent_at.max(),
        customers=rows.count(),
        armed=rows.role.notnull().cast("int64").sum(),
        unrecorded=(~rows.recorded).cast("int64").sum(),
    )
    frame = found.order_by(["first_sent", "campaign_id"]).execute()
    return frame.assign(channel=frame["channel"].where(frame["channels"] <= 1, None)).drop(columns="channels")


def followed(rows: ir.Table, orders: ir.Table) -> ir.Table:
    """The rows of `trials` with what each customer bought in the 30 days from the sending: ordered (0 or 1), spend (net of refunds)."""
    bought = orders.filter(orders.customer_id.notnull()).select("customer_id", "ordered_at", "amount")
    near = rows.select("customer_id", "campaign_id", "sent_at").join(bought, "customer_id")
    near = near.filter(near.ordered_at >= near.sent_at, near.ordered_at < near.sent_at + ibis.interval(days=RESPONSE_DAYS))
    each = near.group_by(["customer_id", "campaign_id"]).agg(
        ordered=(near.amount >= 0).cast("int64").max(), spend=near.amount.cast("decimal(18, 2)").sum()
    )
    joined = rows.left_join(each, ["customer_id", "campaign_id"]).drop("customer_id_right", "campaign_id_right")
    return joined.mutate(ordered=joined.ordered.fill_null(0), spend=joined.spend.cast("float64").fill_null(0.0))


def tally(rows: ir.Table, labels: ir.Table | None) -> pd.DataFrame:
    """campaign_id, arm, role, segment (None: in none when it was sent) and FACTS, the sums over the customers of each.

    rows     result of `followed`
    labels   customer_id, segment as known before the sending; None: no segments are known from then
    FACTS    n, answered, ordered, both (customers who did), spend, spend2 (squares), cost, costed (customers whose cost is told)
    """
    rows = rows.mutate(segment=ibis.null("string")) if labels is None else _labelled(rows, labels)
    keys = ["campaign_id", "arm", "role", "segment"]
    found = rows.group_by(keys).agg(
        n=rows.count(),
        answered=rows.answered.sum(),
        ordered=rows.ordered.sum(),
        both=(rows.answered * rows.ordered).sum(),
        spend=total(rows.spend),
        spend2=total(rows.spend * rows.spend),
        cost=total(rows.cost.fill_null(0)),
        costed=rows.cost.notnull().cast("int64").sum(),
    )
    frame = found.order_by(keys).execute()
    return frame.astype({key: "float64" if key in ("spend", "spend2", "cost") else "int64" for key in FACTS})


def _labelled(rows: ir.Table, labels: ir.Table) -> ir.Table:
    return rows.left_join(labels.select("customer_id", "segment"), "customer_id").drop("customer_id_right")


def before_sending(rows: ir.Table, customers: ir.Table, names: Sequence[str]) -> pd.DataFrame:
    """variable, role, n, mean, var: what those contacted and the control group of one campaign were before it was sent.

    customers   customer_id and the variables named, measured before the sending
    """
    kept = rows.filter(rows.role.isin([CONTACT, CONTROL])).select("customer_id", "role")
    joined = kept.join(customers.select("customer_id", *names), "customer_id")
    sums = {}
    for name in names:
        value = joined[name].cast("float64")
        value = ibis.cases((value.isnan(), ibis.null("float64")), else_=value)
        sums |= {f"{name}|n": value.count(), f"{name}|s": total(value), f"{name}|q": total(value * value)}
    frame = joined.group_by("role").agg(**sums).order_by("role").execute() if names else pd.DataFrame(columns=["role"])
    found = []
    for row in frame.to_dict("records"):
        for name in names:
            n, s, q = (0.0 if pd.isna(row[f"{name}|{part}"]) else float(row[f"{name}|{part}"]) for part in "nsq")
            if n >= 2:
                found.append({"variable": name, "role": row["role"], "n": int(n), "mean": s / n, "var": max(q - s * s / n, 0.0) / (n - 1)})
    return pd.DataFrame(found, columns=["variable", "role", "n", "mean", "var"])
