"""An index that was kept up to date step by step is the one that is made at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from indexer import sync
from indexer.dense import Dense
from indexer.store import Reader
from tests.faults.sequences import PATHS, SENTENCES, Sequences, attempt, built_twice, difference


def test_changes_one_by_one_make_the_same_as_a_first_sync() -> None:
    """After any changes, documents, passages, refusals and search results are those of an index from scratch."""
    assert attempt(6, sequences=12) > 12


def test_the_same_reports_make_the_same_index(tmp_path: Path) -> None:
    """Two indexes of the same reports agree, ids and all."""
    assert built_twice(tmp_path, 3) is None


def test_equal_passages_keep_their_order_whatever_came_first() -> None:
    """Documents that say the same come in the order of their paths, not in that in which they were indexed."""
    machine = Sequences()
    for path in PATHS:
        machine.write(path, [SENTENCES[0], SENTENCES[3]], then=False)
    machine.compare()
    for text in ([SENTENCES[1]], [SENTENCES[0], SENTENCES[3]]):
        machine.write(PATHS[0], text, then=True)
    machine.teardown()


def _never_caught_up(dense: Dense, reader: Reader) -> Dense:
    return replace(dense, version=reader.version)


def _of_the_file_alone(*_: Any) -> str:
    return "the same"


@pytest.mark.parametrize(
    ("owner", "name", "planted"),
    [(Dense, "caught_up", _never_caught_up), (sync, "_recipe", _of_the_file_alone)],
)
def test_a_sync_that_overlooks_something_is_seen(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, planted: Callable[..., Any]
) -> None:
    """The same sequences find a difference where a searcher keeps old vectors, or the manifest is not looked at."""
    monkeypatch.setattr(owner, name, planted)

    with pytest.raises(Exception):  # noqa: B017, PT011 - a difference, or an error of who searches such an index
        attempt(6, sequences=5, shrink=False)


def test_a_difference_is_told() -> None:
    """The comparison sees other numbers, lengths and values, wherever they are."""
    assert difference({"a": [1.0, ("x", 2)]}, {"a": [1.0000001, ("x", 2)]}) is None
    assert difference({"a": [1.0, 2]}, {"a": [1.1, 2]}) == "/a/0: 1.0 and 1.1"
    assert difference([1], [1, 2]) == ": [1] and [1, 2]"
    assert difference({"a": 1}, {"b": 1}) == ": {'a': 1} and {'b': 1}"
