"""Nothing leaves the machine, and what would is seen."""

import sys

import pytest

from tests.faults.network import alone, may_be_alone

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not may_be_alone(), reason="this machine does not allow network namespaces"),
]
ELSEWHERE = "192.0.2.1"  # an address for documentation (RFC 5737)


def test_indexing_searching_and_serving_reach_nobody() -> None:
    """With the real model, a service and its clients, where there is loopback only: all works, nothing is tried."""
    journey = "tests/e2e/test_server.py::test_the_service_answers_and_follows_the_index_until_it_is_stopped"
    watched = alone([sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:xdist", journey])
    assert watched.attempts == (), watched.output
    assert watched.code == 0, watched.output
    assert "1 passed" in watched.output


@pytest.mark.parametrize(
    ("attempt", "witness"),
    [
        (f"socket.create_connection(('{ELSEWHERE}', 443))", f"socket.connect ('{ELSEWHERE}', 443)"),
        ("socket.getaddrinfo('huggingface.co', 443)", "socket.getaddrinfo 'huggingface.co'"),
        (f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('{ELSEWHERE}', 53))", "OutNoRoutes: 1"),
        ("socket.create_connection(('2001:db8::1', 443))", "Ip6OutNoRoutes: 1"),
    ],
)
def test_one_attempt_is_seen(attempt: str, witness: str) -> None:
    """Planted: a program that tries, and goes on as if nothing had happened; hook or kernel notices."""
    code = f"import contextlib, socket\nwith contextlib.suppress(OSError): {attempt}"
    watched = alone([sys.executable, "-c", code])
    assert watched.code == 0, watched.output
    assert any(witness in one for one in watched.attempts), watched.attempts


def test_native_code_is_seen() -> None:
    """Planted: a process without the hook, as a library that is not Python's would be."""
    code = f"import socket\ntry: socket.create_connection(('{ELSEWHERE}', 443))\nexcept OSError: pass"
    assert alone([sys.executable, "-S", "-c", code]).attempts == ("OutNoRoutes: 1",)


def test_talking_to_oneself_is_no_attempt() -> None:
    """Loopback by name and number, and sockets that are files, are this machine."""
    code = (
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(s.getsockname())\n"
        "socket.getaddrinfo('localhost', 80)\nsocket.socketpair()"
    )
    watched = alone([sys.executable, "-c", code])
    assert (watched.code, watched.attempts) == (0, ()), watched.output
