"""Copies of an index that can be put back: made while others search and write it, and checked by their hashes.

A backup is a folder laid out like an index, with a manifest of its files; it shares nothing with the index, so that
what harms the one does not harm the other.
"""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from pydantic import TypeAdapter

from indexer.database import (
    HOLDER_FILE,
    KEYS_FILE,
    LOCK_FILE,
    OF_A_SERVICE,
    REMEDY,
    STORE_FILE,
    UPLOADS,
    WORKSHOP,
    writer_lock,
)
from indexer.dense import DENSE
from indexer.disk import explained
from indexer.durable import exchange, flush, publish
from indexer.errors import IndexBusyError, IndexFormatError, InputError, UnusableIndexError
from indexer.journal import JOURNAL_FILE
from indexer.lexical import generation_files
from indexer.manifests import file_sha256, read_manifest, sealed
from indexer.originals import ORIGINALS, original
from indexer.outlines import OUTLINES
from indexer.records import Version
from indexer.sources import MANIFEST as SOURCES
from indexer.store import Store

MANIFEST = "backup.json"
# What an index folder may hold. A folder that holds anything else is never replaced.
OF_AN_INDEX = (
    f"{STORE_FILE}*",
    LOCK_FILE,
    HOLDER_FILE,
    JOURNAL_FILE,
    WORKSHOP,
    ORIGINALS,
    "lexical-*",
    "dense-*",
    "outlines-*",
    MANIFEST,
    *OF_A_SERVICE,
)
FORMAT = 1  # of the manifest
ATTEMPTS = 10  # to copy a generation before a sync has removed parts of it
CHUNK = 1 << 20  # bytes read at once


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied, and to where; the manifest is not counted."""

    folder: Path
    generation: int
    documents: int
    files: int
    bytes: int
    took_s: float


def back_up(folder: Path, target: Path) -> Copied:
    """Copy the generation that an index holds now to a new folder; searches and a sync may go on meanwhile.

    Originals come along where the index keeps them, words and the FAISS snapshot where they are sound and of this
    generation; they can be made again from the rest. So do uploads and API keys, as they are now; jobs do not. Raises
    InputError where `target` is taken, UnusableIndexError where the index is missing, damaged or keeps changing, or
    the copy cannot be written; nothing is left then.
    """
    started = perf_counter()
    folder, target = folder.resolve(), target.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"`{target}` is there already; name a new or an empty folder for the backup")
    if target.is_relative_to(folder):
        raise InputError(f"`{target}` is inside the index; name a folder outside of it for the backup")
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    with closing(Store.open(folder)) as store, _made(temporary, _size(folder)):
        manifest = _copy_whole(store, temporary)
        publish(temporary / MANIFEST, lambda path: path.write_bytes(sealed(_MANIFEST.dump_json(manifest))))
        _flush_all(temporary)
        verify(temporary)
        temporary.rename(target)
        flush(target.parent)
    return _copied(manifest, target, started)


def restore(source: Path, folder: Path, *, force: bool = False) -> Copied:
    """Put a backup in the place of an index, which stays as it is until the copy is whole and checked.

    Searchers that have the old index open go on with the new one. API keys that are there stay, so that none that was
    taken back comes to life again. Raises InputError where there is an index and `force` was not given,
    IndexFormatError naming the file where the backup is damaged or incomplete, IndexBusyError where another process
    writes; the index is then as it was.
    """
    started = perf_counter()
    source, folder = source.resolve(), folder.resolve()
    manifest = verify(source)
    _require_place(folder, force=force)
    # By a fixed name, so that what a killed restore has left is removed by the next one.
    temporary = folder.with_name(f"{folder.name}.restoring")
    with writer_lock(folder, is_damaged=True), _made(temporary, _total(manifest)):
        _require_place(folder, force=force)
        for name, expected in manifest.files.items():
            if _copy(source / name, temporary / name) != expected:
                raise _damaged(source, name)
        with closing(Store(temporary)) as store:  # which also refuses the format of another version
            if _version(store) != Version(manifest.generation, manifest.token):
                raise _damaged(source, MANIFEST)
        if (folder / KEYS_FILE).is_file():
            (temporary / KEYS_FILE).unlink(missing_ok=True)
            _copy(folder / KEYS_FILE, temporary / KEYS_FILE)
        _flush_all(temporary)
        exchange(temporary, folder)  # and the old one is removed while its lock is still held
    return _copied(manifest, folder, started)


def verify(source: Path) -> "Manifest":
    """Read every file of a backup and compare it with the manifest.

    Raises InputError where the folder is no backup, IndexFormatError naming the file that is damaged or missing.
    """
    try:
        manifest = _MANIFEST.validate_json(read_manifest(source / MANIFEST), strict=True)
    except OSError as error:
        raise InputError(f"`{source}` is not a backup, or not a whole one: it has no `{MANIFEST}`") from error
    except ValueError as error:
        raise _damaged(source, MANIFEST) from error
    if manifest.format != FORMAT:
        raise InputError(f"the backup in `{source}` has format {manifest.format}, this version reads format {FORMAT}")
    for name, expected in manifest.files.items():
        try:
            found = _described(source / name)
        except OSError as error:
            raise _damaged(source, name, "is missing from") from error
        if found != expected:
            raise _damaged(source, name)
    return manifest


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when the backup was made."""

    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; written last, so that a folder without one is no backup."""

    format: int
    made_at: datetime
    generation: int
    token: str
    documents: int
    files: Mapping[str, File]  # by path within the backup


_MANIFEST = TypeAdapter(Manifest)


def _copy_whole(store: Store, target: Path) -> Manifest:
    """Copy one generation; begin again where a sync has removed some of its files before they were copied."""
    for _ in range(ATTEMPTS):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        try:
            return _copy_generation(store, target)
        except FileNotFoundError:
            continue
    raise IndexBusyError(f"the index in `{store.folder}` keeps changing; try again when it is not being written")


def _copy_generation(store: Store, target: Path) -> Manifest:
    folder = store.folder
    with store.reading() as reader:
        reader.check()
        reader.copy_to(target / STORE_FILE)
        version, documents = reader.version, reader.documents()
        derived = [
            *DENSE.files(folder, reader),
            *OUTLINES.files(folder, reader),
            *generation_files(folder, version),
        ]
    originals = {original(folder, document.sha256) for document in documents}
    lost = {path for path in originals if not path.exists()}
    if lost and _version(store) != version:
        raise FileNotFoundError(min(lost))
    # What is lost without a change since was never kept, as the setting `keep_originals` was off.
    files = {STORE_FILE: _described(target / STORE_FILE)}
    for path in [*sorted(originals - lost), *derived]:
        name = path.relative_to(folder).as_posix()
        files[name] = _copy(path, target / name)
        if path in originals and files[name].sha256 != path.name:
            raise IndexFormatError(
                f"`{name}` in `{folder}` is damaged: it is not the file that was indexed; {REMEDY}"
            )
    files |= _copy_of_service(folder, target)
    return Manifest(FORMAT, datetime.now(UTC), version.generation, version.token, len(documents), files)


def _copy_of_service(folder: Path, target: Path) -> dict[str, File]:
    """Copy uploads and keys; FileNotFoundError where the uploads and what their manifest lists change meanwhile."""
    stated = folder / UPLOADS / SOURCES
    before = stated.read_bytes() if stated.exists() else b""
    uploads = [path for path in (folder / UPLOADS).glob("*") if path.is_file()]
    keys = [path for path in [folder / KEYS_FILE] if path.is_file()]
    names = [path.relative_to(folder).as_posix() for path in [*sorted(uploads), *keys]]
    files = {name: _copy(folder / name, target / name) for name in names}
    if before != (stated.read_bytes() if stated.exists() else b""):
        raise FileNotFoundError(stated)
    return files


def _version(store: Store) -> Version:
    with store.reading() as reader:
        return reader.version


def _copy(source: Path, target: Path) -> File:
    """Copy a file and say what was copied."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = sha256(), 0
    mode = stat.S_IMODE(source.stat().st_mode)  # API keys are for their owner's eyes
    with source.open("rb") as read, open(target, "xb", opener=partial(os.open, mode=mode)) as written:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            size += written.write(chunk)
    return File(size, digest.hexdigest())


def _described(path: Path) -> File:
    return File(path.stat().st_size, file_sha256(path))


def _require_place(folder: Path, *, force: bool) -> None:
    """Raise InputError where a backup cannot, or may not, be put in the place of a folder."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"`{folder}` is a file; name a folder for the index")
    names = {path.name for path in folder.iterdir()}
    if strangers := [name for name in names if not any(fnmatch(name, pattern) for pattern in OF_AN_INDEX)]:
        raise InputError(f"`{folder}` holds `{min(strangers)}`, which is not of an index; name another folder")
    if names - {LOCK_FILE, HOLDER_FILE} and not force:
        raise InputError(f"`{folder}` holds an index; name another folder with --index, or replace it with --force")


def _flush_all(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder, folder.parent):
        flush(path)


def _copied(manifest: Manifest, folder: Path, started: float) -> Copied:
    took_s = round(perf_counter() - started, 3)
    return Copied(folder, manifest.generation, manifest.documents, len(manifest.files), _total(manifest), took_s)


def _total(manifest: Manifest) -> int:
    return sum(file.size for file in manifest.files.values())


def _size(folder: Path) -> int:
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # a sync removes files meanwhile
                total += Path(base, name).stat().st_size
    return total


def _damaged(source: Path, name: str, what: str = "is not as it was written to") -> IndexFormatError:
    return IndexFormatError(f"`{name}` {what} the backup in `{source}`; nothing was changed; use another backup")


@contextmanager
def _made(temporary: Path, size: int) -> Iterator[None]:
    """Remove what has this name, at the start and at the end; explain errors of the disk, by how much is written."""
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        yield
    except OSError as error:
        told = explained(error, temporary, size) or f"`{temporary.parent}` cannot be written: {error}"
        raise UnusableIndexError(f"{told}; nothing was changed") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
