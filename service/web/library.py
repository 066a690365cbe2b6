"""The pages of what there is: the list of all documents, and one of them with its pages and a search inside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from indexer.collection import Reader
from indexer.errors import InputError
from indexer.metadata import body_key
from indexer.originals import original
from indexer.records import Document
from service import query
from service.catalogue import Catalogue
from service.citation import title_of
from service.facets import Facets, facets
from service.inside import PageFound, Snippet, find_inside
from service.search import Searcher
from service.web.facts import Fact, document_address, facts_of, file_facts
from service.web.hits import Link
from service.web.pageview import blocks
from service.web.paging import Paging, count_pages, paging, part_of, read_number
from service.web.site import address, page, sentence

router = APIRouter()

PART = 50  # documents of the list on a page
PAGES_PART = 100  # pages of a document that are listed at once
MOST_SIBLINGS = 10  # other documents of the same body
MOST_FOUND = 20  # pages whose snippets are shown; the others are named
OPENING = 90  # characters of a page that tell it from the others
SORTS = {"newest": "Newest first", "title": "Title", "body": "Body"}
ANY = "every document"  # a list is narrowed as a search is, which needs words

Names = Annotated[tuple[str, ...], Query()]
PartNumber = Annotated[str, Query(alias="page")]


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a list."""

    title: str
    href: str
    document: Document

    @classmethod
    def of(cls, document: Document) -> "Listed":
        """Give a document as a list shows it."""
        return cls(title_of(document), document_address(document), document)


@dataclass(frozen=True, slots=True)
class Listing:
    """The list of documents, as far as it is shown. `found` of `total` documents fit."""

    shown: tuple[Listed, ...]
    first: int  # its number in the list
    found: int
    total: int
    facets: Facets
    chips: tuple[Link, ...]  # filters in force, and the address of the list without each
    sort: str
    sorts: tuple[tuple[str, str], ...]
    parts: Paging | None
    error: str | None
    error_field: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A page of a document, and how it begins."""

    number: int
    href: str
    opening: str


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page on which words were found."""

    number: int
    href: str
    count: int
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class Inside:
    """What a search inside a document has found: the pages shown, and those that are only named."""

    question: str
    places: int
    pages: int
    shown: tuple[FoundPage, ...]
    others: tuple[FoundPage, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of a document."""

    document: Document
    title: str
    facts: tuple[Fact, ...]
    file: tuple[Fact, ...]
    download: str | None
    question: str
    inside: Inside | None
    passed: tuple[Passed, ...]
    parts: Paging | None
    siblings: tuple[Listed, ...]
    more_siblings: str | None  # address of the list of all
    error: str | None
    error_field: str


@router.get("/documents")
def documents(  # noqa: PLR0917 - the parameters of the address
    request: Request,
    body: Names = (),
    kind: Names = (),
    year: str = "",
    sort: str = "newest",
    number: PartNumber = "1",
) -> HTMLResponse:
    """List the documents, narrowed to bodies, kinds and a year."""
    searcher: Searcher = request.app.state.searcher
    bodies, kinds = (tuple(name for name in names if name.strip()) for names in (body, kind))
    with searcher.opened() as (reader, generation):
        listing = _listing(generation.catalogue, bodies, kinds, year.strip(), sort, number)
        title = "Error: Documents" if listing.error else "Documents"
        return page(request, "documents.html", listing, title, "documents", reader)


@router.get("/documents/{doc_id}")
def document(request: Request, doc_id: str, q: str = "", number: PartNumber = "1") -> HTMLResponse:
    """Show all that is known of a document, and search inside it. Raises NotFoundError."""
    searcher: Searcher = request.app.state.searcher
    with searcher.opened() as (reader, generation):
        shown = _shown(reader, generation.catalogue, doc_id, q, number, searcher)
        title = f"Error: {shown.title}" if shown.error else shown.title
        return page(request, "document.html", shown, title, "documents", reader)


# --- the list


def _listing(  # noqa: PLR0917 - as above
    catalogue: Catalogue, bodies: tuple[str, ...], kinds: tuple[str, ...], year: str, sort: str, number: str
) -> Listing:
    error, field, found, current, first_day, last_day = None, "year", [], 1, None, None
    try:
        first_day, last_day = _days(year)
        field = "body"
        found = _fitting(catalogue, bodies, (), first_day, last_day)
        field = "kind"
        found = _fitting(catalogue, bodies, kinds, first_day, last_day) if kinds else found
        field = "sort"
        found = _sorted(found, sort)
        field = "listed"
        current = read_number(number, count_pages(len(found), PART))
    except InputError as problem:
        error, found = sentence(str(problem)), found if field == "listed" else []
    given = [*(("body", one) for one in bodies), *(("kind", one) for one in kinds), ("year", year)]
    order = [("sort", sort if sort in SORTS and sort != "newest" else None)]
    return Listing(
        shown=tuple(map(Listed.of, part_of(found, current, PART))),
        first=(current - 1) * PART + 1,
        found=len(found),
        total=len(catalogue.documents),
        facets=facets(
            catalogue.documents, bodies=bodies, kinds=kinds, published_from=first_day, published_to=last_day
        ),
        chips=tuple(
            Link(value, address("/documents", [*given[:place], *given[place + 1 :], *order]))
            for place, (_, value) in enumerate(given)
            if value
        ),
        sort=sort,
        sorts=tuple(SORTS.items()),
        parts=paging("/documents", [*given, *order], current, count_pages(len(found), PART)),
        error=error,
        error_field=field,
    )


def _days(year: str) -> tuple[date | None, date | None]:
    """Give the first and last day of a year."""
    if not year:
        return None, None
    if len(year) != len("2018") or not year.isdecimal():
        raise InputError("Enter a year as four digits, such as 2018")
    return query.parse_day(year), query.parse_day(year, last=True)


def _fitting(
    catalogue: Catalogue, bodies: tuple[str, ...], kinds: tuple[str, ...], first: date | None, last: date | None
) -> list[Document]:
    asked = query.Query(ANY, bodies=bodies, kinds=kinds, published_from=first, published_to=last)
    known = {document.metadata.kind for document in catalogue.documents if document.metadata.kind}
    fits = catalogue.fitting(query.resolve(asked, catalogue.numbers, known))
    return [document for document, does_fit in zip(catalogue.documents, fits, strict=True) if does_fit]


def _sorted(documents: Sequence[Document], sort: str) -> list[Document]:
    """Put documents in order; what is unknown comes last, and of those alike the newest first."""
    newest = sorted(documents, key=lambda one: one.metadata.published or date.min, reverse=True)
    if sort == "newest":
        return newest
    if sort == "title":
        return sorted(newest, key=lambda one: title_of(one).casefold())
    if sort == "body":
        return sorted(newest, key=lambda one: (one.metadata.body is None, (one.metadata.body or "").casefold()))
    raise InputError(f"Choose one of the orders in the list: {', '.join(SORTS.values())}")


# --- one document


def _shown(  # noqa: PLR0917 - what the page is asked for
    reader: Reader, catalogue: Catalogue, doc_id: str, question: str, number: str, searcher: Searcher
) -> Shown:
    found = reader.document(doc_id)
    path = document_address(found)
    inside, current, errors = None, 1, {}
    count = count_pages(found.pages, PAGES_PART)
    try:
        current = read_number(number, count)
    except InputError as problem:
        errors["pages"] = sentence(str(problem))
    if question.strip():
        try:
            pages = [(each, reader.page_text(doc_id, each)) for each in range(1, found.pages + 1)]
            inside = _inside(question, find_inside(question, pages), path)
        except InputError as problem:
            errors["q"] = sentence(str(problem))
    body = found.metadata.body
    same = {name for name in catalogue.numbers if body and body_key(name) == body_key(body)}
    siblings = [one for one in catalogue.documents if one.metadata.body in same and one.doc_id != doc_id]
    is_kept = original(searcher.store.folder, found.sha256).is_file()
    return Shown(
        document=found,
        title=title_of(found),
        facts=facts_of(found),
        file=file_facts(found),
        download=f"/v1{path}/file" if is_kept else None,
        question=question,
        inside=inside,
        passed=tuple(_passed(reader, found, part_of(range(1, found.pages + 1), current, PAGES_PART))),
        parts=paging(path, [("q", question)], current, count),
        siblings=tuple(map(Listed.of, _sorted(siblings, "newest")[:MOST_SIBLINGS])),
        more_siblings=address("/documents", [("body", body)]) if len(siblings) > MOST_SIBLINGS else None,
        error="; ".join(errors.values()) or None,
        error_field=next(iter(errors), ""),
    )


def _inside(question: str, found: Sequence[PageFound], path: str) -> Inside:
    """List what was found; a page that is opened with the question marks its words by itself."""
    pages = tuple(
        FoundPage(one.page, address(f"{path}/pages/{one.page}", [("q", question)]), len(one.places), one.snippets)
        for one in found
    )
    total = sum(one.count for one in pages)
    return Inside(question, total, len(pages), pages[:MOST_FOUND], pages[MOST_FOUND:])


def _passed(reader: Reader, document: Document, numbers: Sequence[int]) -> Iterator[Passed]:
    for number in numbers:
        found = blocks(*reader.page(document.doc_id, number), ())
        words = " ".join(" ".join(block.text for block in found if not block.kind)[: OPENING * 3].split())
        opening = words if len(words) <= OPENING else f"{words[:OPENING].rsplit(' ', 1)[0]}…"
        yield Passed(number, f"{document_address(document)}/pages/{number}", opening)
