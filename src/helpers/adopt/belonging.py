"""Who belongs to a segment, in words: nearest profile, most likely class, rules, or points."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from helpers import words
from helpers.adopt.dictionary import named_in
from helpers.adopt.names import within
from helpers.build.inputs import Column, columns
from helpers.build.rules_page import condition_words, rule_title
from helpers.project import Project
from helpers.variables.people_page import level_words
from helpers.words import say, say_n

RULES_TOLD = 3
"""Rules of a segment that the dictionary's table writes out."""


@dataclass(frozen=True)
class _Within(Column):
    """A column as it is called within a sentence."""

    def title(self) -> str:
        """What people call it, without the capital of a heading."""
        return within(super().title())


def rule_words(rule: dict, project: Project) -> str:
    """How it is decided who belongs, in a sentence without its full stop."""
    if rule["kind"] == "nearest":
        return _nearest(rule)
    if rule["kind"] == "posterior":
        if not rule["likely"]:
            return say("whoever has no value in {on}", on=_variables(rule)) if rule["unknown"] else say("nobody: no class leads here")
        told = say("this is the most likely of {k} classes by {on}", k=words.number(rule["classes"]), on=_variables(rule))
        return say("{rule}, or none of these has a value", rule=told) if rule["unknown"] else told
    if rule["kind"] == "points":
        known = _known([c["variable"] for c in rule["criteria"]] + [c["age"] for c in rule["criteria"] if c.get("age")], rule, project)
        return say("points for {names}: {band}", names=words.join([_criterion(c, known) for c in rule["criteria"]]), band=_band(rule))
    if not rule["rules"]:
        return say("whoever meets no rule") if rule["otherwise"] else say("nobody: no rule leads here")
    told = [_rule(each, rule, project) for each in rule["rules"][:RULES_TOLD]]
    more = len(rule["rules"]) - RULES_TOLD
    told += [say_n("one more rule", "one of {n} more rules", more)] if more > 0 else []
    first = say("the first rule that holds is {rules}", rules=say(" or ").join(told))
    return say("{rule}, or no rule holds", rule=first) if rule["otherwise"] else first


def _nearest(rule: dict) -> str:
    values = {"k": words.number(rule["profiles"]), "on": _variables(rule)}
    if rule["axes"] is None:
        return say("nearest to this one of {k} profiles, on {on}", **values)
    return say("nearest to this one of {k} profiles, on {axes} axes of {on}", axes=words.number(rule["axes"]), **values)


def _variables(rule: dict) -> str:
    """How many variables are used, and how many of them are no numbers."""
    told = say_n("{n} variable", "{n} variables", rule["variables"])
    if not rule.get("categories"):
        return told
    return say("{variables} (categories: {n})", variables=told, n=words.number(rule["categories"]))


def _criterion(criterion: dict, known: Mapping[str, Column]) -> str:
    """What earns points: a variable; points by level where it has levels; how long they last where they age."""
    told = known[criterion["variable"]].title()
    if criterion.get("levels"):
        given = [
            say("{level} {points}", level=level_words(criterion["variable"], level), points=_points(points))
            for level, points in criterion["levels"].items()
        ]
        rest = criterion.get("otherwise") or 0.0
        given += [say("any other {points}", points=_points(rest))] if rest else []
        told = say("{variable} ({points})", variable=told, points=", ".join(given))
    if not criterion.get("age"):
        return told
    days, age = words.number(criterion["half_life_days"]), known[criterion["age"]].title()
    return say("{variable} (worth half after each {days} days of {age})", variable=told, days=days, age=age)


def _band(rule: dict) -> str:
    if rule["from"] is None:
        return say("fewer than {below}", below=_points(rule["below"])) if rule["below"] is not None else say("any")
    if rule["below"] is None:
        return say("{least} or more", least=_points(rule["from"]))
    return say("from {least} to below {below}", least=_points(rule["from"]), below=_points(rule["below"]))


def _points(value: float) -> str:
    """Points with as many decimals as they have, two at most."""
    return words.number(value, next((digits for digits in (0, 1) if round(value, digits) == round(value, 2)), 2))


def _rule(each: dict, rule: dict, project: Project) -> str:
    """One rule: its place in the order, its name where it has one, and what must hold."""
    titles = {typed.name: rule_title(typed) for typed in project.build.rules}
    segments = {typed.name for typed in project.build.rules if typed.segment} - {each["name"]}
    whole = _plain(each["when"], rule.get("define") or {}, segments)
    known = _known(list(_names(whole)), rule, project) if whole else {}
    told = (
        condition_words(whole, known, titles | {name: name for name in named_in(whole) if name not in titles}) if whole else say("always")
    )
    values = {"place": words.number(each["place"]), "conditions": told}
    if each.get("name") in titles:
        return say("number {place}, “{name}” ({conditions})", name=titles[each["name"]], **values)
    return say("number {place} ({conditions})", **values)


def _plain(condition: dict | list, define: dict, segments: set[str]) -> dict:
    """A condition with one form for each thing: no lists, nothing without bounds, and of the rules it names only those readers know.

    segments   names of the rules that make a segment of their own: these keep their names, all others are written out
    Returns    {} where it always holds
    """
    if isinstance(condition, list):
        condition = {"all": condition}
    if "rule" in condition and condition["rule"] in define and condition["rule"] not in segments:
        return _plain(define[condition["rule"]], define, segments)
    if "not" in condition:
        return {"not": _plain(condition["not"], define, segments)}
    for way in ("all", "any"):
        if way in condition:
            parts = [_plain(part, define, segments) for part in condition[way]]
            kept = [part for part in parts if part]
            if not kept or (way == "any" and len(kept) < len(parts)):
                return {}
            return kept[0] if len(kept) == 1 else {way: kept}
    bounded = any(condition.get(key) is not None for key in ("at_least", "below", "in", "missing"))
    return {key: value for key, value in condition.items() if value is not None} if bounded or "rule" in condition else {}


def _names(condition: dict) -> Iterator[str]:
    if "variable" in condition:
        yield condition["variable"]
    for inner in (*condition.get("all", []), *condition.get("any", []), *([condition["not"]] if "not" in condition else [])):
        yield from _names(inner)


def _known(names: list[str], rule: dict, project: Project) -> dict[str, Column]:
    """The columns that a rule uses, as they are called within a sentence; what no step measures is a number where it has bounds."""
    found = columns(project, dict.fromkeys(names))
    bounded = set(_bounded(rule))
    kinds = {name: "number" if name in bounded else column.kind for name, column in found.items()}
    return {name: _Within(name, kinds[name], c.type, c.measured, c.scale, c.variable) for name, c in found.items()}


def _bounded(rule: dict | list) -> Iterator[str]:
    """Variables that are compared with bounds anywhere in a rule."""
    if isinstance(rule, dict):
        if "variable" in rule and any(rule.get(key) is not None for key in ("at_least", "below", "cuts")):
            yield rule["variable"]
        if rule.get("age"):
            yield rule["age"]
    for part in rule.values() if isinstance(rule, dict) else rule:
        if isinstance(part, dict | list):
            yield from _bounded(part)
