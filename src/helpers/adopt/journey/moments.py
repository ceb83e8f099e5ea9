"""When each customer first came as far as each stage of the journey, and the shares that are told of it."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers.project import Project
from helpers.rates import wilson

STAGES = ("trace", "visit", "basket", "first", "second", "third", "loyal")
"""First trace, visit, basket, purchase, second and third purchase, and as many within a year as make a loyal customer."""
ORDERED = ("first", "second", "third")
YEAR = 365


def rate(yes: int, n: int, *, least: int) -> dict:
    """A share with Wilson's 95 % interval (1927), where it may be told.

    Returns   n, share, low, high, bound: the last is "most" or "few" in place of the share where fewer than `least` customers make the
              difference to all or to none; all missing where n itself is that small
    """
    nothing = {"n": None, "share": None, "low": None, "high": None, "bound": None}
    if n < max(least, 1):
        return nothing
    if 0 < yes < least or 0 < n - yes < least:
        return nothing | {"n": n, "bound": "few" if yes < least else "most"}
    low, high = wilson(yes, n)
    return {"n": n, "share": yes / n, "low": low, "high": high, "bound": None}


def purchases(lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """One row a customer and day of purchase before as_of: customer_id, at (first of the day), by (channel, where mapped), place (0, 1 …).

    Orders of one day are one purchase; an order that ends below 0 is a refund.
    """
    known = lines.filter(lines.customer_id.notnull(), lines.ordered_at < ibis.literal(as_of))
    channel = known.channel.min() if "channel" in known.columns else ibis.null("string")
    orders = known.group_by(["customer_id", "order_id"]).agg(at=known.ordered_at.min(), amount=known.amount.sum(), by=channel)
    orders = orders.filter(orders.amount >= 0)
    first_of_day = ibis.window(group_by=["customer_id", orders["at"].date()], order_by=["at", "order_id"])
    days = orders.mutate(order_=ibis.row_number().over(first_of_day)).filter(ibis._.order_ == 0)
    place = ibis.row_number().over(group_by="customer_id", order_by="at")
    return days.select("customer_id", "at", "by", place=place)


def refunds(lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """Orders that end below 0, before as_of: customer_id, at."""
    known = lines.filter(lines.customer_id.notnull(), lines.ordered_at < ibis.literal(as_of))
    orders = known.group_by(["customer_id", "order_id"]).agg(at=known.ordered_at.min(), amount=known.amount.sum())
    return orders.filter(orders.amount < 0).select("customer_id", "at")


def happened(events: ir.Table | None, kinds: list[str], *, as_of: datetime) -> ir.Table | None:
    """The events of some kinds before as_of: customer_id, at, by (channel, where mapped). None where there are none."""
    if events is None:
        return None
    rows = events.filter(events.kind.isin(kinds), events.customer_id.notnull(), events.occurred_at < ibis.literal(as_of))
    if not int(rows.limit(1).count().execute()):
        return None
    by = rows.channel if "channel" in rows.columns else ibis.null("string")
    return rows.select("customer_id", at=rows.occurred_at, by=by)


def moments(checked: dict[str, ir.Table], bought: ir.Table, project: Project, *, as_of: datetime) -> ir.Table:
    """One row a customer known, prospects included: when each stage was reached first, and by which channel.

    checked   the tables of step 3 by name;  bought: result of `purchases`
    Returns   customer_id, a timestamp for each of STAGES (missing: not reached), and by_… for each: the channel; for the first trace
              the origin typed in the customer file (lead_origin) or, where no column holds one, what left it: file, visit, mail,
              campaign, order
    """
    kinds, events = project.variables.event_kinds, checked.get("events")
    mailed = happened(events, [*kinds.sent, *kinds.opened, *kinds.clicked], as_of=as_of)
    seen = {"visit": happened(events, kinds.visit, as_of=as_of), "basket": happened(events, kinds.basket, as_of=as_of)}
    people = checked["customers"]
    table = people.select(
        "customer_id",
        created=people.created_at if "created_at" in people.columns else ibis.null("timestamp"),
        origin=people.lead_origin if "lead_origin" in people.columns else ibis.null("string"),
    )
    for name, rows in (seen | {"mail": mailed, "campaign": _campaigns(checked.get("contacts"), as_of)}).items():
        table = _with_first(table, rows, name)
    picked = {name: bought["at"].min(where=bought.place == place) for place, name in enumerate(ORDERED)}
    picked |= {f"by_{name}": bought["by"].min(where=bought.place == place) for place, name in enumerate(ORDERED)}
    table = table.left_join(bought.group_by("customer_id").agg(**picked), "customer_id").drop("customer_id_right")
    table = _with_first(table, _loyal(bought, project), "loyal")
    return _traced(table, "lead_origin" in people.columns)


def _campaigns(contacts: ir.Table | None, as_of: datetime) -> ir.Table | None:
    """Campaigns sent to a customer; those left out on purpose got none."""
    if contacts is None:
        return None
    rows = contacts.filter(contacts.customer_id.notnull(), contacts.sent_at < ibis.literal(as_of))
    rows = rows.filter(rows.arm.fill_null("").lower() != "control") if "arm" in rows.columns else rows
    return rows.select("customer_id", at=rows.sent_at, by=ibis.literal("campaign"))


def _with_first(table: ir.Table, rows: ir.Table | None, name: str) -> ir.Table:
    """The table with the first moment of each customer among the rows, and its channel."""
    if rows is None:
        return table.mutate(**{name: ibis.null("timestamp"), f"by_{name}": ibis.null("string")})
    place = ibis.row_number().over(group_by="customer_id", order_by=["at", "by"])
    first = rows.mutate(place_=place).filter(ibis._.place_ == 0)
    first = first.select("customer_id", **{name: first["at"], f"by_{name}": first["by"]})
    return table.left_join(first, "customer_id").drop("customer_id_right")


def _loyal(bought: ir.Table, project: Project) -> ir.Table:
    """The first purchases that were the so-manieth within a year (variables.seniority.loyal_orders)."""
    steps = project.variables.seniority.loyal_orders - 1
    before = bought["at"].lag(steps).over(group_by="customer_id", order_by="at") if steps else bought["at"]
    rows = bought.mutate(before_=before)
    return rows.filter(rows.before_ >= rows["at"] - ibis.interval(days=YEAR)).select("customer_id", "at", "by")


def _traced(table: ir.Table, origin: bool) -> ir.Table:
    left = {"file": table.created, "visit": table.visit, "mail": table.mail, "campaign": table.campaign, "order": table["first"]}
    trace = ibis.least(*left.values())  # what is missing does not count
    table = table.mutate(trace=trace)
    what = ibis.cases(*((table.trace == moment, name) for name, moment in left.items()))
    return table.select(
        "customer_id", *STAGES, *(f"by_{s}" for s in STAGES[1:]), "created", by_trace=table.origin if origin else what
    )  # fmt: skip


def sound(table: ir.Table, *, first: datetime, horizon_days: int) -> ir.BooleanValue:
    """Whether the whole journey of a customer lies in these data.

    Known since the data begin: by the day of entry where the customer file holds one, else only if nothing was seen in the first
    horizon: whoever bought then may have bought long before.
    """
    begun = ibis.literal(datetime(first.year, first.month, first.day))
    entered = (table.created >= begun) & (table.trace >= begun)
    return ibis.ifelse(table.created.notnull(), entered, table.trace >= ibis.literal(first + timedelta(days=horizon_days)))
