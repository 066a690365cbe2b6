"""Which sentences are quoted: the best, and beside it what else belongs to the answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from service.answering.sentences import Candidate, Sign
from service.catalogue import Catalogue
from service.highlight import stem, words_of
from service.reading import Reading

# How much each sign of a sentence counts, fitted to development questions by `python -m tests.quality.answers`.
WEIGHTS = (0.6, 6.4, 3.2, 1.6, 5.7, 3.1, -2.2)
MOST = 3  # quotes where one answers
MOST_REPORTS = 8  # quotes where each report, or each body, has its own
WITHIN = 3.0  # how far the sum of a further quote may be behind the best
WITHIN_APART = 5.0  # the same where each report or body has its own quote
SAME = 0.8  # share of words in common from which two sentences say the same


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Neighbouring sentences of a passage that are quoted together, the best of them first."""

    sentences: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """The one it was chosen for."""
        return self.sentences[0]

    @property
    def body(self) -> str | None:
        """The body its report is about."""
        return self.best.stored.document.metadata.body


def sums_of(found: Sequence[Candidate]) -> NDArray[np.float64]:
    """Weigh the signs of sentences: shape (n,)."""
    sums: NDArray[np.float64] = np.stack([one.signs for one in found]) @ np.array(WEIGHTS)
    return sums


def choose(
    found: Sequence[Candidate], sums: NDArray[np.float64], reading: Reading, catalogue: Catalogue
) -> list[Chosen]:
    """Choose what to quote, of one sentence at least.

    The best comes first. A question on change gets a quote a report, the oldest first; one that names several bodies,
    or asks across bodies, a quote a body. Where reports of one body give different things of the kind asked for, the
    newest comes first.
    """
    order = [found[row] for row in np.argsort(-sums, kind="stable")]
    behind = {id(found[row]): float(sums.max() - sums[row]) for row in range(len(found))}
    several = len(reading.bodies()) > 1
    if reading.over_time:
        near = _about(order, reading)
        return sorted(_one_each(near, behind, lambda one: one.stored.document.doc_id), key=partial(_day, catalogue))
    if reading.across or several:
        return list(_one_each(order, behind, lambda one: one.stored.document.metadata.body))
    return _newest_first(_together(_few(order, behind)), reading, catalogue)


def _about(order: Sequence[Candidate], reading: Reading) -> Sequence[Candidate]:
    bodies = reading.bodies()
    return [one for one in order if one.stored.document.metadata.body in bodies] or order if bodies else order


def _one_each(
    order: Sequence[Candidate], behind: dict[int, float], of: Callable[[Candidate], object]
) -> Iterator[Chosen]:
    taken: set[object] = set()
    for one in order:
        if behind[id(one)] > WITHIN_APART or len(taken) == MOST_REPORTS:
            return
        if of(one) not in taken:
            taken.add(of(one))
            yield Chosen((one,))


def _few(order: Sequence[Candidate], behind: dict[int, float]) -> list[Candidate]:
    taken: list[Candidate] = []
    for one in order:
        if behind[id(one)] > WITHIN or len(taken) == MOST:
            break
        lacks_kind = one.value(Sign.KIND) < order[0].value(Sign.KIND)
        if not lacks_kind and not any(_same(one.text, other.text) for other in taken):
            taken.append(one)
    return taken


def _same(one: str, other: str) -> bool:
    first, second = ({stem(word) for word in words_of(text)} for text in (one, other))
    return len(first & second) >= SAME * max(len(first | second), 1)


def _together(taken: Sequence[Candidate]) -> list[Chosen]:
    """Join neighbours, in the place of the better one."""
    groups: list[list[Candidate]] = []
    for one in taken:
        for group in groups:
            places = [other.place for other in group]
            is_next = min(places) - one.place == 1 or one.place - max(places) == 1
            if is_next and group[0].stored.passage_id == one.stored.passage_id:
                group.append(one)
                break
        else:
            groups.append([one])
    return [Chosen(tuple(group)) for group in groups]


def _newest_first(chosen: list[Chosen], reading: Reading, catalogue: Catalogue) -> list[Chosen]:
    """Where reports of one body contradict the best quote, put the newest of them first."""
    told = [one for one in chosen if one.best.short and one.body == chosen[0].body]
    shorts = {" ".join(one.best.text[slice(*one.best.short)].casefold().split()) for one in told if one.best.short}
    if reading.times or len(shorts) < 2 or chosen[0] not in told:
        return chosen
    newest = sorted(told, key=partial(_day, catalogue), reverse=True)
    return newest + [one for one in chosen if one not in told]


def _day(catalogue: Catalogue, chosen: Chosen) -> int:
    """Give the last day that its report is of."""
    return int(catalogue.last_days(np.array([chosen.best.stored.passage_id]))[0])
