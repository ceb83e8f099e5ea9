"""What recipes see of a customer: measured variables, attributes and the newest answers, joined on a few typed rows."""

import ibis
import pandas as pd
import pytest
from by_hand import project, same

from helpers.build import inputs

pytestmark = pytest.mark.usefixtures("in_english")
COMFORT = {"name": "Comfort", "items": ["easy", "quick"]}
SCALES = {"scales": {"comfort": COMFORT, "thrift": {"name": "Thrift", "items": ["cheap"], "type": "needs"}}}
MEASURED = {"customer_id": ["b", "a", "c"], "spend_per_30d": [20.0, 10.0, None], "recency_days": [2.0, 1.0, 3.0]}
ATTRIBUTES = {"customer_id": ["a", "c"], "town": ["Lille", None], "home": ["own", "rented"]}
ANSWERS = [
    ("a", "easy", "3", "2017-05-01"),
    ("a", "easy", "5", "2017-06-01"),  # the newest
    ("a", "easy", "4", "2017-04-01"),
    ("a", "cheap", " 7 ", "2017-05-01"),
    ("b", "easy", "2", "2017-05-01"),
    ("b", "easy", "no idea", "2017-06-01"),  # no number: the one before counts
    ("b", "quick", "6", "2017-05-01"),
    ("b", "quick", "1", "2017-05-01"),  # said at one moment: the same one on every run
    ("b", "cheap", "9", None),  # undated counts where nothing dated is known
    ("c", "cheap", "9", None),
    ("c", "cheap", "1", "2017-01-01"),
    ("x", "easy", "1", "2017-05-01"),  # nobody in scope
    ("a", "other", "1", "2017-05-01"),  # of no scale
    (None, "easy", "1", "2017-05-01"),
]


class Step:
    """A step to which earlier ones handed these tables over."""

    def __init__(self, plan=None, answers=None, attributes=None, **tables):
        self.project, self.given = plan or project(), {"variables": MEASURED, "descriptors": attributes or ATTRIBUTES} | tables
        if answers is not None:
            frame = pd.DataFrame(answers, columns=["customer_id", "question", "answer", "answered_at"], dtype="object")
            self.given["answers"] = frame.assign(answered_at=pd.to_datetime(frame["answered_at"]).astype("datetime64[us]"))

    def gives(self, step, name):
        return name in self.given

    def take(self, step, name):
        assert step == ("collect" if name == "answers" else "variables")
        found = self.given[name]
        schema = {"customer_id": "string", "question": "string", "answer": "string", "answered_at": "timestamp"}
        return ibis.memtable(found, schema=schema) if name == "answers" else ibis.memtable(pd.DataFrame(found))


JOINED = MEASURED | {"town": [None, "Lille", None], "home": [None, "own", "rented"]}


def test_attributes_are_joined_to_everyone_in_scope_and_nobody_else():
    strangers = {"customer_id": ["a", "c", "z"], "town": ["Lille", None, "Nice"], "home": ["own", "rented", "own"]}
    same(inputs.customers(Step(attributes=strangers)), JOINED)
    same(inputs.customers(Step(attributes={"customer_id": ["a", "b", "c"]})), MEASURED)


def test_what_follows_from_dated_rows_is_that_of_the_window_and_the_rest_that_of_today():
    today = {"customer_id": ["a", "b"], "town": [None, "Lille"], "seniority": ["loyal", "loyal"], "home": [None, "own"]}
    then = {"customer_id": ["a", "b"], "seniority": ["new", None]}
    given = {"variables_confirm": MEASURED, "descriptors_confirm": then}
    held = {"town": ["Lille", None, None], "home": ["own", None, None]}
    same(inputs.customers(Step(attributes=today, **given)), MEASURED | held | {"seniority": ["loyal", "loyal", None]})
    same(inputs.customers(Step(attributes=today, **given), "confirm"), MEASURED | held | {"seniority": [None, "new", None]})


def test_the_newest_answer_to_each_item_counts_and_what_is_no_number_does_not():
    found = inputs.customers(Step(project(variables=SCALES), ANSWERS))
    same(found, JOINED | {"easy": [2.0, 5.0, None], "quick": [6.0, None, None], "cheap": [9.0, 7.0, 1.0]})


def test_rows_in_another_order_give_the_same_answers():
    plan = project(variables=SCALES)
    backwards = inputs.customers(Step(plan, ANSWERS[::-1])).execute()
    same(backwards, inputs.customers(Step(plan, ANSWERS)).execute().to_dict("list"))


@pytest.mark.parametrize("answers", [None, []])
def test_without_a_survey_or_without_a_scale_there_are_no_answers(answers):
    found = inputs.customers(Step(project(variables=SCALES), answers)).execute()
    same(found[list(JOINED)], JOINED)
    assert found.drop(columns=list(JOINED)).isna().all(axis=None)
    same(inputs.customers(Step(project(), ANSWERS)), JOINED)


def test_of_two_columns_of_one_name_the_measured_variable_comes_first_then_the_attribute():
    attributes = {"customer_id": ["a"], "Spend_per_30d": ["much"], "Easy": ["yes"], "town": ["Lille"]}
    found = inputs.customers(Step(project(variables=SCALES), ANSWERS, attributes)).execute()
    assert sorted(found.columns) == sorted([*MEASURED, "Easy", "town", "quick", "cheap"])
    assert found.set_index("customer_id").loc["a", ["spend_per_30d", "Easy", "cheap"]].tolist() == [10.0, "yes", 7.0]


def test_an_earlier_window_has_its_own_variables_and_the_same_attributes():
    then = {"customer_id": ["a"], "spend_per_30d": [99.0]}
    found = inputs.customers(Step(variables_confirm=then), "confirm")
    same(found, then | {"town": ["Lille"], "home": ["own"]})


def test_every_column_has_its_kind_its_type_and_whether_it_was_measured():
    plan = project(variables=SCALES)
    names = ["customer_id", "spend_per_30d", "easy", "cheap", "town", "current_segment", "area_region", "main_device"]
    found = inputs.columns(plan, names)
    assert {name: (c.kind, c.type, c.measured, c.scale) for name, c in found.items()} == {
        "spend_per_30d": ("number", "value", True, ""),
        "easy": ("number", "psychographic", False, "comfort"),
        "cheap": ("number", "needs", False, "thrift"),
        "town": ("category", "demographic", False, ""),
        "current_segment": ("category", "a priori", False, ""),
        "area_region": ("category", "geographic", False, ""),
        "main_device": ("category", "technographic", False, ""),
    }
    assert list(found) == names[1:]  # the table's order, the key apart
    assert found["spend_per_30d"].title() == found["spend_per_30d"].variable.title() and found["easy"].title() == "easy"
    assert inputs.columns(plan, ["customer_id"]) == {} == inputs.columns(plan, [])


def test_nobody_in_scope_gives_an_empty_table_with_every_column():
    step = Step(project(variables=SCALES), ANSWERS)
    step.given["variables"] = pd.DataFrame(MEASURED).astype({"customer_id": "object"}).iloc[:0]
    found = inputs.customers(step).execute()
    assert len(found) == 0 and sorted(found.columns) == sorted([*JOINED, "easy", "quick", "cheap"])
