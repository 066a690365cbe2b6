"""PDF files, read with PDFium; pypdf steps in where PDFium gives up.

PDFium is not safe in threads and can be made to take gigabytes, so this runs in a child process only.
"""

import ctypes
import io
import math
import re
from collections.abc import Iterable
from dataclasses import replace

import pypdfium2
import pypdfium2.raw as pdfium

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.blocks import line_spans, plain_page
from indexer.extract.characters import clean, raw_offset
from indexer.extract.limits import refuse_pages
from indexer.extract.title import plausible_title
from indexer.records import Box, Extracted, Line, Page

FEW_CHARACTERS = 20  # a page with fewer and a picture is a scan; of 5,045 real pages one has fewer
_HYPHEN = "\ufffe"  # how PDFium's text has a hyphen that ends a line
_TAIL = 1024  # bytes at the end among which the end-of-file mark must be
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_BOLD_WEIGHT = 600
_FORCE_BOLD = 1 << 18  # bit 19 of a font's flags, ISO 32000-1 table 123


def read(data: bytes) -> Extracted:
    """Read a PDF, page by page, with the place and font of every line.

    Raises DocumentRefusedError: ENCRYPTED, NEEDS_OCR (naming the pages), RESOURCES, EMPTY or DAMAGED.
    """
    count = None
    try:
        with pypdfium2.PdfDocument(data) as document:
            count = len(document)
            refuse_pages(count)
            found = _read_with_pdfium(document)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise DocumentRefusedError(
                Refusal.ENCRYPTED,
                "the PDF is locked with a password or certificate, so it cannot be read: save a copy without",
            ) from error
        found = _read_with_pypdf(data, " ".join(str(error).split()).rstrip("."), count)
    if b"%%EOF" not in data[-_TAIL:]:
        note = "the file has no end-of-file mark, so it may have been cut short"
        found = replace(found, notes=(*found.notes, note))
    return found


def _read_with_pdfium(document: pypdfium2.PdfDocument) -> Extracted:
    pages = []
    drawn = []  # pages on which there is anything at all
    for index in range(len(document)):
        page = document[index]
        if pdfium.FPDFPage_CountObjects(page) > 0:
            drawn.append(index + 1)
        pages.append(_page(page, index + 1))
        page.close()
    _refuse_without_text(pages, drawn)
    return Extracted(
        "pdf",
        f"pypdfium2 {pypdfium2.PYPDFIUM_INFO}",
        tuple(pages),
        title=plausible_title(document.get_metadata_value("Title")),
    )


def _page(page: pypdfium2.PdfPage, number: int) -> Page:
    textpage = page.get_textpage()
    raw = _raw_text(textpage)
    text, raw_map = clean(raw)
    geometry = _Geometry(page, textpage, raw)
    lines = []
    for start, end in line_spans(text):
        first, last = raw_offset(raw_map, start), raw_offset(raw_map, end - 1)
        box, size, bold = geometry.line(first, last)
        lines.append(Line(start, end, box, size, bold))
    textpage.close()
    needs_ocr = _readable(text) < FEW_CHARACTERS and _has_picture(page)
    return Page(number, text, tuple(lines), raw_map, needs_ocr)


def _raw_text(textpage: pypdfium2.PdfTextPage) -> str:
    """Return the page's characters such that an offset in the text is PDFium's own index of the character."""
    text: str = textpage.get_text_range()
    count = textpage.count_chars()
    if len(text) != count:  # some characters have no place in PDFium's text, or two
        return "".join(chr(pdfium.FPDFText_GetUnicode(textpage, index)) for index in range(count))
    # U+FFFE marks a hyphen at a line's end, but also a glyph that the font gives no meaning.
    return re.sub(
        _HYPHEN, lambda mark: _HYPHEN if pdfium.FPDFText_IsHyphen(textpage, mark.start()) else "\ufffd", text
    )


class Frame:
    """The part of a page that is shown, and how it is turned: places in the PDF's coordinates become places on it."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._left, self._bottom, right, top = page.get_bbox()
        self._width, self._height = right - self._left, top - self._bottom
        self._turns = page.get_rotation() // 90

    def box(self, corners: Iterable[tuple[float, float]]) -> Box | None:
        """Return the rectangle around some points; None where there are none, or none that can be placed."""
        points = [self._on_page(x, y) for x, y in corners]
        across, down = [x for x, _ in points], [y for _, y in points]
        if not points or not all(map(math.isfinite, across + down)):
            return None
        edges = min(across), min(down), max(across), max(down)
        return Box(*(round(min(max(edge, 0.0), 1.0), 5) for edge in edges))

    def _on_page(self, x: float, y: float) -> tuple[float, float]:
        """Turn a point of the PDF's own coordinates into fractions of the page as it is shown."""
        if not (self._width and self._height):
            return math.nan, math.nan
        x, y = (x - self._left) / self._width, (y - self._bottom) / self._height
        return ((x, 1 - y), (y, x), (1 - x, y), (1 - y, 1 - x))[self._turns]


class _Geometry:
    """Asks PDFium where the lines of one page stand and in what font, in few calls; indices are PDFium's own."""

    def __init__(self, page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, raw: str) -> None:
        self._textpage = textpage
        self._raw = raw
        self._frame = Frame(page)
        self._rectangle = pdfium.FS_RECTF()
        self._matrix = pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()

    def line(self, first: int, last: int) -> tuple[Box | None, float | None, bool]:
        """Return box, font size in points and boldness of the line from character `first` to `last`."""
        corners = [first, last]
        # A hyphen at a line's end joins two drawn lines into one line of text.
        if _HYPHEN in self._raw[first:last]:
            breaks = [at for at in range(first + 1, last) if self._raw[at] == _HYPHEN]
            corners += breaks + [at + 1 for at in breaks]
        letter = next((at for at in range(first, last + 1) if self._raw[at].isalpha()), first)
        final = next((at for at in range(last, letter, -1) if self._raw[at].isalpha()), letter)
        return self._box(corners), self._size(letter), self._is_bold(letter) and self._is_bold(final)

    def _box(self, indices: list[int]) -> Box | None:
        """Return the rectangle around some characters."""
        box = self._rectangle
        corners = []
        for index in indices:
            if pdfium.FPDFText_GetLooseCharBox(self._textpage, index, box):
                corners += [(box.left, box.bottom), (box.right, box.top)]
        return self._frame.box(corners)

    def _size(self, index: int) -> float | None:
        """Return the font size as drawn: many files state size 1 and scale it by the matrix."""
        size: float = pdfium.FPDFText_GetFontSize(self._textpage, index)
        if pdfium.FPDFText_GetMatrix(self._textpage, index, self._matrix):
            size *= math.hypot(self._matrix.c, self._matrix.d)
        return round(size, 2) if math.isfinite(size) and size > 0 else None

    def _is_bold(self, index: int) -> bool:
        if pdfium.FPDFText_GetFontWeight(self._textpage, index) >= _BOLD_WEIGHT:
            return True
        length = pdfium.FPDFText_GetFontInfo(self._textpage, index, self._name, len(self._name), self._flags)
        if not 0 < length <= len(self._name):
            return False
        return bool(self._flags.value & _FORCE_BOLD or _BOLD_NAME.search(self._name.value))


def _readable(text: str) -> int:
    """Count the characters of a text that can be read."""
    return sum(not (char.isspace() or char == "\ufffd") for char in text)


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    return next(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]), None) is not None


def _refuse_without_text(pages: list[Page], drawn: list[int]) -> None:
    if not pages:
        raise _damaged("it has no pages")
    if any(_readable(page.text) and not page.needs_ocr for page in pages):
        return
    scans = [page.number for page in pages if page.needs_ocr] or drawn
    if not scans:
        raise DocumentRefusedError(Refusal.EMPTY, "every page of the PDF is blank, so there is nothing to index")
    raise DocumentRefusedError(
        Refusal.NEEDS_OCR,
        f"{_named(scans)} of {len(pages)}: pictures without a text layer, so nothing can be read: "
        "run text recognition on the file (for example with ocrmypdf) and index the result",
        pages=tuple(scans),
    )


def _named(numbers: list[int]) -> str:
    """Write page numbers as ranges: "pages 1-3, 7"."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    names = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
    return f"page {names}" if len(numbers) == 1 else f"pages {names}"


def _read_with_pypdf(data: bytes, problem: str, count: int | None) -> Extracted:
    """Read what PDFium could not; `count` is the number of pages where PDFium got so far as to tell it."""
    import pypdf  # noqa: PLC0415 - only for the few files that PDFium does not read
    from pypdf.errors import LimitReachedError, PyPdfError  # noqa: PLC0415

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        pages = [plain_page(number, page.extract_text()) for number, page in enumerate(reader.pages, start=1)]
        title = reader.metadata.title if reader.metadata else None
    except LimitReachedError as error:
        raise DocumentRefusedError(
            Refusal.RESOURCES,
            f"the PDF unpacks to far more than its size ({error}), so it is not read: save it anew from its source",
        ) from error
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError) as error:
        raise _damaged(f"{problem}; pypdf: {' '.join(str(error).split())}") from error
    if count not in (None, len(pages)):  # the pages would be numbered otherwise than they are shown
        raise _damaged(f"{problem}; {count} pages by one count, {len(pages)} by another")
    _refuse_without_text(pages, [page.number for page in pages])
    return Extracted(
        "pdf",
        f"pypdf {pypdf.__version__}",
        tuple(pages),
        title=plausible_title(title),
        notes=(f"read with pypdf, without the places of its lines, since PDFium could not ({problem})",),
    )


def _damaged(problem: str) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.DAMAGED, f"the PDF is damaged ({problem}), so it cannot be read: get it again from where it came"
    )
