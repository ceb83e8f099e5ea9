"""What a card says of each segment, as plain values: figures, traits and how many members share them, what is done and by whom."""

import ibis
import ibis.expr.types as ir

from helpers.build.ahead import COLUMNS, Foreseen
from helpers.build.portraits import strongest
from helpers.masking import few_on_a_side, withheld
from helpers.project import Project

MOST, LEAST = 5, 3
"""Traits on a card."""
SURE, WEAK = 2, 0.2
"""Traits that a card has however weak they are, and standard deviations below which a further one says nothing."""
STRONG = 0.3
"""Standard deviations from which a fourth and fifth trait are worth a line."""
SAID = "spend_per_30d"
"""Stands at the top of the card as revenue, in the window's own money."""
AHEAD = ("expected_value", "attrition_risk")
"""What step 4 predicts of a customer that a card says of the segment."""
LEVEL = 0.05
"""Level at which a descriptor is told, after Holm's correction."""


def held(members: ir.Table, variables: ir.Table, profiles: dict) -> dict[str, dict[str, dict]]:
    """How many members lie on the side of everyone's mean on which their segment's own mean lies.

    members    customer_id, segment
    variables  customer_id and the variables
    profiles   as step 6 hands them over
    Returns    segment → variable → {known (members with a value), beyond}; variables without a mean are left out
    """
    everyone = {t["variable"]: t["everyone"] for s in profiles["segments"] for t in s["traits"] if t["mean"] is not None}
    everyone = {name: mean for name, mean in everyone.items() if name in variables.columns}
    if not everyone:
        return {}
    joined = members.select("customer_id", "segment").join(variables.select("customer_id", *everyone), "customer_id")
    counts = {}
    for name, mean in everyone.items():
        value = joined[name].cast("float64")
        value = value.isnan().ifelse(ibis.null("float64"), value)
        counts[f"known_{name}"] = value.count()
        counts[f"above_{name}"] = (value > mean).sum()
        counts[f"below_{name}"] = (value < mean).sum()
    found = joined.group_by("segment").agg(**counts).order_by("segment").execute().set_index("segment")
    result: dict[str, dict[str, dict]] = {}
    for segment in (s for s in profiles["segments"] if s["id"] in found.index):
        row = found.loc[segment["id"]].fillna(0)
        for trait in (t for t in segment["traits"] if t["variable"] in everyone and t["mean"] is not None):
            side = "above" if trait["mean"] >= trait["everyone"] else "below"
            counted = {"known": int(row[f"known_{trait['variable']}"]), "beyond": int(row[f"{side}_{trait['variable']}"])}
            result.setdefault(segment["id"], {})[trait["variable"]] = counted
    return result


def described(members: ir.Table, descriptors: ir.Table | None) -> dict[str, int]:
    """Segment → members about whom at least one descriptor is known.

    descriptors   customer_id and attributes, or None
    """
    attributes = [c for c in descriptors.columns if c != "customer_id"] if descriptors is not None else []
    if not attributes:
        return {}
    known = descriptors.filter(ibis.or_(*(descriptors[c].notnull() for c in attributes)))
    found = members.semi_join(known, "customer_id").group_by("segment").agg(n=ibis._.count()).execute()
    return {str(row.segment): int(row.n) for row in found.itertuples()}


def cards(profiles: dict, passports: dict, beyond: dict, known: dict[str, int], project: Project, foreseen: Foreseen | None = None) -> dict:
    """cards.json: plain values, the same whatever language the pages are in.

    passports   as step 4 hands them over: which variables say the same
    beyond      result of `held`;  known: result of `described`;  foreseen: result of `build.ahead.foresee`
    Returns     revenue_per_30d (of everyone), segments [{id, name, colour, shown}]; those that step 6 shows have also suggested (a name,
                where none is typed), in_short, fits, n, shares, revenue_per_30d, spend_per_order, orders_per_30d, active_later,
                described, descriptors, action, traits [{variable, mean, everyone, effect, beyond (a share, or "most" or "few" where
                it would be about fewer than min_cell members)}], strongest (the two traits said where no in_short is typed), ahead (column
                of AHEAD → {value, low, high, sum, n, grade}; only what step 4 predicted and graded)
    """
    foreseen = foreseen or Foreseen()
    found = []
    for segment in profiles["segments"]:
        head = {key: segment[key] for key in ("id", "name", "colour")} | {
            "shown": segment["n"] > 0 and not withheld(segment, project.min_cell)
        }
        body = _body(segment, passports, beyond, known, project) | {"ahead": ahead_of(segment["id"], foreseen)} if head["shown"] else {}
        found.append(head | body)
    worth = [s["revenue_per_30d"]["value"] * s["n"] for s in profiles["segments"] if s["revenue_per_30d"]["value"] is not None]
    everyone = sum(worth) / profiles["customers"] if worth and profiles["customers"] else None
    return {"as_of": profiles["as_of"], "customers": profiles["customers"], "revenue_per_30d": everyone, "segments": found}


def _body(segment: dict, passports: dict, beyond: dict, known: dict[str, int], project: Project) -> dict:
    kept = (
        "suggested",
        "in_short",
        "fits",
        "n",
        "share_of_customers",
        "share_of_revenue",
        "revenue_per_30d",
        "spend_per_order",
        "orders_per_30d",
    )
    later, action = segment["active_later"], project.adopt.first_action(segment["id"])
    described_here = known.get(segment["id"], 0)
    return {key: segment.get(key) for key in kept} | {
        "active_later": later if later and not few_on_a_side(later, project.min_cell) else None,
        "traits": _traits(segment, passports, beyond.get(segment["id"], {}), project.min_cell),
        "strongest": strongest(segment),
        "described": described_here if described_here >= project.min_cell else None,
        "descriptors": [_plain(d) for d in segment["descriptors"] if _told(d, project.min_cell)],
        "action": action.model_dump(mode="json") if action else None,
    }


def ahead_of(segment: str, foreseen: Foreseen) -> dict[str, dict]:
    """The value ahead and the risk of a segment, each with its grade; what is not graded is left out."""
    row = foreseen.rows.get(segment, {})
    return {c: row[c] | {"grade": foreseen.may.parts[COLUMNS[c]]["grade"]} for c in AHEAD if row.get(c)}


def _traits(segment: dict, passports: dict, counted: dict[str, dict], min_cell: int) -> list[dict]:
    """The strongest traits, one of each group of variables that say the same; none about fewer than min_cell members."""
    found, groups = [], set()
    for trait in segment["traits"]:
        name = trait["variable"]
        group = passports.get(name, {}).get("stands_for") or name
        about = counted.get(name, {"known": 0})
        if trait["effect"] is None or name == SAID or group in groups or about["known"] < min_cell:
            continue
        if abs(trait["effect"]) < (0.0 if len(found) < SURE else WEAK if len(found) < LEAST else STRONG):
            break
        groups.add(group)
        found.append({key: trait[key] for key in ("variable", "mean", "everyone", "effect")} | {"beyond": _share(**about, least=min_cell)})
    return found[:MOST]


def _share(known: int, beyond: int, *, least: int) -> float | str:
    """A share of members, in words where those counted or the others are too few."""
    if 0 < known - beyond < least:
        return "most"
    return "few" if 0 < beyond < least else beyond / known


def _told(descriptor: dict, min_cell: int) -> bool:
    """Whether a level differs beyond chance, and neither those who have it nor those who have not are too few."""
    described_here = round(descriptor["n"] / descriptor["share"]) if descriptor["share"] else 0
    others = described_here - descriptor["n"]
    return descriptor["p_holm"] <= LEVEL and descriptor["n"] >= min_cell and not 0 < others < min_cell


def _plain(descriptor: dict) -> dict:
    return {key: descriptor[key] for key in ("attribute", "level", "n", "share", "everyone")}
