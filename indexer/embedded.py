"""An index in a folder: SQLite for the documents, FAISS for meaning, Tantivy for words, outlines for the rest."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Arms, Engine, Outlined
from indexer.collection import Reader as AnyReader
from indexer.dense import DENSE, Dense, approximation_of, write_snapshot
from indexer.disk import explained
from indexer.errors import CitewellError
from indexer.lexical import Lexical, drop_other_generations, write_generation
from indexer.outlines import Outlines, publish_outlines
from indexer.records import Approximation, Version
from indexer.store import Reader, Store, Writer
from indexer.where import EVERYTHING, FactSheet, Where
from indexer.words import Terms

log = logging.getLogger(__name__)

ENGINE = Engine("SQLite, FAISS, Tantivy", has_words=True)


@dataclass(frozen=True)
class EmbeddedArms:
    """The passages of one generation, as FAISS, Tantivy and the outlines have them."""

    version: Version
    dense: Dense
    lexical: Lexical
    outlines: Outlines
    _facts: FactSheet

    @property
    def approximation(self) -> Approximation | None:
        """How a search without a filter looks through some of the vectors; None where every search is exact."""
        return self.dense.approximation

    def nearest(
        self, query: NDArray[np.float32], k: int, condition: Where, holding: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Give up to k passage ids with their inner product to the query, best first; exact under a condition."""
        allowed = holding
        if condition != EVERYTHING:
            fitting = self._passages(condition)
            allowed = fitting if holding is None else np.intersect1d(fitting, holding, assume_unique=True)
        return self.dense.search(query, k, allowed)

    def by_words(self, terms: Terms, k: int, condition: Where) -> list[tuple[int, float]]:
        """Give up to k passage ids with their BM25 score, best first."""
        return self.lexical.search(terms, k, condition)

    def holding(self, terms: Terms, condition: Where) -> NDArray[np.int64] | None:
        """Give all passages with the phrases and without what is excluded; None where there are neither."""
        return self.lexical.matching(terms, condition)

    def shares(self, words: str, passage_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the BM25 score of each passage as a share of the most there could be."""
        return self.lexical.shares(words, passage_ids)

    def rarities(self, words: str) -> dict[str, float]:
        """Give how rare each word is, by its stem."""
        return self.lexical.rarities(words)

    @property
    def rarest(self) -> float:
        """How rare a word is that stands nowhere."""
        return self.lexical.rarest

    def outlined(self, passage_ids: NDArray[np.int64]) -> Outlined:
        """Give what ranking needs of some passages."""
        its = self.outlines
        rows = np.searchsorted(its.ids, passage_ids)
        sketches = tuple(its.sketch(row) for row in rows.tolist())
        return Outlined(its.documents[rows], its.pages[rows], its.spread[rows], sketches)

    def _passages(self, condition: Where) -> NDArray[np.int64]:
        """Give the ids, ascending, of the passages of the documents that fit."""
        numbers, its = self._facts.documents, self.outlines
        # Numbers only grow, so a table of them is small beside the passages, and quicker than a search for each.
        fits = np.zeros(max(numbers.max(initial=0), its.documents.max(initial=0)) + 1, bool)
        fits[numbers] = self._facts.fitting(condition)
        found: NDArray[np.int64] = its.ids[fits[its.documents]]
        return found


class Embedded:
    """The index in a folder; safe to share between threads."""

    engine = ENGINE

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.folder = folder
        self._store = Store(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open an existing index for reading.

        Raises IndexMissingError where there is none or it never finished, IndexFormatError for a foreign file.
        """
        Store.open(folder).close()
        return cls(folder)

    def reading(self) -> AbstractContextManager[Reader]:
        """Read one generation, unchanged until the block ends. Raises UnusableIndexError."""
        return self._store.reading()

    def arms(self, reader: AnyReader, dim: int, held: Arms | None = None) -> EmbeddedArms:
        """Open what searches the generation of a reader, or bring up to date what was held of one before."""
        assert isinstance(reader, Reader)  # which `reading` gave
        if isinstance(held, EmbeddedArms):
            dense, lexical = held.dense.caught_up(reader), held.lexical.caught_up(reader)
        else:
            dense = Dense.open(self.folder, reader, fingerprint=reader.fingerprint or "", dim=dim)
            lexical = Lexical.open(self.folder, reader)
        facts = FactSheet.of(reader.owners(), reader.documents())
        return EmbeddedArms(reader.version, dense, lexical, Outlines.open(self.folder, reader), facts)

    def approximation(self, reader: AnyReader) -> Approximation | None:
        """Tell what `arms` would say, without opening them."""
        assert isinstance(reader, Reader)
        return approximation_of(self.folder, reader)

    @contextmanager
    def writing(self, dim: int) -> Iterator[Writer]:
        """Hold the one writer's place, making the index where there is none; see `Collection.writing`.

        Words are written before the commit, so that whoever sees the new generation finds them; vectors and outlines
        after it, as they can be made of the store.
        """
        with Store.writing(self.folder, self._write_words) as writer:
            try:
                yield writer
            finally:
                if writer.committed:
                    self._publish(writer.committed, dim)
                else:
                    self._take_back()

    def close(self) -> None:
        """Close the connections that no thread is using."""
        self._store.close()

    def _write_words(self, writer: Writer, version: Version) -> None:
        write_generation(self.folder, writer, version)

    def _take_back(self) -> None:
        """Remove what was put beside the store for nothing; where this fails too, the next sync does it."""
        with suppress(OSError, CitewellError), closing(Store(self.folder)) as store, store.reading() as reader:
            drop_other_generations(self.folder, reader.version)

    def _publish(self, version: Version, dim: int) -> None:
        """Bring what lies beside the store up to the generation that now stands."""
        drop_other_generations(self.folder, version)
        try:
            self._publish_snapshots(dim)
        except (OSError, CitewellError) as error:
            if not explained(error, self.folder, 0):
                raise
            # The documents are safe in the store, and so are their vectors.
            log.warning("no snapshots could be written, so searches start slower (%s)", error)

    def _publish_snapshots(self, dim: int) -> None:
        """Write snapshots of vectors and outlines where they are due, and remove what is left of others."""
        with closing(Store(self.folder)) as store, store.reading() as reader:
            fingerprint = reader.fingerprint or ""
            try:
                if Dense.open(self.folder, reader, fingerprint=fingerprint, dim=dim).is_stale:
                    write_snapshot(self.folder, reader, fingerprint=fingerprint, dim=dim)
            finally:
                DENSE.drop_others(self.folder, reader)
            publish_outlines(self.folder, reader)
