"""Step 8: whom to contact with what, who is left alone so that something is learnt, and what it would have to bring."""

from helpers.target.arms import counted, draw, held_back, ruled
from helpers.target.attractiveness import worth
from helpers.target.outcomes import outcomes, uplifts
from helpers.target.plan import answers_so_far, assumptions, economics, outlook, plan, reasons, responses
from helpers.target.spending import beliefs, divide
from helpers.target.trial import applied, design

__all__ = [
    "answers_so_far",
    "applied",
    "assumptions",
    "beliefs",
    "counted",
    "design",
    "divide",
    "draw",
    "economics",
    "held_back",
    "outcomes",
    "outlook",
    "plan",
    "reasons",
    "responses",
    "ruled",
    "uplifts",
    "worth",
]
