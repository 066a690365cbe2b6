"""What the inspections of a body said of a matter, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from indexer.collection import Reader
from indexer.errors import InputError
from indexer.records import Judgement
from service.answering import Quote
from service.candidates import Generation
from service.citation import title_of
from service.counting import understood
from service.facets import Choice, facets
from service.highlight import highlights
from service.query import LONGEST_QUERY, parse_day
from service.query import Query as Asked
from service.search import Searcher
from service.threads import Inspection, Said, Thread, thread
from service.timeline import When, inspected
from service.tone import Tone
from service.watching import SEEN
from service.web.asked import FieldError, Trouble, grade_label, text_given
from service.web.hits import Block, Cited, view_citation
from service.web.paging import Paging, count_pages, paging, part_of, read_number
from service.web.site import address, page, sentence

PART = 15  # inspections on a page, so that one where all have quotes has less than 80 KB
MOST_LISTED = 400  # bodies to choose from; where there are more, the name is written

TONES = {  # what pages call each, and the colour of its tag
    Tone.STRENGTH: ("Strength", "green"),
    Tone.WEAKNESS: ("Weakness", "red"),
    Tone.MIXED: ("Mixed", "yellow"),
    Tone.NEUTRAL: ("Neither praised nor blamed", "grey"),
}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked, as it was given."""

    q: str
    body: str
    bodies: tuple[Choice, ...] | None  # with inspections, by name; None where there are too many to choose from
    as_of: str
    trouble: Trouble | None
    longest: int = LONGEST_QUERY


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote with the words of the matter marked in it."""

    block: Block
    cited: Cited


@dataclass(frozen=True, slots=True)
class Told:
    """What a report says of the matter."""

    tone: str
    colour: str
    sentences: str  # how many there are, and what they say
    quote: Quoted
    change: str | None
    changed: Quoted | None  # where another sentence says so


@dataclass(frozen=True, slots=True)
class Stop:
    """An inspection of the thread."""

    doc_id: str
    title: str
    when: When
    kind: str | None
    overall: str
    told: Told | None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found."""

    line: Thread
    names: tuple[str, ...]  # of the bodies, one each
    summary: str
    stops: tuple[Stop, ...]
    parts: Paging | None
    timeline: str  # address
    grades: str  # address


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows."""

    form: Form
    found: Found | None


@router.get("/thread")
def show(
    request: Request, q: str = "", body: str = "", as_of: str = "", part: Annotated[str, Query(alias="page")] = "1"
) -> HTMLResponse:
    """Show what each inspection of a body said of a matter; without a matter, the form."""
    searcher: Searcher = request.app.state.searcher
    matter, body, as_of = q.strip(), text_given(body), text_given(as_of)
    request.scope[SEEN].question = matter or None
    found, trouble, asked, day = None, None, None, None
    try:
        field = "as_of"
        day = parse_day(as_of, last=True) if as_of else None
        if matter:
            field = "q"
            asked = Asked(matter, as_of=day)
            field = "body"
            asked = Asked(matter, bodies=(body,) if body else (), as_of=day)
    except InputError as error:
        trouble = Trouble(sentence(str(error)), field)
    with searcher.opened(day) as (reader, generation):
        if asked and not trouble:
            try:
                line = _thread(searcher, reader, generation, asked)
                found = _found(
                    line, _names(line, generation), [("q", matter), ("body", body), ("as_of", as_of)], part
                )
            except InputError as error:
                trouble = Trouble(sentence(str(error)), error.field if isinstance(error, FieldError) else "q")
        chosen = found.names[0] if found and len(found.names) == 1 else body
        content = Content(_form(matter, chosen, as_of, generation, trouble), found)
        title = f"{matter}: inspection by inspection" if found else "Inspection by inspection"
        title = f"Error: {title}" if trouble else title
        return page(request, "thread.html", content, title, "timeline", reader)


def _thread(searcher: Searcher, reader: Reader, generation: Generation, asked: Asked) -> Thread:
    """Follow the matter. Raises InputError, and FieldError where it is for the body."""
    try:
        _, read, _ = understood(asked, generation.catalogue)
    except InputError as error:
        raise FieldError("body" if asked.bodies else "q", str(error)) from error
    if not read.wanted.bodies:
        raise FieldError("body", "choose the body whose inspections are to be followed")
    return thread(searcher, reader, generation, asked)


def _form(q: str, body: str, as_of: str, generation: Generation, trouble: Trouble | None) -> Form:
    found = _bodies(generation, [body] if body else [])
    listed = tuple(sorted(found, key=lambda choice: choice.value.casefold()))
    return Form(q, body, listed if len(listed) <= MOST_LISTED else None, as_of, trouble)


def _bodies(generation: Generation, chosen: Sequence[str]) -> tuple[Choice, ...]:
    return facets([one for one in generation.catalogue.documents if inspected(one)], bodies=chosen).bodies


def _names(line: Thread, generation: Generation) -> tuple[str, ...]:
    """Name each body once, as most of its reports do."""
    return tuple(one.value for one in _bodies(generation, line.bodies) if one.is_chosen)


def _found(line: Thread, names: tuple[str, ...], given: Sequence[tuple[str, str]], part: str) -> Found:
    """Make one part of the thread ready. Raises InputError where there is no such part."""
    last = count_pages(len(line.inspections), PART)
    number = read_number(part, last)
    shown = part_of(line.inspections, number, PART)
    bodies = [("body", one) for one in names]
    return Found(
        line=line,
        names=names,
        summary=_summary(line),
        stops=tuple(_stop(one, line.matter, with_body=len(names) > 1) for one in shown),
        parts=paging("/thread", given, number, last),
        timeline=address("/timeline", given[:-1]),
        grades=address("/grades", [*bodies, *given[2:]]),
    )


def _summary(line: Thread) -> str:
    """Say in how many inspections the matter is raised, and how they speak of it."""
    said = [one.said.tone for one in line.inspections if one.said]
    count = len(line.inspections)
    if not count:
        return "No inspection of a known day was found"
    if not said:
        return f"Not mentioned in any of {count} inspection{'s' * (count > 1)}"
    tones = ", ".join(f"{said.count(tone)} × {name.lower()}" for tone, (name, _) in TONES.items() if tone in said)
    return f"Mentioned in {len(said)} of {count} inspection{'s' * (count > 1)}: {tones}"


def _stop(one: Inspection, matter: str, *, with_body: bool) -> Stop:
    document = one.document
    facts = (document.metadata.body if with_body else None, document.metadata.kind)
    return Stop(
        doc_id=document.doc_id,
        title=title_of(document),
        when=one.when,
        kind=" · ".join(fact for fact in facts if fact),
        overall=_overall(one.overall),
        told=_told(one.said, matter) if one.said else None,
    )


def _overall(judgement: Judgement | None) -> str:
    if not judgement:
        return "not known, as the framework is not known here"
    return grade_label(judgement.grade) if judgement.grade else judgement.state.value


def _told(said: Said, matter: str) -> Told:
    name, colour = TONES[said.tone]
    count = sum(said.tones.values())
    tones = ", ".join(f"{said.tones[tone]} × {TONES[tone][0].lower()}" for tone in TONES if tone in said.tones)
    is_same = said.changed is not None and said.changed.citation.text_sha256 == said.quote.citation.text_sha256
    return Told(
        tone=name,
        colour=colour,
        sentences=f"{count} sentences: {tones}" if count > 1 else "",
        quote=_quoted(said.quote, matter),
        change=said.change.value if said.change else None,
        changed=_quoted(said.changed, matter) if said.changed and not is_same else None,
    )


def _quoted(quote: Quote, matter: str) -> Quoted:
    marks = tuple(highlights(matter, quote.text))
    return Quoted(Block(quote.text, marks), view_citation(quote.citation, quote.text, matter))
