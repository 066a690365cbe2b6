"""The HTTP endpoints: each reads its arguments, calls one function and writes the answer."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from indexer.errors import InputError
from indexer.records import Document, Page
from service.answering import Answerer
from service.schemas import (
    AskRequest,
    AskResponse,
    DocumentsResponse,
    PageResponse,
    SearchRequest,
    SearchResponse,
    VerifyRequest,
    VerifyResponse,
)
from service.search import Searcher
from service.verification import verify

router = APIRouter()


async def _searcher(request: Request) -> Searcher:  # or FastAPI would have a thread do it
    searcher: Searcher = request.app.state.searcher
    return searcher


Search = Annotated[Searcher, Depends(_searcher)]


@router.get("/v1/search", summary="Search by query string", response_model=SearchResponse)
def search_by_query_string(request: Annotated[SearchRequest, Query()], searcher: Search) -> Response:
    """Find the passages that best fit a question, each with a citation that can be checked."""
    return _found(request, searcher)


@router.post("/v1/search", summary="Search by JSON", response_model=SearchResponse)
def search_by_json(request: SearchRequest, searcher: Search) -> Response:
    """Find the passages that best fit a question, each with a citation that can be checked."""
    return _found(request, searcher)


def _found(request: SearchRequest, searcher: Searcher) -> Response:
    """Search and write the answer, which FastAPI would check once more, and hand to another thread for it."""
    found = SearchResponse.of(searcher.search(request.checked()), explain=request.explain)
    return Response(found.model_dump_json(by_alias=True), media_type="application/json")


@router.get("/v1/ask", summary="Ask by query string", response_model=AskResponse)
def ask_by_query_string(request: Annotated[AskRequest, Query()], searcher: Search) -> Response:
    """Answer a question in verbatim quotes, each with its citation, or say why there is no answer."""
    return _answered(request, searcher)


@router.post("/v1/ask", summary="Ask by JSON", response_model=AskResponse)
def ask_by_json(request: AskRequest, searcher: Search) -> Response:
    """Answer a question in verbatim quotes, each with its citation, or say why there is no answer."""
    return _answered(request, searcher)


def _answered(request: AskRequest, searcher: Searcher) -> Response:
    answer = AskResponse.of(Answerer(searcher).ask(request.checked()))
    return Response(answer.model_dump_json(by_alias=True), media_type="application/json")


@router.post("/v1/verify", summary="Verify a quote", response_model=VerifyResponse)
def verify_quote(request: VerifyRequest, searcher: Search) -> Response:
    """Tell whether a quote stands in the reports unchanged, where, and how it differs where it does not."""
    found = VerifyResponse.of(verify(request.quote, searcher, document=request.document))
    return Response(found.model_dump_json(), media_type="application/json")


@router.get("/v1/documents", summary="List the documents")
def documents(searcher: Search) -> DocumentsResponse:
    """List every document of the index with its metadata, by folder and path."""
    with searcher.store.reading() as reader:
        found = tuple(reader.documents())
        return DocumentsResponse(generation=reader.version.generation, total=len(found), documents=found)


@router.get("/v1/documents/{doc_id}", summary="Show a document")
def document(doc_id: str, searcher: Search) -> Document:
    """Show what is known about a document, and where each fact comes from."""
    with searcher.store.reading() as reader:
        return reader.document(doc_id)


@router.get("/v1/documents/{doc_id}/pages/{number}", summary="Show a page")
def page(doc_id: str, number: int, searcher: Search, spans: str = "") -> PageResponse:
    """Show a page's text as it is stored; `spans` names places on it, as `start-end,start-end`."""
    with searcher.store.reading() as reader:
        found, removals = reader.page(doc_id, number)
        return PageResponse.of(reader, reader.document(doc_id), found, removals, parse_spans(spans, found))


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> dict[str, str]:
    """Answer as long as the process lives; never touches the index."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it answer?")
def readyz(searcher: Search) -> dict[str, str | int]:
    """Answer with the generation that is served; 503 where the index cannot be used."""
    return {"status": "ready", "generation": searcher.generation()}


def parse_spans(text: str, page: Page) -> tuple[tuple[int, int], ...]:
    """Read `start-end,start-end`. Raises InputError for another form, or places outside the page."""
    if not text:
        return ()
    if not re.fullmatch(r"\d{1,9}-\d{1,9}(?:,\d{1,9}-\d{1,9})*", text):
        raise InputError(f"spans `{text[:80]}` are not written as start-end,start-end")
    spans = tuple((int(start), int(end)) for start, end in (one.split("-") for one in text.split(",")))
    for start, end in spans:
        if not start < end <= len(page.text):
            raise InputError(
                f"span {start}-{end} is not within page {page.number}, which has {len(page.text)} characters"
            )
    return spans
