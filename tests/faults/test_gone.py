"""What was removed is found, shown and held by nothing any more."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest

from indexer import sync
from indexer.database import connect
from indexer.dense import Dense
from indexer.errors import IndexFormatError
from indexer.store import Reader, Store, Writer, store
from tests.faults.changing import Reports
from tests.faults.gone import attempt


def test_removed_documents_are_gone(tmp_path: Path) -> None:
    """No arm, page, list or file has a word of what was removed or changed, for old and new searchers alike."""
    gone, left = attempt(tmp_path, 2, rounds=3)

    assert gone > 3
    assert left == []


def _never_caught_up(dense: Dense, reader: Reader) -> Dense:
    return replace(dense, version=reader.version)


def _not_overwriting(folder: Path, *, create: bool = False) -> sqlite3.Connection:
    connection = connect(folder, create=create)
    connection.execute("PRAGMA secure_delete = OFF")
    return connection


def _not_written_anew(writer: Writer, *arguments: Any) -> None:
    writer._has_removed = False
    COMMIT(writer, *arguments)


def _leaving_the_log(writer: Writer, *arguments: Any) -> None:
    connection = writer._db
    writer._db = _Committing(connection)  # type: ignore[assignment]
    COMMIT(writer, *arguments)
    writer._db = connection


class _Committing:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *arguments: Any) -> Any:
        left = "SELECT 0" if "wal_checkpoint" in statement else statement
        return self._connection.execute(left, *arguments)


COMMIT = Writer.commit


def test_who_reads_at_the_commit_does_not_make_removed_text_stay(tmp_path: Path) -> None:
    """A sync waits for those who are in the middle of reading, and then empties the log."""
    reports = Reports(tmp_path, 3, documents=6)
    reports.sync()
    index, begun = reports.settings.index, Event()

    def read_for_a_while() -> None:
        with closing(Store(index)) as store, store.reading():
            begun.set()
            sleep(1)

    reading = Thread(target=read_for_a_while)
    reading.start()
    begun.wait()
    removed = max(reports.folder.glob("*.txt"))
    text = removed.read_bytes()[:40]
    reports.remove(removed.name)
    reports.sync()
    held = [path for path in index.rglob("*") if path.is_file() and text in path.read_bytes()]
    reading.join()

    assert held == []


@pytest.mark.parametrize(
    "planted",
    [
        [(Dense, "caught_up", _never_caught_up)],
        [(sync, "drop_other_originals", lambda *_: None)],
        [(store, "connect", _not_overwriting), (Writer, "commit", _not_written_anew)],
        [(Writer, "commit", _leaving_the_log)],
    ],
)
def test_what_is_left_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: list[tuple[Any, str, Callable[..., Any]]]
) -> None:
    """The same looking finds what stays in open searchers, in originals, in the store's free space and in its log."""
    for owner, name, bug in planted:
        monkeypatch.setattr(owner, name, bug)

    try:
        _, left = attempt(tmp_path, 2, rounds=2)
    except (AssertionError, KeyError, IndexError, IndexFormatError):  # of who searches for what is no longer there
        return
    assert left
