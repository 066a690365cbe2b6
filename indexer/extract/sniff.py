"""Tells a file's format from its bytes; names and suffixes are not trusted."""

import csv
import io
import json
import re
import zipfile
from itertools import takewhile

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.encoding import decode

FORMATS = {  # format: what a message calls it, and the suffixes of such files
    "pdf": ("a PDF", (".pdf",)),
    "html": ("a web page", (".html", ".htm", ".xhtml")),
    "docx": ("a Word file", (".docx",)),
    "markdown": ("Markdown", (".md", ".markdown", ".txt")),
    "text": ("plain text", (".txt", ".text", ".md", ".markdown")),
}
_SIGNATURES = (  # the first bytes of what is not read
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"RIFF", "a picture, sound or film"),
    (b"{\\rtf", "an RTF file"),
    (b"%!PS", "a PostScript file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIPS = (  # the start of an entry's name, and what has such an entry
    ("xl/", "an Excel workbook"),
    ("ppt/", "a PowerPoint presentation"),
    ("visio/", "a Visio drawing"),
    ("META-INF/container.xml", "an EPUB book"),
    ("META-INF/manifest.xml", "an OpenDocument file"),
)
_HEAD = 65536  # characters of a text that are looked at
_WHOLE_PAGE = re.compile(r"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_PART_OF_PAGE = re.compile(
    r"<(div|p|h[1-6]|article|section|main|table|[uo]l|meta|title|span)\b[^<>]*>", re.IGNORECASE
)
_OTHER_XML = re.compile(r"<\?xml|<svg\b|<rss\b", re.IGNORECASE)
_NAMED_VALUE = re.compile(r"[\w\"'][\w\"' -]*:(\s|$)")
_HEADING = re.compile(r"^#{1,6} +\S", re.MULTILINE)
_TITLE = re.compile(r"\s*#{1,6} +\S.*\n\s*\n")
_MARKS = (  # what plain text hardly ever has
    re.compile(r"^(```|~~~)", re.MULTILINE),
    re.compile(r"\[[^\[\]\n]+\]\([^()\s]+\)"),
    re.compile(r"\*\*[^\s*][^*\n]*\*\*"),
    re.compile(r"^ {0,3}\|?[ :]*---[ :|-]*\|", re.MULTILINE),
)


def sniff(data: bytes) -> str:
    """Return "pdf", "html", "docx", "markdown" or "text".

    Raises DocumentRefusedError: EMPTY, UNSUPPORTED naming what it is, ENCRYPTED, ENCODING, DAMAGED.
    """
    if not data.strip():
        raise DocumentRefusedError(Refusal.EMPTY, "the file is empty, so there is nothing to index")
    if re.search(rb"%PDF-\d", data[:1024]):
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(data)
    if data.startswith(_OLE):
        raise _ole(data)
    for signature, what in _SIGNATURES:
        if data.startswith(signature):
            raise _unsupported(what)
    if _is_html(data[:_HEAD].decode("latin-1")):  # whose encoding is the page's to say
        return "html"
    return _sniff_text(decode(data)[0])


def misnamed(name: str, kind: str) -> str | None:
    """Say so if a file's name promises another format than `kind`, the one it has."""
    suffix = re.search(r"\.\w+$", name.lower())
    what, suffixes = FORMATS[kind]
    promised = {ending for _, endings in FORMATS.values() for ending in endings}
    if suffix is None or suffix.group() in suffixes or suffix.group() not in promised:
        return None
    return f"named {suffix.group()} but is {what}"


def _sniff_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DocumentRefusedError(
            Refusal.DAMAGED,
            f"the file starts like a zip archive or Word file but is damaged ({error}), so it cannot be read: "
            "get it again from where it came",
        ) from error
    if any(name.startswith("word/document") for name in names):
        return "docx"
    for start, what in _ZIPS:
        if any(name.startswith(start) for name in names):
            raise _unsupported(what)
    raise _unsupported("a zip archive")


def _sniff_text(text: str) -> str:
    head = text[:_HEAD]
    if _is_html(head):
        return "html"
    if _OTHER_XML.match(head.lstrip()):
        raise _unsupported("an XML file")
    if _is_json(text):
        raise _unsupported("JSON data")
    if _is_table(head):
        raise _unsupported("a table of data")
    return "markdown" if _is_markdown(head.replace("\r\n", "\n")) else "text"


def _is_html(text: str) -> bool:
    """Tell a web page, or a part of one, by its first tag."""
    text = text.removeprefix("\xef\xbb\xbf").strip()
    while text.startswith(("<!--", "<?xml")):
        _, _, text = text.partition("-->" if text.startswith("<!--") else ">")
        text = text.lstrip()
    return bool(_WHOLE_PAGE.match(text) or (_PART_OF_PAGE.match(text) and text.endswith(">")))


def _is_json(text: str) -> bool:
    text = text.strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        if isinstance(json.loads(text.partition("\n")[0]), dict):  # one value on each line
            return True
    except ValueError:
        pass
    except RecursionError:
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def _is_table(text: str) -> bool:
    """Tell delimited data: three columns or more, as many in each of the first lines, and hardly a sentence."""
    lines = [line for line in text.split("\n") if line.strip()][:50]
    for delimiter in ",\t;|":
        try:
            rows = list(csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            continue
        widths = {len(row) for row in rows}
        if len(rows) >= 3 and len(widths) == 1 and widths.pop() >= 3:
            cells = [cell for row in rows for cell in row]
            return sum(map(len, cells)) < 40 * len(cells)
    return False


def _is_markdown(text: str) -> bool:
    """Tell Markdown by front matter, by headings, or by two other marks: when in doubt it is plain text."""
    lines = text.split("\n")
    if lines[0].rstrip() == "---":
        matter = list(takewhile(lambda line: line.rstrip() != "---", lines[1:]))
        if len(matter) < len(lines) - 1 and any(map(_NAMED_VALUE.match, matter)):
            return True
    headings = len(_HEADING.findall(text))
    return headings > 1 or bool(_TITLE.match(text)) or headings + sum(bool(mark.search(text)) for mark in _MARKS) > 1


def _ole(data: bytes) -> DocumentRefusedError:
    """Refuse files of Office's old container, in which it also wraps files with a password."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return DocumentRefusedError(
            Refusal.ENCRYPTED, "the Office file asks for a password, so it cannot be read: save a copy without one"
        )
    return _unsupported(
        "an old Word file (.doc)" if "WordDocument".encode("utf-16-le") in data else "an old Office file"
    )


def _unsupported(what: str) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.UNSUPPORTED,
        f"it is {what}, which is not read: give the document as PDF, HTML, DOCX, Markdown or plain text",
    )
