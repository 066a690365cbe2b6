"""What a request may cost, checked before any work is done for it: size, time to arrive, a turn, time to answer.

The errors become answers in `service.app`. Both classes are pure ASGI applications around another one.
"""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import CitewellError, InputError
from indexer.settings import Limits

ALWAYS = frozenset({"/healthz", "/metrics"})  # answered however busy the service is
UPLOADS = frozenset({("POST", "/v1/documents"), ("POST", "/upload")})  # the latter from a page
UPLOAD_S = 600.0  # within which all of an upload must have come
DROPPED = 1024 * 1024  # bytes of a body over the limit that are read and dropped: many clients listen only after that


class MalformedError(InputError):
    """What came is not a request."""


class HeadTooLargeError(InputError):
    """The address and headers of a request are too long."""


class BodyTooLargeError(InputError):
    """The body of a request is too long."""


class SlowRequestError(InputError):
    """A request takes too long to arrive."""


class BusyError(CitewellError):
    """Too many others want an answer."""


class LateError(CitewellError):
    """An answer takes too long."""


@dataclass(frozen=True, slots=True)
class Long:
    """Requests that take long without working much: they need no turn, but only so many are there at once."""

    method: str
    path: re.Pattern[str]
    most: int


LONG = (
    Long("POST", re.compile("/v1/documents|/upload"), 8),
    Long("DELETE", re.compile("/v1/documents/[^/]+"), 8),
    Long("GET", re.compile("/v1/jobs/[^/]+/events"), 32),
)


class Received:
    """Passes a request on once all of it is there, so that nobody who sends slowly takes a turn from others.

    An upload is passed on as it comes; who reads it sets a limit with `at_most`.
    Raises MalformedError, HeadTooLargeError, BodyTooLargeError, SlowRequestError.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive the request and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._check_head(scope)
        if (scope["method"], scope["path"]) in UPLOADS:
            await self._app(scope, _in_time(receive, self._limits.receive_s), send)
            return
        body = await self._body(scope, receive)
        if body is not None:
            await self._app(scope, _with_body(body, receive), send)

    def _check_head(self, scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in headers)
        if size > self._limits.head_kb * 1024:
            raise HeadTooLargeError(
                f"the address and headers have {size:,} bytes; at most {self._limits.head_kb * 1024:,} are read"
            )
        if {b"content-length", b"transfer-encoding"} <= {name.lower() for name, _ in headers}:
            # A proxy in front may believe the other one, and take the rest for a request of its own (RFC 9112, 6.3).
            raise MalformedError("a request states its length once: as Content-Length or by Transfer-Encoding")

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Give the body, None where the client has left. Chunked bodies are counted as they come."""
        limit = self._limits.body_kb * 1024
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if not stated.isdigit() or len(stated) > 18 or int(stated) > limit + DROPPED:
            raise BodyTooLargeError(f"the body is longer than {limit:,} bytes")
        body, size, more = bytearray(), 0, True
        try:
            async with asyncio.timeout(self._limits.receive_s):
                while more and size <= limit + DROPPED:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    size += len(message.get("body", b""))
                    if size <= limit:
                        body += message.get("body", b"")
                    more = message.get("more_body", False)
        except TimeoutError:
            if size <= limit:
                raise SlowRequestError(f"the request was not there within {self._limits.receive_s:g} s") from None
        if size > limit:
            raise BodyTooLargeError(f"the body is longer than {limit:,} bytes")
        return bytes(body)


class Turns:
    """Lets a few requests be worked on at once and a few more wait; whoever comes then is sent away at once.

    A request that is late keeps its turn until its work has really ended, since a thread cannot be stopped.
    Raises BusyError, LateError.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.at_once)
        self._waiting = 0
        self._long = dict.fromkeys(LONG, 0)  # how many there are

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for a turn, pass the request on and wait for the answer."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
            return
        if long := next((one for one in LONG if _is(scope, one)), None):
            await self._take_long(long, scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.answer_s
        await self._take_turn(end)
        answer = _Answer(send)
        work = asyncio.create_task(_finished(self._app(scope, receive, answer)))
        work.add_done_callback(self._give_turn_back)
        try:
            await asyncio.wait({work}, timeout=end - loop.time())
        finally:  # also where the service stops meanwhile
            answer.is_given_up = not work.done() and not answer.has_begun
        if answer.is_given_up:
            raise LateError(
                f"there was no answer within {self._limits.answer_s:g} s; ask for less, or try again later"
            )
        await work

    async def _take_long(self, long: Long, scope: Scope, receive: Receive, send: Send) -> None:
        if self._long[long] >= long.most:
            raise BusyError(f"{long.most} requests of this kind are under way; try again in a second")
        self._long[long] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._long[long] -= 1

    async def _take_turn(self, end: float) -> None:
        if self._turns.locked() and self._waiting >= self._limits.waiting:
            raise BusyError("too many others are asking; try again in a second")
        self._waiting += 1
        try:
            async with asyncio.timeout_at(end):
                await self._turns.acquire()
        except TimeoutError:
            raise BusyError(f"no turn came within {self._limits.answer_s:g} s; try again in a second") from None
        finally:
            self._waiting -= 1

    def _give_turn_back(self, work: asyncio.Task[None]) -> None:
        self._turns.release()
        if not work.cancelled():
            work.exception()  # or asyncio would log that of one that was given up, with whatever its text says


class _Answer:
    """Passes an answer on, unless it was given up and another one was sent in its place."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        self.is_given_up = False

    async def __call__(self, message: Message) -> None:
        if not self.is_given_up:
            self.has_begun = True
            await self._send(message)


def at_most(receive: Receive, size: int, scope: Scope) -> Receive:
    """Give the same body as long as it has at most so many bytes.

    Raises BodyTooLargeError, at once where the request states a greater length.
    """
    stated = dict(scope["headers"]).get(b"content-length", b"0")
    error = BodyTooLargeError(f"the body is longer than {size:,} bytes")
    if not stated.isdigit() or len(stated) > 18 or int(stated) > size:
        raise error
    left = size

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise error
        return message

    return counted


def _in_time(receive: Receive, silence_s: float) -> Receive:
    """Give the body as it comes, from a client that is neither silent for long nor takes for ever."""
    end = asyncio.get_running_loop().time() + UPLOAD_S
    is_whole = False

    async def timed() -> Message:
        nonlocal is_whole
        if is_whole:  # what comes now is that the client leaves
            return await receive()
        try:
            async with asyncio.timeout_at(min(end, asyncio.get_running_loop().time() + silence_s)):
                message = await receive()
        except TimeoutError:
            raise SlowRequestError(f"nothing came within {silence_s:g} s, or not all within {UPLOAD_S:g} s") from None
        if message["type"] == "http.disconnect":
            raise MalformedError("the client left before the upload was whole")
        is_whole = not message.get("more_body", False)
        return message

    return timed


def _is(scope: Scope, long: Long) -> bool:
    return scope["method"] == long.method and bool(long.path.fullmatch(scope["path"]))


async def _finished(work: Awaitable[None]) -> None:
    await work


def _with_body(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
