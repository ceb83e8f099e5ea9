"""Survey items that project.yml names must be asked in the survey: a misspelt one would pass for a question nobody answered."""

import difflib

import ibis.expr.types as ir

from helpers import NinefoldError
from helpers.project import Project


def check_items(step, answers: ir.Table | None) -> None:
    """Refuse an item of collect.hypotheses or collect.survey.claims that no answer has.

    answers   checked answers; None without a survey, which the page says
    Raises    NinefoldError naming the field, the item and the one it looks like
    """
    typed = {f"collect.survey.claims[{n}].item": [each.item] for n, each in enumerate(step.project.collect.survey.claims)}
    typed |= {f"collect.hypotheses[{n}].item": [each.item] for n, each in enumerate(step.project.collect.hypotheses)}
    refuse_unknown(step, answers, typed)


def refuse_unknown(step, answers: ir.Table | None, typed: dict[str, list[str]]) -> None:
    """Refuse items that no answer has, those after as_of included: a question may be asked later than an earlier as_of.

    typed    field of project.yml: the items that it names
    """
    wanted = {item for items in typed.values() for item in items}
    if answers is None or not wanted:
        return
    known = _questions(answers)
    if wanted <= known:
        return
    known |= _questions(step.engine.mapped("answers"))
    for field, items in typed.items():
        for item in items:
            if known and item not in known:
                raise NinefoldError(_refusal(step.project, field, item, sorted(known)))


def _questions(answers: ir.Table) -> set[str]:
    return set(answers.filter(answers.question.notnull()).select("question").distinct().execute()["question"])


def _refusal(project: Project, field: str, item: str, known: list[str]) -> str:
    near = difflib.get_close_matches(item, known, n=1) or [each for each in known if each.casefold() == item.strip().casefold()]
    hint = f"Did you mean {near[0]}? " if near else ""
    shown = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
    return f"{project.file}: field {field} names {item!r}, which no answer has in its column question. {hint}The questions are: {shown}."
