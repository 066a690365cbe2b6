"""Plain text; form feeds divide it into pages."""

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.blocks import plain_page
from indexer.extract.encoding import decode
from indexer.records import Extracted


def read(data: bytes) -> Extracted:
    """Read plain text in any encoding that can be told.

    Raises DocumentRefusedError: ENCODING, UNSUPPORTED for bytes that are no text, EMPTY.
    """
    text, note = decode(data)
    pages = tuple(plain_page(number, page) for number, page in enumerate(text.rstrip().split("\f"), start=1))
    if not any(page.lines for page in pages):
        raise DocumentRefusedError(Refusal.EMPTY, "the file holds nothing but blanks, so there is nothing to index")
    return Extracted("text", "plain text", pages, notes=(note,) if note else ())
