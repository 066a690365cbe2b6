"""A real Milvus cluster: it is what it is taken for, outlives a query node, and leaves nothing behind."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.address import MilvusAddress
from indexer.milvus.server import Row, Server, Table
from tests.scale import cluster as clusters
from tests.scale import failover
from tests.scale.cluster import PATIENCE_S, Cluster, ClusterError, Role
from tests.scale.failover import Failover
from tests.scale.processes import host, working_in

ROOT = Path(__file__).parents[2]
GOOD = Failover(100, 1, 9.0, 9.5, 0, 0, 50, 0, 0.1, 0, "gone")


def test_it_is_the_milvus_that_is_meant(cluster: Cluster) -> None:
    """The server says so itself."""
    server = Server(failover.address_of(cluster, "smoke"))
    try:
        assert server.version == "2.3.5"
    finally:
        server.close()


def test_an_index_is_in_two_shards_of_two_replicas(cluster: Cluster) -> None:
    """As each query node says of itself."""
    from pymilvus import DataType, MilvusClient  # type: ignore[import-untyped]

    client = MilvusClient(f"http://{cluster.address}", dedicated=True)
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    client.create_collection("pair", schema=schema, num_shards=2)
    client.create_index("pair", index)
    client.load_collection("pair", replica_number=2)
    assert client.describe_collection("pair")["num_shards"] == 2
    replicas = client.describe_replica("pair")
    assert len(replicas) == 2
    assert [len(replica.shards) for replica in replicas] == [2, 2]
    assert len({node for replica in replicas for node in replica.group_nodes}) == 2
    client.drop_collection("pair")
    client.close()


def test_a_query_node_that_dies_takes_nothing_with_it(cluster: Cluster) -> None:
    """No passage is lost and no answer wrong; and the node can come back."""
    seen = failover.measure(failover.address_of(cluster), lambda: cluster.kill("query1"), before_s=2, after_s=13)
    assert cluster.memory()["query1"] == 0
    cluster.restart("query1")
    assert cluster.memory()["query1"] > 2**20
    assert list(seen.complaints()) == []


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (replace(GOOD, short=1), "short"),
        (replace(GOOD, wrong=1), "wrong"),
        (replace(GOOD, lost=1), "lost"),
        (replace(GOOD, last_error_s=16.0), "16.0 s after"),
        (replace(GOOD, answered=0), "nothing"),
    ],
)
def test_the_instrument_complains(seen: Failover, says: str) -> None:
    """Of each thing that may not be, and of nothing else."""
    (complaint,) = seen.complaints()
    assert says in complaint
    assert list(GOOD.complaints()) == []


class Faulty:
    """A server in memory that does one thing wrong."""

    fault = ""
    rows: ClassVar[dict[int, Row]] = {}

    def __init__(self, address: MilvusAddress) -> None:
        self.address = address

    def ensure(self, dim: int) -> None:
        self.rows.clear()

    def flush(self, table: Table) -> None:
        pass

    def close(self) -> None:
        pass

    def stamp(self) -> int:
        return 0

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        time.sleep(0.001)  # so that questions are asked as well
        kept = rows[1:] if self.fault == "lost" and len(rows) == failover.AT_ONCE else rows
        self.rows.update({int(str(row["id"])): row for row in kept})  # at once, while others read

    def query(self, table: Table, expression: str, fields: Sequence[str], at: int | None = None) -> list[Row]:
        found = self.of(expression)
        return found[1:] if self.fault == "short" else found

    def nearest(
        self, query: NDArray[np.float32], k: int, expression: str, at: int | None = None
    ) -> list[tuple[int, float]]:
        fit = [(number, float(query @ np.array(row["vector"]))) for number, row in self.rows.copy().items()]
        fit.sort(key=lambda hit: -hit[1])
        return fit[1 : k + 1] if self.fault == "wrong" else fit[:k]

    def scan(self, table: Table, expression: str, fields: Sequence[str]) -> Iterator[list[Row]]:
        yield self.of(expression)

    def of(self, expression: str) -> list[Row]:
        wanted = int(expression.rpartition(" ")[2])
        return [row for row in self.rows.copy().values() if row["document"] == wanted]


@pytest.mark.parametrize("fault", ["", "short", "wrong", "lost"])
def test_the_instrument_sees_what_a_server_does_wrong(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts that, and nothing else."""
    monkeypatch.setattr(failover, "Server", Faulty)
    monkeypatch.setattr(Faulty, "fault", fault)
    killed: list[bool] = []
    address = MilvusAddress("http://127.0.0.1:1", "faulty")
    seen = failover.measure(address, lambda: killed.append(True), before_s=0.1, after_s=0.2)
    assert killed == [True]
    assert {name for name in ("errors", "short", "wrong", "lost") if getattr(seen, name)} == (
        {fault} if fault else set()
    )
    assert seen.answered
    assert seen.acknowledged


def test_a_role_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """The error names it and has the end of its log."""
    with host("here", "127.0.0.1") as here, pytest.raises(ClusterError, match=r"(?s)etcd .*code 3.*\nno room left$"):
        Cluster("", tmp_path).start([Role("etcd", here, ["sh", "-c", "echo no room left; exit 3"], lambda: False)])


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel, its version, or etcd."""
    monkeypatch.setattr(clusters, "WHEELS", {"no-such-wheel": "1.0"})
    assert clusters.missing() == "no-such-wheel==1.0 is not installed"
    monkeypatch.setattr(clusters, "WHEELS", {"pytest": "0.1"})
    assert "pytest==0.1 is needed" in str(clusters.missing())
    monkeypatch.setattr(clusters, "WHEELS", {})
    monkeypatch.setenv("PATH", "")
    assert "etcd is not installed" in str(clusters.missing())


def test_a_cluster_ends_with_who_started_it(tmp_path: Path) -> None:
    """Also half-way through its start, and without a chance to tidy up."""
    if needed := clusters.missing():
        pytest.skip(needed)
    starting = subprocess.Popen([sys.executable, "-m", "tests.scale.cluster", tmp_path], cwd=ROOT)
    try:
        wait_until(lambda: len(working_in(tmp_path)) > 2)  # etcd, the broker, and the first of Milvus
        starting.terminate()
        wait_until(lambda: not working_in(tmp_path))
    finally:
        starting.kill()
        starting.wait()
        shutil.rmtree(tmp_path / "bin", ignore_errors=True)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
