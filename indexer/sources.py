"""Finds the files to index, reads their bytes, and reads what manifests say about them."""

import csv
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import IO

from indexer.database import UPLOADS
from indexer.errors import DocumentRefusedError, InputError, Refusal
from indexer.records import Refused
from indexer.settings import Settings

MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = ("path", "title", "publisher", "body", "published", "kind", "source", "licence")
DEEPEST = 100  # folders below each other; Python's walk calls itself for each
READ_TRIES = 2  # a file that changes during both is still being written


@dataclass(frozen=True, slots=True)
class Source:
    """One file to be indexed, and what the manifest of its folder states about it."""

    root: (
        str  # absolute path of the folder that was named, or of the folder of a file that was named; see `folder_of`
    )
    path: str  # relative to the root, with forward slashes
    stated: Mapping[str, str]
    folder: Path | None = None  # where that is not the root

    @property
    def file(self) -> Path:
        """Where the file lies."""
        return (self.folder or Path(self.root)) / self.path

    @property
    def doc_id(self) -> str:
        """Name the document by its folder and path, whatever it contains: 16 hexadecimal digits."""
        return sha256(f"{self.root}\0{self.path}".encode(errors="surrogateescape")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Scan:
    """The files of all sources, and the folders that could not be looked into."""

    sources: tuple[Source, ...]  # by root and path
    unreadable: tuple[Refused, ...]  # what the index holds of them, or below them, stays as it was
    roots: frozenset[str] = frozenset()  # folders that were looked through whole


def folder_of(root: str, index: Path) -> Path:
    """Tell where the documents of a root lie; that of uploads is no path, as they belong to their index."""
    return index / UPLOADS if root == UPLOADS else Path(root)


def scan(named: Sequence[Path], settings: Settings) -> Scan:
    """List the files of the named folders and files; one that is reached twice counts for the first.

    Raises InputError where a named path is missing, cannot be read or is neither folder nor file, so that a folder
    that is not mounted is never taken for an empty one.
    """
    sources: list[Source] = []
    unreadable: list[Refused] = []
    folders: set[str] = set()
    uploads = settings.uploads.resolve()
    seen: set[Path] = set()
    for path in named:
        real = _readable(path)
        root = real if real.is_dir() else real.parent
        name = UPLOADS if root == uploads else str(root)
        manifest = _manifest(root)
        files = _walk(root, name, settings, unreadable) if real.is_dir() else [real]
        for file in files:
            relative = file.relative_to(root).as_posix()
            stated = manifest.pop(relative, {})
            if file in seen:
                continue
            seen.add(file)
            if not relative.isprintable():
                unreadable.append(
                    Refused(
                        name,
                        _shown(relative),
                        Refusal.UNREADABLE,
                        "its name holds signs that cannot be shown: rename it",
                    )
                )
                continue
            sources.append(Source(name, relative, stated, root))
        if real.is_dir():
            folders.add(name)
        # It is read again, as a file may have gone, together with its row, while the folder was looked through.
        if real.is_dir() and manifest and (left := manifest.keys() & _manifest(root).keys()):
            missing = min(left)
            raise InputError(f"`{root / MANIFEST}` lists `{missing}`, which is not among the files; correct its path")
    return Scan(tuple(sorted(sources, key=lambda s: (s.root, s.path))), tuple(unreadable), frozenset(folders))


def read(source: Source, max_bytes: int) -> bytes:
    """Read a file as it stood at one moment.

    Raises FileNotFoundError where it has gone, DocumentRefusedError (TOO_LARGE, CHANGED, UNREADABLE) otherwise.
    """
    try:
        for _ in range(READ_TRIES):
            with _open(source) as file:
                before = os.fstat(file.fileno())
                if not stat.S_ISREG(before.st_mode):
                    raise DocumentRefusedError(
                        Refusal.UNREADABLE, "it has become a pipe or device, so it is not read: put a file there"
                    )
                if before.st_size > max_bytes:
                    raise DocumentRefusedError(
                        Refusal.TOO_LARGE,
                        f"the file has {before.st_size / 1e6:.1f} MB, more than {max_bytes / 1e6:.0f} MB: "
                        "split it, or raise the setting `max_file_mb`",
                    )
                data = file.read(max_bytes + 1)
                after = os.fstat(file.fileno())
            if len(data) == before.st_size and (before.st_size, before.st_mtime_ns) == (
                after.st_size,
                after.st_mtime_ns,
            ):
                return data
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DocumentRefusedError(
            Refusal.UNREADABLE, f"the file cannot be read ({error.strerror}): give this user the right to read it"
        ) from error
    raise DocumentRefusedError(
        Refusal.CHANGED, "the file changed while it was being read: index again when it is complete"
    )


def _open(source: Source) -> IO[bytes]:
    """Open what was a file when it was found; by now it may be a link that leads elsewhere, or a pipe.

    Raises OSError, DocumentRefusedError.
    """
    if source.file.is_symlink() and not source.file.resolve().is_relative_to(source.folder or source.root):
        raise DocumentRefusedError(
            Refusal.UNREADABLE,
            "it has become a link that leads out of its folder, so it is not read: put a file there",
        )
    # A pipe that nobody writes to would be waited for, were it not for O_NONBLOCK, which files do not mind.
    return open(source.file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK))


def _readable(path: Path) -> Path:
    try:
        real = path.expanduser().resolve(strict=True)
    except FileNotFoundError as error:
        raise InputError(f"`{path}` does not exist; nothing was changed") from error
    except (OSError, RuntimeError) as error:  # no permission on the way, or a loop of links
        raise InputError(f"`{path}` cannot be reached ({error}); nothing was changed") from error
    if not (real.is_dir() or real.is_file()):
        raise InputError(f"`{path}` is neither a folder nor a file; nothing was changed")
    if not os.access(real, os.R_OK | (os.X_OK if real.is_dir() else 0)):
        raise InputError(f"`{path}` cannot be read by this user; nothing was changed")
    if (shown := _shown(str(real))) != str(real):
        raise InputError(f"`{shown}` has a name that is not UTF-8: rename it; nothing was changed")
    return real


def _walk(root: Path, name: str, settings: Settings, unreadable: list[Refused]) -> Iterator[Path]:
    """Yield the files below a folder. Links to folders are not followed, nor links that lead out of it."""

    def note(error: OSError) -> None:
        folder = Path(error.filename)
        if folder == root:
            raise InputError(f"`{root}` cannot be read ({error.strerror}); nothing was changed") from error
        unreadable.append(
            Refused(
                name,
                _shown(folder.relative_to(root).as_posix()),
                Refusal.UNREADABLE,
                f"the folder cannot be read ({error.strerror}): give this user the right to read it",
            )
        )

    index = settings.index.resolve()
    for folder, folders, names in os.walk(root, onerror=note):
        here = Path(folder)
        folders[:] = sorted(
            one for one in folders if here / one != index and not _matches(here / one, root, settings.exclude)
        )
        if folders and len(here.relative_to(root).parts) >= DEEPEST:
            unreadable += (
                Refused(
                    name,
                    _shown((here / one).relative_to(root).as_posix()),
                    Refusal.UNREADABLE,
                    f"the folder lies {DEEPEST} folders deep, so it is not looked into: move it up",
                )
                for one in folders
            )
            folders.clear()
        for file_name in sorted(names):
            file = here / file_name
            if not _matches(file, root, settings.include) or _matches(file, root, settings.exclude):
                continue
            if _is_file(file, root):
                yield file


def _is_file(path: Path, root: Path) -> bool:
    try:
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(root))
    except OSError:  # no right to look: reading it will say so
        return True


def _matches(path: Path, root: Path, patterns: Sequence[str]) -> bool:
    relative = path.relative_to(root).as_posix()
    return any(fnmatch(relative, pattern) or fnmatch(path.name, pattern) for pattern in patterns)


def _shown(path: str) -> str:
    """Write out the signs of a path that are no text, or that would deceive who reads it."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path)


def _manifest(root: Path) -> dict[str, dict[str, str]]:
    """Read the manifest of a folder: path -> the cells that are filled."""
    path = root / MANIFEST
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            columns = rows.fieldnames or ()
            if "path" not in columns or (unknown := set(columns) - set(MANIFEST_COLUMNS)):
                wrong = f"an unknown column `{min(unknown)}`" if "path" in columns else "no column `path`"
                raise InputError(f"`{path}` has {wrong}; the columns are {', '.join(MANIFEST_COLUMNS)}")
            stated = {}
            for row in rows:
                if None in row or None in row.values():
                    raise InputError(f"`{path}` line {rows.line_num} has not as many cells as the first line")
                name = row.pop("path")
                stated[Path(name).as_posix()] = {column: cell.strip() for column, cell in row.items() if cell.strip()}
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise InputError(f"`{path}` cannot be read as a UTF-8 CSV table: {error}") from error
    return stated
