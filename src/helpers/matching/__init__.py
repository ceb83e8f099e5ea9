"""One customer from many records: who is the same person, why, how sure, and what another threshold would change."""

from helpers.matching.fuzzy import score
from helpers.matching.unite import HIGHEST, STEP, Matched, applied, match, match_records

__all__ = ["HIGHEST", "STEP", "Matched", "applied", "match", "match_records", "score"]
