"""Step 1: what the segmentation shall change, measured today, and whether each objective is precise enough."""

from helpers.objectives.figures import (
    KINDS,
    METRICS,
    POWER,
    RESPONSE_DAYS,
    TAKES,
    Figure,
    as_document,
    assess,
    baseline,
    change,
    checks,
    figure,
    is_share,
    measure,
    shown,
    trend,
)

__all__ = [
    "Figure",
    "KINDS",
    "METRICS",
    "POWER",
    "RESPONSE_DAYS",
    "TAKES",
    "as_document",
    "assess",
    "baseline",
    "change",
    "checks",
    "figure",
    "is_share",
    "measure",
    "shown",
    "trend",
]
