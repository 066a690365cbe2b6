"""Fit the weights of answers to development questions, and check them on bodies that were left out.

    python -m tests.quality.answers INDEX QUESTIONS.jsonl [INDEX QUESTIONS.jsonl ...]

Prints the weights of sentences, and those of the two chances (that the reports answer, and that a quote is right);
then, each question weighed with weights that no question on the same body took part in: how many questions are
answered, and how many of the unanswerable ones told to be so; how often the first quote, or one of all, is right; and
how well the confidence is calibrated.

There are few unanswerable questions, so the sentences of answerable ones without those on their gold pages stand in
for more, each counting less. Sentences are fitted as passages are, see `tests.quality.fit`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

from indexer.embedded import Embedded
from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
from service.answering import Answerer, Looked
from service.answering.chances import ANSWERABLE, FACTS, LEAST, LEAST_MEANING, RIGHT, Fact, facts_of
from service.answering.choice import WEIGHTS, choose
from service.answering.sentences import SIGNS, Candidate
from service.catalogue import Catalogue
from service.evaluation.measures import calibration
from service.evaluation.questions import Question, QuestionType, read_questions
from service.evaluation.wording import contains, overlaps
from service.query import Query
from service.search import Searcher
from tests.quality.listwise import fit_listwise

FOLDS, REPEATS = 5, 6
PENALTY = 0.3  # on the squares of the weights of standardised signs, against a sum over the questions
CHANCE_PENALTY = 0.5
UNANSWERABLE_COUNTS = 2.0  # as much as so many answerable ones
STAND_IN_COUNTS = 0.3
ANSWERED_AT_LEAST = 0.87  # share of answerable questions that the bound of the chance is to leave

# Of no collection of reports on public services, so that each is unanswerable whatever the index holds.
ELSEWHERE = (
    "What colour is the moon?",
    "How many legs does a spider have?",
    "Who painted the ceiling of the Sistine Chapel?",
    "When did the Berlin Wall come down?",
    "How do I bake sourdough bread?",
    "What is the boiling point of nitrogen?",
    "Which team won the cup final last year?",
    "Why is the sea salty?",
    "How long does it take to fly to Tokyo?",
    "What is the best way to prune roses?",
    "How much does a litre of petrol cost?",
    "What percentage of the air is oxygen?",
    "Who wrote the novel about the white whale?",
    "How did the dinosaurs die out?",
    "What do astronauts eat in space?",
    "Where do swallows spend the winter?",
    "How has the price of wheat changed since 2015?",
    "What makes a violin sound sweet?",
    "How many strings has a harp?",
    "Why do cats purr?",
)

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """A question with the sentences that may answer it, and which of them do."""

    question: Question
    group: str  # the first body that it names, or its id: questions on one body are never apart
    looked: Looked
    catalogue: Catalogue
    signs: Vector  # (sentences, 7)
    right: NDArray[np.bool_]
    elsewhere: NDArray[np.bool_]  # on none of the gold pages

    @property
    def is_answerable(self) -> bool:
        return self.question.type is not QuestionType.UNANSWERABLE

    @property
    def is_plain(self) -> bool:
        return self.question.type in {QuestionType.FACTUAL, QuestionType.EXPLANATORY}

    def facts(self, weights: Vector, among: NDArray[np.bool_] | None = None) -> Vector:
        """Give the facts about the best sentence among some."""
        rows = np.arange(len(self.right)) if among is None else np.flatnonzero(among)
        sums = self.signs[rows] @ weights
        best = self.looked.sentences[rows[sums.argmax()]]
        return facts_of(best, sums, self.looked.topic, self.looked.asked.reading)

    def quotes(self, weights: Vector) -> list[bool]:
        """Tell which of the quotes that would be shown are right."""
        right = {id(one) for one, is_right in zip(self.looked.sentences, self.right, strict=True) if is_right}
        chosen = choose(self.looked.sentences, self.signs @ weights, self.looked.asked.reading, self.catalogue)
        return [any(id(one) in right for one in quote.sentences) for quote in chosen]


@dataclass(frozen=True)
class Fitted:
    """Weights of the chances, with their level last."""

    weights: Vector
    answerable: Vector
    right: Vector


def main(pairs: Sequence[tuple[Path, Path]]) -> None:
    examples = [example for folder, file in pairs for example in _examples(folder, file)]
    fitted = _fitted(examples)
    _tell("sentences", SIGNS, fitted.weights, WEIGHTS)
    _tell("answerable", FACTS, fitted.answerable, (*ANSWERABLE.weights, ANSWERABLE.level))
    _tell("a quote right", FACTS, fitted.right, (*RIGHT.weights, RIGHT.level))
    in_use = Fitted(
        np.array(WEIGHTS),
        np.array([*ANSWERABLE.weights, ANSWERABLE.level]),
        np.array([*RIGHT.weights, RIGHT.level]),
    )
    print("the weights in use, on the questions that they were fitted to")
    _measure([[(example, in_use) for example in examples]], bound=LEAST)
    print(f"weights of other bodies, {REPEATS} times {FOLDS} folds")
    rounds = [_crossed(examples, seed) for seed in range(REPEATS)]
    _measure(rounds, bound=LEAST)
    print(f"the same, with a bound that leaves {ANSWERED_AT_LEAST:.0%} answered")
    _measure(rounds, bound=None)


def _examples(folder: Path, file: Path) -> list[Example]:
    answerer = Answerer(Searcher(Embedded.open(folder), SentenceEncoder(Settings.load(index=folder))))
    made = []
    with answerer.searcher.opened() as (reader, generation):
        off_topic = [Question(text, QuestionType.UNANSWERABLE, text, ()) for text in ELSEWHERE]
        for question in (*read_questions(file).all, *off_topic):
            looked = answerer.look(reader, generation, Query(question.text))
            named = looked.asked.reading.named
            if not looked.sentences:  # on a body of which nothing was found: never answered
                print(f"nothing was found for {question.id}: {question.text}")
                continue
            signs = np.stack([one.signs for one in looked.sentences])
            right = np.array([_is_right(question, one) for one in looked.sentences], bool)
            elsewhere = np.array([not _on_gold_page(question, one) for one in looked.sentences], bool)
            group = named[0].body if named else question.id
            made.append(Example(question, group, looked, generation.catalogue, signs, right, elsewhere))
    return made


def _is_right(question: Question, one: Candidate) -> bool:
    if not _on_gold_page(question, one):
        return False
    if question.type is QuestionType.FACTUAL:
        return contains(one.text, question.answers)
    return any(overlaps(one.text, evidence.quotes) for evidence in question.evidence)


def _on_gold_page(question: Question, one: Candidate) -> bool:
    pages = {span.page for span in one.stored.passage.spans}
    path = one.stored.document.path
    return any(evidence.path == path and evidence.page in pages for evidence in question.evidence)


def _fitted(examples: Sequence[Example]) -> Fitted:
    useful = [example for example in examples if example.is_plain and example.right.any()]
    weights = fit_listwise([(example.signs, example.right) for example in useful], PENALTY)
    facts, answerable, right, counts = [], [], [], []
    for example in examples:
        if example.question.id in ELSEWHERE:
            continue
        count = 1.0 if example.is_answerable else UNANSWERABLE_COUNTS
        rows = [(example.facts(weights), example.is_answerable, any(example.quotes(weights)), count)]
        if example.is_plain and example.elsewhere.any():
            rows.append((example.facts(weights, example.elsewhere), False, False, STAND_IN_COUNTS))
        for row, to_answer, is_right, weight in rows:
            facts.append(row)
            answerable.append(to_answer)
            right.append(is_right)
            counts.append(weight)
    x, weigh = np.stack(facts), np.array(counts)
    # Of all that is asked so and so much is answered rightly, so here each question counts once.
    as_asked = (weigh >= 1).astype(np.float64)
    return Fitted(weights, _logistic(x, np.array(answerable), weigh), _logistic(x, np.array(right), as_asked))


def _logistic(x: Vector, y: NDArray[np.bool_], counts: Vector) -> Vector:
    """Fit a logistic function: its weights, then its level."""
    mean, scale = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1.0)
    ready = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    signs = np.where(y, 1.0, -1.0)

    def loss(weights: Vector) -> tuple[float, Vector]:
        sums = ready @ weights
        total = float(counts @ np.logaddexp(0, -signs * sums)) + CHANCE_PENALTY * float(weights[:-1] @ weights[:-1])
        gradient = ready.T @ (counts * (1 / (1 + np.exp(-sums)) - y))
        gradient[:-1] += 2 * CHANCE_PENALTY * weights[:-1]
        return total, gradient

    found = minimize(loss, np.zeros(ready.shape[1]), jac=True, method="L-BFGS-B").x
    return np.append(found[:-1] / scale, found[-1] - (found[:-1] / scale) @ mean)


def _crossed(examples: Sequence[Example], seed: int) -> list[tuple[Example, Fitted]]:
    groups = sorted({example.group for example in examples})
    Random(seed).shuffle(groups)
    folds = {group: number % FOLDS for number, group in enumerate(groups)}
    pairs = []
    for fold in range(FOLDS):
        fitted = _fitted([example for example in examples if folds[example.group] != fold])
        pairs += [(example, fitted) for example in examples if folds[example.group] == fold]
    return pairs


def _measure(rounds: Sequence[Sequence[tuple[Example, Fitted]]], bound: float | None) -> None:
    figures: dict[str, list[float]] = {}

    def note(name: str, values: Sequence[bool] | NDArray[np.bool_] | float) -> None:
        figures.setdefault(name, []).append(float(np.mean(values)))

    for pairs in rounds:
        facts = [example.facts(fitted.weights) for example, fitted in pairs]
        chances = np.array([_chance(one, fitted.answerable) for one, (_, fitted) in zip(facts, pairs, strict=True)])
        told = np.array([_chance(one, fitted.right) for one, (_, fitted) in zip(facts, pairs, strict=True)])
        quotes = [example.quotes(fitted.weights) for example, fitted in pairs]
        can = np.array([example.is_answerable for example, _ in pairs])
        least = bound or float(np.quantile(chances[can], 1 - ANSWERED_AT_LEAST))
        given = (chances >= least) & np.array([one[FACTS.index(Fact.MEANING)] >= LEAST_MEANING for one in facts])
        note("bound", least)
        note("answered", given[can])
        off_topic = np.array([example.question.id in ELSEWHERE for example, _ in pairs])
        note("unanswerable recall", ~given[~can & ~off_topic])
        note("off-topic recall", ~given[off_topic])
        for type_ in (QuestionType.FACTUAL, QuestionType.EXPLANATORY):
            rows = [row for row, (example, _) in enumerate(pairs) if example.question.type is type_]
            note(f"{type_} first quote right", [bool(given[row]) and quotes[row][0] for row in rows])
            note(f"{type_} a quote right", [bool(given[row]) and any(quotes[row]) for row in rows])
        shown = np.flatnonzero(given & ~off_topic)
        if found := calibration(told[shown].tolist(), [any(quotes[row]) for row in shown], [], []):
            note("ECE of the confidence", found.ece)
    for name, values in figures.items():
        print(f"  {name:24} {np.mean(values):.3f}" + (f"  ({np.std(values):.3f})" if len(values) > 1 else ""))


def _chance(facts: Vector, weights: Vector) -> float:
    return float(1 / (1 + np.exp(-(facts @ weights[:-1]) - weights[-1])))


def _tell(what: str, names: Sequence[str], weights: Vector, in_use: Sequence[float]) -> None:
    print(f"{what}: fitted to all, and in use")
    for name, weight, used in zip((*names, "level"), weights, in_use, strict=False):
        print(f"  {weight:8.2f} {used:8.2f}  {name}")


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[1:]]
    main([(folder, file) for folder, file in zip(given[::2], given[1::2], strict=True)])
