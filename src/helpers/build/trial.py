"""Another number of segments, tried in seconds: the published way of cutting at another k, beside the one that is wanted."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import NinefoldError, words
from helpers import project as projects
from helpers.build import judging, methods, stability
from helpers.build.document import labels
from helpers.build.stability import adjusted_rand
from helpers.tables import Column, Table
from helpers.words import mark, say

PAIRS = 10
"""Pairs of bootstrap samples: enough to see whether a number comes back, not to publish it."""
SCORES = {"objective": mark("Objective explained"), "panel": mark("Panel explained, mean")}


def trial(step, k: int, *, recipe: str | None = None) -> dict:
    """One recipe at k segments and at the number wanted, on the step's customers; nothing is handed over.

    recipe    a name of `methods.recipes`; the chosen one by default, else k-means
    Returns   recipe, customers, agreement (adjusted Rand index of the two cuts), k → sizes, stability (median of PAIRS pairs, on at
              most 2,000 customers), objective, panel (shares of later differences, None with too little history), and
              crossed: customers by segment at the number wanted (rows) and at k (columns)
    Raises    NinefoldError for a number or a recipe that these data do not allow
    """
    project, name = step.project, recipe or step.project.build.chosen or "kmeans"
    signed, passports = step.take("validate", "validation")["build_by"], step.take("variables", "passports")
    sample = judging.fitting_sample(step)
    known = judging.columns(project, sample.columns)
    recipes, refused = methods.recipes(project, known, signed, passports, sample)
    if name not in recipes:
        why = f"it is refused here ({refused[name].why})" if name in refused else f"write one of {', '.join(recipes)}"
        raise NinefoldError(f"{project.file}: {name!r} cannot be tried: {why}.")
    chosen, result = recipes[name], {"recipe": name, "customers": len(sample), "by_k": {}}
    found = {}
    for number in dict.fromkeys((project.scope.segments_wanted, k)):
        found[number] = labels(chosen.fit(sample, number).document, sample)
        again = stability.screened(chosen, sample, number, pairs=PAIRS, seed=project.seed)
        sizes = pd.Series(found[number]).value_counts()
        result["by_k"][number] = {"sizes": sizes.tolist(), "stability": float(np.nanmedian(again))}
        result["by_k"][number] |= judging.scores_at(step, chosen, signed, passports, number)
    wanted, tried = found[project.scope.segments_wanted], found[k]
    result["agreement"] = float(adjusted_rand(pd.factorize(wanted)[0], pd.factorize(tried)[0]))
    result["crossed"] = pd.crosstab(wanted, tried)
    return result


def at(project_name: str, k: int, *, recipe: str | None = None, as_of: str = "") -> dict:
    """`trial` on the newest complete run, or the draft where it is further, without touching either."""
    from helpers import run

    plan = projects.load(project_name)
    moment = projects.instant(as_of, plan)
    words.use(plan.language, currency=plan.currency)
    runs = run.complete_runs(plan, moment)
    places = [run.draft_folder(plan, moment), *runs[-1:]]
    wanted = [run.folder(s) for s in run.STEPS[: run.STEPS.index("build")]]
    base = next((place for place in places if all(run.resolve(place / each).is_dir() for each in wanted)), None)
    if base is None:
        raise NinefoldError(
            f"There is no run of {plan.name} as of {run.stamp(moment)} to try on. Run `make report` first, or steps 1 to 5."
        )
    with tempfile.TemporaryDirectory() as place:
        for each in wanted:
            run.link(Path(place) / each, run.resolve(base / each))
        return trial(run.Step("build", plan, moment, Path(place), draft=True), k, recipe=recipe)


def trial_table(found: dict, project) -> Table:
    """The number wanted beside the one tried."""
    rows = [
        {"k": k, "smallest": min(each["sizes"]), "largest": max(each["sizes"]), "stability": each["stability"]}
        | {use: each[use] for use in SCORES}
        for k, each in found["by_k"].items()
    ]
    columns = [
        Column("k", say("Segments"), "count"),
        Column("smallest", say("Customers in the smallest"), "count", people=True),
        Column("largest", say("Customers in the largest"), "count", people=True),
        Column("stability", say("Stability"), "number", 2),
        *(Column(use, say(title), "share", 1) for use, title in SCORES.items()),
    ]
    title = say(methods.TITLES[found["recipe"]])
    caption = say("“{title}” with another number of segments", title=title)
    note = say(
        "A trial on {n} customers that publishes nothing: {pairs} pairs of samples. The two cuts agree at {agreement} (adjusted Rand index).",
        n=words.number(found["customers"]),
        pairs=PAIRS,
        agreement=words.number(found["agreement"], 2),
    )
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("trial", caption, frame, columns, note=note)
