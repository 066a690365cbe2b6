"""Nearest passages by meaning: FAISS over the store's vectors.

Everything here is derived from the store. A snapshot file holds the vectors of one generation and is opened
memory-mapped; what was added and removed since is kept in memory beside it. A snapshot that is missing, altered, of
another encoder or of another history is never given to FAISS, which does not notice damage: the index is then built
from the store.
"""

import json
import logging
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.durable import publish
from indexer.records import Version

log = logging.getLogger(__name__)

# A new snapshot is due when more than this share of all vectors lies outside it. Writing one costs time in proportion
# to its size, so each change pays for a constant number of rewrites only.
STALE_SHARE = 0.1
# Below this many vectors the part in memory is searched in well under a millisecond, so no snapshot is due.
STALE_AT_LEAST = 1000


class Vectors(Protocol):
    """One generation of the store, as far as it matters here."""

    version: Version

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
    _snapshot: Any  # faiss.Index of the snapshot's vectors, by passage id
    _on_disk: bool  # or built in memory, for want of a snapshot file
    _removed: NDArray[np.int64]  # ids in the snapshot that are gone, ascending
    _tail_ids: NDArray[np.int64]  # ids added since the snapshot, ascending
    _tail: NDArray[np.float32]  # their vectors, (n, dim)

    @classmethod
    def open(cls, folder: Path, store: Vectors, *, fingerprint: str, dim: int) -> "Dense":
        """Open the newest snapshot that fits the store and catch up; without one, build in memory."""
        # One query is searched by one thread anyway, and others that wait for work keep the encoder from its
        # processors: measured on two cores, a search of 41,770 vectors takes 24 ms beside them, 3 without.
        faiss.omp_set_num_threads(1)
        found = _newest_snapshot(folder, store, fingerprint, dim)
        if found is None:
            ids, vectors = store.vectors_since(0, dim)
            index, version = _build(ids, vectors.astype(np.float32)), store.version
        else:
            index, version = found
        none, no_vectors = np.empty(0, np.int64), np.empty((0, dim), np.float32)
        start = cls(version, folder, fingerprint, dim, index, found is not None, none, none, no_vectors)
        return start._advanced(store)

    def caught_up(self, store: Vectors) -> "Dense":
        """Give the same index at the store's generation; the time it takes grows with the change alone."""
        if store.version == self.version:
            return self
        if not store.has_version(self.version):  # an older copy of the store was put back
            return Dense.open(self.folder, store, fingerprint=self.fingerprint, dim=self.dim)
        advanced = self._advanced(store)
        if advanced.is_stale:  # the writer has left a newer snapshot
            return Dense.open(self.folder, store, fingerprint=self.fingerprint, dim=self.dim)
        return advanced

    @property
    def is_stale(self) -> bool:
        """Tell whether so much lies outside the snapshot that a new one is due."""
        outside = len(self._tail_ids) + len(self._removed) if self._on_disk else len(self)
        return outside > max(STALE_AT_LEAST, STALE_SHARE * len(self))

    def __len__(self) -> int:
        return int(self._snapshot.ntotal) - len(self._removed) + len(self._tail_ids)

    def search(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Give up to k passage ids with their inner product to the query (dim,), best first, ties by id.

        `allowed` limits the search, before ranking, to these ids (ascending, all live).
        """
        found = self._search_snapshot(query, k, allowed) + self._search_tail(query, k, allowed)
        found.sort(key=lambda hit: (-hit[1], hit[0]))
        return found[:k]

    def _search_snapshot(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        k = min(k, self._snapshot.ntotal)
        if k == 0 or (allowed is not None and not len(allowed)):
            return []
        parameters = None
        removed = faiss.IDSelectorBatch(self._removed)  # FAISS keeps no reference, so these names must live on
        selector: faiss.IDSelector | None = None
        if allowed is not None:
            selector = faiss.IDSelectorBatch(allowed)
        elif len(self._removed):
            selector = faiss.IDSelectorNot(removed)
        if selector is not None:
            parameters = faiss.SearchParameters()
            parameters.sel = selector
        scores, ids = self._snapshot.search(query[np.newaxis], k, params=parameters)
        return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]  # -1 fills the rest

    def _search_tail(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        ids, vectors = self._tail_ids, self._tail
        if allowed is not None:
            inside = np.isin(ids, allowed, assume_unique=True)
            ids, vectors = ids[inside], vectors[inside]
        scores = vectors @ query
        best = np.argsort(-scores, kind="stable")[:k]
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
            np.union1d(self._removed, removed[removed <= _last_id(self._snapshot)]),
            np.concatenate([self._tail_ids[kept], added]),
            np.concatenate([self._tail[kept], vectors.astype(np.float32)]),
        )


def write_snapshot(folder: Path, store: Vectors, *, fingerprint: str, dim: int) -> None:
    """Write the store's vectors as the one snapshot of the folder. Raises OSError; the old one then still stands."""
    ids, vectors = store.vectors_since(0, dim)
    index = _build(ids, vectors.astype(np.float32))
    data = folder / f"dense-{store.version.generation:08d}.faiss"
    publish(data, lambda path: _write(index, path))
    manifest = {
        "generation": store.version.generation,
        "token": store.version.token,
        "fingerprint": fingerprint,
        "count": len(ids),
        "sha256": _sha256(data),
    }
    # The manifest comes last: a snapshot without one is not there.
    publish(data.with_suffix(".json"), lambda path: path.write_text(json.dumps(manifest)))
    for path in folder.glob("dense-*"):
        if path.stem != data.stem:
            path.unlink()  # who has it mapped keeps it until he closes it


def _newest_snapshot(folder: Path, store: Vectors, fingerprint: str, dim: int) -> tuple[Any, Version] | None:
    for path in sorted(folder.glob("dense-*.json"), reverse=True):
        try:
            manifest = json.loads(path.read_text("utf-8"))
            version = Version(manifest["generation"], manifest["token"])
            if version.generation > store.version.generation or not store.has_version(version):
                continue
            data = path.with_suffix(".faiss")
            if manifest["fingerprint"] != fingerprint or manifest["sha256"] != _sha256(data):
                log.warning("%s is altered or of another encoder; building from the store instead", data)
                continue
            # Memory-mapped: processes share it, and only the pages that a search touches are read.
            index = faiss.read_index(str(data), faiss.IO_FLAG_MMAP_IFC)
            if index.d == dim and index.ntotal == manifest["count"]:
                return index, version
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            log.warning("%s cannot be used (%s); building from the store instead", path, error)
    return None


def _build(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> Any:
    # Exact search over float16: half the memory of float32, and the store's vectors are float16 to begin with.
    flat = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap2(flat)
    index.add_with_ids(vectors, ids)
    return index


def _write(index: Any, path: Path) -> None:
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:  # what FAISS makes of a full disk
        raise OSError(f"{path} cannot be written: {error}") from error


def _last_id(index: Any) -> int:
    return int(index.id_map.at(index.ntotal - 1)) if index.ntotal else -1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
