"""What the orders suggest for each segment: what to offer beside what it buys, by which channel, on which day and at which hour."""

import math
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.collect.unify import one_form
from helpers.engine import between, total
from helpers.masking import withheld
from helpers.project import Project
from helpers.rates import wilson
from helpers.target.guards import Facts, needs_of

KEY = "customer_id"
MOST = 40
"""Categories that are looked at, those with most buyers first."""
TOLD = 3
"""Over-bought categories that are named for a segment."""
ALPHA = 0.05
DAYS, HOURS = range(7), range(24)


def suggestions(step, members: ir.Table, checked: dict[str, ir.Table], profiles: dict, known: Facts) -> dict:
    """suggestions.json: over the window that segments were built on, and so partly what they were built of.

    members   customer_id, segment;  checked: tables of step 3 by name;  known: result of `guards.gather`
    Returns   {tried: categories, segments: [{id, over, pair, orders_by, reach, moment}]}; each as the functions below say, null where these
              data do not tell, nothing about fewer than min_cell customers
    """
    project, start = step.project, step.as_of - timedelta(days=step.project.scope.window_days)
    lines = between(checked["orders"], "ordered_at", start, step.as_of)
    lines = lines.filter(lines.amount >= 0).join(members.select(KEY, "segment"), KEY)
    told = [s["id"] for s in profiles["segments"] if not withheld(s, project.min_cell)]
    sizes = {s["id"]: s["n"] for s in profiles["segments"]}
    have, sizes = _having(lines), {s: sizes[s] for s in told}
    over = overbought(have, sizes, least=project.min_cell) if have is not None else {}
    pairs = completed(have, over, sizes, least=project.min_cell) if have is not None else {}
    ordered, when = _ordered_by(lines, project.min_cell), moments(lines, least=project.min_cell)
    open_to = _open_to(members, project, known)
    rows = [
        {
            "id": s,
            "over": over.get(s, [])[:TOLD],
            "pair": pairs.get(s),
            "orders_by": ordered.get(s),
            "reach": open_to.get(s),
            "moment": when.get(s),
        }
        for s in told
    ]
    return {"segments": rows, "window_days": project.scope.window_days}


# What it buys more than others


def _having(lines: ir.Table) -> ir.Table | None:
    """customer_id, segment, category of everything that each bought, of the categories with most buyers; None without categories."""
    if "category" not in lines.columns:
        return None
    have = lines.filter(lines.category.notnull()).select(KEY, "segment", "category").distinct()
    common = have.group_by("category").agg(n=have.count()).order_by([ibis.desc("n"), "category"]).limit(MOST)
    found = have.semi_join(common, "category").cache()
    return found if int(found.limit(1).count().execute()) else None


def overbought(have: ir.Table, sizes: dict[str, int], *, least: int = 1) -> dict[str, list[dict]]:
    """What a larger share of a segment bought than of all others, the surest first.

    have      customer_id, segment, category, one row each;  sizes: segment → its customers
    Returns   segment → [{category, n (members who bought it), share, others (share of everyone else), lift, low, high, lacking (members
              who did not)}], where lift = share ÷ others and its interval, at 95 % for all segments and categories together (Bonferroni),
              lies above 1; log(lift) ± z·√(1/a − 1/n₁ + 1/b − 1/n₀) (Katz et al. 1978)
    """
    counts = have.group_by(["segment", "category"]).agg(n=have.count()).order_by(["segment", "category"]).execute()
    wide = counts.pivot(index="category", columns="segment", values="n").reindex(columns=list(sizes)).fillna(0).astype("int64")
    z, everyone = _z(wide.size), sum(sizes.values())
    result: dict[str, list[dict]] = {}
    for segment, n in sizes.items():
        found = []
        for category, row in wide.iterrows():
            a, b = int(row[segment]), int(row.sum() - row[segment])
            one = _lift(a, n, b, everyone - n, z=z)
            if one and min(a, n - a, b) >= least and one["low"] > 1:
                found.append({"category": category, "n": a, "lacking": n - a} | one)
        result[segment] = sorted(found, key=lambda each: (-each["low"], each["category"]))
    return result


def completed(have: ir.Table, over: dict[str, list[dict]], sizes: dict[str, int], *, least: int = 1) -> dict[str, dict]:
    """What those who bought the segment's own category buy beside it, more often than other members who buy as much: the surest pair.

    Whoever buys much buys more of everything, so members are compared within the same number of categories bought, the first of the pair
    not counted: where nothing but how much people buy joins two categories, this finds no pair, in 95 of 100 cases.
    over      result of `overbought`, whose first categories are a segment's own
    Returns   segment → {having (category), category, n, share (of those having), others (what it would be if they bought it as often as
              other members with as many categories), lift, low, high, lacking (members with the first and without the second)}; lift: the
              ratio of Mantel and Haenszel with the interval of Greenland & Robins (1985, Biometrics 41, 55-68), for all pairs together
    """
    own = [(s, each["category"]) for s, found in over.items() for each in found[:TOLD]]
    if not own:
        return {}
    whole, both = _by_breadth(have, own)
    z, result = _z(len(both)), {}
    for (segment, having, other), counts in both.items():
        totals = whole[segment, having]
        members, holders = sizes[segment], sum(n for (first, _), n in totals.items() if first)
        a, b = (sum(n for (first, _), n in counts.items() if first == side) for side in (1, 0))
        strata = [_stratum(counts, totals, breadth) for breadth in sorted({breadth for _, breadth in totals})]
        one = _matched([each for each in strata if each[1] and each[3]], z=z)
        if not one or one["low"] <= 1 or min(a, b, holders - a, members - holders - b) < least:
            continue
        pair = {"having": having, "category": other, "n": a, "lacking": holders - a}
        pair |= {"share": a / holders, "others": a / holders / one["lift"]} | one
        best = result.get(segment)
        if best is None or (-pair["low"], having, other) < (-best["low"], best["having"], best["category"]):
            result[segment] = pair
    return result


def _by_breadth(have: ir.Table, own: list[tuple[str, str]]) -> tuple[dict, dict]:
    """Customers by segment and own category, and those of each other category among them: (has the own one, other categories) → n."""
    base = ibis.memtable(pd.DataFrame(own, columns=["segment", "having"]))
    first = have.join(base, [have.segment == base.segment, have.category == base.having]).select(KEY, "having", first=ibis.literal(1))
    wide = have.group_by([KEY, "segment"]).agg(breadth=have.count()).join(base, "segment").select(KEY, "segment", "having", "breadth")
    wide = wide.left_join(first, [KEY, "having"]).select(KEY, "segment", "having", "breadth", first=ibis._.first.fill_null(0))
    wide = wide.mutate(breadth=wide.breadth - wide["first"])
    with_other = wide.join(have.select(KEY, other=have.category), KEY).filter(lambda t: t.having != t.other)
    found: list[dict] = []
    for table, keys in ((wide, ["segment", "having"]), (with_other, ["segment", "having", "other"])):
        counts: dict[tuple, dict] = {}
        by = [*keys, "first", "breadth"]
        for row in table.group_by(by).agg(n=table.count()).order_by(by).execute().itertuples(index=False):
            counts.setdefault(tuple(row[: len(keys)]), {})[int(row.first), int(row.breadth)] = int(row.n)
        found.append(counts)
    return found[0], found[1]


def _stratum(counts: dict, totals: dict, breadth: int) -> tuple[int, int, int, int]:
    """a of n₁ and b of n₀ among the members with so many other categories."""
    return tuple(table.get((first, breadth), 0) for first in (1, 0) for table in (counts, totals))


def _matched(strata: list[tuple[int, int, int, int]], *, z: float) -> dict | None:
    """lift, low and high over strata of a of n₁ against b of n₀; None where one of them is nobody."""
    above = sum(a * n0 / (n1 + n0) for a, n1, b, n0 in strata)
    below = sum(b * n1 / (n1 + n0) for a, n1, b, n0 in strata)
    if not above or not below:
        return None
    spread = sum(((a + b) * n1 * n0 / (n1 + n0) - a * b) / (n1 + n0) for a, n1, b, n0 in strata) / (above * below)
    lift, half = above / below, z * math.sqrt(max(spread, 0.0))
    return {"lift": lift, "low": lift * math.exp(-half), "high": lift * math.exp(half)}


def _lift(a: int, n1: int, b: int, n0: int, *, z: float) -> dict | None:
    """share, others, lift, low and high of a of n1 against b of n0; None where one of them is nobody."""
    if not (a and b and n1 and n0):
        return None
    lift, spread = (a / n1) / (b / n0), z * math.sqrt(max(1 / a - 1 / n1 + 1 / b - 1 / n0, 0.0))
    return {"share": a / n1, "others": b / n0, "lift": lift, "low": lift * math.exp(-spread), "high": lift * math.exp(spread)}


def _z(tried: int) -> float:
    """The normal quantile that holds for so many two-sided comparisons together (Bonferroni)."""
    from scipy.stats import norm

    return float(norm.ppf(1 - ALPHA / 2 / max(tried, 1)))


# By which channel


def _ordered_by(lines: ir.Table, least: int) -> dict[str, dict]:
    """segment → {channel, n (members whose main channel is known), share, low, high}: the one by which most members order mostly."""
    from helpers.variables.descriptors import most_often

    if "channel" not in lines.columns:
        return {}
    orders = lines.group_by([KEY, "segment", "order_id"]).agg(at=lines.ordered_at.min(), channel=lines.channel.min())
    mine = most_often(orders, "channel", "at", "main").join(lines.select(KEY, "segment").distinct(), KEY)
    frame = mine.group_by(["segment", "main"]).agg(k=mine.count()).execute()
    result = {}
    for segment, rows in frame.sort_values(["segment", "k", "main"], ascending=[True, False, True]).groupby("segment"):
        n, top = int(rows["k"].sum()), rows.iloc[0]
        k = int(top["k"])
        if k < least or 0 < n - k < least:
            continue
        low, high = wilson(k, n)
        result[segment] = {"channel": str(top["main"]), "n": n, "share": k / n, "low": low, "high": high}
    return result


def _open_to(members: ir.Table, project: Project, known: Facts) -> dict[str, list[dict]]:
    """segment → [{channel, n, share, cost}] of everyone who agreed to a channel of the project and has an address for it, most first.

    {} where nobody's consent is known: then no share is known either. n and share are null where the data hold no such address, or where
    fewer than min_cell are in or out.
    """
    if known.open_to is None:
        return {}
    table, channels = members.select(KEY, "segment"), list(project.target.channels)
    for number, channel in enumerate(channels):
        form = one_form(ibis.literal(channel))
        people = known.open_to.filter(known.open_to.channel == form).select(KEY)
        kind = needs_of(project, channel)
        people = people.semi_join(known.addresses[kind], KEY) if kind in (known.addresses or {}) else people
        people = people.anti_join(known.suppressed.customers, KEY) if known.suppressed else people
        marked = people.distinct().mutate(**{f"open_{number}": ibis.literal(1)})
        table = table.left_join(marked, KEY).drop(f"{KEY}_right")
    asked = {f"n_{number}": table[f"open_{number}"].sum().coalesce(0) for number in range(len(channels))}
    frame = table.group_by("segment").agg(n=table.count(), **asked).order_by("segment").execute()
    result = {}
    for row in frame.to_dict("records"):
        all_, rows = int(row["n"]), []
        for number, channel in enumerate(channels):
            n, kind = int(row[f"n_{number}"]), needs_of(project, channel)
            lacks = kind != "none" and kind not in (known.addresses or {})
            shown = not lacks and not 0 < n < project.min_cell and not 0 < all_ - n < project.min_cell
            cost = project.target.channels[channel].cost
            rows.append({"channel": channel, "n": n if shown else None, "share": n / all_ if shown else None, "cost": cost})
        result[row["segment"]] = sorted(rows, key=lambda each: (-(each["n"] or 0), each["cost"], each["channel"]))
    return result


# On which day, at which hour


def moments(lines: ir.Table, *, least: int = 1) -> dict[str, dict]:
    """When a segment's members order: the day and the hour with the largest mean share of each member's own orders.

    lines     customer_id, segment, order_id, ordered_at (the project's time zone)
    Returns   segment → {n (members who ordered), orders, weekday {best (0 Monday), share, as_good, even}, hour (the same; None where
              orders are dated by the day alone)}. Each member
              counts once, however often they order. as_good: the other days (hours) that are not surely below the best: differences of
              shares paired over members, at 95 % for all of them together; even: the mean share if all were alike. A segment with fewer
              than `least` members who ordered has none
    """
    orders = lines.group_by([KEY, "segment", "order_id"]).agg(at=lines.ordered_at.min())
    marks = {f"d{d}": orders["at"].day_of_week.index() == d for d in DAYS} | {f"h{h}": orders["at"].hour() == h for h in HOURS}
    each = orders.group_by([KEY, "segment"]).agg(n=orders.count(), **{name: mark.cast("int64").sum() for name, mark in marks.items()})
    shares = each.select("segment", "n", **{name: each[name] / each.n.cast("float64") for name in marks}).cache()
    asked = {name: total(shares[name]) for name in marks}
    sums = shares.group_by("segment").agg(members=shares.count(), orders=shares.n.sum(), **asked).order_by("segment").execute()
    sums = sums[sums["members"] >= max(least, 2)].set_index("segment")
    if sums.empty:
        return {}
    result = {s: {"n": int(row["members"]), "orders": int(row["orders"])} for s, row in sums.iterrows()}
    timed = int(orders.filter(orders["at"] != orders["at"].truncate("D")).limit(1).count().execute())  # else every order is of midnight
    for name, letter, parts in (("weekday", "d", DAYS), ("hour", "h", HOURS)):
        if name == "hour" and not timed:
            result = {s: told | {"hour": None} for s, told in result.items()}
            continue
        means = sums[[f"{letter}{part}" for part in parts]].astype("float64").div(sums["members"].astype("float64"), axis=0)
        best = means.round(9).idxmax(axis=1)  # of equals the first
        for s, rest in _as_good(shares, means, best, sums["members"]).items():
            found = {"best": int(best[s][1:]), "share": float(means.loc[s, best[s]]), "as_good": rest, "even": 1 / len(parts)}
            result[s][name] = found
    return result


def _as_good(shares: ir.Table, means: pd.DataFrame, best: pd.Series, members: pd.Series) -> dict[str, list[int]]:
    """segment → the others that are not surely below its best; every member's share of the best less that of the other, squared and added
    up, gives the spread of the mean difference."""
    top = ibis.cases(*((shares.segment == s, shares[name]) for s, name in best.items()))
    table = shares.mutate(top_=top)
    table = table.filter(table.segment.isin(list(best.index)))
    asked = {name: total((table.top_ - table[name]) * (table.top_ - table[name])) for name in means.columns}
    squares = table.group_by("segment").agg(**asked).execute().set_index("segment").astype("float64")
    z, result = _z(means.shape[1] - 1), {}
    for s, name in best.items():
        n, rest = int(members[s]), []
        for other in means.columns:
            difference = means.loc[s, name] - means.loc[s, other]
            spread = math.sqrt(max(squares.loc[s, other] / n - difference**2, 0.0) / (n - 1))
            if other != name and difference <= z * spread:
                rest.append(int(other[1:]))
        result[s] = rest
    return result
