"""What the inspections of a body said of a matter, one after the other, and how that changed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.errors import InputError
from indexer.records import Document, Judgement, Version
from service.answering.answer import Quote
from service.answering.sentences import Sentence
from service.candidates import Generation
from service.catalogue import Catalogue
from service.counting import understood
from service.judged import OVERALL
from service.lineage import Link
from service.query import Query
from service.reading import Meant
from service.scanning import Words, nearest, sentences_with, words_of_matter
from service.search import Searcher
from service.timeline import When, inspected
from service.tone import Change, Tone, change_of, tone_of


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says of the matter."""

    quote: Quote
    tone: Tone  # of all its sentences on the matter together
    tones: Mapping[Tone, int]  # how many of its sentences say what
    change: Change | None  # where the text itself says so, and nowhere the contrary
    changed: Quote | None  # the sentence that says so


@dataclass(frozen=True, slots=True)
class Inspection:
    """An inspection, and what its report says of the matter; None where it has no sentence with the words."""

    document: Document
    when: When
    overall: Judgement | None
    said: Said | None


@dataclass(frozen=True, slots=True)
class Thread:
    """A matter over time, all of one generation."""

    matter: str
    words: Words
    bodies: tuple[str, ...]  # those named, and those in line with them
    links: tuple[Link, ...]  # between these
    inspections: tuple[Inspection, ...]  # the oldest first
    left_out: int  # documents on these bodies that report no inspection of a known day, such as news
    version: Version


def thread(searcher: Searcher, reader: Reader, generation: Generation, query: Query) -> Thread:
    """Follow a matter through all inspections of the bodies that are named, in what `Searcher.opened` gave.

    What came before such a body or after it, and whom it serves or is served by, is a part of its history.
    Raises InputError where no body is named, or the matter has no words.
    """
    catalogue = generation.catalogue
    matter, asked, _ = understood(query, catalogue)
    if not asked.wanted.bodies:
        raise InputError("a thread is of a body: name one, such as with --body; `citewell status` lists every body")
    words = words_of_matter(matter)
    line = _line(asked.wanted.bodies, catalogue)
    wanted = replace(asked.wanted, bodies=frozenset(line))
    about = [
        catalogue.documents[place]
        for place in np.flatnonzero(catalogue.fitting(wanted))
        if _is_of_the_line(catalogue.documents[place], line)
    ]
    reports = [(day, one) for one in about if (day := inspected(one))]
    bodies = {one.metadata.body or "" for _, one in reports}
    vector = searcher.encoder.encode_queries([matter], [[]])[0]
    said = {
        document.doc_id: _said(found, vector, reader)
        for document, found in sentences_with(words, [one for _, one in reports], reader)
    }
    return Thread(
        matter=matter,
        words=words,
        bodies=tuple(sorted(bodies or asked.wanted.bodies)),
        links=tuple(
            dict.fromkeys(link for body in line if body in bodies for one in line[body] for link in one.links)
        ),
        inspections=tuple(
            Inspection(one, day, overall_of(one), said.get(one.doc_id))
            for day, one in sorted(reports, key=lambda pair: (pair[0].day, pair[1].doc_id))
        ),
        left_out=len(about) - len(reports),
        version=reader.version,
    )


def overall_of(document: Document) -> Judgement | None:
    """Give the overall judgement of a report, or why it has none; None where it was made under no known framework."""
    return next((one for one in document.findings.judgements if one.area == OVERALL), None)


def _line(bodies: Iterable[str], catalogue: Catalogue) -> dict[str, tuple[Meant, ...]]:
    """Give the bodies, as stored, and all that are in line with them, with the days on which they are."""
    found: dict[str, tuple[Meant, ...]] = {body: (Meant(body),) for body in bodies}
    for body in tuple(found):
        for one in catalogue.names.lines.meant(body, (), history=True, looks_back=True):
            found[one.body] = (*found.get(one.body, ()), one)
    return found


def _is_of_the_line(document: Document, line: Mapping[str, Sequence[Meant]]) -> bool:
    day = inspected(document)
    return any(
        day is None or (one.since or date.min) <= day.day <= (one.until or date.max)
        for one in line[document.metadata.body or ""]
    )


def _said(sentences: Sequence[Sentence], vector: NDArray[np.float32], reader: Reader) -> Said:
    tones = [tone_of(one.text, one.stored.passage.headings) for one in sentences]
    counts = Counter(tones)
    tone = _together(counts)
    telling = [one for one, its in zip(sentences, tones, strict=True) if its is tone] or list(sentences)
    changes = [(change, one) for one in sentences if (change := change_of(one.text))]
    agree = len({change for change, _ in changes}) == 1
    return Said(
        quote=nearest(telling, vector, reader).quote(reader),
        tone=tone,
        tones={one: counts[one] for one in Tone if counts[one]},
        change=changes[0][0] if agree else None,
        changed=nearest([one for _, one in changes], vector, reader).quote(reader) if agree else None,
    )


def _together(counts: Mapping[Tone, int]) -> Tone:
    """Give what sentences say together: praise and blame make a mixed picture."""
    if counts.get(Tone.MIXED) or (counts.get(Tone.STRENGTH) and counts.get(Tone.WEAKNESS)):
        return Tone.MIXED
    return next((one for one in (Tone.STRENGTH, Tone.WEAKNESS) if counts.get(one)), Tone.NEUTRAL)
