"""Customers × variables as one Ibis expression, over one trailing window that ends at any instant."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers import expressions, scope
from helpers.engine import Window, before, between, days_between, totals_by_order
from helpers.objectives import measure as measure_objective
from helpers.project import Project
from helpers.variables import formulas_events, formulas_said
from helpers.variables.catalogue import catalogue, of_totals

DATED = {"orders": "ordered_at", "contacts": "sent_at", "events": "occurred_at", "answers": "answered_at", "comments": "said_at"}
"""The tables that variables are measured from, with the column that dates their rows."""
OFFLINE = ("shop", "store", "till", "phone", "telephone", "magasin", "boutique", "téléphone")
"""Values of orders.channel, in small letters, that are not online."""

EXPOSURE_LEAST = 1.0
"""Days; a customer first seen on the last day is exposed for one day, not for none."""


def measure(tables: dict[str, ir.Table], customers: ir.Table, project: Project, *, as_of: datetime, window_days: int) -> ir.Table:
    """One row per customer of `customers`, from the order lines, mailings and events of the window.

    tables      orders (customer_id, order_id, ordered_at, amount …), and contacts, events, answers and comments where there are any
    customers   customer_id, first_ordered_at: whom to measure; and last_ever, where it is known: the last purchase before the window
                or before its end, which saves a pass over all history
    as_of       end of the window, not counted
    Returns     customer_id and the variables of `catalogue`, in their units (money, days, shares 0-1). Who bought nothing in the
                window has counts of 0 and shares missing; refunds count in spend, and no order, line or store is counted for them.
                Rates are per 30 days of exposure: the window, or the days since the first order if fewer.
    """
    wanted = {v.name: v for v in catalogue(project)}
    start = as_of - timedelta(days=window_days)
    lines = between(tables["orders"], "ordered_at", start, as_of)
    if project.variables.category_groups and "category" in lines.columns:
        lines = lines.mutate(
            **{
                name: (lines.category.isin(members) & (lines.amount > 0)).ifelse(lines.amount, 0)
                for name, members in project.variables.category_groups.items()
            }
        )
    orders = _by_order(lines, project, set(wanted))
    base = customers.select("customer_id", "first_ordered_at", *(["last_ever"] if "last_ever" in customers.columns else []))
    joined = base.left_join(_by_customer(orders, project, set(wanted), as_of=as_of, start=start), "customer_id").drop("customer_id_right")
    if "last_ever" not in joined.columns:
        joined = joined.left_join(_last_purchase(tables["orders"], as_of), "customer_id").drop("customer_id_right")
    joined = joined.mutate(exposure=_exposure(joined.first_ordered_at, project, as_of, window_days))
    if "departments" in wanted:
        kinds = lines.group_by("customer_id").agg(departments=lines.category.nunique(where=lines.amount >= 0))
        joined = joined.left_join(kinds, "customer_id").drop("customer_id_right")
    if "main_store_share" in wanted:
        known = orders.filter(orders.bought == 1, orders.store_id.notnull())
        visits = known.group_by(["customer_id", "store_id"]).agg(n=known.count())
        most = visits.group_by("customer_id").agg(in_main=visits.n.max(), stores_visited=visits.count())
        joined = joined.left_join(most, "customer_id").drop("customer_id_right")
    if "response_rate" in wanted:
        answers = measure_objective("response_rate", tables["orders"], tables["contacts"], start=start, end=as_of)
        answers = answers.select("customer_id", response_rate=answers.y / answers.n)
        joined = joined.left_join(answers, "customer_id").drop("customer_id_right")
    for part in _done_and_said(tables, orders, project, set(wanted), start=start, as_of=as_of):
        joined = joined.left_join(part, "customer_id").drop("customer_id_right")
    found = _finish(joined, project, [n for n in wanted if n not in project.variables.own], as_of=as_of, window_days=window_days)
    return _with_own(found, project)


def _exposure(first: ir.TimestampColumn, project: Project, as_of: datetime, window_days: int) -> ir.Value:
    """Days over which orders are counted: the window, or the days since the first order if fewer; with totals, their period."""
    if of_totals(project):
        periods = [source.totals for source in project.sources_of("orders").values()]
        first, last = min(p.since.toordinal() for p in periods), max(p.until.toordinal() for p in periods)
        return ibis.literal(max(float(last - first), EXPOSURE_LEAST))
    return ibis.greatest(ibis.least(days_between(first, as_of), float(window_days)), EXPOSURE_LEAST)


def _done_and_said(
    tables: dict[str, ir.Table], orders: ir.Table, project: Project, wanted: set[str], *, start: datetime, as_of: datetime
) -> list[ir.Table]:
    """What else is needed of events, comments and answers: tables of one row per customer."""
    parts, window = [], {"start": start, "as_of": as_of}
    if "coupons_redeemed_per_30d" in wanted:
        parts.append(formulas_events.redeemed(tables["events"], **window))
    if wanted & {"visits_per_30d", "days_since_visit", "mobile_share", *project.variables.device_groups}:
        parts.append(formulas_events.visits(tables["events"], project, **window))
    if "basket_abandon_share" in wanted:
        bought = orders.filter(orders.bought == 1)
        parts.append(formulas_events.baskets(tables["events"], bought, project, **window))
    if wanted & {"mails_opened_share", "mails_clicked_share"}:
        parts.append(formulas_events.mails(tables["events"], project, **window))
    if "rating_mean" in wanted:
        parts.append(formulas_said.ratings(tables["comments"], as_of=as_of))
    if wanted & set(project.variables.scales):
        parts += formulas_said.scored(tables["answers"], project, as_of=as_of).values()
    return parts


def _with_own(found: ir.Table, project: Project) -> ir.Table:
    """The analyst's own variables, of those measured, in the catalogue's order."""
    names = [c for c in found.columns if c != "customer_id"]
    columns = {name: found[name] for name in names}
    own = {
        name: expressions.build(each.expression, columns, field=f"{project.file}: field variables.own.{name}.expression", wanted="number")
        for name, each in project.variables.own.items()
    }
    return found.select("customer_id", *names, **own) if own else found


def bought_orders(lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """The purchases before as_of, in all history, one row each: customer_id, order_id, ordered_at, amount (0 or more)."""
    known = lines.filter(lines.customer_id.notnull(), lines.ordered_at < ibis.literal(as_of))
    orders = known.group_by(["customer_id", "order_id"]).agg(ordered_at=known.ordered_at.min(), amount=known.amount.sum())
    return orders.filter(orders.amount >= 0)


def _last_purchase(lines: ir.Table, as_of: datetime) -> ir.Table:
    """The last purchase of each customer before as_of, in all history: whoever bought nothing in the window has one too."""
    bought = bought_orders(lines, as_of=as_of)
    return bought.group_by("customer_id").agg(last_ever=bought.ordered_at.max())


def in_window(window: Window, tables: dict[str, ir.Table], project: Project) -> tuple[ir.Table, ir.Table | None]:
    """The variables as they would have been known at `window.built_at`, and measured again over its judging period.

    tables    as for `measure`, up to the project's as_of
    Returns   (customer_id, variables) of the population at built_at; the same customers over [built_at, judged_until), missing
              where they bought nothing, or None for a window that nothing judges
    """
    known = {name: before(tables[name], column, window.built_at) for name, column in DATED.items() if name in tables}
    people = scope.population(totals_by_order(known["orders"]), project, as_of=window.built_at)
    people = people.select("customer_id", "first_ordered_at", last_ever=people.last_ordered_at).cache()
    built = measure(known, people, project, as_of=window.built_at, window_days=project.scope.window_days)
    if window.judged_until is None:
        return built, None
    return built, measure(tables, people, project, as_of=window.judged_until, window_days=project.scope.horizon_days)


def _by_order(lines: ir.Table, project: Project, wanted: set[str]) -> ir.Table:
    """One row an order: moment, amounts and what the shares are made of. Orders whose refunds outweigh them are left out of counts."""
    has, v = set(lines.columns), project.variables
    positive, sold = (lines.amount > 0).ifelse(lines.amount, 0), lines.amount >= 0
    parts = {
        "ordered_at": lines.ordered_at.min(),
        "amount": lines.amount.sum(),
        "gross": positive.sum(),
        "lines": sold.cast("int64").sum(),
        "bought": (lines.amount.sum() >= 0).cast("int64"),  # as in every step: an order counts unless its returns outweigh it
    }
    if "discount" in has:
        parts["discount"] = lines.discount.sum(where=sold)
    if "coupon" in has:
        parts["coupon"] = (lines.coupon > 0).cast("int64").max()
    if "brand" in has and v.own_brand:
        parts["own_brand"] = (lines.brand.isin(v.own_brand) & (lines.amount > 0)).ifelse(lines.amount, 0).sum()
    if "channel" in has and wanted & {"online_order_share", *v.channel_groups}:
        parts["channel"] = lines.channel.lower().min()
    if "store_id" in has:
        parts["store_id"] = lines.store_id.min()
    parts |= {name: lines[name].sum() for name in v.category_groups if name in has}
    return lines.group_by(["customer_id", "order_id"]).agg(**parts)


def _by_customer(orders: ir.Table, project: Project, wanted: set[str], *, as_of: datetime, start: datetime) -> ir.Table:
    """One row per customer: sums and counts of the window, none of them divided yet."""
    o, v, half = orders, project.variables, start + (as_of - start) / 2
    counted = o.bought == 1
    hour = o.ordered_at.hour()
    week = (days_between(o.ordered_at, as_of) / 7).ceil()  # an order seven days before the end, to the second, opens its last week
    late = o.ordered_at >= ibis.literal(half)
    parts = {
        "orders": counted.cast("int64").sum(),
        "last": o.ordered_at.max(where=counted),
        "first": o.ordered_at.min(where=counted),
        "weeks": week.nunique(where=counted),
        "amount": o.amount.sum(),
        "gross": o.gross.sum(),
        "lines": o.lines.sum(),
        "late": o.gross.sum(where=late),
        "early": o.gross.sum(where=~late),
        "weekend": (counted & (o.ordered_at.day_of_week.index() >= 5)).cast("int64").sum(),
        "evening": (counted & (hour >= v.evening_from_hour)).cast("int64").sum(),
        "morning": (counted & (hour < v.morning_until_hour)).cast("int64").sum(),
    }
    if "refund_order_share" in wanted:  # an order's purchases exceed its sum when something of it was given back
        parts["refunded"] = (o.amount < o.gross).cast("int64").sum()
    if "channel" in o.columns:
        parts["online"] = (counted & ~o.channel.isin(OFFLINE)).fill_null(False).cast("int64").sum()
        parts["with_channel"] = (counted & o.channel.notnull()).cast("int64").sum()
        for name in wanted & set(v.channel_groups):
            members = [each.strip().lower() for each in v.channel_groups[name]]
            parts[f"in_{name}"] = (counted & o.channel.isin(members)).fill_null(False).cast("int64").sum()
    added = [c for c in ("discount", "coupon", "own_brand", *v.category_groups) if c in o.columns]
    return o.group_by("customer_id").agg(**parts, **{f"sum_{c}": o[c].sum(where=counted) for c in added})


def _finish(t: ir.Table, project: Project, wanted: list[str], *, as_of: datetime, window_days: int) -> ir.Table:
    """Divide: rates, shares and the trend. A share of nothing is missing, a count of nothing is 0."""
    days = lambda: days_between(t.first, as_of) - days_between(t.last, as_of)  # noqa: E731
    real = lambda column: column.cast("float64")  # noqa: E731
    per_30 = lambda column: real(column) * 30.0 / t.exposure  # noqa: E731
    of = lambda part, whole: ibis.cases((whole > 0, real(part) / real(whole)))  # noqa: E731
    # Where every source tells the discount, a customer without one had none; where a source does not tell it, nobody knows.
    told = all("discount" in source.mapped for source in project.sources_of("orders").values())
    granted = lambda: t.sum_discount.fill_null(0) if told else t.sum_discount  # noqa: E731
    seen = lambda: formulas_events.visit_exposure(t.first_ordered_at, t.first_visit, as_of, window_days)  # noqa: E731
    early, late = t.early.fill_null(0), t.late.fill_null(0)
    formulas = {
        "recency_days": lambda: days_between(ibis.coalesce(t.last, t.last_ever), as_of).floor(),
        "gap_days": lambda: ibis.cases((t.orders >= 2, days() / (t.orders - 1))),
        "orders_per_30d": lambda: per_30(t.orders.fill_null(0)),
        "active_weeks_share": lambda: ibis.least(real(t.weeks.fill_null(0)) / (t.exposure / 7).ceil(), 1.0),
        "spend_per_30d": lambda: per_30(t.amount.fill_null(0)),
        "spend_per_order": lambda: of(t.amount, t.orders),
        "lines_per_order": lambda: of(t.lines, t.orders),
        "departments": lambda: real(t.departments.fill_null(0)),
        "discount_share": lambda: of(granted(), t.gross + granted()),
        "coupon_order_share": lambda: of(t.sum_coupon, t.orders),
        "own_brand_share": lambda: of(t.sum_own_brand, t.gross),
        "weekend_order_share": lambda: of(t.weekend, t.orders),
        "evening_order_share": lambda: of(t.evening, t.orders),
        "morning_order_share": lambda: of(t.morning, t.orders),
        "stores_visited": lambda: real(t.stores_visited.fill_null(0)),
        "main_store_share": lambda: of(t.in_main, t.orders),
        # Whoever was first seen inside the window has no first half to compare with.
        "spend_trend": lambda: ibis.cases(((t.exposure >= window_days) & (early + late > 0), real(late - early) / real(late + early))),
        "response_rate": lambda: t.response_rate,
        "coupons_redeemed_per_30d": lambda: per_30(t.redeemed.fill_null(0)),
        "repeat": lambda: ibis.cases((t.orders >= 1, (t.first.date() != t.last.date()).cast("float64"))),
        "refund_share": lambda: of(ibis.least(t.gross - t.amount, t.gross), t.gross),
        "refund_order_share": lambda: of(ibis.least(t.refunded, t.orders), t.orders),
        "online_order_share": lambda: of(t.online, t.with_channel),
        "mobile_share": lambda: of(t.mobile, t.with_device),
        "visits_per_30d": lambda: real(t.visits.fill_null(0)) * 30.0 / seen(),
        "days_since_visit": lambda: days_between(t.last_visit, as_of).floor(),
        "basket_abandon_share": lambda: of(t.baskets_left, t.baskets),
        "mails_opened_share": lambda: of(t.opened, t.sent),
        "mails_clicked_share": lambda: of(t.clicked, t.sent),
    }
    formulas |= {name: (lambda name=name: t[name]) for name in ("rating_mean", *project.variables.scales)}
    v = project.variables
    formulas |= {name: (lambda name=name: of(t[f"sum_{name}"], t.gross)) for name in v.category_groups}
    formulas |= {name: (lambda name=name: of(t[f"in_{name}"], t.with_channel)) for name in v.channel_groups}
    formulas |= {name: (lambda name=name: of(t[f"with_{name}"], t.with_device)) for name in v.device_groups}
    return t.select("customer_id", **{name: formulas[name]().cast("float64") for name in wanted})
