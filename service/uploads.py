"""Files that came over HTTP: kept in a folder of the index that is a source like any other, with a manifest.

Whatever is interrupted leaves a folder that can be indexed: a file is there before its row, and goes after it.
"""

import csv
import fcntl
import io
import os
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import file_digest
from pathlib import Path
from typing import IO

from indexer.collection import Reader
from indexer.database import INCOMING, UPLOADS
from indexer.disk import explained
from indexer.durable import flush
from indexer.errors import DocumentRefusedError, InputError, NotFoundError, UnusableIndexError
from indexer.extract.sniff import FORMATS
from indexer.metadata import stated_by_front_matter
from indexer.settings import Settings
from indexer.sources import MANIFEST, MANIFEST_COLUMNS, Source

LONGEST_NAME = 200  # bytes of UTF-8; file systems take 255
LONGEST_VALUE = 1000  # characters of a field of the metadata
MOST_FILES = 20  # at once
FIELDS = MANIFEST_COLUMNS[1:]  # of the metadata
SUFFIXES = sorted({suffix for _, suffixes in FORMATS.values() for suffix in suffixes})
_LOCK = "lock"
_ROOM = 50_000_000  # bytes that an upload must leave free, so that a sync can begin

Rows = dict[str, dict[str, str]]  # by name of the file


class ConflictError(InputError):
    """What is there already stands against it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: the name that the client gives, and the content, to be read from its beginning."""

    name: str
    file: IO[bytes]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that is kept, and the document that it will be."""

    doc_id: str
    name: str


def receive(
    settings: Settings, uploads: Sequence[Upload], stated: Mapping[str, str], *, replace: bool = False
) -> tuple[Uploaded, ...]:
    """Keep files, and what is stated about the only one; where nothing is stated, what was stated before stays.

    All are kept or none is. Raises InputError for a name, a size or a value that cannot be used, ConflictError where
    another file has the name and `replace` is off, UnusableIndexError where the disk does not take them.
    """
    row = _row(stated)
    if not 1 <= len(uploads) <= MOST_FILES:
        raise InputError(f"{len(uploads)} files were sent; send 1 to {MOST_FILES} of them, each as `file`")
    if row and len(uploads) > 1:
        raise InputError("metadata goes with one file; send the files one by one")
    names = [safe_name(upload.name, settings) for upload in uploads]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"`{min(twice)}` was sent twice; give each file a name of its own")
    with _writing(settings) as incoming:
        copies = [_copy(upload, name, incoming / name, settings) for upload, name in zip(uploads, names, strict=True)]
        new = [copy for copy in copies if not _is_same(copy, settings.uploads / copy.name)]
        for copy in new:
            if (settings.uploads / copy.name).exists() and not replace:
                raise ConflictError(
                    f"there is another `{copy.name}` already; send `replace=true` to put this in its place"
                )
        for copy in new:
            copy.replace(settings.uploads / copy.name)
        flush(settings.uploads)
        rows = _rows(settings.uploads)
        if row and rows.get(names[0]) != row:
            _write(rows | {names[0]: row}, incoming, settings)
    return tuple(Uploaded(_source(name).doc_id, name) for name in names)


def remove(settings: Settings, doc_id: str, reader: Reader | None) -> None:
    """Remove the file of an uploaded document, also of one that was refused; the next sync removes the document.

    `reader` is of the index, None where there is none. Raises NotFoundError where there is no such document,
    ConflictError where it was not uploaded, UnusableIndexError where the disk does not let it go.
    """
    with _writing(settings) as incoming:
        files = [path for path in settings.uploads.iterdir() if path.name != MANIFEST]
        found = [path for path in files if _source(path.name).doc_id == doc_id]
        if not found:
            _explain_missing(doc_id, reader)
        for path in found:
            rows = _rows(settings.uploads)
            if rows.pop(path.name, None) is not None:
                _write(rows, incoming, settings)
            path.unlink()
        flush(settings.uploads)


def safe_name(given: str, settings: Settings) -> str:
    """Make a file's name of what a client says it is. Raises InputError where none can be made."""
    name = unicodedata.normalize("NFC", given.replace("\\", "/").rpartition("/")[2]).strip()
    shown = name if name.isprintable() else name.encode("unicode_escape", "replace").decode()
    if not name or name.startswith("."):
        raise InputError(f"`{shown}` is not a name of a file; give one that does not begin with a full stop")
    if not name.isprintable():
        raise InputError(f"`{shown}` has signs that cannot be shown; give the file another name")
    if (size := len(name.encode())) > LONGEST_NAME:
        raise InputError(f"`{name[:40]}...` has a name of {size} bytes; give it one of at most {LONGEST_NAME}")
    if Path(name).suffix.lower() not in SUFFIXES:
        raise InputError(f"`{name}` is not of a kind that is read; send a file that ends in {', '.join(SUFFIXES)}")
    if name == MANIFEST or _fits(name, settings.exclude) or not _fits(name, settings.include):
        raise InputError(f"files of names like `{name}` are left alone by the settings; give it another name")
    return name


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _row(stated: Mapping[str, str]) -> dict[str, str]:
    """Check what is stated, as the sync will read it; give the fields that have a value."""
    row = {field: value.strip() for field, value in stated.items() if value.strip()}
    if unknown := row.keys() - set(FIELDS):
        raise InputError(f"there is no field `{min(unknown)}`; the fields are {', '.join(FIELDS)}")
    for field, value in row.items():
        if len(value) > LONGEST_VALUE or not value.isprintable():
            raise InputError(f"`{field}` is not one line of at most {LONGEST_VALUE} characters; shorten it")
    try:
        stated_by_front_matter(row)
    except DocumentRefusedError as error:
        raise InputError(error.message) from error
    return row


def _source(name: str) -> Source:
    return Source(UPLOADS, name, {})


def _copy(upload: Upload, name: str, path: Path, settings: Settings) -> Path:
    upload.file.seek(0, os.SEEK_END)
    size, most = upload.file.tell(), settings.max_file_mb * 1_000_000
    if size > most:
        raise InputError(f"`{name}` has {size / 1e6:.1f} MB, more than {most / 1e6:.0f} MB; split it")
    if not size:
        raise InputError(f"`{name}` is empty; send the file once more")
    if shutil.disk_usage(path.parent).free < size + _ROOM:
        raise UnusableIndexError(
            f"the disk of `{settings.index}` is full: `{name}` has {size / 1e6:.1f} MB; free some space there"
        )
    upload.file.seek(0)
    with path.open("xb") as copy:
        shutil.copyfileobj(upload.file, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())
    return path


def _is_same(one: Path, other: Path) -> bool:
    if not other.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        return file_digest(first, "sha256").digest() == file_digest(second, "sha256").digest()


def _explain_missing(doc_id: str, reader: Reader | None) -> None:
    """Say why no file is to be removed; nothing where it has gone already and its document is still there."""
    if reader is None:
        raise NotFoundError(f"no document `{doc_id}` in the index")
    document = reader.document(doc_id)
    if document.root != UPLOADS:
        raise ConflictError(
            f"`{document.path}` comes from `{document.root}`; remove the file there and sync: only uploaded "
            "documents are deleted over HTTP"
        )


def _rows(folder: Path) -> Rows:
    """Read the manifest, of those files that are there."""
    path = folder / MANIFEST
    if not path.exists():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {
            row.pop("path"): {field: value for field, value in row.items() if value} for row in csv.DictReader(file)
        }
    return {name: row for name, row in rows.items() if (folder / name).is_file()}


def _write(rows: Rows, incoming: Path, settings: Settings) -> None:
    """Write the manifest; what is not whole is never where a sync looks."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, MANIFEST_COLUMNS, restval="")
    table.writeheader()
    table.writerows({"path": name, **row} for name, row in sorted(rows.items()))
    made = incoming / MANIFEST
    made.write_text(text.getvalue(), "utf-8", newline="")
    flush(made)
    made.replace(settings.uploads / MANIFEST)
    flush(settings.uploads)


@contextmanager
def _writing(settings: Settings) -> Iterator[Path]:
    """Be the only one, of all processes, that changes the uploads; give a folder for what is not whole yet."""
    incoming = settings.index / INCOMING
    try:
        incoming.mkdir(parents=True, exist_ok=True)
        settings.uploads.mkdir(exist_ok=True)
        with (incoming / _LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                _clear(incoming)  # of what one who was killed has left
                yield incoming
            finally:
                _clear(incoming)
    except OSError as error:
        told = explained(error, settings.index, 0) or f"`{settings.uploads}` cannot be written ({error.strerror})"
        raise UnusableIndexError(told) from error


def _clear(incoming: Path) -> None:
    for path in incoming.iterdir():
        if path.name != _LOCK:
            path.unlink()
