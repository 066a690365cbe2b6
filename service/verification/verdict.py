"""Looks for a quote in the whole collection, and tells whether it stands there unchanged."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from indexer.records import StoredPassage
from indexer.store import Reader
from indexer.words import Terms
from service.candidates import Generation
from service.catalogue import Catalogue
from service.citation import Citation, cite_spans
from service.search import Searcher
from service.verification.differences import Difference, compare, in_words
from service.verification.running import Running
from service.verification.tokens import Quote, Token, read_quote

MOST_MATCHES = 5
# Passages with the words of the quote one after the other that are read, newest first: 0.1 ms each, and all of them
# only where none of the newest has it to the letter.
MOST_WORD_FOR_WORD = 1000
MOST_RANKED = 200  # passages with some of its words one after the other whose likeness is looked at
# A quote is absent where less than this share of its words and signs, and of those beside them, is the same. Of 500
# sentences on other matters one comes as near to 41,770 passages of reports, and of their own with one token changed,
# 4,253 of 4,256 do; one of four words then has 0.75. Measured with `python -m tests.quality.verify`.
LIKE = 0.6
PIECE = 40  # words of the quote that passages are looked for with at a time
MOST_PIECES = 4
DEPTH = 12  # passages that each piece gives, and its beginning and end
MIN_SHARE = 0.5  # candidates that share less with the quote than this part of the best one are not compared
MOST_COMPARED = 8_000  # words and signs of passages that a quote is compared with; some 50 ms
# Characters of a quote for which one more neighbour of a passage is read on each side, and passages that words may be
# left out over. The shorter half of passages has fewer than 500 characters.
NEIGHBOUR = 400
LEAP = 3


class Verdict(StrEnum):
    """Whether a quote stands in the collection, best first."""

    EXACT = "exact"  # to the letter; white space may differ
    NORMALISED = "normalised"  # but for typography: quotation marks, dashes, hyphens at line ends, ligatures, case
    ALTERED = "altered"  # with words or signs changed, left out or added
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Match:
    """A place where the quote stands; `text` is what stands there, to the letter."""

    verdict: Verdict
    text: str
    citation: Citation
    similarity: float  # 0 to 1
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a quote: the best matches that are alike, newest first; `reason` says in words what is amiss."""

    quote: str
    verdict: Verdict
    matches: tuple[Match, ...]
    reason: str | None
    generation: int
    took_ms: float


@dataclass(frozen=True, slots=True)
class _Found:
    """A place that was found in a running text."""

    verdict: Verdict
    running: Running
    start: int
    end: int
    similarity: float = 1.0
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where to look: one generation, or one document of it, by its place in the catalogue."""

    generation: Generation
    place: int | None

    @property
    def catalogue(self) -> Catalogue:
        return self.generation.catalogue

    @property
    def own(self) -> NDArray[np.int64]:
        """The rows of the document's passages."""
        return np.flatnonzero(self.catalogue.places == self.place)


def verify(text: str, searcher: Searcher, *, document: str | None = None) -> Verification:
    """Look for a quote in all documents, or in the one of this id, path or end of a path.

    What is no part of a passage, such as running headers and captions, is not looked through. Raises InputError for a
    quote that cannot be looked for or a document that is not there, UnusableIndexError.
    """
    started = perf_counter()
    quote = read_quote(text)
    with searcher.opened() as (reader, generation):
        catalogue = generation.catalogue
        within = reader.find(document) if document is not None else None
        scope = _Scope(generation, None if within is None else catalogue.documents.index(within))
        found, holding = _word_for_word(quote, scope, reader)
        if not found:
            found = _nearest(quote, scope, reader)
        matches = tuple(_match(one, reader) for one in _best(found, catalogue))
        verdict = matches[0].verdict if matches else Verdict.ABSENT
        count = len(catalogue.documents)
        where = f"`{within.path}`" if within else f"the {count:,} document{'s' * (count != 1)} of the index"
        return Verification(
            quote=text,
            verdict=verdict,
            matches=matches,
            reason=_reason(verdict, matches, holding, where),
            generation=reader.version.generation,
            took_ms=round((perf_counter() - started) * 1000, 1),
        )


def _word_for_word(quote: Quote, scope: _Scope, reader: Reader) -> tuple[list[_Found], int]:
    """Look into the passages that hold all words of the quote one after the other, and count their documents."""
    if len(quote.parts) > 1:
        return [], 0
    catalogue = scope.catalogue
    rows = _holding(quote.text, scope)
    holding = len(np.unique(catalogue.places[rows]))
    newest = _newest(rows, catalogue)[:MOST_WORD_FOR_WORD]
    looked: list[Running] = []
    found: list[_Found] = []
    for some in np.array_split(newest, range(MOST_MATCHES * 2, len(newest), MOST_MATCHES * 4)):
        for stored in _stored(some, catalogue, reader):
            looked.append(Running.of([stored], reader))
            found += _exact(quote, looked[-1])
        if len(found) >= MOST_MATCHES:
            break
    if not found:
        found = [one for one in _all_compared(quote, _within_budget(looked)) if one.verdict is Verdict.NORMALISED]
    return found, holding


def _nearest(quote: Quote, scope: _Scope, reader: Reader) -> list[_Found]:
    """Compare the quote with the running text around the passages that share most of its words."""
    radius = 1 + len(quote.text) // NEIGHBOUR + (LEAP if quote.gaps else 0)
    catalogue = scope.catalogue
    windows = _windows(_candidates(quote, scope), radius, catalogue)
    texts = (Running.of(_stored(rows, catalogue, reader), reader) for rows in windows)
    looked = list(_within_budget(texts))
    found = [one for running in looked for one in _exact(quote, running)]
    return found or _all_compared(quote, looked)


def _candidates(quote: Quote, scope: _Scope) -> dict[int, float]:
    """Give rows of passages that share words with the quote, and how well.

    A change leaves what is before it and after it as they were, and one of them finds the source even where a hundred
    passages share more rare words with the quote.
    """
    scores: dict[int, float] = {}
    for text, piece in {_text(quote, piece): piece for piece in _pieces(quote)}.items():
        hits = _sharing(text, scope)
        for row, score in hits:
            scores[row] = scores.get(row, 0.0) + score
        for rows in (_longest(quote, piece, scope, at_end=at_end) for at_end in (False, True)) if hits else ():
            for row in _likest(text, rows, scope):
                scores[row] = scores.get(row, 0.0) + hits[0][1]
    return scores


def _longest(quote: Quote, piece: Sequence[Token], scope: _Scope, *, at_end: bool) -> NDArray[np.int64]:
    """Give the passages that hold the longest beginning, or end, of some words that stands anywhere; two at least."""
    rows = np.empty(0, np.int64)
    stands, fails = 1, len(piece) + 1
    while fails - stands > 1:
        middle = (stands + fails) // 2
        found = _holding(_text(quote, piece[-middle:] if at_end else piece[:middle]), scope)
        if len(found):
            stands, rows = middle, found
        else:
            fails = middle
    return rows


def _likest(text: str, rows: NDArray[np.int64], scope: _Scope) -> list[int]:
    """Give the passages that share most words with a text; of those alike, and where there are many, the newest."""
    rows = _newest(rows, scope.catalogue)[:MOST_RANKED]
    if len(rows) > DEPTH:
        shares = scope.generation.lexical.shares(text, scope.catalogue.ids[rows])
        rows = rows[np.argsort(-np.round(shares, 3), kind="stable")]
    return [int(row) for row in rows[:DEPTH]]


def _sharing(text: str, scope: _Scope) -> list[tuple[int, float]]:
    """Give the rows of the passages that share most of these words, best first, with how well they do."""
    catalogue, lexical = scope.catalogue, scope.generation.lexical
    if scope.place is None:
        hits = lexical.search(Terms(text), DEPTH)
        rows = catalogue.rows(np.array([passage_id for passage_id, _ in hits], np.int64))
        return [(int(row), score) for row, (_, score) in zip(rows, hits, strict=True)]
    shares = lexical.shares(text, catalogue.ids[scope.own])
    best = np.argsort(-shares, kind="stable")[:DEPTH]
    return [(int(scope.own[at]), float(shares[at])) for at in best if shares[at] > 0]


def _holding(text: str, scope: _Scope) -> NDArray[np.int64]:
    """Give the rows of the passages that hold these words one after the other."""
    ids = scope.generation.lexical.matching(Terms(text, (text,)))
    rows = np.empty(0, np.int64) if ids is None else scope.catalogue.rows(ids)
    return rows if scope.place is None else rows[scope.catalogue.places[rows] == scope.place]


def _newest(rows: NDArray[np.int64], catalogue: Catalogue) -> NDArray[np.int64]:
    """Put the rows of passages in the order of their documents' days, newest first."""
    return rows[np.argsort(-catalogue.days[catalogue.places[rows], 1], kind="stable")]


def _pieces(quote: Quote) -> list[tuple[Token, ...]]:
    """Cut a long quote into stretches that a search takes, the first and last among them."""
    pieces = [part[at : at + PIECE] for part in quote.parts for at in range(0, len(part), PIECE)]
    if len(pieces) > MOST_PIECES:
        pieces = [pieces[round(place)] for place in np.linspace(0, len(pieces) - 1, MOST_PIECES)]
    return pieces


def _text(quote: Quote, piece: Sequence[Token]) -> str:
    return quote.text[piece[0].start : piece[-1].end]


def _windows(scores: dict[int, float], radius: int, catalogue: Catalogue) -> list[NDArray[np.int64]]:
    """Give the rows of passages to be read together: those of a document around its candidates, best first."""
    windows: list[tuple[float, NDArray[np.int64]]] = []
    for place in {int(catalogue.places[row]) for row in scores}:
        rows = np.flatnonzero(catalogue.places == place)
        own = sorted(np.searchsorted(rows, [row for row in scores if catalogue.places[row] == place]))
        runs: list[list[int]] = []
        for at in own:
            if runs and at - runs[-1][-1] <= radius:
                runs[-1].append(at)
            else:
                runs.append([at])
        windows += [
            (sum(scores[int(rows[at])] for at in run), rows[max(0, run[0] - radius) : run[-1] + radius + 1])
            for run in runs
        ]
    least = MIN_SHARE * max(scores.values(), default=0.0)
    ordered = sorted(windows, key=lambda one: (-one[0], int(one[1][0])))
    return [rows for score, rows in ordered if score >= least]


def _stored(rows: Sequence[int] | NDArray[np.int64], catalogue: Catalogue, reader: Reader) -> list[StoredPassage]:
    ids = [int(catalogue.ids[row]) for row in rows]
    stored = reader.passages(ids)
    return [stored[one] for one in ids]


def _within_budget(texts: Iterable[Running]) -> Iterator[Running]:
    """Give texts as long as their words are not too many in all; the first in any case."""
    total = 0
    for running in texts:
        yield running
        total += len(running.tokens)
        if total > MOST_COMPARED:
            return


def _exact(quote: Quote, running: Running) -> Iterator[_Found]:
    """Give the places where the quote stands to the letter, with or without the quotation marks around it."""
    start, end = quote.bounds
    for text in dict.fromkeys((quote.text, quote.text[start:end])):
        places = list(running.occurrences(" ".join(text.split())))
        if places:
            return (_Found(Verdict.EXACT, running, *place) for place in places)
    return iter(())


def _all_compared(quote: Quote, texts: Iterable[Running]) -> list[_Found]:
    """Compare a quote with several texts; those that cannot come as near as the nearest so far are passed over."""
    words = Counter(token.key for token in quote.tokens)
    found, least = [], LIKE
    for running in texts:
        common = (words & Counter(token.key for token in running.tokens)).total()
        if 2 * common < least * (words.total() + common):
            continue
        one = compare(quote, running.text, running.tokens)
        if one and one.similarity >= least:
            least = one.similarity
            verdict = Verdict.ALTERED if one.differences else Verdict.NORMALISED
            found.append(_Found(verdict, running, one.start, one.end, one.similarity, one.differences))
    return found


def _best(found: Sequence[_Found], catalogue: Catalogue) -> list[_Found]:
    """Give the best, and what is as good, newest first and each place once."""
    if not found:
        return []
    top = min(_rank(one) for one in found)
    days = {
        document.doc_id: int(day) for document, day in zip(catalogue.documents, catalogue.days[:, 1], strict=True)
    }
    alike = {
        (one.running.document.doc_id, one.running.place(one.start, one.end)[0]): one
        for one in found
        if _rank(one) == top
    }
    order = sorted(
        alike.items(), key=lambda item: (-days[item[0][0]], item[1].running.document.path, item[0][1][0].page)
    )
    return [one for _, one in order[:MOST_MATCHES]]


def _rank(one: _Found) -> tuple[int, float, int, int]:
    left_out = sum(len(other.source) for other in one.differences)
    return list(Verdict).index(one.verdict), -round(one.similarity, 9), len(one.differences), left_out


def _match(one: _Found, reader: Reader) -> Match:
    spans, text = one.running.place(one.start, one.end)
    citation = cite_spans(one.running.document, spans, text, reader)
    return Match(one.verdict, text, citation, round(one.similarity, 4), one.differences)


def _reason(verdict: Verdict, matches: Sequence[Match], holding: int, where: str) -> str | None:
    if verdict is Verdict.ABSENT:
        return f"nothing like it stands in {where}"
    if verdict is Verdict.ALTERED:
        return in_words(matches[0].differences)
    notes = []
    if verdict is Verdict.NORMALISED:
        notes.append("only typography differs, such as quotation marks, dashes, hyphens at line ends or capitals")
    if holding > MOST_MATCHES:
        notes.append(f"{holding:,} documents hold these words; the newest are shown")
    return "; ".join(notes) or None
