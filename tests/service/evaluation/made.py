"""Hits, outcomes and runs made by hand."""

from collections.abc import Sequence

from service.evaluation.outcomes import Evaluation, Gold, Missing, Outcome, Scored, Setup, evaluated
from service.evaluation.questions import QuestionType
from service.evaluation.run import Found

SETUP = Setup("made up", "0" * 64, "dense", 20, "words", 3)


def hit(source: str, *pages: int, score: float = 0.5) -> Found:
    """Make a hit on these pages of a document."""
    return Found(source, frozenset(pages), score)


def outcome(id_: str, type_: str, *ranks: int | None, hits: Sequence[tuple[float, bool]] = ()) -> Outcome:
    """Make the outcome of a question with one gold page a document, found at these ranks."""
    found = [rank for rank in ranks if rank is not None]
    return Outcome(
        id=id_,
        type=QuestionType(type_),
        page_rank=min(found, default=None),
        document_rank=min(found, default=None),
        top_score=hits[0][0] if hits else None,
        took_ms=4.0,
        gold=tuple(Gold(f"{id_}/{number}.txt", 1, 1.0, rank, rank) for number, rank in enumerate(ranks)),
        absent=(),
        hits=tuple(Scored(*hit) for hit in hits),
    )


def run(*outcomes: Outcome, setup: Setup = SETUP, missing: Sequence[Missing] = ()) -> Evaluation:
    """Make a run of these outcomes."""
    return evaluated(setup, outcomes, missing)
