"""Similar customers: a ranked list of a stated length that widens a group, with what it would have found on a hidden half of it."""

from helpers.predict.alike.found import similar
from helpers.predict.alike.groups import Group, barred

__all__ = ["Group", "barred", "similar"]
