"""Makes the files that these tests read."""

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping

import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from indexer.errors import DocumentRefusedError

WIDTH, HEIGHT = 600, 800


def pdf(*pages: Callable[[Canvas], None], title: str = "") -> bytes:
    """Make a PDF with one page for each function that draws one."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH, HEIGHT), invariant=1)
    if title:
        canvas.setTitle(title)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def lines(*texts: str, font: str = "Helvetica", size: int = 12, top: int = 700) -> Callable[[Canvas], None]:
    """Draw lines of text from the left margin down."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for number, text in enumerate(texts):
            canvas.drawString(60, top - 20 * number, text)

    return draw


def picture(canvas: Canvas) -> None:
    """Draw a picture over most of the page, as a scanner does."""
    from PIL import Image

    canvas.drawImage(ImageReader(Image.new("L", (8, 8), 128)), 50, 50, 500, 700)


def blank(canvas: Canvas) -> None:
    """Draw nothing."""


def raw_pdf(
    content: bytes,
    *,
    filters: bytes = b"",
    page: bytes = b"",
    characters: Mapping[str, str] | None = None,
    font: bytes = b"Helvetica",
) -> bytes:
    """Make a PDF of one page written byte by byte.

    `characters` says what the font claims that a letter stands for, `page` and `filters` add to the dictionaries of
    page and content.
    """
    entries = "\n".join(
        f"<{ord(char):02X}> <{meaning.encode('utf-16-be', 'surrogatepass').hex()}>"
        for char, meaning in (characters or {}).items()
    )
    meanings = (
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00><FF> "
        f"endcodespacerange {len(characters or {})} beginbfchar\n{entries}\nendbfchar endcmap end end"
    ).encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>%s>>"
        % (WIDTH, HEIGHT, page),
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), filters, content),
        b"<</Type/Font/Subtype/Type1/BaseFont/%s/Encoding/WinAnsiEncoding/ToUnicode 6 0 R>>" % font,
        b"<</Length %d>>stream\n%s\nendstream" % (len(meanings), meanings),
    ]
    made = b"%PDF-1.7\n"
    offsets = []
    for number, content_of_object in enumerate(objects, start=1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content_of_object)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(made)
    made += b"xref\n0 7\n0000000000 65535 f \n%strailer<</Size 7/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        table,
        start,
    )
    return made


def bomb_pdf(megabytes: int) -> bytes:
    """Make a few kilobytes that unpack to so many megabytes of blanks: each full flush can be repeated as it is."""
    unit = b" " * 2**20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(unit) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(megabytes):
        checksum = zlib.adler32(unit, checksum)
    once = b"\x78\xda" + piece * megabytes + b"\x03\x00" + checksum.to_bytes(4, "big")
    return raw_pdf(zlib.compress(once), filters=b"/Filter[/FlateDecode/FlateDecode]")


def slow_pdf(letters: int) -> bytes:
    """Make a small PDF that draws so many letters one by one; a million takes seconds and a gigabyte."""
    content = b"BT /F1 12 Tf " + b"(a) Tj " * letters + b"ET"
    return raw_pdf(zlib.compress(content), filters=b"/Filter/FlateDecode")


def archive(entries: Mapping[str, bytes | str]) -> bytes:
    """Make a zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return stream.getvalue()


def refusal(read: Callable[[bytes], object], data: bytes) -> DocumentRefusedError:
    """Return the refusal that reading `data` ends with."""
    with pytest.raises(DocumentRefusedError) as caught:
        read(data)
    return caught.value
