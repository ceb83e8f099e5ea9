"""All tables of a run in one spreadsheet: numbers as numbers, text never a formula, same run same bytes."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from helpers import words
from helpers.render.chapters import Chapter
from helpers.words import say

NAVY, GREY, INK = "12436D", "5B5B5B", "1A1A1A"
HEADER_ROW = 5
"""Row of the column headings on every sheet of a table; caption, note and the way back stand above."""

NAME_LENGTH = 31
"""Longest name of a sheet that Excel opens."""


def write_spreadsheet(chapters: Sequence[Chapter], destination: Path, *, run: str, project, as_of: date) -> int:
    """One sheet a table in page order, after a sheet that lists them. Returns the number of tables; none, no file.

    Shares are formatted as %, money with the project's currency, dates as dates; figures that the page hides are empty.
    """
    import openpyxl

    book = openpyxl.Workbook()
    cover, listed = book.active, []
    cover.title = say("Contents")
    for chapter in chapters:
        for number, _, table in chapter.tables:
            label = f"{chapter.number}.{number}"
            sheet = book.create_sheet(sheet_name(label, table["caption"], book.sheetnames))
            _fill_sheet(sheet, label, table, cover.title)
            listed.append((label, table["caption"], f"{chapter.number} · {chapter.word}", sheet.title))
    if listed:
        _fill_cover(cover, listed, run, project=project, as_of=as_of)
        book.properties.creator, book.properties.title = "Ninefold", words.text(project.title)
        _save(book, destination, as_of)
    return len(listed)


def sheet_name(label: str, caption: str, taken: Sequence[str]) -> str:
    """Number and caption: at most 31 characters, none that Excel forbids, cut at a word, no two alike."""
    plain = " ".join(re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", f"{label} {caption}").split()).strip("'")
    name = plain[:NAME_LENGTH]
    if len(plain) > NAME_LENGTH and plain[NAME_LENGTH] != " " and " " in name[8:]:
        name = name.rsplit(" ", 1)[0]
    name, tries = name.strip(" '"), 1
    while name.casefold() in {other.casefold() for other in taken}:
        tries += 1
        name = f"{plain[: NAME_LENGTH - 5].strip()} ({tries})"
    return name


def _fill_cover(sheet, listed: Sequence[tuple[str, str, str, str]], run: str, *, project, as_of) -> None:
    top = HEADER_ROW + 1
    _write(sheet.cell(1, 1), words.text(project.title), bold=True, size=16, color=NAVY)
    made = say("As of {day}", day=words.day(as_of)), say("run {run}", run=run)
    _write(sheet.cell(2, 1), " · ".join(made), color=GREY)
    _write(sheet.cell(3, 1), words.text(project.notice), color=GREY)
    for column, text in enumerate((say("Table"), say("Caption"), say("Step"), say("Sheet")), start=1):
        _write(sheet.cell(top, column), text, bold=True, ruled=True)
    for row, entry in enumerate(listed, start=top + 1):
        for column, text in enumerate(entry, start=1):
            _write(sheet.cell(row, column), text, wrap=column == 2)
        _link(sheet.cell(row, 4), entry[3])
    for letter, width in (("A", 9), ("B", 70), ("C", 24), ("D", 36)):
        sheet.column_dimensions[letter].width = width
    sheet.sheet_view.showGridLines = False
    sheet.freeze_panes = f"A{top + 1}"


def _fill_sheet(sheet, label: str, table: dict, cover: str) -> None:
    numbered = say("Table {number}", number=label)
    _write(sheet.cell(1, 1), f"{numbered} · {table['caption']}", bold=True, size=13, color=NAVY)
    _write(sheet.cell(2, 1), table["note"], color=GREY)
    _write(sheet.cell(3, 1), cover)
    _link(sheet.cell(3, 1), cover)
    for place, column in enumerate(table["columns"], start=1):
        _fill_column(sheet, place, column, [row[place - 1] for row in table["rows"]])
    last = sheet.cell(HEADER_ROW + len(table["rows"]), len(table["columns"])).coordinate
    sheet.freeze_panes = f"A{HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{last}"
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight = True, 0


def _fill_column(sheet, place: int, column: dict, raw: Sequence) -> None:
    heading, values = _heading(column), [_value(value, column["kind"]) for value in raw]
    is_text = column["kind"] in ("text", "date")
    _write(sheet.cell(HEADER_ROW, place), heading, bold=True, ruled=True, wrap=True, right=not is_text)
    kinds = column.get("kinds") or [(column["kind"], column["digits"])] * len(values)
    for row, (value, (kind, digits)) in enumerate(zip(values, kinds, strict=True), start=HEADER_ROW + 1):
        cell = sheet.cell(row, place)
        _write(cell, value, wrap=isinstance(value, str))
        if isinstance(value, int | float | date):
            cell.number_format = _number_format({"kind": kind, "digits": digits})
    letter = sheet.cell(HEADER_ROW, place).column_letter
    sheet.column_dimensions[letter].width = _width(heading, values, column)


def _write(cell, value, *, bold=False, size=11, color=INK, ruled=False, wrap=False, right=False) -> None:
    """Put a value in a cell; a text stays a text, also when it begins like a formula."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Alignment, Border, Font, Side

    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in ("=", "+", "-", "@")  # so that it is a text still after somebody has edited it
    else:
        cell.value = value
    cell.font = Font(name="Calibri", bold=bold, size=size, color=color)
    if ruled:
        cell.border = Border(bottom=Side(style="thin", color=NAVY))
    if wrap or right or ruled:
        cell.alignment = Alignment(wrap_text=wrap, vertical="bottom" if ruled else "top", horizontal="right" if right else None)


def _link(cell, name: str) -> None:
    """Make a cell lead to the sheet of that name."""
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    quoted = name.replace("'", "''")
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!A1", display=str(cell.value))
    cell.font = Font(name="Calibri", size=11, color=NAVY, underline="single")


def _heading(column: dict) -> str:
    return f"{column['label']} ({column['unit']})" if column["unit"] else column["label"]


def _value(value, kind: str):
    """A raw value as the spreadsheet wants it; what is not a finite number is empty."""
    if kind == "date" and isinstance(value, str):
        moment = datetime.fromisoformat(value).replace(tzinfo=None)
        return moment.date() if moment.time() == datetime.min.time() else moment
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    return value


def _number_format(column: dict) -> str:
    kind, digits = column["kind"], column["digits"]
    decimals = "." + "0" * digits if digits > 0 else ""
    if kind == "share":
        return f"0{decimals}%"
    if kind == "change":
        return f"+0{decimals}%;-0{decimals}%;0{decimals}%"
    if kind == "money" and words.language() == "en":
        return f'"{words.currency_sign()}"#,##0{decimals};-"{words.currency_sign()}"#,##0{decimals}'
    if kind == "money":
        return f'#,##0{decimals} "{words.currency_sign()}"'
    if kind == "date":
        return "yyyy-mm-dd" if words.language() == "en" else "dd/mm/yyyy"
    return f"#,##0{decimals}"


def _width(heading: str, values: Sequence, column: dict) -> float:
    """Wide enough for the longest value and the longest word of the heading; long texts wrap."""
    longest = max((_length(value, column["digits"]) for value in values), default=0)
    longest_word = max((len(word) for word in heading.split()), default=0)
    return float(min(60, max(10, longest + 3, longest_word + 3, len(heading) / 2 + 2)))


def _length(value, digits: int) -> int:
    if isinstance(value, int | float):
        return len(f"{value:,.{digits}f}")
    return len(value) if isinstance(value, str) else 10


def _save(book, destination: Path, as_of: date) -> None:
    """Save without a clock: openpyxl stamps the time of saving into the properties and every member of the zip."""
    moment = datetime(as_of.year, as_of.month, as_of.day)
    book.properties.created = moment
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    written = io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
