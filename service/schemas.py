"""The JSON that goes over the wire and out of `--json`: the contract, field by field."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from indexer.dense import Approximation, approximation_of
from indexer.encoder import Fingerprint
from indexer.records import Counts, Document, Mode, Page, Refused, Removal
from indexer.store import Reader, text_sha256
from service.answering import Answer, Quote, Status
from service.citation import Citation
from service.query import LONGEST_QUERY, MOST_HITS, Query, parse_day
from service.receipts import Outcome, Receipt, Resolution
from service.search import Hit, Interpretation, Part, Reranked, SearchResult
from service.verification import LONGEST_QUOTE, Match, Verdict, Verification


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class AskRequest(BaseModel):
    """A question; the same fields as JSON body and as query string. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"q": "How many children had no social worker?", "k": 5, "from": "2018"}]},
    )

    q: str = Field(description=f"the question, in plain English; at most {LONGEST_QUERY} characters")
    k: int = Field(10, description=f"how many hits, 1 to {MOST_HITS}")
    body: Texts = Field((), description="only documents about these bodies")
    kind: Texts = Field((), description="only documents of these kinds")
    from_: str | None = Field(None, alias="from", description="published on this day or later: 2018-05-22 or 2018")
    to: str | None = Field(None, description="published on this day or earlier")
    as_of: str | None = Field(None, description="what had been published by this day")
    infer: bool = Field(default=True, description="read bodies and times from the question")

    def checked(self) -> Query:
        """Check all values. Raises InputError."""
        ends = [parse_day(text, last=True) for text in (self.to, self.as_of) if text is not None]
        return Query(
            text=self.q,
            k=self.k,
            bodies=self.body,
            kinds=self.kind,
            published_from=None if self.from_ is None else parse_day(self.from_),
            published_to=min(ends, default=None),
            infer=self.infer,
        )


class SearchRequest(AskRequest):
    """A search; the same fields as JSON body and as query string. Unknown fields are refused."""

    mode: Mode = Field(Mode.HYBRID, description="how passages are found: by meaning and words, or by one of them")
    explain: bool = Field(default=False, description="say what speaks for each hit")

    def checked(self) -> Query:
        """Check all values. Raises InputError."""
        return replace(super().checked(), mode=self.mode)


class Interpreted(BaseModel):
    """How a query was read."""

    model_config = ConfigDict(populate_by_name=True)

    body: str | None
    from_: date | None = Field(alias="from")
    to: date | None
    phrases: tuple[str, ...]

    @classmethod
    def of(cls, read: Interpretation) -> Self:
        """Write how a query was read."""
        return cls(body=read.body, from_=read.published_from, to=read.published_to, phrases=read.phrases)


class Scores(BaseModel):
    """What each way of searching says of a hit; null where it did not look or found nothing."""

    dense: float | None = Field(description="cosine of query and passage")
    lexical: float | None = Field(description="BM25 score of the query, as a share of the most there could be")


class Reason(BaseModel):
    """What one signal adds to a hit's place: its value times its weight."""

    signal: str
    value: float
    weight: float
    adds: float

    @classmethod
    def of(cls, part: Part) -> Self:
        """Write a part of a hit's sum."""
        adds = round(part.value * part.weight, 4)
        return cls(signal=part.signal, value=part.value, weight=part.weight, adds=adds)


class HitOut(BaseModel):
    """A passage that was found."""

    rank: int
    score: float = Field(description="0 to 1, higher is better: estimated chance that the passage is relevant")
    scores: Scores
    passage_id: int
    text: str
    highlights: tuple[tuple[int, int], ...] = Field(description="words of the query in the text, as [start, end)")
    citation: Citation
    twins: tuple[Citation, ...] = Field(description="where near-identical text stands in other documents")
    explanation: tuple[Reason, ...] | None = Field(None, description="only where it was asked for")
    reranked: Reranked | None = Field(None, description="likewise, where a reranker put this hit in its place")

    @classmethod
    def of(cls, hit: Hit, *, explain: bool = False) -> Self:
        """Write a hit."""
        dense, lexical = (score and round(score, 4) for score in (hit.dense, hit.lexical))
        return cls(
            rank=hit.rank,
            score=hit.score,
            scores=Scores(dense=dense, lexical=lexical),
            passage_id=hit.passage_id,
            text=hit.text,
            highlights=hit.highlights,
            citation=hit.citation,
            twins=hit.twins,
            explanation=tuple(Reason.of(part) for part in hit.parts) if explain else None,
            reranked=hit.reranked if explain else None,
        )


class SearchResponse(BaseModel):
    """Ranked passages, each with its citation."""

    query: str
    mode: str
    generation: int
    took_ms: float
    interpreted: Interpreted
    hits: tuple[HitOut, ...]

    @classmethod
    def of(cls, result: SearchResult, *, explain: bool = False) -> Self:
        """Write a search result."""
        return cls(
            query=result.query,
            mode=result.mode,
            generation=result.generation,
            took_ms=result.took_ms,
            interpreted=Interpreted.of(result.interpreted),
            hits=tuple(HitOut.of(hit, explain=explain) for hit in result.hits),
        )


class SearchedOut(BaseModel):
    """What was looked through for an answer."""

    model_config = ConfigDict(populate_by_name=True)

    documents: int
    bodies: tuple[str, ...]
    from_: date | None = Field(alias="from", description="when the first of the documents was published")
    to: date | None


class AskResponse(BaseModel):
    """An answer made of verbatim quotes, or the reason why there is none; and the nearest passages either way."""

    question: str
    status: Status
    answer: str | None = Field(description="the quotes, one after the other")
    confidence: float = Field(description="0 to 1: estimated chance that a quote answers the question")
    quotes: tuple[Quote, ...]
    reason: str | None = Field(description="why there is no answer, or only a part of one")
    searched: SearchedOut
    interpreted: Interpreted
    hits: tuple[HitOut, ...]
    generation: int
    took_ms: float

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Write an answer."""
        searched = answer.searched
        return cls(
            question=answer.question,
            status=answer.status,
            answer=answer.text,
            confidence=answer.confidence,
            quotes=answer.quotes,
            reason=answer.reason,
            searched=SearchedOut(
                documents=searched.documents,
                bodies=searched.bodies,
                from_=searched.published_from,
                to=searched.published_to,
            ),
            interpreted=Interpreted.of(answer.found.interpreted),
            hits=tuple(HitOut.of(hit) for hit in answer.found.hits),
            generation=answer.found.generation,
            took_ms=answer.took_ms,
        )


class DocumentsResponse(BaseModel):
    """The documents of the index, by folder and path: all of them, or a page of the list."""

    generation: int
    total: int = Field(description="how many there are in all")
    documents: tuple[Document, ...]
    next_cursor: str | None = Field(None, description="where the list goes on; null at its end")


class RemovalOut(BaseModel):
    """Text of a page that is in no passage."""

    start: int
    end: int
    kind: str


class PageResponse(BaseModel):
    """One page of a document as it is stored; all offsets count characters of `text`."""

    generation: int
    doc_id: str
    title: str | None
    source: str
    page: int
    pages: int
    text: str
    text_sha256: str
    spans: tuple[tuple[int, int], ...] = Field(description="the places that were asked for")
    furniture: tuple[RemovalOut, ...]
    needs_ocr: bool

    @classmethod
    def of(
        cls,
        reader: Reader,
        document: Document,
        page: Page,
        removals: tuple[Removal, ...],
        spans: tuple[tuple[int, int], ...],
    ) -> Self:
        """Write a page."""
        return cls(
            generation=reader.version.generation,
            doc_id=document.doc_id,
            title=document.metadata.title,
            source=document.path,
            page=page.number,
            pages=document.pages,
            text=page.text,
            text_sha256=text_sha256(page.text),
            spans=spans,
            furniture=tuple(RemovalOut(start=r.span.start, end=r.span.end, kind=r.kind.value) for r in removals),
            needs_ocr=page.needs_ocr,
        )


class StatusResponse(BaseModel):
    """What is indexed."""

    index: str
    generation: int
    finished_at: datetime | None
    counts: Counts
    bodies: dict[str, int]
    kinds: dict[str, int]
    encoder: Fingerprint
    approximation: Approximation | None = Field(
        description="how a search by meaning without a filter looks through some of the vectors, and the share of "
        "the ten nearest it finds; null where it looks through all"
    )
    refused: tuple[Refused, ...]
    needs_ocr: dict[str, tuple[int, ...]] = Field(description="pages without text, by whole path")

    @classmethod
    def of(cls, reader: Reader, index: Path) -> Self:
        """Write the state of an index that has been made."""
        return cls(
            index=str(index),
            generation=reader.version.generation,
            finished_at=reader.finished_at,
            counts=reader.counts(),
            bodies=reader.bodies(),
            kinds=reader.kinds(),
            encoder=Fingerprint.from_json(reader.fingerprint or "{}"),
            approximation=approximation_of(index, reader),
            refused=tuple(reader.refusals()),
            needs_ocr={document.file: document.needs_ocr for document in reader.documents() if document.needs_ocr},
        )


class VerifyRequest(BaseModel):
    """A quote to be verified. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"quote": "Most children in need have a social worker."}]},
    )

    quote: str = Field(
        description=f"the words as quoted; at most {LONGEST_QUOTE:,} characters, and an ellipsis leaves words out"
    )
    document: str | None = Field(
        None, max_length=1000, description="look only into this document: its id, path or end of a path"
    )


class VerifyResponse(BaseModel):
    """Whether a quote stands in the reports, and where."""

    quote: str
    verdict: Verdict
    matches: tuple[Match, ...] = Field(description="the best ones that are alike, newest document first")
    reason: str | None = Field(description="in plain words, what differs from the first match, or what else to know")
    generation: int
    took_ms: float

    @classmethod
    def of(cls, found: Verification) -> Self:
        """Write what became of a quote."""
        return cls.model_validate(found, from_attributes=True)


class ReceiptResponse(BaseModel):
    """What became of the quote that a receipt is of."""

    text: str = Field(description="the quote")
    question: str
    outcome: Outcome
    passed: bool = Field(description="whether the quote can be relied on")
    reason: str
    citation: Citation | None = Field(description="where it stands now")
    instead: str | None = Field(description="what stands in its place, where it is gone and its surroundings are not")
    notes: tuple[str, ...]

    @classmethod
    def of(cls, receipt: Receipt, found: Resolution) -> Self:
        """Write what became of a receipt's quote."""
        return cls(
            text=receipt.text,
            question=receipt.question,
            outcome=found.outcome,
            passed=found.passed,
            reason=found.reason,
            citation=found.citation,
            instead=found.instead,
            notes=found.notes,
        )


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None = Field(None, description="as in the header X-Request-ID and in the log")
    errors: list[dict[str, str]] | None = None
