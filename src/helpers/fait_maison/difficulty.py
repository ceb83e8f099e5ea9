"""How hard the data are: what the classifier that knows the generator can recover from half a year of behaviour."""

import numpy as np
from scipy.special import betaln, gammaln
from sklearn.metrics import adjusted_rand_score

from helpers.fait_maison import buying
from helpers.fait_maison.maker import simulate, sizes
from helpers.fait_maison.model import PERSON, Model, load

LEAST_ORDERS = 3
"""As the project's scope asks."""
BETAS = ("weekend", "offer", "premium", "opens", "clicks")


def difficulty(people: int = 20_000, *, seed: int | None = None, window_days: int = 180) -> dict[str, float]:
    """What can be known, at best, of the customers in scope at the turning day.

    Gives customers, ari and accuracy of the classifier that knows the generator: the segment of the largest posterior probability
    given the behaviours of the window. Its likelihood is exact for mixes, chances and rates (Dirichlet-multinomial, beta-binomial,
    gamma-Poisson) but for five things that it neglects: the summer, products left out because an order held them already, orders
    pushed to a weekend across the window's border, orders that answer a campaign, and drop-out before the window.
    """
    model = load(**{"people": people, **({} if seed is None else {"seed": seed})})
    found = [observed(model, chunk, size, window_days) for chunk, size in enumerate(sizes(model))]
    seen = {key: np.concatenate([part[key] for part in found]) for key in found[0]}
    likely = log_posterior(model, seen, window_days)
    guess = likely.argmax(axis=1)
    return {
        "customers": len(guess),
        "ari": float(adjusted_rand_score(seen["segment"], guess)),
        "accuracy": float(np.mean(guess == seen["segment"])),
    }


def observed(model: Model, chunk: int, size: int, window_days: int) -> dict[str, np.ndarray]:
    """Counts of one chunk's customers in scope, in the window before the turning day; `segment` is the truth."""
    happened = simulate(model, chunk, size)
    who, made, line, head, seen, mail = (happened[key] for key in ("who", "made", "line", "head", "seen", "mail"))
    start, end = (model.epoch + day * 86_400 for day in (model.turning - window_days, model.turning))
    last = _last_order(head, end, size)
    counts = _bought(model, line, head, start, end, size) | _looked(made, seen, mail, last, start, end, size)
    counts["since"] = np.maximum(who["came"], model.turning - window_days) - (model.turning - window_days)
    counts["segment"] = who["segment"]
    kept = (counts["orders"] >= LEAST_ORDERS) & (who["kind"] == PERSON) & (who["came"] < model.turning - 30)
    return {key: value[kept] for key, value in counts.items()}


def _last_order(head: dict, end: int, size: int) -> np.ndarray:
    """The second of each person's last order before `end`."""
    last = np.zeros(size, dtype=np.int64)
    before = head["second"] < end
    np.maximum.at(last, head["person"][before], head["second"][before])
    return last


def _bought(model: Model, line: dict, head: dict, start: int, end: int, size: int) -> dict[str, np.ndarray]:
    now = (head["second"] >= start) & (head["second"] < end)
    head = {key: value[now] for key, value in head.items()}
    bought = (line["second"] >= start) & (line["second"] < end) & (line["cents"] > 0) & (line["person"] >= 0)
    line = {key: value[bought] for key, value in line.items()}
    products, _ = model.prices
    day, hour = (head["second"] - model.epoch) // 86_400, head["second"] // 3600 % 24
    weekend = (day + model.said["first_day"].weekday()) % 7 >= 5
    last = np.zeros(size)
    np.maximum.at(last, head["person"], (head["second"] - start) / 86_400)

    def table(person, column, columns):
        return np.bincount(person * columns + column, minlength=size * columns).reshape(size, columns)

    def count(person, weights=None):
        return np.bincount(person, weights=weights, minlength=size)

    step = line["product"] % 100
    return {
        "orders": count(head["person"]), "last": last, "lines": count(line["person"]),
        "mix": table(line["person"], line["category"], len(products)),
        "channel": table(head["person"], head["channel"], len(model.said["channels"])),
        "block": table(head["person"], np.searchsorted([12, 18], hour, side="right"), 3),
        "weekend": np.stack([count(head["person"], weekend), count(head["person"])], axis=1),
        "offer": np.stack([count(line["person"], line["discount"] > 0), count(line["person"])], axis=1),
        "premium": np.stack([count(line["person"], step), count(line["person"], products[line["category"]] - 1)], axis=1),
    }  # fmt: skip


def _looked(made: dict, seen: dict, mail: dict, last: np.ndarray, start: int, end: int, size: int) -> dict:
    """Visits logged in, up to the last order (so long the customer was there for sure); mails opened and clicked."""
    kept = (seen["second"] >= start) & (seen["second"] < end) & ~seen["anonymous"] & ~seen["basket"]
    person, device = seen["person"][kept], seen["device"][kept]
    early = ~seen["from_order"][kept] & (seen["second"][kept] < last[person])
    news = np.flatnonzero(made["source"] == "news")
    order = np.argsort(made["id"][news])
    whose = made["place"][news][order][np.searchsorted(made["id"][news][order], mail["id"])]
    now = (mail["second"] >= start) & (mail["second"] < end)
    sent, opened, clicked = (np.bincount(whose[now & (mail["kind"] == kind)], minlength=size) for kind in range(3))
    return {
        "visits": np.bincount(person[early], minlength=size),
        "device": np.bincount(person * 3 + device, minlength=size * 3).reshape(size, 3),
        "opens": np.stack([np.minimum(opened, sent), sent], axis=1), "clicks": np.stack([np.minimum(clicked, opened), opened], axis=1),
    }  # fmt: skip


def log_posterior(model: Model, seen: dict[str, np.ndarray], window_days: int) -> np.ndarray:
    """Log of segment share × likelihood, a row a customer, a column a segment (those without customers are −∞)."""
    alike, columns = model.said["individuality"], []
    for segment in np.flatnonzero(model.of["share"] > 0):
        of = {key: value[segment] for key, value in model.of.items()}
        value = np.log(of["share"]) + _orders(of, seen, window_days) + _visits(model, of, seen)
        mean = seen["orders"] * of["lines"]
        value = value + (seen["lines"] - seen["orders"]) * np.log(of["lines"]) - mean
        for key in buying.MIXES:
            value = value + _dirichlet(np.maximum(of[key] * alike[key], 1e-3), seen[key])
        for key in BETAS:
            a, b = of[key] * alike[key], (1 - of[key]) * alike[key]
            yes, tries = seen[key].T
            value = value + betaln(a + yes, b + tries - yes) - betaln(a, b)
        columns.append(value)
    out = np.full((len(seen["orders"]), len(model.segments)), -np.inf)
    out[:, np.flatnonzero(model.of["share"] > 0)] = np.stack(columns, axis=1)
    return out


def _orders(of: dict, seen: dict, window_days: int) -> np.ndarray:
    """BG/NBD (Fader, Hardie and Lee 2005, equation 6) from the window's first day, or the first order's."""
    r, a, b = of["shape"], *of["dropout"]
    alpha, x = r / of["rate"] * 30, seen["orders"]
    whole, until = window_days - seen["since"], np.maximum(seen["last"] - seen["since"], 0)
    same = gammaln(r + x) + r * np.log(alpha)
    stays = betaln(a, b + x) - (r + x) * np.log(alpha + whole)
    leaves = betaln(a + 1, b + x - 1) - (r + x) * np.log(alpha + until)
    return same - gammaln(r) - betaln(a, b) + np.logaddexp(stays, leaves)


def _visits(model: Model, of: dict, seen: dict) -> np.ndarray:
    """Gamma-Poisson, over the days up to the last order; those that are not logged in are unseen."""
    shape = model.said["individuality"]["visits"]
    months = np.maximum(seen["last"] - seen["since"], 0.5) / 30 * (1 - model.said["anonymous"])
    rate, x = shape / of["visits"], seen["visits"]
    return gammaln(shape + x) - gammaln(shape) + shape * np.log(rate) - (shape + x) * np.log(rate + months)


def _dirichlet(weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Dirichlet-multinomial log likelihood without the term that is the same for all segments."""
    total = weights.sum()
    each = gammaln(counts + weights) - gammaln(weights)
    return gammaln(total) - gammaln(total + counts.sum(axis=1)) + each.sum(axis=1)
