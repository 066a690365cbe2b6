"""Readers that never stop asking while the index changes, in threads and in processes: every answer is checked.

The writer backs up each generation that it makes. Afterwards a fresh searcher answers the same questions from each
backup, and what a reader was told of a generation must be the same to the letter.
"""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np

from indexer.backup import back_up
from indexer.database import STORE_FILE
from indexer.embedded import Embedded
from service.search import Searcher
from tests.fakes import WordEncoder
from tests.faults.changing import Reports, answer, queries
from tests.faults.table import Row

PATIENCE = 60  # seconds after the time is up until everything has certainly ended
SWAPS = 3  # that there are at least, however slow the machine
SETTLING = 0.5  # seconds after a sync in which searchers still turn to what it made
READY = "ready"
SPAWN = multiprocessing.get_context("spawn")

Told = tuple[int, int, str]  # number of the question, generation and hash of the answer
Times = tuple[float, float]  # when something began and ended
MakeSearcher = Callable[[Embedded, WordEncoder], Searcher]


@dataclass
class Heard:
    """What one reader heard."""

    told: Counter[Told] = field(default_factory=Counter)
    asked: list[Times] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Asked:
    """What all readers are given."""

    index: Path
    seed: int
    make_searcher: MakeSearcher
    enough: Event  # set when all are to end


@dataclass(frozen=True)
class Traffic:
    """What became of all questions."""

    answers: int
    generations: int  # that answers came from
    swaps: int  # generations that were made meanwhile
    wrong: int  # answers that are not those of the generation they name
    errors: tuple[str, ...]
    logs_left: int  # syncs after which the log still held what might have been removed
    quiet_p99_ms: float
    swap_p99_ms: float  # of questions that were under way during a sync or just after


def attempt(
    base: Path,
    seed: int,
    *,
    seconds: float,
    every: float,
    readers: int = 8,
    in_processes: bool = False,
    documents: int = 24,
    make_searcher: MakeSearcher = partial(Searcher, recent=0),  # so that each question is looked up  # noqa: B008
) -> Traffic:
    """Ask for some seconds by many readers, with a sync every so often in a process of its own."""
    reports = Reports(base, seed, documents)
    index, kept = reports.settings.index, base / "kept"
    back_up(index, kept / str(reports.sync().generation))
    answer(make_searcher(Embedded.open(index), WordEncoder()), queries(seed)[0])  # what is imported late is there now
    enough = SPAWN.Event()
    with started(_write, reports, kept, seconds, every, enough) as writer:
        ask = _ask_in_processes if in_processes else _ask_in_threads
        heard = ask(_Asked(index, seed, make_searcher, enough), readers, writer)
        syncs: list[Times]
        syncs, logs_left = writer.recv()
    told = sum((one.told for one in heard), Counter[Told]())
    expected = _expected(kept, {generation for _, generation, _ in told}, seed)
    during, quiet = _split([times for one in heard for times in one.asked], syncs)
    return Traffic(
        answers=told.total(),
        generations=len({generation for _, generation, _ in told}),
        swaps=len(syncs),
        wrong=sum(times for one, times in told.items() if one not in expected),
        errors=tuple(error for one in heard for error in one.errors),
        logs_left=logs_left,
        quiet_p99_ms=_p99_ms(quiet),
        swap_p99_ms=_p99_ms(during),
    )


def rows(seed: int) -> list[Row]:
    """Ten minutes of traffic, threads first, then processes."""
    made = []
    for in_processes, seconds, readers in ((False, 600, 8), (True, 120, 4)):
        with TemporaryDirectory() as base:
            found = attempt(
                Path(base), seed, seconds=seconds, every=20, readers=readers, in_processes=in_processes, documents=200
            )
        of = "processes" if in_processes else "threads"
        tried = f"questions by {readers} {of} while the index changed {found.swaps} times in {seconds // 60} minutes"
        wanted = "each answer exactly that of the generation it names, no errors"
        result = f"{found.wrong} wrong, {len(found.errors)} errors, of {found.generations} generations"
        is_met = not found.wrong and not found.errors and found.generations > found.swaps / 2
        made.append(Row(tried, found.answers, wanted, result, is_met))
        made.append(
            Row(
                f"syncs of these, after which the log of the store was looked at, {of}",
                found.swaps,
                "empty, so that it holds nothing that was removed",
                f"{found.logs_left} not",
                not found.logs_left,
            )
        )
        made.append(
            Row(
                f"p99 of these while a sync ran or was taken up, {of}",
                found.answers,
                "at most twice that of quiet times",
                f"{found.swap_p99_ms:.0f} ms, quiet {found.quiet_p99_ms:.0f} ms",
                found.swap_p99_ms <= 2 * found.quiet_p99_ms,
            )
        )
    return made


def _ask_in_threads(asked: _Asked, readers: int, writer: Connection) -> list[Heard]:
    heard = [Heard() for _ in range(readers)]
    with closing(Embedded.open(asked.index)) as store:
        searcher = asked.make_searcher(store, WordEncoder())
        _begin([writer])
        threads = [Thread(target=_ask, args=(searcher, asked, *one)) for one in enumerate(heard)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return heard


def _ask_in_processes(asked: _Asked, readers: int, writer: Connection) -> list[Heard]:
    with ExitStack() as stack:
        pipes = [stack.enter_context(started(_ask_alone, asked, number)) for number in range(readers)]
        _begin([*pipes, writer])
        return [pipe.recv() for pipe in pipes]


def _ask_alone(pipe: Connection, asked: _Asked, first: int) -> None:
    heard = Heard()
    with closing(Embedded.open(asked.index)) as store:
        searcher = asked.make_searcher(store, WordEncoder())
        _wait_to_begin(pipe)
        _ask(searcher, asked, first, heard)
    pipe.send(heard)


def _ask(searcher: Searcher, asked: _Asked, first: int, heard: Heard) -> None:
    questions = queries(asked.seed)
    number = first * 3
    while not asked.enough.is_set():
        number = (number + 1) % len(questions)
        began = time.monotonic()
        try:
            generation, said = answer(searcher, questions[number])
        except Exception as error:  # noqa: BLE001 - whatever a reader is told beside an answer is a fault
            heard.errors.append(repr(error))
        else:
            heard.told[number, generation, said] += 1
        heard.asked.append((began, time.monotonic()))


def _write(  # noqa: PLR0917 - a process takes them by place
    pipe: Connection, reports: Reports, kept: Path, seconds: float, every: float, enough: Event
) -> None:
    """Change the reports and the index until the time is up; send when each new generation was made."""
    try:
        _wait_to_begin(pipe)
        syncs: list[Times] = []
        logs_left = 0
        at = time.monotonic()
        until = at + seconds
        while at < until or len(syncs) < SWAPS:
            at = max(at + every, time.monotonic())
            time.sleep(max(0.0, at - time.monotonic()))
            reports.change()
            began = time.monotonic()
            generation = reports.sync().generation
            log = reports.settings.index / f"{STORE_FILE}-wal"
            logs_left += log.exists() and log.stat().st_size > 0
            if not (kept / str(generation)).exists():
                syncs.append((began, time.monotonic()))
                back_up(reports.settings.index, kept / str(generation))
        time.sleep(SETTLING)
    finally:
        enough.set()
    pipe.send((syncs, logs_left))


def _begin(pipes: Sequence[Connection]) -> None:
    """Wait until all processes are ready, then let all begin."""
    for pipe in pipes:
        assert pipe.recv() == READY
    for pipe in pipes:
        pipe.send(READY)


def _wait_to_begin(pipe: Connection) -> None:
    pipe.send(READY)
    pipe.recv()


def _expected(kept: Path, generations: set[int], seed: int) -> set[Told]:
    """Answer all questions of some generations anew, each from its backup."""
    expected = set()
    for generation in sorted(generations):
        with closing(Embedded.open(kept / str(generation))) as store:
            searcher = Searcher(store, WordEncoder())
            expected |= {(number, *answer(searcher, query)) for number, query in enumerate(queries(seed))}
    return expected


def _split(asked: Sequence[Times], syncs: Sequence[Times]) -> tuple[list[float], list[float]]:
    """Give how long questions took that fell into a sync or its settling, and all others."""
    during: list[float] = []
    quiet: list[float] = []
    for began, ended in asked:
        falls_in = any(began < done + SETTLING and ended > start for start, done in syncs)
        (during if falls_in else quiet).append(ended - began)
    return during, quiet


def _p99_ms(took: Sequence[float]) -> float:
    return float(np.quantile(took, 0.99)) * 1000 if took else 0.0


@contextmanager
def started(target: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """Run a function in a process of its own, which has a pipe to us as its first argument and never outlives us."""
    ours, its = SPAWN.Pipe()
    process = SPAWN.Process(target=target, args=(its, *arguments), daemon=True)
    process.start()
    its.close()
    try:
        yield ours
        process.join(PATIENCE)
    finally:
        process.kill()
        process.join()
        ours.close()
