"""What the table of personas says of the time ahead: the value expected of a member, and the risk of losing one."""

from helpers.build import ahead as of
from helpers.build import ahead_page
from helpers.build.ahead import Foreseen
from helpers.project import Project
from helpers.tables import Column
from helpers.words import say

SHOWN = ("expected_value", "attrition_risk")


def ahead_of(persona: dict, found: Foreseen | None) -> dict[str, float | None]:
    """Means over the members of all segments of the persona; None where one of them may not be told.

    persona   segments, and n of all their members;  found: result of `build.ahead.foresee`
    """
    result = {}
    for column in SHOWN:
        figures = [(found or Foreseen()).rows.get(one, {}).get(column) for one in persona["segments"]]
        known = bool(figures) and None not in figures
        result[column] = sum(f["sum"] for f in figures) / sum(f["n"] for f in figures) if known else None
    return result


def ahead_columns(rows: list[dict], project: Project) -> list[Column]:
    """The columns of what is graded; none where nothing is."""
    value = Column("expected_value", ahead_page.value_name(project), "money", 0)
    risk = Column("attrition_risk", ahead_page.risk_name(project), "share", 0)
    return [column for column in (value, risk) if any(row[column.name] is not None for row in rows)]


def ahead_note(found: Foreseen | None) -> list[str]:
    """The grades of what is predicted, in a sentence; [] where nothing is."""
    told = ahead_page.graded(found.may, (of.VALUE, of.ATTRITION)) if found else []
    return [say("Predicted for each customer by step 4. {grades}.", grades=say("; ").join(told))] if told else []
