"""`make report-each`: the same notebooks for each value of a column of customers or orders, one after the other, and an overview.

A value is a part of the project (`shop/each/country/france`): runs, pages and segmentation are its own, definitions and files those of
the project. Each report is made by a process of its own, so that none takes another down and memory is given back.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from helpers import ROOT, NinefoldError, run
from helpers import project as projects
from helpers.each import overview
from helpers.each.columns import By, column_of
from helpers.each.parts import Part, least_of, members, parts, place, write
from helpers.engine import Engine
from helpers.project import Project

__all__ = ["Each", "each", "told"]

Runner = Callable[[str, datetime, str, Path, Callable[[str], None]], str]
"""Make the report of a part: its name, as_of, language, file for its log, and what is called with each line of progress. Returns why it
failed, or nothing."""


HELPERS = ("-m", "helpers")
"""How a Python process is told to run a command of this project."""


@dataclass(frozen=True)
class Each:
    """What became of all values.

    page    the overview
    status  0: no report failed; 10: some did; 1: all did
    """

    plan: Project
    by: By
    least: int
    parts: list[Part]
    page: Path

    @property
    def status(self) -> int:
        failed = sum(part.state == "failed" for part in self.parts)
        return 0 if not failed else 10 if any(part.state == "done" for part in self.parts) else 1


def each(
    project: str,
    by: str,
    *,
    as_of: str | None = None,
    language: str | None = None,
    least: int | None = None,
    runner: Runner | None = None,
) -> Each:
    """Make the report of every value of a column that enough customers have, and the overview reports/<project>/each/<by>/index.html.

    by      a column of customers or orders, `country` or `orders.channel`
    least   values with fewer customers are left out; empty: the fewest segments wanted (scope.segments_from), of 30 customers each
    Raises  NinefoldError before any report is made: a column that cannot divide the project, more than 50 values, none with enough
    """
    plan = projects.load(project)
    moment, column = projects.instant(as_of, plan), column_of(plan, by)
    language = language or plan.language
    if language not in ("en", "fr"):
        raise NinefoldError(f"language: {language!r} is not one of en, fr.")
    least = least_of(plan, least)
    with _alone(plan, column):
        found = _made_ready(plan, column, moment, least)
        done = Each(plan, column, least, found, overview.write(plan, column, found, least, moment, language))
        with _bar([part for part in found if part.state == "waiting"]) as waiting:
            for part in waiting:
                made = _one(part, plan, column, moment, language, runner or report, waiting)
                found[:] = [made if other.slug == made.slug else other for other in found]
                overview.write(plan, column, found, least, moment, language)
    return done


def _made_ready(plan: Project, by: By, moment: datetime, least: int) -> list[Part]:
    """The values, each with its description and ids in its folder."""
    engine = Engine(plan, moment)
    table = members(engine, by)
    found = parts(table, plan, by, least)
    waiting = [part for part in found if part.state == "waiting"]
    if not waiting:
        most = max((part.customers for part in found), default=0)
        held = f"at most {most:,}" if most >= plan.min_cell else "even fewer"
        raise NinefoldError(
            f"by: no value of {by.column} in {plan.file} has the {least:,} customers that are asked of each ({held}). Give a lower "
            "LEAST, or a column with fewer values."
        )
    for part in waiting:
        write(part, table, plan, by, engine)
    return found


def _one(part: Part, plan: Project, by: By, moment: datetime, language: str, runner: Runner, bar) -> Part:
    """One value's report; whatever goes wrong there is its result."""
    name, began = f"{plan.name}/each/{by.folder}/{part.slug}", time.monotonic()
    shown = part.value if part.value is not None else f"no {by.column}"
    bar.set_description_str(shown)
    why = runner(name, moment, language, place(plan, by) / part.slug / "log.txt", lambda line: bar.set_postfix_str(line[:60]))
    seconds = time.monotonic() - began
    bar.write(f"{shown:<24}{seconds:7.1f} s  {'failed: ' + why.splitlines()[0] if why else 'done'}")
    return part.with_(state="failed" if why else "done", why=why, seconds=round(seconds, 1))


def _bar(waiting: list[Part]):
    """The bar, on the error stream and only where somebody watches; lines go to the output all the same."""
    from tqdm import tqdm

    return tqdm(waiting, unit="report", file=sys.stderr, disable=None, dynamic_ncols=True)


def report(name: str, as_of: datetime, language: str, log: Path, progress: Callable[[str], None]) -> str:
    """`make report` of a part in a process of its own; what it says is kept in `log`. Returns why it failed, or nothing."""
    command = [sys.executable, "-u", *HELPERS, "report", "--project", name, "--as-of", as_of.isoformat(), "--language", language]
    given = {"env": os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}}
    given |= {"encoding": "utf-8", "errors": "replace", "stdout": subprocess.PIPE}
    with (
        run.saving(log),
        log.open("w", encoding="utf-8") as kept,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
    ):
        child = subprocess.Popen(command, stderr=errors, **given)
        try:
            for line in child.stdout:
                kept.write(line)
                kept.flush()
                progress(" ".join(line.split()))
            status = child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
        errors.seek(0)
        said = errors.read()
        kept.write(said)
    return "" if status == 0 else said.strip() or f"the process ended with status {status}: memory may have run out."


def _alone(plan: Project, by: By):
    """One command at a time for a column: two would put their lists of ids in each other's way."""
    folder = place(plan, by)
    with run.saving(folder):
        folder.mkdir(parents=True, exist_ok=True)
    refusal = f"`make report-each` is under way for {plan.name} by {by.column}. Wait for it to end, then run again."
    return run.alone(folder / ".lock", refusal)


def told(done: Each) -> list[str]:
    """What the command says at its end."""
    states = [part.state for part in done.parts]
    lines = [f"{states.count('done')} reports made, {states.count('failed')} failed."]
    left = states.count("few") + states.count("shielding")
    if left:
        lines.append(f"{left} of {len(states)} values left out (fewer than {done.least:,} customers, or to keep those few unseen).")
    for part in (part for part in done.parts if part.state == "failed"):
        lines.append(f"{part.value if part.value is not None else 'no value'}: {part.why}")
    return [*lines, f"Overview: {done.page}"]
