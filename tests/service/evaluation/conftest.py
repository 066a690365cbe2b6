"""Search results made by hand: which pages of which documents were found, in which order."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from service.evaluation.run import Found
from service.query import Query
from service.search import SearchResult
from tests.service.conftest import Library

MakeResult = Callable[[Sequence[Found]], SearchResult]


@pytest.fixture(scope="session")
def result_of(shelf: Library) -> MakeResult:
    """Give what makes a result of these hits, best first, each with a span on each of its pages."""
    real = shelf.searcher().search(Query("school", k=1))
    template = real.hits[0]

    def made(found: Sequence[Found]) -> SearchResult:
        hits = tuple(
            replace(
                template,
                rank=rank,
                score=hit.score,
                citation=replace(
                    template.citation,
                    source=hit.source,
                    spans=tuple((page, 0, 1) for page in sorted(hit.pages)),
                    page=min(hit.pages),
                ),
            )
            for rank, hit in enumerate(found, start=1)
        )
        return replace(real, hits=hits, took_ms=5.0)

    return made
