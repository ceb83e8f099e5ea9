"""From characteristics to points: a scorecard learnt from the members, and the best single characteristic beside it."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.build.document import border
from helpers.build.inputs import Column
from helpers.threads import one_thread

BINS = 5
LEVELS = 20
"""Levels of a category that get points of their own, the commonest."""
SMALLEST = 0.01
"""Share of customers that a level must have for points of its own."""
STRENGTH = 0.1
"""Inverse of the penalty on large points (ridge), so that rare levels decide little."""
POINT = 1_000_000
"""Points are whole numbers, of which sums agree on every engine."""
ROUNDS = 1000


@dataclass(frozen=True)
class Feature:
    """One characteristic cut into levels.

    cuts     of a number: ascending borders, a value on a border belongs above;  levels: of a category; any other has no points
    """

    name: str
    kind: str
    cuts: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many levels have points: those, and "missing" as the last one."""
        return (len(self.cuts) + 1 if self.kind == "number" else len(self.levels)) + 1


def features(sample: pd.DataFrame, known: Mapping[str, Column], names: list[str], least: int) -> list[Feature]:
    """The characteristics that differ at all between customers, with their levels.

    least   customers that a level must have
    """
    result = []
    for name in names:
        if known[name].kind == "number":
            values = sample[name].astype("float64").dropna().to_numpy()
            cuts = sorted({border(float(c)) for c in np.quantile(values, np.arange(1, BINS) / BINS)}) if len(values) else []
            cuts = [c for c in cuts if (values < c).any()]
            if cuts or 0 < sample[name].isna().sum() < len(sample):
                result.append(Feature(name, "number", cuts=tuple(cuts)))
            continue
        counts = sample[name].dropna().astype(str).value_counts()
        counts = counts[counts >= max(least, SMALLEST * len(sample))]
        levels = sorted(counts.index, key=lambda level: (-counts[level], level))[:LEVELS]
        if levels and counts.max() < len(sample):
            result.append(Feature(name, "category", levels=tuple(sorted(levels))))
    return result


def coded(frame: pd.DataFrame, one: Feature) -> np.ndarray:
    """The level of each row: 0 … width − 1, the last for missing; −1 for a level without points."""
    column = frame[one.name]
    if one.kind == "number":
        values = column.astype("float64").to_numpy()
        return np.where(np.isnan(values), one.width - 1, np.searchsorted(np.array(one.cuts), values, side="right"))
    place = {level: n for n, level in enumerate(one.levels)}
    return np.where(column.isna(), one.width - 1, column.astype(str).map(place).fillna(-1)).astype("int64")


def matrix(frame: pd.DataFrame, chosen: list[Feature]):
    """Customers × levels of all characteristics, 0 and 1 (scipy sparse)."""
    from scipy import sparse

    rows, places, start = [], [], 0
    for one in chosen:
        level = coded(frame, one)
        there = np.flatnonzero(level >= 0)
        rows.append(there)
        places.append(start + level[there])
        start += one.width
    rows, places = np.concatenate(rows), np.concatenate(places)
    return sparse.csr_matrix((np.ones(len(rows)), (rows, places)), shape=(len(frame), start))


def learn(x, inside: np.ndarray) -> np.ndarray | None:
    """Points of each level, whole numbers: a logistic regression with a ridge, either side weighing the same; None: not converged.

    x        result of `matrix`;  inside: whether each row is a known member
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told below
        model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=ROUNDS).fit(x, inside)
    if model.n_iter_[0] >= ROUNDS or not np.isfinite(model.coef_).all():
        return None
    return np.round(model.coef_[0] * POINT).astype("int64")


def split(points: np.ndarray, chosen: list[Feature]) -> list[tuple[Feature, np.ndarray]]:
    """The points of each characteristic."""
    ends = np.cumsum([one.width for one in chosen])
    return list(zip(chosen, np.split(points, ends[:-1]), strict=True))


def weights(x, points: np.ndarray, chosen: list[Feature]) -> list[tuple[str, float]]:
    """How far each characteristic sets customers apart: the standard deviation of its points, the largest first."""
    share, start, found = np.asarray(x.mean(axis=0)).ravel(), 0, []
    for one, given in split(points / POINT, chosen):
        p = share[start : start + one.width]
        start += one.width
        found.append((one.name, float(np.sqrt(max(p @ given**2 - (p @ given) ** 2, 0.0)))))
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def score(table: ir.Table, given: list[tuple[Feature, np.ndarray]]) -> ir.IntegerValue:
    """The sum of points of each row, as an expression."""
    parts = []
    for one, points in given:
        column, pieces = table[one.name], []
        if one.kind == "number":
            value = column.cast("float64")
            pieces = [(value < cut, int(p)) for cut, p in zip(one.cuts, points, strict=False)]
            known = ibis.cases(*pieces, else_=int(points[-2])) if pieces else ibis.literal(int(points[-2]))
        else:
            pieces = [(column.cast("string") == level, int(p)) for level, p in zip(one.levels, points, strict=False)]
            known = ibis.cases(*pieces, else_=0)
        parts.append(ibis.ifelse(column.isnull(), int(points[-1]), known).cast("int64"))
    return sum(parts[1:], parts[0])


# One characteristic alone


def orders_of(frame: pd.DataFrame, inside: np.ndarray, chosen: list[Feature]) -> dict[tuple[str, str], np.ndarray]:
    """Every simple ranking: (name, way) → a value by which to rank, the largest first; missing last.

    way    "up" or "down" for a number, largest or smallest first; "level" for a category: levels by the share of members in them
    """
    found: dict[tuple[str, str], np.ndarray] = {}
    for one in chosen:
        if one.kind == "number":
            values = frame[one.name].astype("float64").to_numpy()
            found[one.name, "up"] = np.where(np.isnan(values), -np.inf, values)
            found[one.name, "down"] = np.where(np.isnan(values), -np.inf, -values)
        else:
            found[one.name, "level"] = shares(frame, inside, one)[coded(frame, one)]
    return found


def shares(frame: pd.DataFrame, inside: np.ndarray, one: Feature) -> np.ndarray:
    """The share of members in each level of a category, drawn towards that of everybody; the last: of a level without points."""
    level, base = coded(frame, one), float(inside.mean())
    n, held = (np.bincount(level + 1, weights=w, minlength=one.width + 1) for w in (np.ones(len(level)), inside.astype(float)))
    found = (held + 10 * base) / (n + 10)
    return np.append(found[1:], found[0])  # code −1 is the last place
