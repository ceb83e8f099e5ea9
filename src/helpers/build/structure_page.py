"""What the page of step 6 says of structure: the verdict in one sentence, its reasons, and what to do nevertheless."""

import pandas as pd

from helpers import words
from helpers.build.structure import LEVEL
from helpers.tables import Column, Table, nothing
from helpers.words import mark, say

VERDICTS = {
    "natural": mark("These groups exist, we found them: they stand apart more clearly than groups cut from one cloud without gaps."),
    "reproducible": mark("There are no separate groups: we cut a slope, and the same cut comes back."),
    "constructive": mark("A convention: another cut would serve as well."),
    "convention": mark("The segments are a convention by construction: rules were written, and nothing was looked for."),
    "cannot tell": mark("Whether these groups exist cannot be told."),
}
WHY = {
    "few_rows": mark("There are {n} customers; it takes at least 50."),
    "alike": mark("All customers are alike in the variables used; it takes variables that tell them apart."),
    "few_different": mark("There are too few different customers for as many segments; it takes more variables, or fewer segments."),
    "missing": mark("Values are missing or infinite; it takes a rule of the document for filling them."),
}
NEVERTHELESS = {
    "natural": mark("Use them by name. A few customers stand between groups: how sure each one’s segment is, is told separately."),
    "reproducible": mark(
        "Use them as ranges of one scale: treat neighbours alike, do not call a segment a type of person, and choose their number by what "
        "you can work with."
    ),
    "constructive": mark(
        "Use them if they help people to act, and prefer the rule that is simplest to explain: the contest says whether they beat it."
    ),
    "cannot tell": mark("Use them as a convention until it can be told, and prefer the rule that is simplest to explain."),
}
STATISTICS = {"stability": mark("Stability"), "strength": mark("Prediction strength")}


def verdict_words(found: dict) -> str:
    """The verdict of `structure.verdict` in one plain sentence; why, where it cannot be told."""
    verdict = VERDICTS[found["verdict"]]
    told = say(verdict)
    if found["verdict"] != "cannot tell":
        return told
    why = WHY[found["why"]] if found["why"] else ""
    return f"{told} " + say(why, n=words.number(found["customers"])) if why else told


def reasons(found: dict) -> list[str]:
    """Why the verdict is what it is: each comparison with data that hold no groups, a sentence each."""
    if found["verdict"] == "cannot tell":
        return []
    told = [_against_one_cloud(found)]
    if found["verdict"] != "natural":
        told.append(_against_unrelated(found))
    return told


def _against_one_cloud(found: dict) -> str:
    counts = {statistic: _as_large(found, "one_cloud", statistic) for statistic in STATISTICS}
    beaten = [statistic for statistic in STATISTICS if found["p"]["one_cloud"][statistic] <= LEVEL]
    values = {s: words.number(n) for s, n in counts.items()} | {"draws": words.number(found["draws"])}
    if len(beaten) == 2:
        return say(
            "Of {draws} clouds without gaps, but with the same correlations, {stability} come back as surely at any number of segments, "
            "and {strength} foretell as well who belongs together.",
            **values,
        )
    if beaten == ["stability"]:
        return say(
            "They come back more surely than one cloud without gaps would ({stability} of {draws} such clouds do as well), but do not "
            "foretell better who belongs together ({strength} of {draws}): both are needed.",
            **values,
        )
    if beaten == ["strength"]:
        return say(
            "They foretell better who belongs together than one cloud without gaps would ({strength} of {draws} such clouds do as well), "
            "but do not come back more surely ({stability} of {draws}): both are needed.",
            **values,
        )
    return say(
        "One cloud without gaps, but with the same correlations, gives segments as clear: {stability} of {draws} such clouds come back as "
        "surely, {strength} foretell as well who belongs together.",
        **values,
    )


def _against_unrelated(found: dict) -> str:
    values = {"n": words.number(_as_large(found, "unrelated", "stability")), "draws": words.number(found["draws"])}
    if found["verdict"] == "reproducible":
        return say(
            "With variables that have nothing to do with each other, the segments of {n} of {draws} data sets come back as surely.",
            **values,
        )
    return say(
        "Even with variables that have nothing to do with each other, the segments of {n} of {draws} data sets come back as surely: chance "
        "is enough.",
        **values,
    )


def recommended_words(found: dict, wanted: int) -> str:
    """How many segments the evidence recommends, or that the scope's number is a convention."""
    if found["k_by"] == "scope":
        return say("The number of segments, {k}, is the scope’s, a convention: nothing in these data asks for it.", k=words.number(wanted))
    if found["recommended_k"] == wanted:
        return say("The data ask for the number of segments that the scope wants, {k}.", k=words.number(wanted))
    return say(
        "The data ask for {k} segments; the scope wants {wanted}. Try {k} before you decide.",
        k=words.number(found["recommended_k"]),
        wanted=words.number(wanted),
    )


def compared_words(found: dict) -> str:
    """What was compared with what, with the size of the sample."""
    if not found["by_k"]:
        return say("Nothing was compared.")
    numbers = words.join([words.number(int(k)) for k in sorted(found["by_k"], key=int)])
    rows = words.number(found["rows"])
    who = say("all {rows} customers", rows=rows)
    if found["rows"] < found["customers"]:
        who = say("{rows} of {all} customers, drawn by the seed", rows=rows, all=words.number(found["customers"]))
    return say(
        "Compared by k-means with {ks} segments: {who}, and {draws} made-up data sets of each kind, {rows} rows each. One cloud has the "
        "same correlations and no gap in any variable that takes more than ten values; in unrelated variables each is shuffled by itself.",
        ks=numbers,
        who=who,
        draws=words.number(found["draws"]),
        rows=rows,
    )


def warnings(found: dict, titles: dict[str, str], dominated: dict | None = None) -> list[str]:
    """Variables that decide alone, a sentence each.

    titles      variable → what people call it
    dominated   `structure.dominated_by` of the published segments; None: of the k-means partition that was judged
    """
    told = []
    if found.get("carried_by"):
        told.append(
            say(
                "One variable carries the verdict alone: without “{variable}” nothing stands apart from one cloud.",
                variable=titles.get(found["carried_by"], found["carried_by"]),
            )
        )
    for each in (dominated or found["dominated"])["decides"]:
        told.append(
            say(
                "One two-valued variable decides: the segments explain {share} of “{variable}”. Leave it out and look again, or say "
                "plainly that this is what the segments are.",
                share=words.share(each["share"], 0),
                variable=titles.get(each["variable"], each["variable"]),
            )
        )
    if found["constant"]:
        left = words.join([titles.get(name, name) for name in dict.fromkeys(found["constant"])])
        told.append(say("The same for everybody, and therefore without effect: {names}.", names=left))
    return told


def nevertheless_words(found: dict) -> str:
    """What can be done with the segments, whatever the verdict."""
    verdict = found["verdict"]
    return say(NEVERTHELESS[verdict])


def structure_frame(found: dict, statistic: str = "stability") -> pd.DataFrame:
    """What `charts.against_nulls` draws: k, value, low, high, same, cloud_low, cloud_high, unrelated_low, unrelated_high.

    value and same are these customers' own figure, which has no interval (low and high are missing); of made-up data nine tenths lie
    between low and high. To draw stability, join the columns from `same` on to the quartiles of the published way of cutting, by k.
    """
    rows = []
    for k, figures in sorted(found["by_k"].items(), key=lambda item: int(item[0])):
        row = {"k": int(k), "value": figures[statistic], "low": None, "high": None, "same": figures[statistic]}
        for null, short in (("one_cloud", "cloud"), ("unrelated", "unrelated")):
            row |= {f"{short}_low": figures[null][statistic]["low"], f"{short}_high": figures[null][statistic]["high"]}
        rows.append(row)
    columns = ["value", "low", "high", "same", "cloud_low", "cloud_high", "unrelated_low", "unrelated_high"]
    return pd.DataFrame(rows, columns=["k", *columns]).astype({"k": "int64"} | dict.fromkeys(columns, "float64"))


def structure_words(found: dict, statistic: str = "stability") -> dict:
    """The words of the chart of one statistic against the number of segments, beside the nulls."""
    name = "structure" if statistic == "stability" else "structure_strength"
    if not found["by_k"]:
        return nothing(name, verdict_words(found))
    k = max(found["by_k"], key=lambda k: (found["by_k"][k]["one_cloud"][statistic]["excess"], -int(k)))
    own, cloud = found["by_k"][k][statistic], found["by_k"][k]["one_cloud"][statistic]
    values = {"k": words.number(int(k)), "own": words.number(own, 2), "cloud": words.number(cloud["median"], 2)}
    claim = (
        say("With {k} segments these customers stand out: {own}, one cloud {cloud}", **values)
        if found["p"]["one_cloud"][statistic] <= LEVEL
        else say("No number of segments stands out from one cloud: {own} against {cloud} at best", **values)
    )
    measure = (
        say("Median adjusted Rand index of pairs of bootstrap samples; boxes: nine tenths of made-up data sets")
        if statistic == "stability"
        else say("Prediction strength over split halves, 1 = all pairs kept together; boxes: nine tenths of made-up data sets")
    )
    source = say("Source: {rows} customers; {draws} data sets of each kind", rows=words.number(found["rows"]), draws=found["draws"])
    return {"name": name, "title": claim, "subtitle": measure, "alt": f"{claim}. {verdict_words(found)}", "source": source}


def structure_table(found: dict) -> Table:
    """Both statistics for each number of segments, beside the median and the 95 % quantile of both kinds of made-up data."""
    rows = []
    for k, figures in sorted(found["by_k"].items(), key=lambda item: int(item[0])):
        for statistic, title in STATISTICS.items():
            row = {"k": int(k), "statistic": say(title), "own": figures[statistic]}
            for null in ("one_cloud", "unrelated"):
                drawn = figures[null][statistic]
                row |= {f"{null}_median": drawn["median"], f"{null}_high": drawn["high"], f"{null}_p": drawn["p"]}
            rows.append(row)
    columns = [
        Column("k", say("Segments"), "count"),
        Column("statistic", say("Measure")),
        Column("own", say("These customers"), "number", 2),
        Column("one_cloud_median", say("One cloud, median"), "number", 2),
        Column("one_cloud_high", say("One cloud, 95% quantile"), "number", 2),
        Column("one_cloud_p", say("One cloud, p"), "number", 3),
        Column("unrelated_median", say("Unrelated, median"), "number", 2),
        Column("unrelated_high", say("Unrelated, 95% quantile"), "number", 2),
        Column("unrelated_p", say("Unrelated, p"), "number", 3),
    ]
    note = say("p: share of data sets, these customers among them, whose largest lead over all numbers of segments is at least as large.")
    return Table("structure", say("Do segments stand apart?"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def _as_large(found: dict, null: str, statistic: str) -> int:
    """How many made-up data sets did as well: p is (1 + them)/(1 + draws)."""
    return round(found["p"][null][statistic] * (found["draws"] + 1)) - 1
