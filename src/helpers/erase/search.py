"""Is the person anywhere still? Every kept file is read to its end: texts, pages, tables cell by cell, what archives and pictures hold.

Two ways of looking, for false alarms are kept away: ids count in columns of ids, whatever they look like; in any other text only words that
nothing else is (a whole e-mail address, a telephone, a full name that no other record has, an id of six signs or more with letters and
figures). A short id such as 12 in a text is an amount or a year as well, and is no finding.
"""

import gzip
import html
import io
import json
import re
import sqlite3
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from helpers import ROOT
from helpers.engine.duck import open_duckdb
from helpers.engine.places import KINDS
from helpers.erase import tabular
from helpers.erase.find import Person, patterns, standing
from helpers.erase.remove import Remover, files
from helpers.erase.rules import Rules
from helpers.project import Project

BLOCK = 8_000_000
OVERLAP = 400
"""Signs of a block that are read again with the next: no word is longer."""
ARCHIVES = (".xlsx", ".xlsm", ".zip", ".docx", ".ods", ".pptx")
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class Hit:
    """A file in which the person is still found.

    file   without the person's id;  kinds: kind (rows, id, email, phone, name, hash) → how often; {} for a file that cannot be read
    fault  why it cannot be read
    """

    file: str
    kinds: dict[str, int]
    fault: str = ""


@dataclass(frozen=True)
class Searched:
    """What a search did.

    files, size   how many files, and bytes;  hits: where the person is;  looked: kind → how many words were looked for in texts
    """

    files: int
    size: int
    hits: list[Hit]
    looked: dict[str, int]


def search(plan: Project, person: Person, found: Rules, joined: dict[str, list[str]]) -> Searched:
    """Look for the person in every file below data/<project> and reports/<project>."""
    remover, known = Remover(plan, person, found, joined, dry=True), patterns(person)
    hits, count, size = [], 0, 0
    for path in [*files(plan), *_typed(plan)]:
        count, size = count + 1, size + path.stat().st_size
        kinds: Counter = Counter()
        faults_before = len(remover.faults)
        if path.is_relative_to(plan.folder) and path != plan.folder / "project.yml":
            kinds["rows"] += sum(change.n for change in remover.one(path))
        fault = remover.faults[-1][1] if len(remover.faults) > faults_before else ""
        try:
            for text in contents(path):
                kinds += counted(text, known)
            kinds += counted(path.name.lower(), known)  # a card is called after its customer
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, pa.ArrowException, *tabular.FAULTS) as error:
            fault = fault or remover.blank(str(error).splitlines()[0])
        if +kinds or fault:
            hits.append(Hit(remover.shown(path), dict(sorted((+kinds).items())), fault))
    return Searched(count, size, hits, {kind: len(words) for kind, words in known.items() if words})


def _typed(plan: Project) -> list[Path]:
    """What is searched and never edited: project.yml, and the notebooks as JupyterLab may have saved them with what they showed."""
    return [path for path in (plan.folder / "project.yml", *sorted((ROOT / "notebooks").glob("**/*.ipynb"))) if path.is_file()]


def counted(text: str, known: dict[str, list[tuple[str, re.Pattern]]]) -> Counter:
    """Kind → how often its words stand in a text in lower case."""
    found: Counter = Counter()
    for kind, words in known.items():
        for hint, pattern in words:
            if hint in text:
                found[kind] += standing(text, hint, pattern)
    return +found


def contents(path: Path) -> Iterator[str]:
    """All that a file holds, as texts in lower case."""
    ending, kind = path.suffix.lower(), KINDS.get(path.suffix.lower(), "")
    if kind == "parquet":
        yield from _cells(path)
        return
    if ending in ARCHIVES:
        yield from _members(path)
        return
    if ending == ".gz":
        with gzip.open(path) as file:
            yield from _blocks(file)
        return
    if kind == "sqlite":
        yield from _sqlite(path)
    elif kind == "duckdb":
        yield from _duckdb(path)
    elif ending == ".png":
        yield from _picture(path)
    with path.open("rb") as file:
        yield from _blocks(file)


def _blocks(file: io.BufferedIOBase | gzip.GzipFile) -> Iterator[str]:
    """A file as text, a block at a time; each begins with the end of the one before."""
    start = file.read(4)
    file.seek(0)
    sixteen = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    tail = b""
    while block := file.read(BLOCK):
        data = tail + block
        yield from _texts(data, "utf-16" if sixteen and not tail else "utf-16-le" if sixteen else "")
        tail = b"" if len(block) < BLOCK else data[-OVERLAP:]


def _texts(data: bytes, encoding: str = "") -> Iterator[str]:
    """The text as UTF-8, also as cp1252 where it is not that, and as it reads without the escapes of HTML and JSON."""
    text = data.decode(encoding or "utf-8", errors="ignore")
    if not encoding and not _is_utf8(data):
        text = data.decode("cp1252", errors="replace")
    yield plain(text)
    if "&" in text and (unescaped := html.unescape(text)) != text:
        yield from _news(plain(unescaped), plain(text))
    if "\\u" in text:
        yield from _news(plain(ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)), plain(text))


def _is_utf8(data: bytes) -> bool:
    """Whether a block is UTF-8 but for a letter that was cut in two at either end."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        inner = data[4:-4].lstrip(bytes(range(0x80, 0xC0)))
        try:
            inner[: max(inner.rfind(b"\n"), inner.rfind(b" "), 0)].decode("utf-8")
        except UnicodeDecodeError:
            return False
    return True


def _news(text: str, before: str) -> Iterator[str]:
    """What a text with its escapes read says beyond the text as it stands: only the lines that differ."""
    old = set(before.split("\n"))
    yield "\n".join(line for line in text.split("\n") if line not in old)


def plain(text: str) -> str:
    """As it is compared: lower case."""
    low = text.lower()
    return low if low.isascii() or unicodedata.is_normalized("NFC", low) else unicodedata.normalize("NFC", low)


def _cells(path: Path) -> Iterator[str]:
    """Every different text of a Parquet file, and what stands beside its columns."""
    with pq.ParquetFile(path) as file:
        for key, value in (file.schema_arrow.metadata or {}).items():
            yield plain(f"{key.decode(errors='replace')} {value.decode(errors='replace')}")
        yield plain(" ".join(file.schema_arrow.names))
        for n in range(file.metadata.num_row_groups):
            for name, field in zip(file.schema_arrow.names, file.schema_arrow, strict=True):
                if not _may_name(field.type):
                    continue
                values = file.read_row_group(n, columns=[name]).column(0)
                different = values if pa.types.is_nested(field.type) else values.unique()
                yield plain("\n".join(map(_as_text, different.to_pylist())))


def _may_name(kind: pa.DataType) -> bool:
    """Texts and whole numbers (a telephone kept as one); no dates, no decimals."""
    return not (pa.types.is_temporal(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _as_text(value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _members(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            yield plain(info.filename)
            with archive.open(info) as member:
                data = member.read()
            yield from _texts(data)


def _picture(path: Path) -> Iterator[str]:
    """What is written beside a picture, also where that is compressed."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        yield plain(" ".join(f"{key} {value}" for key, value in image.info.items()))


def _sqlite(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as con:
        for (table,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            quoted = table.replace('"', '""')
            for row in con.execute(f'SELECT * FROM "{quoted}"'):
                yield plain(" ".join(map(_as_text, row)))


def _duckdb(path: Path) -> Iterator[str]:
    with open_duckdb(str(path), read_only=True) as con:
        for schema, table in con.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal").fetchall():
            cursor = con.execute('SELECT * FROM "{}"."{}"'.format(*(each.replace('"', '""') for each in (schema, table))))
            while rows := cursor.fetchmany(10_000):
                yield plain("\n".join(" ".join(map(_as_text, row)) for row in rows))
