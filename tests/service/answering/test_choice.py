from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.records import Document
from service.answering.choice import LONGEST, MOST, MOST_REPORTS, WITHIN, WITHIN_APART, Chosen, choose
from service.answering.sentences import Candidate
from service.reading import Names, Reading, read
from tests.service.answering.made import candidate, report, stored, texts
from tests.service.made import NOTHING_READ, catalogue

KENTWOOD, ASHMERE = "Kentwood Council", "Ashmere Council"
OLD = report("old", KENTWOOD, date(2018, 5, 22))
NEW = report("new", KENTWOOD, date(2021, 2, 28))
OTHER = report("other", ASHMERE, date(2020, 10, 1))
NOBODYS = [report("gulls"), report("crabs")]
REPORTS = [OLD, NEW, OTHER, *NOBODYS]
CATALOGUE = catalogue(REPORTS)
NAMES = Names([KENTWOOD, ASHMERE])


def reading(question: str) -> Reading:
    return read(question, NAMES)


def says(of: Document, text: str, short: str | None = None) -> Candidate:
    """Make the one sentence of a report."""
    return candidate(stored(1 + REPORTS.index(of), of, text), short=short)


def chosen(found: Sequence[Candidate], sums: Sequence[float], question: str | None = None) -> list[Chosen]:
    return choose(found, np.array(sums), reading(question) if question else NOTHING_READ, CATALOGUE)


def best(found: Sequence[Candidate], sums: Sequence[float], question: str | None = None) -> list[str]:
    """Choose, and give the text of the best sentence of each quote."""
    return texts([one.best for one in chosen(found, sums, question)])


GULLS = "Gulls were seen over the harbour by everybody."
CRABS = "Crabs walked on the sand below the pier."
EELS = "Eels were smoked in the hut of the old ferryman."
NETS = "Nets hung from the walls of that long shed."
THINGS = [GULLS, CRABS, EELS, NETS]


def test_the_best_comes_first_and_what_is_near_it_beside_it() -> None:
    """In the order of their sums; not what is far behind."""
    found = [says(OTHER, text) for text in (GULLS, CRABS, EELS)]
    assert best(found, [1.0, 2.0, 1.0 - WITHIN]) == [CRABS, GULLS]
    assert best(found, [2.0 - WITHIN - 0.01, 2.0, -9.0]) == [CRABS]


def test_few_quotes_answer() -> None:
    """However many sentences are near the best."""
    assert len(best([says(OTHER, text) for text in THINGS], [0.0] * 4)) == MOST == 3


def test_of_equal_sentences_the_first_is_taken() -> None:
    """So that an answer is the same every time."""
    assert best([says(OTHER, text) for text in THINGS], [0.0] * 4) == THINGS[:MOST]


def test_neighbours_are_one_quote() -> None:
    """In the place of the better one, up to so many sentences; what is beside them then stands apart."""
    passage = stored(7, OTHER, *THINGS, "Boats lay upside down in winter.")
    found = [candidate(passage, place) for place in range(5)]
    first, second = chosen(found, [0.3, 0.5, 0.4, 0.1, 0.2])
    assert texts(first.sentences) == [CRABS, EELS, GULLS]
    assert len(first.sentences) == LONGEST
    assert texts(second.sentences) == [found[4].text, NETS]


def test_neighbours_are_those_of_one_passage() -> None:
    """The first sentence of one passage is not beside the second of another."""
    found = [candidate(stored(7, OTHER, GULLS, CRABS), 0), candidate(stored(8, OTHER, EELS, NETS), 1)]
    assert [len(one.sentences) for one in chosen(found, [1.0, 0.0])] == [1, 1]


def test_what_says_the_same_is_quoted_once() -> None:
    """From whichever report it is."""
    assert best([says(OLD, GULLS), says(NEW, GULLS.upper()), says(NEW, CRABS)], [3, 2, 1]) == [GULLS, CRABS]


@pytest.mark.parametrize("question", ["How many gulls has Kentwood?", "How many gulls are there?"])
def test_different_numbers_of_one_body_are_both_shown_newest_first(question: str) -> None:
    """They are not merged, however alike the sentences are, and however much better the older one is."""
    old, new = (
        f"Visitors saw {count} white gulls circle above every boat, hut and pier in the harbour."
        for count in (31, 44)
    )
    found = [says(OLD, old, "31"), says(NEW, new, "44"), says(OTHER, CRABS)]
    assert best(found, [3.0, 1.0, 2.0], question) == [new, old, CRABS]


@pytest.mark.parametrize(
    "question", ["How many gulls in 2018?", "How many gulls at the first inspection of Kentwood?"]
)
def test_where_a_time_is_asked_for_the_best_comes_first(question: str) -> None:
    """The newest is not what was asked about."""
    found = [says(OLD, "There were 31 gulls.", "31"), says(NEW, "And 44 crabs.", "44")]
    assert best(found, [1.0, 0.0], question) == ["There were 31 gulls.", "And 44 crabs."]


def test_equal_numbers_contradict_nothing() -> None:
    """Nor do sentences without any, nor those of two bodies, or of nobody known."""
    same = [says(OLD, "There were 31 gulls.", "31"), says(NEW, "They counted 31 of them.", "31")]
    assert best(same, [1.0, 0.0]) == texts(same)
    without = [says(OLD, GULLS), says(NEW, CRABS)]
    assert best(without, [1.0, 0.0]) == texts(without)
    others = [says(OLD, "There were 31 gulls.", "31"), says(OTHER, "And 44 crabs.", "44")]
    assert best(others, [1.0, 0.0]) == texts(others)
    nobodys = [says(of, text, text[:2]) for of, text in zip(NOBODYS, ("31 gulls.", "44 crabs."), strict=True)]
    assert best(nobodys, [1.0, 0.0]) == texts(nobodys)


CHANGE = "How has the number of gulls changed?"


def test_a_change_is_told_by_one_quote_a_report_oldest_first() -> None:
    """Whichever of them fits best, and of each report what fits best."""
    found = [says(NEW, GULLS), says(NEW, CRABS), says(OLD, EELS), says(OTHER, NETS)]
    assert best(found, [3.0, 2.5, 1.0, 0.0], CHANGE) == [EELS, NETS, GULLS]


def test_a_change_of_a_body_is_told_by_its_own_reports() -> None:
    """By whatever name they have it, and even where another body's sentence fits far better."""
    long_name = report("long", "Kentwood County Council", date(2019, 1, 1))
    documents = [*REPORTS, long_name]
    held = catalogue(documents)
    names = Names([one.metadata.body for one in documents if one.metadata.body])
    found = [
        candidate(stored(1 + documents.index(of), of, text))
        for of, text in ((OTHER, NETS), (NEW, GULLS), (long_name, CRABS), (OLD, EELS))
    ]
    sums = np.array([9.0 + WITHIN_APART, 2.0, 1.0, 0.0])
    for name in ("Kentwood", "Kentwood County Council"):
        asked = read(f"How have the gulls changed in {name}?", names)
        assert texts([one.best for one in choose(found, sums, asked, held)]) == [EELS, CRABS, GULLS]


def test_a_question_on_bodies_has_one_quote_a_body() -> None:
    """The best of each, best first; a document of nobody stands for itself."""
    found = [says(NEW, GULLS), says(OLD, CRABS), says(OTHER, EELS), says(NOBODYS[0], NETS), says(NOBODYS[1], CRABS)]
    assert best(found, [5, 4, 3, 2, 1], "Which councils have gulls?") == [GULLS, EELS, NETS, CRABS]


def test_a_question_on_two_bodies_is_answered_by_them_alone() -> None:
    """What a third one says is not asked for, however well it fits."""
    found = [says(NOBODYS[0], NETS), says(OTHER, EELS), says(NEW, GULLS), says(OLD, CRABS)]
    assert best(found, [9.0, 2.0, 1.0, 0.0], "How are gulls doing in Kentwood and Ashmere?") == [EELS, GULLS]


def test_what_is_far_behind_tells_nothing_of_a_body() -> None:
    """Rather no quote than one about something else."""
    question = "How are gulls doing in Kentwood and Ashmere?"
    assert best([says(NEW, GULLS), says(OTHER, EELS)], [0.0, -WITHIN_APART - 0.1], question) == [GULLS]


def test_quotes_of_many_reports_end_somewhere() -> None:
    """With the best."""
    many = [report(f"report{number}", None, date(2000 + number, 1, 1)) for number in range(12)]
    held = catalogue(many)
    found = [candidate(stored(1 + place, of, GULLS)) for place, of in enumerate(many)]
    told = choose(found, np.linspace(0, 1, 12), reading(CHANGE), held)
    assert [one.best.stored.document for one in told] == many[-MOST_REPORTS:]


def test_a_body_is_known_by_its_name_without_its_rank() -> None:
    """The same body under two names is one."""
    known = [Chosen((says(report, GULLS),)).body for report in (OLD, NEW)]
    long_name = candidate(stored(1, report("long", "Kentwood County Council"), GULLS))
    assert {*known, Chosen((long_name,)).body} == {known[0]}
    assert len({Chosen((says(of, GULLS),)).body for of in (OLD, OTHER, *NOBODYS)}) == 4


@given(
    st.lists(st.tuples(st.sampled_from(REPORTS), st.sampled_from(THINGS), st.floats(-9, 9)), min_size=1, max_size=12),
    st.sampled_from(
        [None, CHANGE, "Which councils have gulls?", "Gulls in Kentwood and Ashmere?", "Gulls in Ashmere?"]
    ),
)
def test_something_is_always_chosen_and_nothing_twice(
    made: list[tuple[Document, str, float]], question: str | None
) -> None:
    """Of any sentences, for any kind of question: with the best, or the best on what is named."""
    found = [says(of, text) for of, text, _ in made]
    told = chosen(found, [total for _, _, total in made], question)
    quoted = [id(one) for quote in told for one in quote.sentences]
    assert quoted
    assert len(quoted) == len(set(quoted)) <= MOST_REPORTS
