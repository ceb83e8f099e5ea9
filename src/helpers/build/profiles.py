"""What each segment is like and worth: size, money, traits, descriptors, whether it still buys; and the bands beside it."""

from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import rates
from helpers.build import describe, naming
from helpers.build.choice import name_fits
from helpers.build.document import apply
from helpers.build.inputs import customers
from helpers.build.methods import own_measure
from helpers.engine import Window, between, total
from helpers.masking import covered_sizes
from helpers.project import Project

CORE = 0.8
"""Confidence from which a member belongs to the core of its segment."""


def revenue(orders: ir.Table, window: Window) -> ir.Table:
    """customer_id, revenue: what each spent in the window in which behaviour was measured, net of refunds."""
    inside = between(orders, "ordered_at", window.built_from, window.built_at)
    return inside.filter(inside.customer_id.notnull()).group_by("customer_id").agg(revenue=inside.amount.sum())


def sums(members: ir.Table, spent: ir.Table, by: str) -> pd.DataFrame:
    """Per segment or band: n, revenue, share_of_customers, share_of_revenue. Everybody counts, not a sample."""
    joined = members.left_join(spent, "customer_id")
    found = joined.group_by(by).agg(n=joined.count(), revenue=total(joined.revenue.fill_null(0))).order_by(by).execute()
    found["revenue"] = found["revenue"].astype("float64")
    found["share_of_customers"] = found["n"] / max(found["n"].sum(), 1)
    whole = found["revenue"].sum()
    return found.assign(share_of_revenue=found["revenue"] / whole if whole else np.nan).set_index(by)


def steadiness(members: ir.Table) -> dict[str, dict]:
    """Per segment known (members whose confidence is known), core (those with `CORE` or more), confidence (their mean); {} without any.

    members   segment, confidence
    """
    if "confidence" not in members.columns:
        return {}
    there = members.filter(members.confidence.notnull())
    found = there.group_by("segment").agg(
        known=there.count(), core=(there.confidence >= CORE).cast("int64").sum(), whole=total(there.confidence)
    )
    return {
        row.segment: {"known": int(row.known), "core": int(row.core), "confidence": float(row.whole) / int(row.known)}
        for row in found.order_by("segment").execute().itertuples()
    }


def profile(
    step,
    documents: dict,
    traits: dict,
    members: ir.Table,
    orders: ir.Table,
    windows: dict,
    chosen: dict,
    *,
    titles: Mapping[str, str] | None = None,
    groups: Mapping[str, object] | None = None,
    kept: Mapping[str, dict] | None = None,
) -> dict:
    """profiles.json: everything that later steps and the first page say of the segments.

    A segment or band has shown = False when it has 1 to min_cell − 1 customers, and as many others as it takes that none follows from
    the totals: no page says more of them than the name. Those without a name that fits have `suggested`, unless they are not shown.

    documents   published, budget, and then: the document built at the window *confirm* under the published ids, or None
    traits      result of `choice.named`;  members: membership;  orders: order lines
    chosen      segments: the recipe published;  budget: the rule for the budget
    titles      name of a recipe → its marked title;  groups: variable → redundancy group;  kept: result of `choice.keep_ids`
    """
    project, window = step.project, windows["published"]
    months = (window.built_at - window.built_from).days / 30
    spent = revenue(orders, window)
    by_segment, by_band = sums(members, spent, "segment"), sums(members, spent, "band")
    joined = members.left_join(spent, "customer_id").drop("customer_id_right")
    sample = step.sample(joined.mutate(revenue=joined.revenue.fill_null(0)))
    each = {s: part.to_numpy(dtype="float64") / months for s, part in sample.groupby("segment")["revenue"]}
    attributes = step.sample(step.take("variables", "descriptors"))
    told = describe.described(attributes, sample.set_index("customer_id")["segment"], least=project.min_cell)
    later, steady = _active_later(step, documents["then"]), steadiness(members)
    hidden = covered_sizes([int(by_segment["n"].get(s["id"], 0)) for s in documents["published"]["segments"]], least=project.min_cell)
    segments = [
        segment
        | {"shown": not shut}
        | _named(segment, traits[segment["id"]], project)
        | _worth(by_segment, segment["id"], each.get(segment["id"], np.empty(0)), months, project)
        | {"active_later": later.get(segment["id"]), "traits": traits[segment["id"]], "descriptors": told.get(segment["id"], [])}
        | {"steadiness": steady.get(segment["id"]), "continues": (kept or {}).get(segment["id"])}
        for segment, shut in zip(documents["published"]["segments"], hidden, strict=True)
    ]
    return {
        "as_of": step.as_of,
        "customers": int(by_segment["n"].sum()),
        "revenue": float(by_segment["revenue"].sum()),
        "chosen": chosen["segments"],
        "titles": {name: (titles or {})[name] for name in chosen.values() if name in (titles or {})},
        "k": len(segments),
        "segments": _with_suggestions(segments, project, groups, _of_rules(documents["published"], project)),
        "budget": {"rule": chosen["budget"], "variable": own_measure(project)} | _budget(members, by_band, months, project),
    }


def _of_rules(document: dict, project: Project) -> dict[str, dict]:
    """What people call the rules that made the segments: id → the suggestion; {} for any other way of cutting."""
    if document.get("made_by") != "rules":
        return {}
    match, typed = document["assign"]["first_match"], {rule.name: rule.title or rule.name for rule in project.build.rules}
    both = {rule["segment"]: typed[rule["name"]] for rule in match["rules"] if rule.get("name") in typed}
    both = {one: title if isinstance(title, dict) else {"en": title, "fr": title} for one, title in both.items()}
    both[match["otherwise"]] = {"en": "Everyone else", "fr": "Tous les autres"}
    return {one: {"name": title, "in_short": title, "expect": {}} for one, title in both.items()}


def _with_suggestions(
    segments: list[dict], project: Project, groups: Mapping[str, object] | None, titled: Mapping[str, dict]
) -> list[dict]:
    """The segments, with a name suggested for each that has none and may be described."""
    shown = {s["id"]: s for s in segments if s["shown"] and s["n"]}
    described, levels = ({one: s[part] for one, s in shown.items()} for part in ("traits", "descriptors"))
    found = naming.suggestions(described, project, descriptors=levels, groups=groups) | titled
    return [s | {"suggested": found.get(s["id"]) if s["name"] is None else None} for s in segments]


def _named(segment: dict, traits: list[dict], project: Project) -> dict:
    """What people call the segment, whether that fits, and two figures that describe it."""
    typed = project.build.segments.get(segment["id"])
    means = {trait["variable"]: trait["mean"] for trait in traits}
    return {
        "in_short": typed.in_short if typed and segment["name"] is not None else "",
        "fits": name_fits(traits, typed.expect) if typed else None,
        "spend_per_order": means.get("spend_per_order"),
        "orders_per_30d": means.get("orders_per_30d"),
    }


def _worth(by_segment: pd.DataFrame, segment: str, each: np.ndarray, months: float, project: Project) -> dict:
    """Size and money of one segment; a segment of nobody has no money, not 0."""
    if segment not in by_segment.index:
        nothing = {"value": None, "low": None, "high": None}
        return {"n": 0, "share_of_customers": 0.0, "share_of_revenue": None, "revenue": None, "revenue_per_30d": nothing}
    row = by_segment.loc[segment]
    interval = describe.mean_with_interval(each, draws=project.build.draws, seed=project.seed)
    return {
        "n": int(row["n"]),
        "share_of_customers": row["share_of_customers"],
        "share_of_revenue": row["share_of_revenue"],
        "revenue": row["revenue"],
        "revenue_per_30d": interval | {"value": row["revenue"] / row["n"] / months},
    }


def _budget(members: ir.Table, by_band: pd.DataFrame, months: float, project: Project) -> dict:
    crossed = members.group_by(["segment", "band"]).agg(n=members.count()).order_by(["segment", "band"]).execute()
    table: dict[str, dict[str, int]] = {}
    for row in crossed.itertuples():
        table.setdefault(row.segment, {})[row.band] = int(row.n)
    hidden = covered_sizes(by_band["n"].tolist(), least=project.min_cell)
    bands = [
        {"id": b, "shown": not shut, "n": int(r["n"]), "share_of_customers": r["share_of_customers"]}
        | {"share_of_revenue": r["share_of_revenue"], "revenue_per_30d": r["revenue"] / r["n"] / months}
        for shut, (b, r) in zip(hidden, by_band.iterrows(), strict=True)
    ]
    return {"bands": bands, "crossed": table}


def _active_later(step, confirm: dict | None) -> dict[str, dict]:
    """Per segment as built at the window *confirm*: the share that bought in the days after, with its interval."""
    if confirm is None:
        return {}
    later = step.take("variables", "later_confirm")
    if "orders_per_30d" not in later.columns:
        return {}  # these data do not tell who ordered when
    later = later.select("customer_id", bought=lambda t: (t.orders_per_30d > 0).cast("int64"))
    joined = apply(confirm, customers(step, "confirm")).join(later, "customer_id")
    found = joined.group_by("segment").agg(n=joined.count(), yes=joined.bought.sum()).order_by("segment").execute()
    result = {}
    for row in found.itertuples():
        low, high = rates.wilson(int(row.yes), int(row.n))
        result[row.segment] = {"share": int(row.yes) / int(row.n), "low": low, "high": high, "n": int(row.n)}
    return result
