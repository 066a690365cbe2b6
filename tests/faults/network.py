"""Whether anything leaves the machine: commands in a network namespace that has a loopback device and nothing else.

Two witnesses: a hook in every Python process notes each address that is not of this machine, and the kernel counts
what had no way out, for native code as well. `python -m tests.faults.network COMMAND...` is run inside the namespace.
"""

import fcntl
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.table import Row

ROOT = Path(__file__).parents[2]
UNSHARE = ("unshare", "--user", "--map-root-user", "--net")
IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS = 0x1, 0x8913, 0x8914  # linux/if.h, linux/sockios.h

# Python imports this by itself in every process whose PYTHONPATH leads to it.
SITECUSTOMIZE = """\
import ipaddress, os, sys

def _is_here(host):
    if host in (None, "", "localhost", b"", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host if isinstance(host, str) else host.decode()).is_loopback
    except (ValueError, UnicodeDecodeError, AttributeError):
        return False

def _watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]  # a path for sockets that are files
        outside = isinstance(address, tuple) and not _is_here(address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = arguments[0]
        outside = not _is_here(address) and address != "0.0.0.0"
    else:
        return
    if outside:
        with open(os.environ["WATCHED_INTO"], "a") as file:
            where = os.environ.get("PYTEST_CURRENT_TEST", sys.argv[:3])
            file.write(f"{event} {address!r} by {where}\\n")

sys.addaudithook(_watch)
"""


@dataclass(frozen=True)
class Watched:
    """How a command ended, and whom it and its children tried to reach."""

    code: int
    output: str
    attempts: tuple[str, ...]


def rows(seed: int) -> list[Row]:
    """Run the whole suite, which indexes, searches and serves with the real model among much else."""
    watched = alone([sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist=loadfile", f"--randomly-seed={seed}"])
    ending = watched.output.splitlines()[-1]
    passed = re.search(r"(\d+) passed", ending)
    return [
        Row(
            "the whole suite of tests on a machine without a network",
            int(passed[1]) if passed else 0,
            "all pass, no attempt to reach another machine",
            f"{len(watched.attempts)} attempts; {ending.strip('= ')}",
            watched.code == 0 and not watched.attempts,
        )
    ]


def may_be_alone() -> bool:
    """Tell whether this machine lets us make a namespace."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


def alone(command: Sequence[str], *, cwd: Path = ROOT, timeout_s: float | None = None) -> Watched:
    """Run a command where nothing but this machine can be reached, and tell whom it tried to reach."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(SITECUSTOMIZE)
        into = Path(folder) / "attempts"
        counted = Path(folder) / "counted"
        paths = os.pathsep.join([folder, str(ROOT)])
        settings = {"PYTHONPATH": paths, "WATCHED_INTO": str(into), "COUNTED_INTO": str(counted)}
        done = subprocess.run(
            [*UNSHARE, sys.executable, "-m", "tests.faults.network", *command],
            cwd=cwd,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
        seen = into.read_text().splitlines() if into.exists() else []
        assert counted.exists(), done.stdout
        native = [f"{name}: {count}" for name, count in json.loads(counted.read_text()).items() if count]
    return Watched(done.returncode, done.stdout, (*seen, *native))


# --- inside the namespace


def main() -> None:
    """Set the loopback device up, run the command, and write down what the kernel counted."""
    with socket.socket() as any_socket:
        name = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
    code = subprocess.run(sys.argv[1:], check=False).returncode
    Path(os.environ["COUNTED_INTO"]).write_text(json.dumps(_without_a_way()))
    sys.exit(code)


def _without_a_way() -> dict[str, int]:
    """Read how often the kernel of this namespace had no route; it starts at 0 with the namespace."""
    names, values = (line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines()[:2])
    found = {"OutNoRoutes": int(dict(zip(names, values, strict=True))["OutNoRoutes"])}
    for line in Path("/proc/self/net/snmp6").read_text().splitlines():
        if line.startswith("Ip6OutNoRoutes"):
            found["Ip6OutNoRoutes"] = int(line.split()[1])
    return found


if __name__ == "__main__":
    main()
