"""The segmentation document: labels by hand, the same from SQL, Ibis and numpy, ties included, and documents that are refused."""

import copy
import json
import re

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest

from helpers import NinefoldError, run
from helpers.build import document as documents
from helpers.build.document import apply, border, check, labels, to_sql

ROWS = 20_000


def variable(name, missing=0.0, *steps):
    return {"name": name, "kind": "number", "missing": missing, "steps": list(steps)}


def segmentation(variables, ids, assign, **more):
    segments = [{"id": id_, "name": None, "colour": "#12436D"} for id_ in ids]
    fields = {"format": 1, "version": 3, "key": "customer_id", "built_as_of": "2017-10-01T00:00:00"}
    return fields | {"variables": variables, "segments": segments, "assign": assign} | more


def nearest():
    """Spend in tens of dollars above 20, at most 8 of them, and visits; two centres."""
    variables = [variable("spend", 10.0, {"clip": [0.0, 100.0]}, {"scale": [20.0, 10.0]}), variable("visits", None)]
    return segmentation(variables, ["S1", "S2"], {"nearest": {"centroids": [[2.0, 1.0], [-1.0, 0.0]]}})


def projected():
    """Two variables turned by a right-angled 3-4-5 triangle about the point (1, 2)."""
    project = {"centre": [1.0, 2.0], "loadings": [[0.6, -0.8], [0.8, 0.6]]}
    centroids = [[3.0, -4.0], [4.0, 3.0], [0.0, 0.0]]
    return segmentation([variable("x"), variable("y")], ["S1", "S2", "S3"], {"nearest": {"centroids": centroids}}, project=project)


def first_match():
    rules = [
        {
            "segment": "S2",
            "when": [{"variable": "spend", "at_least": 100, "below": None}, {"variable": "days", "at_least": None, "below": 30}],
        },
        {"segment": "S1", "when": [{"variable": "spend", "at_least": 50, "below": 100}]},
    ]
    variables = [variable("spend", 60), variable("days", 30)]
    return segmentation(variables, ["S1", "S2", "S3"], {"first_match": {"rules": rules, "otherwise": "S3"}})


def points():
    criteria = [
        {"variable": "orders", "cuts": [2, 5], "points": [1, 2, 3]},
        {"variable": "days", "cuts": [7.0, 30.0], "points": [3, 2, 1]},  # the fewer days, the more points
    ]
    bands = [{"segment": "S1", "from": 6}, {"segment": "S2", "from": 4}]
    variables = [variable("days", 99), variable("orders", 0)]
    return segmentation(variables, ["S1", "S2", "S3"], {"points": {"criteria": criteria, "bands": bands, "otherwise": "S3"}})


EVERY_KIND = pytest.mark.parametrize("make", [nearest, projected, first_match, points])


def customers(columns: str, *rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["customer_id", *columns.split()])


@pytest.fixture
def assigned(tmp_path):
    """The segments of a table's rows, in their order, after three ways have given the same ones, before and after writing."""

    def three_ways(document: dict, frame: pd.DataFrame) -> list[str]:
        written, key, found = written_and_read(document, tmp_path), document["key"], labels(document, frame)
        connection = ibis.duckdb.connect()
        table = connection.create_table("customers", frame)
        assert labels(written, frame).tolist() == found.tolist()
        assert apply(written, table).equals(apply(document, table)) and to_sql(written) == to_sql(document)
        expected = pd.Series(found, index=frame[key].to_numpy())
        for other in (connection.execute(apply(written, table)), in_duckdb(to_sql(written), frame)):
            assert sorted(other[key]) == sorted(expected.index)
            assert other.set_index(key)["segment"].reindex(expected.index).tolist() == expected.tolist()
        return found.tolist()

    return three_ways


def written_and_read(document: dict, folder) -> dict:
    run.write_json(folder / "segmentation.json", document)
    return json.loads((folder / "segmentation.json").read_text(encoding="utf-8"))


def in_duckdb(text: str, frame: pd.DataFrame) -> pd.DataFrame:
    with duckdb.connect() as plain:
        plain.register("frame", frame)
        plain.execute("create table customers as select * from frame")
        return plain.execute(text).df()


# By hand


def test_the_nearest_centre_wins_and_half_way_the_first_of_the_document(assigned):
    frame = customers(
        "spend visits",
        ("10", 10.0, 0.0),  # (-1, 0): on the second centre
        ("007", 40.0, 1.0),  # (2, 1): on the first
        ("7", 25.0, 0.5),  # (.5, .5): 2.5 from both
        ("08", 24.0, 0.5),  # (.4, .5): 2.81 and 2.21
        ("9", 1000.0, -30.0),  # held at 100 → (8, -30): 997 and 981; without the bound it would be the first
        ("11", -500.0, 9.5),  # held at 0 → (-2, 9.5): 88.25 and 91.25; without the bound it would be the second
    )
    assert assigned(nearest(), frame) == ["S2", "S1", "S1", "S2", "S2", "S1"]


def test_a_missing_value_is_replaced_before_anything_else(assigned):
    frame = customers("spend visits", ("a", None, 1.0), ("b", np.nan, 4.0), ("c", 40.0, None), ("d", 40.0, np.nan), ("e", 16.0, None))
    # spend 10 → -1: (-1, 1) is 9 and 1 away, (-1, 4) is 18 and 16; visits 0: (2, 0) is 1 and 9, (-.4, 0) is 6.76 and .36
    assert assigned(nearest(), frame) == ["S2", "S2", "S1", "S1", "S2"]


def test_null_and_nan_are_missing_alike_in_the_engine(assigned):
    frame = customers("spend visits", ("null", 0.0, 3.0), ("nan", 0.0, 3.0), ("known", 0.0, 3.0))
    connection = duckdb.connect()
    connection.execute(
        "create table customers (customer_id varchar, spend double, visits double);"
        "insert into customers values ('null', null, 3), ('nan', 'nan', 3), ('known', 90, 3)"
    )
    # (-1, 3) is 13 and 9 away; (7, 3) is 29 and 73
    expected = {"null": "S2", "nan": "S2", "known": "S1"}
    assert dict(connection.execute(to_sql(nearest())).fetchall()) == expected
    by_ibis = apply(nearest(), ibis.duckdb.from_connection(connection).table("customers")).execute()
    assert dict(zip(by_ibis.customer_id, by_ibis.segment, strict=True)) == expected
    frame["spend"] = pd.Series([None, np.nan, 90], dtype=object)
    assert labels(nearest(), frame).tolist() == list(expected.values())


def test_a_logarithm_is_of_one_more_than_the_value(assigned):
    steps = {"clip": [0.0, 99.0]}, {"log1p": True}, {"scale": [1.0, 2.0]}
    document = segmentation([variable("spend", 0, *steps)], ["S1", "S2"], {"nearest": {"centroids": [[0.5], [-0.5]]}})
    # log(1 + spend) below 1 is nearer the second: spend below 1.718…
    frame = customers("spend", ("a", 1.7), ("b", 1.72), ("c", 0.0), ("d", 1e9), ("e", -5.0))
    assert assigned(document, frame) == ["S2", "S1", "S2", "S1", "S2"]


def test_axes_are_the_variables_less_their_centre_times_the_loadings(assigned):
    # 5 along x is (3, -4) on the axes, 5 along y is (4, 3); with rows and columns exchanged 5 along x would be (3, 4), the second
    frame = customers("y x", ("b", 7.0, 1.0), ("a", 2.0, 6.0), ("c", 2.0, 1.0))
    assert assigned(projected(), frame) == ["S2", "S1", "S3"]


def test_the_first_rule_that_holds_counts_and_each_condition_has_a_closed_and_an_open_end(assigned):
    frame = customers(
        "spend days",
        ("a", 100.0, 29.9),  # S2: 100 is at least 100
        ("b", 100.0, 30.0),  # 30 is not below 30, 100 is not below 100: none
        ("c", 99.9, 10.0),  # S1
        ("d", 49.9, 10.0),  # none
        ("e", None, None),  # 60 and 30: S1
        ("f", 200.0, None),  # days 30: none
    )
    assert assigned(first_match(), frame) == ["S2", "S3", "S1", "S3", "S1", "S3"]


def test_rules_that_both_hold_give_the_earlier_ones_segment(assigned):
    when = [{"variable": "spend", "at_least": 1}]
    rules = [{"segment": "S2", "when": when}, {"segment": "S1", "when": when}]
    document = segmentation([variable("spend")], ["S1", "S2", "S3"], {"first_match": {"rules": rules, "otherwise": "S3"}})
    assert assigned(document, customers("spend", ("a", 1.0), ("b", 0.9))) == ["S2", "S3"]


def test_a_rule_without_conditions_always_holds_and_without_rules_all_are_otherwise(assigned):
    everyone = {"rules": [{"segment": "S2", "when": []}], "otherwise": "S1"}
    frame = customers("spend", ("a", 1.0), ("b", None))
    document = segmentation([variable("spend")], ["S1", "S2"], {"first_match": everyone})
    assert assigned(document, frame) == ["S2", "S2"]
    assert assigned(document | {"assign": {"first_match": everyone | {"rules": []}}}, frame) == ["S1", "S1"]


def test_points_count_the_cuts_reached_and_the_first_band_reached_counts(assigned):
    frame = customers(
        "days orders",
        ("a", 6.9, 5),  # 3 + 3 = 6
        ("b", 7.0, 5),  # 2 + 3: on a cut of days is beyond it
        ("c", 30.0, 5),  # 1 + 3 = 4
        ("d", 29.9, 1),  # 2 + 1 = 3
        ("e", 6.9, 0),  # 3 + 1 = 4
        ("f", None, None),  # 99 days, no order: 1 + 1
    )
    assert assigned(points(), frame) == ["S1", "S2", "S2", "S3", "S2", "S3"]


def test_equal_cuts_are_passed_together_and_no_cut_gives_everyone_the_same_points(assigned):
    criteria = [{"variable": "orders", "cuts": [2, 2, 4], "points": [0, 5, 2, 3]}, {"variable": "days", "cuts": [], "points": [10]}]
    bands = [{"segment": "S1", "from": 13}, {"segment": "S2", "from": 12}]
    how = {"points": {"criteria": criteria, "bands": bands, "otherwise": "S3"}}
    document = segmentation([variable("orders"), variable("days")], ["S1", "S2", "S3"], how)
    assert assigned(document, customers("orders days", ("a", 1, 1), ("b", 2, 1), ("c", 4, 1))) == ["S3", "S2", "S1"]


def test_fractions_of_points_add_up_as_on_paper(assigned):
    criteria = [{"variable": "x", "cuts": [1], "points": [0, 0.1]}, {"variable": "y", "cuts": [1], "points": [0, 0.7]}]
    assert 0.1 + 0.7 < 0.8
    how = {"points": {"criteria": criteria, "bands": [{"segment": "S1", "from": 0.8}], "otherwise": "S2"}}
    document = segmentation([variable("x"), variable("y")], ["S1", "S2"], how)
    assert assigned(document, customers("x y", ("a", 1, 1), ("b", 0, 1))) == ["S1", "S2"]


# Ties


@pytest.mark.parametrize(("apart", "expected"), [(0.9e-9, "S1"), (1.1e-9, "S2")])
def test_two_squared_distances_tie_up_to_a_billionth(apart, expected, assigned):
    # From 0 to ±1: the squares are 1 and (1 - apart/2)² ≈ 1 - apart
    document = segmentation([variable("x")], ["S1", "S2"], {"nearest": {"centroids": [[-1.0], [1.0]]}})
    assert assigned(document, customers("x", ("a", apart / 4), ("b", -apart / 4), ("c", 1.0))) == [expected, "S1", "S2"]


def test_of_two_equal_centres_the_first_takes_all(assigned):
    document = segmentation([variable("x")], ["S2", "S1", "S3"], {"nearest": {"centroids": [[5.0], [1.0], [1.0]]}})
    assert assigned(document, customers("x", ("a", 1.0), ("b", 3.0), ("c", -9.0))) == ["S1", "S2", "S1"]


def grid(draw, names, rows=ROWS):
    """Customers on a coarse grid, so that many lie exactly half-way, some values missing."""
    frame = pd.DataFrame({name: draw.integers(-8, 25, rows) / 4 for name in names}).mask(draw.random((rows, len(names))) < 0.02)
    frame.insert(0, "customer_id", [f"{n:06d}" for n in draw.permutation(rows)])
    return frame


def nearest_with_ties(draw, *, projected: bool) -> dict:
    """Centres in pairs to the left and right of 2.25 by the first variable: who has 2.25 is as far from both. One is there twice."""
    p, k = int(draw.integers(2, 6)), int(draw.integers(2, 5))
    mean, sd = draw.uniform(0.1, 3, 2).tolist()
    variables = [variable("v0", float(draw.integers(0, 9)) / 3, {"clip": [-1.5, 5.0]}, {"scale": [mean, sd]})]
    for n in range(1, p):
        steps = [{"clip": [-0.5, 6.0]}, {"log1p": True}, {"scale": [0.3, 0.7]}] if n % 2 else [{"scale": [2.1, 2.3]}]
        variables.append(variable(f"v{n}", float(draw.integers(0, 9)) / 3, *steps))
    project = {"centre": draw.normal(size=p).tolist(), "loadings": draw.normal(size=(p, 3)).tolist()}
    for row in project["loadings"][1:]:
        row[0] = 0.0  # the first axis is the first variable alone
    centroids = []
    for half in [[0.5] * (3 if projected else p), *draw.normal(size=(k - 1, 3 if projected else p)).tolist()]:
        for aside in (half[0], -half[0]):
            first = (2.25 + aside - mean) / sd
            centroids.append([(first - project["centre"][0]) * project["loadings"][0][0] if projected else first, *half[1:]])
    ids, how = [f"S{n}" for n in range(2 * k + 1)], {"nearest": {"centroids": [*centroids, centroids[0]]}}
    return segmentation(variables, ids, how, **({"project": project} if projected else {}))


@pytest.mark.parametrize(("seed", "projected"), [(0, False), (1, False), (3, False), (0, True), (1, True), (7, True)])
def test_hundreds_of_exact_ties_fall_alike_in_sql_ibis_and_numpy(seed, projected, assigned, tmp_path):
    draw = np.random.default_rng([20, seed, projected])
    document = nearest_with_ties(draw, projected=projected)
    frame = grid(draw, [v["name"] for v in document["variables"]])
    found, ids = assigned(document, frame), np.array([s["id"] for s in document["segments"]])
    squares = by_matrices(written_and_read(document, tmp_path), frame)
    close = squares <= squares.min(axis=1, keepdims=True) + 1e-9
    assert found == ids[close.argmax(axis=1)].tolist()
    assert (close[:, :-1].sum(axis=1) > 1).sum() > 300, "too few half-way to tell anything"
    assert (squares.argmin(axis=1) != close.argmax(axis=1)).sum() > 50, "the plain minimum would do as well"
    assert close[:, -1].sum() > 100 and ids[-1] not in found, "the centre that is there twice"


def by_matrices(document, frame):
    """Squared distances worked out another way: whole matrices."""
    values = frame[[v["name"] for v in document["variables"]]].to_numpy(dtype="float64")
    values = np.where(np.isnan(values), [v["missing"] for v in document["variables"]], values)
    for n, v in enumerate(document["variables"]):
        for step in v["steps"]:
            if "clip" in step:
                values[:, n] = np.clip(values[:, n], *step["clip"])
            elif "log1p" in step:
                values[:, n] = np.log1p(values[:, n])
            else:
                values[:, n] = (values[:, n] - step["scale"][0]) / step["scale"][1]
    if "project" in document:
        values = (values - document["project"]["centre"]) @ np.array(document["project"]["loadings"])
    return ((values[:, None, :] - np.array(document["assign"]["nearest"]["centroids"])) ** 2).sum(axis=2)


@pytest.mark.parametrize("seed", range(4))
def test_values_on_a_cut_fall_alike_under_rules(seed, assigned):
    draw, names = np.random.default_rng([21, seed]), ["a", "b", "c"]
    rules = []
    for _ in range(6):
        low, width = draw.integers(-8, 20, 2) / 4, draw.integers(1, 12, 2) / 4
        chosen = draw.choice(names, 2, replace=False)
        rules.append(
            {
                "segment": f"S{draw.integers(1, 5)}",
                "when": [
                    {"variable": str(name), "at_least": float(at) if draw.random() < 0.8 else None, "below": float(at + by)}
                    for name, at, by in zip(chosen, low, width, strict=True)
                ],
            }
        )
    how = {"first_match": {"rules": rules, "otherwise": "S5"}}
    document, frame = segmentation([variable(n, 1.25) for n in names], [f"S{n}" for n in range(1, 6)], how), grid(draw, names)
    found, filled = assigned(document, frame), frame.fillna(1.25)
    for row in range(0, ROWS, 40):
        held = (
            rule["segment"]
            for rule in rules
            if all((c["at_least"] is None or filled[c["variable"]][row] >= c["at_least"]) for c in rule["when"])
            and all(filled[c["variable"]][row] < c["below"] for c in rule["when"])
        )
        assert found[row] == next(held, "S5")
    assert len(set(found)) > 2


@pytest.mark.parametrize("seed", range(4))
def test_values_on_a_cut_fall_alike_under_points(seed, assigned):
    draw, names = np.random.default_rng([22, seed]), ["a", "b", "c"]
    unit = [1, 0.1, 1 / 3, 1][seed]
    criteria = [
        {"variable": n, "cuts": np.sort(draw.integers(-8, 25, 4) / 4).tolist(), "points": (draw.integers(0, 6, 5) * unit).tolist()}
        for n in reversed(names)
    ]
    bands = [{"segment": f"S{n + 1}", "from": level * unit} for n, level in enumerate((11, 8, 6))]
    how = {"points": {"criteria": criteria, "bands": bands, "otherwise": "S4"}}
    document, frame = segmentation([variable(n, 2) for n in names], ["S4", "S1", "S2", "S3"], how), grid(draw, names)
    found, filled = assigned(document, frame), frame.fillna(2)
    for row in range(0, ROWS, 40):
        whole = sum(round(c["points"][sum(cut <= filled[c["variable"]][row] for cut in c["cuts"])] / unit) for c in criteria)
        assert found[row] == ("S1" if whole >= 11 else "S2" if whole >= 8 else "S3" if whole >= 6 else "S4")
    assert len(set(found)) > 2


@EVERY_KIND
def test_shuffled_rows_keep_their_labels(make):
    document, draw = make(), np.random.default_rng(5)
    frame = grid(draw, [v["name"] for v in document["variables"]])
    mixed = frame.sample(frac=1, random_state=3)
    whole, part = (pd.Series(labels(document, f), index=f.customer_id) for f in (frame, mixed))
    assert (part.reindex(whole.index) == whole).all() and whole.nunique() > 1
    connection = ibis.duckdb.connect()
    for n, each in enumerate((frame, mixed)):
        found = apply(document, connection.create_table(f"t{n}", each)).execute().set_index("customer_id").segment
        assert (found.reindex(whole.index).to_numpy() == whole.to_numpy()).all()


# The table of customers


@EVERY_KIND
def test_an_empty_table_gives_an_empty_one(make):
    document = make()
    names = [v["name"] for v in document["variables"]]
    frame = pd.DataFrame({"customer_id": pd.Series([], dtype="str"), **{n: pd.Series([], dtype="float64") for n in names}})
    found = apply(document, ibis.memtable(frame, schema={"customer_id": "string"} | dict.fromkeys(names, "float64")))
    assert found.columns == ("customer_id", "segment", "confidence") and found.schema()["segment"].is_string()
    assert found.schema()["confidence"].is_float64()
    assert found.execute().empty
    assert labels(document, frame).tolist() == [] and labels(document, customers(" ".join(names))).tolist() == []
    assert in_duckdb(to_sql(document), frame).empty


def test_ids_stay_as_they_are_and_other_columns_are_left_aside(assigned):
    frame = customers("spend visits", ("007", 40.0, 1.0), ("7", 10.0, 0.0), ("0007", 10.0, 0.0)).assign(segment="theirs", best=1, axis_1=2)
    assert assigned(nearest(), frame) == ["S1", "S2", "S2"]
    found = apply(nearest(), ibis.memtable(frame)).execute()
    assert found.columns.tolist() == ["customer_id", "segment", "confidence"] and found.confidence.isna().all()
    assert sorted(found.customer_id) == ["0007", "007", "7"]


def test_numbers_of_any_type_will_do_and_a_column_of_nothing_too():
    connection = duckdb.connect()
    connection.execute(
        "create table customers as"
        " select * from (values (1, 40.00::decimal(18, 2), 1::tinyint), (2, 10.00, 0)) t(customer_id, spend, visits)"
    )
    table = ibis.duckdb.from_connection(connection).table("customers")
    assert dict(connection.execute(to_sql(nearest())).fetchall()) == {1: "S1", 2: "S2"}
    found = apply(nearest(), table).drop("confidence")
    assert sorted(found.execute().itertuples(index=False, name=None)) == [(1, "S1"), (2, "S2")]
    # visits 0, whoever they are: (2, 0) is 1 and 9 away
    nothing = table.mutate(visits=ibis.null())
    found = apply(nearest(), nothing).drop("confidence")
    assert sorted(found.execute().itertuples(index=False, name=None)) == [(1, "S1"), (2, "S2")]
    frame = pd.DataFrame({"spend": pd.array([40, None], dtype="Int64"), "visits": pd.Series([None, None], dtype=object)})
    assert labels(nearest(), frame).tolist() == ["S1", "S2"]
    assert labels(nearest(), table.execute()).tolist() == ["S1", "S2"]


def test_infinities_fall_alike(assigned):
    far = customers("x y", ("a", np.inf, 0.0), ("b", -np.inf, np.inf), ("c", np.inf, np.inf), ("d", 0.0, -np.inf), ("e", 1e200, 3.0))
    assert assigned(projected(), far) == ["S1"] * 5  # infinitely far from all alike
    days = far.rename(columns={"x": "days", "y": "orders"})
    assert assigned(points(), days) == ["S3", "S1", "S2", "S2", "S3"]


def test_a_key_of_another_name_is_the_results_key(assigned):
    frame = customers("spend visits", ("a", 40.0, 1.0)).rename(columns={"customer_id": "Household No"})
    document = nearest() | {"key": "Household No"}
    assert assigned(document, frame) == ["S1"]
    assert apply(document, ibis.memtable(frame)).columns == ("Household No", "segment", "confidence")


@pytest.mark.parametrize("lacking", ["customer_id", "spend"])
def test_a_column_that_the_table_lacks_is_named_with_the_version_and_what_to_do(lacking):
    frame = customers("spend visits", ("a", 40.0, 1.0)).rename(columns={"spend": "spent"} if lacking == "spend" else {"customer_id": "id"})
    with pytest.raises(NinefoldError, match=rf"version 3: .*has no column '{lacking}'.*(Add|build)") as raised:
        apply(nearest(), ibis.memtable(frame))
    if lacking == "spend":
        assert "Did you mean 'spent'?" in str(raised.value)
        with pytest.raises(NinefoldError, match=re.escape(str(raised.value))):
            labels(nearest(), frame)


@pytest.mark.parametrize("values", [["12.5", "7"], ["a", None], pd.to_datetime(["2017-01-01", "2017-01-02"])])
def test_a_column_of_text_or_dates_is_refused(values):
    frame = pd.DataFrame({"customer_id": ["a", "b"], "visits": [1.0, 2.0], "spend": values})
    for use in (lambda: apply(nearest(), ibis.memtable(frame)), lambda: labels(nearest(), frame)):
        with pytest.raises(NinefoldError, match="version 3: .*no numbers in the column 'spend'"):
            use()


# Numbers as they are written


def test_a_document_means_the_same_before_and_after_it_is_written(assigned):
    third, cuts = 2 / 3, [0.1 + 0.2, 2 / 3]
    criteria = [{"variable": "x", "cuts": cuts, "points": [0, 1, 2]}]
    bands = [{"segment": "S1", "from": 2}, {"segment": "S2", "from": 1}]
    document = segmentation([variable("x")], ["S1", "S2", "S3"], {"points": {"criteria": criteria, "bands": bands, "otherwise": "S3"}})
    # Written, the cuts are .3 and .666666666667: .30000000000000004 reaches the first, two thirds do not reach the second
    assert assigned(document, customers("x", ("a", 0.1 + 0.2), ("b", third), ("c", 0.3), ("d", 0.67))) == ["S2", "S2", "S2", "S1"]


@pytest.mark.parametrize("value", [26 / 3, 2 / 3, 0.1 * 3, 0.7 + 0.1, -26 / 3, -1 / 3, 30.0, 0.0, 1234567890123.75, 1e-7 / 3])
def test_a_border_is_reached_by_whoever_has_just_its_value(value, assigned):
    rules = {"rules": [{"segment": "S1", "when": [{"variable": "x", "at_least": border(value)}]}], "otherwise": "S2"}
    document = segmentation([variable("x")], ["S1", "S2"], {"first_match": rules})
    below = value - abs(value) * 1e-9 - 1e-12
    assert assigned(document, customers("x", ("on", value), ("below", below))) == ["S1", "S2"]
    assert border(border(value)) == border(value) <= value
    assert value != 30.0 or border(value) == 30.0


def test_numbers_of_every_size_are_read_alike(assigned):
    draw = np.random.default_rng(8)
    sizes = 10.0 ** draw.integers(-12, 16, 60)
    cuts = [border(x) for x in sorted(draw.uniform(-1, 1, 60) * sizes)]
    rules = [{"segment": f"S{n}", "when": [{"variable": "x", "at_least": cut}]} for n, cut in reversed(list(enumerate(cuts)))]
    ids = [f"S{n}" for n in range(-1, 60)]
    document = segmentation([variable("x")], ids, {"first_match": {"rules": rules, "otherwise": "S-1"}})
    hair = [np.nextafter(cut, np.inf) for cut in cuts] + [np.nextafter(cut, -np.inf) for cut in cuts]
    frame = pd.DataFrame({"x": cuts + hair}).rename_axis("customer_id").reset_index()
    found = assigned(document, frame)
    assert found == [f"S{n}" for n in [*range(60), *range(60), *range(-1, 59)]]


def test_numpy_numbers_and_tuples_will_do_too():
    document = nearest()
    document["assign"]["nearest"]["centroids"] = [tuple(np.array([2, 1])), tuple(np.array([-1.0, 0.0]))]
    assert labels(document, customers("spend visits", ("a", 40.0, 1.0), ("b", 10.0, 0.0))).tolist() == ["S1", "S2"]


# The text


def test_the_text_reads_step_by_step():
    document = nearest()
    document["variables"][1]["steps"] = [{"clip": [0, 9]}, {"log1p": True}]
    document["project"] = {"centre": [0.25, 0], "loadings": [[0.5], [-2]]}
    document["assign"] = {"nearest": {"centroids": [[-0.5], [3]]}}
    assert to_sql(document, table="crm.customers") == (
        "-- Segmentation of customers, version 3 (format 1), built as of 2017-10-01.\n"
        "-- An id stays with its segment from build to build as long as most of its customers do.\n"
        "with filled as ( -- a value that is missing (NULL, NaN) is replaced\n"
        "    select\n"
        "        customer_id,\n"
        "        coalesce(nullif(cast(spend as double), 'nan'), 10) as spend,\n"
        "        coalesce(nullif(cast(visits as double), 'nan'), 0) as visits\n"
        "    from crm.customers\n"
        "),\n"
        "transformed as ( -- clipped, on a logarithmic scale, standardised\n"
        "    select\n"
        "        customer_id,\n"
        "        (least(greatest(spend, 0), 100) - 20) / 10 as spend,\n"
        "        ln(least(greatest(visits, 0), 9) + 1) as visits\n"
        "    from filled\n"
        "),\n"
        "axes as ( -- coordinates on the principal axes\n"
        "    select\n"
        "        customer_id,\n"
        "        0.5 * (spend - 0.25)\n"
        "            - 2 * visits as axis_1\n"
        "    from transformed\n"
        "),\n"
        "distances as ( -- squared distances to the segments' centres\n"
        "    select\n"
        "        customer_id,\n"
        "        (axis_1 + 0.5) * (axis_1 + 0.5) as distance_s1,\n"
        "        (axis_1 - 3) * (axis_1 - 3) as distance_s2\n"
        "    from axes\n"
        "),\n"
        "nearest as ( -- the smallest of them\n"
        "    select\n"
        "        customer_id,\n"
        "        distance_s1,\n"
        "        least(distance_s1, distance_s2) as best\n"
        "    from distances\n"
        ")\n"
        "select\n"
        "    customer_id,\n"
        "    case\n"
        "        when distance_s1 <= best + 1e-9 then 'S1'\n"
        "        else 'S2'\n"
        "    end as segment\n"
        "from nearest;\n"
    )


def test_rules_and_points_read_as_they_are_told():
    assert to_sql(first_match()).endswith(
        "        when spend >= 100 and days < 30 then 'S2'\n"
        "        when spend >= 50 and spend < 100 then 'S1'\n"
        "        else 'S3'\n"
        "    end as segment\n"
        "from filled;\n"
    )
    text = to_sql(points())
    assert "        case when days >= 30 then 1 when days >= 7 then 2 else 3 end as days,\n" in text
    assert "        days\n            + orders as points\n" in text
    assert "when points >= 6 then 'S1'\n        when points >= 4 then 'S2'\n        else 'S3'" in text


def large(variables: int, axes: int, segments: int) -> dict:
    draw = np.random.default_rng(3)
    steps = {"clip": [0.0, 50.1234567891]}, {"log1p": True}, {"scale": [1.62432765304, 1.12143097729]}
    many = [variable(f"variable_{n}_per_30d", 4.33333333333, *steps) for n in range(variables)]
    project = {"centre": draw.normal(size=variables).tolist(), "loadings": draw.normal(size=(variables, axes)).tolist()}
    centroids = draw.normal(size=(segments, axes)).tolist()
    return segmentation(many, [f"S{n + 1}" for n in range(segments)], {"nearest": {"centroids": centroids}}, project=project)


def test_the_text_does_not_explode():
    def sizes(document):
        names = [v["name"] for v in document["variables"]]
        table = ibis.table({"customer_id": "string"} | dict.fromkeys(names, "float64"), name="customers")
        return np.array([len(to_sql(document)), len(ibis.to_sql(apply(document, table), dialect="duckdb"))])

    assert (sizes(large(16, 5, 6)) < [14_000, 26_000]).all()
    assert (sizes(large(32, 5, 6)) < 2 * sizes(large(16, 5, 6))).all()
    flat = large(16, 16, 6)
    del flat["project"]
    assert (sizes(flat) < [18_000, 40_000]).all()


@EVERY_KIND
def test_the_text_reads_a_file_as_well(make, tmp_path):
    document = make()
    frame = grid(np.random.default_rng(1), [v["name"] for v in document["variables"]])
    frame.to_parquet(tmp_path / "it's.parquet")
    place = f"read_parquet('{tmp_path}/it''s.parquet')"
    with duckdb.connect() as plain:
        found = dict(plain.execute(to_sql(document, table=place)).fetchall())
    assert [found[c] for c in frame.customer_id] == labels(document, frame).tolist()


NAMES = [
    "order",
    "values",
    "select",
    "Spend €",
    'two "quotes"',
    "axis_1",
    "axis_2",
    "distance_s1",
    "best",
    "segment",
    "points",
    "filled",
    "it's",
    "t-1",
]


@pytest.mark.parametrize("kind", ["nearest", "project", "first_match", "points"])
def test_any_name_can_be_a_variables_and_any_text_an_id(kind, assigned):
    draw = np.random.default_rng(2)
    ids, unsuited = ["it's", "S1", 'a "b"', "--"], [v for v in NAMES if v not in ("customer_id",)]
    rules = [{"segment": i, "when": [{"variable": v, "at_least": 3.5}]} for i, v in zip(ids, unsuited[8:], strict=False)]
    criteria = [{"variable": v, "cuts": [2.0], "points": [0, 1]} for v in unsuited]
    assign = {
        "nearest": {"nearest": {"centroids": draw.normal(2, 2, size=(4, len(unsuited))).tolist()}},
        "project": {"nearest": {"centroids": draw.normal(size=(4, 2)).tolist()}},
        "first_match": {"first_match": {"rules": rules, "otherwise": "S1"}},
        "points": {
            "points": {"criteria": criteria, "bands": [{"segment": "it's", "from": 9}, {"segment": "--", "from": 7}], "otherwise": "S1"}
        },
    }[kind]
    project = {"centre": [2.0] * len(unsuited), "loadings": draw.normal(size=(len(unsuited), 2)).tolist()}
    document = segmentation([variable(v, 1) for v in unsuited], ids, assign, **({"project": project} if kind == "project" else {}))
    document["built_as_of"] = "2017\n; drop table customers"
    assert len(set(assigned(document, grid(draw, unsuited, rows=500)))) > 1


def test_every_word_of_duckdb_can_be_a_variable():
    words = [w for (w,) in duckdb.connect().execute("select distinct keyword_name from duckdb_keywords() order by 1").fetchall()]
    rules = [{"segment": "S1", "when": [{"variable": w, "at_least": 1, "below": 2}]} for w in words]
    document = segmentation([variable(w) for w in words], ["S1", "S2"], {"first_match": {"rules": rules, "otherwise": "S2"}})
    frame = pd.DataFrame([[0.0] * len(words), [0.0] * (len(words) - 1) + [1.0]], columns=words)
    frame.insert(0, "customer_id", ["none", "last"])
    assert dict(in_duckdb(to_sql(document), frame).itertuples(index=False, name=None)) == {"none": "S2", "last": "S1"}
    assert len(words) > 300


# Documents that are refused


def changed(make, path: str, value) -> dict:
    """A document with one field replaced, or taken out when the value is `...`."""
    document = copy.deepcopy(make())
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner = document
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return document


BAD = [
    # document, field, value, what the message names
    (nearest, "format", 3, "field format has the value 3: this program reads formats 1 and 2"),
    (nearest, "format", ..., "field format has the value None"),
    (nearest, "version", 0, "field version has the value 0"),
    (nearest, "version", "3", "field version has the value '3'"),
    (nearest, "key", "", "field key has the value ''"),
    (nearest, "key", "Spend", "field key has the value 'Spend': a variable or the working"),
    (nearest, "key", "segment", "field key has the value 'segment': a variable or the working"),
    (nearest, "key", "axis_1", "field key has the value 'axis_1': a variable or the working"),
    (nearest, "projekt", {}, "field projekt is unknown; did you mean project?"),
    (nearest, "assign", ..., "field assign is missing"),
    (nearest, "variables", [], r"field variables has the value \[\]: give at least one variable"),
    (nearest, "variables.1.name", "SPEND", "field variables.1.name has the value 'SPEND': another variable has it already"),
    (nearest, "variables.0.name", 7, "field variables.0.name has the value 7"),
    (nearest, "variables.0.kind", "category", "field variables.0.kind has the value 'category': format 1 does not have it"),
    (nearest, "variables.0.missing", ..., "field variables.spend .*the field missing is missing"),
    (nearest, "variables.0.missing", float("nan"), "field variables.spend.missing has the value nan: write a finite number"),
    (nearest, "variables.0.missing", "10", "field variables.spend.missing has the value '10': write a finite number"),
    (nearest, "variables.0.missing", True, "field variables.spend.missing has the value True: write a finite number"),
    (nearest, "variables.0.steps", ..., "field variables.spend.steps is missing. Add it"),
    (nearest, "variables.0.steps", None, "field variables.spend.steps has the value None: write a list"),
    (nearest, "variables.0.steps.0", {"log2": True}, "field variables.spend.steps.0 .*exactly one of"),
    (nearest, "variables.0.steps.0", {"clip": [0, 1], "log1p": True}, "field variables.spend.steps.0 .*exactly one of"),
    (nearest, "variables.0.steps.0", {"clip": [100, 0]}, "field variables.spend.steps.0.clip .*the lower bound first"),
    (nearest, "variables.0.steps.0", {"clip": [0]}, "field variables.spend.steps.0.clip .*two numbers"),
    (nearest, "variables.0.steps.0", {"clip": [0, None]}, "field variables.spend.steps.0.clip.1 has the value None: write a finite number"),
    (nearest, "variables.0.steps.1", {"scale": [1, 0]}, "field variables.spend.steps.1.scale .*standard deviation"),
    (nearest, "variables.0.steps.1", {"scale": [1, -2]}, "field variables.spend.steps.1.scale .*standard deviation"),
    (nearest, "variables.0.steps.1", {"log1p": False}, "field variables.spend.steps.1.log1p has the value False"),
    (nearest, "variables.1.steps", [{"log1p": True}], "field variables.visits.steps.0 .*no logarithm"),
    (nearest, "variables.0.steps.0", {"clip": [-1, 5]}, None),  # without a logarithm it is right
    (nearest, "variables.0.steps", [{"clip": [-1, 5]}, {"log1p": True}], "field variables.spend.steps.1 .*no logarithm"),
    (nearest, "variables.0.steps", [{"clip": [0, 5]}, {"scale": [3, 1]}, {"log1p": True}], "field variables.spend.steps.2 .*no logarithm"),
    (nearest, "variables.0.steps", [{"clip": [0, 5]}, {"scale": [3, 4]}, {"log1p": True}], None),
    (nearest, "segments", [], r"field segments has the value \[\]: give at least one segment"),
    (nearest, "segments.1.id", "S1", "field segments.1.id has the value 'S1': another segment has it already"),
    (nearest, "segments.1.id", "S1", "field segments.1.id has the value 'S1': another segment has it already"),
    (nearest, "segments.1", "S2", "field segments.1 has the value 'S2': write fields"),
    (nearest, "assign", {}, "field assign .*exactly one of nearest, posterior, first_match, points"),
    (nearest, "assign.points", {}, r"field assign has the value \['nearest', 'points'\]: keep exactly one"),
    (nearest, "assign", {"posterior": {}}, "field assign.posterior has the value {}: format 1 does not have it"),
    (nearest, "assign", "nearest", "field assign has the value 'nearest'"),
    (nearest, "assign.nearest.centroids", [[1, 2]], "field assign.nearest.centroids has the value 1 rows: give one row a segment, 2"),
    (nearest, "assign.nearest.centroids.1", [1], "field assign.nearest.centroids.1 .*one number a variable, 2 in all"),
    (nearest, "assign.nearest.centroids.1", [1, np.inf], "field assign.nearest.centroids.1.1 has the value inf"),
    (nearest, "assign.nearest.centroids", np.ones((2, 2)), "field assign.nearest.centroids .*write a list"),
    (nearest, "assign.nearest.confidence", True, "field assign.nearest.confidence has the value True: format 1 does not have it"),
    (nearest, "assign.nearest.confident", True, "field assign.nearest.confident is unknown"),
    (projected, "project.centre", [1], "field project.centre .*one number a variable, 2 in all"),
    (projected, "project.loadings", [[1, 2]], "field project.loadings has the value 1 rows: give one row a variable, 2"),
    (projected, "project.loadings", [[], []], "field project.loadings.0 .*at least one axis"),
    (projected, "project.loadings.1", [1, 2, 3], "field project.loadings.1 .*one number an axis"),
    (projected, "project.loadings.1", [1, "2"], "field project.loadings.1.1 has the value '2': write a finite number"),
    (projected, "project.center", [1, 2], "field project.center is unknown; did you mean centre?"),
    (projected, "assign.nearest.centroids.2", [1, 2, 3], "field assign.nearest.centroids.2 .*one number an axis, 2 in all"),
    (first_match, "project", {"centre": [0, 0], "loadings": [[1], [1]]}, "field project .*only `nearest` uses axes"),
    (first_match, "variables.0.steps", [{"clip": [0, 1]}], "field variables.spend.steps .*as measured"),
    (first_match, "assign.first_match.otherwise", "S4", "field assign.first_match.otherwise has the value 'S4': there is no such segment"),
    (first_match, "assign.first_match.otherwise", ..., "field assign.first_match.otherwise is missing"),
    (first_match, "assign.first_match.rules.0.segment", "S9", "rules.0.segment has the value 'S9': there is no such segment"),
    (first_match, "assign.first_match.rules.0.when.0.variable", "spent", "when.0.variable has the value 'spent'.* did you mean spend"),
    (first_match, "assign.first_match.rules.1.when.0", {"variable": "days"}, "rules.1.when.0 .*needs at_least, below or both"),
    (first_match, "assign.first_match.rules.1.when.0.above", 3, "rules.1.when.0.above is unknown"),
    (first_match, "assign.first_match.rules.1.when.0.below", "9", "rules.1.when.0.below has the value '9': write a finite number"),
    (first_match, "assign.first_match.rules.1.when", ..., "rules.1.when is missing"),
    (points, "assign.points.criteria", [], r"field assign.points.criteria has the value \[\]: give at least one criterion"),
    (points, "assign.points.criteria.0.variable", "visits", "criteria.visits has the value 'visits': there is no such variable"),
    (points, "assign.points.criteria.0.variable", "days", "criteria.1.variable has the value 'days': another criterion"),
    (points, "assign.points.criteria.0.cuts", [5, 2], "criteria.orders.cuts .*ascending"),
    (points, "assign.points.criteria.0.points", [1, 2], "criteria.orders.points .*one number more than there are cuts, 3 in all"),
    (points, "assign.points.bands", [{"segment": "S2", "from": 4}, {"segment": "S1", "from": 6}], "bands .*the most points first"),
    (points, "assign.points.bands.1.from", "4", "bands.1.from has the value '4': write a finite number"),
    (points, "assign.points.bands.1.segment", "S7", "bands.1.segment has the value 'S7': there is no such segment"),
    (points, "assign.points.otherwise", None, "field assign.points.otherwise has the value None: there is no such segment"),
    (points, "variables.1.steps", [{"log1p": True}], "field variables.orders.steps"),
]


@pytest.mark.parametrize(("make", "path", "value", "message"), BAD, ids=[f"{n}-{row[1]}" for n, row in enumerate(BAD)])
def test_a_faulty_document_is_refused_by_its_version_field_and_value(make, path, value, message):
    document = changed(make, path, value)
    if message is None:
        return check(document)
    expected = message if path == "version" else f"segmentation document, version 3: .*{message}"
    frame = grid(np.random.default_rng(0), [v["name"] for v in make()["variables"]], rows=3)
    for use in (check, lambda d: labels(d, frame), lambda d: apply(d, ibis.memtable(frame)), to_sql):
        with pytest.raises(NinefoldError, match=expected):
            use(document)


@pytest.mark.parametrize("content", [None, [], "segmentation.json"])
def test_what_is_no_document_at_all_is_refused(content):
    with pytest.raises(NinefoldError, match="segmentation document: expected fields"):
        check(content)


@EVERY_KIND
def test_a_sound_document_passes_and_stays_as_it_was(make):
    document = make()
    check(document)
    labels(document, grid(np.random.default_rng(0), [v["name"] for v in document["variables"]], rows=3))
    to_sql(document)
    assert document == make()
    assert documents.check is check
