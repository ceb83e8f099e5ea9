"""Step 3: the mapped sources checked and unified into the table contract, one row per customer, with a grade."""

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers.project import CONTRACT, Project
from helpers.project.contract import UNIFIED
from helpers.words import mark

RULES = {
    "no_customer": mark("no identified customer"),
    "incomplete": mark("a column that the table cannot do without is empty"),
    "quantity_not_positive": mark("a quantity of zero or less and no refund"),
    "amount_zero": mark("an amount of zero"),
    "exact_copy": mark("an exact copy of another row"),
}
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
OWN = ("customer_id", *UNIFIED)
"""Columns of the unified customers that are no attributes."""
CONTROL_BORDER = 0.01
"""Difference to the controller's revenue from which everything is a draft."""


def judge_rows(table: str, rows: ir.Table, rules: list[str]) -> ir.Table:
    """Every row with the reason for which it is set aside, or missing reason.

    table    name in the table contract; rows: its mapped columns
    Returns  the same rows with `reason` (a key of RULES, missing for rows kept); the first reason that holds counts
    """
    tests = [(rows.customer_id.isnull(), "no_customer")] if "customer_id" in rows.columns else []  # market is about nobody
    required = [rows[c] for c in CONTRACT[table]["required"] if c in rows.columns]
    empty = required[0].isnull()
    for column in required[1:]:
        empty = empty | column.isnull()
    tests.append((empty, "incomplete"))
    if "exact_copy" in rules:
        rows = rows.mutate(copy_=ibis.row_number().over(group_by=list(rows.columns), order_by=list(rows.columns)))
        tests.append((rows.copy_ > 0, "exact_copy"))
    if table == "orders" and "quantity_not_positive" in rules and "quantity" in rows.columns:
        tests.append(((rows.quantity <= 0) & (rows.amount >= 0), "quantity_not_positive"))
    if table == "orders" and "amount_zero" in rules:
        tests.append((rows.amount == 0, "amount_zero"))
    judged = rows.mutate(reason=ibis.cases(*tests))
    return judged.drop("copy_") if "copy_" in judged.columns else judged


def unify(step) -> tuple[dict[str, ir.Table], dict[str, ir.Table]]:
    """Every mapped table checked and handed over, with what was set aside beside it.

    step      the step in progress (run.Step)
    Returns   checked tables by name, as steps 4 to 9 read them; and the same with the rows set aside and their `reason`.
              The table customers is not handed over here: `one_row_each` unites it with the orders.
    """
    rules = [each.rule for each in step.project.collect.set_aside]
    checked, judged = {}, {}
    for name in filled(step.project):
        rows = judge_rows(name, _with_undated(step, name), rules)
        key = [column for column in CONTRACT[name]["key"] if column in rows.columns]
        kept, aside = rows.filter(rows.reason.isnull()).drop("reason"), rows.filter(rows.reason.notnull())
        if name != "customers":
            kept = step.give_table(name, kept, key=key, unique=False)
        aside = step.give_table(f"{name}_set_aside", aside, key=key, unique=False)
        checked[name] = kept
        judged[name] = kept.mutate(reason=ibis.null("string")).union(aside.select(*kept.columns, "reason"))
    return checked, judged


def _with_undated(step, table: str) -> ir.Table:
    """A source cut at as_of, with its rows without a date: the cut drops them, and nothing is dropped in silence."""
    rows, dated = step.source(table), CONTRACT[table]["dated"]
    if dated is None:
        return rows
    mapped = step.engine.mapped(table)
    undated = mapped.filter(mapped[dated].isnull())
    return rows.union(undated.select(*rows.columns)) if int(undated.count().execute()) else rows


def checked(step) -> dict[str, ir.Table]:
    """The checked tables that step 3 handed over, by name, for a later step; customers is one row each."""
    return {name: step.take("collect", name) for name in CONTRACT if step.gives("collect", name)}


def descriptors(customers: ir.Table) -> ir.Table:
    """customer_id and the attributes, of the customers described; none of what they buy."""
    return customers.filter(customers.described).select("customer_id", *attributes(customers))


def attributes(customers: ir.Table) -> list[str]:
    """The columns of the unified customers that come from their description."""
    return [c for c in customers.columns if c not in OWN]


def one_row_each(customers: ir.Table | None, orders: ir.Table) -> ir.Table:
    """One row per customer: attributes where they are known, first and last order.

    customers   customer_id and attributes, or None; a customer who stands there twice keeps the smallest value of each column
    orders      customer_id, order_id, ordered_at
    Returns     customer_id, described (bool), first_ordered_at, last_ordered_at (missing: never bought), orders, attributes
    """
    bought = orders.group_by("customer_id").agg(
        first_ordered_at=orders.ordered_at.min(), last_ordered_at=orders.ordered_at.max(), orders=orders.order_id.nunique()
    )
    if customers is None:
        return bought.mutate(described=False)
    known = customers.filter(customers.customer_id.notnull())
    names = [c for c in known.columns if c != "customer_id"]
    known = known.group_by("customer_id").agg(**{c: known[c].min() for c in names}).mutate(described=True)
    joined = bought.outer_join(known, "customer_id")
    return joined.select(
        "first_ordered_at",
        "last_ordered_at",
        *names,
        customer_id=ibis.coalesce(joined.customer_id, joined.customer_id_right),
        orders=joined.orders.fill_null(0),
        described=joined.described.fill_null(False),
    )


def facts(table: str, rows: ir.Table, tables: dict[str, ir.Table], *, as_of: datetime) -> dict:
    """What is to be known about one table, counted in the engine.

    table    name in the table contract
    rows     its rows, those set aside included, with `reason`
    tables   the other tables by name, to find orphans
    Returns  rows, customers, missing {column: rows}, duplicates, orphans, without_product, zero, negative,
             copies (exact copies of another row), not_positive (quantity of zero or less and no refund), placeholder, contradictory,
             set_aside, first, last, age_days (age of the newest row)
    """
    contract = CONTRACT[table]
    columns = [c for c in rows.columns if c != "reason"]
    asked = {f"missing_{c}": rows[c].isnull().sum() for c in columns}
    asked |= {"rows": rows.count(), "set_aside": rows.reason.notnull().sum()}
    asked |= {"customers": rows.customer_id.nunique()} if "customer_id" in columns else {}
    if contract["dated"]:
        dated = rows[contract["dated"]]
        asked |= {"first": dated.min(), "last": dated.max(), "placeholder": (dated < ibis.literal(OLDEST)).sum()}
    if table == "orders":
        asked |= {"zero": (rows.amount == 0).sum(), "negative": (rows.amount < 0).sum()}
        asked |= {"not_positive": ((rows.quantity <= 0) & (rows.amount >= 0)).sum()} if "quantity" in columns else {}
        asked |= {"without_product": rows.category.isnull().sum()} if "category" in columns else {}
    counted = rows.aggregate(**asked).execute().iloc[0]
    result = {k: (None if pd.isna(v) else v) for k, v in counted.items() if not k.startswith("missing_")}
    moments = {k: v if v is None else v.to_pydatetime() for k, v in result.items() if k in ("first", "last")}
    result = {k: int(v or 0) for k, v in result.items() if k not in moments} | moments
    result["missing"] = {c: int(counted[f"missing_{c}"] or 0) for c in columns if c not in contract.get("may_be_empty", [])}
    result["copies"] = result["rows"] - int(rows.select(*columns).distinct().count().execute())
    # Without a part of its key (the product of an order line) rows of one order would all count as the same.
    whole_key = all(c in columns for c in contract["key"])
    key = contract["key"]
    alone = int(rows.select(*key).distinct().count().execute()) if whole_key else result["rows"] - result["copies"]
    result["duplicates"] = result["rows"] - alone
    result["orphans"] = _orphans(table, rows, tables)
    result["contradictory"] = _contradictory(table, rows)
    if result.get("last"):
        result["age_days"] = max((as_of - result["last"]).total_seconds() / 86_400, 0.0)
    return result


def _orphans(table: str, rows: ir.Table, tables: dict[str, ir.Table]) -> int | None:
    """Rows whose customer is unknown in the orders; for orders there is nobody else to ask, and market knows no customer."""
    if table == "orders" or "customer_id" not in rows.columns:
        return None
    return int(rows.anti_join(tables["orders"].select("customer_id").distinct(), "customer_id").count().execute())


def _contradictory(table: str, rows: ir.Table) -> int | None:
    """Rows of orders with several customers, stores or moments; answers that came before their mailing."""
    if table == "orders":
        rows = rows.filter(rows.order_id.notnull())  # those without are counted as incomplete already
        several = rows.group_by("order_id").agg(
            n=rows.count(),
            bad=(rows.customer_id.nunique() > 1)
            | (rows.ordered_at.min() != rows.ordered_at.max())
            | ((rows.store_id.min() != rows.store_id.max()).fill_null(False) if "store_id" in rows.columns else ibis.literal(False)),
        )
        return int(several.filter(several.bad).n.sum().execute() or 0)
    if table == "contacts" and "responded_at" in rows.columns:
        return int((rows.responded_at < rows.sent_at).sum().execute() or 0)
    return None


def control(orders: ir.Table, project: Project, *, as_of: datetime | None = None) -> pd.DataFrame:
    """Revenue a month beside the controller's, for months that are over at as_of.

    Returns  month, ours, theirs, difference (relative, infinite when only theirs is zero); empty without control totals
    """
    theirs = {t.month.replace(day=1): t.revenue for t in project.collect.control_totals}
    if as_of is not None:
        theirs = {m: t for m, t in theirs.items() if (m + timedelta(days=31)).replace(day=1) <= as_of.date()}
    if not theirs:
        return pd.DataFrame(columns=["month", "ours", "theirs", "difference"])
    monthly = orders.group_by(month=orders.ordered_at.truncate("M")).agg(ours=orders.amount.sum()).execute()
    ours = {m.date(): float(v) for m, v in zip(pd.to_datetime(monthly["month"]), monthly["ours"], strict=True)}
    rows = [{"month": m, "ours": ours.get(m, 0.0), "theirs": t} for m, t in sorted(theirs.items())]
    return pd.DataFrame(rows).assign(difference=[_apart(r["ours"], r["theirs"]) for r in rows])


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
    rows, source = max(found["rows"], 1), project.source_of(table)
    invalid = sum(found.get(k) or 0 for k in ("not_positive", "placeholder")) + sum(
        found["missing"].get(c, 0) for c in CONTRACT[table]["required"]
    )
    linked = [found[k] for k in ("orphans", "without_product") if found.get(k) is not None]
    age = found.get("age_days")
    score = {
        "completeness": described if described is not None else 1 - sum(found["missing"].values()) / (rows * max(len(found["missing"]), 1)),
        "consistency": None if found["contradictory"] is None else 1 - found["contradictory"] / rows,
        "uniqueness": 1 - found["duplicates"] / rows,
        "accuracy": float((checked["difference"].abs() <= CONTROL_BORDER).mean()) if table == "orders" and len(checked) else None,
        "timeliness": None if age is None else min(1.0, source.fresh_within_days / max(age, 1e-9)),
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
    dated = orders.filter(orders.ordered_at.notnull())
    counted = dated.group_by(when=dated.ordered_at.truncate("M")).agg(n=dated.count(), first=dated.ordered_at.min()).execute()
    if counted.empty:
        return pd.DataFrame({"when": pd.to_datetime([]), "n": [], "whole": []})
    counted = counted.assign(when=pd.to_datetime(counted["when"])).set_index("when").sort_index()
    months = pd.date_range(counted.index[0], counted.index[-1], freq="MS", name="when")
    frame = counted[["n"]].reindex(months, fill_value=0).reset_index()
    return frame.assign(whole=(frame.index > 0) | (pd.Timestamp(counted["first"].iloc[0]).day <= 3))


def attribute_coverage(customers: ir.Table) -> pd.DataFrame:
    """How many customers each attribute is known for. Returns attribute, n, share (of all), values (distinct)."""
    names = attributes(customers)
    if not names:
        return pd.DataFrame(columns=["attribute", "n", "share", "values"])
    asked = {f"n_{c}": customers[c].notnull().sum() for c in names} | {f"v_{c}": customers[c].nunique() for c in names}
    counted = customers.aggregate(all_=customers.count(), **asked).execute().iloc[0]
    rows = [{"attribute": c.replace("_", " "), "n": int(counted[f"n_{c}"]), "values": int(counted[f"v_{c}"])} for c in names]
    frame = pd.DataFrame(rows)
    frame["share"] = frame["n"] / max(int(counted["all_"]), 1)
    return frame[["attribute", "n", "share", "values"]]


def described_share(coverage: pd.DataFrame) -> float | None:
    """Filled cells of the attributes over all customers (0-1), or None when there are no attributes."""
    return float(coverage["share"].mean()) if len(coverage) else None


def filled(project: Project) -> list[str]:
    """The canonical tables that the project's sources fill, in the contract's order."""
    return [name for name in CONTRACT if project.source_of(name) is not None]


def identified(judged: ir.Table) -> float:
    """Share of revenue (0-1) in order lines without an identified customer."""
    all_, lost = judged.aggregate(a=judged.amount.sum(), b=judged.amount.sum(where=judged.customer_id.isnull())).execute().iloc[0]
    return float(lost or 0) / (float(all_ or 0) or 1.0)
