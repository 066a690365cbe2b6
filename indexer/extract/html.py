"""Saved web pages: the article, without the site around it."""

import logging
import re
from collections.abc import Iterator
from datetime import date

import trafilatura
from lxml import etree, html

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.blocks import Block, page_of_blocks
from indexer.extract.characters import clean
from indexer.extract.encoding import decode
from indexer.records import Extracted, Page

FEW_WORDS = 20  # less text than this is no article
SHORT_WORDS = 120  # a page with less and a title that reports an error is that error's page
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ERROR = re.compile(  # what servers write over the pages they send instead of the one asked for
    r"\bnot found\b|\bno longer (exists|available)\b|\bdoes ?n[o’']t exist\b|\baccess denied\b|\bforbidden\b"
    r"|\bunauthori[sz]ed\b|\b(temporarily|service|page) unavailable\b|\b(server|request|gateway) error\b"
    r"|\bbad (request|gateway)\b|\btoo many requests\b|\btimed? ?out\b|\bjust a moment\b"
    r"|^\W*(http )?(error|status)?\W*[45]\d\d\b|^\W*error\W*$|^\W*(sign|log) ?in\b",
    re.IGNORECASE,
)
_STATED = {  # metadata field: names of the meta tags that state it, surest first
    "title": ("dcterms.title", "dc.title", "citation_title", "og:title", "twitter:title"),
    "publisher": ("dcterms.publisher", "dc.publisher", "citation_publisher", "og:site_name"),
    "published": (
        "article:published_time",
        "dcterms.issued",
        "dcterms.date",
        "dc.date.issued",
        "dc.date",
        "citation_publication_date",
        "datepublished",
        "date",
    ),
    "source": ("og:url",),
}


def read(data: bytes) -> Extracted:
    """Read the article of a web page as one page of text.

    Raises DocumentRefusedError: ERROR_PAGE where there is no article, RESOURCES, ENCODING, UNSUPPORTED.
    """
    declared = _CHARSET.search(data[:2048])
    text, note = decode(data, declared.group(1).decode() if declared else None)
    tree = _parse(text)
    title = _tidy(tree.findtext(".//title", ""))
    stated = _stated(tree)
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it warns of is refused here
    found = trafilatura.bare_extraction(tree, include_comments=False, include_tables=True)
    page = page_of_blocks(() if found is None or isinstance(found, dict) else _blocks(found.body))
    _refuse_without_article(page, title)
    return Extracted(
        "html",
        f"trafilatura {trafilatura.__version__}",
        (page,),
        title=title or None,
        stated=stated,
        notes=(note,) if note else (),
    )


def _parse(text: str) -> html.HtmlElement:
    # libxml2 takes no entities or addresses from an HTML file, and no network with this parser.
    parser = html.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        tree = html.document_fromstring(_CONTROL.sub("", text).encode(errors="replace"), parser=parser)
    except etree.LxmlError as error:
        raise DocumentRefusedError(
            Refusal.ERROR_PAGE, "the web page holds no text, so there is nothing to index: save the page again"
        ) from error
    if limits := parser.error_log.filter_from_fatals():  # it has left out what came after
        raise DocumentRefusedError(
            Refusal.RESOURCES,
            f"the web page passes a limit ({' '.join(limits[0].message.split())}), so it cannot be read whole: "
            "give its text as Markdown or plain text",
        )
    _drop_controls(tree)
    return tree


def _drop_controls(tree: html.HtmlElement) -> None:
    """Drop the controls that were written as numbers; lxml reads them but takes none back."""
    for element in tree.iter("*"):
        element.text = element.text and _CONTROL.sub("", element.text)
        element.tail = element.tail and _CONTROL.sub("", element.tail)
        for name, value in element.items():
            if _CONTROL.search(value):
                element.set(name, _CONTROL.sub("", value))


def _stated(tree: html.HtmlElement) -> dict[str, str]:
    """Return the metadata that the page's own tags state, dates in ISO form."""
    tags: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or ""
        if value := _tidy(meta.get("content", "")):
            tags.setdefault(name.lower(), value)
    found = {field: next((tags[name] for name in names if name in tags), "") for field, names in _STATED.items()}
    for link in tree.iter("link"):
        if (link.get("rel") or "").lower() == "canonical":
            found["source"] = "".join(_tidy(link.get("href", "")).split()) or found["source"]
    if not found["source"].startswith(("http://", "https://")):
        del found["source"]
    try:
        found["published"] = date.fromisoformat(found["published"][:10]).isoformat()
    except ValueError:
        del found["published"]
    return {field: value for field, value in found.items() if value}


def _tidy(value: str) -> str:
    return " ".join(clean(value)[0].split())


def _refuse_without_article(page: Page, title: str) -> None:
    heading = next((page.text[line.start : line.end] for line in page.lines if line.heading), "")
    words = len(page.text.split())
    reports_error = bool(_ERROR.search(title) or _ERROR.search(heading))
    if words < FEW_WORDS or (words < SHORT_WORDS and reports_error):
        named = f"the web page “{title}”" if title else "the web page"
        what = "reports an error" if reports_error else "holds no article"
        raise DocumentRefusedError(
            Refusal.ERROR_PAGE, f"{named} {what}, so there is nothing to index: get the document itself again"
        )


def _blocks(parent: html.HtmlElement) -> Iterator[Block]:
    """Turn trafilatura's tree into blocks; its tags are those of TEI, such as `head`, `list` and `row`."""
    for element in parent:
        match element.tag:
            case "head":
                level = re.search(r"[1-6]", element.get("rend", ""))
                yield Block(_flow(element), heading=int(level.group()) if level else 2)
            case "list":
                yield from _items(element)
            case "table":
                yield from _rows(element)
            case "quote" | "code" if len(element) == 0:  # preformatted text keeps its lines
                yield Block((element.text or "").strip("\n"))
            case _ if element.find("p") is not None or element.find("list") is not None:
                yield Block(" ".join((element.text or "").split()))
                yield from _blocks(element)
            case _:
                yield Block(_flow(element))
        yield Block(" ".join((element.tail or "").split()))


def _items(element: html.HtmlElement, *, nested: bool = False) -> Iterator[Block]:
    numbered = element.get("rend") == "ol"
    for number, item in enumerate(element.iterfind("item"), start=1):
        marker = "" if item.get("rend", "").startswith(("dt", "dd")) else f"{number}. " if numbered else "• "
        if text := _flow(item, without="list"):
            yield Block(marker + text, tight=nested or number > 1)
        for inner in item.iterfind("list"):
            yield from _items(inner, nested=True)


def _rows(table: html.HtmlElement) -> Iterator[Block]:
    for number, row in enumerate(table.iter("row")):
        cells = [" ".join(_flow(cell).split()) for cell in row.iterfind("cell")]
        yield Block(" | ".join(cells).rstrip(" |"), tight=number > 0)


def _flow(element: html.HtmlElement, without: str = "") -> str:
    """Return an element's text as a browser flows it: blanks count as one, line breaks stay."""
    pieces = [element.text or ""]
    for child in element:
        if child.tag == "lb":
            pieces.append("\0")
        elif child.tag != without:
            pieces += " " if child.tag == "p" else "", _flow(child).replace("\n", "\0")
        pieces.append(child.tail or "")
    lines = "".join(pieces).split("\0")
    return "\n".join(" ".join(line.split()) for line in lines)
