"""Sizes and value if every period moved customers as the last one did, and whether that would have held so far."""

import numpy as np

from helpers import collect
from helpers.predict.flow.transitions import Flows, counted, counts_of, memory, money_of, states
from helpers.predict.grades import CANNOT_TELL, GRADED, NOT_READY, house, need
from helpers.predict.value.margins import basis

LEAST = 200
"""Customers in a segment at both dates, without whom nothing is projected."""
MOST = 8
"""Periods at most."""
DRAWS = 1000


def flow(step, moved=None, checked: dict | None = None) -> dict:
    """Step 9: the moves between segments as a Markov chain, with its test and its projection.

    moved     result of `reevaluate.backtest`, if at hand: its frozen document is used;  checked: tables of step 3
    Returns   status graded | cannot_tell | not_ready; reasons (codes); grade; readiness [{code, have, want}]; segments (of the frozen
              document: id, name, suggested), places, horizon_days, counts and counts_before (`counts_of`), money ("margin" or
              "revenue"), discount_rate, test (`tested`), memory (`transitions.memory`), ahead (`projected`); JSON throughout
    Grade     house: gain = how much smaller the summed error of the projected sizes is than that of the better simple rule ("sizes stay as
              they are", "all grow alike"), over select → confirm projected onto published; A gain ≥ 5 % and its interval above 0, B
              interval above 0, C otherwise
    """
    project = step.project
    document = moved.document if moved is not None else _frozen(step)
    checked = checked if checked is not None else collect.checked(step)
    found = {"status": NOT_READY, "reasons": [], "grade": None, "readiness": [], "horizon_days": project.scope.horizon_days}
    if document is None:
        return found | {"reasons": ["no_frozen_segments"]}
    if moved is not None and moved.immovable:
        return found | {"status": CANNOT_TELL, "reasons": ["immovable"]}
    windows = step.windows(checked["orders"])
    dates = ("select", "confirm", "published") if _three(step, windows) else ("confirm", "published")
    spent = {name: money_of(checked["orders"], project, windows[name], days=project.scope.horizon_days) for name in dates[-2:]}
    where = states(step, document, checked["orders"], windows, dates)
    flows = counted(where, spent, [s["id"] for s in document["segments"]])
    return found | of_flows(flows, project, three=len(dates) == 3) | _named(step, document)


def of_flows(flows: Flows, project, *, three: bool) -> dict:
    """The part of `flow` that needs no customer: from the counts alone.

    three   whether the earliest date is known, without which nothing can be tested
    """
    k, counts = flows.segments, counts_of(flows, flows.n, 1)
    both = int(counts[:k, :k].sum())
    found = {"places": flows.places, "readiness": [need("customers_in_scope_at_both", both, LEAST)]}
    if both < LEAST:
        return found | {"reasons": ["too_few_customers"]}
    rng = np.random.default_rng(project.seed)
    test = tested(flows, rng) if three else None
    days = project.scope.horizon_days
    periods = int(np.clip(round(project.variables.predict.value_days / days), 1, MOST))
    found |= {"counts": counts.astype("int64").tolist(), "discount_rate": project.variables.predict.discount_rate}
    found |= {"counts_before": counts_of(flows, flows.n, 0).astype("int64").tolist() if three else None}
    found |= {"money": basis(project), "test": test, "memory": memory(flows) if three else None}
    found |= {"ahead": projected(flows, rng, periods=periods, discounts=discounts(periods, days, project.variables.predict.discount_rate))}
    status = {"status": GRADED, "grade": test["grade"]} if test else {"status": CANNOT_TELL, "reasons": ["two_periods_only"]}
    return found | status


def _frozen(step) -> dict | None:
    return step.take("build", "segmentation_confirm") if step.gives("build", "segmentation_confirm") else None


def _three(step, windows: dict) -> bool:
    return windows["select"].enough and step.gives("variables", "variables_select")


def _named(step, document: dict) -> dict:
    """The segments of the frozen document, with the names that step 6 suggests for those that have none."""
    found = step.take("build", "profiles")["segments"] if step.gives("build", "profiles") else []
    suggested = {s["id"]: s.get("suggested") for s in found}
    keep = [{"id": s["id"], "name": s.get("name"), "colour": s.get("colour")} for s in document["segments"]]
    return {"segments": [s | {"suggested": suggested.get(s["id"])} for s in keep]}


# One period after the other


def chain(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transition probabilities, places × places, and those who come anew in a period, by place.

    counts   result of `counts_of`; from a place where nobody was, nobody goes
    """
    inner = counts[:-1]
    row = inner.sum(axis=1, keepdims=True)
    return np.where(row > 0, inner / np.where(row > 0, row, 1), np.eye(len(inner))), counts[-1]


def ahead(start: np.ndarray, counts: np.ndarray, periods: int) -> np.ndarray:
    """Expected customers in each place, now and after each of the periods: (periods + 1) × places."""
    moves, new = chain(counts)
    sizes = [np.asarray(start, dtype="float64")]
    for _ in range(periods):
        sizes.append(sizes[-1] @ moves + new)
    return np.array(sizes)


def discounts(periods: int, days: int, rate: float) -> np.ndarray:
    """What money of each period counts for today: discounted from the middle of the period, at `rate` a year."""
    return (1 + rate) ** (-(np.arange(periods) + 0.5) * days / 365)


# The test


def tested(flows: Flows, rng: np.random.Generator) -> dict:
    """The moves of select → confirm projected from confirm onto published, against sizes that stay as they are or grow alike.

    Where a company grows, any projection with arrivals beats unchanged sizes, whatever the moves: so the better of two simple rules is the
    baseline, the second of which gives every segment the growth of all members in the period before.
    Returns   predicted, stay, grown (the simple rules) and actual sizes of the segments; error and baseline_error (sum of their absolute
              errors, as a share of all members), baseline ("stay" or "grown"), gain = 1 − error ÷ baseline error with low and high (None
              where the sizes did not change), grade; money_predicted, money_stay and money_actual of the period, of everybody
    Interval  customers redrawn (all of whose states go with them), the redrawn differences brought back to the one observed: absolute
              errors grow with any noise that is added
    """
    k = flows.segments
    observed = _errors(flows, flows.n)
    redrawn = rng.multinomial(flows.n.sum(), flows.n / flows.n.sum(), size=DRAWS)
    better = np.array([np.subtract(*_errors(flows, n)[1::-1]) for n in redrawn])
    error, base, predicted, start, actual, grown = observed
    better += (base - error) - better.mean()
    members = max(actual[:k].sum(), 1.0)
    found = {"error": float(error / members), "baseline_error": float(base / members), "gain": None, "low": None, "high": None}
    found |= {"predicted": predicted[:k].tolist(), "stay": start[:k].tolist(), "actual": actual[:k].tolist()} | _money_of(flows, observed)
    found |= {"grown": grown[:k].tolist(), "baseline": "grown" if base < float(np.abs(start - actual)[:k].sum()) else "stay"}
    if base <= 0:
        return found | {"grade": "C"}
    low, high = (float(end / base) for end in np.quantile(better, [0.025, 0.975]))
    gain = float((base - error) / base)
    return found | {"gain": gain, "low": low, "high": high, "grade": house(gain, low)}


def _money_of(flows: Flows, observed: tuple) -> dict:
    """Money of the period that was projected: as projected, by unchanged sizes, and as it came; each place at what it made before."""
    predicted, start = observed[2:4]
    size, middle = len(flows.places), flows.at[:, 1]
    there = middle < size
    people, sums = (np.bincount(middle[there], weights=x[there], minlength=size) for x in (flows.n, flows.earlier))
    each = sums / np.where(people > 0, people, 1)
    money = {"money_predicted": predicted @ each, "money_stay": start @ each, "money_actual": flows.money.sum()}
    return {name: float(value) for name, value in money.items()}


def _errors(flows: Flows, n: np.ndarray) -> tuple:
    """Error, error of the better simple rule, and the sizes predicted, unchanged, found, and grown alike."""
    k, before, later = flows.segments, counts_of(flows, n, 0), counts_of(flows, n, 1)
    start, actual = later[:-1].sum(axis=1), later.sum(axis=0)
    predicted, members = ahead(start, before, 1)[1], before[:k].sum()
    grown = start * (start[:k].sum() / members if members else 1.0)
    error, stay, alike = (float(np.abs(guess - actual)[:k].sum()) for guess in (predicted, start, grown))
    return error, min(stay, alike) if alike else stay, predicted, start, actual, grown


# What would come


def projected(flows: Flows, rng: np.random.Generator, *, periods: int, discounts: np.ndarray) -> dict:
    """Sizes after each period, and their value, if each period moved customers and brought new ones as the last one did.

    Returns   sizes, low, high: (periods + 1) × places; each: money of a period per customer, by place; value: discounted over all periods,
              by place (value, low, high), total (value, low, high), unchanged (the same if nobody moved or came), and change (total less
              unchanged: value, low, high)
    Interval  95 %: customers redrawn, then each redrawn chain followed customer by customer (multinomial moves, Poisson arrivals), so that
              it holds both what is not known of the chain and what chance does; a period's money is redrawn as normal by its mean
    """
    counts = counts_of(flows, flows.n, 1)
    start, each = counts.sum(axis=0), _each(flows, flows.n, flows.money)
    sizes, drawn, worth, gone = ahead(start, counts, periods), [], [], []
    for n in rng.multinomial(flows.n.sum(), flows.n / flows.n.sum(), size=DRAWS):
        value = _each(flows, n, _money_drawn(flows, n, rng))
        path = _followed(start.astype("int64"), counts_of(flows, n, 1), periods, rng)
        drawn.append(path)
        worth.append((path[1:] * discounts[:, None]).sum(axis=0) * value)
        gone.append(start * discounts.sum() * value)
    by_place, unchanged = (sizes[1:] * discounts[:, None]).sum(axis=0) * each, start * discounts.sum() * each
    worth, gone = np.array(worth), np.array(gone)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    found = {"periods": periods, "sizes": sizes.tolist(), "low": low.tolist(), "high": high.tolist(), "each": each.tolist()}
    found |= {"value": _with_ends(by_place, worth), "unchanged_by_place": unchanged.tolist(), "unchanged": float(unchanged.sum())}
    found |= {"total": _with_ends(by_place.sum(), worth.sum(axis=1))}
    return found | {"change": _with_ends(by_place.sum() - unchanged.sum(), worth.sum(axis=1) - gone.sum(axis=1))}


def _followed(start: np.ndarray, counts: np.ndarray, periods: int, rng: np.random.Generator) -> np.ndarray:
    moves, new = chain(counts)
    sizes = [start]
    for _ in range(periods):
        sizes.append(rng.multinomial(sizes[-1], moves).sum(axis=0) + rng.poisson(new))
    return np.array(sizes)


def _each(flows: Flows, n: np.ndarray, money: np.ndarray) -> np.ndarray:
    """Money of the last period per customer, by the place in which it ended; 0 where nobody is."""
    size = len(flows.places)
    there = flows.at[:, 2] < size
    people, sums = (np.bincount(flows.at[there, 2], weights=x[there], minlength=size) for x in (n, money))
    return sums / np.where(people > 0, people, 1)


def _money_drawn(flows: Flows, n: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Money of each redrawn row: as many customers as were redrawn, with the row's own mean and variance."""
    mean = flows.money / flows.n
    spread = np.sqrt(np.maximum(flows.squares / flows.n - mean**2, 0.0))
    return n * mean + np.sqrt(n) * spread * rng.standard_normal(len(n))


def _with_ends(value, draws: np.ndarray) -> dict:
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    plain = {"value": value, "low": low, "high": high}
    return {name: np.asarray(one, dtype="float64").tolist() for name, one in plain.items()}
