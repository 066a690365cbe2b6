"""What the press claims, beside what the reports say."""

from datetime import date
from typing import Self

from pydantic import BaseModel, Field

from service.answering import Quote
from service.press import Bearing, Checked, ClaimKind, Evidence, PressCheck
from service.schemas.judging import ReportOut


class EvidenceOut(BaseModel):
    """What a report says of a claim."""

    report: ReportOut
    day: date = Field(description="the last of its inspection, else of the report")
    quote: Quote

    @classmethod
    def of(cls, one: Evidence) -> Self:
        """Write what a report says."""
        return cls(report=ReportOut.of(one.document), day=one.day, quote=one.quote)


class ClaimOut(BaseModel):
    """A claim, and what became of it."""

    kind: ClaimKind
    words: str = Field(
        description="the words that are checked, to the letter: a grade, a day, a number or a quotation"
    )
    quote: Quote | None = Field(description="the sentence of the story that claims it")
    bodies: tuple[str, ...] = Field(description="that it is about; none where that is not plain")
    verdict: Bearing
    reason: str
    primary: EvidenceOut | None = Field(description="the report that the verdict goes by")
    later: EvidenceOut | None = Field(description="a later report that says otherwise")
    looked_through: tuple[ReportOut, ...] = Field(
        description="the reports that it was looked for in, the oldest first"
    )

    @classmethod
    def of(cls, one: Checked) -> Self:
        """Write a claim."""
        outcome = one.outcome
        return cls(
            kind=one.kind,
            words=one.words,
            quote=one.quote,
            bodies=one.bodies,
            verdict=outcome.verdict,
            reason=outcome.reason,
            primary=EvidenceOut.of(outcome.primary) if outcome.primary else None,
            later=EvidenceOut.of(outcome.later) if outcome.later else None,
            looked_through=tuple(ReportOut.of(report.document) for report in one.looked_through),
        )


class PressResponse(BaseModel):
    """The claims of a document in their order, each checked against the reports alone."""

    document: ReportOut
    day: date | None = Field(description="of the story; without it nobody can tell which report was the newest then")
    bodies: tuple[str, ...] = Field(description="that it is about")
    claims: tuple[ClaimOut, ...]
    counts: dict[Bearing, int] = Field(description="how many claims there are of each verdict")
    generation: int

    @classmethod
    def of(cls, found: PressCheck) -> Self:
        """Write what was checked."""
        verdicts = [one.outcome.verdict for one in found.claims]
        return cls(
            document=ReportOut.of(found.document),
            day=found.day,
            bodies=found.bodies,
            claims=tuple(map(ClaimOut.of, found.claims)),
            counts={verdict: verdicts.count(verdict) for verdict in Bearing},
            generation=found.version.generation,
        )
