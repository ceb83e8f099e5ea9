"""How later pages say what step 4 predicted: the figure with its grade, or why there is none."""

from helpers import words
from helpers.build import ahead as of
from helpers.build.ahead import Ahead
from helpers.collect.readiness_page import TAKES
from helpers.predict.next_item.page import named
from helpers.predict.value.margins import basis
from helpers.predict.voice import page as voice_page
from helpers.project import Project
from helpers.words import mark, say

NAMES = {
    of.VALUE: mark("Value ahead"),
    of.ATTRITION: mark("Risk of being lost"),
    of.NEXT: mark("Next product"),
    of.VOICE: mark("Themes of comments"),
}
WHY = {
    of.ABSENT: mark("step 4 of this run predicted nothing: run its notebook again"),
    "not_ready": mark("not ready: step 4 says what it would take"),
    "cannot_tell": mark("cannot tell: step 4 says why"),
    "none": mark("not for these data: step 4 says why"),
}
NO_COMMENTS = mark("there are no comments")


def why(found: Ahead, part: str) -> str:
    """Why a part is not told, in a clause; what it would take where that is known; "" where it is told."""
    state = found.parts[part]
    if found.told(part):
        return ""
    if part == of.VOICE and "no_comments" in state["reasons"]:
        return say(NO_COMMENTS)
    takes = [TAKES[code] for code in state["lacks"] if code in TAKES]
    if state["status"] == "not_ready" and takes:
        return say("not ready: it would take {what}", what=words.join([say(each) for each in takes]))
    told = WHY.get(state["status"], WHY["cannot_tell"])
    return say(told)


def missing(found: Ahead, parts: tuple[str, ...]) -> list[str]:
    """A sentence a part that is not told; one for all where step 4 predicted nothing at all."""
    result = []
    if all(state["status"] == of.ABSENT for state in found.parts.values()):
        return [say("What they will do next is not known: step 4 of this run predicted nothing.")]
    for part in parts:
        name = NAMES[part]
        if not found.told(part):
            result.append(say("{name}: {why}.", name=say(name), why=why(found, part)))
    return result


def grade_words(found: Ahead, part: str) -> str:
    """The grade of a part in words; "" where it is not told or has none."""
    return told_grade(found.parts[part]["grade"])


def told_grade(grade: str | None) -> str:
    """A grade in words, both letters where the interval crosses a border; "" without one."""
    if not grade:
        return ""
    if grade == "C":
        return say("grade C: no better than a simple rule")
    if grade == "A/C":
        return say("grade between A and C: it may be no better than a simple rule")
    return say("grade {grade}", grade=say(" or ").join(grade.split("/")))


def graded(found: Ahead, parts: tuple[str, ...]) -> list[str]:
    """The grade of every part that is told, each in a clause."""
    result = []
    for part in parts:
        name, grade = NAMES[part], grade_words(found, part)
        if found.told(part) and grade:
            result.append(say("{name}: {grade}", name=say(name), grade=grade))
    return result


def next_words(found: Ahead) -> str:
    """That the next product is predicted elsewhere on the page, or why it is not."""
    if not found.told(of.NEXT):
        return " ".join(missing(found, (of.NEXT,)))
    return say("What members are likely to take next is a prediction for each of them: it has a table and a grade of its own.")


def value_name(project: Project) -> str:
    """What the expected value is called: money of so many days, margin where one is typed."""
    days = words.number(project.variables.predict.value_days)
    if basis(project) == "margin":
        return say("Margin expected in {days} days", days=days)
    return say("Revenue expected in {days} days", days=days)


def risk_name(project: Project) -> str:
    """What the risk is a risk of."""
    return say("Risk of not coming back")


def item_name(item: str, found: Ahead) -> str:
    """A category as the data call it; a product with its category, where one is known."""
    return named(item, found.names)


def items_words(items: list[dict], found: Ahead) -> str:
    """What most members are likely to take next, each with the share of members to whom it is recommended."""
    return words.join([say("{item}, {share}", item=item_name(i["item"], found), share=words.share(i["share"], 0)) for i in items])


def theme_name(theme: int, found: Ahead, project: Project, *, short: bool = False) -> str:
    """What people call a theme, as step 4 shows it; its number where step 4 does not name it.

    short   without the customers’ own words behind it
    """
    one = next((each for each in found.voice.get("themes") or [] if each["theme"] == theme), None)
    named = voice_page.theme_title if short else voice_page.theme_name
    return named(one, project) if one else say("theme {n}", n=words.number(theme + 1))


def themes_words(row: dict, found: Ahead, project: Project) -> str:
    """What the members who said something speak of most."""
    told = [
        say("{theme} ({share})", theme=theme_name(each["theme"], found, project), share=words.share(each["share"], 0))
        for each in row["themes"]
    ]
    return words.join(told)


def interval_words(figure: dict, *, money: bool = False) -> str:
    """The interval of a mean; "" where both its ends are written alike."""
    low, high = (written(figure[key], money=money) for key in ("low", "high"))
    return "" if low == high else say("{low} to {high}", low=low, high=high)


def written(value: float, *, money: bool = False) -> str:
    """Money in whole units, or a chance as a share."""
    return words.money(value, 0) if money else words.share(value, 0)
