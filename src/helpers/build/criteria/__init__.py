"""The five criteria of a good segment as numbers: measurable, recognisable, homogeneous, interesting, accessible."""

from helpers.build.criteria.judging import CRITERIA, FAIL, PASS, UNKNOWN, judged

__all__ = ["CRITERIA", "FAIL", "PASS", "UNKNOWN", "judged"]
