"""The HTTP service with several workers, as the processes that they are."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.command import CITEWELL, PATIENCE, citewell, environment, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the processes are found in /proc"),
]

FERRY = "The ferry across Tarn Water stops at eight on winter evenings."
END_S = 10  # until a service that is told to stop must have stopped


@dataclass(frozen=True)
class Service:
    """A running service of two workers."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    @property
    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in children.read_text().split()}

    def wait_until_ready(self, times: int) -> None:
        """Wait until so many workers have begun to accept connections since the start."""
        wait_until(lambda: self.log.read_text().count("Application startup complete") == times, self.process)

    def search(self) -> str:
        with urllib.request.urlopen(f"{self.address}/v1/search?q=when+does+the+ferry+stop", timeout=60) as answer:
            return str(json.load(answer)["hits"][0]["text"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Index a document."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "documents").mkdir()
    (folder / "documents" / "ferry.txt").write_text(FERRY)
    made = citewell("index", "documents", cwd=folder)
    assert made.returncode == 0, made.stderr
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    log = folder / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*CITEWELL, "serve", "--port", "0", "--workers", "2"],
            cwd=folder,
            env=environment(folder),
            stdout=output,
            stderr=output,
            text=True,
        )
    service = Service(process, "", log)
    workers: set[int] = set()
    try:
        wait_until(lambda: "running on" in log.read_text(), process)
        found = re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())
        assert found, log.read_text()
        service = Service(process, found[1], log)
        service.wait_until_ready(2)
        workers = service.workers
        yield service
    finally:
        process.kill()
        process.wait()
        wait_for(lambda: not any(map(exists, workers)))


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def exists(pid: int) -> bool:
    """Tell whether there is such a process; one that has ended but was not waited for is none."""
    try:
        return not re.search(r"^State:\s+Z", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_two_workers_answer_are_replaced_and_stop_together(folder: Path) -> None:
    """Each answers while the other does not; one that is killed comes again; SIGTERM ends all of them well."""
    with serving(folder) as service:
        first = service.workers
        assert len(first) == 2
        for idle in first:
            os.kill(idle, signal.SIGSTOP)
            assert service.search() == FERRY
            os.kill(idle, signal.SIGCONT)

        victim = min(first)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not exists(victim), service.process)
        for _ in range(5):
            assert service.search() == FERRY
        service.wait_until_ready(3)
        second = service.workers
        assert len(second) == 2
        assert second & first == first - {victim}
        assert "ended with SIGKILL; starting another" in service.log.read_text()

        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
        assert time.monotonic() - began < END_S
        assert not any(map(exists, second))
        assert "Traceback" not in service.log.read_text()


def test_no_worker_outlives_the_service(folder: Path) -> None:
    """They end by themselves where the process that started them is killed."""
    with serving(folder) as service:
        workers = service.workers
        service.process.kill()
        began = time.monotonic()
        wait_for(lambda: not any(map(exists, workers)))
        assert time.monotonic() - began < END_S


def test_a_port_in_use_is_told_in_one_line(folder: Path) -> None:
    """The exit code is that of wrong usage, as with one process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = [citewell("serve", "--port", port, "--workers", n, cwd=folder) for n in ("1", "2")]
    told = [[line for line in one.stderr.splitlines() if line.startswith("citewell: ")] for one in done]
    assert [one.returncode for one in done] == [2, 2]
    assert told[0] == told[1] == [f"citewell: cannot listen on 127.0.0.1, port {port}; is another service there?"]
    assert "Traceback" not in done[1].stderr


def test_workers_without_an_index_are_not_started_again(folder: Path, tmp_path: Path) -> None:
    """The message and the exit code are those of one process."""
    done = citewell("serve", "--port", "0", "--workers", "2", cwd=tmp_path)
    assert done.returncode == 3
    assert "run `citewell index SOURCE`" in done.stderr
    assert "Traceback" not in done.stderr


def test_there_is_at_least_one_worker(tmp_path: Path) -> None:
    """None is a wrong setting."""
    done = citewell("serve", "--workers", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert "setting `workers`" in done.stderr
