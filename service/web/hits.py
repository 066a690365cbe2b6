"""Hits and quotes as pages show them: every text ready, every address made."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.answering import Quote
from service.citation import Citation, title_of
from service.newer import Newer
from service.ranking import Signal
from service.receipting import places_of
from service.references import facts_line, long_day, markdown, pages_of, plain
from service.search import Hit
from service.superseding import Later
from service.web.site import address, marks_within, seen_at

SNIPPET = 200  # characters
LONGEST_CARRIED = 200  # of a question that links to pages repeat

# From which estimated chance; pages tell this.
WORDS = ((0.75, "high"), (0.5, "medium"), (0.0, "low"))
SCALE = f"high from {WORDS[0][0] * 100:.0f} of 100, medium from {WORDS[1][0] * 100:.0f}, low below"

SPEAKS = {
    Signal.PASSAGE: "meaning of the passage as a whole",
    Signal.SENTENCE: "meaning of its nearest sentence",
    Signal.SENTENCE_TOPIC: "its nearest sentence and the topic",
    Signal.WORDS: "words of the question",
    Signal.BODY: "it is about the body that the question names",
    Signal.TIME: "it is of the time that the question names",
    Signal.NEWEST: "it is the newest report of that body, or the first where that was asked for",
    Signal.SPREAD: "reports on other bodies say the same",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A text and where it leads."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a point of a list, with what is marked in it."""

    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Cited:
    """Where a text is from."""

    title: str
    facts: str  # body, day and kind in a line
    page: str  # "page 3"
    place: str  # address of the page, marked
    report: str  # address of the report
    plain: str
    markdown: str
    receipt: str  # address


@dataclass(frozen=True, slots=True)
class Note:
    """A word on a body, with a link to what a report says of it."""

    text: str
    link: Link
    doc_id: str


@dataclass(frozen=True, slots=True)
class QuoteView:
    """A quote of the answer; the short answer is marked in it."""

    number: int
    block: Block
    cited: Cited


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit of the list. One that is shown in short has a part of its passage, and no reasons.

    `later` is the report that has taken the place of the one it is in, `note` what else there is to say of its body.
    """

    rank: int
    blocks: tuple[Block, ...]
    is_short: bool
    cited: Cited
    chance: int  # of 100
    chance_word: str
    why: tuple[str, ...]
    twins: tuple[Link, ...]
    later: Note | None
    note: Note | None


def view_quote(number: int, quote: Quote, question: str) -> QuoteView:
    """Make a quote ready."""
    marks = (quote.short,) if quote.short else ()
    return QuoteView(number, Block(quote.text, marks), view_citation(quote.citation, quote.text, question))


def view_hit(hit: Hit, question: str, newer: Note | None, *, is_short: bool = False) -> HitView:
    """Make a hit ready; a newer report is not told of once more where it is the one that has taken its place."""
    later = hit.superseded_by
    is_told = later is not None and newer is not None and newer.doc_id == later.doc_id
    return HitView(
        rank=hit.rank,
        blocks=(snippet(hit.text, hit.highlights),) if is_short else blocks(hit.text, hit.highlights),
        is_short=is_short,
        cited=view_citation(hit.citation, hit.text, "" if is_short else question),
        chance=round(hit.score * 100),
        chance_word=chance_word(hit.score),
        why=() if is_short else tuple(_why(hit)),
        twins=tuple(Link(f"{one.title}, {pages_of(one)}", seen_at(one)) for one in hit.twins),
        later=_view_later(later, hit.citation.kind or "report", is_short=is_short) if later else None,
        note=None if is_told else newer,
    )


def view_citation(citation: Citation, text: str, question: str) -> Cited:
    """Make a citation ready."""
    pages = pages_of(citation)
    given = [("question", question), ("doc_id", citation.doc_id), ("spans", places_of(citation.spans))]
    return Cited(
        title=citation.title,
        facts=facts_line(citation.body, citation.published, citation.kind),
        page=pages,
        place=seen_at(citation, question if len(question) <= LONGEST_CARRIED else ""),
        report=f"/documents/{citation.doc_id}",
        plain=plain(citation, text),
        markdown=markdown(citation, text),
        receipt=address("/v1/receipts", given),
    )


def view_newer(newer: Newer, ranks: Mapping[str, int]) -> Note:
    """Say that there is a newer report; `ranks` are of the first hit of each document."""
    document, doc_id = newer.document, newer.document.doc_id
    when = long_day(newer.day) if newer.day == document.metadata.published else newer.day.year
    on = f"a report on {newer.body} of {when}"
    if newer.found:
        rank = ranks.get(newer.found.doc_id)
        where = f", as number {rank}" if rank else ""
        link = Link(f"{newer.found.title}, {pages_of(newer.found)}", seen_at(newer.found))
        return Note(f"{on} was found as well{where}:", link, doc_id)
    link = Link(title_of(document), f"/documents/{doc_id}")
    return Note(f"{on} is in the index; it is not among what was found:", link, doc_id)


def chance_word(chance: float) -> str:
    """Say a chance in a word."""
    return next(word for least, word in WORDS if round(chance, 2) >= least)  # as it is shown


def blocks(text: str, marks: Sequence[tuple[int, int]]) -> tuple[Block, ...]:
    """Cut a text where a blank line or a bullet begins something new; other line ends are the page's."""
    starts = [0, *(match.end() for match in _BREAK.finditer(text)), len(text)]
    found = [_block(text, start, end, marks) for start, end in pairwise(starts)]
    return tuple(block for block in found if block.text.strip())


def snippet(text: str, marks: Sequence[tuple[int, int]]) -> Block:
    """Give the part of a text where its first mark stands, from word to word; dots say where it goes on."""
    if len(text) <= SNIPPET:
        return _block(text, 0, len(text), marks)
    wanted = max(0, min((min(marks)[0] if marks else 0) - SNIPPET // 4, len(text) - SNIPPET))
    start = text.find(" ", wanted) + 1 if wanted else 0
    end = text.rfind(" ", start, wanted + SNIPPET) if wanted + SNIPPET < len(text) else len(text)
    if end <= start:  # one endless word
        start, end = wanted, wanted + SNIPPET
    before, after = "… " * (start > 0), " …" * (end < len(text))
    part = _block(text, start, end, marks)
    moved = tuple((first + len(before), last + len(before)) for first, last in part.marks)
    return Block(f"{before}{part.text}{after}", moved)


def _view_later(later: Later, kind: str, *, is_short: bool) -> Note:
    when = long_day(later.day) if later.day == later.published else str(later.day.year)
    link = Link(when if is_short else f"{later.title}, {when}", f"/documents/{later.doc_id}")
    return Note(f"A later {kind}:", link, later.doc_id)


def _block(text: str, start: int, end: int, marks: Sequence[tuple[int, int]]) -> Block:
    return Block(text[start:end], marks_within(marks, start, end))


def _why(hit: Hit) -> Iterable[str]:
    """Say what speaks for a hit, most first, each as its share of all that does."""
    adds = {part.signal: part.value * part.weight for part in hit.parts}
    total = sum(value for value in adds.values() if value > 0)
    for signal, value in sorted(adds.items(), key=lambda item: -abs(item[1])):
        share = round(100 * value / total) if total else 0
        if share:
            yield f"{share}% {SPEAKS[Signal(signal)]}" if share > 0 else f"−{-share}% {SPEAKS[Signal(signal)]}"
    if hit.reranked:
        yield f"a reranker read it and put it here; it was number {hit.reranked.rank_before} before"


_BREAK = re.compile(r"\n\s*\n|\n(?=\s*[•▪◦‣∙])")
