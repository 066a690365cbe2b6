"""Gives passages their vectors in a thread of its own, while others are read, cut and stored."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.encoder import Encoder
from indexer.hashes import input_sha256
from indexer.journal import Journal
from indexer.records import Passage

AHEAD = 2  # batches beside the one that is being stored: one that is encoded, and one so that the encoder never waits
ENCODE_AT_ONCE = 64  # passages between two signs of progress, and between two additions to the journal

Vectors = NDArray[np.float16]  # of a passage: (1 + its sentences, dim)
B = TypeVar("B")


class Encoding:
    """The encoder at work on batch after batch; a context manager, whose end stops the thread and closes the journal.

    `told` is called in that thread, with the number of passages that were just encoded.
    """

    def __init__(self, encoder: Encoder, journal: Journal, told: Callable[[int], None]) -> None:
        self._encoder = encoder
        self._journal = journal
        self._told = told
        self._is_stopping = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoding")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_stopping = True
        try:
            self._thread.shutdown(cancel_futures=True)
        finally:
            self._journal.close()

    def ahead(
        self,
        batches: Iterable[B],
        passages: Callable[[B], Sequence[Passage]],
        known: Callable[[Sequence[str]], Mapping[str, Vectors]],
    ) -> Iterator[tuple[B, list[Vectors]]]:
        """Give batches in their order with the vectors of their passages, taking few ahead of the one it gives.

        `known` gives vectors by `input_sha256`, in the thread that asks for the batches. Others are taken from the
        journal, or encoded and put there. Raises what the encoder raises.
        """
        waiting: deque[tuple[B, Future[list[Vectors]]]] = deque()
        for batch in batches:
            some = passages(batch)
            digests = [input_sha256(passage) for passage in some]
            waiting.append((batch, self._thread.submit(self._vectors, some, digests, known(digests))))
            while waiting and (len(waiting) > AHEAD or self._is_stopping):  # after an error, so that it is told soon
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()

    def _vectors(
        self, passages: Sequence[Passage], digests: Sequence[str], known: Mapping[str, Vectors]
    ) -> list[Vectors]:
        try:
            return self._encoded(passages, digests, known)
        except BaseException:
            self._is_stopping = True  # the batches behind it are of no use
            raise

    def _encoded(
        self, passages: Sequence[Passage], digests: Sequence[str], known: Mapping[str, Vectors]
    ) -> list[Vectors]:
        wanted = {digest: one for digest, one in zip(digests, passages, strict=True) if digest not in known}
        # Those of the batches before, which are not in the store yet, stand in the journal as well.
        vectors = {**known, **self._journal.vectors_of(wanted)}
        missing = [(digest, passage) for digest, passage in wanted.items() if digest not in vectors]
        missing.sort(key=lambda item: len(item[1].input))  # little padding, so less to compute
        for start in range(0, len(missing), ENCODE_AT_ONCE):
            if self._is_stopping:
                return []  # which nobody waits for
            part = dict(missing[start : start + ENCODE_AT_ONCE])
            made = self._encoder.encode_passages(
                [passage.input for passage in part.values()], [_sentences(passage) for passage in part.values()]
            )
            new = {digest: some.astype(np.float16) for digest, some in zip(part, made, strict=True)}
            self._journal.put(new)
            vectors |= new
            self._told(len(part))
        return [vectors[digest] for digest in digests]


def _sentences(passage: Passage) -> list[tuple[int, int]]:
    """Find the sentences of a passage in what is encoded of it."""
    before = len(passage.input) - len(passage.text)
    return [(before + start, before + end) for start, end in passage.sentences]
