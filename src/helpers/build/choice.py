"""From the recipe chosen to the document that is published: names, ids and colours, membership, an earlier build aligned with it."""

from collections.abc import Collection

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.build import describe
from helpers.build.document import apply, labels
from helpers.build.document import renamed as relabelled
from helpers.project import Project

NAMED_FROM = 0.2
"""Standard deviations from everyone's mean from which a variable counts as high or low for a name."""
SAME = 0.5
"""Jaccard index from which a segment is an earlier one: more than half, and no other can be."""
BY_DEFAULT = ("hcpc", "kmeans", "latent", "rfm", "crossing", "bands")
"""What is published when nothing could be judged and nobody decided, in this order."""


def chosen(project: Project, evidence: dict, there: Collection[str] = ("hcpc",)) -> tuple[str, str]:
    """The recipe that is published, and by whom it was chosen: "people" or "evidence" ("nobody" when nothing could be judged).

    there    the recipes that could be fitted; where nothing was judged the first of them that learns is taken
    """
    if project.build.chosen:
        return project.build.chosen, "people"
    best = evidence["verdicts"]["panel"]["best_candidate"]
    if best:
        return best, "evidence"
    return next((name for name in (*BY_DEFAULT, *there) if name in there), BY_DEFAULT[0]), "nobody"


def named(
    document: dict, sample: pd.DataFrame, project: Project, variables: list[str], *, kept: dict | None = None
) -> tuple[dict, dict[str, list[dict]]]:
    """The document under its published ids, names and colours, and the traits of each segment.

    On the first build typed expectations choose ids. On a refit the ids that `keep_ids` gave stay, and names follow ids.

    sample     one row a customer, to which the document is applied
    variables  all that is described, whether it built the segments or not
    kept       result of `keep_ids`, where there is an earlier build
    Returns    the document with segments in the order of their ids, and id → traits. A name whose expectation is not met is left out.
    """
    from helpers.charts import colours

    found = describe.traits(sample, labels(document, sample), variables, least=project.min_cell)
    for empty in (s["id"] for s in document["segments"] if s["id"] not in found):
        found[empty] = [{"variable": v, "mean": None, "everyone": None, "v": None, "effect": None} for v in variables]
    if kept is None:
        ids = name_segments({one: found[one] for one in sorted(found, key=place)}, project)
        document, found = renamed(document, ids), {ids[old]: rows for old, rows in found.items()}
    described, typed = {one: found[one] for one in sorted(found, key=place)}, project.build.segments
    wanted = {s: named.colour for s, named in typed.items() if named.colour and s in described}
    palette, segments = colours(list(described), wanted), []
    for segment in document["segments"]:
        name = typed.get(segment["id"])
        withdrawn = name is not None and name_fits(described[segment["id"]], name.expect) is False
        segments.append(segment | {"name": name.name if name and not withdrawn else None, "colour": palette[segment["id"]]})
    return document | {"segments": segments}, described


def keep_ids(
    document: dict, earlier: dict | None, frame: pd.DataFrame, *, used: Collection[str] = (), then: pd.Series | None = None
) -> tuple[dict, dict[str, dict]]:
    """The document under the ids that the CRM knows: a segment that is mostly an earlier one keeps its id, any other gets a new one.

    Both documents label the same customers; segments are paired by the Hungarian method on their Jaccard index (customers of both over
    customers of either), and a pair counts from `SAME` on. A new id is the next number that no earlier document ever had.

    earlier   the document published before; None on the first build: ids stay as the recipe gave them
    frame     customers, with the variables of both documents
    used      every id that any earlier document had (those of `earlier` are always counted)
    then      segment by customer_id as published then: what pairs them where a variable of `earlier` is measured no longer
    Returns   the document, and id → {from (the earlier id that it continues, None for a new one), nearest, jaccard}; {} without earlier
    """
    from scipy.optimize import linear_sum_assignment

    if earlier is None:
        return document, {}
    if {v["name"] for v in earlier["variables"]} <= set(frame.columns):
        before = labels(earlier, frame)
    else:
        before = frame["customer_id"].map(then if then is not None else {}).fillna("").to_numpy(dtype="object")
    now = labels(document, frame)
    there, here = [s["id"] for s in earlier["segments"]], [s["id"] for s in document["segments"]]
    index = jaccard(np.array([[int(((now == a) & (before == b)).sum()) for b in there] for a in here]))
    rows, columns = linear_sum_assignment(-np.where(index >= SAME, index, 0.0))
    partner = {here[r]: there[c] for r, c in zip(rows, columns, strict=True) if index[r, c] >= SAME}
    number = max((place(one) for one in {*there, *used}), default=0)
    ids, kept = {}, {}
    for row, one in enumerate(here):
        if one not in partner:
            number += 1
        ids[one] = f"S{place(partner[one])}" if one in partner else f"S{number}"
        nearest = int(index[row].argmax())
        closest = there.index(partner[one]) if one in partner else nearest
        near = f"S{place(there[closest])}" if index[row, closest] > 0 else None
        kept[ids[one]] = {"from": ids[one] if one in partner else None, "nearest": near, "jaccard": float(index[row, closest])}
    return renamed(document, ids), {one: kept[one] for one in sorted(kept, key=place)}


def jaccard(table: np.ndarray) -> np.ndarray:
    """Jaccard index of every pair of groups: customers of both over customers of either; 0 where neither has any.

    table   customers of each group of one segmentation (rows) in each of another (columns); everybody is in one of each
    """
    either = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
    return table / np.maximum(either, 1)


def place(segment: str) -> int:
    """Where an id stands: S10 after S9."""
    return int(segment[1:])


def renamed(document: dict, ids: dict[str, str]) -> dict:
    """The same document under other ids, its segments (and what goes with each of them) in the order of the ids."""
    return relabelled(document, ids, order=sorted(ids.values(), key=place))


def aligned(earlier: dict, published: dict, sample: pd.DataFrame) -> tuple[dict, float]:
    """An earlier build under the ids of the published one, and the agreement of the two (adjusted Rand index).

    Both label the same customers; ids are paired so that as many as possible keep theirs (Hungarian method).
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score

    old, new = labels(earlier, sample), labels(published, sample)
    here, there = [s["id"] for s in earlier["segments"]], [s["id"] for s in published["segments"]]
    shared = np.array([[int(((old == a) & (new == b)).sum()) for b in there] for a in here])
    rows, columns = linear_sum_assignment(-shared)
    ids = {here[r]: there[c] for r, c in zip(rows, columns, strict=True)}
    free = [s for s in (f"S{n + 1}" for n in range(len(here) + len(there))) if s not in ids.values()]
    ids |= {one: free.pop(0) for one in here if one not in ids}
    named_like = {s["id"]: {"name": s["name"], "colour": s["colour"]} for s in published["segments"]}
    document = renamed(earlier, ids)
    for segment in document["segments"]:
        segment |= named_like.get(segment["id"], {})
    return document, float(adjusted_rand_score(old, new))


def membership(customers: ir.Table, segmentation: dict, bands: dict, **how) -> ir.Table:
    """customer_id, segment, confidence and reason where the segmentation gives them, band: everyone in scope.

    bands   the document of the rule for the budget;  how: what else `document.apply` is given (as_of, overrides, reason)
    """
    segment, band = apply(segmentation, customers, **how), apply(bands, customers).rename(band="segment").select("customer_id", "band")
    band = band.mutate(band=ibis.literal("b") + band.band.substr(1))  # bands are not segments: b1 is the highest
    return segment.join(band, "customer_id").select("customer_id", *(c for c in segment.columns if c != "customer_id"), "band")


def name_segments(found: dict[str, list[dict]], project: Project) -> dict[str, str]:
    """Which built segment takes which id: names and ids follow what people typed that a segment must be like.

    found     traits of each segment, under the ids that the recipe gave
    Returns   recipe's id → published id. Typed expectations choose first, together (Hungarian method on the mean effect in the
              direction expected); the segments left take the ids left, in their order.
    """
    from scipy.optimize import linear_sum_assignment

    built = list(found)
    typed = [s for s, named in project.build.segments.items() if named.expect and s in built]
    taken: dict[str, str] = {}
    if typed:
        # A fitting pair outweighs any number of better scores: one wrong expectation must not move a name that fits.
        scores = np.array([[_fit(found[one], project.build.segments[s].expect) for s in typed] for one in built])
        rows, columns = linear_sum_assignment(-scores)
        pairs = [(built[r], typed[c]) for r, c in zip(rows, columns, strict=True) if scores[r, c] > 0]
        taken = dict(pairs)
    free = [s for s in built if s not in taken.values()]
    return taken | {one: free.pop(0) for one in built if one not in taken}


def name_fits(traits_of: list[dict], expect: dict[str, str]) -> bool | None:
    """Whether a segment is what its typed name promises; None when nothing was typed that could be checked."""
    if not expect:
        return None
    effect = {row["variable"]: row["effect"] or 0.0 for row in traits_of}
    return all(effect.get(name, 0.0) * (1 if way == "high" else -1) >= NAMED_FROM for name, way in expect.items())


def _fit(traits_of: list[dict], expect: dict[str, str]) -> float:
    """How well a segment fits what is expected: 0 when it does not, else 100 and the mean effect in the directions expected."""
    if not name_fits(traits_of, expect):
        return 0.0
    effect = {row["variable"]: row["effect"] or 0.0 for row in traits_of}
    return 100.0 + float(np.mean([effect.get(name, 0.0) * (1 if way == "high" else -1) for name, way in expect.items()]))
