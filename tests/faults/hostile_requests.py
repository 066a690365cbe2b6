"""Requests that no honest client sends, at a real server process: our own list and schemathesis on our OpenAPI."""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy

from tests.faults.markup import in_browser, on_terminal, steering_signs
from tests.faults.odd_requests import ANY_REFUSAL, CANARY, FINE, Attempt, own
from tests.faults.overload import crowded, stopped
from tests.faults.serving import SECRET, Answer, Service, indexed, request, running
from tests.faults.table import Row

if TYPE_CHECKING:
    import schemathesis

MOST_GROWTH_MB = 50.0
ASKERS = 8  # fewer than may wait for a turn, so that nobody has to be sent away
PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance", "request_id"}
# The answers that are no JSON, and what they are.
NOT_JSON = {b"GET /metrics": "text/plain", b"GET /v1/grades.csv": "text/csv"}
WARM_UP = 300  # requests until the memory that is always needed is there


@dataclass(frozen=True)
class Outcome:
    """What became of many attempts."""

    attempts: int
    statuses: Counter[int]
    complaints: tuple[str, ...]
    growth_mb: float

    @property
    def summary(self) -> str:
        """Tell it in a line."""
        counts = ", ".join(f"{count:,} x {status or 'hung up'}" for status, count in sorted(self.statuses.items()))
        return f"{len(self.complaints)} complaints; {counts}; memory {self.growth_mb:+.0f} MB"


def rows(seed: int) -> list[Row]:
    """Try everything at full numbers."""
    with tempfile.TemporaryDirectory() as folder:
        home = indexed(Path(folder))
        with running(home) as service:
            attempts = [*from_openapi(service, 3_000, seed), *own(7_000, seed)]
            random.Random(seed).shuffle(attempts)
            stormed = storm(service, attempts)
        crowd = crowded(home, askers=50, seconds=20.0)
        stops = [stopped(home, seed + turn) for turn in range(50)]
    lost = [complaint for stop in stops for complaint in stop.complaints]
    with tempfile.TemporaryDirectory() as folder:
        pages = in_browser(Path(folder), 500)
    with tempfile.TemporaryDirectory() as folder:
        terminal = on_terminal(Path(folder))
    return [
        Row(
            "hostile requests at a server process",
            stormed.attempts,
            "planned statuses, problem documents, nothing in the log, at most 50 MB more",
            stormed.summary,
            not stormed.complaints,
        ),
        Row(
            "searches at once, ten times as many as there are turns for",
            crowd.asked,
            "503 and Retry-After within 100 ms, /healthz within 50 ms (99 of 100), all as before when it is over",
            crowd.summary,
            not crowd.complaints and crowd.refusal_s <= 0.1 and crowd.health_s <= 0.05,
        ),
        Row(
            "SIGTERM under load",
            len(stops),
            "requests under way answered, code 0, at most 10 s",
            f"{len(lost)} complaints; {sum(stop.answered for stop in stops):,} requests answered; "
            f"longest {max(stop.took_s for stop in stops):.1f} s",
            not lost,
        ),
        Row(
            "script payloads in texts, titles, file names and queries",
            500,
            "no markup in any answer, all of them declared as data",
            f"{len(pages.complaints)} complaints about {pages.looked_at:,} answers",
            not pages.complaints,
        ),
        Row(
            "steering signs of Unicode in texts, metadata, file names and arguments, at a terminal",
            len(steering_signs()),
            "none is printed",
            f"{len(terminal.complaints)} complaints about {terminal.looked_at:,} characters of output",
            not terminal.complaints,
        ),
    ]


# --- asking and judging


def storm(service: Service, attempts: Sequence[Attempt], warm_up: int = WARM_UP) -> Outcome:
    """Make all attempts, and look at every answer, at the memory, the log, and what is answered before and after."""
    before = _ordinary(service)
    statuses: Counter[int] = Counter()
    complaints: list[str] = []

    def make(attempt: Attempt) -> None:
        answer = service.ask(*attempt.pieces, pause_s=attempt.pause_s, is_head=attempt.is_head)
        statuses[answer.status if answer else 0] += 1
        complaints.extend(f"{attempt.name}: {complaint}" for complaint in judged(attempt, answer))

    with ThreadPoolExecutor(ASKERS) as askers:
        list(askers.map(make, attempts[:warm_up]))
        memory = service.memory_mb()
        list(askers.map(make, attempts[warm_up:]))
    growth = service.memory_mb() - memory
    if growth > MOST_GROWTH_MB:
        complaints.append(f"the process grew by {growth:.0f} MB")
    if _ordinary(service) != before:
        complaints.append("an ordinary search is answered differently afterwards")
    if CANARY in service.log.read_text(errors="replace").lower():
        complaints.append("the log holds what was asked")
    return Outcome(len(attempts), statuses, tuple(complaints), growth)


def judged(attempt: Attempt, answer: Answer | None) -> Iterator[str]:
    """Say what is wrong with an answer."""
    status = answer.status if answer else 0
    if status not in attempt.allowed:
        yield f"{status} for {attempt.pieces[0][:200]!r}"
    if answer is None:
        return
    if answer.headers.get("x-content-type-options") != "nosniff":
        yield "browsers may guess what it is"
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    others = (media for address, media in NOT_JSON.items() if attempt.pieces[0].startswith(address))
    data = next(others, "application/json") if status < 400 else "application/json"
    is_data = answer.headers.get("content-type", "").split(";")[0] == data
    if is_problem != (status >= 400) or (not is_problem and not is_data):
        yield f"{status} as {answer.headers.get('content-type')}"
    elif not attempt.is_head and is_problem and not _is_problem(answer):
        yield f"not a problem document: {answer.body[:200]!r}"
    if SECRET.encode() in answer.body or b"Traceback" in answer.body:
        yield f"it tells a secret: {answer.body[:200]!r}"


def _is_problem(answer: Answer) -> bool:
    problem = answer.json
    is_whole = set(problem) >= PROBLEM_FIELDS >= set(problem) - {"errors"}
    return is_whole and bool(problem["status"] == answer.status)


def _ordinary(service: Service) -> object:
    return {**service.get("/v1/search?q=school+budget&k=5&explain=true").json, "took_ms": 0}


def from_openapi(service: Service, count: int, seed: int) -> list[Attempt]:
    """Let schemathesis make requests that fit our own description, and others that do not."""
    import schemathesis
    from schemathesis.config import SchemathesisConfig
    from schemathesis.core.result import Ok
    from schemathesis.generation import GenerationMode

    schema = schemathesis.openapi.from_dict(service.get("/v1/openapi.json").json, config=SchemathesisConfig())
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    made: list[Attempt] = []
    for mode in GenerationMode:
        for operation in operations:
            made += _cases(operation.as_strategy(generation_mode=mode), 1 + count // len(operations), seed)
    random.Random(seed).shuffle(made)
    return made[:count]


def _cases(strategy: SearchStrategy["schemathesis.Case[Any]"], count: int, seed: int) -> list[Attempt]:
    made: list[Attempt] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def make(case: "schemathesis.Case[Any]") -> None:
        asked = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
        body = asked.body.encode() if isinstance(asked.body, str) else asked.body or b""
        assert isinstance(body, bytes)
        ours = {"connection", "content-length"}
        headers = [f"{name}: {value!s}" for name, value in asked.headers.items() if name.lower() not in ours]
        raw = request(str(asked.method), asked.path_url, headers, body)
        made.append(Attempt("schemathesis", (raw,), frozenset(FINE | {202} | ANY_REFUSAL)))

    with suppress(Unsatisfiable):  # an operation without fields cannot be asked wrongly
        make()
    return made
