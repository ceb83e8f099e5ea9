"""Rows taken out of text files: separated values in any encoding, JSON lines and lists, lists of one value a line."""

import codecs
import contextlib
import csv
import json
import mmap
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from helpers.engine.reading import _separator
from helpers.engine.rows import as_written
from helpers.erase.rewrite import ANY, PLAIN, Drop, goes, whole
from helpers.project.sources import Format

MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
LONGEST = 1 << 30
SHORTEST_PHONE = 8
BETWEEN = re.compile(r"[\s,]*")


def encoding_of(path: Path, form: Format | None) -> str:
    """How a text file is written; where nobody said it, by its first bytes, else UTF-8 if it is, else cp1252."""
    with path.open("rb") as file:
        start = file.read(4)
        for mark, name in MARKS.items():
            if start.startswith(mark):
                return name  # the mark stays as the first letter
        if form is not None:
            return form.encoding if form.encoding != "utf-16" else "utf-16-le"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            while block := file.read(1 << 20):
                decoder.decode(block)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def records(text: Iterator[str], separator: str) -> Iterator[tuple[str, list[str]]]:
    """Each record of separated values as it is written, line ends and all, with its fields."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            taken.append(line)
            yield line

    csv.field_size_limit(LONGEST)
    for fields in csv.reader(lines(), delimiter=separator):
        yield "".join(taken), fields
        taken.clear()


def may_hold(path: Path, columns: Mapping[int, frozenset[str]], encoding: str) -> bool:
    """Whether a file may hold any of these values; True where that cannot be told from its bytes."""
    values = frozenset().union(*columns.values())
    if ANY in columns or encoding.startswith("utf-16") or not all(value.isascii() for value in values):
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return any(held.find(value.encode()) >= 0 for value in values)


def _at_once(path: Path, drop: Drop, form: Format | None, dry: bool) -> int | None:
    """`separated` where no field is quoted, so that lines are records: only lines with the value are read. None: not such a file."""
    encoding = encoding_of(path, form)
    data = path.read_bytes() if path.stat().st_size <= LONGEST and not encoding.startswith("utf-16") else b'"'
    if b'"' in data or data.count(b"\r") != data.count(b"\r\n") or not data.strip():
        return None
    start = len(data) - len(data.lstrip(b"\r\n"))
    end = data.find(b"\n", start) + 1 or len(data)
    header = data[start:end].decode(encoding, errors="surrogateescape").strip("\r\n\ufeff")
    separator = (form and form.separator) or _separator(header)
    columns = drop([name.strip() for name in header.split(separator)])
    values = frozenset().union(*columns.values())
    if ANY in columns or not all(value.isascii() and value for value in values):
        return None if columns else 0
    cut = set()
    for value in values:
        at = data.find(value.encode(), end)
        while at >= 0:
            line = (data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at) + 1 or len(data))
            if goes(data[slice(*line)].decode(encoding, errors="surrogateescape").rstrip("\r\n").split(separator), columns):
                cut.add(line)
            at = data.find(value.encode(), line[1])
    if cut and not dry:
        edges = [0, *(edge for line in sorted(cut) for edge in line), len(data)]
        with whole(path) as part:
            part.write_bytes(b"".join(data[edges[n] : edges[n + 1]] for n in range(0, len(edges), 2)))
    return len(cut)


def separated(path: Path, drop: Drop, *, form: Format | None = None, dry: bool = False) -> int:
    """Rows of a text file with separators."""
    quick = _at_once(path, drop, form, dry)
    if quick is not None:
        return quick
    encoding = encoding_of(path, form)
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as text:
        top, line = "", text.readline()
        while line and not line.strip("\r\n\ufeff"):
            top, line = top + line, text.readline()
        if not line:
            return 0
        separator = (form and form.separator) or _separator(line)

        def rest() -> Iterator[str]:
            yield line
            yield from text

        found = records(rest(), separator)
        header, names = next(found)
        columns = drop([name.strip().strip("\ufeff") for name in names])
        if not columns or not may_hold(path, columns, encoding):
            return 0
        if dry:
            return sum(goes(fields, columns) for _, fields in found)
        with contextlib.ExitStack() as closed:
            part = closed.enter_context(whole(path))
            closed.enter_context(text)  # Windows replaces no file that is open
            target = closed.enter_context(part.open("w", encoding=encoding, errors="surrogateescape", newline=""))
            target.write(top + header)
            return _without(target, found, columns)


def _without(target: TextIO, found: Iterator[tuple[str, list[str]]], columns: Mapping[int, frozenset[str]]) -> int:
    gone = 0
    for written, fields in found:
        if goes(fields, columns):
            gone += 1
        else:
            target.write(written)
    return gone


def listed(path: Path, values: frozenset[str], *, dry: bool = False) -> int:
    """Lines of a text file that hold one value each, such as those who are never contacted."""
    encoding = encoding_of(path, None)
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as text:
        lines = list(text)
    kept = [line for line in lines if not _is_one(line, values)]
    if len(kept) < len(lines) and not dry:
        with whole(path) as part:
            part.write_bytes("".join(kept).encode(encoding, errors="surrogateescape"))
    return len(lines) - len(kept)


def _is_one(line: str, values: frozenset[str]) -> bool:
    plain = line.strip().strip("\ufeff").strip('"').strip()
    if not plain or plain in values or plain.lower() in values:
        return bool(plain)
    digits = "".join(filter(str.isdigit, plain))  # of a telephone only: an address has figures too, and they are somebody else's id
    return len(digits) >= SHORTEST_PHONE and not any(map(str.isalpha, plain)) and digits in values


def json_rows(path: Path, drop: Drop, *, dry: bool = False) -> int:
    """Objects of a file of JSON lines, or of one list of objects."""
    text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    if text.lstrip("\ufeff \r\n\t").startswith("["):
        kept, gone = _list_without(text, drop)
    else:  # other signs that Python counts as ends of lines may stand inside a JSON text
        lines = text.split("\n")
        flags = [_object_goes(line, drop) for line in lines]
        kept, gone = "\n".join(line for line, flag in zip(lines, flags, strict=True) if not flag), sum(flags)
    if gone and not dry:
        with whole(path) as part:
            part.write_bytes(kept.encode("utf-8", errors="surrogateescape"))
    return gone


def _object_goes(text: str, drop: Drop) -> bool:
    try:
        found = json.loads(text.strip().strip("\ufeff") or "null")
    except ValueError:
        return False
    if not isinstance(found, dict):
        return False
    return goes([None if isinstance(each, dict | list) else as_written(each, PLAIN) for each in found.values()], drop(list(found)))


def _list_without(text: str, drop: Drop) -> tuple[str, int]:
    """A JSON list without the person's objects; all between the others as it stands."""
    decoder, place, spans = json.JSONDecoder(), text.index("[") + 1, []
    while text[start := BETWEEN.match(text, place).end()] != "]":
        _, place = decoder.raw_decode(text, start)
        spans.append((start, place))
    kept = [n for n, (start, end) in enumerate(spans) if not _object_goes(text[start:end], drop)]
    if not spans or len(kept) == len(spans):
        return text, 0
    pieces = [text[: spans[0][0]]]
    for n in kept:
        follows = text[spans[n][1] : spans[n + 1][0]] if n != kept[-1] else ""
        pieces.append(text[slice(*spans[n])] + follows)
    return "".join(pieces) + text[spans[-1][1] :], len(spans) - len(kept)
