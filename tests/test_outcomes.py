"""What earlier campaigns taught: published intervals and effects, known uplifts found again, faults in contacts counted and said."""

import math
import sys
from datetime import datetime, timedelta
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, orders, project, same, table

from helpers import tables, target
from helpers.fait_maison import buying, load, records
from helpers.fait_maison.people import people as who_there_is
from helpers.rates import holm
from helpers.target import learnt, outcomes_page, tallies, uplift

pytestmark = pytest.mark.usefixtures("in_english")

NO_PRICES = {"margin_rate": None, "contact": None, "offers": None}
COLUMNS = ["arm", "role", "segment", "n", "y", "answered", "both", "ordered", "spend", "spend2", "cost", "costed"]


def sums(*rows):
    """A campaign's frame from (arm, role, segment, n, y) and, where told, ordered, spend, spend2 and cost."""
    full = [(*row[:5], row[4], row[4], *(row[5:9] if len(row) > 5 else (row[4], 0.0, 0.0, 0.0)), row[3]) for row in rows]
    return pd.DataFrame(full, columns=COLUMNS)


def result_of(frame, shown, prices=NO_PRICES, plausible=0.05):
    return learnt.tests(frame, shown=shown, plausible=plausible, prices=prices)


# Intervals and tests


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_is_newcombes_as_published(counts, low, high):
    # Newcombe 1998, Statistics in Medicine 17, table II, method 10
    assert uplift.newcombe(*counts) == pytest.approx((low, high), abs=5e-5)


def test_one_stratum_is_newcombes_interval_and_two_alike_are_narrower_by_the_root_of_two():
    one, two = uplift.stratified([(56, 70, 48, 80)]), uplift.stratified([(56, 70, 48, 80)] * 2)
    assert (one["low"], one["high"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert two["uplift"] == pytest.approx(0.2)
    assert (two["low"], two["high"]) == pytest.approx(uplift.newcombe(112, 140, 96, 160), abs=5e-4)  # of twice as many
    assert two["se"] == pytest.approx(one["se"] / math.sqrt(2))


def test_strata_weigh_by_their_customers_so_a_mix_that_differs_between_groups_misleads_nobody():
    # Within both strata contact does nothing; it went to the lively one more often. Taken together it would seem to raise by 8 points.
    found = uplift.stratified([(160, 800, 40, 200), (10, 200, 40, 800)])
    assert found["uplift"] == pytest.approx(0.0)
    assert uplift.difference((170, 1000, 80, 1000))["uplift"] == pytest.approx(0.09)


def test_a_stratum_without_one_of_the_groups_teaches_nothing():
    assert uplift.stratified([(56, 70, 48, 80), (5, 9, 0, 0)]) == uplift.stratified([(56, 70, 48, 80)])


def test_sparse_strata_together_hold_the_truth_in_930_to_975_of_1000_trials():
    # six strata of 270 contacted and 30 control, 3 % without contact; distances squared and added would hold it in 915 to 930
    draw, held = np.random.default_rng(3), {0.0: 0, 0.03: 0}
    for rise in held:
        for _ in range(1000):
            counts = zip(draw.binomial(270, 0.03 + rise, 6), draw.binomial(30, 0.03, 6), strict=True)
            found = uplift.stratified([(int(y1), 270, int(y0), 30) for y1, y0 in counts])
            held[rise] += found["low"] <= rise <= found["high"]
    assert all(930 <= n <= 975 for n in held.values()), held


def test_units_of_which_nobody_knows_how_far_they_lie_apart_by_hand():
    # two alike: each is the mean; what lies behind them is known less well than the half variance of a plain mean
    found = uplift.together([0.04, 0.04], [0.0004, 0.0004])
    assert [u["mean"] for u in found["units"]] == pytest.approx([0.04, 0.04]) and found["mean"] == pytest.approx(0.04)
    assert found["sd"] > math.sqrt(0.0002) and found["next_sd"] > found["sd"]
    assert math.sqrt(0.0002) < found["units"][0]["sd"] < 0.02
    # far apart beyond doubt: each keeps nearly all of its own figure and of its own variance
    apart = uplift.together([0.0, 1.0], [0.0004, 0.0004])["units"]
    assert [u["mean"] for u in apart] == pytest.approx([0.0, 1.0], abs=0.01) and apart[0]["sd"] == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("apart", [0.0, 0.01, 0.02, 0.03, 0.05])
def test_a_segments_rise_drawn_to_the_mean_holds_the_truth_however_far_segments_lie_apart(apart):
    # control groups of 200: standard errors of 1.5 to 2.5 points. An estimated spread holds the truth in 84 to 90 of 100.
    draw, held = np.random.default_rng(4), []
    for _ in range(500):
        se = draw.uniform(0.015, 0.025, 6)
        true = 0.02 + apart * draw.standard_normal(6)
        units = uplift.together(true + se * draw.standard_normal(6), se**2)["units"]
        held += [abs(t - u["mean"]) <= 1.96 * u["sd"] for t, u in zip(true, units, strict=True)]
    assert 0.90 <= np.mean(held) <= 0.995


def test_two_rates_are_compared_by_the_score_test_and_exactly_where_few_answers_are_expected():
    assert uplift.two_rates(56, 70, 48, 80) == pytest.approx(0.008045, abs=1e-6)
    # 3 of 3 against 0 of 3: one table of twenty is as extreme on either side
    assert uplift.two_rates(3, 3, 0, 3) == pytest.approx(2 / 20)
    assert uplift.two_rates(0, 50, 0, 50) == 1.0


def test_cochrans_q_by_hand():
    # Weights 2,500 each, mean .05: q = 2 × 2,500 × .0025 = 12.5; between² = 11.5 / (5,000 − 2,500) = .0046
    found = uplift.cochran([0.1, 0.0], [0.0004, 0.0004])
    assert (found["q"], found["df"], found["mean"]) == pytest.approx((12.5, 1, 0.05))
    assert found["between_sd"] == pytest.approx(math.sqrt(0.0046))
    assert uplift.cochran([0.05, 0.05], [0.0004, 0.0009])["between_sd"] == 0
    assert uplift.cochran([0.1], [0.1]) is None


def test_corrections_for_many_looks():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert uplift.bonferroni(5) == pytest.approx(0.99)
    assert uplift.quantile(0.95) == pytest.approx(1.959964, abs=1e-6)


def test_chi_square_of_counts():
    assert uplift.chi_square([[10, 20], [20, 10]])["q"] == pytest.approx(20 / 3)
    assert uplift.chi_square([[10, 20, 0], [20, 10, 0]])["df"] == 1
    assert uplift.chi_square([[10, 20]]) is None


# Published effects: the e-mail test of Kevin Hillstrom (2008), visits within two weeks, counted by e-mail and what was bought before

HILLSTROM = [
    ("men's", "contact", "women's only", 9568, 1592),
    ("men's", "contact", "men's only", 9558, 1615),
    ("men's", "contact", "both", 2181, 687),
    ("none", "control", "women's only", 9519, 912),
    ("none", "control", "men's only", 9638, 962),
    ("none", "control", "both", 2149, 388),
    ("women's", "contact", "women's only", 9647, 1638),
    ("women's", "contact", "men's only", 9622, 1067),
    ("women's", "contact", "both", 2118, 533),
]
BUYERS = ["women's only", "men's only", "both"]


def hillstrom(arm, *, by_segment=True):
    rows = [row for row in HILLSTROM if row[0] in (arm, "none")]
    return sums(*rows) if by_segment else sums(*((a, r, None, n, y) for a, r, _, n, y in rows))


@pytest.mark.parametrize(("arm", "rate", "effect", "se"), [("men's", 0.182757, 0.07659, 0.00339), ("women's", 0.151400, 0.04523, 0.00323)])
def test_hillstroms_effects_come_out_as_published(arm, rate, effect, se):
    found = result_of(hillstrom(arm, by_segment=False), [])[0]["pooled"]
    assert (found["rate"], found["base"]) == pytest.approx((rate, 0.106167), abs=1e-6)
    assert (found["uplift"], found["se"]) == pytest.approx((effect, se), abs=5e-6)
    assert result_of(hillstrom(arm), BUYERS)[0]["pooled"]["uplift"] == pytest.approx(effect, abs=2e-4)


def test_the_womens_email_moves_those_who_bought_womens_and_hardly_those_who_bought_mens():
    found = result_of(hillstrom("women's"), BUYERS)[0]
    women, men, _ = found["segments"]
    assert (women["uplift"], women["se"]) == pytest.approx((0.074, 0.0049), abs=5e-4)
    assert (men["uplift"], men["se"]) == pytest.approx((0.011, 0.0044), abs=5e-4)
    assert found["differ"]["q"] == pytest.approx(97, abs=0.5)
    assert found["differ"]["p"] < 1e-20
    assert women["verdict"] == "raises"


def test_two_versions_are_tested_together_apart_and_against_each_other():
    whole, men, women = result_of(sums(*HILLSTROM), BUYERS)
    assert (whole["arm"], men["arm"], women["arm"]) == (None, "men's", "women's")
    assert whole["pooled"]["n1"] == men["pooled"]["n1"] + women["pooled"]["n1"] == 42694
    apart = result_of(hillstrom("men's"), BUYERS)[0]["segments"][0]
    assert men["segments"][0]["low_all"] < apart["low_all"] < apart["low"]  # six looks, three, one
    between = learnt.between_versions(sums(*HILLSTROM))
    assert between["chi_square"]["df"] == 1
    assert between["pairs"][0]["uplift"] == pytest.approx(0.182757 - 0.151400, abs=5e-4)  # by segment
    assert learnt.between_versions(hillstrom("men's")) is None


# Known uplifts


def answers_of(people, seed):
    """Campaign, segment → (true uplift, contacted, answers, control, answers): only what campaigns need of the fictional company."""
    model = load(people=people, seed=seed)
    who = who_there_is(model, 0, people)
    bought = buying.order_days(model, who, buying.habits(model, who, 0), 0)
    _, may = records.consents(model, who, records.records(model, who, 0), 0)
    asked = buying.campaigns(model, who, bought, may, 0)
    segment, answered, found = who["segment"][asked["person"]], ~np.isnan(asked["answered"]), {}
    for number, (name, said) in enumerate(model.said["campaigns"].items()):
        for place, latent in enumerate(model.segments[:6]):
            rows = (asked["campaign"] == number) & (segment == place)
            one, other = rows & asked["test"], rows & ~asked["test"]
            found[name, latent] = (said["uplift"][latent], one.sum(), answered[one].sum(), other.sum(), answered[other].sum())
    return found


@pytest.mark.slow
def test_each_known_uplift_of_fait_maison_is_inside_its_interval_in_88_to_99_of_100_seeds():
    found = {seed: answers_of(1_500, seed) for seed in range(1, 101)}
    for key in found[1]:
        trials = {f"seed {seed}": counts[key] for seed, counts in found.items()}
        rows = [(*group, name, int(n), int(y)) for name, (_, n1, y1, n0, y0) in trials.items() for group, n, y in split(n1, y1, n0, y0)]
        lines = result_of(sums(*rows), list(trials))[0]["segments"]
        inside = sum(line["low"] <= trials[line["id"]][0] <= line["high"] for line in lines)
        assert (len(lines), 88 <= inside <= 99) == (100, True), (key, inside)


def split(n1, y1, n0, y0):
    return ((("test", "contact"), n1, y1), (("control", "control"), n0, y0))


def test_the_interval_holds_the_truth_in_930_to_975_of_1000_small_trials():
    draw, names = np.random.default_rng(6), [f"t{i}" for i in range(1000)]
    many = zip(names, draw.binomial(270, 0.06, 1000), draw.binomial(30, 0.03, 1000), strict=True)
    rows = [(*group, name, n, int(y)) for name, y1, y0 in many for group, n, y in split(270, y1, 30, y0)]
    lines = result_of(sums(*rows), names)[0]["segments"]
    assert 930 <= sum(line["low"] <= 0.03 <= line["high"] for line in lines) <= 975
    wald = [abs(line["uplift"] - 0.03) <= 1.96 * math.sqrt(_wald(line)) for line in lines]
    assert sum(wald) < 850  # which is why it is not Wald's


def _wald(line):
    return line["rate"] * (1 - line["rate"]) / line["n1"] + line["base"] * (1 - line["base"]) / line["n0"]


# From contacts to counts

CONTACTS = "customer_id campaign_id channel sent_at responded_at arm cost"


def contacts(*rows):
    return table("contacts", CONTACTS, *rows)


SENT = [
    ("a", "may", "mail", "05-01", "05-31", "Test", 1),  # answered on the 30th day after: too late
    ("b", "may", "mail", "05-01", "05-30 23:00", "test ", 1),
    ("c", "may", "mail", "05-01", "04-30", "test", 1),  # answered before
    ("d", "may", "mail", "05-01", "05-01", "Témoin", 0),
    ("e", "may", "mail", "05-01", None, "control", 0),
    ("f", "may", "mail", "05-01", None, "control", 0),
    ("f", "may", "mail", "05-01", "05-02", "test", 1),  # two records of one person
    ("g", "may", "mail", "05-01", "05-02", None, 1),
    (None, "may", "mail", "05-01", None, "test", 1),
    ("h", "late", "mail", "09-15", None, "test", 1),
    ("i", "may", "mail", "05-01", "05-04", "Universal", 0),
]


def test_groups_answers_and_faults_of_contacts_by_hand():
    rows = tallies.trials(contacts(*SENT)).filter(ibis._.campaign_id == "may").select("customer_id", "role", "answered", "two_arms")
    same(
        rows,
        {
            "customer_id": ["a", "b", "c", "d", "e", "f", "g", "i"],
            "role": ["contact", "contact", "contact", "control", "control", "control", None, "held out"],
            "answered": [0, 1, 0, 1, 0, 1, 1, 1],
            "two_arms": [False, False, False, False, False, True, False, False],
        },
    )


def test_what_is_set_aside_is_counted():
    mailed = contacts(*SENT)
    found = tallies.set_aside(mailed, tallies.trials(mailed), as_of=AS_OF)
    assert found == {"nobody": 1, "no arm": 1, "two arms": 1, "too late to tell": 1, "early": 1, "crossed": 0}


def test_what_customers_spent_is_counted_from_the_sending_to_thirty_days_later():
    bought = [("1", "04-30", 9), ("2", "05-01", 20), ("3", "05-30", -5), ("4", "05-31", 90)]
    bought = orders(*(("a", *one) for one in bought), ("d", "5", "05-09", -3))
    rows = tallies.counted(tallies.followed(tallies.trials(contacts(*SENT)), bought), as_of=AS_OF)
    labels = ibis.memtable(pd.DataFrame({"customer_id": ["a", "b", "d"], "segment": ["S1", "S1", "S1"]}))
    frame = tallies.tally(rows, labels).drop(columns=["campaign_id", "cost", "costed"])
    wanted = {
        "arm": ["control", "test", "test", "témoin", "universal"],
        "role": ["control", "contact", "contact", "control", "held out"],
        "segment": [None, "S1", None, "S1", None],
        "n": [1, 2, 1, 1, 1],
        "answered": [0, 1, 0, 1, 1],
        "ordered": [0, 1, 0, 0, 0],
        "both": [0, 0, 0, 0, 0],
        "spend": [0.0, 15.0, 0.0, -3.0, 0.0],
        "spend2": [0.0, 225.0, 0.0, 9.0, 0.0],
    }
    key = ["arm", "segment"]
    found = frame.assign(segment=frame["segment"].fillna("")).sort_values(key, ignore_index=True)
    expected = pd.DataFrame(wanted).fillna({"segment": ""}).sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_a_list_of_an_earlier_run_tells_the_groups_that_contacts_do_not():
    drawn = pd.DataFrame({"customer_id": list("pqrst"), "arm": ["contact", "contact", "control", "control", "held out"]})
    drawn["version"] = ["a", "b", None, None, None]
    sent = table("contacts", "customer_id campaign_id sent_at responded_at", *((c, "june", "06-01", "06-09") for c in "pqrz"))
    rows = tallies.trials(sent, listed={"june": ibis.memtable(drawn)}).select(
        "customer_id", "arm", "role", "recorded", "crossed", "answered"
    )
    same(
        rows,
        {
            "customer_id": ["p", "q", "r", "s", "z"],
            "arm": ["a", "b", "control", "control", None],
            "role": ["contact", "contact", "control", "control", None],  # r was contacted all the same: it stays where the lot put it
            "recorded": [True, True, True, False, True],
            "crossed": [False, False, True, False, False],
            "answered": [1, 1, 1, 0, 1],
        },
    )


def test_a_list_adds_nobody_where_contacts_tell_the_control_group_themselves():
    drawn = pd.DataFrame({"customer_id": list("pqr"), "arm": ["contact", "control", "control"]})
    sent = table("contacts", "customer_id campaign_id sent_at arm", ("p", "june", "06-01", "contact"), ("q", "june", "06-01", "control"))
    rows = tallies.trials(sent, listed={"june": ibis.memtable(drawn)}).select("customer_id", "role", "recorded")
    same(rows, {"customer_id": ["p", "q"], "role": ["contact", "control"], "recorded": [True, True]})


# Whole campaigns


def crowd(campaign, role, n, answered, *, sent="06-05", prefix="c"):
    arm = {"contact": "test", "control": "control"}.get(role, role)
    return [
        (f"{prefix}{role}{i}", campaign, "mail", sent, "06-07" if i < answered else None, arm, 1 if role == "contact" else 0)
        for i in range(n)
    ]


def step_of(*, earlier=(), gives=True, min_cell=10, **sections):
    """A step whose customers all are in S1 or S2 by spend, measured on 1 June."""
    plan = project(tables=("orders", "contacts"), min_cell=min_cell, target={"margin_rate": 0.5, "campaign": "next"} | sections)
    return SimpleNamespace(
        project=plan, as_of=AS_OF, gives=lambda *_: gives, earlier=lambda name: [one[name] for one in earlier], windows=None
    )


@pytest.fixture
def at_hand(monkeypatch):
    """Segments known from 1 June: customers whose number is even are S1."""

    def known(step, bought):
        frame = pd.DataFrame({"customer_id": [f"c{r}{i}" for r in ("contact", "control") for i in range(400)]})
        number = frame["customer_id"].str.extract(r"(\d+)$")[0].astype(int)
        frame = frame.assign(segment=np.where(number % 2, "S2", "S1"), visits=(number % 7).astype(float))
        return [(datetime(2017, 6, 1), ibis.memtable(frame[["customer_id", "visits"]]), ibis.memtable(frame[["customer_id", "segment"]]))]

    monkeypatch.setattr(sys.modules["helpers.target.outcomes"], "known_before", known)


PROFILES = {"customers": 800, "segments": [{"id": "S1", "name": "Ones", "n": 400}, {"id": "S2", "name": "Twos", "n": 400}]}
NO_ORDERS = orders(("x", "1", "06-01", 5))


def learnt_from(*rows, step=None, bought=NO_ORDERS):
    return target.outcomes(step or step_of(), {"contacts": contacts(*rows), "orders": bought}, PROFILES)


def test_a_campaign_with_two_groups_is_measured_by_the_segments_of_the_day_before(at_hand):
    found = learnt_from(*crowd("june", "contact", 200, 60), *crowd("june", "control", 100, 10))
    (one,) = found["campaigns"]
    assert (one["status"], one["built_at"], one["outcome"], one["planned"]) == ("measured", datetime(2017, 6, 1), "answer", False)
    lines = one["tests"][0]["segments"]
    assert [(s["id"], s["n1"], s["y1"], s["n0"], s["y0"]) for s in lines] == [("S1", 100, 30, 50, 5), ("S2", 100, 30, 50, 5)]
    assert one["tests"][0]["pooled"]["uplift"] == pytest.approx(0.2)
    assert one["balance"]["verdict"] == "by lot"


def test_segments_built_after_the_sending_are_not_used(at_hand):
    rows = [*crowd("may", "contact", 200, 60, sent="05-05"), *crowd("may", "control", 100, 10, sent="05-05")]
    (one,) = learnt_from(*rows)["campaigns"]
    assert (one["status"], one["built_at"], one["tests"][0]["segments"]) == ("measured", None, [])
    assert "whole" not in outcomes_page.lessons({"campaigns": [one], "set_aside": {}, "response_days": 30}, PROFILES)[0]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (crowd("june", "contact", 50, 5), "no control"),
        (crowd("june", "control", 50, 5), "nobody contacted"),
        ([(*row[:5], None, 0) for row in crowd("june", "contact", 50, 5)], "no arms"),
        (crowd("june", "contact", 50, 5, sent="09-20") + crowd("june", "control", 50, 5, sent="09-20"), "too early"),
        (crowd("june", "contact", 50, 5) + crowd("june", "control", 9, 2), "too few"),
    ],
)
def test_a_campaign_that_teaches_nothing_says_why(at_hand, rows, status):
    found = learnt_from(*rows)
    (one,) = found["campaigns"]
    assert (one["status"], one["tests"]) == (status, [])
    assert tables.payload(outcomes_page.campaigns_table(found))["rows"][0][0] == "1 campaign: june"
    assert outcomes_page.uplift_words(found, PROFILES)["title"]
    assert target.uplifts(found) == {}


def test_nothing_is_told_of_fewer_than_min_cell_nor_of_the_segment_that_would_give_them_away(at_hand):
    ones = [row for row in crowd("june", "control", 100, 10) if int(row[0].removeprefix("ccontrol")) % 2 or row[0] < "ccontrol2"]
    found = learnt_from(*crowd("june", "contact", 200, 60), *ones, step=step_of(min_cell=10))
    n0 = {s["id"]: s["n0"] for s in found["campaigns"][0]["tests"][0]["segments"]}
    assert n0 == {}  # S1 has 6 in control: neither it nor S2, which would follow from the total
    assert all(arm["n"] is None or arm["n"] >= 10 for arm in found["campaigns"][0]["arms"])


def test_without_contacts_there_is_nothing_and_it_is_said(at_hand):
    found = target.outcomes(step_of(), {"orders": NO_ORDERS}, PROFILES)
    assert (found["reason"], found["campaigns"]) == ("no contacts", [])
    assert "hold no earlier campaign" in outcomes_page.lessons(found, PROFILES)[0]


def test_a_control_group_that_contacts_do_not_know_is_judged_by_orders(at_hand):
    who = [(f"c{role}{i}", role) for role in ("contact", "control") for i in range(100)]
    drawn = pd.DataFrame(who, columns=["customer_id", "arm"])
    buyers = [f"ccontact{i}" for i in range(30)] + [f"ccontrol{i}" for i in range(12)]
    bought = orders(*((one, f"o{one}", "06-08", 10) for one in buyers))
    rows = [(*row[:5], None, 1) for row in crowd("june", "contact", 100, 50)]
    step = step_of(earlier=[{"plan": {"campaign": "june"}, "contacts": ibis.memtable(drawn)}])
    (one,) = learnt_from(*rows, step=step, bought=bought)["campaigns"]
    assert (one["status"], one["planned"], one["outcome"], one["unrecorded"]) == ("measured", True, "order", 100)
    assert one["tests"][0]["pooled"]["uplift"] == pytest.approx(0.18)


def test_a_control_group_that_could_not_answer_is_no_proof(at_hand):
    found = learnt_from(*crowd("june", "contact", 200, 60), *crowd("june", "control", 100, 0))
    assert found["campaigns"][0]["silent_control"]
    assert "could not answer" in outcomes_page.lessons(found, PROFILES)[0]
    some = learnt_from(*crowd("june", "contact", 200, 8), *crowd("june", "control", 100, 0))
    assert not some["campaigns"][0]["silent_control"]  # four expected: none may come by chance


def test_the_pages_of_a_measured_campaign_tell_what_the_figures_tell(at_hand):
    found = learnt_from(*crowd("june", "contact", 200, 60), *crowd("june", "control", 100, 10))
    text = outcomes_page.lessons(found, PROFILES)[0]
    # two segments alike, of 30/100 against 5/50 each: Newcombe's interval of 60/200 against 10/100
    assert uplift.newcombe(60, 200, 10, 100) == pytest.approx((0.1050, 0.2800), abs=5e-4)
    assert "“june”: +20.0 (10.5 to 28.0) points among all contacted." in text
    assert "It raised answers among Ones and Twos." in text
    assert outcomes_page.uplift_words(found, PROFILES)["title"] == "“june” changed answers by +20.0 points among all contacted"
    rows = tables.payload(outcomes_page.uplift_table(found, PROFILES))["rows"]
    assert [row[2] for row in rows] == ["Ones", "Twos"]
    assert tables.payload(outcomes_page.money_table(found))["rows"][0][2] == 200  # a contact cost 1
    assert tables.payload(outcomes_page.balance_table(found, step_of().project))["rows"][0][-1] == "as a draw by lot would make them"


def test_two_versions_are_compared_in_words(at_hand):
    def rows(better):
        one = [(*row[:5], "a", 1) for row in crowd("june", "contact", 100, better)]
        two = [(*row[:5], "b", 1) for row in crowd("june", "contact", 200, 110)][100:]
        return [*one, *two, *crowd("june", "control", 100, 10)]

    # a: 40 of 100; b: customers 100 to 199, of whom 100 to 109 answered: 10 of 100
    found = learnt_from(*rows(40))
    assert "Versions differ, in points: “a” over “b” by 30.0." in outcomes_page.lessons(found, PROFILES)[0]
    assert [test["arm"] for test in found["campaigns"][0]["tests"]] == [None, "a", "b"]
    assert "versions differ cannot be shown" in outcomes_page.lessons(learnt_from(*rows(11)), PROFILES)[0]


def test_segments_of_the_day_before_are_the_published_ones_on_what_was_measured_then(monkeypatch):
    room, asked = sys.modules["helpers.target.outcomes"], []
    monkeypatch.setattr(room, "customers", lambda step, name: name)
    monkeypatch.setattr(room, "apply", lambda document, customers: asked.append((document, customers)) or customers)
    windows = {name: SimpleNamespace(built_at=day) for name, day in (("confirm", 2), ("select", 1))}
    step = SimpleNamespace(take=lambda room, name: name, gives=lambda *_: True, windows=lambda _: windows)
    assert room.known_before(step, None) == [(2, "variables_confirm", "confirm"), (1, "variables_select", "select")]
    assert asked == [("segmentation", "confirm"), ("segmentation", "select")]


def test_a_difference_counts_only_after_correction_for_all_segments_and_where_it_does_not_the_size_of_the_test_is_told():
    rows = [(*group, name, n, y) for name in ("S1", "S2") for group, n, y in split(200, 44, 100, 12)]
    for line in result_of(sums(*rows), ["S1", "S2"])[0]["segments"]:
        assert line["p"] < 0.05 < line["p_holm"] == pytest.approx(2 * line["p"])
        assert line["verdict"] == "too small"  # a rise of 5 points over 12 % takes more than 300 customers
    assert {line["verdict"] for line in result_of(sums(*rows), ["S1", "S2"], plausible=0.2)[0]["segments"]} == {"no sign"}
    assert result_of(sums(*rows), ["S1"])[0]["segments"][0]["verdict"] == "raises"


# Money, balance, and what to expect


def test_net_profit_by_hand():
    # 100 contacted spent 600 (6 each), 50 control 200 (4 each): 2 more each × 100 × .5 = 100, less 30 for contacts: 70.
    # Squares 4,600 and 1,000: variances of means (4,600 − 3,600)/99/100 = .10101 and (1,000 − 800)/49/50 = .081633; its root × 50 × 1.96
    frame = sums(("test", "contact", "S1", 100, 20, 25, 600.0, 4600.0, 30.0), ("control", "control", "S1", 50, 5, 8, 200.0, 1000.0, 0.0))
    found = result_of(frame, ["S1"], {"margin_rate": 0.5, "contact": None, "offers": None})[0]["money"]
    assert (found["contacted"], found["cost"], found["profit"], found["reason"]) == (100, 30, 70, None)
    assert found["high"] - found["profit"] == pytest.approx(1.959964 * 50 * math.sqrt(0.101010 + 0.081633), rel=1e-5)
    # From answers: 20 % − 10 % = 10 more orders × (800 / 33) × .5 − 30
    assert found["answers"]["profit"] == pytest.approx(10 * 800 / 33 * 0.5 - 30)


def test_answers_that_are_no_orders_are_not_turned_into_money():
    # Of the visits that Hillstrom's e-mails brought, one in fifteen ended with an order
    frame = sums(("test", "contact", "S1", 100, 20, 25, 600.0, 4600.0, 30.0), ("control", "control", "S1", 50, 5, 8, 200.0, 1000.0, 0.0))
    prices = {"margin_rate": 0.5, "contact": None, "offers": None}
    assert result_of(frame.assign(both=[17, 5]), ["S1"], prices)[0]["money"]["answers"] is None  # 22 of 25
    assert result_of(frame.assign(both=[18, 5]), ["S1"], prices)[0]["money"]["answers"]  # 23 of 25


def test_a_redeemed_offer_whose_cost_is_typed_is_paid_for():
    frame = sums(("test", "contact", "S1", 100, 20, 25, 600.0, 4600.0, 30.0), ("control", "control", "S1", 50, 5, 8, 200.0, 1000.0, 0.0))
    found = result_of(frame, ["S1"], {"margin_rate": 0.5, "contact": None, "offers": {"S1": 2.0}})[0]["money"]
    assert (found["cost"], found["profit"]) == (70, 30)


def test_without_margin_or_cost_there_is_no_profit_and_the_reason_is_told():
    frame = sums(("test", "contact", "S1", 100, 20), ("control", "control", "S1", 50, 5))
    assert result_of(frame, ["S1"])[0]["money"]["reason"] == "no margin"
    prices = {"margin_rate": 0.5, "contact": None, "offers": None}
    assert result_of(frame.assign(costed=0), ["S1"], prices)[0]["money"]["reason"] == "no cost"
    assert result_of(frame.assign(costed=0), ["S1"], prices | {"contact": 0.25})[0]["money"]["cost"] == 25


def before(*rows):
    return pd.DataFrame(rows, columns=["variable", "role", "n", "mean", "var"])


def test_balance_is_the_difference_in_standard_deviations_and_lots_may_differ_by_chance():
    frame = sums(("test", "contact", "S1", 200, 20), ("control", "control", "S1", 100, 5))
    alike = before(("spend", "contact", 200, 10.0, 4.0), ("spend", "control", 100, 10.3, 4.0))
    found = learnt.balance(alike, frame, least=10)
    # .3 / 2 = .15 standard deviations; p of .3 / √(4/200 + 4/100) = 1.225 is .22: a draw by lot does that
    assert found["worst"]["difference"] == pytest.approx(-0.15)
    assert (found["unlike"], found["verdict"], found["segments"]) == (1, "by lot", None)
    assert found["by_chance"] == pytest.approx(1.96 * math.sqrt(1 / 200 + 1 / 100), abs=1e-4)
    odd = learnt.balance(alike.assign(mean=[10.0, 11.0]), frame, least=10)
    assert odd["verdict"] == "not by lot"


def test_a_control_group_of_another_size_than_was_drawn_is_no_lot():
    frame = sums(("test", "contact", "S1", 900, 20), ("control", "control", "S1", 100, 5))
    none = before()
    assert learnt.balance(none, frame, least=10, control_share=0.3)["verdict"] == "not by lot"
    assert learnt.balance(none, frame, least=10, control_share=0.1)["verdict"] == "by lot"
    assert learnt.balance(none, frame, least=10)["verdict"] == "cannot tell"


def test_segments_with_one_group_only_join_those_in_none():
    rows = [("contact", "S1", 50, 5), ("control", "S2", 40, 2), ("contact", "S3", 30, 3), ("control", "S3", 30, 3)]
    frame = sums(*((role, role, *rest) for role, *rest in rows))
    assert {s: learnt.counts(both) for s, both in learnt.parts(frame).items()} == {"": (5, 50, 2, 40), "S3": (3, 30, 3, 30)}


def test_the_next_uplift_is_drawn_to_the_mean_as_far_as_segments_do_not_differ():
    def line(one, value, se):
        return {"id": one, "uplift": value, "se": se, "n1": 100, "n0": 50, "y0": 5}

    def campaign(values, channel="mail", **more):
        test = {"segments": [line(f"S{i}", value, 0.02) for i, value in enumerate(values)]}
        return {"status": "measured", "channel": channel, "id": "june", "tests": [test]} | more

    near, far = campaign([0.03, 0.04, 0.05]), campaign([0.0, 0.04, 0.3])
    alike = target.uplifts({"campaigns": [near]})
    assert 0.03 < alike["S0"]["uplift"] < 0.04 < alike["S2"]["uplift"] < 0.05 and not alike["S0"]["own"]
    assert alike["S1"]["uplift"] == pytest.approx(0.04) and 0.02 / math.sqrt(3) < alike["S1"]["se"] < 0.02
    own = target.uplifts({"campaigns": [far]})["S2"]
    assert own["own"] and own["uplift"] > 0.29 and own["base"] == 0.1
    assert target.uplifts({"campaigns": [near]}, channel="email") == {}
    twice = target.uplifts({"campaigns": [near, near]}, channel="Mail ")["S1"]
    assert twice["n"] == 300 and twice["uplift"] == pytest.approx(0.04) and twice["next_sd"] > alike["S1"]["next_sd"] / math.sqrt(2)
    # a control group that could not answer: the rise is the rate of answers, and no rise
    assert target.uplifts({"campaigns": [campaign([0.1, 0.2], silent_control=True)]}) == {}
    assert target.uplifts({"campaigns": [campaign([0.1])]})["S0"]["se"] == 0.02


def test_an_answer_counts_up_to_thirty_days_and_a_campaign_is_judged_from_then_on():
    late = AS_OF - timedelta(days=30)
    sent = contacts(("a", "x", "mail", late.strftime("%m-%d"), None, "test", 1), ("b", "x", "mail", "09-02", None, "test", 1))
    assert int(tallies.counted(tallies.trials(sent), as_of=AS_OF).count().execute()) == 1
