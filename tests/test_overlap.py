"""Step 6: two segmentations laid over each other, the company's present segments, segments in words, and how far they stand apart."""

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, Step, at, orders, project
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from helpers import tables
from helpers.build import contest, overlap, present, readable, separation
from helpers.build.inputs import Column, columns
from helpers.engine import Window

pytestmark = pytest.mark.usefixtures("in_english")

PLAN = project(min_cell=2)


def members(**labels_of: str) -> ibis.Table:
    return ibis.memtable(pd.DataFrame(list(labels_of.items())[::-1], columns=["customer_id", "segment"]))


def shown(table) -> list[list]:
    return tables.payload(table)["rows"]


# Agreement and overlap


def test_two_segmentations_are_crossed_for_everybody_who_is_in_both():
    one, other = members(a="S1", b="S1", c="S2", d="S10", e="S2"), members(a="S2", b="S1", c="S1", d="S1", x="S1")
    found = overlap.crossed(one, other)
    assert list(found.index) == ["S1", "S2", "S10"] and list(found.columns) == ["S1", "S2"]
    assert found.to_numpy().tolist() == [[1, 1], [1, 0], [1, 0]]


def test_the_adjusted_rand_index_by_hand():
    # pairs together in both 1 + 0 + 3; in one 3 + 3, in the other 1 + 6, of 15 in all; expected 6·7/15 = 2.8; most (6 + 7)/2 = 6.5
    assert overlap.adjusted_rand(np.array([[2, 1], [0, 3]])) == pytest.approx((4 - 2.8) / (6.5 - 2.8))
    assert overlap.adjusted_rand(np.array([[4, 0], [0, 3]])) == 1 == overlap.adjusted_rand(np.array([[7]]))
    assert overlap.adjusted_rand(np.array([[1]])) is None is overlap.adjusted_rand(np.empty((0, 0)))


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
def test_the_adjusted_rand_index_is_that_of_single_customers_and_of_either_order(pairs):
    one, other = map(list, zip(*pairs, strict=True))
    table = pd.crosstab(pd.Series(one), pd.Series(other)).to_numpy()
    assert overlap.adjusted_rand(table) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)
    assert overlap.adjusted_rand(table) == overlap.adjusted_rand(table.T) == overlap.adjusted_rand(table[::-1])


CROSSED = pd.DataFrame([[30, 12], [13, 25]], index=["S1", "S2"], columns=["S1", "S2"])


def test_each_segment_stands_beside_the_one_it_is_most_like():
    assert overlap.matched(CROSSED) == [
        {"one": "S1", "other": "S1", "jaccard": pytest.approx(30 / 55), "shared": 30, "only_one": 12, "only_other": 13},
        {"one": "S2", "other": "S2", "jaccard": 25 / 50, "shared": 25, "only_one": 13, "only_other": 12},
    ]
    told = overlap.overlap_table(CROSSED, {"S1": "Big"}, "Bands", PLAN)
    assert shown(told) == [["Big", "S1", 30, 12, 13, pytest.approx(30 / 55)], ["S2", "S2", 25, 13, 12, 0.5]]
    hidden = overlap.overlap_table(CROSSED, {"S1": "Big"}, "Bands", project(min_cell=13))  # twelve are few then: so is what tells of them
    assert shown(hidden) == [["Big", "S1", None, None, None, None], ["S2", "S2", None, None, None, None]]
    assert "at 0.13 (" in overlap.overlap_words(CROSSED, "A", "B")


def test_shared_by_all_and_exclusive_to_one_by_a_field():
    groups = {name: ibis.memtable(pd.DataFrame({"customer_id": list(who)})) for name, who in {"A": "abcd", "B": "cde", "C": "ceef"}.items()}
    towns = ibis.memtable(pd.DataFrame({"customer_id": list("abcdefz"), "town": ["x", "y", "x", None, "y", "x", "x"]}))
    found = overlap.by_field(groups, towns)
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [
        ["", 1, 2, 0, 1, 2],  # c in all; a and b only in A; f only in C; d in A and B, e in B and C
        ["x", 1, 1, 0, 1, 0],
        ["y", 0, 1, 0, 0, 1],
        [None, 0, 0, 0, 0, 1],
    ]
    two = overlap.by_field({name: groups[name] for name in "AB"})
    assert two.values.tolist() == [["", 2, 2, 1, 0]]
    many = two.assign(shared=20, **{"only A": 20, "only B": 10})
    table = overlap.by_field_table(many, "town", {"A": "First", "B": "Second"}, PLAN)
    assert shown(table) == [["Everybody", 20, 20, 10]] and [c.label for c in table.columns][1:] == [
        "In all of them", "Only “First”", "Only “Second”"
    ]  # fmt: skip
    few = overlap.by_field_table(found, "town", dict(zip("ABC", "ABC", strict=True)), project(min_cell=2))
    assert all(1 not in row[1:] for row in shown(few))


# The company's present segments


WINDOW = {"published": Window("published", at("08-02"), AS_OF, None, enough=True)}  # sixty days: two times thirty


def crossed_world(cells: dict[tuple[str, str], tuple[int, int]], least=2):
    """A step, membership and orders from (present, segment) → (customers, dollars each)."""
    rows = [(f"c{i:03d}{j}", p, s, spent) for i, ((p, s), (n, spent)) in enumerate(cells.items()) for j in range(n)]
    who, current, segment, spent = map(list, zip(*rows, strict=True))
    held = pd.DataFrame({"customer_id": who, "current_segment": [p or None for p in current]})
    step = Step(project(min_cell=least, build={"draws": 400}), descriptors=held.iloc[::-1])
    there = ibis.memtable(pd.DataFrame({"customer_id": who, "segment": segment}))
    bought = orders(*[(c, f"o{c}", "09-01", amount) for c, amount in zip(who, spent, strict=True)])
    ids = sorted(set(segment))
    profiles = {"chosen": "hcpc", "segments": [{"id": s, "name": None, "n": segment.count(s), "shown": True} for s in ids]}
    return step, there, bought, profiles


CELLS = {("Old", "S1"): (60, 10), ("Old", "S2"): (40, 30), ("New", "S1"): (30, 20), ("New", "S2"): (50, 2), ("", "S1"): (20, 7)}
JUDGED = {
    "present": {"role": "present", "objective": {"value": 0.2, "low": 0.1, "high": 0.3}, "panel": None},
    "hcpc": {
        "role": "candidate",
        "objective": {"value": 0.3, "low": 0.2, "high": 0.4},
        "objective_over_present": {"value": 0.1, "low": 0.04, "high": 0.16},
        "panel": None,
    },
}


def test_who_changes_and_what_money_hangs_on_it_by_hand():
    step, there, bought, profiles = crossed_world(CELLS)
    found = present.compare(step, there, bought, WINDOW, {"contest": JUDGED}, profiles)
    assert found["groups"] == [
        {"present": "", "n": 20, "becomes": None},
        {"present": "New", "n": 80, "becomes": "S2"},
        {"present": "Old", "n": 100, "becomes": "S1"},
    ]
    cells = {(c["present"], c["segment"]): (c["n"], c["revenue_per_30d"], c["kind"], c["shown"]) for c in found["cells"]}
    assert cells == {
        ("Old", "S1"): (60, 300.0, "stays", True),  # 600 dollars in two months
        ("Old", "S2"): (40, 600.0, "changes", True),
        ("New", "S1"): (30, 300.0, "changes", True),
        ("New", "S2"): (50, 50.0, "stays", True),
        ("", "S1"): (20, 70.0, "new", True),
    }
    moving = found["changing"]
    assert (moving["n"], moving["share"], moving["revenue_per_30d"]["value"]) == (70, 70 / 200, 900.0)
    assert moving["share_of_revenue"] == pytest.approx(900 / 1320) and moving == found["changing_shown"]
    assert 600 < moving["revenue_per_30d"]["low"] < 900 < moving["revenue_per_30d"]["high"] < 1200
    # 180 who have a present segment: 1770 + 780 + 435 + 1225 pairs together; rows 4950 + 3160, columns twice 4005, of 16110
    assert found["agreement"] == pytest.approx((4210 - 8110 * 8010 / 16110) / (8060 - 8110 * 8010 / 16110))
    said = present.present_words(found, step.project, {"hcpc": "Tree of classes"}, "hcpc")
    assert said[0].startswith("70 customers (35%) would change group. They bring $900 in 30 days (")
    assert said[2] == "20 customers have no present segment and would get one."
    assert said[3:] == [
        "For whom to spend on: the present segments tell 20.0% of later differences, “Tree of classes” 30.0%: +10.0 points (+4.0 to +16.0 "
        "at 95%)."
    ]
    assert [row[0] for row in shown(present.present_table(found, profiles))] == ["none", "New", "Old"]
    assert shown(present.changes_table(found, profiles)) == [
        ["Old", "Segment S2", 40, 600.0, pytest.approx(600 / 1320)],
        ["New", "Segment S1", 30, 300.0, pytest.approx(300 / 1320)],
    ]


def test_where_no_column_holds_present_segments_it_is_said_what_it_takes():
    step, there, bought, profiles = crossed_world(CELLS)
    plan = step.project.model_copy(update={"build": step.project.build.model_copy(update={"present": "group_now"})})
    step.project = plan
    assert present.compare(step, there, bought, WINDOW, {"contest": {}}, profiles) is None
    assert "group_now" in present.present_words(None, plan, None, "hcpc")[0]
    sample = pd.DataFrame({"group_now": ["A", None, " ", "A "]})
    assert present.labels_of(sample, plan).tolist() == ["A", "", "", "A"]
    assert present.labels_of(sample.iloc[[0, 3]], plan) is None is present.labels_of(sample.rename(columns={"group_now": "x"}), plan)


def test_no_number_of_a_few_customers_is_told_and_none_follows_from_a_sum():
    cells = {("Old", "S1"): (60, 1), ("Old", "S2"): (3, 777), ("New", "S1"): (40, 1), ("New", "S2"): (50, 1), ("Odd", "S1"): (30, 1),
             ("Odd", "S2"): (20, 1)}  # fmt: skip
    step, there, bought, profiles = crossed_world(cells, least=10)
    found = present.compare(step, there, bought, WINDOW, {"contest": {}}, profiles)
    rows = {row[0]: row[3:] for row in shown(present.present_table(found, profiles))}
    assert rows["Old"] == [None, None] and sum(cell is None for row in rows.values() for cell in row) == 4  # nor from the columns
    told = [c for c in found["cells"] if c["kind"] == "changes" and c["shown"]]
    assert found["changing_shown"]["n"] == sum(c["n"] for c in told) < found["changing"]["n"]
    said = " ".join(present.present_words(found, step.project, None, "hcpc"))
    assert said.startswith("At least ") and "777" not in said + str(shown(present.changes_table(found, profiles)))
    assert "cannot tell, nothing later can be seen" in said


# In words


COLUMNS = columns(PLAN, ["spend_per_30d", "discount_share", "town"])


def town_world(n=400, noise=0.0, seed=0):
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in range(n)],
            "spend_per_30d": draw.uniform(0, 200, n),
            "discount_share": draw.uniform(0, 1, n),
            "town": np.where(draw.uniform(size=n) < 0.4, "Lyon", "Paris"),
        }
    )
    labels = np.where(frame["spend_per_30d"] >= 120, "S1", np.where(frame["town"] == "Lyon", "S2", "S3"))
    turned = draw.uniform(size=n) < noise
    return frame, np.where(turned, draw.permutation(labels), labels)


def test_segments_that_are_rules_are_told_in_words_and_always_right():
    frame, labels = town_world()
    found = readable.readable(frame, labels, COLUMNS, seed=1)
    rules = {one: {c["variable"]: c for c in told["rule"]} for one, told in found["segments"].items()}
    assert set(rules["S1"]) == {"spend_per_30d"} and 117 < rules["S1"]["spend_per_30d"]["at_least"] < 123
    assert rules["S2"]["town"] in ({"variable": "town", "level": "Lyon", "is": True}, {"variable": "town", "level": "Paris", "is": False})
    assert found["precision"] > 0.97 and found["recall"] > 0.97 and found["none"] < 0.03 and found["several"] < 0.03
    tested = ~contest.halves(frame["customer_id"])
    assert found["n"] == tested.sum() and sum(s["n"] for s in found["segments"].values()) == found["n"]


def test_precision_and_recall_are_those_of_the_rule_as_it_is_written_by_hand():
    frame, labels = town_world(noise=0.3)
    found = readable.readable(frame, labels, COLUMNS, seed=1)
    tested = ~contest.halves(frame["customer_id"])
    one, (border,) = found["segments"]["S1"], found["segments"]["S1"]["rule"]
    named = (frame["spend_per_30d"] >= border["at_least"]).to_numpy() & tested
    assert one["named"] == named.sum() and one["right"] == (named & (labels == "S1")).sum()
    assert one["precision"] == one["right"] / one["named"] and one["recall"] == one["right"] / (tested & (labels == "S1")).sum()
    assert border["at_least"] == round(border["at_least"])  # three digits, as printed
    assert 0.5 < found["precision"] < 0.95


def test_labels_by_lot_cannot_be_told_in_words():
    frame, _ = town_world(2000)
    labels = np.random.default_rng(3).permutation(np.repeat(["S1", "S2"], 1000))
    found = readable.readable(frame, labels, COLUMNS, seed=1)
    assert all(abs((s["precision"] or 0.5) - 0.5) < 0.07 for s in found["segments"].values())


def test_too_few_customers_or_one_segment_have_no_words():
    frame, labels = town_world(40)
    assert readable.readable(frame, labels, COLUMNS, seed=1) is None
    assert readable.readable(*town_world()[:1], np.repeat("S1", 400), COLUMNS, seed=1) is None
    assert "too few customers" in readable.accuracy_words(None, PLAN)


def test_borders_are_written_with_the_digits_that_were_tested():
    share, money, plain = COLUMNS["discount_share"], COLUMNS["spend_per_30d"], Column("Q1", "number", "needs", False, scale="Value")
    for column, value, kept, text in (
        (share, 0.12345, 0.123, "12.3%"),
        (share, 0.0123456, 0.012, "1.2%"),
        (money, 123.456, 123.0, "$123"),
        (money, 1.23456, 1.23, "$1.23"),
        (plain, 12.345, 12.3, "12.3"),
    ):
        found = readable.rounded(value, column)
        assert (found, readable._border(found, column)) == (kept, text)


def test_the_table_of_words_holds_nothing_of_a_few():
    frame, labels = town_world(noise=0.3)
    found = readable.readable(frame, labels, COLUMNS, seed=1)
    given_ = {"segments": [{"id": one, "name": None, "n": 100, "shown": one != "S3"} for one in ("S1", "S2", "S3")]}
    rows = shown(readable.readable_table(found, given_, COLUMNS, PLAN))
    assert [row[0] for row in rows] == ["Segment S1", "Segment S2"]
    assert rows[0][1].startswith("Spend per 30 days $1") and rows[0][1].endswith("or more")
    few = {**found, "segments": {"S1": {**found["segments"]["S1"], "named": 12, "right": 9}}}
    assert shown(readable.readable_table(few, given_, COLUMNS, project(min_cell=10)))[0][3:4] == [None]


# How far they stand apart


def test_half_of_each_segment_lies_in_its_ellipse_and_what_lies_in_others_is_counted():
    draw = np.random.default_rng(0)
    labels = np.repeat(["S1", "S2"], 500)
    frame = pd.DataFrame({"customer_id": range(1000), "a": draw.normal(size=1000) + 8 * (labels == "S1"), "b": draw.normal(size=1000)})
    known = {name: Column(name, "number", "value", True) for name in "ab"}
    found = separation.separation(frame, labels, known, least=10)
    assert found["overlap"] == 0 and {s: t["n"] for s, t in found["segments"].items()} == {"S1": 500, "S2": 500}
    apart = np.subtract(found["segments"]["S1"]["centre"], found["segments"]["S2"]["centre"])
    assert np.hypot(*apart) > 1.8  # 8 of a standard deviation of 4.1
    mixed = separation.separation(frame, draw.permutation(labels), known, least=10)
    assert mixed["overlap"] == pytest.approx(0.5, abs=0.06)  # any half of one is half of the other
    assert separation.separation(frame, labels, {"a": known["a"]}, least=10) is None
    assert list(separation.separation(frame, np.where(np.arange(1000) < 5, "S3", labels), known, least=10)["segments"]) == ["S1", "S2"]


def test_no_point_of_the_picture_is_one_customer():
    found = {"segments": {s: {"n": n, "centre": [0.0, 1.0], "width": 2.0, "height": 1.0, "angle": 0.0, "inside": 0.1} for s, n in
                          (("S1", 50), ("S2", 9))}, "axes": [{"share": 0.3, "up": ["spend_per_30d"], "down": []}] * 2, "overlap": 0.25,
             "customers": 59}  # fmt: skip
    given_ = {"segments": [{"id": s, "name": None, "n": n, "shown": n > 10, "colour": "#000000"} for s, n in (("S1", 50), ("S2", 9))]}
    assert list(separation.separation_frame(found, given_, project())["label"]) == ["Segment S1"]
    told = separation.separation_words(found, given_, project(), COLUMNS)
    assert told["title"] == "25% of customers lie in the heart of another segment"
    assert separation.axis_labels(found, COLUMNS) == ("rising: spend per 30 days",) * 2
    assert separation.separation_frame(None, given_, project()).empty


def test_the_picture_holds_every_ellipse_and_a_unit_is_as_long_across_as_upwards(monkeypatch):
    from helpers import charts
    from helpers.charts.paper import Sheet

    kept = []
    monkeypatch.setattr(Sheet, "keep", lambda sheet: kept.append(sheet))
    frame = pd.DataFrame(
        {"label": ["Big", "Small"], "x": [3.0, -1.0], "y": [0.0, 1.0], "width": [4.0, 1.0], "height": [2.0, 0.5], "angle": [30.0, 0.0],
         "colour": ["#12436D", "#D55E00"], "core": [0.4, None]}
    )  # fmt: skip
    words_ = {"title": "Apart", "subtitle": "", "alt": "", "source": "", "name": "separation"}
    charts.separation(frame, across="rising: spend", upwards="falling: recency", **words_)
    (axes,) = kept[0].figure.axes
    (left, right), (low, high), box = axes.get_xlim(), axes.get_ylim(), axes.get_position()
    assert left <= -1.5 and right >= 5 and low <= -2 and high >= 2
    wide, tall = kept[0].figure.get_size_inches() * [box.width, box.height]
    assert (right - left) / wide == pytest.approx((high - low) / tall)
    charts.separation(frame.head(0), **words_)  # nothing to draw: the title is said
    assert len(kept) == 1
