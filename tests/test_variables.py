"""Step 4: every variable worked out by hand, transforms learnt once, redundancy, contribution, and nobody given away."""

from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, at, project, rows_of, same, table
from pandas.testing import assert_frame_equal

from helpers import NinefoldError, engine, tables, variables
from helpers.variables import catalogue_page, page, people_page, spread
from helpers.variables.catalogue import MEASURES, Variable, catalogue, check_names
from helpers.variables.choose import skewness

LINE = "customer_id order_id ordered_at product_id category amount discount coupon brand store_id"
# The window is September; 1 October 2017 is a Sunday, the first half ends with the 15th.
LINES = [
    ("fay", "f1", "09-30 12:00", "p1", "DRY", 2, 0, 0, "own", "s1"),  # first seen half a day before the end
    ("ann", "a2", "09-20 18:00", "p3", "DRY", 10, 2, 0, "own", "s1"),  # Wednesday, the first evening hour
    ("ann", "a1", "09-02 10:00", "p1", "FRESH", 6, 1, 0, "own", "s1"),  # Saturday morning
    ("ann", "a1", "09-02 10:00", "p2", "DRY", 4, 0, 0.5, "other", "s1"),  # with a coupon
    ("ann", "a3", "09-20 12:00", "p1", "FRESH", 20, 0, 0, "other", "s2"),  # the same day, noon is no morning
    ("ann", "r1", "09-25 19:00", "p3", "TOYS", -10, -2, 1, "own", "s3"),  # a refund alone
    ("ann", "a4", "10-01", "p1", "FRESH", 999, 0, 0, "own", "s9"),  # exactly at the end: not seen
    ("ann", "a0", "08-31 23:59", "p1", "FRESH", 999, 0, 0, "own", "s8"),  # a minute before the window
    ("bea", "b1", "09-21", "p9", None, 12, None, None, None, None),  # one purchase, ten days before the end, little known of it
    ("cyd", "c1", "08-10", "p1", "DRY", 7, 0, 0, "own", "s1"),  # bought nothing in the window
    ("dot", "d1", "07-01", "p1", "DRY", 5, 0, 0, "own", "s1"),
    ("dot", "r2", "09-10", "p1", "DRY", -15, 0, 0, "own", "s1"),  # only a refund in it, larger than the purchase
    ("eve", "e1", "09-01", "p1", "FRESH", 0, 0, 0, "own", "s1"),  # given away, at the first instant of the window
]
FIRST = {"ann": "06-01", "bea": "09-21", "cyd": "05-01", "dot": "07-01", "eve": "09-01", "fay": "09-30 12:00"}
MAILED = [
    ("ann", "m1", "08-05", "08-10"),
    ("ann", "m2", "08-20", "09-25"),  # answered too late
    ("cyd", "m3", "09-10", "09-11"),  # has not had its thirty days
]
REDEEMED = [
    ("ann", "09-05", "coupon_redeemed", "x"),
    ("ann", "09-05", "coupon_redeemed", "y"),
    ("ann", "09-06", "visit", "x"),
    ("ann", "10-01", "coupon_redeemed", "z"),
    ("ann", "08-31 23:59", "coupon_redeemed", "z"),
    ("cyd", "09-01", "coupon_redeemed", "x"),
]
SHOP = {
    "tables": ("orders", "contacts", "events"),
    "variables": {"own_brand": ["own"], "category_groups": {"fresh_share": ["FRESH"]}, "share_names": {"fresh_share": "fresh food"}},
}
EXPECTED = {
    "customer_id": ["ann", "bea", "cyd", "dot", "eve", "fay"],
    "recency_days": [10, 10, 52, 92, 30, 0],
    "gap_days": [(18 + 8 / 24) / 2, None, None, None, None, None],
    "orders_per_30d": [3, 3, 0, 0, 1, 30],  # bea is exposed for ten days, fay for one, the least
    "active_weeks_share": [2 / 5, 1 / 2, 0, 0, 1 / 5, 1],
    "spend_per_30d": [30, 36, 0, -15, 0, 60],
    "spend_per_order": [10, 12, None, None, 0, 2],
    "lines_per_order": [4 / 3, 1, None, None, 1, 1],
    "departments": [2, 0, 0, 0, 1, 1],
    "discount_share": [3 / 43, 0, None, None, None, 0],  # bea never had one: her blanks are no discount
    "coupon_order_share": [1 / 3, None, None, None, 0, 0],
    "own_brand_share": [16 / 40, 0, None, None, None, 1],
    "fresh_share": [26 / 40, 0, None, None, None, 0],
    "weekend_order_share": [1 / 3, 0, None, None, 0, 1],
    "evening_order_share": [1 / 3, 0, None, None, 0, 0],
    "morning_order_share": [1 / 3, 1, None, None, 1, 0],
    "stores_visited": [2, 0, 0, 0, 1, 1],
    "main_store_share": [2 / 3, None, None, None, 1, 1],
    "spend_trend": [(30 - 10) / 40, None, None, None, None, None],
    "response_rate": [1 / 2, None, None, None, None, None],
    "coupons_redeemed_per_30d": [2, 0, 1, 0, 0, 0],
    "repeat": [1, 0, None, None, 0, 0],
    "refund_share": [10 / 40, 0, None, None, None, 0],
    "refund_order_share": [1 / 3, 0, None, None, 0, 0],
    "visits_per_30d": [1, 0, 0, 0, 0, 0],
    "days_since_visit": [25, None, None, None, None, None],
    "basket_abandon_share": [None] * 6,
    "mails_opened_share": [None] * 6,
    "mails_clicked_share": [None] * 6,
}


pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture(autouse=True)
def running(monkeypatch):
    """A step in progress whose smallest cell is ten."""

    class Running:
        project = project(**SHOP)

    monkeypatch.setattr("helpers.run.current", lambda: Running)


def known(lines=LINES, mailed=MAILED, redeemed=REDEEMED) -> dict[str, ibis.Table]:
    return {
        "orders": table("orders", LINE, *lines),
        "contacts": table("contacts", "customer_id campaign_id sent_at responded_at", *mailed),
        "events": table("events", "customer_id occurred_at kind detail", *redeemed),
    }


def people(first=None) -> ibis.Table:
    first = FIRST if first is None else first
    frame = pd.DataFrame({"customer_id": list(first), "first_ordered_at": pd.to_datetime([at(day) for day in first.values()])})
    return ibis.memtable(frame, schema={"customer_id": "string", "first_ordered_at": "timestamp"})


def measured(lines=LINES, first=None, shop=None, as_of=AS_OF, window_days=30, **more) -> pd.DataFrame:
    plan = project(**SHOP) if shop is None else shop
    return rows_of(variables.measure(known(lines, **more), people(first), plan, as_of=as_of, window_days=window_days))


# What is measured


@pytest.fixture(scope="module")
def shoppers() -> pd.DataFrame:
    return measured()


def test_the_hand_made_set_has_every_variable(shoppers):
    assert sorted(shoppers.columns) == sorted(EXPECTED) == sorted(["customer_id", *(v.name for v in variables.catalogue(project(**SHOP)))])


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "customer_id"])
def test_each_variable_is_what_it_is_worked_out_to_be(shoppers, name):
    same(shoppers[["customer_id", name]], {"customer_id": EXPECTED["customer_id"], name: np.array(EXPECTED[name], dtype=float)}, rtol=1e-12)


def test_the_order_of_rows_changes_nothing(shoppers):
    assert_frame_equal(measured(LINES[::-1], dict(list(FIRST.items())[::-1]), mailed=MAILED[::-1], redeemed=REDEEMED[::-1]), shoppers)


@pytest.mark.parametrize("rename", [{"ann": "a", "bea": "b", "cyd": "c"}, {"ann": "zz", "bea": "007", "cyd": "Ünal"}])
def test_other_names_for_customers_change_nothing_but_the_names(shoppers, rename):
    def renamed(rows):
        return [(rename.get(who, who), *rest) for who, *rest in rows]

    found = measured(
        renamed(LINES), {rename.get(who, who): day for who, day in FIRST.items()}, mailed=renamed(MAILED), redeemed=renamed(REDEEMED)
    )
    same(found, shoppers.replace({"customer_id": rename}).to_dict("list"))


def test_nobody_measured_is_an_empty_table_with_all_columns():
    found = measured(first={})
    assert found.empty and len(found.columns) == len(EXPECTED)


def test_customers_without_any_line_have_counts_of_zero_and_shares_missing():
    found = measured(lines=[], first={"ann": "06-01"}, mailed=[], redeemed=[]).iloc[0]
    zero = ["orders_per_30d", "active_weeks_share", "spend_per_30d", "departments", "stores_visited", "coupons_redeemed_per_30d"]
    zero.append("visits_per_30d")
    assert found[zero].tolist() == [0] * 7 and found.drop(["customer_id", *zero]).isna().all()


def test_the_first_and_the_last_instant_of_the_window():
    edge = [("ann", "1", "09-01", 1), ("ann", "2", "08-31 23:59", 2), ("ann", "3", "09-30 23:59", 4), ("ann", "4", "10-01", 8)]
    lines = [(who, order, day, "p", "DRY", paid, 0, 0, "own", "s1") for who, order, day, paid in edge]
    found = measured(lines, {"ann": "06-01"}).iloc[0]
    assert (found["spend_per_30d"], found["orders_per_30d"], found["recency_days"]) == (5, 2, 0)
    assert found["spend_trend"] == pytest.approx((4 - 1) / 5)


def test_weeks_are_counted_back_from_the_end():
    days = ["09-30 23:59", "09-24", "09-23 23:59", "09-17", "09-16 23:59"]  # weeks 0, 0, 1, 1 and 2 before the end
    lines = [("ann", day, day, "p", "DRY", 1, 0, 0, "own", "s1") for day in days]
    assert measured(lines, {"ann": "06-01"}, window_days=21).iloc[0]["active_weeks_share"] == 1.0
    assert measured(lines[:4], {"ann": "06-01"}, window_days=21).iloc[0]["active_weeks_share"] == pytest.approx(2 / 3)


def test_a_new_customer_is_measured_over_the_days_since_the_first_order():
    lines = [("ann", str(i), f"09-{day}", "p", "DRY", 10, 0, 0, "own", "s1") for i, day in enumerate((16, 20, 24))]
    long_known, new = (measured(lines, {"ann": first}).iloc[0] for first in ("01-01", "09-16"))
    assert (long_known["orders_per_30d"], new["orders_per_30d"]) == (3, 6)
    assert (long_known["spend_per_30d"], new["spend_per_30d"]) == (30, 60)
    assert long_known["spend_trend"] == 1 and np.isnan(new["spend_trend"])  # no first half to compare with


def test_shares_stay_between_none_and_all_whatever_is_returned():
    lines = [
        ("ann", "1", "09-02", "p", "FRESH", 10, 1, 1, "own", "s1"),
        ("ann", "1", "09-02", "q", "FRESH", -4, -1, 0, "own", "s1"),  # a swap at the till
        *(("ann", f"r{i}", "09-20", "p", "DRY", -30, -3, 1, "own", "s1") for i in range(3)),
    ]
    found = measured(lines, {"ann": "01-01"}).iloc[0]
    shares = [v.name for v in variables.catalogue(project(**SHOP)) if v.kind == "share"]
    assert found[shares].dropna().between(0, 1).all() and found["main_store_share"] == 1 and found["coupon_order_share"] == 1
    assert -1 <= found["spend_trend"] <= 1
    assert (found["orders_per_30d"], found["lines_per_order"], found["spend_per_30d"]) == (1, 1, 10 - 4 - 90)
    assert found["discount_share"] == pytest.approx(1 / 11)  # what was granted on the swap does not come off what was granted


def test_a_discount_that_one_source_does_not_tell_is_not_taken_for_none():
    told, partly = project(**SHOP), project(**SHOP)
    partly.collect.sources["till"] = partly.collect.sources["orders"].model_copy(
        update={"columns": {c: c for c in ("customer_id", "order_id", "ordered_at", "amount")}}
    )
    lines = [("bea", "1", "09-21", "p", "DRY", 12, None, None, None, None)]
    shares = [measured(lines, {"bea": "09-01"}, shop=plan)["discount_share"].tolist() for plan in (told, partly)]
    assert shares[0] == [0.0] and pd.isna(shares[1][0])


def test_variables_need_their_columns():
    bare = project()
    del bare.collect.sources["orders"].columns["store_id"], bare.collect.sources["orders"].columns["category"]
    names = {v.name for v in variables.catalogue(bare)}
    assert not names & {"stores_visited", "main_store_share", "departments", "fresh_share", "own_brand_share", "response_rate"}
    assert {"recency_days", "lines_per_order", "discount_share"} <= names
    assert all(variables.definition(v) and v.title() and spread.unit(v) for v in variables.catalogue(project(**SHOP)))


VISITS = [
    ("ann", "09-01", "visit", "mobile", None),  # the first instant of the window
    ("ann", "08-31 23:59", "visit", "desktop", None),
    ("ann", "09-10 08:00", "visit", "Smartphone", None),
    ("ann", "09-11 08:00", "visit", None, None),
    ("ann", "09-12 08:00", "visit", "tablet", None),
    ("ann", "10-01", "visit", "mobile", None),  # not seen
    ("bea", "09-16", "visit", "desktop", None),  # five days before her first order
    ("ann", "09-20 11:00", "basket", "mobile", None),  # ordered the same day at noon, and at six
    ("ann", "09-19 17:59", "basket", "mobile", None),  # noon of the next day is within a day
    ("ann", "09-19 11:59", "basket", "mobile", None),  # a minute too early for that
    ("ann", "09-29 23:59", "basket", "mobile", None),  # its day ends before the window does
    ("ann", "09-30 00:00", "basket", "mobile", None),  # its day is not over: not judged
    ("fay", "09-30 11:00", "basket", "mobile", None),
    ("bea", "09-02 10:00", "sent", None, "m1"),
    ("bea", "09-02 11:00", "opened", "mobile", "m1"),
    ("bea", "09-02 12:00", "opened", "mobile", "m1"),  # twice is once
    ("bea", "09-09 10:00", "sent", None, "m2"),
    ("bea", "09-10 10:00", "clicked", "desktop", "m2"),
    ("bea", "09-16 10:00", "sent", None, "m3"),
    ("bea", "09-16 11:00", "opened", "mobile", "m0"),  # sent before the window
    ("cyd", "09-16 10:00", "opened", "mobile", "m1"),  # never sent
    (None, "09-16 10:00", "visit", "mobile", None),
]
EVENTS = "customer_id occurred_at kind device campaign_id"


def online(**fields):
    """A shop whose visits and mails are known, with the channel of each order."""
    plan = project(tables=("orders", "events"), **fields)
    for table_, column in (("orders", "channel"), ("events", "device"), ("events", "campaign_id")):
        plan.collect.sources[table_].columns[column] = column
    return plan


def measured_online(events=VISITS, channels=None, plan=None) -> pd.DataFrame:
    channels = channels or {"a1": "shop", "a2": "Web", "a3": "app", "b1": "phone", "e1": None, "f1": "STORE"}
    lines = table("orders", f"{LINE} channel", *[(*line, channels.get(line[1])) for line in LINES])
    tables_ = {"orders": lines, "events": table("events", EVENTS, *events)}
    return rows_of(variables.measure(tables_, people(), plan or online(), as_of=AS_OF, window_days=30)).set_index("customer_id")


@pytest.fixture(scope="module")
def surfers() -> pd.DataFrame:
    return measured_online()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # bea was first seen fifteen days before the end, by her visit; ann's window is whole
        ("visits_per_30d", [4, 2, 0, 0, 0, 0]),
        ("days_since_visit", [18, 15, None, None, None, None]),
        ("mobile_share", [2 / 3, 0, None, None, None, None]),  # of three visits whose device is known
        ("basket_abandon_share", [2 / 4, None, None, None, None, None]),
        ("mails_opened_share", [None, 1 / 3, None, None, None, None]),
        ("mails_clicked_share", [None, 1 / 3, None, None, None, None]),
        ("online_order_share", [2 / 3, 0, None, None, None, 0]),
    ],
)
def test_what_customers_do_besides_buying_is_what_it_is_worked_out_to_be(surfers, name, expected):
    expected = pd.Series(expected, index=FIRST, dtype="float64", name=name).rename_axis("customer_id")
    pd.testing.assert_series_equal(surfers[name], expected, rtol=1e-12)


def test_the_order_of_events_changes_nothing(surfers):
    assert_frame_equal(surfers, measured_online(VISITS[::-1]), check_exact=True)


def test_without_campaigns_mails_opened_are_at_most_mails_sent():
    mails = [("bea", "09-02", "sent"), ("bea", "09-03", "opened"), ("bea", "09-04", "opened"), ("bea", "09-05", "clicked")]
    events = table("events", "customer_id occurred_at kind", *mails)
    given = {"orders": table("orders", LINE, *LINES), "events": events}
    found = variables.measure(given, people({"bea": "09-21"}), project(tables=("orders", "events")), as_of=AS_OF, window_days=30)
    found = found.execute().iloc[0]
    assert (found["mails_opened_share"], found["mails_clicked_share"]) == (1, 1)


def test_kinds_of_events_may_have_other_names():
    plan = online(variables={"event_kinds": {"visit": ["page", "app"]}})
    found = measured_online(
        [("ann", "09-05", "page", None, None), ("ann", "09-06", "app", None, None), ("ann", "09-07", "visit", None, None)], plan=plan
    )
    assert found.loc["ann", "visits_per_30d"] == 2


def test_a_control_group_answered_nothing_for_it_was_sent_nothing():
    mailed = table(
        "contacts",
        "customer_id campaign_id sent_at responded_at arm",
        ("ann", "m1", "08-05", "08-10", "test"),
        ("ann", "m2", "08-06", None, "control"),
        ("bea", "m1", "08-05", None, None),
        ("cyd", "m1", "08-05", "08-06", "Control"),
    )
    given = {"orders": table("orders", LINE, *LINES), "contacts": mailed}
    found = variables.measure(given, people(), project(tables=("orders", "contacts")), as_of=AS_OF, window_days=30)
    assert rows_of(found)["response_rate"].tolist()[:2] == [1, 0] and rows_of(found)["response_rate"].isna().sum() == 4


def test_refunds_of_earlier_purchases_never_exceed_all_of_it():
    lines = [
        ("ann", "1", "09-02", "p", "DRY", 10, 0, 0, "own", "s1"),
        ("ann", "2", "09-03", "p", "DRY", -30, 0, 0, "own", "s1"),
        ("ann", "3", "09-04", "p", "DRY", -30, 0, 0, "own", "s1"),
    ]
    found = measured(lines, {"ann": "01-01"}).iloc[0]
    assert (found["refund_share"], found["refund_order_share"]) == (1, 1)


@pytest.mark.parametrize(
    ("sources", "there", "gone"),
    [
        ({"events": {"constants": {"kind": "coupon_redeemed"}}}, {"coupons_redeemed_per_30d"}, {"visits_per_30d", "mails_opened_share"}),
        ({"events": {"constants": {"kind": "visit"}}}, {"visits_per_30d"}, {"coupons_redeemed_per_30d", "mobile_share"}),
        ({"events": {"constants": {"kind": "visit"}, "device": True}}, {"mobile_share"}, {"basket_abandon_share"}),
        ({"orders": {"constants": {"channel": "store"}}}, set(), {"online_order_share"}),
    ],
)
def test_what_a_source_holds_throughout_decides_what_can_be_measured(sources, there, gone):
    plan = project(tables=("orders", "events"))
    for name, fields in sources.items():
        source = plan.collect.sources[name]
        source.constants.update(fields["constants"])
        for column in fields["constants"]:
            source.columns.pop(column, None)
        if fields.get("device"):
            source.columns["device"] = "device"
    names = {v.name for v in catalogue(plan)}
    assert there <= names and not gone & names


def test_two_sources_of_one_channel_each_tell_online_from_shop():
    plan = project()
    second = plan.collect.sources["orders"].model_copy(deep=True)
    for source, channel in ((plan.collect.sources["orders"], "shop"), (second, "web")):
        source.constants["channel"] = channel
    plan.collect.sources["web"] = second
    assert "online_order_share" in {v.name for v in catalogue(plan)}


def totals(**fields):
    """A shop that knows what each customer spent in a year, by category."""
    period = {"since": "2016-01-01", "until": "2017-01-01", "categories": {"Fresh food": "Fresh", "Dry goods": "Dry"}}
    source = {"table": "orders", "file": "totals.csv", "columns": {"customer_id": "id"}, "totals": period}
    return project(**{"tables": ()} | fields, collect={"sources": {"totals": source}})


def test_totals_of_a_period_tell_what_and_how_much_and_nothing_of_when():
    plan = totals()
    assert [v.name for v in catalogue(plan)] == ["spend_per_30d", "fresh_food_spend_share", "dry_goods_spend_share"]
    assert [v.title() for v in catalogue(plan)][1:] == ["Share of Fresh food", "Share of Dry goods"]
    lines = [("ann", "1", "09-15", "Fresh food", 366.0), ("ann", "1", "09-15", "Dry goods", 122.0)]
    orders = table("orders", "customer_id order_id ordered_at category amount", *lines)
    found = variables.measure({"orders": orders}, people({"ann": "09-15"}), plan, as_of=AS_OF, window_days=30)
    # 488 in the 366 days of 2016: 40 in thirty days, whatever day the row was given
    same(found, {"customer_id": ["ann"], "spend_per_30d": [40.0], "fresh_food_spend_share": [0.75], "dry_goods_spend_share": [0.25]})


def test_groups_typed_for_totals_count_instead_of_a_share_of_each_category():
    plan = totals(variables={"category_groups": {"food_share": ["Fresh food"]}})
    assert [v.name for v in catalogue(plan)] == ["spend_per_30d", "food_share"]
    assert project().variables.category_groups == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scope": {"panel": ["fresh_shares"]}}, "field scope.panel names 'fresh_shares'"),
        ({"variables": SHOP["variables"] | {"keep": {"spend_per_30": "x"}}}, "field variables.keep names 'spend_per_30'"),
        ({"variables": SHOP["variables"] | {"leave_out": {"recency": "x"}}}, "field variables.leave_out names 'recency'"),
        ({"variables": SHOP["variables"] | {"not_measured": {"repeats": "x"}}}, "field variables.not_measured names 'repeats'"),
    ],
)
def test_a_misspelt_variable_is_an_error_that_names_the_field(fields, message):
    check_names(project(**SHOP))
    with pytest.raises(NinefoldError) as error:
        check_names(project(**SHOP | fields))
    assert message in str(error.value) and "Did you mean" in str(error.value)


def test_what_people_do_not_want_measured_is_not():
    plan = project(**SHOP | {"variables": SHOP["variables"] | {"not_measured": {"repeat": "all do"}}})
    check_names(plan)
    assert "repeat" not in {v.name for v in catalogue(plan)} and "repeat" not in measured(shop=plan).columns
    frame = catalogue_page.unmeasured_table(plan).frame.set_index("title")
    assert frame.loc["Bought again", "because"] == "all do"
    assert frame.loc["Online orders", "because"] == "orders by more than one channel"


def test_every_variable_of_the_list_says_its_type_formula_and_what_it_needs():
    from helpers.project.sections import NINE

    for v in MEASURES:
        assert v.type in NINE and v.formula and v.sensitivity in ("none", "personal", "special")
        assert all(catalogue_page.NEEDS.get(need) or need == "orders" for need in v.needs)


def test_the_catalogue_reads_as_people_do():
    frame = catalogue_page.catalogue_table(project(**SHOP)).frame.set_index("title")
    row = frame.loc["Spend per 30 days"]
    assert (row["type"], row["unit"], row["formula"]) == ("Value", "USD", "sum(amount) * 30 / exposure_days")
    assert frame.loc["Share of fresh food", "definition"] == "spend on fresh food, of all spend"
    types = catalogue_page.types_table(project(**SHOP), ["area", "gender"]).frame.set_index("type")
    assert types.loc["Geographic", "descriptors"] == types.loc["Demographic", "descriptors"] == 1
    assert types.loc["Psychographic", "takes"] == "a survey of values and interests" and types.loc["Value", "takes"] == ""


def test_categories_that_no_group_adds_up_are_named_when_they_are_few():
    few = table("orders", "customer_id order_id ordered_at amount category", ("a", "1", "09-01", 1, "TEA"), ("a", "1", "09-01", 1, "RUM"))
    (said,) = catalogue_page.caveats(few, project())
    assert said.endswith("A line for each of these would measure it: RUM and TEA.")
    assert catalogue_page.caveats(few, project(**SHOP)) == []
    many = table("orders", "customer_id order_id ordered_at amount category", *[("a", "1", "09-01", 1, f"c{i}") for i in range(13)])
    assert "more than 12 categories" in catalogue_page.caveats(many, project())[0]


# Transforms, learnt once


AMOUNT = Variable("x", "monetary", "amount", "money", "X", "x", ("orders",))
SHARE = Variable("x", "products", "share", "share", "X", "x", ("orders",))


def learnt(values, variable=AMOUNT, **fields) -> dict:
    return variables.learn(pd.DataFrame({"x": np.array(values, dtype=float)}), [variable], project(variables=fields))[0]


def test_bounds_and_scale_of_a_hundred_and_one_values():
    found = learnt(range(101))
    # the 1 % and 99 % quantiles are 1 and 99; Σ(x − 50)² over 1, 1, 2 … 98, 99, 99 is 2 · 40,425 + 2 · 49² = 85,652
    assert found["steps"] == [{"clip": [1.0, 99.0]}, {"scale": [pytest.approx(50), pytest.approx((85_652 / 101) ** 0.5)]}]
    assert (found["missing"], found["missing_share"], found["unique"]) == (50.0, 0.0, 101)


def test_an_amount_that_leans_right_is_taken_as_a_logarithm():
    found = learnt([63, 0, 7, 1, 3], clip_low=0, clip_high=1)
    # log2(1 + x) is 6, 0, 3, 1, 2: mean 2.4, variance 21.2 / 5
    log2 = np.log(2)
    assert found["steps"][:2] == [{"clip": [0.0, 63.0]}, {"log1p": True}]
    assert found["steps"][2]["scale"] == [pytest.approx(2.4 * log2), pytest.approx((21.2 / 5) ** 0.5 * log2)]
    assert abs(found["skew_after"]) < found["skew_before"]


def test_the_square_root_of_a_skewed_share_is_taken_and_of_an_even_one_is_not():
    skewed, even = learnt([0, 0.01, 0.04, 0.09, 0.81], SHARE), learnt([0.2, 0.4, 0.6], SHARE)
    assert [next(iter(step)) for step in skewed["steps"]] == ["clip", "sqrt", "scale"]
    assert [next(iter(step)) for step in even["steps"]] == ["clip", "scale"]
    (low, high), (mean, spread) = skewed["steps"][0]["clip"], skewed["steps"][2]["scale"]
    roots = np.sqrt(np.clip([0, 0.01, 0.04, 0.09, 0.81], low, high))
    assert (mean, spread) == pytest.approx((roots.mean(), roots.std()))
    assert abs(skewed["skew_after"]) < skewed["skew_before"]


def test_neither_a_share_nor_a_modest_skew_is_taken_as_a_logarithm():
    for found in (learnt([0.1, 0.3, 0.5], SHARE), learnt([63, 0, 7, 1, 3], log_from_skew=5), learnt([1, 2, 3])):
        assert [next(iter(step)) for step in found["steps"]] == ["clip", "scale"]


def test_a_few_with_more_refunds_than_purchases_are_held_at_zero_and_many_are_not():
    few, many = [-100.0] * 5 + list(range(95)), [-100.0] * 6 + list(range(94))
    assert learnt(few, clip_low=0)["steps"][0]["clip"][0] == 0.0
    assert learnt(many, clip_low=0)["steps"][0]["clip"][0] == -100.0
    assert not any("log1p" in step for step in learnt(many, clip_low=0, log_from_skew=0)["steps"])


def test_a_missing_value_stands_at_the_median_of_the_known():
    found = learnt([4, None, 0, 2, None], clip_low=0, clip_high=1)
    assert (found["missing"], found["missing_share"]) == (2.0, 0.4)
    assert found["steps"][-1]["scale"] == [2.0, pytest.approx((8 / 5) ** 0.5)]  # of 4, 2, 0, 2, 2


def test_one_value_for_all_and_no_value_at_all():
    assert learnt([3, 3, 3])["steps"][-1] == {"scale": [3.0, 1.0]} and learnt([3, 3, 3])["unique"] == 1
    assert learnt([None, None])["steps"] == [] and learnt([None, None])["missing_share"] == 1.0
    assert learnt([])["missing_share"] == 1.0


def test_other_data_are_transformed_by_the_constants_that_were_learnt():
    frozen = learnt([63, 0, 7, 1, 3], clip_low=0, clip_high=1)
    before = str(frozen)
    later = pd.DataFrame({"x": [1e6, -5, None, 15]})  # beyond both bounds, missing (3 stands for it), and inside
    expected = (np.array([6, 0, 2, 4]) - 2.4) / (21.2 / 5) ** 0.5
    np.testing.assert_allclose(variables.apply(later, [frozen])[:, 0], expected, rtol=1e-12)
    assert str(frozen) == before


def test_skewness_is_that_of_scipy():
    from scipy import stats

    draw = np.random.default_rng(2)
    for values in (draw.gamma(1, 1, 200), draw.normal(size=7), np.array([1.0, 1.0, 5.0])):
        assert skewness(values) == pytest.approx(stats.skew(values), rel=1e-12)
    assert skewness(np.array([2.0, 2.0])) == 0.0


def test_shuffled_customers_teach_the_same_constants():
    values = np.random.default_rng(4).gamma(0.5, 30, 200).round(1)
    one, two = learnt(values), learnt(np.random.default_rng(5).permutation(values))
    for first, second in zip(one["steps"], two["steps"], strict=True):
        assert list(first) == list(second)
        np.testing.assert_allclose(*(np.array(list(step.values()), dtype=float).ravel() for step in (first, second)), rtol=1e-12)


# Redundancy


def test_rank_correlations_are_those_of_scipy_ties_included():
    from scipy import stats

    draw = np.random.default_rng(3)
    matrix = np.column_stack([draw.integers(0, 4, 60), draw.gamma(1, 1, 60), draw.integers(0, 2, 60), np.arange(60)]).astype(float)
    found = variables.rank_correlations(matrix, list("abcd"))
    np.testing.assert_allclose(found.to_numpy(), stats.spearmanr(matrix).statistic, atol=1e-12)
    assert list(found.index) == list(found.columns) == list("abcd")


def test_a_constant_says_the_same_as_nothing():
    found = variables.rank_correlations(np.column_stack([np.ones(5), np.arange(5.0)]), ["flat", "x"])
    assert found.loc["flat", "x"] == 0 and variables.redundancy_groups(found, 0.7)["flat"] != variables.redundancy_groups(found, 0.7)["x"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("customers", [0, 1])
def test_nobody_or_one_customer_says_nothing_of_what_goes_together(customers):
    sample = pd.DataFrame({"x": np.ones(customers), "y": np.ones(customers)})
    two = [AMOUNT, Variable("y", "monetary", "amount", "money", "Y", "y", ("orders",))]
    found = variables.rank_correlations(variables.apply(sample, variables.learn(sample, two, project())), ["x", "y"])
    assert (found == 0).all(axis=None) and grouped(found) == {frozenset("x"), frozenset("y")}


def correlations(pairs: dict[str, float], names: str) -> pd.DataFrame:
    found = pd.DataFrame(np.eye(len(names)), index=list(names), columns=list(names))
    for (one, two), rho in pairs.items():
        found.loc[one, two] = found.loc[two, one] = rho
    return found


def grouped(found: pd.DataFrame, threshold=0.7) -> set[frozenset]:
    groups = variables.redundancy_groups(found, threshold)
    return {frozenset(n for n in groups if groups[n] == g) for g in groups.values()}


def test_variables_that_say_the_same_with_either_sign_are_one_group_from_the_threshold_on():
    assert grouped(correlations({("a", "b"): 0.7, ("c", "d"): -0.9}, "abcd")) == {frozenset("ab"), frozenset("cd")}
    assert grouped(correlations({("a", "b"): 0.6999}, "ab")) == {frozenset("a"), frozenset("b")}


def test_a_chain_is_not_one_group():
    found = grouped(correlations({("a", "b"): 0.9, ("b", "c"): 0.8, ("a", "c"): 0.5}, "abc"))
    assert found == {frozenset("ab"), frozenset("c")}


def test_in_every_group_every_pair_reaches_the_threshold():
    draw = np.random.default_rng(6)
    for _ in range(20):
        matrix = draw.normal(size=(80, 12)) + 2.0 * draw.normal(size=(80, 3)) @ draw.normal(size=(3, 12))
        found = variables.rank_correlations(matrix, list("abcdefghijkl"))
        assert all(abs(found.loc[a, b]) >= 0.7 for group in grouped(found) for a in group for b in group)
    assert grouped(found.iloc[:1, :1]) == {frozenset("a")}


# Contribution


IDS = pd.Series([f"household {i}" for i in range(400)])


def planted(seed=8, customers=400):
    """Two copies of what decides the outcome, one that helps, and noise; names, matrix, outcome."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(customers, 4))
    x[:, 1] = x[:, 0] + 0.1 * x[:, 1]
    y = 100 + 30 * x[:, 0] + 10 * x[:, 2] + draw.normal(scale=20, size=customers)
    return ["cause", "copy", "helper", "noise"], x, y


GROUPS = {"cause": 1, "copy": 1, "helper": 2, "noise": 3}


def by_sklearn(x, y, folds) -> float:
    """Out-of-fold share of the variance explained, each fold against the mean of the others."""
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    fits = cross_val_predict(LinearRegression(), x, y, cv=PredefinedSplit(folds))
    means = cross_val_predict(LinearRegression(), np.zeros((len(y), 1)), y, cv=PredefinedSplit(folds))
    return 1 - ((y - fits) ** 2).sum() / ((y - means) ** 2).sum()


def folds_of(ids) -> np.ndarray:
    from helpers.variables.choose import fold_of

    return np.array([fold_of(each) for each in ids])


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_contribution_is_that_of_cross_validated_least_squares(offset):
    names, x, y = planted()
    y = y + offset
    found = variables.contribution(x, names, GROUPS, {"objective": y}, IDS).set_index("name")
    folds = folds_of(IDS)
    full = by_sklearn(x, y, folds)
    for position, name in enumerate(names):
        assert found.loc[name, "objective_alone"] == pytest.approx(by_sklearn(x[:, [position]], y, folds), abs=1e-8)
        others = [i for i, n in enumerate(names) if GROUPS[n] != GROUPS[name]]
        assert found.loc[name, "objective_lost"] == pytest.approx(full - by_sklearn(x[:, others], y, folds), abs=1e-8)


def test_what_was_planted_is_found_and_noise_adds_nothing():
    names, x, y = planted()
    found = variables.contribution(x, names, GROUPS, {"objective": y}, IDS).set_index("name")
    assert found.loc["cause", "objective_alone"] > 0.5 and found.loc["helper", "objective_alone"] > 0.03
    assert found.loc["noise", ["objective_alone", "objective_lost"]].abs().max() < 0.01
    # alone in the fit, the copy would hide what is lost without the cause: they leave together
    assert found.loc["cause", "objective_lost"] == found.loc["copy", "objective_lost"] > 0.4


def test_noise_contributes_nothing_on_average():
    alone = []
    for seed in range(40):
        draw = np.random.default_rng(seed)
        x, y = draw.normal(size=(400, 1)), draw.gamma(1, 50, 400)
        alone.append(variables.contribution(x, ["noise"], {"noise": 1}, {"objective": y}, IDS)["objective_alone"][0])
    assert -0.02 < np.mean(alone) <= 0.0 and np.max(alone) < 0.03


def test_the_panel_is_the_mean_over_its_behaviours_each_on_those_who_show_it():
    names, x, y = planted()
    other = np.where(np.arange(400) < 100, np.nan, -y)
    found = variables.contribution(x, names, GROUPS, {"objective": y, "one": x[:, 3], "two": other}, IDS).set_index("name")
    folds, there = folds_of(IDS), ~np.isnan(other)
    expected = (by_sklearn(x[:, [0]], x[:, 3], folds) + by_sklearn(x[there][:, [0]], other[there], folds[there])) / 2
    assert found.loc["cause", "panel_alone"] == pytest.approx(expected, abs=1e-8)


def test_an_outcome_known_for_too_few_is_missing_not_zero():
    names, x, y = planted()
    for there, judged in ((49, False), (50, True)):
        found = variables.contribution(x, names, GROUPS, {"objective": np.where(np.arange(400) < there, y, np.nan)}, IDS)
        assert found["objective_alone"].notna().all() == judged and found["panel_alone"].isna().all()


def test_an_outcome_that_is_the_same_for_all_is_told_by_nothing():
    names, x, _ = planted()
    found = variables.contribution(x, names, GROUPS, {"objective": np.full(400, 0.1)}, IDS)
    assert (found[["objective_alone", "objective_lost"]] == 0).all(axis=None)


def test_the_order_of_customers_does_not_change_the_contribution():
    names, x, y = planted()
    order = np.random.default_rng(1).permutation(400)
    one = variables.contribution(x, names, GROUPS, {"objective": y}, IDS)
    two = variables.contribution(x[order], names, GROUPS, {"objective": y[order]}, IDS[order])
    assert_frame_equal(one, two, rtol=0, atol=1e-10)


# The proposal


def entry(name, **fields):
    return (
        {"name": name, "kind": "number", "missing": 0.0, "steps": []}
        | {
            "missing_share": 0.0,
            "commonest_share": 0.1,
            "unique": 50,
            "skew_before": 0.0,
            "skew_after": 0.0,
        }
        | fields
    )


NAMES = ["recency_days", "orders_per_30d", "spend_per_30d", "spend_per_order", "weekend_order_share", "evening_order_share"]


def screened(learnt=None, groups=None, gains=None, **fields) -> dict[str, tuple]:
    learnt = [entry(name) for name in NAMES] if learnt is None else learnt
    names = [e["name"] for e in learnt]
    groups = {name: i for i, name in enumerate(names)} | (groups or {})
    worth = None
    if gains is not None:
        rows = [(name, *gains.get(name, (0.1, 0.1, 0.1, 0.1))) for name in names]
        worth = pd.DataFrame(rows, columns=["name", "objective_alone", "objective_lost", "panel_alone", "panel_lost"])
    found = variables.screen(learnt, groups, worth, project(variables=SHOP["variables"] | fields))
    return {row.name: (row.role, row.why, row.kept) for row in found.itertuples(index=False)}


def test_variables_without_fault_are_proposed():
    assert {role for role, *_ in screened().values()} == {"proposed"}


@pytest.mark.parametrize(
    ("fields", "role", "why"),
    [
        ({"missing_share": 0.20}, "proposed", ""),  # at most a fifth is allowed
        ({"missing_share": 0.21}, "missing", "missing for 21.0% of customers, 20% allowed"),
        ({"unique": 1, "commonest_share": 1.0}, "constant", "everybody has the same value"),
        ({"commonest_share": 0.90}, "proposed", ""),
        ({"commonest_share": 0.91}, "lumpy", "91.0% of customers share one value"),
        ({"missing_share": 1.0, "unique": 0, "commonest_share": 1.0}, "missing", "missing for 100.0% of customers, 20% allowed"),
    ],
)
def test_each_fault_has_its_role_at_its_border(fields, role, why):
    found = screened([entry("recency_days", **fields), *map(entry, NAMES[1:])])
    assert found["recency_days"][:2] == (role, why)
    assert {role for name, (role, *_) in found.items() if name != "recency_days"} == {"proposed"}


def test_what_tells_nothing_is_no_contribution_and_a_little_of_anything_is_enough():
    found = screened(gains={"recency_days": (0.0005, 0.0, -0.2, 0.0), "spend_per_order": (0.0, 0.0, 0.0006, -0.1)})
    assert found["recency_days"][0] == "useless" and "later objective and panel" in found["recency_days"][1]
    assert found["spend_per_order"][0] == "proposed"
    no_panel = screened(gains={"recency_days": (0.0, 0.0, np.nan, np.nan), "spend_per_order": (0.2, 0.0, np.nan, np.nan)})
    assert (no_panel["recency_days"][0], no_panel["spend_per_order"][0]) == ("useless", "proposed")


def test_of_a_group_the_one_that_tells_most_stays_and_stands_for_the_others():
    same_group = {"orders_per_30d": 1, "spend_per_30d": 1, "spend_per_order": 1}
    gains = {"orders_per_30d": (0.2, 0, 0.0, 0), "spend_per_30d": (0.1, 0, 0.3, 0), "spend_per_order": (0.1, 0, 0.2, 0)}
    found = screened(groups=same_group, gains=gains)
    assert found["spend_per_30d"][0] == "proposed"
    assert found["spend_per_30d"][1] == "stands for Orders per 30 days and Spend per order: tells the most of what comes later"
    assert found["orders_per_30d"] == ("redundant", "says the same as Spend per 30 days", "spend_per_30d")


def test_without_a_contribution_the_objectives_own_measure_stays_else_the_first_in_the_catalogue():
    for gains in (None, {}):
        found = screened(groups={"orders_per_30d": 1, "spend_per_30d": 1}, gains=gains)
        assert (found["orders_per_30d"][0], found["spend_per_30d"][0]) == ("redundant", "proposed")
        found = screened(groups={"orders_per_30d": 1, "spend_per_order": 1}, gains=gains)
        assert (found["orders_per_30d"][0], found["spend_per_order"][0]) == ("proposed", "redundant")


def test_people_may_keep_one_of_a_group_or_several():
    groups, gains = {"orders_per_30d": 1, "spend_per_30d": 1, "spend_per_order": 1}, {"orders_per_30d": (0.9, 0, 0, 0)}
    one = screened(groups=groups, gains=gains, keep={"spend_per_30d": "finance reads it"})
    assert one["spend_per_30d"][:2] == ("proposed", "stands for Orders per 30 days and Spend per order: finance reads it")
    assert one["orders_per_30d"][0] == one["spend_per_order"][0] == "redundant"
    two = screened(groups=groups, gains=gains, keep={"spend_per_30d": "finance", "spend_per_order": "stores"})
    assert two["spend_per_30d"][0] == two["spend_per_order"][0] == "proposed"
    assert two["orders_per_30d"] == ("redundant", "says the same as Spend per 30 days", "spend_per_30d")


def test_what_people_leave_out_is_left_out_with_their_reason_and_stands_for_nobody():
    found = screened(
        groups={"orders_per_30d": 1, "spend_per_30d": 1}, gains={"spend_per_30d": (0.9, 0, 0, 0)}, leave_out={"spend_per_30d": "not ours"}
    )
    assert found["spend_per_30d"][:2] == ("left_out", "not ours") and found["orders_per_30d"][:2] == ("proposed", "")


def test_the_document_has_the_shape_of_the_segmentation_proposed_first():
    learnt = [entry("recency_days", unique=1), entry("spend_per_30d", steps=[{"clip": [0, 1]}])]
    found = variables.screen(learnt, {"recency_days": 1, "spend_per_30d": 2}, None, project())
    assert variables.as_document(learnt, found)["variables"] == [
        {"name": "spend_per_30d", "kind": "number", "missing": 0.0, "steps": [{"clip": [0, 1]}], "role": "proposed"},
        {"name": "recency_days", "kind": "number", "missing": 0.0, "steps": [], "role": "constant"},
    ]


# Windows: what each may know


def history(seed: int, customers=60, days=270) -> dict[str, ibis.Table]:
    """Nine months of lines, mailings and redemptions."""
    draw = np.random.default_rng(seed)
    ids, n = np.array([f"c{i:03d}" for i in range(customers)]), 40 * customers

    def moments(rows, step="h"):
        return pd.Timestamp("2017-01-04") + pd.to_timedelta(draw.integers(0, days * 24, rows), unit=step)

    who = draw.integers(0, customers, n)
    lines = pd.DataFrame({"customer_id": ids[who], "order_id": np.arange(n).astype(str), "ordered_at": moments(n)})
    lines["product_id"], lines["category"] = draw.choice(list("pqr"), n), draw.choice(["FRESH", "DRY"], n)
    lines["amount"] = draw.gamma(1 + who % 5, 4, n).round(2) * draw.choice([1, 1, 1, 1, 1, -1], n)
    lines["discount"], lines["coupon"] = draw.gamma(1, 1, n).round(2), draw.choice([0, 0, 1], n)
    lines["brand"], lines["store_id"] = draw.choice(["own", "other"], n), draw.choice(["s1", "s2"], n)
    sent = pd.DataFrame({"customer_id": draw.choice(ids, 300), "campaign_id": np.arange(300).astype(str), "sent_at": moments(300)})
    sent["responded_at"] = sent["sent_at"] + pd.to_timedelta(draw.integers(0, 60, 300), unit="D")
    redeemed = pd.DataFrame({"customer_id": draw.choice(ids, 200), "occurred_at": moments(200), "kind": "coupon_redeemed", "detail": "x"})
    return {"orders": lines, "contacts": sent, "events": redeemed}


DATED = {"orders": ["ordered_at"], "contacts": ["sent_at", "responded_at"], "events": ["occurred_at"]}
PLAN = project(
    **SHOP,
    scope={
        "window_days": 90,
        "horizon_days": 90,
        "filters": [{"rule": "orders_at_least", "value": 3}],
        "panel": ["fresh_share", "spend_per_order"],
    },
)
SELECT = engine.windows(AS_OF, window_days=90, horizon_days=90, first=at("01-04"))["select"]


def as_tables(frames) -> dict[str, ibis.Table]:
    """The frames in the types of the table contract."""
    found = {name: ibis.memtable(frame) for name, frame in frames.items()}
    return found | {"orders": found["orders"].cast(dict.fromkeys(["amount", "discount", "coupon"], "decimal(18, 2)"))}


def rewritten(frames, moment) -> dict[str, pd.DataFrame]:
    """Everything dated at or after `moment` replaced: other rows, other customers, other amounts; earlier rows shuffled."""
    other, result = history(99), {}
    for name, (first, *more) in DATED.items():
        before = frames[name][frames[name][first] < moment].sample(frac=1, random_state=3).copy()
        for column in more:  # an answer that comes later is another answer
            late = before[column] >= moment
            before.loc[late, column] = before.loc[late, column] + pd.Timedelta(days=1)
        after = other[name][other[name][first] >= moment].copy()
        after["customer_id"] = "c" + (after["customer_id"].str[1:].astype(int) * 2).astype(str).str.zfill(3)
        result[name] = pd.concat([after, before], ignore_index=True)
    return result


class Sampling:
    """As much of a step as `worth` asks for."""

    project = PLAN

    @staticmethod
    def sample(found):
        return found.order_by("customer_id").execute()


def judged(frames):
    """Variables at the end of select, measured again, and what each tells."""
    given = as_tables(frames)
    built, later = variables.in_window(SELECT, given, PLAN)
    groups = {v.name: i for i, v in enumerate(variables.catalogue(PLAN))}
    return rows_of(built), rows_of(later), *variables.worth(SELECT, built, later, given["orders"], groups, Sampling)


@pytest.fixture(scope="module")
def as_it_was():
    return judged(history(12))


def test_nothing_at_or_after_the_judging_period_is_read(as_it_was):
    built, later, worth, n = as_it_was
    again = judged(rewritten(history(12), SELECT.judged_until))
    assert n == len(built) == 60
    for one, two in zip((built, later), again[:2], strict=True):
        assert_frame_equal(one, two, check_exact=True)
    assert_frame_equal(worth, again[2], check_exact=True)


def test_the_variables_know_nothing_of_the_period_that_judges_them(as_it_was):
    built, later, worth, _ = as_it_was
    again = judged(rewritten(history(12), SELECT.built_at))
    assert_frame_equal(built, again[0], check_exact=True)
    assert not later.equals(again[1]) and not worth.equals(again[2])  # what judges did change


def test_the_outcome_is_what_the_customers_spent_in_the_days_after(as_it_was):
    built, later, *_ = as_it_was
    frames = history(12)
    found = variables.outcomes_of(SELECT, as_tables(frames)["orders"], later, built["customer_id"], PLAN)
    lines = frames["orders"]
    inside = lines[(lines["ordered_at"] >= SELECT.built_at) & (lines["ordered_at"] < SELECT.judged_until)]
    expected = inside.groupby("customer_id")["amount"].sum().reindex(built["customer_id"]).fillna(0) / 3
    np.testing.assert_allclose(found["objective"], expected, rtol=1e-9)
    assert list(found) == ["objective", "fresh_share", "spend_per_order"]
    np.testing.assert_array_equal(found["fresh_share"], later["fresh_share"])


def test_too_little_history_or_too_few_customers_cannot_tell():
    given = as_tables(history(12))
    short = engine.windows(AS_OF, window_days=90, horizon_days=90, first=at("01-05"))["select"]
    built, later = variables.in_window(short, given, PLAN)
    assert variables.worth(short, built, later, given["orders"], {}, Sampling) == (None, 0)
    few = built.filter(built.customer_id < "c049")
    assert variables.worth(SELECT, few, later, given["orders"], {}, Sampling) == (None, 0)


def test_the_published_window_is_judged_by_nothing():
    published = engine.windows(AS_OF, window_days=90, horizon_days=90, first=at("01-04"))["published"]
    built, later = variables.in_window(published, as_tables(history(12)), PLAN)
    assert later is None and built.count().execute() == 60


# What the page shows


def drawn(values, variable=SHARE, min_cell=10, bins=20):
    sample = pd.DataFrame({"x": np.array(values, dtype=float)})
    learnt = variables.learn(sample, [variable], project(variables={"clip_low": 0, "clip_high": 1}))
    return spread.histograms(sample, [variable], learnt, min_cell=min_cell, bins=bins)["X"]


def test_histograms_hide_bars_of_too_few_customers():
    counts, edges, unit, ends = drawn([0.0] * 10 + [0.5] * 9 + [1.0] * 30 + [None] * 40)
    assert list(counts) == [10, 0, 30] and unit == "%" and len(edges) == 4 and ends == (0, 1)
    draw = np.random.default_rng(1)
    counts, edges, *_ = drawn(draw.gamma(1, 1, 500), AMOUNT)
    assert len(counts) == 20 and set(counts[counts < 10]) <= {0} and counts.sum() < 500
    assert len(edges) == 21


def test_a_variable_that_nobody_has_is_not_drawn():
    sample = pd.DataFrame({"x": [None, None]}, dtype=float)
    assert spread.histograms(sample, [AMOUNT], variables.learn(sample, [AMOUNT], project()), min_cell=2) == {}


def test_quartiles_of_fewer_than_the_smallest_cell_are_not_shown():
    sample = pd.DataFrame({"x": np.array([5.0] * 9 + [None] * 40, dtype=float)})
    made = spread.transforms_table(sample, [AMOUNT], variables.learn(sample, [AMOUNT], project()), project())
    row = tables.payload(made)["rows"][0]
    assert not any(isinstance(x, float | int) for x in row)
    ten = sample.fillna(5.0)
    made = spread.transforms_table(ten, [AMOUNT], variables.learn(ten, [AMOUNT], project()), project())
    assert tables.payload(made)["rows"][0][2:5] == [5.0, 5.0, 5.0]


def test_the_table_of_transforms_says_that_a_report_as_of_another_day_learns_its_own():
    sample = pd.DataFrame({"x": np.array([5.0] * 10)})
    note = spread.transforms_table(sample, [AMOUNT], variables.learn(sample, [AMOUNT], project()), project()).note
    assert note.endswith("can be applied later unchanged, as step 9 does; a report as of another day learns new ones.")


def levels(**counts) -> dict:
    ages = [level for level, n in counts.items() for _ in range(n)]
    rows = [(f"c{i:03d}", age) for i, age in enumerate(ages)] + [("nobody", None)]
    made = people_page.descriptors_table(table("customers", "customer_id age", *rows), min_cell=10)
    return dict(zip(made.frame["level"], made.frame["n"], strict=True))


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({"young": 40, "old": 10}, {"young": 40, "old": 10}),
        ({"young": 40, "mid": 6, "old": 5}, {"young": 40, "other": 11}),
        ({"young": 40, "mid": 12, "old": 4}, {"young": 40, "other": 16}),  # the next smallest joins, else the rest would tell
        ({"young": 40, "old": 9}, {"other": 49}),
        ({"young": 5, "old": 4}, {}),
        ({}, {}),
    ],
)
def test_small_levels_are_pooled_so_that_no_rest_gives_them_away(counts, shown):
    assert levels(**counts) == shown
    total = sum(counts.values())
    assert not 0 < total - sum(shown.values()) < 10 or not shown


def told(**gains) -> list[dict]:
    columns = ["objective_alone", "objective_lost", "panel_alone", "panel_lost"]
    return [
        {
            "title": title,
            "role": "proposed",
            "family": "basket",
            "contribution": dict(zip(columns, gain, strict=True)),
            "missing_share": 0.0,
        }
        for title, gain in gains.items()
    ]


def test_the_titles_say_how_much_the_best_variable_tells():
    best = told(Spend=(0.38, 0, 0.02, 0), Brands=(0.1, 0, 0.07, 0))
    assert page.contribution_words(best, PLAN, 60)["title"] == "Spend tells the most of later revenue: 38% of its variance"
    assert page.panel_words(best, PLAN, 60)["title"] == "Another variable tells the most of how customers buy: Brands, 7.0% of the variance"
    by_orders = project(objectives={"main": {"name": "Orders", "kind": "revenue", "metric": "orders_per_customer"}})
    assert "later orders" in page.contribution_words(best, by_orders, 60)["title"]


def test_without_panel_or_history_no_picture_claims_anything():
    no_panel = told(Spend=(0.38, 0, np.nan, np.nan))
    assert page.panel_words(no_panel, PLAN, 60)["title"].startswith("How customers buy later is not judged")
    assert page.contribution_frame(no_panel, "panel").empty and len(page.contribution_frame(no_panel, "objective")) == 1
    nothing = [{"title": "Spend", "contribution": None}]
    assert page.contribution_frame(nothing, "objective").empty and page.contribution_frame(nothing, "panel").empty
    assert "cannot be told" in page.contribution_words(nothing, PLAN, 0)["title"]


def test_a_contribution_below_zero_is_drawn_as_none():
    frame = page.contribution_frame(told(Spend=(-0.01, 0, 0, 0), Brands=(0.1, 0, 0, 0)), "objective")
    same(frame, {"label": ["Spend", "Brands"], "value": [0.0, 0.1]}, by="label")


def test_the_limits_say_what_the_time_zone_changes():
    frames = history(12)
    shop = PLAN.model_copy(deep=True)
    shop.collect.sources["orders"].__dict__["time_zone"] = "UTC"  # shown in New York, four hours behind in September
    said = page.caveats(as_tables(frames), [], shop, as_of=AS_OF, scoped=60, measured=58)
    lines = frames["orders"]
    recent = lines[(lines["ordered_at"] >= AS_OF - timedelta(days=90))]["ordered_at"].dt.hour
    now, other = (recent >= 18).mean(), ((recent + 4) % 24 >= 18).mean()
    assert f"{other:.0%} of orders would be evening orders instead of {now:.0%}" in said[0]
    assert said[-1].startswith("Step 2 counted 60 customers") and "58 pass" in said[-1]


def test_the_limits_say_which_variables_the_panel_did_not_help():
    gains = dict.fromkeys(["objective_alone", "objective_lost", "panel_alone", "panel_lost"], 0.0)
    passports = [
        {"name": name, "title": name, "role": role, "missing_share": 0.0, "contribution": gains}
        for name, role in (("fresh_share", "useless"), ("main_store_share", "useless"), ("recency_days", "proposed"))
    ]
    said = page.caveats(as_tables(history(12)), passports, PLAN, as_of=AS_OF, scoped=60, measured=60)
    assert any(each.endswith("Proposed for leaving out without it: main_store_share.") for each in said)
    no_panel = page.caveats(as_tables(history(12)), passports, project(**SHOP), as_of=AS_OF, scoped=60, measured=60)
    assert not any("without it" in each for each in no_panel)


def test_a_group_of_categories_without_a_typed_name_is_called_by_its_own():
    named = project(tables=("orders",), variables={"category_groups": {"kitchen_share": ["POTS"], "dry_goods_share": ["RICE"]}})
    titles = {v.name: v.title() for v in catalogue(named)}
    assert titles["kitchen_share"] == "Share of kitchen" and titles["dry_goods_share"] == "Share of dry goods"
