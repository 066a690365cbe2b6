"""The HTTP server around the application: uvicorn, with limits on what comes before there is a request."""

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from logging.config import dictConfig
from typing import Any

import uvicorn
from fastapi import FastAPI
from h11 import IDLE, SEND_RESPONSE
from uvicorn.protocols.http.h11_impl import H11Protocol

from indexer.errors import CitewellError, InputError
from indexer.settings import Limits, Settings
from service import logs
from service.app import bare_answer
from service.limits import BusyError, MalformedError, SlowRequestError
from service.server.workers import keep_working
from service.watching import Watch

LINGERING_S = 1.0  # time in which a client that still sends can read why it is not heard
BACKLOG = 2048  # connections that wait to be accepted, as uvicorn has it


OpenApp = Callable[["Common"], FastAPI]


@dataclass(frozen=True, slots=True)
class Common:
    """What the applications of all workers of one service have in common, and no other service has."""

    edition: str  # see `create_app`
    secret: bytes  # that their sessions are signed with

    @classmethod
    def new(cls) -> "Common":
        """Make both anew."""
        return cls(secrets.token_hex(8), secrets.token_bytes(32))


def serve(open_app: OpenApp, settings: Settings) -> None:
    """Serve until the process is told to stop by SIGINT or SIGTERM, and then finish what was begun.

    With several workers each is a process with an application and limits of its own. Raises InputError where it
    cannot listen, what `open_app` raises, and UnusableIndexError where workers die again and again.
    """
    if settings.workers > 1:
        _serve_with_workers(open_app, settings)
        return
    # uvicorn ends its requests, then hands the signal on; being stopped is how a service ends well, so with code 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(_config(open_app(Common.new()), settings))
    except SystemExit as error:  # before it listened; the log has the reason
        raise _cannot_listen(settings) from error


def _serve_with_workers(open_app: OpenApp, settings: Settings) -> None:
    dictConfig(logs.config())
    common = Common.new()
    host = _address(settings)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        logging.getLogger("uvicorn.error").error(error)  # noqa: TRY400 - its text is enough, as with one process
        raise _cannot_listen(settings) from error

    def work(listening: socket.socket, say_ready: Callable[[], None]) -> None:
        config = _config(open_app(common), settings, backlog=1)
        say_ready()
        _run(config, [_Shared(fileno=listening.detach())])

    keep_working(work, listening, workers=settings.workers, stop_s=settings.limits.stop_s)


class _Shared(socket.socket):
    """A socket that listens already; with asyncio's backlog of 1, which takes that many connections at a time.

    Otherwise one of the processes would take all that wait: of 16 at once, 12 to 15, measured with two busy workers,
    and 9 to 11 so.
    """

    def listen(self, backlog: int = BACKLOG, /) -> None:
        """Leave it as it is."""


class Connection(H11Protocol):
    """uvicorn's own, which by itself waits for ever for a head or a reader, and answers bad HTTP in plain text."""

    def __init__(self, limits: Limits, watch: Watch, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._watch = watch
        self._is_refused = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._is_refused = True
            error = BusyError("too many connections are open; try again in a second")
            transport.write(bare_answer(self._watch, error))
            transport.close()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        for timer in (self._head_timer, self._reader_timer):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, or drop what comes after an answer that ended the connection."""
        if not self._is_refused:
            super().data_received(data)
            self._watch_head()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read its answer."""
        super().pause_writing()
        self._reader_timer = self.loop.call_later(self._limits.receive_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on, since the client reads."""
        if self._reader_timer:
            self._reader_timer.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP/1.1 with a problem document like any other."""
        self._refuse(MalformedError(f"{msg} A head may have {self._limits.head_kb * 1024:,} bytes."))

    def _watch_head(self) -> None:
        is_awaited = not self._is_refused and (self.cycle is None or self.cycle.response_complete)
        if is_awaited and not self._head_timer:
            self._head_timer = self.loop.call_later(self._limits.receive_s, self._head_is_late)
        elif not is_awaited and self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse(SlowRequestError(f"the request was not there within {self._limits.receive_s:g} s"))
        else:  # nobody asked anything
            self.transport.close()

    def _refuse(self, error: CitewellError) -> None:
        self._is_refused = True
        has_begun = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not has_begun and self.conn.our_state in {IDLE, SEND_RESPONSE} and not self.transport.is_closing():
            self.transport.write(bare_answer(self._watch, error))
            self.transport.write_eof()
        self.loop.call_later(LINGERING_S, self.transport.close)


def _config(app: FastAPI, settings: Settings, *, backlog: int = BACKLOG) -> uvicorn.Config:
    limits = settings.limits
    return uvicorn.Config(
        app,
        host=_address(settings),
        port=settings.port,
        http=partial(Connection, limits, app.state.watch),  # type: ignore[arg-type] # which is called like a class
        ws="none",
        log_config=logs.config(),
        log_level="info",
        access_log=False,  # it would hold what people ask, as part of the addresses; our own log has the requests
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=limits.head_kb * 1024,
        timeout_graceful_shutdown=limits.stop_s,
        backlog=backlog,
    )


def _run(config: uvicorn.Config, listening: list[socket.socket] | None = None) -> None:
    with suppress(KeyboardInterrupt):  # as which the signal comes once all is done
        uvicorn.Server(config).run(listening)


def _address(settings: Settings) -> str:
    return settings.host.strip("[]")


def _cannot_listen(settings: Settings) -> InputError:
    return InputError(f"cannot listen on {_address(settings)}, port {settings.port}; is another service there?")
