"""Descriptors worked out by hand, the classes of seniority and what they do, and what variables give away."""

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, project, rows_of, same, table

from helpers import tables
from helpers.project.contract import LOCATING, PERSONAL
from helpers.variables import classes, descriptors, people_page, proxies

pytestmark = pytest.mark.usefixtures("in_english")


def day(days: float) -> datetime:
    """So many days before the end."""
    return AS_OF - timedelta(days=days)


def dated(name: str, columns: str, *rows: tuple) -> ibis.Table:
    """As `table`, but the moment is days before the end."""
    return table(name, columns, *[tuple(day(v).isoformat() if isinstance(v, float) else v for v in row) for row in rows])


def bought(*rows: tuple) -> ibis.Table:
    return dated("orders", "customer_id order_id ordered_at amount", *rows)


def everyone(*ids: str, **columns: list) -> ibis.Table:
    return ibis.memtable(pd.DataFrame({"customer_id": list(ids), "described": True} | columns))


LINES = [
    ("old", "o1", 400.0, 10),
    ("old", "o2", 181.0, 10),  # a day more than half a year: dormant
    ("new", "n1", 90.0, 10),  # ninety days ago: still new
    ("reg", "r1", 91.0, 10),
    ("reg", "r2", 180.0, 10),
    *[("loy", f"l{i}", 20.0 + i, 10) for i in range(6)],
    ("loy", "l9", 300.0, 10),
    *[("six", f"s{i}", 100.0 + i, 10) for i in range(5)],
    ("six", "s6", 366.0, 10),  # the sixth lies more than a year back
    ("ret", "b1", 30.0, -10),  # only a refund: never bought
    ("loy", "x1", -1.0, 10),  # after the end
]
PEOPLE = ("pro", "ret", "old", "new", "reg", "loy", "six")


# Seniority


def test_seniority_at_its_borders():
    found = descriptors.seniority(everyone(*PEOPLE), bought(*LINES), project(), as_of=AS_OF)
    expected = ["prospect", "prospect", "dormant", "new", "regular", "loyal", "regular"]
    same(found, {"customer_id": list(PEOPLE), "seniority": expected})


def test_the_borders_of_seniority_are_typed():
    plan = project(variables={"seniority": {"new_within_days": 89, "dormant_after_days": 200, "loyal_orders": 5}})
    found = rows_of(descriptors.seniority(everyone(*PEOPLE), bought(*LINES), plan, as_of=AS_OF)).set_index("customer_id")["seniority"]
    assert found[["new", "old", "six"]].tolist() == ["regular", "regular", "loyal"]


@pytest.mark.parametrize(("first", "told"), [(365.0, True), (364.0, False)])
def test_with_less_than_a_year_of_history_nobody_is_called_loyal(first, told):
    lines = bought(("ann", "1", first, 10), ("ann", "2", 3.0, 10))
    assert (descriptors.seniority(everyone("ann"), lines, project(), as_of=AS_OF) is not None) == told


def test_without_any_order_seniority_is_not_told():
    assert descriptors.seniority(everyone("ann"), bought(), project(), as_of=AS_OF) is None


# The journey, channel, device


EVENTS = "customer_id occurred_at kind device"


def test_the_journey_goes_as_far_as_the_last_thing_done():
    events = dated(
        "events",
        EVENTS,
        ("vic", 5.0, "visit", None),
        ("ben", 5.0, "basket", None),
        ("ben", 6.0, "visit", None),
        ("one", 7.0, "basket", None),
        ("kay", 5.0, "sent", None),
        ("kay", -1.0, "visit", None),  # after the end
    )
    lines = bought(("one", "1", 9.5, 10), ("one", "2", 9.1, 10), ("two", "1", 400.0, 10), ("two", "2", 9.0, 10), ("kay", "3", 9.0, -5))
    people = everyone("kay", "vic", "ben", "one", "two")
    found = descriptors.journey_stage(people, {"orders": lines, "events": events}, project(), as_of=day(0.5))
    same(
        found,
        {
            "customer_id": ["kay", "vic", "ben", "one", "two"],
            "journey_stage": ["known", "visited", "basket", "bought once", "repeat"],
        },
    )


def test_without_visits_and_baskets_no_journey_is_told():
    events = dated("events", EVENTS, ("ann", 5.0, "coupon_redeemed", None))
    for given in ({}, {"events": events}):
        assert descriptors.journey_stage(everyone("ann"), {"orders": bought(*LINES)} | given, project(), as_of=AS_OF) is None


def test_the_channel_of_most_orders_and_of_several_the_newest():
    lines = dated(
        "orders",
        "customer_id order_id ordered_at amount channel",
        ("ann", "1", 20.0, 5, "web"),
        ("ann", "1", 20.0, 5, "web"),  # two lines are one order
        ("ann", "2", 19.0, 5, "shop"),
        ("ann", "3", 18.0, 5, "shop"),
        ("bea", "4", 9.0, 5, "web"),
        ("bea", "5", 8.0, 5, "shop"),  # as often, and newer
        ("cyd", "6", 8.0, 5, "web"),
        ("cyd", "7", 8.0, 5, "app"),  # as often and at once: by the alphabet
        ("dot", "8", 40.0, 5, "web"),  # before the window
        ("eve", "9", 8.0, -5, "web"),  # a refund
        ("fay", "0", 8.0, 5, None),
    )
    found = descriptors.preferred_channel(lines, start=day(30), as_of=AS_OF)
    same(found, {"customer_id": ["ann", "bea", "cyd"], "preferred_channel": ["shop", "shop", "app"]})
    assert descriptors.preferred_channel(bought(*LINES), start=day(30), as_of=AS_OF) is None


def test_the_device_of_most_visits():
    events = dated(
        "events",
        EVENTS,
        ("ann", 5.0, "visit", "Smartphone"),
        ("ann", 6.0, "visit", "mobile"),  # one device
        ("ann", 1.0, "visit", "Desktop"),
        ("bea", 1.0, "opened", "mobile"),  # no visit
        ("cyd", 1.0, "visit", None),
    )
    found = descriptors.main_device(events, project(), start=day(30), as_of=AS_OF)
    same(found, {"customer_id": ["ann"], "main_device": ["mobile"]})
    assert descriptors.main_device(None, project(), start=day(30), as_of=AS_OF) is None


# As they were on an earlier day


def test_who_is_loyal_today_may_have_been_new_and_a_consent_withdrawn_since_still_held():
    lines = bought(("old", "o1", 400.0, 10), *[("loy", f"l{i}", 20.0 + i, 10) for i in range(5)], ("loy", "l5", 150.0, 10))
    given = dated(
        "consents",
        "customer_id channel purpose granted updated_at",
        ("loy", "email", "marketing", True, 200.0),
        ("loy", "email", "marketing", False, 10.0),
        ("old", "mail", "marketing", True, 10.0),
    )
    people, tables_, cut = everyone("loy", "old", "pro"), {"orders": lines, "consents": given}, AS_OF - timedelta(days=130)
    found = descriptors.as_they_were(people, tables_, project(), ["seniority", "reach", "town"], as_of=cut)
    wanted = {"customer_id": ["loy", "old", "pro"], "seniority": [None] * 3, "reach": ["email", "none", "none"]}
    same(found, wanted)  # 270 days of history: too few on that day to call anybody loyal
    later = descriptors.as_they_were(people, tables_, project(), ["seniority"], as_of=AS_OF - timedelta(days=30))
    today = descriptors.as_they_were(people, tables_, project(), ["seniority"], as_of=AS_OF)
    assert rows_of(later)["seniority"].tolist() == ["regular", "dormant", "prospect"]  # three orders by then
    assert rows_of(today)["seniority"].tolist() == ["loyal", "dormant", "prospect"]


# Age, area, consents


def test_of_two_values_shown_as_often_the_one_shown_last_counts_then_the_first_by_alphabet():
    shown = [("ann", "web", 8.0), ("ann", "app", 9.0), ("bea", "web", 9.0), ("bea", "app", 9.0)]  # days before the end
    rows = dated("orders", "customer_id channel ordered_at", *shown)
    found = descriptors.most_often(rows, "channel", "ordered_at", "preferred_channel")
    same(found, {"customer_id": ["ann", "bea"], "preferred_channel": ["web", "app"]})


def test_ages_fall_into_bands():
    people = everyone("a", "b", "c", "d", "e", "f", age=[24.0, 25.0, 34.0, 64.0, 65.0, None])
    found = descriptors.age_band(people, project())
    same(found, {"customer_id": list("abcdef"), "age_band": ["<25", "25-34", "25-34", "50-64", "65+", None]})
    as_text = descriptors.age_band(everyone("a", "b", age=["30", "n/a"]), project(variables={"age_bands": [40, 30]}))
    same(as_text, {"customer_id": ["a", "b"], "age_band": ["30-39", None]})
    assert descriptors.age_band(everyone("a", age=["35-44"]), project()) is None
    assert descriptors.age_band(everyone("a"), project()) is None


def test_an_area_is_the_beginning_of_the_postcode():
    found = descriptors.area(everyone("a", "b", "c", postcode=["69300", " 01000", None]), project())
    same(found, {"customer_id": ["a", "b", "c"], "area": ["69", "01", None]})
    assert descriptors.area(everyone("a"), project()) is None


def test_what_is_known_of_an_area_is_that_of_the_newest_year_before_the_end():
    areas = ibis.memtable({"customer_id": list("abcdefg"), "area": ["01", "02", "03", "04", "05", "06", "99"]})
    rows = [(f"0{i}", 2016, "income", float(i)) for i in range(1, 7)]
    rows += [("01", 2015, "income", 99.0), ("01", 2017, "income", 99.0), ("06", 2016, "people", 3.0), ("06", 2015, "people", None)]
    found = descriptors.market_measures(areas, table("market", "area year measure value", *rows), as_of=AS_OF)
    assert list(found) == ["area_income", "area_people"]
    same(
        found["area_income"],
        {"customer_id": list("abcdef"), "area_income": ["low", "low", "middle", "middle", "high", "high"]},
    )
    assert descriptors.market_measures(areas, None, as_of=AS_OF) == {}


def test_the_newest_word_on_each_channel_counts_and_a_refusal_wins_a_tie():
    consents = dated(
        "consents",
        "customer_id channel purpose granted updated_at",
        ("ann", "sms", "marketing", True, 9.0),
        ("ann", "email", "Marketing", True, 9.0),
        ("ann", "mail", "profiling", True, 9.0),  # another purpose
        ("bea", "email", "marketing", True, 9.0),
        ("bea", "email", "marketing", False, 8.0),
        ("bea", "sms", "marketing", False, 9.0),
        ("bea", "sms", "marketing", True, 8.0),
        ("cyd", "email", "marketing", True, 8.0),
        ("cyd", "email", "marketing", False, 8.0),
    )
    found = descriptors.reach(everyone("ann", "bea", "cyd", "dot"), consents)
    same(found, {"customer_id": ["ann", "bea", "cyd", "dot"], "reach": ["email + sms", "sms", "none", "none"]})


# All together


def described(n=40, **columns) -> ibis.Table:
    frame = {"customer_id": [f"c{i:03d}" for i in range(n)], "described": [i % 2 == 0 for i in range(n)]}
    return ibis.memtable(pd.DataFrame(frame | {name: [make(i) for i in range(n)] for name, make in columns.items()}))


def few(people: ibis.Table, **given) -> tuple[pd.DataFrame, list[str]]:
    lines = bought(*[(f"c{i:03d}", str(i), 10.0 + i, 10) for i in range(40)])
    found, left_out = descriptors.describe(people, {"orders": lines} | given, project(**given.pop("fields", {})), as_of=AS_OF)
    return rows_of(found), left_out


def test_without_anything_to_work_out_the_attributes_of_those_described_are_all_there_is():
    found, left_out = few(described(town=lambda i: "ab"[i % 2], note=lambda i: f"unlike {i}"))
    assert found.columns.tolist() == ["customer_id", "town"] and len(found) == 20 and left_out == ["note"]


def test_customers_of_whom_nothing_is_known_have_no_descriptor():
    found, left_out = few(described().mutate(described=False))
    assert found.columns.tolist() == ["customer_id"] and found.empty and left_out == []


def test_what_is_worked_out_is_told_of_everyone_and_the_age_becomes_a_band():
    found, left_out = few(described(town=lambda i: "ab"[i % 2], age=lambda i: 20 + i, postcode=lambda i: f"{69 if i < 20 else 75}000"))
    assert sorted(found.columns) == ["age_band", "area", "customer_id", "town"] and len(found) == 40 and left_out == []
    assert found["area"].value_counts().to_dict() == {"69": 20, "75": 20}


def test_a_descriptor_of_which_one_level_alone_has_enough_customers_is_left_out():
    found, left_out = few(described(town=lambda i: "ab"[i % 2], postcode=lambda i: f"{69 if i < 31 else 75}000"))
    assert "area" not in found.columns and left_out == ["area"]
    found, left_out = few(described(town=lambda i: "ab"[i % 2], postcode=lambda i: f"{69 if i < 30 else 75}000"))
    assert "area" in found.columns and left_out == []


def test_nothing_that_says_who_or_where_somebody_is_becomes_a_descriptor():
    columns = {name: (lambda i: "ab"[i % 2]) for name in (*PERSONAL, *LOCATING)}
    found, _ = few(described(**columns, created_at=lambda i: AS_OF, household_id=lambda i: "h"))
    assert set(found.columns) <= {"customer_id", "area"}


def test_many_amounts_are_told_in_thirds_a_number_that_is_a_name_is_not_and_a_list_word_by_word():
    people = described(
        income=lambda i: str(1000 + 10 * i),
        siret=lambda i: f"{10_000_000 + i}",
        interests=lambda i: None if i == 0 else "|".join(["cook"] * (i < 30) + ["sport"] * (i % 3 == 0) + [f"w{i % 16}"]),
    ).filter(ibis._.customer_id < "c039")
    made = descriptors.told(people, ["income", "siret", "interests"], 10)
    assert sorted(made) == ["income", "interests: cook", "interests: sport"]
    found = rows_of(people.select("customer_id", **made))
    assert found["income"].tolist() == ["low"] * 13 + ["middle"] * 13 + ["high"] * 13
    assert found["interests: cook"].tolist()[1:] == ["yes"] * 29 + ["no"] * 9 and pd.isna(found["interests: cook"][0])


def test_the_order_of_customers_changes_no_descriptor():
    columns = {"town": lambda i: "ab"[i % 2], "income": lambda i: 1000 + i, "postcode": lambda i: f"{69 if i < 20 else 75}000"}
    one, _ = few(described(**columns))
    two, _ = few(described(**columns).order_by(ibis.desc("customer_id")))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_codes_are_said_and_stand_in_their_own_order():
    people = described(60, seniority=lambda i: ["new", "loyal", "dormant"][i % 3], income=lambda i: ["9K", "10K", "other"][i % 3])
    frame = people_page.descriptors_table(people.drop("described"), min_cell=10).frame
    assert frame["attribute"].unique().tolist() == ["Seniority", "income"]
    assert frame["level"].tolist() == ["new", "loyal", "dormant", "9K", "10K", "other"]
    assert people_page.level_words("reach", "none") == "none of the channels" and people_page.level_words("town", "none") == "none"
    assert people_page.level_words("area_income", "low") == "lower third" and people_page.attribute_words("area_income") == "Area: income"


# Classes of seniority


def test_what_each_class_bought_gave_back_and_whether_it_came_again(monkeypatch):
    class Running:
        project = project()

    monkeypatch.setattr("helpers.run.current", lambda: Running)
    plan = project(scope={"window_days": 90}, min_cell=2, variables={"attrition_after_days": 60})
    lines = bought(
        ("ann", "1", 10.0, 100),
        ("ann", "1", 10.0, -20),  # one of two articles given back
        ("ann", "2", 40.0, 20),
        ("ann", "3", 120.0, 50),  # the window before
        ("bea", "4", 70.5, 80),
        ("bea", "5", 70.1, 20),  # the same day
        ("bea", "6", 170.0, 10),
        ("cyd", "7", 150.0, 10),
        ("cyd", "8", 30.0, -10),
        ("dot", "9", 300.0, 10),
    )
    level = {"ann": "loyal", "bea": "loyal", "cyd": "dormant", "dot": "dormant", "pro": "prospect"}
    given = ibis.memtable({"customer_id": list(level), "seniority": list(level.values())})
    found = classes.figures(given, lines, plan, as_of=AS_OF).set_index("seniority")
    assert found.index.tolist() == ["prospect", "loyal", "dormant", "all"] and found["n"].tolist() == [1, 2, 2, 5]
    assert found["revenue"].tolist() == [0, 200, -10, 190]
    assert found.loc["loyal", "revenue_share"] == pytest.approx(200 / 190)
    assert found.loc["loyal", "refund_rate"] == pytest.approx(20 / 220) and found.loc["all", "refund_rate"] == pytest.approx(30 / 220)
    assert found.loc["loyal", "repeat_rate"] == 0.5  # ann on two days, bea on one
    assert found.loc["loyal", "retention"] == 1.0 and found.loc["all", "retention"] == pytest.approx(2 / 3)
    assert found.loc["loyal", "attrition"] == 0.5 and found.loc["dormant", "attrition"] == 1.0
    # cyd alone bought in the window before, nobody of them in it: too few for a share
    assert found.loc["dormant", ["repeat_rate", "refund_rate", "retention"]].isna().all()
    assert found.loc["prospect", ["repeat_rate", "retention", "attrition"]].isna().all()
    rows = tables.payload(people_page.classes_table(found.reset_index(), plan))["rows"]
    assert rows[0][0] == "prospect" and rows[-1][0] == "everyone known"


def test_where_seniority_or_stages_cannot_be_told_their_tables_are_empty():
    assert classes.figures(None, bought(), project(), as_of=AS_OF).empty and classes.stages(None).empty
    assert people_page.classes_table(classes.figures(None, bought(), project(), as_of=AS_OF), project()).frame.empty


def test_stages_are_counted_in_the_order_of_the_journey():
    found = classes.stages(ibis.memtable({"customer_id": list("abcd"), "journey_stage": ["repeat", "known", "repeat", "bought once"]}))
    assert found["n"].tolist() == [1, 0, 0, 1, 2] and found["share"].tolist() == [0.25, 0, 0, 0.25, 0.5]


# What the variables give away


def given_away(age_follows: float, n=600, **fields) -> dict:
    """Two variables; the first follows the age band by so much, the second nothing."""
    draw = np.random.default_rng(5)
    old = draw.integers(0, 2, n)
    sample = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(n)], "x": age_follows * old + draw.normal(size=n), "y": draw.normal(size=n)}
    )
    learnt = [{"name": name, "missing": 0.0, "steps": []} for name in ("x", "y")]
    attributes = pd.DataFrame({"customer_id": sample["customer_id"], "age_band": np.where(old, "65+", "<25")}).sample(
        frac=1, random_state=1
    )
    return proxies.proxies(sample, learnt, ["x", "y"], attributes, project(**fields))[0]


def test_a_variable_that_follows_an_attribute_gives_it_away_and_is_named():
    found = given_away(3.0)
    assert found["verdict"] == "clear" and found["variable"] == "x" and found["accuracy"] > 0.9
    assert found["low"] < found["accuracy"] < found["high"] and found["alone"] > 0.9
    assert (found["chance"], found["levels"], found["n"]) == (0.5, 2, 600)


def test_noise_gives_nothing_away():
    found = given_away(0.0)
    assert found["verdict"] == "none" and found["low"] <= 0.5


def shop_of_many(follows: float, *, n: int, variables: int, seed: int) -> dict:
    """Variables each of which follows gender by so little that only their sum gives it away."""
    draw = np.random.default_rng(seed)
    woman, names = draw.integers(0, 2, n), [f"x{j}" for j in range(variables)]
    values = follows * woman[:, None] + draw.normal(size=(n, variables))
    sample = pd.DataFrame(values, columns=names).assign(customer_id=[f"c{i}" for i in range(n)])
    learnt = [{"name": name, "missing": 0.0, "steps": []} for name in names]
    attributes = pd.DataFrame({"customer_id": sample["customer_id"], "gender": np.where(woman, "f", "m")})
    (found,) = proxies.proxies(sample, learnt, names, attributes, project())
    return found


def test_what_only_the_sum_of_many_variables_gives_away_is_recognised():
    found = shop_of_many(0.25, n=500, variables=12, seed=4)
    assert found["verdict"] == "some" and found["accuracy"] > 0.6 and found["low"] > 0.54  # one tree of four questions: 0.55
    assert found["accuracy"] > found["alone"] and found["alone_low"] < found["alone"] < found["alone_high"]


def test_what_one_variable_gives_away_but_no_straight_line_is_recognised_too():
    draw = np.random.default_rng(6)
    x = draw.normal(size=400)
    sample = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "x": x, "y": draw.normal(size=400)})
    learnt = [{"name": name, "missing": 0.0, "steps": []} for name in ("x", "y")]
    attributes = sample[["customer_id"]].assign(gender=np.where(np.abs(x) > 0.7, "f", "m"))
    (found,) = proxies.proxies(sample, learnt, ["x", "y"], attributes, project())
    assert found["verdict"] == "clear" and found["variable"] == "x" and min(found["accuracy"], found["alone"]) > 0.9


def test_attributes_drawn_by_lot_are_taken_for_given_away_once_in_twenty_at_most():
    found = [shop_of_many(0.0, n=200, variables=4, seed=seed)["verdict"] for seed in range(24)]
    assert sum(verdict != "none" for verdict in found) <= 3  # one in twenty is 1.2 of 24; more than 3 would come in 3 of 100 such tries


def test_the_interval_of_the_best_variable_is_the_wider_the_more_there_were():
    guessed, y = np.array([0, 0, 0, 1] * 25), np.array([0, 0, 1, 1] * 25)  # of 0 all, of 1 half
    accuracy, low, high = proxies._figures(guessed, y)
    assert accuracy == 0.75 and accuracy - low == pytest.approx(1.959964 * np.sqrt(0.25 / 50) / 2) == pytest.approx(high - accuracy)
    assert accuracy - proxies._figures(guessed, y, among=5)[1] == pytest.approx(1.5 * 2.575829 * np.sqrt(0.25 / 50) / 2)


def test_the_same_customers_give_the_same_answer_in_any_order():
    draw = np.random.default_rng(2)
    sample = pd.DataFrame({"customer_id": [f"c{i}" for i in range(200)], "x": draw.normal(size=200)})
    attributes = pd.DataFrame({"customer_id": sample["customer_id"], "gender": draw.choice(["f", "m"], 200)})
    learnt = [{"name": "x", "missing": 0.0, "steps": []}]
    one, two = (proxies.proxies(sample, learnt, ["x"], attributes.sample(frac=1, random_state=s), project()) for s in (1, 2))
    assert one == two


def test_levels_of_too_few_customers_do_not_count_and_one_level_tells_nothing():
    sample = pd.DataFrame({"customer_id": [f"c{i}" for i in range(100)], "x": np.arange(100.0)})
    learnt = [{"name": "x", "missing": 0.0, "steps": []}]
    gender = ["f"] * 60 + ["m"] * 19 + [None] * 21
    (found,) = proxies.proxies(sample, learnt, ["x"], sample[["customer_id"]].assign(gender=gender), project())
    assert (found["verdict"], found["levels"], found["n"], found["accuracy"]) == ("unknown", 1, 60, None)
    (found,) = proxies.proxies(sample, learnt, ["x"], sample[["customer_id"]].assign(gender=[*gender[:79], "m", *gender[80:]]), project())
    assert found["levels"] == 2 and found["verdict"] == "clear"


def test_what_is_checked_is_typed_or_else_gender_and_age_where_they_are_known():
    known = ibis.memtable({"customer_id": ["a"], "gender": ["f"], "town": ["b"]})
    assert proxies.asked(known, project()) == (["gender"], [])
    typed = project(variables={"proxies_of": ["town", "religion"]})
    assert proxies.asked(known, typed) == (["town"], ["religion"])
    in_bands = ibis.memtable({"customer_id": ["a"], "age_band": ["<25"]})
    assert proxies.asked(in_bands, project(variables={"proxies_of": ["age", "age_band"]})) == (["age_band"], [])


def test_the_finding_names_the_attribute_that_is_given_away_most():
    plan, base = project(), {"n": 500, "levels": 2, "chance": 0.5, "low": 0.6, "high": 0.7, "alone": 0.6}
    base |= {"alone_low": 0.55, "alone_high": 0.65}
    clear = base | {"attribute": "gender", "accuracy": 0.66, "strength": 0.32, "verdict": "some", "variable": "spend_per_30d"}
    none = base | {"attribute": "age_band", "accuracy": 0.5, "strength": 0.0, "verdict": "none", "variable": "recency_days"}
    said = people_page.proxies_words([none, clear], [], plan)
    assert said == (
        "Gender: the proposed variables together recognise 66% where chance would recognise 50%; Spend per 30 days gives most away."
    )
    said = people_page.proxies_words([none], [], plan)
    assert said == "This check did not recognise Age from the proposed variables any better than chance would."
    assert "does not hold it" not in said and "do not hold it" in people_page.proxies_words([], ["religion"], plan)
    assert people_page.proxies_words([], [], plan).startswith("No attribute is checked")
    frame = people_page.proxies_table([none, clear], plan).frame
    assert frame["verdict"].tolist() == ["not recognised by this check", "partly given away"]
    assert frame["interval"].tolist() == ["60.0% to 70.0%"] * 2 and frame["alone_interval"].tolist() == ["55.0% to 65.0%"] * 2
    said = people_page.caveats(plan, classes=False, left_out=["siret"], scales={}, proxies=[none, clear])
    assert said[0].startswith("Who is new, loyal or dormant is not told") and said[1].endswith("no two groups of customers apart: siret.")
    assert said[2].startswith("The variables stand in part for gender")
