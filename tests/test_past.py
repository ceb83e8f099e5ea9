"""Runs read again: which are there, which segmentation is in force, and which steps need not be run again."""

import json
import shutil
from datetime import datetime

import pytest
from small_shop import opened, refusal

from helpers import project, run
from helpers.run import reuse
from helpers.run.past import record_of

DOCUMENT = {"segments": [{"id": "S1", "name": {"en": "Loyal"}}, {"id": "S2", "name": None}], "variables": [], "made_by": "kmeans"}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project of a few lines; `shop.place` is its folder."""
    make = opened(tmp_path, monkeypatch)
    make()
    return make


@pytest.fixture
def publish(shop):
    """`publish("2024-02-01", "0001", document)`: a complete run with what step 6 gave, and its folder."""

    def make(as_of, number, document=None, **made):
        base = shop.place / "runs" / as_of / number
        (base / "06_build").mkdir(parents=True)
        (base / "run.json").write_text(json.dumps({"as_of": f"{as_of}T00:00:00", **made}), encoding="utf-8")
        if document:
            (base / "06_build" / "segmentation.json").write_text(json.dumps(document), encoding="utf-8")
        return base

    return make


def plan():
    return project.load("shop")


def at(day):
    return datetime.fromisoformat(day)


# ---- which runs are there


def test_runs_are_told_oldest_first_and_a_retired_one_only_where_it_is_asked_for(publish):
    publish("2024-02-01", "0002")
    publish("2024-02-01", "0001")
    old = publish("2023-11-01", "0001")
    (old / "run.json").rename(old / "retired.json")
    assert [each.name for each in run.all_runs(plan())] == ["2024-02-01/0001", "2024-02-01/0002"]
    every = run.all_runs(plan(), retired=True)
    assert [(each.name, each.whole) for each in every][0] == ("2023-11-01/0001", False)
    assert every[0].as_of == at("2023-11-01")


def test_a_run_is_found_by_its_name_or_by_its_day_and_an_unknown_one_names_those_that_are_there(publish):
    for number in ("0001", "0002"):
        publish("2024-02-01", number)
    assert run.past(plan(), "2024-02-01").name == "2024-02-01/0002"
    assert run.past(plan(), "2024-02-01/0001").name == "2024-02-01/0001"
    assert refusal(lambda: run.past(plan(), "2024-02-02")) == (
        "shop has no complete run '2024-02-02'. Complete runs: 2024-02-01/0001, 2024-02-01/0002. Give one of them, or run `make report`."
    )


def test_a_run_gives_its_project_as_it_was_typed_then_and_none_where_it_kept_nothing_and_the_file_has_changed(shop, publish):
    base = publish("2024-02-01", "0001", project_yml="another")
    found = run.past(plan(), "2024-02-01")
    assert found.plan(plan()) is None
    text = (shop.place / "project.yml").read_text(encoding="utf-8")
    (base / "project.yml").write_text(text.replace("title: Shop", "title: The old shop"), encoding="utf-8")
    assert (found.plan(plan()).title, found.plan(plan()).name) == ("The old shop", "shop")
    (base / "project.yml").write_text("title: [", encoding="utf-8")  # one that today's fields do not know
    assert found.plan(plan()) is None


# ---- which segmentation is in force


def test_where_nobody_approved_the_newest_run_before_is_in_force_and_without_one_nothing_is(publish):
    assert run.approved(plan(), at("2024-03-01")) is None
    publish("2024-02-01", "0001", DOCUMENT)
    publish("2024-03-01", "0001", DOCUMENT | {"made_by": "hcpc"})
    found = run.approved(plan(), at("2024-03-01"))
    assert (found.run, found.role, found.segmentation["made_by"]) == ("2024-02-01/0001", None, "kmeans")
    assert run.approved(plan(), at("2024-02-01")) is None


def test_what_was_approved_last_is_in_force_with_role_and_day_even_when_its_run_is_gone(publish):
    base = publish("2024-01-01", "0001", DOCUMENT)
    publish("2024-02-01", "0001", DOCUMENT | {"made_by": "hcpc"})
    said = run.approve("shop", "2024-01-01/0001", "Head of CRM (example)", on="2024-01-15")
    assert said == [
        "Approved for shop: the segmentation of 2024-01-01/0001, by Head of CRM (example) on 2024-01-15: S1 Loyal, S2.",
        "Kept in data/shop/approved.json.",
    ]
    shutil.rmtree(base)
    found = run.approved(plan(), at("2024-03-01"))
    assert (found.run, found.role, found.on, found.past) == ("2024-01-01/0001", "Head of CRM (example)", "2024-01-15", None)
    assert found.segmentation == DOCUMENT
    run.approve("shop", "2024-02-01", "Finance controller (example)", on="2024-02-02")
    assert run.approved(plan(), at("2024-03-01")).segmentation["made_by"] == "hcpc"


def test_what_was_built_later_is_not_judged_earlier_and_a_faulty_approval_is_refused(shop, publish):
    publish("2024-02-01", "0001", DOCUMENT)
    publish("2024-01-01", "0001")
    assert refusal(lambda: run.approve("shop", "2024-02-01", " ")).startswith("Say in which role you approve: make approve RUN=")
    assert refusal(lambda: run.approve("shop", "2024-02-01", "CRM", on="soon")) == "on: 'soon' is not a date. Write it as YYYY-MM-DD."
    assert "published no segmentation" in refusal(lambda: run.approve("shop", "2024-01-01", "CRM"))
    run.approve("shop", "2024-02-01", "CRM", on="2024-02-02")
    assert refusal(lambda: run.approved(plan(), at("2024-01-31"))).startswith(
        "as_of: 2024-01-31 is earlier than 2024-02-01, the day of the run 2024-02-01/0001 that was approved (data/shop/approved.json)"
    )
    assert run.approved(plan(), at("2024-02-01")).run == "2024-02-01/0001"
    (shop.place / "approved.json").write_text("{}", encoding="utf-8")
    assert refusal(lambda: run.approved(plan(), at("2024-03-01"))).startswith("data/shop/approved.json cannot be read (")


# ---- steps that rest on nothing new


MADE = {name: name for name in reuse.SAME} | {"as_of": at("2024-02-01"), "files": {"till.csv": "1"}}


@pytest.fixture
def earlier(publish):
    """A complete run whose step 2 read the objectives of step 1, which had the content "a"."""
    base = publish("2024-02-01", "0001", **{name: value for name, value in MADE.items() if name != "as_of"})
    (base / "notebooks").mkdir()
    step(base, "objectives", "a")
    step(base, "scope", "b", {"objectives/objectives": "a", "objectives/nothing": None, "last run": None, "before/scope/scope": []})
    return base


def step(base, name, content, reads=None):
    place = base / run.folder(name)
    place.mkdir(exist_ok=True)
    record = {"gives": [{"name": name, "sha256": content}], "finding": f"{name} {content}", "reads": reads or {}}
    (place / "step.json").write_text(json.dumps(record), encoding="utf-8")
    (base / "notebooks" / f"{run.folder(name)}.ipynb").write_text("{}", encoding="utf-8")


@pytest.fixture
def now(shop, earlier):
    base = shop.place / "runs" / "2024-02-01" / "0002"
    (base / "notebooks").mkdir(parents=True)
    return base


def test_a_step_that_rests_on_the_same_is_taken_from_the_run_before_with_its_notebook(now, capsys):
    assert reuse.take("objectives", now, plan(), MADE)["from"] == "2024-02-01/0001"
    assert reuse.take("scope", now, plan(), MADE)["from"] == "2024-02-01/0001"
    assert json.loads((now / "02_scope" / "step.json").read_text(encoding="utf-8"))["finding"] == "scope b"
    assert (now / "notebooks" / "02_scope.ipynb").is_file() and not list(now.glob("*.tmp"))
    assert "02 scope          as in 2024-02-01/0001      scope b" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in reuse.SAME if name not in ("as_of", "files", *reuse.IN_FORCE)])
def test_nothing_is_taken_where_anything_that_a_run_is_made_with_differs(now, name):
    assert reuse.take("objectives", now, plan(), MADE | {name: "another"}) is None


def test_another_approved_segmentation_asks_only_those_steps_again_that_apply_it(now):
    step(now.parent / "0001", "build", "e")
    assert reuse.take("objectives", now, plan(), MADE | {"approved": "another"}) is not None
    assert reuse.take("build", now, plan(), MADE | {"approved": "another"}) is None
    assert reuse.take("build", now, plan(), MADE | {"approvals": "another"}) is None
    assert reuse.take("build", now, plan(), MADE) is not None


def test_nothing_is_taken_where_a_file_differs_or_a_server_cannot_tell(now):
    assert reuse.take("objectives", now, plan(), MADE | {"files": {"till.csv": "2"}}) is None
    assert reuse.take("objectives", now, plan(), MADE | {"files": {"till.csv": "1", "postgresql": None}}) is None


def test_a_step_is_run_again_when_what_it_took_from_another_step_has_another_content(now):
    step(now, "objectives", "c")
    assert reuse.take("scope", now, plan(), MADE) is None


def test_a_step_is_run_again_when_what_it_looked_for_in_vain_is_there_now(now):
    step(now, "objectives", "a")
    record = json.loads((now / "01_objectives" / "step.json").read_text(encoding="utf-8"))
    record["gives"].append({"name": "nothing", "sha256": "d"})
    (now / "01_objectives" / "step.json").write_text(json.dumps(record), encoding="utf-8")
    assert reuse.take("scope", now, plan(), MADE) is None


def test_a_step_is_run_again_when_a_run_before_has_come(now, publish):
    step(now, "objectives", "a")
    assert reuse.take("scope", now, plan(), MADE) is not None
    shutil.rmtree(now / "02_scope")
    publish("2024-01-01", "0001")
    assert reuse.take("scope", now, plan(), MADE) is None


def test_a_step_is_run_again_when_a_run_whose_tables_it_read_is_changed_or_gone(now, publish):
    before = publish("2024-01-01", "0001")
    step(now, "objectives", "a")
    reads = {"run/2024-01-01/0001": run.digest(before / "run.json")}
    step(now.parent / "0001", "scope", "b", reads)
    assert reuse.take("scope", now, plan(), MADE) is not None
    for change in (lambda: (before / "run.json").write_text("{}", encoding="utf-8"), lambda: shutil.rmtree(before)):
        shutil.rmtree(now / "02_scope")
        change()
        assert reuse.take("scope", now, plan(), MADE) is None
        step(now.parent / "0001", "scope", "b", {"run/2024-01-01/0001": record_of(plan(), "2024-01-01/0001")})
        assert reuse.take("scope", now, plan(), MADE) is not None


@pytest.mark.parametrize("gone", ["02_scope/step.json", "notebooks/02_scope.ipynb"])
def test_a_step_that_somebody_removed_from_a_run_is_run_again(now, gone):
    step(now, "objectives", "a")
    (now.parent / "0001" / gone).unlink()
    assert reuse.take("scope", now, plan(), MADE) is None


def test_the_code_of_a_run_is_told_by_names_and_content_of_every_file(monkeypatch, tmp_path):
    for path in (tmp_path / "src" / "helpers", tmp_path / "notebooks"):
        path.mkdir(parents=True)
    (tmp_path / "src" / "helpers" / "a.py").write_text("1", encoding="utf-8")
    (tmp_path / "notebooks" / "01.ipynb").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(reuse, "ROOT", tmp_path)
    first = reuse.code()
    assert reuse.code() == first
    (tmp_path / "src" / "helpers" / "__pycache__").mkdir()
    (tmp_path / "src" / "helpers" / "__pycache__" / "a.pyc").write_text("x", encoding="utf-8")
    assert reuse.code() == first
    (tmp_path / "src" / "helpers" / "a.py").rename(tmp_path / "src" / "helpers" / "b.py")
    assert reuse.code() != first
