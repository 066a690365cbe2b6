"""Summaries of what questions find, kept in `golden/`, so that a change in ranking or answers shows as a diff.

    python -m tests.quality.golden INDEX QUESTIONS.jsonl GOLDEN.txt

writes the summary of one question file anew; look at the diff, and say in the change's message why it is better.
`tests/quality/test_golden.py` holds the summary of the bundled corpus against what the real model gives.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from indexer.embedded import Embedded
from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
from service.answering import Answerer
from service.evaluation.measures import Group
from service.evaluation.outcomes import Evaluation
from service.evaluation.questions import read_questions
from service.evaluation.run import Held, evaluate
from service.query import Query
from service.search import Searcher

K = 20
ANSWER_FIGURES = ("answered", "unanswerable_recall", "answer_em", "quote_hit@1", "quote_hit@all", "quote_overlap@all")
FIGURES = ("page_hit@1", "page_hit@5", "page_hit@10", "page_mrr@10", "document_hit@1", "page_recall@20")


def summary(folder: Path, questions: Path) -> str:
    """Ask the questions of a file and write down the figures, the rank of every gold page, and what was answered."""
    searcher = Searcher(Embedded.open(folder), SentenceEncoder(Settings.load(index=folder)))
    with searcher.store.reading() as reader:
        held = Held.of(reader)
    found = evaluate(read_questions(questions), searcher, held, like=Query("questions", k=K), asks=Answerer(searcher))
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Evaluation) -> Iterator[str]:
    yield from _table(found.groups, FIGURES)
    if found.answers:
        yield ""
        yield from _table(found.answers.groups, ANSWER_FIGURES)
    yield ""
    yield "ranks of the gold pages of each question, - where not in the first 20; then how it was answered, and which"
    yield "quotes are right (+) and which not (-)"
    for one in found.outcomes:
        ranks = " ".join(str(gold.rank or "-") for gold in one.gold) or "no answer"
        said = (
            one.answered and f"{one.answered.status} {''.join('-+'[quote.is_right] for quote in one.answered.quotes)}"
        )
        yield f"{one.id:8}{one.type:14}{ranks:24}{said or ''}".rstrip()


def _table(groups: Mapping[str, Group], figures: Sequence[str]) -> Iterator[str]:
    yield f"{'':12}{'questions':>10}" + "".join(f"{name:>20}" for name in figures)
    for name, group in groups.items():
        means = [f"{group.figures[one].mean:.3f}" if one in group.figures else "" for one in figures]
        yield (f"{name:12}{group.questions:10}" + "".join(f"{mean:>20}" for mean in means)).rstrip()


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(summary(Path(sys.argv[1]), Path(sys.argv[2])), "utf-8")
