"""The command that looks after an index: `doctor`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import ModelError
from service.cli.command import (
    EXIT_CODES,
    FOUND,
    NO_INDEX,
    REFUSED,
    Index,
    Json,
    app,
    folder_of,
    load_settings,
    print_json,
)

if TYPE_CHECKING:
    from indexer.doctor import Diagnosis


@app.command(epilog=EXIT_CODES)
def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended, and say what is lost.")] = False,
    index: Index = None,
    json: Json = False,
) -> int:
    """Check every row and file of the index, and name what is damaged."""
    from indexer.doctor import examine
    from indexer.doctor import repair as mend
    from indexer.encoder import SentenceEncoder
    from indexer.extract import Readers
    from indexer.originals import ORIGINALS
    from service.terminal import print_lines

    settings = load_settings(index)
    folder = folder_of(settings)
    try:
        fingerprint = SentenceEncoder(settings).fingerprint
    except ModelError:
        if not repair:
            raise
        fingerprint = None  # it may not be needed
    if repair:
        found = mend(
            settings,
            fingerprint=fingerprint,
            encoder=lambda: SentenceEncoder(settings),
            readers=lambda: Readers(settings),
        )
    else:
        has_copies = settings.keep_originals and (folder / ORIGINALS).is_dir()  # an import brings none
        found = examine(folder, fingerprint=fingerprint, originals=has_copies)
    if json:
        print_json(found)
    else:
        print_lines(_lines(found))
    if not found.is_well:
        return NO_INDEX
    return REFUSED if found.lost else FOUND


def _lines(found: "Diagnosis") -> Iterator[str]:
    for problem in found.problems:
        yield ": ".join(part for part in (problem.file, problem.row, problem.what) if part)
    yield from (f"read again from its copy: {path}" for path in found.reread)
    yield from (f"lost: {what}" for what in found.lost)
    if found.lost:
        yield "put the lost files back and run `citewell index SOURCE`"
    if not found.problems:
        yield f"the index in {found.index} is well, generation {found.generation}"
    elif found.is_well:
        yield f"the index in {found.index} is mended, generation {found.generation}"
    elif found.is_repaired:
        yield f"the index in {found.index} could not be mended"
    else:
        yield f"the index in {found.index} is damaged; run `citewell doctor --repair`"
