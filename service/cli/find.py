"""Commands that ask the index: `search` and `show`."""

import sys
from typing import Annotated

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
)


@app.command(epilog=EXIT_CODES)
def search(
    query: Annotated[str, typer.Argument(help="A question in plain English; `-` reads it from standard input.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 10,
    body: Annotated[list[str] | None, typer.Option(help="Only documents about this body; may be repeated.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Published on this day or later.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="DATE", help="Published on this day or earlier.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="What had been published by this day.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only documents of this kind; may be repeated.")] = None,
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

    request = SearchRequest.model_validate(
        {
            "q": _standard_input() if query == "-" else query,
            "k": k,
            "body": body or (),
            "from": from_,
            "to": to,
            "as_of": as_of,
            "kind": kind or (),
            "mode": mode,
            "infer": not no_infer,
            "explain": explain,
        }
    )
    checked = request.checked()
    found = SearchResponse.of(open_searcher(settings, encoder).search(checked), explain=explain)
    if json:
        print_json(found)
    elif found.hits:
        print_search(found)
    else:
        is_filtered = any((checked.bodies, checked.kinds, checked.published_from, checked.published_to))
        why = "no document fits the filters" if is_filtered else "the index holds no documents"
        if found.interpreted.phrases or checked.terms.excluded:
            why = "no passage has all the words in quotation marks and none of those with a dash"
        console(stderr=True).print(f"nothing found: {why}")
    return FOUND if found.hits else NOT_FOUND


@app.command(epilog=EXIT_CODES)
def show(
    doc: Annotated[str, typer.Argument(help="A document's id, as in a citation, or its path.")],
    page: Annotated[int, typer.Option(help="Page number, from 1.")] = 1,
    spans: Annotated[str, typer.Option(metavar="START-END,...", help="Characters of the page to mark.")] = "",
    index: Index = None,
    json: Json = False,
) -> int:
    """Print a page's text as it is stored, with the cited characters marked."""
    from indexer.store import Store
    from service.routes import parse_spans
    from service.schemas import PageResponse
    from service.terminal import print_page

    with Store.open(load_settings(index).index).reading() as reader:
        document = reader.find(doc.encode(errors="replace").decode())  # no name in the index holds other bytes
        found, removals = reader.page(document.doc_id, page)
        shown = PageResponse.of(reader, document, found, removals, parse_spans(spans, found))
    if json:
        print_json(shown)
    else:
        print_page(shown)
    return FOUND


def _standard_input() -> str:
    try:
        return sys.stdin.read().strip()
    except UnicodeDecodeError as error:
        raise InputError("standard input is not text in UTF-8") from error
