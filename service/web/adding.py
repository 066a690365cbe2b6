"""The pages of those who add documents: signing in, uploading, and what becomes of that."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.datastructures import FormData
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from indexer.database import UPLOADS
from indexer.errors import IndexMissingError, InputError
from indexer.records import Document, Refused
from indexer.sync import Report
from service.access import ACCESS, Access, UnauthorizedError
from service.jobs import Job, State
from service.keeper import Keeper
from service.search import Searcher
from service.uploads import FIELDS, LONGEST_VALUE, MOST_FILES, SUFFIXES, ConflictError, Upload, receive
from service.web.site import page
from service.writes import Keeping, sent_form, take_away

MOST_SHOWN = 100  # documents of each list of a report
RECENT = 5  # jobs that are listed
LONGEST_NEXT = 2000  # characters
SEE_OTHER = 303  # the answer to a form that was used: go and look there

# What each field of the metadata is called, and what may stand in it.
LABELS: Mapping[str, tuple[str, str]] = {
    "title": ("Title", ""),
    "body": ("Body", "The council, trust or other body that the report is about."),
    "published": ("Day of publication", "For example, 2018-05-22 or 22 May 2018."),
    "kind": ("Kind", "For example, inspection or focused visit."),
    "publisher": ("Publisher", ""),
    "source": ("Address it was published at", "For example, https://example.org/report.pdf."),
    "licence": ("Licence", ""),
}
STATES: Mapping[State, str] = {
    State.QUEUED: "Waiting to begin",
    State.RUNNING: "Under way",
    State.DONE: "Done",
    State.FAILED: "Failed",
    State.INTERRUPTED: "Interrupted",
}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Deleting:
    """What the page shows that asks whether a document is to be deleted."""

    document: Document
    is_upload: bool


@dataclass(frozen=True, slots=True)
class SigningIn:
    """What the page for signing in shows."""

    next: str  # address to go to then
    problem: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the metadata, as it was filled in."""

    name: str
    label: str
    hint: str
    value: str


@dataclass(frozen=True, slots=True)
class Recent:
    """A job in a list."""

    id: str
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Uploading:
    """What the page for uploading shows."""

    fields: tuple[Field, ...]
    longest: int  # characters of a field
    replace: bool
    suffixes: tuple[str, ...]
    most_files: int
    most_mb: int
    sources: tuple[str, ...]  # folders that the index is made of beside the uploads
    recent: tuple[Recent, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A document of a report; where the index has it now, its id."""

    path: str
    doc_id: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Documents that were changed in one way."""

    said: str
    count: int
    listed: tuple[Listed, ...]  # the first ones


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a job shows."""

    id: str
    said: str
    is_finished: bool
    files: int
    files_total: int
    encoded: int
    error: str | None
    changes: tuple[Changes, ...]
    unchanged: int
    refused: tuple[Refused, ...]
    refused_more: int
    has_report: bool


# --- signing in


@router.get("/sign-in")
def show_sign_in(request: Request, next: str = "") -> HTMLResponse:  # noqa: A002 - the name in the address
    """Ask for the key."""
    return page(request, "sign_in.html", SigningIn(local(next), None), "Sign in")


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session, or say that the key is wrong. Raises TooManyError, KeysError."""
    async with request.form(max_files=0, max_fields=10) as form:
        key, following = _text(form, "key"), local(_text(form, "next"))
    access: Access = request.scope[ACCESS]
    try:
        cookie = access.sign_in(request.scope, key)
    except UnauthorizedError:
        problem = "This is not a key of this service" if key.strip() else "Enter your key"
        return page(request, "sign_in.html", SigningIn(following, problem), "Error: Sign in")
    return RedirectResponse(following or "/", SEE_OTHER, {"set-cookie": cookie})


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    access: Access = request.scope[ACCESS]
    return RedirectResponse("/", SEE_OTHER, {"set-cookie": access.sign_out()})


def local(address: str) -> str:
    """Give an address if it is one of our own pages, else nothing: nobody is sent elsewhere from here."""
    return address if len(address) <= LONGEST_NEXT and _LOCAL.fullmatch(address) else ""


# Browsers take a backslash for a slash, leave out tabs and line ends, and two slashes begin another host.
_LOCAL = re.compile(r"/(?!/)[!-\[\]-~]*")


# --- uploading


@router.get("/upload")
def show_upload(request: Request, keeper: Keeping) -> HTMLResponse:
    """Show the form."""
    return _upload_page(request, keeper, {}, None)


@router.post("/upload")
async def upload(request: Request, keeper: Keeping) -> Response:
    """Keep the files and show the sync that indexes them, or say what is wrong. Raises BodyTooLargeError."""
    async with sent_form(request, keeper.settings) as form:
        problem = await run_in_threadpool(_received, form, keeper)
    if problem:
        filled_in = {name: _text(form, name) for name in (*FIELDS, "replace")}
        return await run_in_threadpool(_upload_page, request, keeper, filled_in, problem)
    return await _to_new_job(keeper)


@router.post("/sync")
async def sync(keeper: Keeping) -> Response:
    """Bring the index up to date, and show how far that is."""
    return await _to_new_job(keeper)


def _received(form: FormData, keeper: Keeper) -> str | None:
    """Keep what came; give what is wrong with it."""
    parts = [part for _, part in form.multi_items() if not isinstance(part, str) and part.filename]
    if not parts:
        return "Choose one or more files"
    uploads = [Upload(part.filename or "", part.file) for part in parts]
    stated = {name: _text(form, name) for name in FIELDS}
    try:
        receive(keeper.settings, uploads, stated, replace=bool(_text(form, "replace")))
    except ConflictError as error:  # whose remedy is for programs
        return f"{str(error).partition(';')[0]}; tick “Replace files of the same names” to put yours in its place"
    except InputError as error:
        return str(error)
    return None


async def _to_new_job(keeper: Keeper) -> Response:
    job = await run_in_threadpool(keeper.request_sync)
    return RedirectResponse(f"/jobs/{job.id}", SEE_OTHER)


def _upload_page(request: Request, keeper: Keeper, filled_in: Mapping[str, str], problem: str | None) -> HTMLResponse:
    content = Uploading(
        fields=tuple(Field(name, *LABELS[name], filled_in.get(name, "")[:LONGEST_VALUE]) for name in LABELS),
        longest=LONGEST_VALUE,
        replace=bool(filled_in.get("replace")),
        suffixes=tuple(SUFFIXES),
        most_files=MOST_FILES,
        most_mb=keeper.settings.max_file_mb,
        sources=tuple(str(source) for source in keeper.sources),
        recent=tuple(Recent(job.id, STATES[job.state], job.created_at) for job in keeper.jobs.recent(RECENT)),
        problem=problem,
    )
    return page(request, "upload.html", content, "Error: Add documents" if problem else "Add documents", "upload")


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


# --- deleting


@router.get("/documents/{doc_id}/delete")
def show_deletion(request: Request, doc_id: str) -> HTMLResponse:
    """Ask whether it is meant. Raises NotFoundError."""
    searcher: Searcher = request.app.state.searcher
    with searcher.store.reading() as reader:
        document = reader.document(doc_id)
        content = Deleting(document, document.root == UPLOADS)
        return page(request, "delete.html", content, "Delete a document", "documents", reader)


@router.post("/documents/{doc_id}/delete")
def delete(request: Request, doc_id: str, keeper: Keeping) -> Response:
    """Delete it, and show the sync that removes it from the index. Raises NotFoundError, ConflictError."""
    job = take_away(doc_id, request.app.state.searcher, keeper)
    return RedirectResponse(f"/jobs/{job.id}", SEE_OTHER)


# --- what becomes of it


@router.get("/jobs/{job_id}")
def show_job(request: Request, job_id: str, keeper: Keeping) -> HTMLResponse:
    """Show how far a job is, and once it has ended what it did. Raises NotFoundError."""
    job = keeper.jobs.get(job_id)
    searcher: Searcher = request.app.state.searcher
    ids: dict[str, str] = {}
    if job.report:
        try:
            with searcher.store.reading() as reader:
                ids = {document.path: document.doc_id for document in reader.documents()}
        except IndexMissingError:  # as long as nothing was ever indexed
            pass
    return page(request, "job.html", _shown(job, ids), _said(job), "upload")


def _shown(job: Job, ids: Mapping[str, str]) -> Shown:
    report, progress = job.report, job.progress
    refused = report.refused if report else ()
    return Shown(
        id=job.id,
        said=_said(job),
        is_finished=job.is_finished,
        files=progress.files if progress else 0,
        files_total=progress.files_total if progress else 0,
        encoded=progress.encoded if progress else 0,
        error=job.error,
        changes=_changes(report, ids) if report else (),
        unchanged=report.unchanged if report else 0,
        refused=refused[:MOST_SHOWN],
        refused_more=max(0, len(refused) - MOST_SHOWN),
        has_report=report is not None,
    )


def _changes(report: Report, ids: Mapping[str, str]) -> tuple[Changes, ...]:
    def changes(said: str, paths: Sequence[str]) -> Changes:
        return Changes(said, len(paths), tuple(Listed(path, ids.get(path)) for path in paths[:MOST_SHOWN]))

    found = [
        changes("Added", report.added),
        changes("Updated", report.updated),
        changes("Removed", report.removed),
    ]
    return tuple(one for one in found if one.count)


def _said(job: Job) -> str:
    """Tell in a line how a job is."""
    match job.state:
        case State.QUEUED:
            return "Waiting to begin"
        case State.RUNNING:
            return "Bringing the index up to date"
        case State.DONE:
            return "The index is up to date"
        case State.FAILED:
            return "The index could not be brought up to date"
        case State.INTERRUPTED:
            return "This was interrupted; the index is as it was"
