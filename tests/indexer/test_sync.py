"""The index becomes equal to its sources, whole or not at all, and never does work twice."""

import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from numpy.typing import NDArray

from indexer import dense, encoding, lexical, originals, sync
from indexer.dense import Dense
from indexer.embedded import Embedded
from indexer.errors import (
    DocumentRefusedError,
    EncoderMismatchError,
    IndexMissingError,
    InputError,
    Refusal,
    UnusableIndexError,
)
from indexer.journal import JOURNAL_FILE, Journal
from indexer.lexical import Lexical
from indexer.originals import ORIGINALS, original
from indexer.passages import cut
from indexer.records import Document, Extracted, Metadata, Origin, Page, Passage, Prune, Refused
from indexer.settings import PathRule, Settings
from indexer.sources import Scan, Source, scan
from indexer.store import Reader, Store, Writer
from indexer.sync import Progress, Report
from indexer.words import Terms
from tests.fakes import TextReaders, WordEncoder, extracted

T = TypeVar("T")
Hit = tuple[float, str, str]

BOATS = "The ferry crosses the bay twice a day."
TREES = "Old oaks stand along the northern road."
BREAD = "The bakery opens before the sun comes up."
# Three passages at the stand-in's size, so that a change can touch one of several.
LONG = "\n\n".join(
    f"{BOATS} {word} sailors know every rock there. {TREES} {word} foresters count them each spring."
    for word in "ABC"
)
ROOM = 60  # tokens, so that passages are small


class Library:
    """A folder of sources and its index, with stand-ins that tell what they were asked for in the last sync."""

    def __init__(self, base: Path, **given: Any) -> None:
        self.folder = base / "reports"
        self.folder.mkdir()
        self.settings = Settings(index=base / "index", passage_tokens=32, **given)
        self.encoder = WordEncoder(room=ROOM)
        self.readers: TextReaders = TextReaders()

    @property
    def index(self) -> Path:
        return self.settings.index

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    def set(self, **given: Any) -> None:
        self.settings = self.settings.model_copy(update=given)

    def sync(self, *named: Path, prune: Prune = Prune.ALL, reencode: bool = False) -> Report:
        self.encoder.encoded.clear()
        self.readers.read.clear()
        return sync.sync(
            named or [self.folder],
            self.settings,
            encoder=self.encoder,
            readers=self.readers,
            prune=prune,
            reencode=reencode,
        )

    def documents(self) -> dict[str, Document]:
        with opened(self.index) as store, store.reading() as reader:
            return {document.path: document for document in reader.documents()}

    def passages(self) -> dict[str, list[Passage]]:
        return {document.path: passages for document, _, passages in contents(self.index)}

    def search(self, text: str) -> list[tuple[str, str]]:
        """Give path and text of all passages, nearest first."""
        return [(path, found) for _, path, found in results(self.index, self.encoder, text)]

    def originals(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.index / ORIGINALS).glob("*")}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two files, not yet indexed."""
    made = Library(tmp_path)
    made.write("boats.txt", BOATS)
    made.write("trees.txt", TREES)
    return made


@contextmanager
def opened(index: Path) -> Iterator[Store]:
    store = Store.open(index)
    try:
        yield store
    finally:
        store.close()


def contents(index: Path) -> list[tuple[Document, list[tuple[Page, Any]], list[Passage]]]:
    """Give everything an index says of its documents, but for ids and generations; check that passages re-read."""
    with opened(index) as store, store.reading() as reader:
        found = []
        for document in reader.documents():
            pages = [reader.page(document.doc_id, number) for number in range(1, document.pages + 1)]
            stored = reader.passages(reader.passage_ids(document.doc_id))
            passages = [stored[passage_id].passage for passage_id in sorted(stored)]
            for passage in passages:
                texts = [pages[s.page - 1][0].text[s.start : s.end] for s in passage.spans]
                assert passage.text == "\n".join(texts)
            found.append((document, pages, passages))
        return found


def opened_vectors(index: Path, encoder: WordEncoder, reader: Reader) -> Dense:
    fingerprint = encoder.fingerprint
    return Dense.open(index, reader, fingerprint=fingerprint.to_json(), dim=fingerprint.dim)


def results(index: Path, encoder: WordEncoder, text: str, *, following: Dense | None = None) -> list[Hit]:
    """Search with all passages as hits: score, path and text."""
    with opened(index) as store, store.reading() as reader:
        vectors = following or opened_vectors(index, encoder, reader)
        hits = vectors.search(encoder.encode_queries([text])[0], 10_000)
        stored = reader.passages([passage_id for passage_id, _ in hits])
        assert len(stored) == len(hits) == reader.counts().passages
        return [(score, stored[i].document.path, stored[i].passage.text) for i, score in hits]


def stored_vectors(index: Path) -> dict[str, list[list[list[float]]]]:
    """Give the vectors of each file's passages, in the order of its text."""
    with opened(index) as store, store.reading() as reader:
        dim, found = WordEncoder().fingerprint.dim, {}
        for document in reader.documents():
            ids = reader.passage_ids(document.doc_id)
            vectors = reader.vectors(ids, dim)
            found[document.file] = [vectors[passage_id].tolist() for passage_id in ids]
        return found


def word_results(index: Path, text: str) -> list[Hit]:
    """Search by words with all passages that have any: score, path and text; check that no reader has to build."""
    with pytest.MonkeyPatch.context() as patched, opened(index) as store, store.reading() as reader:
        patched.setattr(lexical, "_write", lambda *_: pytest.fail("a reader found no usable words"))
        words = Lexical.open(index, reader)
        hits = words.search(Terms(text), 10_000)
        stored = reader.passages([passage_id for passage_id, _ in hits])
        assert len(words) == reader.counts().passages
        return [(score, stored[i].document.path, stored[i].passage.text) for i, score in hits]


def word_folders(index: Path) -> list[str]:
    return sorted(path.name for path in index.glob("lexical*"))


def files(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Give the content of every file below a folder, but of those whose names begin in these ways."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(but)}


# --- what changes


def test_new_files_are_added(library: Library) -> None:
    """The first sync makes the index, reads each file once and reports all it did."""
    report = library.sync()
    assert (report.added, report.updated, report.removed, report.unchanged) == (("boats.txt", "trees.txt"), (), (), 0)
    assert (report.generation, report.pages, report.passages, report.encoded) == (1, 2, 2, 2)
    assert report.took_s > 0
    assert library.readers.read == ["boats.txt", "trees.txt"]
    document = library.documents()["boats.txt"]
    assert (document.root, document.size, document.format) == (str(library.folder), len(BOATS), "text")
    assert document.sha256 == sha256(BOATS.encode()).hexdigest()
    assert library.search("ferry bay")[0] == ("boats.txt", BOATS)


def test_nothing_is_done_when_nothing_changed(library: Library) -> None:
    """No file is read by a reader, no passage is encoded, and the generation stands; a new file date is no change."""
    library.sync()
    before = contents(library.index)
    os.utime(library.folder / "boats.txt", (1, 1))
    report = library.sync()
    assert (report.unchanged, report.generation, report.encoded) == (2, 1, 0)
    assert (report.added, report.updated, report.removed) == ((), (), ())
    assert library.readers.read == library.encoder.encoded == []
    assert contents(library.index) == before


def test_a_changed_file_is_read_again_alone_and_only_its_new_passages_are_encoded(library: Library) -> None:
    """Passages of the same words keep their vectors, and the old words are found no more."""
    library.write("trees.txt", LONG)
    library.sync()
    before = library.documents()["trees.txt"]
    library.write("trees.txt", LONG.replace("B sailors", "All bakers"))
    report = library.sync()
    assert (report.added, report.updated, report.unchanged, report.generation) == ((), ("trees.txt",), 1, 2)
    assert library.readers.read == ["trees.txt"]
    assert 0 < report.encoded < report.passages == len(library.passages()["trees.txt"])
    assert all("All bakers" in text for text in library.encoder.encoded)
    assert not any("B sailors" in text for _, text in library.search("sailors"))
    after = library.documents()["trees.txt"]
    assert after.doc_id == before.doc_id
    assert after.sha256 != before.sha256


def test_a_renamed_file_is_not_encoded_again(library: Library) -> None:
    """Vectors go by what was encoded, not by the file; the document of the old name is gone."""
    library.sync()
    old = library.documents()["boats.txt"]
    (library.folder / "boats.txt").rename(library.folder / "ferry.txt")
    report = library.sync()
    assert (report.added, report.removed, report.unchanged) == (("ferry.txt",), ("boats.txt",), 1)
    assert report.encoded == 0
    assert library.encoder.encoded == []
    assert library.documents()["ferry.txt"].doc_id != old.doc_id
    assert library.search("ferry bay")[0] == ("ferry.txt", BOATS)


def test_passages_of_one_text_are_encoded_once(library: Library) -> None:
    """The same words in several new files cost one encoding."""
    library.write("copy.txt", BOATS)
    report = library.sync()
    assert (report.passages, report.encoded) == (3, 2)
    assert sorted(library.encoder.encoded) == sorted([BOATS, TREES])


def test_sentences_have_vectors_of_their_own(library: Library) -> None:
    """Those of the whole passage with its context line, and of each sentence, are kept with it."""
    library.write("boats.txt", f"{BOATS} {BREAD}\n\n{TREES}")
    library.set(path_rules=(PathRule(pattern=r"boats\.txt", body="Wold"),))
    library.sync()

    (passage,) = library.passages()["boats.txt"]
    assert passage.context == "Wold"
    assert [passage.text[start:end] for start, end in passage.sentences] == [BOATS, BREAD, TREES]
    whole = WordEncoder().encode_queries([passage.input, BOATS, BREAD, TREES]).astype(np.float16)
    assert stored_vectors(library.index)[f"{library.folder}/boats.txt"] == [whole.tolist()]


def test_a_changed_place_of_a_sentence_makes_new_vectors(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sentences come to be found differently, a passage of the same words is encoded again, others not."""
    library.write("boats.txt", f"{BOATS} {BREAD}")
    library.sync()
    before = stored_vectors(library.index)
    boats, trees = (f"{library.folder}/{name}.txt" for name in ("boats", "trees"))

    def cut_otherwise(*given: Any, **named: Any) -> list[Passage]:
        return [replace(one, sentences=((0, len(one.text)),)) for one in cut(*given, **named)]

    monkeypatch.setattr("indexer.making.cut", cut_otherwise)
    monkeypatch.setattr(sync, "RECIPE", sync.RECIPE + 1)
    report = library.sync()

    assert (report.updated, report.encoded) == (("boats.txt", "trees.txt"), 1)
    after = stored_vectors(library.index)
    assert library.encoder.encoded == [f"{BOATS} {BREAD}"]
    assert (len(before[boats][0]), len(after[boats][0])) == (3, 2)
    assert after[boats][0][0] == after[boats][0][1] == before[boats][0][0]
    assert after[trees] == before[trees]


def test_a_removed_file_is_never_found_again(library: Library) -> None:
    """Its document, pages and passages are gone with the next sync."""
    library.sync()
    (library.folder / "boats.txt").unlink()
    report = library.sync()
    assert (report.removed, report.unchanged, report.generation) == (("boats.txt",), 1, 2)
    assert library.search("ferry bay") == [("trees.txt", TREES)]


def test_an_empty_folder_removes_everything(library: Library) -> None:
    """It is there and holds nothing, unlike a folder that is missing."""
    library.sync()
    for path in library.folder.iterdir():
        path.unlink()
    assert library.sync().removed == ("boats.txt", "trees.txt")
    assert library.documents() == {}
    assert library.search("ferry bay") == []


def test_a_missing_folder_changes_nothing(library: Library, tmp_path: Path) -> None:
    """It may only not be mounted; not even an empty index is made."""
    with pytest.raises(InputError, match="does not exist; nothing was changed"):
        library.sync(library.folder, tmp_path / "missing")
    assert not library.index.exists()
    library.sync()
    before = files(library.index)
    with pytest.raises(InputError, match="does not exist"):
        library.sync(tmp_path / "missing")
    assert files(library.index) == before


def test_documents_outside_the_sources_stay_without_prune(library: Library, tmp_path: Path) -> None:
    """One folder is brought up to date, and all else stays; the next sync with pruning removes it."""
    library.sync()
    (library.folder / "trees.txt").unlink()
    more = tmp_path / "more"
    more.mkdir()
    (more / "bread.txt").write_text(BREAD)
    report = library.sync(more, prune=Prune.NOTHING)
    assert (report.added, report.removed) == (("bread.txt",), ())
    assert set(library.documents()) == {"boats.txt", "trees.txt", "bread.txt"}
    assert library.sync(more).removed == ("boats.txt", "trees.txt")


def test_refusals_outside_the_sources_stay_without_prune(library: Library, tmp_path: Path) -> None:
    """What is known of the files of other folders is not forgotten either."""
    library.write("bad.txt", "! broken")
    library.sync()
    more = tmp_path / "more"
    more.mkdir()
    (more / "worse.txt").write_text("! broken as well")
    library.sync(more, prune=Prune.NOTHING)
    with opened(library.index) as store, store.reading() as reader:
        assert {refused.path for refused in reader.refusals()} == {"bad.txt", "worse.txt"}


def test_uploads_are_always_a_source(library: Library) -> None:
    """What lies in the folder of uploads is indexed with whatever is named, and goes when it goes."""
    library.settings.uploads.mkdir(parents=True)
    (library.settings.uploads / "bread.txt").write_text(BREAD)
    (library.settings.uploads / "manifest.csv").write_text("path,title\nbread.txt,Of bread\n")
    assert sorted(library.sync().added) == ["boats.txt", "bread.txt", "trees.txt"]
    assert library.documents()["bread.txt"].metadata.title == "Of bread"
    assert library.sync(library.folder / "boats.txt").removed == ("trees.txt",)
    shutil.rmtree(library.settings.uploads)
    assert library.sync().removed == ("bread.txt",)


def test_pruning_of_sources_removes_nothing_elsewhere(library: Library, tmp_path: Path) -> None:
    """A folder that is looked through is made equal, also where nothing is left in it; other folders stay."""
    library.write("bad.txt", "! broken")
    more = tmp_path / "more"
    more.mkdir()
    (more / "bread.txt").write_text(BREAD)
    (more / "worse.txt").write_text("! broken as well")
    library.sync(library.folder, more)
    for path in (*more.iterdir(), library.folder / "trees.txt"):
        path.unlink()
    report = library.sync(more, prune=Prune.OF_SOURCES)
    assert report.removed == ("bread.txt",)
    assert set(library.documents()) == {"boats.txt", "trees.txt"}
    with opened(library.index) as store, store.reading() as reader:
        assert {refused.path for refused in reader.refusals()} == {"bad.txt"}


def test_pruning_of_a_single_file_leaves_its_neighbours(library: Library) -> None:
    """A file that is named does not stand for its folder."""
    library.sync()
    (library.folder / "trees.txt").unlink()
    assert library.sync(library.folder / "boats.txt", prune=Prune.OF_SOURCES).removed == ()


def test_nothing_named_removes_nothing_of_others(library: Library) -> None:
    """Uploads alone are looked at, and where there are none the index stays as it is."""
    library.sync()

    def sync_uploads() -> Report:
        return sync.sync(
            [], library.settings, encoder=library.encoder, readers=library.readers, prune=Prune.OF_SOURCES
        )

    assert sync_uploads().generation == 1
    library.settings.uploads.mkdir()
    (library.settings.uploads / "bread.txt").write_text(BREAD)
    assert sync_uploads().added == ("bread.txt",)
    (library.settings.uploads / "bread.txt").unlink()
    assert sync_uploads().removed == ("bread.txt",)
    assert set(library.documents()) == {"boats.txt", "trees.txt"}


def test_an_index_may_begin_with_what_a_service_keeps(library: Library) -> None:
    """Uploads, jobs and keys may lie in the folder before there is a store; anything else may not."""
    for name in ("uploads", "incoming", "jobs"):
        (library.index / name).mkdir(parents=True)
    (library.index / "keys.json").touch()
    (library.index / "watch.lock").touch()
    assert library.sync().added == ("boats.txt", "trees.txt")
    library.set(index=library.index.with_name("other"))
    library.index.mkdir()
    (library.index / "thesis.txt").touch()
    with pytest.raises(InputError, match=r"is not an index and holds `thesis\.txt`"):
        library.sync()


def test_what_progress_raises_stops_a_sync(library: Library) -> None:
    """The index is as it was, whether a file was just read or passages were encoded."""
    library.sync()
    library.write("trees.txt", LONG)
    before = contents(library.index)
    for least in (Progress(2, 2, 0), Progress(2, 2, 1)):

        def stop(progress: Progress, least: Progress = least) -> None:
            if (progress.files, progress.encoded) >= (least.files, least.encoded):
                raise KeyError("stop")

        with pytest.raises(KeyError, match="stop"):
            sync.sync(
                [library.folder], library.settings, encoder=library.encoder, readers=library.readers, progress=stop
            )
        assert contents(library.index) == before
        (library.index / JOURNAL_FILE).unlink(missing_ok=True)  # or nothing would be encoded the second time


def test_files_of_one_name_in_two_folders_are_two_documents(library: Library, tmp_path: Path) -> None:
    """A document is its folder and path together, and goes with its folder alone."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "boats.txt").write_text(BREAD)
    report = library.sync(library.folder, other)
    assert sorted(report.added) == ["boats.txt", "boats.txt", "trees.txt"]
    assert {text for path, text in library.search("boats") if path == "boats.txt"} == {BOATS, BREAD}
    assert library.sync().removed == ("boats.txt",)
    assert {text for _, text in library.search("boats")} == {BOATS, TREES}


def test_a_file_may_be_named_instead_of_a_folder(library: Library) -> None:
    """It is the same document as when its folder is named."""
    assert library.sync(library.folder / "boats.txt").added == ("boats.txt",)
    report = library.sync()
    assert (report.added, report.unchanged) == (("trees.txt",), 1)


def test_a_file_that_went_away_after_the_listing_is_removed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no refusal, since there is nothing that somebody could mend."""
    library.sync()

    def read(source: Source, max_bytes: int) -> bytes:
        if source.path == "boats.txt":
            raise FileNotFoundError
        return source.file.read_bytes()

    monkeypatch.setattr(sync, "read", read)
    report = library.sync()
    assert (report.removed, report.refused) == (("boats.txt",), ())


def test_how_far_a_sync_is_gets_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file that is looked at is told, and each lot of passages that is encoded."""
    monkeypatch.setattr(encoding, "ENCODE_AT_ONCE", 3)
    library.write("trees.txt", LONG)
    told: list[Progress] = []
    sync.sync(
        [library.folder], library.settings, encoder=library.encoder, readers=library.readers, progress=told.append
    )
    encoded = [0, 0, 3, 4]
    assert told == [Progress(files, 2, count) for files, count in zip([1, 2, 2, 2], encoded, strict=True)]


def test_a_reader_keeps_its_generation_during_a_sync(library: Library) -> None:
    """What was begun before the sync ends with the documents it began with."""
    library.sync()
    with opened(library.index) as store:
        with store.reading() as reader:
            library.write("boats.txt", BREAD)
            library.sync()
            passages = reader.passages(reader.passage_ids(reader.find("boats.txt").doc_id))
            assert [stored.passage.text for stored in passages.values()] == [BOATS]
            assert reader.version.generation == 1
        with store.reading() as reader:
            assert reader.version.generation == 2


# --- what is refused


def test_a_refused_file_is_reported_and_stops_no_other(library: Library) -> None:
    """The report says why, and so does the index; the other files are indexed."""
    library.write("bad.txt", "! broken")
    library.write("blank.txt", " \n ")
    report = library.sync()
    assert report.added == ("boats.txt", "trees.txt")
    assert [(refused.path, refused.code) for refused in report.refused] == [
        ("bad.txt", Refusal.DAMAGED),
        ("blank.txt", Refusal.EMPTY),
    ]
    with opened(library.index) as store, store.reading() as reader:
        assert tuple(reader.refusals()) == report.refused


@pytest.mark.parametrize("prune", list(Prune))
def test_a_file_that_is_refused_now_loses_its_old_version(library: Library, prune: Prune) -> None:
    """What the file was is no longer in the sources, so it must not answer."""
    library.sync()
    library.write("boats.txt", "! broken")
    report = library.sync(prune=prune)
    assert (report.removed, [refused.path for refused in report.refused]) == (("boats.txt",), ["boats.txt"])
    assert library.search("ferry bay") == [("trees.txt", TREES)]


@pytest.mark.parametrize("code", [Refusal.UNREADABLE, Refusal.CHANGED])
def test_a_file_that_cannot_be_read_just_now_keeps_its_old_version(
    library: Library, monkeypatch: pytest.MonkeyPatch, code: Refusal
) -> None:
    """Nothing is known against its content; it is refused, and tried again with the next sync."""
    library.sync()
    before = contents(library.index)
    library.write("boats.txt", BREAD)
    with monkeypatch.context() as patched:
        patched.setattr(sync, "read", refusing("boats.txt", code))
        report = library.sync()
    assert (report.removed, report.unchanged, report.generation) == ((), 1, 1)
    assert [(refused.path, refused.code) for refused in report.refused] == [("boats.txt", code)]
    assert contents(library.index) == before
    assert library.sync().updated == ("boats.txt",)


def refusing(path: str, code: Refusal) -> Callable[[Source, int], bytes]:
    """Make a `read` that fails for one file."""

    def read(source: Source, max_bytes: int) -> bytes:
        if source.path == path:
            raise DocumentRefusedError(code, "not now")
        return source.file.read_bytes()

    return read


def test_a_file_over_the_limit_loses_its_old_version(library: Library) -> None:
    """It has certainly changed, whatever it holds now."""
    library.sync()
    with (library.folder / "boats.txt").open("wb") as file:
        file.truncate(1_000_001)
    library.set(max_file_mb=1)
    report = library.sync()
    assert (report.removed, [refused.code for refused in report.refused]) == (("boats.txt",), [Refusal.TOO_LARGE])


def test_a_folder_that_cannot_be_listed_keeps_its_documents(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies below it stays as it was; a folder whose name only begins alike is no part of it."""
    library.write("sub/bread.txt", BREAD)
    library.write("subway.txt", BREAD)
    library.sync()
    (library.folder / "subway.txt").unlink()
    listing = os.scandir

    def scandir(path: str | int) -> Any:
        if not isinstance(path, int) and Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", scandir)
        report = library.sync()
    assert (report.removed, report.unchanged) == (("subway.txt",), 2)
    assert [(refused.path, refused.code) for refused in report.refused] == [("sub", Refusal.UNREADABLE)]
    assert set(library.documents()) == {"boats.txt", "trees.txt", "sub/bread.txt"}
    assert library.sync().unchanged == 3


def test_a_file_that_may_not_be_listed_keeps_its_document(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal in the listing protects the file it names, as that of a folder protects what is in it."""
    library.sync()

    def scan_without_boats(named: Sequence[Path], settings: Settings) -> Scan:
        found = scan(named, settings)
        (boats,) = (source for source in found.sources if source.path == "boats.txt")
        refused = Refused(boats.root, boats.path, Refusal.UNREADABLE, "it may not be looked at")
        return Scan(tuple(source for source in found.sources if source is not boats), (refused,))

    monkeypatch.setattr(sync, "scan", scan_without_boats)
    assert library.sync().removed == ()
    assert set(library.documents()) == {"boats.txt", "trees.txt"}


def test_refusals_are_remembered_for_the_same_bytes(library: Library) -> None:
    """No reader is asked twice, every report says it again, and no new generation comes of it."""
    library.write("bad.txt", "! broken")
    first = library.sync()
    second = library.sync()
    assert library.readers.read == []
    assert second.refused == first.refused
    assert second.generation == first.generation


@pytest.mark.parametrize("change", ["mended", "gone", "other limits", "broken otherwise"])
def test_refusals_are_forgotten_when_their_reason_may_have_gone(library: Library, change: str) -> None:
    """A reader is asked again when the file or the limits changed; a deleted file is refused no more."""
    bad = library.write("bad.txt", "! broken")
    library.sync()
    match change:
        case "mended":
            bad.write_text(BREAD)
        case "gone":
            bad.unlink()
        case "other limits":
            library.set(parse_wall_s=1)
        case _:
            bad.write_text("! still broken")
    report = library.sync()
    assert ("bad.txt" in library.readers.read) == (change != "gone")
    assert (report.refused == ()) == (change in {"mended", "gone"})
    with opened(library.index) as store, store.reading() as reader:
        assert tuple(reader.refusals()) == report.refused
    assert ("bad.txt" in library.documents()) == (change == "mended")


# --- what is known about documents


class MarkdownReaders(TextReaders):
    """Gives each file as Markdown with this front matter."""

    def __init__(self, stated: Mapping[str, Any]) -> None:
        super().__init__()
        self.stated = stated

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        for key, result in super().read_all(items, name):
            assert isinstance(result, Extracted)
            yield key, replace(result, format="markdown", stated=self.stated)


def test_metadata_comes_from_the_surest_place(library: Library) -> None:
    """The manifest wins over front matter, that over path rules, and those over the text, field by field."""
    rule = PathRule(pattern=r"(?P<kind>\w+)\.txt", title="of the rule", publisher="Rule", body="Rule")
    library.set(path_rules=(rule,))
    library.write("manifest.csv", "path,title\nboats.txt,of the manifest\n")
    library.readers = MarkdownReaders({"title": "of the front matter", "publisher": "Matter"})
    library.write("boats.txt", f"A title of the text\n\n{BOATS}\n\nPublished: 3 May 2019\n\nPublished by the Text")
    library.sync()
    boats, trees = (library.documents()[path].metadata for path in ("boats.txt", "trees.txt"))
    assert (boats.title, boats.publisher, boats.body, boats.kind) == ("of the manifest", "Matter", "Rule", "boats")
    assert str(boats.published) == "2019-05-03"
    assert {name: evidence.origin for name, evidence in boats.evidence.items()} == {
        "title": Origin.STATED,
        "publisher": Origin.STATED,
        "body": Origin.RULE,
        "kind": Origin.RULE,
        "published": Origin.TEXT,
    }
    assert (trees.title, trees.kind) == ("of the front matter", "trees")
    assert library.passages()["boats.txt"][0].context.startswith("Rule. boats. 3 May 2019")


def test_front_matter_counts_in_markdown_only(library: Library) -> None:
    """Other formats state nothing of their own; what they say of themselves is found, not stated."""

    class Other(MarkdownReaders):
        def read_all(
            self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
        ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
            for key, result in super().read_all(items, name):
                assert isinstance(result, Extracted)
                yield key, replace(result, format="text")

    library.readers = Other({"title": "of the front matter"})
    library.sync()
    assert library.documents()["boats.txt"].metadata == Metadata()


@pytest.mark.parametrize("change", ["rule", "manifest", "size", "kinds"])
def test_changed_rules_make_documents_anew(library: Library, change: str) -> None:
    """What decides about a document counts like its bytes; documents it does not concern stay."""
    library.write("trees.txt", f"Visit of Lyne\n\n{LONG}")
    library.sync()
    match change:
        case "rule":
            library.set(path_rules=(PathRule(pattern=r"trees\.txt", body="Lyne"),))
        case "manifest":
            library.write("manifest.csv", "path,body\ntrees.txt,Lyne\n")
        case "size":
            library.set(passage_tokens=64)
        case _:
            library.set(kinds=("visit",))
    report = library.sync()
    concerns_all = change in {"size", "kinds"}
    assert report.updated == (("boats.txt", "trees.txt") if concerns_all else ("trees.txt",))
    assert library.documents()["trees.txt"].metadata.body == ("Lyne" if change in {"rule", "manifest"} else None)
    assert library.sync().unchanged == 2


def test_unusable_metadata_refuses_its_document(library: Library) -> None:
    """A manifest row with a date that is none is an error of that document alone, until it is mended."""
    library.write("manifest.csv", "path,published\nboats.txt,someday\n")
    report = library.sync()
    assert [(refused.path, refused.code) for refused in report.refused] == [("boats.txt", Refusal.METADATA)]
    assert report.added == ("trees.txt",)
    library.write("manifest.csv", "path,published\nboats.txt,2019-05-03\n")
    assert library.sync().added == ("boats.txt",)


def test_pages_without_text_and_notes_are_reported(library: Library) -> None:
    """What people should look at stands in the report and in the document."""

    class Scans(TextReaders):
        def read_all(
            self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
        ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
            for key, _ in items:
                made = extracted(f"{BOATS}\f")
                pages = (made.pages[0], replace(made.pages[1], needs_ocr=True))
                yield key, replace(made, pages=pages, notes=("read as cp1252",))

    library.readers = Scans()
    report = library.sync(library.folder / "boats.txt")
    assert report.needs_ocr == {str(library.folder / "boats.txt"): (2,)}
    assert report.notes == {str(library.folder / "boats.txt"): ("read as cp1252",)}
    document = library.documents()["boats.txt"]
    assert (document.pages, document.needs_ocr, document.notes) == (2, (2,), ("read as cp1252",))
    shutil.copytree(library.folder, library.folder.parent / "twin")
    assert len(library.sync(library.folder, library.folder.parent / "twin", reencode=True).needs_ocr) == 4


# --- originals


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_originals_are_kept_as_long_as_their_documents(library: Library) -> None:
    """Each file lies in the index under its hash, once for equal files, and goes with its last document."""
    library.write("copy.txt", BOATS)
    library.write("bad.txt", "! broken")
    library.sync()
    assert library.originals() == {digest(text): text.encode() for text in (BOATS, TREES)}
    assert original(library.index, digest(BOATS)).read_text() == BOATS
    (library.folder / "boats.txt").unlink()
    library.write("trees.txt", BREAD)
    library.sync()
    assert set(library.originals()) == {digest(BOATS), digest(BREAD)}
    (library.folder / "copy.txt").unlink()
    library.sync()
    assert set(library.originals()) == {digest(BREAD)}


def test_originals_of_files_that_cannot_be_read_just_now_are_kept(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document stays, so its file stays with it."""
    library.sync()
    monkeypatch.setattr(sync, "read", refusing("boats.txt", Refusal.UNREADABLE))
    library.sync()
    assert set(library.originals()) == {digest(BOATS), digest(TREES)}


def test_missing_originals_are_restored_and_leftovers_dropped(library: Library) -> None:
    """A sync mends the folder even where no document changed."""
    library.sync()
    original(library.index, digest(BOATS)).unlink()
    original(library.index, f"{digest(BREAD)}.123.tmp").write_text("half a fi")
    library.sync()
    assert set(library.originals()) == {digest(BOATS), digest(TREES)}


def test_no_originals_are_kept_where_the_setting_is_off(library: Library) -> None:
    """Switching it off removes those that were kept, and on again brings them back."""
    library.sync()
    library.set(keep_originals=False)
    library.write("boats.txt", BREAD)
    library.sync()
    assert library.originals() == {}
    library.set(keep_originals=True)
    assert library.sync().unchanged == 2
    assert set(library.originals()) == {digest(BREAD), digest(TREES)}


# --- another encoder


def test_another_encoder_is_refused(library: Library) -> None:
    """Vectors of two encoders cannot be compared; the message names the difference, and nothing changes."""
    library.sync()
    library.write("boats.txt", BREAD)
    before = files(library.index)
    library.encoder = WordEncoder(room=ROOM, model="signs")
    with pytest.raises(EncoderMismatchError, match=r"model 'signs', not 'words'.*--reencode"):
        library.sync()
    assert files(library.index) == before


def test_reencode_makes_all_documents_anew(library: Library, tmp_path: Path) -> None:
    """Every passage is encoded by the new encoder, and the index equals one that it made from scratch."""
    library.write("bad.txt", "! broken")
    library.sync()
    library.encoder = WordEncoder(room=ROOM, model="signs")
    report = library.sync(reencode=True)
    assert (report.updated, report.encoded, report.generation) == (("boats.txt", "trees.txt"), 2, 2)
    assert sorted(library.readers.read) == ["bad.txt", "boats.txt", "trees.txt"]
    assert library.sync().unchanged == 2
    assert_like_from_scratch(library, tmp_path)


def test_reencode_cannot_keep_documents_outside_the_sources(library: Library) -> None:
    """They cannot be made anew, and their old vectors must not stand beside new ones."""
    with pytest.raises(InputError, match="reencode"):
        library.sync(reencode=True, prune=Prune.NOTHING)


@pytest.mark.parametrize("code", [Refusal.UNREADABLE, Refusal.CHANGED])
def test_reencode_leaves_no_vector_of_the_old_encoder(
    library: Library, monkeypatch: pytest.MonkeyPatch, code: Refusal
) -> None:
    """A file that cannot be read just now cannot be made anew either, so its document goes."""
    library.sync()
    library.encoder = WordEncoder(room=ROOM, model="signs")
    monkeypatch.setattr(sync, "read", refusing("boats.txt", code))
    report = library.sync(reencode=True)
    assert (report.updated, report.removed) == (("trees.txt",), ("boats.txt",))
    assert library.search("boats") == [("trees.txt", TREES)]


def test_reencode_of_an_empty_index_takes_the_new_encoder(library: Library) -> None:
    """There is nothing to encode, but what comes next is the new encoder's."""
    for path in library.folder.iterdir():
        path.unlink()
    library.sync()
    library.encoder = WordEncoder(room=ROOM, model="signs")
    library.sync(reencode=True)
    library.write("boats.txt", BOATS)
    assert library.sync().added == ("boats.txt",)


# --- interruptions


class FailingEncoder(WordEncoder):
    """Fails at the so-manieth time it has something to encode."""

    def __init__(self, at: int, error: BaseException, model: str = "words") -> None:
        super().__init__(room=ROOM, model=model)
        self._left = at
        self._error = error

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[NDArray[np.float32]]:
        self._left -= bool(texts)
        if texts and self._left == 0:
            raise self._error
        return super().encode_passages(texts, parts)


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt()])
def test_an_interrupted_sync_has_changed_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException
) -> None:
    """Whichever batch it stopped in, the index is byte for byte what it was, and the next sync completes it.

    Beside it lies what was encoded until then, which the next sync does not encode again.
    """
    monkeypatch.setattr(sync, "BATCH", 1)
    monkeypatch.setattr(dense, "STALE_AT_LEAST", 0)
    library.sync()
    beside = (ORIGINALS, JOURNAL_FILE)
    before = files(library.index, but=beside), results(library.index, library.encoder, "ferry")
    kept = library.originals()
    library.write("boats.txt", LONG)
    library.write("bread.txt", BREAD)
    library.write("night.txt", "Nobody is out at night.")
    (library.folder / "trees.txt").unlink()
    library.encoder = FailingEncoder(at, error)
    with pytest.raises(type(error)):
        library.sync()
    assert (files(library.index, but=beside), results(library.index, library.encoder, "ferry")) == before
    assert library.originals() == kept
    encoded = set(library.encoder.encoded)
    assert bool(encoded) == (library.index / JOURNAL_FILE).exists() == (at > 1)
    library.encoder = WordEncoder(room=ROOM)
    report = library.sync()
    assert library.encoder.encoded
    assert encoded.isdisjoint(library.encoder.encoded)
    assert not (library.index / JOURNAL_FILE).exists()
    assert (report.added, report.updated, report.removed) == (
        ("bread.txt", "night.txt"),
        ("boats.txt",),
        ("trees.txt",),
    )
    assert_like_from_scratch(library, tmp_path)


def test_a_first_sync_that_is_interrupted_leaves_no_index_to_search(library: Library) -> None:
    """The folder holds no generation, which is said, and the next sync makes the first."""
    library.encoder = FailingEncoder(1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        library.sync()
    with pytest.raises(IndexMissingError, match="never finished"):
        Store.open(library.index)
    library.encoder = WordEncoder(room=ROOM)
    assert library.sync().generation == 1


@pytest.mark.parametrize("at", [2, 4])
def test_a_killed_sync_is_not_encoded_twice(library: Library, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Even a first one that is killed leaves what it has encoded, and the next one encodes only the rest."""
    for number in range(4):
        library.write(f"{number}.txt", f"{BREAD} Number {number}.")
    process = multiprocessing.get_context("fork").Process(target=sync_until_batch, args=(library, at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (library.index / JOURNAL_FILE).exists()
    report = library.sync()
    assert (report.passages, report.encoded) == (6, 6 - (at - 1))
    assert len(library.encoder.encoded) == report.encoded
    assert not (library.index / JOURNAL_FILE).exists()


def sync_until_batch(library: Library, at: int) -> None:
    """Run a sync, and kill this process when the so-manieth batch is to be encoded."""
    sync.BATCH = 1

    class Killing(FailingEncoder):
        def encode_passages(
            self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]]
        ) -> list[NDArray[np.float32]]:
            try:
                return super().encode_passages(texts, parts)
            except KeyboardInterrupt:
                os.kill(os.getpid(), signal.SIGKILL)
                raise

    library.encoder = Killing(at, KeyboardInterrupt())
    library.sync()


def test_what_another_encoder_has_encoded_is_of_no_use(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted change of the encoder helps only the same change, also where it is asked for again."""
    library.sync()
    monkeypatch.setattr(sync, "BATCH", 1)
    library.encoder = FailingEncoder(2, KeyboardInterrupt(), model="signs")
    with pytest.raises(KeyboardInterrupt):
        library.sync(reencode=True)
    library.encoder = WordEncoder(room=ROOM, model="signs")
    assert library.sync(reencode=True).encoded == 1
    library.encoder = FailingEncoder(2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        library.sync(reencode=True)
    library.encoder = WordEncoder(room=ROOM, model="others")
    assert library.sync(reencode=True).encoded == 2


def test_a_full_disk_gets_its_space_back(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user has to make room, what was encoded does not take any."""
    library.sync()
    before = files(library.index)
    library.write("boats.txt", LONG)
    seen: list[bool] = []

    def commit(*_: object) -> None:
        seen.append((library.index / JOURNAL_FILE).exists())
        failing_publish(library.index, None)

    monkeypatch.setattr(Writer, "commit", commit)
    with pytest.raises(UnusableIndexError, match="is full"):
        library.sync()
    assert seen == [True]
    assert files(library.index) == before


def test_a_sync_without_work_removes_a_journal(library: Library) -> None:
    """An interrupted sync is of no account any more when the sources are again as the index has them."""
    library.sync()
    library.write("boats.txt", f"{BREAD}\n\n{LONG}")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Writer, "commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            library.sync()
    assert (library.index / JOURNAL_FILE).exists()
    library.write("boats.txt", BOATS)
    assert library.sync().unchanged == 2
    assert not (library.index / JOURNAL_FILE).exists()


def test_a_sync_succeeds_without_a_journal(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It only saves time, so the sync goes on where it alone cannot be written."""

    def failing_append(journal: Journal, *_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Journal, "_append", failing_append)
    assert library.sync().encoded == 2
    assert "Input/output error" in caplog.text
    assert library.search("ferry bay")[0] == ("boats.txt", BOATS)
    assert not (library.index / JOURNAL_FILE).exists()


OUR_LINES = (
    "sync.py",
    "encoding.py",
    "journal.py",
    "outlines.py",
    "store/*.py",
    "database.py",
    "durable.py",
    "dense/*.py",
    "lexical.py",
)
KILLS = 16


def test_a_killed_sync_leaves_the_old_index_or_the_new_one(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that die at places all over a sync never leave a mixture, and the next sync completes the work."""
    monkeypatch.setattr(dense, "STALE_AT_LEAST", 0)
    library.write("long.txt", LONG)
    library.sync()
    old = everything(library)
    base = tmp_path / "base"
    shutil.copytree(library.index, base)
    library.write("boats.txt", LONG)
    library.write("bread.txt", BREAD)
    (library.folder / "trees.txt").unlink()
    lines = counted_lines(library.sync)
    new = everything(library)

    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    left: list[str] = []
    for number in range(KILLS):
        shutil.rmtree(library.index)
        shutil.copytree(base, library.index)
        at = lines * (2 * number + 1) // (2 * KILLS)
        process = processes.Process(target=sync_until_killed, args=(library.folder, library.settings, at))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        left.append("old" if contents(library.index) == old[0] else "new")
        for documents, hits, word_hits in [old if left[-1] == "old" else new, new]:
            assert contents(library.index) == documents
            assert_same_results(results(library.index, library.encoder, "ferry"), hits)
            assert_same_results(word_results(library.index, "ferry"), word_hits)
            library.sync()
        assert len(word_folders(library.index)) == 1
        assert set(library.originals()) == {document.sha256 for document, _, _ in new[0]}
        assert not list(library.index.rglob("*.tmp"))
        assert not (library.index / JOURNAL_FILE).exists()
    assert left == sorted(left, reverse=True)  # first all old, then all new
    assert set(left) == {"old", "new"}  # so that some processes died on either side of the commit


def everything(library: Library) -> tuple[Any, list[Hit], list[Hit]]:
    index = library.index
    return contents(index), results(index, library.encoder, "ferry"), word_results(index, "ferry")


def sync_until_killed(folder: Path, given: Settings, at: int) -> None:
    """Run a sync, and kill this process at the so-manieth line of our code."""
    dense.STALE_AT_LEAST = 0

    def kill(number: int) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    tracer = line_tracer(kill)
    sys.settrace(tracer)
    threading.settrace(tracer)
    sync.sync([folder], given, encoder=WordEncoder(room=ROOM), readers=TextReaders())


def counted_lines(run: Callable[[], object]) -> int:
    """Count the lines of our code that a call runs through."""
    lines = 0

    def see(number: int) -> None:
        nonlocal lines
        lines = max(lines, number)

    before, of_threads, tracer = sys.gettrace(), threading.gettrace(), line_tracer(see)
    sys.settrace(tracer)
    threading.settrace(tracer)
    try:
        run()
    finally:
        sys.settrace(before)
        threading.settrace(of_threads)
    return lines


def line_tracer(at_line: Callable[[int], None]) -> Callable[[FrameType, str, Any], Any]:
    """Make a trace function that calls `at_line` with the number of lines so far, in all threads together."""
    ours = {str(path) for pattern in OUR_LINES for path in Path(sync.__file__).parent.glob(pattern)}
    numbers = count(1)  # no two threads get the same

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in ours:
            return None
        if event == "line":
            at_line(next(numbers))
        return trace

    return trace


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a disk that is full."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def test_a_full_disk_leaves_the_old_index(library: Library, tmp_path: Path) -> None:
    """Wherever the space ends, the error is one of ours, nothing has changed, and with space the sync completes."""
    library.sync()
    before = contents(library.index), results(library.index, library.encoder, "ferry")
    for number in range(6):
        library.write(f"{number}.txt", f"{LONG} {LONG} {number}")
    for size in (10, 10_000, 40_000, 60_000, 80_000):
        with files_limited_to(size), pytest.raises(UnusableIndexError):
            library.sync()
        assert (contents(library.index), results(library.index, library.encoder, "ferry")) == before
    with files_limited_to(1_000_000):
        assert len(library.sync().added) == 6
    assert_like_from_scratch(library, tmp_path)


def failing_publish(path: Path, _: object) -> None:
    raise OSError(28, "No space left on device", str(path))


def test_an_original_that_cannot_be_kept_stops_the_sync(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """A citation could not be shown in its file later; the message says how much is missing."""
    library.sync()
    before = contents(library.index)
    library.write("boats.txt", BREAD)
    with monkeypatch.context() as patched:
        patched.setattr(originals, "publish", failing_publish)
        with pytest.raises(UnusableIndexError, match=r"full: about [\d.,]+ MB more are needed.*index is as it was"):
            library.sync()
        assert contents(library.index) == before
        library.set(keep_originals=False)
        assert library.sync().updated == ("boats.txt",)


def test_an_original_that_cannot_be_deleted_is_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new generation stands, but a removed file must not stay unnoticed; the next sync tries again."""
    library.sync()
    (library.folder / "boats.txt").unlink()

    def failing_drop(folder: Path, _: object) -> None:
        raise OSError(5, "Input/output error", str(folder / "file"))

    with monkeypatch.context() as patched:
        patched.setattr(sync, "drop_other_originals", failing_drop)
        with pytest.raises(UnusableIndexError, match=r"up to date, but .* could not be deleted .*Input/output error"):
            library.sync()
    assert set(library.documents()) == {"trees.txt"}
    assert len(library.originals()) == 2
    library.sync()
    assert set(library.originals()) == {digest(TREES)}


def test_a_failed_sync_leaves_nothing_over(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither words nor originals of what it did not come to show."""
    library.sync()
    before = files(library.index)
    library.write("bread.txt", BREAD)
    monkeypatch.setattr(Writer, "commit", lambda *_: failing_publish(library.index, None))
    with pytest.raises(UnusableIndexError, match=r"is full.*the index is as it was"):
        library.sync()
    assert files(library.index) == before


def test_a_sync_succeeds_without_a_snapshot(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The documents are safe by then, and the vectors are taken from the store until the next sync writes it."""
    monkeypatch.setattr(dense, "STALE_AT_LEAST", 1)
    with monkeypatch.context() as patched:
        patched.setattr("indexer.snapshots.publish", failing_publish)
        assert library.sync().generation == 1
    assert "No space left on device" in caplog.text
    assert snapshots(library.index) == []
    assert library.search("ferry bay")[0] == ("boats.txt", BOATS)
    library.sync()
    assert len(snapshots(library.index)) == 2


# --- the FAISS snapshot


def snapshots(index: Path) -> list[Path]:
    return sorted(index.glob("dense-*"))


def test_a_snapshot_is_written_when_one_is_due(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small index has none; one over the limit has one of the newest generation that was due."""
    library.sync()
    assert snapshots(library.index) == []
    monkeypatch.setattr(dense, "STALE_AT_LEAST", 1)
    library.sync()
    assert [path.name for path in snapshots(library.index)] == ["dense-00000001.faiss", "dense-00000001.json"]
    for number in range(3):
        library.write(f"{number}.txt", f"{BREAD} Number {number}.")
    library.sync()
    assert [path.name for path in snapshots(library.index)] == ["dense-00000002.faiss", "dense-00000002.json"]
    (library.folder / "boats.txt").unlink()
    library.sync()
    assert [path.name for path in snapshots(library.index)] == ["dense-00000002.faiss", "dense-00000002.json"]
    assert len(library.search("ferry")) == 4


@pytest.mark.parametrize("damage", ["no data", "no manifest", "flipped", "cut", "empty manifest"])
def test_the_next_sync_mends_a_snapshot(library: Library, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """Search does not suffer from a lost or altered snapshot, and a sync without other work writes it anew."""
    monkeypatch.setattr(dense, "STALE_AT_LEAST", 1)
    library.sync()
    data, manifest = snapshots(library.index)
    good = {path: path.read_bytes() for path in (data, manifest)}
    found = library.search("ferry")
    match damage:
        case "no data":
            data.unlink()
        case "no manifest":
            manifest.unlink()
        case "flipped":
            data.write_bytes(good[data][:-1] + bytes([good[data][-1] ^ 1]))
        case "cut":
            data.write_bytes(good[data][:-10])
        case _:
            manifest.write_bytes(b"")
    assert library.search("ferry") == found
    assert library.sync().generation == 1
    assert {path: path.read_bytes() for path in snapshots(library.index)} == good
    assert library.search("ferry") == found


# --- the words


def test_the_words_of_a_generation_are_ready_with_it(library: Library) -> None:
    """There is one folder, of the generation that is served, and a sync without work leaves it alone."""
    library.sync()
    assert word_folders(library.index) == ["lexical-00000001"]
    assert [path for _, path, _ in word_results(library.index, "old ferries")] == ["trees.txt", "boats.txt"]
    before = files(library.index / "lexical-00000001")
    library.sync()
    assert files(library.index / "lexical-00000001") == before
    library.write("boats.txt", BREAD)
    library.sync()
    assert word_folders(library.index) == ["lexical-00000002"]
    assert word_results(library.index, "ferry") == []


@pytest.mark.parametrize("damage", ["no folder", "no manifest", "flipped", "another file"])
def test_the_next_sync_mends_the_words(library: Library, damage: str) -> None:
    """A sync without other work writes the folder of the generation anew."""
    library.sync()
    found = word_results(library.index, "old ferries")
    folder = library.index / "lexical-00000001"
    match damage:
        case "no folder":
            shutil.rmtree(folder)
        case "no manifest":
            (folder / lexical.MANIFEST).unlink()
        case "flipped":
            data = next(folder.glob("*.term"))
            data.write_bytes(data.read_bytes()[:-1] + b"\x7f")
        case _:
            (folder / "other").touch()
    assert library.sync().generation == 1
    assert word_results(library.index, "old ferries") == found
    assert word_folders(library.index) == ["lexical-00000001"]


def test_words_of_a_generation_that_never_came_are_removed(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are there before the store shows them; where it then fails, the old ones serve on."""
    library.sync()
    before = everything(library)
    library.write("boats.txt", BREAD)
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "_put_seal", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            library.sync()
        assert word_folders(library.index) == ["lexical-00000001"]
        patched.setattr(Embedded, "_take_back", lambda _: None)  # as when the process is killed
        with pytest.raises(KeyboardInterrupt):
            library.sync()
    assert word_folders(library.index) == ["lexical-00000001", "lexical-00000002"]
    assert everything(library) == before
    library.write("boats.txt", BOATS)
    library.sync()
    assert word_folders(library.index) == ["lexical-00000001"]
    library.write("boats.txt", LONG)
    library.sync()
    assert len(word_results(library.index, "ferry")) > 1


def test_words_that_cannot_be_written_stop_the_sync(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is as it was, and the message says what to do."""
    library.sync()
    before = everything(library)
    library.write("boats.txt", BREAD)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", lambda *_: failing_publish(library.index, None))
        with pytest.raises(UnusableIndexError, match=r"is full.*free some space"):
            library.sync()
    assert everything(library) == before
    assert word_folders(library.index) == ["lexical-00000001"]
    assert library.sync().updated == ("boats.txt",)


# --- step by step equals from scratch


def assert_like_from_scratch(library: Library, base: Path, *named: Path) -> None:
    """Compare with an index that the same encoder makes of the same sources at once."""
    fresh = library.settings.model_copy(update={"index": Path(tempfile.mkdtemp(dir=base)) / "fresh"})
    encoder = WordEncoder(room=ROOM, model=library.encoder.fingerprint.model)
    report = sync.sync(named or [library.folder], fresh, encoder=encoder, readers=TextReaders())
    assert contents(library.index) == contents(fresh.index)
    assert stored_vectors(library.index) == stored_vectors(fresh.index)
    with opened(library.index) as one, one.reading() as ours, opened(fresh.index) as other, other.reading() as theirs:
        assert ours.refusals() == theirs.refusals() == list(report.refused)
        assert ours.counts() == theirs.counts()
        assert (ours.bodies(), ours.kinds()) == (theirs.bodies(), theirs.kinds())
    for query in ("ferry in the bay", "who opens the bakery?"):
        found, expected = (results(index, encoder, query) for index in (library.index, fresh.index))
        assert_same_results(found, expected)
        found, expected = (word_results(index, query) for index in (library.index, fresh.index))
        assert_same_results(found, expected)
    assert len(word_folders(library.index)) == 1
    shutil.rmtree(fresh.index.parent)


def assert_same_results(found: list[Hit], expected: list[Hit]) -> None:
    """Compare hits; equal scores may stand in any order, and differ by the rounding of two ways to add."""
    assert [hit[0] for hit in found] == sorted((hit[0] for hit in found), reverse=True)
    assert [hit[0] for hit in found] == pytest.approx([hit[0] for hit in expected], abs=1e-5)
    ours, theirs = (sorted(hits, key=lambda hit: hit[1:]) for hits in (found, expected))
    assert [hit[1:] for hit in ours] == [hit[1:] for hit in theirs]
    assert [hit[0] for hit in ours] == pytest.approx([hit[0] for hit in theirs], abs=1e-5)


PATHS = ("a.txt", "b.txt", "sub/a.txt")
PARTS = (BOATS, TREES, BREAD, LONG, "Inspection of Lyne Council", "\f", "Report 7\n")
TEXTS = st.one_of(st.lists(st.sampled_from(PARTS), max_size=4).map("\n\n".join), st.just("! broken"))
RULES = ((), (PathRule(pattern=r"(?P<kind>\w+)\.txt", body="Wold"),))


class Changes(RuleBasedStateMachine):
    """Any succession of changes and syncs leaves the index that a first sync would make."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp())
        self.library = Library(self.base)
        self.other = self.base / "other"
        self.other.mkdir()
        self.indexed = False
        self.following: Dense | None = None  # as a service has it that runs all the time
        self.patched = pytest.MonkeyPatch()

    @initialize(stale_at_least=st.sampled_from([0, 4, 1000]))
    def begin(self, stale_at_least: int) -> None:
        self.patched.setattr(dense, "STALE_AT_LEAST", stale_at_least)

    def teardown(self) -> None:
        self.patched.undo()
        shutil.rmtree(self.base)

    @property
    def named(self) -> tuple[Path, Path]:
        return self.library.folder, self.other

    def place(self, path: str, *, other: bool) -> Path:
        file = self.named[other] / path
        file.parent.mkdir(exist_ok=True)
        return file

    @rule(path=st.sampled_from(PATHS), other=st.booleans(), text=TEXTS, then_sync=st.booleans())
    def write(self, path: str, text: str, *, other: bool, then_sync: bool) -> None:
        self.place(path, other=other).write_text(text)
        self.sync_if(then_sync)

    @rule(path=st.sampled_from(PATHS), other=st.booleans(), then_sync=st.booleans())
    def delete(self, path: str, *, other: bool, then_sync: bool) -> None:
        self.place(path, other=other).unlink(missing_ok=True)
        self.sync_if(then_sync)

    @rule(path=st.sampled_from(PATHS), to=st.sampled_from(PATHS), other=st.booleans(), across=st.booleans())
    def rename(self, path: str, to: str, *, other: bool, across: bool) -> None:
        file = self.place(path, other=other)
        if file.exists():
            file.rename(self.place(to, other=other != across))

    @rule(rules=st.sampled_from(RULES))
    def state_by_path(self, rules: tuple[PathRule, ...]) -> None:
        self.library.set(path_rules=rules)

    def sync_if(self, wanted: bool) -> None:
        if wanted:
            self.sync()

    @rule(at=st.integers(1, 2))
    def sync_and_fail(self, at: int) -> None:
        if not self.indexed:
            return
        before = contents(self.library.index)
        self.library.encoder = FailingEncoder(at, RuntimeError("failed"))
        self.patched.setattr(sync, "BATCH", 1)
        try:
            self.library.sync(*self.named)
        except RuntimeError:
            assert contents(self.library.index) == before
        self.patched.setattr(sync, "BATCH", 512)
        self.library.encoder = WordEncoder(room=ROOM)

    @rule()
    def sync(self) -> None:
        before: dict[tuple[str, str], str] = {}
        known: set[str] = set()
        if self.indexed:
            for document, _, passages in contents(self.library.index):
                before[document.root, document.path] = document.sha256
                known |= {passage.input for passage in passages}
        report = self.library.sync(*self.named)
        self.indexed = True
        after = {(document.root, document.path): document.sha256 for document, _, _ in contents(self.library.index)}
        assert sorted(report.added) == sorted(path for _, path in after.keys() - before.keys())
        assert sorted(report.removed) == sorted(path for _, path in before.keys() - after.keys())
        assert report.unchanged + len(report.updated) == len(after.keys() & before.keys())
        assert all(
            sha256(Path(root, path).read_bytes()).hexdigest() == digest for (root, path), digest in after.items()
        )
        assert not known & set(self.library.encoder.encoded)
        assert len(self.library.encoder.encoded) == len(set(self.library.encoder.encoded)) == report.encoded
        assert set(self.library.originals()) == set(after.values())
        assert_like_from_scratch(self.library, self.base, *self.named)
        self.follow()

    def follow(self) -> None:
        index, encoder = self.library.index, self.library.encoder
        with opened(index) as store, store.reading() as reader:
            if self.following is None:
                self.following = opened_vectors(index, encoder, reader)
            self.following = self.following.caught_up(reader)
        found = results(index, encoder, "ferry", following=self.following)
        assert_same_results(found, results(index, encoder, "ferry"))


TestChanges = Changes.TestCase
TestChanges.settings = hypothesis_settings(
    max_examples=25,
    stateful_step_count=12,
    deadline=None,
    phases=[Phase.reuse, Phase.generate, Phase.shrink],  # explaining a failure takes minutes
)
