"""The head: the one row that says what a generation is. Milvus has no transactions, so writing it is the commit.

All other rows are written before it under the number of their attempt, and never change. A row counts from the head
on that lets its attempt count, and until the head that names its document as gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from indexer.errors import IndexFormatError, UnusableIndexError
from indexer.milvus.server import Row, Server, Table
from indexer.milvus.tables import damaged, put_together, rows_of
from indexer.records import Version

FORMAT = 1
KEPT = 3  # heads that stay, for whoever wants to see what happened
# A writer that was taken for dead may still add rows for a while, not for fifty generations.
REMEMBERED = 50


@dataclass(frozen=True)
class Head:
    """What a generation is."""

    number: int = 0  # of the attempt that wrote this
    base: int = 0  # number of the head before it
    version: Version = field(default_factory=lambda: Version(0, ""))  # stays where only refusals changed
    fingerprint: str = ""  # JSON: the encoder
    finished_at: str = ""  # UTC, ISO 8601
    changes: Mapping[str, int] = field(default_factory=dict)  # added, updated, removed
    documents: int = 0
    passages: int = 0
    recounted: int = 0  # passages added or removed since repetition was counted over all
    aborted: tuple[int, ...] = ()  # attempts that came to nothing
    stamp: int = 0  # Milvus's time of the last row that counts
    # Keys of records in the table of heads; empty where there is nothing to say.
    gone: str = ""  # numbers of the documents that this generation no longer has
    refusals: str = ""
    vocabulary: str = ""
    repeated: str = ""
    history: tuple[tuple[int, str], ...] = ()  # generations and tokens, the newest last
    format: int = FORMAT

    @property
    def records(self) -> set[str]:
        """Keys of the records that it goes by."""
        return {self.gone, self.refusals, self.vocabulary, self.repeated} - {""}


class Newest(NamedTuple):
    """The newest head, and what became of the rows of the documents that it dropped."""

    head: Head
    swept: int | None  # Milvus's time by which they were deleted; None where they may be there


def head_rows(head: Head) -> list[Row]:
    """Write a head: one row, so that it is there or not."""
    rows = rows_of(_key("h", head.number), _HEAD.dump_json(head), added=head.number)
    assert len(rows) == 1
    return rows


def swept_rows(number: int, stamp: int) -> list[Row]:
    """Write that the rows of the documents which a head dropped are deleted, as of a time of Milvus."""
    return rows_of(_key("swept", number), str(stamp).encode(), added=number)


def newest(server: Server, where: str) -> Newest:
    """Read the newest head, or one of nothing, as it is now.

    Raises IndexFormatError where it is damaged or of another format: an older one would bring back what was removed.
    """
    found = put_together(server.query(Table.HEADS, 'key like "h/%" or key like "swept/%"', ["key", "data"], None))
    key = max((key for key in found if key.startswith("h/")), default=None)
    if key is None:
        return Newest(Head(), None)
    head = _read(key, found[key], where)
    swept = found.get(_key("swept", head.number))
    return Newest(head, int(swept) if swept else None)


def unfinished(head: Head, attempt: int) -> tuple[int, ...]:
    """Give the attempts whose rows do not count, up to this one, as far back as rows may still come."""
    return (*head.aborted, *range(head.number + 1, attempt))[-REMEMBERED:]


def superseded(server: Server, head: Head) -> list[str]:
    """Name the rows of the table of heads that this head does not go by, nor those that are kept."""
    keys = [str(row["key"]) for row in server.query(Table.HEADS, 'key like "%"', ["key"], None)]
    heads = sorted((key for key in keys if key.startswith("h/")), reverse=True)
    old = set(heads[KEPT:])
    old |= {key for key in keys if key.startswith("swept/") and key < _key("swept", head.number)}
    old |= {key for key in keys if key.startswith(_OF_A_HEAD) and key.split("#")[0] not in head.records}
    return sorted(old)


def record_key(kind: str, number: int) -> str:
    """Name a record that heads go by: `gone`, `refusals`, `vocabulary` or `repeated` of an attempt."""
    return _key(kind, number)


_OF_A_HEAD = ("gone/", "refusals/", "vocabulary/", "repeated/")
_HEAD = TypeAdapter(Head)


def _key(kind: str, number: int) -> str:
    return f"{kind}/{number:012d}"


def _read(key: str, data: bytes | None, where: str) -> Head:
    if data is None:
        raise damaged(key, where)
    try:
        head = _HEAD.validate_json(data)
    except ValidationError as error:
        raise _foreign(where, "an unknown format") from error
    if head.format != FORMAT:
        raise _foreign(where, f"format {head.format}")
    return head


def _foreign(where: str, found: str) -> UnusableIndexError:
    return IndexFormatError(
        f"the index in `{where}` has {found}, this version reads format {FORMAT}; use the version that wrote it, or "
        "name another index"
    )


def numbers_of(data: bytes) -> frozenset[int]:
    """Read what `numbers` wrote."""
    return frozenset(int(number) for number in data.split())


def numbers(some: Iterable[int]) -> bytes:
    """Write numbers of documents."""
    return " ".join(map(str, sorted(some))).encode()
