"""Journeys: who came how far, who went on, what hurt, and which messages a moment of a customer's own may set off."""

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest
from by_hand import AS_OF, project, same, table

from helpers.adopt import journey as journeys
from helpers.adopt.journey import pains, scenarios, scenarios_page
from helpers.adopt.journey.moments import moments, purchases, rate, sound
from helpers.engine import Window

pytestmark = pytest.mark.usefixtures("in_english")

WINDOW = Window("confirm", datetime(2017, 1, 4), datetime(2017, 7, 3), AS_OF, enough=True)
TARGET = {"channels": {"email": {"name": "e-mail", "cost": 0.03}, "post": {"name": "letter", "cost": 0.85}}}


def plan(min_cell=1, **sections):
    """A project of every table in which one customer may be told of, so that three rows show how a figure is made."""
    return project(tables=("orders", "events", "contacts", "customers"), **sections).model_copy(update={"min_cell": min_cell})


def lines(*rows):
    """Order lines: customer, order, moment, amount."""
    return table("orders", "customer_id order_id ordered_at amount", *rows)


def events(*rows):
    """What customers did: customer, moment, kind."""
    return table("events", "customer_id occurred_at kind", *rows)


def people(*rows):
    """Customers: id, day of entry."""
    return table("customers", "customer_id created_at", *rows)


def members(**segments):
    """One table of members: S1=["a", "b"] …"""
    rows = [{"customer_id": c, "segment": s} for s, each in segments.items() for c in each]
    return ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "segment"]))


def day(month, number):
    return datetime(2017, month, number)


# What may be told


def test_a_share_has_wilsons_interval_and_says_only_most_or_few_where_too_few_make_the_difference():
    half = rate(50, 100, least=10)
    assert (half["n"], half["share"], half["bound"]) == (100, 0.5, None)
    assert (half["low"], half["high"]) == pytest.approx((0.40383, 0.59617), abs=5e-6)
    assert (rate(95, 100, least=10)["share"], rate(95, 100, least=10)["bound"]) == (None, "most")
    assert rate(3, 100, least=10)["bound"] == "few" and rate(0, 100, least=10)["share"] == 0
    assert rate(5, 9, least=10) == {"n": None, "share": None, "low": None, "high": None, "bound": None}


# Stages


def test_orders_of_one_day_are_one_purchase_and_a_refund_is_none():
    rows = lines(
        ("a", "1", "03-01 09:00", 5), ("a", "2", "03-01 18:00", 5), ("a", "3", "03-09", -5), ("a", "4", "03-20", 7), ("a", "5", "10-01", 7)
    )  # fmt: skip
    found = purchases(rows, as_of=AS_OF).drop("by")
    same(found, {"customer_id": ["a", "a"], "at": [datetime(2017, 3, 1, 9), day(3, 20)], "place": [0, 1]}, by="at")


def test_each_stage_is_the_first_time_and_loyal_is_the_purchase_that_makes_enough_within_a_year():
    rows = lines(("a", "1", "03-01", 5), ("a", "2", "04-01", 5), ("a", "3", "05-01", 5), ("b", "4", "06-01", 5))
    seen = events(("a", "02-20 10:00", "visit"), ("a", "02-21", "basket"), ("a", "02-21", "visit"), ("c", "07-01", "visit"))
    mailed = table("contacts", "customer_id campaign_id sent_at", ("b", "x", "05-20"))
    checked = {"customers": people(("a", "02-01"), ("b", None), ("c", None)), "events": seen, "contacts": mailed, "orders": rows}
    own = plan(variables={"seniority": {"loyal_orders": 3}})
    found = moments(checked, purchases(rows, as_of=AS_OF), own, as_of=AS_OF).order_by("customer_id").execute()
    assert list(found.trace) == [day(2, 1), day(5, 20), day(7, 1)] and list(found.by_trace) == ["file", "campaign", "visit"]
    assert found.visit[0] == datetime(2017, 2, 20, 10) and found.basket[0] == day(2, 21)
    assert (found["first"][1], found.loyal[0]) == (day(6, 1), day(5, 1)) and found.loyal[1:].isna().all()


def test_a_whole_journey_begins_after_the_data_do():
    known = ibis.memtable(
        pd.DataFrame(
            {
                "customer_id": ["before", "entered", "early", "late"],
                "created": [datetime(2016, 5, 1), day(1, 20), pd.NaT, pd.NaT],
                "trace": [datetime(2016, 5, 1), day(1, 20), day(2, 1), day(6, 1)],
            }
        )
    )
    found = known.select("customer_id", ok=sound(known, first=day(1, 2), horizon_days=90))
    same(found, {"customer_id": ["before", "entered", "early", "late"], "ok": [False, True, False, True]})


def known_of(*rows):
    """customer, trace, first, second: what `everyone` reads; no other stage was reached."""
    frame = pd.DataFrame(rows, columns=["customer_id", "trace", "first", "second"]).assign(sound=True)
    frame = frame.assign(**dict.fromkeys(("visit", "basket", "third", "loyal"), pd.NaT))
    frame = frame.assign(**{f"by_{s}": "web" for s in ("trace", "visit", "basket", "first", "second", "third", "loyal")})
    return ibis.memtable(frame.astype({c: "datetime64[us]" for c in ("trace", "visit", "basket", "first", "second", "third", "loyal")}))


def test_only_who_came_long_enough_ago_is_asked_whether_they_went_on():
    found = journeys.everyone(
        known_of(
            ("went", day(1, 1), day(1, 11), day(2, 1)),
            ("slow", day(1, 1), day(8, 1), None),  # after more than 180 days: not in time
            ("never", day(1, 1), None, None),
            ("at once", day(1, 5), day(1, 5), None),  # the purchase is the trace: nobody went from one to the other
            ("young", day(9, 1), day(9, 2), None),  # 30 days ago: too early to tell
        ),
        plan(),
        as_of=AS_OF,
    )
    trace, first, second = found["stages"]
    assert (trace["n"], trace["next"]["n"], trace["next"]["share"], trace["next"]["median_days"]) == (5, 3, pytest.approx(1 / 3), 10)
    assert trace["next"]["around"] == 0.25 and (trace["by"], trace["by_share"]) == ("web", 1)
    assert (first["next"]["n"], first["next"]["share"]) == (2, 0.5) and second["next"] is None


def test_counts_of_stages_never_differ_by_fewer_customers_than_may_be_told():
    rows = [(f"c{i}", day(1, 1), day(1, 2) if i else None, None) for i in range(30)]
    found = journeys.everyone(known_of(*rows), plan(min_cell=10), as_of=AS_OF)
    assert [stage["n"] for stage in found["stages"]] == [30, None]
    assert found["stages"][0]["next"]["bound"] == "most"


def test_stages_that_the_scope_asks_for_are_said_to_be_fixed():
    three = {"filters": [{"rule": "orders_at_least", "value": 3, "because": "habit"}]}
    assert journeys.fixed(plan(scope=three)) == ["first", "second", "third"]
    assert journeys.fixed(plan()) == ["first"]


# Segments


def test_members_are_followed_from_step_to_step_in_the_days_after_their_segment_was_built():
    seen = events(
        ("a", "07-05", "visit"), ("a", "07-05 00:10", "basket"), ("b", "07-06", "visit"), ("c", "06-01", "visit"), ("d", "09-20", "visit")
    )  # fmt: skip
    rows = lines(("a", "1", "07-06", 9), ("a", "2", "07-16", 9), ("c", "3", "07-10", 9), ("c", "4", "09-20", 9))
    checked = {"events": seen, "orders": rows}
    found = journeys.later(members(S1=["a", "b", "c", "d"]), checked, purchases(rows, as_of=AS_OF), WINDOW, plan())["S1"]
    steps = found["steps"]
    assert steps["visit"]["share"] == 0.75 and found["ordered"]["share"] == 0.5
    assert (steps["basket"]["n"], steps["basket"]["share"]) == (2, 0.5)  # d came in the second half: too late to be followed
    assert (steps["order"]["n"], steps["order"]["share"]) == (1, 1)
    assert (steps["again"]["n"], steps["again"]["share"], steps["again"]["median_days"]) == (2, 0.5, 10)  # c came back after 72 days


def test_without_visits_the_first_step_is_the_purchase():
    rows = lines(("a", "1", "07-06", 9), ("b", "2", "06-01", 9))
    found = journeys.later(members(S1=["a", "b"]), {"orders": rows}, purchases(rows, as_of=AS_OF), WINDOW, plan())["S1"]["steps"]
    assert (found["visit"], found["basket"], found["order"]["share"]) == (None, None, 0.5)


def test_a_basket_is_left_when_no_purchase_follows_within_a_day():
    filled = ibis.memtable(pd.DataFrame({"customer_id": ["a", "a", "b"], "at": [day(7, 1), day(7, 5), day(7, 1)]}))
    bought = ibis.memtable(pd.DataFrame({"customer_id": ["a", "b"], "at": [datetime(2017, 7, 1, 23), day(7, 2)]}))
    found = pains.left_baskets(filled, bought)
    same(
        found,
        {"customer_id": ["a", "a", "b"], "at": [day(7, 1), day(7, 5), day(7, 1)], "left": [False, True, True]},
        by=["at", "customer_id"],
    )


def test_pain_points_are_shares_of_those_whom_they_could_strike():
    rows = lines(("a", "1", "07-06", 9), ("a", "2", "07-16", -9), ("b", "3", "07-10", 9), ("c", "4", "01-10", 9))
    said = table(
        "comments", "customer_id said_at text rating", ("a", "07-20", "…", 1.0), ("b", "07-20", "…", 5.0), ("c", "07-21", "…", 4.0)
    )
    found = pains.pains(members(S1=["a", "b", "c"]), {"orders": rows, "comments": said}, purchases(rows, as_of=AS_OF), WINDOW, plan())
    assert (found["S1"]["refund"]["n"], found["S1"]["refund"]["share"]) == (2, 0.5)  # c bought nothing in the window
    assert found["S1"]["rating"]["share"] == pytest.approx(1 / 3)


def test_who_buys_often_is_struck_often_so_a_pain_point_is_also_told_by_purchase():
    # one customer of S1, four purchases and one refund: everybody struck, and one purchase in four
    often = [("a", str(i), f"07-{i:02}", 9) for i in (6, 8, 10, 12)]
    rows = lines(*often, ("b", "1", "07-06", 9), ("c", "2", "07-06", 9), ("a", "r", "07-20", -9))
    found = pains.pains(members(S1=["a"], S2=["b", "c"]), {"orders": rows}, purchases(rows, as_of=AS_OF), WINDOW, plan())
    assert (found["S1"]["refund"]["share"], found["S1"]["refund"]["each"]) == (1.0, 0.25)
    assert (found["S2"]["refund"]["share"], found["S2"]["refund"]["each"]) == (0.0, 0.0)


def shop_with_refunds(back_after_refund: int):
    """60 members buy on 5 July; 20 get a refund on the 10th; of these so many come back in August, of the others 32 of 40."""
    rows = [(f"c{i:02}", f"o{i}", "07-05", 9) for i in range(60)] + [(f"c{i:02}", f"r{i}", "07-10", -9) for i in range(20)]
    back = [*range(back_after_refund), *range(20, 52)]
    rows = lines(*rows, *((f"c{i:02}", f"b{i}", "08-10", 9) for i in back))
    bought = purchases(rows, as_of=AS_OF)
    checked = {"orders": rows, "customers": people(*((f"c{i:02}", None) for i in range(60)))}
    known = moments(checked, bought, plan(), as_of=AS_OF).mutate(sound=ibis.literal(False))
    then = members(S1=[f"c{i:02}" for i in range(60)])
    return pains.breaks(then, ["S1"], checked, bought, known, WINDOW, plan(min_cell=3), as_of=AS_OF)


def test_a_refund_after_which_members_go_on_less_is_a_moment_that_breaks():
    found = shop_with_refunds(back_after_refund=5)
    (line,) = found["lines"]
    assert (line["segment"], line["point"], line["with"]["n"], line["without"]["n"]) == ("S1", "refund", 20, 40)
    assert (line["with"]["share"], line["without"]["share"], line["difference"]) == (0.25, 0.8, pytest.approx(-0.55))
    assert line["breaks"] and line["high"] < 0 and line["p_holm"] == line["p"]


def test_a_refund_after_which_members_go_on_alike_is_none():
    (line,) = shop_with_refunds(back_after_refund=16)["lines"]
    assert line["difference"] == 0 and line["p"] == 1 and not line["breaks"]


# Scenarios


class Step:
    """What scenarios and journeys ask of a step."""

    as_of = AS_OF

    def __init__(self, own, then=None, born=()):
        self.project, self.then, self.born = own, then, born

    def gives(self, step, name):
        return (step, name) == ("build", "membership_confirm") and self.then is not None

    def take(self, step, name):
        return self.then

    def source(self, name):
        return table("customers", "customer_id birth_date", *self.born)

    def windows(self, orders):
        return {"confirm": WINDOW}


def found_in(step, checked, inside, *segments):
    profiles = {"segments": [{"id": s, "n": 3, "name": s} for s in segments]}
    found = scenarios.scenarios(step, inside, checked, profiles)
    return {(line["scenario"], line["segment"]): line for line in found["lines"]}, found, profiles


def a_shop(**sections):
    rows = lines(
        *((f"{c}", f"{c}{n}", f"0{n + 5}-{d}", 9) for c, d in (("a", "10"), ("b", "10")) for n in range(4)), ("c", "x", "05-01", 9)
    )
    seen = events(("a", "09-20 10:00", "basket"), ("b", "08-10 00:00", "basket"), ("c", "09-30 12:00", "basket"))
    checked = {"orders": rows, "events": seen, "customers": people(("a", "01-05"), ("b", "01-05"), ("c", "09-15"))}
    agreed = table(
        "consents", "customer_id channel purpose granted updated_at", ("a", "Email", "marketing", True, "01-05"),
        ("b", "email", "marketing", True, "01-05"), ("b", "email", "marketing", False, "03-05"), ("c", "sms", "marketing", True, "09-15"),
    )  # fmt: skip
    return checked, agreed, plan(target=TARGET, **sections)


def test_each_scenario_counts_whom_its_event_befell_and_who_may_be_contacted():
    checked, agreed, own = a_shop()
    step = Step(own, then=members(S1=["a"], S2=["b"]))
    found, _, _ = found_in(step, checked | {"consents": agreed}, members(S1=["a", "b"], S2=["c"]), "S1", "S2")
    basket = found["basket", None]
    assert (basket["n_30"], basket["contactable_30"], basket["n_90"]) == (1, 1, 1)  # b bought that day; c's day is not over
    welcome = found["welcome", None]
    assert (welcome["n_30"], welcome["contactable_30"]) == (0, 0)  # c bought before the day of entry
    entry = found["entry", "S1"], found["entry", "S2"]
    assert [line["n_90"] for line in entry] == [1, 1] and entry[0]["n_30"] is None and entry[0]["lacks"] == "earlier_run"
    assert found["entry", "S1"]["contactable_90"] == 0 and found["entry", "S2"]["contactable_90"] == 0  # b withdrew; sms is not planned
    assert found["birthday", None]["lacks"] == "birth_date" and found["birthday", None]["n_90"] is None


def test_members_are_silent_from_the_ninth_tenth_of_their_segments_intervals_on():
    checked, _, own = a_shop()
    found, _, _ = found_in(Step(own), checked, members(S1=["a", "b"]), "S1")
    line = found["reactivation", "S1"]
    assert line["suggested_days"] == 31 and line["median_days"] == 31 and line["of"] == 2  # 10 May, June, July, August: 31, 30, 31 days
    assert (line["n_30"], line["n_90"], line["contactable_90"]) == (2, 2, None)  # silent since 10 August + 31 days


def test_without_consents_nobody_can_tell_who_may_be_contacted():
    checked, _, own = a_shop()
    _, found, profiles = found_in(Step(own), checked, members(S1=["a", "b"]), "S1")
    assert {line["contactable_90"] for line in found["lines"]} == {None}
    assert "cannot be told" in scenarios_page.scenarios_words(found, own)


def test_birthdays_are_counted_and_a_leap_day_has_the_day_after_the_28th(monkeypatch):
    born = [("a", "1980-09-30"), ("b", "1975-10-01"), ("c", "1990-07-15"), ("d", "1890-09-30")]
    checked, _, _ = a_shop()
    own = plan()
    monkeypatch.setattr(type(own), "has", lambda self, name: name == "customers.birth_date")
    line = scenarios._told(scenarios._birthday(Step(own, born=born), checked, AS_OF), own, None)
    assert (line["n_30"], line["n_90"]) == (1, 2)  # 1 October is not over yet; nobody is 127 years old
    leap = pd.DataFrame([scenarios._celebrated(day(3, 2), back) for back in (1, 2)], columns=["month", "day", "days"])
    assert scenarios._leap(leap, day(3, 2)).to_dict("records") == [{"month": 2, "day": 29, "days": 1.0}]


def test_what_is_typed_for_a_scenario_stands_beside_what_the_data_suggest():
    typed = {"reactivation": {"message": "We miss you", "channel": "post", "after_days": 45, "owner": "CRM"}}
    checked, agreed, own = a_shop(adopt={"scenarios": typed})
    _, found, profiles = found_in(Step(own), checked | {"consents": agreed}, members(S1=["a", "b"]), "S1")
    line = next(line for line in found["lines"] if line["scenario"] == "reactivation")
    assert (line["channel"], line["after_days"], line["contactable_90"]) == ("post", 45, 0)  # nobody agreed to letters
    frame = scenarios_page.scenarios_table(found, profiles, own).frame.set_index("name")
    assert frame.loc["Reactivation", "typed"] == "We miss you; letter; after 45 days; CRM"
    assert frame.loc["Reactivation", "delay"] == "31 days" and frame.loc["Basket left", "typed"] == "nothing typed"


# The whole


def test_a_whole_document_is_made_from_the_tables_of_step_three():
    checked, _, own = a_shop()
    step = Step(own, then=members(S1=["a", "b"]))
    profiles = {"segments": [{"id": "S1", "n": 2, "name": "Regulars", "colour": "#12436D"}]}
    found = journeys.journey(step, members(S1=["a", "b"]), checked, profiles)
    assert found["segments"][0]["later"]["n"] == 2 and found["window"]["go_on_days"] == 45
    assert {"visit", "rating", "refund", "complaints", "themes"} <= set(found["lacks"]) and "basket" not in found["lacks"]
    assert found["window"]["until"] - found["window"]["from"] == timedelta(days=90)


def test_how_members_came_is_told_of_those_whose_whole_way_is_known():
    rows = [(f"c{i:02}", day(1, 5), day(1, 15), day(2, 4)) for i in range(24)]
    known = known_of(*rows).mutate(sound=ibis._.customer_id != "c00", visit=ibis.literal(day(1, 10)))
    found = journeys.arrived(members(S1=[f"c{i:02}" for i in range(24)]), known, plan(min_cell=10))["S1"]
    assert found["n"] is None  # 23 of 24: with the segment's size one customer would follow
    assert (found["visited"]["share"], found["filled"], found["days_to_first"], found["days_to_second"]) == (1, None, 10, 20)
    assert (found["channel"], found["channel_share"], found["days_to_third"]) == ("web", 1, None)
    assert journeys.arrived(members(S1=["c01"]), known, plan(min_cell=10)) == {}
