"""Step 1: what the segmentation shall change, measured today, and whether each objective is precise enough."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from scipy.special import stdtrit

from helpers import words
from helpers.engine import between, first_instant, total
from helpers.project import Objective, Project
from helpers.words import mark, say

CONTROL_ARM = "control"
"""What contacts.arm holds for those who were not contacted, so that a campaign can be judged."""
RESPONSE_DAYS = 30
"""A mailing counts as answered when the answer came within this many days: later ones had less time and would look worse."""

POWER = 1.959964 + 0.841621
"""Standard errors between no change and a change found in four cases of five (two-sided 5 %, power 80 %)."""

NORMAL = 1.959964
"""Standard errors on either side of a figure of many, for 95 %."""

COMPARABLE = 0.5
"""Two windows are compared when the earlier one has at least this share of the later one's customers."""

METRICS = {
    "revenue_per_customer": mark("revenue of a customer per 30 days, over all known before the window opened"),
    "orders_per_customer": mark("orders of a customer per 30 days, over all known before the window opened"),
    "active_share": mark("share of last window’s buyers who bought again in this one"),
    "response_rate": mark("share of mailings answered within 30 days"),
}
KINDS = {  # kind: (what people call it, what it takes to be measured)
    "revenue": (mark("Revenue"), ["orders"]),
    "conversion": (mark("Conversion"), ["contacts.responded_at"]),
    "retention": (mark("Retention"), ["orders"]),
    "acquisition": (mark("Acquisition"), ["customers.first_contact_at"]),
    "cross_sell": (mark("Up- and cross-selling"), ["orders.category"]),
    "qualified_traffic": (mark("Qualified traffic"), ["events.device"]),
    "better_spending": (mark("Better spending"), ["contacts.cost"]),
    "product_evolution": (mark("Product evolution"), ["comments.text"]),
    "service": (mark("Service"), ["comments.rating"]),
    "data_enrichment": (mark("Data enrichment"), ["customers"]),
    "market_share": (mark("Market share"), ["market.value"]),
}
TAKES = {
    "orders": mark("orders with dates and amounts"),
    "orders.category": mark("the category of each product bought"),
    "contacts.responded_at": mark("mailings with the date of each answer"),
    "customers": mark("attributes of the customers"),
    "customers.first_contact_at": mark("the date on which each customer became known"),
    "events.device": mark("visits with their origin"),
    "contacts.cost": mark("the cost of each contact"),
    "comments.text": mark("what customers say: comments, reviews"),
    "comments.rating": mark("ratings or complaints"),
    "market.value": mark("the size of the market by area"),
}


@dataclass(frozen=True)
class Figure:
    """A rate or a mean with its 95 % interval: the sum of y over the sum of n, over `customers` customers."""

    value: float
    low: float
    high: float
    customers: int


def measure(
    metric: str, orders: ir.Table, contacts: ir.Table | None, *, start: datetime, end: datetime, known_before: datetime | None = None
) -> ir.Table:
    """One row per customer who counts: what it did (y) and how often it could have (n).

    orders     customer_id, order_id, ordered_at, amount; revenue is net of refunds, but a refund alone is no order and no purchase
    contacts   customer_id, sent_at, responded_at, arm where it is known; only for response_rate; an answer dated before its mailing
               is none, and rows of the arm "control" are no mailings: these customers were left out on purpose
    start, end the window [start, end)
    known_before   who counts for revenue and orders: customers with an order before it (default: start)
    Returns    customer_id, y, n; the metric is sum(y) / sum(n). Rows without a customer count for nobody.
    """
    days = (end - start).total_seconds() / 86_400
    if metric == "response_rate":
        late = timedelta(days=RESPONSE_DAYS)
        # Not `between`: it hides answers after the mailing window, and each mailing has its own 30 days.
        sent = (contacts.sent_at >= ibis.literal(start - late)) & (contacts.sent_at < ibis.literal(end - late))
        if "arm" in contacts.columns:
            sent &= (contacts.arm.lower() != CONTROL_ARM).fill_null(True)
        seen = contacts.filter(contacts.customer_id.notnull(), sent)
        answered = (seen.responded_at >= seen.sent_at) & (seen.responded_at < seen.sent_at + ibis.interval(days=RESPONSE_DAYS))
        return seen.group_by("customer_id").agg(
            y=answered.fill_null(False).cast("int64").sum().cast("float64"), n=seen.count().cast("float64")
        )
    orders = orders.filter(orders.customer_id.notnull())
    purchases = orders.filter(orders.amount >= 0)
    if metric == "active_share":
        base = between(purchases, "ordered_at", start - (end - start), start)
    else:
        base = orders.filter(orders.ordered_at < ibis.literal(known_before or start))
    done = between(orders if metric == "revenue_per_customer" else purchases, "ordered_at", start, end)
    values = {"revenue_per_customer": done.amount.sum(), "orders_per_customer": done.order_id.nunique(), "active_share": ibis.literal(1)}
    joined = base.select("customer_id").distinct().left_join(done.group_by("customer_id").agg(v=values[metric]), "customer_id")
    scale = 1.0 if metric == "active_share" else 30 / days
    return joined.select("customer_id", y=joined.v.fill_null(0).cast("float64") * scale, n=ibis.literal(1.0))


def figure(per_customer: ir.Table) -> Figure | None:
    """The metric with its 95 % interval (ratio of two sums, variance by linearisation over customers; Cochran 1977, 6.4).

    per_customer   customer_id, y, n
    Returns        None when there are fewer than two customers.

    The interval is Student's with (Σn)²/Σn² − 1 degrees of freedom: one customer less where all count alike, fewer where some count for
    much. (Eight campaigns of which two send four fifths of the mailings: the normal quantile holds the truth in 71 cases of 100,
    Student's t of seven degrees in 77, this one in 93.)
    """
    s = _sums(per_customer)
    if s["m"] < 2 or not s["n"]:
        return None
    rate = s["y"] / s["n"]
    squares = max(s["yy"] - 2 * rate * s["yn"] + rate**2 * s["nn"], 0.0)
    half = _student(_freedom(s)) * math.sqrt(squares * s["m"] / (s["m"] - 1)) / s["n"]
    return Figure(rate, rate - half, rate + half, int(s["m"]))


def _sums(t: ir.Table) -> dict[str, float]:
    products = {"yy": t.y * t.y, "yn": t.y * t.n, "nn": t.n * t.n}
    sums = t.aggregate(y=total(t.y), n=total(t.n), m=t.count(), **{name: total(product) for name, product in products.items()})
    return {name: float(value or 0) for name, value in sums.execute().iloc[0].items()}


def _freedom(sums: dict[str, float]) -> float:
    return max(sums["n"] ** 2 / sums["nn"] - 1, 0.0)


def _student(freedom: float) -> float:
    """Standard errors on either side of a figure for 95 %; endless where one alone counts."""
    return max(float(stdtrit(freedom, 0.975)), NORMAL) if freedom > 0 else math.inf


def change(first: ir.Table, second: ir.Table) -> tuple[float, float] | None:
    """The difference between two windows and its standard error, the same customers paired.

    first, second   customer_id, y, n of two windows
    Returns         None when one of them cannot be measured. The error is that of the estimate, widened by Student's quantile over the
                    normal one (degrees of freedom after Welch 1947): so the interval is 1.96 errors on either side, for few as for many.
    """
    one, two = figure(first), figure(second)
    if one is None or two is None:
        return None
    sums = [_sums(t) for t in (first, second)]
    both = first.rename(y1="y", n1="n").outer_join(second.rename(y2="y", n2="n"), "customer_id").drop("customer_id_right")
    size = max(one.customers, two.customers)  # keeps what is added up near the residuals themselves
    scale = [size / s["n"] * math.sqrt(s["m"] / (s["m"] - 1)) for s in sums]
    part1 = (both.y1.fill_null(0) - one.value * both.n1.fill_null(0)) * scale[0]
    part2 = (both.y2.fill_null(0) - two.value * both.n2.fill_null(0)) * scale[1]
    parts = {"apart": part2 - part1, "first": part1, "second": part2}
    squares = both.aggregate(**{name: total(part * part) for name, part in parts.items()}).execute().iloc[0].astype("float64")
    if not squares["apart"]:
        return two.value - one.value, 0.0
    ends = zip((squares["first"], squares["second"]), sums, strict=True)
    share = [(v / (squares["first"] + squares["second"]), _freedom(s)) for v, s in ends if v]
    freedom = 1 / sum(v * v / free if free else math.inf for v, free in share)
    return two.value - one.value, math.sqrt(squares["apart"]) / size * _student(freedom) / NORMAL


def baseline(
    objective: Objective, orders: ir.Table, contacts: ir.Table | None, *, as_of: datetime, window_days: int, least: int = 1
) -> dict:
    """Where an objective stands: its metric in the last window, with interval, and the change that chance would hide.

    Returns  value, low, high, customers, start, end, smallest_change; before (the value one window earlier); known_earlier (for
             revenue and orders: the value over those known one window earlier); campaigns and largest (for responses: how many
             campaigns, and the largest's share of mailings). value None when it cannot be measured, smallest_change when two
             windows cannot be compared or nobody differs
    """
    length, metric = timedelta(days=window_days), objective.metric
    result = {"start": as_of - length, "end": as_of, "customers": 0}
    result |= dict.fromkeys(("value", "low", "high", "smallest_change", "before", "known_earlier", "campaigns", "largest"))
    if metric == "response_rate" and (contacts is None or "responded_at" not in contacts.columns):
        return result
    spans = [{"start": as_of - length, "end": as_of}, {"start": as_of - 2 * length, "end": as_of - length}]
    now, before = (measure(metric, orders, contacts, **span) for span in spans)
    found = figure(now)
    if found is None:
        return result
    moved, was = change(before, now), figure(before)
    result["before"] = was.value if was and was.customers >= least else None
    if was and was.customers < COMPARABLE * found.customers:  # where history begins only the most frequent buyers are known
        moved = result["before"] = None
    result["low"], result["high"] = _bounds(objective, found)
    if metric == "response_rate" and "campaign_id" in contacts.columns:
        each = contacts.filter(contacts.customer_id.notnull(), contacts.campaign_id.notnull()).mutate(customer_id=ibis._.campaign_id)
        sent, sent_before = (measure(metric, orders, each, **span) for span in spans)
        many, largest = sent.aggregate(many=sent.count(), largest=sent.n.max() / total(sent.n)).execute().iloc[0]
        result["campaigns"], result["largest"] = int(many), float(largest)
        between, apart = figure(sent), change(sent_before, sent)
        moved = max(moved, apart, key=lambda pair: pair[1]) if moved and apart else None
        if between and between.high - between.low > found.high - found.low:  # the next campaigns will be others
            result["low"], result["high"] = _bounds(objective, between)
    elif not is_share(objective):
        earlier = figure(measure(metric, orders, None, **spans[0], known_before=spans[1]["start"]))
        result["known_earlier"] = earlier.value if earlier and earlier.customers >= least else None
    smallest = POWER * moved[1] if moved and moved[1] > 0 else None
    smallest = min(smallest, 1.0) if smallest and is_share(objective) else smallest  # no share can change by more
    return result | {"value": found.value, "customers": found.customers, "smallest_change": smallest}


def _bounds(objective: Objective, found: Figure) -> tuple[float, float]:
    """The interval within what the metric can be; revenue has no lowest value, for refunds may outweigh purchases."""
    low, high = found.low, found.high
    if is_share(objective) and found.value in (0.0, 1.0):  # nobody differs: that of Clopper and Pearson, not a width of nothing
        room = 1 - 0.025 ** (1 / found.customers)
        low, high = found.value - room, found.value + room
    low = low if objective.metric == "revenue_per_customer" else max(low, 0.0)
    return low, min(high, 1.0) if is_share(objective) else high


def trend(
    metric: str, orders: ir.Table, *, as_of: datetime, warm_up_days: int, days: int = 30, least: int = 1
) -> tuple[pd.DataFrame, tuple]:
    """The metric of the same customers in successive periods of `days` days that end at as_of.

    The customers are those known `warm_up_days` after the history begins. (Taking everybody known when each period opens
    publishes a fall that never was: where history begins, only the most frequent buyers have been seen yet. So does a first
    period that reaches into the warm-up, where those last to be known are known because they bought in it.)
    least    customers that a figure must be about at least; with fewer in any period the frame is empty
    metric   a metric of orders; response_rate has no customers to follow, and its frame is empty
    Returns  (when [middle of the period], start, value, low, high, customers, to_last and error [the last period less this one and
             its standard error, for the first period and the one furthest from the last]; oldest first), (difference between the
             last and the first period, its standard error)
    """
    first = first_instant(orders)
    known = datetime(first.year, first.month, first.day) + timedelta(days=warm_up_days)
    length, starts = timedelta(days=days), []
    while metric != "response_rate" and as_of - length * (len(starts) + 1) >= known and len(starts) < 36:
        starts.insert(0, as_of - length * (len(starts) + 1))
    tables = [measure(metric, orders, None, start=s, end=s + length, known_before=known) for s in starts]
    rows = [{"when": s + length / 2, "start": s, **vars(f)} for s, t in zip(starts, tables, strict=True) if (f := figure(t))]
    frame = pd.DataFrame(rows, columns=["when", "start", "value", "low", "high", "customers"]).assign(to_last=math.nan, error=math.nan)
    if len(frame) < 2 or len(frame) < len(tables) or frame["customers"].min() < least:
        return frame.head(0), None
    for period in {0, int((frame["value"] - frame["value"].iloc[-1]).abs().idxmax())}:
        frame.loc[period, ["to_last", "error"]] = change(tables[period], tables[-1])
    return frame, (float(frame["to_last"][0]), float(frame["error"][0]))


def is_share(objective: Objective) -> bool:
    return objective.metric in ("active_share", "response_rate")


def shown(objective: Objective, value: float | None) -> str:
    """A value of an objective's metric as readers see it."""
    if value is None:
        return words.NONE
    if is_share(objective):
        return words.share(value)
    return words.money(value) if objective.metric == "revenue_per_customer" else words.number(value, 2)


def shown_change(objective: Objective, change: float) -> str:
    """A difference of two values of the metric; of shares in points, for 3 % of a share is something else."""
    return say("{x} points", x=words.number(change * 100, 1)) if is_share(objective) else shown(objective, change)


def checks(objective: Objective, found: dict, *, as_of: datetime) -> dict[str, str]:
    """What keeps an objective from being precise: check → what is missing, empty when it holds."""
    value, target, hidden = found["value"], objective.target, found["smallest_change"]
    results = dict.fromkeys(("measured", "target", "visible", "date", "owner", "shared"), "")
    if value is None:
        results["measured"] = say("too few customers for a baseline") if found["customers"] else say("no data give a baseline")
    if target is None:
        results["target"] = say("no target is set")
    elif is_share(objective) and not 0 <= target <= 1:
        results["target"] = say("the target is not a share between 0 and 1")
    elif value is not None and target <= value:
        results["target"] = say("the target, {target}, is already reached", target=shown(objective, target))
    if None not in (value, target, hidden) and 0 < target - value < hidden:
        results["visible"] = say(
            "the rise asked for, {asked}, is smaller than the {hidden} that two windows tell apart in four cases of five",
            asked=shown_change(objective, target - value),
            hidden=shown_change(objective, hidden),
        )
    elif hidden is None:
        results["visible"] = say("too little history to know what change would be seen")
    elif results["target"]:
        results["visible"] = say("no rise is asked for that could be looked for")
    if objective.by_when is None:
        results["date"] = say("no date is set")
    elif objective.by_when <= as_of.date():
        results["date"] = say("the date, {day}, is past", day=words.day(objective.by_when))
    if not objective.owner:
        results["owner"] = say("nobody answers for it")
    if len(objective.shared_with) < 2:
        results["shared"] = say("fewer than two teams have agreed to it")
    return results


def assess(project: Project, orders: ir.Table, contacts: ir.Table | None, *, as_of: datetime) -> list[dict]:
    """Every objective with its baseline and its verdict, the main one first.

    Returns  role ("main" or "secondary"), objective, the fields of `baseline`, checks, precise (bool), due (its day has come: whether it
             was reached is asked of step 9)
    """
    plans = [("main", project.objectives.main), *(("secondary", o) for o in project.objectives.secondary)]
    result = []
    for role, objective in plans:
        found = baseline(objective, orders, contacts, as_of=as_of, window_days=project.scope.window_days, least=project.min_cell)
        if found["customers"] < project.min_cell:  # nothing is published about so few
            found |= dict.fromkeys(("value", "low", "high", "smallest_change", "before", "known_earlier", "campaigns", "largest"))
        lacking = checks(objective, found, as_of=as_of)
        due = objective.by_when is not None and objective.by_when <= as_of.date()
        judged = {"checks": lacking, "precise": not any(lacking.values()), "due": due}
        result.append({"role": role, "objective": objective, **found, **judged})
    return result


def as_document(assessed: list[dict]) -> dict:
    """The objectives as handed over: plain values and prose as typed, the same whatever language the pages are in."""
    kept = ("role", "start", "end", "value", "low", "high", "customers", "smallest_change", "precise", "due")
    return {
        "objectives": [
            {k: a[k] for k in kept}
            | {"plan": a["objective"].model_dump(mode="json"), "checks": {k: not lacking for k, lacking in a["checks"].items()}}
            for a in assessed
        ]
    }
