"""Accessible: how many may be reached, by a channel that they use; counted for everybody before any segment is looked at."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers.build.criteria.figures import criterion, figure, share
from helpers.build.criteria.measurable import EVERYBODY
from helpers.build.inputs import KEY
from helpers.collect.law import MARKETING, consents_now
from helpers.collect.unify import one_form
from helpers.objectives.figures import CONTROL_ARM
from helpers.project import Project
from helpers.rates import wilson

ALIVE_DAYS = 365
"""A sign of life counts for so long."""


def signs(tables: dict[str, ir.Table], project: Project, *, as_of: datetime) -> ir.Table | None:
    """customer_id and channel (in one form) of everybody's signs of life within twelve months; None where no table names a channel.

    tables    orders, events, comments and contacts by name, as step 3 hands them over, cut at as_of
    A sign is something that a customer did by that channel: an order, a visit, a basket, a click, a comment, an answer to a mailing.
    Opening a mail is none, software opens mails by itself. Who clicked a mail or answered a letter received it: addresses themselves stay
    with step 3, so a sign of life is also what proves a contact valid.
    """
    kinds, found = project.variables.event_kinds, []
    acts = [*kinds.visit, *kinds.basket, *kinds.clicked]
    asked = {
        "orders": ("ordered_at", lambda t: t.amount >= 0),
        "events": ("occurred_at", lambda t: t.kind.isin(acts)),
        "comments": ("said_at", None),
        "contacts": ("responded_at", _mailed),
    }
    for name, (moment, which) in asked.items():
        table = tables.get(name)
        if table is None or not {"channel", moment} <= set(table.columns):
            continue
        done = table.filter(which(table)) if which else table
        late = (done[moment] >= ibis.literal(as_of - timedelta(days=ALIVE_DAYS))) & (done[moment] < ibis.literal(as_of))
        done = done.filter(late, done.customer_id.notnull())
        found.append(done.select(KEY, channel=one_form(done.channel)))
    return ibis.union(*found, distinct=True) if len(found) > 1 else found[0].distinct() if found else None


def _mailed(contacts: ir.Table) -> ir.BooleanValue:
    """Not those left out on purpose: what they did answered no mailing."""
    return (contacts.arm.lower() != CONTROL_ARM).fill_null(True) if "arm" in contacts.columns else ibis.literal(True)


Reached = tuple[ir.Table | None, list[str], str | None]
"""Who may be reached, the channels seen, and what is lacking: the result of `reach`."""


def reach(people: ir.Table, tables: dict[str, ir.Table], project: Project, *, as_of: datetime) -> Reached:
    """Who may be reached by each planned channel.

    people    customer_id: everybody in scope, before segments
    Returns   customer_id, channel (a key of target.channels), consent, alive (bool), a row a customer and channel with either; the planned
              channels of which these data show any sign of life; and the code of what the data lack
    """
    planned = list(project.target.channels)
    consents = tables.get("consents")
    if consents is None or not planned:
        return None, [], "no_consents" if consents is None else "no_channels"
    forms = {key.strip().lower(): key for key in planned}
    now = consents_now(consents)
    yes = now.filter(now.granted, now.purpose == MARKETING, now.channel.isin(list(forms))).select(
        KEY, "channel", consent=ibis.literal(True)
    )
    lived = signs(tables, project, as_of=as_of)
    if lived is None:
        return None, [], "no_signs"
    lived = lived.filter(lived.channel.isin(list(forms)))
    seen = sorted(forms[c] for c in lived.channel.value_counts().execute()["channel"])
    both = yes.outer_join(lived.mutate(alive=ibis.literal(True)), [KEY, "channel"])
    both = both.select(
        customer_id=ibis.coalesce(both.customer_id, both.customer_id_right),
        channel=ibis.coalesce(both.channel, both.channel_right),
        consent=both.consent.fill_null(False),
        alive=both.alive.fill_null(False),
    )
    names = ibis.cases(*((both.channel == form, key) for form, key in forms.items()))
    return both.mutate(channel=names).semi_join(people, KEY).cache(), seen, None if seen else "no_signs"


def accessible(members: ir.Table, reached: Reached, counts: dict[str, int], project: Project) -> dict:
    """Segment (EVERYBODY: all) → criterion: share and number of its best planned channel, and consent (share who said yes to it).

    reached   result of `reach`;  counts: segment → customers
    `channel` names the best channel, the one by which most can be reached (of several the cheapest); `channels` holds all of them.
    """
    table, seen, lacks = reached
    numbers: dict[str, dict[str, tuple[int, int]]] = {}
    if table is not None:
        joined = members.select(KEY, "segment").join(table, KEY)
        found = joined.group_by(["segment", "channel"]).agg(
            consent=joined.consent.cast("int64").sum(), reached=(joined.consent & joined.alive).cast("int64").sum()
        )
        for row in found.execute().itertuples():
            for segment in (row.segment, EVERYBODY):
                line = numbers.setdefault(segment, {})
                line[row.channel] = tuple(
                    a + int(b) for a, b in zip(line.get(row.channel, (0, 0)), (row.consent, row.reached), strict=True)
                )
    return {segment: _one(numbers.get(segment, {}), seen, counts[segment], lacks, project) for segment in counts}


def _one(channels: dict[str, tuple[int, int]], seen: list[str], n: int, lacks: str | None, project: Project) -> dict:
    limits, costs = project.scope.criteria, {key: channel.cost for key, channel in project.target.channels.items()}
    wanted = {"share": {"at_least": limits.accessible_share}, "number": {"at_least": limits.accessible_number}}
    if lacks or not seen or not n:
        return criterion({name: figure(None, **limit) for name, limit in wanted.items()}, lacks or "few") | {
            "channel": None,
            "channels": {},
        }
    best = min(seen, key=lambda c: (-channels.get(c, (0, 0))[1], costs[c], c))
    said, reached = channels.get(best, (0, 0))
    low, high = wilson(reached, n)
    figures = {
        "share": share(reached, n, **wanted["share"]),
        "number": figure(reached, low * n, high * n, **wanted["number"]),
        "consent": share(said, n),
    }
    listed = {c: {"consent": channels.get(c, (0, 0))[0] / n, "share": channels.get(c, (0, 0))[1] / n if c in seen else None} for c in costs}
    return criterion(figures) | {"channel": best, "channels": listed}


__all__ = ["accessible", "reach", "signs"]
