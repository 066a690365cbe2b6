"""The command that serves over HTTP: `serve`."""

from typing import Annotated

import typer

from indexer.errors import InputError
from service.cli.command import EXIT_CODES, FOUND, Index, app, load_settings, open_searcher


@app.command(epilog=EXIT_CODES)
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8000]", show_default=False)] = None,
    index: Index = None,
) -> int:
    """Serve the HTTP API; it follows the index as that changes."""
    from service.app import LOOPBACK
    from service.server import serve as serve_until_stopped

    settings = load_settings(index, host=host, port=port)
    if settings.host not in {*LOOPBACK, "::1"}:
        raise InputError(
            f"without API keys the service listens on this machine only, not on {settings.host}; "
            "put a proxy that checks who asks in front of it"
        )
    searcher = open_searcher(settings)
    searcher.warm_up()
    serve_until_stopped(searcher, host=settings.host.strip("[]"), port=settings.port, limits=settings.limits)
    return FOUND
