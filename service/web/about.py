"""Pages about the service itself: how accessible it is; and its static files."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from service.web.site import page, static_file

router = APIRouter()


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Give a file of the pages."""
    return static_file(name)


@router.get("/accessibility")
def accessibility(request: Request) -> HTMLResponse:
    """Say how accessible the pages are."""
    return page(request, "accessibility.html", None, "Accessibility statement")
