"""A finished run, read: one chapter a step."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers import NinefoldError, words


@dataclass
class Chapter:
    """One step of the run, on its way to a page.

    tables   number on the page, name, what `run.Step.keep_table` wrote
    charts   number on the page, PNG file, the words around it
    handouts name, what `run.Step.keep_handout` wrote
    """

    number: int
    slug: str
    notebook: Any
    finding: str
    summary: dict
    tables: list[tuple[int, str, dict]]
    charts: list[tuple[int, Path, dict]]
    word: str
    question: str
    handouts: list[tuple[str, dict]] = field(default_factory=list)
    contents: list[tuple[str, str]] = field(default_factory=list)

    @property
    def href(self) -> str:
        return f"{self.slug}.html"

    @property
    def heading(self) -> str:
        """What stands above the page: the question, or the whole title of a notebook that asks none."""
        return self.question or self.word

    def chart_href(self, number: int) -> str:
        """Where a chart lies beside the pages: charts/01_02_name.png."""
        name = next(path.name for n, path, _ in self.charts if n == number)
        return f"charts/{self.number:02d}_{name}"


def read_chapters(run_folder: Path) -> list[Chapter]:
    """The executed notebooks of a run, each with what its step kept, in the order of the steps.

    Raises NinefoldError for a notebook that failed, and for a step that did not hand over.
    """
    chapters = [_chapter(path, run_folder) for path in sorted((run_folder / "notebooks").glob("[0-9][0-9]_*.ipynb"))]
    if not chapters:
        raise NinefoldError("The run holds no executed notebook (notebooks/01_objectives.ipynb …). Run `make report` again.")
    return chapters


def _chapter(path: Path, run_folder: Path) -> Chapter:
    import nbformat

    place = run_folder / path.stem
    if not (place / "step.json").is_file():
        raise NinefoldError(f"{path.stem}/step.json is missing: step {path.stem} did not finish. Run `make report` again.")
    notebook = nbformat.read(path, as_version=4)
    _refuse_failed(notebook, path.name)
    word, question = _title(notebook, path.stem)
    return Chapter(
        number=int(path.stem[:2]),
        slug=path.stem,
        notebook=notebook,
        finding=_json(place / "step.json").get("finding", ""),
        summary=_json(place / "page" / "summary.json"),
        tables=[(int(p.stem[:2]), p.stem[3:], _json(p)) for p in sorted((place / "page" / "tables").glob("*.json"))],
        charts=[(int(p.stem[:2]), p, _json(p.with_suffix(".json"))) for p in sorted((place / "page" / "charts").glob("*.png"))],
        word=word,
        question=question,
        handouts=[(p.stem[3:], _json(p)) for p in sorted((place / "page" / "handouts").glob("*.json"))],
    )


def _refuse_failed(notebook, name: str) -> None:
    """papermill leaves the output of a failed run behind; it must never become a page."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                said = f"{output.ename}: {output.evalue}"
                raise NinefoldError(f"{name}, cell {number} ended in {said}. A failed run has no pages.")
    if notebook.metadata.get("papermill", {}).get("exception"):
        raise NinefoldError(f"{name} was not run to its end. A failed run has no pages; run `make report` again.")


def _title(notebook, slug: str) -> tuple[str, str]:
    """`# 4 · Variables — which behaviours …?` → ("Variables", "Which behaviours …?"), in the reader's language."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^#\s+(.+)$", words.translate_markdown(cell.source, words.language()), re.MULTILINE)
            if found:
                word, _, question = re.sub(r"^\d+\s*·\s*", "", found[1].strip()).partition(" — ")
                return word.strip(), question[:1].upper() + question[1:].strip()
    return slug[3:].capitalize(), ""


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
