"""Where a passage stands: everything needed to find it again and to check that it is unchanged."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import PurePosixPath

from indexer.errors import IndexFormatError, NotFoundError
from indexer.records import Span, StoredPassage
from indexer.store import Reader


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


def cite(stored: StoredPassage, reader: Reader) -> Citation:
    """Cite a passage, after reading it once more from its pages.

    Raises IndexFormatError where the pages do not hold it to the letter; such a passage must not leave.
    """
    document, passage = stored.document, stored.passage
    try:
        pages = {span.page: reader.page(document.doc_id, span.page)[0].text for span in passage.spans}
        on_pages = "\n".join(pages[span.page][span.start : span.end] for span in passage.spans)
    except NotFoundError:  # even the page is gone
        on_pages = ""
    if on_pages != passage.text or sha256(on_pages.encode()).hexdigest() != stored.text_sha256:
        raise IndexFormatError(
            f"passage {stored.passage_id} of `{document.path}` is not what its pages say; the index is damaged: "
            "delete it and run `citewell index SOURCE`"
        )
    metadata = document.metadata
    first = passage.spans[0].page
    return Citation(
        doc_id=document.doc_id,
        title=metadata.title or PurePosixPath(document.path).name,
        publisher=metadata.publisher,
        body=metadata.body,
        published=metadata.published,
        kind=metadata.kind,
        source=document.path,
        page=first,
        page_end=passage.spans[-1].page,
        spans=tuple((span.page, span.start, span.end) for span in passage.spans),
        text_sha256=stored.text_sha256,
        doc_sha256=document.sha256,
        link=page_link(document.doc_id, first, passage.spans),
    )


def page_link(doc_id: str, page: int, spans: tuple[Span, ...]) -> str:
    """Give the service's address of a page's text with the spans on it marked."""
    marked = ",".join(f"{span.start}-{span.end}" for span in spans if span.page == page)
    return f"/v1/documents/{doc_id}/pages/{page}?spans={marked}"
