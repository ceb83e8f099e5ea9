"""Membership confidence: redrawn orders, refits aligned with the published partition, the table for everyone, and why."""

from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_shop import opened

from helpers import NinefoldError
from helpers.build import borders, confidence_page, document, kmeans, redraws, why
from helpers.build.inputs import Column
from helpers.build.redraws import Redrawn
from helpers.engine import Engine

confidence = import_module("helpers.build.confidence")  # the package may have a function of that name


def square(centroids) -> dict:
    """A document of nearest centres on x and y."""
    return {
        "format": 2,
        "version": 1,
        "key": "customer_id",
        "built_as_of": "2024-01-01T00:00:00",
        "variables": [{"name": n, "kind": "number", "missing": 0.0, "steps": []} for n in ("x", "y")],
        "segments": [{"id": f"S{i}", "name": None, "colour": "#12436D"} for i in range(1, len(centroids) + 1)],
        "assign": {"nearest": {"centroids": [list(map(float, c)) for c in centroids]}},
    }


def rules() -> dict:
    """S1: x of at least 10, y below 5; S2: everyone else."""
    when = {"all": [{"variable": "x", "at_least": 10.0}, {"not": {"variable": "y", "at_least": 5.0}}]}
    made = square([[0, 0], [1, 1]]) | {"assign": {"first_match": {"rules": [{"segment": "S1", "when": when}], "otherwise": "S2"}}}
    made["variables"] = [v | {"missing": None} for v in made["variables"]]
    return made


def customers(points) -> pd.DataFrame:
    frame = pd.DataFrame(points, columns=["x", "y"], dtype="float64")
    return frame.assign(customer_id=[f"c{i:05}" for i in range(len(frame))])


def again_of(frame: pd.DataFrame, noise: float, redraws_: int) -> Redrawn:
    rng = np.random.default_rng(3)
    frames = [frame.assign(**{n: frame[n] + rng.normal(0, noise, len(frame)) for n in ("x", "y")}) for _ in range(redraws_)]
    counted = np.ones((redraws_, len(frame)), dtype=bool)
    return Redrawn(frame["customer_id"].tolist(), frames, counted, len(frame), ["x", "y"])


def kept_of(frame: pd.DataFrame, k: int, again: Redrawn, replicates: int = 40):
    """Customers cut by k-means, and how often they stay where they are."""
    points = frame[["x", "y"]].to_numpy()
    made = square(kmeans.kmeans(points, k, n_starts=50, seed=1).centres)

    def fit(rows, b):
        weights = np.bincount(rows, minlength=len(points)).astype("float64")
        centres = kmeans.kmeans(points, k, n_starts=20, seed=[2, b], weights=weights).centres
        return lambda other: kmeans.nearest(other[["x", "y"]].to_numpy(), centres)

    own, ids = document.labels(made, frame), [s["id"] for s in made["segments"]]
    return made, confidence.replicated(frame, own, ids, again, fit, replicates=replicates, rows=len(frame), seed=4)


UNIFORM = customers(np.random.default_rng(1).uniform(0, 1, (800, 2)))


def test_a_uniform_square_cut_in_four_is_not_nearly_all_core_once_orders_are_redrawn():
    nothing = Redrawn(UNIFORM["customer_id"].tolist(), [], np.ones((0, len(UNIFORM)), dtype=bool), 0, [])
    _, refits_alone = kept_of(UNIFORM, 4, nothing)
    _, both = kept_of(UNIFORM, 4, again_of(UNIFORM, 0.12, 20))
    assert (refits_alone.share >= 0.8).mean() > 0.85  # the centres come back: no evidence that anybody belongs anywhere
    assert 0.3 < (both.share >= 0.8).mean() < 0.75


def test_members_of_separate_groups_with_many_orders_are_nearly_all_core():
    rng = np.random.default_rng(2)
    blobs = customers(np.concatenate([rng.normal(c, 0.3, (150, 2)) for c in ((0, 0), (4, 0), (0, 4), (4, 4))]))
    _, kept = kept_of(blobs, 4, again_of(blobs, 0.1, 10))
    assert (kept.share >= 0.8).mean() > 0.98


def test_a_redrawing_without_any_order_of_a_customer_does_not_count():
    again = again_of(UNIFORM, 0.0, 2)
    again.counted[0, 0] = again.counted[1, 1] = again.counted[0, 1] = False
    _, kept = kept_of(UNIFORM, 4, again, replicates=10)
    assert kept.counted[:3].tolist() == [5, 0, 10]
    assert np.isnan(kept.share[1]) and not np.isnan(kept.share[0])


def test_refitted_segments_take_the_published_name_that_most_of_their_customers_have():
    published, found = np.array([0, 0, 0, 1, 1, 2, 2]), np.array([2, 2, 1, 0, 0, 1, 1])
    assert confidence.aligned(published, found, 3).tolist() == [1, 2, 0]
    assert confidence.aligned(np.array([0, 0, 1]), np.array([0, 1, 2]), 2).tolist().count(-1) == 1  # one segment too many has no name


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), min_size=1, max_size=400), st.integers(1, 100))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_a_table_rises_with_the_distance_and_has_few_borders(pairs, weight):
    found = confidence.steps(pd.DataFrame(pairs, columns=["at", "share"]).assign(weight=float(weight)))
    assert found["at"] == sorted(set(found["at"])) and found["share"] == sorted(found["share"])
    assert len(found["share"]) == len(found["at"]) + 1 <= 9
    assert 0 <= found["share"][0] and found["share"][-1] <= 1


def test_a_table_holds_the_mean_share_on_either_side_of_a_jump():
    data = pd.DataFrame({"at": np.arange(100) / 100, "share": [0.5, 0.7] * 25 + [0.9] * 50, "weight": 10.0})
    found = confidence.steps(data.sample(frac=1, random_state=1))
    assert found["at"][-1] == pytest.approx(0.495) and found["share"][-1] == pytest.approx(0.9)
    weights = np.diff([0, *found["at"], 1])
    assert np.dot(weights, found["share"]) == pytest.approx(data["share"].mean(), abs=0.02)


def test_a_pair_of_too_few_customers_is_told_by_its_segment_and_a_segment_of_too_few_by_everyone():
    data = pd.DataFrame({"own": ["S1"] * 100 + ["S2"] * 5, "other": ["S2"] * 95 + ["S3"] * 5 + ["S1"] * 5, "at": 1.0, "weight": 1.0})
    data["share"] = [1.0] * 95 + [0.0] * 5 + [0.5] * 5
    table, few = confidence.learnt_table(data, ["S1", "S2"])
    assert [(e["own"], e["other"], e["share"]) for e in table] == [
        ("S1", "S2", [1.0]),
        ("S1", "", [0.95]),
        ("S2", "", [pytest.approx(97.5 / 105, abs=1e-6)]),
    ]
    assert few == [["S2", "S1"]]
    assert borders.table_share(table, ["S1", "S1", "S2"], ["S2", "S9", "S1"], [1.0, 1.0, np.nan])[:2].tolist() == [1.0, 0.95]


def test_the_distance_to_the_border_is_half_the_way_between_two_centres():
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 4.0, np.nan], "y": 0.0})
    own, other, distance = borders.nearest_borders(square([[0, 0], [4, 0], [0, 9]]), frame)
    assert own.tolist() == ["S1", "S1", "S1", "S2", "S1"] and other.tolist() == ["S2", "S2", "S2", "S1", "S2"]
    assert distance.tolist() == [2.0, 1.0, 0.0, 2.0, 2.0]


def test_the_table_gives_the_same_confidence_in_numpy_and_as_a_query():
    made, kept = kept_of(UNIFORM, 4, again_of(UNIFORM, 0.1, 20))
    made["assign"]["nearest"]["confidence"], told = confidence.tables_of(made, UNIFORM, kept, None, seed=1)
    table = made["assign"]["nearest"]["confidence"]["table"]
    own = borders.table_share(table, *borders.nearest_borders(made, UNIFORM))
    asked = document.apply(made, ibis.memtable(UNIFORM)).order_by("customer_id").execute()
    assert np.array_equal(own, document.confidence(made, UNIFORM)) and np.array_equal(own, asked["confidence"])
    assert told["held_out_error"] < 0.1 and told["told"]
    assert len(set(own)) > 5


def test_rules_are_judged_by_redrawn_orders_against_bounds_that_stand():
    frame = customers([[20, 1], [10.5, 1], [9, 1], [np.nan, 9], [np.nan, np.nan]])
    again = again_of(frame, 0.0, 4)
    again.frames[0].loc[1, "x"] = 9.0
    kept = confidence.frozen(rules(), document.labels(rules(), frame), again)
    assert kept.share.tolist() == [1.0, 0.75, 1.0, 1.0, 1.0]
    _, other, distance = borders.rule_borders(rules(), frame, {"x": 2.0, "y": 1.0})
    assert distance[:4].tolist() == [4.0, 0.25, 0.5, 4.0] and np.isnan(distance[4]) and set(other) == {""}
    spreads = confidence.spreads(rules(), again)
    assert spreads["x"] == pytest.approx(np.sqrt(0.5625 / 3), rel=1e-5) and spreads["y"] == confidence.UNMOVED  # only one of three x moved


LINES = pd.DataFrame(
    [(f"c{i % 40}", f"o{i}", datetime(2024, 1, 1) + timedelta(hours=i), line, 10.0) for i in range(600) for line in range(3)],
    columns=["customer_id", "order_id", "ordered_at", "product_id", "amount"],
)


def test_every_order_is_drawn_as_often_as_a_poisson_number_says_with_all_its_lines():
    found = redraws.drawn_again(ibis.memtable(LINES), "orders", redraws=6, seed=7).execute()
    each = found.groupby(["customer_id", "order_id"]).size()
    assert set(each) == {3}
    _, redraw = zip(*found["customer_id"].str.split("|"), strict=True)
    times = found.assign(o=found["order_id"].str.split("|").str[0], r=redraw).groupby(["o", "r"])["order_id"].nunique()
    counts = np.append(times.to_numpy(), np.zeros(6 * 600 - len(times)))
    assert [round((counts == j).mean(), 1) for j in range(3)] == [0.4, 0.4, 0.2]
    assert counts.mean() == pytest.approx(1, abs=0.05) and counts.var() == pytest.approx(1, abs=0.1)


def test_redrawing_depends_on_the_seed_and_not_on_the_order_of_rows():
    def drawn(frame, seed):
        found = redraws.drawn_again(ibis.memtable(frame), "orders", redraws=5, seed=seed).execute()
        return found.sort_values(list(found.columns), ignore_index=True)

    shuffled = LINES.sample(frac=1, random_state=2)
    assert drawn(LINES, 1).equals(drawn(shuffled, 1)) and not drawn(LINES, 1).equals(drawn(LINES, 2))


def test_what_followed_a_mailing_is_drawn_with_it():
    rows = [("a", datetime(2024, 1, d), kind, None, f"m{d}") for d in range(1, 29) for kind in ("sent", "opened")]
    events = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "kind", "detail", "campaign_id"]).astype({"detail": "string"})
    found = redraws.drawn_again(ibis.memtable(events), "events", redraws=3, seed=1).execute()
    assert set(found.groupby(["customer_id", "campaign_id"])["kind"].nunique()) == {2} and len(found)


def test_redrawn_values_return_to_the_published_scale_and_missing_ones_stay_missing():
    whole = pd.DataFrame({"x": [10.0, 20.0, 30.0]})
    frames = [pd.DataFrame({"x": [1.0, 2.0, 3.0]}), pd.DataFrame({"x": [1.0, np.nan, 3.0]})]
    found = redraws.rescaled(frames, np.ones((2, 3), dtype=bool), whole, ["x"])
    assert found[0]["x"].tolist() == pytest.approx([10, 20, 30]) and np.isnan(found[1]["x"][1])
    assert frames[0]["x"].tolist() == [1.0, 2.0, 3.0]


def test_the_spread_is_what_redrawing_changes_within_a_customer():
    frames = [pd.DataFrame({"x": [1.0, 100.0]}), pd.DataFrame({"x": [3.0, 100.0]})]
    found = Redrawn(["a", "b"], frames, np.ones((2, 2), dtype=bool), 4, ["x"])
    assert redraws.spread(found, ["x"]) == {"x": 1.0}  # variances 2 and 0


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A step on the small shop: 30 customers, of whom c00 bought once in the window and c29 long before it."""
    rows = [(f"c{i:02}", f"{i}-{n}", f"2024-02-{1 + n:02} 10:00:00", 5 + i) for i in range(1, 29) for n in range(6)]
    rows += [("c00", "once", "2024-02-03 10:00:00", 5), ("c29", "old", "2023-01-03 10:00:00", 5)]
    csv = "client,ticket,at,paid\n" + "\n".join(",".join(map(str, row)) for row in rows)
    engine: Engine = opened(tmp_path, monkeypatch)(files={"till.csv": csv}, scope={"window_days": 90})
    return SimpleNamespace(project=engine.project, as_of=engine.as_of, engine=engine), {"orders": engine.source("orders")}


def test_customers_are_measured_again_under_redrawn_orders(shop):
    step, tables = shop
    sample = pd.DataFrame({"customer_id": [f"c{i:02}" for i in range(30)], "recency_days": 20.0, "orders_per_30d": 3.0, "area": "north"})
    sample["spend_per_30d"] = np.arange(30.0)
    found = redraws.redrawn(step, ["orders_per_30d", "spend_per_30d", "recency_days", "area"], sample, tables)
    assert found.names == ["orders_per_30d", "spend_per_30d", "recency_days"] and len(found.frames) == redraws.MOST and found.rows == 169
    assert 0.4 < found.counted[:, 0].mean() < 0.9  # one order: lost in about 37 of 100 redrawings
    assert found.counted[:, 29].all() and found.counted[:, 1:29].mean() > 0.99
    spent = np.stack([frame["spend_per_30d"] for frame in found.frames])
    assert (spent[:, 1:29].std(axis=0) > 0).all() and set(found.frames[0]["area"]) == {"north"}
    again = redraws.redrawn(
        step, ["orders_per_30d", "spend_per_30d", "recency_days", "area"], sample.sample(frac=1, random_state=1), tables
    )
    assert all(one.equals(two) for one, two in zip(found.frames, again.frames, strict=True))


def test_nothing_is_redrawn_of_attributes_and_the_evidence_says_so(shop):
    step, tables = shop
    sample = customers([[0, 0], [1, 1]] * 10)
    recipe = SimpleNamespace(learned=False, fit=None)
    made, evidence = confidence.replicate(step, recipe, rules(), sample, tables)
    assert made == rules() and evidence["method"] == "none" and evidence["core"] is None
    assert confidence_page.core_words(evidence).startswith("No confidence")


def test_a_learned_partition_comes_back_with_its_table_and_its_evidence(shop):
    step, tables = shop
    made = square([[0.0, 0.0], [4.0, 4.0]])
    for v, name in zip(made["variables"], ("spend_per_30d", "orders_per_30d"), strict=True):
        v |= {"name": name}
    sample = pd.DataFrame({"customer_id": [f"c{i:02}" for i in range(30)], "orders_per_30d": [0.0, 4.0] * 15})
    sample["spend_per_30d"] = sample["orders_per_30d"] + np.linspace(0, 1, 30)

    def fit(boot, k):
        points = boot[["spend_per_30d", "orders_per_30d"]].to_numpy()
        again = {"nearest": {"centroids": kmeans.kmeans(points, k, n_starts=10, seed=1).centres.tolist()}}
        return SimpleNamespace(document=made | {"assign": again})

    told, evidence = confidence.replicate(step, SimpleNamespace(learned=True, fit=fit), made, sample, tables)
    document.check(told)
    assert "confidence" not in made["assign"]["nearest"]
    assert evidence["method"] == "replicates" and evidence["replicates"] == 100 and evidence["refit"] == "recipe"
    assert [s["n"] for s in evidence["segments"]] == [15, 15] and 0 <= evidence["core"] <= 1
    for say in (confidence_page.core_words(evidence, "constructive"), confidence_page.redrawn_words(evidence)):
        assert "None" not in say and "{" not in say


def test_why_a_customer_is_nearest_to_a_centre_adds_up_to_the_distance():
    made = square([[0, 0], [4, 0], [0, 9]]) | {"project": {"centre": [1.0, 1.0], "loadings": [[0.6, -0.8], [0.8, 0.6]]}}
    frame = customers([[0.5, 0.2], [4, 3]])
    own, _, distance = borders.nearest_borders(made, frame)
    found = why.why(made, frame, {"S1": "Calm", "S2": "Keen"}, {"x": Column("x", "number", "behavioural", False, scale="s")})
    assert found["segment"].tolist() == [s for s, n in zip(own, found.groupby("customer_id").size(), strict=True) for _ in range(n)]
    assert found.groupby("customer_id")["share"].sum().tolist() == pytest.approx([1, 1])
    assert set(found["next"]) <= {"S1", "S2", "S3"} and found["name"].notna().all() and (distance > 0).all()
    plain = why.why(square([[0, 0], [4, 0]]), customers([[1, 7]]), {}, {})
    assert plain[["variable", "value", "everyone", "share", "next"]].values.tolist() == [["x", 1.0, 1.0, 1.0, "S2"]]


def test_why_a_customer_fits_a_rule_names_the_comparisons_that_hold():
    found = why.why(rules(), customers([[12, 1], [12, 6], [12, np.nan]]), {"S1": "Big", "S2": "Rest"}, {})
    said = found.groupby("customer_id")["clause"].apply(list).tolist()
    assert said[0] == ["rule 1: x >= 10", "rule 1: not y >= 5"] == said[2]  # a missing value fulfils no comparison
    assert said[1] == ["no rule fits: everyone else"] and found["name"].tolist()[0] == "Big"


def test_why_a_customer_has_these_points_lists_the_points_of_each_criterion():
    criteria = [{"variable": "x", "cuts": [10.0], "points": [1, 4]}, {"variable": "y", "cuts": [5.0], "points": [2, 0]}]
    made = rules() | {"assign": {"points": {"criteria": criteria, "bands": [{"segment": "S1", "from": 5}], "otherwise": "S2"}}}
    found = why.why(made, customers([[12, 1], [np.nan, 9]]), {}, {})
    assert found[["segment", "variable", "points"]].values.tolist() == [
        ["S1", "x", 4.0],
        ["S1", "y", 2.0],
        ["S2", "x", 1.0],
        ["S2", "y", 0.0],
    ]


def test_nobody_is_explained_who_is_not_in_scope(monkeypatch):
    monkeypatch.setattr(why.inputs, "customers", lambda step: ibis.memtable(customers([[1, 1]])))
    with pytest.raises(NinefoldError, match="nobody in scope has the id 'x9'"):
        why.of(SimpleNamespace(project=None), square([[0, 0], [1, 1]]), "x9")


EVIDENCE = {
    "method": "replicates",
    "core": 0.78,
    "mean": 0.8,
    "customers": 1000,
    "replicates": 100,
    "redraws": 12,
    "rows": 5000,
    "lost": 0.01,
    "refit": "k-means",
    "refit_rows": 1000,
    "refit_of": 1000,
    "stays": [],
    "held_out_error": 0.14,
    "told": False,
    "segments": [
        {"segment": "S1", "n": 500, "core": 0.8, "mean": 0.85, "traits": [{"variable": "x", "core": 1.0, "border": 2.0, "effect": -0.5}]},
        {"segment": "S2", "n": 300, "core": 0.99, "mean": 0.97, "traits": [{"variable": "x", "core": 1.0, "border": 2.0, "effect": -0.5}]},
        {"segment": "S3", "n": 9, "core": 0.5, "mean": 0.7, "traits": []},
    ],
}


def test_the_page_says_how_many_are_core_beside_the_structure_verdict():
    said = confidence_page.core_words(EVIDENCE, "reproducible")
    assert said.startswith("78% of customers are core") and "not that segments exist" in said and "no separate groups" in said
    assert "0.14" in confidence_page.held_out_words(EVIDENCE) and "not for single customers" in confidence_page.held_out_words(EVIDENCE)
    assert "12 redrawings" in confidence_page.redrawn_words(EVIDENCE) and "cold" in confidence_page.redrawn_words(EVIDENCE)


def test_nothing_is_told_of_fewer_than_ten_core_or_border_members():
    table = confidence_page.core_table(EVIDENCE, square([[0, 0], [1, 1], [2, 2]]))
    assert table.frame["core"].tolist()[0] == 0.8 and table.frame["core"].isna().tolist() == [False, True, True]
    apart = confidence_page.apart_table(EVIDENCE, square([[0, 0], [1, 1], [2, 2]]), {})
    assert apart.frame["segment"].nunique() == 1
