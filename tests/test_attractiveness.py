"""Which segments are worth the effort: knock-out, scores, the order and how firm it is."""

from datetime import date, datetime

import numpy as np
import pytest
from by_hand import project

from helpers import NinefoldError, tables
from helpers.charts import bubble
from helpers.target import attractiveness as worth_of
from helpers.target import worth_page as page
from helpers.target.attractiveness import flips, scaled, worth

pytestmark = pytest.mark.usefixtures("in_english")

AS_OF = datetime(2017, 10, 1)
CHANNELS = {"mail": {"name": "Letter", "cost": 0.5}, "till": {"name": "Till", "cost": 0.1}}
ATTRACTIVE, SERVE = {"size": 1, "bought_again": 1}, {"recognisable": 1}


def plan_of(*, weights=None, judged=None, agreed=None, **target):
    """A project with typed weights; agreed: more fields of scope.attractiveness."""
    fields = {"attractive": ATTRACTIVE, "serve": SERVE} if weights is None else weights
    typed = {"scope": {"attractiveness": fields | (agreed or {})}, "target": {"channels": CHANNELS, "judged": judged or {}} | target}
    return project(**typed, min_cell=10, seed=7)


def segment(one, n, again=0.5, *, each=10.0, shown=True):
    later = {"n": 100, "share": again, "low": again - 0.05, "high": again + 0.05}
    spent = {"value": each, "low": each - 1, "high": each + 1}
    return {"id": one, "n": n, "shown": shown, "name": one, "active_later": later, "revenue_per_30d": spent, "share_of_revenue": 0.3}


def judged_by(accuracy, reach=None, *, width=0.05):
    def around(x):
        return {"value": x, "low": None if x is None else x - width, "high": None if x is None else x + width}

    return {
        "recognisable": {"figures": {"accuracy": around(accuracy)}},
        "accessible": {"channel": "till" if reach else None, "figures": {"share": around(reach)}},
    }


def found(segments, criteria, plan=None, *, counts=None, evidence=None):
    profiles = {"segments": segments}
    criteria = {"segments": criteria, "counts": counts or {}}
    return worth(profiles, criteria, evidence or {}, {"segments": []}, plan or plan_of(), as_of=AS_OF)


THREE = [segment("S1", 200, 0.4), segment("S2", 100, 0.8), segment("S3", 50, 0.6)]
TOLD = {"S1": judged_by(0.5), "S2": judged_by(0.9), "S3": judged_by(0.8)}


def of(document, key):
    return [s[key] for s in document["segments"]]


# Scores and order


def test_the_index_of_three_segments_is_as_worked_out_by_hand():
    # size 100, 50, 25 and bought again 40, 80, 60: attractive 70, 65, 42.5; serve 50, 90, 80; product 35, 58.5, 34
    document = found(THREE, TOLD)
    assert of(document, "attractive") == pytest.approx([70, 65, 42.5])
    assert of(document, "serve") == pytest.approx([50, 90, 80])
    assert of(document, "index") == pytest.approx([35, 58.5, 34])
    assert document["order"] == ["S2", "S1", "S3"] and of(document, "rank") == [2, 1, 3] and document["top"] == 2


@pytest.mark.parametrize(
    ("measure", "values", "points"),
    [
        ("revenue", [200, 50, 0], [100, 25, 0]),
        ("margin", [0, 0, -5], [0, 0, 0]),
        ("reach", [0.4, 0, 1], [40, 0, 100]),
        ("growth", [0, 1, -1], [50, 100, 0]),
        ("growth", [3, -0.5, 0.1], [100, 25, 55]),
        ("cheap_contact", [0.5, 0.1, 0], [0, 80, 100]),
        ("kitchen", [0, 10, 7], [0, 100, 70]),
    ],
)
def test_every_measure_is_scored_as_stated(measure, values, points):
    assert scaled(measure, np.array(values), plan_of()) == pytest.approx(points)


def test_twice_the_size_is_twice_the_points_whatever_stands_between():
    alone = scaled("size", np.array([100.0, 50.0]), plan_of())
    crowded = scaled("size", np.array([100.0, 90.0, 80.0, 50.0]), plan_of())
    assert alone[[0, 1]] == pytest.approx(crowded[[0, 3]])


def test_what_is_not_known_of_one_segment_counts_for_none():
    told = TOLD | {"S1": judged_by(0.5, 0.9), "S2": judged_by(0.9, 0.2)}
    document = found(THREE, told, plan_of(weights={"attractive": ATTRACTIVE, "serve": {"recognisable": 1, "reach": 9}}))
    line = next(c for c in document["criteria"] if c["measure"] == "reach")
    assert (line["used"], line["lacking"], line["everywhere"]) == (False, ["S3"], False)
    assert of(document, "serve") == pytest.approx([50, 90, 80])
    assert any(
        "“Can be reached by a channel that they use” (weight 9.0) is left out for all segments" in c
        for c in page.caveats(document, plan_of())
    )


def test_without_a_margin_the_weight_of_margin_is_left_out_and_the_bubble_is_revenue():
    weights = {"attractive": {"margin": 3, "size": 1}, "serve": SERVE}
    document = found(THREE, TOLD, plan_of(weights=weights))
    assert document["profit"] == "revenue" and of(document, "profit") == [2000, 1000, 500]
    assert next(c["why"] for c in document["criteria"] if c["measure"] == "margin") == worth_of.NO_MARGIN
    assert "Ask finance" in " ".join(page.caveats(document, plan_of(weights=weights)))
    with_margin = found(THREE, TOLD, plan_of(weights=weights, margin_rate=0.4))
    assert with_margin["profit"] == "margin" and of(with_margin, "profit") == pytest.approx([800, 400, 200])


def test_growth_is_customers_now_over_then_and_not_told_of_few():
    weights = {"attractive": {"growth": 1}, "serve": SERVE}
    document = found(THREE, TOLD, plan_of(weights=weights), counts={s: {"now": 110, "then": 100} for s in TOLD})
    assert of(document, "attractive") == pytest.approx([55, 55, 55])
    # log of a ratio of counts: 1.1 × exp(± 1.96 √(1/110 + 1/100)), less 1; a draw of the figures moves it, and so no order is sure by it
    ends = document["segments"][0]["figures"]["growth"]
    assert (ends["low"], ends["high"]) == pytest.approx((-0.1608, 0.4420), abs=5e-4)
    few = found(THREE, TOLD, plan_of(weights=weights), counts={s: {"now": 110, "then": 9} for s in TOLD})
    assert not few["criteria"][0]["used"] and few["segments"][0]["attractive"] is None


def test_judgements_and_the_cost_of_the_offers_channel_count():
    weights = {"attractive": {"size": 1}, "serve": {"cheap_contact": 1, "kitchen": 1}}
    judged = {"kitchen": {"name": "The kitchen can", "scores": {"S1": 2, "S2": 4, "S3": 6}}}
    offers = {"S1": {"offer": "a box", "channel": "mail"}}
    document = found(THREE, TOLD, plan_of(weights=weights, judged=judged, offers=offers))
    assert of(document, "serve") == pytest.approx([10, 60, 70])  # cost .5, .1, .1 of at most .5: 0, 80, 80


def test_a_weight_that_nothing_measures_is_refused():
    with pytest.raises(NinefoldError, match="serve has the value 'charm'.*target.judged"):
        found(THREE, TOLD, plan_of(weights={"attractive": ATTRACTIVE, "serve": {"charm": 1}}))


# Knock-out


def test_a_segment_is_out_only_when_its_whole_interval_lies_below():
    limit = [{"measure": "recognisable", "at_least": 0.84}, {"measure": "size", "at_least": 60}]
    plan = plan_of(agreed={"knock_out": limit})
    document = found(THREE, TOLD, plan)  # accuracies .5, .9 and .8 ± .05; sizes 200, 100, 50
    assert [[k["measure"] for k in s["out"]] for s in document["segments"]] == [["recognisable"], [], ["size"]]
    assert [[k["measure"] for k in s["doubt"]] for s in document["segments"]] == [[], [], ["recognisable"]]
    assert document["order"] == ["S2"] and of(document, "rank") == [None, 1, None]
    said = page.knocked_words(document, plan)
    assert "S1 is out: Recognised by a short rule 50.0%, at least 84.0% is asked." in said
    assert page.bubble_words(document)["title"] == "Only “S2” is not knocked out"


def test_a_segment_of_which_the_figure_is_not_known_stays_in_and_that_is_said():
    plan = plan_of(agreed={"knock_out": [{"measure": "reach", "at_least": 0.5}]})
    document = found(THREE, TOLD, plan)
    assert not any(of(document, "out")) and all(of(document, "doubt"))
    assert "S1 stays in, but cannot tell: Can be reached by a channel that they use is not known" in page.knocked_words(document, plan)


def test_when_all_are_out_there_is_no_order_and_the_page_says_so():
    plan = plan_of(agreed={"knock_out": [{"measure": "size", "at_least": 1000}]})
    document = found(THREE, TOLD, plan)
    assert document["order"] == [] and document["flips"] == [] and of(document, "first") == [None] * 3
    assert page.bubble_words(document)["title"] == "Every segment is knocked out"
    assert "no order to doubt" in page.order_words(document, plan)


def test_nothing_is_told_of_a_segment_of_three_people():
    document = found([*THREE, segment("S4", 3), segment("S5", 80, shown=False)], TOLD)
    assert of(document, "id") == ["S1", "S2", "S3"] and document["withheld"] == ["S4", "S5"]
    assert "2 segments have too few customers" in " ".join(page.caveats(document, plan_of()))


def test_no_segment_at_all_draws_nothing():
    document = found([], {})
    assert document["segments"] == [] and page.bubble_frame(document, {}).empty
    assert page.bubble_words(document)["title"] == "No segment has enough customers to be judged."


# How firm the order is


def test_who_is_best_by_every_criterion_is_first_in_all_draws_of_the_weights():
    best = [segment("S1", 200, 0.9), segment("S2", 100, 0.5)]
    document = found(best, {"S1": judged_by(0.9), "S2": judged_by(0.6)})
    assert of(document, "first") == [1, 0] and of(document, "top") == [1, 0] and document["flips"] == []
    assert of(document, "places") == [[1, 1], [2, 2]]
    assert page.bubble_words(document)["title"] == "“S1” is worth the effort most, under nearly all weights"


def test_two_segments_that_mirror_each_other_are_first_in_half_of_the_draws_each():
    mirrored = [segment("S1", 100, 0.5), segment("S2", 50, 1.0)]  # 100 and 50, 50 and 100
    document = found(mirrored, {"S1": judged_by(0.8), "S2": judged_by(0.8)})
    assert of(document, "first") == pytest.approx([0.5, 0.5], abs=0.02) and sum(of(document, "first")) == 1
    assert document["order"] == ["S1", "S2"]  # of equals, the first in the list
    assert of(document, "places") == [[1, 2], [1, 2]]
    assert page.worth_table(document, plan_of()).frame["places"].tolist() == ["1 to 2", "1 to 2"]


def test_the_weight_that_turns_the_first_two_round_is_solved_by_hand():
    # points S1 100 and 40, S2 50 and 80, served alike: 100 + 40 w = 50 + 80 w at w = 1.25, and 100 w + 40 = 50 w + 80 at w = .8
    points = {"size": np.array([100.0, 50.0]), "bought_again": np.array([40.0, 80.0]), "recognisable": np.array([70.0, 70.0])}
    weights = {"attractive": {"size": 1.0, "bought_again": 1.0}, "serve": {"recognisable": 1.0}}
    solved = {f["measure"]: f["to"] for f in flips(points, weights, [0, 1])}
    assert solved == pytest.approx({"bought_again": 1.25, "size": 0.8})


@pytest.mark.parametrize("further", [0.98, 1.02])
def test_the_order_turns_exactly_where_the_flip_says(further):
    document = found(THREE[:2], TOLD, plan_of(weights={"attractive": {"size": 3, "bought_again": 1}, "serve": {"recognisable": 1}}))
    flip = document["flips"][0]
    moved = {"size": 3, "bought_again": 1} | {flip["measure"]: flip["to"] * further}
    again = found(THREE[:2], TOLD, plan_of(weights={"attractive": moved, "serve": {"recognisable": 1}}))
    beyond = further > 1 if flip["factor"] > 1 else further < 1
    assert (again["order"] != document["order"]) == beyond


def test_the_other_usual_scale_is_computed_beside():
    # from worst 0 to best 100: size 100, 0; bought again 0, 100; recognised 0, 100: S1 50 × 0, S2 50 × 100
    document = found([segment("S1", 200, 0.8), segment("S2", 100, 0.82)], {"S1": judged_by(0.8), "S2": judged_by(0.81)})
    assert document["order"] == ["S1", "S2"] and document["other_order"] == ["S2", "S1"]
    assert "“S2” would be first" in page.order_words(document, plan_of())


def test_the_same_seed_gives_the_same_document():
    assert found(THREE, TOLD) == found(THREE, TOLD)


# Agreed before building


@pytest.mark.parametrize(
    ("typed", "signed", "decided", "status"),
    [
        (None, None, None, "undated"),
        (date(2017, 9, 1), date(2017, 9, 1), None, "before"),
        (date(2017, 9, 2), date(2017, 9, 1), None, "after"),
        (date(2017, 9, 2), date(2017, 9, 1), date(2017, 9, 5), "before"),
        (date(2017, 9, 2), None, date(2017, 9, 1), "after"),
        (date(2017, 9, 2), None, None, "cannot tell"),
        (date(2017, 10, 1), date(2017, 9, 1), None, "later"),
    ],
)
def test_whether_the_weights_came_before_the_segments(typed, signed, decided, status):
    plan = plan_of(agreed={"agreed_on": typed} if typed else {})
    decision = {"decision": "k-means", "because": "evidence", "decided_by": "CRM"}
    signatures = [{"role": "CRM", "signed_on": signed, "sheet": "0" * 12}] if signed else []
    again = project(
        scope=plan.scope.model_dump(exclude_unset=True),
        build={"decisions": [decision | {"decided_on": decided}] if decided else []},
        validate={"signatures": signatures},
    )
    assert worth_of.agreed(again, as_of=AS_OF)["status"] == status
    assert page.agreed_words({"agreed": worth_of.agreed(again, as_of=AS_OF)})


def test_weights_that_nobody_typed_are_called_the_programs():
    bare = worth_of.agreed(project(), as_of=AS_OF)
    assert bare["status"] == "own" and "Nobody has agreed to these weights" in page.agreed_words({"agreed": bare})


# The page


def test_the_table_puts_the_segments_in_order_and_those_knocked_out_last():
    plan = plan_of(agreed={"knock_out": [{"measure": "size", "at_least": 120}]})
    table = page.worth_table(found([segment("S1", 100, 0.9), *[segment("S2", 200), segment("S3", 300)]], TOLD, plan), plan)
    assert table.frame["name"].tolist()[-1] == "S1" and table.frame["rank"].tolist()[:2] == [1, 2]
    assert "10,000 draws" in tables.as_html(table)


def test_the_table_of_weights_says_how_each_is_scored_and_which_turns_the_order_round():
    document = found(THREE[:2], TOLD)
    table = page.weights_table(document, plan_of())
    assert table.frame["scored"].tolist() == ["as a share of the largest", "as it is", "as it is"]
    assert table.frame["figures"].tolist() == ["100 to 200", "40.0% to 80.0%", "50.0% to 90.0%"]
    assert tables.as_html(table)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_bubbles_are_drawn_whole_with_their_names(monkeypatch, count):
    sheets = []
    monkeypatch.setattr("helpers.charts.paper.place_on_page", lambda shown, *_: sheets.append(shown))
    crowd = [segment(f"S{i}", 100 + i, 0.5 + i / 1000) for i in range(1, count + 1)]
    document = found(crowd, {s["id"]: judged_by(0.7) for s in crowd})
    bubble.bubbles(page.bubble_frame(document, {s["id"]: "#12436D" for s in crowd}), **page.bubble_words(document))
    assert len(sheets) == 1 and "attractiveness" in sheets[0]["text/plain"]


def test_areas_of_bubbles_are_as_the_money():
    assert bubble._radii(np.array([400.0, 100.0, np.nan, -5.0])).tolist() == [30, 15, 7, 7]


def test_every_bubble_lies_within_the_limits():
    x, radii = np.array([99.0, 3.0, 50.0]), np.array([30.0, 30.0, 7.0])
    low, high = bubble._limits(x, radii, 480)
    unit = (high - low) / 480
    assert low <= (x - unit * radii).min() and (x + unit * radii).max() <= high
