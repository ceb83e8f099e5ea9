"""Which figures of the movement stay hidden: those about few customers, and as many others as it takes that none follows from the rest."""

from dataclasses import dataclass

import numpy as np

from helpers.masking import covered


@dataclass(frozen=True)
class Hidden:
    """True for what is not shown: cells of the matrix, and the segments (in their order) whose other figures are hidden.

    cells     segments before × now
    moves     everything about those present at both dates
    crossed   arrived and departed, and how many (and how much money) of those present at both dates a segment had at either
    """

    cells: np.ndarray
    moves: np.ndarray
    crossed: np.ndarray


def hidden(segments: list[dict], table: np.ndarray, *, least: int) -> Hidden:
    """What may not be shown of the movement when no figure may be about 1 to least − 1 customers.

    segments, table   `movement.segments` and `movement.matrix`, in one order

    The page prints shares of each row in whole per cent, numbers of those present at both dates, and totals of everybody. In a row
    or column of the matrix, and among the segments of one figure, one hidden number alone would follow from the others: then the next
    smallest is hidden with it, until two or more are hidden that count `least` customers together.

    Sizes of everybody at each date stand on the pages of step 6 and in the history, and so does their money. Less those present at both
    dates, they are who departed and who arrived: so either both are told of a segment, or neither.
    """
    few = lambda n: (n > 0) & (n < least)  # noqa: E731
    stayed, were, are = np.diagonal(table), table.sum(axis=1), table.sum(axis=0)
    figures = np.stack([stayed, were, are, were - stayed, are - stayed])
    moves = covered(figures, few(figures).any(axis=0), least)
    crossed = np.array([[s["arrived"], s["departed"]] for s in segments], dtype="int64").reshape(-1, 2).T
    return Hidden(
        cells=covered_cells(table, few(table) | np.diag(moves), least),
        moves=moves,
        crossed=covered(crossed, moves | few(crossed).any(axis=0), least),
    )


def covered_cells(table: np.ndarray, shut: np.ndarray, least: int) -> np.ndarray:
    """Cells of the matrix hidden until none follows in its row or column, nor among those who entered or left, whose number is shown."""
    before = None
    while before is None or (before != shut).any():
        before = shut.copy()
        for numbers, cells in ((table, shut), (table.T, shut.T)):  # views: columns are the rows of the transposed
            for place in range(len(table)):
                others = np.arange(len(table)) != place
                cells[place, others] = covered(numbers[[place]][:, others], cells[place, others], least)
                cells[place] = covered(numbers[[place]], cells[place], least)
    return shut
