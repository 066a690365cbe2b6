"""Nearest passages by meaning: FAISS over the store's vectors.

Everything here is derived from the store. A snapshot file holds the vectors of one generation and is opened
memory-mapped; what was added and removed since is kept in memory beside it. A snapshot that is missing, altered, of
another encoder or of another history is never given to FAISS, which does not notice damage: the index is then built
from the store.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.dense.nearest import Nearest, fast, keep_numpy_to_one_thread, whole
from indexer.dense.nearest import widened as widened
from indexer.records import Approximation, Version
from indexer.snapshots import Kind, Manifest

log = logging.getLogger(__name__)

# A new snapshot is due when more than this share of all vectors lies outside it. Writing one costs time in proportion
# to its size, so each change pays for a constant number of rewrites only.
STALE_SHARE = 0.1
# Below this many vectors the part in memory is searched in well under a millisecond, so no snapshot is due.
STALE_AT_LEAST = 1000


class Vectors(Protocol):
    """One generation of the store, as far as it matters here."""

    version: Version

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        ...

    def vectors_since(self, generation: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Give ids (n,), ascending, and vectors (n, dim) of the passages added after a generation."""
        ...

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        """Give the ids of the passages removed after a generation, ascending."""
        ...

    def has_version(self, version: Version) -> bool:
        """Tell whether the store's history contains that generation."""
        ...


@dataclass(frozen=True)
class Dense:
    """The searchable vectors of one generation; never changes, so threads may share it."""

    version: Version
    folder: Path
    fingerprint: str
    dim: int
    _snapshot: Nearest
    _on_disk: bool  # or built in memory, for want of a snapshot file
    _removed: NDArray[np.int64]  # ids in the snapshot that are gone, ascending
    _tail_ids: NDArray[np.int64]  # ids added since the snapshot, ascending
    _tail: NDArray[np.float32]  # their vectors, (n, dim)

    @classmethod
    def open(cls, folder: Path, store: Vectors, *, fingerprint: str, dim: int) -> "Dense":
        """Open the newest snapshot that fits the store and catch up; without one, build in memory."""
        keep_numpy_to_one_thread()
        none, no_vectors = np.empty(0, np.int64), np.empty((0, dim), np.float32)
        found = _newest_snapshot(folder, store, fingerprint, dim)
        if found is not None:
            nearest, version = found
            start = cls(version, folder, fingerprint, dim, nearest, True, none, none, no_vectors)
            opened = start._advanced(store)
            if len(opened) == store.passage_count:
                return opened
            log.warning("the snapshot and what has changed since do not make up the store; building from it instead")
        ids, vectors = store.vectors_since(0, dim)
        return cls(store.version, folder, fingerprint, dim, whole(ids, vectors), False, none, none, no_vectors)

    def caught_up(self, store: Vectors) -> "Dense":
        """Give the same index at the store's generation; the time it takes grows with the change alone."""
        if store.version == self.version:
            return self
        if not store.has_version(self.version):  # an older copy of the store was put back
            return Dense.open(self.folder, store, fingerprint=self.fingerprint, dim=self.dim)
        advanced = self._advanced(store)
        # Either the writer has left a newer snapshot, or the store has lost what should have come or gone.
        if advanced.is_stale or len(advanced) != store.passage_count:
            return Dense.open(self.folder, store, fingerprint=self.fingerprint, dim=self.dim)
        return advanced

    @property
    def is_stale(self) -> bool:
        """Tell whether so much lies outside the snapshot that a new one is due."""
        outside = len(self._tail_ids) + len(self._removed) if self._on_disk else len(self)
        return outside > max(STALE_AT_LEAST, STALE_SHARE * len(self))

    def __len__(self) -> int:
        return len(self._snapshot) - len(self._removed) + len(self._tail_ids)

    @property
    def approximation(self) -> Approximation | None:
        """How a search without a filter looks through a part of the snapshot; None where every search is exact."""
        return self._snapshot.approximation

    def search(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Give up to k passage ids with their inner product to the query (dim,), best first, ties by id.

        `allowed` limits the search, before ranking, to these ids (ascending, all live), and makes it exact.
        """
        found = self._snapshot.search(query, k, allowed, self._removed) + self._search_tail(query, k, allowed)
        found.sort(key=lambda hit: (-hit[1], hit[0]))
        return found[:k]

    def _search_tail(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        ids, vectors = self._tail_ids, self._tail
        if allowed is not None:
            inside = np.isin(ids, allowed, assume_unique=True)
            ids, vectors = ids[inside], vectors[inside]
        scores = vectors @ query
        best = np.argpartition(-scores, k)[:k] if k < len(ids) else range(len(ids))
        return [(int(ids[i]), float(scores[i])) for i in best]

    def _advanced(self, store: Vectors) -> "Dense":
        if store.version == self.version:
            return self
        added, vectors = store.vectors_since(self.version.generation, self.dim)
        removed = store.removed_since(self.version.generation)
        kept = ~np.isin(self._tail_ids, removed)
        return Dense(
            store.version,
            self.folder,
            self.fingerprint,
            self.dim,
            self._snapshot,
            self._on_disk,
            np.union1d(self._removed, removed[removed <= self._snapshot.last]),
            np.concatenate([self._tail_ids[kept], added]),
            np.concatenate([self._tail[kept], vectors.astype(np.float32)]),
        )


@dataclass(frozen=True)
class _Manifest(Manifest):
    """What a snapshot holds."""

    fingerprint: str
    count: int  # vectors
    last: int  # highest id, -1 without any
    approximation: Approximation | None


DENSE = Kind("dense", ".faiss", TypeAdapter(_Manifest))


def write_snapshot(folder: Path, store: Vectors, *, fingerprint: str, dim: int) -> None:
    """Write the store's vectors as the one snapshot of the folder. Raises OSError; the old one then still stands."""
    version = store.version
    ids, vectors = store.vectors_since(0, dim)
    nearest = fast(ids, vectors)

    def manifest(sha256: str) -> _Manifest:
        return _Manifest(
            version.generation, version.token, sha256, fingerprint, len(ids), nearest.last, nearest.approximation
        )

    DENSE.write(folder, version, nearest.write, manifest)
    DENSE.drop_others(folder, store)


def approximation_of(folder: Path, store: Vectors) -> Approximation | None:
    """Tell how the newest sound snapshot is looked through in part; None where every search is exact."""
    return next((manifest.approximation for _, manifest in DENSE.sound(folder, store)), None)


def _newest_snapshot(folder: Path, store: Vectors, fingerprint: str, dim: int) -> tuple[Nearest, Version] | None:
    for data, manifest in DENSE.sound(folder, store):
        if manifest.fingerprint != fingerprint:
            log.warning("%s is of another encoder", data)
            continue
        try:
            nearest = Nearest.read(data, manifest.last, manifest.approximation)
        except ValueError as error:
            log.warning("%s cannot be used (%s)", data, error)
            continue
        if nearest.dim == dim and len(nearest) == manifest.count:
            return nearest, manifest.version
    return None
