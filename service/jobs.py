"""What a service does in the background, and how far it is: a file for each job, which all its processes can read."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from time import time_ns

from pydantic import TypeAdapter, ValidationError

from indexer.database import JOBS
from indexer.disk import explained
from indexer.durable import publish
from indexer.errors import NotFoundError, UnusableIndexError
from indexer.sync import Progress, Report

KEPT = 100  # of the newest jobs
_ID = re.compile(r"[0-9a-f]{12}-[0-9a-f]{16}")  # when it was made, so that ids sort; and what nobody can guess


class State(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # the service was stopped, or its process died; nothing was changed


@dataclass(frozen=True, slots=True)
class Job:
    """One sync that was asked for. It holds no text of a document; paths stand in the report alone."""

    id: str
    kind: str
    state: State
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: Progress | None
    report: Report | None
    error: str | None
    pid: int  # of the process whose job it is
    pid_since: str  # when that was started, since numbers of processes are given again; empty where unknown

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state not in {State.QUEUED, State.RUNNING}


_JOB = TypeAdapter(Job)


class Jobs:
    """The jobs of an index, of all processes."""

    def __init__(self, index: Path) -> None:
        self._folder = index / JOBS

    def new(self, kind: str) -> Job:
        """Make a queued job of this process; of old ones only so many are kept. Raises UnusableIndexError."""
        now = datetime.now(UTC)
        made = f"{time_ns() // 1_000_000:012x}-{secrets.token_hex(8)}"
        pid = os.getpid()
        job = Job(made, kind, State.QUEUED, now, None, None, None, None, None, pid, _started(pid) or "")
        self.put(job)
        for old in self._ids()[KEPT:]:
            self._file(old).unlink(missing_ok=True)
        return job

    def put(self, job: Job) -> None:
        """Write how far a job is. Raises UnusableIndexError where the disk does not take it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            publish(self._file(job.id), partial(Path.write_bytes, data=_JOB.dump_json(job)))
        except OSError as error:
            told = explained(error, self._folder, 0) or f"`{self._folder}` cannot be written ({error.strerror})"
            raise UnusableIndexError(told) from error

    def forget(self, job: Job) -> None:
        """Remove a job, so that nobody waits for what cannot be told."""
        with suppress(OSError):
            self._file(job.id).unlink(missing_ok=True)

    def get(self, job_id: str) -> Job:
        """Give a job; one whose process is gone is interrupted. Raises NotFoundError."""
        job = self._read(job_id) if _ID.fullmatch(job_id) else None
        if job is None:
            raise NotFoundError(f"there is no job `{job_id}`; the last {KEPT} are kept")
        return job

    def recent(self, most: int = KEPT) -> list[Job]:
        """Give the last jobs, newest first."""
        found: Iterator[Job | None] = (self._read(one) for one in self._ids()[:most])
        return [job for job in found if job]

    def _ids(self) -> list[str]:
        return sorted((path.stem for path in self._folder.glob("*.json") if _ID.fullmatch(path.stem)), reverse=True)

    def _file(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"

    def _read(self, job_id: str) -> Job | None:
        try:
            job = _JOB.validate_json(self._file(job_id).read_bytes())
        except (OSError, ValidationError):  # removed meanwhile, or written by another version
            return None
        is_lost = not job.is_finished and not _is_alive(job.pid, job.pid_since)
        return replace(job, state=State.INTERRUPTED) if is_lost else job


def _is_alive(pid: int, since: str) -> bool:
    """Tell whether a process is there, and the same one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is another user's, so it is there
    now = _started(pid)
    return now is None or not since or now == since


def _started(pid: int) -> str | None:
    """Tell when a process was started, in the system's own count; None where it does not say, "" of a dead one."""
    try:
        # Its name stands in brackets and may have any sign in it: proc_pid_stat(5), fields 3 and 22.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return "" if fields[0] in {"Z", "X"} else fields[19]
