"""All that an index holds of a document, as one value and as bytes: what travels between stores and machines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.errors import IndexFormatError
from indexer.records import Document, Page, Passage, Removal

_DIGEST = 32  # bytes of a SHA-256
_LENGTH = 8  # bytes of the number in front of each piece


@dataclass(frozen=True)
class Contents:
    """A document with everything that was made of it."""

    document: Document
    recipe: str  # names what beside the file's bytes decided what was made of it
    pages: tuple[Page, ...]
    removals: tuple[Removal, ...]
    passages: tuple[Passage, ...]
    vectors: tuple[NDArray[np.float16], ...]  # of each passage (1 + its sentences, dim), the whole passage first
    sketches: tuple[NDArray[np.uint32], ...]  # of each passage, see `repetition`


@dataclass(frozen=True)
class _Record:
    """What of a document is text; pages go without the lines of their layout, which only cutting needs."""

    document: Document
    recipe: str
    pages: tuple[Page, ...]
    removals: tuple[Removal, ...]
    passages: tuple[Passage, ...]


_RECORD = TypeAdapter(_Record)


def to_bytes(contents: Contents) -> bytes:
    """Write a document, with a hash over all of it.

    Equal contents give equal bytes on every machine, as they are compared by their hash; so no library has a say in
    the form of anything but the JSON.
    """
    pages = tuple(Page(p.number, p.text, (), p.raw_map, p.needs_ocr) for p in contents.pages)
    document = _in_order(contents.document)
    record = _Record(document, contents.recipe, pages, contents.removals, contents.passages)
    data = with_lengths(
        [
            _RECORD.dump_json(record),
            _counts(contents.vectors),
            _joined(contents.vectors, "<f2"),
            _counts(contents.sketches),
            _joined(contents.sketches, "<u4"),
        ]
    )
    return sha256(data).digest() + data


def from_bytes(data: bytes) -> Contents:
    """Read what `to_bytes` wrote. Raises IndexFormatError where it is not that to the letter."""
    if sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        raise IndexFormatError("a document that was written for moving is damaged: its hash is not its own")
    try:
        written, vector_counts, vectors, sketch_counts, sketches = without_lengths(data[_DIGEST:])
        record = _RECORD.validate_json(written)
        rows = np.frombuffer(vectors, "<f2").reshape(int(np.frombuffer(vector_counts, "<i4").sum()) or 1, -1)
        return Contents(
            record.document,
            record.recipe,
            record.pages,
            record.removals,
            record.passages,
            _apart(rows, vector_counts, len(record.passages)),
            _apart(np.frombuffer(sketches, "<u4"), sketch_counts, len(record.passages)),
        )
    except ValueError as error:
        raise IndexFormatError(f"a document that was written for moving cannot be read: {error}") from error


def with_lengths(pieces: Iterable[bytes]) -> bytes:
    """Put pieces together, with the length of each in front of it."""
    return b"".join(len(one).to_bytes(_LENGTH, "little") + one for one in pieces)


def without_lengths(data: bytes) -> list[bytes]:
    """Give the pieces that `with_lengths` put together. Raises ValueError where there are too few bytes."""
    pieces, at = [], 0
    while at < len(data):
        start = at + _LENGTH
        at = start + int.from_bytes(data[at:start], "little")
        pieces.append(data[start:at])
    if at > len(data):
        raise ValueError("its end is missing")
    return pieces


def _in_order(document: Document) -> Document:
    """Give a document with its evidence in one order, which makes no difference to its meaning."""
    evidence = dict(sorted(document.metadata.evidence.items()))
    return replace(document, metadata=replace(document.metadata, evidence=evidence))


def _joined(arrays: Sequence[NDArray[Any]], kind: str) -> bytes:
    return b"".join(one.astype(kind).tobytes() for one in arrays)


def _counts(arrays: Sequence[NDArray[Any]]) -> bytes:
    return np.array([len(one) for one in arrays], "<i4").tobytes()


def _apart(rows: NDArray[Any], counts: bytes, of: int) -> tuple[NDArray[Any], ...]:
    ends = np.cumsum(np.frombuffer(counts, "<i4")).tolist()
    if len(ends) != of:
        raise ValueError("it has not as many arrays as passages")
    return tuple(rows[start:end] for start, end in zip([0, *ends], ends, strict=False))
