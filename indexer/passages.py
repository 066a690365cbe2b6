"""Pages -> passages: sentence-aware pieces of a size the encoder can take whole, with their exact places.

Every character that is neither white space nor furniture is in exactly one passage. A passage never crosses a heading
other than those it begins with, never cuts a sentence that the encoder could take whole, and is never longer than the
encoder reads, context line and special tokens included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from indexer.paragraphs import Paragraph, merged, paragraphs
from indexer.records import Metadata, Page, Passage, Removal, Span
from indexer.sentences import break_long, split

CONTEXT_SHARE = 3  # the context line takes at most one in so many of the encoder's tokens
HEADINGS_IN_CONTEXT = 2  # the innermost ones
JOINTS = 2  # tokens kept free, for encoders that count a line feed
# Encoders count a word that they do not know, with all its accents, as one token. Prose has four to five characters a
# token, long addresses ten.
MOST_OF_A_TOKEN = 20  # characters


class TokenCounter(Protocol):
    """Counts tokens as the encoder will."""

    @property
    def room(self) -> int:
        """Tokens a passage input may have beside prompt and special tokens."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each text, special tokens left out."""
        ...


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, or a piece of one that is too long for the encoder."""

    spans: tuple[Span, ...]
    tokens: int
    in_word: bool  # begins inside a word, so that it does not go with the unit before: tokens of parts do not add up


@dataclass(frozen=True, slots=True)
class _Section:
    """Headings that stand together, and the units of each paragraph below them."""

    path: tuple[str, ...]  # of headings, outermost first, its own last
    own: int  # how many of the path stand at the start of this section itself
    headings: list[_Unit]
    paragraphs: list[list[_Unit]]


def cut(
    pages: Sequence[Page], removals: Sequence[Removal], metadata: Metadata, counter: TokenCounter, *, aim: int
) -> list[Passage]:
    """Cut a document into passages of about `aim` tokens, in reading order."""
    texts = {page.number: page.text for page in pages}
    longest = counter.room - counter.room // CONTEXT_SHARE - JOINTS
    aim = min(aim, longest)
    passages = []
    for section in _sections(paragraphs(pages, removals), counter, longest):
        for number, units in enumerate(_packed(section, aim, longest)):
            above = section.path[: -section.own] if number == 0 and section.own else section.path
            context = context_line(metadata, above, counter)
            spans = merged([span for unit in units for span in unit.spans], texts)
            text = "\n".join(texts[span.page][span.start : span.end] for span in spans)
            sentences = tuple(_place(unit.spans, spans) for unit in units)
            passages.append(Passage(text, spans, context, section.path, sentences))
    return passages


def context_line(metadata: Metadata, headings: Sequence[str], counter: TokenCounter) -> str:
    """Say in one line whose report this is, of what kind and date, and under which headings the passage stands.

    Reports of different bodies say the same things in the same words, and a passage rarely names its body. A line
    longer than a third of what the encoder takes loses words at its end. A report whose day of publication is unknown
    goes by the end of what it reports on.
    """
    day = metadata.published or max((event.end for event in metadata.events), default=None)
    dated = day and f"{day.day} {day:%B %Y}"
    parts = [metadata.body or metadata.title, metadata.kind, dated, *headings[-HEADINGS_IN_CONTEXT:]]
    words = ". ".join(" ".join(part.split()) for part in parts if part).split(" ")
    while words and counter.count([" ".join(words)])[0] > counter.room // CONTEXT_SHARE:
        words = words[: len(words) * 3 // 4]
    return " ".join(words)


def _sections(found: Sequence[Paragraph], counter: TokenCounter, longest: int) -> Iterator[_Section]:
    cut_up = _units(found, counter, longest)
    path: list[tuple[int, str]] = []
    section = _Section((), 0, [], [])
    for paragraph, units in zip(found, cut_up, strict=True):
        if not paragraph.heading:
            section.paragraphs.append(units)
            continue
        if section.paragraphs:
            yield section
            section = _Section((), 0, [], [])
        path = [(level, text) for level, text in path if level < paragraph.heading]
        path.append((paragraph.heading, " ".join(paragraph.text.split())))
        titles = tuple(text for _, text in path)
        section = _Section(titles, min(section.own + 1, len(path)), [*section.headings, *units], [])
    if section.headings or section.paragraphs:
        yield section


def _units(found: Sequence[Paragraph], counter: TokenCounter, longest: int) -> list[list[_Unit]]:
    offsets = [split(paragraph.text) for paragraph in found]
    flat = [paragraph.text[start:end] for paragraph, some in zip(found, offsets, strict=True) for start, end in some]
    counts = iter(_counts(flat, counter))
    units = []
    for paragraph, some in zip(found, offsets, strict=True):
        pieces = []
        for start, end in some:
            tokens = next(counts)
            if tokens <= longest:
                pieces.append((start, end, tokens))
            else:
                pieces += _pieces(paragraph.text, start, end, counter, longest)
        units.append(
            [
                _Unit(_spans(paragraph, start, end), tokens, start > 0 and not paragraph.text[start - 1].isspace())
                for start, end, tokens in pieces
            ]
        )
    return units


def _pieces(text: str, start: int, end: int, counter: TokenCounter, longest: int) -> list[tuple[int, int, int]]:
    """Cut a sentence that is too long into pieces that are not, each as long as it may be."""
    parts = break_long(text, start, end)
    if len(parts) == 1:  # one word of more tokens than the encoder takes
        middle = (start + end) // 2
        parts = [(start, middle), (middle, end)]
    pieces: list[tuple[int, int, int]] = []
    for (first, last), tokens in zip(parts, _counts([text[a:b] for a, b in parts], counter), strict=True):
        if tokens > longest:
            pieces += _pieces(text, first, last, counter, longest)
        elif pieces and pieces[-1][1] < first and pieces[-1][2] + tokens <= longest:
            pieces[-1] = (pieces[-1][0], last, pieces[-1][2] + tokens)
        else:
            pieces.append((first, last, tokens))
    return pieces


def _counts(texts: Sequence[str], counter: TokenCounter) -> list[int]:
    """Count tokens, and as many of long texts of few tokens that no passage becomes longer than a person can read."""
    return [
        max(tokens, len(text) // MOST_OF_A_TOKEN) for text, tokens in zip(texts, counter.count(texts), strict=True)
    ]


def _spans(paragraph: Paragraph, start: int, end: int) -> tuple[Span, ...]:
    """Find the places in the pages of `paragraph.text[start:end]`."""
    spans = []
    offset = 0
    for run in paragraph.runs:
        first, last = max(start - offset, 0), min(end - offset, run.end - run.start)
        if first < last:
            spans.append(Span(run.page, run.start + first, run.start + last))
        offset += run.end - run.start + 1  # the line feed between runs
    return tuple(spans)


def _place(part: Sequence[Span], spans: Sequence[Span]) -> tuple[int, int]:
    """Find where `part` of the spans begins and ends in the passage's text, which is the texts of all of them."""
    offset = 0
    for span in spans:
        if span.page == part[0].page and span.start <= part[0].start < span.end:
            start = offset + part[0].start - span.start
        if span.page == part[-1].page and span.start < part[-1].end <= span.end:
            return start, offset + part[-1].end - span.start
        offset += span.end - span.start + 1  # the line feed between spans
    raise ValueError(f"{part} is not within {spans}")


def _packed(section: _Section, aim: int, longest: int) -> Iterator[list[_Unit]]:
    """Fill passages with whole paragraphs up to the aim; share a longer paragraph out evenly over several."""
    current: list[_Unit] = []
    for unit in section.headings:
        if not _fits(current, unit, longest):
            yield current
            current = []
        current.append(unit)
    has_text = False  # beside headings, which stay with the text below them
    for units in section.paragraphs:
        if has_text and _tokens(current) + _tokens(units) > aim:
            yield current
            current, has_text = [], False
        total = _tokens(current) + _tokens(units)
        goal = total / ceil(total / aim) if total else aim
        for unit in units:
            filled = _tokens(current)
            if (has_text and filled + unit.tokens / 2 > goal) or not _fits(current, unit, longest):
                yield current
                current = []
            current.append(unit)
            has_text = True
    if current:
        yield current


def _fits(units: Sequence[_Unit], unit: _Unit, longest: int) -> bool:
    return not units or (not unit.in_word and _tokens(units) + unit.tokens <= longest)


def _tokens(units: Sequence[_Unit]) -> int:
    return sum(unit.tokens for unit in units)
