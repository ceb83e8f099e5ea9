"""How tables hang together: order lines and the orders they belong to, products and their categories, totals, and whose ids are whose."""

import re
from datetime import datetime

from helpers.new import names
from helpers.new.finish import cancelled
from helpers.new.guess import Guess, Role, assign, exact
from helpers.new.read import FILE, literal, quoted
from helpers.new.values import Column

SAME = 0.5
"""Share of the fewer ids found among the others from which two files have one numbering."""
OTHER = 0.05
"""Share below which they have two."""


def join_lines(guesses: list[Guess]) -> None:
    """Lines without customer or date take both from the table of orders that has their order numbers; that one is then no source itself."""
    for lines in guesses:
        roles = assign(lines.columns, "orders", lines.read.rows)
        lacking = [role for role in ("customer_id", "ordered_at") if role not in roles]
        if not lacking or "order_id" not in roles or not _has_money(lines, roles):
            continue
        for heads in guesses:
            known = assign(heads.columns, "orders", heads.read.rows)
            if heads is lines or heads.lookups or not {"order_id", "customer_id", "ordered_at"} <= set(known):
                continue
            if (
                not _unique(heads, known["order_id"].origin)
                or _shared(lines, roles["order_id"].origin, heads, known["order_id"].origin) < SAME
            ):
                continue
            lines.table, lines.roles, lines.fit, lines.why, lines.doubt = "orders", roles, 0.8, "order lines", ""
            _look_up(
                lines, heads, "order_id", roles, known, [*lacking, *(r for r in ("channel", "store_id") if r in known and r not in roles)]
            )
            twice = "; its own amounts would count twice" if _has_money(heads, known) else ""
            heads.table, heads.why = None, f"gives customer and date to {lines.read.given.shown}{twice}"
            none = cancelled(heads)
            if none:
                lines.notes.append(
                    f"{heads.read.given.shown} holds orders that were none, those without `{none}`: leave them out of the export"
                )
            break


def drop_doubles(guesses: list[Guess]) -> None:
    """Of two tables with the same orders, one row an order and one row a line, the lines count: both would count money twice."""
    orders = [g for g in guesses if g.table == "orders" and g.roles.get("order_id")]
    for one in orders:
        for other in orders:
            if one is other or None in (one.table, other.table) or _detail(one) <= _detail(other):
                continue
            if _shared(one, one.roles["order_id"].origin, other, other.roles["order_id"].origin) >= SAME:
                other.table, other.why = None, f"the same orders as {one.read.given.shown}, which has their lines: they would count twice"


def _detail(found: Guess) -> tuple[bool, int]:
    return "product_id" in found.roles, found.read.rows


def join_products(guesses: list[Guess]) -> None:
    """Orders without a category take it from a list of products."""
    for orders in (g for g in guesses if g.table == "orders" and "product_id" in g.roles):
        wanted = [role for role in ("category", "brand") if role not in orders.roles]
        for products in guesses if wanted else ():
            known = assign(products.columns, "orders", products.read.rows)
            known.pop("order_id", None)
            own = next((c.name for c in products.columns.values() if names.joined(c.name) in ("id", "identifiant", "code")), None)
            if own and "product_id" not in known:
                known["product_id"] = Role(own, "the key of this list")
            if products is orders or products.table == "orders" or "product_id" not in known or not set(wanted) & set(known):
                continue
            if not _unique(products, known["product_id"].origin):
                continue
            if _shared(orders, orders.roles["product_id"].origin, products, known["product_id"].origin) >= OTHER:
                _look_up(orders, products, "product_id", orders.roles, known, [role for role in wanted if role in known])
                products.table, products.why = None, f"gives {' and '.join(r for r in wanted if r in known)} to {orders.read.given.shown}"
                break


def _look_up(source: Guess, other: Guess, key: str, roles: dict, known: dict, columns: list[str]) -> None:
    source.lookups.append(
        {
            "file": other.read.given.file,
            "match": {roles[key].origin: known[key].origin},
            "columns": {role: known[role].origin for role in columns},
            "doubt": _unlike(source, other),
            "guess": other,
        }
    )


def _unlike(source: Guess, other: Guess) -> str:
    one, two = source.read.text, other.read.text
    if one and two and (one.encoding, one.separator) != (two.encoding, two.separator):
        return f"{other.read.given.shown} is written otherwise ({two.encoding}, {two.separator!r}), and both are read alike"
    return ""


def _has_money(found: Guess, roles: dict[str, Role]) -> bool:
    return "amount" in roles or any(names.is_unit_price(c.name) and c.kind == "number" for c in found.columns.values())


def _unique(found: Guess, column: str) -> bool:
    different, filled = exact(found, column)
    return filled > 0 and different == filled


def as_id(found: Guess, column: str) -> str:
    """An id as text in a query, a whole number without the .0 that some programs add."""
    profile: Column = found.columns[column]
    if profile.is_text:
        files = _floats(found, profile)
        return (
            f"case when {files} then regexp_replace({quoted(column)}, '\\.0$', '') else {quoted(column)} end" if files else quoted(column)
        )
    return f"{quoted(column)}::BIGINT::VARCHAR" if profile.native in ("DOUBLE", "FLOAT") else f"{quoted(column)}::VARCHAR"


def _floats(found: Guess, column: Column) -> str:
    """In which rows a text id is written as 7.0, as a condition; "" for none. As the engine has it: all ids of a file, or none."""
    value, file = quoted(column.name), quoted(FILE) if found.read.given.several else "''"
    gone = ", ".join(literal(each) for each in ("", column.name, *column.missing))
    query = (
        f"select {file} f, bool_and(regexp_full_match({value}, '\\d+\\.0')) from {{t}} "
        f"where {value} is not null and {value} not in ({gone}) group by 1 order by 1"
    )
    files = [name for name, all_ in found.read.ask(query) if all_]
    return f"{file} in ({', '.join(map(literal, files))})" if files else ""


def _different(found: Guess, column: str) -> str:
    """The DuckDB table of a column's different ids, made once."""
    if column not in found.read.ids:
        made = f"ids_{found.read.name}_{len(found.read.ids)}"
        found.read.ask(f"create or replace temp table {made} as select distinct {as_id(found, column)} v from {{t}} where v is not null")
        found.read.ids[column] = made
    return found.read.ids[column]


def _shared(one: Guess, left: str, other: Guess, right: str) -> float:
    """Share of the different ids of the table with fewer that stand in the other too."""
    a, b = _different(one, left), _different(other, right)
    query = f"select (select count(*) from {a}), (select count(*) from {b}), (select count(*) from {a} join {b} using (v))"
    left_ids, right_ids, both = one.read.ask(query)[0]
    return both / max(1, min(left_ids, right_ids))


def shared_addresses(one: Guess, address: str, other: Guess) -> float:
    """Share of the fewer e-mail addresses that both tables have; `address` is the column of the first."""
    return _shared(one, address, other, other.roles["email"].origin)


def number_ids(guesses: list[Guess]) -> None:
    """Give every source its numbering: one where the same ids are found, another where they are not, with the reason."""
    groups: list[list[Guess]] = []
    for found in (g for g in guesses if g.table not in (None, "market")):
        column = _customer(found)
        shares = [(max(_same_ids(found, other) for other in group), i) for i, group in enumerate(groups)] if column else []
        best, index = max(shares, default=(0.0, 0), key=lambda each: (each[0], -each[1]))
        if best >= OTHER or (groups and column is None):
            found.ids_why = (
                ""
                if best >= SAME or column is None
                else f"only {100 * best:.0f} % of its customers are among those of {groups[index][0].name}"
            )
            found.ids_doubt = bool(found.ids_why) or _chance(found, groups[index][0])
            groups[index].append(found)
        else:
            if groups:
                by_address = found.columns[column].looks == "email"
                found.ids_why = (
                    "its customers are numbered by their e-mail address"
                    if by_address
                    else f"hardly any of its customer ids is one of {groups[0][0].name}: "
                    "another numbering, or another form of the same ids?"
                )
                found.ids_doubt = True
            groups.append([found])
    if len(groups) > 1:
        for group in groups[1:]:  # the first keeps its ids as they are
            known = next((found.name for found in group if found.table == "customers"), group[0].name)
            for found in group:
                found.ids = known


def _customer(found: Guess) -> str | None:
    """The column of the customer's id; None where it is a row's number or comes by a lookup."""
    made = found.roles.get("customer_id")
    return made.origin if made and made.origin in found.columns else None


def _same_ids(one: Guess, other: Guess) -> float:
    left, right = _customer(one), _customer(other)
    if left and right:
        return _shared(one, left, other, right)
    for mine, theirs in ((one, other), (other, one)):
        for lookup in mine.lookups:
            far = lookup.get("guess")
            if "customer_id" in lookup["columns"] and far and _customer(theirs):
                return _shared(far, lookup["columns"]["customer_id"], theirs, _customer(theirs))
    return 1.0 if left is None or right is None else 0.0


def _chance(found: Guess, other: Guess) -> bool:
    """Whether both count 1, 2, 3 …, so that ids agree by chance: said when their columns are called differently."""
    left, right = _customer(found), _customer(other)
    if not left or not right or names.joined(left) == names.joined(right):
        return False
    counts = []
    for each, column in ((found, left), (other, right)):
        value = as_id(each, column)
        asked = f"min(try_cast({value} as bigint)), max(try_cast({value} as bigint)), count(distinct {value})"
        low, high, different = each.read.ask(f"select {asked} from {{t}}")[0]
        counts.append(low is not None and low <= 1 and high <= 1.2 * different)
    if all(counts):
        found.ids_why = f"its ids and those of {other.name} both count from 1: the same people, or by chance?"
    return all(counts)


# ---- one row a customer, a column an amount


def totals(guesses: list[Guess]) -> list[Guess]:
    """When no table holds orders: the table of totals, one row a customer, as a source of orders and one of customers.

    Returns the sources to add; the first is an orders source with `totals`.
    """
    for found in guesses:
        money = [c for c in found.columns.values() if _is_money(c, found.read.rows)]
        roles = assign(found.columns, "customers", found.read.rows)
        made = roles.get("customer_id")
        if made and not _unique(found, made.origin):
            continue
        if len(money) < 2 or any(c.kind == "date" for c in money) or found.questions or found.table in ("answers", "comments", "market"):
            continue
        who = Role("#row", "no customer id in the file: the row's number", 0.5) if made is None else made
        if made is None:
            who.doubt = "ids hold while the file keeps its order of rows"
        orders = Guess(found.read, found.columns, "orders", "one row a customer, a column a total", 0.6, {"customer_id": who})
        orders.totals = {"categories": {c.name: c.name for c in money}}
        orders.doubt = "are these amounts of money, and of which period?"
        orders.left = dict(found.read.left)
        people = Guess(found.read, found.columns, "customers", "what else the rows say about customers", 0.6, {**roles, "customer_id": who})
        people.elsewhere = {c.name for c in money}
        people.roles = {role: r for role, r in people.roles.items() if r.origin not in people.elsewhere}
        found.table = None
        guesses.remove(found)
        return [orders, people]
    return []


def _is_money(column: Column, rows: int) -> bool:
    if column.kind != "number" or column.name == "" or names.joined(column.name) in names.COMPANY_UNITS:
        return False
    if column.distinct <= min(20, 0.2 * rows) or re.search(r"(^|[_ ])(id|no|num|code|year|date|lat|lon|rank)$", column.name.lower()):
        return False
    numbers = [float(v) for v in column.values if re.fullmatch(r"-?\d+(\.\d+)?", v)]
    return bool(numbers) and sum(n < 0 for n in numbers) < 0.02 * len(numbers)


def nearest(guesses: list[Guess]) -> str:
    """Why no table could be orders: the one that comes closest, and what it lacks."""
    best = max(
        guesses,
        key=lambda g: len({"customer_id", "order_id", "ordered_at", "amount"} & set(assign(g.columns, "orders", g.read.rows))),
        default=None,
    )
    if best is None:
        return ""
    roles = assign(best.columns, "orders", best.read.rows)
    lacks = [
        role for role in ("customer_id", "ordered_at", "amount") if role not in roles and not (role == "amount" and _has_money(best, roles))
    ]
    return f" {best.read.given.shown} comes closest; it lacks {', '.join(lacks)} (its columns: {', '.join(list(best.columns)[:12])})."


def year_before(found: Guess) -> tuple[datetime, datetime]:
    """The calendar year before the file was saved: all that is known of undated totals."""
    path = found.read.given.path
    year = datetime.fromtimestamp(path.stat().st_mtime).year if path else 2000
    return datetime(year - 1, 1, 1), datetime(year, 1, 1)
