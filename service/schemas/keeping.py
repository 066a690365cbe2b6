"""Uploads, deletions, and the jobs that these are."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from indexer.sync import Report
from service.jobs import Job, State


class ProgressOut(BaseModel):
    """How far a sync is."""

    files: int = Field(description="that were looked at")
    files_total: int
    encoded: int = Field(description="passages")


class JobResponse(BaseModel):
    """A sync that was asked for, and what became of it."""

    id: str
    kind: str
    state: State
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: ProgressOut | None
    report: Report | None = Field(description="what it did, once it is done; null in a list")
    error: str | None = Field(description="why it failed")

    @classmethod
    def of(cls, job: Job, *, report: bool = True) -> Self:
        """Write a job, without its report where that is not wanted."""
        return cls(
            id=job.id,
            kind=job.kind,
            state=job.state,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            progress=job.progress and ProgressOut.model_validate(job.progress, from_attributes=True),
            report=job.report if report else None,
            error=job.error,
        )


class JobsResponse(BaseModel):
    """The last jobs, newest first, without their reports."""

    jobs: tuple[JobResponse, ...]


class UploadedOut(BaseModel):
    """A file that was kept."""

    doc_id: str = Field(description="of the document that the sync makes of it")
    name: str


class UploadResponse(BaseModel):
    """What was kept, and the sync that indexes it."""

    documents: tuple[UploadedOut, ...]
    job: JobResponse


class DeletionResponse(BaseModel):
    """The sync that removes a document; once it is done, the document answers no more."""

    job: JobResponse
