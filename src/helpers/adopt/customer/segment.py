"""What the card of one customer says of the segment: which, how sure, why, where the customer was before, and the measures behind it."""

from html import escape

import pandas as pd

from helpers import words
from helpers.adopt.customer.history import folded, heading, paragraph
from helpers.build.portraits import segment_name
from helpers.collect.control_page import because, reason_words
from helpers.scope.people import describe
from helpers.tables import Column, Table, as_html, written
from helpers.variables import catalogue
from helpers.words import absent, say, say_n

STEADY, LOOSE = 0.8, 0.6
"""Confidence from which a member is a core member, and from which lists follow a customer."""
SURE = 0.99
"""Confidence above which no number is told: rounded to 100%, it would promise what no measure can."""
STRIKING = 8
"""Measures shown at once: those farthest from everyone's mean."""


def segment_line(known: dict, project) -> str:
    """One sentence: the segment and how sure it is, or why there is none."""
    segment = known["segment"]
    if segment is None:
        return _no_segment(known, project)
    name = segment_name(segment["of"])
    if segment["decided"]:
        return say("{segment} – placed by hand.", segment=name)
    if segment["confidence"] is None:
        return say("{segment}. How sure this is cannot be told.", segment=name)
    sure = say("over {share}", share=words.share(SURE, 0)) if segment["confidence"] > SURE else words.share(segment["confidence"], 0)
    if segment["confidence"] >= STEADY:
        return say("{segment} – a steady place, confidence {sure}.", segment=name, sure=sure)
    if segment["confidence"] >= LOOSE:
        return say("{segment} – a fairly steady place, confidence {sure}.", segment=name, sure=sure)
    return say("{segment} – near a border, confidence {sure}: the next order may change it.", segment=name, sure=sure)


def _no_segment(known: dict, project) -> str:
    if known["aside"]:
        rule = reason_words(known["aside"], project)
        return say("In no segment: set aside as {rule} – {because}.", rule=rule, because=because(known["aside"], project))
    if known["out"]:
        return say("In no segment: does not pass “{filters}”.", filters=say("” and “").join(describe(rule) for rule in known["out"]))
    return say("In no segment: has bought nothing that counts.")


def segment_html(known: dict, step) -> str:
    """Why this segment, and where the customer was before."""
    if known["segment"] is None:
        before = any(each["segment"] is not None for each in known["movement"])
        return paragraph(_no_segment(known, step.project)) + (_before(known, step) if before else "")
    return _why(known["segment"], step.project) + _before(known, step)


def _why(segment: dict, project) -> str:
    """What speaks for the segment, a line each."""
    variables = {v.name: v for v in catalogue(project)}
    lines = [_spoken(row, variables) for row in segment["why"].to_dict("records")]
    items = "".join(f"<li>{escape(line)}</li>\n" for line in lines if line)
    other = segment["why"]["next_name"].iloc[0]
    if not absent(other) and segment["decided"]:
        same = segment["why"]["next"].iloc[0] == segment["id"]
        told = say("By behaviour alone: the same segment.") if same else say("By behaviour alone: {segment}.", segment=other)
    else:
        told = "" if absent(other) else say("The next nearest segment is {segment}.", segment=other)
    speaks = say("What speaks for it:") if not segment["decided"] else say("Decided by people:")
    return paragraph(speaks) + f'<ul class="reasons">\n{items}</ul>\n' + (paragraph(told) if told else "")


def _spoken(row: dict, variables: dict) -> str:
    """One row of `why.of` in words."""
    if absent(row["variable"]):
        return row["clause"] or ""
    variable = variables.get(row["variable"])
    if variable is not None and asked(variable):
        return say("{title}: from the survey, and not shown of one person", title=row["title"])
    value, everyone = _both(row["value"], row["everyone"], variable)
    told = say("{title}: {value}, everyone {everyone}", title=row["title"], value=value, everyone=everyone)
    if not absent(row["clause"]):
        return say("{clause} ({told})", clause=row["clause"], told=told)
    if not absent(row["points"]):
        return say("{told}: {points} points", told=told, points=words.number(row["points"], 1))
    return say("{told} ({share} of what speaks for it)", told=told, share=words.share(row["share"], 0))


def asked(variable) -> bool:
    """Whether a variable rests on answers to a survey, which were given to learn about all, not about one."""
    return any(need.split(".")[0] == "answers" for need in variable.needs)


def kind(variable) -> tuple[str, int]:
    """How values of a variable are written: kind and digits."""
    if variable is None:
        return "number", 1
    if variable.kind == "signed" and variable.unit == "share":
        return "change", 0
    return {"share": ("share", 0), "money": ("money", 2), "days": ("number", 0)}.get(variable.unit, ("number", 1))


def _both(value, everyone, variable) -> tuple[str, str]:
    """A customer's value and everyone's mean; of a category the share who have the same."""
    if isinstance(value, str):
        return value, words.share(everyone, 0)
    how = kind(variable)
    return written(value, *how), written(everyone, *how)


def _before(known: dict, step) -> str:
    """Where the customer was, and is."""
    rows = []
    for each in known["movement"]:
        how = say("that run") if each["how"] == "run" else say("measured then, by today’s segments")
        rows.append({"at": words.day(each["at"]), "segment": _place(each, known, step), "how": how})
    if not rows:
        return paragraph(say("Where the customer was before cannot be told: there is no earlier run and too little history."))
    now, how = known["segment"], say("this run")
    if now is not None and now["decided"]:
        how = say("by hand")
    place = segment_name(now["of"]) if now else say("in no segment")
    rows.append({"at": words.day(step.as_of), "segment": place, "how": how})
    columns = [Column("at", say("As of")), Column("segment", say("Segment")), Column("how", say("How it is known"))]
    note = say("Segments of one name in two runs are the same only where step 9 carried them over.") if len(rows) > 2 else ""
    return as_html(Table("movement", say("Where the customer was before"), pd.DataFrame(rows), columns, note=note))


def _place(each: dict, known: dict, step) -> str:
    if each["segment"] is None:
        return say("not in scope then")
    if each["of"] is None:
        named = {s["id"]: s for s in step.take("build", "profiles")["segments"]}
        return segment_name(named.get(each["segment"], {"id": each["segment"], "name": ""}))
    return segment_name(each["of"])


def measures_html(known: dict, project) -> str:
    """The measures that set the customer apart most, all of them folded below; "" without a segment."""
    measures = known["measures"]
    if measures is None:
        return ""
    said = {v.name for v in catalogue(project) if asked(v)}
    measures = measures[~measures["variable"].isin(said)]
    known_ones = measures[measures["value"].notna()]
    order = known_ones["apart"].astype("float64").abs().sort_values(ascending=False, kind="stable").index
    first = known_ones.loc[order].head(STRIKING)
    note = say("A star: one of the variables that make the segments.")
    html = heading(say("What sets this customer apart"))
    html += as_html(_table("striking", say("The measures farthest from everyone’s mean, over the window"), first, known, project, note))
    lacking = len(measures) - len(known_ones)
    note += " " + say_n("One measure is unknown.", "{n} measures are unknown.", lacking) if lacking else ""
    hidden = sum(v.sensitivity == "special" for v in catalogue(project))
    note += " " + say("Measures of special categories are left out.") if hidden else ""
    note += " " + say("What was answered in a survey is left out.") if said else ""
    table = _table("measures", say("Everything measured of the customer"), known_ones, known, project, note)
    fold = say_n("Show the one measure", "Show all {n} measures", len(known_ones))
    return html + folded(fold, as_html(table))


def _table(name: str, caption: str, rows: pd.DataFrame, known: dict, project, note: str) -> Table:
    variables, built = {v.name: v for v in catalogue(project)}, set(known["segment"]["built"])
    frame = rows.assign(
        title=[f"{variables[v].title()}{' *' if v in built else ''}" for v in rows["variable"]],
        kinds=[kind(variables[v]) for v in rows["variable"]],
    )
    columns = [
        Column("title", say("Measure")),
        Column("value", say("This customer"), "number", kinds="kinds"),
        Column("members", say("Segment, mean"), "number", kinds="kinds"),
        Column("everyone", say("Everyone, mean"), "number", kinds="kinds"),
    ]
    return Table(name, caption, frame, columns, note=note)
