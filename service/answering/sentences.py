"""The sentences of the best hits, and what speaks for each as an answer."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.dense import widened
from indexer.lexical import stems_of
from indexer.records import StoredPassage
from service.answering.answer import Quote
from service.answering.kinds import Kind, Wanted
from service.answering.things import find, is_pronoun
from service.citation import cite_within
from service.highlight import stem, words_of
from service.search import Hit

NEAR = 6  # words before and after a number, name and so on that tell what it is of
SHORT = 6  # words; what has fewer is mostly a heading
EASY = frozenset(
    "and are but can did does for from had has have how its not the this was were what when which who why".split()
)
_ADDRESS = re.compile(r"://|\bwww\.|\w@\w")


class Sign(StrEnum):
    """What speaks for a sentence, in the order of the columns."""

    HIT = "hit"  # how far its passage's sum is behind the best hit's, 0 or less
    MEANING = "meaning"  # cosine of the sentence, read within its passage, and the question's topic
    WORDS = "words"  # share of the topic's words in it, the rare ones counting for more
    NEARBY = "words nearby"  # the same with the sentences before and after
    KIND = "kind"  # 1 where it has something of the kind that is asked for
    OF = "of"  # share of the words beside the question word that stand near such a thing
    SHORT = "short"  # 1 where it is hardly a sentence, but a heading or an address


SIGNS = tuple(Sign)


@dataclass(frozen=True, slots=True)
class Topic:
    """What a question is about, as sentences are compared with it."""

    wanted: Wanted
    rarities: Mapping[str, float]  # of its words, by stem
    vector: NDArray[np.float32]  # (dim,)
    known: frozenset[str] = frozenset()  # stems of the question and of the bodies in it, which are no news

    @classmethod
    def of(
        cls, wanted: Wanted, rarities: Mapping[str, float], vector: NDArray[np.float32], known: Iterable[str] = ()
    ) -> Self:
        """Leave out the words that say nothing; `known` are texts whose names are no news."""
        telling = {one for one in rarities.keys() - EASY if len(one) > 2 or one.isdigit()}
        words = frozenset(stem(word) for text in known for word in words_of(text))
        return cls(wanted, {one: rarity for one, rarity in rarities.items() if one in telling}, vector, words)

    @property
    def asks_short(self) -> bool:
        """Tell whether something shorter than a sentence is asked for."""
        return self.wanted.kind is not Kind.TEXT

    def is_news(self, thing: str) -> bool:
        """Tell whether something could be the answer: a name that the question itself says is none."""
        return self.wanted.kind is not Kind.NAME or not {stem(word) for word in words_of(thing)} - {""} <= self.known

    def share(self, stems: frozenset[str]) -> float:
        """Give the share of the topic's words that are among these, the rare ones counting for more."""
        said = sum(rarity for one, rarity in self.rarities.items() if one in stems)  # always in the same order
        return said / (sum(self.rarities.values()) or 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """A sentence of a passage."""

    stored: StoredPassage
    place: int  # among the sentences of its passage

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands in the passage's text."""
        return self.stored.passage.sentences[self.place]

    @property
    def text(self) -> str:
        """The sentence, to the letter."""
        return self.stored.passage.text[slice(*self.span)]

    def quote(self, reader: Reader) -> Quote:
        """Quote it, which is checked against its page. Raises IndexFormatError."""
        return Quote(self.text, cite_within(self.stored, *self.span, reader))


@dataclass(frozen=True, slots=True, eq=False)
class Candidate(Sentence):
    """A sentence that may answer."""

    hit: Hit
    signs: NDArray[np.float64]  # (7,), in the order of `SIGNS`
    short: tuple[int, int] | None  # where in the sentence the likeliest thing of the wanted kind stands

    def value(self, sign: Sign) -> float:
        """Give the value of one sign."""
        return float(self.signs[SIGNS.index(sign)])


def candidates(
    hits: Sequence[Hit],
    stored: Mapping[int, StoredPassage],
    vectors: Mapping[int, NDArray[np.float16]],
    topic: Topic,
) -> Iterator[Candidate]:
    """Give all sentences of the hits, best hit first, of passages as stored and with (1 + sentences, dim) vectors."""
    best = max((hit.sum for hit in hits), default=0.0)
    for hit in hits:
        for passage_id in hit.passage_ids:
            cosines = widened(vectors[passage_id])[1:] @ topic.vector
            yield from _of_passage(hit, stored[passage_id], hit.sum - best, cosines, topic)


def _of_passage(
    hit: Hit, stored: StoredPassage, behind: float, cosines: NDArray[np.float32], topic: Topic
) -> Iterator[Candidate]:
    passage = stored.passage
    texts = [passage.text[start:end] for start, end in passage.sentences]
    stems = [frozenset(stems_of(text)) for text in texts]
    for place, text in enumerate(texts):
        found = [at for at in find(topic.wanted.kind, text) if topic.is_news(text[slice(*at)])]
        near, short = _nearest(text, found, topic.wanted.of)
        signs = {
            Sign.HIT: behind,
            Sign.MEANING: cosines[place],
            Sign.WORDS: topic.share(stems[place]),
            Sign.NEARBY: topic.share(frozenset().union(*stems[max(0, place - 1) : place + 2])),
            Sign.KIND: bool(found),
            Sign.OF: near,
            Sign.SHORT: len(words_of(text)) < SHORT or _ADDRESS.search(text) is not None,
        }
        row = np.array([signs[sign] for sign in SIGNS], np.float64)
        yield Candidate(stored, place, hit, row, short)


def _nearest(text: str, found: Sequence[tuple[int, int]], of: frozenset[str]) -> tuple[float, tuple[int, int] | None]:
    """Give the most that a thing has of the words beside it, as a share, and the thing that this makes likeliest."""
    shares = [_share_beside(text, place, of) for place in found]
    meant = [row for row, place in enumerate(found) if not is_pronoun(text, place)] or range(len(found))
    at = max(meant, key=shares.__getitem__, default=None)
    return max(shares, default=0.0), None if at is None else found[at]


def _share_beside(text: str, place: tuple[int, int], of: frozenset[str]) -> float:
    start, end = place
    beside = {stem(word) for word in [*words_of(text[:start])[-NEAR:], *words_of(text[end:])[:NEAR]]} if of else set()
    return len(of & beside) / len(of) if of else 0.0
