"""Files that are read row by row: spreadsheets, SQLite and PostgreSQL, streamed into Parquet."""

import contextlib
import importlib.util
import json
import math
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow
import pyarrow.parquet

from helpers import NinefoldError
from helpers.engine.places import Place
from helpers.project.addresses import holds_password, without_user
from helpers.project.sources import Format

BATCH = 20_000
NO_DRIVER = "is a table of PostgreSQL, which needs the package psycopg. Install it: pip install 'ibis-framework[postgres]'."
WRITTEN = "Write it as postgresql://user@host:5432/base, with sslmode and the like after a question mark."
Fault = Callable[[Place, str], Exception]
"""Makes the error that says what is wrong with a file."""


def write_rows(names: list[str], found: Iterable[tuple], target: Path) -> Path:
    """Rows of texts as Parquet, a batch at a time; short rows are filled up."""
    schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
    with pyarrow.parquet.ParquetWriter(target, schema) as writer:
        batch: list[tuple] = []
        for row in found:
            batch.append(row)
            if len(batch) == BATCH:
                writer.write_batch(_batch(batch, schema))
                batch = []
        writer.write_batch(_batch(batch, schema))
    return target


def _batch(batch: list[tuple], schema: pyarrow.Schema) -> pyarrow.RecordBatch:
    columns = [[row[place] if place < len(row) else None for row in batch] for place in range(len(schema))]
    return pyarrow.record_batch([pyarrow.array(column, pyarrow.string()) for column in columns], schema=schema)


def write_batches(found: Iterable[pyarrow.RecordBatch], target: Path) -> Path | None:
    """Batches of typed columns as Parquet."""
    with contextlib.ExitStack() as held:
        writer = None
        for batch in found:
            writer = writer or held.enter_context(pyarrow.parquet.ParquetWriter(target, batch.schema))
            writer.write_batch(batch)
    return None if writer is None else target


def as_written(value, form: Format) -> str | None:
    """A value with a type as the source's format would write it, so that one column may hold numbers beside texts.

    A whole number is written without a point, for programs store ids as 7.0.
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float() if math.isfinite(value):
            text = str(int(value)) if value == int(value) else repr(value)
            return text.replace(".", form.decimal)
        case float():
            return None  # how a database keeps what is not a number
        case datetime() | date():
            return _day_as_written(value, form)
        case time():
            return value.isoformat()
        case bytes():
            return value.hex()
    return str(value)


def _day_as_written(value: date, form: Format) -> str:
    if form.dates:
        text = value.strftime(form.dates)
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        try:
            if datetime.strptime(text, form.dates) == moment:
                return text  # else the pattern would lose the time of day: it stays to be seen, and does not fit
        except ValueError:
            pass
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()


def one_of(place: Place, known: list[str], what: str, fault: Fault) -> str:
    """The sheet or table meant: the one named, or the only one there is."""
    if place.inside in known:
        return place.inside
    there = ", ".join(known) or "none"
    if place.inside:
        raise fault(place, f"has no {what} {place.inside!r}. There are: {there}.")
    if len(known) != 1:
        raise fault(place, f"holds several {what}s or none ({there}). Name one: {place.shown}#{what.title()}.")
    return known[0]


def excel_rows(place: Place, form: Format, fault: Fault) -> Iterator[tuple]:
    """The first row that is not empty, then all others, as texts. Formulas give the value that the spreadsheet last worked out.

    Raises the fault for a formula without one: a program wrote it, and no spreadsheet has worked it out yet.
    """
    import openpyxl

    with contextlib.ExitStack() as held:
        book = openpyxl.load_workbook(place.path, read_only=True, data_only=True)
        held.callback(book.close)
        sheet = book[one_of(place, [each.title for each in book.worksheets], "sheet", fault)]
        formulas = None
        if _has_formulas(place.path):
            other = openpyxl.load_workbook(place.path, read_only=True)
            held.callback(other.close)
            other[sheet.title].reset_dimensions()
            formulas = held.enter_context(contextlib.closing(other[sheet.title].iter_rows()))
        sheet.reset_dimensions()  # some programs write a wrong size, and rows would be cut
        # A sheet that is left half read would keep its file open.
        for row in held.enter_context(contextlib.closing(sheet.iter_rows())):
            typed = next(formulas) if formulas else ()
            for cell, source in zip(row, typed, strict=False):
                if cell.value is None and source.data_type == "f":
                    raise fault(place, f"has a formula without a value in cell {source.coordinate}. Open it in a spreadsheet and save it.")
            values = tuple(as_written(cell.value, form) for cell in row)
            if any(value is not None for value in values):
                yield values


def _has_formulas(path: Path) -> bool:
    """Whether any sheet holds a formula, asked of the file's text: reading everything twice costs."""
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with book.open(name) as sheet:
                    before = b""
                    while chunk := sheet.read(1 << 20):
                        if b"<f>" in before + chunk or b"<f " in before + chunk:
                            return True
                        before = chunk[-3:]
    return False


def sqlite_rows(place: Place, form: Format, fault: Fault) -> Iterator[tuple]:
    """The names of the columns, then every row as texts, read in batches by the standard library."""
    con = sqlite3.connect(f"{place.path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        known = con.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name")
        table = one_of(place, [name for (name,) in known], "table", fault).replace('"', '""')
        cursor = con.execute(f'SELECT * FROM "{table}"')
        yield tuple(column[0] for column in cursor.description)
        while batch := cursor.fetchmany(BATCH):
            for row in batch:
                yield tuple(as_written(value, form) for value in row)
    finally:
        con.close()


def json_fault(path: Path) -> str:
    """Which line of a file of JSON lines is none: DuckDB miscounts."""
    with path.open(encoding="utf-8", errors="replace") as text:
        for number, line in enumerate(text, start=1):
            try:
                json.loads(line or "{}")
            except ValueError as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else error
                return f"has no JSON object in line {number} ({reason}). Mend that line."
    return "is not JSON, one object a line. Export it again."


@contextlib.contextmanager
def connect(address: str) -> Iterator[Any]:
    """A PostgreSQL server as a backend of Ibis, closed at the end.

    address   postgresql://user@host:port/base?sslmode=…; what stands after ? is handed on to the server's driver as it is. The password
              comes from the environment (PGPASSWORD) or the user's .pgpass, never from the address.
    Raises NinefoldError, without the file's name, for an address that is none, that holds a password, or without psycopg.
    """
    shown = repr(without_user(address))
    if holds_password(address):
        raise NinefoldError("The address of the server comes with a password. Take it out, and set PGPASSWORD or write it in ~/.pgpass.")
    if importlib.util.find_spec("psycopg") is None:
        raise NinefoldError(f"{shown} {NO_DRIVER}")
    try:
        parts = urlsplit(address.partition("#")[0])
        options = {"host": parts.hostname, "port": parts.port, "user": parts.username and unquote(parts.username)}
        more = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise NinefoldError(f"{shown} is no address ({error}). {WRITTEN}") from error
    options |= {"database": unquote(parts.path.lstrip("/")), "password": os.environ.get("PGPASSWORD")}
    twice = sorted(set(more) & {*options, "dbname", "autocommit", "schema"})
    if twice:
        raise NinefoldError(f"{shown} gives {twice[0]} after the question mark. {WRITTEN}")
    import ibis

    con = ibis.postgres.connect(**{key: value for key, value in options.items() if value}, **more)
    try:
        yield con
    finally:
        con.disconnect()


def postgres_batches(place: Place, fault: Fault) -> Iterator[pyarrow.RecordBatch]:
    """A table of a PostgreSQL server through Ibis, with its types, in batches."""
    if importlib.util.find_spec("psycopg") is None:
        raise fault(place, NO_DRIVER)
    with connect(place.address or place.shown) as con:
        schema, _, name = place.inside.rpartition(".")
        table = con.table(name, database=schema or None)
        casts = {}
        for column, kind in table.schema().items():
            if kind.is_decimal():
                casts[column] = "decimal(38, 9)"
            elif not (kind.is_string() or kind.is_numeric() or kind.is_boolean() or kind.is_temporal()):
                casts[column] = "string"
        yield from (table.cast(casts) if casts else table).to_pyarrow_batches(chunk_size=BATCH)
