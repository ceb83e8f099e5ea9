"""One file becomes one Parquet file that the engine reads: text is parsed once, whole, and streamed; Parquet is read where it is.

Copies lie in the project's private `.spill` folder and go when the engine that made them goes.
"""

import codecs
import contextlib
import csv
import io
import os
import re
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import pyarrow.parquet

from helpers import ContractError, NinefoldError
from helpers.engine import rows, spill
from helpers.engine.duck import exact
from helpers.engine.places import Place
from helpers.project import Project
from helpers.project.sources import Format

CHUNK = 1 << 20
LONGEST_HEADER = 1 << 20
SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Piece:
    """One file as the engine sees it.

    shown     how messages name it
    path      the Parquet file; None when the file holds not even a header
    rows      how many
    textual   every column is text, as the source's format writes it; else columns have types of their own
    """

    shown: str
    path: Path | None
    rows: int
    textual: bool


class Reader:
    """Reads files for one engine.

    con      a DuckDB backend of Ibis, which reads text, JSON and DuckDB files
    folder   where copies are put; made when it is first needed
    """

    def __init__(self, con, project: Project):
        self.con, self.project = con, project
        self.folder: Path | None = None
        self._known: dict[tuple, Piece] = {}

    def piece(self, place: Place, form: Format) -> Piece:
        """The table as Parquet, read once whoever asks.

        Raises NinefoldError with file, reason and remedy when it cannot be read, ContractError for two columns of one name.
        """
        key = (place, form.model_dump_json())
        if key not in self._known:
            try:
                path = self._read(place, form)
                count = pyarrow.parquet.read_metadata(path).num_rows if path else 0
            except NinefoldError:
                raise
            except Exception as error:
                raise self._unreadable(place, error) from error
            self._known[key] = Piece(place.shown, path, count, place.kind in ("text", "json", "excel", "sqlite"))
        return self._known[key]

    def table(self, piece: Piece, con=None, *, numbered: bool = False) -> ir.Table:
        """The rows of a piece; numbered: with `file_row_number`, from 0."""
        con = con or self.con
        return con.read_parquet(exact(piece.path), **({"file_row_number": True} if numbered else {}))

    def copy(self, table: ir.Table) -> Path:
        """Write a table of this reader's backend beside the other copies."""
        path = self.place("parquet")
        self.con.to_parquet(table, str(path))
        return path

    def place(self, ending: str) -> Path:
        """A path for a new copy, in a private folder that goes with the backend."""
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="read-", dir=spill.hold(self.project.folder, self.con)))
            weakref.finalize(self.con, shutil.rmtree, self.folder, ignore_errors=True)
        handle, path = tempfile.mkstemp(suffix=f".{ending}", dir=self.folder)
        os.close(handle)
        return Path(path)

    def _read(self, place: Place, form: Format) -> Path | None:
        if place.kind == "parquet":
            self.con.read_parquet(exact(place.path))  # DuckDB says better than others what is wrong with it
            return place.path
        if place.kind == "text":
            return self._text(place, form)
        if place.kind == "json":
            return self._json(place, form)
        if place.kind == "duckdb":
            return self._duckdb(place)
        target = self.place("parquet")
        if place.kind == "postgres":
            return rows.write_batches(rows.postgres_batches(place, self._fault), target)
        found = rows.excel_rows(place, form, self._fault) if place.kind == "excel" else rows.sqlite_rows(place, form, self._fault)
        with contextlib.closing(found):
            header = next(found, None)
            return None if header is None else rows.write_rows(self._names(place, header), found, target)

    def _text(self, place: Place, form: Format) -> Path | None:
        """A text file, in any of the encodings: the fields as they are written."""
        head = _head(place.path, form)
        if head is None:
            return None
        blank, fields, separator = head
        if any("\ufffd" in field for field in fields):
            raise self._wrong_bytes(place, form, blank + 1)
        names, path = self._names(place, fields), place.path
        if form.encoding != "utf-8" or blank:  # DuckDB loses its way in blank lines on top that end in \r\n
            path = self._as_utf8(place, form)
        target = self.place("parquet")
        try:
            self._copy_text(path, names, separator, blank, target)
        except Exception as error:
            if "invalid state" not in str(error) or path != place.path:
                raise
            # Lines that end in two ways, as when one export was pasted below another: written anew with one.
            self._copy_text(self._as_utf8(place, form), names, separator, blank, target)
        return target

    def _copy_text(self, path: Path, names: list[str], separator: str, blank: int, target: Path) -> None:
        # Dialect and columns are said, not found: DuckDB's own guess skips rows, and takes another separator where a row is broken.
        columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in names)
        options = f"auto_detect=false, header=true, skip={blank}, strict_mode=true, nullstr='', delim={_quoted(separator)}"
        self.con.raw_sql(
            f"COPY (SELECT * FROM read_csv({_quoted(exact(path))}, {options}, quote='\"', escape='\"', columns={{{columns}}})) "
            f"TO {_quoted(target)} (FORMAT parquet)"
        )

    def _as_utf8(self, place: Place, form: Format) -> Path:
        """The same text as UTF-8 with plain line ends, a chunk at a time."""
        encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
        target, lines = self.place("csv"), 1
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
        with place.path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as sink:
            while True:
                chunk = source.read(CHUNK)
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as error:
                    before = error.object[: error.start].decode(encoding, errors="replace")
                    raise self._wrong_bytes(place, form, lines + before.count("\n")) from error
                lines += text.count("\n")
                sink.write(text)
                if not chunk:
                    return target

    def _json(self, place: Place, form: Format) -> Path | None:
        """One object a line. Values become texts as the source's format writes them, so that text and numbers may stand in one column."""
        lines = "auto" if place.path.suffix.lower() == ".json" else "newline_delimited"
        read = f"read_json({_quoted(exact(place.path))}, format='{lines}', records=true, maximum_depth=1, sample_size=-1)"
        names = [row[0] for row in self.con.raw_sql(f"DESCRIBE SELECT * FROM {read}").fetchall()]
        shown = self._names(place, names)
        texts = []
        for name, called in zip(names, shown, strict=True):
            field, mark = _identifier(name), _quoted(form.decimal)
            number = f"replace(regexp_replace({field}->>'$', '\\.0+$', ''), '.', {mark})"
            kind = f"json_type({field}) IN ('DOUBLE', 'BIGINT', 'UBIGINT')"
            texts.append(f"CASE WHEN {kind} THEN {number} ELSE {field}->>'$' END AS {_identifier(called)}")
        target = self.place("parquet")
        self.con.raw_sql(f"COPY (SELECT {', '.join(texts)} FROM {read}) TO {_quoted(target)} (FORMAT parquet)")
        return target

    def _duckdb(self, place: Place) -> Path:
        """A table of a DuckDB file, copied with its types, so that the file is not held open."""
        with place.path.open("rb") as file:
            start = file.read(12)
        if start[8:12] != b"DUCK":
            hint = " It is a file of SQLite: rename it to end in .sqlite." if start.startswith(b"SQLite forma") else " Export it again."
            raise self._fault(place, f"is no file of DuckDB.{hint}")
        other, target = f"read_{os.getpid()}_{len(self._known)}", self.place("parquet")
        self.con.raw_sql(f"ATTACH {_quoted(place.path)} AS {other} (READ_ONLY, TYPE duckdb)")
        try:
            shown, views = (self._inside(other, what) for what in ("table", "view"))
            if place.inside in views:  # it would run somebody else's query here, over whatever that names
                raise self._fault(place, "names a view, which is not read. Write it into the file as a table: CREATE TABLE … AS FROM … .")
            schema, name = shown[rows.one_of(place, list(shown), "table", self._fault)]
            source = f"{other}.{_identifier(schema)}.{_identifier(name)}"
            self.con.raw_sql(f"COPY (SELECT * FROM {source}) TO {_quoted(target)} (FORMAT parquet)")
        finally:
            self.con.raw_sql(f"DETACH {other}")
        return target

    def _inside(self, database: str, what: str) -> dict[str, tuple[str, str]]:
        """The tables or views of an attached file, as project.yml names them: schema and name."""
        asked = f"SELECT schema_name, {what}_name FROM duckdb_{what}s() WHERE database_name = $1 AND NOT internal ORDER BY ALL"
        known = self.con.raw_sql(asked, parameters=[database]).fetchall()
        return {(name if schema == "main" else f"{schema}.{name}"): (schema, name) for schema, name in known}

    def _names(self, place: Place, fields: list[str | None]) -> list[str]:
        """The names of the columns, blanks around them taken off; one without a name gets its number.

        Raises ContractError when two are the same: nobody could say which one is meant.
        """
        names = [(field or "").strip() or f"column {number}" for number, field in enumerate(fields, start=1)]
        seen: dict[str, str] = {}
        for name in names:
            if name.casefold() in seen:
                both = f"{seen[name.casefold()]!r} and {name!r}" if seen[name.casefold()] != name else f"{name!r}"
                raise ContractError(
                    f"{self.project.file}: the file {place.shown!r} has two columns of one name ({both}). Rename or remove one of the two."
                )
            seen[name.casefold()] = name
        return names

    def _fault(self, place: Place, text: str) -> NinefoldError:
        return NinefoldError(f"{self.project.file}: the file {place.shown!r} {text}")

    def _wrong_bytes(self, place: Place, form: Format, line: int) -> NinefoldError:
        others = [each for each in ("utf-8", "cp1252", "latin-1", "utf-16") if each != form.encoding]
        return self._fault(
            place,
            f"is not {form.encoding} text (line {line}). Type the encoding it has under the source's `format`: "
            f"`encoding: {others[0]}`, {', '.join(others[1:-1])} or {others[-1]}; Excel on Windows writes cp1252.",
        )

    def _unreadable(self, place: Place, error: Exception) -> NinefoldError:
        """What an engine complains about, in one line, without its long advice."""
        message = str(error).replace(str(place.path), place.shown)
        if place.kind == "json" and "Malformed JSON" in message:
            return self._fault(place, rows.json_fault(place.path))
        line = re.search(r"on Line: (\d+)", message)
        if line and "not utf-8 encoded" in message:
            return self._wrong_bytes(place, Format(), int(line[1]))
        fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
        if line and fields:
            return self._fault(
                place,
                f"has {fields[2]} field{'s' if fields[2] != '1' else ''} in line {line[1]}, where its first row has {fields[1]}. "
                "Mend that line, or type the `separator` under the source's `format`.",
            )
        if line and "unterminated quote" in message:
            return self._fault(place, f'has a quotation mark (") in line {line[1]} that nothing closes. Mend that line.')
        lines = [text.strip() for text in message.splitlines() if text.strip(" ^") and not text.startswith(("Original Line", "LINE"))]
        reason = "; ".join(lines[:2]) or type(error).__name__
        return self._fault(place, f"cannot be read ({reason}). Save it again.")


def _head(path: Path, form: Format) -> tuple[int, list[str], str] | None:
    """Blank lines on top, the fields of the first row and the separator; None for a file without any."""
    encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
    with path.open(encoding=encoding, errors="replace", newline="") as text:
        blank, line = 0, text.readline(LONGEST_HEADER)
        while line and not line.strip("\r\n\ufeff"):
            blank, line = blank + 1, text.readline(LONGEST_HEADER)
        if not line:
            return None
        separator = form.separator or _separator(line)
        rest = iter(lambda: text.readline(LONGEST_HEADER), "")
        fields = next(csv.reader((part for lines in ([line], rest) for part in lines), delimiter=separator))
    return blank, fields, separator


def _separator(line: str) -> str:
    """The mark that stands most often between the names of the first row."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(SEPARATORS, key=lambda mark: (bare.count(mark), -SEPARATORS.index(mark)))


def _quoted(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
