"""Bugs that attempts must notice, planted into the process of a service."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from service import app
from service.limits import Received, Turns
from service.search import Searcher
from service.server import Connection
from tests.faults.odd_requests import CANARY

search = Searcher.search
grown: list[bytes] = []


async def _pass_on(self: Any, scope: Any, receive: Any, send: Any) -> None:
    await self._app(scope, receive, send)


async def _block(self: Any, scope: Any, receive: Any, send: Any) -> None:
    time.sleep(0.5 * (scope["path"] == "/v1/search"))
    await self._app(scope, receive, send)


def _raise(self: Searcher) -> int:
    raise RuntimeError(CANARY)


def _grow(self: Searcher, query: Any) -> Any:
    grown.append(b"x" * 1024 * 1024)
    return search(self, query)


def _tell(self: Searcher, query: Any) -> Any:
    sys.stderr.write(f"searching for {query.text!r}\n")
    return search(self, query)


@contextmanager
def _die(self: Server) -> Iterator[None]:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    yield


# What is put in whose place.
BUGS: Mapping[str, tuple[tuple[object, str, Callable[..., Any] | Mapping[str, str]], ...]] = {
    "": (),
    "no limit of bodies": ((Received, "__call__", _pass_on),),
    "no turns": ((Turns, "__call__", _pass_on),),
    "the loop is blocked": ((Turns, "__call__", _block),),
    "an endpoint raises": ((Searcher, "generation", _raise),),
    "an endpoint raises and tells": ((Searcher, "generation", _raise), (app, "_trace", traceback.format_exception)),
    "memory grows": ((Searcher, "search", _grow),),
    "queries are logged": ((Searcher, "search", _tell),),
    "bad HTTP gets plain text": ((Connection, "send_400_response", H11Protocol.send_400_response),),
    "readers are waited for": ((Connection, "pause_writing", H11Protocol.pause_writing),),
    "no escaping": ((app, "safe_json", str),),
    "no word to browsers": ((app, "DATA_ONLY", {}),),
    "it dies at once": ((Server, "capture_signals", _die),),
}


def plant(bug: str) -> None:
    """Put a bug into this process; the empty name is none."""
    for owner, name, value in BUGS[bug]:
        setattr(owner, name, value)
