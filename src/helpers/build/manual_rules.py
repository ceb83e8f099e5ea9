"""Rules learnt from what people decided, and tried on customers and decisions that came after."""

from collections.abc import Mapping
from datetime import datetime

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import engine
from helpers.build.document import border, holds
from helpers.build.inputs import KEY, Column
from helpers.build.manual import Overrides, share_of
from helpers.build.rules_read import expression_of
from helpers.project import Project

CUTS = np.linspace(0.1, 0.9, 9)
"""Quantiles of the customers decided for, and of everyone else, at which a variable may be cut."""
LEVELS = 20
"""Levels of an attribute that are tried, the commonest first."""
MORE = 0.05
"""What a second condition must add to Youden's J, else one condition is the rule."""


def suggested(
    found: Overrides, customers: ir.Table, columns: Mapping[str, Column], labels: ir.Table, project: Project, *, before: datetime
) -> list[dict]:
    """For each segment that people decided for: a rule of at most two conditions, and whether it foresees their later decisions.

    The rule is the path of a tree of depth 2 that parts the customers decided for before the instant from everyone else: conditions are
    chosen one after the other by the largest share of the former kept less the share of the latter kept (Youden 1950). It is tried on
    customers decided for after it and never before: the share of them for whom it holds.

    customers  as they were at `before` (inputs.customers of the window confirm); columns: those that a rule may use
    labels     published segments (customer_id, segment), for the share of each
    Returns    segment, learned (customers decided for before), condition, when (as typed in build.rules), n, hits, share, low, high (95 %),
               chance, everyone (share of all others for whom it holds), verdict: "suggested", "no better than chance" or "cannot tell".
               chance is the largest of: everyone; the segment's share of all customers; the rule's share of those later decided for
               another segment (where there are min_cell of them)
    """
    said = found.decisions()
    early = said[said["decided_on"] < before].drop_duplicates(KEY, keep="last")
    late = said[(said["decided_on"] >= before) & ~said[KEY].isin(said.loc[said["decided_on"] < before, KEY])].drop_duplicates(
        KEY, keep="last"
    )
    people, others = _people(customers, columns, set(said[KEY]), project)
    allowed = [c for name, c in columns.items() if name in people and name != project.build.present]
    sizes = labels.group_by("segment").agg(n=labels.count()).execute().set_index("segment")["n"]
    result = []
    for segment in sorted(set(said["segment"])):
        mine = people[people.index.isin(early.loc[early["segment"] == segment, KEY])]
        one = {"segment": segment, "learned": len(mine), "condition": None, "when": None, "everyone": None, "chance": None}
        one |= share_of(0, 0, "hits") | {"verdict": "cannot tell"}
        if len(mine) >= project.min_cell and len(others) >= project.min_cell:
            parts = learned(mine, others, allowed)
            size = float(sizes.get(segment, 0) / max(sizes.sum(), 1))
            one |= tried(parts, people, others, late, segment, size=size, least=project.min_cell) if parts else {}
        result.append(one)
    return result


def learned(mine: pd.DataFrame, others: pd.DataFrame, columns: list[Column]) -> list[dict]:
    """At most two conditions that hold for many of the first and few of the others, the best first; none where nothing parts them."""
    kept: list[dict] = []
    best, inside = 0.0, (np.ones(len(mine), dtype=bool), np.ones(len(others), dtype=bool))
    for _ in range(2):
        tried_ = []
        for condition in _candidates(mine[inside[0]], others[inside[1]], columns):
            both = inside[0] & holds(condition, mine), inside[1] & holds(condition, others)
            tried_.append((both[0].mean() - both[1].mean(), condition, both))
        if not tried_:
            break
        top = max(tried_, key=lambda each: round(each[0], 9))  # of equals the first: columns and cuts have an order
        if top[0] < best + MORE:
            break
        best, inside = top[0], top[2]
        kept.append(top[1])
    return kept


def tried(
    parts: list[dict], people: pd.DataFrame, others: pd.DataFrame, late: pd.DataFrame, segment: str, *, size: float, least: int
) -> dict:
    """How the rule does on later decisions; the figures of `suggested`."""
    whole = parts[0] if len(parts) == 1 else {"all": parts}
    after = late.merge(people, left_on=KEY, right_index=True)
    fits = np.logical_and.reduce([holds(part, after) for part in parts]) if len(after) else np.zeros(0, dtype=bool)
    meant = (after["segment"] == segment).to_numpy()
    everyone = float(np.logical_and.reduce([holds(part, others) for part in parts]).mean())
    elsewhere = [float(fits[~meant].mean())] if (~meant).sum() >= least else []
    chance, figures = max(everyone, size, *elsewhere), share_of(int(fits[meant].sum()), int(meant.sum()), "hits")
    verdict = "cannot tell" if figures["n"] < least else "suggested" if figures["low"] > chance else "no better than chance"
    when = " and ".join(expression_of(part) for part in parts)
    return {"condition": whole, "when": when, "everyone": everyone, "chance": chance, "verdict": verdict} | figures


def _candidates(mine: pd.DataFrame, others: pd.DataFrame, columns: list[Column]) -> list[dict]:
    """Every condition that may be tried."""
    result: list[dict] = []
    for column in columns:
        both = [frame[column.name].dropna() for frame in (mine, others)]
        if column.kind == "category":
            common = pd.concat(both).value_counts().reset_index().set_axis(["level", "n"], axis=1)
            common = common.sort_values(["n", "level"], ascending=[False, True]).head(LEVELS)
            result += [{"variable": column.name, "in": [level]} for level in common["level"]]
            continue
        cuts = [np.quantile(values.to_numpy(dtype="float64"), CUTS) for values in both if len(values)]
        readable = sorted({border(float(f"{cut:.2g}")) for cut in np.concatenate(cuts)}) if cuts else []
        result += [{"variable": column.name, end: cut} for cut in readable for end in ("at_least", "below")]
    return result


def _people(customers: ir.Table, columns: Mapping[str, Column], ids: set[str], project: Project) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Those decided for at any time, and a sample of everyone else, by customer."""
    table = customers.select(KEY, *(name for name in columns if name in customers.columns))
    wanted = sorted(ids) or [""]
    own = table.filter(table[KEY].isin(wanted)).order_by(KEY).execute()
    rest = engine.sample(table.filter(table[KEY].notin(wanted)), project.pairwise_rows, seed=project.seed).execute()
    return own.set_index(KEY), rest.set_index(KEY)
