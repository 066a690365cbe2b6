"""Receipts: the citation of a quote as a file of its own, that can be checked years later against any index.

A receipt names the document by its place and by the SHA-256 of its file, the quote by its characters and by what
stood around it. It does not depend on how passages were cut, on the model, or on the index it was issued from, so it
is resolved just as well after all that was built anew.

What it proves. The seal is the SHA-256 of all other fields, so a receipt that was edited, or damaged, is noticed. It
is no signature: whoever edits a receipt can also seal it anew, and who issued it, when and to which question is only
what it says. But no quote passes unless the index holds a file of the stated hash and the quote's parts stand in its
text; where other text stands between the parts, that is told. A seal that is kept elsewhere, such as printed in a
paper, shows that a receipt is the one that was meant.

The seal can be checked without Citewell, as it is over the canonical JSON of RFC 8785:
`jq -cSj 'del(.seal)' RECEIPT | sha256sum`.
"""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from indexer.collection import Reader
from indexer.errors import InputError, NotFoundError
from indexer.hashes import text_sha256
from indexer.records import Document, Span, Version
from service.answering.answer import Quote
from service.citation import Citation, cite_spans
from service.signs import safe_json

LARGEST = 1_000_000  # bytes of a receipt; those of a few sentences have some 3,000
AROUND = (
    200  # characters before a quote and after it: two or three lines, which hardly ever stand twice in a document
)
ANCHOR, SHORTEST = 60, 20  # of these, without white space, at most and at least, find where a quote was that is gone
MOST_PLACES = 1000  # of a text that a document repeats, that are compared by what stands around them
LARGEST_INTEGER = 2**63  # of SQLite


@dataclass(frozen=True, slots=True)
class CitedDocument:
    """The document as it was when it was quoted; `sha256` is of its file, `source` the path in the indexed folder."""

    doc_id: str
    title: str
    body: str | None
    publisher: str | None
    published: date | None
    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A quote and all that is needed to find it again. The text is those of the spans joined by line feeds."""

    format: Literal[1]
    question: str
    text: str
    text_sha256: str
    document: CitedDocument
    spans: tuple[tuple[int, int, int], ...]  # [page, char_start, char_end]
    before: str  # what stands in front of it on its first page
    after: str  # and behind it on its last
    pages: tuple[tuple[int, str], ...]  # each page that it stands on, and the SHA-256 of the whole page's text
    generation: int
    token: str  # of that generation, so that it is told from the same number of another index
    model: Mapping[str, str | int | float | bool | None]  # the encoder's fingerprint
    at: AwareDatetime
    seal: str


class Outcome(StrEnum):
    """What became of a quote."""

    HOLDS = "holds"
    MOVED = "moved"  # the same file, of which the text is read otherwise now
    ABSENT = "absent"  # the same file, but its text does not hold the quote
    CHANGED = "source changed"
    WITHDRAWN = "withdrawn"
    ALTERED = "receipt altered"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of a quote, in plain words, and where it stands now, where it does.

    `instead` is what stands now between the texts that surrounded the quote, where it is gone and they are not.
    Words of the receipt and of the documents are given as they are: they can hold signs that steer a terminal.
    """

    outcome: Outcome
    reason: str
    citation: Citation | None = None
    instead: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the quote can be relied on."""
        return self.outcome in {Outcome.HOLDS, Outcome.MOVED}


def issue(question: str, quote: Quote, reader: Reader, at: datetime) -> Receipt:
    """Make the receipt of a quote, after reading it once more from its pages; `at` has a time zone.

    Raises InputError where the document has changed, or gone, since it was quoted, IndexFormatError where its pages
    do not hold the quote.
    """
    document = reader.document(quote.citation.doc_id)
    if document.sha256 != quote.citation.doc_sha256:
        raise InputError(f"`{document.path}` has changed since it was quoted; ask again")
    spans = tuple(Span(*span) for span in quote.citation.spans)
    cited = cite_spans(document, spans, quote.text, reader)
    before, after = _around(document, spans, reader)
    unsealed = Receipt(
        format=1,
        question=question,
        text=quote.text,
        text_sha256=cited.text_sha256,
        document=_cited_document(cited),
        spans=cited.spans,
        before=before,
        after=after,
        pages=_page_hashes(document, spans, reader),
        generation=reader.version.generation,
        token=reader.version.token,
        model=json.loads(reader.fingerprint or "{}"),
        at=at.astimezone(UTC),
        seal="",
    )
    return replace(unsealed, seal=_seal(unsealed))


def to_json(receipt: Receipt) -> str:
    """Write a receipt, for people too; signs that steer a terminal or turn writing round are escaped."""
    return safe_json(json.dumps(_fields(receipt), ensure_ascii=False, indent=2)) + "\n"


def read_receipt(path: Path) -> Receipt:
    """Read a receipt from a file. Raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: no file can have that name
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"the receipt {str(path)!a} cannot be read: {why}; name a file that can") from error
    return parse_receipt(data)


def parse_receipt(text: str | bytes) -> Receipt:
    """Read a receipt from its JSON. Raises InputError where it is not one, or says more than one would."""
    try:
        data = text.encode() if isinstance(text, str) else text
        if len(data) > LARGEST:
            raise _no_receipt(f"it has more than {LARGEST:,} bytes")
        stated = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
        if isinstance(stated, dict) and stated.get("format") in range(2, 1000):
            raise InputError(f"this receipt has format {stated['format']}, not 1; a newer Citewell reads it")
        receipt = _RECEIPT.validate_json(_canonical(stated))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _no_receipt(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _no_receipt("it is not JSON in UTF-8 that names each field once") from error
    if _canonical(_fields(receipt)) != _canonical(stated):  # further fields, or values written in another way
        raise _no_receipt("it has fields or values that no receipt has")
    return receipt


def resolve(receipt: Receipt, reader: Reader) -> Resolution:
    """Say what became of a receipt's quote in this index. Raises IndexFormatError where that is damaged."""
    if fault := _fault(receipt):
        return Resolution(Outcome.ALTERED, f"the receipt is not as it was issued: {fault}; ask for another copy")
    cited = receipt.document
    named = None
    with suppress(NotFoundError):
        named = reader.document(cited.doc_id)
    same = named if named and named.sha256 == cited.sha256 else _of_file(cited, reader)
    if named and named is not same:
        return _changed(receipt, named, same, reader)
    if same is None:
        elsewhere = next((one.file for one in reader.documents() if one.path == cited.source), None)
        notes = [f"`{elsewhere}` has the same path in another folder, but is another file"] if elsewhere else []
        reason = f"the index holds neither `{cited.source}` nor the file that was quoted under another name"
        return Resolution(Outcome.WITHDRAWN, reason, notes=(*notes, *_notes(receipt, None, (), reader)))
    place = _place(receipt, same, reader)
    if place is None:
        reason = f"`{same.path}` is the file that was quoted, but its text does not hold the quote"
        instead = _instead(receipt, same, reader)
        return Resolution(Outcome.ABSENT, reason, None, instead, _notes(receipt, same, (), reader))
    citation = _cite(same, place, reader)
    is_verbatim = citation.text_sha256 == receipt.text_sha256
    outcome = Outcome.HOLDS if is_verbatim and citation.spans == receipt.spans else Outcome.MOVED
    how = "to the letter" if is_verbatim else "word for word, spaced otherwise,"
    reason = f"the quote stands {how} on {_pages(place)} of `{same.path}`, the file that was quoted"
    if outcome is Outcome.MOVED:
        reason += ", at another place than then, as the file is read otherwise now"
    return Resolution(outcome, reason, citation, notes=_notes(receipt, same, place, reader))


_RECEIPT = TypeAdapter(Receipt)
_DESCRIBED = "source title body publisher published".split()  # fields that people know a document by


# --- what is sealed


def _fields(receipt: Receipt) -> dict[str, Any]:
    fields: dict[str, Any] = _RECEIPT.dump_python(receipt, mode="json", warnings=False)
    return fields


def _seal(receipt: Receipt) -> str:
    return sha256(_canonical({name: value for name, value in _fields(receipt).items() if name != "seal"})).hexdigest()


def _canonical(value: object) -> bytes:
    """Write JSON as RFC 8785 does, as far as receipts go: their keys are ASCII."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Keep a field from standing twice: a reader would see the one, and the check the other."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _no_receipt(why: str) -> InputError:
    return InputError(f"this is not a receipt of Citewell: {why}; give the file as it was issued")


def _fault(receipt: Receipt) -> str | None:
    if _seal(receipt) != receipt.seal:
        return "its seal does not fit what it says"
    if text_sha256(receipt.text) != receipt.text_sha256:
        return "the hash of the quote does not fit the quote"
    lengths = [end - start for _, start, end in receipt.spans]
    fits = (
        receipt.text.strip()
        and all(page > 0 and 0 <= start < end < LARGEST_INTEGER for page, start, end in receipt.spans)
        and sum(lengths) + len(lengths) - 1 == len(receipt.text)
        and {page for page, _, _ in receipt.spans} == {page for page, _ in receipt.pages}
        and 0 <= receipt.generation < LARGEST_INTEGER
    )
    return None if fits else "its places are not those of such a quote"


# --- which document it is


def _of_file(cited: CitedDocument, reader: Reader) -> Document | None:
    """Give a document of the same file: one that was renamed, or another copy; best one of the same path."""
    found = [document for document in reader.documents() if document.sha256 == cited.sha256]
    return min(found, key=lambda document: document.path != cited.source, default=None)


def _changed(receipt: Receipt, named: Document, same: Document | None, reader: Reader) -> Resolution:
    place = _place(receipt, named, reader)
    still = f"; the quote still stands in it, on {_pages(place)}" if place else "; the quote does not stand in it"
    notes = (f"the file that was quoted is in the index as `{same.path}`",) if same else ()
    return Resolution(
        Outcome.CHANGED,
        f"`{named.path}` is made from another file now than the one that was quoted{still}",
        _cite(named, place, reader) if place else None,
        None if place else _instead(receipt, named, reader),
        notes + _notes(receipt, named, place or (), reader),
    )


# --- where the quote stands


def _place(receipt: Receipt, document: Document, reader: Reader) -> tuple[Span, ...] | None:
    """Find the quote: where it stood, or else where its words stand among the same text as then."""
    spans = tuple(Span(*span) for span in receipt.spans)
    if _text_at(document, spans, reader) == receipt.text:
        return spans

    def unlike(found: tuple[Span, ...]) -> tuple[int, int, int]:
        before, after = _around(document, found, reader)
        alike = _alike(_squeezed(before)[::-1], _squeezed(receipt.before)[::-1])
        alike += _alike(_squeezed(after), _squeezed(receipt.after))
        return -alike, abs(found[0].page - spans[0].page), abs(found[0].start - spans[0].start)

    wanted = _squeezed(receipt.text)
    for with_furniture in (False, True):  # across furniture a quote runs on, but what is furniture now can be quoted
        flow = _flow(document, reader, with_furniture=with_furniture)
        starts = islice(_starts(flow.signs, wanted), MOST_PLACES)
        found = [_spans(flow, start, start + len(wanted), document, reader) for start in starts]
        if found:
            return min(found, key=unlike)
    return None


@dataclass(frozen=True, slots=True)
class _Flow:
    """The characters of a document without white space, which readers set as they like; each has its place."""

    signs: str
    pages: Sequence[int]
    offsets: Sequence[int]


def _flow(document: Document, reader: Reader, *, with_furniture: bool) -> _Flow:
    signs: list[str] = []
    pages, offsets = array("L"), array("L")
    for number in range(1, document.pages + 1):
        page, removals = reader.page(document.doc_id, number)
        left_out = {at for one in removals for at in range(one.span.start, one.span.end) if not with_furniture}
        kept = [at for at, sign in enumerate(page.text) if at not in left_out and not sign.isspace()]
        signs += [page.text[at] for at in kept]
        pages.extend([number] * len(kept))
        offsets.extend(kept)
    return _Flow("".join(signs), pages, offsets)


def _starts(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


def _spans(flow: _Flow, first: int, end: int, document: Document, reader: Reader) -> tuple[Span, ...]:
    """Cut a run of signs where a page ends, and where furniture stood in between."""
    spans, start = [], first
    for at in range(first, end):
        page, offset = flow.pages[at], flow.offsets[at] + 1
        is_last = at + 1 == end or page != flow.pages[at + 1]
        if is_last or reader.page_text(document.doc_id, page)[offset : flow.offsets[at + 1]].strip():
            spans.append(Span(page, flow.offsets[start], offset))
            start = at + 1
    return tuple(spans)


def _instead(receipt: Receipt, document: Document, reader: Reader) -> str | None:
    """Give what stands where the quote stood, found by what stood around it."""
    before, after = _squeezed(receipt.before)[-ANCHOR:], _squeezed(receipt.after)[:ANCHOR]
    if min(len(before), len(after)) < SHORTEST:
        return None
    flow = _flow(document, reader, with_furniture=True)
    start = flow.signs.find(before) + len(before)
    end = flow.signs.find(after, start, start + 2 * len(receipt.text) + AROUND + len(after))
    is_found = len(before) <= start < end
    return _text_at(document, _spans(flow, start, end, document, reader), reader) if is_found else None


def _text_at(document: Document, spans: Sequence[Span], reader: Reader) -> str | None:
    try:
        return "\n".join(reader.page_text(document.doc_id, span.page)[span.start : span.end] for span in spans)
    except NotFoundError:
        return None


def _around(document: Document, spans: Sequence[Span], reader: Reader) -> tuple[str, str]:
    first, last = spans[0], spans[-1]
    before = reader.page_text(document.doc_id, first.page)[max(first.start - AROUND, 0) : first.start]
    return before, reader.page_text(document.doc_id, last.page)[last.end : last.end + AROUND]


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _alike(one: str, other: str) -> int:
    """Count the signs that both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


# --- what is told


def _cite(document: Document, spans: tuple[Span, ...], reader: Reader) -> Citation:
    return cite_spans(document, spans, _text_at(document, spans, reader) or "", reader)


def _cited_document(cited: Citation) -> CitedDocument:
    described = cited.title, cited.body, cited.publisher, cited.published
    return CitedDocument(cited.doc_id, *described, cited.source, cited.doc_sha256)


def _page_hashes(document: Document, spans: Sequence[Span], reader: Reader) -> tuple[tuple[int, str], ...]:
    pages = dict.fromkeys(span.page for span in spans)
    return tuple((page, text_sha256(reader.page_text(document.doc_id, page))) for page in pages)


def _notes(receipt: Receipt, document: Document | None, place: tuple[Span, ...], reader: Reader) -> tuple[str, ...]:
    """Tell what a person should know beside the outcome."""
    notes = []
    version = Version(receipt.generation, receipt.token)
    if version != reader.version:
        whose = "this" if reader.has_version(version) else "another"
        notes.append(f"made with generation {version.generation} of {whose} index, now {reader.version.generation}")
    if dict(receipt.model) != json.loads(reader.fingerprint or "{}"):
        notes.append("made with another model than this index")
    if document and place:
        then, now = receipt.document, _cited_document(_cite(document, place, reader))
        pairs = [(name, getattr(then, name), getattr(now, name)) for name in _DESCRIBED]
        notes += [f"its {name} was {a or 'unknown'} and is {b or 'unknown'}" for name, a, b in pairs if a != b]
        if then.sha256 == now.sha256 and _page_hashes(document, place, reader) != receipt.pages:
            notes.append(f"{_pages(place)} as a whole reads otherwise than it did")
        if len(place) > 1 and _squeezed(receipt.text) not in _flow(document, reader, with_furniture=False).signs:
            notes.append("other text stands between the parts of the quote, such as a footnote")
    return tuple(notes)


def _pages(spans: Sequence[Span]) -> str:
    pages = sorted({span.page for span in spans})
    return f"page {pages[0]}" if len(pages) == 1 else f"pages {pages[0]} to {pages[-1]}"
