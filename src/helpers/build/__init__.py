"""Step 6: which segmentation, and is it real: candidates, contest, evidence, profiles and the document that is published."""

from helpers.build.choice import aligned, chosen, keep_ids, membership, name_fits, named
from helpers.build.contest import runner_up
from helpers.build.document import apply, check, labels, to_sql
from helpers.build.inputs import columns, customers
from helpers.build.judging import Made, budget, fitting_sample, judged, make, screening
from helpers.build.methods import TITLES
from helpers.build.profiles import profile

__all__ = [
    "TITLES",
    "Made",
    "aligned",
    "apply",
    "budget",
    "check",
    "chosen",
    "columns",
    "customers",
    "fitting_sample",
    "judged",
    "keep_ids",
    "labels",
    "make",
    "membership",
    "name_fits",
    "named",
    "profile",
    "runner_up",
    "screening",
    "to_sql",
]
