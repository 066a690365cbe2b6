"""Looks for a quote in the whole collection, and tells whether it stands there unchanged."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Arms, Reader
from indexer.errors import InputError
from indexer.records import StoredPassage
from indexer.where import EVERYTHING, Where, documents
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

Ids = NDArray[np.int64]  # of passages


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
    reader: Reader
    place: int | None

    @property
    def catalogue(self) -> Catalogue:
        return self.generation.catalogue

    @property
    def arms(self) -> Arms:
        return self.generation.arms

    @property
    def condition(self) -> Where:
        return EVERYTHING if self.place is None else documents([int(self.catalogue.facts.documents[self.place])])

    def places(self, ids: Ids) -> NDArray[np.int64]:
        """Find the documents of passages."""
        return self.catalogue.places(self.arms.outlined(ids).documents)

    def own(self, place: int) -> Ids:
        """Give the passages of a document, in its order."""
        return np.array(self.reader.passage_ids(self.catalogue.documents[place].doc_id), np.int64)

    def stored(self, ids: Iterable[int]) -> list[StoredPassage]:
        """Read passages."""
        wanted = [int(one) for one in ids]
        found = self.reader.passages(wanted)
        return [found[one] for one in wanted]

    def newest(self, ids: Ids) -> Ids:
        """Put passages in the order of their documents' days, newest first."""
        return ids[np.argsort(-self.catalogue.days[self.places(ids), 1], kind="stable")]


def verify(text: str, searcher: Searcher, *, document: str | None = None) -> Verification:
    """Look for a quote in all documents, or in the one of this id, path or end of a path.

    What is no part of a passage, such as running headers and captions, is not looked through. Raises InputError for a
    quote that cannot be looked for or a document that is not there, UnusableIndexError.
    """
    started = perf_counter()
    quote = read_quote(text)
    if not searcher.store.engine.has_words:
        raise InputError(
            f"a quote is looked for by its words, which {searcher.store.engine.name} cannot do: move the collection "
            "to a folder, or to Milvus 2.5 or later, with `citewell export`"
        )

    def looked(reader: Reader, generation: Generation) -> Verification:
        catalogue = generation.catalogue
        within = reader.find(document) if document is not None else None
        scope = _Scope(generation, reader, None if within is None else catalogue.place_of[within.doc_id])
        found, holding = _word_for_word(quote, scope)
        if not found:
            found = _nearest(quote, scope)
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

    return searcher.of_one_generation(looked)


def _word_for_word(quote: Quote, scope: _Scope) -> tuple[list[_Found], int]:
    """Look into the passages that hold all words of the quote one after the other, and count their documents."""
    if len(quote.parts) > 1:
        return [], 0
    ids = _holding(quote.text, scope)
    holding = len(np.unique(scope.places(ids)))
    newest = scope.newest(ids)[:MOST_WORD_FOR_WORD]
    looked: list[Running] = []
    found: list[_Found] = []
    for some in np.array_split(newest, range(MOST_MATCHES * 2, len(newest), MOST_MATCHES * 4)):
        for stored in scope.stored(some):
            looked.append(Running.of([stored], scope.reader))
            found += _exact(quote, looked[-1])
        if len(found) >= MOST_MATCHES:
            break
    if not found:
        found = [one for one in _all_compared(quote, _within_budget(looked)) if one.verdict is Verdict.NORMALISED]
    return found, holding


def _nearest(quote: Quote, scope: _Scope) -> list[_Found]:
    """Compare the quote with the running text around the passages that share most of its words."""
    radius = 1 + len(quote.text) // NEIGHBOUR + (LEAP if quote.gaps else 0)
    windows = _windows(_candidates(quote, scope), radius, scope)
    texts = (Running.of(scope.stored(ids), scope.reader) for ids in windows)
    looked = list(_within_budget(texts))
    found = [one for running in looked for one in _exact(quote, running)]
    return found or _all_compared(quote, looked)


def _candidates(quote: Quote, scope: _Scope) -> dict[int, float]:
    """Give passages that share words with the quote, and how well.

    A change leaves what is before it and after it as they were, and one of them finds the source even where a hundred
    passages share more rare words with the quote.
    """
    scores: dict[int, float] = {}
    for text, piece in {_text(quote, piece): piece for piece in _pieces(quote)}.items():
        hits = _sharing(text, scope)
        for one, score in hits:
            scores[one] = scores.get(one, 0.0) + score
        for ids in (_longest(quote, piece, scope, at_end=at_end) for at_end in (False, True)) if hits else ():
            for one in _likest(text, ids, scope):
                scores[one] = scores.get(one, 0.0) + hits[0][1]
    return scores


def _longest(quote: Quote, piece: Sequence[Token], scope: _Scope, *, at_end: bool) -> Ids:
    """Give the passages that hold the longest beginning, or end, of some words that stands anywhere; two at least."""
    ids = np.empty(0, np.int64)
    stands, fails = 1, len(piece) + 1
    while fails - stands > 1:
        middle = (stands + fails) // 2
        found = _holding(_text(quote, piece[-middle:] if at_end else piece[:middle]), scope)
        if len(found):
            stands, ids = middle, found
        else:
            fails = middle
    return ids


def _likest(text: str, ids: Ids, scope: _Scope) -> list[int]:
    """Give the passages that share most words with a text; of those alike, and where there are many, the newest."""
    ids = scope.newest(ids)[:MOST_RANKED]
    if len(ids) > DEPTH:
        ids = ids[np.argsort(-np.round(scope.arms.shares(text, ids), 3), kind="stable")]
    return [int(one) for one in ids[:DEPTH]]


def _sharing(text: str, scope: _Scope) -> list[tuple[int, float]]:
    """Give the passages that share most of these words, best first, with how well they do."""
    if scope.place is None:
        return scope.arms.by_words(Terms(text), DEPTH, EVERYTHING)
    own = scope.own(scope.place)
    shares = scope.arms.shares(text, own)
    best = np.argsort(-shares, kind="stable")[:DEPTH]
    return [(int(own[at]), float(shares[at])) for at in best if shares[at] > 0]


def _holding(text: str, scope: _Scope) -> Ids:
    """Give the passages that hold these words one after the other."""
    ids = scope.arms.holding(Terms(text, (text,)), scope.condition)
    return np.empty(0, np.int64) if ids is None else ids


def _pieces(quote: Quote) -> list[tuple[Token, ...]]:
    """Cut a long quote into stretches that a search takes, the first and last among them."""
    pieces = [part[at : at + PIECE] for part in quote.parts for at in range(0, len(part), PIECE)]
    if len(pieces) > MOST_PIECES:
        pieces = [pieces[round(place)] for place in np.linspace(0, len(pieces) - 1, MOST_PIECES)]
    return pieces


def _text(quote: Quote, piece: Sequence[Token]) -> str:
    return quote.text[piece[0].start : piece[-1].end]


def _windows(scores: dict[int, float], radius: int, scope: _Scope) -> list[Ids]:
    """Give passages to be read together: those of a document around its candidates, best first."""
    windows: list[tuple[float, Ids]] = []
    candidates = np.array(sorted(scores), np.int64)
    places = scope.places(candidates)
    for place in np.unique(places).tolist():
        ids = scope.own(place)
        runs: list[list[int]] = []
        for at in np.searchsorted(ids, candidates[places == place]).tolist():
            if runs and at - runs[-1][-1] <= radius:
                runs[-1].append(at)
            else:
                runs.append([at])
        windows += [
            (sum(scores[int(ids[at])] for at in run), ids[max(0, run[0] - radius) : run[-1] + radius + 1])
            for run in runs
        ]
    least = MIN_SHARE * max(scores.values(), default=0.0)
    ordered = sorted(windows, key=lambda one: (-one[0], int(one[1][0])))
    return [ids for score, ids in ordered if score >= least]


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
