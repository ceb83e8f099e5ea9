"""What the command says, and what a notice says, in the project's language; no customer is in it."""

from helpers import words
from helpers.collect.names import TABLE_NAMES
from helpers.project import Project
from helpers.run import Approved
from helpers.words import mark, say, say_n

VERDICTS = {
    "keep": mark("keep the segments"),
    "adjust": mark("keep the segments, adjust what rests on them"),
    "look": mark("keep the segments, look closer"),
    "refit": mark("fit the segments again"),
    "rebuild": mark("build the segments anew"),
    "cannot tell": mark("cannot be told"),
}


def verdict(code: str) -> str:
    """A verdict in words; one that this version does not know stays as it is."""
    return say(VERDICTS[code]) if code in VERDICTS else code


def alarm(found: dict, plan: Project) -> str:
    """One alarm of `alarms.look` as a sentence with its remedy."""
    what = _ALARMS[found["code"]](found, plan)
    return say("ALARM: {what}", what=what)


def nothing_run() -> str:
    """What an alarm means."""
    return say("Nothing was run and nothing published: the last report stays. Put the data right and run again.")


def _clock(found: dict, plan: Project) -> str:
    today, newest = found["value"], found["limit"]
    return say("by this machine’s clock today is {today}, earlier than {newest}, the day of the newest run.", today=today, newest=newest)


def _empty(found: dict, plan: Project) -> str:
    file = found["file"]
    return say("the file {file} has no rows. Export it again.", file=file)


def _fewer(found: dict, plan: Project) -> str:
    title = TABLE_NAMES[found["table"]]
    table = f"{say(title)}, {found['ids']}" if "ids" in found else say(title)
    what = {"table": table, "share": words.share(found["value"], 0), "run": found["since"], "limit": words.share(found["limit"], 0)}
    return say(
        "of the rows of “{table}” that the run {run} had, {share} are still there; more than {limit} must be (reevaluate.alarm_rows). "
        "If they were removed on purpose, `make report` takes the data as they are.",
        **what,
    )


def _stale(found: dict, plan: Project) -> str:
    if found["value"] is None:
        return say("there is no order before as_of.")
    days, limit = words.number(found["value"], 0), words.number(found["limit"])
    return say(
        "the newest order is {days} days older than as_of; {limit} are allowed (reevaluate.stale_days). Export anew, or look at the date.",
        days=days,
        limit=limit,
    )


def _collapsed(found: dict, plan: Project) -> str:
    what = {"days": words.number(found["days"]), "share": words.share(found["value"], 0), "limit": words.share(found["limit"], 0)}
    return say(
        "the last {days} days have {share} of the order lines of the {days} days before; {limit} must be there (reevaluate.alarm_rows). "
        "Is the export whole? If sales did fall that far, `make report` takes the data as they are.",
        **what,
    )


def _returned(found: dict, plan: Project) -> str:
    n = found["value"]
    return say_n(
        "{n} person who was erased is in the data again. Erase that person where the export comes from, and by "
        "`make erase CUSTOMER=returned`.",
        "{n} people who were erased are in the data again. Erase them where the export comes from, and by `make erase CUSTOMER=returned`.",
        n,
    )


_ALARMS = {"clock": _clock, "empty": _empty, "fewer": _fewer, "stale": _stale, "collapsed": _collapsed, "returned": _returned}


def applies(force: Approved) -> str:
    """Which segmentation is applied, and by whose decision."""
    if force.role is None:
        return say("Applied: the segmentation of the run {run}, the newest; nobody has approved one.", run=force.run)
    return say("Applied: the segmentation of the run {run}, approved by {role} on {day}.", run=force.run, role=force.role, day=force.on)


def remarks(force: Approved, plan: Project) -> list[str]:
    """What a re-evaluation does without."""
    if force.past is not None:
        return []
    file = f"data/{plan.name}/approved.json"
    return [
        say(
            "The folder of the run {run} is gone: its segmentation is applied as {file} has it, and the comparison with its customers "
            "is lost.",
            run=force.run,
            file=file,
        )
    ]


def published(code: str, finding: str, run: str, page: str) -> str:
    """The last lines of a run that came to a verdict."""
    what = verdict(code)
    lines = [say("Verdict: {what}. {finding}", what=what, finding=finding), say("Run {run} published: {page}", run=run, page=page)]
    return "\n".join(lines)


def notice(found: dict, plan: Project | None) -> tuple[str, str]:
    """Title and text of a notice, from the summary."""
    name, day = found["project"], (found["as_of"] or "")[:10]
    if found["outcome"] == "failure":
        return say("{project}, {day}: the re-evaluation failed", project=name, day=day), found.get("message", "")
    if found["outcome"] == "alarm":
        lines = [alarm(each, plan) for each in found["alarms"]]
        return say("{project}, {day}: alarm, the data cannot be judged", project=name, day=day), "\n".join([*lines, nothing_run()])
    what = verdict(found["verdict"])
    page, review = found["pages"], found["next_review"]
    lines = [found["finding"], *found.get("todo", []), *found["remarks"], say("Pages: {page}", page=page)]
    if review:
        lines.append(say("Next review: {day}", day=words.day(review)))
    return say("{project}, {day}: {what}", project=name, day=day, what=what), "\n".join(lines)
