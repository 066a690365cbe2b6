"""Processes that end with the one that started them, however that ends: done, failed or killed."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

PORTS = range(10_000, 32_000)  # below those that Linux gives to outgoing connections, of which there are many

# Ends its whole process group once nobody holds the other end of its input.
GUARD = "read line; kill -KILL 0"


@dataclass
class Host:
    """A place for processes: a process group, and maybe a network of its own."""

    name: str
    ip: str
    guard: subprocess.Popen[bytes]  # leads the group, whose number is therefore nobody else's until it is waited for
    enter: Sequence[str] = ()  # in front of a command that is to run there
    inside: Callable[[], AbstractContextManager[None]] = nullcontext  # within it, this thread connects from there
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def spawn(
        self, command: Sequence[str], log: Path, env: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a process that adds what it says to a log, and works in the folder of the log."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*self.enter, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                env={**os.environ, **env},
                pass_fds=pass_fds,
                process_group=self.guard.pid,
            )
        self.processes.append(process)
        return process

    def kill(self) -> None:
        """End all its processes at once, as `kill -9` does."""
        if self.guard.returncode is None:
            os.killpg(self.guard.pid, signal.SIGKILL)
        for process in (*self.processes, self.guard):
            process.wait()

    def free_port(self) -> int:
        """Find a port on which nobody listens."""
        with self.inside():
            while True:
                with socket.socket() as tried:
                    try:
                        tried.bind(("", port := random.choice(PORTS)))
                    except OSError:
                        continue
                    return port


@contextmanager
def host(name: str, ip: str, prefix: Sequence[str] = ()) -> Iterator[Host]:
    """Make a place for processes, which end with the block. `prefix` goes in front of what becomes its guard."""
    guard = subprocess.Popen([*prefix, "sh", "-c", GUARD], stdin=subprocess.PIPE, process_group=0)
    assert guard.stdin
    with guard.stdin:
        place = Host(name, ip, guard)
        try:
            yield place
        finally:
            place.kill()


def resident(process: subprocess.Popen[bytes]) -> int:
    """Measure the bytes of memory that a process holds; none where it has ended."""
    if process.poll() is not None:
        return 0
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def working_in(folder: Path) -> list[int]:
    """Give the numbers of all processes whose working folder this is."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _works_in(entry, folder)]


def _works_in(entry: Path, folder: Path) -> bool:
    try:
        return (entry / "cwd").readlink() == folder
    except OSError:  # it has ended
        return False
