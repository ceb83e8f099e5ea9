"""How one text file is written: encoding, separator, header; and what a reader would trip over."""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from helpers import NinefoldError

SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT = 256 * 1024
"""Bytes from which separator and header are told; the encoding is checked on the whole file."""
LINES = 200
"""Records of them at most."""


@dataclass(frozen=True)
class Text:
    """What a text file is like.

    encoding   as project.yml names it
    header     the first record; names may be empty or stand twice
    notes      what an analyst should know, one sentence each
    doubt      why the encoding or the separator is doubtful, "" if it is not
    """

    encoding: str
    separator: str | None
    header: tuple[str, ...]
    notes: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def named(self) -> int:
        """Columns up to the last that has a name."""
        return max((i + 1 for i, name in enumerate(self.header) if name.strip()), default=0)


def look(path: Path) -> Text:
    """How a text file is written.

    Raises NinefoldError when it holds nothing but blanks, or no header: the message says what to do.
    """
    encoding, notes, doubt = find_encoding(path)
    head = _head(path, encoding)
    if not head.strip():
        raise NinefoldError("it holds nothing but blanks: export it again")
    separator, records = find_separator(head)
    header = records[0]
    if problem := no_header(header, records[1:]):
        raise NinefoldError(problem)
    return Text(encoding, separator, tuple(name.strip() for name in header), (*notes, *_about_header(header)), doubt)


def find_encoding(path: Path) -> tuple[str, list[str], str]:
    """The encoding of the whole file, notes, and a doubt."""
    with path.open("rb") as file:
        start = file.read(4096)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", [], ""
        if start[1::2].count(0) > len(start) / 4 or start[::2].count(0) > len(start) / 4:
            return "utf-16", ["UTF-16 without the mark that says so"], "no mark of byte order; read as UTF-16"
        notes = ["begins with a byte order mark, which is skipped"] if start.startswith(codecs.BOM_UTF8) else []
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
            return "utf-8", notes, ""
        except UnicodeDecodeError:
            file.seek(0)
            return _single_byte(file, notes)


def _single_byte(file, notes: list[str]) -> tuple[str, list[str], str]:
    """Windows or Latin-1, and whether some lines are UTF-8 all the same."""
    undefined = mixed = False
    while chunk := file.read(1 << 20):
        undefined = undefined or any(chunk.count(bytes([byte])) for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
        mixed = mixed or bool(re.search(rb"[\xc3\xe2][\x80-\xbf]", chunk))
    encoding = "latin-1" if undefined else "cp1252"
    if mixed:
        return (
            encoding,
            [*notes, "some lines are UTF-8 and others are not: accents of one kind will look wrong"],
            "two encodings in one file",
        )
    return encoding, [*notes, "not UTF-8: read as Windows western (cp1252)" if encoding == "cp1252" else "not UTF-8: read as Latin-1"], ""


def _head(path: Path, encoding: str) -> str:
    """The first lines as text, whole lines only where the file is longer."""
    with path.open("rb") as file:
        raw = file.read(LOOKED_AT)
        cut = bool(file.read(1))
    if encoding == "utf-16" and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16-le" if raw[1::2].count(0) >= raw[::2].count(0) else "utf-16-be"
    text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace" if not cut else "ignore")
    return text[: text.rfind("\n") + 1] if cut and "\n" in text else text


def find_separator(text: str) -> tuple[str | None, list[list[str]]]:
    """The mark between fields, and the first records read with it: the mark with which most records have as many fields as the header."""
    best: tuple[float, int] = (0.0, 0)
    found: tuple[str | None, list[list[str]]] = None, _records(text, ",")
    for mark in SEPARATORS:
        records = _records(text, mark)
        if not records or len(records[0]) < 2:
            continue
        counts = Counter(len(record) for record in records)
        score = (counts[len(records[0])] / len(records), len(records[0]))
        if score > best:
            best, found = score, (mark, records)
    return found


def _records(text: str, mark: str) -> list[list[str]]:
    reader, result = csv.reader(io.StringIO(text, newline=""), delimiter=mark), []
    try:
        for record in reader:
            if record and any(field.strip() for field in record):
                result.append(record)
            if len(result) >= LINES:
                break
    except csv.Error:
        pass
    return result


def no_header(header: list[str], rows: list[list[str]]) -> str:
    """Why the first record is no header, "" when it is one."""
    filled = [name for name in header if name.strip()]
    values = [name for name in filled if re.fullmatch(r"\W*\d[\d\s.,:/T+-]*\W*", name.strip())]
    if filled and len(values) >= max(1, len(filled) / 2):
        return f"its first line holds values ({', '.join(values[:3])}), no names of columns: put a line of names above it"
    usual = Counter(map(len, rows)).most_common(1)[0][0] if rows else len(header)
    twice = [name for name, count in Counter(n.strip().casefold() for n in filled).items() if count > 1]
    if twice:
        return f"two columns are called {twice[0]}: nobody could say which one is meant; rename one of the two"
    if len(filled) == 1 and usual > 1:
        return f"its first line ({header[0].strip()!r}) is a title, no names of columns: delete what stands above the names"
    return ""


def _about_header(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    nameless = [position + 1 for position, name in enumerate(names) if not name]
    notes = []
    if nameless:
        some = ", ".join(map(str, nameless[:6])) + ("…" if len(nameless) > 6 else "")
        notes.append(f"column {some} has no name" if len(nameless) == 1 else f"columns {some} have no name")
    return notes
