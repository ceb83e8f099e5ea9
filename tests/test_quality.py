"""Step 3: each single fault is named with its number: contradictions, empty columns, spellings, months that are not compared."""

from datetime import date
from types import SimpleNamespace

import pytest
from by_hand import AS_OF, at, orders, project, table
from pydantic import ValidationError

from helpers import NinefoldError, collect
from helpers.collect import faults_page, page

pytestmark = pytest.mark.usefixtures("in_english")

LINE = "customer_id order_id ordered_at store_id amount"


@pytest.fixture(autouse=True)
def step(monkeypatch):
    monkeypatch.setattr("helpers.run.current", lambda: SimpleNamespace(project=project(min_cell=2)))


def facts(rows, columns=LINE, name="orders", **tables):
    return collect.facts(name, collect.judge_rows(name, table(name, columns, *rows), []), tables, as_of=AS_OF)


def test_what_contradicts_is_counted_by_orders():
    found = facts(
        [
            ("ann", "o1", "09-01", "s1", 1),
            ("bea", "o1", "09-01", "s2", 1),  # another customer and another store
            ("cyd", "o2", "09-02 10:00", "s1", 1),
            ("cyd", "o2", "09-02 11:00", "s1", 1),  # another moment
            ("cyd", "o2", "09-02 12:00", "s1", 1),
            ("dot", "o3", "09-03", "s1", 1),
            ("eve", "o4", None, "s1", 1),  # not known is no contradiction
            ("eve", "o4", "09-04", None, 1),
        ]
    )
    assert found["contradictions"] == {"customer": 1, "moment": 1, "store": 1} and found["contradictory"] == 5


def test_answers_before_their_mailing_are_named():
    columns = "customer_id campaign_id sent_at responded_at"
    found = facts([("ann", "c1", "09-01", "08-31"), ("bea", "c1", "09-01", None)], columns, "contacts")
    assert found["contradictions"] == {"answer": 1} and found["contradictory"] == 1


def test_the_column_that_is_empty_is_counted_among_the_rows_set_aside():
    found = facts(
        [("ann", None, "09-01", None, 1), ("ann", None, None, "s1", 1), (None, "o1", None, "s1", 1), ("ann", "o2", "09-01", "s1", 1)]
    )
    assert found["empty"] == {"order_id": 2, "ordered_at": 1}  # nobody's line is set aside because nobody bought it


def test_order_lines_of_customers_whom_nothing_describes_are_counted_and_no_grade_falls():
    rows = [
        ("ann", "o1", "09-01", "s1", 1),
        ("bea", "o2", "09-01", "s1", 1),
        ("bea", "o3", "09-01", "s1", 1),
        (None, "o4", "09-01", "s1", 1),
    ]
    found = facts(rows, customers=table("customers", "customer_id age", ("ann", "30")))
    assert found["undescribed"] == 2 and found["orphans"] is None
    assert collect.grade_table("orders", found, project(), collect.control(orders(), project()))["integrity"] is None
    assert facts(rows)["undescribed"] is None


def test_the_table_of_faults_names_only_what_occurs_and_hides_small_numbers():
    found = facts(
        [("ann", "o1", "09-01", "s1", 1), ("bea", "o1", "09-01", "s1", 1), ("ann", None, "09-01", "s1", 1), ("ann", None, "09-01", "s1", 1)]
    )
    shown = faults_page.faults_table({"orders": found})
    assert shown.frame["what"].tolist() == ["orders whose lines have several customers", "rows set aside because order id is empty"]
    assert shown.frame["n"].tolist() == [1, 2] and shown.columns[-1].people  # one order is fewer than two: it is hidden
    assert faults_page.faults_table({"orders": facts([("ann", "o1", "09-01", "s1", 1)])}).frame.empty


def test_spellings_of_one_value_are_counted_and_named():
    values = ["Bronze", "bronze", "Or", " Or ", "OR", "Argent", None, "Argent"]
    people = table("customers", "customer_id card town", *((f"c{i}", value, "Paris") for i, value in enumerate(values)))
    coverage = collect.attribute_coverage(collect.one_row_each(people, orders()))
    assert dict(zip(coverage["attribute"], coverage["spellings"], strict=True)) == {"card": 5, "town": 0}
    assert faults_page.spelling_words(coverage) == [
        "5 values of card differ only in capitals or blanks: their customers count as different groups."
    ]


MONTHLY = orders(("ann", "1", "07-10", 100), ("ann", "2", "08-01", 90), ("zoe", "0", "1900-01-01", 7))


def controlled(*months):
    plan = project(collect={"control_totals": [{"month": month, "revenue": 100} for month in months]})
    unjudged = collect.not_judged(MONTHLY, plan, as_of=at("09-30"))
    return unjudged, page.reconciliation(collect.control(MONTHLY, plan, as_of=at("09-30")), unjudged)


def test_months_that_cannot_be_compared_are_named_and_not_passed_over():
    unjudged, said = controlled(date(2017, 9, 1), date(2017, 6, 1), date(2017, 5, 1))
    assert [(each["month"].month, each["why"]) for each in unjudged] == [(5, "before"), (6, "before"), (9, "not over")]
    assert said == (
        "Revenue is not reconciled with the controller’s figures: none that was given can be judged. Not judged, because the order lines "
        "begin later: May 2017 and June 2017. Not judged, because the month is not over: September 2017."
    )
    unjudged, said = controlled(date(2017, 7, 1), date(2017, 9, 1))
    assert said.startswith("Revenue agrees") and said.endswith("is not over: September 2017.") and len(unjudged) == 1
    assert controlled(date(2017, 7, 1))[0] == []  # the month in which the history begins is compared


def test_a_control_total_begins_on_the_first_of_a_month():
    with pytest.raises(ValidationError, match="not the first day of a month; write 2017-08-01"):
        controlled(date(2017, 8, 31))


def surveying(*, claims=(), hypotheses=(), later=()):
    asked = table("answers", "customer_id question answer answered_at", *(("ann", item, "3", "12-01") for item in later))
    plan = project(collect={"survey": {"claims": list(claims)}, "hypotheses": list(hypotheses)})
    return SimpleNamespace(project=plan, engine=SimpleNamespace(mapped=lambda name: asked))


ANSWERS = table("answers", "customer_id question answer answered_at", ("ann", "price", "3", "09-01"))
CLAIM = {"item": "prices", "actual": "orders_per_30d", "name": "Price"}
HYPOTHESIS = {"statement": "s", "heard_from": "r", "heard_on": date(2017, 1, 1), "item": "Price", "answers": ["3"], "at_least": 0.5}


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (
            {"claims": [CLAIM]},
            "field collect.survey.claims[0].item names 'prices', which no answer has in its column question. Did you mean price?",
        ),
        (
            {"hypotheses": [HYPOTHESIS]},
            "field collect.hypotheses[0].item names 'Price', which no answer has in its column question. Did you mean price?",
        ),
    ],
)
def test_a_misspelt_survey_item_is_refused_with_the_one_it_looks_like(typed, message):
    with pytest.raises(NinefoldError) as error:
        collect.check_items(surveying(**typed), ANSWERS)
    assert message in str(error.value)


def test_an_item_asked_later_and_a_project_without_a_survey_are_not_refused():
    collect.check_items(surveying(claims=[CLAIM], later=["prices"]), ANSWERS)
    collect.check_items(surveying(claims=[CLAIM]), None)
