"""Where a passage stands: everything needed to find it again and to check that it is unchanged."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from indexer.collection import Reader
from indexer.errors import IndexFormatError, InputError, NotFoundError
from indexer.hashes import text_sha256
from indexer.records import Document, Page, Span, StoredPassage


@dataclass(frozen=True, slots=True)
class Citation:
    """The place of a passage, as in the JSON contract.

    The passage's text is the texts of the spans joined by line feeds; a span is [page, char_start, char_end] in the
    stored text of that page, which `link` gives.
    """

    doc_id: str
    title: str
    publisher: str | None
    body: str | None
    published: date | None
    kind: str | None
    source: str
    page: int
    page_end: int
    spans: tuple[tuple[int, int, int], ...]
    text_sha256: str
    doc_sha256: str
    link: str


def cite(parts: Sequence[StoredPassage], reader: Reader) -> Citation:
    """Cite a passage, or neighbouring ones of a document in their order, after reading each once more from its pages.

    Raises IndexFormatError where the pages do not hold them to the letter; such a passage must not leave.
    """
    for stored in parts:
        _check(stored, reader)
    spans = tuple(span for stored in parts for span in stored.passage.spans)
    sha256 = parts[0].text_sha256 if len(parts) == 1 else text_sha256(text_of(parts))
    return _citation(parts[0].document, spans, sha256)


def cite_within(stored: StoredPassage, start: int, end: int, reader: Reader) -> Citation:
    """Cite the characters [start, end) of a passage, which begin and end within its spans. Raises as `cite` does."""
    _check(stored, reader)
    spans, at = [], 0
    for span in stored.passage.spans:
        first, last = max(start, at), min(end, at + span.end - span.start)
        if first < last:
            spans.append(Span(span.page, span.start + first - at, span.start + last - at))
        at += span.end - span.start + 1  # spans are joined by a line feed
    return cite_spans(stored.document, tuple(spans), stored.passage.text[start:end], reader)


def cite_spans(document: Document, spans: tuple[Span, ...], text: str, reader: Reader) -> Citation:
    """Cite places of a document whose texts, joined by line feeds, are this text. Raises as `cite` does."""
    if not spans or _on_pages(document, spans, reader) != text:
        raise _damaged(f"`{document.path}`, page {spans[0].page if spans else '?'},")
    return _citation(document, spans, text_sha256(text))


def title_of(document: Document) -> str:
    """Give the name that people know a document by."""
    return document.metadata.title or PurePosixPath(document.path).name


def text_of(parts: Sequence[StoredPassage]) -> str:
    """Give the text that the citation of these passages stands for."""
    return "\n".join(stored.passage.text for stored in parts)


def _citation(document: Document, spans: tuple[Span, ...], sha256: str) -> Citation:
    metadata = document.metadata
    return Citation(
        doc_id=document.doc_id,
        title=title_of(document),
        publisher=metadata.publisher,
        body=metadata.body,
        published=metadata.published,
        kind=metadata.kind,
        source=document.path,
        page=spans[0].page,
        page_end=spans[-1].page,
        spans=tuple((span.page, span.start, span.end) for span in spans),
        text_sha256=sha256,
        doc_sha256=document.sha256,
        link=page_link(document.doc_id, spans[0].page, spans),
    )


def _check(stored: StoredPassage, reader: Reader) -> None:
    text = _on_pages(stored.document, stored.passage.spans, reader)
    if text != stored.passage.text or text_sha256(text) != stored.text_sha256:
        raise _damaged(f"passage {stored.passage_id} of `{stored.document.path}`")


def _on_pages(document: Document, spans: tuple[Span, ...], reader: Reader) -> str:
    try:
        pages = {span.page: reader.page_text(document.doc_id, span.page) for span in spans}
    except NotFoundError:  # even the page is gone
        return ""
    return "\n".join(pages[span.page][span.start : span.end] for span in spans)


def _damaged(what: str) -> IndexFormatError:
    return IndexFormatError(f"{what} is not what its pages say; the index is damaged: run `citewell doctor --repair`")


def page_link(doc_id: str, page: int, spans: tuple[Span, ...]) -> str:
    """Give the service's address of a page's text with the spans on it marked."""
    marked = ",".join(f"{span.start}-{span.end}" for span in spans if span.page == page)
    return f"/v1/documents/{doc_id}/pages/{page}?spans={marked}"


def parse_spans(text: str, page: Page) -> tuple[tuple[int, int], ...]:
    """Read places on a page, as `start-end,start-end`. Raises InputError for another form, or outside the page."""
    if not text:
        return ()
    if not re.fullmatch(r"\d{1,9}-\d{1,9}(?:,\d{1,9}-\d{1,9})*", text):
        raise InputError(f"spans `{text[:80]}` are not written as start-end,start-end")
    spans = tuple((int(start), int(end)) for start, end in (one.split("-") for one in text.split(",")))
    for start, end in spans:
        if not start < end <= len(page.text):
            raise InputError(
                f"span {start}-{end} is not within page {page.number}, which has {len(page.text)} characters"
            )
    return spans
