"""Which segmentation is in force: the one of the run that people approved, kept in data/<project>/approved.json with role and date."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from helpers import NinefoldError
from helpers import project as projects
from helpers.project import Project
from helpers.run.files import digest, folder, named, write_json
from helpers.run.past import Past, all_runs, past, runs_before

FORMAT = 1


@dataclass(frozen=True)
class Approved:
    """A segmentation that is applied unchanged.

    run           name of the run in which it was published, 2017-10-01/0001
    as_of         first instant that this run did not count
    segmentation  the document
    role, on      who approved it and when; None: nobody did, it is that of the newest run before
    past          that run; None when its folder is no longer there
    """

    run: str
    as_of: datetime
    segmentation: dict
    role: str | None
    on: str | None
    past: Past | None


def approvals(project: Project) -> list[dict]:
    """What was approved, oldest first: run, as_of, role, on, remark, sha256 and the segmentation itself.

    Raises NinefoldError for a file that cannot be read.
    """
    path = _file(project)
    if not path.is_file():
        return []
    try:
        return json.loads(path.read_text(encoding="utf-8"))["approved"]
    except (ValueError, KeyError, TypeError) as error:
        raise NinefoldError(f"{named(path)} cannot be read ({error}). Restore it, or delete it and approve a run again.") from error


def approve(project: str, run: str, role: str, *, on: str | None = None, remark: str = "") -> list[str]:
    """Record that the segmentation of a run is the one in force from now on; the sentences that say so.

    run     2017-10-01/0001, or a day: the newest run of it
    on      the day of approval, YYYY-MM-DD; empty: today
    Raises  NinefoldError for an unknown run, a day that is none, or a role that is empty
    """
    from helpers.report import locked  # late: report imports this room

    plan = projects.load(project)
    if not role.strip():
        raise NinefoldError('Say in which role you approve: make approve RUN=2017-10-01/0001 ROLE="Head of CRM".')
    try:
        day = date.fromisoformat(on).isoformat() if on else date.today().isoformat()
    except ValueError as error:
        raise NinefoldError(f"on: {on!r} is not a date. Write it as YYYY-MM-DD.") from error
    with locked(plan):
        found = past(plan, run)
        if not found.gives("build", "segmentation"):
            raise NinefoldError(f"The run {found.name} published no segmentation: there is nothing to approve.")
        entry = {
            "run": found.name,
            "as_of": found.record["as_of"],
            "role": role.strip(),
            "on": day,
            "remark": remark,
            "sha256": digest(found.path / folder("build") / "segmentation.json"),
            "segmentation": found.json("build", "segmentation"),
        }
        write_json(_file(plan), {"format": FORMAT, "approved": [*approvals(plan), entry]})
    names = ", ".join(_short(segment) for segment in entry["segmentation"]["segments"])
    return [
        f"Approved for {plan.name}: the segmentation of {found.name}, by {entry['role']} on {day}: {names}.",
        f"Kept in {named(_file(plan))}.",
    ]


def approved(project: Project, as_of: datetime) -> Approved | None:
    """The segmentation in force at as_of: the last one approved, or where nobody approved any, that of the newest run before.

    None where there is neither.
    Raises NinefoldError when as_of is earlier than the run that was approved.
    """
    typed, runs = approvals(project), all_runs(project)
    if typed:
        last = typed[-1]
        if as_of < datetime.fromisoformat(last["as_of"]):
            raise NinefoldError(
                f"as_of: {as_of:%Y-%m-%d} is earlier than {last['as_of'][:10]}, the day of the run {last['run']} that was approved (data/"
                f"{project.name}/approved.json): what was built later cannot be judged earlier. Give that day or a later one."
            )
        return _read(last, next((run for run in runs if run.name == last["run"]), None))
    before = [run for run in runs_before(project, as_of) if run.gives("build", "segmentation")]
    if not before:
        return None
    found = before[-1]
    head = {"run": found.name, "as_of": found.record["as_of"], "role": None, "on": None}
    return _read(head | {"segmentation": found.json("build", "segmentation")}, found)


def by_name(project: Project, run: str) -> Approved:
    """The segmentation of a run by its name: as it was approved, or as the run published it.

    Raises NinefoldError when neither is there.
    """
    found = next((run_ for run_ in all_runs(project) if run_.name == run), None)
    typed = next((entry for entry in reversed(approvals(project)) if entry["run"] == run), None)
    if typed:
        return _read(typed, found)
    found = found or past(project, run)
    head = {"run": found.name, "as_of": found.record["as_of"], "role": None, "on": None}
    return _read(head | {"segmentation": found.json("build", "segmentation")}, found)


def _read(entry: dict, found: Past | None) -> Approved:
    as_of = datetime.fromisoformat(entry["as_of"])
    return Approved(entry["run"], as_of, entry["segmentation"], entry["role"], entry["on"], found)


def _short(segment: dict) -> str:
    name = segment.get("name")
    shown = name.get("en") or next(iter(name.values()), "") if isinstance(name, dict) else name
    return f"{segment['id']} {shown}".strip() if shown else segment["id"]


def _file(project: Project) -> Path:
    return project.folder / "approved.json"
