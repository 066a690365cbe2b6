"""A Milvus server, or a file of Milvus Lite: the four tables of one index, and questions to them.

A result that is not whole is an error, never an answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.address import MilvusAddress
from indexer.collection import Engine
from indexer.errors import InputError
from indexer.milvus.connection import LITE_S, Connection, params_of, schema_of
from indexer.milvus.expressions import both, literal
from indexer.milvus.schema import KEYS, SCORED, WORDS, Field, differences, fields_of, indexes_of
from indexer.milvus.schema import Table as Table  # noqa: PLC0414 - whoever asks the server names tables

Row = Mapping[str, object]

WORDS_SINCE = (2, 5)  # the version of servers that score words
MAPPED_SINCE = (2, 4)  # that can leave a table on disk, mapped into memory
CALL_S = 30.0  # that a single call may take
MAKE_S = 300.0  # that making or loading a table may take
BATCH_BYTES = 8_000_000  # of rows in one call; Milvus takes up to 64 MB
MOST_ROWS = 16_384  # that Milvus gives for one query
# How much of the graph a search looks at. Measured with 40,000 clustered vectors of 384 numbers in two shards of
# Milvus 2.3.5, as the share of the ten nearest that is found: without a condition 1.000 from 64 on (11 ms on two busy
# processors). Where a condition lets few through, the graph falls apart. With 25, 15, 10 and 7.5 % let through at
# random, 64 finds .969 .928 .875 .833, 256 .993 .981 .961 .942, 1024 .998 .995 .989 .981 and 2048 1.0 .998 .991 .985
# (25 to 60 ms); 4096 no more. With conditions that go with the meaning 2048 finds .999 or more. Where less than 7 %
# is let through the server compares all of it.
EF = 128
EF_NARROW = 2048
MOST_EF = 32_768  # that Milvus takes


class Server:
    """The tables of one index; connects when first used, and threads may share it."""

    def __init__(self, address: MilvusAddress) -> None:
        self.address = address
        self._call_s = LITE_S if address.lite else CALL_S
        self._connection = Connection(address, [self._name(table) for table in Table])

    # --- what it is

    @cached_property
    def version(self) -> str:
        """Its version in numbers, such as 2.6.4; of Milvus Lite, that of the library."""
        said = str(self._connection.read(lambda client: client.get_server_version(timeout=self._call_s)))
        return found[0] if (found := re.search(r"\d+(\.\d+)+", said)) else said

    @cached_property
    def has_words(self) -> bool:
        """Tell whether it scores passages by their words.

        Old servers take the definition of such a table without a murmur, so this goes by the version; and a table
        that an old server made stays without words under a newer one.
        """
        if not self._is_since(WORDS_SINCE):
            return False
        there = self._described(Table.PASSAGES)["fields"] if self._has(Table.PASSAGES) else None
        return there is None or any(one["name"] == WORDS for one in there)

    @property
    def engine(self) -> Engine:
        """What it is and can do."""
        name = f"Milvus {'Lite ' if self.address.lite else ''}{self.version}"
        address = self.address
        return Engine(name, self.has_words, address.shards, address.replicas, is_exact=address.lite)

    # --- tables

    def exists(self) -> bool:
        """Tell whether all four tables are there."""
        if self.address.lite and not Path(self.address.uri).exists():
            return False  # connecting would make it
        return all(self._has(table) for table in Table)

    def ensure(self, dim: int) -> None:
        """Make and load what is missing of the tables.

        Raises InputError where a table is there with other fields, vectors or shards than are wanted.
        """
        if self.address.lite:
            Path(self.address.uri).parent.mkdir(parents=True, exist_ok=True)
        for table in Table:
            wanted = fields_of(table, dim, has_words=self.has_words)
            shards = 1 if table is Table.HEADS or self.address.lite else self.address.shards
            if not self._has(table):
                self._make(table, wanted, shards)
            elif found := differences(self._described(table), wanted, shards):
                raise InputError(
                    f"the index in {self.address.shown} has {found}: use the address and the model that it was made "
                    "with, or give the new index another name"
                )
            self._index(table)
        with ThreadPoolExecutor(1 if self.address.lite else len(Table)) as beside:  # a server takes 3 s for each
            list(beside.map(self._load, Table))

    def drop(self) -> None:
        """Remove all four tables."""
        for name in map(self._name, Table):
            self._connection.write(lambda client: client.drop_collection(name, timeout=self._call_s))  # noqa: B023 - called at once
        self.__dict__.pop("has_words", None)

    def flush(self, table: Table) -> None:
        """Have what was written so far put into files, which are searched faster."""
        self._connection.write(lambda client: client.flush(self._name(table), timeout=MAKE_S))

    def close(self) -> None:
        """Let go of the connection; another use connects again."""
        self._connection.close()

    # --- rows

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows, in the place of those with their keys."""
        for part in _parts(rows):
            self._upsert(table, part)

    def delete(self, table: Table, expression: str) -> None:
        """Delete all rows that an expression fits."""
        name = self._name(table)
        for _ in range(3):
            self._connection.write(
                lambda client: client.delete(
                    name, filter=expression, consistency_level="Strong", timeout=self._call_s
                )
            )
            if not self._count(table, expression, None):
                return
        raise self._connection.unusable(f"rows of the table of {table} are still there after they were deleted")

    def query(self, table: Table, expression: str, fields: Sequence[str], at: int | None = None) -> list[Row]:
        """Give the rows that an expression fits, in no order.

        `at` is the `stamp` of writes that must be seen; None sees all that was written before by anyone.
        """
        rows = self._rows(table, expression, fields, at, MOST_ROWS)
        if len(rows) < MOST_ROWS:
            return rows
        return [row for some in self.scan(table, expression, fields, at) for row in some]

    def scan(
        self, table: Table, expression: str, fields: Sequence[str], at: int | None = None
    ) -> Iterator[list[Row]]:
        """Give all rows that an expression fits, in parts and by their primary key, each exactly once."""
        key = KEYS[table]
        size = 4_000 if table is Table.PASSAGES else 200  # of records, each row may have 65 kB
        given, after = 0, ""
        while True:
            rows = self._rows(table, both(after, expression), [key, *fields], at, size, by_key=True)
            given += len(rows)
            if rows:
                yield rows
                after = f"{key} > {literal(rows[-1][key])}"  # type: ignore[arg-type]
            if len(rows) < size:
                if given >= self._count(table, expression, at):
                    return
                if not rows:
                    raise self._connection.unusable(f"{given} rows of the table of {table} came, and it counts more")

    def nearest(
        self,
        query: NDArray[np.float32],
        k: int,
        expression: str,
        at: int | None = None,
        *,
        narrow: bool = False,
    ) -> list[tuple[int, float]]:
        """Give up to k passages that an expression fits with their inner product to the query (dim,), best first.

        `narrow` says that it may fit a small part of them only, which takes more care.
        """
        ef = min(max(EF_NARROW if narrow else EF, 2 * k), MOST_EF)
        params = {} if self.address.lite else {"ef": ef}
        how = {"metric_type": "IP", "params": params}
        found = self._search("vector", query.astype(np.float32).tolist(), k, expression, at=at, how=how)
        # A search may leave the graph before it has come across k passages that fit.
        if len(found) < k and not self.address.lite and len(found) < self._count(Table.PASSAGES, expression, at):
            return self._nearest_of_all(query, k, expression, at)
        return found

    def by_words(self, tokens: str, k: int, expression: str, at: int | None = None) -> list[tuple[int, float]]:
        """Give up to k passages that an expression fits with their BM25 score for some tokens, best first."""
        how = {"metric_type": "BM25", "params": {"drop_ratio_search": 0.0}}  # no word is left out
        found = self._search(SCORED, tokens, k, expression, at=at, how=how)
        # Milvus gives scores; Milvus Lite gives distances, the smallest first.
        return [(passage_id, -score) for passage_id, score in found] if self.address.lite else found

    def stamp(self) -> int:
        """Give the timestamp of this process's last write to any table: a read at it sees them all."""
        return max(self._connection.last_write(self._name(table)) for table in Table)

    # --- tables, inside

    def _name(self, table: Table) -> str:
        return f"{self.address.name}_{table.value}"

    def _is_since(self, version: tuple[int, int]) -> bool:
        return self.address.lite or tuple(map(int, re.findall(r"\d+", self.version)[:2])) >= version

    def _has(self, table: Table) -> bool:
        return bool(
            self._connection.read(lambda client: client.has_collection(self._name(table), timeout=self._call_s))
        )

    def _described(self, table: Table) -> Mapping[str, Any]:
        return dict(
            self._connection.read(lambda client: client.describe_collection(self._name(table), timeout=self._call_s))
        )

    def _make(self, table: Table, wanted: Sequence[Field], shards: int) -> None:
        is_mapped = table is Table.RECORDS and not self.address.lite and self._is_since(MAPPED_SINCE)

        def make(client: Any) -> None:
            name = self._name(table)
            if not client.has_collection(name, timeout=self._call_s):  # as where the answer to the first try was lost
                client.create_collection(
                    name,
                    schema=schema_of(client, wanted),
                    num_shards=shards,
                    consistency_level="Strong",
                    properties={"mmap.enabled": "true"} if is_mapped else {},
                    timeout=MAKE_S,
                )

        self._connection.write(make)

    def _index(self, table: Table) -> None:
        """Make the indexes that are missing."""
        name = self._name(table)
        there = set(self._connection.read(lambda client: client.list_indexes(name, timeout=self._call_s)))
        for one in indexes_of(table, has_words=self.has_words, lite=self.address.lite):
            if one.field not in there:
                self._connection.write(
                    lambda client: client.create_index(name, params_of(client, one), timeout=MAKE_S)  # noqa: B023
                )

    def _load(self, table: Table) -> None:
        """Have the nodes hold a table for searching, as often as the address says."""
        name, replicas = self._name(table), self.address.replicas
        is_loaded = "Loaded" in str(
            self._connection.read(lambda client: client.get_load_state(name, timeout=self._call_s)["state"])
        )
        if is_loaded and not self.address.lite:
            groups = self._connection.read(lambda client: client.describe_replica(name, timeout=self._call_s))
            if len(groups) != replicas:
                self._connection.write(lambda client: client.release_collection(name, timeout=MAKE_S))
                is_loaded = False
        if not is_loaded:
            self._connection.write(
                lambda client: client.load_collection(name, replica_number=replicas, timeout=MAKE_S)
            )

    # --- rows, inside

    def _upsert(self, table: Table, rows: list[Row]) -> None:
        done = self._connection.write(lambda client: client.upsert(self._name(table), rows, timeout=self._call_s))
        if done["upsert_count"] != len(rows):
            raise self._connection.unusable(f"of {len(rows)} rows it took {done['upsert_count']}")

    def _rows(
        self,
        table: Table,
        expression: str,
        fields: Sequence[str],
        at: int | None,
        most: int,
        *,
        by_key: bool = False,
    ) -> list[Row]:
        # As the client's own iterators ask, without which Milvus need not give those with the lowest keys.
        order = {"iterator": "True", "reduce_stop_for_best": "True"} if by_key else {}
        wanted = list(dict.fromkeys(fields))
        rows = self._connection.ask(
            lambda client, most_s: client.query(
                self._name(table),
                filter=expression,
                output_fields=wanted,
                limit=most,
                timeout=most_s,
                **order,
                **_seeing(at),
            )
        )
        made: list[Row] = [dict(row) for row in rows]
        if by_key:
            made.sort(key=lambda row: _key(row[KEYS[table]]))
        return made

    def _count(self, table: Table, expression: str, at: int | None) -> int:
        name, count = self._name(table), "count(*)"
        rows = self._connection.ask(
            lambda client, most_s: client.query(
                name, filter=expression, output_fields=[count], timeout=most_s, **_seeing(at)
            )
        )
        return int(rows[0][count])

    def _search(
        self, field: str, query: object, k: int, expression: str, *, at: int | None, how: Mapping[str, Any]
    ) -> list[tuple[int, float]]:
        found = self._connection.ask(
            lambda client, most_s: client.search(
                self._name(Table.PASSAGES),
                data=[query],
                anns_field=field,
                filter=expression,
                limit=min(k, MOST_ROWS),
                search_params=dict(how),
                timeout=most_s,
                **_seeing(at),
            )
        )
        return [(int(hit["id"]), float(hit["distance"])) for hit in found[0]]

    def _nearest_of_all(
        self, query: NDArray[np.float32], k: int, expression: str, at: int | None
    ) -> list[tuple[int, float]]:
        found: list[tuple[int, float]] = []
        for rows in self.scan(Table.PASSAGES, expression, ["vector"], at):
            scores = np.array([row["vector"] for row in rows], np.float32) @ query
            found += [(int(str(row["id"])), float(score)) for row, score in zip(rows, scores, strict=True)]
            found = sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]
        return found


def _seeing(at: int | None) -> dict[str, Any]:
    if at is None:
        return {"consistency_level": "Strong"}
    return {"consistency_level": "Customized", "guarantee_timestamp": at}


def _parts(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Cut rows into parts of some megabytes."""
    part: list[Row] = []
    size = 0
    for row in rows:
        more = sum(map(_size, row.values()))
        if part and size + more > BATCH_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += more
    if part:
        yield part


def _size(value: object) -> int:
    """Give the bytes of a value, about."""
    if isinstance(value, str):
        return len(value.encode())
    return 8 * len(value) if isinstance(value, Sequence) else 8


def _key(value: object) -> tuple[int, str]:
    """Give what primary keys are sorted by, which are numbers or texts."""
    return (value, "") if isinstance(value, int) else (0, str(value))
