"""Step 6: which segmentation, and is it real: candidates, contest, stability, profiles and the document that is published."""

from helpers.build.candidates import CANDIDATES, RULES, TITLES
from helpers.build.choice import aligned, chosen, membership, name_fits, named
from helpers.build.document import apply, check, labels, to_sql
from helpers.build.judging import Made, budget, fitting_sample, judged, make, solidity, stability
from helpers.build.profiles import profile

__all__ = [
    "CANDIDATES",
    "RULES",
    "TITLES",
    "Made",
    "aligned",
    "apply",
    "budget",
    "check",
    "chosen",
    "fitting_sample",
    "judged",
    "labels",
    "make",
    "membership",
    "name_fits",
    "named",
    "profile",
    "solidity",
    "stability",
    "to_sql",
]
