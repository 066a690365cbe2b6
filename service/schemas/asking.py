"""What is asked, and what is found and answered."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from indexer.records import Mode
from service.answering import Answer, Quote, Status
from service.citation import Citation
from service.judged import split_filters
from service.lineage import Link
from service.query import LONGEST_QUERY, MOST_HITS, Query, parse_day
from service.search import Hit, Interpretation, Part, Reranked, SearchResult
from service.superseding import Later


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Filters(BaseModel):
    """Which documents are looked at. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body: Texts = Field((), description="only documents about these bodies")
    kind: Texts = Field((), description="only documents of these kinds")
    from_: str | None = Field(None, alias="from", description="published on this day or later: 2018-05-22 or 2018")
    to: str | None = Field(None, description="published on this day or earlier")
    as_of: str | None = Field(None, description="as things stood on this day: nothing published later is seen")
    grade: Texts = Field((), description="only documents that give one of these grades; overall, or in an area")
    area: Texts = Field((), description="areas that the grade is given in")

    def query(self, text: str) -> Query:
        """Check all values, and read the filters that are in the text. Raises InputError."""
        rest, grades, areas = split_filters(text)
        return Query(
            text=rest,
            bodies=self.body,
            kinds=self.kind,
            published_from=None if self.from_ is None else parse_day(self.from_),
            published_to=None if self.to is None else parse_day(self.to, last=True),
            as_of=None if self.as_of is None else parse_day(self.as_of, last=True),
            grades=(*self.grade, *grades),
            areas=(*self.area, *areas),
        )


class Question(BaseModel):
    """What is asked; it comes before the filters wherever fields are listed."""

    q: str = Field(description=f"the question, in plain English; at most {LONGEST_QUERY} characters")
    k: int = Field(10, description=f"how many hits, 1 to {MOST_HITS}")


class AskRequest(Filters, Question):
    """A question; the same fields as JSON body and as query string. Unknown fields are refused."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"q": "How many children had no social worker?", "k": 5, "from": "2018"}]},
    )

    infer: bool = Field(default=True, description="read bodies and times from the question")

    def checked(self) -> Query:
        """Check all values. Raises InputError."""
        return replace(self.query(self.q), k=self.k, infer=self.infer)


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
    superseded_by: Later | None = Field(description="the latest report of the same kind on the same body, if later")
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
            superseded_by=hit.superseded_by,
            explanation=tuple(Reason.of(part) for part in hit.parts) if explain else None,
            reranked=hit.reranked if explain else None,
        )


class LinkOut(BaseModel):
    """Why what was asked of one body was looked for at another, too: "FROM HOW TO", since a day."""

    model_config = ConfigDict(populate_by_name=True)

    from_: str = Field(alias="from")
    to: str
    on: date | None
    how: str

    @classmethod
    def of(cls, link: Link) -> Self:
        """Write a link."""
        return cls(from_=link.earlier, to=link.later, on=link.on, how=link.how)


class SearchResponse(BaseModel):
    """Ranked passages, each with its citation."""

    query: str
    mode: str
    generation: int
    took_ms: float
    interpreted: Interpreted
    hits: tuple[HitOut, ...]
    without: tuple[Mode, ...] = Field(description="ways of searching that the engine of the index has not got")
    links: tuple[LinkOut, ...] = Field(description="relations that led from bodies that are named to others")

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
            without=result.without,
            links=tuple(LinkOut.of(link) for link in result.links),
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
    without: tuple[Mode, ...] = Field(description="ways of searching that the engine of the index has not got")
    links: tuple[LinkOut, ...] = Field(description="relations that led from bodies that are named to others")
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
            without=answer.found.without,
            links=tuple(LinkOut.of(link) for link in answer.links),
            generation=answer.found.generation,
            took_ms=answer.took_ms,
        )
