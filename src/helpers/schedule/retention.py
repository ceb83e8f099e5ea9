"""Old runs give up their tables of customers, and keep their documents and pages, which name nobody.

A retired run has `retired.json` in place of `run.json`; step 9's history still reads it, nothing takes customers from it. What it gave up
comes again with `make report` for its day.
"""

import os
import shutil
from pathlib import Path

from helpers.project import Project
from helpers.run import Past, all_runs, latest, resolve
from helpers.run.approval import approvals
from helpers.run.files import saving

KEPT = (".json", ".sql", ".yml")
"""Endings of the documents of a run: no table of customers is among them, and no page."""


def retire(plan: Project) -> list[str]:
    """Retire the runs beyond the newest `reevaluate.keep_runs`; returns the names of those retired now, oldest first.

    Never: the run whose segmentation was approved last, the one that `latest` shows, the newest, and those that a draft rests on.
    A retirement that was interrupted is finished. To be called under the project's lock.
    """
    for half in (plan.folder / "runs").glob("*/*/retired.json"):
        _strip(half.parent)
    limit = plan.reevaluate.keep_runs
    if limit is None:
        return []
    held = protected(plan)
    gone = [each for each in all_runs(plan)[:-limit] if each.name not in held]
    for each in gone:
        _retire(each)
    return [each.name for each in gone]


def protected(plan: Project) -> set[str]:
    """Names of the runs that keep everything, whatever their age."""
    held = {entry["run"] for entry in approvals(plan)[-1:]}
    pages = latest(plan.name)
    if pages:
        held.add(f"{pages.parent.name}/{pages.name}")
    runs = (plan.folder / "runs").resolve()
    for place in (plan.folder / "draft").glob("*/*_*"):
        target = resolve(place).resolve()  # a link, or the file that stands for one
        if target.is_relative_to(runs) and len(target.relative_to(runs).parts) >= 2:
            held.add("/".join(target.relative_to(runs).parts[:2]))
    return held


def _retire(past: Past) -> None:
    """First the name, then the tables: a run that is half stripped must not count as whole."""
    with saving(past.path):
        os.replace(past.path / "run.json", past.path / "retired.json")
        _strip(past.path)


def _strip(base: Path) -> None:
    """Leave a run its documents: those that lie in the folders of its steps, and those about the run itself."""
    for place in [base / "notebooks", *base.glob("*/page")]:
        shutil.rmtree(place, ignore_errors=True)
    for path in [*base.glob("*"), *base.glob("[0-9]*_*/*")]:
        if path.is_file() and path.suffix not in KEPT:
            path.unlink()
