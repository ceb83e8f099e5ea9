"""How customers come, go on and go away: the journey of the whole base, and of each segment in the days after it was built."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.adopt.journey.moments import ORDERED, STAGES, happened, purchases, rate, refunds, sound
from helpers.adopt.journey.moments import moments as moments_of
from helpers.adopt.journey.pains import breaks
from helpers.adopt.journey.pains import pains as pains_of
from helpers.engine import Window, between, days_between, first_instant
from helpers.masking import withheld
from helpers.predict import GRADED, evidence
from helpers.project import Project

STEPS = ("visit", "basket", "order", "again")
"""What members of a segment do in the days after it was built."""


def journey(step, members: ir.Table, checked: dict[str, ir.Table], profiles: dict) -> dict:
    """journey.json: codes and numbers; nothing in it is about fewer than min_cell customers.

    members    customer_id, segment, as published;  checked: the tables of step 3;  profiles: as step 6 hands them over
    Returns    as_of, everyone (result of `everyone`), fixed (stages that the scope's filters fix), segments [{id, name, suggested,
               colour, shown, arrived, later, pains}], window (of `later`), breaks (result of `pains.breaks`), lacks (codes)
    """
    project, as_of = step.project, step.as_of
    bought = purchases(checked["orders"], as_of=as_of).cache()
    known = moments_of(checked, bought, project, as_of=as_of)
    first = first_instant(checked["orders"])
    known = known.mutate(sound=sound(known, first=first, horizon_days=project.scope.horizon_days)).cache()
    window = step.windows(checked["orders"])["confirm"]
    then = step.take("build", "membership_confirm") if window.enough and step.gives("build", "membership_confirm") else None
    came = arrived(members, known, project)
    after = later(then, checked, bought, window, project) if then is not None else {}
    hurt = pains_of(then, checked, bought, window, project) if then is not None else {}
    found = []
    for segment in profiles["segments"]:
        shown = bool(segment["n"]) and not withheld(segment, project.min_cell)
        row = {key: segment.get(key) for key in ("id", "name", "suggested", "colour")} | {"shown": shown}
        parts = {"arrived": came, "later": after, "pains": hurt}
        found.append(row | {key: part.get(segment["id"]) if shown else None for key, part in parts.items()})
    told = [s["id"] for s in found if s["shown"]]
    return {
        "as_of": as_of.isoformat(),
        "everyone": everyone(known, project, as_of=as_of),
        "fixed": fixed(project),
        "segments": found,
        "window": {"from": window.built_at, "until": window.judged_until, "enough": window.enough, "go_on_days": go_on_days(project)},
        "breaks": breaks(then, told, checked, bought, known, window, project, as_of=as_of),
        "lacks": lacks(checked, project, as_of=as_of, themes=evidence(step, "voice")["status"] == GRADED),
    }


def go_on_days(project: Project) -> int:
    """Days that members have to go on: half the horizon, so that whoever came in its first half had as long."""
    return project.scope.horizon_days // 2


def fixed(project: Project) -> list[str]:
    """The stages that every member reached because the scope's filters ask for them: their shares would say nothing."""
    asked = [int(rule.value) for rule in project.scope.filters if rule.rule == "orders_at_least"]
    return [*ORDERED[: max([1, *asked])]]


def lacks(checked: dict[str, ir.Table], project: Project, *, as_of: datetime, themes: bool = False) -> list[str]:
    """What these data cannot tell of a journey, by code.

    themes   whether step 4 reads what comments are about
    """
    events, kinds, people = checked.get("events"), project.variables.event_kinds, checked["customers"]
    recorded = set(events.select("kind").distinct().execute()["kind"]) if events is not None else set()
    missing = [name for name in ("visit", "basket") if not recorded & set(getattr(kinds, name))]
    missing += [] if "created_at" in people.columns else ["created_at"]
    missing += [] if "lead_origin" in people.columns else ["lead_origin"]
    missing += [] if "channel" in checked["orders"].columns else ["channel"]
    missing += [] if int(refunds(checked["orders"], as_of=as_of).count().execute()) else ["refund"]
    missing += [] if _rated(checked) else ["rating"]
    return [*missing, "complaints", *([] if themes else ["themes"])]


def _rated(checked: dict[str, ir.Table]) -> bool:
    return "comments" in checked and "rating" in checked["comments"].columns


# Everyone


def everyone(known: ir.Table, project: Project, *, as_of: datetime) -> dict:
    """How far everyone came, prospects included.

    known     result of `moments`, with sound
    Returns   within_days; customers, followed (whose whole journey is in these data; None where the rest would be too few); stages
              [{stage, n, by, by_share (main channel, of those whose channel is known), next: {stage, n (old enough, and not yet
              there), share, low, high, bound, median_days, around (share of those who reached it otherwise)} or None}]
    """
    days, least = project.scope.window_days, project.min_cell
    counts = known.aggregate(n=known.count(), followed=known.sound.cast("int64").sum(), **{s: known[s].count() for s in STAGES})
    row = counts.execute().iloc[0]
    stages = [s for s in STAGES if row[s]]
    followed = known.filter(known.sound)
    told, given = [], int(row["n"])
    for place, stage in enumerate(stages):
        n = int(row[stage])
        given, n = (n, n) if n >= least and not 0 < abs(given - n) < least else (given, None)  # nor may so few follow from two counts
        after = stages[place + 1] if place + 1 < len(stages) else None
        head = {"stage": stage, "n": n} | main_channel(known, stage, least)
        told.append(head | {"next": _onwards(followed, stage, after, days, least, as_of) | {"stage": after} if after else None})
    whole = _onwards(followed, "trace", "first", days, least, as_of) if "first" in stages else None
    rest = int(row["n"] - row["followed"])
    return {
        "within_days": days,
        "customers": int(row["n"]),
        "followed": None if 0 < rest < least else int(row["followed"]),
        "stages": told,
        "whole": whole,
    }


def _onwards(known: ir.Table, stage: str, after: str, days: int, least: int, as_of: datetime) -> dict:
    """Of those who came to a stage at least so many days ago, and not yet to the next: how many went on within these days.

    Whoever came to both at one moment did not go on from the one to the other: where nothing else is recorded, a purchase is the trace.
    """
    old = known.filter(known[stage] < ibis.literal(as_of - timedelta(days=days)))
    free = old[after].isnull() | (old[after] > old[stage])
    taken = days_between(old[stage], old[after])
    went = (free & (taken < days)).fill_null(False)
    there = known[after].count().execute()
    around = known.filter(known[after].notnull(), known[stage].isnull() | (known[after] <= known[stage])).count().execute()
    figures = {"n": free.cast("int64").sum(), "yes": went.cast("int64").sum(), "median": taken.quantile(0.5, where=went)}
    found = old.aggregate(**figures).execute().iloc[0]
    n, yes = (0 if pd.isna(found[key]) else int(found[key]) for key in ("n", "yes"))
    told = rate(yes, n, least=least)
    return told | {
        "median_days": float(found["median"]) if yes >= least else None,
        "around": rate(int(around), int(there), least=least)["share"],
    }


def main_channel(known: ir.Table, stage: str, least: int) -> dict:
    """The channel by which most came to a stage: by, by_share (of those whose channel is known); missing where too few are."""
    rows = known.filter(known[stage].notnull(), known[f"by_{stage}"].notnull())
    counted = rows.group_by(by=rows[f"by_{stage}"]).agg(n=rows.count()).order_by([ibis.desc("n"), "by"]).execute()
    n, total = (int(counted["n"].iloc[0]), int(counted["n"].sum())) if len(counted) else (0, 0)
    if n < least or 0 < total - n < least:
        return {"by": None, "by_share": None}
    return {"by": str(counted["by"].iloc[0]), "by_share": n / total}


# Segments: how they came


def arrived(members: ir.Table, known: ir.Table, project: Project) -> dict[str, dict]:
    """How the members of each segment had come, over those whose whole journey is in these data.

    Returns   segment → {n, visited, filled (had visited, had filled a basket before the first purchase: as `rate`), origin,
              origin_share, channel, channel_share (main ones), days_to_first, days_to_second, days_to_third (medians, from the first
              trace and then from the first purchase)}
    """
    least = project.min_cell
    all_ = members.group_by("segment").agg(n=members.count()).execute().set_index("segment")["n"]
    t = members.select("customer_id", "segment").join(known, "customer_id")
    t = t.filter(t.sound).cache()
    days = {"first": days_between(t.trace, t["first"])} | {s: days_between(t["first"], t[s]) for s in ORDERED[1:]}
    counted = t.group_by("segment").agg(
        n=t.count(),
        visited=(t.visit < t["first"]).fill_null(False).cast("int64").sum(),
        filled=(t.basket < t["first"]).fill_null(False).cast("int64").sum(),
        **{f"days_{s}": value.quantile(0.5) for s, value in days.items()},
    )
    seen = {name: bool(t[name].count().execute()) for name in ("visit", "basket")}
    result = {}
    for row in counted.order_by("segment").execute().itertuples():
        if row.n < least:
            continue
        own = t.filter(t.segment == row.segment)
        origin, channel = main_channel(own, "trace", least), main_channel(own, "first", least)
        others = int(all_[row.segment]) - int(row.n)
        result[str(row.segment)] = {
            "n": None if 0 < others < least else int(row.n),  # with the segment's size, so few would follow
            "visited": rate(int(row.visited), int(row.n), least=least) if seen["visit"] else None,
            "filled": rate(int(row.filled), int(row.n), least=least) if seen["basket"] else None,
            "origin": origin["by"],
            "origin_share": origin["by_share"],
            "channel": channel["by"],
            "channel_share": channel["by_share"],
        } | {f"days_to_{s}": _number(getattr(row, f"days_{s}")) for s in ORDERED}
    return result


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


# Segments: how they went on


def later(then: ir.Table, checked: dict[str, ir.Table], bought: ir.Table, window: Window, project: Project) -> dict[str, dict]:
    """What the members of each segment did in the days after it was built, by the segmentation built then.

    then      customer_id, segment, as built at window.built_at;  bought: result of `moments.purchases`
    Returns   segment → {n, ordered (as `rate`), channel, channel_share (of purchases), steps}; steps: for each of STEPS as `rate`, with
              median_days from the step before; None for one that is not recorded. The first step recorded is of all members; any other
              of those who took the one before in the first half of the horizon, within half a horizon of it
    """
    start, end, half = window.built_at, window.judged_until, timedelta(days=go_on_days(project))
    events, kinds = checked.get("events"), project.variables.event_kinds
    rows = {name: happened(events, getattr(kinds, name), as_of=end) for name in ("visit", "basket")}
    rows = {name: table for name, table in rows.items() if table is not None} | {"order": bought.select("customer_id", "at", "by")}
    t = then.select("customer_id", "segment")
    for name, table in rows.items():
        seen = between(table, "at", start, end)
        t = t.left_join(seen.group_by("customer_id").agg(**{name: seen["at"].min()}), "customer_id").drop("customer_id_right")
    chain = [*rows, "again"]
    for before, name in zip(chain, chain[1:], strict=False):
        t = _gone_on(t, before, rows["order" if name == "again" else name], name, half)
    counted = t.group_by("segment").agg(**_figures(t, chain, start + half)).order_by("segment").execute()
    channels = _channels(then, between(rows["order"], "at", start, end), project.min_cell)
    return {str(row["segment"]): _steps(row, chain, project.min_cell) | channels.get(row["segment"], {}) for _, row in counted.iterrows()}


def _gone_on(t: ir.Table, before: str, rows: ir.Table, name: str, half: timedelta) -> ir.Table:
    """The table with to_…: days from a step to the next one, missing where it does not come within half a horizon."""
    joined = t.select("customer_id", start_=t[before]).join(rows.select("customer_id", "at"), "customer_id")
    after = joined["at"] > joined.start_ if name == "again" else joined["at"] >= joined.start_
    joined = joined.filter(after, joined["at"] < joined.start_ + ibis.interval(days=half.days))
    gone = joined.group_by("customer_id").agg(**{f"to_{name}": days_between(joined.start_, joined["at"]).min()})
    return t.left_join(gone, "customer_id").drop("customer_id_right")


def _figures(t: ir.Table, chain: list[str], half: datetime) -> dict:
    """Members, those of them who took the first step and who bought, and of each other step how many could and did, and how fast."""
    figures = {"n": t.count(), "first": t[chain[0]].count(), "ordered": t["order"].count()}
    for before, name in zip(chain, chain[1:], strict=False):
        early = (t[before] < ibis.literal(half)).fill_null(False)
        took = early & t[f"to_{name}"].notnull()
        figures |= {f"of_{name}": early.cast("int64").sum(), f"yes_{name}": took.cast("int64").sum()}
        figures |= {f"days_{name}": t[f"to_{name}"].quantile(0.5, where=took)}
    return figures


def _steps(row: pd.Series, chain: list[str], least: int) -> dict:
    n = int(row["n"])
    steps = dict.fromkeys(STEPS) | {chain[0]: rate(int(row["first"]), n, least=least)}
    for name in chain[1:]:
        yes = int(row[f"yes_{name}"])
        median = _number(row[f"days_{name}"]) if yes >= least else None
        steps[name] = rate(yes, int(row[f"of_{name}"]), least=least) | {"median_days": median}
    return {"n": n if n >= least else None, "ordered": rate(int(row["ordered"]), n, least=least), "steps": steps}


def _channels(then: ir.Table, orders: ir.Table, least: int) -> dict[str, dict]:
    """The channel of most purchases of each segment, and its share of them, where it is told of enough customers."""
    t = then.select("customer_id", "segment").join(orders.filter(orders["by"].notnull()), "customer_id")
    counted = t.group_by(["segment", "by"]).agg(n=t.count(), people=t.customer_id.nunique()).execute()
    found = {}
    for segment, part in counted.groupby("segment"):
        top = part.sort_values(["n", "by"], ascending=[False, True]).iloc[0]
        if top["people"] >= least:
            found[str(segment)] = {"channel": str(top["by"]), "channel_share": float(top["n"] / part["n"].sum())}
    return found
