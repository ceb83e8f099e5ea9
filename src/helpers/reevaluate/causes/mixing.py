"""What in a segmentation document is the yardstick and what was learnt: one document's groups measured with another's yardstick."""

import copy

from helpers.project import Project
from helpers.variables import catalogue

RULED = ("first_match", "points")
LEARNT = ("suggested", "tree", "panel_tree")
"""Recipes whose rules were grown on customers: their cut points are groups found, not a yardstick that people hold."""
IN_FITTING = {"predict", "decisions", "keep", "leave_out", "redundant_from", "clip_low", "clip_high", "log_from_skew", "lumpy_from"}
"""Fields of `variables` that count where a document is made; their effect stands in the document."""


def same_rules(one: dict, other: dict) -> bool:
    """Whether two documents label everybody alike; names and colours do not count."""
    return _rules(one) == _rules(other)


def _rules(document: dict) -> dict:
    kept = {key: value for key, value in document.items() if key not in ("version", "built_as_of", "made_by", "segments", "format")}
    assign = {kind: {k: v for k, v in how.items() if k != "confidence"} for kind, how in document["assign"].items()}
    return kept | {"assign": assign, "ids": [s["id"] for s in document["segments"]]}


def same_definitions(one: Project, other: Project) -> bool:
    """Whether two versions of project.yml measure the same customers in the same way."""
    return _definitions(one) == _definitions(other)


def _definitions(plan: Project) -> dict:
    return {
        "variables": plan.variables.model_dump(exclude=IN_FITTING, mode="json"),
        "filters": [(each.rule, each.value) for each in plan.scope.filters],
        "window": plan.scope.window_days,
        "zone": plan.time_zone,
        "catalogue": [v.name for v in catalogue(plan)],
    }


def mixed(groups: dict, yardstick: dict) -> dict:
    """The groups of one document measured with the yardstick of another.

    A yardstick are bounds and scales of variables beside centroids and classes, and all of what is a convention: rules typed, cut
    points, points, bands. Centroids and class means stay where they are in the units of the variables and are written on the new
    scale; so a new scale weighs variables anew and moves no border by itself.

    Returns   `yardstick` where both are conventions; `groups` where the two cannot be told apart (other variables, another kind of
              document, axes): then all of the change is a refit
    """
    if same_rules(groups, yardstick):
        return yardstick
    kinds = tuple(next(iter(each["assign"])) for each in (groups, yardstick))
    if all(kind in RULED for kind in kinds) and not any(each.get("made_by") in LEARNT for each in (groups, yardstick)):
        return yardstick
    if kinds[0] != kinds[1] or kinds[0] in RULED or "project" in groups or "project" in yardstick or not _alike(groups, yardstick):
        return groups
    made = copy.deepcopy(groups) | {"variables": copy.deepcopy(yardstick["variables"])}
    moves = [_move(a, b) for a, b in zip(groups["variables"], yardstick["variables"], strict=True)]
    if kinds[0] == "nearest":
        flat = [move for each in moves for move in each]
        centroids = [[_moved(x, move) for x, move in zip(row, flat, strict=True)] for row in groups["assign"]["nearest"]["centroids"]]
        made["assign"] = {"nearest": {"centroids": centroids}}
    else:
        for one in made["assign"]["posterior"]["classes"]:
            for variable, move in zip(groups["variables"], moves, strict=True):
                told = one["of"].get(variable["name"], {})
                if "mean" in told:
                    told |= {"mean": _moved(told["mean"], move[0]), "sd": told["sd"] * move[0][1] / move[0][3]}
    return made


def _alike(one: dict, other: dict) -> bool:
    """Whether two documents have the same variables, taken in the same way but for bounds and scales."""
    return [_shape(v) for v in one["variables"]] == [_shape(v) for v in other["variables"]]


def _shape(variable: dict) -> tuple:
    taken = [next(iter(step)) for step in variable.get("steps", [])]
    levels = tuple(level["level"] for level in variable.get("levels") or [])
    return variable["name"], variable["kind"], levels, tuple(step for step in taken if step != "clip")


def _move(was: dict, now: dict) -> list[tuple[float, float, float, float]]:
    """Mean and scale of each coordinate of a variable, then and now."""
    if was["kind"] == "category":
        both = zip(was.get("levels") or [], now.get("levels") or [], strict=True)
        return [(a["centre"], a["scale"], b["centre"], b["scale"]) for a, b in both]
    return [(*_scale(was), *_scale(now))]


def _scale(variable: dict) -> tuple[float, float]:
    return next((tuple(step["scale"]) for step in variable["steps"] if "scale" in step), (0.0, 1.0))


def _moved(x: float, move: tuple[float, float, float, float]) -> float:
    mean, scale, mean_now, scale_now = move
    if (mean, scale) == (mean_now, scale_now):  # the same scale moves nothing, not even by rounding
        return x
    return (x * scale + mean - mean_now) / scale_now
