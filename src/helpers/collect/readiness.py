"""Step 3: for each later analysis, whether these data are ready for it, why with numbers, and what it would take."""

from collections.abc import Callable
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.collect.unify import attributes
from helpers.project import Project
from helpers.words import mark

ANALYSES = {
    "segmentation": mark("Segmentation by behaviour"),
    "rfm": mark("Recency, frequency and monetary value"),
    "later_period": mark("Judgement on a later period"),
    "clv": mark("Customer lifetime value"),
    "attrition": mark("Attrition"),
    "next_product": mark("Next product"),
    "scales": mark("Needs and values from the survey"),
    "uplift": mark("Effect of campaigns, against a control group"),
    "reach": mark("Reach of channels"),
    "personas": mark("Personas"),
    "sentiment": mark("Sentiment of comments"),
    "firms": mark("Business customers apart"),
}
REQUIREMENTS = {  # code: (what is counted, how it is written, whether it is a least or a most)
    "orders": (mark("order lines"), "count", "least"),
    "customers": (mark("customers with an order in the window"), "count", "least"),
    "profiles": (mark("customers with an order"), "count", "least"),
    "history_days": (mark("days of history"), "count", "least"),
    "missing": (mark("empty cells in customer, order, date and amount"), "share", "most"),
    "repeat_share": (mark("buyers with a second order"), "share", "least"),
    "lost": (mark("buyers who stopped for the attrition period within the history"), "count", "least"),
    "product_share": (mark("order lines with a known product"), "share", "least"),
    "respondents": (mark("respondents of the survey"), "count", "least"),
    "items": (mark("survey items in scales"), "count", "least"),
    "campaigns": (mark("campaigns with contacted and control customers"), "count", "least"),
    "control": (mark("customers in the smallest control group"), "count", "least"),
    "asked": (mark("customers whose consent is known"), "share", "least"),
    "described": (mark("customers with at least one attribute or survey answer"), "share", "least"),
    "comments": (mark("comments with a text"), "count", "least"),
    "rated": (mark("comments with a rating, to check the reading against"), "count", "least"),
    "firms": (mark("business customers"), "count", "least"),
}
LEAST = {
    "profiles": 1_000,
    "year": 365,
    "missing": 0.20,
    "respondents": 500,
    "items": 3,
    "control": 100,
    "asked": 0.50,
    "described": 0.50,
    "comments": 200,
    "rated": 50,
    "firms": 100,
    "repeat_share": 0.20,
    "lost": 100,
    "product_share": 0.80,
    "rfm": 100,
}
"""Least numbers ◇; those of the lifetime value are Dynamics 365's (1,000 profiles, a year, under 20 % missing)."""
CONTROL_ARMS = ("control", "hold_out", "holdout", "témoin", "temoin")
KINDS_OF_FIRM = ("firm", "company", "business", "b2b", "professional", "pro", "entreprise", "société", "societe")


def requirement(code: str, have: float | None, want: float) -> dict:
    """code, have, want, met; what the data lack altogether has None."""
    most = REQUIREMENTS[code][2] == "most"
    met = have is not None and (have < want if most else have >= want)
    return {"code": code, "have": have, "want": want, "met": bool(met)}


def ready_for(
    checked: dict[str, ir.Table], customers: ir.Table, found: dict[str, dict], project: Project, *, as_of: datetime
) -> list[dict]:
    """A row a later analysis.

    checked    the checked tables; customers: the unified ones; found: result of `facts`, by table
    Returns    [{analysis (a key of ANALYSES), ready, requirements: [{code, have, want, met}]}], ready when every requirement is met
    """
    known = _Known(checked, customers, found, project, as_of)
    rows = [(name, work(known)) for name, work in WORK.items()]
    return [{"analysis": name, "ready": all(r["met"] for r in needs), "requirements": needs} for name, needs in rows]


class _Known:
    """What several analyses ask about, counted once."""

    def __init__(self, checked: dict[str, ir.Table], customers: ir.Table, found: dict[str, dict], project: Project, as_of: datetime):
        self.checked, self.customers, self.found, self.project, self.as_of = checked, customers, found, project, as_of
        orders = checked["orders"]
        recent = orders.ordered_at >= ibis.literal(as_of - timedelta(days=project.scope.window_days))
        asked = {"lines": orders.count(), "first": orders.ordered_at.min(), "profiles": orders.customer_id.nunique()}
        asked |= {"window": orders.customer_id.nunique(where=recent)}
        counted = orders.aggregate(**asked).execute().iloc[0]
        self.lines, self.profiles, self.window = (int(counted[k]) for k in ("lines", "profiles", "window"))
        self.days = 0 if pd.isna(counted["first"]) else (as_of - counted["first"].to_pydatetime()).days
        self.everybody = int(customers.count().execute())


def _segmentation(known: _Known) -> list[dict]:
    wanted = 60 * known.project.scope.variables_planned
    return [requirement("customers", known.window, wanted), requirement("history_days", known.days, known.project.scope.window_days)]


def _rfm(known: _Known) -> list[dict]:
    return [requirement("customers", known.window, LEAST["rfm"])]


def _later_period(known: _Known) -> list[dict]:
    scope = known.project.scope
    return [requirement("history_days", known.days, scope.window_days + 2 * scope.horizon_days)]


def _clv(known: _Known) -> list[dict]:
    facts = known.found["orders"]
    required = [facts["missing"].get(c, 0) for c in ("customer_id", "order_id", "ordered_at", "amount")]
    missing = max(required) / max(facts["rows"], 1)
    return [
        requirement("profiles", known.profiles, LEAST["profiles"]),
        requirement("history_days", known.days, LEAST["year"]),
        requirement("missing", missing, LEAST["missing"]),
    ]


def _attrition(known: _Known) -> list[dict]:
    """Who stopped: an order at least the attrition period before the end, and none since."""
    after = known.project.variables.attrition_after_days
    last = known.customers.last_ordered_at
    lost = int((last < ibis.literal(known.as_of - timedelta(days=after))).sum().execute() or 0)
    return [requirement("history_days", known.days, known.project.scope.window_days + 2 * after), requirement("lost", lost, LEAST["lost"])]


def _next_product(known: _Known) -> list[dict]:
    orders, facts = known.checked["orders"], known.found["orders"]
    share = None
    if "product_id" in orders.columns:
        share = 1 - facts["missing"].get("product_id", 0) / max(facts["rows"], 1)
    several = int((known.customers.orders >= 2).sum().execute() or 0)
    repeat = several / max(known.profiles, 1)
    return [requirement("product_share", share, LEAST["product_share"]), requirement("repeat_share", repeat, LEAST["repeat_share"])]


def _respondents(known: _Known) -> int | None:
    if "answers" not in known.checked:
        return None
    return int(known.checked["answers"].semi_join(known.customers, "customer_id").customer_id.nunique().execute())


def _scales(known: _Known) -> list[dict]:
    items = {item for scale in known.project.variables.scales.values() for item in scale.items}
    return [requirement("respondents", _respondents(known), LEAST["respondents"]), requirement("items", len(items), LEAST["items"])]


def _uplift(known: _Known) -> list[dict]:
    contacts = known.checked.get("contacts")
    if contacts is None or "arm" not in contacts.columns:
        return [requirement("campaigns", None, 1), requirement("control", None, LEAST["control"])]
    contacts = contacts.filter(contacts.arm.notnull())
    control = contacts.arm.lower().isin(CONTROL_ARMS)
    sums = {"held": contacts.customer_id.nunique(where=control), "sent": contacts.customer_id.nunique(where=~control)}
    counted = contacts.group_by("campaign_id").agg(**sums).execute()
    both = counted[(counted["held"] > 0) & (counted["sent"] > 0)]
    smallest = int(both["held"].min()) if len(both) else None
    return [requirement("campaigns", len(both), 1), requirement("control", smallest, LEAST["control"])]


def _reach(known: _Known) -> list[dict]:
    if "consents" not in known.checked:
        return [requirement("asked", None, LEAST["asked"])]
    asked = int(known.checked["consents"].semi_join(known.customers, "customer_id").customer_id.nunique().execute())
    return [requirement("asked", asked / max(known.everybody, 1), LEAST["asked"])]


def _personas(known: _Known) -> list[dict]:
    names = attributes(known.customers)
    told = [known.customers.filter(ibis.or_(*(known.customers[c].notnull() for c in names))).select("customer_id")] if names else []
    if "answers" in known.checked:
        told.append(known.checked["answers"].select("customer_id").semi_join(known.customers, "customer_id"))
    if not told:
        return [requirement("described", None, LEAST["described"])]
    together = (ibis.union(*told) if len(told) > 1 else told[0]).customer_id.nunique()
    return [requirement("described", int(together.execute()) / max(known.everybody, 1), LEAST["described"])]


def _sentiment(known: _Known) -> list[dict]:
    comments = known.checked.get("comments")
    if comments is None:
        return [requirement("comments", None, LEAST["comments"]), requirement("rated", None, LEAST["rated"])]
    said = int((comments.text.strip() != "").sum().execute() or 0)
    rated = int(comments.rating.count().execute()) if "rating" in comments.columns else None
    return [requirement("comments", said, LEAST["comments"]), requirement("rated", rated, LEAST["rated"])]


def _firms(known: _Known) -> list[dict]:
    """Firms: a company number, or a kind of customer that says so."""
    customers, found = known.customers, []
    found += [customers.siret.cast("string").strip() != ""] if "siret" in customers.columns else []
    found += [customers.kind.cast("string").lower().isin(KINDS_OF_FIRM)] if "kind" in customers.columns else []
    if not found:
        return [requirement("firms", None, LEAST["firms"])]
    told = [each.fill_null(False) for each in found]
    return [requirement("firms", int((ibis.or_(*told)).sum().execute() or 0), LEAST["firms"])]


WORK: dict[str, Callable] = {
    "segmentation": _segmentation,
    "rfm": _rfm,
    "later_period": _later_period,
    "clv": _clv,
    "attrition": _attrition,
    "next_product": _next_product,
    "scales": _scales,
    "uplift": _uplift,
    "reach": _reach,
    "personas": _personas,
    "sentiment": _sentiment,
    "firms": _firms,
}
