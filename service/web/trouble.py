"""The page that tells of a problem, and how to go on."""

from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.responses import HTMLResponse

from service.access import CALLER, NOBODY
from service.web.adding import local
from service.web.site import HEADERS, page


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, as a problem document would say it."""

    title: str
    detail: str
    request_id: str
    status: int
    next: str = ""  # address to go to after signing in, or to try again; empty where there is none


def trouble_page(request: Request, problem: Trouble) -> HTMLResponse:
    """Write the page; also for a request that was refused before it was known who asks."""
    request.scope.setdefault(CALLER, NOBODY)
    content = replace(problem, next=local(problem.next))  # a path may begin like the address of another host
    written = page(request, "error.html", content, f"Error: {problem.title}")
    return HTMLResponse(written.body, problem.status, HEADERS)
