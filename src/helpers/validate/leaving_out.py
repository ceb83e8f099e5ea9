"""What leaving a variable out would change: the learned partition fitted with and without it, on the same and on other customers."""

import numpy as np
import pandas as pd

from helpers.project import Project
from helpers.threads import one_thread

STARTS = 10
"""Cold starts of each fit on a bootstrap sample, and of each half of those on all; the halves double until they find the same partition."""
MOST = 80
"""Cold starts at most, both halves together."""
PAIRS = 25
"""Pairs of bootstrap samples on which lists with and without a variable are compared."""
CUSTOMERS = 2500
"""Customers at most: every variable takes a fit on every pair."""
LEVEL = 0.05
"""How often, when no variable changes anything, chance may call one of them a change: over all of them together."""
NONE = 0.02
"""Agreement lost up to this is counted as none: step 6 takes two stabilities that differ by no more for the same."""
UNTOLD = {"lost": None, "low": None, "high": None, "more": None}


def without(sample: pd.DataFrame, names: list[str], project: Project) -> dict:
    """How much the segments would change if one variable were left out, for each of `names`.

    sample    customers with these variables, in their units; at most CUSTOMERS of them are drawn, by the project's seed
    Returns   customers, of (customers in the sample), segments, why ("" or why nothing can be told: "few customers", "few profiles",
              "one variable"), variables {name: agreement (adjusted Rand index of the partition without it and the full one, on the same
              customers; None when it cannot be cut), again (the same index of the partitions that two halves of the cold starts found),
              starts (that it took), lost (agreement between two bootstrap samples that is lost when the second is cut without it: the
              mean over the pairs), low, high (interval of `lost`, simultaneous over the variables), more (whether all of the interval
              lies above NONE); these four are None where samples do not tell}, full {again, starts}, samples {agreement (mean of two fits
              of the full list on two bootstrap samples), pairs, starts}, or None
    Source    Hubert & Arabie 1985 (adjusted Rand index); the pairs as in Dolnicar & Leisch 2010, doi 10.1007/s11002-009-9083-4; t
              interval of the mean paired difference, Bonferroni over the variables
    """
    with one_thread("sklearn.cluster"):
        return _without(_drawn(sample, project), names, project) | {"of": len(sample)}


def _drawn(sample: pd.DataFrame, project: Project) -> pd.DataFrame:
    if len(sample) <= CUSTOMERS:
        return sample
    return sample.iloc[np.sort(np.random.default_rng(project.seed).choice(len(sample), CUSTOMERS, replace=False))]


def _without(sample: pd.DataFrame, names: list[str], project: Project) -> dict:
    from sklearn.metrics import adjusted_rand_score

    k = project.scope.segments_wanted
    known, values = _transformed(sample, names, project)
    found = {"customers": len(sample), "segments": k, "why": _why_not(values, names, project)}
    found |= {"variables": {}, "full": None, "samples": None}
    if found["why"]:
        return found
    project = _with_axes(values, project)
    full, found["full"] = _cut(values, project)
    lost, found["samples"] = _between_samples(sample, known, names, project)
    for name in names:
        # What others are transformed by does not depend on it: its column is all that goes.
        cut, how = _cut(values[:, [other != name for other in names]], project)
        agreement = None if cut is None else float(adjusted_rand_score(full, cut))
        found["variables"][name] = {"agreement": agreement} | how | lost[name]
    return found


def _with_axes(values: np.ndarray, project: Project) -> Project:
    """The project with as many axes as the full list takes: a shorter list is cut on as many, so that only the variable differs."""
    from helpers.build.methods.space import axes_wanted

    wanted = project.build.axes or axes_wanted(values, [1] * values.shape[1], seed=project.seed)
    return project.model_copy(update={"build": project.build.model_copy(update={"axes": wanted})})


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

    from helpers.build.kmeans import kmeans, nearest  # late: the page of every step imports this room, and need not load what fits
    from helpers.build.methods.tree_of_classes import SAME

    k, halves, done = project.scope.segments_wanted, [None, None], 0
    if _different(values) < k:
        return None, {"again": None, "starts": 0}
    coordinates = _on_axes(values, project)
    while True:
        wanted = STARTS if not done else done // 2
        for i, best in enumerate(halves):
            new = kmeans(coordinates, k, n_starts=wanted, seed=project.seed + done + i * wanted)
            halves[i] = new if best is None or new.within < best.within else best
        done += 2 * wanted
        labels = [nearest(coordinates, half.centres) for half in halves]
        again = float(adjusted_rand_score(*labels))
        if again >= SAME or done >= MOST:
            best = min((0, 1), key=lambda i: halves[i].within)
            return labels[best], {"again": again, "starts": done}


def _on_axes(values: np.ndarray, project: Project, often: np.ndarray | None = None) -> np.ndarray:
    """Customers on factor axes: as many as the project has, else as many as parallel analysis keeps; learnt on those drawn, if any."""
    from helpers.build.methods.space import axes_wanted, principal_axes

    drawn = values if often is None else np.repeat(values, often, axis=0)
    wanted = project.build.axes or axes_wanted(drawn, [1] * values.shape[1], seed=0)
    return principal_axes(drawn, wanted).coordinates(values)


def _between_samples(sample: pd.DataFrame, known: list, names: list[str], project: Project) -> tuple[dict[str, dict], dict | None]:
    """What each variable takes from the agreement of two bootstrap samples when it is left out in the second of them.

    Both agreements of a pair are with the same fit of the full list on the first sample, so that like is compared with like: only the
    list of the second differs.
    """
    told, wholes, parts = [v.name for v in known], [], {v.name: [] for v in known}
    for pair in range(PAIRS):
        whole, cut = _pair(sample, known, pair, project)
        if whole is None:
            return dict.fromkeys(names, UNTOLD), None
        wholes.append(whole)
        for name, agreement in zip(told, cut, strict=True):
            parts[name].append(np.nan if agreement is None else agreement)
    wholes = np.array(wholes)
    parts |= {name: wholes for name in names if name not in parts}  # the same for everybody: without it, nothing is different
    lost = {name: _interval(wholes - np.array(parts[name]), len(names)) for name in names}
    return lost, {"agreement": float(wholes.mean()), "pairs": PAIRS, "starts": STARTS}


def _pair(sample: pd.DataFrame, known: list, pair: int, project: Project) -> tuple[float | None, list[float | None]]:
    """Agreement of the full list on one bootstrap sample with the full list on another, and with each shorter list on that other."""
    from sklearn.metrics import adjusted_rand_score

    from helpers.variables import apply, learn

    n, draw = len(sample), np.random.default_rng([project.seed, pair])
    seeds, cases = np.random.SeedSequence([project.seed, pair]).generate_state(2), []
    for _ in range(2):  # bounds, scales and axes are learnt on the draw
        rows = draw.integers(0, n, n)
        cases.append((apply(sample, learn(sample.iloc[rows], known, project)), np.bincount(rows, minlength=n)))
    first, second = (_fitted(*case, seed, project) for case, seed in zip(cases, seeds, strict=True))
    if first is None or second is None:
        return None, []
    values, often = cases[1]
    shorter = (_fitted(np.delete(values, i, axis=1), often, seeds[1], project) for i in range(len(known)))
    return float(adjusted_rand_score(first, second)), [None if cut is None else float(adjusted_rand_score(first, cut)) for cut in shorter]


def _fitted(values: np.ndarray, often: np.ndarray, seed: int, project: Project) -> np.ndarray | None:
    """Segments of all customers as those drawn make them, best of STARTS; None where too few of the drawn differ."""
    from sklearn.cluster import KMeans

    k, drawn = project.scope.segments_wanted, often > 0
    few = values[drawn][:200]
    if not values.shape[1] or (_different(few) < k and _different(values[drawn]) < k):
        return None
    x = _on_axes(values, project, often)
    return KMeans(k, n_init=STARTS, random_state=int(seed)).fit(x[drawn], sample_weight=often[drawn]).predict(x)


def _interval(lost: np.ndarray, variables: int) -> dict:
    """Mean and simultaneous interval of paired differences, one a pair."""
    from scipy.stats import t

    if np.isnan(lost).any():
        return UNTOLD
    mean = float(lost.mean())
    half = float(t.ppf(1 - LEVEL / (2 * variables), len(lost) - 1) * lost.std(ddof=1) / np.sqrt(len(lost)))
    return {"lost": mean, "low": mean - half, "high": mean + half, "more": mean - half > NONE}
