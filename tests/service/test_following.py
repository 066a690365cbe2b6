"""Changes of sources are told once they are over, and nothing else is."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import watchfiles

from indexer.settings import Settings
from service import following
from service.following import _Matters, follow


class Told:
    """When changes were told."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self) -> None:
        self.times.append(monotonic())

    def wait(self, count: int) -> None:
        """Wait until so many were told, and a moment for further ones."""
        end = monotonic() + 10
        while len(self.times) < count and monotonic() < end:
            sleep(0.01)
        sleep(0.4)
        assert len(self.times) == count


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten all times."""
    for name, value in {"QUIET_S": 0.2, "LONGEST_S": 1.0, "LOOK_MS": 50, "RETRY_S": 0.1, "POLL_MS": 50}.items():
        monkeypatch.setattr(following, name, value)


@contextmanager
def followed(*paths: Path, index: Path) -> Iterator[Told]:
    """Follow sources until the block ends."""
    told = Told()
    stop = threading.Event()
    thread = threading.Thread(target=follow, args=(paths, Settings(index=index), stop, told))
    thread.start()
    try:
        told.wait(1)  # the start
        yield told
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Give a folder with a file in a folder."""
    (tmp_path / "reports" / "deep").mkdir(parents=True)
    file = tmp_path / "reports" / "deep" / "a.txt"
    file.write_text("one")
    os.utime(file, (1, 1))  # where files are looked at, the time of their change counts in whole seconds
    return tmp_path / "reports"


def test_files_that_come_change_and_go_are_told(reports: Path, tmp_path: Path) -> None:
    """Each is one change, and so are many files that come at once."""
    with followed(reports, index=tmp_path / "index") as told:
        for number in range(20):
            (reports / f"{number}.txt").write_text("new")
            sleep(0.01)
        told.wait(2)
        (reports / "deep" / "a.txt").write_text("two")
        told.wait(3)
        (reports / "deep" / "a.txt").unlink()
        told.wait(4)


def test_what_never_ends_is_told_all_the_same(reports: Path, tmp_path: Path) -> None:
    """A file that is written to again and again does not keep other changes from being told."""
    with followed(reports, index=tmp_path / "index") as told:
        end = monotonic() + 10
        while len(told.times) < 2 and monotonic() < end:
            (reports / "log.txt").write_text(str(monotonic()))
            sleep(0.02)
        assert len(told.times) == 2


def test_the_index_and_what_is_excluded_do_not_matter(tmp_path: Path) -> None:
    """Uploads and manifests do, wherever the index lies; a source inside a hidden folder does as well."""
    index = tmp_path / "reports" / "index"
    (index / "uploads").mkdir(parents=True)
    hidden = tmp_path / ".hidden"
    hidden.mkdir()
    single = tmp_path / "single.txt"
    single.touch()
    matters = _Matters([tmp_path / "reports", hidden, index / "uploads", single], Settings(index=index))
    for path, expected in {
        "reports/a.txt": True,
        "reports/b/a.txt": True,
        "reports/b": True,
        "reports": True,
        "reports/manifest.csv": True,
        "reports/b/manifest.csv": False,
        "reports/.git/a.txt": False,
        "reports/b/.a.txt.swp": False,
        "reports/README.md": False,
        "reports/index/store.sqlite": False,
        "reports/index/uploads/a.txt": True,
        "reports/index/uploads/manifest.csv": True,
        "reports/index/incoming/a.txt": False,
        ".hidden/a.txt": True,
        "single.txt": True,
        "other.txt": False,
        "manifest.csv": True,
    }.items():
        assert matters(tmp_path / path) is expected, path


def test_a_single_file_is_followed(reports: Path, tmp_path: Path) -> None:
    """It alone: its neighbours do not matter; another file put in its place does."""
    file = reports / "deep" / "a.txt"
    with followed(file, index=tmp_path / "index") as told:
        (reports / "deep" / "b.txt").write_text("beside")
        told.wait(1)
        file.write_text("two")
        told.wait(2)
        (tmp_path / "new").write_text("three")
        (tmp_path / "new").replace(file)
        told.wait(3)
        file.write_text("four")
        told.wait(4)


def test_a_folder_that_goes_is_logged_and_waited_for(
    reports: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """That it went is logged once; that it came back, or came at all, is a change, and it is followed again."""
    late = tmp_path / "late"
    with caplog.at_level(logging.WARNING, "citewell"), followed(reports, late, index=tmp_path / "index") as told:
        assert caplog.text.count(f"`{late}` is not there; it is waited for") == 1
        moved = reports.rename(tmp_path / "moved")
        sleep(0.5)
        assert caplog.text.count(f"`{reports}` is not there; it is waited for") == 1
        late.mkdir()
        told.wait(2)
        moved.rename(reports)
        told.wait(3)
        (reports / "deep" / "a.txt").write_text("changed")
        told.wait(4)
    assert caplog.text.count("is not there") == 2


def test_where_the_system_tells_nothing_the_files_are_looked_at(
    reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and changes are told all the same."""

    def watch(*paths: Path, force_polling: bool | None, **more: Any) -> Any:
        if not force_polling:
            raise OSError("too many files are watched")
        return watchfiles.watch(*paths, force_polling=True, **more)

    monkeypatch.setattr(following, "watch", watch)
    with caplog.at_level(logging.WARNING, "citewell"), followed(reports, index=tmp_path / "index") as told:
        (reports / "deep" / "a.txt").write_text("longer than before")
        told.wait(2)
    assert "the system tells of no changes (too many files are watched)" in caplog.text
