"""Keep, adjust, refit or rebuild: the agreement of a new build with the frozen one, and the verdict with every reason."""

from datetime import timedelta

import pandas as pd

from helpers.build import customers, labels
from helpers.build.agreement import adjusted_rand, interval
from helpers.build.methods import CONVENTIONS
from helpers.project import Project
from helpers.reevaluate.drift import KS_MARK
from helpers.reevaluate.movement import Movement
from helpers.run import Approved

MARKED = "confirm window already used"
"""What marks a backtest on the period on which the recipe was confirmed: it is not yet a test on new months."""
LEAST = 200
"""Customers present at both dates without whom there is no verdict."""
SPEAKS = {"above": "keep", "within": "look", "below": None}
"""What an interval speaks for by its side of the limit; below it depends on what is compared."""
ORDER = ("rebuild", "refit", "adjust", "keep", "look", "cannot tell")
"""The first of these that any reason speaks for is the verdict; "look" only where it is not told whether labels last."""


def reason(code: str, value, limit, speaks: str, ends: dict | None = None) -> dict:
    """One reason for or against, as the verdict weighs it and the page lists it.

    code     which rule: each room's page says it in words (REASONS)
    value, limit   what was found, and what the rule sets it against; None where there is none
    speaks   the verdict that it speaks for: one of ORDER
    ends     low and high, the 95 % interval of value, where there is one
    Returns  code, value, limit, speaks, low, high and close (the limit lies within the interval); whoever makes it adds segment,
             variable, objective, persona, campaign or team where it is about one
    """
    low, high = (ends or {}).get("low"), (ends or {}).get("high")
    close = low is not None and high is not None and limit is not None and low <= limit <= high
    return {"code": code, "value": value, "limit": limit, "speaks": speaks, "low": low, "high": high, "close": close}


def refit(step, frozen: dict | None) -> dict:
    """Agreement of the segmentation fitted today with the frozen one, both applied to today's customers.

    What was fitted today is what step 6 published, or in a re-evaluation what it proposes beside the approved document.

    Returns   value (adjusted Rand index), low, high (customers redrawn, both documents as they are), moved (share of customers whom
              the new fit alone puts elsewhere, its segments paired one to one with the frozen ones so that as many as possible stay),
              changed (how many they are, where everybody was counted), n; all None without a frozen document, a new fit or customers
    """
    from scipy.optimize import linear_sum_assignment

    nothing = dict.fromkeys(("value", "low", "high", "moved", "changed")) | {"n": 0}
    new = _fitted_today(step) if frozen else None
    sample = step.sample(customers(step)) if new else ()
    if not len(sample):
        return nothing
    fresh, old = labels(new, sample), labels(frozen, sample)
    table = pd.crosstab(fresh, old).to_numpy()
    found = interval(table, adjusted_rand, draws=step.project.build.draws, seed=step.project.seed)
    stays = int(table[linear_sum_assignment(-table)].sum())
    changed = len(sample) - stays if len(sample) < step.project.sample_rows else None
    return {"value": float(adjusted_rand(table)), **found, "moved": 1 - stays / len(sample), "changed": changed, "n": len(sample)}


def withdrawn(step) -> list[dict]:
    """A reason for each variable of the approved segmentation that people have left out since (variables.leave_out).

    What step 4 alone proposes no longer is no reason: its choice among variables that say the same thing changes with the data.
    """
    used = [v["name"] for v in step.approved.segmentation["variables"]] if step.approved else []
    left_out = step.project.variables.leave_out
    return [reason("withdrawn", None, None, "adjust") | {"variable": name} for name in used if name in left_out]


def comes_back(evidence: dict, chosen: str) -> float | None:
    """How far two samples of one period agree at worst in three cases of four (lower quartile of stability), where that was tested.

    Of a convention nothing comes back: its rules are written, or cut where the customers' numbers fall.
    """
    structure = evidence.get("structure")
    convention = chosen in CONVENTIONS or (isinstance(structure, dict) and structure.get("verdict") == "convention")
    found = None if convention else evidence.get("stability", {}).get(str(evidence.get("k")))
    return found["low_quartile"] if found else None


def judge(
    moved: Movement, agreement: dict, changes: list[dict], project: Project, *, steady: float | None, more: list[dict] | None = None
) -> tuple[str, list[dict]]:
    """The verdict and every reason, for and against: (verdict, reasons).

    agreement, changes   `refit` and `drift.changes`
    steady               `comes_back`
    more                 reasons that others found: in the yardstick, in what was done with the segments, in what people say of them

    Keeping is the default: a refit moves customers who did nothing, so it needs a reason of its own. An agreement passes or fails
    its limit only when all of its 95 % interval lies on one side; otherwise it cannot be told, and that speaks for looking closer.
    rebuild     the labels do not last: κ of everybody is below the scope's limit. Or a new build would give other segments: its
                agreement is below half the limit, so names, offers and owners would no longer belong to what they were made for.
    refit       a new build agrees less than the limit asks, or a variable has changed: the yardstick was learnt on other customers.
                The limit is lowered to what two samples of one period agree on, for fitting again cannot mend a recipe that does
                not come back; but to half of itself at most, or the less reproducible a recipe, the surer it would be kept.
    adjust      the segmentation is kept, and something that rests on it is changed: a name, a persona, an offer, a criterion that a
                segment no longer passes, a segment that may be forming. Nobody changes segment by that.
    look        the labels are not shown to last: the limit lies within the interval of κ. The segments are kept.
                A segment whose own κ is below the limit, or a variable to be looked at, speaks for it and decides nothing.
    cannot tell no earlier build, fewer than LEAST customers present at both dates, all of them in one segment, or nothing that is
                measured at both dates: who is sorted by attributes alone cannot move. What to adjust is listed all the same.

    A reason is what `reason` makes.
    """
    stay, more = moved.stay, more or []
    if stay["kappa"] is None or agreement["value"] is None or stay["n"] < LEAST or moved.immovable:
        return "cannot tell", [_nothing(moved, agreement), *more]
    lasting, limit = project.scope.criteria.interesting_kappa, project.reevaluate.refit_agreement
    lowered = limit if steady is None else max(min(limit, steady), limit / 2)
    other = "rebuild" if _side(agreement, lowered / 2) == "below" else "refit"
    reasons = [
        reason("lasting", stay["kappa"], lasting, SPEAKS[_side(stay, lasting)] or "rebuild", stay),
        reason("agreement", agreement["value"], lowered, SPEAKS[_side(agreement, lowered)] or other, agreement),
        *_of_variables(changes, project),
        *_of_segments(moved.segments, lasting),
        *more,
    ]
    gravest = min((r["speaks"] for r in reasons), key=ORDER.index)
    return "look" if gravest == "keep" and reasons[0]["speaks"] == "look" else gravest, reasons


def next_look(step):
    """The day on which the segments are looked at again, whatever the verdict.

    A doubtful verdict does not bring it nearer: the windows of an earlier look would share more of their days with today's, so that
    customers would look steadier for no reason of theirs.
    """
    return step.as_of + timedelta(days=step.project.reevaluate.every_days)


def as_document(
    windows: dict,
    moved: Movement,
    floor: dict,
    changes: list[dict],
    agreement: dict,
    judged: tuple,
    *,
    step=None,
    beside: dict | None = None,
) -> dict:
    """reevaluation.json, from the results of `backtest` or `since`, `noise_floor`, `drifted`, `refit` and `judge`.

    windows   those of the movement
    step      the step that judges: who approved what, and the day of the next review
    beside    what else step 9 found: causes {approved, last}, yardstick, worked and born, each None where it was not asked
    """
    ids, approved = [s["id"] for s in moved.segments], step.approved if step else None
    beside = {"causes": {"approved": None, "last": None}, "yardstick": None, "worked": None, "born": None} | (beside or {})
    return beside | {
        "from": windows["confirm"].built_at,
        "to": windows["published"].built_at,
        "marked": MARKED if moved.document and not tested(approved, windows) else None,
        "since": moved.since or None,
        "approved": {"run": approved.run, "role": approved.role, "on": approved.on} if approved else None,
        "next_review": next_look(step).date().isoformat() if step else None,
        "stay": moved.stay,
        "segments": moved.segments,
        "matrix": {one: dict(zip(ids, row.tolist(), strict=True)) for one, row in zip(ids, moved.table, strict=True)},
        "noise_floor": floor,
        "drift": changes,
        "refit_agreement": agreement["value"],
        "refit_interval": {end: agreement[end] for end in ("low", "high")},
        "refit_moved": agreement["moved"],
        "refit_changed": agreement.get("changed"),
        "verdict": judged[0],
        "reasons": judged[1],
    }


def tested(approved: Approved | None, windows: dict) -> bool:
    """Whether nothing of the months between the two dates took part in building what is judged: then it is a test, and no backtest.

    windows   those of the movement, with the earlier date as *confirm*
    """
    return approved is not None and approved.as_of <= windows["confirm"].built_at


def _fitted_today(step) -> dict | None:
    """The document that the recipe gives today: the published one, or in a re-evaluation the proposed one."""
    if step.approved is None:
        return step.take("build", "segmentation")
    return step.take("build", "proposed")["segmentation"] if step.gives("build", "proposed") else None


def _of_variables(changes: list[dict], project: Project) -> list[dict]:
    """One reason for all variables together, and one for each that has changed or is to be looked at."""
    changed = sum(d["mark"] == "changed" for d in changes)
    reasons = [reason("changed_variables", changed, 1, "refit" if changed else "keep")]
    for one in changes:
        if one["mark"] == "changed":
            found = reason("drift", one["psi"], project.reevaluate.drift_changed, "refit")
        elif one["mark"] == "look" and one["psi"] >= project.reevaluate.drift_look:
            found = reason("drift", one["psi"], project.reevaluate.drift_look, "look")
        elif one["mark"] == "look":
            found = reason("distance", one["ks"], KS_MARK, "look")
        else:
            continue
        reasons.append(found | {"variable": one["variable"]})
    return reasons


def _of_segments(segments: list[dict], limit: float) -> list[dict]:
    known = [(s["id"], s["stay"]["kappa"]) for s in segments if s["stay"]["kappa"] is not None]
    return [reason("segment_lasting", value, limit, "look") | {"segment": one} for one, value in known if value < limit]


def _nothing(moved: Movement, agreement: dict) -> dict:
    """Why there is no verdict."""
    if moved.document is None:
        return reason("no_earlier_build", None, None, "cannot tell")
    if moved.stay["n"] < LEAST:
        return reason("too_few", moved.stay["n"], LEAST, "cannot tell")
    if moved.immovable:
        return reason("immovable", 0, 1, "cannot tell")
    if moved.stay["kappa"] is not None and agreement["value"] is None:
        return reason("no_new_build", None, None, "cannot tell")
    return reason("one_segment", 1, 2, "cannot tell")


def _side(ends: dict, limit: float) -> str:
    """Whether all of an interval lies above or below the limit; "within": it cannot be told, as where there is no interval."""
    low, high = ends["low"], ends["high"]
    if low is None or low <= limit <= high:
        return "within"
    return "above" if low > limit else "below"
