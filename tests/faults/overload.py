"""More requests than a server can do, and the end of one that is under way."""

import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from indexer.settings import Limits
from tests.faults.serving import PATIENCE_S, Answer, Service, answer_from, request, running

SEARCH = "/v1/search?q=school+budget&k=3"
SEARCH_S = 0.2  # what a search takes at least, so that a few are a crowd
FEW = Limits(at_once=2, waiting=4, receive_s=20.0)
LONGEST_STOP_S = 10.0
SENT_FOR_SURE_S = 0.1  # before the signal: the server has read the request by then


@dataclass(frozen=True)
class Crowd:
    """What became of a crowd of requests; times are of 99 in 100."""

    asked: int
    statuses: Counter[int]
    refusal_s: float
    health_s: float
    complaints: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Tell it in a line."""
        return (
            f"{len(self.complaints)} complaints; {self.statuses[200]:,} answered, {self.statuses[503]:,} sent away "
            f"within {self.refusal_s * 1000:.0f} ms, /healthz within {self.health_s * 1000:.0f} ms"
        )


@dataclass(frozen=True)
class Stop:
    """How a server ended."""

    answered: int
    took_s: float
    complaints: tuple[str, ...]


def crowded(home: Path, *, askers: int, seconds: float, dawdlers: int = 200, bug: str = "") -> Crowd:
    """Ask with many threads at once, while others hold connections open and send next to nothing."""
    with running(home, slow_s=SEARCH_S, limits=FEW, bug=bug) as service, ExitStack() as stack:
        expected = _body(service.get(SEARCH))
        for _ in range(dawdlers):
            connection = stack.enter_context(socket.create_connection(service.address, PATIENCE_S))
            connection.sendall(b"GET /v1/search?q=")
        began = time.monotonic()
        end = began + seconds
        with ThreadPoolExecutor(askers + 1) as threads:
            health = threads.submit(_timed, service, "/healthz", end, 0.05)
            searches = [threads.submit(_timed, service, SEARCH, end, 0.5) for _ in range(askers)]
        took = time.monotonic() - began  # longer than asked for, as who asked at the last moment is answered later
        found = [one for search in searches for one in search.result()]
        complaints = [_complaint(answer, expected) for answer, _ in found]
        done = sum(answer.status == 200 for answer, _ in found)
        if done > (took / SEARCH_S + 1) * FEW.at_once:
            complaints.append(f"{done} searches were done, more than there are turns for")
        if all(answer.status == 200 for answer, _ in found):
            complaints.append("nobody was sent away")
        if any(answer.status != 200 for answer, _ in health.result()):
            complaints.append("/healthz did not answer")
        if _body(service.get(SEARCH)) != expected:
            complaints.append("a search afterwards is answered otherwise")
    return Crowd(
        asked=len(found),
        statuses=Counter(answer.status for answer, _ in found),
        refusal_s=_of_99([took for answer, took in found if answer.status == 503]),
        health_s=_of_99([took for _, took in health.result()]),
        complaints=tuple(complaint for complaint in complaints if complaint),
    )


def stopped(home: Path, seed: int, *, bug: str = "") -> Stop:
    """Send SIGTERM while some requests are worked on, some wait, and one is never sent to its end."""
    rng = random.Random(seed)
    ended: list[tuple[float, Answer | None]] = []
    with running(home, slow_s=SEARCH_S, limits=FEW.model_copy(update={"stop_s": 2}), bug=bug) as service:

        def ask(delay_s: float) -> None:
            time.sleep(delay_s)
            sent, answer = float("inf"), None
            try:
                with socket.create_connection(service.address, PATIENCE_S) as connection:
                    connection.sendall(request("GET", SEARCH))
                    sent = time.monotonic()
                    answer = answer_from(connection)
            except OSError:
                pass  # nobody listens any more
            ended.append((sent, answer))

        with socket.create_connection(service.address, PATIENCE_S) as dawdler:
            dawdler.sendall(b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            threads = [threading.Thread(target=ask, args=(rng.uniform(0, 0.6),)) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.2, 0.6))
            signalled = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            code = service.process.wait(PATIENCE_S)
            took = time.monotonic() - signalled
            for thread in threads:
                thread.join()
            ended.append((signalled - 1.0, answer_from(dawdler)))
    complaints = [f"code {code}"] if code else []
    complaints += [f"it took {took:.1f} s"] if took > LONGEST_STOP_S else []
    in_time = [answer for sent, answer in ended if sent < signalled - SENT_FOR_SURE_S]
    complaints += ["a request was lost" for answer in in_time if answer is None or answer.status not in {200, 503}]
    return Stop(len(in_time), took, tuple(complaints))


def unread_mb(home: Path, *, bug: str = "") -> tuple[float, float]:
    """Ask over and over on one connection without reading; give the size of all answers, and what came in the end."""
    with running(home, bug=bug, limits=Limits(receive_s=0.5)) as service:
        each = len(service.get("/v1/openapi.json").body)
        times = 10_000_000 // each
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(PATIENCE_S)
            connection.connect(service.address)
            asked = b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * (times - 1)
            connection.sendall(asked + request("GET", "/v1/openapi.json"))
            time.sleep(2.5)
            came = 0
            with suppress(ConnectionError):
                while part := connection.recv(65536):
                    came += len(part)
    return times * each / 1e6, came / 1e6


def _timed(service: Service, target: str, end: float, pause_s: float) -> list[tuple[Answer, float]]:
    found = []
    rng = random.Random(threading.get_ident())
    while time.monotonic() < end:
        time.sleep(pause_s * rng.uniform(0.5, 1.5))  # or all would come at the same moment, again and again
        began = time.monotonic()
        found.append((service.get(target), time.monotonic() - began))
    return found


def _complaint(answer: Answer, expected: object) -> str:
    if answer.status == 200:
        return "" if _body(answer) == expected else "an answer differs"
    if answer.status != 503:
        return f"status {answer.status}"
    return "" if answer.headers.get("retry-after", "").isdigit() else "sent away without Retry-After"


def _body(answer: Answer) -> object:
    return {**answer.json, "took_ms": 0}


def _of_99(times: Sequence[float]) -> float:
    return sorted(times)[ceil(0.99 * len(times)) - 1] if times else 0.0
