"""What became of a report's recommendations: which the next inspection repeats, what later reports say of them."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.dense import widened
from indexer.encoder import Encoder
from indexer.lexical import stems_of
from indexer.metadata import body_key
from indexer.records import Document, Recommendation, Span, Version
from indexer.where import UNKNOWN
from service.answering.sentences import EASY, Sentence
from service.candidates import Generation
from service.catalogue import days_of
from service.citation import Citation, cite_spans
from service.highlight import SHORTEST
from service.query import Query
from service.search import understand
from service.superseding import is_press

# How like two texts are: the cosine of their vectors and that of their words, weighed by rarity, added up. Set on
# 168 pairs of consecutive reports that were judged by eye; of 40 links of each kind drawn after that, 36 are on one
# matter (`python -m tests.quality.followup`). By the cosine alone no threshold tells them apart.
ON_ONE_MATTER = 0.85  # two recommendations
SPEAKS_OF = 0.82  # a sentence and a recommendation,
NEAR = 0.57  # and their cosine alone
MOST_LATER = 3  # sentences

_ASIDE = re.compile(r"\s*\([^()]*\)\W*$")  # "(paragraphs 12, 14)": says where, not what


@dataclass(frozen=True, slots=True)
class Said:
    """Some words of a report, and where they stand."""

    document: Document
    text: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Followed:
    """A recommendation, and what became of it; None and nothing where nothing plain was found."""

    item: Said
    repeated: Said | None  # the recommendation of the next inspection on the same matter
    later: tuple[Said, ...]  # sentences of later reports, the oldest first, one a report


@dataclass(frozen=True, slots=True)
class Tracked:
    """The recommendations of some reports, the oldest report first, all of one generation."""

    reports: tuple[tuple[Document, tuple[Followed, ...]], ...]
    version: Version


def track(encoder: Encoder, reader: Reader, generation: Generation, query: Query) -> Tracked:
    """Follow the recommendations of all reports that a query's filters let through. Raises as `followed_up` does."""
    catalogue = generation.catalogue
    fitting = catalogue.fitting(understand(query, catalogue).wanted)
    some = [
        (int(catalogue.days[place, 1]), catalogue.documents[place].doc_id, catalogue.documents[place])
        for place in np.flatnonzero(fitting)
        if catalogue.documents[place].findings.recommendations and not is_press(catalogue.documents[place])
    ]
    reports = [document for *_, document in sorted(some, key=lambda one: one[:2])]
    return Tracked(tuple((one, followed_up(encoder, reader, generation, one)) for one in reports), reader.version)


def followed_up(encoder: Encoder, reader: Reader, generation: Generation, document: Document) -> tuple[Followed, ...]:
    """Follow each recommendation of a report through the later reports on its body, in what `Searcher.opened` gave.

    Raises IndexFormatError where the pages do not hold what is cited.
    """
    items = [_said(document, one, reader) for one in document.findings.recommendations]
    later = _later(generation.catalogue.documents, document)
    if not items or not later:
        return tuple(Followed(item, None, ()) for item in items)
    texts = [_matter(item.text) for item in items]
    vectors = encoder.encode_queries(texts, [[]] * len(texts))
    following = next((one for one in later if one.findings.recommendations), None)
    repeated = _repeated(texts, vectors, following, encoder, reader) if following else [None] * len(items)
    mentions = [_mentions(texts, vectors, one, reader) for one in later]
    return tuple(
        Followed(item, again, _nearest([of_report[row] for of_report in mentions], reader))
        for row, (item, again) in enumerate(zip(items, repeated, strict=True))
    )


def _said(document: Document, item: Recommendation, reader: Reader) -> Said:
    text = "\n".join(reader.page_text(document.doc_id, span.page)[span.start : span.end] for span in item.spans)
    return Said(document, text, cite_spans(document, item.spans, text, reader))


def _matter(text: str) -> str:
    return _ASIDE.sub("", " ".join(text.split()))


def _later(documents: Sequence[Document], document: Document) -> list[Document]:
    """Give the later reports on the same body, the oldest first."""
    body, day = document.metadata.body, days_of(document)[1]
    if not body or day == UNKNOWN:
        return []
    key = body_key(body)
    same = [
        one for one in documents if one.metadata.body and body_key(one.metadata.body) == key and not is_press(one)
    ]
    days = {one.doc_id: days_of(one)[1] for one in same}
    return sorted((one for one in same if days[one.doc_id] > day), key=lambda one: (days[one.doc_id], one.doc_id))


def _repeated(
    texts: Sequence[str], vectors: NDArray[np.float32], following: Document, encoder: Encoder, reader: Reader
) -> list[Said | None]:
    """Give for each recommendation the nearest one of the report that followed, if it is on the same matter."""
    others = [_said(following, one, reader) for one in following.findings.recommendations]
    their = [_matter(one.text) for one in others]
    likeness = vectors @ encoder.encode_queries(their, [[]] * len(their)).T + _words_in_common(texts, their)
    best = likeness.argmax(axis=1)
    return [others[place] if likeness[row, place] >= ON_ONE_MATTER else None for row, place in enumerate(best)]


@dataclass(frozen=True, slots=True)
class _Mention:
    """A sentence that speaks of a recommendation, and how like it is."""

    sentence: Sentence
    document: Document
    likeness: float


def _mentions(
    texts: Sequence[str], vectors: NDArray[np.float32], document: Document, reader: Reader
) -> list[_Mention | None]:
    """Give for each recommendation the sentence of a later report that speaks of it most plainly, if one does.

    Headings and the report's own recommendations are left out.
    """
    sentences = _sentences(document, reader)
    if not sentences:
        return [None] * len(texts)
    rows = reader.vectors(list({one.stored.passage_id: None for one in sentences}), vectors.shape[1])
    cosines = vectors @ widened(np.stack([rows[one.stored.passage_id][1 + one.place] for one in sentences])).T
    near = np.flatnonzero((cosines >= NEAR).any(axis=0))
    if not near.size:
        return [None] * len(texts)
    cosines, sentences = cosines[:, near], [sentences[column] for column in near]
    likeness = np.where(cosines >= NEAR, cosines + _words_in_common(texts, [one.text for one in sentences]), 0.0)
    found: list[_Mention | None] = []
    for row, best in enumerate(likeness.argmax(axis=1)):
        score, one = float(likeness[row, best]), sentences[best]
        found.append(_Mention(one, document, score) if score >= SPEAKS_OF else None)
    return found


def _sentences(document: Document, reader: Reader) -> list[Sentence]:
    listed = [span for one in document.findings.recommendations for span in one.spans]
    stored = reader.passages(reader.passage_ids(document.doc_id)).values()
    each = (Sentence(one, place) for one in stored for place in range(len(one.passage.sentences)))
    return [one for one in each if one.text.endswith((".", "!", "?")) and not _overlaps(one, listed)]


def _overlaps(sentence: Sentence, spans: Sequence[Span]) -> bool:
    start, end = sentence.span
    at = 0
    for run in sentence.stored.passage.spans:
        first, last = run.start + start - at, run.start + end - at  # where it would stand, were the run long enough
        for span in spans:
            if span.page == run.page and max(span.start, first, run.start) < min(span.end, last, run.end):
                return True
        at += run.end - run.start + 1  # runs are joined by a line feed
    return False


def _nearest(mentions: Sequence[_Mention | None], reader: Reader) -> tuple[Said, ...]:
    """Quote the nearest few of those that there are, in their order."""
    there = [one for one in mentions if one]
    kept = sorted(there, key=lambda one: one.likeness, reverse=True)[:MOST_LATER]
    quotes = ((one.document, one.sentence.quote(reader)) for one in there if one in kept)
    return tuple(Said(document, quote.text, quote.citation) for document, quote in quotes)


def _words_in_common(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float64]:
    """Compare all texts with all others by their words, of which one counts the more the fewer have it; in [0, 1]."""
    of_texts = [
        {stem for stem in stems_of(text) if stem not in EASY and len(stem) >= SHORTEST} for text in (*texts, *others)
    ]
    counts = Counter(stem for stems in of_texts for stem in stems)
    columns = {stem: column for column, stem in enumerate(counts)}
    words = np.zeros((len(of_texts), len(columns)))
    for row, stems in enumerate(of_texts):
        for stem in stems:
            words[row, columns[stem]] = math.log((len(of_texts) + 1) / counts[stem])
    words /= np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-9)
    common: NDArray[np.float64] = words[: len(texts)] @ words[len(texts) :].T
    return common
