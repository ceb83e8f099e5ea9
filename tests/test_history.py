"""All reviews of a project, one after the other: which count, which segments live on, and what the page may tell."""

import json
from types import SimpleNamespace

import pytest
from small_shop import opened

from helpers import project, run, words
from helpers.charts.over_time import over_time
from helpers.reevaluate import history
from helpers.reevaluate.history import page
from helpers.render.markup import Inspector

FOUND = {
    "from": "2023-11-03T00:00:00",
    "stay": {"kappa": 0.5, "low": 0.45, "high": 0.55},
    "drift": [{"variable": "spend", "psi": 0.3, "mark": "changed"}, {"variable": "days", "psi": 0.1, "mark": "look"}],
    "verdict": "keep",
}
EVIDENCE = {"k": 2, "stability": {"2": {"median": 0.8}}}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project of a few lines; `shop.place` is its folder."""
    make = opened(tmp_path, monkeypatch)
    make()
    words.use("en", currency="EUR")
    return make


@pytest.fixture
def made(shop):
    """`made("2024-02-01/0001", S1=20, S2=30)`: a complete run with so many customers a segment, each with 5 euros per 30 days."""

    def make(name, *, found=FOUND, record=None, **sizes):
        base = shop.place / "runs" / name
        for step, content in (("build", {"profiles": profiles(**sizes), "evidence": EVIDENCE}), ("reevaluate", {"reevaluation": found})):
            place = base / run.folder(step)
            place.mkdir(parents=True)
            for file, document in content.items():
                run.write_json(place / f"{file}.json", document)
        run.write_json(base / "run.json", {"as_of": f"{name[:10]}T00:00:00", **(record or {})})
        return base

    return make


def profiles(**sizes):
    listed = [{"id": i, "name": None, "colour": "#12436D", "n": n, "revenue_per_30d": {"value": 5.0}} for i, n in sizes.items()]
    return {"chosen": "kmeans", "customers": sum(sizes.values()), "segments": listed}


def step(as_of, *, approved=None, **sizes):
    """Step 9 of a run at that day, as far as `history` asks: what step 6 gave, and what was noted as read."""
    plan = project.load("shop")
    taken = {"profiles": profiles(**sizes), "evidence": EVIDENCE} if sizes else {}
    noted = []
    return SimpleNamespace(
        project=plan,
        as_of=project.instant(as_of, plan),
        approved=approved and SimpleNamespace(run=approved),
        noted=noted,
        earlier=lambda name, step: noted.append((step, name)),
        gives=lambda step, name: name in taken,
        take=lambda step, name: taken[name],
    )


def told(entries):
    return page.handout(entries, project.load("shop"))


# ---- which runs


def test_runs_of_earlier_days_and_this_one_are_told_oldest_first_and_later_ones_not(made):
    for name in ("2024-02-01/0002", "2024-01-01/0001", "2024-02-01/0001", "2024-03-01/0001", "2024-04-01/0001"):
        made(name, S1=20, S2=30)
    entries = history.history(step("2024-03-01", S1=25, S2=25), FOUND)
    assert [(entry["run"], entry["newest"]) for entry in entries] == [
        ("2024-01-01/0001", True),
        ("2024-02-01/0001", False),
        ("2024-02-01/0002", True),
        (None, True),
    ]
    assert "Runs that a newer one of the same date replaced" in told(entries)["body"]


def test_what_a_run_found_is_read_from_its_documents(made):
    made("2024-02-01/0001", S1=20, S2=30, record={"approved": "2023-01-01/0001"})
    entry = history.history(step("2024-03-01"), {})[0]
    assert entry["applied"] == "2023-01-01/0001" and entry["recipe"] == "kmeans"
    assert (entry["customers"], entry["revenue"], entry["stability"], entry["kappa"], entry["verdict"]) == (50, 250.0, 0.8, 0.5, "keep")
    assert entry["drift"] == {"changed": 1, "look": 1, "of": 2, "variable": "spend", "psi": 0.3}
    assert entry["since"] == "2023-11-03T00:00:00"


def test_a_retired_run_keeps_its_line_and_says_that_its_tables_are_gone(made):
    base = made("2024-02-01/0001", S1=20, S2=30)
    (base / "run.json").rename(base / "retired.json")
    entries = history.history(step("2024-03-01", S1=25, S2=25), FOUND)
    assert [(entry["whole"], entry["customers"]) for entry in entries] == [(False, 50), (True, 50)]
    assert "its tables of customers are no longer kept" in told(entries)["body"]


def test_who_approved_a_run_and_when_stands_beside_it(made, shop):
    made("2024-02-01/0001", S1=20, S2=30)
    signed = {"run": "2024-02-01/0001", "as_of": "2024-02-01T00:00:00", "role": "Head of CRM", "on": "2024-02-05", "segmentation": {}}
    (shop.place / "approved.json").write_text(json.dumps({"format": 1, "approved": [signed]}), encoding="utf-8")
    entries = history.history(step("2024-03-01", approved="2024-02-01/0001", S1=25, S2=25), FOUND)
    assert entries[0]["approvals"] == [{"role": "Head of CRM", "on": "2024-02-05"}]
    body = told(entries)["body"]
    assert "Head of CRM, 5 February 2024" in body and "re-evaluation of 2024-02-01/0001" in body


def test_the_first_run_has_a_history_of_one_and_a_run_without_segments_too(shop):
    for sizes, found in (({"S1": 20, "S2": 30}, FOUND), ({}, {})):
        entries = history.history(step("2024-03-01", **sizes), found)
        assert len(entries) == 1
        assert page.sentence(entries, project.load("shop")) == (
            "This is the first review of this project: the history begins with the next one."
        )
        assert not Inspector(told(entries)["body"]).faults


def test_what_is_read_of_earlier_runs_is_noted_among_what_the_step_rests_on(shop):
    here = step("2024-03-01", S1=20)
    history.history(here, FOUND)
    assert here.noted == list(history.READ)


# ---- segments over time


def test_an_id_that_survives_continues_and_others_begin_or_end(made):
    made("2024-01-01/0001", S1=20, S2=30)
    made("2024-02-01/0001", S1=25, S3=40)
    lives = history.lives(history.history(step("2024-03-01", S1=35, S3=45, S4=50), FOUND))
    days = ["2024-01-01T00:00:00", "2024-02-01T00:00:00", "2024-03-01T00:00:00"]
    assert [(life["id"], life["began"], life["ended"]) for life in lives] == [
        ("S1", days[0], None),
        ("S3", days[1], None),
        ("S4", days[2], None),
        ("S2", days[0], days[1]),
    ]
    assert [n for _, n, _ in lives[0]["points"]] == [20, 25, 35]
    assert [n for _, n, _ in lives[1]["points"]] == [None, 40, 45]


def test_a_run_without_segments_ends_none(made):
    made("2024-01-01/0001", S1=20, S2=30)
    lives = history.lives(history.history(step("2024-03-01"), FOUND))
    assert [life["ended"] for life in lives] == [None, None]


def test_the_largest_change_is_relative_and_said_with_both_sizes(made):
    made("2024-01-01/0001", S1=20, S2=300)
    entries = history.history(step("2024-03-01", S1=30, S2=330), FOUND)
    assert page.sentence(entries, project.load("shop")) == (
        "2 reviews since 1 January 2024; verdicts, oldest first: keep; keep. "
        "Since the first, the size of “Segment S1” changed most, from 20 to 30 customers."
    )


def test_equal_sizes_are_said_to_be_those_of_the_first_review(made):
    made("2024-01-01/0001", S1=20, S2=300)
    entries = history.history(step("2024-03-01", S1=20, S2=300), FOUND)
    assert page.sentence(entries, project.load("shop")).endswith("The sizes that can be compared are those of the first review.")


def test_small_segments_and_what_would_give_them_away_are_gaps(made):
    made("2024-01-01/0001", S1=4, S2=30, S3=50)
    entries = history.history(step("2024-03-01", S1=40, S2=41, S3=53), FOUND)
    points = {life["id"]: [n for _, n, _ in life["points"]] for life in history.lives(entries)}
    assert points == {"S1": [None, 40], "S2": [None, 41], "S3": [50, 53]}
    body = told(entries)["body"]
    assert ">30<" not in body and ">4<" not in body and "30 on 1 January" not in body


# ---- the page


def test_the_page_keeps_its_promises_in_both_languages(made):
    made("2024-01-01/0001", S1=20, S2=30)
    entries = history.history(step("2024-03-01", S1=25, S3=35), FOUND)
    for language in ("en", "fr"):
        words.use(language)
        seen = Inspector(told(entries)["body"])
        assert not (seen.faults or seen.twice or seen.targets - seen.ids)


def test_the_page_names_no_number_of_this_run_for_it_is_taken_over_where_nothing_changed(made):
    made("2024-01-01/0001", S1=20, S2=30)
    first = told(history.history(step("2024-03-01", S1=25, S2=35), FOUND))
    made("2024-03-01/0001", S1=25, S2=35)
    assert told(history.history(step("2024-03-01", S1=25, S2=35), FOUND)) == first


def test_a_gap_breaks_the_line_and_values_stand_on_one_scale():
    drawn = over_time([(0.0, 10.0), (0.5, None), (0.8, 5.0), (1.0, 0.0)], top=10.0, colour="#12436D", alt="S1: 10, 5 and 0")
    assert drawn.count("<circle") == 3 and drawn.count("<polyline") == 1
    assert 'cx="6.0" cy="6.0"' in drawn and 'points="156.4,22.0 194.0,38.0"' in drawn  # 44 high with 6 free above and below
    assert 'aria-label="S1: 10, 5 and 0"' in drawn
