"""Checks what the press claims against the reports, claim by claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.collection import Reader
from indexer.lexical import stems_of
from indexer.records import Document, StoredPassage, Version
from service.answering.answer import Quote
from service.candidates import Generation
from service.catalogue import Catalogue
from service.citation import cite_within
from service.press.claims import KINDS, Claim, ClaimKind, CountClaim, DateClaim, GradeClaim, QuoteClaim, in_order
from service.press.events import events
from service.press.figures import counts
from service.press.gradings import gradings
from service.press.quotations import quotations
from service.press.reports import Report, Shelf, shelf_of
from service.press.subjects import masked_bodies, names_others, story_bodies, subjects
from service.press.verdicts import Bearing, Outcome, count_outcome, date_outcome, grade_outcome, not_covered
from service.press.wording import quote_outcome

OPENING = 600  # characters that tell whom a story is about where its title does not


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim, what became of it, and the reports that were looked through for it, the oldest first."""

    claim: Claim
    words: str  # that are checked, to the letter
    outcome: Outcome
    bodies: tuple[str, ...]  # that it is about
    looked_through: tuple[Report, ...]
    quote: Quote | None = None  # the sentence of the story that claims it; None for a text that is in no index

    @property
    def kind(self) -> ClaimKind:
        """What is claimed."""
        return KINDS[type(self.claim)]


@dataclass(frozen=True, slots=True)
class PressCheck:
    """The claims of a document in their order, all checked in one generation."""

    document: Document
    day: date | None  # of the story; without it, nobody can tell which report was the newest
    bodies: tuple[str, ...]  # that it is about
    claims: tuple[Checked, ...]
    version: Version


def check_press(reader: Reader, generation: Generation, document: Document) -> PressCheck:
    """Check a document's claims against the reports in what `Searcher.opened` gave.

    These are documents of a known kind that is none of the press, on the same body or on one in line with it.
    """
    stored = reader.passages(reader.passage_ids(document.doc_id))
    passages = [stored[one] for one in sorted(stored)]
    metadata = document.metadata
    opening = "\n".join(one.passage.text for one in passages)[:OPENING]
    story = story_bodies(metadata.title or "", metadata.body, opening, generation.catalogue)
    check = _Check(reader, generation.catalogue, document.doc_id, metadata.published, story)
    claims = [
        _quoted(one, passage, reader)
        for passage in passages
        for one in check.of(passage.passage.text, passage.passage.sentences)
    ]
    return PressCheck(document, metadata.published, story, tuple(claims), reader.version)


def check_text(
    text: str,
    sentences: Sequence[tuple[int, int]],
    reader: Reader,
    generation: Generation,
    *,
    body: str | None = None,
    day: date | None = None,
) -> tuple[Checked, ...]:
    """Check the claims of a text that is in no index; its sentences are [start, end) of it."""
    story = story_bodies("", body, text[:OPENING], generation.catalogue)
    return tuple(_Check(reader, generation.catalogue, None, day, story).of(text, sentences))


class _Check:
    """One story, and the reports that were gathered for it so far."""

    def __init__(
        self, reader: Reader, catalogue: Catalogue, doc_id: str | None, day: date | None, story: tuple[str, ...]
    ) -> None:
        self._reader, self._catalogue, self._doc_id, self._day, self._story = reader, catalogue, doc_id, day, story
        self._shelves: dict[tuple[str, ...], Shelf] = {}
        self._names = frozenset(stems_of(" ".join(catalogue.numbers)))

    def of(self, text: str, sentences: Sequence[tuple[int, int]]) -> Iterator[Checked]:
        """Check the claims of a text."""
        quoted = list(quotations(text, sentences))
        claims: list[Claim] = [*quoted]
        masked = masked_bodies(text, sentences, self._catalogue.names)
        previous = ""
        for start, end in sentences:
            claims += gradings(masked, start, end, self._day, previous)
            previous = masked[start:end]
            claims += events(text, start, end, self._day)
            claims += counts(text, start, end)
        inside = [(one.at.first, one.at.last) for one in quoted]
        kept = [
            one
            for one in claims
            if isinstance(one, QuoteClaim) or not any(a <= one.at.first and one.at.last <= b for a, b in inside)
        ]
        before: tuple[str, ...] | None = self._story
        of_sentence: dict[int, tuple[str, ...] | None] = {}  # what the one before each is about, by where it starts
        for start, end in sentences:
            of_sentence[start] = before
            before = subjects(text[start:end], end - start, self._catalogue.names, self._story, before)
        for one in in_order(kept):
            at = one.at
            before = of_sentence.get(at.start, self._story)
            about = subjects(text[at.start : at.end], at.first - at.start, self._catalogue.names, self._story, before)
            yield self._checked(one, text, about)

    def _checked(self, claim: Claim, text: str, about: tuple[str, ...] | None) -> Checked:
        words = text[claim.at.first : claim.at.last]
        if isinstance(claim, QuoteClaim) and about is None:
            about = self._story
        if not about:
            return Checked(
                claim, words, not_covered("whom it is about is not plain, or nothing here is on them"), (), ()
            )
        if about not in self._shelves:
            self._shelves[about] = shelf_of(about, self._catalogue, self._reader, self._doc_id)
        shelf = self._shelves[about]
        if not shelf.reports:
            return Checked(claim, words, not_covered("no report here is on them"), about, ())
        outcome = self._outcome(claim, words, shelf)
        sentence = text[claim.at.start : claim.at.end]
        is_plain = isinstance(claim, QuoteClaim) or not names_others(sentence, self._catalogue.names)
        if outcome.verdict is Bearing.ALTERED and not is_plain:
            outcome = not_covered("it names somebody whom nothing here is on, and may be about them")
        return Checked(claim, words, outcome, about, shelf.reports)

    def _outcome(self, claim: Claim, words: str, shelf: Shelf) -> Outcome:
        match claim:
            case GradeClaim():
                return grade_outcome(claim, shelf, self._day)
            case DateClaim():
                return date_outcome(claim, shelf, self._day)
            case CountClaim():
                return count_outcome(claim, shelf, self._day, self._names)
            case QuoteClaim():
                return quote_outcome(claim, words, shelf, self._day)


def _quoted(checked: Checked, passage: StoredPassage, reader: Reader) -> Checked:
    at = checked.claim.at
    start, end = at.start, at.end
    text = passage.passage.text[start:end]
    return Checked(
        checked.claim,
        checked.words,
        checked.outcome,
        checked.bodies,
        checked.looked_through,
        Quote(text, cite_within(passage, start, end, reader)),
    )
