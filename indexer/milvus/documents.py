"""The documents of a generation in memory, brought up to date from one generation to the next."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import TypeAdapter

from indexer.milvus.expressions import both
from indexer.milvus.server import Row, Server, Table
from indexer.milvus.tables import damaged, document_key, put_together
from indexer.records import Document


@dataclass(frozen=True)
class Entry:
    """A document, and where what was made of it is."""

    number: int
    document: Document
    recipe: str
    first: int  # id of its first passage; the others follow
    passages: int
    pages: int
    needs_ocr: int  # pages without text
    furniture: Mapping[str, int] = field(default_factory=dict)  # kind of removal -> how often

    @property
    def ids(self) -> range:
        """The ids of its passages."""
        return range(self.first, self.first + self.passages)


class Documents:
    """Some documents; never changes, so threads may share it."""

    def __init__(self, by_number: Mapping[int, Entry]) -> None:
        self.by_number = by_number

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """All, by `doc_id`."""
        return {entry.document.doc_id: entry for entry in self.by_number.values()}

    @cached_property
    def in_order(self) -> list[Entry]:
        """All, by folder and path."""
        return sorted(self.by_number.values(), key=lambda one: (one.document.root, one.document.path))

    @cached_property
    def passages(self) -> int:
        """How many passages they have."""
        return sum(entry.passages for entry in self.by_number.values())

    @cached_property
    def furniture(self) -> dict[str, int]:
        """How often each kind of removal is in them."""
        total: Counter[str] = Counter()
        for entry in self.by_number.values():
            total.update(entry.furniture)
        return dict(sorted(total.items()))

    def of_passage(self, passage: int) -> Entry | None:
        """Give the document of a passage; None where it is none of theirs."""
        at = bisect_right(self._firsts, passage) - 1
        return self._by_passage[at] if at >= 0 and passage in self._by_passage[at].ids else None

    def changed(self, added: Iterable[Entry], gone: Collection[int]) -> "Documents":
        """Give the documents after a change."""
        kept = {number: entry for number, entry in self.by_number.items() if number not in gone}
        return Documents(kept | {entry.number: entry for entry in added})

    @cached_property
    def _by_passage(self) -> list[Entry]:
        return sorted((one for one in self.by_number.values() if one.passages), key=lambda one: one.first)

    @cached_property
    def _firsts(self) -> list[int]:
        return [entry.first for entry in self._by_passage]


def read_documents(server: Server, where: str, bounds: str, at: int, *, after: int = 0) -> list[Entry]:
    """Read the documents of a generation that were added after an earlier one. Raises IndexFormatError."""
    expression = both(bounds, f"added > {after}") if after else bounds
    rows: list[Row] = []
    for some in server.scan(Table.DOCUMENTS, expression, ["key", "data"], at):
        rows += some
    made = []
    for key, data in put_together(rows).items():
        entry = _ENTRY.validate_json(data) if data is not None else None
        if entry is None or document_key(entry.number) != key:
            raise damaged(key, where)
        made.append(entry)
    return made


def entry_bytes(entry: Entry) -> bytes:
    """Write what `read_documents` reads."""
    return _ENTRY.dump_json(entry)


_ENTRY = TypeAdapter(Entry)
