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
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import CitewellError, InputError, ModelError, NotFoundError, UnusableIndexError
from indexer.settings import Limits
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
from service.routes import router
from service.schemas import Problem
from service.search import Searcher
from service.signs import safe_json

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PROBLEM = "application/problem+json"
MOST_ERRORS = 20  # wrong fields that are named at once
LONGEST_POINTER = 80  # characters of a pointer to one

# The first line that fits an error decides; nothing else maps errors to status codes.
STATUS: tuple[tuple[type[CitewellError], HTTPStatus, str], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND, "Not in the index"),
    (MalformedError, HTTPStatus.BAD_REQUEST, "Not a request"),
    (HeadTooLargeError, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too long"),
    (BodyTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long"),
    (SlowRequestError, HTTPStatus.REQUEST_TIMEOUT, "The request is too slow"),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used"),
    (BusyError, HTTPStatus.SERVICE_UNAVAILABLE, "The service is busy"),
    (LateError, HTTPStatus.GATEWAY_TIMEOUT, "The answer is late"),
    (UnusableIndexError, HTTPStatus.SERVICE_UNAVAILABLE, "The index cannot be used"),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE, "The model cannot be used"),
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
DATA_ONLY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

_log = logging.getLogger("citewell")


class Json(JSONResponse):
    """JSON that is harmless wherever it is pasted or printed: what begins markup or steers a terminal is escaped."""

    def render(self, content: Any) -> bytes:
        """Write it; it reads as the same values."""
        return safe_json(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))).encode()


def create_app(searcher: Searcher, *, hosts: Sequence[str] = LOOPBACK, limits: Limits | None = None) -> FastAPI:
    """Make the service around a searcher. Requests for other hosts than these are refused (DNS rebinding)."""
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
    app.state.searcher = searcher
    app.include_router(router)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    # From the inside out.
    app.add_middleware(Turns, limits=limits)
    app.add_middleware(Received, limits=limits)
    app.add_middleware(_KnownHosts, hosts=hosts)
    app.add_middleware(_Answers)
    return app


def bare_answer(error: CitewellError) -> bytes:
    """Write the whole HTTP answer, for a server that has no request to answer; it ends the connection."""
    answer = _citewell_problem("/", error)
    status = HTTPStatus(answer.status_code)
    headers = {**dict(answer.headers), **DATA_ONLY, **CLOSE}
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
                data_only = [(name.encode(), value.encode()) for name, value in DATA_ONLY.items()]
                message = {**message, "headers": [*message["headers"], *data_only]}
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except (asyncio.CancelledError, Exception) as error:  # the former where the service stops
            if has_begun or scope["type"] != "http":
                raise
            await _problem_of(scope["path"], error)(scope, receive, sending)


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
                answer = _problem(scope["path"], HTTPStatus.BAD_REQUEST, "Wrong host", detail, headers=CLOSE)
        await answer(scope, receive, send)


def _problem_of(path: str, error: BaseException) -> JSONResponse:
    if isinstance(error, CitewellError):
        return _citewell_problem(path, error)
    if isinstance(error, asyncio.CancelledError):
        return _citewell_problem(path, BusyError("the service is being stopped"))
    number = secrets.token_hex(4)
    _log.error("request %s failed\n%s", number, "".join(_trace(error)))
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _problem(
        path, status, status.phrase, f"an error in Citewell itself; its log tells more of request {number}"
    )


def _trace(error: BaseException | None) -> Iterator[str]:
    """Tell where an error comes from, without its message, which may repeat what was asked."""
    while error:
        yield from traceback.format_tb(error.__traceback__)
        yield f"{type(error).__module__}.{type(error).__qualname__}\n"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _citewell_problem(path: str, error: CitewellError) -> JSONResponse:
    status, title = next((status, title) for kind, status, title in STATUS if isinstance(error, kind))
    return _problem(path, status, title, str(error), headers=BESIDE.get(type(error)))


def _validation_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": _pointer(one["loc"]), "detail": str(one["msg"])} for one in list(error.errors())[:MOST_ERRORS]
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in errors)
    path = request.scope["path"]
    return _problem(path, HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used", detail, errors)


def _pointer(place: Sequence[object]) -> str:
    """Write a JSON pointer (RFC 6901), which ends early where somebody invented a long field."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)[:LONGEST_POINTER]


def _http_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return _problem(request.scope["path"], status, status.phrase, str(error.detail), headers=error.headers)


def _problem(
    path: str,
    status: HTTPStatus,
    title: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    # The path alone: the request's URL would be built from its host, which may be any text.
    instance = quote(path, errors="replace")
    problem = Problem(type="about:blank", title=title, status=status, detail=detail, instance=instance, errors=errors)
    return Json(problem.model_dump(exclude_none=True), status, headers, media_type=PROBLEM)
