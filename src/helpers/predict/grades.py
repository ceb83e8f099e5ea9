"""What every prediction says of itself in the same words: its status, what it asks of the data, and the house's grade."""

GRADED, NOT_READY, CANNOT_TELL, NONE = "graded", "not_ready", "cannot_tell", "none"
"""Values of `status` of every evidence."""
CLEAR = 0.05
"""Relative gain over the better simple rule from which the grade is A (definitions.md, prediction grade)."""


def house(gain: float, low: float) -> str:
    """The grade of a prediction that is compared with a simple rule.

    gain   relative, of the prediction over the rule;  low: the lower end of its 95 % interval
    Returns   A: at least CLEAR gained, and the interval above 0; B: the interval above 0; else C
    """
    return "C" if low <= 0 else "A" if gain >= CLEAR else "B"


def need(code: str, have: float | None, want: float) -> dict:
    """A requirement of one prediction alone, as `collect.readiness.requirement` gives those counted in step 3; None: the data lack it."""
    return {"code": code, "have": have, "want": want, "met": have is not None and have >= want}
