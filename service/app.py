"""The HTTP service: puts the endpoints together and turns every error into a problem document (RFC 9457)."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.errors import CitewellError, InputError, ModelError, NotFoundError, UnusableIndexError
from service.routes import router
from service.schemas import Problem
from service.search import Searcher

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PROBLEM = "application/problem+json"

# The first line that fits an error decides; nothing else maps errors to status codes.
STATUS: tuple[tuple[type[CitewellError], HTTPStatus, str], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND, "Not in the index"),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used"),
    (UnusableIndexError, HTTPStatus.SERVICE_UNAVAILABLE, "The index cannot be used"),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE, "The model cannot be used"),
)


def create_app(searcher: Searcher, *, hosts: Sequence[str] = LOOPBACK) -> FastAPI:
    """Make the service around a searcher. Requests for other hosts than these are refused (DNS rebinding)."""
    app = FastAPI(
        title="Citewell",
        version=version("citewell"),
        description="Ranked passages of reports, each with a citation that can be checked.",
        telemetry={"auto_configure": False},  # nothing is sent anywhere
        docs_url=None,  # the pages that FastAPI makes load their scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,  # a wrong address is answered with a problem document like any other
        responses={
            # Not as `model`, which FastAPI would document under the wrong media type.
            "default": {"description": "Problem", "content": {PROBLEM: {"schema": Problem.model_json_schema()}}}
        },
    )
    app.state.searcher = searcher
    app.include_router(router)
    app.add_middleware(_KnownHosts, hosts=hosts)
    app.add_exception_handler(CitewellError, _citewell_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _unexpected_problem)
    return app


class _KnownHosts:
    """Refuses requests for any other host, since a web page may give its own name the service's address."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the problem."""
        answer = self._app
        if scope["type"] == "http":
            request = Request(scope)
            host = re.sub(r":\d*$", "", request.headers.get("host", "").lower())
            if host not in self._hosts:
                detail = f"the service answers requests for {', '.join(self._hosts)} only, not for another host"
                answer = _problem(request, HTTPStatus.BAD_REQUEST, "Wrong host", detail)
        await answer(scope, receive, send)


def _citewell_problem(request: Request, error: Exception) -> JSONResponse:
    status, title = next((status, title) for kind, status, title in STATUS if isinstance(error, kind))
    return _problem(request, status, title, str(error))


def _validation_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": "".join(f"/{_escaped(str(part))}" for part in one["loc"]), "detail": str(one["msg"])}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in errors)
    return _problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used", detail, errors)


def _http_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return _problem(request, status, status.phrase, str(error.detail), headers=error.headers)


def _unexpected_problem(request: Request, _: Exception) -> JSONResponse:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _problem(request, status, status.phrase, "an error in Citewell itself; the service's log has the details")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")  # RFC 6901


def _problem(
    request: Request,
    status: HTTPStatus,
    title: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    path = request.scope["path"]  # the request's URL would be built from its host, which may be any text
    problem = Problem(type="about:blank", title=title, status=status, detail=detail, instance=path, errors=errors)
    return JSONResponse(problem.model_dump(exclude_none=True), status, headers, media_type=PROBLEM)
