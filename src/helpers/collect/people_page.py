"""What the page of step 3 says of who is one customer, and of records changed since; `matching` shows the evidence of a match."""

import ibis.expr.types as ir

from helpers import words
from helpers.project import Project
from helpers.words import say


def people_words(matched, customers: ir.Table, project: Project) -> list[str]:
    """How many customers there are: the finding first, then notes on how it was told who is one, if there are any.

    matched   result of `collect.identify`, or None
    """
    if matched is None:
        counted = customers.aggregate(n=customers.count(), known=customers.described.sum()).execute().iloc[0]
        n, known = words.number(int(counted["n"])), words.number(int(counted["known"] or 0))
        return [
            say(
                "{n} customers, {known} of them described. Nothing personal is mapped, so each id is taken for one person: whoever buys "
                "under two ids counts twice.",
                n=n,
                known=known,
            )
        ]
    from helpers.matching import page

    return page.findings(matched, project)


def changed_caveats(changed: dict | None, project: Project) -> list[str]:
    """What is taken as known at as_of and was only typed later; changed: result of `collect.changed_since`."""
    if not changed or changed["changed"] < project.min_cell:
        return []
    n, share = words.number(changed["changed"]), words.share(changed["changed"] / max(changed["records"], 1))
    return [
        say(
            "{n} records of customers ({share}) were changed at or after the as-of date. The files keep no earlier values, so what they "
            "hold now is used as if it had been known: attributes of these customers may tell of later days.",
            n=n,
            share=share,
        )
    ]
