"""Searches inside one document: on which of its pages the words of a query stand, and where."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from service.highlight import highlights, stem, words_of
from service.query import Query

AROUND = 80  # characters that a snippet shows on each side of what was found: a line
LONGEST_RUN = 240  # characters from the first to the last place of one snippet
MOST_SNIPPETS = 3  # of a page

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text of a page from `start` on, around some of the places; `marks` are [start, end) of this text."""

    text: str
    start: int
    marks: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class PageFound:
    """A page that holds something of the query: all places [start, end) of its text, and the richest snippets."""

    page: int
    places: tuple[Place, ...]
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: words whatever their ending, phrases word for word, and what a page must not hold."""

    words: str
    phrases: tuple[re.Pattern[str], ...]
    excluded: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, query: str) -> "Sought":
        """Read a query as a search does. Raises InputError."""
        terms = Query(query).terms
        words = terms.words
        for phrase in terms.phrases:
            words = words.replace(" ".join(phrase.split()), " ", 1)
        return cls(words, tuple(map(_word_for_word, terms.phrases)), tuple(map(_word_for_word, terms.excluded)))

    def places(self, text: str) -> tuple[Place, ...]:
        """Give the places [start, end) in a text, in order; none where a phrase is missing or an exclusion stands."""
        if any(one.search(text) for one in self.excluded):
            return ()
        found = set(highlights(self.words, text))
        for phrase in self.phrases:
            own = [match.span() for match in phrase.finditer(text)]
            if not own:
                return ()
            found.update(own)
        return tuple(_apart(found))


def find_inside(query: str, pages: Iterable[tuple[int, str]]) -> tuple[PageFound, ...]:
    """Find a query in pages, given as number and text. Raises InputError for a query that cannot be looked for.

    Pages that hold most of its words come first; of those alike, the ones that hold them most often.
    """
    sought = Sought.of(query)
    ranked: list[tuple[int, int, int, PageFound]] = []
    for number, text in pages:
        if places := sought.places(text):
            different = len({stem(text[start:end]) or text[start:end].casefold() for start, end in places})
            found = PageFound(number, places, tuple(_snippets(text, places)))
            ranked.append((-different, -len(places), number, found))
    return tuple(found for *_, found in sorted(ranked, key=lambda one: one[:3]))


def _word_for_word(phrase: str) -> re.Pattern[str]:
    """Make a pattern of a phrase: its words one after the other, whatever signs and line ends stand between them."""
    words = r"\W+".join(re.sub("[’']", "[’']", re.escape(word)) for word in words_of(phrase))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def _apart(places: Iterable[Place]) -> Iterator[Place]:
    """Give places in order, without those that lie within others."""
    last = -1
    for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
        if end > last:
            yield start, end
            last = end


def _snippets(text: str, places: Sequence[Place]) -> Iterator[Snippet]:
    """Cut out the stretches with most places, in the order of the text; they may touch, and never overlap."""
    runs: list[list[Place]] = []
    for place in places:
        if runs and place[0] - runs[-1][-1][1] <= AROUND and place[1] - runs[-1][0][0] <= LONGEST_RUN:
            runs[-1].append(place)
        else:
            runs.append([place])
    best = sorted(sorted(runs, key=lambda run: (-len(run), run[0]))[:MOST_SNIPPETS])
    after = 0
    for number, run in enumerate(best):
        limit = best[number + 1][0][0] if number + 1 < len(best) else len(text)
        start = _word_start(text, max(after, run[0][0] - AROUND), run[0][0])
        after = end = _word_end(text, run[-1][1], min(limit, run[-1][1] + AROUND))
        yield Snippet(text[start:end], start, tuple((first - start, last - start) for first, last in run))


def _word_start(text: str, earliest: int, latest: int) -> int:
    start = earliest
    while 0 < start < latest and not text[start - 1].isspace():
        start += 1
    return start


def _word_end(text: str, earliest: int, latest: int) -> int:
    end = latest
    while earliest < end < len(text) and not text[end].isspace():
        end -= 1
    return end
