"""Step 3: for each later analysis, whether these data are ready for it, why with numbers, and what it would take."""

from collections.abc import Callable
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.collect.stated import per_order
from helpers.collect.unify import attributes
from helpers.project import Project
from helpers.project.contract import LOCATING
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
    "described": (mark("customers with two or more attributes or survey answers that tell customers apart"), "share", "least"),
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
        each = per_order(orders)
        # An order that its returns outweigh is none, as in every other step: a credit note makes nobody a buyer who came back.
        self.buyers = each.filter(each.bought).group_by("customer_id").agg(n=ibis._.count(), last=ibis._.at.max()).cache()
        recent = self.buyers["last"] >= ibis.literal(as_of - timedelta(days=project.scope.window_days))
        asked = {"profiles": self.buyers.count(), "window": recent.sum(), "several": (self.buyers.n >= 2).sum()}
        counted = self.buyers.aggregate(**asked).execute().fillna(0).iloc[0]
        self.profiles, self.window, self.several = (int(counted[k]) for k in ("profiles", "window", "several"))
        counted = orders.aggregate(lines=orders.count(), first=orders.ordered_at.min()).execute().iloc[0]
        self.lines = int(counted["lines"])
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
    after, last = known.project.variables.attrition_after_days, known.buyers["last"]
    lost = int((last < ibis.literal(known.as_of - timedelta(days=after))).sum().execute() or 0)
    return [requirement("history_days", known.days, known.project.scope.window_days + 2 * after), requirement("lost", lost, LEAST["lost"])]


def _next_product(known: _Known) -> list[dict]:
    orders, facts = known.checked["orders"], known.found["orders"]
    share = None
    if "product_id" in orders.columns:
        share = 1 - facts["missing"].get("product_id", 0) / max(facts["rows"], 1)
    repeat = known.several / max(known.profiles, 1)
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
    """Who can be told apart from others by at least two things: what everybody shares, or nobody else has, describes no group."""
    held = [*_by_attribute(known), *_by_answer(known)]
    if not held:
        return [requirement("described", None, LEAST["described"])]
    each = (ibis.union(*held) if len(held) > 1 else held[0]).group_by("customer_id").agg(n=ibis._.count())
    together = int((each.n >= 2).sum().execute() or 0)
    return [requirement("described", together / max(known.everybody, 1), LEAST["described"])]


def _by_attribute(known: _Known) -> list[ir.Table]:
    """customer_id of those who have it, a table an attribute of which two levels have min_cell customers each."""
    from helpers.variables.descriptors import told  # late: that room reads what this one hands over

    names = [c for c in attributes(known.customers) if c not in LOCATING]
    columns = told(known.customers, names, known.project.min_cell) if names else {}
    kept: dict[str, ir.Value] = {}
    for name, column in columns.items():
        level = known.customers.select(level=column.cast("string")).filter(ibis._.level.notnull())
        if _two_levels(level, known.project.min_cell):
            kept.setdefault(name.partition(": ")[0], column)
    return [known.customers.filter(column.notnull()).select("customer_id") for column in kept.values()]


def _by_answer(known: _Known) -> list[ir.Table]:
    """customer_id and nothing else, a row a customer and survey item of which two answers have min_cell customers each."""
    if "answers" not in known.checked:
        return []
    answers = known.checked["answers"].semi_join(known.customers, "customer_id").select("customer_id", "question", "answer")
    answers = answers.filter(answers.answer.notnull()).distinct()
    levels = answers.group_by(["question", "answer"]).agg(n=answers.customer_id.nunique())
    items = levels.filter(levels.n >= known.project.min_cell).group_by("question").agg(several=ibis._.count()).filter(ibis._.several >= 2)
    return [answers.semi_join(items, "question").select("customer_id", "question").distinct().select("customer_id")]


def _two_levels(level: ir.Table, least: int) -> bool:
    counted = level.group_by("level").agg(n=ibis._.count())
    return int(counted.filter(counted.n >= least).count().execute()) >= 2


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
