"""What FROM names: files, folders, books with sheets, databases with tables; each a place that project.yml can point to."""

import filecmp
import fnmatch
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from helpers import NinefoldError
from helpers.engine.duck import open_duckdb
from helpers.engine.places import KINDS, REMEDY
from helpers.project.addresses import holds_password


@dataclass(frozen=True)
class Given:
    """One table to look at.

    path      the file where it is now; None for a server
    kind      one of the values of engine.places.KINDS, or "postgres"
    part      sheet or table; "" where the file is one table
    raw       where the copy goes, below data/<project>/raw/; for a server its address
    several   further files of the same series (name below raw/, file), and the name with a star that stands for them all
    """

    path: Path | None
    kind: str
    part: str
    raw: str
    several: tuple[tuple[str, Path], ...] = ()
    pattern: str = ""

    @property
    def file(self) -> str:
        """As project.yml names it."""
        place = self.raw if self.path is None else f"raw/{self.pattern or self.raw}"
        return f"{place}#{self.part}" if self.part else place

    @property
    def shown(self) -> str:
        """As people name it."""
        name = self.raw if self.path is None else (self.pattern or self.path.name)
        return f"{name}#{self.part}" if self.part else name


@dataclass
class Found:
    """What is there to look at, what was left out and why, and the copies to make: name below raw/ → file."""

    tables: list[Given] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    copies: dict[str, Path] = field(default_factory=dict)


def split(given: str | Iterable[str]) -> list[str]:
    """The places that FROM names: several arguments, or one text split at blanks unless it is itself a file or folder."""
    texts = [given] if isinstance(given, str) else list(given)
    result: list[str] = []
    for text in texts:
        text = text.strip()
        whole = "://" not in text and text and Path(text).expanduser().exists()
        result += [text] if whole else text.split()
    return result


def find(places: list[str]) -> Found:
    """Everything that the places hold, in the order in which they are named; files of a folder by their names.

    Raises NinefoldError for a place that does not exist, an address with a password, and nothing named at all.
    """
    if not places:
        raise NinefoldError('Nothing to begin with: name your files, as in make new PROJECT=shop FROM="orders.csv customers.xlsx".')
    found = Found()
    for place in places:
        if "://" in place:
            found.tables += _server(place)
            continue
        path = Path(place).expanduser()
        if not path.exists():
            raise NinefoldError(f"FROM: {place!r} does not exist. Correct the path; names with blanks stand in quotes of their own.")
        if path.is_dir():
            inside = [
                p for p in sorted(path.rglob("*")) if p.is_file() and not any(x.startswith((".", "~$")) for x in p.parts[len(path.parts) :])
            ]
            if not inside:
                found.left[place] = "an empty folder"
            for each in inside:
                _take(each, "-".join(each.relative_to(path).parts), found)
        else:
            _take(path, path.name, found)
    return found


def _take(path: Path, name: str, found: Found) -> None:
    """One file: its tables, or why it is left out."""
    ending, shown = path.suffix.lower(), str(path)
    if path.resolve() in {copy.resolve() for copy in found.copies.values()}:
        return
    if ending not in KINDS:
        remedy = REMEDY.get(ending, "; export it as CSV, Parquet or .xlsx").rstrip(".")
        found.left[shown] = f"the ending {ending or '(none)'} is not read{remedy if remedy.startswith(';') else f'.{remedy}'}"
        return
    if path.stat().st_size == 0:
        found.left[shown] = "an empty file: export it again"
        return
    raw = re.sub(r"[#*?\[\]:]", "-", name)  # these have a meaning in the field `file`
    if raw in found.copies:
        raw = f"{path.parent.name}-{raw}"
    try:
        parts = _parts(path, KINDS[ending])
    except NinefoldError as error:
        found.left[shown] = str(error)
        return
    except Exception as error:
        found.left[shown] = f"it cannot be opened ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        return
    if not parts:
        found.left[shown] = "it holds no table"
        return
    found.copies[raw] = path
    found.tables += [Given(path, KINDS[ending], part, raw) for part in parts]


def _parts(path: Path, kind: str) -> list[str]:
    """The sheets or tables of a file, [""] where it is one table."""
    if kind == "excel":
        from openpyxl import load_workbook

        book = load_workbook(path, read_only=True)
        try:
            return [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
        finally:
            book.close()
    if kind == "sqlite":
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as con:
            query = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by name"
            names = [name for (name,) in con.execute(query)]
        con.close()
        return names
    if kind == "duckdb":
        with path.open("rb") as file:
            if file.read(16) == b"SQLite format 3\0":
                raise NinefoldError("a file of SQLite: rename it to end in .sqlite")
        con = open_duckdb(str(path), read_only=True)
        try:
            query = "select table_name from information_schema.tables where table_schema = 'main' order by table_name"
            return [name for (name,) in con.execute(query).fetchall()]
        finally:
            con.close()
    return [""]


def _server(address: str) -> list[Given]:
    """The tables at a postgresql:// address, or the one that it names after #.

    Raises NinefoldError for a password in it, for it would stand in project.yml, which is committed; and for any other kind of server.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("postgresql", "postgres"):
        raise NinefoldError(f"FROM: {parts.scheme}:// is not read. Give a postgresql:// address, or export the tables as Parquet or CSV.")
    if holds_password(address):
        host = parts.netloc.rpartition("@")[2]
        raise NinefoldError(
            f"FROM: the address of {host} holds a password, and project.yml is a file that is shared. Write it without, as "
            "postgresql://user@host/base, and put the password in ~/.pgpass or in the variable PGPASSWORD."
        )
    table = parts.fragment
    bare = urlunsplit(parts._replace(scheme="postgresql", fragment=""))
    from helpers.new import server

    return [Given(None, "postgres", name, bare) for name in ([table] if table else server.tables(bare))]


def series(tables: list[Given], alike: Callable[[Given, Given], bool]) -> list[Given]:
    """Files whose names differ in their figures only and that have the same columns, as one: orders-2023.csv, orders-2024.csv.

    alike   whether two tables have the same columns and are written the same way
    """
    groups: list[list[Given]] = []
    for one in tables:
        group = next((g for g in groups if _same_series(one, g[0]) and alike(one, g[0])), None)
        if group:
            group.append(one)
        else:
            groups.append([one])
    result = []
    for first, *rest in groups:
        pattern = _pattern([first.raw, *(other.raw for other in rest)])
        strangers = {t.raw for t in tables} - {first.raw, *(other.raw for other in rest)}
        if rest and not any(fnmatch.fnmatchcase(raw, pattern) for raw in strangers):
            result.append(replace(first, several=tuple((other.raw, other.path) for other in rest), pattern=pattern))
        else:
            result += [first, *rest]
    return result


def _same_series(one: Given, other: Given) -> bool:
    if one.path is None or other.path is None or one.raw == other.raw or (one.kind, one.part) != (other.kind, other.part):
        return False
    return one.part == "" and re.sub(r"\d+", "*", one.raw) == re.sub(r"\d+", "*", other.raw)


def _pattern(names: list[str]) -> str:
    """A name in which the figures that differ are a star."""
    pieces = [re.split(r"(\d+)", name) for name in names]
    return "".join(column[0] if len(set(column)) == 1 else "*" for column in zip(*pieces, strict=True))


def copy(found: Found, folder: Path) -> list[Path]:
    """Copy the files below `raw/` of a project, and return what was written; a file that is there already stays.

    A copy gets its name once it is whole, and when one fails those made before it are taken away again.
    Raises NinefoldError when another file of that name is there.
    """
    made: list[Path] = []
    try:
        for name, path in found.copies.items():
            target = folder / "raw" / name
            if not _is_there(target, path):
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f"{name}.part")
                made += [part, target]
                shutil.copyfile(path, part)
                os.replace(part, target)
    except BaseException:
        for each in made:
            each.unlink(missing_ok=True)
        raise
    return [each for each in made if each.suffix != ".part"]


def _is_there(target: Path, path: Path) -> bool:
    if not target.exists():
        return False
    if target.resolve() == path.resolve() or filecmp.cmp(target, path, shallow=False):
        return True
    raise NinefoldError(f"{target} is there already and differs from {path}. Move it away, or give your file another name.")
