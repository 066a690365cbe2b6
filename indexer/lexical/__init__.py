"""Passages by their words: Tantivy over the store's passages.

Everything here is derived from the store. A folder `lexical-00000012` holds the words of generation 12 and nothing
else; it is written before the store shows that generation, and a search needs exactly the one of its generation. A
folder that is missing, altered, of another history or of another way to take text apart is never given to Tantivy:
the writer makes it anew, and a reader, who never writes, builds it in memory.

Text is taken apart by `words` rather than by Tantivy, for passages and queries alike, and Tantivy's query language is
not used: what a person types can only ever be words.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import log
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Protocol

import numpy as np
import tantivy
from numpy.typing import NDArray
from pydantic import TypeAdapter
from tantivy import Occur, Query

from indexer.durable import flush, remove
from indexer.errors import UnusableIndexError
from indexer.lexical.queries import any_of, filters, phrases, schema, unscored
from indexer.lexical.stems import analyzer
from indexer.lexical.stems import stems_of as stems_of
from indexer.manifests import file_sha256, read_manifest, sealed
from indexer.records import IndexedText, Version
from indexer.where import EVERYTHING, Where
from indexer.words import Terms, take_apart

logger = logging.getLogger(__name__)

# BM25's saturation of repeated words, as Tantivy has it: a word counts at most 1 + K1 times its rarity.
K1 = 1.2
# Counts up whenever text comes to be taken apart differently, or another field is there, so that all folders are then
# made anew.
ANALYSIS = 2
# Tantivy counts removed passages in how rare a word is, and keeps their words, until it happens to merge the segment.
# So a collection is written from scratch after any removal while that takes seconds, and beyond, once more than this
# share of it was removed: a rewrite then costs each removed passage a constant number of others.
REBUILD_BELOW = 50_000
REMOVED_SHARE = 0.05
HEAP_BYTES = 64_000_000  # what Tantivy gathers in memory before it writes a segment
MANIFEST = "manifest.json"
# What Tantivy replaces; all other files of a folder never change once written, so generations can share them.
REPLACED = frozenset({"meta.json", ".managed.json"})
# Tantivy looks at a folder twice a second for as long as it has it open, and takes one of the locks to do so.
LOCKS = frozenset({".tantivy-writer.lock", ".tantivy-meta.lock"})
NO_CONTENT = LOCKS | {MANIFEST}


class Passages(Protocol):
    """One generation of the store, as far as it matters here."""

    version: Version

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        ...

    def texts_since(self, generation: int) -> Iterator[IndexedText]:
        """Give the passages added after a generation, by id."""
        ...

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        """Give the ids of the passages removed after a generation, ascending."""
        ...

    def has_version(self, version: Version) -> bool:
        """Tell whether the store's history contains that generation."""
        ...


@dataclass(frozen=True)
class Lexical:
    """The searchable words of one generation; never changes, so threads may share it."""

    version: Version
    folder: Path
    _searcher: Any  # tantivy.Searcher

    @classmethod
    def open(cls, folder: Path, store: Passages) -> "Lexical":
        """Open the folder of the store's generation; where it cannot be used, build in memory."""
        path = _path(folder, store.version)
        manifest = _checked(path)
        if manifest is not None and manifest.version == store.version:
            try:
                found = cls(store.version, folder, _opened(path, manifest))
                if len(found) == store.passage_count:
                    return found
            except (OSError, ValueError) as error:
                logger.warning("%s cannot be used (%s)", path, error)
        logger.warning("no usable %s; building it in memory from the store", path)
        index = tantivy.Index(schema())
        _write(index, store.texts_since(0))
        return cls(store.version, folder, index.searcher())

    def caught_up(self, store: Passages) -> "Lexical":
        """Give the index of the store's generation, which the writer has left ready."""
        return self if store.version == self.version else Lexical.open(self.folder, store)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def search(self, terms: Terms, k: int, condition: Where = EVERYTHING) -> list[tuple[int, float]]:
        """Give up to k passage ids with their BM25 score, best first, ties by id."""
        stems = stems_of(terms.words)
        if not stems or not k or not len(self):
            return []
        union = any_of(stems)
        conditions = [*phrases(terms), *filters(condition)]
        # Tantivy skips what cannot come among the best only in a plain union.
        query = Query.boolean_query([(Occur.Must, union), *conditions]) if conditions else union
        limit = k
        while True:  # until all that tie with the last are there
            limit = min(limit + 10, len(self) + 1)
            hits = self._searcher.search(query, limit, count=False).hits
            if len(hits) < limit or _rounded(hits[-1][0]) < _rounded(hits[k - 1][0]):
                break
            limit *= 4
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        found = [(passage_id, _rounded(score)) for passage_id, (score, _) in zip(ids, hits, strict=True)]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def shares(self, words: str, passage_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the BM25 score of each of these passages (n,), as a share of the most that the words can score at all.

        So 1 is a passage that repeats every word of the query again and again, whatever the query.
        """
        shares = np.zeros(len(passage_ids), np.float32)
        stems = {stem: rarity for stem, rarity in self.rarities(words).items() if rarity < self.rarest}
        if not stems or not len(passage_ids):
            return shares
        among = any_of(passage_ids.tolist(), "id")  # a set of terms takes twice as long, 2.5 ms for 150
        query = Query.boolean_query([(Occur.Must, any_of(list(stems))), (Occur.Must, unscored(among))])
        hits = self._searcher.search(query, len(passage_ids), count=False).hits
        found = np.array(self._searcher.fast_field_values("id", [address for _, address in hits]), np.int64)
        order = np.argsort(passage_ids)
        shares[order[np.searchsorted(passage_ids, found, sorter=order)]] = [score for score, _ in hits]
        shares /= (1 + K1) * sum(stems.values())
        return np.clip(shares, 0, 1)  # removed passages still count a little in how rare a word is

    def rarities(self, words: str) -> dict[str, float]:
        """Give how rare each of these words is, by its stem: BM25's inverse document frequency."""
        return {stem: self._rarity(self._searcher.doc_freq("words", stem)) for stem in stems_of(words)}

    @property
    def rarest(self) -> float:
        """How rare a word is that stands nowhere."""
        return self._rarity(0)

    def _rarity(self, having: int) -> float:
        having = min(having, len(self))  # as removed passages are counted, too
        return log(1 + (len(self) - having + 0.5) / (having + 0.5))

    def matching(self, terms: Terms, condition: Where = EVERYTHING) -> NDArray[np.int64] | None:
        """Give the ids, ascending, of all passages with the phrases and without what is excluded.

        None where the query names neither.
        """
        conditions = phrases(terms)
        if not conditions:
            return None
        if not len(self):
            return np.empty(0, np.int64)
        query = Query.boolean_query([(Occur.Must, Query.all_query()), *conditions, *filters(condition)])
        order = tantivy.Order.Asc
        found = self._searcher.search(query, len(self), count=False, order_by_field="id", order=order)
        return np.fromiter((passage_id for passage_id, _ in found.hits), np.int64)


def write_generation(folder: Path, store: Passages, version: Version) -> None:
    """Make the folder of the generation that the store now holds, or is about to commit as `version`.

    Goes on from the newest usable folder where it can. Folders that no reader of the store can want are removed.
    Raises UnusableIndexError; the folder of the store's last generation then still stands.
    """
    base = _newest(folder, store, version)
    if base is not None and base.version == version:
        return
    target = _path(folder, version)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        _remove_all(folder, but=_path(folder, base.version) if base else None)
        _fill(temporary, base, store, version)
        temporary.rename(target)
        flush(folder)
    except (OSError, ValueError) as error:  # Tantivy makes ValueErrors of what the disk says
        raise UnusableIndexError(
            f"the word index cannot be written to `{folder}` ({error}): free some space there; the index is as it was"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def generation_files(folder: Path, version: Version) -> list[Path]:
    """Name the files of a generation's folder; empty where there is no sound one."""
    path = _path(folder, version)
    manifest = _checked(path)
    if manifest is None or manifest.version != version:
        return []
    return [path / name for name in (*sorted(manifest.files), MANIFEST)]


def drop_other_generations(folder: Path, version: Version) -> None:
    """Remove all folders but that of one generation; who has one of them open keeps it until he closes it."""
    _remove_all(folder, but=_path(folder, version))


# --- folders


@dataclass(frozen=True)
class _Manifest:
    """What a folder holds; written last, so that a folder without one is not there."""

    generation: int
    token: str
    analysis: int
    count: int  # passages
    removed: int  # passages removed since it was last written from scratch
    files: Mapping[str, str]  # name -> SHA-256

    @property
    def version(self) -> Version:
        return Version(self.generation, self.token)


_MANIFEST = TypeAdapter(_Manifest)


def _path(folder: Path, version: Version) -> Path:
    return folder / f"lexical-{version.generation:08d}"


def _newest(folder: Path, store: Passages, version: Version) -> _Manifest | None:
    """Give what the newest folder holds that this version can be made from, or is."""
    for path in sorted(folder.glob("lexical-????????"), reverse=True):
        manifest = _checked(path)
        if manifest is None:
            continue
        is_older = manifest.generation < version.generation and store.has_version(manifest.version)
        if is_older or manifest.version == version:
            return manifest
    return None


def _checked(path: Path) -> _Manifest | None:
    """Read a manifest, and give it if the files are exactly those that were written."""
    try:
        if not path.is_dir():
            return None
        manifest = _MANIFEST.validate_json(read_manifest(path / MANIFEST), strict=True)
        is_its_own = _path(path.parent, manifest.version) == path
        if is_its_own and manifest.analysis == ANALYSIS and manifest.files == _hashes(path):
            return manifest
        logger.warning("%s is altered or of another version of the program", path)
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be used (%s)", path, error)
    return None


def _hashes(path: Path) -> dict[str, str]:
    return {one.name: file_sha256(one) for one in path.iterdir() if one.name not in NO_CONTENT}


def _fill(path: Path, base: _Manifest | None, store: Passages, version: Version) -> None:
    """Write a folder, durably: from the base beside it and what has changed since, or from scratch."""
    removed = store.removed_since(base.generation) if base else np.empty(0, np.int64)
    total = len(removed) + (base.removed if base else 0)
    if base and len(removed) and (base.count <= REBUILD_BELOW or total > REMOVED_SHARE * base.count):
        base = None
    path.mkdir()
    if base:
        for name in base.files:
            _link_or_copy(_path(path.parent, base.version) / name, path / name)
        index = tantivy.Index.open(str(path))
        _write(index, store.texts_since(base.generation), removed.tolist())
    else:
        total = 0
        index = tantivy.Index(schema(), path=str(path))
        _write(index, store.texts_since(0))
    count = index.searcher().num_docs
    for name in LOCKS:
        (path / name).unlink(missing_ok=True)
    for name in REPLACED:  # Tantivy lets only the owner read these
        (path / name).chmod(path.stat().st_mode & 0o666)
    manifest = _Manifest(version.generation, version.token, ANALYSIS, count, total, _hashes(path))
    (path / MANIFEST).write_bytes(sealed(_MANIFEST.dump_json(manifest)))
    for one in (*path.iterdir(), path):
        flush(one)


def _link_or_copy(source: Path, target: Path) -> None:
    if source.name not in REPLACED:
        with suppress(OSError):  # a file system without links
            target.hardlink_to(source)
            return
    shutil.copyfile(source, target)


def _remove_all(folder: Path, *, but: Path | None) -> None:
    for path in folder.glob("lexical-*"):
        if path != but:
            with suppress(OSError):  # what is left is tried again by the next sync
                remove(path)


def _opened(path: Path, manifest: _Manifest) -> Any:
    """Open a folder for searching. Tantivy wants to lock it, so it is given a folder of links, for the time."""
    links = Path(mkdtemp(prefix="citewell-"))
    try:
        for name in manifest.files:
            (links / name).symlink_to((path / name).absolute())
        return tantivy.Index.open(str(links)).searcher()
    finally:
        for _ in range(10):  # a thread of Tantivy may take its lock there once more in between
            shutil.rmtree(links, ignore_errors=True)
            if not links.exists():
                break


# --- Tantivy


def _write(index: Any, texts: Iterable[IndexedText], removed: Iterable[int] = ()) -> None:
    index.register_tokenizer("stems", analyzer(stems=True))
    index.register_tokenizer("words", analyzer(stems=False))
    writer = index.writer(HEAP_BYTES, 1)
    for passage_id in removed:
        writer.delete_documents_by_term("id", passage_id)
    for text in texts:
        writer.add_document(_document(text))
    writer.commit()
    writer.garbage_collect_files()
    writer.wait_merging_threads()
    index.reload()


def _document(text: IndexedText) -> Any:
    document = tantivy.Document()
    document.add_integer("id", text.passage_id)
    document.add_integer("document", text.document)
    for field, value in (("context", text.context), ("text", text.text)):
        words, joined = take_apart(value)
        document.add_text("words", " ".join(words + joined))
        for one in (" ".join(words), *joined):  # each with a gap before it, so that no phrase runs over
            document.add_text(f"{field}_exact", one)
    if text.body is not None:
        document.add_text("body", text.body)
    if text.kind is not None:
        document.add_text("kind", text.kind)
    if text.published is not None:
        document.add_integer("published", text.published.toordinal())
    return document


def _rounded(score: float) -> float:
    # The last digits of a sum of float32 depend on the order of adding, which depends on the segments.
    return float(f"{score:.5g}")
