"""Whether segments exist apart from the cut: stability and prediction strength against data that hold no segments."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from helpers.build import agreement
from helpers.build.kmeans import kmeans, nearest
from helpers.build.nulls import one_cloud, unrelated
from helpers.build.workers import shared
from helpers.threads import one_thread

ROWS = 1_000
"""Customers looked at, at most."""
LEAST = 50
"""Customers below which nothing is told."""
PAIRS, SPLITS, STARTS = 10, 8, 10
"""Pairs of bootstrap samples, split halves, and cold starts of each fit: the same for the data and for every draw."""
FIRST_STEPS, KEPT, MOST_STEPS = 3, 4, 100
"""After the first steps the best starts go on, until none gains."""
LEVEL = 0.05
SPREAD = 0.01
"""No standard deviation of a statistic is taken to be smaller: a lead in the third decimal is none."""
DOMINATED = 0.90
"""Share of a two-valued variable that the partition explains, from which it is said to decide alone."""
SUSPECTED, LEAD, FEW_DRAWS, FALLEN = 0.5, 0.1, 19, 0.2
"""A variable may carry the verdict alone if the partition explains it to this share, more than any other by the second; it is left out with
so many draws, and "natural" falls without it when a p is above the last: so few draws place a p near .05 by chance on either side."""
NULLS = ("one_cloud", "unrelated")
STATISTICS = ("stability", "strength")


def verdict(
    values: np.ndarray,
    ks: Iterable[int],
    wanted: int,
    *,
    draws: int = 39,
    seed: int,
    names: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """The structure verdict of `definitions.md`: do segments stand apart in these coordinates?

    values    customers × coordinates after transforms; the order of the customers changes nothing
    ks        the numbers of segments of the scope;  wanted  the scope's number
    draws     data sets of each kind without structure
    names     the variable of each coordinate; several coordinates may belong to one
    progress  called with the data sets done and all there are

    Returns   verdict "natural", "reproducible", "constructive" or "cannot tell"; why (a code when it cannot be told, else None);
              recommended_k, k_by "evidence" or "scope"; customers, rows looked at, draws, pairs, splits, starts, constant (names left
              out); by_k {k as text: {stability, strength, each null: {each statistic: median, low and high (5 % and 95 % quantiles), p
              over all k, excess in standard deviations}}}; p {null: {statistic: p}}; dominated (`dominated_by`, at recommended_k);
              carried_by, the one variable without which the verdict "natural" falls, or None; left_out {variable: p}
    Source    prediction strength: Tibshirani & Walther 2005, doi 10.1198/106186005X59243; stability: Dolnicar & Leisch 2010;
              the largest standardised excess over k: Westfall & Young 1993
    """
    values = np.atleast_2d(np.asarray(values, dtype="float64"))
    names = list(names) if names is not None else [str(i) for i in range(values.shape[1])]
    ks = sorted({int(k) for k in ks if k >= 2})
    made = {"customers": len(values), "draws": draws, "pairs": PAIRS, "splits": SPLITS, "starts": STARTS, "constant": []}
    why, kept = _judgeable(values, ks)
    if why:
        return made | _untold(why, wanted)
    made["constant"] = [name for name, stays in zip(names, kept, strict=True) if not stays]
    names = [name for name, stays in zip(names, kept, strict=True) if stays]
    with one_thread():
        return made | _judged(sample(values[:, kept], seed), ks, wanted, draws, seed, names, progress)


def dominated_by(values: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict:
    """How much of each variable's variance a partition explains, and the two-valued variables that decide it alone.

    values   customers × coordinates;  labels  one segment a customer;  names  the variable of each coordinate
    Returns  shares {variable: between the segments ÷ all, 0–1}, the largest first; decides [{variable, share}]: variables of two
             values explained to .90 or more, where the partition says little else than which value a customer has
    """
    values = np.asarray(values, dtype="float64")
    _, labels = np.unique(np.asarray(labels), return_inverse=True)
    centred = values - values.mean(axis=0)
    sizes = np.bincount(labels)
    sums = np.stack([np.bincount(labels, weights=column) for column in centred.T], axis=1)
    between, whole = (sums**2 / sizes[:, None]).sum(axis=0), (centred**2).sum(axis=0)
    shares, decides = {}, []
    for name in dict.fromkeys(names):
        own = np.array([n == name for n in names])
        if whole[own].sum() <= 1e-12 * len(values):
            continue
        shares[name] = float(min(1.0, between[own].sum() / whole[own].sum()))
        if shares[name] >= DOMINATED and len(np.unique(values[:, own], axis=0)) == 2:
            decides.append({"variable": name, "share": shares[name]})
    return {
        "shares": dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))),
        "decides": sorted(decides, key=lambda found: (-found["share"], found["variable"])),
    }


def sample(values: np.ndarray, seed: int, rows: int = ROWS) -> np.ndarray:
    """At most so many rows, drawn by the seed from the rows in ascending order: whatever order they come in, the same ones."""
    ordered = values[np.lexsort(np.round(values, 9).T[::-1])]
    return ordered[np.random.default_rng([seed, 8]).permutation(len(ordered))[:rows]]


def statistics(x: np.ndarray, ks: Sequence[int], seed: Sequence[int]) -> np.ndarray:
    """Median stability (10 pairs) and prediction strength (8 split halves) of k-means: statistics × k; NaN where k cannot be fitted."""
    draw, n = np.random.default_rng(seed), len(x)
    drawn = [np.bincount(draw.integers(0, n, n), minlength=n) for _ in range(2 * PAIRS)]
    first = [draw.permutation(n) < n // 2 for _ in range(SPLITS)]
    halves = [half for one in first for half in (one, ~one)]
    weights = np.array([*drawn, *halves], dtype="float64")
    found = np.full((len(STATISTICS), len(ks)), np.nan)
    alike = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    different = min(len(np.unique(alike[w > 0])) for w in weights)
    for place, k in enumerate(ks):
        if different < k:
            continue
        tasks = [(w, np.random.default_rng([*seed, k, i])) for i, w in enumerate(weights)]
        labels = _labels(x, np.stack([_fitted(x, *task, k) for task in tasks]))
        pairs = labels[: 2 * PAIRS]
        found[0, place] = np.median(adjusted_rand(pairs[::2], pairs[1::2], k))
        own, halves_of = labels[2 * PAIRS :], weights[2 * PAIRS :] > 0
        other = own.reshape(SPLITS, 2, n)[:, ::-1].reshape(2 * SPLITS, n)
        found[1, place] = prediction_strength(own, other, halves_of, k).mean()
    return found


def adjusted_rand(one: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    """Adjusted Rand index (Hubert & Arabie 1985) of labellings 0 … k−1, pair by pair: pairs × rows twice; 1 for two trivial ones."""
    return agreement.adjusted_rand(_crossed(one, other, np.ones(one.shape, dtype=bool), k))


def prediction_strength(own: np.ndarray, other: np.ndarray, tested: np.ndarray, k: int) -> np.ndarray:
    """Of each segment's pairs of tested rows, the share that the other half's centres keep together; the least over the segments.

    own      labels by the fit on the tested rows;  other  by the fit on the rest;  tested  which rows; all splits × rows
    """
    table = _crossed(own, other, tested, k)
    whole = _pairs(table.sum(axis=2))
    kept = np.where(whole > 0, _pairs(table).sum(axis=2) / np.where(whole > 0, whole, 1.0), 1.0)  # a single row has no pairs to part
    return kept.min(axis=1)


def _judgeable(values: np.ndarray, ks: list[int]) -> tuple[str | None, np.ndarray]:
    """Why nothing can be told, if so, and which columns are not constant."""
    if not np.isfinite(values).all():
        return "missing", np.zeros(values.shape[1], dtype=bool)
    if len(values) < LEAST:
        return "few_rows", np.zeros(values.shape[1], dtype=bool)
    kept = values.max(axis=0) - values.min(axis=0) > 1e-9 * np.maximum(1.0, np.abs(values).max(axis=0))
    if not kept.any():
        return "alike", kept
    different = len(np.unique(values[:, kept], axis=0))
    return (None if any(k < different for k in ks) else "few_different"), kept


def _judged(x: np.ndarray, ks: list[int], wanted: int, draws: int, seed: int, names: list[str], progress) -> dict:
    seen = _compared(x, ks, NULLS, draws, seed, progress)
    if not seen["ks"]:
        return _untold("few_different", wanted)
    told = _told(seen, wanted) | {"why": None, "rows": len(x), "by_k": _by_k(seen), "p": seen["p"]}
    k = told["recommended_k"] if told["recommended_k"] in seen["ks"] else seen["ks"][-1]
    told["dominated"] = dominated_by(x, nearest(x, kmeans(x, k, n_starts=100, seed=[seed, 9]).centres), names)
    return told | _carried(x, k, names, told, seed)


def _untold(why: str, wanted: int) -> dict:
    nothing = {"dominated": {"shares": {}, "decides": []}, "carried_by": None, "left_out": {}}
    return {"verdict": "cannot tell", "why": why, "recommended_k": wanted, "k_by": "scope", "rows": 0, "by_k": {}, "p": {}} | nothing


def _compared(x: np.ndarray, ks: list[int], nulls: Sequence[str], draws: int, seed: int, progress=None) -> dict:
    """Statistics of the data and of the draws (null → draws × statistics × k), and their tests, for the k that all can be cut in."""
    whole, cloud = 1 + draws * len(nulls), one_cloud(x)

    def seen(task: tuple[int, int]) -> np.ndarray:
        kind, i = task
        if not kind:
            return statistics(x, ks, [seed, 0, 0])
        draw = np.random.default_rng([seed, kind, i, 7])
        made = cloud.draw(len(x), draw) if nulls[kind - 1] == "one_cloud" else unrelated(x, draw)
        return statistics(made, ks, [seed, kind, i])

    tasks = [(0, 0), *((kind, i) for kind in range(1, len(nulls) + 1) for i in range(draws))]
    observed, *found = shared(seen, tasks, done=(lambda done: progress(done, whole)) if progress else None)
    drawn = {null: np.array(found[place * draws : (place + 1) * draws]) for place, null in enumerate(nulls)}
    told = np.isfinite(observed).all(axis=0) & np.all([np.isfinite(d).all(axis=(0, 1)) for d in drawn.values()], axis=0)
    ks = [k for k, there in zip(ks, told, strict=True) if there]
    observed, drawn = observed[:, told], {null: found[:, :, told] for null, found in drawn.items()}
    tests = {null: {s: _tested(observed[i], found[:, i]) for i, s in enumerate(STATISTICS)} for null, found in drawn.items()} if ks else {}
    p = {null: {s: test["p"] for s, test in found.items()} for null, found in tests.items()}
    return {"ks": ks, "observed": observed, "drawn": drawn, "tests": tests, "p": p}


def _tested(observed: np.ndarray, drawn: np.ndarray) -> dict:
    """p of the largest standardised excess over k, and of the excess at each k against the largest of each draw (Westfall & Young 1993).

    Mean and deviation are taken over the data and the draws together: without structure all of them are then alike, and the test is exact.
    """
    every = np.vstack([observed, drawn])
    excess = (every - every.mean(axis=0)) / np.maximum(every.std(axis=0), SPREAD)
    largest = excess.max(axis=1)
    beaten = [(1 + int((largest[1:] >= own - 1e-12).sum())) / len(every) for own in (largest[0], *excess[0])]
    alone = (observed - drawn.mean(axis=0)) / np.maximum(drawn.std(axis=0), SPREAD)
    return {"p": beaten[0], "p_by_k": beaten[1:], "excess": alone}


def _told(seen: dict, wanted: int) -> dict:
    """The verdict by the p of each statistic against each null, and the number of segments that it recommends.

    Numbers of segments are compared by the excess of prediction strength in its own unit: in deviations, a k at which all clouds agree
    would win by a hair (four corners with k = 5).
    """
    p, tests = seen["p"], seen["tests"]
    if all(p["one_cloud"][s] <= LEVEL for s in STATISTICS):
        both = [
            (seen["observed"][1, i] - np.median(seen["drawn"]["one_cloud"][:, 1, i]), k)
            for i, k in enumerate(seen["ks"])
            if all(tests["one_cloud"][s]["p_by_k"][i] <= LEVEL for s in STATISTICS)
        ]
        found = {"verdict": "natural", "k_by": "evidence" if both else "scope"}
        return found | {"recommended_k": max(both)[1] if both else wanted}
    kind = "reproducible" if p["unrelated"]["stability"] <= LEVEL else "constructive"
    return {"verdict": kind, "recommended_k": wanted, "k_by": "scope"}


def _by_k(seen: dict) -> dict:
    found = {}
    for i, k in enumerate(seen["ks"]):
        found[str(k)] = {s: float(seen["observed"][j, i]) for j, s in enumerate(STATISTICS)}
        for null, drawn in seen["drawn"].items():
            found[str(k)][null] = {}
            for j, s in enumerate(STATISTICS):
                low, median, high = (float(q) for q in np.quantile(drawn[:, j, i], [0.05, 0.5, 0.95]))
                test = seen["tests"][null][s]
                figures = {"median": median, "low": low, "high": high, "p": test["p_by_k"][i], "excess": float(test["excess"][i])}
                found[str(k)][null][s] = figures
    return found


def _carried(x: np.ndarray, k: int, names: list[str], told: dict, seed: int) -> dict:
    """The variable without which "natural" falls, where there is one.

    All draws without each variable in turn would take an hour. What makes the gaps alone is itself parted by them: so only the variable
    that the partition explains best is left out, if that is half or more and none is explained about as well (then they do it
    together), with 19 draws of one cloud, at k and at half of k, for a variable of two values can double the segments.
    """
    shares = list(told["dominated"]["shares"].items())
    suspect, share = shares[0]
    if told["verdict"] != "natural" or share < SUSPECTED or any(other > share - LEAD for _, other in shares[1:]):
        return {"carried_by": None, "left_out": {}}
    rest = x[:, [name != suspect for name in names]]
    if not rest.shape[1]:
        return {"carried_by": suspect, "left_out": {suspect: None}}
    seen = _compared(rest, sorted({max(2, -(-k // 2)), k}), ["one_cloud"], FEW_DRAWS, seed + 1)
    p = max(seen["p"]["one_cloud"].values()) if seen["ks"] else None
    return {"carried_by": suspect if p is None or p > FALLEN else None, "left_out": {suspect: p}}


def _fitted(x: np.ndarray, weights: np.ndarray, draw: np.random.Generator, k: int) -> np.ndarray:
    """Centres of the best of some cold starts of k-means (k-means++ and Lloyd's steps, in single precision): k × columns.

    The fits of `kmeans`, finished with single-row moves, take more than twice as long; there are eleven thousand of them here, and the
    data and the draws have the same settings. Arrays are small: what is saved below are numpy's calls, not its sums.
    """
    drawn = weights > 0
    rows, counts = x[drawn], weights[drawn][:, None]
    middle = np.add.reduce(rows * counts, axis=0) / np.add.reduce(counts, axis=0)
    z, w = (rows - middle).astype("float32"), weights[drawn].astype("float32")
    upright, weighted = np.vstack([z.T, np.ones(len(z), "float32")]), np.column_stack([z * w[:, None], w])
    centres, _ = _stepped(_seeds(z, w, k, draw), upright, weighted, FIRST_STEPS)
    within = _within(_scores(centres, upright).max(axis=0), weighted)
    centres, within = _stepped(centres[:, np.argsort(within, kind="stable")[:KEPT]], upright, weighted, MOST_STEPS)
    return centres[:, int(within.argmin())].astype("float64") + middle


def _seeds(z: np.ndarray, w: np.ndarray, k: int, draw: np.random.Generator) -> np.ndarray:
    """Rows drawn in proportion to weight × squared distance to those drawn before (Arthur & Vassilvitskii 2007): k × starts × columns."""
    u, squares, chosen, least = draw.random((k, STARTS)), (z**2).sum(axis=1), [], np.ones((STARTS, len(z)), "float32")
    for part in u:
        up_to = np.add.accumulate(least * w, axis=1, dtype="float64")
        last = np.add.reduce(up_to <= (part * up_to[:, -1])[:, None], axis=1, dtype="int64")
        last = np.minimum(last, len(z) - 1)
        apart = np.maximum(squares[last][:, None] - 2 * (z[last] @ z.T) + squares, 0)
        least = np.minimum(least, apart) if chosen else apart
        chosen.append(z[last])
    return np.stack(chosen)


def _stepped(centres: np.ndarray, upright: np.ndarray, weighted: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres after at most so many of Lloyd's steps, and each start's sum of squares before the last, but for what all have in common."""
    (k, n, p), before = centres.shape, None
    for _ in range(most):
        scores = _scores(centres, upright)
        best = scores.max(axis=0)
        within = _within(best, weighted)
        if before is not None and (within >= before - 1e-6 * np.abs(before)).all():
            break
        before = within
        sums = ((scores == best).reshape(k * n, -1).astype("float32") @ weighted).reshape(k, n, p + 1)
        sizes = sums[..., -1:]
        if sizes.min() > 0:
            centres = sums[..., :-1] / sizes
        else:
            centres = np.where(sizes > 0, sums[..., :-1] / np.where(sizes > 0, sizes, 1), centres)
    return centres, within


def _scores(centres: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Half the squared distance of each row from each centre, negative, but for the row's own square: k × starts × rows."""
    k, n, p = centres.shape
    flat = np.empty((k, n, p + 1), "float32")
    flat[..., :p] = centres
    np.add.reduce(centres * centres, axis=2, out=flat[..., p])
    flat[..., p] *= -0.5
    return (flat.reshape(k * n, p + 1) @ upright).reshape(k, n, -1)


def _within(best: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """Each start's sum of squares, but for what all have in common."""
    return -2 * (best @ weighted[:, -1]).astype("float64")


def _labels(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest of each fit's centres: fits × rows; as near, the first."""
    fits, k, p = centres.shape
    half = (centres**2).sum(axis=2) / 2
    scores = (centres.reshape(fits * k, p) @ x.T).reshape(fits, k, -1) - half[:, :, None]
    return (scores >= scores.max(axis=1, keepdims=True) - 1e-9).argmax(axis=1)


def _crossed(one: np.ndarray, other: np.ndarray, counted: np.ndarray, k: int) -> np.ndarray:
    """How many counted rows have each pair of labels: labellings × k × k."""
    cells = (np.arange(len(one))[:, None] * k + one) * k + other
    return np.bincount(cells[counted], minlength=len(one) * k * k).reshape(len(one), k, k).astype("float64")


def _pairs(counts: np.ndarray) -> np.ndarray:
    return counts * (counts - 1) / 2
