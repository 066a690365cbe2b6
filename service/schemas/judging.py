"""What reports say over time: threads, counts and grades."""

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from indexer.errors import InputError
from indexer.records import Document, Standing
from service.answering import Quote
from service.citation import Citation, title_of
from service.counting import Count
from service.followup import Followed, Tracked
from service.followup import Said as Words
from service.ledger import Grade, Ledger
from service.query import LONGEST_QUERY, Query
from service.schemas.asking import Filters, LinkOut
from service.threads import Inspection, Said, Thread
from service.tone import Change, Tone


class MatterRequest(Filters):
    """A matter that reports may raise. Unknown fields are refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"q": "caseloads", "body": "Northamptonshire"}]})

    q: str = Field(
        description=f'the words that a sentence must have, in any inflection; "or" between alternatives; at most '
        f"{LONGEST_QUERY} characters"
    )

    def checked(self) -> Query:
        """Check all values. Raises InputError."""
        return self.query(self.q)


class CountRequest(MatterRequest):
    """A matter that reports are counted by. Unknown fields are refused."""

    latest: bool = Field(default=False, description="look through the latest report on each body only")


class GradesRequest(Filters):
    """Which grades to give. Unknown fields are refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "Northamptonshire", "from": "2013"}]})

    def checked(self) -> Query:
        """Check all values. Raises InputError."""
        return self.query("grades")


class ReportOut(BaseModel):
    """A report."""

    doc_id: str
    title: str
    body: str | None
    kind: str | None
    published: date | None
    inspected_from: date | None
    inspected_to: date | None
    source: str
    link: str

    @classmethod
    def of(cls, document: Document) -> Self:
        """Write what a report is."""
        metadata = document.metadata
        return cls(
            doc_id=document.doc_id,
            title=title_of(document),
            body=metadata.body,
            kind=metadata.kind,
            published=metadata.published,
            inspected_from=min((event.start for event in metadata.events), default=None),
            inspected_to=max((event.end for event in metadata.events), default=None),
            source=document.path,
            link=f"/v1/documents/{document.doc_id}",
        )


class SaidOut(BaseModel):
    """What a report says of a matter."""

    quote: Quote
    tone: Tone = Field(description="of all its sentences on the matter together")
    tones: dict[Tone, int] = Field(description="how many of its sentences say what")
    change: Change | None = Field(description="where the text itself says so, and nowhere the contrary")
    changed: Quote | None = Field(description="the sentence that says so")

    @classmethod
    def of(cls, said: Said) -> Self:
        """Write what a report says."""
        return cls(quote=said.quote, tone=said.tone, tones=dict(said.tones), change=said.change, changed=said.changed)


class InspectionOut(BaseModel):
    """An inspection, and what its report says of the matter."""

    report: ReportOut
    day: date = Field(description="the last of the inspection, else of the report; what the order goes by")
    is_exact: bool = Field(description="false where the day is the last of a time in the report's title")
    overall: str | None = Field(description="its overall grade, where it gives one")
    overall_state: Standing | None = Field(description="whether it gives one, and why not")
    mentioned: bool = Field(description="whether a sentence has the words")
    said: SaidOut | None

    @classmethod
    def of(cls, one: Inspection) -> Self:
        """Write an inspection."""
        return cls(
            report=ReportOut.of(one.document),
            day=one.when.day,
            is_exact=one.when.is_exact,
            overall=one.overall.grade if one.overall else None,
            overall_state=one.overall.state if one.overall else None,
            mentioned=one.said is not None,
            said=SaidOut.of(one.said) if one.said else None,
        )


class ThreadResponse(BaseModel):
    """A matter through all inspections of some bodies, the oldest first."""

    matter: str
    words: tuple[tuple[str, ...], ...] = Field(description="stems that one sentence must have all of; alternatives")
    bodies: tuple[str, ...] = Field(description="those named, and those in line with them")
    links: tuple[LinkOut, ...] = Field(description="relations that led from bodies that are named to others")
    inspections: tuple[InspectionOut, ...]
    left_out: int = Field(description="documents on these bodies that report no inspection of a known day")
    generation: int

    @classmethod
    def of(cls, found: Thread) -> Self:
        """Write a thread."""
        return cls(
            matter=found.matter,
            words=found.words,
            bodies=found.bodies,
            links=tuple(LinkOut.of(link) for link in found.links),
            inspections=tuple(InspectionOut.of(one) for one in found.inspections),
            left_out=found.left_out,
            generation=found.version.generation,
        )


class RaisedOut(BaseModel):
    """A report that raises the matter."""

    report: ReportOut
    quote: Quote
    sentences: int = Field(description="how many of its sentences have the words")


class NearMissOut(BaseModel):
    """A report without the words, and its sentence that is nearest in meaning."""

    report: ReportOut
    quote: Quote
    likeness: float = Field(description="cosine of the sentence and the matter; tells nothing for sure")


class CountResponse(BaseModel):
    """How many reports raise a matter, of all that were looked through from end to end."""

    matter: str
    words: tuple[tuple[str, ...], ...] = Field(description="stems that one sentence must have all of; alternatives")
    latest: bool = Field(description="whether the latest report on each body only was looked through")
    count: int
    reports: int = Field(description="that were looked through")
    raised: tuple[RaisedOut, ...] = Field(description="each that is counted, by body, the oldest first")
    near: tuple[NearMissOut, ...] = Field(description="some that are not counted, the nearest first")
    incomplete: tuple[ReportOut, ...] = Field(description="of those looked through: with pages that have no text")
    generation: int

    @classmethod
    def of(cls, found: Count) -> Self:
        """Write a count."""
        return cls(
            matter=found.matter,
            words=found.words,
            latest=found.latest,
            count=len(found.raised),
            reports=found.of,
            raised=tuple(
                RaisedOut(report=ReportOut.of(one.document), quote=one.quote, sentences=one.sentences)
                for one in found.raised
            ),
            near=tuple(
                NearMissOut(report=ReportOut.of(one.document), quote=one.quote, likeness=one.likeness)
                for one in found.near
            ),
            incomplete=tuple(map(ReportOut.of, found.incomplete)),
            generation=found.version.generation,
        )


class GradeOut(BaseModel):
    """What a report judges an area to be, or why it gives no grade there."""

    report: ReportOut
    day: date | None = Field(description="the last of the inspection, else of the report; what the order goes by")
    framework: str | None
    area: str
    area_label: str
    state: Standing
    grade: str | None
    grade_label: str | None
    text: str | None = Field(description="the words of the report that say so, to the letter")
    citation: Citation | None

    @classmethod
    def of(cls, one: Grade) -> Self:
        """Write a grade."""
        return cls(
            report=ReportOut.of(one.document),
            day=one.when.day if one.when else None,
            framework=one.document.findings.framework,
            area=one.judgement.area,
            area_label=one.area_label,
            state=one.judgement.state,
            grade=one.judgement.grade,
            grade_label=one.grade_label,
            text=one.quote.text if one.quote else None,
            citation=one.quote.citation if one.quote else None,
        )


class GradesResponse(BaseModel):
    """The judgement ledger: what was judged, by whom it is about, the oldest first."""

    grades: tuple[GradeOut, ...]
    reports: int = Field(description="that these are of")
    without: tuple[ReportOut, ...] = Field(description="others that fit, and were made under no framework known here")
    generation: int

    @classmethod
    def of(cls, found: Ledger) -> Self:
        """Write the ledger."""
        return cls(
            grades=tuple(map(GradeOut.of, found.grades)),
            reports=found.reports,
            without=tuple(map(ReportOut.of, found.without)),
            generation=found.version.generation,
        )


class RecommendationsRequest(Filters):
    """Whose recommendations to give. Unknown fields are refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "Northamptonshire"}]})

    def checked(self) -> Query:
        """Check all values. Raises InputError, also where no body is named."""
        if not self.body:
            raise InputError("recommendations are those to a body: name one; `citewell status` lists every body")
        return self.query("recommendations")


class QuotedOut(BaseModel):
    """Words of a report."""

    report: ReportOut
    text: str = Field(description="to the letter")
    citation: Citation

    @classmethod
    def of(cls, one: Words) -> Self:
        """Write them with their report."""
        return cls(report=ReportOut.of(one.document), text=one.text, citation=one.citation)


class RecommendationOut(BaseModel):
    """Something that a report wants improved, and what became of it."""

    text: str = Field(description="to the letter")
    citation: Citation
    repeated: QuotedOut | None = Field(description="the recommendation of the next inspection on the same matter")
    later: tuple[QuotedOut, ...] = Field(description="what later reports say of it, the oldest first, one a report")

    @classmethod
    def of(cls, one: Followed) -> Self:
        """Write what became of a recommendation."""
        return cls(
            text=one.item.text,
            citation=one.item.citation,
            repeated=QuotedOut.of(one.repeated) if one.repeated else None,
            later=tuple(map(QuotedOut.of, one.later)),
        )


class RecommendedOut(BaseModel):
    """The recommendations of a report, in their order."""

    report: ReportOut
    recommendations: tuple[RecommendationOut, ...]


class RecommendationsResponse(BaseModel):
    """What reports on a body want improved, the oldest report first, and what became of it."""

    reports: tuple[RecommendedOut, ...]
    generation: int

    @classmethod
    def of(cls, found: Tracked) -> Self:
        """Write the recommendations of all reports."""
        return cls(
            reports=tuple(
                RecommendedOut(
                    report=ReportOut.of(document), recommendations=tuple(map(RecommendationOut.of, followed))
                )
                for document, followed in found.reports
            ),
            generation=found.version.generation,
        )
