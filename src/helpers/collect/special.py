"""Special categories of personal data (articles 9 and 10 of the GDPR): refused at the start of step 3 unless project.yml states a basis."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from helpers import NinefoldError, words
from helpers.project import Project
from helpers.project.special import category
from helpers.words import mark

SPECIAL = {
    "religion": mark("religion or belief"),
    "opinion": mark("political or philosophical opinions"),
    "health": mark("health"),
    "union": mark("trade union membership"),
    "origin": mark("racial or ethnic origin"),
    "sexuality": mark("sex life or sexual orientation"),
    "biometric": mark("biometric or genetic data"),
    "criminal": mark("criminal convictions"),
}
"""Category → what it is, in words; `category` tells it from a name."""


def named(project: Project) -> Iterator[tuple[str, str, str]]:
    """(where it is typed, name that project.yml uses, name that speaks) of every column mapped: the contract's name and the file's."""
    for source, typed in project.collect.sources.items():
        place = f"collect.sources.{source}.columns"
        for column, origins in typed.columns.items():
            for name in (column, *([origins] if isinstance(origins, str) else origins)):
                yield place, column, name
        for column in typed.constants:
            yield f"collect.sources.{source}.constants", column, column
        for n, lookup in enumerate(typed.lookups):
            for column, origin in lookup.columns.items():
                yield from ((f"collect.sources.{source}.lookups[{n}].columns", column, name) for name in (column, origin))


def has_basis(project: Project, name: str) -> bool:
    """Whether collect.special states a basis for a column or question; a name there may end in * for several."""
    return any(fnmatchcase(name, pattern) and words.text(basis).strip() for pattern, basis in project.collect.special.items())


def questions(step) -> list[str]:
    """The survey questions of the source as mapped, in order; none without answers."""
    if not step.engine.has("answers"):
        return []
    asked = step.engine.mapped("answers").question
    return sorted(str(name) for name in asked.name("question").as_table().distinct().execute()["question"].dropna())


def special_found(step) -> list[dict]:
    """Columns and survey questions of a special category: place, name, category, basis (bool), once each."""
    places = [*named(step.project), *(("answers.question", name, name) for name in questions(step))]
    found = {}
    for place, name, speaking in places:
        kind = category(speaking)
        if kind and (place, name) not in found:
            found[place, name] = {"place": place, "name": name, "category": kind, "basis": has_basis(step.project, name)}
    return list(found.values())


def refuse_special(step) -> None:
    """Stop before a column of a special category is read without a basis.

    Raises  NinefoldError naming file, field, column, category and the remedy
    """
    for each in special_found(step):
        if not each["basis"]:
            what = "survey question" if each["place"] == "answers.question" else "column"
            raise NinefoldError(
                f"{step.project.file}: {each['place']} has the {what} {each['name']!r}, which speaks of a special category of personal "
                f"data ({SPECIAL[each['category']]}). It may be used only on a legal basis of its own: leave it out, or type the basis, "
                f"agreed with whoever answers for data protection, under collect.special: {{{each['name']}: …}}."
            )


__all__ = ["SPECIAL", "category", "has_basis", "named", "questions", "refuse_special", "special_found"]
