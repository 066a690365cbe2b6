from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, R, Success, nDCG

from indexer.errors import IndexBusyError, InputError
from service.answering.answer import Answer
from service.evaluation.outcomes import measured
from service.evaluation.questions import Evidence, Question, Questions, QuestionType
from service.evaluation.run import Found, Held, Searches, evaluate, outcome
from service.query import Query
from service.search import SearchResult
from tests.service.evaluation.conftest import MakeResult
from tests.service.evaluation.made import answer, hit, quote

K20 = Query("anything", k=20)
HELD = Held(frozenset({"a", "b", "c"}), "words")


def question(type_: str, *evidence: tuple[str, int], id_: str = "q1") -> Question:
    return Question(id_, QuestionType(type_), f"text of {id_}", tuple(Evidence(*one) for one in evidence))


class Script:
    """Answers each question with the result written for it, and notes what it was asked."""

    def __init__(self, results: dict[str, SearchResult]) -> None:
        self.results = results
        self.asked: list[Query] = []

    def search(self, query: Query) -> SearchResult:
        self.asked.append(query)
        return self.results.get(query.text) or self.results["text of q1"]


def script(result_of: MakeResult, **found: Sequence[Found]) -> Script:
    return Script({f"text of {id_}": result_of(hits) for id_, hits in found.items()})


def test_a_hit_is_right_by_source_and_by_any_of_its_pages() -> None:
    """The same page of another document is wrong; a passage over a page break is on both pages."""
    asked = question("factual", ("a", 2), ("b", 1))
    found = outcome(
        asked,
        [hit("c", 2, score=0.9), hit("a", 3, score=0.8), hit("a", 1, 2, score=0.7), hit("a", 2, score=0.6)],
        5.0,
    )
    assert (found.page_rank, found.document_rank) == (3, 2)
    assert [(gold.path, gold.page, gold.rank, gold.document_rank) for gold in found.gold] == [
        ("a", 2, 3, 2),
        ("b", 1, None, None),
    ]
    assert [hit.relevant for hit in found.hits] == [False, False, True, True]
    assert (found.top_score, found.took_ms) == (0.9, 5.0)


def test_alternatives_are_one_need() -> None:
    """Of two places that answer a question, one is all that there is to find."""
    found = outcome(question("explanatory", ("a", 1), ("b", 1)), [hit("b", 1)], 5.0)
    assert [need.rank for need in found.needs("page")] == [1]
    values = measured("questions", found)
    assert values["page_ndcg@10"] == values["page_recall@20"] == values["page_complete@10"] == 1


def test_a_comparison_needs_every_report() -> None:
    """Two pages of one report are alternatives; both reports must be there, on their pages or at all."""
    asked = question("temporal", ("a", 1), ("a", 2), ("b", 1))
    found = outcome(asked, [hit("a", 2), hit("b", 9, score=0.4)], 5.0)
    assert [need.rank for need in found.needs("page")] == [1, float("inf")]
    assert [need.rank for need in found.needs("document")] == [1, 2]
    values = measured("questions", found)
    assert (values["page_complete@10"], values["document_complete@10"]) == (0, 1)
    assert (values["page_recall@20"], values["document_recall@20"]) == (0.5, 1)


def test_only_the_first_ten_hits_count_for_the_score() -> None:
    """Ranks go as deep as was asked; scores are checked as far as a reader looks."""
    found = outcome(question("factual", ("a", 1)), [hit("b", 1)] * 11 + [hit("a", 1, score=0.1)], 5.0)
    assert found.page_rank == 12
    assert len(found.hits) == 10


def test_documents_of_a_public_set_are_ranked_by_their_best_hit() -> None:
    """Several passages of one document take one place in the ranking."""
    found = outcome(
        question("query", ("a", 1)), [hit("b", 1, score=0.9), hit("b", 1, score=0.8), hit("a", 1, score=0.7)], 5.0
    )
    assert found.document_rank == 2
    assert measured("beir", found)["document_mrr@10"] == 0.5


PLACES = st.tuples(st.sampled_from("abc"), st.integers(1, 3))
HITS = st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(1, 3), min_size=1, max_size=2, unique=True)))
TYPES = st.sampled_from(["factual", "explanatory", "temporal", "thematic", "query"])


@given(TYPES, st.lists(PLACES, min_size=1, max_size=6, unique=True), HITS)
def test_the_measures_are_those_of_ir_measures(
    type_: str, evidence: list[tuple[str, int]], hits: list[tuple[str, list[int]]]
) -> None:
    """Told which hit is the first for which need, ir-measures comes to the same numbers."""
    found = outcome(question(type_, *evidence), [hit(source, *pages) for source, pages in hits], 5.0)
    ours = measured("beir" if type_ == "query" else "questions", found)
    for view in ("page", "document"):
        if f"{view}_mrr@10" not in ours:
            continue
        if type_ == "query":
            ranking = list(dict.fromkeys(source for source, _ in hits))
        else:
            ranking = []
            for number, (source, pages) in enumerate(hits):
                right = any(path == source and (view == "document" or page in pages) for path, page in evidence)
                name = "answer" if type_ in {"factual", "explanatory"} else source
                ranking.append(name if right and name not in ranking else f"junk {number}")
        wanted = {"answer"} if type_ in {"factual", "explanatory"} else {path for path, _ in evidence}
        theirs = _by_ir_measures(ranking, wanted)
        for name, value in ours.items():
            if name.startswith(view) and "complete" not in name:
                assert value == pytest.approx(theirs[name.removeprefix(f"{view}_")]), name


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 4), min_size=1),
    st.lists(st.sampled_from("abcdef"), unique=True),
)
def test_graded_gains_are_those_of_ir_measures(gains: dict[str, int], ranking: list[str]) -> None:
    """Public sets may judge some documents to be more relevant than others."""
    asked = Question("q1", QuestionType.QUERY, "text", tuple(Evidence(one, 1, gain) for one, gain in gains.items()))
    found = outcome(asked, [hit(source, 1) for source in ranking], 5.0)
    assert measured("beir", found)["document_ndcg@10"] == pytest.approx(_by_ir_measures(ranking, gains)["ndcg@10"])


def _by_ir_measures(ranking: Sequence[str], wanted: Any) -> dict[str, float]:
    names = {
        "hit@1": Success @ 1,
        "hit@5": Success @ 5,
        "hit@10": Success @ 10,
        "mrr@10": RR @ 10,
        "ndcg@10": nDCG @ 10,
        "recall@10": R @ 10,
        "recall@20": R @ 20,
        "recall@100": R @ 100,
    }
    gains = wanted if isinstance(wanted, dict) else dict.fromkeys(wanted, 1)
    run = {one: 1.0 / rank for rank, one in enumerate(ranking, start=1)} or {"nothing": 1.0}
    values = ir_measures.calc_aggregate(list(names.values()), {"q": gains}, {"q": run})
    return {name: values[measure] for name, measure in names.items()}


def test_every_question_is_asked_alike(result_of: MakeResult) -> None:
    """Only the text changes; the first search is not counted, since it may load a model, and asks none of them."""
    questions = Questions("made up", (question("factual", ("a", 1)), question("unanswerable", id_="q2")))
    searches = script(result_of, q1=[hit("a", 1)], q2=[hit("b", 1, score=0.3)])
    steps: list[tuple[int, int]] = []
    found = evaluate(questions, searches, HELD, like=K20, progress=lambda done, total: steps.append((done, total)))
    assert searches.asked == [K20, *(replace(K20, text=f"text of {id_}") for id_ in ("q1", "q2"))]
    assert steps == [(0, 2), (1, 2)]
    assert [one.id for one in found.outcomes] == ["q1", "q2"]
    assert (found.settings.k, found.settings.encoder, found.settings.questions) == (20, "words", "made up")
    assert found.settings.infer
    assert not evaluate(questions, searches, HELD, like=replace(K20, infer=False)).settings.infer
    assert list(found.groups) == ["all", "factual"]
    assert found.calibration is not None
    assert (found.calibration.hits, found.calibration.auc) == (2, 1.0)


def test_a_hit_is_noted_with_its_source_its_score_and_the_pages_of_all_its_spans(result_of: MakeResult) -> None:
    """A passage over a page break is right on its second page too."""
    asked = question("factual", ("a", 3))
    results = script(result_of, q1=[hit("b", 3, score=0.9), hit("a", 2, 3, score=0.7), hit("a", 1, score=0.6)])
    (noted,) = evaluate(Questions("x", (asked,)), results, HELD, like=K20).outcomes
    assert (noted.page_rank, noted.document_rank, noted.top_score, noted.took_ms) == (2, 2, 0.9, 5.0)
    assert [(one.score, one.relevant) for one in noted.hits] == [(0.9, False), (0.7, True), (0.6, False)]


def test_a_question_whose_document_is_missing_is_left_out(result_of: MakeResult) -> None:
    """It is named, with its documents, and no figure counts it as a failure; a comparison needs both of its."""
    questions = Questions(
        "made up",
        (
            question("factual", ("a", 1), ("gone", 1)),
            question("factual", ("gone", 1), id_="q2"),
            question("temporal", ("a", 1), ("gone", 1), id_="q3"),
            question("thematic", ("a", 1), ("gone", 1), id_="q4"),
        ),
    )
    found = evaluate(questions, script(result_of, q1=[hit("a", 1)], q4=[hit("a", 1)]), HELD, like=K20)
    assert [(one.id, one.documents) for one in found.missing] == [("q2", ("gone",)), ("q3", ("gone",))]
    assert [(one.id, one.absent) for one in found.outcomes] == [("q1", ("gone",)), ("q4", ("gone",))]
    assert found.groups["all"].questions == 2
    assert found.groups["thematic"].figures["page_recall@20"].mean == 1


def test_a_public_set_counts_what_is_missing_as_not_found(result_of: MakeResult) -> None:
    """So do the published figures."""
    questions = Questions("made up", (question("query", ("a", 1), ("gone", 1)),))
    found = evaluate(questions, script(result_of, q1=[hit("a", 1)]), HELD, like=K20)
    assert found.kind == "beir"
    assert found.missing == ()
    assert found.groups["all"].figures["document_recall@100"].mean == 0.5


def test_an_index_of_something_else_is_told(result_of: MakeResult) -> None:
    """Where no question can be asked there are no figures."""
    questions = Questions("made up", (question("factual", ("gone", 1)),))
    with pytest.raises(InputError, match="holds no document that `made up` asks for, such as `gone`"):
        evaluate(questions, script(result_of, q1=[]), HELD, like=K20)


def test_an_index_that_changes_meanwhile_is_told(result_of: MakeResult) -> None:
    """Figures of two generations would be of no index."""
    questions = Questions("made up", (question("factual", ("a", 1)), question("factual", ("a", 1), id_="q2")))
    searches = script(result_of, q1=[], q2=[])
    later = searches.results["text of q2"]
    searches.results["text of q2"] = replace(later, generation=later.generation + 1)
    with pytest.raises(IndexBusyError, match="changed from generation 1 to 2"):
        evaluate(questions, searches, HELD, like=K20)


@pytest.mark.parametrize(
    ("text", "k", "message"),
    [
        ("why?", 19, "k is 19; the measures look at the first 20 hits"),
        ("x" * 1001, 20, "question `q1` cannot be asked"),
    ],
)
def test_what_cannot_be_asked_is_told_before_anything_is(
    result_of: MakeResult, text: str, k: int, message: str
) -> None:
    """A bad question at the end of a file does not cost the time of all those before it."""
    bad = replace(question("factual", ("a", 1)), text=text)
    searches = script(result_of, q0=[])
    with pytest.raises(InputError, match=message):
        evaluate(Questions("x", (question("factual", ("a", 1), id_="q0"), bad)), searches, HELD, like=Query("x", k=k))
    assert searches.asked == []


class Quoting:
    """Answers each question as it is written, and notes what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.left = [answers[0], *answers]  # the first is not counted
        self.asked: list[Query] = []

    def ask(self, query: Query) -> Answer:
        self.asked.append(query)
        return self.left.pop(0)


def test_questions_are_asked_as_they_are_searched_for(result_of: MakeResult) -> None:
    """What was answered stands beside the ranks, which it does not change; a question left out is not asked."""
    questions = Questions(
        "made up",
        (
            replace(question("factual", ("a", 1)), answers=("18",)),
            question("factual", ("gone", 1), id_="q2"),
            question("unanswerable", id_="q3"),
        ),
    )
    searches, asks = (
        script(result_of, q1=[hit("a", 1)], q3=[]),
        Quoting(answer(quote("There were 18.", short="18")), answer(confidence=0.1)),
    )
    found = evaluate(questions, searches, HELD, like=K20, asks=asks)
    assert (
        asks.asked
        == searches.asked
        == [
            K20,
            *(replace(K20, text=f"text of {id_}") for id_ in ("q1", "q3")),
        ]
    )
    first, second = found.outcomes
    assert first.answered is not None
    assert (first.answered.short, first.answered.exact, first.answered.took_ms) == ("18", 1, 30)
    assert second.answered is not None
    assert (second.answered.is_given, second.answered.confidence) == (False, 0.1)
    assert found.answers is not None
    assert found.answers.groups["all"].figures["unanswerable_recall"].mean == 1
    searched = evaluate(questions, searches, HELD, like=K20)
    assert searched.answers is None
    assert replace(found, answers=None, outcomes=()) == replace(searched, outcomes=())


def test_an_answer_of_another_generation_is_told(result_of: MakeResult) -> None:
    """The index may change between the search and the answer."""
    later = answer()
    later = replace(later, found=replace(later.found, generation=2))
    with pytest.raises(IndexBusyError, match="changed from generation 1 to 2"):
        evaluate(
            Questions("x", (question("factual", ("a", 1)),)),
            script(result_of, q1=[]),
            HELD,
            like=K20,
            asks=Quoting(later),
        )


def test_nothing_found_is_no_hit(result_of: MakeResult) -> None:
    """A search without hits has no score, and the question counts as failed."""
    searches: Searches = script(result_of, q1=[])
    found = evaluate(Questions("x", (question("factual", ("a", 1)),)), searches, HELD, like=K20)
    assert found.calibration is None
    assert found.outcomes[0].top_score is None
    assert found.groups["all"].figures["page_hit@10"].mean == 0
