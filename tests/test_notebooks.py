"""What every notebook keeps to, read from its source."""

import ast
import json
import re
from pathlib import Path

import pytest

from helpers import ROOT, run

APPENDIX = "Appendix"
"""A section of what decides nothing, folded on the page: tagged `appendix`, or tables with a fold of their own."""
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path: Path, kind: str = "") -> list[dict]:
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [c | {"source": "".join(c["source"])} for c in found if kind in ("", c["cell_type"])]


def headings(path: Path) -> list[str]:
    return [line[3:] for c in cells(path, "markdown") for line in c["source"].splitlines() if line.startswith("## ")]


def test_notebooks_are_numbered_as_the_steps():
    assert [p.stem for p in NOTEBOOKS] == [run.folder(step) for step in run.STEPS[: len(NOTEBOOKS)]]
    assert len(NOTEBOOKS) >= 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestEachNotebook:
    def test_it_opens_with_its_question_and_what_it_takes_and_gives(self, path):
        first = cells(path)[0]["source"]
        title = re.match(r"# (\d) · ([\w-]+) — [^\n]+\?\n", first)
        assert title and f"0{title[1]}_{title[2].replace('-', '').lower()}" == path.stem
        assert all(word in first for word in ("*Takes*", "*Gives*", "*Decides*", "*Signed by*"))

    def test_its_parameters_are_literals_with_a_comment_and_the_same_three_come_first(self, path):
        tagged = [c for c in cells(path, "code") if c["metadata"].get("tags") == ["parameters"]]
        assert len(tagged) == 1
        lines = tagged[0]["source"].splitlines()
        assert [line.split(" = ")[0] for line in lines][:3] == ["project", "as_of", "language"]
        assert all("  # " in line for line in lines)
        assert all(isinstance(node.value, ast.Constant) for node in ast.parse(tagged[0]["source"]).body)

    def test_every_parameter_is_handed_to_the_start_of_the_step(self, path):
        code = [c["source"] for c in cells(path, "code")]
        names = [line.split(" = ")[0] for line in code[0].splitlines()]
        call = next(n for n in ast.walk(ast.parse(code[1])) if isinstance(n, ast.Call) and ast.unparse(n.func) == "run.start")
        assert [k.arg for k in call.keywords] == names
        assert call.args[0].value == path.stem[3:]

    def test_it_ends_with_limits_decisions_hand_over_and_one_summary(self, path):
        assert headings(path)[-3:] == ["What could mislead you", "What we decided", "Hand-over"]
        sections = headings(path)[:-3]
        assert 3 <= len(sections[:-1] if sections[-1] == APPENDIX else sections) <= 7
        last = cells(path)[-1]
        assert last["metadata"].get("tags") == ["summary"] and "this.hand_over()" in last["source"]

    def test_what_is_folded_as_an_appendix_stands_in_one_section_of_that_name_right_before_the_limits(self, path):
        assert APPENDIX not in headings(path)[:-4]
        section = ""
        for cell in cells(path):
            if cell["cell_type"] == "markdown":
                section = (re.findall(r"^## (.+)$", cell["source"], re.M) or [section])[-1]
            elif section == APPENDIX:
                assert cell["metadata"].get("tags") == ["appendix"] or "fold=" in cell["source"], cell["source"]
            else:
                assert "appendix" not in cell["metadata"].get("tags", []), cell["source"]

    def test_its_prose_holds_no_number_that_could_come_from_data(self, path):
        for cell in cells(path, "markdown"):
            prose = re.sub(r"\[[^\]]*\]\([^)]*\)|^# \d · |\b[Ss]teps? \d\b", "", cell["source"], flags=re.M)
            assert not re.search(r"\d", prose), prose

    def test_its_code_is_short_and_defines_nothing(self, path):
        for cell in cells(path, "code"):
            assert len([line for line in cell["source"].splitlines() if line.strip()]) <= 12, cell["source"]
            assert not re.search(r"^\s*(def|class|lambda)\b", cell["source"], re.M), cell["source"]

    def test_a_cell_shows_one_figure_or_table(self, path):
        shows = r"\b(charts\.(?!colours)\w+\(|tables\.(show|finding|caveats|summary)\()"
        assert all(len(re.findall(shows, c["source"])) <= 1 for c in cells(path, "code"))

    def test_it_is_committed_without_outputs(self, path):
        for cell in cells(path, "code"):
            assert cell["outputs"] == [] and cell["execution_count"] is None
