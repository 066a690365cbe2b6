"""The judgement ledger: which grades the reports give, to whom, when, and where they say so."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexer.collection import Reader
from indexer.judgements import AREAS, GRADES
from indexer.metadata import body_key
from indexer.records import Document, Judgement, Version
from service.answering.answer import Quote
from service.candidates import Generation
from service.citation import cite_spans, title_of
from service.judged import known
from service.query import Query
from service.search import understand
from service.signs import safe_cell
from service.timeline import When, inspected

COLUMNS = tuple(
    "body,inspected_to,published,framework,kind,area,state,grade,page,text,title,source,doc_id,text_sha256".split(",")
)


@dataclass(frozen=True, slots=True)
class Grade:
    """What a report judges an area to be, or why it gives no grade there."""

    document: Document
    when: When | None
    judgement: Judgement
    quote: Quote | None  # the words that say so, checked against their page; a framework's own silence has none

    @property
    def area_label(self) -> str:
        """The area, as people call it."""
        return AREAS[self.judgement.area].label if self.judgement.area in AREAS else self.judgement.area

    @property
    def grade_label(self) -> str | None:
        """The grade, as people call it."""
        grade = self.judgement.grade
        return GRADES.get(grade, grade) if grade else None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Grades by body, the oldest first, all of one generation."""

    grades: tuple[Grade, ...]
    reports: int  # that they are of
    without: tuple[Document, ...]  # other documents that fit, and were made under no framework known here
    version: Version


def ledger(reader: Reader, generation: Generation, query: Query) -> Ledger:
    """Give the grades in the reports that the query's filters let through, in what `Searcher.opened` gave.

    Raises InputError for a filter that names nothing.
    """
    catalogue = generation.catalogue
    fitting = catalogue.fitting(understand(replace(query, grades=(), areas=()), catalogue).wanted)
    documents = [catalogue.documents[place] for place in np.flatnonzero(fitting)]
    judged = [one for one in documents if one.findings.framework]
    given = [judgement for one in catalogue.documents for judgement in one.findings.judgements]
    areas = known("area", query.areas, {one.area for one in given})
    grades = known("grade", query.grades, {one.grade for one in given if one.grade})
    found = [
        Grade(document, inspected(document), judgement, _quote(document, judgement, reader))
        for document in _by_body(judged)
        for judgement in document.findings.judgements
        if (not areas or judgement.area in areas) and (not grades or judgement.grade in grades)
    ]
    return Ledger(
        grades=tuple(found),
        reports=len({one.document.doc_id for one in found}),
        without=tuple(one for one in documents if not one.findings.framework),
        version=reader.version,
    )


def to_csv(found: Ledger) -> str:
    """Write the ledger as a table (RFC 4180), one grade a row; cells that a spreadsheet would run are made safe."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for one in found.grades:
        metadata, judgement, quote = one.document.metadata, one.judgement, one.quote
        row: Iterable[object] = (
            metadata.body,
            max((event.end for event in metadata.events), default=None),
            metadata.published,
            one.document.findings.framework,
            metadata.kind,
            judgement.area,
            judgement.state.value,
            judgement.grade,
            quote.citation.page if quote else None,
            " ".join(quote.text.split()) if quote else None,
            title_of(one.document),
            one.document.path,
            one.document.doc_id,
            quote.citation.text_sha256 if quote else None,
        )
        table.writerow(["" if cell is None else safe_cell(str(cell)) for cell in row])
    return out.getvalue()


def _quote(document: Document, judgement: Judgement, reader: Reader) -> Quote | None:
    if not judgement.spans:
        return None
    texts = [reader.page_text(document.doc_id, span.page)[span.start : span.end] for span in judgement.spans]
    text = "\n".join(texts)
    return Quote(text, cite_spans(document, judgement.spans, text, reader))


def _by_body(documents: Sequence[Document]) -> list[Document]:
    def order(document: Document) -> tuple[str, str, str]:
        day = inspected(document)
        return body_key(document.metadata.body or ""), day.day.isoformat() if day else "", document.doc_id

    return sorted(documents, key=order)
