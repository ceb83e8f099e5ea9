"""Step 2: who is in scope at each border, what a window may see, and how much the customers left would allow."""

import math
from datetime import timedelta

import numpy as np
import pytest
from by_hand import AS_OF, at, orders, project, rows_of, same, table

from helpers import NinefoldError, engine, scope, words
from helpers.project import Filter
from helpers.scope import page

BOUGHT = orders(
    ("dot", "d1", "10-01", 99),  # exactly at the end: not seen
    ("ann", "a3", "09-30 23:59", 4),
    ("ann", "a1", "06-01", 10),
    ("ann", "a2", "09-01", 6),  # first instant of a window of thirty days
    ("bea", "b1", "08-31 23:59", 50),  # one purchase, a minute before that window
    ("cyd", "c1", "09-05", 20),
    ("cyd", "c2", "09-05 12:00", 20),  # the same day
    ("eve", "e1", "09-10", 8),
    ("eve", "e2", "09-20", -30),  # a refund larger than the purchase
    ("fay", "f1", "09-12", -5),  # a refund alone
    (None, "n1", "09-12", 500),
)


pytestmark = pytest.mark.usefixtures("in_english")


def seen(bought=BOUGHT, as_of=AS_OF, window_days=30):
    return scope.customers_seen(bought, as_of=as_of, window_days=window_days)


def plan(*filters: tuple[str, float], **more):
    fields = {"window_days": 30, "filters": [{"rule": rule, "value": value} for rule, value in filters]}
    return project(scope=fields | more, min_cell=2)


# Who is seen


def test_a_customer_seen_has_first_and_last_order_and_what_the_window_holds():
    same(
        seen().drop("known_days", "silent_days"),
        {
            "customer_id": ["ann", "bea", "cyd", "eve", "fay"],
            "first_ordered_at": [at("06-01"), at("08-31 23:59"), at("09-05"), at("09-10"), at("09-12")],
            "last_ordered_at": [at("09-30 23:59"), at("08-31 23:59"), at("09-05 12:00"), at("09-10"), None],
            "orders": [2, 0, 2, 1, 0],
            "spend": [10.0, 0.0, 40.0, -22.0, -5.0],
        },
    )


def test_days_are_counted_to_the_end_in_seconds():
    found = rows_of(seen())[["customer_id", "known_days", "silent_days"]]
    minute = 1 / 1440
    same(
        found,
        {
            "customer_id": ["ann", "bea", "cyd", "eve", "fay"],
            "known_days": [122.0, 30 + minute, 26.0, 21.0, 19.0],
            "silent_days": [minute, 30 + minute, 25.5, 21.0, None],
        },
    )


def test_without_orders_nobody_is_seen():
    assert seen(orders()).execute().empty
    funnel = scope.funnel(orders(), plan(("orders_at_least", 1)), as_of=AS_OF)
    same(
        funnel[["n", "share", "revenue", "revenue_share"]],
        {"n": [0, 0], "share": [0.0] * 2, "revenue": [0.0] * 2, "revenue_share": [0.0] * 2},
        by="n",
    )


# The filters, each at its border


@pytest.mark.parametrize(
    ("rule", "value", "left"),
    [
        ("known_for_days", 26, {"ann", "bea", "cyd"}),  # cyd's first order was exactly 26 days before
        ("known_for_days", 26.01, {"ann", "bea"}),
        ("bought_within_days", 21, {"ann", "eve"}),  # eve's last purchase was exactly 21 days before; the refund is none
        ("bought_within_days", 20.99, {"ann"}),
        ("spent_more_than", 10, {"cyd"}),  # ann spent exactly 10
        ("spent_more_than", 9.99, {"ann", "cyd"}),
        ("orders_at_least", 2, {"ann", "cyd"}),
        ("orders_at_least", 3, set()),
        ("orders_at_least", 1, {"ann", "cyd", "eve"}),  # fay only returned something
    ],
)
def test_each_filter_at_its_border(rule, value, left):
    everybody = seen()
    passed = everybody.filter(scope.passes(everybody, Filter(rule=rule, value=value))).execute()
    assert set(passed["customer_id"]) == left


def test_the_funnel_counts_who_is_left_and_their_revenue_after_each_filter():
    filters = plan(("known_for_days", 20), ("bought_within_days", 30), ("orders_at_least", 1))
    found = scope.funnel(BOUGHT, filters, as_of=AS_OF)
    # all: 10 + 0 + 40 − 22 − 5 = 23; fay goes (one customer: her revenue would show), then bea, then nobody
    assert list(found["n"]) == [5, 4, 3, 3]
    assert list(found["share"]) == [1.0, 0.8, 0.6, 0.6]
    assert found["label"].tolist()[1:3] == ["First order at least 20 days before the end", "An order within the last 30 days"]
    np.testing.assert_allclose(found["revenue"], [23, np.nan, 28, 28])
    np.testing.assert_allclose(found["revenue_share"], [1, np.nan, 28 / 23, 28 / 23])


def test_no_difference_between_two_rows_of_the_funnel_is_what_a_few_spent():
    bought = orders(*((f"c{i:02d}", str(i), "09-10" if i else "05-01", 10 + i) for i in range(30)), ("c01", "x", "06-01", 1))
    filters = [("bought_within_days", 60), ("known_for_days", 20), ("orders_at_least", 2)]
    found = scope.funnel(bought, plan(*filters).model_copy(update={"min_cell": 5}), as_of=AS_OF)
    assert list(found["n"]) == [30, 29, 29, 0] and list(found["revenue"].isna()) == [False, True, True, False]
    assert page.funnel_words(found.head(2))["title"].startswith("29 customers to segment: 97% of those seen, –")
    told = page.caveats(plan(*filters[:1]).model_copy(update={"min_cell": 5}), found.head(2), bought, as_of=AS_OF)
    assert "The filters leave out fewer than 5 customers." in told


def test_the_population_passes_every_filter_whatever_their_order():
    filters = [("known_for_days", 20), ("bought_within_days", 30), ("orders_at_least", 2)]
    for order in (filters, filters[::-1]):
        assert set(scope.population(BOUGHT, plan(*order), as_of=AS_OF).customer_id.execute()) == {"ann", "cyd"}


def test_the_population_as_of_an_earlier_day_sees_nothing_later():
    filters = plan(("bought_within_days", 30), ("orders_at_least", 1))
    early = at("09-10")  # eve's purchase lies exactly there
    whole = scope.population(BOUGHT, filters, as_of=early)
    cut = scope.population(BOUGHT.filter(BOUGHT.ordered_at < early), filters, as_of=early)
    same(whole, rows_of(cut).to_dict("list"))
    assert set(whole.customer_id.execute()) == {"ann", "bea", "cyd"}
    assert set(scope.population(BOUGHT, filters, as_of=AS_OF).customer_id.execute()) == {"ann", "cyd", "eve"}


# Windows


def windows(first, **lengths):
    return engine.windows(AS_OF, **({"window_days": 90, "horizon_days": 90} | lengths), first=at(first))


def test_select_and_confirm_are_judged_on_days_that_they_have_not_seen():
    found = windows("01-01")
    shape = {n: (w.built_from, w.built_at, w.judged_until) for n, w in found.items()}
    assert shape == {
        "select": (at("01-04"), at("04-04"), at("07-03")),
        "confirm": (at("04-04"), at("07-03"), AS_OF),
        "published": (at("07-03"), AS_OF, None),
    }
    assert all(w.enough for w in found.values())
    assert page.windows_words(found)["title"].startswith("History is long enough to build twice")


@pytest.mark.parametrize(
    ("first", "enough", "claim"),
    [
        ("01-04 18:00", [True, True, True], "build twice"),  # opens during the first day: long enough
        ("01-05", [False, True, True], "long enough to confirm"),
        ("04-05", [False, False, True], "too short to judge"),
    ],
)
def test_a_window_that_begins_before_the_history_is_not_enough(first, enough, claim):
    found = windows(first)
    assert [w.enough for w in found.values()] == enough and claim in page.windows_words(found)["title"]


def test_the_timeline_has_a_bar_for_what_is_built_and_one_for_what_judges():
    found = scope.windows_frame(windows("01-01", window_days=30, horizon_days=10))
    assert list(found["part"]) == ["built on", "judged on", "built on", "judged on", "built on"]
    judged = found[found["part"] == "judged on"]
    assert list(judged["start"]) == [at("09-11"), at("09-21")] and list(judged["end"]) == [at("09-21"), AS_OF]


# Types of segmentation


def test_types_are_possible_where_their_columns_are_mapped_and_partly_where_few_are_described():
    types = scope.possible_types(project(tables=("orders", "customers")), {"customers": 0.79}).set_index("type")["status"]
    assert types.to_dict() == {
        "a_priori": "possible",
        "needs": "no",
        "value": "possible",
        "demographic": "partly",
        "geographic": "no",
        "technographic": "no",
        "behavioural": "possible",
        "psychographic": "no",
        "journey": "no",
    }
    why = scope.possible_types(project(), {}).set_index("type").loc["a_priori", "why"]
    assert why == (
        "by rules over the orders; a comparison with today’s segments would take a column with the company’s present segments "
        "(customers.current_segment)"
    )
    enough = scope.possible_types(project(tables=("orders", "customers")), {"customers": 0.8}).set_index("type")
    assert enough.loc["demographic", "status"] == "possible"


def test_without_a_description_of_customers_nobody_is_described():
    assert scope.described_share(BOUGHT, None) == {}
    types = scope.possible_types(project(), {}).set_index("type")
    assert types.loc["demographic", "status"] == "no" and "age, household or income" in types.loc["demographic", "why"]


def test_the_share_described_is_of_those_who_bought():
    described = table("customers", "customer_id age", ("ann", "30"), ("ann", "31"), ("zoe", "50"), ("cyd", None))
    assert scope.described_share(BOUGHT, described) == {"customers": 2 / 6}  # of ann, bea, cyd, dot, eve, fay


# Is it enough?


@pytest.mark.parametrize(("n", "verdict"), [(20 * 59, "too few"), (20 * 60 - 1, "too few"), (20 * 60, "just enough")])
def test_sixty_customers_a_variable_are_the_least(n, verdict):
    assert scope.sample_size(n, 20)["verdict"] == verdict


@pytest.mark.parametrize(
    ("n", "verdict", "most"), [(1999, "just enough", 19), (2000, "enough", 20), (2099, "enough", 20), (0, "too few", 0)]
)
def test_a_hundred_customers_a_variable_are_safe(n, verdict, most):
    assert scope.sample_size(n, 20) == {"n": n, "planned": 20, "low": 1200, "high": 2000, "verdict": verdict, "most": most}


def needed(response: float, rise: float) -> float:
    """Customers in each of two equal groups (Fleiss, Levin & Paik 2003, chapter 4, without continuity correction)."""
    raised = response + rise
    mean = (response + raised) / 2
    under_none = 1.959964 * math.sqrt(2 * mean * (1 - mean))
    under_rise = 0.841621 * math.sqrt(response * (1 - response) + raised * (1 - raised))
    return ((under_none + under_rise) / rise) ** 2


def test_the_smallest_rise_asks_for_exactly_the_customers_there_are():
    found = scope.sizes(2_000, project(), 0.125)
    assert list(found["segments"]) == [3, 4, 5, 6] and list(found["customers"]) == [666, 500, 400, 333]
    for row in found.itertuples():
        assert needed(0.125, row.visible) == pytest.approx(2_000 / row.segments / 2, rel=1e-9)


def test_the_smallest_rise_is_found_in_four_cases_of_five():
    # 40,000 tests of 200 against 200 from 12.5 %, judged by Newcombe's interval: 80 % ± 1.5 points.
    rise, draw, arm, z = scope.smallest_rise(0.125, 200), np.random.default_rng(1), 200, 1.959964

    def wilson(successes):
        p = successes / arm
        centre, half = p + z * z / 2 / arm, z * np.sqrt(p * (1 - p) / arm + z * z / 4 / arm**2)
        return (centre - half) / (1 + z * z / arm), (centre + half) / (1 + z * z / arm)

    def found(rise):
        reached, control = draw.binomial(arm, 0.125 + rise, 40_000), draw.binomial(arm, 0.125, 40_000)
        low, high = wilson(reached)[0], wilson(control)[1]
        apart = (reached - control) / arm
        return (apart - np.sqrt((reached / arm - low) ** 2 + (high - control / arm) ** 2) > 0).mean()

    assert found(rise) == pytest.approx(0.80, abs=0.015)
    today_only = 2.801585 * math.sqrt(2 * 0.125 * 0.875 / arm)  # with the variance of today's rate on both sides
    assert found(today_only) < 0.72


@pytest.mark.parametrize("response", [None, 0.0])
def test_without_a_response_rate_no_visible_rise_is_claimed(response):
    assert scope.sizes(2_000, project(), response)["visible"].isna().all()


def test_groups_so_small_that_even_an_answer_from_all_would_be_missed_show_nothing():
    assert scope.smallest_rise(0.5, 3) is None and scope.smallest_rise(0.5, 30) is not None
    assert scope.sizes(5, project(), 0.5)["visible"].isna().all()


def test_the_response_is_that_of_step_one():
    handed = [{"value": 9.0, "plan": {"metric": "revenue_per_customer"}}, {"value": 0.1, "plan": {"metric": "response_rate"}}]
    assert scope.response_of({"objectives": handed}) == 0.1
    assert scope.response_of({"objectives": handed[:1]}) is None


# What the page says


def test_the_limits_name_who_is_left_out_and_whose_purchases_nobody_knows():
    filters = plan(("orders_at_least", 2))
    told = page.caveats(filters, scope.funnel(BOUGHT, filters, as_of=AS_OF), BOUGHT, as_of=AS_OF)
    # window: 10 + 40 − 22 − 5 + 500 = 523, of which 500 without a customer; two of five left, with 50 of 23
    assert any("leave out 3 customers" in each for each in told)
    assert any(each.startswith("95.6% of the window’s revenue has no known customer") for each in told)
    known = BOUGHT.filter(BOUGHT.customer_id.notnull())
    told = page.caveats(filters, scope.funnel(known, filters, as_of=AS_OF), known, as_of=AS_OF)
    assert any(each.startswith("Every purchase in these data has a known customer") for each in told)


def test_the_scope_is_handed_over_with_what_later_steps_may_not_change():
    filters, found = plan(("orders_at_least", 2)), windows("01-01", window_days=30)
    frame = scope.funnel(BOUGHT, filters, as_of=AS_OF)
    size, types = scope.sample_size(2, 20), scope.possible_types(filters, {})
    handed = scope.as_document(filters, frame, found, types, size)
    assert [row["n"] for row in handed["population"]] == [5, 2]
    assert handed["windows"]["select"]["judged_until"] == AS_OF - timedelta(days=90)
    assert handed["criteria"]["measurable_half_width"] == 0.2 and handed["types"]["value"] == "possible"
    said = page.summary(frame, found, types, size, scope.sizes(2, filters, None), filters)
    assert said["headline"] == "2 customers will be segmented, 40% of those seen; 3 of nine types are possible here."


@pytest.mark.parametrize(
    ("filters", "least", "message"),
    [
        ((("orders_at_least", 2),), 3, "field scope.filters: orders_at_least 2 leaves 2 customers, fewer than min_cell (3)"),
        ((), 6, "table orders: these data have 5 customers with an order before the end; 6 are needed (min_cell). Give more rows"),
    ],
)
def test_too_few_customers_stop_the_step_and_the_filter_is_named(filters, least, message):
    project = plan(*filters).model_copy(update={"min_cell": least})
    with pytest.raises(NinefoldError) as error:
        scope.require_customers(scope.funnel(BOUGHT, project, as_of=AS_OF), project)
    assert message in str(error.value)


def test_a_test_within_a_segment_is_set_against_the_plausible_rise():
    words.use("en", currency="EUR")
    wide, narrow = (page.sizes_words(scope.sizes(n, plan(), 0.1), plan()) for n in (200_000, 2_000))
    assert "less than the plausible 5.0" in wide and "more than the plausible 5.0" in narrow
    assert "cannot be told" in page.sizes_words(scope.sizes(2_000, plan(), None), plan())


def test_one_customer_is_told_to_be_one_and_how_many_are_needed():
    found = scope.funnel(orders(("ann", "1", "09-01", 5)), plan(), as_of=AS_OF)
    with pytest.raises(NinefoldError, match="these data have 1 customer with an order before the end; 2 are needed"):
        scope.require_customers(found, plan())
