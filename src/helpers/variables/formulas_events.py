"""What customers did besides buying: visits, devices, baskets left, mails; one row per customer each, none of it divided yet."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers.engine import between, days_between
from helpers.project import Project

MOBILE = ("mobile", "smartphone", "phone", "mobile phone", "téléphone", "android", "iphone", "ios")
"""Values of events.device, in small letters, that are a mobile phone; a tablet is none."""
BASKET_DAYS = 1
"""A basket without an order within this many days counts as left."""


def visits(events: ir.Table, project: Project, *, start: datetime, as_of: datetime) -> ir.Table:
    """Visits of the window, by device, and the first and last of all history.

    events    customer_id, occurred_at, kind, and device where it is mapped
    Returns   customer_id, visits, first_visit, last_visit, mobile, with_device (visits of the window whose device is known), and
              with_… for each group of devices that the project names
    """
    seen = _of_kinds(events, project.variables.event_kinds.visit)
    seen = seen.filter(seen.occurred_at < ibis.literal(as_of))
    recent = seen.occurred_at >= ibis.literal(start)
    device = seen.device.lower().strip() if "device" in seen.columns else ibis.null("string")
    groups = {
        f"with_{name}": (recent & device.isin([each.strip().lower() for each in members])).fill_null(False).cast("int64").sum()
        for name, members in project.variables.device_groups.items()
    }
    return seen.group_by("customer_id").agg(
        visits=recent.cast("int64").sum(),
        first_visit=seen.occurred_at.min(),
        last_visit=seen.occurred_at.max(),
        mobile=(recent & device.isin(MOBILE)).fill_null(False).cast("int64").sum(),
        with_device=(recent & device.notnull()).cast("int64").sum(),
        **groups,
    )


def visit_exposure(first_ordered_at: ir.TimestampColumn, first_visit: ir.TimestampColumn, as_of: datetime, window_days: int) -> ir.Value:
    """Days over which visits are counted: the window, or the days since the customer was first seen if fewer, at least one."""
    first = ibis.least(first_ordered_at, ibis.coalesce(first_visit, first_ordered_at))
    return ibis.greatest(ibis.least(days_between(first, as_of), float(window_days)), 1.0)


def baskets(events: ir.Table, orders: ir.Table, project: Project, *, start: datetime, as_of: datetime) -> ir.Table:
    """Baskets filled in the window whose day is over at its end, and those that no order followed within a day.

    orders    one row an order of the window: customer_id, ordered_at
    Returns   customer_id, baskets, baskets_left
    """
    filled = between(_of_kinds(events, project.variables.event_kinds.basket), "occurred_at", start, as_of - timedelta(days=BASKET_DAYS))
    # Baskets and orders on one line: the next order after a basket is the smallest moment of an order among the rows that follow.
    moment = filled.occurred_at.cast("timestamp")
    line = filled.select("customer_id", at=moment, order=ibis.null("timestamp"), after=ibis.literal(0))
    moment = orders.ordered_at.cast("timestamp")
    line = line.union(orders.select("customer_id", at=moment, order=moment, after=ibis.literal(1)))
    following = ibis.window(group_by="customer_id", order_by=["at", "after"], preceding=0, following=None)
    line = line.mutate(next_order=line.order.min().over(following))
    basket = line.filter(line.after == 0)
    kept = (basket.next_order < basket.at + ibis.interval(days=BASKET_DAYS)).fill_null(False)
    return basket.group_by("customer_id").agg(baskets=basket.count(), baskets_left=(~kept).cast("int64").sum())


def mails(events: ir.Table, project: Project, *, start: datetime, as_of: datetime) -> ir.Table:
    """Mails of the window sent, opened and clicked; a mail opened twice is opened once where campaign_id tells mails apart.

    Returns   customer_id, sent, opened, clicked (both at most sent)
    """
    kinds = project.variables.event_kinds
    seen = between(_of_kinds(events, [*kinds.sent, *kinds.opened, *kinds.clicked]), "occurred_at", start, as_of)
    keys = ["customer_id", *(["campaign_id"] if "campaign_id" in seen.columns else [])]
    count = {name: seen.kind.isin(getattr(kinds, name)).cast("int64").sum() for name in ("sent", "opened", "clicked")}
    each = seen.group_by(keys).agg(**count)
    return each.group_by("customer_id").agg(
        sent=each.sent.sum(),
        opened=ibis.least(each.opened, each.sent).sum(),
        clicked=ibis.least(each.clicked, each.sent).sum(),
    )


def redeemed(events: ir.Table, *, start: datetime, as_of: datetime) -> ir.Table:
    """Campaign coupons handed in within the window. Returns customer_id, redeemed."""
    seen = between(events, "occurred_at", start, as_of)
    return seen.filter(seen.kind == "coupon_redeemed").group_by("customer_id").agg(redeemed=ibis._.count())


def _of_kinds(events: ir.Table, kinds: list[str]) -> ir.Table:
    """The events of these kinds whose customer is known."""
    return events.filter(events.kind.isin(kinds), events.customer_id.notnull())
