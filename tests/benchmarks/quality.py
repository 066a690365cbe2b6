"""nDCG@10 of any ranking, so that no figure of speed stands without what it costs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from indexer.records import StoredPassage
from service.evaluation.beir import read_set
from service.evaluation.measures import ndcg
from service.evaluation.outcomes import View
from service.evaluation.questions import Question, Questions, QuestionType, read_questions
from service.evaluation.run import Found, outcome

K = 10


def read(path: Path, limit: int | None = None) -> Questions:
    """Read a question file, or the queries of a public set, whose folder is named. Raises InputError."""
    return read_set(path, limit).questions if path.is_dir() else read_questions(path, limit)


def answerable(questions: Questions, held: set[str]) -> list[Question]:
    """Give the questions with an answer in the documents that are held, by path."""
    return [one for one in questions.all if one.evidence and held.issuperset(one.documents)]


def mean_ndcg(questions: Sequence[Question], ranked: Callable[[str], Sequence[Found]]) -> float:
    """Give the mean nDCG@10 of what `ranked` gives for each question's text, best first: by page, as `citewell eval`.

    Documents of a public set are ranked by their best hit, so such a ranking should be deeper than ten.
    """
    figures = []
    for question in questions:
        view: View = "document" if question.type is QuestionType.QUERY else "page"
        figures.append(ndcg(outcome(question, ranked(question.text), 0.0).needs(view), K))
    return float(np.mean(figures)) if figures else float("nan")


def found(stored: StoredPassage, score: float) -> Found:
    """Give a passage as the measures look at it."""
    return Found(stored.document.path, frozenset(span.page for span in stored.passage.spans), score)
