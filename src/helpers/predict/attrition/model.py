"""The curves that tell a customer's risk: a logistic curve on log recency alone, a logistic regression, and boosted trees."""

import math
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.variables.choose import learn as learn_transforms
from helpers.variables.choose import stepped

RECENCY, LOGISTIC, BOOSTING = "recency", "logistic", "boosting"
SEVERAL = (LOGISTIC, BOOSTING)
"""The models that may beat the baseline; of equals the first, which can be read."""
FOLDS = 3
RIDGE = 1.0
"""Weight of the squared coefficients: nearly nothing beside a few hundred customers, and coefficients stay finite."""
STEPS, CLOSE = 60, 1e-9
LACKING = (0.01, 0.99)
"""A variable missing for this share of customers gets a mark of its own: not to have answered may tell something."""
BATCH = 100_000
TAUGHT = 50_000
"""Rows that the trees are taught on at most: beyond these, time grows and what they learn hardly does."""
EDGE = 1e-6
"""Risks stay this far from 0 and 1: nobody is certain."""


@dataclass(frozen=True)
class Kind:
    """What `variables.choose.learn` asks of a variable."""

    name: str
    kind: str = "amount"


@dataclass(frozen=True)
class Model:
    """A learnt risk: `name` one of RECENCY, LOGISTIC, BOOSTING.

    design       entries of `variables.choose.learn`, each with `lacking` (whether it has a mark for missing)
    coefficients intercept, then a number a column of the design (none for trees);  covariance: of these
    slope        [a, b]: the risk is the logistic of a + b × the raw score, after Platt (1999), learnt on customers left out
    """

    name: str
    design: list[dict]
    coefficients: np.ndarray | None
    covariance: np.ndarray | None
    converged: bool
    slope: tuple[float, float] = (0.0, 1.0)
    trees: Any = None


def newton(x: np.ndarray, y: np.ndarray, *, ridge: float = RIDGE) -> tuple[np.ndarray, np.ndarray, bool]:
    """Logistic regression by Newton's steps, halved while the penalised likelihood falls.

    x   customers × columns (an intercept is put before them, and not penalised);  y: 0 or 1
    Returns   coefficients, covariance (the inverse of the penalised information), whether the steps came to rest
    """
    full = np.column_stack([np.ones(len(x)), x])
    penalty = np.r_[0.0, np.full(x.shape[1], ridge)]
    share = min(max(float(y.mean()), 1e-9), 1 - 1e-9) if len(y) else 0.5
    beta = np.r_[math.log(share / (1 - share)), np.zeros(x.shape[1])]
    loss, done = _penalised(full, y, beta, penalty), False
    for _ in range(STEPS):
        risk = logistic(full @ beta)
        curve = (full * (risk * (1 - risk))[:, None]).T @ full + np.diag(penalty) + 1e-12 * np.eye(len(beta))
        step = np.linalg.solve(curve, full.T @ (y - risk) - penalty * beta)
        size = 1.0
        while size > 1e-6 and not _penalised(full, y, beta + size * step, penalty) <= loss + 1e-12 * abs(loss):
            size /= 2
        beta = beta + size * step
        loss = _penalised(full, y, beta, penalty)
        if np.abs(size * step).max() < CLOSE * (1 + np.abs(beta).max()):
            done = True
            break
    return beta, np.linalg.inv(curve), bool(done and np.isfinite(beta).all())


def _penalised(full: np.ndarray, y: np.ndarray, beta: np.ndarray, penalty: np.ndarray) -> float:
    score = full @ beta
    return float((np.logaddexp(0.0, score) - y * score).sum() + (penalty * beta**2).sum() / 2)


def logistic(score: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−score)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -score))


def logit(risk: np.ndarray) -> np.ndarray:
    kept = np.clip(risk, EDGE, 1 - EDGE)
    return np.log(kept) - np.log1p(-kept)


def design_of(frame: pd.DataFrame, names: list[str], shares: set[str], project) -> list[dict]:
    """The transforms of the variables that vary in these customers, frozen."""
    found = learn_transforms(frame, [Kind(n, "share" if n in shares else "amount") for n in names], project)
    kept = [e for e in found if e["unique"] > 1 and e["steps"]]
    keys = ("name", "missing", "steps")
    return [{k: e[k] for k in keys} | {"lacking": LACKING[0] <= e["missing_share"] <= LACKING[1]} for e in kept]


def recency_design() -> list[dict]:
    """The baseline's one column: the logarithm of recency."""
    return [{"name": "recency_days", "missing": 0.0, "steps": [{"clip": [0.0, 1e6]}, {"log1p": True}], "lacking": False}]


def matrix(frame: pd.DataFrame, design: list[dict]) -> np.ndarray:
    """Customers × columns of the design, marks for missing values last."""
    columns, marks = [], []
    for entry in design:
        column = frame[entry["name"]].to_numpy(dtype="float64")
        lacking = np.isnan(column)
        columns.append(stepped(np.where(lacking, entry["missing"] or 0.0, column), entry["steps"]))
        if entry["lacking"]:
            marks.append(lacking.astype("float64"))
    return np.column_stack(columns + marks) if columns else np.empty((len(frame), 0))


def raw(frame: pd.DataFrame, design: list[dict]) -> np.ndarray:
    """Customers × variables as they are, missing ones missing: what trees are taught on."""
    return frame[[entry["name"] for entry in design]].to_numpy(dtype="float64")


def fit(name: str, frame: pd.DataFrame, lost: np.ndarray, design: list[dict], *, seed: int) -> Model:
    """One model, taught on these customers."""
    if name == BOOSTING:
        return Model(name, design, None, None, True, trees=_trees(raw(frame, design), lost, seed))
    columns = recency_design() if name == RECENCY else design
    return Model(name, columns, *newton(matrix(frame, columns), lost))


def _trees(x: np.ndarray, y: np.ndarray, seed: int):
    from sklearn.ensemble import HistGradientBoostingClassifier

    if len(y) > TAUGHT:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(y))[:TAUGHT])
        x, y = x[chosen], y[chosen]
    settings = {
        "max_iter": 80,
        "learning_rate": 0.06,
        "max_leaf_nodes": 8,
        "min_samples_leaf": 40,
        "l2_regularization": 5.0,
        "max_bins": 127,
    }
    return HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=seed).fit(x, y)


def score(model: Model, frame: pd.DataFrame) -> np.ndarray:
    """The raw score of each customer, before it is calibrated: log odds."""
    if model.name == BOOSTING:
        return logit(model.trees.predict_proba(raw(frame, model.design))[:, 1])
    return model.coefficients[0] + matrix(frame, model.design) @ model.coefficients[1:]


def risk(model: Model, frame: pd.DataFrame) -> np.ndarray:
    """The calibrated risk of each customer, 0-1."""
    a, b = model.slope
    return np.clip(logistic(a + b * score(model, frame)), EDGE, 1 - EDGE)


def folds(n: int, seed: int) -> np.ndarray:
    """A fold for each of n customers, the same ones on every run."""
    return np.random.default_rng([seed, 3]).permutation(n) % FOLDS


def held_out(name: str, frame: pd.DataFrame, lost: np.ndarray, design: list[dict], *, seed: int) -> np.ndarray:
    """Raw scores of customers by models that never saw them."""
    fold, scores = folds(len(lost), seed), np.empty(len(lost))
    for f in range(FOLDS):
        out = fold == f
        scores[out] = score(fit(name, frame[~out], lost[~out], design, seed=seed), frame[out])
    return scores


def platt(scores: np.ndarray, lost: np.ndarray) -> tuple[float, float]:
    """What makes held-out scores calibrated: an intercept and a slope; a slope that is not positive would turn the order round: 0."""
    (a, b), _, done = newton(scores[:, None], lost, ridge=0.0)
    share = float(logit(np.array([lost.mean()]))[0])
    return (float(a), float(b)) if done and b > 0 else (share, 0.0)


def as_expression(model: Model, measured: ir.Table) -> ir.Table:
    """customer_id, attrition_risk, wherever the customers live: the logistic models are a sum. Trees: see `in_batches`."""
    weights, marks = list(model.coefficients[1 : len(model.design) + 1]), list(model.coefficients[len(model.design) + 1 :])
    terms: dict[str, ir.Value] = {}
    for place, (entry, weight) in enumerate(zip(model.design, weights, strict=True)):
        column = measured[entry["name"]].cast("float64")
        term = _stepped(column.fill_null(float(entry["missing"] or 0.0)), entry["steps"]) * float(weight)
        if entry["lacking"]:
            term = term + column.isnull().ifelse(float(marks.pop(0)), 0.0)
        terms[f"t{place}"] = term
    each = measured.select("customer_id", **terms)
    total = ibis.literal(float(model.coefficients[0]))
    for name in terms:
        total = total + each[name]
    a, b = model.slope
    odds = each.select("customer_id", score_=a + b * total)
    found = 1.0 / (1.0 + (-ibis.greatest(ibis.least(odds.score_, 30.0), -30.0)).exp())
    return odds.select("customer_id", attrition_risk=ibis.greatest(ibis.least(found, 1 - EDGE), EDGE))


def _stepped(column: ir.Value, steps: list[dict]) -> ir.Value:
    for step in steps:
        ((name, how),) = step.items()
        if name == "clip":
            column = ibis.least(ibis.greatest(column, float(how[0])), float(how[1]))
        elif name == "log1p":
            column = (column + 1.0).ln()
        elif name == "sqrt":
            column = column.sqrt()
        else:
            column = (column - float(how[0])) / float(how[1])
    return column


def in_batches(model: Model, measured: ir.Table) -> ir.Table:
    """The same for trees, a batch of customers at a time: what is held at once are a batch, and an id and a number a customer."""
    import pyarrow as pa

    parts = []
    names = [entry["name"] for entry in model.design]
    ordered = measured.select("customer_id", *names).order_by("customer_id")
    for batch in ordered.to_pyarrow_batches(chunk_size=BATCH):
        if batch.num_rows:
            parts.append(pa.table({"customer_id": batch.column(0), "attrition_risk": risk(model, batch.to_pandas())}))
    empty = pa.table({"customer_id": pa.array([], pa.string()), "attrition_risk": pa.array([], pa.float64())})
    return ibis.memtable(pa.concat_tables(parts) if parts else empty)


def risks(model: Model, measured: ir.Table) -> ir.Table:
    """customer_id, attrition_risk (0-1) of every customer measured."""
    return in_batches(model, measured) if model.name == BOOSTING else as_expression(model, measured).cache()
