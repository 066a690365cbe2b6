"""Records: bytes under a key, in the rows of a table, and given back only as they were written.

Milvus holds what a row says in a field of 65,535 bytes, so a longer record has several rows. The first tells how many
there are, and the hash of the whole.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from threading import Lock
from typing import TypeVar

from indexer.errors import GenerationGoneError, IndexFormatError, UnusableIndexError
from indexer.milvus.server import Row, Server, Table

PART = 60_000  # bytes of a row's data, of the 65,535 that its field takes
HEADER = 100  # of these, for what the first part begins with
AT_ONCE = 500  # keys asked for together: records are of some 10 kB, and an answer may have 64 MB
CACHE = 64_000_000  # bytes of records that are kept

T = TypeVar("T")


def document_key(document: int) -> str:
    """Name the record of a document."""
    return f"d/{document}"


def page_key(document: int, page: int) -> str:
    """Name the record of a page's text."""
    return f"p/{document}/{page}"


def text_key(passage: int) -> str:
    """Name the record of a passage's text."""
    return f"t/{passage}"


def vectors_key(passage: int) -> str:
    """Name the record of a passage's vectors."""
    return f"v/{passage}"


def rows_of(key: str, data: bytes, *, document: int = 0, added: int) -> list[Row]:
    """Write a record, of a document, in the attempt `added`: as text where it is text, else in base64."""
    form, text = "t", data
    if b"\0" in data or not _is_utf8(data):  # which may end a text underway
        form, text = "b", b64encode(data)
    parts = _cut(text)
    parts[0] = f"{len(parts)} {form} {_digest(key, data)} ".encode() + parts[0]
    keys = [key, *(_part_key(key, number) for number in range(1, len(parts)))]
    return [
        {"key": name, "document": document, "added": added, "data": part.decode(), "nothing": [0.0, 0.0]}
        for name, part in zip(keys, parts, strict=True)
    ]


def put_together(rows: Iterable[Row]) -> dict[str, bytes | None]:
    """Give the records of some rows, which hold all their parts; None for one that is not as written."""
    texts = {str(row["key"]): str(row["data"]) for row in rows}
    return {key: _whole(key, texts) for key in texts if "#" not in key}


def among(keys: Iterable[str]) -> str:
    """Write the condition that a row has one of these keys, which are ours and so need no care with quotes."""
    return f"key in {json.dumps(list(keys))}"


def parts_of(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Give keys, in parts that may be asked for together."""
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))


def damaged(key: str, where: str) -> IndexFormatError:
    """Make the error for a record that is not as it was written, or is gone."""
    return IndexFormatError(
        f"record `{key}` of the index in `{where}` is damaged or missing; run `citewell index --reencode SOURCE`, "
        "or restore the index from an export"
    )


def gone(where: str) -> GenerationGoneError:
    """Make the error for a record that a writer removed while its generation was read."""
    return GenerationGoneError(f"the index in `{where}` moved on while it was read; ask again")


class Records:
    """The records of one generation, of which those last asked for are kept; threads may share it."""

    def __init__(self, server: Server, where: str, *, at: Callable[[], int], is_past: Callable[[], bool]) -> None:
        """Read what was written up to `at`; `is_past` tells whether there is a newer generation by now."""
        self._server = server
        self._where = where
        self._at = at
        self._is_past = is_past
        self._kept: OrderedDict[str, bytes] = OrderedDict()  # last asked for last
        self._size = 0
        self._keeping = Lock()

    def get(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        """Give the records of these keys, which must be there.

        Raises IndexFormatError for one that is not, or not as written; GenerationGoneError where that is because the
        generation went.
        """
        with self._keeping:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        for some in parts_of([key for key in dict.fromkeys(keys) if key not in found]):
            new = self._read(table, some)
            self._keep(new)
            found |= new
        return found

    def one(self, table: Table, key: str) -> bytes:
        """Give one record, as `get` does."""
        return self.get(table, [key])[key]

    def missing(self, key: str) -> UnusableIndexError:
        """Make the error for what is not there, or not as written."""
        return gone(self._where) if self._is_past() else damaged(key, self._where)

    def _read(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        rows = self._query(table, keys)
        more = [_part_key(str(row["key"]), number) for row in rows for number in range(1, _count(str(row["data"])))]
        for some in parts_of(more):
            rows += self._query(table, some)
        read = put_together(rows)
        whole = {key: data for key in keys if (data := read.get(key)) is not None}
        for key in keys:
            if key not in whole:
                raise self.missing(key)
        return whole

    def _query(self, table: Table, keys: Sequence[str]) -> list[Row]:
        # Without what else restricts a generation, which keeps Milvus from going straight to the keys: whoever asks
        # knows these keys from the documents of the generation.
        return self._server.query(table, among(keys), ["key", "data"], self._at())

    def _keep(self, new: Mapping[str, bytes]) -> None:
        with self._keeping:
            for key, data in new.items():
                if key not in self._kept:
                    self._kept[key] = data
                    self._size += len(data)
            while self._size > CACHE:
                self._size -= len(self._kept.popitem(last=False)[1])


def _part_key(key: str, number: int) -> str:
    return f"{key}#{number}"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cut(text: bytes) -> list[bytes]:
    """Cut UTF-8 between characters."""
    parts: list[bytes] = []
    start = 0
    while start < len(text) or not parts:
        end = min(start + PART - HEADER, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        parts.append(text[start:end])
        start = end
    return parts


def _count(first: str) -> int:
    """Read how many parts a record has; 0 where its first is none."""
    number = first.split(" ", 1)[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0


def _whole(key: str, texts: Mapping[str, str]) -> bytes | None:
    count = _count(texts[key])
    pieces = [texts.get(_part_key(key, number) if number else key) for number in range(count)]
    parts = [piece for piece in pieces if piece is not None]
    header = "".join(parts).split(" ", 3)
    if len(parts) != count or len(header) != 4:
        return None
    _, form, digest, text = header
    try:
        data = b64decode(text, validate=True) if form == "b" else text.encode()
    except (NoBase64, ValueError):
        return None
    return data if _digest(key, data) == digest else None


def _digest(key: str, data: bytes) -> str:
    """Hash a record with its key, so that none is taken for another."""
    return sha256(key.encode() + b"\0" + data).hexdigest()
