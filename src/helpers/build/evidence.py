"""Is it real: what is worked out for one segmentation, however it was found; how surely it comes back and whether it stands apart."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from helpers.build import kmeans, nulls, stability, structure
from helpers.build.borders import coordinates
from helpers.build.document import labels
from helpers.build.judging import Made
from helpers.build.methods.space import principal_axes, space
from helpers.project import Project
from helpers.variables import apply as transformed
from helpers.variables import catalogue, learn

ROWS = 1_000
"""Customers at most on whom stability is measured: every number of segments takes hundreds of fits."""
CLOUDS = 19
"""Clouds without structure that are cut for comparison with each segment: as few as a level of one in twenty allows."""
CLOUD_PAIRS = 10


def structure_of(made: Made, name: str, project: Project, *, progress: Callable | None = None) -> dict:
    """The structure verdict of a learned recipe on the variables it was fitted to; "convention" for others, which are one by construction.

    progress   called with the data sets done and all there are
    Returns    result of `structure.verdict`
    """
    recipe, scope = made.recipes[name], project.scope
    if not recipe.learned:
        return {"verdict": "convention", "why": None, "recommended_k": scope.segments_wanted, "k_by": "scope", "by_k": {}}
    points = space(made.sample, list(recipe.variables), made.columns, project)
    names = np.repeat([v["name"] for v in points.variables], points.blocks).tolist()
    ks = range(scope.segments_from, scope.segments_to + 1)
    draws = project.build.null_draws
    return structure.verdict(points.values, ks, scope.segments_wanted, draws=draws, seed=project.seed, names=names, progress=progress) | {
        "recipe": name
    }


def stability_of(made: Made, name: str, document: dict, project: Project) -> dict:
    """How surely a recipe's segments come back: the whole for each number of segments, each segment by itself, and the optimum.

    Transforms and axes are learnt on every bootstrap sample too. A recipe that is no partition by nearest centres is refitted whole, at
    the number wanted alone.

    document  what the recipe gave, under the ids under which it is published
    Returns   stability (k as text → low_quartile, median, high_quartile), pairs, starts_of_stability, rows, within (pairs × segments,
              in the order of the document's segments), cloud (clouds × k, the surest first), reproducibility,
              across (k → stability of each segment), gorge (counts, edges; likewise), gap; what does not apply is None
    """
    k, project_pairs = project.scope.segments_wanted, project.build.pairs
    sample = stability.screening_sample(made.sample, project.seed, ROWS)
    place = {segment["id"]: i for i, segment in enumerate(document["segments"])}
    own = np.array([place[one] for one in labels(document, sample)], dtype=int)
    if "nearest" not in document["assign"]:
        pairs = min(project_pairs, project.build.screening_pairs)
        again = stability.refitted(made.recipes[name], sample, k, pairs=pairs, seed=project.seed)
        return _nothing(len(sample), pairs) | {"stability": _quartiles({k: again.values})}
    recode = recoding(document, sample, project)
    here = recode(np.ones(len(sample)))
    ks = range(project.scope.segments_from, project.scope.segments_to + 1)
    solved = stability.solutions(here, ks, pairs=project_pairs, seed=project.seed, recode=recode)
    stable, starts, again = solved.values, solved.starts, solved.labels(k)
    kept = [kmeans.kmeans(here, n, n_starts=project.build.starts, seed=project.seed) for n in ks if n in stable]
    partitions = {len(one.centres): kmeans.nearest(here, one.centres) for one in kept}
    best = next((one for one in kept if len(one.centres) == k), None)
    gaps = stability.gap(here, ks, seed=project.seed) if stable else None
    return _nothing(len(sample), project_pairs) | {
        "stability": _quartiles(stable),
        "starts_of_stability": starts,
        "within": None if again is None else _in_place(stability.within_solution(own, again), own, len(place)),
        "cloud": cloud_of(here, k, project) if again is not None else None,
        "reproducibility": stability.reproduced(here, k, n_starts=project.build.starts, seed=project.seed, best=best) if best else None,
        "across": stability.across(partitions) if len(partitions) > 1 else None,
        "gorge": _gorge(here, own, len(place)),
        "gap": gaps,
    }


def _in_place(values: np.ndarray, own: np.ndarray, segments: int) -> np.ndarray:
    """One column a segment of the document, missing for one that nobody of the sample is in."""
    whole = np.column_stack([values, np.full((len(values), segments - values.shape[1]), np.nan)])
    return np.where(np.bincount(own, minlength=segments) > 0, whole, np.nan)


def _gorge(here: np.ndarray, own: np.ndarray, segments: int) -> tuple[np.ndarray, np.ndarray] | None:
    """`stability.gorge` around the means of the document's own segments; None where somebody's segment has nobody in the sample."""
    if (np.bincount(own, minlength=segments) == 0).any():
        return None
    return stability.gorge(here, np.stack([here[own == j].mean(axis=0) for j in range(segments)]))


def _nothing(rows: int, pairs: int) -> dict:
    empty = dict.fromkeys(("within", "cloud", "reproducibility", "across", "gorge", "gap"))
    return {"stability": {}, "pairs": pairs, "starts_of_stability": 0, "rows": rows} | empty


def _quartiles(stable: dict[int, np.ndarray]) -> dict[str, dict]:
    found = {str(k): values[~np.isnan(values)] for k, values in stable.items()}
    told = {k: np.quantile(values, [0.25, 0.5, 0.75]) for k, values in found.items() if len(values)}
    return {k: {"low_quartile": q[0], "median": q[1], "high_quartile": q[2]} for k, q in told.items()}


def cloud_of(here: np.ndarray, k: int, project: Project) -> np.ndarray:
    """How surely segments come back that are cut out of one cloud like these data, without structure: clouds × k, the surest first."""
    cloud = nulls.one_cloud(here)
    clouds = [cloud.draw(len(here), np.random.default_rng([project.seed, 77, i])) for i in range(CLOUDS)]
    found = [stability.cloud_within([cloud_], k, pairs=CLOUD_PAIRS, seed=project.seed) for cloud_ in clouds]
    return np.array([np.sort(one)[::-1] for one in found if len(one) == k])


def recoding(document: dict, sample: pd.DataFrame, project: Project) -> Callable[[np.ndarray], np.ndarray]:
    """From how often each customer was drawn to the coordinates of all under transforms and axes learnt on that sample.

    As many axes as the document has; levels of categories keep their published coding, which depends on their shares alone.
    """
    known = {v.name: v for v in catalogue(project)}
    numbers = [v["name"] for v in document["variables"] if v["kind"] == "number"]
    measured = [name for name in numbers if name in known]
    held = {"variables": [v for v in document["variables"] if v["name"] not in measured]}
    fixed = coordinates(held, sample) if held["variables"] else np.empty((len(sample), 0))
    axes = len(document["project"]["loadings"][0]) if "project" in document else None

    def recode(drawn: np.ndarray) -> np.ndarray:
        times = drawn.astype(int)
        learnt = learn(sample.iloc[np.repeat(np.arange(len(sample)), times)], [known[name] for name in measured], project)
        values = np.column_stack([transformed(sample, learnt), fixed])
        if axes is None:
            return values
        return principal_axes(values, axes, weights=drawn.astype("float64")).coordinates(values)

    return recode


def as_handed_over(found: dict) -> dict:
    """The part of `stability_of` that goes into evidence.json."""
    within = found["within"]
    told = {key: found[key] for key in ("stability", "pairs", "starts_of_stability", "rows", "reproducibility")}
    return told | {"within": None if within is None else np.median(within, axis=0).tolist()}
