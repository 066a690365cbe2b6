"""Commands on what reports say over time: `count`, `thread`, `grades`, `recommendations` and `press`."""

from typing import Annotated

import typer

from service.cli.command import (
    EXIT_CODES,
    FOUND,
    NOT_FOUND,
    Index,
    Json,
    app,
    load_encoder,
    load_settings,
    open_searcher,
    print_json,
    standard_input,
)
from service.cli.find import AsOf, Body, From, InArea, OfGrade, OfKind, To, filters_of

Matter = Annotated[
    str,
    typer.Argument(
        help='Words that a sentence must have, in any inflection, with "or" between alternatives; or a question such '
        'as "How many of the latest reports mention caseloads?"; `-` reads it from standard input.'
    ),
]


@app.command("count", epilog=EXIT_CODES)
def count_reports(
    matter: Matter,
    latest: Annotated[bool, typer.Option("--latest", help="Only the latest report on each body.")] = False,
    body: Body = None,
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    kind: OfKind = None,
    grade: OfGrade = None,
    area: InArea = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Count the reports that raise a matter, by looking through every sentence of each, with a quote from each."""
    settings = load_settings(index)
    encoder = load_encoder(settings)  # takes longer than all imports that follow
    from service.printing import print_count
    from service.schemas import CountRequest, CountResponse
    from service.surveys import counted

    text = standard_input() if matter == "-" else matter
    filters = filters_of(body, from_, to, as_of, kind, grade, area)
    request = CountRequest.model_validate({"q": text, "latest": latest, **filters})
    found = CountResponse.of(counted(request, open_searcher(settings, encoder)))
    if json:
        print_json(found)
    else:
        print_count(found)
    return FOUND if found.count else NOT_FOUND


@app.command("thread", epilog=EXIT_CODES)
def follow(
    matter: Matter,
    body: Body = None,
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    kind: OfKind = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Follow a matter through all inspections of a body: what each said of it, in order, and how that changed."""
    settings = load_settings(index)
    encoder = load_encoder(settings)  # takes longer than all imports that follow
    from service.printing import print_thread
    from service.schemas import MatterRequest, ThreadResponse
    from service.surveys import followed

    text = standard_input() if matter == "-" else matter
    filters = filters_of(body, from_, to, as_of, kind, None, None)
    request = MatterRequest.model_validate({"q": text, **filters})
    found = ThreadResponse.of(followed(request, open_searcher(settings, encoder)))
    if json:
        print_json(found)
    else:
        print_thread(found)
    return FOUND if any(one.mentioned for one in found.inspections) else NOT_FOUND


@app.command("grades", epilog=EXIT_CODES)
def grades_given(
    body: Body = None,
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    kind: OfKind = None,
    grade: Annotated[list[str] | None, typer.Option("--grade", help="Only this grade; may be repeated.")] = None,
    area: Annotated[list[str] | None, typer.Option("--area", help="Only this area; may be repeated.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write a table for spreadsheets.")] = False,
    index: Index = None,
    json: Json = False,
) -> int:
    """Give the grades that inspections gave, each with the page and words that say so, or why there is none."""
    from service.ledger import to_csv
    from service.printing import print_grades
    from service.schemas import GradesRequest, GradesResponse
    from service.surveys import graded

    request = GradesRequest.model_validate(filters_of(body, from_, to, as_of, kind, grade, area))
    found = graded(request, open_searcher(load_settings(index)))
    if as_csv:
        typer.echo(to_csv(found), nl=False)
    elif json:
        print_json(GradesResponse.of(found))
    else:
        print_grades(GradesResponse.of(found))
    return FOUND if found.grades else NOT_FOUND


@app.command("recommendations", epilog=EXIT_CODES)
def recommended(
    body: Body = None,
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    kind: OfKind = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Give what the reports on a body want improved: whether the next repeats it, and what later ones say of it."""
    settings = load_settings(index)
    encoder = load_encoder(settings)  # takes longer than all imports that follow
    from service.printing import print_recommendations
    from service.schemas import RecommendationsRequest, RecommendationsResponse
    from service.surveys import tracked

    filters = filters_of(body, from_, to, as_of, kind, None, None)
    request = RecommendationsRequest.model_validate(filters)
    found = RecommendationsResponse.of(tracked(request, open_searcher(settings, encoder)))
    if json:
        print_json(found)
    else:
        print_recommendations(found)
    return FOUND if found.reports else NOT_FOUND


@app.command("press", epilog=EXIT_CODES)
def check_story(
    doc: Annotated[str, typer.Argument(help="A news story: its id, as in a citation, or its path.")],
    index: Index = None,
    json: Json = False,
) -> int:
    """Check what a news story claims against the reports alone; exit code 1 where one says otherwise."""
    from service.press import Bearing
    from service.printing import print_press
    from service.schemas import PressResponse
    from service.surveys import checked

    name = doc.encode(errors="replace").decode()  # no name in the index holds other bytes
    found = PressResponse.of(checked(name, open_searcher(load_settings(index))))
    if json:
        print_json(found)
    else:
        print_press(found)
    return NOT_FOUND if found.counts[Bearing.ALTERED] else FOUND
