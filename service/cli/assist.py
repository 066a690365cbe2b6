"""The command that serves assistants: `mcp`."""

import sys
from importlib.util import find_spec

from indexer.errors import InputError
from service.cli.command import EXIT_CODES, FOUND, Index, app, load_encoder, load_settings, open_searcher


@app.command(epilog=EXIT_CODES)
def mcp(index: Index = None) -> int:
    """Serve search, ask, verify and show as read-only tools of an assistant (MCP, over standard input and output).

    Name the index by its whole path, since the assistant chooses the folder that the command runs in.
    """
    if find_spec("mcp") is None:
        raise InputError(
            "tools for assistants need the package mcp, which is not installed; run `pip install 'citewell[mcp]'`"
        )
    settings = load_settings(index)
    encoder = load_encoder(settings)  # takes longer than all imports that follow
    from service.mcp import make_server, serve
    from service.terminal import console

    if sys.stdin.isatty():
        console(stderr=True).print("waiting for an assistant on standard input; Ctrl-C ends")
    serve(make_server(lambda: open_searcher(settings, encoder), at_once=settings.limits.at_once))
    return FOUND
