"""What two runs found: segments, the rules that make them, verdicts, criteria, the contest, and how far their labels agree."""

import math
from typing import Any

import numpy as np

from helpers.build.agreement import adjusted_rand, interval
from helpers.engine import Engine
from helpers.masking import covered_sizes
from helpers.project import Project
from helpers.reevaluate.history import sizes
from helpers.run import Past

CENTRED = ("nearest", "posterior")
"""Forms of documents in which a segment is a typical customer."""
LEAST = 0.005
"""Standard deviations by which a centre must have moved to be told of."""


def segments(one: Past, other: Past, project: Project) -> list[dict]:
    """Every segment of either run: id, name, suggested (of B where it is there), and of A and B n and money (revenue of its members per
    30 days); None where there is none or pages may not tell of it."""
    sides = [{s["id"]: s for s in sizes(run.json("build", "profiles", {}), project)} for run in (one, other)]
    a, b = sides
    rows = []
    for id_ in [*b, *(i for i in a if i not in b)]:
        newest = b.get(id_) or a[id_]
        row = {"id": id_, "name": newest["name"], "suggested": newest["suggested"], "in_a": id_ in a, "in_b": id_ in b}
        for letter, side in zip("ab", sides, strict=True):
            told = side[id_] if id_ in side and side[id_]["shown"] else {}
            row |= {f"n_{letter}": told.get("n"), f"money_{letter}": told.get("money")}
        rows.append(row)
    return rows


def rules(one: Past, other: Past, project: Project) -> dict:
    """How the segmentation documents differ.

    Returns   same (whether they give everybody the same label: all but names, colours and dates is equal; None where a run has none),
              forms (of A and B: nearest, posterior, first_match, points), added and gone (variables), `centres` and `cuts`; withheld:
              whether a segment is too small for its rules to be told
    """
    a, b = (run.json("build", "segmentation") for run in (one, other))
    if a is None or b is None:
        return {"same": None, "forms": [None, None], "added": [], "gone": [], "centres": [], "cuts": [], "withheld": False}
    names = [[v["name"] for v in document["variables"]] for document in (a, b)]
    forms = [next(iter(document["assign"])) for document in (a, b)]
    shut = {row["id"] for run in (one, other) for row in sizes(run.json("build", "profiles", {}), project) if not row["shown"]}
    found = {"same": _bare(a) == _bare(b), "forms": forms, "withheld": bool(shut)}
    found |= {"added": [n for n in names[1] if n not in names[0]], "gone": [n for n in names[0] if n not in names[1]]}
    moved = centres(a, b) if forms[0] == forms[1] and forms[0] in CENTRED else []
    return found | {"centres": [row for row in moved if row["segment"] not in shut], "cuts": [] if shut else cuts(a, b)}


def centres(a: dict, b: dict) -> list[dict]:
    """How the centres of segments of both documents moved, or the typical values of their classes, the farthest first.

    Returns   segment, variable, level ("" of a number), a and b (in the variable's own unit: the steps undone; of a level its share),
              sd (how far in standard deviations, on the scale of A's steps)
    """
    sides = [_centres(document) for document in (a, b)]
    rows = []
    for key in sides[0]:
        if key not in sides[1]:
            continue
        was, now = sides[0][key], sides[1][key]
        moved = _standard(a, key, now) - _standard(a, key, was)
        if abs(moved) >= LEAST:
            rows.append({"segment": key[0], "variable": key[1], "level": key[2], "a": was, "b": now, "sd": moved})
    return sorted(rows, key=lambda row: (-abs(row["sd"]), row["segment"], row["variable"], row["level"]))


def cuts(a: dict, b: dict) -> list[dict]:
    """Limits of the documents that differ beside centres and classes, those of rules and points first, then those of the variables' steps.

    Returns   place (the way there, such as ("define", "big", "spend", "at_least") or ("spend", "clip", 2)), a, b (None: not there)
    """
    one, two = (dict(_limits(document)) for document in (a, b))
    order = dict.fromkeys([*two, *one])
    return [{"place": place, "a": one.get(place), "b": two.get(place)} for place in order if one.get(place) != two.get(place)]


def verdicts(one: Past, other: Past) -> list[dict]:
    """What was concluded, where it differs: what ("reevaluation", "structure", "recipe", "objective", "panel"), a, b.

    recipe is the one published; objective and panel are its scores in the contest
    """
    sides = []
    for run in (one, other):
        evidence, chosen = run.json("build", "evidence", {}), run.json("build", "profiles", {}).get("chosen")
        structure, scores = evidence.get("structure"), (evidence.get("contest") or {}).get(chosen) or {}
        verdict = structure.get("verdict") if isinstance(structure, dict) else structure
        found = {"reevaluation": run.json("reevaluate", "reevaluation", {}).get("verdict"), "structure": verdict, "recipe": chosen}
        sides.append(found | {name: (scores.get(name) or {}).get("value") for name in ("objective", "panel")})
    a, b = sides
    return [{"what": name, "a": a[name], "b": b[name]} for name in a if a[name] != b[name]]


def criteria(one: Past, other: Past) -> list[dict]:
    """Criteria whose verdict differs: segment (None: of all together), criterion, a, b."""
    a, b = (_criteria(run.json("build", "criteria", {})) for run in (one, other))
    return [
        {"segment": key[0], "criterion": key[1], "a": a.get(key), "b": b.get(key)}
        for key in dict.fromkeys([*b, *a])
        if a.get(key) != b.get(key)
    ]


def agreement(one: Past, other: Past, project: Project) -> dict:
    """How far the labels that both runs published agree, over the customers who have one in both.

    Decisions for single customers count, as in the lists that went out.
    Returns   why ("" or "no labels", "few": then all else is None), n, only_a, only_b, value, low, high (adjusted Rand index, 95 %
              interval over customers redrawn), moved (share with another segment id); the counts are None where one is of 1 to min_cell − 1
              customers, and so is a share that would tell of so few
    """
    unknown = dict.fromkeys(("n", "only_a", "only_b", "value", "low", "high", "moved"))
    if not all(run.whole and run.gives("build", "membership") for run in (one, other)):
        return unknown | {"why": "no labels"}
    con = Engine(project, other.as_of).con
    a, b = (run.table(con, "build", "membership") for run in (one, other))
    both = a.select("customer_id", a="segment").outer_join(b.select("customer_id", b="segment"), "customer_id")
    counts = both.group_by(["a", "b"]).agg(n=both.count()).execute()
    told = counts.dropna(subset=["a", "b"])
    n = int(told["n"].sum())
    if n < project.min_cell:
        return unknown | {"why": "few"}
    table = told.pivot(index="a", columns="b", values="n").sort_index().sort_index(axis=1).fillna(0).to_numpy(dtype="int64")
    crossed = {"only_a": int(counts.loc[counts["b"].isna(), "n"].sum()), "only_b": int(counts.loc[counts["a"].isna(), "n"].sum())}
    moved = int(told.loc[told["a"] != told["b"], "n"].sum())
    shut = any(covered_sizes([moved, n - moved], least=project.min_cell))
    ends = interval(table, adjusted_rand, draws=project.build.draws, seed=project.seed)
    if any(0 < count < project.min_cell for count in crossed.values()):  # each follows from the others and the sizes of both runs
        n, crossed = None, dict.fromkeys(crossed)
    value = float(adjusted_rand(table))
    return {"n": n, **crossed, "value": value, **ends, "moved": None if shut else moved / int(table.sum()), "why": ""}


# Documents


def _bare(document: dict) -> dict:
    """What decides on labels: variables, projection, ids and rules, without names, colours, dates and how sure a label is."""
    assign = {form: {k: v for k, v in how.items() if k != "confidence"} for form, how in document["assign"].items()}
    kept = {name: document.get(name) for name in ("key", "variables", "project")}
    return kept | {"assign": assign, "segments": [s["id"] for s in document["segments"]]}


def _centres(document: dict) -> dict[tuple[str, str, str], float]:
    """(segment, variable, level) → the typical value in the variable's own unit; of a level its share."""
    known = {variable["name"]: variable for variable in document["variables"]}
    if "posterior" in document["assign"]:
        found = {}
        for each in document["assign"]["posterior"]["classes"]:
            for name, how in each["of"].items():
                levels = {str(level): share for level, share in (how.get("levels") or {}).items()}
                told = levels or {"": _back(how["mean"], known[name].get("steps") or [])}
                found |= {(each["segment"], name, level): value for level, value in told.items()}
        return found
    found = {}
    for segment, centre in zip(document["segments"], document["assign"]["nearest"]["centroids"], strict=True):
        places = iter(_coordinates(document, centre))
        for name, variable in known.items():
            if variable["kind"] == "category":
                for level in variable["levels"]:
                    found[segment["id"], name, str(level["level"])] = float(next(places) * level["scale"] + level["centre"])
            else:
                found[segment["id"], name, ""] = _back(next(places), variable["steps"])
    return found


def _coordinates(document: dict, centre: list[float]) -> np.ndarray:
    """A centre on axes as coordinates again: the axes are at right angles to each other."""
    turned = document.get("project")
    return np.asarray(centre) if not turned else np.asarray(turned["centre"]) + np.asarray(turned["loadings"]) @ np.asarray(centre)


def _back(value: float, steps: list[dict]) -> float:
    """A coordinate in the variable's own unit again: its steps undone, the last first."""
    for step in reversed(steps):
        ((name, how),) = step.items()
        if name == "scale":
            value = value * how[1] + how[0]
        elif name == "log1p":
            value = math.expm1(value)
        elif name == "sqrt":
            value = value * value if value > 0 else 0.0
    return float(value)


def _standard(document: dict, key: tuple[str, str, str], value: float) -> float:
    """A value in standard deviations, by the steps of a document."""
    variable = next(v for v in document["variables"] if v["name"] == key[1])
    if variable["kind"] == "category":
        level = next((each for each in variable["levels"] if str(each["level"]) == key[2]), {})
        return value / (level.get("scale") or 0.5)  # a share has no larger standard deviation than one half
    for step in variable.get("steps") or []:
        ((name, how),) = step.items()
        if name == "scale":
            value = (value - how[0]) / how[1]
        elif name in ("log1p", "sqrt"):
            value = math.log1p(max(value, -1 + 1e-12)) if name == "log1p" else math.sqrt(max(value, 0.0))
    return float(value)


def _limits(document: dict) -> list[tuple[tuple, Any]]:
    """Everything that rules, points and steps of variables compare with, and the way there; no centre, class or step of confidence."""
    found = []
    for form, how in document["assign"].items():
        kept = {k: v for k, v in how.items() if k != "confidence"} if form not in CENTRED else {}
        found += _ends(kept, ())
    for variable in document["variables"]:
        for step in variable.get("steps") or []:
            found += _ends(step, (variable["name"],))
    return found


def _ends(value: Any, place: tuple) -> list[tuple[tuple, Any]]:
    """What stands at the ends of a tree, with the way there; a condition is told by its variable."""
    if isinstance(value, dict):
        own = (*place, value["variable"]) if isinstance(value.get("variable"), str) else place
        return [pair for k, each in value.items() if k != "variable" for pair in _ends(each, (*own, k))]
    if isinstance(value, list):
        return [pair for at, each in enumerate(value, 1) for pair in _ends(each, (*place, at))]
    return [(place, value)]


def _criteria(found: dict) -> dict:
    rows = {(None, name): each.get("verdict") for name, each in (found.get("overall") or {}).items()}
    parts = found.get("segments") or {}
    return rows | {(one, name): each.get("verdict") for one, of in parts.items() for name, each in of.items() if isinstance(each, dict)}
