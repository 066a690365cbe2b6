"""A page of a PDF as a picture, with some of its characters marked.

PDFium is not safe in threads and can be made to take gigabytes, so this runs in a child process only.
"""

import ctypes
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.pdf import Frame
from indexer.records import Box, Picture

MOST_PIXELS = 16_000_000  # a page of A4 that is 2,000 wide has 5.7 million
_WASH = (255, 236, 96)  # multiplied, so that black stays black
_EDGE = (58, 42, 0)
_EDGE_WIDTH = 2  # pixels
_COLOURS = 128  # of the palette; of 1,000 real pages 1,000 pixels wide, none then has more than 106 kB
_GAP = 1.0  # of a line's height, between two characters of one box; wider ones are gaps of tables or columns
_SAME_LINE = 0.5  # of the lower one's height that two characters of a line have in common


def draw(data: bytes, page: int, runs: Sequence[tuple[int, int]], width: int) -> Picture:
    """Draw page number `page`, `width` pixels wide; `runs` are PDFium's own indices `[start, end)` of characters.

    Raises DocumentRefusedError, or PdfiumError where there is no such page.
    """
    with pypdfium2.PdfDocument(data) as document:
        its_page = document[page - 1]
        image = _rendered(its_page, page, width)
        boxes, marked = _marks(its_page, runs)
    return Picture(_png(_marked(image, boxes)), image.width, image.height, boxes, marked)


def _rendered(page: pypdfium2.PdfPage, number: int, width: int) -> Image.Image:
    across, down = page.get_size()
    if not 0 < across * down < math.inf:
        raise DocumentRefusedError(Refusal.DAMAGED, f"page {number} has no size, so it cannot be drawn")
    height = max(1, round(width * down / across))
    if width * height > MOST_PIXELS:
        raise DocumentRefusedError(
            Refusal.TOO_LARGE, f"page {number} is {down / across:,.0f} times as high as wide, so it cannot be drawn"
        )
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGRx, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
    pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, flags)
    image: Image.Image = bitmap.to_pil().convert("RGB")
    return image


@dataclass(frozen=True, slots=True)
class _Part:
    """A rectangle of a line in the PDF's own coordinates, from character `first` to `last`."""

    first: int
    last: int
    is_sideways: bool  # it is written upwards or downwards
    left: float
    bottom: float
    right: float
    top: float

    def joined(self, other: "_Part") -> "_Part | None":
        """Return the rectangle around both, where the other one goes on in the same line."""
        if self.is_sideways != other.is_sideways:
            return None
        along = (self.left, self.right, other.left, other.right)
        across = (self.bottom, self.top, other.bottom, other.top)
        if self.is_sideways:
            along, across = across, along
        height = min(across[1] - across[0], across[3] - across[2])
        common = min(across[1], across[3]) - max(across[0], across[2])
        gap = max(along[0], along[2]) - min(along[1], along[3])
        if common < _SAME_LINE * height or gap > _GAP * height:
            return None
        return replace(
            self,
            last=other.last,
            left=min(self.left, other.left),
            bottom=min(self.bottom, other.bottom),
            right=max(self.right, other.right),
            top=max(self.top, other.top),
        )


class _Characters:
    """Asks PDFium where the visible characters of a page are."""

    def __init__(self, textpage: pypdfium2.PdfTextPage) -> None:
        self._textpage = textpage
        self._loose = pdfium.FS_RECTF()
        self._tight = [ctypes.c_double() for _ in range(4)]
        self.count: int = textpage.count_chars()

    def sign(self, index: int) -> str:
        """Return a character; empty where it is none that is drawn."""
        if pdfium.FPDFText_IsGenerated(self._textpage, index):
            return ""
        sign = chr(pdfium.FPDFText_GetUnicode(self._textpage, index))
        return "" if sign.isspace() else sign

    def part(self, index: int, *, is_tight: bool) -> _Part | None:
        """Return a character's rectangle: as high as its line, or as its own ink where that is asked for."""
        is_sideways = abs(math.sin(pdfium.FPDFText_GetCharAngle(self._textpage, index))) > math.sqrt(0.5)
        box = self._loose
        if not is_tight and pdfium.FPDFText_GetLooseCharBox(self._textpage, index, box):
            part = _Part(index, index, is_sideways, box.left, box.bottom, box.right, box.top)
            if part.left < part.right and part.bottom < part.top:
                return part
        if not pdfium.FPDFText_GetCharBox(self._textpage, index, *self._tight):
            return None
        left, right, bottom, top = (edge.value for edge in self._tight)
        return _Part(index, index, is_sideways, left, bottom, right, top)


def _marks(page: pypdfium2.PdfPage, runs: Sequence[tuple[int, int]]) -> tuple[tuple[Box, ...], str]:
    """Return the boxes around some characters, and the characters."""
    if not runs:
        return (), ""
    textpage = page.get_textpage()
    characters = _Characters(textpage)
    wanted = {at for start, end in runs for at in range(max(start, 0), min(end, characters.count))}
    marked = {at: sign for at in sorted(wanted) if (sign := characters.sign(at))}
    parts = _parts(characters, marked, is_tight=False)
    if _covers_others(characters, wanted, parts):  # some fonts state heights that reach over other lines
        parts = _parts(characters, marked, is_tight=True)
    frame = Frame(page)
    boxes = [frame.box([(part.left, part.bottom), (part.right, part.top)]) for part in parts]
    textpage.close()
    shown = (box for box in boxes if box and box.left < box.right and box.top < box.bottom)
    text = "".join(marked.values()).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return tuple(shown), text


def _parts(characters: _Characters, marked: Iterable[int], *, is_tight: bool) -> list[_Part]:
    """Join the rectangles of neighbouring characters to one a line."""
    parts: list[_Part] = []
    for index in marked:
        part = characters.part(index, is_tight=is_tight)
        if part is None:
            continue
        follows = parts and not any(characters.sign(at) for at in range(parts[-1].last + 1, index))
        joined = parts[-1].joined(part) if follows else None
        if joined:
            parts[-1] = joined
        else:
            parts.append(part)
    return parts


def _covers_others(characters: _Characters, wanted: set[int], parts: Sequence[_Part]) -> bool:
    """Tell whether the middle of a character that is not wanted is within a rectangle."""
    for index in range(characters.count):
        if index not in wanted and characters.sign(index) and (ink := characters.part(index, is_tight=True)):
            x, y = (ink.left + ink.right) / 2, (ink.bottom + ink.top) / 2
            if any(part.left <= x <= part.right and part.bottom <= y <= part.top for part in parts):
                return True
    return False


def _marked(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """Wash the boxes with yellow, and draw a line around them all, so that they are not told by colour alone."""
    if not boxes:
        return image
    inside, around = (_filled(image.size, boxes, margin) for margin in (0, _EDGE_WIDTH))
    washed = ImageChops.multiply(image, Image.new("RGB", image.size, _WASH))
    made = Image.composite(washed, image, inside)
    made.paste(_EDGE, mask=ImageChops.subtract(around, inside))
    return made


def _filled(size: tuple[int, int], boxes: Sequence[Box], margin: int) -> Image.Image:
    """Make a mask of the boxes, each grown by a margin in pixels."""
    width, height = size
    mask = Image.new("L", size)
    for box in boxes:
        left, top = math.floor(box.left * width) - margin, math.floor(box.top * height) - margin
        right, bottom = math.ceil(box.right * width) + margin, math.ceil(box.bottom * height) + margin
        mask.paste(255, (left, top, right, bottom))
    return mask


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    few = image.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(stream, "PNG")
    return stream.getvalue()
