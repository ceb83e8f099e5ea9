"""How far two labels of the same customers agree, where steps look for it: the figures are those of `build.agreement`."""

from helpers.build.agreement import adjusted_rand, interval, kappa, stay_and_chance

__all__ = ["adjusted_rand", "interval", "kappa", "stay_and_chance"]
