"""Whether the segments were used since a day: campaigns and what they did, decisions of the teams, and what teams say."""

from datetime import date, datetime, time

from helpers.target.outcomes import MEASURED

KEPT = ("uplift", "low", "high", "rate", "base", "n1", "n0")


def campaigns(step, since: datetime | None) -> dict:
    """What campaigns did since a day, of outcomes.json of step 8.

    Returns   sent (campaigns first sent since), with_segments (of these: planned by a run, or taken by a decision with segments in
              adopt.log), untold {status: campaigns from which nothing can be learnt}, earlier (measured ones before that day), and
              measured [{id, first_sent, used, silent (its control group could not answer: its rise is no rise); uplift, low, high, rate,
              base, n1, n0 of all; earned (net profit from what was spent: value, low, high); differ (p: whether contact did more in one
              segment than in another), segments [{id, verdict, uplift, low, high}]}]
    """
    found = step.take("target", "outcomes")["campaigns"] if step.gives("target", "outcomes") else []
    drawn = {use["campaign"] for use in _log(step) if use["campaign"] and use["known"]}
    after = [one for one in found if since is not None and _moment(one["first_sent"]) >= since]
    told = [one for one in after if one["status"] == MEASURED]
    untold: dict[str, int] = {}
    for one in after:
        if one["status"] != MEASURED:
            untold[one["status"]] = untold.get(one["status"], 0) + 1
    used = {one["id"] for one in after if one["planned"] or one["id"] in drawn}
    return {
        "sent": len(after),
        "with_segments": len(used),
        "untold": untold,
        "measured": [_campaign(one, one["id"] in used) for one in told],
        "earlier": sum(one["status"] == MEASURED for one in found) - len(told),
    }


def _campaign(one: dict, used: bool) -> dict:
    test = one["tests"][0]
    whole = test["pooled"] or dict.fromkeys(KEPT)
    lines = [{key: s[key] for key in ("id", "verdict", "uplift")} | {"low": s["low_all"], "high": s["high_all"]} for s in test["segments"]]
    head = {"id": one["id"], "first_sent": one["first_sent"], "used": used, "silent": bool(one.get("silent_control"))}
    money = test["money"] or {}
    earned = {"value": money.get("profit"), "low": money.get("low"), "high": money.get("high")}
    return head | {key: whole[key] for key in KEPT} | {"earned": earned, "differ": (test["differ"] or {}).get("p"), "segments": lines}


def used(step, since: datetime | None) -> dict:
    """The adoption log since a day: who decided with segments, and which of them no decision ever used.

    Returns   written (decisions written down since), with_segments, teams {team: {decided, with_segments, segments}}, segments
              {id: decisions since}, never (ids that no decision used since), results (decisions with segments of which the result is
              written down), last_on
    """
    told = step.take("adopt", "adoption") if step.gives("adopt", "adoption") else {"teams": [], "segments": {}}
    log = [use for use in _log(step) if since is None or _day(use["decided_on"]) >= since]
    having = [use for use in log if use["known"]]
    counts = {one: sum(one in use["known"] for use in having) for one in told["segments"]}
    teams = {}
    for team in [each["team"] for each in told["teams"]]:
        own = [use for use in having if use["team"] == team]
        decided = sum(use["team"] == team for use in log)
        named = sorted({one for use in own for one in use["known"]})
        teams[team] = {"decided": decided, "with_segments": len(own), "segments": named}
    return {
        "written": len(log),
        "with_segments": len(having),
        "teams": teams,
        "segments": counts,
        "never": [one for one, n in counts.items() if not n],
        "results": sum(bool(use["result"]) for use in having),
        "last_on": max((use["decided_on"] for use in log), default=None),
    }


def feedback(step, since: datetime | None) -> list[dict]:
    """What teams say of the segments (reevaluate.feedback), newest first.

    Returns   team, said_on, segment, says, text as typed; state: counts, dated after these data (later), of segments before these
              (earlier), taken back by the same team since (replaced), of a segment that is not there (unknown); counts
    """
    known = {s["id"] for s in step.take("build", "segmentation")["segments"]}
    newest: set[tuple] = set()
    result = []
    for one in sorted(step.project.reevaluate.feedback, key=lambda f: f.said_on, reverse=True):
        key = (str(one.team), one.segment)
        state = _state(one, key in newest, known, since, step.as_of)
        if state == "counts":
            newest.add(key)
        result.append(one.model_dump(mode="json") | {"state": state, "counts": state == "counts"})
    return result


def _state(one, replaced: bool, known: set[str], since: datetime | None, as_of: datetime) -> str:
    moment = datetime.combine(one.said_on, time())
    if moment >= as_of:
        return "later"
    if one.segment is not None and one.segment not in known:
        return "unknown"
    if since is not None and moment < since:
        return "earlier"
    return "replaced" if replaced else "counts"


def _log(step) -> list[dict]:
    """Decisions that were taken before these data end."""
    if not step.gives("adopt", "adoption"):
        return []
    return [use for use in step.take("adopt", "adoption")["log"] if not use["ahead"]]


def _day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), time())


def _moment(text) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else text
