"""Another number of segments, tried in seconds: the published way of cutting at another k, beside the one that is wanted."""

import difflib
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import NinefoldError, masking, tables, words
from helpers import project as projects
from helpers.build import judging, methods, methods_page, stability
from helpers.build.document import labels
from helpers.build.stability import adjusted_rand
from helpers.tables import Column, Table
from helpers.validate.guard import in_english, refuse_unsigned
from helpers.words import mark, say

LEAST, MOST = 2, 12
"""Segments that can be tried: as many as scope.segments_wanted may be."""
PAIRS = 10
"""Pairs of bootstrap samples: enough to see whether a number comes back, not to publish it."""
SCORES = {"objective": mark("Objective explained"), "panel": mark("Panel explained, mean")}


def trial(step, k: int, *, recipe: str | None = None) -> dict:
    """One recipe at k segments and at the number wanted, on the step's customers; nothing is handed over.

    recipe    a name of `methods.recipes`; the chosen one by default, else k-means
    Returns   recipe, customers, agreement (adjusted Rand index of the two cuts), by_k: k → sizes (the largest first), stability
              (median of PAIRS pairs, on at most 2,000 customers, None where no pair could be cut), objective, panel (shares of later
              differences, None with too little history), and crossed: customers by segment at the number wanted (rows) and at k (columns)
    Raises    NinefoldError for a number or a recipe that these data do not allow
    """
    if not LEAST <= k <= MOST:
        raise NinefoldError(f"{k} is no number of segments to try: write one from {LEAST} to {MOST}.")
    project, name = step.project, recipe or step.project.build.chosen or "kmeans"
    signed, passports = step.take("validate", "validation")["build_by"], step.take("variables", "passports")
    sample = judging.fitting_sample(step)
    known = judging.columns(project, sample.columns)
    recipes, refused = methods.recipes(project, known, signed, passports, sample)
    if name not in recipes:
        raise NinefoldError(f"{project.file}: {name!r} cannot be tried: {_why_not(name, recipes, refused, known)}.")
    chosen, result = recipes[name], {"recipe": name, "customers": len(sample), "by_k": {}}
    found = {}
    for number in dict.fromkeys((project.scope.segments_wanted, k)):
        found[number] = labels(chosen.fit(sample, number).document, sample)
        again = stability.screened(chosen, sample, number, pairs=PAIRS, seed=project.seed)
        known, sizes = again[~np.isnan(again)], pd.Series(found[number]).value_counts()
        result["by_k"][number] = {"sizes": sizes.tolist(), "stability": float(np.median(known)) if len(known) else None}
        result["by_k"][number] |= judging.scores_at(step, chosen, signed, passports, number)
    wanted, tried = found[project.scope.segments_wanted], found[k]
    result["agreement"] = float(adjusted_rand(pd.factorize(wanted)[0], pd.factorize(tried)[0]))
    crossed = pd.crosstab(wanted, tried)
    result["crossed"] = crossed.loc[sorted(crossed.index, key=_place), sorted(crossed.columns, key=_place)]
    return result


def _why_not(name: str, recipes: dict, refused: dict, known: dict) -> str:
    if name in refused:
        with in_english():
            return methods_page.refused_words(refused[name], known)
    near = difflib.get_close_matches(name, recipes, n=1)
    return f"there is no such way of cutting here{f' (did you mean {near[0]}?)' if near else ''}; write one of {', '.join(recipes)}"


def _place(segment: str) -> int:
    """S10 comes after S9."""
    return int(segment[1:])


def at(project_name: str, k: int, *, recipe: str | None = None, as_of: str = "") -> tuple[dict, projects.Project]:
    """`trial` on the draft where steps 1 to 5 stand there, else on the newest complete run, without touching either; and the project.

    Raises    NinefoldError where neither is there, and where project.yml has nothing built before the list is signed
    """
    from helpers import run

    plan = projects.load(project_name)
    moment = projects.instant(as_of or "", plan)
    words.use(plan.language, currency=plan.currency)
    places = [run.draft_folder(plan, moment), *run.complete_runs(plan, moment)[-1:]]
    wanted = [run.folder(s) for s in run.STEPS[: run.STEPS.index("build")]]
    base = next((place for place in places if all(run.resolve(place / each).is_dir() for each in wanted)), None)
    if base is None:
        raise NinefoldError(
            f"There is no run of {plan.name} as of {run.stamp(moment)} to try on. Run `make report PROJECT={plan.name}` first, or the "
            "notebooks of steps 1 to 5."
        )
    refuse_unsigned("build", base, plan)
    with tempfile.TemporaryDirectory(prefix=".try-", dir=plan.folder) as place:  # beside the runs: links cannot lead to another disk
        for each in wanted:
            run.link(Path(place) / each, run.resolve(base / each))
        return trial(run.Step("build", plan, moment, Path(place), draft=True), k, recipe=recipe), plan


def trial_table(found: dict, project) -> Table:
    """The number wanted beside the one tried: sizes, stability and both scores."""
    rows = [
        {"k": k, "sizes": _sizes(each["sizes"], project.min_cell), "stability": each["stability"]} | {use: each[use] for use in SCORES}
        for k, each in found["by_k"].items()
    ]
    columns = [
        Column("k", say("Segments"), "count"),
        Column("sizes", say("Customers, the largest first")),
        Column("stability", say("Stability"), "number", 2),
        *(Column(use, say(title), "share", 1) for use, title in SCORES.items()),
    ]
    recipe = methods.TITLES[found["recipe"]]
    title = say(recipe)
    caption = say("“{title}” with another number of segments", title=title)
    note = say(
        "A trial on {n} customers that publishes nothing: {pairs} pairs of samples.", n=words.number(found["customers"]), pairs=PAIRS
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("trial", caption, frame, columns, note=f"{note} {_agreement(found)}")


def crossed_table(found: dict, project) -> Table:
    """Where the segments of the number wanted (rows) go at the number tried (columns): customers."""
    counts = found["crossed"]
    hidden = masking.covered_table(counts.to_numpy(), least=project.min_cell)
    shown = counts.astype("float64").mask(hidden)
    frame = shown.rename_axis(None, axis=1).rename_axis("wanted").reset_index()
    wanted, tried = list(found["by_k"])[0], list(found["by_k"])[-1]
    columns = [Column("wanted", say("Of {n} segments", n=wanted)), *(Column(name, name, "count") for name in counts.columns)]
    note = say("A dash: fewer than {least} customers, or a number that would give them away.", least=words.number(project.min_cell))
    caption = say("Customers of each segment by segment of the cut into {n}", n=tried)
    return Table("trial_crossed", caption, frame, columns, note=note if hidden.any() else "")


def as_text(table: Table) -> str:
    """A table as plain text: caption, aligned columns, note."""
    told = tables.payload(table)
    head = [column["label"] for column in told["columns"]]
    rows = [[tables.written(v, c["kind"], c["digits"]) for v, c in zip(row, told["columns"], strict=True)] for row in told["rows"]]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    left = [column["kind"] == "text" for column in told["columns"]]
    lines = ["  ".join(x.ljust(w) if t else x.rjust(w) for x, w, t in zip(row, widths, left, strict=True)) for row in (head, *rows)]
    return "\n".join([told["caption"], *(f"  {line}".rstrip() for line in lines), *([told["note"]] if told["note"] else [])])


def _sizes(sizes: list[int], least: int) -> str:
    """Customers by segment; those about too few people, and what would give them away, are not told."""
    hidden = masking.covered_sizes(sizes, least=least)
    return " · ".join(words.NONE if out else words.number(n) for n, out in zip(sizes, hidden, strict=True))


def _agreement(found: dict) -> str:
    wanted, tried = list(found["by_k"])[0], list(found["by_k"])[-1]
    if wanted == tried:
        return say("{n} is the number wanted: there is nothing to compare it with.", n=tried)
    if len(set(map(tuple, (each["sizes"] for each in found["by_k"].values())))) == 1 and found["agreement"] > 1 - 1e-9:
        return say("This way of cutting has a number of segments of its own: both cuts are the same.")
    return say("The two cuts agree at {agreement} (adjusted Rand index).", agreement=words.number(found["agreement"], 2))
