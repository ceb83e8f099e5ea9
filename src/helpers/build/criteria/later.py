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
from helpers.build.criteria.figures import criterion, edges, figure, sums
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


def accuracy(truth: np.ndarray, said: np.ndarray, *, draws: int, seed: int) -> tuple[float, float, float]:
    """Balanced accuracy, the mean over classes of the share recognised, with its 95 % interval.

    The interval is over bootstrap draws of the customers, each with what was said of it out of fold. The five folds are no sample: they
    are five, and share three quarters of what they are trained on. How another tree would do is not in it.
    A draw of customers is a multinomial draw of the counts (class × recognised): nothing else of a customer matters.
    """
    classes = np.unique(truth)
    counts = np.array([[(here := truth == c).sum() - (hit := (here & (said == c)).sum()), hit] for c in classes])
    drawn = np.random.default_rng(seed).multinomial(len(truth), counts.ravel() / len(truth), size=draws).reshape(draws, -1, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nanmean(drawn[:, :, 1] / drawn.sum(axis=2), axis=1)
    return float((counts[:, 1] / counts.sum(axis=1)).mean()), *edges(mean)


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
    """Segment (EVERYBODY: all) → criterion: accuracy (one against the others; overall: all at once) and, of a segment, variables (how
    many differ by at least .5 standard deviations from everyone); `readable`, the accuracy of the same tree on the days of the build,
    judges nothing.
    """
    limits, options = project.scope.criteria, {"draws": project.build.draws, "seed": project.seed}
    spread = moments(found.later, found.known, found.labels, ids, **options)
    result = {}
    for place, segment in enumerate([*ids, EVERYBODY]):
        truth = found.labels if segment == EVERYBODY else found.labels == segment
        few = len(np.unique(found.labels)) < 2 if segment == EVERYBODY else not FEW <= truth.sum() <= len(truth) - FEW
        if few:
            result[segment] = criterion(_nothing(limits), "few")
            continue
        said, read = (out_of_fold(x, truth, found.fold, seed=project.seed) for x in (found.later, found.then))
        figures = {"accuracy": figure(*accuracy(truth, said, **options), at_least=limits.recognisable_accuracy)}
        if segment != EVERYBODY:
            apart = (np.abs(spread.effect[:, place]) >= APART).sum(axis=1)
            figures["variables"] = figure(int(apart[0]), *edges(apart[1:], whole=True), at_least=limits.recognisable_variables)
        figures["readable"] = figure(*accuracy(truth, read, **options))
        result[segment] = criterion(figures)
    return result


def homogeneous(found: Later, ids: list[str], project: Project) -> dict[str, dict]:
    """Segment (EVERYBODY: all) → criterion: ratio, the variance within ÷ the variance of all, mean over the segmentation variables."""
    limit = {"at_most": project.scope.criteria.homogeneous_ratio}
    spread = moments(found.later, found.known, found.labels, ids, draws=project.build.draws, seed=project.seed)
    result = {}
    for place, segment in enumerate([*ids, EVERYBODY]):
        n = len(found.labels) if segment == EVERYBODY else int((found.labels == segment).sum())
        if n < FEW:
            result[segment] = criterion({"ratio": figure(None, **limit)}, "few")
            continue
        ratio = np.nanmean(spread.within if segment == EVERYBODY else spread.ratio[:, place], axis=1)
        result[segment] = criterion({"ratio": figure(ratio[0], *edges(ratio[1:]), **limit)})
    return result


def _nothing(limits: Criteria) -> dict[str, dict]:
    return {
        "accuracy": figure(None, at_least=limits.recognisable_accuracy),
        "variables": figure(None, at_least=limits.recognisable_variables),
    }


def unknown(ids: list[str], project: Project, lacks: str) -> tuple[dict[str, dict], dict[str, dict]]:
    """Both criteria where nothing can be told, and why."""
    limits = project.scope.criteria
    ratio = figure(None, at_most=limits.homogeneous_ratio)
    everyone = [*ids, EVERYBODY]
    return (
        {s: criterion(_nothing(limits), lacks) for s in everyone},
        {s: criterion({"ratio": ratio}, lacks) for s in everyone},
    )


__all__ = ["Later", "accuracy", "homogeneous", "measured_again", "moments", "out_of_fold", "recognisable", "unknown"]
