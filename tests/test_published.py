"""What stands around the published segmentation: builds before it, what describes it, what people's decisions suggest."""

from datetime import datetime
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import orders, project, same

from helpers.build import manual_rules, published
from helpers.build.inputs import Column
from helpers.build.judging import Made
from helpers.engine import Window

pytestmark = pytest.mark.usefixtures("in_english")


def document(*segments: str, variables=("spend_per_30d",)) -> dict:
    return {
        "key": "customer_id",
        "segments": [{"id": one, "name": None, "colour": ""} for one in segments],
        "variables": [{"name": name, "kind": "number", "missing": 0.0, "steps": []} for name in variables],
    }


def test_the_newest_earlier_build_counts_and_every_id_that_was_ever_used_is_known():
    first, second = document("S1", "S2", "S7"), document("S1", "S3")
    members = [ibis.memtable({"customer_id": ["a", "b"], "segment": found}) for found in (["S1", "S2"], ["S3", "S1"])]
    step = SimpleNamespace(earlier=lambda name: {"segmentation": [first, second], "membership": members}[name])
    found = published.before(step, pd.DataFrame({"customer_id": ["b", "new"]}))
    assert (found["earlier"], found["used"]) == (second, {"S1", "S2", "S3", "S7"})
    assert found["then"].to_dict() == {"b": "S1"}


def test_on_the_first_build_there_is_none_before():
    found = published.before(SimpleNamespace(earlier=lambda name: []), pd.DataFrame({"customer_id": ["a"]}))
    assert found == {"earlier": None, "used": set(), "then": None}


def test_ids_follow_the_customers_where_a_variable_of_the_build_before_is_measured_no_longer():
    """Of the build before, its variable "old" is gone; S4 were a, b and c, S5 d, e and f; today's S1 are d, e and f."""
    from helpers.build import keep_ids

    now = {"format": 2, "version": 1, "key": "customer_id", "built_as_of": "2017-10-01T00:00:00"}
    now |= {
        "variables": [{"name": "spend", "kind": "number", "missing": 0.0, "steps": []}],
        "assign": {"nearest": {"centroids": [[9.0], [1.0]]}},
    }
    now |= {"segments": [{"id": one, "name": None, "colour": ""} for one in ("S1", "S2")]}
    before = {"variables": [{"name": "old"}], "segments": [{"id": "S4"}, {"id": "S5"}]}
    frame = pd.DataFrame({"customer_id": list("abcdef"), "spend": [1.0, 1.0, 1.0, 9.0, 9.0, 9.0]})
    then = pd.Series(["S4"] * 3 + ["S5"] * 3, index=list("abcdef"))
    found, kept = keep_ids(now, before, frame, used={"S4", "S5"}, then=then)
    assert [s["id"] for s in found["segments"]] == ["S4", "S5"] and {one: told["from"] for one, told in kept.items()} == {
        "S4": "S4",
        "S5": "S5",
    }
    unknown, told = keep_ids(now, before, frame, used={"S4", "S5"})  # nobody knows who was where: nobody's id is given to another
    assert [s["id"] for s in unknown["segments"]] == ["S6", "S7"] and {one["from"] for one in told.values()} == {None}


def test_orders_of_the_window_are_those_in_which_behaviour_was_measured():
    window = Window("published", datetime(2017, 8, 2), datetime(2017, 10, 1), datetime(2017, 11, 30), enough=True)
    bought = orders(
        ("a", "before", "2017-08-01 23:59", 1), ("a", "first", "08-02", 2), ("a", "last", "2017-09-30 23:59", 3), ("a", "at", "10-01", 4)
    )
    assert sorted(published.in_window(bought, window).execute()["order_id"]) == ["first", "last"]


def test_segments_are_described_by_the_measured_variables_of_their_document_else_by_all_proposed():
    passports = {"spend_per_30d": {"role": "proposed"}, "gap_days": {"role": "left_out"}, "recency_days": {"role": "proposed"}}
    assert published.described_by(document(variables=["gap_days", "town"]), passports) == ["gap_days"]
    assert published.described_by(document(variables=["town"]), passports) == ["spend_per_30d", "recency_days"]


def test_the_columns_of_a_document_are_its_numbers_where_it_has_two_at_least():
    columns = {
        "spend_per_30d": Column("spend_per_30d", "number", "value", True),
        "recency_days": Column("recency_days", "number", "behavioural", True),
        "town": Column("town", "category", "demographic", False),
    }
    two, one = document(variables=["spend_per_30d", "town", "recency_days", "unknown"]), document(variables=["town", "spend_per_30d"])
    assert list(published.numbers_of(two, columns)) == ["spend_per_30d", "recency_days"]
    assert list(published.numbers_of(one, columns)) == ["town", "spend_per_30d"]


def test_inputs_are_the_key_and_the_documents_own_variables_of_everyone():
    table = ibis.memtable({"customer_id": ["a", "b"], "town": ["x", "y"], "spend_per_30d": [1.0, None], "gap_days": [3.0, 4.0]})
    same(published.inputs_of(table, document(variables=["spend_per_30d"])), {"customer_id": ["a", "b"], "spend_per_30d": [1.0, None]})


# The runner-up


def scores(role="candidate", picks=0.1, judged=True) -> dict:
    return {"role": role, "judged": judged, "panel_picks": picks}


def made(*names: str) -> Made:
    return Made(pd.DataFrame(), {}, {}, {}, {name: SimpleNamespace(document={"made_by": name}, evidence={}) for name in names})


CONTEST = {"kmeans": scores(picks=0.3), "hcpc": scores(picks=0.2), "latent": scores(picks=0.25, judged=False), "tree": scores("rule", 0.9)}


@pytest.mark.parametrize(
    ("contest", "earlier", "now"),
    [
        ({"kmeans": scores()}, ["kmeans"], ["kmeans"]),  # nobody else
        ({}, ["kmeans", "hcpc"], ["kmeans", "hcpc"]),  # nothing judged
        (CONTEST, None, ["kmeans", "hcpc"]),  # too little history
        (CONTEST, ["kmeans"], ["kmeans", "hcpc"]),  # could not be cut then
        (CONTEST, ["kmeans", "hcpc"], ["kmeans"]),  # cannot be cut now
    ],
)
def test_where_no_other_candidate_could_be_judged_there_is_no_runner_up_and_that_is_said(contest, earlier, now):
    found = published.second(None, {"contest": contest}, "kmeans", made(*now), made(*earlier) if earlier else None, {}, None)
    assert found is None
    told = published.second_words(found, {}, "kmeans", {"verdict": "natural"}, {"core": 0.5})
    assert len(told) == 1 and told[0].startswith("There is no runner-up to compare with")


def test_the_runner_up_is_the_best_other_candidate_judged_as_it_was_then_and_is_now(monkeypatch):
    table = ibis.memtable({"customer_id": ["a"]})
    monkeypatch.setattr(published, "customers", lambda step, window="published": table.mutate(window=ibis.literal(window)))
    monkeypatch.setattr(published, "aligned", lambda then, now, sample: ({"then": then["made_by"]}, 1.0))
    monkeypatch.setattr(published, "apply", lambda document, rows: (document, rows.window.execute()[0]))
    asked = {}

    def judged(step, now, then, members, members_then, columns, windows, bought, *, offers):
        asked.update(now=now, then=then, members=members, members_then=members_then, offers=offers)
        return {"S1": {}}

    monkeypatch.setattr(published.criteria, "judged", judged)
    monkeypatch.setattr(published, "checked", lambda step: {"orders": "all"})
    monkeypatch.setattr(published, "replicate", lambda step, recipe, document, sample, tables: (document, {"core": 0.4, "by": recipe.name}))
    monkeypatch.setattr(published, "structure_of", lambda made, name, project: {"verdict": f"of {name}"})
    both = made("kmeans", "hcpc")
    alike = {"learned": True, "variables": ("x", "y")}
    both.recipes.update({name: SimpleNamespace(name=name, **alike) for name in ("kmeans", "hcpc")})
    natural = {"verdict": "natural"}
    found = published.second(SimpleNamespace(project=None), {"contest": CONTEST}, "kmeans", both, both, {}, None, natural)
    published_too = ({"made_by": "hcpc"}, "published")
    assert found == {"name": "hcpc", "members": published_too, "criteria": {"S1": {}}, "structure": "natural", "core": 0.4}
    both.recipes["hcpc"].variables = ("x", "z")  # on other variables the verdict is its own
    other = published.second(SimpleNamespace(project=None), {"contest": CONTEST}, "kmeans", both, both, {}, None, natural)
    assert other["structure"] == "of hcpc"
    assert asked == {
        "now": {"made_by": "hcpc"},
        "then": {"then": "hcpc"},
        "members": ({"made_by": "hcpc"}, "published"),
        "members_then": ({"then": "hcpc"}, "confirm"),
        "offers": False,
    }


# Rules that decisions suggest


def windows(enough: bool) -> dict[str, Window]:
    return {"confirm": Window("confirm", datetime(2017, 4, 4), datetime(2017, 7, 3), datetime(2017, 10, 1), enough=enough)}


def test_with_too_little_history_no_rule_is_suggested_from_decisions():
    assert published.suggestions(None, None, {}, made(), windows(False)) == []


def test_personal_traits_are_no_material_for_suggested_rules(monkeypatch):
    plan = project(variables={"proxies_of": ["age", "gender"]})
    columns = {n: Column(n, "category", "demographic", False) for n in ("age", "age_band", "gender", "town", "home")}
    seen = {}

    def suggested(overrides, past, kept, labels, plan, *, before):
        seen.update(kept=list(kept), before=before, labels=labels.execute(), past=past.execute())
        return ["a rule"]

    monkeypatch.setattr(manual_rules, "suggested", suggested)
    tables = {"published": {"customer_id": ["a"], "spend_per_30d": [9.0]}, "confirm": {"customer_id": ["a"], "spend_per_30d": [1.0]}}
    monkeypatch.setattr(published, "customers", lambda step, window="published": ibis.memtable(pd.DataFrame(tables[window])))
    rich = document("S1", "S2") | {
        "format": 2,
        "version": 1,
        "built_as_of": "2017-10-01T00:00:00",
        "assign": {"nearest": {"centroids": [[10.0], [0.0]]}},
    }
    together = Made(pd.DataFrame(), columns, {}, {})
    assert published.suggestions(SimpleNamespace(project=plan), None, rich, together, windows(True)) == ["a rule"]
    assert seen["kept"] == ["town", "home"] and seen["before"] == datetime(2017, 7, 3)
    assert seen["labels"].values.tolist() == [["a", "S1"]]  # the segment of today
    np.testing.assert_array_equal(seen["past"]["spend_per_30d"], [1.0])  # what was known then
