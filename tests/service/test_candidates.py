import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.records import Mode, StoredPassage
from service.candidates import Candidates, gather
from service.query import Query
from service.ranking import DENSE, LEXICAL, Signal
from service.search import Searcher, understand
from tests.fakes import WordEncoder
from tests.service.conftest import REPORTS, make_library

QUESTIONS = [
    "How did the school budget change?",
    "Who visited families each week?",
    "otters in the river",
    "zebra",
    REPORTS["loose.txt"],
]
REDBROOK, BLUEHILL = "Redbrook Council", "Bluehill City Council"
FILTERS = {
    "none": (Query("x"), set(REPORTS)),
    "body": (Query("x", bodies=("Redbrook",)), {"redbrook/2019.txt", "redbrook/2022.txt"}),
    "bodies": (Query("x", bodies=("Redbrook", "Bluehill")), set(REPORTS) - {"loose.txt"}),
    "kind": (Query("x", kinds=("inspection",)), {"redbrook/2019.txt", "bluehill/2021.txt"}),
    "from": (Query("x", published_from=date(2021, 12, 31)), {"bluehill/2021.txt", "redbrook/2022.txt"}),
    "to": (Query("x", published_to=date(2019, 5, 22)), {"redbrook/2019.txt"}),
    "day": (Query("x", published_from=date(2021, 12, 31), published_to=date(2021, 12, 31)), {"bluehill/2021.txt"}),
    "all": (Query("x", bodies=("Redbrook",), kinds=("inspection",)), {"redbrook/2019.txt"}),
    "nothing": (Query("x", bodies=("Bluehill",), published_to=date(2020, 1, 1)), set[str]()),
}
MODES = pytest.mark.parametrize("mode", list(Mode))


def all_passages(reader: Reader) -> dict[int, StoredPassage]:
    """Give every passage of the index."""
    ids = [passage_id for document in reader.documents() for passage_id in reader.passage_ids(document.doc_id)]
    return reader.passages(ids)


def gathered(
    searcher: Searcher, query: Query, *, depth: int | None = None, encoder: WordEncoder | None = None
) -> tuple[Candidates, list[StoredPassage]]:
    """Gather the candidates of a query, and read their passages."""
    with searcher.opened() as (reader, generation):
        asked = understand(query, generation.catalogue)
        asked = replace(asked, depth=depth or asked.depth)
        found = gather(asked, generation, reader, encoder or WordEncoder())
        stored = reader.passages(found.ids.tolist())
        return found, [stored[passage_id] for passage_id in found.ids.tolist()]


def bodies(passages: Sequence[StoredPassage]) -> set[str | None]:
    return {stored.document.metadata.body for stored in passages}


def brute_force(reader: Reader, question: str, paths: set[str]) -> dict[int, NDArray[np.float64]]:
    """Compare a question with every passage of these documents and its nearest sentence: two cosines of each.

    All is encoded anew, and rounded as the store rounds it.
    """
    encoder = WordEncoder()
    (asked,) = encoder.encode_queries([question])
    found = {}
    for passage_id, stored in all_passages(reader).items():
        if stored.document.path in paths:
            passage = stored.passage
            start = len(passage.input) - len(passage.text)
            parts = [(start + first, start + last) for first, last in passage.sentences]
            (vectors,) = encoder.encode_passages([passage.input], [parts])
            cosines = vectors.astype(np.float16).astype(np.float32) @ asked
            found[passage_id] = np.array([cosines[0], cosines[1:].max()])
    return found


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_cosines_are_those_of_comparing_with_every_passage(searcher: Searcher, question: str, name: str) -> None:
    """Of what a filter lets through everything comes, however few and however far, each with its nearest sentence."""
    wanted, paths = FILTERS[name]
    with searcher.opened() as (reader, _):
        expected = brute_force(reader, question, paths)
    found, _ = gathered(searcher, replace(wanted, text=question, mode=Mode.DENSE))
    assert found.ids.tolist() == sorted(expected)
    passage, sentence = ([expected[passage_id][column] for passage_id in sorted(expected)] for column in (0, 1))
    for signal in DENSE:  # nothing is read from these questions, so topic and question are one
        nearest = passage if signal is Signal.PASSAGE else sentence
        assert found.column(signal).tolist() == pytest.approx(nearest, abs=1e-5)
    for signal in LEXICAL:
        assert not found.column(signal).any()


def test_topic_and_question_are_compared_each_by_itself(searcher: Searcher) -> None:
    """The topic is the question without what was read from it; the nearest sentence to either counts."""
    with searcher.opened() as (reader, _):
        expected = [brute_force(reader, text, set(REPORTS)) for text in ("the budget", "the budget in Redbrook")]
    found, passages = gathered(searcher, Query("the budget in Redbrook"))
    topic, question = (np.array([cosines[one.passage_id] for one in passages]) for cosines in expected)
    columns = {
        Signal.PASSAGE: question[:, 0],
        Signal.SENTENCE: question[:, 1],
        Signal.SENTENCE_TOPIC: topic[:, 1],
    }
    assert set(columns) == set(DENSE)
    for signal, values in columns.items():
        assert found.column(signal).tolist() == pytest.approx(values.tolist(), abs=1e-5)


def test_words_are_those_of_the_whole_question(searcher: Searcher) -> None:
    """The name of a body counts where it stands, although it was read as a body as well."""
    found, passages = gathered(searcher, Query("the budget in Redbrook"))
    topic, others = gathered(searcher, Query("the budget"))
    assert passages == others
    has_name = ["Redbrook" in stored.passage.input and "budget" not in stored.passage.text for stored in passages]
    assert any(has_name)
    assert (found.column(Signal.WORDS) > topic.column(Signal.WORDS))[has_name].all()


@MODES
@given(
    words=st.sampled_from(["school", "the otters were", "every family", "zebra"]),
    phrases=st.lists(st.sampled_from(["school budget", "per cent", "The", "were", "budget school"]), max_size=2),
    excluded=st.lists(st.sampled_from(["shrank", "first child", "inspection", "redbrook", "bees"]), max_size=2),
    wanted=st.sampled_from(sorted(FILTERS)),
)
def test_filters_phrases_and_exclusions_hold_in_every_mode(  # noqa: PLR0917 - what the test draws
    searcher: Searcher, mode: Mode, words: str, phrases: list[str], excluded: list[str], wanted: str
) -> None:
    """A phrase stands in the text of all that comes, what is excluded not even in its context; no more is lost."""
    like, paths = FILTERS[wanted]
    text = " ".join([words, *(f'"{phrase}"' for phrase in phrases), *(f'-"{phrase}"' for phrase in excluded)])
    found, _ = gathered(searcher, replace(like, text=text, mode=mode))

    def has(text: str, phrase: str) -> bool:
        return f" {phrase.lower()} " in f" {' '.join(re.findall(r'[a-z0-9]+', text.lower()))} "

    with searcher.opened() as (reader, _):
        fitting = {
            passage_id
            for passage_id, stored in all_passages(reader).items()
            if stored.document.path in paths
            and all(has(stored.passage.text, phrase) for phrase in phrases)
            and not any(has(stored.passage.input, phrase) for phrase in excluded)
        }
    came = set(found.ids.tolist())
    assert came <= fitting
    assert came == fitting or mode is Mode.LEXICAL  # which finds nothing without one of the words


@MODES
def test_a_named_body_is_a_preference(searcher: Searcher, mode: Mode) -> None:
    """It speaks for its passages, and those of other bodies still come; no wall stands where no filter was given."""
    query = Query("What did Redbrook Council do about the library?", mode=mode)
    found, passages = gathered(searcher, query)
    assert {REDBROOK, BLUEHILL} <= bodies(passages)
    named = [stored.document.metadata.body == REDBROOK for stored in passages]
    assert (found.column(Signal.BODY) > 0).tolist() == named

    found, passages = gathered(searcher, replace(query, infer=False))
    assert {REDBROOK, BLUEHILL} <= bodies(passages)
    for signal in (Signal.BODY, Signal.TIME, Signal.NEWEST):
        assert not found.column(signal).any()


@MODES
def test_a_named_body_is_looked_into_by_itself(searcher: Searcher, mode: Mode) -> None:
    """Its own best passage comes, however many of other bodies are nearer; so do those that are nearest."""
    text = "Did Redbrook's library open late while readers waited in the rain until the doors were unlocked?"
    _, passages = gathered(searcher, Query(text, mode=mode), depth=1)
    assert bodies(passages) == {REDBROOK, BLUEHILL}
    _, passages = gathered(searcher, Query(text, mode=mode, infer=False), depth=1)
    assert bodies(passages) == {BLUEHILL}


@MODES
def test_a_filter_is_a_wall_even_for_a_named_body(searcher: Searcher, mode: Mode) -> None:
    """A question may name one body while another is asked for; the filter decides."""
    _, passages = gathered(searcher, Query("the library in Redbrook", bodies=("Bluehill",), mode=mode))
    assert bodies(passages) == {BLUEHILL}


def test_times_speak_for_the_reports_of_those_days(searcher: Searcher) -> None:
    """The newest report is one of a body that is named, and no other."""
    found, passages = gathered(searcher, Query("What did Redbrook say of the budget in May 2019?"))
    paths = np.array([stored.document.path for stored in passages])
    assert set(paths[found.column(Signal.TIME) == 1]) == {"redbrook/2019.txt"}
    assert set(paths[found.column(Signal.NEWEST) == 1]) == {"redbrook/2022.txt"}


@pytest.mark.parametrize(
    ("wanted", "newest"),
    [
        (Query("x"), {"redbrook/2022.txt"}),
        (Query("x", kinds=("inspection",)), {"redbrook/2019.txt"}),
        (Query("x", published_to=date(2021, 12, 31)), {"redbrook/2019.txt"}),
        (Query("x", published_from=date(2021, 12, 31)), {"redbrook/2022.txt"}),
        (Query("x", bodies=("Bluehill",)), set[str]()),
    ],
)
@MODES
def test_the_newest_is_that_of_those_the_filter_lets_through(
    searcher: Searcher, mode: Mode, wanted: Query, newest: set[str]
) -> None:
    """A later report that is not to be looked at does not make the last of the rest an old one."""
    text = "What did Redbrook say of the budget, the visits or the library?"
    found, passages = gathered(searcher, replace(wanted, text=text, mode=mode))
    paths = {stored.document.path for stored in passages}
    column = found.column(Signal.NEWEST)
    assert {stored.document.path for stored, value in zip(passages, column, strict=True) if value} == newest
    assert newest <= paths


def test_where_the_first_report_is_asked_for_the_oldest_takes_the_place_of_the_newest(searcher: Searcher) -> None:
    """The first inspection of a body is not to be told from its last one."""
    for text, marked in (
        ("What did the inspection of Redbrook say of the budget?", "redbrook/2022.txt"),
        ("What did the first inspection of Redbrook say of the budget?", "redbrook/2019.txt"),
    ):
        found, passages = gathered(searcher, Query(text))
        column = found.column(Signal.NEWEST)
        assert {one.document.path for one, value in zip(passages, column, strict=True) if value} == {marked}


MARKET = {
    "dated.txt": "The market was moved.",
    "speaking.txt": "The market of Alder Council was opened.",
    "undated.txt": "The market was planned in 2012.\n\nThe market was opened in 2017 and sold for £2021.",
    "silent.txt": "The market was closed.",
}
MARKET_MANIFEST = """\
path,body,published
dated.txt,Alder Council,2017-03-01
speaking.txt,,2023-03-01
undated.txt,Birch Council,
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Give a searcher of reports of which some have no body or no date."""
    return make_library(tmp_path_factory.mktemp("market"), MARKET, MARKET_MANIFEST).searcher()


def told(searcher: Searcher, question: str, signal: Signal) -> dict[str, float]:
    """Give the highest value of a signal by report, where it is not 0."""
    found, passages = gathered(searcher, Query(question, mode=Mode.DENSE))
    assert {stored.document.path for stored in passages} == set(MARKET)
    values: dict[str, float] = {}
    for stored, value in zip(passages, found.column(signal).tolist(), strict=True):
        values[stored.document.path] = max(value, values.get(stored.document.path, 0.0))
    return {path: value for path, value in values.items() if value}


def test_an_undated_report_goes_by_the_last_year_it_names(market: Searcher) -> None:
    """It counts less than one that is known to be of that time, and an earlier year or a sum of money is no date."""
    values = told(market, "What happened to the market in 2017?", Signal.TIME)
    assert set(values) == {"dated.txt", "undated.txt"}
    assert 0 < values["undated.txt"] < values["dated.txt"] == 1
    for year in (2012, 2021):
        assert "undated.txt" not in told(market, f"What happened to the market in {year}?", Signal.TIME)


def test_a_report_that_only_speaks_of_a_body_is_not_its_newest(market: Searcher) -> None:
    """It counts for the body, but less than the body's own; nor is a report newest of which no date is known."""
    question = "What did Alder Council and Birch Council do with the market?"
    values = told(market, question, Signal.BODY)
    assert set(values) == {"dated.txt", "undated.txt", "speaking.txt"}
    assert values["speaking.txt"] < min(values["dated.txt"], values["undated.txt"])
    assert told(market, question, Signal.NEWEST) == {"dated.txt": 1.0}


def test_words_speak_for_the_passages_that_have_them(searcher: Searcher) -> None:
    """Whatever their ending; the share is 0 where none of them stands, and 1 is out of reach."""
    found, passages = gathered(searcher, Query("the otter repairing bridges"))
    having = [bool(re.search(r"\bthe\b|otters|repaired|Bridges", stored.passage.text)) for stored in passages]
    shares = found.column(Signal.WORDS)
    assert (shares > 0).tolist() == having
    assert shares.max() < 1
    assert "Bridges" in passages[int(shares.argmax())].passage.text


class NoEncoder(WordEncoder):
    """Fails where it is asked to encode."""

    def encode_queries(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, ...]]] = ()
    ) -> NDArray[np.float32]:
        raise AssertionError(texts)


def test_a_search_by_words_alone_asks_no_model(searcher: Searcher) -> None:
    """It costs no more than it must."""
    found, _ = gathered(searcher, Query("school budget", mode=Mode.LEXICAL), encoder=NoEncoder())
    assert len(found.ids)
    for signal in DENSE:
        assert not found.column(signal).any()


@MODES
def test_a_query_of_signs_alone_finds_what_it_can(searcher: Searcher, mode: Mode) -> None:
    """Without a word there is nothing to look up, and that is no error."""
    found, _ = gathered(searcher, Query("?!", mode=mode))
    assert bool(len(found.ids)) == (mode is not Mode.LEXICAL)
    assert np.isfinite(found.signals).all()
