"""What the page of step 7 says of the use that teams make of the segments: the plan, the log, the rate, and what is typed wrongly."""

import pandas as pd

from helpers import words
from helpers.adopt.names import team_name
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

FAULTS = {
    "decided_after_as_of": mark("{place} ({team}) is dated {day}, after these data end: it is not counted until then."),
    "done_after_as_of": mark("{place} ({team}) is said to be done on {day}, after these data end: it counts as not done."),
    "unknown_segments": mark("{place} ({team}) names {ids}, which step 6 did not build: type an id of the dictionary."),
    "unknown_campaign": mark(
        "{place} ({team}) names the campaign {campaign}, of which neither contacts nor target.campaign know anything."
    ),
}


def teams_table(adoption: dict, project: Project) -> Table:
    """A line a team: what it decided, with segments or without, and when last."""
    rows = [
        {
            "team": team_name(each["team"]).capitalize(),
            "owner": words.text(project.adopt.teams[each["team"]].owner) if each["owner"] else say("nobody named"),
            "decided": each["decided"],
            "with": each["with_segments"],
            "segments": words.join(each["segments"]) if each["segments"] else "",
            "last": each["last_on"],
            "open": each["asked"] - each["answered"],
        }
        for each in adoption["teams"]
    ]
    columns = [
        Column("team", say("Team")),
        Column("owner", say("Answers for its sheet")),
        Column("decided", say("Decisions"), "count"),
        Column("with", say("With segments"), "count"),
        Column("segments", say("Which")),
        Column("last", say("Last one with segments"), "date"),
        Column("open", say("Questions open"), "count"),
    ]
    note = say(
        "Decisions typed in adopt.log from {since} on, the {days} days between two reviews. What nobody writes down is not seen.",
        since=words.day(adoption["since"]),
        days=words.number(adoption["every_days"]),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("adoption", say("Who decides with the segments"), frame, columns, note=note)


def log_table(adoption: dict, profiles: dict) -> Table:
    """What was decided, newest first: with which segments, and what came of it."""
    named = {s["id"]: segment_name(s) for s in profiles["segments"]}
    rows = [
        {
            "on": use["decided_on"],
            "team": team_name(use["team"]),
            "decision": words.text(use["decision"]),
            "segments": _segments(use, named),
            "campaign": use["campaign"],
            "result": words.text(use["result"]) or say("not known yet"),
        }
        for use in sorted(adoption["log"], key=lambda use: use["decided_on"], reverse=True)
    ]
    columns = [
        Column("on", say("On"), "date"),
        Column("team", say("Team")),
        Column("decision", say("Decision")),
        Column("segments", say("Taken with")),
        Column("campaign", say("Campaign")),
        Column("result", say("What came of it")),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("adoption_log", say("What teams decided, as typed in adopt.log"), frame, columns)


def _segments(use: dict, named: dict[str, str]) -> str:
    known = [named.get(one, one) for one in use["known"]]
    unknown = [say("{id} (not built)", id=one) for one in use["unknown"]]
    return words.join([*known, *unknown]) if known or unknown else say("no segment")


def plan_table(adoption: dict) -> Table:
    """The steps by which teams take the segments into use, in the order of their days."""
    rows = [
        {
            "what": words.text(each["what"]),
            "team": team_name(each["team"]),
            "owner": words.text(each["owner"]),
            "by": each["by"],
            "state": state_words(each),
        }
        for each in sorted(adoption["plan"], key=lambda each: each["by"])
    ]
    columns = [
        Column("what", say("Step")),
        Column("team", say("Team")),
        Column("owner", say("Answers for it")),
        Column("by", say("By"), "date"),
        Column("state", say("State")),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("adoption_plan", say("How the teams take the segments into use, as typed in adopt.plan"), frame, columns)


def state_words(each: dict) -> str:
    """What has become of a step of the plan."""
    if each["state"] == "late":
        return say_n("late by {n} day", "late by {n} days", each["days_late"])
    if each["state"] == "done_late":
        return say_n("done {n} day late", "done {n} days late", each["days_late"])
    return say("done") if each["state"] == "done" else say("to come")


def adoption_words(adoption: dict) -> str:
    """The rate of adoption in a sentence, and what is known of results."""
    if not adoption["log"]:
        return say(
            "Nobody has written down a decision yet: whether the segments are used cannot be told. One line a decision in adopt.log."
        )
    teams = sum(each["with_segments"] > 0 for each in adoption["teams"])
    values = {"n": words.number(teams), "all": words.number(len(adoption["teams"])), "since": words.day(adoption["since"])}
    told = [say("Teams that decided with a segment since {since}: {n} of {all}.", **values)]
    if not adoption["decided"]:
        return " ".join([*told, say("No decision of that time is written down.")])
    told.append(
        say(
            "Of {decided} decisions, {with_segments} were taken with segments ({share}); what came of it is known for {results}.",
            decided=words.number(adoption["decided"]),
            with_segments=words.number(adoption["with_segments"]),
            share=words.share(adoption["share_with_segments"], 0),
            results=words.number(adoption["results"]),
        )
    )
    return " ".join(told)


def plan_words(adoption: dict) -> str:
    """What of the plan is done and what is late."""
    if not adoption["plan"]:
        return say("No plan is typed by which the teams take the segments into use (adopt.plan of project.yml).")
    states = [each["state"] for each in adoption["plan"]]
    done, late = states.count("done") + states.count("done_late"), [each for each in adoption["plan"] if each["state"] == "late"]
    told = [say("Steps done: {done} of {all}.", done=words.number(done), all=words.number(len(states)))]
    if late:
        names = words.join([_late(each) for each in late])
        told.append(say_n("{n} is late: {names}.", "{n} are late: {names}.", len(late), names=names))
    else:
        told.append(say("None is late."))
    return " ".join(told)


def _late(each: dict) -> str:
    return say("“{what}” ({team}, by {day})", what=words.text(each["what"]), team=team_name(each["team"]), day=words.day(each["by"]))


def adoption_faults(adoption: dict) -> list[str]:
    """What is typed that cannot be counted as it stands, a sentence each with its remedy; and actions whose day has passed."""
    told = []
    for fault in adoption["faults"]:
        sentence = FAULTS[fault["kind"]]
        values = {"place": fault["place"], "team": team_name(fault["team"])}
        values |= {"day": words.day(fault["on"])} if fault["on"] else {}
        values |= {"ids": words.join(fault["segments"])} if "segments" in fault else {}
        values |= {"campaign": fault["campaign"]} if "campaign" in fault else {}
        told.append(say(sentence, **values))
    if adoption["due"]:
        ids = words.join(list(dict.fromkeys(each["segment"] for each in adoption["due"])))
        told.append(
            say_n(
                "The day of {n} action has passed ({ids}): write into adopt.log what came of it, or set a new day.",
                "The days of {n} actions have passed ({ids}): write into adopt.log what came of them, or set new days.",
                len(adoption["due"]),
                ids=ids,
            )
        )
    return told


def adoption_todo(adoption: dict) -> list[str]:
    """What to do next about the use of the segments, for the summary of the page."""
    silent = [team_name(each["team"]) for each in adoption["teams"] if not each["with_segments"]]
    todo = []
    if silent and adoption["log"]:
        todo.append(say("Ask {teams} what the sheet should say for them to decide with it.", teams=words.join(silent)))
    if not adoption["log"]:
        todo.append(say("Write each decision into adopt.log, with the segments it used: the next review counts them."))
    late = [each for each in adoption["plan"] if each["state"] == "late"]
    if late:
        todo.append(say("Do or date again what is late in adopt.plan: {steps}.", steps=words.join([_late(each) for each in late])))
    waiting = sum(not use["result"] for use in adoption["log"] if use["known"] and use["counted"])
    if waiting:
        todo.append(say_n("Say what came of {n} decision in adopt.log.", "Say what came of {n} decisions in adopt.log.", waiting))
    return todo
