"""Processes that work on one listening socket; whoever dies is replaced.

They are forked: so what was imported is in memory once, and another one starts soon. The process that looks after
them opens nothing that could not be shared so, and starts no thread.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from threading import Thread

from indexer.errors import CitewellError, UnusableIndexError

SHORT_LIFE_S = 1.0  # a worker that dies sooner, once ready, has failed
MOST_FAILURES = 3  # in a row, in one place
GRACE_S = 1.0  # beyond the time that requests have left, before a worker is killed

Work = Callable[[socket.socket, Callable[[], None]], None]  # its arguments: the socket, and what to call when ready

log = logging.getLogger("uvicorn.workers")  # so that it looks like all else that a server logs


@dataclass
class _Worker:
    process: ForkProcess
    heard: Connection  # over which it says None when it is ready, or why it cannot be
    failures: int  # of those before it in its place
    ready: float = inf

    @property
    def has_failed(self) -> bool:
        return time.monotonic() - self.ready < SHORT_LIFE_S


def keep_working(work: Work, listening: socket.socket, *, workers: int, stop_s: float) -> None:
    """Have some processes work until this one is told to stop by SIGINT or SIGTERM, which they are told by SIGTERM.

    If this process dies they stop too. Raises the CitewellError that keeps the first ones from working, and
    UnusableIndexError where one after the other dies soon.
    """
    alive, held = os.pipe()  # nothing is ever written; it ends when this process does, in whatever way

    def started(failures: int) -> _Worker:
        heard, told = get_context("fork").Pipe(duplex=False)
        process = get_context("fork").Process(
            target=_begin, args=(partial(work, listening), told, (alive, held), stop_s)
        )
        process.start()
        told.close()
        return _Worker(process, heard, failures)

    # Not by exceptions, which could come between the start of a worker and the note that there is one.
    told, tell = os.pipe()
    for told_to_stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told_to_stop, lambda *_: os.write(tell, b"."))
    team: list[_Worker] = []
    try:
        team.extend(started(0) for _ in range(workers))
        _look_after(team, started, listening, told)
    finally:
        listening.close()
        _stop(team, stop_s)
        for end in (alive, held, told, tell):
            os.close(end)


def _look_after(team: list[_Worker], started: Callable[[int], _Worker], listening: socket.socket, told: int) -> None:
    """Replace who dies, until a byte comes over `told`."""
    is_serving = False
    why: CitewellError | None = None
    while told not in (speaking := wait([told, *(worker.heard for worker in team)])):
        for worker in [worker for worker in team if worker.heard in speaking]:
            try:
                why = worker.heard.recv()
            except EOFError:
                team[team.index(worker)] = started(_failures(worker, why))
                continue
            if why is None:
                worker.ready = time.monotonic()
                if not is_serving:
                    is_serving = True
                    host, port = listening.getsockname()[:2]
                    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                    log.info("%d workers running on http://%s (Press CTRL+C to quit)", len(team), place)
            elif not is_serving:
                raise why


def _failures(worker: _Worker, why: CitewellError | None) -> int:
    """Count those in a row, this one included. Raises an error after the last that is allowed."""
    worker.heard.close()
    worker.process.join()
    code = worker.process.exitcode or 0
    how = signal.Signals(-code).name if code < 0 else f"code {code}"
    failures = worker.failures + 1 if worker.has_failed else 0
    if failures >= MOST_FAILURES:
        raise why or UnusableIndexError(
            f"{failures} workers in a row ended soon after their start, the last with {how}; the log may tell why"
        )
    log.warning("Worker [%d] ended with %s; starting another", worker.process.pid, how)
    return failures


def _stop(team: list[_Worker], stop_s: float) -> None:
    for worker in team:
        worker.process.terminate()
    end = time.monotonic() + stop_s + GRACE_S
    for worker in team:
        worker.process.join(max(0.0, end - time.monotonic()))
        if worker.process.is_alive():
            log.warning("Worker [%d] did not stop; killing it", worker.process.pid)
            worker.process.kill()
            worker.process.join()


# --- in the worker


def _begin(
    work: Callable[[Callable[[], None]], None], told: Connection, pipe: tuple[int, int], stop_s: float
) -> None:
    alive, held = pipe
    with suppress(KeyboardInterrupt):  # told to stop before it was ready
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        os.setsid()  # so that Ctrl-C reaches the parent alone
        os.close(held)
        Thread(target=_end_with_parent, args=(alive, stop_s), daemon=True).start()
        try:
            work(partial(told.send, None))
        except CitewellError as error:
            told.send(error)


def _end_with_parent(alive: int, stop_s: float) -> None:
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(stop_s + GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)
