"""Mailings and lists keyed by e-mail address: they number customers by it, and matching joins them to those of the orders."""

from helpers.new import names, together
from helpers.new.guess import ENOUGH, Guess, Role, assign, describe, expressible, expression_name
from helpers.new.values import Column

MOMENTS = {
    "sent": {*"sent send sending mailed delivered envoi envoye envoyee expedie".split()},
    "opened": {*"opened open opening ouvert ouverte ouverture".split()},
    "clicked": {*"clicked click clic clique cliquee".split()},
}
"""Kind of event: words in the name of the day or moment at which a mail was that."""
LIST = 0.8
"""Share of different addresses from which a file without such days is a list of subscribers."""


def by_email(guesses: list[Guess]) -> list[Guess]:
    """`guesses`, in which each file that nothing but an e-mail address keys has become sources, or says what it lacks.

    A source of customers whose id is the address, and one of events for each of sent, opened and clicked that the file dates. They are
    written only where another file of customers has addresses: otherwise nobody could say who these people are.
    """
    result = []
    known = [each for each in guesses if each.table == "customers" and "email" in each.roles]
    for found in guesses:
        address = _address(found)
        made = _sources(found, address) if address else []
        if made and not known:
            found.why = _lacking(found, address)
            made = []
        if made:
            share, other = max(((together.shared_addresses(found, address.name, each), each) for each in known), key=lambda pair: pair[0])
            where = other.read.given.shown
            made[0].matched = f"{100 * share:.0f} % of the addresses stand in {where}; do two people never share one?"
        result += made or [found]
    return result


def _address(found: Guess) -> Column | None:
    """The column of addresses of a file that is no source yet and has no other key of customers."""
    if found.table is not None or found.why or found.questions:
        return None
    return next((c for c in found.columns.values() if c.looks == "email" and names.fit(c.name, "customers", "email") >= ENOUGH), None)


def _sources(found: Guess, address: Column) -> list[Guess]:
    dates = {kind: column for kind, words in MOMENTS.items() for column in [_dated(found, words)] if column}
    listed = address.distinct >= LIST * max(found.read.rows, 1)
    if not dates and not listed:
        return []
    who = Role(address.name, f"the address is the only key; {describe(address)}")
    people = Guess(found.read, found.columns, "customers", "who stands behind each address", 0.5)
    people.roles = assign(found.columns, "customers", found.read.rows) if not dates else {}
    people.roles |= {"customer_id": who, "email": Role(address.name, describe(address))}
    people.doubt = "the people of this file, numbered by their address"
    people.elsewhere = {c for c in found.columns if dates}
    return [people, *(_mails(found, who, kind, column, dates) for kind, column in dates.items())]


def _mails(found: Guess, who: Role, kind: str, column: Column, dates: dict[str, Column]) -> Guess:
    made = Guess(found.read, found.columns, "events", f"its column {column.name} dates mails {kind}", 0.5, name=kind)
    roles = {"customer_id": who, "occurred_at": Role(column.name, describe(column))}
    campaign = max(found.columns.values(), key=lambda each: names.fit(each.name, "events", "campaign_id"))
    if names.fit(campaign.name, "events", "campaign_id") >= ENOUGH:
        roles["campaign_id"] = Role(campaign.name, describe(campaign))
    made.roles = roles
    made.constants = {"kind": Role(kind, f"what {column.name} dates"), "channel": Role("email", "a file of mails")}
    made.elsewhere = {each.name for each in dates.values()}
    if column.filled < column.rows:
        made.filter, made.filter_why = _where_dated(made, column), "the other rows are of mails that were not"
    made.doubt = f"is each row with {column.name} a mail {kind}?"
    return made


def _where_dated(found: Guess, column: Column) -> str:
    """The filter that keeps the rows in which a column holds a day."""
    name = expression_name(found, column.name)
    gone = ", ".join(repr(each) for each in ("", *sorted(column.missing)))
    return f"{name} not in [{gone}]" if column.is_text else f"year({name}) > 0"


def _dated(found: Guess, words: set[str]) -> Column | None:
    return next((c for c in found.columns.values() if c.kind == "date" and expressible(c.name) and words & set(names.tokens(c.name))), None)


def _lacking(found: Guess, address: Column) -> str:
    """What to fetch, and the lines to type afterwards."""
    return (
        f"keyed by e-mail address ({address.name}) alone, and no other file says whose address that is: begin again with a file of "
        "customers that has their id and their address; these people are then a source with `table: customers`, `ids: news` and the "
        f"columns `customer_id: {address.name}, email: {address.name}`, what happened one with `table: events`, `ids: news` and "
        f"`customer_id: {address.name}`, and `collect.matching: {{exact: [[email]]}}` joins both to the orders"
    )
