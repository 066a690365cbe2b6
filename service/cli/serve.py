"""The command that serves over HTTP: `serve`."""

import signal
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
    import uvicorn

    from service.app import LOOPBACK, create_app

    settings = load_settings(index, host=host, port=port)
    if settings.host not in {*LOOPBACK, "::1"}:
        raise InputError(
            f"without API keys the service listens on this machine only, not on {settings.host}; "
            "put a proxy that checks who asks in front of it"
        )
    searcher = open_searcher(settings)
    searcher.warm_up()
    host = settings.host.strip("[]")
    # uvicorn ends its requests, then hands the signal on; being stopped is how a service ends well, so with code 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        # The access log would hold what people ask, as part of the addresses.
        uvicorn.run(create_app(searcher), host=host, port=settings.port, log_level="info", access_log=False)
    except SystemExit as error:  # before it listened; the log has the reason
        raise InputError(f"cannot listen on {host}, port {settings.port}; is another service there?") from error
    return FOUND
