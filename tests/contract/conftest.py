"""Stores, and a library in each, that are made once for the tests of a file."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from indexer.collection import Engine
from indexer.opening import collection_of
from tests.contract.library import REPORTS, Library, Side, opened
from tests.contract.stores import LONG, ON_CLUSTER, SHORT, URLS, Store, believing
from tests.scale.cluster import Cluster, missing


@dataclass(frozen=True)
class Shelf:
    """A library that nobody changes, open in the store under test and in the yardstick."""

    library: Library
    tested: Side
    expected: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.tested, self.expected

    @property
    def engine(self) -> Engine:
        """What is behind the store under test."""
        return self.tested.collection.engine


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a cluster with two query nodes, and give the address of an index there."""
    if needed := missing():
        pytest.skip(needed)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROXY_TIMETICKINTERVAL", "20")  # ms, not 200: who wants to see all writes waits for one
        started = stack.enter_context(Cluster.started(tmp_path_factory.mktemp("cluster")))
        yield f"milvus+http://{started.address}/{ON_CLUSTER}"


@pytest.fixture(scope="module", params=URLS)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a store, without the developer's own settings."""
    with ExitStack() as closing, pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("settings")
        patch.chdir(folder)
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        for name in ("CITEWELL_INDEX", "CITEWELL_STORE"):
            patch.delenv(name, raising=False)
        url = request.getfixturevalue("cluster") if request.param == "cluster" else request.param
        closing.enter_context(believing(SHORT))
        yield Store(url, closing)


@pytest.fixture(scope="module")
def shelf(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """Give a library that no test may change. It was another before, of which nothing must be left."""
    folder = tmp_path_factory.mktemp("shelf")
    library = Library.at(folder, store.settings(folder))
    library.fill({**REPORTS, "loose.txt": "This was another text.", "gone.txt": "Otters and a school budget."})
    library.fill()
    with believing(LONG):
        collections = [collection_of(settings) for settings in (library.settings, library.plain)]
    with opened(collections[0]) as tested, opened(collections[1]) as expected:
        yield Shelf(library, tested, expected)


@pytest.fixture
def worded(shelf: Shelf) -> Shelf:
    """Give the same where it can be searched by words."""
    if not shelf.engine.has_words:
        pytest.skip(f"lexical: {shelf.engine.name} has no words")
    return shelf


@pytest.fixture(scope="module")
def changing(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library that each test changes, starting from whatever the one before left."""
    folder = tmp_path_factory.mktemp("changing")
    return Library.at(folder, store.settings(folder))
