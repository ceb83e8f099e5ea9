"""What the page of step 3 says of rows set aside, of values that cannot be read, and of the controller's figures."""

from collections.abc import Sequence

import ibis.expr.types as ir
import pandas as pd

from helpers import words
from helpers.collect.names import TABLE_NAMES
from helpers.collect.quality import CONTROL_BORDER, beyond
from helpers.collect.unify import RULES, rules_of
from helpers.project import Project
from helpers.project.contract import LOCATING, PERSONAL
from helpers.tables import Column, Table
from helpers.words import mark, say

MEASURE_NAMES = {"revenue": mark("Revenue"), "orders": mark("Orders"), "customers": mark("Customers")}
QUIET = ("customer_id", "text", "answer", *PERSONAL, *LOCATING)
"""Columns of which no example is shown: they may say who somebody is, or what somebody said."""


def reason_words(code: str, project: Project) -> str:
    """Why a row was set aside, in words."""
    rule = rules_of(project).get(code)
    sentence = RULES[rule.rule if rule else code]
    if rule is None:
        return say(sentence)
    return say(sentence, where=rule.where, value=words.number(rule.value) if rule.value is not None else "")


def because(code: str, project: Project) -> str:
    """Why the rule was typed; what no rule asks for cannot be used."""
    rule = rules_of(project).get(code)
    if rule is not None:
        return words.text(rule.because)
    return {"filtered": say("the source is read with a filter"), "replaced": say("the later file corrects it")}.get(
        code, say("it cannot be used")
    )


def set_aside_table(judged: ir.Table, project: Project) -> Table:
    """Order lines set aside, by reason, with the revenue in them."""
    aside = judged.filter(judged.reason.notnull())
    sums = {"rows": aside.count(), "revenue": aside.amount.sum(), "customers": aside.customer_id.nunique()}
    counted = aside.group_by("reason").agg(**sums).order_by("reason").execute()
    frame = pd.DataFrame(
        {
            "reason": [reason_words(r, project) for r in counted["reason"]],
            "rows": counted["rows"].astype(int),
            "revenue": counted["revenue"].astype(float),
            "customers": counted["customers"].astype(int),
            "because": [because(r, project) for r in counted["reason"]],
        }
    )
    columns = [
        Column("reason", say("Rows with")),
        Column("rows", say("Rows"), "count"),
        Column("revenue", say("Revenue in them"), "money"),
        Column("because", say("Set aside because")),
    ]
    if {"customers_where", "orders_a_day_above"} & {rule.rule for rule in rules_of(project).values()}:
        columns.insert(3, Column("customers", say("Customers"), "count", people=True))
    if frame.empty:
        frame = pd.DataFrame([{"reason": say("none"), "rows": 0, "revenue": 0.0, "customers": 0, "because": ""}])
    return Table("set_aside", say("Order lines set aside: kept apart, counted, not used"), frame, columns, cell_size="customers")


def elsewhere_table(judged: dict[str, ir.Table], project: Project) -> Table:
    """Rows of the other tables that are set aside, by reason; empty when there are none."""
    rows = []
    for name, table in judged.items():
        if name == "orders":
            continue
        aside = table.filter(table.reason.notnull())
        people = aside.customer_id.nunique() if "customer_id" in aside.columns else aside.count()
        for found in aside.group_by("reason").agg(rows=aside.count(), customers=people).order_by("reason").execute().itertuples():
            told = {"table": say(TABLE_NAMES[name]), "reason": reason_words(found.reason, project), "rows": int(found.rows)}
            rows.append(told | {"customers": int(found.customers), "because": because(found.reason, project)})
    columns = [
        Column("table", say("Data table")),
        Column("reason", say("Rows with")),
        Column("rows", say("Rows"), "count"),
        Column("customers", say("Customers"), "count"),
        Column("because", say("Set aside because")),
    ]
    frame = pd.DataFrame(rows, columns=["table", "reason", "rows", "customers", "because"])
    return Table("set_aside_elsewhere", say("Rows of the other tables set aside"), frame, columns, cell_size="customers")


def unreadable_frame(step, tables: list[str]) -> pd.DataFrame:
    """Values that could not be read and placeholders: table, source, column, what (unreadable, placeholder), rows, example.

    No example of a column that may say who somebody is; none about fewer than min_cell rows of the table customers.
    """
    rows = []
    for table in tables:
        found = (
            step.engine.unreadable(table).groupby(["source", "column"], as_index=False, sort=False).agg({"example": "first", "rows": "sum"})
        )
        for each in found.to_dict("records"):
            told = {"table": table, "source": each["source"], "column": each["column"], "what": "unreadable", "rows": int(each["rows"])}
            rows.append(told | {"example": None if _quiet(table, each["column"]) else str(each["example"])})
        for column, n in step.engine.placeholders(table).items():
            if n:
                told = {"table": table, "source": None, "column": column, "what": "placeholder", "rows": int(n)}
                rows.append(told | {"example": None})
    return pd.DataFrame(rows, columns=["table", "source", "column", "what", "rows", "example"], dtype=object)


def _quiet(table: str, column: str) -> bool:
    return table == "customers" or column in QUIET


def unreadable_table(frame: pd.DataFrame) -> Table:
    """Where values cannot be read, or stand for a missing one; what is in `customers` only from the smallest cell on."""
    kinds = {"unreadable": say("cannot be read: its row is set aside"), "placeholder": say("stands for a missing value: taken as empty")}
    shown = pd.DataFrame(
        {
            "table": [say(TABLE_NAMES[t]) for t in frame["table"]],
            "source": [(s or "").replace("_", " ") for s in frame["source"]],
            "column": [c.replace("_", " ") for c in frame["column"]],
            "what": [kinds[w] for w in frame["what"]],
            "example": [e or "" for e in frame["example"]],
            "rows": list(frame["rows"]),
            "size": [n if t == "customers" else 0 for t, n in zip(frame["table"], frame["rows"], strict=True)],
        }
    )
    columns = [
        Column("table", say("Data table")),
        Column("source", say("Source")),
        Column("column", say("Column")),
        Column("what", say("The value")),
        Column("example", say("For example")),
        Column("rows", say("Rows"), "count"),
    ]
    note = say("No example is shown of what may say who somebody is.")
    return Table("unreadable", say("Values that cannot be used"), shown, columns, note=note, cell_size="size")


def each_month() -> str:
    """What stands in place of the table of months until it is opened."""
    return say("Show every month")


def control_table(checked: pd.DataFrame) -> Table:
    """Our figures beside the controller's, month by month."""
    money = {"revenue": ("money", 2), "orders": ("count", 0), "customers": ("count", 0)}
    frame = pd.DataFrame(
        {
            "month": [words.month(m) for m in checked["month"]],
            "measure": [say(MEASURE_NAMES[m]) for m in checked["measure"]],
            "ours": list(checked["ours"]),
            "theirs": list(checked["theirs"]),
            "difference": list(checked["difference"]),
            "kinds": [money[m] for m in checked["measure"]],
        }
    )
    columns = [
        Column("month", say("Month")),
        Column("measure", say("Figure")),
        Column("ours", say("In these tables"), "number", kinds="kinds"),
        Column("theirs", say("The controller’s"), "number", kinds="kinds"),
        Column("difference", say("Difference"), "change", 2),
    ]
    return Table("control", say("These tables beside the controller’s figures"), frame, columns)


def reconciliation(checked: pd.DataFrame, unjudged: Sequence[dict] = ()) -> str:
    """What the controller's totals say; `unjudged` is the result of `not_judged`."""
    told = [_unjudged_words(unjudged)] if unjudged else []
    if checked.empty and unjudged:
        return " ".join([say("Revenue is not reconciled with the controller’s figures: none that was given can be judged."), *told])
    return " ".join([_reconciled(checked), *told])


def _unjudged_words(unjudged: Sequence[dict]) -> str:
    """Which of the controller's months are not compared, and why."""
    early, late = ([words.month(each["month"]) for each in unjudged if each["why"] == why] for why in ("before", "not over"))
    parts = [say("Not judged, because the order lines begin later: {months}.", months=words.join(early))] if early else []
    parts += [say("Not judged, because the month is not over: {months}.", months=words.join(late))] if late else []
    return " ".join(parts)


def _reconciled(checked: pd.DataFrame) -> str:
    if checked.empty:
        return say("No control totals were given: revenue is not reconciled with the controller’s figures.")
    worst = checked.loc[checked["difference"].abs().idxmax()]
    values = {"difference": words.percent_change(worst["difference"], 2), "month": words.month(worst["month"])}
    what = worst["measure"] if "measure" in checked else "revenue"
    if what != "revenue":
        return _other_than_revenue(beyond(checked), say(MEASURE_NAMES[what]).lower(), values)
    if abs(worst["difference"]) <= CONTROL_BORDER:
        return say("Revenue agrees with the controller’s figures; the largest difference is {difference}, in {month}.", **values)
    return say("DRAFT: revenue differs by {difference} from the controller’s figure in {month}; above 1% nothing here is final.", **values)


def _other_than_revenue(draft: bool, what: str, values: dict) -> str:
    if draft:
        return say(
            "DRAFT: the number of {what} differs by {difference} from the controller’s figure in {month}; above 1% nothing here is final.",
            what=what,
            **values,
        )
    return say(
        "These tables agree with the controller’s figures; the largest difference is {difference} in the number of {what}, in {month}.",
        what=what,
        **values,
    )


# On the first page


def first_line(quality: dict) -> str:
    """What all figures rest on, for the first page: revenue without a customer, and whether it is the controller's; empty when not known.

    quality   the JSON that step 3 handed over
    """
    if "unidentified" not in quality:
        return ""
    lost = say("Revenue without an identified customer: {share}.", share=words.share(quality["unidentified"]))
    checked = _as_frame(quality)
    against = say("Revenue was not compared with the controller’s figures.") if checked.empty else reconciliation(checked)
    return f"{lost} {against}"


def draft_reason(quality: dict) -> str:
    """Why every page is a draft although the list may be signed: figures are not the controller’s; empty when they are."""
    if not quality.get("draft"):
        return ""
    checked = _as_frame(quality)
    worst = checked.loc[checked["difference"].abs().idxmax()]
    measure = MEASURE_NAMES[worst["measure"]]
    return say(
        "{what}: {difference} from the controller’s figure in {month}, more than 1%.",
        what=say(measure),
        difference=words.percent_change(worst["difference"], 1),
        month=words.month(worst["month"]),
    )


def _as_frame(quality: dict) -> pd.DataFrame:
    """The comparison as step 3 made it; a difference to nothing at all is infinite, which JSON cannot say."""
    frame = pd.DataFrame(quality.get("control") or [], columns=["month", "measure", "ours", "theirs", "difference"])
    return frame.assign(difference=frame["difference"].astype("float64").fillna(float("inf")))
