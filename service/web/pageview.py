"""The page on which a quote is seen where it stands: a report's page as a picture, and its text beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from indexer.collection import Reader
from indexer.errors import InputError, NotFoundError
from indexer.records import Document, Page, Removal, Span
from service.citation import cite_spans, parse_spans, title_of
from service.inside import Place, Sought
from service.pictures import has_pictures
from service.receipting import MOST_SPANS
from service.references import facts_line
from service.search import Searcher
from service.web.facts import document_address
from service.web.hits import Cited, view_citation
from service.web.paging import read_number
from service.web.site import address, marks_within, page

router = APIRouter()

LONGEST_NUMBER = 9  # digits


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a page's text: furniture of that kind, or what can be found where it has none."""

    text: str
    kind: str | None
    marks: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One page of a document."""

    document: Document
    title: str
    number: int
    facts: str  # body, day and kind in a line
    text: str
    blocks: tuple[Block, ...]
    asides: tuple[str, ...]  # the kinds of furniture on it
    is_quote: bool  # whether the marks are a quote, or words that somebody looked for
    marks: int
    quote: str
    cited: Cited | None
    picture: str | None
    needs_ocr: bool
    question: str
    previous: str | None
    next: str | None
    back: str | None  # to what was found inside the document
    errors: tuple[tuple[str, str], ...]  # field and message


@router.get("/documents/{doc_id}/pages")
def jump(request: Request, doc_id: str, number: str = "", seen: str = "1", q: str = "") -> Response:
    """Go to the page whose number somebody has entered, `seen` being the one they came from. Raises NotFoundError."""
    searcher: Searcher = request.app.state.searcher
    with searcher.store.reading() as reader:
        document = reader.document(doc_id)
        try:
            wanted = read_number(number, document.pages)
        except InputError as error:
            stays = min(max(_number(seen) or 1, 1), document.pages)
            view = _view(request, reader, document, stays, "", q, ("number", str(error)))
            return _written(request, view, reader)
    return RedirectResponse(address(f"{document_address(document)}/pages/{wanted}", [("q", q)]))


@router.get("/documents/{doc_id}/pages/{number}")
def one_page(request: Request, doc_id: str, number: str, spans: str = "", q: str = "") -> HTMLResponse:
    """Show a page with the places marked that `spans` names, or else the words of `q`. Raises NotFoundError."""
    searcher: Searcher = request.app.state.searcher
    with searcher.store.reading() as reader:
        document = reader.document(doc_id)
        wanted = _number(number)
        if wanted is None:
            raise NotFoundError(f"`{number[:80]}` is no page number; the pages are 1 to {document.pages}")
        return _written(request, _view(request, reader, document, wanted, spans, q), reader)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def _written(request: Request, view: View, reader: Reader) -> HTMLResponse:
    title = f"{'Error: ' if view.errors else ''}{view.title}, page {view.number}"
    return page(request, "pageview.html", view, title, "documents", reader)


def _view(  # noqa: PLR0917 - what the page is asked for
    request: Request,
    reader: Reader,
    document: Document,
    number: int,
    spans: str,
    question: str,
    *errors: tuple[str, str],
) -> View:
    found, removals = reader.page(document.doc_id, number)
    problems = list(errors)
    quoted: tuple[Place, ...] = ()
    words: tuple[Place, ...] = ()
    try:
        quoted = tuple(sorted(parse_spans(spans, found)))
    except InputError as error:
        problems.append(("page-text", f"The quote cannot be shown: {error}"))
    if question.strip() and not quoted:
        try:
            words = Sought.of(question).places(found.text)
        except InputError as error:
            problems.append(("page-text", f"The words cannot be marked: {error}"))
    path, known = document_address(document), document.metadata
    marks = quoted or words
    quote = "\n".join(found.text[start:end] for start, end in quoted)
    return View(
        document=document,
        title=title_of(document),
        number=number,
        facts=facts_line(known.body, known.published, known.kind),
        text=found.text,
        blocks=tuple(blocks(found, removals, marks)),
        asides=tuple(sorted({removal.kind.value for removal in removals})),
        is_quote=bool(quoted),
        marks=len(marks),
        quote=quote,
        cited=_cited(document, tuple(Span(number, *place) for place in quoted), quote, question, reader),
        picture=_picture(request, document, number, marks),
        needs_ocr=found.needs_ocr,
        question=question,
        previous=address(f"{path}/pages/{number - 1}", [("q", question)]) if number > 1 else None,
        next=address(f"{path}/pages/{number + 1}", [("q", question)]) if number < document.pages else None,
        back=address(path, [("q", question)]) if question.strip() else None,
        errors=tuple(problems),
    )


def blocks(found: Page, removals: Sequence[Removal], marks: Sequence[Place]) -> Iterator[Block]:
    """Cut a page's text where furniture begins and ends; the texts put together are the page's."""
    at = 0
    for removal in sorted(removals, key=lambda one: one.span.start):
        start, end = max(removal.span.start, at), removal.span.end
        if end > start:
            yield from _block(found.text, at, start, None, marks)
            yield from _block(found.text, start, end, removal.kind.value, marks)
            at = end
    yield from _block(found.text, at, len(found.text), None, marks)


def _block(text: str, start: int, end: int, kind: str | None, marks: Sequence[Place]) -> Iterator[Block]:
    if start < end:
        yield Block(text[start:end], kind, marks_within(marks, start, end))


def _cited(document: Document, spans: tuple[Span, ...], text: str, question: str, reader: Reader) -> Cited | None:
    """Cite the marked text, unless so much is marked that it is no quote."""
    if len(spans) > MOST_SPANS or not text.strip():
        return None
    return view_citation(cite_spans(document, spans, text, reader), text, question)


def _picture(request: Request, document: Document, number: int, marks: Sequence[Place]) -> str | None:
    """Give the address of the page's picture; None where it has none, or nobody draws any."""
    searcher: Searcher = request.app.state.searcher
    if request.app.state.pictures is None or not has_pictures(searcher.store.folder, document):
        return None
    written = ",".join(f"{start}-{end}" for start, end in marks[:MOST_SPANS])
    return address(f"/v1{document_address(document)}/pages/{number}.png", [("spans", written)])
