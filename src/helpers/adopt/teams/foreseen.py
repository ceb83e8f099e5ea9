"""What a team's sheet says of the time ahead: value for finance, losses for service, the next purchase and the themes of comments."""

from helpers import words
from helpers.build import ahead as of
from helpers.build import ahead_page
from helpers.build.ahead import Foreseen
from helpers.build.portraits import short_name
from helpers.predict.value.margins import basis
from helpers.project import Project
from helpers.words import say

WANTED = {
    "marketing": (of.NEXT, of.VOICE),
    "sales": (of.NEXT,),
    "product": (of.NEXT, of.VOICE),
    "finance": (of.VALUE,),
    "service": (of.ATTRITION, of.VOICE),
}
"""What each team decides by, of what step 4 predicts."""
Answer = tuple[str, str]


def answers(team: str, profiles: dict, project: Project, found: Foreseen) -> list[Answer]:
    """Question and answer for each prediction that the team decides by and that is graded."""
    work = {of.VALUE: _value, of.ATTRITION: _lost, of.NEXT: _next, of.VOICE: _themes}
    return [work[part](profiles, project, found) for part in WANTED[team] if found.may.told(part)]


def lacking(team: str, found: Foreseen) -> list[str]:
    """A sentence for each prediction that the team would decide by and that is not there: why."""
    return ahead_page.missing(found.may, WANTED[team])


def _of_segments(profiles: dict, found: Foreseen) -> list[tuple[str, dict]]:
    """Name and row of each segment of which something may be told."""
    return [(short_name(s), found.rows[s["id"]]) for s in profiles["segments"] if s["id"] in found.rows]


def _ends(column: str, profiles: dict, found: Foreseen, *, money: bool) -> str:
    """The highest and the lowest segment and everyone, the intervals beside; that they cannot be told apart, where they meet."""
    known = [(name, row[column]) for name, row in _of_segments(profiles, found) if row.get(column)]
    if not known:
        return say("cannot tell: too few customers")
    everyone = found.rows[""].get(column)
    values = {"everyone": words.NONE if everyone is None else ahead_page.written(everyone["value"], money=money)}
    first, last = max(known, key=lambda each: each[1]["value"]), min(known, key=lambda each: each[1]["value"])
    values |= {"first": first[0], "last": last[0]}
    if first[1]["low"] <= last[1]["high"]:
        low, high = (ahead_page.written(each[1]["value"], money=money) for each in (last, first))
        return say("No segment in particular: they lie between {low} and {high}, everyone {everyone}.", low=low, high=high, **values)
    values |= {key: _with_interval(each[1], money) for key, each in (("x", first), ("y", last))}
    return say("First of all “{first}” ({x}), least “{last}” ({y}); everyone {everyone}.", **values)


def _with_interval(figure: dict, money: bool) -> str:
    value, interval = ahead_page.written(figure["value"], money=money), ahead_page.interval_words(figure, money=money)
    return say("{value}; {interval}", value=value, interval=interval) if interval else value


def _with_grade(answer: str, part: str, found: Foreseen) -> str:
    grade = ahead_page.grade_words(found.may, part)
    return say("{answer} Predicted, {grade}.", answer=answer, grade=grade) if grade else say("{answer} Predicted.", answer=answer)


def _value(profiles: dict, project: Project, found: Foreseen) -> Answer:
    question = say("What will one of them be worth in the next {days} days?", days=words.number(project.variables.predict.value_days))
    told = _with_grade(_ends("expected_value", profiles, found, money=True), of.VALUE, found)
    if basis(project) == "margin":
        return question, say("{told} In margin, later money discounted.", told=told)
    return question, say("{told} Revenue, not profit; later money discounted.", told=told)


def _lost(profiles: dict, project: Project, found: Foreseen) -> Answer:
    days = found.may.parts[of.ATTRITION].get("days")
    question = say("Who is likely to buy nothing in the next {days} days?", days=words.number(days)) if days else say("Who may be lost?")
    return question, _with_grade(_ends("attrition_risk", profiles, found, money=False), of.ATTRITION, found)


def _next(profiles: dict, project: Project, found: Foreseen) -> Answer:
    """What is recommended to more members than to others; what all segments would take tells none apart."""
    told = [
        say("“{name}” {what} ({share}, others {others})", name=name, what=ahead_page.item_name(each["item"], found.may), **_shares(each))
        for name, row in _of_segments(profiles, found)
        for each in row["next_own"][:1]
    ]
    question = say("What is each segment likely to buy next, habits included?")
    same = ahead_page.items_words(found.rows[""]["next"], found.may)
    if told:
        return question, _with_grade(say("More than others: {list}.", list=say("; ").join(told)), of.NEXT, found)
    answer = say("The same in all segments: {items}.", items=same) if same else say("Nothing is recommended to enough members to say.")
    return question, _with_grade(answer, of.NEXT, found)


def _themes(profiles: dict, project: Project, found: Foreseen) -> Answer:
    told = [
        say(
            "“{name}” {what} ({share}, others {others})",
            name=name,
            what=ahead_page.theme_name(each["theme"], found.may, project, short=True),
            **_shares(each),
        )
        for name, row in _of_segments(profiles, found)
        for each in row["themes_own"][:1]
    ]
    question, everyone = say("What do their comments speak of?"), found.rows[""]
    if told:
        return question, say("More than others’: {list}.", list=say("; ").join(told))
    if not everyone["themes"]:
        return question, say("Too few said something.")
    return question, say("Of the same in all segments: {themes}.", themes=ahead_page.themes_words(everyone, found.may, project))


def _shares(each: dict) -> dict[str, str]:
    return {key: words.share(each[key], 0) for key in ("share", "others")}
