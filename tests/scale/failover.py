"""What becomes of questions and writes when a node dies: `python -m tests.scale.failover [--hosts [--cut]]`.

One thread writes passages, two ask for passages whose exact answer is known; then a query node is killed, or a whole
host, while they go on.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from indexer.address import MilvusAddress, read_address
from indexer.errors import CitewellError
from indexer.milvus.server import Row, Server, Table
from tests.scale.cluster import Cluster, tell
from tests.scale.hosts import Hosts

DIM, TOPICS, EACH = 64, 400, 10  # each topic has that many passages, which are far from all others
WRITTEN = TOPICS  # the document of what is written meanwhile
AT_ONCE = 10  # passages in one write
QUIET_S = 15.0  # within which there may be errors


@dataclass(frozen=True)
class Failover:
    """What was seen around the death of a node."""

    answered: int
    errors: int
    last_error_s: float  # after the kill; 0 without errors
    slowest_s: float  # answer
    short: int  # answers with fewer passages than there are
    wrong: int  # answers with others
    acknowledged: int  # passages written
    write_errors: int
    slowest_write_s: float
    lost: int  # of the acknowledged, not found afterwards
    first_error: str

    def complaints(self) -> Iterator[str]:
        """Say what may not be."""
        if self.short or self.wrong:
            yield f"{self.short} answers are short and {self.wrong} wrong"
        if self.lost:
            yield f"{self.lost} of {self.acknowledged} acknowledged passages are lost"
        if self.last_error_s > QUIET_S:
            yield f"there are errors {self.last_error_s:.1f} s after the kill: {self.first_error}"
        if not self.answered or not self.acknowledged:
            yield "nothing was answered or written"


@dataclass
class Asked:
    """What one thread saw."""

    answered: int = 0
    short: int = 0
    wrong: int = 0
    slowest_s: float = 0.0
    errors: list[tuple[float, str]] = field(default_factory=list)  # when, by the clock, and what

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take note of how long something takes, and of its error."""
        begun = time.monotonic()
        try:
            yield
        except CitewellError as error:
            self.errors.append((time.monotonic(), str(error)))
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun)


def measure(
    address: MilvusAddress, kill: Callable[[], None], *, before_s: float = 3.0, after_s: float = 30.0
) -> Failover:
    """Write and ask, kill a node meanwhile, and count. `address` is of an index that is not there yet."""
    server = Server(address)
    topics = _passages(server)
    at = server.stamp()
    stop = Event()
    try:
        with ThreadPoolExecutor(3) as pool:
            try:
                writing = pool.submit(_write, address, stop)
                nearest = pool.submit(_ask, stop, lambda topic: _nearest(server, topics[topic], at))
                listed = pool.submit(_ask, stop, lambda topic: _listed(server, topic, at))
                time.sleep(before_s)
                killed = time.monotonic()
                kill()
                time.sleep(after_s)
            finally:
                stop.set()
        wrote, acknowledged = writing.result()
        asked = [nearest.result(), listed.result()]
        found = {row["id"] for rows in server.scan(Table.PASSAGES, f"document == {WRITTEN}", ["id"]) for row in rows}
    finally:
        server.close()
    errors = sorted(error for one in asked for error in one.errors)
    return Failover(
        answered=sum(one.answered for one in asked),
        errors=len(errors),
        last_error_s=errors[-1][0] - killed if errors else 0.0,
        slowest_s=max(one.slowest_s for one in asked),
        short=sum(one.short for one in asked),
        wrong=sum(one.wrong for one in asked),
        acknowledged=len(acknowledged),
        write_errors=len(wrote.errors),
        slowest_write_s=wrote.slowest_s,
        lost=len(acknowledged - found),
        first_error=(errors or wrote.errors or [(0.0, "")])[0][1],
    )


def _passages(server: Server) -> NDArray[np.float32]:
    """Make an index of topics with their passages, and give the middle of each topic (topics, DIM)."""
    noise = np.random.default_rng(1)
    topics = _unit(noise.normal(size=(TOPICS, DIM)))
    vectors = _unit(np.repeat(topics, EACH, axis=0) + noise.normal(scale=0.03, size=(TOPICS * EACH, DIM)))
    server.ensure(DIM)
    server.upsert(Table.PASSAGES, [_row(number, vector, number // EACH) for number, vector in enumerate(vectors)])
    server.flush(Table.PASSAGES)
    return topics


def _write(address: MilvusAddress, stop: Event) -> tuple[Asked, set[int]]:
    """Write until told to stop; give the ids that were acknowledged."""
    noise, seen, acknowledged = np.random.default_rng(2), Asked(), set[int]()
    server, first = Server(address), TOPICS * EACH
    try:
        while not stop.is_set():
            ids = range(first, first := first + AT_ONCE)
            rows = [_row(number, _unit(noise.normal(size=DIM)), WRITTEN) for number in ids]
            with seen.timed():
                server.upsert(Table.PASSAGES, rows)
                acknowledged.update(ids)
    finally:
        server.close()
    return seen, acknowledged


def _ask(stop: Event, ask: Callable[[int], set[object]]) -> Asked:
    """Ask about one topic after another until told to stop; each has the passages of its number."""
    chosen, seen = random.Random(3), Asked()
    while not stop.is_set():
        topic = chosen.randrange(TOPICS)
        with seen.timed():
            found = ask(topic)
            seen.answered += 1
            seen.short += len(found) < EACH
            seen.wrong += len(found) >= EACH and found != set(range(EACH * topic, EACH * topic + EACH))
    return seen


def _nearest(server: Server, middle: NDArray[np.float32], at: int) -> set[object]:
    return {number for number, _ in server.nearest(middle, EACH, "", at)}


def _listed(server: Server, topic: int, at: int) -> set[object]:
    return {row["id"] for row in server.query(Table.PASSAGES, f"document == {topic}", ["id"], at)}


def _row(number: int, vector: NDArray[np.float32], document: int) -> Row:
    return {
        "id": number, "vector": vector.tolist(), "document": document, "added": 1, "body": "", "kind": "",
        "published": -1, "page": 1, "sketch": "", "input": number,
    }  # fmt: skip


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    made: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return made


def main() -> None:
    """Start a cluster, kill a part of it, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.failover", description=__doc__)
    parser.add_argument("--hosts", action="store_true", help="kill one of two hosts, instead of a query node")
    parser.add_argument(
        "--cut", action="store_true", help="with --hosts: cut its wire first, so that no connection ends"
    )
    given = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, _started(Path(name), given.hosts, given.cut) as (cluster, kill):
        tell(cluster, time.monotonic() - begun)
        seen = measure(address_of(cluster), kill)
        tell(cluster, time.monotonic() - begun)
    print(seen)
    for complaint in seen.complaints():
        print(f"NOT GOOD ENOUGH: {complaint}")


def address_of(cluster: Cluster, name: str = "failover") -> MilvusAddress:
    """Give the address of an index with two shards, each of which two nodes hold."""
    return read_address(f"milvus+http://{cluster.address}/{name}?shards=2&replicas=2")


@contextmanager
def _started(folder: Path, many: bool, cut: bool) -> Iterator[tuple[Cluster, Callable[[], None]]]:
    if many:
        with Hosts.started(folder) as hosts:
            yield hosts.cluster, lambda: hosts.cut("b") if cut else hosts.kill("b")
    else:
        with Cluster.started(folder) as cluster:
            yield cluster, lambda: cluster.kill("query1")


if __name__ == "__main__":
    main()
