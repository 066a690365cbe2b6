"""Encoding goes on beside reading and storing, in order, a few batches ahead, and ends with the sync."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer import encoding
from indexer.encoding import AHEAD, Encoding, Vectors
from indexer.hashes import input_sha256
from indexer.journal import Journal
from indexer.records import Passage, Span
from tests.fakes import DIM, WordEncoder

WAIT_S = 20  # for what comes at once, unless the test fails


def passage(text: str) -> Passage:
    """Make a passage that is one sentence."""
    return Passage(text, (Span(1, 0, len(text)),), sentences=((0, len(text)),))


def whole(text: str) -> list[Passage]:
    """Let a batch be one passage of this text."""
    return [passage(text)]


def nothing(_: Sequence[str]) -> Mapping[str, Vectors]:
    return {}


def encoding_in(folder: Path, encoder: WordEncoder, told: Callable[[int], None] = lambda _: None) -> Encoding:
    return Encoding(encoder, Journal(folder, encoder.fingerprint.to_json(), DIM), told)


def encoding_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("encoding")]


class WatchedEncoder(WordEncoder):
    """Calls something before it encodes the text `at`."""

    def __init__(self, at: str, call: Callable[[], object]) -> None:
        super().__init__()
        self._at = at
        self._call = call

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[NDArray[np.float32]]:
        if self._at in texts:
            self._call()
        return super().encode_passages(texts, parts)


def test_batches_come_in_order_with_the_vectors_of_their_passages(tmp_path: Path) -> None:
    """Those of the whole and of its sentences, as float16, however few or many passages a batch has."""
    encoder = WordEncoder()
    batches = [["ferry", "old oak"], [], ["bread"], ["a road in the north"], ["ferry bay"]]

    def passages(batch: list[str]) -> list[Passage]:
        return [passage(text) for text in batch]

    with encoding_in(tmp_path, encoder) as at_work:
        made = list(at_work.ahead(batches, passages, nothing))
    assert [batch for batch, _ in made] == batches
    for batch, vectors in made:
        expected = [WordEncoder().encode_queries([text, text]).astype(np.float16) for text in batch]
        assert [one.tolist() for one in vectors] == [one.tolist() for one in expected]
        assert all(one.dtype == np.float16 for one in vectors)
    assert encoding_threads() == []


def test_what_is_known_is_not_encoded(tmp_path: Path) -> None:
    """Neither what the index has, nor what an interrupted sync, or a batch before, has encoded."""
    with encoding_in(tmp_path, WordEncoder()) as at_work:
        list(at_work.ahead(["ferry", "oak"], whole, nothing))
    asked: list[list[str]] = []

    def known(digests: Sequence[str]) -> Mapping[str, Vectors]:
        asked.append(list(digests))
        stored = input_sha256(passage("bread"))
        return {stored: np.ones((2, DIM), np.float16)} if stored in digests else {}

    counts: list[int] = []
    with encoding_in(tmp_path, encoder := WordEncoder(), counts.append) as at_work:
        made = dict(at_work.ahead(["oak", "bread", "road", "ferry", "road "], lambda one: whole(one.strip()), known))
    assert encoder.encoded == ["road"]
    assert counts == [1]
    assert asked == [[input_sha256(passage(one))] for one in ("oak", "bread", "road", "ferry", "road")]
    assert np.array_equal(made["bread"][0], np.ones((2, DIM)))
    assert np.array_equal(made["road"][0], made["road "][0])


def test_a_batch_is_encoded_while_the_one_before_is_stored(tmp_path: Path) -> None:
    """The encoder is at the second one before whoever stores has done with the first."""
    at_second = threading.Event()
    with encoding_in(tmp_path, WatchedEncoder("oak", at_second.set)) as at_work:
        for text, _ in at_work.ahead(["ferry", "oak", "bread", "road"], whole, nothing):
            if text == "ferry":
                assert at_second.wait(WAIT_S)


def test_batches_are_made_while_one_is_encoded(tmp_path: Path) -> None:
    """The encoder goes on only when the next batch is there, which is therefore not waiting for it."""
    is_made = threading.Event()

    def batches() -> Iterator[str]:
        yield "ferry"
        yield "oak"
        is_made.set()
        yield "bread"

    encoder = WatchedEncoder("ferry", lambda: is_made.wait(WAIT_S) or pytest.fail("nothing was made meanwhile"))
    with encoding_in(tmp_path, encoder) as at_work:
        assert [text for text, _ in at_work.ahead(batches(), whole, nothing)] == ["ferry", "oak", "bread"]


def test_few_batches_are_made_ahead(tmp_path: Path) -> None:
    """However many there are and however slowly they are stored, memory holds few."""
    made = 0

    def batches() -> Iterator[str]:
        nonlocal made
        for number in range(20):
            made += 1
            yield f"ferry {number}"

    most = 0
    with encoding_in(tmp_path, WordEncoder()) as at_work:
        for stored, _ in enumerate(at_work.ahead(batches(), whole, nothing), start=1):
            most = max(most, made - stored)
    assert (made, most) == (20, AHEAD)


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt()])
def test_an_error_of_the_encoder_comes_out_as_itself(tmp_path: Path, error: BaseException) -> None:
    """The batches before are given; after it nothing is encoded, and not all the rest is read first."""
    has_failed = threading.Event()
    made: list[str] = []
    given: list[str] = []

    def fail() -> None:
        has_failed.set()
        raise error

    def batches() -> Iterator[str]:
        for text in ("ferry", "bread", "road", "oak", "bay", "sea"):
            if text == "road":
                assert has_failed.wait(WAIT_S)
            made.append(text)
            yield text

    def go_through() -> None:
        with encoding_in(tmp_path, encoder) as at_work:
            given.extend(text for text, _ in at_work.ahead(batches(), whole, nothing))

    encoder = WatchedEncoder("bread", fail)
    with pytest.raises(type(error)) as raised:
        go_through()
    assert raised.value is error
    assert given == encoder.encoded == ["ferry"]
    assert made[-1] in {"road", "oak"}  # the thread may be about to say that it failed
    assert encoding_threads() == []


def test_the_thread_ends_with_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops the sync, it encodes no more than the part that it is at, which is kept."""
    monkeypatch.setattr(encoding, "ENCODE_AT_ONCE", 1)
    is_at_work, may_go_on = threading.Event(), threading.Event()

    def pause() -> None:
        is_at_work.set()
        assert may_go_on.wait(WAIT_S)

    encoder = WatchedEncoder("oak", pause)
    at_work = encoding_in(tmp_path, encoder)
    stop = at_work._thread.shutdown

    def stop_then_go_on(**named: bool) -> None:
        threading.Timer(0, may_go_on.set).start()
        stop(**named)

    monkeypatch.setattr(at_work._thread, "shutdown", stop_then_go_on)

    def batches() -> Iterator[list[str]]:
        yield ["oak", "ferry", "road by the sea"]
        yield ["bread"]
        assert is_at_work.wait(WAIT_S)
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt), at_work:
        list(at_work.ahead(batches(), lambda batch: [passage(text) for text in batch], nothing))
    assert encoding_threads() == []
    assert encoder.encoded == ["oak"]
    with encoding_in(tmp_path, again := WordEncoder()) as at_work:
        list(at_work.ahead(["oak", "ferry"], whole, nothing))
    assert again.encoded == ["ferry"]
