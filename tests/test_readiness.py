"""Step 3: what the data are ready for, why with numbers, and what it would take."""

from datetime import timedelta

import ibis
import pandas as pd
import pytest
from by_hand import AS_OF, orders, project, table

from helpers import collect
from helpers.collect import readiness, readiness_page

pytestmark = pytest.mark.usefixtures("in_english")

FACTS = {"orders": {"rows": 100, "missing": {"customer_id": 0, "order_id": 0, "ordered_at": 0, "amount": 0, "product_id": 0}}}


def ready(lines, plan=None, facts=FACTS, people=None, **tables) -> dict[str, dict]:
    """analysis → {code: (have, want, met)}, with `ready`."""
    customers = collect.one_row_each(people, lines)
    found = collect.ready_for({"orders": lines} | tables, customers, facts, plan or project(), as_of=AS_OF)
    assert [each["analysis"] for each in found] == list(readiness.ANALYSES)
    return {
        each["analysis"]: {r["code"]: (r["have"], r["want"], r["met"]) for r in each["requirements"]} | {"ready": each["ready"]}
        for each in found
    }


def bought(n, days_ago, *, first="2017-01-01"):
    """n customers with one order so many days before the end, and one who bought first on the first day."""
    when = (AS_OF - timedelta(days=days_ago)).isoformat()
    return orders(("first", "o", first, 1), *((f"c{i}", f"o{i}", when, 1) for i in range(n)))


def test_the_lifetime_value_takes_a_thousand_profiles_a_year_and_few_gaps():
    year_ago = (AS_OF - timedelta(days=365)).date().isoformat()
    found = ready(bought(999, 10, first=year_ago))["clv"]
    assert found == {"profiles": (1000, 1000, True), "history_days": (365, 365, True), "missing": (0.0, 0.2, True), "ready": True}
    found = ready(bought(998, 10, first=(AS_OF - timedelta(days=364)).date().isoformat()))["clv"]
    assert found["profiles"] == (999, 1000, False) and found["history_days"] == (364, 365, False) and not found["ready"]
    gaps = {"orders": {"rows": 100, "missing": {"customer_id": 20}}}
    assert ready(bought(3, 10), facts=gaps)["clv"]["missing"] == (0.2, 0.2, False), "below 20 %, not 20 %"


def test_a_later_period_takes_the_window_and_two_horizons():
    plan = project(scope={"window_days": 90, "horizon_days": 91})
    assert ready(bought(1, 10, first=(AS_OF - timedelta(days=272)).date().isoformat()), plan)["later_period"]["ready"]
    assert not ready(bought(1, 10, first=(AS_OF - timedelta(days=271)).date().isoformat()), plan)["later_period"]["ready"]


def test_a_segmentation_takes_sixty_customers_a_variable_within_the_window():
    plan = project(scope={"window_days": 90, "variables_planned": 2})
    assert ready(bought(120, 90), plan)["segmentation"]["customers"] == (120, 120, True)
    assert ready(bought(120, 91), plan)["segmentation"]["customers"] == (0, 120, False)


def test_who_stopped_is_who_bought_nothing_for_the_attrition_period():
    plan = project(variables={"attrition_after_days": 30})
    assert ready(bought(100, 31), plan)["attrition"]["lost"] == (101, 100, True)  # and the first one
    assert ready(bought(99, 30), plan)["attrition"]["lost"] == (1, 100, False)  # on the day itself nobody is lost


def test_campaigns_count_with_both_arms_and_the_smallest_control_group():
    def mailed(sent, held, campaign="k1", control="Control"):
        return [*((f"s{i}", campaign, "test") for i in range(sent)), *((f"h{i}", campaign, control) for i in range(held))]

    def uplift(rows):
        contacts = table("contacts", "customer_id campaign_id arm sent_at", *((*row, "09-01") for row in rows))
        return ready(bought(1, 10), contacts=contacts)["uplift"]

    assert uplift(mailed(300, 100)) == {"campaigns": (1, 1, True), "control": (100, 100, True), "ready": True}
    assert uplift(mailed(300, 100) + mailed(300, 99, "k2", "témoin"))["control"] == (99, 100, False)
    assert uplift(mailed(300, 0)) == {"campaigns": (0, 1, False), "control": (None, 100, False), "ready": False}
    assert uplift([("s1", "k1", None), ("h1", "k1", "control")])["campaigns"] == (0, 1, False), "an arm that nobody knows is none"
    assert ready(bought(1, 10))["uplift"]["campaigns"] == (None, 1, False)


def test_surveys_consents_and_comments_count_customers_of_ours():
    names = [f"c{i}" for i in range(600)]
    lines = orders(*((name, name, "09-01", 1) for name in names))
    asked = names[:500]
    answers = table("answers", "customer_id question answer answered_at", *((c, "q", "1", "09-01") for c in [*asked, "gone"]))
    consents = table(
        "consents", "customer_id channel purpose granted updated_at", *((c, "email", "marketing", False, "09-01") for c in names[:299])
    )
    said = [(c, "09-01", "hm" if n else " ", 5.0 if n < 50 else None) for n, c in enumerate(names[:201])]
    comments = table("comments", "customer_id said_at text rating", *said)
    plan = project(variables={"scales": {"price": {"name": "Price", "items": ["a", "b", "c"]}}})
    found = ready(lines, plan, answers=answers, consents=consents, comments=comments)
    assert found["scales"] == {"respondents": (500, 500, True), "items": (3, 3, True), "ready": True}
    assert found["reach"]["asked"] == (299 / 600, 0.5, False)
    assert found["sentiment"] == {"comments": (200, 200, True), "rated": (50, 50, True), "ready": True}
    assert found["personas"]["described"] == (0.0, 0.5, False), "one item to which all said the same tells nobody apart"


def test_a_credit_note_is_no_order():
    lines = orders(
        ("ann", "1", "08-31", 5),
        ("ann", "2", "09-20", -5),  # a credit note of its own
        ("bea", "3", "01-01", 5),
        ("bea", "4", "09-20", -5),
        ("cyd", "5", "09-01", 5),
        ("cyd", "6", "09-02", 5),
        ("dan", "7", "09-02", -5),  # never bought
        ("eve", "8", "09-02", 5),
        ("eve", "9", "09-03", 5),
        ("eve", "9", "09-04", -6),  # its returns outweigh it
    )
    found = ready(lines, project(scope={"window_days": 90}, variables={"attrition_after_days": 30}))
    assert found["next_product"]["repeat_share"][0] == 1 / 4 and found["clv"]["profiles"][0] == 4
    assert found["rfm"]["customers"][0] == 3, "bea gave back within the window and bought nothing"
    assert found["attrition"]["lost"][0] == 2, "ann and bea bought last more than 30 days before the end"


def test_personas_take_two_things_that_tell_customers_apart():
    def described(**columns):
        people = ibis.memtable(pd.DataFrame({"customer_id": [f"c{n}" for n in range(40)]} | columns))
        lines = orders(*((f"c{n}", f"o{n}", "09-01", 1) for n in range(40)))
        return ready(lines, project(min_cell=10), people=people)["personas"]["described"]

    sex, home = ["F", "M"] * 20, ["own"] * 20 + ["rent"] * 10 + [None] * 10
    assert described(sex=sex, home=home) == (0.75, 0.5, True)
    assert described(sex=sex) == (0.0, 0.5, False), "one thing makes no persona"
    assert described(sex=sex, country=["FR"] * 40) == (0.0, 0.5, False), "everybody has it"
    assert described(sex=sex, vip=["no"] * 31 + ["yes"] * 9) == (0.0, 0.5, False), "nine are fewer than the smallest cell"
    assert described(sex=sex, number=[f"A{n}x" for n in range(40)]) == (0.0, 0.5, False), "each has another"


def test_survey_items_describe_personas_when_answers_differ():
    names = [f"c{n}" for n in range(40)]
    said = [(c, q, str(n % 2), "09-01") for n, c in enumerate(names[:24]) for q in ("a", "b")]
    answers = table("answers", "customer_id question answer answered_at", *said, *((c, "same", "1", "09-01") for c in names))
    lines = orders(*((c, c, "09-01", 1) for c in names))
    assert ready(lines, project(min_cell=10), answers=answers)["personas"]["described"] == (0.6, 0.5, True)


def test_what_is_not_there_is_not_zero_but_unknown():
    found = ready(bought(3, 10))
    for analysis, code in [
        ("scales", "respondents"),
        ("reach", "asked"),
        ("sentiment", "comments"),
        ("personas", "described"),
        ("firms", "firms"),
    ]:
        assert found[analysis][code][0] is None and not found[analysis]["ready"]
    assert found["next_product"]["product_share"][0] is None


def test_firms_are_told_by_their_number_or_their_kind():
    people = ibis.memtable(
        pd.DataFrame(
            [("a", "123", "person"), ("b", None, "Firm"), ("c", " ", "person"), ("d", None, None)], columns=["customer_id", "siret", "kind"]
        )
    )
    assert ready(bought(1, 10), people=people)["firms"]["firms"] == (2, 100, False)


def test_no_orders_at_all_is_not_ready_and_no_error():
    found = ready(orders(), facts={"orders": {"rows": 0, "missing": {}}})
    assert not any(found[a]["ready"] for a in ("segmentation", "rfm", "later_period", "clv", "attrition", "next_product"))


# What is said


def test_each_line_says_why_and_what_it_would_take():
    lines = bought(998, 10)
    found = collect.ready_for({"orders": lines}, collect.one_row_each(None, lines), FACTS, project(), as_of=AS_OF)
    shown = readiness_page.readiness_table(found, 10).frame.set_index("analysis")
    row = shown.loc["Customer lifetime value"]
    assert row["ready"] == "not ready"
    assert row["why"] == (
        "customers with an order: 999 (1,000 needed); days of history: 273 (365 needed); empty cells in customer, order, date and amount: "
        "0% (below 20% needed)"
    )
    assert row["takes"] == "more customers with an order; a longer history"
    assert shown.loc["Recency, frequency and monetary value", "ready"] == "ready"
    assert shown.loc["Recency, frequency and monetary value", "takes"] == ""
    said = readiness_page.readiness_words(found)
    assert said.startswith("These data are ready for 1 of 12 later analyses; not for ") and "customer lifetime value" in said
    assert "everything" in readiness_page.readiness_words([each | {"ready": True} for each in found])


def test_a_count_of_few_customers_is_not_told():
    need = {"analysis": "firms", "ready": False, "requirements": [readiness.requirement("firms", 9, 100)]}
    assert readiness_page.readiness_table([need], 10).frame["why"].tolist() == ["business customers: fewer than 10 (100 needed)"]
    need["requirements"] = [readiness.requirement("firms", 10, 100)]
    assert readiness_page.readiness_table([need], 10).frame["why"].tolist() == ["business customers: 10 (100 needed)"]


def test_every_requirement_has_words_for_what_it_would_take():
    assert set(readiness.REQUIREMENTS) == set(readiness_page.TAKES)
    assert set(readiness.WORK) == set(readiness.ANALYSES)
