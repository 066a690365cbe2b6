"""From a question and its hits to an answer in quotes, or to the reason why there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.metadata import body_key
from indexer.records import Document
from service.answering.answer import Answer as Answer
from service.answering.answer import Quote as Quote
from service.answering.answer import Searched as Searched
from service.answering.answer import Status as Status
from service.answering.chances import RIGHT, can_answer, facts_of
from service.answering.choice import WITHIN_APART, Chosen, choose, sums_of
from service.answering.kinds import wanted
from service.answering.reasons import searched_by, why_none, why_partial
from service.answering.sentences import Candidate, Topic, candidates
from service.answering.strangers import is_untimely, stranger
from service.candidates import Asked, Generation, vectors_of
from service.catalogue import Catalogue
from service.citation import cite_within
from service.query import Query
from service.reading import Reading
from service.search import Hit, Searcher, SearchResult, understand

LOOKED_AT = 8  # hits whose sentences are compared
LOOKED_AT_APART = 20  # the same where each report, or each body, gets a quote


class Answerer:
    """Answers from an index that may change meanwhile; every answer is of one generation. Threads may share it."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher

    def ask(self, query: Query) -> Answer:
        """Answer in quotes, or say why not. Raises as `Searcher.search` does."""
        return self.searcher.of_one_generation(
            lambda reader, generation: self.ask_in(reader, generation, query), query.as_of
        )

    def ask_in(self, reader: Reader, generation: Generation, query: Query) -> Answer:
        """Answer from what the searcher has opened. Raises likewise."""
        started = perf_counter()
        looked = self.look(reader, generation, query)
        said = _said(looked, generation, reader)
        return Answer(
            question=query.text,
            status=said.status,
            text="\n\n".join(quote.text for quote in said.quotes) or None,
            confidence=said.confidence,
            quotes=said.quotes,
            reason=said.reason,
            searched=searched_by(looked.asked, generation.catalogue),
            found=replace(looked.found, hits=looked.found.hits[: query.k]),
            took_ms=round((perf_counter() - started) * 1000, 1),
        )

    def best_of_each(self, reader: Reader, generation: Generation, query: Query) -> "Each":
        """Give the best sentence of each report among the `query.k` hits. Raises as `Searcher.search` does."""
        looked = self.look(reader, generation, query, each=True)
        if not looked.sentences:
            return Each((), why_none(looked.asked, looked.topic, generation), looked.asked)
        sums = sums_of(looked.sentences)
        _, reason = _judged(looked, sums, generation)
        told = (
            Told(one.stored.document, _quote(Chosen((one,)), reader), one.hit.score)
            for one in _best_of_each(looked.sentences, sums)
        )
        return Each(tuple(told), reason, looked.asked)

    def look(self, reader: Reader, generation: Generation, query: Query, *, each: bool = False) -> "Looked":
        """Search, and take the sentences of the first hits apart, or of all hits where each report counts."""
        asked = understand(query, generation.catalogue)
        reading = asked.reading
        apart = each or reading.over_time or reading.across or len(reading.told_apart()) > 1
        depth = query.k if each else LOOKED_AT_APART if apart else LOOKED_AT
        found = self.searcher.search_in(reader, generation, replace(query, k=max(query.k, depth)))
        kind = wanted(asked.terms.words)
        told = replace(kind, of=wanted(reading.topic).of or kind.of)  # without the names of bodies, if it can be
        vectors = vectors_of(asked, self.searcher.encoder)
        known = (asked.terms.words, *reading.bodies())
        topic = Topic.of(told, generation.arms.rarities(reading.topic), vectors[-1], known)
        hits = _about(found.hits, reading, generation.catalogue)[:depth]
        if apart:  # what a report says like another one counts for both
            hits = tuple(replace(hit, passage_ids=hit.passage_ids + hit.twin_ids) for hit in hits)
        ids = [passage_id for hit in hits for passage_id in hit.passage_ids]
        stored = reader.passages(ids)
        sentences = tuple(candidates(hits, stored, reader.vectors(ids, vectors.shape[1]), topic))
        return Looked(asked, found, topic, sentences)


@dataclass(frozen=True, slots=True)
class Looked:
    """What an answer is made of."""

    asked: Asked
    found: SearchResult
    topic: Topic
    sentences: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """The best sentence of a report."""

    document: Document
    quote: Quote
    score: float  # of the hit that it stands in


@dataclass(frozen=True, slots=True)
class Each:
    """What each report says of a matter, the nearest first; reports that say much less of it are left out."""

    told: tuple[Told, ...]
    reason: str | None  # why none of it answers, where that is so
    asked: Asked


@dataclass(frozen=True, slots=True)
class _Said:
    """What is made of the sentences."""

    status: Status
    confidence: float
    quotes: tuple[Quote, ...]
    reason: str | None


def _about(hits: tuple[Hit, ...], reading: Reading, catalogue: Catalogue) -> tuple[Hit, ...]:
    """Leave out hits on others than the bodies that are named: what is said of one council answers for no other."""
    if not hits or not reading.bodies():
        return hits
    about = catalogue.about(reading)[[catalogue.place_of[hit.citation.doc_id] for hit in hits]] > 0
    # Also of a body that goes by another name in some reports.
    keys = {body_key(body) for body in reading.bodies(with_kin=False)}
    return tuple(
        hit
        for hit, is_about in zip(hits, about, strict=True)
        if is_about or body_key(hit.citation.body or "") in keys
    )


def _said(looked: Looked, generation: Generation, reader: Reader) -> _Said:
    asked, topic, sentences = looked.asked, looked.topic, looked.sentences
    if not sentences:
        return _Said(Status.UNANSWERABLE, 0.0, (), why_none(asked, topic, generation))
    sums = sums_of(sentences)
    confidence, unanswerable = _judged(looked, sums, generation)
    if unanswerable:
        return _Said(Status.UNANSWERABLE, confidence, (), unanswerable)
    chosen = choose(sentences, sums, asked.reading, generation.catalogue)
    reason = why_partial(asked, topic, chosen)
    status = Status.PARTIAL if reason else Status.ANSWERED
    return _Said(status, confidence, tuple(_quote(one, reader) for one in chosen), reason)


def _judged(looked: Looked, sums: NDArray[np.float64], generation: Generation) -> tuple[float, str | None]:
    """Give the chance that the best sentence answers, and why it does not, where it does not."""
    asked, topic = looked.asked, looked.topic
    best = looked.sentences[int(sums.argmax())]
    facts = facts_of(best, sums, topic, asked.reading)
    name = stranger(asked, best, generation)
    has_none = name or is_untimely(asked, best, generation.catalogue) or not can_answer(facts)
    return round(RIGHT.of(facts), 4), why_none(asked, topic, generation, name) if has_none else None


def _best_of_each(found: Sequence[Candidate], sums: NDArray[np.float64]) -> Iterator[Candidate]:
    """Give the best sentence of each document, best first, down to those that say much less."""
    taken: set[str] = set()
    for row in np.argsort(-sums, kind="stable"):
        doc_id = found[row].stored.document.doc_id
        if doc_id not in taken and sums.max() - sums[row] <= WITHIN_APART:
            taken.add(doc_id)
            yield found[row]


def _quote(chosen: Chosen, reader: Reader) -> Quote:
    """Cite the sentences, which is checked against their page; the short answer is that of the best of them."""
    stored, best = chosen.best.stored, chosen.best
    start = min(one.span[0] for one in chosen.sentences)
    end = max(one.span[1] for one in chosen.sentences)
    before = best.span[0] - start
    short = best.short and (best.short[0] + before, best.short[1] + before)
    return Quote(stored.passage.text[start:end], cite_within(stored, start, end, reader), short)
