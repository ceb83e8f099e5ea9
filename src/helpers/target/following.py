"""Whether lists follow a customer into another segment, and who came and went since the last lists."""

import ibis
import ibis.expr.types as ir

SURE = 0.6
"""Confidence from which a new label is followed at once (definitions.md, Movement)."""
MOVES = ("stayed", "moved", "waits", "arrived", "departed")


def followed(now: ir.Table, before: ir.Table | None, segments: list[str]) -> ir.Table:
    """Today's labels, and the segment in which lists keep each customer.

    A new label is followed when its confidence is at least SURE, when it was there at the last lists too, or when people decided it;
    else the customer waits in the segment of the last lists. A label without confidence (of rules) is exact: it is followed at once.
    now       customer_id, segment, confidence, reason (may be missing), as `build.apply` gives them
    before    customer_id, label (what the segmentation said), segment (in which lists kept them) of the last lists; None: there are none
    segments  ids that the segmentation has
    Returns   customer_id, label, segment, confidence, reason, was (segment of the last lists), waits (bool)
    """
    reason = now.reason if "reason" in now.columns else ibis.null("string")
    today = now.select("customer_id", label=now.segment, confidence=now.confidence.cast("float64"), reason=reason)
    if before is None:
        return today.mutate(segment=today.label, was=ibis.null("string"), waits=ibis.literal(False))
    last = before.select(who_=before.customer_id, was_label_=before.label, was=before.segment)
    joined = today.left_join(last, today.customer_id == last.who_)
    sure = joined.confidence.isnull() | (joined.confidence >= SURE) | (joined.reason == "manual").fill_null(False)
    again = (joined.was_label_ == joined.label).fill_null(False)
    known = joined.was.isin(segments).fill_null(False)
    waits = known & (joined.was != joined.label).fill_null(False) & ~sure & ~again
    return joined.select(
        "customer_id",
        "label",
        segment=waits.ifelse(joined.was, joined.label),
        confidence="confidence",
        reason="reason",
        was="was",
        waits=waits,
    )


def moves(members: ir.Table, before: ir.Table | None) -> ir.Table:
    """Who moved, waits, arrived or departed since the last lists; who stayed is left out.

    members   result of `followed`;  before: as there
    Returns   customer_id, move (one of MOVES but "stayed"), was, segment, label, confidence; no row without last lists
    """
    if before is None:
        return _moves(members).filter(ibis.literal(False))
    gone = before.anti_join(members, "customer_id")
    gone = gone.select(
        "customer_id",
        move=ibis.literal("departed"),
        was=gone.segment,
        segment=ibis.null("string"),
        label=ibis.null("string"),
        confidence=ibis.null("float64"),
    )
    here = _moves(members)
    return here.filter(here.move != "stayed").union(gone)


def _moves(members: ir.Table) -> ir.Table:
    move = ibis.cases(
        (members.was.isnull(), "arrived"), (members.waits, "waits"), (members.was != members.segment, "moved"), else_="stayed"
    )
    return members.select("customer_id", move=move, was="was", segment="segment", label="label", confidence="confidence")


def listed(drawn: ir.Table, last: ir.Table | None) -> ir.Table:
    """Who came onto the list of each channel and who left it since the last lists of the same campaign.

    drawn, last   customer_id, channel, segment, arm; of both, those in arm "contact" count
    Returns       channel, customer_id, change ("entered" or "left"), segment; no row without last lists
    """
    now = drawn.filter(drawn.arm == "contact").select("customer_id", "channel", "segment")
    if last is None:
        return now.select("channel", "customer_id", change=ibis.literal("entered"), segment="segment").filter(ibis.literal(False))
    then = last.filter(last.arm == "contact").select("customer_id", "channel", "segment")
    both = ["customer_id", "channel"]
    entered = now.anti_join(then, both).select("channel", "customer_id", change=ibis.literal("entered"), segment="segment")
    return entered.union(then.anti_join(now, both).select("channel", "customer_id", change=ibis.literal("left"), segment="segment"))


def changed_arms(drawn: ir.Table, last: ir.Table | None) -> int:
    """How many customers on both lists of one campaign are in another arm, or get another version, than on the last: it must be 0."""
    if last is None:
        return 0
    then = last.select(who_=last.customer_id, arm_=last.arm, version_=last.version)
    both = drawn.join(then, drawn.customer_id == then.who_)
    versions = both.version.notnull() & both.version_.notnull() & (both.version != both.version_)
    return int(both.filter((both.arm != both.arm_) | versions).count().execute())
