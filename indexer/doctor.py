"""Says what is wrong with an index, naming file and row, and mends it as far as it can be mended.

What is derived is made again. Of a damaged store everything that is as it was written goes into a new one beside it;
documents that miss something are read again from their kept originals; then the new store takes the old one's place
in one step. What nothing can give back is named.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.database import STORE_FILE, WORKSHOP, writer_lock
from indexer.dense import DENSE, Dense, write_snapshot
from indexer.durable import remove
from indexer.encoder import Encoder, Fingerprint
from indexer.errors import DocumentRefusedError, IndexMissingError, UnusableIndexError
from indexer.hashes import input_sha256
from indexer.lexical import Lexical, drop_other_generations, generation_files, write_generation
from indexer.making import make
from indexer.originals import ORIGINALS, keep_original, original
from indexer.outlines import OUTLINES, Outlines, publish_outlines
from indexer.records import Extracted, Metadata, Passage
from indexer.repetition import sketch
from indexer.settings import Settings
from indexer.shards import Job
from indexer.sources import Source, folder_of
from indexer.store import (
    DocumentRow,
    Problem,
    Reader,
    Salvage,
    Store,
    Writer,
    inspect,
    put_in_place,
    salvage_most,
    stored_document,
)
from indexer.sync import Readers

# Not the recipe of any sync, so that the next one looks at the file again, and at what a manifest says of it.
RECIPE = "repaired"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with an index, and what a repair made of it."""

    index: str
    generation: int | None  # None where the store does not tell
    is_well: bool  # in the end
    problems: tuple[Problem, ...]  # as found at first
    is_repaired: bool = False
    reread: tuple[str, ...] = ()  # files that were read again from their kept originals
    lost: tuple[str, ...] = ()  # what could not be given back


def examine(folder: Path, *, fingerprint: Fingerprint | None, originals: bool = True) -> Diagnosis:
    """Look at everything in the folder of an index; nothing is changed.

    `fingerprint` is of the encoder that the index should be of; `originals` tells whether files should be kept.
    Raises IndexMissingError.
    """
    _require_index(folder)
    found = inspect(folder)
    problems = [*found.problems, *_problems_beside(folder, found, fingerprint, originals=originals)]
    generation = found.seal.generation if found.seal else None
    return Diagnosis(str(folder), generation, not problems, tuple(problems))


def repair(
    settings: Settings,
    *,
    fingerprint: Fingerprint | None,
    encoder: Callable[[], Encoder],
    readers: Callable[[], AbstractContextManager[Readers]],
) -> Diagnosis:
    """Mend what can be mended; encoder and readers are made only where documents must be read again.

    Whenever it is interrupted, the index is as it was, or mended. Raises IndexMissingError, IndexBusyError,
    EncoderMismatchError where documents must be read again and the encoder is another one, UnusableIndexError where
    nothing can be written.
    """
    folder = settings.index
    _require_index(folder)
    reread: list[str] = []
    lost: list[str] = []
    with _disk_errors(folder), writer_lock(folder, is_damaged=True):
        before = examine(folder, fingerprint=fingerprint, originals=settings.keep_originals)
        if inspect(folder).problems:
            reread, lost = _rebuild(settings, encoder, readers)
        if settings.keep_originals:
            lost += _mend_originals(folder)
        _mend_derived(folder)
        after = examine(folder, fingerprint=fingerprint, originals=False)
    return replace(after, problems=before.problems, is_repaired=True, reread=tuple(reread), lost=tuple(lost))


# --- what is wrong


def _require_index(folder: Path) -> None:
    if not any(any(folder.glob(name)) for name in (f"{STORE_FILE}*", "lexical-*", "dense-*", "outlines-*")):
        raise IndexMissingError(f"no index in `{folder}`; run `citewell index SOURCE` to make one")


def _problems_beside(
    folder: Path, found: Salvage, fingerprint: Fingerprint | None, *, originals: bool
) -> Iterator[Problem]:
    """Find what is wrong beside the rows of the store."""
    if found.fingerprint and fingerprint and found.fingerprint != fingerprint.to_json():
        differs = fingerprint.differences(Fingerprint.from_json(found.fingerprint))
        yield Problem(STORE_FILE, None, f"the encoder is not the one that made the index: {differs}")
    if found.problems:  # what the rest should be like is not known
        return
    with closing(Store(folder)) as store, store.reading() as reader:
        yield from _problems_of_derived(folder, reader)
        for document in reader.documents() if originals else ():
            path = original(folder, document.sha256)
            if _read(path, document.sha256) is None:
                what = "is altered" if path.exists() else "is missing"
                yield Problem(f"{ORIGINALS}/{path.name}", None, f"the copy of `{document.file}` {what}")


def _problems_of_derived(folder: Path, reader: Reader) -> Iterator[Problem]:
    if not reader.version.generation:
        return
    vectors, outlines = DENSE.files(folder, reader), OUTLINES.files(folder, reader)
    for path in sorted([*folder.glob("dense-*"), *folder.glob("outlines-*")]):
        if path not in {*vectors, *outlines}:
            yield Problem(path.name, None, "not as it was written, or not of this index")
    if not vectors and _vectors(folder, reader).is_stale:
        yield Problem("dense-*", None, "a snapshot of the vectors is missing")
    if not outlines and Outlines.open(folder, reader).is_stale:
        yield Problem("outlines-*", None, "a snapshot of the outlines is missing")
    if not _has_words(folder, reader):
        yield Problem(f"lexical-{reader.version.generation:08d}", None, "missing, or not as it was written")


def _vectors(folder: Path, reader: Reader) -> Dense:
    fingerprint = reader.fingerprint or ""
    return Dense.open(folder, reader, fingerprint=fingerprint, dim=Fingerprint.from_json(fingerprint).dim)


def _has_words(folder: Path, reader: Reader) -> bool:
    is_sound = bool(generation_files(folder, reader.version))
    return is_sound and len(Lexical.open(folder, reader)) == reader.passage_count


# --- what is derived, and originals


def _mend_derived(folder: Path) -> None:
    with closing(Store(folder)) as store, store.reading() as reader:
        if not reader.version.generation:
            return
        for kind in (DENSE, OUTLINES):
            kind.drop_unsound(folder, reader)
        if not DENSE.files(folder, reader) and _vectors(folder, reader).is_stale:
            fingerprint = reader.fingerprint or ""
            write_snapshot(folder, reader, fingerprint=fingerprint, dim=Fingerprint.from_json(fingerprint).dim)
        publish_outlines(folder, reader)
        if not _has_words(folder, reader):
            for path in folder.glob("lexical-*"):
                remove(path)
            write_generation(folder, reader, reader.version)
        drop_other_generations(folder, reader.version)


def _mend_originals(folder: Path) -> list[str]:
    """Put copies of files back from where these came from; name those whose files have changed or gone."""
    lost = []
    with closing(Store(folder)) as store, store.reading() as reader:
        documents = reader.documents()
    if (folder / ORIGINALS).exists() and not (folder / ORIGINALS).is_dir():
        remove(folder / ORIGINALS)
    for document in documents:
        path = original(folder, document.sha256)
        if _read(path, document.sha256) is None:
            data = _read(folder_of(document.root, folder) / document.path, document.sha256)
            remove(path)
            if data is None:
                lost.append(f"the copy of {document.file} as it was indexed; its text is still there")
            else:
                keep_original(folder, document.sha256, data)
    return lost


def _read(path: Path, digest: str) -> bytes | None:
    """Read a file if it is the one with that hash."""
    try:
        data = path.read_bytes() if path.is_file() else None
    except OSError:
        return None
    return data if data is not None and sha256(data).hexdigest() == digest else None


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnusableIndexError(
            f"the index in `{folder}` cannot be repaired ({error.strerror or error}): free some space there and run "
            "the command again"
        ) from error


# --- the store


def _rebuild(
    settings: Settings,
    encoder: Callable[[], Encoder],
    readers: Callable[[], AbstractContextManager[Readers]],
) -> tuple[list[str], list[str]]:
    """Make a new store of what can be saved, and put it in the old one's place; tell what was reread and lost."""
    folder = settings.index
    workshop = folder / WORKSHOP
    remove(workshop)
    found = salvage_most(folder, workshop)
    wanted = _Wanted.of(found, folder)
    reread: list[str] = []
    lost = list(wanted.lost)
    with Store.writing(workshop / "new") as writer:
        writer.follow(_last_generation(folder, found), found.last_document, found.last_passage)
        for whole in found.read() if found.fingerprint else ():
            writer.adopt(whole)
        writer.adopt_refusals(found.refusals)
        if wanted.again:
            made = encoder()
            made.fingerprint.check(found.fingerprint)
            with readers() as reading:
                for one, extracted in reading.read_all(((one, one.data) for one in wanted.again), _path):
                    try:
                        _put_again(one, extracted, writer, settings, made)
                        reread.append(str(one.source.file))
                    except DocumentRefusedError as error:
                        lost.append(f"{one.source.file}, which cannot be read again: {error.message}")
        fingerprint = found.fingerprint or encoder().fingerprint.to_json()
        writer.commit(fingerprint, {"added": len(reread), "updated": 0, "removed": len(lost)})
    with closing(Store(workshop / "new")) as store, store.reading() as reader:
        write_generation(folder, reader, reader.version)
    put_in_place(workshop / "new", folder)
    remove(workshop)
    return reread, lost


@dataclass(frozen=True)
class _Again:
    """A document to be read again."""

    source: Source
    metadata: Metadata | None  # None where it must be found anew
    sha256: str
    data: bytes


@dataclass
class _Wanted:
    """What is to be read again for the new store, and what cannot be."""

    again: list[_Again] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, found: Salvage, folder: Path) -> "_Wanted":
        wanted = cls()
        for row in [*found.broken, *([] if found.fingerprint else found.whole)]:
            document = stored_document(row)
            wanted._ask_for(folder, row.root, row.path, row.sha256, document.metadata)
        held = {row.doc_id for row in (*found.whole, *found.broken)}
        for row in found.doubtful:
            if row.doc_id in held:
                continue
            root, path = str(row.root), str(row.path)
            if Source(root, path, {}).doc_id == row.doc_id:  # so folder and path are as they were
                wanted._ask_for(folder, root, path, _digest(row, folder), None)
            else:
                wanted.lost.append(f"a document, perhaps {root[:200]}/{path[:200]}")
        if found.vanished:
            wanted.lost.append(f"{found.vanished} documents of which nothing is left that names them")
        if found.seal is None and not found.whole and not found.broken:
            wanted.lost.append("all documents: nothing of the store can be read")
        return wanted

    def _ask_for(self, folder: Path, root: str, path: str, digest: str, metadata: Metadata | None) -> None:
        source = Source(root, path, {}, folder_of(root, folder))
        data = _read(original(folder, digest), digest) if digest.isalnum() else None
        if data is None:
            data = _read(source.file, digest)
        if data is None:
            self.lost.append(f"{source.file}, of which no copy is left")
        else:
            self.again.append(_Again(source, metadata, digest, data))


def _digest(row: DocumentRow, folder: Path) -> str:
    """Give the hash of the file behind an altered row, which states it twice: the one that names a kept copy."""
    stated = [str(row.sha256)]
    with suppress(ValueError, TypeError, KeyError):
        stated.append(str(json.loads(row.record)["sha256"]))
    return next((one for one in stated if one.isalnum() and original(folder, one).is_file()), stated[-1])


def _path(one: _Again) -> str:
    return one.source.path


def _put_again(
    one: _Again, extracted: Extracted | DocumentRefusedError, writer: Writer, settings: Settings, encoder: Encoder
) -> None:
    """Store a document that was read again as a sync would, with the metadata that the store still has of it."""
    if isinstance(extracted, DocumentRefusedError):
        raise extracted
    job = Job(one.source, one.sha256, len(one.data), RECIPE)
    made = make(job, extracted, settings, encoder, known=one.metadata)
    writer.put_document(
        made.document,
        RECIPE,
        pages=made.pages,
        removals=made.removals,
        passages=made.passages,
        vectors=_encoded(made.passages, writer, encoder),
        sketches=[sketch(passage.text, made.document.metadata.body) for passage in made.passages],
    )


def _encoded(passages: Sequence[Passage], writer: Writer, encoder: Encoder) -> list[NDArray[np.float16]]:
    digests = [input_sha256(passage) for passage in passages]
    vectors = writer.vectors_of(digests, encoder.fingerprint.dim)
    missing = {digest: one for digest, one in zip(digests, passages, strict=True) if digest not in vectors}
    made = encoder.encode_passages([one.input for one in missing.values()], [_parts(one) for one in missing.values()])
    vectors.update((digest, some.astype(np.float16)) for digest, some in zip(missing, made, strict=True))
    return [vectors[digest] for digest in digests]


def _parts(passage: Passage) -> list[tuple[int, int]]:
    """Find the sentences of a passage in what is encoded of it."""
    before = len(passage.input) - len(passage.text)
    return [(before + start, before + end) for start, end in passage.sentences]


def _last_generation(folder: Path, found: Salvage) -> int:
    """Give the highest generation that anything tells of, so that the new one is beyond it."""
    paths = (path for kind in ("lexical", "dense", "outlines") for path in folder.glob(f"{kind}-*"))
    names = [path.name.partition("-")[2][:8] for path in paths]
    return max([found.generation, *(int(name) for name in names if name.isdecimal())])
