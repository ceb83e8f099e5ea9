"""Rows taken out of Parquet files and databases."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from helpers.engine.duck import open_duckdb
from helpers.engine.rows import as_written
from helpers.erase.rewrite import ANY, PLAIN, Drop, cell, whole


def parquet(path: Path, drop: Drop, *, dry: bool = False, rename: Callable[[pa.Table], pa.Table] | None = None) -> int:
    """Rows of a Parquet file; its columns, types, row groups and compression stay.

    rename   what is done to the rows that stay
    """
    with pq.ParquetFile(path) as file:
        columns = drop(file.schema_arrow.names)
        if not columns or not file.metadata.num_row_groups:
            return 0
        names, picked = file.schema_arrow.names, _picked(file, columns)
        flags = [_marked(file.read_row_group(n, columns=picked), columns, names) for n in range(file.metadata.num_row_groups)]
        gone = sum(pc.sum(each).as_py() or 0 for each in flags)
    if dry or not (gone or rename):
        return gone
    with whole(path) as part, pq.ParquetFile(path) as file:  # opened again: Windows replaces no file that is open
        with pq.ParquetWriter(part, file.schema_arrow, compression=_compression(file)) as writer:
            for n, flag in enumerate(flags):
                rows = file.read_row_group(n).filter(pc.invert(flag))
                rows = _anew(rename(rows) if rename else rows)
                writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
    return gone


def _picked(file: pq.ParquetFile, columns: Mapping[int, frozenset[str]]) -> list[str]:
    names = file.schema_arrow.names
    return names if ANY in columns else [names[place] for place in columns]


def _compression(file: pq.ParquetFile) -> dict[str, str]:
    group = file.metadata.row_group(0)
    kinds = {group.column(n).path_in_schema: group.column(n).compression for n in range(group.num_columns)}
    return {name: "NONE" if kind == "UNCOMPRESSED" else kind for name, kind in kinds.items()}


def _marked(rows: pa.Table, columns: Mapping[int, frozenset[str]], names: list[str]) -> pa.ChunkedArray:
    """Which rows are the person's."""
    flag = pa.chunked_array([pa.array([False] * rows.num_rows, pa.bool_())])
    looked = [(names[place], values) for place, values in columns.items() if place != ANY]
    looked += [(name, columns[ANY]) for name in rows.column_names] if ANY in columns else []
    for name, values in looked:
        column = rows[name]
        if pa.types.is_nested(column.type):
            continue
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column, found = pc.utf8_trim_whitespace(column), sorted(values)
        else:
            found = [one for one in column.unique().to_pylist() if _one_of(one, values)]
        if found:
            flag = pc.or_(flag, pc.fill_null(pc.is_in(column, value_set=pa.array(found, column.type)), False))
    return flag


def _one_of(value, values: frozenset[str]) -> bool:
    text = cell(as_written(value, PLAIN))
    return bool(text) and (text in values or text.lower() in values)


def _anew(rows: pa.Table) -> pa.Table:
    """Dictionaries made again: those of the file hold values of the rows that went."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            fresh = rows[field.name].cast(field.type.value_type).dictionary_encode().cast(field.type)
            rows = rows.set_column(place, field, fresh)
    return rows


def sqlite(path: Path, drops: Callable[[str], Drop], *, dry: bool = False) -> int:
    """Rows of every table of a SQLite file; its free pages are written anew, for they hold what was deleted.

    drops   from the name of a table
    """
    with _read_only(path) as con:
        gone = sum(len(rows) for _, rows in _sqlite_rows(con, drops))
    if dry or not gone:
        return gone
    with whole(path) as part, _read_only(path) as con, contextlib.closing(sqlite3.connect(part)) as copy:
        con.backup(copy)  # with what a journal beside it still holds
        gone = _deleted(copy, drops)
    for journal in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + journal).unlink(missing_ok=True)
    return gone


def _read_only(path: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True))


def _deleted(copy: sqlite3.Connection, drops: Callable[[str], Drop]) -> int:
    gone = 0
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.execute("PRAGMA secure_delete = ON")
    for table, rows in _sqlite_rows(copy, drops):
        for column, value in rows:
            gone += copy.execute(f"DELETE FROM {_name(table)} WHERE {_name(column)} = ?", [value]).rowcount
    copy.commit()
    copy.execute("VACUUM")
    return gone


def _sqlite_rows(con: sqlite3.Connection, drops: Callable[[str], Drop]) -> list[tuple[str, list[tuple]]]:
    """Table → column and value of each row that goes (a row for each row)."""
    tables = con.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name").fetchall()
    result = []
    for (table,) in tables:
        names = [row[1] for row in con.execute(f"PRAGMA table_info({_name(table)})")]
        columns = drops(table)(names)
        looked = [(name, columns[ANY]) for name in names] if ANY in columns else [(names[n], values) for n, values in columns.items()]
        rows = []
        for name, values in looked:
            counted = con.execute(f"SELECT {_name(name)}, count(*) FROM {_name(table)} GROUP BY 1").fetchall()
            rows += [(name, value) for value, n in counted if _one_of(value, values) for _ in range(n)]
        result.append((table, rows))
    return result


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def duckdb_file(path: Path, drops: Callable[[str], Drop], *, dry: bool = False) -> int:
    """Rows of every table of a DuckDB file, which is then copied anew."""
    with open_duckdb(str(path), read_only=True) as con:
        found = _duckdb_rows(con, drops)
    gone = sum(n for _, _, _, n in found)
    if dry or not gone:
        return gone
    with whole(path) as part:
        work = part.with_suffix(".work")
        shutil.copyfile(path, work)
        try:
            with open_duckdb(":memory:") as con:
                con.execute(f"ATTACH '{str(work).replace(chr(39), chr(39) * 2)}' AS old (TYPE duckdb)")
                for table, column, value, _ in found:
                    con.execute(f"DELETE FROM old.{table} WHERE {_name(column)} = $1", [value])
                con.execute(f"ATTACH '{str(part).replace(chr(39), chr(39) * 2)}' AS new (TYPE duckdb)")
                con.execute("COPY FROM DATABASE old TO new")
        finally:
            work.unlink(missing_ok=True)
    return gone


def _duckdb_rows(con, drops: Callable[[str], Drop]) -> list[tuple[str, str, object, int]]:
    result = []
    for schema, table in con.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL").fetchall():
        place = f"{_name(schema)}.{_name(table)}"
        names = [row[0] for row in con.execute(f"SELECT * FROM {place} LIMIT 0").description]
        columns = drops(table if schema == "main" else f"{schema}.{table}")(names)
        looked = [(name, columns[ANY]) for name in names] if ANY in columns else [(names[n], values) for n, values in columns.items()]
        for name, values in looked:
            counted = con.execute(f"SELECT {_name(name)}, count(*) FROM {place} GROUP BY 1").fetchall()
            result += [(place, name, value, n) for value, n in counted if _one_of(value, values)]
    return result


FAULTS = (sqlite3.Error, duckdb.Error)
"""What the databases raise for a file that they cannot read."""
