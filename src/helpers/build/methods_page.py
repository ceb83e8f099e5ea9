"""What the page of step 6 says of the ways of cutting: which were tried, which could not be, and how each found what it found."""

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers import words
from helpers.build.inputs import Column as Known
from helpers.build.methods import RULES, TITLES, Fitted, Recipe, Refused
from helpers.build.rules_page import condition_words
from helpers.project import Project
from helpers.scope.people import TYPES
from helpers.tables import Column, Table, nothing
from helpers.variables.measures import MEASURES
from helpers.words import mark, say, say_n

LEVELS = {"rules": mark("rules"), "learned": mark("learned")}
HOW = {
    "rfm": mark("recency, frequency and monetary value, points for each; the sum cut into groups"),
    "crossing": mark("one by the other, small neighbouring cells merged"),
    "points": mark("a score of last order, orders, spend, visits and mails opened, as far as measured; points fade by half each horizon"),
    "points_typed": mark("the points typed in project.yml, cut into bands"),
    "rules": mark("the rules typed in project.yml, in their order"),
    "suggested": mark(
        "a shallow tree on the objective’s measure, grown on one half of the customers, kept where the other half confirms it"
    ),
    "kmeans": mark("k-means on the variables themselves, best of many cold starts"),
    "hcpc": mark("factor axes, Ward’s tree, consolidated by k-means and single moves"),
    "latent": mark("latent classes: a mixture fitted by maximum likelihood"),
    "latent_items": mark("latent classes among those who answered; everybody else is a group"),
    "present": mark("the groups that this column holds, as they are"),
    "type_kmeans": mark("k-means on these variables"),
    "type_hcpc": mark("factor axes of categories and numbers together, Ward’s tree, consolidated"),
    "type_latent": mark("latent classes among those who answered; everybody else is a group"),
    "bands": mark("bands of equal numbers of customers"),
    "slices": mark("the first principal axis, cut into equal numbers of customers"),
}
BRANCHES = 12
"""Branches of the drawn tree at most."""
SHOWN = 2
"""Variables named in a row of the table; more are counted."""


def candidates_table(recipes: Mapping[str, Recipe], refused: Mapping[str, Refused], made, project: Project) -> Table:
    """Every way of cutting: its level and type, how it cuts and by what, of how many customers anything of it is known; or why not.

    made   with fitted (name → Fitted), columns (name → inputs.Column) and sample (rows with these columns)
    """
    rows = []
    for name in TITLES:
        if name in recipes and name in made.fitted:
            recipe, document = recipes[name], made.fitted[name].document
            known = made.sample[[n for n in recipe.variables if n in made.sample.columns]].notna().any(axis=1)
            told = {"level": say(LEVELS[recipe.level]), "type": type_title(recipe.type), "how": say(HOW[recipe.how])}
            told |= {"by": _listed(recipe.variables, made.columns), "known": float(known.mean()) if len(known) else None}
            rows.append({"title": say(TITLES[name])} | told | {"segments": len(document["segments"])})
        elif name in refused:
            told = {"level": say("not possible here"), "type": "", "how": refused_words(refused[name], made.columns), "by": ""}
            rows.append({"title": say(TITLES[name])} | told | {"known": None, "segments": None})
    columns = [
        Column("title", say("Way of cutting")),
        Column("level", say("Level of decision")),
        Column("type", say("Type")),
        Column("how", say("How it cuts, or why it cannot")),
        Column("by", say("By which variables")),
        Column("known", say("Customers of whom any of it is known"), "share"),
        Column("segments", say("Segments"), "count"),
    ]
    candidates = sum(name in made.fitted and name not in RULES for name in TITLES)
    caption = say_n("{n} way of cutting customers was tried", "{n} ways of cutting customers were tried", candidates)
    note = say(
        "Each is asked for {k} segments; simple rules that candidates must beat stand last. Missing numbers count as the median and "
        "missing attributes as the average; latent classes use what is known, and a score gives nothing for what is not.",
        k=words.number(project.scope.segments_wanted),
    )
    return Table("candidates", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def type_title(name: str) -> str:
    """A type of segmentation, of the nine, as people read it."""
    return say(TYPES[name.replace(" ", "_")][0]) if name else say("several")


def refused_words(refused: Refused, columns: Mapping[str, Known]) -> str:
    """Why a way of cutting is not possible here, and what it would take."""
    names = words.join([_title(n, columns).lower() for n in refused.details.get("variables", [])])
    match refused.why:
        case "none_typed":
            return say("nothing is typed: write {field} in project.yml", field=refused.details["field"])
        case "not_measured":
            return say("these data do not tell: {names}", names=names)
        case "no_column":
            takes = say(TYPES[refused.name][2])
            return say("these data hold nothing of this type; it would take {takes}", takes=takes)
        case "unknown":
            return say("known of nobody: {names}", names=names)
        case "constant":
            return say("the same for everybody: {names}", names=names)
    return say("it could not cut these customers: {message}", message=refused.details.get("message", ""))


def dropped_words(found: Fitted, columns: Mapping[str, Known]) -> list[str]:
    """Which variables of a way of cutting had no part, and what was done about gaps and rare levels."""
    said, result = found.evidence.get("dropped", {}), []
    for why, text in DROPPED.items():
        names = [_title(n, columns).lower() for n, reason in said.items() if reason == why]
        if names:
            result.append(say(text, names=words.join(names)))
    rare = found.evidence.get("lumped_levels", {})
    if rare:
        names = words.join([_title(n, columns).lower() for n in rare])
        result.append(say("Levels that fewer than 2% of customers have are left at the average: {names}.", names=names))
    if found.evidence.get("weighted"):
        result.append(say("Customers count by their survey weights."))
    return result


DROPPED = {
    "constant": mark("The same for everybody within the outlier bounds, and therefore without effect: {names}."),
    "missing": mark("Known of nobody, and therefore without effect: {names}."),
    "same": mark("Says exactly what an earlier variable says, and is left out: {names}."),
    "rare": mark("Known of fewer than a fifth of the customers, and left out: {names}."),
}


def tree_frame(evidence: Mapping) -> pd.DataFrame:
    """What `charts.tree` draws: the highest merges of Ward's tree, the root first, each as high as the share of inertia that it gains."""
    whole = evidence.get("total", 0.0) / max(evidence.get("rows", 1), 1)
    rows = [branch | {"gain": branch["gain"] / whole} for branch in evidence.get("tree", []) if whole][: BRANCHES - 1]
    return pd.DataFrame(rows, columns=["node", "left", "right", "gain", "rows", "rows_left", "rows_right"])


def tree_words(frame: pd.DataFrame, evidence: Mapping, project: Project) -> dict:
    """The words of the drawn tree: what the scope's number of segments keeps, and what one more would gain."""
    if frame.empty:
        return nothing("tree", say("No tree was drawn: this way of cutting has none."))
    k, gains = project.scope.segments_wanted, frame["gain"].tolist()
    kept, more = sum(gains[: k - 1]), gains[k - 1] if k <= len(gains) else None
    values = {"k": words.number(k), "kept": words.share(kept, 0), "more": words.share(more, 0) if more is not None else words.NONE}
    steepest = max(range(2, len(gains) + 1), key=lambda n: gains[n - 2] - gains[n - 1]) if len(gains) > 1 else 2
    drop = say("The largest step down is after the cut into {n}.", n=words.number(steepest))
    return {
        "name": "tree",
        "title": say("{k} classes keep {kept} of the differences; one more would add {more}", **values),
        "subtitle": say("Ward’s tree; the height of a fork is the share of all differences that this cut gains"),
        "alt": say("Tree of {n} branches: cut into {k} it keeps {kept}; one class more would gain {more}.", n=len(frame) + 1, **values)
        + " "
        + drop,
        "source": say("Source: {n} customers on their factor axes, before consolidation", n=words.number(evidence["rows"])),
    }


def tree_table(evidence: Mapping, project: Project) -> Table:
    """The top of the drawn tree: what each division separates, the largest first."""
    whole = evidence.get("total", 0.0) / max(evidence.get("rows", 1), 1)
    rows = [
        {"cut": words.number(n), "left": branch["rows_left"], "right": branch["rows_right"], "gain": branch["gain"] / whole}
        for n, branch in enumerate(evidence.get("tree", []), start=2)
        if whole
    ]
    columns = [
        Column("cut", say("Classes after the cut")),
        Column("left", say("Customers on one side"), "count", people=True),
        Column("right", say("Customers on the other"), "count", people=True),
        Column("gain", say("Share of all differences gained"), "share", 1),
    ]
    caption = say("What each cut of the tree separates")
    return Table("tree", caption, pd.DataFrame(rows, columns=[c.name for c in columns]), columns)


def latent_table(rows: Sequence[Mapping]) -> Table:
    """How well each number of latent classes fits.

    rows   result of `methods.by_number`
    """
    columns = [
        Column("classes", say("Classes"), "count"),
        Column("log_likelihood", say("Log-likelihood"), "number", 1),
        Column("bic", say("BIC, lower is better"), "number", 1),
        Column("relative_entropy", say("Relative entropy, 1 = nobody in doubt"), "number", 2),
        Column("found", say("Starts that end there"), "share", 0),
    ]
    frame = pd.DataFrame([{c.name: row[c.name] for c in columns} for row in rows], columns=[c.name for c in columns])
    return Table("latent", say("How many latent classes fit the answers"), frame, columns)


def latent_words(rows: Sequence[Mapping], ratio: Mapping | None = None) -> str:
    """Which number of classes fits best, and whether one more than the last is worth it where somebody asked (log_likelihood_ratio)."""
    best = min(rows, key=lambda row: row["bic"])
    values = {"k": words.number(best["classes"]), "entropy": words.number(best["relative_entropy"], 2)}
    told = say("By BIC, {k} latent classes fit best; their relative entropy is {entropy}.", **values)
    if ratio is None:
        return told
    values = {"k": words.number(ratio["k"]), "fewer": words.number(ratio["k"] - 1), "p": words.number(ratio["p"], 3)}
    return told + " " + say("{k} classes against {fewer}: p = {p} (bootstrap of the likelihood ratio).", **values)


def _p(value: float) -> str:
    """A p-value as it is read: three digits, and no false zero."""
    return say("below {least}", least=words.number(0.001, 3)) if value < 0.001 else words.number(value, 3)


def suggested_table(evidence: Mapping, columns: Mapping[str, Known], project: Project) -> Table:
    """The groups that the tree found on one half, with size and mean on the other half; those it confirms are suggested."""
    rows = [
        {
            "rule": words.join([condition_words(_plain(c), columns, {}) for c in leaf["when"]]),
            "n": leaf["rows"],
            **{part: leaf[part] for part in ("mean", "low", "high", "others")},
            "p": _p(leaf["p_holm"]),
            "verdict": leaf["segment"] or say("no: everyone else"),
        }
        for leaf in evidence.get("leaves", [])
    ]
    title = _title(evidence.get("measure", ""), columns)
    shown = [
        Column("rule", say("Rule")),
        Column("n", say("Customers of the second half"), "count", people=True),
        Column("mean", say("{measure}, mean", measure=title), "number", 2),
        Column("low", say("95% interval from"), "number", 2),
        Column("high", say("to"), "number", 2),
        Column("others", say("Mean of the others"), "number", 2),
        Column("p", say("p (Holm)")),
        Column("verdict", say("Suggested as")),
    ]
    note = say(
        "Grown on {first} customers, tested on {second} others (drawn by a hash of the customer), so that luck does not confirm itself.",
        first=words.number(evidence.get("grown_on", 0)),
        second=words.number(evidence.get("tested_on", 0)),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in shown])
    return Table(
        "suggested", say("Suggested segments, as the second half of the customers shows them"), frame, shown, note=note, cell_size="n"
    )


def points_table(document: Mapping, columns: Mapping[str, Known]) -> Table:
    """What gives how many points: the criteria of a score, or of RFM."""
    rows = []
    for c in document["assign"]["points"]["criteria"]:
        name = c["variable"]
        fade = {"fade": words.number(c["half_life_days"]) if c.get("half_life_days") else ""}
        if "levels" in c:
            told = [({"variable": name, "in": [level]}, points) for level, points in c["levels"].items()]
        else:
            ends = [None, *c["cuts"], None]
            told = [({"variable": name, "at_least": a, "below": b}, p) for a, b, p in zip(ends, ends[1:], c["points"], strict=False)]
        rows += [{"when": _step_words(when, columns), "points": float(points)} | fade for when, points in told]
    shown = [
        Column("when", say("Condition")),
        Column("points", say("Points"), "number", 1),
        Column("fade", say("Half are left after, days")),
    ]
    return Table("points", say("What gives how many points"), pd.DataFrame(rows, columns=[c.name for c in shown]), shown)


def _step_words(when: Mapping, columns: Mapping[str, Known]) -> str:
    plain = _plain(when)
    if len(plain) == 1:
        return say("{variable}, whatever it is", variable=_title(when["variable"], columns))
    return condition_words(plain, columns, {})


def _plain(condition: Mapping) -> dict:
    """A condition without the ends that are open."""
    return {key: value for key, value in condition.items() if value is not None}


def _listed(names: Sequence[str], columns: Mapping[str, Known]) -> str:
    told = [_title(name, columns).lower() for name in names]
    if len(told) <= SHOWN + 1:
        return words.join(told)
    return say("{names} and {n} more", names=", ".join(told[:SHOWN]), n=words.number(len(told) - SHOWN))


def _title(name: str, columns: Mapping[str, Known]) -> str:
    if name in columns:
        return columns[name].title()
    return next((v.title() for v in MEASURES if v.name == name), name)
