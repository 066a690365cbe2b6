import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any, TypeVar, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from indexer.database import STORE_FILE
from indexer.embedded import Embedded
from indexer.errors import DocumentRefusedError, IndexFormatError, InputError, NotFoundError
from indexer.hashes import text_sha256
from indexer.records import Document, Extracted, Furniture, Metadata, Page, Removal, Span, Version
from indexer.settings import Settings
from indexer.store import Reader
from indexer.sync import sync
from service.answering.answer import Quote
from service.citation import cite_spans, cite_within
from service.receipts import LARGEST, Outcome, Receipt, issue, parse_receipt, read_receipt, resolve, to_json
from tests.fakes import TextReaders, WordEncoder, extracted
from tests.faults.damage import reseal
from tests.service.conftest import MANIFEST, REPORTS, Library

T = TypeVar("T")
AT = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)
CARERS = "The team trained each of them before the\nfirst child arrived."  # runs over a page break
BUDGET = "The school budget grew by five per cent."


@contextmanager
def reading(index: Path) -> Iterator[Reader]:
    with Embedded.open(index).reading() as reader:
        yield reader


def quote(reader: Reader, words: str) -> Quote:
    """Quote these words, of whatever passage holds them."""
    for document in reader.documents():
        for stored in reader.passages(reader.passage_ids(document.doc_id)).values():
            start = stored.passage.text.find(words)
            if start >= 0:
                return Quote(words, cite_within(stored, start, start + len(words), reader))
    raise AssertionError(words)


def receipt_of(library: Library, words: str = BUDGET) -> Receipt:
    with reading(library.settings.index) as reader:
        return issue("How did the budget change?", quote(reader, words), reader, AT)


def sealed(receipt: Receipt) -> Receipt:
    """Seal a receipt anew, as a forger could."""
    fields = json.loads(to_json(receipt))
    del fields["seal"]
    canonical = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return replace(receipt, seal=sha256(canonical.encode()).hexdigest())


def forged(receipt: Receipt, text: str) -> Receipt:
    """Put another quote into a receipt, and make all of its hashes fit."""
    page, start, _ = receipt.spans[0]
    spans = ((page, start, start + len(text)),)
    return sealed(replace(receipt, text=text, text_sha256=text_sha256(text), spans=spans))


def remove(library: Library, path: str) -> None:
    (library.sources / path).unlink()
    library.write("manifest.csv", "".join(line for line in MANIFEST.splitlines(True) if not line.startswith(path)))
    library.sync()


class OtherReaders(TextReaders):
    """Reads the same bytes to another text, as another version could."""

    def __init__(self, change: Callable[[str], str]) -> None:
        super().__init__()
        self._change = change

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        return ((key, extracted(self._change(data.decode()))) for key, data in items)


def rebuilt(library: Library, change: Callable[[str], str]) -> Path:
    """Index the same files anew with a reader that gives another text."""
    settings = Settings(index=library.settings.index.with_name("anew"), passage_tokens=32)
    sync([library.sources], settings, encoder=WordEncoder(), readers=OtherReaders(change))
    return settings.index


class MadeReader:
    """One document of such pages, without a store."""

    version = Version(7, "made")
    fingerprint = '{"model": "made"}'

    def __init__(self, pages: Sequence[str], removals: Sequence[Removal] = ()) -> None:
        self._pages = pages
        self._removals = removals
        self.made = Document(
            "d0c", "/made", "made.txt", "f" * 64, 1, "text", "made", len(pages), Metadata(title="Made")
        )

    def documents(self) -> list[Document]:
        return [self.made]

    def document(self, doc_id: str) -> Document:
        return self.made

    def has_version(self, version: Version) -> bool:
        return version == self.version

    def page(self, doc_id: str, number: int) -> tuple[Page, tuple[Removal, ...]]:
        removals = tuple(one for one in self._removals if one.span.page == number)
        return Page(number, self.page_text(doc_id, number)), removals

    def page_text(self, doc_id: str, number: int) -> str:
        if number > len(self._pages):
            raise NotFoundError("no such page")
        return self._pages[number - 1]


def made(*pages: str, removals: Sequence[Removal] = ()) -> Reader:
    return cast("Reader", MadeReader(pages, removals))


def receipt_at(reader: Reader, *spans: Span) -> Receipt:
    document = reader.document("d0c")
    text = "\n".join(reader.page_text("d0c", span.page)[span.start : span.end] for span in spans)
    return issue("?", Quote(text, cite_spans(document, spans, text, reader)), reader, AT)


# --- what a receipt says


def test_a_receipt_says_what_was_quoted_and_where(shelf: Library) -> None:
    """All that is needed to find the quote again, for each of its pages, and when it was asked, in UTC."""
    first, second = REPORTS["redbrook/2019.txt"].split("\f")
    start, end = first.index("The team"), second.index(" Carers meet")
    with reading(shelf.settings.index) as reader:
        cited = quote(reader, CARERS)
        found = issue("Who trains carers?", cited, reader, AT.astimezone(timezone(timedelta(hours=3))))
        assert (found.generation, found.token) == (reader.version.generation, reader.version.token)
    assert json.loads(to_json(found)) == {
        "format": 1,
        "question": "Who trains carers?",
        "text": CARERS,
        "text_sha256": sha256(CARERS.encode()).hexdigest(),
        "document": {
            "doc_id": cited.citation.doc_id,
            "title": "Redbrook: first visit",
            "body": "Redbrook Council",
            "publisher": "Office of Visits",
            "published": "2019-05-22",
            "source": "redbrook/2019.txt",
            "sha256": sha256(REPORTS["redbrook/2019.txt"].encode()).hexdigest(),
        },
        "spans": [[1, start, len(first)], [2, 0, end]],
        "before": first[:start],
        "after": second[end:],
        "pages": [[1, sha256(first.encode()).hexdigest()], [2, sha256(second.encode()).hexdigest()]],
        "generation": found.generation,
        "token": found.token,
        "model": asdict(WordEncoder().fingerprint),
        "at": "2024-05-01T09:30:00Z",
        "seal": found.seal,
    }


def test_the_seal_is_a_hash_that_anybody_can_make(shelf: Library) -> None:
    """It is over all other fields, sorted by name, without white space, in UTF-8."""
    receipt = receipt_of(shelf)
    assert sealed(replace(receipt, seal="")) == receipt


def test_what_stands_around_a_quote_ends_with_its_page() -> None:
    """At the start of a page nothing stands before it, and in the middle 200 characters do."""
    reader = made("a" * 300 + "Middle." + "b" * 300, "Start. End.")
    middle = receipt_at(reader, Span(1, 300, 307))
    start, end = receipt_at(reader, Span(2, 0, 6)), receipt_at(reader, Span(2, 7, 11))
    assert (middle.before, middle.after) == ("a" * 200, "b" * 200)
    assert (start.before, start.after, end.before, end.after) == ("", " End.", "Start. ", "")
    assert all(resolve(one, reader).outcome is Outcome.HOLDS for one in (middle, start, end))


def test_no_receipt_is_issued_for_what_has_changed_since(library: Library) -> None:
    """A quote of an older generation is not passed off as one of this."""
    with reading(library.settings.index) as reader:
        budget, otters = quote(reader, BUDGET), quote(reader, "the otters came back")
    library.write("redbrook/2019.txt", "Nothing is left of it.")
    remove(library, "bluehill/2021.txt")
    with reading(library.settings.index) as reader:
        with pytest.raises(InputError, match=r"`redbrook/2019\.txt` has changed since it was quoted; ask again"):
            issue("?", budget, reader, AT)
        with pytest.raises(NotFoundError):
            issue("?", otters, reader, AT)


def test_no_receipt_is_issued_for_what_the_page_does_not_say(shelf: Library) -> None:
    """The quote is read once more from its pages."""
    with reading(shelf.settings.index) as reader:
        false = replace(quote(reader, BUDGET), text="The school budget grew by nine per cent.")
        with pytest.raises(IndexFormatError, match="is not what its pages say"):
            issue("?", false, reader, AT)


# --- what becomes of it


def test_a_quote_holds_in_the_index_that_it_is_from(shelf: Library) -> None:
    """It is cited as it was, and there is nothing else to tell."""
    receipt = receipt_of(shelf)
    with reading(shelf.settings.index) as reader:
        found = resolve(receipt, reader)
        assert found.citation == quote(reader, BUDGET).citation
    assert (found.outcome, found.passed, found.notes, found.instead) == (Outcome.HOLDS, True, (), None)
    assert found.reason == (
        "the quote stands to the letter on page 1 of `redbrook/2019.txt`, the file that was quoted"
    )


def test_every_quote_holds_after_a_rebuild_with_other_passages_and_another_model(library: Library) -> None:
    """Neither passages nor vectors are asked; that all was made anew is told."""
    with reading(library.settings.index) as reader:
        passages = [
            stored
            for document in reader.documents()
            for stored in reader.passages(reader.passage_ids(document.doc_id)).values()
        ]
        quotes = [
            Quote(stored.passage.text[start:end], cite_within(stored, start, end, reader))
            for stored in passages
            for start, end in [*stored.passage.sentences, (0, len(stored.passage.text))]
        ]
        receipts = [issue("?", one, reader, AT) for one in quotes]
    rmtree(library.settings.index)
    anew = replace(library, settings=Settings(index=library.settings.index, passage_tokens=200))
    anew.sync(WordEncoder(model="another"))
    with reading(library.settings.index) as reader:
        assert reader.passage_count < len(passages)
        found = [resolve(receipt, reader) for receipt in receipts]
        assert [one.outcome for one in found] == [Outcome.HOLDS] * len(receipts)
        assert [one.citation for one in found] == [one.citation for one in quotes]
    notes = ("made with generation 1 of another index, now 1", "made with another model than this index")
    assert {one.notes for one in found} == {notes}


def test_a_later_generation_of_the_same_index_is_told(library: Library) -> None:
    """What was added since does not touch the quote."""
    receipt = receipt_of(library)
    library.write("new.txt", "Something else was written.")
    library.sync()
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert (found.outcome, found.notes) == (Outcome.HOLDS, ("made with generation 1 of this index, now 2",))


@pytest.mark.parametrize(
    ("change", "where", "how"),
    [
        (lambda text: "A line more.\n\n" + text, "pages 1 to 2", "to the letter"),
        (lambda text: text.replace("before the\f", "before the\fA line more.\n\n"), None, None),
        (lambda text: "\f" + text, "pages 2 to 3", "to the letter"),
        (lambda text: text.replace("The team", "\fThe team"), "pages 2 to 3", "to the letter"),
        (lambda text: text.replace("\f", "\n"), "page 1", "to the letter"),
        (lambda text: text.replace("\f", " "), "page 1", "word for word, spaced otherwise,"),
        (
            lambda text: text.replace("trained each", "trained\n  each"),
            "pages 1 to 2",
            "word for word, spaced otherwise,",
        ),
        (
            lambda text: text.replace("trained each", "trained\feach"),
            "pages 1 to 3",
            "word for word, spaced otherwise,",
        ),
    ],
)
def test_a_quote_is_found_again_where_the_file_is_read_otherwise(
    library: Library, change: Callable[[str], str], where: str | None, how: str | None
) -> None:
    """White space and pages may be others, and the new place is given; no text may be in the middle of it."""
    receipt = receipt_of(library, CARERS)
    with reading(rebuilt(library, change)) as reader:
        found = resolve(receipt, reader)
        if where is None:
            assert (found.outcome, found.passed, found.citation) == (Outcome.ABSENT, False, None)
            return
        assert found.citation
        pieces = [
            reader.page_text(found.citation.doc_id, page)[start:end] for page, start, end in found.citation.spans
        ]
    assert (found.outcome, found.passed) == (Outcome.MOVED, True)
    assert f"{how} on {where} of" in found.reason
    assert "".join("".join(pieces).split()) == "".join(CARERS.split())
    assert found.citation.text_sha256 == text_sha256("\n".join(pieces))
    assert found.citation.spans != receipt.spans or how != "to the letter"


def test_of_several_places_the_one_among_the_same_text_is_given() -> None:
    """A sentence that a document repeats is told by what stands around it, not by which is nearer."""
    then = made("One. It grew. Two.", "Three. It grew. Four.")
    receipt = receipt_at(then, Span(2, 7, 15))
    now = made("", "One. It grew. Two.", "", "Three. It grew. Four.")
    found = resolve(receipt, now)
    assert found.outcome is Outcome.MOVED
    assert found.citation
    assert found.citation.spans == ((4, 7, 15),)


def test_what_stands_next_to_a_quote_counts_most() -> None:
    """Text farther away may be another, as where the beginning of a page is read otherwise."""
    receipt = receipt_at(made("Far. Near. It grew."), Span(1, 11, 19))
    found = resolve(receipt, made("Far. Other. It grew.", "Else. Near. It grew."))
    assert found.citation
    assert found.citation.spans == ((2, 12, 20),)


def test_of_places_among_the_same_text_the_nearest_is_given() -> None:
    """Nothing else tells them apart."""
    receipt = receipt_at(made("", "", "It grew."), Span(3, 0, 8))
    found = resolve(receipt, made("It grew.", "", "", "It grew.", "", "", "It grew."))
    assert found.citation
    assert found.citation.spans == ((4, 0, 8),)


def test_a_quote_is_found_again_across_furniture() -> None:
    """The place then leaves the furniture out; and what has become furniture can be found too."""
    receipt = receipt_at(made("It grew by far more."), Span(1, 0, 20))
    footer = Removal(Span(1, 13, 23), Furniture.FOOTER)
    found = resolve(receipt, made("x It grew by\n- page 1 -\nfar more.", removals=[footer]))
    assert found.citation
    assert (found.outcome, found.citation.spans) == (Outcome.MOVED, ((1, 2, 12), (1, 24, 33)))
    whole = Removal(Span(1, 0, 22), Furniture.HEADER)
    found = resolve(receipt, made("x It grew by far more.", removals=[whole]))
    assert found.citation
    assert (found.outcome, found.citation.spans) == (Outcome.MOVED, ((1, 2, 22),))


def test_the_same_place_with_other_white_space_does_not_hold_to_the_letter() -> None:
    """A line feed for a space is another text at the same characters."""
    found = resolve(receipt_at(made("It grew."), Span(1, 0, 8)), made("It\ngrew."))
    assert found.citation
    assert (found.outcome, found.citation.spans) == (Outcome.MOVED, ((1, 0, 8),))
    assert "spaced otherwise" in found.reason


def test_a_page_that_reads_otherwise_elsewhere_is_told() -> None:
    """The quote holds, and a careful person looks at the rest of the page."""
    found = resolve(receipt_at(made("It grew. Then it fell."), Span(1, 0, 8)), made("It grew. Then it rose."))
    assert (found.outcome, found.notes) == (Outcome.HOLDS, ("page 1 as a whole reads otherwise than it did",))


def test_text_between_the_parts_of_a_quote_is_told() -> None:
    """Furniture may stand there; anything else may be what was to be hidden."""
    text = "It was not at all good."
    removal = Removal(Span(1, 7, 17), Furniture.FOOTER)
    stitched = [Span(1, 0, 6), Span(1, 18, 23)]
    note = ("other text stands between the parts of the quote, such as a footnote",)
    for removals, notes in (([], note), ([removal], ())):
        reader = made(text, removals=removals)
        found = resolve(receipt_at(reader, *stitched), reader)
        assert (found.outcome, found.notes) == (Outcome.HOLDS, notes)


def test_a_changed_source_fails_and_says_that_the_quote_still_stands(library: Library) -> None:
    """The file is not the one that was quoted, though the sentence is."""
    receipt = receipt_of(library)
    library.write("redbrook/2019.txt", "Corrected.\f" + REPORTS["redbrook/2019.txt"])
    library.sync()
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
        assert found.citation == quote(reader, BUDGET).citation
    assert (found.outcome, found.passed, found.instead) == (Outcome.CHANGED, False, None)
    assert found.reason == (
        "`redbrook/2019.txt` is made from another file now than the one that was quoted; "
        "the quote still stands in it, on page 2"
    )


def test_a_changed_source_shows_what_stands_there_instead(library: Library) -> None:
    """A number that was changed is found by what stood around the quote."""
    receipt = receipt_of(library, "Every school in the town received a share of the new money.")
    library.write("redbrook/2019.txt", "Corrected. " + REPORTS["redbrook/2019.txt"].replace("new money", "old money"))
    library.sync()
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert (found.outcome, found.passed, found.citation) == (Outcome.CHANGED, False, None)
    assert found.reason.endswith("; the quote does not stand in it")
    assert found.instead == "Every school in the town received a share of the old money."


def test_a_quote_without_the_text_around_it_has_nothing_instead(library: Library) -> None:
    """Where the surroundings are gone as well, no guess is made."""
    receipt = receipt_of(library)
    library.write("redbrook/2019.txt", "Nothing is left of it.")
    library.sync()
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert (found.outcome, found.citation, found.instead) == (Outcome.CHANGED, None, None)


def test_a_few_signs_around_a_quote_do_not_find_its_place() -> None:
    """They stand anywhere."""
    receipt = receipt_at(made("A. It grew. B."), Span(1, 3, 11))
    found = resolve(receipt, made("A. It fell. B."))
    assert (found.outcome, found.instead) == (Outcome.ABSENT, None)


def test_another_copy_of_the_file_does_not_speak_for_a_changed_one(library: Library) -> None:
    """The document that was cited says something else now; that the old file is kept elsewhere is told."""
    receipt = receipt_of(library)
    library.write("archive/2019.txt", REPORTS["redbrook/2019.txt"])
    library.write("redbrook/2019.txt", REPORTS["redbrook/2019.txt"].replace("five", "nine"))
    library.sync()
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert (found.outcome, found.passed) == (Outcome.CHANGED, False)
    assert found.notes[0] == "the file that was quoted is in the index as `archive/2019.txt`"


def test_a_removed_document_is_withdrawn(library: Library) -> None:
    """The index cannot vouch for what it does not hold."""
    receipt = receipt_of(library)
    remove(library, "redbrook/2019.txt")
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert (found.outcome, found.passed, found.citation) == (Outcome.WITHDRAWN, False, None)
    assert "neither `redbrook/2019.txt` nor the file" in found.reason
    assert found.notes == ("made with generation 1 of this index, now 2",)


def test_a_renamed_document_is_found_by_its_file(library: Library) -> None:
    """The hash of the file is what counts; its new name, and what is known of it by that name, are told."""
    receipt = receipt_of(library)
    library.write("redbrook/first.txt", REPORTS["redbrook/2019.txt"])
    remove(library, "redbrook/2019.txt")
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert found.citation
    assert (found.outcome, found.passed, found.citation.source) == (Outcome.HOLDS, True, "redbrook/first.txt")
    assert "its source was redbrook/2019.txt and is redbrook/first.txt" in found.notes
    assert "its body was Redbrook Council and is unknown" in found.notes


def test_of_copies_the_one_of_the_same_path_is_cited(library: Library) -> None:
    """A folder that was moved gives its documents other ids, and their paths stay."""
    library.write("a-copy.txt", REPORTS["redbrook/2019.txt"])
    receipt = receipt_of(library)
    moved = library.sources.rename(library.sources.with_name("moved"))
    sync([moved], library.settings, encoder=WordEncoder(), readers=TextReaders())
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert found.citation
    assert (found.outcome, found.citation.source) == (Outcome.HOLDS, "redbrook/2019.txt")
    assert found.citation.doc_id != receipt.document.doc_id


def test_another_file_of_the_same_path_in_another_folder_is_told(library: Library) -> None:
    """It may be a newer edition, or have nothing to do with it."""
    receipt = receipt_of(library)
    library.write("redbrook/2019.txt", "Another report.")
    moved = library.sources.rename(library.sources.with_name("moved"))
    sync([moved], library.settings, encoder=WordEncoder(), readers=TextReaders())
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert (found.outcome, found.passed) == (Outcome.WITHDRAWN, False)
    file = moved / "redbrook/2019.txt"
    assert found.notes[0] == f"`{file}` has the same path in another folder, but is another file"


# --- an index that was tampered with


@pytest.mark.parametrize("is_resealed", [False, True])
def test_an_altered_page_is_an_error(library: Library, *, is_resealed: bool) -> None:
    """The row's hash, or the page's own, does not fit."""
    receipt = receipt_of(library)
    _alter_page(library, "UPDATE pages SET text = replace(text, 'five', 'nine')")
    if is_resealed:
        reseal(library.settings.index)
    with pytest.raises(IndexFormatError, match="damaged"), reading(library.settings.index) as reader:
        resolve(receipt, reader)


def test_a_page_that_was_altered_with_all_its_hashes_does_not_pass(library: Library) -> None:
    """Even where the whole store was made to fit, the quote is not there; what is there is shown."""
    words = "Every school in the town received a share of the new money."
    receipt = receipt_of(library, words)
    page = REPORTS["redbrook/2019.txt"].split("\f")[0].replace("new money", "old money")
    statement = "UPDATE pages SET text = ?, sha256 = ? WHERE text LIKE '%new money%'"
    _alter_page(library, statement, page, text_sha256(page))
    reseal(library.settings.index)
    with reading(library.settings.index) as reader:
        found = resolve(receipt, reader)
    assert (found.outcome, found.passed) == (Outcome.ABSENT, False)
    assert found.instead == words.replace("new", "old")


def _alter_page(library: Library, statement: str, *values: object) -> None:
    connection = sqlite3.connect(library.settings.index / STORE_FILE)
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


# --- a receipt that was tampered with


@pytest.mark.parametrize(
    "change",
    [
        {"question": "Another question?"},
        {"text": "The school budget grew by nine per cent."},
        {"text": BUDGET + " "},
        {"text_sha256": "0" * 64},
        {"spans": ((1, 0, 41),)},
        {"before": "x"},
        {"after": "x"},
        {"pages": ((1, "0" * 64),)},
        {"generation": 2},
        {"token": "x"},
        {"model": {}},
        {"at": AT + timedelta(seconds=1)},
        {"seal": "0" * 64},
        {"seal": ""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_field_is_seen(shelf: Library, change: dict[str, Any]) -> None:
    """Each of them is sealed."""
    receipt = replace(receipt_of(shelf), **change)
    with reading(shelf.settings.index) as reader:
        for one in (receipt, parse_receipt(to_json(receipt))):
            found = resolve(one, reader)
            assert (found.outcome, found.passed, found.citation) == (Outcome.ALTERED, False, None)
            assert "its seal does not fit what it says" in found.reason


@pytest.mark.parametrize(
    "change",
    [
        {"doc_id": "x"},
        {"title": "x"},
        {"body": None},
        {"publisher": None},
        {"published": date(2020, 5, 22)},
        {"source": "x"},
        {"sha256": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_document_is_seen(shelf: Library, change: dict[str, Any]) -> None:
    """So is each thing that is said of the document."""
    receipt = receipt_of(shelf)
    receipt = replace(receipt, document=replace(receipt.document, **change))
    with reading(shelf.settings.index) as reader:
        assert resolve(receipt, reader).outcome is Outcome.ALTERED


READER = made("It grew by five per cent.\n\nNaïve “carers” 👩‍👧 said so.")
ISSUED = receipt_at(READER, Span(1, 0, 25))
WRITTEN = to_json(ISSUED).encode()


@given(st.integers(0, len(WRITTEN) - 1), st.integers(0, 255), st.sampled_from(["replace", "insert", "delete"]))
def test_a_changed_byte_is_seen(at: int, byte: int, how: str) -> None:
    """It is no receipt any more, or was altered, or says just what it said, as where a space was added."""
    new = {"replace": bytes([byte]), "insert": bytes([byte]) + WRITTEN[at : at + 1], "delete": b""}[how]
    try:
        receipt = parse_receipt(WRITTEN[:at] + new + WRITTEN[at + 1 :])
    except InputError:
        return
    if to_json(receipt).encode() != WRITTEN:
        assert resolve(receipt, READER).outcome is Outcome.ALTERED


def _leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inside is None:
        yield path
    else:
        for key, one in inside:
            yield from _leaves(one, (*path, key))


PLAIN: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.just({})
)


@given(st.sampled_from(list(_leaves(json.loads(WRITTEN)))), PLAIN)
def test_a_value_of_any_kind_in_any_field_is_seen(path: tuple[str | int, ...], value: object) -> None:
    """Also one that is nearly the same, such as true for 1."""
    fields = json.loads(WRITTEN)
    inner = fields
    for key in path[:-1]:
        inner = inner[key]
    assume(json.dumps(inner[path[-1]]) != json.dumps(value))
    inner[path[-1]] = value
    try:
        receipt = parse_receipt(json.dumps(fields))
    except InputError:
        return
    assert resolve(receipt, READER).outcome is Outcome.ALTERED


def test_a_quote_that_was_sealed_anew_does_not_pass(shelf: Library) -> None:
    """A seal is no signature, but the file does not say what the forger says."""
    receipt = forged(receipt_of(shelf), "The school budget grew by nine per cent.")
    with reading(shelf.settings.index) as reader:
        found = resolve(receipt, reader)
        assert (found.outcome, found.passed, found.citation) == (Outcome.ABSENT, False, None)
        unhashed = sealed(replace(receipt, text=BUDGET))
        assert "hash of the quote" in resolve(unhashed, reader).reason


@pytest.mark.parametrize(
    "change",
    [
        {"spans": ()},
        {"spans": ((0, 0, 8),)},
        {"spans": ((1, -8, 0),)},
        {"spans": ((1, 8, 0),)},
        {"spans": ((1, 0, 9),)},
        {"spans": ((1, 0, 3), (1, 3, 3), (1, 3, 6))},
        {"spans": ((2, 0, 8),)},
        {"spans": ((1, 2**70, 2**70 + 8),)},
        {"generation": 2**63},
        {"generation": -1},
        {"text": " " * 8, "text_sha256": text_sha256(" " * 8)},
    ],
    ids=str,
)
def test_a_sealed_receipt_that_cannot_be_is_altered(change: dict[str, Any]) -> None:
    """Places that no quote has are not looked for."""
    reader = made("It grew.", "")
    receipt = sealed(replace(receipt_at(reader, Span(1, 0, 8)), **change))
    found = resolve(parse_receipt(to_json(receipt)), reader)
    assert (found.outcome, found.passed) == (Outcome.ALTERED, False)


def test_a_place_on_a_page_that_is_gone_is_looked_for() -> None:
    """A web page that was read as two pages may be one now."""
    receipt = receipt_at(made("One.", "It grew."), Span(2, 0, 8))
    found = resolve(receipt, made("One. It grew."))
    assert found.citation
    assert (found.outcome, found.citation.spans) == (Outcome.MOVED, ((1, 5, 13),))


# --- files


def test_a_receipt_is_read_as_it_was_written(shelf: Library, tmp_path: Path) -> None:
    """Also with the byte order mark and the line ends that an editor puts there, and on one line."""
    receipt = receipt_of(shelf, CARERS)
    text = to_json(receipt)
    for written in (text, "\ufeff" + text, text.replace("\n", "\r\n"), json.dumps(json.loads(text))):
        file = tmp_path / "receipt.json"
        file.write_text(written, "utf-8", newline="")
        assert read_receipt(file) == receipt
        assert parse_receipt(written) == receipt


GARBAGE = {
    "empty": b"",
    "no JSON": b"a quote",
    "null": b"null",
    "list": b"[]",
    "no fields": b"{}",
    "cut": WRITTEN[:-40],
    "twice": WRITTEN + WRITTEN,
    "zeros": bytes(100),
    "UTF-16": WRITTEN.decode().encode("utf-16"),
    "Latin-1": '{"question": "ü"}'.encode("latin-1"),
    "half a pair": WRITTEN.replace(b'"question": "?"', rb'"question": "\ud800"'),
    "deep": b"[" * 200_000,
    "long number": WRITTEN.replace(b'"generation": 7', b'"generation": ' + b"7" * 5000),
    "not a number": WRITTEN.replace(b'"generation": 7', b'"generation": NaN'),
    "number in a string": WRITTEN.replace(b'"generation": 7', b'"generation": "7"'),
    "true": WRITTEN.replace(b'"format": 1', b'"format": true'),
    "field more": WRITTEN.replace(b'"format": 1', b'"format": 1, "signed": "yes"'),
    "field of the document more": WRITTEN.replace(b'"doc_id"', b'"kind": "report", "doc_id"'),
    "field twice": WRITTEN.replace(b'"format": 1', b'"format": 1, "text": "It fell."'),
    "field missing": WRITTEN.replace(b'"question": "?",', b""),
    "no time zone": WRITTEN.replace(b"00Z", b"00"),
    "no format": WRITTEN.replace(b'"format": 1', b'"format": 0'),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_no_receipt_is_refused(data: bytes) -> None:
    """The message says why, and what to do, and does not repeat what is in it."""
    assert data != WRITTEN
    with pytest.raises(
        InputError, match=r"(?s)^this is not a receipt of Citewell: .*; give the file as it was issued$"
    ):
        parse_receipt(data)


def test_text_that_cannot_be_written_is_refused() -> None:
    """Half a pair of a sign is no text."""
    with pytest.raises(InputError, match="not JSON in UTF-8"):
        parse_receipt("\ud800")


@given(st.binary(max_size=60))
def test_any_bytes_are_refused(data: bytes) -> None:
    """Nothing but an InputError comes of what is not a receipt."""
    with pytest.raises(InputError):
        parse_receipt(data)


def test_a_receipt_of_a_newer_version_says_so() -> None:
    """Whoever has it needs a newer version, not another file."""
    with pytest.raises(InputError, match="has format 2, not 1; a newer Citewell reads it"):
        parse_receipt(WRITTEN.replace(b'"format": 1', b'"format": 2'))


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """No more than the limit is read; up to it all is."""
    file = tmp_path / "receipt.json"
    file.write_bytes(WRITTEN + b" " * (LARGEST - len(WRITTEN)))
    assert read_receipt(file) == ISSUED
    with file.open("ab") as more:
        more.write(b" ")
    with pytest.raises(InputError, match="more than 1,000,000 bytes"):
        read_receipt(file)


@pytest.mark.parametrize("name", ["missing.json", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """Missing, a folder, or no name at all."""
    with pytest.raises(InputError, match=r"^the receipt '.*' cannot be read: .*; name a file that can$"):
        read_receipt(tmp_path / name)


# --- odd text


def test_a_receipt_steers_no_terminal() -> None:
    """Signs that do something are escaped, and come back as they were."""
    reader = made("x \u202egrew\u202c by \x1b[31mfive\x1b[0m\u2028 per cent")
    receipt = receipt_at(reader, Span(1, 2, 30))
    written = to_json(receipt)
    assert "\u202e" in receipt.text
    assert not set(written) & set("\u202e\u202c\u2028\x1b")
    assert parse_receipt(written) == receipt


ODD = st.text(st.sampled_from("aé́ß ﬁ👩‍👧\u200d\u2028\u202e\x00\x1c\x85\n\t\xa0“\ufeff漢"), max_size=12)


@given(ODD, ODD, ODD, ODD, st.sampled_from(["", " ", "x\n", "\u2028x"]))
def test_quotes_of_odd_text_resolve(before: str, one: str, two: str, after: str, more: str) -> None:
    """Of any signs, over a page break, at the start or the end of a page, there or moved."""
    assume("".join((one + two).split()))
    spans = [
        Span(page, start, start + len(part)) for page, start, part in ((1, len(before), one), (2, 0, two)) if part
    ]
    reader = made(before + one, two + after)
    receipt = parse_receipt(to_json(receipt_at(reader, *spans)))
    assert resolve(receipt, reader).outcome is Outcome.HOLDS
    moved = resolve(receipt, made("x" + more + before + one, more + two + after))
    if not more.strip() or not (one.strip() and two.strip()):  # or else there is other text in the middle
        assert moved.passed
