"""Step 6: the statistics behind a profile by hand, the names that segments get, and what each segment is worth."""

import functools

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, Step, at, orders, project, same
from sklearn.metrics import adjusted_rand_score

from helpers import rates
from helpers.build import choice, columns, describe, profiles
from helpers.build.document import check, labels
from helpers.build.methods import cutting, partitions
from helpers.engine import Window
from helpers.rates import holm

COLUMNS = ["spend_per_30d", "orders_per_30d", "recency_days"]


def customers(**columns) -> pd.DataFrame:
    """A sample; the three criteria of RFM are there even when a test does not care."""
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(n)]} | {c: np.ones(n) for c in COLUMNS} | columns)


def three_groups() -> pd.DataFrame:
    """20, 200 and 90 dollars in turn, the last with nine orders instead of two."""
    draw, group = np.random.default_rng(0), np.arange(240) % 3
    return customers(
        spend_per_30d=np.array([20.0, 200, 90])[group] + draw.normal(0, 3, 240),
        orders_per_30d=np.array([2.0, 2, 9])[group] + draw.normal(0, 0.2, 240),
        recency_days=draw.uniform(0, 60, 240),
    )


def dated(found) -> dict:
    """A fitted document, dated as it is handed over."""
    return found.document | {"built_as_of": AS_OF.isoformat()}


def hcpc(sample: pd.DataFrame, plan) -> dict:
    """Three segments by spend and orders."""
    names = ["spend_per_30d", "orders_per_30d"]
    return dated(partitions.hcpc(sample, names, columns(plan, names), 3, plan))


# Statistics by hand


def test_a_v_test_by_hand():
    values, inside = np.array([1.0, 2, 3, 4]), np.array([False, False, True, True])
    # 3.5 against 2.5; s² = 1.25; two of four: 1 / √(1.25 · 2 / (3 · 2))
    assert describe.v_test(values, inside) == pytest.approx(1 / (5 / 12) ** 0.5)
    assert describe.v_test(values, ~inside) == pytest.approx(-1 / (5 / 12) ** 0.5)
    assert (
        describe.v_test(values, np.ones(4, dtype=bool)) == describe.v_test(np.ones(4), inside) == describe.v_test(values, values > 9) == 0
    )


@pytest.mark.parametrize(
    ("having", "p", "v"),
    # three members of ten, four holders; P(0…3) = 20/120, 60/120, 36/120, 4/120; v = Φ⁻¹ of half of p
    [
        (0, 20 / 120, -1.382994),  # P(0)
        (1, 2 * 20 / 120 + 60 / 120, -0.210428),
        (2, 2 * 4 / 120 + 36 / 120, 0.902735),
        (3, 4 / 120, 2.128045),
    ],
)
def test_a_categorical_v_test_is_hypergeometric_with_mid_p(having, p, v):
    assert describe.v_test_level(having, 3, 4, 10) == pytest.approx((v, p), abs=5e-6)


def test_a_level_that_everybody_has_says_nothing_and_an_impossible_chance_stays_a_number():
    assert describe.v_test_level(5, 5, 10, 10)[1] == 1
    v, p = describe.v_test_level(4000, 4000, 4000, 8000)
    assert np.isfinite(v) and v > 30 and p < 1e-300


def test_holm_by_hand():
    # in order: 3 × .01, 2 × .03, then .04, which may not fall below the one before
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.5, 0.02, 0.5]), [1, 1, 0.08, 1])
    assert holm([]) == []


def test_wilson_by_hand():
    # z² = 3.841459; 8 of 10: (.8 + .192073 ± 1.959964 · √(.016 + .009604)) / 1.384146
    assert rates.wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=5e-6)
    assert rates.wilson(0, 10) == pytest.approx((0, 3.841459 / 13.841459), abs=5e-6)


def test_a_mean_has_the_interval_of_its_bootstrap():
    values = np.random.default_rng(0).normal(50, 10, 400)
    found = describe.mean_with_interval(values, draws=2000, seed=1)
    assert found["value"] == values.mean()
    half = 1.96 * values.std() / 20  # the normal approximation
    assert (found["value"] - found["low"], found["high"] - found["value"]) == pytest.approx((half, half), rel=0.08)
    assert found == describe.mean_with_interval(values, draws=2000, seed=1) != describe.mean_with_interval(values, draws=2000, seed=2)
    assert describe.mean_with_interval(np.array([3.0]), draws=200, seed=1) == {"value": 3.0, "low": None, "high": None}
    assert describe.mean_with_interval(np.empty(0), draws=200, seed=1) == {"value": None, "low": None, "high": None}
    skewed = describe.mean_with_interval(np.array([0.0] * 99 + [100.0]), draws=2000, seed=1)
    assert skewed["low"] == 0 and skewed["high"] - 1 > 1.5  # lopsided, as these data are: no half-width on both sides


def test_traits_by_hand_the_strongest_first():
    sample = customers(spend_per_30d=[1.0, 2, 3, 4], orders_per_30d=[5.0, 5, 5, 5], recency_days=[10.0, np.nan, np.nan, 30])
    sample["gap_days"] = [np.nan, np.nan, 7.0, 9.0]
    found = describe.traits(sample, np.array(["S2", "S2", "S1", "S1"]), ["orders_per_30d", "spend_per_30d", "recency_days", "gap_days"])
    assert list(found) == ["S1", "S2"]
    assert found["S1"] == [
        {"variable": "recency_days", "mean": 30, "everyone": 20, "v": 1, "effect": 1},  # of the two who have one: s = 10
        {"variable": "spend_per_30d", "mean": 3.5, "everyone": 2.5, "v": pytest.approx((12 / 5) ** 0.5), "effect": pytest.approx(0.8**0.5)},
        {"variable": "gap_days", "mean": 8, "everyone": 8, "v": 0, "effect": 0},  # everybody who has one
        {"variable": "orders_per_30d", "mean": 5, "everyone": 5, "v": 0, "effect": 0},
    ]
    assert found["S2"][0]["effect"] == -1 and found["S2"][2] == {
        "variable": "gap_days", "mean": None, "everyone": None, "v": None, "effect": None
    }  # fmt: skip


TOLD = pd.DataFrame(
    {
        "customer_id": list("jihgfedcba") + ["x"],
        "age": [None, "old", "old", "old", "old", "old", "old", "young", "young", "young", "old"],
        "town": ["A", "B"] * 5 + ["A"],
    }
)
MEMBERS = pd.Series({c: "S1" if c in "abcd" else "S2" for c in "abcdefghij"})  # nobody knows the segment of x


def test_descriptors_by_hand():
    found = describe.described(TOLD, MEMBERS, least=1)
    # known of nine: a, b and c young, d to i old; four of them in S1. P(3 young in S1) = C(3,3)·C(6,1)/C(9,4) = 6/126
    other, first = found["S1"][:2]
    assert (other["level"], other["n"], other["v"]) == ("old", 1, pytest.approx(-first["v"]))  # what some have the others lack
    assert (first["attribute"], first["level"], first["n"], first["share"]) == ("age", "young", 3, 3 / 4)
    assert first["everyone"] == pytest.approx(3 / 9) and first["v"] == pytest.approx(1.980752, abs=5e-6)
    # four levels in two segments: eight tests, of which one is not shown: no young one is in S2
    assert first["p_holm"] == pytest.approx(8 * 6 / 126) and sum(map(len, found.values())) == 7
    assert [abs(d["v"]) for d in found["S1"]] == sorted((abs(d["v"]) for d in found["S1"]), reverse=True)
    town = next(d for d in found["S2"] if (d["attribute"], d["level"]) == ("town", "A"))
    assert (town["n"], town["share"], town["everyone"]) == (3, 0.5, 0.5)  # j, h and f; d and b are in S1


def test_levels_of_few_are_not_described():
    found = describe.described(TOLD, MEMBERS, least=3)
    # three of the four described in S1 are young: to say so would tell of the fourth
    assert {(s, d["level"]) for s, rows in found.items() for d in rows} == {("S2", "old"), ("S2", "A"), ("S2", "B")}
    old = next(d for d in found["S2"] if d["level"] == "old")
    assert old["p_holm"] == pytest.approx(8 * 6 / 126)  # three are shown, and eight were tested
    assert describe.described(TOLD, MEMBERS, least=11) == {} == describe.described(TOLD.head(0), MEMBERS, least=1)


def test_of_many_levels_that_mean_nothing_none_stands_but_by_a_rare_accident(monkeypatch):
    """Sixty towns, of about twenty people each and four in a segment: ten are rare there, and would be all that is shown."""
    monkeypatch.setattr(describe, "v_test_level", functools.cache(describe.v_test_level))
    members = pd.Series([f"S{i % 5 + 1}" for i in range(1200)], index=[f"c{i}" for i in range(1200)])
    stands, shown = 0, 0
    for seed in range(40):
        towns = pd.DataFrame({"customer_id": members.index, "town": np.random.default_rng(seed).integers(0, 60, 1200)})
        rows = [d for found in describe.described(towns, members, least=10).values() for d in found]
        stands, shown = stands + any(d["p_holm"] <= 0.05 for d in rows), shown + bool(rows)
    assert shown >= 20 and stands <= 4  # 5% of 40 are two; to test only those shown would let more than half stand


# Names, ids and colours


EXPECTED = {
    "S1": {"name": "Big baskets", "expect": {"spend_per_30d": "high"}, "colour": "#5B2333"},
    "S2": {"name": "Often here", "expect": {"orders_per_30d": "high", "spend_per_30d": "low"}},
    "S3": {"name": {"en": "The others", "fr": "Les autres"}},
}


def effects(**of: float | None) -> list[dict]:
    return [{"variable": variable, "effect": effect} for variable, effect in of.items()]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_names_follow_what_is_expected_whatever_order_the_recipe_gave(order):
    found = [
        effects(spend_per_30d=2.0, orders_per_30d=0.1),
        effects(spend_per_30d=-0.5, orders_per_30d=1.0),
        effects(spend_per_30d=-0.4, orders_per_30d=-1.0),
    ]
    built = {f"S{i + 1}": found[place] for i, place in enumerate(order)}
    ids = choice.name_segments(built, project(build={"segments": EXPECTED}))
    assert {ids[f"S{i + 1}"]: place for i, place in enumerate(order)} == {"S1": 0, "S2": 1, "S3": 2}


def test_expectations_choose_together_and_not_one_after_the_other():
    wishes = {"S1": {"name": "A", "expect": {"spend_per_30d": "high"}}, "S2": {"name": "B", "expect": {"orders_per_30d": "high"}}}
    built = {"S1": effects(spend_per_30d=1.0, orders_per_30d=3.0), "S2": effects(spend_per_30d=0.9, orders_per_30d=0.0)}
    # S1 would be best for both; what is lost by giving A the other one is .1, by giving B the other one 3
    assert choice.name_segments(built, project(build={"segments": wishes})) == {"S1": "S2", "S2": "S1"}


def test_a_wrong_expectation_moves_no_name_that_fits():
    wishes = {"S1": {"name": "A", "expect": {"orders_per_30d": "low"}}, "S2": {"name": "B", "expect": {"spend_per_30d": "high"}}}
    built = {"S1": effects(spend_per_30d=-1.0, orders_per_30d=-0.3), "S2": effects(spend_per_30d=-3.0, orders_per_30d=-2.0)}
    # A fits both, and better the second; B fits neither, and least badly the first. What counts is that A has its best, not B
    assert choice.name_segments(built, project(build={"segments": wishes})) == {"S1": "S2", "S2": "S1"}
    right = {"S1": effects(spend_per_30d=0.1, orders_per_30d=-0.3), "S2": effects(spend_per_30d=-3.0, orders_per_30d=2.0)}
    assert choice.name_segments(right, project(build={"segments": wishes})) == {"S1": "S1", "S2": "S2"}


def test_an_expectation_may_be_a_low_figure():
    wishes = {"S1": {"name": "A", "expect": {"recency_days": "low"}}, "S2": {"name": "B", "expect": {"recency_days": "high"}}}
    built = {"S1": effects(recency_days=1.0), "S2": effects(recency_days=-1.0)}
    assert choice.name_segments(built, project(build={"segments": wishes})) == {"S1": "S2", "S2": "S1"}


def test_without_expectations_and_for_ids_not_built_everything_stays_as_it_is():
    built = {"S1": effects(spend_per_30d=1.0), "S2": effects(spend_per_30d=-1.0)}
    assert choice.name_segments(built, project()) == {"S1": "S1", "S2": "S2"}
    typed = {"S5": {"name": "Where only two could be built", "expect": {"spend_per_30d": "low"}}}
    assert choice.name_segments(built, project(build={"segments": typed})) == {"S1": "S1", "S2": "S2"}


@pytest.mark.parametrize(
    ("effect", "way", "fits"), [(0.2, "high", True), (0.19, "high", False), (-0.2, "low", True), (0.5, "low", False), (None, "high", False)]
)
def test_a_name_fits_from_a_fifth_of_a_standard_deviation(effect, way, fits):
    assert choice.name_fits(effects(spend_per_30d=effect, orders_per_30d=3.0), {"spend_per_30d": way}) is fits
    assert choice.name_fits(effects(orders_per_30d=3.0), {"spend_per_30d": way}) is False  # not measured any more
    assert choice.name_fits(effects(spend_per_30d=effect), {}) is None


def test_all_that_is_expected_must_hold():
    both = {"spend_per_30d": "high", "orders_per_30d": "low"}
    assert choice.name_fits(effects(spend_per_30d=1.0, orders_per_30d=-1.0), both) is True
    assert choice.name_fits(effects(spend_per_30d=1.0, orders_per_30d=1.0), both) is False


def test_the_published_document_has_names_that_fit_colours_and_its_segments_in_order():
    sample, plan = three_groups(), project(build={"segments": EXPECTED})
    made = hcpc(sample, plan)
    document, traits = choice.named(made, sample, plan, COLUMNS)
    check(document)
    # spend high: 200; orders high and spend low: 90 dollars in 9 orders, at a mean of 103: not low enough, so the name goes
    assert [(s["id"], s["name"]) for s in document["segments"]] == [("S1", "Big baskets"), ("S2", None), ("S3", EXPECTED["S3"]["name"])]
    assert document["segments"][0]["colour"] == "#5B2333" and len({s["colour"] for s in document["segments"]}) == 3
    found = labels(document, sample)
    assert list(found[:3]) == ["S3", "S1", "S2"] and list(traits) == ["S1", "S2", "S3"]
    means = {s: next(t["mean"] for t in rows if t["variable"] == "spend_per_30d") for s, rows in traits.items()}
    assert means == pytest.approx({s: sample["spend_per_30d"][found == s].mean() for s in traits})


def test_a_segment_that_is_empty_in_the_sample_keeps_its_place_and_is_not_described():
    wishes = {"S1": {"name": "Many orders", "expect": {"orders_per_30d": "high"}}}
    sample = customers(spend_per_30d=[1.0, 2, 3, 4], orders_per_30d=[1.0, 1, 5, 5])
    document = dated(cutting.bands(sample, 2, project()))
    document["segments"].append({"id": "S3", "name": None, "colour": ""})
    found, traits = choice.named(document, sample, project(build={"segments": wishes}), ["spend_per_30d"])
    assert [s["id"] for s in found["segments"]] == ["S1", "S2", "S3"] and set(traits) == {"S1", "S2", "S3"}
    assert traits["S3"] == [{"variable": "spend_per_30d", "mean": None, "everyone": None, "v": None, "effect": None}]


# The same customers under other ids


def all_kinds() -> tuple[pd.DataFrame, dict[str, dict]]:
    sample = three_groups()
    made = hcpc(sample, project())
    rules, points = (dated(recipe(sample, 3, project())) for recipe in (cutting.bands, cutting.rfm))
    return sample, {"nearest": made, "first_match": rules, "points": points}


@pytest.mark.parametrize("kind", ["nearest", "first_match", "points"])
def test_another_id_changes_nobodys_segment(kind):
    sample, documents = all_kinds()
    ids, before = {"S1": "S3", "S2": "S1", "S3": "S2"}, labels(documents[kind], sample)
    document = choice.renamed(documents[kind], ids)
    check(document)
    assert [s["id"] for s in document["segments"]] == ["S1", "S2", "S3"] and set(before) == {"S1", "S2", "S3"}
    assert list(labels(document, sample)) == [ids[s] for s in before]


def test_the_tenth_segment_comes_after_the_second():
    sample = customers(spend_per_30d=np.arange(110.0))
    document = dated(cutting.bands(sample, 11, project()))
    found = choice.renamed(document, {f"S{i}": f"S{12 - i}" for i in range(1, 12)})
    assert [s["id"] for s in found["segments"]] == [f"S{i}" for i in range(1, 12)] and labels(found, sample)[0] == "S1"


@pytest.mark.parametrize("kind", ["nearest", "first_match", "points"])
def test_an_earlier_build_takes_the_ids_of_the_published_one(kind):
    sample, documents = all_kinds()
    published = documents[kind]
    earlier = choice.renamed(published, {"S1": "S2", "S2": "S3", "S3": "S1"})
    for segment, name in zip(published["segments"], ["A", "B", None], strict=True):
        segment |= {"name": name, "colour": f"#{segment['id']}"}
    found, agreement = choice.aligned(earlier, published, sample)
    assert agreement == 1 and list(labels(found, sample)) == list(labels(published, sample))
    assert [(s["id"], s["name"], s["colour"]) for s in found["segments"]] == [("S1", "A", "#S1"), ("S2", "B", "#S2"), ("S3", None, "#S3")]


def test_as_many_customers_as_possible_keep_their_id_and_the_agreement_is_told():
    sample = customers(spend_per_30d=np.arange(100.0))
    two, three = (dated(cutting.bands(sample, k, project())) for k in (2, 3))
    found, agreement = choice.aligned(three, two, sample)  # 34, 33, 33 against 50 and 50
    old, new = labels(found, sample), labels(two, sample)
    assert sorted(set(old)) == ["S1", "S2", "S3"] and (old[-33:] == "S1").all() and (old[:33] == "S2").all()
    assert agreement == pytest.approx(adjusted_rand_score(old, new)) and 0 < agreement < 1
    fewer, _ = choice.aligned(two, three, sample)
    assert [s["id"] for s in fewer["segments"]] == ["S1", "S3"]  # the halves lie over the outer thirds


# What is published


def test_people_choose_what_is_published_else_the_evidence_else_nobody():
    told = {"verdicts": {"panel": {"best_candidate": "crossing"}, "objective": {"best_candidate": "rfm"}}}
    silent = {"verdicts": {"panel": {"best_candidate": None}}}
    assert choice.chosen(project(build={"chosen": "rfm"}), told) == ("rfm", "people")
    assert choice.chosen(project(), told) == ("crossing", "evidence")
    assert choice.chosen(project(), silent) == ("hcpc", "nobody")
    assert choice.chosen(project(), silent, ["crossing", "rfm"]) == ("rfm", "nobody") and choice.chosen(project(), silent, ["x"])[0] == "x"


def test_everybody_has_a_segment_and_a_band_and_bands_are_no_segments():
    sample = customers(spend_per_30d=[9.0, 1, 5, 7], recency_days=[1.0, 2, 3, 4])
    segments = dated(cutting.bands(sample.assign(spend_per_30d=sample["recency_days"]), 2, project()))
    segments["variables"][0]["name"] = segments["assign"]["first_match"]["rules"][0]["when"][0]["variable"] = "recency_days"
    found = choice.membership(ibis.memtable(sample), segments, dated(cutting.bands(sample, 2, project())))
    assert found.columns == ("customer_id", "segment", "confidence", "band")
    same(
        found.drop("confidence"),  # rules without a table of confidence have none
        {
            "customer_id": ["c0000", "c0001", "c0002", "c0003"],
            "segment": ["S2", "S2", "S1", "S1"],  # 3 days and more
            "band": ["b1", "b2", "b2", "b1"],  # 7 dollars and more
        },
    )


# What each segment is worth


PUBLISHED = Window("published", at("08-02"), AS_OF, None, enough=True)  # sixty days: two times thirty
BOUGHT = orders(
    ("ann", "a1", "08-02", 100),  # the first instant
    ("ann", "a2", "09-15", 60),
    ("ann", "a0", "08-01 23:59", 999),  # before the window
    ("bob", "b1", "09-01", 50),
    ("bob", "b2", "09-02", -20),
    ("cyd", "c1", "09-03", 10),
    ("cyd", "c2", "10-01", 999),  # at the end: not seen
    ("eve", "e1", "09-09", -40),  # a refund alone
    (None, "n1", "09-09", 500),
    ("zoe", "z1", "09-09", 500),  # out of scope
)


def members(**labels_of) -> ibis.Table:
    rows = [(c, *s.split()) for c, s in labels_of.items()]
    return ibis.memtable(pd.DataFrame(rows[::-1], columns=["customer_id", "segment", "band"]))


THERE = members(ann="S1 b1", bob="S1 b2", cyd="S2 b2", dot="S2 b2", eve="S2 b2")


def test_revenue_is_that_of_the_window_net_of_refunds():
    found = profiles.revenue(BOUGHT, PUBLISHED)
    same(found, {"customer_id": ["ann", "bob", "cyd", "eve", "zoe"], "revenue": [160, 30, 10, -40, 500]}, check_exact=False)


def test_sums_and_shares_by_hand():
    found = profiles.sums(THERE, profiles.revenue(BOUGHT, PUBLISHED), "segment")
    # ann 160 and bob 30; cyd 10, dot nothing, eve −40; together 160
    assert found.loc["S1"].to_dict() == {"n": 2, "revenue": 190, "share_of_customers": 0.4, "share_of_revenue": 190 / 160}
    assert found.loc["S2"].to_dict() == {"n": 3, "revenue": -30, "share_of_customers": 0.6, "share_of_revenue": -30 / 160}
    by_band = profiles.sums(THERE, profiles.revenue(BOUGHT, PUBLISHED), "band")
    assert by_band["revenue"].to_dict() == {"b1": 160, "b2": 0} and by_band["n"].to_dict() == {"b1": 1, "b2": 4}
    nothing = profiles.sums(THERE, profiles.revenue(orders(), PUBLISHED), "segment")
    assert nothing["revenue"].tolist() == [0, 0] and nothing["share_of_revenue"].isna().all()


RULES = dated(cutting.bands(customers(spend_per_30d=[1.0, 9.0]), 2, project()))  # S1 from 9 dollars on


def shop(**sections) -> Step:
    then = customers(spend_per_30d=[1.0, 9, 10, 2, 3, 4])
    later = customers(orders_per_30d=[0.5, 0, 2, 0, 1, 3]).assign(spend_per_30d=99.0).iloc[::-1]
    told = pd.DataFrame({"customer_id": ["eve", "ann", "bob", "cyd"], "town": ["B", "A", "A", "A"]})
    return Step(project(min_cell=2, **sections), variables_confirm=then, later_confirm=later, descriptors=told)


def test_who_still_buys_is_counted_in_the_segments_of_one_horizon_earlier():
    found = profiles._active_later(shop(), RULES)
    # 9 and 10 dollars: one of two bought; 1, 2, 3 and 4: three of four
    assert {s: (f["share"], f["n"]) for s, f in found.items()} == {"S1": (0.5, 2), "S2": (0.75, 4)}
    assert (found["S2"]["low"], found["S2"]["high"]) == pytest.approx(rates.wilson(3, 4))
    assert profiles._active_later(shop(), None) == {}


TYPED = {
    "S1": {"name": "Big baskets", "in_short": "much at once", "expect": {"spend_per_order": "high"}},
    "S2": {"name": "Regulars", "in_short": "often", "expect": {"spend_per_order": "high"}},
}
TRAITS = {
    "S1": [{"variable": "spend_per_order", "mean": 60.0, "effect": 1.0}, {"variable": "orders_per_30d", "mean": 1.5, "effect": 0.1}],
    "S2": [{"variable": "spend_per_order", "mean": 10.0, "effect": -1.0}],
    "S3": [{"variable": "spend_per_order", "mean": None, "effect": None}],
}


@pytest.fixture(scope="module")
def profile():
    names = [("S1", "Big baskets"), ("S2", None), ("S3", None)]
    published = {"segments": [{"id": s, "name": name, "colour": f"#{s}"} for s, name in names]}
    documents, windows = {"published": published, "budget": RULES, "then": RULES}, {"published": PUBLISHED}
    step = shop(build={"segments": TYPED, "draws": 5000}, scope={"segments_wanted": 3})
    return profiles.profile(step, documents, TRAITS, THERE, BOUGHT, windows, {"segments": "hcpc", "budget": "tree"})


def test_a_profile_by_hand(profile):
    assert {key: profile[key] for key in ("as_of", "customers", "revenue", "chosen", "k")} == {
        "as_of": AS_OF, "customers": 5, "revenue": 160.0, "chosen": "hcpc", "k": 3
    }  # fmt: skip
    first, second, _ = profile["segments"]
    assert (first["id"], first["name"], first["colour"]) == ("S1", "Big baskets", "#S1")
    assert (first["in_short"], first["fits"], first["spend_per_order"], first["orders_per_30d"]) == ("much at once", True, 60.0, 1.5)
    assert (second["in_short"], second["fits"], second["orders_per_30d"]) == ("", False, None)  # withdrawn, and so is what it said
    assert (first["n"], first["revenue"], first["share_of_customers"], first["share_of_revenue"]) == (2, 190, 0.4, 190 / 160)
    assert first["revenue_per_30d"]["value"] == 47.5  # 190 dollars of two customers in two months of thirty days
    assert first["revenue_per_30d"]["low"] == 15 and first["revenue_per_30d"]["high"] == 80  # twice bob, twice ann
    assert second["revenue_per_30d"] == {"value": -5.0, "low": pytest.approx(-20), "high": pytest.approx(5)}
    assert first["traits"] == TRAITS["S1"] and first["active_later"]["share"] == 0.5 and second["active_later"]["n"] == 4


def test_how_steady_members_are_is_counted_by_hand():
    told = pd.DataFrame(
        {"customer_id": list("abcde"), "segment": ["S1", "S1", "S1", "S2", "S2"], "confidence": [0.8, 0.79, 1.0, 0.5, None]}
    )
    found = profiles.steadiness(ibis.memtable(told))
    assert found == {
        "S1": {"known": 3, "core": 2, "confidence": pytest.approx(2.59 / 3)},
        "S2": {"known": 1, "core": 0, "confidence": 0.5},
    }
    assert profiles.steadiness(THERE) == {} == profiles.steadiness(ibis.memtable(told.assign(confidence=np.nan)).mutate(
        confidence=ibis.null("float64")))  # fmt: skip


def test_segments_without_a_name_have_one_suggested_unless_they_are_few(profile):
    first, second, nobody = profile["segments"]
    assert first["suggested"] is None and nobody["suggested"] is None
    assert second["suggested"]["name"]["en"] == "Small baskets" and second["suggested"]["expect"] == {"spend_per_order": "low"}
    assert second["steadiness"] is None and second["continues"] is None and profile["titles"] == {}


def test_descriptors_are_of_all_who_told_and_of_no_segment_of_one(profile):
    first, second, _ = profile["segments"]
    assert [(d["level"], d["n"], d["share"], d["everyone"]) for d in first["descriptors"]] == [("A", 2, 1.0, 0.75)]
    assert second["descriptors"] == []  # one each in A and B


def test_a_segment_of_nobody_has_no_money_instead_of_none(profile):
    nobody = profile["segments"][2]
    assert (nobody["n"], nobody["share_of_customers"], nobody["share_of_revenue"], nobody["revenue"]) == (0, 0, None, None)
    assert nobody["revenue_per_30d"] == {"value": None, "low": None, "high": None} and nobody["fits"] is None
    assert nobody["active_later"] is None and nobody["descriptors"] == [] and nobody["spend_per_order"] is None


def test_segments_of_min_cell_and_of_nobody_are_shown(profile):
    assert [(s["n"], s["shown"]) for s in profile["segments"]] == [(2, True), (3, True), (0, True)]  # the least is 2


def test_bands_and_how_segments_spread_over_them(profile):
    budget = profile["budget"]
    assert (budget["rule"], budget["variable"]) == ("tree", "spend_per_30d")
    assert budget["bands"] == [
        {"id": "b1", "shown": False, "n": 1, "share_of_customers": 0.2, "share_of_revenue": 1.0, "revenue_per_30d": 80.0},
        {"id": "b2", "shown": False, "n": 4, "share_of_customers": 0.8, "share_of_revenue": 0.0, "revenue_per_30d": 0.0},
    ]
    assert budget["crossed"] == {"S1": {"b1": 1, "b2": 1}, "S2": {"b2": 3}}
