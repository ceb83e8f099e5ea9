"""Step 6: data without structure, the two statistics by hand, and the verdict on data whose truth is known."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from scipy.stats import multivariate_normal, spearmanr
from sklearn.metrics import adjusted_rand_score

from helpers.build import nulls, structure, structure_page, workers


def one_cloud(seed: int, rows: int = 300) -> np.ndarray:
    """Four normal variables, every two correlated .6."""
    return np.random.default_rng(seed).standard_normal((rows, 4)) @ np.linalg.cholesky(np.full((4, 4), 0.6) + 0.4 * np.eye(4)).T


def corners(seed: int, rows: int = 300) -> np.ndarray:
    """Blobs at the four corners of a square, eight standard deviations apart."""
    draw = np.random.default_rng(seed)
    return draw.integers(0, 2, (rows, 2)) * 2.0 - 1 + 0.25 * draw.standard_normal((rows, 2))


def uniform(seed: int, rows: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, 5))


# ---- data without structure


def test_one_cloud_keeps_rank_correlations_means_and_variances():
    x = np.exp(one_cloud(1, 1_000) / 3)
    drawn = nulls.one_cloud(x).draw(20_000, np.random.default_rng(1))
    assert np.abs(spearmanr(drawn).statistic - spearmanr(x).statistic).max() < 0.03
    assert drawn.mean(axis=0) == pytest.approx(x.mean(axis=0), rel=0.02)
    assert drawn.std(axis=0) == pytest.approx(x.std(axis=0), rel=0.03)


def test_a_margin_of_two_heaps_becomes_one_heap_and_keeps_its_spread():
    column = corners(1, 1_000)[:, 0]
    drawn = nulls.one_cloud(column[:, None]).draw(20_000, np.random.default_rng(1))[:, 0]
    inner = np.mean(np.abs(column) < 0.3), np.mean(np.abs(drawn) < 0.3)
    assert inner[0] < 0.02 and inner[1] > 0.15
    assert drawn.std() == pytest.approx(column.std(), rel=0.03)


def test_a_variable_of_few_levels_keeps_its_margin():
    column = np.repeat([0.0, 1.0, 5.0], [700, 200, 100])
    drawn = nulls.one_cloud(np.column_stack([column, np.arange(1_000.0)])).draw(50_000, np.random.default_rng(1))[:, 0]
    assert [np.mean(drawn == v) for v in (0, 1, 5)] == pytest.approx([0.7, 0.2, 0.1], abs=0.02)


def test_one_customer_far_out_does_not_smooth_the_others_away():
    column = np.random.default_rng(1).standard_normal(500)
    far = np.append(column, 1e4)
    assert nulls.critical_bandwidth(far) == pytest.approx(nulls.critical_bandwidth(column), rel=0.5)


def test_the_critical_bandwidth_of_two_equal_heaps_is_about_half_their_distance():
    """Two point masses at ±1 have one mode exactly from a kernel whose standard deviation is 1 on."""
    assert nulls.critical_bandwidth(np.repeat([-1.0, 1.0], 500)) == pytest.approx(1.0, rel=0.02)


def test_unrelated_columns_hold_the_same_values_and_nothing_goes_together():
    x = one_cloud(1, 1_000)
    mixed = nulls.unrelated(x, np.random.default_rng(1))
    assert (np.sort(mixed, axis=0) == np.sort(x, axis=0)).all()
    assert np.abs(np.corrcoef(mixed.T) - np.eye(4)).max() < 0.12


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.6, 0.95])
def test_the_bivariate_normal_integral_is_that_of_scipy(rho):
    ours = nulls.bivariate_normal(np.array([[0.3]]), np.array([[-0.8]]), rho)[0, 0]
    assert ours == pytest.approx(multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([0.3, -0.8]), abs=1e-5)


def test_two_halves_split_at_the_median_have_the_correlation_of_sheppards_formula():
    """P(both below the median) = 1/4 + asin(ρ)/2π: 30 of 80 rows in each equal cell give ρ = sin(2π · (.375 − .25)) = .7071."""
    one, other = np.repeat([0, 0, 1, 1], [30, 10, 10, 30]), np.repeat([0, 1, 0, 1], [30, 10, 10, 30])
    assert nulls.polychoric(one, other) == pytest.approx(np.sqrt(0.5), abs=1e-3)


def test_levels_of_correlated_normal_variables_give_their_correlation_back():
    x = one_cloud(2, 4_000)
    cut = np.digitize(x, [-1, 0, 0.7])
    assert nulls.polychoric(cut[:, 0], cut[:, 1]) == pytest.approx(0.6, abs=0.04)
    mixed = nulls.latent_correlations(np.column_stack([cut[:, 0], x[:, 1], x[:, 2]]))
    assert mixed[np.triu_indices(3, 1)] == pytest.approx([0.6, 0.6, 0.6], abs=0.04)


def test_an_impossible_matrix_becomes_the_nearest_possible_one():
    """Higham 2002: the nearest correlation matrix to [[1,1,0],[1,1,1],[0,1,1]] has .7607 and .1573 off its diagonal."""
    found = nulls.nearest_correlation(np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]))
    assert found[np.triu_indices(3, 1)] == pytest.approx([0.7607, 0.1573, 0.7607], abs=1e-3)
    assert np.linalg.eigvalsh(found)[0] > 0 and (np.diag(found) == 1).all()


# ---- the two statistics


def test_the_adjusted_rand_index_is_that_of_scikit_learn():
    draw = np.random.default_rng(1)
    one = draw.integers(0, 3, (4, 60))
    other = np.where(draw.random((4, 60)) < 0.7, one, draw.integers(0, 3, (4, 60)))
    expected = [adjusted_rand_score(a, b) for a, b in zip(one, other, strict=True)]
    assert structure.adjusted_rand(one, other, 3) == pytest.approx(expected)


def test_two_labellings_that_put_all_in_one_segment_agree():
    assert structure.adjusted_rand(np.zeros((1, 5), int), np.zeros((1, 5), int), 2)[0] == 1


def test_prediction_strength_by_hand():
    """Segment 0 has rows 1-3, of whose 3 pairs the other half keeps 1; segment 1 has rows 4-5, kept. The last row is not tested."""
    own, other = np.array([[0, 0, 0, 1, 1, 0]]), np.array([[0, 0, 1, 1, 1, 1]])
    tested = np.array([[True] * 5 + [False]])
    assert structure.prediction_strength(own, other, tested, 2)[0] == pytest.approx(1 / 3)


def test_a_segment_of_one_row_has_no_pairs_to_part():
    assert structure.prediction_strength(np.array([[0, 0, 1]]), np.array([[0, 0, 0]]), np.ones((1, 3), bool), 2)[0] == 1


def test_p_counts_the_draws_whose_largest_excess_is_at_least_as_large():
    """Two k: the data lead by far at the second; of 19 draws none does, so p = 1/20, and at the first k nothing is shown."""
    drawn = np.column_stack([np.linspace(0.4, 0.6, 19), np.linspace(0.3, 0.5, 19)])
    found = structure._tested(np.array([0.5, 0.9]), drawn)
    assert found["p"] == 1 / 20 and found["p_by_k"][1] == 1 / 20 and found["p_by_k"][0] > 0.5


# ---- one variable that decides


def test_the_share_of_each_variable_that_segments_explain_by_hand():
    """x = 0 0 1 1 is the segments; y = 0 2 0 2 has nothing to do with them; z = 0 1 2 3: between 4, all 5."""
    values = np.array([[0, 0, 0], [0, 2, 1], [1, 0, 2], [1, 2, 3]], dtype="float64")
    found = structure.dominated_by(values, np.array(["a", "a", "b", "b"]), ["x", "y", "z"])
    assert found == {"shares": {"x": 1.0, "z": pytest.approx(0.8), "y": 0.0}, "decides": [{"variable": "x", "share": 1.0}]}


def test_levels_of_one_category_count_as_one_variable_and_are_not_two_valued():
    levels = np.repeat(np.eye(3), 10, axis=0)
    found = structure.dominated_by(levels, np.repeat([0, 1, 2], 10), ["home", "home", "home"])
    assert found["shares"] == {"home": pytest.approx(1.0)} and found["decides"] == []


def test_one_variable_of_two_heaps_among_noise_carries_the_verdict_alone():
    draw = np.random.default_rng(3)
    x = np.column_stack([draw.integers(0, 2, 200) * 3.0 + 0.2 * draw.standard_normal(200), draw.standard_normal((200, 2))])
    found = structure.verdict(x, [2], 2, draws=19, seed=3, names=["gap", "noise", "more"])
    assert (found["verdict"], found["carried_by"]) == ("natural", "gap")


# ---- what cannot be judged


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.random.default_rng(1).random((49, 2)), "few_rows"),
        (np.ones((60, 3)), "alike"),
        (np.tile([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], (20, 1)), "few_different"),
        (np.where(np.arange(120).reshape(60, 2) == 7, np.nan, 1.0), "missing"),
        (np.empty((0, 2)), "few_rows"),
    ],
)
def test_data_that_cannot_be_judged_say_why(values, why):
    found = structure.verdict(values, [3, 4], 3, seed=1)
    assert (found["verdict"], found["why"], found["recommended_k"], found["k_by"]) == ("cannot tell", why, 3, "scope")
    assert structure_page.verdict_words(found).startswith("Whether these groups exist cannot be told.")
    assert structure_page.structure_table(found).frame.empty and structure_page.structure_frame(found).empty
    assert structure_page.compared_words(found) == "Nothing was compared." and structure_page.reasons(found) == []


def test_a_constant_variable_is_left_out_and_named():
    x = np.column_stack([one_cloud(1, 60), np.full(60, 7.0)])
    found = structure.verdict(x, [2], 2, draws=3, seed=1, names=["a", "b", "c", "d", "same"])
    assert found["constant"] == ["same"] and "same" not in found["dominated"]["shares"]
    assert "The same for everybody, and therefore without effect: Shoe size." in structure_page.warnings(found, {"same": "Shoe size"})


def test_a_column_twice_and_answers_in_few_levels_are_judged():
    x = np.digitize(one_cloud(1, 60), [0, 1]).astype("float64")
    found = structure.verdict(np.column_stack([x, x[:, 0]]), [2, 3], 3, draws=3, seed=1)
    assert found["verdict"] in ("natural", "reproducible", "constructive")


# ---- the same on every run


def test_shuffled_customers_give_the_same_verdict_to_the_last_digit():
    x = one_cloud(5, 60)
    shuffled = x[np.random.default_rng(1).permutation(len(x))]
    one, other = (structure.verdict(rows, [2], 2, draws=5, seed=1) for rows in (x, shuffled))
    assert one == other


def test_progress_counts_every_data_set_once():
    seen = []
    structure.verdict(uniform(1, 60), [2], 2, draws=4, seed=1, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(i, 9) for i in range(1, 10)]


def test_at_most_a_thousand_customers_are_looked_at():
    x = one_cloud(1, 1_500)
    assert len(structure.sample(x, 1)) == 1_000 and len(np.unique(structure.sample(x, 1), axis=0)) == 1_000


# ---- what the page says


def found(verdict: str, cloud: tuple[float, float], unrelated: float, **more) -> dict:
    """A result as `verdict` makes it, typed."""
    figures = {"median": 0.4, "low": 0.3, "high": 0.5, "p": 0.5, "excess": 1.0}
    nulls_ = {null: {s: figures for s in structure.STATISTICS} for null in structure.NULLS}
    p = {"one_cloud": dict(zip(structure.STATISTICS, cloud, strict=True)), "unrelated": {"stability": unrelated, "strength": 1.0}}
    made = {"verdict": verdict, "why": None, "recommended_k": 5, "k_by": "scope", "customers": 2_050, "rows": 1_000, "draws": 39}
    made |= {"constant": [], "carried_by": None, "dominated": {"shares": {}, "decides": []}, "p": p}
    return made | {"by_k": {str(k): {"stability": 0.45, "strength": 0.4, **nulls_} for k in (9, 10)}} | more


def test_the_verdict_is_said_as_the_director_reads_it(in_english):
    slope = found("reproducible", (0.2, 0.025), 0.025)
    assert structure_page.verdict_words(slope) == "There are no separate groups: we cut a slope, and the same cut comes back."
    assert structure_page.reasons(slope) == [
        "They foretell better who belongs together than one cloud without gaps would (0 of 39 such clouds do as well), but do not "
        "come back more surely (7 of 39): both are needed.",
        "With variables that have nothing to do with each other, the segments of 0 of 39 data sets come back as surely.",
    ]
    assert "1,000 of 2,050 customers" in structure_page.compared_words(slope)
    assert "9 and 10 segments" in structure_page.compared_words(slope)
    assert structure_page.recommended_words(slope, 5).startswith("The number of segments, 5, is the scope’s, a convention")


def test_the_recommended_number_is_said_where_the_data_ask_for_one(in_english):
    real = found("natural", (0.025, 0.025), 0.025, k_by="evidence", recommended_k=4)
    assert structure_page.recommended_words(real, 5) == "The data ask for 4 segments; the scope wants 5. Try 4 before you decide."
    assert len(structure_page.reasons(real)) == 1


def test_a_variable_that_decides_alone_is_named_in_words(in_english):
    two = found("natural", (0.025, 0.025), 0.025, carried_by="sub")
    said = structure_page.warnings(two, {"sub": "Subscribed"}, {"shares": {}, "decides": [{"variable": "sub", "share": 0.97}]})
    assert said[0] == "One variable carries the verdict alone: without “Subscribed” nothing stands apart from one cloud."
    assert said[1].startswith("One two-valued variable decides: the segments explain 97% of “Subscribed”.")


def test_the_table_and_the_frame_follow_the_numbers_of_segments(in_english):
    made = found("constructive", (0.5, 0.5), 0.5)
    assert structure_page.structure_table(made).frame["k"].tolist() == [9, 9, 10, 10]
    frame = structure_page.structure_frame(made)
    assert frame["k"].tolist() == [9, 10] and frame["cloud_high"].tolist() == [0.5, 0.5]
    assert len(structure_page.structure_words(made)["title"].split()) <= 15


# ---- verdicts on data whose truth is known: the shipped settings, 300 rows, 4 and 5 segments


def _judged(task: tuple) -> tuple[str, int]:
    made, seed = task
    found = structure.verdict(made(seed), (4, 5), 5, seed=seed)
    return found["verdict"], found["recommended_k"]


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Counter]:
    """How often each verdict (with the number of segments) comes out over 20 seeds of each kind of data; two processes."""
    kinds = {"cloud": one_cloud, "corners": corners, "uniform": uniform}
    tasks = [(made, seed) for made in kinds.values() for seed in range(1, 21)]
    told = iter(workers.shared(_judged, tasks))  # its processes begin none of their own
    return {name: Counter(islice(told, 20)) for name in kinds}


@pytest.mark.slow
def test_one_cloud_comes_back_and_is_never_called_natural_beyond_1_in_20(verdicts):
    assert sum(n for (verdict, _), n in verdicts["cloud"].items() if verdict == "natural") <= 1
    assert verdicts["cloud"]["reproducible", 5] >= 19


@pytest.mark.slow
def test_four_corners_are_four_natural_groups(verdicts):
    assert verdicts["corners"]["natural", 4] >= 19


@pytest.mark.slow
def test_a_uniform_cube_is_a_convention(verdicts):
    """Chance beats unrelated columns once in 20 by design; 17 of 20 is its lower 2 % border."""
    assert sum(n for (verdict, _), n in verdicts["uniform"].items() if verdict == "natural") == 0
    assert verdicts["uniform"]["constructive", 5] >= 17
