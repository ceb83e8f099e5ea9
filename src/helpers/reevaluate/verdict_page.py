"""What the page of step 9 says of drift, of a new build and of the verdict, and its summary."""

import pandas as pd

from helpers import words
from helpers.build.portraits import titles
from helpers.objectives.figures import is_share
from helpers.project import Objective, Project
from helpers.reevaluate.drift import KS_MARK
from helpers.reevaluate.drift import LEAST as DRIFT_LEAST
from helpers.reevaluate.movement import Movement
from helpers.reevaluate.page import names, noise_words, points, shut
from helpers.reevaluate.verdict import LEAST as LASTING_LEAST
from helpers.reevaluate.verdict import next_look
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

MARKS = {"steady": mark("steady"), "look": mark("look at it"), "changed": mark("changed"), None: mark("cannot tell")}
VERDICTS = {
    "keep": mark("Keep the segments: they hold, and no reason speaks for fitting them again."),
    "refit": mark("Fit the segments again by the same recipe: the yardstick no longer suits the customers."),
    "rebuild": mark(
        "The recipe, built one horizon earlier, did not keep its customers. Building anew means other variables or a longer window, not "
        "the same recipe again."
    ),
    "look": mark("Keep the segments, and look closer: they are not shown to last, for the scope’s limit lies within the interval of κ."),
    "cannot tell": mark("Whether the segments hold cannot be told; leave the labels as they are until the next review."),
}
UNLIKE = mark(
    "The recipe gave other segments one horizon earlier than it gives today. Building anew means other variables or a longer window, not "
    "the same recipe again."
)
MEANWHILE = mark("Use the segments for one campaign at a time, and draw the list anew each time.")
SPEAKS = {
    "keep": mark("keeping"),
    "refit": mark("fitting again"),
    "rebuild": mark("building anew"),
    "look": mark("looking closer"),
    "cannot tell": mark("cannot tell"),
}
REASONS = {
    "lasting": mark("Customers stay in their segments, κ"),
    "agreement": mark("A new build agrees with the frozen one, adjusted Rand index"),
    "changed_variables": mark("Variables that have changed for customers as a whole"),
    "drift": mark("{variable}: population stability index"),
    "distance": mark("{variable}: Kolmogorov–Smirnov distance"),
    "segment_lasting": mark("Customers stay in “{segment}”, κ"),
    "too_few": mark("Customers in scope at both dates"),
    "no_earlier_build": mark("One horizon earlier the segments could not be built: the history is too short"),
    "one_segment": mark("Segments that hold customers at both dates"),
    "immovable": mark("Variables of the segments that are measured at both dates"),
}
COUNTS = ("changed_variables", "too_few", "one_segment", "immovable")


def drift_words(changes: list[dict]) -> str:
    """How many variables have changed."""
    known = [d for d in changes if d["mark"]]
    if not known:
        return say("Whether customers as a whole have changed: cannot tell.")
    changed = sum(d["mark"] == "changed" for d in known)
    looked = sum(d["mark"] == "look" for d in known)
    if not changed and not looked:
        return say("No variable of {n} has changed: the customers as a whole are as they were.", n=words.number(len(known)))
    return say(
        "Variables that have changed for customers as a whole: {changed} of {n}; to be looked at: {looked}.",
        n=words.number(len(known)),
        changed=words.number(changed),
        looked=words.number(looked),
    )


def drift_table(changes: list[dict], project: Project) -> Table:
    """Each variable that built the segments, with how far customers as a whole have moved."""
    named = titles(project)
    marks = [MARKS[d["mark"]] for d in changes]
    rows = [{"variable": named[d["variable"]], "psi": d["psi"], "ks": d["ks"], "mark": say(m)} for d, m in zip(changes, marks, strict=True)]
    columns = [
        Column("variable", say("Variable")),
        Column("psi", say("Population stability index"), "number", 3),
        Column("ks", say("Kolmogorov–Smirnov distance"), "number", 3),
        Column("mark", say("Verdict")),
    ]
    limits = project.reevaluate
    note = say(
        "The index is less what chance alone gives, so it can be below 0; looked at from {look}, changed above {changed}; a distance from "
        "{ks} is looked at too. Not computed for fewer than {least} customers.",
        look=words.number(limits.drift_look, 2),
        changed=words.number(limits.drift_changed, 2),
        ks=words.number(KS_MARK, 1),
        least=words.number(DRIFT_LEAST),
    )
    frame = pd.DataFrame(rows, columns=["variable", "psi", "ks", "mark"])
    return Table("drift", say("Whether customers as a whole have changed"), frame, columns, note=note)


def agreement_words(agreement: dict, steady: float | None) -> str:
    """How far a new build gives the same segments."""
    if agreement["value"] is None:
        return say("Whether a new build would give the same segments: cannot tell.")
    found = say(
        "Built again today, the segments agree with the frozen ones at {value} (95% interval over customers {low} to {high}; 1 the same, 0 "
        "chance): the new fit alone gives {moved} of customers another segment.",
        moved=words.share(agreement["moved"], 0),
        **{name: words.number(agreement[name], 2) for name in ("value", "low", "high")},
    )
    if steady is None:
        return found
    return f"{found} " + say("Two samples of one period agree at {steady} or more in three cases of four.", steady=words.number(steady, 2))


def verdict_words(verdict: str, reasons: list[dict], *, meanwhile: bool = True) -> str:
    """The verdict in a sentence, with what to do meanwhile (if wanted), and how many other reasons cannot be told."""
    said = [say(UNLIKE) if _unlike(verdict, reasons) else say(VERDICTS[verdict])]
    if meanwhile and verdict in ("rebuild", "look"):
        said.append(say(MEANWHILE))
    untold = sum(r["close"] for r in reasons if verdict != "look" or r["code"] != "lasting")
    if untold:
        said.append(
            say_n(
                "One reason has its limit within its interval: look closer.",
                "{n} reasons have their limits within their intervals: look closer.",
                untold,
            )
        )
    return " ".join(said)


def rule_words(rule: dict, moved: Movement) -> str:
    """Whether the bands of step 6, a simple rule, keep their customers better than the segments do."""
    stay = moved.stay
    if any(each["n"] < LASTING_LEAST or each["low"] is None for each in (rule, stay)):
        return say("Whether the budget bands of step 6 keep their customers better: cannot tell.")
    values = {name: words.number(rule[name], 2) for name in ("kappa", "low", "high")}
    if rule["low"] > stay["high"]:
        return say(
            "The budget bands of step 6 keep their customers better (κ {kappa}, 95% interval {low} to {high}): divide the budget by them.",
            **values,
        )
    if rule["high"] < stay["low"]:
        return say("The budget bands of step 6 keep their customers less well (κ {kappa}, 95% interval {low} to {high}).", **values)
    return say(
        "The budget bands of step 6 are not shown to keep their customers better or less well (κ {kappa}, 95% interval {low} to {high}).",
        **values,
    )


def reasons_table(reasons: list[dict], moved: Movement, project: Project) -> Table:
    """Every reason, for and against."""
    named, segments, rows = titles(project), names(moved), []
    for r in reasons:
        values = {"variable": named.get(r.get("variable"), ""), "segment": segments.get(r.get("segment"), "")}
        kind = ("count", 0) if r["code"] in COUNTS else ("number", 2)
        reason, speaks = REASONS[r["code"]], SPEAKS[r["speaks"]]
        row = {"reason": say(reason, **values), "value": r["value"], "limit": r["limit"], "kind": kind}
        rows.append(row | {"interval": _interval(r), "speaks": say(speaks), "close": _remark(r)})
    columns = [
        Column("reason", say("Reason")),
        Column("value", say("Found"), "number", 2, kinds="kind"),
        Column("interval", say("95% interval")),
        Column("limit", say("Limit"), "number", 2, kinds="kind"),
        Column("speaks", say("Speaks for")),
        Column("close", say("Remark")),
    ]
    note = say(
        "Keeping is the default: a new yardstick moves customers who did nothing. An interval passes or fails only when all of it is on "
        "one side of the limit; what speaks for looking closer moves nobody."
    )
    frame = pd.DataFrame(rows, columns=["reason", "value", "interval", "limit", "speaks", "close", "kind"])
    return Table("reasons", say("The reasons, for and against"), frame, columns, note=note)


def objectives_table(document: dict, as_of) -> Table:
    """Each objective with today's value, its target, and whether that is due yet."""
    rows = []
    for each in document["objectives"]:
        plan, value = each["plan"], each["value"]
        kind = Objective.model_construct(metric=plan["metric"])
        digits = ("share", 1) if is_share(kind) else ("money" if plan["metric"] == "revenue_per_customer" else "number", 2)
        row = {"objective": words.text(plan["name"]), "value": value, "target": plan["target"], "by_when": plan["by_when"], "kind": digits}
        rows.append(row | {"state": _state(plan, value, as_of)})
    columns = [
        Column("objective", say("Objective")),
        Column("value", say("Today"), "number", kinds="kind"),
        Column("target", say("Target"), "number", kinds="kind"),
        Column("by_when", say("By"), "date"),
        Column("state", say("Reached?")),
    ]
    frame = pd.DataFrame(rows, columns=["objective", "value", "target", "by_when", "state", "kind"])
    return Table("objectives", say("The objectives of step 1"), frame, columns)


def caveats(moved: Movement, floor: dict, reasons: list[dict]) -> list[str]:
    """What could mislead, each with the size of its effect where that is known."""
    if moved.document is None:
        return [say("Nothing is known here of how long the segments hold: act on them as on a first guess, and look again.")]
    result = [
        say(
            "The recipe was confirmed on this very period: this is a backtest, not yet tested on new months. It may show the segments "
            "better than new months will."
        ),
        say("The two periods follow one another, so season and time cannot be told apart; only the same season a year apart would do it."),
    ]
    if moved.still:
        result.append(
            say_n(
                "{n} of {all} variables, an attribute or answer, is known only as it is today: by it nobody moves here, so the segments "
                "look more lasting than they are.",
                "{n} of {all} variables, attributes and answers, are known only as they are today: by them nobody moves here, so the "
                "segments look more lasting than they are.",
                len(moved.still),
                all=words.number(len(moved.document["variables"])),
            )
        )
    if floor["within"] is not None:
        result.append(
            say(
                "A half holds half of the orders, so its label is more uncertain than that of a whole window: {within} of labels differ "
                "between halves of one period, while {moved} differ between the two whole windows. So real changes are understated.",
                within=words.share(floor["within"], 0),
                moved=words.share(1 - moved.stay["share"], 0),
            )
        )
    if floor["within"] is not None and floor["behaviour"] < 0:
        result.append(
            say(
                "Labels differ more within a period than between two. An order that one half holds is missing in the other, so halves of "
                "one period differ by their making where customers buy seldom: the noise floor is too high for them."
            )
        )
    if any(r["close"] for r in reasons):
        result.append(
            say(
                "At least one limit lies within the 95% interval of what is compared with it (see the reasons): on which side of it the "
                "truth lies cannot be told."
            )
        )
    if moved.stay["n"]:
        result.append(
            say(
                "The balance of a segment compares customers with themselves; a season that moves everybody alike would look like a "
                "movement beyond chance."
            )
        )
    return result


def summary(moved: Movement, floor: dict, changes: list[dict], agreement: dict, judged: tuple, rule: dict, step) -> dict:
    """Headline, points, figures, what is not known and what to do.

    judged   verdict and reasons;  rule: `movement.rule_stays`
    """
    verdict, due, project = judged[0], words.day(next_look(step)), step.project
    listed = [_beyond(moved, project), drift_words(changes)] if moved.segments else []
    backtest = [say("Confirmed on this very period: a backtest, not yet tested on new months.")] if moved.document else []
    return {
        "headline": _headline(moved, *judged),
        "points": [verdict_words(*judged, meanwhile=False), *listed, noise_words(floor), *backtest],
        "figures": [*_figures(moved, floor, agreement, project), (say("Next review"), due)],
        "unknown": _unknown(moved, due),
        "todo": _todo(verdict, floor, due, rule_words(rule, moved), project),
    }


def _headline(moved: Movement, verdict: str, reasons: list[dict]) -> str:
    known = {name: words.share(moved.stay[name], 0) for name in ("share", "chance")}
    if _unlike(verdict, reasons):
        return say("The recipe gave other segments one horizon earlier than it gives today.")
    if verdict == "keep":
        return say("The segments hold: {share} of customers stayed in theirs, {chance} would by chance.", **known)
    if verdict == "refit":
        return say("The segments have shifted: fit them again; {share} of customers stayed in theirs.", **known)
    if verdict == "look":
        return say("Not shown to last: {share} of customers stayed in their segment, {chance} would by chance; look closer.", **known)
    if verdict == "rebuild":
        return say(
            "The recipe, built one horizon earlier, did not keep its customers: {share} stayed in their segment, {chance} would by chance.",
            **known,
        )
    return say("Whether the segments still hold cannot be told yet.")


def _unlike(verdict: str, reasons: list[dict]) -> bool:
    """Whether to build anew is asked for only because the recipe gives other segments, though customers may stay in them."""
    speaking = [r["code"] for r in reasons if r["speaks"] == "rebuild"]
    return verdict == "rebuild" and speaking == ["agreement"]


def _remark(reason: dict) -> str:
    if not reason["close"]:
        return ""
    if reason["code"] == "lasting":
        return say("not shown to last: look closer")
    return say("cannot tell: the limit lies within the interval")


def _figures(moved: Movement, floor: dict, agreement: dict, project: Project) -> list[tuple[str, str]]:
    stay, tell = moved.stay, say("cannot tell")
    seen = stay["n"] >= project.min_cell
    return [
        (say("Stayed in their segment"), words.share(stay["share"], 0) if seen else tell),
        (say("Lasting, κ"), words.number(stay["kappa"], 2) if seen and stay["kappa"] is not None else tell),
        (say("Explained by behaviour"), _behaviour(floor)),
        (say("Agreement with a new build"), tell if agreement["value"] is None else words.number(agreement["value"], 2)),
    ]


def _behaviour(floor: dict) -> str:
    if floor["behaviour"] is None:
        return say("cannot tell")
    return say("{n} points", n=points(floor["behaviour"])) if floor["behaviour"] > 0 and floor["low"] > 0 else say("none shown")


def _unknown(moved: Movement, due: str) -> list[str]:
    if moved.document is None:
        return [
            say("Whether the segments hold: the history is too short for a look back; the review on {day} is the first to tell.", day=due)
        ]
    confirmed = say(
        "Whether the segments hold on new months: the recipe was confirmed on this period; the review on {day} is the first to tell.",
        day=due,
    )
    return [confirmed, say("What is season and what is time: that takes the same season a year apart.")]


def _beyond(moved: Movement, project: Project) -> str:
    """Which segments grew or shrank by more than chance."""
    named, shown = names(moved), [s for s, no in zip(moved.segments, shut(moved, project).moves, strict=True) if not no]
    beyond = [say("{name} ({net})", name=named[s["id"]], net=words.signed(s["net"])) for s in shown if s["beyond"]]
    if not shown:
        return say("The balance of the segments cannot be shown: too few customers.")
    if not beyond:
        return say("No segment grew or shrank beyond chance.")
    return say("More than chance: {segments} customers on balance.", segments=words.join(beyond))


def _todo(verdict: str, floor: dict, due: str, rule: str, project: Project) -> list[str]:
    """What to do; rule: `rule_words`, said where the segments are not shown to last."""
    asked = {
        "keep": [],
        "look": [say(MEANWHILE), say("Look first at the segments that keep fewest of their customers (κ of each)."), rule],
        "refit": [say("Fit the segments again, and say who changes segment before lists are drawn.")],
        "rebuild": [say(MEANWHILE), _other_recipe(project), rule],
        "cannot tell": [say("Give step 3 a longer history or more customers, so that the movement can be told.")],
    }[verdict]
    drawn_anew = verdict in ("look", "rebuild")
    if not drawn_anew and floor["within"] is not None and floor["within"] > floor["between"] / 2:
        asked.append(say("Leave customers on their lists after a single change of segment: most such changes are chance."))
    return [*asked, say("Look at the segments again on {day}.", day=due)]


def _other_recipe(project: Project) -> str:
    return say(
        "Try a longer window (scope.window_days, now {days}), fewer segments (scope.segments_wanted, now {segments}) or other variables, "
        "signed in step 5; the same recipe has just been judged.",
        days=words.number(project.scope.window_days),
        segments=words.number(project.scope.segments_wanted),
    )


def _state(plan: dict, value: float | None, as_of) -> str:
    if not plan["by_when"] or plan["target"] is None:
        return say("no target or no date")
    if words.as_date(plan["by_when"]) > words.as_date(as_of):
        return say("not yet due")
    if value is None:
        return say("cannot tell")
    return say("reached") if value >= plan["target"] else say("not reached")


def _interval(reason: dict) -> str:
    if reason["low"] is None:
        return words.NONE
    return say("{low} to {high}", low=words.number(reason["low"], 2), high=words.number(reason["high"], 2))
