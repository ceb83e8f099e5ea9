"""The same segmentation under other ids."""


def renamed(document: dict, ids: dict[str, str], order: list[str] | None = None) -> dict:
    """A new document whose segments have other ids; each customer keeps the segment under its new id, except for exact ties.

    ids     id → new id, for every segment
    order   new ids in the order in which the document shall list them, which decides ties; none: as they stand
    """
    segments = [segment | {"id": ids[segment["id"]]} for segment in document["segments"]]
    new = [segment["id"] for segment in segments]
    places = [new.index(one) for one in order or new]
    ((kind, how),) = document["assign"].items()
    how = dict(how)
    if kind == "nearest":
        how["centroids"] = [how["centroids"][place] for place in places]
    for field in ("classes", "rules", "bands"):
        if field in how:
            how[field] = [each | {"segment": ids[each["segment"]]} for each in how[field]]
    for field in ("otherwise", "unknown"):
        if how.get(field) is not None:
            how[field] = ids[how[field]]
    if "confidence" in how:
        rows = [row | {"own": ids[row["own"]], "other": ids.get(row["other"], "")} for row in how["confidence"]["table"]]
        how["confidence"] = how["confidence"] | {"table": rows}
    return document | {"segments": [segments[place] for place in places], "assign": {kind: how}}
