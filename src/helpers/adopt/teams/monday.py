"""What a team does differently on Monday: for each segment the one or two things that its figures suggest most strongly."""

from dataclasses import dataclass

from helpers import words
from helpers.adopt.names import beside, within
from helpers.masking import few_on_a_side, withheld
from helpers.project import Project
from helpers.variables import catalogue
from helpers.variables.catalogue import Variable
from helpers.words import mark, say

STRONG = 0.3
"""Standard deviations from everyone's mean at which a trait is worth acting on."""
WEAK, SURE = 0.15, 3.0
"""A weaker trait counts as well when its v-test is at least SURE; below WEAK never."""
PART = 1 / 3
"""Of their orders, at least so much by a channel or at a time of day before a team is sent there: what sets a segment apart may be rare."""
TIMES = ("evening_order_share", "morning_order_share", "weekend_order_share")
GOODS, CHANNELS = "goods", "channels"
"""Stand for the project's own shares of categories and of channels."""


@dataclass(frozen=True)
class Move:
    """What to do where a segment lies above everyone's mean of a variable, or below it; {what} is what a share adds up.

    least   standard deviations below which it is not said however sure the difference is
    """

    variable: str
    high: str = ""
    low: str = ""
    least: float = WEAK


MOVES = {  # team → parts; of each part the strongest is said
    "marketing": (
        (
            Move(GOODS, mark("show {what} first")),
            Move("discount_share", mark("open with the price"), mark("leave the discount out")),
            Move("coupon_order_share", mark("send coupons here first"), mark("send no coupons")),
            Move("own_brand_share", mark("show the own label"), mark("show the brands, not the own label")),
        ),
        (
            Move(CHANNELS, mark("speak through {what}")),
            Move("evening_order_share", mark("send it for the evening")),
            Move("morning_order_share", mark("send it for the morning")),
            Move("weekend_order_share", mark("send it for the weekend"), mark("send it on a weekday")),
            Move("mails_opened_share", mark("write e-mails"), mark("do not count on e-mails")),
        ),
    ),
    "sales": (
        (
            Move("evening_order_share", mark("have people and goods ready in the evening")),
            Move("morning_order_share", mark("have people and goods ready in the morning")),
            Move("weekend_order_share", mark("have people and goods ready at the weekend"), mark("expect them on weekdays")),
            Move(CHANNELS, mark("meet them through {what}")),
        ),
        (
            Move("spend_per_order", mark("take the time for a large order"), mark("propose one thing more with a small order")),
            Move("orders_per_30d", mark("greet them as regulars"), mark("give them a date for the next visit")),
            Move("spend_trend", mark("keep stock for them: they buy more than before"), mark("ask why they buy less than before")),
            Move("stores_visited", mark("greet them in the store: they come there more than others")),
        ),
    ),
    "product": (
        (Move(GOODS, mark("plan {what} for them")), Move("own_brand_share", mark("develop the own label with them in mind"))),
        (
            Move("lines_per_order", mark("offer sets and large packs"), mark("offer single portions")),
            Move("departments", mark("show what is new: they try much"), mark("widen slowly: they keep to few departments")),
            Move("own_brand_share", "", mark("keep the brands they come for")),
            Move(GOODS, "", mark("do not count on them for {what}")),
        ),
    ),
    "service": (
        (
            Move("refund_order_share", mark("check their orders before they leave")),
            Move("rating_mean", mark("ask them for a word to show others"), mark("call back whoever rates low")),
            Move("spend_trend", "", mark("ask why they buy less than before")),
            Move("basket_abandon_share", mark("help with the basket: they leave many")),
        ),
        (Move("spend_per_30d", mark("answer them first"), least=STRONG),),  # whoever answers most of them first answers nobody first
        (
            Move(CHANNELS, mark("be reachable through {what}")),
            Move("morning_order_share", mark("be reachable in the morning")),
            Move("evening_order_share", mark("be reachable in the evening")),
            Move("recency_days", mark("ask after those who have not come lately")),
        ),
    ),
}


def told(profiles: dict, counted: dict[str, dict], project: Project) -> dict:
    """The profiles without what may not be said: no trait of a segment too small, none that is known of fewer than min_cell members.

    counted   result of `adopt.held`: how many members each mean rests on; a trait that it does not count is kept
    """
    segments = []
    for segment in profiles["segments"]:
        about = counted.get(segment["id"], {})
        traits = [
            trait
            if not withheld(segment, project.min_cell)
            and segment["n"]
            and about.get(trait["variable"], {"known": segment["n"]})["known"] >= project.min_cell
            else trait | {"mean": None, "effect": None, "v": None}
            for trait in segment["traits"]
        ]
        segments.append(segment | {"traits": traits})
    return profiles | {"segments": segments}


def moves(team: str, segment: dict, project: Project, *, later: float | None = None) -> list[str]:
    """What the figures of one segment suggest to a team, the strongest of each part, with the figures; [] where nothing stands out.

    segment   one of `told(...)["segments"]`
    later     share of all customers who bought again (`bought_again`): service hears of a segment that lies below it beyond chance
    """
    known = {v.name: v for v in catalogue(project)}
    traits = {t["variable"]: t for t in segment["traits"] if t["effect"] is not None and t["variable"] in known}
    found: list[str] = []
    used: set[str] = set()
    for part in MOVES.get(team, ()):
        possible = [
            (abs(traits[name]["effect"]), name, sentence)
            for move in part
            for name in _names(move.variable, project)
            if name in traits and name not in used and (sentence := _side(move, traits[name])) and not _rare(name, traits[name], project)
        ]
        if possible:
            _, name, sentence = max(possible, key=lambda each: (each[0], each[1]))
            used.add(name)
            found.append(_said(sentence, traits[name], known[name], project))
    return found + (_leaving(segment, later, project) if team == "service" else [])


def bought_again(profiles: dict, project: Project) -> tuple[float, list[tuple[dict, dict]]] | None:
    """The share of all customers who bought again after the segments were built, and the segments of which it may be told; None: none."""
    least = project.min_cell
    known = [(s, s["active_later"]) for s in profiles["segments"] if not withheld(s, least) and s["active_later"]]
    n = sum(later["n"] for _, later in known)
    whole = {"n": n, "share": sum(later["share"] * later["n"] for _, later in known) / n if n else 0.0}
    told_of = [(s, later) for s, later in known if not few_on_a_side(later, least)]
    return (whole["share"], told_of) if told_of and not few_on_a_side(whole, least) else None


def _leaving(segment: dict, everyone: float | None, project: Project) -> list[str]:
    """Whether fewer of a segment bought again than of everyone, beyond chance."""
    later = segment["active_later"]
    if everyone is None or not later or few_on_a_side(later, project.min_cell) or later["high"] >= everyone:
        return []
    values = {"share": words.share(later["share"], 0), "everyone": words.share(everyone, 0)}
    return [say("ask after them before they go (bought again: {share}, everyone {everyone})", **values)]


def _rare(name: str, trait: dict, project: Project) -> bool:
    """Whether a channel or a time that a segment uses more than others still has few of its orders."""
    of_orders = name in TIMES or name in project.variables.channel_groups
    return of_orders and trait["effect"] > 0 and trait["mean"] < PART


def _names(variable: str, project: Project) -> list[str]:
    if variable == GOODS:
        return list(project.variables.category_groups)
    return list(project.variables.channel_groups) if variable == CHANNELS else [variable]


def _side(move: Move, trait: dict) -> str:
    """What the move says on the side on which the segment lies; nothing where the difference is too small to act on."""
    effect, v = abs(trait["effect"]), abs(trait.get("v") or 0.0)
    if effect < move.least or (effect < STRONG and v < SURE):
        return ""
    return move.high if trait["effect"] > 0 else move.low


def _said(sentence: str, trait: dict, variable: Variable, project: Project) -> str:
    values = {"move": say(sentence, what=goods_name(variable.name, project))}
    values |= {"figures": beside(trait["mean"], trait["everyone"], variable)}
    if variable.name in project.variables.category_groups:
        return say("{move} ({figures} of what they buy)", **values)
    if variable.name in project.variables.channel_groups:
        return say("{move} ({figures} of orders)", **values)
    return say("{move} ({variable}: {figures})", variable=within(variable.title()), **values)


def goods_name(variable: str, project: Project) -> str:
    """What a share adds up, as people call it: vegetables, the shop."""
    return words.text(project.variables.share_names.get(variable, variable.removesuffix("_share").replace("_", " ")))
