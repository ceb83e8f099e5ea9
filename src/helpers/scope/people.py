"""Step 2: whose behaviour, over which history, into how many groups, and by which thresholds it will be judged."""

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import NinefoldError, words
from helpers.engine import Window, days_between
from helpers.project import Filter, Project
from helpers.words import mark, say

RULES = {
    "known_for_days": mark("first order at least {value} days before the end"),
    "bought_within_days": mark("an order within the last {value} days"),
    "spent_more_than": mark("more than {value} spent within the window"),
    "orders_at_least": mark("at least {value} orders within the window"),
}
TYPES = {  # type: (what people call it, tables or columns it needs, what it would take in words)
    "a_priori": (
        mark("A priori (conventional assumptions)"),
        ["orders"],
        mark("a column with the company’s present segments (customers.current_segment)"),
    ),
    "needs": (mark("Needs"), ["answers"], mark("a survey of needs, answered by a known share of customers")),
    "value": (mark("Value"), ["orders.amount"], mark("order amounts")),
    "demographic": (mark("Demographic"), ["customers"], mark("age, household or income of each customer")),
    "geographic": (mark("Geographic"), ["customers.postcode"], mark("a postcode or town for each customer")),
    "technographic": (mark("Technographic"), ["events.device"], mark("visits with the device used")),
    "behavioural": (mark("Behavioural"), ["orders"], mark("order lines with products and dates")),
    "psychographic": (mark("Psychographic"), ["answers"], mark("a survey of values and interests")),
    "journey": (
        mark("Journey"),
        ["events.kind", "contacts.sent_at", "customers.first_contact_at"],
        mark("first contact, visits and mailings with their dates"),
    ),
}
WINDOWS = {"select": mark("Select"), "confirm": mark("Confirm"), "published": mark("Published")}
ITEMS_PER_VARIABLE = (60, 100)
"""Customers wanted for each segmentation variable: at least 60 (Dolnicar, Grün, Leisch & Schmidt 2014, Journal of Travel
Research 53), better 100 (Dolnicar, Grün & Leisch 2016, Journal of Business Research 69)."""

ERRORS = (1.959964, 0.841621)
"""Normal quantiles of a two-sided test at 5 % and of a power of 80 %."""


def customers_seen(orders: ir.Table, *, as_of: datetime, window_days: int) -> ir.Table:
    """One row per customer with an order before as_of, with what the filters ask about.

    orders    customer_id, order_id, ordered_at, amount (one row an order)
    Returns   customer_id, first_ordered_at, last_ordered_at, orders and spend (within the window, spend net of refunds),
              known_days, silent_days (days from the first and last order to as_of). A refund alone is no order: who only has
              refunds is known, with a last order and silent_days missing. Rows without a customer are nobody.
    """
    known = orders.filter(orders.customer_id.notnull(), orders.ordered_at < ibis.literal(as_of))
    recent, bought = known.ordered_at >= ibis.literal(as_of - timedelta(days=window_days)), known.amount >= 0
    seen = known.group_by("customer_id").agg(
        first_ordered_at=known.ordered_at.min(),
        last_ordered_at=known.ordered_at.max(where=bought),
        orders=known.order_id.nunique(where=recent & bought),
        spend=known.amount.sum(where=recent).fill_null(0),
    )
    return seen.mutate(known_days=days_between(seen.first_ordered_at, as_of), silent_days=days_between(seen.last_ordered_at, as_of))


def passes(seen: ir.Table, rule: Filter) -> ir.BooleanValue:
    """Whether each row of `customers_seen` passes one filter."""
    tests = {
        "known_for_days": lambda: seen.known_days >= rule.value,
        "bought_within_days": lambda: seen.silent_days <= rule.value,
        "spent_more_than": lambda: seen.spend > rule.value,
        "orders_at_least": lambda: seen.orders >= rule.value,
    }
    return tests[rule.rule]()


def population(orders: ir.Table, project: Project, *, as_of: datetime) -> ir.Table:
    """The customers whom the segmentation is about, as of any instant: `customers_seen` after every filter."""
    seen = customers_seen(orders, as_of=as_of, window_days=project.scope.window_days)
    for rule in project.scope.filters:
        seen = seen.filter(passes(seen, rule))
    return seen


def funnel(orders: ir.Table, project: Project, *, as_of: datetime) -> pd.DataFrame:
    """How many customers, and how much of the window's revenue, are left after each filter in turn.

    Returns  label, n, share (of all seen), revenue, revenue_share, because; the first row is everybody seen. Revenue is missing
             where its difference to the last one given would tell what fewer than `min_cell` customers spent.
    """
    left = customers_seen(orders, as_of=as_of, window_days=project.scope.window_days)
    rows = []
    for rule in [None, *project.scope.filters]:
        left = left if rule is None else left.filter(passes(left, rule))
        found = left.aggregate(n=left.count(), revenue=left.spend.sum()).execute().iloc[0]
        rows.append(
            {
                "label": say("All customers seen") if rule is None else describe(rule),
                "n": int(found["n"]),
                "revenue": float(found["revenue"] or 0),
                "because": "" if rule is None else words.text(rule.because),
            }
        )
    frame = pd.DataFrame(rows)
    frame["share"] = frame["n"] / max(frame["n"].iloc[0], 1)
    frame["revenue_share"] = frame["revenue"] / (frame["revenue"].iloc[0] or 1)
    given = frame["n"].iloc[0]
    for row, n in frame["n"].items():
        if 0 < given - n < project.min_cell:
            frame.loc[row, ["revenue", "revenue_share"]] = None
        else:
            given = n
    return frame[["label", "n", "share", "revenue", "revenue_share", "because"]]


def require_customers(frame: pd.DataFrame, project: Project) -> None:
    """Refuse to go on with fewer customers than any figure may be about; `frame` is the result of `funnel`.

    Raises NinefoldError naming the filter that leaves too few
    """
    few = frame["n"] < project.min_cell
    if few.iloc[0]:
        n = int(frame["n"].iloc[0])
        raise NinefoldError(
            f"{project.file}: table orders: these data have {n} {'customer' if n == 1 else 'customers'} with an order before the end; "
            f"{project.min_cell} are needed (min_cell). Give more rows, map customer_id to the column that tells customers apart, or give "
            "another as_of."
        )
    if few.any():
        place = int(few.to_numpy().argmax())
        rule, n = project.scope.filters[place - 1], int(frame["n"].iloc[place])
        left = f"{n} {'customer' if n == 1 else 'customers'}"
        raise NinefoldError(
            f"{project.file}: field scope.filters: {rule.rule} {rule.value:g} leaves {left}, fewer than min_cell ({project.min_cell}). "
            "Loosen it, or give another as_of."
        )


def describe(rule: Filter) -> str:
    """A filter in business words."""
    value = words.money(rule.value, 0) if rule.rule == "spent_more_than" else words.number(rule.value)
    sentence = say(RULES[rule.rule], value=value)
    return sentence[:1].upper() + sentence[1:]


def windows_frame(found: dict[str, Window]) -> pd.DataFrame:
    """The windows as bars of a timeline: label, part ("built on" or "judged on"), start, end, enough."""
    labels = {name: say(label) for name, label in WINDOWS.items()}
    rows = []
    for window in found.values():
        rows.append(
            {"label": labels[window.name], "part": "built on", "start": window.built_from, "end": window.built_at, "enough": window.enough}
        )
        if window.judged_until:
            rows.append(
                {
                    "label": labels[window.name],
                    "part": "judged on",
                    "start": window.built_at,
                    "end": window.judged_until,
                    "enough": window.enough,
                }
            )
    return pd.DataFrame(rows)


def possible_types(project: Project, shares: dict[str, float]) -> pd.DataFrame:
    """The nine types of segmentation with what these data allow.

    shares    for tables that describe only part of the customers: table -> share described (0-1)
    Returns   type, label, status ("possible", "partly", "no"), why
    """
    rows = []
    for name, (label, needs, takes) in TYPES.items():
        lacking = [need for need in needs if not project.has(need)]
        covered = min((shares.get(need.split(".")[0], 1.0) for need in needs), default=1.0)
        if lacking:
            status, why = "no", say("not in these data; it would take {takes}", takes=say(takes))
        elif covered < 0.8:
            status = "partly"
            why = say("known for {share} of customers only: it describes, it cannot define", share=words.share(covered))
        else:
            status, why = "possible", _beyond_rules(name, takes, project)
        rows.append({"type": name, "label": say(label), "status": status, "why": why})
    return pd.DataFrame(rows)


def _beyond_rules(name: str, takes: str, project: Project) -> str:
    """Orders allow conventional rules; segments that the company has already are a column of customers."""
    if name != "a_priori" or project.has("customers.current_segment"):
        return ""
    return say("by rules over the orders; a comparison with today’s segments would take {takes}", takes=say(takes))


def described_share(orders: ir.Table, customers: ir.Table | None) -> dict[str, float]:
    """Share of the customers with an order whom the table customers describes."""
    if customers is None:
        return {}
    buyers = orders.filter(orders.customer_id.notnull()).select("customer_id").distinct()
    described = buyers.semi_join(customers, "customer_id").count().execute()
    return {"customers": float(described / max(int(buyers.count().execute()), 1))}


def response_of(document: dict) -> float | None:
    """Today's response rate among the objectives that step 1 handed over, or None."""
    return next((o["value"] for o in document["objectives"] if o["plan"]["metric"] == "response_rate"), None)


def sizes(n: int, project: Project, response: float | None) -> pd.DataFrame:
    """What each number of segments would allow.

    n         customers in the population
    response  today's response rate (0-1), or None
    Returns   segments, customers (mean size), visible (smallest rise of the response that a test in one mean segment, half of it
              control, finds in four cases of five; in points 0-1, missing without a response rate)
    """
    rows = []
    for k in range(project.scope.segments_from, project.scope.segments_to + 1):
        visible = smallest_rise(response, n / k / 2) if response else None
        rows.append({"segments": k, "customers": n // k, "visible": visible})
    return pd.DataFrame(rows)


def smallest_rise(response: float, arm: float, other: float | None = None) -> float | None:
    """The rise of a response rate that two groups show in four cases of five (Fleiss, Levin & Paik 2003, chapter 4).

    arm      customers in the group whose response rises;  other: in the group beside it, as many when None
    Returns  points 0-1, or None when even a response of all would be missed. (With the variance of today's rate on both sides,
             the rise said to be found in four cases of five is found in seven of ten.)
    """
    other = arm if other is None else other
    if min(arm, other) <= 0:
        return None

    def enough(rise: float) -> bool:
        raised, mean = response + rise, response + rise * arm / (arm + other)
        spread = ERRORS[0] * math.sqrt(mean * (1 - mean) * (1 / arm + 1 / other))
        spread += ERRORS[1] * math.sqrt(response * (1 - response) / other + raised * (1 - raised) / arm)
        return rise >= spread

    low, high = 0.0, 1 - response
    if not enough(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sample_size(n: int, planned: int) -> dict:
    """Customers against the 60 to 100 wanted for each variable. Returns n, planned, low, high, verdict."""
    low, high = (planned * each for each in ITEMS_PER_VARIABLE)
    verdict = "enough" if n >= high else "just enough" if n >= low else "too few"
    return {"n": n, "planned": planned, "low": low, "high": high, "verdict": verdict, "most": n // ITEMS_PER_VARIABLE[1]}


def as_document(project: Project, frame: pd.DataFrame, found: dict[str, Window], types: pd.DataFrame, size: dict) -> dict:
    """The scope as handed over: what later steps may not quietly change."""
    scope = project.scope
    return {
        "population": [
            {"rule": rule.model_dump(mode="json") if rule else None, "n": n, "revenue": revenue}
            for rule, n, revenue in zip([None, *scope.filters], frame["n"], frame["revenue"], strict=True)
        ],
        "window_days": scope.window_days,
        "horizon_days": scope.horizon_days,
        "windows": {name: vars(window) for name, window in found.items()},
        "segments": {"wanted": scope.segments_wanted, "from": scope.segments_from, "to": scope.segments_to},
        "levels": scope.levels,
        "types": types.set_index("type")["status"].to_dict(),
        "panel": scope.panel,
        "criteria": scope.criteria.model_dump(),
        "sample_size": size,
    }
