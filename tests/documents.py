"""Segmentation documents of format 2, one of each form, for tests; their labels are worked out by hand in test_document_forms."""


def number(name, missing=None, *steps):
    return {"name": name, "kind": "number", "missing": missing, "steps": list(steps)}


def category(name, *levels):
    return {"name": name, "kind": "category", "levels": [{"level": x, "centre": c, "scale": s} for x, c, s in levels], "steps": []}


def document(variables, ids, assign, **more):
    segments = [{"id": id_, "name": None, "colour": "#12436D"} for id_ in ids]
    fields = {"format": 2, "version": 1, "key": "customer_id", "built_as_of": "2017-10-01T00:00:00", "made_by": "hand"}
    return fields | {"variables": variables, "segments": segments, "assign": assign} | more


def mixed():
    """Spend in tens and two regions, each centred; three centres, the border of the first two with a table of its own."""
    variables = [
        number("spend", 20.0, {"clip": [0.0, 100.0]}, {"scale": [20.0, 10.0]}),
        category("region", ("n", 0.5, 0.5), ("s", 0.5, 0.5)),
    ]
    table = [
        {"own": "S1", "other": "S2", "at": [0.5, 1.0], "share": [0.6, 0.8, 0.9]},
        {"own": "S1", "other": "", "at": [], "share": [0.7]},
        {"own": "S2", "other": "", "at": [0.0, 1.0], "share": [0.1, 0.55, 1.0]},
    ]
    how = {"centroids": [[2.0, 1.0, -1.0], [-1.0, 1.0, -1.0], [0.0, -1.0, 1.0]], "confidence": {"table": table}}
    return document(variables, ["S1", "S2", "S3"], {"nearest": how})


def on_axes():
    """Roots turned by a right-angled 3-4-5 triangle."""
    variables = [number("x", 0.0, {"clip": [0.0, 1e6]}, {"sqrt": True}), number("y", 0.0, {"clip": [0.0, 1e6]}, {"log1p": True})]
    project = {"centre": [1.0, 2.0], "loadings": [[0.6, -0.8], [0.8, 0.6]]}
    row = {"own": "S1", "other": "", "at": [0.25], "share": [0.5, 0.75]}
    how = {"centroids": [[3.0, -4.0], [4.0, 3.0], [0.0, 0.0]], "confidence": {"table": [row]}}
    return document(variables, ["S1", "S2", "S3"], {"nearest": how}, project=project)


def posterior():
    """Two classes of equal share: spend 0 or 4 with sd 1, and a level each prefers."""
    classes = [
        {"segment": "S1", "share": 1, "of": {"spend": {"mean": 4, "sd": 1}, "pays": {"levels": {"card": 0.75, "cash": 0.25}}}},
        {"segment": "S2", "share": 1, "of": {"spend": {"mean": 0, "sd": 1}, "pays": {"levels": {"card": 0.25, "cash": 0.75}}}},
    ]
    return document([number("spend"), category("pays")], ["S1", "S2", "S3"], {"posterior": {"classes": classes, "unknown": "S3"}})


def rules():
    define = {
        "big": {"variable": "spend", "at_least": 100},
        "stale": [{"variable": "days", "at_least": 60}, {"not": {"variable": "pays", "in": ["card"]}}],
        "either": {"any": [{"rule": "big"}, {"rule": "stale"}]},
    }
    listed = [
        {"segment": "S1", "name": "big and not stale", "when": {"all": [{"rule": "big"}, {"not": {"rule": "stale"}}]}},
        {"segment": "S2", "when": {"rule": "either"}},
        {"segment": "S3", "when": [{"variable": "spend", "missing": True}]},
    ]
    table = [{"own": "S1", "other": "", "at": [1.0, 2.0], "share": [0.5, 0.75, 1.0]}, {"own": "S2", "other": "", "at": [], "share": [0.9]}]
    confidence = {"spread": {"spend": 10, "days": 5}, "table": table}
    how = {"define": define, "rules": listed, "otherwise": "S4", "confidence": confidence}
    return document([number("spend"), number("days"), category("pays")], ["S1", "S2", "S3", "S4"], {"first_match": how})


def points():
    criteria = [
        {"variable": "visits", "cuts": [1, 3], "points": [0, 8, 16], "otherwise": 2, "age": "days", "half_life_days": 30},
        {"variable": "role", "levels": {"buyer": 4, "student": -4}, "otherwise": 1},
    ]
    bands = [{"segment": "S1", "from": 12}, {"segment": "S2", "from": 5}]
    confidence = {"spread": {"visits": 1}, "table": [{"own": "S2", "other": "", "at": [1], "share": [0.25, 0.5]}]}
    how = {"criteria": criteria, "bands": bands, "otherwise": "S3", "confidence": confidence}
    return document([number("visits"), category("role"), number("days")], ["S1", "S2", "S3"], {"points": how})


FORMS = (mixed, on_axes, posterior, rules, points)
