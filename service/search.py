"""From a query to ranked, cited passages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from threading import Lock
from time import perf_counter
from typing import TypeVar

import numpy as np

from indexer.collection import Collection, Reader
from indexer.encoder import Encoder
from indexer.errors import GenerationGoneError, InputError
from indexer.records import Mode, StoredPassage, Version
from indexer.reranker import Reranker
from indexer.settings import RERANK_DEPTH
from indexer.words import Terms
from service.arrange import Group, arrange
from service.candidates import DEPTH, Asked, Candidates, Generation, gather
from service.catalogue import Catalogue
from service.citation import Citation, cite, text_of
from service.highlight import highlights
from service.judged import judged
from service.laps import Laps
from service.lineage import Lineage, Link
from service.query import Query, resolve
from service.ranking import SIGNALS, WEIGHTS, Signal, Weights
from service.reading import Period, Reading, interpreted, read
from service.superseding import Later

T = TypeVar("T")

DAYS = 20  # that catalogues as of are kept for
RECENT = 500  # results that are kept, as many questions are asked again: some 30 KB each


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How the query was read: the filters in force, and what was inferred from its words where there are none."""

    body: str | None
    published_from: date | None
    published_to: date | None
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What one signal adds to a hit's sum."""

    signal: str
    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class Reranked:
    """What a reranker made of a hit."""

    score: float  # on the reranker's own scale
    rank_before: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage, or a few neighbouring ones of a document, that was found.

    `rank` starts at 1; `score` is the estimated chance that it is relevant; `dense` is a cosine and `lexical` a share
    of the best BM25 score there could be, both of the best passage and the whole question, None where that arm did
    not look or found none of the words. Higher is better. `twins` say the same in other documents.

    Where hits were reranked, `score` goes with the place: the first of them has the highest of their chances, and so
    on, so that scores fall with the rank and compare with those of searches without a reranker.
    """

    rank: int
    score: float
    dense: float | None
    lexical: float | None
    passage_id: int  # of the best passage
    passage_ids: tuple[int, ...]  # of all whose text it is, in their order
    text: str
    highlights: tuple[tuple[int, int], ...]
    citation: Citation
    twins: tuple[Citation, ...] = ()
    twin_ids: tuple[int, ...] = ()  # of the passages that these cite
    parts: tuple[Part, ...] = ()
    context: str = ""  # of the best passage; what models read in front of the text
    reranked: Reranked | None = None
    superseded_by: Later | None = None

    @property
    def sum(self) -> float:
        """What all signals add up to."""
        return sum(part.value * part.weight for part in self.parts)

    def value(self, signal: Signal) -> float:
        """Give the value of one signal; 0 where it has no weight."""
        return next((part.value for part in self.parts if part.signal == signal), 0.0)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, all of one generation of the index."""

    query: str
    mode: Mode
    generation: int
    took_ms: float
    interpreted: Interpretation
    hits: tuple[Hit, ...]
    token: str = ""  # of the generation, see `Version`
    stages: Mapping[str, float] = field(default_factory=dict, compare=False)  # seconds; none where it was known
    without: tuple[Mode, ...] = ()  # ways of searching that the index's engine has not got
    links: tuple[Link, ...] = ()  # from bodies that the query names to others that hits are on

    @property
    def version(self) -> Version:
        """Tell the generation from the same number in another history."""
        return Version(self.generation, self.token)


class Searcher:
    """Searches an index that may change meanwhile; every result is of one generation. Threads may share it."""

    def __init__(
        self,
        store: Collection,
        encoder: Encoder,
        weights: Mapping[Mode, Weights] = WEIGHTS,
        *,
        reranker: Reranker | None = None,
        rerank_depth: int = RERANK_DEPTH,
        recent: int = RECENT,
        lineage: Lineage = Lineage(),  # noqa: B008 - it is frozen
    ) -> None:
        """Take a reranker to have the first hits of every search put in the order of its scores.

        A lineage tells which bodies are meant together with those that a question names.

        So many `recent` results are kept for those who ask the same again.
        """
        self.store = store
        self.encoder = encoder
        self._weights = weights
        self._reranker = reranker
        self._rerank_depth = rerank_depth
        self._keep = recent
        self._lineage = lineage
        self._generation: Generation | None = None
        self._recent: dict[tuple[Version, Query], SearchResult] = {}  # of one version; the one asked last is the last
        self._days: dict[tuple[Version, date], Catalogue] = {}  # of one version
        self._lock = Lock()

    def warm_up(self) -> None:
        """Load the models and the index before the first query."""
        self.encoder.encode_queries(["ready"])
        if self._reranker:
            self._reranker.scores("ready", ["ready"])
        self.generation()

    def generation(self) -> int:
        """Give the generation that is served now. Raises UnusableIndexError."""
        with self.opened() as (reader, _):
            return reader.version.generation

    @property
    def served(self) -> int:
        """Give the generation that was served last, 0 before the first; never looks at the index."""
        held = self._generation
        return held.version.generation if held else 0

    def search(self, query: Query) -> SearchResult:
        """Give the passages that best fit the query, among the documents that its filters let through.

        What was asked of this generation before is answered as it was then. Raises InputError for a filter that
        names nothing, UnusableIndexError where the index cannot be used.
        """
        return self.of_one_generation(
            lambda reader, generation: self.search_in(reader, generation, query), query.as_of
        )

    def of_one_generation(self, ask: Callable[[Reader, Generation], T], as_of: date | None = None) -> T:
        """Ask one generation, as of a day if one is given.

        It asks once more where what it was about to tell was removed meanwhile: an engine without snapshots of its
        own deletes rows a few seconds after they were removed.
        """
        try:
            with self.opened(as_of) as (reader, generation):
                return ask(reader, generation)
        except GenerationGoneError:
            with self.opened(as_of) as (reader, generation):
                return ask(reader, generation)

    def search_in(self, reader: Reader, generation: Generation, query: Query) -> SearchResult:
        """Search what `opened` gave. Raises as `search` does."""
        started = perf_counter()
        if query.mode is Mode.LEXICAL and not self.store.engine.has_words:
            raise InputError(
                f"{self.store.engine.name} cannot find passages by words alone; search by meaning, or move the index "
                "to an engine that can, such as Milvus 2.5"
            )
        known = self._recent.get((reader.version, query))
        laps = Laps()
        found = known or self._reranked(self._found(query, reader, generation, laps), query, laps)
        self._remember(reader.version, query, found)
        return replace(found, took_ms=round((perf_counter() - started) * 1000, 1), stages=laps.seconds)

    def _remember(self, version: Version, query: Query, found: SearchResult) -> None:
        with self._lock:
            if self._recent and next(iter(self._recent))[0] != version:
                self._recent.clear()  # at once, as it may tell of documents that are there no more
            self._recent.pop((version, query), None)
            self._recent[version, query] = found
            if len(self._recent) > self._keep:
                del self._recent[next(iter(self._recent))]

    def _found(self, query: Query, reader: Reader, generation: Generation, laps: Laps) -> SearchResult:
        asked = understand(query, generation.catalogue)
        laps.end("understand")
        candidates = gather(asked, generation, reader, self.encoder, laps)
        laps.end("gather")
        weights = self._weights[asked.mode]
        sums = weights.sums(candidates.signals)
        # What comes after the k-th may be reranked to a place before it.
        k = max(query.k, self._rerank_depth) if self._reranker else query.k
        groups = arrange(sums, candidates, generation.catalogue, asked.reading, k)
        scores = weights.scores(sums, np.array([group.row for group in groups], np.int64))
        stored = reader.passages([int(candidates.ids[row]) for group in groups for row in group.rows])
        hits = tuple(
            _hit(group, rank, float(score), candidates, stored, query, weights, reader, generation.catalogue)
            for rank, (group, score) in enumerate(zip(groups, scores, strict=True), start=1)
        )
        laps.end("hits")
        return SearchResult(
            query=query.text,
            mode=query.mode,
            generation=reader.version.generation,
            took_ms=0.0,
            interpreted=_interpretation(asked),
            hits=hits,
            token=reader.version.token,
            without=() if self.store.engine.has_words else (Mode.LEXICAL,),
            links=asked.reading.links_to(set(_bodies(hits, generation.catalogue))),
        )

    def _reranked(self, found: SearchResult, query: Query, laps: Laps) -> SearchResult:
        if not self._reranker:
            return found
        first, rest = found.hits[: self._rerank_depth], found.hits[self._rerank_depth :]
        hits = (*_rerank(first, query.terms.words, self._reranker), *rest)[: query.k]
        laps.end("rerank")
        return replace(found, hits=hits)

    @contextmanager
    def opened(self, as_of: date | None = None) -> Iterator[tuple[Reader, Generation]]:
        """Read one generation of the store together with all that is derived from that generation.

        As of a day, its catalogue holds only what had been published by then; what is asked has to say the same day.
        """
        for is_last_try in (False, True):
            with self.store.reading() as reader:
                generation = self._generation_at(reader, older_too=is_last_try)
                if generation is not None:
                    yield reader, self._as_of(generation, as_of) if as_of else generation
                    return

    def _as_of(self, generation: Generation, day: date) -> Generation:
        """Narrow a generation's catalogue, which takes as long as a search; those asked for last are kept."""
        with self._lock:
            catalogue = self._days.get((generation.version, day))
        if catalogue is None:
            catalogue = generation.catalogue.as_of(day)
            with self._lock:
                if len(self._days) >= DAYS or any(version != generation.version for version, _ in self._days):
                    self._days.clear()
                self._days[generation.version, day] = catalogue
        return replace(generation, catalogue=catalogue)

    def _generation_at(self, reader: Reader, *, older_too: bool) -> Generation | None:
        with self._lock:
            held = self._generation
            if held is not None and held.version == reader.version:
                return held
            if held is not None and held.version.generation > reader.version.generation and not older_too:
                return None  # another thread has moved on since this reader began: begin again
            current = self.encoder.fingerprint
            current.check(reader.fingerprint)
            arms = self.store.arms(reader, current.dim, held.arms if held else None)
            self._generation = Generation(reader.version, arms, Catalogue.of(reader, self._lineage))
            return self._generation


def understand(query: Query, catalogue: Catalogue) -> Asked:
    """Read a query in the light of the collection. Raises InputError for a filter that names nothing."""
    terms = query.terms
    kinds = {document.metadata.kind for document in catalogue.documents} if query.kinds else set()
    wanted = resolve(query, catalogue.numbers, {kind for kind in kinds if kind})
    if query.grades or query.areas:
        numbers = catalogue.numbers_of(judged(catalogue.documents, query.grades, query.areas))
        wanted = replace(wanted, documents=frozenset(numbers.tolist()))
    return Asked(
        terms=terms,
        reading=read(terms.words, catalogue.names) if query.infer else _unread(terms),
        wanted=wanted,
        mode=query.mode,
        depth=max(DEPTH, query.k),
    )


def _unread(terms: Terms) -> Reading:
    return Reading((), (), earliest=False, over_time=False, across=False, topic=terms.words)


def _bodies(hits: Sequence[Hit], catalogue: Catalogue) -> Iterator[str]:
    for hit in hits:
        if hit.citation.body:
            yield hit.citation.body
        else:
            yield from catalogue.spoken_of.get(catalogue.place_of[hit.citation.doc_id], ())


def _interpretation(asked: Asked) -> Interpretation:
    wanted = asked.wanted
    body, period = interpreted(asked.reading)
    if wanted.published_from or wanted.published_to:
        period = Period(wanted.published_from, wanted.published_to)
    return Interpretation(
        body=", ".join(sorted(wanted.bodies)) if wanted.bodies else body,
        published_from=period.start,
        published_to=period.end,
        phrases=asked.terms.phrases,
    )


def _hit(  # noqa: PLR0917 - all that is known at this point
    group: Group,
    rank: int,
    score: float,
    candidates: Candidates,
    stored: Mapping[int, StoredPassage],
    query: Query,
    weights: Weights,
    reader: Reader,
    catalogue: Catalogue,
) -> Hit:
    found = {row: stored[int(candidates.ids[row])] for row in group.rows}
    parts = [found[row] for row in sorted([group.row, *group.merged])]
    text = text_of(parts)
    lexical = float(candidates.column(Signal.WORDS)[group.row])
    return Hit(
        rank=rank,
        score=round(score, 4),
        dense=None if query.mode is Mode.LEXICAL else float(candidates.column(Signal.PASSAGE)[group.row]),
        lexical=lexical or None,
        passage_id=found[group.row].passage_id,
        passage_ids=tuple(part.passage_id for part in parts),
        context=found[group.row].passage.context,
        text=text,
        highlights=tuple(highlights(query.text, text)),
        citation=cite(parts, reader),
        twins=tuple(cite([found[row]], reader) for row in group.twins),
        twin_ids=tuple(found[row].passage_id for row in group.twins),
        superseded_by=catalogue.later_than(found[group.row].document.doc_id),
        parts=tuple(
            Part(signal.value, round(float(value), 4), weight)
            for signal, value, weight in zip(SIGNALS, candidates.signals[group.row], weights.signals, strict=True)
            if weight
        ),
    )


def _rerank(hits: Sequence[Hit], question: str, reranker: Reranker) -> Iterator[Hit]:
    """Put hits in the order of the reranker's scores; their chances stay, the highest first. See `Hit`."""
    texts = [f"{hit.context}\n{hit.text}" if hit.context else hit.text for hit in hits]
    scores = reranker.scores(question, texts)
    chances = sorted((hit.score for hit in hits), reverse=True)
    for place, row in enumerate(np.argsort(-scores, kind="stable")):
        hit = hits[row]
        reranked = Reranked(float(scores[row]), hit.rank)
        yield replace(hit, rank=place + 1, score=chances[place], reranked=reranked)
