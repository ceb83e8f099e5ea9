"""Step 9: did it work: objectives against targets, campaigns, use and feedback, and what rests on the segments and holds no longer."""

import json
from datetime import datetime
from functools import cache
from types import SimpleNamespace

import pandas as pd
import pytest
from by_hand import Step, orders, project, table

from helpers import tables
from helpers.adopt import personas
from helpers.objectives import as_document, assess
from helpers.project import Objective
from helpers.reevaluate import worked
from helpers.reevaluate.worked import page
from helpers.reevaluate.worked.objectives import stands as stand
from helpers.run import Past

pytestmark = pytest.mark.usefixtures("in_english")

NOW, THEN = datetime(2018, 1, 1), datetime(2017, 10, 1)
NAMED = {"S1": "Loyal", "S2": "Rare"}
# Windows of 90 days: 3 July to 1 October, and 3 October to 1 January.
BOUGHT = [
    *(("a", "a0", "06-01", 1.0), ("b", "b0", "06-01", 1.0), ("c", "c0", "06-01", 1.0)),
    *(("a", "a1", "08-01", 30.0), ("b", "b1", "08-01", 60.0), ("c", "c1", "08-01", 90.0)),
    *(("c", "c2", "11-01", 120.0), ("a", "a2", "11-01", 60.0), ("b", "b2", "11-01", 90.0)),
    ("d", "d1", "09-01", 0.0),  # new in the first window, known in the second: spends nothing there
]


class Room:
    """A step 9 of typed rows: sources, what earlier steps gave, and what was approved."""

    def __init__(self, plan, *, sources=None, given=None, approved=None, as_of=NOW):
        self.project, self.as_of, self.sources = plan, as_of, sources or {}
        self.given, self.approved = given or {}, approved
        self.engine = SimpleNamespace(has=lambda name: name in self.sources)

    def source(self, name):
        return self.sources[name]

    def take(self, step, name):
        return self.given[step, name]

    def gives(self, step, name):
        return (step, name) in self.given


def past(tmp_path, **given):
    """A complete run of 2017-10-01 that gave these documents: adopt_personas → 07_adopt/personas.json."""
    base = tmp_path / "runs" / "2017-10-01" / "0001"
    base.mkdir(parents=True)
    (base / "run.json").write_text(json.dumps({"as_of": "2017-10-01T00:00:00"}), encoding="utf-8")
    folders = {"objectives": "01_objectives", "build": "06_build", "adopt": "07_adopt", "target": "08_target"}
    for name, content in given.items():
        step, _, document = name.partition("_")
        (base / folders[step]).mkdir(exist_ok=True)
        (base / folders[step] / f"{document}.json").write_text(json.dumps(content), encoding="utf-8")
    return Past(base)


def approved(before=None):
    return SimpleNamespace(run="2017-10-01/0001", as_of=THEN, past=before)


@cache
def of_revenue(target, by_when, *, before=None, since=THEN):
    """The only objective of a project: revenue per customer."""
    main = {"name": "Earn", "kind": "revenue", "metric": "revenue_per_customer", "target": target, "by_when": by_when, "owner": "CRM"}
    plan = project(objectives={"main": main}, min_cell=2, scope={"window_days": 90, "horizon_days": 90})
    known = orders(*BOUGHT)
    given = {("objectives", "objectives"): as_document(assess(plan, known, None, as_of=NOW))}
    room = Room(plan, sources={"orders": known}, given=given)
    return worked.reached(room, since, before)[0]


# ---- objectives


def test_an_objective_is_set_against_its_baseline_on_one_state_of_the_data_with_the_same_customers_paired():
    found = of_revenue(25.0, "2018-03-01")
    # (30 + 60 + 90) / 3 customers and (60 + 90 + 120 + 0) / 4, of 90 days each, per 30 days; without the newcomer 90 / 3
    assert (found["baseline"]["value"], found["baseline"]["customers"]) == (20.0, 3)
    assert (found["today"]["value"], found["today"]["customers"]) == (22.5, 4)
    assert found["change"]["value"] == 2.5
    assert found["same"] == {"value": 10.0, "low": 10.0, "high": 10.0}  # each of the three spent 30 more in 90 days: no doubt is left
    assert found["judged"] == found["today"] and not found["due"] and found["state"] == "not told"


def stands(target, by_when, **given):
    """Pace and state of an objective that stood at 20 on 1 October and stands at 22.5 (21 to 24), 2.5 (1 to 4) more, on 1 January."""
    one = Objective(name="Earn", kind="revenue", metric="revenue_per_customer", target=target, by_when=by_when)
    line = {"judged": {"value": 22.5, "low": 21.0, "high": 24.0}, "change": {"value": 2.5, "low": 1.0, "high": 4.0}}
    line |= {"baseline": {"value": 20.0}, "due": by_when is not None and by_when <= "2018-01-01"}
    return stand(one, line | given, as_of=NOW, since=THEN)


def test_the_pace_is_arithmetic_of_days():
    found = stands(25.0, "2018-04-03")["pace"]  # 92 of 184 days are gone: half of the way from 20 to 25 is asked for
    assert found == {"elapsed": 0.5, "needed": 2.5, "gained": 2.5, "low": 1.0, "high": 4.0, "projected": 25.0}


@pytest.mark.parametrize(
    ("target", "by_when", "state"),
    [
        (None, "2018-04-03", "no target"),
        (25.0, None, "no target"),
        (24.5, "2018-01-01", "missed"),  # due on the day of as_of: all of 21 to 24 lies below
        (24.0, "2018-01-01", "not told"),  # on the border
        (21.0, "2018-01-01", "reached"),
        (21.0, "2018-04-03", "reached"),  # before its day
        (22.0, "2018-04-03", "on the way"),  # 1 is asked for by now, and 1 to 4 were gained
        (25.0, "2018-04-03", "not told"),
        (29.0, "2018-04-03", "behind"),  # 4.5 is asked for
        (29.0, "2017-10-01", "past"),  # due on the day from which the segments were in use: it judges nothing
    ],
)
def test_an_objective_is_reached_missed_or_behind_only_when_all_of_its_interval_is_on_one_side(target, by_when, state):
    assert stands(target, by_when)["state"] == state


def test_an_objective_that_rests_on_the_rows_of_the_baseline_alone_is_not_missed():
    unmoved = dict.fromkeys(("value", "low", "high"), 0.0)  # of mailings, for instance, where nobody was mailed since
    assert stands(29.0, "2018-01-01", change=unmoved)["state"] == stands(29.0, "2018-04-03", change=unmoved)["state"] == "nothing new"


def test_a_window_that_began_before_the_segments_were_in_use_is_said():
    found = of_revenue(25.0, "2018-03-01")
    assert (found["days"], found["fresh"]) == (90, 1.0)
    late = of_revenue(25.0, "2018-03-01", since=datetime(2017, 12, 2))  # 30 of the 90 days
    assert late["fresh"] == pytest.approx(1 / 3)
    assert page.caveats({"objectives": [late], "since": "2017-12-02T00:00:00", "feedback": []})[-2] == (
        "Objectives look back over 90 days, of which 33% lie after 2 December 2017: only that part shows what the segments changed."
    )


def test_what_was_not_measured_is_neither_reached_nor_missed():
    assert stands(25.0, "2018-01-01", judged={"value": None, "low": None, "high": None})["state"] == "unmeasured"
    assert stands(25.0, "2018-04-03", baseline=None, change=None) == {"pace": None, "state": "early"}


def test_an_objective_whose_day_is_past_is_judged_in_the_window_that_ended_on_it():
    found = of_revenue(20.0, "2017-12-01")
    assert found["judged"]["end"] == "2017-12-01T00:00:00" and found["today"]["end"] == NOW
    early = of_revenue(20.0, "2017-06-15")
    assert early["judged"]["end"] == NOW and early["state"] == "past"  # the history holds no window that ended then


def test_without_an_earlier_run_an_objective_has_no_baseline_and_no_pace():
    found = of_revenue(25.0, "2018-04-03", since=None)
    assert (found["baseline"], found["change"], found["pace"], found["state"]) == (None, None, None, "early")


def test_a_goal_that_was_moved_and_a_baseline_that_was_published_otherwise_are_said(tmp_path):
    plan = {"kind": "revenue", "metric": "revenue_per_customer", "name": "Earn", "target": 30.0, "by_when": "2018-01-01"}
    before = past(tmp_path, objectives_objectives={"objectives": [{"plan": plan, "value": 19.0}]})
    found = of_revenue(25.0, "2018-04-03", before=before)
    assert found["moved"] == {"target": 30.0, "by_when": "2018-01-01"} and found["published"] == 19.0
    told = page.caveats({"objectives": [found], "since": "2017-10-01T00:00:00", "feedback": []})
    assert told[0] == "The goal of “Earn” was moved: before, it was $30.00 by 1 January 2018."
    assert told[1] == "“Earn” was published as $19.00; measured again on today’s data it was $20.00."
    assert told[2].startswith("“Earn”: over the customers known then alone the change is $10.00 ($10.00 to $10.00) instead of $2.50")


# ---- campaigns, use, feedback


def campaign(one, sent, *, status="measured", planned=False, silent=False, uplift=0.02, verdict="no sign"):
    ends = {"uplift": uplift, "low": uplift - 0.01, "high": uplift + 0.01, "rate": 0.1, "base": 0.08, "n1": 900, "n0": 300}
    line = {"id": "S1", "verdict": verdict, "uplift": uplift, "low_all": uplift - 0.01, "high_all": uplift + 0.01}
    money = {"profit": 50.0, "low": -10.0, "high": 110.0}
    tests = [{"pooled": ends, "differ": {"p": 0.01}, "segments": [line], "money": money}] if status == "measured" else []
    return {"id": one, "first_sent": sent, "status": status, "planned": planned, "silent_control": silent, "tests": tests}


def entry(team, on, *segments, campaign="", ahead=False, result=""):
    return {"team": team, "decided_on": on, "known": list(segments), "campaign": campaign, "ahead": ahead, "result": result}


LOG = [
    entry("marketing", "2017-10-05", "S1", campaign="autumn", result="more orders"),
    entry("sales", "2017-09-01", "S2"),  # before the segments were approved
    entry("finance", "2017-11-01"),  # with no segment
    entry("sales", "2018-02-01", "S2", ahead=True),
]


def used_room(*campaigns, log=LOG, feedback=()):
    teams = [{"team": team} for team in ("marketing", "sales", "finance")]
    given = {
        ("adopt", "adoption"): {"log": log, "teams": teams, "segments": {"S1": 0, "S2": 0}},
        ("target", "outcomes"): {"campaigns": list(campaigns)},
        ("build", "segmentation"): {"segments": [{"id": "S1"}, {"id": "S2"}]},
    }
    return Room(project(reevaluate={"feedback": list(feedback)}), given=given)


def test_campaigns_since_are_told_apart_from_earlier_ones_and_by_whether_they_went_by_the_segments():
    told = [
        campaign("summer", "2017-09-30T10:00:00"),
        campaign("autumn", "2017-10-01T00:00:00"),
        campaign("winter", "2017-11-01T00:00:00", planned=True),
        campaign("bare", "2017-12-01T00:00:00", status="no arms"),
    ]
    found = worked.campaigns(used_room(*told), THEN)
    assert (found["sent"], found["with_segments"], found["earlier"], found["untold"]) == (3, 2, 1, {"no arms": 1})
    assert [(one["id"], one["used"], one["differ"]) for one in found["measured"]] == [("autumn", True, 0.01), ("winter", True, 0.01)]
    assert worked.campaigns(Room(project()), THEN)["sent"] == 0  # no step 8


def test_decisions_count_since_the_day_and_a_segment_that_none_used_is_named():
    found = worked.used(used_room(), THEN)
    assert (found["written"], found["with_segments"], found["results"], found["never"]) == (2, 1, 1, ["S2"])
    assert found["teams"]["marketing"] == {"decided": 1, "with_segments": 1, "segments": ["S1"]}
    assert found["teams"]["sales"]["decided"] == 0 and found["teams"]["finance"] == {"decided": 1, "with_segments": 0, "segments": []}
    assert page.use_words({"use": found}, NAMED) == (
        "2 decisions since are written down, 1 of them with segments. No decision used “Rare”."
    )


def word(team, on, says, segment=None):
    return {"team": team, "said_on": on, "says": says, "segment": segment}


def test_of_a_team_the_newest_word_on_a_segment_counts_and_only_on_these_segments():
    said = [
        word("Sales", "2017-11-01", "does not fit", "S1"),
        word("Sales", "2017-12-01", "fits", "S1"),  # taken back
        word("Sales", "2017-12-02", "does not fit", "S2"),
        word("Service", "2017-09-01", "does not fit", "S1"),  # of what was before
        word("Service", "2018-01-01", "unclear", "S1"),  # the day of as_of is not counted
        word("Service", "2017-12-03", "unclear", "S9"),
    ]
    found = worked.feedback(used_room(feedback=said), THEN)
    states = {(one["team"], one["said_on"]): one["state"] for one in found}
    assert states == {
        ("Sales", "2017-11-01"): "replaced",
        ("Sales", "2017-12-01"): "counts",
        ("Sales", "2017-12-02"): "counts",
        ("Service", "2017-09-01"): "earlier",
        ("Service", "2018-01-01"): "later",
        ("Service", "2017-12-03"): "unknown",
    }
    assert page.caveats({"objectives": [], "since": None, "feedback": found}) == [
        "reevaluate.feedback names S9, which is no segment of these: type an id of the dictionary.",
        "1 line of reevaluate.feedback is dated after these data and not counted.",
    ]


# ---- cards, names, offers

PEOPLE = [(f"a{i:02}", "S1") for i in range(60)] + [(f"b{i:02}", "S2") for i in range(60)]
MEMBERS = table("membership", "customer_id segment", *PEOPLE)


def profiles(**fits):
    money = {"value": 10.0, "low": 9.0, "high": 11.0}
    one = {"n": 60, "shown": True, "traits": [], "share_of_customers": 0.5, "share_of_revenue": 0.5, "revenue_per_30d": money}
    return {"as_of": "2017-10-01", "customers": 120, "segments": [one | {"id": s, "fits": fits.get(s)} for s in ("S1", "S2")]}


def age_room(young, before=None, *, typed=None):
    """Sixty members a segment: so many of S1 are young, ten of S2; min_cell is 5."""
    told = ["18-29"] * young + ["60-79"] * (60 - young) + ["18-29"] * 10 + ["60-79"] * 50
    ids = [one for one, _ in PEOPLE]
    adopt = {"personas": {"lea": {"segments": ["S1"], "fields": typed or {}}}}
    plan = project(tables=("orders", "customers"), min_cell=5, adopt=adopt)
    variables, descriptors = pd.DataFrame({"customer_id": ids}), pd.DataFrame({"customer_id": ids, "age": told})
    inner = Step(plan, variables=variables, descriptors=descriptors)
    given = {("build", "profiles"): profiles(), ("build", "membership"): MEMBERS}

    class Nine(Room):
        def take(self, step, name):
            return inner.take(step, name) if step == "variables" else super().take(step, name)

        def gives(self, step, name):
            return inner.gives(step, name) or super().gives(step, name)

    return Nine(plan, given=given, approved=approved(before), as_of=inner.as_of)


def cards(tmp_path, then, now, **typed):
    """The cards of a period with so many young members, held against another."""
    first = age_room(then, **typed)
    before = past(tmp_path, adopt_personas=personas.personas(first, profiles(), MEMBERS, {}), build_profiles=profiles())
    return worked.cards(age_room(now, before), before, {})


def test_nothing_changed_no_line_of_a_card_falls(tmp_path):
    found = cards(tmp_path, 45, 45)
    assert (found["reason"], found["compared"], found["lines"]) == (None, 1, [])


def test_a_line_that_was_true_of_most_and_is_no_longer_is_found_with_what_people_typed_over_it(tmp_path):
    found = cards(tmp_path, 45, 20, typed={"age": "students", "first_name": "Léa"})
    [line] = found["lines"]
    assert (line["persona"], line["name"], line["field"], line["state"], line["typed"]) == ("lea", "Léa", "age", "gone", "students")
    assert (line["fact"]["values"], line["fact"]["share"], line["share_now"]) == (["18-29"], 0.75, 20 / 60)
    assert line["high"] < 0 and line["change"] == 20 / 60 - 0.75
    told = {"since": "2017-10-01", "cards": found, "names": [], "offers": []}
    assert page.rests_words(told) == "Of 1 lines of the personas’ cards, 1 may no longer be said."
    shown = page.rests_table(told, NAMED, project()).frame.iloc[0]
    assert (shown["then"], shown["now"]) == ("75%", "33%") and shown["what"] == "Léa · Age: 18-29"
    assert shown["state"] == "holds no longer; the card says: “students”"


def test_a_fall_that_chance_may_explain_is_none(tmp_path):
    assert cards(tmp_path, 45, 40)["lines"] == []


def test_of_a_line_that_is_true_of_few_now_no_share_is_told(tmp_path):
    [line] = cards(tmp_path, 45, 3)["lines"]  # min_cell is 5
    assert line["state"] == "gone" and line["share_now"] is None and line["change"] is None and line["low"] is None
    assert "3" not in json.dumps({key: line[key] for key in ("share_now", "n_now", "change")})
    told = {"since": "2017-10-01", "cards": {"reason": None, "compared": 1, "lines": [line]}, "names": [], "offers": []}
    assert page.rests_table(told, NAMED, project()).frame.iloc[0]["now"] == "too few to tell"


def test_cards_are_not_compared_without_the_run_or_where_the_segments_are_others(tmp_path):
    before = past(tmp_path)
    assert worked.cards(age_room(45), None, {})["reason"] == "no earlier run"
    anew = age_room(45)
    anew.approved = None
    assert worked.cards(anew, before, {})["reason"] == "built anew"
    assert worked.cards(age_room(45, before), before, {})["reason"] == "no cards"


def test_a_typed_name_that_fitted_then_is_withdrawn_and_one_that_never_did_is_no_news(tmp_path):
    room = Room(project(), given={("build", "profiles"): profiles(S1=False, S2=False)})
    before = past(tmp_path, build_profiles=profiles(S1=True, S2=False))
    assert worked.names(room, before) == [{"segment": "S1", "state": "withdrawn"}, {"segment": "S2", "state": "never"}]


def plan_of(**pays):
    return {"segments": [{"id": s, "offer": f"offer {s}", "pays": p, "gain": 5.0 if p else -5.0} for s, p in pays.items()]}


def test_an_offer_that_paid_and_loses_now_is_told_from_one_that_lost_all_along(tmp_path):
    room = Room(project(), given={("target", "plan"): plan_of(S1=False, S2=False, S3=True, S4=None, S5=False)})
    before = past(tmp_path, target_plan=plan_of(S1=True, S2=False, S3=False, S4=True))
    states = {one["segment"]: one["state"] for one in worked.offers(room, before)}
    assert states == {"S1": "loses now", "S2": "loses still", "S3": "pays now", "S4": "cannot tell", "S5": "loses"}
    assert worked.offers(Room(project()), before) == []  # no plan


# ---- reasons and words


def found(**given):
    use = {"written": 1, "with_segments": 1, "teams": {}, "segments": {}, "never": [], "results": 0, "last_on": None}
    empty = {"since": "2017-10-01T00:00:00", "objectives": [], "use": use, "feedback": [], "names": [], "offers": []}
    empty["campaigns"] = {"sent": 0, "with_segments": 0, "untold": {}, "measured": [], "earlier": 0}
    return empty | {"cards": {"reason": None, "compared": 0, "untold": 0, "lines": []}} | given


def spoken(told):
    return [(r["code"], r["speaks"]) for r in worked.reasons(told, project())]


def test_nothing_speaks_where_nothing_is_found_or_no_segments_were_in_use():
    assert spoken(found()) == []
    told = found(since=None, names=[{"segment": "S1", "state": "withdrawn"}])
    assert spoken(told) == []


def test_a_team_for_which_a_segment_does_not_fit_speaks_for_adjusting():
    said = [
        word("Sales", "2017-11-01", "does not fit", "S1"),
        word("CRM", "2017-11-01", "unclear"),
        word("CRM", "2017-11-02", "fits", "S2"),
    ]
    told = found(feedback=[one | {"counts": True} for one in said] + [word("IT", "2017-01-01", "does not fit") | {"counts": False}])
    assert spoken(told) == [("does_not_fit", "adjust"), ("unclear_all", "look")]


def test_what_is_new_speaks_for_adjusting_and_what_was_known_for_looking():
    lines = [{"state": state, "persona": "lea", "name": "Léa"} for state in ("gone", "gone", "weaker")]
    told = found(
        cards={"lines": lines},
        names=[{"segment": "S1", "state": "withdrawn"}, {"segment": "S2", "state": "never"}],
        offers=[
            {"segment": s, "state": state, "gain": -5.0}
            for s, state in (("S1", "loses now"), ("S2", "loses still"), ("S3", "loses"), ("S4", "pays"))
        ],
        use=found()["use"] | {"never": ["S2"]},
    )
    assert spoken(told) == [
        ("never_used", "look"),
        ("card_untrue", "adjust"),
        ("name_withdrawn", "adjust"),
        ("offer_loses", "adjust"),
        ("offer_loses", "look"),
        ("offer_loses", "look"),
    ]


def test_contact_that_lowered_answers_speaks_for_adjusting_and_an_objective_missed_for_looking_closer():
    ends = {"value": 0.9, "low": 0.88, "high": 0.92}
    missed = {"state": "missed", "name": {"en": "Keep"}, "kind": ["share", 1], "target": 0.95, "judged": ends}
    room = used_room(campaign("autumn", "2017-10-02T00:00:00", uplift=-0.05, verdict="lowers"))
    told = found(objectives=[missed], campaigns=worked.campaigns(room, THEN))
    given = worked.reasons(told, project())
    assert [(r["code"], r["speaks"]) for r in given] == [
        ("objective_missed", "look"), ("campaign_lowers", "adjust"), ("contact_lowers", "adjust")
    ]  # fmt: skip
    assert given[0] | {"value": 0.9, "limit": 0.95, "low": 0.88, "high": 0.92, "close": False, "objective": {"en": "Keep"}} == given[0]
    assert (given[2]["campaign"], given[2]["segment"]) == ("autumn", "S1")
    silent = used_room(campaign("autumn", "2017-10-02T00:00:00", silent=True, uplift=-0.05, verdict="lowers"))
    assert [code for code, _ in spoken(found(campaigns=worked.campaigns(silent, THEN)))] == []  # its control group could not answer


def test_a_missed_objective_stands_in_the_summary_though_it_decides_on_no_segment():
    late = of_revenue(500.0, "2018-01-01", since=datetime(2017, 10, 1))
    assert (late["state"], page.news(found(objectives=[late]))) == (
        "missed", ["1 objective was due: reached 0, missed 1, cannot be told 0."]
    )  # fmt: skip
    assert page.news(found(objectives=[])) == [] == page.news(found(since=None, objectives=[late]))


def test_every_reason_has_its_words():
    every = {"does_not_fit", "unclear", "not_used"}
    assert set(page.KINDS) <= set(page.REASONS) and every | {f"{code}_all" for code in every} <= set(page.REASONS)


def test_the_tables_can_be_shown_for_whatever_is_known_and_for_nothing():
    room = used_room(campaign("autumn", "2017-10-02T00:00:00"), campaign("bare", "2017-11-02T00:00:00", status="no arms"))
    told = found(objectives=[of_revenue(25.0, "2018-03-01"), of_revenue(25.0, "2018-04-03", since=None)])
    told |= {"campaigns": worked.campaigns(room, THEN), "use": worked.used(room, THEN)}
    told["feedback"] = [word("Sales", "2017-11-01", "unclear", "S1") | {"counts": True, "text": "who are they?", "state": "counts"}]
    shown = page.objectives_table(told)
    assert list(shown.frame["state"])[1] == "not yet due"
    assert list(shown.frame["state"])[0] == (
        "cannot tell whether the pace is enough ($2.50 gained, $3.05 asked for by now; $24.10 at this pace)"  # 92 of 151 days
    )
    assert page.campaigns_words(told).startswith("2 campaigns were sent since; by the segments went 1")
    assert list(page.use_table(told, NAMED).frame["what"])[-1] == "Loyal: unclear. who are they?"
    for each in (shown, page.campaigns_table(told, NAMED), page.use_table(told, NAMED), page.rests_table(told, NAMED, project())):
        assert tables.as_html(each)
    bare = found(since=None, objectives=[of_revenue(25.0, "2018-04-03", since=None)])
    assert tables.as_html(page.objectives_table(bare)) and not page.changed(bare)
