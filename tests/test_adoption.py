"""Step 7: whether the segments are used: the plan, the log, the rate of adoption, and what is typed wrongly."""

from datetime import datetime

import pytest
from by_hand import AS_OF, project, table

from helpers import adopt, tables
from helpers.adopt import adoption_page, page

pytestmark = pytest.mark.usefixtures("in_english")

SEGMENTS = ["S1", "S2", "S3"]


def use(team, on, *segments, **more):
    return {"team": team, "decided_on": on, "decision": f"decided by {team}", "segments": list(segments)} | more


def step(team, by, done_on=None):
    return {"what": f"a step of {team}", "team": team, "owner": "A role", "by": by, "done_on": done_on}


def judged(*, log=(), plan=(), actions=None, teams=None, campaigns=None, as_of=AS_OF, every_days=90):
    adopt_ = {"log": list(log), "plan": list(plan), "actions": actions or {}, "teams": teams or {}}
    typed = project(adopt=adopt_, reevaluate={"every_days": every_days})
    return adopt.adoption(SEGMENTS, typed, as_of, campaigns=campaigns), typed


def test_the_rate_is_the_share_of_teams_that_decided_with_a_segment_since_the_last_review():
    log = [
        use("sales", "2017-09-30", "S1", result="more visits"),
        use("sales", "2017-07-03", "S2"),  # 90 days before as_of: counts
        use("marketing", "2017-07-02", "S1"),  # a day earlier: not
        use("product", "2017-08-01"),  # with no segment
        use("service", "2017-09-01", "S3", "S1"),
    ]
    found, _ = judged(log=log)
    assert found["since"] == "2017-07-03" and found["rate"] == 2 / 5
    assert (found["decided"], found["with_segments"], found["share_with_segments"], found["results"]) == (4, 3, 0.75, 1)
    assert found["segments"] == {"S1": 2, "S2": 1, "S3": 1} and found["unused"] == []
    by_team = {each["team"]: each for each in found["teams"]}
    assert by_team["marketing"]["with_segments"] == 0 and by_team["marketing"]["last_on"] == "2017-07-02"
    assert by_team["sales"]["segments"] == ["S1", "S2"] and by_team["product"] | {"decided": 1, "last_on": None} == by_team["product"]
    assert adoption_page.adoption_words(found) == (
        "Teams that decided with a segment since 3 July 2017: 2 of 5. Of 4 decisions, 3 were taken with segments (75%); what came of it is "
        "known for 1."
    )


def test_a_decision_of_the_day_of_as_of_is_not_counted_until_then_and_is_said():
    found, _ = judged(log=[use("sales", "2017-10-01", "S1")])
    assert found["rate"] == 0.0 and found["decided"] == 0 and found["log"][0]["ahead"] is True
    assert adoption_page.adoption_faults(found) == [
        "adopt.log.1 (sales) is dated 1 October 2017, after these data end: it is not counted until then."
    ]
    assert judged(log=[use("sales", "2017-10-01", "S1")], as_of=datetime(2017, 10, 1, 9))[0]["rate"] == 0.2


def test_a_decision_with_segments_that_were_not_built_counts_for_those_that_were():
    found, typed = judged(log=[use("sales", "2017-09-01", "S1", "S9"), use("service", "2017-09-01", "S8")])
    assert found["with_segments"] == 1 and found["rate"] == 0.2
    assert adoption_page.adoption_faults(found) == [
        "adopt.log.1 (sales) names S9, which step 6 did not build: type an id of the dictionary.",
        "adopt.log.2 (service) names S8, which step 6 did not build: type an id of the dictionary.",
    ]
    shown = adoption_page.log_table(found, {"segments": [{"id": "S1", "name": "Many"}]})
    assert shown.frame["segments"].tolist() == ["Many and S9 (not built)", "S8 (not built)"]


def test_a_step_of_the_plan_is_late_once_its_day_is_over():
    plan = [
        step("sales", "2017-09-30"),  # over at the first instant of 1 October
        step("marketing", "2017-10-01"),
        step("product", "2017-09-10", done_on="2017-09-12"),
        step("finance", "2017-09-10", done_on="2017-09-10"),
        step("service", "2017-09-20", done_on="2017-10-05"),  # not done yet
    ]
    found, _ = judged(plan=plan)
    assert [each["state"] for each in found["plan"]] == ["late", "open", "done_late", "done", "late"]
    assert [each["days_late"] for each in found["plan"]] == [1, 0, 2, 0, 11]
    told = adoption_page.plan_table(found).frame
    assert told["state"].tolist() == ["done 2 days late", "done", "late by 11 days", "late by 1 day", "to come"]
    assert adoption_page.plan_words(found).startswith("Steps done: 2 of 5. 2 are late: “a step of sales” (sales, by 30 September 2017)")
    assert adoption_page.adoption_faults(found) == [
        "adopt.plan.5 (service) is said to be done on 5 October 2017, after these data end: it counts as not done."
    ]


def test_a_campaign_that_nobody_knows_is_said_and_one_that_is_planned_is_known():
    contacts = table("contacts", "customer_id campaign_id", ("a", "autumn"), ("b", "autumn"), ("b", None), ("c", "abc"))
    known = adopt.known_campaigns({"contacts": contacts}, project(target={"campaign": "winter"}))
    assert known == ["winter", "abc", "autumn"] and adopt.known_campaigns({}, project()) == ["next"]
    log = [use("sales", "2017-09-01", "S1", campaign=one) for one in ("winter", "autumn", "spring")]
    found, _ = judged(log=log, campaigns=known)
    assert [fault["kind"] for fault in found["faults"]] == ["unknown_campaign"] and found["faults"][0]["place"] == "adopt.log.3"
    assert judged(log=log)[0]["faults"] == []


def test_actions_whose_day_has_passed_and_questions_without_an_answer_are_counted():
    action = {"action": "x", "team": "sales", "owner": "y", "by": "2017-09-30"}
    asked = [{"question": "why?", "answer": "so", "answered_on": "2017-09-01"}, {"question": "when?"}]
    found, typed = judged(actions={"S1": [action, action | {"by": "2017-10-01"}]}, teams={"sales": {"owner": "y", "questions": asked}})
    assert found["due"] == [{"segment": "S1", "team": "sales", "by": "2017-09-30"}]
    assert "The day of 1 action has passed (S1)" in adoption_page.adoption_faults(found)[0]
    assert adoption_page.teams_table(found, typed).frame["open"].tolist() == [0, 1, 0, 0, 0]


def test_without_a_log_nothing_is_claimed():
    found, typed = judged()
    assert found["rate"] == 0.0 and found["share_with_segments"] is None and found["unused"] == SEGMENTS
    assert adoption_page.adoption_words(found).startswith("Nobody has written down a decision yet")
    assert adoption_page.plan_words(found).startswith("No plan is typed")
    for shown in (
        adoption_page.teams_table(found, typed),
        adoption_page.log_table(found, {"segments": []}),
        adoption_page.plan_table(found),
    ):
        tables.as_html(shown)
    said = page.summary({"segments": []}, typed, found)
    assert said["figures"][-1] == ("Teams that decide with segments", "cannot tell") and len(said["unknown"]) == 1
    used = page.summary({"segments": []}, typed, judged(log=[use("sales", "2017-09-01", "S1")])[0])
    assert used["figures"][-1] == ("Teams that decide with segments", "1 of 5") and used["unknown"] == []
    assert "Say what came of 1 decision in adopt.log." in used["todo"]
    assert "Ask marketing, product, finance and service what the sheet should say for them to decide with it." in used["todo"]
