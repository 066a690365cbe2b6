"""Makes an index equal to its sources. The only module that knows the order of the steps.

    files -> pages -> without furniture -> metadata -> passages -> vectors -> words -> store -> FAISS snapshot

All of a sync is one transaction: readers see the old generation until the new one is whole, and a sync that is
interrupted has changed nothing. What it has encoded is kept in the journal meanwhile, so that the next sync need not
encode it again. Encoding goes on beside all else, in a thread of its own; everything else is done in the caller's.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.bulk import Executor, contents_of, drop_shards
from indexer.collection import Writer
from indexer.disk import Need, explained
from indexer.encoder import Encoder
from indexer.encoding import Encoding, Vectors
from indexer.errors import CitewellError, DocumentRefusedError, InputError, Refusal, UnusableIndexError
from indexer.journal import Journal, drop_journal
from indexer.making import Draft, make
from indexer.metadata import stated_by_path
from indexer.opening import collection_of
from indexer.originals import drop_other_originals, keep_original
from indexer.records import Extracted, Known, Passage, Prune, Refused, Version
from indexer.repetition import sketch
from indexer.settings import Settings
from indexer.shards import Job, Made, Tools
from indexer.sources import Scan, Source, read, scan

log = logging.getLogger(__name__)

# Counts up whenever the code comes to read or cut files differently, so that all documents are then made anew.
RECIPE = 4
BATCH = 512  # passages put together before encoding: enough to sort by length, few enough to keep memory small
# Refusals that say nothing about the file's content: what the index holds of the file stays, and is tried again.
PASSING = {Refusal.UNREADABLE, Refusal.CHANGED}

T = TypeVar("T")


class Readers(Protocol):
    """Turns bytes into pages, or says why not."""

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        """Read many files, a few ahead; results come in the order of the items. `name` is for messages."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is."""

    files: int
    files_total: int
    encoded: int  # passages


@dataclass(frozen=True, slots=True)
class Report:
    """What a sync did. Paths are relative to their source; `needs_ocr` and `notes` go by whole paths."""

    generation: int
    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    refused: tuple[Refused, ...]
    needs_ocr: dict[str, tuple[int, ...]]  # pages without text of documents that were indexed all the same
    notes: dict[str, tuple[str, ...]]
    pages: int  # of added and updated documents
    passages: int
    encoded: int  # the rest of the passages had been encoded before
    took_s: float


def sync(
    named: Sequence[Path],
    settings: Settings,
    *,
    encoder: Encoder,
    readers: Readers,
    prune: Prune = Prune.ALL,
    reencode: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    executor: Executor | None = None,
) -> Report:
    """Make the index in `settings.index` hold the named folders and files, and the uploads, as they are now.

    `prune` says which documents that are in none of them are removed. `reencode` makes all anew, for another encoder.
    Where an `executor` is given, its workers read and encode the files, else this process.

    Raises InputError, UnusableIndexError or one of its kinds, ModelError, WorkersError, or what `progress` raises to
    stop it; the index is then as it was.
    """
    started = perf_counter()
    if reencode and prune is not Prune.ALL:
        raise InputError("--reencode makes all documents anew, so it cannot keep those outside the sources")
    found = scan([*named, *([settings.uploads] if settings.uploads.is_dir() else [])], settings)
    need = Need([source.file for source in found.sources])
    version: Version | None = None  # that stands once all is committed
    try:
        with closing(collection_of(settings)) as collection, collection.writing(encoder.fingerprint.dim) as writer:
            if not reencode:
                encoder.fingerprint.check(writer.fingerprint)
            files_before = writer.file_hashes()
            run = _Run(found, writer, settings, encoder, need, prune=prune, reencode=reencode, progress=progress)
            try:
                if executor:
                    run.store_made_by(executor)
                else:
                    run.store_made_here(readers)
                run.remove_the_rest()
                version = run.commit()
            except BaseException as error:
                with suppress(OSError):  # what is left is tried again by the next sync
                    drop_other_originals(settings.index, writer.file_hashes() if version else files_before)
                if explained(error, settings.index, 0):  # the user needs the space, or the disk cannot be relied on
                    drop_journal(settings.index)
                    drop_shards(settings.index)
                raise
            drop_journal(settings.index)
            drop_shards(settings.index)
            _drop_other_originals(settings.index, writer.file_hashes() if settings.keep_originals else set())
    except (OSError, CitewellError) as error:
        if version or not (told := explained(error, settings.index, need.bytes(settings.index))):
            raise
        raise UnusableIndexError(f"{told}; the index is as it was") from error
    return Report(
        generation=version.generation,
        added=tuple(run.added),
        updated=tuple(run.updated),
        removed=tuple(run.removed),
        unchanged=run.unchanged,
        refused=tuple(sorted((refused for refused, _ in run.refused), key=lambda one: (one.root, one.path))),
        needs_ocr=run.needs_ocr,
        notes=run.notes,
        pages=run.pages,
        passages=run.passages,
        encoded=run.encoded,
        took_s=perf_counter() - started,
    )


class _Run:
    """One sync: what it works with, and what it has done so far."""

    def __init__(
        self,
        found: Scan,
        writer: Writer,
        settings: Settings,
        encoder: Encoder,
        need: Need,
        *,
        prune: Prune,
        reencode: bool,
        progress: Callable[[Progress], None],
    ) -> None:
        self._found = found
        self._writer = writer
        self._settings = settings
        self._encoder = encoder
        self._need = need
        self._prune = prune
        self._reencode = reencode
        self._progress = progress
        self._telling = Lock()  # progress, which two threads make
        self._known = writer.known()
        self._present: set[tuple[str, str]] = set()  # documents that stay, by root and path
        self.files = 0
        self.added: list[str] = []
        self.updated: list[str] = []
        self.removed: list[str] = []
        self.unchanged = 0
        self.refused: list[tuple[Refused, Known | None]] = [(refused, None) for refused in found.unreadable]
        self.needs_ocr: dict[str, tuple[int, ...]] = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.pages = 0
        self.passages = 0
        self.encoded = 0

    def store_made_here(self, readers: Readers) -> None:
        """Read, cut and encode every file that is new or changed, and put the documents into the store."""
        dim = self._encoder.fingerprint.dim
        journal = Journal(self._settings.index, self._encoder.fingerprint.to_json(), dim)
        with Encoding(self._encoder, journal, self._tell_encoded) as encoding:
            for batch, vectors in encoding.ahead(_batches(self._made(readers)), _passages, self._known_vectors):
                rest = iter(vectors)
                for made in batch:
                    sketches = [sketch(passage.text, made.document.metadata.body) for passage in made.passages]
                    self._put(made, made.job.recipe, list(islice(rest, len(made.passages))), sketches)

    def store_made_by(self, executor: Executor) -> None:
        """Have workers do so, and put into the store what they give back."""
        encoder, settings = self._encoder, self._settings
        jobs = contents_of(
            self._changed(),
            settings,
            encoder.fingerprint,
            executor=executor,
            tools=Tools(make),
            told=lambda _, encoded: self._tell_encoded(encoded),
        )
        for job, result in jobs:
            if isinstance(result, DocumentRefusedError):
                self._refuse(job.source, result, Known(job.sha256, job.recipe))
            else:
                self._need.store(job.size, result.pages, result.passages, encoder.fingerprint.dim)
                self._put(result, result.recipe, result.vectors, result.sketches)

    def remove_the_rest(self) -> None:
        """Remove the documents that are no longer in the sources.

        A file that is there but can no longer be read as what it was has no claim to answer either.
        """
        replaced = {(refused.root, refused.path) for refused, _ in self.refused}
        for root, path in sorted(self._known.keys() - self._present):
            is_hidden = any(
                refused.root == root and f"{path}/".startswith(f"{refused.path}/")
                for refused in self._found.unreadable
            )
            is_ours = self._prune is Prune.OF_SOURCES and root in self._found.roots
            keep = is_hidden or not (self._prune is Prune.ALL or is_ours or (root, path) in replaced)
            if keep and not self._reencode:  # vectors of two encoders must not stand side by side
                continue
            self._writer.remove_document(Source(root, path, {}).doc_id)
            self.removed.append(path)

    def commit(self) -> Version:
        """Make everything visible as a new generation, unless nothing has changed; give the one that stands."""
        roots = self._found.roots | {source.root for source in self._found.sources}
        self._writer.put_refusals(self.refused, roots=None if self._prune is Prune.ALL else roots)
        changes = {"added": len(self.added), "updated": len(self.updated), "removed": len(self.removed)}
        fingerprint = self._encoder.fingerprint.to_json()
        is_new = any(changes.values()) or self._writer.fingerprint != fingerprint
        version = self._writer.next_version if is_new else self._writer.version
        self._writer.commit(fingerprint, changes if is_new else None)
        return version

    def _made(self, readers: Readers) -> Iterator[Draft]:
        """Read and cut every file that is new or changed, a few files ahead of the one that is asked for."""
        for job, result in readers.read_all(self._changed(), lambda job: job.source.path):
            known = Known(job.sha256, job.recipe)
            if isinstance(result, DocumentRefusedError):
                self._refuse(job.source, result, known)
                continue
            try:
                made = make(job, result, self._settings, self._encoder)
            except DocumentRefusedError as error:
                self._refuse(job.source, error, known)
                continue
            self._need.store(job.size, made.pages, made.passages, self._encoder.fingerprint.dim)
            yield made

    def _known_vectors(self, inputs: Sequence[str]) -> dict[str, Vectors]:
        """Give what the index holds of the vectors of these inputs, by `input_sha256`."""
        return {} if self._reencode else self._writer.vectors_of(inputs, self._encoder.fingerprint.dim)

    def _tell_encoded(self, count: int) -> None:
        """Show that so many more passages were encoded."""
        self.encoded += count
        self._show_progress()

    def _put(
        self, made: Made, recipe: str, vectors: Sequence[Vectors], sketches: Sequence[NDArray[np.uint32]]
    ) -> None:
        document = made.document
        self._writer.put_document(
            document,
            recipe,
            pages=made.pages,
            removals=made.removals,
            passages=made.passages,
            vectors=vectors,
            sketches=sketches,
        )
        key = (document.root, document.path)
        (self.updated if key in self._known else self.added).append(document.path)
        self._present.add(key)
        self.pages += len(made.pages)
        self.passages += len(made.passages)
        if document.needs_ocr:
            self.needs_ocr[document.file] = document.needs_ocr
        if document.notes:
            self.notes[document.file] = document.notes

    def _changed(self) -> Iterator[tuple[Job, bytes]]:
        known = {} if self._reencode else self._known
        refused = {} if self._reencode else self._writer.known_refusals()
        for source in self._found.sources:
            key = (source.root, source.path)
            self.files += 1
            self._show_progress()
            try:
                data = read(source, self._settings.max_file_mb * 1_000_000)
            except FileNotFoundError:
                continue  # deleted since the scan, so it is removed
            except DocumentRefusedError as error:
                if error.code in PASSING and not self._reencode:
                    self._present.add(key)
                self._refuse(source, error, None)
                continue
            self._need.see(len(data))
            job = Job(source, sha256(data).hexdigest(), len(data), _recipe(source, self._settings))
            now = Known(job.sha256, job.recipe)
            if key in refused and refused[key][0] == now:
                self.refused.append((refused[key][1], now))
                continue
            if is_new := known.get(key) != now:
                self._need.change(len(data))
            if self._settings.keep_originals:
                keep_original(self._settings.index, job.sha256, data)
            if is_new:
                yield job, data
            else:
                self.unchanged += 1
                self._present.add(key)

    def _show_progress(self) -> None:
        with self._telling:
            self._progress(Progress(self.files, len(self._found.sources), self.encoded))

    def _refuse(self, source: Source, error: DocumentRefusedError, known: Known | None) -> None:
        refused = Refused(source.root, source.path, error.code, error.message, error.pages)
        self.refused.append((refused, known))


def _recipe(source: Source, settings: Settings) -> str:
    """Name what besides a file's bytes decides what is stored of it, and whether it is refused."""
    stated = stated_by_path(source.path, settings.path_rules)
    limits = settings.parse_memory_mb, settings.parse_cpu_s, settings.parse_wall_s
    parts = RECIPE, sorted(source.stated.items()), repr(stated), settings.kinds, settings.passage_tokens, limits
    return sha256(json.dumps(parts).encode()).hexdigest()


def _batches(made: Iterable[Draft]) -> Iterator[list[Draft]]:
    batch: list[Draft] = []
    waiting = 0
    for one in made:
        batch.append(one)
        waiting += max(len(one.passages), sum(len(page.text) for page in one.pages) // 1000)  # text takes memory too
        if waiting >= BATCH:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch


def _passages(batch: Sequence[Draft]) -> list[Passage]:
    return [passage for made in batch for passage in made.passages]


def _drop_other_originals(folder: Path, files: set[str]) -> None:
    try:
        drop_other_originals(folder, files)
    except OSError as error:
        raise UnusableIndexError(
            f"the index in `{folder}` is up to date, but the copy of a removed file could not be deleted "
            f"({error.strerror}: `{error.filename}`); run the command again"
        ) from error
