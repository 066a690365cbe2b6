"""Errors."""

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None = Field(None, description="as in the header X-Request-ID and in the log")
    errors: list[dict[str, str]] | None = None
