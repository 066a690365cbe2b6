"""What can still be read of a damaged store: every row that is as it was written, whatever lies between them."""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexer.database import STORE_FILE, connect
from indexer.durable import flush, remove
from indexer.errors import IndexFormatError, UnusableIndexError
from indexer.hashes import text_sha256
from indexer.store.rows import (
    DOCUMENTS,
    GENERATIONS,
    PAGES,
    PASSAGES,
    REFUSALS,
    SEALED,
    DocumentRow,
    PageRow,
    PassageRow,
    RefusalRow,
    Seal,
    Table,
    Tally,
    Whole,
    outline_crc,
    read_seal,
    stored_document,
    vectors_crc,
)

UNHASHED = {"pages": ("text",), "passages": ("sketch", "vectors")}  # columns that hashes count in indirectly
MOST_LINES = 20  # of what SQLite itself finds
FURTHEST = 5_000_000  # row numbers that are tried one by one; ten microseconds each


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with an index."""

    file: str  # within its folder
    row: str | None  # table and key
    what: str


@dataclass
class Salvage:
    """What was found in a store: what is wrong, and the keys of what is as it was written."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    seal: Seal | None = None
    fingerprint: str | None = None  # of the encoder
    generation: int = 0  # the highest that is told of
    last_document: int = 0
    last_passage: int = 0
    whole: list[DocumentRow] = field(default_factory=list)  # documents of which nothing is amiss
    broken: list[DocumentRow] = field(default_factory=list)  # documents that miss pages or passages
    doubtful: list[DocumentRow] = field(default_factory=list)  # rows of documents that were altered themselves
    vanished: int = 0  # documents of which there is not even that
    refusals: list[RefusalRow] = field(default_factory=list)
    _pages: dict[int, dict[int, int]] = field(default_factory=dict)  # document -> page -> rowid
    _passages: dict[int, list[int]] = field(default_factory=dict)  # document -> passages

    def note(self, what: str, table: str | None = None, *key: object) -> None:
        """Note a problem of a row, or of the whole file."""
        row = None if table is None else " ".join((table, *(str(part)[:200] for part in key)))
        self.problems.append(Problem(STORE_FILE, row, what))

    def read(self) -> Iterator[Whole]:
        """Read the documents of which nothing is amiss."""
        if self.whole:
            with _opened(self.folder) as db:
                yield from (self._read(db, row) for row in self.whole)

    def _read(self, db: sqlite3.Connection, document: DocumentRow) -> Whole:
        pages, passages = [], []
        for _, rowid in sorted(self._pages.get(document.document, {}).items()):
            for _, row, _, (text,) in _select(db, PAGES, "WHERE rowid = ?", rowid):
                pages.append((PageRow._make(row), text))
        for rowid in sorted(self._passages.get(document.document, [])):
            for _, row, _, (sketch, vectors) in _select(db, PASSAGES, "WHERE rowid = ?", rowid):
                passages.append((PassageRow._make(row), sketch, vectors))
        return Whole(document, pages, passages)


def inspect(folder: Path) -> Salvage:
    """Look at every row of a store."""
    found = Salvage(folder)
    try:
        opened = _opened(folder)
    except UnusableIndexError as error:
        found.note(str(error))
        return found
    with opened as db:
        _look_at_structure(db, found)
        with suppress(UnusableIndexError, sqlite3.Error, ValueError):
            found.seal = read_seal(db)
        if found.seal is None:
            found.note("damaged or missing", "meta", "seal")
        else:
            found.fingerprint = found.seal.fingerprint or None
            found.generation = found.seal.generation
            found.last_document, found.last_passage = found.seal.last_document, found.seal.last_passage
        _look_at_rows(db, found)
    return found


def salvage_most(folder: Path, workshop: Path) -> Salvage:
    """Look at a damaged store and at copies of it that may be better; give the one with most whole documents.

    The copies, which are made in `workshop`, are without the log, which may be what is damaged, and with a new first
    page, without which SQLite reads nothing: all our files begin alike.
    """
    found = [inspect(folder)]
    store = folder / STORE_FILE
    if found[0].problems and store.is_file():
        log = folder / f"{STORE_FILE}-wal"
        if log.is_file() and log.stat().st_size:
            found.append(inspect(_copy(store, workshop / "without-log")))
        if not any(one.seal for one in found):
            found.append(inspect(_with_new_head(_copy(store, workshop / "new-head"), workshop / "fresh")))
    return max(found, key=lambda one: len(one.whole))


def put_in_place(new: Path, folder: Path) -> None:
    """Put a store that nobody has open in the place of another, in one step. Raises OSError."""
    # The old log goes into the old file as far as that can be done, for it must not be there beside the new one.
    with suppress(UnusableIndexError, sqlite3.Error), closing(connect(folder)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store = folder / STORE_FILE
    for suffix in ("-wal", "-shm", "-journal", ""):
        path = store.with_name(f"{STORE_FILE}{suffix}")
        if suffix or path.is_dir():
            remove(path)
    (new / STORE_FILE).replace(store)
    flush(folder)


def _copy(store: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copyfile(store, folder / STORE_FILE)
    return folder


def _with_new_head(folder: Path, fresh: Path) -> Path:
    """Give a copy of a store the first page of a new one (https://sqlite.org/fileformat2.html#the_database_header)."""
    fresh.mkdir()
    connect(fresh, create=True).close()
    page = bytearray((fresh / STORE_FILE).read_bytes())
    size = int.from_bytes(page[16:18])
    del page[size:]
    page[28:32] = ((folder / STORE_FILE).stat().st_size // size).to_bytes(4)  # pages
    page[32:40] = bytes(8)  # none of them are free
    with (folder / STORE_FILE).open("r+b") as file:
        file.write(page)
    return folder


def _opened(folder: Path) -> "closing[sqlite3.Connection]":
    if not (folder / STORE_FILE).is_file():
        raise IndexFormatError(f"`{folder / STORE_FILE}` is missing, or not a file")
    db = connect(folder, read_only=True)  # a log that does not belong must not get into the file
    db.text_factory = lambda text: text.decode(errors="replace")  # which the hash of the row then tells
    return closing(db)


def _look_at_structure(db: sqlite3.Connection, found: Salvage) -> None:
    try:
        for (line,) in db.execute(f"PRAGMA integrity_check({MOST_LINES})"):
            if line != "ok":
                found.note(f"SQLite finds: {line}")
    except sqlite3.Error as error:
        found.note(f"SQLite finds: {error}")


def _look_at_rows(db: sqlite3.Connection, found: Salvage) -> None:
    documents: dict[int, DocumentRow] = {}
    for table in SEALED:
        hashes, bad = [], 0
        for rowid, row, stored, others in _all_rows(db, table, found):
            if stored != table.hash(row) or not _is_sound(table, row, others):
                bad += 1
                found.note("altered", table.name, *row[: table.keys])
                if table is DOCUMENTS:
                    found.doubtful.append(DocumentRow._make(row))
                continue
            hashes.append(stored)
            _keep(table, rowid, row, documents, found)
        _compare(table, hashes, bad, found)
    for document in documents.values():
        _look_at_document(db, document, found)
    for what, rows in (("pages", found._pages), ("passages", found._passages)):
        known = documents.keys() | {one.document for one in found.doubtful}
        for number in sorted(rows.keys() - known):
            found.note("of a document that is not there", what, number)


def _keep(table: Table[Any], rowid: int, row: list[Any], documents: dict[int, DocumentRow], found: Salvage) -> None:
    if table is GENERATIONS:
        found.generation = max(found.generation, row[0])
        found.fingerprint = found.fingerprint or row[-1]
    elif table is DOCUMENTS:
        documents[row[0]] = DocumentRow._make(row)
        found.last_document = max(found.last_document, row[0])
    elif table is PAGES:
        found._pages.setdefault(row[0], {})[row[1]] = rowid
    elif table is PASSAGES:
        found._passages.setdefault(row[1], []).append(rowid)
        found.last_passage = max(found.last_passage, row[0])
    elif table is REFUSALS:
        found.refusals.append(RefusalRow._make(row))


def _compare(table: Table[Any], hashes: Sequence[bytes], bad: int, found: Salvage) -> None:
    if found.seal is None:
        return
    wanted = found.seal.tallies[table.name]
    missing = wanted.count - len(hashes) - bad
    if missing > 0:
        found.note(f"{missing} of {wanted.count} rows are missing", table.name)
        if table is DOCUMENTS:
            found.vanished = missing
    elif not bad and Tally.of(hashes) != wanted:
        found.note("rows are there that do not belong", table.name)


def _look_at_document(db: sqlite3.Connection, row: DocumentRow, found: Salvage) -> None:
    """Compare the passages of a document with its pages, each of which is as it was written."""
    document = stored_document(row)
    pages, passages = found._pages.get(row.document, {}), found._passages.get(row.document, [])
    problems = len(found.problems)
    for number in sorted({*range(1, document.pages + 1)} - pages.keys()):
        found.note(f"missing or altered: page {number} of `{document.file}`", "pages", row.document, number)
    if len(passages) != row.passages:
        found.note(
            f"{len(passages)} of {row.passages} passages are whole: `{document.file}`", "documents", row.document
        )
    if len(found.problems) == problems:
        whole = found._read(db, row)
        texts = {page.number: text for page, text in whole.pages}
        for passage, _, _ in whole.passages:
            on_pages = "\n".join(texts.get(page, "")[start:end] for page, start, end in json.loads(passage.spans))
            if on_pages != passage.text or text_sha256(on_pages) != passage.sha256:
                found.note(f"not what its pages say: `{document.file}`", "passages", passage.passage)
    if len(found.problems) == problems:
        found.whole.append(row)
    else:
        found.broken.append(row)


def _is_sound(table: Table[Any], row: list[Any], others: Sequence[Any]) -> bool:
    """Check what a row's hash counts in by another check."""
    if table is PAGES:
        return isinstance(others[0], str) and text_sha256(others[0]) == row[2]
    if table is PASSAGES:
        passage = PassageRow._make(row)
        sketch, vectors = others
        if not isinstance(sketch, bytes) or not isinstance(vectors, bytes):
            return False
        outlined = outline_crc(passage.passage, passage.document, passage.generation, passage.spans, sketch)
        return outlined == passage.outline_crc and vectors_crc(passage.passage, vectors) == passage.vectors_crc
    return True


Found = tuple[int, list[Any], Any, list[Any]]  # rowid, hashed columns, hash, other columns


def _all_rows(db: sqlite3.Connection, table: Table[Any], found: Salvage) -> Iterator[Found]:
    """Give every row that SQLite can reach: from the front, from the end, and one by one in between."""
    seen: set[int] = set()
    is_whole = True
    for order in ("ASC", "DESC"):
        try:
            for one in _select(db, table, f"ORDER BY rowid {order}"):
                if one[0] not in seen:
                    seen.add(one[0])
                    yield one
            break
        except sqlite3.Error as error:
            if is_whole:
                found.note(f"SQLite cannot read it all: {error}", table.name)
            is_whole = False
    if is_whole:
        return
    last = max([*seen, found.last_passage, found.last_document])
    for rowid in range(1, min(last, FURTHEST) + 1):
        if rowid not in seen:
            with suppress(sqlite3.Error):
                yield from _select(db, table, "WHERE rowid = ?", rowid)


def _select(db: sqlite3.Connection, table: Table[Any], where: str, *given: int) -> Iterator[Found]:
    width = len(table.columns)
    columns = ", ".join(("rowid", "hash", *table.columns, *UNHASHED.get(table.name, ())))
    rows = db.execute(f"SELECT {columns} FROM {table.name} NOT INDEXED {where}", given)  # noqa: S608 - ours
    for rowid, stored, *values in rows:
        yield rowid, values[:width], stored, values[width:]
