"""Where a list goes on, written so that it holds for one generation of the index alone."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from indexer.errors import InputError
from indexer.records import Version

USUAL_LIMIT = 100
MOST_DOCUMENTS = 1000
_SIGNS = re.compile(r"[\w-]+", re.ASCII)
_FORM = re.compile(r"(\d{1,15})\.(\w{1,64})\.(\d{1,15})", re.ASCII)


class OldCursorError(InputError):
    """A cursor is of another generation than the index has now."""


def cursor_at(place: int, version: Version) -> str:
    """Write a cursor: opaque to clients, who could use nothing that is in it."""
    text = f"{version.generation}.{version.token}.{place}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str, version: Version) -> int:
    """Read a cursor of this generation. Raises InputError, OldCursorError."""
    try:
        text = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    found = _FORM.fullmatch(text) if _SIGNS.fullmatch(cursor) else None  # decoding leaves out what is no sign of it
    if not found:
        raise InputError("this is not a cursor; take `next_cursor` of an answer as it is, or begin without one")
    if (int(found[1]), found[2]) != (version.generation, version.token):
        raise OldCursorError(
            f"this cursor is of generation {found[1]} and the index has changed since; begin again without a cursor"
        )
    return int(found[3])
