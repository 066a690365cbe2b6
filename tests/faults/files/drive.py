"""Indexes a folder of hostile files and prints what became of them: `python -m tests.faults.files.drive JOB`.

It is a process of its own so that its memory is its own, and so that a planted bug harms nobody else.
"""

import json
import os
import re
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer import sync as steps
from indexer.errors import DocumentRefusedError
from indexer.extract import Readers, child
from indexer.records import Document, Extracted
from indexer.settings import Settings
from indexer.sources import Scan, scan
from indexer.store import Store
from tests.fakes import DIM, WordEncoder
from tests.faults.files import Target, places

RAW = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
DEEDS = (
    "socket.connect socket.getaddrinfo socket.gethostby socket.send subprocess. os.exec os.fork os.posix_spawn"
    " os.system os.mkdir os.rename os.remove os.symlink os.link"
)
WATCH = '''
import os, socket, sys

line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
line.connect({address!r})
line.setblocking(False)
to, writing, deeds = line.fileno(), os.O_WRONLY | os.O_RDWR | os.O_CREAT, {deeds!r}


def own(place):
    """Tell what the process itself opens at its start: the pipes that it was given, and nothing."""
    return isinstance(place, int) or place == os.devnull


def see(event, arguments):
    """Tell the parent of each try to write, to connect, or to start a program."""
    if event.startswith(deeds) or (event == "open" and arguments[2] & writing and not own(arguments[0])):
        try:
            os.write(to, f"{{event}} {{arguments!r}}"[:300].encode(errors="replace"))
        except OSError:
            pass


sys.addaudithook(see)
'''


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, all folders absolute; it travels as JSON."""

    base: str  # holds all the other folders
    source: str
    good: str
    swaps: str  # below source, or empty
    canary: str
    outside: str
    settings: dict[str, Any] = field(default_factory=dict)
    plant: str = ""  # Python that each reader process runs first


@dataclass(frozen=True, slots=True)
class Read:
    """A document of the index."""

    format: str
    pages: int
    characters: int
    digest: int  # of its pages' texts, within this process
    signs: int  # different characters
    raw: str | None  # a character that a terminal would obey, with what stands before it
    canary: bool  # holds the text of the file outside


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the files."""

    read: dict[str, Read]
    alone: dict[str, Read]  # the good files, indexed by themselves
    refused: dict[str, tuple[str, str]]  # path -> code and message
    seconds: dict[str, float]  # path -> time in a reader process, its start not counted
    deeds: list[str]  # of reader processes
    parent_mb: int  # by which the peak of this process grew
    child_mb: int  # peak of any reader process
    took_s: float


class Encoder(WordEncoder):
    """Gives each text a direction of its own, faster than word by word."""

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[NDArray[np.float32]]:
        assert all(count <= self.room for count in self.count(texts))
        return [np.full((1 + len(some), DIM), DIM**-0.5, np.float32) for some in parts]


def main() -> None:
    """Index the good files alone, then all."""
    job = Job(**json.loads(Path(sys.argv[1]).read_text("utf-8")))
    base, target = Path(job.base), Target(Path(job.canary), "", Path(job.outside))
    seconds: dict[str, float] = {}
    deeds: list[str] = []
    with _watched(base, job.plant, seconds, deeds):
        alone = _index(Path(job.good), base / "alone", job)
        before = _peak_mb()
        seconds.clear()
        changing: Any = nullcontext()
        if job.swaps:
            changing = places.rewritten(Path(job.swaps) / "changing.txt")
            _swap_after_scan(Path(job.swaps), target)
        started = time.perf_counter()
        with changing:
            read = _index(Path(job.source), base / "index", job)
        took = time.perf_counter() - started
    store = Store(base / "index")
    with store.reading() as reader:
        refused = {refused.path: (str(refused.code), refused.message) for refused in reader.refusals()}
    store.close()
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    result = Result(read, alone, refused, seconds, deeds, _peak_mb() - before, children, took)
    sys.stdout.write(json.dumps(asdict(result)))


def _index(source: Path, index: Path, job: Job) -> dict[str, Read]:
    settings = Settings(index=index, **job.settings)
    with Readers(settings) as readers:
        steps.sync([source], settings, encoder=Encoder(), readers=readers)
    canary = Path(job.canary).read_text("utf-8").strip()
    store = Store(index)
    with store.reading() as reader:
        found = {}
        for document in reader.documents():
            texts = [reader.page(document.doc_id, number)[0].text for number in range(1, document.pages + 1)]
            found[document.path] = _read(document, texts, canary)
    store.close()
    return found


def _read(document: Document, texts: list[str], canary: str) -> Read:
    data = document.metadata
    stated = [data.title, data.publisher, data.body, data.kind, data.source, data.licence, *document.notes]
    everything = [*texts, *(value for value in stated if value)]
    raw = next((match for text in everything if (match := RAW.search(text))), None)
    return Read(
        format=document.format,
        pages=len(texts),
        characters=sum(map(len, texts)),
        digest=hash(tuple(texts)),
        signs=len(set().union(*texts)),
        raw=raw and ascii(raw.string[max(0, raw.start() - 20) : raw.end()]),
        canary=any(canary in text for text in everything),
    )


def _swap_after_scan(folder: Path, target: Target) -> None:
    def swapped(named: Sequence[Path], settings: Settings) -> Scan:
        found = scan(named, settings)
        places.swap(folder, target)
        return found

    steps.scan = swapped  # type: ignore[attr-defined]


@contextmanager
def _watched(base: Path, plant: str, seconds: dict[str, float], deeds: list[str]) -> Iterator[None]:
    """Hear of what reader processes try to do, and time how long each file takes."""
    address = str(base / "line")
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    line.bind(address)
    watch = base / "watch"
    watch.mkdir()
    text = WATCH.format(address=address, deeds=tuple(DEEDS.split()))
    (watch / "sitecustomize.py").write_text(text + plant, "utf-8")  # Python runs it at its start
    environment, read = child._environment, child.Child.read

    def watched_environment() -> dict[str, str]:
        known = environment()
        return known | {"PYTHONPATH": f"{watch}{os.pathsep}{known['PYTHONPATH']}"}

    def timed(self: child.Child, data: bytes, name: str) -> Extracted | DocumentRefusedError:
        started = time.perf_counter()
        try:
            return read(self, data, name)
        finally:
            seconds[name] = time.perf_counter() - started

    def hear() -> None:
        while heard := line.recv(1000):
            deeds.append(heard.decode(errors="replace"))

    child._environment = watched_environment
    child.Child.read = timed  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=hear)
    thread.start()
    try:
        yield
    finally:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", address)
        thread.join()
        line.close()


def _peak_mb() -> int:
    """Give the most memory this process ever held; what the system's own call tells includes who started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


if __name__ == "__main__":
    main()
