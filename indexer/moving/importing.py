"""From a folder of files to a collection."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from time import perf_counter

from indexer.collection import Collection, Writer
from indexer.contents import Contents, to_bytes
from indexer.encoder import Fingerprint
from indexer.errors import EncoderMismatchError, IndexFormatError, InputError
from indexer.moving.files import Manifest, documents_of, read_export

# An import commits after so many passages, or a quarter of what is there: each commit looks at all of that once, so
# commits of one size would take a time that grows with the square of the collection.
COMMIT_PASSAGES, COMMIT_SHARE = 5_000, 4


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import wrote."""

    folder: Path  # of the export
    generation: int  # that was exported
    added: int  # documents
    replaced: int
    skipped: int  # that were there already, with the same content
    commits: int
    took_s: float


def import_into(
    collection: Collection,
    folder: Path,
    *,
    into_existing: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Imported:
    """Put the documents of an export into a collection, in several commits; run again, it goes on where it stopped.

    A document that is there with the same content stays as it is. The collection may hold nothing else, unless
    `into_existing` was given: documents are then added and replaced, and none is removed. `progress` is told how many
    documents of how many are done. Raises InputError where the collection holds something else, EncoderMismatchError
    where another encoder made it, IndexFormatError naming the file of the export that is damaged, UnusableIndexError;
    what was committed before stays.
    """
    started = perf_counter()
    folder = folder.resolve()
    manifest = read_export(folder)
    dim = Fingerprint.from_json(manifest.fingerprint).dim
    with collection.writing(dim) as writer:
        _require_encoder(writer, manifest, folder)
        there = {document.doc_id for document in writer.documents()}
        same = _same(writer, manifest, folder, into_existing=into_existing)
    total = manifest.counts.documents
    added = replaced = commits = 0
    progress(len(same), total)
    waiting = documents_of(folder, manifest, same)
    while (first := next(waiting, None)) is not None:
        with collection.writing(dim) as writer:
            _require_encoder(writer, manifest, folder)
            enough = max(COMMIT_PASSAGES, writer.passage_count // COMMIT_SHARE)
            new = old = passages = 0
            for contents in chain([first], waiting):
                _put(writer, contents, dim)
                if contents.document.doc_id in there:
                    old += 1
                else:
                    new += 1
                progress(len(same) + added + replaced + new + old, total)
                passages += len(contents.passages)
                if passages >= enough:
                    break
            writer.commit(manifest.fingerprint, {"added": new, "updated": old, "removed": 0})
        added, replaced, commits = added + new, replaced + old, commits + 1
    commits += _finish(collection, manifest, dim, into_existing=into_existing)
    took_s = round(perf_counter() - started, 3)
    return Imported(folder, manifest.generation, added, replaced, len(same), commits, took_s)


def _require_encoder(writer: Writer, manifest: Manifest, folder: Path) -> None:
    if writer.fingerprint is not None and writer.fingerprint != manifest.fingerprint:
        differences = Fingerprint.from_json(manifest.fingerprint).differences(
            Fingerprint.from_json(writer.fingerprint)
        )
        raise EncoderMismatchError(
            f"the encoder of the export in `{folder}` is not the one that made the collection: {differences}; "
            "import to an empty collection, or index the files themselves"
        )


def _same(writer: Writer, manifest: Manifest, folder: Path, *, into_existing: bool) -> set[str]:
    """Give the documents that are there as they were exported. Raises InputError where there must not be others."""
    documents, same, others = manifest.documents, set(), []
    for document in writer.documents():
        expected = documents.get(document.doc_id)
        if expected and sha256(to_bytes(writer.contents(document.doc_id))).hexdigest() == expected:
            same.add(document.doc_id)
        else:
            others.append(document.path)
    if others and not into_existing:
        raise InputError(
            f"the collection holds documents that are not of the export in `{folder}`, such as `{others[0]}` "
            f"({len(others):,} of {len(others) + len(same):,}); import to an empty collection, or give "
            "--into-existing, which adds and replaces documents and removes none"
        )
    return same


def _put(writer: Writer, contents: Contents, dim: int) -> None:
    if any(vectors.shape[1] != dim for vectors in contents.vectors):
        raise IndexFormatError(f"the vectors of `{contents.document.path}` are not of {dim} numbers; export it again")
    writer.put_document(
        contents.document,
        contents.recipe,
        pages=contents.pages,
        removals=contents.removals,
        passages=contents.passages,
        vectors=contents.vectors,
        sketches=contents.sketches,
    )


def _finish(collection: Collection, manifest: Manifest, dim: int, *, into_existing: bool) -> int:
    """Have the collection remember the refused files, and that it was made; tell how many commits that took.

    What was known of these files' content stays behind, so the next sync tries each of them once more.
    """
    with collection.writing(dim) as writer:
        held, wanted = set(writer.refusals()), set(manifest.refusals)
        is_known = wanted <= held if into_existing else wanted == held
        if is_known and writer.fingerprint is not None:
            return 0
        roots = {refused.root for refused in wanted} if into_existing else None
        writer.put_refusals([(refused, None) for refused in manifest.refusals], roots=roots)
        changes = {"added": 0, "updated": 0, "removed": 0} if writer.fingerprint is None else None
        writer.commit(manifest.fingerprint, changes)
        return 1
