"""Customers measured again under redrawn orders: what their variables would have been, had chance sent them other orders of the same kind.

Every order of a customer counts Poisson(1) times (all lines of an order together; so do mailings with what followed them, and events):
the bootstrap of a customer's own orders, with weights that do not depend on one another (Hanley & MacGibbon 2006,
doi 10.1016/j.cmpb.2006.04.006). A hash of seed, replicate, customer and order decides, so every engine draws the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, factorial

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import engine, expressions, variables
from helpers.objectives.figures import RESPONSE_DAYS
from helpers.project import Project
from helpers.variables.catalogue import catalogue, of_totals
from helpers.variables.formulas import DATED, bought_orders

KEY = "customer_id"
MAILS = ("sent", "opened", "clicked")
LEAST, MOST = 10, 20
"""Redrawings of everybody's orders: as many as the rows allow."""
ROWS = 6_000_000
"""Rows of orders, events and mailings over all redrawings; beyond, fewer customers, then fewer redrawings, then fewer customers again."""
ENOUGH, FEWEST = 2_000, 500
"""Customers whose orders are redrawn MOST times if need be, and those who are whatever their rows."""
UNITS = {"orders": ("order_id",), "contacts": ("campaign_id",), "events": ("occurred_at", "kind", "detail")}
"""What is redrawn, and what its rows are told apart by beside the customer; events of a mailing go with their mailing."""
STAYS = ("answers", "comments")
"""What was said is not redrawn: an answer is no event of chance among many."""
BORDERS = [sum(exp(-1) / factorial(i) for i in range(j + 1)) for j in range(7)]
"""P(X ≤ 0), P(X ≤ 1) … of a Poisson variable of mean 1; 8 copies and more have a probability of 1 in 100,000 and count as 7."""
WITH = {"stores_visited": "main_store_share"}
"""Variables that `measure` finds on the way to another."""
PER_HASH = 4
"""Replicates that one hash serves: eight of its hexadecimal digits each."""


@dataclass(frozen=True)
class Redrawn:
    """Customers under redrawn orders.

    customers  ids, sorted
    frames     one a redrawing: the variables, in the order of `customers`, brought back to the scale of the published ones
    counted    redrawings × customers: False where a customer who had orders in the window has none left in the redrawing
    rows       rows of orders, events and mailings redrawn, one redrawing
    names      the variables that redrawing can change
    """

    customers: list[str]
    frames: list[pd.DataFrame]
    counted: np.ndarray
    rows: int
    names: list[str]


def redrawn(step, names: list[str], sample: pd.DataFrame, tables: dict[str, ir.Table]) -> Redrawn:
    """Variables of the published window under redrawn orders, for as many of the customers as ROWS allows.

    names    variables wanted; those that orders, events and mailings do not make keep their value
    sample   one row a customer: customer_id and all the columns that documents are applied to, as published
    tables   checked tables, by name
    Returns  `Redrawn`; without frames where nothing can be redrawn (no such variable, or totals of a period instead of orders)
    """
    project, sample = step.project, sample.sort_values(KEY, ignore_index=True)
    changing = of_orders(project, names)
    if not changing or not len(sample):
        return Redrawn(sample[KEY].tolist(), [], np.ones((0, len(sample)), dtype=bool), 0, [])
    measured = narrowed(project, changing)
    start = step.as_of - timedelta(days=project.scope.window_days)
    drawn = {name: table for name, table in tables.items() if name in DATED and name in _tables_of(measured)}
    drawn = {name: table.filter(table.customer_id.notnull()) for name, table in drawn.items()}
    recent = {name: _recent(name, table, measured, start, step.as_of) for name, table in drawn.items() if name in UNITS}
    kept, redraws, rows = _affordable(recent, sample, project.seed)
    chosen = ibis.memtable(kept[[KEY]])
    whole = {name: table.semi_join(chosen, KEY) for name, table in drawn.items()}
    inside = {name: table.semi_join(chosen, KEY).cache() for name, table in recent.items()}
    kinds = project.variables.event_kinds
    mails = [*kinds.sent, *kinds.opened, *kinds.clicked]
    copies = {name: drawn_again(table, name, redraws=redraws, seed=project.seed, mails=mails) for name, table in inside.items()}
    copies |= {name: _older(whole["events"], start, redraws).union(copies[name]) for name in ("events",) if name in copies}
    copies |= {name: _repeated(table, redraws) for name, table in whole.items() if name in STAYS}
    people = _repeated(_people(whole["orders"], kept, start, step.as_of), redraws)
    found = variables.measure(copies, people, measured, as_of=step.as_of, window_days=project.scope.window_days)
    found = found.select(KEY, *changing).execute().set_index(KEY)
    left = copies["orders"].select(KEY).distinct().execute()[KEY]
    had = set(inside["orders"].select(KEY).distinct().execute()[KEY])
    return _assembled(found, kept, changing, redraws, left=set(left), had=had, rows=rows)


def of_orders(project: Project, names: list[str]) -> list[str]:
    """Of these names, the variables that orders, events or mailings make; totals of a period tell no order apart."""
    if of_totals(project):
        return []
    known = {v.name: v for v in catalogue(project)}
    return [name for name in names if name in known and any(need.split(".")[0] not in STAYS for need in known[name].needs)]


def narrowed(project: Project, names: list[str]) -> Project:
    """The project as if it measured these variables only, with whatever the analyst's own are worked out from."""
    v, wanted = project.variables, {*names, *(WITH[name] for name in names if name in WITH)}
    for name in names:
        if name in v.own:
            wanted |= expressions.names(v.own[name].expression, field=f"{project.file}: field variables.own.{name}.expression")
    out = [each.name for each in catalogue(project) if each.name not in wanted]
    narrow = {
        "not_measured": sorted({*v.not_measured, *(n for n in out if n not in v.own)}),
        "own": {name: own for name, own in v.own.items() if name in wanted},
        "category_groups": {name: group for name, group in v.category_groups.items() if name in wanted},
        "scales": {name: scale for name, scale in v.scales.items() if name in wanted},
    }
    return project.model_copy(update={"variables": v.model_copy(update=narrow)})


def drawn_again(table: ir.Table, name: str, *, redraws: int, seed: int, mails: Sequence[str] = MAILS) -> ir.Table:
    """Each unit of a table (an order, a mailing, an event) repeated as often as each redrawing drew it.

    mails     kinds of events that are a mailing and what is done with it

    Returns   the same columns; customer_id is "id|redrawing", order_id and campaign_id end in "|copy"
    """
    # A hash a unit, not a row, then one join: an order of the example project has nine lines.
    marked = table.mutate(unit_=_unit(table, name, mails))
    each = marked.select(KEY, "unit_").distinct().mutate(place_=ibis.range(-(-redraws // PER_HASH)).unnest())
    text = ibis.literal(f"{seed}|redraw|{name}|") + each.place_.cast("string") + "|" + each.customer_id + "|" + each.unit_
    each = each.mutate(hash_=text.hexdigest("md5"))
    each = each.mutate(part_=ibis.range(PER_HASH).unnest())
    each = each.mutate(redraw_=each.place_ * PER_HASH + each.part_, digits_=each.hash_.substr(each.part_ * 8, 8))
    each = each.filter(each.redraw_ < redraws, each.digits_ >= _digits(BORDERS[0]))
    # Hexadecimal digits of one length are ordered as their numbers are: no engine has to turn them into one.
    times = sum((each.digits_ >= _digits(border)).cast("int64") for border in BORDERS)
    each = each.mutate(copy_=ibis.range(times).unnest()).select(KEY, "unit_", "redraw_", "copy_").cache()
    both = marked.join(each, [KEY, "unit_"])
    ids = {column: both[column] + "|" + both.copy_.cast("string") for column in ("order_id", "campaign_id") if column in table.columns}
    return both.mutate(customer_id=both.customer_id + "|" + both.redraw_.cast("string"), **ids).select(*table.columns)


def rescaled(frames: list[pd.DataFrame], counted: np.ndarray, whole: pd.DataFrame, names: list[str]) -> list[pd.DataFrame]:
    """Redrawn values on the scale of the published ones: each becomes the quantile of the published at its rank among all redrawn.

    A redrawing holds 63 % of the different orders: fewer departments, stores and weeks, and a last order further back. Frozen cut points
    would take that for a change of behaviour. Equal values stay equal (the middle of their ranks counts); a missing value stays missing.
    """
    result = [frame.copy() for frame in frames]
    for name in names:
        pairs = [(frame[name].to_numpy(dtype="float64"), here) for frame, here in zip(frames, counted, strict=True)]
        pooled = np.concatenate([values[here & ~np.isnan(values)] for values, here in pairs])
        own = whole[name].to_numpy(dtype="float64")
        known = np.concatenate([own[here & ~np.isnan(own) & ~np.isnan(values)] for values, here in pairs])
        if not len(pooled) or not len(known):
            continue
        values, first, times = np.unique(np.sort(pooled), return_index=True, return_counts=True)
        at = np.quantile(known, (first + (times - 1) / 2) / max(len(pooled) - 1, 1))
        for frame in result:
            frame[name] = np.interp(frame[name].to_numpy(dtype="float64"), values, at)
    return result


def spread(found: Redrawn, names: list[str]) -> dict[str, float]:
    """The standard deviation that redrawing gives each variable, in its own units: root of the mean variance within a customer."""
    result = {}
    for name in names:
        values = np.stack([frame[name].to_numpy(dtype="float64") for frame in found.frames])
        values = np.where(found.counted, values, np.nan)
        n = (~np.isnan(values)).sum(axis=0)
        enough = n >= 2
        if not enough.any():
            continue
        within = np.nanvar(values[:, enough], axis=0) * n[enough] / (n[enough] - 1)
        if within.mean() > 0:
            result[name] = float(np.sqrt(within.mean()))
    return result


def _assembled(found, kept, names: list[str], redraws: int, *, left: set, had: set, rows: int) -> Redrawn:
    ids, frames = kept[KEY].tolist(), []
    counted = np.array([[c not in had or f"{c}|{r}" in left for c in ids] for r in range(redraws)])
    for r in range(redraws):
        again = found.reindex([f"{c}|{r}" for c in ids])
        frames.append(kept.assign(**{name: again[name].to_numpy(dtype="float64") for name in names}))
    return Redrawn(ids, rescaled(frames, counted, kept, names), counted, rows, names)


def _affordable(recent: dict[str, ir.Table], sample: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, int, int]:
    """As many customers of the sample, and as many redrawings, as ROWS allows; and the rows of these customers."""

    def rows_of(frame: pd.DataFrame) -> int:
        ids = ibis.memtable(frame[[KEY]])
        return sum(int(table.semi_join(ids, KEY).count().execute()) for table in recent.values())

    rows = rows_of(sample)
    each = max(rows / len(sample), 1e-9)
    n = int(max(min(ROWS / (each * MOST), len(sample)), min(ENOUGH, ROWS / (each * LEAST)), FEWEST))
    if n < len(sample):
        drawn = engine.sample(ibis.memtable(sample[[KEY]]), n, seed=seed).execute()[KEY]
        sample = sample[sample[KEY].isin(set(drawn))].reset_index(drop=True)
        rows = rows_of(sample)
    return sample, int(np.clip(ROWS // max(rows, 1), LEAST, MOST)), rows


def _people(orders: ir.Table, kept: pd.DataFrame, start: datetime, as_of: datetime) -> ir.Table:
    """customer_id, first_ordered_at, and last_ever: the last purchase before the window, which no redrawing changes."""
    known = engine.before(orders, "ordered_at", as_of)
    first = known.group_by(KEY).agg(first_ordered_at=known.ordered_at.min())
    bought = bought_orders(orders, as_of=start)
    last = bought.group_by(KEY).agg(last_ever=bought.ordered_at.max())
    return first.left_join(last, KEY).select(KEY, "first_ordered_at", "last_ever")


def _recent(name: str, table: ir.Table, project: Project, start: datetime, as_of: datetime) -> ir.Table:
    """The rows that variables of the window are made of, and only the kinds of event that these variables ask for."""
    since = start - timedelta(days=RESPONSE_DAYS) if name == "contacts" else start
    table = engine.before(table, DATED[name], as_of)
    table = table.filter(table[DATED[name]] >= ibis.literal(since, type="timestamp"))
    if name != "events":
        return table
    asked = [need for v in catalogue(project) for need in v.needs if need.startswith("events")]
    if not all(":" in need for need in asked):
        return table
    kinds = [need.partition(":")[2] for need in asked]
    return table.filter(table.kind.isin(sorted({kind for k in kinds for kind in getattr(project.variables.event_kinds, k, [k])})))


def _older(events: ir.Table, start: datetime, redraws: int) -> ir.Table:
    """The first and last event of each kind before the window, for every redrawing: they say since when a customer is known."""
    before = engine.before(events, "occurred_at", start)
    ends = before.group_by([KEY, "kind"]).agg(first_=before.occurred_at.min(), last_=before.occurred_at.max())
    both = ibis.union(*(ends.select(KEY, "kind", occurred_at=ends[which]) for which in ("first_", "last_")))
    lacking = {c: ibis.null(kind).cast(kind).name(c) for c, kind in events.schema().items() if c not in both.columns}
    return _repeated(both.mutate(**lacking).select(*events.columns), redraws)


def _repeated(table: ir.Table, redraws: int) -> ir.Table:
    """Every row once a redrawing."""
    each = table.mutate(redraw_=ibis.range(redraws).unnest())
    return each.mutate(customer_id=each.customer_id + "|" + each.redraw_.cast("string")).select(*table.columns)


def _tables_of(project: Project) -> set[str]:
    return {"orders"} | {need.split(".")[0] for v in catalogue(project) for need in v.needs}


def _unit(table: ir.Table, name: str, mails: Sequence[str]) -> ir.StringValue:
    """What is drawn together, as text: what tells the units of one customer apart."""
    own = _text(table, UNITS[name])
    if name == "events" and "campaign_id" in table.columns:
        # A mail and what was opened and clicked of it go together; a coupon handed in is an act of its own day, whatever campaign it is of.
        mailed = table.campaign_id.notnull() & table.kind.isin(mails)
        day = ibis.literal("|") + table.occurred_at.date().cast("string")
        return ibis.cases((mailed, _text(table, ["campaign_id"])), (table.campaign_id.notnull(), day), else_=own)
    return own


def _text(table: ir.Table, columns: Iterable[str]) -> ir.StringValue:
    text = ibis.literal("")
    for column in [table[c] for c in columns if c in table.columns]:
        # A decimal without decimals: as text, seconds are 1490000000.0 on one engine and 1490000000 on another.
        plain = column.epoch_seconds().cast("decimal(18, 0)") if column.type().is_timestamp() else column
        text = text + "|" + plain.cast("string").fill_null("")
    return text


def _digits(share: float) -> str:
    """A share of all hashes as the eight hexadecimal digits from which they are above it."""
    return f"{int(share * 16**8):08x}"
