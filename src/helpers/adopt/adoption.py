"""Whether the segments are used: the plan by which teams take them into use, the log of what they decided, and the rate of adoption."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

import ibis.expr.types as ir

from helpers.project import Project
from helpers.project.adopting import TEAMS


def adoption(segments: Collection[str], project: Project, as_of: datetime, *, campaigns: Collection[str] | None = None) -> dict:
    """adoption.json: what is typed in adopt.plan and adopt.log, judged at as_of. Prose stays as typed; everything else is codes.

    segments   ids of the segments that step 6 built
    campaigns  ids of the campaigns that the data or target.campaign know; None: not looked at
    Returns    as_of, every_days, since (the first day that counts), rate (teams that decided with a segment since ÷ teams with a sheet),
               teams [{team, sheet, owner: bool, decided, with_segments, segments, last_on, asked, answered}], decided, with_segments and
               share_with_segments (all teams, since), results (of those, how many say what came of it), segments {id: decisions since},
               unused [ids], log [as typed, and counted: bool, known and unknown segments], plan [as typed, and state, days_late],
               due [actions whose day has passed], faults [{kind, place, team, ...}]
    """
    since = as_of - timedelta(days=project.reevaluate.every_days)
    log = [_use(use, since, as_of, segments, campaigns) for use in project.adopt.log]
    counted = [use for use in log if use["counted"]]
    having = [use for use in counted if use["known"]]
    teams = [_team(team, counted, log, project, as_of) for team in TEAMS]
    by_segment = {one: sum(one in use["known"] for use in having) for one in segments}
    plan = [_milestone(each, as_of) for each in project.adopt.plan]
    return {
        "as_of": as_of.isoformat(),
        "every_days": project.reevaluate.every_days,
        "since": since.date().isoformat(),
        "rate": sum(each["with_segments"] > 0 for each in teams) / len(teams),
        "teams": teams,
        "decided": len(counted),
        "with_segments": len(having),
        "share_with_segments": len(having) / len(counted) if counted else None,
        "results": sum(bool(use["result"]) for use in having),
        "segments": by_segment,
        "unused": [one for one, n in by_segment.items() if not n],
        "log": log,
        "plan": plan,
        "due": _due(project, as_of),
        "faults": [*_log_faults(log), *_plan_faults(plan), *_action_faults(project, segments)],
    }


def known_campaigns(checked: dict[str, ir.Table], project: Project) -> list[str]:
    """Ids of the campaigns that `contacts` names, and of the one that is planned.

    checked   the tables of step 3 by name
    """
    found = [project.target.campaign]
    if "contacts" in checked and "campaign_id" in checked["contacts"].columns:
        contacts = checked["contacts"]
        ids = contacts.filter(contacts.campaign_id.notnull()).select("campaign_id").distinct().order_by("campaign_id")
        found += [str(one) for one in ids.execute()["campaign_id"]]
    return list(dict.fromkeys(found))


def _before(day: date | None, as_of: datetime) -> bool:
    """Whether a day began before as_of, the first instant not counted."""
    return day is not None and datetime.combine(day, time()) < as_of


def _over(day: date | None, as_of: datetime) -> bool:
    """Whether a day has passed whole."""
    return day is not None and datetime.combine(day + timedelta(days=1), time()) <= as_of


def _use(use, since: datetime, as_of: datetime, segments: Collection[str], campaigns: Collection[str] | None) -> dict:
    """A line of the log, with what can be said of it at as_of."""
    begun = _before(use.decided_on, as_of)
    return use.model_dump(mode="json") | {
        "known": [one for one in use.segments if one in segments],
        "unknown": [one for one in use.segments if one not in segments],
        "counted": begun and datetime.combine(use.decided_on, time()) >= since,
        "ahead": not begun,
        "campaign_known": None if campaigns is None or not use.campaign else use.campaign in campaigns,
    }


def _team(team: str, counted: list[dict], log: list[dict], project: Project, as_of: datetime) -> dict:
    own = [use for use in counted if use["team"] == team]
    having = [use for use in own if use["known"]]
    typed = project.adopt.teams.get(team)
    questions = typed.questions if typed else []
    days = [use["decided_on"] for use in log if use["team"] == team and use["known"] and not use["ahead"]]
    return {
        "team": team,
        "sheet": True,
        "owner": typed is not None,
        "decided": len(own),
        "with_segments": len(having),
        "segments": sorted({one for use in having for one in use["known"]}),
        "last_on": max(days, default=None),
        "asked": len(questions),
        "answered": sum(bool(q.answer) and (q.answered_on is None or _before(q.answered_on, as_of)) for q in questions),
    }


def _milestone(each, as_of: datetime) -> dict:
    """A step of the plan with its state; one that is said to be done after as_of is not done yet."""
    done = _before(each.done_on, as_of)
    late = (each.done_on if done else as_of.date()) - each.by
    state = ("done_late" if late.days > 0 else "done") if done else ("late" if _over(each.by, as_of) else "open")
    days_late = max(late.days, 0) if state in ("done_late", "late") else 0
    return each.model_dump(mode="json") | {"state": state, "days_late": days_late, "ahead": each.done_on is not None and not done}


def _due(project: Project, as_of: datetime) -> list[dict]:
    """Actions whose day has passed: nobody types whether they were done, so the log must tell."""
    return [
        {"segment": segment, "team": action.team, "by": action.by.isoformat()}
        for segment, actions in project.adopt.actions.items()
        for action in actions
        if _over(action.by, as_of)
    ]


def _log_faults(log: list[dict]) -> list[dict]:
    faults = []
    for place, use in enumerate(log, 1):
        where = {"place": f"adopt.log.{place}", "team": use["team"], "on": use["decided_on"]}
        if use["ahead"]:
            faults.append({"kind": "decided_after_as_of"} | where)
        if use["unknown"]:
            faults.append({"kind": "unknown_segments", "segments": use["unknown"]} | where)
        if use["campaign_known"] is False:
            faults.append({"kind": "unknown_campaign", "campaign": use["campaign"]} | where)
    return faults


def _plan_faults(plan: list[dict]) -> list[dict]:
    return [
        {"kind": "done_after_as_of", "place": f"adopt.plan.{place}", "team": each["team"], "on": each["done_on"]}
        for place, each in enumerate(plan, 1)
        if each["ahead"]
    ]


def _action_faults(project: Project, segments: Collection[str]) -> list[dict]:
    return [
        {"kind": "unknown_segments", "segments": [segment], "place": f"adopt.actions.{segment}", "team": actions[0].team, "on": None}
        for segment, actions in project.adopt.actions.items()
        if segment not in segments
    ]
