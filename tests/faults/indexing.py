"""Syncs and searches in processes of their own, which may be killed, watched, or run with a planted bug.

The processes are forked from one that has imported everything, so that each costs milliseconds.
"""

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple

import pytest

from indexer import database, dense, embedded, lexical, outlines, sync
from indexer.collection import Reader
from indexer.embedded import Embedded
from indexer.encoding import Encoding
from indexer.errors import CitewellError, IndexMissingError
from indexer.hashes import text_sha256
from indexer.originals import original
from indexer.settings import Settings
from indexer.store import Writer
from service.cli import _exit_code
from service.query import Query
from service.search import Hit, Searcher
from tests.fakes import TextReaders, WordEncoder
from tests.faults.shim import Fault, arm, count

ROOM = 60  # tokens, so that passages are small
Bug = dict[str, Callable[..., Any]]  # what stands in the place of what, by its dotted name
PHASES = "reading cutting encoding storing words committing dropping snapshot".split()


class Announced(NamedTuple):
    """A phase begins."""

    phase: str
    at_s: float  # on a clock that all processes share


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync to be run."""

    sources: Path
    index: Path
    bug: str = ""  # one of BUGS
    fault: Fault | None = None
    waits: bool = False  # for a word, once it has the writer's place


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sync ended, where the process lived to tell."""

    pid: int
    generation: int = 0  # that is served now; 0 where it failed
    error: str = ""  # name of its class
    message: str = ""
    exit_code: int = 0  # of the command
    operations: int = 0  # on files, where they were counted
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What an index says. Two that are equal in it cannot be told apart by a reader."""

    generation: int  # 0: there is no index to search
    documents: tuple[tuple[str, str], ...] = ()  # path and hash of the file
    contents: str = ""  # hash of all pages and passages
    results: tuple[str, ...] = ()  # hash of each query's results


@dataclass(frozen=True, slots=True)
class Checked:
    """What an index says, and what is wrong with it."""

    seen: Seen
    problems: tuple[str, ...]


@dataclass
class Running:
    """A process that was started, and what it tells."""

    process: Any
    connection: Connection
    phases: list[Announced] = field(default_factory=list)

    def next(self) -> object:
        """Wait for the next thing that the process says; None when it has ended."""
        try:
            told = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return None
        if isinstance(told, Announced):
            self.phases.append(told)
        return told

    def end(self) -> Any:
        """Wait for the end, and give the result; None where the process died before."""
        told: object = None
        while isinstance(told := self.next(), Announced):
            pass
        self.process.join()
        return told

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()


@contextmanager
def started(function: Callable[..., object], *given: object) -> Iterator[Running]:
    """Run a function, given a connection and these things, in a process that ends with the block."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    here, there = processes.Pipe()
    process = processes.Process(target=_tell, args=(function, there, *given), daemon=True)
    process.start()
    there.close()
    try:
        yield Running(process, here)
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()


def run(function: Callable[..., object], *given: object) -> Any:
    """Run a function in a process of its own, and give its result; None where the process died."""
    with started(function, *given) as running:
        return running.end()


def _tell(function: Callable[..., object], connection: Connection, *given: object) -> None:
    connection.send(function(connection, *given))


# --- sources


WORDS = [
    a + b + c
    for a in "bar den fol gim kus lor".split()
    for b in "a e io u".split()
    for c in "mel nop rit sto vex".split()
]


def text(random: Random, paragraphs: int = 3) -> str:
    """Invent a document."""
    return "\n\n".join(
        " ".join(
            f"{' '.join(random.choices(WORDS, k=random.randint(5, 9))).capitalize()}."
            for _ in range(random.randint(2, 4))
        )
        for _ in range(paragraphs)
    )


def fill(folder: Path, random: Random, files: int, paragraphs: int = 3) -> None:
    """Make a folder of documents."""
    folder.mkdir()
    for number in range(files):
        (folder / f"{number:04d}.txt").write_text(text(random, paragraphs))


def change(folder: Path, random: Random, *, add: int, alter: int, remove: int, paragraphs: int = 3) -> None:
    """Change some documents, and add and remove some."""
    there = sorted(folder.iterdir())
    picked = random.sample(there, alter + remove)
    for path in picked[:alter]:
        path.write_text(f"{path.read_text()}\n\n{text(random, paragraphs)}")
    for path in picked[alter:]:
        path.unlink()
    last = int(there[-1].stem)
    for number in range(last + 1, last + 1 + add):
        (folder / f"{number:04d}.txt").write_text(text(random, paragraphs))


def queries(seed: int, number: int = 50) -> list[Query]:
    """Invent questions; some ask for a phrase or leave a word out."""
    random = Random(seed)
    asked = [" ".join(random.choices(WORDS, k=random.randint(2, 5))) for _ in range(number)]
    return [
        Query(f"{one} -{random.choice(WORDS)}" if place % 10 == 9 else one, k=5) for place, one in enumerate(asked)
    ]


def documents(folder: Path) -> tuple[tuple[str, str], ...]:
    """Give path and hash of each source, as `Seen` has them."""
    return tuple((path.name, sha256(path.read_bytes()).hexdigest()) for path in sorted(folder.iterdir()))


# --- what runs in a process


def settings_of(index: Path) -> Settings:
    """Give the settings of all syncs here."""
    return Settings(index=index, passage_tokens=32)


def sync_once(connection: Connection, plan: Sync) -> Ended:
    """Run a sync, announcing its phases."""
    warnings = _listen()
    dense.STALE_AT_LEAST = outlines.LEAST = 10  # so that small collections have snapshots
    if plan.bug:
        plant(plan.bug)
    _announce(connection, waits=plan.waits)
    watching = arm(plan.fault, plan.index.parent) if plan.fault else None
    try:
        report = sync.sync(
            [plan.sources], settings_of(plan.index), encoder=WordEncoder(room=ROOM), readers=TextReaders()
        )
        ended = Ended(os.getpid(), report.generation)
    except (CitewellError, OSError) as error:
        code = _exit_code(error) if isinstance(error, CitewellError) else -1
        ended = Ended(os.getpid(), 0, type(error).__name__, str(error), code)
    operations = count(watching) if watching else 0
    return Ended(
        ended.pid, ended.generation, ended.error, ended.message, ended.exit_code, operations, tuple(warnings)
    )


def check(_: Connection | None, index: Path, asked: Sequence[Query]) -> Checked:
    """Read everything that an index says, and look for what is wrong."""
    warnings = _listen()
    try:
        with closing(Embedded.open(index)) as opened:
            seen, problems = _see(Searcher(opened, WordEncoder(room=ROOM)), asked)
    except IndexMissingError:
        return Checked(Seen(0), ())
    except CitewellError as error:
        return Checked(Seen(-1), (str(error),))
    # What is derived must serve as it is: a reader that has to build it anew would only hide the loss.
    return Checked(seen, (*problems, *warnings))


def _see(searcher: Searcher, asked: Sequence[Query]) -> tuple[Seen, list[str]]:
    problems: list[str] = []
    with searcher.store.reading() as reader:
        generation = reader.version.generation
        results = []
        for query in asked:
            found = searcher.search(query)
            if found.generation != generation:
                problems.append(f"a result is of generation {found.generation}, not {generation}")
            problems += (problem for hit in found.hits for problem in _misquoted(hit, reader))
            results.append(_hash((found.generation, found.interpreted, found.hits)))
        held = tuple((document.path, document.sha256) for document in reader.documents())
        seen = Seen(generation, held, _hash(list(_contents(reader))), tuple(results))
    for path, digest in held:
        file = original(searcher.store.folder, digest)
        if not file.exists() or sha256(file.read_bytes()).hexdigest() != digest:
            problems.append(f"the original of {path} is not there or altered")
    return seen, problems


def check_and_finish(
    connection: Connection, plan: Sync, asked: Sequence[Query]
) -> tuple[Checked, Ended, Checked, tuple[str, ...]]:
    """Check an index, run the sync again, check again, and tell what is left over."""
    first = check(connection, plan.index, asked)
    ended = sync_once(connection, plan)
    return first, ended, check(connection, plan.index, asked), leftovers(connection, plan.index)


def leftovers(_: Connection | None, index: Path) -> tuple[str, ...]:
    """Name what lies in an index folder and belongs to no generation that it serves."""
    wanted: set[str] = set()
    fitting = {"originals", database.STORE_FILE, database.LOCK_FILE, database.HOLDER_FILE, *database.OF_A_SERVICE}
    fitting |= {f"{database.STORE_FILE}-{ending}" for ending in ("wal", "shm")}
    try:
        with closing(Embedded.open(index)) as opened, opened.reading() as reader:
            wanted = {document.sha256 for document in reader.documents()}
            fitting.add(f"lexical-{reader.version.generation:08d}")
            for kind, ending in (("dense", "faiss"), ("outlines", "bin")):
                snapshot = max((path.stem for path in index.glob(f"{kind}-*.json")), default="none")
                fitting |= {f"{snapshot}.json", f"{snapshot}.{ending}"}
    except IndexMissingError:
        pass
    except CitewellError as error:
        return (str(error),)
    found = {path.name for path in index.glob("*")} - fitting
    found |= {f"original {path.name}" for path in (index / "originals").glob("*") if path.name not in wanted}
    found |= {path.name for path in index.rglob("*.tmp")}
    return tuple(sorted(found))


def _listen() -> list[str]:
    """Gather what is logged as a warning, or worse."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    logging.getLogger().handlers[:] = [Listener(logging.WARNING)]
    return heard


def _misquoted(hit: Hit, reader: Reader) -> Iterator[str]:
    cited = hit.citation
    texts = [reader.page(cited.doc_id, page)[0].text[start:end] for page, start, end in cited.spans]
    if "\n".join(texts) != hit.text or text_sha256(hit.text) != cited.text_sha256:
        yield f"a quote of {cited.source} does not read again"


def _contents(reader: Reader) -> Iterator[object]:
    for document in reader.documents():
        yield document
        for number in range(1, document.pages + 1):
            yield reader.page(document.doc_id, number)
        ids = reader.passage_ids(document.doc_id)
        yield sorted(reader.passages(ids).items())
        yield [(key, vectors.tolist()) for key, vectors in reader.vectors(ids, 64).items()]


def _hash(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()


def _announce(connection: Connection, *, waits: bool) -> None:
    """Let the steps of a sync tell when they begin, and the first wait for a word."""
    waiting = waits
    telling = Lock()  # since encoding has a thread of its own

    def before(owner: Any, name: str, phase: str) -> None:
        step = getattr(owner, name)

        def announced(*given: Any, **named: Any) -> Any:
            nonlocal waiting
            with telling:
                connection.send(Announced(phase, perf_counter()))
            if waiting and phase == "storing":
                waiting = False
                connection.recv()
            return step(*given, **named)

        setattr(owner, name, announced)

    before(sync, "scan", "reading")
    before(sync, "read", "reading")
    before(sync, "make", "cutting")
    before(Encoding, "_vectors", "encoding")
    before(Writer, "put_document", "storing")
    before(Writer, "remove_document", "storing")
    before(embedded, "write_generation", "words")
    before(Writer, "commit", "committing")
    before(embedded, "drop_other_generations", "dropping")
    before(Embedded, "_publish_snapshots", "snapshot")
    before(sync, "drop_other_originals", "dropping")


# --- planted bugs: each makes the product of this process worse in one way


def plant(bug: str) -> None:
    """Make the product of this process worse in one way."""
    for target, value in BUGS[bug]().items():
        pytest.MonkeyPatch().setattr(target, value)


def _in_place() -> Bug:
    """Copy files into their place in pieces, instead of renaming them into it."""

    def publish(path: Path, write: Callable[[Path], object]) -> None:
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        write(temporary)
        data = temporary.read_bytes()
        temporary.unlink()
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(data), 64):
                file.write(data[start : start + 64])

    return {"indexer.originals.publish": publish, "indexer.snapshots.publish": publish}


def _commit_first() -> Bug:
    """Let the store show a generation before its words are written."""
    commit, write_generation = Writer.commit, lexical.write_generation
    later: list[tuple[Any, ...]] = []

    def commit_first(writer: Writer, *given: Any) -> None:
        commit(writer, *given)
        for one in later:
            write_generation(*one)

    return {
        "indexer.embedded.write_generation": lambda *given: later.append(given),
        "indexer.store.writer.Writer.commit": commit_first,
    }


def _commit_often() -> Bug:
    """Commit each document by itself."""
    put = Writer.put_document

    def put_and_commit(writer: Writer, *given: Any, **named: Any) -> None:
        put(writer, *given, **named)
        writer._db.commit()
        writer._db.execute("BEGIN IMMEDIATE")

    return {"indexer.store.writer.Writer.put_document": put_and_commit}


def _no_fsync() -> Bug:
    """Never wait for the disk."""
    return {
        f"indexer.{name}.flush": lambda _: None for name in ("durable", "journal", "lexical", "originals", "database")
    }


def _no_lock() -> Bug:
    """Ask nobody who writes."""

    @contextmanager
    def writer_lock(folder: Path) -> Iterator[None]:
        yield

    return {"indexer.store.store.writer_lock": writer_lock}


def _no_cleaning() -> Bug:
    """Leave what a step had begun where it is when it fails."""
    return {"pathlib.Path.unlink": lambda *_, **__: None, "shutil.rmtree": lambda *_, **__: None}


def _no_explanation() -> Bug:
    """Pass on what the disk says as it comes."""
    return {"indexer.sync.explained": lambda *_: None}


BUGS: dict[str, Callable[[], Bug]] = {
    "in place": _in_place,
    "commit before the words": _commit_first,
    "commit of each document": _commit_often,
    "no fsync": _no_fsync,
    "no lock": _no_lock,
    "no cleaning": _no_cleaning,
    "no explanation": _no_explanation,
}
