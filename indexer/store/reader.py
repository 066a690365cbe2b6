"""Questions to one generation of the store; every row is compared with its hash before it is believed."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.contents import Contents
from indexer.database import REMEDY, STORE_FILE
from indexer.errors import IndexFormatError, NotFoundError
from indexer.finding import find
from indexer.hashes import text_sha256
from indexer.records import (
    Counts,
    Document,
    Furniture,
    IndexedText,
    Outline,
    Page,
    Passage,
    Refused,
    Removal,
    Span,
    StoredPassage,
    Version,
)
from indexer.store.rows import (
    DOCUMENTS,
    GENERATIONS,
    PAGES,
    PASSAGES,
    REFUSALS,
    SEALED,
    TOMBSTONES,
    DocumentRow,
    PageRow,
    PassageRow,
    Table,
    Tally,
    altered,
    checked_vectors,
    outline_crc,
    read_refused,
    read_seal,
    stored_document,
    vectors_crc,
)

R = TypeVar("R")


class Reader:
    """Questions to one generation of the store. All raise IndexFormatError for rows that are not as written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._seal = read_seal(connection)
        self._tallies = dict(self._seal.tallies)
        self._last_passage = self._seal.last_passage
        self._documents: dict[int, DocumentRow] = {}  # read so far
        self._by_id: dict[str, DocumentRow] = {}  # likewise
        self._stored_documents: dict[int, Document] = {}  # likewise, taken apart
        self._texts: dict[tuple[str, int], str] = {}  # likewise, of pages
        self.version = Version(self._seal.generation, self._seal.token)

    @property
    def fingerprint(self) -> str | None:
        """JSON of the encoder's fingerprint; None before the first sync."""
        return self._seal.fingerprint or None

    @property
    def finished_at(self) -> datetime | None:
        """When this generation was made; None before the first sync."""
        generation = self.version.generation
        for row in GENERATIONS.read(self._db, "WHERE generation = ?", (generation,)):
            return datetime.fromisoformat(row.finished_at)
        if generation:
            raise altered("generations", generation)
        return None

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        return self._tallies["passages"].count

    def counts(self) -> Counts:
        """Count what is indexed."""
        furniture: dict[str, int] = {}
        pages = needs_ocr = 0
        for row in self._all(PAGES):
            pages, needs_ocr = pages + 1, needs_ocr + row.needs_ocr
            for _, _, kind in json.loads(row.removals):
                furniture[kind] = furniture.get(kind, 0) + 1
        return Counts(
            documents=self._tallies["documents"].count,
            pages=pages,
            needs_ocr=needs_ocr,
            passages=self.passage_count,
            refused=self._tallies["refusals"].count,
            furniture=dict(sorted(furniture.items())),
        )

    def bodies(self) -> dict[str, int]:
        """Count the documents of each body that is known."""
        return _counted(row.body for row in self._all_documents())

    def kinds(self) -> dict[str, int]:
        """Count the documents of each kind that is known."""
        return _counted(row.kind for row in self._all_documents())

    def documents(self) -> list[Document]:
        """Give all documents, by folder and path."""
        return [stored_document(row) for row in self._all_documents()]

    def document(self, doc_id: str) -> Document:
        """Give one document. Raises NotFoundError."""
        return stored_document(self._row(doc_id))

    def find(self, name: str) -> Document:
        """Give the one document of this id, path or end of a path.

        Raises NotFoundError where there is none, InputError where there are several.
        """
        return stored_document(find(self._all_documents(), name))

    def page(self, doc_id: str, number: int) -> tuple[Page, tuple[Removal, ...]]:
        """Give one page, and what was kept out of its passages. Raises NotFoundError."""
        row, text = self._page(doc_id, number)
        raw_map = tuple((run[0], run[1]) for run in json.loads(row.raw_map))
        removals = (
            Removal(Span(row.number, start, end), Furniture(kind)) for start, end, kind in json.loads(row.removals)
        )
        return Page(row.number, text, (), raw_map, bool(row.needs_ocr)), tuple(removals)

    def page_text(self, doc_id: str, number: int) -> str:
        """Give the text of one page, which is read once. Raises NotFoundError."""
        key = doc_id, number
        if key not in self._texts:
            self._texts[key] = self._page(doc_id, number)[1]
        return self._texts[key]

    def _page(self, doc_id: str, number: int) -> tuple[PageRow, str]:
        document = self._row(doc_id)
        key = (document.document, number if 0 < number < 2**63 else 0)  # SQLite's numbers end there
        row = next(PAGES.read(self._db, "WHERE document = ? AND number = ?", key), None)
        if row is None:
            pages = stored_document(document).pages
            if 0 < number <= pages:
                raise altered("pages", *key)
            raise NotFoundError(f"document `{doc_id}` has no page {number}; its pages are 1 to {pages}")
        texts = self._db.execute("SELECT text FROM pages WHERE document = ? AND number = ?", key).fetchone()
        if row[:2] != key or not texts or text_sha256(texts[0]) != row.sha256:
            raise altered("pages", *key)
        return row, texts[0]

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Give the passages of these ids; ids that the index never held, or removed, are left out."""
        rows = PASSAGES.read(self._db, "WHERE passage IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))
        found = {row.passage: self._stored(row) for row in rows}
        self._check_missing(ids, found.keys())
        return found

    def passage_ids(self, doc_id: str) -> list[int]:
        """Give the ids of a document's passages, in the order of its text."""
        try:
            document = self._row(doc_id)
        except NotFoundError:
            return []
        return [row.passage for row in self._passages_of(document)]

    def vectors_since(self, generation: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Give ids (n,), ascending, and vectors (n, dim) of the passages added after a generation."""
        condition = (generation,)
        count = self._db.execute("SELECT count(*) FROM passages WHERE generation > ?", condition).fetchone()[0]
        ids, vectors = np.empty(count, np.int64), np.empty((count, dim), np.float16)
        rows = self._db.execute(
            f"SELECT passage, vectors_crc, vectors FROM passages {_added_since(generation)}",  # noqa: S608 - ours
            condition,
        )
        for row, (passage, check, blob) in enumerate(rows):
            if row == count:
                raise altered("passages", passage)
            ids[row], vectors[row] = passage, checked_vectors(passage, check, blob, dim)[0]
        self._check_added(generation, ids)
        return ids, vectors

    def vectors(self, passage_ids: Sequence[int], dim: int) -> dict[int, NDArray[np.float16]]:
        """Give the vectors of passages: of each (1 + its sentences, dim), the whole passage first."""
        rows = self._db.execute(
            "SELECT passage, vectors_crc, vectors FROM passages WHERE passage IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        found = {passage: checked_vectors(passage, check, blob, dim) for passage, check, blob in rows}
        self._check_missing(passage_ids, found.keys())
        return found

    def texts_since(self, generation: int) -> Iterator[IndexedText]:
        """Give the words of the passages added after a generation, by id."""
        ids = []
        for row in PASSAGES.read(self._db, _added_since(generation), (generation,)):
            document = self._row_of(row.document)
            published = date.fromisoformat(document.published) if document.published else None
            ids.append(row.passage)
            yield IndexedText(
                row.passage, row.context, row.text, document.body, document.kind, published, row.document
            )
        self._check_added(generation, ids)

    def outlines(self, since: int = 0) -> list[Outline]:
        """Give what ranking needs of the passages added after a generation, by id."""
        hashes: list[bytes] = []
        found = self._outlines(_added_since(since), since, hashes)
        self._check_order(PASSAGES, [one.passage_id for one in found])
        if not since:
            self._check_whole(PASSAGES, Tally.of(hashes))
        return found

    def _outlines(self, condition: str, value: int, hashes: list[bytes] | None = None) -> list[Outline]:
        rows = self._db.execute(
            "SELECT passage, document, generation, spans, outline_crc, sketch, hash FROM passages "  # noqa: S608 - ours
            + condition,
            (value,),
        )
        found = []
        for passage, document, generation, spans, check, sketch, its_hash in rows:
            is_whole = (
                isinstance(sketch, bytes) and outline_crc(passage, document, generation, spans, sketch) == check
            )
            if not is_whole:
                raise altered("passages", passage)
            page = int(spans[2 : spans.index(",")])  # of "[[page, start, end], ...]"
            found.append(Outline(passage, document, page, np.frombuffer(sketch, "<u4")))
            if hashes is not None:
                hashes.append(its_hash)
        return found

    def owners(self) -> dict[int, str]:
        """Give for each document, by number and in the order of `documents`, the name of its body, or its own id."""
        return {row.document: f"body {row.body}" if row.body else row.doc_id for row in self._all_documents()}

    def texts_of(self, doc_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Give doc_id and text of every passage of some documents, each document's in order."""
        wanted = set(doc_ids)
        for document in self._all_documents():
            if document.doc_id in wanted:
                yield from ((document.doc_id, row.text) for row in self._passages_of(document))

    def contents(self, doc_id: str) -> Contents:
        """Give all that is held of a document. Raises NotFoundError."""
        row = self._row(doc_id)
        document, ids = stored_document(row), self.passage_ids(doc_id)
        pages, removals = zip(*(self.page(doc_id, number + 1) for number in range(document.pages)), strict=True)
        stored, vectors = self.passages(ids), self.vectors(ids, json.loads(self._seal.fingerprint)["dim"])
        sketches = {one.passage_id: one.sketch for one in self._outlines("WHERE document = ?", row.document)}
        return Contents(
            document,
            row.recipe,
            pages,
            tuple(removal for some in removals for removal in some),
            tuple(stored[one].passage for one in ids),
            tuple(vectors[one] for one in ids),
            tuple(sketches[one] for one in ids),
        )

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        """Give the ids of the passages removed after a generation, ascending."""
        rows = TOMBSTONES.read(self._db, "WHERE generation > ? ORDER BY passage", (generation,))
        ids = [row.passage for row in rows]
        self._check_order(TOMBSTONES, ids)
        return np.array(ids, np.int64)

    def has_version(self, version: Version) -> bool:
        """Tell whether this store's history contains that generation."""
        rows = GENERATIONS.read(self._db, "WHERE generation = ?", (version.generation,))
        return any(row.token == version.token for row in rows)

    def copy_to(self, path: Path) -> None:
        """Copy the whole store, as it is in this generation, to a new file.

        Raises OSError where that cannot be written, IndexFormatError where SQLite finds the copy damaged.
        """
        try:
            with closing(sqlite3.connect(path)) as copy:
                self._db.backup(copy)
                found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.OperationalError as error:
            raise OSError(0, str(error), str(path)) from error
        if found != "ok":
            raise IndexFormatError(f"the store of the index is damaged: {found}; run `citewell doctor`")

    def refusals(self) -> list[Refused]:
        """Give the files refused at the last sync, by folder and path."""
        return [read_refused(row) for row in sorted(self._all(REFUSALS), key=lambda row: (row.root, row.path))]

    def check(self) -> None:
        """Read everything once, and compare passages with their pages. Raises IndexFormatError for any damage."""
        for table in SEALED:
            self._all(table)
        self.outlines()
        for passage, crc, blob in self._db.execute("SELECT passage, vectors_crc, vectors FROM passages"):
            if not isinstance(blob, bytes) or vectors_crc(passage, blob) != crc:
                raise altered("passages", passage)
        for document in self._all_documents():
            pages = {
                number: self._page(document.doc_id, number)[1]
                for number in range(1, stored_document(document).pages + 1)
            }
            for row in self._passages_of(document):
                if row.text != "\n".join(pages[page][start:end] for page, start, end in json.loads(row.spans)):
                    raise altered("passages", row.passage)

    def _all(self, table: Table[R]) -> list[R]:
        """Give all rows of a table, and make sure that none is missing."""
        rows, tally = table.read_all(self._db)
        self._check_whole(table, tally)
        return rows

    def _all_documents(self) -> list[DocumentRow]:
        if len(self._documents) != self._tallies["documents"].count:
            for row in self._all(DOCUMENTS):
                self._remember(row)
        return sorted(self._documents.values(), key=lambda row: (row.root, row.path))

    def _row(self, doc_id: str) -> DocumentRow:
        """Give a document's row. Raises NotFoundError; that it is missing is looked up without SQLite's index."""
        if doc_id in self._by_id:
            return self._by_id[doc_id]
        row = next(DOCUMENTS.read(self._db, "WHERE doc_id = ?", (doc_id,)), None)
        if row is None and not any(one.doc_id == doc_id for one in self._all(DOCUMENTS)):
            raise NotFoundError(f"no document `{doc_id}` in the index")
        if row is None or row.doc_id != doc_id:
            raise altered("documents", doc_id)
        return self._remember(row)

    def _remember(self, row: DocumentRow) -> DocumentRow:
        self._documents[row.document] = self._by_id[row.doc_id] = row
        return row

    def _row_of(self, document: int) -> DocumentRow:
        if document not in self._documents:
            for row in DOCUMENTS.read(self._db, "WHERE document = ?", (document,)):
                self._remember(row)
        if document not in self._documents:
            raise altered("documents", document)
        return self._documents[document]

    def _passages_of(self, document: DocumentRow) -> list[PassageRow]:
        rows = list(PASSAGES.read(self._db, "WHERE document = ? ORDER BY passage", (document.document,)))
        self._check_order(PASSAGES, [row.passage for row in rows])
        if len(rows) != document.passages or any(row.document != document.document for row in rows):
            raise altered("documents", document.document)
        return rows

    def _stored(self, row: PassageRow) -> StoredPassage:
        passage = Passage(
            row.text,
            tuple(Span(*span) for span in json.loads(row.spans)),
            row.context,
            tuple(json.loads(row.headings)),
            tuple((start, end) for start, end in json.loads(row.sentences)),
        )
        if row.document not in self._stored_documents:
            self._stored_documents[row.document] = stored_document(self._row_of(row.document))
        return StoredPassage(row.passage, self._stored_documents[row.document], row.sha256, passage)

    def _check_whole(self, table: Table[Any], found: Tally) -> None:
        if found != self._tallies[table.name]:
            raise IndexFormatError(
                f"rows of table `{table.name}` in `{STORE_FILE}` are missing or came back; {REMEDY}"
            )

    def _check_added(self, generation: int, ids: Sequence[int] | NDArray[np.int64]) -> None:
        """Make sure that no passage comes twice, and none is missing where all were asked for."""
        self._check_order(PASSAGES, ids)
        if not generation and len(ids) != self.passage_count:
            raise IndexFormatError(f"rows of table `passages` in `{STORE_FILE}` are missing or came back; {REMEDY}")

    def _check_order(self, table: Table[Any], ids: Sequence[int] | NDArray[np.int64]) -> None:
        """Make sure that rows come in order, for SQLite gives them as its pages lie, not as their keys are."""
        if (np.diff(np.asarray(ids, np.int64)) <= 0).any():
            raise IndexFormatError(f"rows of table `{table.name}` in `{STORE_FILE}` are out of order; {REMEDY}")

    def _check_missing(self, ids: Sequence[int], found: Collection[int]) -> None:
        """Make sure that passages that were not found are none that should be there."""
        for passage in set(ids).difference(found) if len(found) < len(ids) else ():
            was_given = 0 < passage <= self._last_passage
            if was_given and not any(TOMBSTONES.read(self._db, "WHERE passage = ?", (passage,))):
                raise altered("passages", passage)


def _added_since(generation: int) -> str:
    """Give the condition for passages added later, in order.

    The plus keeps SQLite from looking through all rows for the sake of that order, where few are wanted: it then goes
    by the index of generations. Where all are wanted, their own order is faster.
    """
    return f"WHERE generation > ? ORDER BY {'+' if generation else ''}passage"


def _counted(names: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(name for name in names if name is not None).items()))
