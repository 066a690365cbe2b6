"""An invented library for questions, sentences made by hand, and answers read again from their files."""

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np

from indexer.records import Document, Passage, Span, StoredPassage
from service.answering import Answer, Answerer, Looked, Status
from service.answering.sentences import SIGNS, Candidate, Sign
from service.candidates import Generation
from service.citation import Citation
from service.query import Query
from service.ranking import Signal
from service.search import Hit, Part
from tests.service.conftest import Library, make_library
from tests.service.made import document

# Each report is of one town; the pilots are counted in three of them, and all else is told once.
REPORTS = {
    "kentwood/2018.txt": (
        "The harbour office employed 31 pilots when the visitors came. Each pilot carries a brass lantern.\n\n"
        "The lighthouse was judged inadequate by the visitors after two stormy nights."
    ),
    "kentwood/2021.txt": (
        "The harbour office employed 44 pilots when the visitors came. Nobody had drowned since the last visit.\n\n"
        "The lighthouse was judged outstanding by the visitors, who climbed all of its 212 steps."
    ),
    "ashmere/2020.txt": (
        "The harbour office employed 17 pilots when the visitors came. The ferry was led by Anna Thorne.\n\n"
        "A new pier was opened on 4 June 2019 and cost £2.5 million, a fifth of what the town has."
    ),
    "tarn/2020.txt": (
        "The orchard keepers waited six weeks for rain. Their apples were pressed\fin the mill below the hill, and "
        "the cider was sold to sailors.\n\nThe keepers said that 60% of the trees bore fruit."
    ),
    "notes.txt": "Some notes on gulls and on herring, which nobody has dated.",
}
MANIFEST = """\
path,title,body,published,kind
kentwood/2018.txt,Kentwood: first visit,Kentwood Council,2018-05-22,visit
kentwood/2021.txt,Kentwood: second visit,Kentwood Council,2021-02-28,visit
ashmere/2020.txt,Ashmere: a visit,Ashmere Council,2020-10-01,visit
tarn/2020.txt,Tarn: a visit,Tarn Council,2020-12-31,survey
"""


def answerer_of(folder: Path, reports: Mapping[str, str] = REPORTS, manifest: str = MANIFEST) -> Answerer:
    """Index reports, and ask them."""
    return Answerer(make_library(folder, reports, manifest).searcher())


def answerer(library: Library) -> Answerer:
    """Open an index for asking."""
    return Answerer(library.searcher())


def looked(asker: Answerer, query: Query) -> tuple[Looked, Generation]:
    """Look at what an answer would be made of."""
    with asker.searcher.opened() as (reader, generation):
        return asker.look(reader, generation, query), generation


def reread(citation: Citation, reports: Mapping[str, str]) -> str:
    """Cut a citation's spans out of the pages of its file, and check its hashes."""
    text = reports[citation.source]
    pages = text.split("\f")
    cut = "\n".join(pages[page - 1][start:end] for page, start, end in citation.spans)
    assert citation.text_sha256 == sha256(cut.encode()).hexdigest()
    assert citation.doc_sha256 == sha256(text.encode()).hexdigest()
    return cut


def check(answer: Answer, reports: Mapping[str, str]) -> None:
    """Check what holds of every answer to a question about these reports."""
    for quote in answer.quotes:
        assert quote.text == reread(quote.citation, reports)
        if quote.short:
            start, end = quote.short
            assert 0 <= start < end <= len(quote.text)
    assert answer.text == ("\n\n".join(quote.text for quote in answer.quotes) or None)
    assert (not answer.quotes) == (answer.status is Status.UNANSWERABLE)
    assert (answer.reason is None) == (answer.status is Status.ANSWERED)
    assert answer.reason != ""
    assert 0 <= answer.confidence <= 1


def shorts(answer: Answer) -> list[str | None]:
    """Give what is marked in each quote."""
    return [quote.text[slice(*quote.short)] if quote.short else None for quote in answer.quotes]


def sources(answer: Answer) -> list[str]:
    """Give the path of the report of each quote."""
    return [quote.citation.source for quote in answer.quotes]


# --- sentences made by hand


def report(name: str, body: str | None = None, published: date | None = None) -> Document:
    """Make a report."""
    return document(name, body, published)


def stored(passage_id: int, of: Document, *sentences: str) -> StoredPassage:
    """Make a passage of these sentences."""
    starts = np.cumsum([0, *(len(one) + 1 for one in sentences)]).tolist()
    places = tuple((start, start + len(one)) for start, one in zip(starts, sentences, strict=False))
    text = " ".join(sentences)
    passage = Passage(text, (Span(1, 0, len(text)),), sentences=places)
    return StoredPassage(passage_id, of, sha256(text.encode()).hexdigest(), passage)


def hit(*passages: StoredPassage, total: float = 0.0, score: float = 0.5, time: float = 0.0) -> Hit:
    """Make a hit of neighbouring passages whose signals come to this sum, with this value of time among them."""
    of = passages[0].document
    spans = tuple((span.page, span.start, span.end) for one in passages for span in one.passage.spans)
    citation = Citation(of.doc_id, of.path, None, None, None, None, of.path, 1, 1, spans, "", of.sha256, "")
    return Hit(
        rank=1,
        score=score,
        dense=None,
        lexical=None,
        passage_id=passages[0].passage_id,
        passage_ids=tuple(one.passage_id for one in passages),
        text="\n".join(one.passage.text for one in passages),
        highlights=(),
        citation=citation,
        parts=(Part(Signal.TIME, time, 0.0), Part(Signal.PASSAGE, total, 1.0)),
    )


def candidate(
    of: StoredPassage,
    place: int = 0,
    short: str | None = None,
    signs: Mapping[Sign, float] | None = None,
    *,
    found: Hit | None = None,
) -> Candidate:
    """Make a sentence of a passage that may answer, with `short` marked in it."""
    text = of.passage.text[slice(*of.passage.sentences[place])]
    marked = (text.index(short), text.index(short) + len(short)) if short else None
    row = np.array([(signs or {}).get(sign, 0.0) for sign in SIGNS])
    return Candidate(of, place, found or hit(of), row, marked)


def texts(found: Sequence[Candidate]) -> list[str]:
    """Give the texts of sentences."""
    return [one.text for one in found]
