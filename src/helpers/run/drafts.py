"""Runs and the draft: which runs are complete, what a step may rest on, and what is set aside when an earlier one is begun again."""

import ast
import difflib
import json
import os
import shutil
from datetime import datetime
from pathlib import Path

from helpers import NinefoldError, home, words
from helpers.project import Project
from helpers.run.files import STEPS, digest, folder, link, named, resolve, saving


def stamp(as_of: datetime) -> str:
    """The name of an as_of in folders: 2017-10-01, with hours and minutes only when it names a time."""
    return f"{as_of:%Y-%m-%d}" if (as_of.hour, as_of.minute, as_of.second) == (0, 0, 0) else f"{as_of:%Y-%m-%dT%H%M%S}"


def draft_folder(project: Project, as_of: datetime) -> Path:
    """Where the notebooks of JupyterLab work for this as_of."""
    return project.folder / "draft" / stamp(as_of)


def complete_runs(project: Project, as_of: datetime) -> list[Path]:
    """Complete runs of this as_of, oldest first."""
    return sorted(path.parent for path in (project.folder / "runs" / stamp(as_of)).glob("*/run.json"))


def require(base: Path, step: str) -> None:
    """All earlier steps must be there."""
    for earlier in STEPS[: STEPS.index(step)]:
        if not resolve(base / folder(earlier)).is_dir():
            raise NinefoldError(f"Step {step} needs step {earlier}, which is missing. Run notebooks/{folder(earlier)}.ipynb first.")


def open_draft(base: Path, step: str, project: Project, as_of: datetime) -> str:
    """Make the draft ready for a step: link earlier steps from the newest complete run, set this and later ones aside.

    Steps made in the draft itself are kept; from the first of them on nothing may be linked, for a run's later steps
    rest on its own earlier ones. Returns a sentence that says what was linked.
    """
    with saving(base):
        base.mkdir(parents=True, exist_ok=True)
    number = STEPS.index(step)
    made = [s for s in STEPS if (base / folder(s)).is_dir() and not is_link(base / folder(s))]
    _refuse_unfinished(base, step)
    _refuse_outdated(step, made)
    note = _link_earlier(base, step, project, as_of, made)
    old = [s for s in made if STEPS.index(s) < number and made_with(base / folder(s)) != digest(home() / project.file)]
    if old:
        changed = words.say("project.yml has changed since these steps of the draft were run: {steps}.", steps=words.join(old))
        note = f"{note} {changed}".strip()
    set_aside_from(base, number)
    return note


def _refuse_unfinished(base: Path, step: str) -> None:
    """No step rests on one that was begun in this draft and has not handed over."""
    for begun in STEPS[: STEPS.index(step)]:
        if (base / (folder(begun) + ".tmp")).is_dir():
            raise NinefoldError(
                f"Step {step} rests on step {begun}, which was begun in this draft and not finished. "
                f"Run notebooks/{folder(begun)}.ipynb to its end first, or delete {named(base)}."
            )


def _refuse_outdated(step: str, made: list[str]) -> None:
    """From the first step made in the draft on, every step before this one must have been made there since."""
    for own in made[:1]:
        for between in STEPS[STEPS.index(own) : STEPS.index(step)]:
            if between not in made:
                raise NinefoldError(
                    f"Step {step} rests on step {between}, which is outdated in this draft: an earlier step was run again. "
                    f"Run notebooks/{folder(between)}.ipynb first."
                )


def _link_earlier(base: Path, step: str, project: Project, as_of: datetime, made: list[str]) -> str:
    """Link the steps before the first one made here from the newest complete run, where that is needed; the sentence that says so."""
    linkable = STEPS[: min([STEPS.index(step), *(STEPS.index(s) for s in made[:1])])]
    missing = [s for s in linkable if not resolve(base / folder(s)).is_dir()]
    if not linkable or (made and not missing):
        return ""
    runs = complete_runs(project, as_of)
    if not runs:
        first = folder(missing[0] if missing else linkable[0])
        raise NinefoldError(
            f"Step {step} needs the steps before it, and there is no complete run of {project.name} as of {stamp(as_of)} to take "
            f"them from. Run notebooks/{first}.ipynb first, or `make report`."
        )
    for earlier in linkable:
        if not (runs[-1] / folder(earlier)).is_dir():
            raise NinefoldError(
                f"Step {step} needs step {earlier}, and neither this draft nor run {runs[-1].name} of {stamp(as_of)} has it. "
                f"Run notebooks/{folder(earlier)}.ipynb first."
            )
        link(base / folder(earlier), runs[-1] / folder(earlier))
    note = words.say("Draft: the steps before this one are taken from run {run} of {as_of}.", run=runs[-1].name, as_of=words.day(as_of))
    recorded = json.loads((runs[-1] / "run.json").read_text(encoding="utf-8"))
    if recorded["project_yml"] != digest(home() / project.file):
        note += " " + words.say("project.yml has changed since that run.")
    return note


def made_with(place: Path) -> str:
    """The digest of project.yml with which a finished step was made."""
    return json.loads((place / "step.json").read_text(encoding="utf-8")).get("project_yml", "")


def refuse_unknown_parameters(known: set[str]) -> None:
    """papermill only warns about a parameter that the notebook does not know, and runs on without it; that is an error here.

    papermill writes what it was given in a cell that begins with `# Parameters`.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    for cell in shell.user_ns.get("In", []) if shell else []:
        if cell.startswith("# Parameters\n"):
            names = [t.id for node in ast.parse(cell).body if isinstance(node, ast.Assign) for t in node.targets]
            for name in names:
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=1)
                    hint = f"Did you mean {near[0]}? " if near else ""
                    value = shell.user_ns.get(name)
                    raise NinefoldError(f"Unknown parameter {name} = {value!r}. {hint}This notebook knows: {', '.join(sorted(known))}.")


def is_link(place: Path) -> bool:
    """Whether a step of a draft is another run's: a link, or the file that stands for one where links are not allowed."""
    return place.is_symlink() or place.is_file()


def set_aside(place: Path) -> None:
    """Put what stands here out of the way, in `outdated/`; a link is simply taken off."""
    if is_link(place):
        place.unlink()
    elif place.is_dir():
        aside = place.parent / "outdated" / place.name
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(exist_ok=True)
        os.replace(place, aside)


def set_aside_from(base: Path, number: int) -> None:
    """Set aside every step of a draft from this one on; what was begun and not finished is dropped."""
    for later in STEPS[number:]:
        shutil.rmtree(base / (folder(later) + ".tmp"), ignore_errors=True)
        set_aside(base / folder(later))
