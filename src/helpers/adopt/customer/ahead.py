"""What the card says of what one customer is likely to do next, and what the customer's own comments are about."""

import pandas as pd

from helpers import words
from helpers.adopt.customer.history import paragraph
from helpers.build import ahead as of
from helpers.build import ahead_page
from helpers.collect.law import PROFILING
from helpers.project import Project
from helpers.tables import Column, Table, as_html
from helpers.words import NONE, mark, say

PREDICTED = (of.VALUE, of.ATTRITION, of.NEXT)
SHARES = {"alive": mark("Still a customer"), "attrition_risk": mark("Will be lost")}
"""Chances between 0 and 1."""


def ahead_html(found: dict, project: Project, consents: pd.DataFrame | None = None) -> str:
    """A line a prediction, with everyone's mean and the grade; why there is none, where there is none.

    found      may, own, everyone, as `customer.collected` gives them
    consents   purpose, channel, granted: the customer's last words; None without a table of consents
    """
    if refused_profiling(consents):
        return paragraph(say("This customer refused profiling, so nothing that is predicted is shown."))
    may, own = found["may"], found["own"]
    rows = _rows(found, project)
    html = as_html(_table(rows, project)) if rows else ""
    if own["known"] or not rows:
        left = []
    else:
        left = [say("Nothing is predicted of this customer: no purchase is counted.")]
    left += ahead_page.missing(may, (*PREDICTED, of.VOICE))
    if may.told(of.VOICE):
        left.append(_themes(own["themes"], may, project))
    return html + "".join(paragraph(line, "small" if rows else "") for line in left)


def refused_profiling(consents: pd.DataFrame | None) -> bool:
    """Whether the customer was asked about profiling and agreed on no channel, as step 8 holds it too."""
    if consents is None or not len(consents):
        return False
    asked = consents[consents["purpose"].str.startswith(PROFILING)]
    return bool(len(asked)) and not asked["granted"].astype(bool).any()


def _rows(found: dict, project: Project) -> list[dict]:
    may, own, everyone = found["may"], found["own"], found["everyone"]
    rows = []
    for column, value in own["columns"].items():
        mean = everyone.get(column)
        title, here = _title(column, project, may), _written(column, value)
        beside = NONE if mean is None else _written(column, mean["value"], mean=True)
        rows.append(
            {"title": title, "value": here, "everyone": beside, "grade": ahead_page.grade_words(may, of.COLUMNS[column] or of.VALUE)}
        )
        if column == "high_value":
            rows[-1]["grade"] = say("counted, not predicted")
    if may.told(of.NEXT) and may.items():
        items = words.join([ahead_page.item_name(item, may) for item in own["next"]])
        rows.append({"title": say("Likely next"), "value": items or say("nothing is recommended"), "everyone": NONE})
        rows[-1]["grade"] = ahead_page.grade_words(may, of.NEXT)
    return rows


def _title(column: str, project: Project, may: of.Ahead) -> str:
    if column == "expected_value":
        return ahead_page.value_name(project)
    silent = may.parts[of.ATTRITION].get("days")
    if column == "attrition_risk" and silent:
        return say("Buys nothing in the next {days} days", days=words.number(silent))
    if column in SHARES:
        title = SHARES[column]
        return say(title)
    if column == "expected_orders":
        return say("Days with a purchase expected in {days} days", days=words.number(project.variables.predict.value_days))
    return say("One of the high-value customers")


def _written(column: str, value: float | None, *, mean: bool = False) -> str:
    if value is None:
        return say("not knowable")
    if column == "expected_value":
        return words.money(value, 0)
    if column == "high_value" and not mean:
        return say("yes") if value else say("no")
    return words.number(value, 1) if column == "expected_orders" else words.share(value, 0)


def _table(rows: list[dict], project: Project) -> Table:
    columns = [
        Column("title", say("Prediction")),
        Column("value", say("This customer")),
        Column("everyone", say("Everyone, mean")),
        Column("grade", say("How far to trust it")),
    ]
    note = say(
        "Worked out from this customer’s purchases and from what customers with like purchases did. A chance is right for many, not for "
        "one: it opens a conversation and decides nothing about anybody."
    )
    return Table("ahead", say("What is likely next"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def _themes(themes: list[int], may: of.Ahead, project: Project) -> str:
    if not themes:
        return say("Themes of comments: none was found in comments of this customer.")
    named = [ahead_page.theme_name(theme, may, project) for theme in themes]
    return say("Themes of this customer’s comments: {themes}.", themes=words.join(named))
