"""May a new segment be forming: customers far from every segment, and segments that a new build would add."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from helpers.build import labels
from helpers.build.borders import coordinates, placed
from helpers.build.describe import traits
from helpers.build.naming import suggestions
from helpers.masking import few_on_a_side
from helpers.project import Project
from helpers.rates import newcombe

FAR = 0.99
"""Quantile of the distances of the earlier customers beyond which somebody is far from every segment."""
TIMES = 2.0
"""A segment of a new build is newborn when the share of customers in it is at least so many times that of before."""
SURE, TRAITS = 3.0, 6
"""v-test from which a trait is told, and how many are at most."""
FLOOR = 1e-6
ARRIVED, WAS = "arrived_", "before_"
"""Columns of today's sample: whether somebody came into scope since, and the segment of before ("" for who was not there)."""


def measure(document: dict) -> str | None:
    """How far somebody is from every segment: "distance" to the nearest centre, "likelihood" under all classes, "otherwise" (no rule
    fits), or None: rules, scores and trees have no distance, for everybody is inside some cell of theirs."""
    ((kind, how),) = document["assign"].items()
    if kind in ("nearest", "posterior"):
        return {"nearest": "distance", "posterior": "likelihood"}[kind]
    alone = kind == "first_match" and document.get("made_by") == "rules" and how["otherwise"] not in {r["segment"] for r in how["rules"]}
    return "otherwise" if alone else None


def remote(document: dict, frame: pd.DataFrame) -> np.ndarray:
    """How far each customer is from every segment, by `measure`: larger is farther; for "otherwise" 1 where no rule fits, else 0.

    distance     to the nearest centre, in the space in which segments are assigned
    likelihood   −log Σ share × density of what is known, per known variable
    """
    how = measure(document)
    if how == "otherwise":
        return (labels(document, frame) == document["assign"]["first_match"]["otherwise"]).astype("float64")
    if how == "distance":
        at, centres = placed(document, frame)
        return np.sqrt(np.stack([((at - centre) ** 2).sum(axis=1) for centre in centres], axis=1).min(axis=1))
    return _unlikely(document, frame)


def _unlikely(document: dict, frame: pd.DataFrame) -> np.ndarray:
    classes = document["assign"]["posterior"]["classes"]
    total = sum(c["share"] for c in classes)
    scores, known = np.zeros((len(frame), len(classes))), np.zeros(len(frame))
    for v in document["variables"]:
        value = coordinates({"variables": [v]}, frame)[:, 0] if v["kind"] == "number" else frame[v["name"]].astype("string")
        there = frame[v["name"]].notna().to_numpy() | (v["kind"] == "number" and v.get("missing") is not None)
        known += there
        for place, each in enumerate(classes):
            of = each["of"].get(v["name"])
            if of is not None:
                scores[:, place] += np.where(there, _log_density(of, value), 0.0)
    scores += np.log([max(c["share"] / total, FLOOR) for c in classes])
    top = scores.max(axis=1)
    return -(top + np.log(np.exp(scores - top[:, None]).sum(axis=1))) / np.maximum(known, 1)


def _log_density(of: dict, value) -> np.ndarray:
    if "levels" in of:
        return np.log(value.map(of["levels"]).astype("float64").fillna(FLOOR).clip(lower=FLOOR).to_numpy())
    sd = max(of["sd"], FLOOR)
    return -0.5 * ((value - of["mean"]) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))


def far(document: dict | None, then: pd.DataFrame, now: pd.DataFrame, project: Project, *, names: list[str], groups: dict) -> dict:
    """Customers farther from every segment than 99 in 100 were, at both dates; the limit is learnt on the earlier ones.

    then, now   one row a customer (samples) with the document's variables; now: `names`, ARRIVED and WAS besides
    names       numbers that describe them;  groups: variable → what it says the same as (`naming.suggestions`)
    Returns     measure (None: cannot tell, and so is all else), limit, then and now {n, of, share}, value (difference of the shares),
                low, high (95 %, Newcombe), mark: "more" (all of it above reevaluate.far_more), "look" (it may be), "usual", or None;
                about: `described` of those who are far now, where there are more of them, else None
    """
    how = measure(document) if document else None
    nothing = {"measure": None, **dict.fromkeys(("limit", "then", "now", "value", "low", "high", "mark", "about"))}
    if how is None or min(len(then), len(now)) < project.min_cell:
        return nothing
    before, today = remote(document, then), remote(document, now)
    limit = 0.5 if how == "otherwise" else float(np.quantile(before, FAR))
    sides = {name: share_of(values > limit) for name, values in (("then", before), ("now", today))}
    low, high = newcombe(sides["now"]["n"], sides["now"]["of"], sides["then"]["n"], sides["then"]["of"])
    mark = "more" if low > project.reevaluate.far_more else "look" if low > 0 and high > project.reevaluate.far_more else "usual"
    about = described(now, today > limit, labels(document, now), project, names=names, groups=groups) if low > 0 else None
    value = sides["now"]["share"] - sides["then"]["share"]
    return {"measure": how, "limit": limit, **sides, "value": value, "low": low, "high": high, "mark": mark, "about": about}


def born(
    frozen: dict,
    fitted: dict,
    ids: dict[str, dict],
    then: pd.DataFrame,
    now: pd.DataFrame,
    project: Project,
    *,
    names: list[str],
    groups: dict,
) -> list[dict]:
    """Segments that a new build adds, and whether their customers are new or only cut otherwise.

    frozen        the document in force
    fitted, ids   today's fit and where its ids come from ({id: {from, nearest, jaccard}}; from None: no earlier one)
    then, now     as for `far`
    Returns       id, n, share, then {n, of, share} (who would have been in it before; None where it cannot be told), low, high (95 % of
                  the difference), newborn (at least TIMES the share of before, and the difference above 0; None: cannot tell), nearest,
                  jaccard, about: `described`; none of fewer than min_cell customers
    """
    new = [one for one, each in ids.items() if each["from"] is None]
    if not new or len(now) < project.min_cell:
        return []
    here = labels(fitted, now)
    known = {v["name"] for v in fitted["variables"]} <= set(then.columns) and len(then)
    there = labels(fitted, then) if known else None
    found = []
    for one in new:
        inside, today = here == one, share_of(here == one)
        if today["n"] < project.min_cell:
            continue
        about = described(now, inside, labels(frozen, now), project, names=names, groups=groups)
        row = {"id": one, "n": today["n"], "share": today["share"], "nearest": ids[one]["nearest"], "jaccard": ids[one]["jaccard"]}
        found.append(row | _more(today, None if there is None else share_of(there == one)) | {"about": about})
    return found


def _more(now: dict, then: dict | None) -> dict:
    if then is None:
        return {"then": None, "low": None, "high": None, "newborn": None}
    low, high = newcombe(now["n"], now["of"], then["n"], then["of"])
    return {"then": then, "low": low, "high": high, "newborn": bool(low > 0 and now["share"] >= TIMES * then["share"])}


def dropped(frozen: dict, ids: dict[str, dict]) -> list[str]:
    """Segments in force that a new build would no longer have."""
    kept = {each["from"] for each in ids.values()}
    return [s["id"] for s in frozen["segments"] if ids and s["id"] not in kept]


def described(
    now: pd.DataFrame, inside: np.ndarray, segments: np.ndarray, project: Project, *, names: Collection[str], groups: dict
) -> dict | None:
    """What some customers are like beside all others: traits by v-test, a name for them, arrivals and where the others were before.

    segments  the segment in force of each customer, today
    Returns   n, near (the segment that most of them are in), traits [{variable, effect, v}] (the strongest), suggested {name and
              expect, by what sets them apart from the others of that segment, or from everybody where these are few; in_short, by what
              sets them apart from everybody}, arrived (share that
              came into scope since; None where it would tell of few), came_from [{segment, share}] (of those who were there, most first);
              None of fewer than min_cell customers
    """
    least, n = project.min_cell, int(inside.sum())
    if n < least:
        return None
    near = pd.Series(segments[inside]).value_counts().sort_index().idxmax()
    around = (segments == near) | inside
    around = around if (around & ~inside).sum() >= least else np.ones(len(now), dtype=bool)
    apart = _strong(traits(now[around], np.where(inside[around], "in", "out"), list(names), least=least)["in"])
    strong = _strong(traits(now, np.where(inside, "in", "out"), list(names), least=least)["in"])
    came, was = now[ARRIVED].to_numpy(dtype=bool)[inside], now[WAS][inside]
    were = was[~came].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shares = [{"segment": str(one), "share": count / n, "n": n} for one, count in were.items()]
    arrived = share_of(came)
    hidden = few_on_a_side({"share": arrived["share"], "n": n}, least)
    shown = [{key: s[key] for key in ("segment", "share")} for s in shares if not hidden and not few_on_a_side(s, least)]
    said = [suggestions({"S1": each}, project, groups=groups)["S1"] for each in (apart, strong)]
    suggested = {"name": said[0]["name"], "expect": said[0]["expect"], "in_short": said[1]["in_short"]}
    told = {"n": n, "near": str(near), "traits": strong, "suggested": suggested}
    return told | {"arrived": None if hidden else arrived["share"], "came_from": shown}


def _strong(found: list[dict]) -> list[dict]:
    """The strongest traits that chance does not explain."""
    return [{key: t[key] for key in ("variable", "effect", "v")} for t in found if t["effect"] is not None and abs(t["v"]) > SURE][:TRAITS]


def share_of(having: np.ndarray) -> dict:
    """n, of and share of a vector of yes and no."""
    return {"n": int(having.sum()), "of": len(having), "share": float(having.mean()) if len(having) else 0.0}
