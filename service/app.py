"""The HTTP service: puts the endpoints together and turns every error into a problem document (RFC 9457)."""

import asyncio
import json
import logging
import re
import secrets
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.database import KEYS_FILE
from indexer.errors import CitewellError, InputError, ModelError, NotFoundError, UnusableIndexError
from indexer.settings import Limits
from service import overviews, receipting, routes, web, writes
from service.access import BESIDE, LOOPBACK, Access, ForbiddenError, TooManyError, UnauthorizedError
from service.cursors import OldCursorError
from service.keeper import Keeper
from service.keys import Keys, KeysError
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
from service.pictures import Pictures
from service.schemas import Problem
from service.search import Searcher
from service.sessions import Sessions
from service.signs import safe_json
from service.tags import KEEP, Unchanged
from service.uploads import ConflictError
from service.watching import REQUEST_ID, SEEN, Seen, Watch, Watched
from service.web.trouble import Trouble, trouble_page

PROBLEM = "application/problem+json"
PROBLEM_SCHEMA = "#/components/schemas/Problem"
MOST_ERRORS = 20  # wrong fields that are named at once
LONGEST_POINTER = 80  # characters of a pointer to one

KEY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, as `citewell keys add` prints it. Where the service has keys, reading needs one, "
    "unless it is open to all, and changing the index needs one with the role `write`.",
}
API = (routes.router, overviews.router, receipting.router, writes.router)

# The first line that fits an error decides; nothing else maps errors to status codes. The last word is for figures.
STATUS: tuple[tuple[type[CitewellError], HTTPStatus, str, str], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND, "Not in the index", "not_found"),
    (MalformedError, HTTPStatus.BAD_REQUEST, "Not a request", "malformed"),
    (HeadTooLargeError, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too long", "too_large"),
    (BodyTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long", "too_large"),
    (SlowRequestError, HTTPStatus.REQUEST_TIMEOUT, "The request is too slow", "slow"),
    (UnauthorizedError, HTTPStatus.UNAUTHORIZED, "Who is asking?", "unauthorized"),
    (ForbiddenError, HTTPStatus.FORBIDDEN, "Not allowed", "forbidden"),
    (TooManyError, HTTPStatus.TOO_MANY_REQUESTS, "Too many requests", "too_many"),
    (KeysError, HTTPStatus.SERVICE_UNAVAILABLE, "The keys cannot be used", "keys"),
    (ConflictError, HTTPStatus.CONFLICT, "It stands against what is there", "conflict"),
    (OldCursorError, HTTPStatus.GONE, "The index has changed", "old_cursor"),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used", "invalid"),
    (BusyError, HTTPStatus.SERVICE_UNAVAILABLE, "The service is busy", "busy"),
    (LateError, HTTPStatus.GATEWAY_TIMEOUT, "The answer is late", "late"),
    (UnusableIndexError, HTTPStatus.SERVICE_UNAVAILABLE, "The index cannot be used", "index"),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE, "The model cannot be used", "model"),
    (CitewellError, HTTPStatus.SERVICE_UNAVAILABLE, "This cannot be done now", "unavailable"),
)

# What is sent beside the answer to some errors. A connection whose request was not read to its end cannot be used on.
CLOSE = {"connection": "close"}
HEADERS: Mapping[type[CitewellError], Mapping[str, str]] = {
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


class Service(FastAPI):
    """FastAPI, but for what it says of errors and keys: problem documents would have another media type."""

    def openapi(self) -> dict[str, Any]:
        """Describe the API."""
        described = super().openapi()
        described["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
        described["components"]["securitySchemes"] = {"key": KEY_SCHEME}
        described["security"] = [{}, {"key": []}]  # none is needed where the service has no keys
        return described


def create_app(
    searcher: Searcher,
    *,
    hosts: Sequence[str] = LOOPBACK,
    limits: Limits | None = None,
    log_queries: bool = False,
    edition: str | None = None,
    keys: Keys | None = None,
    open_reading: bool = False,
    secret: bytes | None = None,
    keeper: Keeper | None = None,
    pictures: Pictures | None = None,
) -> FastAPI:
    """Make the service around a searcher. Requests for other hosts than these are refused (DNS rebinding).

    Applications of one `edition` give the same answers of the same index, so they share the tags of these; those of
    one `secret` share sessions. Where there are `keys`, which are those of the index if no others are given, requests
    need one, but to read if `open_reading`. Without a `keeper` nothing can be written, without `pictures` no page
    drawn; both are closed with the application.
    """
    limits = limits or Limits()
    keys = keys or Keys(searcher.store.folder / KEYS_FILE)
    sessions = Sessions(secret or secrets.token_bytes(32))
    app = Service(
        title="Citewell",
        version=version("citewell"),
        description="Ranked passages of reports, each with a citation that can be checked.",
        telemetry={"auto_configure": False},  # nothing is sent anywhere
        docs_url=None,  # the pages that FastAPI makes load their scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,  # a wrong address is answered with a problem document like any other
        default_response_class=Json,
        responses={"default": {"description": "Problem", "content": {PROBLEM: {"schema": {"$ref": PROBLEM_SCHEMA}}}}},
        generate_unique_id_function=lambda route: route.name,
        lifespan=partial(_lifespan, keeper, pictures),
    )
    metrics = Metrics(lambda: searcher.served)
    for router in API:
        app.include_router(router)
    for router in web.ROUTERS:
        app.include_router(router, include_in_schema=False)
    offered = [route for router in (app, *API, *web.ROUTERS) for route in router.routes]
    known = [route for route in offered if isinstance(route, Route)]
    watch = Watch(metrics, known, log_queries=log_queries)
    app.state.searcher = searcher
    app.state.watch = watch
    app.state.limits = limits
    app.state.edition = edition or secrets.token_hex(8)
    app.state.keys = keys
    app.state.sessions = sessions
    app.state.keeper = keeper
    app.state.pictures = pictures
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Unchanged, _unchanged)
    # From the inside out.
    app.add_middleware(Turns, limits=limits)
    app.add_middleware(Received, limits=limits)
    app.add_middleware(Access, keys=keys, limits=limits, open_reading=open_reading, sessions=sessions)
    app.add_middleware(_KnownHosts, hosts=hosts)
    app.add_middleware(_Answers)
    app.add_middleware(Watched, watch=watch)
    return app


@asynccontextmanager
async def _lifespan(keeper: Keeper | None, pictures: Pictures | None, _: FastAPI) -> AsyncIterator[None]:
    with ExitStack() as held:
        for one in (keeper, pictures):
            if one:
                held.callback(one.close)
        yield


def bare_answer(watch: Watch, error: CitewellError) -> bytes:
    """Write the whole HTTP answer, for a server that has no request to answer; it ends the connection."""
    seen = Seen.of()
    answer = _citewell_problem({"type": "http", "method": "", "path": "/", "headers": [], SEEN: seen}, error)
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
                beside = [(name.encode(), value.encode()) for name, value in scope.get(BESIDE, {}).items()]
                message = {**message, "headers": [*message["headers"], *missing, *beside]}
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


def _problem_of(scope: Scope, error: BaseException) -> Response:
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


def _citewell_problem(scope: Scope, error: CitewellError) -> Response:
    _, status, title, kind = next(line for line in STATUS if isinstance(error, line[0]))
    return _problem(
        scope, status, title, str(error), kind, headers=getattr(error, "headers", HEADERS.get(type(error)))
    )


def _validation_problem(request: Request, error: Exception) -> Response:
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


def _http_problem(request: Request, error: Exception) -> Response:
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
) -> Response:
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
    if _is_of_page(scope):
        query = scope["query_string"].decode("latin-1")
        target = f"{scope['path']}?{query}".rstrip("?") if scope["method"] == "GET" else ""
        page = trouble_page(Request(scope), Trouble(title, detail, seen.id, status, target))
        page.headers.update(headers or {})
        return page
    return Json(problem.model_dump(exclude_none=True), status, headers, media_type=PROBLEM)


def _is_of_page(scope: Scope) -> bool:
    """Tell whether somebody looks at a page, and not a program at the API."""
    return not scope["path"].startswith("/v1/") and "text/html" in Headers(scope=scope).get("accept", "")
