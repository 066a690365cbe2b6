"""Passages: every kept character once, exactly where it stands, in pieces that the encoder takes whole."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.encoder import SentenceEncoder
from indexer.paragraphs import paragraphs
from indexer.passages import MOST_OF_A_TOKEN, context_line, cut
from indexer.records import Event, Line, Metadata, Page, Passage, Removal, Span
from indexer.sentences import split
from indexer.settings import DEFAULT_MODEL, Settings
from tests.fakes import WordEncoder, page
from tests.indexer.layouts import WORDS, documents, kept, places, remove

NORTON = Metadata(title="Visit to Norton", body="Norton", kind="focused visit", published=date(2021, 3, 4))
TEN = "One two three four five six seven eight nine."  # ten tokens
REAL = SentenceEncoder(Settings(model=DEFAULT_MODEL))


class RealCounter:
    """Counts with the default model's tokenizer, for a room of any size."""

    def __init__(self, room: int) -> None:
        self.room = room

    def count(self, texts: Sequence[str]) -> list[int]:
        return REAL.count(texts)


def texts(passages: Sequence[Passage]) -> list[str]:
    return [passage.text for passage in passages]


def read_again(passage: Passage, pages: Sequence[Page]) -> str:
    by_number = {one.number: one.text for one in pages}
    return "\n".join(by_number[span.page][span.start : span.end] for span in passage.spans)


# --- what holds for any document

rooms = st.integers(32, 64) | st.just(254)
names = st.none() | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
any_metadata = st.builds(Metadata, title=names, body=names, kind=names, published=st.none() | st.dates())


@settings(max_examples=80, deadline=None)
@given(document=documents(), metadata=any_metadata, room=rooms, aim=st.integers(32, 200))
def test_passages_of_anything(
    document: tuple[list[Page], list[Removal]], metadata: Metadata, room: int, aim: int
) -> None:
    """Passages re-read exactly, hold each kept character once, and never exceed the room with their context."""
    pages, removals = document
    counter = WordEncoder(room=room)
    passages = cut(pages, removals, metadata, counter, aim=aim)

    for passage in passages:
        assert passage.text == read_again(passage, pages)
        assert passage.text == passage.text.strip()
        assert counter.count([passage.input])[0] <= room
        assert counter.count([passage.context])[0] <= room // 3
        assert "\n" not in passage.context
    spans = [span for passage in passages for span in passage.spans]
    assert sorted(places(spans, pages)) == kept(pages, removals)
    inside = [(span.page, at) for span in spans for at in range(span.start, span.end)]
    assert len(inside) == len(set(inside))  # white space too is in one span at most
    if not any(line.box for one in pages for line in one.lines):  # without footnotes the order is that of the text
        assert inside == sorted(inside)


@settings(max_examples=50, deadline=None)
@given(document=documents(), room=rooms, aim=st.integers(32, 200))
def test_passages_respect_headings_and_sentences(
    document: tuple[list[Page], list[Removal]], room: int, aim: int
) -> None:
    """Headings stand only at the start of a passage, and no sentence is cut that the encoder could take whole."""
    pages, removals = document
    counter = WordEncoder(room=room)
    passages = cut(pages, removals, Metadata(), counter, aim=aim)
    passage_at = {place: number for number, passage in enumerate(passages) for place in places(passage.spans, pages)}
    is_heading: list[list[bool]] = [[] for _ in passages]  # of the paragraphs that a passage touches, in order

    for paragraph in paragraphs(pages, removals):
        where = [(run.page, run.start + at) for run in paragraph.runs for at in range(run.end - run.start + 1)]
        for number in sorted({passage_at[place] for place in where if place in passage_at}):
            is_heading[number].append(paragraph.heading > 0)
        for start, end in split(paragraph.text):
            tokens = max(counter.count([paragraph.text[start:end]])[0], (end - start) // MOST_OF_A_TOKEN)
            if tokens <= room - room // 3 - 2:
                assert len({passage_at[place] for place in where[start:end] if place in passage_at}) == 1
    for kinds in is_heading:
        assert kinds == sorted(kinds, reverse=True)


@settings(max_examples=80, deadline=None)
@given(document=documents(), room=rooms, aim=st.integers(32, 200))
@example(document=([page(1, "One was\nPage 1"), page(2, "left open. Two.")], []), room=254, aim=160)
@example(document=([page(1, "One was"), page(2, " \n "), page(3, "left\n\nopen. Two.")], []), room=32, aim=32)
@example(document=([page(1, "x" * 452)], []), room=32, aim=32)  # one word that is too long for any encoder
def test_sentences_hold_all_of_a_passage(document: tuple[list[Page], list[Removal]], room: int, aim: int) -> None:
    """Sentences and headings hold each character that is not white space once, in order, across page breaks too."""
    pages, removals = document
    passages = cut(pages, removals, Metadata(), WordEncoder(room=room), aim=aim)

    for passage in passages:
        text = passage.text
        bounds = [at for sentence in passage.sentences for at in sentence]
        assert bounds == sorted(bounds)
        assert 0 <= bounds[0] <= bounds[-1] <= len(text)
        assert all(text[start:end].strip() == text[start:end] != "" for start, end in passage.sentences)
        inside = {at for start, end in passage.sentences for at in range(start, end)}
        assert {at for at, sign in enumerate(text) if not sign.isspace()} <= inside
    # Each is a whole sentence of its paragraph, but for those that had to be cut.
    found = [passage.text[start:end] for passage in passages for start, end in passage.sentences]
    whole = [
        paragraph.text[start:end]
        for paragraph in paragraphs(pages, removals)
        for start, end in split(paragraph.text)
        if max(WordEncoder().count([paragraph.text[start:end]])[0], (end - start) // MOST_OF_A_TOKEN)
        <= room - room // 3 - 2
    ]
    as_found = Counter("".join(one.split()) for one in found)
    assert not Counter("".join(one.split()) for one in whole) - as_found


@settings(max_examples=40, deadline=None)
@given(document=documents(), metadata=any_metadata, room=rooms)
@example(  # one word, the halves of which have 20 tokens together and the whole 24
    document=([page(1, "+++++++++stabilizationreconstructed+++++++++")], []),
    metadata=Metadata(title="word " * 100),
    room=32,
)
@example(document=([page(1, "internationalrecommendation" * 30)], []), metadata=Metadata(), room=32)
def test_real_tokenizer_never_exceeds_the_room(
    document: tuple[list[Page], list[Removal]], metadata: Metadata, room: int
) -> None:
    """With the default model's own tokens too, nothing is ever longer than the encoder reads, so nothing is cut."""
    pages, removals = document
    passages = cut(pages, removals, metadata, RealCounter(room), aim=160)

    assert max(REAL.count([passage.input for passage in passages]), default=0) <= room
    assert sorted(places([span for one in passages for span in one.spans], pages)) == kept(pages, removals)


# --- size


def test_short_paragraphs_go_together_up_to_the_aim() -> None:
    """Whole paragraphs share a passage as long as they fit the aim."""
    made = page(1, "\n\n".join([TEN] * 7))

    passages = cut([made], [], Metadata(), WordEncoder(), aim=35)

    assert texts(passages) == ["\n\n".join([TEN] * 3), "\n\n".join([TEN] * 3), TEN]
    assert passages[0].spans == (Span(1, 0, 139),)


def test_long_paragraph_is_shared_out_evenly() -> None:
    """A paragraph over the aim becomes passages of nearly equal size, not full ones and a scrap."""
    passages = cut([page(1, " ".join([TEN] * 8))], [], Metadata(), WordEncoder(), aim=70)

    assert texts(passages) == [" ".join([TEN] * 4)] * 2


def test_paragraph_that_fits_is_not_torn() -> None:
    """A paragraph that does not fit beside the one before it begins a passage."""
    made = page(1, f"{TEN} {TEN}\n\n{TEN} {TEN} {TEN}")

    assert texts(cut([made], [], Metadata(), WordEncoder(), aim=40)) == [f"{TEN} {TEN}", f"{TEN} {TEN} {TEN}"]


def test_aim_beyond_the_room_is_lowered() -> None:
    """An aim that the encoder has no room for counts as what it has room for, shared out evenly too."""
    passages = cut([page(1, " ".join([TEN] * 20))], [], NORTON, WordEncoder(room=254), aim=8000)

    assert texts(passages) == [" ".join([TEN] * 10)] * 2


def test_sentence_that_is_too_long_is_cut_at_its_clauses() -> None:
    """Of a sentence beyond the encoder's reach each piece ends with a clause, as long as that is possible."""
    clause = "the one and the other of them,"  # eight tokens
    passages = cut([page(1, " ".join([clause] * 10))], [], Metadata(), WordEncoder(room=40), aim=40)

    assert [len(passage.text) for passage in passages] == [len(" ".join([clause] * 3))] * 3 + [len(clause)]


def test_word_that_is_too_long_is_cut() -> None:
    """Even a single word that exceeds the room is cut into pieces, and none is lost."""
    word = "+" * 100
    passages = cut([page(1, word)], [], Metadata(), WordEncoder(room=32), aim=32)

    assert "".join(texts(passages)) == word
    assert len(passages) > 4


@pytest.mark.parametrize("text", ["x" * 50_000, "a" + "\u0301" * 50_000])
def test_passage_is_no_longer_than_a_person_reads(text: str) -> None:
    """A word without end, whether of letters or of accents, is cut by its characters."""
    one = page(1, text)
    passages = cut([one], [], Metadata(), RealCounter(100), aim=60)

    for passage in passages:
        assert len(passage.text) <= 100 * MOST_OF_A_TOKEN
        assert passage.text == read_again(passage, [one])


def test_cut_words_are_not_put_together_again() -> None:
    """Parts of one word stay apart, as the whole may have more tokens than its parts together."""

    class Greedy(WordEncoder):
        """A short word is one token, a long one as many as it has letters, as no vocabulary holds it."""

        def count(self, texts: Sequence[str]) -> list[int]:
            return [sum(1 if len(word) <= 25 else len(word) for word in text.split()) for text in texts]

    counter = Greedy(room=32)
    passages = cut([page(1, "abcdefghij" * 8)], [], Metadata(), counter, aim=32)

    assert texts(passages) == ["abcdefghij" * 2] * 4
    assert counter.count([passage.input for passage in passages]) == [1] * 4


# --- headings and context


def headed(*blocks: tuple[int, str]) -> Page:
    """Make a page of headings (level over 0) and paragraphs, a blank line between them."""
    text, lines = "", []
    for level, block in blocks:
        start = len(text) + 2 if text else 0
        text = f"{text}\n\n{block}" if text else block
        lines.append(Line(start, len(text), heading=level))
    return Page(1, text, tuple(lines))


def test_passage_begins_with_its_headings() -> None:
    """Headings are part of the passage below them, and the path of headings is known to each passage."""
    made = headed((1, "Report"), (2, "Findings"), (0, TEN), (2, "Next"), (0, TEN), (3, "Deep"), (0, TEN), (0, TEN))

    passages = cut([made], [], Metadata(), WordEncoder(), aim=20)

    assert texts(passages) == [f"Report\n\nFindings\n\n{TEN}", f"Next\n\n{TEN}", f"Deep\n\n{TEN}", TEN]
    assert [passage.headings for passage in passages] == [
        ("Report", "Findings"),
        ("Report", "Next"),
        ("Report", "Next", "Deep"),
        ("Report", "Next", "Deep"),
    ]


def test_context_names_headings_that_are_not_in_the_passage() -> None:
    """The context of a passage holds the two innermost headings above it, without those that it begins with."""
    made = headed((1, "A"), (2, "B"), (3, "C"), (0, TEN), (0, TEN), (4, "D"), (0, TEN))

    passages = cut([made], [], Metadata(), WordEncoder(), aim=14)

    assert [passage.context for passage in passages] == ["", "B. C", "B. C"]


def test_heading_without_text_below_it() -> None:
    """A heading at the end of a document is a passage too, as nothing is lost."""
    assert texts(cut([headed((0, TEN), (1, "Annex"))], [], Metadata(), WordEncoder(), aim=50)) == [TEN, "Annex"]


def test_many_headings_in_a_row_are_shared_out() -> None:
    """Headings without text, such as a list of contents, fill several passages rather than one that is too long."""
    made = headed(*[(2, f"Part {number} of the report on care") for number in range(40)], (0, TEN))
    counter = WordEncoder(room=64)

    passages = cut([made], [], NORTON, counter, aim=60)

    assert max(counter.count([passage.input for passage in passages])) <= 64
    assert "\n\n".join(texts(passages)) == made.text


def test_context_line() -> None:
    """The context says body, kind, date and headings, in this order, and the title where the body is unknown."""
    counter = WordEncoder()

    line = context_line(NORTON, ["Outer", "Findings", "Care \n leavers"], counter)
    assert line == "Norton. focused visit. 4 March 2021. Findings. Care leavers"
    assert context_line(Metadata(title="Visit to\nNorton"), [], counter) == "Visit to Norton"
    assert context_line(Metadata(published=date(1999, 12, 31)), ["A"], counter) == "31 December 1999. A"
    assert context_line(Metadata(), [], counter) == ""


def test_context_line_without_a_day_of_publication() -> None:
    """The end of the latest event stands in for a day of publication that is unknown, and only then."""
    events = (
        Event(date(2021, 3, 1), date(2021, 3, 19)),
        Event(date(2021, 3, 8), date(2021, 3, 12)),
        Event(date(2020, 1, 6), date(2020, 1, 7)),
    )
    counter = WordEncoder()

    assert context_line(Metadata(body="Norton", events=events), ["A"], counter) == "Norton. 19 March 2021. A"
    known = Metadata(body="Norton", events=events, published=date(2021, 5, 4))
    assert context_line(known, ["A"], counter) == "Norton. 4 May 2021. A"


def test_context_line_is_capped() -> None:
    """A long context loses words at its end until it takes at most a third of the room, and never the whole."""
    metadata = Metadata(body="Norton", kind="visit " * 100)

    line = context_line(metadata, ["Findings"], WordEncoder(room=60))

    assert line.startswith("Norton. visit visit")
    assert 10 <= WordEncoder().count([line])[0] <= 20
    assert context_line(Metadata(title="+" * 100), [], WordEncoder(room=60)) == ""


def test_context_is_encoded_but_not_cited() -> None:
    """What is encoded begins with the context line; the text and its places are without it."""
    (passage,) = cut([page(1, TEN)], [], NORTON, WordEncoder(), aim=50)

    assert passage.text == TEN
    assert passage.input == f"Norton. focused visit. 4 March 2021\n{TEN}"
    assert passage.spans == (Span(1, 0, len(TEN)),)


# --- sentences


def sentences(passage: Passage) -> list[str]:
    return [passage.text[start:end] for start, end in passage.sentences]


def test_passage_knows_its_headings_and_sentences() -> None:
    """Each sentence is found in the passage's text, and each heading counts as one."""
    made = headed((1, "Report"), (2, "Care leavers"), (0, f"{TEN} Is that all? {TEN}"), (0, "A list:\n- of things"))

    (passage,) = cut([made], [], NORTON, WordEncoder(), aim=100)

    assert sentences(passage) == ["Report", "Care leavers", TEN, "Is that all?", TEN, "A list:", "- of things"]
    assert passage.sentences[0] == (0, 6)  # counted in the text, without the context line


def test_sentence_over_a_page_break_is_one() -> None:
    """It is found whole in the passage, without what was removed between its halves, and so is what comes after."""
    one, two = (
        page(1, "All is well. Most of the plans were\nPage 1"),
        page(2, "Report on Norton\nup to date. Staff agreed."),
    )

    (passage,) = cut([one, two], remove(one, 1) + remove(two, 0), Metadata(), WordEncoder(), aim=50)

    assert sentences(passage) == ["All is well.", "Most of the plans were\nup to date.", "Staff agreed."]


def test_sentence_over_three_pages_is_one() -> None:
    """A page may be no more than the middle of a sentence."""
    pages = [page(1, "So it was. The plans"), page(2, "of all the councils"), page(3, "were late. Staff agreed.")]

    (passage,) = cut(pages, [], Metadata(), WordEncoder(), aim=50)

    assert sentences(passage) == ["So it was.", "The plans\nof all the councils\nwere late.", "Staff agreed."]


def test_same_words_twice_have_two_places() -> None:
    """Sentences that repeat one another are told apart by where they stand."""
    pages = [page(1, f"{TEN} {TEN}"), page(2, TEN)]

    (passage,) = cut(pages, [], Metadata(), WordEncoder(), aim=50)

    assert sentences(passage) == [TEN] * 3
    assert len(set(passage.sentences)) == 3


def test_pieces_of_a_long_sentence_are_its_sentences() -> None:
    """What had to be cut is known by its pieces, each in the passage that holds it."""
    clause = "the one and the other of them,"
    passages = cut([page(1, " ".join([clause] * 10))], [], Metadata(), WordEncoder(room=40), aim=40)

    assert [sentences(passage) for passage in passages] == [[text] for text in texts(passages)]
    assert len(passages) > 1


# --- pages and removals


def test_sentence_over_a_page_break_has_a_span_on_each_page() -> None:
    """A passage that crosses a page break cites both pages, without what was removed between."""
    one, two = page(1, "Most of the plans were\nPage 1"), page(2, "Report on Norton\nup to date.")
    removals = remove(one, 1) + remove(two, 0)

    (passage,) = cut([one, two], removals, Metadata(), WordEncoder(), aim=50)

    assert passage.text == "Most of the plans were\nup to date."
    assert passage.spans == (Span(1, 0, 22), Span(2, 17, 28))


def test_document_without_text_has_no_passages() -> None:
    """Empty pages, and pages on which all is furniture, give no passages."""
    made = page(1, "Page 1")

    assert cut([], [], NORTON, WordEncoder(), aim=50) == []
    assert cut([Page(1, "", needs_ocr=True)], [], NORTON, WordEncoder(), aim=50) == []
    assert cut([made], remove(made, 0), NORTON, WordEncoder(), aim=50) == []


@pytest.mark.parametrize("text", ["\u200b", "\x00", "\xad", "\u2060\ufeff", "😀", "."])
def test_signs_without_words_are_kept(text: str) -> None:
    """Text of signs that an encoder may count as nothing is still a passage of its own place."""
    for counter in (WordEncoder(room=40), RealCounter(40)):
        assert texts(cut([page(1, text)], [], NORTON, counter, aim=40)) == [text]
