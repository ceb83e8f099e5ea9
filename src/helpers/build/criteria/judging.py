"""The five criteria of a good segment, segment × criterion: each figure with its interval, its threshold and a verdict."""

import ibis.expr.types as ir

from helpers import collect
from helpers.build.criteria.accessible import accessible, reach
from helpers.build.criteria.figures import FAIL, PASS, UNKNOWN
from helpers.build.criteria.interesting import interesting, sizes
from helpers.build.criteria.later import homogeneous, measured_again, recognisable, unknown
from helpers.build.criteria.measurable import EVERYBODY, measurable
from helpers.build.inputs import KEY, Column, customers
from helpers.engine import Window

CRITERIA = ("measurable", "recognisable", "homogeneous", "interesting", "accessible")


def judged(
    step,
    document: dict,
    then: dict | None,
    members: ir.Table,
    members_then: ir.Table | None,
    columns: dict[str, Column],
    windows: dict[str, Window],
    orders: ir.Table,
    *,
    offers: bool = True,
) -> dict:
    """The five criteria for one segmentation, at the thresholds of scope.criteria.

    document       as published;  then: the same recipe built at the window *confirm*, under the published ids, or None: cannot tell
    members        customer_id, segment, by `document`;  members_then: the same by `then`, of the customers of that window
    columns        result of `inputs.columns`;  orders: order lines up to as_of
    offers         whether the offers typed in project.yml are for these segments; not so for the runner-up
    Returns        segments: id → criterion → figures (name → value, low, high, limit, side, verdict), verdict and because (a code);
                   overall: the same for all together;  passing: ids that pass all five;  counts: id → customers, now and then;
                   readable: id → how well a short rule tells the segment on the very days that made it: judges nothing;
                   base: customers, customers_then, rows (of the window *confirm*, in pandas), draws, variables (measured again), built_at
    """
    project, ids, earlier = step.project, [s["id"] for s in document["segments"]], (then, members_then)
    if then is None or members_then is None or not windows["confirm"].enough:
        earlier = None
    tables, known, defining = collect.checked(step), customers(step), [v["name"] for v in document["variables"]]
    counts = {s: 0 for s in ids} | sizes(members)
    found = _again(step, earlier, columns, defining)
    known_then = sizes(members_then) if earlier else {}
    halves = (recognisable(found, ids, project), homogeneous(found, ids, project)) if found else None
    recognised, alike = halves or unknown(ids, project, "not_measured_again" if earlier else "no_later")
    held = measurable(step, members, known, orders, windows["published"], defining)
    worth = interesting(step, members, known, orders, tables.get("contacts"), earlier, windows, ids, offers=offers)
    open_to = accessible(members, reach(members.select(KEY), tables | {"orders": orders}, project, as_of=step.as_of), counts, project)
    each = dict(zip(CRITERIA, (held, recognised, alike, worth, open_to), strict=True))
    lines = {s: {name: criteria.get(s) or _nobody() for name, criteria in each.items()} for s in [*ids, EVERYBODY]}
    return {
        "segments": {s: lines[s] for s in ids},
        "overall": lines[EVERYBODY],
        "passing": [s for s in ids if all(one["verdict"] == PASS for one in lines[s].values())],
        "counts": {s: {"now": counts[s], "then": known_then.get(s)} for s in ids},
        "readable": {s: recognised[s]["figures"].get("readable") for s in ids},
        "base": {
            "customers": counts[EVERYBODY],
            "customers_then": known_then.get(EVERYBODY),
            "rows": len(found.labels) if found else 0,
            "draws": project.build.draws,
            "variables": found.names if found else [],
            "built_at": windows["confirm"].built_at if earlier else None,
        },
    }


def _again(step, earlier, columns: dict[str, Column], defining: list[str]):
    """The customers of the window *confirm* before and after, by the signed variables and those of the document."""
    if earlier is None:
        return None
    signed = step.take("validate", "validation")["build_by"]
    return measured_again(step, earlier[1], columns, [*signed, *defining])


def _nobody() -> dict:
    """A segment of nobody."""
    return {"figures": {}, "verdict": UNKNOWN, "because": "few"}


__all__ = ["CRITERIA", "FAIL", "PASS", "UNKNOWN", "judged"]
