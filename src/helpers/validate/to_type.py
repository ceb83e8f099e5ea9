"""What to type after the meeting: the lines of project.yml that record it."""

import json
from html import escape

from helpers.project import Project
from helpers.validate.guard import command, shown_role, to_sign
from helpers.validate.signing import unsigned
from helpers.words import mark, say

FIELDS = {
    "window_days": mark("Window in which behaviour is measured, days"),
    "horizon_days": mark("Later period used to judge, days"),
    "segments_wanted": mark("Number of segments"),
}


def commands(validation: dict, project: Project) -> str:
    """The commands that sign for each role that has not signed this sheet; a sentence when all have."""
    if validation["status"] == "signed":
        return say("Nothing to do: project.yml holds this sheet and every signature.")
    return "\n".join(command(project, role) for role in to_sign(project, validation["number"]) or [say("Head of CRM")])


def folded(lines: str) -> dict[str, str]:
    """Lines to be pasted by hand, behind a line that opens them."""
    title = escape(say("The same by hand: lines of project.yml"))
    return {
        "text/html": f'<details class="more">\n<summary>{title}</summary>\n{as_typed(lines)["text/html"]}</details>\n',
        "text/plain": lines,
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
    return json.dumps(shown_role(role), ensure_ascii=False)


def as_typed(lines: str) -> dict[str, str]:
    """Text to be copied as it stands, for `tables.place_on_page`."""
    return {"text/html": f'<pre class="to-type">{escape(lines)}</pre>\n', "text/plain": lines}
