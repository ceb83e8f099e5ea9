"""The test that goes with a campaign: what it could show, how large its control group should be, and how long it takes."""

import math
from collections.abc import Mapping
from itertools import combinations

from helpers.objectives.figures import RESPONSE_DAYS
from helpers.project import Project
from helpers.scope import smallest_rise
from helpers.target.arms import ARMS
from helpers.target.uplift import smallest_visible

MOST_CAMPAIGNS = 12
"""Campaigns over which a test may be spread before it is called hopeless."""
SHARES = [percent / 100 for percent in range(1, 100)]
"""Shares of control that are tried."""
ALONE, TOGETHER, AGAIN, BOLDER, UNKNOWN = "alone", "together", "again", "bolder", "cannot tell"
"""How a segment is learnt from: by itself; in the test of all together; by adding up campaigns; by a bolder offer only."""
EMPTY = ("n", "contacted", "control", "base", "base_from", "smallest", "best_share", "at_best", "least_share", "campaigns", "days")


def design(plan: dict, arms: Mapping[str, Mapping[str, int]], project: Project, measured: Mapping[str, dict] | None = None) -> dict:
    """trial.json: the test of the campaign that is planned, by segment and of all together.

    plan       as step 8 hands it over;  arms: result of `counted`
    measured   result of `uplifts`: what control groups of earlier campaigns did is the base where it is known, else earlier answers are
    Returns    plausible, control_share, wait_days (between two campaigns of one test), segments (id and the keys of `size`, verdict),
               pooled (the same, of all that can be sized), universal (what the control of all campaigns could see), versions
    """
    plausible, least, wait = project.scope.criteria.interesting_uplift, project.min_cell, wait_days(project)
    lines, sizes = [], []
    for segment in plan["segments"]:
        drawn = arms.get(segment["id"]) or dict.fromkeys(ARMS, 0)
        shown = segment["contacted"] is not None and segment["control"] is not None and drawn[ARMS[1]] >= least
        base, source = base_of(segment, (measured or {}).get(segment["id"]))
        line = {"id": segment["id"], "offer": bool(segment["offer"])} | dict.fromkeys(EMPTY)
        if shown and drawn[ARMS[0]] and base:
            line |= size(base, drawn[ARMS[0]], drawn[ARMS[1]], plausible=plausible, wait=wait) | {"base_from": source}
            sizes.append((base, drawn))
        lines.append(line)
    pooled = together(sizes, plausible=plausible, wait=wait)
    lines = [line | {"verdict": verdict(line, pooled, plausible)} for line in lines]
    found = {"plausible": plausible, "control_share": project.target.control_share, "wait_days": wait, "segments": lines, "pooled": pooled}
    return found | {"universal": _universal(sizes, pooled, least), "versions": _versions(sizes, pooled, project)}


def applied(plan: dict, design: dict) -> dict:
    """The plan with what its test can see as `design` sizes it, so that one page tells one figure.

    plan      as `plan` gives it;  design: result of `design`
    Returns   the plan with smallest_effect, smallest_at_half, learns and campaigns_needed of each segment and of all together, and
              base_from: control (groups of earlier campaigns, for every segment that is sized), answers, or None
    """
    lines = {line["id"]: line for line in design["segments"]}
    segments = [s | _seen(lines[s["id"]], design["plausible"]) for s in plan["segments"]]
    pooled = plan["pooled"] and design["pooled"] and plan["pooled"] | _seen(design["pooled"], design["plausible"])
    sources = {line["base_from"] for line in lines.values() if line["base_from"]}
    base_from = None if not sources else "control" if sources == {"control"} else "answers"
    return plan | {"segments": segments, "pooled": pooled or None, "base_from": base_from}


def _seen(line: Mapping, plausible: float) -> dict:
    """What a test can see, in the words of the plan."""
    if line["n"] is None:
        return dict.fromkeys(("smallest_effect", "smallest_at_half", "learns", "campaigns_needed"))
    effect, half = line["smallest"], smallest_rise(line["base"], line["n"] / 2)
    learns = None if effect is None else effect <= plausible
    return {"smallest_effect": effect, "smallest_at_half": half, "learns": learns, "campaigns_needed": line["campaigns"]}


def base_of(segment: Mapping, measured: Mapping | None) -> tuple[float | None, str | None]:
    """The rate without contact: what a control group did ("control"), else how earlier mailings were answered ("answers")."""
    if measured:
        return measured["base"], "control"
    return (segment["response"]["value"], "answers") if segment["response"] else (None, None)


def size(base: float, contacted: int, control: int, *, plausible: float, wait: int) -> dict:
    """What a test of two groups can show.

    Returns  n, contacted, control, base, smallest (rise seen in four cases of five, as drawn), best_share (of control) and at_best (the
             smallest rise there), least_share (the smallest share of control that shows the plausible rise; None: no share does), campaigns
             (of this size to see the plausible rise; None: more than twelve), days (until they are all answered)
    """
    n = contacted + control
    tried = {share: smallest_rise(base, n * (1 - share), n * share) for share in SHARES}
    best = min(SHARES, key=lambda share: (math.inf if tried[share] is None else tried[share], abs(share - 0.5)))
    enough = [share for share in SHARES if tried[share] is not None and tried[share] <= plausible]
    campaigns = campaigns_needed(base, contacted, control, plausible)
    return {
        "n": n, "contacted": contacted, "control": control, "base": base, "smallest": smallest_rise(base, contacted, control),
        "best_share": None if tried[best] is None else best, "at_best": tried[best], "least_share": min(enough, default=None),
        "campaigns": campaigns, "days": None if campaigns is None else (campaigns - 1) * wait + RESPONSE_DAYS,
    }  # fmt: skip


def campaigns_needed(base: float, contacted: int, control: int, plausible: float) -> int | None:
    """How many campaigns of this size show the plausible rise when they are added up; None: more than twelve.

    A lower bound: the same customers answer alike each time, so a second campaign teaches less than twice as many customers would.
    """
    times = range(1, MOST_CAMPAIGNS + 1)
    return next((m for m in times if (smallest_rise(base, m * contacted, m * control) or math.inf) <= plausible), None)


def wait_days(project: Project) -> int:
    """Days between two campaigns of one test: answers are counted for 30 days, and nobody is contacted more often than the cap allows."""
    cap = project.target.cap
    return max(RESPONSE_DAYS, math.ceil(cap.within_days / cap.at_most) if cap.at_most else cap.within_days)


def together(sizes: list[tuple[float, Mapping[str, int]]], *, plausible: float, wait: int) -> dict | None:
    """The test of all segments at once, each weighted by its customers; None when none can be sized."""
    if not sizes:
        return None
    contacted, control = (sum(drawn[arm] for _, drawn in sizes) for arm in ARMS[:2])
    base = sum(base * (drawn[ARMS[0]] + drawn[ARMS[1]]) for base, drawn in sizes) / (contacted + control)
    return size(base, contacted, control, plausible=plausible, wait=wait) | {"segments": len(sizes)}


def verdict(line: Mapping, pooled: Mapping | None, plausible: float) -> str:
    """How a segment is best learnt from, as a code."""
    if line["n"] is None:
        return UNKNOWN
    if line["smallest"] is not None and line["smallest"] <= plausible:
        return ALONE
    if pooled and pooled["segments"] > 1 and pooled["smallest"] is not None and pooled["smallest"] <= plausible:
        return TOGETHER
    return AGAIN if line["campaigns"] else BOLDER


def _universal(sizes: list, pooled: Mapping | None, least: int) -> dict | None:
    """What those left out of every campaign could show of all campaigns together: n and smallest; None when they are too few to tell."""
    n = sum(drawn[ARMS[2]] for _, drawn in sizes)
    if not pooled or n < least:
        return None
    return {"n": n, "smallest": smallest_rise(pooled["base"], pooled["contacted"], n)}


def _versions(sizes: list, pooled: Mapping | None, project: Project) -> dict | None:
    """The smallest difference between the two smallest versions, corrected for all pairs; None with one message."""
    shares = sorted(version.share for version in project.target.versions.values())
    if not shares or not pooled:
        return None
    a, b = (share * pooled["contacted"] for share in shares[:2])
    pairs = len(list(combinations(shares, 2)))
    return {"many": len(shares), "pairs": pairs, "smallest": smallest_visible(pooled["base"], a, b, looks=pairs)}


__all__ = ["applied", "base_of", "campaigns_needed", "design", "size", "together", "verdict", "wait_days"]
