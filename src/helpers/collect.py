"""Step 3: the mapped sources checked and unified into the table contract, one row per customer, with a grade."""

from datetime import date, datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import words
from helpers.engine import days_between
from helpers.project import CONTRACT, Project
from helpers.tables import Column, Table
from helpers.words import mark, say

RULES = {
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
    "uniqueness": mark("rows that are alone with their key"),
    "accuracy": mark("months whose revenue agrees within 1% with the controller’s figure"),
    "timeliness": mark("age of the newest row against the age that the project allows"),
    "validity": mark("rows whose values are possible: required columns filled, quantity above zero, dates after 1990"),
    "integrity": mark("rows whose customer and product are found in the other tables"),
}
OLDEST = datetime(1990, 1, 1)
"""A date before this one is a placeholder such as 1900-01-01."""
OWN = ("customer_id", "described", "first_ordered_at", "last_ordered_at", "orders")
"""Columns of the unified customers that are no attributes."""
CONTROL_BORDER = 0.01
"""Difference to the controller's revenue from which everything is a draft (definitions.md)."""


def judge_rows(table: str, rows: ir.Table, rules: list[str]) -> ir.Table:
    """Every row with the reason for which it is set aside, or missing reason.

    table    name in the table contract; rows: its mapped columns
    Returns  the same rows with `reason` (a key of RULES, missing for rows kept); the first reason that holds counts
    """
    required = [rows[c] for c in CONTRACT[table]["required"] if c in rows.columns]
    empty = required[0].isnull()
    for column in required[1:]:
        empty = empty | column.isnull()
    tests = [(empty, "incomplete")]
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
        rows = judge_rows(name, step.source(name), rules)
        key = [column for column in CONTRACT[name]["key"] if column in rows.columns]
        kept, aside = rows.filter(rows.reason.isnull()).drop("reason"), rows.filter(rows.reason.notnull())
        if name != "customers":
            kept = step.give_table(name, kept, key=key, unique=False)
        aside = step.give_table(f"{name}_set_aside", aside, key=key, unique=False)
        checked[name] = kept
        judged[name] = kept.mutate(reason=ibis.null("string")).union(aside.select(*kept.columns, "reason"))
    return checked, judged


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
        "first_ordered_at", "last_ordered_at", *names, customer_id=ibis.coalesce(joined.customer_id, joined.customer_id_right),
        orders=joined.orders.fill_null(0), described=joined.described.fill_null(False),
    )  # fmt: skip


def facts(table: str, rows: ir.Table, tables: dict[str, ir.Table], *, as_of: datetime) -> dict:
    """What is to be known about one table, counted in the engine.

    table    name in the table contract
    rows     its rows, those set aside included, with `reason`
    tables   the other tables by name, to find orphans
    Returns  rows, customers, missing {column: rows}, duplicates, orphans, without_product, zero, negative, not_positive,
             placeholder, contradictory, set_aside, first, last, age_days (age of the newest row)
    """
    contract = CONTRACT[table]
    columns = [c for c in rows.columns if c != "reason"]
    asked = {f"missing_{c}": rows[c].isnull().sum() for c in columns}
    asked |= {"rows": rows.count(), "customers": rows.customer_id.nunique(), "set_aside": rows.reason.notnull().sum()}
    if contract["dated"]:
        dated = rows[contract["dated"]]
        asked |= {"first": dated.min(), "last": dated.max(), "placeholder": (dated < ibis.literal(OLDEST)).sum()}
    if table == "orders":
        asked |= {"zero": (rows.amount == 0).sum(), "negative": (rows.amount < 0).sum()}
        asked |= {"not_positive": (rows.quantity <= 0).sum()} if "quantity" in columns else {}
        asked |= {"without_product": rows.category.isnull().sum()} if "category" in columns else {}
    counted = rows.aggregate(**asked).execute().iloc[0]
    result = {k: (None if pd.isna(v) else v) for k, v in counted.items() if not k.startswith("missing_")}
    result = {k: v.to_pydatetime() if isinstance(v, pd.Timestamp) else int(v or 0) for k, v in result.items()}
    result["missing"] = {c: int(counted[f"missing_{c}"] or 0) for c in columns if c not in contract.get("may_be_empty", [])}
    key = [c for c in contract["key"] if c in columns]
    result["duplicates"] = result["rows"] - int(rows.select(*key).distinct().count().execute())
    result["orphans"] = _orphans(table, rows, tables)
    result["contradictory"] = _contradictory(table, rows)
    if result.get("last"):
        result["age_days"] = max((as_of - result["last"]).total_seconds() / 86_400, 0.0)
    return result


def _orphans(table: str, rows: ir.Table, tables: dict[str, ir.Table]) -> int | None:
    """Rows whose customer is unknown in the orders; for orders there is nobody else to ask."""
    if table == "orders":
        return None
    return int(rows.anti_join(tables["orders"].select("customer_id").distinct(), "customer_id").count().execute())


def _contradictory(table: str, rows: ir.Table) -> int | None:
    """Rows of orders with several customers, stores or moments; answers that came before their mailing."""
    if table == "orders":
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


def control(orders: ir.Table, project: Project) -> pd.DataFrame:
    """Revenue a month beside the controller's. Returns month, ours, theirs, difference (relative); empty without control totals."""
    theirs = {t.month.replace(day=1): t.revenue for t in project.collect.control_totals}
    if not theirs:
        return pd.DataFrame(columns=["month", "ours", "theirs", "difference"])
    monthly = orders.group_by(month=orders.ordered_at.truncate("M")).agg(ours=orders.amount.sum()).execute()
    ours = {m.date(): float(v) for m, v in zip(pd.to_datetime(monthly["month"]), monthly["ours"], strict=True)}
    rows = [{"month": m, "ours": ours.get(m, 0.0), "theirs": t, "difference": ours.get(m, 0.0) / t - 1} for m, t in sorted(theirs.items())]
    return pd.DataFrame(rows)


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
    """Order lines a calendar month. Returns when (first day), n; oldest first."""
    counted = orders.group_by(when=orders.ordered_at.truncate("M")).agg(n=orders.count()).order_by("when").execute()
    return counted.assign(when=pd.to_datetime(counted["when"]))


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


# What the page says

TABLE_NAMES = {
    "customers": mark("Customer attributes"),
    "orders": mark("Order lines"),
    "events": mark("Events"),
    "answers": mark("Survey answers"),
    "comments": mark("Comments"),
    "contacts": mark("Mailings"),
    "consents": mark("Consents"),
    "market": mark("Market figures"),
}
GRADES = {"high": mark("high"), "medium": mark("medium"), "low": mark("low")}


def filled(project: Project) -> list[str]:
    """The canonical tables that the project's sources fill, in the contract's order."""
    return [name for name in CONTRACT if project.source_of(name) is not None]


def provenance_table(found: dict[str, dict], after: dict[str, int], project: Project) -> Table:
    """For each source: where from, how collected, legal basis, owner, period, freshness, rows after as_of (not read)."""
    rows = []
    for table, f in found.items():
        source = project.source_of(table)
        rows.append({
            "table": say(TABLE_NAMES[table]), "from": words.text(source.where_from), "how": words.text(source.how_collected),
            "basis": words.text(source.legal_basis) or say("not stated"), "owner": words.text(source.owner) or say("nobody named"),
            "first": f["first"].date() if f.get("first") else None, "last": f["last"].date() if f.get("last") else None,
            "age": f.get("age_days"), "after": after[table],
        })  # fmt: skip
    columns = [
        Column("table", say("Table")), Column("from", say("Where from")), Column("how", say("How collected")), Column("basis", say("Legal basis")),
        Column("owner", say("Ask")), Column("first", say("First"), "date"), Column("last", say("Last"), "date"),
        Column("age", say("Age of the newest row"), "number", 0, say("days")), Column("after", say("Rows after the end, not read"), "count"),
    ]  # fmt: skip
    return Table("provenance", say("Where the data come from"), pd.DataFrame(rows), columns)


def facts_table(found: dict[str, dict]) -> Table:
    """Rows and faults of each table."""
    rows = [
        {
            "table": say(TABLE_NAMES[t]), "rows": f["rows"], "customers": f["customers"],
            "missing": sum(f["missing"].values()) / max(f["rows"] * len(f["missing"]), 1), "duplicates": f["duplicates"], "orphans": f["orphans"],
            "without_product": f.get("without_product"), "zero": f.get("zero"), "not_positive": f.get("not_positive"),
            "negative": f.get("negative"), "set_aside": f["set_aside"],
        } for t, f in found.items()
    ]  # fmt: skip
    columns = [
        Column("table", say("Table")), Column("rows", say("Rows"), "count"), Column("customers", say("Customers"), "count"),
        Column("missing", say("Empty cells"), "share", 1), Column("duplicates", say("Same key twice"), "count"),
        Column("orphans", say("Customer unknown"), "count"), Column("without_product", say("Product unknown"), "count"),
        Column("zero", say("Amount zero"), "count"), Column("not_positive", say("Quantity ≤ 0"), "count"),
        Column("negative", say("Refunds"), "count"), Column("set_aside", say("Set aside"), "count"),
    ]  # fmt: skip
    return Table("facts", say("What is in the tables, and what is wrong with it"), pd.DataFrame(rows), columns)


def set_aside_table(judged: ir.Table, project: Project) -> Table:
    """Order lines set aside, by reason, with the revenue in them."""
    aside = judged.filter(judged.reason.notnull())
    counted = aside.group_by("reason").agg(rows=aside.count(), revenue=aside.amount.sum()).order_by("reason").execute()
    because = {s.rule: words.text(s.because) for s in project.collect.set_aside}
    frame = pd.DataFrame({
        "reason": [say(RULES[r]) for r in counted["reason"]], "rows": counted["rows"].astype(int), "revenue": counted["revenue"].astype(float),
        "because": [because.get(r, say("it cannot be used")) for r in counted["reason"]],
    })  # fmt: skip
    columns = [
        Column("reason", say("Rows with")), Column("rows", say("Rows"), "count"), Column("revenue", say("Revenue in them"), "money"),
        Column("because", say("Set aside because")),
    ]  # fmt: skip
    if frame.empty:
        frame = pd.DataFrame([{"reason": say("none"), "rows": 0, "revenue": 0.0, "because": ""}])
    return Table("set_aside", say("Order lines set aside: kept apart, counted, not used"), frame, columns)


def quality_frame(grades: dict[str, dict]) -> pd.DataFrame:
    """Tables × dimensions, 0-1, missing where it cannot be told."""
    frame = pd.DataFrame({say(TABLE_NAMES[t]): {say(label): g[d] for d, label in DIMENSIONS.items()} for t, g in grades.items()}).T
    return frame.astype("float64")


def quality_words(grades: dict[str, dict]) -> dict:
    worst, dimension, value = min(
        ((t, d, g[d]) for t, g in grades.items() for d in DIMENSIONS if g[d] is not None), key=lambda each: each[2]
    )
    counts = {g: sum(1 for each in grades.values() if each["grade"] == g) for g in GRADES}
    claim = say(
        "{high} of {all} tables are of high quality; weakest: {table}, {dimension}",
        high=words.number(counts["high"]), all=words.number(len(grades)), table=say(TABLE_NAMES[worst]).lower(), dimension=say(DIMENSIONS[dimension]).lower(),
    )  # fmt: skip
    parts = [say("{table}: {score}, {grade}", table=say(TABLE_NAMES[t]), score=words.share(g["score"], 0), grade=say(GRADES[g["grade"]])) for t, g in grades.items()]
    return {
        "name": "quality",
        "title": claim,
        "subtitle": say("Share of rows or cells without fault, by table and dimension"),
        "alt": "; ".join(parts) + ". " + say("Lowest: {value} in {table}, {dimension}.", value=words.share(value, 0), table=say(TABLE_NAMES[worst]), dimension=say(DIMENSIONS[dimension])),
        "source": say("Source: the mapped tables; accuracy needs control totals from the controller"),
    }  # fmt: skip


def grades_table(grades: dict[str, dict], project: Project) -> Table:
    """The seven dimensions in words, with their weights."""
    weights = project.collect.quality.model_dump()
    told = {d: any(g[d] is not None for g in grades.values()) for d in DIMENSIONS}
    frame = pd.DataFrame({
        "dimension": [say(label) for label in DIMENSIONS.values()], "meaning": [say(MEANING[d]) for d in DIMENSIONS],
        "weight": [weights[d] if told[d] else 0.0 for d in DIMENSIONS],
    })  # fmt: skip
    columns = [Column("dimension", say("Dimension")), Column("meaning", say("Measured as")), Column("weight", say("Weight"), "number", 0)]
    border = project.collect.quality
    note = say("High from {high}, medium from {medium}; a dimension that cannot be told has no weight.", high=words.share(border.high_from, 0), medium=words.share(border.medium_from, 0))
    return Table("dimensions", say("How the grade is made"), frame, columns, note=note)  # fmt: skip


def month_words(frame: pd.DataFrame, *, as_of: datetime) -> dict:
    # The last month is whole only when as_of is the first of a month.
    whole = frame[frame["when"] < pd.Timestamp(date(as_of.year, as_of.month, 1))]
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
        "alt": say("From {low} lines in {lm} to {high} in {hm}.", low=words.number(low["n"]), lm=words.month(low["when"]), high=words.number(high["n"]), hm=words.month(high["when"])),
        "source": say("Source: order lines, those set aside included"),
    }  # fmt: skip


def coverage_table(frame: pd.DataFrame) -> Table:
    columns = [
        Column("attribute", say("Attribute")), Column("n", say("Customers described"), "count"), Column("share", say("Share of all"), "share", 1),
        Column("values", say("Different values"), "count"),
    ]  # fmt: skip
    return Table("coverage", say("What is known of customers besides what they buy"), frame, columns, cell_size="n")


def agreement(before: float | None, after: float | None) -> str:
    """Whether cleaning changed the baseline of step 1."""
    if before is None or after is None:
        return say("The main objective’s baseline cannot be compared: it was not measured.")
    change = after / before - 1 if before else 0.0
    if abs(change) < 0.00005:
        return say("Measured again on the checked tables, the main objective’s baseline is the same as in step 1.")
    return say("Measured again on the checked tables, the main objective’s baseline differs by {change} from step 1.", change=words.percent_change(change, 2))


def reconciliation(checked: pd.DataFrame) -> str:
    """What the controller's totals say."""
    if checked.empty:
        return say("No control totals were given: revenue is not reconciled with the controller’s figures.")
    worst = checked.loc[checked["difference"].abs().idxmax()]
    values = {"difference": words.percent_change(worst["difference"], 2), "month": words.month(worst["month"])}
    if abs(worst["difference"]) <= CONTROL_BORDER:
        return say("Revenue agrees with the controller’s figures; the largest difference is {difference}, in {month}.", **values)
    return say("DRAFT: revenue differs by {difference} from the controller’s figure in {month}; above 1% nothing here is final.", **values)


def identified(judged: ir.Table) -> float:
    """Share of revenue (0-1) in order lines without an identified customer."""
    all_, lost = judged.aggregate(a=judged.amount.sum(), b=judged.amount.sum(where=judged.customer_id.isnull())).execute().iloc[0]
    return float(lost or 0) / (float(all_ or 0) or 1.0)


def caveats(found: dict[str, dict], checked: pd.DataFrame, coverage: pd.DataFrame) -> list[str]:
    """What could mislead, each with the size of its effect."""
    result = [reconciliation(checked)]
    o = found["orders"]
    if o.get("without_product"):
        result.append(
            say("{n} order lines ({share}) have a product that the product list does not know; they count in revenue and in no department.",
                n=words.number(o["without_product"]), share=words.share(o["without_product"] / o["rows"]))
        )  # fmt: skip
    if not o.get("negative"):
        result.append(say("No order line is a refund: either nobody returns goods, or returns are not in the extract. Revenue may be too high."))
    if len(coverage):
        result.append(
            say("Attributes are known for {share} of customers at best, and nothing says how these were chosen: averages of them describe the described, not everybody.",
                share=words.share(coverage["share"].max(), 0))
        )  # fmt: skip
    return result


def summary(found: dict[str, dict], grades: dict[str, dict], unidentified: float, checked: pd.DataFrame) -> dict:
    grade = grades["orders"]["grade"]
    headline = say(
        "The order lines are of {grade} quality; {set_aside} of {rows} lines are set aside.",
        grade=say(GRADES[grade]), set_aside=words.number(found["orders"]["set_aside"]), rows=words.number(found["orders"]["rows"]),
    )  # fmt: skip
    figures = [
        (say("Order lines used"), words.number(found["orders"]["rows"] - found["orders"]["set_aside"])),
        (say("Customers who bought"), words.number(found["orders"]["customers"])),
        (say("Revenue without an identified customer"), words.share(unidentified)),
    ]
    points = [quality_words(grades)["title"] + ".", reconciliation(checked)]
    return {"headline": headline, "points": points, "figures": figures, "unknown": [say("Whether the revenue is the controller’s: it was not compared.")] if checked.empty else []}
