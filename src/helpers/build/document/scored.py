"""Segments of whom customers are most like: the nearest centre, and the class with the greatest posterior probability."""

import math

import numpy as np

from helpers.build.document.reading import TIE, Reading, confidence, last, plain, transformed
from helpers.build.document.terms import (
    Stage,
    Term,
    apart,
    at_least,
    case,
    col,
    every,
    exp,
    greatest,
    is_missing,
    known,
    least,
    ln,
    minus,
    nothing,
    opposite,
    over,
    same,
    square,
    total,
    up_to,
)

FLOOR = 1e-6
"""Least probability and standard deviation of a class: what never occurred at build must not make a class impossible."""


def nearest(r: Reading, segment: str) -> list[Stage]:
    """The smallest squared distance, on the coordinates or on axes."""
    at, project = [c for columns in r.coordinates.values() for c in columns], r.document.get("project")
    stages, coordinates = [transformed(r)], at
    if project:
        axes = list(zip(*project["loadings"], strict=True))
        coordinates = [r.fresh(f"axis_{n}") for n, _ in enumerate(axes, 1)]
        centred = [minus(col(x), c) for x, c in zip(at, project["centre"], strict=True)]
        columns = {a: total(zip(axis, centred, strict=True)) for a, axis in zip(coordinates, axes, strict=True)}
        stages.append(Stage("axes", "coordinates on the principal axes", columns))
    distances = {id_: r.fresh(f"distance_{id_}") for id_ in r.ids}
    squares = {
        distances[id_]: total((1.0, square(minus(col(x), c))) for x, c in zip(coordinates, centroid, strict=True))
        for id_, centroid in zip(r.ids, r.how["centroids"], strict=True)
    }
    best = r.fresh("best")
    branches = [(up_to(col(distances[id_]), minus(col(best), -TIE)), id_) for id_ in r.ids[:-1]]
    stages += [
        Stage("distances", "squared distances to the segments' centres", squares),
        Stage("nearest", "the smallest of them", {best: least(col(d) for d in distances.values())}),
        Stage("assigned", "the segment", {segment: case(branches, r.ids[-1])}),
    ]
    sure, confidence = _border_of_pairs(r, segment, distances, best)
    why, reason = _speaking(r, segment, _pulls(r, at, project))
    return [*stages, *sure, *why, last(segment, confidence, reason)]


def _border_of_pairs(r: Reading, segment: str, distances: dict[str, str], best: str) -> tuple[list[Stage], object]:
    """How far the border to the nearest other segment is, (d2² - d1²) / (2 ||c1 - c2||), and the confidence at that distance."""
    if not r.how.get("confidence") or len(r.ids) < 2:
        return [], nothing("number")
    gap, other, border = r.fresh("gap"), r.fresh("other"), r.fresh("border")
    others = {d: case([(same(col(segment), id_), nothing("number"))], col(d)) for id_, d in distances.items()}
    second = least(col(d) for d in distances.values())
    neighbours = case([(up_to(col(distances[id_]), minus(col(gap), -TIE)), id_) for id_ in r.ids[:-1]], r.ids[-1])
    centres = {id_: np.array(c) for id_, c in zip(r.ids, r.how["centroids"], strict=True)}
    widths = {a: {b: plain(2 * float(np.linalg.norm(centres[a] - centres[b]))) or 1.0 for b in r.ids if b != a} for a in r.ids}
    width = case([(same(col(segment), a), _by(other, row)) for a, row in list(widths.items())[:-1]], _by(other, widths[r.ids[-1]]))
    stages = [
        Stage("others", "distances to the other segments' centres", others),
        Stage("next", "the smallest of these", {gap: second}),
        Stage(
            "neighbours",
            "the nearest other segment, and how much farther it is",
            {other: neighbours, gap: known(apart(col(gap), col(best)), None)},
        ),
        Stage("borders", "how far the border between the two is", {border: over(greatest([col(gap), 0.0]), width)}),
    ]
    return stages, confidence(r, segment, border, other)


def _by(column: str, values: dict) -> object:
    *first, last = values.items()
    return case([(same(col(column), name), value) for name, value in first], last[1])


def _pulls(r: Reading, at: list[str], project: dict | None) -> dict[str, dict[str, Term]]:
    """Segment → variable → how much nearer to the segment's centre than to the middle it puts a customer: x² - (x - c)².

    Centres found on axes are taken back to the variables by the pseudo-inverse of the loadings. With m the middle, the difference of
    squares is 2 (c - m) (x - (c + m) / 2).
    """
    middle, centres = np.zeros(len(at)), np.array(r.how["centroids"], dtype="float64")
    if project:
        middle = np.array(project["centre"], dtype="float64")
        centres = middle + centres @ np.linalg.pinv(np.array(project["loadings"], dtype="float64"))
    found: dict[str, dict[str, Term]] = {}
    for id_, centre in zip(r.ids, centres, strict=True):
        weight = dict(zip(at, (2 * (centre - middle)).tolist(), strict=True))
        half_way = dict(zip(at, ((centre + middle) / 2).tolist(), strict=True))
        found[id_] = {
            name: total((plain(weight[c]), minus(col(c), plain(half_way[c]))) for c in columns) for name, columns in r.coordinates.items()
        }
    return found


def posterior(r: Reading, segment: str) -> list[Stage]:
    """Log share and log densities of what is known, added in the order of the variables; the greatest sum wins."""
    classes = sorted(r.how["classes"], key=lambda c: r.ids.index(c["segment"]))
    shares = [c["share"] / math.fsum(c["share"] for c in classes) for c in classes]
    used = [name for name in r.variables if any(name in c["of"] for c in classes)]
    scores, densities = {}, {}
    for each, share in zip(classes, shares, strict=True):
        densities[each["segment"]] = {name: _density(name, each["of"][name]) for name in used if name in each["of"]}
        terms = [_weight(math.log(share)), *((1.0, d) for d in densities[each["segment"]].values())]
        scores[each["segment"]] = total(terms)
    names = {id_: r.fresh(f"score_{id_}") for id_ in scores}
    best, summed, ignored = r.fresh("best"), r.fresh("all_of_them"), r.fresh("nothing_known")
    missing = every(is_missing(col(name)) for name in used)
    odds = total((1.0, exp(apart(col(n), col(best)))) for n in names.values())
    branches = [(up_to(minus(col(best), TIE), col(names[id_])), id_) for id_ in list(scores)[:-1]]
    posterior = known(over(1.0, col(summed)), None)
    if r.how.get("unknown") is not None:
        branches = [(col(ignored), r.how["unknown"]), *branches]
        posterior = case([(opposite(col(ignored)), posterior)], nothing("number"))
    reads = {names[id_]: score for id_, score in scores.items()} | {ignored: missing}
    why, reason = _loglikelihood_gains(r, segment, densities, dict(zip(scores, shares, strict=True)), used)
    return [
        _kept(r),
        Stage("scores", "logarithm of each class's share times the density of what is known", reads),
        Stage("best_score", "the greatest of them", {best: greatest(col(n) for n in names.values())}),
        Stage("assigned", "the segment", {segment: case(branches, list(scores)[-1]), summed: odds}),
        *why,
        last(segment, posterior, reason),
    ]


def _kept(r: Reading) -> Stage:
    """The variables after their steps; categories as they are."""
    stage = transformed(r)
    numbers = {name: stage.columns[name] for name, v in r.variables.items() if v["kind"] == "number"}
    return Stage(stage.name, stage.comment, numbers | {name: col(name) for name, v in r.variables.items() if v["kind"] == "category"})


def _weight(value: float) -> tuple[float, object]:
    return 1.0, plain(value)


def _density(name: str, how: dict) -> Term:
    """Logarithm of the density of one variable in one class; a missing value, or a level without probability, says nothing: 0."""
    if "levels" in how:
        logs = {level: plain(math.log(max(p, FLOOR))) for level, p in how["levels"].items()}
        return case([(same(col(name), level), value) for level, value in logs.items()], 0.0)
    sd = max(how["sd"], FLOOR)
    peak, slope = plain(-math.log(sd) - math.log(2 * math.pi) / 2), plain(-1 / (2 * sd * sd))
    bell = total([(1.0, peak), (slope, square(minus(col(name), how["mean"])))])
    return case([(is_missing(col(name)), 0.0)], bell)


def _loglikelihood_gains(r: Reading, segment: str, densities: dict, shares: dict, used: list[str]) -> tuple[list[Stage], object]:
    """log f(x | own class) - log f(x | everyone) for each variable; a missing one speaks for nothing."""
    of = {(id_, name): r.fresh(f"log_{name}_{id_}") for name in used for id_ in densities}
    top, everyone = ({name: r.fresh(f"{what}_{name}") for name in used} for what in ("top", "everyone"))
    logs = {column: densities[id_].get(name, 0.0) for (id_, name), column in of.items()}
    tops = {top[name]: greatest(col(of[id_, name]) for id_ in densities) for name in used}
    mixed = {name: total((plain(share), exp(apart(col(of[id_, name]), col(top[name])))) for id_, share in shares.items()) for name in used}
    gone = {name: is_missing(col(name)) for name in used}
    pulls = {
        id_: {name: case([(gone[name], nothing("number"))], apart(col(of[id_, name]), col(everyone[name]))) for name in used}
        for id_ in densities
    }
    others = {name: nothing("number") for name in r.variables if name not in used}
    stages, reason = _speaking(r, segment, {id_: row | others for id_, row in pulls.items()})
    return [
        Stage("densities", "logarithm of the density of each variable in each class", logs),
        Stage("densest", "the greatest of each variable", tops),
        Stage("mixture", "the same among everyone", {everyone[n]: total([(1.0, ln(mixed[n])), (1.0, col(top[n]))]) for n in used}),
        *stages,
    ], reason


def _speaking(r: Reading, segment: str, pulls: dict[str, dict[str, Term]]) -> tuple[list[Stage], object]:
    """The variable that speaks most for a customer's own segment, given how much each speaks for each."""
    gains, most = {name: r.fresh(f"for_{name}") for name in r.variables}, r.fresh("most")
    columns = {
        gain: case([(same(col(segment), id_), pulls[id_][name]) for id_ in pulls], nothing("number")) for name, gain in gains.items()
    }
    stages = [
        Stage("speaking", "how much each variable speaks for the segment", columns),
        Stage("loudest", "the most that one of them does", {most: greatest(col(gain) for gain in gains.values())}),
    ]
    reached = [(at_least(col(gain), minus(col(most), TIE)), name) for name, gain in gains.items()]
    return stages, case(reached, nothing("text"))
