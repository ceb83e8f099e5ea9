"""Step 3: what is in the tables and what is wrong with it, counted and graded in seven dimensions."""

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.collect.unify import ABOUT_CUSTOMERS, attributes, taken, years_of_age
from helpers.project import CONTRACT, Project
from helpers.words import mark

FAULTS = ("unreadable", "filtered", "replaced")
"""Why the engine could not take a row, or was told not to."""
DIMENSIONS = {
    "completeness": mark("Complete"),
    "consistency": mark("Consistent"),
    "uniqueness": mark("Unique"),
    "accuracy": mark("Accurate"),
    "timeliness": mark("Timely"),
    "validity": mark("Valid"),
    "integrity": mark("Linked"),
}
MEANING = {
    "completeness": mark("cells that are filled, mean over the mapped columns"),
    "consistency": mark("rows that do not contradict each other: one customer, store and moment an order; no answer before its mailing"),
    "uniqueness": mark("rows that are alone with their key, or without copy where a part of the key is not mapped"),
    "accuracy": mark("months whose revenue agrees within 1% with the controller’s figure"),
    "timeliness": mark("age of the newest row against the age that the project allows"),
    "validity": mark("rows whose values are possible: required columns filled, quantity above zero, dates after 1990"),
    "integrity": mark("rows whose customer and product are found in the other tables"),
}
OLDEST = datetime(1990, 1, 1)
"""A date before this one is a placeholder such as 1900-01-01."""
CONTROL_BORDER = 0.01
"""Difference to the controller's revenue from which everything is a draft."""


def facts(table: str, rows: ir.Table, tables: dict[str, ir.Table], *, as_of: datetime) -> dict:
    """What is to be known about one table, counted in the engine.

    table    name in the table contract
    rows     its rows, those set aside included, with `reason`; records of customers may say their `source`
    tables   the other tables by name, to find orphans
    Returns  rows (those filtered and replaced not counted), customers, missing {column: rows}, duplicates, orphans, without_product,
             zero, negative, copies (exact copies of another row), not_positive (quantity of zero or less and no refund), placeholder,
             contradictory, set_aside, unreadable, filtered, replaced, impossible_ages (birth dates of the unborn, or of more than 110
             years ago), first, last, age_days (age of the newest row); and what these are made of: contradictions {what: orders, or
             answers}, empty {required column: rows set aside because of it}, undescribed (order lines whose customer is not in the
             table customers; None without one)
    """
    refused = rows.aggregate(**{f: (rows.reason == f).sum() for f in FAULTS}).execute().iloc[0]
    rows = taken(rows)
    columns = [c for c in rows.columns if c not in ("reason", "source", "place")]
    result, contract = _counted(table, rows, columns, as_of), CONTRACT[table]
    result |= {f: int(0 if pd.isna(refused[f]) else refused[f]) for f in FAULTS}
    result["copies"] = result["rows"] - int(rows.select(*columns).distinct().count().execute())
    # Without a part of its key (the product of an order line) rows of one order would all count as the same. One customer may stand in
    # several sources, and only twice in the same one is a duplicate.
    key = [*contract["key"], *(["source"] if "source" in rows.columns else [])]
    alone = int(rows.select(*key).distinct().count().execute()) if set(key) <= set(rows.columns) else result["rows"] - result["copies"]
    result["duplicates"] = result["rows"] - alone
    result["orphans"] = _orphans(table, rows, tables)
    result["undescribed"] = _undescribed(table, rows, tables)
    result["contradictory"], result["contradictions"] = _contradictions(table, rows)
    if result.get("last"):
        result["age_days"] = max((as_of - result["last"]).total_seconds() / 86_400, 0.0)
    return result


def _counted(table: str, rows: ir.Table, columns: list[str], as_of: datetime) -> dict:
    """What one pass over the rows counts."""
    contract = CONTRACT[table]
    readable = rows.reason.isnull() | (rows.reason != "unreadable")  # a value that cannot be read is no empty one: it is counted apart
    asked = {f"missing_{c}": (rows[c].isnull() & readable).sum() for c in columns}
    asked |= {f"empty_{c}": (rows[c].isnull() & (rows.reason == "incomplete")).sum() for c in contract["required"] if c in columns}
    asked |= {"rows": rows.count(), "set_aside": rows.reason.notnull().sum()}
    asked |= {"customers": rows.customer_id.nunique()} if "customer_id" in columns else {}
    if contract["dated"]:
        dated = rows[contract["dated"]]
        asked |= {"first": dated.min(), "last": dated.max(), "placeholder": (dated < ibis.literal(OLDEST)).sum()}
    if table == "orders":
        asked |= {"zero": (rows.amount == 0).sum(), "negative": (rows.amount < 0).sum()}
        asked |= {"not_positive": ((rows.quantity <= 0) & (rows.amount >= 0)).sum()} if "quantity" in columns else {}
        asked |= {"without_product": rows.category.isnull().sum()} if "category" in columns else {}
    if table == "customers" and "birth_date" in columns:
        asked |= {"impossible_ages": (rows.birth_date.notnull() & years_of_age(rows.birth_date, as_of).isnull()).sum()}
    counted = rows.aggregate(**asked).execute().iloc[0]
    result = {k: (None if pd.isna(v) else v) for k, v in counted.items() if not k.startswith(("missing_", "empty_"))}
    moments = {k: v if v is None else v.to_pydatetime() for k, v in result.items() if k in ("first", "last")}
    result = {k: int(v or 0) for k, v in result.items() if k not in moments} | moments
    result["missing"] = {c: int(counted[f"missing_{c}"] or 0) for c in columns if c not in contract.get("may_be_empty", [])}
    result["empty"] = {c: int(counted[f"empty_{c}"]) for c in contract["required"] if counted.get(f"empty_{c}")}
    return result


def _orphans(table: str, rows: ir.Table, tables: dict[str, ir.Table]) -> int | None:
    """Rows whose customer no other table knows: those of orders and customers, for a description any. Orders have nobody to ask."""
    if table == "orders" or "customer_id" not in rows.columns:
        return None
    others = tables if table == "customers" else {name: tables[name] for name in ("orders", "customers") if name in tables}
    known = [other.select("customer_id") for name, other in others.items() if name != table and "customer_id" in other.columns]
    if not known:
        return None
    return _unknown(rows, (ibis.union(*known) if len(known) > 1 else known[0]).distinct())


def _unknown(rows: ir.Table, known: ir.Table) -> int:
    # Rows of customers whom a rule sets aside are not of unknown ones.
    rows = rows.filter(rows.reason.isnull() | ~ibis.or_(*(rows.reason.startswith(rule) for rule in ABOUT_CUSTOMERS)))
    return int(rows.anti_join(known, "customer_id").count().execute())


def _undescribed(table: str, rows: ir.Table, tables: dict[str, ir.Table]) -> int | None:
    """Order lines of customers whom the table customers does not know: no fault, for it may describe a part by design."""
    if table != "orders" or "customers" not in tables:
        return None
    return _unknown(rows.filter(rows.customer_id.notnull()), tables["customers"].select("customer_id").distinct())


def _contradictions(table: str, rows: ir.Table) -> tuple[int | None, dict[str, int]]:
    """Rows of orders with several customers, stores or moments, or answers before their mailing; and how many of them by what."""
    if table == "orders":
        rows = rows.filter(rows.order_id.notnull())  # those without are counted as incomplete already
        differ = {"customer": rows.customer_id.nunique() > 1}
        differ |= {
            name: (rows[column].min() != rows[column].max()).fill_null(False)
            for name, column in (("moment", "ordered_at"), ("store", "store_id"))
            if column in rows.columns
        }
        several = rows.group_by("order_id").agg(n=rows.count(), **differ)
        bad = several.n.sum(where=ibis.or_(*(several[name] for name in differ)))
        found = several.aggregate(rows=bad, **{name: several[name].sum() for name in differ}).execute().iloc[0]
        found = {name: 0 if pd.isna(n) else int(n) for name, n in found.items()}
        return found.pop("rows"), found
    if table == "contacts" and "responded_at" in rows.columns:
        early = int((rows.responded_at < rows.sent_at).sum().execute() or 0)
        return early, {"answer": early}
    return None, {}


MEASURES = ("revenue", "orders", "customers")
"""What the controller may know of a month."""


def control(orders: ir.Table, project: Project, *, as_of: datetime | None = None) -> pd.DataFrame:
    """Revenue, orders and customers a month beside the controller's, for months that `not_judged` does not name.

    orders   customer_id, order_id, ordered_at, amount; where rows have a `reason`, those filtered or replaced are not counted
    Returns  month, measure, ours, theirs, difference (relative, infinite when only theirs is zero); empty without control totals
    """
    left_out = {each["month"] for each in not_judged(orders, project, as_of=as_of)}
    theirs = {t.month: t for t in project.collect.control_totals if t.month not in left_out}
    if not theirs:
        return pd.DataFrame(columns=["month", "measure", "ours", "theirs", "difference"])
    orders = taken(orders)
    counts = {"revenue": orders.amount.sum(), "orders": orders.order_id.nunique(), "customers": orders.customer_id.nunique()}
    monthly = orders.group_by(month=orders.ordered_at.truncate("M")).agg(**counts).execute()
    ours = {when.date(): row for when, row in zip(pd.to_datetime(monthly["month"]), monthly.to_dict("records"), strict=True)}
    rows = [
        {"month": month, "measure": measure, "ours": float(ours.get(month, {}).get(measure) or 0), "theirs": float(getattr(total, measure))}
        for month, total in sorted(theirs.items())
        for measure in MEASURES
        if getattr(total, measure) is not None
    ]
    return pd.DataFrame(rows).assign(difference=[_apart(r["ours"], r["theirs"]) for r in rows])


def not_judged(orders: ir.Table, project: Project, *, as_of: datetime | None = None) -> list[dict]:
    """Months of which the controller's figures were given and cannot be compared.

    Returns  month, why ("before": the history begins after it; "not over": it ends after as_of), oldest first
    """
    given = sorted(total.month for total in project.collect.control_totals)
    if not given:
        return []
    dated = taken(orders)
    first = dated.ordered_at.min(where=dated.ordered_at >= ibis.literal(OLDEST)).execute()
    found = []
    for month in given:
        after = (month + timedelta(days=31)).replace(day=1)
        if as_of is not None and after > as_of.date():
            found.append({"month": month, "why": "not over"})
        elif not pd.isna(first) and after <= first.date():
            found.append({"month": month, "why": "before"})
    return found


def beyond(checked: pd.DataFrame) -> bool:
    """Whether a figure is further from the controller's than CONTROL_BORDER allows: then every page is a draft."""
    return bool(len(checked) and (checked["difference"].abs() > CONTROL_BORDER).any())


def _apart(ours: float, theirs: float) -> float:
    # Rounded, so that exactly 1 % is 1 %: 101 / 100 − 1 is a little more.
    return round((ours - theirs) / theirs, 12) if theirs else (math.inf if ours else 0.0)


def grade_table(table: str, found: dict, project: Project, checked: pd.DataFrame, described: float | None = None) -> dict:
    """The seven dimensions of one table, 0-1 or None (cannot be told), with the weighted mean and the grade.

    found    result of `facts`
    checked  result of `control`; only orders can be compared with the controller
    described  for customers: cells filled over all customers (0-1), for a full row about a third of them leaves two thirds empty
    Returns  the seven dimensions, score (0-1), grade ("high", "medium", "low")
    """
    rows, revenue = max(found["rows"], 1), checked[checked["measure"] == "revenue"] if "measure" in checked else checked
    fresh = min((source.fresh_within_days for source in project.sources_of(table).values()), default=None)
    invalid = sum(found.get(k) or 0 for k in ("not_positive", "placeholder", "unreadable", "impossible_ages")) + sum(
        found["missing"].get(c, 0) for c in CONTRACT[table]["required"]
    )
    linked = [found[k] for k in ("orphans", "without_product") if found.get(k) is not None]
    age = found.get("age_days")
    score = {
        "completeness": described if described is not None else 1 - sum(found["missing"].values()) / (rows * max(len(found["missing"]), 1)),
        "consistency": None if found["contradictory"] is None else 1 - found["contradictory"] / rows,
        "uniqueness": 1 - found["duplicates"] / rows,
        "accuracy": float((revenue["difference"].abs() <= CONTROL_BORDER).mean()) if table == "orders" and len(revenue) else None,
        "timeliness": None if age is None else min(1.0, fresh / max(age, 1e-9)),
        "validity": max(1 - invalid / rows, 0.0),
        "integrity": 1 - max(linked) / rows if linked else None,
    }
    weights = project.collect.quality.model_dump()
    told = {k: weights[k] for k, v in score.items() if v is not None and weights[k] > 0}
    mean = sum(score[k] * w for k, w in told.items()) / (sum(told.values()) or 1)
    border = project.collect.quality
    return score | {"score": mean, "grade": "high" if mean >= border.high_from else "medium" if mean >= border.medium_from else "low"}


def by_month(orders: ir.Table) -> pd.DataFrame:
    """Order lines a calendar month, none left out between the first and the last.

    Returns  when (first day), n, whole (False for a first month that the history enters after its third day); oldest first
    """
    dated = taken(orders).filter(ibis._.ordered_at.notnull())
    counted = dated.group_by(when=dated.ordered_at.truncate("M")).agg(n=dated.count(), first=dated.ordered_at.min()).execute()
    if counted.empty:
        return pd.DataFrame({"when": pd.to_datetime([]), "n": [], "whole": []})
    counted = counted.assign(when=pd.to_datetime(counted["when"])).set_index("when").sort_index()
    months = pd.date_range(counted.index[0], counted.index[-1], freq="MS", name="when")
    frame = counted[["n"]].reindex(months, fill_value=0).reset_index()
    return frame.assign(whole=(frame.index > 0) | (pd.Timestamp(counted["first"].iloc[0]).day <= 3))


def attribute_coverage(customers: ir.Table) -> pd.DataFrame:
    """How many customers each attribute is known for.

    Returns  attribute, n, share (of all), values (distinct), spellings (of these, that differ from another in capitals or blanks alone)
    """
    names = attributes(customers)
    if not names:
        return pd.DataFrame(columns=["attribute", "n", "share", "values", "spellings"])
    asked = {f"n_{c}": customers[c].notnull().sum() for c in names} | {f"v_{c}": customers[c].nunique() for c in names}
    counted = customers.aggregate(all_=customers.count(), **asked).execute().iloc[0]
    rows = [{"attribute": c.replace("_", " "), "n": int(counted[f"n_{c}"]), "values": int(counted[f"v_{c}"])} for c in names]
    frame = pd.DataFrame(rows)
    frame["share"] = frame["n"] / max(int(counted["all_"]), 1)
    frame["spellings"] = [_spellings(customers[c]) for c in names]
    return frame[["attribute", "n", "share", "values", "spellings"]]


def _spellings(column: ir.Value) -> int:
    """Distinct texts that become one when capitals and blanks are not looked at."""
    if not column.type().is_string():
        return 0
    each = column.name("value").as_table().distinct().filter(ibis._.value.notnull())
    folded = each.value.re_replace(r"[\s\p{Z}]+", " ").strip().lower()
    alike = each.group_by(folded=folded).agg(n=each.count())
    return int(alike.n.sum(where=alike.n > 1).execute() or 0)


def described_share(coverage: pd.DataFrame) -> float | None:
    """Filled cells of the attributes over all customers (0-1), or None when there are no attributes."""
    return float(coverage["share"].mean()) if len(coverage) else None


def identified(judged: ir.Table) -> float:
    """Share of revenue (0-1) in order lines without an identified customer."""
    judged = taken(judged)
    all_, lost = judged.aggregate(a=judged.amount.sum(), b=judged.amount.sum(where=judged.customer_id.isnull())).execute().iloc[0]
    return float(lost or 0) / (float(all_ or 0) or 1.0)
