"""The command that keeps an index equal to its sources: `watch`."""

from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from indexer.errors import CitewellError, IndexBusyError
from service.cli.command import EXIT_CODES, Index, Json, app, load_settings, print_json

if TYPE_CHECKING:
    from indexer.sync import Report

BUSY_WAIT_S = 0.5  # between two tries while another process writes


@app.command(epilog=EXIT_CODES)
def watch(
    sources: Annotated[list[Path] | None, typer.Argument(metavar="[SOURCE]...", help="Folders and files.")] = None,
    index: Index = None,
    json: Json = False,
) -> NoReturn:
    """Make the index equal to the sources, as `index` does, and again whenever they change, until Ctrl-C.

    An error of the first sync ends it; later ones are told, and the next change is waited for. With --json, the
    report of the last sync is printed at the end.
    """
    from indexer.encoder import SentenceEncoder
    from indexer.extract import Readers
    from indexer.sync import sync
    from service.following import follow
    from service.signs import safe_line
    from service.terminal import console, print_report, progress_bar

    settings = load_settings(index)
    encoder = SentenceEncoder(settings)
    named = [*(sources or settings.sources or [Path("corpus")])]
    changed, stop = Event(), Event()
    report: Report | None = None
    paths = [*named, settings.uploads]
    following = Thread(target=follow, args=(paths, settings, stop, changed.set), daemon=True)
    following.start()
    try:
        while True:
            changed.wait()
            changed.clear()
            try:
                with Readers(settings) as readers, progress_bar() as progress:
                    report = sync(named, settings, encoder=encoder, readers=readers, progress=progress)
            except IndexBusyError:
                stop.wait(BUSY_WAIT_S)
                changed.set()
            except CitewellError as error:  # a folder that is not mounted may come back
                if report is None:
                    raise
                console(stderr=True).print(safe_line(str(error)), soft_wrap=True)
            else:
                if not json:
                    print_report(report)
    finally:
        stop.set()
        following.join()
        if json and report:
            print_json(report)
