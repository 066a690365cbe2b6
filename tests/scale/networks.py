"""Hosts that this machine plays: network namespaces, each with a wire to a switch, which is one as well.

Nothing is added to the network of this machine, and all is gone with the processes on the hosts.
"""

import ctypes
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.scale.processes import Host, host

SUBNET = "198.18.0"  # of networks for tests (RFC 2544): nobody's
CLONE_NEWNET = 0x40000000  # linux/sched.h
UNSHARE = ("unshare", "--net")


def refused() -> str | None:
    """Say why this machine does not let us play hosts; None where it does."""
    for name, package in {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux"}.items():
        if not shutil.which(name):
            return f"{name} is not installed; Debian has it in {package}"
    tried = subprocess.run(
        [*UNSHARE, *"ip link add name bridge type bridge".split()], capture_output=True, text=True, check=False
    )
    return f"this machine does not let us make a network: {tried.stderr.strip()}" if tried.returncode else None


@contextmanager
def switch() -> Iterator[Host]:
    """Make what hosts are joined by, until the block ends."""
    with _apart("switch", "") as made:
        _ip(made, "link add name bridge type bridge")
        _ip(made, "link set dev bridge up")
        yield made


@contextmanager
def joined(by: Host, name: str, number: int) -> Iterator[Host]:
    """Make a host with a wire to the switch, until the block ends; its number ends its address."""
    with _apart(name, f"{SUBNET}.{number}") as made:
        _ip(by, f"link add name {name} type veth peer name eth0 netns {made.guard.pid}")
        _ip(by, f"link set dev {name} master bridge up")
        _ip(made, f"addr add {made.ip}/24 dev eth0")
        _ip(made, "link set dev eth0 up")
        yield made


def cut(by: Host, name: str) -> None:
    """Cut a host's wire."""
    _ip(by, f"link set dev {name} down")


@contextmanager
def _apart(name: str, ip: str) -> Iterator[Host]:
    """Make a host that nothing joins to any other."""
    with host(name, ip, UNSHARE) as made:
        network = Path(f"/proc/{made.guard.pid}/ns/net")
        while network.readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.001)  # until `unshare` has done it
        made.enter = ("nsenter", f"--net={network}", "--")
        made.inside = lambda: _inside(network)
        _ip(made, "link set dev lo up")
        yield made


@contextmanager
def _inside(network: Path) -> Iterator[None]:
    """Have this thread open its connections in a network; they stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as own, network.open() as other:
        if libc.setns(other.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot enter the network")
        try:
            yield
        finally:
            libc.setns(own.fileno(), CLONE_NEWNET)


def _ip(place: Host, words: str) -> None:
    subprocess.run([*place.enter, "ip", *words.split()], check=True)
