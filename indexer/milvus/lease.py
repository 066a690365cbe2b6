"""Who may write: one at a time, by a row that says who it is.

Milvus cannot compare and swap, so the place is taken by Fischer's timed mutual exclusion (L. Lamport, "A fast mutual
exclusion algorithm", ACM TOCS 5(1), 1987, which gives it): where nobody has the place, write your own name, wait for
longer than anybody's writing takes, and have it if your name still stands there. As a name that was underway for
longer may land later all the same, the holder looks once more right before the commit.
"""

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import monotonic, sleep, time

from indexer.errors import IndexBusyError, UnusableIndexError
from indexer.milvus.server import Server, Table
from indexer.milvus.tables import among, put_together, rows_of

KEY = "lease"
SETTLE_S = 1.0  # in which whoever saw a free place has written its name; Milvus takes some milliseconds
RENEW_S = 15.0
EXPIRES_S = 60.0  # without renewal the holder is taken for dead


@dataclass(frozen=True)
class _Holder:
    """What the row says."""

    token: str
    name: str
    since: str  # UTC, ISO 8601
    renewed: float  # seconds since 1970


class Lease:
    """The writer's place, as long as it is held; a thread renews it."""

    def __init__(self, server: Server, where: str, own: _Holder) -> None:
        self._server = server
        self._where = where
        self._own = own
        self._is_over = Event()
        self._lost_to: _Holder | None = None
        self._renewing = Lock()

    def check(self) -> None:
        """Make sure that the place is still ours. Raises IndexBusyError where it is not, UnusableIndexError."""
        with self._renewing:
            self._check()

    @property
    def is_lost(self) -> bool:
        """Tell whether it was seen to be another's."""
        return self._lost_to is not None

    def next_attempt(self) -> int:
        """Give the number after the last that any writer took."""
        return _last_attempt(self._server) + 1

    def take_attempt(self, number: int) -> None:
        """Take the number that `next_attempt` gave, which nobody then takes again.

        Raises IndexBusyError where somebody else took it.
        """
        self.check()
        if _last_attempt(self._server) + 1 != number:
            raise _busy(self._where, self._lost_to or self._own)
        # A row of its own, which no late writing of another's name can take back.
        self._server.upsert(Table.HEADS, rows_of(f"{_ATTEMPT}{number:012d}", self._own.token.encode(), added=number))

    def renew_until_over(self) -> None:
        """Renew the place until `release`; what the thread does."""
        while not self._is_over.wait(RENEW_S):
            with suppress(UnusableIndexError):  # the next time, or somebody else takes the place
                self.renew()

    def renew(self) -> None:
        """Say once more that the holder lives."""
        with self._renewing:
            self._check()
            _write(self._server, replace(self._own, renewed=time()))

    def release(self) -> None:
        """Let others have the place."""
        self._is_over.set()
        with self._renewing, suppress(UnusableIndexError):  # it then runs out by itself
            self._check()
            _write(self._server, None)
            old = _attempts(self._server)[:-1]
            if old:
                self._server.delete(Table.HEADS, among(old))

    def _check(self) -> None:
        found = _read(self._server)
        if found is None or found.token != self._own.token:
            self._lost_to = found or self._own
            raise _busy(self._where, found)


@contextmanager
def leased(server: Server, where: str, *, settle_s: float = SETTLE_S) -> Iterator[Lease]:
    """Hold the writer's place. Raises IndexBusyError naming the holder."""
    with _TAKING:  # threads of a process in turn, so that it may do without the wait where there is no other process
        lease = Lease(server, where, _take(server, where, settle_s))
    thread = Thread(target=lease.renew_until_over, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        lease.release()
        thread.join()


_TAKING = Lock()
_ATTEMPT = "attempt/"


def _take(server: Server, where: str, settle_s: float) -> _Holder:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    own = _Holder(secrets.token_hex(8), f"process {os.getpid()} on {socket.gethostname()}", now, time())
    while True:
        found = _read(server)
        if found is not None and found.token != own.token and time() - found.renewed < EXPIRES_S:
            raise _busy(where, found)
        begun = monotonic()
        _write(server, own)
        was_quick = monotonic() - begun <= max(settle_s, 0.5)
        sleep(settle_s)
        found = _read(server)
        if found is None:  # wiped out by who was just leaving
            continue
        if found.token != own.token:
            raise _busy(where, found)
        if was_quick:  # otherwise others may have settled meanwhile, who have yet to come to see our name
            return own


def _read(server: Server) -> _Holder | None:
    data = put_together(server.query(Table.HEADS, among([KEY]), ["key", "data"], None)).get(KEY)
    return _Holder(**json.loads(data)) if data and data != b"{}" else None


def _write(server: Server, holder: _Holder | None) -> None:
    data = json.dumps(asdict(holder) if holder else {}).encode()
    server.upsert(Table.HEADS, rows_of(KEY, data, added=0))


def _attempts(server: Server) -> list[str]:
    rows = server.query(Table.HEADS, f'key like "{_ATTEMPT}%"', ["key"], None)
    return sorted(str(row["key"]) for row in rows)


def _last_attempt(server: Server) -> int:
    keys = _attempts(server)
    return int(keys[-1].removeprefix(_ATTEMPT)) if keys else 0


def _busy(where: str, holder: _Holder | None) -> IndexBusyError:
    who = f"{holder.name} has been writing since {holder.since}" if holder else "another process took the place"
    return IndexBusyError(
        f"the index in `{where}` is being written to: {who}; wait until that is done, or {EXPIRES_S:.0f} seconds "
        "where it died"
    )
