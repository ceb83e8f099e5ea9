"""A person's rows taken out of every file below data/<project>; what runs say of their own files is brought up to date."""

import contextlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from helpers import home, run
from helpers.adopt.customer import file_name
from helpers.engine.places import KINDS
from helpers.erase import tabular, texts, workbook
from helpers.erase.find import Person, identity_of, patterns, standing
from helpers.erase.rewrite import whole
from helpers.erase.rules import OWN, PAIRS, PRIVATE, Mapped, Rules, by_table, cells, on_list, unnamed
from helpers.project import Project
from helpers.run.files import digest, named

KEPT = ("erasures", "erased.json", ".lock", "project.yml")
"""What is never edited at the top of a project's folder: certificates, the salted list, the lock, and what people typed."""
GONE = "erased"
WORDS = (".json", ".jsonl", ".ipynb", ".html", ".htm", ".svg", ".txt", ".md", ".yml", ".yaml", ".log", ".sql", ".csv", ".tsv", ".css")
LISTED = ("step.json", "manifest.json", "run.json", "retired.json", "log.json", "approved.json")


@dataclass(frozen=True)
class Change:
    """What was done to a file.

    file   from the folder that holds data/, without the person's id
    what   rows, words (replaced in a text), deleted
    n      how many
    """

    file: str
    what: str
    n: int


def groups(plan: Project, person: Person) -> dict[str, list[str]]:
    """Run or draft → the customers as which the person's records stood there, when that run joined them otherwise."""
    found = {}
    for place in sorted(place for each in ("runs/*/*", "draft/*", "each/*/*/runs/*/*") for place in plan.folder.glob(each)):
        ids = {customer for _, customer in identity_of(place, person.raw_ids, whole=False)} - person.ids
        if ids:
            found[place.relative_to(plan.folder).as_posix()] = sorted(ids)
    return found


def files(plan: Project, *, reports: bool = True) -> Iterator[Path]:
    """Every file that is kept of a project, sorted; links are not followed, for what they lead to is there too."""
    for root in (plan.folder, *([home() / "reports" / plan.name] if reports else [])):
        for folder, folders, names in os.walk(root):
            place = Path(folder)
            folders[:] = sorted(each for each in folders if not (place / each).is_symlink() and not (place == root and each in KEPT))
            for name in sorted(names):
                if not (place / name).is_symlink() and not (place == root == plan.folder and name in KEPT):
                    yield place / name


class Remover:
    """Takes one person out of the files of one project.

    joined   result of `groups`
    dry      only count what would go
    """

    def __init__(self, plan: Project, person: Person, found: Rules, joined: dict[str, list[str]], *, dry: bool = False):
        self.plan, self.person, self.rules, self.joined, self.dry = plan, person, found, joined, dry
        self.cells, self.on_list = cells(person), on_list(person)
        self.patterns = [one for each in patterns(person).values() for one in each]
        self.cards = {file_name(each) for each in person.ids}
        self.faults: list[tuple[str, str]] = []

    def all(self) -> list[Change]:
        """Every file below data/<project> and reports/<project>; a file that cannot be read is named in `faults`."""
        return [change for path in files(self.plan) for change in self.one(path)]

    def one(self, path: Path) -> list[Change]:
        """What was done to one file, or would be."""
        shown = self.shown(path)
        try:
            if path.parent.name == "cards" and path.name in self.cards:
                if not self.dry:
                    path.unlink()
                return [Change(shown, "deleted", 1)]
            # A disk that is full ends the erasure, to be taken up again; a file that cannot be read is named at the end.
            with contextlib.nullcontext() if self.dry else run.saving(path):
                rows = self._rows(path)
                words = 0 if self.dry or not self._ours(path) else self._words(path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, pa.ArrowException, *tabular.FAULTS) as error:
            self.faults.append((shown, self.blank(str(error).splitlines()[0])))
            return []
        found = [Change(shown, "rows", rows), Change(shown, "words", words)]
        return [each for each in found if each.n]

    def shown(self, path: Path) -> str:
        """A path from the folder that holds data/ and reports/, without any id that is part of it."""
        text = named(path)
        if path.name in self.cards:
            text = f"{named(path.parent)}/{GONE}.html"
        return self.blank(text)

    def blank(self, text: str) -> str:
        """A text without what identifies the person."""
        return replaced(text, self.patterns)[0]

    def _zone(self, path: Path) -> str:
        for root in (self.plan.folder, home() / "reports" / self.plan.name):
            if path.is_relative_to(root):
                part = path.relative_to(root).parts[0]
                return "reports" if root != self.plan.folder else part if part in PRIVATE or part.startswith(".") else "own"
        return "own"

    def _ours(self, path: Path) -> bool:
        """Whether Ninefold wrote the file: in people's own, no word is replaced."""
        return self._zone(path) != "own" or path.name == "approved.json"

    def _rows(self, path: Path) -> int:
        kind, zone, ending = KINDS.get(path.suffix.lower(), ""), self._zone(path), path.suffix.lower()
        if zone == "own" and self._suppressed(path):
            return texts.listed(path, self.cells, dry=self.dry)
        if (
            not kind
            or path.resolve() in self.rules.others
            or zone in ("reports", "cards")
            or (zone != "own" and ending in (".json", ".jsonl", ".txt"))
        ):
            return 0
        mapped = self.rules.files.get(path.resolve(), []) if zone == "own" else []
        if zone == "lists" and kind != "parquet":
            drops: Callable = lambda table: self.on_list  # noqa: E731
        else:
            drops = by_table(mapped or self._heads(path, zone))
        form = mapped[0].form if mapped else None
        match kind:
            case "text":
                return texts.separated(path, drops(""), form=form, dry=self.dry)
            case "json":
                return texts.json_rows(path, drops(""), dry=self.dry)
            case "parquet":
                return tabular.parquet(path, drops(""), dry=self.dry, rename=self._renamed(path))
            case "excel":
                return workbook.excel(path, drops, self.cells | self.person.plain_ids(), dry=self.dry)
            case "sqlite":
                return tabular.sqlite(path, drops, dry=self.dry)
        return tabular.duckdb_file(path, drops, dry=self.dry)

    def _heads(self, path: Path, zone: str) -> list[Mapped]:
        """The id columns of a file that project.yml does not name."""
        if zone == "own":
            return [Mapped("", name, values) for name, values in unnamed(self.rules, self.person.ids).items()]
        place = path.relative_to(self.plan.folder).as_posix()
        more = {one for base, ids in self.joined.items() if place.startswith(base + "/") for one in ids}
        known = {name: self.person.ids | more for name in (*OWN, *PAIRS)}
        if zone == "truth":  # what fait_maison was drawn from
            known["record"] = self.person.plain_ids()
        return [Mapped("", name, frozenset(ids)) for name, ids in known.items()]

    def _suppressed(self, path: Path) -> bool:
        name = self.plan.target.suppressed
        return bool(name) and path.resolve() == (self.plan.folder / name).resolve()

    def _renamed(self, path: Path) -> Callable[[pa.Table], pa.Table] | None:
        """Households are called after one of their customers: that of the person takes the next one's id."""
        if "household_id" not in pq.read_schema(path).names or "customer_id" not in pq.read_schema(path).names:
            return None
        known, gone = pq.read_table(path, columns=["customer_id", "household_id"]).to_pydict(), self.person.ids
        left: dict[str, str] = {}
        for customer, household in zip(known["customer_id"], known["household_id"], strict=True):
            if household in gone and customer not in gone:
                left[household] = min(customer, left.get(household, customer))
        if not left:
            return None
        return lambda rows: rows.set_column(
            rows.column_names.index("household_id"),
            "household_id",
            pa.array([left.get(each, each) for each in rows["household_id"].to_pylist()], rows["household_id"].type),
        )

    def _words(self, path: Path) -> int:
        """Words replaced in a text that Ninefold wrote: executed notebooks, pages, documents, logs, copies of project.yml."""
        if path.suffix.lower() in (".xlsx", ".xlsm") and self._zone(path) == "reports":
            return self._words_of_book(path)
        if path.suffix.lower() not in WORDS:
            return 0
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
        text, n = replaced(text, self.patterns)
        if n:
            with whole(path) as part:
                part.write_bytes(text.encode("utf-8", errors="surrogateescape"))
        return n

    def _words_of_book(self, path: Path) -> int:
        with zipfile.ZipFile(path) as old:
            found = [(info, *replaced(old.read(info).decode("utf-8", "surrogateescape"), self.patterns)) for info in old.infolist()]
        n = sum(count for _, _, count in found)
        if n:
            with whole(path) as part, zipfile.ZipFile(part, "w") as new:
                for info, text, _ in found:
                    new.writestr(info, text.encode("utf-8", "surrogateescape"), compress_type=info.compress_type)
        return n


def replaced(text: str, known: list[tuple[str, re.Pattern]]) -> tuple[str, int]:
    """A text without the words, and how many there were."""
    low, total = text.lower(), 0
    for hint, pattern in known:
        if hint in low and standing(low, hint, pattern):
            text, n = pattern.subn(GONE, text)
            total += n
    return text, total


# What runs say of their own files


def differing(plan: Project) -> dict[str, list]:
    """SHA-256 as recorded → the SHA-256 and rows that the file has now, of everything that runs, drafts and lists handed over."""
    found = {}
    for path, record in _records(plan, ("step.json", "manifest.json")):
        for given in [*record.get("gives", []), *record.get("files", [])] if isinstance(record, dict) else []:
            place = path.parent / str(given.get("file")) if isinstance(given, dict) else path.parent
            if place.is_file() and given.get("sha256") and (now := digest(place)) != given["sha256"]:
                rows = pq.read_metadata(place).num_rows if place.suffix == ".parquet" else given.get("rows")
                found[given["sha256"]] = [now, rows]
    return found


def _records(plan: Project, called: tuple[str, ...]) -> Iterator[tuple[Path, object]]:
    """Records that Ninefold wrote; what people keep under such a name is theirs, and a half-written one speaks of nothing."""
    for path in files(plan, reports=False):
        if path.name in called and (path.name == "approved.json" or path.relative_to(plan.folder).parts[0] in PRIVATE):
            with contextlib.suppress(ValueError):
                yield path, json.loads(path.read_text(encoding="utf-8"))


def recorded(plan: Project, changed: dict[str, list]) -> int:
    """Write the new SHA-256 and rows wherever a record has the old ones; the number of records written."""
    n = 0
    for path, record in _records(plan, LISTED):
        fresh = _brought(record, changed)
        if fresh != record:
            run.write_json(path, fresh)
            n += 1
    return n


def _brought(value, changed: dict[str, list]):
    if isinstance(value, dict):
        fresh = {key: _brought(each, changed) for key, each in value.items()}
        old = value.get("sha256")
        if isinstance(old, str) and old in changed and "rows" in value:
            fresh["rows"] = changed[old][1]
        return fresh
    if isinstance(value, list):
        return [_brought(each, changed) for each in value]
    return changed[value][0] if isinstance(value, str) and value in changed else value
