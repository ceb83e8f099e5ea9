"""Where the files of a source are: one or several, in the project's folder, in a Python package, or tables of a database."""

import importlib.util
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from helpers import NinefoldError
from helpers.project import Project
from helpers.project.addresses import without_user

KINDS = {
    ".parquet": "parquet",
    **dict.fromkeys((".csv", ".tsv", ".txt"), "text"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    **dict.fromkeys((".xlsx", ".xlsm"), "excel"),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db"), "sqlite"),
    ".duckdb": "duckdb",
}
"""What is read, by the ending of the file."""
HOLDS_TABLES = ("excel", "sqlite", "duckdb")
"""Kinds of which one file holds several tables: `book.xlsx#Sheet`."""
SERVER = re.compile(r"postgres(ql)?://")
REMEDY = {".xls": " Save it as .xlsx.", ".ods": " Save it as .xlsx.", ".gz": " Unpack it.", ".zip": " Unpack it."}


@dataclass(frozen=True)
class Place:
    """One table to read.

    shown    how project.yml or a message names it
    kind     parquet, text, json, excel, sqlite, duckdb or postgres
    path     the file; None for a table of a server
    inside   sheet or table, where the file holds several; may be empty
    address  of a server, as it is opened; `shown` has no user in it
    """

    shown: str
    kind: str
    path: Path | None
    inside: str = ""
    address: str = ""


def places(file: str, project: Project) -> list[Place]:
    """The tables that the field `file` of a source names, several ones sorted by name.

    Raises NinefoldError for a file that is missing or of a kind that is not read.
    """
    if SERVER.match(file):
        address, _, table = file.partition("#")
        if not table:
            raise NinefoldError(f"{project.file}: the address {without_user(file)!r} names no table. Write #schema.table after it.")
        return [Place(without_user(file), "postgres", None, table, address)]
    bare, inside = _apart(file)
    package, colon, below = bare.partition(":")
    if colon and "/" not in package and len(package) > 1:
        return [_checked(Place(file, "", _in_package(file, package, below, project), inside), project)]
    path = project.base / bare
    if path.exists() and not path.is_dir():
        return [_checked(Place(file, "", path, inside), project)]
    found = _several(path, bare, project)
    if not found:
        what = "holds no file that can be read" if path.is_dir() else "does not exist"
        raise NinefoldError(f"{project.file}: the file {file!r} {what}. Put it there, or correct the field `file`.")
    suffix = f"#{inside}" if inside else ""
    return [_checked(Place(_shown(each, project) + suffix, "", each, inside), project) for each in found]


def inputs(files: Iterable[str], project: Project) -> dict[str, Path | None]:
    """Every file that these fields name, by the name to show; None for a table of a server."""
    found = {}
    for file in files:
        for place in places(file, project):
            found[place.shown if place.path is None else _apart(place.shown)[0]] = place.path
    return dict(sorted(found.items()))


def _apart(file: str) -> tuple[str, str]:
    """`book.xlsx#Sheet` as file and sheet, parted at the first # behind the ending of such a file: a sheet may have one in its name."""
    for mark in re.finditer("#", file):
        bare = file[: mark.start()]
        if KINDS.get(Path(bare).suffix.lower()) in HOLDS_TABLES:
            return bare, file[mark.end() :]
    return file, ""


def _in_package(file: str, package: str, below: str, project: Project) -> Path:
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # the package that should hold it is missing, or this is no name of one
        found = None
    if found is None or not found.submodule_search_locations:
        raise NinefoldError(
            f"{project.file}: the file {file!r} is in the Python package {package}, which is not installed. Run the set-up again."
        )
    path = Path(found.submodule_search_locations[0]) / below
    if not path.exists():
        raise NinefoldError(f"{project.file}: the file {file!r} does not exist. Put it there, or correct the field `file`.")
    return path


def _several(path: Path, bare: str, project: Project) -> list[Path]:
    """The files of a folder, or those that a pattern fits, sorted by name; hidden ones are nobody's data."""
    if path.is_dir():
        found = [each for each in path.iterdir() if each.suffix.lower() in KINDS]
    elif re.search(r"[*?\[]", bare):
        root = Path(path.anchor) if Path(bare).is_absolute() else project.base
        found = list(root.glob(str(path.relative_to(root))))
    else:
        found = []
    # A spreadsheet that is open leaves ~$book.xlsx beside it.
    return sorted(each for each in found if each.is_file() and not each.name.startswith((".", "~$")))


def _shown(path: Path, project: Project) -> str:
    return path.relative_to(project.base).as_posix() if path.is_relative_to(project.base) else path.as_posix()


def _checked(place: Place, project: Project) -> Place:
    ending = place.path.suffix.lower()
    if ending not in KINDS:
        raise NinefoldError(
            f"{project.file}: the file {place.shown!r} is of a kind that is not read here ({ending or 'no ending'})."
            f"{REMEDY.get(ending, '')} Read are {', '.join(KINDS)}, and tables of PostgreSQL."
        )
    return Place(place.shown, KINDS[ending], place.path, place.inside)
