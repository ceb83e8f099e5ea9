"""Segments by rules on values as they are measured: the first rule that holds, and bands of points."""

from collections.abc import Mapping

from helpers.build.document.reading import TIE, Reading, confidence, last, nearest_bound
from helpers.build.document.terms import (
    Stage,
    Term,
    at_least,
    below,
    case,
    col,
    every,
    greatest,
    half,
    is_missing,
    one_of,
    opposite,
    over,
    same,
    some,
    surely,
    times,
    total,
    whole,
)


def first_match(r: Reading, segment: str) -> list[Stage]:
    """The first rule that holds; definitions first, each one column."""
    columns = {name: r.fresh(name) for name in r.how.get("define") or {}}
    stages = []
    for depth, names in enumerate(_depths(r.how.get("define") or {})):
        made = {columns[name]: surely(holding(r.how["define"][name], columns)) for name in names}
        stages.append(Stage("defined" if depth == 0 else f"defined_{depth + 1}", "conditions that have a name", made))
    rules = [(holding(rule["when"], columns), rule) for rule in r.how["rules"]]
    reason = case([(holds, rule.get("name") or str(n)) for n, (holds, rule) in enumerate(rules, 1)], "otherwise")
    stages += [
        nearest_bound(r, border := r.fresh("border"), rule_bounds(r.how)),
        Stage(
            "assigned",
            "the segment",
            {
                segment: case([(holds, rule["segment"]) for holds, rule in rules], r.how["otherwise"]),
                (why := r.fresh("why")): reason,
            },
        ),
    ]
    return [*stages, last(segment, confidence(r, segment, border), col(why))]


def holding(condition, columns: Mapping[str, str]) -> Term:
    """Whether a condition holds. Missing values fulfil no comparison; the opposite of a comparison holds for them."""
    if isinstance(condition, list):
        return every(holding(each, columns) for each in condition)
    if "all" in condition:
        return every(holding(each, columns) for each in condition["all"])
    if "any" in condition:
        return some(holding(each, columns) for each in condition["any"])
    if "not" in condition:
        return opposite(holding(condition["not"], columns))
    if "rule" in condition:
        return col(columns[condition["rule"]])
    value = col(condition["variable"])
    if "missing" in condition:
        return is_missing(value)
    if "in" in condition:
        return one_of(value, tuple(condition["in"]))
    bounds = [(at_least, condition.get("at_least")), (below, condition.get("below"))]
    return every(compare(value, float(bound)) for compare, bound in bounds if bound is not None)


def _depths(define: dict) -> list[list[str]]:
    """Names grouped so that each condition builds only on groups before its own."""
    groups, placed = [], set()
    while len(placed) < len(define):
        groups.append([name for name in define if name not in placed and set(rules_named(define[name])) <= placed])
        placed |= set(groups[-1])
    return groups


def rules_named(condition) -> list[str]:
    """The definitions that a condition builds on."""
    return [each["rule"] for each in parts(condition) if "rule" in each]


def parts(condition) -> list[dict]:
    """A condition's own conditions, all the way down."""
    if isinstance(condition, list):
        return [part for each in condition for part in parts(each)]
    inner = [*(condition.get("all") or []), *(condition.get("any") or []), *([condition["not"]] if "not" in condition else [])]
    return parts(inner) if inner or {"all", "any"} & set(condition) else [condition]


def rule_bounds(how: dict) -> list[tuple[str, float]]:
    """Variable and bound of every comparison with a number."""
    each = parts([*(how.get("define") or {}).values(), *(rule["when"] for rule in how["rules"])])
    found = [(c["variable"], float(c[side])) for c in each for side in ("at_least", "below") if c.get(side) is not None]
    return list(dict.fromkeys(found))


def points(r: Reading, segment: str) -> list[Stage]:
    """Points of the criteria, added in the order of the variables; the first band reached."""
    criteria = sorted(r.how["criteria"], key=lambda c: list(r.variables).index(c["variable"]))
    points, border = r.fresh("points"), r.fresh("border")
    earned = {c["variable"]: _earned(c) for c in criteria}
    bounds = [(c["variable"], float(cut)) for c in criteria for cut in dict.fromkeys(c.get("cuts") or [])]
    branches = [(at_least(col(points), from_), id_) for id_, from_ in _bands(r.how)]
    return [
        nearest_bound(r, border, bounds),
        Stage("criteria", "the points of each criterion", earned),
        Stage("total", "all points of a customer", {points: total((1.0, col(name)) for name in earned)}),
        Stage("assigned", "the segment", {segment: case(branches, r.how["otherwise"])}),
        last(segment, confidence(r, segment, border), whole(col(points))),
    ]


def _earned(criterion: dict) -> object:
    value, otherwise = col(criterion["variable"]), criterion.get("otherwise")
    if criterion.get("levels"):
        points = case([(same(value, level), float(p)) for level, p in criterion["levels"].items()], float(otherwise or 0))
    else:
        lowest, *more = map(float, criterion["points"])
        reached = [(at_least(value, float(cut)), p) for cut, p in zip(criterion["cuts"], more, strict=True)][::-1]
        if otherwise is not None:
            reached.insert(0, (is_missing(value), float(otherwise)))
        points = case(reached, lowest)
    if "age" not in criterion:
        return points
    age = col(criterion["age"])
    decayed = times(points, half(over(greatest([age, 0.0]), float(criterion["half_life_days"]))))
    return case([(is_missing(age), 0.0)], decayed)


def _bands(how: dict) -> list[tuple[str, float]]:
    """Segment and the points it takes. Fractions may add up to a hair less than they should: 0.1 + 0.7 is not 0.8."""
    figures = [band["from"] for band in how["bands"]]
    for c in how["criteria"]:
        figures += [*(c.get("points") or []), *(c.get("levels") or {}).values(), c.get("otherwise") or 0]
    plain = all(x == int(x) for x in figures) and not any("age" in c for c in how["criteria"])
    return [(band["segment"], float(band["from"]) - (0.0 if plain else TIE)) for band in how["bands"]]
