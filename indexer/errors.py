"""Every error Citewell raises on purpose.

    CitewellError
      InputError              a query, filter, source or setting that cannot be used
        NotFoundError         a document or page that the index does not hold
      UnusableIndexError
        IndexMissingError     no index in the folder
        IndexFormatError      an index of another format, or damaged
        IndexBusyError        another process is writing
        GenerationGoneError   what was being read was removed meanwhile
        EncoderMismatchError  the index was made with another encoder
      ModelError              the embedding model is missing or altered
      WorkersError            the workers that make documents cannot be reached, or are not what the sync needs
      DocumentRefusedError    one document cannot be read; never stops the others

Messages say what was found, why it cannot be used, and what to do. Only `service.cli` turns an error into an
exit code and only `service.app` into an HTTP status.
"""

from enum import StrEnum


class CitewellError(Exception):
    """Base of all errors that are ours; its text is meant for the person who ran the command."""


class InputError(CitewellError):
    """A query, filter, source or setting cannot be used as given."""


class NotFoundError(InputError):
    """The index holds no such document or page."""


class UnusableIndexError(CitewellError):
    """The index cannot be used."""


class IndexMissingError(UnusableIndexError):
    """There is no index in the folder."""


class IndexFormatError(UnusableIndexError):
    """The index has another format or is damaged."""


class IndexBusyError(UnusableIndexError):
    """Another process is writing to the index."""


class GenerationGoneError(UnusableIndexError):
    """The index moved on while it was read, and what was being read was removed; asking again helps."""


class EncoderMismatchError(UnusableIndexError):
    """The index was made with another encoder than the one in use."""


class ModelError(CitewellError):
    """The embedding model is missing, incomplete or not the one expected."""


class WorkersError(CitewellError):
    """The workers that make documents cannot be reached, or are not what the sync needs."""


class Refusal(StrEnum):
    """Why a document was refused; stable codes for scripts."""

    EMPTY = "empty"  # no bytes, or no text in it at all
    ENCRYPTED = "encrypted"  # needs a password
    NEEDS_OCR = "needs_ocr"  # pages are pictures, without a text layer
    ERROR_PAGE = "error_page"  # a web page without an article, such as a saved "not found" page
    ENCODING = "encoding"  # text in no encoding that can be told
    UNSUPPORTED = "unsupported"  # a type of file that is not read
    DAMAGED = "damaged"  # starts like its type but cannot be read
    TOO_LARGE = "too_large"  # over the size limit
    RESOURCES = "resources"  # reading it passed the memory, CPU or time limit
    CRASHED = "crashed"  # the reader process died
    UNREADABLE = "unreadable"  # no permission, or the disk failed
    VANISHED = "vanished"  # went away while being read
    CHANGED = "changed"  # kept changing while being read
    METADATA = "metadata"  # its front matter or manifest row cannot be used


class DocumentRefusedError(CitewellError):
    """One document cannot be indexed.

    `code` is stable and for scripts; the message is one sentence for people. `pages` lists the page numbers
    concerned (from 1) where that is known, e.g. the pages that need OCR.
    """

    def __init__(self, code: Refusal, message: str, *, pages: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.pages = pages
