"""The noise floor: how many labels differ between two halves of a customer's own orders, within one period and between two."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import engine, variables
from helpers.build import customers, labels
from helpers.build.describe import mean_with_interval
from helpers.engine import Window
from helpers.project import CONTRACT, Project
from helpers.reevaluate.movement import Movement
from helpers.variables.formulas import DATED

LEAST = 30
"""Customers without whom no noise floor is told."""
HALVES = ("|0", "|1")
IDENTIFIES = {name: CONTRACT[name]["key"] for name in DATED} | {"orders": ["customer_id", "order_id"]}


def halved(tables: dict[str, ir.Table], *, seed: int) -> dict[str, ir.Table]:
    """The same rows, each given to one of two halves of its customer: customer_id becomes "id|0" or "id|1".

    A hash of the order's id (of what identifies a mailing or an event) and the seed decides, so all lines of an order stay together.
    """
    return {name: table.mutate(customer_id=table.customer_id + _half(table, name, seed)) for name, table in tables.items() if name in DATED}


def measured(tables: dict[str, ir.Table], whole: dict[str, ir.Table], project: Project, *, as_of: datetime, names: list[str]) -> list:
    """The variables of the window that ends at as_of, measured on either half: two frames, ordered by customer.

    tables    `halved` tables;  whole: the same not halved, of the customers to measure (exposure is theirs, not the half's)
    Returns   frames indexed by customer_id, one a half
    """
    known = {name: engine.before(table, DATED[name], as_of) for name, table in tables.items()}
    bought = engine.before(whole["orders"], DATED["orders"], as_of)
    people = bought.group_by("customer_id").agg(first_ordered_at=bought.ordered_at.min())
    people = ibis.union(*(people.mutate(customer_id=people.customer_id + half) for half in HALVES))
    found = variables.measure(known, people, project, as_of=as_of, window_days=project.scope.window_days)
    frame = found.select("customer_id", *names).order_by("customer_id").execute()
    parts = [frame[frame["customer_id"].str.endswith(half)] for half in HALVES]
    return [part.assign(customer_id=part["customer_id"].str[:-2]).set_index("customer_id").sort_index() for part in parts]


def rescaled(halves: list[pd.DataFrame], whole: pd.DataFrame) -> list[pd.DataFrame]:
    """Halves brought back to the scale of whole windows: each value becomes the quantile of the whole at its rank among both halves.

    Half the orders are half the count, and rarely any coupon: frozen cut points would take that for a change of behaviour. Equal
    values stay equal (the middle of their ranks counts); a missing value stays missing.
    """
    result = [half.copy() for half in halves]
    for name in whole.columns:
        pooled = np.sort(np.concatenate([half[name].dropna().to_numpy(dtype="float64") for half in halves]))
        known = whole[name].dropna().to_numpy(dtype="float64")
        if not len(pooled) or not len(known):
            continue
        values, first, counts = np.unique(pooled, return_index=True, return_counts=True)
        at = np.quantile(known, (first + (counts - 1) / 2) / max(len(pooled) - 1, 1))
        for half in result:
            half[name] = np.interp(half[name].to_numpy(dtype="float64"), values, at)
    return result


def floor(then: list[np.ndarray], now: list[np.ndarray], *, draws: int, seed: int) -> dict:
    """Labels of both halves in both periods, the same customers in the same order.

    Returns   within (share whose label differs between the two halves of one period, mean of both periods), between (between a half
              of the earlier and a half of the later period, mean of the four pairs), behaviour (between − within), its 95 % interval
              (bootstrap over customers), n; all None for too few customers
    """
    if len(then[0]) < LEAST:
        return {"within": None, "between": None, "behaviour": None, "low": None, "high": None, "n": len(then[0])}
    within = np.mean([then[0] != then[1], now[0] != now[1]], axis=0)
    between = np.mean([one != other for one in then for other in now], axis=0)
    found = mean_with_interval(between - within, draws=draws, seed=seed)
    values = {"within": float(within.mean()), "between": float(between.mean()), "behaviour": found["value"]}
    return values | {"low": found["low"], "high": found["high"], "n": len(within)}


def noise_floor(step, moved: Movement, tables: dict[str, ir.Table], windows: dict[str, Window]) -> dict:
    """The noise floor of the frozen document between the two dates of the movement, on at most `sample_rows` of those present at both.

    tables    checked tables, by name;  windows: those of the movement, with the earlier date as *confirm*
    Variables that no order makes are the same in both halves; a document of these alone has no noise floor.
    """
    names = [v["name"] for v in moved.document["variables"]] if moved.document else []
    drawn_anew = [name for name in names if name not in moved.still]
    if not drawn_anew:
        return floor([np.empty(0)] * 2, [np.empty(0)] * 2, draws=0, seed=0)
    project, travelled = step.project, moved.travelled
    both = travelled.filter(travelled.before.notnull(), travelled.now.notnull()).select("customer_id")
    sides = {"confirm": _earlier(step, moved), "published": customers(step)}
    drawn = engine.sample(both.semi_join(sides["confirm"], "customer_id"), project.sample_rows, seed=project.seed).cache()
    whole = {name: table.semi_join(drawn, "customer_id") for name, table in tables.items() if name in DATED}
    parts, found = halved(whole, seed=project.seed), []
    for window, side in sides.items():
        frame = side.semi_join(drawn, "customer_id").select("customer_id", *names).execute().set_index("customer_id")
        halves = measured(parts, whole, project, as_of=windows[window].built_at, names=drawn_anew)
        brought = rescaled(halves, frame[drawn_anew])
        found.append([labels(moved.document, half.join(frame[list(moved.still)])) for half in brought])
    return floor(*found, draws=project.build.draws, seed=project.seed)


def _earlier(step, moved: Movement) -> ir.Table:
    """The customers of the earlier date: of the run in force as it saw them (whose id is another today, is left out), or of *confirm*."""
    return step.approved.past.table(step.engine.con, "build", "inputs") if moved.since else customers(step, "confirm")


def _half(table: ir.Table, name: str, seed: int) -> ir.StringValue:
    text = ibis.literal(f"{seed}|half")
    for column in [table[c] for c in IDENTIFIES[name] if c in table.columns]:
        # A decimal without decimals: as text, seconds are 1490000000.0 on one engine and 1490000000 on another.
        plain = column.epoch_seconds().cast("decimal(18, 0)") if column.type().is_timestamp() else column
        text = text + "|" + plain.cast("string").fill_null("")
    low = text.hexdigest("md5").substr(0, 1).isin([*"01234567"])
    return low.ifelse(*HALVES)
