"""Step 8: whom to contact with what, who is left alone so that something is learnt, and what it would have to bring."""

from helpers.target.arms import counted, draw, held_back, reachable
from helpers.target.plan import answers_so_far, assumptions, economics, outlook, plan, reasons, responses

__all__ = [
    "answers_so_far",
    "assumptions",
    "counted",
    "draw",
    "economics",
    "held_back",
    "outlook",
    "plan",
    "reachable",
    "reasons",
    "responses",
]
