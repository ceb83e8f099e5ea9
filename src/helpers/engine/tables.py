"""The project's tables as of one instant: sources united, cut at as_of, with what was refused beside them."""

import contextlib
from datetime import datetime
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandas as pd

from helpers import ContractError, NinefoldError
from helpers.engine import spill
from helpers.engine.duck import exact, open_duckdb
from helpers.engine.judged import Judged, judge, public
from helpers.engine.places import inputs, places
from helpers.engine.reading import Reader
from helpers.engine.windows import before, literal
from helpers.project import CONTRACT, Project
from helpers.project.addresses import without_user
from helpers.project.only import DESCRIPTION
from helpers.project.sources import Format


class Engine:
    """The project's tables as of one instant.

    con      the Ibis backend
    source   a canonical table as mapped, before any cleaning, cut at as_of
    after    how many rows of a source lie at or after as_of
    refused  the rows that are not in it, with their reason
    """

    def __init__(self, project: Project, as_of: datetime):
        self.project, self.as_of = project, as_of
        self._refuse_stale()
        spill.sweep(project.folder)
        self.con = self._connect()
        # Files are read by DuckDB whatever the engine: another one is given the Parquet files that come out.
        self._reader = Reader(self.con if self.con.name == "duckdb" else self._duckdb(":memory:"), project)
        self._judged: dict[str, Judged] = {}
        self._mapped: dict[str, ir.Table] = {}
        self._ids: ir.Table | None = None

    def _refuse_stale(self) -> None:
        """Who has come since the list of a part's customers was made is not in it: nobody may be missing unseen."""
        only = self.project.only
        if only is not None and self.as_of > only.as_of:
            raise NinefoldError(
                f"{self.project.name}: who belongs to it was found out as of {only.as_of:%Y-%m-%d}, and as_of is {self.as_of:%Y-%m-%d}. "
                f"Run `make report-each PROJECT={self.project.base.name} BY={only.column} AS_OF={self.as_of:%Y-%m-%d}`."
            )

    def _connect(self):
        if self.project.engine.startswith("duckdb://"):
            address = self.project.engine.removeprefix("duckdb://") or ":memory:"
            try:
                return self._duckdb(address)
            except Exception as error:
                raise NinefoldError(f"{self.project.file}: field engine has the value {self.project.engine!r}: {error}") from error
        try:
            return ibis.connect(self.project.engine)
        except Exception as error:
            shown = without_user(self.project.engine)
            reason = str(error).replace(self.project.engine, shown)
            raise NinefoldError(
                f"{self.project.file}: field engine has the value {shown!r}, which Ibis cannot open ({reason}). "
                "Use duckdb:// or an address of a server that is up, and install Ibis's extra for it."
            ) from error

    def _duckdb(self, address: str):
        """DuckDB for Ibis. What does not fit into memory goes to the project's private folder."""
        folder = self.project.folder
        con = ibis.duckdb.from_connection(open_duckdb(address))
        with contextlib.suppress(OSError):  # a folder that nobody may write to can be read all the same
            if folder.is_dir():
                con.settings["temp_directory"] = str(spill.place(spill.hold(folder, con)))
        return con

    def has(self, table: str) -> bool:
        """Whether a source fills this canonical table."""
        return bool(self.project.sources_of(table))

    def path(self, file: str) -> Path:
        """Where a source's file is: below data/<project>/, or inside an installed package (`package:path`).

        Raises NinefoldError when it is not there.
        """
        return places(file, self.project)[0].path

    def inputs(self) -> dict[str, Path | None]:
        """Every file that the sources and their lookups read, by the name to show; None for a table of a server."""
        sources = self.project.collect.sources.values()
        found = inputs([f for s in sources for f in (s.file, *(lookup.file for lookup in s.lookups))], self.project)
        parts = [] if self.project.only is None else [self.project.ids_file, self.project.folder / DESCRIPTION]
        return found | {path.relative_to(self.project.base).as_posix(): path for path in parts}

    def read(self, file: str, form: Format | None = None) -> ir.Table:
        """A source's file as it is: columns of text where the file has no types. Several files stand one below the other.

        Raises NinefoldError for a file that is missing, of another kind, or not readable; ContractError for one without rows.
        """
        pieces = [self._reader.piece(place, form or Format()) for place in places(file, self.project)]
        found = [self._reader.table(piece, self.con) for piece in pieces if piece.rows]
        if not found:
            raise ContractError(f"{self.project.file}: the file {without_user(file)!r} has no rows. Export it again.")
        return _united(found)

    def source(self, table: str) -> ir.Table:
        """A canonical table, mapped and typed but not cleaned, cut at as_of.

        Raises NinefoldError when no source fills it, ContractError for a missing column, too many values of the wrong type, no row at
        all; for orders also when none lies before as_of, or none in the last window. Any other table may begin later: it is empty.
        """
        mapped, dated = self.mapped(table), CONTRACT[table]["dated"]
        if dated is None:
            return known_by(mapped, self.as_of)
        files = [without_user(source.file) for source in self.project.sources_of(table).values()]
        first = mapped[dated].min().execute()
        if self.project.only is not None and (first is None or first != first):
            if table != "orders":
                return before(mapped, dated, self.as_of)  # nobody in this part of the project has a row there
            raise ContractError(f"{self.project.name}: nobody in this part of the project has a row of orders. Leave this value out.")
        if first is None or first != first:
            where = f"the file {files[0]!r}" if len(files) == 1 else f"the files {', '.join(map(repr, files))}"
            raise ContractError(
                f"{self.project.file}: no row of {table} has a date: {dated} is empty throughout {where}. Map another column to {dated}."
            )
        if table == "orders" and not first < self.as_of:
            raise ContractError(
                f"as_of: {self.as_of:%Y-%m-%d} is before the first row of {table} ({first:%Y-%m-%d}, "
                f"file {', '.join(files)}). Give a later as_of."
            )
        seen = before(mapped, dated, self.as_of)
        if table == "orders":
            self._refuse_old(seen[dated].max().execute())
        return seen

    def _refuse_old(self, newest: datetime) -> None:
        days = self.project.scope.window_days
        if newest < self.as_of - pd.Timedelta(days=days):
            raise ContractError(
                f"as_of: {self.as_of:%Y-%m-%d} lies more than the window of {days} days (scope.window_days) after the last row of "
                f"orders ({newest:%Y-%m-%d}): there is nothing to measure. Give an earlier as_of."
            )

    def after(self, table: str) -> int:
        """Rows of a source at or after as_of: they exist and no step sees them."""
        mapped, dated = self.mapped(table), CONTRACT[table]["dated"] or "created_at"
        return int(mapped.filter(mapped[dated] >= literal(self.as_of)).count().execute()) if dated in mapped.columns else 0

    def mapped(self, table: str) -> ir.Table:
        """A canonical table with the contract's columns and types, not cut: the good rows of all its sources.

        A column that one source lacks is missing in its rows. Ids of another numbering than the first begin with its name and a colon.
        """
        if table not in self._mapped:
            self._mapped[table] = _united([judged.good for judged in self._sources(table)])
        return self._mapped[table]

    def refused(self, table: str) -> ir.Table:
        """The rows that are not in `mapped`, with `reason`: unreadable (the value is missing here), filtered or replaced.

        Rows at or after as_of are left out; those without a date are in.
        """
        rows, dated = _united([judged.refused for judged in self._sources(table)]), CONTRACT[table]["dated"]
        rows = rows.relocate("reason", after=rows.columns[-1])
        if dated is None or dated not in rows.columns:
            return rows
        undated = rows.filter(rows[dated].isnull())
        return before(rows, dated, self.as_of).union(undated)

    def unreadable(self, table: str) -> pd.DataFrame:
        """The values that could not be read, a row a file and column: source, file, column (the file's), example, rows.

        Rows at or after as_of count too: without a readable value nobody knows when they were.
        """
        found = [public(judged.unreadable) for judged in self._sources(table)]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["source", "file", "column", "example", "rows"])

    def placeholders(self, table: str) -> dict[str, int]:
        """Column: how many values were placeholders, and are missing for that."""
        result: dict[str, int] = {}
        for judged in self._sources(table):
            for column, rows in judged.placeholders.items():
                result[column] = result.get(column, 0) + rows
        return result

    def records(self) -> ir.Table | None:
        """Descriptions of customers as they came, with `source` (its name) and `place` (its position in project.yml); raw ids.

        Records created at or after as_of are left out. None when no source fills the table customers.
        """
        if not self.has("customers"):
            return None
        place = {name: number for number, name in enumerate(self.project.collect.sources)}
        parts = [
            judged.good.mutate(source=ibis.literal(judged.name), place=ibis.literal(place[judged.name], type="int64"))
            for judged in self._sources("customers")
        ]
        return known_by(_united(parts), self.as_of)

    def _sources(self, table: str) -> list[Judged]:
        names = list(self.project.sources_of(table))
        if not names:
            raise NinefoldError(f"{self.project.file}: no source fills the table {table}. Add one under collect.sources.")
        for name in names:
            if name not in self._judged:
                judged = judge(self.project, name, self._reader, self.con, bare=bare_numbering(self.project))
                judged.table = self._of_part(judged.table, table)
                self._judged[name] = judged
        return [self._judged[name] for name in names]

    def _of_part(self, rows: ir.Table, table: str) -> ir.Table:
        """The rows of the customers to whom the project is restricted: all steps, from the first on, count these people and no others."""
        only = self.project.only
        if only is None or "customer_id" not in rows.columns:
            return rows
        if only.table == table == "orders":
            return rows.filter(has_value(rows, only.column, only.value))
        if self._ids is None:
            self._ids = self.con.read_parquet(exact(self.project.ids_file))
        return rows.semi_join(self._ids, "customer_id")


def known_by(customers: ir.Table, as_of: datetime) -> ir.Table:
    """The customers without those whose record was created at or after as_of: nobody knew them yet. A later change has no day."""
    if "created_at" in customers.columns:
        customers = customers.filter(customers.created_at.isnull() | (customers.created_at < literal(as_of)))
    if "updated_at" not in customers.columns:
        return customers
    return customers.mutate(updated_at=ibis.cases((customers.updated_at < literal(as_of), customers.updated_at)))


def has_value(rows: ir.Table, column: str, value: str | None) -> ir.BooleanValue:
    """Whether a column, as text, has this value; None: whether it is missing, as it is for a table without the column."""
    if column not in rows.columns:
        return ibis.literal(value is None)
    return rows[column].isnull() if value is None else rows[column].cast("string") == value


def bare_numbering(project: Project) -> str:
    """The numbering typed first in project.yml: its ids stay as they are."""
    return next(source.ids for source in project.collect.sources.values())


def _united(tables: list[ir.Table]) -> ir.Table:
    """Tables one below the other: columns of the first, then further ones; what a table lacks is missing in its rows."""
    if len(tables) == 1:
        return tables[0]
    kinds: dict[str, dt.DataType] = {}
    for table in tables:
        for name, kind in table.schema().items():
            kinds[name] = kind if kinds.get(name, kind) == kind else dt.string
    alike = []
    for table in tables:
        there = {name: table[name].cast(kind) if name in table.columns else ibis.null(kind) for name, kind in kinds.items()}
        alike.append(table.select(**there))
    return ibis.union(alike[0], *alike[1:], distinct=False)
