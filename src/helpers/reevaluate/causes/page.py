"""What the page of step 9 says of the causes: who went where as a picture, the balance of each segment by cause, and what moved nobody."""

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.masking import covered_table
from helpers.project import Project
from helpers.reevaluate import page
from helpers.reevaluate.causes import CAUSES, SEVERAL, Causes
from helpers.reevaluate.masking import hidden
from helpers.reevaluate.movement import Movement
from helpers.tables import Column, Table, nothing
from helpers.words import mark, say

TITLES = {
    "identity": mark("Records joined or parted"),
    "corrected": mark("Corrected data"),
    "yardstick": mark("Other definitions"),
    "refit": mark("Fitted again"),
    "time": mark("Time"),
    SEVERAL: mark("Several causes"),
    "idle": mark("Time, nothing done"),
    "active": mark("Time, something done"),
}
PARTS = {
    "identity": mark("records joined or parted: {n}"),
    "corrected": mark("corrected data: {n}"),
    "yardstick": mark("other definitions: {n}"),
    "refit": mark("fitted again: {n}"),
    "idle": mark("did nothing and only aged: {n}"),
    "active": mark("did something since: {n}"),
    SEVERAL: mark("several causes: {n}"),
}
WHY = {
    "tables": mark(
        "Why customers moved since {run} cannot be told: that run’s tables of customers are gone, removed by hand or past "
        "reevaluate.keep_runs. Keep more runs; the next re-evaluation can tell it again."
    ),
    "document": mark("Why customers moved since {run} cannot be told: that run published no segmentation."),
}


def table_of(found: Causes) -> np.ndarray:
    """Customers present at both dates: segments at the earlier date × segments now, in the order of `found.named`."""
    place = {s["id"]: n for n, s in enumerate(found.named)}
    table = np.zeros((len(place), len(place)), dtype="int64")
    for path in found.found:
        if path.labels[0] in place and path.labels[-1] in place:
            table[place[path.labels[0]], place[path.labels[-1]]] += path.n
    return table


def told(found: Causes | None) -> bool:
    """Whether there is a table to show: an earlier run that can be told from, and somebody or some money that moved."""
    return bool(found and not found.why and found.present and shown(found))


def shown(found: Causes) -> list[str]:
    """The causes that a table has a column for: those that changed anybody's segment or money."""
    return [cause for cause in CAUSES if any(_did(segment["causes"][cause]) for segment in found.segments)]


def _did(entry: dict) -> bool:
    return bool(entry["entered"] or entry["left"] or entry["money"])


def _columns(found: Causes, project: Project, *, money: bool) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """The causes of each column, and which cells (segments × columns) stay hidden.

    A cause that changed few customers has no column of its own: it stands together with the next smallest, so that the balance of
    every segment can still be told. What is about few customers even so is hidden, with as much as it takes that it does not follow.
    """
    columns, least = [(cause,) for cause in shown(found)], project.min_cell
    while len(columns) > 1 and any(_few(found, causes, least, money).any() for causes in columns):
        small = min((c for c in columns if _few(found, c, least, money).any()), key=lambda c: _about(found, c, money).sum())
        other = min((c for c in columns if c != small), key=lambda c: _about(found, c, money).sum())
        together = tuple(cause for cause in CAUSES if cause in small + other)
        columns = [together if c == other else c for c in columns if c != small]
    if not columns:
        return [], np.zeros((len(found.segments), 0), dtype=bool)
    about = np.stack([_about(found, causes, money) for causes in columns], axis=1)
    shut = np.stack([_few(found, causes, least, money) for causes in columns], axis=1)
    rows = hidden(found.segments, table_of(found), least=least).moves
    return columns, covered_table(about, least=least, shut=shut | rows[:, None])


def _of(found: Causes, causes: tuple[str, ...], key: str) -> np.ndarray:
    return np.array([sum(segment["causes"][cause][key] for cause in causes) for segment in found.segments])


def _about(found: Causes, causes: tuple[str, ...], money: bool) -> np.ndarray:
    """How many customers each figure is about; a sum of money is about everybody whose segment or money a cause changed."""
    return _of(found, causes, "touched") if money else _of(found, causes, "entered") + _of(found, causes, "left")


def _few(found: Causes, causes: tuple[str, ...], least: int, money: bool) -> np.ndarray:
    parts = [_of(found, causes, key) for key in (("touched",) if money else ("entered", "left"))]
    return np.any([(n > 0) & (n < least) for n in parts], axis=0)


def causes_table(found: Causes, project: Project, moved: Movement) -> Table:
    """The balance of each segment by cause, in customers."""
    return _table(found, project, moved, "net", Table("causes", say("Why segments grew or shrank: customers, by cause"), None, []))


def money_table(found: Causes, project: Project, moved: Movement) -> Table:
    """The change of each segment's money by cause, of 30 days."""
    return _table(found, project, moved, "money", Table("causes_money", say("The same for money, per 30 days"), None, []))


def _table(found: Causes, project: Project, moved: Movement, what: str, head: Table) -> Table:
    (causes, shut), named, rows = _columns(found, project, money=what == "money"), _names(found, moved), []
    kind = "money" if what == "money" else "count"
    for segment, cells in zip(found.segments, shut, strict=True):
        parts = [float(sum(segment["causes"][cause][what] for cause in each)) for each in causes]
        row = {"+".join(each): None if no else part for each, part, no in zip(causes, parts, cells, strict=True)}
        whole = None if len(cells) and cells.all() else float(sum(parts))
        rows.append({"segment": named[segment["id"]]} | row | {"whole": whole})
    titles = {"+".join(each): words.join([say(TITLES[cause]) for cause in each]) for each in causes}
    columns = [
        Column("segment", say("Segment")),
        *(Column(c, title, kind) for c, title in titles.items()),
        Column("whole", say("Balance"), kind),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("Customers in scope at both dates; the causes add up to the balance. Measured one after the other, in this order.")
    if shut.any():
        least = words.number(project.min_cell)
        note += " " + say("Not shown: fewer than {least} customers, or what would give such a number away.", least=least)
    return Table(head.name, head.caption, frame, columns, note=note)


def fold() -> str:
    """What stands in the place of the table of money until it is opened."""
    return say("Show the same for money")


def _names(found: Causes, moved: Movement) -> dict[str, str]:
    return {s["id"]: segment_name(s) for s in found.named} | page.names(moved)


def causes_words(found: Causes | None, project: Project) -> str:
    """Who moved since the earlier run, and why, in one sentence; "" where there is no earlier run."""
    if found is None:
        return ""
    if found.why:
        return say(WHY[found.why], run=found.run)
    if found.present < project.min_cell:
        return say("Why customers moved since {run} is not shown: too few are in scope at both dates.", run=found.run)
    values = {"run": found.run, "n": words.number(found.present)}
    if not found.moved:
        return say("Nobody moved: all {n} customers in scope at both dates are in the segment that {run} put them in.", **values)
    if found.moved < project.min_cell or 0 < found.present - found.moved < project.min_cell:
        return say("Since {run} few of {n} customers moved, or few stayed: by cause it is not shown.", **values)
    parts = [_part(codes, n, project.min_cell) for codes, n in _together(found, project.min_cell)]
    return say(
        "Since {run}, {moved} of {n} customers moved. {parts}.",
        moved=words.number(found.moved),
        parts=_capital(say("; ").join(parts)),
        **values,
    )


def _together(found: Causes, least: int) -> list[tuple[tuple[str, ...], int]]:
    """What moved whom, several causes that moved few taken together with the next smallest."""
    parts = {(code,): found.movers[code] for code in (*CAUSES, SEVERAL) if found.movers[code]}
    while len(parts) > 1 and min(parts.values()) < least:
        one, other = sorted(parts, key=lambda codes: (parts[codes], codes))[:2]
        parts[tuple(code for code in (*CAUSES, SEVERAL) if code in one + other)] = parts.pop(one) + parts.pop(other)
    return sorted(parts.items(), key=lambda item: (*CAUSES, SEVERAL).index(item[0][0]))


def _part(codes: tuple[str, ...], n: int, least: int) -> str:
    if len(codes) == 1:
        return say(PARTS[codes[0]], n=words.number(n))
    values = {"causes": " + ".join(say(TITLES[code]) for code in codes), "least": words.number(least), "n": words.number(n)}
    return say("{causes}, told together because one of them moved fewer than {least}: {n}", **values)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def notes(found: Causes | None, project: Project) -> list[str]:
    """What must be known of the figures: rows that are not what they were, what could not be told apart, the reverse order."""
    if found is None or found.why:
        return []
    told, least = [], project.min_cell
    if found.rows and found.rows["customers"] >= least:
        rows = {name: words.number(found.rows[name]) for name in ("removed", "added", "customers")}
        told.append(
            say(
                "Of the past that {run} saw, {removed} rows are gone or changed and {added} are new, of {customers} customers.",
                run=found.run,
                **rows,
            )
        )
    for kind, message in (("joined", JOINED), ("parted", PARTED)):
        n = sum(found.crossed.get(kind, {}).values())
        if n >= least:
            told.append(say(message, n=words.number(n)))
    if not found.kept:
        told.append(say(NOT_KEPT, run=found.run))
    if found.code and found.steps.count("yardstick") and found.movers["yardstick"]:
        told.append(say(CODE, run=found.run))
    if found.untold:
        told.append(say(UNTOLD, run=found.run))
    return told + reverse_words(found, project)


JOINED = mark("{n} records have become part of another person since; they are counted apart, not as movers.")
PARTED = mark("{n} persons were part of another one before; they are counted apart, not as movers.")
NOT_KEPT = mark(
    "{run} kept no project.yml that can be read today, so its definitions are not known: whatever they changed counts as other "
    "definitions, and comes first."
)
CODE = mark("{run} was made by another version of the program; what that changed counts as other definitions.")
UNTOLD = mark(
    "Data mapped for {run} are mapped no longer: corrected data cannot be told from other definitions, and both stand under the latter."
)


def reverse_words(found: Causes, project: Project) -> list[str]:
    """What the order of the causes decides: those that come out otherwise when time is measured first."""
    if not found.reverse:
        return []
    marked = [cause for cause, entry in found.reverse.items() if entry["marked"]]
    if not marked:
        return [say("Measured in the reverse order, no cause differs by more than a tenth.")]
    least, told = project.min_cell, []
    for cause in marked:
        entry = found.reverse[cause]
        n, other = ((words.number(entry[k]) if entry[k] >= least else say("fewer than {n}", n=least)) for k in ("changed", "reverse"))
        told.append(
            say(
                "“{cause}” changed {n} labels; measured in the reverse order, {other}: take it as a range.",
                cause=say(TITLES[cause]),
                n=n,
                other=other,
            )
        )
    return told


# Who went where


def flow_frame(moved: Movement, project: Project) -> pd.DataFrame:
    """before, now (names), n: the customers who went from the one to the other, without what may not be shown."""
    columns = ["before", "now", "n"]
    if moved.stay["n"] < project.min_cell:
        return pd.DataFrame(columns=columns)
    named, shut = list(page.names(moved).values()), page.shut(moved, project).cells
    rows = [
        (was, now, int(n))
        for was, row, no in zip(named, moved.table, shut, strict=True)
        for now, n, hide in zip(named, row, no, strict=True)
        if n and not hide
    ]
    return pd.DataFrame(rows, columns=columns)


def flow_words(moved: Movement, project: Project, windows: dict) -> dict:
    """The words of the picture, with heads, sizes and palette."""
    frame = flow_frame(moved, project)
    if frame.empty:
        why = say(page.UNKNOWN) if moved.document is None else say(page.TOO_FEW) if moved.stay["n"] else say(page.NOBODY)
        return nothing("flows", why) | {"heads": ("", ""), "sizes": ({}, {})}
    named, shut = page.names(moved), page.shut(moved, project)
    sizes = ({}, {})
    for place, (segment, no) in enumerate(zip(moved.segments, shut.moves | shut.crossed, strict=True)):
        for side, n in zip(sizes, (moved.table[place].sum(), moved.table[:, place].sum()), strict=True):
            side[named[segment["id"]]] = "" if no else words.number(int(n))
    went = frame[frame["before"] != frame["now"]]
    if went.empty:
        title = say("No movement between segments that may be shown")
    else:
        most = went.loc[went["n"].idxmax()]
        title = say("Most who moved went from “{was}” to “{now}”: {n}", was=most["before"], now=most["now"], n=words.number(most["n"]))
    each = [say("{was} to {now} {n}", was=r.before, now=r.now, n=words.number(r.n)) for r in went.nlargest(3, "n").itertuples()]
    source = say("Source: {n} customers in scope at both dates.", n=words.number(moved.stay["n"]))
    if shut.cells.any():
        source += " " + say("Not drawn: fewer than {least} customers.", least=words.number(project.min_cell))
    return {
        "name": "flows",
        "title": title,
        "subtitle": say("A ribbon is as thick as its customers; those who stayed have their segment’s colour"),
        "alt": say("Largest flows: {flows}.", flows=words.join(each)) if each else title,
        "source": source,
        "heads": (words.day(windows["confirm"].built_at), words.day(windows["published"].built_at)),
        "sizes": sizes,
        "palette": {named[s["id"]]: s["colour"] for s in moved.document["segments"] if s.get("colour")},
    }
