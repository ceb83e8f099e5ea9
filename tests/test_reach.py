"""How many are left after each filter without telling of few, and what the orders suggest, worked out by hand."""

import math

import ibis
import pandas as pd
import pytest
from test_guards import RULES, known, members_of, offer, people, plan_of

from helpers import target, words
from helpers.build.ahead import Ahead, Foreseen
from helpers.target import guards, reach, reach_page, suggest

# Counted


def way(sizes, stopped, least=10):
    """reach.json of segments with so many members, of whom so many are stopped for want of consent and by the cap; the rest are sent to."""
    members = members_of(**{s: [f"{s}_{i}" for i in range(n)] for s, n in sizes.items()})
    plan = plan_of({s: offer(name=s) for s in sizes}, min_cell=least)
    rows = []
    for s, n in sizes.items():
        silent, capped = stopped[s]
        rows += [(f"{s}_{i}", s, s, "till", 0, "no consent" if i < silent else "cap" if i < silent + capped else None) for i in range(n)]
    names = ["customer_id", "segment", "offer", "channel", "place", "stopped"]
    judged = ibis.memtable(pd.DataFrame(rows, columns=names), schema=dict.fromkeys(names, "string") | {"place": "int64"})
    lists = judged.filter(judged.stopped.isnull()).select("customer_id", arm=ibis.literal("contact"))
    told = [
        {"id": s, "name": {"en": s}, "contacted": n - sum(stopped[s]), "control": 0, "unlisted": sum(stopped[s])} for s, n in sizes.items()
    ]
    facts = guards.Facts(open_to=members.select("customer_id", channel=ibis.literal("mail")), capped=members)
    return reach.reach(members, judged, lists, {"segments": told}, plan, facts), plan, {"segments": told}


def test_the_stages_lead_from_the_members_to_those_listed():
    found, *_ = way({"S1": 100, "S2": 60}, {"S1": (30, 20), "S2": (15, 10)})
    left = [(stage["stage"], stage["stopped"], stage["left"]) for stage in found["stages"]]
    assert left == [
        ("no offer", 0, 160),
        ("suppressed", 0, 160),
        ("no consent", 45, 115),
        ("no address", 0, 115),
        ("cap", 30, 85),
        ("welcome", 0, 85),
    ]
    assert (found["customers"], found["listed"], found["contacted"], found["control"]) == (160, 85, 85, 0)
    assert found["stops"]["S2"] == {"no offer": 0, "suppressed": 0, "no consent": 15, "no address": 0, "cap": 10, "welcome": 0}


def test_no_number_of_few_customers_is_told_nor_one_from_which_it_follows():
    found, *_ = way({"S1": 100, "S2": 100}, {"S1": (30, 3), "S2": (30, 4)})  # the cap stops seven
    stages = {stage["stage"]: stage for stage in found["stages"]}
    assert stages["cap"]["stopped"] is None and stages["no consent"]["stopped"] is None  # else 67 less 60 would tell
    assert stages["no consent"]["left"] is None and stages["cap"]["left"] == 133
    assert all(found["stops"][s]["cap"] is None and found["stops"][s]["no consent"] is None for s in ("S1", "S2"))
    one, *_ = way({"S1": 100, "S2": 100}, {"S1": (30, 3), "S2": (30, 40)})
    assert one["stops"]["S1"]["cap"] is None and one["stops"]["S2"]["cap"] is None


def test_the_page_says_what_stops_most_and_what_could_not_be_asked():
    words.use("en")
    found, plan, told = way({"S1": 100, "S2": 60}, {"S1": (30, 20), "S2": (15, 10)})
    assert reach_page.reach_words(found) == (
        "Of the 160 customers 85 may be sent something. Of the 85 on the lists, 85 would be contacted and 0 are left alone, so that "
        "something is learnt. Most are lost because they have not agreed to marketing by the offer’s channel: 45."
    )
    assert found["closed"] == ["till"]  # nobody agreed to it in these rows
    silent = found | {"newsletters": 2.04, "asked": {"no consent": False, "cap": True, "suppressed": False}, "untold": ["postal"]}
    assert reach_page.reach_words(silent).startswith("Cannot tell how many of the 160 customers may be contacted")
    said = " ".join(reach_page.untold_words(silent, plan))
    assert "these data hold no consents" in said and "postal address" in said and "target.suppressed" in said
    assert "Nobody has agreed to be contacted by coupon at the till" in said and "not counted: 2.0 a member" in said
    assert reach_page.funnel_frame(found, plan)["n"].tolist()[0::100] == [160]
    assert reach_page.funnel_words(found, plan)["title"] == "From segment to list: 53% of the members would be contacted"
    assert len(reach_page.stops_table(found, told, plan).frame) == 2


# What the orders suggest


def test_the_interval_of_a_lift_is_the_published_one():
    # Physicians' Health Study: 189 of 11,034 on placebo had a heart attack and 104 of 11,037 on aspirin; relative risk 1.82, 95 % 1.43 to
    # 2.31 (Agresti, Categorical Data Analysis)
    found = suggest._lift(189, 11_034, 104, 11_037, z=1.96)
    assert [round(found[key], 2) for key in ("lift", "low", "high")] == [1.82, 1.43, 2.31]


def having(*rows):
    return ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "segment", "category"]))


def bought(segment, category, n, start=0):
    return [(f"{segment}_{i}", segment, category) for i in range(start, start + n)]


def test_a_segment_is_offered_what_it_over_buys_and_not_what_chance_gives():
    have = having(*bought("S1", "cake", 80), *bought("S2", "cake", 20), *bought("S1", "bread", 52), *bought("S2", "bread", 48))
    found = suggest.overbought(have, {"S1": 100, "S2": 100}, least=10)
    assert [each["category"] for each in found["S1"]] == ["cake"] and found["S2"] == []
    cake = found["S1"][0]
    assert (cake["n"], cake["lacking"], cake["share"], cake["others"], cake["lift"]) == (80, 20, 0.8, 0.2, pytest.approx(4.0))
    assert suggest.overbought(have, {"S1": 100, "S2": 100}, least=21)["S1"] == []  # twenty lack it: fewer than may be told


def test_what_goes_with_a_segments_own_category_is_found_among_its_members():
    # all 200 bought one category beside cake: of the 80 with cake 60 tea and 20 salt, of the 120 without 10 tea and 110 salt
    tea = [*bought("S1", "tea", 60), *bought("S1", "tea", 10, start=80)]
    salt = [*bought("S1", "salt", 20, start=60), *bought("S1", "salt", 110, start=90)]
    have = having(*bought("S1", "cake", 80), *bought("S2", "cake", 20), *tea, *salt)
    over = {"S1": [{"category": "cake"}], "S2": []}
    found = suggest.completed(have, over, {"S1": 200, "S2": 100}, least=5)
    assert found["S1"]["category"] == "tea" and (found["S1"]["n"], found["S1"]["lacking"]) == (60, 20)
    assert found["S1"]["lift"] == pytest.approx((60 / 80) / (10 / 120)) and "S2" not in found
    assert (found["S1"]["share"], found["S1"]["others"]) == (0.75, pytest.approx(10 / 120))


def test_who_buys_much_buys_more_of_everything_and_that_is_no_pair():
    # of the 80 with cake 60 bought all, of the 120 without 10 did and the others nothing: seven times as often, and no pair
    rows = [*bought("S1", "cake", 80), *bought("S2", "cake", 20)]
    rows += [row for name in ("tea", "salt") for row in (*bought("S1", name, 60), *bought("S1", name, 10, start=85))]
    assert suggest.completed(having(*rows), {"S1": [{"category": "cake"}], "S2": []}, {"S1": 200, "S2": 100}, least=5) == {}


def test_a_ratio_over_strata_by_hand():
    # 10 of 20 against 5 of 20, and 8 of 10 against 4 of 10: (5 + 4) / (2.5 + 2); variance ((150 − 50) / 40 + (60 − 32) / 20) / (9 × 4.5)
    found = suggest._matched([(10, 20, 5, 20), (8, 10, 4, 10)], z=1.0)
    assert found["lift"] == pytest.approx(2.0)
    assert math.log(found["high"] / found["lift"]) == pytest.approx(math.sqrt((2.5 + 1.4) / 40.5))


def ordered(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "segment", "order_id", "ordered_at"])
    return ibis.memtable(frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"]).astype("datetime64[us]")))


def test_every_member_counts_once_however_often_they_order():
    rows = [(f"c{i}", "S1", f"o{i}", "2017-09-01 18:30") for i in range(9)]  # a Friday
    rows += [("much", "S1", f"m{i}", "2017-09-04 08:00") for i in range(50)]  # a Monday
    found = suggest.moments(ordered(*rows))["S1"]
    assert (found["n"], found["orders"]) == (10, 59)
    assert (found["weekday"]["best"], found["weekday"]["share"]) == (4, pytest.approx(0.9))
    assert (found["hour"]["best"], found["hour"]["as_good"]) == (18, [])
    words.use("en")
    assert reach_page.weekday_words(found) == "Friday: up to 90%" and reach_page.hour_words(found) == "18 h to 19 h"


def test_days_that_cannot_be_told_apart_are_said_together_or_not_at_all():
    words.use("en")
    days = ["2017-09-02", "2017-09-03"]  # Saturday, Sunday
    rows = [(f"c{i}", "S1", f"o{i}", f"{days[i % 2]} 1{i % 10}:00") for i in range(100)]
    found = suggest.moments(ordered(*rows))["S1"]
    assert reach_page.weekday_words(found) == "Saturday or Sunday: up to 50%" and reach_page.hour_words(found) == "no clear hour"
    even = [(f"c{i}", "S1", f"o{i}", f"2017-09-0{1 + i % 7} 12:00") for i in range(70)]
    assert reach_page.weekday_words(suggest.moments(ordered(*even))["S1"]) == "no clear day"
    assert suggest.moments(ordered(*even), least=71) == {} and reach_page.hour_words(None) == "cannot tell"


def test_orders_that_have_a_day_and_no_time_tell_no_hour():
    words.use("en")
    found = suggest.moments(ordered(*[(f"c{i}", "S1", f"o{i}", "2017-09-01 00:00") for i in range(20)]))["S1"]
    assert found["hour"] is None and reach_page.weekday_words(found) == "Friday: up to 100%"
    assert reach_page.hour_words(found) == "cannot tell: orders have a day and no time"
    some = [(f"c{i}", "S1", f"o{i}", "2017-09-01 00:00" if i else "2017-09-01 00:01") for i in range(20)]
    assert suggest.moments(ordered(*some))["S1"]["hour"]["best"] == 0


def test_a_channel_of_which_nothing_may_be_told_stands_there_with_a_dash():
    words.use("en")
    plan = plan_of()
    first, second = list(plan.target.channels)[:2]
    told = [{"channel": first, "share": 0.3}, {"channel": second, "share": None}]
    assert reach_page._open(told, plan).endswith(" 30%, " + words.text(plan.target.channels[second].name) + " –")
    assert reach_page._open(told[1:], plan) == "cannot tell"


# What it costs, and what is said of it


def profiles_of(**sizes):
    segments = [{"id": s, "name": {"en": s}, "n": n, "spend_per_order": 40.0, "colour": "#000000"} for s, n in sizes.items()]
    return {"customers": sum(sizes.values()), "segments": segments}


def test_who_gets_the_offer_of_a_rule_is_not_in_the_money_of_their_segment():
    words.use("en", currency="USD")
    plan = plan_of({"S1": offer("mail", cost=0.0)}, also={"vip": offer("email", "a tasting")}, build=RULES, margin_rate=0.5)
    members = members_of(S1=[f"c{i}" for i in range(100)], S2=["d"])
    there = people(*((f"c{i}", 200 if i < 30 else 1, 1) for i in range(100)), ("d", 1, 1))
    lists = target.draw(members, plan, status="DRAFT", facts=known(plan, members, customers=there)).cache()
    ruled = target.ruled(lists)
    assert ruled == {"vip": {"S1": 30}}
    found = target.plan(profiles_of(S1=100), target.counted(lists), {}, plan, reasons=[], consents=False, ruled=ruled)
    assert found["segments"][0]["contacted"] == 100 and found["total"]["cost"] == pytest.approx(70 * 0.85)
    assert found["also"] == [{"id": "vip", "offer": "a tasting", "channel": "email", "contacted": 30, "contact_cost": pytest.approx(0.9)}]
    few = target.plan(profiles_of(S1=100), target.counted(lists), {}, plan, reasons=[], consents=False, ruled={"vip": {"S1": 9}})
    assert few["also"][0]["contacted"] is None and few["total"]["cost"] == pytest.approx(85.0)  # nine would follow from the money


def suggestions_of(**more):
    reach = [{"channel": "email", "n": 80, "share": 0.8, "cost": 0.03}, {"channel": "mail", "n": 30, "share": 0.3, "cost": 0.85}]
    one = {"id": "S1", "over": [], "pair": None, "orders_by": None, "reach": reach, "moment": None}
    return {"window_days": 90, "segments": [one | more]}


def test_a_cheaper_channel_that_more_have_agreed_to_is_pointed_out():
    words.use("en")
    plan, shown = plan_of({"S1": offer("mail")}), {"segments": [{"id": "S1", "name": {"en": "Cooks"}, "offer": "a booklet"}]}
    assert reach_page.todo(suggestions_of(), shown, plan) == [
        "Look at the channel of Cooks: 80 may be contacted by e-mail, which costs no more, and 30 as typed."
    ]
    assert reach_page.todo(suggestions_of(), shown, plan_of({"S1": offer("email")})) == []
    assert reach_page.todo(suggestions_of(reach=None), shown, plan) == []


def test_the_tables_of_suggestions_say_what_nobody_can_tell():
    words.use("en")
    plan, shown = (
        plan_of({"S1": offer("mail", moment="Thursday 18:00")}),
        {"segments": [{"id": "S1", "name": {"en": "Cooks"}, "offer": None}]},
    )
    row = reach_page.moments_table(suggestions_of(), shown, plan).frame.iloc[0].to_dict()
    assert row == {
        "name": "Cooks",
        "typed": "letter, Thursday 18:00",
        "open": "e-mail 80%, letter 30%",
        "orders": "cannot tell",
        "day": "cannot tell",
        "hour": "cannot tell",
    }
    table = reach_page.offers_table(suggestions_of(), shown)
    assert table.frame.iloc[0].tolist()[:3] == [
        "Cooks",
        "no offer typed",
        "nothing that can be told from chance and that some members lack",
    ]
    assert table.note.endswith("What they will do next is not known: step 4 of this run predicted nothing.")
    graded = {part: {"status": "graded", "reasons": [], "grade": "B", "lacks": []} for part in ("value", "attrition", "next", "voice")}
    assert reach_page.offers_table(suggestions_of(), shown, Foreseen(Ahead(graded))).note.endswith("it has a table and a grade of its own.")
    assert reach_page.pairs_words(suggestions_of(), shown) == [
        "What goes with these categories inside a segment cannot be told from chance."
    ]
    pair = {"having": "cake", "category": "tea", "share": 0.75, "others": 0.1, "lacking": 20}
    assert reach_page.pairs_words(suggestions_of(pair=pair), shown) == [
        "Cooks: members who bought cake bought tea more often, 75%; of other members who buy as many categories it would be 10%. "
        "20 bought the first and not the second in these days."
    ]


def test_a_welcome_that_reaches_no_prospect_is_said():
    words.use("en")
    assert reach_page.welcome_words(plan_of()) == []
    assert "prospects are in no segment" in reach_page.welcome_words(plan_of({"S1": offer(kind="welcome")}))[0]
