"""The segments as a Markov chain: who goes where from one period to the next, and the sizes and value if that went on."""

from helpers.predict.flow.projection import flow
from helpers.predict.flow.transitions import IDLE, NEW, OUTSIDE, Flows, counts_of, memory, money_of, states

__all__ = ["IDLE", "NEW", "OUTSIDE", "Flows", "counts_of", "flow", "memory", "money_of", "states"]
