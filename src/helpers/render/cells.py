"""An executed notebook, arranged for somebody who reads and does not run it."""

import base64
import html
import re
import struct

from helpers import NinefoldError, words
from helpers.render.chapters import Chapter
from helpers.render.markup import NO_ALT, Inspector, Prose, local_links
from helpers.words import mark, say

PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN = ("text/html", "text/markdown", *PICTURES)
"""What a page shows of an output, the first that there is; plain text is folded with the code, prints are dropped."""

FOLD = mark("Show the code")
FOLD_SET_UP = mark("Parameters and set-up of this run")
LONG = 45
"""Characters from which the text of a table's cell needs room on a phone."""


def arrange(chapter: Chapter, language: str, *, pages: set[str] = frozenset()) -> None:
    """Turn the executed notebook into the cells of a page, in place, and collect its contents.

    Markdown becomes HTML in the reader's language. Cells tagged `summary` go on top; what cells tagged `appendix` show is folded. The
    code between two paragraphs is folded once, beneath what it shows; parameters and set-up (all before the first section) with what
    they show.
    """
    prose, pictures = Prose(taken=_ids(chapter), pages=pages), _Pictures(chapter)
    has_sections = any(re.search(r"^##\s", c.source, re.M) for c in chapter.notebook.cells if c.cell_type == "markdown")
    top, cells, set_up, folded = [], [], [], []
    for number, cell in enumerate(chapter.notebook.cells, start=1):
        if cell.cell_type == "markdown":
            text = prose.render(words.translate_markdown(cell.source, language))
            _refuse(text, chapter, number, cell)
            if prose.contents:
                cells, set_up = [*cells, *_fold_away(set_up, FOLD_SET_UP)], []
            cells, folded = [*cells, *_fold_away(folded, FOLD), _text_cell(text)], []
        elif cell.cell_type == "code":
            shown, said = _outputs(cell, chapter, number, pictures, pages)
            tags = set(cell.metadata.get("tags", []))
            if "summary" in tags:
                top += shown
            elif tags & {"parameters", "injected-parameters"} or (has_sections and not prose.contents):
                markup = [output for output in shown if "text/html" in output.data]
                set_up += [_part("code", cell.source), *(_part("html", output.data["text/html"]) for output in markup)]
                cells += [_code_cell([output]) for output in shown if output not in markup]
            else:
                folded += [_part("code", cell.source), *said]
                cells += [_code_cell(shown, more=_appendix(shown) if "appendix" in tags else "")] if shown else []
    cells += _fold_away(folded, FOLD) + _fold_away(set_up, FOLD_SET_UP)
    chapter.contents = prose.contents
    chapter.notebook.cells = [_code_cell(top, top=True), *cells]
    chapter.notebook.nbformat_minor = 5
    for number, cell in enumerate(chapter.notebook.cells):
        cell["id"] = f"cell-{number}"


def _outputs(cell, chapter: Chapter, number: int, pictures: "_Pictures", pages: set[str]) -> tuple[list, list]:
    """What a cell shows on the page, and the plain text that is folded away with its code."""
    shown, said = [], []
    for output in cell.outputs:
        data = output.get("data", {})
        kind = next((kind for kind in SHOWN if kind in data), None)
        if kind is None:
            plain = data.get("text/plain", "")
            is_a_name = re.fullmatch(r"<[^\n]*>", plain)  # <Axes: …> tells nobody anything
            said += [_part("text", plain)] if plain and not is_a_name else []
            continue
        if kind == "text/html":
            output.data = {kind: local_links(_finish_tables(data[kind], chapter), pages)}
            _refuse(output.data[kind], chapter, number, cell)
        elif kind in PICTURES:
            alt = output.metadata.get(kind, {}).get("alt") or output.metadata.get("alt")
            if not alt:
                raise NinefoldError(f"{_place(chapter, number, cell)} shows {NO_ALT}")
            output.metadata["page"] = pictures.figure(kind, data[kind], alt)
        shown.append(output)
    return shown, said


class _Pictures:
    """Numbers the pictures of a page as their files are numbered; those that no step kept come after."""

    def __init__(self, chapter: Chapter):
        self.chapter = chapter
        self.kept = {path.read_bytes(): number for number, path, _ in chapter.charts}
        self.titles = {number: wording.get("title", "") for number, _, wording in chapter.charts}
        self.last = max([0, *self.kept.values()])
        self.used: set[int] = set()

    def figure(self, kind: str, data: str, alt: str) -> dict:
        """A picture of a cell for the template: its number among the charts kept, and where it lies beside the pages."""
        content = data.encode() if kind == "image/svg+xml" else base64.b64decode(data)
        number = self.kept.get(content)
        beside = self.chapter.chart_href(number) if number else ""
        if number is None or number in self.used:
            self.last = number = self.last + 1
        self.used.add(number)
        # A PNG says its size in bytes 16 to 24; told to the browser, text does not jump while pictures load.
        width, height = struct.unpack(">II", content[16:24]) if kind == "image/png" else (0, 0)
        return {
            "src": f"data:{kind};base64,{base64.b64encode(content).decode()}",
            "beside": beside,
            "alt": alt,
            "number": f"{self.chapter.number}.{number}",
            "title": self.titles.get(number, ""),
            "anchor": f"figure-{self.chapter.number}-{number}",
            "width": width,
            "height": height,
        }


def _finish_tables(markup: str, chapter: Chapter) -> str:
    """Number a kept table as its sheet is numbered ("Table 1.2" before the caption that `tables` wrote), and mark the
    cells with long text, for no style sheet can count characters."""
    for number, name, _ in chapter.tables:
        label = html.escape(say("Table {number}", number=f"{chapter.number}.{number}"))
        caption = f'<figcaption id="{name}-caption">'
        markup = markup.replace(caption, f'{caption}<span class="label">{label}</span> ')
    return re.sub(rf'(<td [^>]*?class="[^"]*gt_left)("[^>]*>)(?=[^<]{{{LONG}}})', r"\1 long\2", markup)


def _appendix(shown: list) -> str:
    """What stands in place of a cell tagged `appendix` until the reader opens it."""
    pages = [output.metadata["page"] for output in shown if "page" in output.get("metadata", {})]
    if not pages:
        return say("Appendix")
    figure = say("Appendix: figure {number}", number=pages[0]["number"])
    return f"{figure} · {pages[0]['title']}" if pages[0]["title"] else figure


def _code_cell(outputs: list, parts: list = (), fold_word: str = FOLD, *, top: bool = False, more: str = ""):
    page = {"fold": list(parts), "fold_word": say(fold_word), "top": top, "more": more}
    return _node(cell_type="code", source="", metadata={"page": page}, outputs=outputs, execution_count=None)


def _text_cell(text: str):
    return _node(cell_type="markdown", source="", metadata={"page": {"html": text}})


def _fold_away(parts: list, fold_word: str) -> list:
    return [_code_cell([], parts, fold_word)] if parts else []


def _part(kind: str, text: str) -> dict:
    return {"kind": kind, "text": text}


def _node(**content):
    from nbformat import from_dict

    return from_dict(content)


def _ids(chapter: Chapter) -> set[str]:
    """The ids that outputs bring along, and those of the template; headings must not take them."""
    shown = [str(o.get("data", {}).get("text/html", "")) for c in chapter.notebook.cells for o in c.get("outputs", [])]
    return {"text", *(name for markup in shown for name in re.findall(r'\bid="([^"]+)"', markup))}


def _place(chapter: Chapter, number: int, cell) -> str:
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    return f"{chapter.slug}.ipynb, cell {number} (`{first[:60]}`)"


def _refuse(markup: str, chapter: Chapter, number: int, cell) -> None:
    faults = Inspector(markup).faults
    if faults:
        raise NinefoldError(f"{_place(chapter, number, cell)} shows {'; '.join(dict.fromkeys(faults))}")
