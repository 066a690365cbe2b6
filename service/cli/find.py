"""Commands that ask the index: `search`, `ask` and `show`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import InputError
from indexer.records import Mode
from service.cli.command import (
    EXIT_CODES,
    FOUND,
    NOT_FOUND,
    Index,
    Json,
    NoInfer,
    SearchMode,
    app,
    load_encoder,
    load_settings,
    open_searcher,
    print_json,
    standard_input,
)

if TYPE_CHECKING:
    from indexer.collection import Collection
    from service.answering import Answer

Asked = Annotated[str, typer.Argument(help="A question in plain English; `-` reads it from standard input.")]
Count = Annotated[int, typer.Option("-k", help="How many passages.")]
Body = Annotated[list[str] | None, typer.Option(help="Only documents about this body; may be repeated.")]
From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="Published on this day or later.")]
To = Annotated[str | None, typer.Option(metavar="DATE", help="Published on this day or earlier.")]
AsOf = Annotated[str | None, typer.Option(metavar="DATE", help="What had been published by this day.")]
OfKind = Annotated[list[str] | None, typer.Option(help="Only documents of this kind; may be repeated.")]
OfGrade = Annotated[
    list[str] | None, typer.Option("--grade", help="Only documents that give this grade; may be repeated.")
]
InArea = Annotated[
    list[str] | None,
    typer.Option("--area", help="Area that the grade is given in, otherwise the overall one; may be repeated."),
]


def filters_of(
    body: list[str] | None,
    from_: str | None,
    to: str | None,
    as_of: str | None,
    kind: list[str] | None,
    grade: list[str] | None,
    area: list[str] | None,
) -> dict[str, object]:
    """Name filters as the JSON contract does."""
    named = {"body": body or (), "kind": kind or (), "grade": grade or (), "area": area or ()}
    return {**named, "from": from_, "to": to, "as_of": as_of}


@app.command(epilog=EXIT_CODES)
def search(
    query: Asked,
    k: Count = 10,
    body: Body = None,
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    kind: OfKind = None,
    grade: OfGrade = None,
    area: InArea = None,
    mode: SearchMode = Mode.HYBRID,
    no_infer: NoInfer = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say what speaks for each hit.")] = False,
    index: Index = None,
    json: Json = False,
) -> int:
    """Find the passages that best fit a question, each with its citation."""
    settings = load_settings(index)
    encoder = (
        load_encoder(settings) if mode is not Mode.LEXICAL else None
    )  # takes longer than all imports that follow
    from service.schemas import SearchRequest, SearchResponse
    from service.terminal import console, print_search

    filters = filters_of(body, from_, to, as_of, kind, grade, area)
    question = standard_input() if query == "-" else query
    request = SearchRequest.model_validate(
        {"q": question, "k": k, **filters, "mode": mode, "infer": not no_infer, "explain": explain}
    )
    checked = request.checked()
    found = SearchResponse.of(open_searcher(settings, encoder).search(checked), explain=explain)
    if json:
        print_json(found)
    elif found.hits:
        print_search(found)
    else:
        days = (checked.published_from, checked.published_to, checked.as_of)
        is_filtered = any((checked.bodies, checked.kinds, checked.grades, checked.areas, *days))
        why = "no document fits the filters" if is_filtered else "the index holds no documents"
        if found.interpreted.phrases or checked.terms.excluded:
            why = "no passage has all the words in quotation marks and none of those with a dash"
        console(stderr=True).print(f"nothing found: {why}")
    return FOUND if found.hits else NOT_FOUND


@app.command(epilog=EXIT_CODES)
def ask(
    question: Asked,
    k: Count = 10,
    body: Body = None,
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    kind: OfKind = None,
    grade: OfGrade = None,
    area: InArea = None,
    no_infer: NoInfer = False,
    receipts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a receipt of each quote into this folder.")
    ] = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Answer a question in verbatim quotes, each with its citation, or say why there is no answer."""
    settings = load_settings(index)
    encoder = load_encoder(settings)  # takes longer than all imports that follow
    from service.answering import Answerer
    from service.schemas import AskRequest, AskResponse
    from service.terminal import print_answer

    filters = filters_of(body, from_, to, as_of, kind, grade, area)
    asked = standard_input() if question == "-" else question
    request = AskRequest.model_validate({"q": asked, "k": k, **filters, "infer": not no_infer})
    answerer = Answerer(open_searcher(settings, encoder))
    found = answerer.ask(request.checked())
    if receipts:
        _write_receipts(found, answerer.searcher.store, receipts)
    answer = AskResponse.of(found)
    if json:
        print_json(answer)
    else:
        print_answer(answer)
    return FOUND if found.quotes else NOT_FOUND


@app.command(epilog=EXIT_CODES)
def show(
    doc: Annotated[str, typer.Argument(help="A document's id, as in a citation, or its path.")],
    page: Annotated[int, typer.Option(help="Page number, from 1.")] = 1,
    spans: Annotated[str, typer.Option(metavar="START-END,...", help="Characters of the page to mark.")] = "",
    index: Index = None,
    json: Json = False,
) -> int:
    """Print a page's text as it is stored, with the cited characters marked."""
    from indexer.opening import existing
    from service.citation import parse_spans
    from service.schemas import PageResponse
    from service.terminal import print_page

    with existing(load_settings(index)).reading() as reader:
        document = reader.find(doc.encode(errors="replace").decode())  # no name in the index holds other bytes
        found, removals = reader.page(document.doc_id, page)
        shown = PageResponse.of(reader, document, found, removals, parse_spans(spans, found))
    if json:
        print_json(shown)
    else:
        print_page(shown)
    return FOUND


def _write_receipts(answer: "Answer", store: "Collection", folder: Path) -> None:
    """Write a file for each quote, named by document, page and text, so that the same quote has the same name."""
    from datetime import UTC, datetime

    from indexer.durable import publish
    from service.receipts import issue, to_json
    from service.signs import safe_line
    from service.terminal import console

    now = datetime.now(UTC)
    with store.reading() as reader:
        receipts = [(quote.citation, issue(answer.question, quote, reader, now)) for quote in answer.quotes]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for citation, receipt in receipts:
            path = folder / f"{citation.doc_id}-{citation.page}-{citation.text_sha256[:12]}.json"
            publish(path, partial(Path.write_text, data=to_json(receipt), encoding="utf-8"))
            console(stderr=True).print(safe_line(f"receipt in {path}"), soft_wrap=True)
    except OSError as error:
        raise InputError(
            f"receipts cannot be written in `{folder}` ({error.strerror}); name another folder"
        ) from error
