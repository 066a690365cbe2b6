"""Real processes, with the time they take and the memory they hold. It reads Linux's /proc."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep

CITEWELL = [sys.executable, "-m", "service.cli"]
ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.05  # between two looks at memory
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Used:
    """What a process took, children included."""

    seconds: float
    peak_mb: float  # most memory at one time, as PSS: what several processes share counts once; 0 where not watched
    output: str


@dataclass(frozen=True, slots=True)
class Serving:
    """A running `citewell serve`."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float  # from its start to the first 200 of /readyz

    def get(self, target: str) -> int:
        """Ask, read the whole answer, and give its status."""
        return _status(self.port, target)


def run(command: Sequence[str], *, is_watched: bool = False, fine: Sequence[int] = (0,)) -> Used:
    """Run a command to its end; `is_watched` measures its memory, at some cost of time.

    Raises RuntimeError with what it said where it ends with a code that is not `fine`.
    """
    with tempfile.TemporaryFile("w+") as said:
        started = perf_counter()
        with (
            subprocess.Popen(
                list(command), cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=said, text=True
            ) as process,
            _watching(process.pid if is_watched else None) as peaks,
        ):
            output = process.communicate()[0]
            seconds = perf_counter() - started
        if process.returncode not in fine:
            said.seek(0)
            raise RuntimeError(f"`{' '.join(command)}` ended with {process.returncode}: {said.read()[-2000:]}")
    return Used(seconds, max(peaks, default=0.0), output)


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """Run `citewell serve` on an index, ready to answer. Raises RuntimeError where it never is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = perf_counter()
    process = subprocess.Popen(
        [*CITEWELL, "serve", "--index", str(folder), "--port", str(port)],
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while _status(port, "/readyz") != http.HTTPStatus.OK:
            if process.poll() is not None or perf_counter() > started + PATIENCE_S:
                raise RuntimeError(f"the service was not ready within {PATIENCE_S} s")
            sleep(0.01)
        yield Serving(process, port, perf_counter() - started)
    finally:
        process.terminate()
        process.wait()


def memory_mb(pid: int) -> float:
    """Measure the memory of a process and its descendants, as PSS in MB; processes that end meanwhile count 0."""
    return sum(_pss_kb(one) for one in _tree(pid)) / 1024


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:  # which grows meanwhile
        with suppress(OSError):  # it has ended
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += map(int, _read(thread / "children").split())
    return found


def _pss_kb(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""


@contextmanager
def _watching(pid: int | None) -> Iterator[list[float]]:
    peaks: list[float] = []
    is_over = Event()

    def watch(pid: int) -> None:
        while not is_over.wait(POLL_S):
            peaks.append(memory_mb(pid))

    watcher = Thread(target=watch, args=(pid,)) if pid else None
    if watcher:
        watcher.start()
    try:
        yield peaks
    finally:
        is_over.set()
        if watcher:
            watcher.join()


def _status(port: int, target: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:  # nobody listens yet
        return 0
    finally:
        connection.close()


def _environment() -> dict[str, str]:
    """Give this process's environment without what is set for Citewell there; the cache of models stays."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CITEWELL_")}
    return {**kept, "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}
