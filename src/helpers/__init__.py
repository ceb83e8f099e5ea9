"""Ninefold: customer segmentation in nine notebooks; one helper room a step, and a few shared by all."""

import os
from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parents[2]
"""The repository: notebooks, template and catalogue are read from here."""


class NinefoldError(Exception):
    """A fault that the reader can mend: the message names the file, the field, the value and the remedy."""


class ContractError(NinefoldError):
    """A table that does not hold what the table contract (data/README.md) promises."""


def home() -> Path:
    """The folder that holds `data/` and `reports/`: the repository, unless NINEFOLD_HOME names another."""
    return Path(os.environ.get("NINEFOLD_HOME") or ROOT).resolve()
