"""Copies of the indexed files inside the index, so that a citation can be shown in its file years later."""

from collections.abc import Collection
from pathlib import Path

from indexer.durable import flush, publish

ORIGINALS = "originals"


def original(folder: Path, digest: str) -> Path:
    """Tell where the index keeps the file with this hash."""
    return folder / ORIGINALS / digest


def keep_original(folder: Path, digest: str, data: bytes) -> None:
    """Keep a file, unless it is kept. Raises OSError."""
    path = original(folder, digest)
    if not path.exists():
        if not path.parent.exists():
            path.parent.mkdir()
            flush(folder)
        publish(path, lambda temporary: temporary.write_bytes(data))


def drop_other_originals(folder: Path, wanted: Collection[str]) -> None:
    """Remove all kept files but those with these hashes, and what is left of unfinished ones.

    Raises OSError, of the first that cannot be removed, when all others are.
    """
    failed = None
    for path in (folder / ORIGINALS).glob("*"):
        if path.name not in wanted:
            try:
                path.unlink()
            except OSError as error:
                failed = failed or error
    if failed:
        raise failed
