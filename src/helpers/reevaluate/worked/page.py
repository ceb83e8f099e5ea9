"""What the page of step 9 says of whether it worked: objectives, campaigns, use, and what rests on the segments."""

import pandas as pd

from helpers import words
from helpers.adopt.names import team_name
from helpers.objectives.figures import is_share, shown, shown_change
from helpers.project import Objective
from helpers.reevaluate.worked.rests_page import changed as changed
from helpers.reevaluate.worked.rests_page import in_points
from helpers.reevaluate.worked.rests_page import rests_table as rests_table
from helpers.reevaluate.worked.rests_page import rests_words as rests_words
from helpers.tables import Column, Table
from helpers.target.learnt import SIGN
from helpers.target.outcomes_page import STATUS
from helpers.words import mark, say, say_n

REASONS = {
    "objective_missed": mark("“{objective}”: missed on the day it was due"),
    "objective_behind": mark("“{objective}”: gained less than its pace asks for"),
    "campaign_lowers": mark("“{campaign}” lowered answers, of all contacted"),
    "contact_lowers": mark("“{campaign}” lowered answers in “{segment}”"),
    "campaigns_without": mark("Campaigns since that went by the segments"),
    "nothing_written": mark("Decisions written down since, adopt.log"),
    "never_used": mark("Decisions since that used “{segment}”"),
    "does_not_fit": mark("{team} says: “{segment}” does not fit"),
    "does_not_fit_all": mark("{team} says: the segments do not fit"),
    "unclear": mark("{team} says: “{segment}” is unclear"),
    "unclear_all": mark("{team} says: the segments are unclear"),
    "not_used": mark("{team} says: “{segment}” is not used"),
    "not_used_all": mark("{team} says: the segments are not used"),
    "card_untrue": mark("Lines of the card of {persona} that hold no longer"),
    "name_withdrawn": mark("The typed name of “{segment}” fits no longer"),
    "offer_loses": mark("The offer to “{segment}” loses at the plausible rise"),
}
"""What each reason is about."""
KINDS = dict.fromkeys(("campaigns_without", "nothing_written", "never_used", "card_untrue"), ("count", 0)) | {
    "campaign_lowers": ("share", 1),
    "contact_lowers": ("share", 1),
    "offer_loses": ("money", 0),
}
"""How a table writes what a reason found; one about an objective brings its own kind."""
STATES = {
    "reached": mark("reached"),
    "missed": mark("missed"),
    "not told": mark("cannot tell: the target lies within the interval"),
    "pace not told": mark("cannot tell whether the pace is enough"),
    "on the way": mark("not yet due: the pace is enough"),
    "behind": mark("not yet due: behind the pace"),
    "early": mark("not yet due"),
    "nothing new": mark("cannot tell: it rests on the same rows as then"),
    "past": mark("was due before the segments were in use: set a new date"),
    "unmeasured": mark("cannot tell: not measured"),
    "no target": mark("no target or no date"),
}
SAYS = {"fits": mark("fits"), "unclear": mark("unclear"), "does not fit": mark("does not fit"), "not used": mark("not used")}


# Objectives


def objectives_words(found: dict) -> str:
    """How many objectives are due and reached; before that, how many have a pace that is enough."""
    lines = [one for one in found["objectives"] if one["state"] != "no target"]
    due, ahead = [one for one in lines if one["due"] and one["state"] != "past"], [one for one in lines if not one["due"]]
    if not lines:
        return say("No objective has a target and a date: whether the segmentation serves it cannot be told.")
    told = [_due_words(due)] if due else []
    if ahead and all(one["state"] == "early" for one in ahead):
        told.append(say_n("{n} objective is not due yet.", "{n} objectives are not due yet.", len(ahead)))
    elif ahead:
        states = [one["state"] for one in ahead]
        counts = {
            key: words.number(states.count(state)) for key, state in (("reached", "reached"), ("way", "on the way"), ("behind", "behind"))
        }
        all_ = words.number(len(ahead))
        told.append(say("Not yet due: {all}; reached already {reached}, on the way {way}, behind {behind}.", all=all_, **counts))
    return " ".join(told)


def news(found: dict) -> list[str]:
    """What a summary should not leave out though it decides on no segment: an objective missed on its day."""
    missed = found["since"] and any(one["state"] == "missed" for one in found["objectives"])
    return [objectives_words(found)] if missed else []


def _due_words(due: list[dict]) -> str:
    states = [one["state"] for one in due]
    counts = {state: words.number(states.count(state)) for state in ("reached", "missed")}
    untold = words.number(len(due) - states.count("reached") - states.count("missed"))
    return say_n(
        "{n} objective was due: reached {reached}, missed {missed}, cannot be told {untold}.",
        "{n} objectives were due: reached {reached}, missed {missed}, cannot be told {untold}.",
        len(due),
        untold=untold,
        **counts,
    )


def objectives_table(found: dict) -> Table:
    """Each objective: when the segments were approved, today or on its day, the change between, and the target."""
    rows = []
    for one in found["objectives"]:
        kind = _objective(one)
        row = {"objective": _starred(one), "then": one["baseline"] and one["baseline"]["value"], "now": one["judged"]["value"]}
        row |= {"interval": _range(kind, one["judged"]), "change": _change(kind, one["change"]), "target": one["target"]}
        rows.append(row | {"by_when": one["by_when"], "state": _state(one, kind), "kind": tuple(one["kind"])})
    columns = [
        Column("objective", say("Objective (★ main)")),
        Column("then", say("On {day}", day=words.day(found["since"])) if found["since"] else "", "number", kinds="kind"),
        Column("now", say("Today"), "number", kinds="kind"),
        Column("interval", say("95% interval")),
        Column("change", say("Change since")),
        Column("target", say("Target"), "number", kinds="kind"),
        Column("by_when", say("By"), "date"),
        Column("state", say("Reached?")),
    ]
    if not found["since"]:
        columns = [column for column in columns if column.name not in ("then", "change")]
    note = say("Intervals over customers, or over campaigns where these differ more; a change compares customers with themselves.")
    past = [one for one in found["objectives"] if one["judged"]["end"] != one["today"]["end"]]
    if past:
        named = words.join([say("“{name}”", name=words.text(one["name"])) for one in past])
        note += " " + say("Measured in the window that ended on the day it was due: {names}.", names=named)
    frame = pd.DataFrame(rows, columns=[*(c.name for c in columns), "kind"])
    return Table("objectives", say("The objectives of step 1: did it work?"), frame, columns, note=note)


def _starred(one: dict) -> str:
    return ("★ " if one["role"] == "main" else "") + words.text(one["name"])


def _objective(one: dict) -> Objective:
    return Objective.model_construct(metric=one["metric"])


def _range(kind: Objective, ends: dict) -> str:
    if ends["low"] is None:
        return words.NONE
    return say("{low} to {high}", low=shown(kind, ends["low"]), high=shown(kind, ends["high"]))


def _change(kind: Objective, found: dict | None) -> str:
    if found is None:
        return words.NONE
    if is_share(kind):
        ends = {key: words.number(found[key] * 100, 1) for key in ("low", "high")}
        return say("{value} points ({low} to {high})", value=words.signed(found["value"] * 100, 1), **ends)
    ends = {key: shown_change(kind, found[key]) for key in ("value", "low", "high")}
    return say("{value} ({low} to {high})", **ends)


def _state(one: dict, kind: Objective) -> str:
    pace = one["pace"]
    told = STATES["pace not told" if one["state"] == "not told" and not one["due"] else one["state"]]
    if pace is None:
        return say(told)
    ends = {key: shown_change(kind, pace[key]) for key in ("gained", "needed")}
    way = say("{gained} gained, {needed} asked for by now; {projected} at this pace", projected=shown(kind, pace["projected"]), **ends)
    return say("{state} ({way})", state=say(told), way=way)


# Campaigns and use


def campaigns_words(found: dict) -> str:
    """How many campaigns were sent since, whether they went by the segments, and what can be learnt of them."""
    told = found["campaigns"]
    if not told["sent"]:
        return say("These data know of no campaign that was sent since.")
    sentences = [
        say_n(
            "{n} campaign was sent since; by the segments went {used}, as far as runs or adopt.log tell.",
            "{n} campaigns were sent since; by the segments went {used}, as far as runs or adopt.log tell.",
            told["sent"],
            used=words.number(told["with_segments"]),
        )
    ]
    if not told["measured"]:
        sentences.append(say("What they did cannot be told ({why}).", why=_untold(told)))
    known = [one for one in told["measured"] if one["differ"] is not None and not one["silent"]]
    if known:
        values = {"apart": words.number(sum(one["differ"] < SIGN for one in known)), "n": words.number(len(known))}
        sentences.append(say("Contact did more in one segment than in another in {apart} of {n} that were measured.", **values))
    return " ".join(sentences)


def _untold(told: dict) -> str:
    parts = []
    for status, n in sorted(told["untold"].items()):
        sentence = STATUS[status]
        parts.append(say("{n}: {status}", n=words.number(n), status=say(sentence)))
    return words.join(parts)


def campaigns_table(found: dict, named: dict[str, str]) -> Table:
    """What each campaign measured since did, and whether it did more in one segment than in another.

    named   id → what people call the segment
    """
    rows = []
    for one in found["campaigns"]["measured"]:
        row = {"campaign": one["id"], "sent": one["first_sent"], "used": say("yes") if one["used"] else say("no")}
        rise = say("the control group could not answer") if one["silent"] else in_points(one, "uplift")
        differ = words.NONE if one["silent"] else _differ(one["differ"])
        row |= {"n1": one["n1"], "n0": one["n0"], "rise": rise, "differ": differ, "earned": _earned(one["earned"])}
        lowered = [named.get(s["id"], s["id"]) for s in one["segments"] if s["verdict"] == "lowers"]
        rows.append(row | {"lowered": words.join(lowered)})
    columns = [
        Column("campaign", say("Campaign")),
        Column("sent", say("First sent"), "date"),
        Column("used", say("By the segments")),
        Column("n1", say("Contacted"), "count", people=True),
        Column("n0", say("Control"), "count", people=True),
        Column("rise", say("Rise, points")),
        Column("differ", say("More in one segment than in another")),
        Column("earned", say("Earned")),
        Column("lowered", say("Lowered answers of")),
    ]
    note = say(
        "Campaigns sent since {day}, with a control group (step 8); 95% intervals. Earned: margin on what was bought more, less the cost.",
        day=words.day(found["since"]),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("campaigns_since", say("What campaigns did since"), frame, columns, note=note)


def _earned(found: dict) -> str:
    if found["value"] is None:
        return words.NONE
    ends = {key: words.money(found[key], 0) for key in ("value", "low", "high")}
    return say("{value} ({low} to {high})", **ends)


def _differ(p: float | None) -> str:
    if p is None:
        return say("cannot tell")
    return say("yes") if p < SIGN else say("not shown")


def use_words(found: dict, named: dict[str, str]) -> str:
    """Who decided with the segments since, and which of them nobody used.

    named   id → what people call the segment
    """
    use = found["use"]
    if not use["written"]:
        return say("No decision since is written down in adopt.log: whether anybody uses the segments cannot be told.")
    told = [
        say_n(
            "{n} decision since is written down, {with_segments} of it with segments.",
            "{n} decisions since are written down, {with_segments} of them with segments.",
            use["written"],
            with_segments=words.number(use["with_segments"]),
        )
    ]
    if use["never"]:
        names = words.join([say("“{name}”", name=named.get(one, one)) for one in use["never"]])
        told.append(say("No decision used {names}.", names=names))
    return " ".join(told)


def use_table(found: dict, named: dict[str, str]) -> Table:
    """What teams decided since, and what they say of the segments.

    named   id → what people call the segment
    """
    rows = [
        {
            "team": team_name(team).capitalize(),
            "decided": each["decided"],
            "with": each["with_segments"],
            "what": words.join([named.get(one, one) for one in each["segments"]]),
        }
        for team, each in found["use"]["teams"].items()
    ]
    for one in (f for f in found["feedback"] if f["counts"]):
        verdict, about = SAYS[one["says"]], named.get(one["segment"], one["segment"]) or say("all segments")
        told = say("{about}: {verdict}", about=about, verdict=say(verdict))
        text = words.text(one["text"])
        rows.append({"team": words.text(one["team"]), "decided": None, "with": None, "what": f"{told}. {text}".strip() if text else told})
    columns = [
        Column("team", say("Team")),
        Column("decided", say("Decisions"), "count"),
        Column("with", say("With segments"), "count"),
        Column("what", say("Which segments, or what the team says of them")),
    ]
    since = words.day(found["since"])
    note = say("Typed in adopt.log and reevaluate.feedback since {since}; of a team the newest word counts.", since=since)
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("use_since", say("Who used the segments since, and what teams say"), frame, columns, note=note)


# What could mislead


def caveats(found: dict) -> list[str]:
    """What could mislead in the question whether it worked."""
    told = []
    for one in found["objectives"]:
        told += _objective_caveats(one, _objective(one))
    told += _looking_back(found)
    if found["since"]:
        told.append(
            say("An objective that is reached or missed does not judge the segmentation: only a control group tells it from the season.")
        )
    return [*told, *_feedback_caveats(found["feedback"])]


def _looking_back(found: dict) -> list[str]:
    """That windows began before the segments were in use, and how much of them that is."""
    after = sorted({one["fresh"] for one in found["objectives"] if one["fresh"] is not None})
    if not after or after[0] == 1:
        return []
    ends = [words.share(each, 0) for each in dict.fromkeys((after[0], after[-1]))]
    days = words.number(max(one["days"] for one in found["objectives"]))
    return [
        say(
            "Objectives look back over {days} days, of which {share} lie after {since}: only that part shows what the segments changed.",
            days=days,
            share=say(" to ").join(ends),
            since=words.day(found["since"]),
        )
    ]


def _objective_caveats(one: dict, kind: Objective) -> list[str]:
    told, name, base = [], words.text(one["name"]), one["baseline"]
    if one["moved"]:
        day = words.day(one["moved"]["by_when"]) if one["moved"]["by_when"] else say("no date")
        told.append(
            say(
                "The goal of “{name}” was moved: before, it was {target} by {day}.",
                name=name,
                target=shown(kind, one["moved"]["target"]),
                day=day,
            )
        )
    if base and one["published"] and abs(one["published"] / base["value"] - 1) >= 0.005:
        values = {"then": shown(kind, one["published"]), "now": shown(kind, base["value"])}
        told.append(say("“{name}” was published as {then}; measured again on today’s data it was {now}.", name=name, **values))
    change, same = one["change"], one["same"]
    if change and same and abs(same["value"] - change["value"]) > 0.1 * abs(change["value"]):
        values = {"same": _change(kind, same), "change": shown_change(kind, change["value"])}
        told.append(
            say(
                "“{name}”: over the customers known then alone the change is {same} instead of {change}; newcomers make the difference.",
                name=name,
                **values,
            )
        )
    return told


def _feedback_caveats(feedback: list[dict]) -> list[str]:
    states = [one["state"] for one in feedback]
    told = []
    if "unknown" in states:
        ids = words.join(sorted({one["segment"] for one in feedback if one["state"] == "unknown"}))
        told.append(say("reevaluate.feedback names {ids}, which is no segment of these: type an id of the dictionary.", ids=ids))
    if "later" in states:
        n = states.count("later")
        told.append(
            say_n("{n} line of reevaluate.feedback is dated after these data and not counted.",
                  "{n} lines of reevaluate.feedback are dated after these data and not counted.", n)
        )  # fmt: skip
    return told
