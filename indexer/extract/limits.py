"""How much text one file may hold. What a reader gives is cut and encoded by the parent, whose memory it fills."""

from indexer.errors import DocumentRefusedError, Refusal
from indexer.records import Extracted

# Twice the text of the largest public reports, of some 2,500 pages. At these limits the parent holds 40 MB of a file.
MOST_PAGES = 10_000
MOST_CHARACTERS = 5_000_000
MOST_PIECES = 200_000  # lines, and runs of the maps to the reader's characters


def refuse_pages(count: int) -> None:
    """Refuse a file of too many pages, before any is read. Raises DocumentRefusedError: RESOURCES."""
    if count > MOST_PAGES:
        raise _endless(f"{count:,} pages, more than {MOST_PAGES:,}")


def refuse_endless(extracted: Extracted) -> None:
    """Refuse more text than a report can have. Raises DocumentRefusedError: RESOURCES."""
    refuse_pages(len(extracted.pages))
    characters = sum(len(page.text) for page in extracted.pages)
    if characters > MOST_CHARACTERS:
        raise _endless(f"{characters:,} characters of text, more than {MOST_CHARACTERS:,}")
    pieces = sum(len(page.lines) + len(page.raw_map) for page in extracted.pages)
    if pieces > MOST_PIECES:
        raise _endless(f"{pieces:,} lines and runs of text, more than {MOST_PIECES:,}")


def _endless(what: str) -> DocumentRefusedError:
    return DocumentRefusedError(Refusal.RESOURCES, f"the file has {what}: split it into several files")
