"""Two runs of a project side by side: what differs in what they were made from, and in what they found. The command `diff`."""

import re
from pathlib import Path

from helpers import NinefoldError, home, words
from helpers import project as projects
from helpers.differences import before, handed, results
from helpers.project import Project
from helpers.run import Past, all_runs, saving

LANGUAGES = ("en", "fr")


def diff(project: str, a: str, b: str | None = None, *, language: str | None = None) -> tuple[list[str], Path]:
    """Compare two runs; the lines to print, and the page that was written: reports/<project>/differences/<A>_<B>.html.

    a, b     2017-10-01/0001, or a day: the newest run of it; b empty: the newest run of all
    Raises   NinefoldError for an unknown run, twice the same one, or a language that there is not
    """
    from helpers.differences import page  # late: pages import more than a comparison needs

    plan = projects.load(project)
    if language and language not in LANGUAGES:
        raise NinefoldError(f"language: {language!r} is not one of {', '.join(LANGUAGES)}.")
    words.use(language or plan.language, currency=plan.currency)
    one, other = find(plan, a), find(plan, b)
    if one.name == other.name:
        raise NinefoldError(f"A and B are both {one.name}: give two runs to compare.")
    try:
        found = compare(one, other, plan)
    except (ValueError, TypeError, LookupError) as error:  # a run's files were edited by hand
        raise NinefoldError(
            f"{one.name} cannot be compared with {other.name}: a document of theirs cannot be read ({type(error).__name__}: {error}). "
            f"Restore it below data/{plan.name}/runs from a copy, or compare other runs."
        ) from error
    place = home() / "reports" / plan.name / "differences" / f"{_slug(one)}_{_slug(other)}.html"
    with saving(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        page.save(place, found, plan, other)
    return page.lines(found, plan), place


def compare(one: Past, other: Past, project: Project) -> dict:
    """Everything that differs between run A and run B.

    Returns  a and b (names), as_of and whole (of both), handed (`handed.handed`), identical (whether everything handed over has the
             same bytes), first (the first thing that has not, or None), later (files that are no longer what their run recorded: of both),
             and under `before` files, tables, fields, passports, signatures, parameters, code; under `results` segments, rules, verdicts,
             criteria, agreement: the results of the functions of these names
    """
    given = handed.handed(one, other)
    unlike = [each for each in given if each["state"] != "same"]
    later = [handed.changed_later(run) for run in (one, other)]
    return {
        "a": one.name,
        "b": other.name,
        "as_of": [run.record.get("as_of") or run.path.parent.name[:10] for run in (one, other)],
        "whole": [run.whole for run in (one, other)],
        "handed": given,
        "identical": bool(given) and not unlike and not any(later),
        "first": unlike[0] if unlike else None,
        "later": later,
        "before": {
            "files": before.files(one, other),
            "tables": before.tables_read(one, other, project),
            "fields": before.fields(one, other),
            "passports": before.passports(one, other),
            "signatures": before.signatures(one, other),
            "parameters": before.parameters(one, other),
            "code": before.code(one, other),
        },
        "results": {
            "segments": results.segments(one, other, project),
            "rules": results.rules(one, other, project),
            "verdicts": results.verdicts(one, other),
            "criteria": results.criteria(one, other),
            "agreement": results.agreement(one, other, project),
        },
    }


def find(project: Project, name: str | None) -> Past:
    """A complete run by its name or its day (then the newest of that day), retired ones too; without a name the newest of all.

    Raises NinefoldError naming the runs that are there.
    """
    runs = all_runs(project, retired=True)
    found = [run for run in runs if not name or name in (run.name, run.path.parent.name)]
    if not found:
        known = ", ".join(run.name for run in runs[-8:]) or "none"
        raise NinefoldError(
            f"{project.name} has no complete run {name!r}. Complete runs: {known}. Give two of them: "
            f"make diff PROJECT={project.name} A=2017-10-01/0001 B=2018-01-01/0001."
            if name
            else f"{project.name} has no complete run: run `make report PROJECT={project.name}` first."
        )
    return found[-1]


def _slug(run: Past) -> str:
    return re.sub(r"[^0-9A-Za-z-]+", "-", run.name)
