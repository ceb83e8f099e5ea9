"""A complete run, read again: what it gave, what it was made with, and which segmentation people approved for use."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from helpers import NinefoldError
from helpers import project as projects
from helpers.project import Project
from helpers.run.drafts import stamp
from helpers.run.files import digest, folder, named


@dataclass(frozen=True)
class Past:
    """A complete run of a project.

    path    its folder, data/<project>/runs/<as_of>/<run_id>
    """

    path: Path

    @property
    def name(self) -> str:
        """2017-10-01/0001: as people type it."""
        return f"{self.path.parent.name}/{self.path.name}"

    @cached_property
    def record(self) -> dict:
        """run.json; of a retired run, which has its documents and no table of customers left, retired.json."""
        kept = next(path for path in (self.path / "run.json", self.path / "retired.json") if path.is_file())
        return json.loads(kept.read_text(encoding="utf-8"))

    @property
    def as_of(self) -> datetime:
        """First instant that it did not count."""
        return datetime.fromisoformat(self.record["as_of"])

    @property
    def whole(self) -> bool:
        """Whether its tables of customers are there still."""
        return (self.path / "run.json").is_file()

    def gives(self, step: str, name: str) -> bool:
        """Whether a step of it handed this over."""
        return any((self.path / folder(step) / f"{name}.{ending}").is_file() for ending in ("json", "parquet"))

    def json(self, step: str, name: str, default: Any = None) -> Any:
        """A JSON document that a step of it handed over; `default` where it gave none."""
        path = self.path / folder(step) / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default

    def page(self, step: str) -> dict:
        """The summary of a step's page, in the language in which it was made; {} where it has none."""
        path = self.path / folder(step) / "page" / "summary.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def table(self, con, step: str, name: str):
        """A table that a step of it handed over, as an Ibis table of this connection.

        Raises NinefoldError when it is not there.
        """
        path = self.path / folder(step) / f"{name}.parquet"
        if not path.is_file():
            raise NinefoldError(f"The run {self.name} has no table {name} of step {step}: {named(path)} is missing.")
        return con.read_parquet(str(path))

    def plan(self, now: Project) -> Project | None:
        """project.yml as it was when the run was made; None where the run kept none, or one that today's fields do not know.

        now    the project as it is today, whose name and place the result has
        """
        kept = self.path / "project.yml"
        if not kept.is_file():
            return now if self.record["project_yml"] == digest(now.folder / "project.yml") else None
        try:
            return projects.read(kept.read_text(encoding="utf-8"), name=now.name, shown=f"{named(kept)}")
        except NinefoldError:
            return None


def all_runs(project: Project, *, retired: bool = False) -> list[Past]:
    """Complete runs of a project by as_of and number, oldest first; retired: those too whose tables are gone."""
    ends = ("run.json", "retired.json") if retired else ("run.json",)
    found = {path.parent for end in ends for path in (project.folder / "runs").glob(f"*/*/{end}")}
    return [Past(path) for path in sorted(found, key=lambda path: (path.parent.name, path.name))]


def runs_before(project: Project, as_of: datetime) -> list[Past]:
    """Complete runs of an earlier as_of, oldest first."""
    return [run for run in all_runs(project) if run.path.parent.name < stamp(as_of)]


def past(project: Project, name: str) -> Past:
    """A complete run by its name, such as 2017-10-01/0001, or by its day alone: then the newest of that day.

    Raises NinefoldError naming the runs that are there.
    """
    runs = all_runs(project)
    found = [run for run in runs if name in (run.name, run.path.parent.name)]
    if not found:
        known = ", ".join(run.name for run in runs[-8:]) or "none"
        raise NinefoldError(f"{project.name} has no complete run {name!r}. Complete runs: {known}. Give one of them, or run `make report`.")
    return found[-1]


def record_of(project: Project, name: str) -> str | None:
    """SHA-256 of a run's record, which has that of everything it gave; None for one that is gone, or retired."""
    record = project.folder / "runs" / name / "run.json"
    return digest(record) if record.is_file() else None


def handed_over_before(project: Project, as_of: datetime, step: str, name: str) -> list[Path]:
    """The files in which complete runs of an earlier as_of handed something over, oldest first."""
    runs = [run for run in all_runs(project, retired=True) if run.path.parent.name < stamp(as_of)]  # documents outlive retirement
    places = [run.path / folder(step) / name for run in runs]
    return [place.with_suffix(end) for place in places for end in (".json", ".parquet") if place.with_suffix(end).is_file()]
