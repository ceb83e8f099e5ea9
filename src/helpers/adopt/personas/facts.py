"""What is true of how many members of a persona: counts by segment, made into facts that give no customer away.

A fact is a plain dict: kind, code, values, origin, n (members of whom it is known), share (of these: those of whom it is true; "most"
where the others would be too few), others (the same share of everybody else; None where it cannot be told), lift (share ÷ others) with
low and high, and stands_out: more, less or None.
"""

import math
import re
from collections.abc import Iterable, Mapping
from statistics import NormalDist

import ibis
import ibis.expr.types as ir

Counts = dict[str, tuple[int, int]]
"""Segment → (members of whom it is known, of whom it is true)."""
LEVEL = 0.05
OBSERVED = ("preferred_channel", "main_device", "seniority", "journey_stage", "first_channel", "most_read")
"""Descriptors that come from behaviour; all others are what customers or staff wrote down."""
ORDERLY = r"[\d\s.,<>≤≥+$€£%–-]|k\b|m\b|\b(moins|plus|under|over|above|below|less|more|than|and|to|from|or|de|et|à|ans|years)\b|(?<=\d)k"
"""What a bracket of numbers is made of."""
MANY = 40
"""Levels above which an attribute is no attribute but a name."""


def levels(people: ir.Table, column: str) -> dict[str, dict[str, int]]:
    """Level → segment → members; an attribute of too many levels has none.

    people   segment and the column
    """
    known = people.filter(people[column].notnull())
    counted = known.group_by(["segment", known[column].cast("string").name("level")]).agg(n=ibis._.count())
    frame = counted.order_by(["level", "segment"]).execute()
    found: dict[str, dict[str, int]] = {}
    for row in frame.itertuples():
        found.setdefault(str(row.level), {})[str(row.segment)] = int(row.n)
    return found if len(found) <= MANY else {}


def sides(people: ir.Table, borders: Mapping[str, float]) -> dict[str, dict[str, Counts]]:
    """Variable → above and below → counts, against one border each; a member without a value is not known.

    people   segment and the variables
    """
    if not borders:
        return {}
    asked = {}
    for place, (name, border) in enumerate(borders.items()):
        value = people[name].cast("float64")
        value = value.isnan().ifelse(ibis.null("float64"), value)
        asked |= {f"k{place}": value.count(), f"a{place}": (value > border).sum(), f"b{place}": (value < border).sum()}
    frame = people.group_by("segment").agg(**asked).order_by("segment").execute().fillna(0)
    return {
        name: {
            side: {str(s): (int(k), int(t)) for s, k, t in zip(frame["segment"], frame[f"k{place}"], frame[f"{mark}{place}"], strict=True)}
            for side, mark in (("above", "a"), ("below", "b"))
        }
        for place, name in enumerate(borders)
    }


def doers(rows: ir.Table, people: ir.Table, column: str) -> dict[str, dict[str, int]]:
    """Value → segment → members who have at least one row with it.

    rows   customer_id and the column;  people: customer_id, segment
    """
    each = rows.filter(rows[column].notnull()).select("customer_id", column).distinct()
    return levels(each.join(people.select("customer_id", "segment"), "customer_id"), column)


def of_levels(found: Mapping[str, Mapping[str, int]], chosen: Iterable[str], known: Mapping[str, int] | None = None) -> Counts:
    """Counts of those who have one of the levels, among all of whom a level is known (or among `known`)."""
    segments = sorted({s for each in found.values() for s in each} | set(known or {}))
    whole = known if known is not None else {s: sum(each.get(s, 0) for each in found.values()) for s in segments}
    return {s: (whole.get(s, 0), sum(found[level].get(s, 0) for level in chosen)) for s in segments}


def ordered(names: Iterable[str]) -> list[str]:
    """Levels as readers count them: by the first number, “under 15” before “15 to 24”."""
    names = list(names)

    def place(level: str) -> tuple:
        numbers = [float(n) for n in re.findall(r"\d+", level)]
        above = bool(re.search(r"plus|over|above|\+|>", level.casefold()))
        under = bool(re.search(r"moins|under|below|less|<", level.casefold()))
        return (numbers[0] if numbers else math.inf, 0 if under else 2 if above else 1, level)

    return sorted(names, key=place)


def run_of(found: Mapping[str, int], *, in_order: bool = True) -> list[str]:
    """The shortest run of neighbouring levels that holds half of the members; of several the fullest. One level where they have no order.

    found      level → members
    in_order   False for codes that are numbers by accident, such as areas
    """
    whole, names = sum(found.values()), ordered(found)
    if not whole:
        return []
    if len(names) < 3 or not in_order or not all(_in_order(name) for name in names):
        return [max(names, key=lambda name: (found[name], name))]
    runs = [names[i : j + 1] for i in range(len(names)) for j in range(i, len(names))]
    enough = [(len(run), -sum(found[name] for name in run), run) for run in runs if 2 * sum(found[name] for name in run) >= whole]
    return min(enough)[2]


def looks(count: Mapping) -> int:
    """How many comparisons a count stands for: one, or every level, or every run of neighbouring levels, of which the fullest is told.

    A level that is chosen because most members have it, or because it is most their own, is the best of several: were each attribute
    counted once, one page in seven would call something their own where nothing is (tests/test_personas.py).
    """
    names = list(count.get("levels") or ())
    if len(names) < 2:
        return 1
    return len(names) * (len(names) + 1) // 2 if all(_in_order(name) for name in names) else len(names)


def _in_order(level: str) -> bool:
    """Whether a level is a number or a bracket of numbers, and no code or sentence with a digit in it."""
    return bool(re.search(r"\d", level)) and not re.sub(ORDERLY, "", level.casefold())


def compare(counts: Counts, inside: set[str], everyone: Mapping[str, int], *, tests: int, least: int) -> dict | None:
    """How many members it is true of, and of the others; None where fewer than `least` are known, or it is true of fewer.

    inside     segments of the persona;  everyone: segment → members
    tests      comparisons made on the page: the interval of the lift is as wide as that asks (Bonferroni)
    Source     Katz et al. (1978), interval of a ratio of two shares on the log scale
    """
    known, true = (sum(counts[s][i] for s in counts if s in inside) for i in (0, 1))
    other, there = (sum(counts[s][i] for s in counts if s not in inside) for i in (0, 1))
    if known < least or true < least:
        return None
    members = sum(n for s, n in everyone.items() if s in inside)
    nearly = 0 < members - known < least
    fact = {"n": None if nearly else known, "share": "most" if 0 < known - true < least else true / known, "others": None}
    fact |= {"lift": None, "low": None, "high": None, "stands_out": None, "true": true}
    if other < least or true == known == other == there:
        return fact
    if 0 < there < least or 0 < other - there < least:
        return fact | {"others": "few" if there < least else "most", "stands_out": "more" if there * known < true * other else "less"}
    fact["others"] = there / other
    if not there:
        return fact | {"stands_out": "more"}
    lift = (true / known) / (there / other)
    half = NormalDist().inv_cdf(1 - LEVEL / 2 / max(tests, 1)) * math.sqrt(max(1 / true - 1 / known + 1 / there - 1 / other, 0.0))
    low, high = lift * math.exp(-half), lift * math.exp(half)
    return fact | {"lift": lift, "low": low, "high": high, "stands_out": "more" if low > 1 else "less" if high < 1 else None}


def origin_of(attribute: str) -> str:
    """observed for what was counted, declared for what somebody wrote down."""
    return "observed" if attribute in OBSERVED else "declared"


def of_most(fact: dict) -> bool:
    """Whether it is true of more than half of the members of whom it is known."""
    return fact["share"] == "most" or (fact["share"] or 0.0) > 0.5


def gap(fact: dict) -> float:
    """By how much more it is true of members than of the others, for putting facts in order."""
    ends = {"most": 1.0, "few": 0.0}
    share, others = (ends.get(x, x) if isinstance(x, str) else x for x in (fact["share"], fact["others"]))
    return 0.0 if others is None else share - others


def cover(personas: list[dict], everyone: Mapping[tuple, int], *, least: int) -> int:
    """Take out, in place, the facts from which one about fewer than `least` customers would follow; gives how many were.

    What one persona's figure leaves of everyone's, or of that of a persona with more segments, is a figure too.
    everyone   (kind, code, values) → all customers of whom it is true
    """
    told: dict[tuple, list[tuple[set, int, dict, list]]] = {}
    for persona in personas:
        for field in persona["fields"].values():
            for fact in field["facts"]:
                if "true" in fact:
                    told.setdefault(key_of(fact), []).append((set(persona["segments"]), fact["true"], fact, field["facts"]))
    gone = 0
    for key, found in told.items():
        apart = len(set().union(*(segments for segments, *_ in found))) == sum(len(segments) for segments, *_ in found)
        rest = everyone.get(key, 0) - sum(true for _, true, _, _ in found) if apart else 0
        doomed = [min(found, key=lambda each: each[1])] if 0 < rest < least else []
        doomed += [a for a in found for b in found if a[0] < b[0] and 0 < b[1] - a[1] < least]
        for _, _, fact, facts in doomed:
            if any(fact is each for each in facts):
                facts[:] = [each for each in facts if each is not fact]
                gone += 1
    return gone


def key_of(fact: dict) -> tuple:
    """What a fact is about."""
    return fact["kind"], fact["code"], tuple(fact["values"])
