"""What came of each question, and the figures over all of them: the JSON document of `citewell eval`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from indexer.errors import InputError
from service.evaluation import measures
from service.evaluation.answers import Answered, Answers, answer_figures
from service.evaluation.measures import Calibration, Group, Latency, Measure, Need
from service.evaluation.questions import QuestionType

FORMAT = 2
ALL = "all"  # the group of all questions; where hits are ranked, of all that have an answer
SCORED_HITS = 10  # hits a question whose scores are checked

Kind = Literal["questions", "beir"]
View = Literal["page", "document"]

_MEASURES: tuple[tuple[str, Measure, int], ...] = (
    ("hit", measures.hit, 1),
    ("hit", measures.hit, 5),
    ("hit", measures.hit, 10),
    ("mrr", measures.mrr, 10),
    ("ndcg", measures.ndcg, 10),
    ("recall", measures.recall, 20),
    ("complete", measures.complete, 10),
)
_BEIR_MEASURES: tuple[tuple[str, Measure, int], ...] = (
    ("ndcg", measures.ndcg, 10),
    ("mrr", measures.mrr, 10),
    ("recall", measures.recall, 10),
    ("recall", measures.recall, 100),
)


@dataclass(frozen=True, slots=True)
class Gold:
    """A page of the evidence, and the ranks, from 1, of the first hit on it and of the first hit in its document."""

    path: str
    page: int
    gain: float
    rank: int | None
    document_rank: int | None


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of a hit, and whether it is on a gold page."""

    score: float
    relevant: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question."""

    id: str
    type: QuestionType
    page_rank: int | None  # of the first hit on a gold page
    document_rank: int | None  # of the first hit in a gold document
    top_score: float | None
    took_ms: float
    gold: tuple[Gold, ...]
    absent: tuple[str, ...]  # documents of the evidence that the index does not hold
    hits: tuple[Scored, ...]  # the first ten
    answered: Answered | None = None  # where it was asked, and not only searched for

    def needs(self, view: View) -> tuple[Need, ...]:
        """Group the evidence into what must be found.

        A factual or explanatory question has one need, which any page (or document) of its evidence meets. Other
        questions have one need a document, met by any of its gold pages (or by the document). A hit has one document,
        so it never meets two needs.
        """
        groups: dict[str, list[Gold]] = {}
        alternatives = self.type in {QuestionType.FACTUAL, QuestionType.EXPLANATORY}
        for gold in self.gold:
            groups.setdefault("" if alternatives else gold.path, []).append(gold)
        return tuple(
            Need(
                rank=min(inf if (rank := _rank(gold, view)) is None else rank for gold in group),
                gain=max(gold.gain for gold in group),
            )
            for group in groups.values()
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """A question left out of all figures, since the index lacks the documents that it cannot be answered without."""

    id: str
    type: QuestionType
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """What was measured."""

    questions: str  # name of the file or folder
    questions_sha256: str
    mode: str
    k: int
    encoder: str | None  # None where the index holds no vectors
    generation: int
    infer: bool = True  # whether bodies and times were read from the questions


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that is known of one run; the figures follow from the outcomes."""

    format: int
    kind: Kind
    settings: Setup
    groups: dict[str, Group]  # by type, first that of all questions with an answer
    calibration: Calibration | None
    latency: Latency
    missing: tuple[Missing, ...]
    outcomes: tuple[Outcome, ...]
    answers: Answers | None = None  # where all questions were asked


def evaluated(setup: Setup, outcomes: Sequence[Outcome], missing: Sequence[Missing]) -> Evaluation:
    """Work out the figures. There must be an outcome at least."""
    kind: Kind = "beir" if outcomes[0].type is QuestionType.QUERY else "questions"
    with_answer = [one for one in outcomes if one.gold]
    members = {ALL: with_answer}
    if kind == "questions":
        members |= {type_: [one for one in with_answer if one.type is type_] for type_ in QuestionType}
    given = [(one.type, one.answered) for one in outcomes if one.answered]
    return Evaluation(
        format=FORMAT,
        kind=kind,
        settings=setup,
        groups={name: _group(kind, group) for name, group in members.items() if group},
        calibration=measures.calibration(
            [hit.score for one in outcomes for hit in one.hits],
            [hit.relevant for one in outcomes for hit in one.hits],
            [one.top_score for one in with_answer if one.top_score is not None],
            [one.top_score for one in outcomes if not one.gold and one.top_score is not None],
        ),
        latency=measures.latency([one.took_ms for one in outcomes]),
        missing=tuple(missing),
        outcomes=tuple(outcomes),
        answers=answer_figures(given, ALL) if given else None,
    )


def measured(kind: Kind, outcome: Outcome) -> dict[str, float]:
    """Give every measure of one question that has an answer, by name: "page_hit@1".

    A document of a public set is one file, so only the view by document says something there.
    """
    views: tuple[View, ...] = ("page", "document") if kind == "questions" else ("document",)
    return {
        f"{view}_{name}@{k}": measure(outcome.needs(view), k)
        for view in views
        for name, measure, k in (_MEASURES if kind == "questions" else _BEIR_MEASURES)
    }


def read_evaluation(path: Path) -> Evaluation:
    """Read what `citewell eval --json` printed. Raises InputError for any other file, or one of another format."""
    try:
        text = path.read_text("utf-8")
        document = json.loads(text)
        if isinstance(document, dict) and document.get("format", FORMAT) != FORMAT:
            raise InputError(
                f"`{path}` has format {document['format']!r}, this version reads {FORMAT}; evaluate once more"
            )
        return TypeAdapter(Evaluation).validate_json(text)
    except OSError as error:
        raise InputError(f"`{path}` cannot be read ({error.strerror}); name a file") from error
    except (ValueError, ValidationError) as error:  # of JSON, of UTF-8
        raise InputError(f"`{path}` is not what `citewell eval --json` prints; evaluate once more") from error


def _rank(gold: Gold, view: View) -> int | None:
    return gold.rank if view == "page" else gold.document_rank


def _group(kind: Kind, outcomes: Iterable[Outcome]) -> Group:
    rows = [measured(kind, one) for one in outcomes]
    return measures.group(rows, rows[0])
