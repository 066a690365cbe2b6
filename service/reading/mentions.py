"""Finds the bodies that a question names, and says how sure that is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from service.lineage import Link
from service.reading.names import Alias, Kind, Names, Phrase
from service.reading.spelling import LONG, SURE
from service.reading.times import Time
from service.reading.words import DIRECTIONS, RANKS, Word, read_words

LEAST = 0.15  # certainty below which a name is not given at all
LIKELY = 0.5  # certainty from which a name is rather right than wrong


@dataclass(frozen=True, slots=True)
class Named:
    """A body that `question[start:end]` names, `body` as stored; the characters leave out "'s".

    A short form that fits several bodies gives each of them, at the same characters.
    """

    body: str
    start: int
    end: int
    certainty: float  # 1.0 for a whole name; less for short forms, mistakes and words that may be ordinary
    is_kin: bool = False  # it is in line with the body that has the name, or one that the name meant at other times
    since: date | None = None  # of documents of other days than from here
    until: date | None = None  # to here it is not meant
    links: tuple[Link, ...] = ()  # that lead from the body that has the name to this one


def find_named(question: str, names: Names, times: Sequence[Time]) -> tuple[Named, ...]:
    """Find the bodies named in a question, in order; a longer name hides the shorter ones in it."""
    sentence = _Sentence(question, times)
    candidates = [mention for at in range(len(sentence.words)) for mention in _mentions(sentence, names, at)]
    found: list[Named] = []
    taken: set[int] = set()
    for mention in sorted(
        candidates, key=lambda mention: (mention.first - mention.last, mention.wrong, mention.first)
    ):
        places = set(range(mention.first, mention.last + 1))
        if places & taken:
            continue
        named = list(_named(sentence, mention))
        found += named
        taken |= places if named else set()
    return tuple(sorted(found, key=lambda one: (one.start, -one.certainty, one.body)))


def surroundings(question: str, named: Named) -> tuple[int, int]:
    """Give the characters of a name together with its "'s" and the words of rank that belong to it."""
    before = _RANK_BEFORE.search(question, max(0, named.start - 60), named.start)
    after = _RANK_AFTER.match(question, named.end)
    return (before.start() if before else named.start), (after.end() if after else named.end)


_RANK = r"(?:borough|city|county|district|metropolitan|royal|unitary|london|council|corporation)"
_RANK_BEFORE = re.compile(rf"\b(?:(?:the\s+)?(?:{_RANK}\s+){{1,4}}of\s+|county\s+)(?:the\s+)?$", re.IGNORECASE)
_RANK_AFTER = re.compile(
    rf"(?:['’‘`]s?)?(?P<rank>(?:\s+(?:{_RANK}|local\s+authority)\b(?:['’‘`]s?)?){{0,4}})", re.IGNORECASE
)
_AT_PLACES = frozenset("in at across within".split())
_TO_PLACES = frozenset("of for from about near by to did does has".split())


class _Sentence:
    """A question as words, with what tells a name from an ordinary word."""

    def __init__(self, question: str, times: Sequence[Time]) -> None:
        self.question = question
        self.words = read_words(question)
        spans = [(time.start, time.end) for time in times]
        self.dated = {
            at
            for at, word in enumerate(self.words)
            if any(word.start < end and start < word.end for start, end in spans)
        }
        undated = [word for at, word in enumerate(self.words) if at not in self.dated]
        # The writer uses capitals, beyond those that open sentences and belong to months or acronyms.
        self.cased = any(word.title and not word.opens and word.plain != "i" for word in undated)

    def touches(self, first: int, second: int) -> bool:
        """Tell whether two words stand side by side, with nothing but blanks between them."""
        if first < 0 or second >= len(self.words):
            return False
        return self.question[self.words[first].end : self.words[second].start].isspace()


@dataclass(frozen=True, slots=True)
class _Mention:
    """Words `first` to `last` of the question that make a name when `wrong` letters are put right."""

    first: int
    last: int
    meant: Phrase
    aliases: tuple[Alias, ...]
    wrong: int
    possessive: bool


def _mentions(sentence: _Sentence, names: Names, at: int, begun: Phrase = (), wrong: int = 0) -> Iterator[_Mention]:
    """Follow the names that begin with the words `begun`, in which `wrong` letters were put right."""
    if at >= len(sentence.words) or at in sentence.dated or (begun and sentence.words[at].cut):
        return
    word = sentence.words[at]
    forms = [(word.plain, 0, False)]
    if word.stem != word.plain:
        forms.append((word.stem, 0, True))
    if (word.title or begun or not sentence.cased) and (meant := names.spelling.meant(word.stem)):
        forms.append((meant[0], meant[1], word.stem != word.plain))
    for form, letters, possessive in forms:
        words = (*begun, form)
        if aliases := names.aliases.get(words):
            yield _Mention(at - len(begun), at, words, aliases, wrong + letters, possessive)
        if words in names.beginnings:
            yield from _mentions(sentence, names, at + 1, words, wrong + letters)


def _named(sentence: _Sentence, mention: _Mention) -> Iterator[Named]:
    start = sentence.words[mention.first].start
    last = sentence.words[mention.last]
    end = last.end - 2 if mention.possessive else last.end
    for alias in mention.aliases:
        certainty = round(_certainty(sentence, mention, alias), 2)
        if certainty >= LEAST:
            yield Named(alias.body, start, end, certainty)


def _certainty(sentence: _Sentence, mention: _Mention, alias: Alias) -> float:
    """Weigh where the name comes from against how it is written and what stands around it."""
    words = sentence.words[mention.first : mention.last + 1]
    marks = _marks(sentence, mention)
    if alias.kind is Kind.INITIALS:
        written = re.sub("['’‘`]s$", "", sentence.question[words[0].start : words[-1].end])
        if not written.isupper() or sentence.question.isupper():
            return 0.0
        return 0.7 if marks and alias.certainty == Kind.INITIALS.certainty else alias.certainty
    certainty = alias.certainty
    if marks and certainty >= Kind.LAST.certainty:
        certainty = (1 + certainty) / 2  # a short form is surer where it is used like a name
    return (
        certainty
        * _as_name(sentence, words, marks)
        * _as_spelled(mention, words, marks)
        * _beside(sentence, mention, alias)
    )


class _Mark(Enum):
    """What shows that a word is used as a name, whatever its capitals."""

    OWNER = "it ends in 's"
    RANK = "a word such as council stands beside it"
    DATED = "a time stands beside it"
    PLACE = "a word such as in stands before it"
    ABOUT = "a word such as of stands before it"


def _marks(sentence: _Sentence, mention: _Mention) -> frozenset[_Mark]:
    first, last, words = mention.first, mention.last, sentence.words
    before = words[first - 1].plain if first and not words[first].cut else ""
    ranked = _RANK_BEFORE.search(sentence.question, max(0, words[first].start - 60), words[first].start)
    rank = _RANK_AFTER.match(sentence.question, words[last].end)
    held = {
        _Mark.OWNER: mention.possessive,
        _Mark.RANK: bool(ranked or (rank and rank["rank"])),
        _Mark.DATED: first - 1 in sentence.dated or last + 1 in sentence.dated,
        _Mark.PLACE: before in _AT_PLACES,
        _Mark.ABOUT: before in _TO_PLACES,
    }
    return frozenset(mark for mark, holds in held.items() if holds)


def _as_name(sentence: _Sentence, words: Sequence[Word], marks: frozenset[_Mark]) -> float:
    """Tell by capitals how far words are a name: "reading", "bath" and "sale" are ordinary words too."""
    capital = any(word.title or word.upper for word in words)
    strong = marks & {_Mark.OWNER, _Mark.RANK, _Mark.DATED}
    if len(words) > 1:
        return 1.0 if capital else 0.9
    if capital and words[0].opens and not strong:
        return 0.4 if words[0].plain.endswith("ing") else 0.7  # "Reading records, ..." is no town
    if capital and not sentence.question.isupper():
        return 1.0
    if not sentence.cased:
        if marks:
            return 0.6 if words[0].plain.endswith("ing") and not strong else 0.8
        return 0.6 if len(words[0].stem) >= LONG else 0.4  # long words are seldom ordinary
    if strong - {_Mark.DATED}:
        return 0.6
    return 0.3 if _Mark.PLACE in marks else 0.0


def _as_spelled(mention: _Mention, words: Sequence[Word], marks: frozenset[_Mark]) -> float:
    """Trust a corrected word among right ones, or written as a name; "leads" alone is not Leeds."""
    if not mention.wrong:
        return 1.0
    if len(words) > 1:
        return 0.85 if mention.wrong == 1 else 0.75
    if not (words[0].title and not words[0].opens) and not marks & {_Mark.OWNER, _Mark.RANK, _Mark.PLACE}:
        return 0.7 if len(words[0].stem) >= LONG else 0.0
    return 0.7 if len(mention.meant[0]) >= SURE else 0.45  # a short one may be another place


def _beside(sentence: _Sentence, mention: _Mention, alias: Alias) -> float:
    """Doubt a name that may be part of another one: "South Lyne", "Lyne Valley"."""
    first, last, words = mention.first, mention.last, sentence.words
    ahead = sentence.touches(first - 1, first)
    if (ahead and words[first - 1].plain in DIRECTIONS) or (
        alias.kind is Kind.WIDER and sentence.touches(last, last + 1) and words[last + 1].plain in DIRECTIONS
    ):
        return {Kind.WHOLE: 0.4, Kind.STATED: 0.4, Kind.WIDER: 0.0}.get(alias.kind, 0.8)
    if alias.kind in {Kind.WHOLE, Kind.STATED} or last > first or mention.possessive:
        return 1.0
    others = [words[first - 1]] if ahead and not words[first - 1].opens else []
    others += [words[last + 1]] if sentence.touches(last, last + 1) else []
    return 0.5 if any(word.title and word.plain not in RANKS for word in others) else 1.0
