"""What the page of step 8 says of similar customers: what each list would have found, by what it ranks, and what it is not."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.predict.alike.groups import BOUGHT, HIGH
from helpers.predict.grades import GRADED
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.variables import catalogue
from helpers.variables.people_page import attribute_words
from helpers.words import NONE, mark, say

REASONS = {
    "no_high_value": mark("step 4 told no high-value customers"),
    "too_few_members": mark("it takes {want} members who may be looked at"),
    "too_few_candidates": mark("there are fewer than twice as many candidates as the list shall have"),
    "too_few_characteristics": mark("nothing is left that could rank and does not define the group"),
    "not_converged": mark("the calculation came to no end"),
    "no_better_than_chance": mark("no better than chance"),
}
BY = {"points": mark("many characteristics"), "rule": mark("one characteristic: {name}")}
UNTESTED = mark("not ready: {reason}")


def group_name(entry: dict, profiles: dict, project: Project) -> str:
    """What people call a group."""
    if entry["kind"] == "segment":
        return segment_name(next(s for s in profiles["segments"] if s["id"] == entry["name"]))
    if entry["kind"] == HIGH:
        return say("High-value customers")
    title = next((words.text(rule.title) for rule in project.build.rules if rule.name == entry["name"]), "")
    return title or entry["name"].replace("_", " ")


def characteristic(name: str, project: Project) -> str:
    """What people call a characteristic."""
    if name.startswith(BOUGHT):
        return say("bought {category}", category=name.removeprefix(BOUGHT))
    known = {v.name: v.title() for v in catalogue(project)}
    return known.get(name) or attribute_words(name)


def reason_words(entry: dict) -> str:
    """Why there is no list, in a clause."""
    want = {each["code"]: words.number(each["want"]) for each in entry["readiness"]}.get("members", "")
    clauses = [say(REASONS[code], want=want) for code in entry["reasons"]]
    return words.join(clauses)


def similar_table(evidence: dict, profiles: dict, project: Project) -> Table:
    """A row a group: how long its list is, and what such a list found of a hidden half of the group."""
    rows = [_row(entry, profiles, project) for entry in evidence["groups"]]
    columns = [
        Column("group", say("Group to widen")),
        Column("members", say("Members"), "count", people=True),
        Column("length", say("List"), "count"),
        Column("hidden", say("Members hidden"), "count", people=True),
        Column("hits", say("Found of them"), "count", people=True),
        Column("range", say("95% interval")),
        Column("chance", say("By chance"), "number", 1),
        Column("rule", say("By the best single characteristic"), "count", people=True),
        Column("which", say("Which")),
        Column("grade", say("Grade")),
        Column("by", say("The list follows")),
    ]
    note = say(
        "About half of the members, by lot, were hidden among the candidates, and a list of this length was learnt from the others. "
        "Grade: A at least 5% more found than by the best single characteristic and surely more, B surely more, C otherwise."
    )
    caption = say("What a list of similar customers would have found")
    return Table("similar", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def _row(entry: dict, profiles: dict, project: Project) -> dict:
    test, least = entry["test"], project.min_cell
    row = {"group": group_name(entry, profiles, project), "members": entry["members"], "length": entry["length"], "grade": NONE}
    row |= {"range": NONE, "which": NONE}
    if test is None:
        reason = reason_words(entry)
        return row | {
            "by": say("cannot tell: {reason}", reason=reason) if entry["status"] == "cannot_tell" else say(UNTESTED, reason=reason)
        }
    hits, rule, length = test["hits"], test["rule"], test["length"]
    ends = {name: words.number(test[name] * length) for name in ("low", "high")}
    row |= {"length": length, "hidden": test["hidden"], "hits": hits, "rule": rule["hits"], "chance": test["chance"] * length}
    row |= {"range": NONE if 0 < hits < least else say("{low} to {high}", **ends)}
    name = characteristic(rule["name"], project)
    return row | {"which": name, "grade": test["grade"], "by": _follows(entry, name)}


def _follows(entry: dict, name: str) -> str:
    if entry["by"] is None:
        return say("no list: {reason}", reason=reason_words(entry))
    told = BY[entry["by"]]
    return say(told, name=name)


def verdicts(evidence: dict, profiles: dict, project: Project) -> list[str]:
    """A sentence a group: whether there is a list, and what it ranks by."""
    if not evidence["groups"]:
        return [say("No group can be widened: no segment is large enough to be told of.")]
    return [_verdict(entry, group_name(entry, profiles, project), project) for entry in evidence["groups"]]


def _verdict(entry: dict, name: str, project: Project) -> str:
    values = {"group": name, "n": words.number(entry["listed"]), "length": words.number(entry["length"])}
    if entry["status"] != GRADED:
        return say("No list for “{group}”: {reason}.", reason=reason_words(entry), **values)
    if entry["by"] is None:
        return say("No list for “{group}”: {length} customers picked for likeness held no more of its hidden half than chance.", **values)
    test = entry["test"]
    speaking = test if entry["by"] == "points" else test["rule"]
    few = 0 < speaking["hits"] < project.min_cell  # times what chance finds, the number of those few would follow
    values |= {"times": words.number(speaking["share"] / test["chance"], 1)}
    found = say("It found {times} times as many of the hidden half as chance would.", **values)
    found = say("It found more of the hidden half than chance would.") if few else found
    if entry["by"] == "rule":
        values |= {"which": characteristic(test["rule"]["name"], project).lower(), "found": found}
        return say(
            "“{group}”: {n} customers are listed by one characteristic alone, {which}. {found} Many characteristics together were not "
            "surely better.",
            **values,
        )
    apart = words.join([characteristic(each, project).lower() for each in entry["apart"]])
    return say("“{group}”: {n} customers are listed by what sets it apart, above all {apart}. {found}", apart=apart, found=found, **values)


def barred_words(evidence: dict, project: Project) -> str:
    """What never ranks for reasons of protection, and how many could not be looked at."""
    names = {name for entry in evidence["groups"] for why in ("protected", "proxy") for name in entry["barred"].get(why, [])}
    told = words.join(sorted(characteristic(name, project).lower() for name in names)) or say("none in these data")
    refused = evidence["in_scope"] - evidence["looked_at"]
    shown = say("fewer than {n}", n=words.number(project.min_cell)) if 0 < refused < project.min_cell else words.number(refused)
    return say(
        "Never ranked by: special categories, protected attributes and what gives them away ({names}). Not looked at: customers who "
        "refused profiling ({n}), and customers out of scope, who are not measured.",
        names=told,
        n=shown,
    )


def caveats(evidence: dict) -> list[str]:
    """What could mislead about such lists."""
    if not any(entry["by"] for entry in evidence["groups"]):
        return []
    return [
        say("The place in a list of similar customers is no probability: it says who resembles the group, not who will buy."),
        say(
            "What defines a group may not rank. So those listed share the other traits of the group, not its behaviour; a test tells more."
        ),
    ]
