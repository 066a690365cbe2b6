"""A collection that is moved by a folder of files is the same at the other end, wherever anything was killed."""

import errno
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from itertools import accumulate, count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.collection import Reader
from indexer.contents import Contents, to_bytes
from indexer.embedded import Embedded
from indexer.errors import (
    EncoderMismatchError,
    IndexFormatError,
    InputError,
    Refusal,
    UnusableIndexError,
)
from indexer.manifests import sealed
from indexer.moving import (
    MANIFEST,
    MODES,
    Comparison,
    Exported,
    Place,
    compare,
    export,
    import_into,
    read_export,
)
from indexer.records import Document, Metadata, Mode, Page, Passage, Refused, Span
from indexer.where import EVERYTHING
from indexer.words import split_query
from tests.fakes import DIM, WordEncoder

FINGERPRINT = WordEncoder().fingerprint.to_json()
REFUSED = Refused("/made", "locked.pdf", Refusal.ENCRYPTED, "it needs a password")
# Each sentence is a passage. In the order in which they come to a store, which is not that of their names.
TEXTS = {
    "wall": ("The harbour wall was mended in spring.", "It now stands two metres higher than before."),
    "bees": ("Bees returned to the school garden.", "Pupils count the bees on every sunny day of the week."),
    "roads": ("Roads were closed for a week while the new bridge was put in.", "Buses went around."),
    "carers": ("Carers meet each month and talk about what went well and what did not.",),
    "archive": ("Letters of the old council are kept in the archive near the harbour wall.",),
}
NEW = {"wall": ("The harbour wall fell into the sea last night.",), "tower": ("A tower was built on the hill.",)}


def made(name: str, sentences: Sequence[str]) -> Contents:
    """Make a document with a passage a sentence."""
    text = "\n".join(sentences)
    starts = accumulate((len(one) + 1 for one in sentences), initial=0)
    spans = [Span(1, start, start + len(one)) for start, one in zip(starts, sentences, strict=False)]
    passages = tuple(
        Passage(one, (span,), sentences=((0, len(one)),)) for one, span in zip(sentences, spans, strict=True)
    )
    document = Document(name, "/made", f"{name}.txt", "0" * 64, len(text), "text", "made", 1, Metadata(title=name))
    encoded = WordEncoder().encode_passages(
        [one.text for one in passages], [[(0, len(one.text))] for one in passages]
    )
    vectors = tuple(one.astype(np.float16) for one in encoded)
    sketches = tuple(np.array([len(one)], np.uint32) for one in sentences)
    return Contents(document, "r", (Page(1, text),), (), passages, vectors, sketches)


def fill(
    folder: Path,
    texts: Mapping[str, Sequence[str]] = TEXTS,
    *,
    refused: Sequence[Refused] = (REFUSED,),
    fingerprint: str = FINGERPRINT,
) -> Embedded:
    """Put documents into a collection in a folder, as one generation."""
    collection = Embedded(folder)
    with collection.writing(DIM) as writer:
        for name, sentences in texts.items():
            one = made(name, sentences)
            writer.put_document(
                one.document,
                one.recipe,
                pages=one.pages,
                removals=one.removals,
                passages=one.passages,
                vectors=one.vectors,
                sketches=one.sketches,
            )
        writer.put_refusals([(one, None) for one in refused])
        writer.commit(fingerprint, {"added": len(texts), "updated": 0, "removed": 0})
    return collection


def asking(collection: Embedded, reader: Reader) -> Callable[[str, Mode], list[Place]]:
    """Give what asks a collection: by meaning, or by words where the mode is another."""
    arms = collection.arms(reader, DIM)

    def ask(text: str, mode: Mode) -> list[Place]:
        query = WordEncoder().encode_queries([text])[0]
        found = (
            arms.nearest(query, 10, EVERYTHING)
            if mode is Mode.DENSE
            else arms.by_words(split_query(text), 10, EVERYTHING)
        )
        stored = reader.passages([passage for passage, _ in found])
        places = [stored[passage] for passage, _ in found]
        return [
            Place(
                one.document.doc_id,
                one.passage.spans[0].page,
                tuple((span.page, span.start, span.end) for span in one.passage.spans),
                one.text_sha256,
            )
            for one in places
        ]

    return ask


def moved_out(collection: Embedded, folder: Path, questions: Sequence[str] = (), **more: Any) -> Exported:
    """Export a collection."""
    with collection.reading() as reader:
        return export(reader, folder, ask=asking(collection, reader), questions=questions, **more)


def compared(collection: Embedded, folder: Path) -> Comparison:
    """Compare a collection with an export."""
    with collection.reading() as reader:
        return compare(read_export(folder), reader, ask=asking(collection, reader))


def held(folder: Path) -> dict[str, bytes]:
    """Give everything that a collection holds of each document."""
    with closing(Embedded(folder)) as collection, collection.reading() as reader:
        return {one.doc_id: to_bytes(reader.contents(one.doc_id)) for one in reader.documents()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Give a collection to export, which no test may change."""
    with closing(fill(tmp_path_factory.mktemp("moving") / "source")) as collection:
        yield collection


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Embedded]:
    """Give a collection that is not there yet."""
    with closing(Embedded(tmp_path / "target")) as collection:
        yield collection


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parts of two documents at most, and commits of two passages."""
    monkeypatch.setattr("indexer.moving.exporting.PART_DOCUMENTS", 2)
    monkeypatch.setattr("indexer.moving.importing.COMMIT_PASSAGES", 2)


class KilledError(Exception):
    """Stands for the end of a process."""


def killed_after(steps: int) -> Callable[[int, int], None]:
    """Give a progress that is told so many things and then stops everything."""
    told = count(1)

    def progress(done: int, total: int) -> None:
        if next(told) > steps:
            raise KilledError

    return progress


def test_all_is_the_same_at_the_other_end(source: Embedded, target: Embedded, tmp_path: Path) -> None:
    """Documents with their vectors, refusals, the encoder, counts, and what questions find."""
    there = moved_out(source, tmp_path / "out")
    back = import_into(target, tmp_path / "out")

    assert (there.documents, there.passages, there.parts, there.kept, there.instead_of) == (5, 8, 1, 0, None)
    assert (back.added, back.replaced, back.skipped, back.generation) == (5, 0, 0, 1)
    assert held(target.folder) == held(source.folder)
    with source.reading() as one, target.reading() as other:
        assert other.fingerprint == FINGERPRINT
        assert other.refusals() == [REFUSED]
        assert other.counts() == one.counts()
        assert list(other.owners().values()) == list(one.owners().values())
    found = compared(target, tmp_path / "out")
    assert found.has_same_documents
    assert found.has_same_rankings
    assert found.same_rankings == {Mode.DENSE: 1.0, Mode.HYBRID: 1.0}


@pytest.mark.usefixtures("small")
def test_an_export_is_made_of_sealed_files(source: Embedded, tmp_path: Path) -> None:
    """The manifest names generation, counts, parts and documents by their hashes, and each part its documents."""
    moved_out(source, tmp_path / "out")

    manifest = read_export(tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [MANIFEST, "part-00000", "part-00001", "part-00002"]
    with source.reading() as reader:
        assert (manifest.generation, manifest.token) == (reader.version.generation, reader.version.token)
        assert manifest.counts == reader.counts()
    assert [[doc_id for doc_id, _ in part.documents] for part in manifest.parts] == [
        ["wall", "bees"],
        ["roads", "carers"],
        ["archive"],
    ]
    for part, name in zip(manifest.parts, names[1:], strict=True):
        line, seal, _ = (tmp_path / "out" / name).read_bytes().split(b"\n", 2)
        assert sealed(line) == line + b"\n" + seal + b"\n"
        assert [tuple(pair) for pair in json.loads(line)["documents"]] == list(part.documents)


def test_a_part_ends_with_the_document_that_fills_it(
    source: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So parts stay small however large documents are, and each holds one at least."""
    monkeypatch.setattr("indexer.moving.files.PART_BYTES", 1)
    assert moved_out(source, tmp_path / "out").parts == len(TEXTS)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("steps", range(4))
def test_an_export_goes_on_where_it_was_stopped(source: Embedded, tmp_path: Path, steps: int) -> None:
    """Parts that are there stay, no manifest stands before all is there, and all files are as from one run."""
    with pytest.raises(KilledError) if steps < 3 else nullcontext():
        moved_out(source, tmp_path / "out", progress=killed_after(steps))
    assert (tmp_path / "out" / MANIFEST).exists() is (steps == 3)
    (tmp_path / "out" / "part-00007.99.tmp").write_bytes(b"half")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-0000?")}
    made_now = moved_out(source, tmp_path / "out")

    assert (made_now.parts, made_now.kept, made_now.instead_of) == (3, min(steps + 1, 3), None)
    for name, changed in before.items():
        assert (tmp_path / "out" / name).stat().st_mtime_ns == changed
    moved_out(source, tmp_path / "once")
    parts = {path.name: path.read_bytes() for path in (tmp_path / "once").glob("part-*")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").glob("part-*")} == parts


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("damage", [b"", b"{}\n", b"x" * 100])
def test_a_damaged_part_is_written_again(source: Embedded, tmp_path: Path, damage: bytes) -> None:
    """The others stay."""
    moved_out(source, tmp_path / "out")
    path = tmp_path / "out" / "part-00001"
    whole = path.read_bytes()
    for altered in (damage, whole[:-1], whole[:-9] + b"123456789", whole.replace(b"carers", b"CARERS")):
        path.write_bytes(altered)
        assert moved_out(source, tmp_path / "out").kept == 2
        assert path.read_bytes() == whole


@pytest.mark.usefixtures("small")
def test_another_generation_is_exported_anew(target: Embedded, tmp_path: Path) -> None:
    """Nothing of the one before stays, which is told; the same number in another history is another generation."""
    with closing(fill(tmp_path / "source")) as source, closing(fill(tmp_path / "other", NEW)) as other:
        moved_out(source, tmp_path / "out")
        for collection in (source, other):
            fill(collection.folder, {"bees": TEXTS["bees"][:1]}, refused=())
        second = moved_out(source, tmp_path / "out")
        third = moved_out(other, tmp_path / "out")
    import_into(target, tmp_path / "out")

    assert (second.generation, second.kept, second.instead_of) == (2, 0, 1)
    assert (third.generation, third.kept, third.instead_of) == (2, 0, 2)
    assert held(target.folder) == held(tmp_path / "other")


def test_an_export_touches_nothing_else(source: Embedded, tmp_path: Path) -> None:
    """A folder with other files, or a file, is refused."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match=r"holds `thesis\.docx`, which is not of an export"):
        moved_out(source, tmp_path / "out")
    with pytest.raises(InputError, match="is a file"):
        moved_out(source, tmp_path / "out" / "thesis.docx")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.docx"]


def test_a_full_disk_is_told(source: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was written stays for the next run."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("indexer.moving.files.publish", full)
        with pytest.raises(UnusableIndexError, match=r"cannot be written \(No space left on device\)"):
            moved_out(source, tmp_path / "out")
    assert moved_out(source, tmp_path / "out").documents == 5


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("steps", range(7))
def test_an_import_goes_on_where_it_was_stopped(
    source: Embedded, target: Embedded, tmp_path: Path, steps: int
) -> None:
    """Wherever it was killed, the next run skips what is there and the end is the same, in the same order."""
    moved_out(source, tmp_path / "out")
    with pytest.raises(KilledError) if steps < 6 else nullcontext():
        import_into(target, tmp_path / "out", progress=killed_after(steps))
    back = import_into(target, tmp_path / "out")

    # The third document is in one commit with the fourth only where the commit before ended before it.
    assert back.skipped == [0, 0, 1, 2, 3, 3, 5][steps]
    assert back.added == 5 - back.skipped
    assert held(target.folder) == held(source.folder)
    with source.reading() as one, target.reading() as other:
        assert list(other.owners()) == list(one.owners())
        assert other.refusals() == [REFUSED]
    assert compared(target, tmp_path / "out").same_rankings == {Mode.DENSE: 1.0, Mode.HYBRID: 1.0}


def test_an_import_that_is_complete_changes_nothing(source: Embedded, target: Embedded, tmp_path: Path) -> None:
    """It makes no generation."""
    moved_out(source, tmp_path / "out")
    import_into(target, tmp_path / "out")
    with target.reading() as reader:
        version = reader.version
    again = import_into(target, tmp_path / "out")

    assert (again.added, again.replaced, again.skipped, again.commits) == (0, 0, 5, 0)
    with target.reading() as reader:
        assert reader.version == version


@pytest.mark.parametrize("texts", [{"tower": NEW["tower"]}, {"wall": NEW["wall"]}])
def test_other_documents_are_not_mixed_in(
    source: Embedded, tmp_path: Path, texts: Mapping[str, Sequence[str]]
) -> None:
    """A collection with a document that is not of the export, or not as in it, stays as it is."""
    moved_out(source, tmp_path / "out")
    with closing(fill(tmp_path / "target", texts)) as target:
        before = held(target.folder)
        with pytest.raises(InputError, match=r"such as `(tower|wall).txt` \(1 of 1\).*--into-existing"):
            import_into(target, tmp_path / "out")
        assert held(target.folder) == before


def test_into_existing_adds_and_replaces(source: Embedded, tmp_path: Path) -> None:
    """And never removes, neither documents nor what is known of files of other folders."""
    other = Refused("/elsewhere", "empty.txt", Refusal.EMPTY, "it is empty")
    moved_out(source, tmp_path / "out")
    with closing(fill(tmp_path / "target", NEW, refused=[other])) as target:
        tower = held(target.folder)["tower"]
        done = import_into(target, tmp_path / "out", into_existing=True)

        assert (done.added, done.replaced, done.skipped) == (4, 1, 0)
        assert held(target.folder) == {**held(source.folder), "tower": tower}
        with target.reading() as reader:
            assert set(reader.refusals()) == {other, REFUSED}
        found = compared(target, tmp_path / "out")
        assert (found.others, found.missing, found.altered) == (1, (), ())
        assert found.has_same_documents
        assert found.has_same_rankings
        assert import_into(target, tmp_path / "out", into_existing=True).commits == 0


def test_vectors_of_two_encoders_are_not_mixed(source: Embedded, tmp_path: Path) -> None:
    """The message says what differs and what to do."""
    moved_out(source, tmp_path / "out")
    other = WordEncoder(model="other").fingerprint.to_json()
    with closing(fill(tmp_path / "target", {"wall": TEXTS["wall"]}, fingerprint=other)) as target:
        with pytest.raises(EncoderMismatchError, match=r"model 'words', not 'other'.*import to an empty collection"):
            import_into(target, tmp_path / "out", into_existing=True)
        assert list(held(target.folder)) == ["wall"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "place"), [(MANIFEST, 0), ("part-00000", 0), ("part-00001", -1), ("part-00002", -1)]
)
def test_a_damaged_export_is_named(source: Embedded, target: Embedded, tmp_path: Path, name: str, place: int) -> None:
    """What was committed before stays, and once the file is whole again the import goes on."""
    moved_out(source, tmp_path / "out")
    path = tmp_path / "out" / name
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[place] ^= 1
    path.write_bytes(altered)
    with pytest.raises(IndexFormatError, match=f"`{name}` is missing from the export in .*copy or export it again"):
        import_into(target, tmp_path / "out")
    path.write_bytes(whole)
    import_into(target, tmp_path / "out")

    assert held(target.folder) == held(source.folder)


@pytest.mark.usefixtures("small")
def test_half_an_export_is_not_begun(source: Embedded, target: Embedded, tmp_path: Path) -> None:
    """Where the manifest, or a part, or the end of a part is missing, or the format is another's."""
    with pytest.raises(InputError, match=f"is not a whole export: it has no `{MANIFEST}`"):
        import_into(target, tmp_path / "nothing")
    moved_out(source, tmp_path / "out")
    path = tmp_path / "out" / "part-00002"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexFormatError, match="`part-00002` is missing"):
        import_into(target, tmp_path / "out")
    path.unlink()
    with pytest.raises(IndexFormatError, match="`part-00002` is missing"):
        import_into(target, tmp_path / "out")
    content = json.loads((tmp_path / "out" / MANIFEST).read_bytes().split(b"\n")[0])
    (tmp_path / "out" / MANIFEST).write_bytes(sealed(json.dumps({**content, "format": 9}).encode()))
    with pytest.raises(InputError, match="has format 9, this version reads format 1"):
        import_into(target, tmp_path / "out")
    assert not target.folder.exists()


def test_a_difference_is_found(source: Embedded, tmp_path: Path) -> None:
    """Documents that are missing or altered are named, and other rankings counted."""
    moved_out(source, tmp_path / "out", questions=["harbour wall", "where are the bees?"])
    texts = {**TEXTS, "wall": NEW["wall"]}
    del texts["archive"]
    with closing(fill(tmp_path / "target", texts, refused=())) as target:
        found = compared(target, tmp_path / "out")

    assert (found.missing, found.altered, found.others) == (("archive",), ("wall",), 0)
    assert not found.has_same_documents
    assert found.same_rankings[Mode.DENSE] == 0.0
    assert found.same_passages[Mode.DENSE] == 5 / 8  # one is of the missing document, two were of the altered one
    assert not found.has_same_rankings


def test_one_question_in_a_hundred_may_find_something_else(source: Embedded, tmp_path: Path) -> None:
    """As searches of a large collection look through some of the vectors only."""
    moved_out(source, tmp_path / "out")
    found = compared(source, tmp_path / "out")
    for share, is_same in [(1.0, True), (0.99, True), (0.98, False)]:
        one = replace(found, same_rankings={Mode.DENSE: share, Mode.HYBRID: 0.0})
        assert one.has_same_rankings is is_same
    assert not replace(found, counted=replace(found.counted, pages=9)).has_same_documents


def test_the_questions_that_are_given_are_asked(source: Embedded, tmp_path: Path) -> None:
    """Without quotation marks and dashes, as not every store finds phrases."""
    moved_out(source, tmp_path / "out", questions=['Who mended the "harbour wall"?', "bees -school -“old garden”"])

    manifest = read_export(tmp_path / "out")
    texts = [one.text for one in manifest.questions]
    assert texts == ["Who mended the harbour wall ?", "bees school old garden"]
    with source.reading() as reader:
        ask = asking(source, reader)
        for one in manifest.questions:
            assert one.found == {mode: tuple(ask(one.text, mode)) for mode in MODES}
    assert manifest.questions[0].found[Mode.DENSE][0].doc_id == "wall"


def test_sentences_are_asked_where_no_questions_are_given(tmp_path: Path) -> None:
    """Each of another document, evenly spread, and none that is too short to say anything."""
    texts = {
        f"d{number:02}": ("Too short.", f"The {number} boats lay in the harbour all winter.") for number in range(50)
    }
    with closing(fill(tmp_path / "source", texts)) as source:
        moved_out(source, tmp_path / "out")

    asked = [one.text for one in read_export(tmp_path / "out").questions]
    assert asked == [f"The {number} boats lay in the harbour all winter." for number in range(0, 50, 2)]


def test_a_collection_without_documents_moves_too(target: Embedded, tmp_path: Path) -> None:
    """The other end is then an index, of no documents."""
    with closing(fill(tmp_path / "source", {})) as source:
        moved_out(source, tmp_path / "out")
    done = import_into(target, tmp_path / "out")

    assert done.added == 0
    found = compared(target, tmp_path / "out")
    assert (found.has_same_documents, found.has_same_rankings, found.questions) == (True, True, 0)
    with target.reading() as reader:
        assert (reader.version.generation, reader.fingerprint) == (1, FINGERPRINT)


def test_commits_grow_with_the_collection(
    source: Embedded, target: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As each looks at all that is there: two passages, as many again, then the other four; and the refusals."""
    monkeypatch.setattr("indexer.moving.importing.COMMIT_PASSAGES", 1)
    monkeypatch.setattr("indexer.moving.importing.COMMIT_SHARE", 1)
    moved_out(source, tmp_path / "out")
    assert import_into(target, tmp_path / "out").commits == 4
