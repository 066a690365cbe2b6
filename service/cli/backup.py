"""Commands that copy an index and put a copy back: `backup` and `restore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.command import EXIT_CODES, FOUND, Index, Json, app, folder_of, load_settings, print_json

if TYPE_CHECKING:
    from indexer.backup import Copied


@app.command(epilog=EXIT_CODES)
def backup(
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="A folder that is not there yet, or is empty.")],
    index: Index = None,
    json: Json = False,
) -> int:
    """Copy the index to a new folder, also while it is served or written, and check the copy."""
    from indexer.backup import back_up

    _print(back_up(folder_of(load_settings(index)), dest), "backed up to", json=json)
    return FOUND


@app.command(epilog=EXIT_CODES)
def restore(
    src: Annotated[Path, typer.Argument(metavar="SRC", help="A folder made by `citewell backup`.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the index that is there.")] = False,
    index: Index = None,
    json: Json = False,
) -> int:
    """Check a backup and make it the index; a running service follows."""
    from indexer.backup import restore as put_back

    _print(put_back(src, folder_of(load_settings(index)), force=force), "restored to", json=json)
    return FOUND


def _print(copied: "Copied", what: str, *, json: bool) -> None:
    from service.terminal import print_lines

    if json:
        print_json(copied)
    else:
        size = f"{copied.documents:,} documents, {copied.files:,} files, {copied.bytes / 1e6:,.1f} MB"
        print_lines([f"generation {copied.generation} {what} {copied.folder}: {size} in {copied.took_s:.1f} s"])
