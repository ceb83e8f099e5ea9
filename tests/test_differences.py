"""Two runs compared: what differs in what they were made from and in what they found, on runs of a few typed rows."""

import json

import pandas as pd
import pytest
from documents import document, mixed, number, on_axes, posterior
from documents import rules as rules_document
from small_shop import opened, refusal

from helpers import differences, project, run, words
from helpers.differences import before, handed, page, results
from helpers.render.markup import Inspector

STEPS = ("collect", "variables", "validate", "build", "reevaluate")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project of a few lines; `shop.place` is its folder."""
    make = opened(tmp_path, monkeypatch)
    make()
    words.use("en", currency="EUR")
    return make


def nearest(low=10.0, high=110.0):
    """Two centres of spend in tens of euros around 60: S1 at `low` euros, S2 at `high`."""
    spend = number("spend", 0.0, {"clip": [0.0, 500.0]}, {"scale": [60.0, 10.0]})
    return document([spend], ["S1", "S2"], {"nearest": {"centroids": [[(low - 60) / 10], [(high - 60) / 10]]}})


def profiles(*sizes):
    listed = [{"id": f"S{i}", "name": None, "colour": "#12436D", "n": n, "revenue_per_30d": {"value": 5.0}} for i, n in enumerate(sizes, 1)]
    return {"chosen": "kmeans", "customers": sum(sizes), "segments": listed}


@pytest.fixture
def made(shop):
    """`made("2024-02-01", build={name: document}, …)`: a complete run with what its steps gave; members: segment of C000, C001 …"""

    def make(as_of, number_="0001", *, members="", yml=None, files=None, record=None, **given):
        base = shop.place / "runs" / as_of / number_
        steps = []
        for step in STEPS:
            place = base / run.folder(step)
            place.mkdir(parents=True)
            gives = []
            for name, content in given.get(step, {}).items():
                run.write_json(place / f"{name}.json", content)
                gives.append(_given(place / f"{name}.json"))
            if step == "build" and members:
                frame = pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(len(members))], "segment": [f"S{m}" for m in members]})
                frame[frame["segment"] != "S-"].to_parquet(place / "membership.parquet")
                gives.append(_given(place / "membership.parquet"))
            record_of = {"step": step, "finding": "", "gives": gives, "project_yml": "", "reads": {}}
            run.write_json(place / "step.json", record_of)
            steps.append(record_of)
        if yml:
            (base / "project.yml").write_text(yml, encoding="utf-8")
        kept = {"as_of": f"{as_of}T00:00:00", "project_yml": str(hash(yml)), "files": files or {"till.csv": "a"}, "seed": 1, "code": "x"}
        run.write_json(base / "run.json", kept | {"steps": steps, "versions": {"numpy": "2"}} | (record or {}))
        return differences.find(plan(), f"{as_of}/{number_}")

    return make


def _given(path):
    return {"name": path.stem, "file": path.name, "rows": 1, "columns": [], "sha256": run.digest(path)}


def plan():
    return project.load("shop")


# ---- the same or not


def test_two_runs_with_the_same_bytes_are_the_same_byte_for_byte(made):
    one, other = (made("2024-02-01", n, members="1122", build={"segmentation": nearest()}) for n in ("0001", "0002"))
    found = differences.compare(one, other, plan())
    assert found["identical"] and found["first"] is None
    assert (
        page.headline(found)
        == "2024-02-01/0001 and 2024-02-01/0002 are the same, byte for byte: all 2 things that their steps handed over."
    )


def test_what_differs_first_is_named_by_step_and_file_in_the_order_of_the_steps(made):
    one = made("2024-02-01", "0001", build={"profiles": profiles(20)}, collect={"quality": {"x": 1}})
    other = made("2024-02-01", "0002", build={"profiles": profiles(30)}, collect={"quality": {"x": 2}, "law": {}})
    rows = [(each["step"], each["file"], each["state"]) for each in handed.handed(one, other)]
    assert rows == [("collect", "law.json", "only B"), ("collect", "quality.json", "changed"), ("build", "profiles.json", "changed")]
    told = page.headline(differences.compare(one, other, plan()))
    assert told == "2024-02-01/0001 and 2024-02-01/0002 differ in 3 of 3 things handed over; first in step collect, law.json."


def test_a_file_edited_after_its_run_is_named_although_its_record_says_the_same(made):
    one, other = (made("2024-02-01", n, build={"segmentation": nearest()}) for n in ("0001", "0002"))
    run.write_json(other.path / "06_build" / "segmentation.json", nearest(low=11.0))
    assert handed.changed_later(other) == ["build/segmentation.json"]
    found = differences.compare(one, other, plan())
    assert not found["identical"]
    assert "Run B: no longer as it was handed over, or gone: build/segmentation.json." in page.lines(found, plan())


def test_unequal_bytes_without_any_cause_are_called_a_fault(made):
    one, other = made("2024-02-01", "0001", build={"profiles": profiles(20)}), made("2024-02-01", "0002", build={"profiles": profiles(30)})
    told = page.lines(differences.compare(one, other, plan()), plan())
    assert "Nothing that a run is recorded to depend on differs, and yet what was handed over does. That is a fault: tell us." in told


# ---- what they were made from


def test_fields_are_compared_as_typed_and_items_of_lists_by_their_names(made):
    one = made(
        "2024-02-01", yml="scope: {window_days: 90, levels: [rules]}\nitems:\n- {name: a, x: 1}\n- {name: b, x: 2}\nold: 2024-01-01\n"
    )
    other = made(
        "2024-03-01", yml="scope: {window_days: 060, levels: [rules, learned]}\nitems:\n- {name: c}\n- {name: a, x: 1}\n- {name: b, x: 3}\n"
    )
    assert before.fields(one, other) == [
        {"field": "scope.window_days", "a": "90", "b": "060"},
        {"field": "scope.levels", "a": "rules", "b": "rules and learned"},
        {"field": "items[c].name", "a": None, "b": "c"},
        {"field": "items[b].x", "a": "2", "b": "3"},
        {"field": "old", "a": "2024-01-01", "b": None},
    ]


def test_fields_that_name_records_or_a_servers_user_are_said_to_differ_and_not_shown(made):
    text = "collect: {{matching: {{always: [[till:{a}, crm:9]]}}, sources: {{till: {{file: 'postgresql://{a}@host/db'}}}}}}\n"
    rows = before.fields(*(made(f"2024-0{n}-01", yml=text.format(a=f"KUNDE{n}")) for n in (2, 3)))
    assert [row["field"] for row in rows] == ["collect.matching.always", "collect.sources.till.file"]
    assert not any("KUNDE" in str(row) for row in rows) and rows[0]["b"] == "not shown"


def test_a_run_that_kept_no_project_yml_leaves_open_what_was_typed(made):
    found = differences.compare(made("2024-02-01"), made("2024-03-01", yml="title: x\n"), plan())
    assert found["before"]["fields"] is None
    assert any("a run made by an older version kept none" in line for line in page.lines(found, plan()))


def test_files_parameters_versions_passports_and_signatures_are_old_and_new(made):
    signed = {"role": {"en": "Head of CRM"}, "state": "signed", "signed_on": "2024-01-30"}
    one = made("2024-02-01", files={"a.csv": "1", "b.csv": "1", "table": None}, variables={"passports": {"r": {"formula": "x"}}})
    other = made(
        "2024-03-01",
        files={"a.csv": "2", "c.csv": "1", "table": None},
        variables={"passports": {"r": {"formula": "y"}, "s": {"formula": "z"}}},
        validate={"validation": {"status": "signed", "number": "d3", "signatures": [signed]}},
        record={"seed": 2, "versions": {"numpy": "3"}},
    )
    states = {each["file"]: each["state"] for each in before.files(one, other)}
    assert states == {"a.csv": "changed", "b.csv": "only A", "c.csv": "only B", "table": "cannot tell"}
    assert [each["what"] for each in before.parameters(one, other)] == ["as_of", "seed"]
    assert before.code(one, other) == [{"what": "numpy", "a": "2", "b": "3"}]
    assert before.passports(one, other) == [
        {"variable": "r", "what": "formula", "a": "x", "b": "y"},
        {"variable": "s", "what": "", "a": None, "b": "z"},
    ]
    assert before.signatures(one, other)[-1] == {"what": "Head of CRM", "a": None, "b": "signed 2024-01-30"}


def test_rows_and_newest_day_are_compared_and_few_rows_are_not_counted_aloud(made):
    runs = []
    for day, rows, aside in (("2024-02-01", 400, 3), ("2024-03-01", 500, 12)):
        base = made(day, collect={"quality": {"facts": {"orders": {"last": f"{day}T00:00:00"}}}}).path / "03_collect"
        kept = [{"name": n, "file": f"{n}.parquet", "rows": r, "sha256": ""} for n, r in (("orders", rows), ("orders_set_aside", aside))]
        run.write_json(base / "step.json", {"gives": kept})
        runs.append(differences.find(plan(), day))
    assert before.tables_read(*runs, plan()) == [
        {
            "table": "orders",
            **{"rows_a": 400, "aside_a": None, "newest_a": "2024-02-01T00:00:00"},
            **{"rows_b": 500, "aside_b": 12, "newest_b": "2024-03-01T00:00:00"},
        }
    ]


# ---- what they found


def test_a_centre_that_moved_is_told_in_the_variables_own_unit(made):
    one, other = made("2024-02-01", build={"segmentation": nearest()}), made("2024-03-01", build={"segmentation": nearest(high=125.0)})
    found = results.rules(one, other, plan())
    assert not found["same"] and found["forms"] == ["nearest", "nearest"] and found["cuts"] == []
    assert found["centres"] == [{"segment": "S2", "variable": "spend", "level": "", "a": 110.0, "b": 125.0, "sd": 1.5}]


def test_centres_on_logarithms_and_roots_are_brought_back():
    steps = [{"clip": [0, 99]}, {"log1p": True}, {"scale": [1.0, 2.0]}]
    assert results._back(0.0, steps) == pytest.approx(1.718281828)  # e − 1
    assert results._back(3.0, [{"sqrt": True}]) == 9.0
    assert results._standard({"variables": [number("x", 0, *steps)]}, ("S1", "x", ""), 1.718281828459045) == pytest.approx(0.0)


def test_centres_of_every_form_are_told_in_its_own_unit():
    assert results._centres(mixed())["S1", "spend", ""] == 40.0  # 2 × 10 + 20
    assert results._centres(mixed())["S1", "region", "n"] == 1.0 and results._centres(mixed())["S1", "region", "s"] == 0.0
    # (0, 0) on axes is the middle: root 1, logarithm 2
    assert results._centres(on_axes())["S3", "x", ""] == 1.0
    assert results._centres(on_axes())["S3", "y", ""] == pytest.approx(6.389056)  # e² − 1


def test_a_cut_point_of_a_rule_that_moved_is_told_with_its_place(made):
    moved = rules_document()
    moved["assign"]["first_match"]["define"]["big"]["at_least"] = 120
    one, other = made("2024-02-01", build={"segmentation": rules_document()}), made("2024-03-01", build={"segmentation": moved})
    assert results.rules(one, other, plan())["cuts"] == [{"place": ("define", "big", "spend", "at_least"), "a": 100, "b": 120}]
    told = page.lines(differences.compare(one, other, plan()), plan())
    assert any(line.split() == ["big", "·", "spend", "·", "at", "least", "100", "120"] for text in told for line in text.splitlines())


def test_a_class_whose_typical_value_moved_is_told_and_so_is_a_level(made):
    moved = posterior()
    moved["assign"]["posterior"]["classes"][0]["of"] = {"spend": {"mean": 6, "sd": 1}, "pays": {"levels": {"card": 0.5, "cash": 0.5}}}
    one, other = made("2024-02-01", build={"segmentation": posterior()}), made("2024-03-01", build={"segmentation": moved})
    assert [(each["variable"], each["level"], each["a"], each["b"]) for each in results.rules(one, other, plan())["centres"]] == [
        ("spend", "", 4.0, 6.0),
        ("pays", "card", 0.75, 0.5),
        ("pays", "cash", 0.25, 0.5),
    ]


def test_another_name_or_colour_is_no_other_rule(made):
    renamed = nearest() | {"built_as_of": "2024-02-02", "segments": [{"id": "S1", "name": "x", "colour": "#000000"}, {"id": "S2"}]}
    one, other = made("2024-02-01", build={"segmentation": nearest()}), made("2024-03-01", build={"segmentation": renamed})
    assert results.rules(one, other, plan())["same"]


def test_agreement_counts_customers_with_a_label_in_both(made):
    one, other = made("2024-02-01", members="1" * 20 + "2" * 20 + "-" * 12), made("2024-03-01", members="1" * 10 + "2" * 30 + "1" * 12)
    found = results.agreement(one, other, plan())
    assert (found["n"], found["only_a"], found["only_b"], found["moved"]) == (40, 0, 12, 0.25)
    # table [[10, 10], [0, 20]]: pairs together 45 + 45 + 190 = 280, rows 380, columns 480, all 780 (Hubert and Arabie 1985)
    assert found["value"] == pytest.approx((280 - 380 * 480 / 780) / (430 - 380 * 480 / 780))


def test_few_who_came_or_moved_are_not_counted_aloud(made):
    one, other = made("2024-02-01", members="1" * 20 + "2" * 20 + "-" * 3), made("2024-03-01", members="1" * 18 + "2" * 22 + "1" * 3)
    found = results.agreement(one, other, plan())
    assert (found["n"], found["only_a"], found["only_b"], found["moved"]) == (None, None, None, None)
    told = page.lines(differences.compare(one, other, plan()), plan())
    assert "Another segment in B: fewer than 10 of them, or all but so few." in told and not any("only in A:" in line for line in told)


def test_a_small_segment_is_named_without_figures_and_no_rule_is_told_of_it(made):
    build = {"segmentation": nearest(), "profiles": profiles(4, 60)}
    one, other = made("2024-02-01", build=build), made("2024-03-01", build=build | {"segmentation": nearest(low=20.0)})
    rows = results.segments(one, other, plan())
    assert [(row["n_a"], row["money_a"]) for row in rows] == [(None, None), (None, None)]  # the second would give the first away
    found = results.rules(one, other, plan())
    assert found["withheld"] and found["centres"] == [] and found["cuts"] == []


def test_a_retired_run_is_compared_by_its_documents(made):
    one, other = (made(f"2024-0{n}-01", members="12", build={"profiles": profiles(20, 30)}) for n in (2, 3))
    (one.path / "run.json").rename(one.path / "retired.json")
    (one.path / "06_build" / "membership.parquet").unlink()
    found = differences.compare(differences.find(plan(), "2024-02-01"), other, plan())
    assert found["later"] == [[], []] and found["results"]["agreement"]["why"] == "no labels"
    assert [row["n_a"] for row in found["results"]["segments"]] == [20, 30]


# ---- the command


def test_the_page_is_written_below_reports_and_holds_no_customer(made, shop):
    made("2024-02-01", members="1" * 20 + "2" * 20, build={"profiles": profiles(20, 20), "segmentation": nearest()})
    made("2024-03-01", members="1" * 30 + "2" * 10, build={"profiles": profiles(30, 10), "segmentation": nearest(high=90.0)})
    lines, place = differences.diff("shop", "2024-02-01", language="fr")
    assert place.relative_to(shop.place.parents[1]).as_posix() == "reports/shop/differences/2024-02-01-0001_2024-03-01-0001.html"
    text, seen = place.read_text(encoding="utf-8"), Inspector(place.read_text(encoding="utf-8"))
    assert not (seen.faults or seen.twice or seen.targets - seen.ids) and '<html lang="fr"' in text
    assert "C00" not in text and not any("C00" in line for line in lines) and '<a href="../' not in text  # no pages to lead to


def test_unknown_runs_and_one_run_twice_are_refused_by_name(made):
    made("2024-02-01")
    assert refusal(lambda: differences.diff("shop", "2023-01-01")).startswith(
        "shop has no complete run '2023-01-01'. Complete runs: 2024-02-01/0001."
    )
    assert refusal(lambda: differences.diff("shop", "2024-02-01")) == "A and B are both 2024-02-01/0001: give two runs to compare."


def test_a_document_that_nobody_can_read_is_named_by_its_run(made):
    one = made("2024-02-01", build={"segmentation": nearest()})
    made("2024-03-01", build={"segmentation": nearest()})
    (one.path / "06_build" / "segmentation.json").write_text("{", encoding="utf-8")
    assert refusal(lambda: differences.diff("shop", "2024-02-01")).startswith("2024-02-01/0001 cannot be compared with 2024-03-01/0001:")


def test_a_run_of_an_older_version_that_kept_nothing_is_compared_as_far_as_it_goes(shop):
    for day in ("2024-02-01", "2024-03-01"):
        base = shop.place / "runs" / day / "0001"
        base.mkdir(parents=True)
        (base / "run.json").write_text(json.dumps({"as_of": f"{day}T00:00:00"}), encoding="utf-8")
    lines, _ = differences.diff("shop", "2024-02-01", "2024-03-01")
    assert lines[0].endswith("cannot be told: neither recorded what it handed over.")
    assert "Code and versions: whether all are the same cannot be told; a run made by an older version kept less." in lines
