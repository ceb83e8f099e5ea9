"""What the page of step 6 says of membership confidence: how many are core, what was redrawn, how good the table is."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.masking import withheld
from helpers.tables import Column, Table, min_cell
from helpers.words import mark, say

NOT_THAT = mark("It says how steady a label is, not that segments exist.")
VERDICTS = {
    "natural": mark("The structure verdict: these groups exist."),
    "reproducible": mark("The structure verdict: no separate groups; the same cut of a slope comes back."),
    "constructive": mark("The structure verdict: a convention; another cut would serve as well."),
    "cannot tell": mark("The structure verdict: cannot tell."),
}


def core_words(evidence: dict, verdict: str | None = None) -> str:
    """How many customers are core, beside the structure verdict (natural, reproducible, constructive, cannot tell; None: there is none)."""
    if evidence["core"] is None:
        return say("No confidence: nothing that this segmentation is made of can be redrawn.")
    core, least = words.share(evidence["core"], 0), words.share(0.8, 0)
    if evidence["method"] == "posterior":
        said = say("{core} of customers are core: their segment has a probability of at least {least}.", core=core, least=least)
    elif evidence["method"] == "orders":
        said = say(
            "{core} of customers are core: with other orders of the same kind at least {least} of redrawings leave them in their segment.",
            core=core,
            least=least,
        )
    elif evidence["method"] == "customers":
        said = say("{core} of customers are core: at least {least} of refits on other customers leave them there.", core=core, least=least)
    else:
        said = say(
            "{core} of customers are core: with other customers and other orders of the same kind, at least {least} of refits leave them "
            "in their segment.",
            core=core,
            least=least,
        )
    structure = say(VERDICTS[verdict]) if verdict in VERDICTS else say("Rules have no structure verdict: they are conventions.")
    return " ".join([said, say(NOT_THAT), structure])


def redrawn_words(evidence: dict) -> str:
    """What was redrawn, how often, on how many customers."""
    if evidence["method"] == "none":
        return say("Only what orders, events and mailings make can be redrawn; attributes and answers stay as they are.")
    if evidence["method"] == "posterior":
        return say("The confidence is the probability of the segment given the variables; nothing was redrawn.")
    values = {
        "customers": words.number(evidence["customers"]),
        "replicates": words.number(evidence["replicates"]),
        "redraws": words.number(evidence["redraws"]),
        "rows": words.number(evidence["rows"]),
        "fitted": words.number(evidence["refit_rows"]),
        "base": words.number(evidence["refit_of"]),
        "lost": words.share(evidence["lost"]),
    }
    parts = []
    if evidence["refit"]:
        parts.append(say("{replicates} refits, each on {fitted} customers drawn with replacement from {base}.", **values))
        parts.append(
            say("Transforms and axes are learnt anew and k-means starts cold; no tree of classes is grown.")
            if evidence["refit"] == "k-means"
            else say("Each runs the whole recipe.")
        )
    if evidence["redraws"]:
        parts.append(
            say(
                "{redraws} redrawings of the orders, events and mailings of {customers} customers ({rows} rows): each counts a random "
                "number of times (Poisson, mean 1), and values are brought back to the published scale. {lost} of redrawings left a "
                "customer without any order and do not count.",
                **values,
            )
        )
    else:
        parts.append(say("No variable here comes from single orders, so none was redrawn: the figure is too favourable."))
    if evidence["redraws"] and evidence["stays"]:
        parts.append(say("Attributes and answers stay as they are."))
    return " ".join(parts)


def held_out_words(evidence: dict) -> str:
    """How far the table, by which everyone's confidence is told, is off for customers who did not make it."""
    error = evidence.get("held_out_error")
    if error is None:
        return say("No confidence table could be tested: too few customers.") if evidence["method"] not in ("posterior", "none") else ""
    written = words.number(error, 2)
    if evidence["told"]:
        return say(
            "Confidence is told from the distance to the border; on customers held out it misses by {error} on average.", error=written
        )
    return say(
        "Confidence is told from the distance to the border; on customers held out it misses by {error} on average, more than the 0.10 "
        "accepted: use it for shares of a segment, not for single customers.",
        error=written,
    )


def core_table(evidence: dict, document: dict) -> Table:
    """Core and border members of each segment."""
    named, rows = {s["id"]: s for s in document["segments"]}, []
    for each in evidence["segments"]:
        hidden = withheld(each, min_cell())
        core = None if hidden or each["core"] is None else _safe(each["core"], each["n"])
        rows.append(
            {
                "name": segment_name(named[each["segment"]]),
                "n": each["n"],
                "core": core,
                "border": None if core is None else 1 - core,
                "mean": None if hidden else each["mean"],
            }
        )
    columns = [
        Column("name", say("Segment")),
        Column("n", say("Customers"), "count"),
        Column("core", say("Core members"), "share", 0),
        Column("border", say("Border members"), "share", 0),
        Column("mean", say("Mean confidence"), "number", 2),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("Core: confidence of at least {least}.", least=words.number(0.8, 1)) + " " + say(NOT_THAT)
    return Table("core_members", say("Core and border members"), frame, columns, note=note.strip(), cell_size="n")


def apart_table(evidence: dict, document: dict, columns: dict) -> Table:
    """Who the core members are: their means beside those of the border members, on the variables that tell the two apart most.

    columns   of `inputs.columns`: what people call the variables
    """
    named, rows, least = {s["id"]: s for s in document["segments"]}, [], min_cell()
    for each in evidence["segments"]:
        if each["core"] is None:
            continue
        core = round(each["core"] * each["n"])
        for trait in each["traits"] if min(core, each["n"] - core) >= least else []:
            name = trait["variable"]
            rows.append(
                {
                    "segment": segment_name(named[each["segment"]]),
                    "variable": columns[name].title() if name in columns else name,
                    "core": trait["core"],
                    "border": trait["border"],
                    "effect": trait["effect"],
                    "kinds": _kind(columns.get(name)),
                }
            )
    shown = [
        Column("segment", say("Segment")),
        Column("variable", say("Variable")),
        Column("core", say("Core members, mean"), "number", 1, kinds="kinds"),
        Column("border", say("Border members, mean"), "number", 1, kinds="kinds"),
        Column("effect", say("Difference, sd"), "number", 2),
    ]
    frame = pd.DataFrame(rows, columns=["segment", "variable", "core", "border", "effect", "kinds"])
    note = say("Core members are farther from the border by construction: this describes them and proves nothing.")
    return Table("core_apart", say("How core members differ from border members"), frame, shown, note=note)


def _safe(core: float, n: int) -> float | None:
    """A share of core members, unless it tells of fewer than min_cell customers on either side (all or none tells of nobody)."""
    least, number = min_cell(), round(core * n)
    return None if 0 < number < least or 0 < n - number < least else core


def _kind(column) -> tuple[str, int]:
    """How values of a variable are written."""
    if column is None or column.variable is None:
        return "number", 2
    return {"share": "share", "money": "money"}.get(column.variable.unit, "number"), 1
