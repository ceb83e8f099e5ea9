"""Step 3 on the survey: weights worked out by hand, respondents beside everybody, words beside deeds, hypotheses."""

import math
from datetime import date
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, orders, project, rows_of, same, table

from helpers import NinefoldError, collect, engine
from helpers.collect import survey, survey_page
from helpers.tables import payload

pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture(autouse=True)
def running(monkeypatch):
    """A step in progress whose smallest cell is two."""

    class Running:
        project = project(min_cell=2)

    monkeypatch.setattr("helpers.run.current", lambda: Running)


# Raking

CELLS = pd.DataFrame({"sex": ["F", "F", "M", "M"], "age": ["old", "young", "old", "young"], "n": [20, 10, 40, 30]})
HALVES = {"sex": {"F": 0.5, "M": 0.5}, "age": {"young": 0.5, "old": 0.5}}


def test_two_margins_of_a_two_by_two_worked_out_by_hand():
    weight, how = survey.rake(CELLS, HALVES)
    # Raking keeps the odds ratio, here (10 · 40)/(20 · 30) = 2/3. With halves on both margins the table is x, ½ − x, ½ − x, x:
    # x/(½ − x) = √(2/3), so x = .224745. Young women: .224745 · 100/10.
    x = 0.5 * math.sqrt(2 / 3) / (1 + math.sqrt(2 / 3))
    assert x == pytest.approx(0.2247449)
    assert weight == pytest.approx([(0.5 - x) * 5, x * 10, x * 2.5, (0.5 - x) * 10 / 3], abs=1e-4)
    assert how["converged"] and how["apart"] <= 1e-6 and how["lacking"] == 0
    assert survey.largest_gap(CELLS, weight, HALVES) <= 1e-6
    # Kish: (20 · 1.376276² + 10 · 2.247449² + 40 · .561862² + 30 · .917517²)/100
    assert survey.design_effect(weight, CELLS["n"].to_numpy()) == pytest.approx(1.262757, abs=1e-4)


def test_one_margin_is_share_of_the_base_over_share_of_respondents():
    cells = pd.DataFrame({"sex": ["F", "M"], "n": [75, 25]})
    weight, how = survey.rake(cells, {"sex": {"F": 0.5, "M": 0.5}})
    assert weight == pytest.approx([2 / 3, 2.0]) and how["rounds"] == 1
    # cv² = (75 · (1/3)² + 25 · 1²)/100 = 1/3
    assert survey.design_effect(weight, cells["n"].to_numpy()) == pytest.approx(4 / 3)


def test_weights_that_cannot_settle_say_so():
    # Old and M are the same people: half of the base old, and a quarter M, cannot both be met.
    cells = pd.DataFrame({"sex": ["F", "M"], "age": ["young", "old"], "n": [50, 50]})
    _, how = survey.rake(cells, {"sex": {"F": 0.75, "M": 0.25}, "age": {"young": 0.5, "old": 0.5}})
    assert not how["converged"] and how["rounds"] == survey.ROUNDS and how["apart"] == pytest.approx(0.25)
    assert "did not settle: a margin is still 25.0% away" in survey_page.weights_words(
        how | {"n": 100, "effect": 1.0, "effective": 100.0, "margins": ["sex"], "trimmed": 0}
    )


def test_a_group_of_which_nobody_answered_is_said_and_the_others_are_raised():
    cells = pd.DataFrame({"sex": ["F", "M"], "n": [30, 10]})
    weight, how = survey.rake(cells, {"sex": {"F": 0.4, "M": 0.4, "–": 0.2}})
    assert weight == pytest.approx([2 / 3, 2.0]) and how["lacking"] == pytest.approx(0.2)


def test_equal_weights_cost_nothing_and_trimming_keeps_the_mean():
    n = np.array([50, 5])
    assert survey.design_effect(np.ones(2), n) == 1.0
    # weights .5 and 6 have the mean 1; 6 is cut to 5, then both are raised by 55/50
    weight, cut = survey.trim(np.array([0.5, 6.0]), n)
    assert weight == pytest.approx([0.55, 5.5]) and cut == 5 and (weight * n).sum() == pytest.approx(55)
    assert survey.trim(np.array([0.9, 5.0]), np.array([40, 1]))[1] == 0, "five times the mean is allowed"


def base(rows):
    return ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "sex"]))


BASE = base([*((f"f{n}", "F") for n in range(5)), *((f"m{n}", "M") for n in range(5))])
ANSWERED = ibis.memtable(pd.DataFrame({"customer_id": ["f0", "f1", "f2", "m0"]}))


def test_respondents_get_the_weight_of_their_group():
    members, how = survey.weigh(ANSWERED, BASE, ["sex"])
    same(members, {"customer_id": ["f0", "f1", "f2", "m0"], "weight": [round(2 / 3, 9)] * 3 + [2.0]})
    assert (how["n"], how["effective"], how["trimmed"]) == (4, pytest.approx(3.0), 0)
    assert survey_page.weights_words(how).startswith("Weighted by sex to all customers: the 4 answers count as 3 (design effect 1.33).")


def test_without_margins_or_respondents_everybody_weighs_one():
    members, how = survey.weigh(ANSWERED, BASE, [])
    assert set(members.execute()["weight"]) == {1.0} and how["effect"] == 1.0
    assert "not weighted" in survey_page.weights_words(how)
    _, how = survey.weigh(ANSWERED.limit(0), BASE, ["sex"])
    assert how["n"] == 0 and survey_page.who_answers_words(None, how, project()).startswith("Nobody was asked")


def test_shuffled_respondents_get_the_same_weights():
    again = ibis.memtable(pd.DataFrame({"customer_id": ["m0", "f2", "f0", "f1"]}))
    pd.testing.assert_frame_equal(rows_of(survey.weigh(again, BASE, ["sex"])[0]), rows_of(survey.weigh(ANSWERED, BASE, ["sex"])[0]))


# Everybody, with what can be compared

LINES = table(
    "orders",
    "customer_id order_id ordered_at amount channel",
    ("ann", "a1", "09-30", 30, "web"),
    ("ann", "a2", "09-01", 20, "store"),
    ("ann", "a2", "09-01", 10, "store"),  # two lines of one order
    ("ann", "a3", "09-15", -6, "web"),  # a refund alone is no order
    ("bea", "b1", "01-01", 99, "web"),
)
PLAN = project(scope={"window_days": 90}, variables={"seniority": {"loyal_orders": 2}}, min_cell=2)


def test_what_each_customer_does_worked_out_by_hand():
    people = ibis.memtable(pd.DataFrame({"customer_id": ["bea", "zoe", "ann"]}))
    found = collect.behaviour(people, LINES, PLAN, as_of=AS_OF)
    same(
        found,
        {
            "customer_id": ["ann", "bea", "zoe"],
            "active": [True, False, False],
            "loyal": [True, False, False],
            "orders_per_30d": [2 / 3, 0.0, 0.0],
            "spend_per_30d": [18.0, 0.0, 0.0],  # 54 in 90 days
            "days_since_order": [1.0, 273.0, np.nan],
            "online_order_share": [0.5, np.nan, np.nan],
        },
    )


def customers(**columns):
    return ibis.memtable(pd.DataFrame(columns)).mutate(described=True)


def test_attributes_become_levels_with_missing_as_one_and_ages_in_bands():
    ages = [20, 25, 34, 35, 64, 65, None]
    people = customers(
        customer_id=[f"c{n}" for n in range(7)],
        age=pd.array(ages, "Int64"),
        postcode=["75001", "75002", "01000", None, "75", "x", "01"],
        home=["own", None, "own", "own", "rent", "own", "own"],
        siret=[str(n) for n in range(7)],
        constant=["a"] * 7,
    )
    found = rows_of(collect.levels(people, PLAN, margins=["postcode"]))
    assert sorted(found.columns) == ["age", "customer_id", "home", "postcode", "siret"], "a constant tells nobody apart"
    assert list(found["age"]) == ["<25", "25–34", "25–34", "35–49", "50–64", "65+", "–"]
    assert list(found["postcode"]) == ["75", "75", "01", "–", "75", "x", "01"]
    assert list(found["home"]) == ["own", "–", "own", "own", "rent", "own", "own"]
    assert "postcode" not in collect.levels(people, PLAN).columns, "where people live is compared only when asked for"


def test_a_margin_that_nobody_has_or_that_is_too_fine_is_an_error():
    people = customers(customer_id=[str(n) for n in range(80)], siret=[str(n) for n in range(80)])
    with pytest.raises(NinefoldError, match=r"collect\.survey\.margins names 'sex', no attribute of customers \(siret\)"):
        collect.levels(people, PLAN, margins=["sex"])
    with pytest.raises(NinefoldError, match="'siret', which has 80 different values"):
        collect.levels(people, PLAN, margins=["siret"])


def test_members_stand_beside_everybody_by_attribute_and_behaviour():
    doing = BASE.select("customer_id").mutate(
        active=ibis._.customer_id.startswith("f"),
        loyal=ibis.literal(False),
        orders_per_30d=ibis.literal(1.0),
        spend_per_30d=ibis.literal(2.0),
    )
    members = survey.weigh(ANSWERED, BASE, ["sex"]).members
    found = collect.compare(BASE, doing, members).set_index(["what", "level"])
    assert found.loc[("sex", "F"), ["n", "all_n", "base", "members"]].tolist() == [3, 5, 0.5, 0.75]
    assert found.loc[("sex", "F"), "weighted"] == pytest.approx(0.5)
    active = found.loc["active"].iloc[0]
    assert (active["base"], active["members"], active["weighted"]) == (0.5, 0.75, pytest.approx(0.5))
    assert found.loc["spend_per_30d"].iloc[0][["base", "members"]].tolist() == [2.0, 2.0]
    said = survey_page.who_answers_words(found.reset_index(), {"n": 4, "margins": []}, project(min_cell=2))
    assert said.startswith("4 customers answered the survey, 40.0% of all. 75% of them bought within the window, against 50% of all.")
    assert "Furthest apart: sex: F, 75% of those who answer and 50% of all." in said
    shown = payload(survey_page.compared_table(found.reset_index(), project(min_cell=2)))["rows"]
    assert [row[0] for row in shown] == ["Bought within the window", "Loyal", "Spend per 30 days", "Orders per 30 days", "sex: F"]
    assert not any("sex: M" in row for row in shown), "one respondent is fewer than the smallest cell"


def test_only_customers_of_ours_are_respondents_and_only_ratings_rate():
    said = [("f0", "q", "1", "09-01"), ("f0", "q2", "1", "09-01"), ("gone", "q", "1", "09-01")]
    answers = table("answers", "customer_id question answer answered_at", *said)
    same(collect.respondents(answers, BASE), {"customer_id": ["f0"]})
    comments = table(
        "comments", "customer_id said_at text rating", ("f0", "09-01", "a", None), ("m0", "09-01", "b", 4.0), ("m0", "09-02", "c", 5.0)
    )
    same(collect.raters(comments, BASE), {"customer_id": ["m0"]})
    same(collect.raters(comments.drop("rating"), BASE), {"customer_id": ["f0", "m0"]})


# What is said, and what is done


def test_the_last_answer_counts_and_of_two_at_once_the_first_in_the_alphabet():
    answers = table(
        "answers",
        "customer_id question answer answered_at",
        ("ann", "q", "2", "09-02"),
        ("ann", "q", "1", "09-01"),
        ("bea", "q", "b", "09-01"),
        ("bea", "q", "a", "09-01"),
        ("bea", "other", "z", "09-03"),
        ("cyd", "q", None, "09-01"),
    )
    same(survey.latest_answers(answers, "q"), {"customer_id": ["ann", "bea"], "answer": ["2", "a"]})


def test_spearmans_rank_correlation_by_hand():
    stated = np.arange(10.0)
    assert survey.correlation(stated, stated * 3)["rho"] == pytest.approx(1.0)
    swapped = np.array([1, 0, 2, 3, 4, 5, 6, 7, 8, 9.0])
    found = survey.correlation(stated, swapped)
    assert found["rho"] == pytest.approx(1 - 6 * 2 / (10 * 99))
    half = 1.959964 * math.sqrt((1 + found["rho"] ** 2 / 2) / 7)
    assert found["low"] == pytest.approx(math.tanh(math.atanh(found["rho"]) - half)) and found["low"] < found["rho"] < found["high"] < 1
    assert survey.correlation(stated, np.ones(10))["rho"] is None and survey.correlation(stated[:9], stated[:9])["rho"] is None


def test_who_says_more_than_they_do():
    # by half an order and a tenth at least: 2 for 1 yes; 1 for 1 no; 4 for 3.6 no; 11 for 10.2 no, for a tenth of 10.2 is 1.02
    found = survey.says_more(np.array([2, 1, 4, 11.0]), np.array([1, 1, 3.6, 10.2]), words=False, unit="orders_per_30d")
    assert found == {"more": 0.25, "of": 4, "kind": "number"}
    # words have no unit: of the two who say "often", one does less than the median (2)
    found = survey.says_more(np.array([2, 2, 0, 1, 0.0]), np.array([1, 5, 2, 2, 3.0]), words=True, unit="orders_per_30d")
    assert found == {"more": 0.5, "of": 2, "kind": "words"}
    long_ago = survey.says_more(np.array([2, 2, 0.0]), np.array([90, 1, 5.0]), words=True, unit="days_since_order")
    assert long_ago["more"] == 0.5, "many days since the last order are little doing"
    assert survey.says_more(np.array([]), np.array([]), words=True, unit="orders_per_30d")["more"] is None


def asked_step(claims=(), hypotheses=()):
    plan = project(scope={"window_days": 90}, min_cell=2, collect={"survey": {"claims": list(claims)}, "hypotheses": list(hypotheses)})
    return SimpleNamespace(project=plan, as_of=AS_OF, sample=lambda t: engine.sample(t, 100, seed=1).execute())


def test_claims_read_numbers_and_ordered_words_and_count_what_they_cannot_read():
    names = [f"c{n:02}" for n in range(12)]
    answers = table(
        "answers",
        "customer_id question answer answered_at",
        *((name, "orders", f"{n},0", "09-01") for n, name in enumerate(names)),
        *((name, "cooks", "Often" if n > 5 else "never", "09-01") for n, name in enumerate(names)),
        ("odd", "orders", "many", "09-01"),
    )
    doing = ibis.memtable(
        pd.DataFrame({"customer_id": [*names, "odd"], "orders_per_30d": [*range(12), 1], "days_since_order": [*range(12), 1]})
    )
    doing = doing.mutate(orders_per_30d=ibis._.orders_per_30d.cast("float64"), days_since_order=ibis._.days_since_order.cast("float64"))
    claims = [
        {"item": "orders", "actual": "orders_per_30d", "name": "Orders a month"},
        {"item": "cooks", "order": ["never", "often"], "actual": "days_since_order", "name": "Cooks"},
    ]
    step = asked_step(claims)
    first, second = collect.claims(step, answers, doing)
    assert (first["n"], first["unread"], first["rho"], first["more"]) == (12, 1, pytest.approx(1.0), 0.0)
    assert second["rho"] < -0.8 and second["unread"] == 0, "those who say often bought long ago"
    shown = survey_page.claims_table([first, second], step.project).frame
    assert list(shown["name"]) == ["Orders a month", "Cooks"]
    assert survey_page.claims_words([first, second], step.project).startswith(
        "What is said follows what is done, closest for “Orders a month”"
    )
    assert survey_page.claims_words([second], step.project).startswith("What is said tells little")
    assert "too few answer" in survey_page.claims_words([], step.project)


# Hypotheses

HEARD = {
    "statement": "Most cook",
    "heard_from": "shop staff",
    "heard_on": date(2017, 2, 1),
    "item": "cooks",
    "answers": ["Yes "],
    "at_least": 0.6,
}


def said_yes(yes, no, weight_yes=1.0, weight_no=1.0):
    rows = [(f"c{n}", "cooks", "yes" if n < yes else "no", "09-01") for n in range(yes + no)]
    frame = pd.DataFrame(
        [(who, weight_yes if answer == "yes" else weight_no) for who, _, answer, _ in rows], columns=["customer_id", "weight"]
    )
    answers = table("answers", "customer_id question answer answered_at", *rows)
    return answers, survey.Weighted(ibis.memtable(frame), {"n": len(rows)})


@pytest.mark.parametrize(("at_least", "verdict"), [(0.7, "supported"), (0.8, "cannot tell"), (0.9, "contradicted")])
def test_a_hypothesis_is_judged_by_its_whole_interval(at_least, verdict):
    plan = project(collect={"hypotheses": [HEARD | {"at_least": at_least}]})
    (found,) = collect.hypotheses(*said_yes(80, 20), plan)
    # Wilson for 80 of 100: .7112 to .8666
    assert (found["n"], found["share"], found["low"], found["high"]) == (
        100,
        0.8,
        pytest.approx(0.7112, abs=1e-4),
        pytest.approx(0.8666, abs=1e-4),
    )
    assert found["verdict"] == verdict
    assert survey_page.hypotheses_table([found], plan).frame["verdict"].tolist() == [verdict]


def test_unequal_weights_change_the_share_and_widen_the_interval():
    plan = project(collect={"hypotheses": [HEARD]})
    (found,) = collect.hypotheses(*said_yes(50, 50, 1.5, 0.5), plan)
    # share 75/100; Σw² = 50 · 2.25 + 50 · .25 = 125, so 100 answers count as 100²/125 = 80
    assert (found["share"], found["effective"]) == (0.75, 80.0)
    assert (found["low"], found["high"]) == pytest.approx(survey.interval(0.75, 80))
    assert survey.interval(0.75, 80)[0] < survey.interval(0.75, 100)[0]


def test_a_hypothesis_without_enough_answers_or_without_a_survey_cannot_be_told():
    plan = project(collect={"hypotheses": [HEARD]})
    for found in (collect.hypotheses(*said_yes(5, 4), plan), collect.hypotheses(None, None, plan)):
        assert found[0]["verdict"] == "cannot tell" and found[0]["share"] is None
        assert survey_page.hypotheses_words(found).endswith("supports 0 and contradicts 0; 1 cannot be told.")
    assert collect.hypotheses(None, None, project()) == [] and survey_page.hypotheses_words([]) == ""


def test_a_unanimous_answer_is_no_error():
    (found,) = collect.hypotheses(*said_yes(20, 0, 1.1), project(collect={"hypotheses": [HEARD]}))
    assert found["share"] == pytest.approx(1.0) and found["high"] <= 1.0 and found["verdict"] == "supported"


def test_without_answers_and_comments_nothing_is_claimed():
    found = collect.asked(asked_step(), {"orders": orders(("ann", "1", "09-01", 1))}, customers(customer_id=["ann"]))
    assert found.compared is None and found.how is None and found.rated is None and found.claims == []
    assert found.document() == {"respondents": None, "raters": None, "weights": None, "claims": [], "hypotheses": []}
    assert survey_page.caveats(found.compared, found.how, found.rated, PLAN) == []
