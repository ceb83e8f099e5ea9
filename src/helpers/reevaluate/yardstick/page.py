"""What the page of step 9 says of the yardstick: tables of then and now, and the segments that form, shrink, grow or vanish."""

import pandas as pd

from helpers import words
from helpers.build.criteria.page import TITLES
from helpers.build.portraits import titles
from helpers.collect.names import TABLE_NAMES
from helpers.project import Project
from helpers.reevaluate import verdict_page
from helpers.reevaluate.drift import KS_MARK
from helpers.reevaluate.drift import LEAST as DRIFT_LEAST
from helpers.reevaluate.movement import Movement
from helpers.reevaluate.page import names
from helpers.reevaluate.yardstick import CORE_LESS
from helpers.tables import Column, Table
from helpers.words import mark, say

REASONS = {
    "gathering": mark("Customers gather where few were: rise of their share"),
    "far": mark("Customers far from every segment: rise of their share"),
    "born": mark("{segment}, which a new build would add: its share of customers"),
    "shrinking": mark("“{segment}” shrinks: change in customers"),
    "growing": mark("“{segment}” grows: change in customers"),
    "vanished": mark("“{segment}” has vanished"),
    "newborn": mark("“{segment}” is newborn"),
    "lost_measurable": mark("“{segment}” is no longer measurable"),
    "lost_recognisable": mark("“{segment}” is no longer recognisable"),
    "lost_homogeneous": mark("“{segment}” is no longer homogeneous"),
    "lost_interesting": mark("“{segment}” is no longer interesting"),
    "lost_accessible": mark("“{segment}” is no longer accessible"),
    "missing": mark("{variable}: rise of the share for whom it is missing"),
    "older_tables": mark("Data tables whose newest row is too old"),
    "core": mark("Core customers: change of their share"),
}
KINDS = {
    **dict.fromkeys(("gathering", "far", "born", "missing"), ("share", 1)),
    **dict.fromkeys(("shrinking", "growing", "core"), ("share", 0)),
    **dict.fromkeys(("older_tables", "vanished", "newborn"), ("count", 0)),
}
MARKS = {
    "steady": mark("steady"),
    "look": mark("look at it"),
    "changed": mark("changed"),
    "more": mark("more"),
    "less": mark("less"),
    "usual": mark("as usual"),
    "fresh": mark("fresh"),
    "older": mark("too old"),
    "idle": mark("old, and no segment rests on it"),
    None: mark("cannot tell"),
}
GRAVER = (None, "steady", "look", "more", "changed")
LONGEST = 3
"""Segments that a sentence names as where customers came from, at most."""


def variables_table(found: dict, project: Project) -> Table:
    """Each variable that built the segments: how far customers as a whole have moved, and for how many it is missing, then and now."""
    named, missing, rows = titles(project), {m["variable"]: m for m in found["missing"]}, []
    for each in found["drift"]:
        lacking = missing[each["variable"]]
        gravest = MARKS[max((each["mark"], lacking["mark"]), key=GRAVER.index)]
        row = {"variable": named[each["variable"]], "psi": each["psi"], "ks": each["ks"]}
        shares = {side: _share(lacking[side], project) for side in ("then", "now")}
        rows.append(row | shares | {"mark": say(gravest)})
    columns = [
        Column("variable", say("Variable")),
        Column("psi", say("Population stability index"), "number", 3),
        Column("ks", say("Kolmogorov–Smirnov distance"), "number", 3),
        Column("then", say("Missing then"), "share", 1),
        Column("now", say("Missing now"), "share", 1),
        Column("mark", say("Verdict")),
    ]
    limits = project.reevaluate
    note = say(
        "The index is less what chance alone gives, so it can be below 0; looked at from {look}, changed above {changed}; a distance from "
        "{ks} is looked at too, and so is a share of missing values that rose by {more}. Not computed for fewer than {least} customers.",
        look=words.number(limits.drift_look, 2),
        changed=words.number(limits.drift_changed, 2),
        ks=words.number(KS_MARK, 1),
        more=words.share(limits.missing_more, 0),
        least=words.number(DRIFT_LEAST),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("drift", say("Whether customers as a whole have changed"), frame, columns, note=note)


def steadiness_table(found: dict, project: Project) -> Table:
    """Everything else that measures, then and now: how sure labels are, who fits no segment, and how fresh the data are."""
    steady, rows = found["steadiness"], []
    share, index, days = ("share", 1), ("number", 2), ("number", 0)
    core, sure, stable = steady["core"], steady["confidence"], steady["stability"]
    medians = [(stable[side] or {}).get("median") for side in ("then", "now")]
    rows += [
        _row(say("Core customers, share"), core["then"], core["now"], share, core["mark"], core),
        _row(say("Mean confidence of a label"), sure["then"], sure["now"], index),
        _row(say("Stability, median adjusted Rand index"), *medians, index, stable["mark"]),
    ]
    for code, said in (("far", say("Customers far from every segment")), ("gathering", say("Customers who gather where few were"))):
        one = found[code]
        shares = [_share(one[side], project) for side in ("then", "now")]
        rows.append(_row(said, *shares, share, one["mark"], one if None not in shares else None))
    for one in found["fresh"]:
        if one["age_days"] is not None:
            named = TABLE_NAMES[one["table"]]
            rows.append(
                _row(say("{table}: days since the newest row", table=say(named)), one["then_days"], one["age_days"], days, one["mark"])
            )
    columns = [
        Column("what", say("What is measured")),
        Column("then", say("Then"), "number", kinds="kind"),
        Column("now", say("Now"), "number", kinds="kind"),
        Column("interval", say("Change, 95% interval")),
        Column("mark", say("Verdict")),
    ]
    note = say(
        "Far: beyond what 99 in 100 of the earlier customers kept. Gather: nearer to one centre added today than to any segment’s; chosen "
        "on half of the customers, counted on the other. A new segment may form where either rises by {more}. Core: less after a fall of "
        "{less}.",
        less=words.share(CORE_LESS, 0),
        more=words.share(project.reevaluate.far_more, 0),
    )
    frame = pd.DataFrame(rows, columns=["what", "then", "now", "interval", "mark", "kind"])
    return Table("yardstick", say("Whether the yardstick still measures as it did"), frame, columns, note=note)


def drift_words(found: dict, project: Project) -> str:
    """How many variables have changed, or are missing for more customers."""
    told = verdict_page.drift_words(found["drift"])
    more = [titles(project)[m["variable"]] for m in found["missing"] if m["mark"] in ("more", "look")]
    known = more and any(d["mark"] for d in found["drift"])
    return f"{told} " + say("Missing for more customers than before: {variables}.", variables=words.join(more)) if known else told


def sizes_words(found: dict, moved: Movement, project: Project) -> list[str]:
    """Each segment that shrinks, grows, has vanished or is newborn, a sentence; one sentence where none does."""
    if not found["sizes"]:
        return [say("Which segments shrink or grow: cannot tell.")]
    told = [_size_words(one, names(moved)[one["id"]]) for one in found["sizes"] if one["state"] not in ("steady", "few")]
    return told or [say("No segment shrank or grew by more than a tenth beyond chance, and none vanished or was born.")]


def _size_words(one: dict, name: str) -> str:
    state = one["state"]
    if state == "vanished":
        return say("“{name}” has vanished: too few customers are in it to be shown.", name=name)
    if state == "newborn":
        return say("“{name}” is newborn: at the earlier date too few customers were in it to be shown.", name=name)
    if not one["shown"]:
        shrunk, grew = say("“{name}” shrinks, by more than chance.", name=name), say("“{name}” grows, by more than chance.", name=name)
        return shrunk if state == "shrinking" else grew
    values = {key: words.number(one[key]) for key in ("before", "now")}
    values |= {key: words.percent_change(one[key], 0) for key in ("change", "low", "high")}
    if state == "shrinking":
        return say(
            "“{name}” shrinks: from {before} to {now} customers, {change} (95% interval {low} to {high}; arrivals and departures counted).",
            name=name,
            **values,
        )
    return say(
        "“{name}” grows: from {before} to {now} customers, {change} (95% interval {low} to {high}; arrivals and departures counted).",
        name=name,
        **values,
    )


def forming_words(found: dict, moved: Movement, project: Project) -> list[str]:
    """Whether a new segment may be forming, who would be in it, and what a new build would add or drop."""
    told = [_gathering_words(found["gathering"], moved, project), _far_words(found["far"], moved, project)]
    born = [one for one in found["born"] if one["newborn"]]
    told += [_born_words(one, moved) for one in born]
    if len(born) < len(found["born"]):
        told.append(say("A new build would cut some customers otherwise; these were there before, so no segment of theirs is newborn."))
    if found["dropped"] and moved.document:
        gone = words.join(say("“{name}”", name=names(moved)[one]) for one in found["dropped"])
        told.append(say("A new build would no longer have: {segments}.", segments=gone))
    return [sentence for sentence in told if sentence]


def news(found: dict, moved: Movement, project: Project) -> list[str]:
    """What a summary should not leave out: segments that shrink, grow, vanish, are newborn or may be forming; nothing where none does."""
    told = sizes_words(found, moved, project) if any(s["state"] not in ("steady", "few") for s in found["sizes"]) else []
    told += [_gathering_words(found["gathering"], moved, project)] if found["gathering"]["mark"] in ("more", "look") else []
    told += [_far_words(found["far"], moved, project)] if found["far"]["mark"] in ("more", "look") else []
    return told + [_born_words(one, moved) for one in found["born"] if one["newborn"]]


def caveats(found: dict, project: Project) -> list[str]:
    """What could mislead: what is too small to be found, and what looks like change though it is season."""
    if not found["customers"]:
        return []
    told = [
        say(
            "A new segment is looked for at one place at a time and from {more} of customers on: a smaller one, or a second, is not found "
            "yet.",
            more=words.share(project.reevaluate.far_more, 0),
        )
    ]
    if found["run"] is not None:
        told.append(
            say(
                "The earlier customers are those of the run {run} as it saw them: what was corrected in its data since looks like change "
                "here.",
                run=found["run"],
            )
        )
    return told


def _gathering_words(one: dict, moved: Movement, project: Project) -> str:
    if one["mark"] is None:
        return say("Whether a new segment is forming among the customers: cannot tell.")
    if one["mark"] == "usual":
        return say("No new segment is forming: nowhere do many customers gather where few were.")
    before = _share(one["then"], project)
    values = {"now": words.share(one["now"]["share"], 1), "then": say("hardly any") if before is None else words.share(before, 1)}
    if one["mark"] == "more":
        told = say("A new segment is forming: {now} of customers gather where {then} did.", **values)
    else:
        told = say("A new segment may be forming: {now} of customers gather where {then} did.", **values)
    return f"{told} {_about_words(one['about'], moved)}".strip()


def _far_words(one: dict, moved: Movement, project: Project) -> str:
    if one["mark"] is None:
        return say("Who is far from every segment: cannot tell, for the rules put everybody into some cell.") if moved.document else ""
    if one["mark"] == "usual":
        return ""
    before = _share(one["then"], project)
    values = {"now": words.share(one["now"]["share"], 1), "then": say("hardly any") if before is None else words.share(before, 1)}
    told = say("Customers far from every segment: {now}, against {then} before.", **values)
    return f"{told} {_about_words(one['about'], moved)}".strip()


def _born_words(one: dict, moved: Movement) -> str:
    suggested, near = one["about"]["suggested"], names(moved).get(one["nearest"], "")
    values = {"name": words.text(suggested["name"]), "traits": words.text(suggested["in_short"]), "nearest": near}
    values |= {"id": one["id"], "n": words.number(one["n"]), "share": words.share(one["share"], 1)}
    if not near:
        return say("A new build would add a segment, {id} “{name}” ({traits}): {n} customers, {share}.", **values)
    return say(
        "A new build would add a segment, {id} “{name}” ({traits}): {n} customers, {share}, nearest to “{nearest}”.",
        **values,
    )


def _about_words(about: dict | None, moved: Movement) -> str:
    """What customers who gather, or are far, are like; whether they are new; and in which segment they were."""
    if about is None:
        return ""
    named, suggested = names(moved), about["suggested"]
    values = {"name": words.text(suggested["name"]), "traits": words.text(suggested["in_short"]), "near": named.get(about["near"], "")}
    if values["near"]:
        told = [say("Most are in “{near}” today; what sets them apart there: “{name}”. Beside all customers: {traits}.", **values)]
    else:
        told = [say("What sets them apart: “{name}”. Beside all customers: {traits}.", **values)]
    if about["arrived"] is not None:
        told.append(say("Of them {share} came into scope since.", share=words.share(about["arrived"], 0)))
    came = [s for s in about["came_from"] if s["segment"] in named][:LONGEST]
    shares = [say("“{name}” {share}", name=named[s["segment"]], share=words.share(s["share"], 0)) for s in came]
    if shares:
        told.append(say("Before, they were in: {segments}.", segments=words.join(shares)))
    return " ".join(told)


def criteria_words(found: dict, moved: Movement) -> list[str]:
    """Which criteria were met then and are not now; a sentence where none is, or nothing without an earlier run."""
    if found["beside"] is None:
        return []
    named, told = names(moved), []
    for verdict, said in (("fail", mark("Failed now and met before: {criteria}.")), ("cannot tell", mark("No longer sure: {criteria}."))):
        lost = [c for c in found["criteria"] if c["now"] == verdict]
        each = [_criterion(c, named) for c in lost]
        if each:
            told.append(say(said, criteria=words.join(each)))
    return told or [say("Every criterion that a segment met then, it meets now.")]


def _criterion(one: dict, named: dict[str, str]) -> str:
    title = TITLES[one["criterion"]]
    if one["segment"] is None:
        return say("all together, {criterion}", criterion=say(title).lower())
    return say("“{name}”, {criterion}", name=named.get(one["segment"], one["segment"]), criterion=say(title).lower())


def _row(what: str, then, now, kind: tuple[str, int], verdict: str | None = "", change: dict | None = None) -> dict:
    said = "" if verdict == "" or (verdict is None and then is None) else say(MARKS[verdict])
    return {"what": what, "then": then, "now": now, "interval": _interval(change), "mark": said, "kind": kind}


def _interval(change: dict | None) -> str:
    """The ends of a difference of shares, in points."""
    if not change or change["low"] is None:
        return words.NONE
    return say("{low} to {high} points", low=words.signed(change["low"] * 100, 1), high=words.signed(change["high"] * 100, 1))


def _share(side: dict | None, project: Project) -> float | None:
    """A share; None where it is about few customers."""
    if side is None or 0 < side["n"] < project.min_cell:
        return None
    return side["share"]
