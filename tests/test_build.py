"""Step 6: classes against published numbers, how stable they are, and the recipes' documents by hand."""

import numpy as np
import pandas as pd
import pytest
from by_hand import project
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score
from sklearn.tree import DecisionTreeRegressor

from helpers import NinefoldError
from helpers.build import describe
from helpers.build.document import check, labels
from helpers.build.inputs import Column
from helpers.build.kmeans import kmeans
from helpers.build.methods import cutting, partitions, space, trees
from helpers.build.methods import tree_of_classes as classes
from helpers.build.methods.base import require
from helpers.variables import catalogue

# R's dataset USArrests (McNeil 1977): arrests per 100,000 for murder, assault and rape, and per cent urban, 1973.
USARRESTS = """
Alabama,13.2,236,58,21.2;Alaska,10,263,48,44.5;Arizona,8.1,294,80,31;Arkansas,8.8,190,50,19.5;California,9,276,91,40.6;
Colorado,7.9,204,78,38.7;Connecticut,3.3,110,77,11.1;Delaware,5.9,238,72,15.8;Florida,15.4,335,80,31.9;Georgia,17.4,211,60,25.8;
Hawaii,5.3,46,83,20.2;Idaho,2.6,120,54,14.2;Illinois,10.4,249,83,24;Indiana,7.2,113,65,21;Iowa,2.2,56,57,11.3;Kansas,6,115,66,18;
Kentucky,9.7,109,52,16.3;Louisiana,15.4,249,66,22.2;Maine,2.1,83,51,7.8;Maryland,11.3,300,67,27.8;Massachusetts,4.4,149,85,16.3;
Michigan,12.1,255,74,35.1;Minnesota,2.7,72,66,14.9;Mississippi,16.1,259,44,17.1;Missouri,9,178,70,28.2;Montana,6,109,53,16.4;
Nebraska,4.3,102,62,16.5;Nevada,12.2,252,81,46;New Hampshire,2.1,57,56,9.5;New Jersey,7.4,159,89,18.8;New Mexico,11.4,285,70,32.1;
New York,11.1,254,86,26.1;North Carolina,13,337,45,16.1;North Dakota,0.8,45,44,7.3;Ohio,7.3,120,75,21.4;Oklahoma,6.6,151,68,20;
Oregon,4.9,159,67,29.3;Pennsylvania,6.3,106,72,14.9;Rhode Island,3.4,174,87,8.3;South Carolina,14.4,279,48,22.5;
South Dakota,3.8,86,45,12.8;Tennessee,13.2,188,59,26.9;Texas,12.7,201,80,25.5;Utah,3.2,120,80,22.9;Vermont,2.2,48,32,11.2;
Virginia,8.5,156,63,20.7;Washington,4,145,73,26.2;West Virginia,5.7,81,39,9.3;Wisconsin,2.6,53,66,10.8;Wyoming,6.8,161,60,15.6
"""
QUIET = "Idaho Iowa Kentucky Maine Minnesota Montana Nebraska New_Hampshire North_Dakota South_Dakota Vermont West_Virginia Wisconsin"
COLUMNS = ["spend_per_30d", "orders_per_30d", "recency_days"]


@pytest.fixture(scope="module")
def arrests() -> pd.DataFrame:
    rows = [row.strip().split(",") for row in USARRESTS.replace("\n", "").split(";")]
    frame = pd.DataFrame(rows, columns=["state", "Murder", "Assault", "UrbanPop", "Rape"]).set_index("state").astype("float64")
    assert frame.shape == (50, 4)
    return frame


@pytest.fixture(scope="module")
def coordinates(arrests) -> np.ndarray:
    values = ((arrests - arrests.mean()) / arrests.std(ddof=0)).to_numpy()
    return space.principal_axes(values, 3).coordinates(values)


def cloud(*centres: tuple, n=60, spread=0.5, seed=1) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.concatenate([np.array(centre) + spread * draw.normal(size=(n, len(centre))) for centre in centres])


FOUR = [(0, 0), (0, 9), (9, 0), (9, 9)]


def customers(**columns) -> pd.DataFrame:
    """A sample; the three criteria of RFM are there even when a test does not care."""
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(n)]} | {c: np.ones(n) for c in COLUMNS} | columns)


def columns(sample: pd.DataFrame) -> dict[str, Column]:
    """The columns of a sample as the recipes know them."""
    known = {v.name: v for v in catalogue(project())}
    return {n: Column(n, "number", known[n].type, True, variable=known[n]) for n in sample.columns if n in known}


def dated(fitted) -> dict:
    """The document as it is published."""
    return fitted.document | {"built_as_of": "2017-10-01T00:00:00"}


def bands(sample, k, plan) -> dict:
    return dated(cutting.bands(sample, k, plan))


def rfm(sample, k, plan) -> dict:
    return dated(cutting.rfm(sample, k, plan))


def crossing(sample, k, plan, criteria) -> dict:
    return dated(cutting.crossing(sample, k, plan, columns(sample), criteria))


def tree(sample, outcome, names, k) -> dict:
    return dated(trees.tree(sample, outcome, names, k))


def hcpc(sample, names, k, plan) -> tuple[dict, dict, np.ndarray]:
    """Document, evidence, and the sample on the document's axes."""
    found = partitions.hcpc(sample, names, columns(sample), k, plan)
    points = space.space(sample, names, columns(sample), plan)
    axes = found.document["project"]
    return dated(found), found.evidence, (points.values - axes["centre"]) @ np.array(axes["loadings"])


def by_segment(document: dict, sample: pd.DataFrame) -> dict[str, list]:
    """segment → spend of its members, ascending; the document must be one that can be applied."""
    check(document)
    found = sample.groupby(labels(document, sample))["spend_per_30d"]
    return {segment: sorted(values) for segment, values in found}


# Published numbers


def in_order(found: np.ndarray, coordinates: np.ndarray) -> list[int]:
    """Sizes of the classes in FactoMineR's order: along the first axis."""
    along = {j: coordinates[found == j, 0].mean() for j in set(found)}
    return [int((found == j).sum()) for j in sorted(along, key=along.get)]


def cut_at_four(coordinates) -> np.ndarray:
    found, _ = classes.ward(coordinates, 4)
    return np.stack([coordinates[found == j].mean(axis=0) for j in range(4)])


def test_ward_on_usarrests_gives_the_published_classes_and_gains(coordinates):
    found, gains = classes.ward(coordinates, 4)
    assert in_order(found, coordinates) == [12, 19, 7, 12]
    np.testing.assert_allclose(gains[:4], [1.864094, 0.524977, 0.415223, 0.182555], atol=5e-7)
    assert gains.sum() == pytest.approx((coordinates**2).sum() / 50)  # all the inertia there is


def test_consolidation_of_usarrests_gives_the_published_classes_and_lloyd_alone_does_not(arrests, coordinates):
    centres = cut_at_four(coordinates)
    lloyd, found = classes.lloyd(coordinates, centres), classes.consolidate(coordinates, centres)
    assert in_order(lloyd, coordinates) == [13, 17, 8, 12]
    assert in_order(found.labels, coordinates) == [13, 16, 8, 13]
    idaho = found.labels[arrests.index.get_loc("Idaho")]
    assert list(arrests.index[found.labels == idaho]) == [s.replace("_", " ") for s in QUIET.split()]
    moved = [s for s, before, now in zip(arrests.index, lloyd, found.labels, strict=True) if before != now]
    assert moved == ["Missouri"]
    np.testing.assert_allclose(found.centres[idaho], coordinates[found.labels == idaho].mean(axis=0))
    assert found.within == pytest.approx(sum(((coordinates[found.labels == j] - c) ** 2).sum() for j, c in enumerate(found.centres)))


def test_v_tests_of_the_quiet_states_are_the_published_ones(arrests):
    inside = arrests.index.isin([s.replace("_", " ") for s in QUIET.split()])
    found = {name: describe.v_test(arrests[name].to_numpy(), inside) for name in arrests}
    assert found == pytest.approx({"UrbanPop": -3.898420, "Murder": -4.030171, "Rape": -4.052061, "Assault": -4.638172}, abs=5e-7)


@pytest.mark.parametrize(("k", "best"), [(2, 220.8793), (3, 138.8884), (4, 113.3316), (5, 90.2019), (6, 79.4652)])
def test_the_best_sum_of_squares_on_scaled_iris_is_the_published_one(k, best):
    flowers = load_iris().data
    values = (flowers - flowers.mean(axis=0)) / flowers.std(axis=0, ddof=1)  # R's scale() divides by n − 1
    assert kmeans(values, k, n_starts=100, seed=1).within == pytest.approx(best, abs=6e-5)
    assert classes.from_starts(values, k, n_starts=100, seed=1).within == pytest.approx(best, abs=6e-5)


# Classes


def test_axes_are_at_most_those_that_carry_anything_and_point_the_way_of_their_largest_loading():
    draw = np.random.default_rng(0)
    one, two = draw.normal(size=200), draw.normal(size=200)
    values = np.column_stack([-3 * one, 3 * one, two])  # the first two say the same
    axes = space.principal_axes(values, 3)
    assert axes.loadings.shape == (3, 2) and space.principal_axes(values, 1).loadings.shape == (3, 1)
    np.testing.assert_allclose(axes.loadings.T @ axes.loadings, np.eye(2), atol=1e-12)
    assert (axes.loadings[np.abs(axes.loadings).argmax(axis=0), [0, 1]] > 0).all()
    found = axes.coordinates(values)
    np.testing.assert_allclose(found @ axes.loadings.T + axes.centre, values, atol=1e-9)
    np.testing.assert_allclose(axes.inertia_share[:2], found.var(axis=0) / values.var(axis=0).sum())


def test_a_swap_goes_on_where_lloyd_stops():
    line = np.array([[0.0], [4.0], [7.0]])  # 4 is nearer to the mean of 0 and 4 than to 7, and yet better off with 7
    assert list(classes.lloyd(line, np.array([[2.0], [7.0]]))) == [0, 0, 1]
    found = classes.swap(line, np.array([0, 0, 1]), 2)
    assert list(found.labels) == [0, 1, 1] and found.within == 4.5 and found.centres.tolist() == [[0.0], [5.5]]


def test_a_swap_leaves_nobody_alone_worse_off_and_no_class_empty():
    line = np.array([[0.0], [1.0], [10.0]])
    found = classes.swap(line, np.array([0, 0, 1]), 2)
    assert list(found.labels) == [0, 0, 1] and found.within == 0.5


def test_the_top_of_the_tree_names_its_branches_and_their_sizes():
    line = np.array([[0.0], [1.0], [5.0], [5.5], [20.0]])  # 5 with 5.5, 0 with 1, these two pairs, and 20 alone
    top = classes.top_of_tree(line, 3)
    assert [(t["node"], t["left"], t["right"], t["rows"], t["rows_left"], t["rows_right"]) for t in top] == [
        (4, 0, 3, 5, 1, 4),
        (3, 1, 2, 4, 2, 2),
    ]
    assert top[0]["gain"] == pytest.approx(((20 - 2.875) ** 2 * 4 / 5) / 5)  # between 20 and the mean of the rest, a customer


def test_a_row_that_counts_three_times_is_as_three_rows():
    rows, often = cloud((0, 0), (3, 3), n=20), np.arange(40) % 3 + 1.0
    centres = np.array([[0.0, 0.0], [3.0, 3.0]])
    weighted = classes.consolidate(rows, centres, often)
    repeated = classes.consolidate(np.repeat(rows, often.astype(int), axis=0), centres)
    np.testing.assert_allclose(weighted.centres, repeated.centres)
    assert weighted.within == pytest.approx(repeated.within)


def test_parallel_analysis_keeps_the_axes_that_unrelated_variables_would_not_have():
    draw = np.random.default_rng(1)
    factors = draw.normal(size=(500, 3))
    values = np.column_stack([factors[:, j % 3] + 0.5 * draw.normal(size=500) for j in range(9)])
    assert space.axes_wanted(values, [1] * 9, seed=1) == 3
    assert space.axes_wanted(draw.normal(size=(500, 9)), [1] * 9, seed=1) == 2  # never fewer than can be drawn
    assert space.axes_wanted(values[:, :1], [1], seed=1) == 1


# Rules and points


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_bands_hold_equal_numbers_and_ties_stay_together(order):
    spend = np.array([0.0] * 50 + list(range(1, 51)))[order]
    document = bands(customers(spend_per_30d=spend), 4, project())
    found = by_segment(document, customers(spend_per_30d=spend))
    # quarters would be cut at the values 0, 1 and 26; who has 0 cannot be divided
    assert found == {"S1": list(range(26, 51)), "S2": list(range(1, 26)), "S3": [0.0] * 50}
    assert document["built_as_of"] == "2017-10-01T00:00:00" and [s["id"] for s in document["segments"]] == ["S1", "S2", "S3"]


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_bands_without_ties_are_equal(k):
    found = by_segment(bands(sample := customers(spend_per_30d=np.arange(120.0)), k, project()), sample)
    assert [len(found[f"S{i + 1}"]) for i in range(k)] == [120 // k] * k and min(found["S1"]) > max(found[f"S{k}"])


def test_who_has_just_the_value_of_a_cut_reaches_it_although_documents_keep_twelve_digits():
    spend = [26 / 3] * 60 + [j / 21 for j in range(30)]  # 8.66666666667 is more than 26/3
    sample = customers(spend_per_30d=spend, orders_per_30d=spend, recency_days=spend)
    for document in (
        bands(sample, 2, project()),
        crossing(sample, 2, project(), criteria=["spend_per_30d", "recency_days"]),
        rfm(sample, 2, project()),
    ):
        assert {segment: len(spent) for segment, spent in by_segment(document, sample).items()} == {"S1": 60, "S2": 30}


def test_when_everybody_is_the_same_there_is_one_segment():
    same_for_all = customers(spend_per_30d=np.full(40, 7.0))
    for recipe in (bands, rfm):
        document = recipe(same_for_all, 4, project())
        assert by_segment(document, same_for_all) == {"S1": [7.0] * 40} and len(document["segments"]) == 1


def test_bands_follow_the_main_objective_and_missing_values_count_as_the_median():
    orders = project(objectives={"main": {"name": "Orders", "kind": "retention", "metric": "orders_per_customer"}})
    sample = customers(orders_per_30d=[1.0, 2.0, np.nan, 4.0, 5.0], spend_per_30d=[5.0, 4, 3, 2, 1])
    document = bands(sample, 2, orders)
    assert document["variables"] == [{"name": "orders_per_30d", "kind": "number", "missing": 3.0, "steps": []}]
    assert list(labels(document, sample)) == ["S2", "S2", "S1", "S1", "S1"]  # the one not known counts as 3, which is the cut


SIX = {  # fifths are cut at 10, 20, 30, 40 days, at 2, 3, 4, 5 orders and at 20, 30, 40, 50 dollars
    "recency_days": [0.0, 10, 20, 30, 40, 50],  # 5 4 3 2 1 1
    "orders_per_30d": [6.0, 1, 5, 2, 4, 3],  # 5 1 5 2 4 3
    "spend_per_30d": [60.0, 50, 10, 40, 20, 30],  # 5 5 1 4 2 3
}


def test_rfm_points_of_six_customers_by_hand():
    document = rfm(customers(**SIX), 3, project())
    # 15, 10, 9, 8, 7 and 7 points: thirds are cut at 10 and at 8
    assert document["assign"]["points"] == {
        "criteria": [
            {"variable": "recency_days", "cuts": [10.0, 20.0, 30.0, 40.0], "points": [5, 4, 3, 2, 1]},
            {"variable": "orders_per_30d", "cuts": [2.0, 3.0, 4.0, 5.0], "points": [1, 2, 3, 4, 5]},
            {"variable": "spend_per_30d", "cuts": [20.0, 30.0, 40.0, 50.0], "points": [1, 2, 3, 4, 5]},
        ],
        "bands": [{"segment": "S1", "from": 10}, {"segment": "S2", "from": 8}],
        "otherwise": "S3",
    }
    assert list(labels(document, customers(**SIX))) == ["S1", "S1", "S2", "S2", "S3", "S3"]


def test_rfm_cuts_that_fall_on_one_value_are_one_cut_worth_as_many_points():
    sample = customers(
        **SIX | {"orders_per_30d": [1.0, 1, 1, 1, 5, 6], "recency_days": [3.0, 3, 3, 3, 8, 9], "spend_per_30d": [2.0, 2, 2, 2, np.nan, 7]}
    )
    how = {c["variable"]: c for c in rfm(sample, 3, project())["assign"]["points"]["criteria"]}
    assert how["orders_per_30d"] == {"variable": "orders_per_30d", "cuts": [1.0, 5.0], "points": [1, 4, 5]}
    assert how["recency_days"] == {"variable": "recency_days", "cuts": [3.0, 8.0], "points": [5, 2, 1]}
    assert how["spend_per_30d"] == {"variable": "spend_per_30d", "cuts": [2.0], "points": [1, 5]}  # who lacks it has the median, 2


# Slices


def sliced(sample: pd.DataFrame, names: list[str], k: int) -> dict:
    return dated(cutting.slices(sample, names, columns(sample), k, project()))


def test_slices_of_one_variable_are_its_quantiles_however_skewed_it_is():
    spend = [60.0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 30, 100]  # means of thirds are 2.5, 6.5 and 50: half-way between them 10 would be below
    sample = customers(spend_per_30d=spend)
    document = sliced(sample, ["spend_per_30d"], 3)
    assert by_segment(document, sample) == {"S1": [10, 30, 60, 100], "S2": [5, 6, 7, 8], "S3": [1, 2, 3, 4]}
    assert document["built_as_of"] == "2017-10-01T00:00:00" and [s["id"] for s in document["segments"]] == ["S1", "S2", "S3"]
    rare = customers(spend_per_30d=[1.0] * 9 + [2, 3, 4, 5, 6, 7, 1000, 1010, 1020])  # ties stay together, and gaps move no border
    assert by_segment(sliced(rare, ["spend_per_30d"], 3), rare) == {"S1": [5, 6, 7, 1000, 1010, 1020], "S2": [1.0] * 9 + [2, 3, 4]}


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 12])
def test_slices_cut_everybody_into_equal_parts_of_the_first_axis(k):
    draw = np.random.default_rng(k)
    less = draw.gamma(0.5, size=240)  # a few have much less: left as it is, for a logarithm would make it worse
    sample = customers(spend_per_30d=20 - less + 0.3 * draw.normal(size=240), orders_per_30d=9 - less + 0.3 * draw.normal(size=240))
    document = sliced(sample, COLUMNS, k)  # all were here on the same day: recency is left out
    assert [v["name"] for v in document["variables"]] == ["spend_per_30d", "orders_per_30d"]
    # Of two variables on one scale that go together the first axis is the sum.
    held = [np.clip(sample[name], *np.quantile(sample[name], [0.01, 0.99])) for name in COLUMNS[:2]]
    rank = sum((x - x.mean()) / x.std() for x in held).rank(ascending=False).astype(int) - 1
    found = by_segment(document, sample)
    assert sorted(map(len, found.values())) == [240 // k] * k and adjusted_rand_score(labels(document, sample), rank * k // 240) == 1
    means = [np.mean(found[f"S{i + 1}"]) for i in range(k)]
    assert means == sorted(means, reverse=True)


# Crossing


def cross(sample: pd.DataFrame, k: int) -> dict:
    return crossing(sample, k, project(), criteria=["spend_per_30d", "recency_days"])


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 7])
def test_a_crossing_has_just_k_cells_and_everybody_is_in_one(k):
    draw = np.random.default_rng(k)
    sample = customers(spend_per_30d=draw.exponential(50, 400), recency_days=draw.uniform(0, 90, 400).round())
    document, rules = cross(sample, k), cross(sample, k)["assign"]["first_match"]["rules"]
    found = by_segment(document, sample)
    assert sorted(found) == [f"S{i + 1}" for i in range(k)] and sum(map(len, found.values())) == 400
    holds = np.zeros(400, dtype=int)  # rules hold apart from each other: their order decides nothing
    for rule in rules:
        there = np.ones(400, dtype=bool)
        for c in rule["when"]:
            low, high = (-np.inf if c["at_least"] is None else c["at_least"]), (np.inf if c["below"] is None else c["below"])
            there &= sample[c["variable"]].between(low, high, inclusive="left").to_numpy()
        holds += there
    assert holds.max() == 1 and (holds == 0).sum() == len(found[f"S{k}"])


def test_a_crossing_of_eight_customers_by_hand():
    sample = customers(spend_per_30d=[1.0, 2, 3, 4, 5, 6, 7, 8], recency_days=[10.0, 80, 20, 70, 30, 60, 40, 50])
    # halves: spend from 5, days from 50; the highest level of the first comes first, and of the second within it
    assert by_segment(cross(sample, 4), sample) == {"S1": [6, 8], "S2": [5, 7], "S3": [2, 4], "S4": [1, 3]}


def test_a_crossing_merges_the_smallest_two_neighbours_of_one_level():
    days = [1.0] * 5 + [5.0] * 3 + [1.0] * 2 + [5.0] * 10
    sample = customers(spend_per_30d=[1.0] * 8 + [9.0] * 12, recency_days=days)
    # cells of 5 and 3 below, 2 and 10 above: the eight customers below become one cell, though no cell is smaller than the 2
    assert by_segment(cross(sample, 3), sample) == {"S1": [9] * 10, "S2": [9] * 2, "S3": [1] * 8}


def test_where_ties_leave_the_first_fewer_levels_the_second_has_more():
    sample = customers(spend_per_30d=[1.0, 9.0] * 30, recency_days=np.arange(60.0))
    found = by_segment(cross(sample, 6), sample)  # two levels by three, where three by two were meant
    assert {s: (len(rows), rows[0]) for s, rows in found.items()} == {f"S{i}": (10, 9 if i < 4 else 1) for i in range(1, 7)}


def test_a_criterion_with_one_value_leaves_fewer_cells_and_none_of_them_empty():
    sample = customers(spend_per_30d=np.arange(60.0))
    document = cross(sample, 4)
    assert len(document["segments"]) == 2 == len(by_segment(document, sample))


def passports(**gains: float | None) -> dict:
    """Passports of the criteria: their groups, and what each tells of the panel alone."""
    groups = {"spend_per_30d": 1, "orders_per_30d": 1, "recency_days": 2, "discount_share": 3}
    told = {name: {"panel_alone": gain} for name, gain in gains.items()}
    return {name: {"group": group, "contribution": told.get(name)} for name, group in groups.items()}


def test_what_is_crossed_is_what_was_typed_else_the_objective_and_what_tells_most_of_the_panel():
    known = list(passports())
    told = passports(orders_per_30d=0.9, recency_days=0.1, discount_share=0.2)
    assert cutting.criteria_to_cross(project(), told, known) == ["spend_per_30d", "discount_share"]  # orders say what spend says
    assert cutting.criteria_to_cross(project(), passports(recency_days=None), known) == ["spend_per_30d", "recency_days"]
    assert cutting.criteria_to_cross(project(), told, ["spend_per_30d"]) == ["spend_per_30d", "spend_per_30d"]
    typed = project(build={"crossing": ["recency_days", "spend_per_30d"]})
    assert cutting.criteria_to_cross(typed, told, known) == ["recency_days", "spend_per_30d"]


# The tree


def grown(n=1000):
    """Customers, and an outcome that is higher above 60 dollars and below 30 days."""
    draw = np.random.default_rng(2)
    spend, days, orders = draw.uniform(0, 100, n).round(2), draw.uniform(0, 90, n), draw.poisson(3, n).astype("float64")
    outcome = 10.0 * (spend > 60) + 5.0 * (days < 30) + draw.normal(size=n)
    return customers(spend_per_30d=spend, recency_days=days, orders_per_30d=orders), outcome


@pytest.mark.parametrize("k", [2, 3, 5, 6])
def test_the_trees_rules_give_the_leaves_that_scikit_learn_gives(k):
    sample, outcome = grown()
    sample.loc[::7, "recency_days"] = np.nan
    document = tree(sample, outcome, COLUMNS, k)
    filled = sample[COLUMNS].fillna(sample[COLUMNS].median()).to_numpy()
    leaf = DecisionTreeRegressor(max_leaf_nodes=k, min_samples_leaf=30, random_state=0).fit(filled, outcome).apply(filled)
    found = labels(document, sample)
    assert adjusted_rand_score(leaf, found) == 1 and len(set(found)) == k == len(document["segments"])
    means = [outcome[found == f"S{i + 1}"].mean() for i in range(k)]
    assert means == sorted(means, reverse=True)
    assert {v["name"]: v["missing"] for v in document["variables"]}["spend_per_30d"] == sample["spend_per_30d"].median()


@pytest.mark.parametrize("k", [3, 5, 7])
@pytest.mark.parametrize("way", [1, -1])
def test_a_leaf_between_two_borders_of_one_variable_keeps_both(k, way):
    spend = np.arange(0, 700.0)
    outcome = np.array([0, 60, 10, 50, 20, 40, 30.0])[::way][(spend // 100).astype(int)]
    document = tree(sample := customers(spend_per_30d=spend), outcome, ["spend_per_30d"], k)
    leaf = DecisionTreeRegressor(max_leaf_nodes=k, min_samples_leaf=30, random_state=0).fit(spend[:, None], outcome).apply(spend[:, None])
    assert adjusted_rand_score(leaf, labels(document, sample)) == 1
    assert any(c["at_least"] is not None and c["below"] is not None for r in document["assign"]["first_match"]["rules"] for c in r["when"])


@pytest.mark.parametrize(("n", "least"), [(400, 30), (3000, 60)])
def test_a_leaf_holds_thirty_customers_and_a_fiftieth_of_all(n, least):
    sample, _ = grown(n)
    outcome = 1000.0 * (sample["spend_per_30d"].rank(ascending=False) <= 20).to_numpy()  # twenty customers would make the best leaf
    sizes = np.unique(labels(tree(sample, outcome, COLUMNS, 3), sample), return_counts=True)[1]
    assert sizes.min() == least


def test_a_tree_with_nothing_to_tell_is_one_segment():
    sample, _ = grown(100)
    document = tree(sample, np.full(100, 3.0), COLUMNS, 4)
    assert set(labels(document, sample)) == {"S1"} and [v["name"] for v in document["variables"]] == ["spend_per_30d"]
    check(document)


# The classification


def spread_out(n=240, seed=0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    group = np.arange(n) % 3
    return customers(
        spend_per_30d=np.array([20.0, 200, 90])[group] + draw.normal(0, 3, n),
        orders_per_30d=np.array([2.0, 2, 9])[group] + draw.normal(0, 0.2, n),
        recency_days=draw.uniform(0, 60, n),
        departments=np.full(n, 4.0),
        gap_days=np.full(n, np.nan),
    )


def test_the_classification_gives_what_its_document_gives_and_orders_segments_by_spend():
    sample = spread_out()
    names = ["spend_per_30d", "orders_per_30d"]
    document, told, coordinates = hcpc(sample, names, 3, project())
    check(document)
    found = labels(document, sample)
    assert adjusted_rand_score(found, np.arange(240) % 3) == 1 and told["axes"] == 2 == coordinates.shape[1]
    assert list(found[:3]) == ["S3", "S1", "S2"]  # 20, 200 and 90 dollars
    for i, centre in enumerate(document["assign"]["nearest"]["centroids"]):
        np.testing.assert_allclose(coordinates[found == f"S{i + 1}"].mean(axis=0), centre, atol=1e-9)
    by_orders = project(objectives={"main": {"name": "Orders", "kind": "retention", "metric": "orders_per_customer"}})
    sample["orders_per_30d"] += 3.0 * (np.arange(240) % 3 == 0)  # 5, 2 and 9 orders
    document, _, _ = hcpc(sample, names, 3, by_orders)
    assert list(labels(document, sample)[:3]) == ["S2", "S3", "S1"]
    assert told["inertia_share"] == pytest.approx((coordinates.var(axis=0) / coordinates.var(axis=0).sum()).tolist())


def test_what_is_the_same_for_everybody_or_known_of_nobody_is_dropped_and_said():
    names = ["spend_per_30d", "departments", "orders_per_30d", "gap_days"]
    document, told, _ = hcpc(spread_out(), names, 3, project())
    assert told["dropped"] == {"departments": "constant", "gap_days": "missing"}
    assert [v["name"] for v in document["variables"]] == ["spend_per_30d", "orders_per_30d"]


def test_no_more_axes_are_used_than_the_project_says():
    document, told, coordinates = hcpc(spread_out(), COLUMNS, 3, project(build={"axes": 1}))
    assert told["axes"] == 1 == coordinates.shape[1] and len(document["project"]["loadings"]) == 3


@pytest.mark.parametrize(
    ("spend", "there"),
    [
        ([1.0, 1, 2, 2, 1, 2], 2),
        ([0.0] * 300 + [500.0, 900.0], 1),  # two spend more, but outliers are held at the 99th percentile
    ],
)
def test_fewer_different_customers_than_segments_are_an_error_that_says_what_to_do(spend, there):
    sample, plan = customers(spend_per_30d=spend), project()  # five are wanted; three are tried
    with pytest.raises(NinefoldError) as error:
        hcpc(sample, ["spend_per_30d", "orders_per_30d"], 3, plan)
    told = str(error.value)
    if there == 1:
        assert told == (
            "data/by_hand/project.yml: the variables spend_per_30d, orders_per_30d are missing or the same for everybody, and tell nobody "
            "apart. Keep other variables in variables, or widen scope.filters."
        )
        return
    assert told == (
        "data/by_hand/project.yml: field scope.segments_wanted is 5, and the 6 customers in scope have 2 different profiles by 1 "
        "variables: 3 segments cannot be built. Ask for fewer, widen scope.filters, or keep other variables."
    )
    with pytest.raises(NinefoldError, match="have 2 different profiles by 4 variables: 3 segments"):
        require(2, 6, 4, 3, plan)
    found, _, _ = hcpc(customers(spend_per_30d=[1.0, 1.01, 3]), ["spend_per_30d"], 3, plan)  # three may just be cut into three
    assert len(found["segments"]) == 3
