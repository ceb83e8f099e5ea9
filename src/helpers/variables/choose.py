"""From measured variables to the proposed list: transforms, redundancy and contribution."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import words
from helpers.engine import Window, totals_by_order
from helpers.objectives import measure as measure_objective
from helpers.project import Project
from helpers.variables.catalogue import Variable, catalogue
from helpers.words import mark, say

ROLES = {
    "proposed": mark("proposed for building"),
    "redundant": mark("redundant"),
    "missing": mark("too often missing"),
    "lumpy": mark("one value dominates"),
    "constant": mark("constant"),
    "useless": mark("no contribution"),
    "left_out": mark("left out by decision"),
}
FOLDS = 5
LEAST = 10 * FOLDS
"""Customers without whom no contribution is worked out."""
REFUNDERS = 0.05
"""Up to this share of customers may have more refunds than purchases and be held at 0; beyond it their sign is a behaviour."""
OWN_MEASURE = {"revenue_per_customer": "spend_per_30d", "orders_per_customer": "orders_per_30d"}
"""The variable that measures what a main objective asks for."""
MARGIN = 0.0005
"""A share of variance below this prints as 0.0 % or 0.1 %: counted as none."""


def skewness(values: np.ndarray) -> float:
    """Fisher's moment coefficient g1; 0 for a constant."""
    spread = values.std()
    return float(((values - values.mean()) ** 3).mean() / spread**3) if spread > 0 else 0.0


def learn(sample: pd.DataFrame, variables: list[Variable], project: Project) -> list[dict]:
    """The transform of each variable, learnt once and frozen: bounds, logarithm, scale, and the value that stands for a missing one.

    sample    variables as columns, in their units
    Returns   one entry a variable, in the shape of segmentation.json: name, kind, missing (median), steps [clip | log1p | sqrt | scale];
              and beside it skew_before, skew_after, missing_share, commonest_share, unique
    """
    v, result = project.variables, []
    for variable in variables:
        column = sample[variable.name].to_numpy(dtype="float64")
        known = column[~np.isnan(column)]
        lacking = 1 - len(known) / max(len(column), 1)
        entry = {"name": variable.name, "kind": "number", "missing": None, "steps": [], "missing_share": lacking}
        if not len(known):
            result.append(entry | {"skew_before": 0.0, "skew_after": 0.0, "commonest_share": 1.0, "unique": 0})
            continue
        low, high = (float(x) for x in np.quantile(known, [v.clip_low, v.clip_high]))
        if variable.kind == "amount" and low < 0 and (known < 0).mean() <= REFUNDERS:
            low = 0.0
        counts = np.unique(known, return_counts=True)[1]
        clipped = np.clip(known, low, high)
        steps, after = [{"clip": [low, high]}], clipped
        logged = np.log1p(clipped) if clipped.min() >= 0 else clipped
        if variable.kind == "amount" and skewness(clipped) > v.log_from_skew and abs(skewness(logged)) < abs(skewness(clipped)):
            steps.append({"log1p": True})
            after = logged
        rooted = np.sqrt(clipped) if clipped.min() >= 0 else clipped
        if variable.kind == "share" and skewness(clipped) > v.log_from_skew and abs(skewness(rooted)) < abs(skewness(clipped)):
            # Shares of a whole: square roots keep rare ones from drowning (Hellinger's distance; Legendre & Gallagher 2001).
            steps.append({"sqrt": True})
            after = rooted
        missing = float(np.median(known))
        filled = stepped(np.where(np.isnan(column), missing, column), steps)
        steps.append({"scale": [float(filled.mean()), float(filled.std()) or 1.0]})
        result.append(
            entry
            | {
                "missing": missing,
                "steps": steps,
                "skew_before": skewness(known),
                "skew_after": skewness(after),
                "commonest_share": float(counts.max() / len(known)),
                "unique": int(len(counts)),
            }
        )
    return result


def apply(sample: pd.DataFrame, learnt: list[dict]) -> np.ndarray:
    """The sample in transformed units (customers × variables of `learnt`), missing values filled."""
    columns = []
    for entry in learnt:
        column = sample[entry["name"]].to_numpy(dtype="float64")
        columns.append(stepped(np.where(np.isnan(column), entry["missing"] or 0.0, column), entry["steps"]))
    return np.column_stack(columns) if columns else np.empty((len(sample), 0))


def stepped(values: np.ndarray, steps: list[dict]) -> np.ndarray:
    """Values after the steps of a variable: clip, log1p, sqrt, scale."""
    for step in steps:
        ((name, how),) = step.items()
        if name == "clip":
            values = np.clip(values, *how)
        elif name == "log1p":
            values = np.log1p(values)
        elif name == "sqrt":
            values = np.sqrt(values)
        else:
            values = (values - how[0]) / how[1]
    return values


def rank_correlations(matrix: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Spearman's rank correlations, ties given their mean rank."""
    ranks = pd.DataFrame(matrix, columns=names).rank(method="average").to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.nan_to_num(np.corrcoef(ranks, rowvar=False)) if len(ranks) > 1 else np.zeros((len(names), len(names)))
    return pd.DataFrame(np.atleast_2d(found), index=names, columns=names)


def redundancy_groups(correlations: pd.DataFrame, threshold: float) -> dict[str, int]:
    """Groups in which every pair has |rho| of at least `threshold` (complete linkage); name → group number."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    names = list(correlations.columns)
    if len(names) < 2:
        return dict.fromkeys(names, 1)
    apart = 1 - correlations.abs().to_numpy()
    apart = np.clip((apart + apart.T) / 2, 0, None)
    np.fill_diagonal(apart, 0)
    found = fcluster(linkage(squareform(apart, checks=False), "complete"), 1 - threshold + 1e-12, "distance")
    return {name: int(group) for name, group in zip(names, found, strict=True)}


class Folds:
    """Sums of squares and products of x and y in each fold: every linear fit on any of the columns follows from them."""

    def __init__(self, x: np.ndarray, y: np.ndarray, fold: np.ndarray):
        self.parts, self.flat = [], bool(np.ptp(y) == 0)
        y = y - y.mean()  # the fits have a constant, so nothing changes but the digits that large sums would lose
        for f in np.unique(fold):
            design = np.column_stack([np.ones((fold == f).sum()), x[fold == f]])
            self.parts.append((design.T @ design, design.T @ y[fold == f], float(y[fold == f] @ y[fold == f])))
        self.whole = [sum(part[i] for part in self.parts) for i in range(3)]
        self.around_mean = self._left([])

    def r2(self, columns: list[int]) -> float:
        """Share of the variance of y that a fit on the other folds explains in each fold; negative when worse than their mean."""
        return 0.0 if self.flat else 1 - self._left(columns) / self.around_mean

    def _left(self, columns: list[int]) -> float:
        use = np.array([0, *(c + 1 for c in columns)])
        left = 0.0
        for xx, xy, yy in self.parts:
            weights = np.linalg.lstsq((self.whole[0] - xx)[np.ix_(use, use)], (self.whole[1] - xy)[use], rcond=1e-10)[0]
            left += yy - 2 * weights @ xy[use] + weights @ xx[np.ix_(use, use)] @ weights
        return float(left)


def contribution(
    x: np.ndarray, names: list[str], groups: dict[str, int], outcomes: dict[str, np.ndarray], customers: pd.Series
) -> pd.DataFrame:
    """What each variable tells of later outcomes, alone and when it leaves with its redundancy group.

    x          customers × variables, transformed, at the start of the judging period
    outcomes   "objective" and each behaviour of the panel: one value a customer, missing where there is none
    customers  ids; a customer's fold follows from the id, whatever the order of rows
    Returns    name, objective_alone, objective_lost, panel_alone, panel_lost (shares of variance, out of fold; the panel's is
               the mean over its behaviours; missing where no outcome is known for enough customers)
    """
    fold = np.array([fold_of(c) for c in customers])
    everything = list(range(len(names)))
    without = {g: [j for j in everything if groups[names[j]] != g] for g in set(groups.values())}
    found = {part: [] for part in ("objective", "panel")}
    for outcome, y in outcomes.items():
        there = ~np.isnan(y)
        if there.sum() < LEAST:
            continue
        folds = Folds(x[there], y[there], fold[there])
        full, left = folds.r2(everything), {g: folds.r2(columns) for g, columns in without.items()}
        pairs = [(folds.r2([j]), full - left[groups[names[j]]]) for j in everything]
        found["objective" if outcome == "objective" else "panel"].append(pairs)
    means = {part: np.mean(pairs, axis=0) if pairs else np.full((len(names), 2), np.nan) for part, pairs in found.items()}
    columns = {f"{part}_{what}": means[part][:, i] for part in means for i, what in enumerate(("alone", "lost"))}
    return pd.DataFrame({"name": names, **columns})


def fold_of(customer: str) -> int:
    """The fold of a customer, by the id alone: the same in every comparison."""
    import zlib

    return zlib.crc32(str(customer).encode()) % FOLDS


def worth(
    window: Window, built: ir.Table, later: ir.Table, orders: ir.Table, groups: dict[str, int], step
) -> tuple[pd.DataFrame | None, int]:
    """The contribution of each variable in one window, on a bounded sample; None with too little history or too few customers.

    built, later   results of `in_window`;  orders: lines or orders (customer_id, order_id, ordered_at, amount)
    groups         redundancy group of each variable;  step: the step in progress
    Returns        result of `contribution`, and the number of customers judged
    """
    if not window.enough:
        return None, 0
    project, variables = step.project, catalogue(step.project)
    sample = step.sample(built)
    if len(sample) < LEAST:
        return None, 0
    after = step.sample(later).set_index("customer_id").reindex(sample["customer_id"]).reset_index()
    outcomes = outcomes_of(window, totals_by_order(orders), after, sample["customer_id"], project)
    names = [v.name for v in variables]
    return contribution(apply(sample, learn(sample, variables, project)), names, groups, outcomes, sample["customer_id"]), len(sample)


def as_document(learnt: list[dict], screened: pd.DataFrame) -> dict:
    """The transforms in the shape that segmentation.json has, the proposed variables first, in the catalogue's order."""
    roles = screened.set_index("name")["role"].to_dict()
    kept = [{k: entry[k] for k in ("name", "kind", "missing", "steps")} | {"role": roles[entry["name"]]} for entry in learnt]
    return {"variables": sorted(kept, key=lambda entry: entry["role"] != "proposed")}


def outcomes_of(window: Window, orders: ir.Table, later: pd.DataFrame, customers: pd.Series, project: Project) -> dict[str, np.ndarray]:
    """What the customers did in a window's judging period: the main objective, and the panel of the scope.

    orders     one row an order
    later      the variables measured again over the judging period, one row a customer of `customers`, in the same order
    """
    metric = project.objectives.main.metric
    metric = metric if metric in ("revenue_per_customer", "orders_per_customer") else "revenue_per_customer"
    judged = measure_objective(metric, orders, None, start=window.built_at, end=window.judged_until)
    found = judged.semi_join(ibis.memtable({"customer_id": list(customers)}), "customer_id").execute()
    value = found.set_index("customer_id")["y"].reindex(customers).fillna(0.0)
    panel = [name for name in project.scope.panel if name in later.columns]
    return {"objective": value.to_numpy(), **{name: later[name].to_numpy(dtype="float64") for name in panel}}


def screen(learnt: list[dict], groups: dict[str, int], worth: pd.DataFrame | None, project: Project) -> pd.DataFrame:
    """The role that each variable is proposed for, and why; people decide in step 5.

    learnt    result of `learn`;  groups: result of `redundancy_groups`;  worth: result of `contribution`, or None
    Returns   name, role (key of ROLES), why, group, kept (the variable that stands for its group)
    """
    v, limit = project.variables, project.scope.criteria.measurable_missing
    gain = {} if worth is None else worth.set_index("name")[["objective_alone", "panel_alone"]].sum(axis=1).to_dict()
    fit = {}
    for entry in learnt:
        name = entry["name"]
        if name in v.leave_out:
            fit[name] = ("left_out", words.text(v.leave_out[name]))
        elif entry["missing_share"] > limit:
            fit[name] = (
                "missing",
                say(
                    "missing for {share} of customers, {limit} allowed",
                    share=words.share(entry["missing_share"]),
                    limit=words.share(limit, 0),
                ),
            )
        elif entry["unique"] < 2:
            fit[name] = ("constant", say("everybody has the same value"))
        elif entry["commonest_share"] > v.lumpy_from:
            fit[name] = ("lumpy", say("{share} of customers share one value", share=words.share(entry["commonest_share"])))
        elif worth is not None and _useless(worth[worth["name"] == name].iloc[0]):
            fit[name] = ("useless", say("tells nothing of the later objective and panel, alone or with others"))
    rows, titles = [], {variable.name: variable.title() for variable in catalogue(project)}
    for entry in learnt:
        name = entry["name"]
        members = [e["name"] for e in learnt if groups[e["name"]] == groups[name] and e["name"] not in fit]
        # Without evidence the objective's own measure stays, then the least missing; the first in the catalogue wins a tie.
        own, holes = OWN_MEASURE.get(project.objectives.main.metric), {e["name"]: e["missing_share"] for e in learnt}
        worths = {m: (m in v.keep, gain.get(m, 0.0), m == own, -holes[m]) for m in members}
        kept = max(members, key=worths.get) if members else name
        if name in fit:
            role, why = fit[name]
        elif name == kept or name in v.keep:
            role, why = "proposed", ""
            others = [titles[m] for m in members if m != name and m not in v.keep]
            if others:
                why = say("stands for {others}", others=words.join(others))
                why += (
                    say(": {reason}", reason=words.text(v.keep[name]))
                    if name in v.keep
                    else say(": tells the most of what comes later")
                    if gain
                    else ""
                )
        else:
            role, why = "redundant", say("says the same as {kept}", kept=titles[kept])
        rows.append({"name": name, "role": role, "why": why, "group": groups[name], "kept": kept})
    return pd.DataFrame(rows)


def _useless(row) -> bool:
    return not any(row[c] > MARGIN for c in ("objective_alone", "objective_lost", "panel_alone", "panel_lost"))
