"""Step 9: do the segments still hold: movement beside its noise, drift, agreement with a new build, and a verdict."""

from helpers.build.agreement import adjusted_rand, interval, kappa
from helpers.reevaluate.drift import changes, drifted
from helpers.reevaluate.masking import Hidden, hidden
from helpers.reevaluate.movement import Movement, backtest, flows, journeys, matrix, rule_stays, segments, since, staying
from helpers.reevaluate.noise import floor, noise_floor
from helpers.reevaluate.verdict import MARKED, as_document, comes_back, judge, next_look, reason, refit, tested, withdrawn

__all__ = [
    "MARKED",
    "Hidden",
    "Movement",
    "adjusted_rand",
    "as_document",
    "backtest",
    "changes",
    "comes_back",
    "drifted",
    "floor",
    "flows",
    "hidden",
    "interval",
    "journeys",
    "judge",
    "kappa",
    "matrix",
    "next_look",
    "noise_floor",
    "reason",
    "refit",
    "rule_stays",
    "segments",
    "since",
    "staying",
    "tested",
    "withdrawn",
]
