"""What the page of step 9 says of drift, of a new build and of the verdict, and its summary."""

import pandas as pd

from helpers import words
from helpers.build.portraits import titles
from helpers.project import Project
from helpers.reevaluate.approved_page import basis_words, proposal_words
from helpers.reevaluate.cautions import caveats as caveats
from helpers.reevaluate.movement import Movement
from helpers.reevaluate.page import names, noise_words, stay_words
from helpers.reevaluate.summary_page import MEANWHILE, beyond, figures, headline, todo, unknown, unlike
from helpers.reevaluate.verdict import LEAST as LASTING_LEAST
from helpers.reevaluate.verdict import next_look
from helpers.run import Approved
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

VERDICTS = {
    "keep": mark("Keep the segments: they hold, and no reason speaks for fitting them again."),
    "adjust": mark("Keep the segmentation: nobody changes segment. Change what rests on it, for the reasons that speak for adjusting."),
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
IN_FORCE = {  # of a segmentation that was built earlier and is applied unchanged
    "rebuild": mark(
        "The segments in force did not keep their customers. Building anew means other variables or a longer window, not the same recipe "
        "again."
    ),
}
OTHERS = mark(
    "Fitted again today, the recipe gives other segments than those in force. Building anew means other variables or a longer window, not "
    "the same recipe again."
)
SPEAKS = {
    "keep": mark("keeping"),
    "adjust": mark("adjusting"),
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
    "withdrawn": mark("{variable}: the segments in force use it, and the sheet of step 5 holds it no longer"),
    "too_few": mark("Customers in scope at both dates"),
    "no_earlier_build": mark("One horizon earlier the segments could not be built: the history is too short"),
    "one_segment": mark("Segments that hold customers at both dates"),
    "immovable": mark("Variables of the segments that are measured at both dates"),
    "no_new_build": mark("The recipe could not be fitted to today’s customers: nothing to compare with"),
}
KINDS = dict.fromkeys(("changed_variables", "too_few", "one_segment", "immovable"), ("count", 0)) | dict.fromkeys(
    ("lasting", "agreement", "drift", "distance", "segment_lasting", "no_earlier_build", "no_new_build", "withdrawn"), ("number", 2)
)
"""How a value is written, by code: (kind, decimals)."""


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


def agreement_words(agreement: dict, steady: float | None, *, approved: Approved | None = None, project: Project | None = None) -> str:
    """How far a new build gives the same segments; in a re-evaluation, what it would change and that it is only proposed."""
    if agreement["value"] is None:
        return say("Whether a new build would give the same segments: cannot tell.")
    values = {name: words.number(agreement[name], 2) for name in ("value", "low", "high")}
    if approved:
        fitted = say(
            "Fitted again today by the same recipe, the segments agree with those in force at {value} (95% interval over customers {low} "
            "to {high}; 1 the same, 0 chance).",
            **values,
        )
        found = f"{fitted} {proposal_words(agreement, approved, project)}"
    else:
        found = say(
            "Built again today, the segments agree with the frozen ones at {value} (95% interval over customers {low} to {high}; 1 the "
            "same, 0 chance): the new fit alone gives {moved} of customers another segment.",
            moved=words.share(agreement["moved"], 0),
            **values,
        )
    if steady is None:
        return found
    return f"{found} " + say("Two samples of one period agree at {steady} or more in three cases of four.", steady=words.number(steady, 2))


def verdict_words(verdict: str, reasons: list[dict], *, meanwhile: bool = True, approved: Approved | None = None) -> str:
    """The verdict in a sentence, with what to do meanwhile (if wanted), and how many other reasons cannot be told."""
    if unlike(verdict, reasons):
        said = [say(OTHERS) if approved else say(UNLIKE)]
    else:
        said = [say(IN_FORCE[verdict]) if approved and verdict in IN_FORCE else say(VERDICTS[verdict])]
    loose = any(r["code"] == "lasting" and r["speaks"] == "look" for r in reasons)
    if verdict == "adjust" and loose:
        said.append(say("The segments are not shown to last: the scope’s limit lies within the interval of κ."))
    if meanwhile and (verdict in ("rebuild", "look") or verdict == "adjust" and loose):
        said.append(say(MEANWHILE))
    untold = sum(r["close"] for r in reasons if verdict not in ("look", "adjust") or r["code"] != "lasting")
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


def said_of(reason: dict, moved: Movement, project: Project) -> str:
    """One reason in words: what it is about, without its figures."""
    about = {"variable": titles(project).get(reason.get("variable"), reason.get("variable") or "")}
    about["segment"] = names(moved).get(reason.get("segment"), reason.get("segment") or "")
    typed = {name: words.text(reason.get(name)) for name in ("objective", "persona", "campaign", "team")}
    sentence = _worded(reason["code"])
    return say(sentence, **about, **typed)


def reasons_table(reasons: list[dict], moved: Movement, project: Project) -> Table:
    """Every reason, for and against."""
    rows = []
    for r in reasons:
        kind, speaks = _kind(r), SPEAKS[r["speaks"]]
        row = {"reason": said_of(r, moved, project), "value": r["value"], "limit": r["limit"], "kind": kind}
        rows.append(row | {"interval": _interval(r, *kind), "speaks": say(speaks), "close": _remark(r)})
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
        "one side of the limit; what speaks for looking closer or for adjusting moves nobody. The gravest decides: building anew, fitting "
        "again, adjusting, keeping."
    )
    frame = pd.DataFrame(rows, columns=["reason", "value", "interval", "limit", "speaks", "close", "kind"])
    return Table("reasons", say("The reasons, for and against"), frame, columns, note=note)


def summary(
    moved: Movement,
    floor: dict,
    changes: list[dict],
    agreement: dict,
    judged: tuple,
    rule: dict,
    step,
    *,
    dates: dict | None = None,
    behind: Movement | None = None,
    more: list[str] | None = None,
) -> dict:
    """Headline, points, figures, what is not known and what to do.

    judged   verdict and reasons;  rule: `movement.rule_stays`
    dates    the windows of the movement;  behind: the backtest, which `rule` is set beside
    more     sentences of the other rooms that change a decision
    """
    (verdict, reasons), due, project = judged, words.day(next_look(step)), step.project
    mode = {"approved": step.approved, "dates": dates}
    stayed = [stay_words(moved, project)] if verdict == "adjust" else []  # the headlines of the others say it
    listed = [*stayed, beyond(moved, project), drift_words(changes)] if moved.segments else []
    if step.approved and dates:
        basis = basis_words(moved, dates, step.approved)
    else:
        basis = [say("Confirmed on this very period: a backtest, not yet tested on new months.")] if moved.document else []
    adjusting = list(dict.fromkeys(said_of(r, moved, project) for r in reasons if r["speaks"] == "adjust"))
    said = verdict_words(verdict, reasons, meanwhile=False, approved=step.approved)
    return {
        "headline": headline(moved, verdict, reasons, **mode),
        "points": [said, *listed, *(more or []), noise_words(floor), *basis],
        "figures": [*figures(moved, floor, agreement, project), (say("Next review"), due)],
        "unknown": unknown(moved, due, **mode),
        "todo": todo(verdict, floor, due, rule_words(rule, behind or moved), step, adjusting),
    }


def _remark(reason: dict) -> str:
    if not reason["close"]:
        return ""
    if reason["code"] == "lasting":
        return say("not shown to last: look closer")
    return say("cannot tell: the limit lies within the interval")


def _worded(code: str) -> str:
    """The sentence of a code, wherever it was found."""
    return REASONS[code] if code in REASONS else _of_rooms("REASONS")[code]


def _kind(reason: dict) -> tuple[str, int]:
    """How the value of a reason is written: a count, a share, money or a number, and its decimals."""
    code = reason["code"]
    return tuple(reason.get("kind") or KINDS.get(code) or _of_rooms("KINDS").get(code) or ("number", 2))


def _of_rooms(name: str) -> dict:
    """What the rooms that give reasons of their own say by code."""
    from helpers.reevaluate.worked import page as of_use  # late: these rooms use this one's words
    from helpers.reevaluate.yardstick import page as of_yardstick

    return getattr(of_yardstick, name, {}) | getattr(of_use, name, {})


def _interval(reason: dict, kind: str, digits: int) -> str:
    if reason["low"] is None or reason["high"] is None:
        return words.NONE
    write = {"share": words.share, "money": words.money}.get(kind, words.number)
    return say("{low} to {high}", low=write(reason["low"], digits), high=write(reason["high"], digits))
