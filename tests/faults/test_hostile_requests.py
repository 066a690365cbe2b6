"""Hostile requests, overload, shutdown and markup in small, and that each planted bug is seen."""

import json
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from indexer.settings import Limits
from tests.faults.hostile_requests import from_openapi, storm
from tests.faults.markup import STEERING, in_browser, on_terminal, steering_signs
from tests.faults.odd_requests import KINDS, Attempt, own
from tests.faults.overload import crowded, stopped, unread_mb
from tests.faults.serving import SECRET, indexed, posted, request, running

SEED = 20_251_122


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Index a few reports."""
    return indexed(tmp_path_factory.mktemp("home"))


def test_no_request_is_a_fault_of_the_service(home: Path) -> None:
    """Each answer is planned for, errors are problem documents, and memory, log and answers stay as before."""
    with running(home) as service:
        outcome = storm(service, [*own(650, SEED), *from_openapi(service, 150, SEED)])
    assert outcome.complaints == ()
    assert outcome.attempts == 800
    assert {200, 400, 404, 405, 408, 413, 422, 431} <= set(outcome.statuses)


def test_every_kind_of_request_is_made() -> None:
    """None is left out by chance, and the same seed makes the same requests."""
    attempts = own(len(KINDS), SEED)
    assert len({attempt.name for attempt in attempts}) >= len(KINDS) - 2  # some have several names, chosen by chance
    assert attempts == own(len(KINDS), SEED)


LARGE = Attempt("large body", (posted(b'{"q": "' + b"a" * 10_000_000),), frozenset({413}))
GARBAGE = Attempt("garbage", (b"kanari\r\n\r\n",), frozenset({400}))
SEARCH = Attempt("search", (posted(json.dumps({"q": "kanari"}).encode()),), frozenset({200}))
READY = Attempt("ready", (request("GET", "/readyz"),), frozenset({200}))


@pytest.mark.parametrize(
    ("bug", "attempts", "complaint"),
    [
        ("no limit of bodies", [LARGE], "large body: 4"),
        ("an endpoint raises", [READY], "ready: 500"),
        ("an endpoint raises and tells", [READY], "the log holds what was asked"),
        ("bad HTTP gets plain text", [GARBAGE], "garbage: 400 as text/plain"),
        ("queries are logged", [SEARCH], "the log holds what was asked"),
        ("memory grows", [SEARCH] * 70, "the process grew by"),
    ],
)
def test_a_planted_bug_is_seen(home: Path, bug: str, attempts: list[Attempt], complaint: str) -> None:
    """Without the limit, with an endpoint that raises, and so on, the same attempts lead to complaints."""
    with running(home, bug=bug) as service:
        complaints = storm(service, attempts, warm_up=5).complaints
    assert any(one.startswith(complaint) for one in complaints), complaints


def test_an_error_of_our_own_is_logged_without_its_words(home: Path) -> None:
    """The client gets a number, and the log has the trace under it, but not the message, which may hold a query."""
    with running(home, bug="an endpoint raises") as service:
        problem = service.get("/readyz").json
        log = service.log.read_text()
    assert (problem["status"], problem["title"]) == (500, "Internal Server Error")
    number = problem["detail"].split()[-1]
    assert f"request {number} failed" in log
    assert "service/routes.py" in log
    assert "builtins.RuntimeError" in log
    assert "kanari" not in log
    assert SECRET not in log


def test_a_crowd_is_sent_away_and_the_rest_is_served(home: Path) -> None:
    """Far more searches than turns, beside clients that never end their requests: no error, and health answers."""
    crowd = crowded(home, askers=30, seconds=3.0, dawdlers=50)
    assert crowd.complaints == ()
    assert crowd.statuses.keys() == {200, 503}
    assert crowd.refusal_s < 3.0  # a search that waits for a turn takes longer; the full run measures


def test_a_missing_bound_is_seen(home: Path) -> None:
    """Planted: all are let in, so that nobody is sent away; or searches block the loop, and health waits."""
    crowd = crowded(home, askers=30, seconds=2.0, dawdlers=0, bug="no turns")
    assert "nobody was sent away" in crowd.complaints
    crowd = crowded(home, askers=8, seconds=2.0, dawdlers=0, bug="the loop is blocked")
    assert crowd.health_s > 1.0


def test_who_does_not_read_is_cut_off(home: Path) -> None:
    """Answers that nobody takes are not kept for ever; planted: without that, they all wait in memory."""
    asked, came = unread_mb(home)
    assert came < 0.9 * asked
    asked, came = unread_mb(home, bug="readers are waited for")
    assert came > asked


def test_a_connection_too_many_is_told_so(home: Path) -> None:
    """Beyond the limit there is a problem document at once, and room again when others leave."""
    with running(home, limits=Limits(connections=3)) as service:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(socket.create_connection(service.address, 10))
            refused = service.get("/healthz")
        assert (refused.status, refused.json["title"]) == (503, "The service is busy")
        assert refused.headers["retry-after"] == "1"
        while service.get("/healthz").status == 503:
            time.sleep(0.01)


def test_a_stop_loses_nothing(home: Path) -> None:
    """SIGTERM at a random moment: what was asked is answered, or sent away with a word, and the code is 0."""
    for seed in range(3):
        stop = stopped(home, seed)
        assert stop.complaints == ()
        assert stop.answered > 0


def test_a_stop_that_loses_requests_is_seen(home: Path) -> None:
    """Planted: the process ends at the signal."""
    assert "a request was lost" in stopped(home, 0, bug="it dies at once").complaints


def test_nothing_is_markup_to_a_browser(tmp_path: Path) -> None:
    """Payloads in texts, titles, file names and queries come back to the letter, as data."""
    seen = in_browser(tmp_path, 42)
    assert seen.complaints == ()
    assert seen.looked_at > 300


@pytest.mark.parametrize("bug", ["no escaping", "no word to browsers"])
def test_markup_is_seen(tmp_path: Path, bug: str) -> None:
    """Planted: `<` as it is, or answers that leave browsers to guess."""
    assert in_browser(tmp_path, 12, bug=bug).complaints


def test_nothing_steers_a_terminal(tmp_path: Path) -> None:
    """Every command, at a real pseudo-terminal, on a collection that holds every steering sign of Unicode."""
    signs = {*map(chr, steering_signs()), "\n", "\r"}
    assert len(signs) > 200
    assert all(signs & set(one) for one in STEERING)
    seen = on_terminal(tmp_path)
    assert seen.complaints == ()
    assert seen.looked_at > 10_000


def test_steering_is_seen(tmp_path: Path) -> None:
    """Planted: texts are printed as they are."""
    complaints = on_terminal(tmp_path, bug="no escaping").complaints
    assert {complaint.split()[0] for complaint in complaints} >= {"status", "search", "show", "index", "eval"}
