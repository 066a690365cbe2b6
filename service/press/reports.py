"""The reports that a story is checked against: those on a body and on whatever is in line with it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from indexer.collection import Reader
from indexer.metadata import body_key
from indexer.records import Document, Span, StoredPassage
from service.answering.answer import Quote
from service.answering.sentences import Sentence
from service.catalogue import Catalogue
from service.citation import cite_spans
from service.press.figures import MAY_COUNT, Figure, figures
from service.reading import Period
from service.timeline import inspected
from service.verification.running import Running
from service.verification.tokens import tokens

LAG = timedelta(days=150)  # from an inspection to its report (128 days at most in 223 real ones)
GRACE = timedelta(days=7)  # a story may be dated before the report it tells of, or this a little late
# From the last day of an inspection to a story that tells of it as the newest; a later one may be of another report.
FRESH = LAG + timedelta(days=60)
WINDOW = 1  # passages read on each side of one that shares words with a quotation


@dataclass(frozen=True)
class Report:
    """A report, its days and its passages, which are read when they are needed."""

    document: Document
    first: date
    last: date
    reader: Reader

    @property
    def known_by(self) -> date:
        """The day of its publication, or the last that this can have been."""
        return self.document.metadata.published or self.last + LAG

    @cached_property
    def passages(self) -> tuple[StoredPassage, ...]:
        """All passages, in order."""
        ids = self.reader.passage_ids(self.document.doc_id)
        stored = self.reader.passages(ids)
        return tuple(stored[one] for one in ids)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences, in order."""
        return tuple(Sentence(one, place) for one in self.passages for place in range(len(one.passage.sentences)))

    @cached_property
    def figures(self) -> tuple[tuple[Sentence, tuple[Figure, ...]], ...]:
        """The sentences with numbers or shares, and these."""
        found = ((one, tuple(figures(one.text))) for one in self.sentences if MAY_COUNT.search(one.text))
        return tuple((one, its) for one, its in found if its)

    @cached_property
    def words(self) -> tuple[Counter[str], ...]:
        """How often each word stands in each passage, as quotations are compared."""
        return tuple(
            Counter(token.key for token in tokens(one.passage.text) if token.is_word) for one in self.passages
        )

    def running(self, place: int) -> Running:
        """Give the text around a passage."""
        return Running.of(self.passages[max(0, place - WINDOW) : place + WINDOW + 1], self.reader)

    def quote(self, spans: Sequence[Span]) -> Quote:
        """Quote places of it, which are checked against their pages. Raises IndexFormatError."""
        doc_id = self.document.doc_id
        text = "\n".join(self.reader.page_text(doc_id, span.page)[span.start : span.end] for span in spans)
        return Quote(text, cite_spans(self.document, tuple(spans), text, self.reader))


@dataclass(frozen=True)
class Shelf:
    """All reports on a line of bodies, the oldest first."""

    names: frozenset[str]  # of the bodies
    reports: tuple[Report, ...]

    def until(self, day: date | None) -> tuple[Report, ...]:
        """Give the reports that may have been known on a day; all of them where it is unknown."""
        return tuple(
            one
            for one in self.reports
            if day is None or one.known_by <= day + GRACE or one.last <= day < one.known_by
        )

    def standing(self, day: date | None) -> tuple[Report, ...]:
        """Give the reports of which one was the newest on a day, the oldest first; all where the day is unknown."""
        return standing(self.reports, day)

    def of(self, period: Period) -> tuple[tuple[Report, ...], tuple[Report, ...]]:
        """Give the reports that were made or published in a period, and those that may have been."""
        first, last = period.start or date.min, period.end or date.max
        sure, maybe = [], []
        for one in self.reports:
            known = one.document.metadata.published or one.last
            if one.first <= last and first <= known:
                sure.append(one)
            elif one.first <= last and first <= one.known_by:
                maybe.append(one)
        return tuple(sure), tuple(maybe)


def standing(reports: Sequence[Report], day: date | None) -> tuple[Report, ...]:
    """Give those of some reports of which one was the newest on a day, the oldest first."""
    if day is None:
        return tuple(reports)
    known = [one for one in reports if one.known_by <= day + GRACE]
    open_ = [one for one in reports if one.known_by > day + GRACE and one.last <= day]
    newest = known[-1:]
    return (*newest, *(one for one in open_ if not newest or one.last > newest[0].last))


def shelf_of(bodies: Iterable[str], catalogue: Catalogue, reader: Reader, without: str | None) -> Shelf:
    """Gather the reports on some bodies, which is never what the press writes, nor a document of no known kind."""
    keys = set()
    for body in bodies:
        keys.add(body_key(body))
        keys |= {body_key(one.body) for one in catalogue.names.lines.meant(body, (), history=True, looks_back=True)}
    found = list(_reports(keys, catalogue, reader, without))
    return Shelf(frozenset(keys), tuple(sorted(found, key=lambda one: (one.last, one.document.doc_id))))


def _reports(keys: set[str], catalogue: Catalogue, reader: Reader, without: str | None) -> Iterator[Report]:
    for document in catalogue.documents:
        metadata = document.metadata
        if not metadata.body or body_key(metadata.body) not in keys or document.doc_id == without:
            continue
        if when := inspected(document):
            first = min((event.start for event in metadata.events), default=when.day)
            yield Report(document, first, when.day, reader)
