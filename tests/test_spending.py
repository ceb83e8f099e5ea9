"""Where a campaign's money goes: the best division, equal spend beside it, and the cost of being wrong."""

import math

import numpy as np
import pytest
from by_hand import project
from scipy.optimize import linprog

from helpers import tables
from helpers.target import spending as spend_of
from helpers.target import spending_page as page
from helpers.target.spending import allocate, divide, drawn, equally, expected, first_test, unit_loss, value_of_knowing

pytestmark = pytest.mark.usefixtures("in_english")

CHANNELS = {"mail": {"name": "Letter", "cost": 0.5}, "till": {"name": "Till", "cost": 0.1}}


def plan_of(*offered, budget=None, margin_rate=0.4, plausible=0.05, cost=0.0, seed=7):
    offers = {one: {"offer": "a box", "channel": "mail", "cost": cost} for one in offered}
    target = {"channels": CHANNELS, "offers": offers, "margin_rate": margin_rate, "budget": budget}
    return project(target=target, scope={"criteria": {"interesting_uplift": plausible}}, seed=seed)


def line(one, people=100, *, margin=20.0, price=0.5, base=0.1, control=40):
    """A segment of the plan: its contact costs .5 unless said, an additional response brings 20."""
    response = None if base is None else {"value": base, "n": 200, "mailings": 200}
    head = {
        "id": one,
        "name": one,
        "offer": "a box",
        "channel": "mail",
        "response": response,
        "anyway": {"share": base, "source": "answers"},
    }
    return head | {"contacted": people, "control": control, "margin_of_response": margin, "per_contact": price}


def found(*lines, plan=None, measured=None, **more):
    plan = plan or plan_of(*(one["id"] for one in lines))
    return divide({"segments": list(lines), "plausible": plan.scope.criteria.interesting_uplift}, measured or {}, plan, **more)


def rise(uplift, sd=0.01, campaigns=("a", "b")):
    return {"uplift": uplift, "next_sd": sd, "campaigns": list(campaigns), "own": True, "base": 0.1, "same_channel": True}


# The division


def test_money_goes_first_where_it_brings_most_and_the_last_segment_is_cut():
    # per unit of money: 3, 2 and 4; at a loss: none. 40 buys 10 × 1 of the third, 10 × 2 of the first, and 10 of the 30 of the second
    net, spend, people = np.array([6.0, 6.0, 4.0, -1.0]), np.array([2.0, 3.0, 1.0, 1.0]), np.array([10.0, 10.0, 10.0, 10.0])
    assert allocate(net, spend, people, 40.0) == pytest.approx([10, 10 / 3, 10, 0])
    assert allocate(net, spend, people, math.inf) == pytest.approx([10, 10, 10, 0])
    assert allocate(net, spend, people, 0.0) == pytest.approx([0, 0, 0, 0])


def test_a_contact_that_costs_nothing_comes_first_and_takes_no_money():
    assert allocate(np.array([1.0, 5.0]), np.array([0.0, 1.0]), np.array([10.0, 10.0]), 4.0) == pytest.approx([10, 4])


@pytest.mark.parametrize("seed", range(8))
def test_no_other_division_brings_more_as_linear_programming_finds(seed):
    draw = np.random.default_rng(seed)
    net, spend, people, limit = draw.normal(1, 2, 6), draw.uniform(0.1, 3, 6), draw.uniform(5, 50, 6), 60.0
    best = allocate(net, spend, people, limit)
    solved = linprog(-net, A_ub=[spend], b_ub=[limit], bounds=list(zip(np.zeros(6), people, strict=True)))
    assert (best * net).sum() == pytest.approx(-solved.fun) and (best * spend).sum() <= limit + 1e-9


def test_many_draws_are_divided_as_each_would_be_alone():
    draw = np.random.default_rng(1)
    nets, spend, people = draw.normal(0, 2, (50, 4)), np.array([1.0, 2.0, 0.5, 0.0]), np.array([10.0, 20.0, 30.0, 5.0])
    together = allocate(nets, spend, people, 25.0)
    assert together == pytest.approx(np.array([allocate(row, spend, people, 25.0) for row in nets]))


def test_equal_spend_gives_the_rest_of_small_segments_to_the_others():
    # 90 over 10, 100 and 60 at most: 10 is used up, the other 80 make 40 each
    contacts = equally(np.array([1.0, 2.0, 1.0]), np.array([10.0, 50.0, 60.0]), 90.0)
    assert contacts * np.array([1.0, 2.0, 1.0]) == pytest.approx([10, 40, 40])
    assert equally(np.array([1.0, 1.0]), np.array([10.0, 10.0]), 50.0) == pytest.approx([10, 10])


def test_equal_spend_is_never_expected_to_bring_more():
    for seed in range(5):
        draw = np.random.default_rng(seed)
        lines = [line(f"S{i}", int(draw.integers(20, 300)), margin=draw.uniform(2, 40), price=draw.uniform(0.1, 2)) for i in range(1, 5)]
        total = found(*lines, plan=plan_of(*(one["id"] for one in lines), budget=float(draw.uniform(20, 300))))["total"]
        assert total["difference"]["net"] >= -1e-9
        assert total["best"]["spend"] == pytest.approx(total["equal"]["spend"])


def test_a_budget_binds_only_when_more_money_would_pay():
    lines = [line("S1", 100), line("S2", 100)]  # .05 × 20 − .5 = .5 a contact; 100 money in all
    tight, wide = (found(*lines, plan=plan_of("S1", "S2", budget=b)) for b in (60.0, 100.0))
    assert tight["bound"] and not wide["bound"]
    assert tight["total"]["best"]["spend"] == pytest.approx(60) and wide["total"]["best"]["net"] == pytest.approx(100)
    assert "is used up" in page.spending_words(tight) and "does not bind" in page.spending_words(wide)


def test_offers_redeemed_because_of_the_contact_are_money_spent_and_no_gain():
    # margin_of_response is after the offer; the money paid out is .5 + .05 × 4
    one = found(line("S1", 100, margin=16.0), plan=plan_of("S1", cost=4.0))["segments"][0]
    assert one["spend"] == pytest.approx(0.7) and one["net"] == pytest.approx(0.05 * 16 - 0.5)


# How sure


def test_the_mean_of_all_draws_is_the_expected_rise_exactly_and_half_of_the_doubt_is_shared():
    rises = drawn(np.array([0.05, 0.01]), np.array([0.02, 0.04]), seed=3)
    assert rises.mean(axis=0) == pytest.approx([0.05, 0.01], abs=1e-12)
    assert rises.std(axis=0) == pytest.approx([0.02, 0.04], rel=0.002)
    assert np.corrcoef(rises.T)[0, 1] == pytest.approx(0.5, abs=0.01)


def test_a_rise_that_nobody_measured_is_the_plausible_one_and_may_be_nothing_or_twice_as_much():
    belief = expected("S1", {}, plan_of("S1", plausible=0.04))
    assert (belief["rise"], belief["sd"], belief["source"]) == (0.04, 0.02, spend_of.PLAUSIBLE)


def test_one_campaign_alone_leaves_more_doubt_than_its_standard_error():
    plan = plan_of("S1", plausible=0.08)
    assert expected("S1", {"S1": rise(0.03, 0.015, ["a"])}, plan)["sd"] == pytest.approx(0.025)  # √(.015² + (.25 × .08)²)
    assert expected("S1", {"S1": rise(0.03, 0.015)}, plan)["sd"] == 0.015


def test_a_rise_that_is_mostly_that_of_all_segments_is_said_and_gets_no_doubt_twice():
    told = {"S1": rise(0.03, 0.01) | {"own": False}}
    assert expected("S1", told, plan_of("S1", plausible=0.08))["sd"] == 0.01  # the doubt is in next_sd already: uplift.together
    said = " ".join(page.caveats(found(line("S1"), measured=told), plan_of("S1")))
    assert "too small to tell S1 from the other segments" in said and "are added" not in said


def test_a_segment_that_is_knocked_out_gets_no_money():
    document = found(line("S1"), line("S2"), out=["S1"])
    assert [s["why"] for s in document["segments"]] == [spend_of.KNOCKED_OUT, None]
    assert document["total"]["best"]["spend"] == pytest.approx(50)
    assert "S1: knocked out" in page.left_out_words(document)


def test_that_contacts_beyond_would_lose_is_not_said_where_one_knocked_out_would_pay():
    plan = plan_of("S1", "S2", budget=1000.0)
    said = [page.spending_words(found(line("S1"), line("S2"), plan=plan, out=out)) for out in ([], ["S2"])]
    assert "beyond this, contacts are expected to lose" in said[0] and "of the segments in play no other contact" in said[1]


def test_what_was_measured_counts_instead_of_what_is_plausible():
    lines = [line("S1"), line("S2")]
    document = found(*lines, measured={"S1": rise(0.01)})
    assert [s["rise"] for s in document["segments"]] == [0.01, 0.05]
    assert [s["best"]["contacts"] for s in document["segments"]] == [0, 100]  # break-even is .025
    assert "earlier campaigns (a and b), else 5.0 points, assumed" in page.gains_words(document)["source"]


def test_the_lists_as_drawn_are_worth_what_was_measured_and_not_what_is_plausible():
    # the plan takes 5 points for granted: 100 × (.05 × 20 − .5) each; 1 point was measured: 100 × (.01 × 20 − .5) = −30, knocked out or not
    measured = {"S1": rise(0.01), "S2": rise(0.01)}
    document = found(line("S1"), line("S2"), measured=measured, out=["S2"])
    assert document["listed"]["net"] == pytest.approx(-60) and document["listed"]["measured"]
    assert document["listed"]["low"] < -60 < document["listed"]["high"]
    assert (
        page.figures(document)[0][0] == "Expected gain, by measured rises"
        and "by the rises that were measured." in page.points(document)[0]
    )
    half = found(line("S1"), line("S2"), measured={"S1": rise(0.01)})
    assert half["listed"]["net"] == pytest.approx(-30 + 50) and "and 5.0 points where none was" in page.listed_words(half)
    assert found(line("S1"))["listed"] is None and page.figures(found(line("S1"))) == []
    assert found(line("S1", price=None), measured=measured)["listed"] is None


def test_a_rise_measured_below_zero_is_said_and_gets_no_money():
    document = found(line("S1"), measured={"S1": rise(-0.02)})
    assert document["segments"][0]["spend"] == 0.5 and document["total"]["best"]["spend"] == 0
    assert page.spending_words(document).startswith("No contact is expected to pay") and page.headline(document) == ""


@pytest.mark.parametrize(
    ("one", "plan", "why"),
    [
        (line("S1"), plan_of(), spend_of.NO_OFFER),
        (line("S1", margin=None), plan_of("S1", margin_rate=None), spend_of.NO_MARGIN),
        (line("S1", margin=None), plan_of("S1"), spend_of.NO_ORDER),
        (line("S1", price=None), plan_of("S1"), spend_of.NO_COST),
        (line("S1", margin=-1.0), plan_of("S1"), spend_of.NEVER),
        (line("S1", people=None), plan_of("S1"), spend_of.NOBODY),
        (line("S1", people=0), plan_of("S1"), spend_of.NOBODY),
    ],
)
def test_what_cannot_be_told_is_said_with_what_it_would_take(one, plan, why):
    document = found(one, plan=plan)
    assert document["segments"][0]["why"] == why and document["total"] is None and document["wrong"] is None
    assert page.spending_words(document).startswith("Nothing can be divided. S1: ")
    assert page.gains_frame(document).empty and page.gains_words(document)["title"].startswith("Where money pays cannot be told")
    assert page.wrong_words(document).startswith("What being wrong would cost cannot be told")
    assert page.points(document) == [] and tables.as_html(page.spending_table(document)) and tables.as_html(page.wrong_table(document))


# The cost of being wrong


@pytest.mark.parametrize(("z", "loss"), [(0, 0.3989), (0.5, 0.1978), (1, 0.0833), (1.5, 0.0293), (2, 0.0085)])
def test_the_unit_normal_loss_is_that_of_the_published_table(z, loss):
    assert unit_loss(z) == pytest.approx(loss, abs=5e-5)  # Raiffa & Schlaifer 1961, table II


@pytest.mark.parametrize("mean", [0.0, 0.02, 0.025, 0.04])
def test_the_draws_cost_of_being_wrong_is_the_formulas_when_money_is_no_limit(mean):
    document = found(line("S1", 1000), measured={"S1": rise(mean, 0.02)})
    exact = value_of_knowing(1000, 20.0, 0.5, mean, 0.02)
    assert document["wrong"] == pytest.approx(exact, rel=0.01)
    assert document["segments"][0]["wrong"] == pytest.approx(document["wrong"])


def test_a_rise_known_for_sure_leaves_nothing_to_be_wrong_about():
    document = found(line("S1"), line("S2", margin=5.0), measured={"S1": rise(0.06, 0.0), "S2": rise(0.01, 0.0)})
    assert document["wrong"] == pytest.approx(0, abs=1e-3) and document["loses"] == 0
    assert [round(s["fails"], 6) for s in document["segments"]] == [0, 1]
    assert "there is nothing worth asking first" in page.wrong_words(document)


def test_knowing_all_rises_is_worth_at_least_as_much_as_knowing_any_one():
    lines = [line("S1", 200), line("S2", 300, margin=12.0), line("S3", 100, price=1.2)]
    for budget in (None, 90.0):
        document = found(*lines, plan=plan_of("S1", "S2", "S3", budget=budget))
        assert all(-1e-9 <= s["wrong"] <= document["wrong"] + 1 for s in document["segments"])


def test_what_a_test_saves_is_what_playing_it_out_saves():
    # at break-even the test costs nothing on average; played out 400,000 times with a normal prior and a normal answer
    priced = {"base": 0.1, "people": 1000, "sd": 0.03, "break_even": 0.025, "rise": 0.02, "margin": 20.0, "price": 0.5}
    chosen = first_test(priced)
    n, draw = chosen["n"], np.random.default_rng(5)
    error = 2 * 0.1 * 0.9 / n
    true = draw.normal(0.02, 0.03, 400_000)
    answer = true + draw.normal(0, math.sqrt(error), true.size)
    posterior = (0.02 / 0.03**2 + answer / error) / (1 / 0.03**2 + 1 / error)
    saved = np.where(posterior > 0.025, (1000 - 2 * n) * (true * 20 - 0.5), 0).mean()  # without a test nobody is contacted
    assert chosen["worth"] == pytest.approx(saved, rel=0.03)
    assert chosen["cost"] == pytest.approx(n * 0.005 * 20) and chosen["gain"] == chosen["worth"] - chosen["cost"]


def test_no_test_pays_where_the_rise_is_as_good_as_known():
    priced = {"base": 0.1, "people": 1000, "sd": 0.001, "break_even": 0.025, "rise": 0.05, "margin": 20.0, "price": 0.5}
    assert first_test(priced)["gain"] < 0 and first_test(priced)["n"] == spend_of.LEAST_ARM
    document = found(line("S1", 1000), measured={"S1": rise(0.05, 0.001)})
    assert page.wrong_table(document).frame["verdict"].tolist() == ["decide now: no test pays for itself"]


@pytest.mark.parametrize(("base", "people"), [(None, 1000), (0.0, 1000), (0.1, 49)])
def test_a_test_of_too_few_or_without_a_base_is_not_priced(base, people):
    assert first_test({"base": base, "people": people}) is None


# The page


def test_the_page_says_what_the_best_division_brings_against_equal_spend():
    document = found(line("S1", 200), line("S2", 200, margin=5.0), verdict="level")
    said = page.spending_words(document)
    assert "Spending $100 where it pays is expected to bring $100 more than it costs" in said and "No budget is typed" in said
    assert "more than the same money in equal parts" in said or "hardly surer" in said
    assert page.headline(document) == "Most money, 100%, goes to “S1”"
    table = page.spending_table(document)
    assert table.frame["name"].tolist() == ["S1", "S2", "All together"] and "is taken as 5.0 points, give or take 2.5" in table.note
    assert tables.as_html(table) and tables.as_html(page.wrong_table(document))
    assert any("segments are not needed for the budget" in c for c in page.caveats(document, plan_of("S1", "S2")))


def test_the_caveats_name_what_one_campaign_measured_and_other_channels():
    measured = {"S1": rise(0.04, campaigns=["a"]), "S2": rise(0.04) | {"same_channel": False}}
    document = found(line("S1"), line("S2"), line("S3", price=None), measured=measured)
    said = " ".join(page.caveats(document, plan_of("S1", "S2", "S3")))
    assert "One campaign alone, with another offer, measured S1" in said and "measured S2 by the channel of the offer" in said
    assert "Left out of the division: S3" in said


def test_the_same_seed_gives_the_same_document_and_another_nearly_the_same():
    lines = [line("S1"), line("S2", margin=12.0)]
    assert found(*lines) == found(*lines)
    other = found(*lines, plan=plan_of("S1", "S2", seed=8))
    assert other["wrong"] == pytest.approx(found(*lines)["wrong"], rel=0.02)
