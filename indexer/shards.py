"""Documents made of a shard of files, by any machine with what it is given: the task, and its way there and back.

What goes there is JSON and the bytes of the files, what comes back one sealed piece of bytes: of each file its
document with vectors, or why there is none.
"""

import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from indexer.contents import Contents, to_bytes
from indexer.encoder import Encoder, Fingerprint, SentenceEncoder
from indexer.errors import CitewellError, DocumentRefusedError, IndexFormatError, Refusal, WorkersError
from indexer.extract import Readers
from indexer.hashes import input_sha256
from indexer.records import Document, Extracted, Page, Passage, Removal
from indexer.repetition import sketch
from indexer.settings import Settings
from indexer.sources import Source

FORMAT = 1
ENCODE_AT_ONCE = 64  # passages
# What of the settings decides what is made. All others, such as device and threads, are a worker's own.
SENT = {
    *("path_rules", "kinds", "passage_tokens", "parse_memory_mb", "parse_cpu_s", "parse_wall_s"),
    *("model", "query_prompt", "passage_prompt", "precision"),
}
_DIGEST = 32  # bytes of a SHA-256
_LENGTH = 8  # bytes that tell how long the head of a shard is
_OPENING = Lock()  # so that threads that begin together open one encoder


@dataclass(frozen=True, slots=True)
class Job:
    """A file that is new or changed."""

    source: Source
    sha256: str  # of its bytes
    size: int
    recipe: str


class Made(Protocol):
    """What became of a file, all but its vectors."""

    @property
    def document(self) -> Document: ...  # noqa: D102
    @property
    def pages(self) -> tuple[Page, ...]: ...  # noqa: D102
    @property
    def removals(self) -> tuple[Removal, ...]: ...  # noqa: D102
    @property
    def passages(self) -> Sequence[Passage]: ...  # noqa: D102


class ReadsFiles(Protocol):
    """Turns bytes into pages, or says why not."""

    def read_all(
        self, items: Iterable[tuple[Job, bytes]], name: Callable[[Job], str]
    ) -> Iterator[tuple[Job, Extracted | DocumentRefusedError]]:
        """Read many files; results come in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What workers make documents with. All are at the top of a module, since only their names travel.

    `make` joins the steps between pages and vectors; it may raise DocumentRefusedError.
    """

    make: Callable[[Job, Extracted, Settings, Encoder], Made]
    open_readers: Callable[[Settings], AbstractContextManager[ReadsFiles]] = Readers
    open_encoder: Callable[[Settings], Encoder] = SentenceEncoder


@dataclass(frozen=True, slots=True)
class Results:
    """What a shard holds: of each file its document, as `contents` writes it, or why there is none."""

    parts: tuple[bytes | DocumentRefusedError, ...]
    encoded: int  # passages

    def to_bytes(self) -> bytes:
        """Write it, with a hash over all of it."""
        heads = [
            {"refused": [part.code, part.message, part.pages]}
            if isinstance(part, DocumentRefusedError)
            else {"bytes": len(part)}
            for part in self.parts
        ]
        head = json.dumps({"format": FORMAT, "encoded": self.encoded, "parts": heads}).encode()
        documents = [part for part in self.parts if isinstance(part, bytes)]
        body = b"".join([len(head).to_bytes(_LENGTH, "big"), head, *documents])
        return sha256(body).digest() + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote. Raises IndexFormatError."""
        body = memoryview(data)[_DIGEST:]
        if sha256(body).digest() != data[:_DIGEST]:
            raise IndexFormatError("a shard of documents is damaged: its hash is not its own")
        at = _LENGTH + int.from_bytes(body[:_LENGTH], "big")
        head = json.loads(bytes(body[_LENGTH:at]))
        if head["format"] != FORMAT:
            raise IndexFormatError(f"a shard of documents has format {head['format']}, not {FORMAT}")
        parts: list[bytes | DocumentRefusedError] = []
        for one in head["parts"]:
            if "refused" in one:
                code, message, pages = one["refused"]
                parts.append(DocumentRefusedError(Refusal(code), message, pages=tuple(pages)))
            else:
                parts.append(bytes(body[at : at + one["bytes"]]))
                at += one["bytes"]
        return cls(tuple(parts), head["encoded"])


def write_order(jobs: Sequence[Job], settings: Settings, fingerprint: Fingerprint) -> str:
    """Write all that decides what is made of these files, beside their bytes, whose hashes are in it."""
    order = {
        "release": _release(),
        "fingerprint": fingerprint.to_json(),
        "settings": settings.model_dump(mode="json", include=SENT),
        "jobs": [_to_json(job) for job in jobs],
    }
    return json.dumps(order, sort_keys=True)


def make_shard(order: str, files: Sequence[bytes], tools: Tools) -> bytes:
    """Make documents of files as they are ordered; what is given back is for `contents_of`.

    Raises WorkersError where this worker is not of the same make as who ordered, ModelError.
    """
    asked = json.loads(order)
    here = f"worker {socket.gethostname()}"
    if asked["release"] != _release():
        raise WorkersError(
            f"{here} runs citewell {_release()} and the sync {asked['release']}: install the same on both, "
            "and start the worker again"
        )
    try:
        settings = Settings.load(**asked["settings"])
        encoder = _encoder(tools.open_encoder, settings)
        fingerprint = encoder.fingerprint
    except CitewellError as error:
        raise WorkersError(f"{here} cannot begin: {error}") from error
    if fingerprint.to_json() != asked["fingerprint"]:
        differences = fingerprint.differences(Fingerprint.from_json(asked["fingerprint"]))
        raise WorkersError(
            f"{here} has another encoder than the sync: {differences}; give both the same model and settings"
        )
    jobs = [_from_json(one) for one in asked["jobs"]]
    for job, data in zip(jobs, files, strict=True):
        if sha256(data).hexdigest() != job.sha256:
            raise WorkersError(f"`{job.source.path}` came to {here} altered; run the command again")
    made: list[tuple[Job, Made | DocumentRefusedError]] = []
    with tools.open_readers(settings) as readers:
        for job, result in readers.read_all(zip(jobs, files, strict=True), lambda job: job.source.path):
            made.append((job, _made(job, result, settings, encoder, tools)))
    passages = [passage for _, one in made if not isinstance(one, DocumentRefusedError) for passage in one.passages]
    vectors = _encoded(passages, encoder)
    parts = (
        one if isinstance(one, DocumentRefusedError) else to_bytes(_contents(job, one, vectors)) for job, one in made
    )
    return Results(tuple(parts), len(vectors)).to_bytes()


def _made(
    job: Job, result: Extracted | DocumentRefusedError, settings: Settings, encoder: Encoder, tools: Tools
) -> Made | DocumentRefusedError:
    if isinstance(result, DocumentRefusedError):
        return result
    try:
        return tools.make(job, result, settings, encoder)
    except DocumentRefusedError as refused:
        return refused


def _encoded(passages: Sequence[Passage], encoder: Encoder) -> dict[str, NDArray[np.float16]]:
    """Give the vectors of passages, by `input_sha256`; what stands in several is encoded once."""
    wanted = sorted({input_sha256(one): one for one in passages}.items(), key=lambda item: len(item[1].input))
    vectors: dict[str, NDArray[np.float16]] = {}
    for start in range(0, len(wanted), ENCODE_AT_ONCE):
        part = dict(wanted[start : start + ENCODE_AT_ONCE])
        made = encoder.encode_passages(
            [one.input for one in part.values()], [_sentences(one) for one in part.values()]
        )
        vectors |= {digest: some.astype(np.float16) for digest, some in zip(part, made, strict=True)}
    return vectors


def _sentences(passage: Passage) -> list[tuple[int, int]]:
    """Find the sentences of a passage in what is encoded of it."""
    before = len(passage.input) - len(passage.text)
    return [(before + start, before + end) for start, end in passage.sentences]


def _contents(job: Job, made: Made, vectors: Mapping[str, NDArray[np.float16]]) -> Contents:
    passages = tuple(made.passages)
    return Contents(
        made.document,
        job.recipe,
        made.pages,
        made.removals,
        passages,
        tuple(vectors[input_sha256(one)] for one in passages),
        tuple(sketch(one.text, made.document.metadata.body) for one in passages),
    )


def _to_json(job: Job) -> dict[str, Any]:
    source = job.source
    stated = dict(source.stated)
    return {
        "source": [source.root, source.path, stated],
        "sha256": job.sha256,
        "size": job.size,
        "recipe": job.recipe,
    }


def _from_json(job: dict[str, Any]) -> Job:
    return Job(Source(*job["source"]), job["sha256"], job["size"], job["recipe"])


def _encoder(open_encoder: Callable[[Settings], Encoder], settings: Settings) -> Encoder:
    """Give this process's encoder, which is kept from one task to the next."""
    with _OPENING:
        return _opened(open_encoder, settings.model_dump_json(include=SENT))


@lru_cache(maxsize=1)
def _opened(open_encoder: Callable[[Settings], Encoder], settings: str) -> Encoder:
    return open_encoder(Settings.load(**json.loads(settings)))


@cache
def _release() -> str:
    """Name the code that is running: its version, and a hash of the modules that make documents."""
    here = Path(__file__).parent
    texts = (f"{path.relative_to(here)}\0{path.read_text('utf-8')}" for path in sorted(here.rglob("*.py")))
    return f"{version('citewell')} ({sha256(chr(0).join(texts).encode()).hexdigest()[:12]})"
