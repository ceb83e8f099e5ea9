"""Whether the data can show what they are meant to show: campaigns, drop-out, and needs beyond past value."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln
from scipy.stats import norm

from helpers.fait_maison.maker import simulate, sizes
from helpers.fait_maison.model import PERSON, Model, load

BANDS = 6
"""Bands of past value, as many as there are segments."""


def chunks(people: int, seed: int | None = None):
    """The model, and what happens in each chunk of so many people."""
    model = load(**{"people": people, **({} if seed is None else {"seed": seed})})
    for chunk, size in enumerate(sizes(model)):
        yield model, simulate(model, chunk, size)


def campaign_power(people: int = 20_000, *, seed: int | None = None) -> dict[str, dict[str, float]]:
    """For each campaign, in the segments that it is meant for, pooled: people in test and control, the true rates, and the chance that
    a two-sided test at 5 % finds the difference (normal approximation, unpooled variances)."""
    found: dict[str, list] = {}
    for model, happened in chunks(people, seed):
        asked, segment = happened["asked"], happened["who"]["segment"][happened["asked"]["person"]]
        for number, (name, said) in enumerate(model.said["campaigns"].items()):
            meant = np.isin(segment, [model.segments.index(each) for each in said["meant_for"]]) & (asked["campaign"] == number)
            base, uplift = (np.array(list(said[key].values()))[segment[meant]] for key in ("base", "uplift"))
            found.setdefault(name, []).append(np.stack([asked["test"][meant], base, uplift, ~np.isnan(asked["answered"][meant])]))
    return {name: _power(*np.concatenate(parts, axis=1)) for name, parts in found.items()}


def _power(test, base, uplift, answered) -> dict[str, float]:
    test = test.astype(bool)
    rates, many = (base.mean() + uplift.mean(), base.mean()), (test.sum(), (~test).sum())
    error = np.sqrt(sum(rate * (1 - rate) / n for rate, n in zip(rates, many, strict=True)))
    return {
        "test": int(many[0]), "control": int(many[1]), "rate": float(rates[1]), "uplift": float(uplift.mean()),
        "found": float(answered[test].mean() - answered[~test].mean()), "error": float(error),
        "power": float(norm.sf(norm.isf(0.025) - uplift.mean() / error)),
    }  # fmt: skip


def drop_out(people: int = 20_000, *, seed: int | None = None) -> dict[str, float]:
    """BG/NBD by maximum likelihood (Fader, Hardie and Lee 2005, equation 6) on all private buyers up to the turning day: r, alpha
    (days), a, b, and `mean`, the chance to stop after an order; `true` is its mean over the same people."""
    parts, true = [], []
    for model, happened in chunks(people, seed):
        who, head = happened["who"], happened["head"]
        rows = np.flatnonzero((head["second"] < model.epoch + model.turning * 86_400) & (who["kind"][head["person"]] == PERSON))
        day = (head["second"][rows] - model.epoch) // 86_400
        pairs = np.unique(head["person"][rows] * 10_000 + day)  # orders of one day are one purchase
        person, day = pairs // 10_000, pairs % 10_000
        whose, first, many = np.unique(person, return_index=True, return_counts=True)
        parts.append(np.stack([many - 1, np.maximum.reduceat(day, first) - day[first], model.turning - day[first]]))
        true.append(happened["habit"][0]["dropout"][whose])
    x, last, long = np.concatenate(parts, axis=1).astype(float)

    def loss(logs: np.ndarray) -> float:
        r, alpha, a, b = np.exp(logs)
        same = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        stays = betaln(a, b + x) - (r + x) * np.log(alpha + long)
        leaves = np.where(x > 0, betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last), -np.inf)
        return -float(np.mean(same + np.logaddexp(stays, leaves)))

    fit = minimize(loss, np.log([1.0, 20.0, 0.5, 5.0]), method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-5, "fatol": 1e-9})
    r, alpha, a, b = np.exp(fit.x)
    return {"r": r, "alpha": alpha, "a": a, "b": b, "mean": a / (a + b), "true": float(np.concatenate(true).mean())}


def beyond_value(people: int = 20_000, *, seed: int | None = None, days: int = 90) -> dict[str, dict[str, float]]:
    """What six bands of past spend explain of what comes, and what they explain together with the latent segment: shares of variance,
    in the sample, of spend, orders, share of ready dishes and share on offer in the `days` before the turning day, and of answering each
    campaign when asked. Past spend is that of the 180 days before."""
    found = [_ahead(model, happened, days) for model, happened in chunks(people, seed)]
    rows = {key: np.concatenate([part[key] for part in found]) for key in found[0]}
    band = np.searchsorted(np.quantile(rows["past"], np.arange(1, BANDS) / BANDS), rows["past"], side="right")
    both = band * 10 + rows["segment"]
    outcomes = [key for key in rows if key not in ("past", "segment")]
    return {key: {"bands": _explained(rows[key], band), "with_segments": _explained(rows[key], both)} for key in outcomes}


def _ahead(model: Model, happened: dict, days: int) -> dict[str, np.ndarray]:
    who, line, asked = happened["who"], happened["line"], happened["asked"]
    size, built = len(who["person"]), model.epoch + (model.turning - days) * 86_400
    known = line["person"] >= 0
    line = {key: value[known] for key, value in line.items()}
    past = (line["second"] < built) & (line["second"] >= built - 180 * 86_400)
    ahead = (line["second"] >= built) & (line["second"] < built + days * 86_400)

    def total(rows, weights=None):
        return np.bincount(line["person"][rows], weights=None if weights is None else weights[rows], minlength=size).astype(float)

    many = total(ahead)
    out = {"past": total(past, line["cents"]), "segment": who["segment"], "spend": total(ahead, line["cents"]), "lines": many}
    with np.errstate(invalid="ignore", divide="ignore"):
        out["ready_share"] = total(ahead, line["category"] == 0) / many
        out["offer_share"] = total(ahead, line["discount"] > 0) / many
    for number, name in enumerate(model.said["campaigns"]):
        out[name] = np.full(size, np.nan)
        rows = (asked["campaign"] == number) & asked["test"]
        out[name][asked["person"][rows]] = ~np.isnan(asked["answered"][rows])
    kept = (out["past"] > 0) & (who["kind"] == PERSON) & (who["segment"] >= 0)
    return {key: value[kept] for key, value in out.items()}


def _explained(value: np.ndarray, group: np.ndarray) -> float:
    """Share of variance between groups, of the values that are known, less what chance gives (adjusted R²)."""
    known = ~np.isnan(value)
    value, group = value[known], group[known]
    _, place, many = np.unique(group, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=value) / many
    within = np.sum((value - means[place]) ** 2) / (len(value) - len(many))
    return float(1 - within / np.var(value, ddof=1))
