"""Another number of segments tried on a run made by hand: what is told, what is refused, and that nothing is touched."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from by_hand import AS_OF, orders
from small_shop import refusal

from helpers import NinefoldError, __main__, run, words
from helpers.build import judging, trial

NAMES = ["spend_per_30d", "recency_days", "discount_share"]
N = 120
CORNERS = np.array([[200.0, 0.6], [200.0, 0.1], [20.0, 0.6], [20.0, 0.1]])
"""Spend and discounts of four groups of thirty."""


def measured(seed: int) -> pd.DataFrame:
    draw, group = np.random.default_rng(seed), np.arange(N) % 4
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(N)],
            "spend_per_30d": CORNERS[group, 0] + draw.normal(0, 2, N),
            "orders_per_30d": draw.normal(5, 1, N),
            "recency_days": draw.uniform(0, 60, N).round(),
            "discount_share": CORNERS[group, 1] + draw.normal(0, 0.01, N),
        }
    )


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with one complete run of steps 1 to 5, written as they hand over."""
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    monkeypatch.delenv("NINEFOLD_RUN", raising=False)
    place = tmp_path / "data" / "shop"
    place.mkdir(parents=True)
    columns = {c: c for c in ("customer_id", "order_id", "ordered_at", "amount", "discount")}
    typed = {
        "title": "Shop",
        "time_zone": "Europe/Paris",
        "as_of": date(2017, 10, 1),
        "currency": "EUR",
        "objectives": {"main": {"name": "Earn more", "kind": "revenue", "metric": "revenue_per_customer"}},
        "scope": {"window_days": 60, "horizon_days": 60, "segments_wanted": 3, "panel": ["discount_share"]},
        "collect": {"sources": {"till": {"table": "orders", "file": "till.csv", "columns": columns}}},
    }
    (place / "project.yml").write_text(yaml.safe_dump(typed), encoding="utf-8")
    base = place / "runs" / "2017-10-01" / "0001"
    for step in run.STEPS[:5]:
        (base / run.folder(step)).mkdir(parents=True)
    who = measured(0)["customer_id"]
    rows = [(c, f"{c}{day}", day, 10 + i % 4) for day in ("2017-01-05", "2017-05-01", "2017-09-01") for i, c in enumerate(who)]
    pq.write_table(orders(*rows).to_pyarrow(), base / "03_collect" / "orders.parquet")
    for seed, name in enumerate(("variables", "variables_confirm", "later_confirm")):
        measured(seed).to_parquet(base / "04_variables" / f"{name}.parquet")
    who.to_frame().assign(town=np.where(np.arange(N) < 60, "Lille", "Lyon")).to_parquet(base / "04_variables" / "descriptors.parquet")
    passports = {name: {"role": "proposed", "group": i, "contribution": None} for i, name in enumerate(NAMES)}
    (base / "04_variables" / "passports.json").write_text(json.dumps(passports))
    (base / "05_validate" / "validation.json").write_text(json.dumps({"build_by": NAMES}))
    (base / "run.json").write_text(json.dumps({"project_yml": ""}))
    before = words.language(), words.currency()
    yield tmp_path
    words.use(*before)


def again(home, **typed) -> None:
    """Type something else in project.yml."""
    file = home / "data" / "shop" / "project.yml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | typed), encoding="utf-8")


def contents(folder) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if ".spill" not in path.parts)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "" for p in found}


def test_four_groups_are_found_at_four_and_come_back_more_surely_than_three(home):
    found, plan = trial.at("shop", 4)
    assert (found["recipe"], found["customers"], list(found["by_k"])) == ("kmeans", N, [3, 4])
    assert found["by_k"][4]["sizes"] == [30, 30, 30, 30] and sorted(found["by_k"][3]["sizes"]) == [30, 30, 60]
    assert found["by_k"][4]["stability"] == 1 > found["by_k"][3]["stability"]
    assert found["by_k"][4]["panel"] > 0.9 and found["crossed"].to_numpy().sum() == N
    # Two groups stay as they are and two were one. Pairs together: 2·C(30,2) + C(60,2) = 2,640 and 4·C(30,2) = 1,740, in both 1,740, by
    # chance 2,640·1,740/C(120,2) = 643.4: (1,740 − 643.4) / (2,190 − 643.4)
    assert found["agreement"] == pytest.approx(0.7090, abs=1e-4) and plan.name == "shop"


def test_both_scores_are_those_that_the_contest_draws_at_that_number(home):
    found, plan = trial.at("shop", 4)
    step = run.Step("build", plan, AS_OF, home / "data" / "shop" / "draft" / "scratch", draft=True)
    base = home / "data" / "shop" / "runs" / "2017-10-01" / "0001"
    for each in run.STEPS[:5]:
        run.link(step.base / run.folder(each), base / run.folder(each))
    bought, passports = step.take("collect", "orders"), step.take("variables", "passports")
    windows = step.windows(bought)
    windows["select"] = replace(windows["select"], enough=False)  # no tree: nothing was measured then
    _, evidence = judging.judged(step, windows, bought, NAMES, passports)
    assert evidence["other_k"]["4"]["kmeans"] == pytest.approx({use: found["by_k"][4][use] for use in ("objective", "panel")})
    assert evidence["other_k"]["3"]["kmeans"] == pytest.approx({use: found["by_k"][3][use] for use in ("objective", "panel")})


def test_nothing_is_published_and_neither_run_nor_draft_is_touched(home):
    (home / "data" / "shop" / "draft" / "2017-10-01" / "06_build.tmp").mkdir(parents=True)  # the lab is at work there
    before = contents(home)
    trial.at("shop", 4)
    assert contents(home) == before
    assert trial.at("shop", 5)[0]["by_k"].keys() == {3, 5} and contents(home) == before


def test_a_draft_in_which_steps_one_to_five_stand_comes_before_the_run(home):
    draft, base = home / "data" / "shop" / "draft" / "2017-10-01", home / "data" / "shop" / "runs" / "2017-10-01" / "0001"
    draft.mkdir(parents=True)
    for step in run.STEPS[:4]:
        run.link(draft / run.folder(step), base / run.folder(step))
    assert trial.at("shop", 4)[0]["by_k"][4]["sizes"] == [30, 30, 30, 30]  # step 5 is missing there: the run's
    (draft / "05_validate").mkdir()
    (draft / "05_validate" / "validation.json").write_text(json.dumps({"build_by": ["recency_days"]}))
    assert trial.at("shop", 4)[0]["by_k"][4]["sizes"] != [30, 30, 30, 30]


def test_with_too_little_history_there_is_stability_and_no_score(home):
    base = home / "data" / "shop" / "runs" / "2017-10-01" / "0001"
    pq.write_table(orders(("c001", "o", "2017-09-01", 10)).to_pyarrow(), base / "03_collect" / "orders.parquet")
    found, plan = trial.at("shop", 4)
    assert (found["by_k"][4]["stability"], found["by_k"][4]["objective"], found["by_k"][4]["panel"]) == (1.0, None, None)
    assert re.search(r"^ +4 +30 · 30 · 30 · 30 +1\.00 +– +–$", trial.as_text(trial.trial_table(found, plan)), re.M)


def test_the_command_prints_both_tables_as_plain_text(home, capsys):
    assert __main__.try_(__main__.read(["try", "--segments", "4", "--project", "shop"])[0], []) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "“k-means” with another number of segments"
    assert re.search(r"^ +Segments +Customers, the largest first +Stability +Objective explained +Panel explained, mean$", shown, re.M)
    assert re.search(r"^ +4 +30 · 30 · 30 · 30 +1\.00 +\S+% +9\d\.\d%$", shown, re.M)
    assert (
        "A trial on 120 customers that publishes nothing: 10 pairs of samples. The two cuts agree at 0.71 (adjusted Rand index)." in shown
    )
    assert "Customers of each segment by segment of the cut into 4" in shown
    crossing = [[int(n) for n in line.split()] for line in re.findall(r"^  S\d +([\d ]+)$", shown, re.M)]
    assert sorted(map(sorted, crossing)) == [[0, 0, 0, 30], [0, 0, 0, 30], [0, 0, 30, 30]]


def test_the_number_wanted_itself_is_shown_alone(home, capsys):
    __main__.try_(__main__.read(["try", "--segments", "3", "--project", "shop"])[0], [])
    shown = capsys.readouterr().out
    assert "3 is the number wanted: there is nothing to compare it with." in shown and "Customers of each segment" not in shown


def test_groups_of_too_few_customers_are_not_told_nor_what_gives_them_away():
    class Few:
        min_cell = 10

    names = ["S1", "S2", "S10"]
    crossed = pd.DataFrame([[50, 4, 0], [3, 40, 0], [0, 0, 25]], index=["S1", "S2", "S3"], columns=names)
    scores = {"stability": 0.5, "objective": None, "panel": 0.1}
    by_k = {2: {"sizes": [63, 54]} | scores, 3: {"sizes": [53, 44, 9]} | scores}
    found = {"recipe": "kmeans", "customers": 117, "agreement": 0.5, "by_k": by_k, "crossed": crossed}
    assert trial.trial_table(found, Few).frame["sizes"].tolist() == ["63 · 54", "53 · – · –"]
    shown = trial.as_text(trial.crossed_table(found, Few))
    assert [line.split()[1:] for line in shown.splitlines()[2:5]] == [["–", "–", "0"], ["–", "–", "0"], ["0", "0", "25"]]
    assert "fewer than 10 customers" in shown.splitlines()[-1]


def test_a_way_of_cutting_that_ignores_the_number_says_so(home):
    again(home, build={"rules": [{"name": "dear", "when": "spend_per_30d >= 100"}]})
    found, plan = trial.at("shop", 4, recipe="rules")
    assert found["by_k"][3]["sizes"] == found["by_k"][4]["sizes"] == [60, 60] and found["agreement"] == 1
    assert trial.trial_table(found, plan).note.endswith("a number of segments of its own: both cuts are the same.")


def test_what_project_yml_publishes_is_tried_unless_another_way_is_named(home):
    again(home, build={"chosen": "hcpc"})
    assert trial.at("shop", 4)[0]["recipe"] == "hcpc" and trial.at("shop", 4, recipe="bands")[0]["recipe"] == "bands"


@pytest.mark.parametrize("k", [-1, 0, 1, 13, 200])
def test_a_number_that_is_none_is_refused_with_those_that_are(home, k):
    assert refusal(lambda: trial.at("shop", k)) == f"{k} is no number of segments to try: write one from 2 to 12."


def test_the_command_without_a_number_says_how_it_is_written():
    message = refusal(lambda: __main__.try_(__main__.read(["try"])[0], []))
    assert message == "Say how many segments to try: make try K=4, or without make: python src/helpers try --segments 4."


def test_a_way_of_cutting_that_is_unknown_or_refused_is_named_with_the_remedy(home):
    again(home, language="fr")  # messages are in English whatever the pages are in
    message = refusal(lambda: trial.at("shop", 4, recipe="kmean"))
    assert message.startswith("data/shop/project.yml: 'kmean' cannot be tried: there is no such way of cutting here (did you mean kmeans?)")
    assert "write one of rfm, bands," in message
    assert refusal(lambda: trial.at("shop", 4, recipe="rules")) == (
        "data/shop/project.yml: 'rules' cannot be tried: nothing is typed: write build.rules in project.yml."
    )
    assert "these data hold nothing of this type; it would take" in refusal(lambda: trial.at("shop", 4, recipe="psychographic"))


def test_without_a_run_the_message_says_how_to_make_one(home):
    message = "There is no run of shop as of 2017-07-01 to try on. Run `make report PROJECT=shop` first, or the notebooks of steps 1 to 5."
    assert refusal(lambda: trial.at("shop", 4, as_of="2017-07-01")) == message
    (home / "data" / "shop" / "runs" / "2017-10-01" / "0001" / "run.json").unlink()  # interrupted: not complete
    assert "There is no run of shop as of 2017-10-01" in refusal(lambda: trial.at("shop", 4))


def test_fewer_different_customers_than_segments_are_an_error_that_says_what_to_do(home):
    base = home / "data" / "shop" / "runs" / "2017-10-01" / "0001" / "04_variables"
    alike = measured(0).assign(spend_per_30d=np.arange(N) % 4, recency_days=1.0, discount_share=0.5)
    alike.to_parquet(base / "variables.parquet")
    message = refusal(lambda: trial.at("shop", 5))
    assert "the 120 customers in scope have 4 different profiles by" in message and "5 segments cannot be built. Ask for fewer" in message


def test_where_nothing_unsigned_is_built_nothing_unsigned_is_tried(home, monkeypatch):
    def refuse(step, base, plan):
        raise NinefoldError(f"{plan.name}: nothing is built in {step} of {base.name}.")

    monkeypatch.setattr(trial, "refuse_unsigned", refuse)
    assert refusal(lambda: trial.at("shop", 4)) == "shop: nothing is built in build of 0001."
