from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.answer import Answer, Quote
from service.evaluation.answers import MEASURES, Answered, answer_figures, answer_measured, answered
from service.evaluation.questions import Evidence, Question, QuestionType
from tests.service.evaluation.made import answer, quote, said

EVIDENCE = (Evidence("a", 2, quotes=("They hired 18 foster carers in spring.",)), Evidence("b", 1))
FACTUAL = Question("q1", QuestionType.FACTUAL, "How many carers were hired?", EVIDENCE, ("18", "eighteen"))
NOBODY = Question("q2", QuestionType.UNANSWERABLE, "Who sold the mill?", ())


def measured(asked: Question, given_answer: Answer) -> dict[str, float]:
    return answer_measured(asked.type, answered(asked, given_answer, {}))


def other(type_: str) -> Question:
    return Question("q3", QuestionType(type_), "What of the carers?", EVIDENCE, ("They were hired in spring",))


def test_the_short_answer_is_the_marked_part_of_the_first_quote() -> None:
    """It is held against every gold answer; a first quote without a mark gives none."""
    marked = quote("They hired 18 foster carers.", short="18 foster")
    found = answered(FACTUAL, answer(marked), {})
    assert (found.short, found.exact) == ("18 foster", 0)
    assert found.f1 == pytest.approx(2 / 3)
    found = answered(FACTUAL, answer(quote("They hired 18."), marked), {})
    assert (found.short, found.exact, found.f1) == (None, 0, 0)
    assert (
        measured(FACTUAL, answer(quote("They hired 18.", short="18"))).items()
        >= {
            "answer_em": 1.0,
            "answer_f1": 1.0,
        }.items()
    )


def test_a_quote_hits_where_it_has_a_gold_answer_wherever_it_stands() -> None:
    """The first, or any that is shown."""
    right, wrong = quote("Eighteen were hired.", "c", 7), quote("They hired 180.", "a", 2)
    values = [measured(FACTUAL, answer(*quotes)) for quotes in ((right, wrong), (wrong, right), (wrong,))]
    assert [one["quote_hit@1"] for one in values] == [1, 0, 0]
    assert [one["quote_hit@all"] for one in values] == [1, 1, 0]


@pytest.mark.parametrize(
    ("shown", "overlaps"),
    [
        (quote("18 foster carers in spring", "a", 2), 1),
        (quote("18 foster carers in spring", "a", 1, 2), 1),
        (quote("18 foster carers in spring", "a", 3), 0),
        (quote("18 foster carers in spring", "c", 2), 0),
        (quote("Bridges were repaired.", "a", 2), 0),
        (quote("Anything at all", "b", 1), 1),
    ],
)
def test_a_quote_overlaps_on_a_gold_page_with_what_is_quoted_there(shown: Quote, overlaps: float) -> None:
    """The page and the words must be right; where the evidence names a page alone, that is enough."""
    for asked in (FACTUAL, other("explanatory"), other("temporal"), other("thematic")):
        found = measured(asked, answer(shown))
        assert (found["quote_overlap@1"], found["quote_overlap@all"]) == (overlaps, overlaps)


def test_what_is_called_unanswerable_says_nothing() -> None:
    """Whatever quotes come with it; of an unanswerable question that is the right answer."""
    refused = answer(quote("They hired 18.", "b", short="18"), status="unanswerable", confidence=0.9)
    values = measured(FACTUAL, refused)
    assert set(values.values()) == {0}
    assert {"answered", "answer_em", "quote_hit@all", "quote_overlap@all"} <= values.keys()
    assert measured(NOBODY, refused) == {"unanswerable_recall": 1}
    assert measured(NOBODY, answer(quote("The mill was sold."))) == {"unanswerable_recall": 0}
    assert measured(FACTUAL, answer(quote("They hired some."), status="partial"))["answered"] == 1


def test_a_comparison_quotes_both_reports_in_the_order_of_their_dates() -> None:
    """A single date is no order; a quote without one does not disturb it."""
    first, second, undated = quote("x", "a"), quote("x", "b"), quote("x", "c")
    days = {"a": date(2019, 1, 1), "b": date(2022, 1, 1)}
    asked = other("temporal")
    shown = [(first, second), (second, first), (first, undated, second), (first, first), (first,), (undated, undated)]
    values = [answer_measured(asked.type, answered(asked, answer(*quotes), days)) for quotes in shown]
    assert [one["reports_quoted"] for one in values] == [1, 1, 1, 0, 0, 0]
    assert [one["reports_in_order"] for one in values] == [1, 0, 1, 1, 0, 0]


def test_documents_that_the_index_lacks_need_not_be_quoted() -> None:
    """As they are left out of the ranks."""
    shown = answer(quote("x", "a"))
    assert [answered(FACTUAL, shown, {}, absent).complete for absent in ((), ("b",))] == [False, True]


def test_a_question_across_bodies_counts_the_bodies_quoted() -> None:
    """Each once, and only those that are known."""
    shown = [quote("x", body=body) for body in ("Redbrook", "Bluehill", "Redbrook", None)]
    assert measured(other("thematic"), answer(*shown))["bodies_quoted"] == 2


def test_a_factual_question_without_gold_answers_is_measured_by_its_evidence() -> None:
    """There is nothing to hold the short answer against, so nothing is said of it."""
    asked = Question("q1", QuestionType.FACTUAL, "How many?", EVIDENCE)
    found = answered(asked, answer(quote("Anything", "b", 1)), {})
    assert set(answer_measured(asked.type, found)) == {"answered", "quote_overlap@1", "quote_overlap@all"}
    assert found.is_right


def test_figures_are_over_the_questions_that_a_measure_applies_to() -> None:
    """Among all questions, too; each type has its own."""
    found = answer_figures(
        [
            (QuestionType.UNANSWERABLE, said()),
            (QuestionType.UNANSWERABLE, said(False)),
            (QuestionType.TEMPORAL, said(True)),
            (QuestionType.FACTUAL, said(True, exact=1.0)),
            (QuestionType.FACTUAL, said(exact=0.0)),
        ],
        "all",
    )
    assert {name: one.questions for name, one in found.groups.items()} == {
        "all": 5,
        "factual": 2,
        "temporal": 1,
        "unanswerable": 2,
    }
    assert list(found.groups["all"].figures) == [name for name in MEASURES if name != "bodies_quoted"]
    means = {name: one.mean for name, one in found.groups["all"].figures.items()}
    assert means["answered"] == pytest.approx(2 / 3)
    assert (means["unanswerable_recall"], means["answer_em"]) == (0.5, 0.5)
    assert list(found.groups["unanswerable"].figures) == ["unanswerable_recall"]
    assert found.coverage == 0.6
    assert found.latency.median_ms == 30


def test_confidence_and_risk_are_held_against_all_quotes() -> None:
    """Refusals promise nothing, are the last to be answered, and would be wrong then."""
    found = answer_figures(
        [
            (QuestionType.FACTUAL, said(False, True, confidence=0.8)),
            (QuestionType.EXPLANATORY, said(True, confidence=0.6)),
            (QuestionType.UNANSWERABLE, said(False, confidence=0.4)),
            (QuestionType.UNANSWERABLE, said(confidence=0.95)),
        ],
        "all",
    )
    assert [one.risk for one in found.risk.points] == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert found.calibration is not None
    assert found.calibration.hits == 3
    assert found.calibration.ece == pytest.approx((0.2 + 0.4 + 0.4) / 3)
    assert found.calibration.auc == 0.5


def test_where_nothing_is_answered_no_confidence_is_checked() -> None:
    """The risk is that of answering wrongly throughout."""
    found = answer_figures([(QuestionType.UNANSWERABLE, said())], "all")
    assert found.calibration is None
    assert (found.coverage, found.risk.area) == (0, 1)


TEXTS = st.sampled_from(["They hired 18.", "18 foster carers in spring", "Bridges were repaired.", ""])
QUOTES = st.builds(quote, TEXTS, st.sampled_from("abc"), st.integers(1, 2), body=st.none() | st.just("Redbrook"))
STATUSES = st.sampled_from(["answered", "partial", "unanswerable"])


@given(st.sampled_from(QuestionType), st.lists(QUOTES, max_size=4).map(tuple), STATUSES)
def test_measures_agree_with_one_another(type_: QuestionType, quotes: tuple[Quote, ...], status: str) -> None:
    """All have known names, rise with the quotes shown, and are 0 where nothing was said."""
    evidence = () if type_ is QuestionType.UNANSWERABLE else EVIDENCE
    asked = Question("q", type_, "How many?", evidence, FACTUAL.answers)
    found: Answered = answered(asked, answer(*quotes, status=status), {})
    values = answer_measured(type_, found)
    assert values.keys() <= set(MEASURES)
    assert all(0 <= value <= 1 for value in values.values())
    for name in ("quote_hit", "quote_overlap"):
        assert values.get(f"{name}@1", 0) <= values.get(f"{name}@all", 0) <= values.get("answered", 0)
    assert found.is_given or not found.is_right
