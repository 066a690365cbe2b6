"""Small stand-ins for the model and the reader processes: deterministic, instant, checkable by hand."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.encoder import Fingerprint
from indexer.errors import DocumentRefusedError, Refusal
from indexer.records import Extracted, Line, Page

T = TypeVar("T")
DIM = 64


class WordEncoder:
    """A text's vector is the sum of one fixed direction a word, so texts that share words are near each other.

    A token is a run of letters and digits, or any other sign that is not white space.
    """

    def __init__(self, *, room: int = 254, model: str = "words") -> None:
        self.room = room
        digest = sha256(model.encode()).hexdigest()
        self.fingerprint = Fingerprint(model, digest, digest, DIM, room + 2, "", "", "float32")
        self.encoded: list[str] = []  # every passage ever encoded

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[NDArray[np.float32]]:
        self.encoded += texts
        assert all(count <= self.room for count in self.count(texts))
        return [
            np.stack([_direction(text), *(_direction(_part(text, part)) for part in some)])
            for text, some in zip(texts, parts, strict=True)
        ]

    def encode_queries(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]] = ()
    ) -> NDArray[np.float32]:
        of_texts = zip(texts, parts or [()] * len(texts), strict=True)
        return np.stack(
            [_direction(text) for text in [*texts, *(_part(text, part) for text, some in of_texts for part in some)]]
        )

    def prepare(self) -> None:
        """Be ready at once."""

    def with_model(self, model: str) -> "WordEncoder":
        return WordEncoder(room=self.room, model=model)


class TextReaders:
    """Reads bytes as UTF-8, one page a form feed, in this process; refuses files that start with `!`."""

    def __init__(self) -> None:
        self.read: list[str] = []  # names of the files that were read

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        for key, data in items:
            self.read.append(name(key))
            if data.startswith(b"!"):
                yield key, DocumentRefusedError(Refusal.DAMAGED, "it starts with an exclamation mark")
            else:
                yield key, extracted(data.decode())


def extracted(text: str) -> Extracted:
    """Make the pages of a text, without layout; form feeds separate pages."""
    pages = tuple(page(number, part) for number, part in enumerate(text.split("\f"), start=1))
    return Extracted("text", "fake 1", pages)


def page(number: int, text: str) -> Page:
    """Make a page without layout, its lines found by line feeds."""
    lines = tuple(Line(m.start(), m.end()) for m in re.finditer(r"\S(?:[^\n]*\S)?", text))
    return Page(number, text, lines)


def without_lines(pages: Sequence[Page]) -> tuple[Page, ...]:
    """Give pages as the store gives them back."""
    return tuple(replace(page, lines=()) for page in pages)


def _part(text: str, part: tuple[int, ...]) -> str:
    return " ".join(text[start:end] for start, end in zip(part[::2], part[1::2], strict=True))


def _direction(text: str) -> NDArray[np.float32]:
    total = np.zeros(DIM)
    for word in re.findall(r"\w+", text.casefold()) or [text]:
        seed = int.from_bytes(sha256(word.encode()).digest()[:8], "big")
        total += np.random.default_rng(seed).normal(size=DIM)
    return (total / np.linalg.norm(total)).astype(np.float32)


def at_once(calls: Sequence[Callable[[], T]], times: int) -> list[list[T]]:
    """Make each of the calls so many times, in a thread of its own beside the others'; give its results."""

    def repeat(call: Callable[[], T]) -> list[T]:
        return [call() for _ in range(times)]

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(repeat, calls))
