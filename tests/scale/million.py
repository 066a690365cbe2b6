"""A million passages in a Milvus cluster and in the embedded index, side by side: `python -m tests.scale.million`.

What is invented is told in `tests.scale.crowd`. Each store is asked as the service asks it. Two clusters on one
machine want the same port, so give this one a network of its own where there may be another:

    unshare --net sh -c 'ip link set lo up; exec python -m tests.scale.million --out FILE.json'
"""

import argparse
import json
import os
import re
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.address import read_address
from indexer.dense.nearest import Nearest, fast, keep_numpy_to_one_thread
from indexer.milvus.expressions import both, expression, visible
from indexer.milvus.repeated import sketch_text
from indexer.milvus.server import Row, Server, Table
from indexer.milvus.tables import among, page_key, text_key, vectors_key
from indexer.records import Document
from indexer.where import EVERYTHING, FactSheet, Where
from tests.scale.cluster import Cluster
from tests.scale.crowd import A_DOCUMENT, DIM, TOP, conditions, documents, exact, questions, vectors

WARM_UP, THREADS = 20, 4
LOADED_AT_ONCE = 5_000  # rows given to the server at once
COME_BACK_S = 900.0  # that query nodes may take after a restart
SETTLED_S = 12.0  # for which an index must stay as it is to count as ready
# Characters of a passage's rows in the table of records, measured on 224 reports with vectors of all sentences.
RECORDS: dict[Callable[[int], str], int] = {vectors_key: 5775, text_key: 1159, partial(page_key, 0): 741}

Ask = Callable[[NDArray[np.float32], Where], list[int]]
Told = dict[str, Any]  # what goes into the JSON


# --- how a store is asked


def measured(ask: Ask, asked: NDArray[np.float32], best: Mapping[str, list[set[int]]]) -> Told:
    """Ask all questions under each condition, one after the other and then THREADS at once."""
    made: Told = {}
    for name, wanted in best.items():
        given = [(question, conditions(number)[name]) for number, question in enumerate(asked)]
        for one in given[:WARM_UP]:
            ask(*one)
        took, found = zip(*(_timed(ask, *one) for one in given), strict=True)
        p50, p95 = (1000 * np.percentile(took, [50, 95])).tolist()
        begun = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda one: ask(*one), given))
        per_s = len(given) / (time.monotonic() - begun)
        made[name] = {"p50_ms": p50, "p95_ms": p95, "recall": recall(found, wanted), "per_s": per_s}
    return made


def recall(found: Sequence[Sequence[int]], wanted: Sequence[set[int]]) -> float:
    """Give the share of what is wanted that was found."""
    hits = sum(len(set(some) & those) for some, those in zip(found, wanted, strict=True))
    return hits / max(1, sum(map(len, wanted)))


def _timed(ask: Ask, question: NDArray[np.float32], condition: Where) -> tuple[float, list[int]]:
    begun = time.monotonic()
    found = ask(question, condition)
    return time.monotonic() - begun, found


# --- the embedded index


def embedded(held: NDArray[np.float16], file: Path, facts: FactSheet, told: Told) -> Ask:
    """Make the index and its file; give how to ask it."""
    ids = np.arange(len(held))
    owners = ids // A_DOCUMENT
    cpu = time.process_time()
    with _noting(told, "build_s"):
        made = fast(ids, held)
        made.write(file)
    told["build_cpu_s"] = time.process_time() - cpu
    told["file_mb"] = file.stat().st_size / 1e6
    told["approximation"] = str(made.approximation)
    keep_numpy_to_one_thread()
    index = Nearest.read(file, made.last, made.approximation)
    none = np.empty(0, np.int64)

    def ask(question: NDArray[np.float32], condition: Where) -> list[int]:
        allowed = None if condition == EVERYTHING else ids[facts.fitting(condition)[owners]]
        return [number for number, _ in index.search(question, TOP, allowed, none)]

    return ask


def mapped(file: Path) -> int:
    """Measure the bytes of a file that this process has in memory."""
    parts = re.split(r"^[0-9a-f]+-[0-9a-f]+ .* (.*)\n", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    sizes = [re.search(r"^Rss: +(\d+) kB", rest, re.MULTILINE) for name, rest in pairwise(parts) if name == str(file)]
    return sum(1024 * int(size[1]) for size in sizes if size)


# --- the cluster


@dataclass(frozen=True)
class Milvus:
    """An index in a running cluster."""

    cluster: Cluster
    server: Server
    client: Any  # pymilvus.MilvusClient, for what the server's own parts say of themselves

    @staticmethod
    @contextmanager
    def started(folder: Path, shards: int, replicas: int) -> Iterator["Milvus"]:
        """Start a cluster with an empty index."""
        from pymilvus import MilvusClient  # type: ignore[import-untyped]

        with Cluster.started(folder) as cluster:
            address = read_address(f"milvus+http://{cluster.address}/million?shards={shards}&replicas={replicas}")
            server, client = Server(address), MilvusClient(f"http://{cluster.address}", dedicated=True)
            server.ensure(DIM)
            try:
                yield Milvus(cluster, server, client)
            finally:
                client.close()
                server.close()

    def load(self, held: NDArray[np.float16], papers: Sequence[Document], told: Told) -> None:
        """Write all passages."""
        chance, sent_s = np.random.default_rng(5), 0.0
        with _noting(told, "load_s"):
            for start in range(0, len(held), LOADED_AT_ONCE):
                part = enumerate(held[start : start + LOADED_AT_ONCE].tolist(), start=start)
                rows = [_row(number, vector, papers[number // A_DOCUMENT], chance) for number, vector in part]
                begun = time.monotonic()
                self.server.upsert(Table.PASSAGES, rows)
                sent_s += time.monotonic() - begun
                told["loaded"] = start + len(rows)
                if start % (10 * LOADED_AT_ONCE) == 0:
                    say(f"{told['loaded']:,} rows")
        told["rows_per_s"] = len(held) / sent_s  # without the time for inventing them
        with _noting(told, "flush_s"):
            self.server.flush(Table.PASSAGES)

    def ask(self) -> Ask:
        """Give how to ask it, as the service does: for what its generation sees, at its last write."""
        at, seen = self.server.stamp(), visible(1, (), ())

        def ask(question: NDArray[np.float32], condition: Where) -> list[int]:
            within, narrow = both(seen, expression(condition)), condition != EVERYTHING
            return [number for number, _ in self.server.nearest(question, TOP, within, at, narrow=narrow)]

        return ask

    def until_ready(self, table: Table, count: int, patience_s: float) -> Told:
        """Wait until all rows are in files with indexes and the query nodes hold these; tell how far that came."""
        begun = since = time.monotonic()
        before: Told = {}
        while True:
            told, now = self._state(table), time.monotonic()
            if told != before:
                before, since = told, now
                say(str(told))
            is_ready = told["sealed"] >= count * self.server.address.replicas and not told["pending"]
            if is_ready and now > since + SETTLED_S:
                return {**told, "ready_s": since - begun}
            if now > begun + patience_s:
                return {**told, "gave_up_after_s": now - begun}
            time.sleep(1)

    def restart(self, table: Table, count: int, told: Told) -> None:
        """Restart the query nodes, which then hold what they need and no garbage, and note their memory."""
        nodes = [name for name in self.cluster.roles if name.startswith("query")]
        with _noting(told, "restart_s"):
            for name in nodes:
                self.cluster.kill(name)
            for name in nodes:
                self.cluster.restart(name)
            self._until_answering(table, count)
        self.until_ready(table, count, 60)
        told["fresh_mb"] = self.memory_mb()

    def records(self, count: int, told: Told) -> None:
        """Write what the table of records has of so many passages; note what it takes and how fast it is read."""
        chance = np.random.default_rng(6)
        told["before_mb"] = self.memory_mb()
        with _noting(told, "load_s"):
            for start in range(0, count, 500):
                keys = [(key(number), size) for number in range(start, start + 500) for key, size in RECORDS.items()]
                data = [b64encode(chance.bytes(size)).decode()[:size] for _, size in keys]
                rows = [
                    {"key": key, "document": 0, "added": 1, "data": text, "nothing": [0.0, 0.0]}
                    for (key, _), text in zip(keys, data, strict=True)
                ]
                self.server.upsert(Table.RECORDS, rows)
            self.server.flush(Table.RECORDS)
        total = -(-count // 500) * 500 * len(RECORDS)
        told |= self.until_ready(Table.RECORDS, total, 300)
        told["after_mb"] = self.memory_mb()
        self.restart(Table.RECORDS, total, told)
        at = self.server.stamp()
        for label, some, key in (("200 v", 200, vectors_key), ("60 t", 60, text_key)):
            took = []
            for _ in range(60):
                wanted = among([key(int(one)) for one in chance.choice(count, some, replace=False)])
                begun = time.monotonic()
                assert len(self.server.query(Table.RECORDS, wanted, ["key", "data"], at)) == some
                took.append(1000 * (time.monotonic() - begun))
            told[f"{label} p50_ms"], told[f"{label} p95_ms"] = np.percentile(took[10:], [50, 95]).tolist()

    def memory_mb(self) -> dict[str, float]:
        """Measure the memory of each role."""
        return {name: size / 1e6 for name, size in self.cluster.memory().items()}

    def cpu_s(self) -> dict[str, float]:
        """Measure the seconds of processor that each role has used."""
        tick, used = os.sysconf("SC_CLK_TCK"), {}
        for name, process in self.cluster.processes.items():
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            used[name] = (int(fields[11]) + int(fields[12])) / tick
        return used

    def _name(self, table: Table) -> str:
        return f"{self.server.address.name}_{table.value}"

    def _state(self, table: Table) -> Told:
        from pymilvus.grpc_gen.common_pb2 import Sealed  # type: ignore[import-untyped]

        index = self.client.describe_index(self._name(table), "vector" if table is Table.PASSAGES else "nothing")
        held = self.client.list_loaded_segments(self._name(table))
        return {
            "indexed": int(index["indexed_rows"]),
            "pending": int(index["pending_index_rows"]),
            "sealed": sum(one.num_rows * len(one.node_ids) for one in held if one.state == Sealed),
            "files": len(held),
        }

    def _until_answering(self, table: Table, count: int) -> None:
        """Wait until it counts all rows, and say what it says until then.

        A query node that comes back answers for some seconds without its rows and without an error: a fault of Milvus
        that was mended in November 2024 (its pull request 36549).
        """
        from pymilvus import MilvusException

        end = time.monotonic() + COME_BACK_S
        while time.monotonic() < end:
            try:
                how = {"output_fields": ["count(*)"], "consistency_level": "Strong", "timeout": 30}
                rows = self.client.query(self._name(table), filter="", **how)
                if rows[0]["count(*)"] == count:
                    return
                say(
                    f"{rows[0]['count(*)']:,} rows, without an error; {self.client.get_load_state(self._name(table))}"
                )
            except MilvusException as error:
                say(f"not yet: {error}"[:150])
            time.sleep(1)
        raise TimeoutError(f"the table of {table} does not come back")


def _row(number: int, vector: list[float], paper: Document, chance: np.random.Generator) -> Row:
    known = paper.metadata
    return {
        "id": number, "vector": vector, "document": number // A_DOCUMENT, "added": 1, "body": known.body,
        "kind": known.kind, "published": known.published.toordinal() if known.published else -1,
        "page": number % A_DOCUMENT // 4 + 1, "sketch": sketch_text(chance.integers(0, 2**32, 24, np.uint32)),
        "input": int(chance.integers(-(2**63), 2**63 - 1)),
    }  # fmt: skip


# --- what is told


def measure(told: Told, folder: Path, patience_s: float, keep: Callable[[], None]) -> None:
    """Measure both, noting what is found as it is found; `keep` puts that into a file."""
    count, file = told["passages"], folder / "embedded.faiss"
    theirs, ours = told.setdefault("milvus", {}), told.setdefault("embedded", {})
    papers = documents(count)
    facts = FactSheet.of(range(len(papers)), papers)
    held, asked = vectors(count, 0, count), questions(count)
    best = exact(asked, held, facts)
    with Milvus.started(folder / "cluster", told["shards"], told["replicas"]) as milvus:
        theirs["empty_mb"] = milvus.memory_mb()
        milvus.load(held, papers, theirs)
        flushed = time.monotonic()
        theirs |= {"loaded_mb": milvus.memory_mb(), "loaded_cpu_s": milvus.cpu_s()}
        keep()
        # Meanwhile the cluster makes its index: hence the seconds of processor, besides those of the clock.
        ask_ours = embedded(held, file, facts, ours)
        keep()
        theirs |= milvus.until_ready(Table.PASSAGES, count, patience_s)
        theirs |= {
            "index_s": time.monotonic() - flushed,
            "ready_mb": milvus.memory_mb(),
            "ready_cpu_s": milvus.cpu_s(),
        }
        theirs["disk_mb"] = _size(folder / "cluster" / "store") / 1e6
        keep()
        theirs["asked"] = measured(milvus.ask(), asked, best)
        theirs["asked_mb"] = milvus.memory_mb()
        keep()
        ours["asked"] = measured(ask_ours, asked, best)
        ours |= {"mapped_mb": mapped(file) / 1e6, "bytes_a_passage": 1e6 * ours["file_mb"] / count}
        keep()
        milvus.restart(Table.PASSAGES, count, theirs)
        grown = [theirs["fresh_mb"][name] - size for name, size in theirs["empty_mb"].items() if "query" in name]
        theirs["bytes_a_passage"] = 1e6 * sum(grown) / count
        keep()
        if told["records"]:
            milvus.records(told["records"], theirs.setdefault("records", {}))


def as_table(told: Told) -> str:
    """Write the answers of both as a table."""
    lines = [f"{'':34}{'p50 ms':>9}{'p95 ms':>9}{'recall':>9}{'a second':>10}"]
    for store in ("milvus", "embedded"):
        for name, one in told[store].get("asked", {}).items():
            line = f"{one['p50_ms']:9.1f}{one['p95_ms']:9.1f}{one['recall']:9.4f}{one['per_s']:10.0f}"
            lines.append(f"{store:10}{name:24}{line}")
    return "\n".join(lines)


def say(text: str) -> None:
    """Tell what goes on, when, and how busy the machine is."""
    print(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:4.1f}  {text}", flush=True)


@contextmanager
def _noting(told: Told, name: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    told[name] = time.monotonic() - begun
    say(f"{name} {told[name]:.1f}")


def _size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.million")
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument(
        "--records", type=int, default=0, help="passages whose texts and vectors are measured as well"
    )
    parser.add_argument("--patience", type=float, default=7200, help="seconds to wait for the cluster's index")
    parser.add_argument("--out", type=Path, help="file for all figures as JSON, written as they come")
    given = parser.parse_args()
    told: Told = {name: getattr(given, name) for name in ("passages", "shards", "replicas", "records")}

    def keep() -> None:
        if given.out:
            given.out.write_text(json.dumps(told, indent=1))

    with tempfile.TemporaryDirectory() as folder:
        try:
            measure(told, Path(folder), given.patience, keep)
        finally:
            keep()
    print(json.dumps(told, indent=1))
    print(as_table(told))


if __name__ == "__main__":
    main()
