"""The HTTP endpoints: each reads its arguments, calls one function and writes the answer."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel

from indexer.errors import NotFoundError
from indexer.records import Document
from service import manual
from service.answering import Answerer
from service.citation import parse_spans
from service.cursors import MOST_DOCUMENTS, USUAL_LIMIT, cursor_at, place_of
from service.metrics import TEXT_FORMAT
from service.pictures import MOST_WIDTH, USUAL_WIDTH, WIDTH, Pictures, file_of
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
from service.signs import safe_json
from service.tags import KEEP, Tagger
from service.verification import verify
from service.watching import SEEN, Seen, Watch

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Called:
    """What an endpoint is given beside its arguments."""

    searcher: Searcher
    watch: Watch
    seen: Seen
    tagger: Tagger
    pictures: Pictures | None

    def check_known(self) -> None:
        """Raise Unchanged where the client has what would be searched or answered now."""
        if self.tagger.known:
            with self.searcher.store.reading() as reader:
                self.tagger.tag(reader.version, alike=True)


async def _called(request: Request) -> Called:  # or FastAPI would have a thread do it
    state, scope = request.app.state, request.scope
    target = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
    known = request.headers.get("if-none-match", "")
    tagger = Tagger(state.edition, target, known)
    return Called(state.searcher, state.watch, scope[SEEN], tagger, state.pictures)


Call = Annotated[Called, Depends(_called)]
Limit = Annotated[int, Query(ge=1, le=MOST_DOCUMENTS, description=f"how many; {USUAL_LIMIT} with a cursor alone")]
Cursor = Annotated[str, Query(max_length=200, description="`next_cursor` of the page before")]
Spans = Annotated[str, Query(description="places on the page, as `start-end,start-end`")]
Width = Annotated[int, Query(ge=WIDTH, le=MOST_WIDTH, description="of the picture, in pixels")]


def _bytes(media: str, description: str) -> dict[int | str, dict[str, Any]]:
    """Describe an answer that is not JSON."""
    return {200: {"description": description, "content": {media: {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/v1/search", summary="Search by query string", response_model=SearchResponse)
def search_by_query_string(request: Annotated[SearchRequest, Query()], call: Call) -> Response:
    """Find the passages that best fit a question, each with a citation that can be checked."""
    call.check_known()
    return _found(request, call, is_tagged=True)


@router.post("/v1/search", summary="Search by JSON", response_model=SearchResponse)
def search_by_json(request: SearchRequest, call: Call) -> Response:
    """Find the passages that best fit a question, each with a citation that can be checked."""
    return _found(request, call)


def _found(request: SearchRequest, call: Called, *, is_tagged: bool = False) -> Response:
    call.seen.question = request.q
    result = call.searcher.search(request.checked())
    call.seen.stages = result.stages
    found = SearchResponse.of(result, explain=request.explain)
    return written(found, tagged(call.tagger.tag(result.version, alike=True)) if is_tagged else None)


@router.get("/v1/ask", summary="Ask by query string", response_model=AskResponse)
def ask_by_query_string(request: Annotated[AskRequest, Query()], call: Call) -> Response:
    """Answer a question in verbatim quotes, each with its citation, or say why there is no answer."""
    call.check_known()
    return _answered(request, call, is_tagged=True)


@router.post("/v1/ask", summary="Ask by JSON", response_model=AskResponse)
def ask_by_json(request: AskRequest, call: Call) -> Response:
    """Answer a question in verbatim quotes, each with its citation, or say why there is no answer."""
    return _answered(request, call)


def _answered(request: AskRequest, call: Called, *, is_tagged: bool = False) -> Response:
    call.seen.question = request.q
    result = Answerer(call.searcher).ask(request.checked())
    answering_s = max(0.0, result.took_ms - result.found.took_ms) / 1000
    call.seen.stages = {**result.found.stages, "answer": answering_s}
    answer = AskResponse.of(result)
    return written(answer, tagged(call.tagger.tag(result.found.version, alike=True)) if is_tagged else None)


@router.post("/v1/verify", summary="Verify a quote", response_model=VerifyResponse)
def verify_quote(request: VerifyRequest, call: Call) -> Response:
    """Tell whether a quote stands in the reports unchanged, where, and how it differs where it does not."""
    call.seen.question = request.quote
    result = verify(request.quote, call.searcher, document=request.document)
    call.seen.stages = {"verify": result.took_ms / 1000}
    return written(VerifyResponse.of(result))


@router.get("/v1/documents", summary="List the documents")
def documents(
    call: Call, response: Response, limit: Limit | None = None, cursor: Cursor | None = None
) -> DocumentsResponse:
    """List the documents of the index with their metadata, by folder and path: all, or a page where one is asked for.

    With `limit` or `cursor` it is a page, and `next_cursor` says where the list goes on. A cursor holds for one
    generation of the index; after a sync, begin again without one.
    """
    with call.searcher.store.reading() as reader:
        start = place_of(cursor, reader.version) if cursor is not None else 0
        response.headers.update(tagged(call.tagger.tag(reader.version)))
        found = reader.documents()
        end = len(found) if limit is None and cursor is None else start + (limit or USUAL_LIMIT)
        return DocumentsResponse(
            generation=reader.version.generation,
            total=len(found),
            documents=tuple(found[start:end]),
            next_cursor=cursor_at(end, reader.version) if end < len(found) else None,
        )


@router.get("/v1/documents/{doc_id}", summary="Show a document")
def document(doc_id: str, call: Call, response: Response) -> Document:
    """Show what is known about a document, and where each fact comes from."""
    with call.searcher.store.reading() as reader:
        response.headers.update(tagged(call.tagger.tag(reader.version)))
        return reader.document(doc_id)


@router.get(
    "/v1/documents/{doc_id}/file",
    summary="Download a document",
    response_class=Response,
    responses=_bytes("application/octet-stream", "The file; a PDF comes as application/pdf"),
)
def file(doc_id: str, call: Call) -> Response:
    """Give the file that a document was read from, byte for byte, where a copy of it is kept."""
    with call.searcher.store.reading() as reader:
        headers = tagged(call.tagger.tag(reader.version))
        its = reader.document(doc_id)
    name = quote(PurePosixPath(its.path).name, safe="", errors="replace")
    headers["content-disposition"] = f"attachment; filename*=UTF-8''{name}"
    media = "application/pdf" if its.format == "pdf" else "application/octet-stream"
    return Response(file_of(call.searcher.store.folder, its), media_type=media, headers=headers)


@router.get(
    "/v1/documents/{doc_id}/pages/{number}.png",  # before the page's text, whose address it would be as well
    summary="Show a page as a picture",
    response_class=Response,
    responses=_bytes("image/png", "The page as it is shown, with the places marked"),
)
def page_picture(doc_id: str, number: int, call: Call, spans: Spans = "", width: Width = USUAL_WIDTH) -> Response:
    """Show a page of a PDF as a picture; what `spans` names is yellow, with a dark line around."""
    if call.pictures is None:
        raise NotFoundError(f"pictures are switched off; the page's text is at /v1/documents/{doc_id}/pages/{number}")
    with call.searcher.store.reading() as reader:
        headers = tagged(call.tagger.tag(reader.version))
        version, its, (found, _) = reader.version, reader.document(doc_id), reader.page(doc_id, number)
    picture = call.pictures.draw(version, its, found, parse_spans(spans, found), width)
    return Response(picture.png, media_type="image/png", headers={**headers, "content-disposition": "inline"})


@router.get("/v1/documents/{doc_id}/pages/{number}", summary="Show a page")
def page(doc_id: str, number: int, call: Call, response: Response, spans: Spans = "") -> PageResponse:
    """Show a page's text as it is stored, and the places on it that `spans` names."""
    with call.searcher.store.reading() as reader:
        response.headers.update(tagged(call.tagger.tag(reader.version)))
        found, removals = reader.page(doc_id, number)
        return PageResponse.of(reader, reader.document(doc_id), found, removals, parse_spans(spans, found))


def written(answer: BaseModel, headers: dict[str, str] | None = None) -> Response:
    """Write an answer, which FastAPI would check once more, and hand to another thread for it."""
    text = safe_json(answer.model_dump_json(by_alias=True))
    return Response(text, media_type="application/json", headers=headers)


def tagged(tag: str) -> dict[str, str]:
    """Give the headers of an answer with this tag."""
    return {"etag": tag, "cache-control": KEEP}


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> dict[str, str]:
    """Answer as long as the process lives; never touches the index."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it answer?")
def readyz(call: Call) -> dict[str, str | int]:
    """Answer with the generation that is served; 503 where the index cannot be used."""
    return {"status": "ready", "generation": call.searcher.generation()}


@router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
async def metrics(call: Call) -> Response:
    """Give times, refusals and the generation served last, of this process; never touches the index."""
    return Response(call.watch.metrics.text(), media_type=TEXT_FORMAT)


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """Show the page about this API."""
    page = manual.page(request.app.openapi(), request.app.openapi_url)
    return HTMLResponse(page, headers={"content-security-policy": manual.policy()})
