"""What the page of step 9 says of the movement and of its noise: charts, tables and findings."""

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.reevaluate.masking import Hidden, covered_cells, hidden
from helpers.reevaluate.movement import Movement, money_matrix
from helpers.run import Approved
from helpers.tables import Column, Table, nothing
from helpers.words import mark, say

UNKNOWN = mark("The movement cannot be told: one horizon earlier there was too little history for the segments.")
NOBODY = mark("The movement cannot be told: no customer is in scope at both dates.")
TOO_FEW = mark("The movement is not shown: too few customers are in scope at both dates.")


def names(moved: Movement) -> dict[str, str]:
    """What people call each segment of the frozen document."""
    named = moved.document["segments"] if moved.document else []
    return {s["id"]: segment_name(s | {"suggested": moved.suggested.get(s["id"])}) for s in named}


def shut(moved: Movement, project: Project) -> Hidden:
    """What is not shown, for being about few customers or telling of few."""
    return hidden(moved.segments, moved.table, least=project.min_cell)


def matrix_frame(moved: Movement, project: Project) -> pd.DataFrame:
    """Where the customers of each segment are now, as shares of each row; missing where it is not shown or nobody was there."""
    if moved.stay["n"] < project.min_cell:
        return pd.DataFrame()
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = moved.table / moved.table.sum(axis=1, keepdims=True)
    labels = list(names(moved).values())
    return pd.DataFrame(np.where(shut(moved, project).cells, np.nan, shares), index=labels, columns=labels)


def matrix_words(moved: Movement, project: Project, windows: dict, *, approved: Approved | None = None) -> dict:
    """The words of the matrix; approved: what a re-evaluation applies at both dates."""
    frame, stay = matrix_frame(moved, project), moved.stay
    if frame.empty:
        return nothing("movement", say(UNKNOWN) if moved.document is None else say(TOO_FEW) if stay["n"] else say(NOBODY))
    stayed = zip(frame.index, np.diagonal(frame.to_numpy()), strict=True)
    each = [say("{name} {share}", name=name, share=words.share(share, 0)) for name, share in stayed if np.isfinite(share)]
    source = say("Source: {n} customers in scope at both dates.", n=words.number(stay["n"]))
    if shut(moved, project).cells.any():
        least = words.number(project.min_cell)
        source += " " + say("Hatched: fewer than {least} customers, or a share that would give such a number away.", least=least)
    return {
        "name": "movement",
        "title": say(
            "{share} of customers stayed in their segment; by chance {chance} would",
            share=words.share(stay["share"], 0),
            chance=words.share(stay["chance"], 0),
        ),
        "subtitle": say(
            "Each row: where the members of {then} are on {now}, under the rules of {rules}",
            then=words.day(windows["confirm"].built_at),
            now=words.day(windows["published"].built_at),
            rules=words.day(approved.as_of if approved else windows["confirm"].built_at),
        ),
        "alt": say("Share that stayed: {shares}.", shares=words.join(each) or say("not shown")),
        "source": source,
    }


def stay_words(moved: Movement, project: Project) -> str:
    """Whether belonging to a segment lasts, against the limit of the scope."""
    stay, limit = moved.stay, project.scope.criteria.interesting_kappa
    if moved.immovable:
        return say("Whether belonging lasts: cannot tell, for the segments use only what is known as it is today.")
    if stay["kappa"] is None or stay["n"] < project.min_cell:
        return say("Whether belonging lasts: cannot tell.")
    values = {"kappa": words.number(stay["kappa"], 2), "limit": words.number(limit, 2)}
    values |= {end: words.number(stay[end], 2) for end in ("low", "high")}
    if stay["low"] is not None and stay["low"] > limit:
        return say("Belonging lasts: κ is {kappa} (95% interval {low} to {high}), and the scope asks for {limit}.", **values)
    if stay["high"] is not None and stay["high"] < limit:
        return say("Belonging does not last: κ is {kappa} (95% interval {low} to {high}), below the {limit} of the scope.", **values)
    return say(
        "Cannot tell whether belonging lasts: κ is {kappa} (95% interval {low} to {high}), and the scope’s {limit} lies within it.",
        **values,
    )


def lasting_table(moved: Movement, project: Project) -> Table:
    """Segment by segment: who stayed, by chance, and κ."""
    named, closed, rows = names(moved), shut(moved, project).moves, []
    for segment, no in zip(moved.segments, closed, strict=True):
        row = {"segment": named[segment["id"]], "share": None, "chance": None, "kappa": None}
        rows.append(row if no else row | segment["stay"])
    columns = [
        Column("segment", say("Segment")),
        Column("share", say("Stayed"), "share", 0),
        Column("chance", say("By chance"), "share", 0),
        Column("kappa", say("Lasting, κ"), "number", 2),
    ]
    note = say(
        "κ = (stayed − by chance)/(1 − by chance): 1 everybody stayed, 0 no more than by chance. By chance: its share of customers now."
    )
    frame = pd.DataFrame(rows, columns=["segment", "share", "chance", "kappa"])
    return Table("lasting", say("How lasting each segment is"), frame, columns, note=f"{note} {_masked_note(closed, project)}".strip())


def balance_frame(moved: Movement, project: Project) -> pd.DataFrame:
    """label, value (entered less left), low and high: the balance, more or less what chance alone would move."""
    named, closed = names(moved), shut(moved, project).moves
    shown = [s for s, no in zip(moved.segments, closed, strict=True) if not no]
    rows = [
        {"label": named[s["id"]], "value": s["net"], "low": s["net"] - s["noise"], "high": s["net"] + s["noise"]}
        for s in shown
        if moved.stay["n"]
    ]
    return pd.DataFrame(rows, columns=["label", "value", "low", "high"])


def balance_words(moved: Movement, project: Project, windows: dict) -> dict:
    """The words of the balance."""
    frame = balance_frame(moved, project)
    if frame.empty:
        return nothing("balance", say(UNKNOWN) if moved.document is None else say(TOO_FEW) if moved.stay["n"] else say(NOBODY))
    beyond = frame[np.abs(frame["value"]) > (frame["high"] - frame["low"]) / 2]
    largest = frame.loc[frame["value"].abs().idxmax()]
    values = {"name": largest["label"], "net": words.signed(largest["value"])}
    values["noise"] = words.number((largest["high"] - largest["low"]) / 2)
    if beyond.empty:
        claim = say("No segment grew or shrank beyond chance")
    else:
        most = beyond.loc[beyond["value"].abs().idxmax()]
        claim = say("“{name}”: {net} customers on balance, more than chance moves", name=most["label"], net=words.signed(most["value"]))
    source = say("Source: {n} customers in scope at both dates; 5% for all segments together.", n=words.number(moved.stay["n"]))
    source = f"{source} {_masked_note(shut(moved, project).moves, project)}".strip()
    return {
        "name": "balance",
        "title": claim,
        "subtitle": say(
            "Customers who entered less those who left, {then} to {now}; a whisker across 0 means no more than chance",
            then=words.day(windows["confirm"].built_at),
            now=words.day(windows["published"].built_at),
        ),
        "interval_label": say("what chance alone would move"),
        "alt": say("Largest balance: {name}, {net} customers; chance alone would move {noise}.", **values),
        "source": source,
    }


def movement_table(moved: Movement, project: Project) -> Table:
    """Customers of each segment: before, entered, left, now; and who arrived in scope or departed from it."""
    named, closed, rows = names(moved), shut(moved, project), []
    for place, segment in enumerate(moved.segments):
        stayed = int(moved.table[place, place])
        row = {"before": stayed + segment["left"], "entered": segment["entered"], "left": segment["left"]}
        row |= {"now": stayed + segment["entered"], "net": segment["net"], "noise": segment["noise"]}
        row |= {"beyond": _yes(segment["beyond"])}
        row = dict.fromkeys(row) if closed.moves[place] else row
        row |= {name: segment[name] for name in ("arrived", "departed")}
        row |= dict.fromkeys(("before", "now", "arrived", "departed")) if closed.crossed[place] else {}
        rows.append({"segment": named[segment["id"]]} | row)
    columns = [
        Column("segment", say("Segment")),
        Column("before", say("Before"), "count"),
        Column("entered", say("Entered"), "count"),
        Column("left", say("Left"), "count"),
        Column("now", say("Now"), "count"),
        Column("net", say("Balance"), "count"),
        Column("noise", say("Chance alone, ±"), "number", 0),
        Column("beyond", say("More than chance")),
        Column("arrived", say("Arrived in scope"), "count"),
        Column("departed", say("Departed from it"), "count"),
    ]
    note = say(
        "Before, entered, left and now: customers in scope at both dates. Those who arrived or departed are counted apart and are not "
        "noise."
    )
    note = f"{note} {_masked_note(closed.moves | closed.crossed, project)}".strip()
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("customers", say("Customers: who came and who went"), frame, columns, note=note)


def money_table(moved: Movement, project: Project) -> Table:
    """Revenue of each segment's members, of customers in scope at both dates."""
    named, closed, rows = names(moved), shut(moved, project), []
    for segment, no, size in zip(moved.segments, closed.moves, closed.crossed, strict=True):
        before, now = segment["money_before"] - segment["money_departed"], segment["money_now"] - segment["money_arrived"]
        row = {"before": before, "now": now, "net": segment["net_money"], "noise": segment["noise_money"]}
        row |= {"beyond": _yes(segment["beyond_money"])}
        row |= dict.fromkeys(("before", "now")) if size else {}
        rows.append({"segment": named[segment["id"]]} | (dict.fromkeys(row) if no else row))
    columns = [
        Column("segment", say("Segment")),
        Column("before", say("Revenue before, 30 days"), "money", 0),
        Column("now", say("Revenue now, 30 days"), "money", 0),
        Column("net", say("Balance"), "money", 0),
        Column("noise", say("Chance alone, ±"), "money", 0),
        Column("beyond", say("More than chance")),
    ]
    note = say("Sum over the members at each date, net of refunds, per 30 days; customers in scope at both dates.")
    note = f"{note} {_masked_note(closed.moves | closed.crossed, project)}".strip()
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("money", say("Money: what the segments are worth"), frame, columns, note=note)


def money_matrix_table(moved: Movement, project: Project) -> Table | None:
    """What those who are in scope at both dates spend now, by where they were and where they are; None where nothing may be shown."""
    if moved.stay["n"] < project.min_cell:
        return None
    named, money, closed = names(moved), money_matrix(moved, project), shut(moved, project)
    # The sum of a row or column is the money of those present, which with that of all members tells of who arrived or departed.
    cells = covered_cells(moved.table, closed.cells | np.diag(closed.crossed), project.min_cell)
    shown = pd.DataFrame(np.where(cells | (moved.table == 0), np.nan, money), columns=list(named))
    frame = pd.concat([pd.Series(list(named.values()), name="segment"), shown], axis=1)
    columns = [Column("segment", say("Was in")), *(Column(one, say("Now: {name}", name=name), "money", 0) for one, name in named.items())]
    note = say(
        "Money that they spent in the last window, per 30 days, of customers in scope at both dates. A dash: nobody, fewer than {least} "
        "customers, or a figure that would give such a number away.",
        least=words.number(project.min_cell),
    )
    return Table("money_matrix", say("Where the money of each segment is now"), frame, columns, note=note)


def scope_words(moved: Movement, project: Project) -> str:
    """How many customers came into scope and went out of it."""
    arrived, departed = (sum(s[name] for s in moved.segments) for name in ("arrived", "departed"))
    if moved.document is None:
        return say("Who arrived in scope and who departed: cannot tell.")
    few, least = say("fewer than {least}", least=words.number(project.min_cell)), project.min_cell
    counts = {"n": moved.stay["n"], "arrived": arrived, "departed": departed}
    values = {name: few if 0 < n < least else words.number(n) for name, n in counts.items()}
    return say("In scope at both dates: {n} customers; arrived since: {arrived}; departed: {departed}.", **values)


def noise_words(floor: dict) -> str:
    """How much of the movement is behaviour."""
    if floor["within"] is None:
        return say("How much of the movement is noise: cannot tell.")
    shares = {name: words.share(floor[name], 0) for name in ("within", "between")}
    if floor["behaviour"] <= 0:
        return say(
            "The movement of single customers is not shown to be more than chance: two halves of one customer’s own orders get different "
            "labels in {within} of cases within a period, {between} between periods.",
            **shares,
        )
    result = say(
        "Two halves of one customer’s own orders get different labels in {within} of cases within a period, and in {between} between "
        "periods.",
        **shares,
    )
    values = {"points": points(floor["behaviour"]), "low": points(floor["low"]), "high": points(floor["high"])}
    if floor["low"] <= 0:
        return result + " " + say("The difference, {points} points (95% interval {low} to {high}), may be no more than chance.", **values)
    return result + " " + say("Only the difference is behaviour: {points} points (95% interval {low} to {high}).", **values)


def noise_table(floor: dict) -> Table:
    """Labels that differ between halves of one period, and of two periods."""
    rows = [
        (say("Two halves of one period (noise floor)"), floor["within"]),
        (say("A half of the earlier and a half of the later period"), floor["between"]),
        (say("Difference: behaviour, where it is above 0"), floor["behaviour"]),
    ]
    columns = [
        Column("what", say("Halves of the same customer’s orders that are compared")),
        Column("share", say("Labels that differ"), "share", 1),
    ]
    n = words.number(floor["n"])
    note = say("{n} customers. Halves drawn by lot, order by order; brought back to the scale of whole windows.", n=n)
    return Table("noise", say("The noise floor"), pd.DataFrame(rows, columns=["what", "share"]), columns, note=note)


def points(share: float | None) -> str:
    """A difference of shares in points, with a sign only where it is negative."""
    return words.number(None if share is None else share * 100, 1)


def _yes(beyond: bool) -> str:
    return say("yes") if beyond else say("no")


def _masked_note(closed: np.ndarray, project: Project) -> str:
    if not closed.any():
        return ""
    return say("Left out (–): what is about fewer than {least} customers, or would tell of them.", least=words.number(project.min_cell))
