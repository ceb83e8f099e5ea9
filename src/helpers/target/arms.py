"""Who is contacted and who is left alone, by hash: the same on every engine, in every run, however many customers are added."""

import math

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError
from helpers.project import Project
from helpers.target.guards import Facts, judge

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


def draw(members: ir.Table, project: Project, *, status: str, facts: Facts | None = None) -> ir.Table:
    """Everyone who gets a message or is left alone to compare: one row a customer.

    members    customer_id, segment
    status     "DRAFT" or "READY"
    facts      result of `guards.gather`; none: nobody is stopped, and who has an offer gets it
    Returns    customer_id, segment, offer (key of the offer: the segment's, or the rule's of target.also), channel, arm, version (of those
               in the arm "contact"; missing where one message is sent), status, reason ("segment" or "rule": by what they got the offer)
    Raises     NinefoldError for a campaign whose name is that of the control for all campaigns
    """
    target, seed = project.target, project.seed
    if target.campaign == EVERY:
        raise NinefoldError(
            f"{project.file}: field target.campaign has the value {EVERY!r}, by which the control for all campaigns is drawn: both would "
            "be the same customers. Give the campaign another name."
        )
    judged = judge(members, project, facts or Facts())
    kept = judged.filter(judged.stopped.isnull())
    arm = ibis.cases(
        (held_back(kept.customer_id, EVERY, target.universal_control, seed=seed), ARMS[2]),
        (held_back(kept.customer_id, target.campaign, target.control_share, seed=seed), ARMS[1]),
        else_=ARMS[0],
    )
    kept = kept.mutate(arm=arm)
    version = ibis.cases((kept.arm == ARMS[0], version_of(kept.customer_id, project)))
    reason = ibis.cases((kept.offer.isin(list(target.also)), "rule"), else_="segment") if target.also else ibis.literal("segment")
    return kept.select("customer_id", "segment", "offer", "channel", "arm", version=version, status=ibis.literal(status), reason=reason)


def version_of(customer: ir.StringValue, project: Project) -> ir.StringValue:
    """Which of the campaign's versions a customer gets, by a hash of its own; missing where one message is sent.

    Nobody changes version when a list is refreshed, and the hash has nothing to do with the one that draws the control.
    """
    versions, drawn, until = project.target.versions, [], 0.0
    name = f"{project.target.campaign}#version"  # no campaign's name has a #
    for key, version in list(versions.items())[:-1]:
        until += version.share
        drawn.append((held_back(customer, name, until, seed=project.seed), key))
    return ibis.cases(*drawn, else_=list(versions)[-1]) if versions else ibis.null("string")


def counted(lists: ir.Table) -> dict[str, dict[str, int]]:
    """Segment → arm → customers; an arm in which nobody is counts 0."""
    frame = lists.group_by(["segment", "arm"]).agg(n=ibis._.count()).order_by(["segment", "arm"]).execute()
    result: dict[str, dict[str, int]] = {}
    for row in frame.itertuples():
        result.setdefault(row.segment, dict.fromkeys(ARMS, 0))[row.arm] = int(row.n)
    return result


def ruled(lists: ir.Table) -> dict[str, dict[str, int]]:
    """Rule of target.also → segment → how many of its members would be contacted with the rule's offer instead of their segment's."""
    theirs = lists.filter(lists.reason == "rule", lists.arm == ARMS[0])
    frame = theirs.group_by(["offer", "segment"]).agg(n=theirs.count()).order_by(["offer", "segment"]).execute()
    result: dict[str, dict[str, int]] = {}
    for row in frame.itertuples():
        result.setdefault(row.offer, {})[row.segment] = int(row.n)
    return result


__all__ = ["ARMS", "EVERY", "counted", "draw", "held_back", "ruled", "version_of"]
