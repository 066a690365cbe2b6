"""A Milvus cluster for the tests of one file: with xdist, each process that runs such a file starts its own."""

from collections.abc import Iterator

import pytest

from tests.scale import cluster as clusters
from tests.scale.cluster import Cluster
from tests.scale.processes import working_in


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster with two query nodes. Who ends a role restarts it."""
    if needed := clusters.missing():
        pytest.skip(needed)
    folder = tmp_path_factory.mktemp("cluster")
    with Cluster.started(folder) as cluster:
        yield cluster
    assert working_in(folder) == [], "the cluster has ended, and processes of it have not"
