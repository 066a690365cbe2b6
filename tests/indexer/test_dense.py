"""Nearest passages by meaning: always the exact ones of the store's generation, whatever lies in the folder."""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer import dense, snapshots
from indexer.dense import Dense, write_snapshot
from indexer.durable import publish
from indexer.manifests import file_sha256, read_manifest, sealed
from indexer.records import Version
from tests.fakes import at_once

DIM = 8
FINGERPRINT = "words"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Keep FAISS from sharing out searches of microseconds over threads, which a busy machine makes wait."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


class History:
    """A store in memory: passages with the generation that added them, tombstones, and a token a generation."""

    def __init__(self, token: str = "a") -> None:
        self.token = token
        self.tokens = [""]
        self.version = Version(0, "")
        self.live: dict[int, tuple[int, NDArray[np.float16]]] = {}  # id -> generation, vector
        self.tombstones: dict[int, int] = {}
        self.next_id = 1
        self.asked: list[int] = []  # generations since which vectors were asked for

    def commit(self, added: NDArray[np.float16], removed: list[int] | None = None) -> list[int]:
        """Make a generation, and give the ids of what was added."""
        self.tokens.append(f"{self.token}{len(self.tokens)}")
        self.version = Version(len(self.tokens) - 1, self.tokens[-1])
        for i in removed or []:
            del self.live[i]
            self.tombstones[i] = self.version.generation
        ids = list(range(self.next_id, self.next_id + len(added)))
        self.next_id += len(added)
        self.live.update((i, (self.version.generation, vector)) for i, vector in zip(ids, added, strict=True))
        return ids

    @property
    def passage_count(self) -> int:
        return len(self.live)

    def vectors_since(self, generation: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        self.asked.append(generation)
        new = [(i, vector) for i, (added, vector) in sorted(self.live.items()) if added > generation]
        vectors = np.array([vector for _, vector in new], np.float16).reshape(len(new), dim)
        return np.array([i for i, _ in new], np.int64), vectors

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        return np.array(sorted(i for i, removed in self.tombstones.items() if removed > generation), np.int64)

    def has_version(self, version: Version) -> bool:
        return version.generation in range(1, len(self.tokens)) and self.tokens[version.generation] == version.token


def random_vectors(count: int, seed: int = 0, dim: int = DIM) -> NDArray[np.float16]:
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float16)


def few_values(count: int, seed: int) -> NDArray[np.float16]:
    """Vectors whose products are small whole numbers, so that ties abound and no rounding differs."""
    return np.random.default_rng(seed).integers(-1, 2, size=(count, DIM)).astype(np.float16)


def opened(folder: Path, store: History, fingerprint: str = FINGERPRINT) -> Dense:
    return Dense.open(folder, store, fingerprint=fingerprint, dim=DIM)


def snapshot(folder: Path, store: History, fingerprint: str = FINGERPRINT) -> None:
    write_snapshot(folder, store, fingerprint=fingerprint, dim=DIM)


def check(
    index: Dense, store: History, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
) -> None:
    """Compare a search with all products worked out; among equals at the end, any may be left out."""
    scores = {
        i: float(vector.astype(np.float32) @ query)
        for i, (_, vector) in store.live.items()
        if allowed is None or i in allowed
    }
    found = index.search(query, k, allowed)

    assert index.version == store.version
    assert len(index) == len(store.live)
    assert len(found) == min(k, len(scores))
    assert len({i for i, _ in found}) == len(found)
    best = sorted(scores.values(), reverse=True)[:k]
    assert [score for _, score in found] == pytest.approx(best, rel=1e-4, abs=1e-5)
    assert [score for _, score in found] == pytest.approx([scores[i] for i, _ in found], rel=1e-4, abs=1e-5)
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))


def check_some(index: Dense, store: History) -> None:
    queries = random_vectors(3, seed=99).astype(np.float32)
    for query in queries:
        check(index, store, query, 5)
    check(index, store, queries[0], 5, np.array(sorted(store.live)[::3], np.int64))


def is_from_snapshot(index: Callable[[], Dense], store: History) -> bool:
    """Tell whether opening did without reading all vectors of the store."""
    store.asked.clear()
    index()
    return 0 not in store.asked


# --- agreement with an exact search


@pytest.mark.parametrize("on_disk", [False, True])
def test_worked_example(tmp_path: Path, on_disk: bool) -> None:
    """The best inner product comes first, equal ones by id, and the score is the product itself."""
    store = History()
    store.commit(np.array([[0, 1], [1, 0], [0.5, 0.5], [1, 0]], np.float16))
    if on_disk:
        write_snapshot(tmp_path, store, fingerprint=FINGERPRINT, dim=2)
    index = Dense.open(tmp_path, store, fingerprint=FINGERPRINT, dim=2)

    assert index.search(np.array([1, 0], np.float32), 3) == [(2, 1.0), (4, 1.0), (3, 0.5)]


steps = st.lists(
    st.tuples(
        st.integers(0, 6),  # passages added
        st.integers(0, 7),  # bits: which of the live ones are removed, by id modulo 3
        st.booleans(),  # whether a snapshot is written afterwards
        st.booleans(),  # whether the running index catches up
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(
    steps=steps,
    k=st.integers(1, 12),
    bits=st.integers(0, 7),
    seed_and_stale=st.tuples(st.integers(0, 2**16), st.integers(0, 9)),
)
def test_any_history_gives_the_exact_result(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int, bool, bool]],
    k: int,
    bits: int,
    seed_and_stale: tuple[int, int],
) -> None:
    """However passages came and went and snapshots were written, the best k of those allowed and live are found."""
    seed, stale = seed_and_stale
    folder = tmp_path_factory.mktemp("history")
    store = History()
    running = opened(folder, store)
    query = few_values(1, seed)[0].astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "STALE_AT_LEAST", stale)
        for number, (count, gone, writes, catches_up) in enumerate(steps):
            store.commit(few_values(count, seed + number), [i for i in store.live if gone >> i % 3 & 1])
            if writes:
                snapshot(folder, store)
            if catches_up:
                running = running.caught_up(store)
                check(running, store, query, k)
        allowed = np.array([i for i in sorted(store.live) if bits >> i % 3 & 1], np.int64)
        for index in (running.caught_up(store), opened(folder, store)):
            check(index, store, query, k)
            check(index, store, query, k, allowed)


def test_filter_comes_before_ranking(tmp_path: Path) -> None:
    """With a filter that leaves few of many, those few are all found, in the snapshot and after it."""
    store = History()
    ids = store.commit(random_vectors(500))
    snapshot(tmp_path, store)
    ids += store.commit(random_vectors(500, seed=1))
    index = opened(tmp_path, store)
    query = random_vectors(1, seed=2)[0].astype(np.float32)
    worst = [i for i, _ in index.search(query, 1000)][-7:]

    found = index.search(query, 7, np.array(sorted(worst), np.int64))

    assert sorted(i for i, _ in found) == sorted(worst)
    assert any(i <= 500 for i in worst)
    assert any(i > 500 for i in worst)


def test_removed_passages_are_never_found(tmp_path: Path) -> None:
    """Passages removed from the snapshot, and added after it and removed again, are gone at once."""
    store = History()
    ids = store.commit(random_vectors(20))
    snapshot(tmp_path, store)
    ids += store.commit(random_vectors(20, seed=1))
    index = opened(tmp_path, store)
    store.commit(random_vectors(0), ids[:10] + ids[20:35])
    query = random_vectors(1, seed=2)[0].astype(np.float32)

    for newer in (index.caught_up(store), opened(tmp_path, store)):
        assert {i for i, _ in newer.search(query, 40)} == {*ids[10:20], *ids[35:]}
    assert len(index.search(query, 40)) == 40  # who still holds the old generation is not disturbed


@pytest.mark.parametrize("on_disk", [False, True])
def test_more_asked_for_than_there_is(tmp_path: Path, on_disk: bool) -> None:
    """A k beyond the collection gives every passage once, without fillers."""
    store = History()
    ids = store.commit(random_vectors(3))
    if on_disk:
        snapshot(tmp_path, store)
    store.commit(random_vectors(2, seed=1), [ids[0]])
    index = opened(tmp_path, store)

    assert sorted(i for i, _ in index.search(np.ones(DIM, np.float32), 1000)) == [2, 3, 4, 5]


@pytest.mark.parametrize("on_disk", [False, True])
def test_empty_collection(tmp_path: Path, on_disk: bool) -> None:
    """An index without passages finds nothing, and takes in those that come later."""
    store = History()
    store.commit(random_vectors(0))
    if on_disk:
        snapshot(tmp_path, store)
    index = opened(tmp_path, store)

    assert index.search(np.ones(DIM, np.float32), 5) == []
    assert index.search(np.ones(DIM, np.float32), 5, np.empty(0, np.int64)) == []
    assert not index.is_stale
    store.commit(random_vectors(3))
    check_some(index.caught_up(store), store)


def test_store_before_its_first_sync(tmp_path: Path) -> None:
    """A store without any generation is an empty index, not an error."""
    assert len(opened(tmp_path, History())) == 0


def test_filter_that_lets_nothing_through(tmp_path: Path) -> None:
    """No passage allowed means no hit, in the snapshot and after it."""
    store = History()
    store.commit(random_vectors(5))
    snapshot(tmp_path, store)
    store.commit(random_vectors(5))

    assert opened(tmp_path, store).search(np.ones(DIM, np.float32), 5, np.empty(0, np.int64)) == []


def test_threads_share_an_index(tmp_path: Path) -> None:
    """Searches with different filters at once do not mix up their results."""
    store = History()
    ids = store.commit(random_vectors(300))
    snapshot(tmp_path, store)
    store.commit(random_vectors(30, seed=1), ids[:30])
    index = opened(tmp_path, store)
    query = random_vectors(1, seed=2)[0].astype(np.float32)
    allowed = [None, *(np.array(sorted(store.live)[part::3], np.int64) for part in range(3))]
    searches = [partial(index.search, query, 10, some) for some in allowed]
    assert at_once(searches, 50) == [[search()] * 50 for search in searches]


# --- snapshots


def test_snapshot_is_used_and_gives_the_same_result(tmp_path: Path) -> None:
    """An index opened from a snapshot, at its generation or later, equals one built from the store."""
    store = History()
    ids = store.commit(random_vectors(50))
    snapshot(tmp_path, store)

    assert is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)
    store.commit(random_vectors(10, seed=1), ids[40:])
    assert is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def test_no_snapshot(tmp_path: Path) -> None:
    """Without a snapshot the index is built from the store."""
    store = History()
    store.commit(random_vectors(50))

    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def spoil_one_byte(name: str, share: float) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (path,) = folder.glob(name)
        data = bytearray(path.read_bytes())
        data[int(share * (len(data) - 1))] ^= 1
        path.write_bytes(data)

    return spoil


def cut_off(name: str, share: float) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (path,) = folder.glob(name)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return spoil


def remove(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (path,) = folder.glob(name)
        path.unlink()

    return spoil


def rewrite_manifest(**changes: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (path,) = folder.glob("dense-*.json")
        manifest = json.loads(read_manifest(path)) | changes
        kept = {key: value for key, value in manifest.items() if value is not None}
        path.write_bytes(sealed(json.dumps(kept).encode()))

    return spoil


NAMES = ("*.faiss", "*.json")
KINDS = ("folder", "pipe", "link to itself", "link to zeros without end", "empty file")


def put_in_place(name: str, kind: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (path,) = folder.glob(name)
        path.unlink()
        match kind:
            case "folder":
                path.mkdir()
            case "pipe":
                os.mkfifo(path)
            case "link to itself":
                path.symlink_to(path)
            case "link to zeros without end":
                path.symlink_to("/dev/zero")
            case _:
                path.touch()

    return spoil


def put_text(text: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (path,) = folder.glob("dense-*.json")
        path.write_text(text)

    return spoil


VALUES: tuple[Any, ...] = (None, "other", 7, [], {})  # None: the key is missing
# What happens to the two files of a snapshot -> whether FAISS may see the data at all.
SPOILED = [
    *(pytest.param(spoil_one_byte("*.faiss", at / 8), False, id=f"flip data {at}") for at in range(9)),
    *(pytest.param(spoil_one_byte("*.json", at / 20), False, id=f"flip manifest {at}") for at in range(21)),
    *(pytest.param(cut_off("*.faiss", share), False, id=f"cut data {share}") for share in (0, 0.5, 0.99)),
    *(pytest.param(cut_off("*.json", share), False, id=f"cut manifest {share}") for share in (0, 0.5, 0.99)),
    pytest.param(remove("*.faiss"), False, id="no data"),
    pytest.param(remove("*.json"), False, id="no manifest"),
    *(pytest.param(put_in_place(name, kind), False, id=f"{kind} for {name}") for name in NAMES for kind in KINDS),
    *(
        pytest.param(put_text(text), False, id=f"manifest {text}")
        for text in ("[]", "null", "7", '{"a": 1}', "\xff{")
    ),
    *(
        pytest.param(rewrite_manifest(**{key: value}), key == "count", id=f"{key} {value!r}")
        for key in ("generation", "token", "fingerprint", "count", "sha256")
        for value in VALUES
    ),
]


@pytest.mark.parametrize(("spoil", "may_be_read"), SPOILED)
def test_spoiled_snapshot_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None], may_be_read: bool
) -> None:
    """A snapshot that is not exactly as written is not given to FAISS, and results stay right without it."""
    store = History()
    store.commit(random_vectors(40))
    snapshot(tmp_path, store)
    spoil(tmp_path)
    if not may_be_read:
        monkeypatch.setattr("faiss.read_index", lambda *_: pytest.fail("FAISS was given the file"))

    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def test_snapshot_that_faiss_cannot_read(tmp_path: Path) -> None:
    """Even a file with the right hash that is no index costs only its rebuilding."""
    store = History()
    store.commit(random_vectors(40))
    snapshot(tmp_path, store)
    (data,) = tmp_path.glob("*.faiss")
    data.write_bytes(b"IxMp" + b"\xff" * 100)
    rewrite_manifest(sha256=file_sha256(data))(tmp_path)

    check_some(opened(tmp_path, store), store)


def test_snapshot_of_another_encoder_is_not_used(tmp_path: Path) -> None:
    """Vectors of another encoder are never searched, whether its dimension is the same or not."""
    store, other = History(), History()
    store.commit(random_vectors(40))
    other.commit(random_vectors(40, dim=2 * DIM))
    snapshot(tmp_path, store, fingerprint="another encoder")
    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)

    write_snapshot(tmp_path, other, fingerprint=FINGERPRINT, dim=2 * DIM)
    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def test_snapshot_of_another_history_is_not_used(tmp_path: Path) -> None:
    """After an older copy of the store was put back, a snapshot of the lost history is not used."""
    lost, store = History("a"), History("b")
    for history in (lost, store):
        history.commit(random_vectors(40, seed=len(history.token)))
    snapshot(tmp_path, lost)

    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def test_snapshot_from_the_future_is_not_used(tmp_path: Path) -> None:
    """A snapshot newer than the store's generation, as after putting back an older copy, is not used."""
    newer, store = History(), History()
    for history in (newer, store):
        history.commit(random_vectors(40))
    newer.commit(random_vectors(40, seed=1))
    snapshot(tmp_path, newer)

    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def test_older_good_snapshot_is_used_where_the_newest_is_bad(tmp_path: Path) -> None:
    """A spoiled newest snapshot does not hide an older one that is whole."""
    store = History()
    store.commit(random_vectors(40))
    snapshot(tmp_path, store)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    store.commit(random_vectors(10, seed=1))
    snapshot(tmp_path, store)
    spoil_one_byte("*.faiss", 0.5)(tmp_path)
    for name, data in kept.items():
        (tmp_path / name).write_bytes(data)

    assert is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def test_writing_removes_older_snapshots_only(tmp_path: Path) -> None:
    """A new snapshot takes the place of older ones and of half-written files; other files are left alone."""
    store = History()
    store.commit(random_vectors(5))
    snapshot(tmp_path, store)
    for name in ("store.sqlite", "dense.txt", "dense-00000001.faiss.4711.tmp"):
        (tmp_path / name).write_text("x")
    store.commit(random_vectors(5))

    snapshot(tmp_path, store)

    assert {path.name for path in tmp_path.iterdir()} == {
        "store.sqlite",
        "dense.txt",
        "dense-00000002.faiss",
        "dense-00000002.json",
    }


def test_index_outlives_its_snapshot_file(tmp_path: Path) -> None:
    """Who has a snapshot open can search it after a newer one has taken its place."""
    store = History()
    store.commit(random_vectors(40))
    snapshot(tmp_path, store)
    index = opened(tmp_path, store)
    query = np.ones(DIM, np.float32)
    before = index.search(query, 10)
    store.commit(random_vectors(40, seed=1))
    snapshot(tmp_path, store)

    assert index.search(query, 10) == before


@pytest.mark.parametrize("fails", [1, 2])
def test_failed_writing_leaves_the_old_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    """Whether the data or its manifest cannot be written, the old snapshot stands and serves."""
    store = History()
    store.commit(random_vectors(40))
    snapshot(tmp_path, store)
    store.commit(random_vectors(10, seed=1))
    calls = 0

    def fail_once(path: Path, write: Callable[[Path], object]) -> None:
        nonlocal calls
        calls += 1
        if calls == fails:
            raise OSError(28, "No space left on device")
        publish(path, write)

    monkeypatch.setattr(snapshots, "publish", fail_once)
    with pytest.raises(OSError, match="No space left"):
        snapshot(tmp_path, store)

    assert is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


def test_a_snapshot_that_cannot_be_written_is_an_error_of_files(tmp_path: Path) -> None:
    """A disk that cannot be written to is told as for any other file, also when only its last bytes find no room."""
    store = History()
    store.commit(random_vectors(5))

    with pytest.raises(FileNotFoundError):
        snapshot(tmp_path / "absent", store)
    (tmp_path / f"dense-00000001.faiss.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        snapshot(tmp_path, store)


# --- when a new snapshot is due


def test_small_collection_needs_no_snapshot(tmp_path: Path) -> None:
    """A collection in memory wants a snapshot only once it has more than a thousand vectors."""
    store = History()
    store.commit(random_vectors(1000))
    index = opened(tmp_path, store)
    assert not index.is_stale

    store.commit(random_vectors(1))
    assert opened(tmp_path, store).is_stale


@pytest.mark.parametrize(
    ("size", "added", "removed", "stale"),
    [
        (2000, 1000, 0, False),  # up to a thousand outside never matter
        (2000, 1001, 0, True),
        (2000, 0, 1000, False),
        (2000, 0, 1001, True),
        (2000, 500, 501, True),
        (15_000, 1650, 0, False),  # beyond, a tenth of all
        (15_000, 1700, 0, True),
    ],
)
def test_snapshot_is_stale_when_much_lies_outside_it(
    tmp_path: Path, size: int, added: int, removed: int, stale: bool
) -> None:
    """A new snapshot is due once more than a thousand, and a tenth of all, were added to or removed from the old."""
    store = History()
    ids = store.commit(random_vectors(size))
    snapshot(tmp_path, store)
    store.commit(random_vectors(added), ids[:removed])

    assert opened(tmp_path, store).is_stale == stale
    snapshot(tmp_path, store)
    assert not opened(tmp_path, store).is_stale


def test_catching_up_reads_the_change_alone(tmp_path: Path) -> None:
    """The same generation is the same object; a newer one asks the store only for what is new."""
    store = History()
    store.commit(random_vectors(40))
    index = opened(tmp_path, store)
    assert index.caught_up(store) is index

    store.commit(random_vectors(4, seed=1))
    store.asked.clear()
    check_some(index.caught_up(store), store)
    assert store.asked == [1]


def test_catching_up_takes_the_writers_newer_snapshot(tmp_path: Path) -> None:
    """Once much has changed, the running index changes over to the snapshot that the writer has left."""
    store = History()
    store.commit(random_vectors(50))
    snapshot(tmp_path, store)
    index = opened(tmp_path, store)
    store.commit(random_vectors(1100, seed=1))
    snapshot(tmp_path, store)

    assert is_from_snapshot(lambda: index.caught_up(store), store)
    newer = index.caught_up(store)
    assert not newer.is_stale
    check_some(newer, store)


def test_catching_up_with_another_history_starts_anew(tmp_path: Path) -> None:
    """Where an older copy of the store was put back, nothing of the lost history stays in the running index."""
    lost, store = History("a"), History("b")
    lost.commit(random_vectors(40))
    index = opened(tmp_path, lost)
    for seed in (1, 2):
        store.commit(random_vectors(10, seed))

    check_some(index.caught_up(store), store)
