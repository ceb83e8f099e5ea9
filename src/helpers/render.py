"""A finished run becomes pages: executed notebooks → HTML that needs nothing beside it, and one spreadsheet of all tables.

`render` reads `<run>/notebooks/*.ipynb` and what every step kept for its page, and writes `index.html`, one page a step, `charts/*.png`
and `tables.xlsx`. Pages hold no script and no address of another server; what would break that is an error, never a page.
"""

import base64
import copy
import html
import json
import re
import shutil
import struct
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from helpers import ROOT, NinefoldError, __version__, words
from helpers.run import STEPS
from helpers.words import mark, say, say_n

TEMPLATE = ROOT / "reports" / "template"
PAGE_BYTES = 1_000_000
"""A page above this refers to its pictures in charts/ instead of holding them."""

LANGUAGE_NAMES = {"en": "English", "fr": "Français"}
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN = ("text/html", "text/markdown", *PICTURES)
FOLD = mark("Show the code")
FOLD_SET_UP = mark("Parameters and set-up of this run")
NAVY, GREY = "12436D", "5B5B5B"
HEADER_ROW = 5
"""Row of the column headings on every sheet of the spreadsheet; caption, note and the way back stand above."""
NO_ALT = (
    "a picture without a text alternative. Draw it with helpers.charts, or display it with "
    'metadata={"image/png": {"alt": "what it shows, in a sentence"}}.'
)


@dataclass
class Chapter:
    """One step of the run, on its way to a page."""

    number: int
    slug: str
    notebook: Any
    finding: str
    summary: dict
    tables: list[tuple[int, str, dict]]
    charts: list[tuple[int, Path, dict]]
    word: str = ""
    question: str = ""
    contents: list[tuple[str, str]] = field(default_factory=list)

    @property
    def href(self) -> str:
        return f"{self.slug}.html"

    @property
    def heading(self) -> str:
        """What stands above the page: the question, or the whole title of a notebook that asks none."""
        return self.question or self.word

    def chart_href(self, number: int) -> str:
        return f"charts/{self.number:02d}_{next(path for n, path, _ in self.charts if n == number).name}"


# ------------------------------------------------------------------------------------------------------------------ pages


def render(run_folder: Path, destination: Path, *, project, as_of: date | datetime, language: str) -> None:
    """Write the pages of a finished run into a folder.

    run_folder   …/runs/<as_of>/<run_id>: notebooks/*.ipynb, executed, and a folder a step with step.json and page/
    destination  where index.html, 01_objectives.html …, charts/ and tables.xlsx go; made when missing
    project      the checked project.yml (title, description, notice, name, currency, collect)
    as_of        first instant not counted
    language     "en" or "fr"
    Raises       NinefoldError naming notebook and cell: a failed cell, a picture without alternative text, a script, an address
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
    sheets = _workbook(chapters, run_folder.name, destination / "tables.xlsx", project=project, as_of=as_of)
    shared = _shared(chapters, run_folder.name, project=project, as_of=as_of, language=language) | {
        "has_workbook": sheets > 0
    }
    _save(destination / "index.html", _front_page(chapters, sheets, shared))
    exporter = _exporter()
    for chapter in chapters:
        _save(destination / chapter.href, _step_page(exporter, chapter, chapters, shared))


def read_chapters(run_folder: Path) -> list[Chapter]:
    """The executed notebooks of a run, each with what its step kept; in the order of the steps."""
    import nbformat

    chapters = []
    for path in sorted((run_folder / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        place = run_folder / path.stem
        if not (place / "step.json").is_file():
            raise NinefoldError(
                f"{path.stem}/step.json is missing: step {path.stem} did not finish. Run `make report` again."
            )
        notebook = nbformat.read(path, as_version=4)
        _refuse_failed(notebook, path.name)
        summary = place / "page" / "summary.json"
        chapter = Chapter(
            number=int(path.stem[:2]),
            slug=path.stem,
            notebook=notebook,
            finding=_json(place / "step.json").get("finding", ""),
            summary=_json(summary) if summary.is_file() else {},
            tables=[
                (int(p.stem[:2]), p.stem[3:], _json(p)) for p in sorted((place / "page" / "tables").glob("[0-9]*.json"))
            ],
            charts=[
                (int(p.stem[:2]), p, _json(p.with_suffix(".json")) if p.with_suffix(".json").is_file() else {})
                for p in sorted((place / "page" / "charts").glob("[0-9]*.png"))
            ],
        )
        chapter.word, chapter.question = _title(notebook, path.stem, words.language())
        chapters.append(chapter)
    if not chapters:
        raise NinefoldError(
            "The run holds no executed notebook (notebooks/01_objectives.ipynb …). Run `make report` again."
        )
    return chapters


def _refuse_failed(notebook, name: str) -> None:
    """papermill leaves the output of a failed run behind; it must never become a page."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise NinefoldError(
                    f"{name}, cell {number} ended in {output.ename}: {output.evalue}. A failed run has no pages."
                )
    if notebook.metadata.get("papermill", {}).get("exception"):
        raise NinefoldError(f"{name} was not run to its end. A failed run has no pages; run `make report` again.")


def _title(notebook, slug: str, language: str) -> tuple[str, str]:
    """`# 4 · Variables — which behaviours …?` → ("Variables", "Which behaviours …?")."""
    for cell in notebook.cells:
        found = (
            re.search(r"^#\s+(.+)$", words.translate_markdown(cell.source, language), re.M)
            if cell.cell_type == "markdown"
            else None
        )
        if found:
            word, _, question = re.sub(r"^\d+\s*·\s*", "", found[1].strip()).partition(" — ")
            return word.strip(), question.strip()[:1].upper() + question.strip()[1:]
    return slug[3:].capitalize(), ""


def _shared(chapters: list[Chapter], run: str, *, project, as_of, language: str) -> dict:
    """What every page says alike."""
    title, day = words.text(project.title), words.day(as_of)
    as_of_words = say("As of {day}", day=day)
    sources = getattr(getattr(project, "collect", None), "sources", {})
    return {
        "version": __version__,
        "style": (TEMPLATE / "style.css").read_text(encoding="utf-8"),
        "running_foot": _css_string(f"{title} · {as_of_words}"),
        "language": language,
        "language_name": LANGUAGE_NAMES[language],
        "project": project.name,
        "project_title": title,
        "description": words.text(project.description),
        "notice": words.text(project.notice),
        "sources": "; ".join(words.text(source.where_from) for source in sources.values() if source.where_from),
        "day": day,
        "as_of_words": as_of_words,
        "run": run,
        "count": len(STEPS),
        "steps": [
            {
                "number": c.number,
                "word": c.word,
                "heading": c.heading,
                "href": c.href,
                "finding": c.finding,
                "figures": c.summary.get("figures", []),
            }
            for c in chapters
        ],
    }


def _step_page(exporter, chapter: Chapter, chapters: list[Chapter], shared: dict) -> str:
    place = chapters.index(chapter)
    page = shared | {
        "number": chapter.number,
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


def _front_page(chapters: list[Chapter], sheets: int, shared: dict) -> str:
    import jinja2

    unknown: dict[str, list[int]] = {}
    for chapter in chapters:
        for sentence in chapter.summary.get("unknown", []):
            unknown.setdefault(sentence, []).append(chapter.number)
    charts = [
        {"number": f"{c.number}.{n}", "href": c.chart_href(n), "title": wording.get("title") or path.stem[3:]}
        for c in chapters
        for n, path, wording in c.charts
    ]
    first, last = chapters[0].number, chapters[-1].number
    page = shared | {
        "number": 0,
        "title": f"{shared['project_title']} – {say('Customer segmentation')}",
        "eyebrow": say("Step {number} of {count}", number=first, count=len(STEPS))
        if first == last
        else say("Steps {first} to {last} of {count}", first=first, last=last, count=len(STEPS)),
        "unknown": [
            (s, say_n("Step {numbers}", "Steps {numbers}", len(n), numbers=words.join(map(str, n))))
            for s, n in unknown.items()
        ],
        "charts": charts,
        "tables_words": say_n("{n} table", "{n} tables, a sheet each", sheets),
        "charts_words": say_n("{n} chart as a picture", "{n} charts as pictures", len(charts)),
    }
    loader = jinja2.FileSystemLoader(TEMPLATE)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.globals["say"] = say
    return environment.get_template("front.html.j2").render(page=page)


def _exporter():
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    config = Config({"NbConvertBase": {"display_data_priority": [*SHOWN, "text/plain"]}})
    exporter = HTMLExporter(config=config, template_name=TEMPLATE.name, extra_template_basedirs=[str(TEMPLATE.parent)])
    exporter.environment.globals["say"] = say
    exporter.register_filter("prose", lambda source: Prose().render(source))
    return exporter


def _save(path: Path, page: str) -> None:
    """Write a page that keeps its promises: nothing from elsewhere, ids unique, links within the page leading somewhere."""
    check = Inspector(page)
    faults = [*check.faults, *(f"the id {i} twice" for i in sorted(check.twice))]
    faults += [f"a link to #{target}, which is nowhere" for target in sorted(check.targets - check.ids)]
    if faults:
        raise NinefoldError(
            f"{path.name} would hold {'; '.join(faults)}. Mend the notebook or reports/template and run again."
        )
    path.write_text(page, encoding="utf-8")


# ------------------------------------------------------------------------------------------------------ cells of a notebook


def arrange(chapter: Chapter, language: str, *, pages: set[str] = frozenset()) -> None:
    """Turn the executed notebook into the cells of a page, in place, and collect its contents.

    Markdown becomes HTML in the reader's language; cells tagged `summary` go on top; the code of neighbouring cells is folded once,
    beneath what they show; what comes before the first section (parameters, set-up) is folded with what it shows.
    """
    prose = Prose(taken=_ids(chapter), pages=pages)
    sections = any(re.search(r"^##\s", c.source, re.M) for c in chapter.notebook.cells if c.cell_type == "markdown")
    summary, cells, opening, waiting = [], [], [], []
    pictures = _Pictures(chapter)
    for number, cell in enumerate(chapter.notebook.cells, start=1):
        if cell.cell_type == "markdown":
            text = prose.render(words.translate_markdown(cell.source, language))
            _refuse(text, chapter, number, cell)
            if prose.contents and opening:
                cells.append(_code_cell([], opening, FOLD_SET_UP))
                opening = []
            cells += [_code_cell([], waiting, FOLD)] if waiting else []
            waiting = []
            cells.append(_node(cell_type="markdown", source="", metadata={"page": {"html": text}}))
        elif cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            shown, said = _outputs(cell, chapter, number, pictures, pages)
            if "summary" in tags:
                summary += shown
            elif {"parameters", "injected-parameters"} & set(tags) or (sections and not prose.contents):
                opening += [
                    _fold("code", cell.source),
                    *(_fold("html", o.data["text/html"]) for o in shown if "text/html" in o.data),
                ]
                cells += [_code_cell([o], [], FOLD) for o in shown if "text/html" not in o.data]
            else:
                waiting += [_fold("code", cell.source), *said]
                cells += [_code_cell(shown, [], FOLD)] if shown else []
    cells += [_code_cell([], waiting, FOLD)] if waiting else []
    cells += [_code_cell([], opening, FOLD_SET_UP)] if opening else []
    chapter.contents = prose.contents
    chapter.notebook.cells = [_code_cell(summary, [], FOLD, top=True), *cells]
    chapter.notebook.nbformat_minor = 5
    for number, cell in enumerate(chapter.notebook.cells):
        cell["id"] = f"cell-{number}"


def _outputs(cell, chapter: Chapter, number: int, pictures: "_Pictures", pages: set[str]) -> tuple[list, list]:
    """What a cell shows on the page, and the plain text to fold away with its code; what it printed is dropped."""
    shown, said = [], []
    for output in cell.outputs:
        kinds = [kind for kind in SHOWN if kind in output.get("data", {})]
        if not kinds:
            plain = output.get("data", {}).get("text/plain", "")
            said += [_fold("text", plain)] if plain and not re.match(r"<[\w.]+[^\n]*>$", plain) else []
            continue
        if kinds[0] == "text/html":
            markup = _local_links(_number_tables(output.data["text/html"], chapter), pages)
            _refuse(markup, chapter, number, cell)
            output.data = {"text/html": markup}
        elif kinds[0] in PICTURES:
            alt = output.metadata.get(kinds[0], {}).get("alt") or output.metadata.get("alt")
            if not alt:
                raise NinefoldError(f"{_place(chapter, number, cell)}: {NO_ALT}")
            output.metadata["page"] = pictures.figure(kinds[0], output.data[kinds[0]], alt)
        shown.append(output)
    return shown, said


class _Pictures:
    """Numbers the pictures of a page as their files are numbered; those that no step kept come after."""

    def __init__(self, chapter: Chapter):
        self.chapter = chapter
        self.kept = {path.read_bytes(): number for number, path, _ in chapter.charts}
        self.last = max([0, *self.kept.values()])
        self.used: set[int] = set()

    def figure(self, kind: str, data: str, alt: str) -> dict:
        content = data.encode() if kind == "image/svg+xml" else base64.b64decode(data)
        number = self.kept.get(content)
        if number is None or number in self.used:
            self.last = number = self.last + 1
        self.used.add(number)
        # A PNG says its size in bytes 16 to 24; given to the browser, the text does not jump while pictures load.
        width, height = struct.unpack(">II", content[16:24]) if kind == "image/png" else (0, 0)
        return {
            "src": f"data:{kind};base64,{base64.b64encode(content).decode()}",
            "beside": self.chapter.chart_href(number) if number in self.kept.values() else "",
            "alt": alt,
            "number": f"{self.chapter.number}.{number}",
            "anchor": f"figure-{self.chapter.number}-{number}",
            "width": width,
            "height": height,
        }


def _number_tables(markup: str, chapter: Chapter) -> str:
    """Number a kept table as its sheet is numbered: "Table 1.2" before the caption that `tables` wrote."""
    for number, name, _ in chapter.tables:
        label = say("Table {number}", number=f"{chapter.number}.{number}")
        caption = f'<figcaption id="{name}-caption">'
        markup = markup.replace(caption, f'{caption}<span class="label">{html.escape(label)}</span> ')
    return markup


def _code_cell(outputs: list, fold: list, fold_word: str, *, top: bool = False):
    page = {"fold": fold, "fold_word": say(fold_word), "top": top}
    return _node(cell_type="code", source="", metadata={"page": page}, outputs=outputs, execution_count=None)


def _fold(kind: str, text: str) -> dict:
    return {"kind": kind, "text": text}


def _node(**content):
    from nbformat import from_dict

    return from_dict(content)


def _ids(chapter: Chapter) -> set[str]:
    """The ids that outputs bring along; headings must not take them."""
    outputs = [o for cell in chapter.notebook.cells for o in cell.get("outputs", [])]
    found = {i for o in outputs for i in re.findall(r'\bid="([^"]+)"', str(o.get("data", {}).get("text/html", "")))}
    return found | {"text"}


def _place(chapter: Chapter, number: int, cell) -> str:
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    return f"{chapter.slug}.ipynb, cell {number} (`{first[:60]}`)"


def _refuse(markup: str, chapter: Chapter, number: int, cell) -> None:
    faults = Inspector(markup).faults
    if faults:
        raise NinefoldError(f"{_place(chapter, number, cell)} shows {'; '.join(dict.fromkeys(faults))}")


# ----------------------------------------------------------------------------------------------------------------- prose


class Prose:
    """Markdown → HTML: headings with ids, tables that scroll, no mathematics (two $ in a paragraph are two prices)."""

    def __init__(self, *, taken: set[str] = frozenset(), pages: set[str] = frozenset()):
        import mistune

        self.taken, self.pages, self.contents = set(taken), pages, []
        renderer = mistune.HTMLRenderer(escape=False)
        renderer.heading, renderer.paragraph = self._heading, self._paragraph
        self._markdown = mistune.create_markdown(renderer=renderer, plugins=["table", "strikethrough"])

    def render(self, source: str) -> str:
        made = self._markdown(source)
        made = made.replace("<th>", '<th scope="col">').replace("<th style", '<th scope="col" style')
        made = made.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")
        return _local_links(made, self.pages)

    def _paragraph(self, text: str) -> str:
        parts = re.split(r"\s+·\s+", text)
        if len(parts) > 2 and all(
            part.startswith("<em>") for part in parts
        ):  # *Takes* … · *Gives* … · *Decides* … · *Signed by* …
            return '<ul class="facts">\n' + "".join(f"<li>{part}</li>\n" for part in parts) + "</ul>\n"
        return f"<p>{text}</p>\n"

    def _heading(self, text: str, level: int, **_) -> str:
        if level == 1:
            return ""  # the page's own title says it
        plain = html.unescape(re.sub(r"<[^>]+>", "", text))
        anchor = self._anchor(plain)
        if level == 2:
            self.contents.append((anchor, plain))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def _anchor(self, text: str) -> str:
        ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-") or "section"
        number, anchor = 1, stem
        while anchor in self.taken:
            number += 1
            anchor = f"{stem}-{number}"
        self.taken.add(anchor)
        return anchor


def _local_links(markup: str, pages: set[str]) -> str:
    """Links to a notebook lead to its page, if there is one; links to another server become the text they stood on."""

    def follow(found: re.Match) -> str:
        address, text = html.unescape(found[2]), found[3]
        notebook = re.fullmatch(r"(?:\./)?(\d\d_\w+)\.ipynb(#.*)?", address)
        if notebook and notebook[1] in pages:
            return f'<a href="{notebook[1]}.html">{text}</a>'
        if notebook or re.match(r"(?i)(https?:)?//", address):
            return f'<span class="elsewhere">{text}</span>'
        return found[0]

    return re.sub(r"(?is)<a\b[^>]*?\bhref=([\"'])(.*?)\1[^>]*>(.*?)</a>", follow, markup)


class Inspector(HTMLParser):
    """Reads a page and names what must not be on it.

    faults   scripts, frames, handlers, addresses of other servers, pictures without alternative text or from a file
    ids, twice, targets   ids, those that occur twice, and where links within the page lead
    """

    def __init__(self, page: str):
        super().__init__()
        self.faults: list[str] = []
        self.ids: set[str] = set()
        self.twice: set[str] = set()
        self.targets: set[str] = set()
        self._in_style = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        self._in_style = tag == "style"  # what follows is the style sheet, until the next tag
        if tag in ("script", "iframe", "object", "embed", "base", "form"):
            self.faults.append(f"a <{tag}>; pages are read without scripts and without a network")
        if tag == "img" and not given.get("alt", "").strip():
            self.faults.append(NO_ALT)
        if tag == "img" and not given.get("src", "").startswith(("data:image/", "charts/")):
            self.faults.append(
                f"the picture {given.get('src', '')[:80]!r}, a file that does not travel with the page; draw it in the notebook"
            )
        self.faults += [f"the handler {name}" for name in given if name.startswith("on")]
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href", "style"):
            self._address(given.get(name, ""), inside=name == "style")
        if given.get("href", "").startswith("#"):
            self.targets.add(given["href"][1:])
        if "id" in given:
            self.twice |= {given["id"]} & self.ids
            self.ids.add(given["id"])

    def handle_data(self, data):
        if self._in_style:
            self._address(data, inside=True)

    def handle_endtag(self, tag):
        self._in_style = False

    def _address(self, value: str, *, inside: bool) -> None:
        if value.startswith("data:") and not inside:
            return
        pattern = (
            r"(?i)url\(\s*[\"']?(?!data:|#)[^)]{0,80}|@import[^;]{0,80}"
            if inside
            else r"(?i)^\s*((https?|ftp|file):|//|javascript:).{0,80}"
        )
        found = re.search(pattern, value)
        if found:
            self.faults.append(f"the address {found[0]!r}; pages are read without a network")


def _css_string(text: str) -> str:
    return '"' + re.sub(r'["\\<\n]', lambda m: f"\\{ord(m[0]):x} ", text) + '"'


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


# ----------------------------------------------------------------------------------------------------------- spreadsheet


def workbook(run_folder: Path, destination: Path, *, project, as_of: date | datetime, language: str) -> int:
    """Write all tables of a finished run into one .xlsx: a list of them, then a sheet a table, in page order.

    Numbers are numbers (shares as %, money in the project's currency, dates as dates), figures hidden on the page are empty,
    and text is never read as a formula. The same run gives the same bytes. Returns the number of tables; none, no file.
    """
    words.use(language, currency=project.currency)
    run_folder = Path(run_folder)
    return _workbook(read_chapters(run_folder), run_folder.name, Path(destination), project=project, as_of=as_of)


def _workbook(chapters: list[Chapter], run: str, destination: Path, *, project, as_of) -> int:
    import openpyxl

    book = openpyxl.Workbook()
    cover = book.active
    cover.title = say("Contents")
    listed = []
    for chapter in chapters:
        for number, _, table in chapter.tables:
            label = f"{chapter.number}.{number}"
            sheet = book.create_sheet(_sheet_name(label, table.get("caption", ""), book.sheetnames))
            _fill_sheet(sheet, label, table, cover.title)
            listed.append((label, table.get("caption", ""), f"{chapter.number} · {chapter.word}", sheet.title))
    if not listed:
        return 0
    _fill_cover(cover, listed, run, project=project, as_of=as_of)
    book.properties.creator, book.properties.title = "Ninefold", words.text(project.title)
    _save_book(book, destination, as_of)
    return len(listed)


def _fill_cover(sheet, listed: list[tuple[str, str, str, str]], run: str, *, project, as_of) -> None:
    lead = [
        (words.text(project.title), {"bold": True, "size": 16, "color": NAVY}),
        (f"{say('As of {day}', day=words.day(as_of))} · {say('run {run}', run=run)}", {"color": GREY}),
        (words.text(project.notice), {"color": GREY}),
    ]
    for row, (text, font) in enumerate(lead, start=1):
        _write(sheet.cell(row, 1), text, **font)
    header = [say("Table"), say("Caption"), say("Step"), say("Sheet")]
    for column, text in enumerate(header, start=1):
        _write(sheet.cell(HEADER_ROW + 1, column), text, bold=True, ruled=True)
    for row, (label, caption, step, name) in enumerate(listed, start=HEADER_ROW + 2):
        for column, text in enumerate((label, caption, step, name), start=1):
            _write(sheet.cell(row, column), text, wrap=column == 2)
        _link(sheet.cell(row, 4), name)
    for letter, width in zip("ABCD", (9, 70, 24, 36), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.sheet_view.showGridLines = False
    sheet.freeze_panes = sheet.cell(HEADER_ROW + 2, 1)


def _fill_sheet(sheet, label: str, table: dict, cover: str) -> None:
    columns, rows = table["columns"], table["rows"]
    caption = f"{say('Table {number}', number=label)} · {table.get('caption', '')}"
    _write(sheet.cell(1, 1), caption, bold=True, size=13, color=NAVY)
    _write(sheet.cell(2, 1), table.get("note", ""), color=GREY)
    _write(sheet.cell(3, 1), cover)
    _link(sheet.cell(3, 1), cover)
    for place, column in enumerate(columns, start=1):
        right = column.get("kind", "text") not in ("text", "date")
        _write(sheet.cell(HEADER_ROW, place), _heading(column), bold=True, ruled=True, wrap=True, right=right)
        shown = [_value(row[place - 1], column.get("kind", "text")) for row in rows]
        for line, value in enumerate(shown, start=HEADER_ROW + 1):
            cell = sheet.cell(line, place)
            _write(cell, value, wrap=isinstance(value, str))
            if isinstance(value, int | float | date) and not isinstance(value, bool):
                cell.number_format = _number_format(column)
        sheet.column_dimensions[cell_letter(place)].width = _width(_heading(column), shown, column)
    sheet.freeze_panes = sheet.cell(HEADER_ROW + 1, 1)
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{cell_letter(max(1, len(columns)))}{HEADER_ROW + len(rows)}"
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight, sheet.sheet_properties.pageSetUpPr = 0, _fit_to_page()


def _fit_to_page():
    from openpyxl.worksheet.properties import PageSetupProperties

    return PageSetupProperties(fitToPage=True)


def cell_letter(place: int) -> str:
    """1 → "A", 27 → "AA"."""
    from openpyxl.utils import get_column_letter

    return get_column_letter(place)


def _write(cell, value, *, bold=False, size=11, color="1A1A1A", ruled=False, wrap=False, right=False) -> None:
    """Put a value in a cell; a text stays a text, also when it begins like a formula."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Alignment, Border, Font, Side

    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in ("=", "+", "-", "@")  # so that it is still a text after somebody has edited it
    cell.font = Font(name="Calibri", bold=bold, size=size, color=color)
    if ruled:
        cell.border = Border(bottom=Side(style="thin", color=NAVY))
    if wrap or right or ruled:
        cell.alignment = Alignment(
            wrap_text=wrap, vertical="bottom" if ruled else "top", horizontal="right" if right else None
        )


def _link(cell, sheet_name: str) -> None:
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    quoted = sheet_name.replace("'", "''")
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!A1", display=str(cell.value))
    cell.font = Font(name="Calibri", size=11, color=NAVY, underline="single")


def _sheet_name(label: str, caption: str, taken: list[str]) -> str:
    """At most 31 characters, none that Excel forbids, cut at a word, no two alike."""
    plain = " ".join(re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", f"{label} {caption}").split()).strip("'")
    name = plain if len(plain) <= 31 else (plain[:31].rsplit(" ", 1)[0] if " " in plain[8:31] else plain[:31])
    name, tries = name.strip(" '"), 1
    while name.casefold() in {other.casefold() for other in taken}:
        tries += 1
        name = f"{plain[:27].strip()} ({tries})"
    return name


def _heading(column: dict) -> str:
    """The column's label with its unit."""
    label, unit = column["label"], column.get("unit", "")
    if not unit and column.get("kind") == "money":
        unit = words.currency_sign()
    return f"{label} ({unit})" if unit and unit not in label else label


def _value(value, kind: str):
    """A raw value as the spreadsheet wants it; what is not a finite number is empty."""
    if kind == "date" and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return (
            moment.replace(tzinfo=None) if (moment.hour, moment.minute, moment.second) != (0, 0, 0) else moment.date()
        )
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _number_format(column: dict) -> str:
    kind, digits = column.get("kind", "text"), int(column.get("digits") or 0)
    decimals = "." + "0" * digits if digits > 0 else ""
    if kind == "share":
        return f"0{decimals}%"
    if kind == "change":
        return f"+0{decimals}%;-0{decimals}%;0{decimals}%"
    if kind == "money":
        sign = words.currency_sign()
        if words.language() == "en":
            return f'"{sign}"#,##0{decimals};-"{sign}"#,##0{decimals}'
        return f'#,##0{decimals} "{sign}"'
    if kind == "date":
        return "yyyy-mm-dd" if words.language() == "en" else "dd/mm/yyyy"
    return f"#,##0{decimals}" if kind in ("count", "number") else "General"


def _width(heading: str, values: list, column: dict) -> float:
    """Wide enough for the longest value, and for the longest word of the heading; long texts wrap."""
    longest_word = max((len(word) for word in heading.split()), default=0)
    digits = int(column.get("digits") or 0)
    texts = [
        v if isinstance(v, str) else f"{v:,.{digits}f}" if isinstance(v, int | float) else "0000-00-00"
        for v in values
        if v is not None
    ]
    return float(min(60, max(10, longest_word + 3, len(heading) / 2 + 2, 3 + max(map(len, texts), default=0))))


def _save_book(book, destination: Path, as_of) -> None:
    """Save without a clock: openpyxl stamps the time of saving into the properties and into every member of the zip."""
    import io
    import zipfile

    moment = datetime(as_of.year, as_of.month, as_of.day)
    book.properties.created = moment
    written = io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(
                    rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode(), content
                )
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
