"""What two runs found, in words: segments, rules, conclusions, and everything handed over."""

import pandas as pd

from helpers import words
from helpers.build import contest_page
from helpers.build.criteria import page as criteria_page
from helpers.build.portraits import segment_name, titles
from helpers.differences.parts import MOST, STATES, Part, old_new, rest, said, short
from helpers.project import Project
from helpers.reevaluate.history.page import VERDICTS
from helpers.tables import Column, Table
from helpers.words import mark, say

CONCLUDED = {
    "reevaluation": mark("Verdict of step 9"),
    "structure": mark("Whether the segments are kinds of people"),
    "recipe": mark("Way of cutting"),
    "objective": mark("Foresees the objective, share of variation"),
    "panel": mark("Foresees other behaviours, share of variation"),
}
LIMITS = {
    "at_least": mark("at least"),
    "below": mark("below"),
    "in": mark("one of"),
    "missing": mark("missing"),
    "rules": mark("rule"),
    "cuts": mark("limit"),
    "points": mark("points"),
    "bands": mark("band"),
    "from": mark("from"),
    "half_life_days": mark("half-life, days"),
    "otherwise": mark("otherwise"),
    "segment": mark("segment"),
    "name": mark("name"),
}
SILENT = ("define", "criteria", "when", "all", "levels")
STEPS = {
    ("clip", 1): mark("lowest value that counts"),
    ("clip", 2): mark("highest value that counts"),
    ("scale", 1): mark("centre of the scale, after its steps"),
    ("scale", 2): mark("unit of the scale, after its steps"),
}
OUTCOMES = {"pass": mark("pass"), "fail": mark("fail"), "cannot tell": mark("cannot tell")}
KINDS = {"natural": mark("natural kinds"), "reproducible": mark("reproducible cut"), "constructive": mark("useful cut")}
KINDS |= {"convention": mark("convention")}


def segments(results: dict, found: dict, project: Project) -> Part:
    rows = [{"segment": segment_name(each), **{k: each[k] for k in ("n_a", "n_b", "money_a", "money_b")}} for each in results["segments"]]
    columns = [
        Column("segment", say("Segment")),
        Column("n_a", say("Customers, A"), "count"),
        Column("n_b", say("Customers, B"), "count"),
        Column("money_a", say("Revenue per 30 days, A"), "money"),
        Column("money_b", say("Revenue per 30 days, B"), "money"),
    ]
    note = say("A dash: no such segment in that run, or too few customers to be told of.")
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Part(
        say("Results: segments"),
        _agreed(results["agreement"], project),
        [Table("sizes", say("Sizes and money"), frame, columns, note=note)],
    )


def _agreed(agreed: dict, project: Project) -> list[str]:
    if agreed["why"] == "no labels":
        return [say("How far the labels agree cannot be told: a run no longer has its table of labels.")]
    if agreed["why"] == "few":
        return [say("How far the labels agree is not told: too few customers have a label in both.")]
    values = {name: words.number(agreed[name], 2) for name in ("value", "low", "high")}
    told = [say("Labels of customers who have one in both: adjusted Rand index {value} (95% interval {low} to {high}).", **values)]
    if agreed["n"] is not None:
        counts = {name: words.number(agreed[name]) for name in ("n", "only_a", "only_b")}
        told.append(say("Customers with a label in both: {n}; only in A: {only_a}; only in B: {only_b}.", **counts))
    if agreed["moved"] is None:
        least = words.number(project.min_cell)
        told.append(say("Another segment in B: fewer than {least} of them, or all but so few.", least=least))
    else:
        told.append(say("Another segment in B: {share} of them.", share=words.share(agreed["moved"], 0)))
    return told


def rules(results: dict, project: Project) -> Part:
    found, named = results["rules"], titles(project)
    names = {each["id"]: segment_name(each) for each in results["segments"]}
    if found["same"] is None:
        return Part(say("Results: the rules"), [say("A run published no segmentation.")], [])
    if found["same"]:
        return Part(say("Results: the rules"), [say("The same: whoever has the same variables gets the same segment.")], [])
    told = [say("The rules differ: a customer with the same variables may get another segment.")]
    if found["forms"][0] != found["forms"][1]:
        told.append(say("They are of another form: {a} in A, {b} in B.", a=found["forms"][0], b=found["forms"][1]))
    if found["added"]:
        told.append(say("Variables in B alone: {names}.", names=words.join(named[n] for n in found["added"])))
    if found["gone"]:
        told.append(say("Variables in A alone: {names}.", names=words.join(named[n] for n in found["gone"])))
    if found["withheld"]:
        told.append(say("Centres of small segments, and limits that small segments had a part in, are not told."))
    rows = [_centre(each, names, named) for each in found["centres"][:MOST]]
    columns = [
        Column("segment", say("Segment")),
        Column("variable", say("Variable")),
        Column("a", say("A"), "number", 2),
        Column("b", say("B"), "number", 2),
        Column("sd", say("Moved, standard deviations"), "number", 2),
    ]
    note = rest(len(found["centres"]))
    moved = Table("centres", say("Centres that moved most"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)
    rows = [{"what": _place(each["place"], named, names), **short(each)} for each in found["cuts"][:MOST]]
    return Part(
        say("Results: the rules"), told, [moved, old_new("cuts", say("Limits that moved"), say("Place"), rows, rest(len(found["cuts"])))]
    )


def _centre(each: dict, names: dict, named: dict) -> dict:
    variable = named[each["variable"]]
    variable = say("{variable}: share of {level}", variable=variable, level=each["level"]) if each["level"] else variable
    return {"segment": names.get(each["segment"], each["segment"]), "variable": variable, "a": each["a"], "b": each["b"], "sd": each["sd"]}


def conclusions(results: dict, found: dict) -> Part:
    rows = [{"what": said(CONCLUDED, each["what"]), **{s: _concluded(each["what"], each[s]) for s in "ab"}} for each in results["verdicts"]]
    told = [] if rows or results["criteria"] else [say("The same verdicts, criteria and scores.")]
    concluded = old_new("conclusions", say("Conclusions that differ"), say("What"), rows)
    names = {each["id"]: segment_name(each) for each in results["segments"]}
    rows = []
    for each in results["criteria"]:
        segment = names.get(each["segment"], each["segment"]) if each["segment"] else say("all together")
        what = say("{segment}: {criterion}", segment=segment, criterion=said(criteria_page.TITLES, each["criterion"]))
        rows.append({"what": what, **{s: said(OUTCOMES, each[s]) for s in "ab"}})
    return Part(say("Results: conclusions"), told, [concluded, old_new("criteria", say("Criteria that differ"), say("Criterion"), rows)])


def _concluded(what: str, value) -> str:
    if value is None:
        return words.NONE
    if what in ("objective", "panel"):
        return words.share(value)
    if what == "recipe":
        return contest_page.title(value)
    known = VERDICTS if what == "reevaluation" else KINDS
    return said(known, value)


def everything(found: dict) -> Part:
    unlike = [each for each in found["handed"] if each["state"] != "same"]
    rows = []
    for step in dict.fromkeys(each["step"] for each in unlike):
        of, all_of = [each for each in unlike if each["step"] == step], sum(each["step"] == step for each in found["handed"])
        rows.append({"step": step, "n": len(of), "of": all_of, "files": words.join(map(_thing, of))})
    columns = [
        Column("step", say("Step")),
        Column("n", say("Differ"), "count"),
        Column("of", say("Handed over"), "count"),
        Column("files", say("Which")),
    ]
    same = words.number(len(found["handed"]) - len(unlike))
    told = [say("{same} of {of} things have the same bytes.", same=same, of=words.number(len(found["handed"])))]
    frame = pd.DataFrame(rows, columns=["step", "n", "of", "files"])
    return Part(say("Everything handed over, by its bytes"), told, [Table("unlike", say("What differs, step by step"), frame, columns)])


def _thing(each: dict) -> str:
    if each["state"] == "changed":
        return each["file"]
    return say("{file} ({state})", file=each["file"], state=said(STATES, each["state"]))


def _place(place: tuple, named: dict, names: dict) -> str:
    """Where a limit stands, in words: the variable, the rule or the segment, and which limit it is."""
    told = []
    for at, part in enumerate(place):
        if part in names:
            told.append(names[part])
        elif (part, place[at + 1] if at + 1 < len(place) else None) in STEPS:
            return say(" · ").join([*told, said(STEPS, (part, place[at + 1]))])
        elif part in LIMITS:
            told.append(said(LIMITS, part))
        elif part not in SILENT:
            told.append(named[part] if isinstance(part, str) and part in named else words.number(part) if isinstance(part, int) else part)
    return say(" · ").join(told)
