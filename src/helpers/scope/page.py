"""What the page of step 2 says: tables, claims, limits and the summary."""

from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd

from helpers import words
from helpers.engine import Window, between, first_instant
from helpers.project import Project
from helpers.scope.people import WINDOWS, customers_seen
from helpers.tables import Column, Table
from helpers.words import say


def funnel_words(frame: pd.DataFrame) -> dict:
    last = frame.iloc[-1]
    return {
        "name": "population",
        "title": say(
            "{n} customers to segment: {share} of those seen, {revenue} of revenue",
            n=words.number(last["n"]),
            share=words.share(last["share"], 0),
            revenue=words.share(last["revenue_share"], 0),
        ),
        "subtitle": say("Customers left after each filter, one after the other"),
        "alt": words.join([say("{name}: {n}", name=r.label, n=words.number(r.n)) for r in frame.itertuples()]) + ".",
        "source": say("Source: orders of the last window; the rest is served by other means, not forgotten"),
    }


def funnel_table(frame: pd.DataFrame) -> Table:
    columns = [
        Column("label", say("Filter")),
        Column("n", say("Customers left"), "count"),
        Column("share", say("Share of all"), "share", 1),
        Column("revenue", say("Revenue in the window"), "money"),
        Column("revenue_share", say("Share of revenue"), "share", 1),
        Column("because", say("Because")),
    ]
    return Table("population", say("Who is segmented, filter by filter"), frame, columns, cell_size="n")


def windows_words(found: dict[str, Window]) -> dict:
    enough = [w for w in found.values() if w.enough]
    if len(enough) == len(found):
        claim = say("History is long enough to build twice and judge on later months")
    elif found["confirm"].enough:
        claim = say("History is long enough to confirm a result, not to choose variables on an earlier period")
    else:
        claim = say("History is too short to judge anything on a later period")
    parts = [
        say("{name}: built on {start} to {end}", name=say(WINDOWS[w.name]), start=words.day(w.built_from), end=words.day(w.built_at))
        for w in found.values()
    ]
    return {
        "name": "windows",
        "title": claim,
        "subtitle": say("Periods in which behaviour is measured, and the later periods that judge it"),
        "alt": ". ".join(parts) + ".",
        "source": say("End dates are not counted"),
    }


def types_table(frame: pd.DataFrame) -> Table:
    shown = {"possible": say("possible"), "partly": say("partly"), "no": say("not possible")}
    columns = [Column("label", say("Type of segmentation")), Column("status", say("Here")), Column("why", say("Why"))]
    return Table("types", say("The nine types, and what these data allow"), frame.assign(status=frame["status"].map(shown)), columns)


def criteria_table(project: Project) -> Table:
    """The thresholds of the five criteria, fixed before anything is built."""
    c = project.scope.criteria
    rows = [
        (
            say("Measurable"),
            say("half of the 95% interval of revenue per customer"),
            say("at most {x} of the mean", x=words.share(c.measurable_half_width, 0)),
        ),
        (say("Measurable"), say("missing values in a defining variable"), say("at most {x}", x=words.share(c.measurable_missing, 0))),
        (
            say("Recognisable"),
            say("segments found again by a small tree on variables measured later"),
            say("at least {x} (balanced accuracy)", x=words.share(c.recognisable_accuracy, 0)),
        ),
        (
            say("Recognisable"),
            say("variables that set the segment apart by half a standard deviation"),
            say("at least {x}", x=words.number(c.recognisable_variables)),
        ),
        (
            say("Homogeneous"),
            say("variance left within segments, measured later"),
            say("at most {x} of the whole", x=words.share(c.homogeneous_ratio, 0)),
        ),
        (
            say("Interesting"),
            say("rise in response that pays for the campaign"),
            say("at most {x} points, the rise thought plausible", x=words.number(c.interesting_uplift * 100)),
        ),
        (say("Interesting"), say("customers who stay, beyond chance (kappa)"), say("at least {x}", x=words.number(c.interesting_kappa, 2))),
        (
            say("Accessible"),
            say("customers who may be reached by a channel they use"),
            say("at least {x} and {n} customers", x=words.share(c.accessible_share, 0), n=words.number(c.accessible_number)),
        ),
    ]
    frame = pd.DataFrame(rows, columns=["criterion", "measure", "passes"])
    columns = [Column("criterion", say("Criterion")), Column("measure", say("Measured by")), Column("passes", say("Passes with"))]
    note = say("Each figure will carry a 95% interval: pass or fail when all of it is on one side, else “cannot tell”.")
    return Table("criteria", say("What a good segment must show, fixed before building"), frame, columns, note=note)


def sources_table(project: Project) -> Table:
    """Sources used and refused."""
    rows = [
        (words.text(s.where_from) or name, say("used"), say("fills the table {table}", table=s.table))
        for name, s in project.collect.sources.items()
    ]
    rows += [(words.text(r.name), say("refused"), words.text(r.because)) for r in project.scope.refused]
    columns = [Column("name", say("Source")), Column("status", say("Here")), Column("because", say("Because"))]
    return Table(
        "sources", say("Data used, and data left alone on purpose"), pd.DataFrame(rows, columns=["name", "status", "because"]), columns
    )


def sizes_table(frame: pd.DataFrame) -> Table:
    columns = [
        Column("segments", say("Number of segments"), "count"),
        Column("customers", say("Customers in each, on average"), "count"),
        Column("visible", say("Smallest visible rise in response, points of 100"), "number", 1),
    ]
    shown = frame.assign(visible=frame["visible"].astype("float64") * 100)
    if frame["visible"].isna().all():
        note = say("What a test would find cannot be told: no earlier response is known, or segments would be too small.")
        return Table("sizes", say("What each number of segments would still let us learn"), shown, columns, note=note)
    note = say("Half of the segment receives the campaign, half is the control; found in four cases of five at a 5% level.")
    return Table("sizes", say("What each number of segments would still let us learn"), shown, columns, note=note)


def sizes_words(frame: pd.DataFrame, project: Project) -> str:
    """Whether a test within one segment could see the rise that the scope thinks plausible."""
    plausible, seen = project.scope.criteria.interesting_uplift, frame["visible"].dropna()
    wanted = frame.loc[frame["segments"] == project.scope.segments_wanted, "visible"]
    if seen.empty or wanted.isna().any():
        return say(
            "What a test within one segment would find cannot be told: no earlier response is known, or segments would be too small."
        )
    values = {
        "k": words.number(project.scope.segments_wanted),
        "visible": words.number(wanted.iloc[0] * 100, 1),
        "plausible": words.number(plausible * 100, 1),
    }
    if wanted.iloc[0] <= plausible:
        return say(
            "With {k} segments a test within one of them sees a rise of {visible} points, less than the plausible {plausible}.", **values
        )
    return say(
        "With {k} segments a test within one of them sees a rise from {visible} points on, more than the plausible {plausible}: test "
        "across segments together, or over several campaigns, and expect “too small to learn from” in a single one.",
        **values,
    )


def sample_words(size: dict) -> str:
    """The finding about sample size."""
    values = {k: words.number(size[k]) for k in ("n", "planned", "low", "high", "most")}
    if size["verdict"] == "enough":
        return say(
            "{n} customers are enough for {planned} variables: {low} to {high} are wanted, and up to {most} variables would be safe.",
            **values,
        )
    if size["verdict"] == "just enough":
        return say("{n} customers are just enough for {planned} variables: {low} is the least, {high} would be safe.", **values)
    return say("{n} customers are too few for {planned} variables: at least {low} are wanted. Keep to {most} variables.", **values)


def caveats(project: Project, frame: pd.DataFrame, lines: ir.Table, *, as_of: datetime) -> list[str]:
    """What could mislead, each with the size of its effect.

    lines   order lines as mapped, those of unknown customers included
    """
    orders = lines.filter(lines.customer_id.notnull())
    seen = customers_seen(orders, as_of=as_of, window_days=project.scope.window_days)
    first = first_instant(orders)
    first_month = between(orders, "ordered_at", first, first + timedelta(days=31))
    early = int(first_month.select("customer_id").distinct().count().execute()) / max(int(seen.count().execute()), 1)
    gone, left = int(frame["n"].iloc[0] - frame["n"].iloc[-1]), 1 - frame["revenue_share"].iloc[-1]
    if len(frame) < 2:
        outside = say(
            "No filter is typed: customers who bought nothing in the window are in scope, with most of their variables missing. The "
            "filter bought_within_days: {days} leaves them to a reactivation list.",
            days=project.scope.window_days,
        )
    elif gone < project.min_cell:
        outside = say("The filters leave out fewer than {n} customers.", n=words.number(project.min_cell))
    else:
        outside = say(
            "The filters leave out {n} customers and {share} of the window’s revenue; what follows says nothing about them.",
            n=words.number(gone),
            share=words.share(left),
        )
    return [
        say(
            "History begins on {first}: {share} of the customers appear within its first month, so nobody knows how long they have been "
            "customers. Seniority is a lower bound and will not define segments.",
            first=words.day(first),
            share=words.share(early, 0),
        ),
        outside,
        _unseen(lines, as_of=as_of, window_days=project.scope.window_days),
    ]


def _unseen(lines: ir.Table, *, as_of: datetime, window_days: int) -> str:
    """Who is not among the customers seen."""
    recent = between(lines, "ordered_at", as_of - timedelta(days=window_days), as_of)
    sums = recent.aggregate(all_=recent.amount.sum(), lost=recent.amount.sum(where=recent.customer_id.isnull())).execute().iloc[0]
    if not float(sums["lost"] or 0):
        return say("Every purchase in these data has a known customer; purchases by others, and people who never bought, are not counted.")
    share = words.share(float(sums["lost"]) / (float(sums["all_"]) or 1))
    return say("{share} of the window’s revenue has no known customer and is in no segment; nor are people who never bought.", share=share)


def summary(frame: pd.DataFrame, found: dict[str, Window], types: pd.DataFrame, size: dict, tests: pd.DataFrame, project: Project) -> dict:
    """Headline, points, figures, what is not known and what to do, for the top of the page and the first page.

    tests   result of `sizes`
    """
    last, possible = frame.iloc[-1], int((types["status"] == "possible").sum())
    headline = say(
        "{n} customers will be segmented, {share} of those seen; {possible} of nine types are possible here.",
        n=words.number(last["n"]),
        share=words.share(last["share"], 0),
        possible=words.number(possible),
    )
    scope = project.scope
    figures = [
        (say("Customers in scope"), words.number(last["n"])),
        (say("Share of the window’s revenue"), words.share(last["revenue_share"])),
        (
            say("Segments wanted"),
            say("{k} ({low} to {high} tried)", k=scope.segments_wanted, low=scope.segments_from, high=scope.segments_to),
        ),
    ]
    points = [sample_words(size), windows_words(found)["title"] + "."]
    closed = [label for label, status in zip(types["label"], types["status"], strict=True) if status == "no"]
    unknown = [say("Whatever these types of segmentation would need: {types}.", types=words.join(closed))] if closed else []
    points.append(sizes_words(tests, project))
    gone = int(frame["n"].iloc[0] - last["n"])
    todo = [say("Plan what the {n} customers left out receive instead: a welcome or a reactivation.", n=words.number(gone))]
    todo = todo if gone >= project.min_cell else []
    if size["verdict"] == "too few":
        todo.append(say("Plan {most} variables at most, or widen the population.", most=words.number(size["most"])))
    return {"headline": headline, "points": points, "figures": figures, "unknown": unknown, "todo": todo}
