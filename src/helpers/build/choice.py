"""From the recipe chosen to the document that is published: names, ids and colours, membership, an earlier build aligned with it."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.build import describe
from helpers.build.document import apply, labels
from helpers.project import Project

NAMED_FROM = 0.2
"""Standard deviations from everyone's mean from which a variable counts as high or low for a name."""


def chosen(project: Project, evidence: dict) -> tuple[str, str]:
    """The recipe that is published, and by whom it was chosen: "people" or "evidence" ("nobody" when nothing could be judged)."""
    if project.build.chosen:
        return project.build.chosen, "people"
    best = evidence["verdicts"]["panel"]["best_candidate"]
    return (best, "evidence") if best else ("hcpc", "nobody")


def named(document: dict, sample: pd.DataFrame, project: Project, variables: list[str]) -> tuple[dict, dict[str, list[dict]]]:
    """The document under its published ids, names and colours, and the traits of each segment.

    sample     one row a customer, to which the document is applied
    variables  all that is described, whether it built the segments or not
    Returns    the document with segments in the order of their ids, and id → traits. A name whose expectation is not met is left out.
    """
    from helpers.charts import colours

    found = describe.traits(sample, labels(document, sample), variables, least=project.min_cell)
    for empty in (s["id"] for s in document["segments"] if s["id"] not in found):
        found[empty] = [{"variable": v, "mean": None, "everyone": None, "v": None, "effect": None} for v in variables]
    ids = name_segments({one: found[one] for one in sorted(found, key=place)}, project)
    described = {ids[old]: rows for old, rows in found.items()}
    typed = project.build.segments
    wanted = {s: named.colour for s, named in typed.items() if named.colour and s in described}
    palette = colours(sorted(described, key=place), wanted)
    document = renamed(document, ids)
    for segment in document["segments"]:
        name = typed.get(segment["id"])
        withdrawn = name is not None and name_fits(described[segment["id"]], name.expect) is False
        segment |= {"name": name.name if name and not withdrawn else None, "colour": palette[segment["id"]]}
    return document, {one: described[one] for one in sorted(described, key=place)}


def place(segment: str) -> int:
    """Where an id stands: S10 after S9."""
    return int(segment[1:])


def renamed(document: dict, ids: dict[str, str]) -> dict:
    """The same document under other ids, its segments (and their centres) in the order of the ids."""
    new = [segment | {"id": ids[segment["id"]]} for segment in document["segments"]]
    order = sorted(range(len(new)), key=lambda i: place(new[i]["id"]))
    ((kind, how),) = document["assign"].items()
    if kind == "nearest":
        how = {"centroids": [how["centroids"][i] for i in order]}
    elif kind == "first_match":
        how = {"rules": [r | {"segment": ids[r["segment"]]} for r in how["rules"]], "otherwise": ids[how["otherwise"]]}
    else:
        how = how | {"bands": [b | {"segment": ids[b["segment"]]} for b in how["bands"]], "otherwise": ids[how["otherwise"]]}
    return document | {"segments": [new[i] for i in order], "assign": {kind: how}}


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


def membership(customers: ir.Table, segmentation: dict, bands: dict) -> ir.Table:
    """customer_id, segment, band: everyone in scope, under the published segmentation and the bands of past value."""
    segment, band = apply(segmentation, customers), apply(bands, customers).rename(band="segment")
    band = band.mutate(band=ibis.literal("b") + band.band.substr(1))  # bands are not segments: b1 is the highest
    return segment.join(band, "customer_id").select("customer_id", "segment", "band")


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
