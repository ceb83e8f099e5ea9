"""What each value's run found, and the page that lists them: read from the runs, written to reports/<project>/each/<by>/index.html."""

import os
from datetime import datetime
from pathlib import Path

from helpers import home, run, words
from helpers.each import page
from helpers.each.columns import By
from helpers.each.parts import Part, place
from helpers.project import Project
from helpers.render.documents import at, hidden, name, read
from helpers.templates import filled


def write(plan: Project, by: By, parts: list[Part], least: int, as_of: datetime, language: str) -> Path:
    """Write the overview, and what it rests on as `last.json` beside the parts, each whole or not at all. Returns the page."""
    words.use(language, currency=plan.currency)
    listed = [found(plan, by, part) for part in parts]
    made = filled("each.html.j2", page.overview(plan, by, listed, least, as_of))
    target = home() / "reports" / plan.name / "each" / by.folder / "index.html"
    with run.saving(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_suffix(".tmp")
        half.write_text(made, encoding="utf-8")
        os.replace(half, target)
    last = {"project": plan.name, "table": by.table, "column": by.column, "as_of": as_of.isoformat(), "least": least}
    private = [{"value": p.value, "folder": p.slug, "state": p.state, "why": p.why, "seconds": p.seconds} for p in parts]
    run.write_json(place(plan, by) / "last.json", last | {"parts": private})
    return target


def found(plan: Project, by: By, part: Part) -> dict:
    """A value with what its newest run found: part, href (relative to the overview), as_of, customers, segments, structure, verdict …

    Of a value that failed this time, what it found before; href is empty where there is no report. A number of customers below
    min_cell is None, and shares are None as soon as one segment is too small to be shown: the others would give it away.
    """
    empty = {
        "part": part,
        "href": "",
        "as_of": None,
        "customers": None,
        "segments": [],
        "structure": None,
        "passing": None,
        "verdict": None,
    }
    if part.state not in ("done", "failed"):
        return empty
    whole = f"{plan.name}/each/{by.folder}/{part.slug}"
    pages = run.latest(whole)
    base = home() / "data" / whole / "runs" / pages.parent.name / pages.name if pages else None
    if base is None or not (base / "run.json").is_file():
        return empty
    docs = read(base)
    segments, customers = docs["profiles"].get("segments") or [], docs["profiles"].get("customers")
    shut = any(hidden(segment, plan) for segment in segments)
    judged, passing = at(docs, "criteria", "segments"), at(docs, "criteria", "passing")
    return empty | {
        "href": f"{part.slug}/{pages.parent.name}/{pages.name}/index.html",
        "as_of": pages.parent.name,
        "customers": customers if customers is not None and customers >= plan.min_cell else None,
        "segments": [(name(s), None if shut else s.get("share_of_customers")) for s in segments if not hidden(s, plan)],
        "structure": at(docs, "evidence", "structure", "verdict"),
        "passing": (len(passing), len(judged)) if isinstance(judged, dict) and isinstance(passing, list) else None,
        "verdict": docs["moves"].get("verdict"),
    }
