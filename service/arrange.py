"""Makes hits of ranked passages: what belongs together stands together, and no document fills the page."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexer.repetition import likeness
from service.candidates import Candidates
from service.catalogue import Catalogue
from service.reading import Reading

# What each hit before it from the same document costs a passage, in the units of the ranking's sums.
REPEATED = 0.1
REPEATED_OVER_TIME = 1.0  # where reports are to be compared
REPEATED_ACROSS = 100.0  # by body, where the question asks which bodies: all others come first
TWIN = 0.8  # likeness from which two passages of different documents tell the same
LEAST_RUNS = 5  # in a sketch; fewer say too little about likeness
MERGED = 3  # passages in one hit
MERGED_WITHIN = 3.0  # of the sum of its best; a neighbour that fits far worse would only blur where the hit stands
# Sums this near are equal but for the last digits of float32 (some 2e-6 after weighing), which depend on the place in
# memory and in the word index, and so on the order in which documents came. Those go by document and place in it.
EQUAL = 1e-5


@dataclass
class Group:
    """One hit: the passage it was found by, its neighbours that were found as well, and its twins elsewhere.

    All neighbours begin on the page of the best passage, so the hit's first page is that passage's.
    """

    row: int  # of the best passage, among the candidates
    merged: list[int] = field(default_factory=list)  # rows of its neighbours
    twins: list[int] = field(default_factory=list)

    @property
    def rows(self) -> list[int]:
        """All rows of the hit."""
        return [self.row, *self.merged, *self.twins]


def arrange(
    sums: NDArray[np.float64], candidates: Candidates, catalogue: Catalogue, reading: Reading, k: int
) -> list[Group]:
    """Give up to k hits, best first, of candidates with these sums (n,)."""
    places = candidates.places
    cost = REPEATED_OVER_TIME if reading.over_time else REPEATED_ACROSS if reading.across else REPEATED
    order = np.lexsort((candidates.ids, places))
    kinds = (catalogue.owners[places] if reading.across else places)[order]
    left = sums[order]
    groups: list[Group] = []
    while len(groups) < k and np.isfinite(left).any():
        at = int(np.argmax(left >= left.max() - EQUAL))
        best = int(order[at])
        left[at] = -np.inf
        if group := _neighbour(best, groups, sums, candidates):
            group.merged.append(best)
        elif group := _twin(best, groups, candidates):
            group.twins.append(best)
        else:
            groups.append(Group(best))
            left[kinds == kinds[at]] -= cost
    return groups


def _neighbour(row: int, groups: list[Group], sums: NDArray[np.float64], candidates: Candidates) -> Group | None:
    """Find the hit that a passage stands beside; ids of a document's passages follow one another."""
    ids, places, pages = candidates.ids, candidates.places, candidates.outlined.pages
    for group in groups:
        if places[row] != places[group.row] or pages[row] != pages[group.row]:
            continue
        members = [group.row, *group.merged]
        is_next = min(abs(ids[row] - ids[member]) for member in members) == 1
        if is_next and len(members) < MERGED and sums[group.row] - sums[row] <= MERGED_WITHIN:
            return group
    return None


def _twin(row: int, groups: list[Group], candidates: Candidates) -> Group | None:
    places, sketches = candidates.places, candidates.outlined.sketches
    if len(sketches[row]) < LEAST_RUNS:
        return None
    for group in groups:
        if places[row] != places[group.row] and likeness(sketches[row], sketches[group.row]) >= TWIN:
            return group
    return None
