"""Step 6: every way of cutting customers, against published numbers, other programs, and cases worked out by hand."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from by_hand import project
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from helpers import NinefoldError
from helpers.build import methods_page
from helpers.build.document import check, labels
from helpers.build.inputs import Column
from helpers.build.methods import by_number, cutting, latent, log_likelihood_ratio, partitions, recipes, scoring, space, trees, types
from helpers.build.methods.base import quantiles
from helpers.variables import catalogue

# Seven pathologists on 118 slides, 1 no, 2 yes (Agresti 2002, table 13.1): each pattern of answers, and how many slides have it.
CARCINOMA = """
1111111 34;1111211 2;1211111 6;1211112 1;1211211 4;1211212 5;2111111 2;2121212 1;2211111 2;2211112 1;
2211211 2;2211212 7;2211222 1;2212112 1;2212212 2;2212222 3;2221212 13;2221222 5;2222212 10;2222222 16
"""
PLAIN = ["spend_per_30d", "orders_per_30d", "recency_days"]


def columns(sample: pd.DataFrame, **own: Column) -> dict[str, Column]:
    known = {v.name: v for v in catalogue(project())}
    found = {n: Column(n, "number", known[n].type, True, variable=known[n]) for n in sample.columns if n in known}
    attributes = [n for n in sample.columns if n not in found and n != "customer_id"]
    return found | {n: Column(n, "category", "demographic", False) for n in attributes} | own


def customers(n: int, **given) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [f"c{i:05d}" for i in range(n)]} | {c: np.ones(n) for c in PLAIN} | given)


def mixed(n=90, seed=0) -> pd.DataFrame:
    """Three groups apart in spend, orders and town; names by row."""
    draw, group = np.random.default_rng(seed), np.arange(n) % 3
    return customers(
        n,
        spend_per_30d=np.array([20.0, 60, 100])[group] + draw.normal(0, 1, n),
        orders_per_30d=np.array([9.0, 1, 5])[group] + draw.normal(0, 0.1, n),
        recency_days=np.array([5.0, 60, 30])[group] + draw.normal(0, 1, n),
        town=np.array(["Lille", "Lyon", "Nice"])[group],
        home=np.where(group == 0, "own", "rented"),
    )


def passports(names) -> dict:
    return {name: {"group": i, "contribution": None} for i, name in enumerate(names)}


def fitted(name: str, sample: pd.DataFrame, k: int, plan=None, own: dict | None = None):
    made, _ = recipes(plan or project(), columns(sample, **(own or {})), PLAIN, passports(PLAIN), sample)
    return made[name].fit(sample, k)


def segments(found, sample: pd.DataFrame) -> np.ndarray:
    document = found.document | {"built_as_of": "2017-10-01T00:00:00"}
    check(document)
    return np.asarray(labels(document, sample))


# Factor axes


@pytest.mark.parametrize("way", ["MCA", "FAMD"])
def test_factor_axes_are_those_of_prince_but_for_sign_and_a_constant(way):
    import prince

    draw = np.random.default_rng(3)
    town, home = draw.choice(["a", "b", "c"], 80, p=[0.5, 0.3, 0.2]), draw.choice(["x", "y"], 80)
    spend = 3 * (town == "a") + draw.normal(size=80)
    sample = customers(80, town=town, home=home, orders_per_30d=spend + draw.normal(size=80) + 5, spend_per_30d=spend + 5)
    names = ["town", "home"] if way == "MCA" else ["spend_per_30d", "orders_per_30d", "town", "home"]
    plan = project(variables={"clip_low": 0.0, "clip_high": 1.0, "log_from_skew": 99})
    points = space.space(sample, names, columns(sample), plan)
    mine = space.principal_axes(points.values, 3).coordinates(points.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(prince, way)(n_components=3).fit(sample[names]).row_coordinates(sample[names]).to_numpy()
    factor = np.abs(mine).sum(axis=0) / np.abs(theirs).sum(axis=0)
    np.testing.assert_allclose(factor, factor[0], rtol=1e-8)
    for j in range(3):
        sign = np.sign(mine[:, j] @ theirs[:, j])
        np.testing.assert_allclose(mine[:, j], sign * factor[0] * theirs[:, j], atol=1e-8)


def test_a_level_not_known_or_rare_is_at_the_average_and_both_are_said():
    town = ["a"] * 49 + ["b"] * 49 + ["rare", None]
    sample = customers(100, town=town)
    points = space.space(sample, ["town"], columns(sample), project())
    assert points.values[-2:].tolist() == [[0, 0], [0, 0]] and points.told["lumped_levels"] == {"town": 1}
    assert points.told["missing"] == {"town": 0.01} and points.values[0] == pytest.approx([0.5 / np.sqrt(0.5), -0.5 / np.sqrt(0.5)])


def test_what_tells_nobody_apart_or_repeats_another_has_no_part_and_one_extreme_customer_decides_nothing():
    sample = mixed(120)
    sample["gap_days"], sample["departments"] = np.nan, 4.0
    sample["lines_per_order"] = 2 * sample["recency_days"] + 1
    sample["home"] = "own"
    sample.loc[0, "spend_per_30d"] = 1e9
    names = [*PLAIN, "gap_days", "departments", "lines_per_order", "home", "town"]
    plan = project(variables={"log_from_skew": 99})
    found = partitions.kmeans(sample, names, columns(sample), 3, plan)
    assert found.evidence["dropped"] == {"gap_days": "missing", "departments": "constant", "lines_per_order": "same", "home": "constant"}
    assert adjusted_rand_score(segments(found, sample), np.arange(120) % 3) == 1


def test_customers_who_are_all_alike_or_too_few_are_an_error_that_says_what_to_do():
    alike = customers(30)
    with pytest.raises(NinefoldError, match="missing or the same for everybody"):
        fitted("bands", alike, 3) and partitions.kmeans(alike, PLAIN, columns(alike), 3, project())
    few = mixed(4)
    for way in ("kmeans", "hcpc", "latent"):
        with pytest.raises(
            NinefoldError, match=r"4 customers in scope have 4 different profiles by . variables: 5 segments cannot be built"
        ):
            fitted(way, few, 5)


# Recipes


def test_recipes_are_those_asked_for_and_the_others_are_refused_with_a_reason():
    sample = mixed()
    made, refused = recipes(project(), columns(sample), PLAIN, passports(PLAIN), sample)
    assert list(made)[:8] == ["rfm", "bands", "slices", "crossing", "points", "suggested", "kmeans", "hcpc"]
    assert {n: r.why for n, r in refused.items()} == {
        "rules": "none_typed",
        "a_priori": "no_column",
        "needs": "no_column",
        "geographic": "no_column",
        "technographic": "no_column",
        "psychographic": "no_column",
        "journey": "no_column",
    }
    assert [n for n, r in made.items() if r.learned] == ["kmeans", "hcpc", "latent", "value", "demographic", "behavioural"]
    only, _ = recipes(project(build={"methods": ["hcpc"], "types": []}), columns(sample), PLAIN, passports(PLAIN), sample)
    assert list(only) == ["bands", "slices", "hcpc"]


@pytest.mark.parametrize("way", ["kmeans", "hcpc", "latent", "demographic", "slices"])
def test_a_recipe_fitted_twice_gives_the_same_document_and_the_first_segment_spends_most(way):
    sample = mixed()
    one, two = fitted(way, sample, 3), fitted(way, sample, 3)
    assert one.document == two.document and one.document["made_by"] == way
    spent = sample.groupby(segments(one, sample))["spend_per_30d"].mean()
    assert list(spent.index) == ["S1", "S2", "S3"] and spent.is_monotonic_decreasing
    if way != "slices":
        assert adjusted_rand_score(segments(one, sample), np.arange(90) % 3) == 1


@settings(deadline=None, max_examples=8, derandomize=True)
@given(seed=st.integers(0, 10_000), way=st.sampled_from(["kmeans", "hcpc", "latent", "demographic", "rfm", "crossing"]))
def test_shuffled_rows_renamed_ids_and_other_units_change_no_label(seed, way):
    sample = mixed(60)
    before = segments(fitted(way, sample, 3), sample)
    order = np.random.default_rng(seed).permutation(60)
    other = sample.iloc[order].reset_index(drop=True)
    other["customer_id"] = [f"x{i}" for i in range(60)]
    other["recency_days"] *= 1000
    assert list(segments(fitted(way, other, 3), other)) == list(before[order])


def test_weights_count_as_often_as_rows_would():
    sample = mixed(60)
    often = np.arange(60) % 2 + 1
    repeated = sample.loc[np.repeat(np.arange(60), often)].reset_index(drop=True)
    values = sample["spend_per_30d"].to_numpy()
    whole = quantiles(repeated["spend_per_30d"].to_numpy(), np.array([0.5]))
    assert quantiles(values, np.array([0.5]), often.astype(float)) == pytest.approx(whole, abs=3)
    cols = columns(sample)
    for fit in (partitions.kmeans, partitions.hcpc, latent.latent_classes):
        found = fit(sample, PLAIN, cols, 3, project(), often.astype(float))
        assert found.evidence["weighted"] and adjusted_rand_score(segments(found, sample), np.arange(60) % 3) == 1


# Rules


def test_rfm_with_typed_cuts_gives_a_point_for_each_cut_reached():
    typed = project(build={"rfm": {"recency_days": [30], "spend_per_30d": [10, 50]}})
    sample = customers(6, recency_days=[5.0, 40, 30, 5, 5, 90], spend_per_30d=[60.0, 60, 10, 10, 5, 5], orders_per_30d=np.ones(6))
    found = cutting.rfm(sample, 2, typed)
    how = {c["variable"]: c for c in found.document["assign"]["points"]["criteria"]}
    assert how["recency_days"] == {"variable": "recency_days", "cuts": [30], "points": [2, 1]}  # a value on the cut is above it
    assert how["spend_per_30d"] == {"variable": "spend_per_30d", "cuts": [10, 50], "points": [1, 2, 3]}
    # everybody orders as often and is above all cuts: 2+3, 1+3, 1+2, 2+2, 2+1, 1+1 and the same for orders
    assert list(segments(found, sample)) == ["S1", "S1", "S2", "S1", "S2", "S2"]
    assert found.evidence["typed_cuts"] == {"recency_days": [30], "spend_per_30d": [10, 50]}


def test_a_crossing_takes_a_category_in_levels_and_the_rest():
    sample = customers(8, spend_per_30d=[1.0, 2, 3, 4, 5, 6, 7, 8], town=["a", "a", "a", "b", "b", "b", None, "c"])
    found = cutting.crossing(sample, 4, project(), columns(sample), ["spend_per_30d", "town"])
    # halves of spend from 5 on; town a, the largest, and all others
    assert list(segments(found, sample)) == ["S3", "S3", "S3", "S4", "S2", "S2", "S2", "S2"]


def test_typed_points_fade_with_age_and_fall_into_typed_bands():
    criteria = [
        {"variable": "spend_per_30d", "cuts": [50], "points": [0, 40], "age": "recency_days", "half_life_days": 30},
        {"variable": "town", "levels": {"a": 10}, "otherwise": 1},
    ]
    typed = project(build={"points": {"criteria": criteria, "bands": [45, 20]}})
    sample = customers(4, spend_per_30d=[60.0, 60, 60, 9], recency_days=[0.0, 30, 60, 0], town=["a", "a", None, "b"])
    found = fitted("points", sample, 5, typed)
    assert scoring.score_of(sample, found.document["assign"]["points"]["criteria"]).tolist() == [50, 30, 11, 1]
    assert list(segments(found, sample)) == ["S1", "S2", "S3", "S3"]


def test_a_criterion_not_known_earns_its_points_for_that_and_what_is_of_no_known_age_nothing():
    criteria = [
        {"variable": "spend_per_30d", "cuts": [50], "points": [1, 40], "otherwise": 7, "age": "recency_days", "half_life_days": 30},
        {"variable": "orders_per_30d", "cuts": [2], "points": [0, 5], "otherwise": 3},
    ]
    typed = project(build={"points": {"criteria": criteria, "bands": [11, 10]}})
    sample = customers(4, spend_per_30d=[np.nan, 60, 60, np.nan], recency_days=[0.0, np.nan, 60, 0], orders_per_30d=[np.nan, np.nan, 1, 3])
    found = fitted("points", sample, 5, typed)
    assert scoring.score_of(sample, found.document["assign"]["points"]["criteria"]).tolist() == [10, 3, 10, 12]
    assert list(segments(found, sample)) == ["S2", "S3", "S2", "S1"]


def test_without_typed_criteria_the_score_is_of_what_these_data_measure():
    sample = mixed(40)
    found = fitted("points", sample, 4)
    assert not found.evidence["typed"] and len(np.unique(segments(found, sample))) == 4
    used = {c["variable"]: max(c["points"]) for c in found.document["assign"]["points"]["criteria"]}
    assert used == {"recency_days": 20, "orders_per_30d": 25, "spend_per_30d": 25}


def test_present_groups_are_taken_as_they_are_and_the_smallest_with_the_unknown_where_there_are_too_many():
    spend = [9.0] * 3 + [5.0] * 4 + [7.0] * 2 + [1.0]
    sample = customers(10, current_segment=["x"] * 3 + ["y"] * 4 + ["z"] * 2 + [None], spend_per_30d=spend)
    found = types.present(sample, "current_segment", 4, project())
    assert list(segments(found, sample)) == ["S1"] * 3 + ["S3"] * 4 + ["S2"] * 2 + ["S4"]
    found = types.present(sample, "current_segment", 3, project())
    assert list(segments(found, sample)) == ["S1"] * 3 + ["S2"] * 4 + ["S3"] * 3 and found.evidence["merged"] == ["z"]
    whole = types.present(sample.iloc[:9], "current_segment", 3, project())
    assert list(segments(whole, sample.iloc[:9])) == ["S1"] * 3 + ["S3"] * 4 + ["S2"] * 2


# Suggested segments


def bought(n: int, seed: int, gain: float) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    days, town = draw.uniform(0, 90, n), draw.choice(["a", "b", "c"], n)
    spend = draw.exponential(50, n) + gain * ((days < 30) & (town == "a"))
    return customers(n, spend_per_30d=spend, recency_days=days, orders_per_30d=draw.poisson(4, n).astype(float), town=town)


def test_a_suggested_segment_is_found_on_one_half_and_told_by_the_other():
    sample = bought(2000, 1, 200.0)
    found = fitted("suggested", sample, 4)
    first, sizes = found.evidence["leaves"][0], (found.evidence["grown_on"], found.evidence["tested_on"])
    inside = segments(found, sample) == "S1"
    true = ((sample["recency_days"] < 30) & (sample["town"] == "a")).to_numpy()
    assert (inside == true).mean() > 0.98 and sum(sizes) == 2000
    assert first["segment"] == "S1" and first["p_holm"] < 1e-9 and first["rows"] < 0.7 * inside.sum() and first["low"] > 200
    assert sum(leaf["rows"] for leaf in found.evidence["leaves"]) == sizes[1]
    kept = [leaf for leaf in found.evidence["leaves"] if leaf["segment"]]
    assert len(found.document["segments"]) == min(len(kept) + 1, 4) and "spend_per_30d" not in str(found.document["variables"])


@pytest.mark.slow
def test_noise_gives_no_suggested_segment_in_all_but_one_run_of_twenty():
    some = 0
    for seed in range(40):
        try:
            some += bool(fitted("suggested", bought(1000, seed, 0.0), 5))
        except NinefoldError as error:
            assert "no suggested segment" in str(error)
    assert some <= 2


def test_the_measure_may_be_another_and_is_never_among_what_tells_the_segments():
    sample = bought(1000, 2, 0.0)
    sample["orders_per_30d"] += 20 * (sample["town"] == "b")
    found = trees.suggested(sample, 2, project(), columns(sample), [*PLAIN, "town"], measure="orders_per_30d")
    assert found.evidence["measure"] == "orders_per_30d" and {v["name"] for v in found.document["variables"]} == {"town"}
    assert set(sample["town"][segments(found, sample) == "S1"]) == {"b"}


# Latent classes


def carcinoma() -> tuple[latent.Answers, np.ndarray]:
    patterns = [row.split() for row in CARCINOMA.replace("\n", "").split(";")]
    answers = np.array([[int(a) - 1.0 for a in pattern] for pattern, _ in patterns])
    return latent.Answers(answers, [["1", "2"]] * 7, np.empty((20, 0))), np.array([float(n) for _, n in patterns])


def test_latent_classes_of_the_carcinoma_ratings_are_the_published_ones():
    answers, often = carcinoma()
    found = latent.fitted(answers, 3, n_starts=20, seed=1, weights=often)
    assert often.sum() == 118 and found.log_likelihood == pytest.approx(-293.705, abs=6e-4)
    assert found.bic(118) == pytest.approx(697.136, abs=1e-3) and found.parameters == 23
    assert 0 < found.relative_entropy(often) < 1
    assert latent.fitted(answers, 2, n_starts=10, seed=1, weights=often).bic(118) > found.bic(118)


def test_answers_with_holes_are_fitted_as_stepmix_fits_them():
    from stepmix.stepmix import StepMix

    draw, group = np.random.default_rng(4), np.arange(200) % 2
    numbers = np.column_stack([group * 3 + draw.normal(size=200), draw.normal(size=200) - 2 * group])
    levels = (draw.random((200, 2)) < np.where(group, 0.8, 0.3)[:, None]).astype(float)
    for part in (numbers, levels):
        part[draw.random(part.shape) < 0.2] = np.nan
    known = ~np.isnan(np.column_stack([levels, numbers])).all(axis=1)
    answers = latent.Answers(levels[known], [["no", "yes"]] * 2, numbers[known])
    mine = latent.fitted(answers, 2, n_starts=10, seed=1)
    measurement = {"a": {"model": "categorical_nan", "n_columns": 2}, "b": {"model": "gaussian_diag_nan", "n_columns": 2}}
    theirs = StepMix(2, measurement=measurement, n_init=5, random_state=1, verbose=0, progress_bar=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = np.column_stack([answers.levels, answers.numbers])
        theirs.fit(x)
        assert mine.log_likelihood == pytest.approx(theirs.score(x) * len(x), abs=1e-3)


def test_who_answered_nothing_is_a_group_of_its_own():
    draw, n = np.random.default_rng(6), 200
    answered, group = np.arange(n) < 80, np.arange(n) % 2
    items = {f"q{j}": np.where(answered, 2.0 + 3 * group + draw.normal(0, 0.4, n), np.nan) for j in range(3)}
    items["q2"][:5] = np.nan  # an answer missing is not all of them
    sample = customers(n, spend_per_30d=np.where(answered, 50.0 + group, 1.0), **items)
    own = {name: Column(name, "number", "needs", False, scale="wants") for name in items}
    found = fitted("needs", sample, 3, own=own)
    told = segments(found, sample)
    assert set(told[~answered]) == {"S3"} == {found.document["assign"]["posterior"]["unknown"]}
    assert list(told[:4]) == ["S2", "S1", "S2", "S1"] and found.evidence["classes"] == 2 and found.evidence["answered"] == 80
    assert adjusted_rand_score(told[answered], group[answered]) == 1 and found.evidence["relative_entropy"] > 0.9
    assert found.evidence["missing"]["q2"] == pytest.approx(125 / 200)


def test_two_classes_beat_one_where_there_are_two_and_three_do_not_beat_two():
    draw, group = np.random.default_rng(8), np.arange(60) % 2
    levels = (draw.random((60, 4)) < np.where(group, 0.9, 0.1)[:, None]).astype(float)
    answers = latent.Answers(levels, [["no", "yes"]] * 4, np.empty((60, 0)))
    assert log_likelihood_ratio(answers, 2, draws=9, n_starts=5, seed=1)["p"] == 0.1  # none of nine draws from one class comes close
    assert log_likelihood_ratio(answers, 3, draws=9, n_starts=5, seed=1)["p"] > 0.1


# The nine types


def test_each_type_is_cut_by_its_own_columns_in_the_way_that_suits_them():
    sample = mixed(60)
    sample["gender"], sample["area"] = ["f", "m"] * 30, None
    own = {"area": Column("area", "category", "geographic", False), "home": Column("home", "category", "technographic", False)}
    known = columns(sample, **own)
    suited = {name: types.suited(name, known, PLAIN, sample, project()) for name in types.TITLES}
    assert suited["value"] == types.Suited("kmeans", ("spend_per_30d",))
    assert suited["behavioural"] == types.Suited("kmeans", ("orders_per_30d", "recency_days"))
    assert suited["demographic"] == types.Suited("hcpc", ("town", "gender")) and suited["technographic"].how == "hcpc"
    assert suited["geographic"].why == "unknown" and suited["journey"].why == "no_column"


# What the page says


def test_the_page_lists_what_was_tried_and_why_the_rest_was_not(in_english):
    sample = mixed()
    known = columns(sample)
    made, refused = recipes(project(), known, PLAIN, passports(PLAIN), sample)
    done = {name: made[name].fit(sample, 3) for name in ("rfm", "points", "hcpc", "demographic", "bands")}
    table = methods_page.candidates_table(made, refused, SimpleNamespace(fitted=done, columns=known, sample=sample), project())
    rows = table.frame.set_index("title")
    assert table.caption == "4 ways of cutting customers were tried" and rows.index[-1] == "Bands of past spend"
    assert rows.loc["By needs", "how"].startswith("these data hold nothing of this type; it would take ")
    assert rows.loc["Rules of our own", "how"] == "nothing is typed: write build.rules in project.yml"
    assert rows.loc["RFM points", "known"] == 1 and rows.loc["RFM points", "segments"] == 3
    points = methods_page.points_table(done["rfm"].document, known).frame
    assert len(points) == 15 and points["when"][0].startswith("Days since last purchase below ") and points["points"][0] == 5
    frame = methods_page.tree_frame(done["hcpc"].evidence)
    assert frame["gain"].sum() <= 1 + 1e-9 and methods_page.tree_words(frame, done["hcpc"].evidence, project())["name"] == "tree"
    assert methods_page.tree_frame(done["rfm"].evidence).empty
    tree = methods_page.tree_table(done["hcpc"].evidence, project()).frame
    assert (tree["left"] + tree["right"])[0] == 90 and len(tree) == 5  # six branches: two for each class


def test_the_page_shows_suggested_segments_by_the_second_half_and_latent_classes_by_number(in_english):
    sample = bought(2000, 1, 200.0)
    evidence = fitted("suggested", sample, 4).evidence
    table = methods_page.suggested_table(evidence, columns(sample), project())
    first = table.frame.iloc[0]
    assert first["verdict"] == "S1" and "town is “a”" in first["rule"].lower() and first["n"] == evidence["leaves"][0]["rows"]
    rows = by_number(mixed(), PLAIN, columns(mixed()), range(1, 4), project())
    assert methods_page.latent_words(rows).startswith("By BIC, 3 latent classes fit best")
    assert methods_page.latent_table(rows).frame["classes"].tolist() == [1, 2, 3]
