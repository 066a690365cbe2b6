"""Sentences of reports, as exact spans."""

import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sentences import LONGEST_WORD, break_long, split

REPORTS = Path(__file__).parents[3] / "shared" / "reports"

# Single sentences, invented, with the stops that deceive: joined by blanks, each must come back as it is.
SENTENCES = [
    "Leaders in Ashby know their service well.",
    "The team, i.e. the duty workers, sees e.g. twelve families a week.",
    "Mr. J. Smith and Dr. A. B. Jones wrote the plan.",
    "Cllr. Patel visited St. Helens on 3 Sept. 2021 with Prof. Lane.",
    "The rate fell by 2.5% to 11.9 per 10,000 (cf. para. 7, pp. 3–4 and fig. 2).",
    "See No. 5 of the U.K. Government rules at www.example.org/a.b?c=d or write to jo.bloggs@example.org.",
    "Is this good enough?",
    "“We were heard!” said one young person.",
    "“It is good practice.” said the director.",
    "(The figures are those of 31 March.)",
    "One parent said: ‘They listen.’",
    "Visits begin at 9.30 a.m. on most days.",
    "Eastbrook Ltd. holds the contract, vs. two rivals earlier, etc., until 2024.",
    "Workers spoke of ‘drift … and delay’ in their cases.",
    "This ended in 2019.",
    "12 of the 20 files were complete.",
    "Thresholds are clear, as the 1st and 2nd reviews found [see annex 4].",
]
GLUE = st.sampled_from([" ", "\n", "  ", " \n", "\u00a0"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("Areas for improvement", ["Areas for improvement"]),
        ("A line that\nwraps. And another", ["A line that\nwraps.", "And another"]),
        # numbers in front of a paragraph
        ("14. Undertake a review. Tell the board.", ["14. Undertake a review.", "Tell the board."]),
        ("2.3 Leaders act. They learn.", ["2.3 Leaders act.", "They learn."]),
        ("(b). Plans are clear.", ["(b). Plans are clear."]),
        ("iv. Plans are clear.", ["iv. Plans are clear."]),
        ("Plans are clear.\n75. Visits are not.", ["Plans are clear.", "75. Visits are not."]),
        ("Plans are clear. (Recommendation)\n75.Visits", ["Plans are clear.", "(Recommendation)", "75.Visits"]),
        ("Requires improvement\n1. The area is small.", ["Requires improvement", "1. The area is small."]),
        ("They stay beyond\n18. There are six.", ["They stay beyond\n18.", "There are six."]),
        ("They stay beyond\n18.There are six.", ["They stay beyond\n18.There are six."]),
        ("It is said in section\n3) Plans", ["It is said in section\n3) Plans"]),
        ("It opened in October\n2016. It is full.", ["It opened in October\n2016.", "It is full."]),
        # bullets
        ("They need:\n• one plan;\n• two visits", ["They need:", "• one plan;", "• two visits"]),
        ("They need:\n- one plan\n- two visits", ["They need:", "- one plan", "- two visits"]),
        ("They have a list.\n- one plan\n- two visits", ["They have a list.", "- one plan", "- two visits"]),
        ("– one plan – at least\n– two visits", ["– one plan – at least", "– two visits"]),
        ("The early help\n– which is new – works.", ["The early help\n– which is new – works."]),
        # stops and what closes them
        ("It works.” He left.", ["It works.”", "He left."]),
        ("“So what?” “Nothing.”", ["“So what?”", "“Nothing.”"]),
        ("It works!) (It does.)", ["It works!)", "(It does.)"]),
        ("They get help and care.2\nThe judgements follow.", ["They get help and care.2", "The judgements follow."]),
        ("It is no.2 on the list.", ["It is no.2 on the list."]),
        # abbreviations that may end a sentence
        ("The answer was no. The end.", ["The answer was no.", "The end."]),
        ("They offer clubs etc. Children enjoy them.", ["They offer clubs etc.", "Children enjoy them."]),
        ("It is on High St. The rent is low.", ["It is on High St.", "The rent is low."]),
        ("They moved to the U.K. The school is near.", ["They moved to the U.K.", "The school is near."]),
        ("They leave at 5 p.m. It is too early.", ["They leave at 5 p.m.", "It is too early."]),
        ("Ms J. A. Lee spoke.", ["Ms J. A. Lee spoke."]),
        # dots that leave something out
        ("They waited... Nobody came.", ["They waited...", "Nobody came."]),
        ("They waited … Nobody came.", ["They waited … Nobody came."]),
        ("They waited... and waited.", ["They waited... and waited."]),
        ("One block\n\nand another", ["One block", "and another"]),
    ],
)  # fmt: skip
def test_hand_made_cases(text: str, expected: list[str]) -> None:
    """Each case is split where a careful reader splits it."""
    assert [text[start:end] for start, end in split(text)] == expected


@given(st.lists(st.tuples(st.sampled_from(SENTENCES), GLUE), max_size=8))
def test_sentences_in_any_order_come_back_as_they_are(pieces: list[tuple[str, str]]) -> None:
    """What follows a sentence never joins or cuts it."""
    text = "".join(sentence + glue for sentence, glue in pieces)
    assert [text[start:end] for start, end in split(text)] == [sentence for sentence, _ in pieces]


TEXTS = st.one_of(st.text(), st.text(alphabet='aA1 \n.!?…”’"()•-–;:,o\u00a0@/'))


@given(TEXTS)
def test_sentences_hold_every_character_once(text: str) -> None:
    """Spans are ordered, disjoint, without white space around them, and only white space is outside."""
    assert_covers(text, 0, len(text), split(text))


@given(TEXTS)
def test_no_sentence_begins_inside_a_word(text: str) -> None:
    """There is white space between any two sentences."""
    spans = split(text)
    assert all(text[end:start].isspace() for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one, two; three: four – five - six", ["one,", "two;", "three:", "four –", "five -", "six"]),
        ("at 10:30 or 1,000", ["at", "10:30", "or", "1,000"]),
        ("no clause here", ["no", "clause", "here"]),
        ("word", ["word"]),
        ("a" * 100, ["a" * 100]),
        ("a" * 201, ["a" * 100, "a" * 100, "a"]),
        (" ", []),
    ],
)
def test_long_sentences_break_at_clauses_then_words_then_anywhere(text: str, expected: list[str]) -> None:
    """The coarsest means that gives more than one piece is used."""
    assert [text[start:end] for start, end in break_long(text, 0, len(text))] == expected


@given(TEXTS, st.data())
def test_pieces_of_a_long_sentence_hold_every_character_once(text: str, data: st.DataObject) -> None:
    """The pieces of any stretch of text cover that stretch and nothing outside it."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert_covers(text, start, end, break_long(text, start, end))


@given(st.text(alphabet="ab ,;", max_size=400).map(lambda text: text + "c" * 250))
def test_breaking_again_and_again_ends_in_short_words(text: str) -> None:
    """A caller that keeps breaking what is too long ends with pieces that are words of bounded length."""
    waiting, words = [(0, len(text))], []
    while waiting:
        start, end = waiting.pop()
        pieces = break_long(text, start, end)
        if pieces == [(start, end)]:
            words.append(text[start:end])
        else:
            waiting += pieces
    assert sorted("".join(words)) == sorted(text.replace(" ", ""))
    assert all(len(word) <= LONGEST_WORD and " " not in word for word in words)


def test_agreement_with_syntok_on_invented_prose() -> None:
    """An independent splitter finds nearly the same sentences in prose without numbered paragraphs."""
    order = random.Random(7)
    text = " ".join(order.choice(SENTENCES) for _ in range(300))
    ours, theirs = {start for start, _ in split(text)}, syntok_starts(text)
    # 0.85: syntok cuts at "Cllr." and "Dr. A. B.", and not behind an e-mail address.
    assert len(ours & theirs) / len(ours | theirs) > 0.8


def test_agreement_with_syntok_on_real_pages() -> None:
    """On real reports both agree on where sentences begin, once numbers of paragraphs go with their sentences."""
    pdf = pytest.importorskip("indexer.extract.pdf")
    files = sorted(REPORTS.glob("*/*.pdf"))[5::40]
    if not files:
        pytest.skip("../shared/reports is not here")
    both = either = 0
    for page in [page for file in files for page in pdf.read(file.read_bytes()).pages[2:8]]:
        starts = {start for start, _ in split(page.text)}
        # Bullets and paragraph numbers are ours alone.
        numbered = {m.start() for m in re.finditer(r"(?m)^[^\S\n]*(?:[•–-]|\d+\.)", page.text)}
        theirs = {_before_number(page.text, start) for start in syntok_starts(page.text)} | numbered
        both += len(starts & theirs)
        either += len(starts | theirs)
    assert both / either > 0.95


def assert_covers(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    """Assert that the spans are ordered, disjoint and trimmed, and hold all of `text[start:end]` but white space."""
    at = start
    for first, last in spans:
        assert not text[at:first].strip()
        assert text[first:last] == text[first:last].strip() != ""
        at = last
    assert at <= end
    assert not text[at:end].strip()


def syntok_starts(text: str) -> set[int]:
    """Return where sentences begin according to syntok."""
    segmenter = pytest.importorskip("syntok.segmenter")
    return {sentence[0].offset for paragraph in segmenter.analyze(text) for sentence in paragraph}


def _before_number(text: str, start: int) -> int:
    """Move a start that syntok puts behind a paragraph's number in front of it."""
    number = re.search(r"(?m)^\s*\d{1,3}\.\s*$", text[max(start - 8, 0) : start])
    return start if number is None else max(start - 8, 0) + number.start()
