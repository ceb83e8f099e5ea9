"""The grocery report looked at again a quarter later, by the commands that a scheduler calls."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from conftest import COMMAND, Home

pytestmark = pytest.mark.slow

NAME, THEN, NOW = "complete_journey", "2017-10-01/0001", "2018-01-01"


class Again(NamedTuple):
    """The home, and how the first and the second re-evaluation went there."""

    home: Home
    approved: subprocess.CompletedProcess
    first: subprocess.CompletedProcess
    second: subprocess.CompletedProcess
    differences: subprocess.CompletedProcess

    def run(self, number: str) -> Path:
        return self.home.path / "data" / NAME / "runs" / NOW / number

    def found(self, step: str, name: str):
        return json.loads((self.run("0001") / step / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def again(published, first_run, tmp_path_factory) -> Again:
    """A copy of the published home, in which the run is approved and a quarter goes by."""
    home = Home(tmp_path_factory.mktemp("again"))
    for place in ("data", "reports"):
        (home.path / place / NAME).mkdir(parents=True)
    shutil.copy(published.path / "data" / NAME / "project.yml", home.path / "data" / NAME)
    shutil.copytree(first_run, home.path / "data" / NAME / "runs" / THEN)
    shutil.copytree(published.path / "reports" / NAME / THEN, home.path / "reports" / NAME / THEN)

    def command(*words):
        started = [sys.executable, "-c", COMMAND, *words, "--project", NAME]
        return subprocess.run(started, cwd=home.path, env=home.environment(), capture_output=True, encoding="utf-8")

    approved = command("approve", "--run", THEN, "--role", "Head of CRM (example)", "--on", "2017-10-05")
    first, second = (command("reevaluate", "--as-of", NOW) for _ in range(2))
    return Again(home, approved, first, second, command("diff", "--a", THEN, "--b", f"{NOW}/0001"))


def summary(again, number) -> dict:
    return json.loads((again.home.path / "data" / NAME / "reevaluations" / NOW / f"{number}.json").read_text(encoding="utf-8"))


def test_the_verdict_decides_the_exit_status_and_stands_in_the_summary_and_on_the_page(again):
    assert again.approved.returncode == 0, again.approved.stderr
    found, told = again.found("09_reevaluate", "reevaluation"), summary(again, "0001")
    assert again.first.returncode == (0 if found["verdict"] == "keep" else 10), again.first.stderr
    assert (told["verdict"], told["run"]) == (found["verdict"], f"{NOW}/0001")
    assert found["approved"] == {"run": THEN, "role": "Head of CRM (example)", "on": "2017-10-05"}
    assert (again.home.reports / "latest").resolve().name == "0002"
    page = (again.home.reports / NOW / "0001" / "09_reevaluate.html").read_text(encoding="utf-8")
    assert "approved by Head of CRM (example) on 5 October 2017" in page
    assert (again.home.reports / NOW / "0001" / "history.html").is_file()


def test_the_approved_segmentation_is_applied_unchanged_and_a_new_fit_only_proposed(again):
    then = json.loads((again.home.path / "data" / NAME / "runs" / THEN / "06_build" / "segmentation.json").read_text(encoding="utf-8"))
    now, proposed = again.found("06_build", "segmentation"), again.found("06_build", "proposed")["segmentation"]
    assert {name: part for name, part in now.items() if name != "segments"} == {k: part for k, part in then.items() if k != "segments"}
    assert [s["id"] for s in now["segments"]] == [s["id"] for s in then["segments"]]
    assert proposed["assign"] != now["assign"] and proposed["built_as_of"] > now["built_as_of"]


def test_the_causes_add_up_to_the_balance_of_every_segment_in_customers_and_in_money(again):
    found = again.found("09_reevaluate", "reevaluation")
    causes = found["causes"]["approved"]
    assert found["causes"]["last"] is None  # the last run is the approved one
    assert causes["present"] == found["stay"]["n"]
    for of, segment in zip(found["segments"], causes["segments"], strict=True):
        assert sum(cause["net"] for cause in segment["causes"].values()) == of["net"]
        money = sum(cause["money"] for cause in segment["causes"].values())
        assert money == pytest.approx(segment["money_now"] - segment["money_before"], abs=1e-6)
        assert money == pytest.approx(of["net_money"], abs=1e-6)
    then, now = (
        pd.read_parquet(run / "06_build" / "membership.parquet") for run in (again.run("0001").parents[1] / THEN, again.run("0001"))
    )
    both = then.merge(now, on="customer_id")
    assert len(both) == causes["present"] and int((both["segment_x"] != both["segment_y"]).sum()) == causes["moved"]


def test_the_same_again_takes_every_step_from_the_run_before_and_says_the_same(again):
    assert again.second.returncode == again.first.returncode, again.second.stderr
    log = json.loads((again.run("0002") / "log.json").read_text(encoding="utf-8"))
    assert [step.get("from") for step in log["steps"]] == [f"{NOW}/0001"] * 9
    first, second = ((again.run(number) / "run.json").read_bytes() for number in ("0001", "0002"))
    assert first == second
    assert {key: value for key, value in summary(again, "0002").items() if key in ("verdict", "reasons")} == {
        key: value for key, value in summary(again, "0001").items() if key in ("verdict", "reasons")
    }


def test_two_runs_are_compared_on_a_page_that_may_be_shared(again):
    assert again.differences.returncode == 0, again.differences.stderr
    pages = list((again.home.reports / "differences").glob("*.html"))
    assert len(pages) == 1 and "as_of" in again.differences.stdout


def test_nothing_under_reports_and_no_summary_names_a_household(again):
    people = pd.read_parquet(again.run("0001") / "06_build" / "membership.parquet")["customer_id"]
    named = re.compile(r"(household_id|customer_id)\W{1,20}(" + "|".join(people) + r")\b")
    texts = [*again.home.reports.rglob("*.html"), *(again.home.path / "data" / NAME / "reevaluations").rglob("*.*")]
    assert len(texts) > 20
    assert [path.name for path in texts if named.search(path.read_text(encoding="utf-8"))] == []
