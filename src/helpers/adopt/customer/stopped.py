"""Why a customer is on no list: what the guards of step 8 say of this one today."""

from helpers import NinefoldError, collect, words
from helpers.build.inputs import KEY
from helpers.target import guards
from helpers.words import absent, mark, say

WHY = {
    "suppressed": mark("on the list of those never contacted"),
    "no consent": mark("has not agreed to marketing by this channel"),
    "no address": mark("no valid address is known for this channel"),
    "cap": mark("has been contacted often enough of late ({n} times in {days} days)"),
    "welcome": mark("has long been a customer, and the offer is a welcome"),
}


def stops(step, one: str) -> list[dict]:
    """The messages that the customer could get and what stops each, the one that comes first in front.

    Returns  offer (its key), channel, stopped (one of guards.STOPS; None: nothing, by project.yml and the data as they are now); [] where
             nothing is offered, or where it cannot be told since the sources cannot be read
    """
    target = step.project.target
    if not target.offers and not target.also:
        return []
    try:
        members = step.take("build", "membership")
        known = guards.gather(step, members, collect.checked(step))
        judged = guards.judge(members.filter(members[KEY] == one), step.project, known).order_by("place").execute()
    except NinefoldError:  # a source that has gone: the card goes on, and says so elsewhere
        return []
    return [{"offer": r.offer, "channel": r.channel, "stopped": None if absent(r.stopped) else r.stopped} for r in judged.itertuples()]


def stopped_words(rows: list[dict], project) -> list[str]:
    """What stops each message, a sentence each."""
    told, cap = [], project.target.cap
    for row in (row for row in rows if row["stopped"] in WHY):
        offer, channel = guards.offer_of(project, row["offer"]), project.target.channels.get(row["channel"])
        values = {"n": words.number(cap.at_most), "days": words.number(cap.within_days)}
        way, why = words.text(channel.name) if channel else row["channel"], WHY[row["stopped"]]
        told.append(
            say("Not to be sent “{offer}” by {channel}: {why}.", offer=words.text(offer.offer), channel=way, why=say(why, **values))
        )
    if rows and not told:
        told.append(say("Nothing keeps this customer off it today: the list is older than project.yml, or not drawn yet."))
    return told
