"""Notebooks → executed notebooks → pages: one run, published whole or not at all."""

import json
import os
import platform
import shutil
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from helpers import ROOT, NinefoldError, __version__, home, run
from helpers import project as projects
from helpers.engine import Engine, spill
from helpers.project import Project
from helpers.run import reuse as reusing
from helpers.schedule.retention import retire

VERSIONS = ("ibis-framework", "sqlglot", "duckdb", "pandas", "numpy", "scipy", "matplotlib")


def publish(
    project: str,
    *,
    as_of: str | None = None,
    language: str | None = None,
    approved: str = "",
    reuse: bool = False,
) -> Path:
    """Run every notebook, write the pages and point `reports/<project>/latest` at them. Returns the folder of the pages.

    approved   name of the run whose segmentation is applied unchanged (a re-evaluation); empty: what is built today is published
    reuse      whether steps that rest on nothing new are taken from an earlier run of the same as_of
    Raises     NinefoldError with one message; whatever was published before then stays as it is.
    """
    plan = projects.load(project)
    moment = projects.instant(as_of, plan)
    language = language or plan.language
    if language not in ("en", "fr"):
        raise NinefoldError(f"language: {language!r} is not one of en, fr.")
    with locked(plan):
        _sweep(plan)
        base = _new_run(plan, moment)
        made = made_with(plan, moment, language, approved) if reuse else None
        shutil.copyfile(home() / plan.file, base / "project.yml")
        log = {"began": datetime.now(UTC).isoformat(timespec="seconds"), "python": platform.python_version(), "steps": []}
        for step in (s for s in run.STEPS if notebook(s).is_file()):
            taken = reusing.take(step, base, plan, made) if made else None
            log["steps"].append(taken or _execute(step, base, plan, moment, language, approved))
        pages = _render(base, plan, moment, language, log)
        run.write_json(base / "log.json", log | {"peak_memory_mb": _peak_memory_mb()})
        record = _record(base, made_with(plan, moment, language, approved), made)
        run.write_json(base / "run.json", record)  # from here on the run is complete
        run.link(home() / "reports" / plan.name / "latest", pages)
    return pages


def notebook(step: str) -> Path:
    """The notebook of a step."""
    return ROOT / "notebooks" / f"{run.folder(step)}.ipynb"


def locked(plan: Project):
    """The project's lock: two runs at once would publish a mixture."""
    shown = f"data/{plan.name}/.lock"
    refusal = f"Another run of {plan.name} is under way (it holds {shown}). Wait for it to end, then run again."
    return run.alone(plan.folder / ".lock", refusal)


def _sweep(plan: Project) -> None:
    """Remove what interrupted runs left behind: half-made run folders, pages of no complete run, spilled tables; retire old runs."""
    runs, reports, kept = plan.folder / "runs", home() / "reports" / plan.name, run.latest(plan.name)
    spill.sweep(plan.folder)
    for half in sorted(runs.glob("*/*")):
        if half.is_dir() and not any((half / record).is_file() for record in ("run.json", "retired.json")):
            _cleared(half)
    for name in retire(plan):
        print(f"Retired: {name} keeps its documents, no customers (reevaluate.keep_runs)", flush=True)
    for place in reports.glob("*"):
        if place.is_symlink() or not place.is_dir() or not place.name[:1].isdigit():
            continue  # `latest` leads to pages that stay; only folders named after a day hold pages of runs
        for pages in place.iterdir():
            whole = any((runs / place.name / pages.name / record).is_file() for record in ("run.json", "retired.json"))
            if pages.is_dir() and pages.resolve() != kept and not whole:
                shutil.rmtree(pages)


def _cleared(half: Path) -> None:
    """First out of its place: a kernel that outlived its run then finds no folder to write into while this one is removed."""
    aside = half.with_name(f"{half.name.removesuffix('.swept')}.swept")
    if aside != half:
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(half, aside)
    shutil.rmtree(aside)


def _new_run(plan: Project, moment: datetime) -> Path:
    """The next free run folder of this as_of: 0001, 0002 …"""
    place = plan.folder / "runs" / run.stamp(moment)
    taken = [int(p.name) for p in [*place.glob("*"), *(home() / "reports" / plan.name / place.name).glob("*")] if p.name.isdigit()]
    base = place / f"{max(taken, default=0) + 1:04d}"
    with run.saving(base):
        (base / "notebooks").mkdir(parents=True)
    return base


def _execute(step: str, base: Path, plan: Project, moment: datetime, language: str, approved: str) -> dict:
    """Run one notebook in a kernel of its own; one line of progress. Returns its seconds, start and work apart."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    done = base / "notebooks" / f"{run.folder(step)}.ipynb"
    given = {"project": plan.name, "as_of": moment.isoformat(), "language": language}
    began = time.monotonic()
    os.environ["NINEFOLD_RUN"] = str(base)
    try:
        executed = papermill.execute_notebook(
            str(notebook(step)),
            str(done),
            parameters=given | ({"approved": approved} if step in reusing.APPLIES and approved else {}),
            cwd=str(notebook(step).parent),
            progress_bar=False,
            log_output=False,
            extra_arguments=["--IPKernelApp.log_level=50"],  # its messages about local TCP would stand between the progress lines
        )
    except PapermillExecutionError as error:
        # papermill leaves the notebook of a failed run behind: it stays in the incomplete run, which no page is made from.
        if error.ename in ("NinefoldError", "ContractError"):
            raise NinefoldError(f"Step {run.folder(step)} stopped. {error.evalue}") from error
        raise NinefoldError(
            f"Step {run.folder(step)} failed in cell {error.exec_count}: {error.ename}: {error.evalue}\n"
            f"The notebook as far as it went is {done.relative_to(home())}; it stays until the next run."
        ) from error
    except OSError:
        with run.saving(done):
            raise
    except RuntimeError as error:  # nbclient's DeadKernelError, or a kernel that never answered
        raise NinefoldError(
            f"Step {run.folder(step)} stopped: its kernel died ({error}). When memory ran out, close other programs or lower "
            "`sample_rows` in project.yml; run again."
        ) from error
    finally:
        os.environ.pop("NINEFOLD_RUN", None)
    seconds = time.monotonic() - began
    if not (base / run.folder(step) / "step.json").is_file():
        raise NinefoldError(f"Step {run.folder(step)} ended without handing over: its last cell must call hand_over().")
    finding = json.loads((base / run.folder(step) / "step.json").read_text(encoding="utf-8"))["finding"]
    work = _work_seconds(executed)
    print(f"{run.folder(step).replace('_', ' '):<16}{seconds:6.1f} s  (start {seconds - work:.1f} s)  {finding}", flush=True)
    return {"step": step, "seconds": round(seconds, 2), "start": round(seconds - work, 2), "work": round(work, 2)}


def _work_seconds(executed) -> float:
    """Seconds spent after the set-up cell: all before it is kernel start and imports."""
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    start = next((n for n, cell in enumerate(cells) if "run.start(" in cell.source), 0)
    return sum(cell.metadata.get("papermill", {}).get("duration") or 0 for cell in cells[start + 1 :])


def _render(base: Path, plan: Project, moment: datetime, language: str, log: dict) -> Path:
    """The pages, made beside their place and put there whole."""
    from helpers.render import render

    began = time.monotonic()
    pages = home() / "reports" / plan.name / run.stamp(moment) / base.name
    half = pages.with_name(pages.name + ".tmp")
    shutil.rmtree(half, ignore_errors=True)
    with run.saving(pages):
        half.mkdir(parents=True)
        render(base, half, project=plan, as_of=moment, language=language)
        os.replace(half, pages)
    log["render_seconds"] = round(time.monotonic() - began, 2)
    return pages


def made_with(plan: Project, moment: datetime, language: str, approved: str) -> dict:
    """All that a run depends on: typed settings, files, code, versions. No clock, no path of this machine."""
    inputs = Engine(plan, moment).inputs()
    return {
        "format": run.FORMAT,
        "project": plan.name,
        "project_yml": run.digest(home() / plan.file),
        "files": {shown: path and run.digest(path) for shown, path in inputs.items()},  # a table of a server has no file
        "decided": _digest(plan.base / plan.build.manual.file) if plan.build.manual else None,
        "erased": _digest(plan.base / "erased.json"),  # what was made before still counts whoever was erased
        "as_of": moment,
        "language": language,
        "approved": approved or None,
        "approvals": _digest(plan.folder / "approved.json"),
        "seed": plan.seed,
        "code": reusing.code(),
        "versions": {name: version(name) for name in VERSIONS} | {"ninefold": __version__, "python": platform.python_version()},
    }


def _record(base: Path, made: dict, begun: dict | None) -> dict:
    """What run.json says: everything that the results depend on, and what each step gave.

    begun   what the run was to be made with, where steps were taken from an earlier one
    Raises NinefoldError when project.yml was edited while the run was under way: its steps would rest on two versions.
    """
    steps = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(base.glob("0*_*/step.json"))]
    if {step["project_yml"] for step in steps} != {made["project_yml"]}:
        shown = f"data/{made['project']}/project.yml"
        raise NinefoldError(f"{shown} was edited while the run was under way: its steps rest on two versions. Run again.")
    if begun and begun != made:
        changed = ", ".join(name for name in made if made[name] != begun[name])
        raise NinefoldError(f"While the run was under way, something that it rests on changed ({changed}). Run again.")
    return made | {"steps": steps}


def _digest(path: Path) -> str | None:
    """SHA-256 of a file that may be there."""
    return run.digest(path) if path.is_file() else None


def _peak_memory_mb() -> int | None:
    """Largest resident memory of any kernel so far, in MB; None on Windows, which does not count it."""
    try:
        import resource
    except ImportError:
        return None
    per_mb = 1024**2 if sys.platform == "darwin" else 1024  # bytes on macOS, kilobytes elsewhere
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / per_mb)
