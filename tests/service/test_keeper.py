"""Syncs that are asked for run one after another, tell how far they are, and end well or say why not."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import pytest

from indexer.database import WATCH_LOCK, writer_lock
from indexer.embedded import Embedded
from indexer.errors import DocumentRefusedError, ModelError
from indexer.records import Extracted
from indexer.settings import Settings
from indexer.sync import Readers
from service import keeper as keeping
from service.jobs import Job, Jobs, State
from service.keeper import Keeper
from tests.fakes import TextReaders, WordEncoder
from tests.service.conftest import Library

T = TypeVar("T")


class HeldReaders(TextReaders):
    """Reads nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        for item in super().read_all(items, name):
            self.begun.set()
            assert self.go_on.wait(30)
            yield item


@contextmanager
def kept(
    settings: Settings,
    *sources: Path,
    readers: TextReaders | None = None,
    open_encoder: Callable[[], WordEncoder] = WordEncoder,
) -> Iterator[Keeper]:
    """Give a keeper that is closed in the end."""

    def open_readers() -> AbstractContextManager[Readers]:
        return nullcontext(readers or TextReaders())

    keeper = Keeper(settings, sources=sources, open_encoder=open_encoder, open_readers=open_readers)
    try:
        yield keeper
    finally:
        keeper.close()


def until(happened: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = monotonic() + 20
    while not happened():
        assert monotonic() < end, "it did not happen"
        sleep(0.01)


def ended(keeper: Keeper, job: Job) -> Job:
    """Wait until a job has ended."""
    until(lambda: keeper.jobs.get(job.id).is_finished)
    return keeper.jobs.get(job.id)


def paths(settings: Settings) -> set[str]:
    """Give the paths of the documents that are indexed."""
    with Embedded.open(settings.index).reading() as reader:
        return {document.path for document in reader.documents()}


def test_a_sync_is_done_and_told(library: Library) -> None:
    """The job has times, the last progress and the report; what was refused does not make it fail."""
    library.write("new.txt", "Boats are painted in the harbour.")
    library.write("bad.txt", "!")
    with kept(library.settings, library.sources) as keeper:
        job = keeper.request_sync()
        done = ended(keeper, job)
    assert (job.state, done.state, done.error) == (State.QUEUED, State.DONE, None)
    assert done.report
    assert done.report.added == ("new.txt",)
    assert [refused.path for refused in done.report.refused] == ["bad.txt"]
    assert done.progress
    assert (done.progress.files, done.progress.encoded) == (6, done.report.encoded)
    assert done.started_at
    assert done.finished_at
    assert done.created_at <= done.started_at <= done.finished_at


def test_without_sources_only_uploads_are_looked_at(library: Library) -> None:
    """What was indexed by command stays; an upload comes and goes."""
    upload = library.settings.uploads / "up.txt"
    upload.parent.mkdir()
    upload.write_text("Boats are painted in the harbour.")
    before = paths(library.settings)
    with kept(library.settings) as keeper:
        assert ended(keeper, keeper.request_sync()).state is State.DONE
        assert paths(library.settings) == before | {"up.txt"}
        upload.unlink()
        assert ended(keeper, keeper.request_sync()).state is State.DONE
        assert paths(library.settings) == before


def test_with_sources_all_else_goes_but_uploads(library: Library, tmp_path: Path) -> None:
    """The index comes to hold the sources and the uploads alone."""
    library.settings.uploads.mkdir()
    (library.settings.uploads / "up.txt").write_text("Boats are painted in the harbour.")
    with kept(library.settings, library.sources / "bluehill") as keeper:
        assert ended(keeper, keeper.request_sync()).state is State.DONE
    assert paths(library.settings) == {"2021.txt", "up.txt"}


def test_an_index_begins_with_a_service(tmp_path: Path) -> None:
    """There need be nothing at all before the first sync, which leaves an empty index."""
    with kept(Settings(index=tmp_path / "index")) as keeper:
        done = ended(keeper, keeper.request_sync())
    assert done.state is State.DONE
    assert paths(keeper.settings) == set()


def test_a_sync_that_waits_is_given_again(library: Library) -> None:
    """Who asks while one is running gets one that begins after it, and all who ask then the same."""
    readers = HeldReaders()
    library.write("new.txt", "Boats are painted in the harbour.")
    with kept(library.settings, library.sources, readers=readers) as keeper:
        running = keeper.request_sync()
        assert readers.begun.wait(20)
        library.write("newer.txt", "Sails are mended in the loft.")
        waiting = keeper.request_sync()
        assert keeper.request_sync().id == waiting.id != running.id
        readers.go_on.set()
        second = ended(keeper, waiting)
        assert [ended(keeper, running).state, second.state] == [State.DONE, State.DONE]
    assert second.report
    assert second.report.added == ("newer.txt",)


def test_how_far_it_is_can_be_read_meanwhile(library: Library) -> None:
    """Another object for the same folder, as in another process, sees it run."""
    readers = HeldReaders()
    library.write("new.txt", "Boats are painted in the harbour.")
    with kept(library.settings, library.sources, readers=readers) as keeper:
        job = keeper.request_sync()
        assert readers.begun.wait(20)
        seen = Jobs(library.settings.index).get(job.id)
        readers.go_on.set()
        ended(keeper, job)
    assert seen.state is State.RUNNING
    assert seen.progress
    assert seen.progress.files_total == 5


def test_closing_interrupts_what_runs_and_what_waits(library: Library) -> None:
    """The index is as it was, and both jobs say so; who asks later is told the same."""
    readers = HeldReaders()
    library.write("new.txt", "Boats are painted in the harbour.")
    library.write("newer.txt", "Sails are mended in the loft.")
    before = paths(library.settings)
    with kept(library.settings, library.sources, readers=readers) as keeper:
        running = keeper.request_sync()
        assert readers.begun.wait(20)
        waiting = keeper.request_sync()
        closing = threading.Thread(target=keeper.close)
        closing.start()
        until(lambda: keeper.is_closed)
        readers.go_on.set()
        closing.join()
    assert keeper.jobs.get(running.id).state is State.INTERRUPTED
    assert keeper.jobs.get(waiting.id).state is State.INTERRUPTED
    assert paths(library.settings) == before


def test_who_asks_a_closed_keeper_is_told(library: Library) -> None:
    """The job is interrupted, whether the keeper ever ran one or not, and nobody waits for it."""
    with kept(library.settings, library.sources) as keeper:
        ended(keeper, keeper.request_sync())
    assert keeper.request_sync().state is State.INTERRUPTED
    with kept(library.settings, library.sources) as unused:
        pass
    assert unused.request_sync().state is State.INTERRUPTED


def test_another_writer_is_waited_for(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job stays queued while another process writes, and is done afterwards."""
    monkeypatch.setattr(keeping, "BUSY_WAIT_S", 0.02)
    with kept(library.settings, library.sources) as keeper:
        with writer_lock(library.settings.index):
            job = keeper.request_sync()
            sleep(0.3)
            assert keeper.jobs.get(job.id).state is State.QUEUED
        assert ended(keeper, job).state is State.DONE


def test_a_writer_that_does_not_end_is_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some time the job fails and says who writes."""
    monkeypatch.setattr(keeping, "BUSY_WAIT_S", 0.02)
    monkeypatch.setattr(keeping, "BUSY_MOST_S", 0.05)
    with writer_lock(library.settings.index), kept(library.settings, library.sources) as keeper:
        done = ended(keeper, keeper.request_sync())
    assert done.state is State.FAILED
    assert "is writing to the index" in (done.error or "")


def test_an_error_of_ours_is_told_and_the_next_sync_runs(library: Library) -> None:
    """A missing source, and a model that cannot be opened, fail the job with their message; both may come back."""
    opened: list[WordEncoder] = []

    def open_encoder() -> WordEncoder:
        if not opened:
            opened.append(WordEncoder())
            raise ModelError("the model is not there")
        return opened[0]

    moved = library.sources.rename(library.sources.with_name("moved"))
    with kept(library.settings, library.sources, open_encoder=open_encoder) as keeper:
        first = ended(keeper, keeper.request_sync())
        second = ended(keeper, keeper.request_sync())
        moved.rename(library.sources)
        third = ended(keeper, keeper.request_sync())
    assert (first.state, first.error) == (State.FAILED, "the model is not there")
    assert (second.state, second.error) == (
        State.FAILED,
        f"`{library.sources}` does not exist; nothing was changed",
    )
    assert third.state is State.DONE


def test_an_error_of_the_program_says_nothing_of_texts(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    """The job fails, and neither it nor the log repeats the message, which may hold a document's words."""

    class Broken(WordEncoder):
        def count(self, texts: object) -> list[int]:
            raise ZeroDivisionError("secret words"[:6])  # as the log has the lines of the program

    library.write("new.txt", "Boats are painted in the harbour.")
    with (
        caplog.at_level(logging.ERROR, "citewell"),
        kept(library.settings, library.sources, open_encoder=Broken) as keeper,
    ):
        done = ended(keeper, keeper.request_sync())
    assert done.state is State.FAILED
    assert "an error in Citewell itself" in (done.error or "")
    assert "secret\n" not in (done.error or "") + caplog.text
    assert ": secret" not in (done.error or "") + caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_an_end_that_cannot_be_written_keeps_nobody_waiting(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the disk takes no file, the job is gone, and the keeper goes on."""
    with kept(library.settings, library.sources) as keeper:
        with monkeypatch.context() as full:
            job = keeper.jobs.new("sync")
            full.setattr("service.jobs.publish", _no_space)
            full.setattr(keeper.jobs, "new", lambda kind: job)
            keeper.request_sync()
            until(lambda: not keeper.jobs.recent())
        assert ended(keeper, keeper.request_sync()).state is State.DONE
    assert "a job could not be written" in caplog.text


def _no_space(path: Path, write: object) -> None:
    raise OSError(28, "No space left on device", str(path))


def test_changes_of_the_sources_are_followed(library: Library) -> None:
    """A keeper that watches syncs at once, and again when a file or an upload comes."""
    with kept(library.settings, library.sources) as keeper:
        keeper.watch()
        until(lambda: [job for job in keeper.jobs.recent() if job.state is State.DONE])
        library.write("new.txt", "Boats are painted in the harbour.")
        (library.settings.uploads / "up.txt").write_text("Sails are mended in the loft.")
        until(lambda: {"new.txt", "up.txt"} <= paths(library.settings))


def test_only_one_of_several_processes_watches(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one begins when the first has stopped."""
    monkeypatch.setattr(keeping, "LOCK_WAIT_S", 0.02)
    followed: list[Keeper] = []

    with kept(library.settings, library.sources) as first, kept(library.settings, library.sources) as second:
        keepers = {first._stop: first, second._stop: second}

        def follow(paths: object, settings: object, stop: threading.Event, changed: object) -> None:
            followed.append(keepers[stop])
            stop.wait(20)

        monkeypatch.setattr(keeping, "follow", follow)
        first.watch()
        until(lambda: followed == [first])
        second.watch()
        sleep(0.1)
        assert followed == [first]
        first.close()
        until(lambda: followed == [first, second])
    assert (library.settings.index / WATCH_LOCK).exists()
