"""What the page of step 5 says of the sheet that is signed: its variables and conditions, and what is left out and why."""

import pandas as pd

from helpers import words
from helpers.project import Project
from helpers.scope.page import criteria_table
from helpers.tables import Column, Table
from helpers.validate.to_type import FIELDS
from helpers.variables.catalogue import MEASURES, GroupShare, OwnMeasure, ScaleMeasure, Variable, catalogue, definition
from helpers.variables.spread import unit
from helpers.words import mark, say, say_n

SHOWN = 0.01
"""Share of the differences from which a page says how much a variable explains."""
THRESHOLDS = {
    "measurable_half_width": (mark("half of the 95% interval of revenue per customer"), "share", 0),
    "measurable_missing": (mark("missing values in a defining variable"), "share", 0),
    "recognisable_accuracy": (mark("segments found again by a small tree on variables measured later"), "share", 0),
    "recognisable_variables": (mark("variables that set the segment apart by half a standard deviation"), "number", 0),
    "homogeneous_ratio": (mark("variance left within segments, measured later"), "share", 0),
    "interesting_uplift": (mark("rise in response that pays for the campaign"), "share", 1),
    "interesting_kappa": (mark("customers who stay, beyond chance (kappa)"), "number", 2),
    "accessible_share": (mark("customers who may be reached by a channel they use"), "share", 0),
    "accessible_number": (mark("customers who may be reached by a channel they use"), "number", 0),
}
OUT = {
    "constant": mark("everybody has the same value"),
    "lumpy": mark("one value dominates"),
    "useless": mark("tells nothing of the later objective and panel, alone or with others"),
    "proposed": mark("proposed by step 4, and not on the sheet that was signed"),
}


def sheet_table(validation: dict, passports: dict[str, dict], project: Project) -> Table:
    """The variables in business words: what people read and sign."""
    names, known = validation["sheet"]["variables"], {v.name: v for v in catalogue(project)}
    rows = [
        {
            "title": f"{variable.title()} ({unit(variable)})",
            "definition": definition_words(variable, project),
            **_told(passports[name]["contribution"]),
            "why": why_in(name, passports, project),
        }
        for name, variable in known.items()
        if name in names
    ]
    later = say("Tells of later orders") if project.objectives.main.metric == "orders_per_customer" else say("Tells of later revenue")
    columns = [
        Column("title", say("Variable")),
        Column("definition", say("What it means")),
        Column("objective", later, "share", 0),
        Column("panel", say("Tells of how they buy"), "share", 0),
        Column("why", say("Remark")),
    ]
    caption = say("Sheet {number}: the variables to be signed", number=validation["number"])
    note = say(
        "Measured over {days} days. “Tells of”: share of how customers differ in the {horizon} days after.",
        days=words.number(project.scope.window_days),
        horizon=words.number(project.scope.horizon_days),
    )
    return Table("sheet", caption, pd.DataFrame(rows), columns, note=note)


def _told(gain: dict | None) -> dict:
    """What a variable alone tells of later money and behaviour, 0 to 1; None when that was not tested."""
    parts = {part: (gain or {}).get(f"{part}_alone") for part in ("objective", "panel")}
    return {part: None if value is None else max(value, 0.0) for part, value in parts.items()}


def definition_words(variable: Variable, project: Project) -> str:
    """The definition with the values that the project itself has put in."""
    v = project.variables
    counted = getattr(v, variable.of)[variable.name] if isinstance(variable, GroupShare) else v.own_brand
    if isinstance(variable, GroupShare) or variable.name == "own_brand_share":
        return say("{definition}. Counted: {values}", definition=definition(variable), values=words.join(counted))
    if isinstance(variable, OwnMeasure):
        return say("{definition}. Worked out as: {values}", definition=definition(variable), values=variable.typed.expression)
    if isinstance(variable, ScaleMeasure):
        return say("{definition}. Items: {values}", definition=definition(variable), values=words.join(variable.scale.items))
    hour = {"evening_order_share": v.evening_from_hour, "morning_order_share": v.morning_until_hour}.get(variable.name)
    if hour is not None:
        return say("{definition} ({hour}:00)", definition=definition(variable), hour=hour)
    return definition(variable)


def why_in(name: str, passports: dict[str, dict], project: Project) -> str:
    """For whom else a variable stands, what people typed about it, and what speaks against it, in plain words."""
    titles, passport, kept = titles_of(project), passports[name], project.variables.keep.get(name)
    parts = [] if passport["contribution"] else [say("Not tested: the history is too short.")]
    others = [titles[n] for n, p in passports.items() if p["role"] == "redundant" and p["stands_for"] == name and n in titles]
    if others:
        parts.append(say("Stands also for {others}.", others=words.join(others)))
    if kept:
        parts.append(say("Kept by decision: {reason}.", reason=words.text(kept)))
    if passport["role"] != "proposed":
        parts.append(say("Step 4 would leave it out: {reason}.", reason=why_out(name, passports, project)))
    return " ".join(parts)


def conditions_words(project: Project) -> str:
    """In a sentence what is signed beside the variables."""
    return say(
        "Signed too: {k} segments, behaviour measured over {days} days and judged over the {horizon} days after, and the thresholds of the "
        "five criteria as step 2 fixed them.",
        k=words.number(project.scope.segments_wanted),
        days=words.number(project.scope.window_days),
        horizon=words.number(project.scope.horizon_days),
    )


def conditions_table(project: Project) -> Table:
    """What is signed together with the variables: thresholds of the five criteria, number of segments, windows."""
    headings = {"segments_wanted": say("Segments"), "window_days": say("Windows"), "horizon_days": say("Windows")}
    fixed = [(heading, say(FIELDS[part]), words.number(getattr(project.scope, part))) for part, heading in headings.items()]
    frame = pd.concat([pd.DataFrame(fixed, columns=["criterion", "measure", "passes"]), criteria_table(project).frame])
    columns = [Column("criterion", say("What")), Column("measure", say("Measured by")), Column("passes", say("Fixed at"))]
    return Table("conditions", say("What is signed with the variables"), frame.reset_index(drop=True), columns)


def left_out_words(validation: dict, passports: dict[str, dict], project: Project) -> str:
    """How many variables were measured and are not on the sheet, and which."""
    out = [v.title() for v in catalogue(project) if v.name in passports and v.name not in validation["sheet"]["variables"]]
    if not out:
        return say("Every variable that was measured is on the sheet.")
    return say_n(
        "{n} variable was measured and is not on the sheet: {names}.",
        "{n} variables were measured and are not on the sheet: {names}.",
        len(out),
        names=words.join(out),
    )


def why_each() -> str:
    """What stands in place of the table until it is opened."""
    return say("What each means, and why it is left out")


def decided() -> str:
    """What stands in place of the decisions until they are opened."""
    return say("The decisions, with their reasons")


def left_out_table(validation: dict, passports: dict[str, dict], project: Project) -> Table:
    """The variables that could be measured and are not on the sheet, and why."""
    out = [v for v in catalogue(project) if v.name in passports and v.name not in validation["sheet"]["variables"]]
    rows = [{"title": v.title(), "definition": definition(v), "why": why_out(v.name, passports, project)} for v in out]
    frame = pd.DataFrame(rows, columns=["title", "definition", "why"])
    columns = [Column("title", say("Variable")), Column("definition", say("What it means")), Column("why", say("Why it is left out"))]
    return Table("left_out", say("Measured, and not on the sheet"), frame, columns)


def why_out(name: str, passports: dict[str, dict], project: Project) -> str:
    """Why a variable is not on the sheet."""
    if name in project.variables.leave_out:
        return words.text(project.variables.leave_out[name]) or say("left out by decision")
    if name not in passports:
        return say("these data do not measure it")
    passport, titles = passports[name], titles_of(project)
    role = passport["role"]
    if role == "redundant":
        return say("says the same as {kept}", kept=titles.get(passport["stands_for"], passport["stands_for"]))
    if role == "missing":
        return say(
            "missing for {share} of customers, {limit} allowed",
            share=words.share(passport["missing_share"]),
            limit=words.share(project.scope.criteria.measurable_missing, 0),
        )
    return say(OUT[role]) if role in OUT else say("left out by decision")


def titles_of(project: Project) -> dict[str, str]:
    """What people call each variable, measured here or not."""
    return {v.name: v.title() for v in (*MEASURES, *catalogue(project))}
