"""Nearest vectors by FAISS, which this module alone knows: searched whole where there are few, in lists where many.

Lists of neighbours (an inverted file) let a search without a filter look through the nearest lists only. How many
those must be is measured when the lists are made, with questions as hard as real ones, so that little is missed.
"""

import logging
import os
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from indexer.records import Approximation

log = logging.getLogger(__name__)

# From this many vectors on they are put in lists. Measured with 384 dimensions on one thread: 100,000 vectors take
# 5.9 ms whole and 1.6 in lists, 200,000 take 12.8 and 2.2, 500,000 37 and 4.5. A whole warm search takes 25 ms, so
# below this size there is too little to win for being inexact, and for building 20 s on two busy processors, not one.
LISTS_FROM = 100_000
# Of those nearest to a question, the share that must be found: of the ten best, and of as many as searches ask for
# with some more for those that were removed since. Searches that ask for more than that look through all lists. With
# 0.99 instead of the last, 150 real questions find 0.991 and 0.989 of their ten best, so 0.995 and 0.993.
GOALS = {10: 0.995, 100: 0.995}
MOST_PROBED = 0.25  # share of the lists beyond which lists are not worth their while
SAMPLE = 400  # questions that recall is measured with
AT_ONCE = 50_000  # vectors that are in memory as float32 while they are added


@dataclass(frozen=True)
class Nearest:
    """Vectors that can be searched, by passage id; never changes, so threads may share it."""

    last: int  # highest id, -1 without any
    approximation: Approximation | None  # None: every search is exact
    _index: Any  # faiss.Index

    @classmethod
    def read(cls, path: Path, last: int, approximation: Approximation | None) -> "Nearest":
        """Open a file, memory-mapped, that is known to be as written. Raises ValueError where it cannot be read."""
        try:
            # Processes share it, and only the pages that a search touches are read.
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        lists = index.nlist if isinstance(index, faiss.IndexIVF) else None
        if lists != (approximation.lists if approximation else None):
            raise ValueError("it is of another kind than was written")
        return cls(last, approximation, index)

    def write(self, path: Path) -> None:
        """Write the file that `read` opens. Raises OSError."""
        # A file that FAISS opens itself loses its last bytes without an error where the disk fills up at closing it.
        with path.open("wb") as file:
            writer = faiss.PyCallbackIOWriter(file.write)  # type: ignore[attr-defined]  # not in its stubs
            faiss.write_index(self._index, writer)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return int(self._index.d)

    def search(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None, removed: NDArray[np.int64]
    ) -> list[tuple[int, float]]:
        """Give up to k ids with their inner product to the query (dim,), best first.

        With `allowed` (ascending) only these are found, and exactly; otherwise all but `removed`.
        """
        k = min(k, len(self) - len(removed) if allowed is None else len(allowed))
        if k <= 0 or self.last < 0:
            return []
        selector = _selector(self.last, allowed, removed)
        if self.approximation is None:
            parameters = faiss.SearchParameters()
            parameters.sel = selector
            return _found(self._index, query, k, parameters)
        if allowed is None and k <= max(GOALS):
            found = _found(self._index, query, k, _probing(self.approximation.probes, selector))
            if len(found) == k:
                return found
        # All lists are exact. Where few are allowed that is fast, as for others it takes a look at a bit only: of
        # 200,000 vectors a thousandth takes 2.1 ms, a hundredth 2.6, a tenth 6.6, all 14.
        return _found(self._index, query, k, _probing(self.approximation.lists, selector))


def keep_numpy_to_one_thread() -> None:
    """Keep numpy from sharing out small products over threads.

    Those that wait for work keep the encoder from its processors: measured on two cores, a whole search takes 48 ms
    beside them, 35 without.
    """
    threadpool_limits(1, "blas")


def widened(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    """Make float32 of vectors (n, dim), exactly; twice as fast as numpy, which does not use all of the processor."""
    dim = halves.shape[1]
    codec = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    floats: NDArray[np.float32] = codec.sa_decode(np.ascontiguousarray(halves).view(np.uint8))
    return floats


def whole(ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> Nearest:
    """Make vectors (n, dim) searchable by their ids (n,), ascending; every search is exact."""
    # Float16 takes half the memory of float32, and the store's vectors are float16 to begin with.
    flat = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap2(flat)
    _add(index, ids, vectors)
    return Nearest(_last(ids), None, index)


def fast(ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> Nearest:
    """Make them searchable in lists where they are many and few lists hold nearly all that is near, else whole."""
    if len(ids) < LISTS_FROM:
        return whole(ids, vectors)
    with _all_processors():
        index = _in_lists(ids, vectors)
        approximation = _measured(index, ids, vectors)
    if approximation is None:
        log.warning("what is near lies in too many lists, so searches by meaning stay exact, and slow")
        return whole(ids, vectors)
    return Nearest(_last(ids), approximation, index)


def _in_lists(ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> Any:
    # Not HNSW, which is as good and as fast, but takes a third more space and comes out another at each building by
    # several threads. Not 8 bits a number, where recall ends at 0.98 to 0.99 however many lists are looked through.
    # 4 * sqrt(n) lists are what FAISS advises (github.com/facebookresearch/faiss/wiki/Guidelines-to-choose-an-index),
    # and 40 to 256 vectors a list to find their middles.
    count, dim = vectors.shape
    lists = min(count, int(4 * count**0.5))
    index = faiss.IndexIVFScalarQuantizer(
        *(faiss.IndexFlatIP(dim), dim, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT),
        False,  # whole vectors rather than what they differ from the middle of their list: products are exact then
    )
    index.cp.spherical, index.cp.niter, index.cp.min_points_per_centroid = True, 10, 1
    some = np.linspace(0, count - 1, min(count, 64 * lists)).astype(np.int64)  # no chance, so always the same index
    index.train(vectors[some].astype(np.float32))
    _add(index, ids, vectors)
    return index


def _measured(index: Any, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> Approximation | None:
    """Find the fewest lists that reach the goals; None where that takes too many."""
    questions, made_of = sample(vectors)
    out = ids[made_of]
    best = _scores(index, questions, out, index.nlist)

    def recalls(probes: int) -> list[float]:
        # By scores, not ids: of passages with the same words any is as good.
        scores = _scores(index, questions, out, probes)
        return [float((scores[:, :depth] >= best[:, depth - 1 : depth]).mean()) for depth in GOALS]

    def is_enough(probes: int) -> bool:
        return all(found >= goal for found, goal in zip(recalls(probes), GOALS.values(), strict=True))

    choice = range(1, int(MOST_PROBED * index.nlist) + 1)
    at = bisect_left(choice, True, key=is_enough)
    if at == len(choice):
        return None
    return Approximation("ivf", index.nlist, choice[at], recalls(choice[at])[0], len(questions))


def sample(vectors: NDArray[np.float16]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Make questions (n, dim) of stored vectors, and tell the rows (n, 2) that each is made of; always the same.

    A question lies halfway between two passages, and 1.4 times as far off. That is about as hard as 150 real
    questions on inspection reports: for a recall of 0.995 at 10 of 50,000 and of 200,000 vectors these take 209 and
    204 lists, made ones 127 and 237, and passages with as much noise as they are long 26 and 19, far too few.
    """
    chance = np.random.default_rng(0)
    rows = chance.integers(len(vectors), size=(SAMPLE, 2))
    middles = vectors[rows].astype(np.float32).mean(axis=1)
    noise = chance.standard_normal(middles.shape, np.float32) / np.sqrt(np.float32(middles.shape[1]))
    return middles + np.float32(1.4) * np.linalg.norm(middles, axis=1, keepdims=True) * noise, rows


def _scores(index: Any, questions: NDArray[np.float32], out: NDArray[np.int64], probes: int) -> NDArray[np.float32]:
    """Give the best scores of each question, best first, without the passages that it is made of."""
    depth = max(GOALS)
    scores, ids = index.search(questions, depth + out.shape[1], params=_probing(probes))
    scores[(ids[:, :, np.newaxis] == out[:, np.newaxis]).any(axis=2)] = -np.inf
    return -np.sort(-scores, axis=1)[:, :depth]


@contextmanager
def _all_processors() -> Iterator[None]:
    """Let FAISS and numpy build with all processors."""
    before, every = faiss.omp_get_max_threads(), os.cpu_count() or 1
    faiss.omp_set_num_threads(every)
    try:
        with threadpool_limits(every, "blas"):
            yield
    finally:
        faiss.omp_set_num_threads(before)


def _add(index: Any, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> None:
    for start in range(0, len(ids), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        index.add_with_ids(vectors[part].astype(np.float32), ids[part])


def _last(ids: NDArray[np.int64]) -> int:
    return int(ids[-1]) if len(ids) else -1


def _selector(last: int, allowed: NDArray[np.int64] | None, removed: NDArray[np.int64]) -> faiss.IDSelector | None:
    """Choose which ids may be found; None for all."""
    if allowed is None and not len(removed):
        return None
    # A bit for each id: FAISS's sets of ids take 50 ms to be filled where 100,000 ids are allowed.
    chosen = np.full(last + 1, allowed is None)
    if allowed is None:
        chosen[removed] = False
    else:
        chosen[allowed[: np.searchsorted(allowed, last, side="right")]] = True
    bits = np.packbits(chosen, bitorder="little")
    return faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # its stubs do not know of arrays here


def _probing(lists: int, selector: faiss.IDSelector | None = None) -> faiss.IVFSearchParameters:
    parameters = faiss.IVFSearchParameters()
    parameters.nprobe, parameters.sel = lists, selector
    return parameters


def _found(index: Any, query: NDArray[np.float32], k: int, parameters: Any) -> list[tuple[int, float]]:
    # Of the threads of FAISS one query uses one, and the others keep the encoder from its processors: measured on two
    # cores, a search of 41,770 vectors takes 24 ms beside them, 3 without. OpenMP holds the number for each thread.
    faiss.omp_set_num_threads(1)
    scores, ids = index.search(query[np.newaxis], k, params=parameters)
    return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]  # -1 fills the rest
