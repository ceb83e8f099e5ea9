"""Survey scales, ratings and the analyst's own variables: by hand, against published figures, and refused before anything runs."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, project, rows_of, same, table

from helpers import NinefoldError, validate, variables
from helpers.variables import formulas_said, page, people_page, scales
from helpers.variables.catalogue import catalogue, check_names, definition

pytestmark = pytest.mark.usefixtures("in_english")

SCALES = {
    "health": {"name": "Health", "items": ["h1", "h2", "h3"], "reversed": ["h2"]},
    "ease": {"name": {"en": "Ease", "fr": "Facilité"}, "type": "needs", "items": ["e1"], "low": 0, "high": 10},
}
ANSWERS = [
    ("ann", "h3", "4", "09-03"),
    ("ann", "h1", "7", "09-01"),
    ("ann", "h2", "1", "09-02"),  # reversed: as good as 7
    ("ann", "h1", "1", "08-01"),  # an older answer to the same question
    ("bea", "h1", "4", "09-01"),
    ("bea", "h2", "8", "09-01"),  # beyond the highest answer: none
    ("bea", "h3", "5.5", "09-01"),
    ("cyd", "h1", "7", "09-01"),  # one of three: less than half
    ("dot", "h1", "often", "09-01"),  # no number
    ("dot", "h2", None, "09-01"),
    ("eve", "h1", "7", "10-01"),  # at the end: not seen
    ("eve", "h2", "7", "10-02"),
    ("fay", "e1", "10", "09-01"),
    ("gus", "e1", " 2.5 ", "09-01"),
    (None, "e1", "3", "09-01"),
    ("ann", "other", "3", "09-01"),
]


def shop(**fields):
    plan = project(variables={"scales": SCALES} | fields.pop("variables", {}), **fields)
    source = {"table": "answers", "file": "a.csv", "columns": {c: c for c in "customer_id question answer answered_at".split()}}
    plan.collect.sources["answers"] = type(plan.collect.sources["orders"])(**source)
    return plan


def answers(rows=ANSWERS):
    return table("answers", "customer_id question answer answered_at", *rows)


# What is scored


def test_a_scale_is_the_mean_of_the_newest_answers_reversed_ones_turned():
    found = formulas_said.scored(answers(), shop(), as_of=AS_OF)
    # ann 1, 1 and (4 − 1) / 6; bea (4 − 1) / 6 and 4.5 / 6
    same(found["health"], {"customer_id": ["ann", "bea"], "health": [(1 + 1 + 0.5) / 3, (0.5 + 0.75) / 2]})
    same(found["ease"], {"customer_id": ["fay", "gus"], "ease": [1.0, 0.25]})


def test_the_order_of_answers_changes_nothing_and_of_two_at_once_one_counts():
    one, two = (formulas_said.scored(answers(rows), shop(), as_of=AS_OF)["health"] for rows in (ANSWERS, ANSWERS[::-1]))
    same(one, rows_of(two).to_dict("list"))
    at_once = [("ann", "e1", "4", "09-01"), ("ann", "e1", "6", "09-01")]
    for rows in (at_once, at_once[::-1]):
        same(formulas_said.scored(answers(rows), shop(), as_of=AS_OF)["ease"], {"customer_id": ["ann"], "ease": [0.6]})


def test_half_of_the_items_is_enough():
    plan = shop(variables={"scales": {"pair": {"name": "Pair", "items": ["a", "b"]}}})
    found = formulas_said.scored(answers([("ann", "a", "7", "09-01")]), plan, as_of=AS_OF)
    same(found["pair"], {"customer_id": ["ann"], "pair": [1.0]})


def test_ratings_of_all_history_before_the_end_are_averaged():
    said = [
        ("ann", "01-01", 5),
        ("ann", "09-30 23:59", 2),
        ("ann", "10-01", 1),
        ("bea", "09-01", None),
        (None, "09-01", 1),
        ("cyd", "09-01", 4),
    ]
    found = formulas_said.ratings(table("comments", "customer_id said_at rating", *said), as_of=AS_OF)
    same(found, {"customer_id": ["ann", "cyd"], "rating_mean": [3.5, 4.0]})


def test_scales_are_measured_with_the_other_variables_and_missing_for_whoever_did_not_answer():
    lines = table("orders", "customer_id order_id ordered_at amount", ("ann", "1", "09-01", 10), ("zoe", "2", "09-02", 4))
    first = table("orders", "customer_id ordered_at", ("ann", "09-01"), ("zoe", "09-02")).rename(first_ordered_at="ordered_at")
    plan = shop()
    for column in set(plan.collect.sources["orders"].columns) - {"customer_id", "order_id", "ordered_at", "amount"}:
        del plan.collect.sources["orders"].columns[column]
    found = rows_of(variables.measure({"orders": lines, "answers": answers()}, first, plan, as_of=AS_OF, window_days=30))
    assert found["health"].tolist()[0] == pytest.approx(2.5 / 3) and np.isnan(found["health"][1]) and found["ease"].isna().all()


def test_the_catalogue_says_what_a_scale_is_made_of():
    known = {v.name: v for v in catalogue(shop())}
    health, ease = known["health"], known["ease"]
    assert (health.title(), health.type, health.unit, health.sensitivity) == ("Health", "psychographic", "share", "personal")
    assert health.formula == "mean(h1, -h2, h3), from 1-7 to 0-1; a reversed item is turned first"
    assert (ease.title(), ease.type) == ("Ease", "needs") and "respondents only" in definition(ease)
    assert health.parameters(shop()) == {"items": ["h1", "h2", "h3"], "reversed": ["h2"], "low": 1, "high": 7}
    special = shop(collect={"special": {"health": "consent, given with the answers"}})
    assert {v.name: v.sensitivity for v in catalogue(special)}["health"] == "special"


# Reliability


def test_alpha_is_what_one_works_out_by_hand():
    # squares around the mean of 2: 4 for either item, 12 for their sums 2, 4, 6, 4, 3, 5, 3, 5; so 2 · (1 − 8/12)
    items = np.array([[1, 1], [2, 2], [3, 3], [2, 2], [1, 2], [3, 2], [2, 1], [2, 3]], dtype=float)
    assert scales.alpha(items) == pytest.approx(2 / 3)
    same_twice = np.column_stack([np.arange(10.0)] * 3)
    assert scales.alpha(same_twice) == pytest.approx(1.0)
    assert np.isnan(scales.alpha(np.ones((5, 3)))) and np.isnan(scales.alpha(np.arange(5.0)[:, None]))


def test_alpha_of_two_items_is_spearman_brown_when_they_spread_alike():
    draw = np.random.default_rng(1)
    x = draw.normal(size=500)
    items = np.column_stack([x + draw.normal(size=500), x + draw.normal(size=500)])
    items = (items - items.mean(axis=0)) / items.std(axis=0)
    r = np.corrcoef(items, rowvar=False)[0, 1]
    assert scales.alpha(items) == pytest.approx(2 * r / (1 + r))


def test_feldts_interval_covers_the_true_alpha_nineteen_times_of_twenty():
    draw, inside = np.random.default_rng(7), 0
    true = 3 / 2 * (1 - 3 * 2 / (3 * 2 + 6 * 1))  # three items, each the trait plus noise of its size
    for _ in range(600):
        items = draw.normal(size=(60, 1)) + draw.normal(size=(60, 3))
        low, high = scales.feldt(scales.alpha(items), 60, 3)
        inside += low <= true <= high
    assert 0.925 <= inside / 600 <= 0.975


def test_an_item_is_compared_with_the_sum_of_the_others():
    items = np.array([[1, 2, 5], [2, 1, 5], [3, 4, 5], [4, 3, 5]], dtype=float)
    found = scales.item_rest(items)
    assert found[0] == pytest.approx(np.corrcoef([1, 2, 3, 4], [7, 6, 9, 8])[0, 1]) and np.isnan(found[2])


class Sampling:
    """As much of a step as `reliability` asks for."""

    as_of = AS_OF

    def __init__(self, plan, later=("e1",)):
        self.project = plan
        self.engine = SimpleNamespace(mapped=lambda name: answers([("zoe", item, "3", "12-01") for item in later]))

    @staticmethod
    def sample(found):
        return found.order_by("customer_id").execute()


def surveyed(people=60, turned=True) -> list[tuple]:
    """Three items that measure one thing; h2 asks it the other way round."""
    draw, rows = np.random.default_rng(3), []
    for i in range(people):
        trait = draw.normal()
        for item in ("h1", "h2", "h3"):
            felt = np.clip(round(4 + 1.5 * trait + draw.normal()), 1, 7)
            rows.append((f"c{i:03d}", item, str(int(8 - felt if item == "h2" and turned else felt)), "09-01"))
    return rows


def test_a_scale_whose_items_go_together_is_reliable_and_each_is_shown():
    found = scales.reliability(answers(surveyed()), Sampling(shop()))
    health, ease = found["health"], found["ease"]
    assert health["alpha"] > 0.8 and health["low"] < health["alpha"] < health["high"] and health["n"] == health["any"] == 60
    assert [item["item"] for item in health["items"]] == ["h1", "h2", "h3"] and min(item["rest"] for item in health["items"]) > 0.5
    assert (ease["n"], ease["any"]) == (0, 0) and np.isnan(ease["alpha"])
    frame = people_page.scales_table(found, shop()).frame.set_index("title")
    assert frame["verdict"].tolist() == ["of use for the mean of a group, not for one person", "one question: nothing to compare"]


def test_an_item_that_no_answer_has_is_refused_and_one_asked_after_the_end_is_not():
    assert scales.reliability(answers(surveyed(5)), Sampling(shop()))["ease"]["any"] == 0  # e1 is asked in December
    with pytest.raises(NinefoldError) as error:
        scales.reliability(answers(surveyed(5)), Sampling(shop(), later=("e_1", "h1")))
    assert "field variables.scales.ease.items names 'e1', which no answer has" in str(error.value)
    assert "Did you mean e_1? The questions are: e_1, h1, h2, h3." in str(error.value)


def test_answers_outside_a_scale_are_counted_and_told_when_enough_people_gave_one():
    out = formulas_said.outside(answers(), shop().variables.scales["health"], as_of=AS_OF)
    assert out == {"answers": 2, "customers": 2, "of": 8}  # bea's 8 and dot's "often"; ann 3, bea 3, cyd 1, dot 1
    told = {"as_of": AS_OF, "scoped": 1, "measured": 1}
    plan = shop(min_cell=2)
    said = page.caveats({"answers": answers()}, [], plan, **told)
    assert said[0] == ("Health: 2 of 8 answers are no number from 1 to 7, such as a code for “do not know”; they count as not given.")
    assert not any("Health" in each for each in page.caveats({"answers": answers()}, [], shop(min_cell=3), **told))


def test_scales_without_a_survey_are_named():
    (said, *_) = page.caveats({}, [], project(variables={"scales": SCALES}), as_of=AS_OF, scoped=1, measured=1)
    assert said == "Typed as scales and not measured, because no source fills the table of answers: Health and Ease."


@pytest.mark.parametrize(
    ("low", "verdict", "limit"),
    [
        (0.69, "not reliable", ["Not reliable, even for the mean of a group (alpha may lie below 0.70): Health."]),
        (
            0.70,
            "of use for the mean of a group, not for one person",
            ["Of use for the mean of a group, not for one person (alpha may lie below 0.90): Health."],
        ),
        (
            0.89,
            "of use for the mean of a group, not for one person",
            ["Of use for the mean of a group, not for one person (alpha may lie below 0.90): Health."],
        ),
        (0.90, "reliable, also for one person", []),
    ],
)
def test_a_scale_is_judged_on_the_lower_bound_of_its_alpha(low, verdict, limit):
    items = [{"item": item, "rest": 0.6} for item in ("h1", "h2", "h3")]
    found = {"health": {"n": 60, "any": 60, "items": items, "alpha": 0.95, "low": low, "high": 0.97}}
    assert people_page.scales_table(found, shop()).frame["verdict"].tolist() == [verdict]
    assert people_page.caveats(shop(), classes=True, left_out=[], scales=found, proxies=[]) == limit


def test_a_question_that_should_have_been_turned_is_suspected():
    found = scales.reliability(answers(surveyed(turned=False)), Sampling(shop()))
    assert people_page.scales_table(found, shop()).frame["verdict"][0] == "a question runs the other way: is it reversed?"
    said = people_page.caveats(shop(), classes=True, left_out=[], scales=found, proxies=[])
    assert said[0] == "Not reliable, even for the mean of a group (alpha may lie below 0.70): Health."


def test_too_few_complete_answers_tell_no_alpha():
    rows = [row for row in surveyed(30) if row[:2] != ("c000", "h1")]  # one of thirty left a question out
    health = scales.reliability(answers(rows), Sampling(shop()))["health"]
    assert (health["n"], health["any"]) == (29, 30) and np.isnan(health["alpha"])
    assert not np.isnan(scales.reliability(answers(surveyed(30)), Sampling(shop()))["health"]["alpha"])


def test_what_all_history_tells_is_signed_whatever_the_window():
    plan, longer = (shop(scope={"window_days": days}) for days in (30, 90))
    for each in (plan, longer):
        for table_, columns in {"comments": "customer_id said_at rating", "events": "customer_id occurred_at kind"}.items():
            source = {"table": table_, "file": "c.csv", "columns": {c: c for c in columns.split()}}
            each.collect.sources[table_] = type(each.collect.sources["orders"])(**source)
    names = ["days_since_visit", "rating_mean", "health", "ease", "visits_per_30d"]
    one, two = (validate.content(names, each)["variables"] for each in (plan, longer))
    assert {name for name in names if one[name] != two[name]} == {"visits_per_30d"}


# The analyst's own variables

PAID = {
    "expression": "spend_per_30d / orders_per_30d",
    "kind": "amount",
    "unit": "money",
    "type": "value",
    "name": {"en": "Paid each time", "fr": "Payé à chaque fois"},
    "definition": "spend {per} order",
}


def own(**typed):
    return project(variables={"own": {name: PAID | fields for name, fields in typed.items()}})


def measured(plan) -> pd.DataFrame:
    lines = table(
        "orders",
        "customer_id order_id ordered_at product_id category amount discount coupon brand store_id",
        ("ann", "1", "09-01", "p", "DRY", 30, 0, 0, "b", "s"),
        ("ann", "2", "09-02", "p", "DRY", 10, 0, 0, "b", "s"),
        ("bea", "3", "08-01", "p", "DRY", 30, 0, 0, "b", "s"),
    )
    first = table("orders", "customer_id ordered_at", ("ann", "08-01"), ("bea", "08-01")).rename(first_ordered_at="ordered_at")
    return rows_of(variables.measure({"orders": lines}, first, plan, as_of=AS_OF, window_days=30))


def test_an_own_variable_is_worked_out_of_those_measured():
    plan = own(paid={}, keen={"expression": "1 if orders_per_30d >= 2 else 0", "kind": "share", "unit": "share"})
    check_names(plan)
    found = measured(plan)
    assert found["paid"].tolist()[0] == 20 and np.isnan(found["paid"][1])  # bea bought nothing: nothing divided by nothing
    assert found["keen"].tolist() == [1, 0]
    assert found.columns.tolist()[-2:] == ["paid", "keen"] == [v.name for v in catalogue(plan)][-2:]


def test_an_own_variable_has_its_names_its_type_and_the_needs_of_what_it_is_made_of():
    paid = catalogue(own(paid={}))[-1]
    assert (paid.title(), paid.type, paid.formula, definition(paid)) == ("Paid each time", "value", PAID["expression"], "spend {per} order")
    assert paid.needs == ("orders",) and paid.sensitivity == "none" and paid.definition.format(group="") == "spend {per} order"
    assert paid.parameters(project()) == {"expression": "spend_per_30d / orders_per_30d"}


def test_an_own_variable_made_of_answers_is_as_personal_as_they_are():
    plan = shop(variables={"own": {"mix": PAID | {"expression": "health * spend_per_30d"}}})
    mix = {v.name: v for v in catalogue(plan)}["mix"]
    assert mix.sensitivity == "personal" and mix.needs == ("answers", "orders")


@pytest.mark.parametrize(
    ("name", "expression", "message"),
    [
        ("paid", "open('/etc/passwd')", "field variables.own.paid.expression: \"open('/etc/passwd')\""),
        ("paid", "read_text('project.yml')", "the function read_text"),
        ("paid", "spend_per_30 / 2", "is no column here. Did you mean spend_per_30d?"),
        ("paid", "customer_id", "'customer_id' in the expression 'customer_id' is no column here"),
        ("paid", "paid + 1", "is no column here"),
        ("paid", "spend_per_30d > 3", "gives yes or no, where a number is wanted"),
        ("spend_per_30d", "orders_per_30d", "holds the name 'spend_per_30d', which is a variable of the list already"),
        ("my own", "orders_per_30d", "A name has letters a-z, digits and _ only"),
    ],
)
def test_an_expression_that_cannot_be_worked_out_is_refused_before_anything_runs(name, expression, message):
    with pytest.raises(NinefoldError) as error:
        check_names(own(**{name: {"expression": expression}}))
    assert message in str(error.value) and "data/by_hand/project.yml: field variables.own" in str(error.value)


def test_a_name_stands_for_one_variable_only():
    both = project(variables={"own": {"mine": PAID}, "category_groups": {"mine": ["DRY"]}})
    with pytest.raises(NinefoldError, match="variables.own holds the name 'mine', which is a name in variables.category_groups already"):
        check_names(both)
