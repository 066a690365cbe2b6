"""Asks the questions and notes what came of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

from indexer.collection import Reader
from indexer.encoder import Fingerprint
from indexer.errors import IndexBusyError, InputError
from indexer.where import UNKNOWN
from service.answering.answer import Answer
from service.catalogue import days_of
from service.evaluation.answers import answered
from service.evaluation.outcomes import (
    SCORED_HITS,
    Evaluation,
    Gold,
    Missing,
    Outcome,
    Scored,
    Setup,
    evaluated,
)
from service.evaluation.questions import Question, Questions, QuestionType
from service.query import Query
from service.search import Hit, SearchResult

FEWEST_HITS = 20  # that the measures look at


class Searches(Protocol):
    """Whatever answers queries."""

    def search(self, query: Query) -> SearchResult:
        """Give hits, best first."""
        ...


class Asks(Protocol):
    """Whatever answers questions."""

    def ask(self, query: Query) -> Answer:
        """Give quotes that answer, or the reason why there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What the index holds, as far as an evaluation must know it."""

    paths: frozenset[str]
    encoder: str | None
    days: Mapping[str, date] = field(default_factory=dict)  # by doc_id: the last that a document is known to be of

    @classmethod
    def of(cls, reader: Reader) -> "Held":
        """Look it up."""
        fingerprint, documents = reader.fingerprint, reader.documents()
        last_days = {document.doc_id: days_of(document)[1] for document in documents}
        return cls(
            paths=frozenset(document.path for document in documents),
            encoder=None if fingerprint is None else Fingerprint.from_json(fingerprint).model,
            days={one: date.fromordinal(day) for one, day in last_days.items() if day != UNKNOWN},
        )


def evaluate(
    questions: Questions,
    searches: Searches,
    held: Held,
    *,
    like: Query,
    asks: Asks | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluation:
    """Search for every question as `like` is asked, with its own text, and work out the figures.

    With `asks`, each is also asked, alike. Where both share what they remember, the times of asking are too short.
    Raises InputError where a question cannot be asked or none has its documents in the index, IndexBusyError where
    the index changes meanwhile, since its figures would be of two indexes.
    """
    if like.k < FEWEST_HITS:
        raise InputError(
            f"k is {like.k}; the measures look at the first {FEWEST_HITS} hits: ask for as many at least"
        )
    queries = {question.id: _query(question, like) for question in questions.all}  # all checked before any is asked
    _found(like, searches, asks)  # not counted: the first search may load a model
    missing: list[Missing] = []
    outcomes: list[Outcome] = []
    first: SearchResult | None = None
    for number, question in enumerate(questions.all):
        progress(number, len(questions.all))
        absent = tuple(path for path in question.documents if path not in held.paths)
        if _is_lost(question, absent):
            missing.append(Missing(question.id, question.type, absent))
            continue
        result, answer = _found(queries[question.id], searches, asks)
        first = first or result
        generation = max(result.generation, answer.found.generation if answer else 0)
        if generation != first.generation:
            raise IndexBusyError(
                f"the index changed from generation {first.generation} to {generation} meanwhile, so the figures "
                "would be of two indexes; evaluate once more when nobody writes"
            )
        hits = [Found(hit.citation.source, _pages(hit), hit.score) for hit in result.hits]
        noted = outcome(question, hits, result.took_ms, absent)
        outcomes.append(replace(noted, answered=answered(question, answer, held.days, absent)) if answer else noted)
    if first is None:
        raise InputError(
            f"the index holds no document that `{questions.name}` asks for, such as `{missing[0].documents[0]}`; "
            "name the index of those documents, with paths relative to the folder that was indexed"
        )
    setup = Setup(
        questions=questions.name,
        questions_sha256=questions.sha256,
        mode=first.mode,
        k=like.k,
        encoder=held.encoder,
        generation=first.generation,
        infer=like.infer,
    )
    return evaluated(setup, outcomes, missing)


@dataclass(frozen=True, slots=True)
class Found:
    """A hit as far as the measures look at it."""

    source: str
    pages: frozenset[int]
    score: float


def outcome(question: Question, hits: Sequence[Found], took_ms: float, absent: Sequence[str] = ()) -> Outcome:
    """Note where the evidence stands among the hits, which come best first.

    A hit is on a gold page where its source is the evidence's path and one of its spans is on the page. Documents of
    a public set are ranked by their best hit, each once; everywhere else a rank is that of a hit.
    """
    pages: dict[tuple[str, int], int] = {}
    documents: dict[str, int] = {}
    is_set = question.type is QuestionType.QUERY
    for rank, hit in enumerate(hits, start=1):
        documents.setdefault(hit.source, len(documents) + 1 if is_set else rank)
        for page in hit.pages:
            pages.setdefault((hit.source, page), rank)
    gold = tuple(
        Gold(
            path=one.path,
            page=one.page,
            gain=one.gain,
            rank=pages.get((one.path, one.page)),
            document_rank=documents.get(one.path),
        )
        for one in question.evidence
        if is_set or one.path not in absent  # in a public set, what cannot be found counts as not found, as published
    )
    wanted = {(one.path, one.page) for one in gold}
    return Outcome(
        id=question.id,
        type=question.type,
        page_rank=_first(one.rank for one in gold),
        document_rank=_first(one.document_rank for one in gold),
        top_score=hits[0].score if hits else None,
        took_ms=took_ms,
        gold=gold,
        absent=tuple(absent),
        hits=tuple(
            Scored(hit.score, any((hit.source, page) in wanted for page in hit.pages)) for hit in hits[:SCORED_HITS]
        ),
    )


def _found(query: Query, searches: Searches, asks: Asks | None) -> tuple[SearchResult, Answer | None]:
    return searches.search(query), asks.ask(query) if asks else None


def _is_lost(question: Question, absent: Sequence[str]) -> bool:
    """Tell whether the index lacks what the question cannot be answered without.

    For a comparison that is any of its documents; for other questions only all of them, and the others count.
    """
    if question.type is QuestionType.QUERY or not absent:
        return False
    return question.type is QuestionType.TEMPORAL or len(absent) == len(question.documents)


def _query(question: Question, like: Query) -> Query:
    try:
        return replace(like, text=question.text)
    except InputError as error:
        raise InputError(f"question `{question.id}` cannot be asked: {error}") from error


def _pages(hit: Hit) -> frozenset[int]:
    return frozenset(page for page, _, _ in hit.citation.spans)


def _first(ranks: Iterable[int | None]) -> int | None:
    return min((rank for rank in ranks if rank is not None), default=None)
