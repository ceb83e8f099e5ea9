"""What stands beside: attributes of customers in order lines, and surveys with a column a question."""

import re

from helpers.new import names
from helpers.new.finish import cancelled
from helpers.new.guess import Guess, Role, attribute, unwanted
from helpers.new.read import quoted
from helpers.new.values import Column

LEVELS = (2, 60)
"""Different values of an attribute that order lines repeat, at least and at most."""
CONSTANT = 0.99
"""Share of the customers with several orders who have one value, at least."""
SEVERAL = 20
"""Customers with several orders, at least: fewer prove nothing."""
QUESTIONS = 5
"""Columns that look like questions from which a table looks like a survey."""


def people_in_orders(guesses: list[Guess]) -> list[Guess]:
    """Sources of customers from order lines that say the same of a customer each time, such as a country; none beside a table of them.

    Only customers with several orders tell: with one order everything is constant.
    """
    if any(each.table == "customers" for each in guesses):
        return []
    return [made for each in guesses if each.table == "orders" and not each.totals for made in [_people(each)] if made]


def _people(orders: Guess) -> Guess | None:
    who = orders.roles.get("customer_id")
    if who is None or who.origin not in orders.columns:
        return None
    found = Guess(orders.read, orders.columns, "customers", "order lines repeat it for each customer", 0.5, {"customer_id": who})
    taken, kept = {"customer_id"}, []
    for column in orders.columns.values():
        if column.name in orders.used or not _may_describe(column) or (cancelled(orders) and column.name in cancelled(orders)):
            continue
        same, several = _constant(orders, who.origin, column.name)
        if several < SEVERAL or same < CONSTANT * several:
            continue
        made = attribute(found, column.name, taken)
        taken.add(made)
        kept.append(column.name)
        share = f"{100 * same / several:.1f} %"
        doubt = f"the same in all orders of {share} of the {several:,} customers with several; does it describe them?"
        found.roles[made] = Role(column.name, "", 0.5, doubt)
    if not kept:
        return None
    found.notes.append("the same file as the orders: step 3 keeps one row a customer, and of several values the smallest")
    found.notes.append("its rows repeat customers, which step 3 counts as duplicates: its grade says nothing here")
    found.elsewhere, orders.elsewhere = set(orders.columns), orders.elsewhere | set(kept)
    found.doubt = "are these attributes of customers, rather than of orders?"
    return found


def _may_describe(column: Column) -> bool:
    """Words with few levels, of no product, person or special category."""
    of_orders = {"product", "produit", "article", "item", "sku", "order", "commande", "invoice", "facture", "payment", "paiement", "status"}
    few = column.kind in ("text", "yesno") and LEVELS[0] <= column.distinct <= LEVELS[1]
    return few and not column.looks and not unwanted(column) and not of_orders & set(names.tokens(column.name))


def _constant(orders: Guess, who: str, column: str) -> tuple[int, int]:
    """Customers with one value only, and all, among those with several orders (days, where no order has a number)."""
    made = orders.roles.get("order_id")
    order = made if made and made.origin in orders.columns else orders.roles.get("ordered_at")
    if order is None or order.origin not in orders.columns:
        return 0, 0
    query = (
        f"select count(*) filter (levels = 1), count(*) from (select count(distinct {quoted(column)}) levels from {{t}} "
        f"where {quoted(who)} is not null and {quoted(column)} is not null group by {quoted(who)} "
        f"having count(distinct {quoted(order.origin)}) > 1)"
    )
    return orders.read.ask(query)[0]


def surveys(guesses: list[Guess]) -> list[str]:
    """What to do with tables that look like surveys with a column a question; each of them is given it as a note.

    The table answers has a row an answer, and which columns are questions, asked when, no file says.
    """
    hints = []
    for found in guesses:
        if found.table in ("orders", "answers", "events", "consents", "contacts", "market"):
            continue
        found.questions = asked = _questions(found)
        if not asked:
            continue
        some = ", ".join(asked[:3]) + (" …" if len(asked) > 3 else "")
        hint = (
            f"looks like a survey with a column a question ({len(asked)}: {some}): to use it as answers, turn these columns into rows of "
            "customer, question, answer and day (Unpivot Other Columns in a spreadsheet's Power Query, melt in pandas) and begin again "
            "with that file beside your orders"
        )
        found.notes.append(hint)
        hints.append(f"{found.read.given.shown} {hint}")
    return hints


def _questions(found: Guess) -> list[str]:
    """Columns that look like questions: called so; or, in a file called a survey, with few answers; or of one scale."""
    small = [c for c in found.columns.values() if 2 <= c.distinct <= 11 and c.kind in ("number", "yesno", "text") and not c.looks]
    told = [c for c in found.columns.values() if c in small or (c.kind == "text" and not c.looks)]  # Q1 to Q4 may be quarters' sales
    called = [c.name for c in told if re.match(r"(q|question|item)[ _.-]?\d+", c.name, re.I) or c.name.endswith("?")]
    if len(called) >= min(QUESTIONS, max(3, len(found.columns) - 2)):
        return called
    if names.speaks_of(found.read.given.part or found.read.given.raw) == "answers" and len(small) >= 3:
        return [c.name for c in small]
    scales: dict[tuple, list[str]] = {}
    for column in small:
        if column.kind == "number" and column.whole and column.distinct >= 3:
            scales.setdefault((column.lowest, column.highest), []).append(column.name)
    asked = max(scales.values(), key=len, default=[])
    return asked if len(asked) >= QUESTIONS else []
