"""What becomes known of each request: its id, how long it took, how it ended; told to the log and the figures."""

import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import log
from service.metrics import Metrics

SEEN = "citewell.seen"  # where a request's scope has it
REQUEST_ID = b"x-request-id"
_GOOD_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


@dataclass
class Seen:
    """What is known of a request so far; only question and id can be a client's own words."""

    id: str
    question: str | None = None
    refusal: str | None = None  # the kind of the problem that it was answered with
    stages: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]] = ()) -> "Seen":
        """Begin, with the id that the client gives where it is one, and else a new one."""
        given = next((value for name, value in headers if name == REQUEST_ID), b"")
        return cls(given.decode() if _GOOD_ID.fullmatch(given) else secrets.token_hex(8))


class Route(Protocol):
    """An address that there is, as FastAPI has it."""

    path: str
    path_regex: re.Pattern[str]


class Watch:
    """Tells log and figures of requests. The log has the question only where that was asked for."""

    def __init__(self, metrics: Metrics, routes: Iterable[Route], *, log_queries: bool) -> None:
        self.metrics = metrics
        self._routes = [(route.path_regex, route.path) for route in routes]
        self._log_queries = log_queries

    def tell(self, seen: Seen, scope: Mapping[str, Any], status: int | None, seconds: float) -> None:
        """Tell of a request that has ended; `scope` is empty where what came was none."""
        route = self._route(scope.get("path"))
        method = scope.get("method")
        self.metrics.add_request(method, route, status, seconds)
        self.metrics.add_stages(seen.stages)
        if seen.refusal:
            self.metrics.add_refusal(seen.refusal)
        fields = {
            "request_id": seen.id,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "refused": seen.refusal,
        }
        if self._log_queries and seen.question is not None:
            fields["question"] = seen.question
        log(logging.INFO, "request", fields)

    def _route(self, path: str | None) -> str | None:
        """Give the address as the documentation writes it, without the values that this request has in it."""
        return next((known for regex, known in self._routes if path and regex.match(path)), None)


class Watched:
    """Gives each request an id, which its answer carries, and has the watch told when it has ended."""

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        seen = scope[SEEN] = Seen.of(scope["headers"])
        status: int | None = None

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (REQUEST_ID, seen.id.encode())]}
            await send(message)

        self._watch.metrics.under_way.inc()
        try:
            await self._app(scope, receive, sending)
        finally:
            self._watch.metrics.under_way.dec()
            self._watch.tell(seen, scope, status, perf_counter() - started)
