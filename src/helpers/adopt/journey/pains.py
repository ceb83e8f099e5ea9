"""Pain points of each segment, and the moments after which its members go on less."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers.adopt.journey.moments import happened, rate, refunds
from helpers.engine import Window, between
from helpers.project import Project
from helpers.rates import holm, newcombe
from helpers.variables.formulas_events import BASKET_DAYS

POINTS = ("refund", "basket", "rating")
LANDMARK_DAYS = 21
"""Days after a purchase, or a basket, in which a pain point is looked for; what comes after them is judged."""
LOW = 0.4
"""Ratings up to this share of the highest one given are low: 1 and 2 of 5."""
LEVEL = 0.05


def left_baskets(baskets: ir.Table, bought: ir.Table) -> ir.Table:
    """Baskets with whether a purchase followed within a day: customer_id, at, left.

    baskets   customer_id, at;  bought: customer_id, at
    """
    # Baskets and orders on one line: the next order after a basket is the smallest moment of an order among the rows that follow.
    filled, moment = baskets["at"].cast("timestamp"), bought["at"].cast("timestamp")
    line = baskets.select("customer_id", at=filled, order=ibis.null("timestamp"), after=ibis.literal(0)).distinct()
    line = line.union(bought.select("customer_id", at=moment, order=moment, after=ibis.literal(1)))
    following = ibis.window(group_by="customer_id", order_by=["at", "after"], preceding=0, following=None)
    line = line.mutate(next_order=line.order.min().over(following))
    rows = line.filter(line.after == 0)
    kept = (rows.next_order < rows["at"] + ibis.interval(days=BASKET_DAYS)).fill_null(False)
    return rows.select("customer_id", "at", left=~kept)


def every_order(lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """Every order before as_of that is no refund: customer_id, at (a day may have several)."""
    known = lines.filter(lines.customer_id.notnull(), lines.ordered_at < ibis.literal(as_of))
    orders = known.group_by(["customer_id", "order_id"]).agg(at=known.ordered_at.min(), amount=known.amount.sum())
    return orders.filter(orders.amount >= 0).select("customer_id", "at")


def ratings(comments: ir.Table | None, *, as_of: datetime) -> ir.Table | None:
    """Ratings with whether they are low: customer_id, at, low. None where no comment has one."""
    if comments is None or "rating" not in comments.columns:
        return None
    rated = comments.filter(comments.rating.notnull(), comments.customer_id.notnull(), comments.said_at < ibis.literal(as_of))
    best = rated.rating.max().execute()
    if best is None or best != best:
        return None
    return rated.select("customer_id", at=rated.said_at, low=rated.rating <= LOW * float(best))


def points(checked: dict[str, ir.Table], *, project: Project, as_of: datetime) -> dict[str, ir.Table]:
    """The pain points that these data hold, by name: customer_id, at, of all history; baskets and ratings with those that hurt nobody."""
    orders = every_order(checked["orders"], as_of=as_of)
    found = {"refund": refunds(checked["orders"], as_of=as_of).mutate(hurt=True)}
    baskets = happened(checked.get("events"), project.variables.event_kinds.basket, as_of=as_of)
    if baskets is not None:
        marked = left_baskets(baskets, orders)
        over = marked["at"] < ibis.literal(as_of - timedelta(days=BASKET_DAYS))  # the day of the others is not over
        found["basket"] = marked.filter(over).select("customer_id", "at", hurt=marked.left)
    rated = ratings(checked.get("comments"), as_of=as_of)
    if rated is not None:
        found["rating"] = rated.select("customer_id", "at", hurt=rated.low)
    kept = {name: found[name].cache() for name in POINTS if name in found}
    return {name: rows for name, rows in kept.items() if int(rows.count().execute())}


def pains(then: ir.Table, checked: dict[str, ir.Table], bought: ir.Table, window: Window, project: Project) -> dict[str, dict]:
    """Whom each pain point struck in the days after the segments were built.

    then      customer_id, segment, as built at window.built_at;  bought: result of `moments.purchases`
    Returns   segment → point → as `moments.rate`: share of those who could be struck (bought; filled a basket; rated), and each: share of
              their purchases, baskets or ratings that hurt (missing where the other is): who buys more often is struck more often
    """
    members, result = then.select("customer_id", "segment"), {}
    for name, rows in points(checked, project=project, as_of=window.judged_until).items():
        seen = between(rows, "at", window.built_at, window.judged_until)
        struck = seen.group_by("customer_id").agg(hurt=seen.hurt.cast("int64").sum(), of=seen.count())
        if name == "refund":
            buyers = between(bought.select("customer_id", "at"), "at", window.built_at, window.judged_until)
            buyers = buyers.group_by("customer_id").agg(of=buyers.count())
            struck = buyers.left_join(struck.drop("of"), "customer_id").drop("customer_id_right")
        t = members.join(struck, "customer_id")
        t = t.mutate(hurt=t.hurt.fill_null(0))
        sums = {"n": t.count(), "yes": (t.hurt > 0).cast("int64").sum(), "times": t.hurt.sum(), "of": t["of"].sum()}
        for row in t.group_by("segment").agg(**sums).order_by("segment").execute().itertuples():
            told = rate(int(row.yes), int(row.n), least=project.min_cell)
            each = None if told["share"] is None or not row.of else float(row.times / row.of)
            result.setdefault(str(row.segment), {})[name] = told | {"each": each}
    return result


def breaks(
    then: ir.Table | None,
    told: list[str],
    checked: dict[str, ir.Table],
    bought: ir.Table,
    known: ir.Table,
    window: Window,
    project: Project,
    *,
    as_of: datetime,
) -> dict:
    """Whether customers go on less after a pain point: an association, compared from the same day on.

    Everybody is looked at from a purchase (or a basket) on: who meets the pain point within LANDMARK_DAYS, against who does not; what
    counts is a purchase in the days after. In segments (as built at window.built_at): from the first purchase, or basket, of the
    confirm window. For everyone: from the first ever (the first basket: of those who had not bought yet).

    told      segments of which figures may be given;  known: result of `moments.moments`, with sound
    Returns   landmark_days, tried (number of comparisons), lines [{segment (None: everyone), point, days, with, without (as `rate`),
              difference, low, high (Newcombe), p, p_holm, breaks}]
    """
    lines, orders = [], bought.select("customer_id", "at")
    rows = points(checked, project=project, as_of=as_of)
    horizon, members = project.scope.horizon_days, then.filter(then.segment.isin(told)) if then is not None and told else None
    half = horizon // 2
    last = window.judged_until - timedelta(days=half + LANDMARK_DAYS)
    for name, point in rows.items():
        lines += _compared(_first_ever(known, name), point, orders, name, horizon, as_of, project.min_cell)
        if members is not None and last > window.built_at:
            starts = between((point if name == "basket" else orders).select("customer_id", "at"), "at", window.built_at, last)
            first = starts.group_by("customer_id").agg(index=starts["at"].min())
            index = members.select("customer_id", "segment").join(first, "customer_id")
            lines += _compared(index, point, orders, name, half, window.judged_until, project.min_cell)
    adjusted = holm([line["p"] for line in lines])
    for line, p in zip(lines, adjusted, strict=True):
        line |= {"p_holm": float(p), "breaks": bool(p <= LEVEL and line["difference"] < 0)}
    lines.sort(key=lambda line: (not line["breaks"], line["segment"] is not None, line["p"], str(line["segment"]), line["point"]))
    return {"landmark_days": LANDMARK_DAYS, "tried": len(lines), "lines": lines}


def _first_ever(known: ir.Table, name: str) -> ir.Table:
    """Everyone whose whole way is known, from the first purchase on; for baskets, from the first one of who had not bought yet."""
    follow = known.filter(known.sound)
    fresh = ibis.cases((follow["first"].isnull() | (follow["first"] >= follow.basket), follow.basket))
    return follow.select("customer_id", segment=ibis.literal("all"), index=fresh if name == "basket" else follow["first"])


def _compared(index: ir.Table, point: ir.Table, orders: ir.Table, name: str, days: int, until: datetime, least: int) -> list[dict]:
    """One comparison a segment: a purchase in the `days` after the landmark, among those struck before it and those not.

    index     customer_id, segment, index (the moment from which a customer is looked at, missing: not at all)
    """
    from scipy.stats import fisher_exact

    index = index.filter(index["index"] < ibis.literal(until - timedelta(days=days + LANDMARK_DAYS)))
    landmark = ibis.interval(days=LANDMARK_DAYS)
    hurt = index.join(point.filter(point.hurt).select("customer_id", "at"), "customer_id")
    until_landmark = hurt["at"] == hurt["index"] if name == "basket" else hurt["at"] < hurt["index"] + landmark
    hurt = hurt.filter(hurt["at"] >= hurt["index"], until_landmark).select("customer_id").distinct().mutate(hurt=1)
    after = index.join(orders, "customer_id")
    after = after.filter(after["at"] >= after["index"] + landmark, after["at"] < after["index"] + ibis.interval(days=LANDMARK_DAYS + days))
    after = after.select("customer_id").distinct().mutate(went=1)
    t = index.left_join(hurt, "customer_id").drop("customer_id_right").left_join(after, "customer_id").drop("customer_id_right")
    t = t.select("segment", hurt=t.hurt.fill_null(0), went=t.went.fill_null(0))
    counted = t.group_by(["segment", "hurt"]).agg(n=t.count(), yes=t.went.sum()).order_by(["segment", "hurt"]).execute()
    lines = []
    for segment, part in counted.groupby("segment"):
        groups = {int(row.hurt): (int(row.yes), int(row.n)) for row in part.itertuples()}
        shares = {key: rate(*groups.get(key, (0, 0)), least=least) for key in (0, 1)}
        if any(share["share"] is None for share in shares.values()):
            continue
        (yes, n), (yes_without, n_without) = groups[1], groups[0]
        low, high = newcombe(yes, n, yes_without, n_without)
        p = float(fisher_exact([[yes, n - yes], [yes_without, n_without - yes_without]])[1])
        head = {"segment": None if segment == "all" else str(segment), "point": name, "days": days}
        lines.append(
            head
            | {"with": shares[1], "without": shares[0], "difference": yes / n - yes_without / n_without, "low": low, "high": high, "p": p}
        )
    return lines
