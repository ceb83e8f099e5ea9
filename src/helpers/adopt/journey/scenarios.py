"""Messages that an event of a customer's own may set off: how often it happens, whom one may write to, and after how long."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.adopt.journey.moments import happened, moments, purchases, sound
from helpers.adopt.journey.pains import every_order, left_baskets
from helpers.collect.unify import years_of_age
from helpers.engine import between, days_between, first_instant
from helpers.masking import withheld
from helpers.project import Project
from helpers.target.guards import reachable
from helpers.variables.formulas_events import BASKET_DAYS

SPANS = (30, 90)
"""Days before as_of over which events are counted."""
BY_THEN = 0.9
"""Of those who go on by themselves, the share that has done so when a message goes out."""


def scenarios(step, members: ir.Table, checked: dict[str, ir.Table], profiles: dict) -> dict:
    """scenarios.json: a line for each kind of event, for reactivation and entry one a segment; nothing about fewer than min_cell.

    members   customer_id, segment;  checked: the tables of step 3;  profiles: as step 6 hands them over
    Returns   as_of, by_then, address_checked (false: step 8 looks whether an address is valid), lines [{scenario, segment (None: the
              whole base), n_30, n_90 (customers to whom it happened), contactable_30, contactable_90 (None: cannot tell), channel
              (typed, or None), after_days (typed, or None), suggested_days (BY_THEN of those who go on by themselves have done so),
              median_days, of (customers that the suggestion rests on), lacks (code of what it would take, or None), typed}]
    """
    project, as_of = step.project, step.as_of
    bought = purchases(checked["orders"], as_of=as_of).cache()
    shown = [s["id"] for s in profiles["segments"] if s["n"] and not withheld(s, project.min_cell)]
    inside = members.select("customer_id", "segment").filter(members.segment.isin(shown) if shown else ibis.literal(False))
    lines = [
        _welcome(checked, bought, project, as_of),
        _basket(checked, project, as_of),
        *_reactivation(inside, bought, shown, project.min_cell, as_of),
        _birthday(step, checked, as_of),
        *_entry(step, inside, shown, checked, as_of),
    ]
    consents = checked.get("consents")
    return {
        "as_of": as_of.isoformat(),
        "by_then": BY_THEN,
        "address_checked": False,
        "lines": [_told(line, project, consents) for line in lines],
    }


def _told(line: dict, project: Project, consents: ir.Table | None) -> dict:
    """The counts of a line and what is typed for it, in place of the table of customers."""
    typed, least, rows = project.adopt.scenarios.get(line["scenario"]), project.min_cell, line["rows"]
    told = {key: line.get(key) for key in ("scenario", "segment", "suggested_days", "median_days", "of", "lacks")}
    channel = typed.channel if typed and typed.channel else None
    told |= {"channel": channel, "after_days": typed.after_days if typed else None}
    told["typed"] = typed.model_dump(mode="json") if typed else None
    told |= {f"{what}_{span}": None for what in ("n", "contactable") for span in SPANS}
    if rows is None:
        return told
    rows = rows.cache()
    open_to = _open(consents, [channel] if channel else list(project.target.channels))
    for span in SPANS:
        if line.get("only") and span not in line["only"]:
            continue
        who = rows.filter(rows.days < span).select("customer_id").distinct()
        n = int(who.count().execute())
        told[f"n_{span}"] = n if n == 0 or n >= least else None
        if open_to is not None and (n == 0 or n >= least):
            may = int(who.semi_join(open_to, "customer_id").count().execute())
            told[f"contactable_{span}"] = may if may == 0 or (may >= least and not 0 < n - may < least) else None
    return _unfollowed(told, least)


def _unfollowed(told: dict, least: int) -> dict:
    """The counts without those from which, with the count of the longer span, a number below `least` would follow."""
    n = [told[f"n_{span}"] for span in SPANS]
    may = [told[f"contactable_{span}"] for span in SPANS]
    if None not in n and 0 < n[1] - n[0] < least:
        return told | {"n_30": None, "contactable_30": None}
    if None not in (*n, *may) and any(0 < gap < least for gap in (may[1] - may[0], (n[1] - may[1]) - (n[0] - may[0]))):
        return told | {"contactable_30": None}
    return told


def _open(consents: ir.Table | None, channels: list[str]) -> ir.Table | None:
    """Customers who said yes to marketing by one of these channels (any, where none is named). None without consents."""
    if consents is None:
        return None
    said = reachable(consents)
    if channels:
        said = said.filter(said.channel.isin([channel.strip().lower() for channel in channels]))  # as unify.one_form writes them
    return said.select("customer_id").distinct()


def _since(rows: ir.Table, as_of: datetime) -> ir.Table:
    """customer_id, days (from the event to as_of, 0 to below the longest span)."""
    days = days_between(rows["at"], as_of)
    return rows.select("customer_id", days=days).filter(ibis._.days >= 0, ibis._.days <= max(SPANS))


def _quantiles(days: ir.NumericValue, rows: ir.Table) -> dict:
    """suggested_days, median_days, of; missing for nobody."""
    found = rows.aggregate(q=days.quantile(BY_THEN), m=days.quantile(0.5), n=rows.customer_id.nunique()).execute().iloc[0]
    if not found["n"]:
        return {"suggested_days": None, "median_days": None, "of": 0}
    return {"suggested_days": float(found["q"]), "median_days": float(found["m"]), "of": int(found["n"])}


def _guarded(figures: dict, least: int) -> dict:
    """Nothing where it would be about fewer than `least` customers."""
    return figures if figures["of"] >= least else {"suggested_days": None, "median_days": None, "of": None}


def _welcome(checked: dict[str, ir.Table], bought: ir.Table, project: Project, as_of: datetime) -> dict:
    """Who was seen for the first time: by the day of entry, else by the first trace."""
    known = moments(checked, bought, project, as_of=as_of)
    first = first_instant(checked["orders"])
    known = known.filter(sound(known, first=first, horizon_days=project.scope.horizon_days)).select("customer_id", "trace", "first").cache()
    window = project.scope.window_days
    old = known.filter(known.trace < ibis.literal(as_of - timedelta(days=window)))
    taken = days_between(old.trace, old["first"])
    went = old.mutate(taken=taken).filter(taken > 0, taken < window)
    line = {"scenario": "welcome", "segment": None, "rows": _since(known.select("customer_id", at=known.trace), as_of)}
    lacks = None if "created_at" in checked["customers"].columns else "created_at"
    return line | _guarded(_quantiles(went.taken, went), project.min_cell) | {"lacks": lacks}


def _basket(checked: dict[str, ir.Table], project: Project, as_of: datetime) -> dict:
    """Whose basket was left: no purchase within a day."""
    line = {"scenario": "basket", "segment": None, "rows": None, "lacks": "basket"}
    filled = happened(checked.get("events"), project.variables.event_kinds.basket, as_of=as_of)
    if filled is None:
        return line
    orders = every_order(checked["orders"], as_of=as_of)
    marked = left_baskets(filled, orders)
    marked = marked.filter(marked["at"] < ibis.literal(as_of - timedelta(days=BASKET_DAYS))).cache()
    recent = between(marked, "at", as_of - timedelta(days=max(SPANS)), as_of)
    kept = recent.filter(~recent.left).select("customer_id", "at")
    pairs = kept.join(orders.select("customer_id", ordered=orders["at"]), "customer_id")
    taken = days_between(pairs["at"], pairs.ordered)
    soon = pairs.mutate(taken=taken).filter(taken >= 0, taken < BASKET_DAYS)
    first = soon.group_by(["customer_id", "at"]).agg(taken=soon.taken.min())
    left = marked.filter(marked.left).select("customer_id", "at")
    return line | {"rows": _since(left, as_of), "lacks": None} | _guarded(_quantiles(first.taken, first), project.min_cell)


def _reactivation(inside: ir.Table, bought: ir.Table, shown: list[str], least: int, as_of: datetime) -> list[dict]:
    """Members who became silent for longer than nine in ten intervals between their segment's purchases."""
    following = bought.mutate(before=bought["at"].lag(1).over(group_by="customer_id", order_by="at"))
    gaps = following.mutate(taken=days_between(following.before, following["at"])).filter(following.before.notnull())
    gaps = inside.join(gaps.select("customer_id", "taken"), "customer_id").cache()
    last = inside.join(bought.group_by("customer_id").agg(last=bought["at"].max()), "customer_id").cache()
    lines = []
    for segment in shown:
        own = gaps.filter(gaps.segment == segment)
        found = _guarded(_quantiles(own.taken, own), least)
        rows = None
        if found["suggested_days"] is not None:
            here = last.filter(last.segment == segment)
            silent = days_between(here["last"], as_of) - found["suggested_days"]
            rows = here.select("customer_id", days=silent).filter(ibis._.days >= 0)
        lacks = None if rows is not None else "intervals"
        lines.append({"scenario": "reactivation", "segment": segment, "rows": rows, "lacks": lacks} | found)
    return lines


def _birthday(step, checked: dict[str, ir.Table], as_of: datetime) -> dict:
    """Whose birthday it was; the day itself stays where the sources are read, and only the count leaves."""
    line = {"scenario": "birthday", "segment": None, "rows": None, "lacks": "birth_date", "suggested_days": 0.0}
    if not step.project.has("customers.birth_date"):
        return line | {"suggested_days": None}
    people = step.source("customers")
    people = people.filter(people.birth_date.notnull(), people.customer_id.notnull(), years_of_age(people.birth_date, as_of).notnull())
    born = people.select("customer_id", born=people.birth_date)
    if step.gives("collect", "identity"):
        identity = step.take("collect", "identity")
        born = born.join(identity.select(customer_id=identity.raw_id, person=identity.customer_id), "customer_id")
        born = born.select("born", customer_id=born.person)
    born = born.group_by("customer_id").agg(born=born.born.min())
    born = born.semi_join(checked["customers"].select("customer_id"), "customer_id").select("customer_id", "born").cache()
    born = born.mutate(month=born.born.month().cast("int64"), day=born.born.day().cast("int64"))
    days = pd.DataFrame([_celebrated(as_of, back) for back in range(1, max(SPANS) + 1)], columns=["month", "day", "days"])
    days = ibis.memtable(pd.concat([days, _leap(days, as_of)], ignore_index=True))
    rows = born.join(days, ["month", "day"]).select("customer_id", "days")
    return line | {"rows": rows, "lacks": None if int(born.count().execute()) else "birth_date"}


def _celebrated(as_of: datetime, back: int) -> tuple[int, int, float]:
    """Month and day of so many days before as_of, and the days since then as `days` counts them."""
    day = as_of - timedelta(days=back)
    return day.month, day.day, float(back - 1)


def _leap(days: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Whoever was born on 29 February has the day after the 28th where the year has no 29th."""
    if ((days.month == 2) & (days.day == 29)).any():
        return days.iloc[:0]
    return days[(days.month == 2) & (days.day == 28)].assign(day=29)


def _entry(step, inside: ir.Table, shown: list[str], checked: dict[str, ir.Table], as_of: datetime) -> list[dict]:
    """Members who are in a segment in which they were not one horizon ago: only the span as long as it can be told from one run."""
    window = step.windows(checked["orders"])["confirm"]
    lines = [{"scenario": "entry", "segment": segment, "rows": None, "lacks": "earlier_run"} for segment in shown]
    horizon = step.project.scope.horizon_days
    if not window.enough or not step.gives("build", "membership_confirm") or horizon not in SPANS:
        return lines
    then = step.take("build", "membership_confirm")
    were = then.select("customer_id", before=then.segment)
    t = inside.left_join(were, "customer_id")
    t = t.filter(t.before.isnull() | (t.before != t.segment))
    for line in lines:
        own = t.filter(t.segment == line["segment"])
        line |= {"rows": own.select("customer_id", days=ibis.literal(float(horizon - 1))), "only": (horizon,), "suggested_days": 0.0}
    return lines
