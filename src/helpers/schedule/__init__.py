"""The command `reevaluate`, as a scheduler starts it: data looked at first, then the run, a summary beside a log, a notice, a status."""

import contextlib
import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from helpers import NinefoldError, home, run, words
from helpers import project as projects
from helpers.project import Project
from helpers.run import Approved, Past
from helpers.run.files import named
from helpers.schedule import alarms, logs, notices, said

__all__ = ["ATTENTION", "FAILURE", "KEEP", "alarms", "instant", "logs", "notices", "reevaluate"]

FORMAT = 1
KEEP, FAILURE, ATTENTION = 0, 1, 10
"""Exit statuses: the verdict is to keep; nothing could be judged; somebody should look (another verdict, or an alarm)."""
TOLD = 3
"""How many of the things to do a notice tells."""
TODAY = "today"


def reevaluate(project: str, *, as_of: str | None = None, language: str | None = None) -> int:
    """Look at the data, apply the segmentation in force as of a later day, and say what came out. Returns the exit status.

    as_of      first instant not counted, YYYY-MM-DD, or "today": midnight of the project's time zone, as this machine's clock has it
    language   of the pages and of what is said; empty: the project's own

    An alarm (the data are not what they were) ends it before anything is run or published. Whatever happens, a summary and a log of all
    that was printed are kept in data/<project>/reevaluations/<as_of>/; a notice goes out as `reevaluate.notices` says.
    A fault that the reader can mend is told here and gives FAILURE; one of the program is raised, once it is noted in both.
    """
    began = time.monotonic()
    folder = home() / "data" / project
    if not folder.is_dir():
        projects.load(project)  # says which projects there are; there is no place for a log
    with logs.opened(folder, stamp_of(project, as_of)) as log:
        found: dict = {"format": FORMAT, "project": project, "as_of": as_of, "outcome": "failure", "status": FAILURE}
        settings = None
        try:
            plan = settings = projects.load(project)
            words.use(language or plan.language, currency=plan.currency)
            found |= judged(plan, as_of, language)
        except NinefoldError as error:
            found["message"] = str(error)
            print(error, file=log.errors)
        except BaseException as error:  # an interrupt, a full disk, a fault of ours: noted, and raised on
            found["message"] = f"{type(error).__name__}: {error}".strip(": ")
            raise
        finally:
            found["seconds"] = round(time.monotonic() - began, 1)
            close(found, folder, log, settings)
    return found["status"]


def judged(plan: Project, as_of: str | None, language: str | None) -> dict:
    """What a re-evaluation found: outcome ("verdict" or "alarm") and all that the summary says of it.

    Raises NinefoldError for whatever keeps it from judging.
    """
    from helpers.report import publish

    moment = instant(as_of, plan)
    found = {"as_of": moment.isoformat(), "alarms": [], "remarks": []}
    force = in_force(plan, moment)
    found["approved"] = {"run": force.run, "role": force.role, "on": force.on}
    last = alarms.run_until(plan, moment)
    found["last_run"] = last.name if last else None
    found["alarms"] = alarms.look(plan, moment, last, clock=as_of == TODAY)
    if found["alarms"]:
        for alarm in found["alarms"]:
            print(said.alarm(alarm, plan))
        print(said.nothing_run())
        return found | {"outcome": "alarm", "status": ATTENTION}
    found["remarks"] = said.remarks(force, plan)
    print(said.applies(force), *found["remarks"], sep="\n", flush=True)
    pages = publish(plan.name, as_of=moment.isoformat(), language=language, approved=force.run, reuse=True)
    return found | verdict_of(run.past(plan, f"{pages.parent.name}/{pages.name}"), pages)


def verdict_of(made: Past, pages) -> dict:
    """What the run says in its ninth step, for the summary."""
    document = made.json("reevaluate", "reevaluation", {})
    record = next(step for step in made.record["steps"] if step["step"] == "reevaluate")
    verdict = document.get("verdict", "cannot tell")
    print(said.published(verdict, record["finding"], made.name, named(pages / "index.html")), flush=True)
    return {
        "outcome": "verdict",
        "status": KEEP if verdict == "keep" else ATTENTION,
        "verdict": verdict,
        "finding": record["finding"],
        "reasons": document.get("reasons", []),
        "todo": made.page("reevaluate").get("todo", [])[:TOLD],
        "next_review": document.get("next_review") or next_review(made),
        "run": made.name,
        "pages": named(pages / "index.html"),
    }


def next_review(made: Past) -> str | None:
    """The day of the next look where the run did not say it: the settings that it kept, added up."""
    try:
        plan = projects.load(made.record["project"])
    except (NinefoldError, KeyError):
        return None
    return (made.as_of + timedelta(days=plan.reevaluate.every_days)).date().isoformat()


def in_force(plan: Project, moment: datetime) -> Approved:
    """The segmentation that is applied.

    Raises NinefoldError where there is none, or as_of is earlier than the run that was approved.
    """
    found = run.approved(plan, moment)
    if found is None:
        raise NinefoldError(
            f"{plan.name} has no complete run before {moment:%Y-%m-%d}: there is no segmentation to evaluate again. "
            f"Run `make report PROJECT={plan.name}` with an earlier AS_OF first."
        )
    return found


def instant(as_of: str | None, plan: Project) -> datetime:
    """The first instant not counted; "today" is the last midnight of the project's time zone."""
    return projects.instant(f"{now(plan.time_zone):%Y-%m-%d}" if as_of == TODAY else as_of, plan)


def stamp_of(project: str, as_of: str | None) -> str:
    """The name of as_of in the folder of summaries, also where the project or the day cannot be read: that failure has a log too."""
    try:
        return run.stamp(instant(as_of, projects.load(project)))
    except NinefoldError:
        with contextlib.suppress(TypeError, ValueError):
            return f"{date.fromisoformat(as_of):%Y-%m-%d}"
        return f"{now('UTC'):%Y-%m-%d}"


def now(zone: str) -> datetime:
    """This machine's clock, in a time zone."""
    return datetime.now(ZoneInfo(zone))


def close(found: dict, folder, log: logs.Log, plan: Project | None) -> None:
    """Send the notice where one is due, and write the summary."""
    when = plan.reevaluate.notices if plan else "attention"
    due = when == "always" or (when == "attention" and found["status"] != KEEP)
    found["notices"] = notices.send(*said.notice(found, plan), folder) if due else {"sent": 0, "failed": []}
    for failed in found["notices"]["failed"]:
        print(failed, file=log.errors)
    try:
        log.keep(found)
    except NinefoldError as error:  # a full disk: what went wrong before must not be hidden by it
        print(error, file=log.errors)
        found["status"] = FAILURE
