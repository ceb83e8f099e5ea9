"""Membership confidence: how steady a customer's label is when chance redraws the customers and every customer's own orders.

It says nothing about whether segments exist: it is printed beside the structure verdict. Bootstrapping the centres alone would call a
uniform square cut in four 97 % core, because then the customers themselves stand still; here their own orders are redrawn too.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import NinefoldError, engine
from helpers.build import kmeans, redraws
from helpers.build.borders import bounds, coordinates, nearest_borders, rule_borders, table_share
from helpers.build.document import confidence, labels
from helpers.build.redraws import KEY, Redrawn
from helpers.build.workers import shared
from helpers.project import Project
from helpers.variables import apply, catalogue, learn

CUSTOMERS = 10_000
"""Customers whose labels are redrawn."""
ROWS = 5_000
"""Rows of the bootstrap samples that recipes are fitted to again; a recipe that has to be run whole is fitted to fewer."""
WHOLE_ROWS = 2_000
STARTS = 20
"""Cold starts of each refit."""
CORE = 0.8
"""Confidence from which a customer is a core member of a segment."""
LEAST = 60
"""Customers of a pair (own segment, nearest other) without whom the pair has no table of its own."""
BLOCK = 15
"""Customers behind each step of a table, at least."""
MOST = 9
"""Steps of a table: eight borders."""
FOLDS = 5
PARTS = 20
"""Parts into which replicates go where there are no redrawings to go by."""
UNMOVED = 1e-6
"""Spread of a variable that redrawing does not change."""
TOLD = 0.10
"""Mean error on customers held out that the table may have."""


@dataclass(frozen=True)
class Kept:
    """How often each customer kept the segment.

    share     share of the replicates that count for the customer in which the segment was the published one; NaN where none counts
    counted   replicates that count for the customer
    """

    share: np.ndarray
    counted: np.ndarray


def replicate(step, recipe, document: dict, sample: pd.DataFrame, tables: dict[str, ir.Table], *, progress=None) -> tuple[dict, dict]:
    """The document with its confidence table, and the evidence behind it.

    recipe    whose `fit` made the document: learned and of nearest centres → refitted cold on each replicate; else its cut points stand
    document  the published one, under its published ids
    sample    of `inputs.customers` at the published window, at most `sample_rows`; the first 10,000 by hash are redrawn
    tables    checked tables, by name (collect.checked)
    progress  called with the share done, 0–1
    Returns   the document; evidence: method ("replicates": customers and orders redrawn; "customers": only customers; "orders": only
              orders; "posterior"; "none"), customers, replicates, redraws, rows, lost (share of redrawings that do not count), refit
              ("recipe", "k-means" or None), refit_rows (of refit_of customers), redrawn and stays (variables), held_out_error, told
              (at most .10), core (share of everyone in the sample), mean, segments [{segment, n, core, mean, traits}], borders,
              fallback (pairs without a table of their own), core_redrawn (share of the customers redrawn, by their replicates)
    """
    project, (kind,) = step.project, document["assign"]
    if kind == "posterior":
        return document, _told(document, sample, {"method": "posterior"}, share=None)
    names = [v["name"] for v in document["variables"]]
    base = engine_sample(sample, min(CUSTOMERS, project.pairwise_rows), project.seed).sort_values(KEY, ignore_index=True)
    again = redraws.redrawn(step, names, base, tables)
    drawn = base[base[KEY].isin(set(again.customers))].reset_index(drop=True)
    refitted = bool(recipe.learned) and kind == "nearest"
    evidence = {"customers": len(drawn), "redraws": len(again.frames), "rows": again.rows, "redrawn": again.names}
    evidence |= {
        "stays": [n for n in names if n not in again.names],
        "lost": float(1 - again.counted.mean()) if len(again.counted) else 0.0,
    }
    if not refitted and not again.frames:
        return document, _told(document, sample, evidence | {"method": "none"}, share=None)
    ids = [s["id"] for s in document["segments"]]
    if refitted:
        fit, refit, rows = refitter(recipe, document, base, project)
        own, times = labels(document, base), project.build.replicates
        # No more is sent to processes than is read there; a recipe run whole may read any column.
        used = [name for name in base.columns if refit == "recipe" or name in {KEY, *names}]
        fewer = replace(again, frames=[frame[used] for frame in again.frames])
        kept = replicated(base[used], own, ids, fewer, fit, replicates=times, rows=rows, seed=project.seed, progress=progress)
        evidence |= {"method": "replicates" if again.frames else "customers", "replicates": times}
        evidence |= {"refit": refit, "refit_rows": min(rows, len(base)), "refit_of": len(base)}
    else:
        kept = frozen(document, labels(document, drawn), again)
        evidence |= {"method": "orders", "replicates": len(again.frames), "refit": None, "refit_rows": None, "refit_of": None}
    spread = None if kind == "nearest" else spreads(document, again)
    found, tested = tables_of(document, drawn, kept, spread, seed=project.seed)
    if found is None:
        return document, _told(document, sample, evidence | {"method": "none"}, share=None)
    result = copy.deepcopy(document)
    result["assign"][kind]["confidence"] = found
    return result, _told(result, sample, evidence | tested, share=kept.share)


def engine_sample(sample: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """The first rows by the hash that `engine.sample` draws by, of a frame that is here already."""
    import ibis

    if len(sample) <= rows:
        return sample
    drawn = engine.sample(ibis.memtable(sample[[KEY]]), rows, seed=seed).execute()[KEY]
    return sample[sample[KEY].isin(set(drawn))]


# Replicates


def replicated(
    base: pd.DataFrame,
    own: np.ndarray,
    ids: list[str],
    again: Redrawn,
    fit: Callable,
    *,
    replicates: int,
    rows: int,
    seed: int,
    progress=None,
) -> Kept:
    """How often customers keep their segment when customers are redrawn, the recipe refitted, and their own orders redrawn.

    base    one row a customer, as published, from which customers are drawn;  own: ids of their published segments;  ids: all, in order
    again   customers of `base` under redrawn orders; replicate b uses redrawing b modulo their number, or `base` where there is none
    fit     rows drawn (positions, repeated), replicate → labeller of frames (numbers 0 … k−1)
    rows    of a bootstrap sample, at most
    Returns `Kept` of the customers of `again`
    """
    n, place = len(base), {segment: i for i, segment in enumerate(ids)}
    published, at = np.array([place[segment] for segment in own]), np.flatnonzero(base[KEY].isin(set(again.customers)))

    def one(b: int, frame: pd.DataFrame | None) -> np.ndarray | None:
        drawn = np.random.default_rng([seed, 61, b]).integers(0, n, min(n, rows))
        try:
            label = fit(drawn, b)
        except NinefoldError:  # a sample with too few different customers cannot be cut: that replicate tells nothing
            return None
        here = label(base)
        found = here[at] if frame is None else label(frame)
        return aligned(published, here, len(ids))[found] == published[at]

    def some(task: tuple) -> list:
        replicates, frame = task
        return [one(b, frame) for b in replicates]

    # Replicates go by redrawing, so that each of these frames is sent to one process only.
    frames = again.frames or [None] * min(replicates, PARTS)
    tasks = [(range(f, replicates, len(frames)), frame) for f, frame in enumerate(frames) if f < replicates]
    done = (lambda number: progress(number / len(tasks))) if progress else None
    by_task, stayed, counted, failed = shared(some, tasks, done=done), np.zeros(len(at)), np.zeros(len(at)), 0
    for b in range(replicates):
        kept = by_task[b % len(frames)][b // len(frames)]
        known = again.counted[b % len(frames)] if again.frames else np.ones(len(at), dtype=bool)
        failed += kept is None
        if kept is not None:
            stayed, counted = stayed + (kept & known), counted + known
    if failed > replicates / 2:
        raise NinefoldError(
            f"Membership confidence: {failed} of {replicates} bootstrap samples could not be cut into {len(ids)} segments. "
            "Ask for fewer segments (scope.segments_wanted)."
        )
    return Kept(np.divide(stayed, counted, out=np.full(len(at), np.nan), where=counted > 0), counted)


def aligned(published: np.ndarray, found: np.ndarray, k: int) -> np.ndarray:
    """Which published segment each refitted one is: as many customers as possible keep theirs (Hungarian method); −1 for one too many."""
    from scipy.optimize import linear_sum_assignment

    shared = np.zeros((int(found.max()) + 1, k))
    np.add.at(shared, (found, published), 1)
    at, to = linear_sum_assignment(-shared)
    names = np.full(len(shared), -1)
    names[at] = to
    return names


def frozen(document: dict, own: np.ndarray, again: Redrawn) -> Kept:
    """How often customers keep their segment when only their orders are redrawn: cut points stand."""
    stayed = np.stack([(labels(document, frame) == own) & here for frame, here in zip(again.frames, again.counted, strict=True)])
    counted = again.counted.sum(axis=0).astype("float64")
    return Kept(np.divide(stayed.sum(axis=0), counted, out=np.full(len(own), np.nan), where=counted > 0), counted)


def refitter(recipe, document: dict, drawn: pd.DataFrame, project: Project) -> tuple[Callable, str, int]:
    """How a recipe is fitted to bootstrap samples: (rows, replicate) → labeller; what was run; and how many rows it takes.

    Found on factor axes: transforms and axes are learnt again, and k-means starts cold on them; a tree of classes (whose cost grows with
    the square of the rows) is left out. Anything else is run whole, on fewer rows.
    """
    if "project" in document or document.get("made_by") in ("kmeans", "hcpc"):
        return cold(document, drawn, project), "k-means", ROWS

    def whole(rows: np.ndarray, b: int) -> Callable:
        again = recipe.fit(drawn.iloc[rows].reset_index(drop=True), len(document["segments"])).document
        place = {s["id"]: i for i, s in enumerate(again["segments"])}
        return lambda frame: np.array([place[segment] for segment in labels(again, frame)])

    return whole, "recipe", WHOLE_ROWS


def cold(document: dict, drawn: pd.DataFrame, project: Project) -> Callable:
    """Refits of a partition on factor axes: transforms, axes (as many as published) and centres are learnt on each sample.

    Levels of categories keep their published coding, which depends on their shares alone.
    """
    known = {v.name: v for v in catalogue(project)}
    numbers = [v["name"] for v in document["variables"] if v["kind"] == "number"]
    wanted = [known.get(name) or _Plain(name) for name in numbers]
    coded = {"variables": [v for v in document["variables"] if v["kind"] == "category"]}
    levels = lambda frame: coordinates(coded, frame) if coded["variables"] else np.empty((len(frame), 0))  # noqa: E731
    k, axes = len(document["segments"]), len(document["project"]["loadings"][0]) if "project" in document else None

    def fit(rows: np.ndarray, b: int) -> Callable:
        learnt = learn(drawn[numbers].iloc[rows], wanted, project)
        times = np.bincount(rows, minlength=len(drawn)).astype("float64")
        points = lambda frame: np.column_stack([apply(frame, learnt), levels(frame)])  # noqa: E731
        here = points(drawn)
        centre, loadings = _axes(here, times, axes)
        drawn_rows = times > 0
        at = ((here - centre) @ loadings)[drawn_rows]
        centres = kmeans.kmeans(at, k, n_starts=STARTS, seed=[project.seed, 62, b], weights=times[drawn_rows]).centres
        return lambda frame: kmeans.nearest((points(frame) - centre) @ loadings, centres)

    return fit


@dataclass(frozen=True)
class _Plain:
    """A number that is no variable of the catalogue, such as a survey answer, as `learn` reads it."""

    name: str
    kind: str = "signed"


def _axes(values: np.ndarray, times: np.ndarray, wanted: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Centre and loadings of the leading principal axes of rows that count so many times; None: the coordinates as they are."""
    if wanted is None:
        return np.zeros(values.shape[1]), np.eye(values.shape[1])
    centre = times @ values / times.sum()
    centred = values - centre
    _, directions = np.linalg.eigh((centred * times[:, None]).T @ centred / times.sum())
    return centre, directions[:, ::-1][:, :wanted]


# The table: from replicates to everyone


def spreads(document: dict, again: Redrawn) -> dict[str, float]:
    """What redrawing adds to each variable that has a bound in the document; what it cannot change is far from its bounds unless on one."""
    names = list(dict.fromkeys(name for name, _ in bounds(document)))
    found = redraws.spread(again, names)
    return {name: _short(max(found.get(name, 0.0), UNMOVED)) for name in names}


def tables_of(document: dict, drawn: pd.DataFrame, kept: Kept, spread: dict | None, *, seed: int) -> tuple[dict | None, dict]:
    """The confidence section of a document, learnt from customers whose orders were redrawn, and how it does on customers held out.

    Returns   {table, spread for rules and points} (None where nobody is at a known distance from a border); {held_out_error, told,
              borders, fallback}
    """
    own, other, distance = nearest_borders(document, drawn) if spread is None else rule_borders(document, drawn, spread)
    known = ~np.isnan(kept.share) & ~np.isnan(distance)
    if not known.any():
        return None, {}
    data = pd.DataFrame({"own": own, "other": other, "at": distance, "share": kept.share, "weight": kept.counted})[known]
    ids = [s["id"] for s in document["segments"]]
    table, fallback = learnt_table(data, ids)
    errors = []
    fold = np.random.default_rng([seed, 63]).permutation(len(data)) % FOLDS
    for f in range(FOLDS) if len(data) >= 2 * FOLDS else ():
        held = data[fold == f]
        without, _ = learnt_table(data[fold != f], ids)
        errors.append(np.abs(table_share(without, held["own"], held["other"], held["at"]) - held["share"]).to_numpy())
    error = float(np.concatenate(errors).mean()) if errors else None
    section = {"table": table} | ({"spread": spread} if spread is not None else {})
    return section, {
        "held_out_error": error,
        "told": None if error is None else error <= TOLD,
        "borders": sum(len(entry["at"]) for entry in table),
        "fallback": fallback,
    }


def learnt_table(data: pd.DataFrame, ids: list[str]) -> tuple[list[dict], list[list[str]]]:
    """Step functions of the distance to the border: one a pair with enough customers, and one a segment for whatever is nearest to it.

    data      own, other, at (distance to the border), share (of replicates that keep the segment), weight
    Returns   the table of the document; the pairs that are there but too few. A segment of too few has everyone's.
    """
    table, few = [], []
    for own in ids:
        mine = data[data["own"] == own]
        for other in ids:
            pair = mine[mine["other"] == other]
            if len(pair) >= LEAST and len(pair) < len(mine):
                table.append({"own": own, "other": other} | steps(pair))
            elif 0 < len(pair) < LEAST:
                few.append([own, other])
        table.append({"own": own, "other": ""} | steps(mine if len(mine) >= LEAST else data))
    return table, few


def steps(data: pd.DataFrame) -> dict:
    """An increasing step function of the distance: isotonic regression, its blocks merged until there are few.

    Source   Zadrozny & Elkan 2002, doi 10.1145/775047.775151 (isotonic calibration)
    Returns  {at: borders, ascending; share: one more than borders}
    """
    from sklearn.isotonic import isotonic_regression

    at, place = np.unique(data["at"].to_numpy(dtype="float64"), return_inverse=True)
    rows = np.bincount(place, minlength=len(at)).astype("float64")
    weight = np.bincount(place, weights=data["weight"], minlength=len(at))
    mean = np.bincount(place, weights=data["weight"] * data["share"], minlength=len(at)) / np.maximum(weight, 1e-300)
    level = isotonic_regression(mean, sample_weight=weight)
    first = np.flatnonzero(np.concatenate([[True], np.diff(level) > 1e-12]))
    parts = [[level[i], *(np.add.reduceat(v, first)[j] for v in (weight, rows)), int(i)] for j, i in enumerate(first)]
    while len(parts) > 1 and (len(parts) > MOST or min(part[2] for part in parts) < BLOCK):
        few = len(parts) <= MOST  # too small blocks join their nearer neighbour; else the cheapest pair of all is joined
        cost = [_cost(one, two) if not few or min(one[2], two[2]) < BLOCK else np.inf for one, two in zip(parts, parts[1:], strict=False)]
        i = int(np.argmin(cost))
        parts[i : i + 2] = [_joined(parts[i], parts[i + 1])]
    borders = [_short((at[part[3] - 1] + at[part[3]]) / 2) for part in parts[1:]]
    return {"at": borders, "share": [_short(min(max(part[0], 0.0), 1.0)) for part in parts]}


def _cost(one: list, two: list) -> float:
    """Sum of squares lost when two neighbouring blocks become one."""
    return one[1] * two[1] / (one[1] + two[1]) * (one[0] - two[0]) ** 2


def _joined(one: list, two: list) -> list:
    weight = one[1] + two[1]
    return [(one[0] * one[1] + two[0] * two[1]) / weight, weight, one[2] + two[2], one[3]]


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _told(document: dict, sample: pd.DataFrame, evidence: dict, *, share: np.ndarray | None) -> dict:
    """The evidence with core members: of everyone in the sample by the document, and of the customers redrawn by their replicates."""
    if evidence["method"] == "none":
        return evidence | {"core": None, "mean": None, "segments": []}
    sure, own = confidence(document, sample), labels(document, sample)
    known = ~np.isnan(sure)
    core = known & (sure >= CORE)
    rows = []
    for segment in document["segments"]:
        mine = known & (own == segment["id"])
        n = int(mine.sum())
        rows.append({"segment": segment["id"], "n": n, "core": _mean(core[mine]), "mean": _mean(sure[mine]), "traits": []})
        rows[-1]["traits"] = list(_apart(document, sample, mine & core, mine & ~core))
    evidence |= {"core": _mean(core[known]), "mean": _mean(sure[known]), "n": int(known.sum()), "segments": rows}
    return evidence | ({} if share is None else {"core_redrawn": _mean(share[~np.isnan(share)] >= CORE)})


def _apart(document: dict, sample: pd.DataFrame, core: np.ndarray, edge: np.ndarray) -> Iterator[dict]:
    """How core members of a segment differ from border ones: the variables by standard deviations between their means, largest first."""
    found = []
    for v in document["variables"]:
        if v["kind"] != "number" or not core.any() or not edge.any():
            continue
        values = sample[v["name"]].to_numpy(dtype="float64")
        spread = np.nanstd(values) if (~np.isnan(values)).any() else 0.0
        means = [float(np.nanmean(values[who])) if (~np.isnan(values[who])).any() else None for who in (core, edge)]
        if spread > 0 and None not in means:
            found.append({"variable": v["name"], "core": means[0], "border": means[1], "effect": (means[0] - means[1]) / float(spread)})
    yield from sorted(found, key=lambda row: -abs(row["effect"]))[:3]


def _mean(values: np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None
