"""Tables and findings as a reader sees them: a caption, units in headings, one precision a column, numbers right.

A table is shown with great-tables and kept, numbers as numbers, for the report's spreadsheet. Rows about fewer than
`min_cell` customers are masked in both.
"""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from helpers import NinefoldError
from helpers.words import NONE, THIN, absent, as_date, currency_sign, day, money, number, percent_change, say, share, text

if TYPE_CHECKING:
    import pandas as pd

    from helpers.project import Decision

KINDS = ("text", "count", "number", "share", "money", "change", "date")
NUMERIC = ("count", "number", "share", "money", "change")
MIN_CELL = 10


@dataclass(frozen=True)
class Column:
    """One column: its name in the frame, its heading in the reader's language, and how its values are written.

    kind    text, count, number, share (0–1), money, change (relative, 0.032 = +3.2 %), date
    unit    shown in the heading; money has its currency there unless another unit is given
    kinds   a column of the frame that holds each row's own (kind, digits), where the rows are measured in different units
    people  its numbers are numbers of customers: those below `min_cell` are not shown
    """

    name: str
    label: str
    kind: str = "text"
    digits: int = 0
    unit: str = ""
    kinds: str = ""
    people: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the report. `cell_size` is the column that holds a number of customers, if one does."""

    name: str
    caption: str
    frame: "pd.DataFrame"
    columns: Sequence[Column]
    note: str = ""
    cell_size: str = ""


def show(table: Table, *, fold: str = "") -> None:
    """Show a table, and keep it for the spreadsheet when a step is in progress.

    fold    what stands in its place until the reader opens it
    """
    page = as_html(table)
    if fold:
        page = f'<details class="more">\n<summary>{escape(fold)}</summary>\n{page}</details>\n'
    page = _style_in_lab() + page
    step = step_in_progress()
    if step is not None:
        step.keep_table(table.name, payload(table))
    place_on_page({"text/html": page, "text/plain": table.caption})


def as_html(table: Table) -> str:
    """The table as HTML: `figure.table-block` with `figcaption`, `div.table` (it scrolls) around `table`, `p.note`.

    It brings no style: pages and hand-outs have the report's, and `show` adds one in JupyterLab.
    """
    import great_tables as gt
    import pandas as pd

    _check(table)
    if table.frame.empty:
        nothing_here = say("Nothing to show: these data hold none.")
        return (
            f'<figure class="table-block" id="{table.name}">\n<figcaption>{escape(table.caption)}</figcaption>\n'
            f'<p class="note">{escape(nothing_here)}</p>\n</figure>\n'
        )
    masked = _masked(table)
    ids = {f"c{i}": column for i, column in enumerate(table.columns)}
    cells = {
        i: [
            NONE if untold and kind != "text" else _written(value, kind, digits, column, hidden, table)
            for value, (kind, digits), hidden, untold in zip(
                table.frame[column.name], _kinds(column, table), masked, _untold(table), strict=True
            )
        ]
        for i, column in ids.items()
    }
    drawn = gt.GT(pd.DataFrame(cells, dtype="object"), id=table.name, rowname_col="c0")
    drawn = drawn.tab_stubhead(gt.html(_heading(ids.pop("c0"))))
    for i, column in ids.items():
        drawn = drawn.cols_label({i: gt.html(_heading(column))})
        drawn = drawn.cols_align("right" if column.kind in NUMERIC else "left", columns=[i])
    # great-tables' own frame and style sheet (7 kB a table) are left out: the report has its own.
    inner = re.search(r"<table.*</table>", drawn.as_raw_html(), re.DOTALL).group()
    inner = inner.replace("<table ", f'<table aria-labelledby="{table.name}-caption" ', 1)
    note = _note(table)
    return (
        f'<figure class="table-block" id="{table.name}">\n'
        f'<figcaption id="{table.name}-caption">{escape(table.caption)}</figcaption>\n'
        f'<div class="table" role="region" tabindex="0" aria-labelledby="{table.name}-caption">\n{inner}\n</div>\n'
        + (f'<p class="note">{escape(note)}</p>\n' if note else "")
        + "</figure>\n"
    )


def payload(table: Table) -> dict:
    """The table for a spreadsheet: plain numbers (shares 0–1), ISO dates, None where masked or missing."""
    _check(table)
    written_rows = zip(*(table.frame[column.name] for column in table.columns), strict=True)
    return {
        "caption": table.caption,
        "note": _note(table),
        "columns": [
            {"label": c.label, "kind": c.kind, "digits": c.digits, "unit": _unit(c)} | ({"kinds": _kinds(c, table)} if c.kinds else {})
            for c in table.columns
        ],
        "rows": [
            [None if hidden and c.kind != "text" else _plain(x, c) for x, c in zip(row, table.columns, strict=True)]
            for hidden, row in zip(_masked(table), written_rows, strict=True)
        ],
    }


def finding(sentence: str) -> None:
    """Show a finding: a sentence that a program made from data."""
    place_on_page({"text/html": f'<p class="finding">{escape(sentence)}</p>\n', "text/plain": sentence})


def findings(sentences: Sequence[str]) -> None:
    """Show what goes with a finding, a line each; nothing where there is nothing."""
    _listed(sentences, "reasons")


def nothing(name: str, sentence: str) -> dict:
    """The words of a chart that has nothing to draw: charts say the sentence instead."""
    return {"name": name, "title": sentence, "subtitle": "", "alt": sentence, "source": ""}


def caveats(sentences: Sequence[str]) -> None:
    """Show what could mislead the reader, a line each."""
    _listed(sentences, "caveats")


def _listed(sentences: Sequence[str], kind: str) -> None:
    kept = [sentence for sentence in sentences if sentence]
    items = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in kept)
    if kept:
        place_on_page({"text/html": f'<ul class="{kind}">\n{items}</ul>\n', "text/plain": "\n".join(kept)})


def decisions(made: Sequence["Decision"]) -> Table:
    """What people decided, as typed in project.yml: what, why, instead of what, what would change it, who and when."""
    import pandas as pd

    rows = [(text(d.decision), text(d.because), text(d.turned_down), text(d.would_change), text(d.decided_by), d.decided_on) for d in made]
    frame = pd.DataFrame(rows or [(say("none yet"), "", "", "", "", None)], columns=["d", "b", "t", "w", "by", "on"])
    columns = [
        Column("d", say("Decision")),
        Column("b", say("Because")),
        Column("t", say("Turned down")),
        Column("w", say("What would change our mind")),
        Column("by", say("Decided by")),
        Column("on", say("On"), "date"),
    ]
    return Table("decisions", say("What was decided, by whom, and why"), frame, columns)


def summary(
    headline: str, points: Sequence[str], figures: Sequence[tuple[str, str]], unknown: Sequence[str] = (), todo: Sequence[str] = ()
) -> None:
    """Show the step's summary and keep it; the headline is the step's finding.

    points    sentences
    figures   (label, value) pairs, both already written in the reader's language
    unknown   what nobody can know from these data, for the first page
    todo      what the reader can do next, each with who does it where that is known
    """
    step = step_in_progress()
    if step is not None:
        kept = {"headline": headline, "points": list(points), "figures": [list(pair) for pair in figures]}
        step.keep_summary(kept | {"unknown": list(unknown), "todo": list(todo)})
    terms = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>\n" for label, value in figures)
    items = "".join(f"<li>{escape(point)}</li>\n" for point in points)
    page = f'<div class="summary">\n<p class="headline">{escape(headline)}</p>\n'
    page += f'<dl class="figures">\n{terms}</dl>\n' if figures else ""
    page += f"<ul>\n{items}</ul>\n" if points else ""
    if todo:
        heading, steps = say("What to do next"), "".join(f"<li>{escape(each)}</li>\n" for each in todo)
        page += f'<p class="todo">{escape(heading)}</p>\n<ul>\n{steps}</ul>\n'
    place_on_page({"text/html": page + "</div>\n", "text/plain": headline})


def place_on_page(bundle: dict[str, str], metadata: dict | None = None) -> None:
    """Put something on the page of the notebook that runs; nothing happens outside IPython."""
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        from IPython.display import display

        display(bundle, raw=True, metadata=metadata or {})


def written(value: Any, kind: str, digits: int = 0) -> str:
    """A value as its kind is written in the reader's language, currency sign included."""
    if kind == "text":
        if isinstance(value, bool):
            return say("yes") if value else say("no")
        return NONE if absent(value) else str(value)
    writers = {"count": number, "number": number, "share": share, "money": money, "change": percent_change}
    return day(value) if kind == "date" else writers[kind](value, digits)


def min_cell() -> int:
    """The smallest number of customers that anything published may be about."""
    step = step_in_progress()
    return MIN_CELL if step is None else step.project.min_cell


def step_in_progress():
    """The step whose notebook runs, or None: then nothing is kept."""
    from helpers import run

    return run.current()


def check_slug(what: str, name: str) -> None:
    """Names of tables, charts and hand-outs become names of files and places on a page."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise NinefoldError(f"{what} {name!r}: name it with lower-case letters, digits, - and _, a letter first.")


def _check(table: Table) -> None:
    check_slug("Table", table.name)
    if not table.columns:
        raise NinefoldError(f"Table {table.name}: name at least one column.")
    named = [c.name for c in table.columns] + ([table.cell_size] if table.cell_size else [])
    for name in named:
        if name not in table.frame.columns:
            known = ", ".join(map(str, table.frame.columns))
            raise NinefoldError(f"Table {table.name}: the frame has no column {name!r}; it has {known}.")
    for column in table.columns:
        if column.kind not in KINDS:
            known = ", ".join(KINDS)
            raise NinefoldError(f"Table {table.name}, column {column.name}: kind is {column.kind!r}; choose one of {known}.")


def _untold(table: Table) -> list[bool]:
    """Whether a row's number of customers is not told: it may be a large one that would give a small one away."""
    return [bool(table.cell_size) and absent(n) for n in table.frame[table.cell_size or table.columns[0].name]]


def _masked(table: Table) -> list[bool]:
    """Whether a row is about fewer than min_cell customers (or how many is not told); an empty group hides nothing."""
    if not table.cell_size:
        return [False] * len(table.frame)
    least = min_cell()
    return [absent(n) or 0 < n < least for n in table.frame[table.cell_size]]


def _note(table: Table) -> str:
    few = any(_few(value, column) for column in table.columns if column.people for value in table.frame[column.name])
    if not few and not any(_masked(table)):
        return table.note
    least = number(min_cell())
    hidden = (
        say("A dash: fewer than {least} customers, or a number that would give them away.", least=least)
        if any(_untold(table))
        else say("Figures about fewer than {least} customers are not shown.", least=least)
    )
    return f"{table.note} {hidden}".strip()


def _unit(column: Column) -> str:
    return column.unit or (currency_sign() if column.kind == "money" else "")


def _heading(column: Column) -> str:
    unit = _unit(column)
    return escape(column.label) + (f' <span class="unit">({escape(unit)})</span>' if unit else "")


def _kinds(column: Column, table: Table) -> list[tuple[str, int]]:
    """Kind and digits of each row's value."""
    return list(table.frame[column.kinds]) if column.kinds else [(column.kind, column.digits)] * len(table.frame)


def _few(value: Any, column: Column) -> bool:
    """Whether a value is itself a number of customers too small to show."""
    return column.people and not absent(value) and 0 < value < min_cell()


def _written(value: Any, kind: str, digits: int, column: Column, hidden: bool, table: Table) -> str:
    if (hidden and kind != "text") or _few(value, column):
        least = f"<{THIN}{number(min_cell())}"
        return least if column.name == table.cell_size or not hidden else f"n{THIN}{least}"
    if kind == "money" and not column.kinds:  # the currency stands in the heading
        return number(value, digits)
    return written(value, kind, digits)


def _plain(value: Any, column: Column) -> str | int | float | None:
    if absent(value) or _few(value, column):
        return None
    if column.kind == "text":
        return written(value, "text")
    if column.kind == "date":
        return as_date(value).isoformat()
    plain = float(value)
    return int(plain) if column.kind == "count" and plain.is_integer() else plain


def _style_in_lab() -> str:
    # The report has its own style sheet; JupyterLab's would centre everything and draw no line under the headings.
    return "" if "NINEFOLD_RUN" in os.environ else _LAB_STYLE


_LAB_STYLE = """<style>
.table-block { margin: 1em 0; max-width: 60em }
.table-block figcaption { font-weight: 600; margin-bottom: .4em; text-align: left }
.table-block .table { overflow-x: auto }
.table-block .table table { border-collapse: collapse; table-layout: auto; margin: 0; font-size: 13px }
.table-block .table :is(th, td) { padding: .3em .8em; text-align: left; vertical-align: top; white-space: normal }
.table-block .table thead th { border-bottom: 1.5px solid #6B6B6B; vertical-align: bottom }
.table-block .table tbody :is(th, td) { border-bottom: 1px solid #E0E0E0; font-weight: 400 }
.table-block .table .gt_right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.table-block .unit, .table-block .note { color: #6B6B6B; font-weight: 400 }
</style>
"""
