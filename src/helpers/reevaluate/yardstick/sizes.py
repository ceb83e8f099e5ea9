"""Which segments shrink, grow, vanish or are new: sizes at both dates, those counted who came into scope or went out of it."""

import math
from statistics import NormalDist

from helpers.reevaluate.movement import LEVEL

CHANGED = 0.10
"""A segment is said to shrink or grow only when all of the interval of its change lies beyond a tenth: smaller ones come and go."""


def sizes(segments: list[dict], *, least: int) -> list[dict]:
    """Each segment's customers at both dates, and whether it changed by more than chance and by more than a tenth.

    segments   of `movement.segments`: before, now, arrived, departed, entered, left
    least      customers from whom a segment is one at all
    Returns    id, before, now, change (now / before − 1; None without anybody before), low, high, of_base (the same of its share of all
               customers), state: "vanished" (fewer than least now, not then), "newborn" (the other way round), "shrinking", "growing",
               "steady", or "few" (fewer than least at both dates)

    The interval is that of log(now / before) when customers are drawn again, who were there at both dates counting at both (delta
    method): variance 1/now + 1/before − 2·stayed/(now·before); 95 % for all segments together (Bonferroni). A segment shrinks or grows
    when all of it lies beyond a tenth and its share of all customers changed the same way beyond chance: when everybody leaves, that is
    news of the customers and not of a segment.
    """
    z = NormalDist().inv_cdf(1 - LEVEL / 2 / max(len(segments), 1))
    there, here = (sum(s[name] for s in segments) for name in ("before", "now"))
    both = here - sum(s["arrived"] for s in segments)
    return [_size(s, there, here, both, z, least) for s in segments]


def _size(s: dict, there: int, here: int, both: int, z: float, least: int) -> dict:
    before, now = s["before"], s["now"]
    told = {"id": s["id"], "before": before, "now": now, "change": now / before - 1 if before else None}
    ends = {"low": None, "high": None, "of_base": None}
    if min(before, now) < least:
        lost, came = before >= least > now, now >= least > before
        return told | ends | {"state": "vanished" if lost else "newborn" if came else "few"}
    stayed = before - s["left"] - s["departed"]
    change, error = math.log(now / before), math.sqrt(max(1 / now + 1 / before - 2 * stayed / (now * before), 0.0))
    low, high = (math.expm1(change + sign * z * error) for sign in (-1, 1))
    within = change - math.log(here / there)
    shared = stayed / (now * before) - (now - s["arrived"]) / (now * there) - (before - s["departed"]) / (here * before)
    noise = z * math.sqrt(max(1 / now - 1 / here + 1 / before - 1 / there - 2 * (shared + both / (here * there)), 0.0))
    state = "steady"
    if high < -CHANGED and within < -noise:
        state = "shrinking"
    elif low > CHANGED and within > noise:
        state = "growing"
    return told | {"low": low, "high": high, "of_base": math.expm1(within), "state": state}
