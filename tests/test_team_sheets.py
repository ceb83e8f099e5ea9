"""Step 7: the sheets of the teams: what to do on Monday, three figures, answers, and nothing about too few customers."""

import json
from types import SimpleNamespace

import pytest
from by_hand import at, project, table
from test_adopt import document, plan, profiles, segment, text_of, trait

from helpers import NinefoldError, adopt
from helpers.adopt import dictionary_page
from helpers.adopt.teams import answers, finance, handouts, monday, sheets
from helpers.project.adopting import TEAMS as ALL_TEAMS
from helpers.render.markup import Inspector

pytestmark = pytest.mark.usefixtures("in_english")

GOODS = {
    "category_groups": {"fresh_share": ["MEAT"], "fuel_share": ["FUEL"]},
    "share_names": {"fresh_share": "fresh food", "fuel_share": "fuel"},
}
WINDOW = SimpleNamespace(built_from=at("07-01"), built_at=at("10-01"))


def of(team, *traits, project=None, **more):
    project = project or plan(variables=GOODS)
    (one,) = monday.told(profiles(segment("S1", 20, traits=traits, **more)), {}, project)["segments"]
    return monday.moves(team, one, project)


def sheet(team, *segments, project=None, **more):
    project = project or plan(variables=GOODS)
    return handouts.team_sheet(team, monday.told(profiles(*segments), {}, project), project, **more)


# On Monday


def test_of_each_part_the_strongest_trait_says_what_to_do_with_its_figures():
    goods = [trait("fresh_share", 0.3, 0.2, 0.8), trait("fuel_share", 0.2, 0.1, 0.5)]
    times = [trait("evening_order_share", 0.47, 0.35, 0.49), trait("morning_order_share", 0.3, 0.2, 0.3)]
    assert of("marketing", *goods, *times) == [
        "show fresh food first (30%, everyone 20% of what they buy)",
        "send it for the evening (evening orders: 47%, everyone 35%)",
    ]


def test_the_side_on_which_a_segment_lies_decides_what_is_said():
    assert of("sales", trait("spend_per_order", 43.0, 32.0, 0.5)) == [
        "take the time for a large order (spend per order: $43, everyone $32)"
    ]
    assert of("sales", trait("spend_per_order", 21.0, 32.0, -0.5))[0].startswith("propose one thing more with a small order")
    assert of("marketing", trait("fresh_share", 0.1, 0.2, -0.9)) == [], "nobody is told what not to show first"
    assert of("product", trait("fresh_share", 0.1, 0.2, -0.9)) == [
        "do not count on them for fresh food (10%, everyone 20% of what they buy)"
    ]


def test_a_weak_trait_counts_only_when_it_is_sure():
    def weak(effect, v):
        return of("sales", trait("spend_per_order", 33.0, 32.0, effect) | {"v": v})

    assert len(weak(0.15, 3.0)) == 1
    assert weak(0.15, 2.9) == weak(0.14, 9.0) == weak(0.2, None) == []
    assert len(weak(0.3, None)) == 1


def test_a_trait_known_of_too_few_members_says_nothing():
    found = profiles(
        segment("S1", 20, traits=[trait("fresh_share", 0.3, 0.2, 0.8)]), segment("S2", 3, traits=[trait("fresh_share", 1, 0.2, 3)])
    )
    told = monday.told(found, {"S1": {"fresh_share": {"known": 3, "beyond": 3}}}, plan(variables=GOODS))
    assert [s["traits"][0]["mean"] for s in told["segments"]] == [None, None]
    kept = monday.told(found, {"S1": {"fresh_share": {"known": 4, "beyond": 3}}}, plan(variables=GOODS))
    assert [s["traits"][0]["mean"] for s in kept["segments"]] == [0.3, None], "of three people nothing is told at all"


def test_service_hears_of_a_segment_that_goes_beyond_chance():
    going = segment("S1", 40, active_later={"share": 0.5, "low": 0.4, "high": 0.6, "n": 40})
    found = profiles(going, segment("S2", 100))
    share, known = monday.bought_again(found, plan())
    assert share == pytest.approx((20 + 90) / 140) and [s["id"] for s, _ in known] == ["S1", "S2"]
    assert monday.moves("service", going, plan(), later=share) == ["ask after them before they go (bought again: 50%, everyone 79%)"]
    assert monday.moves("service", going, plan(), later=0.6) == monday.moves("sales", going, plan(), later=share) == []


def test_a_share_that_says_how_few_went_is_not_told():
    nearly = segment("S1", 100, active_later={"share": 0.97, "low": 0.9, "high": 1.0, "n": 100})  # three went
    assert [s["id"] for s, _ in monday.bought_again(profiles(nearly, segment("S2", 100)), plan())[1]] == ["S2"]
    assert monday.bought_again(profiles(nearly), plan()) is None
    assert "97%" not in text_of(sheet("service", nearly, segment("S2", 100))["body"])


def test_a_segment_that_differs_in_nothing_is_treated_as_everyone():
    said = text_of(sheet("sales", segment("S1", 20, name="Many"))["body"])
    assert said.startswith("Many Nothing here sets them apart: as for everyone.")


def test_a_team_is_not_sent_where_few_orders_come_from_however_much_a_segment_stands_out():
    def told(mean):
        traits = [trait("morning_order_share", mean, 0.1, 1.2), trait("weekend_order_share", 0.5, 0.3, 0.5)]
        return monday.moves("sales", segment("S1", 20, traits=traits), plan())

    assert told(0.25) == ["have people and goods ready at the weekend (weekend orders: 50%, everyone 30%)"]
    assert told(0.34) == ["have people and goods ready in the morning (morning orders: 34%, everyone 10%)"]


def test_whom_to_answer_first_is_said_of_segments_far_above_the_mean_alone():
    def first(effect):
        traits = [trait("spend_per_30d", 60.0, 50.0, effect) | {"v": 9.0}]
        return monday.moves("service", segment("S1", 20, traits=traits), plan())

    assert first(0.29) == [] and first(0.3) == ["answer them first (spend per 30 days: $60, everyone $50)"]


def test_what_is_the_same_for_all_has_no_column():
    def columns(*means):
        rows = [segment(f"S{i}", 20, traits=[trait("morning_order_share", mean, 1.0, 0.0)]) for i, mean in enumerate(means, 1)]
        return [c.name for c in sheets.sheet("sales", profiles(*rows), plan()).columns]

    assert "morning_order_share" not in columns(1.0, 1.0), "orders that have a day and no time are all of midnight"
    assert "morning_order_share" in columns(1.0, 0.9) and "morning_order_share" in columns(1.0)


# Finance


def planned(**found):
    return {"plausible": 0.05, "segments": [{"id": "S1", "cost": 62.0, "pays": True, "break_even": 0.036} | found], "total": {"cost": 62.0}}


ORDERS = {"table": "orders", "file": "o.csv", "columns": {"customer_id": "customer_id"}}
OFFER = {"channels": {"mail": {"name": "letter", "cost": 0.5}}, "offers": {"S1": {"offer": "a book", "channel": "mail"}}}


def test_the_controller_is_told_to_set_money_aside_or_to_hold():
    columns = {c: c for c in ("customer_id", "channel", "purpose", "granted")}
    sources = {"consents": {"table": "consents", "file": "c.csv", "columns": columns}, "orders": ORDERS}
    one, typed = segment("S1", 20), plan(target=OFFER, collect={"sources": sources})  # a fifth of the customers, a quarter of revenue
    worth = "worth more than its size: 25% of revenue from 20% of customers"
    told = "set $62 aside for the offer (it needs 3.6 answers more in 100 to pay; 5.0 are plausible)"
    assert finance.money_moves(one, planned(), typed) == [told, worth]
    close = finance.money_moves(one, planned(pays=False, break_even=0.0504, largest_offer=1.5), typed)
    assert close[0] == "hold the offer as it stands (it needs 5.04 answers more in 100 to pay; 5.00 are plausible)"
    assert close[1] == "it would pay at $1.50 an offer or less"
    assert finance.money_moves(one, planned(pays=False, pays_through="mail"), typed)[1] == "it would pay by letter"
    assert finance.money_moves(one, planned(pays=None), typed)[0] == "decide nothing yet: whether the offer pays cannot be told"
    waiting = finance.money_moves(one, planned(), plan(target=OFFER))[0]
    assert waiting.startswith("set $62 aside until consents are known (it needs 3.6 answers")
    assert finance.money_moves(one, planned(), plan())[0] == "release nothing: no offer is typed"
    assert finance.money_moves(one, None, plan())[0] == "release nothing: no offer is typed"
    nobody = finance.money_moves(one, planned(contacted=0, cost=0.0), typed)[0]
    assert nobody == "release nothing: nobody passes the filters of step 8 for the offer as it stands"
    assert finance.money_moves(one, planned(cost=1.08), typed)[0].startswith("set $1.08 aside for the offer")


def test_an_offer_that_reaches_nobody_is_not_among_those_that_pay():
    judged = {"segments": [{"id": "S1", "pays": True, "contacted": 20}, {"id": "S2", "pays": True, "contacted": 0}]}
    told = answers._paying({"segments": [segment(s["id"], 20) | s for s in judged["segments"]]})
    assert told.startswith("1 of 1 at the rise that the scope holds plausible. They are: Segment S1. Step 8 sets against it")


@pytest.mark.parametrize(("share", "said"), [(0.225, "more"), (0.223, "its size"), (0.177, "its size"), (0.175, "less")])
def test_worth_beside_size_is_said_from_an_eighth_on(share, said):
    assert said in finance.money_moves(segment("S1", 20, share_of_revenue=share), None, plan())[1].split(":")[0]


def test_the_margin_needs_a_rate():
    def margin(**target):
        return answers.figures("finance", profiles(segment("S1", 20)), plan(target=target))[1]

    assert margin() == ("Margin, 30 days", "cannot tell", "no margin rate: target.margin_rate")
    assert margin(margin_rate=0.25) == ("Margin, 30 days", "$500", "at 25% of revenue")


# What is asked


def test_those_who_may_be_contacted_are_added_up_over_the_segments_with_an_offer():
    reach = {"segments": [{"customers": 100, "reachable": {"n": 60, "share": 0.6}}, {"customers": 50, "reachable": None}]}
    found = profiles(segment("S1", 100), segment("S2", 50))
    assert answers.figures("marketing", found, plan(), plan=reach)[0] == ("May be contacted", "60%", "of 100 customers with an offer")
    assert answers.figures("marketing", found, plan())[0][1] == "cannot tell"
    assert answers.answers("marketing", found, plan())[0][1].startswith("Nobody knows: these data hold no consents.")
    told = answers.answers("marketing", found, plan(), plan=reach)[0][1]
    assert told == "60 of the 100 customers with an offer: they pass every filter of step 8, consent first."


def test_who_lies_highest_is_answered_only_where_the_segments_differ():
    def asked(effect):
        rows = [segment(f"S{i}", 20, traits=[trait("orders_per_30d", mean, 3.0, effect)]) for i, mean in ((1, 4.0), (2, 2.0))]
        return answers.answers("sales", profiles(*rows), plan())[0][1]

    assert asked(0.4) == "First of all “Segment S1” (4.0), least “Segment S2” (2.0); everyone 3.0."
    assert asked(0.1) == "No segment in particular: they lie between 4.0 and 2.0, everyone 3.0."
    assert answers.answers("sales", profiles(segment("S1", 20)), plan())[0][1] == (
        "Not measured in these data: it would take orders with a date."
    )


def test_goods_live_on_the_segment_that_brings_most_of_their_revenue():
    members = table("membership", "customer_id segment", *[(f"a{i}", "S1") for i in range(4)], *[(f"b{i}", "S2") for i in range(4)])
    lines = [(f"a{i}", "09-01", "MEAT", 9) for i in range(4)] + [(f"b{i}", "09-01", "MEAT", 3) for i in range(4)]
    lines += [(f"a{i}", "09-01", "FUEL", 9) for i in range(4)] + [("b0", "09-01", "FUEL", 3)]  # one buyer: not told
    lines += [
        ("b1", "10-01", "MEAT", 999),
        ("b1", "06-30", "MEAT", 999),
        ("zoe", "09-01", "MEAT", 999),
        ("b2", "09-02", "MEAT", -4),
    ]
    orders = table("orders", "customer_id ordered_at category amount", *lines)
    found = answers.carried(members, orders, plan(variables=GOODS), WINDOW)
    assert found == {"fresh_share": {"segment": "S1", "share": pytest.approx(36 / 44)}}
    assert answers.carried(members, orders, plan(), WINDOW) == {}
    asked = answers.answers("product", profiles(segment("S1", 20), segment("S2", 20)), plan(variables=GOODS), goods=found)
    assert asked[0][1].startswith("Most of all: fresh food, 82% from “Segment S1”.")
    few = answers.answers(
        "product",
        profiles(segment("S1", 20, share_of_revenue=0.1)),
        plan(variables=GOODS),
        goods={"fresh_share": {"segment": "S1", "share": 0.3}},
    )
    assert few[0][1].startswith("None:"), "thrice its part of all revenue, and seven tenths come from others"
    even = answers.answers("product", profiles(segment("S1", 20, share_of_revenue=0.7)), plan(variables=GOODS), goods=found)
    assert even[0][1].startswith("None:"), "82% is not much more than 70% of all revenue"


# The whole sheet


ADOPT = {
    "actions": {
        "S1": [
            {"action": "Thank them", "team": "sales", "owner": "Stores", "by": "2017-10-09", "measure": "visits"},
            {"action": "Call them", "team": "sales", "owner": "Stores", "by": "2017-09-30"},
            {"action": "Bake for them", "team": "product", "owner": "Bakery"},
        ]
    },
    "teams": {"sales": {"owner": "Stores", "questions": [{"question": "Who & why?", "answer": "<All>", "answered_by": "An analyst"}]}},
    "contact": "Lead analyst",
}


def test_a_sheet_has_the_actions_of_its_team_the_earliest_first_and_what_it_asked():
    found = sheet("sales", segment("S1", 20, name="Many"), project=plan(adopt=ADOPT))
    said = text_of(found["body"])
    assert found["name"] == "sheet-sales" and found["title"] == "Sales: what to do differently on Monday"
    assert found["lead"].endswith("For Stores.") and not Inspector(found["body"]).faults
    assert said.index("Call them Stores 30 September 2017, passed nothing typed") < said.index("Thank them Stores 9 October 2017 visits")
    assert "Bake for them" not in said and "Who &amp; why? &lt;All&gt; (An analyst)" in said and "<All>" not in found["body"]
    assert "Questions are answered by: Lead analyst." in said
    empty = sheet("service", segment("S1", 20), project=plan(adopt=ADOPT))
    assert "Nothing yet: choose one line above" in text_of(empty["body"]) and empty["lead"].endswith("Nobody answers for it yet.")


def test_no_sheet_and_no_dictionary_tells_anything_of_three_people():
    small = segment("S2", 3, traits=[trait("spend_per_order", 777.0, 5.0, 3)], each=777.0, share_of_revenue=0.77)
    small["active_later"] = {"share": 0.77, "low": 0.7, "high": 0.8, "n": 3}
    for team in ALL_TEAMS:
        body = sheet(team, segment("S1", 20), small, goods={"fuel_share": {"segment": "S2", "share": 0.77}})["body"]
        assert "77" not in body and ">3<" not in body
    near = document({"nearest": {"centroids": [[0], [777]]}}, "S1", "S2")
    found = profiles(segment("S1", 20), small)
    kept = dictionary_page.dictionary_handout(adopt.dictionary(near, found, least=4), "SELECT 777", found, plan())
    assert "777" not in kept["body"] and "The query and the JSON are not printed" in kept["body"]


def test_every_segment_too_small_leaves_a_sheet_that_says_so():
    assert "No segment is large enough to be told of." in sheet("sales", segment("S1", 3), segment("S2", 2))["body"]


def test_a_team_without_sheet_is_refused():
    with pytest.raises(NinefoldError, match="Team 'legal' has no sheet"):
        sheet("legal", segment("S1", 20))


def test_every_team_gets_its_sheet_as_a_hand_out():
    kept = []
    step = SimpleNamespace(project=plan(), keep_handout=lambda name, title, body, lead="": kept.append(name))
    handouts.keep_all(step, profiles(segment("S1", 20)), {})
    assert kept == [f"sheet-{team}" for team in ALL_TEAMS]


# The dictionary


def test_the_dictionary_says_since_when_an_id_is_used_what_it_is_worth_and_whom_to_ask():
    earlier = [profiles(segment("S1", 9)) | {"as_of": day} for day in ("2017-04-01T00:00:00", "2017-07-01T00:00:00")]
    near = document({"nearest": {"centroids": [[0], [1]]}}, "S1", "S2")
    found = profiles(segment("S1", 20), segment("S2", 20)) | {"as_of": "2017-10-01T00:00:00"}
    kept = adopt.dictionary(near, found, least=4, earlier=earlier)
    assert [row["since"] for row in kept["segments"]] == [
        {"as_of": "2017-04-01T00:00:00", "runs": 2},
        {"as_of": "2017-10-01T00:00:00", "runs": 0},
    ]
    shown = dictionary_page.dictionary_table(kept, plan(adopt={"contact": "Lead analyst"}))
    assert shown.frame["since"].tolist() == ["1 April 2017", "1 October 2017 (this run is the first)"]
    assert shown.frame["worth"].tolist() == ["$100 ($91 to $109)"] * 2 and shown.note.endswith("Questions are answered by: Lead analyst.")
    body = dictionary_page.dictionary_handout(kept, "SELECT a < b", found, plan())["body"]
    assert "SELECT a &lt; b" in body and json.dumps("nearest").replace('"', "&quot;") in body and not Inspector(body).faults


def test_a_project_without_categories_has_no_goods():
    assert (
        answers.carried(table("m", "customer_id segment", ("a", "S1")), table("orders", "customer_id ordered_at"), project(), WINDOW) == {}
    )
