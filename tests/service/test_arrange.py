from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.repetition import likeness
from service.arrange import (
    LEAST_RUNS,
    MERGED,
    MERGED_WITHIN,
    REPEATED,
    REPEATED_ACROSS,
    REPEATED_OVER_TIME,
    TWIN,
    Group,
    arrange,
)
from service.candidates import Candidates
from service.catalogue import Catalogue
from service.reading import Reading
from tests.service.made import NOTHING_READ, candidates, catalogue, document

ACROSS, OVER_TIME = replace(NOTHING_READ, across=True), replace(NOTHING_READ, over_time=True)
COSTS = [(NOTHING_READ, REPEATED), (OVER_TIME, REPEATED_OVER_TIME), (ACROSS, REPEATED_ACROSS)]
MOST = 0.4 * REPEATED_ACROSS  # sums lie between this and its negative, as those of real signals do


@dataclass(frozen=True)
class Found:
    """What a search found in a catalogue."""

    catalogue: Catalogue
    candidates: Candidates
    sums: NDArray[np.float64]

    def arranged(self, reading: Reading, k: int) -> list[Group]:
        return arrange(self.sums, self.candidates, self.catalogue, reading, k)

    def document(self, row: int) -> int:
        return int(self.candidates.places[row])

    def owner(self, row: int) -> int:
        return int(self.catalogue.owners[self.document(row)])

    def page(self, row: int) -> int:
        return int(self.candidates.outlined.pages[row])

    def sketch(self, row: int) -> NDArray[np.uint32]:
        return self.candidates.outlined.sketches[row]


def found(
    bodies: Sequence[str | None],
    sums: Sequence[tuple[int, float]],
    *,
    apart: bool = True,
    pages: Sequence[int] | None = None,
) -> Found:
    """Make a search that found passages of documents with these sums, all on their first page unless told.

    `apart` puts a passage that it did not find after each.
    """
    documents = [document(f"d{place}", body) for place, body in enumerate(bodies)]
    step = 1 + apart
    of_pages = pages or [1] * len(sums)
    passages = [(place, page, ()) for (place, _), page in zip(sums, of_pages, strict=True) for _ in range(step)]
    made = candidates(passages, range(0, len(passages), step))
    return Found(catalogue(documents), made, np.array([value for _, value in sums]))


SKETCHES = [(), (1, 2), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6), (4, 5, 6, 7, 8, 9), tuple(range(20, 40))]


@st.composite
def searches(draw: st.DrawFn) -> Found:
    """Draw a few documents of passages that partly repeat each other, and what was found of them."""
    bodies = draw(st.lists(st.sampled_from([None, "Alder", "Birch"]), min_size=1, max_size=4))
    lengths = [draw(st.integers(1, 5)) for _ in bodies]
    passages = [
        (place, draw(st.sampled_from(SKETCHES))) for place, length in enumerate(lengths) for _ in range(length)
    ]
    pages = [page for length in lengths for page in sorted(draw(st.integers(1, 3)) for _ in range(length))]
    rows = [row for row in range(len(passages)) if draw(st.booleans())]
    some = st.integers(-60, 60).map(lambda share: share * MOST / 60) | st.integers(-4, 4).map(float)
    sums = [draw(some) for _ in rows]
    documents = [document(f"d{place}", body) for place, body in enumerate(bodies)]
    paged = [(place, page, sketch) for (place, sketch), page in zip(passages, pages, strict=True)]
    return Found(catalogue(documents), candidates(paged, rows), np.array(sums, np.float64))


READINGS = st.sampled_from([NOTHING_READ, OVER_TIME, ACROSS])


@given(searches(), READINGS, st.integers(1, 12))
def test_each_passage_is_in_one_hit_at_most(search: Found, reading: Reading, k: int) -> None:
    """There are never more hits than asked for, and none is missing while anything is left."""
    groups = search.arranged(reading, k)
    told = [row for group in groups for row in (group.row, *group.merged, *group.twins)]
    assert len(told) == len(set(told))
    assert set(told) <= set(range(len(search.sums)))
    assert len(groups) <= k
    assert len(groups) == k or len(told) == len(search.sums)


@given(searches(), st.sampled_from(COSTS), st.integers(1, 12))
def test_each_hit_is_the_best_that_was_left(search: Found, reading_and_cost: tuple[Reading, float], k: int) -> None:
    """Each one before it of the same document, or body, costs the same; so in a document the better come first."""
    reading, cost = reading_and_cost
    kind = search.owner if reading.across else search.document
    rows = [group.row for group in search.arranged(reading, k)]
    before = Counter[int]()
    for at, row in enumerate(rows):
        left = [search.sums[other] - cost * before[kind(other)] for other in rows[at:]]
        assert left[0] >= max(left) - 1e-9
        before[kind(row)] += 1


@given(searches(), READINGS, st.integers(1, 12))
def test_what_is_merged_is_one_stretch_of_a_page(search: Found, reading: Reading, k: int) -> None:
    """So that it reads on, stays short enough to quote, and is cited by the page of what fits best."""
    for group in search.arranged(reading, k):
        members = sorted([group.row, *group.merged])
        stretch = [int(search.candidates.ids[row]) for row in members]
        assert stretch == list(range(stretch[0], stretch[0] + len(stretch)))
        assert len(members) <= MERGED
        assert len({search.document(row) for row in members}) == 1
        assert len({search.page(row) for row in members}) == 1
        assert all(0 <= search.sums[group.row] - search.sums[row] <= MERGED_WITHIN for row in group.merged)


@given(searches(), READINGS, st.integers(1, 12))
def test_twins_are_of_other_documents_and_have_no_hit_of_their_own(search: Found, reading: Reading, k: int) -> None:
    """What tells the same stands under the first that told it, unless it is too short to be sure."""
    groups = search.arranged(reading, k)

    def alike(row: int, group: Group) -> bool:
        is_long = len(search.sketch(row)) >= LEAST_RUNS
        other = search.document(row) != search.document(group.row)
        return is_long and other and likeness(search.sketch(row), search.sketch(group.row)) >= TWIN

    for at, group in enumerate(groups):
        assert all(alike(row, group) for row in group.twins)
        assert not any(alike(group.row, earlier) for earlier in groups[:at])


@given(searches(), st.integers(1, 12))
def test_all_bodies_come_before_any_comes_again(search: Found, k: int) -> None:
    """A question which bodies did something wants each of them once."""
    owners = [search.owner(group.row) for group in search.arranged(ACROSS, k)]
    firsts = len(dict.fromkeys(owners))
    assert len(set(owners[:firsts])) == firsts


def test_no_document_fills_the_page() -> None:
    """Of equally good passages each document has one before any has two, and the order of the index decides last."""
    search = found(["Alder", "Alder", "Alder"], [(0, 9.0)] * 3 + [(1, 9.0)] * 3 + [(2, 9.0)] * 2)
    order = [search.document(group.row) for group in search.arranged(NOTHING_READ, 8)]
    assert order == [0, 1, 2, 0, 1, 2, 0, 1]


def test_a_question_over_time_brings_both_reports() -> None:
    """The second report comes before the first is told again, although all that it says fits less well."""
    less = 9.0 - (REPEATED + REPEATED_OVER_TIME) / 2
    search = found(["Alder", "Alder"], [(0, 9.0)] * 3 + [(1, less)] * 2)
    documents = {
        reading.over_time: [search.document(group.row) for group in search.arranged(reading, 2)]
        for reading in (NOTHING_READ, OVER_TIME)
    }
    assert documents == {False: [0, 0], True: [0, 1]}


def test_a_question_which_bodies_brings_the_worst_of_another_first() -> None:
    """Two reports of one body are the same body."""
    search = found(["Alder", "Alder", "Birch"], [(0, MOST), (1, MOST), (2, -MOST)])
    assert [search.owner(group.row) for group in search.arranged(ACROSS, 3)] == [0, 1, 0]


@pytest.mark.parametrize(("length", "hits"), [(1, 1), (2, 1), (MERGED, 1), (MERGED + 1, 2), (2 * MERGED, 2)])
def test_equally_good_neighbours_are_one_hit(length: int, hits: int) -> None:
    """They are merged until a hit is full."""
    search = found(["Alder"], [(0, 9.0)] * length, apart=False)
    assert len(search.arranged(NOTHING_READ, 9)) == hits


def test_a_neighbour_that_fits_far_worse_is_not_merged() -> None:
    """The cover would else stand before the sentence in question, and its page in the citation."""
    for less, hits in ((MERGED_WITHIN / 2, 1), (2 * MERGED_WITHIN, 2)):
        search = found(["Alder"], [(0, 9.0 - less), (0, 9.0)], apart=False)
        assert len(search.arranged(NOTHING_READ, 9)) == hits


@pytest.mark.parametrize(
    ("sums", "pages", "hits"),
    [
        ([9.0, 8.0], [1, 1], [{0, 1}]),
        ([9.0, 8.0], [1, 2], [{0}, {1}]),  # else the page of the better one would be told by chance
        ([8.0, 9.0], [1, 2], [{1}, {0}]),
        ([8.0, 9.0, 8.5], [1, 2, 2], [{1, 2}, {0}]),
        ([8.0, 8.5, 9.0, 8.5], [1, 1, 2, 2], [{2, 3}, {0, 1}]),
    ],
)
def test_neighbours_are_one_hit_only_where_they_begin_on_one_page(
    sums: list[float], pages: list[int], hits: list[set[int]]
) -> None:
    """A citation names the page of the passage that fits best first, whatever stands before it."""
    search = found(["Alder"], [(0, value) for value in sums], apart=False, pages=pages)
    assert [{group.row, *group.merged} for group in search.arranged(NOTHING_READ, 9)] == hits


def test_neighbours_in_the_index_of_two_documents_are_two_hits() -> None:
    """The end of one report and the beginning of the next do not belong together."""
    search = found(["Alder", "Alder"], [(0, 9.0), (1, 9.0)], apart=False)
    assert len(search.arranged(NOTHING_READ, 9)) == 2


def test_nothing_found_is_no_hit() -> None:
    """Without candidates there is nothing to arrange."""
    assert found(["Alder"], []).arranged(ACROSS, 10) == []
