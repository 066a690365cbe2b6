"""Requests that are too much, at the application itself: no server, no sockets."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, MutableMapping, Sequence
from typing import Any

import pytest

from indexer.errors import InputError
from indexer.settings import Limits, Settings
from service.app import bare_answer, create_app
from service.limits import DROPPED, BusyError, MalformedError
from service.query import MOST_NAMES, Query
from service.search import Searcher
from tests.fakes import WordEncoder
from tests.service.conftest import Library
from tests.service.test_schemas import valid

KB = 1024
JSON = [(b"content-type", b"application/json")]
Message = MutableMapping[str, Any]


class Answered:
    """What the application sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def problem(self) -> Any:
        assert self.headers["content-type"] == "application/problem+json"
        assert len(self.messages) == 2
        return valid("problem", json.loads(self.messages[1]["body"]))


class HeldEncoder(WordEncoder):
    """Encodes no query before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)

    def encode_queries(self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]] = ()) -> Any:
        self.begun.release()
        assert self.go_on.wait(30)
        return super().encode_queries(texts, parts)


App = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


async def ask(
    app: App,
    chunks: Sequence[bytes | None] = (),
    *,
    path: str = "/v1/search",
    query: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
    pause_s: float = 0.0,
) -> Answered:
    """Send a request, its body in chunks; None is a client that leaves."""
    left = list(chunks)

    async def receive() -> Message:
        await asyncio.sleep(pause_s)
        if not left and chunks:
            await asyncio.Event().wait()
        chunk = left.pop(0) if left else b""
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    scope = {
        "type": "http",
        "method": "POST" if chunks else "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"localhost"), *headers],
        "http_version": "1.1",
    }
    answered = Answered()
    await app(scope, receive, answered)
    return answered


@pytest.fixture
def held(shelf: Library) -> Iterator[HeldEncoder]:
    """Give an encoder that is let go at the latest when the test is over."""
    encoder = HeldEncoder()
    yield encoder
    encoder.go_on.set()


def app_of(library: Library, encoder: WordEncoder | None = None, **limits: Any) -> App:
    return create_app(library.searcher(encoder), limits=Limits(**limits))


def body(size: int) -> bytes:
    """Write a search by JSON of so many bytes."""
    start = b'{"q": "school", "k": 1'
    return start + b" " * (size - len(start) - 1) + b"}"


@pytest.mark.parametrize(("size", "status"), [(64 * KB, 200), (64 * KB + 1, 413), (64 * KB + DROPPED + 1, 413)])
@pytest.mark.parametrize("is_stated", [True, False])
def test_a_body_has_64_kb_at_most(shelf: Library, size: int, status: int, is_stated: bool) -> None:
    """To the byte, whether its length is stated or counted as its chunks come."""
    whole = body(size)
    chunks = [whole[at : at + 10_000] for at in range(0, size, 10_000)]
    headers = [*JSON, (b"content-length", str(size).encode())] if is_stated else JSON
    answered = asyncio.run(ask(app_of(shelf), chunks, headers=headers))
    assert answered.status == status
    if status == 413:
        assert answered.problem["detail"] == "the body is longer than 65,536 bytes"
        assert answered.headers["connection"] == "close"


def test_an_endless_body_is_not_read_for_ever(shelf: Library) -> None:
    """A little more than the limit is read and dropped, so that the client listens; then it is enough."""
    read = 0

    async def receive() -> Message:
        nonlocal read
        read += 100_000
        return {"type": "http.request", "body": bytes(100_000), "more_body": True}

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/v1/search", "query_string": b"", "headers": headers}
    answered = Answered()
    asyncio.run(app_of(shelf)(scope, receive, answered))
    assert answered.status == 413
    assert read < 64 * KB + DROPPED + 200_000


def test_a_stated_length_over_the_limit_is_refused_unread(shelf: Library) -> None:
    """Nothing is received of a body that says itself that it is huge, or whose length is no number."""
    for length in (b"10000000", b"9" * 30, b"-1", b"1_0", "\u0661".encode()):
        headers = [*JSON, (b"content-length", length)]
        answered = asyncio.run(ask(app_of(shelf), [b"x", b"y"], headers=headers, pause_s=30))
        assert answered.problem["status"] == 413


def test_the_limit_is_a_setting(shelf: Library) -> None:
    """It can be larger, in the settings and so for the application."""
    assert Settings(limits=Limits(body_kb=128)).limits.body_kb == 128
    assert asyncio.run(ask(app_of(shelf, body_kb=128), [body(100 * KB)], headers=JSON)).status == 200
    assert asyncio.run(ask(app_of(shelf, body_kb=1), [body(2 * KB)], headers=JSON)).status == 413


@pytest.mark.parametrize(
    "more",
    [
        {"query": b"q=" + b"a" * 33 * KB},
        {"path": "/" + "a" * 33 * KB},
        {"headers": [(b"x", b"a" * 33 * KB)]},
        {"headers": [(b"x", b"a")] * 20_000},
    ],
)
def test_a_head_has_32_kb_at_most(shelf: Library, more: dict[str, Any]) -> None:
    """Address and headers count together."""
    answered = asyncio.run(ask(app_of(shelf), **more))
    assert answered.problem["status"] == 431
    assert "at most 32,768 are read" in answered.problem["detail"]


def test_two_lengths_are_none(shelf: Library) -> None:
    """A request that states its length in both ways could be read as two by a proxy."""
    headers = [*JSON, (b"content-length", b"15"), (b"transfer-encoding", b"chunked")]
    assert asyncio.run(ask(app_of(shelf), [body(99)], headers=headers)).problem["status"] == 400


def test_a_slow_request_is_given_up(shelf: Library) -> None:
    """A client that never sends the rest hears so and is cut off."""
    answered = asyncio.run(ask(app_of(shelf, receive_s=0.05), [b"{", b"}"], headers=JSON, pause_s=0.04))
    assert answered.problem["status"] == 408
    assert answered.headers["connection"] == "close"


def test_nobody_is_answered_who_has_left(shelf: Library) -> None:
    """A client that hangs up within its request gets no answer and no error."""
    assert asyncio.run(ask(app_of(shelf), [b"{", None], headers=JSON)).messages == []


@pytest.mark.parametrize("depth", [100, 900, 990, 995, 1_000, 5_000, 32_000])
@pytest.mark.parametrize("form", ["%s%s", '{"q": %s%s}', '{"q": "x", "body": %s%s}', '{"q": "x", "y": %s%s}'])
def test_deep_json_is_no_fault_of_the_service(shelf: Library, depth: int, form: str) -> None:
    """However deep it is nested, the client is told that it cannot be used."""
    content = (form % ("[" * depth, "]" * depth)).encode()
    assert asyncio.run(ask(app_of(shelf), [content], headers=JSON)).problem["status"] in {400, 422}


def test_a_query_names_a_score_of_bodies_at_most() -> None:
    """Each name is looked up among all there are, so their number is bounded, as is that of kinds."""
    Query("x", bodies=("b",) * MOST_NAMES, kinds=("k",) * MOST_NAMES)
    with pytest.raises(InputError, match="names 21 bodies; at most 20"):
        Query("x", bodies=("b",) * (MOST_NAMES + 1))
    with pytest.raises(InputError, match="names 21 kinds; at most 20"):
        Query("x", kinds=("k",) * (MOST_NAMES + 1))


def test_a_problem_names_twenty_fields_at_most(shelf: Library) -> None:
    """A request of thousands of unknown fields is not answered with as many complaints, nor with long pointers."""
    fields = {"q": "x", **{f"{number}{'y' * 200}": 1 for number in range(300)}}
    problem = asyncio.run(ask(app_of(shelf), [json.dumps(fields).encode()], headers=JSON)).problem
    assert len(problem["errors"]) == 20
    assert len(json.dumps(problem)) < 8_000


# --- turns


def test_who_comes_to_a_full_queue_is_sent_away_at_once(shelf: Library, held: HeldEncoder) -> None:
    """With one turn and one place to wait, the third is refused while the first is worked on, and health answers."""
    app = app_of(shelf, held, at_once=1, waiting=1)

    async def crowd() -> tuple[Answered, Answered, list[Answered]]:
        first = asyncio.create_task(ask(app, query=b"q=school"))
        await asyncio.to_thread(held.begun.acquire)
        second = asyncio.create_task(ask(app, query=b"q=budget"))
        await asyncio.sleep(0)
        refused = await ask(app, query=b"q=bees")
        health = await ask(app, path="/healthz")
        assert not first.done()
        assert not second.done()
        held.go_on.set()
        return refused, health, [await first, await second]

    refused, health, others = asyncio.run(crowd())
    assert refused.problem["status"] == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert health.status == 200
    assert [one.status for one in others] == [200, 200]


def test_a_turn_that_does_not_come_is_an_answer_too(shelf: Library, held: HeldEncoder) -> None:
    """Who waited as long as an answer may take is told to come again; the work before it goes on."""
    app = app_of(shelf, held, at_once=1, waiting=5, answer_s=0.1)

    async def crowd() -> tuple[Answered, Answered]:
        first = asyncio.create_task(ask(app, query=b"q=school"))
        await asyncio.to_thread(held.begun.acquire)
        waited = await ask(app, query=b"q=budget")
        held.go_on.set()
        return await first, waited

    first, waited = asyncio.run(crowd())
    assert first.problem["status"] == 504
    assert waited.problem["status"] == 503
    assert "retry-after" in waited.headers


def test_late_work_keeps_its_turn_and_is_not_sent(shelf: Library, held: HeldEncoder) -> None:
    """A thread cannot be stopped, so nobody else begins until it ends; its result is dropped, once."""
    app = app_of(shelf, held, at_once=1, waiting=0, answer_s=0.1)

    async def late() -> tuple[Answered, Answered, Answered]:
        first = await ask(app, query=b"q=school")
        second = await ask(app, query=b"q=school")
        held.go_on.set()
        while (third := await ask(app, query=b"q=school")).status == 503:
            await asyncio.sleep(0.01)
        return first, second, third

    first, second, third = asyncio.run(late())
    assert first.problem["status"] == 504
    assert second.problem["status"] == 503
    assert third.status in {200, 504}
    assert len(first.messages) == 2


def test_a_service_that_stops_says_so(shelf: Library, held: HeldEncoder) -> None:
    """A request that is cancelled by the server is answered as if the service were busy."""

    async def stop() -> Answered:
        answered = asyncio.create_task(ask(app_of(shelf, held), query=b"q=school"))
        await asyncio.to_thread(held.begun.acquire)
        answered.cancel()
        found = await answered
        held.go_on.set()
        return found

    assert "being stopped" in asyncio.run(stop()).problem["detail"]


def test_searches_do_not_block_the_loop(shelf: Library, held: HeldEncoder) -> None:
    """While all turns are taken by searches that hang, the loop itself is free."""
    app = app_of(shelf, held, at_once=2)

    async def busy() -> int:
        searches = [asyncio.create_task(ask(app, query=b"q=school")) for _ in range(2)]
        for _ in searches:
            await asyncio.to_thread(held.begun.acquire)
        answered = [await ask(app, path="/healthz") for _ in range(50)]
        held.go_on.set()
        await asyncio.gather(*searches)
        return sum(one.status == 200 for one in answered)

    assert asyncio.run(busy()) == 50


# --- answers


def test_every_answer_says_that_it_is_data(shelf: Library) -> None:
    """No browser may guess or run anything, and no cache may keep what can be removed, in errors as well."""
    app = app_of(shelf)
    for more in (
        {"query": b"q=school"},
        {"path": "/nothing"},
        {"path": "/healthz"},
        {"query": b"q=" + b"a" * 40_000},
    ):
        answered = asyncio.run(ask(app, **more))
        headers = answered.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == ("private, no-cache" if "etag" in headers else "no-store")
        assert ("etag" in headers) == (answered.status == 200 and "query" in more)


def test_an_answer_without_a_request_is_a_problem_too(shelf: Library) -> None:
    """What the server itself has to say is whole HTTP, with the same document and headers."""
    watch = create_app(shelf.searcher()).state.watch
    for error, line in ((MalformedError("x"), b"400 Bad Request"), (BusyError("<y>"), b"503 Service Unavailable")):
        head, _, content = bare_answer(watch, error).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + line + b"\r\n")
        assert f"content-length: {len(content)}".encode() in head
        assert b"connection: close" in head
        assert b"x-content-type-options: nosniff" in head
        assert f"x-request-id: {json.loads(content)['request_id']}".encode() in head
        assert (b"retry-after: 1" in head) == isinstance(error, BusyError)
        assert valid("problem", json.loads(content))["detail"] == str(error)
        assert b"<" not in content


def test_the_trace_of_an_error_is_logged_without_its_message(
    shelf: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also that of its cause: a message may repeat what was asked, its place in the code cannot."""

    def fail(self: Searcher, query: Query) -> None:
        known: dict[str, int] = {}
        try:
            known[query.text]
        except KeyError as error:
            raise ValueError(f"cannot look for {query.text}") from error

    monkeypatch.setattr(Searcher, "search", fail)
    answered = asyncio.run(ask(app_of(shelf), query=b"q=a+private+matter"))
    (logged,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert answered.problem["detail"].split()[-1] in logged
    assert "builtins.ValueError" in logged
    assert "builtins.KeyError" in logged
    assert "in search_by_query_string" in logged
    assert "private" not in logged + json.dumps(answered.problem)
