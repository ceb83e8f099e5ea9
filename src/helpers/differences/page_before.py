"""What two runs were made from, in words: data, definitions, parameters, code and versions."""

import pandas as pd

from helpers import words
from helpers.build.portraits import titles
from helpers.collect.names import TABLE_NAMES
from helpers.differences.parts import MOST, STATES, Part, old_new, said, short
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

PARAMETERS = {
    "as_of": mark("as_of: first instant not counted"),
    "language": mark("language of the pages"),
    "seed": mark("seed of everything drawn by lot"),
    "approved": mark("segmentation applied unchanged"),
    "decided": mark("decisions for single customers"),
    "erased": mark("people erased"),
}


def why(found: dict) -> list[str]:
    causes, told = found["before"], []
    if found["identical"]:
        told.append(say("They do not differ: every file of both was read again and compared by its SHA-256."))
    changed = [each for each in causes["files"] if each["state"] != "same"]
    if changed:
        told.append(say_n("Data: {n} file differs.", "Data: {n} files differ.", len(changed)))
    dates = [each for each in causes["parameters"] if each["what"] == "as_of"]
    if dates:
        told.append(say("Data: more or fewer rows count, for as_of is {a} in A and {b} in B.", **{s: words.day(dates[0][s]) for s in "ab"}))
    if causes["fields"] is None:
        told.append(say("Definitions: project.yml differs, and what was typed cannot be told: a run made by an older version kept none."))
    elif causes["fields"]:
        n = len(causes["fields"])
        told.append(say_n("Definitions: {n} field of project.yml was typed otherwise.", "Definitions: {n} fields were typed otherwise.", n))
    if causes["passports"]:
        told.append(
            say_n("Definitions: {n} variable entry differs.", "Definitions: {n} variable entries differ.", len(causes["passports"]))
        )
    others = [said(PARAMETERS, each["what"]) for each in causes["parameters"] if each["what"] != "as_of"]
    if others:
        told.append(say("Parameters: {what}.", what=words.join(others)))
    known = [each["what"] for each in causes["code"] if each["a"] and each["b"]]
    if known:
        told.append(say("Code and versions: {what}.", what=words.join(known)))
    if len(known) < len(causes["code"]):
        told.append(say("Code and versions: whether all are the same cannot be told; a run made by an older version kept less."))
    if not told and not any(found["later"]):
        told.append(
            say("Nothing that a run is recorded to depend on differs, and yet what was handed over does. That is a fault: tell us.")
        )
    return told + _later(found)


def _later(found: dict) -> list[str]:
    told = []
    for letter, files in zip("AB", found["later"], strict=True):
        if files:
            listed = words.join(files[:MOST])
            told.append(say("Run {run}: no longer as it was handed over, or gone: {files}.", run=letter, files=listed))
    return told


def data(causes: dict) -> Part:
    told, made = [], []
    rows = [{"file": each["file"], "state": said(STATES, each["state"])} for each in causes["files"]]
    if causes["files"] and all(each["state"] == "same" for each in causes["files"]):
        told.append(say_n("The {n} file read is the same.", "All {n} files read are the same.", len(rows)))
    else:
        columns = [Column("file", say("File")), Column("state", say("In B"))]
        made.append(Table("files", say("Files read, by their content"), pd.DataFrame(rows), columns))
    counted = [each | {"table": said(TABLE_NAMES, each["table"])} for each in causes["tables"]]
    columns = [
        Column("table", say("Table")),
        Column("rows_a", say("Rows, A"), "count"),
        Column("rows_b", say("Rows, B"), "count"),
        Column("aside_a", say("Set aside, A"), "count"),
        Column("aside_b", say("Set aside, B"), "count"),
        Column("newest_a", say("Newest, A"), "date"),
        Column("newest_b", say("Newest, B"), "date"),
    ]
    if all(each[f"{what}_a"] == each[f"{what}_b"] for each in causes["tables"] for what in ("rows", "aside", "newest")):
        told.append(say("Step 3 checked as many rows of every table, and the newest are of the same day."))
    else:
        made.append(Table("rows", say("Rows that step 3 checked"), pd.DataFrame(counted), columns))
    return Part(say("Data"), told, made)


def definitions(causes: dict, project: Project) -> Part:
    typed, told = causes["fields"], []
    if typed is not None and not typed and not causes["passports"] and not causes["signatures"]:
        told.append(say("The same: project.yml, the variables and the signatures."))
    if typed is None:
        told.append(say("project.yml differs; a run kept none, so what was typed otherwise cannot be told."))
    rows = [{"what": each["field"], **short(each)} for each in (typed or [])]
    made = [old_new("fields", say("Typed otherwise in project.yml"), say("Field"), rows)]
    named = titles(project)
    rows = [
        {"what": say("{variable}: {field}", variable=named[each["variable"]], field=_field(each)), **short(each)}
        for each in causes["passports"]
    ]
    made.append(old_new("passports", say("Variables measured otherwise"), say("Variable"), rows))
    rows = [{"what": each["what"], **short(each)} for each in causes["signatures"]]
    return Part(say("Definitions"), told, [*made, old_new("signatures", say("Signatures of the variables"), say("What"), rows)])


def parameters(causes: dict) -> Part:
    days = [each | {s: words.day(each[s]) for s in "ab"} if each["what"] == "as_of" else each for each in causes["parameters"]]
    days = [each | {s: each[s] and each[s][:12] for s in "ab"} if each["what"] in ("decided", "erased") else each for each in days]
    rows = [{"what": said(PARAMETERS, each["what"]), **{s: words.NONE if each[s] is None else str(each[s]) for s in "ab"}} for each in days]
    table = old_new("parameters", say("Parameters"), say("Parameter"), rows)
    return Part(say("Parameters"), [] if rows else [say("The same.")], [table])


def code(causes: dict) -> Part:
    rows = [{"what": each["what"], **{s: each[s][:12] if each[s] else say("not recorded") for s in "ab"}} for each in causes["code"]]
    table = old_new("code", say("Code and versions"), say("What"), rows)
    return Part(say("Code and versions"), [] if rows else [say("The same.")], [table])


def _field(each: dict) -> str:
    return each["what"] or say("measured")
