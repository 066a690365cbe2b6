"""The HTTP endpoints that change the index: uploads, deletions, syncs, and the jobs that these are.

All but the jobs themselves are answered with "accepted": the change is there once its job is done.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.datastructures import FormData
from fastapi.responses import StreamingResponse

from indexer.errors import IndexMissingError, InputError, NotFoundError, UnusableIndexError
from indexer.settings import Settings
from service.jobs import KEPT, Job
from service.keeper import Keeper
from service.limits import at_most
from service.schemas import DeletionResponse, JobResponse, JobsResponse, UploadedOut, UploadResponse
from service.search import Searcher
from service.signs import safe_json
from service.uploads import FIELDS, MOST_FILES, SUFFIXES, Upload, Uploaded, receive, remove

BESIDE_FILES = 1_000_000  # bytes that the rest of an upload may have
LOOK_S = 0.1  # between two looks at a job
ALIVE_S = 15.0  # after which a stream without news says that it is there
WAITS = 0.8  # share of the time for an answer that a deletion waits for its sync
LONGEST_FIELD = 10_000  # bytes
TRUE = {"": False, "false": False, "true": True}

# What FastAPI would make of parameters, which it reads before it knows whether the client may send anything at all.
UPLOAD_FORM: Mapping[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "maxItems": MOST_FILES,
                            "items": {"type": "string", "format": "binary"},
                            "description": f"the files, each ending in {', '.join(SUFFIXES)}",
                        },
                        "replace": {
                            "type": "boolean",
                            "default": False,
                            "description": "put them in the place of others of their names",
                        },
                        **{field: {"type": "string", "description": "of the only file"} for field in FIELDS},
                    },
                }
            }
        },
    }
}


class EventStream(StreamingResponse):
    """Server-Sent Events."""

    media_type = "text/event-stream"


class NotOfferedError(NotFoundError):
    """The service was started without the right to write."""


router = APIRouter()


async def _keeper(request: Request) -> Keeper:
    keeper: Keeper | None = request.app.state.keeper
    if keeper is None:
        raise NotOfferedError("this service was started without the right to write; start it anew with it")
    return keeper


Keeping = Annotated[Keeper, Depends(_keeper)]


@router.post(
    "/v1/documents",
    summary="Upload documents",
    status_code=202,
    response_model=UploadResponse,
    openapi_extra=dict(UPLOAD_FORM),
)
async def upload(request: Request, response: Response, keeper: Keeping) -> UploadResponse:
    """Keep files, with metadata for a single one, and ask for the sync that indexes them.

    The same file again changes nothing; another one of its name is refused, unless `replace` is true.
    """
    uploaded, job = await take(request, keeper)
    response.headers["location"] = place(job)
    return UploadResponse(
        documents=tuple(UploadedOut(doc_id=one.doc_id, name=one.name) for one in uploaded), job=JobResponse.of(job)
    )


async def take(request: Request, keeper: Keeper) -> tuple[tuple[Uploaded, ...], Job]:
    """Keep the files of a form, with what it states, and ask for a sync.

    Raises what `uploads.receive` does, and the errors of `service.limits` for a form that is too long or too slow.
    """
    async with sent_form(request, keeper.settings) as form:
        uploaded = await run_in_threadpool(_receive, form, keeper.settings)
    return uploaded, await run_in_threadpool(keeper.request_sync)


@asynccontextmanager
async def sent_form(request: Request, settings: Settings) -> AsyncIterator[FormData]:
    """Take in a form with files, which are put down while they come. Raises the errors of `service.limits`."""
    limited = at_most(request.receive, settings.max_file_mb * 1_000_000 + BESIDE_FILES, request.scope)
    coming = Request(request.scope, limited).form(
        max_files=MOST_FILES + 1, max_fields=len(FIELDS) + 1, max_part_size=LONGEST_FIELD
    )
    try:
        async with coming as form:
            yield form
    except OSError as error:
        raise UnusableIndexError(f"the upload cannot be put down ({error.strerror}); try again later") from error


def _receive(form: FormData, settings: Settings) -> tuple[Uploaded, ...]:
    files, fields = [], {}
    for name, part in form.multi_items():
        if isinstance(part, str):
            if name in fields:
                raise InputError(f"`{name}` was sent twice; send it once")
            fields[name] = part
        elif name == "file":
            if not (part.filename or part.size):  # what a browser sends where no file was chosen
                continue
            files.append(Upload(part.filename or "", part.file))
        else:
            raise InputError(f"a file was sent as `{name[:40]}`; send each as `file`")
    given = fields.pop("replace", "").strip().lower()
    if given not in TRUE:
        raise InputError("`replace` is neither true nor false")
    return receive(settings, files, fields, replace=TRUE[given])


@router.delete("/v1/documents/{doc_id}", summary="Delete an uploaded document", status_code=202)
async def delete(doc_id: str, request: Request, response: Response, keeper: Keeping) -> DeletionResponse:
    """Delete the file of an uploaded document and ask for the sync that removes the document; wait for it a little.

    Once the job is done the document answers no more. Documents of other folders are removed there.
    """
    searcher: Searcher = request.app.state.searcher
    job = await run_in_threadpool(take_away, doc_id, searcher, keeper)
    response.headers["location"] = place(job)
    end = monotonic() + WAITS * keeper.settings.limits.answer_s
    while not job.is_finished and not keeper.is_closed and monotonic() < end:
        await asyncio.sleep(LOOK_S)
        job = keeper.jobs.get(job.id)
    return DeletionResponse(job=JobResponse.of(job))


def take_away(doc_id: str, searcher: Searcher, keeper: Keeper) -> Job:
    """Delete the file of an uploaded document and ask for a sync. Raises what `uploads.remove` does."""
    try:
        with searcher.store.reading() as reader:
            remove(keeper.settings, doc_id, reader)
    except IndexMissingError:
        remove(keeper.settings, doc_id, None)
    return keeper.request_sync()


@router.post("/v1/sync", summary="Sync the index", status_code=202)
def sync(response: Response, keeper: Keeping) -> JobResponse:
    """Ask for a sync, which makes the index equal to its sources; one that has not begun yet is given again."""
    job = keeper.request_sync()
    response.headers["location"] = place(job)
    return JobResponse.of(job)


@router.get("/v1/jobs", summary="List the jobs")
def jobs(keeper: Keeping, limit: Annotated[int, Query(ge=1, le=KEPT)] = 20) -> JobsResponse:
    """List the last jobs, newest first, without their reports."""
    return JobsResponse(jobs=tuple(JobResponse.of(job, report=False) for job in keeper.jobs.recent(limit)))


@router.get("/v1/jobs/{job_id}", summary="Show a job")
def job(job_id: str, keeper: Keeping) -> JobResponse:
    """Tell how far a job is, and once it has ended what it did."""
    return JobResponse.of(keeper.jobs.get(job_id))


@router.get("/v1/jobs/{job_id}/events", summary="Follow a job", response_class=EventStream)
async def events(job_id: str, keeper: Keeping) -> EventStream:
    """Tell how far a job is as it goes on: events `progress`, and `done` at its end, each with the job as data."""
    keeper.jobs.get(job_id)
    return EventStream(_events(job_id, keeper), headers={"x-accel-buffering": "no"})


async def _events(job_id: str, keeper: Keeper) -> AsyncIterator[str]:
    told, told_at = None, monotonic()
    while True:
        try:
            job = keeper.jobs.get(job_id)
        except NotFoundError:  # removed, so that nobody waits for it
            return
        if job != told:
            event = "done" if job.is_finished else "progress"
            yield f"event: {event}\ndata: {safe_json(JobResponse.of(job).model_dump_json())}\n\n"
            told, told_at = job, monotonic()
        elif monotonic() - told_at > ALIVE_S:
            yield ": no news\n\n"
            told_at = monotonic()
        if job.is_finished or keeper.is_closed:
            return
        await asyncio.sleep(LOOK_S)


def place(job: Job) -> str:
    """Give the address that tells of a job."""
    return f"/v1/jobs/{job.id}"
