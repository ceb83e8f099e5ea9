"""Why customers moved between two runs: planted causes on a small shop, and sums that hold exactly whatever the chain."""

import dataclasses
import hashlib
import json
import shutil
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import ibis
import numpy as np
import pytest
import small_shop
from documents import document, number
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import build, charts, collect, project, run, variables, words
from helpers.reevaluate import causes as room
from helpers.reevaluate.causes import CAUSES, Causes, Path, ledger, mixed, movers, page, people
from helpers.reevaluate.causes.chain import compared
from helpers.reevaluate.causes.measuring import differing
from helpers.reevaluate.movement import Movement
from helpers.run import Past, Step, reuse

JANUARY = {"a1": 200, "a2": 150, "b1": 20, "b2": 30, "c1": 90, "c2": 130}
"""One order each, in the first days of January."""
FEBRUARY = {"a1": 200, "a2": 50, "b1": 500, "c1": 90, "c2": 130}
"""And in February; b2 comes no more."""
MEASURED = [number("spend_per_order"), number("recency_days")]


def rules(cut: float = 100.0) -> dict:
    """S1: spends much an order; S3: has not come for 40 days; S2: anybody else."""
    listed = [
        {"segment": "S3", "when": {"variable": "recency_days", "at_least": 40}},
        {"segment": "S1", "when": {"variable": "spend_per_order", "at_least": cut}},
    ]
    return document(MEASURED, ["S1", "S2", "S3"], {"first_match": {"define": {}, "rules": listed, "otherwise": "S2"}})


def centres(*at: float, scale=(0.0, 1.0), made_by: str = "kmeans") -> dict:
    variable = number("spend_per_order", 0.0, {"scale": list(scale)})
    centroids = [[(x - scale[0]) / scale[1]] for x in at]
    return document([variable], ["S1", "S2"], {"nearest": {"centroids": centroids}}, made_by=made_by)


def lines(january: dict = JANUARY, february: dict = FEBRUARY) -> str:
    """The till's export: January's orders on the 5th to the 10th, February's on the 12th."""
    told = [(who, f"2024-01-{5 + n:02d}", paid) for n, (who, paid) in enumerate(january.items())]
    told += [(who, "2024-02-12", paid) for who, paid in february.items()]
    return "client,ticket,at,paid\n" + "".join(f"{who},T{n},{day} 10:00:00,{paid}\n" for n, (who, day, paid) in enumerate(told))


CRM = {
    "table": "customers",
    "file": "crm.csv",
    "ids": "till",
    "columns": {"customer_id": "id", "first_name": "first"},
}
PAIR = {"always": [["till:c1", "till:c2"]]}
PEOPLE = "id,first\n" + "".join(f"{who},{name}\n" for who, name in zip(JANUARY, ("Léa", "Ugo", "Zoé", "Ali", "Eva", "Max"), strict=True))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where runs lie that several tests begin with: each is made once."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def shop(tmp_path, monkeypatch, kept):
    """`shop(day, document, lines, scope=, **collect)`: steps 3, 4 and 6 of a run of that day, as the notebooks hand them over."""
    make = small_shop.opened(tmp_path, monkeypatch)

    def made(day: str, segmentation: dict, orders: str, *, window_days: int = 60, whole: bool = False, crm: bool = False, **typed):
        sources = {"till": small_shop.TILL | {"ids": "till"}} | ({"crm": CRM} if crm else {})
        scope = {"window_days": window_days, "horizon_days": 28}
        fields = {"scope": scope, "min_cell": 2, "collect": {"sources": sources} | typed}
        make(None, {"till.csv": orders, "crm.csv": PEOPLE}, **fields)
        plan = project.load("shop")
        base, moment = make.place / "runs" / day / "0001", project.instant(day, plan)
        known = kept / run.digest(make.place / "project.yml") / run.digest(make.place / "till.csv") / day
        known = known / hashlib.sha256(json.dumps(segmentation).encode()).hexdigest()
        if not known.is_dir():
            stepped(known, plan, segmentation, moment)
        shutil.copytree(known, base)
        if whole:
            shutil.copy(make.place / "project.yml", base / "project.yml")
            record = {"as_of": moment, "project_yml": run.digest(make.place / "project.yml"), "code": reuse.code()}
            run.write_json(base / "run.json", record)
            return Past(base)
        step = Step("reevaluate", plan, moment, base, draft=True)
        return step, collect.checked(step)

    words.use("en", currency="EUR")
    monkeypatch.setattr(reuse, "code", lambda: "the same")
    return made


def stepped(base, plan, segmentation: dict, moment) -> None:
    """What steps 3, 4 and 6 hand over, as far as the causes ask for it."""
    step = Step("collect", plan, moment, base, draft=True)
    checked, _ = collect.unify(step, collect.identify(step))
    step.give_table("customers", collect.one_row_each(checked.get("customers"), checked["orders"]), key=["customer_id"])
    over(step)
    step = Step("variables", plan, moment, base, draft=True)
    checked = collect.checked(step)
    table, _ = variables.in_window(step.windows(checked["orders"])["published"], checked, plan)
    step.give_table("variables", table, key=["customer_id"])
    step.give_table("descriptors", table.select("customer_id"), key=["customer_id"])
    over(step)
    step = Step("build", plan, moment, base, draft=True)
    step.give_json("segmentation", segmentation)
    names = [v["name"] for v in segmentation["variables"]]
    step.give_table("inputs", build.customers(step).select("customer_id", *names), key=["customer_id"])
    over(step)


def over(step: Step) -> None:
    step.finding = "made"
    step.hand_over()


def told(found: Causes) -> dict[str, int]:
    """What moved anybody."""
    return {cause: n for cause, n in found.movers.items() if n and cause != "stayed"}


def adds_up(found: Causes) -> None:
    for segment in found.segments:
        entries = segment["causes"].values()
        assert segment["now"] - segment["before"] == sum(entry["net"] for entry in entries)
        assert segment["money_now"] - segment["money_before"] == sum(entry["money"] for entry in entries)


def compare(shop, then: tuple, now: tuple, **how) -> Causes:
    """The causes between a run of 1 February and one of 1 March: (document, lines) each, and options of the second."""
    before = shop("2024-02-01", *then, whole=True)
    step, checked = shop("2024-03-01", *now, **how)
    found = room.causes(step, before, checked)
    adds_up(found)
    return found


def test_time_is_told_apart_for_those_who_did_nothing_and_those_who_did_something(shop):
    found = compare(shop, (rules(), lines()), (rules(), lines()))
    assert found.steps == ["time"], "nothing else can have moved anybody, and is not measured"
    # b1 bought for 500: (20 + 500) / 2 is much; b2 did not come again: 52 days
    assert told(found) == {"active": 1, "idle": 1}
    by = {s["id"]: {c: e["net"] for c, e in s["causes"].items() if e["net"]} for s in found.segments}
    assert by == {"S1": {"active": 1}, "S2": {"active": -1, "idle": -1}, "S3": {"idle": 1}}
    # of 60 days: a1 200 + 200, a2 150 + 50, c2 130 + 130 and b1 520, half of it per 30 days; before a1, a2, c2 with one order each
    one = found.segments[0]
    assert (one["money_before"], one["money_now"]) == (Decimal(480) / 2, Decimal(1380) / 2)
    assert found.rows == {"removed": 0, "added": 0, "customers": 0, "tables": []}


def test_where_nothing_changed_nobody_moves_and_that_is_said(shop):
    same = lines(JANUARY, JANUARY)
    found = compare(shop, (rules(), same), (rules(), same))
    assert (told(found), found.steps, found.reverse) == ({}, ["time"], {})
    assert page.causes_words(found, found_project(min_cell=2)).startswith("Nobody moved: all 6 customers in scope at both dates")
    still = dataclasses.replace(found, found=[dataclasses.replace(path, money=(path.money[0],) * 2, touched=(0,)) for path in found.found])
    assert page.told(found) and not page.told(still)  # where no money moved either there is no table of nothing but zeros


def test_a_corrected_price_is_corrected_data(shop):
    # a2's order of January was typed with a digit too many: 15 is little; with 50 in February too
    found = compare(shop, (rules(), lines()), (rules(), lines(JANUARY | {"a2": 15})))
    assert told(found) == {"corrected": 1, "active": 1, "idle": 1}
    assert found.rows == {"removed": 1, "added": 1, "customers": 1, "tables": ["orders"]}
    assert {c: e["net"] for c, e in found.segments[0]["causes"].items() if e["net"]} == {"corrected": -1, "active": 1}
    assert found.segments[0]["causes"]["corrected"]["money"] == Decimal(-75), "150 of 60 days went with the customer"
    # first time, then the correction: (150 + 50) / 2 is much still, so time alone moves the same, and the correction too
    assert {c: e["changed"] == e["reverse"] for c, e in found.reverse.items()} == {"corrected": True, "time": True}


def test_orders_of_the_past_that_came_late_or_are_gone_are_corrected_data(shop):
    late = lines() + "b2,T98,2024-01-20 09:00:00,400\n"
    gone = late.replace("b1,T2,2024-01-07 10:00:00,20\n", "")
    found = compare(shop, (rules(), lines()), (rules(), gone))
    # b2 has spent much an order since the order of January is known, and in March still; b1 is out of scope in the corrected past
    assert (found.rows["added"], found.rows["removed"], found.rows["customers"]) == (1, 1, 2)
    assert told(found) == {"several": 2}


def test_a_merged_pair_is_identity_and_the_record_that_is_no_person_any_more_is_counted_apart(shop):
    found = compare(shop, (rules(), lines()), (rules(), lines()), crm=True, matching=PAIR)
    # c1 spent 90 an order, c2 130: together 110, which is much; c2's label leaves with the record
    assert found.crossed["joined"] == {"S1": 1}
    assert told(found) == {"identity": 1, "active": 1, "idle": 1}
    assert found.present == 5
    assert found.rows["customers"] == 0, "the same rows, under one id"


def test_a_pair_taken_apart_is_identity_the_other_way(shop):
    before = shop("2024-02-01", rules(), lines(), crm=True, matching=PAIR, whole=True)
    step, checked = shop("2024-03-01", rules(), lines(), crm=True)
    found = room.causes(step, before, checked)
    adds_up(found)
    assert found.crossed["parted"] == {"S1": 1}, "c2, which was part of c1"
    assert told(found) == {"identity": 1, "active": 1, "idle": 1}, "c1 alone spent 90 an order"


def test_a_moved_cut_point_of_a_rule_is_the_yardstick(shop):
    found = compare(shop, (rules(), lines()), (rules(80.0), lines()))
    assert told(found) == {"yardstick": 1, "active": 1, "idle": 1}, "c1 with 90 an order"
    assert "refit" not in found.steps


def test_another_window_is_the_yardstick_and_who_comes_back_is_no_mover(shop):
    found = compare(shop, (rules(), lines()), (rules(), lines()), window_days=20)
    # within 20 days a1, a2, c2 had bought nothing on 1 February: little; in March a1 and c2 are back, a2 is not (50)
    assert found.movers["back"] == 2
    assert told(found) == {"back": 2, "yardstick": 1, "active": 1, "idle": 1}


def test_other_centres_are_a_refit_and_another_scale_alone_moves_nobody(shop):
    found = compare(shop, (centres(200, 20), lines(JANUARY, JANUARY)), (centres(150, 20, scale=(70, 50)), lines(JANUARY, JANUARY)))
    assert told(found) == {"refit": 1}, "c1, 90 an order: nearer to 20 than to 200, nearer to 150 than to 20"
    assert found.steps == ["yardstick", "refit", "time"]


def test_what_another_version_of_the_code_changed_counts_as_yardstick(shop):
    before = shop("2024-02-01", rules(), lines(), whole=True)
    run.write_json(before.path / "run.json", before.record | {"code": "another"})
    con = ibis.duckdb.connect()
    path = before.path / "06_build" / "inputs.parquet"
    table = con.read_parquet(str(path))
    con.create_table("old", table.mutate(spend_per_order=(table.customer_id == "c1").ifelse(990.0, table.spend_per_order)))
    con.to_parquet(con.table("old").order_by("customer_id"), str(path))
    step, checked = shop("2024-03-01", rules(), lines())
    found = room.causes(step, Past(before.path), checked)
    adds_up(found)
    assert told(found) == {"yardstick": 1, "active": 1, "idle": 1}
    assert found.code and any("another version of the program" in note for note in page.notes(found, found_project(min_cell=2)))


def test_another_version_of_the_code_measures_people_under_the_ids_that_they_had(shop):
    before = shop("2024-02-01", rules(), lines({"b2": 30, "c2": 130}, {}), crm=True, whole=True)
    run.write_json(before.path / "run.json", before.record | {"code": "another"})
    same = lines({"b2": 30, "c2": 130}, {"b2": 30, "c1": 130})  # c1, who was no customer yet, is c2
    step, checked = shop("2024-03-01", rules(), same, crm=True, matching=PAIR)
    found = room.causes(step, Past(before.path), checked)
    adds_up(found)
    assert (found.present, told(found), found.steps) == (2, {}, ["yardstick", "identity", "time"])
    assert sum(sum(e["touched"] for e in s["causes"].values()) for s in found.segments) == 2, "money of time alone"


def test_a_run_that_kept_no_project_yml_is_measured_by_todays_and_says_so(shop):
    before = shop("2024-02-01", rules(), lines(), whole=True)
    (before.path / "project.yml").unlink()
    step, checked = shop("2024-03-01", rules(), lines(), window_days=20)
    found = room.causes(step, before, checked)
    adds_up(found)
    assert not found.kept
    assert told(found) == {"back": 2, "yardstick": 1, "active": 1, "idle": 1}
    assert "kept no project.yml" in page.notes(found, found_project(min_cell=2))[0]


def test_a_run_without_its_tables_says_that_nothing_can_be_told(shop):
    before = shop("2024-02-01", rules(), lines(), whole=True)
    (before.path / "06_build" / "inputs.parquet").unlink()
    step, checked = shop("2024-03-01", rules(), lines())
    found = room.causes(step, before, checked)
    assert found.why == "tables"
    assert room.as_document(found) == {"run": "2024-02-01/0001", "as_of": before.as_of, "why": "tables"}
    assert "tables of customers are gone" in page.causes_words(found, step.project)
    assert not page.told(found)


# Without a shop

labels = st.sampled_from(["", "S1", "S2", "S3"])
ends = st.sampled_from(["S1", "S2", "S3"])
money = st.decimals(min_value=-10_000, max_value=10_000, places=2)


@st.composite
def chains(draw):
    steps = [c for c in ("yardstick", "identity", "corrected", "yardstick", "refit") if draw(st.booleans())] + ["time"]
    one = st.builds(
        Path,
        st.tuples(ends, *[labels] * (len(steps) - 1), ends),
        st.tuples(*[money] * (len(steps) + 1)),
        st.integers(1, 50),
        st.booleans(),
    )
    return steps, draw(st.lists(one, max_size=12))


@settings(max_examples=60, deadline=None)
@given(chains())
def test_the_causes_add_up_exactly_whatever_the_chain(chain):
    steps, found = chain
    made = Causes("r", None, named=[{"id": s} for s in ("S1", "S2", "S3")], steps=steps, found=found)
    adds_up(made)
    for cause in CAUSES:
        inside = [p for p in found if "" not in p.labels]
        whole = ledger(inside, steps, ["S1", "S2", "S3"])
        assert sum(s["causes"][cause]["net"] for s in whole) == 0, "who leaves one segment enters another"
    assert made.present == sum(p.n for p in found)
    assert made.moved == sum(p.n for p in found if p.labels[0] != p.labels[-1])


def path(*labels: str, n: int = 1, active: bool = True) -> Path:
    return Path(labels, (Decimal(0),) * len(labels), n, active)


def test_two_steps_of_one_cause_are_one_cause_and_two_causes_are_several():
    steps = ["yardstick", "corrected", "yardstick", "time"]
    found = [path("A", "B", "B", "C", "C"), path("A", "A", "B", "C", "C", n=2), path("A", "B", "A", "A", "A", n=4), path(*"AAAAA", n=8)]
    assert {k: n for k, n in movers(found, steps).items() if n} == {"yardstick": 1, "several": 2, "back": 4, "stayed": 8}


def test_a_cause_that_the_order_decides_is_marked():
    steps = ["yardstick", "time"]
    found = [path("A", "B", "B", n=20), path("A", "A", "B", n=30), path("A", "A", "A", n=50)]
    again = [path("A", "A", "B", n=21), path("A", "B", "B", n=29), path("A", "A", "A", n=50)]
    assert compared((found, steps), (again, ["time", "yardstick"]), least=1) == {
        "time": {"changed": 30, "reverse": 29, "marked": False},
        "yardstick": {"changed": 20, "reverse": 21, "marked": False},
    }
    again = [path("A", "B", "B", n=50), path("A", "A", "A", n=50)]
    marked = compared((found, steps), (again, ["time", "yardstick"]), least=1)
    assert [entry["marked"] for entry in marked.values()] == [True, True]


def test_records_that_became_one_person_are_known_by_the_same_id_and_the_others_are_apart():
    def table(**columns):
        return ibis.memtable(columns, schema=dict.fromkeys(columns, "string"))

    pairs = table(old_id=["a", "b", "c", "d", "d"], customer_id=["a", "a", "x", "d", "e"])
    then = table(customer_id=["a", "b", "c", "d", "z"], segment=["S1", "S2", "S1", "S2", "S1"])
    now = table(customer_id=["a", "x", "d", "e", "n"], segment=["S1", "S1", "S2", "S3", "S2"])
    found = people.presence(then, now, pairs)
    assert small_shop.rows(found["present"], "customer_id", "old_id") == [("a", "a"), ("d", "d"), ("x", "c")]
    rest = {name: small_shop.rows(found[name], "segment") for name in ("joined", "parted", "arrived", "departed")}
    assert rest == {"joined": [("S2",)], "parted": [("S3",)], "arrived": [("S2",)], "departed": [("S1",)]}


def test_rows_swapped_between_two_orders_of_one_customer_are_found():
    def orders(*amounts):
        return ibis.memtable({"customer_id": ["a", "a"], "order_id": ["1", "2"], "amount": list(amounts)})

    found = differing({"orders": orders(5.0, 7.0)}, {"orders": orders(7.0, 5.0)})
    assert {k: found[k] for k in ("removed", "added", "customers")} == {"removed": 2, "added": 2, "customers": 1}
    assert differing({"orders": orders(5.0, 7.0)}, {"orders": orders(5.0, 7.0)})["customers"] == 0


def test_centres_are_written_on_the_other_scale_and_documents_that_differ_in_more_are_a_refit():
    here = mixed(centres(200, 20), centres(150, 20, scale=(70, 50)))
    assert np.allclose(here["assign"]["nearest"]["centroids"], [[2.6], [-1.0]])  # (200 - 70) / 50, (20 - 70) / 50
    assert here["variables"][0]["steps"] == [{"scale": [70, 50]}]
    other = centres(200, 20) | {"variables": [number("recency_days", 0.0, {"scale": [0.0, 1.0]})]}
    assert mixed(centres(200, 20), other) == centres(200, 20)
    assert mixed(rules(100), rules(80)) == rules(80)
    grown = rules(100) | {"made_by": "suggested"}
    assert mixed(grown, rules(80)) == grown


# The page


def found_project(min_cell: int = 10):
    return SimpleNamespace(min_cell=min_cell)


def movement(table=((40, 20), (15, 60))) -> Movement:
    table, named = np.array(table), [{"id": one, "name": f"Segment {one}", "colour": "#12436D"} for one in "ABC"[: len(table)]]
    crossed = [dict.fromkeys(("arrived", "departed"), 0) | {"id": one["id"]} for one in named]
    return Movement({"segments": named}, None, crossed, table, {"n": int(table.sum())})


def found_of(*paths: Path, steps: list[str]) -> Causes:
    names = [{"id": s, "name": f"Segment {s}", "colour": None} for s in "ABC"]
    return Causes("2024-02-01/0001", None, named=names, steps=steps, found=list(paths))


def test_the_table_has_a_column_for_each_cause_that_moved_somebody_and_its_rows_add_up():
    paths = (path("A", "B", "B", n=20), path("B", "B", "C", n=30), path("C", "C", "C", n=90), path("A", "A", "A", n=50))
    found = found_of(*paths, path("B", "B", "B", n=60), steps=["corrected", "time"])
    table = page.causes_table(found, found_project(), movement())
    assert [c.name for c in table.columns] == ["segment", "corrected", "active", "whole"]
    assert table.frame.to_numpy().tolist() == [
        ["Segment A", -20, 0, -20],
        ["Segment B", 20, -30, -10],
        ["Segment C", 0, 30, 30],
    ]
    said = page.causes_words(found, found_project())
    assert said == "Since 2024-02-01/0001, 50 of 250 customers moved. Corrected data: 20; did something since: 30."


def test_a_cause_that_moved_few_stands_together_with_the_next_one():
    paths = (path("A", "B", "B", n=3), path("B", "B", "C", n=30), path("A", "A", "B", n=40), path("C", "C", "A", n=25), path(*"CCC", n=90))
    found = found_of(*paths, path(*"AAA", n=50), path(*"BBB", n=60), steps=["corrected", "time"])
    table = page.causes_table(found, found_project(), movement())
    assert [c.label for c in table.columns] == ["Segment", "Corrected data and Time, something done", "Balance"]
    assert table.frame.to_numpy().tolist() == [["Segment A", -18, -18], ["Segment B", 13, 13], ["Segment C", 5, 5]]
    said = page.causes_words(found, found_project())
    assert said.endswith(
        "98 of 298 customers moved. Corrected data + Time, something done, told together because one of them moved fewer than 10: 98."
    )


def test_what_is_about_few_customers_is_hidden_with_what_would_tell_it():
    found = found_of(path("A", "B", n=4), path("B", "C", n=30), path("C", "A", n=25), *(path(s, s, n=50) for s in "ABC"), steps=["time"])
    frame = page.causes_table(found, found_project(), movement()).frame
    assert frame["active"].tolist()[2] == 5, "30 entered and 25 left"
    assert frame[["active", "whole"]].isna().sum().tolist() == [2, 2], "one hidden alone would follow from the others"


def test_the_flow_picture_draws_no_ribbon_of_few_customers(monkeypatch):
    windows = {name: SimpleNamespace(built_at=date(2024, month, 1)) for name, month in (("confirm", 2), ("published", 3))}
    moved = movement([[40, 20, 13], [15, 60, 30], [12, 25, 70]])
    frame, said = page.flow_frame(moved, found_project()), page.flow_words(moved, found_project(), windows)
    assert frame["n"].sum() == moved.table.sum()
    assert said["title"] == "Most who moved went from “Segment B” to “Segment C”: 30"
    assert said["sizes"][0] == {"Segment A": "73", "Segment B": "105", "Segment C": "107"}
    sheets = []
    monkeypatch.setattr("helpers.charts.paper.Sheet.keep", lambda sheet: sheets.append(sheet))
    charts.flows(frame, **said)
    assert len(sheets) == 1
    few = movement([[40, 20, 3], [15, 60, 30], [2, 25, 70]])
    assert page.flow_frame(few, found_project())["n"].min() >= 10
    assert "Not drawn: fewer than 10 customers." in page.flow_words(few, found_project(), windows)["source"]


def test_with_no_earlier_run_nothing_is_said():
    assert page.causes_words(None, found_project()) == ""
    assert page.notes(None, found_project()) == []
    assert room.as_document(None) is None
    assert not page.told(None)
