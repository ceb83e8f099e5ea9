"""What the controller does about each segment: what it is worth beside its size, and whether money is set aside for its offer.

Released it is by step 8 alone, which weighs what earlier campaigns measured.
"""

from helpers import words
from helpers.project import Project
from helpers.words import say

EVEN = 0.12
"""A share of revenue within this part of the share of customers is called the same."""


def money_moves(segment: dict, plan: dict | None, project: Project) -> list[str]:
    """What a segment is worth, and what to do about its offer; [] where neither can be told.

    segment   one of the profiles' segments, large enough to be told of
    plan      what `target.outlook` gives: cost, pays, break_even of each offer, and the rise that the scope holds plausible
    """
    planned = next((s for s in (plan or {}).get("segments", []) if s["id"] == segment["id"]), {})
    return [*_offer(segment, planned, plan or {}, project), *_worth(segment)]


def _worth(segment: dict) -> list[str]:
    revenue, customers = segment["share_of_revenue"], segment["share_of_customers"]
    if revenue is None or not customers:
        return []
    values = {"revenue": words.share(revenue, 0), "customers": words.share(customers, 0)}
    if revenue >= customers * (1 + EVEN):
        return [say("worth more than its size: {revenue} of revenue from {customers} of customers", **values)]
    if revenue <= customers * (1 - EVEN):
        return [say("worth less than its size: {revenue} of revenue from {customers} of customers", **values)]
    return [say("worth its size: {revenue} of revenue from {customers} of customers", **values)]


def _offer(segment: dict, planned: dict, plan: dict, project: Project) -> list[str]:
    if segment["id"] not in project.target.offers:
        return [say("release nothing: no offer is typed")]
    if planned.get("pays") is None:
        return [say("decide nothing yet: whether the offer pays cannot be told")]
    if planned.get("contacted") == 0:
        return [say("release nothing: nobody passes the filters of step 8 for the offer as it stands")]
    cost, even = planned.get("cost"), planned.get("break_even")
    if not planned["pays"]:
        return [_needs(say("hold the offer as it stands"), even, plan), *_instead(planned, project)]
    if cost is None:
        return [_needs(say("prepare the offer"), even, plan)]
    if not project.has("consents.granted"):  # nobody may be contacted before
        return [_needs(say("set {cost} aside until consents are known", cost=_money(cost)), even, plan)]
    return [_needs(say("set {cost} aside for the offer", cost=_money(cost)), even, plan)]


def _money(cost: float) -> str:
    """Whole amounts, and cents where there is little."""
    return words.money(cost, 0 if cost >= 10 else 2)


def _needs(told: str, even: float | None, plan: dict) -> str:
    """What is done, and how many answers more it needs to pay beside the number thought plausible, with the digits that tell them apart."""
    plausible = plan.get("plausible")
    if even is None or plausible is None:
        return told
    digits = next((d for d in range(1, 4) if words.number(100 * even, d) != words.number(100 * plausible, d)), 1)
    values = {"even": words.number(100 * even, digits), "plausible": words.number(100 * plausible, digits)}
    return say("{told} (it needs {even} answers more in 100 to pay; {plausible} are plausible)", told=told, **values)


def _instead(planned: dict, project: Project) -> list[str]:
    """What would make an offer pay: a cheaper channel, or a smaller offer."""
    channel, largest = planned.get("pays_through"), planned.get("largest_offer")
    if channel in project.target.channels:
        name = project.target.channels[channel].name
        return [say("it would pay by {channel}", channel=words.text(name))]
    return [say("it would pay at {cost} an offer or less", cost=words.money(largest, 2))] if largest else []
