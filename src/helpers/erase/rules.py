"""Which rows of which file are a person's: by the id columns of project.yml for sources, by the ids that runs write for all else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from helpers import NinefoldError
from helpers.engine.places import KINDS, places
from helpers.engine.tables import bare_numbering
from helpers.erase.find import Person
from helpers.erase.rewrite import ANY, Drop
from helpers.project import Project
from helpers.project.addresses import without_user
from helpers.project.sources import Format, Source
from helpers.target.uploads import dialled, international

OWN = ("customer_id", "raw_id", "left", "right")
"""What runs call a column of ids; pairs of records have two."""
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
    outside   sources that are not below data/<project>: to be erased where they are
    byhand    files whose customers are told by a formula or by the row's number: nobody can say which rows go
    """

    files: dict[Path, list[Mapped]] = field(default_factory=dict)
    heads: dict[str, frozenset[str]] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)
    byhand: list[str] = field(default_factory=list)


def rules(plan: Project, person: Person) -> Rules:
    """The rules that project.yml gives: sources, their lookups, decisions for single customers."""
    found, bare = Rules(), bare_numbering(plan)
    for source in plan.collect.sources.values():
        if source.table != "market":
            _of_source(found, plan, source, person.own(source.ids, bare))
    if plan.build.manual:
        path = plan.folder / plan.build.manual.file
        found.files.setdefault(path.resolve(), []).append(
            Mapped("", "customer_id", person.ids | person.own(bare, bare), Format(separator=plan.build.manual.separator))
        )
    if plan.engine.removeprefix("duckdb://") not in ("", ":memory:"):
        found.outside.append(without_user(plan.engine))
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
    try:
        there = places(file, plan)
    except NinefoldError:
        return  # no such file any more: nothing of it is kept
    for place in there:
        if place.path is None or not place.path.resolve().is_relative_to(plan.folder.resolve()):
            found.outside.append(place.shown)
        else:
            found.files.setdefault(place.path.resolve(), []).append(Mapped(place.inside, column, own, form))


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
