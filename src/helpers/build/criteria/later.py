"""Recognisable and homogeneous: do the segments still show in what the same customers did after the build?

A segment always shows in the figures that made it: cut uniform noise in five, and a short rule finds every part again. So both criteria
look at the segmentation variables measured a second time, over the days after the build at the window *confirm*.
"""

from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import engine
from helpers.build.contest import folds
from helpers.build.criteria.figures import criterion, edges, exact, figure, sums
from helpers.build.criteria.measurable import EVERYBODY
from helpers.build.inputs import KEY, Column
from helpers.project import Project
from helpers.project.sections import Criteria
from helpers.variables import apply as transformed
from helpers.variables import learn

LEAF, DEPTH = 10, 3
APART = 0.5
"""Standard deviations from everyone's mean from which a variable sets a segment apart."""
FEW = 2 * LEAF
"""Members then below whom nothing is told of a segment: four fifths of fewer hardly fill a leaf, and the fifth is next to nobody."""


@dataclass
class Later:
    """The customers of the window *confirm* twice: as they were at the build, and as they were in the days after.

    labels   segment of each, by the document built at the window;  fold: 0–4, by hash of the id
    then     customers × variables in transformed units, missing values filled (the bounds and values learnt at that build)
    later    the same measured again;  known: whether a value was measured again
    """

    labels: np.ndarray
    fold: np.ndarray
    names: list[str]
    then: np.ndarray
    later: np.ndarray
    known: np.ndarray


def measured_again(step, members_then: ir.Table, columns: dict[str, Column], wanted: list[str]) -> Later | None:
    """At most `pairwise_rows` customers of the window *confirm*, before and after; None where nothing was measured again.

    members_then   customer_id, segment, by the document built at the window
    columns        result of `inputs.columns`;  wanted: the signed variables, and those of the document
    """
    then, later = step.take("variables", "variables_confirm"), step.take("variables", "later_confirm")
    there = set(then.columns) & set(later.columns)
    names = [n for n in dict.fromkeys(wanted) if n in there and n in columns and columns[n].measured]
    if not names:
        return None
    sides = {"then": then, "later": later}
    both = members_then.select(KEY, "segment")
    for side, table in sides.items():
        both = both.join(table.select(KEY, **{f"{side}_{i}": table[n] for i, n in enumerate(names)}), KEY)
    sample = engine.sample(both, step.project.pairwise_rows, seed=step.project.seed).execute()
    frames = {
        side: pd.DataFrame({n: sample[f"{side}_{i}"].to_numpy(dtype="float64", na_value=np.nan) for i, n in enumerate(names)})
        for side in sides
    }
    learnt = learn(frames["then"], [columns[n].variable for n in names], step.project)
    values = {side: transformed(frame, learnt) for side, frame in frames.items()}
    known = frames["later"].notna().to_numpy()
    tells = [i for i in range(len(names)) if known[:, i].sum() >= FEW and np.ptp(values["later"][known[:, i], i]) > 0]
    if not tells:
        return None
    kept = [names[i] for i in tells]
    return Later(
        sample["segment"].to_numpy(), folds(sample[KEY]), kept, values["then"][:, tells], values["later"][:, tells], known[:, tells]
    )


def out_of_fold(x: np.ndarray, truth: np.ndarray, fold: np.ndarray, *, seed: int) -> np.ndarray:
    """What a tree of depth 3 (equal class weights, at least ten customers a leaf), grown on four fifths, says of the fifth."""
    from sklearn.tree import DecisionTreeClassifier

    said = np.empty(len(truth), dtype=truth.dtype)
    for part in np.unique(fold):
        inside = fold != part
        if not inside.any():
            inside = ~inside  # everybody in one fifth: then there is nothing to hold out, and callers ask of no so few
        tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed)
        said[~inside] = tree.fit(x[inside], truth[inside]).predict(x[~inside])
    return said


def accuracy(labels: np.ndarray, hits: dict[str, np.ndarray], *, draws: int, seed: int) -> dict[str, tuple]:
    """Balanced accuracy of one segment against the others: the mean of the share of its members recognised and of the others kept out.

    labels    segment of each customer;  hits: segment → whether what was said of each customer, out of fold, was right
    Returns   segment → value, low, high; and under EVERYBODY their mean over the segments
    The interval is over bootstrap draws of the customers within the segments (labels held), each with what was said of it. The five folds
    are no sample: they are five, and share three quarters of what they are trained on. How another tree would do is not in it.
    """
    ids, groups = list(hits), np.unique(labels)
    right = np.column_stack([hits[s] for s in ids]).astype("float64")
    rows, n = [right[labels == g] for g in groups], np.array([(labels == g).sum() for g in groups])
    # draws (the first: the customers as they are) × groups × segments
    drawn = [np.concatenate([own.sum(axis=0)[None], sums(own, draws=draws, seed=[seed, i])]) for i, own in enumerate(rows)]
    counts, found = np.stack(drawn, axis=1), []
    for i, segment in enumerate(ids):
        own = groups == segment
        found.append((counts[:, own, i].sum(axis=1) / n[own].sum() + counts[:, ~own, i].sum(axis=1) / n[~own].sum()) / 2)
    each = dict(zip([*ids, EVERYBODY], [*found, np.mean(found, axis=0)], strict=True))
    return {segment: (float(values[0]), *edges(values[1:])) for segment, values in each.items()}


@dataclass
class Moments:
    """Over the draws (the first: the customers as they are): draws × segments × variables.

    effect   mean of the segment less everyone's, in everyone's standard deviations
    ratio    variance of the segment ÷ variance of everyone
    within   draws × variables: variance within segments ÷ variance of everyone
    """

    effect: np.ndarray
    ratio: np.ndarray
    within: np.ndarray


def moments(x: np.ndarray, known: np.ndarray, labels: np.ndarray, ids: list[str], *, draws: int, seed: int) -> Moments:
    """Means and variances of each segment beside everyone's, over bootstrap draws of customers within the segments (labels held).

    x        customers × variables;  known: where a value counts. A variance has the divisor n − 1.
    """
    held = np.where(known, x, 0.0)
    rows = np.concatenate([known.astype("float64"), held, held * held], axis=1)
    found = []
    for place, segment in enumerate(ids):
        own = rows[labels == segment]
        found.append(np.concatenate([own.sum(axis=0)[None], sums(own, draws=draws, seed=[seed, place])]))
    n, total, squares = np.split(np.stack(found, axis=1), 3, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        scatter = np.where(n > 1, np.maximum(squares - total**2 / n, 0.0), np.nan)  # around the segment's own mean
        all_n, all_total = n.sum(axis=1), total.sum(axis=1)
        variance = (squares.sum(axis=1) - all_total**2 / all_n) / (all_n - 1)
        variance = np.where(variance > 1e-12, variance, np.nan)
        effect = (total / n - (all_total / all_n)[:, None]) / np.sqrt(variance)[:, None]
        # groups that lost their last known member in a draw hold nothing apart: they count as no scatter
        within = np.nansum(scatter, axis=1) / (all_n - 1) / variance
        return Moments(effect, scatter / (n - 1) / variance[:, None], within)


def recognisable(found: Later, ids: list[str], project: Project) -> dict[str, dict]:
    """Segment (EVERYBODY: all) → criterion: accuracy (one against the others; overall their mean) and, of a segment, variables: how many
    differ by at least .5 standard deviations from everyone. `readable`, the accuracy of the same tree on the days of the build, and
    `at_once` (overall: one tree that names the segment, the mean share recognised; by chance 1/k) judge nothing.
    """
    limits, options = project.scope.criteria, {"draws": project.build.draws, "seed": project.seed}
    spread = moments(found.later, found.known, found.labels, _groups(found, ids), **options)
    sizes = {s: int((found.labels == s).sum()) for s in ids}
    told = [s for s in ids if FEW <= sizes[s] <= len(found.labels) - FEW]
    if not told:
        return unknown(ids, project, "few")[0]
    lacking = {s: "few" if n else "not_then" for s, n in sizes.items()}
    seen, read = (_one_by_one(x, found, told, project) for x in (found.later, found.then))
    result = {}
    for segment in [*ids, EVERYBODY]:
        if segment not in seen:
            result[segment] = criterion(_nothing(limits), lacking[segment])
            continue
        figures = {"accuracy": figure(*seen[segment], at_least=limits.recognisable_accuracy)}
        if segment == EVERYBODY:
            figures["at_once"] = exact(_at_once(found, seed=project.seed))
        else:
            apart = (np.abs(spread.effect[:, ids.index(segment)]) >= APART).sum(axis=1)
            figures["variables"] = figure(int(apart[0]), *edges(apart[1:], whole=True), at_least=limits.recognisable_variables)
        result[segment] = criterion(figures | {"readable": figure(*read[segment])})
    return result


def _one_by_one(x: np.ndarray, found: Later, ids: list[str], project: Project) -> dict[str, tuple]:
    hits = {}
    for segment in ids:
        truth = found.labels == segment
        hits[segment] = out_of_fold(x, truth, found.fold, seed=project.seed) == truth
    return accuracy(found.labels, hits, draws=project.build.draws, seed=project.seed)


def _at_once(found: Later, *, seed: int) -> float:
    """Mean over the segments of the share that one tree recognises."""
    right = out_of_fold(found.later, found.labels, found.fold, seed=seed) == found.labels
    return float(np.mean([right[found.labels == segment].mean() for segment in np.unique(found.labels)]))


def homogeneous(found: Later, ids: list[str], project: Project) -> dict[str, dict]:
    """Segment (EVERYBODY: all) → criterion: ratio, the variance within ÷ the variance of all, mean over the segmentation variables."""
    limit = {"at_most": project.scope.criteria.homogeneous_ratio}
    groups, options = _groups(found, ids), {"draws": project.build.draws, "seed": project.seed}
    spread = moments(found.later, found.known, found.labels, groups, **options)
    result = {}
    for place, segment in enumerate([*ids, EVERYBODY]):
        n = len(found.labels) if segment == EVERYBODY else int((found.labels == segment).sum())
        if n < FEW:
            result[segment] = criterion({"ratio": figure(None, **limit)}, "few" if n else "not_then")
            continue
        ratio = np.nanmean(spread.within if segment == EVERYBODY else spread.ratio[:, place], axis=1)
        result[segment] = criterion({"ratio": figure(ratio[0], *edges(ratio[1:]), **limit)})
    return result


def _groups(found: Later, ids: list[str]) -> list[str]:
    """The segments, and those of the earlier build that have no counterpart now: their customers are part of everyone."""
    return [*ids, *sorted(set(found.labels) - set(ids))]


def _nothing(limits: Criteria) -> dict[str, dict]:
    return {
        "accuracy": figure(None, at_least=limits.recognisable_accuracy),
        "variables": figure(None, at_least=limits.recognisable_variables),
    }


def unknown(ids: list[str], project: Project, lacks: str) -> tuple[dict[str, dict], dict[str, dict]]:
    """Both criteria where nothing can be told, and why."""
    limits, everyone = project.scope.criteria, [*ids, EVERYBODY]
    ratio = figure(None, at_most=limits.homogeneous_ratio)
    return (
        {s: criterion(_nothing(limits), lacks) for s in everyone},
        {s: criterion({"ratio": ratio}, lacks) for s in everyone},
    )


__all__ = ["Later", "accuracy", "homogeneous", "measured_again", "moments", "out_of_fold", "recognisable", "unknown"]
