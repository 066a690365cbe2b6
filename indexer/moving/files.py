"""The files of an export: each is whole or not there, and says itself which generation it is of."""

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from hashlib import sha256
from itertools import chain
from pathlib import Path

from pydantic import TypeAdapter

from indexer.collection import Reader
from indexer.contents import Contents, from_bytes, to_bytes, with_lengths, without_lengths
from indexer.durable import publish
from indexer.errors import IndexFormatError, InputError, UnusableIndexError
from indexer.manifests import read_manifest, sealed
from indexer.records import Counts, Mode, Refused, Version

MANIFEST = "export.json"
OF_AN_EXPORT = ("part-*", f"{MANIFEST}*")
FORMAT = 1  # of all files of an export
MODES = (Mode.DENSE, Mode.HYBRID)  # that are compared
PART_DOCUMENTS, PART_BYTES = 200, 32_000_000  # a part ends with the document that reaches one of them


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage that was found stands, told without the numbers of any store."""

    doc_id: str
    page: int
    spans: tuple[tuple[int, int, int], ...]  # each [page, start, end]
    text_sha256: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the first ten that it found where the export was made."""

    text: str
    found: Mapping[Mode, tuple[Place, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """A file of documents: its hash and size, and doc_id and hash of each document, in their order."""

    sha256: str
    size: int  # bytes
    documents: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds; written last, so that a folder without one is no whole export."""

    format: int
    made_at: datetime
    generation: int
    token: str
    fingerprint: str  # JSON of the encoder's
    counts: Counts
    refusals: tuple[Refused, ...]
    parts: tuple[Part, ...]
    questions: tuple[Question, ...]

    @property
    def documents(self) -> dict[str, str]:
        """Hash of each document as it was written, by doc_id."""
        return dict(chain.from_iterable(part.documents for part in self.parts))


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of a part."""

    format: int
    generation: int
    token: str
    documents: tuple[tuple[str, str], ...]  # doc_id and hash of each


_MANIFEST = TypeAdapter(Manifest)
_HEAD = TypeAdapter(_Head)
_VERSION = TypeAdapter(Version)  # which both begin with


def read_export(folder: Path) -> Manifest:
    """Read the manifest of an export and make sure that its parts are there.

    Raises InputError where the folder is no whole export, IndexFormatError naming the file that is damaged.
    """
    try:
        manifest = _MANIFEST.validate_json(read_manifest(folder / MANIFEST), strict=True)
    except OSError as error:
        raise InputError(f"`{folder}` is not a whole export: it has no `{MANIFEST}`; export to it again") from error
    except ValueError as error:
        raise _damaged(folder / MANIFEST) from error
    if manifest.format != FORMAT:
        raise InputError(f"the export in `{folder}` has format {manifest.format}, this version reads format {FORMAT}")
    for number, part in enumerate(manifest.parts):
        path = part_path(folder, number)
        if not path.is_file() or path.stat().st_size != part.size:
            raise _damaged(path)
    return manifest


def documents_of(folder: Path, manifest: Manifest, without: Container[str]) -> Iterator[Contents]:
    """Read the documents of an export one by one, but some; no more than a part is in memory.

    Raises IndexFormatError naming the part that is damaged.
    """
    for number, part in enumerate(manifest.parts):
        wanted = [doc_id not in without for doc_id, _ in part.documents]
        if any(wanted):
            blobs = _blobs(part_path(folder, number), part)
            yield from (from_bytes(blob) for blob, is_wanted in zip(blobs, wanted, strict=True) if is_wanted)


def require_place(folder: Path) -> None:
    """Raise InputError where an export may not be written to a folder."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"`{folder}` is a file; name a folder for the export")
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    if strangers := [name for name in names if not any(fnmatch(name, pattern) for pattern in OF_AN_EXPORT)]:
        raise InputError(
            f"`{folder}` holds `{min(strangers)}`, which is not of an export; name a new or an empty folder"
        )


def drop_others(folder: Path, version: Version) -> int | None:
    """Make the folder, remove from it what is of another generation, and tell which generation that was."""
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        found = {path: one for path in sorted(folder.iterdir()) if (one := _version(path)) and one != version}
        for path in found:  # the manifest before the parts that it names
            path.unlink()
    return max((one.generation for one in found.values()), default=None)


def kept_part(path: Path, version: Version, wanted: Sequence[str]) -> Part | None:
    """Give a part that is there where it holds the first of these documents, whole; else None."""
    try:
        data = path.read_bytes()
        head, blobs = _taken_apart(data)
    except (OSError, ValueError):
        return None
    ids, hashes = [doc_id for doc_id, _ in head.documents], [one for _, one in head.documents]
    is_ours = (head.format, head.generation, head.token) == (FORMAT, version.generation, version.token)
    is_whole = ids and ids == wanted[: len(ids)] and hashes == [sha256(blob).hexdigest() for blob in blobs]
    return _part(data, head) if is_ours and is_whole else None


def write_part(path: Path, reader: Reader, wanted: Sequence[str]) -> Part:
    """Write a part with the first of these documents, as many as one part holds. Raises UnusableIndexError."""
    blobs: list[bytes] = []
    size = 0
    for doc_id in wanted:
        blobs.append(to_bytes(reader.contents(doc_id)))
        size += len(blobs[-1])
        if size >= PART_BYTES:
            break
    documents = tuple((doc_id, sha256(blob).hexdigest()) for doc_id, blob in zip(wanted, blobs, strict=False))
    head = _Head(FORMAT, reader.version.generation, reader.version.token, documents)
    data = sealed(_HEAD.dump_json(head)) + with_lengths(blobs)
    with _writing(path.parent):
        path.with_name(MANIFEST).unlink(missing_ok=True)  # which may not be of this part
        publish(path, lambda file: file.write_bytes(data))
    return _part(data, head)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make an export whole, and remove what is not of it. Raises UnusableIndexError."""
    names = {MANIFEST, *(part_path(folder, number).name for number in range(len(manifest.parts)))}
    with _writing(folder):
        for path in folder.iterdir():  # parts beyond the last, and what a killed run was writing
            if path.name not in names:
                path.unlink()
        publish(folder / MANIFEST, lambda file: file.write_bytes(sealed(_MANIFEST.dump_json(manifest))))


def part_path(folder: Path, number: int) -> Path:
    """Tell where a part of an export is; numbers start at 0."""
    return folder / f"part-{number:05}"


def _blobs(path: Path, part: Part) -> list[bytes]:
    try:
        data = path.read_bytes()
        if sha256(data).hexdigest() != part.sha256:
            raise _damaged(path)
        return _taken_apart(data)[1]
    except (OSError, ValueError) as error:
        raise _damaged(path) from error


def _taken_apart(data: bytes) -> tuple[_Head, list[bytes]]:
    """Give what a part says of itself, and its documents. Raises ValueError where it is not as written."""
    line, _, rest = data.partition(b"\n")
    seal, _, body = rest.partition(b"\n")
    if sealed(line) != line + b"\n" + seal + b"\n":
        raise ValueError("the first line is not as it was written")
    return _HEAD.validate_json(line, strict=True), without_lengths(body)


def _part(data: bytes, head: _Head) -> Part:
    return Part(sha256(data).hexdigest(), len(data), head.documents)


def _version(path: Path) -> Version | None:
    """Tell the generation that a file of an export is of, by its first line; None where that cannot be read."""
    try:
        with path.open("rb") as file:
            line, seal = file.readline(), file.readline()
        return _VERSION.validate_json(line) if sealed(line.rstrip(b"\n")) == line + seal else None
    except (OSError, ValueError):
        return None


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Explain errors of the disk."""
    try:
        yield
    except OSError as error:
        raise UnusableIndexError(
            f"the export in `{folder}` cannot be written ({error.strerror}); run the command again when it can, and "
            "it goes on from there"
        ) from error


def _damaged(path: Path) -> IndexFormatError:
    return IndexFormatError(
        f"`{path.name}` is missing from the export in `{path.parent}`, or is not as it was written; copy or export "
        "it again, and run the command again"
    )
