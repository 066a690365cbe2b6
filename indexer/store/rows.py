"""Rows that carry a hash of themselves, and tallies of all hashes of a table, which the seal keeps.

SQLite looks after the structure of its file and hardly notices altered contents: of 200 flipped bits in a small file
its `integrity_check` passed 148 that had changed a row. So whatever is read is compared with the hash that was stored
with it, which counts in the row's own keys: no row is taken for another. A row that vanished, or came back from an
older page of the file, shows in the tally.

What is quoted goes by SHA-256. Sketches and vectors, of which a search reads hundreds and an opening all, have
CRC-32s, which the row's hash covers: for the vectors of 250 passages they take 0.5 ms, SHA-256 1.2, BLAKE2b 2.1.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from operator import xor
from typing import Any, Generic, NamedTuple, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.database import REMEDY, STORE_FILE
from indexer.errors import IndexFormatError, Refusal
from indexer.records import Document, Refused

HASH_BYTES = 16
DOCUMENT = TypeAdapter(Document)


class MetaRow(NamedTuple):
    """A row of `meta`."""

    key: str
    value: str


class GenerationRow(NamedTuple):
    """A row of `generations`."""

    generation: int
    token: str
    finished_at: str
    changes: str
    fingerprint: str


class DocumentRow(NamedTuple):
    """A row of `documents`."""

    document: int
    doc_id: str
    root: str
    path: str
    sha256: str
    recipe: str
    body: str | None
    published: str | None
    kind: str | None
    record: str
    generation: int
    passages: int


class PageRow(NamedTuple):
    """A row of `pages` without its text, which `sha256` stands for."""

    document: int
    number: int
    sha256: str
    raw_map: str
    removals: str
    needs_ocr: int


class PassageRow(NamedTuple):
    """A row of `passages` without its sketch and vectors, which their CRCs stand for."""

    passage: int
    document: int
    generation: int
    spans: str
    outline_crc: int
    sha256: str
    input_sha256: str
    sentences: str
    headings: str
    vectors_crc: int
    context: str
    text: str


class Whole(NamedTuple):
    """All rows of a document."""

    document: DocumentRow
    pages: list[tuple[PageRow, str]]  # with the text
    passages: list[tuple[PassageRow, bytes, bytes]]  # with sketch and vectors


class TombstoneRow(NamedTuple):
    """A row of `tombstones`."""

    passage: int
    generation: int


class RefusalRow(NamedTuple):
    """A row of `refusals`."""

    root: str
    path: str
    sha256: str | None
    recipe: str | None
    code: str
    message: str
    pages: str


R = TypeVar("R")


@dataclass(frozen=True)
class Table(Generic[R]):
    """A table whose rows carry a hash of the columns named here."""

    name: str
    columns: tuple[str, ...]
    make: Callable[[Iterable[Any]], R]
    keys: int = 1  # so many columns tell a row from the others

    def hash(self, row: Sequence[Any]) -> bytes:
        """Hash the columns of a row; any value that SQLite can give is hashed, also one that should not be there."""
        # `ascii` tells types and values apart and writes them alike everywhere; twice as fast as JSON.
        return sha256(ascii((self.name, *row)).encode()).digest()[:HASH_BYTES]

    def read(self, db: sqlite3.Connection, where: str = "", parameters: Any = ()) -> Iterator[R]:
        """Give rows, each compared with its hash. Raises IndexFormatError."""
        return (row for row, _ in self._checked(db, where, parameters))

    def read_all(self, db: sqlite3.Connection) -> tuple[list[R], "Tally"]:
        """Give all rows and their tally, without trust in any of SQLite's indexes. Raises IndexFormatError."""
        pairs = list(self._checked(db, "NOT INDEXED", ()))
        return [row for row, _ in pairs], Tally.of(its_hash for _, its_hash in pairs)

    def _checked(self, db: sqlite3.Connection, where: str, parameters: Any) -> Iterator[tuple[R, bytes]]:
        columns = ", ".join(self.columns)
        rows = db.execute(f"SELECT {columns}, hash FROM {self.name} {where}", parameters)  # noqa: S608 - ours
        for *row, its_hash in rows:
            if its_hash != self.hash(row):
                raise altered(self.name, *row[: self.keys])
            yield self.make(row), its_hash


META = Table("meta", MetaRow._fields, MetaRow._make)
GENERATIONS = Table("generations", GenerationRow._fields, GenerationRow._make)
DOCUMENTS = Table("documents", DocumentRow._fields, DocumentRow._make)
PAGES = Table("pages", PageRow._fields, PageRow._make, 2)
PASSAGES = Table("passages", PassageRow._fields, PassageRow._make)
TOMBSTONES = Table("tombstones", TombstoneRow._fields, TombstoneRow._make)
REFUSALS = Table("refusals", RefusalRow._fields, RefusalRow._make, 2)
TABLES: tuple[Table[Any], ...] = (META, GENERATIONS, DOCUMENTS, PAGES, PASSAGES, TOMBSTONES, REFUSALS)
SEALED = tuple(table for table in TABLES if table is not META)  # which holds the seal


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, and all their hashes in one: combined by XOR, so that a change costs only its rows."""

    count: int = 0
    mixed: int = 0

    @classmethod
    def of(cls, hashes: Iterable[Any]) -> "Tally":
        """Tally the hashes of rows."""
        numbers = [int.from_bytes(one) if isinstance(one, bytes) else 0 for one in hashes]
        return cls(len(numbers), reduce(xor, numbers, 0))

    def changed(self, *, added: Sequence[bytes] = (), removed: Sequence[bytes] = ()) -> "Tally":
        """Give the tally after a change."""
        both = Tally.of((*added, *removed))
        return Tally(self.count + len(added) - len(removed), self.mixed ^ both.mixed)


@dataclass(frozen=True, slots=True)
class Seal:
    """What an index holds as a whole, written with every commit."""

    generation: int
    token: str
    fingerprint: str  # JSON of the encoder's
    last_document: int  # highest number ever given
    last_passage: int
    tallies: dict[str, Tally]  # of each table but its own

    def to_json(self) -> str:
        """Serialise."""
        tallies = {name: [tally.count, f"{tally.mixed:x}"] for name, tally in self.tallies.items()}
        return json.dumps(
            [self.generation, self.token, self.fingerprint, self.last_document, self.last_passage, tallies]
        )

    @classmethod
    def from_json(cls, text: str) -> "Seal":
        """Read what `to_json` wrote."""
        generation, token, fingerprint, last_document, last_passage, found = json.loads(text)
        tallies = {name: Tally(count, int(mixed, 16)) for name, (count, mixed) in found.items()}
        return cls(generation, token, fingerprint, last_document, last_passage, tallies)


def read_seal(db: sqlite3.Connection) -> Seal:
    """Give the seal, which only an index without anything in it may lack. Raises IndexFormatError."""
    for row in META.read(db, "WHERE key = 'seal'"):
        return Seal.from_json(row.value)
    if any(db.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone() for table in TABLES):  # noqa: S608 - ours
        raise altered("meta", "seal")
    return Seal(0, "", "", 0, 0, {table.name: Tally() for table in SEALED})


def outline_crc(passage: int, document: int, generation: int, spans: str, sketch: bytes) -> int:
    """Check what ranking reads of every passage."""
    return crc32(sketch, crc32(f"{passage} {document} {generation} {spans}".encode()))


def vectors_crc(passage: int, vectors: bytes) -> int:
    """Check the vectors of a passage."""
    return crc32(vectors, passage & 0xFFFFFFFF)


def stored_document(row: DocumentRow) -> Document:
    """Give a document from its row."""
    return DOCUMENT.validate_json(row.record)


def read_refused(row: RefusalRow) -> Refused:
    """Give a refusal from its row."""
    return Refused(row.root, row.path, Refusal(row.code), row.message, tuple(json.loads(row.pages)))


def altered(table: str, *key: object) -> IndexFormatError:
    """Make the error for a row that is not as it was written, or is gone."""
    name = ", ".join(str(part)[:80] for part in key)
    return IndexFormatError(f"row {name} of table `{table}` in `{STORE_FILE}` is damaged or missing; {REMEDY}")


def read_vectors(blob: bytes, dim: int) -> NDArray[np.float16]:
    """Give stored vectors, (n, dim). Raises IndexFormatError where the bytes are no such vectors."""
    if not blob or len(blob) % (dim * 2):
        raise IndexFormatError(
            f"stored vectors have {len(blob)} bytes, not a multiple of {dim * 2}; run `citewell index --reencode`"
        )
    return np.frombuffer(blob, "<f2").reshape(-1, dim)


def checked_vectors(passage: int, check: int, blob: bytes, dim: int) -> NDArray[np.float16]:
    """Give the vectors of a passage, (n, dim). Raises IndexFormatError where they are not as written."""
    if not isinstance(blob, bytes) or vectors_crc(passage, blob) != check:
        raise altered("passages", passage)
    return read_vectors(blob, dim)
