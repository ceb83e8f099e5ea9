"""Has everybody changed: the distribution of each variable that built the segments, at both dates."""

import numpy as np
import pandas as pd

from helpers.build import customers
from helpers.project import Project
from helpers.rates import newcombe
from helpers.run import Past

BINS = 10
LEAST = 200
"""Customers at either date without whom no index is computed."""
KS_MARK = 0.1
"""Kolmogorov–Smirnov distance from which a variable is looked at; its p says only how many customers there are."""


def stability_index(before: np.ndarray, now: np.ndarray) -> float:
    """Population stability index, less its expectation under no change, (bins − 1)(1/n + 1/m): it can be below 0.

    before, now   one value a customer, NaN where missing
    Bins are cut at the deciles of `before`, equal ones merged, a value on a border below it; missing values are a bin of their own;
    bins empty at both dates are left out, and one empty at one date counts half a customer.
    """
    known = before[~np.isnan(before)]
    borders = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
    return _index(_counts(before, borders), _counts(now, borders))


def level_index(before: pd.Series, now: pd.Series) -> float:
    """The same of a category: every level is a bin, and so are missing values."""
    levels = pd.Index(before.dropna().astype(str)).union(pd.Index(now.dropna().astype(str)), sort=None).unique()
    counts = [np.bincount(levels.get_indexer(side.dropna().astype(str)), minlength=len(levels)) for side in (before, now)]
    there, here = (np.append(n, side.isna().sum()).astype("float64") for n, side in zip(counts, (before, now), strict=True))
    return _index(there, here)


def _index(there: np.ndarray, here: np.ndarray) -> float:
    """From customers in each bin at both dates."""
    before, now, used = there.sum(), here.sum(), (there + here) > 0
    there, here = np.maximum(there[used], 0.5), np.maximum(here[used], 0.5)
    p, q = there / there.sum(), here / here.sum()
    return float(((q - p) * np.log(q / p)).sum() - (used.sum() - 1) * (1 / before + 1 / now))


def distance(before: np.ndarray, now: np.ndarray) -> float | None:
    """Kolmogorov–Smirnov distance: the largest difference of the two cumulative distributions, missing values left out."""
    a, b = (np.sort(x[~np.isnan(x)]) for x in (before, now))
    if not len(a) or not len(b):
        return None
    at = np.concatenate([a, b])
    return float(np.abs(np.searchsorted(a, at, side="right") / len(a) - np.searchsorted(b, at, side="right") / len(b)).max())


def changes(before: pd.DataFrame, now: pd.DataFrame, names: list[str], project: Project) -> list[dict]:
    """Each variable's psi, ks and mark, the most changed first; nothing is computed under 200 customers at either date.

    before, now   one row a customer in scope at that date (a sample)
    Returns       variable, psi, ks (None of a category), mark: "changed" (psi above drift_changed), "look" (psi from drift_look, or ks
                  from .1), "steady", or None
    """
    if min(len(before), len(now)) < LEAST:
        return [{"variable": name, "psi": None, "ks": None, "mark": None} for name in names]
    rows = []
    for name in names:
        if any(pd.api.types.is_string_dtype(frame[name]) for frame in (before, now)):
            psi, ks = level_index(before[name], now[name]), None
        else:
            one, other = (frame[name].to_numpy(dtype="float64") for frame in (before, now))
            psi, ks = stability_index(one, other), distance(one, other)
        rows.append({"variable": name, "psi": psi, "ks": ks, "mark": _mark(psi, ks, project)})
    return sorted(rows, key=lambda r: (-r["psi"], r["variable"]))


def drifted(step, document: dict | None, before: Past | None = None) -> list[dict]:
    """`changes` of the variables that a document uses, between the customers of an earlier run and today's; none without a document.

    before   the run in which the document was approved; None, or one that has not all of its variables: the window *confirm*
    """
    if document is None:
        return []
    then, now, _ = sides(step, document, before)
    return changes(then, now, [v["name"] for v in document["variables"]], step.project)


def sides(step, document: dict, before: Past | None) -> tuple[pd.DataFrame, pd.DataFrame, str | None]:
    """Samples of the customers at both dates: customer_id and the document's variables; and the run that the earlier ones come from.

    The earlier ones are as that run saw them (its `inputs`): what was corrected since is none of them. None: the window *confirm*.
    """
    names = [v["name"] for v in document["variables"]]
    now = step.sample(customers(step).select("customer_id", *names))
    if before is not None and before.gives("build", "inputs"):
        inputs = before.table(step.engine.con, "build", "inputs")
        if set(names) <= set(inputs.columns):
            return step.sample(inputs.select("customer_id", *names)), now, before.name
    return step.sample(customers(step, "confirm").select("customer_id", *names)), now, None


def missing_shares(before: pd.DataFrame, now: pd.DataFrame, names: list[str], project: Project) -> list[dict]:
    """Each variable's share of customers for whom it is not known, at both dates, in the order of `names`.

    Returns   variable, then and now {n, of, share}, value (the rise), low, high (95 %, Newcombe; the two dates taken as independent), mark:
              "more" (all of it above reevaluate.missing_more), "look" (the rise is beyond chance and may be as large), "steady", or None
              without customers at either date
    """
    limit, rows = project.reevaluate.missing_more, []
    for name in names:
        there, here = (_missing(frame[name]) for frame in (before, now))
        row = {"variable": name, "then": there, "now": here, "value": None, "low": None, "high": None, "mark": None}
        if there["of"] and here["of"]:
            low, high = newcombe(here["n"], here["of"], there["n"], there["of"])
            mark = "more" if low > limit else "look" if low > 0 and high > limit else "steady"
            row |= {"value": here["share"] - there["share"], "low": low, "high": high, "mark": mark}
        rows.append(row)
    return rows


def _missing(column: pd.Series) -> dict:
    n = int(column.isna().sum())
    return {"n": n, "of": len(column), "share": n / len(column) if len(column) else None}


def _mark(psi: float, ks: float | None, project: Project) -> str:
    if psi > project.reevaluate.drift_changed:
        return "changed"
    return "look" if psi >= project.reevaluate.drift_look or (ks or 0.0) >= KS_MARK else "steady"


def _counts(values: np.ndarray, borders: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    found = np.bincount(np.searchsorted(borders, values[~missing], side="left"), minlength=len(borders) + 1)
    return np.append(found, missing.sum()).astype("float64")
