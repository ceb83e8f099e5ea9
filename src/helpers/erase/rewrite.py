"""A file written anew without some rows: whole or not at all. What every kind of file has in common.

`drop` says which rows go: it is given the names of the columns and answers the columns to look at with the values that are the person's;
{} for a table that has no such column.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from helpers.project.sources import Format

PLAIN = Format()
"""How values with a type are written to be compared."""
Drop = Callable[[Sequence[str]], Mapping[int, frozenset[str]]]
ANY = -1
"""In place of a column's number: a row goes when any of its cells is one of the values."""


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside a file whose content takes the file's place at the end; on a fault the file stays as it was."""
    part = path.with_name(f".erase-{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        yield part
        shutil.copymode(path, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def cell(value) -> str:
    """A cell as it is compared: without blanks around it, and without the ="…" by which spreadsheets keep a number as text."""
    text = "" if value is None else str(value).strip()
    return text[2:-1].strip() if text.startswith('="') and text.endswith('"') else text


def goes(row: Sequence, columns: Mapping[int, frozenset[str]]) -> bool:
    """Whether a row is the person's."""
    for place, values in columns.items():
        if place == ANY:
            if any(cell(each) in values or cell(each).lower() in values for each in row):
                return True
        elif place < len(row) and cell(row[place]) in values:
            return True
    return False
