"""What step 4 predicted, in later steps: only what is graded, with its grade, and nothing about too few customers."""

import json

import pandas as pd
import pytest
import test_attractiveness as effort
import test_customer
from by_hand import Step, at, project
from test_adopt import plan, profiles, segment, text_of
from test_customer import IDS, N, frame, told
from test_team_sheets import sheet

from helpers import adopt
from helpers.adopt import customer, dictionary_page, page
from helpers.adopt.customer.ahead import ahead_html, refused_profiling
from helpers.adopt.personas import ahead as of_persona
from helpers.build import ahead, ahead_page
from helpers.build.ahead import Ahead
from helpers.target import attractiveness, worth_page

pytestmark = pytest.mark.usefixtures("in_english")
shop = test_customer.shop

SHORT = {"status": "not_ready", "readiness": [{"code": "lost", "have": 3, "want": 100, "met": False}]}


def graded(grade="A", **more):
    return {"status": "graded", "reasons": [], "readiness": [], "grade": grade} | more


class Told(Step):
    """A step whose step 4 also handed JSON over."""

    def __init__(self, plan, evidence, **tables):
        super().__init__(plan, **tables)
        self.tables |= evidence


PREDICTED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "e", "f", "g", "lead"],
        "expected_value": [10.0, 20.0, 30.0, 100.0, 110.0, 90.0, 5.0, 7.0],
        "attrition_risk": [0.1, 0.2, 0.3, 0.9, None, 0.7, 0.5, 0.5],
        "next_1": ["tea", "tea", "jam", "jam", "jam", "jam", "tea", "tea"],
        "next_2": ["jam", "jam", "tea", "halal meat", "halal meat", "halal meat", None, None],
    }
)
SAID = pd.DataFrame(
    {
        "customer_id": ["a", "a", "a", "b", "d", "e", "f", "g"],
        "theme": pd.array([0, 0, 1, 0, 1, 1, 1, None], dtype="Int64"),
        "sentiment": pd.array([1, -1, 1, 1, -1, -1, None, 1], dtype="Int64"),
    }
)
MEMBERS = pd.DataFrame({"customer_id": list("abcdefg"), "segment": ["S1", "S1", "S1", "S2", "S2", "S2", "S3"]})
THREE = profiles(segment("S1", 3), segment("S2", 3), segment("S3", 1, shown=False))
EVIDENCE = {"value": graded("A/B"), "attrition": graded("C"), "next": graded("B"), "voice": graded(None)}


def foreseen(evidence=None, tables=None, least=2):
    step = Told(project(min_cell=least), EVIDENCE if evidence is None else evidence, **(tables or {"predicted": PREDICTED, "said": SAID}))
    step.tables |= {"members": ahead.ibis.memtable(MEMBERS)}
    return ahead.foresee(step, step.tables["members"], THREE)


# Segments


def test_means_of_a_segment_have_their_interval_and_rest_on_members_alone():
    found = foreseen()
    # S1: 10, 20, 30: mean 20, variance 100, standard error √(100/3) = 5.7735, times 1.96 = 11.316
    assert found.rows["S1"]["expected_value"] == pytest.approx({"n": 3, "value": 20.0, "low": 8.684, "high": 31.316, "sum": 60.0}, abs=1e-3)
    assert found.rows[""]["expected_value"]["value"] == pytest.approx(365 / 7)  # the lead is in no segment, S3 counts in all
    assert found.rows["S2"]["attrition_risk"]["n"] == 2 and found.rows["S2"]["attrition_risk"]["value"] == pytest.approx(0.8)
    assert "S3" not in found.rows, "a segment too small to show is told nothing of"


def test_items_are_counted_at_any_place_of_the_list_and_special_categories_are_never_named():
    rows = foreseen().rows
    assert rows["S1"]["next"] == [{"item": "jam", "n": 3, "share": 1.0}, {"item": "tea", "n": 3, "share": 1.0}]
    assert rows["S2"]["next"] == [{"item": "jam", "n": 3, "share": 1.0}]
    # Of all seven jam is recommended to six: the one left would be known.
    assert rows[""]["next"] == [{"item": "tea", "n": 4, "share": 4 / 7}]


def test_a_member_counts_once_a_theme_and_few_on_a_side_are_not_told():
    rows = foreseen().rows
    # S1: a speaks of 0 twice and of 1, b of 0: theme 0 both; theme 1 one of two is too few
    assert rows["S1"]["said"] == 2 and [t["theme"] for t in rows["S1"]["themes"]] == [0]
    assert rows["S1"]["themes"][0]["sentiment"] == pytest.approx(0.5)  # a: 0 on average, b: 1
    assert rows["S2"]["themes"] == [{"theme": 1, "n": 3, "share": 1.0, "sentiment": -1.0}]
    assert foreseen(least=4).rows[""]["themes"] == []


@pytest.mark.parametrize(
    ("evidence", "gone"),
    [
        ({"value": SHORT | {"reasons": []}}, ["expected_value"]),
        ({"attrition": {"status": "cannot_tell", "reasons": ["x"], "readiness": []}}, ["attrition_risk"]),
    ],
)
def test_what_is_not_graded_is_never_read(evidence, gone):
    found = foreseen(EVIDENCE | evidence)
    assert not set(gone) & set(found.may.columns()) and not set(gone) & set(found.rows["S1"])
    assert len(found.may.columns()) == 1


def test_a_run_that_predicted_nothing_says_so_once():
    found = foreseen({}, {"variables": PREDICTED[["customer_id"]]})
    assert found.may.table is None and found.rows["S1"] == {"next": [], "next_own": [], "themes": [], "themes_own": [], "said": 0}
    lines = ahead_page.missing(found.may, ahead.PARTS)
    assert lines == ["What they will do next is not known: step 4 of this run predicted nothing."]


def test_intervals_that_hold_the_doubt_of_the_model_come_from_step_6_where_it_hands_them_over():
    step = Told(project(min_cell=2), EVIDENCE, predicted=PREDICTED, said=SAID)
    take, gives = step.take, step.gives
    step.gives = lambda name, what: what == "value_ahead" or gives(name, what)
    given = [{"segment": "S1", "low": 5.0, "high": 50.0}, {"segment": "S3", "low": 1.0, "high": 2.0}]
    step.take = lambda name, what: given if what == "value_ahead" else take(name, what)
    rows = ahead.foresee(step, ahead.ibis.memtable(MEMBERS), THREE).rows
    assert (rows["S1"]["expected_value"]["low"], rows["S1"]["expected_value"]["high"]) == (5.0, 50.0) and "S3" not in rows


def test_grades_and_reasons_are_said_in_words():
    may = foreseen(EVIDENCE | {"next": SHORT | {"reasons": ["lost"]}, "voice": {"status": "none", "reasons": ["no_comments"]}}).may
    assert ahead_page.grade_words(may, "value") == "grade A or B" and may.decides("value")
    assert ahead_page.grade_words(may, "attrition") == "grade C: no better than a simple rule" and not may.decides("attrition")
    assert ahead_page.told_grade("A/C") == "grade between A and C: it may be no better than a simple rule"
    assert ahead_page.missing(may, ("next", "voice")) == [
        "Next product: not ready: it would take a history long enough to see buyers stop.",
        "Themes of comments: there are no comments.",
    ]


def test_a_theme_is_called_as_people_typed_by_its_leading_word():
    named = plan(variables={"predict": {"theme_names": {"late": "Delivery"}}})
    may = Ahead(
        voice={
            "themes": [{"theme": 0, "words": ["late", "parcel"], "matter": None}, {"theme": 1, "words": ["fresh", "good"], "matter": None}]
        }
    )
    assert [ahead_page.theme_name(n, may, named) for n in (0, 1, 2)] == ["Delivery", "fresh and good", "theme 3"]


# Cards, sheets and personas


LARGE = profiles(segment("S1", 30, name="Cooks"), segment("S2", 30, name="Late"))


def test_the_card_of_a_segment_says_value_and_risk_with_their_grades():
    cards = adopt.cards(LARGE, {}, {}, {}, plan(), foreseen())
    text = text_of(page.card_html(cards["segments"][0], cards, plan()))
    assert "Revenue expected in 365 days predicted; grade A or B; $9 to $31 $20" in text
    assert "Risk of not coming back predicted; grade C: no better than a simple rule" in text
    without = adopt.cards(LARGE, {}, {}, {}, plan())
    assert without["segments"][0]["ahead"] == {} and "expected" not in text_of(page.card_html(without["segments"][0], without, plan()))


def test_each_team_is_told_what_it_decides_by_and_why_the_rest_is_missing():
    found = foreseen(EVIDENCE | {"attrition": SHORT | {"reasons": ["lost"]}})
    body = {team: text_of(sheet(team, *LARGE["segments"], foreseen=found)["body"]) for team in ("finance", "service", "product", "sales")}
    assert "First of all “Late” ($100; $89 to $111), least “Cooks” ($20; $9 to $31);" in body["finance"]
    assert "everyone $52. Predicted, grade A or B. Revenue, not profit; later money discounted." in body["finance"]
    assert "Risk of being lost: not ready" in body["service"] and "Who may be lost?" not in body["service"]
    assert "What do their comments speak of? More than others’: “Cooks” theme 1 (100%, others 0%)." in body["product"]
    assert "The same in all segments: tea, 57%. Predicted, grade B." in body["sales"] and "comments" not in body["sales"]
    silent = text_of(sheet("sales", *LARGE["segments"])["body"])
    assert "step 4 of this run predicted nothing" in silent and "likely to take next" not in silent


def test_what_sets_a_segment_apart_is_named_and_chance_is_not():
    ids = [f"c{i:03d}" for i in range(200)]
    members = pd.DataFrame({"customer_id": ids, "segment": ["S1"] * 100 + ["S2"] * 100})
    takes = ["tea" if i % 10 < (8 if i < 100 else 3) else "jam" for i in range(200)]  # tea 80 of 100, and 30 of 100
    even = ["bread" if i % 2 else "cake" for i in range(200)]
    said = pd.DataFrame({"customer_id": ids, "theme": [int(t == "tea") for t in takes], "sentiment": pd.array([None] * 200, dtype="Int64")})
    predicted = pd.DataFrame({"customer_id": ids, "next_1": takes, "next_2": even})
    step = Told(project(min_cell=10), EVIDENCE, predicted=predicted, said=said)
    large = profiles(segment("S1", 100, name="Cooks"), segment("S2", 100, name="Late"))
    found = ahead.foresee(step, ahead.ibis.memtable(members), large)
    assert found.rows["S1"]["next_own"] == [{"item": "tea", "n": 80, "share": 0.8, "others": 0.3}]
    assert found.rows["S1"]["themes_own"] == [{"theme": 1, "n": 80, "share": 0.8, "others": 0.3}]
    body = text_of(sheet("product", *large["segments"], foreseen=found)["body"])
    assert "More than others: “Cooks” tea (80%, others 30%); “Late” jam (70%, others 20%). Predicted, grade B." in body
    assert "More than others’: “Cooks” theme 2 (80%, others 30%); “Late” theme 1 (70%, others 20%)." in body


def test_segments_whose_intervals_meet_are_not_called_first_and_last():
    rows = {"expected_value": PREDICTED["expected_value"].where(PREDICTED.index < 3, [0, 0, 0, 15.0, 20.0, 28.0, 0, 0])}
    found = foreseen(tables={"predicted": PREDICTED.assign(**rows), "said": SAID})
    body = text_of(sheet("finance", *LARGE["segments"], foreseen=found)["body"])
    assert "No segment in particular: they lie between $20 and $21, everyone" in body


def test_a_persona_of_several_segments_has_the_mean_over_their_members():
    found = foreseen()
    # 10, 20, 30, 100, 110, 90: mean 60; risks .1, .2, .3, .9, .7: mean .44
    assert of_persona.ahead_of({"segments": ["S1", "S2"]}, found) == pytest.approx({"expected_value": 60.0, "attrition_risk": 0.44})
    rows = [of_persona.ahead_of({"segments": ["S1", "S3"]}, found)]
    assert rows == [{"expected_value": None, "attrition_risk": None}], "one of them may not be told"
    assert of_persona.ahead_columns(rows, plan()) == [] and of_persona.ahead_note(None) == []
    assert of_persona.ahead_note(found) == [
        "Predicted for each customer by step 4. Value ahead: grade A or B; Risk of being lost: grade C: no better than a simple rule."
    ]


def test_the_dictionary_lists_what_is_predicted_with_its_grade_and_leaves_out_what_is_not_graded():
    found = foreseen(EVIDENCE | {"attrition": SHORT | {"reasons": ["lost"]}})
    frame = dictionary_page.predicted_table(found, plan()).frame.set_index("name")
    assert list(frame.index) == ["expected_value", "next_1", "next_2"]
    assert frame.loc["expected_value", "grade"] == "grade A or B" and "365 days" in frame.loc["expected_value", "definition"]


# The effort that a segment is worth


@pytest.mark.parametrize(("grade", "used"), [("A", True), ("A/B", True), ("B/C", False), ("C", False), (None, False)])
def test_the_value_ahead_weighs_only_where_it_is_graded_and_better_than_a_simple_rule(grade, used):
    evidence = {"value": graded(grade)} if grade else {}
    project = effort.plan_of(weights={"attractive": {"value_ahead": 2, "size": 1}, "serve": effort.SERVE})
    found = {"segments": effort.THREE[:2]}
    criteria = {"segments": effort.TOLD, "counts": {}}
    told_of = foreseen(evidence)
    worth = attractiveness.worth(found, criteria, {}, {"segments": []}, project, as_of=effort.AS_OF, foreseen=told_of)
    line = next(c for c in worth["criteria"] if c["measure"] == "value_ahead")
    assert line["used"] is used
    table, note = worth_page.worth_table(worth, project), worth_page.bubble_words(worth)["source"]
    if used:  # 20 each of 200 members, and 100 each of 100
        assert [s["figures"]["value_ahead"]["value"] for s in worth["segments"]] == pytest.approx([4000, 10000])
        assert [s["scores"]["value_ahead"] for s in worth["segments"]] == pytest.approx([40, 100])
        assert "ahead" in [c.name for c in table.columns] and "the table has the value ahead" in note
    else:
        said = "no better than by a simple rule" if grade else "step 4 of this run predicted nothing"
        assert "ahead" not in [c.name for c in table.columns] and said in note
        assert any("“Value ahead, predicted” (weight 2.0) is left out" in line for line in worth_page.caveats(worth, project))


# One customer


def predicted(shop) -> None:
    """Step 4 predicts: value graded A or B, attrition not ready, the next item no better than the simple rule, comments read."""
    place = shop / "runs" / "2017-10-01" / "0001" / "04_variables"
    value = [100.0 + 10 * i for i in range(N)]  # mean 100 + 10 · 19.5 = 295
    rows = {"customer_id": IDS, "alive": 0.5, "expected_value": value, "high_value": [i >= 30 for i in range(N)], "attrition_risk": 0.9}
    frame(place, "predicted", pd.DataFrame(rows | {"next_1": "wine", "next_2": ["halal meat"] * N}))
    said = {"customer_id": ["c00", "c00"], "said_at": at("08-03"), "language": "fr", "theme": [1, None], "sentiment": [1, None]}
    frame(place, "said", pd.DataFrame(said | {"rating": 4.0}).astype({"theme": "Int64", "sentiment": "Int64"}))
    head = {"status": "graded", "reasons": [], "readiness": [], "grade": None}
    short = {"status": "not_ready", "readiness": [{"code": "lost", "have": 3, "want": 100, "met": False}]}
    themes = {"themes": [{"theme": 1, "words": ["freshness", "bread"], "matter": None}]}
    evidence = {"value": head | {"grade": "A/B"}, "attrition": head | short, "next": head | {"grade": "C"}, "voice": head | themes}
    for name, content in evidence.items():
        (place / f"{name}.json").write_text(json.dumps(content))


def test_nothing_predicted_is_shown_of_who_was_asked_about_profiling_and_agreed_on_no_channel():
    def refused(*said):
        return refused_profiling(pd.DataFrame(said, columns=["purpose", "channel", "granted"]))

    assert refused(("profiling", "email", False), ("profiling", "letter", False), ("marketing", "email", True))
    assert not refused(("profiling", "email", False), ("profiling", "letter", True)) and not refused(("marketing", "email", False))
    assert not refused() and not refused_profiling(None)
    no = pd.DataFrame({"purpose": ["profiling"], "channel": ["email"], "granted": [False]})
    assert "refused profiling, so nothing that is predicted is shown" in ahead_html({}, project(), no)


def test_what_is_predicted_stands_with_its_grade_beside_everyones_mean_and_what_is_not_with_the_reason(shop):
    predicted(shop)
    page = told(customer.card("shop", "c00"))
    table = page.partition('id="ahead"')[2].partition("</table>")[0]
    for said in ("Revenue expected in 365 days", "€100", "€295", "grade A or B", "Still a customer", "50%", "wine"):
        assert said in table, said
    assert "grade C: no better than a simple rule" in table and "counted, not predicted" in table and "25%" in table  # 10 of 40
    assert "90%" not in table and "lost" not in table, "what is not graded is not told"
    assert "Risk of being lost: not ready: it would take a history long enough to see buyers stop." in page
    assert "Themes of this customer’s comments: freshness and bread." in page
    assert "halal meat" not in table, "what belongs to a special category is not recommended"
    assert "Nothing is predicted of this customer" in told(customer.card("shop", "c91"))  # no row in the table
