"""Summaries of where questions find their answers, kept in `golden/`, so that a change in ranking shows as a diff.

    python -m tests.quality.golden INDEX QUESTIONS.jsonl GOLDEN.txt

writes the summary of one question file anew; look at the diff, and say in the change's message why it is better.
`tests/quality/test_golden.py` holds the summary of the bundled corpus against what the real model gives.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
from indexer.store import Store
from service.evaluation.outcomes import Evaluation
from service.evaluation.questions import read_questions
from service.evaluation.run import Held, evaluate
from service.query import Query
from service.search import Searcher

K = 20
FIGURES = ("page_hit@1", "page_hit@5", "page_hit@10", "page_mrr@10", "document_hit@1", "page_recall@20")


def summary(folder: Path, questions: Path) -> str:
    """Ask the questions of a file and write down the figures and the rank of every gold page."""
    searcher = Searcher(Store.open(folder), SentenceEncoder(Settings.load(index=folder)))
    with searcher.store.reading() as reader:
        held = Held.of(reader)
    found = evaluate(read_questions(questions), searcher, held, like=Query("questions", k=K))
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Evaluation) -> Iterator[str]:
    yield f"{'':12}{'questions':>10}" + "".join(f"{name:>16}" for name in FIGURES)
    for name, group in found.groups.items():
        yield f"{name:12}{group.questions:10}" + "".join(f"{group.figures[one].mean:16.3f}" for one in FIGURES)
    yield ""
    yield "ranks of the gold pages of each question, - where not in the first 20"
    for one in found.outcomes:
        ranks = " ".join(str(gold.rank or "-") for gold in one.gold) or "no answer"
        yield f"{one.id:8}{one.type:14}{ranks}"


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(summary(Path(sys.argv[1]), Path(sys.argv[2])), "utf-8")
