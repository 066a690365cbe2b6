"""What ranking needs of every passage, in columns: its document, its page, and how widely its words are repeated.

Everything here is derived from the store. A snapshot file holds the columns of one generation and is opened
memory-mapped, so that neither opening an index nor following it reads every passage; what was added since is read
from the store. A snapshot that is missing, altered or of another history is passed over; the columns are then made of
the whole store.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer import repetition
from indexer.errors import IndexFormatError
from indexer.records import Outline, Version
from indexer.repetition import Repeated, count_owners, is_due, spread
from indexer.snapshots import Kind, Manifest

log = logging.getLogger(__name__)

# Fewer passages than this are read from the store in a twentieth of a second, so they need no file.
LEAST = 1000
FORMAT: Literal[1] = 1  # of the file


class Passages(Protocol):
    """One generation of the store, as far as it matters here."""

    version: Version

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        ...

    def outlines(self, since: int = 0) -> Sequence[Outline]:
        """Give the passages added after a generation, by id."""
        ...

    def owners(self) -> Mapping[int, str]:
        """Name for each document, by number, the body it is of, or itself where that is unknown."""
        ...

    def has_version(self, version: Version) -> bool:
        """Tell whether the store's history contains that generation."""
        ...


@dataclass(frozen=True)
class Columns:
    """Passages, in ascending order of their ids."""

    ids: NDArray[np.int64]
    documents: NDArray[np.int64]  # numbers of their documents
    pages: NDArray[np.int64]  # that they begin on
    starts: NDArray[np.int64]  # of each one's runs, and where the last ones end: (n + 1,)
    runs: NDArray[np.uint32]  # the sketches, one after the other

    @classmethod
    def of(cls, outlines: Sequence[Outline]) -> "Columns":
        """Put outlines into columns."""
        sketches = [one.sketch for one in outlines]
        return cls(
            np.array([one.passage_id for one in outlines], np.int64),
            np.array([one.document for one in outlines], np.int64),
            np.array([one.page for one in outlines], np.int64),
            np.cumsum([0, *map(len, sketches)], dtype=np.int64),
            np.concatenate(sketches) if sketches else np.empty(0, np.uint32),
        )


@dataclass(frozen=True)
class Outlines:
    """The passages of one generation; never changes, so threads may share it.

    Passages of documents that are gone keep their rows until the next snapshot; nobody asks for them.
    """

    version: Version
    folder: Path
    ids: NDArray[np.int64]  # of passages, ascending
    documents: NDArray[np.int64]  # numbers of their documents
    pages: NDArray[np.int64]  # that they begin on
    spread: NDArray[np.float32]  # how widely their words are repeated
    counted: Repeated  # what `spread` goes by
    _snapshot: Columns
    _tail: Columns  # added since
    _outside: int  # passages added or removed since; all, where there is no file

    @classmethod
    def open(cls, folder: Path, store: Passages) -> "Outlines":
        """Open the newest snapshot that fits the store and catch up; without one, read the store.

        Raises IndexFormatError where the store is damaged.
        """
        for data, manifest in OUTLINES.sound(folder, store):
            opened = _joined(folder, store, _read(data, manifest))
            if opened is not None:
                return opened
            log.warning("%s and what has changed since do not make up the store; reading that instead", data)
        read = _joined(folder, store, _Snapshot())
        if read is None:
            raise IndexFormatError("the store holds passages of no document; run `citewell doctor --repair`")
        return read

    @property
    def is_stale(self) -> bool:
        """Tell whether a new snapshot is due."""
        return len(self.ids) >= LEAST and is_due(len(self.ids), self._outside)

    @property
    def is_exact(self) -> bool:
        """Tell whether repetition is counted over all passages, not over those of the snapshot alone."""
        return len(self.ids) <= repetition.EXACT_BELOW or not len(self._snapshot.ids)

    def sketch(self, row: int) -> NDArray[np.uint32]:
        """Give the sample of the runs of words of the passage in a row, ascending."""
        before = len(self._snapshot.ids)
        part, at = (self._snapshot, row) if row < before else (self._tail, row - before)
        return part.runs[part.starts[at] : part.starts[at + 1]]

    def compacted(self, store: Passages) -> Columns:
        """Give the passages whose documents are there, all in memory."""
        live = np.isin(self.documents, np.fromiter(store.owners(), np.int64))
        lengths = np.concatenate([np.diff(self._snapshot.starts), np.diff(self._tail.starts)])
        runs = np.concatenate([self._snapshot.runs, self._tail.runs])
        starts = np.concatenate([[0], np.cumsum(lengths[live])])
        return Columns(self.ids[live], self.documents[live], self.pages[live], starts, runs[np.repeat(live, lengths)])

    def recounted(self, store: Passages) -> "Outlines":
        """Give the same passages with repetition counted over all that are there now."""
        columns = self.compacted(store)
        owners = store.owners()
        numbers = {owner: number for number, owner in enumerate(dict.fromkeys(owners.values()))}
        of_documents, places = np.unique(columns.documents, return_inverse=True)
        by_document = np.array([numbers[owners[document]] for document in of_documents.tolist()], np.int64)
        counted = count_owners(columns.runs, columns.starts, by_document[places])
        its_spread = np.zeros(len(self.ids), np.float32)
        its_spread[np.isin(self.ids, columns.ids, assume_unique=True)] = spread(columns.runs, columns.starts, counted)
        return replace(self, spread=its_spread, counted=counted)


@dataclass(frozen=True)
class _Manifest(Manifest):
    """What a snapshot holds."""

    format: Literal[1]
    lengths: tuple[int, ...]  # of the columns


OUTLINES = Kind("outlines", ".bin", TypeAdapter(_Manifest))


def publish_outlines(folder: Path, store: Passages) -> None:
    """Write a snapshot where one is due, and remove all others. Raises OSError; what stood before still stands."""
    opened = Outlines.open(folder, store)
    if opened.is_stale:
        _write_snapshot(folder, store, opened if opened.is_exact else opened.recounted(store))
    OUTLINES.drop_others(folder, store)


def _write_snapshot(folder: Path, store: Passages, made: Outlines) -> None:
    columns, counted = made.compacted(store), made.counted
    its_spread = made.spread[np.isin(made.ids, columns.ids, assume_unique=True)]
    rows = (columns.ids, columns.documents, columns.starts, columns.pages, its_spread)
    arrays: tuple[NDArray[Any], ...] = (*rows, columns.runs, counted.runs, counted.owners)
    lengths = tuple(len(one) for one in arrays)

    def manifest(sha256: str) -> _Manifest:
        return _Manifest(store.version.generation, store.version.token, sha256, FORMAT, lengths)

    OUTLINES.write(folder, store.version, lambda path: _write(path, arrays), manifest)


# --- files

_COLUMNS = ("<i8", "<i8", "<i8", "<i8", "<f4", "<u4", "<u4", "<u4")  # widest first, so that all begin where they may


@dataclass(frozen=True)
class _Snapshot:
    """What was kept of a generation; of none, to begin with."""

    generation: int = 0
    columns: Columns = field(default_factory=lambda: Columns.of([]))
    counted: Repeated = field(default_factory=lambda: Repeated(np.empty(0, np.uint32), np.empty(0, np.uint32)))
    spread: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))


def _write(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    with path.open("wb") as file:
        for array, kind in zip(arrays, _COLUMNS, strict=True):
            file.write(np.ascontiguousarray(array, kind).data)


def _read(path: Path, manifest: _Manifest) -> _Snapshot:
    """Map the columns of a file whose hash is right: processes share it, and only what is looked at is read."""
    memory = np.memmap(path, np.uint8, "r")
    arrays, at = [], 0
    for kind, length in zip(_COLUMNS, manifest.lengths, strict=True):
        end = at + length * np.dtype(kind).itemsize
        arrays.append(memory[at:end].view(kind))
        at = end
    ids, documents, starts, pages, its_spread, runs, counted, owners = arrays
    columns = Columns(ids, documents, pages, starts, runs)
    return _Snapshot(manifest.generation, columns, Repeated(counted, owners), its_spread)


# --- catching up


def _joined(folder: Path, store: Passages, snapshot: _Snapshot) -> Outlines | None:
    """Join a snapshot and what came after it; None where that is not what the store holds."""
    kept, tail = snapshot.columns, Columns.of(store.outlines(snapshot.generation))
    documents = np.concatenate([kept.documents, tail.documents])
    live = int(np.isin(documents, np.fromiter(store.owners(), np.int64)).sum())
    if live != store.passage_count:
        return None
    joined = Outlines(
        version=store.version,
        folder=folder,
        ids=np.concatenate([kept.ids, tail.ids]),
        documents=documents,
        pages=np.concatenate([kept.pages, tail.pages]),
        spread=np.concatenate([snapshot.spread, spread(tail.runs, tail.starts, snapshot.counted)]),
        counted=snapshot.counted,
        _snapshot=kept,
        _tail=tail,
        _outside=len(tail.ids) + len(documents) - live,
    )
    return joined.recounted(store) if joined._outside and joined.is_exact else joined
