"""What the page of step 3 says of who is one customer; the evidence of a match is shown by the room matching."""

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
