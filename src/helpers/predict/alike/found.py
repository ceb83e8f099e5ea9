"""The list of similar customers: tested on a hidden half of the group, then learnt from all of it."""

import hashlib
import math

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import collect
from helpers.collect.law import not_refused
from helpers.predict.alike import rank
from helpers.predict.alike.groups import KEY, Group, barred, described, groups
from helpers.predict.grades import CANNOT_TELL, GRADED, NONE, NOT_READY, house, need
from helpers.rates import quantile, wilson
from helpers.variables.proxies import CLEAR

LEAST = 100
"""Members without whom nothing is learnt: half of them teach, the other half test."""
TOLD = 3
"""Characteristics that are named as setting the group apart."""
SAME = "inside_"


def similar(step, members: ir.Table, checked: dict | None = None) -> tuple[dict, ir.Table | None]:
    """Step 8: for each group of target.widen, customers who resemble its members and are none.

    members   customer_id, segment: the membership of step 6;  checked: tables of step 3
    Returns   evidence {status, reasons, groups: [...]} and the table group, rank (1 = most alike), customer_id, or None where no group
              has a list. Each group: name, kind, length, members, candidates, status graded | not_ready | cannot_tell, reasons,
              readiness, grade, test (`hidden_half`), by ("points", "rule" or None), barred (why → names), apart (names), listed
    Looked at are those in scope (others are not measured) who did not refuse profiling. The place in the list is no probability.
    Raises    as `groups`
    """
    project = step.project
    checked = checked if checked is not None else collect.checked(step)
    table, known = described(step, checked["orders"])
    people = not_refused(table, checked.get("consents")).cache()
    wanted, lists, told = groups(step, members), [], []
    proxies = _proxies(step)
    for group in wanted:
        entry, listed = _widened(step, group, people, known, proxies)
        told.append(entry)
        lists += [] if listed is None else [listed]
    status = NONE if not told else GRADED if any(e["status"] == GRADED for e in told) else told[0]["status"]
    reasons = sorted({reason for entry in told for reason in entry["reasons"]}) if told else ["no_group"]
    evidence = {"status": status, "reasons": reasons, "groups": told, "in_scope": int(table.count().execute())}
    evidence["looked_at"] = int(people.count().execute())
    return evidence | {"seed": project.seed}, ibis.union(*lists) if len(lists) > 1 else lists[0] if lists else None


def _proxies(step) -> dict[str, list[str]]:
    """Protected attribute → the variable that gives it clearly away by itself, as step 4 found."""
    found = step.take("variables", "proxies") if step.gives("variables", "proxies") else []
    entries = found if isinstance(found, list) else found.get("attributes", found.get("proxies", []))
    result: dict[str, list[str]] = {}
    for each in entries:
        chance, alone = each.get("chance"), each.get("alone_low")
        if chance is not None and alone is not None and (alone - chance) / (1 - chance) >= CLEAR:
            result.setdefault(each["attribute"], []).append(each["variable"])
    return result


def _widened(step, group: Group, people: ir.Table, known: dict, proxies: dict) -> tuple[dict, ir.Table | None]:
    project = step.project
    entry = {"name": group.name, "kind": group.kind, "length": group.length, "status": NOT_READY, "reasons": [], "readiness": []}
    entry |= {"grade": None, "test": None, "by": None, "barred": {}, "apart": [], "listed": 0}
    if group.members is None:
        return entry | {"reasons": ["no_high_value"], "members": 0, "candidates": 0}, None
    marked = people.left_join(group.members.mutate(**{SAME: True}), KEY).drop(f"{KEY}_right")
    marked = marked.mutate(**{SAME: marked[SAME].fill_null(False)})
    n, inside = (int(x) for x in marked.aggregate(n=marked.count(), k=marked[SAME].cast("int64").sum().fill_null(0)).execute().iloc[0])
    entry |= {"members": inside, "candidates": n - inside}
    sample = step.sample(marked)
    entry["barred"] = barred(group, known, project, sample, proxies)
    allowed = [name for name in known if not any(name in names for names in entry["barred"].values())]
    chosen = rank.features(sample, known, allowed, project.min_cell)
    teach = int(sample[SAME].sum())
    entry["readiness"] = [
        need("members", teach, LEAST),
        need("candidates", n - inside, 2 * group.length),
        need("characteristics", len(chosen), 1),
    ]
    lacking = [each["code"] for each in entry["readiness"] if not each["met"]]
    if lacking:
        return entry | {"reasons": [f"too_few_{code}" for code in lacking]}, None
    return _judged(step, group, entry, marked, sample, chosen)


def _judged(step, group: Group, entry: dict, marked: ir.Table, sample: pd.DataFrame, chosen: list) -> tuple[dict, ir.Table | None]:
    seed, inside = step.project.seed, sample[SAME].to_numpy(dtype=bool)
    length = max(round(group.length * len(sample) / (entry["members"] + entry["candidates"])), 1)
    test = hidden_half(sample, inside, chosen, length=length, seed=seed)
    points = rank.learn(rank.matrix(sample, chosen), inside)
    if test is None or points is None:
        return entry | {"status": CANNOT_TELL, "reasons": ["not_converged"]}, None
    by = speaks(test)
    x = rank.matrix(sample, chosen)
    entry |= {"status": GRADED, "grade": test["grade"], "test": test, "by": by}
    entry["apart"] = [name for name, weight in rank.weights(x, points, chosen)[:TOLD] if weight > 0]
    if by is None:
        return entry | {"reasons": ["no_better_than_chance"]}, None
    others = marked.filter(~marked[SAME])
    value = rank.score(others, rank.split(points, chosen)) if by == "points" else _by_rule(others, sample, inside, chosen, test["rule"])
    listed = ranked(others, value, group.length, seed=seed).mutate(group=ibis.literal(group.name))
    return entry | {"listed": group.length}, listed.select("group", "rank", KEY)


def speaks(test: dict) -> str | None:
    """What ranks: the points where they beat the simple rule, else the rule where it beats chance, else the points where they do."""
    if test["grade"] in ("A", "B"):
        return "points"
    if test["rule"]["low"] > test["chance"]:
        return "rule"
    return "points" if test["low"] > test["chance"] else None


def ranked(table: ir.Table, value: ir.Value, length: int, *, seed: int) -> ir.Table:
    """The customers with the largest values, the largest first: rank, customer_id; ties fall by a hash of the customer and the seed."""
    draw = (ibis.literal(f"{seed}|") + table[KEY]).hexdigest("md5")
    first = table.select(KEY, value_=value, draw_=draw).order_by([ibis.desc("value_"), "draw_", KEY]).limit(length)
    place = ibis.row_number().over(order_by=[ibis.desc("value_"), "draw_", KEY])
    return first.mutate(rank=place + 1).select("rank", KEY)


def _by_rule(table: ir.Table, sample: pd.DataFrame, inside: np.ndarray, chosen: list, rule: dict) -> ir.Value:
    one = next(each for each in chosen if each.name == rule["name"])
    if rule["way"] == "level":
        share = np.round(rank.shares(sample, inside, one) * rank.POINT).astype("int64")
        column, levels = table[one.name], zip(one.levels, share, strict=False)
        pieces = [(column.cast("string") == level, int(points)) for level, points in levels]
        return ibis.cases((column.isnull(), int(share[-2])), *pieces, else_=int(share[-1]))
    value = table[one.name].cast("float64")
    return (value if rule["way"] == "up" else -value).fill_null(-math.inf)


# The test


def hidden_half(sample: pd.DataFrame, inside: np.ndarray, chosen: list, *, length: int, seed: int) -> dict | None:
    """Half of the members hidden among the candidates: how many of them a list of this length finds.

    sample   customer_id and the characteristics;  inside: who is a member
    Returns  hidden, pool (candidates with the hidden), length, hits, share of the list with its 95 % interval low and high (Wilson),
             chance (the share that any list would hold), rule {name, way, hits, share, low, high}: the one characteristic that found most
             of the half that was not hidden; gain = hits ÷ the rule's − 1, gain_low, gain_high, grade; None: not converged
    Grade    A gain ≥ 5 % and its interval above 0, B interval above 0, C otherwise, or no better than chance. The interval counts those
             whom one list finds and the other does not (McNemar 1947)
    """
    draw = np.array([hashlib.md5(f"{seed}|{c}".encode()).hexdigest() for c in sample[KEY]])  # noqa: S324
    side = np.array([hashlib.md5(f"{seed}|half|{c}".encode()).digest()[0] % 2 == 1 for c in sample[KEY]])  # noqa: S324
    taught, hidden = inside & ~side, inside & side
    points = rank.learn(rank.matrix(sample, chosen), taught)
    if points is None:
        return None
    pool = ~taught
    listed = _first(rank.matrix(sample, chosen) @ points, pool, draw, length)
    simple = rank.orders_of(sample, taught, chosen)
    tried = {key: int((_first(value, ~hidden, draw, length) & taught).sum()) for key, value in simple.items()}
    best = max(sorted(tried), key=lambda key: tried[key])
    beside = _first(simple[best], pool, draw, length)
    found = {"hidden": int(hidden.sum()), "pool": int(pool.sum()), "length": length, "chance": float(hidden.sum() / pool.sum())}
    found |= _hits(listed & hidden, length) | {"rule": {"name": best[0], "way": best[1]} | _hits(beside & hidden, length)}
    found |= _gain(listed & hidden, beside & hidden)
    return found | {"grade": found["grade"] if found["low"] > found["chance"] else "C"}


def _first(value: np.ndarray, among: np.ndarray, draw: np.ndarray, length: int) -> np.ndarray:
    """The rows of the list: the largest values among those, ties by `draw`."""
    places = np.flatnonzero(among)
    places = places[np.lexsort((draw[places], -value[places]))][:length]
    result = np.zeros(len(value), dtype=bool)
    result[places] = True
    return result


def _hits(found: np.ndarray, length: int) -> dict:
    hits = int(found.sum())
    low, high = wilson(hits, length)
    return {"hits": hits, "share": hits / length, "low": low, "high": high}


def _gain(ours: np.ndarray, rules: np.ndarray) -> dict:
    only, others, base = int((ours & ~rules).sum()), int((rules & ~ours).sum()), int(rules.sum())
    if not base:
        grade = "A" if only - quantile() * math.sqrt(only) > 0 else "C"
        return {"gain": None, "gain_low": None, "gain_high": None, "grade": grade}  # no ratio to nobody
    gain, half = (only - others) / base, quantile() * math.sqrt(only + others) / base
    return {"gain": gain, "gain_low": gain - half, "gain_high": gain + half, "grade": house(gain, gain - half)}
