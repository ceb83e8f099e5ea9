"""The parts of the summary of step 9: headline, what moved, figures, what is not known and what to do."""

from helpers import words
from helpers.project import Project
from helpers.reevaluate.approved_page import approve_words, same_season, take_it_words
from helpers.reevaluate.movement import Movement
from helpers.reevaluate.page import names, points, shut
from helpers.reevaluate.verdict import tested
from helpers.words import mark, say, say_n

MEANWHILE = mark("Use the segments for one campaign at a time, and draw the list anew each time.")


def headline(moved: Movement, verdict: str, reasons: list[dict], *, approved=None, dates: dict | None = None) -> str:
    """The verdict as a claim, with what it rests on."""
    known = {name: words.share(moved.stay[name], 0) for name in ("share", "chance")}
    if unlike(verdict, reasons):
        if approved:
            return say("Fitted again today, the recipe gives other segments than those in force.")
        return say("The recipe gave other segments one horizon earlier than it gives today.")
    if verdict == "adjust":
        n = sum(r["speaks"] == "adjust" for r in reasons)
        return say_n(
            "Keep the segments, and change {n} thing that rests on them.", "Keep the segments, and change {n} things that rest on them.", n
        )
    if verdict == "keep" and dates and unmoved(moved):
        return say("Nothing has moved since {day}: every customer is in the same segment.", day=words.day(dates["confirm"].built_at))
    if verdict == "keep":
        return say("The segments hold: {share} of customers stayed in theirs, {chance} would by chance.", **known)
    if verdict == "refit":
        return say("The segments have shifted: fit them again; {share} of customers stayed in theirs.", **known)
    if verdict == "look":
        return say("Not shown to last: {share} of customers stayed in their segment, {chance} would by chance; look closer.", **known)
    if verdict == "rebuild" and approved:
        return say("The segments in force did not keep their customers: {share} stayed in theirs, {chance} would by chance.", **known)
    if verdict == "rebuild":
        return say(
            "The recipe, built one horizon earlier, did not keep its customers: {share} stayed in their segment, {chance} would by chance.",
            **known,
        )
    return say("Whether the segments still hold cannot be told yet.")


def unlike(verdict: str, reasons: list[dict]) -> bool:
    """Whether to build anew is asked for only because the recipe gives other segments, though customers may stay in them."""
    speaking = [r["code"] for r in reasons if r["speaks"] == "rebuild"]
    return verdict == "rebuild" and speaking == ["agreement"]


def unmoved(moved: Movement) -> bool:
    """Whether nobody came, went or changed segment."""
    counts = ("arrived", "departed", "entered", "left")
    return bool(moved.segments) and moved.stay["n"] > 0 and not any(s[name] for s in moved.segments for name in counts)


def beyond(moved: Movement, project: Project) -> str:
    """Which segments grew or shrank by more than chance."""
    if unmoved(moved):
        return say("No customer came, went or changed segment.")
    named, shown = names(moved), [s for s, no in zip(moved.segments, shut(moved, project).moves, strict=True) if not no]
    listed = [say("{name} ({net})", name=named[s["id"]], net=words.signed(s["net"])) for s in shown if s["beyond"]]
    if not shown:
        return say("The balance of the segments cannot be shown: too few customers.")
    if not listed:
        return say("No segment grew or shrank beyond chance.")
    return say("More than chance: {segments} customers on balance.", segments=words.join(listed))


def figures(moved: Movement, floor: dict, agreement: dict, project: Project) -> list[tuple[str, str]]:
    """Label and value of what the summary shows large."""
    stay, tell = moved.stay, say("cannot tell")
    seen = stay["n"] >= project.min_cell
    return [
        (say("Stayed in their segment"), words.share(stay["share"], 0) if seen else tell),
        (say("Lasting, κ"), words.number(stay["kappa"], 2) if seen and stay["kappa"] is not None else tell),
        (say("Explained by behaviour"), _behaviour(floor)),
        (say("Agreement with a new build"), tell if agreement["value"] is None else words.number(agreement["value"], 2)),
    ]


def unknown(moved: Movement, due: str, *, approved=None, dates: dict | None = None) -> list[str]:
    """What nobody can know yet, and when it will be known."""
    if moved.document is None:
        return [
            say("Whether the segments hold: the history is too short for a look back; the review on {day} is the first to tell.", day=due)
        ]
    result = []
    if not dates or not tested(approved, dates):
        result.append(
            say(
                "Whether the segments hold on new months: the recipe was confirmed on this period; the review on {day} is the first to "
                "tell.",
                day=due,
            )
        )
    if dates and dates["confirm"].built_at == dates["published"].built_at:
        return [say("How long the segments hold: no time has passed between the two dates.")]
    if not dates or not same_season(dates):
        result.append(say("What is season and what is time: that takes the same season a year apart."))
    return result


def todo(verdict: str, floor: dict, due: str, rule: str, step, changes: list[str]) -> list[str]:
    """What to do.

    rule      `rule_words`, said where the segments are not shown to last
    changes   what speaks for adjusting, a line each
    """
    asked = {
        "keep": [],
        "adjust": [],
        "look": [say(MEANWHILE), say("Look first at the segments that keep fewest of their customers (κ of each)."), rule],
        "refit": [say("Fit the segments again, and say who changes segment before lists are drawn.")],
        "rebuild": [say(MEANWHILE), _other_recipe(step.project), rule],
        "cannot tell": [say("Give step 3 a longer history or more customers, so that the movement can be told.")],
    }[verdict]
    if changes:
        asked.append(say("Change what rests on the segments: {changes}.", changes="; ".join(changes)))
    if verdict == "refit" and step.approved:
        asked.append(take_it_words(step))
    asked += approve_words(step)
    drawn_anew = verdict in ("look", "rebuild")
    if not drawn_anew and floor["within"] is not None and floor["within"] > floor["between"] / 2:
        asked.append(say("Leave customers on their lists after a single change of segment: most such changes are chance."))
    return [*asked, say("Look at the segments again on {day}.", day=due)]


def _behaviour(floor: dict) -> str:
    if floor["behaviour"] is None:
        return say("cannot tell")
    return say("{n} points", n=points(floor["behaviour"])) if floor["behaviour"] > 0 and floor["low"] > 0 else say("none shown")


def _other_recipe(project: Project) -> str:
    return say(
        "Try a longer window (scope.window_days, now {days}), fewer segments (scope.segments_wanted, now {segments}) or other variables, "
        "signed in step 5; the same recipe has just been judged.",
        days=words.number(project.scope.window_days),
        segments=words.number(project.scope.segments_wanted),
    )
