"""Vectors that wait for their commit, in a file of the index folder: what was encoded once outlives an interruption.

The file begins with the encoder's fingerprint, and is of no use to another. Each record that follows has a checksum:
what was torn or altered is passed over, and encoded again. It holds hashes and vectors, no text. Whoever has the
writer's place may use it, nobody else.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from struct import Struct
from time import perf_counter
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from indexer.durable import flush

log = logging.getLogger(__name__)

JOURNAL_FILE = "encoding.journal"
FORMAT = 1
FLUSH_EVERY_S = 20.0  # so much encoding is lost when the power fails; when the process is killed, next to none
RECORD = Struct(
    "<32sII"
)  # hash of what was encoded, number of vectors, CRC-32 of both and of the vectors, which follow


class Journal:
    """The vectors of one encoder that an interrupted sync has left and this one adds to; for one thread at a time.

    It only saves time: where the disk fails it is given up with a warning, and its space is free again.
    """

    def __init__(self, folder: Path, fingerprint: str, dim: int) -> None:
        self._path = folder / JOURNAL_FILE
        self._head = f"citewell journal {FORMAT} {fingerprint}\n".encode()
        self._bytes = 2 * dim  # of a vector
        self._file: FileIO | None = None  # until it is needed
        self._is_over = False
        self._places: dict[bytes, int] = {}  # where the record of each hash begins
        self._end = 0
        self._flushed_s = perf_counter()

    def vectors_of(self, inputs: Iterable[str]) -> dict[str, NDArray[np.float16]]:
        """Give what it has of the vectors of these inputs, by `input_sha256`, each (1 + sentences, dim)."""
        found = {}
        with self._or_without():
            if self._path.is_file() and (file := self._opened()):
                for digest in inputs:
                    place = self._places.get(bytes.fromhex(digest))
                    if place is not None and (record := self._read(file, place, self._end)):
                        found[digest] = np.frombuffer(record[1], "<f2").reshape(-1, self._bytes // 2)
        return found

    def put(self, vectors: Mapping[str, NDArray[np.float16]]) -> None:
        """Add the vectors of some inputs, by `input_sha256`, each (1 + sentences, dim)."""
        with self._or_without():
            if file := self._opened():
                places, records = {}, b""
                for digest, some in vectors.items():
                    places[key := bytes.fromhex(digest)] = self._end + len(records)
                    blob = some.astype("<f2").tobytes()
                    records += RECORD.pack(key, len(some), _crc(key, len(some), blob)) + blob
                self._append(file, records)
                self._places |= places
                if perf_counter() - self._flushed_s >= FLUSH_EVERY_S:
                    flush(self._path)
                    flush(self._path.parent)
                    self._flushed_s = perf_counter()

    def close(self) -> None:
        """Leave the file to the next sync; nothing is read or added from now on."""
        self._is_over = True
        self._places.clear()
        if self._file:
            self._file.close()

    @contextmanager
    def _or_without(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            log.warning("what is encoded would be lost with an interruption, as it cannot be kept (%s)", error)
            self.close()
            drop_journal(self._path.parent)

    def _opened(self) -> FileIO | None:
        """Open the file where that was not done yet; None when it was closed."""
        if self._file is None and not self._is_over:
            if self._path.is_file():
                self._go_on()
            if self._file is None:
                self._path.unlink(missing_ok=True)  # it may be a link, or be needed elsewhere
                self._file = FileIO(self._path, "x+")
                self._append(self._file, self._head)
        return None if self._is_over else self._file

    def _go_on(self) -> None:
        """Find the records of the file that is there, if it is one of this encoder."""
        self._file = file = FileIO(self._path, "r+")
        size = self._path.stat().st_size
        if file.read(len(self._head)) != self._head:
            file.close()
            self._file = None
            return
        self._end = file.tell()
        while record := self._read(file, self._end, size):
            self._places[record[0]] = self._end
            self._end = file.tell()
        file.truncate(self._end)  # what follows a torn record could never be found

    def _read(self, file: FileIO, place: int, end: int) -> tuple[bytes, bytes] | None:
        """Give hash and vectors of the record at a place before the end, None where it is not as it was written."""
        if place + RECORD.size > end:
            return None
        file.seek(place)
        key, count, crc = RECORD.unpack(file.read(RECORD.size))
        if place + RECORD.size + count * self._bytes > end:  # before so many bytes are made room for
            return None
        blob = file.read(count * self._bytes)
        return (key, blob) if _crc(key, count, blob) == crc else None

    def _append(self, file: FileIO, data: bytes) -> None:
        file.seek(self._end)
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]  # a disk that is nearly full takes a part
        self._end += len(data)


def drop_journal(folder: Path) -> None:
    """Remove the journal, whosever it is; where that fails, the next sync that completes does it."""
    with suppress(OSError):
        (folder / JOURNAL_FILE).unlink(missing_ok=True)


def _crc(key: bytes, count: int, blob: bytes) -> int:
    return crc32(blob, crc32(key + count.to_bytes(4, "little")))
