"""The contract that every store keeps: what is read, found and written is what the folder's engines make of it.

Expected values come from brute force over the passages, or from an index in a folder of the same reports.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import BaseModel

from indexer.collection import Collection, Reader, Writer
from indexer.contents import Contents, to_bytes
from indexer.embedded import Embedded
from indexer.errors import (
    EncoderMismatchError,
    IndexBusyError,
    IndexMissingError,
    InputError,
    NotFoundError,
    Refusal,
    UnusableIndexError,
)
from indexer.hashes import text_sha256
from indexer.milvus.server import Server, Table
from indexer.opening import existing
from indexer.records import Mode, Passage, Prune, Version
from indexer.sources import Source
from indexer.where import EVERYTHING, Where, fits
from indexer.words import Terms, split_query
from service.answering import Answerer, Quote
from service.citation import Citation, cite_within
from service.query import Query
from service.receipts import Outcome, issue, parse_receipt, resolve, to_json
from service.schemas import (
    CountRequest,
    CountResponse,
    GradesRequest,
    GradesResponse,
    MatterRequest,
    ThreadResponse,
)
from service.search import Hit, Searcher
from service.surveys import counted, followed, graded
from service.verification import Verdict, verify
from tests.contract.asking import (
    CONDITIONS,
    MANY,
    NARROW,
    QUESTIONS,
    TERMS,
    VECTORS,
    WORDS,
    examples,
    numbered,
    told,
    vector,
)
from tests.contract.conftest import Shelf
from tests.contract.library import REPORTS, SAME, Key, Library, Side, opened
from tests.contract.stores import Store
from tests.fakes import DIM, WordEncoder

AT = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)
KEPT = REPORTS.keys() - {"broken.txt", "empty.txt"}  # which are refused


# --- what is read


def test_documents_are_as_they_were_made(shelf: Shelf) -> None:
    """All of each, in their order, and what is counted of them."""
    tested, expected = shelf.tested.reader, shelf.expected.reader
    assert [one.path for one in tested.documents()] == sorted(KEPT)
    assert list(tested.documents()) == list(expected.documents())
    assert (tested.counts(), tested.passage_count) == (expected.counts(), expected.passage_count)
    assert (tested.bodies(), tested.kinds()) == (expected.bodies(), expected.kinds())
    assert tested.fingerprint == expected.fingerprint == WordEncoder().fingerprint.to_json()
    refusals = [("broken.txt", Refusal.DAMAGED), ("empty.txt", Refusal.EMPTY)]
    assert [(one.path, one.code) for one in tested.refusals()] == refusals
    assert tested.refusals() == expected.refusals()
    assert tested.finished_at is not None
    assert abs((tested.finished_at - datetime.now(UTC)).total_seconds()) < 3600


def test_documents_have_numbers_and_owners(shelf: Shelf) -> None:
    """Each a number of its own, in the order of `documents`."""
    owners = shelf.tested.reader.owners()
    assert len(owners) == len(KEPT)
    assert list(owners.values()) == list(shelf.expected.reader.owners().values())


NAMES = "loose.txt 2019.txt alder/2019.txt 2022.txt deep/2022.txt nothing.txt gone.txt .txt".split()


@pytest.mark.parametrize("name", [*NAMES, ""])
def test_a_document_is_found_by_its_name(shelf: Shelf, name: str) -> None:
    """By its path or the end of one; what fits none or several is the same error everywhere."""
    tested, expected = (told(lambda: side.reader.find(name)) for side in shelf.sides)  # noqa: B023 - called at once
    assert tested == expected


def test_a_document_is_found_by_its_id(shelf: Shelf) -> None:
    """And a page by its number; what is not there is told in the same words."""

    def answers(reader: Reader, doc_id: str) -> list[object]:
        pages = [told(lambda: reader.page(doc_id, number)) for number in (-1, 0, 1, 4, 10**30)]  # noqa: B023 - likewise
        return [
            *pages,
            told(lambda: reader.document(doc_id)),
            told(lambda: reader.find(doc_id)),
            told(lambda: reader.page_text(doc_id, 99)),
            told(lambda: to_bytes(reader.contents(doc_id))),
        ]

    for doc_id in (*shelf.expected.numbers, "never-there", ""):
        assert answers(shelf.tested.reader, doc_id) == answers(shelf.expected.reader, doc_id)
    assert shelf.tested.reader.passage_ids("never-there") == []


def test_pages_are_as_they_were_read(shelf: Shelf) -> None:
    """To the letter, with the places of the file's own characters and what was kept out of passages."""
    kinds = set()
    for document in shelf.expected.reader.documents():
        for number, text in enumerate(REPORTS[document.path].split("\f"), start=1):
            page, removals = shelf.tested.reader.page(document.doc_id, number)
            assert (page, removals) == shelf.expected.reader.page(document.doc_id, number)
            assert page.text == shelf.tested.reader.page_text(document.doc_id, number) == text
            assert (page.needs_ocr, bool(page.raw_map)) == (not text, len(text) > 9)
            kinds |= {one.kind for one in removals}
    assert len(kinds) == 2  # running headers and page numbers


def test_passages_are_as_they_were_cut(shelf: Shelf) -> None:
    """Texts, places, contexts, headings and sentences; the ids of a document follow one another."""
    reader, found = shelf.tested.reader, passages(shelf.tested)
    assert found == passages(shelf.expected)
    assert len(found) == reader.passage_count
    assert any(one.headings for _, one in found.values())
    assert any(len({span.page for span in one.spans}) == 2 for _, one in found.values())
    for doc_id in shelf.tested.numbers:
        ids = reader.passage_ids(doc_id)
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert list(reader.texts_of([doc_id])) == [(doc_id, found[doc_id, at][1].text) for at in range(len(ids))]
    some = [*shelf.tested.numbers][::3]
    assert sorted(reader.texts_of(some)) == sorted(shelf.expected.reader.texts_of(some))


def test_what_is_not_there_is_left_out(shelf: Shelf) -> None:
    """Of ids that were asked for, as of what was removed."""
    reader, ids = shelf.tested.reader, sorted(shelf.tested.keys)
    others = [number for number in (-1, 0, ids[0] - 1, ids[-1] + 1, 2**62) if number not in ids]
    assert reader.passages([*others, ids[0], *others]).keys() == {ids[0]}
    assert reader.vectors([*others, ids[0]], DIM).keys() == {ids[0]}
    assert reader.passages([]) == {}
    assert list(reader.texts_of(["never-there"])) == []


def test_vectors_are_as_they_were_encoded(shelf: Shelf) -> None:
    """To the last bit, of each passage and its sentences."""
    found, expected = (side.reader.vectors(list(side.keys), DIM) for side in shelf.sides)
    for key, number in shelf.tested.ids.items():
        block, wanted = found.pop(number), expected[shelf.expected.ids[key]]
        assert (block.dtype, block.shape, block.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())
    assert not found


def test_a_generation_is_known_again(shelf: Shelf) -> None:
    """By its number and its token."""
    reader, version = shelf.tested.reader, shelf.tested.reader.version
    assert version.generation >= 2
    assert shelf.tested.arms.version == version == shelf.library.version()
    assert reader.has_version(version)
    assert not reader.has_version(Version(version.generation, "another"))
    assert not reader.has_version(Version(version.generation + 1, version.token))


# --- what is found


def test_the_nearest_are_those_of_brute_force(shelf: Shelf) -> None:
    """Under any condition, and for any number of them, ties by id."""
    blocks = shelf.expected.reader.vectors(list(shelf.expected.keys), DIM)
    vectors = {shelf.tested.ids[key]: blocks[number][0] for key, number in shelf.expected.ids.items()}
    facts = {one.doc_id: shelf.tested.facts(one) for one in shelf.expected.reader.documents()}
    alike = defaultdict(set)
    for number, one in vectors.items():
        alike[one.tobytes()].add(number)
    assert max(map(len, alike.values())) > 1

    def check(query: NDArray[np.float32], k: int, placed: Where, held: frozenset[int] | None) -> None:
        condition = numbered(placed, list(shelf.tested.numbers.values()))
        holding = {number for number in vectors if held is None or number % 7 in held}
        limit = None if held is None else np.array(sorted(holding), np.int64)
        fitting = {one for one in holding if fits(facts[shelf.tested.keys[one][0]], condition)}
        found = shelf.tested.arms.nearest(query, k, condition, limit)
        ids = {number for number, _ in found}
        assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
        assert len(ids) == len(found) == min(k, len(fitting))
        assert ids <= fitting
        scores = {number: float(vectors[number].astype(np.float32) @ query) for number in fitting}
        assert dict(found) == pytest.approx({number: scores[number] for number in ids}, abs=3e-6)
        worst = min((scores[one] for one in ids), default=np.inf)
        assert all(scores[one] <= worst + 3e-6 for one in fitting - ids)
        for group in alike.values():
            in_order = [number for number, _ in found if number in group]
            assert in_order == sorted(group & fitting)[: len(in_order)]

    for word in WORDS:
        check(vector(word), MANY, EVERYTHING, None)
    held = st.none() | st.frozensets(st.integers(0, 6))
    ks = st.sampled_from([0, 1, 3, 10, MANY])
    examples(many(shelf), check, query=VECTORS, k=ks, placed=st.just(EVERYTHING) | CONDITIONS, held=held)


@pytest.mark.parametrize("text", [*TERMS, *NARROW])
def test_words_find_the_same_passages(worded: Shelf, text: str) -> None:
    """With the same scores, or nearly."""
    check_words(worded, text, EVERYTHING)


def test_words_find_the_same_passages_under_conditions(worded: Shelf) -> None:
    """Whatever the condition."""

    def check(text: str, placed: Where) -> None:
        check_words(worded, text, placed)

    examples(many(worded), check, text=st.sampled_from([*TERMS, *NARROW]), placed=CONDITIONS)


def test_a_store_without_words_finds_nothing_by_them(shelf: Shelf) -> None:
    """And says so; what needs words is an error that names it."""
    arms = shelf.tested.arms
    assert arms.by_words(Terms(""), 10, EVERYTHING) == []
    assert arms.by_words(Terms("zebra"), 10, EVERYTHING) == []
    assert arms.by_words(Terms("school"), 0, EVERYTHING) == []
    assert bool(arms.by_words(Terms("school"), 10, EVERYTHING)) == shelf.engine.has_words
    assert arms.holding(Terms("school"), EVERYTHING) is None
    if not shelf.engine.has_words:
        for terms in (Terms("school", ("school",)), Terms("school", (), ("school",))):
            with pytest.raises(InputError, match=shelf.engine.name):
                arms.holding(terms, EVERYTHING)


@pytest.mark.parametrize("text", [*NARROW, "school"])
def test_phrases_and_exclusions_hold_for_the_same_passages(worded: Shelf, text: str) -> None:
    """To the word, with hyphenated words apart or joined; what is excluded may not be in the context either."""
    check_holding(worded, split_query(text), EVERYTHING)


def test_phrases_and_exclusions_hold_under_conditions(worded: Shelf) -> None:
    """Whatever the condition."""

    def check(phrases: list[str], excluded: list[str], placed: Where) -> None:
        check_holding(worded, Terms("x", tuple(phrases), tuple(excluded)), placed)

    terms = [split_query(text) for text in NARROW]
    lists = st.lists(
        st.sampled_from(sorted({one for some in terms for one in some.phrases + some.excluded})), max_size=2
    )
    examples(many(worded), check, phrases=lists, excluded=lists, placed=CONDITIONS)


@pytest.mark.parametrize("words", [*QUESTIONS, "", "budget budget", "well-being naïve 40%"])
def test_words_count_as_much(shelf: Shelf, words: str) -> None:
    """In each passage, and by how rare they are; that needs no index of words."""
    keys = sorted(shelf.tested.ids)
    tested, expected = (
        side.arms.shares(words, np.array([side.ids[key] for key in keys], np.int64)) for side in shelf.sides
    )
    assert tested.shape == (len(keys),)
    assert tested == pytest.approx(expected, abs=0.02)
    assert shelf.tested.arms.rarities(words) == pytest.approx(shelf.expected.arms.rarities(words), abs=1e-4)
    assert shelf.tested.arms.rarest == pytest.approx(shelf.expected.arms.rarest, abs=1e-4)


def test_outlines_are_the_same(shelf: Shelf) -> None:
    """Document, page, sample of words and how widely these are repeated, in the order that was asked for."""
    keys = sorted(shelf.tested.ids, key=lambda key: text_sha256(f"{key}"))
    tested, expected = (
        side.arms.outlined(np.array([side.ids[key] for key in keys], np.int64)) for side in shelf.sides
    )
    assert tested.documents.tolist() == [shelf.tested.numbers[doc_id] for doc_id, _ in keys]
    assert tested.pages.tolist() == expected.pages.tolist()
    assert tested.spread == pytest.approx(expected.spread, abs=1e-6)
    assert tested.spread.max() > tested.spread.min()
    assert [one.tolist() for one in tested.sketches] == [one.tolist() for one in expected.sketches]
    assert shelf.tested.arms.outlined(np.empty(0, np.int64)).sketches == ()


# --- what is written; `Library.sync` compares what is reported, read and encoded


def test_a_sync_does_the_same(changing: Library) -> None:
    """It adds, changes, removes, renames, refuses, keeps, and leaves alone what has not changed."""
    changing.fill()
    before = changing.version()
    again = changing.sync()
    assert (again.generation, again.encoded, again.unchanged) == (before.generation, 0, len(KEPT))
    assert changing.version() == before
    assert changing.read == []  # nor are refused files, which are known as such

    texts = {**REPORTS, "loose.txt": "This is new.", "moved/copy.txt": REPORTS["copy.txt"], "broken.txt": "Mended."}
    del texts["copy.txt"], texts["cedar/2021.txt"]
    report = changing.fill(texts)
    assert set(report.added) == {"moved/copy.txt", "broken.txt"}
    assert (report.updated, set(report.removed)) == (("loose.txt",), {"copy.txt", "cedar/2021.txt"})
    assert changing.encoded == ["Mended.", "This is new."]
    assert report.generation > before.generation
    compare(changing)

    changing.write({"alder/2019.txt": REPORTS["alder/2019.txt"], "birch/one.txt": "Swans came to the river."})
    kept = changing.sync("birch", prune=Prune.NOTHING)
    assert (kept.added, kept.removed) == (("one.txt",), ())
    compare(changing)


def test_a_document_is_copied_from_store_to_store(changing: Library) -> None:
    """All of it, to the byte, from the yardstick and from itself."""
    changing.fill_once()
    copies = []
    with changing.both() as sides:
        for side, first in zip(sides, (True, False), strict=True):
            one = side.reader.contents(side.reader.documents()[0 if first else -1].doc_id)
            path = f"copy of {one.document.path}"
            document = replace(one.document, path=path, doc_id=Source(one.document.root, path, {}).doc_id)
            copies.append(replace(one, document=document, recipe="other"))
    for collection in (changing.opened(), Embedded(changing.plain.index)):
        with closing(collection), collection.writing(DIM) as writer:
            for copy in copies:
                put(writer, copy)
                assert to_bytes(writer.contents(copy.document.doc_id)) == to_bytes(copy)
            writer.commit(writer.fingerprint or "", {"added": 2, "updated": 0, "removed": 0})
    with opened(changing.opened()) as side:
        assert [to_bytes(side.reader.contents(one.document.doc_id)) for one in copies] == [*map(to_bytes, copies)]
    compare(changing)


def test_only_one_writes(changing: Library) -> None:
    """The second is told so, and what the first wrote without a commit is not there."""
    changing.fill_once()
    before = changing.version()
    with closing(changing.opened()) as one, closing(changing.opened()) as other, one.writing(DIM) as writer:
        writer.remove_document(writer.documents()[0].doc_id)
        with pytest.raises(IndexBusyError), other.writing(DIM):
            pass
    assert compare(changing) == before


def test_what_was_removed_is_gone_when_the_sync_is_done(changing: Library) -> None:
    """Who asks after that gets the new generation, and who asks meanwhile one of the two, not an error or both."""
    old = changing.fill(
        {**REPORTS, "edition.txt": "This is edition one.", "secret.txt": "Otters read a secret budget."}
    )
    seen: list[tuple[float, int, set[str], set[str], object]] = []
    failed: list[Exception] = []
    done = Event()

    def ask(searcher: Searcher, secret: str) -> None:
        while not done.is_set():
            begun = monotonic()
            try:
                found = searcher.search(Query("edition of otters", k=100, mode=Mode.DENSE))
                page = searcher.of_one_generation(lambda reader, _: told(lambda: reader.page_text(secret, 1)))
            except Exception as error:  # noqa: BLE001 - an error in a thread would go unseen
                failed.append(error)
                return
            editions = {hit.text for hit in found.hits if hit.citation.source == "edition.txt"}
            seen.append((begun, found.generation, {hit.citation.source for hit in found.hits}, editions, page))

    with closing(changing.opened()) as collection:
        searcher = Searcher(collection, WordEncoder(model=changing.model), recent=0)
        with collection.reading() as reader:
            secret = reader.find("secret.txt").doc_id
        threads = [Thread(target=ask, args=(searcher, secret)) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            new = changing.fill({**REPORTS, "edition.txt": "This is edition two."})
            finished = monotonic()
            assert changing.version().generation == new.generation
            with collection.reading() as reader:  # of what was open before
                assert reader.version.generation == new.generation
            while not failed and sum(begun > finished for begun, *_ in seen) < 4:
                sleep(0.01)
        finally:
            done.set()
            for thread in threads:
                thread.join()
    assert failed == []
    expected = {
        old.generation: ({*KEPT, "edition.txt", "secret.txt"}, {"This is edition one."}),
        new.generation: ({*KEPT, "edition.txt"}, {"This is edition two."}),
    }
    for begun, generation, paths, editions, page in seen:
        assert (paths, editions) == expected[generation]
        if begun > finished:
            assert generation == new.generation
            assert page == (NotFoundError, f"no document `{secret}` in the index")


class DyingEncoder(WordEncoder):
    """Dies when it comes to a word."""

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[NDArray[np.float32]]:
        if any("poison" in text for text in texts):
            raise RuntimeError("it died")
        return super().encode_passages(texts, parts)


def test_a_sync_that_dies_changes_nothing(changing: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far it came, and though it cannot clean up; the next succeeds and leaves no row of it."""
    changing.fill_once()
    before = changing.version()
    changing.write({**REPORTS, "a.txt": "Something is new.", "new.txt": "This is poison."})
    with pytest.raises(RuntimeError, match="it died"):
        changing.sync(encoder=DyingEncoder)

    def unreachable(writer: object) -> None:
        raise UnusableIndexError("the server is away")

    monkeypatch.setattr("indexer.milvus.writer.Writer.take_back", unreachable)
    with closing(changing.opened()) as collection, pytest.raises(RuntimeError, match="it died"):
        write_and_die(collection)
    assert compare(changing) == before
    assert bool(dead(changing)) == bool(changing.settings.store)

    report = changing.fill({**REPORTS, "new.txt": "This is no harm."})
    assert "new.txt" in report.added
    compare(changing)
    assert not dead(changing)


def test_another_encoder_needs_all_anew(changing: Library) -> None:
    """It is refused, unless everything is to be made anew."""
    changing.fill_once()
    before, old = changing.version(), changing.model
    with pytest.raises(EncoderMismatchError, match="reencode"):
        changing.sync(model="another")
    assert changing.version() == before
    changing.sync(model="another", reencode=True)
    compare(changing)
    with closing(changing.opened()) as collection, pytest.raises(EncoderMismatchError, match="reencode"):
        Searcher(collection, WordEncoder(model=old)).search(Query("school"))


# --- through the service


@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.HYBRID])
@pytest.mark.parametrize("question", [*QUESTIONS, 'the "school budget"', "school -alder"])
def test_a_question_finds_the_same(shelf: Shelf, question: str, mode: Mode) -> None:
    """The same hits, cited to the letter; a store without words says that it did without."""
    query = Query(question, k=20, mode=mode)
    if not shelf.engine.has_words and (query.terms.phrases or query.terms.excluded):
        with pytest.raises(InputError, match=shelf.engine.name):
            searcher(shelf.tested).search(query)
        pytest.skip(f"lexical: {shelf.engine.name} has no words")
    found, expected = (searcher(side).search(query) for side in shelf.sides)
    assert found.without == (() if shelf.engine.has_words else (Mode.LEXICAL,))
    for hit in found.hits:
        check_citation(hit.citation, hit.text, shelf.tested.reader)
    if shelf.engine.has_words or mode is Mode.DENSE:
        assert [shown(hit) for hit in found.hits] == [shown(hit) for hit in expected.hits]
        assert [hit.score for hit in found.hits] == pytest.approx([hit.score for hit in expected.hits], abs=0.01)
    else:
        assert found.hits


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_the_same(shelf: Shelf, question: str) -> None:
    """With the same quotes, cited to the letter, or for the same reason with none."""
    for mode in [Mode.DENSE, *([Mode.HYBRID] if shelf.engine.has_words else [])]:
        found, expected = (Answerer(searcher(side)).ask(Query(question, mode=mode)) for side in shelf.sides)
        assert (found.status, found.text, found.reason) == (expected.status, expected.text, expected.reason)
        assert (found.quotes, found.searched) == (expected.quotes, expected.searched)
        for quote in found.quotes:
            check_citation(quote.citation, quote.text, shelf.tested.reader)


@pytest.mark.parametrize("matter", ["school budget", "otters or carers", "wellbeing", "zebra", "the", "cafe"])
def test_surveys_say_the_same(shelf: Shelf, matter: str) -> None:
    """They look through every sentence, so no store may leave one out; also as of a day."""
    for as_of in ("2021-12-31", None):
        asked = {"q": matter, "as_of": as_of}
        count, thread = CountRequest(**asked), MatterRequest(**asked, body="Alder")
        found, expected = (
            [
                told(lambda: CountResponse.of(counted(count, asker))),  # noqa: B023 - it is called at once
                told(lambda: ThreadResponse.of(followed(thread, asker))),  # noqa: B023
                told(lambda: GradesResponse.of(graded(GradesRequest(as_of=as_of), asker))),  # noqa: B023
            ]
            for asker in map(searcher, shelf.sides)
        )
        for one, other in zip(found, expected, strict=True):
            if isinstance(one, BaseModel) and isinstance(other, BaseModel):
                assert one.model_copy(update={"generation": 0}) == other.model_copy(update={"generation": 0})
            else:
                assert one == other


def test_words_alone_need_words(shelf: Shelf) -> None:
    """Where there are none, that is told, and nothing else is done instead."""
    query = Query("school budget", mode=Mode.LEXICAL)
    if shelf.engine.has_words:
        found, expected = ([shown(hit) for hit in searcher(side).search(query).hits] for side in shelf.sides)
        assert found == expected
        assert found
    else:
        with pytest.raises(InputError, match=f"{shelf.engine.name} cannot find passages by words"):
            searcher(shelf.tested).search(query)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The school budget grew by five per cent.", Verdict.EXACT),
        ("The team trained each of them before the first child arrived.", Verdict.EXACT),
        ("the school budget grew by six per cent.", Verdict.ALTERED),
        ("Purple elephants dance on the moon.", Verdict.ABSENT),
        (SAME, Verdict.EXACT),
    ],
)
def test_a_quote_is_verified_the_same(shelf: Shelf, text: str, verdict: Verdict) -> None:
    """The same verdict and places; a store without words says that it cannot."""
    if not shelf.engine.has_words:
        with pytest.raises(InputError, match=shelf.engine.name):
            verify(text, searcher(shelf.tested))
        pytest.skip(f"lexical: {shelf.engine.name} has no words")
    found, expected = (verify(text, searcher(side)) for side in shelf.sides)
    assert found.verdict is verdict
    assert (found.verdict, found.reason, found.matches) == (expected.verdict, expected.reason, expected.matches)


def test_a_receipt_holds_in_every_store(shelf: Shelf) -> None:
    """Whichever of two stores it was issued over, the other finds the quote where it was."""
    for one, other in (shelf.sides, shelf.sides[::-1]):
        for stored in one.reader.passages(list(one.keys)).values():
            text = stored.passage.text
            quote = Quote(text, cite_within(stored, 0, len(text), one.reader))
            resolution = resolve(parse_receipt(to_json(issue("What is said?", quote, one.reader, AT))), other.reader)
            assert resolution.outcome is Outcome.HOLDS
            assert resolution.citation == quote.citation


# --- what is not there


def test_where_nothing_is_there_is_no_index(store: Store, tmp_path: Path) -> None:
    """The error says how to make one."""
    with pytest.raises(IndexMissingError, match="citewell index"):
        existing(store.settings(tmp_path))


@pytest.mark.timeout(60)
def test_what_cannot_be_used_is_told(store: Store, tmp_path: Path) -> None:
    """With its address, and soon."""
    settings = store.broken(tmp_path)
    with pytest.raises(UnusableIndexError) as caught:
        existing(settings)
    assert not isinstance(caught.value, IndexMissingError)
    assert (settings.address.shown if settings.address else str(settings.index)) in str(caught.value)


def test_words_can_be_insisted_on(shelf: Shelf) -> None:
    """A store without them is then refused."""
    settings = shelf.library.settings.model_copy(update={"require_words": True})
    if shelf.engine.has_words:
        existing(settings).close()
    else:
        with pytest.raises(InputError, match=f"{shelf.engine.name}.*require_words"):
            existing(settings)


# --- helpers


def many(shelf: Shelf) -> int:
    """Tell how many examples to try: fewer where each is asked of a server."""
    return 25 if shelf.library.settings.store else 100


def passages(side: Side) -> dict[Key, tuple[str, Passage]]:
    """Give all passages with their hashes."""
    found = side.reader.passages(list(side.keys))
    for number, one in found.items():
        assert (one.passage_id, one.document.doc_id) == (number, side.keys[number][0])
    return {side.keys[number]: (one.text_sha256, one.passage) for number, one in found.items()}


def check_words(shelf: Shelf, text: str, placed: Where) -> None:
    """Compare what words find."""
    terms = split_query(text)

    def ask(side: Side, k: int) -> list[tuple[Key, float]]:
        found = side.arms.by_words(terms, k, numbered(placed, list(side.numbers.values())))
        assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
        return [(side.keys[number], score) for number, score in found]

    found, expected = (ask(side, MANY) for side in shelf.sides)
    assert dict(found) == pytest.approx(dict(expected), rel=0.005)
    if found:
        first, second, *_ = [*expected, ("", 0.0)]
        (best,) = ask(shelf.tested, 1)
        assert best == found[0]
        assert best[0] == first[0] or first[1] == pytest.approx(second[1], rel=0.005)


def check_holding(shelf: Shelf, terms: Terms, placed: Where) -> None:
    """Compare which passages have the phrases and none of what is excluded."""
    tested, expected = (
        side.arms.holding(terms, numbered(placed, list(side.numbers.values()))) for side in shelf.sides
    )
    if tested is None or expected is None:
        assert tested is expected
        assert not terms.phrases + terms.excluded
    else:
        assert tested.tolist() == sorted(set(tested.tolist()))
        assert {shelf.tested.keys[one] for one in tested} == {shelf.expected.keys[one] for one in expected}


def compare(library: Library) -> Version:
    """Compare all that both indexes hold now, and tell the generation."""
    with library.both() as (tested, expected):
        assert tested.contents() == expected.contents()
        assert list(tested.reader.owners().values()) == list(expected.reader.owners().values())
        assert tested.reader.counts() == expected.reader.counts()
        assert tested.reader.refusals() == expected.reader.refusals()
        assert tested.reader.fingerprint == expected.reader.fingerprint
        assert {one for one, _ in tested.arms.nearest(vector("school"), MANY, EVERYTHING)} == tested.keys.keys()
        assert tested.arms.rarities("school otters") == pytest.approx(expected.arms.rarities("school otters"))
        return tested.reader.version


def put(writer: Writer, one: Contents) -> None:
    """Put a document as it is."""
    writer.put_document(
        one.document,
        one.recipe,
        pages=one.pages,
        removals=one.removals,
        passages=one.passages,
        vectors=one.vectors,
        sketches=one.sketches,
    )


def write_and_die(collection: Collection) -> None:
    """Add a document, remove another, and come to no end."""
    with collection.writing(DIM) as writer:
        last = writer.documents()[-1]
        one = writer.contents(last.doc_id)
        put(writer, replace(one, document=replace(last, doc_id="dead", path="dead.txt")))
        assert writer.passages(writer.passage_ids("dead"))  # which has it written
        writer.remove_document(last.doc_id)
        raise RuntimeError("it died")


def dead(library: Library) -> set[int]:
    """Give the numbers of documents of which there are rows, though they are not there; none without tables."""
    if library.settings.address is None:
        return set()
    tables = (Table.DOCUMENTS, Table.RECORDS, Table.PASSAGES)
    with closing(Server(library.settings.address)) as server, opened(library.opened()) as side:
        found = [row for one in tables for row in server.query(one, "document >= 0", ["document"])]
        return {int(str(row["document"])) for row in found} - side.reader.owners().keys()


def searcher(side: Side) -> Searcher:
    """Search a store."""
    return Searcher(side.collection, WordEncoder())


def shown(hit: Hit) -> tuple[object, ...]:
    """Give a hit without the numbers of passages."""
    return hit.rank, hit.text, hit.context, hit.highlights, hit.citation, hit.twins


def check_citation(citation: Citation, text: str, reader: Reader) -> None:
    """Read what is cited once more from the file."""
    pages = REPORTS[citation.source].split("\f")
    assert text == "\n".join(pages[page - 1][start:end] for page, start, end in citation.spans)
    assert citation.text_sha256 == text_sha256(text)
    assert citation.doc_sha256 == reader.document(citation.doc_id).sha256
