"""What the first page tells of a collection, and questions that it could be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from indexer.metadata import body_key
from indexer.records import Document
from indexer.where import UNKNOWN
from service.catalogue import days_of

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Welcome:
    """How much there is, and of when; `examples` are questions in words that suit any collection."""

    documents: int
    bodies: int
    first_year: int | None
    last_year: int | None
    examples: tuple[str, ...]


def welcome(documents: Sequence[Document]) -> Welcome:
    """Sum a collection up."""
    years = [year for document in documents if (year := _year(document))]
    of_bodies: dict[str, list[Document]] = {}
    for document in documents:
        if document.metadata.body:
            of_bodies.setdefault(body_key(document.metadata.body), []).append(document)
    most = [reports for _, reports in sorted(of_bodies.items(), key=lambda item: (-len(item[1]), item[0]))]
    return Welcome(
        documents=len(documents),
        bodies=len(of_bodies),
        first_year=min(years, default=None),
        last_year=max(years, default=None),
        examples=_examples(most),
    )


def _examples(most: Sequence[Sequence[Document]]) -> tuple[str, ...]:
    """Ask about bodies with many reports, each time another one, of what is known about their reports."""
    made: list[str] = []
    for reports in most:
        dated = sorted((year, one.metadata.kind or "") for one in reports if (year := _year(one)))
        body = min((one.metadata.body or "" for one in reports), key=len)
        if not made:
            made.append(f"What must {body} improve?")
        elif len(made) == 1 and dated and dated[0][0] < dated[-1][0]:
            made.append(f"How has {body} changed since {dated[0][0]}?")
        elif len(made) == 2 and dated and dated[-1][1]:
            made.append(f"What did the {dated[-1][1]} of {body} in {dated[-1][0]} find?")
        if len(made) == EXAMPLES:
            break
    return tuple(made)


def _year(document: Document) -> int | None:
    """Give the last year that a document is known to be of."""
    last = days_of(document)[1]
    return None if last == UNKNOWN else date.fromordinal(last).year
