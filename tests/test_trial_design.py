"""The test that goes with a campaign: what it can show, the control share that shows most, how long it takes, and when it is hopeless."""

import pytest
from by_hand import project

from helpers import scope, tables, target
from helpers.target import payoff, trial, trial_page, uplift

pytestmark = pytest.mark.usefixtures("in_english")


def plan_of(*segments):
    return {"segments": list(segments)}


def segment(one, contacted, control, response=0.1, offer="a booklet"):
    answered = None if response is None else {"value": response, "n": 500, "mailings": 500}
    return {"id": one, "name": one, "colour": None, "offer": offer, "contacted": contacted, "control": control, "response": answered}


def arms(contact, control, held_out=0):
    return {"contact": contact, "control": control, "held out": held_out}


def typed(**fields):
    plan = {"campaign": "winter", "control_share": 0.3} | fields
    return project(tables=("orders", "contacts"), target=plan, scope={"criteria": {"interesting_uplift": 0.05}}, min_cell=10)


def designed(plan, drawn, measured=None, **fields):
    return target.design(plan, drawn, typed(**fields), measured)


def test_one_look_is_the_smallest_rise_of_the_scope_and_more_looks_need_more():
    for base, arm, other in ((0.1, 400, 400), (0.03, 270, 30), (0.4, 50, 500)):
        assert uplift.smallest_visible(base, arm, other) == pytest.approx(scope.smallest_rise(base, arm, other), abs=1e-6)
    assert uplift.smallest_visible(0.1, 400, 400, looks=3) > uplift.smallest_visible(0.1, 400, 400)
    assert uplift.smallest_visible(0.1, 0, 400) is None


def test_a_published_sample_size_is_found_again():
    # 10 % against 15 % at 5 % and 80 %: 686 in each group (Fleiss, Levin & Paik 2003, without correction for continuity)
    assert uplift.smallest_visible(0.10, 686, 686) == pytest.approx(0.05, abs=1e-4)


def test_the_control_share_that_shows_most_is_near_one_half_and_shows_more_than_the_typed_one():
    found = trial.size(0.1, 700, 300, plausible=0.05, wait=30)
    assert 0.45 <= found["best_share"] <= 0.55
    assert found["at_best"] < found["smallest"]
    assert all(found["at_best"] <= scope.smallest_rise(0.1, 1000 * (1 - c), 1000 * c) for c in (0.1, 0.3, 0.5, 0.7, 0.9))


def test_the_smallest_control_share_that_will_do_is_just_enough():
    found = trial.size(0.1, 3500, 1500, plausible=0.05, wait=30)
    share = found["least_share"]
    assert 0 < share < 0.3
    assert scope.smallest_rise(0.1, 5000 * (1 - share), 5000 * share) <= 0.05
    assert scope.smallest_rise(0.1, 5000 * (1.01 - share), 5000 * (share - 0.01)) > 0.05
    assert trial.size(0.1, 350, 150, plausible=0.05, wait=30)["least_share"] is None


def test_one_campaign_is_known_after_thirty_days_and_four_after_three_waits_more():
    large, small = (trial.size(0.1, 7 * n, 3 * n, plausible=0.05, wait=40) for n in (500, 60))
    assert (large["campaigns"], large["days"]) == (1, 30)
    n = small["campaigns"]
    assert scope.smallest_rise(0.1, 420 * n, 180 * n) <= 0.05 < scope.smallest_rise(0.1, 420 * (n - 1), 180 * (n - 1))
    assert small["days"] == (n - 1) * 40 + 30
    hopeless = trial.size(0.1, 21, 9, plausible=0.05, wait=40)
    assert (hopeless["campaigns"], hopeless["days"]) == (None, None)


@pytest.mark.parametrize(("at_most", "within", "days"), [(4, 30, 30), (1, 60, 60), (0, 90, 90)])
def test_campaigns_of_one_test_wait_for_the_answers_and_for_the_cap(at_most, within, days):
    assert trial.wait_days(typed(cap={"at_most": at_most, "within_days": within})) == days


def test_each_segment_is_learnt_from_in_the_way_that_its_size_allows():
    sizes = {"S1": (3500, 1500), "S2": (350, 150), "S3": (14, 12)}
    plan = plan_of(*(segment(one, *n) for one, n in sizes.items()), segment("S4", 300, 200, response=None))
    found = designed(plan, {one: arms(*n) for one, n in (sizes | {"S4": (300, 200)}).items()})
    assert [line["verdict"] for line in found["segments"]] == ["alone", "together", "together", "cannot tell"]
    assert found["pooled"]["n"] == 5526
    alone = designed(plan_of(segment("S2", 350, 150)), {"S2": arms(350, 150)})["segments"][0]
    assert alone["verdict"] == "again"
    assert designed(plan_of(segment("S3", 14, 12)), {"S3": arms(14, 12)})["segments"][0]["verdict"] == "bolder"


def test_what_may_not_be_told_of_a_segment_is_not_sized():
    plan = plan_of(segment("S1", None, None), segment("S2", 300, 14))
    found = designed(plan, {"S1": arms(300, 100), "S2": arms(300, 9, 5)})
    assert [line["n"] for line in found["segments"]] == [None, None]
    assert found["pooled"] is None
    assert "cannot be told" in trial_page.design_words(found, plan)


def test_the_base_is_what_control_groups_did_where_that_is_known():
    plan, drawn = plan_of(segment("S1", 700, 300, response=0.2)), {"S1": arms(700, 300)}
    line = designed(plan, drawn)["segments"][0]
    assert (line["base"], line["base_from"]) == (0.2, "answers")
    line = designed(plan, drawn, {"S1": {"base": 0.06}})["segments"][0]
    assert (line["base"], line["base_from"]) == (0.06, "control")


def test_versions_are_told_apart_after_correction_for_all_pairs():
    versions = {name: {"share": share} for name, share in (("a", 0.5), ("b", 0.25), ("c", 0.25))}
    found = designed(plan_of(segment("S1", 2000, 1000)), {"S1": arms(2000, 1000)}, versions=versions)
    assert (found["versions"]["many"], found["versions"]["pairs"]) == (3, 3)
    assert found["versions"]["smallest"] == pytest.approx(uplift.smallest_visible(0.1, 500, 500, looks=3))
    assert designed(plan_of(segment("S1", 2000, 1000)), {"S1": arms(2000, 1000)})["versions"] is None


def test_the_control_of_all_campaigns_is_sized_when_it_is_large_enough_to_be_told():
    plan = plan_of(segment("S1", 2000, 1060))
    found = designed(plan, {"S1": arms(2000, 1000, 60)})
    assert found["universal"] == {"n": 60, "smallest": scope.smallest_rise(0.1, 2000, 60)}
    assert designed(plan, {"S1": arms(2000, 1000, 9)})["universal"] is None


def test_the_page_says_what_share_will_do_and_what_to_change():
    plan = plan_of(segment("S1", 3500, 1500), segment("S2", 350, 150))
    found = designed(plan, {"S1": arms(3500, 1500), "S2": arms(350, 150)})
    said = trial_page.design_words(found, plan)
    assert "Of 2 segments that can be judged, 1 can be learnt from alone." in said
    assert f"{round(found['pooled']['least_share'] * 100)}% as control would do; 30% are typed" in said
    rows = tables.payload(trial_page.design_table(found, plan))["rows"]
    assert [(row[0], row[-1]) for row in rows] == [("S1", "learn from it alone"), ("S2", "learn from all together"), ("All together", "")]
    few = designed(plan, {"S1": arms(300, 15), "S2": arms(60, 15)}, control_share=0.05)
    assert "no control share would show" in trial_page.design_words(few, plan)


def test_a_plan_without_offers_has_no_test():
    found = designed(plan_of(segment("S1", 0, 0, offer=None)), {})
    assert (found["pooled"], found["universal"], found["versions"]) == (None, None, None)
    assert tables.payload(trial_page.design_table(found, plan_of(segment("S1", 0, 0, offer=None))))["rows"] == []


def test_the_plan_tells_the_figures_of_the_design_so_that_a_page_has_one_of_each():
    plan = plan_of(segment("S1", 1400, 600, response=0.2)) | {"pooled": {"smallest_effect": 1, "segments": ["S1"]}, "answers_since": None}
    found = designed(plan, {"S1": arms(1400, 600)}, {"S1": {"base": 0.06}})
    told = target.applied(plan, found)
    line = told["segments"][0]
    assert line["smallest_effect"] == told["pooled"]["smallest_effect"] == scope.smallest_rise(0.06, 1400, 600)
    assert line["smallest_at_half"] == scope.smallest_rise(0.06, 1000, 1000)
    assert (line["learns"], told["base_from"], told["pooled"]["segments"]) == (True, "control", ["S1"])
    assert plan["pooled"]["smallest_effect"] == 1  # the plan given is left as it was
    assert "control groups of earlier campaigns" in payoff.effects_words(told | {"plausible": 0.05})["source"]
