"""Whoever asks while the index changes is told the truth of one generation."""

from dataclasses import replace
from pathlib import Path

import pytest

from indexer.collection import Reader
from service.candidates import Generation
from service.search import Searcher
from tests.faults.traffic import attempt


class KeepsItsCatalogue(Searcher):
    """A searcher with a bug: after a swap it goes on with the catalogue of the generation before."""

    def _generation_at(self, reader: Reader, *, older_too: bool) -> Generation | None:
        before = self._generation
        found = super()._generation_at(reader, older_too=older_too)
        if found and before:
            self._generation = replace(found, catalogue=before.catalogue)
        return self._generation


class SaysTheLatest(Searcher):
    """A searcher with a bug: it answers from the generation it opened first, and names the one there is now."""

    def _generation_at(self, reader: Reader, *, older_too: bool) -> Generation | None:
        if self._generation is None:
            return super()._generation_at(reader, older_too=older_too)
        return self._generation


@pytest.mark.parametrize(("in_processes", "readers"), [(False, 8), (True, 2)])
def test_every_answer_is_that_of_the_generation_it_names(tmp_path: Path, in_processes: bool, readers: int) -> None:
    """While syncs go on, no reader meets an error or a mixture of two generations."""
    found = attempt(tmp_path, 4, seconds=3, every=0.3, readers=readers, in_processes=in_processes)

    assert (found.wrong, found.errors, found.logs_left) == (0, (), 0)
    assert found.generations > 1
    assert found.answers > 50


@pytest.mark.parametrize("searcher", [KeepsItsCatalogue, SaysTheLatest])
def test_a_searcher_that_mixes_generations_is_seen(tmp_path: Path, searcher: type[Searcher]) -> None:
    """The same traffic finds wrong answers, or errors, of a searcher that takes up only part of a swap."""
    found = attempt(tmp_path, 4, seconds=1, every=0.2, readers=2, make_searcher=searcher)

    assert found.wrong or found.errors
