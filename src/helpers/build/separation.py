"""How far the segments stand apart on the two widest axes: centres, the half of each segment, and how much of it is core."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.inputs import Column as Input
from helpers.build.portraits import core_share, label
from helpers.masking import withheld
from helpers.project import Project
from helpers.tables import nothing
from helpers.words import say

BOUNDS = (0.01, 0.99)
TOWARDS = 2
"""Variables that name each end of an axis."""


def separation(sample: pd.DataFrame, labels: np.ndarray, columns: Mapping[str, Input], *, least: int) -> dict | None:
    """Two principal axes of the variables (standardised, within their outlier bounds), and where each segment lies on them.

    The ellipse of a segment has its shape from the covariance of its members, and its size so that half of them are inside: no point
    of the picture is one customer.

    sample    rows of `inputs.customers`;  labels: segment of each;  columns: the variables to use, numbers only
    least     members whom a segment must have in the sample to be drawn
    Returns   axes [{share (of all variance), up, down: variables that point to either end}], segments {id: n, centre, width, height (full
              lengths), angle (degrees), inside (share of the members of others that lie in its ellipse)}, overlap (share of customers who
              lie in the ellipse of another segment); None where there are fewer than two variables that differ
    """
    values, names = _standardised(sample, [name for name, column in columns.items() if column.kind == "number" and name in sample])
    if len(names) < 2 or len(values) < 3:
        return None
    spread, directions = np.linalg.eigh(values.T @ values / len(values))
    directions = directions[:, ::-1][:, :2]
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), [0, 1]])  # the strongest variable points up
    places = values @ directions
    drawn = {s: _half(places[labels == s]) for s in sorted(set(labels), key=lambda s: int(str(s)[1:])) if (labels == s).sum() >= least}
    inside = {s: _inside(places, half) for s, half in drawn.items()}
    foreign = np.zeros(len(places), dtype=bool)
    for s, there in inside.items():
        foreign |= there & (labels != s)
    return {
        "axes": [_axis(directions[:, i], names, spread[::-1][i] / spread.sum()) for i in (0, 1)],
        "segments": {
            s: _ellipse(half) | {"n": int((labels == s).sum()), "inside": _share(there[labels != s])}
            for (s, half), there in zip(drawn.items(), inside.values(), strict=True)
        },
        "overlap": float(foreign.mean()),
        "customers": len(places),
    }


def _share(of: np.ndarray) -> float | None:
    return float(of.mean()) if len(of) else None


def _standardised(sample: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """Values within the outlier bounds, in standard deviations from the mean, the median where missing; and the variables that differ."""
    found, kept = [], []
    for name in names:
        column = sample[name].to_numpy(dtype="float64", na_value=np.nan)
        known = column[~np.isnan(column)]
        if not len(known):
            continue
        column = np.clip(np.where(np.isnan(column), np.median(known), column), *np.quantile(known, BOUNDS))
        if np.ptp(column) > 1e-12:
            found.append((column - column.mean()) / column.std())
            kept.append(name)
    return (np.column_stack(found) if found else np.empty((len(sample), 0))), kept


def _half(places: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Centre, covariance, and the squared Mahalanobis distance within which half of these customers lie."""
    centre = places.mean(axis=0)
    covariance = np.cov(places.T, bias=True) + 1e-9 * np.eye(2)
    return centre, covariance, float(np.median(_distance(places, centre, covariance)))


def _distance(places: np.ndarray, centre: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    away = places - centre
    return ((away @ np.linalg.inv(covariance)) * away).sum(axis=1)


def _inside(places: np.ndarray, half: tuple) -> np.ndarray:
    centre, covariance, limit = half
    return _distance(places, centre, covariance) <= limit


def _ellipse(half: tuple) -> dict:
    centre, covariance, limit = half
    spread, directions = np.linalg.eigh(covariance)
    width, height = 2 * np.sqrt(np.maximum(limit * spread[::-1], 0))
    x, y = directions[:, 1]
    return {
        "centre": [float(c) for c in centre],
        "width": float(width),
        "height": float(height),
        "angle": float(np.degrees(np.arctan2(y, x)) % 180),
    }


def _axis(direction: np.ndarray, names: list[str], share: float) -> dict:
    order = np.argsort(-np.abs(direction), kind="stable")[: 2 * TOWARDS]
    told = {way: [names[i] for i in order if direction[i] * sign > 0][:TOWARDS] for way, sign in (("up", 1), ("down", -1))}
    return {"share": float(share), **told}


# Page


def separation_frame(found: dict | None, profiles: dict, project: Project) -> pd.DataFrame:
    """label, x, y, width, height, angle, colour, core of each segment that may be described."""
    rows = []
    for segment in profiles["segments"]:
        told = (found or {"segments": {}})["segments"].get(segment["id"])
        if told is None or withheld(segment, project.min_cell):
            continue
        place = {"x": told["centre"][0], "y": told["centre"][1], "width": told["width"], "height": told["height"], "angle": told["angle"]}
        rows.append({"label": label(segment), **place, "colour": segment["colour"], "core": core_share(segment)})
    return pd.DataFrame(rows, columns=["label", "x", "y", "width", "height", "angle", "colour", "core"])


def separation_words(found: dict | None, profiles: dict, project: Project, columns: Mapping[str, Input]) -> dict:
    """The words of the picture of separation, with what its axes say."""
    frame = separation_frame(found, profiles, project)
    if frame.empty:
        return nothing("separation", say("How far the segments stand apart cannot be drawn: too few customers, or too few variables."))
    least = {s["id"]: found["segments"][s["id"]]["inside"] for s in profiles["segments"] if s["id"] in found["segments"]}
    crowded = max((s for s in profiles["segments"] if least.get(s["id"]) is not None), key=lambda s: least[s["id"]], default=None)
    axes = found["axes"]
    alt = claim = say("{share} of customers lie in the heart of another segment", share=words.share(found["overlap"], 0))
    if crowded is not None:
        alt += ". " + say(
            "The ellipse of {segment} is the most crowded: {share} of all other customers lie in it.",
            segment=label(crowded),
            share=words.share(least[crowded["id"]], 0),
        )
    return {
        "name": "separation",
        "title": claim,
        "subtitle": say(
            "Each ellipse holds half of a segment; two widest directions of the variables, {share} of all differences",
            share=words.share(axes[0]["share"] + axes[1]["share"], 0),
        ),
        "alt": alt,
        "source": say(
            "Source: {n} customers, variables in standard deviations within their outlier bounds; segments that lie together here may "
            "differ in other directions",
            n=words.number(found["customers"]),
        ),
    }


def axis_labels(found: dict | None, columns: Mapping[str, Input]) -> tuple[str, str]:
    """What each axis says: the variables that grow along it, and those that fall."""
    return tuple(_along(axis, columns) for axis in found["axes"]) if found else ("", "")


def _along(axis: dict, columns: Mapping[str, Input]) -> str:
    up, down = (words.join([columns[name].title().lower() for name in axis[way]]) for way in ("up", "down"))
    if up and down:
        return say("rising: {up}; falling: {down}", up=up, down=down)
    return say("rising: {up}", up=up) if up else say("falling: {down}", down=down)
