"""Hosts that this machine plays: they reach one another and nobody else, die at once, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scale import networks
from tests.scale.processes import Host, host, resident, working_in

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
LISTEN = """\
import socket, sys, time
listening = socket.create_server(("", int(sys.argv[1])))
print("listening", flush=True)
time.sleep(99)
"""
REACH = """\
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)
"""
HEAR = """\
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
print("connected", flush=True)
connection.settimeout(0.5)
try:
    print("its end:", connection.recv(1))
except TimeoutError:
    print("silence")
"""
OWNER = """\
import sys, time
from pathlib import Path
from tests.scale.processes import host
with host("here", "127.0.0.1") as here:
    here.spawn(["sh", "-c", "echo up; trap '' TERM; sleep 99 & wait"], Path(sys.argv[1]) / "log", {})
    time.sleep(99)
"""


@pytest.fixture
def two() -> Iterator[tuple[Host, Host, Host]]:
    """Join two hosts by a switch."""
    if needed := networks.refused():
        pytest.skip(needed)
    with ExitStack() as stack:
        switch = stack.enter_context(networks.switch())
        a, b = (stack.enter_context(networks.joined(switch, name, number)) for number, name in enumerate("ab", 1))
        yield switch, a, b


def test_hosts_reach_one_another_and_no_one_else(two: tuple[Host, Host, Host], tmp_path: Path) -> None:
    """They know no way to elsewhere, and this machine none to them."""
    _, a, b = two
    assert reaches(a, b, listening(b, tmp_path))
    ways = json.loads(subprocess.check_output([*a.enter, "ip", "-json", "route", "show", "table", "all"]))
    assert {way["dev"] for way in ways} <= {"lo", "eth0"}
    assert {way["dst"] for way in ways if way.get("type") != "multicast" and "." in way["dst"]} <= {
        "127.0.0.0/8", "127.0.0.1", "127.255.255.255", "198.18.0.0/24", "198.18.0.1", "198.18.0.255",
    }  # fmt: skip
    assert "198.18.0." not in subprocess.check_output(["ip", "route", "show", "table", "all"], text=True)


def test_a_host_that_is_killed_has_no_process_left(two: tuple[Host, Host, Host], tmp_path: Path) -> None:
    """While the other one goes on."""
    _, a, b = two
    port, here = listening(b, tmp_path), listening(a, tmp_path)
    b.kill()
    assert [resident(one) for one in b.processes] == [0]
    assert not reaches(a, b, port)
    assert reaches(a, a, here)


def test_a_host_whose_wire_is_cut_says_nothing(two: tuple[Host, Host, Host], tmp_path: Path) -> None:
    """Who was connected to it does not hear that it has died."""
    switch, a, b = two
    port = listening(b, tmp_path)
    hearing = python(a, HEAR, b.ip, port, stdout=subprocess.PIPE)
    with hearing:
        assert hearing.stdout
        assert hearing.stdout.readline() == b"connected\n"
        networks.cut(switch, "b")
        b.kill()
        assert hearing.stdout.readline() == b"silence\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_who_started_them(number: signal.Signals, tmp_path: Path) -> None:
    """However it ends, and with what they themselves have started."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, tmp_path], cwd=ROOT)
    try:
        wait_until_written(tmp_path / "log")
        os.kill(owner.pid, number)
    finally:
        owner.kill()
        owner.wait()
    end = time.monotonic() + PATIENCE_S
    while working_in(tmp_path):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_processes_of_others_are_left_alone(tmp_path: Path) -> None:
    """Two places end on their own."""
    with host("one", "127.0.0.1") as one:
        kept = one.spawn(["sleep", "99"], tmp_path / "one", {})
        with host("other", "127.0.0.1") as other:
            ended = other.spawn(["sleep", "99"], tmp_path / "other", {})
        assert ended.poll() == -signal.SIGKILL
        assert kept.poll() is None


def listening(place: Host, folder: Path) -> int:
    """Have somebody listen on a host, and give the port."""
    port, log = place.free_port(), folder / f"{place.name}.log"
    place.spawn([sys.executable, "-c", LISTEN, str(port)], log, {})
    wait_until_written(log)
    return port


def reaches(place: Host, other: Host, port: int) -> bool:
    """Tell whether one host reaches another."""
    with python(place, REACH, other.ip, port) as reaching:
        return reaching.wait() == 0


def python(place: Host, text: str, *words: object, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """Run a piece of Python on a host.

    On its own (-I), since the watch of `tests.faults.network` takes these hosts for other machines.
    """
    command = [*place.enter, sys.executable, "-I", "-c", text, *map(str, words)]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL)


def wait_until_written(log: Path) -> None:
    """Wait until somebody has said something."""
    end = time.monotonic() + PATIENCE_S
    while not log.exists() or not log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)
