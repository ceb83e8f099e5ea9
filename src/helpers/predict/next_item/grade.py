"""Whether recommendations are worth more than a simple list: success in a later period, against popularity and habit."""

from dataclasses import dataclass, replace

import numpy as np

from helpers.predict.grades import house
from helpers.predict.next_item.history import Histories
from helpers.predict.next_item.recommend import MODEL, OWN, POPULAR, Learnt, Recipe, associated, lists_by, scores, top, unbought
from helpers.rates import quantile, wilson

ALPHAS = (0.0, 0.5)
BETAS = (0.0, 0.1, 0.3, 0.6, 1.0)
DRAWS = 2000
JUDGED = 100
"""Customers without whose later purchases nobody can tell whether lists are worth anything."""


@dataclass(frozen=True)
class Chosen:
    """What the earlier period chose for one task: the model's recipe, and the span over which popularity is counted."""

    recipe: Recipe
    span: int | None


def hits(lists: np.ndarray, bought) -> np.ndarray:
    """Per customer, whether any item of the list was bought; `bought` csr customers × items, lists as `recommend.top` makes them."""
    found = np.zeros(len(lists), dtype=bool)
    rows = np.repeat(np.arange(bought.shape[0]), np.diff(bought.indptr))
    for k in range(lists.shape[1]):
        found[rows[lists[rows, k] == bought.indices]] = True
    return found


def taken_anew(bought, past: Histories):
    """Of what was bought later, what the customer had never bought before."""
    return unbought(bought, past)


def choose(past: Histories, learnt: Learnt, bought, shown: int, *, new: bool) -> Chosen:
    """The recipe and the span with most successes in the earlier period; the first of equals, simple ones come first.

    bought   what counts as a success (`taken_anew` for new items)
    """
    spans = list(learnt.popular)
    counted = [int(hits(top(None, learnt.popular[s], shown, but=past.orders if new else None, customers=len(past.customers)), bought).sum())
               for s in spans]  # fmt: skip
    span = spans[int(np.argmax(counted))]
    best, most, popular = None, -1, learnt.popular[span]
    for half_life in past.habits:
        for alpha in learnt.close:
            close = associated(past, learnt, half_life, alpha)
            for beta in (1.0,) if new else BETAS:
                if beta == 0 and alpha != ALPHAS[0]:
                    continue
                recipe = Recipe(half_life, alpha, beta)
                found = scores(past, close, recipe)
                lists = top(unbought(found, past) if new else found, popular, shown, but=past.orders if new else None)
                n = int(hits(lists, bought).sum())
                if n > most:
                    best, most = recipe, n
    return Chosen(best, span)


def judged(past: Histories, learnt: Learnt, bought, chosen: Chosen, shown: int, *, new: bool, seed: int) -> dict:
    """The grade of one task in the later period.

    bought    what counts as a success, of customers who bought at all (new: who took something new)
    Returns   n, rates {method: {rate, low, high}} (share of these customers with a success; Wilson's interval), baseline (the better simple
              list), gain (relative, of the model over it), low, high (95 %, bootstrap over customers), grade, method (what to recommend
              by), recipe, span, goes_with (`added`; None where other items take no part, or all of it)
    """
    methods = [MODEL, POPULAR] if new else [MODEL, OWN, POPULAR]
    alone = None if new or not chosen.recipe.beta else replace(chosen.recipe, beta=0.0)
    who = np.diff(bought.indptr) > 0
    found = {m: hits(lists_by(m, past, learnt, chosen.recipe, chosen.span, shown, new=new), bought)[who] for m in methods}
    habits = None if alone is None else hits(lists_by(MODEL, past, learnt, alone, chosen.span, shown, new=False), bought)[who]
    return compared(found, seed=seed) | {
        "goes_with": None if habits is None or not len(habits) else added(found[MODEL], habits),
        "recipe": {"half_life": chosen.recipe.half_life, "alpha": chosen.recipe.alpha, "beta": chosen.recipe.beta},
        "span": chosen.span,
    }


def added(model: np.ndarray, habits: np.ndarray) -> dict:
    """What other items add to a customer's habits: a model that weighs habits by their age may beat plain counts by that alone.

    model, habits   a yes or no a customer: a success of the model, and of its habits without other items
    Returns         difference (of the shares with a success), low, high (95 %, McNemar's pairs)
    """
    only, other, n = int((model & ~habits).sum()), int((habits & ~model).sum()), len(model)
    value = (only - other) / n
    half = quantile() * max(only + other - n * value**2, 0.0) ** 0.5 / n
    return {"difference": value, "low": value - half, "high": value + half}


def compared(found: dict[str, np.ndarray], *, seed: int) -> dict:
    """Successes of the model against the better simple list. found: method → a yes or no a customer, in one order; MODEL and others.

    Customers are redrawn through the counts of their patterns (which methods succeeded), which is the same draw; the better of the simple
    lists is found anew in each. A simple list without any success counts as having one, or no gain could be told. Of fewer than JUDGED
    customers, or where no list of any kind had a success: no gain and no grade (None).
    """
    methods, n = list(found), len(next(iter(found.values())))
    simple = [m for m in methods if m != MODEL]
    rates = {m: _rate(int(found[m].sum()), n) for m in methods}
    baseline = max(simple, key=lambda m: (found[m].sum(), -simple.index(m)))
    line = {"n": n, "rates": rates, "baseline": baseline, "gain": None, "low": None, "high": None, "grade": None, "method": baseline}
    if n < JUDGED or not any(yes.any() for yes in found.values()):
        return line
    code = sum(found[m].astype("int64") << i for i, m in enumerate(methods))
    counts = np.bincount(code, minlength=2 ** len(methods))
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=DRAWS)
    sums = {m: drawn[:, [c for c in range(len(counts)) if c >> i & 1]].sum(axis=1) for i, m in enumerate(methods)}
    best = np.max([sums[m] for m in simple], axis=0)
    gains = sums[MODEL] / np.maximum(best, 1) - 1
    low, high = (float(x) for x in np.quantile(gains, [0.025, 0.975], method="inverted_cdf"))
    gain = float(found[MODEL].sum() / max(found[baseline].sum(), 1) - 1)
    grade = house(gain, low)
    return line | {"gain": gain, "low": low, "high": high, "grade": grade, "method": baseline if grade == "C" else MODEL}


def _rate(yes: int, n: int) -> dict:
    low, high = wilson(yes, n) if n else (None, None)
    return {"rate": yes / n if n else None, "low": low, "high": high}
