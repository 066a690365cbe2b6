"""Which sentences are quoted: the best, and beside it what else belongs to the answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from indexer.metadata import body_key
from service.answering.sentences import Candidate
from service.catalogue import Catalogue
from service.highlight import stem, words_of
from service.reading import Reading

# How much each sign of a sentence counts, fitted to development questions by `python -m tests.quality.answers`.
WEIGHTS = (0.7, 11.9, 3.9, 2.4, 4.0, 4.6, -4.5)
MOST = 3  # quotes where one answers
LONGEST = 3  # sentences of a quote
MOST_REPORTS = 8  # quotes where each report, or each body, has its own
WITHIN = 3.0  # how far the sum of a further quote may be behind the best
WITHIN_APART = 8.0  # the same where each report or body has its own quote
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
    def body(self) -> str:
        """The body its report is about, by whatever name; a document of nobody stands for itself."""
        return _body(self.best)


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
    newest comes first, unless a time or the first report is asked for.
    """
    order = [found[row] for row in np.argsort(-sums, kind="stable")]
    behind = {id(found[row]): float(sums.max() - sums[row]) for row in range(len(found))}
    if reading.over_time:
        near = _about(order, reading)
        return sorted(_one_each(near, behind, lambda one: one.stored.document.doc_id), key=partial(_day, catalogue))
    if reading.across or len(reading.told_apart()) > 1:
        return list(_one_each(_about(order, reading), behind, _body))
    return _newest_first(_few(order, behind), reading, catalogue)


def _about(order: Sequence[Candidate], reading: Reading) -> Sequence[Candidate]:
    """Leave those on the bodies that are named; all where there are none."""
    bodies = {body_key(body) for body in reading.bodies()}
    return [one for one in order if _body(one) in bodies] or order


def _one_each(
    order: Sequence[Candidate], behind: dict[int, float], of: Callable[[Candidate], object]
) -> Iterator[Chosen]:
    taken: set[object] = set()
    for one in order:
        if behind[id(one)] - behind[id(order[0])] > WITHIN_APART or len(taken) == MOST_REPORTS:
            return
        if of(one) not in taken:
            taken.add(of(one))
            yield Chosen((one,))


def _body(one: Candidate) -> str:
    document = one.stored.document
    return body_key(document.metadata.body) if document.metadata.body else document.doc_id


def _few(order: Sequence[Candidate], behind: dict[int, float]) -> list[Chosen]:
    """Take the best and what is not far behind; neighbours are joined, in the place of the better one."""
    groups: list[list[Candidate]] = []
    for one in order:
        if behind[id(one)] > WITHIN:
            break
        if group := next((group for group in groups if _is_next(one, group)), None):
            group.append(one)
        elif len(groups) < MOST and not any(_same(one, other) for group in groups for other in group):
            groups.append([one])
    return [Chosen(tuple(group)) for group in groups]


def _is_next(one: Candidate, group: Sequence[Candidate]) -> bool:
    places = [other.place for other in group]
    touches = one.place in {min(places) - 1, max(places) + 1}
    return touches and len(group) < LONGEST and group[0].stored.passage_id == one.stored.passage_id


def _same(one: Candidate, other: Candidate) -> bool:
    """Tell whether two sentences say the same; with another number or grade, say, they do not."""
    first, second = ({stem(word) for word in words_of(candidate.text)} for candidate in (one, other))
    return _short(one) == _short(other) and len(first & second) >= SAME * len(first | second)


def _short(one: Candidate) -> str:
    return " ".join(one.text[slice(*one.short)].casefold().split()) if one.short else ""


def _newest_first(chosen: list[Chosen], reading: Reading, catalogue: Catalogue) -> list[Chosen]:
    """Where reports of one body contradict the best quote, put the newest of them first."""
    told = [one for one in chosen if one.best.short and one.body == chosen[0].body]
    if reading.times or reading.earliest or len({_short(one.best) for one in told}) < 2 or chosen[0] not in told:
        return chosen
    newest = sorted(told, key=partial(_day, catalogue), reverse=True)
    return newest + [one for one in chosen if one not in told]


def _day(catalogue: Catalogue, chosen: Chosen) -> int:
    """Give the last day that its report is of."""
    return catalogue.last_day(chosen.best.stored.document.doc_id)
