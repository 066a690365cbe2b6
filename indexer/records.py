"""The values that travel between the steps; it imports only `errors`.

Everywhere: page numbers start at 1; character offsets are half-open `[start, end)`, in Unicode code points of the
stored page text; dates are calendar dates; hashes are lower-case SHA-256 in hex.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from indexer.errors import Refusal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """Where a line stood on its page, as fractions of the page: (0, 0) is the top left, (1, 1) the bottom right."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page: `page.text[start:end]`, never blank, without its line end."""

    start: int
    end: int
    box: Box | None = None  # None where the format has no layout
    size: float | None = None  # font size in points, None where unknown
    bold: bool = False
    heading: int = 0  # level 1 to 6 where the format states it (HTML, DOCX, Markdown), 0 otherwise
    caption: bool = False  # the format states that this is the caption of a picture or table


@dataclass(frozen=True, slots=True)
class Page:
    """One page as stored: its whole text, furniture included, in the order the reader gave it.

    `raw_map` ties the text to the characters of the PDF reader, for drawing boxes: ascending runs `(start,
    raw_start)`; from `text[start]` up to the next run, text and raw characters go together one to one, and raw
    characters between two runs have no counterpart in the text. Empty means that all offsets are equal.
    """

    number: int
    text: str
    lines: tuple[Line, ...] = ()
    raw_map: tuple[tuple[int, int], ...] = ()
    needs_ocr: bool = False  # a picture without a text layer


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `[start, end)` of one page."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One page as it is shown, with some of its characters marked."""

    png: bytes
    width: int  # pixels
    height: int
    boxes: tuple[Box, ...] = ()  # what is marked, one a line
    marked: str = ""  # the characters within them, as the reader has them


class Furniture(StrEnum):
    """What kind of page furniture a removal is."""

    PAGE_NUMBER = "page number"
    HEADER = "running header"
    FOOTER = "running footer"
    CONTENTS = "contents line"
    BOILERPLATE = "web boilerplate"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True)
class Removal:
    """Text kept out of the passages. The page text still holds it, so nothing is lost."""

    span: Span
    kind: Furniture


@dataclass(frozen=True, slots=True)
class Event:
    """Something dated that the report is about, e.g. the days of an inspection; both ends included."""

    start: date
    end: date


class Origin(StrEnum):
    """Where a piece of metadata comes from, surest first."""

    STATED = "stated"  # manifest or front matter
    RULE = "rule"  # a path rule of the settings
    TEXT = "text"  # found in the text, or in the file's own properties


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a metadata field has its value; `span` is the place in the text, where it was found there."""

    origin: Origin
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known about a document. None means unknown; nothing is guessed."""

    title: str | None = None
    publisher: str | None = None
    body: str | None = None  # the council, trust or other body the report is about
    published: date | None = None
    kind: str | None = None  # e.g. "inspection", "focused visit", "news"
    events: tuple[Event, ...] = ()
    source: str | None = None  # address it was published at
    licence: str | None = None
    evidence: Mapping[str, Evidence] = field(default_factory=dict)  # field name -> where it comes from


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a reader made of one file's bytes."""

    format: str  # "pdf", "html", "docx", "markdown" or "text"
    reader: str  # library and version that read it, e.g. "pypdfium2 5.15.2"
    pages: tuple[Page, ...]
    title: str | None = None  # from the file's own properties
    stated: Mapping[str, Any] = field(default_factory=dict)  # front matter as written
    notes: tuple[str, ...] = ()  # what a person should know, e.g. "read as cp1252"


class Standing(StrEnum):
    """Whether a report gives a grade in an area, and why not."""

    GRADED = "graded"
    NOT_BY_KIND = "not given by this kind of visit"
    NOT_BY_FRAMEWORK = "not given under this framework"
    NOT_JUDGED = "not judged in this inspection"  # as the report itself says
    UNREADABLE = "unreadable"  # there should be one, and it cannot be told for sure which


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a report judges an area to be, or why it gives no grade.

    `spans` are the words that give the grade, and those that name its area where they stand apart; a framework's own
    silence needs none.
    """

    area: str  # e.g. "overall_effectiveness"
    state: Standing
    grade: str | None = None  # e.g. "requires_improvement"; exactly where the state is GRADED
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing that a report wants improved: an item of a list, to the letter, without its bullet or number."""

    spans: tuple[Span, ...]  # one for each uninterrupted run of characters


@dataclass(frozen=True, slots=True)
class Findings:
    """What a report found, as typed facts."""

    framework: str | None = None  # that it was made under, e.g. "ILACS 2023"; None where it is none that is known
    judgements: tuple[Judgement, ...] = ()  # the overall one first
    recommendations: tuple[Recommendation, ...] = ()  # in their order


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the index. `doc_id` depends on the folder and path alone, so it outlives changes of content."""

    doc_id: str
    root: str
    path: str
    sha256: str  # of the file's bytes
    size: int  # bytes
    format: str
    reader: str
    pages: int
    metadata: Metadata
    needs_ocr: tuple[int, ...] = ()  # pages without text
    notes: tuple[str, ...] = ()
    findings: Findings = Findings()

    @property
    def file(self) -> str:
        """Whole path of the file it was made from."""
        return f"{self.root}/{self.path}"


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, as cut: what is stored, encoded and cited.

    `text` is the texts of `spans` joined by a line feed; a passage has one span for each uninterrupted run of
    characters, hence one a page at least. `context` is put in front of the text for the encoder and is never cited.
    """

    text: str
    spans: tuple[Span, ...]
    context: str = ""
    headings: tuple[str, ...] = ()  # path of headings above it, outermost first
    sentences: tuple[tuple[int, int], ...] = ()  # its sentences and headings, as [start, end) of `text`, in order

    @property
    def input(self) -> str:
        """What is encoded: the context line, then the text."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as the store gives it back."""

    passage_id: int
    document: Document
    text_sha256: str
    passage: Passage


class Outline(NamedTuple):
    """What ranking needs of a passage."""

    passage_id: int
    document: int  # its number in the store, which is never given again
    page: int  # that it begins on
    sketch: "NDArray[np.uint32]"  # sample of its runs of words, ascending


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What a lexical index needs of a passage: its words, and what filters go by. None means unknown."""

    passage_id: int
    context: str
    text: str
    body: str | None = None
    kind: str | None = None
    published: date | None = None
    document: int = 0  # its number


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not in the index, and why."""

    root: str
    path: str
    code: Refusal
    message: str
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What the index holds of one file, for deciding whether it changed."""

    sha256: str
    recipe: str  # names what beside the file's bytes decides what is made of it


class Mode(StrEnum):
    """How passages are found."""

    HYBRID = "hybrid"
    DENSE = "dense"  # by meaning alone
    LEXICAL = "lexical"  # by words alone


class Prune(StrEnum):
    """Which documents a sync removes because they are in none of its sources."""

    ALL = "all"
    OF_SOURCES = "of sources"  # only those of the folders that it looks through
    NOTHING = "nothing"


@dataclass(frozen=True)
class Approximation:
    """How a search without a filter looks through a part of the vectors, and how much it finds there."""

    kind: Literal["ivf"]
    lists: int
    probes: int  # lists that a search looks through
    recall: float  # share of the ten nearest that are found, on the mean of the sample
    sample: int  # questions


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents a search may look at. None lets everything through; dates are inclusive."""

    bodies: frozenset[str] | None = None  # as stored
    kinds: frozenset[str] | None = None
    published_from: date | None = None
    published_to: date | None = None
    documents: frozenset[int] | None = None  # by number


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an index holds."""

    documents: int
    pages: int
    needs_ocr: int  # pages without text
    passages: int
    refused: int  # files that are not in the index
    furniture: Mapping[str, int] = field(default_factory=dict)  # kind of removal -> how often


@dataclass(frozen=True, slots=True)
class Version:
    """A generation of the store, and the random token that tells it from the same number in another history."""

    generation: int
    token: str
