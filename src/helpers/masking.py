"""Which counts of customers stay hidden beside those that are too small, so that none follows from the totals."""

from collections.abc import Sequence

import numpy as np


def covered(figures: np.ndarray, shut: np.ndarray, least: int) -> np.ndarray:
    """More places hidden, the smallest first, until no figure of one place follows from those shown.

    figures   kinds of numbers × places: each kind adds up to a total that readers know
    shut      the places hidden so far; nothing is added to none
    """
    shut = shut.copy()
    while shut.any() and not shut.all():
        together = figures[:, shut].sum(axis=1)
        if shut.sum() >= 2 and not ((together > 0) & (together < least)).any():
            break
        size = figures.sum(axis=0)
        free = [(size[place] == 0, size[place], place) for place in np.flatnonzero(~shut)]  # nobody hides nothing: zeros last
        shut[min(free)[2]] = True
    return shut


def covered_sizes(sizes: Sequence[int], *, least: int) -> list[bool]:
    """True for the groups whose number of customers stays hidden where readers know the total; a group of nobody is no secret."""
    numbers = np.asarray(sizes, dtype="int64")
    shut, some = np.zeros(len(numbers), dtype=bool), numbers > 0
    shut[some] = covered(numbers[None, some], numbers[some] < least, least)
    return shut.tolist()


def withheld(group: dict, least: int) -> bool:
    """Whether nothing but the name of a segment or band may be told: too few customers, or its figures would give another's away.

    group   n and, where step 6 says it, shown
    """
    n = group.get("n")
    return n is None or group.get("shown") is False or 0 < n < least


def few_on_a_side(later: dict, least: int) -> bool:
    """Whether a share is about too few customers, or says how many few lie on one side of it."""
    having = round(later["share"] * later["n"])
    return later["n"] < least or any(0 < side < least for side in (having, later["n"] - having))


def covered_table(table: np.ndarray, *, least: int, shut: np.ndarray | None = None) -> np.ndarray:
    """True for the cells of a table of counts that stay hidden, where readers know the sums of its rows and columns.

    table   counts of customers; a count of 1 to least − 1 is hidden, and as many others as it takes
    shut    cells that are hidden for another reason
    """
    few, before = (table > 0) & (table < least), None
    shut = few if shut is None else few | shut
    while before is None or (before != shut).any():
        before = shut.copy()
        for numbers, cells in ((table, shut), (table.T, shut.T)):  # views: columns are the rows of the transposed
            for place in range(len(numbers)):
                cells[place] = covered(numbers[[place]], cells[place], least)
    return shut
