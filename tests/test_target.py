"""Step 8: who is contacted and who is not, what a test could see, what an offer must bring, and what is never told."""

import hashlib
import json
import math
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, at, mailings, orders, project, rows_of, same, table

from helpers import NinefoldError, scope, tables, target
from helpers.project import load
from helpers.target import guards, page, payoff

pytestmark = pytest.mark.usefixtures("in_english")

CHANNELS = {"mail": {"name": "Letter", "cost": 0.5}, "till": {"name": "Coupon at the till", "cost": 0.05, "source": "invoice"}}
SIGNED = {"status": "signed"}
SHOWN = {"verdicts": {"panel": {"verdict": "segments"}}}


def offer(channel="mail", cost=2.0, name="a booklet", anyway=0.0):
    """An offer that nobody takes and comes anyway, unless another share is given, or None: nobody knows."""
    return {"offer": name, "message": "Yours", "channel": channel, "cost": cost, "anyway_share": anyway}


def plan_of(offers=None, **more):
    """A project with offers for S1 and S2 unless others are given; a margin of 25 %, 30 % control."""
    fields = {"campaign": "winter", "margin_rate": 0.25, "channels": CHANNELS, "control_share": 0.3, "universal_control": 0.02}
    sections = {key: more.pop(key) for key in ("adopt", "scope", "min_cell", "seed") if key in more}
    fields |= {"offers": offers if offers is not None else {"S1": offer(), "S2": offer("till")}} | more
    return project(tables=("orders", "contacts"), target=fields, **({"seed": 7, "min_cell": 10} | sections))


def people(*ids, segment="S1"):
    rows = [(one, segment) if isinstance(one, str) else one for one in ids]
    return ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "segment"]).astype("string"))


def agreed(consents):
    """What the guards know where consents are all that is known."""
    return guards.Facts(open_to=guards.reachable(consents))


def crowd(n, segment="S1", prefix="c"):
    return people(*((f"{prefix}{i}", segment) for i in range(n)))


def profile(one, n, *, spend=40.0, **more):
    return {"id": one, "name": None, "fits": None, "colour": "#12436D", "n": n, "spend_per_order": spend} | more


def profiles(*segments):
    return {"customers": sum(s["n"] for s in segments), "segments": list(segments)}


def arms(contact, control=0, held_out=0):
    return {"contact": contact, "control": control, "held out": held_out}


def planned(found, drawn, answers=None, project=None, *, consents=False, validation=SIGNED):
    project = project or plan_of()
    reasons = target.reasons(project, validation, found, SHOWN, consents=consents)
    return target.plan(found, drawn, answers or {}, project, reasons=reasons, consents=consents)


# Who is not contacted


def md5_share(name, customer, seed=7):
    return int(hashlib.md5(f"{name}|{customer}|{seed}".encode()).hexdigest()[:8], 16) / 2**32


def test_a_known_md5_decides_where_a_customer_falls():
    # printf 'winter|42|7' | md5sum gives 78b8a1796e293d4051a641f5017e5e9f
    share = 0x78B8A179 / 2**32
    shares = {"just_below": share, "just_above": share + 2**-32, "nobody": 0.0}
    drawn = people("42").mutate(**{name: held(x) for name, x in shares.items()}).execute()
    assert drawn.loc[0, list(shares)].tolist() == [False, True, False]


def held(share, name="winter"):
    return lambda t: target.held_back(t.customer_id, name, share, seed=7)


def test_every_customer_falls_where_hashlib_puts_it_whatever_its_id():
    ids = ["1", "007", "Zoë", "a|b", "", *(f"c{i}" for i in range(300))]
    for share in (0.02, 0.3, 0.5, 1 - 1e-12):
        found = rows_of(people(*ids).mutate(back=held(share)))
        assert found["back"].tolist() == [md5_share("winter", one) < share for one in found["customer_id"]]


def test_the_universal_control_comes_first_and_shares_come_out_near():
    drawn = target.draw(crowd(20_000), plan_of(), status="DRAFT")
    found = rows_of(drawn)
    universal = [one for one in found["customer_id"] if md5_share("universal", one) < 0.02]
    assert found.loc[found["arm"] == "held out", "customer_id"].tolist() == universal
    counts = target.counted(drawn)["S1"]
    assert counts["held out"] / 20_000 == pytest.approx(0.02, abs=0.004)
    assert counts["control"] / (20_000 - counts["held out"]) == pytest.approx(0.3, abs=0.013)  # four standard errors


def test_nobody_changes_group_when_customers_are_added_or_segments_change():
    few, many = (rows_of(target.draw(crowd(n), plan_of(), status="DRAFT")) for n in (200, 2_000))
    other = rows_of(target.draw(crowd(200, "S2"), plan_of(), status="DRAFT"))
    known = many.set_index("customer_id")["arm"]
    assert few["arm"].tolist() == other["arm"].tolist() == known[few["customer_id"]].tolist()


def test_another_campaign_draws_others_and_keeps_the_universal_control():
    winter, spring = (rows_of(target.draw(crowd(2_000), plan_of(campaign=name), status="DRAFT")) for name in ("winter", "spring"))
    assert ((winter["arm"] == "held out") == (spring["arm"] == "held out")).all()
    kept = winter["arm"] != "held out"
    assert (winter["arm"] == "control")[kept & (spring["arm"] == "control")].mean() == pytest.approx(0.3, abs=0.08)


def test_a_campaign_called_as_the_universal_control_is_refused():
    with pytest.raises(NinefoldError, match="field target.campaign has the value 'universal'"):
        target.draw(people("a"), plan_of(campaign="universal"), status="DRAFT")


def test_the_list_holds_everyone_with_an_offer_and_nobody_else():
    members = people(("b", "S2"), ("a", "S1"), ("c", "S3"))
    drawn = target.draw(members, plan_of(control_share=1e-9, universal_control=0), status="DRAFT")
    expected = {
        "customer_id": ["a", "b"],
        "segment": ["S1", "S2"],
        "offer": ["S1", "S2"],
        "channel": ["mail", "till"],
        "arm": ["contact"] * 2,
        "version": [None] * 2,
        "status": ["DRAFT"] * 2,
        "reason": ["segment"] * 2,
    }
    same(drawn, expected)


@pytest.mark.parametrize("members", [people(), people(("a", "S3"))])
def test_an_empty_membership_and_segments_without_offer_give_an_empty_list(members):
    for offers in (None, {}):
        drawn = target.draw(members, plan_of(offers), status="DRAFT")
        assert drawn.execute().empty and target.counted(drawn) == {}
        assert drawn.columns == ("customer_id", "segment", "offer", "channel", "arm", "version", "status", "reason")


def test_only_those_whose_last_word_on_the_channel_is_yes_are_listed():
    said = table(
        "consents",
        "customer_id channel purpose granted updated_at",
        ("a", "mail", "marketing", True, "09-01"),
        ("b", "mail", "marketing", True, "08-01"),
        ("b", "mail", "marketing", False, "09-01"),  # changed its mind
        ("c", "mail", "marketing", False, "08-01"),
        ("c", "mail", "marketing", True, "09-01"),
        ("d", "mail", "profiling", True, "09-01"),  # for something else
        ("e", "till", "marketing", True, "09-01"),  # by another channel
        ("f", "mail", "marketing", True, "09-01"),
        ("f", "mail", "marketing", False, "09-01"),  # twice at once: the no counts
        (None, "mail", "marketing", True, "09-01"),
    )
    drawn = target.draw(people(*"abcdefg"), plan_of(universal_control=0), status="READY", facts=agreed(said))
    assert set(rows_of(drawn)["customer_id"]) == {"a", "c"} and set(rows_of(drawn)["status"]) == {"READY"}


def test_the_channel_of_an_offer_is_the_one_of_a_consent_however_both_are_typed():
    said = table(
        "consents",
        "customer_id channel purpose granted updated_at",
        ("a", "mail", "marketing", True, "09-01"),
        ("b", "mail", "marketing", True, "08-01"),
        ("b", "mail", "Marketing", False, "09-01"),  # withdrawn in another spelling
    )
    channels = {"Mail ": {"name": "Letter", "cost": 0.5}}
    typed = plan_of({"S1": offer("Mail ")}, channels=channels, universal_control=0)
    drawn = rows_of(target.draw(people("a", "b"), typed, status="READY", facts=agreed(said)))
    assert drawn["customer_id"].tolist() == ["a"] and drawn["channel"].tolist() == ["Mail "]


# Answers so far


def test_a_segments_response_is_over_all_mailings_that_had_thirty_days():
    sent = mailings(
        ("a", "01-05", "01-20"),
        ("a", "02-05", None),
        ("b", "08-31", "09-29"),  # the last mailing that had thirty days before 1 October
        ("b", "09-01 00:01", "09-02"),  # a minute too late to be judged
        ("c", "03-01", "04-15"),  # answered after 45 days
        ("zoe", "03-01", "03-02"),  # in no segment
    )
    members = people(("a", "S1"), ("b", "S1"), ("c", "S2"), ("d", "S2"))
    found = target.responses(members, orders(), sent, as_of=AS_OF)
    assert found == {"S1": {"y": 2.0, "n": 3.0, "customers": 2}, "S2": {"y": 0.0, "n": 1.0, "customers": 1}}
    since = target.responses(members, orders(), sent, as_of=AS_OF, since=at("03-01"))
    assert since["S1"] == {"y": 1.0, "n": 1.0, "customers": 1}


def test_without_mailings_or_their_answers_no_response_is_known():
    members, sent = people("a"), mailings(("a", "01-05", "01-20"))
    assert target.responses(members, orders(), None, as_of=AS_OF) == {}
    assert target.responses(members, orders(), sent.drop("responded_at"), as_of=AS_OF) == {}
    assert target.responses(members, orders(), sent.limit(0), as_of=AS_OF) == {}
    assert target.responses(people(), orders(), sent, as_of=AS_OF) == {}


# What a test could see


def needed(response, rise, ratio):
    """Customers in the first of two groups, the second `ratio` times as large (Fleiss, Levin & Paik 2003, formula 4.19, uncorrected)."""
    raised = response + rise
    mean = (raised + ratio * response) / (1 + ratio)
    under_none = 1.959964 * math.sqrt((ratio + 1) * mean * (1 - mean))
    under_rise = 0.841621 * math.sqrt(ratio * raised * (1 - raised) + response * (1 - response))
    return (under_none + under_rise) ** 2 / (ratio * rise**2)


@pytest.mark.parametrize(("contacted", "control"), [(700, 300), (300, 700), (500, 500), (161, 62)])
def test_the_smallest_rise_of_unequal_groups_asks_for_exactly_the_customers_there_are(contacted, control):
    rise = scope.smallest_rise(0.1, contacted, control)
    assert needed(0.1, rise, control / contacted) == pytest.approx(contacted, rel=1e-6)
    assert scope.smallest_rise(0.1, 500, 500) == scope.smallest_rise(0.1, 500)


def test_half_as_control_shows_the_smallest_rise_and_no_group_shows_none():
    found = [scope.smallest_rise(0.1, 1_000 * (1 - share), 1_000 * share) for share in (0.1, 0.3, 0.5, 0.7)]
    assert found[2] < found[1] < found[0] and found[2] < found[3]
    assert scope.smallest_rise(0.1, 100, 0) is None and scope.smallest_rise(0.1, 0, 100) is None


def test_the_smallest_rise_of_unequal_groups_is_found_in_four_cases_of_five():
    rise, draw, z = scope.smallest_rise(0.125, 280, 120), np.random.default_rng(1), 1.959964
    reached, control = draw.binomial(280, 0.125 + rise, 40_000) / 280, draw.binomial(120, 0.125, 40_000) / 120
    mean = (280 * reached + 120 * control) / 400
    found = (reached - control) / np.sqrt(mean * (1 - mean) * (1 / 280 + 1 / 120)) > z
    assert found.mean() == pytest.approx(0.80, abs=0.015)


def test_a_segment_learns_when_it_sees_the_plausible_rise():
    answers = {"S1": {"y": 100.0, "n": 1_000.0, "customers": 400}, "S2": {"y": 10.0, "n": 100.0, "customers": 50}}
    found = planned(profiles(profile("S1", 4_100), profile("S2", 410)), {"S1": arms(2_800, 1_200, 100), "S2": arms(280, 120, 10)}, answers)
    large, small = found["segments"]
    assert large["response"] == {"value": 0.1, "n": 400, "mailings": 1_000}
    assert large["smallest_effect"] == scope.smallest_rise(0.1, 2_800, 1_200) and large["learns"] is True and large["campaigns_needed"] == 1
    assert small["learns"] is False and small["smallest_at_half"] == scope.smallest_rise(0.1, 200)
    times = small["campaigns_needed"]
    assert scope.smallest_rise(0.1, 280 * times, 120 * times) <= 0.05 < scope.smallest_rise(0.1, 280 * (times - 1), 120 * (times - 1))
    assert found["pooled"]["smallest_effect"] == pytest.approx(scope.smallest_rise(0.1, 3_080, 1_320))
    assert "Too small to learn from: Segment S2. Test across all segments together" in payoff.effects_verdict(found)


def test_the_pooled_base_weighs_segments_by_their_customers_not_by_earlier_mailings():
    answers = {"S1": {"y": 90.0, "n": 300.0, "customers": 100}, "S2": {"y": 1.0, "n": 100.0, "customers": 100}}
    found = planned(profiles(profile("S1", 100), profile("S2", 300)), {"S1": arms(70, 30), "S2": arms(210, 90)}, answers)
    # .30 over 100 customers, .01 over 300: .0825, while 91 of 400 mailings is .2275
    assert found["pooled"]["smallest_effect"] == pytest.approx(scope.smallest_rise(0.0825, 280, 120))
    assert found["pooled"]["response"]["value"] == pytest.approx(0.2275)


@pytest.mark.parametrize("answers", [{}, {"S1": {"y": 0.0, "n": 500.0, "customers": 100}}, {"S1": {"y": 3.0, "n": 9.0, "customers": 9}}])
def test_without_answers_or_with_too_few_mailed_nothing_is_seen(answers):
    found = planned(profiles(profile("S1", 100)), {"S1": arms(70, 30)}, answers)
    line = found["segments"][0]
    assert line["smallest_effect"] is None and line["learns"] is None
    assert (line["response"] or {}).get("value") in (None, 0.0)
    assert "cannot be told" in payoff.effects_words(found)["title"] and "cannot be told" in payoff.effects_verdict(found)


# What an offer must bring


def money(project=None, spend=40.0, contacted=100, response=None):
    return target.economics("S1", spend, contacted, response, project or plan_of())


def test_the_break_even_rise_is_the_contact_over_the_margin_of_a_response():
    # an order of 40 at 25 % leaves 10, less the offer 2: 8; a letter of .50 takes a rise of 6.25 points, 5 are plausible
    assert money() == {
        "anyway": {"share": 0.0, "source": "typed"},
        "margin_of_response": 8.0,
        "per_contact": 0.5,
        "break_even": 0.0625,
        "gain": pytest.approx(100 * 0.05 * 8 - 50),
        "cost": 50.0,
        "pays": False,
        "fails_for": "offer",  # for nothing it would leave 10, and .50 of these is just the 5 points
        "pays_through": "till",  # .05 / 8 = .6 points
        "largest_offer": None,  # even a gift would leave 10 for a response, and the letter takes 10
    }


def test_offers_redeemed_by_those_who_answer_anyway_are_a_cost_of_the_contact():
    # a tenth answer anyway and take the offer of 2: .20 a contact beside the letter's .50; 8.75 points to break even
    found = money(response={"value": 0.1})
    assert found["per_contact"] == pytest.approx(0.7) and found["break_even"] == pytest.approx(0.0875)
    assert found["cost"] == pytest.approx(70.0) and found["gain"] == pytest.approx(100 * 0.05 * 8 - 70)
    assert found["pays_through"] == "till"  # .25 / 8 = 3.1 points
    # with half answering anyway no channel pays, and an offer x would: .05 + .5x = .05 (10 − x), x = .45 / .55
    half = money(plan_of({"S1": offer("till", cost=2.0)}), response={"value": 0.5})
    assert half["pays"] is False and half["pays_through"] is None and half["largest_offer"] == pytest.approx(0.45 / 0.55)


def test_who_comes_anyway_is_read_from_those_left_alone_before_those_contacted():
    # of those contacted a tenth answered, of those left alone a twentieth: the contact raised it, and .10 a contact go to the latter
    found = target.economics("S1", 40.0, 100, {"value": 0.1}, plan_of(), 0.05)
    assert found["anyway"] == {"share": 0.05, "source": "control"} and found["per_contact"] == pytest.approx(0.6)
    assert target.economics("S1", 40.0, 100, {"value": 0.1}, plan_of(), 0.0)["anyway"] == {"share": 0.0, "source": "control"}
    typed, shown = plan_of({"S1": offer(cost=2.0)}), profiles(profile("S1", 200))
    more = {"reasons": [], "consents": False, "measured": {"S1": {"base": 0.05}}}
    plan = target.plan(shown, {"S1": arms(100, 40)}, {"S1": {"y": 20.0, "n": 200.0, "customers": 200}}, typed, **more)
    assert plan["segments"][0]["anyway"]["source"] == "control" and plan["segments"][0]["response"]["value"] == 0.1
    assert "as many as in control groups of earlier campaigns." in payoff.money_table(plan).note
    assert not [row for row in target.assumptions(typed, plan) if row["what"] == "anyway"]


def test_an_offer_that_breaks_even_at_just_the_plausible_rise_pays():
    found = money(plan_of({"S1": offer(cost=0.0)}))  # .50 / 10 = 5 points
    assert found["pays"] is True and found["gain"] == pytest.approx(0.0) and found["pays_through"] is None


def test_an_offer_that_eats_the_margin_never_pays():
    found = money(plan_of({"S1": offer("till", cost=10.0)}))
    assert found["margin_of_response"] == 0.0 and found["break_even"] is None and found["pays"] is False
    assert found["largest_offer"] == pytest.approx(10 - 0.05 / 0.05) and found["gain"] == pytest.approx(-5.0)
    plan = planned(profiles(profile("S1", 200)), {"S1": arms(100, 40)}, project=plan_of({"S1": offer("till", cost=10.0)}))
    assert payoff.pays_frame(plan).empty and "No offer pays at any rise" in payoff.pays_words(plan)["title"]
    said = payoff.pays_verdict(plan, plan_of({"S1": offer("till", cost=10.0)}))
    assert said == "Segment S1: never pays, the offer of $10.00 eats the margin; it would pay at $9.00 or less."


def test_a_contact_that_costs_nothing_pays_as_soon_as_a_response_brings_anything():
    free = plan_of({"S1": offer("free")}, channels=CHANNELS | {"free": {"name": "App", "cost": 0}})
    found = money(free)
    assert (found["break_even"], found["pays"], found["cost"], found["gain"]) == (0.0, True, 0.0, pytest.approx(40.0))


@pytest.mark.parametrize(("project", "spend"), [(plan_of(margin_rate=None), 40.0), (plan_of(), None)])
def test_without_a_margin_or_a_known_order_nothing_is_said_of_paying(project, spend):
    found = money(project, spend)
    assert found["cost"] == 50.0 and all(found[key] is None for key in ("break_even", "gain", "pays", "margin_of_response"))


def test_without_a_margin_the_page_asks_for_one():
    plan = planned(profiles(profile("S1", 200)), {"S1": arms(100, 40)}, project=plan_of({"S1": offer()}, margin_rate=None))
    assert plan["reasons"] == ["no consents", "no margin"] and plan["total"]["gain"] is None and plan["total"]["cost"] == 50.0
    assert "no margin is typed" in payoff.pays_words(plan)["title"]
    assert any("Ask finance for a margin" in each for each in page.summary(plan, profiles(profile("S1", 200)), plan_of())["todo"])


@pytest.mark.parametrize(
    ("typed", "channels", "said"),
    [
        (offer(cost=2.0), CHANNELS, "Segment S1: does not pay by its channel; it would pay by “Coupon at the till”."),
        (offer(cost=2.0), {"mail": {"name": "Letter", "cost": 0.45}}, "it would take a rise of 5.6 points, or an offer of $1.00 at most."),
        (offer(cost=2.0), {"mail": {"name": "Letter", "cost": 0.6}}, "Segment S1: does not pay; it would take a rise of 7.5 points."),
        (
            offer(cost=11.0),
            {"mail": {"name": "Letter", "cost": 0.6}},
            "even without it the plausible rise would not pay for the contact; leave it out.",
        ),
    ],
)
def test_after_a_bad_verdict_comes_the_best_that_can_be_done(typed, channels, said):
    typed = plan_of({"S1": typed}, channels=channels)
    plan = planned(profiles(profile("S1", 200)), {"S1": arms(100, 40)}, project=typed)
    assert said in payoff.pays_verdict(plan, typed)


def test_what_the_offers_of_those_who_come_anyway_cost_is_said():
    answers = {"S1": {"y": 60.0, "n": 200.0, "customers": 100}}
    typed = plan_of({"S1": offer("till", cost=2.0)})
    plan = planned(profiles(profile("S1", 200)), {"S1": arms(100, 40)}, answers, typed)
    # .05 / 8 = .6 points pays; but with .30 × 2 = .60 for those who answer anyway it takes 8.1 points
    assert plan["segments"][0]["pays"] is False and plan["segments"][0]["break_even"] == pytest.approx(0.65 / 8)
    # an offer x pays while .05 + .3x ≤ .05 (10 − x): up to .45 / .35
    assert payoff.pays_verdict(plan, typed) == (
        "Segment S1: does not pay, for many would take the offer of $2.00 and come anyway; it would take a rise of 8.1 points, or an "
        "offer of $1.29 at most, or an offer tied to a purchase that they would not have made."
    )


def line_of(typed, answers=None, drawn=None):
    plan = planned(profiles(profile("S1", 200)), {"S1": drawn or arms(140, 60)}, answers, typed)
    return plan, plan["segments"][0]


def test_when_nobody_knows_who_comes_anyway_cost_and_gain_cannot_be_told():
    # an order of 40 at 25 % leaves 10, less the offer 2: 8; the till's .05 would pay if nobody came anyway, and who does nobody knows
    typed = plan_of({"S1": offer("till", anyway=None)})
    plan, line = line_of(typed)
    assert line["anyway"] == {"share": None, "source": None} and line["margin_of_response"] == 8.0
    assert [line[key] for key in ("per_contact", "cost", "gain", "break_even", "pays")] == [None] * 5
    assert (plan["total"]["cost"], plan["total"]["gain"]) == (None, None)
    row = dict(zip([c.name for c in payoff.money_table(plan).columns], tables.payload(payoff.money_table(plan))["rows"][0], strict=True))
    assert (row["cost"], row["gain"], row["break_even"], row["pays"]) == (None, None, None, "cannot tell")
    assert payoff.pays_words(plan)["title"] == "Whether an offer pays cannot be told: nobody knows how many would take it and come anyway."
    assert "Segment S1: cannot tell, for nobody knows how many would take the offer and come anyway. Contact with a control group" in (
        payoff.pays_verdict(plan, typed)
    )
    needed = payoff.assumptions_table(typed, plan).frame.set_index("field").loc["target.offers.S1.anyway_share"]
    assert needed[["value", "source"]].tolist() == [
        "none typed",
        "needed: answers to earlier mailings, what a control group does, or a typed guess",
    ]
    said = page.summary(plan, profiles(profile("S1", 200)), typed)
    assert ("Expected gain, assumed", "cannot tell") in said["figures"]
    assert any("Find out how many would come without the offer to Segment S1" in each for each in said["todo"])


def test_the_total_cannot_be_told_when_one_offer_cannot():
    typed = plan_of({"S1": offer("till", anyway=None), "S2": offer("till")})
    plan = planned(profiles(profile("S1", 200), profile("S2", 200)), {s: arms(140, 60) for s in ("S1", "S2")}, project=typed)
    assert plan["segments"][1]["cost"] == 7.0 and plan["total"]["cost"] is None and plan["total"]["contacted"] == 280
    assert payoff.pays_words(plan)["title"] == "1 of 1 offer pays at the assumed rise of 5.0 points"
    assert payoff.pays_verdict(plan, typed).endswith("The others pay at the assumed rise.")


def test_an_offer_that_costs_nothing_needs_to_know_of_nobody():
    line = line_of(plan_of({"S1": offer("till", cost=0.0, anyway=None)}))[1]
    assert (line["pays"], line["cost"], line["break_even"]) == (True, 7.0, 0.005)


def test_a_typed_share_counts_only_where_no_answers_are_known():
    typed = plan_of({"S1": offer("till", anyway=0.5)})
    plan, line = line_of(typed)
    assert line["anyway"] == {"share": 0.5, "source": "typed"} and line["per_contact"] == 1.05  # .05 and half of the offers of 2
    assert any("is typed, not observed, for Segment S1" in each for each in page.caveats(plan, typed, history={}))
    line = line_of(typed, {"S1": {"y": 20.0, "n": 200.0, "customers": 100}})[1]
    assert line["anyway"] == {"share": 0.1, "source": "answers"} and line["per_contact"] == pytest.approx(0.25)
    line = line_of(typed, {"S1": {"y": 2.0, "n": 9.0, "customers": 9}})[1]  # nine people were mailed: their answers are not told
    assert line["anyway"]["source"] == "typed"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (offer("till", cost=10.0, anyway=None), "Segment S1: never pays, the offer of $10.00 is at least the margin of an order;"),
        (offer("mail", cost=2.0, anyway=None), "does not pay at a rise of 5.0 points even if nobody came anyway, for the offer of $2.00"),
        (offer("dear", cost=2.0, anyway=None), "even if nobody came anyway: the contact costs too much; take a cheaper channel."),
    ],
)
def test_what_does_not_pay_even_if_nobody_came_anyway_is_said(typed, said):
    typed = plan_of({"S1": typed}, channels=CHANNELS | {"dear": {"name": "Visit", "cost": 9}})
    plan, line = line_of(typed)
    assert line["pays"] is False and line["cost"] is None and said in payoff.pays_verdict(plan, typed)


def test_a_costly_offer_is_named_and_not_those_who_come_anyway():
    # .45 over 8 is 5.6 points even if nobody came anyway, .45 over 10 is 4.5: the offer's cost is what makes it not pay
    typed = plan_of({"S1": offer()}, channels={"mail": {"name": "Letter", "cost": 0.45}})
    plan, line = line_of(typed, {"S1": {"y": 1.0, "n": 200.0, "customers": 100}})
    assert line["fails_for"] == "offer"
    assert payoff.pays_verdict(plan, typed).startswith(
        "Segment S1: does not pay, for the offer of $2.00 takes too much of the margin of an order; it would take a rise of 5.8 points"
    )


def test_the_size_of_the_control_group_stands_beside_those_not_on_the_list():
    typed = plan_of({"S1": offer()})
    found = profiles(profile("S1", 200), profile("S2", 100))
    plan = planned(found, {"S1": arms(100, 40, 3)}, project=typed, consents=True)
    # three are control of all campaigns, and 57 of the 200 have not agreed; nobody offers S2 anything
    shown = page.arms_table(plan, typed)
    assert [c.name for c in shown.columns][2:] == ["contacted", "control", "unlisted"]
    assert shown.frame[["contacted", "control", "unlisted"]].to_numpy().tolist() == [[100, 43, 57], [0, 0, 100]]
    assert plan["segments"][0]["reachable"] == {"n": 143, "share": 0.715}


def test_of_three_groups_none_follows_from_the_others():
    plan = planned(profiles(profile("S1", 200)), {"S1": arms(150, 43)}, consents=True)  # seven are not on the list
    line = plan["segments"][0]
    assert (line["contacted"], line["control"], line["unlisted"], line["reachable"]) == (150, None, None, None)


def test_the_outlook_of_another_step_has_the_same_money():
    said = table(
        "consents", "customer_id channel purpose granted updated_at", *((f"c{i}", "till", "marketing", True, "09-01") for i in range(90))
    )
    typed, found = plan_of({"S1": offer("till", anyway=0.1)}), profiles(profile("S1", 100))
    lists = target.draw(crowd(100), typed, status="READY", facts=agreed(said))
    plan = planned(found, target.counted(lists), project=typed, consents=True)
    checked = {"orders": orders(), "consents": said}
    outlook = target.outlook(at_work(typed), crowd(100), checked, found)
    assert outlook["total"] == plan["total"] and outlook["segments"] == plan["segments"] and outlook["total"]["cost"]


def at_work(project, then=None, built_at=None):
    """A step in progress; `then` is who was in which segment one horizon earlier."""
    return SimpleNamespace(
        project=project,
        as_of=AS_OF,
        gives=lambda *names: then is not None,
        take=lambda *names: then,
        windows=lambda orders: {"confirm": SimpleNamespace(built_at=built_at)},
        engine=SimpleNamespace(records=lambda: None),
    )


def mailed(n, day, answered, prefix):
    """n customers mailed on a day, the first of whom answered a day later."""
    rows = [(f"{prefix}{i}", f"{day} 08:00", f"{day} 18:00" if i < answered else None) for i in range(n)]
    return rows


def test_a_response_is_that_of_the_segments_as_built_earlier_to_mailings_after_that():
    # sixty of today's S1 answered all before the cut; as built on 3 July, half of those mailed after it answered
    sent = mailings(*mailed(60, "05-01", 60, "c"), *mailed(60, "07-10", 30, "e"))
    checked, found = {"orders": orders(), "contacts": sent}, profiles(profile("S1", 60))
    step = at_work(plan_of(), then=crowd(60, prefix="e"), built_at=at("07-03"))
    answers, since = target.answers_so_far(step, crowd(60), checked, found)
    assert answers == {"S1": {"y": 30.0, "n": 60.0, "customers": 60}} and since == at("07-03")
    few = at_work(plan_of(), then=crowd(49, prefix="e"), built_at=at("07-03"))  # forty-nine mailed since are too few
    assert target.answers_so_far(few, crowd(60), checked, found) == ({"S1": {"y": 60.0, "n": 60.0, "customers": 60}}, None)
    assert target.answers_so_far(at_work(plan_of()), crowd(60), checked, found)[1] is None  # nothing was built earlier


def test_assumptions_are_listed_with_source_and_who_decided():
    decided = {"decision": "d", "because": "b", "decided_on": "2017-09-29", "decided_by": "Head of CRM"}
    typed = plan_of({"S2": offer("till", anyway=0.1)}, margin_source="finance, 2016", decisions=[decided])
    found = payoff.assumptions_table(typed, planned(profiles(profile("S2", 200)), {}, project=typed)).frame.set_index("field")
    assert found.loc["target.margin_rate"].tolist() == ["Margin, as a share of revenue", "25%", "finance, 2016", "Head of CRM"]
    assert found.loc["target.channels.till.cost"].tolist() == ["One contact: Coupon at the till", "$0.05", "invoice", "Head of CRM"]
    assert found.loc["target.channels.mail.cost", "source"] == "no source typed"
    assert found.loc["scope.criteria.interesting_uplift", "who"] == "nobody is named"
    assert found.loc["target.offers.S2.cost", "value"] == "$2.00"
    assert found.loc["target.offers.S2.anyway_share", ["what", "value"]].tolist() == [
        "Share who would take it and come anyway: a booklet",
        "10%",
    ]


# Nothing is released, nothing is told of a few


def test_every_reason_that_keeps_the_lists_a_draft_is_given():
    found = profiles(profile("S1", 200), profile("S2", 200))
    bare = plan_of({"S1": offer()}, margin_rate=None)
    against = {"verdicts": {"panel": {"verdict": "rules"}}}
    every = ["no consents", "not signed", "not better", "no offer", "no margin"]
    assert target.reasons(bare, {"status": "outdated"}, found, against, consents=False) == every
    plan = planned(found, {}, project=bare, validation={"status": "missing"})
    assert plan["status"] == "DRAFT" and page.status_words(plan, bare) == (
        "DRAFT: nothing is released. Why: nobody’s consent to be contacted is known; the list of variables is not signed; at least one "
        "segment has no offer; no margin is typed."
    )
    assert plan["segments"][0]["reachable"] is None
    assert page.summary(plan, found, bare)["unknown"][0].startswith("How many of the 400 customers may be contacted: cannot tell.")


def test_with_consents_signatures_offers_and_margin_nothing_stands_in_the_way():
    found = profiles(profile("S1", 200), profile("S2", 100))
    plan = planned(found, {"S1": arms(70, 30), "S2": arms(8, 1)}, consents=True)
    assert (plan["status"], plan["reasons"]) == ("READY", [])
    assert page.status_words(plan, plan_of()) == (
        "READY: nothing stands in the way of the list; releasing it is for people to decide. It lies in this run’s private folder below "
        "data/by_hand/runs, as 08_target/contacts.parquet."
    )
    assert plan["segments"][0]["reachable"] == {"n": 100, "share": 0.5} and plan["segments"][1]["reachable"] is None  # nine people
    assert not [line for line in page.summary(plan, found, plan_of())["unknown"] if "cannot tell" in line]


def test_a_segment_without_an_offer_on_purpose_holds_nothing_back_and_says_why():
    decided, bare = plan_of({"S1": offer()}, without={"S2": "they come anyway"}), plan_of({"S1": offer()})
    found = profiles(profile("S1", 100), profile("S2", 100))
    assert target.reasons(decided, SIGNED, found, SHOWN, consents=True) == []
    assert target.reasons(bare, SIGNED, found, SHOWN, consents=True) == ["no offer"]
    shown = [page.offers_table(planned(found, {"S1": arms(70, 30)}, {}, each), each).frame["offer"].tolist() for each in (decided, bare)]
    assert [offers[1] for offers in shown] == ["none, on purpose: they come anyway", "no offer typed"]


def test_nothing_is_told_of_a_segment_of_three_people():
    answers = {"S1": {"y": 30.0, "n": 100.0, "customers": 50}, "S2": {"y": 77.0, "n": 100.0, "customers": 50}}
    found = profiles(profile("S1", 400), profile("S2", 3, spend=77.7))
    plan = planned(found, {"S1": arms(280, 120, 0), "S2": arms(2, 1)}, answers)
    line = plan["segments"][1]
    told = {key: value for key, value in line.items() if value is not None}
    assert set(told) == {"id", "colour", "offer", "message", "channel", "anyway"}  # what is typed, and nothing of people
    assert plan["total"]["contacted"] == 280 and plan["pooled"]["segments"] == ["S1"]
    shown = [page.offers_table(plan, plan_of()), page.arms_table(plan, plan_of()), payoff.money_table(plan)]
    for each in shown:
        row = next(row for row in tables.payload(each)["rows"] if row[0] == "Segment S2")
        assert not [value for value in row if isinstance(value, int | float)], each.name
        assert "77" not in tables.as_html(each)
    assert "1 segment is not planned here and not in the totals: too few customers, or it would give another’s away." in page.caveats(
        plan, plan_of(), history={}
    )


def test_of_a_segment_that_would_give_another_away_no_number_is_planned():
    found = profiles(profile("S1", 400), profile("S2", 50) | {"shown": False}, profile("S3", 3) | {"shown": False})
    plan = planned(found, {"S1": arms(280, 120, 0), "S2": arms(30, 20, 0), "S3": arms(2, 1)})
    assert [(s["customers"], s["contacted"], s["control"]) for s in plan["segments"]] == [(400, 280, 120)] + [(None, None, None)] * 2
    assert plan["total"]["contacted"] == 280
    assert "A dash: fewer than 10 customers" in page.arms_table(plan, plan_of()).note


def test_groups_of_fewer_than_ten_are_not_counted_out_loud():
    plan = planned(profiles(profile("S1", 20)), {"S1": arms(12, 7, 1)}, {"S1": {"y": 5.0, "n": 20.0, "customers": 20}})
    line = plan["segments"][0]  # of twenty all but twelve are eight: neither is told
    assert (line["contacted"], line["control"], line["unlisted"]) == (None, None, 0) and line["smallest_effect"] is None
    plan = planned(profiles(profile("S1", 20)), {"S1": arms(9, 11)})
    line = plan["segments"][0]
    assert (line["contacted"], line["control"], line["unlisted"], line["cost"], line["gain"]) == (None, None, 0, None, None)
    assert plan["total"]["contacted"] is None and line["break_even"] is not None  # a typed cost over a mean of twenty


def test_without_any_offer_nothing_is_tested():
    plan = planned(profiles(profile("S1", 200)), {}, {"S1": {"y": 5.0, "n": 50.0, "customers": 40}}, plan_of({}))
    assert payoff.effects_verdict(plan) == "Nothing is tested: no segment has an offer."
    assert (plan["total"]["contacted"], plan["total"]["unlisted"], plan["total"]["cost"], plan["pooled"]) == (0, 200, None, None)


def test_a_segment_without_offer_contacts_nobody_and_is_named():
    found = profiles(profile("S1", 200), profile("S3", 100))
    plan = planned(found, {"S1": arms(100, 40)})
    line = plan["segments"][1]
    assert (line["offer"], line["contacted"], line["cost"], line["gain"], line["pays"]) == (None, 0, None, None, None)
    rows = payoff.money_table(plan).frame.set_index("name")
    assert rows.loc["Segment S3", "pays"] == "no offer typed"
    assert any("Type an offer for Segment S3" in each for each in page.summary(plan, found, plan_of())["todo"])


def test_a_new_segment_above_those_typed_has_no_offer_and_the_others_money_is_told():
    found = profiles(profile("S1", 200), profile("S7", 100))
    answers = {one: {"y": 40.0, "n": 100.0, "customers": 90} for one in ("S1", "S7")}
    typed = plan_of({"S1": offer()})
    plan = planned(found, {"S1": arms(140, 60)}, answers, typed)
    old, new = plan["segments"]
    assert old["break_even"] is not None and old["pays"] is not None and plan["total"]["cost"] == old["cost"]
    assert (new["offer"], new["break_even"], new["cost"], new["gain"], new["pays"], new["contacted"], new["unlisted"]) == (None,) * 5 + (
        0,
        100,
    )
    assert payoff.money_table(plan).frame.set_index("name").loc["Segment S7", "pays"] == "no offer typed"
    assert "S7" not in payoff.pays_verdict(plan, typed) and list(payoff.pays_frame(plan)["label"]) == ["Segment S1", "Thought plausible"]
    assert any("Type an offer for Segment S7," in each for each in page.summary(plan, found, typed)["todo"])


def test_a_suggested_name_stands_in_the_plan_and_says_that_it_is_suggested():
    found = profiles(profile("S1", 200) | {"suggested": {"name": {"en": "Small baskets", "fr": "Petits paniers"}}})
    plan = planned(found, {"S1": arms(100, 40)})
    assert plan["segments"][0]["suggested"] and page.offers_table(plan, plan_of()).frame["name"][0] == "S1 · Small baskets (suggested)"


def test_a_segment_above_those_wanted_may_be_typed_once_a_complete_run_has_published_it(workspace):
    folder = workspace / "data" / "complete_journey"
    path = folder / "project.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("    S5: {offer:", "    S9: {offer:"), encoding="utf-8")
    run = folder / "runs" / "2017-10-01" / "0001"
    (run / "06_build").mkdir(parents=True)
    (run / "06_build" / "segmentation.json").write_text(json.dumps({"segments": [{"id": "S9"}]}), encoding="utf-8")
    with pytest.raises(NinefoldError, match="target.offers names S9"):
        load("complete_journey")  # the run is not complete
    (run / "run.json").write_text("{}", encoding="utf-8")
    assert "S9" in load("complete_journey").target.offers
    (run / "06_build" / "segmentation.json").write_text("[half", encoding="utf-8")
    with pytest.raises(NinefoldError, match="target.offers names S9, and scope.segments_wanted is 5"):
        load("complete_journey")


def test_an_offer_for_a_segment_that_was_not_built_is_said_and_left_out():
    found = profiles(profile("S1", 200))
    plan = planned(found, {"S1": arms(100, 40)})
    assert "Offers are typed for S2, which step 6 did not build: they are left out." in page.caveats(plan, plan_of(), history={})
    assert "Take out the offers for S2: step 6 did not build these segments." in page.summary(plan, found, plan_of())["todo"]


def test_an_offer_typed_for_a_name_that_no_longer_fits_is_to_be_read_again():
    found = profiles(profile("S1", 200, fits=False))
    plan = planned(found, {"S1": arms(100, 40)}, project=plan_of({"S1": offer()}))
    assert any("Read the offers for Segment S1 again" in each for each in page.summary(plan, found, plan_of({"S1": offer()}))["todo"])


def test_an_empty_membership_still_makes_a_page():
    found = profiles(profile("S1", 0, spend=None), profile("S2", 0, spend=None))
    plan = planned(found, {})
    assert plan["segments"][0]["customers"] == 0 and plan["pooled"] is None and plan["total"]["contacted"] == 0
    for each in (page.offers_table, page.arms_table):
        tables.as_html(each(plan, plan_of()))
    assert page.summary(plan, found, plan_of())["figures"][1] == ("Expected gain, assumed", "cannot tell")


def test_the_limits_say_what_another_channel_margin_and_cut_would_change():
    answers = {s: {"y": 30.0, "n": 100.0, "customers": 50} for s in ("S1", "S2")}
    typed = plan_of({"S1": offer(cost=0.0), "S2": offer("till", cost=0.5)})
    typed = typed.model_copy(update={"collect": _mailed(typed.collect)})
    plan = planned(profiles(profile("S1", 200), profile("S2", 200)), {"S1": arms(140, 60), "S2": arms(140, 60)}, answers, typed)
    told = page.caveats(plan, typed, history={"S1": {"y": 5.0, "n": 50.0, "customers": 40}})
    assert any(each.startswith("Segments were cut by behaviour that partly is the answer to mailings") for each in told)
    later = page.caveats(plan | {"answers_since": at("07-03")}, typed, history={"S1": {"y": 5.0, "n": 50.0, "customers": 40}})
    assert (
        "Answers are those of the segments as built on 3 July 2017, to mailings after that day. Today’s segments over all history would "
        "give Segment S1 10.0% for 30.0%: they were cut by behaviour that partly is the answer."
    ) in later
    assert any(each.startswith("Answers so far are to earlier mailings. Segment S2 would be contacted by another channel") for each in told)
    # S1: .50 over 10 is 5 points, over 8 it is 6.25; S2: .05 + .3 × .5 = .20 over 9.5 is 2.1, over 7.5 it is 2.7
    assert "The margin is assumed. If it were a fifth lower, 1 of 2 offers would pay instead of 2." in told
    typed = plan_of({"S2": offer("till", cost=0.5)})
    plan = planned(profiles(profile("S2", 200)), {"S2": arms(140, 60)}, answers, typed)
    told = page.caveats(plan, typed, history={})
    assert "The margin is assumed. If it were a fifth lower, still 1 of 1 offers would pay." in told


def _mailed(collect):
    contacts = collect.sources["contacts"]
    return collect.model_copy(
        update={"sources": collect.sources | {"contacts": contacts.model_copy(update={"constants": {"channel": "mail"}})}}
    )


# What project.yml may not say


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  control_share: 0.3", "  control_share: 0", "field target.control_share has the value 0: Input should be greater than 0"),
        ("  control_share: 0.3", "  control_share: 1.0", "field target.control_share has the value 1.0: Input should be less than 1"),
        (
            "  universal_control: 0.02",
            "  universal_control: 1",
            "field target.universal_control has the value 1: Input should be less than 1",
        ),
        ("    S5: {offer:", "    S9: {offer:", "target.offers names S9, and scope.segments_wanted is 5: the segments are S1 to S5"),
        (
            "channel: mail, cost: 2.0,",
            "channel: pigeon, cost: 2.0,",
            "field target.offers.S1.channel has the value 'pigeon', which is not in target.channels (till, mail).",
        ),
        (
            "\nadopt:\n",
            "\nadopt:\n  scenarios: {welcome: {channel: pigeon}}\n",
            "field adopt.scenarios.welcome.channel has the value 'pigeon', which is not in target.channels (till, mail).",
        ),
        (
            "\nadopt:\n",
            "\nadopt:\n  personas: {ann: {segments: [S9]}}\n",
            "field adopt.personas.ann.segments names S9, and scope.segments_wanted is 5: the segments are S1 to S5.",
        ),
        ("  margin_rate: 0.25", "  margin_rate: 25", "field target.margin_rate has the value 25: Input should be less than 1."),
        ("  margin_rate: 0.25", "  margin_rate: 40", "between 0 and 1: for 40% write 0.40."),
        ("channel: mail, cost: 2.0,", "channel: mail, cost: 2.0, anyway_share: 30,", "for 10% write 0.10."),
        (
            "\n      team: sales",
            "\n      team: seles",
            "has the value 'seles': Input should be 'marketing', 'sales', 'product', 'finance' or 'service'. Did you mean sales?",
        ),
        ("  chosen: kmeans", "  chosen: kmaens", "Did you mean kmeans?"),
        ("      cost: 0.05", "      cost: -1", "field target.channels.till.cost has the value -1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_when_it_is_read(workspace, old, new, message):
    path = workspace / "data" / "complete_journey" / "project.yml"
    typed = path.read_text(encoding="utf-8")
    assert typed.count(old) == 1
    path.write_text(typed.replace(old, new), encoding="utf-8")
    with pytest.raises(NinefoldError) as error:
        load("complete_journey")
    assert "data/complete_journey/project.yml" in str(error.value) and message in str(error.value)
