"""nDCG@10 as it stands beside figures of speed."""

from math import isnan, log2

import pytest

from service.evaluation.questions import Evidence, Question, Questions, QuestionType
from service.evaluation.run import Found
from tests.benchmarks.quality import answerable, mean_ndcg

ON_A = Question("1", QuestionType.FACTUAL, "on a", (Evidence("a.md", 2),))
ON_B = Question("2", QuestionType.FACTUAL, "on b", (Evidence("b.md", 1),))
OPEN = Question("3", QuestionType.UNANSWERABLE, "on nothing", ())
A_SET = Question("4", QuestionType.QUERY, "of a set", (Evidence("b.md", 1),))


def page(path: str, number: int) -> Found:
    return Found(path, frozenset({number}), 0.0)


def test_only_questions_whose_documents_are_held_are_scored() -> None:
    """A question without an answer, or about a document that is not there, says nothing of a ranking."""
    asked = Questions("some", (ON_A, ON_B, OPEN))
    assert answerable(asked, {"a.md", "c.md"}) == [ON_A]


def test_a_right_page_counts_by_its_rank() -> None:
    """One question answered at rank 1 and one at rank 2 give the mean of 1 and 1 / log2(3)."""
    rankings = {"on a": [page("a.md", 2)], "on b": [page("a.md", 1), page("b.md", 1)]}
    assert mean_ndcg([ON_A, ON_B], rankings.__getitem__) == pytest.approx((1 + 1 / log2(3)) / 2)


def test_the_right_document_at_another_page_is_no_answer() -> None:
    """Pages count, not documents."""
    assert mean_ndcg([ON_A], lambda _: [page("a.md", 1)]) == 0


def test_documents_of_a_public_set_are_ranked_once_each() -> None:
    """Several hits of one document take one place of such a ranking."""
    assert mean_ndcg([A_SET], lambda _: [page("a.md", 1)] * 20 + [page("b.md", 1)]) == pytest.approx(1 / log2(3))


def test_without_questions_there_is_no_figure() -> None:
    """Nothing asked is not the same as nothing found."""
    assert isnan(mean_ndcg([], lambda _: []))
