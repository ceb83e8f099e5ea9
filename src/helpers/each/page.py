"""The overview of all values in words: one line a value."""

import re
from datetime import datetime

from helpers import __version__, words
from helpers.each.columns import By
from helpers.each.parts import Part
from helpers.project import Project
from helpers.templates import style
from helpers.words import mark, say, say_n

LANGUAGES = {"en": "English", "fr": "Français"}
STRUCTURE = {
    "natural": mark("exist by themselves"),
    "reproducible": mark("come back, without existing by themselves"),
    "constructive": mark("a cut made for use"),
    "convention": mark("a rule"),
    "cannot tell": mark("cannot tell"),
}
VERDICT = {
    "keep": mark("keep"),
    "adjust": mark("adjust"),
    "refit": mark("fit again"),
    "rebuild": mark("build anew"),
    "look": mark("look closer"),
    "cannot tell": mark("cannot tell"),
}
STATE = {
    "waiting": mark("Not made yet."),
    "few": mark("Left out: fewer than {least} customers."),
    "shielding": mark("Left out, so that nothing can be worked out about the few customers of other values."),
}


def overview(plan: Project, by: By, listed: list[dict], least: int, as_of: datetime) -> dict:
    """What reports/template/each.html.j2 asks for; `listed` as `overview.found` gives it."""
    title, column = words.text(plan.title), by.column
    heading = say("{project}, by {column}", project=title, column=column)
    return {
        "version": __version__,
        "style": style(),
        "language": words.language(),
        "language_name": LANGUAGES[words.language()],
        "running_foot": '""',
        "number": 0,
        "title": heading,
        "heading": heading,
        "project_title": title,
        "description": claim(listed),
        "as_of_words": say("As of {day}", day=words.day(as_of)),
        "notice": words.text(plan.notice),
        "claim": claim(listed),
        "notes": notes(by, least),
        "labels": [
            (say("Customers"), True),
            (say("Segments"), False),
            (say("Do they exist in nature?"), False),
            (say("Pass all five criteria"), True),
            (say("Do they still hold?"), False),
        ],
        "rows": rows(listed, by, least, plan.min_cell),
    }


def claim(listed: list[dict]) -> str:
    """How many values have a report, failed, or were left out."""
    states = [each["part"].state for each in listed]
    done, failed = states.count("done"), states.count("failed")
    left = states.count("few") + states.count("shielding")
    told = [say("{n} of {all} values have a report of their own.", n=words.number(done), all=words.number(len(states)))]
    told += [say_n("{n} report failed.", "{n} reports failed.", failed)] if failed else []
    told += [say_n("{n} value was left out.", "{n} values were left out.", left)] if left else []
    return " ".join(told)


def notes(by: By, least: int) -> list[str]:
    """What a reader must know before comparing two lines."""
    own = say("Every value has a segmentation of its own: a segment of one line is not that of another, even where both have one name.")
    few = say("Values with fewer than {least} customers who ever ordered are left out.", least=words.number(least))
    if by.table == "orders":
        return [own, few, say("A customer with orders of several values counts in each, with the orders of that value only.")]
    return [own, few]


def rows(listed: list[dict], by: By, least: int, min_cell: int) -> list[dict]:
    """A line a value: those that are run, the most customers first, then those left out, by name, in one line those of hardly anybody.

    A value that fewer than min_cell customers have is not named: its name alone may tell who they are.
    """
    run = [each for each in listed if each["part"].state != "few"]
    few = [each for each in listed if each["part"].state == "few"]
    told = sorted((each for each in few if each["part"].customers >= min_cell), key=lambda each: each["part"].value or "")
    lines, unnamed = [row(each, by, least) for each in (*run, *told)], len(few) - len(told)
    if unnamed:
        value = say_n("{n} further value", "{n} further values", unnamed)
        why = say("Left out: fewer than {least} customers, and not named.", least=words.number(min_cell))
        lines.append({"value": value, "href": "", "cells": [], "remark": why})
    return lines


def row(each: dict, by: By, least: int) -> dict:
    """A line: value, link to its first page, cells in the order of the labels, and what became of it where there is no report."""
    part = each["part"]
    value = part.value if part.value is not None else say("no value of {column}", column=by.column)
    line = {"value": value, "href": each["href"], "cells": [], "remark": remark(each, least)}
    if not each["href"]:
        return line
    passing, structure, verdict = each["passing"], STRUCTURE.get(each["structure"]), VERDICT.get(each["verdict"])
    cells = [
        words.number(each["customers"]) if each["customers"] is not None else words.NONE,
        words.join([_segment(*segment) for segment in each["segments"]]) or words.NONE,
        say(structure) if structure else words.NONE,
        say("{n} of {all}", n=words.number(passing[0]), all=words.number(passing[1])) if passing else words.NONE,
        say(verdict) if verdict else words.NONE,
    ]
    return line | {"cells": cells}


def _segment(name: str, share: float | None) -> str:
    return name if share is None else say("{name} {share}", name=name, share=words.share(share, 0))


def remark(each: dict, least: int) -> str:
    """What became of a value without a report of today; nothing for one that has it."""
    part: Part = each["part"]
    if part.state == "done":
        return ""
    if part.state != "failed":
        sentence = STATE[part.state]
        return say(sentence, least=words.number(least)) if part.state == "few" else say(sentence)
    why = shareable(part.why)
    told = say("Failed: {why}", why=why)
    if each["href"]:
        day = words.day(each["as_of"][:10])
        told += " " + say("What stands here is of the report as of {day}.", day=day)
    return told


def shareable(why: str) -> str:
    """The first line of a message without what it quotes: values of the files may be there, and this page is handed on.

    The whole message is in the private folder of the value, in log.txt.
    """
    first = why.strip().splitlines()[0] if why.strip() else say("no message")
    return re.sub(r"'[^']*'|\"[^\"]*\"|“[^”]*”", "…", first)
