"""From segment to list: who gets which message, and who is stopped on the way by which guard."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import NinefoldError
from helpers.collect.law import MARKETING, consents_now
from helpers.collect.unify import one_form
from helpers.engine import days_between
from helpers.project import Project
from helpers.project.targeting import Offer
from helpers.target.addresses import FIELDS, Suppressed, contact_points, needs_of, suppressed
from helpers.variables.formulas import bought_orders

KEY = "customer_id"
STOPS = ("no offer", "suppressed", "no consent", "no address", "cap", "welcome")
"""Why somebody gets no message, in the order in which it is asked."""
OTHER = "another first"
"""Why a message is not sent although it could be: the same person gets one that comes first."""
NOT_SENT = ("control", "held out", "universal", "holdout", "témoin", "none")
"""What `contacts.arm` says of those who were left alone: they got nothing that a cap could count."""
NO_ADDRESSES = "no addresses"
"""Why nothing is released: nobody can tell who has an address of the kind that a channel takes."""


@dataclass(frozen=True)
class Facts:
    """What the guards know; None where the data do not tell, and then nobody is stopped by that guard.

    open_to      customer_id, channel (in one form): those whose last word on marketing by it is yes
    addresses    kind (email, mobile, phone, postal) → customer_id of those who have a valid one; no key: no source maps it
    suppressed   who is never contacted
    capped       customer_id of those who had as many contacts as target.cap allows
    established  customer_id of those who bought before of late: neither prospects nor new nor dormant
    fits         customer_id, fits_<rule> for each rule of target.also
    newsletters  mails that events record as sent to a member, on average, in the days of the cap, which counts contacts alone
    """

    open_to: ir.Table | None = None
    addresses: dict[str, ir.Table] | None = None
    suppressed: Suppressed | None = None
    capped: ir.Table | None = None
    established: ir.Table | None = None
    fits: ir.Table | None = None
    newsletters: float | None = None


def gather(step, members: ir.Table, checked: dict[str, ir.Table]) -> Facts:
    """The facts of a step in progress; as `facts`, with the records, who is who and the variables taken from earlier steps."""
    from helpers.build.inputs import customers

    identity = step.take("collect", "identity") if step.gives("collect", "identity") else None
    people = customers(step) if step.project.target.also else None
    records = step.engine.records()
    return facts(step.project, members, as_of=step.as_of, checked=checked, records=records, identity=identity, customers=people)


def facts(
    project: Project,
    members: ir.Table,
    *,
    as_of: datetime,
    checked: dict[str, ir.Table],
    records: ir.Table | None = None,
    identity: ir.Table | None = None,
    customers: ir.Table | None = None,
) -> Facts:
    """What the guards know of these members.

    members    customer_id, segment;  checked: tables of step 3 by name: orders, and where there are any contacts and consents
    records    engine.records(), with identity (raw_id, customer_id) where they were matched; None: nobody describes customers
    customers  customer_id and the variables that rules may name; needed where target.also names rules
    Raises     NinefoldError for one message to everybody, for a rule that everybody fits and for a suppression file that is not there
    """
    points = contact_points(records, identity)
    found = Facts(
        open_to=reachable(checked["consents"]) if "consents" in checked else None,
        addresses=_addresses(points, project),
        suppressed=suppressed(project, records, identity, members),
        capped=_capped(checked["contacts"], project, as_of=as_of) if "contacts" in checked else None,
        established=_established(checked["orders"], project, as_of=as_of) if _welcomes(project) else None,
        fits=fitting(customers, project) if project.target.also else None,
        newsletters=_newsletters(checked["events"], members, project, as_of=as_of) if "events" in checked else None,
    )
    refuse_everyone(members, project, found.fits)
    return found


def reachable(consents: ir.Table) -> ir.Table:
    """customer_id, channel (in one form) of everyone whose last word on marketing by that channel is yes.

    consents   customer_id, channel, purpose, granted, updated_at
    """
    now = consents_now(consents)
    return now.filter(now.granted, now.purpose == MARKETING).select(KEY, "channel")


def _addresses(points: ir.Table | None, project: Project) -> dict[str, ir.Table]:
    """Who has a valid address of each kind that the project's channels take and its data hold."""
    wanted = {needs_of(project, channel) for channel in project.target.channels} - {"none"}
    held = {} if points is None else {k: c for k in wanted for c in FIELDS[k] if c in points.columns}
    filled = {kind: kind if kind != "postal" else "street" for kind in held}
    kept = points.cache() if held else points  # asked once a kind
    return {kind: kept.filter(kept[column].notnull()).select(KEY) for kind, column in filled.items() if column in kept.columns}


def _capped(contacts: ir.Table, project: Project, *, as_of: datetime) -> ir.Table:
    """Everyone whom one contact more would bring above the cap; contacts that a control group did not get do not count."""
    cap = project.target.cap
    sent = contacts.filter(contacts.sent_at >= ibis.literal(as_of - timedelta(days=cap.within_days)), contacts.customer_id.notnull())
    if "arm" in sent.columns:
        sent = sent.filter(sent.arm.isnull() | one_form(sent.arm).notin(NOT_SENT))
    counted = sent.group_by(KEY).agg(n=sent.count())
    return counted.filter(counted.n >= cap.at_most).select(KEY)


def _newsletters(events: ir.Table, members: ir.Table, project: Project, *, as_of: datetime) -> float | None:
    """Mails sent per member within the days of the cap; None where events record none."""
    since = ibis.literal(as_of - timedelta(days=project.target.cap.within_days))
    sent = events.filter(events.kind.isin(project.variables.event_kinds.sent), events.occurred_at >= since).semi_join(members, KEY)
    mails, people = int(sent.count().execute()), int(members.count().execute())
    return mails / people if mails and people else None


def closed(project: Project, known: Facts) -> list[str]:
    """Channels of offers to which nobody has agreed: everybody whose offer takes one is stopped."""
    if known.open_to is None:
        return []
    agreed = set(known.open_to.select("channel").distinct().execute()["channel"])
    channels = sorted({offer_of(project, key).channel for key in order_of(project)})
    return [channel for channel in channels if one_form_text(channel) not in agreed]


def _welcomes(project: Project) -> bool:
    return any(offer.kind == "welcome" for offer in (*project.target.offers.values(), *project.target.also.values()))


def _established(lines: ir.Table, project: Project, *, as_of: datetime) -> ir.Table:
    """Regular and loyal customers, as variables.descriptors.seniority knows them; the two are parted by a year of orders, which a welcome
    need not know, so that this can be told of a shorter history too."""
    borders, orders = project.variables.seniority, bought_orders(lines, as_of=as_of)
    seen = orders.group_by(KEY).agg(first=orders.ordered_at.min(), last=orders.ordered_at.max())
    awake = days_between(seen.last, as_of) <= borders.dormant_after_days
    return seen.filter(awake, days_between(seen.first, as_of) > borders.new_within_days).select(KEY)


def fitting(customers: ir.Table | None, project: Project) -> ir.Table:
    """customer_id and fits_<rule> for each rule that target.also names, and for those that it is made of.

    Raises   NinefoldError where nothing is known by which a rule could be tried, and as rules_read.conditions does
    """
    from helpers.build.document import holds
    from helpers.build.inputs import columns
    from helpers.build.rules_read import conditions

    if customers is None:
        raise NinefoldError(f"{project.file}: field target.also names rules, and no customer’s variables are at hand to try them.")
    known = columns(project, customers.columns)
    found = conditions(project.build.rules, project, known)
    table = customers.mutate(**{c: ibis.cases((~customers[c].isnan(), customers[c])) for c in known if known[c].kind == "number"})
    for name, condition in found.items():  # a stage a rule: one that names others reads their column
        table = table.mutate(**{f"fits_{name}": holds(condition, table, {other: f"fits_{other}" for other in found})})
    return table.select(KEY, *(f"fits_{name}" for name in project.target.also)).cache()


def refuse_everyone(members: ir.Table, project: Project, fits: ir.Table | None = None) -> None:
    """Raise NinefoldError for a campaign that says the same to everybody, whatever its segments, and for a rule that everybody fits."""
    target, sizes = project.target, members.segment.value_counts().execute()
    there = sorted(sizes["segment"].dropna())
    said = {_said(target.offers[s]) if s in target.offers else None for s in there}
    if len(there) > 1 and len(said) == 1 and None not in said:
        raise NinefoldError(
            f"{project.file}: field target.offers says the same to every segment ({', '.join(there)}), by the same channel: that is one "
            "mailing to everyone, and segments are not needed for it. Give segments offers of their own, or none to those without one."
        )
    if fits is None or not there:
        return
    counted = _counted(fits, members, list(target.also))
    for name in target.also:
        if counted[name] and counted[name] == counted["n"]:
            raise NinefoldError(
                f"{project.file}: field target.also.{name} has an offer for everybody: all {counted['n']} customers fit the rule {name}. "
                "Narrow the rule in build.rules, or take the offer out."
            )


def _counted(fits: ir.Table, members: ir.Table, names: list[str]) -> dict[str, int]:
    """How many members there are (n), and how many fit each rule."""
    table = members.select(KEY).left_join(fits, KEY)
    asked = {name: table[f"fits_{name}"].fill_null(False).cast("int64").sum().coalesce(0) for name in names}
    return {name: int(n) for name, n in table.aggregate(n=table.count(), **asked).execute().iloc[0].items()}


def _said(offer: Offer) -> tuple[str, str, str]:
    return str(offer.offer), str(offer.message), one_form_text(offer.channel)


def one_form_text(channel: str) -> str:
    """A channel's key as it is compared."""
    return channel.strip().lower()


# Message by message


def offer_of(project: Project, key: str) -> Offer:
    """The offer of a segment, or of a rule of target.also, by its key."""
    return project.target.also[key] if key in project.target.also else project.target.offers[key]


def order_of(project: Project) -> list[str]:
    """Keys of all offers, the one that wins first: as target.priority says, then the rules as typed, then the segments."""
    typed = project.target.priority
    return list(dict.fromkeys([*typed, *project.target.also, *sorted(project.target.offers, key=lambda s: (len(s), s))]))


def judge(members: ir.Table, project: Project, known: Facts) -> ir.Table:
    """Every message that somebody could get, and what stops it.

    members    customer_id, segment
    Returns    customer_id, segment, offer (its key), channel, place (0 comes first), stopped: one of STOPS, OTHER, or missing for the one
               message that a person gets. Who has no offer at all is not in it.
    """
    wanted = _candidates(members, project, known.fits)
    asked = {stop: bad for stop, bad in _marks(wanted, project, known).items() if bad is not None}
    table = wanted
    for number, (_, bad) in enumerate(asked.items()):
        marked = bad.select(KEY, "offer").distinct().mutate(**{f"bad_{number}": ibis.literal(True)})
        table = table.left_join(marked, [KEY, "offer"])
        table = table.select(*(c for c in table.columns if not c.endswith("_right")))
    tests = [(table[f"bad_{number}"].notnull(), stop) for number, stop in enumerate(asked)]
    stopped = ibis.cases(*tests) if tests else ibis.null("string")
    table = table.select(KEY, "segment", "offer", "channel", "place", stopped=stopped)
    first = table.place.min(where=table.stopped.isnull()).over(ibis.window(group_by=KEY))
    table = table.mutate(first_=first)
    late = table.stopped.isnull() & (table.place > table.first_)
    return table.mutate(stopped=ibis.cases((late, OTHER), else_=table.stopped)).drop("first_")


def _candidates(members: ir.Table, project: Project, fits: ir.Table | None) -> ir.Table:
    """A row a member and offer that is meant for them."""
    target, order = project.target, order_of(project)
    people = members.select(KEY, "segment")
    if fits is not None:
        people = people.left_join(fits, KEY).drop(f"{KEY}_right")
    parts = []
    for place, key in enumerate(order):
        meant = people[f"fits_{key}"].fill_null(False) if key in target.also else people.segment == key
        offer = {"offer": ibis.literal(key), "channel": ibis.literal(offer_of(project, key).channel), "place": ibis.literal(place, "int64")}
        parts.append(people.filter(meant).select(KEY, "segment", **offer))
    if not parts:
        nobody = {"offer": ibis.null("string"), "channel": ibis.null("string"), "place": ibis.null("int64")}
        return people.filter(ibis.literal(False)).select(KEY, "segment", **nobody)
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _marks(wanted: ir.Table, project: Project, known: Facts) -> dict[str, ir.Table | None]:
    """The messages that each guard stops, guards in the order of STOPS; None where the data do not tell."""
    welcome = [key for key in order_of(project) if offer_of(project, key).kind == "welcome"]
    open_to = known.open_to
    return {
        "suppressed": wanted.semi_join(known.suppressed.customers, KEY) if known.suppressed else None,
        "no consent": None
        if open_to is None
        else wanted.anti_join(open_to, [wanted.customer_id == open_to.customer_id, one_form(wanted.channel) == open_to.channel]),
        "no address": _without_address(wanted, project, known.addresses or {}),
        "cap": wanted.semi_join(known.capped, KEY) if known.capped is not None else None,
        "welcome": wanted.filter(wanted.offer.isin(welcome)).semi_join(known.established, KEY)
        if welcome and known.established is not None
        else None,
    }


def _without_address(wanted: ir.Table, project: Project, addresses: dict[str, ir.Table]) -> ir.Table | None:
    needs = {channel: needs_of(project, channel) for channel in project.target.channels}
    parts = []
    for kind, people in addresses.items():
        channels = [channel for channel, need in needs.items() if need == kind]
        parts.append(wanted.filter(wanted.channel.isin(channels)).anti_join(people, KEY))
    return ibis.union(*parts) if len(parts) > 1 else parts[0] if parts else None


def untold(project: Project, known: Facts) -> list[str]:
    """Kinds of address that offers need and no source holds: email, mobile, phone, postal."""
    needed = {needs_of(project, offer_of(project, key).channel) for key in order_of(project)} - {"none"}
    return sorted(needed - set(known.addresses or {}))


def lacking(known: Facts, project: Project) -> list[str]:
    """Why the guards alone keep the lists a draft, as codes; consents are asked of by `plan.reasons`."""
    return [NO_ADDRESSES] if untold(project, known) else []


# Counted


def progress(members: ir.Table, judged: ir.Table, lists: ir.Table) -> pd.DataFrame:
    """How far everyone came: segment, end (one of STOPS, or the arm of those on a list), n; a row each that somebody is in.

    Who could have had several messages ends where the one that came farthest did.
    judged   result of `judge`;  lists: result of `arms.draw`
    """
    ranks = {stop: number for number, stop in enumerate(STOPS)}
    rank = ibis.cases(*((judged.stopped == stop, number) for stop, number in ranks.items()), else_=len(STOPS))
    far = judged.mutate(rank_=rank).group_by(KEY).agg(rank_=ibis._.rank_.max())
    table = members.select(KEY, "segment").left_join(far, KEY).drop(f"{KEY}_right")
    table = table.left_join(lists.select(KEY, arm_=lists.arm), KEY).drop(f"{KEY}_right")
    stop = ibis.cases(*((table.rank_ == number, one) for one, number in ranks.items()), else_=STOPS[0])
    ended = table.mutate(end=ibis.coalesce(table.arm_, stop))
    return ended.group_by(["segment", "end"]).agg(n=ended.count()).order_by(["segment", "end"]).execute()


def several(judged: ir.Table) -> int:
    """How many could have had more than one message, and get one."""
    return int(judged.filter(judged.stopped == OTHER).select(KEY).distinct().count().execute())
