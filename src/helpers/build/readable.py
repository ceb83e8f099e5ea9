"""Segments in words: one short rule each, learnt on one half of the customers and tested on the other."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.contest import halves
from helpers.build.document import holds
from helpers.build.inputs import Column as Input
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.rates import wilson
from helpers.tables import Column, Table
from helpers.variables.people_page import level_words
from helpers.variables.spread import unit
from helpers.words import say

DEPTH = 3
"""Conditions of a rule at most."""
AS_GOOD = 0.02
"""A rule with fewer conditions is taken when its F1 is within this of the best."""
LEAST = 20
"""Customers that a leaf holds at least, in the half that it is learnt on."""
DIGITS = 3
"""Digits of a border. Borders are rounded before they are tested: what is tested is what people read."""


def readable(sample: pd.DataFrame, labels: np.ndarray, columns: Mapping[str, Input], *, seed: int, least: int = LEAST) -> dict | None:
    """One rule in words for each segment, with how often it is right among customers whom it was not learnt on.

    For each segment a tree (the segment against all others, equal weights) is learnt on the customers of one half, by a hash of the id;
    the rule is the way to the node with the highest F1 there, the shortest of those about as good. A missing number counts as the median.

    sample    rows of `inputs.customers`;  labels: the published segment of each
    columns   what rules may use, name → Column of build/inputs.py
    Returns   n (customers tested), precision and recall over all rules, low and high (of precision, Wilson), none and several (shares of
              customers whom no rule or more than one names), segments {id: rule [{variable, at_least, below} or {variable, level, is}],
              n (members tested), share (of all), named, right, precision (right of those named), recall (right of the members)};
              None where a half is too small or there is one segment
    """
    learns = halves(sample["customer_id"])
    if min(learns.sum(), (~learns).sum()) < 2 * least or len(np.unique(labels[learns])) < 2:
        return None
    values, features, medians = _values(sample, learns, columns, least)
    if not features:
        return None
    first, rest, segments, named = sample[learns], sample[~learns], {}, []
    for one in sorted(set(labels), key=lambda s: int(str(s)[1:])):
        rule = _rule(values[learns], labels[learns] == one, features, columns, first, medians, seed=seed, least=least)
        inside = _follow(rule, rest, medians) if rule else np.zeros(len(rest), dtype=bool)
        named.append(inside)
        segments[str(one)] = {"rule": rule, **_tested(inside, labels[~learns] == one)}
    times, all_named, right = np.sum(named, axis=0), sum(s["named"] for s in segments.values()), sum(s["right"] for s in segments.values())
    low, high = wilson(right, all_named) if all_named else (None, None)
    whole = {"precision": right / all_named if all_named else None, "low": low, "high": high, "recall": right / len(rest)}
    return {"n": len(rest), **whole, "none": float((times == 0).mean()), "several": float((times > 1).mean()), "segments": segments}


def _tested(inside: np.ndarray, there: np.ndarray) -> dict:
    named, right, n = int(inside.sum()), int((inside & there).sum()), int(there.sum())
    told = {"named": named, "right": right, "n": n, "share": n / len(there)}
    return told | {"precision": right / named if named else None, "recall": right / n if n else None}


def _values(sample: pd.DataFrame, learns: np.ndarray, columns: Mapping[str, Input], least: int) -> tuple[np.ndarray, list, dict]:
    """What the tree sees, one column a number or a level; and the medians that stand for what is missing."""
    parts, features, medians = [], [], {}
    for name, column in columns.items():
        if name not in sample:
            continue
        if column.kind == "number":
            values = sample[name].to_numpy(dtype="float64", na_value=np.nan)
            known = values[learns & ~np.isnan(values)]
            if len(known) < least or np.ptp(known) == 0:
                continue
            medians[name] = float(np.median(known))
            parts.append(np.where(np.isnan(values), medians[name], values))
            features.append((name, None))
            continue
        text = sample[name].astype("string")
        counts = text[learns].value_counts()
        for level in sorted(counts[counts >= least].index):
            parts.append((text == level).fillna(False).to_numpy(dtype="float64"))
            features.append((name, str(level)))
    return (np.column_stack(parts) if parts else np.empty((len(sample), 0))), features, medians


def _rule(
    values: np.ndarray, there: np.ndarray, features: list, columns: Mapping, first: pd.DataFrame, medians: dict, *, seed: int, least: int
) -> list[dict]:
    """The conditions that lead to the best node of a tree for one segment, borders rounded; none where it has nobody to learn from."""
    from sklearn.tree import DecisionTreeClassifier

    if there.sum() < least or there.all():
        return []
    model = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=least, class_weight="balanced", random_state=seed)
    tree = model.fit(values, there).tree_
    rules = [[_condition(key, how) for key, how in held.items()] for held in _nodes(tree, 0, {}, features, columns) if not _empty(held)]
    scored = [(rule, _f1(_follow(rule, first, medians), there)) for rule in rules]
    best = max((score for _, score in scored), default=0.0)
    good = [(len(rule), -score, place, rule) for place, (rule, score) in enumerate(scored) if score >= best - AS_GOOD and score > 0]
    return min(good)[3] if good else []


def _f1(inside: np.ndarray, there: np.ndarray) -> float:
    """Harmonic mean of precision and recall."""
    return float(2 * (inside & there).sum() / max(inside.sum() + there.sum(), 1))


def _nodes(tree, node: int, held: dict, features: list, columns: Mapping) -> list[dict]:
    """What holds at every node below one, from left to right."""
    if tree.children_left[node] < 0:
        return []
    name, level = features[tree.feature[node]]
    if level is not None:
        ways = {(name, level): False}, {(name, level): True}
    else:
        at = rounded(float(tree.threshold[node]), columns[name])
        low, high = held.get((name, None), (None, None))
        ways = {(name, None): (low, at)}, {(name, None): (at, high)}
    found = []
    for child, more in zip((tree.children_left[node], tree.children_right[node]), ways, strict=True):
        found += [held | more, *_nodes(tree, child, held | more, features, columns)]
    return found


def _empty(held: dict) -> bool:
    """Whether borders that were rounded to one value leave nobody between them."""
    ends = [how for (_, level), how in held.items() if level is None]
    return any(low is not None and high is not None and low >= high for low, high in ends)


def _condition(key: tuple, how) -> dict:
    name, level = key
    return {"variable": name, "at_least": how[0], "below": how[1]} if level is None else {"variable": name, "level": level, "is": how}


def _follow(rule: Sequence[dict], sample: pd.DataFrame, medians: dict) -> np.ndarray:
    """Whom the rule, as it is written, names; a missing number counts as the median."""
    return holds([_as_condition(condition) for condition in rule], sample.fillna(medians))


def _as_condition(condition: dict) -> dict:
    """A condition of a rule in words as one of a document."""
    if "level" not in condition:
        return condition
    one = {"variable": condition["variable"], "in": [condition["level"]]}
    return one if condition["is"] else {"not": one}


def rounded(value: float, column: Input) -> float:
    """A border with as many digits as it is written with: three, and no finer than a tenth of a per cent or a cent."""
    finest = 3 if _is_share(column) else 2
    return round(value, min(_decimals(value, scale=100 if _is_share(column) else 1) + (2 if _is_share(column) else 0), finest))


def _decimals(value: float, *, scale: int = 1) -> int:
    """Decimals that leave `DIGITS` digits of a number."""
    size = abs(value) * scale
    return max(0, DIGITS - 1 - math.floor(math.log10(size))) if size else 0


def _is_share(column: Input) -> bool:
    return column.variable is not None and column.variable.unit == "share"


# Page


def accuracy_words(found: dict | None, project: Project) -> str:
    """How far a few words can stand for the segments."""
    if found is None:
        return say(
            "The segments cannot be told in words: there are too few customers to learn rules on one half and test them on the other."
        )
    return say(
        "Of the customers whom the short rules below name, {precision} belong where they are put ({low} to {high} at 95%), and {recall} "
        "of all customers are found. {none} are named by no rule, {several} by more than one. Tested on customers whom the rules were not "
        "learnt on.",
        precision=words.share(found["precision"], 0),
        low=words.share(found["low"], 0),
        high=words.share(found["high"], 0),
        recall=words.share(found["recall"], 0),
        none=words.share(found["none"], 0),
        several=words.share(found["several"], 0),
    )


def readable_table(found: dict, profiles: dict, columns: Mapping[str, Input], project: Project) -> Table:
    """Each segment in words, with how many of those named belong to it and how many of its members are found."""
    rows = []
    for segment in profiles["segments"]:
        told = found["segments"].get(segment["id"])
        if told is None or segment.get("shown") is False:
            continue
        few = [0 < n < project.min_cell for n in (told["named"], told["right"], told["named"] - told["right"])]
        missed = 0 < told["n"] - told["right"] < project.min_cell
        rows.append(
            {
                "segment": segment_name(segment),
                "rule": _in_full(told["rule"], columns),
                "named": told["named"],
                "precision": None if any(few) else told["precision"],
                "recall": None if few[1] or missed else told["recall"],
                "share": told["share"],
            }
        )
    columns_ = [
        Column("segment", say("Segment")),
        Column("rule", say("In words")),
        Column("named", say("Customers tested whom the rule names"), "count", people=True),
        Column("precision", say("Of them in the segment"), "share", 0),
        Column("share", say("Of all customers in the segment"), "share", 0),
        Column("recall", say("Of the segment found by the rule"), "share", 0),
    ]
    note = say(
        "Learnt on one half of the customers, tested on the other. Use the rule to explain a segment, not to find its members: the "
        "document does that."
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns_])
    return Table("readable", say("In words, and how often it is right"), frame, columns_, note=note)


def _in_full(rule: Sequence[dict], columns: Mapping[str, Input]) -> str:
    return words.join([_in_words(c, columns[c["variable"]]) for c in rule]) or say("no short rule names this segment")


def _in_words(condition: dict, column: Input) -> str:
    title = column.title()
    if "level" in condition:
        level = level_words(column.name, condition["level"])
        if condition["is"]:
            return say("{variable}: {level}", variable=title, level=level)
        return say("{variable}: not {level}", variable=title, level=level)
    low, high = (_border(condition[end], column) for end in ("at_least", "below"))
    if high is None:
        return say("{variable} {low} or more", variable=title, low=low)
    if low is None:
        return say("{variable} below {high}", variable=title, high=high)
    return say("{variable} {low} to below {high}", variable=title, low=low, high=high)


def _border(value: float | None, column: Input) -> str | None:
    """A border with just the digits that it was rounded to."""
    if value is None:
        return None
    if _is_share(column):
        return words.share(value, min(_decimals(value, scale=100), 1))
    digits = min(_decimals(value), 2)
    if column.variable is not None and column.variable.unit == "money":
        return words.money(value, digits)
    return words.number(value, digits) if column.variable is None else f"{words.number(value, digits)} {unit(column.variable)}"
