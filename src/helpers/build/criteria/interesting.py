"""Interesting: large enough, worth a campaign, and lasting; with how many fall away and how unsteady the money is beside it."""

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np

from helpers import engine
from helpers.build.agreement import kappa
from helpers.build.criteria.figures import criterion, edges, exact, figure, share, sums
from helpers.build.criteria.measurable import EVERYBODY
from helpers.build.document import apply
from helpers.build.inputs import KEY
from helpers.engine import Window, between, days_between, first_instant
from helpers.objectives import measure
from helpers.project import Project

MONTHS, LEAST_MONTHS = 12, 3
"""Months of 30 days that volatility looks back at most; below the least it is not told."""
LEAST_MAILED = 50
"""Customers of a segment mailed, from whom its response is read."""
ACTIVE = "orders_per_30d"


def sizes(members: ir.Table) -> dict[str, int]:
    """Segment (EVERYBODY: all) → customers."""
    found = {row.segment: int(row.n) for row in members.group_by("segment").agg(n=members.count()).execute().itertuples()}
    return found | {EVERYBODY: sum(found.values())}


# What a campaign must bring


def campaign(segment: str, project: Project, *, offers: bool) -> tuple[float, float, float | None] | None:
    """Cost of a contact, cost of a redeemed offer, and the typed share who would take it and come anyway; None where no channel is typed.

    offers   whether the offers typed belong to these segments; a segment without one gets a message by the cheapest channel, for no offer
    """
    target = project.target
    offer = target.offers.get(segment) if offers else None
    if offer and offer.channel in target.channels:
        return target.channels[offer.channel].cost, offer.cost, offer.anyway_share
    return (min(channel.cost for channel in target.channels.values()), 0.0, None) if target.channels else None


def break_even(per_order, anyway, contact: float, offer: float, rate: float) -> np.ndarray:
    """Rise in response that pays for a contact: (contact + share that comes anyway × offer) ÷ (spend per order × margin rate − offer).

    Infinite where a response brings nothing: no rise pays.
    """
    margin = np.asarray(per_order, dtype="float64") * rate - offer
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(margin > 0, (contact + (np.asarray(anyway) * offer if offer else 0.0)) / margin, np.inf)


def uplift(segment: str, per_order: np.ndarray, answered: tuple[float, float, int] | None, project: Project, *, offers: bool) -> tuple:
    """The break-even figure of a segment's campaign, and the code of what is lacking.

    per_order   spend per order of its sampled customers
    answered    answers, mailings and customers mailed;  None: not enough were
    The interval is over bootstrap draws of the customers, and of those mailed, each of whom answers always or never: the same people
    answer alike each time, so mailings are no customers.
    """
    limit, plan = {"at_most": project.scope.criteria.interesting_uplift}, campaign(segment, project, offers=offers)
    known = per_order[~np.isnan(per_order)]
    lacks = "no_channels" if plan is None else "no_margin" if project.target.margin_rate is None else None
    lacks = lacks or ("no_spend_per_order" if len(known) < 2 else None)
    if lacks:
        return figure(None, **limit), lacks
    contact, cost, typed = plan
    options = {"draws": project.build.draws, "seed": project.seed}
    mean, drawn = known.mean(), sums(known[:, None], **options)[:, 0] / len(known)
    anyway, anyway_drawn = typed or 0.0, typed or 0.0
    if answered:
        y, n, customers = answered
        anyway = y / n
        anyway_drawn = np.random.default_rng(project.seed).binomial(customers, min(anyway, 1.0), size=len(drawn)) / customers
    elif cost and typed is None:
        return figure(None, **limit), "no_anyway"
    value = float(break_even(mean, anyway, contact, cost, project.target.margin_rate))
    return figure(value, *edges(break_even(drawn, anyway_drawn, contact, cost, project.target.margin_rate)), **limit), None


def responses(members: ir.Table, orders: ir.Table, contacts: ir.Table | None, *, since: datetime | None, until: datetime) -> dict:
    """Segment → answers, mailings, customers mailed (`objectives.METRICS` response_rate): by mailings sent from `since` on, or all."""
    if contacts is None or "responded_at" not in contacts.columns or not int(contacts.count().execute()):
        return {}
    start = (since or first_instant(contacts, "sent_at")) + timedelta(days=30)
    each = measure("response_rate", orders, contacts, start=start, end=until)
    joined = members.select(KEY, "segment").join(each, KEY)
    found = joined.group_by("segment").agg(y=engine.total(joined.y), n=engine.total(joined.n), customers=joined.count()).execute()
    return {row.segment: (float(row.y), float(row.n), int(row.customers)) for row in found.itertuples() if row.customers >= LEAST_MAILED}


# How many stay


def relabelled(step, then: dict, members_then: ir.Table) -> ir.Table:
    """customer_id, before, now (the same document applied to the days after the build), active (bought in them).

    What was not measured again, attributes and answers, stays as it is known today.
    """
    from helpers.build.inputs import customers

    later, base = step.take("variables", "later_confirm"), customers(step, "confirm")
    fixed = [name for name in base.columns if name != KEY and name not in later.columns]
    table = later.join(base.select(KEY, *fixed), KEY) if fixed else later
    now = apply(then, table)
    active = later[ACTIVE] > 0 if ACTIVE in later.columns else ibis.literal(True)
    later = later.select(KEY, active=active.fill_null(False))
    both = members_then.select(KEY, before="segment").join(now.select(KEY, now="segment"), KEY)
    return both.join(later, KEY)


def lasting(table: np.ndarray, place: int | None, **options) -> tuple[dict, dict, dict]:
    """κ = (stay − chance)/(1 − chance) of one segment, its chance being its share in the later window; of all (place None) Cohen's κ.

    table    customers, segments before × segments now
    Returns  (value, low, high) as a dict of figure's arguments: of κ, of the share that stayed, and of its share by chance
    The interval is over bootstrap draws of the customers: multinomial draws of the table.
    """
    n, draws, seed = int(table.sum()), options["draws"], options["seed"]
    nothing = dict.fromkeys(("value", "low", "high"))
    if n < 2 or (place is not None and not table[place].sum()):  # an empty table has no row to ask for
        return nothing, nothing, nothing
    drawn = np.random.default_rng(seed).multinomial(n, table.ravel() / n, size=draws).reshape(draws, *table.shape)
    both = np.concatenate([table[None], drawn]).astype("float64")
    if place is None:
        stay = np.trace(both, axis1=1, axis2=2) / n
        chance, found = (both.sum(axis=1) * both.sum(axis=2)).sum(axis=1) / n**2, kappa(both)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            stay, chance = both[:, place, place] / both[:, place].sum(axis=1), both[:, :, place].sum(axis=1) / n
            found = np.where(chance < 1, (stay - chance) / (1 - chance), np.nan)
    return tuple(dict(zip(nothing, (_number(x[0]), *edges(x[1:])), strict=True)) for x in (found, stay, chance))


def _number(x: float) -> float | None:
    return None if math.isnan(x) else float(x)


def fallen(both: ir.Table) -> dict[str, tuple[int, int]]:
    """Segment then (EVERYBODY: all) → customers who bought nothing in the days after, of how many."""
    gone = both.group_by("before").agg(n=both.count(), gone=(~both.active).cast("int64").sum()).execute()
    found = {row.before: (int(row.gone), int(row.n)) for row in gone.itertuples()}
    return found | {EVERYBODY: tuple(sum(each[i] for each in found.values()) for i in (0, 1))}


def moved(both: ir.Table, ids: list[str]) -> np.ndarray:
    """Customers who bought in the days after: segments before × segments now."""
    seen = both.filter(both.active).group_by(["before", "now"]).agg(n=ibis._.count()).execute()
    table = np.zeros((len(ids), len(ids)), dtype="int64")
    place = {segment: i for i, segment in enumerate(ids)}
    for row in seen.itertuples():
        if row.before in place and row.now in place:
            table[place[row.before], place[row.now]] = int(row.n)
    return table


# How steady the money is


def volatility(step, members: ir.Table, orders: ir.Table, until: datetime) -> dict[str, dict]:
    """Segment → coefficient of variation of its monthly revenue ÷ the whole base's of that month, with its interval over customers.

    Months are 30 days, counted back from `until`; at most twelve, and those that the history holds whole. Dividing by the base takes
    out the season, and whatever else moves everybody. At most `pairwise_rows` customers.
    """
    days = (until - first_instant(orders)).total_seconds() / 86_400
    n = min(MONTHS, int(days // 30))
    if n < LEAST_MONTHS:
        return {}
    recent = between(orders, "ordered_at", until - timedelta(days=30 * n), until)
    month = (days_between(recent.ordered_at, until) / 30).ceil().cast("int64") - 1  # bought at the very first instant: the oldest month
    recent = recent.mutate(month=month)
    spent = recent.group_by(KEY).agg(**{f"m{i}": recent.amount.sum(where=recent.month == i) for i in range(n)})
    sample = engine.sample(members.select(KEY, "segment"), step.project.pairwise_rows, seed=step.project.seed)
    table = sample.left_join(spent, KEY).drop(f"{KEY}_right").order_by(KEY).execute()
    money = table[[f"m{i}" for i in range(n)]].to_numpy(dtype="float64", na_value=np.nan)
    money, labels = np.nan_to_num(money), table["segment"].to_numpy()
    base = money.sum(axis=0)
    money, base = money[:, base > 0], base[base > 0]
    if len(base) < LEAST_MONTHS:
        return {}
    result = {}
    for segment in np.unique(labels):
        own = money[labels == segment]
        value = float(_spread(own.sum(axis=0) / base))
        low, high = edges(_spread(sums(own, draws=step.project.build.draws, seed=step.project.seed) / base))
        # A draw adds the chance of who was drawn to a figure that chance has raised already: hence the interval reflected at the figure.
        low, high = (None, None) if low is None else (max(2 * value - high, 0.0), 2 * value - low)
        result[str(segment)] = {"value": value, "low": low, "high": high}
    return result


def _spread(shares: np.ndarray):
    """Standard deviation (divisor n − 1) ÷ mean over the last axis; not a number where the mean is not above 0."""
    mean = shares.mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean > 0, shares.std(axis=-1, ddof=1) / mean, np.nan)


# All of it


def interesting(
    step,
    members: ir.Table,
    customers: ir.Table,
    orders: ir.Table,
    contacts: ir.Table | None,
    earlier: tuple[dict, ir.Table] | None,
    windows: dict[str, Window],
    ids: list[str],
    *,
    offers: bool,
) -> dict[str, dict]:
    """Segment (EVERYBODY: all) → criterion: n, break_even (not overall), kappa; stay, chance, attrition and volatility judge nothing.

    earlier    the document built at the window *confirm* and customer_id, segment by it; None: lasting cannot be told
    """
    project, limits = step.project, step.project.scope.criteria
    options = {"draws": project.build.draws, "seed": project.seed}
    counts, unsteady = sizes(members), volatility(step, members, orders, step.as_of)
    worth = _spends(step, members, customers)
    answered = _answers(members, earlier, orders, contacts, windows, step.as_of, ids)
    both = relabelled(step, *earlier).cache() if earlier else None
    again = bool(earlier) and measured_twice(step, earlier[0])
    table = moved(both, _all_ids(earlier[0], ids)) if again else np.zeros((0, 0), dtype="int64")
    gone = fallen(both) if earlier else {}
    result = {}
    for segment in [*ids, EVERYBODY]:
        place = None if segment == EVERYBODY else ids.index(segment)
        found, stay, chance = lasting(table, place, **options)
        exempt = segment in project.build.transient
        figures = {"n": exact(counts.get(segment, 0), at_least=limits.accessible_number)}
        lacks = None if stay["value"] is not None else "not_then" if again else "not_measured_again" if earlier else "no_later"
        if segment != EVERYBODY:
            figures["break_even"], money = uplift(segment, worth.get(segment, np.empty(0)), answered.get(segment), project, offers=offers)
            lacks = money or lacks
        figures |= {
            "kappa": figure(**found) if exempt else figure(**found, at_least=limits.interesting_kappa),
            "stay": figure(**stay),
            "chance": figure(**chance),
            "attrition": share(*gone.get(segment, (0, 0))),
        }
        if segment in unsteady:
            figures["volatility"] = figure(**unsteady[segment])
        result[segment] = criterion(figures, lacks if _asked_unknown(figures) else None) | {"transient": exempt}
    return result


def measured_twice(step, document: dict) -> bool:
    """Whether anything that places customers was measured in the days after. Attributes are known as of today alone: nobody could leave."""
    later = set(step.take("variables", "later_confirm").columns)
    return any(v["name"] in later for v in document["variables"])


def _all_ids(then: dict, ids: list[str]) -> list[str]:
    """The segments, and those of the earlier build that have no counterpart now."""
    return [*ids, *(s["id"] for s in then["segments"] if s["id"] not in ids)]


def _asked_unknown(figures: dict[str, dict]) -> bool:
    return any(each["verdict"] is not None and each["value"] is None and each["low"] is None for each in figures.values())


def _spends(step, members: ir.Table, customers: ir.Table) -> dict[str, np.ndarray]:
    """Segment → spend per order of its sampled customers; {} where these data do not tell."""
    if "spend_per_order" not in customers.columns:
        return {}
    sample = step.sample(members.select(KEY, "segment").join(customers.select(KEY, "spend_per_order"), KEY))
    return {segment: part.to_numpy(dtype="float64", na_value=np.nan) for segment, part in sample.groupby("segment")["spend_per_order"]}


def _answers(members, earlier, orders, contacts, windows, as_of, ids: list[str]) -> dict:
    """How each segment answers mailings: as built one horizon earlier, to those sent after, where enough were; else all history.

    Segments are cut by what partly is the answer to mailings: over the days of the cut, those who answer seem to answer more than
    they will.
    """
    if earlier:
        later = responses(earlier[1], orders, contacts, since=windows["confirm"].built_at, until=as_of)
        if all(segment in later for segment in ids):
            return later
    return responses(members, orders, contacts, since=None, until=as_of)


__all__ = ["break_even", "interesting", "lasting", "moved", "uplift", "volatility"]
