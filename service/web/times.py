"""The timeline: what reports say of a matter over the years, and how many reports of each year there are."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from indexer.collection import Reader
from indexer.errors import InputError
from indexer.records import Document
from service.candidates import Generation
from service.citation import Citation, title_of
from service.facets import Choice, facets
from service.query import Query, resolve
from service.search import Searcher
from service.timeline import Entry, Timeline, When, Years, timeline, years_of
from service.watching import SEEN
from service.web.charts import Columns, Points, columns, points
from service.web.site import page

MOST_LISTED = 400  # bodies to choose from; where there are more, the name is written
MOST_SERIES = 5  # colours of kinds that are known
MOST_OFFERED = 20  # bodies of what was found

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked, as it was given."""

    q: str
    body: str
    bodies: tuple[Choice, ...] | None  # all, by name; None where there are too many to choose from
    problem: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A report of the timeline; `number` is that of its mark in the chart."""

    number: int | None
    doc_id: str
    title: str
    body: str | None
    when: When | None
    quote: str | None
    citation: Citation | None
    score: int | None  # of 100


@dataclass(frozen=True, slots=True)
class Found:
    """What was found on a question."""

    line: Timeline
    chart: Points | None  # a mark for each of the dated rows
    dated: tuple[Row, ...]
    undated: tuple[Row, ...]
    silent: tuple[Row, ...]
    on: tuple[tuple[str, int], ...]  # other bodies to look at, and in how many reports there is something


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of documents, and which of the chart's colours it has."""

    name: str
    colour: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The documents of each year and kind."""

    body: str | None
    documents: int
    kinds: tuple[Kind, ...]
    chart: Columns | None
    years: tuple[tuple[int, tuple[int, ...]], ...]  # newest first, those without any left out
    undated: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows."""

    form: Form
    found: Found | None
    overview: Overview | None


@router.get("/timeline")
def show(request: Request, q: str = "", body: str = "", infer: str = "") -> HTMLResponse:
    """Show what the reports say of a matter over the years; without a question, the collection by year."""
    searcher: Searcher = request.app.state.searcher
    question, body = q.strip(), body.strip()
    request.scope[SEEN].question = question or None
    found, overview, problem = None, None, None
    with searcher.opened() as (reader, generation):
        try:
            if question:
                asked = Query(question, bodies=(body,) if body else (), infer=infer != "false")
                found = _found(timeline(searcher, reader, generation, asked))
            else:
                overview = _overview(_documents(generation, body), body or None)
        except InputError as error:
            problem = str(error)
        content = Content(_form(question, body, generation, problem), found, overview)
        return _page(request, content, reader)


def _page(request: Request, content: Content, reader: Reader) -> HTMLResponse:
    title = f"{content.form.q}: timeline" if content.found else "Timeline"
    title = f"Error: {title}" if content.form.problem else title
    return page(request, "timeline.html", content, title, "timeline", reader)


def _documents(generation: Generation, body: str) -> Sequence[Document]:
    """Give all documents, or those of a body. Raises InputError where there are none of it."""
    documents = generation.catalogue.documents
    if not body:
        return documents
    wanted = resolve(Query("its reports", bodies=(body,)), generation.catalogue.numbers, ()).bodies or frozenset()
    return [document for document in documents if document.metadata.body in wanted]


def _form(q: str, body: str, generation: Generation, problem: str | None) -> Form:
    found = facets(generation.catalogue.documents, bodies=[body] if body else []).bodies
    listed = tuple(sorted(found, key=lambda choice: choice.value.casefold()))
    return Form(q, body, listed if len(listed) <= MOST_LISTED else None, problem)


def _found(line: Timeline) -> Found:
    values = [(entry.when.day, entry.told.score) for entry in line.dated if entry.when and entry.told]
    count = len(line.dated)
    return Found(
        line=line,
        chart=points(values) if values else None,
        dated=tuple(_row(entry, number) for number, entry in enumerate(line.dated, start=1)),
        undated=tuple(_row(entry, number) for number, entry in enumerate(line.undated, start=count + 1)),
        silent=tuple(_row(entry, None) for entry in line.silent),
        on=tuple(line.on.items())[:MOST_OFFERED] if not line.bodies else (),
    )


def _row(entry: Entry, number: int | None) -> Row:
    document, told = entry.document, entry.told
    return Row(
        number=number,
        doc_id=document.doc_id,
        title=title_of(document),
        body=document.metadata.body,
        when=entry.when,
        quote=told.quote.text if told else None,
        citation=told.quote.citation if told else None,
        score=round(100 * told.score) if told else None,
    )


def _overview(documents: Sequence[Document], body: str | None) -> Overview:
    years = years_of(documents)
    kinds, counts, undated = _joined(years)
    return Overview(
        body=body,
        documents=len(documents),
        kinds=kinds,
        chart=columns(counts) if counts else None,
        years=tuple((year, some) for year, some in sorted(counts.items(), reverse=True) if any(some)),
        undated=undated if any(undated) else None,
    )


def _joined(years: Years) -> tuple[tuple[Kind, ...], dict[int, tuple[int, ...]], tuple[int, ...]]:
    """Put the rare kinds together, so that each column of numbers has a colour that can be told from the others."""
    known = [kind for kind in years.kinds if kind is not None]
    has_other, has_unknown = len(known) > MOST_SERIES, None in years.kinds
    own = known[: MOST_SERIES - 1] if has_other else known

    def joined(some: tuple[int, ...]) -> tuple[int, ...]:
        rest = sum(some[len(own) : len(known)])
        return (*some[: len(own)], *([rest] if has_other else []), *(some[len(known) :] if has_unknown else ()))

    names = [*own, *(["other kinds"] if has_other else [])]
    kinds = (
        *(Kind(name, colour) for colour, name in enumerate(names)),
        *([Kind("unknown kind", MOST_SERIES)] if has_unknown else []),
    )
    return kinds, {year: joined(some) for year, some in years.counts.items()}, joined(years.undated)
