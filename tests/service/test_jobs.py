"""A job can be told of by every process, as it goes on and after whose job it was is gone."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.database import JOBS
from indexer.errors import NotFoundError, Refusal, UnusableIndexError
from indexer.records import Refused
from indexer.sync import Progress, Report
from service.jobs import KEPT, Job, Jobs, State, _started

REPORT = Report(
    generation=3,
    added=("a.txt",),
    updated=(),
    removed=("b.txt",),
    unchanged=2,
    refused=(Refused("/made", "c.txt", Refusal.DAMAGED, "it is broken"),),
    needs_ocr={"/made/a.txt": (2, 3)},
    notes={"/made/a.txt": ("read as cp1252",)},
    pages=4,
    passages=9,
    encoded=8,
    took_s=0.5,
)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """Give the jobs of an index that is not there yet."""
    return Jobs(tmp_path / "index")


def of_process(job: Job, pid: int, since: str = "") -> Job:
    """Make it another process's job."""
    return replace(job, pid=pid, pid_since=since)


def test_a_job_is_read_as_it_was_written(jobs: Jobs) -> None:
    """Progress, report and times come back as they were, in another object for the same folder as well."""
    job = jobs.new("sync")
    now = datetime.now(UTC)
    done = replace(
        job, state=State.DONE, started_at=now, finished_at=now, progress=Progress(1, 2, 3), report=REPORT, error="no"
    )
    jobs.put(done)
    assert jobs.get(job.id) == done
    assert jobs.recent() == [done]


def test_ids_sort_by_time_and_cannot_be_guessed(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer jobs come first in the list; two of one moment have nothing else in common."""
    moments = iter([1_000_000_000, 2_000_000_000, 2_000_000_000])
    monkeypatch.setattr("service.jobs.time_ns", lambda: next(moments))
    first, second, third = (jobs.new("sync").id for _ in range(3))
    assert [job.id for job in jobs.recent()][2:] == [first]
    assert {job.id for job in jobs.recent(2)} == {second, third}
    assert second[:12] == third[:12]
    assert second[13:] != third[13:]


@pytest.mark.parametrize("job_id", ["", "x", "../store", "0" * 12 + "-" + "0" * 16, "0" * 12 + "-" + "g" * 16])
def test_what_is_no_job_is_not_found(jobs: Jobs, job_id: str) -> None:
    """Neither an unknown id nor what could be a path elsewhere is looked for further."""
    jobs.new("sync")
    with pytest.raises(NotFoundError, match="there is no job"):
        jobs.get(job_id)


def test_only_the_last_jobs_are_kept(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each new one the oldest goes."""
    moments = iter(range(1_000_000_000, 10**12, 1_000_000))
    monkeypatch.setattr("service.jobs.time_ns", lambda: next(moments))
    monkeypatch.setattr("service.jobs.publish", lambda path, write: write(path))
    made = [jobs.new("sync").id for _ in range(KEPT + 3)]
    assert [job.id for job in jobs.recent()] == made[:2:-1]
    assert len(list((tmp_path / "index" / JOBS).iterdir())) == KEPT


def test_a_job_whose_process_is_gone_is_interrupted(jobs: Jobs) -> None:
    """It says running, but nobody runs it; one that had ended stays as it ended."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    running = of_process(replace(jobs.new("sync"), state=State.RUNNING), dead.pid)
    ended = of_process(replace(jobs.new("sync"), state=State.FAILED), dead.pid)
    jobs.put(running)
    jobs.put(ended)
    assert jobs.get(running.id).state is State.INTERRUPTED
    assert jobs.get(ended.id).state is State.FAILED


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say when processes started")
def test_another_process_of_the_same_number_is_not_taken_for_it(jobs: Jobs) -> None:
    """The number was given again since, which its start shows; a dead one that is not buried counts as gone."""
    job = jobs.new("sync")
    assert jobs.get(job.id).state is State.QUEUED
    jobs.put(of_process(job, os.getpid(), "1"))
    assert jobs.get(job.id).state is State.INTERRUPTED
    unburied = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    jobs.put(of_process(job, unburied.pid, _started(unburied.pid) or ""))
    assert jobs.get(job.id).state is State.QUEUED
    assert unburied.stdin
    unburied.stdin.close()
    os.waitid(os.P_PID, unburied.pid, os.WEXITED | os.WNOWAIT)
    assert jobs.get(job.id).state is State.INTERRUPTED
    unburied.wait()


def test_a_job_that_cannot_be_read_is_left_out(jobs: Jobs, tmp_path: Path) -> None:
    """A file of another version does not hide the other jobs."""
    job = jobs.new("sync")
    (tmp_path / "index" / JOBS / f"{'f' * 12}-{'0' * 16}.json").write_text("{}")
    assert jobs.recent() == [job]


def test_a_disk_that_takes_no_job_is_told(tmp_path: Path) -> None:
    """The error is one of ours, in words."""
    (tmp_path / "index").write_text("a file")
    with pytest.raises(UnusableIndexError, match="cannot be written"):
        Jobs(tmp_path / "index").new("sync")
