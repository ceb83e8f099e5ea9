"""Step 3: the mapped sources checked and brought into the table contract, what is set aside beside it, and one row per customer."""

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError, expressions
from helpers.collect.special import refuse_special
from helpers.project import CONTRACT, Project
from helpers.project.contract import PERSONAL, UNIFIED
from helpers.project.sources import SetAside
from helpers.words import mark

RULES = {
    "no_customer": mark("no identified customer"),
    "incomplete": mark("a column that the table cannot do without is empty"),
    "quantity_not_positive": mark("a quantity of zero or less and no refund"),
    "amount_zero": mark("an amount of zero"),
    "exact_copy": mark("an exact copy of another row"),
    "unreadable": mark("a value that cannot be read"),
    "filtered": mark("a value that the source’s filter leaves out"),
    "replaced": mark("a newer version in a later file"),
    "customers_where": mark("a customer for whom this holds: {where}"),
    "orders_a_day_above": mark("a customer with more than {value} orders on one day"),
}
ABOUT_CUSTOMERS = ("customers_where", "orders_a_day_above")
"""Rules that set customers aside, with all their rows in every table."""
NOT_TAKEN = ("filtered", "replaced")
"""Reasons of rows that were never meant to count: they are in no figure, the controller's comparison included."""
KNOWN_SINCE = ("created_at", "updated_at")
"""Moments of a customer's record: they describe nobody."""
OWN = ("customer_id", *UNIFIED, *KNOWN_SINCE)
"""Columns of the unified customers that are no attributes."""
OLDEST_AGE = 110
"""A birth date that makes a customer older than this, or not born yet, is a slip: the age is then missing."""


def rules_of(project: Project) -> dict[str, SetAside]:
    """The typed rules by the reason that their rows carry: the rule's name, numbered from the second of a kind on."""
    found: dict[str, SetAside] = {}
    for each in project.collect.set_aside:
        same = sum(1 for earlier in found.values() if earlier.rule == each.rule)
        found[each.rule if not same else f"{each.rule}_{same + 1}"] = each
    return found


def one_form(text: ir.StringValue) -> ir.StringValue:
    """A purpose or channel of consents as it is compared: lower case, without spaces around it; empty: missing.

    Who said yes to “marketing” and no to “Marketing ” said both of one thing.
    """
    return text.re_replace(r"^[\s\p{Z}]+|[\s\p{Z}]+$", "").lower().nullif("")


def judge_rows(table: str, rows: ir.Table, rules: list[str]) -> ir.Table:
    """Every row with the reason for which it is set aside, or missing reason.

    table    name in the table contract; rows: its mapped columns
    Returns  the same rows with `reason` (a key of RULES, missing for rows kept); the first reason that holds counts
    """
    tests = [(rows.customer_id.isnull(), "no_customer")] if "customer_id" in rows.columns else []  # market is about nobody
    required = [rows[c] for c in CONTRACT[table]["required"] if c in rows.columns]
    empty = required[0].isnull()
    for column in required[1:]:
        empty = empty | column.isnull()
    tests.append((empty, "incomplete"))
    if "exact_copy" in rules:
        rows = rows.mutate(copy_=ibis.row_number().over(group_by=list(rows.columns), order_by=list(rows.columns)))
        tests.append((rows.copy_ > 0, "exact_copy"))
    if table == "orders" and "quantity_not_positive" in rules and "quantity" in rows.columns:
        tests.append(((rows.quantity <= 0) & (rows.amount >= 0), "quantity_not_positive"))
    if table == "orders" and "amount_zero" in rules:
        tests.append((rows.amount == 0, "amount_zero"))
    judged = rows.mutate(reason=ibis.cases(*tests))
    return judged.drop("copy_") if "copy_" in judged.columns else judged


def identify(step):
    """Who is one customer among the records, given privately as `identity`, `pairs`, `households` and `matching.json`.

    Returns  what `matching.match` found, or None where there are no records to compare
    Raises   NinefoldError for a column of a special category without a stated basis, before any record is compared
    """
    from helpers import matching  # late: it takes a while to import, and most projects have nothing to match

    refuse_special(step)
    matched = matching.match(step)
    if matched is None:
        return None
    step.give_table("identity", matched.identity, key=["raw_id"])
    step.give_table("pairs", matched.pairs, key=["left", "right"])
    step.give_table("households", matched.households, key=["customer_id"])
    step.give_json("matching", matched.summary)
    return matched


def records(step, matched, customers: ir.Table) -> ir.Table | None:
    """customer_id (the person's), source and created_at (where mapped) of each record; None where no source describes customers, or
    where one does and nothing was matched: then customers say the same."""
    described = step.project.sources_of("customers")
    if not described or (len(described) < 2 and matched is None):
        return None
    rows = _of_people(step.engine.records(), matched)
    return rows.select([c for c in ("customer_id", "source", "created_at") if c in rows.columns]).semi_join(customers, "customer_id")


def changed_since(step) -> dict | None:
    """Records that were there before as_of and were changed at or after it: what they held before is not known.

    Returns  records (known before as_of), changed; None where no change is dated
    """
    if not step.engine.has("customers"):
        return None
    rows, end = step.engine.mapped("customers"), ibis.literal(step.as_of, "timestamp")
    if "updated_at" not in rows.columns:
        return None
    known = rows.filter(rows.created_at.isnull() | (rows.created_at < end)) if "created_at" in rows.columns else rows
    later = (known.updated_at >= end).sum().fill_null(0)
    return {name: int(n) for name, n in known.aggregate(records=known.count(), changed=later).execute().iloc[0].items()}


def unify(step, matched=None) -> tuple[dict[str, ir.Table], dict[str, ir.Table]]:
    """Every mapped table checked and handed over, with what was set aside beside it.

    step      the step in progress (run.Step)
    matched   result of `identify`: every customer_id becomes the person's, and customers one row a person
    Returns   checked tables by name, as steps 4 to 9 read them; and all rows with the `reason` of those set aside. The table
              customers is not handed over here: `one_row_each` unites it with the orders.
    Raises    NinefoldError for a column of a special category without a stated basis, and for a rule that names no attribute
    """
    refuse_special(step)
    rules = [each.rule for each in step.project.collect.set_aside]
    judged = {name: _of_people(_judged(step, name, rules, matched), matched) for name in filled(step.project)}
    people = described(step, judged, matched)
    leaving = apart(people, _kept(judged["orders"]), step.project)
    checked = {}
    for name, rows in judged.items():
        rows = rows if leaving is None or "customer_id" not in rows.columns else _without(rows, leaving)
        key = [column for column in CONTRACT[name]["key"] if column in rows.columns]
        aside = rows.filter(rows.reason.notnull())
        if name == "customers":
            checked[name] = people if leaving is None else people.anti_join(leaving, "customer_id")
            step.give_table("customers_set_aside", aside.drop(*_private(aside)), key=key, unique=False)
            judged[name] = rows
            continue
        checked[name] = step.give_table(name, _kept(rows), key=key, unique=False)
        aside = step.give_table(f"{name}_set_aside", aside, key=key, unique=False)
        judged[name] = checked[name].mutate(reason=ibis.null("string")).union(aside.select(*checked[name].columns, "reason"))
    return checked, judged


def _kept(rows: ir.Table) -> ir.Table:
    return rows.filter(rows.reason.isnull()).drop("reason")


def _private(rows: ir.Table) -> list[str]:
    """Columns that serve matching alone: they leave step 3 with its private tables only."""
    return [c for c in (*PERSONAL, "source", "place") if c in rows.columns]


def _judged(step, table: str, rules: list[str], matched) -> ir.Table:
    """The rows of a table with their reasons, those that the engine could not take included."""
    records = table == "customers" and matched is not None
    rows = step.engine.records() if records else _with_undated(step, table)
    refused = step.engine.refused(table)
    if table == "consents":
        rows, refused = _in_one_form(rows), _in_one_form(refused)
    judged = judge_rows(table, rows, rules)
    if not int(refused.count().execute()):
        return judged
    lacking = {c: ibis.null(judged[c].type()) for c in judged.columns if c not in refused.columns}
    return judged.union(refused.mutate(**lacking).select(*judged.columns))


def _in_one_form(consents: ir.Table) -> ir.Table:
    return consents.mutate(**{c: one_form(consents[c]) for c in ("channel", "purpose") if c in consents.columns})


def _with_undated(step, table: str) -> ir.Table:
    """A source cut at as_of, with its rows without a date: the cut drops them, and nothing is dropped in silence."""
    rows, dated = step.source(table), CONTRACT[table]["dated"]
    if dated is None:
        return rows
    mapped = step.engine.mapped(table)
    undated = mapped.filter(mapped[dated].isnull())
    return rows.union(undated.select(*rows.columns)) if int(undated.count().execute()) else rows


def _of_people(rows: ir.Table, matched) -> ir.Table:
    """The rows with persons' ids for the records'; an id that no record has stays."""
    if matched is None or "customer_id" not in rows.columns:
        return rows
    from helpers import matching

    return matching.applied(rows, matched.identity).select(*rows.columns)


def described(step, judged: dict[str, ir.Table], matched) -> ir.Table | None:
    """The customers' attributes without what says who they are, with their age at as_of; None without a table customers.

    Returns  customer_id, attributes, `age` (whole years) where a birth date is mapped and no age is; one row a person when matched
    """
    if "customers" not in judged:
        return None
    rows = matched.people if matched is not None else _kept(judged["customers"])
    if "birth_date" in rows.columns and "age" not in rows.columns:
        rows = rows.mutate(age=years_of_age(rows.birth_date, step.as_of))
    return rows.drop(*_private(rows))


def years_of_age(born: ir.TimestampValue, as_of) -> ir.IntegerValue:
    """Whole years at as_of; missing for the unborn and above OLDEST_AGE. On the birthday itself the new year counts."""
    ahead = (born.month() > as_of.month) | ((born.month() == as_of.month) & (born.day() > as_of.day))
    years = (as_of.year - born.year() - ahead.cast("int64")).cast("int64")
    return ibis.cases((years.between(0, OLDEST_AGE), years))


def apart(people: ir.Table | None, orders: ir.Table, project: Project) -> ir.Table | None:
    """The customers whom a rule sets aside: staff, resellers, shared cards.

    people    customer_id and attributes, or None; orders: customer_id, order_id, ordered_at of the rows kept so far
    Returns   customer_id, reason (the first rule that holds), in the engine's memory; None without such rules
    Raises    NinefoldError when a rule cannot be worked out
    """
    found = []
    for place, (code, rule) in enumerate(rules_of(project).items()):
        if rule.rule not in ABOUT_CUSTOMERS:
            continue
        field = f"{project.file}: field collect.set_aside[{place}]"
        who = _where(people, rule, field) if rule.rule == "customers_where" else _shared_cards(orders, rule, field)
        found.append(who.select("customer_id").distinct().mutate(place=ibis.literal(place, "int64"), reason=ibis.literal(code)))
    if not found:
        return None
    together = ibis.union(*found) if len(found) > 1 else found[0]
    first = ibis.row_number().over(group_by="customer_id", order_by="place")
    return together.mutate(first_=first).filter(ibis._.first_ == 0).select("customer_id", "reason").cache()


def _where(people: ir.Table | None, rule: SetAside, field: str) -> ir.Table:
    if people is None or not rule.where:
        why = "there is no table customers" if rule.where else "the field where is empty"
        raise NinefoldError(f"{field}: customers_where cannot be worked out, {why}. Map the table, type `where`, or drop the rule.")
    holds = expressions.build(rule.where, {c: people[c] for c in people.columns}, field=f"{field}.where", wanted="boolean")
    return people.filter(holds.fill_null(False))


def _shared_cards(orders: ir.Table, rule: SetAside, field: str) -> ir.Table:
    if rule.value is None:
        raise NinefoldError(f"{field}: orders_a_day_above needs a value, the number of orders on one day that one customer may place.")
    days = orders.group_by("customer_id", day=orders.ordered_at.date()).agg(n=orders.order_id.nunique())
    return days.filter(days.n > rule.value)


def _without(rows: ir.Table, leaving: ir.Table) -> ir.Table:
    """The rows with the reason for which their customer leaves, where they had none."""
    joined = rows.left_join(leaving.select("customer_id", leaves_=leaving.reason), "customer_id")
    columns = [c for c in rows.columns if c != "reason"]
    return joined.select(*columns, reason=ibis.coalesce(joined.reason, joined.leaves_))


def checked(step) -> dict[str, ir.Table]:
    """The checked tables that step 3 handed over, by name, for a later step; customers is one row each."""
    return {name: step.take("collect", name) for name in CONTRACT if step.gives("collect", name)}


def banded(years: ir.NumericValue, borders: tuple[int, ...]) -> ir.StringValue:
    """An age as a band: <25, 25–34 …, 65+."""
    branches = [(years < borders[0], f"<{borders[0]}")]
    branches += [(years < high, f"{low}–{high - 1}") for low, high in zip(borders, borders[1:], strict=False)]
    return ibis.cases(*branches, (years >= borders[-1], f"{borders[-1]}+"))


def attributes(customers: ir.Table) -> list[str]:
    """The columns of the unified customers that come from their description."""
    return [c for c in customers.columns if c not in OWN]


def one_row_each(customers: ir.Table | None, orders: ir.Table) -> ir.Table:
    """One row per customer: attributes where they are known, first and last order.

    customers   customer_id and attributes, or None; a customer who stands there twice keeps the smallest value of each column
    orders      customer_id, order_id, ordered_at
    Returns     customer_id, described (bool), first_ordered_at, last_ordered_at (missing: never bought), orders, attributes
    """
    bought = orders.group_by("customer_id").agg(
        first_ordered_at=orders.ordered_at.min(), last_ordered_at=orders.ordered_at.max(), orders=orders.order_id.nunique()
    )
    if customers is None:
        return bought.mutate(described=False)
    known = customers.filter(customers.customer_id.notnull())
    names = [c for c in known.columns if c != "customer_id"]
    known = known.group_by("customer_id").agg(**{c: known[c].min() for c in names}).mutate(described=True)
    joined = bought.outer_join(known, "customer_id")
    return joined.select(
        "first_ordered_at",
        "last_ordered_at",
        *names,
        customer_id=ibis.coalesce(joined.customer_id, joined.customer_id_right),
        orders=joined.orders.fill_null(0),
        described=joined.described.fill_null(False),
    )


def filled(project: Project) -> list[str]:
    """The canonical tables that the project's sources fill, in the contract's order."""
    return [name for name in CONTRACT if bool(project.sources_of(name))]


def taken(rows: ir.Table) -> ir.Table:
    """The judged rows without those that were never meant to count (filtered, replaced)."""
    return rows.filter(rows.reason.isnull() | rows.reason.notin(NOT_TAKEN)) if "reason" in rows.columns else rows
