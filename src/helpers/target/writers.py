"""One file of a list each: CSV for programs and for French Excel, spreadsheet, Parquet, a tool's upload; and what no cell may do."""

import csv
import io
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from helpers.target.uploads import ADDRESSES, Upload
from helpers.words import say

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins with one of these is worked out by spreadsheets."""
AS_TEXT = ("customer_id", "phone", "mobile", "postcode")
"""Columns of figures that are no numbers: their leading zeros count."""
HARMLESS = re.compile(r"[\w :().+-]+", re.ASCII)
"""What a text of AS_TEXT may hold so that the CSV for Excel writes it as ="…", which keeps every figure of it."""
KINDS = {"confidence": pa.float64(), "new": pa.bool_()}
"""Columns of a list that are no texts."""


def neutral(value: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe before one that begins like one."""
    return f"'{value}" if value.startswith(RISKY) else value


def plain_cell(value) -> str:
    """As CSV writes it for programs: a point as decimal mark, true and false, nothing for a missing value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else neutral(str(value))


def excel_cell(value, column: str) -> str:
    """As French Excel reads it: a decimal comma, oui and non in the language in use, ="…" around figures that are no numbers."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, float):
        return f"{value:.6g}".replace(".", ",")
    return f'="{value}"' if column in AS_TEXT and HARMLESS.fullmatch(str(value)) else neutral(str(value))


class CsvFile:
    """A CSV file; how each cell is written is a function of value and column."""

    def __init__(self, path: Path, columns, head, *, separator=",", cell=None, encoding="utf-8"):
        self.columns, self.cell = columns, cell or (lambda value, column: plain_cell(value))
        self.file = path.open("w", encoding=encoding, newline="")
        self.out = csv.writer(self.file, delimiter=separator, lineterminator="\r\n")
        self.out.writerow(head)

    def write(self, rows: list[dict]) -> None:
        self.out.writerows([self.cell(row.get(c), c) for c in self.columns] for row in rows)

    def close(self) -> None:
        self.file.close()


class UploadFile(CsvFile):
    """A tool's file: rows without the address that it needs are left out, and counted."""

    def __init__(self, path: Path, upload: Upload, need: str, country: str):
        super().__init__(path, upload.columns, upload.columns, separator=upload.separator)
        self.upload, self.address, self.rows = upload, f"{ADDRESSES[need]}_plain", 0
        self.known = {"country": country, "need": need}

    def write(self, rows: list[dict]) -> None:
        good = [self.upload.row(row | self.known) for row in rows if row.get(self.address)]
        self.out.writerows([neutral(value) for value in values] for values in good)
        self.rows += len(good)


class ParquetFile:
    def __init__(self, path: Path, columns):
        self.schema = pa.schema([(c, KINDS.get(c, pa.string())) for c in columns])
        self.file = pq.ParquetWriter(path, self.schema, compression="zstd")

    def write(self, rows: list[dict]) -> None:
        self.file.write_table(pa.Table.from_pylist([{c: row.get(c) for c in self.schema.names} for row in rows], self.schema))

    def close(self) -> None:
        self.file.close()


class XlsxFile:
    """A spreadsheet of one sheet: texts are texts whatever they begin with, numbers numbers."""

    def __init__(self, path: Path, columns, head, as_of):
        import openpyxl
        from openpyxl.styles import Font

        self.path, self.columns, self.as_of = path, columns, as_of
        self.book = openpyxl.Workbook(write_only=True)
        self.sheet = self.book.create_sheet("list")
        self.sheet.freeze_panes = "A2"
        for place, title in enumerate(head):
            self.sheet.column_dimensions[openpyxl.utils.get_column_letter(place + 1)].width = max(12, min(40, len(title) + 4))
        titles = [self._cell(title) for title in head]
        for cell in titles:
            cell.font = Font(bold=True)
        self.sheet.append(titles)

    def _cell(self, value):
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        if not isinstance(value, str):
            return value
        if not value:
            return None
        cell = WriteOnlyCell(self.sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        cell.data_type, cell.number_format = "s", "@"
        cell.quotePrefix = value.startswith(RISKY)
        return cell

    def write(self, rows: list[dict]) -> None:
        for row in rows:
            values = [row.get(c) for c in self.columns]
            self.sheet.append([self._cell((say("yes") if v else say("no")) if isinstance(v, bool) else v) for v in values])

    def close(self) -> None:
        written = io.BytesIO()
        self.book.save(written)
        with zipfile.ZipFile(written) as made, zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as kept:
            for name in made.namelist():
                content = made.read(name)
                if name == "docProps/core.xml":  # the library writes the time of saving: the same list is to give the same bytes
                    content = re.sub(rb"(<dcterms:\w+[^>]*>)[^<]*", rb"\g<1>" + f"{self.as_of:%Y-%m-%dT%H:%M:%SZ}".encode(), content)
                kept.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
