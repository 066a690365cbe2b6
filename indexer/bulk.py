"""Makes documents on many processes or machines at once: files in, passages with their vectors out, shard by shard.

Files are cut into shards. A worker gets a shard's bytes and what it must know of them, and nothing else: it needs no
disk in common with anybody. Each shard that comes back is put into the folder `bulk` of the index under a name that
hashes all that went in, and a sync that finds it there does not have it made again. So whatever is killed, a worker,
its machine or the sync itself, costs the shards that were under way, and the next sync goes on where this one ended.

What runs the tasks is behind the `Executor` protocol; `cluster` has one. Workers are trusted: they get the documents,
and what they give back is indexed. They must run this same code and encoder, which each task checks.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from indexer.contents import Contents, from_bytes
from indexer.durable import publish, remove
from indexer.encoder import Fingerprint
from indexer.errors import CitewellError, DocumentRefusedError, IndexFormatError, Refusal, WorkersError
from indexer.settings import Settings
from indexer.shards import Job, Results, Tools, make_shard, write_order

log = logging.getLogger(__name__)

FOLDER = "bulk"  # in the folder of the index
SHARD_BYTES = 16 * 2**20  # of files; beside one more file
SHARD_FILES = 64
ENDS = 16  # of 256 files so many end a shard, by a hash of their path: see `_cut`
AT_WORK = 2  # shards a processor: one that is made, and one so that it need not wait
AHEAD = 8  # shards a processor beside the one that is given: those at work, and those that were done sooner
CHECK_S = 5.0  # without a shard coming back, until it is asked whether there still are workers
DEADLY = (
    "all workers died that were given the file, so it cannot be used: save it anew, give it in another format, "
    "or give the workers more memory"
)


class WorkerDiedError(Exception):
    """Each worker process that had this task died, as many as the executor tries."""


class Executor(Protocol):
    """Runs functions elsewhere."""

    @property
    def processors(self) -> int:
        """How many tasks run at a time."""
        ...

    def submit(self, function: Callable[..., bytes], *arguments: object) -> Future[bytes]:
        """Have a function called, which goes by its name; where its worker dies, by another worker.

        The future raises what the function raises, WorkerDiedError, or WorkersError where all workers are lost.
        """
        ...

    def check(self) -> None:
        """Raise WorkersError where there is nobody left to work."""
        ...


_Files = Sequence[tuple[Job, bytes]]


@dataclass(slots=True)
class _Shard:
    """Some files on their way."""

    jobs: tuple[Job, ...]
    order: str
    path: Path
    files: tuple[bytes, ...]  # until it is there
    future: Future[bytes] | None = None  # while it is at work
    is_there: bool = False


def contents_of(
    jobs: Iterable[tuple[Job, bytes]],
    settings: Settings,
    fingerprint: Fingerprint,
    *,
    executor: Executor,
    tools: Tools,
    told: Callable[[int, int], None] = lambda _files, _passages: None,
) -> Iterator[tuple[Job, Contents | DocumentRefusedError]]:
    """Have documents made of files and their bytes, and give them in the order of the files.

    `told` is called as shards are done, here, with how many more files and newly encoded passages those are. What is
    done is kept in the folder of the index until `drop_shards`. Files that kill whatever works at them are refused.
    Raises WorkersError, or what a task raises, such as ModelError; what was given until then is right.
    """
    (settings.index / FOLDER).mkdir(parents=True, exist_ok=True)
    run = _Run(_cut(jobs), lambda some: _shard(some, settings, fingerprint), executor, tools, told)
    try:
        yield from run.results()
    finally:
        run.cancel()


def drop_shards(index: Path) -> None:
    """Remove all shards of an index, as they are committed or of no use any more. Raises OSError."""
    remove(index / FOLDER)


@dataclass
class _Run:
    """Shards at work, and those that wait to be given."""

    cut: Iterator[_Files]
    shard_of: Callable[[_Files], _Shard]
    executor: Executor
    tools: Tools
    told: Callable[[int, int], None]
    waiting: deque[_Shard] = field(default_factory=deque)  # in their order, the next to be given first
    suspects: deque[_Shard] = field(default_factory=deque)  # at whose time all workers died
    is_all: bool = False  # no more shards come

    def results(self) -> Iterator[tuple[Job, Contents | DocumentRefusedError]]:
        while True:
            self._go_on()
            if self.waiting and self.waiting[0].is_there:
                shard = self.waiting.popleft()
                for job, part in zip(shard.jobs, _read(shard.path).parts, strict=True):
                    yield job, part if isinstance(part, DocumentRefusedError) else _checked(job, from_bytes(part))
                    self._go_on()  # so that no worker waits for whoever stores
            elif at_work := self._at_work():
                self._wait(at_work)
            elif self.suspects:
                self._one_by_one(self.suspects.popleft())
            elif not self.waiting:
                return

    def cancel(self) -> None:
        """Give up what nobody waits for any more."""
        for shard in self.waiting:
            if shard.future:
                shard.future.cancel()

    def _at_work(self) -> list[_Shard]:
        return [shard for shard in self.waiting if shard.future]

    def _go_on(self) -> None:
        """Take in what is done and hand out more; never waits."""
        at_work = self._at_work()
        done = [shard for shard in at_work if shard.future and shard.future.done()]
        self._take(done)
        if self.is_all or (at_work and not done):
            return
        processors, count = max(1, self.executor.processors), len(at_work) - len(done)
        while count < AT_WORK * processors and len(self.waiting) < AHEAD * processors:
            if not (files := next(self.cut, None)):
                self.is_all = True
                return
            shard = self.shard_of(files)
            if _is_sound(shard.path):
                self._is_done(shard, encoded=0)
            else:
                self._submit(shard)
                count += 1
            self.waiting.append(shard)

    def _submit(self, shard: _Shard) -> Future[bytes]:
        shard.future = self.executor.submit(make_shard, shard.order, shard.files, self.tools)
        return shard.future

    def _take(self, shards: Sequence[_Shard]) -> None:
        """Keep what became of shards, or put them among the suspects; all of them, whatever has befallen one."""
        errors = []
        for shard in shards:
            assert shard.future
            future, shard.future = shard.future, None
            try:
                self._keep(shard, _result(future))
            except WorkerDiedError:
                log.warning(
                    "all workers died that had the %d files from `%s` to `%s`; each file is now tried by itself",
                    len(shard.jobs),
                    shard.jobs[0].source.path,
                    shard.jobs[-1].source.path,
                )
                self.suspects.append(shard)
            except CitewellError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _keep(self, shard: _Shard, data: bytes) -> None:
        made = Results.from_bytes(data)
        publish(shard.path, lambda path: path.write_bytes(data))
        self._is_done(shard, made.encoded)

    def _is_done(self, shard: _Shard, encoded: int) -> None:
        shard.is_there, shard.files = True, ()
        self.told(len(shard.jobs), encoded)

    def _one_by_one(self, suspect: _Shard) -> None:
        """Have the files of a shard made with nothing beside, so that a file is blamed for its own deeds only.

        Whatever a worker has been given shares the blame for its death, also what it had not begun.
        """
        made = []
        for job, data in zip(suspect.jobs, suspect.files, strict=True):
            shard = self.shard_of([(job, data)])
            future = self._submit(shard)
            self._wait([shard])
            try:
                made.append(Results.from_bytes(_result(future)))
            except WorkerDiedError:
                log.warning("all workers died that had `%s`", job.source.path)
                made.append(Results((DocumentRefusedError(Refusal.CRASHED, DEADLY),), 0))
        parts = tuple(part for one in made for part in one.parts)
        self._keep(suspect, Results(parts, sum(one.encoded for one in made)).to_bytes())

    def _wait(self, shards: Sequence[_Shard]) -> None:
        """Wait until one of these is done. Raises WorkersError where nobody is left to do it."""
        futures = [shard.future for shard in shards if shard.future]
        while not wait(futures, CHECK_S, FIRST_COMPLETED).done:
            self.executor.check()


def _shard(some: _Files, settings: Settings, fingerprint: Fingerprint) -> _Shard:
    jobs, files = zip(*some, strict=True)
    order = write_order(jobs, settings, fingerprint)
    return _Shard(jobs, order, settings.index / FOLDER / sha256(order.encode()).hexdigest(), files)


def _cut(jobs: Iterable[tuple[Job, bytes]]) -> Iterator[list[tuple[Job, bytes]]]:
    """Cut files into shards, at places that their paths decide, where they do not get too large before.

    If only their number decided, one file that comes or goes between two tries would make all shards behind it other
    ones (content-defined chunking: Muthitacharoen et al., "A Low-bandwidth Network File System", SOSP 2001).
    """
    some: list[tuple[Job, bytes]] = []
    size = 0
    for job, data in jobs:
        some.append((job, data))
        size += len(data)
        if size >= SHARD_BYTES or len(some) >= SHARD_FILES or int(job.source.doc_id[:2], 16) < ENDS:
            yield some
            some, size = [], 0
    if some:
        yield some


def _result(future: Future[bytes]) -> bytes:
    try:
        return future.result()
    except (CitewellError, WorkerDiedError):
        raise
    except Exception as error:
        raise WorkersError(
            f"a worker failed ({type(error).__name__}: {error}); what is done is kept, and running the command again "
            "goes on from there"
        ) from error


def _is_sound(path: Path) -> bool:
    try:
        _read(path)
    except FileNotFoundError:
        return False
    except (IndexFormatError, OSError) as error:
        log.warning("`%s` is made again (%s)", path, error)
        return False
    return True


def _read(path: Path) -> Results:
    return Results.from_bytes(path.read_bytes())


def _checked(job: Job, contents: Contents) -> Contents:
    """Give what is as this job has it. Raises IndexFormatError."""
    document = contents.document
    if (document.doc_id, document.sha256, contents.recipe) != (job.source.doc_id, job.sha256, job.recipe):
        raise IndexFormatError(f"a shard has something else for `{job.source.path}`: remove the folder `{FOLDER}`")
    return contents
