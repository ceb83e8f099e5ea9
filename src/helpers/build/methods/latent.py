"""Latent classes: survey answers and other variables as mixtures, fitted by maximum likelihood.

Within a class variables are independent: a category has a probability a level, a number a mean and a standard deviation. Missing
answers contribute nothing. Source: Linzer & Lewis 2011, poLCA, doi 10.18637/jss.v042.i10; the maxima are those of StepMix (Morin et
al. 2025, doi 10.18637/jss.v113.i08), which takes a hundred times as long where answers are missing
"""

import math
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
SHORT, FINISHED, STEPS, STILL = 25, 4, 1000, 1e-9
"""Steps of every start, starts that go on, steps of these at most, and the relative gain in likelihood at which they stop."""
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
    posterior      rows × classes;  log_likelihood: of all rows;  parameters: free ones
    found          share of the finished starts that came this high
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
    """The k classes of the highest likelihood that n cold starts of the EM algorithm reach (Dempster, Laird & Rubin 1977).

    Each start begins with the posterior of random members; after SHORT steps the best FINISHED go on until nothing changes.
    weights   of rows, such as survey weights or how often a pattern occurs
    """
    w = np.ones(len(answers.levels)) if weights is None else np.asarray(weights, dtype="float64")
    known = _Known(answers)
    begun = []
    for start in range(n_starts):
        draw = np.random.default_rng([seed, k, start])
        begun.append(known.improved(draw.dirichlet(np.ones(k), len(w)), w, SHORT))
    begun.sort(key=lambda one: -one[1])
    ended = [known.improved(known.expected(one)[0], w, STEPS) for one, _ in begun[:FINISHED]]
    best, likelihood = max(ended, key=lambda one: one[1])
    reached = float(np.mean([one[1] > likelihood - 0.01 * max(1.0, abs(likelihood)) / 100 for one in ended]))
    free = k - 1 + k * sum(len(names) - 1 for names in answers.names_of) + 2 * k * answers.numbers.shape[1]
    ends = np.cumsum([len(names) for names in answers.names_of])[:-1]
    probabilities = np.split(best.probabilities, ends, axis=1) if answers.names_of else []
    return Mixture(best.shares, probabilities, best.means, best.sds, known.expected(best)[0], likelihood, free, reached)


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


def latent_classes(
    sample: pd.DataFrame, names: list[str], columns: dict[str, Column], k: int, project: Project, weights: np.ndarray | None = None
) -> Fitted:
    """Latent classes as a document: k of them, or k − 1 and the group of those of whom no variable is known.

    Returns   evidence: classes, answered (rows with a variable known), log_likelihood, bic, relative_entropy, parameters, starts,
              found (share of the finished starts that came as high), missing, weighted, dropped
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
            "weighted": weights is not None,
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
    return entries, Answers(stacked[0], listed, stacked[1]), points.dropped, told


@dataclass(frozen=True)
class _Parameters:
    shares: np.ndarray
    probabilities: np.ndarray
    means: np.ndarray
    sds: np.ndarray


class _Known:
    """The answers as matrices, so that a step of the EM algorithm is a few products whatever is missing."""

    def __init__(self, answers: Answers):
        self.sizes = [len(names) for names in answers.names_of]
        onehot = [(column[:, None] == np.arange(size)).astype(float) for column, size in zip(answers.levels.T, self.sizes, strict=True)]
        self.levels = np.column_stack(onehot) if onehot else np.empty((len(answers.levels), 0))
        self.there = (~np.isnan(answers.numbers)).astype(float)
        self.values = np.nan_to_num(answers.numbers)
        self.squares = self.values**2
        count = np.maximum(self.there.sum(axis=0), 1)
        self.mean = self.values.sum(axis=0) / count
        self.spread = np.maximum(np.sqrt(np.maximum(self.squares.sum(axis=0) / count - self.mean**2, 0)), 1e-12)

    def expected(self, p: _Parameters) -> tuple[np.ndarray, np.ndarray]:
        """Posterior, rows × classes, and the log-likelihood of each row."""
        score = np.log(p.shares) + self.levels @ np.log(p.probabilities).T
        if self.values.shape[1]:
            precise = 1 / p.sds**2
            constant = p.means**2 * precise + 2 * np.log(p.sds) + math.log(2 * math.pi)
            score += -0.5 * (self.squares @ precise.T - 2 * self.values @ (p.means * precise).T + self.there @ constant.T)
        top = score.max(axis=1, keepdims=True)
        each = top + np.log(np.exp(score - top).sum(axis=1, keepdims=True))
        return np.exp(score - each), each[:, 0]

    def maximised(self, posterior: np.ndarray, w: np.ndarray) -> _Parameters:
        """The parameters of the highest likelihood for these memberships, floors kept."""
        r = (posterior * w[:, None]).T
        shares = np.maximum(r.sum(axis=1) / w.sum(), 1e-12)
        counts, parts, at = r @ self.levels, [], 0
        for size in self.sizes:
            part = np.maximum(counts[:, at : at + size] / np.maximum(counts[:, at : at + size].sum(axis=1, keepdims=True), 1e-300), FLOOR)
            parts.append(part / part.sum(axis=1, keepdims=True))
            at += size
        n = r @ self.there
        means = np.where(n > 1e-9, r @ self.values / np.maximum(n, 1e-9), self.mean)
        variance = np.where(n > 1e-9, r @ self.squares / np.maximum(n, 1e-9) - means**2, self.spread**2)
        sds = np.sqrt(np.maximum(variance, (LEAST_SPREAD * self.spread) ** 2))
        return _Parameters(shares / shares.sum(), np.column_stack(parts) if parts else np.empty((len(r), 0)), means, sds)

    def improved(self, posterior: np.ndarray, w: np.ndarray, steps: int) -> tuple[_Parameters, float]:
        """Steps of the EM algorithm until the likelihood stands still."""
        before = -np.inf
        for _ in range(steps):
            found = self.maximised(posterior, w)
            posterior, each = self.expected(found)
            likelihood = float(w @ each)
            if likelihood - before <= STILL * abs(likelihood):
                break
            before = likelihood
        return found, likelihood


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
