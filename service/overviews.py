"""The HTTP endpoints on what reports say over time: counts, threads and grades."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from indexer.collection import Reader
from service import query
from service.candidates import Generation
from service.counting import count
from service.followup import track
from service.ledger import Ledger, ledger, to_csv
from service.routes import Call, Called, tagged, written
from service.schemas import (
    CountRequest,
    CountResponse,
    GradesRequest,
    GradesResponse,
    MatterRequest,
    RecommendationsRequest,
    RecommendationsResponse,
    ThreadResponse,
)
from service.threads import thread

router = APIRouter()
R = TypeVar("R", bound=BaseModel)


@router.get("/v1/count", summary="Count the reports that raise a matter", response_model=CountResponse)
def count_by_query_string(request: Annotated[CountRequest, Query()], call: Call) -> Response:
    """Look through every sentence of every report that the filters let through, and quote one of each that counts."""
    asked = request.checked()

    def work(reader: Reader, generation: Generation) -> CountResponse:
        return CountResponse.of(count(call.searcher, reader, generation, asked, latest=request.latest))

    return _answered(call, asked, work)


@router.get("/v1/thread", summary="Follow a matter over time", response_model=ThreadResponse)
def thread_by_query_string(request: Annotated[MatterRequest, Query()], call: Call) -> Response:
    """Give what each inspection of a body said of a matter, the oldest first."""
    asked = request.checked()

    def work(reader: Reader, generation: Generation) -> ThreadResponse:
        return ThreadResponse.of(thread(call.searcher, reader, generation, asked))

    return _answered(call, asked, work)


@router.get("/v1/grades", summary="Give the judgement ledger", response_model=GradesResponse)
def grades(request: Annotated[GradesRequest, Query()], call: Call) -> Response:
    """Give the grades that inspections gave, each with the words and the page that say so, or why there is none."""
    found, headers = _ledger(request, call)
    return written(GradesResponse.of(found), headers)


@router.get(
    "/v1/grades.csv",
    summary="Give the judgement ledger as a table",
    response_class=Response,
    responses={200: {"description": "One grade a row", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def grades_as_csv(request: Annotated[GradesRequest, Query()], call: Call) -> Response:
    """Give the same for spreadsheets (RFC 4180), in UTF-8; a cell that one would run as a formula begins with '."""
    found, headers = _ledger(request, call)
    headers["content-disposition"] = 'attachment; filename="grades.csv"'
    return Response(to_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/v1/recommendations", summary="Follow what reports recommended", response_model=RecommendationsResponse)
def recommendations(request: Annotated[RecommendationsRequest, Query()], call: Call) -> Response:
    """Give what the reports on a body want improved, and what the later ones say of it."""
    asked = request.checked()

    def work(reader: Reader, generation: Generation) -> RecommendationsResponse:
        return RecommendationsResponse.of(track(call.searcher.encoder, reader, generation, asked))

    return _answered(call, asked, work)


def _ledger(request: GradesRequest, call: Called) -> tuple[Ledger, dict[str, str]]:
    asked = request.checked()
    call.check_known()
    found = call.searcher.of_one_generation(lambda reader, generation: ledger(reader, generation, asked), asked.as_of)
    return found, tagged(call.tagger.tag(found.version, alike=True))


def _answered(call: Called, asked: query.Query, work: Callable[[Reader, Generation], R]) -> Response:
    call.seen.question = asked.text
    call.check_known()

    def of_version(reader: Reader, generation: Generation) -> tuple[R, str]:
        return work(reader, generation), call.tagger.tag(reader.version, alike=True)

    found, tag = call.searcher.of_one_generation(of_version, asked.as_of)
    return written(found, tagged(tag))
