"""The command that checks a quote: `verify`."""

from pathlib import Path
from typing import Annotated

import typer

from indexer.errors import InputError
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
        str | None,
        typer.Argument(help="The words as they were quoted, at least three; `-` reads them from standard input."),
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check this receipt instead, as `ask --receipts` wrote it.")
    ] = None,
    doc: Annotated[
        str | None, typer.Option("--doc", metavar="DOC", help="Look only into this document: its id or path.")
    ] = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Tell whether a quote stands in the reports unchanged; exit code 1 where it does not."""
    if (quote is None) is (receipt is None):
        raise InputError("name either a quote or --receipt FILE")
    if receipt:
        if doc is not None:
            raise InputError("--doc goes with a quote; a receipt names its document")
        return _resolved(receipt, index, json=json)
    from service.schemas import VerifyResponse
    from service.terminal import print_verification
    from service.verification import Verdict, verify

    text = standard_input() if quote == "-" else quote or ""
    # No name in the index holds other bytes.
    document = None if doc is None else doc.encode(errors="replace").decode()
    found = VerifyResponse.of(verify(text, open_searcher(load_settings(index)), document=document))
    if json:
        print_json(found)
    else:
        print_verification(found)
    return FOUND if found.verdict in {Verdict.EXACT, Verdict.NORMALISED} else NOT_FOUND


def _resolved(file: Path, index: str | None, *, json: bool) -> int:
    from indexer.opening import existing
    from service.receipts import read_receipt, resolve
    from service.schemas import ReceiptResponse
    from service.terminal import print_receipt

    receipt = read_receipt(file)
    with existing(load_settings(index)).reading() as reader:
        found = ReceiptResponse.of(receipt, resolve(receipt, reader))
    if json:
        print_json(found)
    else:
        print_receipt(found)
    return FOUND if found.passed else NOT_FOUND
