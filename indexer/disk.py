"""What the disk of an index says when something cannot be written, in words that help; and how much a sync writes.

Python, SQLite and Tantivy each have their own way to pass on what the disk said.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from indexer.records import Page, Passage

FULL = {errno.ENOSPC, errno.EDQUOT}
FAILING = FULL | {errno.EIO, errno.EROFS}
# https://sqlite.org/rescode.html: SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
OF_SQLITE = {10: errno.EIO, 13: errno.ENOSPC, 14: errno.EIO}
OF_TANTIVY = re.compile(r"(?:\(os error |\bOs { code: )(\d+)")  # in words for people, or as Rust writes it
LITTLE = 100_000  # bytes; SQLite calls it an I/O error when there is no space for its smallest files
# What rows take on the disk for each of their bytes: in the log, then in the file, and a word index of their text.
# Measured on twelve inspection reports with vectors of 384 numbers: 2.45.
ROWS = 2.5
OF_PASSAGE = 500  # bytes that go with a passage beside texts and vectors, about
FIRST = 4.6  # the same for each byte of a file, before one was read; measured on the same reports


class Need:
    """About how much a sync writes, by what is known so far of its files."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._total = files
        self._seen = 0  # bytes of the files that were looked at
        self._changed = 0  # of those of them that are new or changed
        self._read = 0  # of those of these that were read
        self._rows = 0  # bytes that are stored of the latter, beside the files themselves
        self._vectors = 0  # those of them that stand in the journal too, until the commit

    def see(self, size: int) -> None:
        """Count a file that was looked at."""
        self._seen += size

    def change(self, size: int) -> None:
        """Count one that is new or changed."""
        self._changed += size

    def store(self, size: int, pages: Sequence[Page], passages: Sequence[Passage], dim: int) -> None:
        """Count what is stored of one: texts, float16 vectors, and what goes with each passage."""
        self._read += size
        self._rows += sum(len(page.text) for page in pages)
        for passage in passages:
            vectors = 2 * dim * (1 + len(passage.sentences))
            self._rows += len(passage.input) + vectors + OF_PASSAGE
            self._vectors += vectors

    def bytes(self, folder: Path) -> int:
        """Tell it, as if the files that are left were like those before."""
        total = sum(map(_size, self._total))
        changed = total * self._changed / self._seen if self._seen else total
        rows = (ROWS * self._rows + self._vectors) / self._read if self._read else FIRST
        words = sum(_size(path) for path in folder.glob("lexical-*/*"))  # which are mostly written anew
        return int(changed * (1 + rows)) + words


def explained(error: BaseException, folder: Path, needed: int) -> str | None:
    """Say what the disk has against an index, and what to do; None where the error is not of the disk.

    `needed` is about how many bytes the whole work takes, and is told where the disk is full.
    """
    number = next(_numbers(error, folder), None)
    if number is None:
        return None
    free = shutil.disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free
    if number in FULL or (number == errno.EIO and free < LITTLE):
        more = max(needed - free, needed // 10, LITTLE)  # others may have made room since
        return (
            f"the disk of `{folder}` is full: about {_megabytes(more)} MB more are needed, {_megabytes(free)} MB are "
            "free; free some space there and run the command again"
        )
    return (
        f"the index in `{folder}` cannot be written ({os.strerror(number)}); check the disk and run the command again"
    )


def _numbers(error: BaseException, folder: Path) -> Iterator[int]:
    """Give the numbers that the disk has for what is wrong, of an error and all that it came from."""
    one: BaseException | None = error
    while one is not None:
        code = getattr(one, "sqlite_errorcode", None)
        if isinstance(code, int):
            if code & 0xFF in OF_SQLITE:
                yield OF_SQLITE[code & 0xFF]
        elif isinstance(one, OSError):
            if one.errno in FAILING and (one.filename is None or _is_inside(Path(os.fsdecode(one.filename)), folder)):
                yield one.errno
        elif isinstance(one, ValueError) and (found := OF_TANTIVY.search(str(one))):
            yield int(found[1])
        one = one.__cause__ or one.__context__


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_inside(path: Path, folder: Path) -> bool:
    return folder.absolute() in (path.absolute(), *path.absolute().parents)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size < 10_000_000 else f"{size / 1e6:,.0f}"
