"""Lead scoring: people who are known and never bought, in points for what they did, and whether the score foretold who bought later."""

from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import variables, words
from helpers.build.document import apply
from helpers.build.inputs import KEY, Column
from helpers.build.methods.base import numbers
from helpers.build.methods.scoring import points_document
from helpers.build.redraws import narrowed
from helpers.engine import Window, before, between, days_between
from helpers.project import Project
from helpers.rates import wilson
from helpers.tables import Column as Shown
from helpers.tables import Table, min_cell
from helpers.variables.formulas import DATED
from helpers.words import mark, say

BANDS = ("hot", "warm", "cold")
"""Bands of leads, the most points first."""
TITLES = {"hot": mark("hot"), "warm": mark("warm"), "cold": mark("cold")}
KNOWN_DAYS = "known_days"
"""Days since the first record of a person was made."""
DEFAULT = {
    "mails_clicked_share": (40, None),
    "visits_per_30d": (30, "days_since_visit"),
    "mails_opened_share": (20, None),
    KNOWN_DAYS: (-10, None),
}
"""Where project.yml types none: the most points of each criterion (negative: the lower the better), and the age by which they fade."""


@dataclass(frozen=True)
class Leads:
    """Everyone known who never bought.

    document   points → band;  table: customer_id, segment (the band), private;  evidence: as handed over
    """

    document: dict
    table: ir.Table
    evidence: dict


def leads(step, tables: dict[str, ir.Table], windows: dict[str, Window]) -> Leads | None:
    """The score of every prospect as of today, and what the same score a horizon earlier foretold.

    tables    checked tables, by name
    Returns   None where nobody is known before buying, or nothing of them is measured. evidence: prospects, bands [{band, n}], criteria,
              tried: per band n, bought (first order in the horizon after), share, low, high (95 %, Wilson 1927); [] with too little history
    """
    project = step.project
    now = prospects(tables, project, as_of=step.as_of)
    if now is None:
        return None
    sample = step.sample(now)
    document = scored(sample, project)
    if document is None:
        return None
    table = apply(document, now).select(KEY, "segment")
    counts = table.group_by("segment").agg(n=table.count()).execute().set_index("segment")["n"]
    evidence = {"prospects": int(counts.sum()), "bands": [{"band": b, "n": int(counts.get(b, 0))} for b in BANDS]}
    evidence |= {"criteria": [c["variable"] for c in document["assign"]["points"]["criteria"]], "tried": []}
    confirm = windows["confirm"]
    if confirm.enough:
        evidence["tried"] = tried(step, tables, confirm)
    return Leads(document | {"built_as_of": step.as_of.isoformat(), "made_by": "leads"}, table, evidence)


def prospects(tables: dict[str, ir.Table], project: Project, *, as_of: datetime) -> ir.Table | None:
    """Who was known before `as_of` and had not bought: customer_id, what step 4 measures of events, known_days; None without any."""
    people, orders = tables.get("customers"), tables.get("orders")
    if people is None or orders is None or "events" not in tables:
        return None
    seen = tables["events"].filter(tables["events"].occurred_at < ibis.literal(as_of)).select(KEY).distinct().mutate(seen=True)
    people = people.left_join(seen, KEY).drop(f"{KEY}_right")
    made = (people.created_at < ibis.literal(as_of)).fill_null(False) if "created_at" in people.columns else ibis.literal(False)
    people = people.filter(people.seen.notnull() | made)  # who left no trace before the day was not known then
    bought = orders.filter(orders.ordered_at < ibis.literal(as_of), orders.customer_id.notnull()).select(KEY).distinct()
    people = people.anti_join(bought, KEY).cache()
    if not int(people.limit(1).count().execute()):
        return None
    known = {name: before(tables[name].semi_join(people, KEY), column, as_of) for name, column in DATED.items() if name in tables}
    first = people.select(KEY, first_ordered_at=ibis.null("timestamp"))
    wanted = [*DEFAULT, "days_since_visit", *asked(project)]
    few = narrowed(project, [name for name in wanted if name != KNOWN_DAYS])  # all the others are worked out for buyers
    measured = variables.measure(known, first, few, as_of=as_of, window_days=project.scope.window_days)
    result = measured.select(KEY, *dict.fromkeys(name for name in wanted if name in measured.columns)).cache()
    if "created_at" not in people.columns:
        return result
    made = people.select(KEY, **{KNOWN_DAYS: days_between(people.created_at.cast("timestamp"), as_of).floor()})
    return result.left_join(made, KEY).drop(f"{KEY}_right")


def asked(project: Project) -> list[str]:
    """The variables that criteria typed for leads use."""
    return [name for c in project.build.leads.criteria for name in (c.variable, c.age) if name]


def scored(sample: pd.DataFrame, project: Project) -> dict | None:
    """The document of the score, cuts learnt on the sample; None where nothing tells these people apart."""
    columns = {name: Column(name, "number", "journey", True) for name in sample.columns if name != KEY}
    there = {name: how for name, how in DEFAULT.items() if name in columns and np.ptp(np.nan_to_num(numbers(sample, name)))}
    typed = project.build.leads
    if not there and not typed.criteria:
        return None
    return points_document(sample, BANDS, project, columns, typed=typed, default=there)


def tried(step, tables: dict[str, ir.Table], window: Window) -> list[dict]:
    """The same score as of one horizon ago, and who of each band made a first order in the days after."""
    then = prospects(tables, step.project, as_of=window.built_at)
    document = None if then is None else scored(step.sample(then), step.project)
    if document is None:
        return []
    orders = tables["orders"]
    after = between(orders.filter(orders.customer_id.notnull()), "ordered_at", window.built_at, window.judged_until)
    bands = apply(document, then).select(KEY, "segment")
    came = bands.left_join(after.select(KEY).distinct().mutate(came=1), KEY)
    found = came.group_by("segment").agg(n=came.count(), bought=came.came.fill_null(0).sum()).execute().set_index("segment")
    result = []
    for band in [b for b in BANDS if b in found.index]:
        n, bought = int(found.loc[band, "n"]), int(found.loc[band, "bought"])
        low, high = wilson(bought, n)
        result.append({"band": band, "n": n, "bought": bought, "share": bought / n, "low": low, "high": high})
    return result


def leads_words(found: Leads | None) -> str:
    """Whether the score of a horizon ago foretold who would buy; why there is no score."""
    if found is None:
        return say(
            "Leads are not scored: nobody is known here before buying, or nothing they do is recorded. It would take records of prospects, "
            "and their visits or mails."
        )
    least, tried_ = words.number(min_cell()), {row["band"]: row for row in found.evidence["tried"]}
    hot, cold = tried_.get("hot"), tried_.get("cold")
    if not hot or not cold or min(hot["n"], cold["n"]) < min_cell():
        return say("Whether the score of leads foretells who buys cannot be told: fewer than {least} in a band a horizon ago.", least=least)
    shares = words.join([f"{say(TITLES[band])} {words.share(row['share'])}" for band, row in tried_.items() if _telling(row)])
    if hot["low"] > cold["high"] and _telling(hot) and _telling(cold):
        return say("Of the leads scored a horizon ago these have bought since: {shares}. Begin with the hot ones.", shares=shares)
    return say(
        "Of the leads scored a horizon ago these have bought since: {shares}. The hot ones do not stand out, so the score is no order to "
        "call in: type other criteria (build.leads of project.yml), or none.",
        shares=shares or words.NONE,
    )


def _telling(row: dict) -> bool:
    """Whether the share of a band may be told: nobody, or not so few that they could be known, and so of those who did not buy."""
    return all(n == 0 or n >= min_cell() for n in (row["bought"], row["n"] - row["bought"]))


def leads_table(found: Leads) -> Table:
    """The bands of leads today, and what those of a horizon ago did."""
    tried_ = {row["band"]: row for row in found.evidence["tried"]}
    rows = []
    for each in found.evidence["bands"]:
        past = tried_.get(each["band"])
        shown = past if past and _telling(past) else None
        interval = say("{low} to {high}", low=words.share(shown["low"]), high=words.share(shown["high"])) if shown else words.NONE
        band = TITLES[each["band"]]
        rows.append({"band": say(band), "n": each["n"], "then": past["n"] if past else None})
        rows[-1] |= {"share": shown["share"] if shown else None, "interval": interval}
    columns = [
        Shown("band", say("Lead")),
        Shown("n", say("People today"), "count"),
        Shown("then", say("A horizon ago"), "count", people=True),
        Shown("share", say("Bought since"), "share", 1),
        Shown("interval", say("95% interval")),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("People who are known and have not bought. Points for clicks, visits and opened mails, as far as they are recorded.")
    return Table("leads", say("Leads by score"), frame, columns, note=note, cell_size="n")
