"""The running text of neighbouring passages, with the way back to their pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from indexer.collection import Reader
from indexer.paragraphs import merged
from indexer.records import Document, Span, StoredPassage
from service.verification.tokens import Token, tokens


@dataclass(frozen=True)
class Running:
    """Text of a document without its furniture: the texts of the spans, joined by line feeds."""

    document: Document
    text: str
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, parts: Sequence[StoredPassage], reader: Reader) -> "Running":
        """Join passages of a document, in their order; what only white space parts on its page becomes one span."""
        document = parts[0].document
        spans = tuple(span for stored in parts for span in stored.passage.spans)
        if len(parts) == 1:
            return cls(document, parts[0].passage.text, spans)
        pages = {span.page: reader.page_text(document.doc_id, span.page) for span in spans}
        spans = merged(spans, pages)
        return cls(document, "\n".join(pages[span.page][span.start : span.end] for span in spans), spans)

    @cached_property
    def tokens(self) -> list[Token]:
        """Its words and signs."""
        return list(tokens(self.text))

    @cached_property
    def squeezed(self) -> str:
        """The text with a single space for each run of white space."""
        return " ".join(self.text.split())

    def occurrences(self, squeezed: str) -> Iterator[tuple[int, int]]:
        """Give the places [start, end) of some words that are squeezed likewise, where these cut no word of it."""
        at = self.squeezed.find(squeezed)
        if at < 0:
            return
        inked = [place for place, sign in enumerate(self.text) if not sign.isspace()]
        length = len(squeezed) - squeezed.count(" ")
        while at >= 0:
            first = at - self.squeezed.count(" ", 0, at)
            start, end = inked[first], inked[first + length - 1] + 1
            if not any(token.start < cut < token.end for token in self.tokens for cut in (start, end)):
                yield start, end
            at = self.squeezed.find(squeezed, at + 1)

    def place(self, start: int, end: int) -> tuple[tuple[Span, ...], str]:
        """Give the spans of the characters [start, end), and their texts joined by line feeds."""
        spans, texts, at = [], [], 0
        for span in self.spans:
            first, last = max(start, at), min(end, at + span.end - span.start)
            if first < last:
                spans.append(Span(span.page, span.start + first - at, span.start + last - at))
                texts.append(self.text[first:last])
            at += span.end - span.start + 1
        return tuple(spans), "\n".join(texts)
