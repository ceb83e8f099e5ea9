"""Latent classes: survey answers and other variables as mixtures, fitted by maximum likelihood with StepMix.

Within a class variables are independent: a category has a probability a level, a number a mean and a standard deviation. Missing
answers contribute nothing. Source: Morin et al. 2023, *StepMix*, doi 10.18637/jss.v113.i08; Linzer & Lewis 2011, poLCA
"""

import contextlib
import io
import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.inputs import Column
from helpers.build.methods.base import Fitted, by_measure, document, measure_of, require, unknown_shares
from helpers.build.methods.space import different, space
from helpers.project import Project

STARTS = 20
"""Cold starts of each fit; `fitted` takes more where asked."""
STEPS = 500
FLOOR = 1e-6
"""No level has less probability in any class: a level that no member had at build is unlikely, not impossible."""
LEAST_SPREAD = 0.05
"""No standard deviation in a class is below this share of everybody's."""


@dataclass(frozen=True)
class Answers:
    """A sample as latent classes read it.

    levels   rows × categories: number of the level, NaN missing;  names_of: levels of each category
    numbers  rows × numbers, NaN missing
    """

    levels: np.ndarray
    names_of: list[list[str]]
    numbers: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Who has at least one of the variables known."""
        return ~np.isnan(np.column_stack([self.levels, self.numbers])).all(axis=1)

    def rows(self, mask: np.ndarray) -> "Answers":
        return Answers(self.levels[mask], self.names_of, self.numbers[mask])


@dataclass(frozen=True)
class Mixture:
    """Fitted latent classes.

    shares         of the classes;  probabilities: a category, classes × levels;  means, sds: classes × numbers
    posterior      rows × classes;  log_likelihood: in all rows;  parameters: free ones;  found: share of starts that came this high
    """

    shares: np.ndarray
    probabilities: list[np.ndarray]
    means: np.ndarray
    sds: np.ndarray
    posterior: np.ndarray
    log_likelihood: float
    parameters: int
    found: float

    def bic(self, n: float) -> float:
        """−2 log-likelihood + parameters · log n (Schwarz 1978)."""
        return -2 * self.log_likelihood + self.parameters * math.log(n)

    def relative_entropy(self, weights: np.ndarray | None = None) -> float:
        """1 − mean entropy of the posterior / log of the number of classes: 1 when nobody is in doubt (Ramaswamy et al. 1993)."""
        if len(self.shares) < 2:
            return 1.0
        p = np.maximum(self.posterior, 1e-300)
        return float(1 + np.average((p * np.log(p)).sum(axis=1), weights=weights) / math.log(len(self.shares)))


def fitted(answers: Answers, k: int, *, n_starts: int, seed: int, weights: np.ndarray | None = None) -> Mixture:
    """The k classes of the highest likelihood that n cold starts of the EM algorithm reach.

    weights   of rows, such as survey weights or how often a pattern occurs
    """
    from stepmix.stepmix import StepMix

    x, measurement = _as_stepmix(answers)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype="float64")
    best, reached = None, []
    for start in range(n_starts):
        model = StepMix(
            n_components=k,
            measurement=measurement,
            n_init=1,
            max_iter=STEPS,
            abs_tol=1e-7 if n_starts > 1 else 1e-9,
            random_state=int(np.random.SeedSequence([seed, start]).generate_state(1)[0]),
            verbose=0,
            progress_bar=0,
        )
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            model.fit(x, sample_weight=w)
        made = _mixture(model, answers, k, w)
        reached.append(made.log_likelihood)
        best = made if best is None or made.log_likelihood > best.log_likelihood + 1e-9 else best
    share = float(np.mean(np.array(reached) > best.log_likelihood - 0.01))
    return Mixture(**{**best.__dict__, "found": share})


def log_likelihood_ratio(answers: Answers, k: int, *, draws: int, n_starts: int, seed: int) -> dict:
    """Whether k classes fit better than k − 1: the parametric bootstrap of the likelihood ratio, for people who ask at the chosen k.

    Returns   k, statistic (2 × difference of log-likelihoods), p = (1 + draws at least as large)/(1 + draws), draws
    Source    McLachlan 1987, doi 10.2307/2347790
    """
    few, more = (fitted(answers, j, n_starts=n_starts, seed=seed) for j in (k - 1, k))
    statistic = 2 * (more.log_likelihood - few.log_likelihood)
    there = np.isnan(answers.levels), np.isnan(answers.numbers)
    larger = 0
    for draw in range(draws):
        drawn = _drawn(few, answers, there, np.random.default_rng([seed, k, draw]))
        one, two = (fitted(drawn, j, n_starts=max(n_starts // 4, 5), seed=seed + draw) for j in (k - 1, k))
        larger += 2 * (two.log_likelihood - one.log_likelihood) >= statistic
    return {"k": k, "statistic": statistic, "p": (1 + larger) / (1 + draws), "draws": draws}


def latent(
    sample: pd.DataFrame, names: list[str], columns: dict[str, Column], k: int, project: Project, weights: np.ndarray | None = None
) -> Fitted:
    """Latent classes as a document: k of them, or k − 1 and the group of those of whom no variable is known.

    Returns   evidence: classes, answered (rows with a variable known), log_likelihood, bic, relative_entropy, parameters, starts,
              found (share of starts that came as high), other_k (classes → log_likelihood and bic is made by `by_number`), missing
    """
    entries, answers, dropped, told = read(sample, names, columns, project)
    known = answers.known
    classes = k if known.all() else k - 1
    if classes < 1:
        raise NinefoldError(f"{project.file}: one group is asked for, and {int((~known).sum())} customers have no answer. Ask for two.")
    there = answers.rows(known)
    # with nothing known of some, they are a group of their own and need no profile
    filled = np.nan_to_num(np.column_stack([there.levels, there.numbers]), nan=-9e9)
    require(different(filled), int(known.sum()), len(entries), classes, project)
    w = None if weights is None else weights[known]
    found = fitted(there, classes, n_starts=STARTS, seed=project.seed, weights=w)
    labels = np.full(len(sample), classes)
    labels[known] = _score(found, there).argmax(axis=1)
    order = by_measure(labels, measure_of(sample, project), k, weights)
    made = document(entries, k, {"posterior": _posterior(found, entries, answers.names_of, order, None if known.all() else classes)})
    n = float(known.sum() if w is None else w.sum())
    return Fitted(
        made,
        {
            "classes": classes,
            "answered": int(known.sum()),
            "rows": len(sample),
            "log_likelihood": found.log_likelihood,
            "bic": found.bic(n),
            "relative_entropy": found.relative_entropy(w),
            "parameters": found.parameters,
            "starts": STARTS,
            "found": found.found,
            "dropped": dropped,
        }
        | told,
    )


def by_number(sample: pd.DataFrame, names: list[str], columns: dict[str, Column], ks, project: Project) -> list[dict]:
    """Log-likelihood, BIC and relative entropy for each number of classes among those who answered: the lowest BIC fits best."""
    _, answers, _, _ = read(sample, names, columns, project)
    there = answers.rows(answers.known)
    rows, n = [], float(len(there.levels))
    for k in ks:
        one = fitted(there, k, n_starts=STARTS, seed=project.seed)
        told = {"log_likelihood": one.log_likelihood, "bic": one.bic(n), "relative_entropy": one.relative_entropy()}
        rows.append({"classes": int(k), "found": one.found} | told)
    return rows


def read(
    sample: pd.DataFrame, names: list[str], columns: dict[str, Column], project: Project
) -> tuple[list[dict], Answers, dict[str, str], dict]:
    """Document entries of these columns, the answers in their terms, variables without a part, and what is told of missing values.

    Numbers are transformed as everywhere, and stay missing where they are
    """
    points = space(sample, names, columns, project)
    entries = [entry | {"missing": None} if entry["kind"] == "number" else entry for entry in points.variables]
    numbers, levels, listed = [], [], []
    for entry, block in zip(entries, np.split(points.values, np.cumsum(points.blocks)[:-1], axis=1), strict=True):
        missing = sample[entry["name"]].isna().to_numpy(dtype=bool)
        if entry["kind"] == "number":
            numbers.append(np.where(missing, np.nan, block[:, 0]))
            continue
        text = sample[entry["name"]].astype("string")
        listed.append([o["level"] for o in entry["levels"]])
        levels.append(text.map({level: float(i) for i, level in enumerate(listed[-1])}).astype("float64").to_numpy())
    n = len(sample)
    stacked = [np.column_stack(part) if part else np.empty((n, 0)) for part in (levels, numbers)]
    told = {"missing": unknown_shares(sample, [e["name"] for e in entries]), "lumped_levels": points.told["lumped_levels"]}
    return entries, Answers(stacked[0], listed, stacked[1]), points.dropped, told | {"weighted": False}


def _as_stepmix(answers: Answers) -> tuple[pd.DataFrame, dict]:
    """The table and the measurement model that StepMix wants; for categories the same number of levels in every column of a block."""
    holes = bool(np.isnan(answers.levels).any()), bool(np.isnan(answers.numbers).any())
    parts, measurement = [], {}
    if answers.levels.shape[1]:
        measurement["levels"] = {"model": "categorical_nan" if holes[0] else "categorical", "n_columns": answers.levels.shape[1]}
        parts.append(answers.levels)
    if answers.numbers.shape[1]:
        measurement["numbers"] = {"model": "gaussian_diag_nan" if holes[1] else "gaussian_diag", "n_columns": answers.numbers.shape[1]}
        parts.append(answers.numbers)
    return np.column_stack(parts), measurement


def _mixture(model, answers: Answers, k: int, w: np.ndarray) -> Mixture:
    """What StepMix found, in plain arrays and with floors; the posterior and the likelihood are worked out from these."""
    parts = getattr(model._mm, "models", None)
    if parts is None:
        parts = {"levels": model._mm}
    probabilities, means, sds = [], np.empty((k, 0)), np.empty((k, 0))
    if "levels" in parts:
        pis = np.asarray(parts["levels"].parameters["pis"]).reshape(k, answers.levels.shape[1], -1)
        for j, names in enumerate(answers.names_of):
            p = np.maximum(pis[:, j, : len(names)], FLOOR)
            probabilities.append(p / p.sum(axis=1, keepdims=True))
    if "numbers" in parts:
        found = parts["numbers"].parameters
        means = np.asarray(found["means"], dtype="float64")
        sds = np.sqrt(np.asarray(found["covariances"], dtype="float64"))
        sds = np.maximum(sds, LEAST_SPREAD * np.nanstd(answers.numbers, axis=0))
    shares = np.asarray(model.weights_, dtype="float64")
    free = k - 1 + k * sum(len(names) - 1 for names in answers.names_of) + 2 * k * answers.numbers.shape[1]
    bare = Mixture(shares, probabilities, means, sds, np.empty(0), 0.0, free, 0.0)
    score = _score(bare, answers)
    top = score.max(axis=1, keepdims=True)
    each = top[:, 0] + np.log(np.exp(score - top).sum(axis=1))
    return Mixture(shares, probabilities, means, sds, np.exp(score - each[:, None]), float((w * each).sum()), free, 0.0)


def _score(found: Mixture, answers: Answers) -> np.ndarray:
    """Log share plus log densities of what is known, rows × classes."""
    score = np.tile(np.log(np.maximum(found.shares, 1e-300)), (len(answers.levels), 1))
    for column, p in zip(answers.levels.T, found.probabilities, strict=True):
        there = ~np.isnan(column)
        score[there] += np.log(p[:, column[there].astype(int)]).T
    for column, mean, sd in zip(answers.numbers.T, found.means.T, found.sds.T, strict=True):
        there = ~np.isnan(column)
        z = (column[there, None] - mean) / sd
        score[there] += -0.5 * z**2 - np.log(sd) - 0.5 * math.log(2 * math.pi)
    return score


def _posterior(found: Mixture, entries: list[dict], listed: list[list[str]], order: np.ndarray, unknown: int | None) -> dict:
    """The classes as the document holds them, in the order of the segments."""
    classes, place = [], {int(j): f"S{n + 1}" for n, j in enumerate(order)}
    for j in (int(j) for j in order):
        if j == unknown:
            continue
        of, level, number = {}, 0, 0
        for entry in entries:
            if entry["kind"] == "number":
                of[entry["name"]] = {"mean": float(found.means[j, number]), "sd": float(found.sds[j, number])}
                number += 1
            else:
                of[entry["name"]] = {"levels": dict(zip(listed[level], found.probabilities[level][j].tolist(), strict=True))}
                level += 1
        classes.append({"segment": place[j], "share": float(found.shares[j]), "of": of})
    return {"classes": classes} | ({"unknown": place[unknown]} if unknown is not None else {})


def _drawn(found: Mixture, answers: Answers, missing: tuple[np.ndarray, np.ndarray], draw: np.random.Generator) -> Answers:
    """A sample of as many rows drawn from fitted classes, with the same answers missing."""
    n = len(answers.levels)
    which = draw.choice(len(found.shares), n, p=found.shares / found.shares.sum())
    levels = np.empty_like(answers.levels)
    for j, p in enumerate(found.probabilities):
        levels[:, j] = (draw.random(n)[:, None] > np.cumsum(p, axis=1)[which][:, :-1]).sum(axis=1)
    numbers = found.means[which] + found.sds[which] * draw.normal(size=answers.numbers.shape)
    levels[missing[0]], numbers[missing[1]] = np.nan, np.nan
    return Answers(levels, answers.names_of, numbers)
