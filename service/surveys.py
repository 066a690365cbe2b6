"""Surveys of reports as they are asked for, by HTTP, by command and by assistants alike."""

from service.counting import Count, count
from service.followup import Tracked, track
from service.ledger import Ledger, ledger
from service.press import PressCheck, check_press
from service.schemas import CountRequest, GradesRequest, MatterRequest, RecommendationsRequest
from service.search import Searcher
from service.threads import Thread, thread


def counted(request: CountRequest, searcher: Searcher) -> Count:
    """Count the reports that raise a matter. Raises InputError, UnusableIndexError; so do the others."""
    query = request.checked()
    return searcher.of_one_generation(
        lambda reader, generation: count(searcher, reader, generation, query, latest=request.latest), query.as_of
    )


def followed(request: MatterRequest, searcher: Searcher) -> Thread:
    """Follow a matter through all inspections of a body."""
    query = request.checked()
    return searcher.of_one_generation(
        lambda reader, generation: thread(searcher, reader, generation, query), query.as_of
    )


def graded(request: GradesRequest, searcher: Searcher) -> Ledger:
    """Give the grades that inspections gave."""
    query = request.checked()
    return searcher.of_one_generation(lambda reader, generation: ledger(reader, generation, query), query.as_of)


def tracked(request: RecommendationsRequest, searcher: Searcher) -> Tracked:
    """Give what the reports on a body want improved, and what became of it."""
    query = request.checked()
    return searcher.of_one_generation(
        lambda reader, generation: track(searcher.encoder, reader, generation, query), query.as_of
    )


def checked(name: str, searcher: Searcher) -> PressCheck:
    """Check what a document claims, by its id, path or end of a path. Raises NotFoundError as well."""
    return searcher.of_one_generation(
        lambda reader, generation: check_press(reader, generation, reader.find(name)),
    )
