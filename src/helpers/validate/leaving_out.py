"""What leaving a variable out would change: the learned partition fitted with and without it, beside what chance alone changes."""

import numpy as np
import pandas as pd

from helpers.project import Project

STARTS = 10
"""Cold starts of each half; doubled until the two halves find the same partition."""
MOST = 80
"""Cold starts at most, both halves together."""
PAIRS = 20
"""Pairs of bootstrap samples that tell how much another draw of customers changes."""
RANGE = (0.1, 0.5, 0.9)
"""Quantiles of chance: outside of the outer two lie two draws of ten."""


def without(sample: pd.DataFrame, names: list[str], project: Project) -> dict:
    """How much the segments would change if one variable were left out, for each of `names`.

    sample    customers with these variables, in their units; at most pairwise_rows of them
    Returns   customers, segments, why ("" or why nothing can be told: "few customers", "few profiles", "one variable"),
              variables {name: agreement (adjusted Rand index of the partition without it and the full one; None when it cannot be cut),
              again (the same index of the partitions that two halves of the cold starts found), starts (that it took), more (whether it
              changes more than another draw of customers: agreement below the low end of chance; None when that is not known)},
              full {again, starts}, chance {low, median, high (quantiles RANGE), pairs} of two fits of the full list on two bootstrap
              samples of the customers, or None
    Source    Hubert & Arabie 1985 (adjusted Rand index); the pairs as in Dolnicar & Leisch 2010, doi 10.1007/s11002-009-9083-4
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # sums on several threads differ from run to run, and small ones wait for each other
        return _without(sample, names, project)


def _without(sample: pd.DataFrame, names: list[str], project: Project) -> dict:
    from sklearn.metrics import adjusted_rand_score

    k = project.scope.segments_wanted
    known, values = _transformed(sample, names, project)
    found = {"customers": len(sample), "segments": k, "why": _why_not(values, names, project)}
    found |= {"variables": {}, "full": None, "chance": None}
    if found["why"]:
        return found
    full, found["full"] = _cut(values, project)
    found["chance"] = _chance(sample, known, project)
    for name in names:
        # What others are transformed by does not depend on it: its column is all that goes.
        cut, how = _cut(values[:, [other != name for other in names]], project)
        agreement = None if cut is None else float(adjusted_rand_score(full, cut))
        told = agreement is not None and found["chance"] is not None
        more = agreement < found["chance"]["low"] if told else None
        found["variables"][name] = {"agreement": agreement, "more": more} | how
    return found


def _transformed(sample: pd.DataFrame, names: list[str], project: Project) -> tuple[list, np.ndarray]:
    """The variables that tell anybody apart, and all of them in transformed units (one that does not is 0 for everybody)."""
    from helpers.variables import apply, catalogue, learn

    known = {v.name: v for v in catalogue(project)}
    values = apply(sample, learn(sample, [known[name] for name in names], project))
    flat = [not len(column) or np.ptp(column) < 1e-12 for column in values.T]
    values[:, flat] = 0.0
    return [known[name] for name, same in zip(names, flat, strict=True) if not same], values


def _why_not(values: np.ndarray, names: list[str], project: Project) -> str:
    if len(values) < project.min_cell:
        return "few customers"
    if len(names) < 2:
        return "one variable"
    return "few profiles" if _different(values) < project.scope.segments_wanted else ""


def _different(values: np.ndarray) -> int:
    return len(np.unique(values.round(9), axis=0))


def _cut(values: np.ndarray, project: Project) -> tuple[np.ndarray | None, dict]:
    """The partition with the lowest sum of squares, and how surely it was found: two halves of the starts, doubled until they agree."""
    from sklearn.metrics import adjusted_rand_score

    from helpers.build import classes  # late: the page of every step imports this room, and need not load what fits

    k, halves, done = project.scope.segments_wanted, [None, None], 0
    if _different(values) < k:
        return None, {"again": None, "starts": 0}
    coordinates = classes.principal_axes(values, project.build.axes).coordinates(values)
    while True:
        wanted = STARTS if not done else done // 2
        for i, best in enumerate(halves):
            new = classes.starts(coordinates, k, n=wanted, seed=project.seed + done + i * wanted)[0]
            halves[i] = new if best is None or new.within < best.within else best
        done += 2 * wanted
        again = float(adjusted_rand_score(halves[0].labels, halves[1].labels))
        if again >= classes.SAME or done >= MOST:
            return min(halves, key=lambda half: half.within).labels, {"again": again, "starts": done}


def _chance(sample: pd.DataFrame, known: list, project: Project) -> dict | None:
    """How far two fits of the full list agree, on two bootstrap samples of the same customers, as step 6 makes them."""
    from helpers.build import classes
    from helpers.variables import apply, learn

    def recode(drawn: np.ndarray) -> np.ndarray:  # bounds, scales and axes are learnt on the draw
        rows = np.repeat(np.arange(len(sample)), drawn.astype(int))
        values = apply(sample, learn(sample.iloc[rows], known, project))
        return classes.principal_axes(values[rows], project.build.axes).coordinates(values)

    k, whole = project.scope.segments_wanted, recode(np.ones(len(sample)))
    stable, _ = classes.stability(whole, [k], pairs=PAIRS, seed=project.seed, most_starts=2 * STARTS, recode=recode)
    if k not in stable:
        return None
    low, median, high = (float(q) for q in np.quantile(stable[k], RANGE))
    return {"low": low, "median": median, "high": high, "pairs": PAIRS}
