"""How a comparison of two runs reads: one list of sections, printed as text and written as a page that may be shared."""

import re
from html import escape
from pathlib import Path

from helpers import home, tables, words
from helpers.build.trial import as_text
from helpers.differences import page_before, page_results
from helpers.differences.parts import Part
from helpers.project import Project
from helpers.run import Past
from helpers.words import say


def parts(found: dict, project: Project) -> list[Part]:
    """All sections of a comparison, result of `differences.compare`: why results differ, then what differs in them."""
    causes, results = found["before"], found["results"]
    why = Part(say("Why results differ"), page_before.why(found), [])
    if found["identical"]:
        return [why]
    listed = [
        page_before.data(causes),
        page_before.definitions(causes, project),
        page_before.parameters(causes),
        page_before.code(causes),
        page_results.segments(results, found, project),
        page_results.rules(results, project),
        page_results.conclusions(results, found),
        page_results.everything(found),
    ]
    return [why, *listed]


def headline(found: dict) -> str:
    """Whether the two runs gave the same, and if not, what differs first."""
    values = {"a": found["a"], "b": found["b"]}
    if found["identical"]:
        n = words.number(len(found["handed"]))
        return say("{a} and {b} are the same, byte for byte: all {n} things that their steps handed over.", n=n, **values)
    if not found["handed"]:
        return say("Whether {a} and {b} are the same cannot be told: neither recorded what it handed over.", **values)
    if found["first"] is None:
        return say("{a} and {b} handed over the same; since then, files of theirs were changed.", **values)
    first, unlike = found["first"], sum(each["state"] != "same" for each in found["handed"])
    values |= {"step": first["step"], "file": first["file"], "n": words.number(unlike), "of": words.number(len(found["handed"]))}
    return say("{a} and {b} differ in {n} of {of} things handed over; first in step {step}, {file}.", **values)


def lines(found: dict, project: Project) -> list[str]:
    """The comparison as text."""
    told = [headline(found), ""]
    for part in parts(found, project):
        shown = [as_text(table) for table in part.tables if len(table.frame)]
        told += [part.heading.upper(), *part.sentences, *(f"\n{table}" for table in shown), ""]
    return told[:-1]


def body(found: dict, project: Project) -> str:
    """The comparison as HTML, for the template of hand-outs."""
    made = f'<p class="finding">{escape(headline(found))}</p>\n'
    for part in parts(found, project):
        items = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in part.sentences)
        made += f"<h2>{escape(part.heading)}</h2>\n" + (f'<ul class="reasons">\n{items}</ul>\n' if items else "")
        made += "".join(tables.as_html(table) for table in part.tables if len(table.frame))
    return made


def save(place: Path, found: dict, project: Project, run: Past) -> None:
    """Write the page; its links lead to the pages of run B where these are still there."""
    from helpers import __version__
    from helpers.render import LANGUAGE_NAMES, handout_page
    from helpers.templates import style

    title = say("Two runs compared: {a} and {b}", a=found["a"], b=found["b"])
    days = [words.day(day) for day in found["as_of"]]
    shared = {
        "version": __version__,
        "style": style(),
        "running_foot": '""',
        "language": words.language(),
        "language_name": LANGUAGE_NAMES[words.language()],
        "project": project.name,
        "project_title": words.text(project.title),
        "notice": words.text(project.notice),
        "sources": "",
        "day": words.day(max(found["as_of"])),
        "as_of_words": say("As of {day}", day=words.join(dict.fromkeys(days))),
        "run": words.join([found["a"], found["b"]]),
        "draft": "",
        "has_workbook": False,
        "number": 9,
        "step": {"href": "09_reevaluate.html", "number": 9, "word": say("Re-evaluate")},
    }
    kept = {
        "title": title,
        "lead": say("What differs in what two runs were made from, and in what they found."),
        "body": body(found, project),
    }
    place.write_text(_led(handout_page("differences", kept, shared), project, run), encoding="utf-8", newline="\n")


def _led(page: str, project: Project, run: Past) -> str:
    """A page below differences/ whose links reach the pages of a run; where they are gone, the text of the links alone."""
    there = (home() / "reports" / project.name / run.name).is_dir()
    own = r'<a href="(?!#|data:)([^"]*)">'
    return re.sub(own, rf'<a href="../{run.name}/\1">' if there else "<a>", page)
