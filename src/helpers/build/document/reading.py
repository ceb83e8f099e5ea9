"""A document as the program sees it: its variables, their coordinates, and how sure a segment is at a distance from its border."""

from dataclasses import dataclass, field

from helpers.build.document.terms import (
    Stage,
    Term,
    absolute,
    at_least,
    case,
    clip,
    col,
    is_missing,
    least,
    ln,
    minus,
    nothing,
    one_of,
    opposite,
    over,
    real,
    same,
    sqrt,
)

TIE = 1e-9
"""Scores that differ by no more are equal: engines differ in the last digits of a logarithm."""


@dataclass
class Reading:
    """A document as the program sees it. `fresh` gives names to working columns that no variable has."""

    document: dict
    taken: set[str] = field(default_factory=set)

    def __post_init__(self):
        self.variables = {v["name"]: v for v in self.document["variables"]}
        self.ids = [s["id"] for s in self.document["segments"]]
        ((self.kind, self.how),) = self.document["assign"].items()
        self.taken |= {name.casefold() for name in (*self.variables, self.document["key"], "confidence", "reason")}
        self.coordinates = {name: self._coordinates(v) for name, v in self.variables.items()}

    def fresh(self, name: str) -> str:
        name = name.lower()
        while name.casefold() in self.taken:
            name += "_"
        self.taken.add(name.casefold())
        return name

    def _coordinates(self, variable: dict) -> list[str]:
        """The columns of a variable after its steps: itself, or one a level."""
        if variable["kind"] == "number":
            return [variable["name"]]
        return [self.fresh(f"{variable['name']}_{n}") for n, _ in enumerate(variable.get("levels") or [], 1)]

    def filling(self, variable: dict) -> float | None:
        """What stands for a missing number: in format 1 and beside centres always something, 0 unless told."""
        missing = variable.get("missing")
        return 0.0 if missing is None and (self.document["format"] == 1 or self.kind == "nearest") else missing


def transformed(r: Reading) -> Stage:
    columns = {}
    for name, variable in r.variables.items():
        if variable["kind"] == "category":
            columns |= _levels(name, variable.get("levels") or [], r.coordinates[name])
            continue
        value = col(name)
        for step in variable["steps"]:
            value = _step(value, *next(iter(step.items())))
        kept = r.filling(variable) is None and variable["steps"]
        columns[name] = case([(opposite(is_missing(col(name))), value)], nothing("number")) if kept else value
    return Stage("transformed", "clipped, on a logarithmic scale, standardised", columns)


def _step(value: Term, name: str, how) -> Term:
    if name == "clip":
        return clip(value, *how)
    if name == "scale":
        return over(minus(value, how[0]), how[1])
    return ln(minus(value, -1.0)) if name == "log1p" else sqrt(value)


def _levels(name: str, levels: list[dict], columns: list[str]) -> dict[str, Term]:
    """(1[x = level] - centre) / scale for each level; 0 on all of them for whoever has none of the levels."""
    found = {}
    for own, column in zip(levels, columns, strict=True):
        centre, scale = own.get("centre", 0.0), own.get("scale", 1.0)
        others = tuple(each["level"] for each in levels if each is not own)
        branches = [(same(col(name), own["level"]), plain((1 - centre) / scale))]
        if others and centre:
            branches.append((one_of(col(name), others), plain(-centre / scale)))
        found[column] = case(branches, 0.0)
    return found


def plain(value: float) -> float:
    """A figure worked out here, with the digits of those that are written."""
    return float(f"{value:.12g}")


def nearest_bound(r: Reading, border: str, bounds: list[tuple[str, float]]) -> Stage:
    """The smallest |value - bound| / spread over the bounds of the document; NULL for whoever has none of the values."""
    spread = (r.how.get("confidence") or {}).get("spread") or {}
    apart_ = [over(absolute(minus(col(name), bound)), float(spread[name])) for name, bound in bounds if name in spread]
    return Stage("borders", "how far the nearest bound is", {border: least(apart_) if apart_ else nothing("number")})


def confidence(r: Reading, segment: str, border: str, other: str | None = None) -> object:
    """The share of redrawings that keep the segment, a step function of the distance to the border for each pair of segments."""
    table = (r.how.get("confidence") or {}).get("table") or []
    branches = [(is_missing(col(border)), nothing("number"))]
    for id_ in r.ids:
        rows = {row["other"]: _steps(border, row) for row in table if row["own"] == id_}
        anyone = rows.pop("", nothing("number"))
        if rows or isinstance(anyone, float) or anyone.op != "nothing":
            pairs = [(same(col(other), name), steps) for name, steps in rows.items()] if other else []
            branches.append((same(col(segment), id_), case(pairs, anyone)))
    return real(case(branches, nothing("number"))) if len(branches) > 1 else nothing("number")


def _steps(border: str, row: dict) -> object:
    lowest, *more = map(float, row["share"])
    return case([(at_least(col(border), float(at)), share) for at, share in zip(row["at"], more, strict=True)][::-1], lowest)


def last(segment: str, confidence: object, reason: object) -> Stage:
    return Stage("found", "", {"segment": col(segment), "confidence": confidence, "reason": reason})
