"""Is the yardstick still good: drift, missing values, fresh data, steadiness, the criteria again, and segments that form or vanish."""

from collections.abc import Collection

import pandas as pd

from helpers.build import columns, customers
from helpers.build.criteria import CRITERIA, FAIL, PASS
from helpers.build.criteria.page import FIGURES
from helpers.masking import withheld
from helpers.project import Project
from helpers.rates import newcombe
from helpers.reevaluate import drift
from helpers.reevaluate.masking import hidden
from helpers.reevaluate.movement import Movement
from helpers.reevaluate.verdict import reason
from helpers.reevaluate.yardstick import forming
from helpers.reevaluate.yardstick.gathering import gathering
from helpers.reevaluate.yardstick.sizes import CHANGED, sizes
from helpers.run import Past

__all__ = ["born", "reasons", "yardstick"]

KEY = "customer_id"
CORE_LESS = 0.10
"""Fall of the share of core customers from which their places are called less steady."""


def yardstick(step, moved: Movement, before: Past | None, checked: dict) -> dict:
    """Whether what measures the customers still suits them: everything of today beside the run in which it was approved.

    moved    the movement since that run, or of the backtest
    before   that run; None: the window *confirm*, and only today's figures of what a run alone hands over
    checked  today's checked tables by name
    Returns  beside (name of that run, or None), run (the same where the earlier customers are its own; a retired run has none left),
             customers {then, now}, drift (`drift.changes`), missing (`drift.missing_shares`), fresh (`fresh`), steadiness, criteria
             (`criteria`), sizes (`sizes.sizes`, and shown: whether its figures may be told), far (`forming.far`), gathering
             (`gathering.gathering`), born (`forming.born`), dropped (ids that a new build would no longer have)
    """
    project = step.project
    kept = {"beside": before.name if before is not None else None}
    kept |= {"fresh": fresh(step.take("collect", "quality"), _of(before, "collect", "quality"), checked, _rests_on(step, moved), project)}
    kept |= {"steadiness": steadiness(_own(step, "evidence"), _of(before, "build", "evidence"))}
    kept |= {"criteria": criteria(_own(step, "criteria"), _of(before, "build", "criteria"), untold=_untold(step))}
    kept |= {"sizes": _sizes(moved, project)}
    if moved.document is None:
        nothing = (None, pd.DataFrame(), pd.DataFrame(), project)
        told = {"far": forming.far(*nothing, names=[], groups={}), "gathering": gathering(*nothing, names=[], groups={})}
        return kept | told | {"run": None, "customers": None, "drift": [], "missing": [], "born": [], "dropped": []}
    names = [v["name"] for v in moved.document["variables"]]
    then, _, run = drift.sides(step, moved.document, before)
    now, numbers = _today(step, moved, names)
    found = {"run": run, "customers": {"then": len(then), "now": len(now)}}
    found |= {"drift": drift.changes(then, now, names, project), "missing": drift.missing_shares(then, now, names, project)}
    how = {"names": numbers, "groups": _groups(step)}
    found["far"] = forming.far(moved.document, then, now, project, **how)
    found["gathering"] = gathering(moved.document, then, now, project, **how)
    fitted, ids = _proposed(step)
    found["born"] = forming.born(moved.document, fitted, ids, then, now, project, **how) if ids else []
    return kept | found | {"dropped": forming.dropped(moved.document, ids)}


def reasons(found: dict, project: Project) -> list[dict]:
    """What the yardstick speaks for: adjusting where a segment forms or a criterion fails now, looking closer at all else.

    A figure that would tell of few customers is left out (None).
    """
    limits, told = project.reevaluate, [*_of_forming(found, project), *_of_sizes(found["sizes"], project)]
    for one in found["criteria"]:
        if one["now"] == FAIL and one["segment"]:
            kind = {"kind": FIGURES[one["figure"]][1:]} if one["figure"] else {}
            told.append(reason(f"lost_{one['criterion']}", one["value"], one["limit"], "adjust", one) | {"segment": one["segment"]} | kind)
    for one in found["missing"]:
        if one["mark"] in ("more", "look"):
            value, ends = _told(one, project)
            told.append(reason("missing", value, limits.missing_more, "look", ends) | {"variable": one["variable"]})
    older = sum(each["mark"] == "older" for each in found["fresh"])
    told += [reason("older_tables", older, 1, "look")] if older else []
    core = found["steadiness"]["core"]
    return told + ([reason("core", core["value"], -CORE_LESS, "look", core)] if core["mark"] == "less" else [])


def _of_forming(found: dict, project: Project) -> list[dict]:
    told = []
    for code in ("gathering", "far"):
        one = found[code]
        if one["mark"] in ("more", "look"):
            value, ends = _told(one, project)
            told.append(reason(code, value, project.reevaluate.far_more, "adjust" if one["mark"] == "more" else "look", ends))
    for one in found["born"]:
        if one["newborn"]:
            limit = None if 0 < one["then"]["n"] < project.min_cell else forming.TIMES * one["then"]["share"]
            told.append(reason("born", one["share"], limit, "adjust") | {"segment": one["id"]})
    return told


def _of_sizes(found: list[dict], project: Project) -> list[dict]:
    told = []
    for one in found:
        if one["state"] in ("shrinking", "growing"):
            limit = CHANGED if one["state"] == "growing" else -CHANGED
            value, ends = (one["change"], one) if one["shown"] else (None, None)
            told.append(reason(one["state"], value, limit, "look", ends) | {"segment": one["id"]})
        elif one["state"] in ("vanished", "newborn"):
            told.append(reason(one["state"], None, project.min_cell, "adjust") | {"segment": one["id"]})
    return told


def _told(one: dict, project: Project) -> tuple[float | None, dict | None]:
    """The difference of two shares and its interval; neither where it would tell how few customers one of them is about."""
    few = any(0 < one[side]["n"] < project.min_cell for side in ("then", "now"))
    return (None, None) if few else (one["value"], one)


def fresh(quality: dict, earlier: dict | None, checked: dict, rests_on: Collection[str], project: Project) -> list[dict]:
    """How old the newest row of each table is, today and in the run before, in the order of the names.

    quality, earlier   what step 3 handed over in both runs
    rests_on           the tables that the variables of the segments are measured on: a survey held once ages without harm to others
    Returns            table, newest (instant), age_days, then_days (None: no such run), mark: "older" (older than fresh_within_days of
                       its sources, and than it was then), "idle" (the same, and no segment rests on it), "fresh"; None where no row is
                       dated
    """
    rows = []
    for name in sorted(set(quality["facts"]) & set(checked)):
        facts, past = quality["facts"][name], ((earlier or {}).get("facts") or {}).get(name) or {}
        age, then = facts.get("age_days"), past.get("age_days")
        allowed = [source.fresh_within_days for source in project.sources_of(name).values()]
        old = age is not None and age > max(allowed, default=project.reevaluate.stale_days) and (then is None or age > then)
        row = {"table": name, "newest": facts.get("last"), "age_days": age, "then_days": then}
        aged = "older" if name in rests_on else "idle"
        rows.append(row | {"mark": None if age is None else aged if old else "fresh"})
    return rows


def steadiness(evidence: dict, earlier: dict | None) -> dict:
    """How sure labels are and how surely segments come back, then and now.

    Returns   core {then, now (shares of core customers), value (difference), low, high, mark: "less" (all of its fall is beyond chance, and
              at least a tenth), "steady", None}, confidence {then, now: its mean}, stability {then, now: {low_quartile, median,
              high_quartile}, mark: "less" (its median is below the lower quartile of then), "steady", None}
    """
    now, then = (each or {} for each in (evidence.get("confidence"), (earlier or {}).get("confidence")))
    core = {"then": then.get("core"), "now": now.get("core"), "value": None, "low": None, "high": None, "mark": None}
    if core["then"] is not None and core["now"] is not None and then.get("n") and now.get("n"):
        low, high = newcombe(core["now"] * now["n"], now["n"], core["then"] * then["n"], then["n"])
        value = core["now"] - core["then"]
        core |= {"value": value, "low": low, "high": high, "mark": "less" if high < 0 and value <= -CORE_LESS else "steady"}
    told = [(each or {}).get("stability", {}).get(str((each or {}).get("k"))) for each in (earlier, evidence)]
    stable = {"then": told[0], "now": told[1], "mark": None}
    if all(told):
        stable["mark"] = "less" if told[1]["median"] < told[0]["low_quartile"] else "steady"
    sure = {"then": then.get("mean"), "now": now.get("mean")}
    return {"core": core, "confidence": sure, "stability": stable}


def criteria(found: dict | None, earlier: dict | None, *, untold: Collection[str] = ()) -> list[dict]:
    """The criteria that were met then and are not now, of all together (segment None) and of each segment, in their order.

    found, earlier   criteria.json of both runs
    untold           segments whose figures are not told, for being about few customers
    Returns          segment, criterion, then, now (verdicts: "pass", "fail", "cannot tell"), and of the figure that decides it: figure,
                     value, limit, low, high
    """
    if not found or not earlier:
        return []
    places = [(None, found["overall"], earlier["overall"])]
    places += [(one, found["segments"][one], earlier["segments"][one]) for one in found["segments"] if one in earlier["segments"]]
    lost = []
    for segment, here, there in places:
        for name in CRITERIA:
            now, then = here.get(name, {}).get("verdict"), there.get(name, {}).get("verdict")
            if then == PASS and now is not None and now != PASS:
                why = _deciding({} if segment in untold else here[name], now)
                lost.append({"segment": segment, "criterion": name, "then": then, "now": now} | why)
    return lost


def _deciding(judged: dict, verdict: str) -> dict:
    """The first figure of a criterion that has its verdict; all None where there is none."""
    for name, figure in sorted(judged.get("figures", {}).items()):
        if figure.get("verdict") == verdict:
            return {"figure": name} | {key: figure.get(key) for key in ("value", "limit", "low", "high")}
    return dict.fromkeys(("figure", "value", "limit", "low", "high"))


def born(found: dict) -> list[dict]:
    """What `reevaluation.json` says of segments that a new build would add."""
    return [{key: one[key] for key in ("id", "n", "share", "nearest", "newborn")} for one in found["born"]]


def _sizes(moved: Movement, project: Project) -> list[dict]:
    """`sizes`, and whether the figures of each may be told: those of step 6, of segments that the tables of the movement tell of."""
    closed = hidden(moved.segments, moved.table, least=project.min_cell)
    found = sizes(moved.segments, least=project.min_cell)
    return [one | {"shown": not closed.moves[place]} for place, one in enumerate(found)]


def _untold(step) -> set[str]:
    """Segments of today of which nothing but the name is told."""
    return {s["id"] for s in _own(step, "profiles").get("segments", []) if withheld(s, step.project.min_cell)}


def _today(step, moved: Movement, names: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """A sample of today's customers with the document's variables and all measured ones, ARRIVED and WAS; and the numbers measured."""
    table = customers(step)
    known = columns(step.project, table.columns)
    numbers = [name for name, column in known.items() if column.kind == "number" and (column.measured or name in names)]
    there = moved.travelled.select(KEY, **{forming.WAS: moved.travelled.before.fill_null("")})
    used = [name for name in table.columns if name in {*names, *numbers}]
    joined = table.select(KEY, *used).left_join(there, KEY).drop(f"{KEY}_right")
    sample = step.sample(joined)
    return sample.assign(**{forming.ARRIVED: (sample[forming.WAS].fillna("") == "").to_numpy(dtype=bool)}), numbers


def _proposed(step) -> tuple[dict, dict]:
    """Today's fit and where its ids come from: beside the approved document, or as the published one; ids {} on a first build."""
    if step.gives("build", "proposed"):
        proposed = step.take("build", "proposed")
        return proposed["segmentation"], proposed["ids"]
    found = step.take("build", "profiles")["segments"] if step.gives("build", "profiles") else []
    ids = {s["id"]: s["continues"] for s in found if s.get("continues")}
    return (step.take("build", "segmentation"), ids) if ids else ({}, {})


def _groups(step) -> dict:
    return {name: passport.get("group", name) for name, passport in _passports(step).items()}


def _rests_on(step, moved: Movement) -> set[str]:
    """The tables on which the variables of the segments are measured; attributes and answers rest on theirs as known today."""
    passports, used = _passports(step), [v["name"] for v in moved.document["variables"]] if moved.document else []
    return {"orders"} | {table for name in used if name in passports for table in passports[name].get("tables", [])}


def _passports(step) -> dict:
    return step.take("variables", "passports") if step.gives("variables", "passports") else {}


def _own(step, name: str) -> dict:
    return step.take("build", name) if step.gives("build", name) else {}


def _of(before: Past | None, step: str, name: str) -> dict | None:
    return before.json(step, name) if before is not None else None
