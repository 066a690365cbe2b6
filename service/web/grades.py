"""The grades of a body over the years: as a chart, and as a table in which each leads to the words that give it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from indexer.collection import Reader
from indexer.errors import InputError
from indexer.judgements import AREAS
from indexer.metadata import body_key
from indexer.records import Document, Standing
from service.candidates import Generation
from service.citation import Citation, title_of
from service.facets import Choice, facets
from service.ledger import Grade, Ledger, ledger
from service.query import Query as Asked
from service.query import parse_day
from service.search import Searcher
from service.timeline import When
from service.web.asked import Trouble, area_label, names_given, text_given
from service.web.drawing import Chart, capital, chart_of, said_of
from service.web.graded import meant, ordered
from service.web.paging import Paging, paging, read_number
from service.web.site import address, page, sentence

MOST_TOGETHER = 10  # reports on a page with several bodies, which then has less than 80 KB
MOST_REPORTS = 20  # of a body; the table for downloading has all
MOST_LISTED = 400  # bodies to choose from; where there are more, the name is written

# What there is to say of a state beside its name.
STATES = {
    Standing.UNREADABLE: "There should be a grade, and it cannot be told for sure which: open the report and look.",
    Standing.NOT_JUDGED: "The report itself says so.",
    Standing.NOT_BY_KIND: "Such a visit gives no grade there; what it found is in the report.",
    Standing.NOT_BY_FRAMEWORK: "Inspections under this framework do not grade that area by itself.",
}

router = APIRouter()

Names = Annotated[list[str], Query()]


@dataclass(frozen=True, slots=True)
class AreaChoice:
    """An area that can be looked at."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked, as it was given."""

    bodies: tuple[Choice, ...]  # that are chosen
    others: tuple[Choice, ...] | None  # with grades, by name; None where there are too many to choose from
    areas: tuple[AreaChoice, ...]
    as_of: str
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: areas that have the same to be said, and where it is said."""

    areas: str
    said: str
    is_grade: bool
    citation: Citation | None


@dataclass(frozen=True, slots=True)
class Report:
    """A report of the table."""

    doc_id: str
    title: str
    when: When | None
    facts: str  # framework and kind
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class BodyGrades:
    """What reports on a body give; `left_out` are older reports than those shown."""

    name: str
    thread: str  # address
    chart: Chart | None
    reports: tuple[Report, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows; nothing is `found` where no body was chosen."""

    form: Form
    choices: tuple[tuple[str, int, str], ...]  # bodies with grades: name, reports, address
    found: bool
    bodies: tuple[BodyGrades, ...]
    states: tuple[tuple[str, str], ...]  # that are on this page, and what they mean
    without: tuple[Document, ...]
    csv: str
    parts: Paging | None


@router.get("/grades")
def show(
    request: Request,
    body: Names = [],  # noqa: B006 - FastAPI copies it
    area: Names = [],  # noqa: B006
    as_of: str = "",
    part: Annotated[str, Query(alias="page")] = "1",
) -> HTMLResponse:
    """Show the grades of some bodies over the years; without a body, those that there are to choose from."""
    searcher: Searcher = request.app.state.searcher
    bodies, areas, as_of = names_given(body), names_given(area), text_given(as_of)
    trouble, asked = None, None
    try:
        asked = Asked("grades", as_of=parse_day(as_of, last=True) if as_of else None)
    except InputError as error:
        trouble = Trouble(sentence(str(error)), "as_of")
    with searcher.opened(asked.as_of if asked else None) as (reader, generation):
        found, number, parts = None, 1, None
        if bodies and asked:
            try:
                found = ledger(reader, generation, Asked("grades", bodies=bodies, areas=areas, as_of=asked.as_of))
                last = max(1, len(_parts(found)))
                number = read_number(part, last)
                parts = paging("/grades", _given(bodies, areas, as_of), number, last)
            except InputError as error:
                trouble, found = Trouble(sentence(str(error)), "filters"), None
        form = _form(bodies, areas, as_of, generation, trouble)
        content = _content(form, _given((), areas, as_of), found, number, parts)
        return _page(request, content, reader)


def _page(request: Request, content: Content, reader: Reader) -> HTMLResponse:
    names = ", ".join(one.name for one in content.bodies)
    title = f"{names}: grades" if names else "Grades"
    title = f"Error: {title}" if content.form.trouble else title
    return page(request, "grades.html", content, title, "grades", reader)


def _given(bodies: Sequence[str], areas: Sequence[str], as_of: str) -> list[tuple[str, object]]:
    return [*(("body", one) for one in bodies), *(("area", one) for one in areas), ("as_of", as_of)]


def _form(
    bodies: Sequence[str], areas: Sequence[str], as_of: str, generation: Generation, trouble: Trouble | None
) -> Form:
    graded = [one for one in generation.catalogue.documents if any(its.grade for its in one.findings.judgements)]
    choices = facets(graded, bodies=bodies).bodies
    others = sorted((one for one in choices if not one.is_chosen), key=lambda one: one.value.casefold())
    given = {judgement.area for one in graded for judgement in one.findings.judgements if judgement.grade}
    wanted = meant("area", areas, given)
    return Form(
        bodies=tuple(one for one in choices if one.is_chosen),
        others=tuple(others) if len(others) <= MOST_LISTED else None,
        areas=tuple(AreaChoice(one, area_label(one), one in wanted) for one in ordered(given, AREAS)),
        as_of=as_of,
        trouble=trouble,
    )


def _content(
    form: Form, given: Sequence[tuple[str, object]], found: Ledger | None, number: int, parts: Paging | None
) -> Content:
    bodies = [("body", one.value) for one in form.bodies]
    offered = form.others or () if not bodies else ()
    groups = _parts(found)[number - 1] if found and found.grades else []
    names = {body_key(one.value): one.value for one in form.bodies}
    states = {grade.judgement.state for some in groups for grade in some}
    return Content(
        form=form,
        choices=tuple((one.value, one.count, address("/grades", [("body", one.value), *given])) for one in offered),
        found=found is not None,
        bodies=tuple(_body(some, names) for some in groups),
        states=tuple((capital(state), told) for state, told in STATES.items() if state in states),
        without=found.without if found else (),
        csv=address("/v1/grades.csv", [*bodies, *given]),
        parts=parts,
    )


def _parts(found: Ledger) -> list[list[list[Grade]]]:
    """Put the grades of each body together, and on a page as many bodies as have few enough reports, one at least."""
    parts: list[list[list[Grade]]] = []
    held = 0
    for _, some in groupby(found.grades, key=lambda one: body_key(one.document.metadata.body or "")):
        grades = list(some)
        reports = len({one.document.doc_id for one in grades})
        if parts and held + reports <= MOST_TOGETHER:
            parts[-1].append(grades)
            held += reports
        else:
            parts.append([grades])
            held = reports
    return parts


def _body(grades: Sequence[Grade], names: Mapping[str, str]) -> BodyGrades:
    reports = [list(some) for _, some in groupby(grades, key=lambda one: one.document.doc_id)]
    shown = reports[-MOST_REPORTS:]
    body = grades[-1].document.metadata.body or ""
    name = names.get(body_key(body), body)
    return BodyGrades(
        name=name,
        thread=address("/thread", [("body", name)]),
        chart=chart_of([one for some in shown for one in some]),
        reports=tuple(_report(some) for some in shown),
        left_out=len(reports) - len(shown),
    )


# --- the table


def _report(grades: Sequence[Grade]) -> Report:
    document = grades[0].document
    facts = (document.findings.framework, document.metadata.kind)
    return Report(
        doc_id=document.doc_id,
        title=title_of(document),
        when=grades[0].when,
        facts=" · ".join(fact for fact in facts if fact),
        lines=tuple(_lines(grades)),
    )


def _lines(grades: Sequence[Grade]) -> Iterator[Line]:
    """Say in one row what is the same of several areas, where no words of the report say it."""
    for (said, has_quote), some in groupby(grades, key=lambda one: (said_of(one), one.quote is not None)):
        its = list(some)
        if has_quote:
            yield from (
                Line(one.area_label, said, one.judgement.grade is not None, one.quote.citation)
                for one in its
                if one.quote
            )
        else:
            yield Line(", ".join(one.area_label for one in its), said, is_grade=False, citation=None)
