"""Whether segments come back: from other samples, from other starts, with another number; and what the page says of it."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from helpers import NinefoldError
from helpers.build import stability_page as page
from helpers.build.kmeans import kmeans, nearest
from helpers.build.stability import (
    across,
    adjusted_rand,
    bootstrap,
    cloud_within,
    codes,
    gap,
    gorge,
    refits,
    refitted,
    reproduced,
    screened,
    stability,
    within_solution,
)

pytestmark = pytest.mark.usefixtures("in_english")
FOUR = ((0, 0), (0, 10), (10, 0), (10, 10))


def cloud(*corners, n=60, seed=1) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.concatenate([draw.normal(size=(n, 2)) + corner for corner in corners])


def middle(found: dict) -> dict:
    return {k: float(np.median(values)) for k, values in found.items()}


# The adjusted Rand index


def test_the_adjusted_rand_index_of_six_rows_by_hand():
    """Pairs together in both 2, in each 6 and 4 of 15: (2 - 6·4/15) / (5 - 6·4/15)."""
    assert adjusted_rand([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]) != 1
    one, other = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    together, a, b = 2, 6, 3
    assert adjusted_rand(one, other) == pytest.approx((together - a * b / 15) / ((a + b) / 2 - a * b / 15))


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=60))
def test_the_adjusted_rand_index_is_scikit_learns(pairs):
    one, other = np.array(pairs).T
    assert adjusted_rand(one, other) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)
    names = np.array(["b", "a", "d", "c", "e"])
    assert adjusted_rand(names[one], names[other]) == pytest.approx(adjusted_rand(one, other), abs=1e-12)


def test_weights_are_repeated_rows():
    one, other, times = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), np.array([3, 1, 2, 4])
    assert adjusted_rand(one, other, times) == pytest.approx(adjusted_rand(np.repeat(one, times), np.repeat(other, times)))


# Global stability


def test_four_separate_clouds_come_back_and_one_cloud_cut_in_four_does_not():
    apart, starts = stability(cloud(*FOUR), [4], pairs=20, seed=1)
    one, _ = stability(cloud((0, 0), n=240), [4], pairs=20, seed=1)
    assert middle(apart)[4] > 0.95 and middle(one)[4] < 0.75 and len(apart[4]) == 20
    assert starts == 100  # looked at twice, and nothing had moved


def test_the_same_seed_gives_the_same_stability_and_another_seed_another():
    values = cloud((0, 0), n=80)
    one, same, other = (stability(values, [3, 4], pairs=4, seed=seed)[0] for seed in (7, 7, 8))
    assert {k: v.tolist() for k, v in one.items()} == {k: v.tolist() for k, v in same.items()}
    assert one[3].tolist() != other[3].tolist()


def test_a_recode_is_asked_once_for_each_sample_and_the_same_coordinates_change_nothing():
    values, asked = cloud((0, 0), n=80), []
    plain = stability(values, [3, 4], pairs=4, seed=7)
    found = stability(values, [3, 4], pairs=4, seed=7, recode=lambda drawn: asked.append(drawn.tobytes()) or values.copy())
    assert {k: v.tolist() for k, v in found[0].items()} == {k: v.tolist() for k, v in plain[0].items()} and found[1] == plain[1]
    assert sorted(asked) == sorted(drawn.tobytes() for pair in range(4) for drawn in bootstrap(80, 7, pair))
    assert stability(values, [1, 80], pairs=4, seed=7, recode=lambda drawn: 1 / 0)[0] == {}  # nothing to fit, nothing to learn


def test_each_sample_is_fitted_and_labels_everybody_in_coordinates_of_its_own():
    values = cloud(*FOUR)
    turned = lambda drawn: values if int(drawn[0]) % 2 else 1000 - values  # noqa: E731
    assert stability(values, [4], pairs=3, seed=1, recode=turned)[0][4].tolist() == [1, 1, 1]
    mixed = lambda drawn: values[np.random.default_rng(int(drawn[:60] @ np.arange(60))).permutation(240)]  # noqa: E731
    assert np.abs(stability(values, [4], pairs=3, seed=1, recode=mixed)[0][4]).max() < 0.1  # who is who is lost


def test_stability_is_told_only_for_numbers_of_segments_that_every_sample_allows():
    few = np.arange(12.0).reshape(6, 2)
    found, _ = stability(few, [1, 2, 5, 6, 7], pairs=10, seed=1)
    assert set(found) == {2}  # a sample of six rows seldom holds five different ones
    assert stability(np.ones((20, 2)), [2, 3], pairs=3, seed=1)[0] == {}
    two = np.repeat([[0.0], [1.0]], 20, axis=0)
    assert stability(two, [2], pairs=3, seed=1)[0] == {}  # two values in two segments: nothing could be otherwise


def test_both_samples_of_a_pair_are_drawn_with_replacement_and_apart():
    one, other = bootstrap(1000, 4, 0)
    assert one.sum() == other.sum() == 1000 and 0.6 < (one > 0).mean() < 0.67 and not (one == other).all()
    assert not (bootstrap(1000, 4, 1)[0] == one).all()


def test_refits_label_every_customer_also_where_many_are_alike():
    answers = np.repeat([[0.0, 0], [0, 1], [5, 5], [5, 6]], 10, axis=0)
    again, _ = refits(answers, 2, pairs=3, seed=1)
    assert again.shape == (3, 2, 40)
    assert all(adjusted_rand(labels, np.repeat([0, 1], 20)) == 1 for labels in again.reshape(6, 40))


@settings(deadline=None, max_examples=5, derandomize=True)
@given(st.integers(0, 100), st.sampled_from(["shuffled", "doubled", "shifted"]))
def test_what_changes_no_segments_changes_no_stability(seed, how):
    values = cloud(*FOUR, n=20, seed=seed)
    other = {
        "shuffled": values[np.random.default_rng(seed).permutation(len(values))],
        "doubled": np.repeat(values, 2, axis=0),
        "shifted": values * 1000 + 5e4,
    }[how]
    plain, changed = (stability(x, [4], pairs=4, seed=1)[0] for x in (values, other))
    assert middle(changed) == pytest.approx(middle(plain), abs=0.05)
    assert middle(plain)[4] > 0.9


# Segments, one by one


def test_the_stability_of_a_segment_is_its_largest_overlap_averaged_over_the_pair_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 1])
    again = np.array([[[0, 0, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]]])
    found = within_solution(labels, again)
    assert found.tolist() == [[(2 / 3 + 1) / 2, (3 / 4 + 1) / 2]]


def test_a_segment_of_its_own_comes_back_and_halves_of_one_cloud_do_not():
    values = np.concatenate([cloud((0, 0), n=200), cloud((30, 0), n=60, seed=2)])
    labels = nearest(values, kmeans(values, 4, seed=1).centres)
    again, _ = refits(values, 4, pairs=20, seed=1)
    found = np.median(within_solution(labels, again), axis=0)
    alone = labels[-1]
    assert found[alone] == 1 and np.delete(found, alone).max() < 0.9


def test_one_cloud_is_cut_and_measured_in_the_same_way():
    found = cloud_within([cloud((0, 0), n=100), np.ones((50, 2))], 3, pairs=10, seed=1)
    assert found.shape == (3,) and 0.3 < np.median(found) < 0.95  # the second holds one different row: nothing to cut


def test_segments_that_come_from_one_are_stable_across_and_those_from_all_are_not_by_hand():
    labels = {2: np.array([0, 0, 0, 0, 1, 1, 1, 1]), 3: np.array([0, 0, 1, 1, 1, 1, 2, 2])}
    found = across(labels)
    assert list(found) == [3]
    assert found[3]["came"].tolist() == [[2, 2, 0], [0, 2, 2]]
    assert found[3]["stability"].tolist() == pytest.approx([1, 0, 1])


def test_across_leaves_out_the_first_and_an_empty_segment_is_not_known():
    found = across({1: np.zeros(4, int), 2: np.array([0, 0, 1, 1]), 3: np.array([0, 0, 2, 2])})
    assert list(found) == [2, 3] and found[2]["stability"].tolist() == [1, 1]
    assert np.isnan(found[3]["stability"][1])


def test_a_gorge_counts_every_customer_once_in_every_segment():
    values = cloud(*FOUR)
    centres = kmeans(values, 4, seed=1).centres
    counts, edges = gorge(values, centres)
    assert counts.sum(axis=(1, 2)).tolist() == [240] * 4 and counts[:, 0].sum() == 240 and edges[[0, -1]].tolist() == [0, 1]
    assert counts[:, 0, 15:].sum() == 240 and counts[:, 1, :5].sum() == 720  # two heaps and nobody between


def test_the_gap_statistic_finds_four_clouds_and_no_more():
    found = gap(cloud(*FOUR), range(1, 7), draws=10, seed=1)
    assert found.loc[found["chosen"], "k"].tolist() == [4]
    assert list(found) == ["k", "gap", "error", "chosen"]


def test_every_start_finds_separate_clouds_and_few_find_the_best_cut_of_a_square():
    sure = reproduced(cloud(*FOUR), 4, n_starts=30, seed=1)
    square = np.random.default_rng(1).uniform(size=(300, 2))
    unsure = reproduced(square, 5, n_starts=30, seed=1)
    assert (sure["reproduced"], sure["near"], sure["starts"]) == (1, 1, 30)
    assert unsure["reproduced"] < 0.9 and unsure["near"] >= unsure["reproduced"]


# Any recipe


def halves(sample, k):
    """Cut at the median of x: a document as recipes give them."""
    cut = float(sample["x"].median())
    rules = [{"segment": "S1", "when": [{"variable": "x", "at_least": cut}]}]
    variables = [{"name": "x", "kind": "number", "missing": None, "steps": []}]
    segments = [{"id": "S1", "name": None, "colour": None}, {"id": "S2", "name": None, "colour": None}]
    assign = {"first_match": {"rules": rules, "otherwise": "S2"}}
    return SimpleNamespace(document={"format": 2, "key": "customer_id", "variables": variables, "segments": segments, "assign": assign})


@pytest.fixture
def plain_labels(monkeypatch):
    """Documents of one cut, labelled by hand."""

    def labels(document, frame):
        return np.where(frame["x"] >= document["assign"]["first_match"]["rules"][0]["when"][0]["at_least"], "S1", "S2")

    monkeypatch.setitem(sys.modules, "helpers.build.document", SimpleNamespace(labels=labels))


PEOPLE = pd.DataFrame({"customer_id": [f"c{i:04}" for i in range(300)], "x": np.random.default_rng(1).normal(size=300)})


def test_a_recipe_is_screened_by_refits_on_bootstrap_samples(plain_labels):
    found = screened(SimpleNamespace(fit=halves), PEOPLE, 2, pairs=6, seed=1)
    assert len(found) == 6 and found.min() > 0.5 and len(set(found.tolist())) > 1
    shuffled = screened(SimpleNamespace(fit=halves), PEOPLE.sample(frac=1, random_state=1), 2, pairs=6, seed=1)
    assert shuffled.tolist() == found.tolist()


def test_a_refit_that_cannot_be_made_counts_and_says_why(plain_labels):
    def fit(sample, k):
        if sample["x"].min() > PEOPLE["x"].min():  # the smallest was not drawn
            raise NinefoldError("The smallest is missing.")
        return halves(sample, k)

    found = refitted(SimpleNamespace(fit=fit), PEOPLE, 2, pairs=10, seed=1)
    failed = int(np.isnan(found.values).sum())
    assert 0 < failed < 10 and found.reasons == {"The smallest is missing.": failed}
    assert found.labels.shape == (10 - failed, 2, 300) and len(found.customers) == 300


def test_more_than_a_thousand_customers_are_screened_on_a_thousand(plain_labels):
    many = pd.DataFrame({"customer_id": np.arange(2500), "x": np.arange(2500.0)})
    sizes = []
    fit = lambda sample, k: sizes.append(len(sample)) or halves(sample, k)  # noqa: E731
    found = refitted(SimpleNamespace(fit=fit), many, 2, pairs=1, seed=1)
    assert sizes == [1000, 1000] and found.labels.shape == (1, 2, 1000)


def test_codes_follow_the_order_of_ids():
    assert codes(np.array(["S2", "S1", "S2"])).tolist() == [1, 0, 1]


# The page

NULLS = {
    "one_cloud": {"stability": {"median": 0.6, "low": 0.5, "high": 0.7, "p": 0.025}},
    "unrelated": {"stability": {"median": 0.3, "low": 0.2, "high": 0.4}},
}
BY_K = {"4": {"stability": 0.9} | NULLS}
STABLE = {3: np.array([0.5, 0.6, 0.7]), 4: np.array([0.8, 0.9, 1.0])}
SEGMENTS = [{"id": "S1", "name": "Regulars", "n": 120}, {"id": "S2", "name": None, "n": 80}, {"id": "S3", "name": "Few", "n": 4}]


def test_the_chart_of_stability_stands_beside_the_comparison():
    frame = page.against_frame(STABLE, BY_K)
    assert frame["k"].tolist() == [3, 4] and frame.loc[1, ["value", "low", "high"]].tolist() == pytest.approx([0.9, 0.85, 0.95])
    assert frame.loc[1, ["same", "cloud_median", "cloud_low", "unrelated_high"]].tolist() == [0.9, 0.6, 0.5, 0.4]
    assert frame.loc[0, ["same", "cloud_low"]].isna().all()
    handed_over = {str(k): dict(zip(page.QUARTILES, np.quantile(v, [0.25, 0.5, 0.75]), strict=True)) for k, v in STABLE.items()}
    pd.testing.assert_frame_equal(page.against_frame(handed_over, BY_K), frame)


@pytest.mark.parametrize(
    ("same", "p", "k", "title"),
    [
        (0.9, 0.05, 4, "4 segments come back at 0.90, more surely than one cloud would"),
        (0.9, 0.075, 4, "4 segments come back at 0.90, as they would from one cloud"),  # above the box, and not over all numbers at once
        (0.65, 0.3, 4, "4 segments come back at 0.90, as they would from one cloud"),
        (0.35, 0.9, 4, "4 segments come back at 0.90, as they would from unrelated variables"),
        (None, None, 3, "3 segments come back at 0.60; 4 would at 0.90"),
        (None, None, 4, "Two samples of the same customers give 4 segments that agree at 0.90"),
        (None, None, 9, "4 segments come back best, at 0.90; 9 cannot be told"),
    ],
)
def test_the_title_says_how_many_come_back_and_whether_one_cloud_would(same, p, k, title):
    cloud = {"one_cloud": {"stability": NULLS["one_cloud"]["stability"] | {"p": p}}}
    frame = page.against_frame(STABLE, {"4": BY_K["4"] | {"stability": same} | cloud} if same else None)
    told = page.against_words(frame, k, pairs=100, starts=200, customers=2050, compared={"draws": 39, "rows": 1000})
    assert told["title"] == title
    assert len(title.split()) <= 15 and ("39 data sets" in told["source"]) == bool(same)


def test_segments_not_to_be_trusted_are_grey_and_counted_and_small_ones_are_not_named():
    values = np.array([[0.9, 0.5, 0.1]] * 5)
    frame = page.within_frame(values, SEGMENTS, np.array([[0.65, 0.6, 0.55]] * 19))
    assert frame["label"].tolist() == ["Regulars", "Segment S2", "Few", "Cut out of one cloud"]
    assert page.within_palette(frame) == dict(zip(frame["label"], ["#12436D", *["#6B6B6B"] * 3], strict=True))
    told = page.within_words(frame, pairs=100, min_cell=10)
    assert told["title"] == "1 segment is not to be trusted: it comes back at less than 0.60"
    assert told["alt"] == "The least sure segment is “Segment S2” at 0.50. Segments cut out of one cloud reach 0.60."


def test_when_every_segment_comes_back_the_least_sure_is_named():
    frame = page.within_frame(np.array([[0.9, 0.7]] * 3), SEGMENTS[:2])
    assert page.within_words(frame, pairs=3, min_cell=10)["title"] == "Every segment comes back; the least sure, “Segment S2”, at 0.70"


@pytest.mark.parametrize(
    ("cloud", "title"),
    [
        ([0.85, 0.65], "Every segment comes back more surely than pieces of one cloud"),
        ([0.85, 0.75], "1 of 2 segments come back more surely than pieces of one cloud"),  # the second against the second
        ([0.95, 0.75], "No segment comes back more surely than pieces of one cloud"),
    ],
)
def test_segments_that_come_back_are_compared_with_pieces_of_one_cloud(cloud, title):
    frame = page.within_frame(np.array([[0.9, 0.7]] * 3), SEGMENTS[:2], np.array([cloud] * 19))
    assert page.within_words(frame, pairs=3, min_cell=10)["title"] == title


def test_bars_and_flows_of_too_few_customers_are_left_out():
    counts = np.zeros((3, 2, 2), int)
    counts[:, 0, 1], counts[:, 1, 0] = [120, 80, 4], [9, 10, 11]
    panels = page.gorge_panels(counts, np.array([0, 0.5, 1]), SEGMENTS, min_cell=10)
    assert (
        list(panels) == ["Regulars", "Segment S2"]
        and panels["Regulars"][1].tolist() == [0, 0]
        and panels["Segment S2"][1].tolist() == [10, 0]
    )
    frame = page.ribbons_frame({3: {"came": np.array([[9, 10, 0], [0, 11, 70]]), "stability": np.array([1, 0.5, 1])}}, min_cell=10)
    assert frame[["before", "segment"]].to_numpy().tolist() == [[0, 1], [1, 1], [1, 2]]
    assert page.ribbons_words(frame, customers=100)["title"] == "1 of 2 segments come nearly whole from one segment before"


@pytest.mark.parametrize(("value", "said"), [(0.85, "nearly the same segments"), (0.6, "placed otherwise"), (0.2, "one cut among several")])
def test_agreement_is_said_in_plain_words(value, said):
    frame = page.against_frame({4: np.array([value])})
    assert said in page.reading_words(frame, 4)
    assert "cannot be told" in page.reading_words(frame, 5)


def test_with_nothing_to_say_the_page_says_so():
    assert "cannot be told" in page.against_words(page.against_frame({}), 4, pairs=1, starts=1, customers=1)["title"]
    assert "cannot be drawn" in page.ribbons_words(page.ribbons_frame({}, min_cell=10), customers=1)["title"]
