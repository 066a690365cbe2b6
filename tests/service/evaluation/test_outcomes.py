import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from indexer.errors import InputError
from service.evaluation.measures import Figure
from service.evaluation.outcomes import Evaluation, Missing, measured, read_evaluation
from service.evaluation.questions import QuestionType
from tests.service.evaluation.made import outcome, run, said


def test_figures_are_means_over_the_questions_of_a_type() -> None:
    """Questions without an answer count for the scores alone."""
    found = run(
        outcome("q1", "factual", 1, hits=[(0.9, True)]),
        outcome("q2", "factual", None, hits=[(0.5, False)]),
        outcome("q3", "thematic", 1, None, 3, None, hits=[(0.8, True)]),
        outcome("q4", "unanswerable", hits=[(0.6, False)]),
    )
    assert {name: group.questions for name, group in found.groups.items()} == {"all": 3, "factual": 2, "thematic": 1}
    assert found.groups["factual"].figures["page_hit@1"] == Figure(0.5, 0.0, 1.0)
    assert found.groups["thematic"].figures["page_recall@20"].mean == 0.5
    assert found.groups["all"].figures["page_recall@20"].mean == 0.5
    assert found.calibration is not None
    assert found.calibration.hits == 4
    assert found.calibration.auc == pytest.approx(2 / 3)
    assert found.latency.median_ms == 4


def test_answers_leave_the_figures_of_hits_as_they_are() -> None:
    """Their own stand beside them, of unanswerable questions too; without answers there are none."""
    outcomes = [outcome("q1", "factual", 1, hits=[(0.9, True)]), outcome("q2", "unanswerable", hits=[(0.6, False)])]
    asked = run(*(replace(one, answered=said(True)) for one in outcomes))
    searched = run(*outcomes)
    assert (asked.groups, asked.calibration, asked.latency) == (
        searched.groups,
        searched.calibration,
        searched.latency,
    )
    assert searched.answers is None
    assert asked.answers is not None
    assert list(asked.answers.groups) == ["all", "factual", "unanswerable"]


def test_only_unanswerable_questions_have_no_ranks() -> None:
    """There are scores and times all the same."""
    found = run(outcome("q1", "unanswerable", hits=[(0.6, False)]))
    assert found.groups == {}
    assert found.calibration is not None


def test_the_measures_have_names_that_say_what_is_looked_at() -> None:
    """A page or a document, the measure, and how far down."""
    names = list(measured("questions", outcome("q1", "factual", 1)))
    assert names[:7] == [
        *("page_hit@1", "page_hit@5", "page_hit@10", "page_mrr@10", "page_ndcg@10"),
        *("page_recall@20", "page_complete@10"),
    ]
    assert names[7:] == [name.replace("page", "document") for name in names[:7]]
    names = list(measured("beir", outcome("q1", "query", 1)))
    assert names == ["document_ndcg@10", "document_mrr@10", "document_recall@10", "document_recall@100"]


def test_a_run_is_read_as_it_was_printed(tmp_path: Path) -> None:
    """Nothing is lost on the way through JSON, also what was not found."""
    found = run(
        replace(outcome("q1", "factual", None, 2, hits=[(0.25, False)]), answered=said(True, False, exact=1.0)),
        replace(outcome("q2", "unanswerable"), answered=said()),
        missing=[Missing("q3", QuestionType.TEMPORAL, ("gone.txt",))],
    )
    path = tmp_path / "run.json"
    path.write_bytes(TypeAdapter(Evaluation).dump_json(found))
    assert read_evaluation(path) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("no JSON", "is not what `citewell eval --json` prints"),
        ("[]", "is not what `citewell eval --json` prints"),
        ('{"hits": []}', "is not what `citewell eval --json` prints"),
        ('{"format": 1}', "has format 1, this version reads 2; evaluate once more"),
    ],
)
def test_another_file_is_no_run(tmp_path: Path, text: str | None, message: str) -> None:
    """The message names it and says what to do."""
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=re.escape(f"`{path}` {message}")):
        read_evaluation(path)
