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
from helpers.collect import stated, survey, survey_page
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
    same(stated.latest_answers(answers, "q").drop("answered_at"), {"customer_id": ["ann", "bea"], "answer": ["2", "a"]})


def test_spearmans_rank_correlation_by_hand():
    said = np.arange(10.0)
    assert stated.correlation(said, said * 3)["rho"] == pytest.approx(1.0)
    swapped = np.array([1, 0, 2, 3, 4, 5, 6, 7, 8, 9.0])
    found = stated.correlation(said, swapped)
    assert found["rho"] == pytest.approx(1 - 6 * 2 / (10 * 99))
    half = 1.959964 * math.sqrt((1 + found["rho"] ** 2 / 2) / 7)
    assert found["low"] == pytest.approx(math.tanh(math.atanh(found["rho"]) - half)) and found["low"] < found["rho"] < found["high"] < 1
    assert stated.correlation(said, np.ones(10))["rho"] is None and stated.correlation(said[:9], said[:9])["rho"] is None


def test_who_says_more_than_they_do():
    # by half an order and a tenth at least: 2 for 1 yes; 1 for 1 no; 4 for 3.6 no; 11 for 10.2 no, for a tenth of 10.2 is 1.02
    found = stated.says_more(np.array([2, 1, 4, 11.0]), np.array([1, 1, 3.6, 10.2]), words=False, unit="orders_per_30d")
    assert found == {"more": 0.25, "of": 4, "kind": "number"}
    # words have no unit: of the two who say "often", one does less than the median (2)
    found = stated.says_more(np.array([2, 2, 0, 1, 0.0]), np.array([1, 5, 2, 2, 3.0]), words=True, unit="orders_per_30d")
    assert found == {"more": 0.5, "of": 2, "kind": "words"}
    long_ago = stated.says_more(np.array([2, 2, 0.0]), np.array([90, 1, 5.0]), words=True, unit="days_since_order")
    assert long_ago["more"] == 0.5, "many days since the last order are little doing"
    assert stated.says_more(np.array([]), np.array([]), words=True, unit="orders_per_30d")["more"] is None


def asked_step(claims=(), hypotheses=()):
    plan = project(scope={"window_days": 90}, min_cell=2, collect={"survey": {"claims": list(claims)}, "hypotheses": list(hypotheses)})
    return SimpleNamespace(project=plan, as_of=AS_OF, sample=lambda t: engine.sample(t, 100, seed=1).execute())


def bought_before(names):
    """c00 … c11: so many orders in the window of 90 days before 1 September; each has bought once long before that."""
    lines = [(name, f"{name} first", "01-01", 1) for name in names]
    return orders(*lines, *((name, f"{name} {i}", "08-25", 5) for n, name in enumerate(names) for i in range(n)))


def test_claims_read_numbers_and_ordered_words_and_count_what_they_cannot_read():
    names = [f"c{n:02}" for n in range(12)]
    answers = table(
        "answers",
        "customer_id question answer answered_at",
        *((name, "orders", f"{n / 3},0" if n % 3 else f"{n // 3},0", "09-01") for n, name in enumerate(names)),
        *((name, "cooks", "Often" if n == 0 else "never", "09-01") for n, name in enumerate(names)),
        ("odd", "orders", "many", "09-01"),
        ("nobody", "orders", "3", "09-01"),
    )
    answers = answers.mutate(answer=answers.answer.replace(".", ",").re_replace(",0$", ""))
    claims = [
        {"item": "orders", "actual": "orders_per_30d", "name": "Orders a month"},
        {"item": "cooks", "order": ["never", "often"], "actual": "days_since_order", "name": "Cooks"},
    ]
    step = asked_step(claims)
    first, second = collect.claims(step, answers, customers(customer_id=[*names, "odd"]), bought_before([*names, "odd"]))
    assert (first["n"], first["unread"], first["short"], first["rho"], first["more"]) == (12, 1, 0, pytest.approx(1.0), 0.0)
    assert second["rho"] < -0.8 and second["unread"] == 0, "who says often bought long ago"
    shown = survey_page.claims_table([first, second], step.project).frame
    assert list(shown["name"]) == ["Orders a month", "Cooks"]
    assert survey_page.claims_words([first, second], step.project).startswith(
        "What is said follows what was done, closest for “Orders a month”"
    )
    assert survey_page.claims_words([second], step.project).startswith("What is said tells little")
    assert "too few answer" in survey_page.claims_words([], step.project)


def test_what_was_done_is_measured_up_to_the_answer_and_not_after_it():
    said = table("answers", "customer_id answered_at", *((c, "06-01") for c in ("ann", "bea", "cyd", "dan", "eve", "fay")))
    lines = table(
        "orders",
        "customer_id order_id ordered_at amount channel",
        ("zoe", "z", "01-01", 1, "web"),  # the first order of all
        ("ann", "a0", "01-02", 9, "web"),
        ("ann", "a1", "03-03 00:00", 30, "web"),  # 90 days before: the first moment of the window
        ("ann", "a2", "03-02 23:59", 99, "web"),
        ("ann", "a3", "05-31", 60, "store"),
        ("ann", "a4", "06-01 00:00", 99, "web"),  # at the answer itself
        ("ann", "a5", "05-30", -15, "web"),  # a credit note
        ("bea", "b1", "04-17", 10, "web"),  # known for 45 days; the first order only starts the clock
        ("bea", "b2", "05-02", 20, "store"),
        ("cyd", "c1", "05-12", 10, "web"),  # for 20 days
        ("dan", "d1", "06-02", 10, "web"),  # bought first after the answer
        ("eve", "e1", "02-01", 10, "web"),
        ("eve", "e2", "04-01", 10, "web"),
        ("eve", "e2", "04-02", -12, "web"),  # returned with more than it cost: no order
    )
    same(
        collect.done_before(said, lines, PLAN),
        {
            "customer_id": ["ann", "bea", "cyd", "dan", "eve", "fay"],
            "days": [90.0, 45.0, 20.0, np.nan, 90.0, np.nan],
            "orders_per_30d": [2 / 3, 2 / 3, 0.0, np.nan, 0.0, np.nan],
            "spend_per_30d": [25.0, 20 * 30 / 45, 0.0, np.nan, -2 / 3, np.nan],
            "days_since_order": [1.0, 30.0, 20.0, np.nan, 120.0, np.nan],
            "online_order_share": [0.5, 0.5, 1.0, np.nan, np.nan, np.nan],
        },
    )


def test_respondents_known_for_less_than_thirty_days_stand_apart():
    names = [f"c{n:02}" for n in range(12)]
    claims = [{"item": "q", "actual": "orders_per_30d", "name": "Orders a month"}]
    answers = table("answers", "customer_id question answer answered_at", *((c, "q", str(n % 5), "09-01") for n, c in enumerate(names)))
    old = [*((c, c, "08-02", 1) for c in names[:11]), ("zoe", "z", "01-01", 1)]  # 30 days before
    everybody = customers(customer_id=names)
    (found,) = collect.claims(asked_step(claims), answers, everybody, orders(*old, ("c11", "n", "08-03", 1)))
    assert (found["n"], found["short"], found["window_days"]) == (11, 1, 90)
    recent = orders(("zoe", "z", "01-01", 1), *((c, c, "08-03", 1) for c in names))
    (found,) = collect.claims(asked_step(claims), answers, everybody, recent)
    assert (found["n"], found["short"], found["rho"], found["more"]) == (0, 12, None, None)
    shown = survey_page.claims_table([found], asked_step(claims).project)
    assert shown.frame["interval"].tolist() == ["cannot tell"] and shown.frame["short"].tolist() == [12]
    assert "in the 90 days before each answer" in shown.note and "fewer than 30 days of history" in shown.note


def test_where_nobody_ever_bought_what_was_done_is_not_known():
    said = table("answers", "customer_id answered_at", ("ann", "06-01"))
    found = collect.done_before(said, orders(), PLAN).execute()
    assert found["customer_id"].tolist() == ["ann"] and found.drop(columns="customer_id").isna().all(axis=None)


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
    assert (found["low"], found["high"]) == pytest.approx(stated.interval(0.75, 80))
    assert stated.interval(0.75, 80)[0] < stated.interval(0.75, 100)[0]


def test_a_hypothesis_without_enough_answers_or_without_a_survey_cannot_be_told():
    plan = project(collect={"hypotheses": [HEARD]})
    for found in (collect.hypotheses(*said_yes(5, 4), plan), collect.hypotheses(None, None, plan)):
        assert found[0]["verdict"] == "cannot tell" and found[0]["share"] is None
        assert survey_page.hypotheses_words(found).endswith("supports 0 and contradicts 0; 1 cannot be told.")
    assert collect.hypotheses(None, None, project()) == [] and survey_page.hypotheses_words([]) == ""


def test_a_unanimous_answer_is_no_error():
    (found,) = collect.hypotheses(*said_yes(20, 0, 1.1), project(collect={"hypotheses": [HEARD]}))
    assert found["share"] == pytest.approx(1.0) and found["high"] <= 1.0 and found["verdict"] == "supported"


def test_a_hypothesis_about_some_is_tested_on_them_alone():
    answers, weighted = said_yes(60, 40)  # c0 … c59 yes
    half = ["c" + str(n) for n in range(0, 100, 2)]  # 30 of them yes
    people = ibis.memtable(
        pd.DataFrame({"customer_id": [f"c{n}" for n in range(100)], "home": ["own" if f"c{n}" in half else None for n in range(100)]})
    ).mutate(active=True, categories=ibis.cases((ibis._.customer_id < "c3", "|bread|cakes|")))
    typed = [
        HEARD | {"among": "home == 'own' and active"},
        HEARD | {"among": "contains(categories, '|bread|')"},  # c0, c1, c2, c10 … c29: 23 people, all of whom say yes
        HEARD | {"among": "home == 'rent'"},
        HEARD,
    ]
    plan = project(collect={"hypotheses": typed}, min_cell=2)
    some, bread, none, all_ = collect.hypotheses(answers, weighted, plan, people)
    assert (some["n"], some["share"]) == (50, 0.6) and (bread["n"], bread["share"]) == (23, 1.0) and all_["n"] == 100
    assert (none["n"], none["share"], none["verdict"]) == (0, None, "cannot tell")
    shown = survey_page.hypotheses_table([some, bread, none, all_], plan)
    assert shown.frame["among"].tolist() == [
        "home == 'own' and active",
        "contains(categories, '|bread|')",
        "home == 'rent'",
        "all customers",
    ]
    few = project(collect={"hypotheses": typed[:1]}, min_cell=51)
    assert collect.hypotheses(answers, weighted, few, people)[0]["share"] is None, "fewer than min_cell are told of by no share"
    wrong = project(collect={"hypotheses": [HEARD | {"among": "hoem == 'own'"}]})
    with pytest.raises(NinefoldError, match=r"collect\.hypotheses\[0\]\.among"):
        collect.hypotheses(answers, weighted, wrong, people)


def test_categories_are_those_bought_within_the_window():
    lines = table(
        "orders",
        "customer_id order_id ordered_at amount category",
        ("ann", "1", "09-01", 5, "cakes"),
        ("ann", "2", "09-02", 5, "bread"),
        ("ann", "3", "09-03", 5, "cakes"),
        ("ann", "4", "09-04", -5, "tea"),  # given back
        ("ann", "5", "01-01", 5, "milk"),  # long ago
        ("bea", "6", "09-01", 5, None),
    )
    same(stated.bought_in(lines, PLAN, as_of=AS_OF), {"customer_id": ["ann"], "categories": ["|bread|cakes|"]})
    assert stated.bought_in(orders(("ann", "1", "09-01", 5)), PLAN, as_of=AS_OF).execute()["categories"].isna().all()


def doing(weighted_loyal):
    rows = [("active", 0.5, 0.55, 0.52), ("loyal", 0.4, 0.62, weighted_loyal), ("spend_per_30d", 20.0, 25.0, 24.0)]
    rows = [(w, None, 50, 500, *numbers) for w, *numbers in [*rows, ("orders_per_30d", 1.0, 1.2, 1.1)]]
    return pd.DataFrame(rows, columns=["what", "level", "n", "all_n", "base", "members", "weighted"])


def test_what_the_weights_leave_unlike_everybody_is_said_beside_the_hypotheses():
    plan = project(collect={"hypotheses": [HEARD]}, min_cell=10)
    how = {"n": 50, "effect": 1.0, "effective": 50.0, "margins": ["sex"]}
    # loyal is 50 % above the base, spend 20 %, orders 10 %, active 4 %
    (said,) = survey_page.caveats(doing(0.6), how, None, plan)
    assert "Not mended by weights: loyal (60% among those who answer, weighted; 40% among all)." in said
    found = collect.hypotheses(*said_yes(80, 20), plan)
    assert "Not mended by weights: loyal (60%" in survey_page.hypotheses_table(found, plan, doing(0.6)).note
    (said,) = survey_page.caveats(doing(0.41), how, None, plan)
    assert "Not mended by weights: spend per 30 days ($24.00 among those who answer, weighted; $20.00 among all)." in said
    few = doing(0.6).assign(n=9)
    assert survey_page.not_mended(few, plan) == "", "nothing about fewer than min_cell"
    none = doing(0.4).assign(weighted=doing(0.4)["base"])
    assert survey_page.not_mended(none, plan) == ""


def test_without_answers_and_comments_nothing_is_claimed():
    found = collect.asked(asked_step(), {"orders": orders(("ann", "1", "09-01", 1))}, customers(customer_id=["ann"]))
    assert found.compared is None and found.how is None and found.rated is None and found.claims == []
    assert found.document() == {"respondents": None, "raters": None, "weights": None, "claims": [], "hypotheses": []}
    assert survey_page.caveats(found.compared, found.how, found.rated, PLAN) == []
