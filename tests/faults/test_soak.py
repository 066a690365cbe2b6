"""A service that is asked for days, while its index changes, takes no more than at first."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from indexer.collection import Reader
from indexer.embedded import Embedded
from service.candidates import Generation
from service.query import Query
from service.search import Searcher, SearchResult
from tests.faults.soak import Soaked, attempt

FEW_MB = 15  # that memory may grow by in a short run, in which caches still fill


class LeavesConnections(Searcher):
    """A searcher with a bug: each question leaves a connection open."""

    @contextmanager
    def opened(self, as_of: date | None = None) -> Iterator[tuple[Reader, Generation]]:
        with super().opened(as_of) as found:
            yield found
        assert isinstance(self.store, Embedded)
        self.__dict__.setdefault("left", []).append(self.store._store._idle.pop())


class KeepsAnswers(Searcher):
    """A searcher with a bug: it remembers whatever it was asked, with more than it answered."""

    def search(self, query: Query) -> SearchResult:
        found = super().search(query)
        self.__dict__.setdefault("asked", []).append((found, bytearray(100_000)))
        return found


def is_sound(found: Soaked) -> bool:
    return found.last_mb - found.first_mb <= FEW_MB and found.last_files <= found.first_files and not found.errors


def test_memory_and_descriptors_do_not_grow(tmp_path: Path) -> None:
    """After the first questions nothing more is taken, over many swaps."""
    found = attempt(tmp_path, 8, asked=1500, first=300, swaps=10)

    assert found.generations > 8
    assert is_sound(found), found


@pytest.mark.parametrize("searcher", [LeavesConnections, KeepsAnswers])
def test_a_leak_is_seen(tmp_path: Path, searcher: type[Searcher]) -> None:
    """The same questions find a searcher that leaves connections open, or keeps what it was asked."""
    assert not is_sound(attempt(tmp_path, 8, asked=400, first=150, swaps=1, make_searcher=searcher))
