"""Fit the ranking's weights to development questions, and check them on bodies that were left out.

    python -m tests.quality.fit INDEX QUESTIONS.jsonl [QUESTIONS.jsonl ...]

Prints the weights for each mode, figures with the weights of a cross-validation by body (no question is ranked with
weights that a question on the same body took part in), their spread over the folds, the calibration error of the
chances, fitted on other bodies likewise, and an ablation: each signal left out in turn and the rest fitted anew.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.embedded import Embedded
from indexer.encoder import SentenceEncoder
from indexer.records import Mode
from indexer.settings import Settings
from service.arrange import Group, arrange
from service.candidates import Candidates, Generation, gather
from service.evaluation.measures import calibration
from service.evaluation.outcomes import Outcome, measured
from service.evaluation.questions import Question, read_questions
from service.evaluation.run import Found, outcome
from service.query import Query
from service.ranking import DENSE, LEXICAL, SIGNALS, Signal, Weights, log_shares
from service.reading import Reading
from service.search import Searcher, understand
from tests.quality.listwise import fit_listwise

FOLDS = 5
SEED = 1
PENALTY = 1.0  # on the squares of the weights of standardised signals, against a sum over the questions
SHOWN = 10  # hits whose chances are calibrated
K = 20
# What a signal or a pair of them stands for, to leave out in turn.
PARTS = {
    "everything": (),
    "words": LEXICAL,
    "meaning": DENSE,
    "sentences": (Signal.SENTENCE, Signal.SENTENCE_TOPIC),
    "passages": (Signal.PASSAGE,),
    "topic": (Signal.SENTENCE_TOPIC,),
    "body": (Signal.BODY,),
    "time": (Signal.TIME,),
    "newest": (Signal.NEWEST,),
    "repetition": (Signal.SPREAD,),
}


@dataclass(frozen=True)
class Example:
    """A question with its candidates, and which of them are on a gold page."""

    question: Question
    group: str  # the first body that it names, or its id: questions on one body are never apart
    reading: Reading
    candidates: Candidates
    places: Sequence[tuple[str, frozenset[int]]]  # path and pages of each candidate
    relevant: NDArray[np.bool_]


class Bench:
    """The questions with their candidates, ready to be ranked with any weights."""

    def __init__(
        self, questions: Sequence[Question], mode: Mode, searcher: Searcher, encoder: SentenceEncoder
    ) -> None:
        self.mode = mode
        with searcher.opened() as (reader, generation):
            self.catalogue = generation.catalogue
            self.examples = [_example(one, mode, generation, reader, encoder) for one in questions]
        groups = sorted({example.group for example in self.examples})
        Random(SEED).shuffle(groups)
        numbers = {group: number % FOLDS for number, group in enumerate(groups)}
        self.folds = np.array([numbers[example.group] for example in self.examples])

    def outcomes(self, weights: Weights, examples: Iterable[Example]) -> list[Outcome]:
        return [self._outcome(weights, example) for example in examples]

    def crossed(self, left_out: Sequence[Signal]) -> list[list[Outcome]]:
        """Rank each question with weights fitted to other bodies; the outcomes fold by fold."""
        return [self.outcomes(self.fitted(self._others(fold), left_out), self._fold(fold)) for fold in range(FOLDS)]

    def fitted(self, examples: Sequence[Example], left_out: Sequence[Signal]) -> Weights:
        """Fit weights, then the chances of the hits that they show."""
        unused = {*left_out, *{Mode.DENSE: LEXICAL, Mode.LEXICAL: DENSE}.get(self.mode, ())}
        weights = _fitted(examples, [signal for signal in SIGNALS if signal not in unused])
        told, relevant = [], []
        for example in examples:
            sums = weights.sums(example.candidates.signals)
            shares = log_shares(sums)
            for group in self._groups(sums, example)[:SHOWN]:
                told.append((shares[group.row], shares.max(), 1.0))
                relevant.append(any(example.relevant[[group.row, *group.merged]]))
        of_share, of_largest, level = _logistic(np.array(told), np.array(relevant, float))
        return replace(weights, of_share=of_share, of_largest=of_largest, level=level)

    def _outcome(self, weights: Weights, example: Example) -> Outcome:
        sums = weights.sums(example.candidates.signals)
        groups = self._groups(sums, example)
        scores = weights.scores(sums, np.array([group.row for group in groups], np.int64))
        hits = []
        for group, score in zip(groups, scores, strict=True):
            path, _ = example.places[group.row]
            pages = frozenset().union(*(example.places[row][1] for row in (group.row, *group.merged)))
            hits.append(Found(path, pages, float(score)))
        return outcome(example.question, hits, took_ms=0.0)

    def _groups(self, sums: NDArray[np.float64], example: Example) -> list[Group]:
        return arrange(sums, example.candidates, self.catalogue, example.reading, K)

    def _fold(self, fold: int) -> list[Example]:
        return [example for example, its in zip(self.examples, self.folds, strict=True) if its == fold]

    def _others(self, fold: int) -> list[Example]:
        return [example for example, its in zip(self.examples, self.folds, strict=True) if its != fold]


def main(folder: Path, files: Sequence[Path]) -> None:
    encoder = SentenceEncoder(Settings.load(index=folder))
    searcher = Searcher(Embedded.open(folder), encoder)
    questions = [question for file in files for question in read_questions(file).all]
    for mode in Mode:
        bench = Bench(questions, mode, searcher, encoder)
        weights = bench.fitted(bench.examples, ())
        print(f"\n== {mode}: weights fitted to all {len(questions)} questions")
        for signal, weight in zip(SIGNALS, weights.signals, strict=True):
            print(f"  {weight:8.2f}  {signal}")
        chance = weights.of_share, weights.of_largest, weights.level
        print("  chance: {:.2f} of the share, {:.2f} of the largest, level {:.2f}".format(*chance))
        print(f"  on the same questions:          {_line(bench.outcomes(weights, bench.examples))}")
        folds = bench.crossed(())
        print(f"  with weights of other bodies:   {_line([one for fold in folds for one in fold])}")
        print(f"  page hit@1 and MRR@10 by fold:  {'; '.join(_short(fold) for fold in folds)}")
        if mode is Mode.HYBRID:
            for name, left_out in PARTS.items():
                found = [one for fold in bench.crossed(left_out) for one in fold]
                print(f"  without {name if left_out else 'nothing':12} {_line(found)}")


def _example(
    question: Question, mode: Mode, generation: Generation, reader: Reader, encoder: SentenceEncoder
) -> Example:
    asked = understand(Query(question.text, mode=mode), generation.catalogue)
    found = gather(asked, generation, reader, encoder)
    gold = {(one.path, one.page) for one in question.evidence}
    stored = reader.passages(found.ids.tolist())
    places = [
        (stored[one].document.path, frozenset(span.page for span in stored[one].passage.spans))
        for one in found.ids.tolist()
    ]
    relevant = np.array([any((path, page) in gold for page in pages) for path, pages in places], bool)
    named = asked.reading.named
    return Example(question, named[0].body if named else question.id, asked.reading, found, places, relevant)


def _fitted(examples: Iterable[Example], used: Sequence[Signal]) -> Weights:
    columns = [SIGNALS.index(signal) for signal in used]
    useful = [example for example in examples if example.relevant.any()]
    weights = np.zeros(len(SIGNALS))
    weights[columns] = fit_listwise(
        [(example.candidates.signals[:, columns], example.relevant) for example in useful], PENALTY
    )
    return Weights(tuple(float(weight) for weight in weights))


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, ...]:
    """Fit 1 / (1 + exp(-x @ weights)) by Newton's method."""
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-x @ weights))
        hessian = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-6 * np.eye(x.shape[1])
        weights += np.linalg.solve(hessian, x.T @ (y - chance))
    return tuple(float(weight) for weight in weights)


def _line(outcomes: Sequence[Outcome]) -> str:
    groups: dict[str, list[dict[str, float]]] = {"all": []}
    for one in outcomes:
        if one.gold:
            for name in ("all", one.type):
                groups.setdefault(name, []).append(measured("questions", one))
    hits = [hit for one in outcomes for hit in one.hits]
    tops = [[one.top_score or 0 for one in outcomes if bool(one.gold) is has_answer] for has_answer in (True, False)]
    found = calibration([hit.score for hit in hits], [hit.relevant for hit in hits], *tops)
    wanted = [
        ("all", "page_hit@1"), ("all", "page_hit@5"), ("all", "page_hit@10"), ("all", "page_mrr@10"),
        ("all", "document_hit@1"), ("temporal", "document_complete@10"), ("thematic", "page_recall@20"),
        ("thematic", "document_recall@20"),
    ]  # fmt: skip
    figures = [
        f"{'' if group == 'all' else f'{group} '}{name} {np.mean([one[name] for one in groups[group]]):.3f}"
        for group, name in wanted
        if group in groups
    ]
    chances = f"ECE {found.ece:.3f} and {found.ece_equal_mass:.3f}, Brier {found.brier:.3f}" if found else ""
    return ", ".join([*figures, chances, f"AUC {found.auc or 0:.2f}" if found else ""])


def _short(outcomes: Sequence[Outcome]) -> str:
    figures = [measured("questions", one) for one in outcomes if one.gold]
    return ", ".join(f"{np.mean([one[name] for one in figures]):.2f}" for name in ("page_hit@1", "page_mrr@10"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
