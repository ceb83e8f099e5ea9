"""Step 7: who does what with each segment: cards, a sheet for each team, and the dictionary."""

from helpers.adopt.adoption import adoption, known_campaigns
from helpers.adopt.cards import cards, described, held
from helpers.adopt.dictionary import dictionary, rule

__all__ = ["adoption", "cards", "described", "dictionary", "held", "known_campaigns", "rule"]
