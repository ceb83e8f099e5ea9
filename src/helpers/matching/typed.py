"""What project.yml says of matching, checked against the records: columns that exist, pairs of ids that exist."""

import difflib

from helpers import NinefoldError
from helpers.project import Project
from helpers.project.contract import LOCATING, PERSONAL

RECOGNISING = ("last_name", "email", "phone")
"""Without one of these a match by probability would rest on names and days that many share."""


def compared(columns: list[str], project: Project) -> list[str]:
    """The personal columns that the model compares, in the contract's order; empty when none can tell people apart.

    Raises NinefoldError for a column of collect.matching.compare that is not personal, or that no source of customers gives.
    """
    place, typed = f"{project.file}: field collect.matching.compare", project.collect.matching.compare
    for column in typed:
        if column not in (*PERSONAL, *LOCATING):
            raise NinefoldError(
                f"{place} names {column!r}, which is not compared: choose among {', '.join((*PERSONAL, *LOCATING))}"
                f"{_near(column, (*PERSONAL, *LOCATING))}. Other columns may stand in collect.matching.exact."
            )
        _known(column, columns, place)
    found = [c for c in (*PERSONAL, *LOCATING) if c in columns and (not typed or c in typed)]
    return found if any(c in found for c in RECOGNISING) else []


def rule_columns(columns: list[str], project: Project) -> list[str]:
    """The columns that the exact and fuzzy rules name, each once; NinefoldError for one that no source of customers gives."""
    matching, found = project.collect.matching, {}
    for number, listed in enumerate(matching.exact):
        if not listed:
            raise NinefoldError(f"{project.file}: field collect.matching.exact.{number} names no column. Name one, or take the line out.")
        for column in listed:
            found[_known(column, columns, f"{project.file}: field collect.matching.exact.{number}")] = True
    for number, rule in enumerate(matching.fuzzy):
        for column in (*rule.equal, *rule.alike):
            found[_known(column, columns, f"{project.file}: field collect.matching.fuzzy.{number}")] = True
    for column in matching.survivorship:
        _known(column, columns, f"{project.file}: field collect.matching.survivorship")
    return list(found)


def pairs(which: str, project: Project) -> list[tuple[str, str]]:
    """The pairs typed under `always` or `never` as raw ids: of the numbering typed first, ids are bare."""
    numberings = list(dict.fromkeys(source.ids for source in project.collect.sources.values()))
    result = []
    for number, typed in enumerate(getattr(project.collect.matching, which)):
        place = f"{project.file}: field collect.matching.{which}.{number} has the value {typed!r}"
        if len(typed) != 2 or typed[0] == typed[1]:
            raise NinefoldError(f"{place}: expected two different records, such as [crm:0012, shop:77].")
        raw = []
        for each in typed:
            numbering, colon, own = each.partition(":")
            if not colon or numbering not in numberings:
                raise NinefoldError(
                    f"{place}: {each!r} does not say its numbering. Write numbering:id, such as {numberings[0]}:{own or each}; "
                    f"numberings here: {', '.join(numberings)}{_near(numbering, numberings)}."
                )
            raw.append(own if numbering == numberings[0] else each)
        result.append((raw[0], raw[1]))
    return result


def places(which: str, project: Project, position: dict[str, int]) -> list[tuple[int, int]]:
    """The typed pairs as places of the ids, the smaller first; NinefoldError for an id that no record has."""
    result = []
    for number, pair in enumerate(pairs(which, project)):
        for raw in pair:
            if raw not in position:
                raise NinefoldError(
                    f"{project.file}: field collect.matching.{which}.{number} names the record {raw!r}, which no source of customers has"
                    f"{_near(raw, list(position))}. Correct it, or take the pair out."
                )
        result.append(tuple(sorted(position[raw] for raw in pair)))
    return sorted(set(result))


def not_both(always: list[tuple[int, int]], never: list[tuple[int, int]], project: Project) -> None:
    """NinefoldError when one pair is typed as one person and as two."""
    if set(always) & set(never):
        raise NinefoldError(
            f"{project.file}: collect.matching.always and collect.matching.never name the same pair of records. "
            "Take it out of one of the two."
        )


def _known(column: str, columns: list[str], place: str) -> str:
    if column not in columns:
        raise NinefoldError(
            f"{place} names {column!r}, which no source of customers gives{_near(column, columns)}. "
            "Map it under collect.sources, or take it out."
        )
    return column


def _near(word: str, known) -> str:
    near = difflib.get_close_matches(word, list(known)[:50_000], n=1)
    return f" (did you mean {near[0]}?)" if near else ""
