"""Former place of some recipes, for rooms that still ask for them here; `methods` has them all."""

from datetime import datetime

import numpy as np
import pandas as pd

from helpers.build.inputs import Column
from helpers.build.methods import CANDIDATES, RULES, TITLES, cutting, partitions, space
from helpers.build.methods.base import own_measure
from helpers.build.methods.cutting import lacking
from helpers.project import Project
from helpers.variables import catalogue

__all__ = ["CANDIDATES", "RULES", "TITLES", "bands", "hcpc", "lacking", "own_measure", "rfm"]


def hcpc(sample: pd.DataFrame, names: list[str], k: int, project: Project, *, built_as_of: datetime) -> tuple[dict, dict, np.ndarray]:
    """`partitions.hcpc` of variables of the catalogue: document, evidence, coordinates."""
    known = {v.name: Column(v.name, "number", v.type, True, variable=v) for v in catalogue(project)}
    found = partitions.hcpc(sample, names, known, k, project)
    points = space.space(sample, names, known, project)
    coordinates = space.on_axes(points, project, k)[1]
    return found.document | {"built_as_of": built_as_of.isoformat()}, found.evidence, coordinates


def rfm(sample: pd.DataFrame, k: int, project: Project, *, built_as_of: datetime) -> dict:
    """`cutting.rfm`, dated."""
    return cutting.rfm(sample, k, project).document | {"built_as_of": built_as_of.isoformat()}


def bands(sample: pd.DataFrame, k: int, project: Project, *, built_as_of: datetime) -> dict:
    """`cutting.bands`, dated."""
    return cutting.bands(sample, k, project).document | {"built_as_of": built_as_of.isoformat()}
