"""The page on which people ask and search: the form, the answer, what was found, and what that can be narrowed to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from indexer.collection import Reader
from indexer.errors import InputError
from indexer.metadata import body_key
from indexer.records import Filter
from service.answering import Answer, Answerer, Status
from service.candidates import Generation
from service.catalogue import Catalogue
from service.facets import Choice, Facets, facets
from service.lineage import DELIVERS
from service.lineage import Link as BodyLink
from service.newer import newer
from service.query import LONGEST_QUERY
from service.query import Query as Search
from service.reading import Reading
from service.references import long_day
from service.routes import Call, Called
from service.search import Hit, SearchResult, understand
from service.web.asked import STEPS, Asked, FieldError, Trouble, area_label, grade_label
from service.web.graded import GradeChoices, grade_choices, let_through
from service.web.hits import (
    SCALE,
    HitView,
    Link,
    Note,
    QuoteView,
    chance_word,
    view_hit,
    view_newer,
    view_quote,
)
from service.web.site import address, page, sentence
from service.web.welcome import Welcome, welcome

FIRST_BODIES = 8  # of the list; the rest stand in a part that opens
MOST_BODIES = 100
MOST_YEARS = 30
LONGEST_TITLE = 80

router = APIRouter()

BY_BOTH = "By meaning and by words; what speaks for a passage is added up"
BY_MEANING = "By meaning alone, as the engine of this index has no words; what speaks for a passage is added up"


@dataclass(frozen=True, slots=True)
class Filters:
    """The choices that narrow a search."""

    bodies: tuple[Choice, ...]
    more_bodies: tuple[Choice, ...]
    has_others: bool  # bodies beyond those
    kinds: tuple[Choice, ...]
    years: tuple[tuple[Choice, str], ...]  # with the address that chooses it, or no longer does
    undated: int
    graded: GradeChoices
    count: int  # filters that are set


@dataclass(frozen=True, slots=True)
class AnswerView:
    """The answer, or why there is none."""

    status: Status
    reason: str
    searched: str
    quotes: tuple[QuoteView, ...]
    chance: int  # of 100
    chance_word: str
    notes: tuple[Note, ...]
    names_a_body: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What was found."""

    count: str
    answer: AnswerView | None
    other_way: str  # address of a search where this is an answer, and the other way round
    hits: tuple[HitView, ...]
    more: Link | None
    read: str  # what was read from the question
    unread: str  # address of the same without, or again with reading
    links: tuple[str, ...]  # from bodies that were asked about to others that were looked at as well
    timeline: str  # address
    how: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows."""

    asked: Asked
    trouble: Trouble | None
    welcome: Welcome | None
    examples: tuple[Link, ...]
    found: Found | None
    filters: Filters
    chips: tuple[Link, ...]
    clear: str  # address without filters
    longest: int = LONGEST_QUERY
    scale: str = SCALE  # of the words for chances


@router.get("/")
def find(  # noqa: PLR0917 - the parameters of the address
    request: Request,
    call: Call,
    q: str | None = None,
    do: str = "",
    body: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    kind: Annotated[list[str], Query()] = [],  # noqa: B006
    from_: Annotated[str, Query(alias="from")] = "",
    to: str = "",
    infer: str = "",
    k: str = "",
    as_of: str = "",
    grade: Annotated[list[str], Query()] = [],  # noqa: B006
    area: Annotated[list[str], Query()] = [],  # noqa: B006
) -> HTMLResponse:
    """Show the form, and where something was asked, the answer and what was found."""
    asked = Asked.of(q, do, body, kind, from_, to, infer, k, as_of, grade, area)
    call.seen.question = asked.q
    trouble, day = None, None
    try:
        day = asked.day()
        if asked.q is not None:
            return _answered(request, call, asked, asked.query())
    except InputError as error:
        field = error.field if isinstance(error, FieldError) else "filters"
        trouble = Trouble(sentence(str(error)), field)
    with call.searcher.opened(day) as (reader, generation):
        return _page(request, asked, generation, reader, trouble=trouble)


def _answered(request: Request, call: Called, asked: Asked, query: Search) -> HTMLResponse:
    """Ask or search, and show all of it from one generation. Raises InputError."""
    with call.searcher.opened(query.as_of) as (reader, generation):
        answer = Answerer(call.searcher).ask_in(reader, generation, query) if asked.do == "ask" else None
        result = answer.found if answer else call.searcher.search_in(reader, generation, query)
        call.seen.stages = result.stages
        found = _found(asked, query, result, answer, generation, reader)
        return _page(request, asked, generation, reader, found=found, hits=result.hits)


def _page(
    request: Request,
    asked: Asked,
    generation: Generation,
    reader: Reader,
    *,
    trouble: Trouble | None = None,
    found: Found | None = None,
    hits: Sequence[Hit] = (),
) -> HTMLResponse:
    documents = generation.catalogue.documents
    summed = None if found or trouble else welcome(documents)
    examples = summed.examples if summed else ()
    content = Content(
        asked=asked,
        trouble=trouble,
        welcome=summed,
        examples=tuple(Link(text, replace(asked, q=text).address) for text in examples),
        found=found,
        filters=_filters(asked, generation.catalogue, hits),
        chips=tuple(Link(text, without.address) for text, without in asked.removals()),
        clear=asked.without_filters().address,
    )
    question = " ".join((asked.q or "").split())
    short = question if len(question) <= LONGEST_TITLE else f"{question[:LONGEST_TITLE]}…"
    title = f"{short} – {'Search' if asked.do == 'search' else 'Answer'}" if found else "Ask the reports"
    return page(request, "find.html", content, title, "find", reader)


# --- what was found


def _found(  # noqa: PLR0917 - all that is known at this point
    asked: Asked, query: Search, result: SearchResult, answer: Answer | None, generation: Generation, reader: Reader
) -> Found:
    documents = generation.catalogue.documents
    citations = [hit.citation for hit in result.hits]
    quoted = [quote.citation for quote in answer.quotes] if answer else []
    first_of_bodies = {one.body: one for one in reversed(citations)}.values()
    ranks = {hit.citation.doc_id: hit.rank for hit in reversed(result.hits)}
    above = newer(quoted, citations, documents)
    noted = {one.body for one in above}
    beside = {
        one.body: view_newer(one, ranks)
        for one in newer(list(first_of_bodies), citations, documents)
        if one.body not in noted
    }
    # The first hit on a body takes what there is to say of it.
    hits = [
        view_hit(hit, query.text, beside.pop(hit.citation.body or "", None), is_short=hit.rank > _in_full(query.k))
        for hit in result.hits
    ]
    other = replace(asked, do="ask" if asked.do == "search" else "search", k="")
    more = asked.more(len(hits)) if len(hits) >= query.k else None
    understood = understand(query, generation.catalogue)
    reading = understood.reading
    bodies = query.bodies or reading.told_apart()
    return Found(
        count=_count(result.hits),
        answer=_view_answer(answer, [view_newer(one, ranks) for one in above]) if answer else None,
        other_way=other.address,
        hits=tuple(hits),
        more=Link(f"Show up to {more.k} passages", more.address) if more else None,
        read=_read(result, query, reading),
        unread=replace(asked, infer=not asked.infer, k="").address,
        links=tuple(_told(result.links)),
        timeline=address("/timeline", [("q", query.text), ("body", bodies[0] if len(bodies) == 1 else "")]),
        how=tuple(_how(query, understood.wanted, result, answer, generation, reader)),
    )


def _told(links: Sequence[BodyLink]) -> Iterator[str]:
    """Say why reports on other bodies were looked at; what befell a body once, in one sentence."""
    laters: dict[tuple[str, str, date | None], list[str]] = {}
    for one in links:
        laters.setdefault((one.earlier, one.how, one.on), []).append(one.later)
    for (earlier, how, on), names in laters.items():
        when = f" {'from' if how == DELIVERS else 'on'} {long_day(on)}" if on else ""
        yield f"{earlier} {how} {_and(names)}{when}."


def _view_answer(answer: Answer, notes: Sequence[Note]) -> AnswerView:
    searched = answer.searched
    what = _several(searched.documents, "document")
    if searched.bodies:
        what += f" on {_and(_one_name_each(searched.bodies))}"
    if searched.published_from and searched.published_to:
        what += f", of known days {_period(searched.published_from, searched.published_to)}"
    return AnswerView(
        status=answer.status,
        reason=sentence(answer.reason) if answer.reason else "",
        searched=what,
        quotes=tuple(view_quote(number, one, answer.question) for number, one in enumerate(answer.quotes, start=1)),
        chance=round(answer.confidence * 100),
        chance_word=chance_word(answer.confidence),
        notes=tuple(notes),
        names_a_body=bool(searched.bodies),
    )


def _in_full(k: int) -> int:
    """Say how many hits are shown in full, so that also a page of fifty has less than 95 KB."""
    return 10 if k <= STEPS[0] else 4


def _count(hits: Sequence[Hit]) -> str:
    if not hits:
        return "Nothing was found"
    reports = len({hit.citation.doc_id for hit in hits})
    return f"{_several(len(hits), 'passage')} from {_several(reports, 'document')}, best first"


def _read(result: SearchResult, query: Search, reading: Reading) -> str:
    """Say what was read from the question, beside what the filters say."""
    read = result.interpreted
    bodies = reading.told_apart()
    about = f"about {_and(bodies)}" if bodies and not query.bodies else ""
    is_filter = query.published_from or query.published_to or query.as_of
    time = "" if is_filter else _period(read.published_from, read.published_to)
    return ", ".join(part for part in (about, time) if part)


def _how(  # noqa: PLR0917 - as above
    query: Search, wanted: Filter, result: SearchResult, answer: Answer | None, generation: Generation, reader: Reader
) -> list[tuple[str, str]]:
    catalogue = generation.catalogue
    searched = int(catalogue.fitting(wanted).sum())
    filters = [*query.bodies, *query.kinds, *map(grade_label, query.grades), *map(area_label, query.areas)]
    if query.published_from or query.published_to:
        filters.append(f"published {_period(query.published_from, query.published_to)}")
    rows = [
        ("Ways of searching", BY_MEANING if result.without else BY_BOTH),
        ("Searched", f"{_several(searched, 'document')} of {len(catalogue.documents):,}"),
        ("Filters", ", ".join(filters) or "None"),
    ]
    if query.as_of:
        rows.append(("As of", f"{long_day(query.as_of)}; what was published later was not looked at"))
    if result.interpreted.phrases:
        rows.append(("Exact words", ", ".join(f"“{phrase}”" for phrase in result.interpreted.phrases)))
    if reader.finished_at:
        rows.append(("Index made", f"{long_day(reader.finished_at.date())}, generation {result.generation}"))
    return [*rows, ("Time taken", f"{answer.took_ms if answer else result.took_ms:,.0f} ms")]


# --- what it can be narrowed to


def _filters(asked: Asked, catalogue: Catalogue, hits: Sequence[Hit]) -> Filters:
    try:
        query = replace(asked, q="x").query()
        first, last = query.published_from, query.published_to
    except InputError:
        first = last = None  # the message about it stands above
    choices: Facets = facets(
        let_through(asked, catalogue.documents),
        bodies=asked.bodies,
        kinds=asked.kinds,
        published_from=first,
        published_to=last,
        first=[hit.citation.body for hit in hits if hit.citation.body],
    )
    bodies = sorted(choices.bodies, key=lambda choice: not choice.is_chosen)
    return Filters(
        bodies=tuple(bodies[:FIRST_BODIES]),
        more_bodies=tuple(sorted(bodies[FIRST_BODIES:MOST_BODIES], key=lambda choice: choice.value)),
        has_others=len(bodies) > MOST_BODIES,
        kinds=choices.kinds,
        years=tuple((choice, _year_address(asked, choice)) for choice in choices.years[:MOST_YEARS]),
        undated=choices.undated,
        graded=grade_choices(asked, catalogue),
        count=len(asked.removals()),
    )


def _year_address(asked: Asked, choice: Choice) -> str:
    year = "" if choice.is_chosen else choice.value
    return replace(asked, from_=year, to=year, k="").address


# --- words


def _period(first: date | None, last: date | None) -> str:
    """Write a time as people say it: "2018", "since March 2018", "from 2016 to 2018"."""
    if first and last:
        whole_year = (first, last) == (date(first.year, 1, 1), date(first.year, 12, 31))
        whole_years = (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
        if whole_year:
            return str(first.year)
        if first == last:
            return long_day(first)
        return f"from {first.year} to {last.year}" if whole_years else f"from {long_day(first)} to {long_day(last)}"
    if first:
        return f"since {first.year if (first.month, first.day) == (1, 1) else long_day(first)}"
    if last:
        return f"until {last.year if (last.month, last.day) == (12, 31) else long_day(last)}"
    return ""


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _one_name_each(bodies: Sequence[str]) -> list[str]:
    """Give of the names of one body the shortest."""
    names: dict[str, str] = {}
    for body in bodies:
        names[body_key(body)] = min(names.get(body_key(body), body), body, key=len)
    return list(names.values())


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
