"""The command that checks a quote: `verify`."""

from typing import Annotated

import typer

from service.cli.command import (
    EXIT_CODES,
    FOUND,
    NOT_FOUND,
    Index,
    Json,
    app,
    load_settings,
    open_searcher,
    print_json,
    standard_input,
)


@app.command("verify", epilog=EXIT_CODES)
def verify_quote(
    quote: Annotated[
        str, typer.Argument(help="The words as they were quoted, at least three; `-` reads them from standard input.")
    ],
    doc: Annotated[
        str | None, typer.Option("--doc", metavar="DOC", help="Look only into this document: its id or path.")
    ] = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Tell whether a quote stands in the reports unchanged; exit code 1 where it does not."""
    from service.schemas import VerifyResponse
    from service.terminal import print_verification
    from service.verification import Verdict, verify

    text = standard_input() if quote == "-" else quote
    document = (
        None if doc is None else doc.encode(errors="replace").decode()
    )  # no name in the index holds other bytes
    found = VerifyResponse.of(verify(text, open_searcher(load_settings(index)), document=document))
    if json:
        print_json(found)
    else:
        print_verification(found)
    return FOUND if found.verdict in {Verdict.EXACT, Verdict.NORMALISED} else NOT_FOUND
