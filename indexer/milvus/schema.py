"""The four tables of an index in Milvus: their fields and indexes, as plain values."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple


class Table(StrEnum):
    """What a table holds; its name in Milvus begins with that of the index."""

    HEADS = "heads"  # which generation is the newest, and who writes
    DOCUMENTS = "documents"
    RECORDS = "records"  # texts of pages and passages, and their vectors
    PASSAGES = "passages"  # what is searched


class Field(NamedTuple):
    """One field of a table: a type as Milvus names it, and what belongs to it."""

    name: str
    type: str
    params: Mapping[str, Any]


class Index(NamedTuple):
    """What makes a field quick to look through."""

    field: str
    type: str
    metric: str = ""
    params: Mapping[str, Any] = {}


LONGEST = 65_535  # bytes of a text, Milvus's limit
LONGEST_KEY = 200
KEYS = {Table.HEADS: "key", Table.DOCUMENTS: "key", Table.RECORDS: "key", Table.PASSAGES: "id"}
WORDS, SCORED = "words", "bm25"  # tokens of a passage, and what the server makes of them

_TEXT = {"max_length": LONGEST}
_DIVIDED = {"enable_analyzer": True, "enable_match": True, "analyzer_params": {"tokenizer": "standard"}}


def fields_of(table: Table, dim: int, *, has_words: bool) -> list[Field]:
    """Give the fields of a table, the primary key first."""
    if table is not Table.PASSAGES:
        return [
            Field("key", "VARCHAR", {"max_length": LONGEST_KEY, "is_primary": True}),
            Field("document", "INT64", {}),
            Field("added", "INT64", {}),  # number of the attempt that wrote the row
            Field("data", "VARCHAR", _TEXT),
            Field("nothing", "FLOAT_VECTOR", {"dim": 2}),  # as Milvus has no table without a vector
        ]
    made = [
        Field("id", "INT64", {"is_primary": True}),
        Field("vector", "FLOAT_VECTOR", {"dim": dim}),
        Field("document", "INT64", {}),
        Field("added", "INT64", {}),
        Field("body", "VARCHAR", _TEXT),  # "" where unknown, as also for the kind
        Field("kind", "VARCHAR", _TEXT),
        Field("published", "INT64", {}),  # proleptic day number, -1 where unknown
        Field("page", "INT64", {}),  # that it begins on
        Field("sketch", "VARCHAR", _TEXT),  # base64 of little-endian u4
        Field("input", "INT64", {}),  # the first 8 bytes, signed, of the hash of what was encoded
    ]
    if has_words:
        made += [Field(WORDS, "VARCHAR", {**_TEXT, **_DIVIDED}), Field(SCORED, "SPARSE_FLOAT_VECTOR", {})]
    return made


def indexes_of(table: Table, *, has_words: bool, lite: bool) -> list[Index]:
    """Give the indexes of a table; Lite, which is for trials, looks through all vectors."""
    if table is not Table.PASSAGES:
        return [Index("nothing", "FLAT", "L2")]
    graph = Index("vector", "HNSW", "IP", {"M": 16, "efConstruction": 200})
    made = [
        Index("vector", "FLAT", "IP") if lite else graph,
        Index("input", "INVERTED" if lite else "STL_SORT"),
    ]
    if has_words:
        # As Tantivy counts.
        made.append(Index(SCORED, "SPARSE_INVERTED_INDEX", "BM25", {"bm25_k1": 1.2, "bm25_b": 0.75}))
    return made


def differences(described: Mapping[str, Any], wanted: Sequence[Field], shards: int) -> str:
    """Say in what a table, as the client describes it, differs from what is wanted; "" where in nothing."""
    there = {one["name"]: (one["type"].name, one["params"].get("dim")) for one in described["fields"]}
    expected = {one.name: (one.type, one.params.get("dim")) for one in wanted}
    if there.keys() != expected.keys():
        return f"the fields {', '.join(sorted(there))} where {', '.join(sorted(expected))} are wanted"
    for name, (kind, dim) in expected.items():
        if there[name] == (kind, dim):
            continue
        if there[name][0] == kind:
            return f"vectors of {there[name][1]} numbers where the model makes {dim}"
        return f"a field `{name}` of type {there[name][0]} where {kind} is wanted"
    if described["num_shards"] != shards:
        return f"{described['num_shards']} shards where the address says {shards}"
    return ""
