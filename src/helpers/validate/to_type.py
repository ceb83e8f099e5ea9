"""What to type after the meeting: the lines of project.yml that record it."""

import json
from html import escape

from helpers import words
from helpers.project import Project
from helpers.validate.signing import unsigned
from helpers.words import mark, say

FIELDS = {
    "window_days": mark("Window in which behaviour is measured, days"),
    "horizon_days": mark("Later period used to judge, days"),
    "segments_wanted": mark("Number of segments"),
}


def to_type(validation: dict, project: Project) -> str:
    """The lines of project.yml that record the meeting, ready to paste; a sentence when nothing is left to type."""
    if validation["status"] == "signed":
        return say("Nothing to type: project.yml holds this sheet and every signature.")
    sheet, example = validation["sheet"], say("Head of CRM")
    lines = ["validate:"]
    if not validation["signatures"]:
        lines += ["  required:  # " + say("the roles that have to sign"), f"    - {_quoted(example)}"]
    lines += ["  signed:  # " + say("in place of what stands there")]
    lines += [f"    {part}: {sheet[part]}" for part in FIELDS]
    lines += ["    thresholds:", *(f"      {name}: {value:.12g}" for name, value in sheet["thresholds"].items())]
    # In quotes: eight digits alone would be read as a number.
    lines += ["    variables:", *(f'      {name}: "{digest}"' for name, digest in sheet["variables"].items())]
    roles = unsigned(project, validation["number"]) if validation["signatures"] else [example]
    if roles:
        lines += ["  signatures:  # " + say("put the day; earlier lines may stay")]
        lines += [line for role in roles for line in _lines_to_sign(role, validation["number"])]
    return "\n".join(lines)


def _lines_to_sign(role, sheet: str) -> list[str]:
    return [f"    - role: {_quoted(role)}", "      signed_on: YYYY-MM-DD", f'      sheet: "{sheet}"']


def _quoted(role) -> str:
    """A role in the reader’s language, as YAML: a role typed in two languages is signed for under either of them."""
    if not isinstance(role, str):
        role = next(role[key] for key in (words.language(), "en", *role) if role.get(key))
    return json.dumps(role, ensure_ascii=False)


def as_typed(lines: str) -> dict[str, str]:
    """Text to be copied as it stands, for `tables.place_on_page`."""
    return {"text/html": f'<pre class="to-type">{escape(lines)}</pre>\n', "text/plain": lines}
