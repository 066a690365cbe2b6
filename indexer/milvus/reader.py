"""Questions to one generation in Milvus; every record is compared with its hash before it is believed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.contents import Contents
from indexer.errors import IndexFormatError, NotFoundError, Refusal
from indexer.finding import find
from indexer.hashes import text_sha256
from indexer.milvus.documents import Documents, Entry
from indexer.milvus.expressions import among, both, visible
from indexer.milvus.head import Head
from indexer.milvus.repeated import sketch_of
from indexer.milvus.server import Server, Table
from indexer.milvus.tables import Records, damaged, page_key, parts_of, text_key, vectors_key
from indexer.records import Counts, Document, Furniture, Page, Passage, Refused, Removal, Span, StoredPassage, Version


@dataclass(frozen=True)
class Standing:
    """One generation as it stands in Milvus; never changes, so threads may share it."""

    where: str  # the address, for messages
    head: Head
    gone: frozenset[int]  # numbers of documents whose rows may still be there but do not count
    stamp: int  # Milvus's time from which on all is there as it should be
    documents: Documents
    records: Records

    @property
    def bounds(self) -> str:
        """The condition that a row counts."""
        # Where all is made anew, what is gone all comes before what is there, and needs no list.
        least = min(self.documents.by_number, default=0)
        among = [number for number in sorted(self.gone) if number > least]
        before = f"document >= {least}" if len(among) < len(self.gone) else ""
        return both(visible(self.head.version.generation, self.head.aborted, among), before)


class PageRecord(NamedTuple):
    """What is kept of a page."""

    text: str
    raw_map: tuple[tuple[int, int], ...]
    removals: tuple[tuple[int, int, Furniture], ...]
    needs_ocr: bool


class PassageRecord(NamedTuple):
    """What is kept of a passage, all but its vectors and its sketch."""

    text: str
    context: str
    spans: tuple[tuple[int, int, int], ...]
    sentences: tuple[tuple[int, int], ...]
    headings: tuple[str, ...]
    text_sha256: str
    input_sha256: str


class RefusalRecord(NamedTuple):
    """What is kept of a refused file."""

    root: str
    path: str
    sha256: str | None  # None where it could not be read
    recipe: str | None
    code: Refusal
    message: str
    pages: tuple[int, ...]

    @property
    def refused(self) -> Refused:
        """The refusal itself."""
        return Refused(self.root, self.path, self.code, self.message, self.pages)


PAGE = TypeAdapter(PageRecord)
PASSAGE = TypeAdapter(PassageRecord)
REFUSALS = TypeAdapter(tuple[RefusalRecord, ...])


class Reader:
    """Questions to one generation.

    All raise IndexFormatError for records that are not as written, GenerationGoneError for those that a newer
    generation has no more.
    """

    def __init__(self, server: Server, standing: Standing) -> None:
        self._server = server
        self._standing = standing
        self._where = standing.where
        self.version: Version = standing.head.version

    @property
    def standing(self) -> Standing:
        """What is read."""
        return self._standing

    @property
    def fingerprint(self) -> str | None:
        """JSON of the encoder's fingerprint; None before the first sync."""
        return self._standing.head.fingerprint or None

    @property
    def finished_at(self) -> datetime | None:
        """When this generation was made; None before the first sync."""
        at = self._standing.head.finished_at
        return datetime.fromisoformat(at) if at else None

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        return self._documents.passages

    def counts(self) -> Counts:
        """Count what is indexed."""
        entries = self._documents.by_number.values()
        return Counts(
            documents=len(entries),
            pages=sum(entry.pages for entry in entries),
            needs_ocr=sum(entry.needs_ocr for entry in entries),
            passages=self.passage_count,
            refused=len(self._refusals()),
            furniture=self._documents.furniture,
        )

    def bodies(self) -> dict[str, int]:
        """Count the documents of each body that is known."""
        return _counted(entry.document.metadata.body for entry in self._documents.in_order)

    def kinds(self) -> dict[str, int]:
        """Count the documents of each kind that is known."""
        return _counted(entry.document.metadata.kind for entry in self._documents.in_order)

    def documents(self) -> list[Document]:
        """Give all documents, by folder and path."""
        return [entry.document for entry in self._documents.in_order]

    def owners(self) -> dict[int, str]:
        """Give for each document, by number and in the order of `documents`, the name of its body, or its own id."""
        return {entry.number: _owner(entry.document) for entry in self._documents.in_order}

    def document(self, doc_id: str) -> Document:
        """Give one document. Raises NotFoundError."""
        return self._entry(doc_id).document

    def find(self, name: str) -> Document:
        """Give the one document of this id, path or end of a path.

        Raises NotFoundError where there is none, InputError where there are several.
        """
        return find(self.documents(), name)

    def page(self, doc_id: str, number: int) -> tuple[Page, tuple[Removal, ...]]:
        """Give one page, and what was kept out of its passages. Raises NotFoundError."""
        entry = self._entry(doc_id)
        if not 0 < number <= entry.pages:
            raise NotFoundError(f"document `{doc_id}` has no page {number}; its pages are 1 to {entry.pages}")
        return self._pages(entry, [number])[0]

    def page_text(self, doc_id: str, number: int) -> str:
        """Give the text of one page. Raises NotFoundError."""
        return self.page(doc_id, number)[0].text

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Give the passages of these ids; ids that the index never held, or removed, are left out."""
        entries = {number: entry for number in ids if (entry := self._documents.of_passage(number))}
        found = self._passage_records(list(entries))
        return {
            number: StoredPassage(number, entries[number].document, one.text_sha256, _passage(one))
            for number, one in sorted(found.items())
        }

    def passage_ids(self, doc_id: str) -> list[int]:
        """Give the ids of a document's passages, which follow one another, in the order of its text."""
        entry = self._documents.by_id.get(doc_id)
        return list(entry.ids) if entry else []

    def texts(self, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Give context and text of the passages of these ids; ids that are not of this generation are left out."""
        held = [number for number in ids if self._documents.of_passage(number)]
        return {number: (one.context, one.text) for number, one in self._passage_records(held).items()}

    def vectors(self, passage_ids: Sequence[int], dim: int) -> dict[int, NDArray[np.float16]]:
        """Give the vectors of passages: of each (1 + its sentences, dim), the whole passage first."""
        return self._vectors([number for number in passage_ids if self._documents.of_passage(number)], dim)

    def texts_of(self, doc_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Give doc_id and text of every passage of some documents, each document's in order."""
        wanted = set(doc_ids)
        pairs = [
            (entry.document.doc_id, number)
            for entry in self._documents.in_order
            if entry.document.doc_id in wanted
            for number in entry.ids
        ]
        for some in parts_of(pairs):
            found = self._passage_records([number for _, number in some])
            yield from ((doc_id, found[number].text) for doc_id, number in some)

    def contents(self, doc_id: str) -> Contents:
        """Give all that is held of a document. Raises NotFoundError."""
        entry = self._entry(doc_id)
        pages = self._pages(entry, range(1, entry.pages + 1))
        records = self._passage_records(entry.ids)
        vectors = self._vectors(entry.ids, None)
        sketches = self._sketches(entry)
        return Contents(
            entry.document,
            entry.recipe,
            tuple(page for page, _ in pages),
            tuple(removal for _, some in pages for removal in some),
            tuple(_passage(records[number]) for number in entry.ids),
            tuple(vectors[number] for number in entry.ids),
            tuple(sketches[number] for number in entry.ids),
        )

    def refusals(self) -> list[Refused]:
        """Give the files refused at the last sync, by folder and path."""
        return [one.refused for one in sorted(self._refusals(), key=lambda one: (one.root, one.path))]

    def has_version(self, version: Version) -> bool:
        """Tell whether its history contains that generation, as far back as it is remembered."""
        return (version.generation, version.token) in self._standing.head.history

    @property
    def _documents(self) -> Documents:
        return self._standing.documents

    def _get(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        return self._standing.records.get(table, keys)

    def _at(self) -> int:
        return self._standing.stamp

    def _entry(self, doc_id: str) -> Entry:
        entry = self._documents.by_id.get(doc_id)
        if entry is None:
            raise NotFoundError(f"no document `{doc_id}` in the index")
        return entry

    def _pages(self, entry: Entry, numbers: Sequence[int]) -> list[tuple[Page, tuple[Removal, ...]]]:
        keys = [page_key(entry.number, number) for number in numbers]
        found = self._get(Table.RECORDS, keys)
        made = []
        for number, key in zip(numbers, keys, strict=True):
            one = PAGE.validate_json(found[key])
            removals = tuple(Removal(Span(number, start, end), kind) for start, end, kind in one.removals)
            made.append((Page(number, one.text, (), one.raw_map, one.needs_ocr), removals))
        return made

    def _passage_records(self, ids: Sequence[int]) -> dict[int, PassageRecord]:
        found = self._get(Table.RECORDS, [text_key(number) for number in ids])
        made = {number: PASSAGE.validate_json(found[text_key(number)]) for number in ids}
        for number, one in made.items():
            if text_sha256(one.text) != one.text_sha256:
                raise damaged(text_key(number), self._where)
        return made

    def _vectors(self, ids: Sequence[int], dim: int | None) -> dict[int, NDArray[np.float16]]:
        """Give the vectors of passages, of any length where that is not given."""
        found = self._get(Table.RECORDS, [vectors_key(number) for number in ids])
        made = {}
        for number in ids:
            data = found[vectors_key(number)]
            its_dim = int.from_bytes(data[:4], "little")
            size = len(data) - 4
            if not its_dim or size % (2 * its_dim) or dim not in {None, its_dim}:
                raise IndexFormatError(
                    f"stored vectors have {its_dim} numbers, not {dim}; run `citewell index --reencode`"
                )
            made[number] = np.frombuffer(data, "<f2", offset=4).reshape(-1, its_dim)
        return made

    def _sketches(self, entry: Entry) -> dict[int, NDArray[np.uint32]]:
        found = {
            int(str(row["id"])): sketch_of(str(row["sketch"]))
            for some in parts_of(entry.ids)
            for row in self._server.query(Table.PASSAGES, among("id", some), ["id", "sketch"], self._at())
        }
        if found.keys() != set(entry.ids):
            raise self._standing.records.missing(f"passages of d/{entry.number}")
        return found

    def _refusals(self) -> tuple[RefusalRecord, ...]:
        key = self._standing.head.refusals
        return REFUSALS.validate_json(self._get(Table.HEADS, [key])[key]) if key else ()


def _owner(document: Document) -> str:
    body = document.metadata.body
    return f"body {body}" if body else document.doc_id


def _passage(one: PassageRecord) -> Passage:
    return Passage(one.text, tuple(Span(*span) for span in one.spans), one.context, one.headings, one.sentences)


def _counted(names: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(name for name in names if name is not None).items()))
