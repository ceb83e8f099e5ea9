"""What the page of step 7 says of the segment dictionary, and the hand-out with everything that other systems must know."""

import json
from datetime import datetime
from html import escape

import pandas as pd

from helpers import tables, words
from helpers.adopt.belonging import rule_words
from helpers.build import ahead_page
from helpers.build.ahead import Foreseen
from helpers.build.portraits import in_short_marked, segment_name
from helpers.masking import withheld
from helpers.predict import passports
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import say


def dictionary_table(dictionary: dict, project: Project) -> Table:
    """The dictionary at a glance: who belongs, how many, what they are worth, since when, and whom to ask."""
    rows = [
        {
            "id": row["id"],
            "name": segment_name(row),
            "short": in_short_marked(row, project),
            "rule": rule_words(row["rule"], project),
            "n": row["n"],
            "worth": _worth(row),
            "since": _since(row),
        }
        for row in dictionary["segments"]
    ]
    columns = [
        Column("id", say("Id")),
        Column("name", say("Segment")),
        Column("short", say("In short")),
        Column("rule", say("Who belongs")),
        Column("n", say("Customers"), "count", people=True),
        Column("worth", say("Revenue each, 30 days (95% interval)")),
        Column("since", say("Since")),
    ]
    kept = [c for c in columns if c.name not in ("worth", "since") or any(row[c.name] for row in rows)]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("dictionary", say("The segment dictionary"), frame, kept, note=_note(dictionary, project))


def _note(dictionary: dict, project: Project) -> str:
    told = [
        say(
            "A segment keeps its id from build to build as long as most of its customers stay; a new one gets a number never used before. "
            "Names may change. The files {document} and {sql} of the run say the same in full.",
            document=dictionary["document"],
            sql=dictionary["sql"],
        )
    ]
    if dictionary["built_as_of"]:
        told.append(say("Built as of {day}.", day=words.day(datetime.fromisoformat(dictionary["built_as_of"]))))
    contact = words.text(project.adopt.contact)
    told += [say("Questions are answered by: {role}.", role=contact)] if contact else []
    return " ".join(told)


def _worth(row: dict) -> str:
    """Revenue each with its interval; empty where it may not be told."""
    each = row.get("revenue_per_30d")
    if not row["n"] or not each or each["value"] is None:
        return ""
    value = words.money(each["value"], 0)
    if each["low"] is None:
        return value
    return say("{value} ({low} to {high})", value=value, low=words.money(each["low"], 0), high=words.money(each["high"], 0))


def _since(row: dict) -> str:
    """The first complete run that had this id; one that had none yet is the present one."""
    since = row.get("since")
    if not since:
        return ""
    day = words.day(datetime.fromisoformat(since["as_of"]))
    return day if since["runs"] else say("{day} (this run is the first)", day=day)


def predicted_table(foreseen: Foreseen, project: Project) -> Table:
    """What step 4 predicts of each customer, column by column: what it means and how far to trust it. Predictions make no segment."""
    rows = []
    for passport in passports([*foreseen.may.columns(), *foreseen.may.items()], project):
        grade = ahead_page.grade_words(foreseen.may, passport["evidence"]) if passport["evidence"] else say("counted, not predicted")
        rows.append({key: passport[key] for key in ("name", "title", "definition", "unit")} | {"grade": grade})
    columns = [
        Column("name", say("Column")),
        Column("title", say("Name")),
        Column("definition", say("Definition")),
        Column("unit", say("Unit")),
        Column("grade", say("How far to trust it")),
    ]
    note = say("Table predicted of step 4, a row a customer who ever bought. It describes customers and makes no segment.")
    return Table("predicted", say("What is predicted"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def dictionary_handout(dictionary: dict, query: str, profiles: dict, project: Project, foreseen: Foreseen | None = None) -> dict:
    """The hand-out for whoever keeps the segments in another system: the table, the query and the entries as JSON.

    query     the segmentation as SQL (build.to_sql);  foreseen: result of `build.ahead.foresee`
    Returns   name, title, lead and body for step.keep_handout. Query and JSON stay in the run's private folder where a segment is too
              small to be shown: they would tell what its few members are like
    """
    body = f'<div class="sheet dictionary-sheet">\n{tables.as_html(dictionary_table(dictionary, project))}'
    if foreseen and foreseen.may.table is not None:
        body += tables.as_html(predicted_table(foreseen, project))
    if any(withheld(s, project.min_cell) for s in profiles["segments"]):
        hidden = say(
            "The query and the JSON are not printed: they would tell what segments are like that are too small to be shown. They lie in "
            "the private folder of the run ({sql}, {document}).",
            sql=dictionary["sql"],
            document=dictionary["document"],
        )
        body += f'<p class="note">{escape(hidden)}</p>\n'
    else:
        entries = json.dumps(dictionary["segments"], ensure_ascii=False, indent=1, sort_keys=True)
        body += _folded(say("As a query (SQL): reads the table {table} of step 6", table=dictionary["table"]), query)
        body += _folded(say("As data (JSON): one entry a segment"), entries)
    return {
        "name": "dictionary",
        "title": say("Segment dictionary"),
        "lead": say("What each segment is called, who belongs to it, and since when. Other systems store the id, never the name."),
        "body": body + "</div>\n",
    }


def _folded(heading: str, text: str) -> str:
    return f'<details class="code"><summary>{escape(heading)}</summary>\n<pre>{escape(text)}</pre>\n</details>\n'
