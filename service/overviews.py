"""The HTTP endpoints on what reports say over time: counts, threads, grades, recommendations and the press."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from indexer.records import Version
from service.ledger import to_csv
from service.routes import Call, Called, tagged, written
from service.schemas import (
    CountRequest,
    CountResponse,
    GradesRequest,
    GradesResponse,
    MatterRequest,
    PressResponse,
    RecommendationsRequest,
    RecommendationsResponse,
    ThreadResponse,
)
from service.surveys import checked, counted, followed, graded, tracked

router = APIRouter()


@router.get("/v1/count", summary="Count the reports that raise a matter", response_model=CountResponse)
def count(request: Annotated[CountRequest, Query()], call: Call) -> Response:
    """Look through every sentence of every report that the filters let through, and quote one of each that counts."""
    _begin(call, request.q)
    found = counted(request, call.searcher)
    return written(CountResponse.of(found), _headers(call, found.version))


@router.get("/v1/thread", summary="Follow a matter over time", response_model=ThreadResponse)
def thread(request: Annotated[MatterRequest, Query()], call: Call) -> Response:
    """Give what each inspection of a body said of a matter, the oldest first."""
    _begin(call, request.q)
    found = followed(request, call.searcher)
    return written(ThreadResponse.of(found), _headers(call, found.version))


@router.get("/v1/grades", summary="Give the judgement ledger", response_model=GradesResponse)
def grades(request: Annotated[GradesRequest, Query()], call: Call) -> Response:
    """Give the grades that inspections gave, each with the words and the page that say so, or why there is none."""
    _begin(call)
    found = graded(request, call.searcher)
    return written(GradesResponse.of(found), _headers(call, found.version))


@router.get(
    "/v1/grades.csv",
    summary="Give the judgement ledger as a table",
    response_class=Response,
    responses={200: {"description": "One grade a row", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def grades_as_csv(request: Annotated[GradesRequest, Query()], call: Call) -> Response:
    """Give the same for spreadsheets (RFC 4180), in UTF-8; a cell that one would run as a formula begins with '."""
    _begin(call)
    found = graded(request, call.searcher)
    headers = {**_headers(call, found.version), "content-disposition": 'attachment; filename="grades.csv"'}
    return Response(to_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/v1/recommendations", summary="Follow what reports recommended", response_model=RecommendationsResponse)
def recommendations(request: Annotated[RecommendationsRequest, Query()], call: Call) -> Response:
    """Give what the reports on a body want improved, and what the later ones say of it."""
    _begin(call)
    found = tracked(request, call.searcher)
    return written(RecommendationsResponse.of(found), _headers(call, found.version))


@router.get("/v1/press/{doc_id}", summary="Check a story against the reports", response_model=PressResponse)
def press(doc_id: str, call: Call) -> Response:
    """Check each claim of a news story against the reports alone: supported, altered, not covered, later changed."""
    _begin(call)
    found = checked(doc_id, call.searcher)
    return written(PressResponse.of(found), _headers(call, found.version))


def _begin(call: Called, question: str | None = None) -> None:
    if question is not None:
        call.seen.question = question
    call.check_known()


def _headers(call: Called, version: Version) -> dict[str, str]:
    return tagged(call.tagger.tag(version, alike=True))
