"""Search results made by hand: which pages of which documents were found, in which order."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from service.query import Query
from service.search import SearchResult
from tests.service.conftest import Library

Found = tuple[str, Sequence[int], float]  # source, pages, score
MakeResult = Callable[[Sequence[Found]], SearchResult]


@pytest.fixture(scope="session")
def result_of(shelf: Library) -> MakeResult:
    """Give what makes a result with hits on given pages of given sources, best first."""
    real = shelf.searcher().search(Query("school", k=1))
    template = real.hits[0]

    def made(found: Sequence[Found]) -> SearchResult:
        hits = tuple(
            replace(
                template,
                rank=rank,
                score=score,
                citation=replace(
                    template.citation, source=source, spans=tuple((page, 0, 1) for page in pages), page=pages[0]
                ),
            )
            for rank, (source, pages, score) in enumerate(found, start=1)
        )
        return replace(real, hits=hits, took_ms=5.0)

    return made
