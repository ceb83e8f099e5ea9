"""Every way of cutting, built at one instant; judged on what the same customers did after it; and how surely each comes back."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from helpers import NinefoldError, engine
from helpers.build import methods, stability
from helpers.build.contest import judge
from helpers.build.document import labels
from helpers.build.inputs import Column, columns, customers
from helpers.build.methods import Fitted, Recipe, Refused
from helpers.build.present import labels_of
from helpers.engine import Window, totals_by_order
from helpers.variables.choose import outcomes_of

TREES = {"tree": "objective", "panel_tree": "panel"}
"""One tree a use: a rule is simple because it is short, not because it was asked something else."""
LEAST_LEAVES = 2 * methods.LEAF
"""Customers without whom no tree is grown."""


@dataclass
class Made:
    """What the recipes gave at one instant, on one sample.

    sample     at most pairwise_rows customers, result of `inputs.customers`
    columns    what they hold;  recipes, refused: as `methods.recipes` tells them, those that could not cut this sample refused too
    fitted     name → document and evidence
    """

    sample: pd.DataFrame
    columns: dict[str, Column]
    recipes: dict[str, Recipe]
    refused: dict[str, Refused]
    fitted: dict[str, Fitted] = field(default_factory=dict)

    @property
    def documents(self) -> dict[str, dict]:
        """name → segmentation document."""
        return {name: one.document for name, one in self.fitted.items()}


def fitting_sample(step, window: str = "published") -> pd.DataFrame:
    """At most `pairwise_rows` customers with all that recipes may use: distances between all pairs of them are needed."""
    return engine.sample(customers(step, window), step.project.pairwise_rows, seed=step.project.seed).execute()


def make(
    sample: pd.DataFrame, signed: list[str], k: int, project, passports: dict, *, built_as_of: datetime, only=None, survey=None
) -> Made:
    """Every recipe at k on one sample.

    sample    result of `fitting_sample`;  signed: variables that step 5 signed;  only: names to build, all by default
    survey    weight of each respondent by customer_id (step 3): recipes on survey items count them by it; None: each once
    Raises    NinefoldError when project.yml chooses a recipe that these data do not allow
    """
    known = columns(project, sample.columns)
    recipes, refused = methods.recipes(project, known, signed, passports, sample)
    made = Made(sample, known, recipes, refused)
    for name, recipe in recipes.items():
        if only is not None and name not in only:
            continue
        try:
            found = recipe.fit(sample, k, weights=_weights(recipe, sample, known, survey))
        except NinefoldError as error:
            if name == project.build.chosen:
                raise
            made.refused[name] = Refused(name, recipe.title, "failed", {"message": str(error)})
            continue
        made.fitted[name] = Fitted(found.document | {"built_as_of": built_as_of.isoformat()}, found.evidence)
    _require_chosen(made, project)
    made.recipes = {name: recipe for name, recipe in recipes.items() if name in made.fitted or (only is not None and name not in only)}
    return made


def _weights(recipe: Recipe, sample: pd.DataFrame, known: dict[str, Column], survey: pd.Series | None) -> np.ndarray | None:
    """How much each customer counts for a recipe on survey items: as respondents are weighted to the base; None for any other."""
    if survey is None or not any(known[name].scale for name in recipe.variables if name in known):
        return None
    return sample["customer_id"].map(survey).fillna(1.0).to_numpy(dtype="float64")


def survey_weights(step) -> pd.Series | None:
    """The weight of each respondent that step 3 found, by customer_id; None where there is none."""
    if not step.gives("collect", "survey_weights"):
        return None
    return step.take("collect", "survey_weights").execute().set_index("customer_id")["weight"].astype("float64")


REASONS = {
    "not_measured": "these data do not measure",
    "no_column": "no column of this type",
    "constant": "missing or the same for everybody",
    "none_typed": "nothing is typed for it",
    "unknown": "known of too few",
    "one_group": "it makes one group",
    "failed": "it cannot cut these customers",
}
"""Why a way of cutting is refused, in the words of an error."""


def _require_chosen(made: Made, project) -> None:
    out = made.refused.get(project.build.chosen or "")
    if out is None and project.build.chosen in (None, *made.recipes):
        return
    lacking = ", ".join(map(str, out.details.get("variables", []))) if out else ""
    reason = REASONS.get(out.why, out.why) if out else "it is not among build.methods or build.types"
    why = f"({reason}: {lacking})" if lacking else f"({reason})"
    raise NinefoldError(
        f"{project.file}: field build.chosen is {project.build.chosen!r}, which cannot be built here {why}. Choose another recipe, or map "
        "what it needs."
    )


def judged(step, windows: dict[str, Window], orders, signed: list[str], passports: dict) -> tuple[Made | None, dict]:
    """The recipes rebuilt at the end of the window *confirm*, and the contest on the days after it.

    orders    order lines up to as_of;  signed: variables to build by
    Returns   what was made then (None with too little history), and the evidence: window, k, customers, contest, verdicts, other_k
    """
    confirm, k, project = windows["confirm"], step.project.scope.segments_wanted, step.project
    evidence = {
        "window": {"built_from": confirm.built_from, "built_at": confirm.built_at, "judged_until": confirm.judged_until},
        "k": k,
        "customers": 0,
        "contest": {},
        "verdicts": {use: {"verdict": "cannot tell", "best_candidate": None, "best_rule": None} for use in ("objective", "panel")},
        "other_k": {},
    }
    evidence["window"]["enough"] = confirm.enough
    if not confirm.enough:
        return None, evidence
    fitted = fitting_sample(step, "confirm")
    try:
        made = make(fitted, signed, k, project, passports, built_as_of=confirm.built_at, survey=survey_weights(step))
    except NinefoldError:  # fewer customers then than now: what is published was built, and cannot be judged
        return None, evidence
    sample = step.sample(customers(step, "confirm"))
    outcomes = _outcomes(step, confirm, orders, sample)
    trees = {name: _tree(step, windows["select"], orders, signed, k, use) for name, use in TREES.items()}
    documents = made.documents | {name: tree for name, tree in trees.items() if tree}
    labelled = {name: labels(document, sample) for name, document in documents.items()}
    labelled["chance"] = np.random.default_rng(project.seed).integers(0, k, len(sample)).astype(str)
    roles = {name: _role(name) for name in labelled}
    if (in_use := labels_of(sample, project)) is not None:
        labelled["present"], roles["present"] = in_use, "present"
    options = {"draws": project.build.draws, "seed": project.seed}
    found = judge(labelled, roles, outcomes, sample["customer_id"], k=k, **options)
    evidence["customers"] = len(sample)
    if found is None:
        return made, evidence
    evidence["contest"], evidence["verdicts"] = found
    for other in range(project.scope.segments_from, project.scope.segments_to + 1):
        evidence["other_k"][str(other)] = _scores(made, sample, outcomes, other, project)
    return made, evidence


def _role(name: str) -> str:
    return "chance" if name == "chance" else "rule" if name in methods.RULES else "candidate"


def screening(made: Made, k: int, project) -> dict[str, dict]:
    """How well each candidate comes back: the quartiles of the agreement of two refits on bootstrap samples, and how many failed."""
    result, recipes = {}, list(made.recipes.values())
    screened = stability.all_refitted(recipes, made.sample, k, pairs=project.build.screening_pairs, seed=project.seed)
    for name, found in zip(made.recipes, (one.values for one in screened), strict=True):
        known = found[~np.isnan(found)]
        low, middle, high = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else [None] * 3
        result[name] = {
            "low_quartile": low,
            "median": middle,
            "high_quartile": high,
            "pairs": len(found),
            "failed": len(found) - len(known),
        }
    return result


def budget(step, windows: dict[str, Window], orders, signed: list[str], made: Made, evidence: dict) -> tuple[dict, str]:
    """The rule for the budget, and which it is: the tree where it told most of the objective, else bands of past value.

    A tree is trained again on the last period that can be seen whole, the one that judged the contest.
    """
    if evidence["verdicts"]["objective"]["best_rule"] == "tree":
        tree = _tree(step, windows["confirm"], orders, signed, step.project.scope.segments_wanted, "objective")
        if tree:
            return tree, "tree"
    return made.documents["bands"], "bands"


def _scores(made: Made, sample: pd.DataFrame, outcomes: dict, k: int, project) -> dict | None:
    """Both scores of the methods that take a number of segments, at another k: drawn and not judged."""
    labelled = {}
    for name, recipe in made.recipes.items():
        if name in OTHER_K:
            try:
                labelled[name] = labels(recipe.fit(made.sample, k).document, sample)
            except NinefoldError:
                continue
    if not labelled:
        return None
    found = judge(labelled, dict.fromkeys(labelled, "candidate"), outcomes, sample["customer_id"], k=k, draws=200, seed=project.seed)
    return {name: {use: (s[use] or {}).get("value") for use in ("objective", "panel")} for name, s in found[0].items()} if found else None


OTHER_K = ("rfm", "crossing", "kmeans", "hcpc", "bands", "slices")
"""Recipes whose scores are shown at every number of segments of the scope."""


def _outcomes(step, window: Window, orders, sample: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the sampled customers did in the window's judging period."""
    after = (
        step.sample(step.take("variables", f"later_{window.name}")).set_index("customer_id").reindex(sample["customer_id"]).reset_index()
    )
    return outcomes_of(window, totals_by_order(orders), after, sample["customer_id"], step.project)


def _tree(step, window: Window, orders, signed: list[str], k: int, use: str) -> dict | None:
    """A tree for one use, trained on one window: its customers as they were, and what they did up to the day the others are built."""
    if not window.enough:
        return None
    sample = step.sample(step.take("variables", f"variables_{window.name}"))
    outcomes = _outcomes(step, window, orders, sample)
    asked = [y for name, y in outcomes.items() if (name == "objective") == (use == "objective")]
    wanted = [y for y in asked if len(np.unique(y[~np.isnan(y)])) > 1]
    if len(sample) < LEAST_LEAVES or not wanted:
        return None
    # Behaviours count alike whatever their unit; who did nothing later stands at the mean.
    target = np.column_stack([np.nan_to_num((y - np.nanmean(y)) / np.nanstd(y)) for y in wanted])
    return methods.tree(sample, target, signed, k).document | {"built_as_of": window.judged_until.isoformat()}


def scores_at(step, recipe: Recipe, signed: list[str], passports: dict, k: int) -> dict[str, float | None]:
    """Both scores of one recipe at k, built at the window *confirm* and judged on the days after; None with too little history."""
    windows = step.windows(orders := step.take("collect", "orders"))
    confirm, nothing = windows["confirm"], {"objective": None, "panel": None}
    if not confirm.enough:
        return nothing
    sample = fitting_sample(step, "confirm")
    try:
        made = make(sample, signed, k, step.project, passports, built_as_of=confirm.built_at, only=[recipe.name])
    except NinefoldError:
        return nothing
    labelled = {recipe.name: labels(made.documents[recipe.name], sample)} if recipe.name in made.fitted else {}
    outcomes = _outcomes(step, confirm, orders, sample)
    found = judge(labelled, dict.fromkeys(labelled, "candidate"), outcomes, sample["customer_id"], k=k, draws=200, seed=step.project.seed)
    return {use: (found[0][recipe.name][use] or {}).get("value") for use in nothing} if found and labelled else nothing
