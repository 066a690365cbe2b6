"""Keeps an index equal to its sources while it is served: syncs one after another, in a thread of its own."""

import fcntl
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Event, Thread
from time import monotonic
from traceback import format_tb

from indexer.database import WATCH_LOCK
from indexer.encoder import Encoder
from indexer.errors import CitewellError, IndexBusyError, UnusableIndexError
from indexer.records import Prune
from indexer.settings import Settings
from indexer.sync import Progress, Readers, Report, sync
from service.following import follow
from service.jobs import Job, Jobs, State
from service.logs import log

SYNC = "sync"  # the kind of job, and its thread
BUSY_WAIT_S = 0.5  # between two tries while another process writes
BUSY_MOST_S = 600.0  # after which it is told that this lasts
LOCK_WAIT_S = 5.0  # between two tries to be the one that watches
TOLD_EACH_S = 0.25  # progress
CLOSE_S = 30.0  # that a sync has to notice that it is to stop


class Keeper:
    """Runs the syncs that are asked for. With `sources`, the index comes to hold these and the uploads alone.

    Without any, only uploads are looked at, and what was indexed by command stays.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sources: Sequence[Path] = (),
        open_encoder: Callable[[], Encoder],
        open_readers: Callable[[], AbstractContextManager[Readers]],
    ) -> None:
        self.settings = settings
        self.sources = tuple(sources)
        self.jobs = Jobs(settings.index)
        self._open_encoder = open_encoder
        self._open_readers = open_readers
        self._encoder: Encoder | None = None
        self._changed = Condition()  # what follows
        self._queued: Job | None = None
        self._threads: list[Thread] = []
        self._stop = Event()

    @property
    def is_closed(self) -> bool:
        """Whether it does nothing any more."""
        return self._stop.is_set()

    def request_sync(self) -> Job:
        """Ask for a sync that sees all that has been changed by now; one that waits to begin is given again.

        Raises UnusableIndexError where the disk does not take the job.
        """
        with self._changed:
            if self.is_closed:
                job = _interrupted(self.jobs.new(SYNC))
                self.jobs.put(job)
                return job
            if self._queued is None:
                self._queued = self.jobs.new(SYNC)
                if not any(thread.name == SYNC for thread in self._threads):
                    self._start(SYNC, self._run)
                self._changed.notify_all()
            return self._queued

    def watch(self) -> None:
        """Sync now, and again whenever the sources have changed, where no other process does so."""
        self._start("watch", self._watch)

    def close(self) -> None:
        """Stop watching, interrupt the sync that is running, and wait for that."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(CLOSE_S)

    def _start(self, name: str, work: Callable[[], None]) -> None:
        thread = Thread(target=work, name=name, daemon=True)  # a process that ends waits for no sync
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        while job := self._next():
            self._write(_interrupted(job) if self.is_closed else self._finished(job))

    def _next(self) -> Job | None:
        """Wait for a job and take it: who asks from now on gets another one. None where there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._queued or self.is_closed)
            job, self._queued = self._queued, None
            return job

    def _finished(self, job: Job) -> Job:
        """Do a job, and give it as it has ended."""
        end = monotonic() + BUSY_MOST_S
        while True:
            told = _Told(job, self._write, self._stop)
            report, error = None, None
            try:
                report = self._synced(told)
                state = State.DONE
            except IndexBusyError as busy:
                if not self._stop.wait(BUSY_WAIT_S) and monotonic() < end:
                    continue
                state = State.INTERRUPTED if self.is_closed else State.FAILED
                error = None if self.is_closed else str(busy)
            except _StoppedError:
                state = State.INTERRUPTED
            except CitewellError as problem:
                state, error = State.FAILED, str(problem)
            except Exception as problem:  # noqa: BLE001 - the service goes on, and the next sync may go well
                # Without its message, which may repeat what stands in a document.
                where = "".join(format_tb(problem.__traceback__))
                log(logging.ERROR, f"a sync failed\n{where}{type(problem).__qualname__}", {"job": job.id})
                state, error = State.FAILED, f"an error in Citewell itself; its log tells more of job {job.id}"
            return replace(told.job, state=state, finished_at=datetime.now(UTC), report=report, error=error)

    def _synced(self, told: "_Told") -> Report:
        if self._encoder is None:
            self._encoder = self._open_encoder()
        with self._open_readers() as readers:
            return sync(
                self.sources,
                self.settings,
                encoder=self._encoder,
                readers=readers,
                prune=Prune.ALL if self.sources else Prune.OF_SOURCES,
                progress=told,
            )

    def _write(self, job: Job) -> None:
        try:
            self.jobs.put(job)
        except UnusableIndexError as error:
            log(logging.ERROR, "a job could not be written", {"job": job.id, "error": str(error)})
            if job.is_finished:
                self.jobs.forget(job)

    def _watch(self) -> None:
        with _alone(self.settings.index / WATCH_LOCK, self._stop) as is_mine:
            if is_mine:
                self.settings.uploads.mkdir(parents=True, exist_ok=True)  # as what is not there cannot be followed
                follow([*self.sources, self.settings.uploads], self.settings, self._stop, self._changed_sources)

    def _changed_sources(self) -> None:
        try:
            self.request_sync()
        except UnusableIndexError as error:
            log(logging.ERROR, "a sync could not be asked for", {"error": str(error)})


class _StoppedError(Exception):
    """The keeper is closed while it syncs."""


class _Told:
    """Takes note of how far a sync is, and stops it where the keeper is closed."""

    def __init__(self, job: Job, write: Callable[[Job], None], stop: Event) -> None:
        self.job = replace(job, started_at=datetime.now(UTC))
        self._write = write
        self._stop = stop
        self._written = 0.0

    def __call__(self, progress: Progress) -> None:
        """Tell it, not too often."""
        if self._stop.is_set():
            raise _StoppedError
        self.job = replace(self.job, state=State.RUNNING, progress=progress)
        if monotonic() - self._written >= TOLD_EACH_S:
            self._written = monotonic()
            self._write(self.job)


def _interrupted(job: Job) -> Job:
    return replace(job, state=State.INTERRUPTED, finished_at=datetime.now(UTC))


@contextmanager
def _alone(path: Path, stop: Event) -> Iterator[bool]:
    """Wait until no other process holds this file; False where it was stopped before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        while not stop.is_set():
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # which ends with the process
                yield True
                return
            stop.wait(LOCK_WAIT_S)
        yield False
