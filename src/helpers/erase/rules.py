"""Which rows of which file are a person's: by the id columns of project.yml for sources, by the ids that runs write for all else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from helpers import NinefoldError, words
from helpers.engine.places import KINDS, places
from helpers.engine.tables import bare_numbering
from helpers.erase.find import Person, distinctive
from helpers.erase.rewrite import ANY, Drop
from helpers.project import Project
from helpers.project.addresses import without_user
from helpers.project.sources import Format, Source
from helpers.target.files import HEAD
from helpers.target.uploads import dialled, international
from helpers.words import say

OWN = ("customer_id", "raw_id")
"""What runs call a column of ids."""
PAIRS = ("left", "right")
"""What they call those of two records that were compared; in files of the user's these words mean other things."""
ANYTHING = frozenset(
    ("id", "ids", "n", "no", "nr", "num", "nummer", "number", "numero", "numéro", "key", "code", "ref", "uid", "uuid", "row")
)
"""Names of id columns that in a file which project.yml does not name may number anything: products, order lines."""
UPLOADED = ("customer_id", "EXT_ID", "Customer number")
"""What contact lists and their uploads call the id; spreadsheets have it in the language of the page, too."""
PRIVATE = ("runs", "draft", "lists", "cards", "each", "trials", "comparisons", "reevaluations", "truth")
"""Folders that Ninefold itself fills."""
TABLES = frozenset(KINDS)


@dataclass(frozen=True)
class Mapped:
    """One column of ids in a file of the user's.

    inside   sheet or table, "" for any
    column   its name;  values: the person's ids as the file writes them
    form     how a text file is written; None where nobody said it
    """

    inside: str
    column: str
    values: frozenset[str]
    form: Format | None = None


@dataclass
class Rules:
    """What to look at in every file of a project.

    files     path → its id columns
    heads     name of an id column in any source → the person's ids there, for files that project.yml does not name
    others    files that project.yml names for something else than customers: products, days of a market
    outside   sources that are not below data/<project>: to be erased where they are
    byhand    files whose customers are told by a formula or by the row's number: nobody can say which rows go
    """

    files: dict[Path, list[Mapped]] = field(default_factory=dict)
    heads: dict[str, frozenset[str]] = field(default_factory=dict)
    others: set[Path] = field(default_factory=set)
    outside: list[str] = field(default_factory=list)
    byhand: list[str] = field(default_factory=list)


def rules(plan: Project, person: Person) -> Rules:
    """The rules that project.yml gives: sources, their lookups, decisions for single customers."""
    found, bare = Rules(), bare_numbering(plan)
    for source in plan.collect.sources.values():
        if source.table != "market":
            _of_source(found, plan, source, person.own(source.ids, bare))
        named = [file for file in (source.file, *(lookup.file for lookup in source.lookups))]
        found.others |= {place.path.resolve() for file in named for place in _places(file, plan) if place.path is not None}
    if plan.build.manual:
        path = plan.folder / plan.build.manual.file
        found.files.setdefault(path.resolve(), []).append(
            Mapped("", "customer_id", person.ids | person.own(bare, bare), Format(separator=plan.build.manual.separator))
        )
    if plan.engine.removeprefix("duckdb://") not in ("", ":memory:"):
        found.outside.append(without_user(plan.engine))
    found.others -= set(found.files)
    found.outside = sorted(set(found.outside))
    return found


def _of_source(found: Rules, plan: Project, source: Source, own: frozenset[str]) -> None:
    column = source.columns.get("customer_id")
    if isinstance(column, list) or (isinstance(column, str) and column.lstrip().startswith(("=", "#"))) or column is None:
        if own:
            found.byhand.append(without_user(source.file))
    else:
        _file(found, plan, source.file, column, own, source.format)
        found.heads[column] = found.heads.get(column, frozenset()) | own
    for lookup in source.lookups:
        if isinstance(column, str) and column in lookup.match:
            _file(found, plan, lookup.file, lookup.match[column], own, source.format)


def _file(found: Rules, plan: Project, file: str, column: str, own: frozenset[str], form: Format) -> None:
    for place in _places(file, plan):
        if place.path is None or not place.path.resolve().is_relative_to(plan.folder.resolve()):
            found.outside.append(place.shown)
        else:
            found.files.setdefault(place.path.resolve(), []).append(Mapped(place.inside, column, own, form))


def _places(file: str, plan: Project) -> list:
    try:
        return places(file, plan)
    except NinefoldError:
        return []  # no such file any more: nothing of it is kept


def unnamed(found: Rules, ids: frozenset[str]) -> dict[str, frozenset[str]]:
    """Name of a column → values that are the person's in a file of the user's that project.yml does not name.

    ids   those of the person as runs write them
    """
    known = dict.fromkeys(OWN, ids)
    known |= {name: values | known.get(name, frozenset()) for name, values in found.heads.items()}
    return {name: frozenset(filter(distinctive, values)) if name.lower() in ANYTHING else values for name, values in known.items()}


def cells(person: Person) -> frozenset[str]:
    """Every way in which a cell of a contact list may name the person and nobody else."""
    phones = {form for each in person.phones for form in (each, each.removeprefix("+"), dialled(each), international(each))}
    typed = {each for each in person.typed if "@" in each or any(map(str.isdigit, each))}
    return frozenset({*person.ids, *person.emails, *person.hashes(), *phones, *typed}) - {""}


def drop_of(columns: Mapping[str, frozenset[str]]) -> Drop:
    """The rows in which one of these columns holds one of its values."""

    def drop(names: Sequence[str]) -> dict[int, frozenset[str]]:
        return {n: columns[name] for n, name in enumerate(names) if columns.get(name)}

    return drop


def on_list(person: Person) -> Drop:
    """The rows of a contact list: an id of a few figures counts in the column of ids alone, for it is a version or a postcode as well."""
    long = frozenset(each for each in cells(person) if each not in person.ids or distinctive(each))
    columns, now = dict.fromkeys(UPLOADED, person.ids), words.language()
    for language in words.LANGUAGES:
        words.use(language)
        title = HEAD["customer_id"]
        columns[say(title)] = person.ids
    words.use(now)
    ids = drop_of(columns)
    return lambda names: {ANY: long, **ids(names)}


def any_cell(values: frozenset[str]) -> Drop:
    """The rows in which any cell holds one of these values."""
    return lambda names: {ANY: values}


def by_table(mapped: Iterable[Mapped]):
    """From the name of a sheet or table to what goes there."""
    mapped = list(mapped)

    def drops(table: str) -> Drop:
        columns: dict[str, frozenset[str]] = {}
        for each in mapped:
            if each.inside in ("", table):
                columns[each.column] = columns.get(each.column, frozenset()) | each.values
        return drop_of(columns)

    return drops
