"""What the commands share: the application they belong to, options, exit codes, and how they print JSON."""

import sys
from io import TextIOWrapper
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from indexer.records import Mode

if TYPE_CHECKING:
    from indexer.encoder import Encoder
    from indexer.settings import Settings
    from service.search import Searcher

FOUND, NOT_FOUND, USAGE, NO_INDEX, REFUSED, INTERRUPTED = 0, 1, 2, 3, 5, 130

EXIT_CODES = (
    "Exit codes: 0 fine or found; 1 nothing found or not answered; 2 wrong usage or input; 3 index missing or "
    "unusable; 5 finished, but some documents were refused; 130 interrupted."
)

app = typer.Typer(
    help="Ask reports, get passages with citations that can be checked.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Index = Annotated[
    str | None,  # a path would lose a slash of an address
    typer.Option(
        "--index",
        metavar="INDEX",
        help="Folder of the index, or its address in Milvus: milvus+http://HOST:PORT/NAME. [default: .citewell]",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
SearchMode = Annotated[Mode, typer.Option("--mode", help="How passages are found.")]
NoInfer = Annotated[bool, typer.Option("--no-infer", help="Do not read bodies and times from the question.")]


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"citewell {installed('citewell')}")  # noqa: T201
        raise typer.Exit(FOUND)


def load_settings(index: str | None, **given: str | int | None) -> "Settings":
    """Read the settings; what the command line gives counts first. Raises InputError."""
    from indexer.address import is_milvus
    from indexer.settings import Settings

    if index is not None and not is_milvus(index):
        given = {**given, "store": ""}  # which the environment or a file may name
    return Settings.load(index=index, **given)


def folder_of(settings: "Settings") -> Path:
    """Give the folder that an index is in. Raises InputError where it is in Milvus."""
    from indexer.errors import InputError

    if settings.address:
        raise InputError(
            f"the index `{settings.address.shown}` is in no folder; `citewell export` copies it, and Milvus has ways "
            "of its own to check and mend what it holds"
        )
    return settings.index


def load_encoder(settings: "Settings") -> "Encoder":
    """Give the encoder, which loads its model beside what else is done. Raises ModelError where there is none."""
    from indexer.database import STORE_FILE
    from indexer.encoder import SentenceEncoder

    encoder = SentenceEncoder(settings)
    if settings.store or (settings.index / STORE_FILE).exists():  # else there will be nothing to search
        Thread(target=encoder.prepare).start()
    return encoder


def open_searcher(settings: "Settings", encoder: "Encoder | None" = None) -> "Searcher":
    """Open the index for searching, with the models that the settings name.

    Raises UnusableIndexError, ModelError, and InputError for a file of bodies that cannot be used.
    """
    from indexer.encoder import SentenceEncoder, locate_model
    from indexer.opening import existing
    from indexer.reranker import CrossEncoderReranker
    from service.lineage import Lineage
    from service.search import Searcher

    lineage = Lineage.stated(settings)
    collection = existing(settings)
    reranker = CrossEncoderReranker(locate_model(settings.rerank, "rerank"), settings) if settings.rerank else None
    return Searcher(
        collection,
        encoder or SentenceEncoder(settings),
        reranker=reranker,
        rerank_depth=settings.rerank_depth,
        lineage=lineage,
    )


def standard_input() -> str:
    """Read all of standard input, without white space around it. Raises InputError where it is no text."""
    from indexer.errors import InputError

    try:
        return sys.stdin.read().strip()
    except UnicodeDecodeError as error:
        raise InputError("standard input is not text in UTF-8") from error


def print_json(answer: object) -> None:
    """Print one JSON document."""
    from pydantic import TypeAdapter

    from service.signs import safe_json

    configure(sys.stdout, encoding="utf-8")  # as RFC 8259 wants it, and so that no quote is altered
    print(safe_json(TypeAdapter(type(answer)).dump_json(answer, by_alias=True, indent=2).decode()))  # noqa: T201


def configure(stream: TextIO, *, encoding: str | None = None, errors: str | None = None) -> None:
    """Set how a stream turns text into bytes."""
    if isinstance(stream, TextIOWrapper):  # and not something a test has put in its place
        stream.reconfigure(encoding=encoding, errors=errors)
