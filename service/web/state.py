"""The pages that tell how the service stands, and how to use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from indexer.collection import Engine
from indexer.doctor import Diagnosis, examine
from indexer.embedded import Embedded
from indexer.encoder import Fingerprint
from indexer.errors import ModelError, Refusal
from indexer.originals import ORIGINALS
from indexer.records import Approximation, Counts, Document, Refused
from indexer.settings import Limits
from service.access import CALLER, Caller
from service.citation import title_of
from service.facets import Choice, facets
from service.query import LONGEST_QUERY
from service.search import Searcher
from service.verification import LONGEST_QUOTE
from service.web.facts import document_address
from service.web.hits import WORDS, Link
from service.web.site import address, page

router = APIRouter()

# That are looked at within a request: 21,000 took 4.5 s on two cores, and an answer may take 10 s.
MOST_CHECKED = 25_000
MOST_FILES = 100  # refused, and of those without text, that are shown

REMEDIES = {
    Refusal.EMPTY: "Check that the file is complete, and get it again.",
    Refusal.ENCRYPTED: "Save a copy of it without a password.",
    Refusal.NEEDS_OCR: "Run text recognition (OCR) over it, and put the result in its place.",
    Refusal.ERROR_PAGE: "Download the document itself again.",
    Refusal.ENCODING: "Save it as UTF-8.",
    Refusal.UNSUPPORTED: "Save it as PDF, HTML, DOCX, Markdown or plain text.",
    Refusal.DAMAGED: "Get the file again, or save it anew with the program that made it.",
    Refusal.TOO_LARGE: "Cut it into parts, or raise the setting max_file_mb.",
    Refusal.RESOURCES: "Cut it into parts, or raise the settings parse_memory_mb, parse_cpu_s and parse_wall_s.",
    Refusal.CRASHED: "Save it anew with another program.",
    Refusal.UNREADABLE: "Let the account that Citewell runs under read it.",
    Refusal.VANISHED: "Put it back if it should be there, and bring the index up to date.",
    Refusal.CHANGED: "Bring the index up to date when nobody writes to it.",
    Refusal.METADATA: "Correct what is stated about it.",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """A value and how many documents have it."""

    link: Link
    count: int


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is not in the index, and what to do about it."""

    refused: Refused
    remedy: str


@dataclass(frozen=True, slots=True)
class WithoutText:
    """A document some of whose pages are pictures without text."""

    link: Link
    pages: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class State:
    """How the service stands."""

    generation: int
    finished_at: datetime | None
    counts: Counts
    bodies: tuple[Counted, ...]
    kinds: tuple[Counted, ...]
    refused: tuple[RefusedFile, ...]
    more_refused: int
    without_text: tuple[WithoutText, ...]
    more_without_text: int
    encoder: Fingerprint | None
    engine: Engine
    approximation: Approximation | None
    limits: tuple[tuple[str, str], ...]
    diagnosis: Diagnosis | None
    can_check: bool  # an index in a folder; others look after their own files
    is_too_large: bool  # to be checked within a request
    has_refused_check: bool  # somebody asked for it who may not


@dataclass(frozen=True, slots=True)
class Guide:
    """The figures that the help page names."""

    longest_query: int
    longest_quote: int
    chances: tuple[tuple[int, str], ...]  # least chance of 100, and the word for it


@router.get("/status")
def status(request: Request, check: str = "") -> HTMLResponse:
    """Tell what is indexed, what is not, and how it is searched; with `check`, look at every row and file."""
    searcher: Searcher = request.app.state.searcher
    caller: Caller = request.scope[CALLER]
    with searcher.opened() as (reader, generation):
        is_too_large = reader.passage_count > MOST_CHECKED
        can_check = isinstance(searcher.store, Embedded)
        may_check = caller.may_write and can_check
        diagnosis = _diagnosis(searcher) if check and may_check and not is_too_large else None
        documents = generation.catalogue.documents
        values = facets(documents)
        refused = reader.refusals()
        without_text = [document for document in documents if document.needs_ocr]
        state = State(
            generation=reader.version.generation,
            finished_at=reader.finished_at,
            counts=reader.counts(),
            bodies=_counted("body", values.bodies, len(documents)),
            kinds=_counted("kind", values.kinds, len(documents)),
            refused=tuple(RefusedFile(one, REMEDIES[one.code]) for one in refused[:MOST_FILES]),
            more_refused=max(0, len(refused) - MOST_FILES),
            without_text=tuple(map(_without_text, without_text[:MOST_FILES])),
            more_without_text=max(0, len(without_text) - MOST_FILES),
            encoder=Fingerprint.from_json(reader.fingerprint) if reader.fingerprint else None,
            engine=searcher.store.engine,
            approximation=generation.arms.approximation,
            limits=_limits(request.app.state.limits),
            diagnosis=diagnosis,
            can_check=can_check,
            is_too_large=is_too_large,
            has_refused_check=bool(check) and not caller.may_write,
        )
        return page(request, "status.html", state, "Status", "status", reader)


@router.get("/help")
def manual(request: Request) -> HTMLResponse:
    """Tell how to ask, and what is said by what is shown."""
    guide = Guide(LONGEST_QUERY, LONGEST_QUOTE, tuple((round(least * 100), word) for least, word in WORDS))
    return page(request, "help.html", guide, "Help")


def _counted(name: str, choices: Sequence[Choice], among: int) -> tuple[Counted, ...]:
    """Give how many documents have each value, and last how many have none that is known."""
    known = [Counted(Link(one.value, address("/documents", [(name, one.value)])), one.count) for one in choices]
    unknown = among - sum(one.count for one in choices)
    return (*known, Counted(Link("Not known", ""), unknown)) if unknown else tuple(known)


def _without_text(document: Document) -> WithoutText:
    path = document_address(document)
    pages = tuple(Link(str(number), f"{path}/pages/{number}") for number in document.needs_ocr)
    return WithoutText(Link(title_of(document), path), pages)


def _limits(limits: Limits) -> tuple[tuple[str, str], ...]:
    """Give what each limit is of, and its value."""
    described = Limits.model_fields
    return tuple((described[name].description or name, f"{value:,g}") for name, value in limits.model_dump().items())


def _diagnosis(searcher: Searcher) -> Diagnosis:
    """Look at everything in the folder of the index; nothing is changed."""
    try:
        fingerprint: Fingerprint | None = searcher.encoder.fingerprint
    except ModelError:
        fingerprint = None
    folder = searcher.store.folder
    return examine(folder, fingerprint=fingerprint, originals=(folder / ORIGINALS).is_dir())
