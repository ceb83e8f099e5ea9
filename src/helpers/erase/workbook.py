"""Rows taken out of a spreadsheet: the cells of the person's rows become empty in the file's own XML, all else stays as it was.

The rows stay as empty ones, so that formulas, formats and other sheets still mean the same cells; empty rows are not read.
"""

import contextlib
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from helpers.engine.rows import as_written
from helpers.erase.rewrite import PLAIN, Drop, goes, whole

ROW = re.compile(rb"<((?:\w+:)?)row\b([^>]*?)(?:/>|>(.*?)</\1row>)", re.DOTALL)
NUMBER = re.compile(rb"\br=\"(\d+)\"")
TEXT = re.compile(rb"<(?:\w+:)?c\b[^>]*?\bt=\"s\"[^>]*?>.*?<(?:\w+:)?v>(\d+)</", re.DOTALL)
ITEM = re.compile(rb"<((?:\w+:)?)si\b[^>]*?(?:/>|>.*?</\1si>)", re.DOTALL)
STRINGS = "xl/sharedStrings.xml"
CHAIN = "xl/calcChain.xml"


def excel(path: Path, drops: Callable[[str], Drop], values: frozenset[str], *, dry: bool = False) -> int:
    """Rows of every sheet.

    drops    from the name of a sheet
    values   all that is looked for in any of them
    """
    found = {part: rows for part, rows in _rows(path, drops, values).items() if rows}
    gone = sum(map(len, found.values()))
    if gone and not dry:
        with whole(path) as part, zipfile.ZipFile(path) as old, zipfile.ZipFile(part, "w") as new:
            _write(old, new, found)
    return gone


def _rows(path: Path, drops: Callable[[str], Drop], values: frozenset[str]) -> dict[str, set[int]]:
    """Part of the file → numbers of the rows that go."""
    if not _may_hold(path, values):
        return {}
    result = {}
    with contextlib.closing(_sheets(path)) as book:
        for sheet in book.worksheets:
            rows, columns = set(), None
            for number, row in enumerate(_values(sheet), start=1):
                if columns is None:
                    columns = drops(sheet.title)([each or "" for each in row]) if any(each is not None for each in row) else None
                    if columns == {}:
                        break
                elif goes(row, columns):
                    rows.add(number)
            result[sheet._worksheet_path.lstrip("/")] = rows
    return result


def _may_hold(path: Path, values: frozenset[str]) -> bool:
    """Whether any of these values stands in any part of the file; asked of its XML, for reading cells costs."""
    wanted = {escape(value).lower() for value in values}
    with zipfile.ZipFile(path) as archive:
        parts = (archive.read(name).decode("utf-8", errors="replace").lower() for name in archive.namelist() if name.endswith(".xml"))
        return any(value in part for part in parts for value in wanted)


def _sheets(path: Path):
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    for sheet in book.worksheets:
        sheet.reset_dimensions()
    return book


def _values(sheet) -> Iterator[list[str | None]]:
    with contextlib.closing(sheet.iter_rows(values_only=True)) as rows:
        for row in rows:
            yield [as_written(each, PLAIN) for each in row]


def _write(old: zipfile.ZipFile, new: zipfile.ZipFile, found: dict[str, set[int]]) -> None:
    """The archive again: the sheets without the rows, the shared texts without those that only they used."""
    sheets = {part: _emptied(old.read(part), rows) for part, rows in found.items()}
    went = {int(n) for _, cells in sheets.values() for row in cells for n in TEXT.findall(row)}
    others = [name for name in old.namelist() if re.match(r"xl/worksheets/[^/]+\.xml$", name)]
    used = {int(n) for name in others for n in TEXT.findall(sheets[name][0] if name in sheets else old.read(name))}
    for info in old.infolist():
        content = sheets[info.filename][0] if info.filename in sheets else old.read(info.filename)
        if info.filename == STRINGS and went - used:
            content = _blanked(content, went - used)
        elif info.filename == CHAIN:
            content = _unchained(content, {n for rows in found.values() for n in rows})
        new.writestr(info, content, compress_type=info.compress_type)


def _emptied(sheet: bytes, rows: set[int]) -> tuple[bytes, list[bytes]]:
    """The XML of a sheet with these rows empty, and what stood in them."""
    cells, last = [], 0

    def without(match: re.Match) -> bytes:
        nonlocal last
        number = NUMBER.search(match[2])
        last = int(number[1]) if number else last + 1
        if last not in rows or match[3] is None:
            return match[0]
        cells.append(match[3])
        attributes = match[2] if number else match[2] + b' r="%d"' % last
        return b"<%brow%b/>" % (match[1], attributes.rstrip())

    return ROW.sub(without, sheet), cells


def _blanked(strings: bytes, places: set[int]) -> bytes:
    number = -1

    def blank(match: re.Match) -> bytes:
        nonlocal number
        number += 1
        return b"<%bsi><%bt></%bt></%bsi>" % ((match[1],) * 4) if number in places else match[0]

    return ITEM.sub(blank, strings)


def _unchained(chain: bytes, rows: set[int]) -> bytes:
    """The order of calculation without the rows that went: a cell named there that has no formula is a fault to spreadsheets."""
    return re.sub(rb"<c r=\"[A-Z]+(\d+)\"[^>]*/>", lambda match: b"" if int(match[1]) in rows else match[0], chain)
