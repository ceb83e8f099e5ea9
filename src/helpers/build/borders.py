"""How far customers are from the border of their segment: what the confidence of a label is read from, and what explains it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers.build.document import TIE, labels
from helpers.variables.choose import stepped


def coordinates(document: dict, frame: pd.DataFrame) -> np.ndarray:
    """Customers × coordinates: the variables of a document after their steps, levels of categories as one column each, before any axes.

    A number that is missing has the document's value for it, 0 without one; a level that is missing, or was not known at build, is 0
    throughout.
    """
    parts = []
    for v in document["variables"]:
        if v["kind"] == "number":
            parts.append(stepped(filled(frame[v["name"]], v, 0.0), v["steps"])[:, None])
        else:
            parts.append(_levels(frame[v["name"]], v["levels"]))
    return np.column_stack(parts)


def filled(column: pd.Series, variable: dict, without: float | None = None) -> np.ndarray:
    """The values of a number, with the document's value where one is missing; where it has none, `without`, or NaN."""
    values = pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan)
    stand_in = without if variable.get("missing") is None else variable["missing"]
    return values if stand_in is None else np.where(np.isnan(values), float(stand_in), values)


def _levels(column: pd.Series, levels: list[dict]) -> np.ndarray:
    text = column.astype("string")
    known = text.isin([one["level"] for one in levels]).to_numpy(dtype=bool)
    coded = [((text == one["level"]).fillna(False).to_numpy(dtype=float) - one["centre"]) / one["scale"] for one in levels]
    return np.where(known[:, None], np.column_stack(coded), 0.0)


def blocks(document: dict) -> list[str]:
    """The variable that each coordinate belongs to."""
    return [v["name"] for v in document["variables"] for _ in (v["levels"] if v["kind"] == "category" else [None])]


def placed(document: dict, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Customers and centres of a document of nearest centres in the space in which distances are taken."""
    at = coordinates(document, frame)
    if "project" in document:
        at = (at - np.array(document["project"]["centre"])) @ np.array(document["project"]["loadings"])
    return at, np.array(document["assign"]["nearest"]["centroids"], dtype="float64")


def nearest_borders(document: dict, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Own segment, nearest other one, and the distance to the border between the two: (d₂² − d₁²)/(2‖c₁ − c₂‖).

    Both as numpy arrays of ids; of several centres within 1e-9 the first is the nearest, as when the document is applied.
    """
    ids = np.array([s["id"] for s in document["segments"]], dtype=object)
    at, centres = placed(document, frame)
    squares = np.stack([((at - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
    rows = np.arange(len(at))
    own = (squares <= squares.min(axis=1, keepdims=True) + TIE).argmax(axis=1)
    if len(ids) == 1:
        return ids[own], np.full(len(at), "", dtype=object), np.full(len(at), np.nan)
    others = squares.copy()
    others[rows, own] = np.inf
    other = (others <= others.min(axis=1, keepdims=True) + TIE).argmax(axis=1)
    between = np.sqrt(((centres[own] - centres[other]) ** 2).sum(axis=1))
    distance = (squares[rows, other] - squares[rows, own]) / (2 * np.maximum(between, 1e-300))
    return ids[own], ids[other], distance


def rule_borders(document: dict, frame: pd.DataFrame, spread: dict[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Own segment, "" for any other, and the smallest |value − bound| ÷ spread over the bounds of the document.

    spread    variable → standard deviation that redrawing gives it
    A missing value is near no border; the distance of whoever has none of the values is missing.
    """
    known = {v["name"]: v for v in document["variables"]}
    distance = np.full(len(frame), np.nan)
    for name, bound in sorted(set(bounds(document))):
        if name in spread:
            distance = np.fmin(distance, np.abs(filled(frame[name], known[name]) - bound) / spread[name])
    return labels(document, frame).astype(object), np.full(len(frame), "", dtype=object), distance


def bounds(document: dict) -> Iterator[tuple[str, float]]:
    """Variable and bound of every comparison in the rules, or of every cut in the criteria, of a document."""
    ((kind, how),) = document["assign"].items()
    if kind == "points":
        for criterion in how["criteria"]:
            yield from ((criterion["variable"], float(cut)) for cut in criterion.get("cuts") or ())
    elif kind == "first_match":
        for condition in [*(how.get("define") or {}).values(), *(rule["when"] for rule in how["rules"])]:
            yield from _compared(condition)


def _compared(condition) -> Iterator[tuple[str, float]]:
    if isinstance(condition, list):
        for part in condition:
            yield from _compared(part)
        return
    for field in ("all", "any", "not"):
        if field in condition:
            yield from _compared(condition[field])
    for field in ("at_least", "below"):
        if condition.get(field) is not None:
            yield condition["variable"], float(condition[field])


def table_share(table: list[dict], own, other, distance) -> np.ndarray:
    """The share that a confidence table gives: of the pair, else of the own segment with whatever is nearest; NaN without a distance."""
    own, other, distance = (np.asarray(each) for each in (own, other, distance))
    result = np.full(len(own), np.nan)
    for entry in sorted(table, key=lambda e: e["other"] != ""):  # pairs last: they replace what holds for any other
        mine = (own == entry["own"]) & ((other == entry["other"]) | (entry["other"] == ""))
        result[mine] = np.asarray(entry["share"], dtype="float64")[np.searchsorted(entry["at"], distance[mine], side="right")]
    return np.where(np.isnan(np.asarray(distance, dtype="float64")), np.nan, result)
