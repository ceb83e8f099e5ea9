"""Step 4: the behaviours that tell customers apart, their transforms, their redundancy and their passports."""

from helpers.variables.catalogue import FAMILIES, Variable, catalogue, definition
from helpers.variables.choose import (
    apply,
    as_document,
    contribution,
    learn,
    outcomes_of,
    rank_correlations,
    redundancy_groups,
    screen,
    worth,
)
from helpers.variables.formulas import in_window, measure
from helpers.variables.passports import passports, passports_document

__all__ = [
    "FAMILIES",
    "Variable",
    "apply",
    "as_document",
    "catalogue",
    "contribution",
    "definition",
    "in_window",
    "learn",
    "measure",
    "outcomes_of",
    "passports",
    "passports_document",
    "rank_correlations",
    "redundancy_groups",
    "screen",
    "worth",
]
