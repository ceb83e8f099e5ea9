"""What the analysis starts with: the day up to which rows count, windows that the history allows, currency, zone, panel."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from helpers.new import names, writing
from helpers.new.finish import amount_sql
from helpers.new.guess import Guess
from helpers.new.read import quoted, rows
from helpers.new.written import Written, instant

WINDOWS = ((180, 90), (120, 60), (90, 45), (60, 30), (28, 14), (14, 7))
"""Window and horizon, days, from the one wished for down to the shortest."""
COUNTRIES = {
    "unitedkingdom": ("GBP", "Europe/London"),
    "uk": ("GBP", "Europe/London"),
    "gb": ("GBP", "Europe/London"),
    "france": ("EUR", "Europe/Paris"),
    "fr": ("EUR", "Europe/Paris"),
    "germany": ("EUR", "Europe/Berlin"),
    "deutschland": ("EUR", "Europe/Berlin"),
    "de": ("EUR", "Europe/Berlin"),
    "belgium": ("EUR", "Europe/Brussels"),
    "belgique": ("EUR", "Europe/Brussels"),
    "netherlands": ("EUR", "Europe/Amsterdam"),
    "switzerland": ("CHF", "Europe/Zurich"),
    "suisse": ("CHF", "Europe/Zurich"),
    "spain": ("EUR", "Europe/Madrid"),
    "espagne": ("EUR", "Europe/Madrid"),
    "italy": ("EUR", "Europe/Rome"),
    "italie": ("EUR", "Europe/Rome"),
    "ireland": ("EUR", "Europe/Dublin"),
    "portugal": ("EUR", "Europe/Lisbon"),
}
"""Countries of one zone: currency, zone."""
GROUPS = 6
"""Shares of spend that are written at most."""


@dataclass
class Choice:
    """A value with the reason for it, and a doubt."""

    value: object
    reason: str = ""
    doubt: str = ""


@dataclass
class Span:
    """When the orders were: the first and the newest believed, and how many rows lie later than is believed."""

    first: datetime
    newest: datetime
    later: int = 0
    timed: bool = True
    total: bool = False
    parts: dict[str, float] = field(default_factory=dict)


def span(found: Guess) -> Span:
    """First and newest order that can be believed.

    Not believed: days before 1990, days after the file was saved, and whatever lies more than a year after all but one in a hundred.
    """
    if found.totals:
        return Span(found.totals["since"], found.totals["until"] - timedelta(seconds=1), timed=False, total=True)
    source, column = found, found.roles.get("ordered_at")
    if column is None:
        lookup = next(each for each in found.lookups if "ordered_at" in each["columns"])
        source, name = lookup["guess"], lookup["columns"]["ordered_at"]
    else:
        name = column.origin
    at = instant(source.columns[name])
    real = f"{at} >= TIMESTAMP '1990-01-01'"
    usual = source.read.ask(f"select quantile_disc({at}, 0.99) from {{t}} where {real}")[0][0]
    if usual is None:
        return Span(datetime(2000, 1, 1), datetime(2000, 1, 1))
    limit = usual + timedelta(days=366)
    if source.read.given.path is not None:
        saved = datetime.fromtimestamp(max(p.stat().st_mtime for p in (source.read.given.path, *(p for _, p in source.read.given.several))))
        limit = min(limit, saved + timedelta(days=1)) if saved > usual else limit
    stamp = f"TIMESTAMP '{limit:%Y-%m-%d %H:%M:%S}'"
    first, newest, later, timed, weekend, evening, morning = source.read.ask(
        f"select min({at}) filter ({real}), max({at}) filter ({at} <= {stamp}), count(*) filter ({at} > {stamp}), "
        f"avg(({at}::time <> TIME '00:00:00')::int), avg((isodow({at}) > 5)::int), "
        f"avg((hour({at}) >= 18)::int), avg((hour({at}) < 12)::int) from {{t}}"
    )[0]
    parts = {"weekend_order_share": weekend, "evening_order_share": evening, "morning_order_share": morning}
    parts = {key: float(value or 0) for key, value in parts.items()}
    return Span(first, newest, later, timed=bool(timed and timed > 0.5), parts=parts)


def as_of(orders: Span) -> Choice:
    """The first midnight after the newest order."""
    day = (orders.newest + timedelta(days=1)).date()
    if orders.total:
        return Choice(day, "the first day after the period of the totals")
    reason = f"the first midnight after the newest order, {orders.newest:%Y-%m-%d}"
    doubt = f"not counted: {rows(orders.later)} dated later than can be believed" if orders.later else ""
    return Choice(day, reason, doubt)


def windows(orders: Span, end: date) -> tuple[Choice, Choice]:
    """Window and horizon: the longest with which the windows select and confirm fit into the history."""
    days = (end - orders.first.date()).days
    if orders.total:
        doubt = "one total a customer: no later period is left to judge by, so nothing can be said about change, seasons or the future"
        return Choice(days, "the period of the totals", doubt), Choice(90, "without effect here: there is no later period")
    fitting = [(w, h) for w, h in WINDOWS if w + 2 * h <= days]
    window, horizon = fitting[0] if fitting else (max(7, days // 2), max(7, days // 4))
    need = window + 2 * horizon
    if fitting:
        reason = f"{window} + 2 x {horizon} = {need} days fit into {days:,} days of history"
        return Choice(window, reason), Choice(horizon, "two of them are kept to judge what the window before shows")
    doubt = f"only {days} days of history: no later period is left to judge by, and pages will say `cannot tell`"
    return Choice(window, "", doubt), Choice(horizon, "as short as it gets")


def currency(guesses: list[Guess]) -> Choice:
    """The currency that values or names of columns state, else the one of the country that most rows name."""
    orders = [g for g in guesses if g.table == "orders"]
    stated = Counter()
    for found in orders:
        for column in found.columns.values():
            sign = column.currency or (writing.currency(column.name) if column.kind == "number" else None)
            if sign:
                stated[sign] += 1
    if stated:
        sign, _ = stated.most_common(1)[0]
        return Choice(sign, "stands beside the amounts", "others stand there too: " + ", ".join(sorted(stated)) if len(stated) > 1 else "")
    country = country_of(guesses)
    if country:
        return Choice(COUNTRIES[country[0]][0], "", f"no currency in the files; most rows are of {country[1]}")
    return Choice("EUR", "", "no currency in the files")


def time_zone(guesses: list[Guess]) -> Choice:
    country = country_of(guesses)
    if country:
        return Choice(COUNTRIES[country[0]][1], "", f"times are taken as those of clocks in {country[1]}, from where most rows are")
    return Choice("Europe/Paris", "", "the zone in which the files write their times")


def country_of(guesses: list[Guess]) -> tuple[str, str] | None:
    """The country that most rows name, if it has one zone: its key in COUNTRIES, and as it is written."""
    for found in guesses:
        for column in found.columns.values():
            if not {"country", "pays", "land"} & set(names.tokens(column.name)) or not column.values:
                continue
            value, times = next(iter(column.values.items()))
            if names.joined(value) in COUNTRIES and times > 0.5 * sum(column.values.values()):
                return names.joined(value), value
    return None


def category_groups(found: Guess, how: Written) -> dict[str, list[str]]:
    """Shares of spend on the categories that sell most, where there are few enough to name."""
    if found.totals:
        return _named(list(found.totals["categories"]))
    made = found.roles.get("category")
    if made is None or found.columns[made.origin].distinct > 40 or "amount" not in found.roles:
        return {}
    column = found.columns[made.origin]
    value = quoted(column.name) if column.is_text else f"{quoted(column.name)}::VARCHAR"
    sold = found.read.ask(
        f"select {value} v, sum(({amount_sql(found, how)})::decimal(18, 2)) s, count(*) n from {{t}} where v is not null group by 1 "
        "order by s desc nulls last, v"
    )
    total = sum(n for _, _, n in sold)
    kept = [v for v, _, n in sold if v not in column.missing and n >= 0.02 * total][:GROUPS]
    return _named(kept) if len(kept) > 1 else {}


def _named(categories: list[str]) -> dict[str, list[str]]:
    """Name of a share → its category; one that a measure of step 4 has already (mobile_share) becomes mobile_spend_share."""
    from helpers.variables.measures import MEASURES

    measured, result = {each.name for each in MEASURES}, {}
    for category in categories[:GROUPS]:
        taken = {name.removesuffix("_share") for name in result}
        made = names.identifier(category, taken)
        made = names.identifier(f"{made} spend", taken) if f"{made}_share" in measured else made
        result[f"{made}_share"] = [category]
    return result


PANEL = (
    "discount_share",
    "coupon_order_share",
    "departments",
    "lines_per_order",
    "spend_per_order",
    "weekend_order_share",
    "evening_order_share",
    "morning_order_share",
    "main_store_share",
    "stores_visited",
)
"""Behaviours that a message can be about, the likeliest first."""


def panel(measured: list[str], groups: list[str], orders: Span) -> list[str]:
    """Behaviours that these data measure: shares of categories first, and no hour where dates have no time."""
    result = [name for name in groups if name in measured]
    for name in PANEL:
        share = orders.parts.get(name)
        hours = name in ("evening_order_share", "morning_order_share")
        if name not in measured or (hours and not orders.timed) or (share is not None and not 0.03 <= share <= 0.97):
            continue
        result.append(name)
    return result[:8]


def title(name: str) -> str:
    return re.sub(r"[_-]+", " ", name).strip().capitalize()
