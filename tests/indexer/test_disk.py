"""What a disk says is told in words that help, and how much a sync writes is known about."""

import errno
import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from indexer.disk import FIRST, OF_PASSAGE, ROWS, Need, explained
from indexer.errors import IndexFormatError, UnusableIndexError
from indexer.records import Page, Passage, Span

Usage = namedtuple("Usage", "total used free")
MB = 1_000_000


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every disk have 2.5 MB free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10 * MB, 8 * MB, 5 * MB // 2))


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("it says something")
    error.sqlite_errorcode = code
    return error


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        caused(IndexFormatError("the index cannot be used"), of_sqlite(sqlite3.SQLITE_FULL)),
        caused(UnusableIndexError("no words"), ValueError("An IO error occurred: 'No space (os error 28)'")),
        caused(
            UnusableIndexError("no words"), ValueError("Failed to open: PathError { err: Os { code: 28, kind: a } }")
        ),
    ],
)
def test_a_full_disk_is_told_with_what_is_missing(tmp_path: Path, error: Exception) -> None:
    """Whoever met it, the message says how much is needed beside what is free, and what to do."""
    told = explained(error, tmp_path / "index", 7 * MB)
    assert told is not None
    assert told.startswith(f"the disk of `{tmp_path}/index` is full: about 4.5 MB more are needed, 2.5 MB are free;")
    assert "free some space there" in told


@pytest.mark.usefixtures("free")
def test_something_is_always_missing_on_a_full_disk(tmp_path: Path) -> None:
    """Where others have made room meanwhile, the message does not ask for nothing, or for less than nothing."""
    told = explained(OSError(errno.ENOSPC, "No space left on device"), tmp_path, MB)
    assert told is not None
    assert "about 0.1 MB more are needed" in told


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_CANTOPEN])
def test_a_failing_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """An I/O error is one of the disk, or of its space where hardly any is left."""
    assert "(Input/output error); check the disk" in str(explained(of_sqlite(code), tmp_path, MB))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10 * MB, 10 * MB, 0))
    assert "is full: about 1.0 MB more are needed" in str(explained(of_sqlite(code), tmp_path, MB))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such thing"),
        IndexFormatError("damaged"),
        of_sqlite(sqlite3.SQLITE_CORRUPT),
        OSError(errno.ENOSPC, "No space left on device", "/elsewhere/file"),
        OSError(errno.EACCES, "Permission denied"),
    ],
)
def test_other_errors_are_not_explained(tmp_path: Path, error: Exception) -> None:
    """What is not of the index folder's disk keeps its own words."""
    assert explained(error, tmp_path, MB) is None


def test_an_error_of_a_file_of_the_index_is_explained(tmp_path: Path) -> None:
    """The folder may be named relative to the current one, and the file by its whole path."""
    error = OSError(errno.EIO, "Input/output error", str(tmp_path / "index" / "originals" / "a"))
    assert explained(error, tmp_path / "index", 0) is not None


def test_need_goes_by_the_files_so_far(tmp_path: Path) -> None:
    """Files that were not looked at count like those before: so many changed, so many bytes stored of each."""
    files = [tmp_path / name for name in "abcd"]
    for file in files:
        file.write_bytes(bytes(1000))
    need = Need([*files, tmp_path / "vanished"])
    assert need.bytes(tmp_path) == int(4000 * (1 + FIRST))
    need.see(1000)
    need.see(1000)
    need.change(1000)
    assert need.bytes(tmp_path) == int(2000 * (1 + FIRST))
    passage = Passage("ab", (Span(1, 0, 2),), sentences=((0, 2),))
    need.store(1000, [Page(1, "ab")], [passage], 8)
    vectors = 2 * 8 * 2  # which stand in the journal too, until the commit
    stored = ROWS * (2 + 2 + vectors + OF_PASSAGE) + vectors
    assert need.bytes(tmp_path) == int(2000 * (1 + stored / 1000))
    (tmp_path / "lexical-00000001").mkdir()
    (tmp_path / "lexical-00000001" / "a.term").write_bytes(bytes(500))
    assert need.bytes(tmp_path) == int(2000 * (1 + stored / 1000)) + 500
