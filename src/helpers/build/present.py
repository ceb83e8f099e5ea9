"""The segments that the company has already, beside the published ones: who changes, and what that is worth."""

from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import words
from helpers.build import contest_page, describe
from helpers.build.choice import place
from helpers.build.overlap import adjusted_rand
from helpers.build.portraits import segment_name, short_name
from helpers.build.profiles import revenue
from helpers.engine import total
from helpers.masking import covered_sizes, covered_table
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import say, say_n

NOBODY = ""
"""Code of the group of those who have no present segment."""
LISTED = 10


def labels_of(sample: pd.DataFrame, project: Project) -> np.ndarray | None:
    """The present segment of each customer, "" for who has none: a way of cutting for the contest, role "present".

    sample    rows of `inputs.customers`
    Returns   None where there is no such column, or where it tells nobody from anybody
    """
    if project.build.present not in sample:
        return None
    found = sample[project.build.present].astype("string").str.strip().fillna(NOBODY).to_numpy(dtype=object).astype(str)
    return found if len(np.unique(found)) > 1 else None


def compare(step, members: ir.Table, orders: ir.Table, windows: dict, evidence: dict, profiles: dict) -> dict | None:
    """The crossing of present and published segments, for everybody in scope; None where no column holds the present ones.

    members    membership;  orders: order lines;  evidence: of the contest;  profiles: what `profiles.profile` gave
    Returns    column, groups [{present, n, becomes}], cells [{present, segment, n, revenue_per_30d, kind, shown}], agreement (adjusted
               Rand index, among those who have a present segment), changing and changing_shown {n, share, revenue_per_30d {value, low,
               high}, share_of_revenue}, explained (use → present, chosen, gain). A customer *changes* whose present segment goes
               mostly, one to one, to another published one than the customer does; *new* are those who had none. changing_shown counts
               the cells that pages may show, so that nothing follows about the others.
    """
    column = step.project.build.present
    attributes = step.take("variables", "descriptors")
    if column not in attributes.columns:
        return None
    window = windows["published"]
    months = (window.built_at - window.built_from).days / 30
    crossed = _crossed(members, attributes, column, revenue(orders, window))
    cells = crossed.group_by(["present", "segment"]).agg(n=crossed.count(), revenue=total(crossed.revenue))
    cells = cells.order_by(["present", "segment"]).execute().astype({"revenue": "float64"})
    if cells["present"].nunique() < 2:
        return None
    counts = cells.pivot(index="present", columns="segment", values="n").fillna(0).astype("int64")
    counts = counts[sorted(counts.columns, key=place)]
    becomes = _becomes(counts)
    hidden = _hidden(counts, profiles, step.project.min_cell)
    listed = [_cell(row, becomes, hidden, months) for row in cells.itertuples()]
    known = counts.drop(index=NOBODY, errors="ignore")
    sample = step.sample(crossed)
    return {
        "column": column,
        "groups": [{"present": p, "n": int(counts.loc[p].sum()), "becomes": becomes.get(p)} for p in counts.index],
        "cells": listed,
        "agreement": adjusted_rand(known.to_numpy()),
        "changing": _changing(listed, sample, months, step.project),
        "changing_shown": _changing([c for c in listed if c["shown"]], sample, months, step.project, all_cells=listed),
        "explained": _explained(evidence["contest"], profiles["chosen"]),
    }


def _crossed(members: ir.Table, attributes: ir.Table, column: str, spent: ir.Table) -> ir.Table:
    """customer_id, segment, present ("" for none), revenue of the window: everybody in scope."""
    held = attributes.select("customer_id", present=attributes[column].cast("string").strip())
    joined = members.select("customer_id", "segment").left_join(held, "customer_id").drop("customer_id_right")
    joined = joined.left_join(spent, "customer_id").drop("customer_id_right")
    return joined.mutate(present=joined.present.fill_null(NOBODY), revenue=joined.revenue.cast("float64").fill_null(0))


def _becomes(counts: pd.DataFrame) -> dict[str, str]:
    """Which published segment each present one corresponds to: one to one, so that as many customers as possible stay (Hungarian)."""
    from scipy.optimize import linear_sum_assignment

    known = counts.drop(index=NOBODY, errors="ignore")
    rows, columns = linear_sum_assignment(-known.to_numpy())
    return {known.index[r]: known.columns[c] for r, c in zip(rows, columns, strict=True) if known.iloc[r, c] > 0}


def _hidden(counts: pd.DataFrame, profiles: dict, least: int) -> pd.DataFrame:
    """Which cells stay hidden, so that none follows from the sizes of present and published segments."""
    shut = {s["id"] for s in profiles["segments"] if s.get("shown") is False}
    by_row = np.array(covered_sizes(counts.sum(axis=1).tolist(), least=least))
    hidden = np.logical_or.outer(by_row, np.array([one in shut for one in counts.columns]))
    return pd.DataFrame(covered_table(counts.to_numpy(), least=least, shut=hidden), index=counts.index, columns=counts.columns)


def _cell(row, becomes: dict, hidden: pd.DataFrame, months: float) -> dict:
    kind = "new" if row.present == NOBODY else "stays" if becomes.get(row.present) == row.segment else "changes"
    told = {"present": row.present, "segment": row.segment, "n": int(row.n), "revenue_per_30d": row.revenue / months, "kind": kind}
    return told | {"shown": not bool(hidden.loc[row.present, row.segment])}


def _changing(cells: list[dict], sample: pd.DataFrame, months: float, project: Project, *, all_cells: list[dict] | None = None) -> dict:
    """Customers whose group changes, and their revenue with its interval (bootstrap over sampled customers)."""
    moving = [cell for cell in cells if cell["kind"] == "changes"]
    everybody = sum(cell["n"] for cell in all_cells or cells)
    whole = sum(cell["revenue_per_30d"] for cell in all_cells or cells)
    pairs = {(cell["present"], cell["segment"]) for cell in moving}
    moves = np.array([pair in pairs for pair in zip(sample["present"], sample["segment"], strict=True)], dtype=bool)
    spent = np.where(moves, sample["revenue"].to_numpy(dtype="float64"), 0.0) / months * everybody
    value, n = sum(cell["revenue_per_30d"] for cell in moving), sum(cell["n"] for cell in moving)
    interval = describe.mean_with_interval(spent, draws=project.build.draws, seed=project.seed)
    return {
        "n": n,
        "share": n / everybody if everybody else None,
        "revenue_per_30d": interval | {"value": value},
        "share_of_revenue": value / whole if whole else None,
    }


def _explained(contest: dict, chosen: str) -> dict[str, dict]:
    """What present and published segments explain of the later period, and the difference, for both uses."""
    if "present" not in contest or chosen not in contest:
        return {}
    return {
        use: {"present": contest["present"][use], "chosen": contest[chosen][use], "gain": contest[chosen].get(f"{use}_over_present")}
        for use in ("objective", "panel")
    }


# Page


def present_words(found: dict | None, project: Project, titles: Mapping[str, str] | None, chosen: str) -> list[str]:
    """Who would change, how much money they bring, and what the change is worth, in sentences."""
    if found is None:
        return [
            say(
                "No column holds the company’s present segments: map an attribute {column} of the customers, or name another in "
                "build.present of project.yml, to see who would change.",
                column=project.build.present,
            )
        ]
    moving = found["changing_shown"]
    least, money = found["changing"]["n"] > moving["n"], moving["revenue_per_30d"]
    values = {
        "n": words.number(moving["n"]),
        "share": words.share(moving["share"], 0),
        "money": words.money(money["value"], 0),
        "low": words.money(money["low"], 0),
        "high": words.money(money["high"], 0),
        "part": words.share(moving["share_of_revenue"], 0),
    }
    first = (
        say(
            "At least {n} customers ({share}) would change group. They bring {money} in 30 days ({low} to {high} at 95%), {part} of all "
            "revenue: what is at stake if their offers change.",
            **values,
        )
        if least
        else say(
            "{n} customers ({share}) would change group. They bring {money} in 30 days ({low} to {high} at 95%), {part} of all revenue: "
            "what is at stake if their offers change.",
            **values,
        )
    )
    agree = say(
        "Present and published segments agree at {agreement} (adjusted Rand index, 0 = chance, 1 = the same).",
        agreement=words.number(found["agreement"], 2),
    )
    return [first, agree, *_without(found, project), *_worth(found, titles, chosen)]


def _without(found: dict, project: Project) -> list[str]:
    n = next((group["n"] for group in found["groups"] if group["present"] == NOBODY), 0)
    shown = all(cell["shown"] for cell in found["cells"] if cell["kind"] == "new")
    if n < project.min_cell or not shown:
        return []
    return [say_n("{n} customer has no present segment and would get one.", "{n} customers have no present segment and would get one.", n)]


def _worth(found: dict, titles: Mapping[str, str] | None, chosen: str) -> list[str]:
    """What the published segments tell more of the later period than the present ones, a sentence a use."""
    said = []
    for use, told in found["explained"].items():
        if not told["present"] or not told["chosen"]:
            continue
        values = {
            "use": say(contest_page.USES[use]),
            "present": words.share(told["present"]["value"]),
            "chosen": words.share(told["chosen"]["value"]),
            "title": contest_page.title(chosen, titles),
        }
        beside = say("For {use}: the present segments tell {present} of later differences, “{title}” {chosen}", **values)
        gain = told["gain"]
        if gain:
            values = {end: words.signed(gain[end] * 100, 1) for end in ("value", "low", "high")}
            said.append(beside + say(": {value} points ({low} to {high} at 95%).", **values))
        else:
            said.append(beside + say("; not judged, as they do not have the same number of groups."))
    return said or [say("Whether the change tells more of the later period: cannot tell, nothing later can be seen.")]


def present_table(found: dict, profiles: dict) -> Table:
    """The crossing: a line a present segment, a column a published one; what corresponds stands beside."""
    names = {s["id"]: segment_name(s) for s in profiles["segments"]}
    cells = {(cell["present"], cell["segment"]): cell for cell in found["cells"]}
    rows = []
    for group in found["groups"]:
        here = {s: cells.get((group["present"], s)) for s in names}
        told = {s: 0 if cell is None else cell["n"] if cell["shown"] else None for s, cell in here.items()}
        alone = any(cell["shown"] for cell in here.values() if cell) or not any(here.values())
        becomes = names.get(group["becomes"], say("several"))
        rows.append({"present": _said(group["present"]), "n": group["n"] if alone else None, "becomes": becomes} | told)
    columns = [
        Column("present", say("Present segment")),
        Column("n", say("Customers"), "count"),
        Column("becomes", say("Corresponds to")),
        *(Column(s["id"], short_name(s), "count", people=True) for s in profiles["segments"]),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("Present and published segments correspond one to one, so that as many customers as possible stay; all others change.")
    if any(not cell["shown"] for cell in found["cells"]):
        note += " " + say("A dash between figures: a number that would tell of a few customers.")
    return Table("present", say("Where the customers of each present segment go"), frame, columns, note=note, cell_size="n")


def changes_table(found: dict, profiles: dict) -> Table:
    """The largest changes by revenue: from, to, customers, money."""
    names = {s["id"]: segment_name(s) for s in profiles["segments"]}
    whole = sum(cell["revenue_per_30d"] for cell in found["cells"])
    moving = sorted(
        (c for c in found["cells"] if c["kind"] == "changes" and c["shown"] and c["n"]),
        key=lambda c: (-c["revenue_per_30d"], c["present"], c["segment"]),
    )
    rows = [
        {
            "present": _said(cell["present"]),
            "segment": names[cell["segment"]],
            "n": cell["n"],
            "money": cell["revenue_per_30d"],
            "share": cell["revenue_per_30d"] / whole if whole else None,
        }
        for cell in moving[:LISTED]
    ]
    columns = [
        Column("present", say("From the present segment")),
        Column("segment", say("To")),
        Column("n", say("Customers"), "count"),
        Column("money", say("Revenue, 30 days"), "money", 0),
        Column("share", say("Share of revenue"), "share", 1),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table("present_changes", say("The changes that most revenue hangs on"), frame, columns, cell_size="n")


def _said(present: str) -> str:
    return present or say("none")
