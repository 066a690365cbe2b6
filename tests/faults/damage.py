"""Damage to the files of an index: what is altered, cut, swapped, missing or foreign is never served."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import pytest

from indexer import dense, lexical, outlines
from indexer.database import STORE_FILE
from indexer.embedded import Embedded
from indexer.errors import NotFoundError, UnusableIndexError
from indexer.records import Mode
from indexer.settings import Settings
from indexer.store.rows import META, SEALED, TABLES, MetaRow, Tally, outline_crc, read_seal, vectors_crc
from indexer.sync import sync
from service.query import Query
from service.search import Searcher
from tests.fakes import DIM, TextReaders, WordEncoder
from tests.faults.table import Row

ATTEMPTS = 1000
LIMIT_S = 5
PAGE = 4096  # bytes, of SQLite's pages
WORDS = (
    "bridge ferry harbour lantern market meadow mill orchard pier quarry river school signal station summer tower "
    "valley village wagon winter council nurse teacher child budget visit staff plan report health road"
).split()
QUERIES = (
    Query("which bridge did the ferry pass"),
    Query("the budget of the school in winter", mode=Mode.LEXICAL),
    Query("a teacher and a nurse", mode=Mode.DENSE, k=20),
    Query("staff plan -river"),
    Query("lantern at the pier 2021", k=3),
    Query('"market meadow" or anything'),
    Query("harbour health road", k=50),
    Query("signal station tower valley village"),
    Query("wagon", mode=Mode.LEXICAL, k=5),
    Query("what did the council report in 2019", infer=False),
)

Answers = dict[str, str]  # what was asked -> what came back


# --- an index, and what it must answer


@dataclass(frozen=True)
class Made:
    """Copies of an index: as it rests, with a log that is not yet in the file, and as it was a generation before."""

    resting: Path
    logged: Path
    older: Path
    expected: dict[str, Answers]  # by the token of a generation
    sound: frozenset[str]  # hashes of all their files
    asked: tuple[tuple[str, int], ...]  # documents and pages of all generations


def make(folder: Path, seed: int) -> Made:
    """Make an index of three generations with a snapshot, and note what the last two answer."""
    random, sources = Random(seed), folder / "sources"
    settings = Settings(index=folder / "index", passage_tokens=32)
    sources.mkdir(parents=True)
    for number in range(14):
        _write(sources / f"{number}.txt", random)
    (sources / "empty.txt").touch()
    _sync(sources, settings)
    _write(sources / "3.txt", random)
    (sources / "5.txt").unlink()
    _sync(sources, settings, snapshot=True)
    older = Path(shutil.copytree(settings.index, folder / "older"))
    with Embedded.open(settings.index).reading():  # so that the log stays
        _write(sources / "7.txt", random)
        _write(sources / "new.txt", random)
        (sources / "2.txt").unlink()
        _sync(sources, settings)
        logged = Path(shutil.copytree(settings.index, folder / "logged"))
    _sync(sources, settings)
    resting = Path(shutil.copytree(settings.index, folder / "resting"))
    assert (logged / f"{STORE_FILE}-wal").stat().st_size > PAGE
    asked = set()
    for one in (older, resting):
        with closing(Embedded(one)) as store, store.reading() as reader:
            asked |= {(document.doc_id, n) for document in reader.documents() for n in range(1, document.pages + 2)}
    files = [path for one in (resting, logged, older) for path in one.rglob("*") if path.is_file()]
    made = Made(
        resting,
        logged,
        older,
        {},
        frozenset(sha256(path.read_bytes()).hexdigest() for path in files),
        tuple(sorted(asked)),
    )
    for one in (older, resting):
        for token, name, answer in answers(one, made.asked):
            made.expected.setdefault(token, {})[name] = answer
    assert len(made.expected) == 2
    return made


def answers(folder: Path, asked: Sequence[tuple[str, int]]) -> Iterator[tuple[str, str, str]]:
    """Ask an index everything: gives the generation's token, what was asked, and the answer, for what is answered."""
    store = Embedded.open(folder)
    searcher = Searcher(store, WordEncoder())
    yield from _asked(store, "documents", lambda reader: repr(reader.documents()))
    yield from _asked(store, "counts", lambda reader: repr((reader.counts(), reader.bodies(), reader.refusals())))
    for doc_id, number in asked:
        yield from _asked(
            store, f"page {doc_id} {number}", lambda reader, *key: repr(reader.page(*key)), doc_id, number
        )
    for query in QUERIES:
        try:
            with searcher.opened() as (reader, _):
                token = reader.version.token
            found = searcher.search(query)
        except UnusableIndexError:
            continue
        hits = [
            (hit.passage_id, round(hit.score, 3), hit.text, hit.citation, hit.twins, hit.context)
            for hit in found.hits
        ]
        yield token, query.text, repr((found.generation, hits))


def _asked(store: Embedded, name: str, ask: Callable[..., str], *given: Any) -> Iterator[tuple[str, str, str]]:
    try:
        with store.reading() as reader:
            try:
                answer = ask(reader, *given)
            except NotFoundError as error:
                answer = str(error)
            yield reader.version.token, name, answer
    except UnusableIndexError:
        pass


def _write(path: Path, random: Random) -> None:
    paragraphs = [
        " ".join(f"The {' '.join(random.choices(WORDS, k=12))}." for _ in range(4))
        for _ in range(random.randint(4, 9))
    ]
    path.write_text(
        f"Visit of {random.randint(2015, 2024)}\n\n" + "\f".join("\n\n".join(pair) for pair in pairwise(paragraphs))
    )


def _sync(sources: Path, settings: Settings, *, snapshot: bool = False) -> None:
    encoder = WordEncoder()
    sync([sources], settings, encoder=encoder, readers=TextReaders())
    if snapshot:  # so small an index needs none
        with Embedded.open(settings.index).reading() as reader:
            dense.write_snapshot(settings.index, reader, fingerprint=encoder.fingerprint.to_json(), dim=DIM)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(outlines, "LEAST", 1)
                outlines.publish_outlines(settings.index, reader)


# --- damage


def damage(folder: Path, older: Path, random: Random, kinds: Sequence["Kind"], names: str) -> str:
    """Do something bad of these kinds to one file of an index, of such a name, and say what."""
    files = sorted(path for path in folder.rglob(names) if path.is_file())
    store = [path for path in files if path.name.startswith(STORE_FILE)]
    file = random.choice(store if store and random.random() < 0.5 else files)
    what = random.choice(kinds)
    what(file, older / file.relative_to(folder), random)
    return f"{what.__name__} {file.relative_to(folder)}"


def flip(file: Path, _: Path, random: Random) -> None:
    """Flip a bit."""
    data = bytearray(file.read_bytes())
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    file.write_bytes(data)


def cut(file: Path, _: Path, random: Random) -> None:
    """Cut a file short."""
    os.truncate(file, random.randrange(file.stat().st_size + 1))


def zero(file: Path, _: Path, random: Random) -> None:
    """Put zeros in the place of a page."""
    data = bytearray(file.read_bytes())
    start = PAGE * random.randrange(len(data) // PAGE + 1)
    data[start : start + PAGE] = bytes(len(data[start : start + PAGE]))
    file.write_bytes(data)


def swap_pages(file: Path, _: Path, random: Random) -> None:
    """Put two pages into each other's place."""
    data = file.read_bytes()
    pages = [data[start : start + PAGE] for start in range(0, len(data), PAGE)]
    if len(pages) > 1:
        one, other_ = random.sample(range(len(pages)), 2)
        pages[one], pages[other_] = pages[other_], pages[one]
    file.write_bytes(b"".join(pages))


def old_page(file: Path, older: Path, random: Random) -> None:
    """Put a page back as it was a generation before, as a write that was lost leaves it."""
    old = older.read_bytes() if older.is_file() else b""
    data = bytearray(file.read_bytes())
    changed = [at for at in range(0, min(len(old), len(data)), PAGE) if old[at : at + PAGE] != data[at : at + PAGE]]
    if changed:
        start = random.choice(changed)
        data[start : start + PAGE] = old[start : start + PAGE]
    file.write_bytes(data)


def other(file: Path, older: Path, random: Random) -> None:
    """Put another file in its place: the same of an older generation, or any of the index."""
    beside = sorted(path for path in (*older.parent.rglob("*"), *file.parent.rglob("*")) if path.is_file())
    use_older = older.is_file() and random.random() < 0.5
    shutil.copyfile(older if use_older else random.choice([path for path in beside if path != file]), file)


def vanish(file: Path, _: Path, random: Random) -> None:
    """Remove a file, or its whole folder."""
    if random.random() < 0.3 and not (file.parent / STORE_FILE).exists():
        shutil.rmtree(file.parent)
    else:
        file.unlink()


def stranger(file: Path, _: Path, random: Random) -> None:
    """Put a file that is not ours in its place, or beside it."""
    names = (
        "x",
        "dense-99999999.json",
        "dense-00000002.faiss",
        "lexical-99999999",
        "outlines-99999999.json",
        f"{STORE_FILE}-journal",
    )
    target = file if random.random() < 0.5 else file.with_name(random.choice(names))
    target.write_bytes(random.choice((b"", b"{}", b"[]", b"SQLite format 3\0", random.randbytes(5000))))


def no_file(file: Path, _: Path, random: Random) -> None:
    """Put something in its place that is not a file."""
    file.unlink()
    match random.randrange(4):
        case 0:
            file.mkdir()
        case 1:
            os.mkfifo(file)
        case 2:
            file.symlink_to(file)
        case _:
            file.symlink_to("/dev/zero")


def alter_row(file: Path, _: Path, random: Random) -> None:
    """Alter one value of one row."""
    with _some_row(file, random) as (db, table, rowid):
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        column = random.choice(columns)
        value = db.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (rowid,)).fetchone()[0]
        if isinstance(value, int):
            value += random.choice((-1, 1))
        elif value:
            at = random.randrange(len(value))
            other_ = bytes([value[at] ^ 1]) if isinstance(value, bytes) else chr(ord(value[at]) ^ 1)
            value = value[:at] + other_ + value[at + 1 :]
        else:
            value = "x"
        db.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?", (value, rowid))


def lose_row(file: Path, _: Path, random: Random) -> None:
    """Remove one row."""
    with _some_row(file, random) as (db, table, rowid):
        db.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))


@contextmanager
def _some_row(file: Path, random: Random) -> Iterator[tuple[sqlite3.Connection, str, int]]:
    folder = next(path for path in file.parents if (path / STORE_FILE).exists())
    with closing(sqlite3.connect(folder / STORE_FILE)) as db, db:
        table = random.choice(TABLES).name
        rowids = [row[0] for row in db.execute(f"SELECT rowid FROM {table}")]
        yield db, table, random.choice(rowids)


Kind = Callable[[Path, Path, Random], None]
KINDS: tuple[Kind, ...] = (
    flip,
    flip,
    flip,
    cut,
    zero,
    swap_pages,
    old_page,
    other,
    vanish,
    stranger,
    no_file,
    alter_row,
    lose_row,
)


def reseal(folder: Path) -> None:
    """Hash every row of a store anew, as it is now, and write a seal over them: an alteration that no hash shows."""
    with closing(sqlite3.connect(folder / STORE_FILE)) as db, db:
        tallies = {}
        columns = "passage, document, generation, spans, sketch, vectors"
        for *outlined, vectors in db.execute(f"SELECT {columns} FROM passages").fetchall():
            checks = (outline_crc(*outlined), vectors_crc(outlined[0], vectors), outlined[0])
            db.execute("UPDATE passages SET outline_crc = ?, vectors_crc = ? WHERE passage = ?", checks)
        for table in SEALED:
            rows = db.execute(f"SELECT rowid, {', '.join(table.columns)} FROM {table.name}").fetchall()
            hashes = [(table.hash(row), rowid) for rowid, *row in rows]
            db.executemany(f"UPDATE {table.name} SET hash = ? WHERE rowid = ?", hashes)
            tallies[table.name] = Tally.of(its_hash for its_hash, _ in hashes)
        row = MetaRow("seal", replace(read_seal(db), tallies=tallies).to_json())
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (*row, META.hash(row)))


# --- attempts


@dataclass(frozen=True)
class Outcome:
    """What came of a piece of damage."""

    damage: str
    answered: int  # all of them as expected, unless there are faults
    refused: int
    faults: tuple[str, ...]


Plant = Callable[[], None]


def attempts(
    made: Made,
    count: int,
    seed: int,
    *,
    plant: Plant | None = None,
    kinds: Sequence[Kind] = KINDS,
    names: str = "*",
) -> Iterator[Outcome]:
    """Damage so many fresh copies of an index and ask each everything.

    `plant` puts a bug into the product first; `kinds` and `names` limit the damage.
    """
    for number in range(count):
        random = Random(f"{seed} {number}")
        with TemporaryDirectory(prefix="citewell-damage-") as folder:
            base = made.logged if random.random() < 0.4 else made.resting
            copy = Path(shutil.copytree(base, Path(folder, "index")))
            done = damage(copy, made.older, random, kinds, names)
            yield _outcome(made, copy, f"{done} ({base.name}, {number})", plant)


def _outcome(made: Made, folder: Path, done: str, plant: Plant | None) -> Outcome:
    context = get_context("forkserver")  # which has no threads that a fork could leave in the middle of something
    context.set_forkserver_preload([__name__])
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_ask, args=(there, folder, made.asked, made.sound, plant))
    process.start()
    there.close()
    try:
        found, faults = here.recv() if here.poll(LIMIT_S + 5) else ([], [f"no answer within {LIMIT_S} s"])
    except EOFError:
        process.join()
        found, faults = [], [f"ended with {process.exitcode}"]
    process.kill()
    process.join()
    for token, name, answer in found:
        if token not in made.expected:
            faults.append(f"{name}: of a generation that never was")
        elif made.expected[token][name] != answer:
            faults.append(f"{name}: {answer[:300]} instead of {made.expected[token][name][:300]}")
    return Outcome(done, len(found), len(made.asked) + 2 + len(QUERIES) - len(found), tuple(faults))


def _ask(
    pipe: Connection, folder: Path, asked: Sequence[tuple[str, int]], sound: frozenset[str], plant: Plant | None
) -> None:
    """Ask a damaged index everything, in a process of its own."""
    parsed: list[str] = []
    _watch(sound, parsed)
    if plant:
        plant()
    found: list[tuple[str, str, str]] = []
    try:
        found.extend(answers(folder, asked))
    except UnusableIndexError:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, it should not have come out
        parsed.append(f"{type(error).__name__}: {error}")
    pipe.send((found, parsed))


def _watch(sound: frozenset[str], parsed: list[str]) -> None:
    """Note when FAISS or Tantivy are given anything but what was written, or columns are taken from it."""
    read_index, opened, mapped = faiss.read_index, lexical._opened, outlines._read

    def note(*paths: Path) -> None:
        parsed.extend(f"{path.name} was read" for path in paths if sha256(path.read_bytes()).hexdigest() not in sound)

    def watched_read(name: str, *flags: int) -> Any:
        note(Path(name), Path(name).with_suffix(".json"))
        return read_index(name, *flags)

    def watched_open(path: Path, manifest: Any) -> Any:
        note(*(path / name for name in manifest.files), path / lexical.MANIFEST)
        return opened(path, manifest)

    def watched_map(path: Path, manifest: Any) -> Any:
        note(path, path.with_suffix(".json"))
        return mapped(path, manifest)

    patched = pytest.MonkeyPatch()  # for as long as the process lives
    patched.setattr(faiss, "read_index", watched_read)
    patched.setattr(lexical, "_opened", watched_open)
    patched.setattr(outlines, "_read", watched_map)


def rows(seed: int) -> list[Row]:
    """Run the full number."""
    with TemporaryDirectory(prefix="citewell-damage-") as folder:
        outcomes = list(attempts(make(Path(folder, "made"), seed), ATTEMPTS, seed))
    bad = [outcome for outcome in outcomes if outcome.faults]
    for outcome in bad[:20]:
        print(outcome.damage, *outcome.faults[:3], sep="\n    ")  # noqa: T201 - a person reads along
    untouched = sum(not outcome.refused for outcome in outcomes)
    silent = sum(not outcome.answered for outcome in outcomes)
    found = f"{len(bad)} wrong; {untouched} answered all the same, {silent} refused, the rest in part"
    wanted = "right answers, or an error that names the remedy, within 5 s; no altered file parsed, no signal"
    return [Row("damage to a file of the index", len(outcomes), wanted, found, not bad)]
