from dataclasses import replace

import pytest

from indexer.errors import InputError
from service.evaluation.compare import Change, compare
from service.evaluation.outcomes import Evaluation
from tests.service.evaluation.made import SETUP, outcome, run, said

BEFORE = run(
    outcome("q1", "factual", 1),
    outcome("q2", "factual", 2),
    outcome("q3", "thematic", None, 4),
    outcome("q4", "factual", 7),
    outcome("q5", "unanswerable"),
)
AFTER = run(
    outcome("q4", "factual", 7),
    outcome("q1", "factual", None),
    outcome("q2", "factual", 3),
    outcome("q3", "thematic", 1, 4),
    outcome("q5", "unanswerable"),
)


def test_differences_are_those_of_each_question() -> None:
    """Questions go together by their ids, whatever their order; the second run less the first."""
    found = compare(BEFORE, AFTER)
    mrr = found.groups["all"]["page_mrr@10"]
    assert mrr.before == pytest.approx((1 + 1 / 2 + 1 / 4 + 1 / 7) / 4)
    assert mrr.after == pytest.approx((0 + 1 / 3 + 1 + 1 / 7) / 4)
    assert mrr.difference.mean == pytest.approx(mrr.after - mrr.before)
    assert mrr.difference.low <= mrr.difference.mean <= mrr.difference.high
    assert (mrr.wins, mrr.losses, mrr.ties) == (1, 2, 1)
    assert 0 < mrr.p <= 1
    assert found.groups["thematic"]["page_recall@20"].difference.mean == 0.5
    assert list(found.groups) == ["all", "factual", "thematic"]


def test_changes_come_with_the_worst_losses_first() -> None:
    """What fell out of the hits from the first place is worst, what rose from nowhere to it is best."""
    found = compare(BEFORE, AFTER)
    assert found.changes == (
        Change("q1", "factual", 1, None),
        Change("q2", "factual", 2, 3),
        Change("q3", "thematic", 4, 1),
    )
    assert found.unchanged == 1


def test_a_run_is_as_good_as_itself() -> None:
    """No differences, no changes, and nothing that could not be chance."""
    found = compare(BEFORE, BEFORE)
    assert found.changes == ()
    for difference in found.groups["all"].values():
        assert (difference.difference.low, difference.difference.high, difference.p) == (0, 0, 1)
        assert (difference.wins, difference.losses, difference.ties) == (0, 0, 4)


def test_public_sets_are_compared_by_documents() -> None:
    """They have no pages."""
    found = compare(run(outcome("q1", "query", 2)), run(outcome("q1", "query", 1)))
    assert found.kind == "beir"
    assert found.groups["all"]["document_mrr@10"].difference.mean == 0.5
    assert found.changes == (Change("q1", "query", 2, 1),)


def test_answers_are_compared_beside_the_ranks() -> None:
    """Also those of unanswerable questions, among all; where one run has none, ranks alone are compared."""
    before, after = (
        run(
            replace(outcome("q1", "factual", 1), answered=said(right, exact=float(right))),
            replace(outcome("q2", "thematic", 2), answered=said(True)),
            replace(outcome("q3", "unanswerable"), answered=said() if right else said(False)),
        )
        for right in (False, True)
    )
    found = compare(before, after)
    assert list(found.groups) == ["all", "factual", "thematic"]
    assert found.groups["all"]["quote_overlap@1"].difference.mean == 0.5
    assert found.groups["factual"]["answer_em"].difference.mean == 1
    assert found.groups["all"]["unanswerable_recall"].wins == 1
    assert found.groups["thematic"]["bodies_quoted"].ties == 1
    searched = run(*(replace(one, answered=None) for one in after.outcomes))
    assert compare(before, searched).groups == compare(searched, searched).groups


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (run(outcome("q1", "factual", 1), setup=replace(SETUP, questions_sha256="1" * 64)), "different questions"),
        (run(*AFTER.outcomes[1:]), "question `q4` was left out of one of the runs"),
        (run(*AFTER.outcomes, outcome("q6", "factual", 1)), "question `q6` was left out of one of the runs"),
        (run(replace(AFTER.outcomes[0], absent=("x",)), *AFTER.outcomes[1:]), "for question `q4` the two indexes"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(after: Evaluation, message: str) -> None:
    """Other questions, or the same questions of other documents, give no pairs."""
    with pytest.raises(InputError, match=message):
        compare(BEFORE, after)


def test_questions_without_answers_have_no_ranks_to_compare() -> None:
    """That is told rather than an empty table."""
    alone = run(outcome("q1", "unanswerable"))
    with pytest.raises(InputError, match="none of the questions has an answer"):
        compare(alone, alone)
