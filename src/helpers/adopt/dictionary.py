"""The segment dictionary: id, name, and how it is decided who belongs, as plain values."""

from helpers.build.portraits import strongest
from helpers.masking import withheld


def dictionary(document: dict, profiles: dict, *, least: int) -> dict:
    """dictionary.json.

    document   the segmentation as step 6 hands it over
    profiles   as step 6 hands them over
    least      customers below which their number is left out
    Returns    segments [{id, name, in_short, traits (the two strongest), n, rule}], built_as_of (None: not known),
               document and sql (the files that say it in full)
    """
    known = {s["id"]: s for s in profiles["segments"]}
    rows = []
    for segment in document["segments"]:
        profile = known.get(segment["id"], {})
        n = None if profile and withheld(profile, least) else profile.get("n", 0)
        row = {"id": segment["id"], "name": segment["name"], "in_short": profile.get("in_short", "")}
        row["traits"] = strongest(profile) if n else []
        rows.append(row | {"n": n, "rule": rule(document, segment["id"])})
    built = document.get("built_as_of")
    return {"segments": rows, "built_as_of": built, "document": "segmentation.json", "sql": "segments.sql"}


def rule(document: dict, segment: str) -> dict:
    """How it is decided that a customer belongs to a segment.

    Returns   {kind: "nearest", profiles, axes (None: on the variables themselves), variables}
              {kind: "first_match", rules: [{place, when: [{variable, at_least, below}]}], otherwise: bool}
              {kind: "points", criteria: [names], from (None: whoever has fewer), below (None: the highest band)}
    """
    ((kind, how),) = document["assign"].items()
    if kind == "nearest":
        axes = len(document["project"]["loadings"][0]) if "project" in document else None
        return {"kind": kind, "profiles": len(how["centroids"]), "axes": axes, "variables": len(document["variables"])}
    if kind == "first_match":
        own = [{"place": place, "when": r["when"]} for place, r in enumerate(how["rules"], 1) if r["segment"] == segment]
        return {"kind": kind, "rules": own, "otherwise": how["otherwise"] == segment}
    bands = how["bands"]
    place = next((i for i, band in enumerate(bands) if band["segment"] == segment), len(bands))
    return {
        "kind": kind,
        "criteria": [c["variable"] for c in how["criteria"]],
        "from": bands[place]["from"] if place < len(bands) else None,
        "below": bands[place - 1]["from"] if place else None,
    }
