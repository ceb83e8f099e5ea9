"""The segment dictionary: id, name, and how it is decided who belongs, as plain values."""

from collections.abc import Iterator, Sequence

from helpers.build.portraits import strongest
from helpers.masking import withheld

TABLE = "inputs"
"""What step 6 hands over and a document is applied to: the key and the columns that it uses."""


def dictionary(document: dict, profiles: dict, *, least: int, earlier: Sequence[dict] = ()) -> dict:
    """dictionary.json.

    document   the segmentation as step 6 hands it over
    profiles   as step 6 hands them over
    least      customers below which their number is left out
    earlier    profiles of complete runs before this one, the oldest first: step.earlier("profiles", "build")
    Returns    segments [{id, name, suggested (a name, where none is typed), in_short, traits (the two strongest), n, revenue_per_30d
               {value, low, high} and share_of_revenue (None where not told), since {as_of (of the first complete run with that id, else
               of this one), runs (complete ones before this one that had it)}, rule}], built_as_of (None: not known), document and sql
               (the files that say it in full), table (what the query reads)
    """
    known = {s["id"]: s for s in profiles["segments"]}
    rows = []
    for segment in document["segments"]:
        profile = known.get(segment["id"], {})
        n = None if profile and withheld(profile, least) else profile.get("n", 0)
        row = {"id": segment["id"], "name": segment["name"], "suggested": profile.get("suggested") if n else None}
        row |= {"in_short": profile.get("in_short", ""), "traits": strongest(profile) if n else []}
        row |= {key: profile.get(key) if n else None for key in ("revenue_per_30d", "share_of_revenue")}
        row |= {"n": n, "since": _since(segment["id"], profiles, earlier)}
        rows.append(row | {"rule": rule(document, segment["id"])})
    built = document.get("built_as_of")
    return {"segments": rows, "built_as_of": built, "document": "segmentation.json", "sql": "segments.sql", "table": TABLE}


def _since(segment: str, profiles: dict, earlier: Sequence[dict]) -> dict:
    """The oldest as_of of a run that had the segment, and how many runs before this one had it; ids are never used twice."""
    having = [run["as_of"] for run in earlier if any(s["id"] == segment for s in run["segments"])]
    return {"as_of": min([*having, profiles["as_of"]]), "runs": len(having)}


def rule(document: dict, segment: str) -> dict:
    """How it is decided that a customer belongs to a segment. Conditions are those of the document (build/document).

    Returns   {kind: "nearest", profiles, axes (None: on the variables themselves), variables, categories (of them)}
              {kind: "posterior", classes, variables, categories, likely: bool (one of the classes), unknown: bool (whoever has none of the
              variables belongs here)}
              {kind: "first_match", rules: [{place, name, when}], define {name: condition}: those that `when` names, otherwise: bool}
              {kind: "points", criteria: [as in the document], from (None: whoever has fewer), below (None: the highest band)}
    """
    ((kind, how),) = document["assign"].items()
    variables = document["variables"]
    used = {"variables": len(variables), "categories": sum(v.get("kind") == "category" for v in variables)}
    if kind == "nearest":
        axes = len(document["project"]["loadings"][0]) if "project" in document else None
        return {"kind": kind, "profiles": len(how["centroids"]), "axes": axes, **used}
    if kind == "posterior":
        likely = any(each["segment"] == segment for each in how["classes"])
        return {"kind": kind, "classes": len(how["classes"]), **used, "likely": likely, "unknown": how.get("unknown") == segment}
    if kind == "first_match":
        return {"kind": kind, **_own_rules(how, segment), "otherwise": how["otherwise"] == segment}
    bands = how["bands"]
    place = next((i for i, band in enumerate(bands) if band["segment"] == segment), len(bands))
    return {
        "kind": kind,
        "criteria": how["criteria"],
        "from": bands[place]["from"] if place < len(bands) else None,
        "below": bands[place - 1]["from"] if place else None,
    }


def _own_rules(how: dict, segment: str) -> dict:
    """The rules that lead to a segment, each in full; beside them the definitions that these still name, and those name in turn."""
    define, own = how.get("define") or {}, []
    for place, each in enumerate(how["rules"], 1):
        if each["segment"] == segment:
            whole = each["when"] if isinstance(each["when"], dict) else {}
            own.append({"place": place, "name": each.get("name"), "when": define.get(whole.get("rule"), each["when"])})
    waiting, used = [one["when"] for one in own], {}
    while waiting:
        for name in named_in(waiting.pop()):
            if name not in used:
                used[name] = define[name]
                waiting.append(define[name])
    return {"rules": own, "define": used}


def named_in(condition: dict | list) -> Iterator[str]:
    """The rules that a condition names."""
    for part in condition if isinstance(condition, list) else [condition]:
        if "rule" in part:
            yield part["rule"]
        for inner in ("all", "any", "not"):
            if inner in part:
                yield from named_in(part[inner])
