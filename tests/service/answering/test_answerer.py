from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.records import Mode
from service.answering import Answer, Answerer, Status
from service.answering.chances import ANSWERABLE
from service.answering.kinds import Kind, wanted
from service.answering.things import find
from service.query import Query
from tests.fakes import at_once
from tests.service.answering.made import (
    MANIFEST,
    REPORTS,
    answerer,
    answerer_of,
    check,
    looked,
    reread,
    shorts,
    sources,
)
from tests.service.conftest import make_library
from tests.service.test_search import TWIN_MANIFEST, TWINS


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    """Give an answerer of the library that nobody changes."""
    return answerer_of(tmp_path_factory.mktemp("harbour"))


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer whatever the chance is: it was fitted to the real model."""
    monkeypatch.setattr("service.answering.can_answer", lambda facts: True)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer nothing whatever the chance is."""
    monkeypatch.setattr("service.answering.can_answer", lambda facts: False)


def same(answer: Answer) -> Answer:
    """Leave out what differs from time to time."""
    return replace(answer, took_ms=0.0, found=replace(answer.found, took_ms=0.0))


# --- answers


@pytest.mark.parametrize(
    ("question", "source", "short"),
    [
        ("How many pilots did the harbour office employ in Ashmere?", "ashmere/2020.txt", "17"),
        ("how many pilots harbour office ashmere", "ashmere/2020.txt", "17"),
        ("hwo many pilots did the harbour office employ in ashmere", "ashmere/2020.txt", "17"),
        ("How many steps has the lighthouse that the visitors climbed?", "kentwood/2021.txt", "212"),
        ("How much did the new pier cost that was opened?", "ashmere/2020.txt", "£2.5 million"),
        ("When was the new pier of the town opened?", "ashmere/2020.txt", "4 June 2019"),
        ("Who was the ferry led by?", "ashmere/2020.txt", "Anna Thorne"),
        ("How long did the orchard keepers wait for rain?", "tarn/2020.txt", "six weeks"),
        ("What share of the trees bore fruit, as the keepers said?", "tarn/2020.txt", "60%"),
        ("Where were the apples pressed and the cider sold to sailors?", "tarn/2020.txt", None),
    ],
)
@pytest.mark.usefixtures("talkative")
def test_the_sentence_that_answers_comes_first_with_the_answer_marked(
    asker: Answerer, question: str, source: str, short: str | None
) -> None:
    """Of the kind that is asked for, beside the words that are asked about."""
    answer = asker.ask(Query(question))
    check(answer, REPORTS)
    assert answer.status is Status.ANSWERED
    assert (sources(answer)[0], shorts(answer)[0]) == (source, short)


def test_a_plain_question_is_answered_by_itself(asker: Answerer) -> None:
    """With the weights and the bound that are in use."""
    answer = asker.ask(Query("How many pilots did the harbour office of Ashmere employ when the visitors came?"))
    assert (answer.status, shorts(answer)[0]) == (Status.ANSWERED, "17")
    assert answer.text is not None
    assert answer.text.startswith("The harbour office employed 17 pilots when the visitors came.")


@pytest.mark.usefixtures("talkative")
def test_an_answer_tells_what_it_is_of(asker: Answerer) -> None:
    """The question, what was searched, and the generation of the index."""
    query = Query("How many pilots has Kentwood?")
    answer = asker.ask(query)
    assert (answer.question, answer.found.query) == (query.text, query.text)
    assert (answer.searched.documents, answer.searched.bodies) == (2, ("Kentwood Council",))
    assert answer.found.generation == asker.searcher.generation() == 1
    assert answer.found.interpreted.body == "Kentwood Council"
    assert answer.took_ms > 0


@pytest.mark.usefixtures("talkative")
def test_a_quote_over_a_page_break_is_cited_on_both_pages(asker: Answerer) -> None:
    """To the letter, with the break as a line feed."""
    answer = asker.ask(Query("Were the apples pressed in the mill, and the cider sold to sailors?"))
    (quote, *_) = [one for one in answer.quotes if "pressed\nin the mill" in one.text]
    assert (quote.citation.page, quote.citation.page_end) == (1, 2)
    assert quote.text == reread(quote.citation, REPORTS)


@pytest.mark.usefixtures("talkative")
def test_neighbours_are_quoted_as_they_stand(asker: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the report, whichever of them is the best, in which the answer is marked."""
    monkeypatch.setattr("service.answering.choice.WITHIN", 99.0)
    text = REPORTS["ashmere/2020.txt"].split("\n")[0]
    for question, short in (("Who was the ferry led by?", "Anna Thorne"), ("How many pilots has Ashmere?", "17")):
        answer = asker.ask(Query(question, bodies=("Ashmere",)))
        check(answer, REPORTS)
        assert answer.quotes[0].text.startswith(text)
        assert shorts(answer)[0] == short


@pytest.mark.usefixtures("talkative")
def test_a_change_is_told_by_one_quote_a_report_oldest_first(asker: Answerer) -> None:
    """Of the body that is named, and of no other."""
    answer = asker.ask(Query("How has the number of pilots in the harbour office of Kentwood changed?"))
    check(answer, REPORTS)
    assert answer.status is Status.ANSWERED
    assert (sources(answer), shorts(answer)) == (["kentwood/2018.txt", "kentwood/2021.txt"], ["31", "44"])


@pytest.mark.usefixtures("talkative")
def test_a_change_that_one_report_tells_of_is_half_an_answer(asker: Answerer) -> None:
    """It takes two to tell a change."""
    answer = asker.ask(Query("How has the number of pilots in Ashmere changed?"))
    assert (answer.status, sources(answer)) == (Status.PARTIAL, ["ashmere/2020.txt"])
    assert answer.reason == "only one report was found to say something of this, so a change cannot be told"


@pytest.mark.usefixtures("talkative")
def test_a_question_on_two_bodies_has_a_quote_of_each(asker: Answerer) -> None:
    """And of no other."""
    answer = asker.ask(Query("How many pilots did the harbour offices of Ashmere and Kentwood employ?"))
    check(answer, REPORTS)
    assert answer.status is Status.ANSWERED
    assert sorted(quote.citation.body or "" for quote in answer.quotes) == ["Ashmere Council", "Kentwood Council"]


@pytest.mark.usefixtures("talkative")
def test_the_body_that_nothing_is_found_of_is_named(asker: Answerer) -> None:
    """The answer is of the others alone."""
    answer = asker.ask(
        Query("How many pilots did the harbour offices of Ashmere and Tarn employ when visitors came?")
    )
    check(answer, REPORTS)
    assert (answer.status, sources(answer)) == (Status.PARTIAL, ["ashmere/2020.txt"])
    assert answer.reason == "found nothing of this on Tarn Council"


@pytest.mark.usefixtures("talkative")
def test_what_two_bodies_say_alike_is_quoted_of_both(tmp_path: Path) -> None:
    """A search shows it once, but neither of them has said nothing."""
    twins = answerer_of(tmp_path, TWINS, TWIN_MANIFEST)
    answer = twins.ask(Query("What do wardens learn in Alder and Birch?"))
    check(answer, TWINS)
    assert (answer.status, sorted(sources(answer))) == (Status.ANSWERED, sorted(TWINS))
    assert len(twins.ask(Query("What do wardens learn in Alder?")).quotes) == 1


NAMES_MANIFEST = MANIFEST.replace("second visit,Kentwood Council", "second visit,Kentwood County Council")


@pytest.mark.usefixtures("talkative")
def test_the_same_body_under_two_names_is_one(tmp_path: Path) -> None:
    """It is neither missing by one of them nor quoted twice, and its reports are told one after the other."""
    two_names = answerer_of(tmp_path, REPORTS, NAMES_MANIFEST)
    for name in ("Kentwood", "Kentwood County Council"):
        answer = two_names.ask(Query(f"How many pilots did the harbour offices of {name} and Ashmere employ?"))
        assert (answer.status, len(answer.quotes)) == (Status.ANSWERED, 2)
        changed = two_names.ask(Query(f"How has the number of pilots in the harbour office of {name} changed?"))
        assert sources(changed) == ["kentwood/2018.txt", "kentwood/2021.txt"]


@pytest.mark.usefixtures("talkative")
def test_two_reports_with_different_numbers_are_shown_newest_first(asker: Answerer) -> None:
    """Each in a quote of its own, where no time is asked for; with one, its report comes first."""
    question = "How many pilots did the harbour office of Kentwood employ when the visitors came{}?"
    answer = asker.ask(Query(question.format("")))
    check(answer, REPORTS)
    pairs = list(zip(sources(answer), shorts(answer), strict=True))
    assert pairs[:2] == [("kentwood/2021.txt", "44"), ("kentwood/2018.txt", "31")]
    assert shorts(asker.ask(Query(question.format(" in 2018"))))[0] == "31"


@pytest.mark.usefixtures("talkative")
def test_sentences_without_what_is_asked_for_are_half_an_answer(asker: Answerer) -> None:
    """They are shown, and what is missing is told."""
    answer = asker.ask(Query("How many apples were pressed in the mill?", bodies=("Tarn",)))
    check(answer, REPORTS)
    assert (answer.status, set(shorts(answer))) == (Status.PARTIAL, {None})
    assert answer.reason == "the nearest sentences speak of this, but none gives a number"


@pytest.mark.parametrize(
    "question", ["How many pilots has Kentwood Council?", "How many pilots in 2018 in Kentwood?"]
)
def test_what_is_counted_is_not_the_body(asker: Answerer, question: str) -> None:
    """Its name may stand beside any number of its reports."""
    assert looked(asker, Query(question))[0].topic.wanted.of == {"pilot"}


# --- none


def test_a_body_that_is_not_here_is_named(asker: Answerer) -> None:
    """However well a report of another one fits."""
    answer = asker.ask(Query("How many pilots did the harbour office of Zedhaven employ when the visitors came?"))
    check(answer, REPORTS)
    assert answer.status is Status.UNANSWERABLE
    assert answer.reason == "nothing here is about Zedhaven, nor does any of the 5 documents name it"
    assert answer.found.hits


@pytest.mark.usefixtures("talkative")
def test_a_time_without_a_report_has_no_answer(asker: Answerer, tmp_path: Path) -> None:
    """However well a report of another time fits, unless it speaks of that time itself."""
    query = Query("How many pilots did the harbour office of Ashmere employ in 2011?")
    answer = asker.ask(query)
    check(answer, REPORTS)
    assert answer.status is Status.UNANSWERABLE
    assert (answer.reason or "").startswith("no report on Ashmere Council is of that time")
    told = {**REPORTS, "ashmere/2020.txt": "The harbour office employed 17 pilots in 2011, when the visitors came."}
    assert shorts(answerer_of(tmp_path, told).ask(query)) == ["17"]


@pytest.mark.usefixtures("talkative")
def test_what_is_said_of_another_body_is_no_answer(asker: Answerer) -> None:
    """However well it fits."""
    answer = asker.ask(Query("How many pilots did the harbour office of Tarn employ when the visitors came?"))
    check(answer, REPORTS)
    assert set(sources(answer)) <= {"tarn/2020.txt"}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (Query("How many pilots were in Kentwood in 2011?"), "no report on Kentwood Council is of that time"),
        (Query("How many zebras?"), "not mentioned in the 5 documents that were searched"),
        (
            Query("How many zebras are in Ashmere?"),
            "the one report on Ashmere Council that was searched does not say",
        ),
    ],
)
@pytest.mark.usefixtures("silent")
def test_the_nearest_passages_come_with_the_reason(asker: Answerer, query: Query, reason: str) -> None:
    """Who is not satisfied can read on."""
    answer = asker.ask(query)
    check(answer, REPORTS)
    assert (answer.status, answer.text) == (Status.UNANSWERABLE, None)
    assert (answer.reason or "").startswith(reason)
    assert answer.found.hits == asker.searcher.search(query).hits


def test_nothing_like_it_anywhere_has_no_answer(asker: Answerer) -> None:
    """With the weights and the bound that are in use."""
    answer = asker.ask(Query("How much money do zebras pay for umbrellas?"))
    assert answer.status is Status.UNANSWERABLE
    assert (answer.reason or "").startswith("not mentioned in the 5 documents")


@pytest.mark.usefixtures("talkative")
def test_filters_that_leave_nothing_leave_no_answer(asker: Answerer) -> None:
    """And no hits."""
    answer = asker.ask(Query("How many pilots?", published_from=date(2030, 1, 1)))
    check(answer, REPORTS)
    assert (answer.status, answer.confidence, answer.found.hits) == (Status.UNANSWERABLE, 0, ())
    assert answer.reason == "no document here fits the filters and the bodies that are named"


@pytest.mark.usefixtures("talkative")
def test_an_empty_index_answers_nothing(tmp_path: Path) -> None:
    """Whatever is asked, in whatever mode."""
    empty = answerer_of(tmp_path, {}, "path\n")
    for mode in Mode:
        for question in ("How many pilots?", "How has Kentwood changed since 2018?", "Which councils have pilots?"):
            answer = empty.ask(Query(question, mode=mode))
            check(answer, {})
            assert (answer.reason, answer.found.hits) == ("the index holds no documents", ())


def test_an_unknown_body_in_a_filter_is_refused(asker: Answerer) -> None:
    """As it is by a search."""
    with pytest.raises(InputError, match="Zedhaven"):
        asker.ask(Query("How many pilots?", bodies=("Zedhaven",)))


# --- what a question may say


@pytest.mark.usefixtures("talkative")
def test_quotes_keep_to_the_filters(asker: Answerer) -> None:
    """To bodies, kinds and days."""
    question = "How many pilots did the harbour office employ?"
    assert set(sources(asker.ask(Query(question, bodies=("Ashmere",))))) == {"ashmere/2020.txt"}
    assert set(sources(asker.ask(Query(question, kinds=("survey",))))) == {"tarn/2020.txt"}
    assert set(sources(asker.ask(Query(question, published_to=date(2019, 1, 1))))) == {"kentwood/2018.txt"}


@pytest.mark.usefixtures("talkative")
def test_quotes_keep_to_phrases_and_exclusions(asker: Answerer) -> None:
    """A passage has every phrase, and nothing that is excluded."""
    answer = asker.ask(Query('How many pilots has "the harbour office" -lantern -Anna'))
    check(answer, REPORTS)
    assert sources(answer) == ["kentwood/2021.txt"]
    none = asker.ask(Query('How many pilots has "the zebra office"'))
    check(none, REPORTS)
    assert (none.status, none.found.hits) == (Status.UNANSWERABLE, ())


@pytest.mark.parametrize("k", [1, 2, 100])
@pytest.mark.usefixtures("talkative")
def test_as_many_hits_come_as_were_asked_for(asker: Answerer, k: int) -> None:
    """The quotes do not depend on it."""
    query = Query("How many pilots did the harbour offices employ?", k=k)
    answer = asker.ask(query)
    assert len(answer.found.hits) == len(asker.searcher.search(query).hits) <= k
    assert answer.quotes == asker.ask(replace(query, k=10)).quotes


@pytest.mark.usefixtures("talkative")
def test_an_answer_is_the_same_twice(asker: Answerer, tmp_path: Path) -> None:
    """Also of an index that was made anew."""
    again = answerer_of(tmp_path)
    for question in ("How many pilots?", "How has Kentwood changed?", "Which councils have pilots?", "gulls"):
        first = same(asker.ask(Query(question)))
        assert same(asker.ask(Query(question))) == first
        other = again.ask(Query(question))
        assert (sources(other), shorts(other), other.text) == (sources(first), shorts(first), first.text)
        assert other.confidence == pytest.approx(first.confidence, abs=1e-3)


# --- a collection that changes


@pytest.mark.usefixtures("talkative")
def test_a_deleted_document_is_never_quoted(tmp_path: Path) -> None:
    """Neither by who had the index open, nor by who opens it now; and one that comes is quoted at once."""
    library = make_library(tmp_path, REPORTS, MANIFEST)
    open_before, query = answerer(library), Query("How many pilots did the harbour office of Ashmere employ?")
    assert sources(open_before.ask(query))[0] == "ashmere/2020.txt"
    (library.sources / "ashmere/2020.txt").unlink()
    library.write("manifest.csv", "".join(row for row in MANIFEST.splitlines(keepends=True) if "ashmere" not in row))
    library.write("rye/2022.txt", "The harbour office employed 52 pilots in Rye when the rain came.")
    library.sync()
    for asked in (open_before, answerer(library)):
        answer = asked.ask(query)
        assert answer.found.generation == 2
        assert "ashmere/2020.txt" not in {*sources(answer), *(hit.citation.source for hit in answer.found.hits)}
        assert "17" not in (answer.text or "")
        assert "rye/2022.txt" in sources(asked.ask(Query("How many pilots did the harbour office employ in Rye?")))


@pytest.mark.usefixtures("talkative")
def test_threads_may_share_an_answerer(asker: Answerer) -> None:
    """Each gets the answer to its own question."""
    queries = [
        Query(f"How many pilots has {name}?") for name in ("Kentwood", "Ashmere", "Tarn", "the harbour office")
    ]
    alone = [same(asker.ask(query)) for query in queries]
    shared = at_once([partial(asker.ask, query) for query in queries], times=5)
    assert [[same(answer) for answer in answers] for answers in shared] == [[answer] * 5 for answer in alone]


@pytest.mark.usefixtures("talkative")
def test_an_answer_is_of_one_generation_while_the_index_changes(tmp_path: Path) -> None:
    """Its quotes are of the generation that it names."""
    library = make_library(tmp_path, {"count.txt": "The office employed 1 pilots there."}, "path\n")
    asked = answerer(library)

    def ask() -> tuple[int, list[str | None]]:
        answer = asked.ask(Query("How many pilots did the office employ?"))
        return answer.found.generation, shorts(answer)

    def change() -> tuple[int, list[str | None]]:
        number = asked.searcher.generation() + 1
        library.write("count.txt", f"The office employed {number} pilots there.")
        library.sync()
        return number, [str(number)]

    for told in at_once([ask, ask, change], times=5):
        assert all(found == [str(generation)] for generation, found in told)


# --- any library

WORDS = (
    "pilot gull harbour office employed 31 44 June 2019 good inadequate £5 60% Anna Thorne weeks the of . ?".split()
)
WORDS += ["\n\n", "\f"]
QUESTIONS = st.sampled_from(
    [
        "How many pilots?",
        "How has the office of Kentwood changed?",
        "Which councils have gulls?",
        "Gulls in Kentwood and Ashmere",
        "Who is at the office?",
        "When did gulls come in 2019?",
        "What grade did Ashmere get?",
        "Why gulls?",
        "gulls -Anna",
        "How much did Zedhaven pay?",
    ]
)
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join).filter(lambda text: text.strip())
FILES = ["a.txt", "b.txt", "c.txt"]
ANY_MANIFEST = "path,body,published\na.txt,Kentwood,2019-01-01\nb.txt,Ashmere,2020-01-01\n"


@given(
    st.lists(TEXTS, max_size=3),
    st.lists(QUESTIONS, min_size=1, max_size=4),
    st.sampled_from(Mode),
    st.tuples(st.floats(0, 1), st.floats(0, 99)),
)
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_every_quote_is_verbatim_on_the_page_it_names(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    questions: list[str],
    mode: Mode,
    bounds: tuple[float, float],
) -> None:
    """Of any documents, whatever is asked and however sure one has to be; what is marked is of the kind asked for."""
    reports = dict(zip(FILES, texts, strict=False))
    asked = answerer_of(tmp_path_factory.mktemp("any"), reports, listed(reports))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.answering.can_answer", lambda facts: ANSWERABLE.of(facts) >= bounds[0])
        patch.setattr("service.answering.choice.WITHIN", bounds[1])
        for question in questions:
            query = Query(question, k=2, mode=mode)
            answer = asked.ask(query)
            check(answer, reports)
            assert len(answer.found.hits) <= 2
            kind = looked(asked, query)[0].topic.wanted.kind
            assert kind is wanted(query.terms.words).kind
            for quote in answer.quotes:
                assert not quote.short or kind is not Kind.TEXT
                assert not quote.short or quote.short in places(kind, quote.text)


def listed(reports: Mapping[str, str]) -> str:
    """Leave the rows of the manifest whose files there are."""
    head, *rows = ANY_MANIFEST.splitlines(keepends=True)
    return head + "".join(row for row in rows if row.split(",")[0] in reports)


def places(kind: Kind, text: str) -> list[tuple[int, int]]:
    """Find the things of a kind in each piece of a quote that may be a sentence."""
    cuts = [0, *(at for at in range(1, len(text)) if text[at - 1].isspace())]
    return [(start + at, start + end) for start in cuts for at, end in find(kind, text[start:])]
