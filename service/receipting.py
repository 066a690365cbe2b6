"""The endpoints that issue receipts of quotes and check them."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from indexer.collection import Reader
from indexer.errors import InputError
from indexer.records import Document, Span
from service.answering import Quote
from service.citation import cite_spans
from service.query import LONGEST_QUERY
from service.receipts import Receipt, issue, parse_receipt, resolve, to_json
from service.routes import Call, Called
from service.schemas import ReceiptResponse
from service.signs import safe_json

MOST_SPANS = 100
LONGEST_TEXT = 20_000  # characters of a quote

router = APIRouter()


class ReceiptRequest(BaseModel):
    """The place of a quote, as its citation tells it. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"question": "Who visits?", "doc_id": "3f2a90d51c7be846", "spans": [[3, 120, 300]]}]
        },
    )

    question: str = Field("", description=f"what was asked; at most {LONGEST_QUERY:,} characters")
    doc_id: str = Field(max_length=200)
    spans: tuple[tuple[int, int, int], ...] = Field(
        description=f"[page, char_start, char_end] of each part in turn; at most {MOST_SPANS}"
    )


Spans = Annotated[str, Query(description="the parts in turn, as `page:start-end,page:start-end`")]
RECEIPT = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.get("/v1/receipts", summary="Issue a receipt by query string", response_model=Receipt)
def receipt_by_query_string(
    doc_id: Annotated[str, Query(max_length=200)], spans: Spans, call: Call, question: str = ""
) -> Response:
    """Give the receipt of a quote as a file: all that is needed to find it again and to check it, for years."""
    return _issued(ReceiptRequest(question=question, doc_id=doc_id, spans=parse_places(spans)), call)


@router.post("/v1/receipts", summary="Issue a receipt", response_model=Receipt)
def receipt_by_json(request: ReceiptRequest, call: Call) -> Response:
    """Give the receipt of a quote as a file: all that is needed to find it again and to check it, for years."""
    return _issued(request, call)


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/v1/receipts/check", summary="Check a receipt", response_model=ReceiptResponse, openapi_extra=RECEIPT)
def check_receipt(body: Annotated[bytes, Depends(_body)], call: Call) -> Response:
    """Tell what became of the quote that a receipt is of. The body is the receipt as it was issued."""
    receipt = parse_receipt(body)
    with call.searcher.store.reading() as reader:
        found = ReceiptResponse.of(receipt, resolve(receipt, reader))
    return Response(safe_json(found.model_dump_json()), media_type="application/json")


def parse_places(text: str) -> tuple[tuple[int, int, int], ...]:
    """Read the places of a quote, as `page:start-end,page:start-end`. Raises InputError for another form."""
    if not re.fullmatch(rf"{_PLACE}(?:,{_PLACE}){{0,{MOST_SPANS - 1}}}", text, re.ASCII):
        shown = text.encode("utf-8", "replace").decode()[:80]
        raise InputError(
            f"spans `{shown}` are not written as page:start-end,page:start-end, or are more than {MOST_SPANS}"
        )
    return tuple(
        (int(page), int(start), int(end)) for page, start, end in (re.split("[:-]", one) for one in text.split(","))
    )


def places_of(spans: tuple[tuple[int, int, int], ...]) -> str:
    """Write the places of a quote as `parse_places` reads them."""
    return ",".join(f"{page}:{start}-{end}" for page, start, end in spans)


_PLACE = r"\d{1,9}:\d{1,9}-\d{1,9}"


def _issued(request: ReceiptRequest, call: Called) -> Response:
    call.seen.question = request.question
    if len(request.question) > LONGEST_QUERY:
        raise InputError(f"the question has more than {LONGEST_QUERY:,} characters; give it as it was asked")
    with call.searcher.store.reading() as reader:
        document = reader.document(request.doc_id)
        quote = _quote(document, request.spans, reader)
        receipt = issue(request.question, quote, reader, datetime.now(UTC))
    name = f"citewell-{document.doc_id}-page-{quote.citation.page}.json"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(to_json(receipt), media_type="application/json", headers=headers)


def _quote(document: Document, places: tuple[tuple[int, int, int], ...], reader: Reader) -> Quote:
    """Read a quote from its places, which follow one another: in another order they would say something else."""
    if not 1 <= len(places) <= MOST_SPANS:
        raise InputError(f"a quote has 1 to {MOST_SPANS} spans, not {len(places):,}")
    if any(after[:2] < (before[0], before[2]) for before, after in pairwise(places)):
        raise InputError("the spans do not follow one another; give them in the order of the document")
    texts = []
    for page, start, end in places:
        text = reader.page_text(document.doc_id, page)
        if not 0 <= start < end <= len(text):
            raise InputError(f"span {start}-{end} is not within page {page}, which has {len(text):,} characters")
        texts.append(text[start:end])
    quoted = "\n".join(texts)
    if len(quoted) > LONGEST_TEXT:
        raise InputError(f"the spans have {len(quoted):,} characters; a receipt is of {LONGEST_TEXT:,} at most")
    if not quoted.strip():
        raise InputError("there are no words at these spans")
    return Quote(quoted, cite_spans(document, tuple(Span(*place) for place in places), quoted, reader))
