"""Do customers gather where few were: one more centre beside the segments in force, and how many are nearer to it, then and now.

A segment that is born rarely lies far from all others (the newborn one of fait_maison does not: 1.2 % of customers are beyond the 99th
percentile of before, where 1 % would be): its members fill a corner of a segment. So one centre is added to those in force, which stay as
they are, where today's customers have grown most; half of the customers choose it, the other half, who had no say, are counted.
"""

import numpy as np
import pandas as pd

from helpers.build import labels
from helpers.build.borders import coordinates, placed
from helpers.project import Project
from helpers.rates import newcombe
from helpers.reevaluate.yardstick.forming import TIMES, described, share_of

LEAST = 200
"""Customers at either date without whom nobody is counted."""
STARTS, ROUNDS = 40, 50
"""Customers with whom the added centre is begun, and how often it is moved at most."""


def gathering(document: dict | None, then: pd.DataFrame, now: pd.DataFrame, project: Project, *, names: list[str], groups: dict) -> dict:
    """Whether customers gather where few were: those nearer to one added centre than to that of any segment, at both dates.

    then, now   samples of the customers ordered by customer, with the document's variables; now: `names`, ARRIVED and WAS besides
    Returns     then and now {n, of, share} (of the half that did not choose the centre), value (difference of the shares), low, high
                (95 %, Newcombe), mark: "more" (all of it above reevaluate.far_more, and the share at least doubled), "look" (it may be),
                "usual", or None: cannot tell (few customers, fewer than two numbers in the document); about: `forming.described` of all
                who gather there, where the share has grown
    """
    nothing = dict.fromkeys(("then", "now", "value", "low", "high", "mark", "about"))
    space = _space(document, then, now) if document and min(len(then), len(now)) >= LEAST else None
    if space is None:
        return nothing
    before, today, centres = space
    own = [_nearest(points, centres) for points in (before, today)]
    draw = np.random.default_rng([project.seed, 99])
    chose = [draw.random(len(points)) < 0.5 for points in (before, today)]
    learnt = [np.flatnonzero(half)[: project.pairwise_rows] for half in chose]
    added = _added(before[learnt[0]], own[0][learnt[0]], today[learnt[1]], own[1][learnt[1]], draw)
    if added is None:
        return nothing
    there, here = (_squares(points, added) < squares for points, squares in zip((before, today), own, strict=True))
    sides = {"then": share_of(there[~chose[0]]), "now": share_of(here[~chose[1]])}
    low, high = newcombe(sides["now"]["n"], sides["now"]["of"], sides["then"]["n"], sides["then"]["of"])
    limit, doubled = project.reevaluate.far_more, sides["now"]["share"] >= TIMES * sides["then"]["share"]
    mark = "usual" if not doubled or low <= 0 or high <= limit else "more" if low > limit else "look"
    about = described(now, here, labels(document, now), project, names=names, groups=groups) if mark != "usual" else None
    return sides | {"value": sides["now"]["share"] - sides["then"]["share"], "low": low, "high": high, "mark": mark, "about": about}


def _space(document: dict, then: pd.DataFrame, now: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Customers at both dates and the segments' centres: the document's own, or of any other the means of those who were in them.

    These are taken where each number has the spread 1 among the earlier customers; None with fewer than two numbers.
    """
    if "nearest" in document["assign"]:
        (before, centres), (today, _) = placed(document, then), placed(document, now)
        return before, today, centres
    numbers = [v for v in document["variables"] if v["kind"] == "number"]
    if len(numbers) < 2:
        return None
    before, today = (coordinates({"variables": numbers}, frame) for frame in (then, now))
    middle, spread = before.mean(axis=0), before.std(axis=0)
    before, today = ((points - middle) / np.where(spread > 0, spread, 1.0) for points in (before, today))
    own = labels(document, then)
    return before, today, np.stack([before[own == one].mean(axis=0) for one in sorted(set(own))])


def _added(before: np.ndarray, own_before: np.ndarray, today: np.ndarray, own: np.ndarray, draw) -> np.ndarray | None:
    """The centre around which customers have grown most in number, in standard errors: of many starts, each moved until it rests."""
    best, found = 0.0, None
    for start in draw.choice(len(today), min(STARTS, len(today)), replace=False):
        centre = _rested(today, own, today[start])
        if centre is None:
            continue
        here, there = (np.mean(_squares(points, centre) < squares) for points, squares in ((today, own), (before, own_before)))
        pooled = (here * len(today) + there * len(before)) / (len(today) + len(before))
        error = np.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / len(today) + 1 / len(before)))
        if (here - there) / error > best:
            best, found = (here - there) / error, centre
    return found


def _rested(points: np.ndarray, own: np.ndarray, centre: np.ndarray) -> np.ndarray | None:
    """Lloyd's steps of one centre alone, the others as they are; None when hardly anybody stays with it."""
    for _ in range(ROUNDS):
        mine = _squares(points, centre) < own
        if mine.sum() < 10:
            return None
        moved = points[mine].mean(axis=0)
        if np.allclose(moved, centre):
            break
        centre = moved
    return centre


def _squares(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return ((points - centre) ** 2).sum(axis=1)


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.stack([_squares(points, centre) for centre in centres], axis=1).min(axis=1)
