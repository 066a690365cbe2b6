"""What a request may cost, checked before any work is done for it: size, time to arrive, a turn, time to answer.

The errors become answers in `service.app`. Both classes are pure ASGI applications around another one.
"""

import asyncio
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import CitewellError, InputError
from indexer.settings import Limits

ALWAYS = frozenset({"/healthz", "/metrics"})  # answered however busy the service is
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


class Received:
    """Passes a request on once all of it is there, so that nobody who sends slowly takes a turn from others.

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for a turn, pass the request on and wait for the answer."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
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


async def _finished(work: Awaitable[None]) -> None:
    await work


def _with_body(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
