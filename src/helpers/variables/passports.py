"""A passport for each variable: what it is, where it comes from, whether it may be used, how good it is, what it adds."""

from datetime import datetime

import pandas as pd

from helpers import words
from helpers.project import Project
from helpers.variables.catalogue import Variable, catalogue, definition

PROSE = ("title", "definition", "source", "legal_basis", "why")
"""What a passport says in a language; the catalogue and project.yml give it again in any."""


def passports(
    learnt: list[dict],
    screened: pd.DataFrame,
    worth: pd.DataFrame | None,
    project: Project,
    *,
    as_of: datetime,
    start: datetime,
    newest: dict[str, str | datetime | None] | None = None,
) -> list[dict]:
    """Everything that a stakeholder may ask about a variable.

    learnt, screened, worth   results of `learn`, `screen` and `contribution`
    start, as_of              the window
    newest                    table → moment of its newest row, or None where no row is dated
    Returns                   one entry a variable, in the catalogue's order; sources are names in project.yml
    """
    known = {v.name: v for v in catalogue(project)}
    gains = {} if worth is None else {r["name"]: {k: v for k, v in r.items() if k != "name"} for r in worth.to_dict("records")}
    result = []
    for entry, role in zip(learnt, screened.to_dict("records"), strict=True):
        variable = known[entry["name"]]
        result.append(
            _what(variable, project)
            | _whence(variable, project, newest or {})
            | {"from": start, "to": as_of}
            | {key: entry[key] for key in ("missing", "missing_share", "steps", "skew_before", "skew_after")}
            | {"stands_for": role["kept"], **{key: role[key] for key in ("role", "why", "group")}}
            | {"contribution": gains.get(variable.name)}
        )
    return result


def _what(variable: Variable, project: Project) -> dict:
    plain = {key: getattr(variable, key) for key in ("name", "family", "type", "kind", "unit", "formula", "sensitivity")}
    return plain | {"title": variable.title(), "definition": definition(variable)}


def _whence(variable: Variable, project: Project, newest: dict) -> dict:
    """The tables and sources that a variable is made of, with their dates and their bases, none said twice."""
    tables = list(dict.fromkeys(need.split(".")[0] for need in variable.needs))
    sources = {name: source for table in tables for name, source in project.sources_of(table).items()}
    said = lambda field: words.join(dict.fromkeys(t for t in (words.text(getattr(s, field)) for s in sources.values()) if t))  # noqa: E731
    dates = [str(newest[table]) for table in tables if newest.get(table)]
    return {
        "table": tables[0],
        "tables": tables,
        "sources": list(sources),
        "source": said("where_from"),
        "legal_basis": said("legal_basis"),
        "newest": min(dates) if dates else None,
    }


def passports_document(passports: list[dict]) -> dict:
    """The passports as handed over, by name: without the sentences, which the catalogue and project.yml give in any language."""
    return {p["name"]: {k: v for k, v in p.items() if k not in PROSE} for p in passports}
