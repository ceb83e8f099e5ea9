"""What the page of step 5 says: who has signed, what differs, what could mislead, and what to type after the meeting."""

import pandas as pd

from helpers import words
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.validate.sheet_page import SHOWN, THRESHOLDS, definition_words, titles_of, why_out
from helpers.validate.to_type import FIELDS
from helpers.validate.to_type import as_typed as as_typed
from helpers.validate.to_type import commands as commands
from helpers.validate.to_type import folded as folded
from helpers.validate.to_type import to_type as to_type
from helpers.variables.catalogue import catalogue
from helpers.words import mark, say, say_n

NAMED = 3
"""Differences that the line on top of every page names."""

STATES = {"signed": mark("signed"), "missing": mark("not signed yet"), "other sheet": mark("signed another sheet")}
CHANGES = {
    "window_days": mark("a window of {now} days instead of {signed}"),
    "horizon_days": mark("judged over {now} days instead of {signed}"),
    "segments_wanted": mark("{now} segments instead of {signed}"),
    "threshold": mark("{name}: {now} instead of {signed}"),
    "variable_added": mark("{name}: new on the sheet"),
    "variable_gone": mark("{name}: no longer on the sheet"),
    "definition": mark("{name}: defined otherwise"),
}


# Who has signed, and what differs


def signatures_table(validation: dict) -> Table:
    """Each role that has to sign: when, which sheet, and whether it counts."""
    rows, missing = [], STATES["missing"]
    for signature in validation["signatures"]:
        state = STATES[signature["state"]]
        state = say(state)
        rows.append({"role": words.text(signature["role"]), "on": signature["signed_on"], "sheet": signature["sheet"], "state": state})
    rows = rows or [{"role": say("nobody is named"), "on": None, "sheet": None, "state": say(missing)}]
    columns = [
        Column("role", say("Role")),
        Column("on", say("On"), "date"),
        Column("sheet", say("Sheet signed")),
        Column("state", say("Signature")),
    ]
    asked, note = validation["signed"] or validation["number"], ""
    if asked != validation["number"]:
        note = say("The sheet as it is now has the number {number} and needs signatures of its own.", number=validation["number"])
    return Table("signatures", say("Who has signed sheet {number}", number=asked), pd.DataFrame(rows), columns, note=note)


def status_words(validation: dict, project: Project) -> str:
    """Signed or not, and with what step 6 builds."""
    values = {"built": say_n("{n} variable", "{n} variables", len(validation["build_by"])), "number": validation["number"]}
    if validation["status"] == "signed":
        return say("All who have to sign have signed sheet {number}: step 6 builds with its {built}.", **values)
    if project.validate_.unsigned == "refuse":
        return say("As long as sheet {number} is not signed, step 6 builds nothing: project.yml says so (validate.unsigned).", **values)
    signed = project.validate_.signed
    if signed is not None and set(validation["build_by"]) == set(signed.variables):
        return say("As long as sheet {number} is not signed, step 6 builds, as a draft, with the {built} typed as signed.", **values)
    return say("As long as sheet {number} is not signed, step 6 builds, as a draft, with the {built} that step 4 proposes.", **values)


def difference_table(validation: dict, passports: dict[str, dict], project: Project) -> Table:
    """What was signed, and what stands there now."""
    rows = difference_rows(validation["difference"], passports, project)
    nothing = say("Nothing differs") if validation["signed"] else say("No sheet has been signed yet")
    frame = pd.DataFrame(rows or [(nothing, "", "")], columns=["what", "signed", "now"])
    columns = [Column("what", say("What")), Column("signed", say("Signed")), Column("now", say("Now"))]
    return Table("difference", say("What was signed, and what it is now"), frame, columns)


def difference_rows(difference: list[dict], passports: dict[str, dict], project: Project) -> list[tuple[str, str, str]]:
    """What differs, as it was signed, and as it is now, in words."""
    return [_difference_row(each, passports, project) for each in difference]


def _difference_row(each: dict, passports: dict[str, dict], project: Project) -> tuple[str, str, str]:
    what, name = each["what"], _called(each, project)
    if what == "variable_added":
        return name, say("not on the sheet"), say("on the sheet")
    if what == "variable_gone":
        return name, say("on the sheet"), say("gone: {reason}", reason=why_out(each["name"], passports, project))
    if what == "definition":
        variable = next(v for v in catalogue(project) if v.name == each["name"])
        now = say("{hash}: {definition}", hash=each["now"], definition=definition_words(variable, project))
        return say("Definition of {name}", name=name), each["signed"], now
    return name, _value(each, "signed"), _value(each, "now")


def _called(each: dict, project: Project) -> str:
    what, name = each["what"], each["name"]
    if what == "threshold":
        return say(THRESHOLDS[name][0]) if name in THRESHOLDS else name
    return say(FIELDS[what]) if what in FIELDS else titles_of(project).get(name, name)


def _value(each: dict, when: str) -> str:
    if each["what"] not in (*FIELDS, "threshold"):
        return ""
    kind, digits = THRESHOLDS[each["name"]][1:] if each["name"] in THRESHOLDS else ("number", 2 * (each["what"] == "threshold"))
    return words.share(each[when], digits) if kind == "share" else words.number(each[when], digits)


def reasons(validation: dict, project: Project) -> list[str]:
    """Why the list is not signed, a short sentence each; empty when it is."""
    if validation["status"] == "signed":
        return []
    by = {state: [words.text(s["role"]) for s in validation["signatures"] if s["state"] == state] for state in STATES}
    found = []
    if not validation["signatures"]:
        found.append(say("Nobody is named to sign: project.yml, field validate.required."))
    elif not validation["signed"]:
        found.append(say("No sheet of variables is signed yet; asked to sign: {roles}.", roles=words.join(sum(by.values(), []))))
    else:
        found += [say("Signature missing: {roles}.", roles=words.join(by["missing"]))] if by["missing"] else []
        found += _other_sheets(validation)
    changes = [_change(each, project) for each in validation["difference"]]
    if changes:
        more = len(changes) - NAMED
        told = say("; ").join(changes[:NAMED]) + (say_n(", and {n} more", ", and {n} more", more) if more > 0 else "")
        found.append(say("Changed since signing: {changes}.", changes=told))
    return found


def _other_sheets(validation: dict) -> list[str]:
    """Who signed another sheet: today's, or one that nobody can find here – then the number may be a slip."""
    other = [s for s in validation["signatures"] if s["state"] == "other sheet"]
    today = [words.text(s["role"]) for s in other if s["sheet"] == validation["number"]]
    found = [say("Another sheet was signed by: {roles}.", roles=words.join(today))] if today else []
    return found + [
        say(
            "{role} signed number {typed}, which is not the number of the sheet typed as signed, {number}: an earlier sheet, or perhaps a "
            "slip.",
            role=words.text(s["role"]),
            typed=s["sheet"],
            number=validation["signed"],
        )
        for s in other
        if s["sheet"] != validation["number"]
    ]


def _change(each: dict, project: Project) -> str:
    what = CHANGES[each["what"]]
    return say(what, name=_called(each, project), signed=_value(each, "signed"), now=_value(each, "now"))


def draft_line(validation: dict, project: Project, *, first: str = "") -> str:
    """The line on top of every page as long as the sheet is not signed; empty when it is."""
    why = [*filter(None, [first]), *(reasons(validation, project) if validation else [])]
    return say("DRAFT – {reasons}", reasons=" ".join(why)) if why else ""


def proposal_words(validation: dict, project: Project) -> str:
    """How step 4's proposal departs from the signed list: a remark for the next meeting."""
    if not validation["signed"]:
        return say("Nothing is signed yet: the sheet is what step 4 proposes.")
    titles, proposal = titles_of(project), validation["proposal"]
    added, gone = ([titles.get(name, name) for name in proposal[part]] for part in ("added", "gone"))
    if not added and not gone:
        return say("Step 4 proposes today what was signed.")
    parts = [say("would add {names}", names=words.join(added))] if added else []
    parts += [say("would leave out {names}", names=words.join(gone))] if gone else []
    return say("On today’s data step 4 {changes}; what was signed stands until the next meeting.", changes=words.join(parts))


# Limits and summary


def caveats(validation: dict, passports: dict[str, dict], project: Project) -> list[str]:
    """What could mislead, each with the size of its effect."""
    titles, names = titles_of(project), list(validation["sheet"]["variables"])
    result = [
        say("A signature is a line in project.yml: it proves nothing. Keep the minutes."),
        say("Agreement is not evidence: whether the segments are any good, step 6 tells."),
        say(
            "Not signed: how columns are mapped, which lines step 3 sets aside, outlier bounds and scales. A change there leaves the "
            "signatures valid."
        ),
    ]
    tested = [n for n in names if passports[n]["contribution"]]
    weak = [n for n in tested if max(passports[n]["contribution"][f"{part}_alone"] or 0.0 for part in ("objective", "panel")) < SHOWN]
    if weak:
        result.append(
            say(
                "Alone, {n} of {all} variables tell less than 1% of the objective and of the panel: {names}.",
                n=words.number(len(weak)),
                all=words.number(len(names)),
                names=words.join([titles[n] for n in weak]),
            )
        )
    if not tested:
        result.append(say("None of these variables is tested on later behaviour: the history is too short."))
    holes = [passports[n]["missing_share"] for n in names if passports[n]["missing_share"] > 0]
    if holes:
        result.append(
            say_n(
                "{n} variable has missing values, at most {share} of customers: they are given the median.",
                "{n} variables have missing values, at most {share} of customers: they are given the median.",
                len(holes),
                share=words.share(max(holes)),
            )
        )
    return result


def summary(validation: dict, project: Project) -> dict:
    """Headline, points, figures and what to do, for the top of the page and the first page."""
    variables, rows = validation["sheet"]["variables"], validation["signatures"]
    ours = validation["signed"] in (None, validation["number"])  # else all signatures are on the sheet before
    given = [words.text(r["role"]) for r in rows if ours and r["state"] == "signed"]
    values = {"built": say_n("{n} variable", "{n} variables", len(variables)), "number": validation["number"]}
    if validation["status"] == "signed":
        headline = say("Sheet {number} with {built} is agreed on, and signed by {roles}.", roles=words.join(given), **values)
    elif project.validate_.unsigned == "refuse":
        headline = say("Sheet {number} with {built} is not signed: nothing is built before it is.", **values)
    else:
        headline = say("Sheet {number} with {built} is not signed: all that follows is a draft.", **values)
    asked, signed = words.number(len(rows)), words.number(len(given))
    figures = [
        (say("Variables on the sheet"), words.number(len(variables))),
        (say("Signatures"), say("{given} of {asked}", given=signed, asked=asked) if rows else words.NONE),
        (say("Number of the sheet"), validation["number"]),
    ]
    points = reasons(validation, project) + ([proposal_words(validation, project)] if validation["signed"] else [])
    todo = []
    if not rows:
        todo.append(say("Name the roles that have to sign, in project.yml, field validate.required."))
    if validation["status"] != "signed":
        todo.append(
            say("Read the sheet in a meeting with all who have to sign, then sign for each with the command of step 5, and run again.")
        )
    elif validation["proposal"]["added"] or validation["proposal"]["gone"]:
        todo.append(say("Bring step 4’s new proposal to the next meeting."))
    return {"headline": headline, "points": points, "figures": figures, "unknown": [], "todo": todo}
