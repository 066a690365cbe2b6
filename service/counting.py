"""How many reports raise a matter, by looking through every sentence of every one of them.

A report is counted where one of its sentences has all words of the matter, in any inflection; nothing depends on how
many hits somebody asks for. What comes near to it in meaning without the words is listed beside, for a person to
judge, and never counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.dense import widened
from indexer.metadata import body_key
from indexer.records import Document, Version
from indexer.where import UNKNOWN, documents
from service.answering.answer import Quote
from service.answering.sentences import Sentence
from service.candidates import Asked, Generation
from service.catalogue import Catalogue
from service.query import Query
from service.scanning import Words, nearest, sentences_with, words_of_matter
from service.search import Searcher, understand
from service.superseding import is_press

MOST_NEAR = 20  # near misses that are listed
DEEP = 10  # passages that are looked at for each of them, as one report may have several
# "How many of the latest reports raise ...?" asks for what comes after it.
_ASKED = re.compile(
    r"""\s*how\s+many\s+(?:of\s+)?(?:all\s+)?(?:the\s+)?(?P<latest>latest|most\s+recent|newest|current|last)?\s*
    (?:[\w’'-]+\s+){0,3}?(?:reports?|inspections?|visits?|letters?|documents?|councils?|authorities|bodies)\s+
    (?:(?:that|which)\s+)?
    (?:raise[sd]?|mention(?:s|ed)?|name[sd]?|discuss(?:es|ed)?|refer(?:s|red)?\s+to|(?:speak|talk|tell)s?\s+(?:of|about)|
    (?:say|said)\s+(?:something|anything)\s+(?:of|about)|criticise[sd]?|praise[sd]?|cover(?:s|ed)?|cite[sd]?)\s+
    (?P<matter>.+?)[\s?.!]*\Z""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Raised:
    """A report that raises the matter: the sentence that is nearest to it, and how many there are."""

    document: Document
    quote: Quote
    sentences: int


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A report that does not say the words, and its sentence that is nearest in meaning, by cosine."""

    document: Document
    quote: Quote
    likeness: float


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted, all of one generation."""

    matter: str
    words: Words
    latest: bool  # whether only the latest report on each body was looked through
    of: int  # reports that were looked through
    raised: tuple[Raised, ...]  # by body, the oldest first
    near: tuple[NearMiss, ...]  # the nearest first
    incomplete: tuple[Document, ...]  # of those looked through: with pages that have no text
    version: Version


def count(searcher: Searcher, reader: Reader, generation: Generation, query: Query, *, latest: bool = False) -> Count:
    """Count the reports that raise a matter, in what `Searcher.opened` gave.

    Only reports that the filters and the bodies named let through are looked at; what the press writes is none,
    unless a kind is asked for. Raises InputError for a matter without words.
    """
    catalogue = generation.catalogue
    matter, asked, asks_latest = understood(query, catalogue)
    words = words_of_matter(matter)
    some = catalogue.fitting(asked.wanted)
    if not query.kinds:
        some &= np.array([not is_press(one) for one in catalogue.documents], bool)
    if latest or asks_latest:
        some = _latest(catalogue, some)
    looked_at = [catalogue.documents[place] for place in np.flatnonzero(some)]
    vector = searcher.encoder.encode_queries([matter], [[]])[0]
    raised = [
        Raised(document, nearest(found, vector, reader).quote(reader), len(found))
        for document, found in sentences_with(words, looked_at, reader)
    ]
    some[[catalogue.place_of[one.document.doc_id] for one in raised]] = False
    return Count(
        matter=matter,
        words=words,
        latest=latest or asks_latest,
        of=len(looked_at),
        raised=tuple(sorted(raised, key=lambda one: _order(one.document, catalogue))),
        near=tuple(_near(generation, reader, vector, some)),
        incomplete=tuple(one for one in looked_at if one.needs_ocr),
        version=reader.version,
    )


def understood(query: Query, catalogue: Catalogue) -> tuple[str, Asked, bool]:
    """Give the matter that is asked about, with the bodies named as a filter, and whether the latest are meant."""
    matter, latest = matter_of(query.text)
    asked = understand(replace(query, text=matter), catalogue)
    if named := asked.reading.bodies() if not query.bodies else ():
        matter = asked.reading.topic
        asked = understand(replace(query, text=matter, bodies=named), catalogue)
    return matter, asked, latest


def matter_of(text: str) -> tuple[str, bool]:
    """Give the matter that a question asks to count, and whether in the latest reports only."""
    match = _ASKED.match(text)
    return (match["matter"], bool(match["latest"])) if match else (text.strip(" \t\n?.!"), False)


def _near(
    generation: Generation, reader: Reader, vector: NDArray[np.float32], rest: NDArray[np.bool_]
) -> Iterator[NearMiss]:
    numbers = generation.catalogue.numbers_of(rest).tolist()
    found = generation.arms.nearest(vector, MOST_NEAR * DEEP, documents(numbers)) if numbers else []
    ids = [passage_id for passage_id, _ in found]
    stored, vectors = reader.passages(ids), reader.vectors(ids, len(vector))
    best: dict[str, tuple[float, int, int]] = {}
    for passage_id in ids:
        cosines = widened(vectors[passage_id])[1:] @ vector
        if len(cosines):
            place, doc_id = int(cosines.argmax()), stored[passage_id].document.doc_id
            best[doc_id] = max(best.get(doc_id, (-1.0, 0, 0)), (float(cosines[place]), passage_id, place))
    for likeness, passage_id, place in sorted(best.values(), reverse=True)[:MOST_NEAR]:
        sentence = Sentence(stored[passage_id], place)
        yield NearMiss(sentence.stored.document, sentence.quote(reader), round(likeness, 4))


def _latest(catalogue: Catalogue, fitting: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give the last report on each body, of those whose body and day are known."""
    latest: dict[str, tuple[int, int]] = {}
    for place in np.flatnonzero(fitting).tolist():
        document, day = catalogue.documents[place], int(catalogue.days[place, 1])
        if document.metadata.body and day != UNKNOWN:
            key = body_key(document.metadata.body)
            latest[key] = max(latest.get(key, (UNKNOWN, place)), (day, place))
    found = np.zeros_like(fitting)
    found[[place for _, place in latest.values()]] = True
    return found


def _order(document: Document, catalogue: Catalogue) -> tuple[str, int, str]:
    day = int(catalogue.days[catalogue.place_of[document.doc_id], 1])
    return body_key(document.metadata.body or ""), day, document.doc_id
