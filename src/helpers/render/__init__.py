"""A finished run becomes pages: executed notebooks → HTML that needs nothing beside it, and one spreadsheet.

`chapters` reads the run, `cells` arranges a notebook for reading, `markup` writes and inspects HTML, `spreadsheet`
holds the tables. What a step keeps as a hand-out (run.Step.keep_handout) is a page of its own, for people who open no
notebook. The look is reports/template: an nbconvert template for the steps, the other pages, one style sheet.

Pages hold no script and no address of another server; what would break that is an error here, never a page.
"""

import copy
import re
import shutil
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from helpers import NinefoldError, __version__, words
from helpers.collect.control_page import draft_reason
from helpers.render.asked import said
from helpers.render.cells import SHOWN, arrange
from helpers.render.chapters import Chapter, read_chapters
from helpers.render.documents import read
from helpers.render.front import blocks
from helpers.render.markup import Inspector, Prose
from helpers.render.spreadsheet import write_spreadsheet
from helpers.run import STEPS
from helpers.templates import TEMPLATE, filled, style
from helpers.validate.page import draft_line
from helpers.words import say, say_n

__all__ = ["render", "workbook"]

PAGE_BYTES = 1_000_000
"""A page that would weigh more refers to its pictures in charts/ instead of holding them."""

LANGUAGE_NAMES = {"en": "English", "fr": "Français"}


def render(run_folder: Path, destination: Path, *, project, as_of: date | datetime, language: str) -> None:
    """Write index.html, a page a step, a page a hand-out, charts/*.png and tables.xlsx of a finished run.

    run_folder   …/runs/<as_of>/<run_id>: notebooks/*.ipynb, executed, and a folder a step with step.json and page/
    destination  the folder of the pages; made when missing
    project      the checked project.yml (title, description, notice, name, currency, collect)
    as_of        first instant not counted
    language     "en" or "fr"
    Raises       NinefoldError naming notebook and cell: a cell that failed, a picture without a text alternative, a
                 script, an address of another server; or naming the page: a hand-out with these, or with another page's name
    """
    run_folder, destination = Path(run_folder), Path(destination)
    words.use(language, currency=project.currency)
    chapters = read_chapters(run_folder)
    for chapter in chapters:
        arrange(chapter, language, pages={c.slug for c in chapters})
    (destination / "charts").mkdir(parents=True, exist_ok=True)
    for chapter in chapters:
        for number, path, _ in chapter.charts:
            shutil.copyfile(path, destination / chapter.chart_href(number))
    sheets = write_spreadsheet(chapters, destination / "tables.xlsx", run=run_folder.name, project=project, as_of=as_of)
    shared = _shared(chapters, run_folder.name, project=project, as_of=as_of, language=language)
    shared |= {"has_workbook": sheets > 0, "draft": _draft(run_folder, project)}
    _save(destination / "index.html", _front_page(chapters, sheets, shared | {"whole": blocks(read(run_folder), chapters, project)}))
    exporter, taken = _exporter(), {"index", *(chapter.slug for chapter in chapters)}
    for chapter in chapters:
        _save(destination / chapter.href, _step_page(exporter, chapter, chapters, shared))
        for name, kept in chapter.handouts:
            if name in taken:
                raise NinefoldError(f"{chapter.slug} keeps a hand-out {name!r}, and there is a page of that name: give it another.")
            taken.add(name)
            _save(destination / f"{name}.html", handout_page(name, kept, shared | {"number": chapter.number, "step": chapter}))


def workbook(run_folder: Path, destination: Path, *, project, as_of: date | datetime, language: str) -> int:
    """Write all tables of a finished run into one .xlsx; returns how many there are (none: no file)."""
    words.use(language, currency=project.currency)
    run_folder = Path(run_folder)
    return write_spreadsheet(read_chapters(run_folder), Path(destination), run=run_folder.name, project=project, as_of=as_of)


def _shared(chapters: Sequence[Chapter], run: str, *, project, as_of, language: str) -> dict:
    """What every page says alike."""
    title, as_of_words = words.text(project.title), say("As of {day}", day=words.day(as_of))
    sources = project.collect.sources.values()
    return {
        "version": __version__,
        "style": style(),
        "running_foot": _css_string(" · ".join((title, as_of_words, say("run {run}", run=run)))),
        "language": language,
        "language_name": LANGUAGE_NAMES[language],
        "project": project.name,
        "project_title": title,
        "description": words.text(project.description),
        "notice": words.text(project.notice),
        "sources": say("; ").join(dict.fromkeys(words.text(source.where_from) for source in sources if source.where_from)),
        "day": words.day(as_of),
        "as_of_words": as_of_words,
        "run": run,
        "count": len(STEPS),
        "steps": [
            {
                "number": chapter.number,
                "word": chapter.word,
                "heading": chapter.heading,
                "href": chapter.href,
                "finding": chapter.finding,
                "figures": chapter.summary.get("figures", []),
                "handouts": [{"href": f"{name}.html", "title": kept["title"]} for name, kept in chapter.handouts],
            }
            for chapter in chapters
        ],
    }


def _draft(run_folder: Path, project) -> str:
    """Why every page is a draft; empty when the variables are signed and revenue is the controller's, and in a run without step 5."""
    found = read(run_folder)
    return draft_line(found["validation"], project, first=draft_reason(found["quality"]))


def _step_page(exporter, chapter: Chapter, chapters: Sequence[Chapter], shared: dict) -> str:
    place = chapters.index(chapter)
    page = shared | {
        "number": chapter.number,
        "place": place,
        "word": chapter.word,
        "question": chapter.question,
        "heading": chapter.heading,
        "title": f"{chapter.number} · {chapter.word} – {shared['project_title']}",
        "description": chapter.finding or shared["description"],
        "contents": chapter.contents,
        "previous": shared["steps"][place - 1] if place else None,
        "next": shared["steps"][place + 1] if place + 1 < len(chapters) else None,
    }
    made, _ = exporter.from_notebook_node(chapter.notebook, resources={"page": page})
    if len(made.encode()) >= PAGE_BYTES:
        lighter = copy.deepcopy(chapter.notebook)
        for output in (o for cell in lighter.cells for o in cell.get("outputs", [])):
            figure = output.get("metadata", {}).get("page", {})
            if figure.get("beside"):
                figure["src"] = figure["beside"]
        made, _ = exporter.from_notebook_node(lighter, resources={"page": page})
    return made


def _front_page(chapters: Sequence[Chapter], sheets: int, shared: dict) -> str:
    charts = [
        {"number": f"{c.number}.{n}", "href": c.chart_href(n), "title": wording.get("title") or path.stem[3:]}
        for c in chapters
        for n, path, wording in c.charts
    ]
    page = shared | {
        "number": 0,
        "title": " – ".join((shared["project_title"], say("Customer segmentation"))),
        "eyebrow": _steps_of(chapters),
        "unknown": said(chapters, "unknown"),
        "todo": said(chapters, "todo"),
        "charts": charts,
        "tables_words": say_n("{n} table", "{n} tables, a sheet each", sheets),
        "charts_words": say_n("{n} chart as a picture", "{n} charts as pictures", len(charts)),
    }
    return filled("front.html.j2", page)


def handout_page(name: str, kept: dict, shared: dict) -> str:
    """A page for people who open no notebook.

    kept    what run.Step.keep_handout wrote: title, lead, body
    shared  what every page says alike, with the step that it belongs to
    """
    title = " – ".join((kept["title"], shared["project_title"]))
    return filled("handout.html.j2", shared | {"name": name, "title": title, "description": kept["lead"], "kept": kept})


def _steps_of(chapters: Sequence[Chapter]) -> str:
    first, last = chapters[0].number, chapters[-1].number
    if first == last:
        return say("Step {number} of {count}", number=first, count=len(STEPS))
    return say("Steps {first} to {last} of {count}", first=first, last=last, count=len(STEPS))


def _exporter():
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": [*SHOWN, "text/plain"]}}),
        template_name=TEMPLATE.name,
        extra_template_basedirs=[str(TEMPLATE.parent)],
    )
    exporter.environment.globals["say"] = say
    exporter.register_filter("prose", lambda source: Prose().render(source))
    return exporter


def _save(path: Path, page: str) -> None:
    """Write a page that keeps its promises: nothing from elsewhere, ids unique, inner links that lead somewhere."""
    seen = Inspector(page)
    faults = [*seen.faults, *(f"the id {name} twice" for name in sorted(seen.twice))]
    faults += [f"a link to #{target}, which is nowhere" for target in sorted(seen.targets - seen.ids)]
    if faults:
        raise NinefoldError(f"{path.name} would hold {'; '.join(faults)}. Mend the notebook or reports/template and run again.")
    path.write_text(page, encoding="utf-8")


def _css_string(text: str) -> str:
    return '"' + re.sub(r'["\\<\n]', lambda found: f"\\{ord(found[0]):x} ", text) + '"'
