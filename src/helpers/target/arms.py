"""Who is contacted and who is left alone, by hash: the same on every engine, in every run, however many customers are added."""

import math

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import NinefoldError
from helpers.collect.law import MARKETING, consents_now
from helpers.collect.unify import one_form
from helpers.project import Project

ARMS = ("contact", "control", "held out")
EVERY = "universal"
"""What is hashed in place of a campaign's name for the control that no campaign contacts."""
DIGITS = 8


def held_back(customer: ir.StringValue, name: str, share: float, *, seed: int) -> ir.BooleanValue:
    """Whether a customer falls into the share that a name (a campaign, or EVERY) leaves alone.

    The first eight hexadecimal digits of md5("name|customer|seed"), as a share of 2**32, are below `share`. They are compared as
    text, for lower-case hexadecimal digits sort as the numbers they write: no engine has to convert them.
    """
    drawn = (ibis.literal(f"{name}|") + customer + ibis.literal(f"|{seed}")).hexdigest("md5").substr(0, DIGITS)
    border = math.ceil(share * 16**DIGITS)
    return drawn < (f"{border:0{DIGITS}x}" if border < 16**DIGITS else "g")  # g sorts after every digit


def draw(members: ir.Table, project: Project, *, status: str, consents: ir.Table | None = None) -> ir.Table:
    """Everyone in a segment with an offer, and the arm of the campaign in which each is.

    members    customer_id, segment
    status     "DRAFT" or "READY"
    consents   as step 3 hands them over; with them only those who agreed to the channel are in the list
    Returns    customer_id, segment, channel, arm, status
    Raises     NinefoldError for a campaign whose name is that of the control for all campaigns
    """
    target, seed = project.target, project.seed
    if target.campaign == EVERY:
        raise NinefoldError(
            f"{project.file}: field target.campaign has the value {EVERY!r}, by which the control for all campaigns is drawn: both would "
            "be the same customers. Give the campaign another name."
        )
    channels = {segment: offer.channel for segment, offer in target.offers.items()}
    kept = members.filter(members.segment.isin(sorted(channels)) if channels else ibis.literal(False))
    channel = ibis.cases(*((kept.segment == s, c) for s, c in channels.items())) if channels else ibis.null("string")
    kept = kept.select("customer_id", "segment", channel=channel)
    if consents is not None:
        open_to = reachable(consents)
        kept = kept.semi_join(open_to, [kept.customer_id == open_to.customer_id, one_form(kept.channel) == open_to.channel])
    arm = ibis.cases(
        (held_back(kept.customer_id, EVERY, target.universal_control, seed=seed), ARMS[2]),
        (held_back(kept.customer_id, target.campaign, target.control_share, seed=seed), ARMS[1]),
        else_=ARMS[0],
    )
    return kept.mutate(arm=arm, status=ibis.literal(status))


def reachable(consents: ir.Table) -> ir.Table:
    """customer_id, channel (in one form) of everyone whose last word on marketing by that channel is yes.

    consents   customer_id, channel, purpose, granted, updated_at
    """
    now = consents_now(consents)
    return now.filter(now.granted, now.purpose == MARKETING).select("customer_id", "channel")


def counted(lists: ir.Table) -> dict[str, dict[str, int]]:
    """Segment → arm → customers; an arm in which nobody is counts 0."""
    frame: pd.DataFrame = lists.group_by(["segment", "arm"]).agg(n=ibis._.count()).execute()
    result: dict[str, dict[str, int]] = {}
    for row in frame.sort_values(["segment", "arm"]).itertuples():
        result.setdefault(row.segment, dict.fromkeys(ARMS, 0))[row.arm] = int(row.n)
    return result
