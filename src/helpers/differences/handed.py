"""What two runs handed over, thing by thing: the same bytes, others, or only in one of them."""

import json

from helpers.run import STEPS, Past, digest, folder


def handed(one: Past, other: Past) -> list[dict]:
    """Everything that either run handed over, in the order of the steps.

    Returns  step, file, state ("same", "changed", "only A", "only B"), rows_a, rows_b (None where it is not there)
    """
    sides, rows = [given(one), given(other)], []
    for step, file in sorted({*sides[0], *sides[1]}, key=lambda each: (STEPS.index(each[0]), each[1])):
        a, b = (side.get((step, file)) for side in sides)
        state = "only B" if a is None else "only A" if b is None else "same" if a["sha256"] == b["sha256"] else "changed"
        rows.append({"step": step, "file": file, "state": state, "rows_a": (a or {}).get("rows"), "rows_b": (b or {}).get("rows")})
    return rows


def changed_later(run: Past) -> list[str]:
    """Files of a run that are no longer what its record says: step/file, such as build/membership.parquet; a missing file of a run that
    is kept whole counts too."""
    found = []
    for (step, file), known in given(run).items():
        path = run.path / folder(step) / file
        if path.is_file():
            if digest(path) != known["sha256"]:
                found.append(f"{step}/{file}")
        elif run.whole:
            found.append(f"{step}/{file}")
    return sorted(found)


def given(run: Past) -> dict[tuple[str, str], dict]:
    """(step, file) → what its step's record says of it; where a step's folder is gone, what run.json says."""
    found = {}
    for step in STEPS:
        record = run.path / folder(step) / "step.json"
        kept = [json.loads(record.read_text(encoding="utf-8"))] if record.is_file() else []
        listed = kept or [each for each in run.record.get("steps") or [] if each.get("step") == step]
        found |= {(step, known["file"]): known for each in listed for known in each.get("gives") or []}
    return found
