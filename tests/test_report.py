"""The published report, read as its readers get it: a fresh clone, a second run in French, and another company's data."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from conftest import HANDOUTS

from helpers import NinefoldError, report, run

pytestmark = pytest.mark.slow
STEPS = [path.stem for path in sorted((Path(report.ROOT) / "notebooks").glob("*.ipynb"))]
THIN = "\u202f"


@pytest.fixture(scope="module")
def english(published, first_run):
    """Folder of the run and folder of the pages that the fresh clone published, before anything else ran there."""
    return first_run, published.path / "reports" / "complete_journey" / "2017-10-01" / first_run.name


@pytest.fixture(scope="module")
def french(published, recovered):
    """Folder of the run and folder of the pages of `make report LANGUAGE=fr` in the same clone."""
    assert recovered["status"] == 0, recovered["errors"][-3000:]
    pages = (published.path / "reports" / "complete_journey" / "latest").resolve()
    return published.path / "data" / "complete_journey" / "runs" / "2017-10-01" / pages.name, pages


def test_a_fresh_clone_publishes_a_page_a_step_and_says_where_to_look(published, english):
    for step in STEPS:
        assert re.search(rf"^{step.replace('_', ' ')} +\d+\.\d s  \(start \d+\.\d s\)  \S", published.process.stdout, re.M)
    assert published.process.stdout.strip().splitlines()[-1].endswith("reports/complete_journey/2017-10-01/0001/index.html")
    assert sorted(p.stem for p in english[1].glob("*.html")) == sorted([*STEPS, "index", *HANDOUTS])
    assert {"tables.xlsx", "charts"} <= {p.name for p in english[1].iterdir()}


def test_run_json_names_everything_given_with_its_content(english):
    recorded = json.loads((english[0] / "run.json").read_text(encoding="utf-8"))
    assert [run.folder(step["step"]) for step in recorded["steps"]] == STEPS
    for step in recorded["steps"]:
        folder = english[0] / run.folder(step["step"])
        assert {g["file"] for g in step["gives"]} == {p.name for p in folder.iterdir() if p.is_file()} - {"step.json"}
        assert all(run.digest(folder / g["file"]) == g["sha256"] for g in step["gives"])


def test_documents_hold_no_clock_no_path_and_sorted_keys(published, english):
    for path in english[0].rglob("*.json"):
        if path.name == "log.json":
            continue
        text = path.read_text(encoding="utf-8")
        assert str(published.path) not in text and not re.search(rf"(?<![\d.]){datetime.now().year}(?!\d)", text), path
        assert json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False) + "\n" == text, path


def test_the_log_splits_each_steps_seconds_into_start_and_work(english):
    log = json.loads((english[0] / "log.json").read_text(encoding="utf-8"))
    assert [run.folder(s["step"]) for s in log["steps"]] == STEPS
    assert all(s["start"] > 0 and s["work"] > 0 and abs(s["seconds"] - s["start"] - s["work"]) < 0.02 for s in log["steps"])


def test_pages_are_light_and_ask_for_nothing_from_elsewhere(english):
    for page in english[1].glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert len(text.encode()) < 1_000_000, page.name
        assert '<html lang="en"' in text and "<script" not in text, page.name
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", text), page.name
        assert all(re.search(r'alt="[^"]{20,}"', image) for image in re.findall(r"<img[^>]*>", text)), page.name


def test_the_language_changes_no_table_and_no_document(english, french):
    given = [
        {(s["step"], g["file"]): g["sha256"] for s in json.loads((base / "run.json").read_text("utf-8"))["steps"] for g in s["gives"]}
        for base in (english[0], french[0])
    ]
    assert english[0] != french[0] and len(given[0]) > 15
    assert given[0] == given[1]


def test_french_pages_write_numbers_dates_and_money_as_french_readers_do(french):
    pages = {page.stem: page.read_text(encoding="utf-8") for page in french[1].glob("*.html")}
    assert all('<html lang="fr"' in text for text in pages.values())
    first = re.sub(r"<[^>]+>", "", pages["01_objectives"])
    assert re.search(rf"\d,\d{THIN}%", first) and re.search(rf"\d,\d\d{THIN}\$", first) and "1er janvier 2018" in first
    assert re.search(rf"1{THIN}089{THIN}095", pages["03_collect"])
    assert not re.search(r"\d\.\d+ ?%", first)
    for english_words in ("What could mislead you", "Show the code", "The objectives go on", "95% interval", "Handed over"):
        assert not any(english_words in text for text in pages.values()), english_words


def test_the_spreadsheet_holds_numbers_as_numbers(english):
    from openpyxl import load_workbook

    book = load_workbook(english[1] / "tables.xlsx")
    kept = sorted(english[0].glob("0*/page/tables/*.json"))
    assert len(book.sheetnames) == 1 + len(kept)
    sheet = next(book[name] for name in book.sheetnames if name.startswith("2.1"))
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    numbers = [cell for cell in cells if isinstance(cell.value, int | float)]
    assert len(numbers) >= 16 and any("%" in cell.number_format for cell in numbers)


def test_an_unknown_language_is_refused_before_anything_runs(workspace):
    with pytest.raises(NinefoldError, match="language: 'de' is not one of en, fr"):
        report.publish("complete_journey", language="de")
    assert not (workspace / "data" / "complete_journey" / "runs").exists()
