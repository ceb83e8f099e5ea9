"""Step 4: the behaviours that tell customers apart, their transforms, their redundancy and their passports."""

from helpers.variables.catalogue import FAMILIES, Variable, catalogue, definition
from helpers.variables.measure import measure

__all__ = ["FAMILIES", "Variable", "catalogue", "definition", "measure"]
