"""Which segments are worth the effort: knock-out criteria, then weighted attractiveness × ability to serve; figures and codes only."""

import math
from datetime import date, datetime

import numpy as np

from helpers import NinefoldError
from helpers.build.ahead import VALUE, Foreseen
from helpers.masking import withheld
from helpers.project import Project
from helpers.project.sections import SERVING

AMOUNTS = ("size", "revenue", "margin", "revenue_each", "answers", "value_ahead")
"""Scored as a share of the largest segment's: half as much, half the points."""
SHARES = ("bought_again", "stability", "reach", "recognisable")
"""Scored as they are: 40 % are 40 points."""
DRAWS = 10_000
WIDER = 2.0
"""In the draws every weight lies between the agreed one divided by this and multiplied by it."""
NORMAL = 1.96
OWN, UNDATED, LATER, BEFORE, AFTER, UNCERTAIN = "own", "undated", "later", "before", "after", "cannot tell"
NO_MARGIN, NO_CHANNELS, NOT_MEASURED, NOT_JUDGED = "no margin", "no channels", "not measured", "not judged"
NOT_PREDICTED, NO_BETTER = "not predicted", "no better"


def worth(
    profiles: dict,
    criteria: dict,
    evidence: dict,
    plan: dict,
    project: Project,
    *,
    as_of: datetime,
    foreseen: Foreseen | None = None,
) -> dict:
    """attractiveness.json: which segments are out, how the others score, and what the order rests on.

    profiles, criteria, evidence   as step 6 hands them over;  plan: result of `target.plan`
    foreseen   result of `build.ahead.foresee`: the value ahead, used where it is graded above C
    Returns    criteria: one a weight (axis, measure, weight, used, lacking: ids without a figure, why: a code); knock_out as typed;
               segments: figures, scores 0–100, attractive, serve, index (their product ÷ 100), rank, out and doubt (knock-out criteria
               failed, or that cannot be told apart from their limit), first, top, first_by_figures (shares of draws), places (in 95 of
               100 draws), profit of 30 days; out (ids), order (ids in play, best first), other_order (scored from worst 0 to best 100),
               top (places of the upper half), flips;
               ahead (status, grade of the value ahead, and whether it is margin)
    Raises     NinefoldError for a weight of scope.attractiveness.serve that nothing measures and nobody judges
    """
    shown = [s for s in profiles["segments"] if s["n"] and not withheld(s, project.min_cell)]
    foreseen = foreseen or Foreseen()
    found = figures(shown, profiles, criteria, evidence, plan, project)
    for segment in shown:
        found[segment["id"]]["value_ahead"] = _ahead(segment, foreseen)
    used = _criteria(found, project, foreseen)
    weights = {axis: {c["measure"]: c["weight"] for c in used if c["axis"] == axis and c["used"]} for axis in ("attractive", "serve")}
    scores = {measure: scaled(measure, values(found, measure), project) for axis in weights.values() for measure in axis}
    index, axes = _index(scores, weights)
    rows = [_row(s, found[s["id"]], project) for s in shown]
    playing = np.array([not row["out"] for row in rows], dtype=bool)
    order = _order(index, playing)
    for place, row in enumerate(rows):
        points = {measure: float(column[place]) for measure, column in scores.items()}
        row |= {"scores": points, **{a: None if x is None else float(x[place]) for a, x in axes.items()}}
        row |= {"index": None if index is None else float(index[place]), "rank": order.index(place) + 1 if place in order else None}
    top = _draws(rows, scores, weights, found, order, project)
    ids = [row["id"] for row in rows]
    other = _order(_other_scale(found, weights, project), playing) if order else []
    return {
        "agreed": agreed(project, as_of=as_of),
        "criteria": used,
        "knock_out": [k.model_dump(mode="json") for k in project.scope.attractiveness.knock_out],
        "segments": rows,
        "withheld": [s["id"] for s in profiles["segments"] if s not in shown],
        "out": [row["id"] for row in rows if row["out"]],
        "order": [ids[place] for place in order],
        "other_order": [ids[place] for place in other],
        "top": top,
        "draws": DRAWS,
        "wider": WIDER,
        "flips": flips(scores, weights, order),
        "profit": "margin" if project.target.margin_rate else "revenue",
        "ahead": {key: foreseen.may.parts[VALUE][key] for key in ("status", "reasons", "grade", "lacks")},
    }


# Figures


def figures(shown: list[dict], profiles: dict, criteria: dict, evidence: dict, plan: dict, project: Project) -> dict[str, dict]:
    """Segment → measure → {value, low, high} (interval null where none is known), or None where the value is not known.

    size           customers;  revenue, margin: money of 30 days;  revenue_each: money of one customer in 30 days
    growth         customers now over those of the segment as built one horizon earlier, less 1
    bought_again   share of the members then who bought in the horizon after;  answers: share of mailings answered
    stability      how surely the segment comes back in another sample (Jaccard), 0–1
    reach          share of the members who may be reached by a channel they use;  recognisable: balanced accuracy of a short rule
    value_ahead    money that step 4 expects of all members over predict.value_days (set by `worth`)
    cheap_contact  cost of one contact by the channel of the offer, else by the one that reaches most, else by the cheapest typed
    """
    ids = [s["id"] for s in profiles["segments"]]
    within = dict(zip(ids, evidence.get("within") or [None] * len(ids), strict=False))
    planned = {s["id"]: s for s in plan["segments"]}
    return {s["id"]: _figures(s, criteria, within.get(s["id"]), planned.get(s["id"], {}), project) for s in shown}


def _figures(segment: dict, criteria: dict, within: float | None, planned: dict, project: Project) -> dict:
    one, n, rate = segment["id"], segment["n"], project.target.margin_rate
    judged = criteria["segments"].get(one, {})
    each = _known(segment.get("revenue_per_30d"))
    revenue = _times(each, n)
    found = {
        "size": _known({"value": n}),
        "revenue": revenue,
        "margin": _times(revenue, rate) if rate else None,
        "revenue_each": each,
        "share_of_revenue": _known({"value": segment.get("share_of_revenue")}),
        "growth": _growth(criteria.get("counts", {}).get(one) or {}, project.min_cell),
        "bought_again": _bought_again(segment.get("active_later"), project.min_cell),
        "answers": _answers(planned.get("response")),
        "stability": _known({"value": within}),
        "reach": _known(_at(judged, "accessible", "share")),
        "recognisable": _known(_at(judged, "recognisable", "accuracy")),
        "cheap_contact": _known({"value": _contact(one, judged, project)}),
    }
    return found | {key: _known({"value": given.scores.get(one)}) for key, given in project.target.judged.items()}


def _ahead(segment: dict, foreseen: Foreseen) -> dict | None:
    """What all members are expected to bring over predict.value_days; None unless it is graded above C, and so may decide something."""
    row = foreseen.rows.get(segment["id"]) if foreseen.may.decides(VALUE) else None
    return _times(_known((row or {}).get("expected_value")), segment["n"])


def _known(figure: dict | None) -> dict | None:
    """value, low and high of a figure; None when it has no value."""
    if not figure or figure.get("value") is None:
        return None
    return {key: None if figure.get(key) is None else float(figure[key]) for key in ("value", "low", "high")}


def _times(figure: dict | None, factor: float) -> dict | None:
    return figure and {key: None if x is None else x * factor for key, x in figure.items()}


def _at(criteria: dict, name: str, figure: str) -> dict | None:
    return criteria.get(name, {}).get("figures", {}).get(figure)


def _growth(counts: dict, least: int) -> dict | None:
    """Members now over members then, less 1, with the normal interval of the logarithm of a ratio of two counts (Poisson's spread; wide,
    for many are the same people)."""
    now, then = counts.get("now"), counts.get("then")
    if now is None or not then or then < least:
        return None
    ratio, apart = now / then, math.exp(NORMAL * math.sqrt(1 / max(now, 1) + 1 / then))
    return _known({"value": ratio - 1, "low": ratio / apart - 1, "high": ratio * apart - 1})


def _bought_again(later: dict | None, least: int) -> dict | None:
    known = later and (later.get("n") or 0) >= least
    return _known({"value": later.get("share"), "low": later.get("low"), "high": later.get("high")}) if known else None


def _answers(response: dict | None) -> dict | None:
    """The share of mailings answered, with the normal interval over the customers mailed (their mailings are not independent)."""
    if not response:
        return None
    value = response["value"]
    half = NORMAL * (max(value * (1 - value), 0.0) / response["n"]) ** 0.5
    return _known({"value": value, "low": max(value - half, 0.0), "high": value + half})


def _contact(segment: str, criteria: dict, project: Project) -> float | None:
    channels, offer = project.target.channels, project.target.offers.get(segment)
    if not channels:
        return None
    best = offer.channel if offer else criteria.get("accessible", {}).get("channel")
    return channels[best].cost if best in channels else min(c.cost for c in channels.values())


def values(found: dict[str, dict], measure: str) -> np.ndarray:
    """The values of one measure, a segment each."""
    return np.array([f[measure]["value"] for f in found.values()], dtype=float)


def scaled(measure: str, x: np.ndarray, project: Project) -> np.ndarray:
    """Points 0–100 of the values of one measure, the segments along the last axis. No ranks: distances count.

    Amounts are a share of the largest of all segments, those knocked out included; shares are as they are; growth has 50 for "as many
    as before" and 100 for "twice as many"; a contact has 100 when it is free and 0 by the dearest channel typed; what people judge from
    0 to 10 is taken times 10.
    """
    x = np.asarray(x, dtype=float)
    if measure in AMOUNTS:
        largest = x.max(axis=-1, keepdims=True, initial=0.0)
        points = 100 * np.divide(x, largest, out=np.zeros_like(x), where=largest > 0)
    elif measure in SHARES:
        points = 100 * x
    elif measure == "growth":
        points = 50 + 50 * x
    elif measure == "cheap_contact":
        dearest = max((c.cost for c in project.target.channels.values()), default=0.0)
        points = 100 * (1 - x / dearest) if dearest else np.full_like(x, 100.0)
    else:
        points = 10 * x
    return np.clip(points, 0, 100)


# Weights


def _criteria(found: dict[str, dict], project: Project, foreseen: Foreseen) -> list[dict]:
    """Every weight, and whether it is used: only what is known of every segment, or those without a figure would be favoured or hurt."""
    typed, result = project.scope.attractiveness, []
    strange = [key for key in typed.serve if key not in (*SERVING, *project.target.judged)]
    if strange:
        raise NinefoldError(
            f"{project.file}: field scope.attractiveness.serve has the value {strange[0]!r}, which is none of {', '.join(SERVING)} and no "
            "key of target.judged. Take it out, or type in target.judged how people judge each segment by it."
        )
    for axis, weights in (("attractive", typed.attractive), ("serve", typed.serve)):
        for measure, weight in weights.items():
            lacking = [one for one, figure in found.items() if figure[measure] is None]
            why = _why(measure, project, foreseen) if lacking else None
            line = {"axis": axis, "measure": measure, "weight": weight, "used": not lacking, "lacking": lacking, "why": why}
            result.append(line | {"everywhere": len(lacking) == len(found)})
    return result


def _why(measure: str, project: Project, foreseen: Foreseen) -> str:
    if measure == "value_ahead":
        return NO_BETTER if foreseen.may.told(VALUE) and not foreseen.may.decides(VALUE) else NOT_PREDICTED
    if measure == "margin" and not project.target.margin_rate:
        return NO_MARGIN
    if measure == "cheap_contact":
        return NO_CHANNELS
    return NOT_JUDGED if measure in project.target.judged else NOT_MEASURED


def _index(scores: dict, weights: dict) -> tuple[np.ndarray | None, dict]:
    """attractive × serve ÷ 100, and both; None for an axis of which nothing is known, which the product then leaves out."""
    axes = {}
    for axis, own in weights.items():
        axes[axis] = sum(w * scores[m] for m, w in own.items()) / sum(own.values()) if own else None
    known = [x for x in axes.values() if x is not None]
    return (known[0] * known[1] / 100 if len(known) == 2 else known[0] if known else None), axes


def _order(index: np.ndarray | None, playing: np.ndarray) -> list[int]:
    """Places of the segments in play, the largest index first; of equals, the first in the list."""
    return [] if index is None else [int(i) for i in np.argsort(-np.round(index, 9), kind="stable") if playing[i]]


def _other_scale(found: dict, weights: dict, project: Project) -> np.ndarray | None:
    """The index when every measure runs from the worst segment, 0, to the best, 100: the other usual way of scoring."""
    scores = {}
    for measure in {m for own in weights.values() for m in own}:
        points = scaled(measure, values(found, measure), project)
        span = np.ptp(points)
        scores[measure] = 100 * (points - points.min()) / span if span else np.full_like(points, 100.0)
    return _index(scores, weights)[0]


def agreed(project: Project, *, as_of: datetime) -> dict:
    """Whether the weights were agreed before anybody could see the segments: status, on, by, against (the day compared with).

    own          nobody typed weights: they are the program's
    undated      typed without a day;  later: the day is not before as_of
    before       not after the day on which the list of variables was last signed (or, unsigned, last decided on), or the build was first
                 decided on, whichever is later
    after        later than that;  cannot tell: neither is dated
    """
    typed = project.scope.attractiveness
    day: date | None = typed.agreed_on
    sheet = [s.signed_on for s in project.validate_.signatures] or [d.decided_on for d in project.validate_.decisions]
    days = [max(sheet)] if sheet else []
    days += [min(d.decided_on for d in project.build.decisions)] if project.build.decisions else []
    against = max(days) if days else None
    if not typed.model_fields_set & {"attractive", "serve", "knock_out", "agreed_on"}:
        status = OWN
    elif day is None:
        status = UNDATED
    elif day >= as_of.date():
        status = LATER
    else:
        status = UNCERTAIN if against is None else BEFORE if day <= against else AFTER
    return {"status": status, "on": day, "by": list(typed.agreed_by), "against": against}


# Knock-out, draws and flips


def _row(segment: dict, found: dict, project: Project) -> dict:
    """One segment: what it is called, its figures, what knocks it out, and what it earns in 30 days."""
    head = {key: segment.get(key) for key in ("id", "name", "suggested", "colour", "fits")}
    failed, doubt = [], []
    for k in project.scope.attractiveness.knock_out:
        figure, line = found[k.measure], {"measure": k.measure, "at_least": k.at_least}
        if figure is None:
            doubt.append(line | {"value": None})
        elif figure["value"] < k.at_least:
            sure = figure["high"] is None or figure["high"] < k.at_least
            (failed if sure else doubt).append(line | {"value": figure["value"]})
    profit = found["margin"] or found["revenue"]
    return head | {"customers": segment["n"], "figures": found, "out": failed, "doubt": doubt, "profit": profit and profit["value"]}


def _draws(rows: list[dict], scores: dict, weights: dict, found: dict, order: list[int], project: Project) -> int:
    """Adds to every segment in play how often it is first and in the upper half when weights move, and first when figures do.

    Returns   how many places the upper half has
    """
    top = (len(order) + 1) // 2
    for row in rows:
        row |= dict.fromkeys(("first", "top", "places", "first_by_figures"))
    if not order:
        return top
    draw = np.random.default_rng([project.seed, len(rows), DRAWS])
    moved = {axis: {m: w * WIDER ** draw.uniform(-1, 1, (DRAWS, 1)) for m, w in own.items()} for axis, own in weights.items()}
    by_weights = _index(scores, moved)[0][:, order]
    noisy = {m: scaled(m, _noisy(found, m, draw), project) for own in weights.values() for m in own}
    by_figures = np.broadcast_to(_index(noisy, weights)[0], (DRAWS, len(rows)))[:, order]
    place = np.argsort(np.argsort(-by_weights, axis=1, kind="stable"), axis=1, kind="stable")
    for i, where in enumerate(order):
        rows[where] |= {"first": float((place[:, i] == 0).mean()), "top": float((place[:, i] < top).mean())}
        rows[where]["places"] = [int(q) + 1 for q in np.quantile(place[:, i], [0.025, 0.975], method="inverted_cdf")]
        rows[where]["first_by_figures"] = float((by_figures.argmax(axis=1) == i).mean())
    return top


def _noisy(found: dict, measure: str, draw: np.random.Generator) -> np.ndarray:
    """Draws of one measure, segments along the last axis: normal, as wide as its interval; a figure without one stays as it is."""
    spread = [0.0 if f[measure]["low"] is None else (f[measure]["high"] - f[measure]["low"]) / (2 * NORMAL) for f in found.values()]
    return values(found, measure) + np.array(spread) * draw.standard_normal((DRAWS, len(found)))


def flips(scores: dict, weights: dict, order: list[int]) -> list[dict]:
    """Which single weight, moved to what, makes the first two segments equal; the smallest move first.

    Solves (a₁ + w x₁) o₁ = (a₂ + w x₂) o₂ for w: a is the rest of the axis's weighted points, x the points of the measure, o the other
    axis. A weight without a positive solution cannot turn the two round and is left out.
    Returns   axis, measure, weight, to, factor (to ÷ weight)
    """
    if len(order) < 2:
        return []
    one, two = order[:2]
    axes, found = _index(scores, weights)[1], []
    for axis, other in (("attractive", "serve"), ("serve", "attractive")):
        beside = np.full(max(order) + 1, 100.0) if axes[other] is None else axes[other]
        for measure, weight in weights[axis].items():
            rest = sum(w * scores[m] for m, w in weights[axis].items() if m != measure) + np.zeros_like(scores[measure])
            slope = scores[measure][one] * beside[one] - scores[measure][two] * beside[two]
            gap = rest[two] * beside[two] - rest[one] * beside[one]
            if len(weights[axis]) > 1 and abs(slope) > 1e-9 and gap / slope > 1e-9:
                to = float(gap / slope)
                found.append({"axis": axis, "measure": measure, "weight": weight, "to": to, "factor": to / weight})
    return sorted(found, key=lambda f: (abs(np.log(f["factor"])), f["axis"], f["measure"]))
