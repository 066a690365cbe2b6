"""The seam between the code and a store: what retrieval, quoting and syncing need, whatever engine is behind it.

`embedded` has SQLite, FAISS and Tantivy behind it, `milvus` a Milvus server. All that decides about ranking, answers
and receipts is in front of it, and so the same for both.
"""

from collections.abc import Collection as Values
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.contents import Contents
from indexer.records import (
    Approximation,
    Counts,
    Document,
    Known,
    Page,
    Passage,
    Refused,
    Removal,
    StoredPassage,
    Version,
)
from indexer.where import Where
from indexer.words import Terms


@dataclass(frozen=True, slots=True)
class Engine:
    """What is behind a collection, and what it can do."""

    name: str  # with its version
    has_words: bool  # finds passages by words, phrases and exclusions
    shards: int = 1
    replicas: int = 1
    is_exact: bool = True  # a search by meaning looks at all passages, unless a collection tells of an approximation


@dataclass(frozen=True)
class Outlined:
    """What ranking needs of some passages, in the order they were asked for."""

    documents: NDArray[np.int64]  # numbers of their documents
    pages: NDArray[np.int64]  # that they begin on
    spread: NDArray[np.float32]  # how widely their words are repeated
    sketches: tuple[NDArray[np.uint32], ...]  # samples of their runs of words, ascending


class Reader(Protocol):
    """The documents of one generation. All raise IndexFormatError for what is not as written."""

    @property
    def version(self) -> Version:
        """Which generation it is."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """JSON of the encoder's fingerprint; None before the first sync."""
        ...

    @property
    def finished_at(self) -> datetime | None:
        """When this generation was made; None before the first sync."""
        ...

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        ...

    def counts(self) -> Counts:
        """Count what is indexed."""
        ...

    def bodies(self) -> dict[str, int]:
        """Count the documents of each body that is known."""
        ...

    def kinds(self) -> dict[str, int]:
        """Count the documents of each kind that is known."""
        ...

    def documents(self) -> Sequence[Document]:
        """Give all documents, by folder and path."""
        ...

    def owners(self) -> Mapping[int, str]:
        """Name for each document, by number and in the order of `documents`, its body, or itself where unknown."""
        ...

    def document(self, doc_id: str) -> Document:
        """Give one document. Raises NotFoundError."""
        ...

    def find(self, name: str) -> Document:
        """Give the one document of this id, path or end of a path.

        Raises NotFoundError where there is none, InputError where there are several.
        """
        ...

    def page(self, doc_id: str, number: int) -> tuple[Page, tuple[Removal, ...]]:
        """Give one page, and what was kept out of its passages. Raises NotFoundError."""
        ...

    def page_text(self, doc_id: str, number: int) -> str:
        """Give the text of one page. Raises NotFoundError."""
        ...

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Give the passages of these ids; ids that the index never held, or removed, are left out."""
        ...

    def passage_ids(self, doc_id: str) -> list[int]:
        """Give the ids of a document's passages, which follow one another, in the order of its text."""
        ...

    def vectors(self, passage_ids: Sequence[int], dim: int) -> dict[int, NDArray[np.float16]]:
        """Give the vectors of passages: of each (1 + its sentences, dim), the whole passage first."""
        ...

    def texts_of(self, doc_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Give doc_id and text of every passage of some documents, each document's in order."""
        ...

    def contents(self, doc_id: str) -> Contents:
        """Give all that is held of a document. Raises NotFoundError."""
        ...

    def has_version(self, version: Version) -> bool:
        """Tell whether the index was at that generation once, as far as it remembers."""
        ...

    def refusals(self) -> list[Refused]:
        """Give the files refused at the last sync, by folder and path."""
        ...


class Writer(Reader, Protocol):
    """Changes that readers see together, as one new generation, once they are committed."""

    @property
    def next_version(self) -> Version:
        """The version that the changes will be."""
        ...

    def known(self) -> dict[tuple[str, str], Known]:
        """Give the hash and recipe of each indexed file, by (root, path)."""
        ...

    def known_refusals(self) -> dict[tuple[str, str], tuple[Known, Refused]]:
        """Give the hash, recipe and refusal of each file refused for its content, by (root, path)."""
        ...

    def vectors_of(self, inputs: Iterable[str], dim: int) -> dict[str, NDArray[np.float16]]:
        """Give the vectors of inputs that were encoded before, by `input_sha256`, each (1 + sentences, dim)."""
        ...

    def put_document(
        self,
        document: Document,
        recipe: str,
        *,
        pages: Sequence[Page],
        removals: Sequence[Removal],
        passages: Sequence[Passage],
        vectors: Sequence[NDArray[np.float16]],
        sketches: Sequence[NDArray[np.uint32]],
    ) -> None:
        """Add a document, or put it in the place of the one with its doc_id.

        `vectors` holds those of each passage, (1 + its sentences, dim), `sketches` the sample of its words.
        """
        ...

    def remove_document(self, doc_id: str) -> bool:
        """Remove a document with its pages and passages; tell whether it was there."""
        ...

    def put_refusals(
        self, refusals: Iterable[tuple[Refused, Known | None]], *, roots: Values[str] | None = None
    ) -> None:
        """Put these in the place of the remembered refusals of some folders; None means of all.

        A refusal with what is `Known` of the file stands until the file or the recipe changes; None means that the
        next sync tries again.
        """
        ...

    def commit(self, fingerprint: str, changes: Mapping[str, int] | None) -> None:
        """Make all changes durable and visible together, as a new generation; None where only refusals changed."""
        ...

    def file_hashes(self) -> set[str]:
        """Give the hashes of the files behind the documents."""
        ...


class Arms(Protocol):
    """The passages of one generation, for searching; never changes, so threads may share it."""

    @property
    def version(self) -> Version:
        """Which generation it is of."""
        ...

    @property
    def approximation(self) -> Approximation | None:
        """How a search without a filter looks through some of the vectors; None where every search is exact."""
        ...

    def nearest(
        self, query: NDArray[np.float32], k: int, condition: Where, holding: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Give up to k passage ids with their inner product to the query (dim,), best first, ties by id.

        `holding` (ascending) lets through only these passages, as `holding` below gives them.
        """
        ...

    def by_words(self, terms: Terms, k: int, condition: Where) -> list[tuple[int, float]]:
        """Give up to k passage ids with their BM25 score, best first, ties by id; none where there are no words."""
        ...

    def holding(self, terms: Terms, condition: Where) -> NDArray[np.int64] | None:
        """Give the ids, ascending, of all passages with the phrases and without what is excluded.

        None where the query names neither. Raises InputError where the engine has no words.
        """
        ...

    def shares(self, words: str, passage_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the BM25 score of each of these passages (n,), as a share of the most that the words can score at all.

        So 1 is a passage that repeats every word of the query again and again, whatever the query.
        """
        ...

    def rarities(self, words: str) -> dict[str, float]:
        """Give how rare each of these words is, by its stem: BM25's inverse document frequency."""
        ...

    @property
    def rarest(self) -> float:
        """How rare a word is that stands nowhere."""
        ...

    def outlined(self, passage_ids: NDArray[np.int64]) -> Outlined:
        """Give what ranking needs of some passages of this generation."""
        ...


class Collection(Protocol):
    """All generations of one index; safe to share between threads."""

    @property
    def name(self) -> str:
        """Where it is, as people know it and without any password."""
        ...

    @property
    def folder(self) -> Path:
        """Where uploads, keys, jobs and kept originals lie."""
        ...

    @property
    def engine(self) -> Engine:
        """What is behind it."""
        ...

    def reading(self) -> AbstractContextManager[Reader]:
        """Read one generation, unchanged until the block ends. Raises UnusableIndexError.

        Where nothing was indexed yet, that is generation 0.
        """
        ...

    def arms(self, reader: Reader, dim: int, held: Arms | None = None) -> Arms:
        """Give what searches the generation of a reader, faster from what was held of one before."""
        ...

    def approximation(self, reader: Reader) -> Approximation | None:
        """Tell what `arms` would say, without opening them."""
        ...

    def writing(self, dim: int) -> AbstractContextManager[Writer]:
        """Hold the one writer's place, making the index where there is none.

        What is not committed when the block ends has not happened; what searches need beside it is brought up to date
        when the block ends. Raises IndexBusyError where another process writes, InputError where something else
        stands in the place of the index.
        """
        ...

    def close(self) -> None:
        """Let go of what no thread is using."""
        ...
