"""The recipes, built at one instant; and judged on what the same customers did after it."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from helpers import engine
from helpers.build import candidates, classes
from helpers.build.contest import judge
from helpers.build.document import labels
from helpers.engine import Window, totals_by_order
from helpers.variables import apply, catalogue, learn
from helpers.variables.choose import outcomes_of

TREES = {"tree": "objective", "panel_tree": "panel"}
"""One tree a use: a rule is simple because it is short, not because it was asked something else."""


@dataclass
class Made:
    """What the recipes gave at one instant.

    documents     rfm (where it can be measured), hcpc, crossing, bands, slices → segmentation document
    evidence      how the classification was found (classes.classify), with the variables dropped for being constant
    coordinates   of the fitting sample on the axes
    """

    documents: dict[str, dict]
    evidence: dict = field(default_factory=dict)
    coordinates: np.ndarray | None = None


def stability(made: Made, sample: pd.DataFrame, project) -> tuple[dict[int, np.ndarray], int]:
    """`classes.stability` of the whole recipe for every number of segments of the scope: transforms and axes are learnt on each sample too.

    sample   the fitting sample, in the order of made.coordinates
    """
    known = {v.name: v for v in catalogue(project)}
    kept = [known[v["name"]] for v in made.documents["hcpc"]["variables"]]

    def recode(drawn: np.ndarray) -> np.ndarray:
        learnt = learn(sample.iloc[np.repeat(np.arange(len(sample)), drawn.astype(int))], kept, project)
        values = apply(sample, learnt)
        axes = classes.principal_axes(np.repeat(values, drawn.astype(int), axis=0), project.build.axes)
        return axes.coordinates(values)

    ks = range(project.scope.segments_from, project.scope.segments_to + 1)
    return classes.stability(made.coordinates, ks, pairs=project.build.pairs, seed=project.seed, recode=recode)


def solidity(made: Made, stable: dict[int, np.ndarray], starts: int) -> dict:
    """How the published classification stands: stability for each number of segments, and how often its optimum is found."""
    quartiles = {str(k): np.quantile(values, [0.25, 0.5, 0.75]) for k, values in stable.items()}
    return {
        "stability": {k: {"low_quartile": q[0], "median": q[1], "high_quartile": q[2]} for k, q in quartiles.items()},
        "pairs": max((len(values) for values in stable.values()), default=0),
        "starts_of_stability": starts,
        "reproducibility": made.evidence,
        "structure": "not tested yet",
    }


def fitting_sample(step, customers) -> pd.DataFrame:
    """At most `pairwise_rows` customers: distances between all pairs of them are needed."""
    return engine.sample(customers, step.project.pairwise_rows, seed=step.project.seed).execute()


def make(sample: pd.DataFrame, names: list[str], k: int, project, passports: dict, *, built_as_of: datetime) -> Made:
    """Every recipe at k on one sample.

    A recipe whose variables these data do not measure is left out.
    Raises NinefoldError when there are fewer different customers than segments, and when project.yml chooses a recipe left out.
    """
    candidates.require(sample, names, k, project)
    candidates.require_chosen(project)
    classified, evidence, coordinates = candidates.hcpc(sample, names, k, project, built_as_of=built_as_of)
    crossed = candidates.criteria_to_cross(project, passports, names)
    points = {} if candidates.lacking("rfm", project) else {"rfm": candidates.rfm(sample, k, project, built_as_of=built_as_of)}
    documents = points | {
        "hcpc": classified,
        "crossing": candidates.crossing(sample, k, project, built_as_of=built_as_of, criteria=crossed),
        "bands": candidates.bands(sample, k, project, built_as_of=built_as_of),
        "slices": candidates.slices(sample, names, k, project, built_as_of=built_as_of),
    }
    return Made(documents, evidence, coordinates)


def judged(step, windows: dict[str, Window], orders, names: list[str], passports: dict) -> tuple[Made | None, dict]:
    """The recipes rebuilt at the end of the window *confirm*, and the contest on the days after it.

    orders    order lines up to as_of;  names: variables to build by
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
    customers = step.take("variables", "variables_confirm")
    if not confirm.enough:
        return None, evidence
    fitted = fitting_sample(step, customers)
    if candidates.different(fitted, names, project) < k:
        return None, evidence
    made = make(fitted, names, k, project, passports, built_as_of=confirm.built_at)
    sample = step.sample(customers)
    outcomes = _outcomes(step, confirm, orders, sample)
    trees = {name: _tree(step, windows["select"], orders, names, k, use) for name, use in TREES.items()}
    documents = made.documents | {name: tree for name, tree in trees.items() if tree}
    labelled = {name: labels(document, sample) for name, document in documents.items()}
    labelled["chance"] = np.random.default_rng(project.seed).integers(0, k, len(sample)).astype(str)
    roles = {n: "candidate" if n in candidates.CANDIDATES else "chance" if n == "chance" else "rule" for n in labelled}
    found = judge(labelled, roles, outcomes, sample["customer_id"], draws=project.build.draws, seed=project.seed)
    evidence["customers"] = len(sample)
    if found is None:
        return made, evidence
    evidence["contest"], evidence["verdicts"] = found
    for other in range(project.scope.segments_from, project.scope.segments_to + 1):
        evidence["other_k"][str(other)] = _scores(fitted, sample, outcomes, names, other, project, passports, confirm.built_at)
    return made, evidence


def budget(step, windows: dict[str, Window], orders, names: list[str], made: Made, evidence: dict) -> tuple[dict, str]:
    """The rule for the budget, and which it is: the tree where it told most of the objective, else bands of past value.

    A tree is trained again on the last period that can be seen whole, the one that judged the contest.
    """
    if evidence["verdicts"]["objective"]["best_rule"] == "tree":
        tree = _tree(step, windows["confirm"], orders, names, step.project.scope.segments_wanted, "objective")
        if tree:
            return tree, "tree"
    return made.documents["bands"], "bands"


def _scores(fitted, sample, outcomes, names, k, project, passports, built_at) -> dict | None:
    """Both scores of every recipe at another k, drawn and not judged."""
    if candidates.different(fitted, names, project) < k:
        return None
    made = make(fitted, names, k, project, passports, built_as_of=built_at)
    labelled = {name: labels(document, sample) for name, document in made.documents.items()}
    found = judge(labelled, dict.fromkeys(labelled, "candidate"), outcomes, sample["customer_id"], draws=200, seed=project.seed)
    return {name: {use: (s[use] or {}).get("value") for use in ("objective", "panel")} for name, s in found[0].items()} if found else None


def _outcomes(step, window: Window, orders, sample: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the sampled customers did in the window's judging period."""
    after = (
        step.sample(step.take("variables", f"later_{window.name}")).set_index("customer_id").reindex(sample["customer_id"]).reset_index()
    )
    return outcomes_of(window, totals_by_order(orders), after, sample["customer_id"], step.project)


def _tree(step, window: Window, orders, names: list[str], k: int, use: str) -> dict | None:
    """A tree for one use, trained on one window: its customers as they were, and what they did up to the day the others are built."""
    if not window.enough:
        return None
    sample = step.sample(step.take("variables", f"variables_{window.name}"))
    outcomes = _outcomes(step, window, orders, sample)
    asked = [y for name, y in outcomes.items() if (name == "objective") == (use == "objective")]
    wanted = [y for y in asked if len(np.unique(y[~np.isnan(y)])) > 1]
    if len(sample) < 2 * candidates.LEAF or not wanted:
        return None
    # Behaviours count alike whatever their unit; who did nothing later stands at the mean.
    target = np.column_stack([np.nan_to_num((y - np.nanmean(y)) / np.nanstd(y)) for y in wanted])
    return candidates.tree(sample, target, names, k, built_as_of=window.judged_until)
