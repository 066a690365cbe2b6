"""Documents, pages, passages, vectors and generations: the truth of an index, kept in SQLite.

A sync is one transaction that raises `generation` by one. Passage ids only grow and are never reused, and removed
ones leave tombstones, so "what changed since generation g" is a query and derived indexes can catch up with it.
Readers see one generation from the start to the end of a `reading()` block, whatever a writer does meanwhile.
"""

from indexer.store.reader import Reader
from indexer.store.rows import DocumentRow, stored_document
from indexer.store.salvage import Problem, Salvage, inspect, put_in_place, salvage_most
from indexer.store.store import Store
from indexer.store.writer import Writer

__all__ = [
    "DocumentRow",
    "Problem",
    "Reader",
    "Salvage",
    "Store",
    "Writer",
    "inspect",
    "put_in_place",
    "salvage_most",
    "stored_document",
]
