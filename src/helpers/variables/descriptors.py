"""Who customers are, in few levels each: what step 3 knows of them, and what follows from orders, visits, consents and areas.

Descriptors take no part in making segments. Those worked out here are codes, the same in every language; `page` says them.
"""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from helpers.collect.law import MARKETING, consents_now
from helpers.engine import before, between, days_between
from helpers.project import Project
from helpers.project.contract import LOCATING, PERSONAL, UNIFIED
from helpers.variables.formulas import bought_orders
from helpers.variables.formulas_events import MOBILE

YEAR = 365
"""Days of history without which nobody can be called loyal: seniority is not told then."""
MANY = 30
"""Levels above which an attribute that is a number is told in thirds."""
NUMBERS = 0.9
"""Share of an attribute's values that must be numbers for it to be one."""
CODE = 7
"""Digits from which numbers that all have as many are names, such as registration numbers."""
LISTED = ("|", ";", ",")
"""What stands between the words of a list in one field."""
THIRDS = ("low", "middle", "high")
STAGES = ("known", "visited", "basket", "bought once", "repeat")
SENIORITIES = ("prospect", "new", "regular", "loyal", "dormant")
TYPES = {
    "current_segment": "a priori",
    "area": "geographic",
    "preferred_channel": "behavioural",
    "main_device": "technographic",
    "seniority": "behavioural",
    "journey_stage": "journey",
    "reach": "journey",
    "interests": "psychographic",
}
"""The type of segmentation that a descriptor serves; area_… is geographic, any other attribute demographic."""
DONE = ("seniority", "journey_stage", "preferred_channel", "main_device", "reach")
"""Descriptors that follow from dated rows, so that an earlier day had others."""


def type_of(name: str) -> str:
    """The type of segmentation, of the nine, that a descriptor serves."""
    return "geographic" if name.startswith("area_") else TYPES.get(name.partition(": ")[0], "demographic")


def seniority(people: ir.Table, lines: ir.Table, project: Project, *, as_of: datetime) -> ir.Table | None:
    """How long and how often: says nothing of what a customer is worth.

    people    customer_id: everyone known, whether they bought or not;  lines: order lines, all history
    Returns   customer_id, seniority: prospect (never bought), dormant (last order too long ago), new (first order of late), loyal (so
              many orders within the last 365 days), else regular; None with less than a year of history
    """
    first = lines.ordered_at.min().execute()
    if first is None or first != first or (as_of - first.to_pydatetime()).days < YEAR:
        return None
    s, orders = project.variables.seniority, bought_orders(lines, as_of=as_of)
    year = orders.ordered_at >= ibis.literal(as_of - timedelta(days=YEAR))
    known = orders.group_by("customer_id").agg(first=orders.ordered_at.min(), last=orders.ordered_at.max(), of_late=year.sum())
    joined = people.select("customer_id").left_join(known, "customer_id")
    level = ibis.cases(
        (joined.last.isnull(), "prospect"),
        (days_between(joined.last, as_of) > s.dormant_after_days, "dormant"),
        (days_between(joined.first, as_of) <= s.new_within_days, "new"),
        (joined.of_late >= s.loyal_orders, "loyal"),
        else_="regular",
    )
    return joined.select("customer_id", seniority=level)


def journey_stage(people: ir.Table, tables: dict[str, ir.Table], project: Project, *, as_of: datetime) -> ir.Table | None:
    """The farthest that each customer has come: known, visited, basket, bought once, repeat (bought on at least two days).

    tables    orders and events, all history
    Returns   customer_id, journey_stage; None where no visit and no basket is recorded
    """
    events, kinds = tables.get("events"), project.variables.event_kinds
    if events is None:
        return None
    done = events.filter(events.kind.isin([*kinds.visit, *kinds.basket]), events.occurred_at < ibis.literal(as_of))
    if not int(done.limit(1).count().execute()):
        return None
    orders = bought_orders(tables["orders"], as_of=as_of)
    bought = orders.group_by("customer_id").agg(first=orders.ordered_at.min(), last=orders.ordered_at.max())
    seen = done.group_by("customer_id").agg(basket=done.kind.isin(kinds.basket).max())
    joined = people.select("customer_id").left_join(bought, "customer_id").drop("customer_id_right").left_join(seen, "customer_id")
    level = ibis.cases(
        (joined.first.date() < joined.last.date(), STAGES[4]),
        (joined.first.notnull(), STAGES[3]),
        (joined.basket, STAGES[2]),
        (joined.basket.notnull(), STAGES[1]),
        else_=STAGES[0],
    )
    return joined.select("customer_id", journey_stage=level)


def most_often(rows: ir.Table, column: str, moment: str, name: str) -> ir.Table:
    """The value that each customer shows most often; of several, the one shown last, then the first by alphabet.

    rows      customer_id, the column and the moment, one row an occasion
    Returns   customer_id, `name`
    """
    known = rows.filter(rows[column].notnull(), rows.customer_id.notnull())
    counted = known.group_by(["customer_id", column]).agg(n=known.count(), last=known[moment].max())
    place = ibis.row_number().over(group_by="customer_id", order_by=[ibis.desc("n"), ibis.desc("last"), column])
    return counted.mutate(place_=place).filter(ibis._.place_ == 0).select("customer_id", **{name: counted[column]})


def preferred_channel(lines: ir.Table, *, start: datetime, as_of: datetime) -> ir.Table | None:
    """The channel of most orders of the window. Returns customer_id, preferred_channel; None without the column channel."""
    if "channel" not in lines.columns:
        return None
    seen = between(lines, "ordered_at", start, as_of).filter(lines.amount >= 0)
    orders = seen.group_by(["customer_id", "order_id"]).agg(at=seen.ordered_at.min(), channel=seen.channel.min())
    return most_often(orders, "channel", "at", "preferred_channel")


def main_device(events: ir.Table | None, project: Project, *, start: datetime, as_of: datetime) -> ir.Table | None:
    """The device of most visits of the window. Returns customer_id, main_device; None without the column device."""
    if events is None or "device" not in events.columns:
        return None
    seen = between(events, "occurred_at", start, as_of)
    seen = seen.filter(seen.kind.isin(project.variables.event_kinds.visit))
    device = seen.device.lower().strip()
    return most_often(seen.mutate(device=device.isin(MOBILE).ifelse("mobile", device)), "device", "occurred_at", "main_device")


def age_band(people: ir.Table, project: Project) -> ir.Table | None:
    """Ages in whole years as bands: <25, 25-34 … 65+. Returns customer_id, age_band; None where no age is a number."""
    if "age" not in people.columns:
        return None
    years, borders = people.age.cast("string").try_cast("float64"), sorted(set(project.variables.age_bands))
    if not borders or not int(years.notnull().sum().execute() or 0):
        return None
    bands = [(years < low, f"{start}-{low - 1}" if start else f"<{low}") for start, low in zip([0, *borders], borders, strict=False)]
    return people.select("customer_id", age_band=ibis.cases(*bands, (years.notnull(), f"{borders[-1]}+")))


def area(people: ir.Table, project: Project) -> ir.Table | None:
    """The first characters of the postcode. Returns customer_id, area; None without the column postcode."""
    if "postcode" not in people.columns:
        return None
    code = people.postcode.cast("string").strip().substr(0, project.variables.area_length)
    return people.select("customer_id", area=code.nullif(""))


def market_measures(areas: ir.Table, market: ir.Table | None, *, as_of: datetime) -> dict[str, ir.Table]:
    """What is known of each customer's area: a measure's newest year before the year of as_of, in thirds of the customers.

    areas     result of `area`, of the customers to describe
    Returns   name (area_<measure>) → customer_id and that column, low, middle or high
    """
    if market is None:
        return {}
    known = market.filter(market.year < as_of.year, market.value.notnull())
    newest = ibis.row_number().over(group_by=["area", "measure"], order_by=[ibis.desc("year"), "value"])
    known = known.mutate(place_=newest).filter(ibis._.place_ == 0)
    result = {}
    for measure in known.measure.value_counts().order_by("measure").execute()["measure"]:
        of_area = known.filter(known.measure == measure).select("area", "value")
        joined = areas.join(of_area, "area").select("customer_id", "value")
        name = f"area_{measure}"
        result[name] = joined.select("customer_id", **{name: thirds(joined.value)})
    return result


def thirds(value: ir.NumericColumn) -> ir.StringValue:
    """A number as low, middle or high: cut where a third and two thirds of the rows lie below, the cut points as constants."""
    value = value.cast("float64")
    first, second = (value.quantile(part).execute() for part in (1 / 3, 2 / 3))
    if first is None or first != first:
        return ibis.null("string")
    return ibis.cases((value <= float(first), THIRDS[0]), (value <= float(second), THIRDS[1]), (value.notnull(), THIRDS[2]))


def reach(people: ir.Table, consents: ir.Table | None) -> ir.Table | None:
    """By which channels each customer may be contacted for marketing, by the newest word on each; a refusal wins a tie.

    Returns   customer_id, reach: channels joined with " + " in alphabetical order, or "none" (asked or not); None without consents
    """
    if consents is None:
        return None
    now = consents_now(consents)
    given = now.filter(now.granted, now.purpose == MARKETING)
    open_to = given.group_by("customer_id").agg(reach=given.channel.group_concat(" + ", order_by=given.channel))
    joined = people.select("customer_id").left_join(open_to, "customer_id")
    return joined.select("customer_id", reach=joined.reach.fill_null("none"))


def derived(people: ir.Table, tables: dict[str, ir.Table], project: Project, *, as_of: datetime) -> dict[str, ir.Table]:
    """Every descriptor that the data allow: name → customer_id and the column of that name.

    people    the customers of step 3 that are to be described, with their attributes
    tables    checked tables by name, cut at as_of
    """
    window = {"start": as_of - timedelta(days=project.scope.window_days), "as_of": as_of}
    areas = area(people, project)
    found = {
        "seniority": seniority(people, tables["orders"], project, as_of=as_of),
        "journey_stage": journey_stage(people, tables, project, as_of=as_of),
        "preferred_channel": preferred_channel(tables["orders"], **window),
        "main_device": main_device(tables.get("events"), project, **window),
        "age_band": age_band(people, project),
        "area": areas,
        **(market_measures(areas, tables.get("market"), as_of=as_of) if areas is not None else {}),
        "reach": reach(people, tables.get("consents")),
    }
    return {name: table for name, table in found.items() if table is not None}


def as_they_were(people: ir.Table, tables: dict[str, ir.Table], project: Project, names: list[str], *, as_of: datetime) -> ir.Table:
    """What follows from dated rows, as it stood at an earlier day: whoever is loyal today may have been new then.

    names     descriptors of today; those that are not in DONE are left out
    Returns   customer_id and those of `names` that are in DONE, text; missing for everyone where that day could not tell
    """
    known = dict(tables)
    if "consents" in known:
        known["consents"] = before(known["consents"], "updated_at", as_of)
    start = as_of - timedelta(days=project.scope.window_days)
    made = {
        "seniority": lambda: seniority(people, known["orders"], project, as_of=as_of),
        "journey_stage": lambda: journey_stage(people, known, project, as_of=as_of),
        "preferred_channel": lambda: preferred_channel(known["orders"], start=start, as_of=as_of),
        "main_device": lambda: main_device(known.get("events"), project, start=start, as_of=as_of),
        "reach": lambda: reach(people, known.get("consents")),
    }
    result = people.select("customer_id")
    for name in [each for each in DONE if each in names]:
        then = made[name]()
        if then is None:
            result = result.mutate(**{name: ibis.null("string")})
        else:
            result = result.left_join(then, "customer_id").drop("customer_id_right")
    return result


def describe(people: ir.Table, tables: dict[str, ir.Table], project: Project, *, as_of: datetime) -> tuple[ir.Table, list[str]]:
    """The descriptors of these customers: attributes first, then those worked out.

    people    customer_id, described, attributes;  tables: checked tables by name
    Returns   customer_id and the descriptors; and the names of what does not tell customers apart and is left out: identifiers, and
              descriptors of which fewer than two levels have min_cell customers. Without any descriptor worked out, the table holds
              the customers described only.
    """
    people = people.cache()  # asked many small questions
    found = {name: table.cache() for name, table in derived(people, tables, project, as_of=as_of).items()}
    apart = {name: table for name, table in found.items() if _tells_apart(table, name, project.min_cell)}
    names = [c for c in people.columns if _is_attribute(people, c) and not (c == "age" and "age_band" in apart)]
    kept = told(people, names, project.min_cell)
    left_out = [name for name in found if name not in apart]
    left_out += [name for name in names if not any(k == name or k.startswith(f"{name}: ") for k in kept)]
    result = people.select("customer_id", "described", **kept)
    if not apart:
        return result.filter(result.described).drop("described"), left_out
    for table in apart.values():
        result = result.left_join(table, "customer_id").drop("customer_id_right")
    return result.drop("described"), left_out


def _is_attribute(people: ir.Table, column: str) -> bool:
    """Whether a column of the unified customers describes them, and may be told in levels."""
    own = ("customer_id", *UNIFIED, "household_id")
    dated = people[column].type().is_timestamp() or people[column].type().is_date()
    return column not in (*own, *LOCATING, *PERSONAL) and not dated


def told(people: ir.Table, names: list[str], min_cell: int) -> dict[str, ir.Value]:
    """Attributes in few levels: as they are; a number of many values in thirds; of a list of words each word, yes or no.

    Returns   name → column; "interests: cooking" for a word of a list; what has too many levels for any of these is not among them
    """
    counted = people.aggregate(**{c: people[c].nunique() for c in names}).execute().iloc[0] if names else {}
    result: dict[str, ir.Value] = {}
    for name in names:
        value = people[name]
        if int(counted[name]) <= MANY:
            result[name] = value
        elif _is_number(people, name):
            number = value if value.type().is_numeric() else value.strip().try_cast("float64")
            result[name] = thirds(number)
        elif value.type().is_string():
            result |= _words(people, name, min_cell)
    return result


def _is_number(people: ir.Table, name: str) -> bool:
    """Whether an attribute holds amounts: numbers that are no names (a registration number has many digits, as many in each)."""
    text = people[name].cast("string").strip()
    known = people.aggregate(n=text.count(), numbers=text.try_cast("float64").count(), low=text.length().min(), high=text.length().max())
    found = known.execute().iloc[0]
    return bool(found["numbers"] >= NUMBERS * found["n"] and not (found["low"] == found["high"] >= CODE))


def _words(people: ir.Table, name: str, min_cell: int) -> dict[str, ir.Value]:
    """Lists such as "cooking|sport": one column a word, yes or no, for the words that at least min_cell customers have."""
    for mark in LISTED:
        parts = people.filter(people[name].notnull()).select(word=people[name].split(mark).unnest()).mutate(word=ibis._.word.strip())
        held = parts.filter(parts.word != "").group_by("word").agg(n=ibis._.count())
        found = held.filter(held.n >= min_cell).order_by("word").limit(MANY + 1).execute()["word"].tolist()
        single = held.count().execute()
        if 2 <= len(found) <= MANY and int(single) <= 2 * MANY:
            has = ibis.literal(mark) + people[name].re_replace(rf"\s*\{mark}\s*", mark) + mark
            known = people[name].notnull()
            return {f"{name}: {w}": ibis.cases((known & has.contains(f"{mark}{w}{mark}"), "yes"), (known, "no")) for w in found}
    return {}


def _tells_apart(table: ir.Table, name: str, least: int) -> bool:
    """Whether at least two levels have `least` customers."""
    levels = table.filter(table[name].notnull()).group_by(name).agg(n=ibis._.count())
    return int(levels.filter(levels.n >= least).count().execute()) >= 2
