"""`citewell watch` syncs, follows, and ends with Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import indexer.sync
from indexer.database import writer_lock
from indexer.settings import Settings
from tests.service.conftest import Citewell, Library
from tests.service.test_schemas import valid

ROOT = Path(__file__).parents[2]
# The command with an encoder that needs no model, and readers of plain text.
QUICK = """
import contextlib
import indexer.encoder, indexer.extract
from service.cli import main
from tests.fakes import TextReaders, WordEncoder

indexer.encoder.SentenceEncoder = lambda settings: WordEncoder()
indexer.extract.Readers = lambda settings: contextlib.nullcontext(TextReaders())
main()
"""


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Path]]:
    """Give a function that names what happens before each further sync; after the last of them Ctrl-C is pressed."""

    def plan(*steps: Callable[[], object]) -> list[Path]:
        left = [*steps, _press]
        followed: list[Path] = []
        real = indexer.sync.sync
        told: list[Callable[[], None]] = []

        def follow(paths: Sequence[Path], settings: Settings, stop: Event, changed: Callable[[], None]) -> None:
            followed.extend(paths)
            told.append(changed)
            changed()
            stop.wait(20)

        def sync(*arguments: Any, **named: Any) -> Any:
            try:
                return real(*arguments, **named)
            finally:
                if left:
                    left.pop(0)()
                    told[0]()

        monkeypatch.setattr("service.following.follow", follow)
        monkeypatch.setattr("indexer.sync.sync", sync)
        return followed

    return plan


def _press() -> None:
    raise KeyboardInterrupt


def test_each_sync_has_a_line(citewell: Citewell, library: Library, changes: Any) -> None:
    """The first says what was done at the start, further ones what has changed; it ends as what was stopped does."""
    followed = changes(lambda: library.write("new.txt", "Boats are painted."), lambda: None)
    ran = citewell("watch", library.sources, "--index", library.settings.index)
    lines = ran.out.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["0 added", "1 added"]
    assert (ran.code, ran.err) == (130, "citewell: interrupted; the index is whole\n")
    assert followed == [library.sources, library.settings.uploads]


def test_json_is_the_last_report(citewell: Citewell, library: Library, changes: Any) -> None:
    """One document is printed, at the end."""
    changes(lambda: library.write("new.txt", "Boats are painted."), lambda: None)
    ran = citewell("watch", library.sources, "--json", "--index", library.settings.index)
    assert valid("report", json.loads(ran.out))["added"] == ["new.txt"]
    assert ran.code == 130


def test_an_error_later_on_is_told_and_it_goes_on(citewell: Citewell, library: Library, changes: Any) -> None:
    """A folder that goes and comes back is followed again."""
    moved = library.sources.with_name("moved")
    changes(lambda: library.sources.rename(moved), lambda: moved.rename(library.sources), lambda: None)
    ran = citewell("watch", library.sources, "--index", library.settings.index)
    assert len(ran.out.splitlines()) == 2
    assert f"`{library.sources}` does not exist; nothing was changed" in ran.err
    assert ran.code == 130


def test_an_error_at_the_start_ends_it(citewell: Citewell, tmp_path: Path) -> None:
    """A name that was mistyped is told at once."""
    ran = citewell("watch", tmp_path / "nowhere", "--index", tmp_path / "index")
    assert (ran.code, ran.out) == (2, "")
    assert "does not exist; nothing was changed" in ran.err


def test_another_writer_is_waited_for(
    citewell: Citewell, library: Library, changes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync is done when the other process is."""
    monkeypatch.setattr("service.cli.watch.BUSY_WAIT_S", 0.01)
    locked = writer_lock(library.settings.index)
    locked.__enter__()
    changes(lambda: locked.__exit__(None, None, None), lambda: None)
    ran = citewell("watch", library.sources, "--index", library.settings.index)
    assert [line.partition(",")[0] for line in ran.out.splitlines()] == ["0 added"]
    assert ran.code == 130


def test_sources_come_from_the_settings_where_none_are_named(
    citewell: Citewell, library: Library, changes: Any
) -> None:
    """So they do for `index`; a command line that names some counts first."""
    Path("citewell.toml").write_text(f'sources = ["{library.sources}/bluehill"]\nindex = "made"\n')
    changes(lambda: None)
    assert citewell("watch").out.startswith("1 added")
    assert json.loads(citewell("index", "--json").out)["unchanged"] == 1
    assert len(json.loads(citewell("index", library.sources, "--json").out)["added"]) == 4


@pytest.mark.e2e
def test_a_real_process_follows_real_files(library: Library) -> None:
    """A file that comes is indexed a moment later, and Ctrl-C ends it with the index whole."""
    process = subprocess.Popen(
        [sys.executable, "-c", QUICK, "watch", str(library.sources), "--index", str(library.settings.index)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "CITEWELL_PASSAGE_TOKENS": "32"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            assert process.stdout.readline().startswith("0 added, 0 updated")
            library.write("new.txt", "Boats are painted in the harbour.")
            assert process.stdout.readline().startswith("1 added")
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, told) == (130, "citewell: interrupted; the index is whole\n")
