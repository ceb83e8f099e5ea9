"""Why a customer is in a segment. For the analyst in JupyterLab only: it shows single customers, and no report may.

from helpers.build import why
why.of(this, document, "12345")
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build import inputs, manual
from helpers.build.borders import blocks, coordinates, filled, nearest_borders, stepped
from helpers.build.document import confidence, holds, labels
from helpers.build.inputs import KEY, Column
from helpers.build.methods.scoring import gained
from helpers.build.portraits import segment_name
from helpers.run.files import STEPS
from helpers.words import day, say

SHOWN = 3
"""Variables shown of those that speak for the segment."""
FLOOR = 1e-6
"""Least probability and standard deviation of a class, as when the document is applied."""
COLUMNS = [KEY, "segment", "name", "confidence", "next", "next_name", "variable", "title", "value", "everyone", "share", "clause", "points"]


def of(step, document: dict, customer_id: str, *, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """`why` for one customer of a step's project, and whether people placed the customer by hand. Private: never shown in a report.

    names    segment → name; those of the document by default
    Returns  as `why`; for a customer placed by hand as `by_hand`
    Raises   NinefoldError when nobody in scope has this id
    """
    table = inputs.customers(step)
    one = table.filter(table[KEY] == str(customer_id)).execute()
    if not len(one):
        raise NinefoldError(
            f"customer_id: nobody in scope has the id {str(customer_id)!r}. Give the id of step 3, and see step 2 for who is in scope."
        )
    everyone = step.sample(table)
    columns = inputs.columns(step.project, table.columns)
    names = names or {s["id"]: segment_name(s) for s in document["segments"]}
    found = why(document, one, names, columns, everyone=everyone)
    decided = decision(step, document, str(customer_id))
    return by_hand(found, decided, names) if decided else found


def decision(step, document: dict, customer_id: str) -> dict | None:
    """What people decided for a customer and still holds: segment, role, because, decided_on, until (None: for good); None without that.

    After step 6 its decisions are those that the run was built with; in step 6 the file of project.yml is read.
    """
    if STEPS.index(step.name) > STEPS.index("build"):
        if not step.gives("build", "overrides"):
            return None
        table = step.take("build", "overrides")
        rows = table.filter(table.state == "valid", table[KEY] == customer_id).execute()
    else:
        found = manual.read(step, [s["id"] for s in document["segments"]])
        rows = pd.DataFrame() if found is None else found.of("valid").loc[lambda typed: typed[KEY] == customer_id]
    if not len(rows):
        return None
    kept = rows.iloc[0][["segment", "role", "because", "decided_on", "until"]]
    return kept.astype("object").where(kept.notna(), None).to_dict()


def by_hand(found: pd.DataFrame, decided: Mapping, names: Mapping[str, str]) -> pd.DataFrame:
    """`why` of one customer whom people placed, whatever the recipe says.

    found     result of `why` for the customer;  decided: result of `decision`
    Returns   the columns of `why`: first a row whose clause says who decided and why, confidence missing (nothing was estimated), next:
              the segment that the recipe gives; where that is the same one, what speaks for it follows
    """
    learned = str(found["segment"].iloc[0])
    until = say(", until {day}", day=day(decided["until"])) if decided["until"] else ""
    said = say(
        "placed by hand: {because} ({role}, {day}{until})",
        because=decided["because"],
        role=decided["role"],
        day=day(decided["decided_on"]),
        until=until,
    )
    head = dict.fromkeys(COLUMNS) | {KEY: found[KEY].iloc[0], "segment": decided["segment"], "clause": said}
    head |= {"name": names.get(decided["segment"], decided["segment"]), "next": learned, "next_name": names.get(learned, learned)}
    rows = [head]
    if learned == decided["segment"]:
        rows += found.assign(confidence=None).to_dict("records")
    return pd.DataFrame(rows, columns=COLUMNS).astype({"confidence": "object"}).replace({"confidence": {np.nan: None}})


def why(
    document: dict, frame: pd.DataFrame, names: Mapping[str, str], columns: Mapping[str, Column], *, everyone: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What speaks for the segment of each given customer.

    frame     customer_id and the document's variables, one row a customer;  everyone: the same of a sample of all (default: frame)
    names     segment → name;  columns: of `inputs.columns`
    Returns   customer_id, segment, name, confidence (0–1), next and next_name (the segment that comes second; for rules and points none),
              and per variable: variable, title, value, everyone (mean; of a category the share who have the same), share, clause, points.
              Nearest centre and latent classes: the three variables that speak most for the segment against the next one; share: of all
              that speaks for it. Rules: a row for each comparison of the matching rule that holds (clause). Points: a row a criterion
              (points; share: of all points).
    """
    everyone = frame if everyone is None else everyone
    ((kind, _),) = document["assign"].items()
    parts = {"nearest": _nearest, "posterior": _posterior, "first_match": _rules, "points": _points}[kind](document, frame)
    own, sure, rows = labels(document, frame), confidence(document, frame), []
    for i, (second, found) in enumerate(parts):
        head = {KEY: frame[KEY].iloc[i], "segment": own[i], "name": names.get(own[i], own[i]), "confidence": sure[i]}
        head |= {"next": second, "next_name": names.get(second) if second else None}
        for part in found or [{}]:
            name = part.get("variable")
            told = {"title": columns[name].title() if name in columns else name, "value": None, "everyone": None}
            if name:
                told |= {"value": frame[name].iloc[i], "everyone": _everyone(everyone[name], frame[name].iloc[i])}
            rows.append(dict.fromkeys(COLUMNS) | head | told | part)
    return pd.DataFrame(rows, columns=COLUMNS)


def _everyone(column: pd.Series, value) -> float | None:
    """Everyone's mean of a number; of a category the share who have the same."""
    if pd.api.types.is_numeric_dtype(column):
        return None if column.isna().all() else float(column.mean())
    return float((column == value).mean())


def _spoken(names: list[str], gains: np.ndarray) -> list[dict]:
    """The variables that speak most, with their share of all that speaks for the segment."""
    each = pd.Series(gains).groupby(pd.Series(names), sort=False).sum()
    each = each[each > 0].sort_values(ascending=False, kind="stable")
    return [{"variable": name, "share": float(gain / each.sum())} for name, gain in each.head(SHOWN).items()]


def _nearest(document: dict, frame: pd.DataFrame) -> Iterator[tuple[str | None, list[dict]]]:
    """(d₂² − d₁²)/2 taken apart by variables: how far each stands on the own side of the middle between both centres.

    On factor axes with loadings L the difference is Σ_v (x_v − centre_v − (L m)_v)·(L (c₁ − c₂))_v with m the middle of c₁ and c₂.
    """
    own, other, _ = nearest_borders(document, frame)
    x, names = coordinates(document, frame), blocks(document)
    project = document.get("project") or {"centre": np.zeros(x.shape[1]), "loadings": np.eye(x.shape[1])}
    loadings, centred = np.array(project["loadings"]), x - np.array(project["centre"])
    at = {s["id"]: np.array(c) for s, c in zip(document["segments"], document["assign"]["nearest"]["centroids"], strict=True)}
    for i in range(len(frame)):
        if not other[i]:
            yield None, []
            continue
        one, two = at[own[i]], at[other[i]]
        yield str(other[i]), _spoken(names, (centred[i] - loadings @ ((one + two) / 2)) * (loadings @ (one - two)))


def _posterior(document: dict, frame: pd.DataFrame) -> Iterator[tuple[str | None, list[dict]]]:
    """The log densities of the own class less those of the next one, by variable; what is missing says nothing."""
    classes = document["assign"]["posterior"]["classes"]
    names = [v["name"] for v in document["variables"]]
    each = np.stack([[_log_density(v, c["of"][v["name"]], frame[v["name"]]) for v in document["variables"]] for c in classes])
    scores = each.sum(axis=1) + np.log(np.maximum([c["share"] for c in classes], FLOOR))[:, None]
    ids, own = [c["segment"] for c in classes], labels(document, frame)
    for i in range(len(frame)):
        first = ids.index(own[i]) if own[i] in ids else int(scores[:, i].argmax())
        if len(ids) < 2:
            yield None, []
            continue
        second = max((j for j in range(len(ids)) if j != first), key=lambda j: scores[j, i])
        yield ids[second], _spoken(names, each[first, :, i] - each[second, :, i])


def _log_density(variable: dict, of: dict, column: pd.Series) -> np.ndarray:
    if "levels" in of:
        chances = column.astype("string").map({level: np.log(max(p, FLOOR)) for level, p in of["levels"].items()})
        return chances.to_numpy(dtype="float64", na_value=0.0)
    values, sd = stepped(filled(column, variable), variable["steps"]), max(of["sd"], FLOOR)
    return np.nan_to_num(-0.5 * ((values - of["mean"]) / sd) ** 2 - np.log(sd))


def _rules(document: dict, frame: pd.DataFrame) -> Iterator[tuple[str | None, list[dict]]]:
    """The first rule that holds for each customer, and its comparisons that hold."""
    how = document["assign"]["first_match"]
    define, read = how.get("define") or {}, _as_read(document, frame)
    for name in define:  # each builds on those above it
        read[f"holds {name}"] = holds(define[name], read, _defined(define))
    fits = [holds(rule["when"], read, _defined(define)) for rule in how["rules"]]
    for i in range(len(frame)):
        first = next((n for n, each in enumerate(fits) if each[i]), None)
        if first is None:
            yield None, [{"clause": say("no rule fits: everyone else")}]
            continue
        rule = how["rules"][first]
        found = list(_clauses(rule["when"], read.iloc[[i]], define)) or [{"clause": say("always")}]
        name = rule.get("name") or str(first + 1)
        yield None, [part | {"clause": say("rule {name}: {clause}", name=name, clause=part["clause"])} for part in found]


def _defined(define: Mapping) -> dict[str, str]:
    return {name: f"holds {name}" for name in define}


def _as_read(document: dict, frame: pd.DataFrame) -> pd.DataFrame:
    """Customers' values as the document reads them: a missing number has the document's value for it, if it has one."""
    stand_ins = {v["name"]: v["missing"] for v in document["variables"] if v.get("missing") is not None}
    return frame[[v["name"] for v in document["variables"]]].fillna(stand_ins)


def _clauses(condition, one: pd.DataFrame, define: dict, turned: bool = False) -> Iterator[dict]:
    """The comparisons that make a condition hold for one customer, with variable and what is asked; under a `not`, those that fail."""
    if isinstance(condition, list):
        condition = {"all": condition}
    if "not" in condition:
        yield from _clauses(condition["not"], one, define, not turned)
    elif "rule" in condition:
        yield from _clauses(define[condition["rule"]], one, define, turned)
    elif "all" in condition or "any" in condition:
        for part in condition.get("all") or condition.get("any") or []:
            yield from _clauses(part, one, define, turned)
    elif holds(condition, one)[0] != turned:
        asked = _asked(condition)
        clause = f"({asked})" if " and " in asked else asked
        yield {"variable": condition["variable"], "clause": say("not {clause}", clause=clause) if turned else asked}


def _asked(condition: dict) -> str:
    """One comparison as it stands in project.yml."""
    name, at_least, below = condition["variable"], condition.get("at_least"), condition.get("below")
    if "missing" in condition:
        return say("{variable} is missing", variable=name)
    if "in" in condition:
        return f"{name} in ({', '.join(map(str, condition['in']))})"
    return " and ".join(f"{name} {sign} {bound:g}" for sign, bound in ((">=", at_least), ("<", below)) if bound is not None)


def _points(document: dict, frame: pd.DataFrame) -> Iterator[tuple[str | None, list[dict]]]:
    """The points that each criterion gives, the most first."""
    read, criteria = _as_read(document, frame), document["assign"]["points"]["criteria"]
    earned = np.stack([gained(read, c) for c in criteria], axis=1)
    for i in range(len(frame)):
        total = np.abs(earned[i]).sum()
        order = np.argsort(-np.abs(earned[i]), kind="stable")
        yield (
            None,
            [
                {
                    "variable": criteria[j]["variable"],
                    "points": float(earned[i, j]),
                    "share": float(abs(earned[i, j]) / total) if total else None,
                }
                for j in order
            ],
        )
