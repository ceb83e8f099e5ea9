"""What the page of step 4 says of people: descriptors, classes of seniority, the way to a purchase, survey scales, and proxies."""

import math
import re

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import words
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.variables.catalogue import catalogue
from helpers.variables.catalogue_page import type_words
from helpers.variables.descriptors import YEAR, type_of
from helpers.variables.scales import LEAST, PERSONAL, RELIABLE
from helpers.words import mark, say

ATTRIBUTES = {
    "seniority": mark("Seniority"),
    "journey_stage": mark("Journey stage"),
    "preferred_channel": mark("Channel of most orders"),
    "main_device": mark("Device of most visits"),
    "age_band": mark("Age"),
    "area": mark("Area"),
    "reach": mark("May be contacted by"),
    "current_segment": mark("Present segment"),
}
LEVELS = {
    "prospect": mark("prospect"),
    "new": mark("new"),
    "regular": mark("regular"),
    "loyal": mark("loyal"),
    "dormant": mark("dormant"),
    "known": mark("known"),
    "visited": mark("visited"),
    "basket": mark("filled a basket"),
    "bought once": mark("bought once"),
    "repeat": mark("bought again"),
    "none": mark("none of the channels"),
    "low": mark("lower third"),
    "middle": mark("middle third"),
    "high": mark("upper third"),
    "all": mark("everyone known"),
    "yes": mark("yes"),
    "no": mark("no"),
}
"""Codes of the descriptors that are worked out here, as people read them."""
CODED = ("seniority", "journey_stage", "reach")
VERDICTS = {
    "none": mark("not recognised by this check"),
    "slight": mark("slightly better than chance"),
    "some": mark("partly given away"),
    "clear": mark("clearly given away"),
    "unknown": mark("cannot be told: too few customers"),
}


def titles_of(project: Project) -> dict[str, str]:
    """What people call each variable measured here."""
    return {v.name: v.title() for v in catalogue(project)}


def attribute_words(attribute: str) -> str:
    """What people call a descriptor: those worked out here in words, others by the name that the project gave them."""
    if attribute in ATTRIBUTES:
        return say(ATTRIBUTES[attribute])
    if attribute.startswith("area_"):
        return say("Area: {measure}", measure=attribute.removeprefix("area_").replace("_", " "))
    return attribute.replace("_", " ")


def level_words(attribute: str, level: str) -> str:
    """A level as people read it."""
    return say(LEVELS[level]) if _coded(attribute) and level in LEVELS else level


def _coded(attribute: str) -> bool:
    return attribute in CODED or attribute.startswith("area_") or ": " in attribute


def each_level() -> str:
    """What stands in place of the long table of levels until it is opened."""
    return say("Show each level of each descriptor")


def descriptors_table(descriptors: ir.Table, *, min_cell: int) -> Table:
    """How many of the customers in scope carry each level of each attribute; small levels are added together.

    descriptors   customer_id and the attributes
    """
    rows = []
    for attribute in [c for c in descriptors.columns if c != "customer_id"]:
        counted = descriptors.filter(descriptors[attribute].notnull()).group_by(level=descriptors[attribute].cast("string"))
        levels = counted.agg(n=ibis._.count()).order_by("level").execute()
        pooled = _pooled(dict(zip(levels["level"], levels["n"], strict=True)), min_cell)
        for level, n in sorted(pooled.items(), key=lambda pair: _in_order(attribute, pair[0])):
            rows.append(
                {
                    "attribute": attribute_words(attribute),
                    "type": type_words(type_of(attribute)),
                    "level": level_words(attribute, level),
                    "n": n,
                    "share": n / max(levels["n"].sum(), 1),
                }
            )
    frame = pd.DataFrame(rows, columns=["attribute", "type", "level", "n", "share"])
    columns = [
        Column("attribute", say("Attribute")),
        Column("type", say("Type")),
        Column("level", say("Level")),
        Column("n", say("Customers in scope"), "count"),
        Column("share", say("Share of those described"), "share", 1),
    ]
    note = say("These describe segments and take no part in making them. Levels with too few customers are added together.")
    return Table("descriptors", say("Descriptors kept apart"), frame, columns, note=note, cell_size="n")


def _in_order(attribute: str, level: str) -> tuple:
    """Levels as readers count them: codes as they are listed, else by the first number, “Under 15K” before “15-24K”, words last."""
    if _coded(attribute) and level in LEVELS:
        return (list(LEVELS).index(level), False, level)
    number = re.search(r"\d+", level)
    return (int(number.group()) if number else math.inf, level[:1].isdigit(), level)


def _pooled(levels: dict[str, int], least: int) -> dict[str, int]:
    """Levels of fewer than `least` customers as one, with the next smallest when they are still too few: no rest gives them away."""
    small = sorted((n, level) for level, n in levels.items() if n < least)
    if not small:
        return levels
    rest = sorted((n, level) for level, n in levels.items() if n >= least)
    while rest and (sum(n for n, _ in small) < least):
        small.append(rest.pop(0))
    gone = {level for _, level in small}
    kept = {level: n for level, n in levels.items() if level not in gone}
    pooled = sum(n for n, _ in small)
    return kept | ({say("other"): pooled} if pooled >= least else {})


def classes_table(found: pd.DataFrame, project: Project) -> Table:
    """Each class of seniority: size, revenue, refunds, repeat purchases, retention and attrition.

    found   result of `classes.figures`, or an empty frame where seniority cannot be told
    """
    everyone = LEVELS["all"]
    frame = found.assign(seniority=[level_words("seniority", s) if s != "all" else say(everyone) for s in found["seniority"]])
    days = words.number(project.variables.attrition_after_days)
    columns = [
        Column("seniority", say("Seniority")),
        Column("n", say("Customers"), "count"),
        Column("revenue_share", say("Share of revenue"), "share", 1),
        Column("refund_rate", say("Refunds, of purchases"), "share", 1),
        Column("repeat_rate", say("Bought again within the window"), "share", 1),
        Column("retention", say("Stayed from the window before"), "share", 1),
        Column("attrition", say("Without a purchase for {days} days", days=days), "share", 1),
    ]
    s = project.variables.seniority
    note = say(
        "New: first order at most {new} days ago. Dormant: last order more than {dormant} days ago. Loyal: at least {loyal} orders within "
        "a year. Everyone known counts, whatever the filters of the scope. The classes are made of the dates of orders, so that the last "
        "columns follow from them in part; seniority says nothing of value.",
        new=words.number(s.new_within_days),
        dormant=words.number(s.dormant_after_days),
        loyal=words.number(s.loyal_orders),
    )
    caption = say("Classes of seniority: what they are worth and whether they stay")
    return Table("seniority", caption, frame, columns, note=note, cell_size="n")


def stages_table(found: pd.DataFrame) -> Table:
    """How far everyone known has come, from `classes.stages`."""
    frame = found.assign(stage=[level_words("journey_stage", s) for s in found["stage"]])
    columns = [Column("stage", say("Farthest stage")), Column("n", say("Customers"), "count"), Column("share", say("Share"), "share", 1)]
    note = say("Of everyone known. Visits without logging in belong to nobody, so that some who visited stand under “known”.")
    return Table("stages", say("How far customers have come on the way to a purchase"), frame, columns, note=note, cell_size="n")


def scales_table(found: dict[str, dict], project: Project) -> Table:
    """Each scale with its reliability, from `scales.reliability`."""
    titles, rows = titles_of(project), []
    for name, each in found.items():
        known = [item for item in each["items"] if not words.absent(item["rest"])]
        weakest = min(known, key=lambda item: item["rest"]) if known else None
        rows.append(
            {
                "title": titles.get(name, name),
                "items": len(each["items"]),
                "n": each["n"],
                "alpha": each["alpha"],
                "interval": _interval(each),
                "weakest": say("{item} ({rest})", item=weakest["item"], rest=words.number(weakest["rest"], 2)) if weakest else "",
                "verdict": _reliable(each),
            }
        )
    frame = pd.DataFrame(rows, columns=["title", "items", "n", "alpha", "interval", "weakest", "verdict"])
    columns = [
        Column("title", say("Scale")),
        Column("items", say("Questions"), "number"),
        Column("n", say("Answered all"), "count"),
        Column("alpha", say("Cronbach’s alpha"), "number", 2),
        Column("interval", say("95% interval")),
        Column("weakest", say("Question that fits least")),
        Column("verdict", say("In words")),
    ]
    note = say(
        "Alpha: how far the questions of a scale measure one thing, from 0 to 1; interval after Feldt. A scale serves for the mean of a "
        "group when the whole interval lies at {group} or above, and for one person at {person} or above (Nunnally 1978). In brackets: "
        "correlation of the question with the sum of the others. Respondents only: whoever answers a survey is not like everybody.",
        group=words.number(RELIABLE, 2),
        person=words.number(PERSONAL, 2),
    )
    return Table("scales", say("Scales made of survey questions, and how reliable they are"), frame, columns, note=note, cell_size="n")


def _interval(each: dict) -> str:
    if words.absent(each["alpha"]):
        return ""
    return say("{low} to {high}", low=words.number(each["low"], 2), high=words.number(each["high"], 2))


def _reliable(each: dict) -> str:
    if words.absent(each["alpha"]):
        return say("one question: nothing to compare") if len(each["items"]) < 2 else say("too few answered all")
    if any(item["rest"] < 0 for item in each["items"]):
        return say("a question runs the other way: is it reversed?")
    if each["low"] < RELIABLE:
        return say("not reliable")
    return say("of use for the mean of a group, not for one person") if each["low"] < PERSONAL else say("reliable, also for one person")


def proxies_table(found: list[dict], project: Project) -> Table:
    """How well the proposed variables together tell each attribute, from `proxies.proxies`."""
    titles = titles_of(project)
    rows = [
        {
            "attribute": attribute_words(p["attribute"]),
            "n": p["n"],
            "levels": p["levels"],
            "accuracy": p["accuracy"],
            "interval": _shares(p["low"], p["high"]),
            "chance": p["chance"],
            "most": titles.get(p["variable"], ""),
            "alone": p["alone"],
            "alone_interval": _shares(p["alone_low"], p["alone_high"]),
            "verdict": say(VERDICTS[verdict]),
        }
        for p, verdict in ((p, p["verdict"]) for p in found)
    ]
    columns = [
        Column("attribute", say("Attribute")),
        Column("n", say("Customers for whom it is known"), "count"),
        Column("accuracy", say("Recognised"), "share", 1),
        Column("interval", say("95% interval")),
        Column("chance", say("By chance"), "share", 1),
        Column("most", say("Variable that gives most away")),
        Column("alone", say("Recognised by it alone"), "share", 1),
        Column("alone_interval", say("95% interval, alone")),
        Column("verdict", say("In words")),
    ]
    note = say(
        "Recognised: mean over the levels of an attribute of the share recognised, in customers not seen before, by a decision tree of "
        "four questions or a logistic regression, whichever did better elsewhere; by one variable alone: a tree, its interval widened "
        "because it is the best of all. What variables give away, segments and offers built on them may carry on, without anybody having "
        "meant it. Another method may recognise what this check did not."
    )
    frame = pd.DataFrame(rows, columns=["attribute", "n", *(c.name for c in columns[2:])])
    return Table("proxies", say("What the proposed variables give away together"), frame, columns, note=note, cell_size="n")


def _shares(low: float | None, high: float | None) -> str:
    return "" if low is None else say("{low} to {high}", low=words.share(low, 1), high=words.share(high, 1))


def proxies_words(found: list[dict], lacking: list[str], project: Project) -> str:
    """The finding of the proxy check in a sentence."""
    told = [p for p in found if p["verdict"] != "unknown"]
    if not told:
        names = words.join([attribute_words(name) for name in lacking])
        if lacking:
            return say("Whether the variables give away {names} cannot be told: these data do not hold it.", names=names)
        return say("No attribute is checked: variables.proxies_of names none, and neither gender nor age is known for enough customers.")
    worst = max(told, key=lambda p: p["strength"] if p["verdict"] != "none" else -1.0)
    name = attribute_words(worst["attribute"])
    values = {"share": words.share(worst["accuracy"], 0), "chance": words.share(worst["chance"], 0)}
    if worst["verdict"] == "none":
        names = words.join([attribute_words(p["attribute"]) for p in told])
        return say("This check did not recognise {names} from the proposed variables any better than chance would.", names=names)
    return say(
        "{attribute}: the proposed variables together recognise {share} where chance would recognise {chance}; {variable} gives most away.",
        attribute=name[:1].upper() + name[1:],
        variable=titles_of(project)[worst["variable"]],
        **values,
    )


def caveats(project: Project, *, classes: bool, left_out: list[str], scales: dict[str, dict], proxies: list[dict]) -> list[str]:
    """What could mislead about people, each with the size of its effect.

    classes    whether seniority could be told;  left_out: descriptors that do not tell customers apart
    """
    result, titles = [], titles_of(project)
    if not classes:
        result.append(
            say(
                "Who is new, loyal or dormant is not told: the history is shorter than {days} days, and whoever seems new may have bought "
                "long before it begins.",
                days=words.number(YEAR),
            )
        )
    if left_out:
        names = words.join([attribute_words(name) for name in left_out])
        result.append(say("Left out of the descriptors, for they tell no two groups of customers apart: {names}.", names=names))
    low = {name: each["low"] for name, each in scales.items() if not words.absent(each["alpha"])}
    weak, groups = [n for n in low if low[n] < RELIABLE], [n for n in low if RELIABLE <= low[n] < PERSONAL]
    if weak:
        values = {"border": words.number(RELIABLE, 2), "names": words.join([titles[name] for name in weak])}
        result.append(say("Not reliable, even for the mean of a group (alpha may lie below {border}): {names}.", **values))
    if groups:
        values = {"border": words.number(PERSONAL, 2), "names": words.join([titles[name] for name in groups])}
        result.append(say("Of use for the mean of a group, not for one person (alpha may lie below {border}): {names}.", **values))
    few = [name for name, each in scales.items() if each["n"] < LEAST]
    if few:
        names = words.join([titles[name] for name in few])
        result.append(say("Answered in full by fewer than {n}: {names}.", n=words.number(LEAST), names=names))
    away = [p for p in proxies if p["verdict"] in ("some", "clear")]
    if away:
        result.append(
            say(
                "The variables stand in part for {names}: whoever treats segments differently treats these groups differently.",
                names=words.join([attribute_words(p["attribute"]) for p in away]),
            )
        )
    return result
