"""What a customer looks like to the recipes: measured variables, attributes and survey answers, one row a customer.

What step 4 predicts is not among them: it rests on the same orders, and a segment made of it could not be tried one horizon earlier.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

from helpers.project import Project
from helpers.variables import Variable, catalogue
from helpers.variables.descriptors import DONE, type_of

KEY = "customer_id"


@dataclass(frozen=True)
class Column:
    """One column of `customers`.

    kind      "number" (float64) or "category" (text)
    type      the type of segmentation, of the nine, that it serves
    measured  a variable of step 4, measured over the window; else an attribute of step 3 or an answer of the survey, as known today
    scale     of a survey item: the scale that it belongs to
    """

    name: str
    kind: Literal["number", "category"]
    type: str
    measured: bool
    scale: str = ""
    variable: Variable | None = None

    def title(self) -> str:
        """What people call it."""
        from helpers.variables.people_page import attribute_words

        return self.variable.title() if self.variable else self.name if self.scale else attribute_words(self.name)


def columns(project: Project, there: Iterable[str]) -> dict[str, Column]:
    """The columns of a table made by `customers`, in their order.

    there   names of the table's columns
    """
    known = {v.name: v for v in catalogue(project)}
    items = {item: (name, scale) for name, scale in project.variables.scales.items() for item in scale.items}
    found = {}
    for name in there:
        if name == KEY:
            continue
        if name in known:
            found[name] = Column(name, "number", known[name].type, True, variable=known[name])
        elif name in items:
            scale, said = items[name]
            found[name] = Column(name, "number", said.type, False, scale=scale)
        else:
            found[name] = Column(name, "category", type_of(name), False)
    return found


def customers(step, window: str = "published") -> ir.Table:
    """Everyone in scope with all that recipes may use.

    window    published, confirm or select: when the variables were measured. What follows from dated rows, such as seniority, is as it
              stood then; other attributes and answers are those known at as_of
    Returns   customer_id, the measured variables (float64), attributes (text), the newest answer to each survey item (float64)
    """
    table = step.take("variables", "variables" if window == "published" else f"variables_{window}")
    attributes = _attributes(step, window)
    taken = {name.casefold() for name in table.columns}
    kept = [name for name in attributes.columns if name.casefold() not in taken]
    joined = table.left_join(attributes.select(KEY, *kept), KEY).drop(f"{KEY}_right") if kept else table
    answers = _answers(step)
    if answers is None:
        return joined
    kept = [name for name in answers.columns if name == KEY or name.casefold() not in {c.casefold() for c in joined.columns}]
    return joined.left_join(answers.select(*kept), KEY).drop(f"{KEY}_right")


def _attributes(step, window: str) -> ir.Table:
    """The descriptors of step 4 in their order; those that the past changes as they stood in that window."""
    today = step.take("variables", "descriptors")
    done = [name for name in DONE if name in today.columns]
    if window == "published" or not done:
        return today
    then = step.take("variables", f"descriptors_{window}").select(KEY, *done)
    return today.drop(*done).left_join(then, KEY).drop(f"{KEY}_right").select(*today.columns)


def _answers(step) -> ir.Table | None:
    """The newest answer of each respondent to each item of the project's scales: customer_id and one column an item."""
    items = sorted({item for scale in step.project.variables.scales.values() for item in scale.items})
    if not items or not step.gives("collect", "answers"):
        return None
    said = step.take("collect", "answers")
    said = said.filter(said.customer_id.notnull(), said.question.isin(items)).mutate(value=said.answer.strip().try_cast("float64"))
    said = said.filter(said.value.notnull())
    newest = ibis.row_number().over(group_by=[KEY, "question"], order_by=[ibis.desc("answered_at"), ibis.desc("answer")])
    newest = said.mutate(place_=newest).filter(ibis._.place_ == 0)
    return newest.group_by(KEY).agg(**{item: newest.value.max(where=newest.question == item) for item in items})
