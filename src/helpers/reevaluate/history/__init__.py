"""All reviews of a project, one after the other: sizes and money of every segment, how steady they are, and what was decided each time."""

from datetime import datetime
from typing import Any

from helpers.masking import covered_sizes, withheld
from helpers.project import Project
from helpers.run import Past, all_runs, stamp
from helpers.run.approval import approvals

READ = (("build", "profiles"), ("build", "evidence"), ("reevaluate", "reevaluation"))
"""What is read of every run: documents alone, which a run keeps when its tables of customers are gone."""
NAMED = ("id", "name", "suggested", "colour")


def history(step, document: dict) -> list[dict]:
    """One entry for each run of an earlier as_of, retired ones too, and one for this run: by as_of and number, this one last.

    document   reevaluation.json of this run, as `reevaluate.as_document` gives it

    Runs of this as_of and of later ones are left out: as_of is the only clock, and two runs on the same data must print the same page.
    Returns    as_of (ISO), run (its name; None: this run), newest (of its as_of: the one that counts), whole (its tables are there),
               applied (run whose segmentation it applied unchanged; None: a report, built anew), recipe, customers, revenue (per 30 days),
               segments (`sizes`), stability (median adjusted Rand index of two samples of one period), drift (`drift`), kappa, low, high,
               since (ISO; date that κ compares with), verdict, approvals (role, on); None where a run did not hand it over
    """
    for made_by, name in READ:
        step.earlier(name, made_by)  # noted among what this step rests on
    runs = [run for run in all_runs(step.project, retired=True) if run.path.parent.name < stamp(step.as_of)]
    last = {run.path.parent.name: run.name for run in runs}
    entries = [_of_run(run, step.project) | {"newest": last[run.path.parent.name] == run.name} for run in runs]
    own = [step.take(made_by, name) if step.gives(made_by, name) else {} for made_by, name in READ[:2]]
    applied = step.approved.run if step.approved else None
    here = {"as_of": _iso(step.as_of), "run": None, "newest": True, "whole": True, "applied": applied, "approvals": []}
    return [*entries, here | figures(*own, document, step.project)]


def counting(entries: list[dict]) -> list[dict]:
    """The entries that count: of several runs of one as_of, the newest."""
    return [entry for entry in entries if entry["newest"]]


def figures(profiles: dict, evidence: dict, document: dict, project: Project) -> dict:
    """What one run found, from the documents of its steps 6 and 9, each {} where it did not hand it over."""
    segments, stay = sizes(profiles, project), document.get("stay") or {}
    money = [segment["money"] for segment in segments]
    found = (evidence.get("stability") or {}).get(str(evidence.get("k"))) or {}
    return {
        "recipe": profiles.get("chosen"),
        "customers": profiles.get("customers"),
        "revenue": None if not money or None in money else sum(money),
        "segments": segments,
        "stability": found.get("median"),
        "drift": drift(document),
        **{name: stay.get(name) for name in ("kappa", "low", "high")},
        "since": _iso(document["from"]) if document.get("from") else None,
        "verdict": document.get("verdict"),
    }


def sizes(profiles: dict, project: Project) -> list[dict]:
    """Each segment's id, name, suggested, colour, n, money (revenue of its members per 30 days) and shown: whether pages may tell of it."""
    segments = profiles.get("segments") or []
    counts = [segment.get("n") or 0 for segment in segments]
    shut = covered_sizes(counts, least=project.min_cell)
    rows = []
    for segment, n, hidden in zip(segments, counts, shut, strict=True):
        each = (segment.get("revenue_per_30d") or {}).get("value")
        row = {name: segment.get(name) for name in NAMED}
        money = 0.0 if not n else None if each is None else each * n
        rows.append(row | {"n": n, "money": money, "shown": not hidden and not withheld(segment, project.min_cell)})
    return rows


def drift(document: dict) -> dict | None:
    """changed and look (variables so marked), of (variables compared), variable and psi of the most changed; None where none was."""
    known = [each for each in document.get("drift") or [] if each.get("psi") is not None]
    if not known:
        return None
    most = max(known, key=lambda each: (each["psi"], each["variable"]))
    counted = {mark: sum(each["mark"] == mark for each in known) for mark in ("changed", "look")}
    return counted | {"of": len(known), "variable": most["variable"], "psi": most["psi"]}


def lives(entries: list[dict]) -> list[dict]:
    """Each id that any counting entry has, those of the last one first, in its order.

    Returns   id, name, suggested and colour as in the newest entry that has it, began (ISO), ended (ISO of the first entry without it;
              None: it is there still), points ((as_of, n, money), None where pages may not tell or the run had no such segment)
    """
    kept = counting(entries)
    order = list(dict.fromkeys(segment["id"] for entry in reversed(kept) for segment in entry["segments"]))
    return [_life(one, kept) for one in order]


def _life(one: str, kept: list[dict]) -> dict:
    of = [next((segment for segment in entry["segments"] if segment["id"] == one), None) for entry in kept]
    there = [place for place, segment in enumerate(of) if segment]
    built = [place for place, entry in enumerate(kept) if entry["segments"] and place > there[-1]]
    points = [(entry["as_of"], *_told(segment)) for entry, segment in zip(kept, of, strict=True)]
    newest = {name: of[there[-1]][name] for name in NAMED}
    return newest | {"began": kept[there[0]]["as_of"], "ended": kept[built[0]]["as_of"] if built else None, "points": points}


def _told(segment: dict | None) -> tuple[Any, Any]:
    return (segment["n"], segment["money"]) if segment and segment["shown"] else (None, None)


def _of_run(run: Past, project: Project) -> dict:
    found = [run.json(made_by, name, {}) for made_by, name in READ]
    signed = [{"role": each["role"], "on": each["on"]} for each in approvals(project) if each["run"] == run.name]
    day = run.record.get("as_of") or run.path.parent.name[:10]
    head = {"as_of": day, "run": run.name, "whole": run.whole, "applied": run.record.get("approved"), "approvals": signed}
    return head | figures(*found, project)


def _iso(value: datetime | str) -> str:
    return value if isinstance(value, str) else value.isoformat()
