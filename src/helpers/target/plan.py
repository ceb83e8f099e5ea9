"""The plan of a campaign: reach, answers so far, what its test could see, and what it must bring; figures and codes only."""

from datetime import datetime, timedelta

import ibis.expr.types as ir

from helpers.engine import first_instant, total
from helpers.objectives.figures import RESPONSE_DAYS, measure
from helpers.project import Project
from helpers.scope import smallest_rise
from helpers.target.arms import ARMS, counted

MOST_CAMPAIGNS = 12
"""Campaigns over which a test may be spread before it is called hopeless."""
NO_CONSENTS, NOT_SIGNED, NO_OFFER, NO_MARGIN = "no consents", "not signed", "no offer", "no margin"


def reasons(project: Project, validation: dict, profiles: dict, *, consents: bool) -> list[str]:
    """Why nothing is released, as codes; empty when nothing stands in the way."""
    found = [] if consents else [NO_CONSENTS]
    found += [] if validation["status"] == "signed" else [NOT_SIGNED]
    found += [NO_OFFER] if any(s["id"] not in project.target.offers for s in profiles["segments"]) else []
    return found + ([NO_MARGIN] if project.target.margin_rate is None else [])


def responses(
    members: ir.Table, orders: ir.Table, contacts: ir.Table | None, *, as_of: datetime, since: datetime | None = None
) -> dict[str, dict]:
    """How often each segment's members answered a mailing within 30 days, over all history that can be judged.

    members    customer_id, segment;  contacts: as step 3 hands them over, or None
    since      first mailing counted (None: the first there is)
    Returns    segment → {y (answers), n (mailings), customers (members mailed)}; {} without mailings and their answers
    """
    if contacts is None or "responded_at" not in contacts.columns or not int(contacts.count().execute()):
        return {}
    start = (since or first_instant(contacts, "sent_at")) + timedelta(days=RESPONSE_DAYS)
    each = measure("response_rate", orders, contacts, start=start, end=as_of)
    joined = members.select("customer_id", "segment").join(each, "customer_id")
    found = joined.group_by("segment").agg(y=total(joined.y), n=total(joined.n), customers=joined.count()).order_by("segment")
    return {row.segment: {"y": float(row.y), "n": float(row.n), "customers": int(row.customers)} for row in found.execute().itertuples()}


def plan(
    profiles: dict,
    arms: dict[str, dict[str, int]],
    answers: dict[str, dict],
    project: Project,
    *,
    reasons: list[str],
    consents: bool,
) -> dict:
    """plan.json: nothing in it is about fewer than min_cell customers.

    profiles   as step 6 hands them over;  arms: result of `counted`;  answers: result of `responses`
    """
    target = project.target
    segments = [_segment(s, arms.get(s["id"]), answers.get(s["id"]), project, consents) for s in profiles["segments"]]
    return {
        "campaign": target.campaign,
        "status": "DRAFT" if reasons else "READY",
        "reasons": reasons,
        "control_share": target.control_share,
        "universal_control": target.universal_control,
        "margin_rate": target.margin_rate,
        "plausible": project.scope.criteria.interesting_uplift,
        "segments": segments,
        "pooled": _pooled(segments, project),
        "total": {key: _added(segments, key) for key in ("contacted", "control", "held_out", "gain", "cost")},
    }


def _segment(segment: dict, arms: dict[str, int] | None, answered: dict | None, project: Project, consents: bool) -> dict:
    """One segment's line; all that is about fewer than min_cell customers is null."""
    least, n = project.min_cell, segment["n"]
    offer, action = project.target.offers.get(segment["id"]), project.adopt.actions.get(segment["id"])
    arms = arms or dict.fromkeys(ARMS, 0)
    head = {"id": segment["id"], "name": segment["name"], "fits": segment["fits"], "colour": segment["colour"]}
    head |= {
        "offer": offer.offer if offer else None,
        "message": offer.message if offer else None,
        "channel": offer.channel if offer else None,
        "owner": action.owner if action else None,
    }
    listed = sum(arms.values())
    reach = {"n": listed, "share": listed / n} if consents and offer and n >= least and not 0 < listed < least else None
    counts = {name: _enough(arms[arm], least) for name, arm in zip(("contacted", "control", "held_out"), ARMS, strict=True)}
    if n < least:  # nobody in it counts 0 and is no secret
        counts, answered = dict.fromkeys(counts, 0 if n == 0 else None), None
    told = answered if answered and answered["customers"] >= least and answered["n"] else None
    response = {"value": told["y"] / told["n"], "n": told["customers"], "mailings": int(told["n"])} if told else None
    seen = _seen(response, counts, project)
    worth = economics(segment["id"], segment["spend_per_order"] if n >= least else None, counts["contacted"], response, project)
    return head | {"customers": _enough(n, least), "reachable": reach, **counts, "response": response, **seen, **worth}


def _enough(n: int, least: int) -> int | None:
    return None if 0 < n < least else n


def _seen(response: dict | None, counts: dict[str, int | None], project: Project) -> dict:
    """What a test of one campaign could see: smallest_effect, the same with half of the customers as control, campaigns_needed."""
    contacted, control = counts["contacted"] or 0, counts["control"] or 0
    if not response or not response["value"] or not contacted or not control:
        return dict.fromkeys(("smallest_effect", "smallest_at_half", "learns", "campaigns_needed"))
    base, plausible = response["value"], project.scope.criteria.interesting_uplift
    effect, half = smallest_rise(base, contacted, control), smallest_rise(base, (contacted + control) / 2)
    times = (m for m in range(1, MOST_CAMPAIGNS + 1) if (smallest_rise(base, m * contacted, m * control) or 1) <= plausible)
    return {
        "smallest_effect": effect,
        "smallest_at_half": half,
        "learns": None if effect is None else effect <= plausible,
        "campaigns_needed": next(times, None),
    }


def economics(segment: str, spend_per_order: float | None, contacted: int | None, response: dict | None, project: Project) -> dict:
    """What the offer of a segment must bring, at the typed margin and costs.

    margin_of_response   spend per order × margin rate − cost of a redeemed offer
    per_contact          cost of a contact, and of the offers redeemed by those who answer anyway (their share by earlier answers;
                         the contact alone where nobody knows it)
    break_even           rise in response that pays for the contact: per_contact ÷ margin_of_response; null when that is not above 0
    gain                 contacted × plausible rise × margin_of_response − cost;  cost: contacted × per_contact
    pays                 whether break_even is at most the plausible rise
    pays_through         the cheapest typed channel by which it would pay, when it does not
    largest_offer        the cost of a redeemed offer up to which it would pay by its channel, when it does not
    """
    target, plausible = project.target, project.scope.criteria.interesting_uplift
    offer = target.offers.get(segment)
    fields = ("margin_of_response", "per_contact", "break_even", "gain", "cost", "pays", "pays_through", "largest_offer")
    found = dict.fromkeys(fields)
    if offer is None:
        return found
    anyway = response["value"] if response else 0.0
    price = target.channels[offer.channel].cost + anyway * offer.cost
    found["cost"] = None if contacted is None else contacted * price
    if target.margin_rate is None or spend_per_order is None:
        return found
    before_offer = spend_per_order * target.margin_rate
    margin = before_offer - offer.cost
    found |= {"per_contact": price, "margin_of_response": margin, "pays": margin > 0 and price / margin <= plausible}
    if margin > 0:
        found["break_even"] = price / margin
    if contacted is not None:
        found["gain"] = contacted * plausible * margin - found["cost"]
    if not found["pays"]:
        taken = anyway * offer.cost
        paying = sorted((c.cost, key) for key, c in target.channels.items() if margin > 0 and (c.cost + taken) / margin <= plausible)
        found["pays_through"] = paying[0][1] if paying else None
        channel, share = target.channels[offer.channel].cost, anyway + plausible
        largest = (plausible * before_offer - channel) / share if share else 0.0  # what solves break_even = plausible
        found["largest_offer"] = largest if largest > 0 else None
    return found


def _pooled(segments: list[dict], project: Project) -> dict | None:
    """The smallest effect when all segments with an offer and a known response are tested together; null when there are none.

    Its base is each segment's response weighted by the customers in its test: earlier campaigns mailed some segments more than others.
    """
    known = [s for s in segments if s["response"] and s["contacted"] and s["control"]]
    if not known:
        return None
    mailings = sum(s["response"]["mailings"] for s in known)
    answered = sum(s["response"]["value"] * s["response"]["mailings"] for s in known)
    counts = {key: sum(s[key] for s in known) for key in ("contacted", "control")}
    response = {"value": answered / mailings, "n": sum(s["response"]["n"] for s in known), "mailings": mailings}
    base = sum(s["response"]["value"] * (s["contacted"] + s["control"]) for s in known) / sum(counts.values())
    return {"segments": [s["id"] for s in known], "response": response, **counts, **_seen({"value": base}, counts, project)}


def _added(segments: list[dict], key: str) -> float | None:
    """The sum over the segments that may be shown; null when none may."""
    shown = [s[key] for s in segments if s[key] is not None]
    return sum(shown) if shown else None


def assumptions(project: Project) -> list[dict]:
    """Everything typed that the plan rests on: what (a code), value, kind, source (prose or None), field of project.yml, decisions."""
    target, own = project.target, project.target.decisions
    rows = [{"what": "margin_rate", "value": target.margin_rate, "source": target.margin_source or None, "field": "target.margin_rate"}]
    for key, channel in target.channels.items():
        place = f"target.channels.{key}.cost"
        rows.append({"what": "contact", "of": channel.name, "value": channel.cost, "source": channel.source or None, "field": place})
    for segment, offer in target.offers.items():
        rows.append({"what": "offer", "of": offer.offer, "value": offer.cost, "source": None, "field": f"target.offers.{segment}.cost"})
    rows = [row | {"decided": own} for row in rows]
    rows.append(
        {
            "what": "plausible",
            "value": project.scope.criteria.interesting_uplift,
            "source": None,
            "field": "scope.criteria.interesting_uplift",
            "decided": project.scope.decisions,
        }
    )
    for what in ("control_share", "universal_control"):
        rows.append({"what": what, "value": getattr(target, what), "source": None, "field": f"target.{what}", "decided": own})
    return rows


__all__ = ["assumptions", "counted", "economics", "plan", "reasons", "responses"]
