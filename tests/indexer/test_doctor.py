"""The doctor: names what is damaged, gives back what can be given back, and says what is lost."""

import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from indexer.database import STORE_FILE, WORKSHOP, connect
from indexer.dense import write_snapshot
from indexer.doctor import Diagnosis, examine, repair
from indexer.errors import EncoderMismatchError, IndexBusyError, IndexMissingError
from indexer.lexical import Lexical
from indexer.originals import ORIGINALS
from indexer.settings import Settings
from indexer.store import Store
from indexer.sync import Report, sync
from tests.fakes import DIM, TextReaders, WordEncoder
from tests.faults.damage import reseal

FERRY = "The ferry\n\nThe ferry leaves the pier at noon and comes back late.\n\nNobody waits for it in winter."
MILL = (
    "The mill\n\nThe old mill grinds corn by the river.\fIts wheel stands still on Sundays. The miller sleeps then."
)
WELL = "The well\n\nWater is drawn from the well behind the school each morning by the children."
TEXTS = {"ferry.txt": FERRY, "mill.txt": MILL, "well.txt": WELL}


class Library:
    """A few files and their index, which has a snapshot."""

    def __init__(self, base: Path) -> None:
        self.sources = base / "sources"
        self.sources.mkdir()
        self.settings = Settings(index=base / "index", passage_tokens=32)
        self.encoder, self.readers = WordEncoder(), TextReaders()
        for name, text in TEXTS.items():
            (self.sources / name).write_text(text)
        (self.sources / "bad.txt").write_text("!")
        self.sync()
        with closing(Store(self.index)) as store, store.reading() as reader:
            write_snapshot(self.index, reader, fingerprint=self.encoder.fingerprint.to_json(), dim=DIM)
        self.before = self.contents()

    @property
    def index(self) -> Path:
        return self.settings.index

    def sync(self) -> Report:
        return sync([self.sources], self.settings, encoder=self.encoder, readers=self.readers)

    def examined(self) -> Diagnosis:
        return examine(self.index, fingerprint=self.encoder.fingerprint)

    def repaired(self) -> Diagnosis:
        """Repair, with encoder and readers that tell what they were asked for."""
        self.encoder, self.readers = WordEncoder(), TextReaders()

        @contextmanager
        def readers() -> Iterator[TextReaders]:
            yield self.readers

        encoder = self.encoder
        return repair(self.settings, fingerprint=encoder.fingerprint, encoder=lambda: encoder, readers=readers)

    def contents(self) -> dict[str, object]:
        """Give all that the index says of each file, but for the numbers of passages."""
        with closing(Store.open(self.index)) as store, store.reading() as reader:
            reader.check()
            return {
                document.path: (
                    document,
                    [reader.page(document.doc_id, number) for number in range(1, document.pages + 1)],
                    [
                        (stored.passage, stored.text_sha256, reader.vectors([one], DIM)[one].tolist())
                        for one, stored in sorted(reader.passages(reader.passage_ids(document.doc_id)).items())
                    ],
                )
                for document in reader.documents()
            }

    def change(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.index / STORE_FILE)) as db, db:
            db.execute("PRAGMA foreign_keys = ON")
            assert db.execute(statement, values).rowcount > 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Make a library once; each test damages a copy of its index."""
    return Library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def library(made: Library, tmp_path: Path) -> Iterator[Library]:
    """Give the library with an index of the test's own."""
    kept = made.settings
    made.settings = Settings(index=Path(shutil.copytree(kept.index, tmp_path / "index")), passage_tokens=32)
    yield made
    made.settings = kept
    for name, text in TEXTS.items():
        (made.sources / name).write_text(text)


def files(folder: Path) -> dict[str, bytes]:
    """Give the files of an index, but for those that any opening makes or a lock is."""
    beside = {f"{STORE_FILE}-wal", f"{STORE_FILE}-shm", "writer.lock", "writer.pid"}
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in beside)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_sound_index_is_well(library: Library) -> None:
    """Nothing is complained of, and neither examining nor repairing changes a file."""
    before = files(library.index)
    found = library.examined()
    assert (found.generation, found.is_well, found.problems) == (1, True, ())
    assert library.repaired() == replace(found, is_repaired=True)
    assert files(library.index) == before
    assert library.readers.read == []


def test_no_index(tmp_path: Path) -> None:
    """A folder that is no index is not made one."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(IndexMissingError, match="run `citewell index SOURCE`"):
        examine(tmp_path, fingerprint=None)
    with pytest.raises(IndexMissingError), closing(Store(tmp_path)):
        repair(Settings(index=tmp_path), fingerprint=None, encoder=WordEncoder, readers=lambda: pytest.fail("asked"))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE documents SET record = replace(record, 'mill.txt', 'pill.txt')", "documents 2"),
        ("UPDATE documents SET recipe = 'x' WHERE path = 'mill.txt'", "documents 2"),
        ("UPDATE pages SET text = replace(text, 'corn', 'torn')", "pages 2 1"),
        ("UPDATE pages SET number = 9 WHERE document = 2 AND number = 2", "pages 2 9"),
        ("DELETE FROM pages WHERE document = 2 AND number = 2", "pages 2 2"),
        ("UPDATE passages SET text = replace(text, 'corn', 'torn')", "passages 2"),
        ("UPDATE passages SET vectors = zeroblob(256) WHERE passage = 2", "passages 2"),
        ("UPDATE passages SET sketch = zeroblob(16) WHERE passage = 2", "passages 2"),
        ("UPDATE passages SET document = 1 WHERE passage = 2", "passages 2"),
        ("DELETE FROM passages WHERE passage = 2", "documents 2"),
    ],
)
def test_a_damaged_row_is_named_and_its_document_read_again(library: Library, statement: str, row: str) -> None:
    """The other documents are neither read nor encoded again, and everything is as it was before."""
    library.change(statement)
    found = library.examined()
    assert not found.is_well
    assert (STORE_FILE, row) in {(problem.file, problem.row) for problem in found.problems}

    mended = library.repaired()
    assert (mended.is_well, mended.lost, mended.generation) == (True, (), 2)
    assert mended.problems == found.problems
    assert str(library.sources / "mill.txt") in mended.reread
    assert library.contents() == library.before
    assert library.examined().is_well
    assert library.sync().unchanged <= 2  # what was given back is looked at again
    assert library.contents() == library.before


def test_only_the_damaged_document_is_read_again(library: Library) -> None:
    """Encoder and readers see that one alone."""
    library.change("UPDATE passages SET text = replace(text, 'corn', 'torn')")
    assert library.repaired().reread == (str(library.sources / "mill.txt"),)
    assert library.readers.read == ["mill.txt"]
    assert all("mill" in text or "wheel" in text for text in library.encoder.encoded)


def test_metadata_of_a_damaged_document_stay(library: Library) -> None:
    """What a manifest once stated is taken from the row, which is sound, not looked for again."""
    with closing(connect(library.index)) as db:
        record = json.loads(db.execute("SELECT record FROM documents WHERE path = 'mill.txt'").fetchone()[0])
    record["metadata"]["body"] = "Millers' Guild"
    library.change(
        "UPDATE documents SET record = ?, body = ? WHERE path = 'mill.txt'", json.dumps(record), "Millers' Guild"
    )
    reseal(library.index)
    library.change("UPDATE pages SET text = replace(text, 'corn', 'torn')")
    assert library.repaired().is_well
    with closing(Store.open(library.index)) as store, store.reading() as reader:
        assert reader.bodies() == {"Millers' Guild": 1}


def test_a_passage_that_its_pages_do_not_say_is_found(library: Library) -> None:
    """Also where every hash fits."""
    library.change("UPDATE passages SET text = replace(text, 'corn', 'torn')")
    reseal(library.index)
    (problem,) = library.examined().problems
    assert (problem.row, "not what its pages say" in problem.what) == ("passages 2", True)
    assert library.repaired().is_well
    assert library.contents() == library.before


@pytest.mark.parametrize("keep_source", [True, False])
def test_what_no_copy_gives_back_is_named(library: Library, keep_source: bool) -> None:
    """Without an original, the file itself serves if it is the same; otherwise it is lost, and all else stays."""
    library.change("UPDATE pages SET text = replace(text, 'corn', 'torn')")
    shutil.rmtree(library.index / ORIGINALS)
    if not keep_source:
        (library.sources / "mill.txt").write_text("Another text.")
    mended = library.repaired()
    assert mended.is_well
    if keep_source:
        assert (mended.lost, library.contents()) == ((), library.before)
        assert len(list((library.index / ORIGINALS).iterdir())) == len(TEXTS)
    else:
        assert mended.lost == (f"{library.sources / 'mill.txt'}, of which no copy is left",)
        assert library.contents().keys() == TEXTS.keys() - {"mill.txt"}


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_row_with_a_wrong_hash_of_its_file_is_given_back(library: Library, is_kept: bool) -> None:
    """The row's record states the hash as well, which finds the kept copy, or else the file itself."""
    if is_kept:
        (library.sources / "mill.txt").unlink()
    else:
        shutil.rmtree(library.index / ORIGINALS)
    library.change("UPDATE documents SET sha256 = replace(sha256, substr(sha256, 9, 1), 'x') WHERE path = 'mill.txt'")

    found = library.repaired()

    assert (found.is_well, found.lost) == (True, ())
    assert [Path(path).name for path in found.reread] == ["mill.txt"]


def test_a_row_whose_document_cannot_be_told_is_lost(library: Library) -> None:
    """A path that does not fit its id is only perhaps the path; the next sync brings the file back."""
    library.change("UPDATE documents SET path = 'pill.txt' WHERE path = 'mill.txt'")
    mended = library.repaired()
    assert mended.is_well
    assert mended.lost == (f"a document, perhaps {library.sources / 'pill.txt'}",)
    assert library.sync().added == ("mill.txt",)
    assert library.contents() == library.before


def test_vanished_documents_are_counted(library: Library) -> None:
    """Of a document without any row only the number is known."""
    library.change("DELETE FROM documents WHERE path = 'mill.txt'")
    assert "1 of 3 rows are missing" in {problem.what for problem in library.examined().problems}
    mended = library.repaired()
    assert (mended.is_well, mended.lost) == (True, ("1 documents of which nothing is left that names them",))
    assert library.contents().keys() == TEXTS.keys() - {"mill.txt"}


def test_rows_that_came_back_are_noticed(library: Library) -> None:
    """A row of a removed document with a sound hash does not belong."""
    with closing(sqlite3.connect(library.index / STORE_FILE)) as db:
        row = db.execute("SELECT * FROM pages WHERE document = 2 AND number = 2").fetchone()
    (library.sources / "mill.txt").unlink()
    library.sync()
    with closing(sqlite3.connect(library.index / STORE_FILE)) as db, db:
        db.execute("INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert {problem.row for problem in library.examined().problems} == {"pages", "pages 2"}
    assert library.repaired().is_well
    assert library.contents().keys() == TEXTS.keys() - {"mill.txt"}


def test_numbers_are_not_given_again(library: Library) -> None:
    """Generations and passages go on counting in a new store, so that nobody takes one for another."""
    with closing(Store.open(library.index)) as store, store.reading() as reader:
        old, ids = reader.version, set(reader.vectors_since(0, DIM)[0].tolist())
        broken = set(reader.passage_ids(reader.find("mill.txt").doc_id))
    library.change("UPDATE pages SET text = replace(text, 'corn', 'torn')")
    library.repaired()
    with closing(Store.open(library.index)) as store, store.reading() as reader:
        new = set(reader.vectors_since(0, DIM)[0].tolist())
        assert reader.version.generation == old.generation + 1
        assert not reader.has_version(old)
        assert new & ids == ids - broken
        assert min(new - ids) > max(ids)


# --- when SQLite cannot read its own file


def spoil(file: Path, start: int, length: int, seed: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[start : start + length] = Random(seed).randbytes(len(data[start : start + length]))
    file.write_bytes(data)


def test_every_page_of_the_file_in_turn(library: Library) -> None:
    """Whichever page is lost, the index is well afterwards, what it holds is true, and the next sync completes it."""
    whole, pages = files(library.index), (library.index / STORE_FILE).stat().st_size // 4096
    for number in range(pages):
        (library.index / STORE_FILE).write_bytes(whole[STORE_FILE])
        spoil(library.index / STORE_FILE, 4096 * number, 4096, number)
        mended = library.repaired()
        assert mended.is_well, number
        kept = {path: found for path, found in library.contents().items() if path in library.before}
        assert all(library.before[path] == found for path, found in kept.items()), number
        assert mended.lost or kept.keys() == library.before.keys(), number
        library.sync()
        assert library.contents() == library.before, number


def test_a_file_without_its_first_page_is_read_all_the_same(library: Library) -> None:
    """The first page holds no row of ours, and is the same in all files."""
    spoil(library.index / STORE_FILE, 0, 4096)
    assert "nothing" not in str(library.repaired().lost)
    assert library.contents() == library.before
    assert library.readers.read == []


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "text", "pipe"])
def test_nothing_left_of_the_store(library: Library, kind: str) -> None:
    """Then the index is empty, and says so; the next sync fills it."""
    file = library.index / STORE_FILE
    file.unlink()
    match kind:
        case "empty":
            file.touch()
        case "folder":
            file.mkdir()
        case "text":
            file.write_text("not a database " * 1000)
        case "pipe":
            os.mkfifo(file)
    assert not library.examined().is_well
    mended = library.repaired()
    assert (mended.is_well, mended.lost) == (True, ("all documents: nothing of the store can be read",))
    assert library.contents() == {}
    library.sync()
    assert library.contents() == library.before


def test_a_damaged_log_does_not_spoil_the_file(library: Library) -> None:
    """A log of another index, which SQLite would take for its own, is left out if that saves more."""
    (library.index / f"{STORE_FILE}-wal").unlink(missing_ok=True)
    other = Path(shutil.copytree(library.index, library.index.parent / "other"))
    with closing(sqlite3.connect(other / STORE_FILE)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        with db:
            db.execute("UPDATE pages SET text = text || 'x'")
        shutil.copyfile(other / f"{STORE_FILE}-wal", library.index / f"{STORE_FILE}-wal")
    assert not library.examined().is_well
    mended = library.repaired()
    assert (mended.lost, mended.reread) == ((), ())
    assert library.contents() == library.before


# --- what lies beside the store


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("dense-00000001.faiss", lambda path: spoil(path, 100, 3)),
        ("dense-00000001.faiss", Path.unlink),
        ("dense-00000001.json", lambda path: path.write_text("{}")),
        ("lexical-00000001", lambda path: spoil(next(path.glob("*.idx")), 50, 2)),
        ("lexical-00000001", shutil.rmtree),
        ("lexical-00000001", lambda path: spoil(path / "manifest.json", 20, 2)),
    ],
)
def test_what_is_derived_is_made_again(
    library: Library, monkeypatch: pytest.MonkeyPatch, name: str, damage: Callable[[Path], object]
) -> None:
    """The file is named, and nobody has to build anything in memory afterwards."""
    damage(library.index / name)
    found = library.examined()
    assert name.split(".", maxsplit=1)[0] in {problem.file.split(".")[0] for problem in found.problems}
    mended = library.repaired()
    assert (mended.is_well, mended.generation, mended.reread) == (True, 1, ())
    monkeypatch.setattr("indexer.lexical._write", lambda *_: pytest.fail("it was built in memory"))
    with closing(Store.open(library.index)) as store, store.reading() as reader:
        assert len(Lexical.open(library.index, reader)) == reader.passage_count


@pytest.mark.parametrize("damage", [lambda path: spoil(path, 3, 2), Path.unlink, lambda path: os.truncate(path, 0)])
@pytest.mark.parametrize("has_source", [True, False])
def test_originals_are_compared_with_their_hash(
    library: Library, damage: Callable[[Path], object], has_source: bool
) -> None:
    """A copy comes back from the file it was made of, if that has not changed; its document stays either way."""
    with closing(Store.open(library.index)) as store, store.reading() as reader:
        digest = reader.find("mill.txt").sha256
    damage(library.index / ORIGINALS / digest)
    if not has_source:
        (library.sources / "mill.txt").unlink()
    (problem,) = library.examined().problems
    assert problem.file == f"{ORIGINALS}/{digest}"
    mended = library.repaired()
    assert bool(mended.lost) is not has_source
    assert library.contents() == library.before
    if has_source:
        assert (library.index / ORIGINALS / digest).read_text() == MILL


def test_another_encoder_is_told(library: Library) -> None:
    """An index of another model is no damage that a repair could mend, and is never mixed."""
    other = WordEncoder(model="other")
    (problem,) = examine(library.index, fingerprint=other.fingerprint).problems
    assert "the encoder is not the one that made the index: model" in problem.what
    library.change("UPDATE pages SET text = replace(text, 'corn', 'torn')")
    before = files(library.index)
    with pytest.raises(EncoderMismatchError):
        repair(library.settings, fingerprint=None, encoder=lambda: other, readers=lambda: pytest.fail("asked"))
    after = files(library.index)
    assert {name: data for name, data in after.items() if not name.startswith(WORKSHOP)} == before


# --- interruptions


@pytest.mark.parametrize(
    ("step", "is_mended"),
    [
        ("indexer.doctor.remove", False),
        ("indexer.doctor.salvage_most", False),
        ("indexer.doctor._put_again", False),
        ("indexer.doctor.write_generation", False),
        ("indexer.doctor.put_in_place", False),
        ("indexer.store.salvage.remove", False),
        ("indexer.store.salvage.flush", True),
        ("indexer.doctor._mend_originals", True),
        ("indexer.doctor._mend_derived", True),
    ],
)
def test_a_repair_may_be_interrupted_anywhere(
    library: Library, monkeypatch: pytest.MonkeyPatch, step: str, is_mended: bool
) -> None:
    """Before the swap the store is as it was; afterwards it is mended; running it again completes either way."""
    library.change("UPDATE pages SET text = replace(text, 'corn', 'torn')")
    damaged = (library.index / STORE_FILE).read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            library.repaired()
    if is_mended:
        assert library.contents() == library.before
    else:
        assert (library.index / STORE_FILE).read_bytes() == damaged
    assert library.repaired().is_well
    assert library.contents() == library.before
    assert not (library.index / WORKSHOP).exists() or is_mended


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_repair_waits_for_no_writer(library: Library) -> None:
    """While another writes, nothing is repaired."""
    with Store.writing(library.index), pytest.raises(IndexBusyError, match="wait until it is done"):
        library.repaired()


def test_an_open_searcher_follows_a_repair(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever had the damaged store open reads the new one with his next question."""
    caplog.set_level(logging.ERROR)
    with closing(Store.open(library.index)) as store:
        library.change("UPDATE pages SET text = replace(text, 'corn', 'torn')")
        library.repaired()
        with store.reading() as reader:
            assert "corn" in reader.page(reader.find("mill.txt").doc_id, 1)[0].text
