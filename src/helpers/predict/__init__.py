"""What customers will do next: value, attrition, next purchase, what they say. Step 4 predicts, steps 6 to 9 use what is graded.

Each prediction comes with evidence (a JSON document: status, reasons, grade, readiness) and columns of one table, `predicted`.
"""

from collections.abc import Mapping

import ibis.expr.types as ir

from helpers import ContractError
from helpers.collect.law import not_refused
from helpers.predict.grades import CANNOT_TELL, GRADED, NONE, NOT_READY
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.variables.formulas import bought_orders
from helpers.words import join, mark, number, say

PREDICTED = {  # column: (title, how it is made, unit, the evidence that judges it)
    "alive": (mark("Still a customer"), mark("chance of not having stopped for good, from when and how often they bought"), "0–1", "value"),
    "expected_orders": (mark("Purchases ahead"), mark("expected days with a purchase in the next {days} days"), mark("days"), "value"),
    "expected_value": (mark("Value ahead"), mark("expected money of the next {days} days, later money discounted"), mark("money"), "value"),
    "high_value": (
        mark("High value"),
        mark("among the customers who together made most of the revenue of all history"),
        mark("yes/no"),
        "",
    ),
    "attrition_risk": (mark("Risk of being lost"), mark("chance of no purchase within the attrition period"), "0–1", "attrition"),
    "next_": (mark("Likely next"), mark("what is recommended, the likeliest first"), mark("item"), "next"),
}
"""Predicted columns in the order of the table; `high_value` counts what was bought and needs no grade; next_1, next_2 … are one kind."""
JUDGES = {"value": mark("value ahead"), "attrition": mark("attrition"), "next": mark("next purchase"), "voice": mark("themes of comments")}
"""What a prediction is called, by the name of its evidence."""
KINDS = {
    "alive": "float64",
    "expected_orders": "float64",
    "expected_value": "float64",
    "high_value": "boolean",
    "attrition_risk": "float64",
}
SHARES = ("alive", "attrition_risk")


def together(step, *, value: ir.Table | None = None, attrition: ir.Table | None = None, following: ir.Table | None = None) -> ir.Table:
    """Everybody who ever bought before as_of, a row each, with what was predicted of them: handed over as the table `predicted`.

    value, attrition, following   customer_id and columns of PREDICTED; None: nothing was predicted. Who is missing in one has missing there
    Returns    the table as handed over: customer_id and the columns that a model could fill, in the order of PREDICTED
    Raises     ContractError for a column that PREDICTED does not name, one given twice, a customer with two rows, or a chance outside 0–1
    """
    buyers = bought_orders(step.take("collect", "orders"), as_of=step.as_of).select("customer_id").distinct()
    parts = {"value": value, "attrition": attrition, "following": following}
    parts = {name: table for name, table in parts.items() if table is not None}
    columns = _columns(parts)
    joined = buyers
    for name, table in parts.items():
        _one_row_each(table, name)
        joined = joined.left_join(table, "customer_id").drop("customer_id_right")
    joined = joined.select("customer_id", **{c: joined[c].cast(KINDS.get(c, "string")) for c in columns}).cache()
    _chances(joined)
    return step.give_table("predicted", joined, key=["customer_id"])


def passports(columns: list[str], project: Project) -> list[dict]:
    """A passport for each predicted column: name, title, definition, unit, kind, the evidence that judges it, and what it may be used for.

    columns   of the table `predicted`
    Returns   one entry a column; role is "describes": it is predicted from the same orders as the segments, so it makes none of them and
              takes part in no test of what tells them apart
    """
    days, found = number(project.variables.predict.value_days), []
    for column in columns:
        if column == "customer_id":
            continue
        title, formula, unit, judged_by = PREDICTED[kind_of(column)]
        place = column.removeprefix("next_") if kind_of(column) == "next_" else ""
        found.append(
            {
                "name": column,
                "title": f"{say(title)} {place}".strip(),
                "definition": say(formula, days=days),
                "unit": unit if unit == "0–1" else say(unit),
                "kind": KINDS.get(column, "string"),
                "evidence": judged_by or None,
                "role": "describes",
            }
        )
    return found


def passports_table(found: list[dict]) -> Table:
    """The passports of the predicted columns as a table of the page."""
    import pandas as pd

    names = {name: _name(name) for name in JUDGES}
    rows = [each | {"evidence": names.get(each["evidence"], say("none: it counts what was bought"))} for each in found]
    columns = [
        Column("title", say("Predicted")),
        Column("definition", say("What it is")),
        Column("unit", say("Unit")),
        Column("evidence", say("Judged with")),
    ]
    note = say("Predicted from the same orders as the segments: these columns describe segments; they make none and prove nothing of them.")
    frame = pd.DataFrame(rows, columns=["name", *[c.name for c in columns]])
    return Table("predicted_columns", say("What is predicted of each customer, and handed over"), frame, columns, note=note)


def points(**found: dict) -> list[str]:
    """For the summary: which predictions were graded, and which could not be made.

    found   evidence by name: value, attrition, next, voice
    """
    told = [say("{name} {grade}", name=_name(name), grade=_letters(each["grade"])) for name, each in found.items() if _graded(each)]
    rest = [_name(name) for name, each in found.items() if not _graded(each)]
    result = [say("Predicted, with a grade from a later period: {names}.", names=join(told))] if told else []
    return result + ([say("Not predicted, for the reasons that stand there: {names}.", names=join(rest))] if rest else [])


def _graded(found: dict) -> bool:
    return found["status"] == GRADED and bool(found["grade"])


def _letters(grade: str) -> str:
    return say(" or ").join(grade.split("/"))


def _name(judge: str) -> str:
    title = JUDGES[judge]
    return say(title)


def caveats(step, predicted: ir.Table, consents: ir.Table | None) -> list[str]:
    """What must be known of the table as a whole: who is in it although they refused to be profiled.

    predicted   result of `together`;  consents: checked table, if there is one
    """
    everyone, least = int(predicted.count().execute()), step.project.min_cell
    refused = everyone - int(not_refused(predicted.select("customer_id"), consents).count().execute())
    if refused < least or everyone - refused < least:
        return []
    return [
        say(
            "{n} of the {all} customers refused to be profiled. They count in sums and means; no list is drawn from what is predicted of "
            "them, and their card does not show it.",
            n=number(refused),
            all=number(everyone),
        )
    ]


def kind_of(column: str) -> str:
    """The key of PREDICTED of a column: next_ for next_1, next_2 …; ContractError for any other that is not in it."""
    kind = "next_" if column.startswith("next_") and column.removeprefix("next_").isdigit() else column
    if kind not in PREDICTED:
        known = ", ".join(PREDICTED)
        raise ContractError(f"Table predicted, column {column}: no such prediction; known are {known}1, next_2 …")
    return kind


def evidence(step, name: str) -> dict:
    """What step 4 found out about a prediction ("value", "attrition", "next" or "voice"); status "none" where it handed nothing over."""
    if not step.gives("variables", name):
        return {"status": NONE, "reasons": ["no_evidence"], "grade": None, "readiness": []}
    return step.take("variables", name)


def usable(step, column: str) -> bool:
    """Whether a later step may act on a predicted column: it is there, and its evidence is graded (or it needs none)."""
    judged_by = PREDICTED[kind_of(column)][3]
    if not step.gives("variables", "predicted") or column not in step.take("variables", "predicted").columns:
        return False
    return not judged_by or evidence(step, judged_by)["status"] == GRADED


def _columns(parts: Mapping[str, ir.Table]) -> list[str]:
    given = [column for table in parts.values() for column in table.columns if column != "customer_id"]
    twice = sorted({column for column in given if given.count(column) > 1})
    if twice:
        raise ContractError(f"Table predicted, column {twice[0]}: given by two predictions. Name it in one of them only.")
    order = list(PREDICTED)
    return sorted(given, key=lambda c: (order.index(kind_of(c)), int(c.removeprefix("next_")) if kind_of(c) == "next_" else 0))


def _one_row_each(table: ir.Table, name: str) -> None:
    counted = table.aggregate(rows=table.count(), people=table.customer_id.nunique()).execute().iloc[0]
    if int(counted["rows"]) != int(counted["people"]):
        raise ContractError(f"Prediction {name}: several rows, or none, of one customer_id; give each customer one row.")


def _chances(table: ir.Table) -> None:
    """A chance is between 0 and 1; anything else would be a fault of the model, and of every list made with it."""
    for column in (c for c in SHARES if c in table.columns):
        wrong = int(table.filter((table[column] < 0) | (table[column] > 1) | table[column].isnan()).count().execute())
        if wrong:
            raise ContractError(f"Table predicted, column {column}: {wrong} values are no chances between 0 and 1.")


__all__ = [
    "CANNOT_TELL",
    "GRADED",
    "NONE",
    "NOT_READY",
    "PREDICTED",
    "caveats",
    "evidence",
    "kind_of",
    "passports",
    "passports_table",
    "points",
    "together",
    "usable",
]
