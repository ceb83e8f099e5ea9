"""What the page of step 3 says: tables, claims, limits and the summary."""

from collections.abc import Sequence
from datetime import date, datetime

import pandas as pd

from helpers import words
from helpers.collect.control_page import (
    control_table,
    draft_reason,
    each_month,
    elsewhere_table,
    first_line,
    reason_words,
    reconciliation,
    set_aside_table,
    unreadable_frame,
    unreadable_table,
)
from helpers.collect.faults_page import faults_table, spelling_words
from helpers.collect.names import GRADES, TABLE_NAMES
from helpers.collect.quality import DIMENSIONS, MEANING, beyond
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import say, say_n

__all__ = [
    "GRADES",
    "TABLE_NAMES",
    "agreement",
    "caveats",
    "control_table",
    "each_month",
    "coverage_table",
    "draft_reason",
    "elsewhere_table",
    "facts_table",
    "faults_table",
    "first_line",
    "grades_table",
    "month_words",
    "provenance_table",
    "quality_frame",
    "quality_words",
    "reason_words",
    "reconciliation",
    "set_aside_table",
    "summary",
    "unreadable_frame",
    "unreadable_table",
]


WELL_KNOWN = 0.95
"""Share of customers from which an attribute is known for nearly everybody."""


def provenance_table(found: dict[str, dict], after: dict[str, int], project: Project) -> Table:
    """For each source: where from, how collected, legal basis, owner, period, freshness, rows after as_of (not read).

    Several sources of one table share its period: it is counted over all of them, and stands in the row of the first.
    """
    rows = []
    for table, f in found.items():
        sources = project.sources_of(table)
        for place, (name, source) in enumerate(sources.items()):
            title, whole = say(TABLE_NAMES[table]), f if place == 0 else {}
            rows.append(
                {
                    "table": title if len(sources) == 1 else say("{table}: {source}", table=title, source=name.replace("_", " ")),
                    "from": words.text(source.where_from),
                    "how": words.text(source.how_collected),
                    "basis": words.text(source.legal_basis) or say("not stated"),
                    "owner": words.text(source.owner) or say("nobody named"),
                    "collected": source.collected_on,
                    "first": whole["first"].date() if whole.get("first") else None,
                    "last": whole["last"].date() if whole.get("last") else None,
                    "age": whole.get("age_days"),
                    "after": after[table] if place == 0 else None,
                }
            )
    frame = pd.DataFrame(rows)
    columns = [
        Column("table", say("Data table")),
        Column("from", say("Where from")),
        Column("how", say("How collected")),
        Column("basis", say("Legal basis")),
        Column("owner", say("Ask")),
        *([Column("collected", say("Collected on"), "date")] if frame["collected"].notna().any() else []),
        Column("first", say("First"), "date"),
        Column("last", say("Last"), "date"),
        Column("age", say("Age of the newest row"), "number", 0, say("days")),
        Column("after", say("Rows after the end, not read"), "count"),
    ]
    several = any(len(project.sources_of(table)) > 1 for table in found)
    note = say("Several sources of one table: dates and rows after the end are counted over all of them.") if several else ""
    return Table("provenance", say("Where the data come from"), frame, columns, note=note)


def facts_table(found: dict[str, dict]) -> Table:
    """Rows and faults of each table."""
    rows = [
        {
            "table": say(TABLE_NAMES[t]),
            "rows": f["rows"],
            "customers": f.get("customers"),
            "missing": sum(f["missing"].values()) / max(f["rows"] * len(f["missing"]), 1),
            "duplicates": f["duplicates"],
            "copies": f["copies"],
            "orphans": f["orphans"],
            "without_product": f.get("without_product"),
            "zero": f.get("zero"),
            "not_positive": f.get("not_positive"),
            "negative": f.get("negative"),
            "unreadable": f.get("unreadable"),
            "set_aside": f["set_aside"],
        }
        for t, f in found.items()
    ]
    unreadable = (
        [Column("unreadable", say("Cannot be read"), "count", people=True)] if any(f.get("unreadable") for f in found.values()) else []
    )
    columns = [
        Column("table", say("Data table")),
        Column("rows", say("Rows"), "count"),
        Column("customers", say("Customers"), "count", people=True),
        Column("missing", say("Empty cells"), "share", 1),
        Column("duplicates", say("Same key twice"), "count", people=True),
        Column("copies", say("Exact copies"), "count", people=True),
        Column("orphans", say("Customer unknown"), "count", people=True),
        Column("without_product", say("Product unknown"), "count"),
        Column("zero", say("Amount zero"), "count"),
        Column("not_positive", say("Quantity ≤ 0, no refund"), "count"),
        Column("negative", say("Refunds"), "count"),
        *unreadable,
        Column("set_aside", say("Set aside"), "count"),
    ]
    return Table("facts", say("What is in the tables, and what is wrong with it"), pd.DataFrame(rows), columns)


def quality_frame(grades: dict[str, dict]) -> pd.DataFrame:
    """Tables × dimensions, 0-1, missing where it cannot be told."""
    frame = pd.DataFrame({say(TABLE_NAMES[t]): {say(label): g[d] for d, label in DIMENSIONS.items()} for t, g in grades.items()}).T
    return frame.astype("float64")


def weakest(grades: dict[str, dict]) -> tuple[str, str]:
    """The table and the dimension with the lowest share."""
    told = [(g[d], t, d) for t, g in grades.items() for d in DIMENSIONS if g[d] is not None]
    return min(told, key=lambda each: each[0])[1:]


def quality_words(grades: dict[str, dict]) -> dict:
    worst, dimension = weakest(grades)
    value = grades[worst][dimension]
    counts = {g: sum(1 for each in grades.values() if each["grade"] == g) for g in GRADES}
    claim = say_n(
        "{high} of {all} table is of high quality; weakest: {table}, {dimension}",
        "{high} of {all} tables are of high quality; weakest: {table}, {dimension}",
        len(grades),
        high=words.number(counts["high"]),
        all=words.number(len(grades)),
        table=say(TABLE_NAMES[worst]).lower(),
        dimension=say(DIMENSIONS[dimension]).lower(),
    )
    parts = [
        say("{table}: {score}, {grade}", table=say(TABLE_NAMES[t]), score=words.share(g["score"], 0), grade=say(grade))
        for t, g, grade in ((t, g, GRADES[g["grade"]]) for t, g in grades.items())
    ]
    return {
        "name": "quality",
        "title": claim,
        "subtitle": say("Share of rows or cells without fault, by table and dimension"),
        "alt": ". ".join(parts)
        + ". "
        + say(
            "Lowest: {value} in {table}, {dimension}.",
            value=words.share(value, 0),
            table=say(TABLE_NAMES[worst]),
            dimension=say(DIMENSIONS[dimension]),
        ),
        "source": say("Source: the mapped tables; accuracy needs control totals from the controller"),
    }


def grades_table(grades: dict[str, dict], project: Project) -> Table:
    """The seven dimensions in words, with their weights."""
    weights = project.collect.quality.model_dump()
    told = {d: any(g[d] is not None for g in grades.values()) for d in DIMENSIONS}
    frame = pd.DataFrame(
        {
            "dimension": [say(label) for label in DIMENSIONS.values()],
            "meaning": [say(MEANING[d]) for d in DIMENSIONS],
            "weight": [weights[d] if told[d] else 0.0 for d in DIMENSIONS],
        }
    )
    columns = [Column("dimension", say("Dimension")), Column("meaning", say("Measured as")), Column("weight", say("Weight"), "number", 0)]
    border = project.collect.quality
    note = say(
        "High from {high}, medium from {medium}; a dimension that cannot be told has no weight.",
        high=words.share(border.high_from, 0),
        medium=words.share(border.medium_from, 0),
    )
    return Table("dimensions", say("How the grade is made"), frame, columns, note=note)


def month_words(frame: pd.DataFrame, *, as_of: datetime) -> dict:
    # The last month is whole only when as_of is the first of a month; one that lacks altogether counts as empty.
    months = pd.date_range(frame["when"].min(), pd.Timestamp(date(as_of.year, as_of.month, 1)), freq="MS", inclusive="left")
    whole = frame.set_index("when").reindex(months).fillna({"n": 0, "whole": True}).rename_axis("when").reset_index()
    whole = whole[whole["whole"].astype(bool)]
    whole = whole if len(whole) else frame
    low, high = whole.loc[whole["n"].idxmin()], whole.loc[whole["n"].idxmax()]
    spread = high["n"] / max(low["n"], 1) - 1
    if spread < 0.25:
        claim = say("No month is missing: order lines vary by {spread} at most", spread=words.share(spread, 0))
    else:
        claim = say("Order lines vary widely: {low} is thin, {high} is full", low=words.month(low["when"]), high=words.month(high["when"]))
    return {
        "name": "months",
        "title": claim,
        "subtitle": say("Order lines a calendar month"),
        "alt": say(
            "From {low} lines in {lm} to {high} in {hm}.",
            low=words.number(low["n"]),
            lm=words.month(low["when"]),
            high=words.number(high["n"]),
            hm=words.month(high["when"]),
        ),
        "source": say("Source: order lines, those set aside included"),
    }


def coverage_table(frame: pd.DataFrame) -> Table:
    columns = [
        Column("attribute", say("Attribute")),
        Column("n", say("Customers described"), "count"),
        Column("share", say("Share of all"), "share", 1),
        Column("values", say("Different values"), "count"),
    ]
    return Table("coverage", say("What is known of customers besides what they buy"), frame, columns, cell_size="n")


def agreement(before: float | None, after: float | None) -> str:
    """Whether cleaning changed the baseline of step 1."""
    if before is None or after is None:
        return say("The main objective’s baseline cannot be compared: it was not measured.")
    if not before and after:
        return say("Measured again on the checked tables, the main objective’s baseline is no longer zero, as it was in step 1.")
    change = after / before - 1 if before else 0.0
    if abs(change) < 0.00005:
        return say("Measured again on the checked tables, the main objective’s baseline is the same as in step 1.")
    return say(
        "Measured again on the checked tables, the main objective’s baseline differs by {change} from step 1.",
        change=words.percent_change(change, 2),
    )


def caveats(
    found: dict[str, dict],
    checked: pd.DataFrame,
    coverage: pd.DataFrame,
    unidentified: float,
    project: Project,
    *,
    unjudged: Sequence[dict] = (),
) -> list[str]:
    """What could mislead, each with the size of its effect."""
    result, o = [reconciliation(checked, unjudged)], found["orders"]
    if unidentified > 0:
        lost = o["missing"].get("customer_id", 0)
        result.insert(
            0,
            say(
                "{n} order lines ({share} of revenue) have no identified customer: what these buyers do is in no figure about customers.",
                n=words.number(lost),
                share=words.share(unidentified),
            ),
        )
    if o["copies"] >= project.min_cell and "exact_copy" not in [s.rule for s in project.collect.set_aside]:
        result.append(
            say(
                "{n} order lines are exact copies of another and count in revenue. If the till cannot print a line twice, the rule "
                "exact_copy sets them aside (project.yml, collect.set_aside).",
                n=words.number(o["copies"]),
            )
        )
    if o.get("without_product"):
        result.append(
            say(
                "{n} order lines ({share}) have a product that the product list does not know; they count in revenue and in no department.",
                n=words.number(o["without_product"]),
                share=words.share(o["without_product"] / o["rows"]),
            )
        )
    if not o.get("negative"):
        result.append(
            say("No order line is a refund: either nobody returns goods, or returns are not in the extract. Revenue may be too high.")
        )
    ages = found.get("customers", {}).get("impossible_ages") or 0
    if ages >= project.min_cell:
        result.append(say("{n} birth dates make nobody’s age: those ages are missing, not guessed.", n=words.number(ages)))
    result += spelling_words(coverage)
    if len(coverage) and coverage["share"].max() < WELL_KNOWN:
        result.append(
            say(
                "Attributes are known for {share} of customers at best, and nothing says how these were chosen: averages of them "
                "describe the described, not everybody.",
                share=words.share(coverage["share"].max(), 0),
            )
        )
    return result


def summary(
    found: dict[str, dict],
    grades: dict[str, dict],
    unidentified: float,
    checked: pd.DataFrame,
    *,
    points: Sequence[str] = (),
    todo: Sequence[str] = (),
    unjudged: Sequence[dict] = (),
) -> dict:
    """The summary of the page; `points` and `todo` are what the pages on law, survey and readiness add."""
    grade = grades["orders"]["grade"]
    headline = say(
        "The order lines are of {grade} quality; {set_aside} of {rows} lines are set aside.",
        grade=say(GRADES[grade]),
        set_aside=words.number(found["orders"]["set_aside"]),
        rows=words.number(found["orders"]["rows"]),
    )
    figures = [
        (say("Order lines used"), words.number(found["orders"]["rows"] - found["orders"]["set_aside"])),
        (say("Customers who bought"), words.number(found["orders"]["customers"])),
        (say("Revenue without an identified customer"), words.share(unidentified)),
    ]
    said = [quality_words(grades)["title"] + ".", reconciliation(checked, unjudged)]
    if unidentified > 0:
        share = words.share(unidentified)
        said.insert(
            0, say("{share} of revenue has no identified customer: no segment can count it, and no list can reach it.", share=share)
        )
    asked = []
    if checked.empty and unjudged:
        asked.append(say("Ask the controller for revenue of months that are over and in the order lines, and type it as the others."))
    elif checked.empty:
        asked.append(
            say("Ask the controller for revenue by month and type it under collect.control_totals: it takes an hour and settles doubts.")
        )
    elif beyond(checked):
        asked.append(say("Explain the difference to the controller’s revenue before anybody uses these figures."))
    worst, dimension = weakest(grades)
    if grades[worst]["grade"] != "high":
        asked.append(
            say(
                "Mend {table} where it hurts most ({dimension}), or keep it out of decisions.",
                table=say(TABLE_NAMES[worst]).lower(),
                dimension=say(DIMENSIONS[dimension]).lower(),
            )
        )
    return {
        "headline": headline,
        "points": [*said, *points],
        "figures": figures,
        "unknown": [say("Whether the revenue is the controller’s: it was not compared.")] if checked.empty else [],
        "todo": [*asked, *todo],
    }
