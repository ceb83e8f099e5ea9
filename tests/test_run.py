"""One run and the draft: starting a step, handing over, what is written and what may not be."""

import errno
import hashlib
import json
import math
import os
import random
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest

from helpers import ROOT, ContractError, NinefoldError, project, report, run, words

PROJECT = """\
title: Shop
time_zone: Europe/Paris
as_of: 2024-03-01
objectives: {main: {name: Earn more, kind: revenue, metric: revenue_per_customer}}
scope: {window_days: 10, horizon_days: 10}
sample_rows: 100
collect:
  sources:
    till: {table: orders, file: till.csv, columns: {customer_id: client, order_id: ticket, ordered_at: at, amount: paid}}
"""
TILL = "client,ticket,at,paid\n1,A,2024-01-15 10:00:00,5\n2,B,2024-03-01,7\n1,C,2024-02-25,3\n"
FULL = Path("/dev/full")


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """The folder of a small project; the process's language and step in progress are put back afterwards."""
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    monkeypatch.delenv("NINEFOLD_RUN", raising=False)
    monkeypatch.setattr(run, "_current", None)
    before = words.language(), words.currency()
    place = tmp_path / "data" / "shop"
    place.mkdir(parents=True)
    (place / "project.yml").write_text(PROJECT, encoding="utf-8")
    (place / "till.csv").write_text(TILL, encoding="utf-8")
    yield place
    words.use(*before)


def start(step, *, as_of="", language="en", **parameters):
    return run.start(step, project="shop", as_of=as_of, language=language, **parameters)


def finish(step, **content) -> run.Step:
    """A whole step: it hands over one JSON document of its own name."""
    this = start(step)
    this.give_json(step, content or {"value": 1})
    this.keep_summary({"headline": f"{step} is done."})
    this.hand_over()
    return this


@pytest.fixture
def publish(shop, monkeypatch):
    """Make a complete run of the first steps, as `make report` would."""

    def make(number="0001", steps=("objectives", "scope", "collect", "variables"), as_of="2024-03-01") -> Path:
        base = shop / "runs" / as_of / number
        base.mkdir(parents=True)
        with monkeypatch.context() as inside:
            inside.setenv("NINEFOLD_RUN", str(base))
            for step in steps:
                finish(step, run=number)
        yml = run.digest(shop / "project.yml")
        (base / "run.json").write_text(json.dumps({"project_yml": yml}), encoding="utf-8")
        return base

    return make


def refusal(work, *arguments, **options) -> str:
    with pytest.raises(NinefoldError) as error:
        work(*arguments, **options)
    return str(error.value)


def no_links(*arguments, **options):
    raise OSError(errno.EPERM, "A required privilege is not held by the client")


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_a_steps_folder_and_notebook_are_its_number_and_name():
    assert [run.folder(step) for step in run.STEPS] == [
        "01_objectives",
        "02_scope",
        "03_collect",
        "04_variables",
        "05_validate",
        "06_build",
        "07_adopt",
        "08_target",
        "09_reevaluate",
    ]
    assert {path.stem for path in ROOT.glob("notebooks/*.ipynb")} <= {run.folder(step) for step in run.STEPS}


@pytest.mark.parametrize(
    ("as_of", "name"),
    [
        (datetime(2024, 3, 1), "2024-03-01"),
        (datetime(2024, 3, 1, 6, 30), "2024-03-01T063000"),
        (datetime(2024, 3, 1, 0, 0, 5), "2024-03-01T000005"),
    ],
)
def test_a_folder_names_the_time_of_as_of_only_when_it_is_not_midnight(as_of, name):
    assert run.stamp(as_of) == name


# ---- starting a step


def test_a_step_works_in_the_draft_unless_the_report_gives_it_a_run(shop, monkeypatch):
    drafted = start("objectives")
    assert (drafted.draft, drafted.base) == (True, shop / "draft" / "2024-03-01")
    base = shop / "runs" / "2024-03-01" / "0001"
    monkeypatch.setenv("NINEFOLD_RUN", str(base))
    published = start("objectives")
    assert (published.draft, published.base, published.note) == (False, base, "")
    assert published.as_of == datetime(2024, 3, 1) and run.current() is published


def test_the_set_up_cell_shows_the_effective_parameters():
    shown = start("objectives", as_of="2024-02-15", language="fr", top=5)._repr_html_()
    for part in ("shop", "15 février 2024", "fr", "Europe/Paris", "top 5"):
        assert part in shown


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"project": "shoop"}, "Unknown project 'shoop': there is no data/shoop/project.yml. Did you mean shop? Known: shop."),
        ({"as_of": "soon"}, "as_of: 'soon' is not a date. Write it as YYYY-MM-DD, for example 2017-10-01."),
    ],
)
def test_a_wrong_parameter_is_refused(shop, parameters, message):
    assert refusal(run.start, "objectives", **({"project": "shop", "as_of": "", "language": "en"} | parameters)) == message
    assert not (shop / "draft").exists()


def test_an_unknown_language_is_refused_with_its_value(shop):
    assert "'de'" in refusal(start, "objectives", language="de")
    assert not (shop / "draft").exists()


def shell(monkeypatch, *cells, **values):
    """Pretend to run in a kernel that has executed these cells."""
    fake = SimpleNamespace(user_ns={"In": ["", *cells], **values})
    monkeypatch.setattr("IPython.get_ipython", lambda: fake)


def test_a_parameter_that_the_notebook_does_not_know_is_refused_before_anything_is_touched(shop, monkeypatch):
    finish("objectives")
    before = contents(shop)
    shell(monkeypatch, 'as_of = ""', '# Parameters\nproject = "shop"\nas_off = "2024-02-01"\n', as_off="2024-02-01")
    assert refusal(start, "objectives") == (
        "Unknown parameter as_off = '2024-02-01'. Did you mean as_of? This notebook knows: as_of, language, project."
    )
    shell(monkeypatch, "# Parameters\nzzz = 3\n", zzz=3)
    assert refusal(start, "objectives", top=5) == "Unknown parameter zzz = 3. This notebook knows: as_of, language, project, top."
    assert contents(shop) == before


def test_known_parameters_and_other_cells_pass(monkeypatch):
    shell(monkeypatch, "as_off = 1", '# Parameters\nproject = "shop"\nas_of = ""\nlanguage = "en"\ntop = 5\n')
    assert start("objectives", top=5).parameters == {"top": 5}


def test_in_a_published_run_a_missing_earlier_step_is_named_with_its_notebook(shop, monkeypatch):
    monkeypatch.setenv("NINEFOLD_RUN", str(shop / "runs" / "2024-03-01" / "0001"))
    finish("objectives")
    assert refusal(start, "collect") == "Step collect needs step scope, which is missing. Run notebooks/02_scope.ipynb first."
    finish("scope")
    assert start("collect").take("scope", "scope") == {"value": 1}


# ---- the draft


def test_without_a_complete_run_a_draft_begins_at_the_first_step(shop):
    assert refusal(start, "scope") == (
        "Step scope needs the steps before it, and there is no complete run of shop as of 2024-03-01 to take them from. "
        "Run notebooks/01_objectives.ipynb first, or `make report`."
    )
    (shop / "runs" / "2024-03-01" / "0001" / "01_objectives").mkdir(parents=True)  # an interrupted run has no run.json
    assert "there is no complete run of shop as of 2024-03-01" in refusal(start, "scope")


def test_a_kernel_that_outlives_its_run_writes_nothing_into_the_next_one_of_the_same_number(shop, monkeypatch):
    base = shop / "runs" / "2024-03-01" / "0001"
    base.mkdir(parents=True)
    monkeypatch.setenv("NINEFOLD_RUN", str(base))
    orphan = start("objectives")
    report._sweep(project.load("shop"))  # the run after it clears the folder away and takes its number
    base.mkdir()
    with monkeypatch.context() as another:
        another.setattr(os, "getpid", lambda: 4_194_305)
        this = start("objectives")
    with pytest.raises(NinefoldError, match="is outdated"):
        orphan.give_json("goals", {"of": "the orphan"})
    assert [path.name for path in base.iterdir()] == ["01_objectives.4194305.tmp"] and this.folder.is_dir()
    assert [path.name for path in base.parent.iterdir()] == ["0001"]


def test_a_draft_takes_the_steps_before_it_from_the_newest_complete_run_and_says_which(shop, publish):
    publish("0001")
    publish("0002")
    (shop / "runs" / "2024-03-01" / "0003").mkdir()
    this = start("collect")
    assert this.note == "Draft: the steps before this one are taken from run 0002 of 1 March 2024."
    assert this.note in this._repr_html_()
    assert this.take("objectives", "objectives") == this.take("scope", "scope") == {"run": "0002"}
    assert sorted(p.name for p in this.base.iterdir()) == ["01_objectives", "02_scope", "03_collect.tmp"]


def test_a_draft_follows_to_a_newer_run_as_long_as_nothing_was_made_in_it(publish):
    publish("0001")
    assert start("scope").take("objectives", "objectives") == {"run": "0001"}
    publish("0002")
    finish("scope")
    again = start("collect")
    assert again.take("objectives", "objectives") == {"run": "0002"}
    publish("0003")
    assert start("collect").take("objectives", "objectives") == {"run": "0002"}  # the draft's own step 2 rests on it


def test_a_link_whose_run_was_deleted_is_renewed_and_what_was_made_in_the_draft_stays(publish):
    deleted = publish("0001")
    finish("scope", value="mine")
    shutil.rmtree(deleted)
    publish("0002")
    this = start("collect")
    assert (this.take("objectives", "objectives"), this.take("scope", "scope")) == ({"run": "0002"}, {"value": "mine"})


def test_a_draft_takes_only_from_runs_of_the_same_as_of(publish):
    publish(as_of="2024-02-01")
    assert "no complete run of shop as of 2024-03-01" in refusal(start, "scope")
    assert start("scope", as_of="2024-02-01").note.endswith("from run 0001 of 1 February 2024.")


def test_a_draft_says_when_project_yml_has_changed_since_that_run(shop, publish):
    publish()
    (shop / "project.yml").write_text(PROJECT + "seed: 2\n", encoding="utf-8")
    assert start("scope").note.endswith("of 1 March 2024. project.yml has changed since that run.")


def test_a_run_that_lacks_a_step_is_not_linked_into_the_void(publish):
    publish(steps=("objectives", "scope"))
    assert refusal(start, "variables") == (
        "Step variables needs step collect, and neither this draft nor run 0001 of 2024-03-01 has it. Run notebooks/03_collect.ipynb first."
    )


def test_stepping_back_outdates_the_later_steps_and_a_later_one_names_the_notebook_to_run_first():
    for step in run.STEPS[:5]:
        finish(step)
    base = finish("scope", value=2).base
    assert sorted(p.name for p in base.iterdir()) == ["01_objectives", "02_scope", "outdated"]
    assert sorted(p.name for p in (base / "outdated").iterdir()) == ["02_scope", "03_collect", "04_variables", "05_validate"]
    assert refusal(start, "variables") == (
        "Step variables rests on step collect, which is outdated in this draft: an earlier step was run again. "
        "Run notebooks/03_collect.ipynb first."
    )
    assert finish("collect").take("scope", "scope") == {"value": 2}
    assert start("variables").take("scope", "scope") == {"value": 2}


def test_from_the_first_step_made_in_a_draft_on_nothing_is_taken_from_a_run(publish):
    publish()
    finish("objectives", value="mine")
    assert "rests on step scope, which is outdated in this draft" in refusal(start, "collect")
    finish("scope")
    assert start("collect").take("objectives", "objectives") == {"value": "mine"}


def test_a_step_begun_and_not_finished_is_named_until_it_is_finished(shop):
    finish("objectives")
    start("scope")
    assert refusal(start, "collect") == (
        "Step collect rests on step scope, which was begun in this draft and not finished. "
        "Run notebooks/02_scope.ipynb to its end first, or delete data/shop/draft/2024-03-01."
    )
    finish("scope")
    start("collect")


def test_a_notebook_left_open_while_an_earlier_step_was_run_again_cannot_hand_over():
    finish("objectives")
    finish("scope")
    open_elsewhere = start("collect")
    open_elsewhere.keep_summary({"headline": "From the old step 2."})
    finish("scope", value=2)
    expected = (
        "Step collect is outdated: this step or an earlier one was started again in this draft meanwhile. "
        "Run notebooks/03_collect.ipynb again from its top."
    )
    table = ibis.memtable({"a": [1]})
    for work in (
        lambda: open_elsewhere.give_json("x", {}),
        lambda: open_elsewhere.give_table("x", table, key=["a"]),
        lambda: open_elsewhere.keep_chart("x", b"", {}),
        lambda: open_elsewhere.keep_table("x", {}),
        lambda: open_elsewhere.hand_over(),
    ):
        assert refusal(work) == expected
    assert sorted(p.name for p in open_elsewhere.base.iterdir()) == ["01_objectives", "02_scope", "outdated"]


def test_stepping_back_in_the_draft_touches_nothing_of_a_complete_run(shop, publish):
    before = contents(publish())
    for step in ("variables", "collect", "scope", "objectives"):
        start(step)
    for step in run.STEPS[:4]:
        finish(step, value="mine")
    start("scope")
    assert len(before) == 13 and contents(shop / "runs" / "2024-03-01" / "0001") == before


def test_where_there_are_no_symbolic_links_small_files_point_to_the_run(shop, publish, monkeypatch):
    before = contents(publish())
    monkeypatch.setattr(Path, "symlink_to", no_links)
    this = start("collect")
    pointer = this.base / "02_scope"
    assert pointer.is_file() and not pointer.is_symlink()
    assert pointer.read_text(encoding="utf-8") == "../../runs/2024-03-01/0001/02_scope\n"
    assert this.take("scope", "scope") == {"run": "0001"} and this.gives("scope", "scope")
    finish("scope", value=2)
    assert finish("collect").take("scope", "scope") == {"value": 2}
    assert contents(shop / "runs" / "2024-03-01" / "0001") == before


@pytest.mark.parametrize("symbolic", [True, False])
def test_the_link_to_the_latest_pages_is_replaced_in_one_step(tmp_path, monkeypatch, symbolic):
    pages = tmp_path / "reports" / "shop" / "2024-03-01"
    (pages / "0001").mkdir(parents=True)
    (pages / "0002").mkdir()
    if not symbolic:
        monkeypatch.setattr(Path, "symlink_to", no_links)
    assert run.latest("shop") is None
    place = tmp_path / "reports" / "shop" / "latest"
    run.link(place, pages / "0001")
    seen, replace = [], os.replace

    def watched(source, target):
        seen.append(run.latest("shop"))  # until the very last moment the old pages are the latest
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    run.link(place, pages / "0002")
    assert seen == [pages / "0001"] and run.latest("shop") == pages / "0002"
    assert place.is_symlink() is symbolic
    assert sorted(p.name for p in place.parent.iterdir()) == ["2024-03-01", "latest"]


# ---- what a step takes and gives


def test_only_what_earlier_steps_gave_can_be_taken():
    finish("objectives", goal=3)
    this = start("scope")
    assert this.take("objectives", "objectives") == {"goal": 3}
    assert (this.gives("objectives", "objectives"), this.gives("objectives", "goals")) == (True, False)
    assert refusal(this.take, "objectives", "goals") == "Step objectives gave no goals. Run notebooks/01_objectives.ipynb again."
    for later in ("scope", "collect"):
        assert refusal(this.take, later, later) == f"Step scope cannot take from step {later}: only earlier steps hand over."


def test_a_source_is_cut_at_as_of_before_the_step_sees_it():
    assert start("objectives").source("orders").execute()["order_id"].tolist() == ["A", "C"]


def people(order) -> ibis.Table:
    frame = pd.DataFrame(
        {
            "customer_id": ["007", "7", "10", "010", "é"],
            "spend": ["1.10", "-2.20", None, "0.00", "3.30"],
            "last": pd.to_datetime(pd.Series(["2024-01-02", None, "2024-01-01", "2024-01-03", "2024-01-01"])),
        }
    ).iloc[list(order)]
    table = ibis.memtable(frame, schema={"customer_id": "string", "spend": "string", "last": "timestamp"})
    return table.cast({"spend": "decimal(18, 2)"})


def test_a_table_is_written_in_the_order_of_its_key_with_the_same_bytes_whatever_the_order_of_rows():
    this, hashes = start("objectives"), set()
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1], [3, 4, 1, 0, 2]):
        written = this.give_table("people", people(order), key=["customer_id"])
        assert written.execute()["customer_id"].tolist() == ["007", "010", "10", "7", "é"]
        hashes.add(hashlib.sha256((this.folder / "people.parquet").read_bytes()).hexdigest())
    assert len(hashes) == 1
    assert this.given == [
        {"name": "people", "file": "people.parquet", "rows": 5, "columns": ["customer_id", "spend", "last"], "sha256": hashes.pop()}
    ]


def test_many_rows_in_several_groups_are_written_with_the_same_bytes_whatever_their_order():
    ids = [f"{n:06d}" for n in range(250_000)]  # more than one row group
    this, hashes = start("objectives"), set()
    for seed in (1, 2):
        shuffled = random.Random(seed).sample(ids, len(ids))
        this.give_table(
            "many", ibis.memtable(pd.DataFrame({"customer_id": shuffled, "n": [int(i) for i in shuffled]})), key=["customer_id"]
        )
        hashes.add(this.given[0]["sha256"])
    assert len(hashes) == 1


def test_a_key_that_should_be_unique_and_is_not_is_refused():
    visits = ibis.memtable(pd.DataFrame({"customer_id": ["1", "2", "1"], "day": [1, 1, 2], "n": [3, 1, 2]}))
    this = start("objectives")
    with pytest.raises(ContractError) as error:
        this.give_table("visits", visits, key=["customer_id"])
    assert str(error.value) == "Step objectives: the table visits has several rows with the same customer_id."
    assert this.given == []
    assert this.give_table("visits", visits, key=["customer_id", "day"]).count().execute() == 3


def test_rows_that_tie_on_a_key_are_ordered_by_all_the_rest():
    this, hashes = start("objectives"), set()
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        frame = pd.DataFrame({"customer_id": ["1", "2", "1", "1"], "kind": ["b", "a", "a", "b"], "n": [2, 9, 5, 1]}).iloc[order]
        written = this.give_table("events", ibis.memtable(frame), key=["customer_id"], unique=False)
        assert written.execute().to_numpy().tolist() == [["1", "a", 5], ["1", "b", 1], ["1", "b", 2], ["2", "a", 9]]
        hashes.add(this.given[0]["sha256"])
    assert len(hashes) == 1


def test_an_empty_table_can_be_handed_over():
    this = start("objectives")
    nobody = this.give_table("people", people([]), key=["customer_id"])
    assert list(nobody.columns) == ["customer_id", "spend", "last"] and this.given[0]["rows"] == 0


def test_json_has_sorted_keys_twelve_digits_and_null_for_what_is_not_a_number(tmp_path):
    content = {
        "share": 0.1 + 0.2,
        "Third": 1 / 3,
        "large": 123456789.123456789,
        "amount": Decimal("1.10"),
        "none": [math.nan, np.float64("inf"), None, pd.NaT],
        "kinds": [True, np.bool_(False), np.int64(7), np.float32(0.5), 10**15],
        "days": [date(2024, 3, 1), datetime(2024, 3, 1, 6, 30), pd.Timestamp("2024-03-01")],
        "set": set("hgfedcba"),
        "name": "Crème",
        3: (1,),
    }
    run.write_json(tmp_path / "all.json", content)
    text = (tmp_path / "all.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "3": [1],
        "Third": 0.333333333333,
        "amount": 1.1,
        "days": ["2024-03-01", "2024-03-01T06:30:00", "2024-03-01T00:00:00"],
        "kinds": [True, False, 7, 0.5, 1_000_000_000_000_000],
        "large": 123456789.123,
        "name": "Crème",
        "none": [None, None, None, None],
        "set": list("abcdefgh"),
        "share": 0.3,
    }
    assert [line[2] for line in text.splitlines() if line.startswith(' "')] == list("3Tadklnnss")
    assert "Crème" in text and text.endswith("}\n")
    assert not list(tmp_path.glob("*.part"))


def test_the_same_content_in_another_order_gives_the_same_json(tmp_path):
    run.write_json(tmp_path / "a.json", {"b": {"y": 1, "x": {"q", "p", "o"}}, "a": 2})
    run.write_json(tmp_path / "b.json", {"a": 2, "b": {"x": {"o", "p", "q"}, "y": 1}})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


# ---- handing over


def test_handing_over_puts_the_folder_in_its_place_whole_with_a_list_of_what_it_gives():
    this = start("objectives")
    this.give_table("people", people([1, 0]), key=["customer_id"])
    this.give_json("goals", {"b": 1, "a": [2]})
    this.keep_summary({"headline": "Two people.", "points": []})
    final = this.base / "01_objectives"
    assert not final.exists()
    given = this.hand_over()
    assert not (this.base / "01_objectives.tmp").exists()
    assert json.loads((final / "step.json").read_text(encoding="utf-8")) == {
        "format": 1,
        "step": "objectives",
        "finding": "Two people.",
        "gives": [
            {
                "name": "goals",
                "file": "goals.json",
                "rows": 2,
                "columns": ["a", "b"],
                "sha256": hashlib.sha256(b'{\n "a": [\n  2\n ],\n "b": 1\n}\n').hexdigest(),
            },
            {
                "name": "people",
                "file": "people.parquet",
                "rows": 2,
                "columns": ["customer_id", "spend", "last"],
                "sha256": hashlib.sha256((final / "people.parquet").read_bytes()).hexdigest(),
            },
        ],
        "project_yml": run.digest(run.home() / "data" / this.project.name / "project.yml"),
        "reads": {},
    }
    assert [g["name"] for g in given] == ["goals", "people"]


def test_a_step_without_its_summary_cannot_hand_over():
    this = start("objectives")
    this.give_json("goals", {})
    assert refusal(this.hand_over) == "Step objectives has no summary yet: run the cell tagged `summary` before handing over."
    assert not (this.base / "01_objectives").exists()


def test_the_last_cell_may_be_run_twice_and_outdates_later_steps_only_if_something_changed():
    this = finish("objectives")
    finish("scope")
    this.hand_over()
    assert (this.base / "02_scope").is_dir()
    this.give_json("objectives", {"value": 2})
    this.hand_over()
    assert not (this.base / "02_scope").exists()
    assert start("scope").take("objectives", "objectives") == {"value": 2}


def test_charts_and_tables_of_the_page_are_numbered_and_a_cell_run_twice_replaces_its_own():
    this = start("objectives")
    this.keep_chart("reach", b"one", {"title": "First"})
    this.keep_chart("wide_reach", b"two", {"title": "Second"})
    this.keep_chart("reach", b"three", {"title": "Third"})
    this.keep_table("kinds", {"rows": []})
    page = this.folder / "page"
    assert sorted(p.relative_to(page).as_posix() for p in page.rglob("*") if p.is_file()) == [
        "charts/01_reach.json",
        "charts/01_reach.png",
        "charts/02_wide_reach.json",
        "charts/02_wide_reach.png",
        "tables/01_kinds.json",
    ]
    assert (page / "charts/01_reach.png").read_bytes() == b"three"
    assert json.loads((page / "charts/01_reach.json").read_text(encoding="utf-8")) == {"title": "Third"}


def test_a_hand_out_is_kept_for_the_pages_under_a_name_that_can_be_one_of_a_file():
    this = start("objectives")
    this.keep_handout("sheet-sales", "Sales", "<p>One</p>")
    this.keep_handout("sheet-sales", "Sales", "<p>Two</p>", lead="For sales.")
    kept = this.folder / "page" / "handouts" / "01_sheet-sales.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == {"title": "Sales", "lead": "For sales.", "body": "<p>Two</p>"}
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert refusal(this.keep_handout, "../sales", "Sales", "").startswith("Hand-out '../sales': name it with")


def test_a_name_that_is_the_end_of_another_gets_a_number_of_its_own():
    this = start("objectives")
    this.keep_table("wide_reach", {"rows": []})
    this.keep_table("reach", {"rows": [1]})
    assert sorted(p.name for p in (this.folder / "page" / "tables").iterdir()) == ["01_wide_reach.json", "02_reach.json"]


def test_what_was_given_is_shown_as_a_table():
    this = start("objectives")
    this.give_json("goals", {"b": 1, "a": 2, "c": 3})
    shown = this.given_table()
    sha = hashlib.sha256((this.folder / "goals.json").read_bytes()).hexdigest()[:12]
    expected = pd.DataFrame([{"name": "goals.json", "rows": 3, "columns": 3, "sha": sha}])
    pd.testing.assert_frame_equal(shown.frame, expected)


def test_sample_and_windows_follow_project_yml():
    this = start("objectives")
    table = ibis.memtable(pd.DataFrame({"customer_id": [f"{n:03d}" for n in range(300)]}))
    assert len(this.sample(table)) == 100
    found = this.windows(this.source("orders"))
    assert {name: (w.built_at, w.enough) for name, w in found.items()} == {
        "select": (datetime(2024, 2, 10), True),  # 20 days before 1 March 2024, and the first order is of 15 January
        "confirm": (datetime(2024, 2, 20), True),
        "published": (datetime(2024, 3, 1), True),
    }


# ---- a disk that is full, a folder that may not be written


def is_full(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("broken", "work", "file"),
    [
        ((Path, "write_text"), lambda this: this.give_json("goals", {}), "01_objectives.tmp/goals.json"),
        ((os, "replace"), lambda this: this.give_json("goals", {}), "01_objectives.tmp/goals.json"),
        ((Path, "write_bytes"), lambda this: this.keep_chart("reach", b"png", {}), "01_objectives.tmp/page/charts/01_reach"),
        ((os, "replace"), lambda this: this.hand_over(), "01_objectives.tmp/step.json"),
        ((Path, "mkdir"), lambda this: start("objectives"), ""),
    ],
)
def test_a_full_disk_gives_one_message_and_no_step_that_looks_finished(monkeypatch, broken, work, file):
    this = start("objectives")
    this.keep_summary({"headline": "Done."})
    monkeypatch.setattr(*broken, is_full)
    place = "data/shop/draft/2024-03-01" + (f"/{file}" if file else "")
    assert refusal(work, this) == f"{place} cannot be written: the disk is full. Free some space and run again."
    assert not (this.base / "01_objectives").exists() and this.given == []


def test_a_disk_that_fills_up_while_a_step_begins_gives_the_same_message(monkeypatch):
    mkdir = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", lambda place, *a, **k: is_full() if "01_objectives.tmp" in place.parts else mkdir(place, *a, **k))
    assert refusal(start, "objectives") == (
        "data/shop/draft/2024-03-01/01_objectives.tmp cannot be written: the disk is full. Free some space and run again."
    )


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_device_without_room_is_recognised_by_every_writer():
    this = start("objectives")
    page = this.folder / "page" / "charts"
    for path in (this.folder / "people.parquet", this.folder / "goals.json.part", page / "01_reach.png"):
        path.symlink_to(FULL)
    full = "cannot be written: the disk is full. Free some space and run again."
    table = people(range(5))
    assert refusal(this.give_table, "people", table, key=["customer_id"]).endswith(f"people.parquet {full}")
    assert refusal(this.give_json, "goals", {"a": 1}).endswith(f"goals.json {full}")
    assert refusal(this.keep_chart, "reach", b"png", {}).endswith(f"01_reach {full}")
    assert this.given == []


def test_a_folder_that_may_not_be_written_is_named_with_the_reason(monkeypatch):
    this = start("objectives")

    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert refusal(this.give_json, "goals", {}) == (
        "data/shop/draft/2024-03-01/01_objectives.tmp/goals.json cannot be written: Permission denied. Check the folder's rights."
    )


def test_another_fault_while_saving_is_not_taken_for_a_full_disk():
    with pytest.raises(ZeroDivisionError), run.saving(Path("x")):
        raise ZeroDivisionError


def test_complete_runs_are_listed_from_the_oldest(publish):
    for number in ("0010", "0002", "0011", "0001", "0003"):
        publish(number, steps=())
    plan = project.load("shop")
    assert [path.name for path in run.complete_runs(plan, datetime(2024, 3, 1))] == ["0001", "0002", "0003", "0010", "0011"]
    assert run.complete_runs(plan, datetime(2024, 3, 2)) == []


def test_earlier_documents_come_from_complete_runs_of_earlier_days_only_the_oldest_first(shop, publish):
    for as_of, number in (("2024-02-01", "0002"), ("2024-02-01", "0001"), ("2023-12-01", "0001"), ("2024-03-01", "0001")):
        publish(number, steps=("objectives",), as_of=as_of)
    later = publish("0001", steps=("objectives",), as_of="2024-02-29T180000")  # the evening before: earlier, too
    (later / "01_objectives" / "objectives.json").write_text('{"run": "evening"}', encoding="utf-8")
    (publish("0003", steps=("objectives",), as_of="2024-02-01") / "run.json").unlink()  # interrupted
    (publish("0004", steps=("objectives",), as_of="2024-02-01") / "01_objectives" / "objectives.json").unlink()  # gave no such thing
    publish("0001", steps=("objectives",), as_of="2024-04-01")
    assert [found["run"] for found in start("objectives").earlier("objectives")] == ["0001", "0001", "0002", "evening"]
    assert start("objectives").earlier("goals") == []
    assert start("objectives", as_of="2023-12-01").earlier("objectives") == []
    assert [found["run"] for found in start("objectives", as_of="2024-01-01").earlier("objectives")] == ["0001"]


def test_a_step_looks_up_what_another_step_gave_earlier_but_none_that_comes_later(shop, publish):
    publish("0001", steps=("objectives",), as_of="2024-02-01")
    publish("0001", steps=("objectives", "scope"))
    scope = run.Step("scope", project.load("shop"), datetime(2024, 3, 1), publish("0002", steps=("objectives",)), draft=False)
    assert [found["run"] for found in scope.earlier("objectives", "objectives")] == ["0001"]
    with pytest.raises(NinefoldError, match="Step scope cannot look up earlier runs of step build: only this step and those before it"):
        scope.earlier("profiles", "build")
