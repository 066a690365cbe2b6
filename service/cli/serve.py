"""The command that serves over HTTP: `serve`."""

from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import InputError
from service.cli.command import EXIT_CODES, FOUND, Index, app, load_settings, open_searcher

if TYPE_CHECKING:
    from service.search import Searcher


@app.command(epilog=EXIT_CODES)
def serve(
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
    index: Index = None,
) -> int:
    """Serve the HTTP API; it follows the index as that changes."""
    from service.app import LOOPBACK
    from service.server import serve as serve_until_stopped
    from service.server import serve_with_workers

    settings = load_settings(index, host=host, port=port, workers=workers)
    # Threads of one worker would only wait for processors that the others keep busy, and make them busier by that.
    settings = settings.model_copy(update={"threads": max(1, settings.threads // settings.workers)})
    if settings.host not in {*LOOPBACK, "::1"}:
        raise InputError(
            f"without API keys the service listens on this machine only, not on {settings.host}; "
            "put a proxy that checks who asks in front of it"
        )

    def opened() -> "Searcher":
        searcher = open_searcher(settings)
        searcher.warm_up()
        return searcher

    address = settings.host.strip("[]")
    if settings.workers == 1:
        serve_until_stopped(
            opened(), host=address, port=settings.port, limits=settings.limits, log_queries=settings.log_queries
        )
    else:
        serve_with_workers(
            opened,
            host=address,
            port=settings.port,
            limits=settings.limits,
            workers=settings.workers,
            log_queries=settings.log_queries,
        )
    return FOUND
