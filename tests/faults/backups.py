"""Backups made while a writer commits without a pause, and backups that were damaged before they are put back."""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from indexer.backup import back_up, restore
from indexer.embedded import Embedded
from indexer.errors import IndexBusyError, IndexFormatError, InputError
from indexer.lexical import generation_files
from indexer.originals import ORIGINALS
from tests.faults.changing import Reports
from tests.faults.table import Row
from tests.faults.traffic import SPAWN, started

FEWEST, MOST_TIMES = 4, 50  # generations that copies are made of, and how many times as many copies that may take
BUSY = 20  # times that a backup may find no rest, one after another

Copy = Callable[[Path, Path], object]


@dataclass(frozen=True)
class Backups:
    """What became of backups that were made meanwhile."""

    generations: int  # that they are of
    bad: tuple[str, ...]


def during_writes(base: Path, seed: int, *, times: int, copy: Copy = back_up) -> Backups:
    """Copy an index again and again while another process syncs; open and check every copy."""
    reports = Reports(base, seed, documents=12)
    reports.sync()
    index, enough = reports.settings.index, SPAWN.Event()
    with started(_keep_changing, reports, enough) as writer:
        writer.recv()
        try:
            found = [_copied(copy, index, base / f"copy-{number}") for number in range(times)]
            while len({generation for generation, _ in found}) < FEWEST and len(found) < MOST_TIMES * times:
                found.append(
                    _copied(copy, index, base / f"copy-{len(found)}")
                )  # a busy machine keeps the writer waiting
        finally:
            enough.set()
    return Backups(len({generation for generation, _ in found}), tuple(wrong for _, wrong in found if wrong))


def damaged(base: Path, seed: int, *, times: int) -> tuple[str, ...]:
    """Damage a file of a backup by chance and put it back over an index; tell what was not refused by its name."""
    random = Random(seed)
    reports = Reports(base, seed, documents=6)
    reports.sync()
    index, kept = reports.settings.index, base / "kept"
    back_up(index, kept)
    before = _files(index)
    bad = []
    for _ in range(times):
        name = random.choice([*_files(kept)])
        path = kept / name
        sound = path.read_bytes()
        what = _damage(path, sound, random)
        try:
            restore(kept, index, force=True)
            bad.append(f"{what} {name} was put back")
        except (IndexFormatError, InputError) as error:
            if f"`{name}`" not in str(error):
                bad.append(f"{what} {name}: {error}")
        if _files(index) != before:
            bad.append(f"{what} {name} changed the index")
        path.write_bytes(sound)
    restore(kept, index, force=True)  # mended, it can be put back
    return tuple(bad)


def rows(seed: int) -> list[Row]:
    """Back up 200 times, damage 500 times."""
    with TemporaryDirectory() as base:
        made = during_writes(Path(base), seed, times=200)
    with TemporaryDirectory() as base:
        bad = damaged(Path(base), seed, times=500)
    found = f"{len(made.bad)} bad, of {made.generations} generations"
    is_met = not made.bad and made.generations > 20
    return [
        Row("backups while a sync followed the other", 200, "each whole and of one generation", found, is_met),
        Row("damaged backups put back", 500, "refused by the name of the file", f"{len(bad)} not", not bad),
    ]


def _keep_changing(pipe: Connection, reports: Reports, enough: Event) -> None:
    pipe.send(None)
    while not enough.is_set():
        reports.change()
        reports.sync()


def _copied(copy: Copy, index: Path, target: Path) -> tuple[int, str | None]:
    """Copy an index, and say what is wrong with the copy."""
    try:
        for left in reversed(range(BUSY)):
            try:
                copy(index, target)
                break
            except IndexBusyError:
                if not left:
                    raise
                time.sleep(0.05)
        with closing(Embedded.open(target)) as store, store.reading() as reader:
            reader.check()
            version = reader.version
            missing = {document.sha256 for document in reader.documents()}
        for original in (target / ORIGINALS).iterdir():
            if sha256(original.read_bytes()).hexdigest() != original.name:
                return version.generation, f"original {original.name} is altered"
            missing.discard(original.name)
        if missing or not generation_files(target, version):
            return version.generation, f"{len(missing)} originals are missing, or the words are"
        return version.generation, None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a copy
        return 0, repr(error)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _damage(path: Path, sound: bytes, random: Random) -> str:
    match random.choice(("turned", "cut", "emptied", "lengthened", "lost")):
        case "turned" if sound:
            at = random.randrange(len(sound))
            path.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << random.randrange(8)]) + sound[at + 1 :])
            return "turned a bit of"
        case "cut" if sound:
            path.write_bytes(sound[: random.randrange(len(sound))])
            return "cut"
        case "emptied" if sound:
            path.write_bytes(b"")
            return "emptied"
        case "lost":
            path.unlink()
            return "lost"
    path.write_bytes(sound + b"\n")
    return "lengthened"


def _files(folder: Path) -> dict[str, bytes]:
    passing = {"writer.lock", "writer.pid", "store.sqlite-wal", "store.sqlite-shm"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in passing
    }
