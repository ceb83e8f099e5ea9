"""Steps that rest on nothing new are taken from an earlier run of the same as_of instead of being run again.

A step is the same when its notebook, the code, the versions and the parameters are, every file that sources read, project.yml, and all
that it took from other steps and runs: `Step.reads` names these with their content. Nothing is guessed from dates of files.
"""

import hashlib
import json
import os
import shutil
from datetime import datetime
from pathlib import Path

from helpers import ROOT
from helpers.project import Project
from helpers.run.files import content_of, digest, folder, resolve, saving
from helpers.run.past import Past, all_runs, handed_over_before, record_of, runs_before

APPLIES = ("build", "reevaluate")
"""Steps that have the parameter `approved`; the others see it only through what these hand over."""
IN_FORCE = ("approved", "approvals")
SAME = ("format", "project_yml", "files", "decided", "erased", "as_of", "language", *IN_FORCE, "seed", "code", "versions")
"""Of what a run was made with: all that must be equal."""


def code() -> str:
    """SHA-256 of all code and notebooks: names and content."""
    files = [*(ROOT / "src" / "helpers").rglob("*"), *(ROOT / "notebooks").glob("*.ipynb")]
    told = hashlib.sha256()
    for path in sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts):
        told.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + digest(path).encode() + b"\0")
    return told.hexdigest()


def take(step: str, base: Path, project: Project, made: dict) -> dict | None:
    """Put an earlier run's step into the run `base`, where nothing that it rests on has changed; its line of log.json, or None.

    made    what the run is made with, as `report.made_with` gives it
    """
    if None in made["files"].values():  # a table of a server: whether its rows are the same cannot be seen
        return None
    same = [name for name in SAME if name not in IN_FORCE or step in APPLIES]
    for run in reversed(all_runs(project)):
        if run.path.parent == base.parent and all(run.record.get(name) == _plain(made)[name] for name in same):
            if not all(path.is_file() for path in (run.path / folder(step) / "step.json", run.path / _note(step))):
                continue  # taken away by hand
            record = json.loads((run.path / folder(step) / "step.json").read_text(encoding="utf-8"))
            if _as_it_was(record["reads"], base, project, datetime.fromisoformat(run.record["as_of"])):
                _copy(run, step, base)
                print(f"{folder(step).replace('_', ' '):<16}  as in {run.name}      {record['finding']}", flush=True)
                return {"step": step, "seconds": 0.0, "start": 0.0, "work": 0.0, "from": run.name}
    return None


def _as_it_was(reads: dict, base: Path, project: Project, as_of: datetime) -> bool:
    """Whether all that a step has read is in this run, and in the runs before it, what it was."""
    before = [run.name for run in runs_before(project, as_of)]
    for name, seen in reads.items():
        if name == "last run":
            now = before[-1] if before else None
        elif name.startswith("run/"):
            now = record_of(project, name.removeprefix("run/"))
        elif name.startswith("before/"):
            _, step, what = name.split("/")
            now = [digest(file) for file in handed_over_before(project, as_of, step, what)]
        elif name.count("/") == 1:
            step, what = name.split("/")
            now = content_of(resolve(base / folder(step)), what)
        else:  # written by another version
            return False
        if now != seen:
            return False
    return True


def _copy(run: Past, step: str, base: Path) -> None:
    """The step's folder and its executed notebook, without copying bytes where the disk can share them.

    The files are then those of two runs: nothing may write into one, only put another in its place.
    """
    with saving(base / folder(step)):
        shutil.copytree(run.path / folder(step), base / (folder(step) + ".tmp"), copy_function=_linked)
        _linked(run.path / _note(step), base / _note(step))
        os.replace(base / (folder(step) + ".tmp"), base / folder(step))


def _note(step: str) -> str:
    return f"notebooks/{folder(step)}.ipynb"


def _linked(source, target):
    Path(target).unlink(missing_ok=True)  # it may be another run's file, too: nothing is copied into it
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _plain(made: dict) -> dict:
    return made | {"as_of": made["as_of"].isoformat()}
