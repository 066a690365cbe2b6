"""What an answer is: verbatim quotes, each with its citation, or the reason why there is none."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.citation import Citation
from service.lineage import Link
from service.search import SearchResult


class Status(StrEnum):
    """Whether the reports say what was asked."""

    ANSWERED = "answered"
    PARTIAL = "partial"  # of several bodies or times that were asked about, or of a matter, only a part
    UNANSWERABLE = "unanswerable"


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence or a few neighbouring ones of a document, to the letter."""

    text: str
    citation: Citation  # of these characters alone
    short: tuple[int, int] | None = (
        None  # where in the text the number, date, grade or name stands that was asked for
    )


@dataclass(frozen=True, slots=True)
class Searched:
    """What was looked through: the documents that the filters and the question's bodies and times leave."""

    documents: int
    bodies: tuple[str, ...]  # that the question or its filters name, as the collection names them
    published_from: date | None  # of the first and the last of these documents
    published_to: date | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The best quote comes first, or, where a question is about change, the oldest.

    `text` is made of quotes only; None where there is no answer, and then `reason` says why. `confidence` is the
    estimated chance that one of the quotes answers the question.
    """

    question: str
    status: Status
    text: str | None
    confidence: float
    quotes: tuple[Quote, ...]
    reason: str | None
    searched: Searched
    found: SearchResult  # the nearest passages, also where there is no answer
    took_ms: float

    @property
    def links(self) -> tuple[Link, ...]:
        """Give the links from bodies that the question names to others that the nearest passages are on."""
        return self.found.links
