"""A source with every row judged: good, or refused with its reason; and what could not be read, counted."""

from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.types as ir
import pandas as pd

from helpers import ContractError
from helpers.engine import values
from helpers.engine.duck import exact
from helpers.engine.mapping import Fault, Mapping, Marks
from helpers.engine.places import places
from helpers.engine.reading import Piece, Reader
from helpers.project import CONTRACT, Project
from helpers.project.addresses import without_user
from helpers.project.contract import LOCATING, PERSONAL

REASONS = ("unreadable", "filtered", "replaced")


@dataclass
class Judged:
    """A source's rows.

    table     the mapped columns, and when some rows may be refused those of `marks`, `file_` and `reason_`
    columns   the mapped columns, in their order
    files     the source's files, in the order of `file_`
    rows      how many there are, refused ones included
    """

    name: str
    table: ir.Table
    columns: list[str]
    marks: Marks
    files: list[str]
    rows: int

    @property
    def good(self) -> ir.Table:
        """The rows that can be read and count."""
        if "reason_" not in self.table.columns:
            return self.table.select(*self.columns)
        return self.table.filter(self.table.reason_.isnull()).select(*self.columns)

    @property
    def refused(self) -> ir.Table:
        """The other rows, with their `reason`."""
        if "reason_" not in self.table.columns:
            return self.table.filter(ibis.literal(False)).select(*self.columns).mutate(reason=ibis.null("string"))
        return self.table.filter(self.table.reason_.notnull()).select(*self.columns, reason="reason_")

    @cached_property
    def unreadable(self) -> pd.DataFrame:
        """What could not be read, a row a file and column: source, file, column (the file's), example, rows.

        Columns that say who or where somebody is give no example.
        """
        found = []
        names = self.marks.faults if "reason_" in self.table.columns else {}
        if names:
            rows = self.table.filter(self.table.reason_ == "unreadable")
            asked = {f"n_{mark}": rows[mark].count() for mark in names.values()} | {
                f"e_{mark}": rows[mark].min() for mark in names.values()
            }
            counted = rows.group_by("file_").agg(**asked).order_by("file_").execute()
            for _, row in counted.iterrows():
                found += [self._found(fault, mark, row) for fault, mark in names.items() if row[f"n_{mark}"]]
        return pd.DataFrame(found, columns=["source", "file", "column", "example", "rows", "fault"])

    def _found(self, fault: Fault, mark: str, row: pd.Series) -> dict:
        return {
            "source": self.name,
            "file": fault.file or self.files[int(row["file_"])],
            "column": fault.origin,
            "example": row[f"e_{mark}"],
            "rows": int(row[f"n_{mark}"]),
            "fault": fault,
        }

    @cached_property
    def placeholders(self) -> dict[str, int]:
        """Column: good rows in which a placeholder stood for a missing value."""
        if not self.marks.held:
            return {}
        rows = self.table.filter(self.table.reason_.isnull()) if "reason_" in self.table.columns else self.table
        counted = rows.aggregate(**{mark: rows[mark].sum() for mark in self.marks.held.values()}).execute().iloc[0]
        return {column: int(counted[mark] or 0) for column, mark in self.marks.held.items()}


def judge(project: Project, name: str, reader: Reader, con, *, bare: str) -> Judged:
    """Read, map and judge the files of one source.

    con    the engine's backend. A single Parquet file stays where it is and is read when it is asked for; anything else is read
           and mapped once, into a private Parquet file.
    Raises ContractError for a file without rows, a missing column, or more unreadable rows than the source allows.
    """
    source = project.collect.sources[name]
    found = places(source.file, project)
    pieces = [reader.piece(place, source.format) for place in found]
    if not any(piece.rows for piece in pieces):
        files = f"the file {without_user(source.file)!r} (table {source.table}) has"
        raise ContractError(f"{project.file}: {files} no rows. Export it again.")
    lazy = len(pieces) == 1 and found[0].kind == "parquet" and not source.totals
    mapping = Mapping(project, name, reader, con if lazy else reader.con, bare=bare)
    table = _united(_parts(mapping, pieces, project, reader), mapping.marks)
    columns = _order(mapping)
    table = _with_reasons(table, mapping, columns)
    if not lazy:
        kinds = table.schema()
        table = con.read_parquet(exact(reader.copy(table)))
        table = table.cast({name: kind for name, kind in kinds.items() if table[name].type() != kind})  # timestamp(6) is a timestamp
    judged = Judged(name, table, columns, mapping.marks, [piece.shown for piece in pieces], sum(piece.rows for piece in pieces))
    return _checked(judged, mapping)


def _parts(mapping: Mapping, pieces: list[Piece], project: Project, reader: Reader) -> list[ir.Table]:
    def find(file: str) -> Piece:
        found = [reader.piece(place, mapping.source.format) for place in places(file, project)]
        if len(found) > 1:
            raise ContractError(f"{project.file}: the lookup {without_user(file)!r} names {len(found)} files. A lookup reads one: name it.")
        if not found[0].rows:
            raise ContractError(f"{project.file}: the file {without_user(file)!r} (a lookup) has no rows. Export it again.")
        return found[0]

    parts, before = [], 0
    for number, piece in enumerate(pieces):
        if piece.rows:
            parts += mapping.part(piece, before=before, file=number, find=find)
        before += piece.rows
    return parts


def _order(mapping: Mapping) -> list[str]:
    """The mapped columns in the order of project.yml, those that totals make last."""
    return list(dict.fromkeys(mapping.source.mapped))


def _united(parts: list[ir.Table], marks: Marks) -> ir.Table:
    """Parts one below the other; a mark that a part has no use for is empty there."""
    if len(parts) == 1:
        return parts[0]
    everywhere = {mark: ibis.null("string") for mark in marks.faults.values()} | {mark: ibis.literal(False) for mark in marks.held.values()}
    filled = [part.mutate(**{mark: empty for mark, empty in everywhere.items() if mark not in part.columns}) for part in parts]
    names = filled[0].columns
    return ibis.union(filled[0], *(each.select(*names) for each in filled[1:]), distinct=False)


def _with_reasons(table: ir.Table, mapping: Mapping, columns: list[str]) -> ir.Table:
    """The rows with `reason_`, where there can be one: replaced by a newer file, else left out by the filter, else unreadable."""
    source, tests = mapping.source, []
    if source.newer_replaces:
        key = [column for column in CONTRACT[source.table]["key"] if column in columns]
        known = table[key[0]].notnull()
        for column in key[1:]:
            known = known & table[column].notnull()
        table = table.mutate(newest_=table.file_.max().over(group_by=key), known_=known)
        tests.append((table.known_ & (table.file_ < table.newest_), "replaced"))
    asked = [table[mark].notnull() for fault, mark in mapping.marks.faults.items() if fault.column == "filter"]
    if source.filter:
        readable = ~table.keep_
        for each in asked:
            readable = readable & ~each
        tests.append((readable, "filtered"))
    tests += [(table[mark].notnull(), "unreadable") for mark in mapping.marks.faults.values()]
    judged = table.mutate(reason_=ibis.cases(*tests)) if tests else table
    return judged.drop(*[column for column in ("keep_", "newest_", "known_") if column in judged.columns])


def _checked(judged: Judged, mapping: Mapping) -> Judged:
    """The source, without its reasons when no row has one: later queries need not ask."""
    if "reason_" not in judged.table.columns:
        return judged
    table = judged.table
    counted = (
        table.aggregate(rows=table.count(), refused=table.reason_.count(), bad=(table.reason_ == "unreadable").sum()).execute().iloc[0]
    )
    rows, bad = int(counted["rows"]), int(counted["bad"] or 0)
    judged.rows = rows
    if bad > mapping.source.unreadable_at_most * rows:
        raise ContractError(_too_many(judged, mapping, bad, rows))
    if int(counted["refused"]) == rows and mapping.source.filter:
        raise ContractError(
            f"{mapping.project.file}: field collect.sources.{judged.name}.filter has the value {mapping.source.filter!r}, which holds "
            f"for no row of the file {without_user(mapping.source.file)!r}. Correct it."
        )
    if not int(counted["refused"]):
        judged.table = table.drop("reason_")
    return judged


def _too_many(judged: Judged, mapping: Mapping, bad: int, rows: int) -> str:
    worst = judged.unreadable.sort_values("rows", ascending=False, kind="stable").iloc[0]
    fault: Fault = worst["fault"]
    kind = mapping.kind(fault.column) if fault.column != "filter" else ibis.dtype("float64")
    needed = f"{values.plain(kind)} for {fault.column}" if fault.column != "filter" else "a number for the filter"
    allowed = f"{mapping.source.unreadable_at_most:.4%}".rstrip("0%").rstrip(".") + "%"
    remedy = values.remedy(worst["example"], kind, fault.origin)
    return (
        f"{mapping.place(worst['file'], fault.origin)} holds {worst['example']!r} where the table {mapping.source.table} needs {needed}. "
        f"{remedy} (Unreadable rows: {bad:,} of {rows:,}; `unreadable_at_most` allows {allowed}.)"
    )


def public(found: pd.DataFrame) -> pd.DataFrame:
    """What could not be read, without an example where it says who or where somebody is."""
    if found.empty:
        return found.drop(columns="fault")
    private = found["fault"].map(lambda fault: fault.column in (*PERSONAL, *LOCATING, "customer_id"))
    return found.assign(example=found["example"].mask(private)).drop(columns="fault")


__all__ = ["REASONS", "Judged", "judge", "public"]
