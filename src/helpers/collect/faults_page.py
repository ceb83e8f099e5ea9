"""What the page of step 3 says of single faults: what contradicts, which column is empty, who is not described, and spellings."""

import pandas as pd

from helpers import words
from helpers.collect.names import TABLE_NAMES
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

CONTRADICTIONS = {
    "customer": mark("orders whose lines have several customers"),
    "moment": mark("orders whose lines have several moments"),
    "store": mark("orders whose lines have several stores"),
    "answer": mark("answers that came before their mailing"),
}
"""What makes rows contradict each other."""


def faults_table(found: dict[str, dict]) -> Table:
    """What contradicts, which required column is empty in rows set aside, and order lines of customers whom nothing describes.

    found   for each table the result of `facts`; what occurs nowhere has no row
    """
    rows = []
    for table, facts in found.items():
        counted = [(say(CONTRADICTIONS[what]), n) for what, n in facts.get("contradictions", {}).items()]
        counted += [
            (say("rows set aside because {column} is empty", column=column.replace("_", " ")), n)
            for column, n in facts.get("empty", {}).items()
        ]
        told = say("order lines whose customer is not in the table of customers: for information, no grade is lower for it")
        counted.append((told, facts.get("undescribed") or 0))
        rows += [{"table": say(TABLE_NAMES[table]), "what": what, "n": n} for what, n in counted if n]
    columns = [
        Column("table", say("Data table")),
        Column("what", say("What")),
        Column("n", say("How many"), "count", people=True),
    ]
    frame = pd.DataFrame(rows, columns=["table", "what", "n"])
    return Table("faults", say("What contradicts itself, what is empty, and who is not described"), frame, columns)


def spelling_words(coverage: pd.DataFrame) -> list[str]:
    """For each attribute with several spellings of one value, how many differ; `coverage` is the result of `attribute_coverage`."""
    if "spellings" not in coverage:
        return []
    return [
        say_n(
            "{n} value of {attribute} differs from another only in capitals or blanks: its customers count as two groups.",
            "{n} values of {attribute} differ only in capitals or blanks: their customers count as different groups.",
            int(row.spellings),
            n=words.number(row.spellings),
            attribute=row.attribute,
        )
        for row in coverage[coverage["spellings"] > 0].itertuples()
    ]
