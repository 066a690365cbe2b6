"""What all pages share: templates, static files, and the policy under which browsers show them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from indexer.collection import Reader
from indexer.errors import NotFoundError
from service.access import CALLER, Caller
from service.citation import Citation
from service.references import long_day
from service.signs import safe

HERE = Path(__file__).parent
STATIC = HERE / "static"
MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

# Everything comes from this host; nothing inline runs, so no text of a report can, whatever it holds.
POLICY = "; ".join([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
])  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    # Under `no-referrer` a browser would not even tell us that a form was sent by our own page (Origin: null).
    "referrer-policy": "same-origin",
}
FOR_EVER = "public, max-age=31536000, immutable"  # as a file's address changes with its content


@dataclass(frozen=True, slots=True)
class Site:
    """What every page shows beside its own content."""

    title: str  # of the page
    section: str  # of the navigation
    caller: Caller
    generation: int | None = None
    indexed_at: datetime | None = None

    @property
    def version(self) -> str:
        """Version of the software."""
        return version("citewell")


def page(  # noqa: PLR0917 - what a page is made of
    request: Request, template: str, content: object, title: str, section: str = "", reader: Reader | None = None
) -> HTMLResponse:
    """Write a page. The template has its content as `page`, and what all pages show as `site`."""
    site = Site(
        title=title,
        section=section,
        caller=request.scope[CALLER],
        generation=reader.version.generation if reader else None,
        indexed_at=reader.finished_at if reader else None,
    )
    return HTMLResponse(_environment().get_template(template).render(page=content, site=site), headers=HEADERS)


def address(path: str, parameters: Iterable[tuple[str, object]] = ()) -> str:
    """Write the address of a page; parameters that are None or empty are left out."""
    given = [(name, value) for name, value in parameters if value not in (None, "")]
    return f"{path}?{urlencode(given)}" if given else path


def seen_at(citation: Citation, question: str = "") -> str:
    """Write the address of the page on which a citation can be seen, its place marked."""
    marked = ",".join(f"{start}-{end}" for page, start, end in citation.spans if page == citation.page)
    place = f"/documents/{citation.doc_id}/pages/{citation.page}"
    return address(place, [("spans", marked), ("q", question)])


def segments(text: str, spans: Iterable[Sequence[int]]) -> Iterator[tuple[str, bool]]:
    """Cut a text where marks begin and end: pieces, and whether they are marked. Marks may touch and overlap."""
    at = 0
    for start, end in sorted((span[0], span[1]) for span in spans):
        if end > at:
            if start > at:
                yield text[at:start], False
            yield text[max(start, at) : end], True
            at = end
    if at < len(text):
        yield text[at:], False


def marks_within(marks: Iterable[tuple[int, int]], start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Give what of some marks of a text is within [start, end), as marks of that part."""
    inside = ((max(first, start) - start, min(last, end) - start) for first, last in marks)
    return tuple((first, last) for first, last in inside if first < last)


def sentence(text: str) -> str:
    """Make a sentence of a message; what it marks as code stands in quotation marks."""
    quoted = re.sub(r"`([^`]*)`", r"‘\1’", text)
    end = "" if quoted.endswith((".", "?", "!")) else "."
    return quoted[:1].upper() + quoted[1:] + end


def static_file(name: str) -> Response:
    """Give a file of the page. Raises NotFoundError."""
    known = _static()
    if name not in known:
        raise NotFoundError(f"there is no file `{name}`")
    data, _ = known[name]
    return Response(data, media_type=MEDIA[Path(name).suffix], headers={"cache-control": FOR_EVER})


@cache
def _static() -> dict[str, tuple[bytes, str]]:
    """Read the static files, once: contents and a hash of them."""
    files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in MEDIA}
    return {name: (data, sha256(data).hexdigest()[:12]) for name, data in files.items()}


def _static_address(name: str) -> str:
    return f"/static/{name}?v={_static()[name][1]}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["day"] = long_day
    made.globals |= {"static": _static_address, "address": address, "segments": segments, "seen_at": seen_at}
    return made


def _shown(value: object) -> object:
    """Show nothing for what is unknown, and a sign in place of each that would turn or hide what is read."""
    if value is None:
        return ""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value
