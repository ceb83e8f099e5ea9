"""A company that has nothing but order lines, looked at again a quarter later by the commands of a scheduler: conftest's `again`."""

import json
import zipfile

import pandas as pd
import pytest
from conftest import HANDOUTS

from helpers import run

pytestmark = pytest.mark.slow

THEN, NOW = "2024-07-01/0001", "2024-10-01/0001"


def summary(again, number) -> dict:
    return json.loads((again.home / "data" / "shop" / "reevaluations" / "2024-10-01" / f"{number}.json").read_text(encoding="utf-8"))


def test_the_verdict_decides_the_exit_status_and_stands_in_the_summary_and_on_the_page(again):
    assert (again.report.returncode, again.approved.returncode) == (0, 0), again.report.stderr + again.approved.stderr
    found, told = again.found("09_reevaluate", "reevaluation"), summary(again, "0001")
    assert again.first.returncode == (0 if found["verdict"] == "keep" else 10), again.first.stderr
    assert (told["verdict"], told["run"]) == (found["verdict"], NOW)
    assert found["approved"] == {"run": THEN, "role": "Head of CRM (example)", "on": "2024-07-05"}
    pages = again.home / "reports" / "shop"
    assert (pages / "latest").resolve() == (pages / "2024-10-01" / "0002").resolve()
    assert "approved by Head of CRM (example) on 5 July 2024" in (pages / NOW / "09_reevaluate.html").read_text(encoding="utf-8")
    assert (pages / NOW / "history.html").is_file()


def test_the_approved_segmentation_is_applied_unchanged_and_a_new_fit_only_proposed(again):
    then, now = (again.found("06_build", "segmentation", name) for name in (THEN, NOW))
    assert {name: part for name, part in now.items() if name != "segments"} == {k: part for k, part in then.items() if k != "segments"}
    assert [s["id"] for s in now["segments"]] == [s["id"] for s in then["segments"]]
    proposed = again.found("06_build", "proposed")["segmentation"]
    assert proposed["assign"] != now["assign"] and proposed["built_as_of"] > now["built_as_of"]


def test_the_causes_add_up_to_the_balance_of_every_segment_in_customers_and_in_money(again):
    found = again.found("09_reevaluate", "reevaluation")
    causes = found["causes"]["approved"]
    assert found["causes"]["last"] is None  # the last run is the approved one
    assert causes["present"] == found["stay"]["n"] >= 200
    for of, segment in zip(found["segments"], causes["segments"], strict=True):
        assert sum(cause["net"] for cause in segment["causes"].values()) == of["net"]
        money = sum(cause["money"] for cause in segment["causes"].values())
        assert money == pytest.approx(segment["money_now"] - segment["money_before"], abs=1e-6)
        assert money == pytest.approx(of["net_money"], abs=1e-6)
    then, now = (pd.read_parquet(again.run(name) / "06_build" / "membership.parquet") for name in (THEN, NOW))
    both = then.merge(now, on="customer_id")
    assert len(both) == causes["present"] and int((both["segment_x"] != both["segment_y"]).sum()) == causes["moved"]


def test_the_same_again_takes_every_step_from_the_run_before_and_says_the_same(again):
    assert again.second.returncode == again.first.returncode, again.second.stderr
    log = json.loads((again.run("2024-10-01/0002") / "log.json").read_text(encoding="utf-8"))
    assert [step.get("from") for step in log["steps"]] == [NOW] * 9
    assert (again.run(NOW) / "run.json").read_bytes() == (again.run("2024-10-01/0002") / "run.json").read_bytes()
    first, second = (summary(again, number) for number in ("0001", "0002"))
    assert (first["verdict"], first["reasons"]) == (second["verdict"], second["reasons"])


def test_two_runs_are_compared_on_a_page_that_may_be_shared(again):
    assert again.differences.returncode == 0, again.differences.stderr
    assert len(list((again.home / "reports" / "shop" / "differences").glob("*.html"))) == 1


def test_no_summary_and_no_log_names_a_customer(again):
    texts = list((again.home / "data" / "shop" / "reevaluations").rglob("*.*"))
    assert len(texts) == 4 and not any("KUNDE-" in path.read_text(encoding="utf-8") for path in texts)


def test_a_project_of_order_lines_alone_is_published_and_says_what_is_missing(again):
    pages = {p.stem: p.read_text(encoding="utf-8") for p in (again.home / "reports" / "shop" / "latest").glob("*.html")}
    assert sorted(pages) == sorted([*map(run.folder, run.STEPS), "index", *HANDOUTS])
    assert "no target is set" in pages["01_objectives"]
    assert "not in these data; it would take" in pages["02_scope"]
    assert "Attribute" not in pages["04_variables"]


def test_nothing_under_reports_holds_a_customer_id(again):
    files = [p for p in (again.home / "reports").rglob("*") if p.is_file()]
    assert any(b"KUNDE-" in p.read_bytes() for p in (again.home / "data").rglob("*.csv"))  # the search would find it
    assert len(files) > 10
    for path in files:
        parts = [path.read_bytes()]
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                parts = [book.read(name) for name in book.namelist()]
        assert not any(b"KUNDE-" in part for part in parts), path
