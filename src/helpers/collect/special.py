"""Special categories of personal data (article 9 of the GDPR): refused at the start of step 3 unless project.yml states a basis."""

import re
import unicodedata
from collections.abc import Iterator
from fnmatch import fnmatchcase

from helpers import NinefoldError, words
from helpers.project import Project
from helpers.words import mark

SPECIAL = {
    "religion": mark("religion or belief"),
    "opinion": mark("political or philosophical opinions"),
    "health": mark("health"),
    "union": mark("trade union membership"),
    "origin": mark("racial or ethnic origin"),
    "sexuality": mark("sex life or sexual orientation"),
    "biometric": mark("biometric or genetic data"),
}
WORDS = {
    "religion": "religion religious religieux religieuse faith belief croyance confession church eglise mosque mosquee synagogue parish "
    "paroisse catholic catholique protestant muslim musulman jewish juif halal kosher casher",
    "opinion": "opinion political politics politique vote voter electeur philosophical philosophique",
    "health": "health sante medical disease maladie illness handicap disability disabled diagnosis allergy allergie allergic allergique "
    "pregnant pregnancy grossesse enceinte diabetes diabete disabilities allergies",
    "union": "union syndicat syndique syndical syndicale unionised unionized",
    "origin": "ethnic ethnicity ethnie ethnique race racial",
    "sexuality": "sexual sexuality sexuel sexuelle sexualite lgbt gay lesbian lesbienne homosexual homosexuel heterosexual",
    "biometric": "biometric biometrics biometrie biometrique fingerprint empreinte genetic genetics genetique dna adn",
}
"""English and French words, without accents; a plural in s is the same word."""
_CATEGORY = {word: category for category, listed in WORDS.items() for word in listed.split()}


def category(name: str) -> str | None:
    """The special category that a name of a column or question speaks of, or None.

    A name is cut into words at capitals, digits and whatever is no letter: `lead_origin` and `trace` speak of nothing, `santePercue` of
    health. What a column holds is not looked at: a name that says nothing gets past this, and people answer for that.
    """
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Ý])", " ", name)
    plain = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode().lower()
    parts = re.findall(r"[a-z]+", plain)
    found = [_CATEGORY.get(part) or _CATEGORY.get(part.removesuffix("s")) for part in parts]
    return next((each for each in found if each), None)


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
