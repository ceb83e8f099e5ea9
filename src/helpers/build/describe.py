"""The statistics behind a profile: v-tests, effect sizes, tested descriptors, means and shares with intervals."""

import math

import numpy as np
import pandas as pd

from helpers.rates import holm


def v_test(values: np.ndarray, inside: np.ndarray) -> float:
    """How far a segment's mean is from everyone's, in standard errors of drawing that many customers without replacement.

    (mean_k − mean) / (s·√((n − n_k)/((n − 1)·n_k))), s with divisor n; 0 for a constant or when the segment is everybody.
    Source   Lebart, Morineau & Piron, *Statistique exploratoire multidimensionnelle*; FactoMineR's catdes
    """
    n, members, spread = len(values), int(inside.sum()), values.std()
    if not 0 < members < n or spread == 0:
        return 0.0
    error = spread * math.sqrt((n - members) / ((n - 1) * members))
    return float((values[inside].mean() - values.mean()) / error)


def v_test_level(having: int, members: int, holders: int, n: int) -> tuple[float, float]:
    """v and p of a level of a categorical attribute: hypergeometric, mid-p, two-sided.

    having    members of the segment with the level;  members: of the segment;  holders: of the level;  n: everybody described
    Returns   v = ±Φ⁻¹(p/2), positive when the level is over-represented, and p = min(2P(X<x)+P(X=x), 2P(X>x)+P(X=x))
    """
    from scipy.stats import hypergeom, norm

    there = hypergeom(n, holders, members)
    at = there.pmf(having)
    below, above = 2 * there.cdf(having - 1) + at, 2 * there.sf(having) + at
    p = float(min(below, above, 1.0))
    v = -norm.ppf(max(p, 1e-300) / 2)
    return float(v if above <= below else -v), p


def traits(sample: pd.DataFrame, labels: np.ndarray, names: list[str], *, least: int = 1) -> dict[str, list[dict]]:
    """Per segment every variable's mean beside everyone's, v-test and effect (difference in standard deviations), strongest first.

    sample   one row a customer, variables in their units; who lacks a variable is left out of its figures
    least    members of whom a variable must be known, else it has no figures there
    """
    result: dict[str, list[dict]] = {}
    for segment in sorted(set(labels)):
        rows = []
        for name in names:
            column = sample[name].to_numpy(dtype="float64")
            known = ~np.isnan(column)
            values, inside = column[known], (labels == segment)[known]
            if inside.sum() < least:
                rows.append({"variable": name, "mean": None, "everyone": None, "v": None, "effect": None})
                continue
            spread, mean, everyone = values.std(), values[inside].mean(), values.mean()
            effect = float((mean - everyone) / spread) if spread > 0 else 0.0
            rows.append({"variable": name, "mean": mean, "everyone": everyone, "v": v_test(values, inside), "effect": effect})
        result[str(segment)] = sorted(rows, key=lambda r: (-abs(r["effect"] or 0.0), r["variable"]))
    return result


def described(attributes: pd.DataFrame, labels: pd.Series, *, least: int) -> dict[str, list[dict]]:
    """Per segment the levels of the descriptors, tested against everyone described, Holm's correction over all tests.

    attributes   customer_id and categorical attributes, missing where not known
    labels       segment by customer_id
    least        levels are left out that fewer customers hold than this, in all or in the segment, or that all but a few of it hold
    Returns      segment → [{attribute, level, n (members with the level), share, everyone, v, p_holm}], strongest first
    """
    rows = []
    known = attributes.set_index("customer_id")
    segment = labels.reindex(known.index)
    known, segment = known[segment.notna()], segment[segment.notna()]
    for attribute in known.columns:
        there = known[attribute].notna()
        counts = pd.crosstab(segment[there], known.loc[there, attribute].astype("string"))
        n, members, holders = int(there.sum()), counts.sum(axis=1), counts.sum(axis=0)
        for one in counts.index:
            for level in counts.columns:
                having = int(counts.loc[one, level])
                v, p = v_test_level(having, int(members[one]), int(holders[level]), n)
                shares = {"share": having / members[one], "everyone": holders[level] / n}
                few = having < least or holders[level] < least or 0 < members[one] - having < least
                told = {"segment": str(one), "attribute": attribute, "level": str(level), "n": having, **shares, "v": v}
                rows.append((p, few, told))
    # Left out after the correction: to test only what is common in a segment would keep the lucky levels and call them findings.
    adjusted = holm([p for p, _, _ in rows])
    shown = [told | {"p_holm": p_holm} for (_, few, told), p_holm in zip(rows, adjusted, strict=True) if not few]
    found: dict[str, list[dict]] = {}
    for row in sorted(shown, key=lambda r: (-abs(r["v"]), r["attribute"], r["level"])):
        found.setdefault(row.pop("segment"), []).append(row)
    return found


def mean_with_interval(values: np.ndarray, *, draws: int, seed: int) -> dict:
    """A mean and its 95 % interval over `draws` bootstrap samples of the customers; no interval for fewer than two."""
    if not len(values):
        return {"value": None, "low": None, "high": None}
    if len(values) < 2:
        return {"value": float(values.mean()), "low": None, "high": None}
    draw = np.random.default_rng(seed)
    rows = max(1, 5_000_000 // len(values))  # a block of draws fits in memory whatever the number of customers
    means = []
    while len(means) < draws:
        drawn = draw.integers(0, len(values), (min(rows, draws - len(means)), len(values)))
        means.extend(values[drawn].mean(axis=1))
    low, high = np.quantile(means, [0.025, 0.975])
    return {"value": float(values.mean()), "low": float(low), "high": float(high)}
