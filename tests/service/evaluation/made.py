"""Hits, outcomes and runs made by hand."""

from collections.abc import Sequence

from indexer.records import Mode
from service.answering.answer import Answer, Quote, Searched, Status
from service.citation import Citation
from service.evaluation.answers import Answered, Quoted
from service.evaluation.outcomes import Evaluation, Gold, Missing, Outcome, Scored, Setup, evaluated
from service.evaluation.questions import QuestionType
from service.evaluation.run import Found
from service.search import Interpretation, SearchResult

SETUP = Setup("made up", "0" * 64, "dense", 20, "words", 3)


def hit(source: str, *pages: int, score: float = 0.5) -> Found:
    """Make a hit on these pages of a document."""
    return Found(source, frozenset(pages), score)


def outcome(id_: str, type_: str, *ranks: int | None, hits: Sequence[tuple[float, bool]] = ()) -> Outcome:
    """Make the outcome of a question with one gold page a document, found at these ranks."""
    found = [rank for rank in ranks if rank is not None]
    return Outcome(
        id=id_,
        type=QuestionType(type_),
        page_rank=min(found, default=None),
        document_rank=min(found, default=None),
        top_score=hits[0][0] if hits else None,
        took_ms=4.0,
        gold=tuple(Gold(f"{id_}/{number}.txt", 1, 1.0, rank, rank) for number, rank in enumerate(ranks)),
        absent=(),
        hits=tuple(Scored(*hit) for hit in hits),
    )


def quote(
    text: str,
    source: str = "a",
    *pages: int,
    body: str | None = None,
    short: str = "",
) -> Quote:
    """Make a quote of these pages of a document, the first where none is named, with this part of it marked."""
    start = text.index(short)
    citation = Citation(
        doc_id=source,
        title=source,
        publisher=None,
        body=body,
        published=None,
        kind=None,
        source=source,
        page=min(pages, default=1),
        page_end=max(pages, default=1),
        spans=tuple((page, 0, len(text)) for page in pages or (1,)),
        text_sha256="",
        doc_sha256="",
        link="",
    )
    return Quote(text, citation, (start, start + len(short)) if short else None)


def answer(*quotes: Quote, status: str | None = None, confidence: float = 0.5, took_ms: float = 30.0) -> Answer:
    """Make an answer of these quotes; without any the question is unanswerable."""
    return Answer(
        question="",
        status=Status(status or ("answered" if quotes else "unanswerable")),
        text=" ".join(one.text for one in quotes) or None,
        confidence=confidence,
        quotes=quotes,
        reason=None if quotes else "not mentioned",
        searched=Searched(0, (), None, None),
        found=SearchResult("", Mode.HYBRID, 1, 5.0, Interpretation(None, None, None, ()), ()),
        took_ms=took_ms,
    )


def said(*right: bool, confidence: float = 0.5, exact: float | None = None) -> Answered:
    """Make what was answered, with quotes that are right or not; without any it is that there is no answer."""
    return Answered(
        status=Status.ANSWERED if right else Status.UNANSWERABLE,
        confidence=confidence,
        took_ms=30.0,
        quotes=tuple(Quoted("a", None, None, None if exact is None else one, one) for one in right),
        short="18" if exact else None,
        exact=exact,
        f1=exact,
        complete=False,
    )


def run(*outcomes: Outcome, setup: Setup = SETUP, missing: Sequence[Missing] = ()) -> Evaluation:
    """Make a run of these outcomes."""
    return evaluated(setup, outcomes, missing)
