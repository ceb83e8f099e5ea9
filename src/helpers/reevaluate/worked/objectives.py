"""The objectives of step 1 again: where each stands against its baseline and its target, and whether the pace is enough."""

from datetime import date, datetime, time, timedelta

import ibis.expr.types as ir

from helpers.engine import first_instant, totals_by_order
from helpers.objectives.figures import RESPONSE_DAYS, baseline, change, is_share, measure
from helpers.project import Objective
from helpers.rates import quantile
from helpers.run import Past

NOT_TOLD = "not told"


def reached(step, since: datetime | None, before: Past | None) -> list[dict]:
    """A line an objective, the main one first, all measured by one definition on one state of the data: today's.

    since     the day of the baseline (first instant not counted); None: there is no baseline
    before    the run of that day, for what it published and what was typed then; None where it is gone
    Returns   role, name, metric, kind (how its figures are written, digits), owner, target, by_when; today, baseline and judged
              (value, low, high with 95 % over customers, or over campaigns where these differ more; customers, start, end): judged is
              the window that ends on the day it was due, or today's; change (value, low, high: today less baseline, the same customers
              paired); same (the same figures over those customers alone who were known when the baseline's window opened: newcomers
              move no yardstick); published (the baseline as the page said it then); moved (target and by_when as typed then, where they
              were others); days of the window judged, and fresh (the share of them that lies after the baseline); due, state and pace
    state     reached, missed (all of the interval on one side of the target), not told; nothing new (not a row is another than in the
              baseline, such as where nobody was mailed since); and before it is due: on the way, behind,
              not told, early (no baseline); past (due before the segments were in use: it judges nothing); unmeasured; no target
    pace      elapsed (share of the days), gained with low and high, needed (the rise that the days gone would ask for, were it even),
              projected (where this pace leads on the day): arithmetic of dates and no forecast
    """
    listed = step.take("objectives", "objectives")["objectives"]
    past = [each for each in listed if each["plan"]["by_when"] and date.fromisoformat(each["plan"]["by_when"]) < step.as_of.date()]
    orders = totals_by_order(step.source("orders")) if since or past else None  # else what step 1 measured is all there is to say
    contacts = step.source("contacts") if step.engine.has("contacts") else None
    then = (before.json("objectives", "objectives") or {}).get("objectives", []) if before else []
    return [_line(each, orders, contacts, step, since, _same(each, then)) for each in listed]


def _line(each: dict, orders: ir.Table | None, contacts: ir.Table | None, step, since: datetime | None, then: dict | None) -> dict:
    one = Objective(**each["plan"])
    today = {key: each[key] for key in ("value", "low", "high", "customers", "start", "end")}
    due = one.by_when is not None and one.by_when <= step.as_of.date()
    how = {"window_days": step.project.scope.window_days, "least": step.project.min_cell}
    base = _at(one, orders, contacts, since, how)
    judged = _on_its_day(one, orders, contacts, step, how) if due else None
    line = {key: each["plan"][key] for key in ("name", "metric", "owner", "target", "by_when")}
    digits = ["share", 1] if is_share(one) else ["money" if one.metric == "revenue_per_customer" else "number", 2]
    line |= {"role": each["role"], "kind": digits, "today": today, "baseline": base, "judged": judged or today, "due": due}
    line |= {"published": then["value"] if then else None, "moved": _moved(each["plan"], then)}
    line |= _fresh(one, line["judged"], base) | _changes(one, orders, contacts, today, base)
    return line | stands(one, line, as_of=step.as_of, since=since)


def stands(one: Objective, line: dict, *, as_of: datetime, since: datetime | None) -> dict:
    """pace and state of `reached`, by the target and the date of an objective and what was measured.

    line   baseline, judged, change and due, as `reached` gives them
    """
    pace = _pace(one, line, as_of, since)
    if line["due"] and since is not None and one.by_when <= since.date():
        return {"pace": None, "state": "past"}
    if line["change"] is not None and not any(line["change"].values()):
        return {"pace": None, "state": "nothing new"}
    return {"pace": pace, "state": _state(one, line["judged"], pace, due=line["due"])}


def _at(one: Objective, orders: ir.Table | None, contacts: ir.Table | None, moment: datetime | None, how: dict) -> dict | None:
    """The objective as it stood at a moment; None where it was not measured, or on too few."""
    if moment is None:
        return None
    found = baseline(one, orders, contacts, as_of=moment, **how)
    if found["value"] is None or found["customers"] < how["least"]:
        return None
    kept = {key: found[key] for key in ("value", "low", "high", "customers")}
    return kept | {end: found[end].isoformat() for end in ("start", "end")}


def _on_its_day(one: Objective, orders: ir.Table | None, contacts: ir.Table | None, step, how: dict) -> dict | None:
    """Measured in the window that ended on the day it was due, where the history holds one; None: then today's is judged."""
    day = datetime.combine(one.by_when, time())
    if day >= step.as_of or day - timedelta(days=how["window_days"]) < first_instant(orders):
        return None
    return _at(one, orders, contacts, day, how)


def _fresh(one: Objective, judged: dict, base: dict | None) -> dict:
    """days of the window that is judged, and the share of them that lies after the baseline's day; of mailings both end earlier."""
    start, end = (_moment(judged[key]) for key in ("start", "end"))
    if base is None:
        return {"days": (end - start).days, "fresh": None}
    late = timedelta(days=RESPONSE_DAYS if one.metric == "response_rate" else 0)  # a mailing is counted when its answers are in
    after = end - late - max(start - late, _moment(base["end"]))
    return {"days": (end - start).days, "fresh": max(after / (end - start), 0.0)}


def _same(each: dict, then: list[dict]) -> dict | None:
    """The objective as an earlier run had it: by kind and metric, and by name where several share them."""
    found = [o for o in then if all(o["plan"][key] == each["plan"][key] for key in ("kind", "metric"))]
    named = [o for o in found if o["plan"]["name"] == each["plan"]["name"]]
    return (named or found or [None])[0]


def _moved(plan: dict, then: dict | None) -> dict | None:
    """Target and date as they were typed then, where one of them was another."""
    if then is None or all(then["plan"][key] == plan[key] for key in ("target", "by_when")):
        return None
    return {key: then["plan"][key] for key in ("target", "by_when")}


def _changes(one: Objective, orders: ir.Table | None, contacts: ir.Table | None, today: dict, base: dict | None) -> dict:
    """change and same, None where they cannot be measured."""
    if base is None or today["value"] is None:
        return {"change": None, "same": None}
    spans = [{end: _moment(side[end]) for end in ("start", "end")} for side in (base, today)]
    first, second = (measure(one.metric, orders, contacts, **span).cache() for span in spans)
    found = change(first, second)
    if one.metric == "response_rate" and "campaign_id" in contacts.columns:  # the next campaigns will be others
        each = contacts.filter(contacts.customer_id.notnull(), contacts.campaign_id.notnull())
        each = each.mutate(customer_id=each.campaign_id)
        apart = change(*(measure(one.metric, orders, each, **span).cache() for span in spans))
        found = max(found, apart, key=lambda pair: pair[1]) if found and apart else found
    if is_share(one):
        return {"change": _ends(found), "same": None}
    stayed = measure(one.metric, orders, contacts, **spans[1], known_before=spans[0]["start"]).cache()
    return {"change": _ends(found), "same": _ends(change(first, stayed))}


def _ends(found: tuple[float, float] | None) -> dict | None:
    """A difference and its standard error as value, low and high."""
    if found is None:
        return None
    value, half = found[0], quantile() * found[1]
    return {"value": value, "low": value - half, "high": value + half}


def _pace(one: Objective, line: dict, as_of: datetime, since: datetime | None) -> dict | None:
    """Whether what was gained so far is what the days gone ask for; None without a baseline, a target, or days to come."""
    base, gained = line["baseline"], line["change"]
    if line["due"] or None in (since, one.target, one.by_when, base, gained):
        return None
    whole = (datetime.combine(one.by_when, time()) - since) / timedelta(days=1)
    elapsed = (as_of - since) / timedelta(days=1)
    if elapsed <= 0:
        return None
    found = {"elapsed": elapsed / whole, "gained": gained["value"], "low": gained["low"], "high": gained["high"]}
    found["needed"] = (one.target - base["value"]) * elapsed / whole
    return found | {"projected": base["value"] + gained["value"] * whole / elapsed}


def _state(one: Objective, judged: dict, pace: dict | None, *, due: bool) -> str:
    if one.target is None or one.by_when is None:
        return "no target"
    if judged["value"] is None:
        return "unmeasured"
    if judged["low"] >= one.target:
        return "reached"
    if due:
        return "missed" if judged["high"] < one.target else NOT_TOLD
    if pace is None:
        return "early"
    if pace["low"] >= pace["needed"]:
        return "on the way"
    return "behind" if pace["high"] < pace["needed"] else NOT_TOLD


def _moment(text) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else text
