"""From a checked document to its stages, the same for every back end: filled → … → segment, confidence, reason."""

from helpers.build.document.reading import Reading
from helpers.build.document.ruled import first_match, points
from helpers.build.document.scored import nearest, posterior
from helpers.build.document.terms import Stage, col, known, label, pruned


def program(document: dict, wanted: list[str]) -> list[Stage]:
    """The stages that lead from the variables to the columns wanted, of segment, confidence and reason.

    document   checked, its numbers as they are written; the first stage reads its variables, each later one the stage before
    """
    r = Reading(document)
    segment = r.fresh("segment")
    filled = {name: known(col(name), r.filling(v)) if v["kind"] == "number" else label(name) for name, v in r.variables.items()}
    stages = [Stage("filled", _how_filled(r), filled)]
    stages += {"nearest": nearest, "posterior": posterior, "first_match": first_match, "points": points}[r.kind](r, segment)
    return pruned(stages, wanted)


def gives_confidence(document: dict) -> bool:
    ((kind, how),) = document["assign"].items()
    return kind == "posterior" or bool(how.get("confidence"))


def _how_filled(r: Reading) -> str:
    numbers = [v for v in r.variables.values() if v["kind"] == "number"]
    replaced = any(r.filling(v) is not None for v in numbers) or not numbers
    return "a value that is missing (NULL, NaN) is replaced" if replaced else "what is not a number (NaN) is missing, as NULL is"
