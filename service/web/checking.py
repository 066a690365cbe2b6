"""The page on which quotes and receipts are checked against the reports."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse

from indexer.errors import InputError
from service.inside import Place
from service.receipts import Outcome, Receipt, Resolution, parse_receipt, resolve
from service.search import Searcher
from service.verification import FEWEST_WORDS, LONGEST_QUOTE, Difference, Kind, Match, Verdict, verify
from service.verification.differences import in_words
from service.verification.tokens import read_quote
from service.watching import SEEN
from service.web.hits import Cited, view_citation
from service.web.site import page, sentence

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a check, in words: a tag of a few, its colour, and a sentence."""

    tag: str
    colour: str  # of the Design System's tags
    sentence: str


VERDICTS = {
    Verdict.EXACT: Finding("Exact", "green", "These words stand in the reports, to the letter."),
    Verdict.NORMALISED: Finding(
        "Same words",
        "turquoise",
        "These words stand in the reports; only marks, spacing or capitals are written differently.",
    ),
    Verdict.ALTERED: Finding("Altered", "orange", "The reports say something like it, but not this."),
    Verdict.ABSENT: Finding("Not in the reports", "red", "The reports do not say this."),
}
OUTCOMES = {
    Outcome.HOLDS: Finding("Holds", "green", "The quote stands where it stood, to the letter or but for spacing."),
    Outcome.MOVED: Finding("Holds, at another place", "turquoise", "The same file holds the quote at another place."),
    Outcome.ABSENT: Finding("Not in the file", "red", "The file is the one that was quoted, but does not hold this."),
    Outcome.CHANGED: Finding("Source changed", "orange", "The file is another one now than the one that was quoted."),
    Outcome.WITHDRAWN: Finding("Withdrawn", "red", "The document that was quoted is not in the index any more."),
    Outcome.ALTERED: Finding("Receipt altered", "red", "The receipt is not as it was issued."),
}
KINDS = {Kind.NUMBER: "Number", Kind.NEGATION: "Negation", Kind.GRADE: "Judgement", Kind.OTHER: "Wording"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a quote; where words of the report are missing in it, its text is empty."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A difference in words. A grave one is of a number, a negation or a judgement."""

    kind: str
    is_grave: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Beside:
    """The quote beside a place of the reports."""

    pieces: tuple[Piece, ...]
    text: str
    marks: tuple[Place, ...]  # what stands there instead
    differences: tuple[Told, ...]
    percent: int  # of the words that are the same
    cited: Cited


@dataclass(frozen=True, slots=True)
class CheckedQuote:
    """What became of a quote."""

    verdict: Verdict
    finding: Finding
    reason: str | None
    places: tuple[Beside, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """What became of the quote of a receipt."""

    receipt: Receipt
    found: Resolution
    finding: Finding
    cited: Cited | None
    generation: int


@dataclass(frozen=True, slots=True)
class Checking:
    """The two forms as they were filled in, and what came of it."""

    quote: str = ""
    document: str = ""
    receipt: str = ""
    checked: CheckedQuote | None = None
    resolved: CheckedReceipt | None = None
    error: str | None = None
    error_field: str = ""
    longest: int = LONGEST_QUOTE
    fewest: int = FEWEST_WORDS


@router.get("/verify")
def check_quote(request: Request, quote: str | None = None, document: str = "") -> HTMLResponse:
    """Tell whether a quote stands in the reports, and how it differs where it does not."""
    searcher: Searcher = request.app.state.searcher
    if quote is None:
        return _written(request, Checking(document=document))
    request.scope[SEEN].question = quote
    field = "quote"
    try:
        read_quote(quote)
        field = "document"  # what is wrong now is wrong with that
        found = verify(quote, searcher, document=document.strip() or None)
    except InputError as error:
        return _written(request, Checking(quote, document, error=sentence(str(error)), error_field=field))
    places = tuple(_beside(quote, match) for match in found.matches)
    checked = CheckedQuote(found.verdict, VERDICTS[found.verdict], found.reason, places, found.generation)
    return _written(request, Checking(quote, document, checked=checked))


@router.post("/verify")
def check_receipt(request: Request, receipt: Annotated[str, Form()] = "") -> HTMLResponse:
    """Tell what became of the quote of a receipt, which is given as its JSON."""
    searcher: Searcher = request.app.state.searcher
    if not receipt.strip():
        return _written(request, Checking(error="Paste the whole text of a receipt", error_field="receipt"))
    try:
        read = parse_receipt(receipt)
        with searcher.store.reading() as reader:
            found, generation = resolve(read, reader), reader.version.generation
    except InputError as error:
        return _written(request, Checking(receipt=receipt, error=sentence(str(error)), error_field="receipt"))
    cited = view_citation(found.citation, read.text, read.question) if found.citation else None
    resolved = CheckedReceipt(read, found, OUTCOMES[found.outcome], cited, generation)
    return _written(request, Checking(receipt=receipt, resolved=resolved))


def _written(request: Request, checking: Checking) -> HTMLResponse:
    title = "Error: Check a quote" if checking.error else "Check a quote"
    return page(request, "verify.html", checking, title, "verify")  # what was found tells its generation itself


def _beside(quote: str, match: Match) -> Beside:
    return Beside(
        pieces=tuple(pieces(quote, match.differences)),
        text=match.text,
        marks=tuple(places_in(match.text, match.differences)),
        differences=tuple(
            Told(KINDS[one.kind], one.kind is not Kind.OTHER, in_words([one])) for one in match.differences
        ),
        percent=round(match.similarity * 100),
        cited=view_citation(match.citation, match.text, ""),
    )


def pieces(quote: str, differences: Sequence[Difference]) -> Iterator[Piece]:
    """Cut a quote where differences begin and end; the texts put together are the quote."""
    at = 0
    for one in sorted(differences, key=lambda one: (one.start, one.end)):
        if one.start > at:
            yield Piece(quote[at : one.start], differs=False)
        yield Piece(quote[max(at, one.start) : one.end], differs=True)
        at = max(at, one.end)
    if at < len(quote):
        yield Piece(quote[at:], differs=False)


def places_in(text: str, differences: Sequence[Difference]) -> Iterator[Place]:
    """Find in the report's own text what differences say stands there, as [start, end).

    Between two differences both say the same but for typography, so of the places where such words stand the one is
    meant that is about as far from the last difference as in the quote.
    """
    at = said = 0
    for one in sorted(differences, key=lambda one: (one.start, one.end)):
        expected = at + max(0, one.start - said)
        words = rf"(?<!\w){re.escape(one.source)}(?!\w)"
        found = [match.span() for match in re.finditer(words, text) if match.start() >= at] if one.source else []
        if found:
            start, end = min(found, key=lambda place: abs(place[0] - expected))
            yield start, end
            at = end
        else:
            at = expected
        said = one.end
