"""Documents of format 2: categories, classes, conditions, decay and confidence by hand, three ways; overrides; what is refused."""

import copy
import json
import math
from datetime import datetime

import ibis
import jsonschema
import numpy as np
import pandas as pd
import pytest
from documents import FORMS, category, document, mixed, number, on_axes, points, posterior, rules
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import NinefoldError
from helpers.build.document import apply, check, confidence, json_schema, labels, renamed, to_sql

EVERY_FORM = pytest.mark.parametrize("make", FORMS)
CONNECTION = ibis.duckdb.connect()


def customers(columns: str, *rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["customer_id", *columns.split()])


def three_ways(made: dict, frame: pd.DataFrame) -> tuple[list, list]:
    """Segments and confidences of a frame's rows, in their order, after numpy, Ibis and the text have given the same."""
    found, sure = labels(made, frame), confidence(made, frame)
    kinds = {v["name"]: "float64" if v["kind"] == "number" else "string" for v in made["variables"]}
    columns = {
        "customer_id": frame.customer_id.astype(str),
        **{n: frame[n].astype(float if k == "float64" else object) for n, k in kinds.items()},
    }
    table = CONNECTION.create_table(
        "customers", ibis.memtable(pd.DataFrame(columns), schema={"customer_id": "string"} | kinds), overwrite=True
    )
    by_text = CONNECTION.con.execute(to_sql(made, reason=True)).df().set_index("customer_id").reindex(frame.customer_id)
    by_ibis = apply(made, table, reason=True).execute().set_index("customer_id").reindex(frame.customer_id)
    for other in (by_ibis, by_text):
        assert other.segment.tolist() == found.tolist()
        if "confidence" in other:
            np.testing.assert_allclose(other.confidence.astype(float), sure, rtol=1e-9)
        else:
            assert np.isnan(sure).all()
    assert by_ibis.reason.fillna("").tolist() == by_text.reason.fillna("").tolist()
    return found.tolist(), [None if math.isnan(x) else round(x, 9) for x in sure]


def reasons(made: dict, frame: pd.DataFrame) -> list:
    table = apply(made, ibis.memtable(frame), reason=True).execute().set_index("customer_id")
    return [x if isinstance(x, str) else None for x in table.reason.reindex(frame.customer_id)]


# By hand


def test_a_level_is_a_coordinate_and_whoever_has_none_of_them_stands_in_the_middle():
    frame = customers(
        "spend region",
        ("a", 40.0, "n"),  # (2, 1, -1), on S1: 9 to S2, border 9 / (2 * 3) = 1.5
        ("b", 30.0, "n"),  # (1, 1, -1): 1 and 4 → (4 - 1) / 6 = .5
        ("c", 27.0, "n"),  # (.7, 1, -1): 1.69 and 2.89 → .2
        ("d", 20.0, "s"),  # (0, -1, 1): S3
        ("e", 40.0, "west"),  # (2, 0, 0): 2 to S1, 6 to S3, 11 to S2: other is S3, the table has "any" for it
        ("f", None, None),  # (0, 0, 0): 6, 3, 2: S3
        ("g", 10.0, "n"),  # (-1, 1, -1), on S2: 9 to S1, 9 to S3 (1 + 4 + 4): border 1.5
    )
    assert three_ways(mixed(), frame) == (["S1", "S1", "S1", "S3", "S1", "S3", "S2"], [0.9, 0.8, 0.6, None, 0.7, None, 1.0])
    # a: 2 * (2 - 0) - 4 … x² - (x - c)² is 4 for spend, 1 + 1 for region; d: 0 and 2; e: 4 and -2; f: 0 and -2; g: 1 and 2
    assert reasons(mixed(), frame) == ["spend", "region", "region", "region", "spend", "spend", "region"]


def test_centres_on_axes_speak_for_the_variables_they_are_taken_back_to():
    # roots and logarithms (6, 2): five along x, so (3, -4) on the axes, the first centre; (1, 2) is the third
    frame = customers("x y", ("a", 36.0, math.e**2 - 1), ("b", 1.0, math.e**7 - 1), ("c", 1.0, math.e**2 - 1))
    assert three_ways(on_axes(), frame) == (["S1", "S2", "S3"], [0.75, None, None])
    assert reasons(on_axes(), frame) == ["x", "y", "x"]


def test_classes_take_whoever_they_make_likeliest_and_what_is_missing_says_nothing():
    frame = customers(
        "spend pays",
        ("a", 4.0, "card"),  # e^8 * 3 against 1
        ("b", 2.0, None),  # half-way: equal, the first
        ("c", None, "cash"),  # 1 against 3
        ("d", None, None),  # nothing known
        ("e", 2.0, "voucher"),  # a level unseen says nothing
        ("f", None, "card"),
    )
    odds = math.exp(8) * 3
    found, sure = three_ways(posterior(), frame)
    assert found == ["S1", "S1", "S2", "S3", "S1", "S1"]
    assert sure == [round(odds / (1 + odds), 9), 0.5, 0.75, None, 0.5, 0.75]
    assert reasons(posterior(), frame)[2:4] == ["pays", None] and reasons(posterior(), frame)[0] == "spend"


def test_without_a_segment_for_the_unknown_the_largest_class_takes_them():
    made = posterior()
    del made["assign"]["posterior"]["unknown"]
    made["assign"]["posterior"]["classes"][1]["share"] = 3
    assert three_ways(made, customers("spend pays", ("a", None, None))) == (["S2"], [0.75])


def test_conditions_combine_and_the_opposite_of_a_comparison_holds_for_who_has_no_value():
    frame = customers(
        "spend days pays",
        ("a", 120.0, 10.0, "card"),  # big; 2 spreads from 100, 10 from 60
        ("b", 120.0, 70.0, "cash"),  # big and stale
        ("c", 5.0, 60.0, None),  # stale: not in card holds for a missing means of payment
        ("d", 5.0, 60.0, "card"),  # none
        ("e", None, 10.0, "card"),  # spend missing
        ("f", 100.0, None, None),  # big; no days, so not stale; on the bound
        ("g", 115.0, None, "cash"),  # big, 1.5 spreads away
    )
    found, sure = three_ways(rules(), frame)
    assert found == ["S1", "S2", "S2", "S4", "S3", "S1", "S1"]
    assert sure == [1.0, 0.9, 0.9, None, None, 0.5, 0.75]
    assert reasons(rules(), frame) == ["big and not stale", "2", "2", "otherwise", "3", "big and not stale", "big and not stale"]


def test_points_halve_with_age_and_categories_earn_theirs():
    frame = customers(
        "visits role days",
        ("a", 3, "buyer", 0),  # 16 + 4
        ("b", 3, "buyer", 30),  # 8 + 4 = 12
        ("c", 3, "other", 60),  # 4 + 1 = 5; 0 from the cut of 3
        ("d", 3, None, 60),  # 4 + 1
        ("e", 1, "student", 0),  # 8 - 4
        ("f", 9, "buyer", None),  # no age: 0 + 4
        ("g", None, "buyer", -5),  # 2 for a missing count, not aged yet: 2 + 4; no distance to a cut
        ("h", 7, None, 60),  # 4 + 1, 4 from the cut
    )
    assert three_ways(points(), frame) == (
        ["S1", "S1", "S2", "S2", "S3", "S3", "S2", "S2"],
        [None, None, 0.25, 0.25, None, None, None, 0.5],
    )
    assert reasons(points(), frame) == ["20", "12", "5", "5", "4", "4", "6", "5"]


def test_numbers_can_be_listed_too():
    how = {
        "rules": [{"segment": "S1", "when": {"variable": "x", "in": [1, 2.5]}}, {"segment": "S2", "when": {"any": []}}],
        "otherwise": "S2",
    }
    made = document([number("x")], ["S1", "S2"], {"first_match": how})
    assert three_ways(made, customers("x", ("a", 1), ("b", 2.5), ("c", 2), ("d", None)))[0] == ["S1", "S1", "S2", "S2"]


@EVERY_FORM
def test_every_form_takes_an_empty_table(make):
    frame = pd.DataFrame({v["name"]: pd.Series([], dtype="float64" if v["kind"] == "number" else "object") for v in make()["variables"]})
    frame.insert(0, "customer_id", pd.Series([], dtype="object"))
    assert three_ways(make(), frame) == ([], [])


# Properties


VALUES = st.one_of(st.none(), st.integers(-8, 24).map(lambda n: n / 4))
LEVELS = st.sampled_from(["n", "s", "w", "", "it's", None])
FIGURES = st.integers(-12, 12).map(lambda n: n / 4)
IDS = [f"S{n}" for n in range(1, 6)]
ORDINARY = settings(deadline=None, max_examples=12, derandomize=True)
STEPS = st.sampled_from(
    [[], [{"scale": [1.5, 0.75]}], [{"clip": [0, 4]}, {"log1p": True}], [{"clip": [0, 4]}, {"sqrt": True}, {"scale": [1.1, 0.3]}]]
)


@st.composite
def frames(draw):
    rows = draw(st.lists(st.tuples(VALUES, VALUES, LEVELS), min_size=1, max_size=40))
    return pd.DataFrame([(f"{n:02d}", *row) for n, row in enumerate(rows)], columns=["customer_id", "x", "y", "r"]).astype(
        {"x": "float64", "y": "float64", "r": "object"}
    )


def lookup(draw, pairs):
    rows = []
    for own, other in pairs:
        at = sorted(draw(st.lists(st.integers(0, 12).map(lambda n: n / 3), max_size=3, unique=True)))
        rows.append(
            {
                "own": own,
                "other": other,
                "at": at,
                "share": [n / 20 for n in draw(st.lists(st.integers(0, 20), min_size=len(at) + 1, max_size=len(at) + 1))],
            }
        )
    return rows


@st.composite
def nearest_documents(draw):
    levels = draw(st.lists(st.sampled_from(["n", "s", "it's"]), min_size=1, max_size=3, unique=True))
    variables = [number("x", draw(st.sampled_from([None, 1.5])), *draw(STEPS)), number("y", 0.5, *draw(STEPS))]
    variables.append(category("r", *((level, draw(st.sampled_from([0.0, 0.3])), 0.5) for level in levels)))
    coordinates, axes, k = 2 + len(levels), draw(st.sampled_from([None, 1, 2])), draw(st.integers(1, 4))
    row = st.lists(FIGURES, min_size=axes or coordinates, max_size=axes or coordinates)
    how = {"centroids": draw(st.lists(row, min_size=k, max_size=k))}
    if draw(st.booleans()):
        pairs = [(a, b) for a in IDS[:k] for b in ["", *IDS[:k]] if a != b and draw(st.booleans())]
        how["confidence"] = {"table": lookup(draw, pairs)}
    project = {}
    if axes:
        loadings = [[w / 5 for w in draw(st.lists(st.integers(-5, 5), min_size=axes, max_size=axes))] for _ in range(coordinates)]
        project = {"project": {"centre": [0.25] * coordinates, "loadings": loadings}}
    return document(variables, IDS[:k], {"nearest": how}, **project)


@st.composite
def posterior_documents(draw):
    classes = []
    for id_ in IDS[: draw(st.integers(1, 4))]:
        of = {name: {"mean": draw(FIGURES), "sd": draw(st.sampled_from([0.0, 0.5, 2.0]))} for name in "xy" if draw(st.booleans())}
        if draw(st.booleans()):
            of["r"] = {"levels": {"n": draw(st.sampled_from([0.0, 0.25, 0.5])), "s": 0.5}}
        classes.append({"segment": id_, "share": draw(st.sampled_from([0.25, 1, 2])), "of": of})
    how = {"classes": classes} | ({"unknown": "S5"} if draw(st.booleans()) else {})
    return document([number("x", None, *draw(STEPS)), number("y"), category("r")], IDS, {"posterior": how})


CONDITIONS = st.recursive(
    st.one_of(
        st.builds(lambda v, a: {"variable": v, "at_least": a}, st.sampled_from("xy"), FIGURES),
        st.builds(lambda v, a, b: {"variable": v, "at_least": a, "below": a + abs(b)}, st.sampled_from("xy"), FIGURES, FIGURES),
        st.builds(lambda a: {"variable": "r", "in": a}, st.lists(st.sampled_from(["n", "s", "it's"]), max_size=2)),
        st.builds(lambda v: {"variable": v, "missing": True}, st.sampled_from("xyr")),
        st.builds(lambda n: {"rule": n}, st.sampled_from(["one", "two"])),
    ),
    lambda inner: st.one_of(
        st.builds(lambda c: {"not": c}, inner),
        st.builds(lambda c: {"all": c}, st.lists(inner, max_size=3)),
        st.builds(lambda c: {"any": c}, st.lists(inner, max_size=3)),
        st.lists(inner, max_size=3).map(lambda c: {"all": c}),
    ),
    max_leaves=6,
)


@st.composite
def rule_documents(draw):
    define = {
        "two": {"not": {"rule": "one"}},
        "one": {"any": [{"variable": "x", "below": draw(FIGURES)}, {"variable": "r", "missing": True}]},
    }
    listed = [{"segment": draw(st.sampled_from(IDS)), "when": when} for when in draw(st.lists(CONDITIONS, max_size=4))]
    how = {"define": define, "rules": listed, "otherwise": draw(st.sampled_from(IDS))}
    if draw(st.booleans()):
        how["confidence"] = {"spread": {"x": 0.75, "y": 2}, "table": lookup(draw, [(a, "") for a in IDS[:3]])}
    return document([number("x", draw(st.sampled_from([None, 1.0]))), number("y"), category("r")], IDS, {"first_match": how})


@st.composite
def points_documents(draw):
    criteria = []
    for name in draw(st.permutations("xyr"))[: draw(st.integers(1, 3))]:
        unit, more = draw(st.sampled_from([1, 0.1, 1 / 3])), {}
        if draw(st.booleans()):
            more["otherwise"] = draw(FIGURES)
        if draw(st.booleans()):
            more |= {"age": "y", "half_life_days": 2}
        if name == "r":
            criteria.append({"variable": "r", "levels": {"n": 3 * unit, "it's": -unit}} | more)
            continue
        cuts = sorted(draw(st.lists(FIGURES, max_size=3)))
        criteria.append({"variable": name, "cuts": cuts, "points": [unit * draw(st.integers(-3, 6)) for _ in range(len(cuts) + 1)]} | more)
    bands = [{"segment": id_, "from": at} for id_, at in zip(IDS, (4, 2, 1, 0.1), strict=False)]
    how = {"criteria": criteria, "bands": bands, "otherwise": "S5"}
    if draw(st.booleans()):
        how["confidence"] = {"spread": {"x": 0.75, "y": 2}, "table": lookup(draw, [(a, "") for a in IDS[:3]])}
    return document([number("x"), number("y", draw(st.sampled_from([None, 1.0]))), category("r")], IDS, {"points": how})


@ORDINARY
@given(nearest_documents(), frames())
def test_nearest_is_the_same_three_ways(made, frame):
    three_ways(made, frame)


@ORDINARY
@given(posterior_documents(), frames())
def test_posterior_is_the_same_three_ways(made, frame):
    three_ways(made, frame)


@ORDINARY
@given(rule_documents(), frames())
def test_rules_are_the_same_three_ways(made, frame):
    three_ways(made, frame)


@ORDINARY
@given(points_documents(), frames())
def test_points_are_the_same_three_ways(made, frame):
    three_ways(made, frame)


@ORDINARY
@given(nearest_documents(), frames(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_their_ids_change_a_label(made, frame, chance):
    order = chance.sample(range(len(frame)), len(frame))
    mixed_up = frame.iloc[order].assign(customer_id=[f"new {n}" for n in range(len(frame))])
    assert labels(made, mixed_up).tolist() == labels(made, frame)[order].tolist()


@EVERY_FORM
def test_other_ids_change_only_the_ids(make):
    draw = np.random.default_rng(4)
    columns = {
        v["name"]: draw.integers(0, 400, 300) / 3.7 if v["kind"] == "number" else draw.choice(["n", "s", "card", "cash", "buyer"], 300)
        for v in make()["variables"]
    }
    frame, old = pd.DataFrame(columns), [s["id"] for s in make()["segments"]]
    ids = dict(zip(old, old[1:] + old[:1], strict=True))
    assert [s["id"] for s in renamed(make(), ids, order=old)["segments"]] == old
    check(renamed(make(), ids, order=old))
    made = renamed(make(), ids)
    assert labels(made, frame).tolist() == [ids[one] for one in labels(make(), frame)]
    np.testing.assert_allclose(confidence(made, frame), confidence(make(), frame), rtol=1e-12)


# Overrides


def overridden(rows: list[tuple], as_of=datetime(2017, 10, 1), **more) -> dict:
    """Segment, confidence and reason of the customers a (S1, .9), b (S1, .8), d (S3) and e (S1, .7)."""
    frame = customers("spend region", ("a", 40.0, "n"), ("b", 30.0, "n"), ("d", 20.0, "s"), ("e", 40.0, "west"))
    decided = ibis.memtable(
        pd.DataFrame(rows, columns=["customer_id", "segment", "until"]),
        schema={"customer_id": "string", "segment": "string", "until": "timestamp"},
    )
    found = apply(mixed(), ibis.memtable(frame), as_of=as_of, overrides=decided, reason=True, **more).execute()
    return {
        row.customer_id: (row.segment, None if math.isnan(row.confidence) else row.confidence, row.reason) for row in found.itertuples()
    }


def test_decisions_replace_the_segment_until_they_expire():
    moment = datetime(2017, 10, 1)
    rows = [("a", "S3", None), ("b", "S2", moment), ("d", "S2", datetime(2017, 10, 1, 0, 0, 1)), ("nobody", "S1", None)]
    assert overridden(rows) == {
        "a": ("S3", None, "manual"),
        "b": ("S1", 0.8, "region"),  # held until as_of, which does not count any more
        "d": ("S2", None, "manual"),
        "e": ("S1", 0.7, "spend"),
    }


def test_of_two_decisions_the_longer_counts_and_an_unknown_segment_counts_nothing():
    later = datetime(2018, 1, 1)
    rows = [("a", "S2", later), ("a", "S3", None), ("b", "S3", later), ("b", "S2", later), ("d", "S9", None)]
    found = overridden(rows)
    assert {one: segment for one, (segment, _, _) in found.items()} == {"a": "S3", "b": "S2", "d": "S3", "e": "S1"}
    assert len(found) == 4


def test_decisions_need_their_columns_and_a_moment():
    with pytest.raises(NinefoldError, match="overrides is given without as_of.*Give as_of"):
        overridden([], as_of=None)
    table = ibis.memtable(pd.DataFrame({"customer_id": ["a"], "segment": ["S1"]}))
    people = ibis.memtable(customers("spend region", ("a", 40.0, "n")))
    with pytest.raises(NinefoldError, match="table of overrides has no column 'until'.*Add it"):
        apply(mixed(), people, as_of=datetime(2017, 10, 1), overrides=table)


# The text, the schema, and what is refused


def test_definitions_and_confidence_read_as_they_are_told():
    text = to_sql(rules(), reason=True)
    assert "coalesce(spend >= 100, false) as big" in text
    assert "coalesce(days >= 60 and not coalesce(pays in ('card'), false), false) as stale" in text
    assert "when big and not coalesce(stale, false) then 'S1'" in text
    assert "least(abs(spend - 100) / 10, abs(days - 60) / 5) as border" in text
    assert "when segment = 'S1' then case when border >= 2 then 1 when border >= 1 then 0.75 else 0.5 end" in text
    text = to_sql(mixed())
    assert "case when region = 'n' then 1 when region in ('s') then -1 else 0 end as region_1" in text
    assert text.count("\n") < 120 and max(map(len, text.splitlines())) < 130


@EVERY_FORM
def test_the_schema_takes_every_form_and_refuses_what_it_does_not_know(make):
    schema, made = json_schema(), json.loads(json.dumps(make()))
    check(made)
    jsonschema.validate(made, schema)
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        jsonschema.validate(made | {"author": "me"}, schema)
    with pytest.raises(NinefoldError, match="version 1: field author is unknown; take it out"):
        check(made | {"author": "me"})


def changed(make, path: str, value) -> dict:
    made = copy.deepcopy(make())
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner = made
    for step in way:
        inner = inner[step]
    inner[last] = value
    return made


RULE = "assign.first_match.rules.0.when"
TABLE = "assign.nearest.confidence.table.0"
CLASS = "assign.posterior.classes.0"
BAD = [
    (mixed, "variables.0.steps.0", {"log2": True}, "variables.spend.steps.0 .*exactly one of .*sqrt"),
    (mixed, "variables.0.steps", [{"sqrt": True}], "variables.spend.steps.0 .*no square root here: clip at 0"),
    (mixed, "variables.0.kind", "text", "variables.spend.kind has the value 'text': write 'number' or 'category'"),
    (mixed, "variables.1.levels", [], "variables.region.levels .*list them"),
    (mixed, "variables.1.levels.1.level", "n", "variables.region.levels.1.level has the value 'n': another level"),
    (mixed, "variables.1.levels.1.scale", 0, "variables.region.levels.1.scale has the value 0: write a number above 0"),
    (mixed, "variables.1.steps", [{"log1p": True}], "variables.region.steps .*neither steps"),
    (mixed, "assign.nearest.centroids.0", [1, 2], "centroids.0 .*for a category one a level, 3 in all"),
    (mixed, f"{TABLE}.share", [0.5, 1], f"{TABLE}.share .*one share more than there are distances, 3 in all"),
    (mixed, f"{TABLE}.share.0", 1.5, f"{TABLE}.share.0 has the value 1.5: write a share from 0 to 1"),
    (mixed, f"{TABLE}.at", [1, 0.5], f"{TABLE}.at .*ascending"),
    (mixed, f"{TABLE}.own", "S7", f"{TABLE}.own has the value 'S7': there is no such segment"),
    (mixed, f"{TABLE}.other", "S1", f"{TABLE}.other has the value 'S1': there is no such other segment"),
    (mixed, "assign.nearest.confidence.table.1.other", "S2", r"confidence.table.1 .*another row has the same pair"),
    (mixed, "assign.nearest.confidence.tables", [], "confidence.tables is unknown; did you mean table"),
    (posterior, "assign.posterior.unknown", "S4", "posterior.unknown has the value 'S4': there is no such segment"),
    (posterior, f"{CLASS}.share", 0, f"{CLASS}.share has the value 0: write a number above 0"),
    (posterior, f"{CLASS}.segment", "S2", "classes.1.segment has the value 'S2': another class"),
    (posterior, f"{CLASS}.of.age", {"mean": 1, "sd": 1}, f"{CLASS}.of.age .*there is no such variable"),
    (posterior, f"{CLASS}.of.spend", {"mean": 1}, f"{CLASS}.of.spend .*either mean and sd, or levels"),
    (posterior, f"{CLASS}.of.pays", {"mean": 1, "sd": 1}, f"{CLASS}.of.pays .*levels for a category"),
    (rules, f"{RULE}.all.0", {"rule": "bigg"}, f"{RULE}.all.0.rule .*no such definition; did you mean big"),
    (rules, f"{RULE}.all.0", {"variable": "pays", "at_least": 1}, f"{RULE}.all.0 .*a category has no bounds: write in"),
    (rules, f"{RULE}.all.0", {"variable": "spend", "in": ["a"]}, f"{RULE}.all.0.in.0 has the value 'a': spend is a number: write numbers"),
    (rules, f"{RULE}.all.0", {"variable": "spend", "in": [1], "below": 2}, f"{RULE}.all.0 .*needs at_least, below"),
    (rules, f"{RULE}.all.0", {"variable": "spend", "not": {"rule": "big"}}, f"{RULE}.all.0 .*exactly one of variable, all"),
    (rules, f"{RULE}.all.0", {"variable": "spend", "above": 3}, f"{RULE}.all.0.above is unknown"),
    (rules, "assign.first_match.define.big", {"not": {"rule": "either"}}, "define.big .*go round in a circle"),
    (rules, "assign.first_match.confidence.spread", {"spend": 1}, "confidence.spread .*days has bounds, so its spread is needed"),
    (rules, "assign.first_match.confidence.table.0.other", "S2", "table.0.other .*write an empty text"),
    (points, "assign.points.criteria.1", {"variable": "role", "cuts": [1], "points": [0, 1]}, "criteria.role .*levels for a category"),
    (points, "assign.points.criteria.0.levels", {"a": 1}, "criteria.visits .*either cuts and points, or levels"),
    (points, "assign.points.criteria.0.half_life_days", 0, "criteria.visits.half_life_days has the value 0: write a number above 0"),
    (points, "assign.points.criteria.0.age", "since", "criteria.visits.age has the value 'since': there is no such variable"),
    (points, "assign.points.criteria.1.age", "days", "criteria.role .*age and half_life_days go together"),
]


@pytest.mark.parametrize(("make", "path", "value", "message"), BAD, ids=[f"{n}-{row[1]}" for n, row in enumerate(BAD)])
def test_a_faulty_document_is_refused_by_its_version_field_and_value(make, path, value, message):
    with pytest.raises(NinefoldError, match=f"segmentation document, version 1: field .*{message}"):
        check(changed(make, path, value))


@pytest.mark.parametrize("values", [[1, 2], pd.to_datetime(["2017-01-01", "2017-01-02"])])
def test_a_category_must_be_text_and_a_variable_that_is_gone_is_named(values):
    frame = pd.DataFrame({"customer_id": ["a", "b"], "spend": [1.0, 2.0], "region": values})
    for use in (lambda: apply(mixed(), ibis.memtable(frame)), lambda: labels(mixed(), frame)):
        with pytest.raises(NinefoldError, match="no text in the column 'region'.*Give the column as text"):
            use()
    with pytest.raises(NinefoldError, match="has no column 'region'.*build the segmentation again without it"):
        confidence(mixed(), frame.drop(columns="region"))
