"""Everything that was given, as tables of one DuckDB: text files as text, whatever has types with its types."""

import codecs
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import duckdb

from helpers import NinefoldError
from helpers.engine.duck import exact, open_duckdb
from helpers.engine.rows import as_written, write_rows
from helpers.new import sniff
from helpers.new.files import Given
from helpers.project.sources import Format

FILE = "#file"
"""Column that says from which file of a series a row is."""
LARGE = 1 << 28
"""Bytes from which a Parquet file stays where it is, instead of being read into the engine once: it is quick to ask, a text is not."""


@dataclass
class Read:
    """One table as it was read.

    name      of its DuckDB table or view
    columns   in order, with the engine's types; nameless ones are left out
    text      how it is written, for text files
    notes     what the analyst should know; left: columns left out, with the reason
    ids       column → the DuckDB table of its different values, once somebody has asked for them
    """

    given: Given
    con: duckdb.DuckDBPyConnection
    name: str
    columns: dict[str, str]
    rows: int
    text: sniff.Text | None = None
    notes: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, query: str) -> list[tuple]:
        """Rows of a query in which {t} stands for the table, but for names and texts in quotes."""
        inserted = _TABLE.sub(lambda found: self.name if found[0] == "{t}" else found[0], query)
        return self.con.execute(inserted).fetchall()

    @cached_property
    def numbered(self) -> bool:
        """Whether its rows have numbers: it was read into the engine (a large file stays where it is) and no column is called rowid."""
        query = "select count(*) from duckdb_tables() where table_name = ?"
        return "rowid" not in map(str.lower, self.columns) and bool(self.con.execute(query, [self.name]).fetchone()[0])

    @property
    def is_text(self) -> bool:
        return self.text is not None


_TABLE = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'|\{t\}')


def quoted(name: str) -> str:
    """A column's name in a query."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in a query."""
    return "'" + text.replace("'", "''") + "'"


def rows(number: int) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} row{'s' if number != 1 else ''}"


class Reader:
    """Reads what was given into one DuckDB, kept in a folder of its own that goes when it is closed."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="ninefold-new-")
        self.folder = Path(self._folder.name)
        self.con = open_duckdb(str(self.folder / "new.duckdb"))
        self.con.execute("SET preserve_insertion_order = true")
        self.texts: dict[Path, sniff.Text] = {}
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.con.close()
        self._folder.cleanup()

    def look(self, path: Path) -> sniff.Text:
        if path not in self.texts:
            self.texts[path] = sniff.look(path)
        return self.texts[path]

    def alike(self, one: Given, other: Given) -> bool:
        """Whether two files have the same columns and are written the same way."""
        try:
            if one.kind == "text":
                first, second = self.look(one.path), self.look(other.path)
                same = (first.encoding, first.separator, first.header) == (second.encoding, second.separator, second.header)
                return same
            if one.kind == "parquet":
                describe = "select name, type from parquet_schema(?)"
                return len({str(self.con.execute(describe, [str(each.path)]).fetchall()) for each in (one, other)}) == 1
        except (NinefoldError, duckdb.Error):
            return False
        return False

    def read(self, given: Given) -> Read:
        """Raises NinefoldError, without the file's name, when a table cannot be used."""
        self.count += 1
        name = f"t{self.count}"
        text = self.look(given.path) if given.kind == "text" else None
        notes, left, self.nested = list(text.notes) if text else [], {}, {}
        try:
            if text:
                self._text(given, name, notes)
            else:
                getattr(self, f"_{given.kind}")(given, name)
        except duckdb.Error as error:
            raise NinefoldError(f"it cannot be read ({str(error).splitlines()[0]})") from error
        columns = {c: kind for c, kind, *_ in self.con.execute(f"describe {name}").fetchall()}
        if given.several:
            columns.pop(FILE, None)
        rows = self.con.execute(f"select count(*) from {name}").fetchone()[0]
        if not rows and text and any("\n" in title for title in text.header):
            raise NinefoldError("a name of a column runs over two lines, and no row could be read: take the line break out")
        if not rows:
            raise NinefoldError("it has names of columns and no row: export it again")
        for column in self.nested:
            left[column] = "its values are objects or lists, which no column of a table can hold: write their parts as columns of their own"
            del columns[column]
        for column, kind in list(columns.items()):
            if kind.endswith("[]") or kind.startswith(("STRUCT", "MAP", "JSON", "BLOB", "UNION")):
                left[column] = f"its values are {_nested(kind)}, which no column of a table can hold"
                del columns[column]
            elif column.startswith("=") or column == "#row":
                left[column] = f"project.yml reads {'a name that begins with =' if column != '#row' else '#row'} otherwise: rename it"
                del columns[column]
        if text:
            left |= self._nameless(name, text, columns)
        return Read(given, self.con, name, columns, rows, text, notes, left)

    def _keep(self, kind: str, name: str, query: str) -> None:
        """A table or view of a query, blanks around its texts taken off, missing where nothing else is there."""
        columns = self.con.execute(f"DESCRIBE {query}").fetchall()
        bare = "nullif(trim({0}, ' \u00a0\u202f\u2009\t'), '') AS {0}"
        kept = ", ".join(bare.format(quoted(c)) if kind_ == "VARCHAR" else quoted(c) for c, kind_, *_ in columns)
        self.con.execute(f"CREATE OR REPLACE {kind} {name} AS SELECT {kept} FROM ({query})")

    def _paths(self, given: Given) -> list[Path]:
        return [given.path, *(path for _, path in given.several)]

    def _text(self, given: Given, name: str, notes: list[str]) -> None:
        text = self.look(given.path)
        paths = [str(self._as_utf8(path, text.encoding, name, number)) for number, path in enumerate(self._paths(given))]
        columns = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in _names(text.header))
        options = (
            f"auto_detect = false, header = true, delim = {literal(text.separator or ',')}, quote = '\"', escape = '\"', "
            f"columns = {{{columns}}}"
        )
        files = ", ".join(literal(exact(path)) for path in paths)
        loose = ", null_padding = true, parallel = false, strict_mode = false, ignore_errors = true"
        several = f", filename = {literal(FILE)}" if given.several else ""
        options += several
        for more in ("", loose):
            try:
                # A table on disk, however large: dozens of questions are asked, and each would go through the text anew.
                self._keep("TABLE", name, f"SELECT * FROM read_csv([{files}], {options}{more})")
                self.con.execute(f"SELECT count(*) FROM {name}")
                break
            except duckdb.Error as error:
                if more:
                    raise
                problem = _line(str(error))
        if more:
            notes.append(f"{problem}: mend it before the report, which reads no broken line")

    def _as_utf8(self, path: Path, encoding: str, name: str, number: int) -> Path:
        if encoding == "utf-8":
            return path
        target = self.folder / f"{name}-{number}.csv"
        with path.open("rb") as file:
            start = file.read(4)
        if encoding == "utf-16" and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
        with path.open(encoding=encoding, errors="replace", newline="") as source, target.open("w", encoding="utf-8", newline="") as copy:
            while chunk := source.read(1 << 20):
                copy.write(chunk)
        return target

    def _nameless(self, name: str, text: sniff.Text, columns: dict[str, str]) -> dict[str, str]:
        """Columns without a name: empty ones at the end of a line are nobody's loss, others are told."""
        left = {}
        for position, (title, column) in enumerate(zip(text.header, _names(text.header), strict=True), start=1):
            if title:
                continue
            filled = self.con.execute(f"select count({quoted(column)}) from {name}").fetchone()[0]
            left[f"column {position} (no name)"] = f"no name, and something in {rows(filled)}" if filled else "no name and no value"
            del columns[column]
        return left

    def _parquet(self, given: Given, name: str) -> None:
        paths = [str(path) for path in self._paths(given)]
        kind = "TABLE" if sum(Path(p).stat().st_size for p in paths) < LARGE else "VIEW"
        files = ", ".join(literal(exact(path)) for path in paths)
        several = f", filename = {literal(FILE)}" if given.several else ""
        self._keep(kind, name, f"SELECT * FROM read_parquet([{files}]{several})")

    def _json(self, given: Given, name: str) -> None:
        """One object a line, every value as text; objects and lists inside it are left out."""
        files = ", ".join(literal(str(path)) for path in self._paths(given))
        lines = "auto" if given.path.suffix.lower() == ".json" else "newline_delimited"
        try:
            self.con.execute(
                f"CREATE OR REPLACE TEMP TABLE json_ AS SELECT * FROM read_json([{files}], format = '{lines}', records = true, "
                "maximum_depth = 1, sample_size = -1)"
            )
        except duckdb.Error as error:
            raise NinefoldError("its lines are no JSON objects in UTF-8: save one object a line") from error
        columns = [column for column, *_ in self.con.execute("describe json_").fetchall()]
        nested = ", ".join(f"count(*) filter (json_type({quoted(c)}) in ('OBJECT', 'ARRAY'))" for c in columns)
        inside = self.con.execute(f"select {nested} from json_").fetchone()
        kept = ", ".join(f"regexp_replace({quoted(c)}->>'$', '^(-?\\d+)\\.0$', '\\1') AS {quoted(c)}" for c in columns)
        self._keep("TABLE", name, f"SELECT {kept} FROM json_")
        self.nested = {c: n for c, n in zip(columns, inside, strict=True) if n}

    def _excel(self, given: Given, name: str) -> None:
        from openpyxl import load_workbook

        book = load_workbook(given.path, read_only=True, data_only=True)
        try:
            sheet = book[given.part]
            sheet.reset_dimensions()  # some programs write a wrong size, and rows would be cut
            rows = (row for row in sheet.iter_rows(values_only=True) if any(v not in (None, "") for v in row))
            header = [str(v).strip() if v is not None else "" for v in next(rows, ())]
            if not any(header):
                raise NinefoldError("an empty sheet")
            if problem := sniff.no_header(header, []):
                raise NinefoldError(problem)
            keep = [i for i, title in enumerate(header) if title]
            names = _names(tuple(header))
            self._fill(name, [names[i] for i in keep], ([row[i] if i < len(row) else None for i in keep] for row in rows))
        finally:
            book.close()

    def _sqlite(self, given: Given, name: str) -> None:
        con = sqlite3.connect(f"{given.path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            cursor = con.execute('select * from "{}"'.format(given.part.replace('"', '""')))
            self._fill(name, [column[0] for column in cursor.description], iter(cursor))
        except sqlite3.Error as error:
            raise NinefoldError(f"it cannot be read ({error})") from error
        finally:
            con.close()

    def _duckdb(self, given: Given, name: str) -> None:
        self.con.execute(f"ATTACH IF NOT EXISTS {literal(str(given.path))} AS {name}_db (READ_ONLY)")
        self._keep("VIEW", name, f"SELECT * FROM {name}_db.main.{quoted(given.part)}")

    def _postgres(self, given: Given, name: str) -> None:
        from helpers.new import server

        target = server.write(given.raw, given.part, self.folder / f"{name}.parquet")
        if target is None:
            raise NinefoldError("it has no row")
        self._keep("TABLE", name, f"SELECT * FROM read_parquet({literal(str(target))})")
        target.unlink()

    def _fill(self, name: str, columns: list[str], rows: Iterator) -> None:
        """A table from rows of Python values, streamed through a file: a column of one kind keeps it, any other is text."""
        columns, kinds = _names(tuple(columns)), [set() for _ in columns]
        target = write_rows(columns, (_texts(row, kinds) for row in rows), self.folder / f"{name}.parquet")
        typed = ", ".join(f"{quoted(c)}::{_type(kinds[i])} AS {quoted(c)}" for i, c in enumerate(columns))
        self._keep("TABLE", name, f"SELECT {typed} FROM read_parquet({literal(str(target))})")
        target.unlink()


def _texts(row: tuple, kinds: list[set]) -> tuple:
    """A row as texts; `kinds` gathers what each column holds."""
    for value, known in zip(row, kinds, strict=True):
        if value is not None and value != "":
            known.add(str if isinstance(value, int) and abs(value) >= 1 << 62 else type(value))
    return tuple(None if value == "" else as_written(value, PLAIN) for value in row)


def _type(kinds: set) -> str:
    """Of a column of a sheet or of SQLite: numbers, dates or yes/no where all are, else text."""
    for type_, known in (("BOOLEAN", {bool}), ("BIGINT", {int}), ("DOUBLE", {int, float}), ("TIMESTAMP", {datetime, date})):
        if kinds and kinds <= known:
            return type_
    return "VARCHAR"


PLAIN = Format()


def _line(error: str) -> str:
    """What an engine says about a broken line, in a few words."""
    line = re.search(r"on Line: (\d+)", error)
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", error)
    if line and fields:
        return f"line {line[1]} has {fields[2]} fields and the first line {fields[1]}"
    return f"line {line[1]} is broken" if line else "a line is broken"


def _names(header: tuple[str, ...]) -> list[str]:
    """Names of columns as DuckDB gives them: a second `b` is `b_1`, one without name is `column3`."""
    width, result, taken = len(str(max(len(header) - 1, 0))), [], set()
    for position, title in enumerate(header):
        made = name = title.strip() or f"column{position:0{width}d}"
        number = 1
        while made.lower() in taken:
            made, number = f"{name}_{number}", number + 1
        taken.add(made.lower())
        result.append(made)
    return result


def _nested(kind: str) -> str:
    return "lists" if kind.endswith("[]") else "objects in the row" if kind.startswith(("STRUCT", "MAP", "JSON", "UNION")) else "no text"
