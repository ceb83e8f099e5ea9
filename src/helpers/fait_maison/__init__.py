"""Fait Maison, a fictional company that sells home-made food: customers with known segments, made from a seed.

`assumptions.yml` says everything that is assumed, `names.yml` holds the words.
"""

from helpers.fait_maison.maker import make
from helpers.fait_maison.model import Model, load

__all__ = ["Model", "load", "make"]
