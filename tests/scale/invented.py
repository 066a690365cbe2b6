"""Invented files, and plain stand-ins that make documents of them, which other processes find by their names."""

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256, shake_256

import numpy as np
from numpy.typing import NDArray

from indexer.encoder import Encoder
from indexer.errors import DocumentRefusedError, Refusal
from indexer.passages import cut
from indexer.records import Document, Extracted, Metadata, Page, Passage, Removal
from indexer.settings import Settings
from indexer.shards import Job, ReadsFiles, Tools
from indexer.sources import Source
from tests.fakes import TextReaders, WordEncoder

ROOT = "/invented"
SYLLABLES = "bar cal dun eve fen gar hol ing kel lin mor nor oak pen rad sta tor und wes yar".split()
DIM = 384
PACE = "CITEWELL_INVENTED_PACE_MS"  # environment of a worker: how long its encoder takes for a passage
DEADLY = b"deadly"


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a file, all but its vectors."""

    document: Document
    pages: tuple[Page, ...]
    removals: tuple[Removal, ...]
    passages: list[Passage]


class HashEncoder(WordEncoder):
    """A text's vector is a hash of it, so that encoding costs nothing but the time it is told to take."""

    def __init__(self, pace_ms: float) -> None:
        super().__init__(model="hashes")
        self.fingerprint = replace(self.fingerprint, dim=DIM)
        self._pace_s = pace_ms / 1000

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[NDArray[np.float32]]:
        time.sleep(len(texts) * self._pace_s)
        return [
            np.stack([_hashed(text), *(_hashed(text[part[0] : part[-1]]) for part in some)])
            for text, some in zip(texts, parts, strict=True)
        ]


def job(path: str, data: bytes) -> Job:
    """Make the job of a file."""
    return Job(Source(ROOT, path, {}), sha256(data).hexdigest(), len(data), "a recipe")


def files(count: int, passages: int = 20) -> Iterator[tuple[Job, bytes]]:
    """Invent files of about so many passages each, the same every time."""
    for number in range(count):
        chance = random.Random(number)
        data = "\n\n".join(_paragraph(chance) for _ in range(passages)).encode()
        yield job(f"{number:06}.txt", data), data


def make(job: Job, extracted: Extracted, settings: Settings, encoder: Encoder) -> Made:
    """Make a document without metadata; files that begin as `DEADLY` kill the process, those with `?` are refused."""
    text = extracted.pages[0].text
    if text.startswith(DEADLY.decode()):
        os.kill(os.getpid(), signal.SIGKILL)
    if text.startswith("?"):
        raise DocumentRefusedError(Refusal.EMPTY, "it starts with a question mark", pages=(1,))
    source = job.source
    passages = cut(extracted.pages, (), Metadata(), encoder, aim=settings.passage_tokens)
    document = Document(
        source.doc_id,
        source.root,
        source.path,
        job.sha256,
        job.size,
        extracted.format,
        extracted.reader,
        len(extracted.pages),
        Metadata(),
    )
    return Made(document, extracted.pages, (), passages)


def open_texts(_: Settings) -> AbstractContextManager[ReadsFiles]:
    """Read files as UTF-8, in this process."""
    return nullcontext(TextReaders())


def open_hashes(_: Settings) -> HashEncoder:
    """Open the encoder that takes as long as the environment says."""
    return HashEncoder(float(os.environ.get(PACE, "0")))


TOOLS = Tools(make, open_texts, open_hashes)


def _paragraph(chance: random.Random) -> str:
    return " ".join(_sentence(chance) for _ in range(9))


def _sentence(chance: random.Random) -> str:
    words = ("".join(chance.choices(SYLLABLES, k=chance.randint(1, 3))) for _ in range(chance.randint(9, 16)))
    return " ".join(words).capitalize() + "."


def _hashed(text: str) -> NDArray[np.float32]:
    numbers = np.frombuffer(shake_256(text.encode()).digest(DIM), np.int8).astype(np.float32)
    unit: NDArray[np.float32] = numbers / np.linalg.norm(numbers)
    return unit
