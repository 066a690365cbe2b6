"""Word files of the .docx kind; a .docx is a zip archive of XML files."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from itertools import takewhile

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.oxml.text.paragraph import CT_P
from docx.styles.style import BaseStyle
from docx.text.paragraph import Paragraph
from lxml import etree

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.blocks import Block, page_of_blocks
from indexer.extract.title import plausible_title
from indexer.records import Extracted

MOST_ENTRIES = 10_000
MOST_BYTES = 200 * 2**20  # of all entries, inflated
_PIECE = 2**20
_BULLET = "• "
_HEADING = re.compile(r"heading ([1-6])$", re.IGNORECASE)
_SKIPPED = {  # deleted and moved text, the second writing of a drawing, text boxes (read on their own)
    qn("w:del"),
    qn("w:moveFrom"),
    qn("w:txbxContent"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}
_WRAPPERS = {qn(name) for name in ("w:sdt", "w:sdtContent", "w:ins", "w:moveTo", "w:customXml")}
_CHARACTERS = {qn("w:tab"): " ", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}


def read(data: bytes) -> Extracted:
    """Read a .docx as one page: paragraphs, headings, list items and tables in their order.

    Insertions under review count, deletions do not; headers, footers, notes and comments are left out. Raises
    DocumentRefusedError: RESOURCES for archives that inflate too far, ENCRYPTED, DAMAGED, EMPTY.
    """
    _check_archive(data)
    try:
        document = docx.Document(io.BytesIO(data))
        page = page_of_blocks(_lists_closed_up(_blocks(document.element.body, document)))
        title = document.core_properties.title
    except (KeyError, ValueError, AttributeError, etree.LxmlError, OpcError) as error:
        if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:  # which says "unknown error"
            raise MemoryError from error
        raise _damaged(str(error)) from error
    if not page.lines:
        raise DocumentRefusedError(Refusal.EMPTY, "the Word file holds no text, so there is nothing to index")
    return Extracted("docx", f"python-docx {version('python-docx')}", (page,), title=plausible_title(title))


def _check_archive(data: bytes) -> None:
    """Inflate everything once in small pieces, since the sizes that an archive states may be wrong."""
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES:
                raise _too_big(f"{len(entries)} entries, more than {MOST_ENTRIES}")
            if any(entry.flag_bits & 1 for entry in entries):
                raise DocumentRefusedError(
                    Refusal.ENCRYPTED,
                    "the Word file asks for a password, so it cannot be read: save a copy without one",
                )
            for entry in entries:
                with archive.open(entry) as stream:
                    while piece := stream.read(_PIECE):
                        total += len(piece)
                        if total > MOST_BYTES:
                            raise _too_big(f"more than {MOST_BYTES >> 20} MB when unpacked")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise _damaged(str(error)) from error


def _blocks(parent: etree._Element, document: Document) -> Iterator[Block]:
    for element in parent:
        if isinstance(element, CT_P):
            yield from _paragraph(element, document)
        elif element.tag == qn("w:tbl"):
            for number, row in enumerate(element.iterfind(qn("w:tr"))):
                cells = (
                    " ".join(block.text for block in _blocks(cell, document)) for cell in row.iterfind(qn("w:tc"))
                )
                yield Block(" | ".join(" ".join(cell.split()) for cell in cells).rstrip(" |"), tight=number > 0)
        elif element.tag in _WRAPPERS:
            yield from _blocks(element, document)


def _paragraph(element: CT_P, document: Document) -> Iterator[Block]:
    style = Paragraph(element, document).style
    name = (style.name if style is not None else None) or ""
    found = _HEADING.match(name)
    heading = int(found.group(1)) if found else 1 if name == "Title" else 0
    text = _text(element).strip()
    if text and not heading and _is_item(element, style):
        text = _BULLET + text
    yield Block(text, heading=heading, caption=name == "Caption")
    for box in element.iter(qn("w:txbxContent")):
        above = takewhile(lambda one: one is not element, box.iterancestors())
        if not any(one.tag in _SKIPPED for one in above):  # a box within a box belongs to a paragraph of its own
            yield from _blocks(box, document)


def _is_item(element: CT_P, style: BaseStyle | None) -> bool:
    """Tell whether the paragraph, or else its style, is numbered or has a bullet."""
    number = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}/{qn('w:numId')}")
    if number is not None:
        return number.get(qn("w:val")) != "0"  # 0 takes away what the style has
    seen: set[str] = set()  # styles can be based on each other in a circle
    while style is not None and style.style_id not in seen:
        seen.add(style.style_id)
        if style.element.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None:
            return True
        style = getattr(style, "base_style", None)
    return False


def _lists_closed_up(blocks: Iterator[Block]) -> Iterator[Block]:
    """Set items that follow each other without a blank line between them."""
    after_item = False
    for block in blocks:
        is_item = block.text.startswith(_BULLET)
        yield replace(block, tight=True) if is_item and after_item else block
        after_item = is_item


def _text(element: etree._Element) -> str:
    """Return the text under an element as it reads once all changes under review are accepted."""
    if element.tag in _SKIPPED:
        return ""
    if element.tag == qn("w:t"):
        return element.text or ""
    if element.tag in _CHARACTERS:
        return _CHARACTERS[element.tag]
    return "".join(_text(child) for child in element)


def _damaged(problem: str) -> DocumentRefusedError:
    problem = " ".join(problem.split())
    return DocumentRefusedError(
        Refusal.DAMAGED, f"the Word file is damaged ({problem}), so it cannot be read: get it again or save it anew"
    )


def _too_big(what: str) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.RESOURCES, f"the Word file holds {what}, so it is not opened: give its text as PDF or plain text"
    )
