"""Who belongs to a segment, in words: nearest profile, rules, or points."""

from helpers import words
from helpers.build.portraits import titles
from helpers.project import Project
from helpers.variables import catalogue
from helpers.variables.catalogue import Variable
from helpers.words import say, say_n

RULES_TOLD = 3
"""Rules of a segment that the dictionary's table writes out."""


def rule_words(rule: dict, project: Project) -> str:
    """How it is decided who belongs, in a sentence without its full stop."""
    if rule["kind"] == "nearest":
        values = {"k": words.number(rule["profiles"]), "variables": words.number(rule["variables"])}
        if rule["axes"] is None:
            return say("nearest to this one of {k} profiles, on {variables} variables", **values)
        return say(
            "nearest to this one of {k} profiles, on {axes} axes of {variables} variables", axes=words.number(rule["axes"]), **values
        )
    named = titles(project)
    if rule["kind"] == "points":
        names = words.join([named.get(c, c).lower() for c in rule["criteria"]])
        return say("points for {names}: {band}", names=names, band=_band(rule))
    if not rule["rules"]:
        return say("whoever meets no rule") if rule["otherwise"] else say("nobody: no rule leads here")
    told = [_rule(each, project) for each in rule["rules"][:RULES_TOLD]]
    more = len(rule["rules"]) - RULES_TOLD
    told += [say_n("one more rule", "one of {n} more rules", more)] if more > 0 else []
    first = say("the first rule that holds is {rules}", rules=say(" or ").join(told))
    return say("{rule}, or no rule holds", rule=first) if rule["otherwise"] else first


def _band(rule: dict) -> str:
    if rule["from"] is None:
        return say("fewer than {below}", below=words.number(rule["below"])) if rule["below"] is not None else say("any")
    if rule["below"] is None:
        return say("{least} or more", least=words.number(rule["from"]))
    return say("from {least} to below {below}", least=words.number(rule["from"]), below=words.number(rule["below"]))


def _rule(rule: dict, project: Project) -> str:
    known, parts = {v.name: v for v in catalogue(project)}, []
    for each in rule["when"]:
        variable = known.get(each["variable"])
        write = _writer(variable)
        title = variable.title().lower() if variable else each["variable"]
        low, high = each.get("at_least"), each.get("below")
        if low is not None and high is not None:
            parts.append(say("{title} from {low} to below {high}", title=title, low=write(low), high=write(high)))
        elif low is not None:
            parts.append(say("{title} at least {low}", title=title, low=write(low)))
        elif high is not None:
            parts.append(say("{title} below {high}", title=title, high=write(high)))
    return say("number {place} ({conditions})", place=words.number(rule["place"]), conditions=words.join(parts) or say("always"))


def _writer(variable: Variable | None):
    kind = {"share": words.share, "money": words.money}.get(variable.unit) if variable else None
    return kind or (lambda x: words.number(x, 1))
