"""What the steps of a run handed over, read for the first page: missing documents and nulls stay missing, never 0."""

import json
from pathlib import Path

from helpers import words
from helpers.masking import withheld
from helpers.words import absent, mark, say

DOCUMENTS = {
    "objectives": "01_objectives/objectives.json",
    "quality": "03_collect/quality.json",
    "validation": "05_validate/validation.json",
    "profiles": "06_build/profiles.json",
    "evidence": "06_build/evidence.json",
    "criteria": "06_build/criteria.json",
    "plan": "08_target/plan.json",
    "moves": "09_reevaluate/reevaluation.json",
}
CANNOT_TELL = mark("cannot tell")


def read(run_folder: Path) -> dict[str, dict]:
    """The documents that the page rests on, each {} when its step has not handed it over."""
    places = {name: run_folder / place for name, place in DOCUMENTS.items()}
    return {name: json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {} for name, path in places.items()}


def guarded(moves: dict, project) -> dict:
    """The look back without the balances that page 9 hides too: figures about few customers could be worked out from them."""
    segments, counts = moves.get("segments") or [], moves.get("matrix") or {}
    ids, figures = [s["id"] for s in segments], ("before", "now", "arrived", "departed", "entered", "left", "net")
    cells = [[at(counts, one, other) for other in ids] for one in ids]
    if not ids or any(absent(n) for row in cells for n in row) or any(absent(s.get(each)) for s in segments for each in figures):
        return moves
    import numpy as np

    from helpers import reevaluate  # late: a run without step 9 does without

    shut = reevaluate.hidden(segments, np.array(cells), least=project.min_cell).moves
    return moves | {"segments": [s | {"net": None, "hidden": True} if h else s for s, h in zip(segments, shut, strict=True)]}


def at(document: dict, *path):
    """What stands at the end of a path of keys; None where it breaks off."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def typed(project, *path):
    """What project.yml has under a path; None where it has nothing."""
    for key in path:
        project = project.get(key) if isinstance(project, dict) else getattr(project, key, None)
    return project


def of(document: dict, segment: str) -> dict:
    """What a document says of one segment."""
    return next((s for s in document.get("segments") or [] if s.get("id") == segment), {})


def name(segment: dict) -> str:
    """The segment's name as typed, else as suggested (and said to be), else its id."""
    from helpers.build.portraits import segment_name  # late: a run without step 6 does without

    return segment_name(segment)


def owner(offer: dict, project) -> str:
    """Who acts for a segment: the owner of its action, else of its offer; "" when nobody does."""
    action = (typed(project, "adopt", "actions", offer.get("id")) or [None])[0]
    return words.text(getattr(action, "owner", "") or offer.get("owner"))


def few(n, project) -> bool:
    """Whether nothing may be told about so many customers; an unknown number may be a small one."""
    return absent(n) or 0 < n < project.min_cell


def hidden(segment: dict, project) -> bool:
    """Whether nothing but the name of a segment may be told."""
    return withheld(segment, project.min_cell)


def figure(value, write, digits: int) -> str:
    """A figure as `write` writes it, or that nobody can tell."""
    return say(CANNOT_TELL) if absent(value) else write(value, digits)


def net(n) -> str:
    """A difference with its sign."""
    return f"+{words.number(n)}" if n > 0 else words.number(n)
