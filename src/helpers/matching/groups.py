"""Pairs become people: whoever is joined by a chain of pairs is one, except that no chain may join two who must stay apart.

Arrays of places (positions of ids in their order) only: one entry a link, so memory grows with what is joined, not with the base.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class Links:
    """Pairs that join, from the strongest to the weakest: typed always, an exact rule, a fuzzy one, by probability; ties by the ids' order.

    left, right   places of the two ids, left < right
    certain       typed or by an exact rule: people's decision, which a mere guess that the two are two people does not undo
    """

    left: np.ndarray
    right: np.ndarray
    certain: np.ndarray


def together(n: int, links: Links) -> np.ndarray:
    """For each of n places the smallest place that a chain of links joins it to: itself when none does."""
    ones = np.ones(len(links.left), dtype=np.int8)
    _, label = connected_components(coo_array((ones, (links.left, links.right)), shape=(n, n)), directed=False)
    least = np.full(label.max() + 1 if n else 0, n, dtype=np.int64)
    np.minimum.at(least, label, np.arange(n))
    return least[label]


def kept_apart(n: int, links: Links, never: np.ndarray, unlike: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`together`, but groups that would unite a pair of `never` or `unlike` are split at their weakest link.

    never    (rows, 2) places that may share no group, whatever joins them
    unlike   (rows, 2) places that probability and fuzzy rules may not join; typed pairs and exact rules may
    Returns the group of each place and, for each link, whether it was refused. Links are taken from the strongest down; one that would
    unite a forbidden pair is left out, which cuts a chain between the two at its weakest link.
    """
    group, refused = together(n, links), np.zeros(len(links.left), dtype=bool)
    inside = [pairs[group[pairs[:, 0]] == group[pairs[:, 1]]] if len(pairs) else pairs for pairs in (never, unlike)]
    touched = np.unique(np.concatenate([group[pairs[:, 0]] for pairs in inside if len(pairs)] or [np.array([], dtype=np.int64)]))
    if not len(touched):
        return group, refused
    hard, soft = (_partners(pairs) for pairs in inside)
    members = {int(place): {int(place)} for place in np.flatnonzero(np.isin(group, touched))}
    own = {place: place for place in members}
    for number in np.flatnonzero(np.isin(group[links.left], touched)):
        one, other = own[int(links.left[number])], own[int(links.right[number])]
        if one == other:
            continue
        forbidden = [hard] if links.certain[number] else [hard, soft]
        if any(partners.get(place, NOBODY) & members[other] for partners in forbidden for place in members[one]):
            refused[number] = True
            continue
        small, large = sorted((one, other), key=lambda g: len(members[g]))
        members[large] |= members[small]
        for place in members.pop(small):
            own[place] = large
    for place, g in own.items():
        group[place] = min(members[g])
    return group, refused


NOBODY: frozenset = frozenset()


def _partners(pairs: np.ndarray) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for one, other in pairs.tolist():
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found
