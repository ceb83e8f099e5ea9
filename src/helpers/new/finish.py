"""One table made ready to be a source: what its contract still needs, amounts, repeated headers, cancelled orders."""

from helpers.new import names
from helpers.new.guess import Guess, Role, describe, expressible, expression_name
from helpers.new.read import FILE, literal, quoted
from helpers.new.read import rows as counted
from helpers.new.values import YES
from helpers.new.written import Written, number
from helpers.project.contract import CONTRACT


def complete(found: Guess) -> None:
    """Fill what the table cannot do without from something else, and say what is doubtful about it."""
    if found.table == "orders" and not found.totals:
        _amount(found)
        if "order_id" not in found.roles:
            found.roles["order_id"] = Role("#row", "no order number in the file", 0.5, "each row counts as an order of its own")
    if found.table == "answers" and "answered_at" not in found.roles:
        found.constants["answered_at"] = Role("2000-01-01", "no date in the file", 0.2, "type the day of the survey")
    if found.table == "consents":
        for role, value in (("channel", "email"), ("purpose", "marketing")):
            if role not in found.roles:
                found.constants[role] = Role(value, f"no {role} in the file", 0.3, f"which {role} is this consent for?")
        if "updated_at" not in found.roles:
            found.constants["updated_at"] = Role("2000-01-01", "no date in the file", 0.2, "type the day from which these consents hold")
    if found.table == "contacts" and "campaign_id" not in found.roles:
        found.constants["campaign_id"] = Role("campaign", "no campaign in the file", 0.3, "which campaign is this?")
    if found.table == "events" and "kind" not in found.roles and "kind" not in found.constants:
        found.constants["kind"] = Role("visit", "nothing says what happened", 0.3, "what did these customers do?")
    found.roles = {role: found.roles[role] for role in [*names.ROLES[found.table], *found.roles] if role in found.roles}


def _amount(found: Guess) -> None:
    price = next(
        (c for c in found.columns.values() if names.is_unit_price(c.name) and c.kind == "number" and c.name not in found.used), None
    )
    quantity = found.roles.get("quantity")
    if price is None or (found.roles.get("amount") and found.roles["amount"].fit >= 0.7):
        return
    if quantity:
        origin = f"= {expression_name(found, quantity.origin)} * {expression_name(found, price.name)}"
        plain = names.joined(price.name) in ("price", "prix")
        doubt = f"is {price.name} the price of one piece, or of the whole line?" if plain else ""
        found.roles["amount"] = Role(origin, "no total in the file: quantity times the price of one", 0.6 if plain else 0.9, doubt)
        found.roles["amount"].parts = [quantity.origin, price.name]
    else:
        found.roles["amount"] = Role(price.name, describe(price), 0.5, "a price of one piece? there is no quantity")


def in_cents(found: Guess) -> None:
    """Money counted in hundredths, when a column's name says so."""
    for role, made in found.roles.items():
        if CONTRACT[found.table]["columns"].get(role, "").startswith("decimal") and {"cent", "cents", "centimes", "pence"} & set(
            names.tokens(made.origin)
        ):
            found.units[role] = 0.01


def signs(found: Guess, how: Written) -> None:
    """Discounts that are written below zero count the other way round: the contract wants what was granted."""
    for role in ("discount", "coupon"):
        made = found.roles.get(role)
        if found.table == "orders" and made and made.origin in found.columns:
            value = number(found.columns[made.origin], how)
            below, above = found.read.ask(f"select count(*) filter ({value} < 0), count(*) filter ({value} > 0) from {{t}}")[0]
            if below > above:
                made.origin, made.parts = f"= -{expression_name(found, made.origin)}", [made.origin]
                made.reason += "; written below zero, so its sign is turned"


def repeated_header(found: Guess) -> int:
    """Rows that are the header once more; the source's filter sets them aside."""
    if not found.read.is_text:
        return 0
    texts = list(found.columns)[:12]
    same = " and ".join(f"{quoted(name)} = {literal(name)}" for name in texts)
    rows = found.read.ask(f"select count(*) from {{t}} where {same}")[0][0]
    if rows:
        first = next((name for name in texts if name in found.used and expressible(name)), next(filter(expressible, texts), texts[0]))
        before = f"({found.filter}) and " if found.filter else ""
        found.filter = f"{before}{expression_name(found, first)} != {first!r}"
        found.filter_why = f"the line of names once more: {counted(rows)}"
    return rows


def cancelled(found: Guess) -> str:
    """A filter to propose, as a comment, when a column speaks of orders that were none; "" otherwise."""
    for column in found.columns.values():
        if column.kind != "text" or column.distinct > 30 or column.name in found.used or not expressible(column.name):
            continue
        gone = [value for value in column.values if value.lower() in names.CANCELLED]
        if gone:
            return f"{expression_name(found, column.name)} not in [{', '.join(repr(value) for value in sorted(gone))}]"
    return ""


def staff(found: Guess) -> list[str]:
    """Rules to propose, as comments, where a yes or no says who works here: such people buy otherwise than customers."""
    result = []
    for role, made in found.roles.items() if found.table == "customers" else ():
        column = found.columns.get(made.origin)
        if column is None or column.kind != "yesno" or not names.STAFF & set(names.tokens(column.name)):
            continue
        yes = [(value, n) for value, n in column.values.items() if value.lower().removesuffix(".0") in YES]
        for value, _ in yes[:1]:
            answer = repr(value if column.is_text else value.removesuffix(".0"))
            who = found.read.ask(f"select count(*) from {{t}} where {quoted(column.name)}::VARCHAR = {literal(value)}")[0][0]
            rule = f'{{rule: customers_where, where: "{role} == {answer}"}}'
            result.append(f"{rule}  # please check: {counted(who)} of people who work here, by the name of the column {column.name}?")
    return result


def refunds(found: Guess, how: Written) -> int:
    """Rows whose amount is below zero."""
    made = found.roles.get("amount")
    if made is None:
        return 0
    amount = amount_sql(found, how)
    return found.read.ask(f"select count(*) from {{t}} where {amount} < 0")[0][0]


def amount_sql(found: Guess, how: Written) -> str:
    """The amount in a query."""
    made = found.roles["amount"]
    return " * ".join(number(found.columns[part], how) for part in made.parts or [made.origin])


def repeated_in_newer(found: Guess) -> int:
    """Keys that stand in several files of a series: a newer file then corrects an older one."""
    key = [role for role in CONTRACT[found.table]["key"] if role in found.roles]
    origins = [found.roles[role].origin for role in key]
    if not found.read.given.several or not key or any(origin not in found.columns for origin in origins):
        return 0
    if found.read.given.kind not in ("text", "parquet"):
        return 0
    names_ = ", ".join(quoted(origin) for origin in origins)
    filled = " and ".join(f"{quoted(origin)} is not null" for origin in origins)
    query = f"select count(*) from (select 1 from {{t}} where {filled} group by {names_} having count(distinct {quoted(FILE)}) > 1)"
    return found.read.ask(query)[0][0]
