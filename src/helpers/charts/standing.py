"""Where customers stand on two scales at once: a cell each, its colour what they bring, its text how many they are and what share it is."""

from typing import TYPE_CHECKING

import numpy as np

from helpers.charts.drawings import draw_grid
from helpers.charts.paper import Rows, Words, check, drawing
from helpers.charts.style import SEQUENTIAL, UNKNOWN
from helpers.words import say, share

if TYPE_CHECKING:
    import pandas as pd


@drawing
def standing(frame: "pd.DataFrame", *, title: str, subtitle: str, alt: str, source: str, name: str) -> None:
    """Draw a grid of customers: rows and columns in the order in which the frame names them.

    frame    row, column, value (0-1: what the cell brings, its colour; missing: not told, hatched), text
    """
    words = Words(title, subtitle, alt, source, name)
    check(frame, words, "row", "column", "value", "text")
    rows, columns = list(dict.fromkeys(frame["row"])), list(dict.fromkeys(frame["column"]))
    values = frame.pivot(index="row", columns="column", values="value").reindex(index=rows, columns=columns).to_numpy(dtype=float)
    texts = frame.pivot(index="row", columns="column", values="text").reindex(index=rows, columns=columns).fillna("").to_numpy(dtype=object)
    most = np.nanmax(values) if np.isfinite(values).any() else 1.0
    key = [("ramp", SEQUENTIAL, (share(0, 0), share(most, 0)))]
    key += [("box", UNKNOWN, say("too few customers to tell"))] if np.isnan(values).any() else []
    draw_grid(words, Rows(rows, least=40, uniform=True), columns, values / (most or 1.0), texts, key).keep()
