"""The command that serves over HTTP: `serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import InputError
from service.cli.command import EXIT_CODES, FOUND, Index, app, load_settings, open_searcher

if TYPE_CHECKING:
    from fastapi import FastAPI

    from service.server import Common


@app.command(epilog=EXIT_CODES)
def serve(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[SOURCE]...", help="Folders and files that a sync makes the index equal to."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8000]", show_default=False)] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that answer; the limits of connections and waiting requests are of each. [default: 1]",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Sync whenever files of the sources change.")] = False,
    index: Index = None,
) -> int:
    """Serve the web page and the HTTP API; both follow the index as that changes."""
    from indexer.encoder import SentenceEncoder
    from indexer.extract import Readers
    from service.access import hosts_of
    from service.app import create_app
    from service.keeper import Keeper
    from service.keys import Keys
    from service.pictures import Pictures
    from service.server import serve as serve_until_stopped

    settings = load_settings(index, host=host, port=port, workers=workers)
    # Threads of one worker would only wait for processors that the others keep busy, and make them busier by that.
    settings = settings.model_copy(update={"threads": max(1, settings.threads // settings.workers)})
    if missing := [source for source in sources or settings.sources if not source.exists()]:
        raise InputError(f"`{missing[0]}` does not exist; name the folders and files that the index is made of")
    keys = Keys(settings.keys_file)
    hosts = hosts_of(settings, keys)

    def opened(common: "Common") -> "FastAPI":
        searcher = open_searcher(settings)
        searcher.warm_up()
        keeper = Keeper(
            settings,
            sources=sources or settings.sources,
            open_encoder=lambda: SentenceEncoder(settings),
            open_readers=lambda: Readers(settings),
        )
        if watch:
            keeper.watch()
        return create_app(
            searcher,
            hosts=hosts,
            limits=settings.limits,
            log_queries=settings.log_queries,
            edition=common.edition,
            keys=keys,
            open_reading=settings.open_reading,
            secret=common.secret,
            keeper=keeper,
            pictures=Pictures(settings),
        )

    serve_until_stopped(opened, settings)
    return FOUND
