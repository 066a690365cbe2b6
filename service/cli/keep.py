"""Commands that keep an index: `index` and `status`."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from service.cli.command import EXIT_CODES, FOUND, REFUSED, Index, Json, app, load_settings, print_json


@app.command(epilog=EXIT_CODES)
def index(
    sources: Annotated[list[Path] | None, typer.Argument(metavar="[SOURCE]...", help="Folders and files.")] = None,
    no_prune: Annotated[bool, typer.Option("--no-prune", help="Keep documents that are in no source.")] = False,
    reencode: Annotated[
        bool, typer.Option("--reencode", help="Make all documents anew, for another encoder.")
    ] = False,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Have the workers of a Dask scheduler read and encode the files: tcp://HOST:8786.",
            show_default=False,
        ),
    ] = None,
    index: Index = None,
    json: Json = False,
) -> int:
    """Make the index equal to the sources and the uploads: add, update, remove; encode only what changed.

    Without SOURCE, the sources are those of the setting `sources`, or else corpus/.
    """
    from indexer.cluster import open_cluster as workers_at
    from indexer.encoder import SentenceEncoder
    from indexer.extract import Readers
    from indexer.records import Prune
    from indexer.sync import sync
    from service.terminal import print_report, progress_bar

    settings = load_settings(index, scheduler=workers)
    encoder = SentenceEncoder(settings)
    with (
        workers_at(settings.scheduler) if settings.scheduler else nullcontext() as executor,
        Readers(settings) as readers,
        progress_bar() as progress,
    ):
        report = sync(
            sources or settings.sources or [Path("corpus")],
            settings,
            encoder=encoder,
            readers=readers,
            prune=Prune.NOTHING if no_prune else Prune.ALL,
            reencode=reencode,
            progress=progress,
            executor=executor,
        )
    if json:
        print_json(report)
    else:
        print_report(report)
    return REFUSED if report.refused else FOUND


@app.command(epilog=EXIT_CODES)
def status(index: Index = None, json: Json = False) -> int:
    """Say what is indexed, what was refused and why."""
    from indexer.opening import existing
    from service.schemas import StatusResponse
    from service.terminal import print_status

    settings = load_settings(index)
    collection = existing(settings)
    with collection.reading() as reader:
        found = StatusResponse.of(reader, collection)
    if json:
        print_json(found)
    else:
        print_status(found)
    return FOUND
