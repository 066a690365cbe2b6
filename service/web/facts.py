"""What is known of a document, in plain words, and how each fact came to be known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from indexer.records import Document, Origin, Span
from service.references import long_day
from service.web.site import address


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known of a document; an empty value is what nobody knows."""

    label: str
    value: str
    why: str = ""  # how it came to be known
    place: str | None = None  # address of the page it was read on
    link: str | None = None  # where the value itself leads to, outside


def document_address(document: Document) -> str:
    """Give the address of the page of a document."""
    return f"/documents/{document.doc_id}"


def facts_of(document: Document) -> tuple[Fact, ...]:
    """Tell what is known about what a document says, unknown things too."""
    known = document.metadata
    values = {
        "title": ("Title", known.title),
        "body": ("About", known.body),
        "publisher": ("Published by", known.publisher),
        "published": ("Published on", long_day(known.published) if known.published else None),
        "kind": ("Kind", known.kind),
        "events": ("Reports on", "; ".join(_days(event.start, event.end) for event in known.events)),
        "source": ("Published at", known.source),
        "licence": ("Licence", known.licence),
    }
    return tuple(_fact(document, name, label, value) for name, (label, value) in values.items())


def file_facts(document: Document) -> tuple[Fact, ...]:
    """Tell what is known about the file of a document."""
    return tuple(_file_facts(document))


def is_web_address(text: str) -> bool:
    """Tell whether a browser may be sent there: a document can state anything, also a script."""
    return text.lower().startswith(("http://", "https://"))


def _fact(document: Document, name: str, label: str, value: str | None) -> Fact:
    if not value:
        return Fact(label, "")
    link = value if name == "source" and is_web_address(value) else None
    evidence = document.metadata.evidence.get(name)
    if evidence is None:
        return Fact(label, value, link=link)
    if evidence.origin is Origin.TEXT and evidence.span is None:
        return Fact(label, value, "found in the properties of the file", link=link)
    place = _place(document, evidence.span) if evidence.span else None
    return Fact(label, value, _WHY[evidence.origin], place, link)


_WHY = {
    Origin.STATED: "stated with the file by whoever added it",
    Origin.RULE: "read from the path of the file",
    Origin.TEXT: "found in the text",
}


def _place(document: Document, span: Span) -> str:
    path = f"{document_address(document)}/pages/{span.page}"
    return address(path, [("spans", f"{span.start}-{span.end}")])


def _file_facts(document: Document) -> Iterator[Fact]:
    yield Fact("File", document.path)
    yield Fact("Size", _size(document.size))
    yield Fact("Pages", f"{document.pages:,}")
    yield Fact("Format", f"{document.format}, read with {document.reader}")
    yield Fact("SHA-256 of the file", document.sha256)
    yield Fact("Id in this index", document.doc_id)
    for note in document.notes:
        yield Fact("Note", note)


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < _KILO else f"{count / _KILO:,.0f} KB"


_KILO = 1000


def _days(start: date, end: date) -> str:
    return long_day(start) if start == end else f"{long_day(start)} to {long_day(end)}"
