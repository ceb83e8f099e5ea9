"""A part of a project: the customers who have one value of a column, as `make report-each` runs them by themselves.

Its name is `shop/each/country/france`. Definitions and files are those of `shop`; runs, pages and the segmentation are its own.
"""

import json

from helpers import NinefoldError, home
from helpers.project.sections import EACH, Only, Project

DESCRIPTION = "only.json"


def whole(name: str) -> str:
    """The project that a name belongs to: `shop` of `shop/each/country/france`."""
    return name.partition(EACH)[0]


def read_only(name: str) -> Only | None:
    """Which customers the part of this name holds; None for a whole project.

    Raises NinefoldError for a part that nobody has made, or whose description cannot be read.
    """
    if EACH not in name:
        return None
    path = home() / "data" / name / DESCRIPTION
    column, _, _ = name.partition(EACH)[2].partition("/")
    remedy = f"Run `make report-each PROJECT={whole(name)} BY={column or 'country'}`."
    if not path.is_file():
        raise NinefoldError(f"Unknown project {name!r}: there is no data/{name}/{DESCRIPTION}. {remedy}")
    try:
        return Only(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise NinefoldError(f"data/{name}/{DESCRIPTION} cannot be read ({str(error).splitlines()[0]}). {remedy}") from error


def restricted(project: Project, only: Only) -> Project:
    """The project with what is typed about all its customers together left out, and the value in its title.

    Left out are the controller's totals, and pairs of records of which one belongs to somebody else; names of segments that state no
    expectation, for nobody could tell whether they fit segments built anew.
    """
    matching = project.collect.matching
    pairs = {which: _within(project, getattr(matching, which)) for which in ("always", "never")}
    collect = {"control_totals": [], "matching": matching.model_copy(update=pairs)}
    named = {key: each for key, each in project.build.segments.items() if each.expect}
    return project.model_copy(
        update={
            "only": only,
            "title": _titled(project.title, only),
            "collect": project.collect.model_copy(update=collect),
            "build": project.build.model_copy(update={"segments": named}),
        }
    )


def _titled(title: str | dict[str, str], only: Only) -> str | dict[str, str]:
    added = f" · {only.value}" if only.value is not None else f" · {only.column}: –"
    return title + added if isinstance(title, str) else {language: text + added for language, text in title.items()}


def _within(project: Project, pairs: list) -> list:
    """The typed pairs of which both records are in the part; a pair that is written wrongly stays, for its check to name."""
    if not pairs or not project.ids_file.is_file():
        return pairs
    import pyarrow.parquet

    known = set(pyarrow.parquet.read_table(project.ids_file, columns=["customer_id"])["customer_id"].to_pylist())
    first = next(source.ids for source in project.collect.sources.values())
    return [pair for pair in pairs if all(str(each).removeprefix(f"{first}:") in known or ":" not in str(each) for each in pair)]
