"""From a query to ranked, cited passages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from math import exp
from threading import Lock
from time import perf_counter

from indexer.dense import Dense
from indexer.encoder import Encoder
from indexer.records import Filter
from indexer.store import Reader, Store
from service.citation import Citation, cite
from service.highlight import highlights
from service.query import Query, resolve

# Chance that a hit of this cosine is on the page of the answer: logistic regression over the first ten hits of the
# 130 development questions on 224 real reports (tests/quality/measure.py). A cosine tells little by itself, so the
# chances are low; they mean the same for every query.
SCORE_SLOPE = 3.1
SCORE_MIDDLE = 1.26


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How the query was read: the filters in force."""

    body: str | None
    published_from: date | None
    published_to: date | None
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. `rank` starts at 1; `score` is from 0 to 1, `dense` a cosine; higher is better."""

    rank: int
    score: float
    dense: float
    passage_id: int
    text: str
    highlights: tuple[tuple[int, int], ...]
    citation: Citation


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, all of one generation of the index."""

    query: str
    mode: str
    generation: int
    took_ms: float
    interpreted: Interpretation
    hits: tuple[Hit, ...]


class Searcher:
    """Searches an index that may change meanwhile; every result is of one generation. Threads may share it."""

    def __init__(self, store: Store, encoder: Encoder) -> None:
        self.store = store
        self._encoder = encoder
        self._dense: Dense | None = None
        self._lock = Lock()

    def warm_up(self) -> None:
        """Load the model and the index before the first query."""
        self._encoder.encode_query("ready")
        self.generation()

    def generation(self) -> int:
        """Give the generation that is served now. Raises UnusableIndexError."""
        with self._opened() as (reader, _):
            return reader.version.generation

    def search(self, query: Query) -> SearchResult:
        """Give the passages nearest in meaning to the query, among the documents that its filters let through.

        Raises InputError for a filter that names nothing, UnusableIndexError where the index cannot be used.
        """
        started = perf_counter()
        with self._opened() as (reader, dense):
            wanted = _filter(query, reader)  # first, since loading a model for a filter that fits nothing is no use
            vector = self._encoder.encode_query(query.text)
            found = dense.search(vector, query.k, reader.allowed(wanted))
            stored = reader.passages([passage_id for passage_id, _ in found])
            hits = tuple(
                Hit(
                    rank=rank,
                    score=_score(cosine),
                    dense=cosine,
                    passage_id=passage_id,
                    text=stored[passage_id].passage.text,
                    highlights=tuple(highlights(query.text, stored[passage_id].passage.text)),
                    citation=cite(stored[passage_id], reader),
                )
                for rank, (passage_id, cosine) in enumerate(found, start=1)
            )
            generation = reader.version.generation
        return SearchResult(
            query=query.text,
            mode="dense",
            generation=generation,
            took_ms=round((perf_counter() - started) * 1000, 1),
            interpreted=Interpretation(
                body=", ".join(sorted(wanted.bodies)) if wanted.bodies else None,
                published_from=wanted.published_from,
                published_to=wanted.published_to,
                phrases=(),
            ),
            hits=hits,
        )

    @contextmanager
    def _opened(self) -> Iterator[tuple[Reader, Dense]]:
        """Read one generation of the store together with the vectors of that generation."""
        for is_last_try in (False, True):
            with self.store.reading() as reader:
                dense = self._dense_at(reader, older_too=is_last_try)
                if dense is not None:
                    yield reader, dense
                    return

    def _dense_at(self, reader: Reader, *, older_too: bool) -> Dense | None:
        with self._lock:
            if self._dense is not None and self._dense.version == reader.version:
                return self._dense
            if (
                self._dense is not None
                and self._dense.version.generation > reader.version.generation
                and not older_too
            ):
                return None  # another thread has moved on since this reader began: begin again
            current = self._encoder.fingerprint
            current.check(reader.fingerprint)
            if self._dense is None:
                folder, dim = self.store.folder, current.dim
                self._dense = Dense.open(folder, reader, fingerprint=current.to_json(), dim=dim)
            else:
                self._dense = self._dense.caught_up(reader)
            return self._dense


def _filter(query: Query, reader: Reader) -> Filter:
    if not (query.bodies or query.kinds):
        return resolve(query, (), ())
    return resolve(query, reader.bodies(), reader.kinds())


def _score(cosine: float) -> float:
    return round(1 / (1 + exp(-SCORE_SLOPE * (cosine - SCORE_MIDDLE))), 4)
