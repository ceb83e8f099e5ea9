"""reach.json: how many are left after each filter from segment to list, and nothing about fewer than min_cell customers."""

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.masking import covered_sizes, covered_table
from helpers.project import Project
from helpers.target.arms import ARMS
from helpers.target.guards import STOPS, Facts, closed, progress, several, untold

ASKED = {"no consent": "open_to", "cap": "capped", "suppressed": "suppressed"}
"""Guards that ask nobody where the data, or project.yml, hold nothing for them: the field of Facts that is then None."""


def reach(members: ir.Table, judged: ir.Table, lists: ir.Table, plan: dict, project: Project, known: Facts) -> dict:
    """What the filters leave, over the segments of which the plan tells how many are contacted, control and not on the list.

    members  customer_id, segment;  judged: result of `guards.judge`;  lists: result of `arms.draw`;  plan: result of `plan.plan`
    Returns  segments (ids counted), left_out (ids that are not), customers (their members), stages [{stage, stopped, left}] in the order
             of STOPS, listed, contacted, control (of both kinds), stops {segment → {stage: n}}, several (had more than one message and get
             one), asked {stage: whether the data tell}, untold (kinds of address), closed (channels that nobody
             agreed to), newsletters (per member in the days of the cap), suppression {lines, found, unknown, unreadable}; null
             for what is not told
    """
    told = [s["id"] for s in plan["segments"] if all(s[key] is not None for key in ("contacted", "control", "unlisted"))]
    ends = progress(members, judged, lists)
    table = _ends(ends, told)
    stages, customers = _stages(table, project.min_cell), int(table.to_numpy().sum())
    hidden = [stage["stopped"] is None for stage in stages]
    both = several(judged)
    return {
        "segments": told,
        "left_out": [s["id"] for s in plan["segments"] if s["id"] not in told],
        "customers": customers,
        "stages": stages,
        "listed": int(table[list(ARMS)].to_numpy().sum()),
        "contacted": int(table[ARMS[0]].sum()),
        "control": int(table[list(ARMS[1:])].to_numpy().sum()),
        "stops": _stops(table[list(STOPS)], hidden, project.min_cell),
        "several": None if 0 < both < project.min_cell else both,
        "asked": {stage: getattr(known, field) is not None for stage, field in ASKED.items()},
        "untold": untold(project, known),
        "closed": closed(project, known),
        "newsletters": known.newsletters,
        "suppression": _suppression(known, project.min_cell),
    }


def _ends(ends: pd.DataFrame, told: list[str]) -> pd.DataFrame:
    """Segments × ends, 0 where nobody is."""
    wide = ends.pivot_table(index="segment", columns="end", values="n", aggfunc="sum", fill_value=0)
    return wide.reindex(index=told, columns=[*STOPS, *ARMS], fill_value=0).astype("int64")


def _stages(table: pd.DataFrame, least: int) -> list[dict]:
    """Each filter with those it stopped and those left; readers know how many are stopped by all together."""
    stopped = [int(table[stop].sum()) for stop in STOPS]
    shut = covered_sizes(stopped, least=least)
    left = int(table.to_numpy().sum()) - np.cumsum(stopped)
    result = []
    for place, stop in enumerate(STOPS):
        before = shut[: place + 1]
        known = not any(before) or sum(before) == sum(shut)  # a part of those hidden would tell one of them
        result.append({"stage": stop, "stopped": None if shut[place] else stopped[place], "left": int(left[place]) if known else None})
    return result


def _stops(table: pd.DataFrame, hidden: list[bool], least: int) -> dict[str, dict[str, int | None]]:
    """Segment → stage → how many are stopped there; a stage that is hidden for all is hidden for each."""
    numbers = table.to_numpy()
    shut = ((numbers > 0) & (numbers < least)) | (np.array(hidden)[None, :] & (numbers > 0))
    shut = covered_table(numbers, least=least, shut=shut) if numbers.size else shut
    return {
        segment: {stage: None if shut[row, column] else int(numbers[row, column]) for column, stage in enumerate(table.columns)}
        for row, segment in enumerate(table.index)
    }


def _suppression(known: Facts, least: int) -> dict[str, int | None] | None:
    if known.suppressed is None:
        return None
    counts = {key: getattr(known.suppressed, key) for key in ("found", "unknown", "unreadable")}
    hidden = covered_sizes(list(counts.values()), least=least)
    told = {key: None if shut else n for (key, n), shut in zip(counts.items(), hidden, strict=True)}
    return {"lines": None if 0 < known.suppressed.lines < least else known.suppressed.lines} | told
