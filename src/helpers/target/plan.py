"""The plan of a campaign: reach, answers so far, what its test could see, and what it must bring; figures and codes only."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import ibis.expr.types as ir

from helpers.engine import first_instant, total
from helpers.masking import covered_sizes, withheld
from helpers.objectives.figures import RESPONSE_DAYS, measure
from helpers.project import Project
from helpers.project.targeting import Offer
from helpers.scope import smallest_rise
from helpers.target.arms import ARMS, counted, draw, ruled
from helpers.target.guards import gather
from helpers.target.outcomes import outcomes, uplifts

MOST_CAMPAIGNS = 12
"""Campaigns over which a test may be spread before it is called hopeless."""
LEAST_MAILED = 50
"""Customers of each segment mailed since it was built, from whom its response can be read."""
NO_CONSENTS, NOT_SIGNED, NO_OFFER, NO_MARGIN, NOT_BETTER = "no consents", "not signed", "no offer", "no margin", "not better"
NEEDED = "needed"
"""Stands as the source of what would have to be known."""
MONEY = (
    *("anyway", "margin_of_response", "per_contact", "break_even", "gain", "cost"),
    *("pays", "fails_for", "pays_through", "largest_offer"),
)
"""What `economics` says of a segment."""


def reasons(
    project: Project, validation: dict, profiles: dict, evidence: dict, *, consents: bool, lacking: Sequence[str] = ()
) -> list[str]:
    """Why nothing is released, as codes; empty when nothing stands in the way.

    validation, profiles, evidence   as steps 5 and 6 hand them over;  lacking: result of `guards.lacking`
    """
    found = [] if consents else [NO_CONSENTS]
    found += [] if validation["status"] == "signed" else [NOT_SIGNED]
    found += [NOT_BETTER] if evidence["verdicts"]["panel"]["verdict"] in ("rules", "none") else []
    decided = project.target.offers.keys() | project.target.without.keys()
    found += [NO_OFFER] if any(s["id"] not in decided for s in profiles["segments"]) else []
    return found + ([NO_MARGIN] if project.target.margin_rate is None else []) + list(lacking)


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


def answers_so_far(step, members: ir.Table, checked: dict[str, ir.Table], profiles: dict) -> tuple[dict[str, dict], datetime | None]:
    """How each segment answers: where enough were mailed since, as it was built one horizon earlier, to the mailings after that day.

    Segments are cut by behaviour that partly is the answer to mailings: over the window of the cut, those who answer much seem to
    answer more than they will, and those who answer little, less.
    members    customer_id, segment;  checked: the tables of step 3 by name
    Returns    result of `responses`, and the day from which mailings count (None: all history, by today's segments)
    """
    contacts, orders = checked.get("contacts"), checked["orders"]
    if step.gives("build", "membership_confirm"):
        built_at = step.windows(orders)["confirm"].built_at
        then = step.take("build", "membership_confirm")
        later = responses(then, orders, contacts, as_of=step.as_of, since=built_at)
        described = [s["id"] for s in profiles["segments"] if s["n"] >= step.project.min_cell]
        if all(later.get(s, {"customers": 0})["customers"] >= LEAST_MAILED for s in described):
            return later, built_at
    return responses(members, orders, contacts, as_of=step.as_of), None


def outlook(step, members: ir.Table, checked: dict[str, ir.Table], profiles: dict) -> dict:
    """The plan before anything is handed over, for a step that only needs its figures; what step 8 says of status is left open.

    members    customer_id, segment;  checked: the tables of step 3 by name
    """
    consents, project = checked.get("consents"), step.project
    lists = draw(members, project, status="DRAFT", facts=gather(step, members, checked)).cache()
    answers, since = answers_so_far(step, members, checked, profiles)
    told = {"reasons": [], "consents": consents is not None, "since": since, "ruled": ruled(lists)}
    told["measured"] = uplifts(outcomes(step, checked, profiles))
    return plan(profiles, counted(lists), answers, project, **told) | {"status": None, "reasons": None}


def plan(
    profiles: dict,
    arms: dict[str, dict[str, int]],
    answers: dict[str, dict],
    project: Project,
    *,
    reasons: list[str],
    consents: bool,
    since: datetime | None = None,
    ruled: dict[str, dict[str, int]] | None = None,
    measured: Mapping[str, Mapping] | None = None,
) -> dict:
    """plan.json: nothing in it is about fewer than min_cell customers, and no number of customers from which such a one follows.

    profiles   as step 6 hands them over;  arms: result of `counted`;  answers: result of `responses`
    since      the day from which mailings count in `answers`, None for all history
    ruled      result of `arms.ruled`: whom the money of their segment leaves out, for they get another offer (fewer than min_cell: not)
    measured   result of `uplifts`: what control groups of earlier campaigns did, and so who comes without being contacted
    Returns    a line a segment: contacted, control (of this campaign and of all), unlisted (no offer, or stopped by a guard), null when not
               told
    """
    target, shown = project.target, profiles["segments"]
    drawn = {s["id"]: arms.get(s["id"]) or dict.fromkeys(ARMS, 0) for s in shown}
    also, others = _also(ruled or {}, project), {s["id"]: _others(s["id"], ruled or {}, project.min_cell) for s in shown}
    bases = {one: line["base"] for one, line in (measured or {}).items()}
    segments = [_segment(s, drawn[s["id"]], answers.get(s["id"]), project, consents, others[s["id"]], bases.get(s["id"])) for s in shown]
    totals = {key: _added(segments, key) for key in ("contacted", "control", "unlisted")}
    return {
        "campaign": target.campaign,
        "status": "DRAFT" if reasons else "READY",
        "reasons": reasons,
        "control_share": target.control_share,
        "universal_control": target.universal_control,
        "margin_rate": target.margin_rate,
        "plausible": project.scope.criteria.interesting_uplift,
        "answers_since": since,
        "segments": segments,
        "also": also,
        "pooled": _pooled(segments, drawn, project),
        "total": totals | {key: _whole(segments, key) for key in ("gain", "cost")},
    }


def _also(ruled: dict[str, dict[str, int]], project: Project) -> list[dict]:
    """Each rule's offer: key, offer, channel, contacted and what the contacts alone cost; null for fewer than min_cell."""
    result = []
    for key, offer in project.target.also.items():
        n = sum(ruled.get(key, {}).values())
        told = None if 0 < n < project.min_cell else n
        cost = None if told is None else told * project.target.channels[offer.channel].cost
        result.append({"id": key, "offer": offer.offer, "channel": offer.channel, "contacted": told, "contact_cost": cost})
    return result


def _others(segment: str, ruled: dict[str, dict[str, int]], least: int) -> int:
    """How many of a segment's contacted get another offer than its own; 0 for so few that money would tell of them."""
    n = sum(each.get(segment, 0) for each in ruled.values())
    return n if n >= least else 0


def _segment(
    segment: dict, drawn: dict, answered: dict | None, project: Project, consents: bool, others: int = 0, base: float | None = None
) -> dict:
    """One segment's line; all that is about fewer than min_cell customers is null.

    others   contacted with another offer than its own;  base: share that control groups of earlier campaigns answered, None: not known
    """
    least, n = project.min_cell, segment["n"]
    offer, action = project.target.offers.get(segment["id"]), project.adopt.first_action(segment["id"])
    head = {key: segment.get(key) for key in ("id", "name", "suggested", "fits", "colour")}
    head |= {
        "offer": offer.offer if offer else None,
        "message": offer.message if offer else None,
        "channel": offer.channel if offer else None,
        "owner": action.owner if action else None,
    }
    untold, listed = withheld(segment, least), sum(drawn.values())
    counts = _counts(segment, drawn, least)
    reach = {"n": listed, "share": listed / n} if consents and offer and n and counts["unlisted"] is not None else None
    told = answered if answered and not untold and answered["customers"] >= least and answered["n"] else None
    response = {"value": told["y"] / told["n"], "n": told["customers"], "mailings": int(told["n"])} if told else None
    seen = _seen(response, _tested(counts, drawn, least), project)
    own = None if counts["contacted"] is None else max(counts["contacted"] - others, 0)
    own = None if own is not None and 0 < own < least else own
    worth = economics(segment["id"], None if untold else segment["spend_per_order"], own, response, project, None if untold else base)
    return head | {"customers": None if untold else n, "reachable": reach, **counts, "response": response, **seen, **worth}


def _counts(segment: dict, drawn: dict[str, int], least: int) -> dict[str, int | None]:
    """contacted, control and unlisted, which add up to the segment; null where the number, or what follows from it, is not told."""
    contacted, control, universal = (drawn[arm] for arm in ARMS)
    parts = {"contacted": contacted, "control": control + universal, "unlisted": max(segment["n"] - sum(drawn.values()), 0)}
    if withheld(segment, least):
        return dict.fromkeys(parts)
    hidden = covered_sizes(list(parts.values()), least=least)
    return {key: None if shut else n for (key, n), shut in zip(parts.items(), hidden, strict=True)}


def _tested(counts: dict[str, int | None], drawn: dict[str, int], least: int) -> tuple[int, int]:
    """Contacted and control of this campaign, where they may be counted; else nobody."""
    contacted, control = drawn[ARMS[0]], drawn[ARMS[1]]
    return (contacted, control) if counts["contacted"] and counts["control"] and control >= least else (0, 0)


def _seen(response: dict | None, tested: tuple[int, int], project: Project) -> dict:
    """What a test of one campaign could see: smallest_effect, the same with half of the customers as control, campaigns_needed."""
    contacted, control = tested
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


def economics(
    segment: str,
    spend_per_order: float | None,
    contacted: int | None,
    response: dict | None,
    project: Project,
    base: float | None = None,
) -> dict:
    """What the offer of a segment must bring, at the typed margin and costs.

    base                 the share that came without a contact, in control groups of earlier campaigns
    anyway               {share, source}: who would take the offer and come anyway, by those groups ("control"), else by earlier answers
                         of those contacted ("answers": too many, for a contact raises them), else as "typed"; null when none is known
    per_contact          cost of a contact, and of the offers redeemed by those who come anyway; null when the offer costs something and
                         nobody knows how many they are, and with it cost, gain and break_even
    margin_of_response   spend per order × margin rate − cost of a redeemed offer
    break_even           rise in response that pays for the contact: per_contact ÷ margin_of_response; null when that is not above 0
    gain                 contacted × plausible rise × margin_of_response − cost;  cost: contacted × per_contact
    pays                 whether break_even is at most the plausible rise; false also where not even the contact alone would pay
    fails_for            why it does not pay: the "offer" eats the margin or most of it, the "contact" costs too much, or "anyway": those
                         who come anyway take the offer
    pays_through         the cheapest typed channel by which it would pay, when it does not
    largest_offer        the cost of a redeemed offer up to which it would pay by its channel, when it does not
    """
    target, plausible = project.target, project.scope.criteria.interesting_uplift
    offer = target.offers.get(segment)
    found = dict.fromkeys(MONEY)
    if offer is None:
        return found
    known = _who_comes(base, response, offer)
    anyway, channel = known[0], target.channels[offer.channel].cost
    price = channel + (anyway or 0.0) * offer.cost if anyway is not None or not offer.cost else None
    found["anyway"] = dict(zip(("share", "source"), known, strict=True))
    found["cost"] = None if contacted is None or price is None else contacted * price
    if target.margin_rate is None or spend_per_order is None:
        return found
    before_offer = spend_per_order * target.margin_rate
    margin = before_offer - offer.cost
    found |= {"margin_of_response": margin, "per_contact": price}
    found["break_even"] = price / margin if margin > 0 and price is not None else None
    found["gain"] = None if found["cost"] is None else contacted * plausible * margin - found["cost"]
    possible = margin > 0 and channel / margin <= plausible  # if nobody came anyway
    found["pays"] = (None if price is None else price / margin <= plausible) if possible else False
    if found["pays"] is False:
        alone = channel <= plausible * before_offer  # the contact without the offer's cost
        found["fails_for"] = "anyway" if possible else "offer" if alone and offer.cost else "contact"
        found |= _remedies(offer, before_offer, anyway, project)
    return found


def _who_comes(base: float | None, response: dict | None, offer: Offer) -> tuple[float | None, str | None]:
    """The share that would take an offer and come anyway, and where it is from."""
    if base is not None:
        return base, "control"
    return (response["value"], "answers") if response else (offer.anyway_share, None if offer.anyway_share is None else "typed")


def _remedies(offer: Offer, before_offer: float, anyway: float | None, project: Project) -> dict:
    """pays_through and largest_offer of an offer that does not pay; null where nobody knows who would come anyway."""
    target, plausible = project.target, project.scope.criteria.interesting_uplift
    margin, channel = before_offer - offer.cost, target.channels[offer.channel].cost
    if anyway is None and offer.cost:
        return {"pays_through": None, "largest_offer": None}
    share = anyway or 0.0
    taken = share * offer.cost
    paying = sorted((c.cost, key) for key, c in target.channels.items() if margin > 0 and (c.cost + taken) / margin <= plausible)
    largest = (plausible * before_offer - channel) / (share + plausible) if share + plausible else 0.0  # solves break_even = plausible
    return {"pays_through": paying[0][1] if paying else None, "largest_offer": largest if largest > 0 else None}


def _pooled(segments: list[dict], drawn: dict[str, dict[str, int]], project: Project) -> dict | None:
    """The smallest effect when all segments with an offer and a known response are tested together; null when there are none.

    Its base is each segment's response weighted by the customers in its test: earlier campaigns mailed some segments more than others.
    """
    tested = {s["id"]: _tested(s, drawn[s["id"]], project.min_cell) for s in segments}
    known = [s for s in segments if s["response"] and all(tested[s["id"]])]
    if not known:
        return None
    mailings = sum(s["response"]["mailings"] for s in known)
    answered = sum(s["response"]["value"] * s["response"]["mailings"] for s in known)
    counts = tuple(sum(tested[s["id"]][place] for s in known) for place in (0, 1))
    response = {"value": answered / mailings, "n": sum(s["response"]["n"] for s in known), "mailings": mailings}
    base = sum(s["response"]["value"] * sum(tested[s["id"]]) for s in known) / sum(counts)
    return {"segments": [s["id"] for s in known], "response": response, **_seen({"value": base}, counts, project)}


def _added(segments: list[dict], key: str) -> float | None:
    """The sum over the segments that may be shown; null when none may."""
    shown = [s[key] for s in segments if s[key] is not None]
    return sum(shown) if shown else None


def _whole(segments: list[dict], key: str) -> float | None:
    """The sum of money over the segments that may be shown; null when it is not known of one of them."""
    return None if any(s["offer"] and s["contacted"] and s[key] is None for s in segments) else _added(segments, key)


def assumptions(project: Project, plan: dict) -> list[dict]:
    """Everything that the plan rests on: what (a code), of, value, source (prose or None), field of project.yml, decisions.

    A share of those who would come anyway that is neither observed nor typed has value None and source NEEDED.
    """
    target, own = project.target, project.target.decisions
    rows = [{"what": "margin_rate", "value": target.margin_rate, "source": target.margin_source or None, "field": "target.margin_rate"}]
    for key, channel in target.channels.items():
        place = f"target.channels.{key}.cost"
        rows.append({"what": "contact", "of": channel.name, "value": channel.cost, "source": channel.source or None, "field": place})
    for segment, offer in target.offers.items():
        rows.append({"what": "offer", "of": offer.offer, "value": offer.cost, "source": None, "field": f"target.offers.{segment}.cost"})
    rows += [row for s in plan["segments"] for row in _anyway(s, target.offers.get(s["id"]))]
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


def _anyway(segment: dict, offer: Offer | None) -> list[dict]:
    """The line of the share that would take the offer and come anyway, unless it is observed or the offer costs nothing."""
    if offer is None or not offer.cost or segment["anyway"]["source"] in ("answers", "control"):
        return []
    share, field = segment["anyway"]["share"], f"target.offers.{segment['id']}.anyway_share"
    return [{"what": "anyway", "of": offer.offer, "value": share, "source": NEEDED if share is None else None, "field": field}]


__all__ = ["assumptions", "counted", "answers_so_far", "economics", "outlook", "plan", "reasons", "responses"]
