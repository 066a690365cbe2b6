"""Large collections: searches look through lists of neighbours, find nearly all that is near, and filter exactly."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.dense import Dense, nearest
from indexer.manifests import file_sha256, read_manifest
from tests.fakes import at_once
from tests.indexer.test_dense import (
    DIM,
    History,
    check,
    check_some,
    cut_off,
    few_values,
    is_from_snapshot,
    opened,
    put_in_place,
    random_vectors,
    remove,
    rewrite_manifest,
    snapshot,
    spoil_one_byte,
)

SIZE = 3000
SHARES = (0.001, 0.01, 0.1, 0.5, 1.0)


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Put even small collections in lists, with goals that suit them, and with one processor."""
    patch.setattr(nearest, "LISTS_FROM", 200)
    patch.setattr(nearest, "GOALS", {10: 0.995, 20: 0.99})
    patch.setattr(nearest, "MOST_PROBED", 1.0)
    patch.setattr("os.cpu_count", lambda: 1)


@pytest.fixture(autouse=True)
def _small_collections_are_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make them so for each test."""
    make_small(monkeypatch)
    threads = faiss.omp_get_max_threads()
    yield
    faiss.omp_set_num_threads(threads)


def neighbours(count: int, seed: int = 0) -> NDArray[np.float16]:
    """Vectors that lie close to one of forty places, as passages on the same matter do."""
    chance = np.random.default_rng(seed)
    places = np.random.default_rng(99).normal(size=(40, DIM))
    return (places[chance.integers(40, size=count)] + 0.3 * chance.normal(size=(count, DIM))).astype(np.float16)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History]:
    """One collection in lists that tests read only."""
    folder, store = tmp_path_factory.mktemp("lists"), History()
    store.commit(neighbours(SIZE))
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        snapshot(folder, store)
    return folder, store


def approximate(folder: Path, store: History) -> Dense:
    index = opened(folder, store)
    assert index.approximation is not None
    assert index.approximation.probes < index.approximation.lists
    return index


def scores(store: History, questions: NDArray[np.float32]) -> tuple[list[int], NDArray[np.float32]]:
    """Work out all products: the live ids, and the scores (question, id)."""
    ids = sorted(store.live)
    return ids, questions @ np.array([store.live[i][1] for i in ids], np.float32).T


def recall(index: Dense, store: History, questions: NDArray[np.float32], depth: int = 10) -> float:
    """Count how many of the best are found, on the mean of the questions."""
    _, products = scores(store, questions)
    least = -np.sort(-products, axis=1)[:, depth - 1]
    found = [[s for _, s in index.search(question, depth)] for question in questions]
    return float(np.mean([np.array(some) >= worst - 1e-3 for some, worst in zip(found, least, strict=True)]))


def manifest(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("dense-*.json")
    told: dict[str, Any] = json.loads(read_manifest(path))
    return told


# --- recall


def test_recall_is_what_a_recount_gives(made: tuple[Path, History]) -> None:
    """The stored recall is the share of the ten best that searches find, not counting what a question is made of."""
    folder, store = made
    index = approximate(folder, store)
    told = index.approximation
    assert told is not None
    questions, made_of = nearest.sample(np.array([vector for _, vector in store.live.values()]))
    ids, products = scores(store, questions)
    hits = []
    for question, rows, own in zip(questions, made_of, products, strict=True):
        others = np.delete(own, rows)
        tenth = np.sort(others)[-10]
        left_out = {ids[row] for row in rows}
        found = [score for i, score in index.search(question, 12) if i not in left_out][:10]
        hits.append(np.mean(np.array(found) >= tenth - 1e-3))

    assert told.recall == pytest.approx(np.mean(hits), abs=1e-3)
    assert told.sample == len(questions) == 400
    assert told.recall >= 0.995


def test_fewest_lists_that_are_enough(made: tuple[Path, History], monkeypatch: pytest.MonkeyPatch) -> None:
    """One list less than a search looks through would miss a goal."""
    folder, store = made
    told = approximate(folder, store).approximation
    assert told is not None
    vectors = np.array([vector for _, vector in store.live.values()])
    monkeypatch.setattr(nearest, "MOST_PROBED", told.probes / told.lists)
    assert nearest.fast(np.array(sorted(store.live)), vectors).approximation == told

    monkeypatch.setattr(nearest, "MOST_PROBED", (told.probes - 1) / told.lists)
    assert nearest.fast(np.array(sorted(store.live)), vectors).approximation is None


def test_questions_are_not_stored_vectors() -> None:
    """Recall is measured with questions that lie off all passages, and always the same ones."""
    vectors = neighbours(500)
    questions, made_of = nearest.sample(vectors)

    again, _ = nearest.sample(vectors)
    assert np.array_equal(questions, again)
    assert questions.shape == (400, DIM)
    middles = vectors[made_of].astype(np.float32).mean(axis=1)
    off = np.linalg.norm(questions - middles, axis=1) / np.linalg.norm(middles, axis=1)
    assert np.mean(off) == pytest.approx(1.4, abs=0.1)


def test_what_a_question_is_made_of_does_not_count(made: tuple[Path, History]) -> None:
    """Recall is of the nearest others, as a real question lies next to no passage."""
    folder, store = made
    index = approximate(folder, store)
    assert index.approximation is not None
    questions, made_of = nearest.sample(neighbours(SIZE))
    ids, products = scores(store, questions)
    np.put_along_axis(products, made_of, -np.inf, axis=1)

    best = nearest._scores(index._snapshot._index, questions, np.array(ids)[made_of], index.approximation.lists)

    assert best == pytest.approx(-np.sort(-products, axis=1)[:, :20], rel=1e-4, abs=1e-4)


def test_lists_that_do_not_help_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where vectors are put in lists that have nothing to do with what is near them, searches stay exact."""
    store = History()
    store.commit(neighbours(600))

    in_lists = nearest._in_lists

    def shuffled(ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> Any:
        index = in_lists(ids, vectors)
        middles = index.quantizer.reconstruct_n(0, index.nlist)
        index.quantizer.reset()
        index.quantizer.add(np.random.default_rng(0).permutation(middles))
        return index

    monkeypatch.setattr(nearest, "_in_lists", shuffled)
    monkeypatch.setattr(nearest, "MOST_PROBED", 0.25)
    snapshot(tmp_path, store)

    index = opened(tmp_path, store)
    assert is_from_snapshot(lambda: opened(tmp_path, store), store)
    assert index.approximation is None
    assert manifest(tmp_path)["approximation"] is None
    assert "stay exact" in caplog.text
    check_some(index, store)


def test_small_collections_are_exact(tmp_path: Path) -> None:
    """One vector less than the limit is searched whole, and one at the limit in lists."""
    store = History()
    ids = store.commit(neighbours(200))
    snapshot(tmp_path, store)
    assert manifest(tmp_path)["approximation"] is not None

    store.commit(neighbours(0), ids[:1])
    snapshot(tmp_path, store)
    assert manifest(tmp_path)["approximation"] is None
    assert opened(tmp_path, store).approximation is None
    check_some(opened(tmp_path, store), store)


def test_the_same_collection_gives_the_same_index(made: tuple[Path, History], tmp_path: Path) -> None:
    """Written again, a snapshot is the same to the byte."""
    folder, store = made
    snapshot(tmp_path, store)

    assert manifest(tmp_path) == manifest(folder)
    assert [file_sha256(path) for path in tmp_path.glob("*.faiss")] == [manifest(folder)["sha256"]]


def test_all_processors_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are made with all processors; afterwards there are as many as before, also after an error."""
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    faiss.omp_set_num_threads(1)
    threads: list[int] = []

    def fail(*_: object) -> None:
        threads.append(faiss.omp_get_max_threads())
        raise MemoryError

    monkeypatch.setattr(nearest, "_measured", fail)
    with pytest.raises(MemoryError):
        nearest.fast(np.arange(200), neighbours(200))

    assert [*threads, faiss.omp_get_max_threads()] == [3, 1]


def test_one_thread_searches(made: tuple[Path, History]) -> None:
    """Also in a thread that never searched before, since FAISS holds the number for each."""
    index = approximate(*made)
    question = random_vectors(1)[0].astype(np.float32)

    def search() -> int:
        index.search(question, 5)
        return faiss.omp_get_max_threads()

    faiss.omp_set_num_threads(3)
    assert at_once([search], 1) == [[1]]


def test_scores_are_the_products(made: tuple[Path, History]) -> None:
    """What is found in lists has its exact inner product, best first."""
    folder, store = made
    index = approximate(folder, store)
    question = neighbours(1, seed=5)[0].astype(np.float32)
    found = index.search(question, 20)

    assert len(found) == 20
    assert [s for _, s in found] == pytest.approx(
        [float(store.live[i][1].astype(np.float32) @ question) for i, _ in found], rel=1e-4, abs=1e-4
    )
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))


def test_a_snapshot_in_memory_is_exact(tmp_path: Path) -> None:
    """Without a file the vectors are searched whole, however many, as that is built at once."""
    store = History()
    store.commit(neighbours(600))
    index = opened(tmp_path, store)

    assert index.approximation is None
    check_some(index, store)


# --- filters, and what was removed


@settings(max_examples=25, deadline=None)
@given(share=st.sampled_from(SHARES), seed=st.integers(0, 2**16), k=st.sampled_from([1, 10, 20, 60]))
def test_filtered_searches_are_exact(made: tuple[Path, History], share: float, seed: int, k: int) -> None:
    """Whatever share of the passages is allowed, the best of them are found, every one."""
    folder, store = made
    chance = np.random.default_rng(seed)
    allowed = np.sort(chance.choice(np.arange(1, SIZE + 1), max(1, int(share * SIZE)), replace=False))
    check(opened(folder, store), store, chance.normal(size=DIM).astype(np.float32), k, allowed)


@pytest.mark.parametrize("share", SHARES)
def test_filters_hold_after_changes(tmp_path: Path, share: float) -> None:
    """Filters are as exact where passages were removed from the lists, and others added since."""
    store = History()
    ids = store.commit(neighbours(1000))
    snapshot(tmp_path, store)
    index = approximate(tmp_path, store)
    store.commit(neighbours(60, seed=1), ids[::20])
    chance = np.random.default_rng(2)
    live = np.array(sorted(store.live))
    allowed = np.sort(chance.choice(live, max(1, int(share * len(live))), replace=False))

    for newer in (index.caught_up(store), opened(tmp_path, store)):
        assert newer.approximation == index.approximation
        check(newer, store, chance.normal(size=DIM).astype(np.float32), 30, allowed)
        assert newer.search(np.ones(DIM, np.float32), 5, np.empty(0, np.int64)) == []


def test_more_than_was_measured_is_exact(made: tuple[Path, History]) -> None:
    """Who asks for more than the most that recall is measured at gets all that are nearest."""
    folder, store = made
    index = approximate(folder, store)
    assert index.approximation is not None
    few = replace(index._snapshot, approximation=replace(index.approximation, probes=4))
    questions, _ = nearest.sample(neighbours(SIZE))
    for k in (21, SIZE, SIZE + 10):
        for question in questions[:20]:
            check(replace(index, _snapshot=few), store, question, k)
    assert recall(replace(index, _snapshot=few), store, questions[:20], 20) < 1


def test_k_are_found_though_most_near_ones_are_removed(tmp_path: Path) -> None:
    """Where the lists that a search looks through hold too few live passages, it goes on to the others."""
    store = History()
    store.commit(neighbours(1000))
    snapshot(tmp_path, store)
    index = approximate(tmp_path, store)
    question = neighbours(1, seed=4)[0].astype(np.float32)
    near = [i for i, _ in index.search(question, 980)]
    store.commit(neighbours(0), near)

    check(index.caught_up(store), store, question, 15)
    check(index.caught_up(store), store, question, 20)
    check(index.caught_up(store), store, question, 25)


def test_recall_holds_where_near_ones_were_removed(made: tuple[Path, History]) -> None:
    """After a tenth was removed, and for each question what is nearest, as much is found as before."""
    folder, _ = made
    store = History()
    store.commit(neighbours(SIZE))
    index = approximate(folder, store)
    questions, _ = nearest.sample(neighbours(SIZE))
    _, products = scores(store, questions)
    nearby = list(dict.fromkeys((np.argsort(-products, axis=1)[:, :5] + 1).T.ravel().tolist()))[: SIZE // 10]
    store.commit(neighbours(0), nearby)
    newer = index.caught_up(store)

    assert len(nearby) > SIZE // 20
    assert newer.approximation == index.approximation
    assert recall(newer, store, questions) >= 0.99
    assert not {i for question in questions for i, _ in newer.search(question, 20)} & set(nearby)


# --- the snapshot


def test_opening_maps_the_file_and_reads_no_vectors(made: tuple[Path, History], tmp_path: Path) -> None:
    """An index in lists is opened from its file alone, and outlives it."""
    _, store = made
    snapshot(tmp_path, store)
    index = approximate(tmp_path, store)
    assert is_from_snapshot(lambda: opened(tmp_path, store), store)
    mapped = Path("/proc/self/maps").read_text("utf-8")
    question = np.ones(DIM, np.float32)
    found = index.search(question, 20)
    for path in tmp_path.iterdir():
        path.unlink()

    assert str(tmp_path / "dense-00000001.faiss") in mapped
    assert index.search(question, 20) == found


@pytest.mark.parametrize(
    "spoil",
    [
        *(pytest.param(spoil_one_byte("*.faiss", at / 8), id=f"flip data {at}") for at in range(9)),
        *(pytest.param(spoil_one_byte("*.json", at / 8), id=f"flip manifest {at}") for at in range(9)),
        *(pytest.param(cut_off("*.faiss", share), id=f"cut data {share}") for share in (0, 0.5, 0.99)),
        pytest.param(remove("*.faiss"), id="no data"),
        pytest.param(put_in_place("*.faiss", "pipe"), id="pipe"),
    ],
)
def test_spoiled_lists_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """FAISS never sees a file that is not as written; the vectors are taken from the store, and all are found."""
    store = History()
    store.commit(neighbours(300))
    snapshot(tmp_path, store)
    spoil(tmp_path)
    monkeypatch.setattr("faiss.read_index", lambda *_: pytest.fail("FAISS was given the file"))

    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)
    assert caplog.text or not list(tmp_path.glob("*.json"))


def altered(folder: Path, **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = manifest(folder)["approximation"]
    return told | changes


@pytest.mark.parametrize(
    "changes",
    [{"lists": 7}, {"kind": "hnsw"}, {"probes": "3"}, {"probes": None}, {"recall": "high"}],
    ids=str,
)
def test_lists_other_than_written_are_not_used(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A manifest that tells of another approximation than the file holds, or of an unknown one, is not used."""
    store = History()
    store.commit(neighbours(300))
    snapshot(tmp_path, store)
    rewrite_manifest(approximation=altered(tmp_path, **changes))(tmp_path)

    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)
    check_some(opened(tmp_path, store), store)


@pytest.mark.parametrize("lacks", ["last", "approximation"])
@pytest.mark.parametrize("count", [50, 300])
def test_snapshots_of_an_older_form_are_written_anew(tmp_path: Path, lacks: str, count: int) -> None:
    """A manifest that does not tell how its vectors are searched is left aside, and the next one does tell it."""
    store = History()
    store.commit(neighbours(count))
    snapshot(tmp_path, store)
    rewrite_manifest(**{lacks: None})(tmp_path)
    (path,) = tmp_path.glob("*.json")
    assert lacks not in manifest(tmp_path)
    assert not is_from_snapshot(lambda: opened(tmp_path, store), store)

    snapshot(tmp_path, store)
    assert lacks in manifest(tmp_path)
    assert path.exists()
    assert is_from_snapshot(lambda: opened(tmp_path, store), store)


# --- histories and threads


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 7), st.booleans()), max_size=5),
    k=st.integers(1, 30),
    seed=st.integers(0, 2**16),
)
def test_any_history_gives_k_that_are_live(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]], k: int, seed: int
) -> None:
    """However passages come and go, k live ones are found where there are as many, with true scores."""
    folder, store = tmp_path_factory.mktemp("history"), History()
    store.commit(few_values(260, seed))
    snapshot(folder, store)
    running = opened(folder, store)
    assert running.approximation is not None
    question = few_values(1, seed + 99)[0].astype(np.float32)
    for number, (count, gone, writes) in enumerate(steps):
        store.commit(few_values(count, seed + number), [i for i in store.live if gone >> i % 3 & 1 and i % 2])
        if writes:
            snapshot(folder, store)
        running = running.caught_up(store)
        for index in (running, opened(folder, store)):
            found = index.search(question, k)
            assert len(found) == len({i for i, _ in found}) == min(k, len(store.live))
            assert found == [(i, float(store.live[i][1].astype(np.float32) @ question)) for i, _ in found]
            check(index, store, question, k, np.array([i for i in sorted(store.live) if i % 4], np.int64))


def test_what_was_added_is_found_among_lists(tmp_path: Path) -> None:
    """What was added since the snapshot is searched whole, and comes before worse of the lists."""
    store = History()
    store.commit(neighbours(400))
    snapshot(tmp_path, store)
    index = approximate(tmp_path, store)
    question = neighbours(1, seed=6)[0].astype(np.float32)
    (best,) = store.commit((10 * question)[np.newaxis].astype(np.float16))

    for newer in (index.caught_up(store), opened(tmp_path, store)):
        assert newer.search(question, 3)[0][0] == best
    assert best not in {i for i, _ in index.search(question, 400)}
    store.commit(neighbours(0), [best])
    assert is_from_snapshot(lambda: opened(tmp_path, store), store)
    assert len(opened(tmp_path, store).search(question, 500)) == 400


def test_threads_share_lists(made: tuple[Path, History]) -> None:
    """Searches at once, with and without filters, do not mix up their results."""
    folder, store = made
    index = approximate(folder, store)
    question = random_vectors(1, seed=2)[0].astype(np.float32)
    allowed = [None, *(np.array(sorted(store.live)[part::3], np.int64) for part in range(3))]
    searches = [partial(index.search, question, 10, some) for some in allowed]
    assert at_once(searches, 50) == [[search()] * 50 for search in searches]
