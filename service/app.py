"""The HTTP service: puts the endpoints together and turns every error into a problem document (RFC 9457)."""

import asyncio
import json
import logging
import re
import secrets
import traceback
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import CitewellError, InputError, ModelError, NotFoundError, UnusableIndexError
from indexer.settings import Limits
from service.cursors import OldCursorError
from service.limits import (
    BodyTooLargeError,
    BusyError,
    HeadTooLargeError,
    LateError,
    MalformedError,
    Received,
    SlowRequestError,
    Turns,
)
from service.logs import log
from service.metrics import Metrics
from service.routes import router
from service.schemas import Problem
from service.search import Searcher
from service.signs import safe_json
from service.tags import KEEP, Unchanged
from service.watching import REQUEST_ID, SEEN, Seen, Watch, Watched

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PROBLEM = "application/problem+json"
MOST_ERRORS = 20  # wrong fields that are named at once
LONGEST_POINTER = 80  # characters of a pointer to one

# The first line that fits an error decides; nothing else maps errors to status codes. The last word is for figures.
STATUS: tuple[tuple[type[CitewellError], HTTPStatus, str, str], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND, "Not in the index", "not_found"),
    (MalformedError, HTTPStatus.BAD_REQUEST, "Not a request", "malformed"),
    (HeadTooLargeError, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too long", "too_large"),
    (BodyTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long", "too_large"),
    (SlowRequestError, HTTPStatus.REQUEST_TIMEOUT, "The request is too slow", "slow"),
    (OldCursorError, HTTPStatus.GONE, "The index has changed", "old_cursor"),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used", "invalid"),
    (BusyError, HTTPStatus.SERVICE_UNAVAILABLE, "The service is busy", "busy"),
    (LateError, HTTPStatus.GATEWAY_TIMEOUT, "The answer is late", "late"),
    (UnusableIndexError, HTTPStatus.SERVICE_UNAVAILABLE, "The index cannot be used", "index"),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE, "The model cannot be used", "model"),
)

# What is sent beside the answer to some errors. A connection whose request was not read to its end cannot be used on.
CLOSE = {"connection": "close"}
BESIDE: Mapping[type[CitewellError], Mapping[str, str]] = {
    BusyError: {"retry-after": "1"},
    MalformedError: CLOSE,
    HeadTooLargeError: CLOSE,
    BodyTooLargeError: CLOSE,
    SlowRequestError: CLOSE,
}

# Answers are data for programs: no browser may take one for a page or a script, and no cache may outlive a removal.
# What an answer says itself counts instead.
DATA_ONLY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Json(JSONResponse):
    """JSON that is harmless wherever it is pasted or printed: what begins markup or steers a terminal is escaped."""

    def render(self, content: Any) -> bytes:
        """Write it; it reads as the same values."""
        return safe_json(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))).encode()


def create_app(
    searcher: Searcher,
    *,
    hosts: Sequence[str] = LOOPBACK,
    limits: Limits | None = None,
    log_queries: bool = False,
    edition: str | None = None,
) -> FastAPI:
    """Make the service around a searcher. Requests for other hosts than these are refused (DNS rebinding).

    Applications of one `edition` give the same answers of the same index, so they share the tags of these.
    """
    limits = limits or Limits()
    app = FastAPI(
        title="Citewell",
        version=version("citewell"),
        description="Ranked passages of reports, each with a citation that can be checked.",
        telemetry={"auto_configure": False},  # nothing is sent anywhere
        docs_url=None,  # the pages that FastAPI makes load their scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,  # a wrong address is answered with a problem document like any other
        default_response_class=Json,
        responses={
            # Not as `model`, which FastAPI would document under the wrong media type.
            "default": {"description": "Problem", "content": {PROBLEM: {"schema": Problem.model_json_schema()}}}
        },
    )
    metrics = Metrics(lambda: searcher.served)
    routes = [route for route in (*app.routes, *router.routes) if isinstance(route, Route)]
    watch = Watch(metrics, routes, log_queries=log_queries)
    app.state.searcher = searcher
    app.state.watch = watch
    app.state.edition = edition or secrets.token_hex(8)
    app.include_router(router)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Unchanged, _unchanged)
    # From the inside out.
    app.add_middleware(Turns, limits=limits)
    app.add_middleware(Received, limits=limits)
    app.add_middleware(_KnownHosts, hosts=hosts)
    app.add_middleware(_Answers)
    app.add_middleware(Watched, watch=watch)
    return app


def bare_answer(watch: Watch, error: CitewellError) -> bytes:
    """Write the whole HTTP answer, for a server that has no request to answer; it ends the connection."""
    seen = Seen.of()
    answer = _citewell_problem({"path": "/", SEEN: seen}, error)
    status = HTTPStatus(answer.status_code)
    watch.tell(seen, {}, status, 0.0)
    headers = {**dict(answer.headers), **DATA_ONLY, **CLOSE, REQUEST_ID.decode(): seen.id}
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + bytes(answer.body)


class _Answers:
    """Answers every error with a problem document, and says of every answer that it is data."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the problem."""
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                said = {name for name, _ in message["headers"]}
                data_only = [(name.encode(), value.encode()) for name, value in DATA_ONLY.items()]
                missing = [(name, value) for name, value in data_only if name not in said]
                message = {**message, "headers": [*message["headers"], *missing]}
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except (asyncio.CancelledError, Exception) as error:  # the former where the service stops
            if has_begun or scope["type"] != "http":
                raise
            await _problem_of(scope, error)(scope, receive, sending)


class _KnownHosts:
    """Refuses requests for any other host, since a web page may give its own name the service's address."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the problem."""
        answer = self._app
        if scope["type"] == "http":
            host = re.sub(r":\d*$", "", Request(scope).headers.get("host", "").lower())
            if host not in self._hosts:
                detail = f"the service answers requests for {', '.join(self._hosts)} only, not for another host"
                answer = _problem(scope, HTTPStatus.BAD_REQUEST, "Wrong host", detail, "wrong_host", headers=CLOSE)
        await answer(scope, receive, send)


def _problem_of(scope: Scope, error: BaseException) -> JSONResponse:
    if isinstance(error, CitewellError):
        return _citewell_problem(scope, error)
    if isinstance(error, asyncio.CancelledError):
        return _citewell_problem(scope, BusyError("the service is being stopped"))
    number = scope[SEEN].id
    log(logging.ERROR, f"request {number} failed\n{''.join(_trace(error))}", {"request_id": number})
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = f"an error in Citewell itself; its log tells more of request {number}"
    return _problem(scope, status, status.phrase, detail, "error")


def _trace(error: BaseException | None) -> Iterator[str]:
    """Tell where an error comes from, without its message, which may repeat what was asked."""
    while error:
        yield from traceback.format_tb(error.__traceback__)
        yield f"{type(error).__module__}.{type(error).__qualname__}\n"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _citewell_problem(scope: Scope, error: CitewellError) -> JSONResponse:
    _, status, title, kind = next(line for line in STATUS if isinstance(error, line[0]))
    return _problem(scope, status, title, str(error), kind, headers=BESIDE.get(type(error)))


def _validation_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": _pointer(one["loc"]), "detail": str(one["msg"])} for one in list(error.errors())[:MOST_ERRORS]
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in errors)
    status, title = HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used"
    return _problem(request.scope, status, title, detail, "invalid", errors)


def _pointer(place: Sequence[object]) -> str:
    """Write a JSON pointer (RFC 6901), which ends early where somebody invented a long field."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)[:LONGEST_POINTER]


def _http_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    kind = status.name.lower()
    return _problem(request.scope, status, status.phrase, str(error.detail), kind, headers=error.headers)


def _unchanged(_: Request, error: Exception) -> Response:
    assert isinstance(error, Unchanged)
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": error.tag, "cache-control": KEEP})


def _problem(  # noqa: PLR0917 - what a problem document has
    scope: Scope,
    status: HTTPStatus,
    title: str,
    detail: str,
    kind: str,
    errors: list[dict[str, str]] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    seen: Seen = scope[SEEN]
    seen.refusal = kind
    problem = Problem(
        type="about:blank",
        title=title,
        status=status,
        detail=detail,
        # The path alone: the request's URL would be built from its host, which may be any text.
        instance=quote(scope["path"], errors="replace"),
        request_id=seen.id,
        errors=errors,
    )
    return Json(problem.model_dump(exclude_none=True), status, headers, media_type=PROBLEM)
